/* LU of one matrix, row-major, f32 or f64: the factors, and what is computed from them. Elements are finite, and the
 * floating-point state is IEEE 754's. */
#ifndef BGI_LU_MATRIX_H
#define BGI_LU_MATRIX_H

#include "linalg/tiles.h"

/* order [m] is the permutation: row i of lower · upper is row order[i] of a. a [m, n] becomes both factors; the ones on
 * the diagonal of `lower` are not stored. work holds so many bytes, a multiple of 64; t's scratch serves m x n products
 * of depth min(m, n), here and of n x r below. */
size_t bgi_lu_work(bg_dtype dtype, int64_t m, int64_t n);
void bgi_lu_factor(const bgi_tiles *t, int64_t m, int64_t n, void *a, int64_t *order, void *work);

/* Packed: the factors [m, n], then the order [m] as numbers. Integers up to this one are numbers of the type. */
static inline int64_t bgi_lu_most_rows(bg_dtype dtype) { return dtype == BG_F64 ? INT64_C(1) << 53 : 1 << 24; }
/* order[i], behind factors of so many elements. */
static inline int64_t bgi_lu_order_at(bg_dtype dtype, const void *packed, int64_t elements, int64_t i)
{
    return (int64_t)bgi_float_at(packed, dtype, elements + i);
}

/* The first row whose pivot is 0; n if none is. packed is of a square matrix, here and below. */
int64_t bgi_lu_zero_pivot(bg_dtype dtype, int64_t n, const void *packed);
/* x with a · x = b, or aᵀ · x = b; [n, r]. No pivot is 0. work holds so many bytes, a multiple of 64. */
void bgi_lu_solve(const bgi_tiles *t, int64_t n, int64_t r, const void *packed, bool is_transposed, const void *b,
                  void *x, void *work);
size_t bgi_lu_solve_work(bg_dtype dtype, int64_t n, int64_t r, bool is_transposed);
/* a⁻¹ [n, n] */
void bgi_lu_invert(const bgi_tiles *t, int64_t n, const void *packed, void *x);

/* fraction · 2^exponent; ½ <= |fraction| < 1, or 0. */
typedef struct {
    double fraction;
    int64_t exponent;
} bgi_scaled;
double bgi_scaled_value(bgi_scaled x);
/* scratch: n bytes. */
bgi_scaled bgi_lu_determinant(bg_dtype dtype, int64_t n, const void *packed, void *scratch);
/* The determinants of a without a row and a column, with their signs: the derivative of det a. For any a. */
void bgi_lu_cofactors(const bgi_tiles *t, int64_t n, const void *a, const void *packed, void *y, void *work);
size_t bgi_lu_cofactors_work(int64_t n);

#endif
