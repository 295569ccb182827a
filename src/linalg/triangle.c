/* Triangles of square matrices as the gradients of factorisations need them. */
#include "linalg/blocked.h"
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

/* Large matrices are shared by rows: those of x as far as the diagonal, and columns of x beyond it. */
static bool is_by_rows(const bg_node *node)
{
    return bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch);
}
static int64_t mirror_units(const bg_node *node, int input)
{
    bgi_matrices m = bgi_matrices_of(node);
    return !is_by_rows(node) ? bgi_matrix_units(node, input) : input < 0 && m.batch > 0 ? m.batch * m.rows : 1;
}
static int64_t mirror_grain(const bg_node *node)
{
    enum { ROWS = 64 };
    return is_by_rows(node) ? ROWS : 0;
}
static void mirror_rows(const bg_call *call, const void *x, int64_t n, int64_t first, int64_t last, void *y)
{
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype);
    for (int64_t i = first; i < last; i++) {
        void *row = bgi_at(y, (i - first) * n, size);
        memcpy(row, bgi_const_at(x, i * n, size), (size_t)(i + 1) * size);
        for (int64_t j = i + 1; j < last; j++)
            bgi_put_float(row, dtype, j, bgi_float_at(x, dtype, j * n + i));
    }
    bgi_call_kernels(call)->transpose(bgi_at(y, last, size), n, bgi_const_at(x, last * n + first, size), n,
                                      last - first, n - last);
}
static bg_status mirror_lower_call(const bg_call *call)
{
    int64_t n = bgi_matrices_of(call->node).rows;
    size_t size = bg_dtype_size(call->node->dtype);
    for (int64_t unit = call->first, end; unit < call->last && is_by_rows(call->node); unit = end) {
        int64_t first = unit % n, last = bgi_least(n, first + call->last - unit);
        end = unit + last - first;
        mirror_rows(call, bgi_const_at(call->inputs[0], (unit - first) * n, size), n, first, last,
                    bgi_at(call->output, (unit - call->first) * n, size));
    }
    for (int64_t i = 0; i < call->last - call->first && !is_by_rows(call->node); i++)
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
                                       .units = mirror_units,
                                       .grain = mirror_grain,
                                       .never_fails = true };
bg_node *bgi_mirror_lower(bg_node *x) { return bgi_apply_1(&mirror_lower_op, x); }

const bg_op *const bgi_triangle_ops[] = { &half_lower_op, &mirror_lower_op, NULL };
