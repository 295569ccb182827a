/* Triangles of square matrices as the gradients of factorisations need them. */
#include "linalg/matrices.h"

#include <string.h>

/* half_lower: Φ(x), its own transpose */
static bg_node *half_lower_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return bgi_half_lower(dy);
}
static bg_status half_lower_call(const bg_call *call)
{
    int64_t n = bgi_matrices_of(call->node).rows;
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype);
    for (int64_t k = 0; k < (call->last - call->first) * n; k++) {
        int64_t row = k % n;
        char *to = bgi_at(call->output, k * n, size);
        memcpy(to, bgi_const_at(call->inputs[0], k * n, size), (size_t)row * size);
        bgi_put_float(to, dtype, row, 0.5 * bgi_float_at(call->inputs[0], dtype, k * n + row));
        memset(to + (size_t)(row + 1) * size, 0, (size_t)(n - row - 1) * size);
    }
    return BG_OK;
}
static const bg_op half_lower_op = { .name = "half_lower",
                                     .arity = 1,
                                     .infer = bgi_infer_map,
                                     .gradient = half_lower_gradient,
                                     .call = half_lower_call,
                                     .units = bgi_matrix_units,
                                     .never_fails = true };
bg_node *bgi_half_lower(bg_node *x) { return bgi_apply_1(&half_lower_op, x); }

/* mirror_lower: y_ij = x_ij or x_ji, whichever is in the lower triangle;   dx = Φ(dy + dyᵀ) */
static bg_node *mirror_lower_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return bgi_half_lower(bg_add(dy, bgi_transpose_last(dy)));
}
/* Blocks of columns, so that those of x that become rows stay in the cache. */
#define MIRROR(type)                                                                                                   \
    static void mirror_##type(const type *x, type *y, int64_t n)                                                       \
    {                                                                                                                  \
        enum { BLOCK = 32 };                                                                                           \
        for (int64_t first = 0; first < n; first += BLOCK)                                                             \
            for (int64_t i = first; i < n; i++) {                                                                      \
                int64_t end = i + 1 < first + BLOCK ? i + 1 : first + BLOCK;                                           \
                for (int64_t j = first; j < end; j++)                                                                  \
                    y[i * n + j] = y[j * n + i] = x[i * n + j];                                                        \
            }                                                                                                          \
    }
MIRROR(float)
MIRROR(double)

static bg_status mirror_lower_call(const bg_call *call)
{
    int64_t n = bgi_matrices_of(call->node).rows;
    for (int64_t i = 0; i < call->last - call->first; i++)
        if (call->node->dtype == BG_F64)
            mirror_double(bgi_input_at(call, 0, i, n * n), bgi_output_at(call, i, n * n), n);
        else
            mirror_float(bgi_input_at(call, 0, i, n * n), bgi_output_at(call, i, n * n), n);
    return BG_OK;
}
static const bg_op mirror_lower_op = { .name = "mirror_lower",
                                       .arity = 1,
                                       .infer = bgi_infer_map,
                                       .gradient = mirror_lower_gradient,
                                       .call = mirror_lower_call,
                                       .units = bgi_matrix_units,
                                       .never_fails = true };
bg_node *bgi_mirror_lower(bg_node *x) { return bgi_apply_1(&mirror_lower_op, x); }

const bg_op *const bgi_triangle_ops[] = { &half_lower_op, &mirror_lower_op, NULL };
