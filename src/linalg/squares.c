#include "linalg/squares.h"

#include "blas/blas.h"

#include <string.h>

bgi_squares bgi_squares_of(const bg_call *call, void *scratch)
{
    const bg_engine *engine = call->node->graph->engine;
    return (bgi_squares){ .kernels = bgi_call_kernels(call),
                          .dtype = call->node->dtype,
                          .n = bgi_matrices_of(call->node).columns,
                          .by_blas = engine->gemm == BG_GEMM_OPENBLAS || strcmp(engine->kernels->name, "scalar") == 0,
                          .scratch = scratch };
}

size_t bgi_squares_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).columns;
    return (bgk_product_scratch(n, n, n) * bg_dtype_size(node->dtype) + 63) / 64 * 64;
}

void bgi_squares_product(const bgi_squares *s, bgi_side of_x, const void *x, bgi_side of_y, const void *y, void *z)
{
    int64_t n = s->n, x_rows = of_x == BGI_TURNED ? 1 : n, y_rows = of_y == BGI_TURNED ? 1 : n;
    if (!s->by_blas)
        s->kernels->product(n, n, n, x, x_rows, n + 1 - x_rows, y, y_rows, n + 1 - y_rows, z, n, s->scratch);
    else if (s->dtype == BG_F64)
        bgi_blas_gemm_f64(of_x == BGI_TURNED, of_y == BGI_TURNED, n, n, n, x, n, y, n, z, n);
    else
        bgi_blas_gemm_f32(of_x == BGI_TURNED, of_y == BGI_TURNED, n, n, n, x, n, y, n, z, n);
}
