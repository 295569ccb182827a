/* LAPACK through LAPACKE's _work functions, column-major: they neither allocate, nor look for NaN, nor print for
 * arguments that are right. */
#include "blas/lapack.h"

#include "base/fp.h"
#include "blas/blas.h"

#include <lapacke.h>

#include <string.h>

/* A leading dimension is at least 1, even of a matrix without rows. */
static lapack_int leading(int64_t rows) { return (lapack_int)(rows > 1 ? rows : 1); }

/* Around each routine. */
typedef struct {
    bgi_blas_call call;
    bgi_fp_state state;
} session;
static session enter(void)
{
    session s = { bgi_blas_enter(), bgi_fp_get() };
    bgi_fp_set(bgi_fp_gradual());
    return s;
}
static int64_t leave(session s, lapack_int info)
{
    bgi_fp_set(s.state);
    bgi_blas_leave(s.call);
    return info;
}

/* A routine of the type, in columns. */
#define LAPACK(dtype, routine, ...)                                                                                    \
    ((dtype) == BG_F64 ? LAPACKE_d##routine##_work(LAPACK_COL_MAJOR, __VA_ARGS__)                                      \
                       : LAPACKE_s##routine##_work(LAPACK_COL_MAJOR, __VA_ARGS__))

int64_t bgi_lapack_potrf(bg_dtype dtype, bool is_upper, int64_t n, void *a, int64_t lda)
{
    session s = enter();
    return leave(s, LAPACK(dtype, potrf, is_upper ? 'U' : 'L', (lapack_int)n, a, leading(lda)));
}

int64_t bgi_lapack_potri(bg_dtype dtype, bool is_upper, int64_t n, void *a, int64_t lda)
{
    session s = enter();
    return leave(s, LAPACK(dtype, potri, is_upper ? 'U' : 'L', (lapack_int)n, a, leading(lda)));
}

/* LAPACK's pivots are written into the front of the numbers, which are as wide or wider, and spread from the last. */
int64_t bgi_lapack_getrf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, int64_t *pivots)
{
    session s = enter();
    int64_t info =
        leave(s, LAPACK(dtype, getrf, (lapack_int)m, (lapack_int)n, a, leading(lda), (lapack_int *)(void *)pivots));
    for (int64_t k = m < n ? m : n; k-- > 0;) {
        lapack_int pivot;
        memcpy(&pivot, (char *)pivots + (size_t)k * sizeof pivot, sizeof pivot);
        pivots[k] = (int64_t)pivot - 1;
    }
    return info;
}

int64_t bgi_lapack_gesv(bg_dtype dtype, int64_t n, int64_t r, void *a, void *b, void *pivots)
{
    session s = enter();
    return leave(s, LAPACK(dtype, gesv, (lapack_int)n, (lapack_int)r, a, leading(n), pivots, b, leading(n)));
}

void bgi_lapack_syevd_work(bg_dtype dtype, int64_t n, int64_t *work_count, int64_t *integer_count)
{
    double wide = 0;
    float narrow = 0;
    void *count = dtype == BG_F64 ? (void *)&wide : (void *)&narrow;
    double unused = 0;
    lapack_int integers = 0;
    session s = enter();
    int64_t info = leave(s, LAPACK(dtype, syevd, 'V', 'L', (lapack_int)n, (void *)&unused, leading(n), (void *)&unused,
                                   count, -1, &integers, -1));
    /* The least that LAPACK takes, in case the optimum is not known or was rounded in a float. */
    int64_t least = 1 + 6 * n + 2 * n * n, least_integers = 3 + 5 * n;
    int64_t best = info == 0 ? (int64_t)(dtype == BG_F64 ? wide : (double)narrow) : 0;
    *work_count = best > least ? best : least;
    *integer_count = info == 0 && integers > least_integers ? integers : least_integers;
}

/* The lower triangle of columns is the upper one of rows, and vectors in columns are rows. */
int64_t bgi_lapack_syevd(bg_dtype dtype, bool is_upper, int64_t n, void *a, void *values, void *work,
                         int64_t work_count, void *integers, int64_t integer_count)
{
    session s = enter();
    return leave(s, LAPACK(dtype, syevd, 'V', is_upper ? 'L' : 'U', (lapack_int)n, a, leading(n), values, work,
                           (lapack_int)work_count, integers, (lapack_int)integer_count));
}

#define GELS_FUNCTIONS(suffix, letter, type)                                                                           \
    int64_t bgi_lapack_gels_work_##suffix(int64_t m, int64_t n, int64_t r)                                             \
    {                                                                                                                  \
        type unused = 0, count = 1;                                                                                    \
        bgi_blas_call call = bgi_blas_enter();                                                                         \
        lapack_int info =                                                                                              \
            LAPACKE_##letter##gels_work(LAPACK_COL_MAJOR, 'N', (lapack_int)m, (lapack_int)n, (lapack_int)r, &unused,   \
                                        leading(m), &unused, leading(m), &count, -1);                                  \
        bgi_blas_leave(call);                                                                                          \
        /* The least that LAPACK takes, in case the optimum is not known or was rounded in a float. */                 \
        int64_t smaller = m < n ? m : n, larger = smaller > r ? smaller : r;                                           \
        int64_t least = smaller + larger > 1 ? smaller + larger : 1;                                                   \
        int64_t best = info == 0 ? (int64_t)count : 0;                                                                 \
        return best > least ? best : least;                                                                            \
    }                                                                                                                  \
    int64_t bgi_lapack_gels_##suffix(int64_t m, int64_t n, int64_t r, type *a, type *b, type *work,                    \
                                     int64_t work_count)                                                               \
    {                                                                                                                  \
        bgi_blas_call call = bgi_blas_enter();                                                                         \
        lapack_int info =                                                                                              \
            LAPACKE_##letter##gels_work(LAPACK_COL_MAJOR, 'N', (lapack_int)m, (lapack_int)n, (lapack_int)r, a,         \
                                        leading(m), b, leading(m), work, (lapack_int)work_count);                      \
        bgi_blas_leave(call);                                                                                          \
        return info;                                                                                                   \
    }

GELS_FUNCTIONS(f32, s, float)
GELS_FUNCTIONS(f64, d, double)

/* The first n elements of the workspace hold the factors of Householder's reflections. */
int64_t bgi_lapack_qr_work_f64(int64_t m, int64_t n)
{
    double unused = 0, factor = 1, product = 1;
    bgi_blas_call call = bgi_blas_enter();
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n;
    lapack_int info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, rows, columns, &unused, leading(m), &unused, &factor, -1);
    if (info == 0)
        info =
            LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, rows, columns, columns, &unused, leading(m), &unused, &product, -1);
    bgi_blas_leave(call);
    double best = info != 0 ? 0 : factor > product ? factor : product;
    return n + (best > (double)n ? (int64_t)best : n);
}

int64_t bgi_lapack_qr_f64(int64_t m, int64_t n, double *a, double *diagonal, double *work, int64_t work_count)
{
    double *reflections = work, *rest = work + n;
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n, rest_count = (lapack_int)(work_count - n);
    bgi_blas_call call = bgi_blas_enter();
    lapack_int info =
        LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, rows, columns, a, leading(m), reflections, rest, rest_count);
    for (int64_t i = 0; i < n; i++)
        diagonal[i] = a[i * m + i];
    if (info == 0)
        info =
            LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, rows, columns, columns, a, leading(m), reflections, rest, rest_count);
    bgi_blas_leave(call);
    return info;
}
