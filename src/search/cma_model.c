/* The covariance of CMA-ES, full or diagonal. */
#include "search/cma.h"

#include "blas/blas.h"
#include "blas/lapack.h"

#include <math.h>

/* 2 GiB a matrix, of which there are five with LAPACK's work: beyond, a generation takes minutes, and what the system
 * promises of memory it may not have. */
enum { FULL_MOST = 1 << 14 };

bg_status bgi_cma_model_make(bgi_cma_model *m, bg_search *s, bool is_diagonal)
{
    int64_t n = s->n;
    *m = (bgi_cma_model){ .n = n, .is_diagonal = is_diagonal };
    if (!is_diagonal && n > FULL_MOST)
        return bg_fail(
            BG_ERR_ARGUMENT,
            "cmaes: %lld dimensions need matrices of %.3g numbers; it takes at most %d, sep-cmaes any number",
            (long long)n, (double)n * (double)n, FULL_MOST);
    m->c = bgi_search_numbers(s, is_diagonal ? n : n * n);
    m->lengths = bgi_search_numbers(s, n);
    if (!m->c || !m->lengths)
        return BG_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        m->c[is_diagonal ? i : i * n + i] = m->lengths[i] = 1;
    if (is_diagonal)
        return BG_OK;
    m->axes = bgi_search_numbers(s, n * n);
    m->spare = bgi_search_numbers(s, n * n);
    bgi_lapack_syevd_work(BG_F64, n, &m->work_count, &m->integer_count);
    m->work = bgi_search_numbers(s, m->work_count + n);
    m->integers = bgi_arena_push(&s->state_arena, (size_t)m->integer_count * sizeof(int64_t));
    if (!m->axes || !m->spare || !m->work || !m->integers)
        return BG_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        m->axes[i * n + i] = 1;
    return BG_OK;
}

static bool is_finite_matrix(const double *a, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(a[i]))
            return false;
    return true;
}

static bool decompose_diagonal(bgi_cma_model *m)
{
    for (int64_t i = 0; i < m->n; i++)
        if (!(m->c[i] > 0) || !isfinite(m->c[i]))
            return false;
    for (int64_t i = 0; i < m->n; i++)
        m->lengths[i] = sqrt(m->c[i]);
    return true;
}

bool bgi_cma_model_decompose(bgi_cma_model *m)
{
    if (m->is_diagonal)
        return decompose_diagonal(m);
    int64_t n = m->n;
    if (!is_finite_matrix(m->c, n * n))
        return false;
    for (int64_t i = 0; i < n * n; i++)
        m->spare[i] = m->c[i];
    double *values = m->work + m->work_count;
    int64_t info =
        bgi_lapack_syevd(BG_F64, true, n, m->spare, values, m->work, m->work_count, m->integers, m->integer_count);
    if (info != 0 || !(values[0] > 0) || !isfinite(values[n - 1]))
        return false;
    double *axes = m->spare;
    m->spare = m->axes;
    m->axes = axes;
    for (int64_t i = 0; i < n; i++)
        m->lengths[i] = sqrt(values[i]);
    return true;
}

void bgi_cma_model_transform(const bgi_cma_model *m, const double *z, int64_t rows, double *y)
{
    int64_t n = m->n;
    /* y = Σ z_i length_i axis_i */
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            m->spare[i * n + j] = m->lengths[i] * m->axes[i * n + j];
    bgi_blas_gemm_f64(false, false, rows, n, n, z, n, m->spare, n, y, n);
}

void bgi_cma_model_whiten(const bgi_cma_model *m, const double *x, double *rest, double *whitened)
{
    int64_t n = m->n;
    if (m->is_diagonal) {
        for (int64_t i = 0; i < n; i++)
            whitened[i] = x[i] / m->lengths[i];
        return;
    }
    bgi_blas_gemv_f64(false, n, n, m->axes, n, x, 1, rest);
    for (int64_t i = 0; i < n; i++)
        rest[i] /= m->lengths[i];
    bgi_blas_gemv_f64(true, n, n, m->axes, n, rest, 1, whitened);
}

void bgi_cma_model_update(bgi_cma_model *m, double keep, const double *weights, const double *y, int64_t rows,
                          double *scaled)
{
    int64_t n = m->n;
    for (int64_t k = 0; k < rows; k++)
        for (int64_t i = 0; i < n; i++)
            scaled[k * n + i] = weights[k] * y[k * n + i];
    bgi_blas_gemm_f64(true, false, n, n, rows, scaled, n, y, n, m->spare, n);
    for (int64_t i = 0; i < n * n; i++)
        m->c[i] = keep * m->c[i] + m->spare[i];
}

double bgi_cma_model_variance(const bgi_cma_model *m, int64_t i) { return m->c[m->is_diagonal ? i : i * m->n + i]; }
