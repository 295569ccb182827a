/* Running extremes and logarithms of sums along an axis, and differences of neighbours. */
#include "ops/index.h"
#include "ops/scan.h"

#include <math.h>

typedef struct {
    int64_t axis, is_max;
} running_attributes;

/* cum_extreme: where the greatest, or the least, of x[0] .. x[j] is: the last of equals, or the last NaN; no gradient
 */
static bg_status cum_extreme_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = node->inputs[0]->shape;
    return bgi_check_floats(node->op->name, node->inputs, bgi_x_y, 1);
}
static bg_status cum_extreme_call(const bg_call *call)
{
    const running_attributes *attributes = call->node->attributes;
    int64_t n = call->node->shape.dims[attributes->axis];
    int64_t inner = bgi_inner_of(call->node->shape, attributes->axis), *places = call->output;
    for (int64_t row = 0, k = 0; row < (call->last - call->first) * n; row++)
        for (int64_t i = 0; i < inner; i++, k++) {
            int64_t j = row % n, best = j == 0 ? 0 : places[k - inner];
            double x = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, k),
                   most = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, (row - j + best) * inner + i);
            bool is_better = attributes->is_max ? x >= most : x <= most;
            places[k] = x != x || (most == most && is_better) ? j : best;
        }
    return BG_OK;
}
static const bg_op cum_extreme_op = { .name = "cum_extreme",
                                      .arity = 1,
                                      .infer = cum_extreme_infer,
                                      .is_constant = true,
                                      .call = cum_extreme_call,
                                      .units = bgi_outer_units,
                                      .never_fails = true };
static bg_node *cum_extreme(const char *op, bg_node *x, int axis, bg_node **indices, bool is_max)
{
    running_attributes attributes = { .is_max = is_max };
    int found;
    if (indices)
        *indices = NULL;
    if (!bgi_takes_float(op, x) || !bgi_find_axis(op, x, axis, &found))
        return NULL;
    attributes.axis = found;
    bg_node *places = bg_apply(&cum_extreme_op, &x, 1, &attributes, sizeof attributes);
    if (indices)
        *indices = places;
    return bgi_take_along(op, x, places, found);
}
bg_node *bg_cummax(bg_node *x, int axis, bg_node **indices) { return cum_extreme("cummax", x, axis, indices, true); }
bg_node *bg_cummin(bg_node *x, int axis, bg_node **indices) { return cum_extreme("cummin", x, axis, indices, false); }

/* logcumsumexp: y[j] = log Σ exp(x[k]) over k <= j. dx[k] = exp(x[k] - y[k]) t[k], where t[k] = Σ dy[j] exp(y[k] -
 * y[j]) over j >= k is a recurrence from the end whose factors are at most 1, as y never falls. Where y is -inf, so are
 * all x up to there, and 0 in its place makes the exponentials 0. */
static bg_node *logcumsumexp_gradient(bg_node *node, int input, bg_node *dy)
{
    const running_attributes *attributes = node->attributes;
    int axis = (int)attributes->axis;
    int64_t n = node->shape.dims[axis];
    bg_node *infinite = bgi_scalar_like(node, -(double)INFINITY), *zero = bgi_scalar_like(node, 0);
    bg_node *safe = bg_where(bg_equal(node, infinite), zero, node);
    if (n == 0)
        return dy;
    bg_node *falls = bg_exp(bg_sub(bg_slice(node, axis, 0, n - 1, 1), bg_slice(safe, axis, 1, n, 1)));
    bg_pad_options behind = { .mode = BG_PAD_CONSTANT };
    behind.after[axis] = 1;
    bg_node *t = bgi_linear_recurrence(bg_pad(falls, behind), dy, axis, true);
    return bg_mul(bg_exp(bg_sub(node->inputs[input], safe)), t);
}
/* The maximum so far and the sum of exponentials relative to it. */
static size_t logcumsumexp_scratch(const bg_node *node)
{
    const running_attributes *attributes = node->attributes;
    return (size_t)bgi_inner_of(node->shape, attributes->axis) * 2 * sizeof(double);
}
static bg_status logcumsumexp_call(const bg_call *call)
{
    const running_attributes *attributes = call->node->attributes;
    int64_t n = call->node->shape.dims[attributes->axis], inner = bgi_inner_of(call->node->shape, attributes->axis);
    double *most = call->scratch, *sums = most + inner;
    for (int64_t row = 0, k = 0; row < (call->last - call->first) * n; row++)
        for (int64_t i = 0; i < inner; i++, k++) {
            double x = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, k);
            if (row % n == 0 || x != x || most[i] != most[i]) {
                sums[i] = 1;
                most[i] = row % n == 0 || x != x ? x : most[i];
            } else if (x > most[i]) {
                sums[i] = sums[i] * exp(most[i] - x) + 1;
                most[i] = x;
            } else if (!isinf(most[i])) {
                sums[i] += exp(x - most[i]);
            }
            double y = most[i] + log(sums[i]);
            bgi_put_float(call->output, call->node->dtype, k, y);
        }
    return BG_OK;
}
static double logcumsumexp_flops(const bg_node *node) { return 40 * (double)bg_shape_count(node->shape); }
static const bg_op logcumsumexp_op = { .name = "logcumsumexp",
                                       .arity = 1,
                                       .infer = bgi_infer_map,
                                       .gradient = logcumsumexp_gradient,
                                       .call = logcumsumexp_call,
                                       .units = bgi_outer_units,
                                       .flops = logcumsumexp_flops,
                                       .scratch = logcumsumexp_scratch,
                                       .never_fails = true };
bg_node *bg_logcumsumexp(bg_node *x, int axis)
{
    running_attributes attributes = { 0 };
    int found;
    if (!bgi_takes_float("logcumsumexp", x) || !bgi_find_axis("logcumsumexp", x, axis, &found))
        return NULL;
    attributes.axis = found;
    return bg_apply(&logcumsumexp_op, &x, 1, &attributes, sizeof attributes);
}

/* diff: x[j+1] - x[j], so many times */
bg_node *bg_diff(bg_node *x, int64_t times, int axis)
{
    int found;
    if (!bgi_takes_float("diff", x) || !bgi_find_axis("diff", x, axis, &found))
        return NULL;
    if (times < 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "diff: %lld times", (long long)times);
    for (int64_t extent = x->shape.dims[found]; times > 0 && extent > 0 && x; times--, extent--)
        x = bg_sub(bg_slice(x, found, 1, extent, 1), bg_slice(x, found, 0, extent - 1, 1));
    return x;
}

const bg_op *const bgi_running_ops[] = { &cum_extreme_op, &logcumsumexp_op, NULL };
