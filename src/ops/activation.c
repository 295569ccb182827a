/* Activations, elementwise. */
#include "ops/ops.h"

/* relu: dx = y <= 0 ? 0 : dy. Where y is NaN, it is dy. */
static bg_node *relu_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *zero = bgi_scalar_like(dy, 0);
    return bg_where(bg_less_equal(node, zero), zero, dy);
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

/* gelu: x Φ(x); its gradient is that of its parts */
bg_node *bg_gelu(bg_node *x)
{
    const double sqrt_half = 0.70710678118654752440;
    if (!bgi_takes_float("gelu", x))
        return NULL;
    return bg_mul(bg_mul_scalar(x, 0.5), bg_add_scalar(bg_erf(bg_mul_scalar(x, sqrt_half)), 1));
}

/* gelu_tanh: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2; its gradient is that of its parts */
bg_node *bg_gelu_tanh(bg_node *x)
{
    const double sqrt_two_over_pi = 0.79788456080286535588;
    if (!bgi_takes_float("gelu_tanh", x))
        return NULL;
    bg_node *inner = bg_add(x, bg_mul_scalar(bg_mul(bg_square(x), x), 0.044715));
    return bg_mul(bg_mul_scalar(x, 0.5), bg_add_scalar(bg_tanh(bg_mul_scalar(inner, sqrt_two_over_pi)), 1));
}

const bg_op *const bgi_activation_ops[] = { &relu_op, &tanh_op, &sigmoid_op, &log1p_exp_op, &softplus_op, NULL };
