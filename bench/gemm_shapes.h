/* Sizes of matrix products that are worth measuring. */
#ifndef GEMM_SHAPES_H
#define GEMM_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* y [m, n] = x · w, row-major; x is stored [k, m] where it is transposed, w [n, k]. */
typedef struct {
    const char *from; /* "deepbench", or a workload */
    int64_t m, n, k;
    bool transposes_x, transposes_w;
} gemm_shape;

/* All of them: the products of the workloads' layers (forward, gradient of the input where something wants it, gradient
 * of the weight), then the training set of DeepBench. Stores up to capacity of them and returns how many there are. */
size_t gemm_shapes(gemm_shape *shapes, size_t capacity);

#endif
