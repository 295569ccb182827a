/* LU factors of many small matrices, and what is solved with them. */
#include "linalg/lu_matrix.h"
#include "linalg/small.h"

#include <string.h>

size_t bgi_small_lu_scratch(bg_dtype dtype, int64_t m, int64_t n)
{
    return (size_t)(bgi_small_matrix(m, n) + bgi_small_matrix(1, m)) * bg_dtype_size(dtype);
}

void bgi_small_lu(const bgi_small_group *g, int64_t m, int64_t n, const void *a, void *packed, void *scratch)
{
    size_t size = bg_dtype_size(g->dtype);
    void *order = bgi_at(scratch, bgi_small_matrix(m, n), size);
    bgi_small_take(g, m, n, m * n, a, scratch);
    g->kernels->lockstep_lu(m, n, scratch, bgi_small_row(n), BGK_LANES, order);
    if (bgi_small_matrix(m, n) == bgi_small_elements(m * n)) { /* the order follows the factors there too */
        bgi_small_give(g, 1, m * n + m, m * n + m, scratch, packed);
        return;
    }
    bgi_small_give(g, m, n, m * n + m, scratch, packed);
    bgi_small_give(g, 1, m, m * n + m, order, bgi_at(packed, m * n, size));
}

size_t bgi_small_lu_solve_scratch(bg_dtype dtype, int64_t n, int64_t r)
{
    return bgi_small_apply_scratch(dtype, n, r) + (size_t)bgi_small_elements(n * r) * bg_dtype_size(dtype);
}

/* Row i of y is row order[i] of x; is_back: row order[i] of y is row i of x. */
static void permute(const bgi_small_group *g, int64_t n, int64_t r, const void *packed, bool is_back, const void *x,
                    void *y)
{
    size_t size = bg_dtype_size(g->dtype), row = (size_t)r * size;
    for (int64_t i = 0; i < g->matrices; i++) {
        const void *factors = bgi_const_at(packed, i * (n * n + n), size);
        for (int64_t k = 0; k < n; k++) {
            int64_t at = bgi_lu_order_at(g->dtype, factors, n * n, k);
            memcpy(bgi_at(y, i * n + (is_back ? at : k), row), bgi_const_at(x, i * n + (is_back ? k : at), row), row);
        }
    }
}

/* x with (lower · upper) · x = b, or with the transpose of the product; it may be b. */
static void substitute(const bgi_small_group *g, int64_t n, int64_t r, const void *packed, bool is_transposed,
                       const void *b, void *x, void *scratch)
{
    bgi_triangular lower = { .is_unit = true, .is_transposed = is_transposed };
    bgi_triangular upper = { .is_upper = true, .is_transposed = is_transposed };
    bgi_small_apply(g, is_transposed ? (bgi_triangular[]){ upper, lower } : (bgi_triangular[]){ lower, upper }, n, r,
                    n * n + n, packed, b, x, scratch);
}

void bgi_small_lu_solve(const bgi_small_group *g, int64_t n, int64_t r, const void *packed, bool is_transposed,
                        const void *b, void *x, void *scratch)
{
    if (!is_transposed) {
        permute(g, n, r, packed, false, b, x);
        substitute(g, n, r, packed, false, x, x, scratch);
        return;
    }
    void *rows = (char *)scratch + bgi_small_apply_scratch(g->dtype, n, r);
    substitute(g, n, r, packed, true, b, rows, scratch);
    permute(g, n, r, packed, true, rows, x);
}

void bgi_small_lu_invert(const bgi_small_group *g, int64_t n, const void *packed, void *x, void *scratch)
{
    size_t size = bg_dtype_size(g->dtype);
    memset(x, 0, (size_t)(g->matrices * n * n) * size);
    for (int64_t i = 0; i < g->matrices; i++) {
        const void *factors = bgi_const_at(packed, i * (n * n + n), size);
        for (int64_t k = 0; k < n; k++)
            bgi_put_float(x, g->dtype, i * n * n + k * n + bgi_lu_order_at(g->dtype, factors, n * n, k), 1);
    }
    substitute(g, n, n, packed, false, x, x, scratch);
}
