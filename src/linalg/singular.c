/* Functions of singular values: norms, the condition and the rank. */
#include "linalg/pseudo_inverse.h"
#include "linalg/svd.h"

#include <math.h>
#include <string.h>

/* ---- Norms ---- */

/* frobenius: √(Σ a²), of a divided by its largest magnitude, so that squares neither overflow nor vanish
 *   da = dy a / norm, 0 where the norm is 0 */
static bg_node *safe_divisor(bg_node *x)
{
    return bg_where(bg_equal(x, bgi_scalar_like(x, 0)), bgi_scalar_like(x, 1), x);
}
static bg_node *frobenius_compose(bg_node *node)
{
    bg_node *a = node->inputs[0], *largest = bg_max(bg_abs(a), BG_AXES(-2, -1));
    bg_node *ratio = bg_div(a, bg_keep(safe_divisor(largest), a, BG_AXES(-2, -1)));
    return bg_mul(largest, bg_sqrt(bg_sum(bg_square(ratio), BG_AXES(-2, -1))));
}
static bg_node *frobenius_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[input], *zero = bgi_scalar_like(a, 0);
    bg_node *share = bg_where(bg_equal(node, zero), zero, dy);
    bg_node *direction = bg_div(a, bg_keep(safe_divisor(node), a, BG_AXES(-2, -1)));
    return bg_mul(bg_keep(share, a, BG_AXES(-2, -1)), direction);
}
static bg_status of_matrix_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->rank -= 2;
    return BG_OK;
}
static const bg_op frobenius_op = { .name = "frobenius",
                                    .arity = 1,
                                    .infer = of_matrix_infer,
                                    .gradient = frobenius_gradient,
                                    .compose = frobenius_compose };

static bg_shape batch_of(const bg_node *a)
{
    bg_shape shape = a->shape;
    shape.rank -= 2;
    return shape;
}
bg_node *bg_matrix_norm(bg_node *a, bg_matrix_norm_kind kind)
{
    if (!bgi_takes_matrix("matrix_norm", a))
        return NULL;
    bgi_matrices m = bgi_matrices_of(a);
    if (m.rows == 0 || m.columns == 0)
        return bg_zeros(a->graph, a->dtype, batch_of(a));
    switch (kind) {
    case BG_FROBENIUS:
        return bgi_apply_1(&frobenius_op, a);
    case BG_NUCLEAR:
        return bg_sum(bgi_svd_values(a, "matrix_norm"), BG_AXES(-1));
    case BG_SPECTRAL:
        return bg_select(bgi_svd_values(a, "matrix_norm"), -1, 0);
    case BG_ROW_SUMS:
        return bg_max(bg_sum(bg_abs(a), BG_AXES(-1)), BG_AXES(-1));
    case BG_COLUMN_SUMS:
        return bg_max(bg_sum(bg_abs(a), BG_AXES(-2)), BG_AXES(-1));
    }
    return bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "matrix_norm: there is no norm %d", (int)kind);
}

/* ---- The condition ---- */

/* not_singular: s [.., 1, k] itself, but a run fails where the last value is 0 */
static bg_node *not_singular_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return dy;
}
static bg_status not_singular_call(const bg_call *call)
{
    int64_t k = bgi_matrices_of(call->node).columns;
    bg_dtype dtype = call->node->dtype;
    for (int64_t i = 0; i < call->last - call->first && bg_shape_count(call->node->shape) > 0; i++) {
        const void *s = bgi_input_at(call, 0, i, k);
        if (bgi_float_at(s, dtype, k - 1) == 0)
            return bgi_fail_at(call, i, "the gradient is not defined: a singular value is 0");
        memcpy(bgi_output_at(call, i, k), s, (size_t)k * bg_dtype_size(dtype));
    }
    return BG_OK;
}
static const bg_op not_singular_op = { .name = "not_singular",
                                       .arity = 1,
                                       .infer = bgi_infer_same,
                                       .gradient = not_singular_gradient,
                                       .call = not_singular_call,
                                       .units = bgi_matrix_units };

static bg_node *first_of(bg_node *s) { return bg_narrow(s, -1, 0, 1); }
static bg_node *last_of(bg_node *s) { return s ? bg_narrow(s, -1, s->shape.dims[s->shape.rank - 1] - 1, 1) : NULL; }

/* condition: s[0] / s[k - 1], of s [.., 1, k]; inf where the last is 0 */
static bg_node *condition_compose(bg_node *node)
{
    bg_node *s = node->inputs[0], *last = last_of(s);
    bg_node *is_zero = bg_equal(last, bgi_scalar_like(s, 0));
    return bg_where(is_zero, bgi_scalar_like(s, INFINITY), bg_div(first_of(s), last));
}
static bg_node *condition_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *s = bgi_apply_1(&not_singular_op, node->inputs[0]), *last = last_of(s);
    if (!last)
        return NULL;
    int axis = s->shape.rank - 1;
    int64_t k = s->shape.dims[axis];
    bg_node *of_first = bg_div(dy, last), *of_last = bg_neg(bg_mul(of_first, bg_div(first_of(s), last)));
    return bg_add(bgi_embed(of_first, axis, 0, 1, k), bgi_embed(of_last, axis, k - 1, 1, k));
}
static bg_status condition_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 1] = 1;
    return BG_OK;
}
static const bg_op condition_op = { .name = "condition",
                                    .arity = 1,
                                    .infer = condition_infer,
                                    .gradient = condition_gradient,
                                    .compose = condition_compose };
bg_node *bg_cond(bg_node *a)
{
    if (!bgi_takes_matrix("cond", a))
        return NULL;
    bgi_matrices m = bgi_matrices_of(a);
    if (m.rows == 0 || m.columns == 0)
        return bgi_graph_fail(a->graph, BG_ERR_SHAPE, "cond: of a matrix without elements: %s",
                              bgi_shape_format(a->shape).text);
    bg_node *s = bgi_svd_values(a, "cond");
    return bgi_made_by("cond", s, bg_squeeze(bgi_apply_1(&condition_op, bg_unsqueeze(s, -2)), BG_AXES(-2, -1)));
}

/* ---- The rank ---- */

bg_node *bg_matrix_rank(bg_node *a, bg_optional tolerance)
{
    double value;
    if (!bgi_takes_matrix("matrix_rank", a) || !bgi_takes_tolerance("matrix_rank", a, tolerance, &value))
        return NULL;
    bgi_matrices m = bgi_matrices_of(a);
    if (m.rows == 0 || m.columns == 0)
        return bg_zeros(a->graph, BG_I64, batch_of(a));
    bg_node *s = bgi_svd_values(a, "matrix_rank");
    return bg_count_nonzero(bg_greater(s, bg_mul_scalar(first_of(s), value)), BG_AXES(-1));
}

const bg_op *const bgi_singular_ops[] = { &frobenius_op, &not_singular_op, &condition_op, NULL };
