/* Arithmetic, elementwise. Two inputs broadcast. */
#include "ops/ops.h"

#include <float.h>
#include <math.h>

static bool is_op(const bg_node *node, const bg_op *op) { return node->op == op; }

static const bg_op add_op, sub_op, mul_op, neg_op;

/* Inputs of a commutative op in one order: a constant second, else by age. True if they have to be swapped. */
static bool is_reversed(const bg_node *x, const bg_node *y)
{
    double c;
    bool x_is_constant = bgi_node_is_constant(x, &c), y_is_constant = bgi_node_is_constant(y, &c);
    return x_is_constant != y_is_constant ? x_is_constant : x->id > y->id;
}

/* add: dx = dy, dy likewise */
static bg_node *add_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return dy;
}
static bg_node *add_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1], *folded = bgi_fold_map(node);
    if (folded)
        return folded;
    if (is_reversed(x, y))
        return bg_add(y, x);
    if (bgi_is_value(y, 0))
        return x;
    if (is_op(y, &neg_op))
        return bg_sub(x, y->inputs[0]);
    return is_op(x, &neg_op) ? bg_sub(y, x->inputs[0]) : NULL;
}
static const bg_op add_op = { .name = "add",
                              .arity = 2,
                              .infer = bgi_infer_map,
                              .gradient = add_gradient,
                              .lowering = BGI_CHEAP_MAP(add, add_simplify) };
bg_node *bg_add(bg_node *x, bg_node *y) { return bgi_map_2(&add_op, x, y); }
bg_node *bg_add_scalar(bg_node *x, double c)
{
    return bgi_takes_float("add_scalar", x) ? bg_add(x, bgi_scalar_like(x, c)) : NULL;
}

/* sub: dx = dy, of the second input -dy */
static bg_node *sub_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node;
    return input == 0 ? dy : bg_neg(dy);
}
static bg_node *sub_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1], *folded = bgi_fold_map(node);
    if (folded)
        return folded;
    if (bgi_is_value(y, 0))
        return x;
    if (bgi_is_value(x, 0))
        return bg_neg(y);
    return is_op(y, &neg_op) ? bg_add(x, y->inputs[0]) : NULL;
}
static const bg_op sub_op = { .name = "sub",
                              .arity = 2,
                              .infer = bgi_infer_map,
                              .gradient = sub_gradient,
                              .lowering = BGI_CHEAP_MAP(sub, sub_simplify) };
bg_node *bg_sub(bg_node *x, bg_node *y) { return bgi_map_2(&sub_op, x, y); }
bg_node *bg_sub_from(double c, bg_node *x)
{
    return bgi_takes_float("sub_from", x) ? bg_sub(bgi_scalar_like(x, c), x) : NULL;
}

/* mul: dx = dy · (the other input) */
static bg_node *mul_gradient(bg_node *node, int input, bg_node *dy) { return bg_mul(dy, node->inputs[1 - input]); }

/* (x · a) · b as x · ab, unless ab is so large or small that it would lose what x · a · b keeps. */
static bg_node *merge_factors(bg_node *x, double b, bg_dtype dtype)
{
    double a;
    if (!is_op(x, &mul_op) || !bgi_node_is_constant(x->inputs[1], &a))
        return NULL;
    double product = fabs(a * b);
    bool is_normal = dtype == BG_F32 ? product >= (double)FLT_MIN && product <= (double)FLT_MAX
                                     : product >= DBL_MIN && product <= DBL_MAX;
    return is_normal ? bg_mul_scalar(x->inputs[0], a * b) : NULL;
}
static bg_node *mul_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1], *folded = bgi_fold_map(node);
    double c;
    if (folded)
        return folded;
    if (x == y)
        return bg_square(x);
    if (is_reversed(x, y))
        return bg_mul(y, x);
    if (is_op(x, &neg_op) && is_op(y, &neg_op))
        return bg_mul(x->inputs[0], y->inputs[0]);
    if (!bgi_node_is_constant(y, &c)) /* x · 0 stays: it is NaN where x is not finite */
        return NULL;
    if (c == 1)
        return x;
    if (c == -1)
        return bg_neg(x);
    return is_op(x, &neg_op) ? bg_mul_scalar(x->inputs[0], -c) : merge_factors(x, c, node->dtype);
}
static const bg_op mul_op = { .name = "mul",
                              .arity = 2,
                              .infer = bgi_infer_map,
                              .gradient = mul_gradient,
                              .lowering = BGI_CHEAP_MAP(mul, mul_simplify) };
