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

/* ---- Workspaces ---- */

/* Where a query puts its answer, in the matrices' type. */
typedef union {
    double f64;
    float f32;
} number;
/* The optimum that LAPACK answered, but the least that it takes in case there is none; a float may have been rounded.
 */
static int64_t leave_query(session s, bg_dtype dtype, lapack_int info, const number *answer, int64_t least)
{
    double best = dtype == BG_F64 ? answer->f64 : (double)answer->f32 * (1 + 0x1p-23);
    leave(s, info);
    least = least > 1 ? least : 1;
    return info == 0 && best > (double)least ? (int64_t)best : least;
}

/* ---- QR and LQ ---- */

int64_t bgi_lapack_geqrf_work(bg_dtype dtype, int64_t m, int64_t n)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, geqrf, (lapack_int)m, (lapack_int)n, at, leading(m), at, at, -1);
    return leave_query(s, dtype, info, &answer, n);
}
int64_t bgi_lapack_geqrf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, void *factors, void *work,
                         int64_t work_count)
{
    session s = enter();
    return leave(
        s, LAPACK(dtype, geqrf, (lapack_int)m, (lapack_int)n, a, leading(lda), factors, work, (lapack_int)work_count));
}

int64_t bgi_lapack_orgqr_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, orgqr, (lapack_int)m, (lapack_int)n, (lapack_int)k, at, leading(m), at, at, -1);
    return leave_query(s, dtype, info, &answer, n);
}
int64_t bgi_lapack_orgqr(bg_dtype dtype, int64_t m, int64_t n, int64_t k, void *a, int64_t lda, const void *factors,
                         void *work, int64_t work_count)
{
    session s = enter();
    return leave(s, LAPACK(dtype, orgqr, (lapack_int)m, (lapack_int)n, (lapack_int)k, a, leading(lda), factors, work,
                           (lapack_int)work_count));
}

int64_t bgi_lapack_gelqf_work(bg_dtype dtype, int64_t m, int64_t n)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, gelqf, (lapack_int)m, (lapack_int)n, at, leading(m), at, at, -1);
    return leave_query(s, dtype, info, &answer, m);
}
int64_t bgi_lapack_gelqf(bg_dtype dtype, int64_t m, int64_t n, void *a, int64_t lda, void *factors, void *work,
                         int64_t work_count)
{
    session s = enter();
    return leave(
        s, LAPACK(dtype, gelqf, (lapack_int)m, (lapack_int)n, a, leading(lda), factors, work, (lapack_int)work_count));
}

int64_t bgi_lapack_orglq_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, orglq, (lapack_int)m, (lapack_int)n, (lapack_int)k, at, leading(m), at, at, -1);
    return leave_query(s, dtype, info, &answer, m);
}
int64_t bgi_lapack_orglq(bg_dtype dtype, int64_t m, int64_t n, int64_t k, void *a, int64_t lda, const void *factors,
                         void *work, int64_t work_count)
{
    session s = enter();
    return leave(s, LAPACK(dtype, orglq, (lapack_int)m, (lapack_int)n, (lapack_int)k, a, leading(lda), factors, work,
                           (lapack_int)work_count));
}

int64_t bgi_lapack_ormlq_work(bg_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, ormlq, 'R', 'T', (lapack_int)m, (lapack_int)n, (lapack_int)k, at, leading(k), at,
                             at, leading(m), at, -1);
    return leave_query(s, dtype, info, &answer, m);
}
int64_t bgi_lapack_ormlq(bg_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                         const void *factors, void *c, int64_t ldc, void *work, int64_t work_count)
{
    session s = enter();
    return leave(s, LAPACK(dtype, ormlq, 'R', 'T', (lapack_int)m, (lapack_int)n, (lapack_int)k, a, leading(lda),
                           factors, c, leading(ldc), work, (lapack_int)work_count));
}

/* ---- Singular values ---- */

int64_t bgi_lapack_gesdd_work(bg_dtype dtype, char job, int64_t m, int64_t n)
{
    number answer = { 0 };
    void *at = &answer;
    lapack_int unused = 0;
    session s = enter();
    lapack_int info = LAPACK(dtype, gesdd, job, (lapack_int)m, (lapack_int)n, at, leading(m), at, at, leading(m), at,
                             leading(n), at, -1, &unused);
    int64_t least = m < n ? m : n, most = m < n ? n : m;
    return leave_query(s, dtype, info, &answer, 4 * least * least + 7 * least + most);
}
int64_t bgi_lapack_gesdd(bg_dtype dtype, char job, int64_t m, int64_t n, void *a, void *values, void *u, int64_t ldu,
                         void *vt, int64_t ldvt, void *work, int64_t work_count, void *integers)
{
    session s = enter();
    return leave(s, LAPACK(dtype, gesdd, job, (lapack_int)m, (lapack_int)n, a, leading(m), values, u, leading(ldu), vt,
                           leading(ldvt), work, (lapack_int)work_count, integers));
}

int64_t bgi_lapack_gesvd_work(bg_dtype dtype, char job, int64_t m, int64_t n)
{
    number answer = { 0 };
    void *at = &answer;
    session s = enter();
    lapack_int info = LAPACK(dtype, gesvd, job, job, (lapack_int)m, (lapack_int)n, at, leading(m), at, at, leading(m),
                             at, leading(n), at, -1);
    int64_t least = m < n ? m : n, most = m < n ? n : m;
    return leave_query(s, dtype, info, &answer, 5 * least + most);
}
int64_t bgi_lapack_gesvd(bg_dtype dtype, char job, int64_t m, int64_t n, void *a, void *values, void *u, int64_t ldu,
                         void *vt, int64_t ldvt, void *work, int64_t work_count)
{
    session s = enter();
    return leave(s, LAPACK(dtype, gesvd, job, job, (lapack_int)m, (lapack_int)n, a, leading(m), values, u, leading(ldu),
                           vt, leading(ldvt), work, (lapack_int)work_count));
}
