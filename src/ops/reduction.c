/* Reductions over a set of axes, which the result leaves out. */
#include "ops/score.h"

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

/* nansum, nanmean: 0 in place of NaN, and the number of others */
bg_node *bg_nansum(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("nansum", x) || !bgi_find_axes("nansum", x, axes, axis))
        return NULL;
    return bgi_sum_over(bg_where(bg_is_nan(x), bgi_scalar_like(x, 0), x), axis);
}
bg_node *bg_nanmean(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    if (!bgi_takes_float("nanmean", x) || !bgi_find_axes("nanmean", x, axes, axis))
        return NULL;
    bg_node *count = bgi_sum_over(bg_cast(bg_logical_not(bg_is_nan(x)), x->dtype), axis);
    return bg_div(bg_nansum(x, axes), count);
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

/* A set of axes of a float; the number of elements that make one. */
static bool takes_axes(const char *op, const bg_node *x, bg_axes axes, bool axis[BG_MAX_RANK], int64_t *count)
{
    if (!bgi_takes_float(op, x) || !bgi_find_axes(op, x, axes, axis))
        return false;
    *count = count_over(x, axis);
    return true;
}

/* min: -max(-x), with its gradient */
bg_node *bg_min(bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    int64_t count;
    if (!takes_axes("min", x, axes, axis, &count))
        return NULL;
    if (count == 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "min: over no elements: x %s", bgi_shape_format(x->shape).text);
    return bg_neg(bg_max(bg_neg(x), axes));
}

/* any, all of bools, through sums of 0 and 1 */
static bg_node *truths(const char *op, bg_node *x, bg_axes axes, bool wanted)
{
    bool axis[BG_MAX_RANK];
    if (!x)
        return NULL;
    if (x->dtype != BG_BOOL)
        return bgi_graph_fail(x->graph, BG_ERR_DTYPE, "%s: x is %s, not bool", op, bg_dtype_name(x->dtype));
    if (!bgi_find_axes(op, x, axes, axis))
        return NULL;
    return bgi_sum_over(bg_cast(wanted ? x : bg_logical_not(x), BG_F64), axis);
}
bg_node *bg_any(bg_node *x, bg_axes axes)
{
    bg_node *count = truths("any", x, axes, true);
    return count ? bg_greater(count, bgi_scalar_like(count, 0)) : NULL;
}
bg_node *bg_all(bg_node *x, bg_axes axes)
{
    bg_node *count = truths("all", x, axes, false);
    return count ? bg_equal(count, bgi_scalar_like(count, 0)) : NULL;
}
bg_node *bg_count_nonzero(bg_node *x, bg_axes axes)
{
    return x ? bg_cast(truths("count_nonzero", x->dtype == BG_BOOL ? x : bg_cast(x, BG_BOOL), axes, true), BG_I64)
             : NULL;
}

/* ---- Spread: in f64, in two passes ---- */

typedef struct {
    bgi_reduce_attributes over; /* first, as reduce_infer reads it */
    double correction;
} spread_attributes;

/* x less its mean over the axes, in f64. */
static bg_node *centred(bg_node *x, const bool axis[BG_MAX_RANK])
{
    bg_node *wide = bg_cast(x, BG_F64);
    bg_node *sum = bgi_keep_axes(bgi_sum_over(wide, axis), x, axis);
    return bg_sub(wide, bg_mul_scalar(sum, 1 / (double)count_over(x, axis)));
}
static double degrees(const bg_node *x, const spread_attributes *attributes)
{
    return (double)count_over(x, attributes->over.axis) - attributes->correction;
}

/* var: Σ (x - mean)² / (n - correction), dx = 2 dy (x - mean) / (n - correction). The value is divided by 0 where n -
 * correction is negative, the gradient is not, as in PyTorch. */
static bg_node *var_compose(bg_node *node)
{
    const spread_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0],
            *sum = bgi_sum_over(bg_square(centred(x, attributes->over.axis)), attributes->over.axis);
    return bg_cast(bg_div(sum, bgi_scalar_like(sum, fmax(degrees(x, attributes), 0))), node->dtype);
}
static bg_node *var_gradient(bg_node *node, int input, bg_node *dy)
{
    const spread_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[input], *wide = bg_cast(repeat(dy, x, attributes->over.axis), BG_F64);
    bg_node *scaled = bg_mul_scalar(centred(x, attributes->over.axis), 2 / degrees(x, attributes));
    return bg_cast(bg_mul(wide, scaled), x->dtype);
}
static const bg_op var_op = {
    .name = "var", .arity = 1, .infer = reduce_infer, .gradient = var_gradient, .compose = var_compose
};

