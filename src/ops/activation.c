/* Activations, elementwise. */
#include "ops/largest.h"

/* relu: dx = y <= 0 ? 0 : dy. Where y is NaN, it is dy. Behind max pooling, dy is 0 but for one element of each window,
 * the largest: whether that is above 0 is asked before dy is spread over the windows. */
static bg_node *where_above_0(bg_node *y, bg_node *dy)
{
    bg_node *zero = bgi_scalar_like(dy, 0);
    return bg_where(bg_less_equal(y, zero), zero, dy);
}
static bg_node *relu_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    const bgi_window *w = bgi_largest_back_of(dy, node);
    return w ? bgi_largest_back(node, where_above_0(bgi_largest(node, w), dy->inputs[1]), w) : where_above_0(node, dy);
}
static const bg_op relu_op = { .name = "relu",
                               .arity = 1,
                               .infer = bgi_infer_map,
                               .gradient = relu_gradient,
                               .lowering = BGI_CHEAP_MAP(relu, bgi_fold_map) };
bg_node *bg_relu(bg_node *x) { return bgi_map_1(&relu_op, x); }

/* tanh: dx = dy (1 - y²) */
static bg_node *tanh_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_sub_from(1, bg_square(node)));
}
static const bg_op tanh_op = { .name = "tanh",
                               .arity = 1,
                               .infer = bgi_infer_map,
                               .gradient = tanh_gradient,
                               .lowering = BGI_COSTLY_MAP(tanh, bgi_fold_map) };
bg_node *bg_tanh(bg_node *x) { return bgi_map_1(&tanh_op, x); }

/* sigmoid: dx = dy y (1 - y) */
static bg_node *sigmoid_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_mul(node, bg_sub_from(1, node)));
}
static const bg_op sigmoid_op = { .name = "sigmoid",
                                  .arity = 1,
                                  .infer = bgi_infer_map,
                                  .gradient = sigmoid_gradient,
                                  .lowering = BGI_COSTLY_MAP(sigmoid, bgi_fold_map) };
bg_node *bg_sigmoid(bg_node *x) { return bgi_map_1(&sigmoid_op, x); }

/* log1p_exp: log(1 + exp(x)), dx = dy sigmoid(x) */
static bg_node *log1p_exp_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_sigmoid(node->inputs[0]));
}
static const bg_op log1p_exp_op = { .name = "log1p_exp",
                                    .arity = 1,
                                    .infer = bgi_infer_map,
                                    .gradient = log1p_exp_gradient,
                                    .lowering = BGI_COSTLY_MAP(softplus, bgi_fold_map) };
bg_node *bgi_log1p_exp(bg_node *x) { return bgi_map_1(&log1p_exp_op, x); }

/* softplus: x > 20 ? x : log(1 + exp(x)), dx = dy (x > 20 ? 1 : sigmoid(x)) */
static bg_node *is_linear(bg_node *x) { return bg_greater(x, bgi_scalar_like(x, 20)); }
static bg_node *softplus_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *x = node->inputs[0];
    return bg_where(is_linear(x), dy, bg_mul(dy, bg_sigmoid(x)));
}
static bg_node *softplus_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return bg_where(is_linear(x), x, bgi_log1p_exp(x));
}
static const bg_op softplus_op = {
    .name = "softplus", .arity = 1, .infer = bgi_infer_map, .gradient = softplus_gradient, .compose = softplus_compose
};
bg_node *bg_softplus(bg_node *x) { return bgi_map_1(&softplus_op, x); }

/* gelu_tanh: x (1 + tanh(u)) / 2 = x s with s = sigmoid(2u) and 2u = x (c + c a x²), which keeps the digits of s where
 * it is small. dx = dy (s + (s - s²) x (c + 3 c a x²)). */
static const double GELU_C = 1.59576912160573071176, GELU_A = 0.044715;
/* c + c a n x² */
static bg_node *gelu_rate(bg_node *x, double n)
{
    return bg_add_scalar(bg_mul_scalar(bg_square(x), n * GELU_C * GELU_A), GELU_C);
}
static bg_node *gelu_share(bg_node *x) { return bg_sigmoid(bg_mul(x, gelu_rate(x, 1))); }
static bg_node *gelu_tanh_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return bg_mul(x, gelu_share(x));
}
static bg_node *gelu_tanh_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *x = node->inputs[0], *s = gelu_share(x);
    /* (s - s²) x first: for large x that is 0, and x times the rate may be infinite. */
    bg_node *slope = bg_add(s, bg_mul(bg_mul(bg_sub(s, bg_square(s)), x), gelu_rate(x, 3)));
    return bg_mul(dy, slope);
}
static const bg_op gelu_tanh_op = { .name = "gelu_tanh",
                                    .arity = 1,
                                    .infer = bgi_infer_map,
                                    .gradient = gelu_tanh_gradient,
                                    .compose = gelu_tanh_compose };
bg_node *bg_gelu_tanh(bg_node *x) { return bgi_takes_float("gelu_tanh", x) ? bgi_map_1(&gelu_tanh_op, x) : NULL; }

