/* Runs of programs of linear algebra, symmetric matrices, and errors by LAPACK's ratios. */
#ifndef BLASGRAD_TESTS_SUPPORT_EIGEN_H
#define BLASGRAD_TESTS_SUPPORT_EIGEN_H

#include <blasgrad/blasgrad.h>

#include "matrices.h"

/* Makes outputs of inputs, and returns how many, at most 4. */
typedef int eigen_build(bg_node *const *x, bg_node **outputs);
/* A program with one input for each tensor, at most 2, and what came of one run. */
typedef struct {
    bg_graph *graph;
    bg_program *program;
    bg_status status;
} eigen_ran;
eigen_ran eigen_run(bg_engine *engine, eigen_build *build, bg_tensor *const *inputs, int n);
void eigen_end(eigen_ran *r);
double *eigen_output(const eigen_ran *r, size_t i); /* to be freed */

/* Batches of square matrices on all ways to decompose them. */
enum { EIGEN_SIZES = 25 };
typedef struct {
    int64_t batch, n;
} eigen_size;
extern const eigen_size eigen_sizes[EIGEN_SIZES];
static const bg_dtype eigen_types[] = { BG_F32, BG_F64 };

/* For messages. */
typedef struct {
    char text[96];
} eigen_name;
eigen_name eigen_label(const char *what, int size, bg_dtype dtype, matrix_kind kind);

/* error <= 30 n · of · epsilon */
void expect_ratio(const char *name, int64_t n, bg_dtype dtype, double error, double of);

/* Square matrices: v · diag(w), the transpose, the product. */
void scale_columns(const double *v, const double *w, double *y, int64_t n);
void transpose_square(const double *x, double *y, int64_t n);
void multiply_squares(const double *x, const double *y, double *z, int64_t n);
/* ‖x · y - a‖; a NULL is the identity. */
double product_error(const double *x, const double *y, const double *a, int64_t n);
double *numbers_for(int64_t count); /* to be freed */

/* On the trials' engine with one thread. Symmetric matrices, of which what is not in the triangle is NaN in the tensor;
 * and positive definite ones, d · (1 + small) · d with d of powers of two. The numbers are to be freed. */
bg_tensor *symmetric_batch(bg_dtype dtype, int size, matrix_kind kind, bool upper, double **full);
bg_tensor *definite_batch(bg_dtype dtype, int size, matrix_kind kind, double **values);

#endif
