/* How matrices are decomposed: small ones of a batch side by side, others by LAPACK. */
#include "linalg/eigen.h"

#include "blas/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* LAPACK is faster for larger matrices, where those side by side leave the cache, and for too few to fill vectors. */
enum { SMALL_ORDER = 32, SMALL_ORDER_F64 = 24, SMALL_BATCH = 4 };
static bool is_small(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    return m.rows <= (node->dtype == BG_F64 ? SMALL_ORDER_F64 : SMALL_ORDER) && m.batch >= SMALL_BATCH;
}

int64_t bgi_eigen_grain(const bg_node *node) { return is_small(node) ? BGK_LANES : 0; }

/* ---- LAPACK ---- */

/* Its work, in elements of the type and in 8 bytes. */
typedef struct {
    int64_t elements, integers;
    size_t integers_at;
} workspace;
static workspace workspace_of(const bg_node *node)
{
    workspace w = { 0 };
    int64_t n = bgi_matrices_of(node->inputs[0]).rows;
    if (n > 0)
        bgi_lapack_syevd_work(node->dtype, n, &w.elements, &w.integers);
    w.integers_at = bgi_aligned((size_t)w.elements * bg_dtype_size(node->dtype));
    return w;
}
/* Matrices first .. last - 1, up to one that fails. */
static int64_t by_lapack(const bg_call *call, bool is_upper, int64_t first, int64_t last)
{
    bg_dtype dtype = call->node->dtype;
    int64_t n = bgi_eigen_order(call->node);
    size_t size = bg_dtype_size(dtype);
    workspace w = workspace_of(call->node);
    void *integers = bgi_at(call->scratch, 1, w.integers_at);
    for (int64_t i = first; i < last; i++) {
        void *values = bgi_output_at(call, i, n * (n + 1)), *rows = bgi_at(values, n, size);
        memcpy(rows, bgi_input_at(call, 0, i, n * n), (size_t)(n * n) * size);
        if (bgi_lapack_syevd(dtype, is_upper, n, rows, values, call->scratch, w.elements, integers, w.integers) != 0)
            return i;
    }
    return last;
}

/* ---- Side by side ---- */

#define LANES(type, epsilon, power, exponent_of)                                                                       \
    /* One matrix into its lane, by a power of two that makes its largest element 1, which is returned. */             \
    static int put_##type(int64_t n, const type *a, bool is_upper, type *lane)                                         \
    {                                                                                                                  \
        type largest = 0;                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j <= i; j++) {                                                                         \
                type x = is_upper ? a[j * n + i] : a[i * n + j];                                                       \
                lane[(i * n + j) * BGK_LANES] = x;                                                                     \
                largest = x > largest ? x : -x > largest ? -x : largest;                                               \
            }                                                                                                          \
        int k = 0;                                                                                                     \
        exponent_of(largest, &k);                                                                                      \
        type scale = power(1, -k / 2), rest = power(1, -k - -k / 2);                                                   \
        for (int64_t i = 0; i < n && k != 0; i++)                                                                      \
            for (int64_t j = 0; j <= i; j++)                                                                           \
                lane[(i * n + j) * BGK_LANES] = lane[(i * n + j) * BGK_LANES] * scale * rest;                          \
        return k;                                                                                                      \
    }                                                                                                                  \
    /* Values in ascending order and their vectors; of equal ones the first stays first. Adding 0 takes the sign of a  \
     * 0 away, which other lanes may have changed. */                                                                  \
    static void take_##type(int64_t n, int k, const type *lane, const type *vectors, type *values, type *rows)         \
    {                                                                                                                  \
        int order[SMALL_ORDER];                                                                                        \
        type scale = power(1, k / 2), rest = power(1, k - k / 2);                                                      \
        for (int i = 0; i < n; i++) {                                                                                  \
            type value = lane[(i * n + i) * BGK_LANES] * scale * rest + 0;                                             \
            int at = i;                                                                                                \
            for (; at > 0 && values[at - 1] > value; at--) {                                                           \
                values[at] = values[at - 1];                                                                           \
                order[at] = order[at - 1];                                                                             \
            }                                                                                                          \
            values[at] = value;                                                                                        \
            order[at] = i;                                                                                             \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < n; j++)                                                                            \
                rows[i * n + j] = vectors[(order[i] * n + j) * BGK_LANES] + 0;                                         \
    }                                                                                                                  \
    /* What does not converge, which has not been seen yet, LAPACK tries too. */                                       \
    static int64_t side_by_side_##type(const bg_call *call, bool is_upper, int64_t count)                              \
    {                                                                                                                  \
        int64_t n = bgi_eigen_order(call->node), group = n * n * BGK_LANES;                                            \
        const type *a = call->inputs[0];                                                                               \
        type *packed = call->output, *lanes = call->scratch, *vectors = lanes + group;                                 \
        for (int64_t first = 0; first < count; first += BGK_LANES) {                                                   \
            int exponents[BGK_LANES];                                                                                  \
            int64_t most = bgi_least(count - first, BGK_LANES);                                                        \
            memset(lanes, 0, (size_t)group * sizeof *lanes);                                                           \
            for (int64_t i = 0; i < most; i++)                                                                         \
                exponents[i] = put_##type(n, a + (first + i) * n * n, is_upper, lanes + i);                            \
            if (!bgi_call_kernels(call)->lockstep_eigen(n, most, lanes, vectors, (double)epsilon / 8)) {               \
                int64_t found = by_lapack(call, is_upper, first, first + most);                                        \
                if (found < first + most)                                                                              \
                    return found;                                                                                      \
                continue;                                                                                              \
            }                                                                                                          \
            for (int64_t i = 0; i < most; i++) {                                                                       \
                type *values = packed + (first + i) * n * (n + 1);                                                     \
                take_##type(n, exponents[i], lanes + i, vectors + i, values, values + n);                              \
            }                                                                                                          \
        }                                                                                                              \
        return count;                                                                                                  \
    }
LANES(float, FLT_EPSILON, ldexpf, frexpf)
LANES(double, DBL_EPSILON, ldexp, frexp)

size_t bgi_eigen_scratch(const bg_node *node)
{
    int64_t n = bgi_eigen_order(node);
    workspace w = workspace_of(node);
    size_t lapack = w.integers_at + (size_t)w.integers * sizeof(int64_t);
    size_t lanes = (size_t)(2 * n * n * BGK_LANES) * bg_dtype_size(node->dtype);
    return is_small(node) && lanes > lapack ? lanes : lapack;
}
int64_t bgi_eigen_decompose(const bg_call *call, bool is_upper, int64_t count)
{
    if (!is_small(call->node))
        return by_lapack(call, is_upper, 0, count);
    return call->node->dtype == BG_F64 ? side_by_side_double(call, is_upper, count)
                                       : side_by_side_float(call, is_upper, count);
}
