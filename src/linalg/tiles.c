/* Recursion onto products: what is left of a factorisation or substitution are small triangles. */
#include "linalg/tiles.h"

#include <math.h>
#include <string.h>

enum { LEAF = 16 }; /* rows of the smallest triangle, whose substitution is a kernel's */

bgi_tiles bgi_tiles_of(const bg_call *call, void *scratch)
{
    const bg_engine *engine = call->node->graph->engine;
    return (bgi_tiles){ .kernels = bgi_call_kernels(call),
                        .dtype = call->node->dtype,
                        .size = bg_dtype_size(call->node->dtype),
                        .by_blas = engine->gemm == BG_GEMM_OPENBLAS || strcmp(engine->kernels->name, "scalar") == 0,
                        .scratch = scratch };
}

size_t bgi_tile_scratch(bg_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    return bgk_product_scratch(m, n, k) * bg_dtype_size(dtype);
}

void bgi_tiles_product(const bgi_tiles *t, int64_t m, int64_t n, int64_t k, bgi_tile a, bgi_tile b, void *c,
                       int64_t ldc)
{
    if (t->by_blas)
        bgi_blas_gemm(t->dtype, m, n, k, a.data, a.rows, a.columns, b.data, b.rows, b.columns, false, c, ldc);
    else
        t->kernels->product(m, n, k, a.data, a.rows, a.columns, b.data, b.rows, b.columns, c, ldc, t->scratch);
}

void bgi_tiles_subtract(const bgi_tiles *t, int64_t m, int64_t n, int64_t k, bgi_tile a, bgi_tile b, void *c,
                        int64_t ldc)
{
    if (t->by_blas)
        bgi_blas_gemm(t->dtype, m, n, k, a.data, a.rows, a.columns, b.data, b.rows, b.columns, true, c, ldc);
    else
        t->kernels->product_subtracted(m, n, k, a.data, a.rows, a.columns, b.data, b.rows, b.columns, c, ldc,
                                       t->scratch);
}

/* Half of k, in whole leaves. */
static int64_t half_of(int64_t k) { return (k / 2 + LEAF - 1) / LEAF * LEAF; }

static bgi_tile part_of(const bgi_tiles *t, bgi_tile a, int64_t i, int64_t j)
{
    a.data = bgi_const_at(a.data, i * a.rows + j * a.columns, t->size);
    return a;
}

void bgi_tiles_solve(const bgi_tiles *t, bool upper, bool is_unit, int64_t k, int64_t n, bgi_tile a, void *b,
                     int64_t ldb)
{
    if (k <= LEAF && !upper) {
        t->kernels->substitute(k, n, a.data, a.rows, a.columns, is_unit, b, ldb);
        return;
    }
    if (k <= LEAF) { /* lower, from the end */
        int64_t last = k - 1;
        t->kernels->substitute(k, n, part_of(t, a, last, last).data, -a.rows, -a.columns, is_unit,
                               bgi_at(b, last * ldb, t->size), -ldb);
        return;
    }
    int64_t h = half_of(k), rest = k - h;
    void *below = bgi_at(b, h * ldb, t->size);
    bgi_tile x = { b, ldb, 1 }, y = { below, ldb, 1 };
    if (upper) {
        bgi_tiles_solve(t, upper, is_unit, rest, n, part_of(t, a, h, h), below, ldb);
        bgi_tiles_subtract(t, h, n, rest, part_of(t, a, 0, h), y, b, ldb);
        bgi_tiles_solve(t, upper, is_unit, h, n, a, b, ldb);
    } else {
        bgi_tiles_solve(t, upper, is_unit, h, n, a, b, ldb);
        bgi_tiles_subtract(t, rest, n, h, part_of(t, a, h, 0), x, below, ldb);
        bgi_tiles_solve(t, upper, is_unit, rest, n, part_of(t, a, h, h), below, ldb);
    }
}

void bgi_tiles_system(const bgi_tiles *t, bgi_triangular how, int64_t rows, int64_t columns, const void *a, int64_t lda,
                      void *b, int64_t ldb, void *work)
{
    if (t->by_blas) {
        bgi_blas_trsm(t->dtype, how, rows, columns, a, lda, b, ldb);
        return;
    }
    bgi_tile op = bgi_tile_of(t, a, lda, 0, 0);
    bool turns = how.is_transposed != how.is_right, upper = how.is_upper != turns;
    op = turns ? bgi_turned(op) : op;
    if (!how.is_right) {
        bgi_tiles_solve(t, upper, how.is_unit, rows, columns, op, b, ldb);
        return;
    }
    /* Rows are independent of each other then: turned into columns they are vectors. */
    t->kernels->transpose(work, rows, b, ldb, columns, rows);
    bgi_tiles_solve(t, upper, how.is_unit, columns, rows, op, work, rows);
    t->kernels->transpose(b, ldb, work, rows, rows, columns);
}

/* Row by row: each is finished, and taken from those below. */
#define CHOLESKY_LEAF(type, square_root)                                                                               \
    static int64_t cholesky_leaf_##type(int64_t n, type *a, int64_t lda)                                               \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type *row = a + i * lda, pivot = row[i];                                                                   \
            if (!(pivot > 0))                                                                                          \
                return i + 1;                                                                                          \
            row[i] = square_root(pivot);                                                                               \
            for (int64_t j = i + 1; j < n; j++)                                                                        \
                row[j] /= row[i];                                                                                      \
            for (int64_t k = i + 1; k < n; k++)                                                                        \
                for (int64_t j = k; j < n; j++)                                                                        \
                    a[k * lda + j] -= row[k] * row[j];                                                                 \
        }                                                                                                              \
        return 0;                                                                                                      \
    }
CHOLESKY_LEAF(float, sqrtf)
CHOLESKY_LEAF(double, sqrt)

int64_t bgi_tiles_cholesky(const bgi_tiles *t, int64_t n, void *a, int64_t lda)
{
    if (n <= LEAF)
        return t->dtype == BG_F64 ? cholesky_leaf_double(n, a, lda) : cholesky_leaf_float(n, a, lda);
    int64_t h = half_of(n), rest = n - h, minor = bgi_tiles_cholesky(t, h, a, lda);
    if (minor != 0)
        return minor;
    bgi_tile u = bgi_tile_of(t, a, lda, 0, 0), right = bgi_tile_of(t, a, lda, 0, h);
    bgi_tiles_solve(t, false, false, h, rest, bgi_turned(u), bgi_tile_at(t, a, lda, 0, h), lda);
    bgi_tiles_subtract(t, rest, rest, h, bgi_turned(right), right, bgi_tile_at(t, a, lda, h, h), lda);
    minor = bgi_tiles_cholesky(t, rest, bgi_tile_at(t, a, lda, h, h), lda);
    return minor != 0 ? h + minor : 0;
}
