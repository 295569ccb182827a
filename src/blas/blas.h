/* OpenBLAS and LAPACKE, the only way to them. Matrices are row-major here. */
#ifndef BGI_BLAS_H
#define BGI_BLAS_H

#include <blasgrad/status.h>

#include <stdbool.h>
#include <stdint.h>

/* c[m, n] = a · b; with transpose_a, a is stored [k, m], with transpose_b, b is stored [n, k].
 * Leading dimensions count elements of a stored row. The dimensions were checked with bgi_blas_fits. k = 0 gives zeros.
 */
void bgi_blas_gemm_f32(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                       const float *b, int64_t ldb, float *c, int64_t ldc);
void bgi_blas_gemm_f64(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a,
                       int64_t lda, const double *b, int64_t ldb, double *c, int64_t ldc);
/* y[m] = a · x, a [m, n] of leading dimension lda (transpose: y[n] = aᵀ · x). */
void bgi_blas_gemv_f32(bool transpose, int64_t m, int64_t n, const float *a, int64_t lda, const float *x, int64_t incx,
                       float *y);
void bgi_blas_gemv_f64(bool transpose, int64_t m, int64_t n, const double *a, int64_t lda, const double *x,
                       int64_t incx, double *y);
/* Whether a dimension fits the integer of this BLAS. */
bool bgi_blas_fits(int64_t dimension);

/* Stand around every call into OpenBLAS and LAPACK. In a serial build, which two threads must not enter at once, the
 * calls are taken in turn; in an OpenMP build the calling thread's own thread count is one meanwhile; and where engines
 * have more threads than OpenBLAS has buffers, calls wait for one. leave gets what enter gave. */
typedef struct {
    int openmp_threads;
    bool is_counted;
} bgi_blas_call;
bgi_blas_call bgi_blas_enter(void);
void bgi_blas_leave(bgi_blas_call call);

/* The engines' hold on OpenBLAS's one thread-count setting: the first acquire sets it to one, the last release restores
 * it. threads: how many of the engine's threads may call at one time; OpenBLAS gets its memory for them here.
 * BG_ERR_NOMEM if there is none. */
bg_status bgi_blas_acquire(int threads);
void bgi_blas_release(int threads);
/* Makes the calling thread's first product, so that the first step finds OpenBLAS's memory and code in their caches. */
void bgi_blas_warm(void);
const char *bgi_blas_description(void);
const char *bgi_blas_core(void);
const char *bgi_blas_threading(void);
bool bgi_blas_is_serial(void);

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
/* Eigenvalues, ascending, and eigenvectors of a symmetric a [n, n], n >= 1 and finite, of which the upper triangle
 * counts; row i of a becomes the vector of values[i]. work holds as many elements as _work gives, and integers
 * that many of 8 bytes. Returns LAPACK's info. */
void bgi_lapack_eigen_work_f64(int64_t n, int64_t *work_count, int64_t *integer_count);
int64_t bgi_lapack_eigen_f64(int64_t n, double *a, double *values, double *work, int64_t work_count, void *integers,
                             int64_t integer_count);

#endif