bg_node *bg_mul(bg_node *x, bg_node *y) { return bgi_map_2(&mul_op, x, y); }
bg_node *bg_mul_scalar(bg_node *x, double c)
{
    return bgi_takes_float("mul_scalar", x) ? bg_mul(x, bgi_scalar_like(x, c)) : NULL;
}

/* div: q = x / y, dx = dy / y, of the second input -dy q / y */
static bg_node *div_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *y = node->inputs[1];
    return input == 0 ? bg_div(dy, y) : bg_neg(bg_mul(dy, bg_div(node, y)));
}
static bg_node *div_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *folded = bgi_fold_map(node);
    double c;
    if (folded)
        return folded;
    if (!bgi_node_is_constant(node->inputs[1], &c))
        return NULL;
    int exponent;
    bool is_power_of_2 = fabs(frexp(c, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
    return is_power_of_2 ? bg_mul_scalar(x, 1 / c) : NULL; /* exact */
}
static const bg_op div_op = { .name = "div",
                              .arity = 2,
                              .infer = bgi_infer_map,
                              .gradient = div_gradient,
                              .lowering = BGI_COSTLY_MAP(div, div_simplify) };
bg_node *bg_div(bg_node *x, bg_node *y) { return bgi_map_2(&div_op, x, y); }

/* neg: dx = -dy */
static bg_node *neg_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node, (void)input;
    return bg_neg(dy);
}
static bg_node *neg_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *folded = bgi_fold_map(node);
    double c;
    if (folded)
        return folded;
    if (is_op(x, &neg_op))
        return x->inputs[0];
    if (is_op(x, &sub_op))
        return bg_sub(x->inputs[1], x->inputs[0]);
    if (is_op(x, &mul_op) && bgi_node_is_constant(x->inputs[1], &c))
        return bg_mul_scalar(x->inputs[0], -c);
    return NULL;
}
static const bg_op neg_op = { .name = "neg",
                              .arity = 1,
                              .infer = bgi_infer_map,
                              .gradient = neg_gradient,
                              .lowering = BGI_CHEAP_MAP(neg, neg_simplify) };
bg_node *bg_neg(bg_node *x) { return bgi_map_1(&neg_op, x); }

/* square: dx = 2 x dy */
static bg_node *square_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_mul_scalar(node->inputs[0], 2));
}
static bg_node *square_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *folded = bgi_fold_map(node);
    return folded || !is_op(x, &neg_op) ? folded : bg_square(x->inputs[0]);
}
static const bg_op square_op = { .name = "square",
                                 .arity = 1,
                                 .infer = bgi_infer_map,
                                 .gradient = square_gradient,
                                 .lowering = BGI_CHEAP_MAP(square, square_simplify) };
bg_node *bg_square(bg_node *x) { return bgi_map_1(&square_op, x); }

/* sqrt: dx = dy / 2y */
static bg_node *sqrt_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_div(dy, bg_mul_scalar(node, 2));
}
static const bg_op sqrt_op = { .name = "sqrt",
                               .arity = 1,
                               .infer = bgi_infer_map,
                               .gradient = sqrt_gradient,
                               .lowering = BGI_COSTLY_MAP(sqrt, bgi_fold_map) };
bg_node *bg_sqrt(bg_node *x) { return bgi_map_1(&sqrt_op, x); }

/* exp: dx = dy y */
static bg_node *exp_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, node);
}
static const bg_op exp_op = { .name = "exp",
                              .arity = 1,
                              .infer = bgi_infer_map,
                              .gradient = exp_gradient,
                              .lowering = BGI_COSTLY_MAP(exp, bgi_fold_map) };
bg_node *bg_exp(bg_node *x) { return bgi_map_1(&exp_op, x); }

/* log: dx = dy / x */
static bg_node *log_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_div(dy, node->inputs[0]);
}
static const bg_op log_op = { .name = "log",
                              .arity = 1,
                              .infer = bgi_infer_map,
                              .gradient = log_gradient,
                              .lowering = BGI_COSTLY_MAP(log, bgi_fold_map) };
bg_node *bg_log(bg_node *x) { return bgi_map_1(&log_op, x); }

/* expm1: dx = dy (y + 1) */
static bg_node *expm1_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_add_scalar(node, 1));
}
static const bg_op expm1_op = { .name = "expm1",
                                .arity = 1,
                                .infer = bgi_infer_map,
                                .gradient = expm1_gradient,
                                .lowering = BGI_COSTLY_MAP(expm1, bgi_fold_map) };