/* ---- From parts, whose gradients they have ---- */

/* Of x and up to two numbers, the attributes. */
#define OF_PARTS(name_)                                                                                                \
    static const bg_op name_##_op = { .name = #name_, .arity = 1, .infer = bgi_infer_map, .compose = name_##_compose }
static bg_node *of_parts(const bg_op *op, bg_node *x, double a, double b)
{
    const double numbers[] = { a, b };
    return bgi_takes_float(op->name, x) ? bg_apply(op, &x, 1, numbers, sizeof numbers) : NULL;
}
static double number_of(const bg_node *node, int i) { return ((const double *)node->attributes)[i]; }

static bg_node *is_above(bg_node *x, double value) { return bg_greater(x, bgi_scalar_like(x, value)); }

/* gelu: x Φ(x) */
static bg_node *gelu_compose(bg_node *node)
{
    const double sqrt_half = 0.70710678118654752440;
    bg_node *x = node->inputs[0];
    return bg_mul(bg_mul_scalar(x, 0.5), bg_add_scalar(bg_erf(bg_mul_scalar(x, sqrt_half)), 1));
}
OF_PARTS(gelu);
bg_node *bg_gelu(bg_node *x) { return of_parts(&gelu_op, x, 0, 0); }

static bg_node *logsigmoid_compose(bg_node *node) { return bg_neg(bgi_log1p_exp(bg_neg(node->inputs[0]))); }
OF_PARTS(logsigmoid);
bg_node *bg_logsigmoid(bg_node *x) { return of_parts(&logsigmoid_op, x, 0, 0); }

/* x > 0 ? scale x : scale alpha (exp(x / width) - 1), the exponential only of numbers that are not positive */
static bg_node *exponential_unit(bg_node *x, double scale, double alpha, double width)
{
    bg_node *is_positive = is_above(x, 0), *tail = bg_where(is_positive, bgi_scalar_like(x, 0), x);
    bg_node *bend = bg_mul_scalar(bg_expm1(bg_mul_scalar(tail, 1 / width)), scale * alpha);
    return bg_where(is_positive, bg_mul_scalar(x, scale), bend);
}
static bg_node *elu_compose(bg_node *node) { return exponential_unit(node->inputs[0], 1, number_of(node, 0), 1); }
OF_PARTS(elu);
bg_node *bg_elu(bg_node *x, double alpha) { return of_parts(&elu_op, x, alpha, 0); }

static bg_node *celu_compose(bg_node *node)
{
    return exponential_unit(node->inputs[0], 1, number_of(node, 0), number_of(node, 0));
}
OF_PARTS(celu);
bg_node *bg_celu(bg_node *x, double alpha)
{
    if (x && bgi_takes_float("celu", x) && alpha == 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "celu: alpha is 0");
    return of_parts(&celu_op, x, alpha, 0);
}

static bg_node *selu_compose(bg_node *node)
{
    const double scale = 1.0507009873554804934, alpha = 1.6732632423543772848;
    return exponential_unit(node->inputs[0], scale, alpha, 1);
}
OF_PARTS(selu);
bg_node *bg_selu(bg_node *x) { return of_parts(&selu_op, x, 0, 0); }

static bg_node *silu_compose(bg_node *node) { return bg_mul(node->inputs[0], bg_sigmoid(node->inputs[0])); }
OF_PARTS(silu);
bg_node *bg_silu(bg_node *x) { return of_parts(&silu_op, x, 0, 0); }

static bg_node *mish_compose(bg_node *node) { return bg_mul(node->inputs[0], bg_tanh(bg_softplus(node->inputs[0]))); }
OF_PARTS(mish);
bg_node *bg_mish(bg_node *x) { return of_parts(&mish_op, x, 0, 0); }

/* low < x < high: x, with gradient 1; beyond, the end, with gradient 0 also at it */
static bg_node *cut(bg_node *x, double low, double high)
{
    bg_node *least = bgi_scalar_like(x, low), *most = bgi_scalar_like(x, high);
    bg_node *is_inside = bg_logical_and(bg_greater(x, least), bg_less(x, most));
    return bg_where(is_inside, x, bg_stop_gradient(bg_minimum(bg_maximum(x, least), most)));
}
static bg_node *hardtanh_compose(bg_node *node) { return cut(node->inputs[0], number_of(node, 0), number_of(node, 1)); }
OF_PARTS(hardtanh);
bg_node *bg_hardtanh(bg_node *x, double low, double high)
{
    if (x && bgi_takes_float("hardtanh", x) && !(low < high))
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "hardtanh: low %g is not below high %g", low, high);
    return of_parts(&hardtanh_op, x, low, high);
}

static bg_node *relu6_compose(bg_node *node) { return cut(node->inputs[0], 0, 6); }
OF_PARTS(relu6);
bg_node *bg_relu6(bg_node *x) { return of_parts(&relu6_op, x, 0, 0); }

