/* OpenBLAS and LAPACKE, the only way to them. Matrices are row-major here. */
#ifndef BGI_BLAS_H
#define BGI_BLAS_H

#include <blasgrad/tensor.h>

#include <stdbool.h>
#include <stdint.h>

/* c[m, n] = a · b; with transpose_a, a is stored [k, m], with transpose_b, b is stored [n, k].
 * Leading dimensions count elements of a stored row. The dimensions were checked with bgi_blas_fits. k = 0 gives zeros.
 */
void bgi_blas_gemm_f32(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                       const float *b, int64_t ldb, float *c, int64_t ldc);
void bgi_blas_gemm_f64(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a,
                       int64_t lda, const double *b, int64_t ldb, double *c, int64_t ldc);
/* c[m, n] = a · b, or with `subtracts` c - a · b in place of c: element (i, p) of a is a[i * a_rows + p * a_cols],
 * likewise b; one stride of each is 1. f32 or f64. */
void bgi_blas_gemm(bg_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_rows, int64_t a_cols,
                   const void *b, int64_t b_rows, int64_t b_cols, bool subtracts, void *c, int64_t ldc);
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
/* An OpenBLAS that is older than the processor may take it for one without AVX2. The core to name to it in place of
 * that, given whether the processor has AVX-512 or just AVX2; NULL if what it chose serves. */
const char *bgi_blas_faster_core(bool has_avx512);
const char *bgi_blas_threading(void);
bool bgi_blas_is_serial(void);

/* x with op(a) · x = b in place of b [m, n], or with is_right x · op(a) = b; a is triangular, [m, m] or [n, n], op(a)
 * is a or aᵀ, and its diagonal counts as ones with is_unit. f32 or f64. */
typedef struct {
    bool is_upper, is_transposed, is_unit, is_right;
} bgi_triangular;
void bgi_blas_trsm(bg_dtype dtype, bgi_triangular how, int64_t m, int64_t n, const void *a, int64_t lda, void *b,
                   int64_t ldb);

#endif
