/* Batches of matrices to factorise, and residuals as the testers of LAPACK define them: errors by what rounding may
 * make of them, at most 30. */
#ifndef BLASGRAD_TESTS_SUPPORT_MATRICES_H
#define BLASGRAD_TESTS_SUPPORT_MATRICES_H

#include <blasgrad/blasgrad.h>

#define RATIO_MOST 30.0

typedef enum {
    MATRIX_RANDOM,
    MATRIX_SCALED,          /* rows and columns by powers of two */
    MATRIX_NEARLY_SINGULAR, /* the least singular value about n · epsilon */
    MATRIX_HUGE,            /* 1e36 of f32, 1e300 of f64 */
    MATRIX_TINY,            /* 1e-30 and 1e-290: of what is flushed to 0, all is within rounding of the largest */
    MATRIX_ZERO,
    MATRIX_KINDS
} matrix_kind;
extern const char *const matrix_kind_names[];

/* [batch, m, n] of a kind: the same numbers on every machine. */
bg_tensor *matrix_batch(bg_engine *engine, bg_dtype dtype, int64_t batch, int64_t m, int64_t n, matrix_kind kind);
/* A tensor's elements as f64; to be freed. */
double *matrix_values(const bg_tensor *tensor);
double matrix_epsilon(bg_dtype dtype);

/* The largest sum of magnitudes in a column of x [m, n]. */
double matrix_norm_1(const double *x, int64_t m, int64_t n);
/* That of x · y - a, x [m, k], y [k, n]. */
double matrix_error_1(const double *x, const double *y, const double *a, int64_t m, int64_t k, int64_t n);
/* That of xᵀ · x - 1, x [m, n]. */
double matrix_not_orthogonal(const double *x, int64_t m, int64_t n);

#endif