bg_node *bg_expm1(bg_node *x) { return bgi_map_1(&expm1_op, x); }

/* log1p: dx = dy / (1 + x) */
static bg_node *log1p_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_div(dy, bg_add_scalar(node->inputs[0], 1));
}
static const bg_op log1p_op = { .name = "log1p",
                                .arity = 1,
                                .infer = bgi_infer_map,
                                .gradient = log1p_gradient,
                                .lowering = BGI_COSTLY_MAP(log1p, bgi_fold_map) };
bg_node *bg_log1p(bg_node *x) { return bgi_map_1(&log1p_op, x); }

/* erf: dx = dy 2/√π exp(-x²) */
static bg_node *erf_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    const double two_over_sqrt_pi = 1.12837916709551257390;
    return bg_mul(dy, bg_mul_scalar(bg_exp(bg_neg(bg_square(node->inputs[0]))), two_over_sqrt_pi));
}
static const bg_op erf_op = { .name = "erf",
                              .arity = 1,
                              .infer = bgi_infer_map,
                              .gradient = erf_gradient,
                              .lowering = BGI_COSTLY_MAP(erf, bgi_fold_map) };
bg_node *bg_erf(bg_node *x) { return bgi_map_1(&erf_op, x); }

/* abs: dx = dy sign(x) */
static bg_node *abs_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_mul(dy, bg_sign(node->inputs[0]));
}
static bg_node *abs_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0], *folded = bgi_fold_map(node);
    return folded || !is_op(x, &neg_op) ? folded : bg_abs(x->inputs[0]);
}
static const bg_op abs_op = { .name = "abs",
                              .arity = 1,
                              .infer = bgi_infer_map,
                              .gradient = abs_gradient,
                              .lowering = BGI_CHEAP_MAP(abs, abs_simplify) };
bg_node *bg_abs(bg_node *x) { return bgi_map_1(&abs_op, x); }

/* sign: gradient 0 */
static const bg_op sign_op = { .name = "sign",
                               .arity = 1,
                               .infer = bgi_infer_map,
                               .is_constant = true,
                               .lowering = BGI_CHEAP_MAP(sign, bgi_fold_map) };
bg_node *bg_sign(bg_node *x) { return bgi_map_1(&sign_op, x); }

/* maximum and minimum: dy goes to the input that was chosen, half of it to each of equal ones. Where either is NaN both
 * get all of it, as neither is less: PyTorch's rule. */
static bg_node *extremum_gradient(bg_node *x, bg_node *y, bg_node *is_other, bg_node *dy)
{
    bg_node *zero = bgi_scalar_like(dy, 0);
    return bg_where(bg_equal(x, y), bg_mul_scalar(dy, 0.5), bg_where(is_other, zero, dy));
}
static bg_node *extremum_simplify(bg_node *node)
{
    return node->inputs[0] == node->inputs[1] ? node->inputs[0] : bgi_fold_map(node);
}
static bg_node *maximum_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return extremum_gradient(x, y, input == 0 ? bg_less(x, y) : bg_greater(x, y), dy);
}
static const bg_op maximum_op = { .name = "maximum",
                                  .arity = 2,
                                  .infer = bgi_infer_map,
                                  .gradient = maximum_gradient,
                                  .lowering = BGI_CHEAP_MAP(maximum, extremum_simplify) };
bg_node *bg_maximum(bg_node *x, bg_node *y) { return bgi_map_2(&maximum_op, x, y); }

static bg_node *minimum_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *y = node->inputs[1];
    return extremum_gradient(x, y, input == 0 ? bg_greater(x, y) : bg_less(x, y), dy);
}
static const bg_op minimum_op = { .name = "minimum",
                                  .arity = 2,
                                  .infer = bgi_infer_map,
                                  .gradient = minimum_gradient,
                                  .lowering = BGI_CHEAP_MAP(minimum, extremum_simplify) };
bg_node *bg_minimum(bg_node *x, bg_node *y) { return bgi_map_2(&minimum_op, x, y); }

const bg_op *const bgi_arithmetic_ops[] = { &add_op,  &sub_op,  &mul_op,     &div_op,     &neg_op,   &square_op,
                                            &sqrt_op, &exp_op,  &log_op,     &expm1_op,   &log1p_op, &erf_op,
                                            &abs_op,  &sign_op, &maximum_op, &minimum_op, NULL };
