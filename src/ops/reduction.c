/* Reductions over a set of axes, which the result leaves out. */
#include "ops/ops.h"

#include <math.h>

static bg_status reduce_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    const bg_node *x = node->inputs[0];
    *dtype = x->dtype;
    *shape = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (!attributes->axis[i])
            shape->dims[shape->rank++] = x->shape.dims[i];
    return bgi_check_floats(node->op->name, node->inputs, bgi_x_y, 1);
}

/* A reduced node, or its cotangent, repeated over the axes that were left out. */
static bg_node *repeat(bg_node *reduced, const bg_node *x, const bool axis[BG_MAX_RANK])
{
    return bg_broadcast(bgi_keep_axes(reduced, x, axis), x->shape);
}

/* x itself over no axes, and reshaped over axes of extent 1. */
static bg_node *reduce(const bg_op *op, bg_node *x, const bool axis[BG_MAX_RANK])
{
    if (!x)
        return NULL;
    bgi_reduce_attributes attributes = { .axis = { false } };
    bg_shape rest = BG_SCALAR;
    bool is_reshape = true;
    for (int i = 0; i < x->shape.rank; i++) {
        attributes.axis[i] = axis[i];
        if (axis[i])
            is_reshape = is_reshape && x->shape.dims[i] == 1;
        else
            rest.dims[rest.rank++] = x->shape.dims[i];
    }
    return is_reshape ? bg_reshape(x, rest) : bg_apply(op, &x, 1, &attributes, sizeof attributes);
}

/* The number of elements that make one of the result. Where it overflows, the result is empty. */
static int64_t count_over(const bg_node *x, const bool axis[BG_MAX_RANK])
{
    int64_t extents[BG_MAX_RANK], count;
    int n = 0;
    for (int i = 0; i < x->shape.rank; i++)
        if (axis[i])
            extents[n++] = x->shape.dims[i];
    return bgi_product_of(extents, n, &count) ? count : INT64_MAX;
}

/* sum: dx = dy, repeated */
static bg_node *sum_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    return repeat(dy, node->inputs[input], attributes->axis);
}
static const bgi_lowering sum_lowering = { .kind = BGI_REDUCE,
                                           .kernel = offsetof(bgk_kernels, sum_rows),
                                           .fold = offsetof(bgk_kernels, sum_fold) };
static const bg_op sum_op = {
    .name = "sum", .arity = 1, .infer = reduce_infer, .gradient = sum_gradient, .lowering = &sum_lowering
};
bg_node *bgi_sum_over(bg_node *x, const bool axis[BG_MAX_RANK]) { return reduce(&sum_op, x, axis); }
bg_node *bg_sum(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    return bgi_takes_float("sum", x) && bgi_find_axes("sum", x, axes, axis) ? bgi_sum_over(x, axis) : NULL;
}

/* mean: its gradient is that of the sum and of the factor */
bg_node *bg_mean(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("mean", x) || !bgi_find_axes("mean", x, axes, axis))
        return NULL;
    int64_t count = count_over(x, axis);
    return bg_mul_scalar(bgi_sum_over(x, axis), count == 0 ? (double)NAN : 1 / (double)count);
}

/* max: the maxima share dy evenly. Where the maximum is NaN, so is dx: no element equals it, and
 * 0 · dy / 0 is NaN, as in PyTorch. */
static bg_node *max_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[input];
    bg_node *share = bg_cast(bg_equal(x, repeat(node, x, attributes->axis)), x->dtype);
    bg_node *each = bg_div(dy, bgi_sum_over(share, attributes->axis));
    return bg_mul(share, repeat(each, x, attributes->axis));
}
static const bgi_lowering max_lowering = { .kind = BGI_REDUCE,
                                           .kernel = offsetof(bgk_kernels, max_rows),
                                           .fold = offsetof(bgk_kernels, max_fold) };
static const bg_op max_op = {
    .name = "max", .arity = 1, .infer = reduce_infer, .gradient = max_gradient, .lowering = &max_lowering
};
bg_node *bg_max(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("max", x) || !bgi_find_axes("max", x, axes, axis))
        return NULL;
    if (count_over(x, axis) == 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "max: over no elements: x %s", bgi_shape_format(x->shape).text);
    return reduce(&max_op, x, axis);
}

/* logsumexp: log s + m with m = max x, s = Σ exp(x - m), so that the largest term is 1; m is 0 where the maximum is
 * infinite. dx = dy exp(x - m) / s. Where all x are -inf, s is 0: dx is 0. Where one is +inf, s is +inf: dx is NaN
 * there and 0 elsewhere. */
static bg_node *logsumexp_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[input];
    if (count_over(x, attributes->axis) == 0)
        return bg_broadcast(bgi_scalar_like(x, 0), x->shape);
    bgi_softmax_terms terms = bgi_softmax_terms_of(x, attributes->axis, true);
    bg_node *zero = bgi_scalar_like(x, 0), *one = bgi_scalar_like(x, 1);
    bg_node *divisor = bg_where(bg_equal(terms.sum, zero), one, terms.sum);
    return bg_mul(terms.exp, bg_div(bgi_keep_axes(dy, x, attributes->axis), divisor));
}
static bg_node *logsumexp_compose(bg_node *node)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0];
    if (count_over(x, attributes->axis) == 0)
        return bg_broadcast(bgi_scalar_like(x, -(double)INFINITY), node->shape);
    bgi_softmax_terms terms = bgi_softmax_terms_of(x, attributes->axis, true);
    return bg_reshape(bg_add(bg_log(terms.sum), terms.max), node->shape);
}
static const bg_op logsumexp_op = {
    .name = "logsumexp", .arity = 1, .infer = reduce_infer, .gradient = logsumexp_gradient, .compose = logsumexp_compose
};
bg_node *bg_logsumexp(bg_node *x, bg_axes axes)
{
    bgi_reduce_attributes attributes;
    if (!bgi_takes_float("logsumexp", x) || !bgi_find_axes("logsumexp", x, axes, attributes.axis))
        return NULL;
    return bg_apply(&logsumexp_op, &x, 1, &attributes, sizeof attributes);
}

const bg_op *const bgi_reduction_ops[] = { &sum_op, &max_op, &logsumexp_op, NULL };
