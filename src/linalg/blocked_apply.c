/* Systems with large factors, shared by all threads: the right-hand sides in the order of the pivots, substitution with
 * either factor in place, and a look at the result. */
#include "linalg/blocked.h"
#include "linalg/lu.h"
#include "linalg/lu_matrix.h"
#include "linalg/pieces.h"

#include <string.h>

enum { ROWS = 64 }; /* of a piece */

typedef struct {
    int64_t is_lu, is_permuted;
} attributes_of;

static const attributes_of *attributes(const bg_node *node) { return node->attributes; }
static int64_t rows_grain(const bg_node *node)
{
    (void)node;
    return ROWS;
}

/* ---- apply_start: b and the factors -> b, whose row i is row order[i] of it where it is permuted; by rows ---- */

static int64_t start_units(const bg_node *node, int input)
{
    bgi_matrices m = bgi_matrices_of(node);
    return input < 0 && m.batch > 0 ? m.batch * m.rows : 1;
}
static bg_status start_call(const bg_call *call)
{
    const attributes_of *how = attributes(call->node);
    bgi_matrices m = bgi_matrices_of(call->node);
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype), bytes = (size_t)m.columns * size;
    int64_t n = m.rows;
    for (int64_t unit = call->first; unit < call->last; unit++) {
        int64_t matrix = unit / n, i = unit % n, row = i;
        const void *factors = how->is_lu ? bgi_const_at(call->inputs[1], matrix * (n * n + n), size) : NULL;
        if (how->is_lu && bgi_float_at(factors, dtype, i * n + i) == 0)
            return bgi_fail_in(call, bgi_batch_shape(call->node, false), matrix,
                               "a is singular: pivot %lld of %lld is 0",
                               (long long)bgi_lu_zero_pivot(dtype, n, factors) + 1, (long long)n);
        if (how->is_permuted)
            row = bgi_lu_order_at(dtype, factors, n * n, i);
        const void *from = bgi_const_at(call->inputs[0], matrix * n + row, bytes);
        int64_t at = bgi_first_not_finite(dtype, from, m.columns);
        if (at < m.columns) {
            bg_call whole = bgi_by_matrices(call);
            return bgi_fail_element(&whole, matrix, bgi_label_of(call, 1), bgi_float_at(from, dtype, at), row, at);
        }
        memcpy(bgi_at(call->output, unit - call->first, bytes), from, bytes);
    }
    return BG_OK;
}
static const bg_op start_op = { .name = "apply_start",
                                .arity = 2,
                                .infer = bgi_infer_same,
                                .call = start_call,
                                .units = start_units,
                                .grain = rows_grain };

/* ---- apply_check: fails where a result is beyond the range of its type ---- */

static int64_t check_pieces(const bg_node *node) { return bgi_in_blocks(bgi_matrices_of(node).rows, ROWS); }
static bg_status run_check(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t first = piece * ROWS, count = bgi_least(ROWS, m.rows - first) * m.columns;
    const void *rows = bgi_const_at(call->output, (matrix * m.rows + first) * m.columns, t->size);
    int64_t at = bgi_first_not_finite(t->dtype, rows, count);
    if (at == count)
        return BG_OK;
    return bgi_fail_in(call, bgi_batch_shape(call->node, false), matrix,
                       "the result is beyond the range of %s at [%lld, %lld]", bg_dtype_name(t->dtype),
                       (long long)(first + at / m.columns), (long long)(at % m.columns));
}
static const bgi_piecewise check_op = { .op = { BGI_IN_PIECES, .name = "apply_check", .arity = 1 },
                                        .pieces = check_pieces,
                                        .run = run_check };

/* ---- */

bg_node *bgi_blocked_lu_apply(bg_node *packed, bg_node *b, bool is_transposed)
{
    int64_t n = bgi_matrices_of(b).rows, stride = n * n + n;
    attributes_of how = { .is_lu = true, .is_permuted = !is_transposed };
    bg_triangular_options lower = { .is_unit = true, .is_transposed = is_transposed };
    bg_triangular_options upper = { .triangle = BG_UPPER, .is_transposed = is_transposed };
    bg_node *x = bg_apply(&start_op, (bg_node *[]){ b, packed }, 2, &how, sizeof how);
    x = bgi_blocked_substitute(packed, stride, x, is_transposed ? &upper : &lower);
    x = bgi_blocked_substitute(packed, stride, x, is_transposed ? &lower : &upper);
    return bgi_apply_1(&check_op.op, is_transposed ? bgi_lu_permute(x, packed, true) : x);
}

bg_node *bgi_blocked_spd_apply(bg_node *factor, bg_node *b, bool is_upper)
{
    int64_t n = bgi_matrices_of(b).rows;
    attributes_of how = { 0 };
    bg_triangular_options first = { .triangle = is_upper ? BG_UPPER : BG_LOWER, .is_transposed = is_upper };
    bg_triangular_options second = { .triangle = first.triangle, .is_transposed = !is_upper };
    bg_node *x = bg_apply(&start_op, (bg_node *[]){ b, factor }, 2, &how, sizeof how);
    x = bgi_blocked_substitute(factor, n * n, x, &first);
    return bgi_apply_1(&check_op.op, bgi_blocked_substitute(factor, n * n, x, &second));
}
