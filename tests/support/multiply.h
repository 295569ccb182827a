/* Products in OpenBLAS on all workers of an engine. */
#ifndef BLASGRAD_TESTS_MULTIPLY_H
#define BLASGRAD_TESTS_MULTIPLY_H

#include "base/pool.h"
#include "blas/blas.h"

#include <stdlib.h>
#include <string.h>

enum { N = 96 };
typedef struct {
    float a[N * N], c[4][N * N];
} products;

static inline void multiply(void *context, int worker)
{
    products *p = context;
    for (int i = 0; i < 5; i++)
        bgi_blas_gemm_f32(false, true, N, N, N, p->a, N, p->a, N, p->c[worker], N);
}

/* Whether all workers get the bits of the first, which are right. */
static inline bool multiplies_right(bg_engine *engine)
{
    products *p = malloc(sizeof *p);
    if (!p)
        return false;
    for (int i = 0; i < N * N; i++)
        p->a[i] = (float)(i % 7 - 3);
    bgi_pool_run(engine->pool, multiply, p);
    bool is_right = true;
    for (int w = 1; w < engine->threads; w++)
        is_right = is_right && memcmp(p->c[w], p->c[0], sizeof p->c[0]) == 0;
    for (int i = 0; i < N; i++) {
        float sum = 0;
        for (int k = 0; k < N; k++)
            sum += p->a[k] * p->a[i * N + k];
        is_right = is_right && p->c[0][i] == sum; /* small integers: exact */
    }
    free(p);
    return is_right;
}

#endif
