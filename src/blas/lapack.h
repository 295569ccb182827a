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

/* QR and LQ of a [m, n], which becomes the triangle and, beyond it, the vectors of min(m, n) reflections, whose factors
 * go to `factors`. */
int64_t bgi_lapack_geqrf_work(bg_dtype dtype, int64_t m, int64_t n);
int64_t bgi_lapack_geqrf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, void *factors, void *work,
                         int64_t work_count);
int64_t bgi_lapack_gelqf_work(bg_dtype dtype, int64_t m, int64_t n);
int64_t bgi_lapack_gelqf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, void *factors, void *work,
                         int64_t work_count);
/* k such reflections, the columns (orgqr, m >= n >= k) or rows (orglq, n >= m >= k) of a, become the first n columns or
 * m rows of their product, q [m, n]. */
int64_t bgi_lapack_orgqr_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k);
int64_t bgi_lapack_orgqr(bg_dtype dtype, int64_t m, int64_t n, int64_t k, void *a, int64_t lda, const void *factors,
                         void *work, int64_t work_count);
int64_t bgi_lapack_orglq_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k);
int64_t bgi_lapack_orglq(bg_dtype dtype, int64_t m, int64_t n, int64_t k, void *a, int64_t lda, const void *factors,
                         void *work, int64_t work_count);
/* c [m, n] becomes c · qᵀ, q [n, n] the product of k reflections in the rows of a [k, n]. */
int64_t bgi_lapack_ormlq_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k);
int64_t bgi_lapack_ormlq(bg_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                         const void *factors, void *c, int64_t ldc, void *work, int64_t work_count);

/* The singular values of a [m, n], descending, and the vectors: job 'N' none; 'S' the first min(m, n), u [m, k] and vt
 * [k, n]; 'A' all, u [m, m] and vt [n, n]. What a holds is lost. gesdd divides and conquers, with 8 min(m, n) integers
 * of 8 bytes beside work; gesvd iterates. info > 0: no convergence. */
int64_t bgi_lapack_gesdd_work(bg_dtype dtype, char job, int64_t m, int64_t n);
int64_t bgi_lapack_gesdd(bg_dtype dtype, char job, int64_t m, int64_t n, void *a, void *values, void *u, int64_t ldu,
                         void *vt, int64_t ldvt, void *work, int64_t work_count, void *integers);
int64_t bgi_lapack_gesvd_work(bg_dtype dtype, char job, int64_t m, int64_t n);
int64_t bgi_lapack_gesvd(bg_dtype dtype, char job, int64_t m, int64_t n, void *a, void *values, void *u, int64_t ldu,
                         void *vt, int64_t ldvt, void *work, int64_t work_count);

#endif
