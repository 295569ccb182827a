/* LAPACK. Its matrices are column-major; a row-major matrix is the transpose of one, and where that serves, comments
 * say so. dtype is f32 or f64. Arguments were checked, elements are finite, and the floating-point state is IEEE 754's
 * meanwhile. Everything returns LAPACK's info; work is counted in elements. */
#ifndef BGI_LAPACK_H
#define BGI_LAPACK_H

#include <blasgrad/tensor.h>

#include <stdbool.h>

/* The factor of a symmetric positive definite a in its triangle; info k: the leading minor of order k is not positive.
 */
int64_t bgi_lapack_potrf(bg_dtype dtype, bool is_upper, int64_t n, void *a, int64_t lda);

/* The inverse of a symmetric positive definite matrix, of which a is that factor, in the same triangle. */
int64_t bgi_lapack_potri(bg_dtype dtype, bool is_upper, int64_t n, void *a, int64_t lda);

/* The factors of a column-major a [m, n] in its place, with partial pivoting; pivots gets, for each column k counted
 * from 0, the row that row k was exchanged with. pivots holds min(m, n) numbers. info k: the pivot k, from 1, is 0. */
int64_t bgi_lapack_getrf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, int64_t *pivots);
/* x with a · x = b in place of a column-major b [n, r]; a [n, n] becomes its factors. pivots holds n numbers of 8
 * bytes. info k: the pivot k, from 1, is 0. */
int64_t bgi_lapack_gesv(bg_dtype dtype, int64_t n, int64_t r, void *a, void *b, void *pivots);

/* Eigenvalues, ascending, and eigenvectors of a symmetric row-major a [n, n], n >= 1, read in one triangle; row i of a
 * becomes the vector of values[i]. work holds as many elements as _work gives, and integers that many of 8 bytes; both
 * fit LAPACK's integer where 4 (n + 8)² does. info > 0: no convergence. */
void bgi_lapack_syevd_work(bg_dtype dtype, int64_t n, int64_t *work_count, int64_t *integer_count);
int64_t bgi_lapack_syevd(bg_dtype dtype, bool is_upper, int64_t n, void *a, void *values, void *work,
                         int64_t work_count, void *integers, int64_t integer_count);

/* Least squares on column-major copies: a [m, n] (lda m), b [m, r] (ldb m); the solution replaces the first n rows of
 * b. work holds bgi_lapack_gels_work(...) elements. Returns LAPACK's info. Arguments were checked. */
int64_t bgi_lapack_gels_work_f64(int64_t m, int64_t n, int64_t r);
int64_t bgi_lapack_gels_f64(int64_t m, int64_t n, int64_t r, double *a, double *b, double *work, int64_t work_count);
int64_t bgi_lapack_gels_work_f32(int64_t m, int64_t n, int64_t r);
int64_t bgi_lapack_gels_f32(int64_t m, int64_t n, int64_t r, float *a, float *b, float *work, int64_t work_count);
/* QR decomposition of a column-major a [m, n], m >= n >= 1, which becomes Q; diagonal gets that of R. work holds
 * bgi_lapack_qr_work_f64(m, n) elements. Returns LAPACK's info. */
int64_t bgi_lapack_qr_work_f64(int64_t m, int64_t n);
int64_t bgi_lapack_qr_f64(int64_t m, int64_t n, double *a, double *diagonal, double *work, int64_t work_count);

#endif