/* std: √var, dx = dy (x - mean) / (std (n - correction)), 0 where std is 0 */
static bg_node *std_compose(bg_node *node)
{
    const spread_attributes *attributes = node->attributes;
    return bg_sqrt(bg_apply(&var_op, node->inputs, 1, attributes, sizeof *attributes));
}
static bg_node *std_gradient(bg_node *node, int input, bg_node *dy)
{
    /* 1 in place of 0: an infinity would be NaN in the gradient's own gradient, though it is not taken. */
    bg_node *zero = bgi_scalar_like(node, 0), *is_nothing = bg_equal(node, zero);
    bg_node *divisor = bg_where(is_nothing, bgi_scalar_like(node, 1), node);
    bg_node *share = bg_where(is_nothing, zero, bg_div(bg_mul_scalar(dy, 0.5), divisor));
    return var_gradient(node, input, share);
}
static const bg_op std_op = {
    .name = "std", .arity = 1, .infer = reduce_infer, .gradient = std_gradient, .compose = std_compose
};

static bg_node *spread(const bg_op *op, bg_node *x, bg_axes axes, double correction)
{
    spread_attributes attributes = { .correction = correction };
    int64_t count;
    if (!takes_axes(op->name, x, axes, attributes.over.axis, &count))
        return NULL;
    return bg_apply(op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_var(bg_node *x, bg_axes axes, double correction) { return spread(&var_op, x, axes, correction); }
bg_node *bg_std(bg_node *x, bg_axes axes, double correction) { return spread(&std_op, x, axes, correction); }

/* ---- Norms ---- */

/* (Σ |x|ᵖ)^(1/p), 0 < p < ∞: dx = dy sign(x) (|x| / norm)^(p-1), 0 where x or the norm is 0 */
typedef struct {
    bgi_reduce_attributes over;
    double p;
} norm_attributes;
static bg_node *norm_compose(bg_node *node)
{
    const norm_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0], *powers = attributes->p == 2 ? bg_square(x) : bg_pow_scalar(bg_abs(x), attributes->p);
    bg_node *sum = bgi_sum_over(powers, attributes->over.axis);
    return attributes->p == 2 ? bg_sqrt(sum) : bg_pow_scalar(sum, 1 / attributes->p);
}
static bg_node *norm_gradient(bg_node *node, int input, bg_node *dy)
{
    const norm_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[input], *zero = bgi_scalar_like(x, 0);
    bg_node *is_nothing = bg_equal(node, zero), *safe = bg_where(is_nothing, bgi_scalar_like(x, 1), node);
    bg_node *share = repeat(bg_where(is_nothing, zero, bg_div(dy, safe)), x, attributes->over.axis);
    if (attributes->p == 2)
        return bg_mul(share, x);
    bg_node *is_zero = bg_equal(x, zero), *size = bg_where(is_zero, bgi_scalar_like(x, 1), bg_abs(x));
    bg_node *ratio = bg_div(size, repeat(safe, x, attributes->over.axis));
    bg_node *slope = bg_mul(bg_mul(share, x), bg_pow_scalar(ratio, attributes->p - 2));
    return bg_where(is_zero, zero, slope);
}
static const bg_op norm_op = {
    .name = "norm", .arity = 1, .infer = reduce_infer, .gradient = norm_gradient, .compose = norm_compose
};
bg_node *bg_norm(bg_node *x, bg_axes axes, double p)
{
    norm_attributes attributes = { .p = p };
    int64_t count;
    if (!takes_axes("norm", x, axes, attributes.over.axis, &count))
        return NULL;
    if (!(p >= 0))
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "norm: p is %g, not at least 0", p);
    if (p == 0)
        return bg_cast(bg_count_nonzero(x, axes), x->dtype);
    if (p == 1)
        return bgi_sum_over(bg_abs(x), attributes.over.axis);
    if (isinf(p) && count > 0)
        return bg_max(bg_abs(x), axes);
    if (isinf(p))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "norm: over no elements: x %s", bgi_shape_format(x->shape).text);
    return bg_apply(&norm_op, &x, 1, &attributes, sizeof attributes);
}

/* ---- Axes that stay ---- */

bg_node *bg_keep(bg_node *reduced, bg_node *x, bg_axes axes)
{
    bool axis[BG_MAX_RANK];
    bg_graph *graph = bgi_graph_of("keep", (bg_node *[]){ reduced, x }, 2);
    if (!graph || !bgi_find_axes("keep", x, axes, axis))
        return NULL;
    bg_shape rest = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (!axis[i])
            rest.dims[rest.rank++] = x->shape.dims[i];
    if (!bg_shape_equal(rest, reduced->shape))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "keep: reduced %s is not x %s without the axes",
                              bgi_shape_format(reduced->shape).text, bgi_shape_format(x->shape).text);
    return bgi_keep_axes(reduced, x, axis);
}

const bg_op *const bgi_reduction_ops[] = { &sum_op, &max_op, &logsumexp_op, &var_op, &std_op, &norm_op, NULL };