static bg_node *hardsigmoid_compose(bg_node *node)
{
    return bg_mul_scalar(cut(bg_add_scalar(node->inputs[0], 3), 0, 6), 1 / 6.0);
}
OF_PARTS(hardsigmoid);
bg_node *bg_hardsigmoid(bg_node *x) { return of_parts(&hardsigmoid_op, x, 0, 0); }

static bg_node *hardswish_compose(bg_node *node) { return bg_mul(node->inputs[0], bg_hardsigmoid(node->inputs[0])); }
OF_PARTS(hardswish);
bg_node *bg_hardswish(bg_node *x) { return of_parts(&hardswish_op, x, 0, 0); }

static bg_node *leaky_relu_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return bg_where(is_above(x, 0), x, bg_mul_scalar(x, number_of(node, 0)));
}
OF_PARTS(leaky_relu);
bg_node *bg_leaky_relu(bg_node *x, double slope) { return of_parts(&leaky_relu_op, x, slope, 0); }

/* prelu: the slopes along axis 1, or one slope */
bg_node *bg_prelu(bg_node *x, bg_node *slopes)
{
    static const char *const labels[] = { "x", "slopes" };
    bg_node *inputs[] = { x, slopes };
    bg_graph *graph = bgi_graph_of_floats("prelu", inputs, labels, 2);
    if (!graph)
        return NULL;
    int64_t count = bg_shape_count(slopes->shape), channels = x->shape.rank > 1 ? x->shape.dims[1] : 1;
    if (slopes->shape.rank != 1 || (count != 1 && count != channels))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "prelu: needs slopes [1] or [%lld], x's channels: x %s, slopes %s",
                              (long long)channels, bgi_shape_format(x->shape).text,
                              bgi_shape_format(slopes->shape).text);
    bg_shape shape = { .rank = x->shape.rank };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == 1 ? count : 1;
    return bg_where(is_above(x, 0), x, bg_mul(x, bg_reshape(slopes, shape)));
}

static bg_node *softsign_compose(bg_node *node)
{
    return bg_div(node->inputs[0], bg_add_scalar(bg_abs(node->inputs[0]), 1));
}
OF_PARTS(softsign);
bg_node *bg_softsign(bg_node *x) { return of_parts(&softsign_op, x, 0, 0); }

bg_node *bg_threshold(bg_node *x, double threshold, double value)
{
    if (!bgi_takes_float("threshold", x))
        return NULL;
    bg_node *is_below = bg_less_equal(x, bgi_scalar_like(x, threshold)); /* NaN stays NaN */
    return bg_where(is_below, bgi_scalar_like(x, value), x);
}

static bg_node *hardshrink_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return bg_where(bg_less_equal(bg_abs(x), bgi_scalar_like(x, number_of(node, 0))), bgi_scalar_like(x, 0), x);
}
OF_PARTS(hardshrink);
bg_node *bg_hardshrink(bg_node *x, double lambda) { return of_parts(&hardshrink_op, x, lambda, 0); }

static bg_node *softshrink_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    double lambda = number_of(node, 0);
    bg_node *is_below = bg_less(x, bgi_scalar_like(x, -lambda));
    bg_node *outside = bg_where(is_below, bg_add_scalar(x, lambda), bg_add_scalar(x, -lambda));
    return bg_where(bg_less_equal(bg_abs(x), bgi_scalar_like(x, lambda)), bgi_scalar_like(x, 0), outside);
}
OF_PARTS(softshrink);
bg_node *bg_softshrink(bg_node *x, double lambda)
{
    if (x && bgi_takes_float("softshrink", x) && lambda < 0)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "softshrink: lambda %g is negative", lambda);
    return of_parts(&softshrink_op, x, lambda, 0);
}

static bg_node *tanhshrink_compose(bg_node *node) { return bg_sub(node->inputs[0], bg_tanh(node->inputs[0])); }
OF_PARTS(tanhshrink);
bg_node *bg_tanhshrink(bg_node *x) { return of_parts(&tanhshrink_op, x, 0, 0); }

bg_node *bg_glu(bg_node *x, int axis)
{
    int found;
    if (!bgi_takes_float("glu", x) || !bgi_find_axis("glu", x, axis, &found))
        return NULL;
    int64_t extent = x->shape.dims[found];
    if (extent % 2 != 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "glu: the extent of axis %d is odd: x %s", axis,
                              bgi_shape_format(x->shape).text);
    return bg_mul(bg_slice(x, found, 0, extent / 2, 1), bg_sigmoid(bg_slice(x, found, extent / 2, extent, 1)));
}

const bg_op *const bgi_activation_ops[] = { &relu_op,       &tanh_op,       &sigmoid_op,  &log1p_exp_op,
                                            &softplus_op,   &gelu_tanh_op,  &gelu_op,     &logsigmoid_op,
                                            &elu_op,        &celu_op,       &selu_op,     &silu_op,
                                            &mish_op,       &hardtanh_op,   &relu6_op,    &hardsigmoid_op,
                                            &hardswish_op,  &leaky_relu_op, &softsign_op, &hardshrink_op,
                                            &softshrink_op, &tanhshrink_op, NULL };
