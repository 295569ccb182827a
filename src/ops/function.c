/* Rounding, powers, logarithms, trigonometry: functions of the C library, elementwise. */
#include "ops/ops.h"

/* The input, the other input, the value, and what the gradient rules below are written with. */
#define X                node->inputs[0]
#define Y                node->inputs[1]
#define TIMES(factor)    bg_mul(dy, factor)
#define OVER(divisor)    bg_div(dy, divisor)
#define SCALED(x, scale) bg_mul_scalar(x, scale)

static const double LN_2 = 0.693147180559945309417, LN_10 = 2.30258509299404568402;

/* ---- Rounding: gradient 0 ---- */

#define ROUNDING(function)                                                                                             \
    static const bg_op function##_op = { .name = #function,                                                            \
                                         .arity = 1,                                                                   \
                                         .infer = bgi_infer_map,                                                       \
                                         .is_constant = true,                                                          \
                                         .lowering = BGI_CHEAP_MAP(function, bgi_fold_map) };                          \
    bg_node *bg_##function(bg_node *x) { return bgi_map_1(&function##_op, x); }
ROUNDING(floor)
ROUNDING(ceil)
ROUNDING(round)
ROUNDING(trunc)

/* ---- Functions of one input ---- */

#define FUNCTION(function, dx)                                                                                         \
    static bg_node *function##_gradient(bg_node *node, int input, bg_node *dy)                                         \
    {                                                                                                                  \
        (void)input;                                                                                                   \
        return dx;                                                                                                     \
    }                                                                                                                  \
    static const bg_op function##_op = { .name = #function,                                                            \
                                         .arity = 1,                                                                   \
                                         .infer = bgi_infer_map,                                                       \
                                         .gradient = function##_gradient,                                              \
                                         .lowering = BGI_COSTLY_MAP(function, bgi_fold_map) };                         \
    bg_node *bg_##function(bg_node *x) { return bgi_map_1(&function##_op, x); }

/* (1 - x)(1 + x), which keeps its bits near x = ±1. */
static bg_node *one_minus_square(bg_node *x) { return bg_mul(bg_sub_from(1, x), bg_add_scalar(x, 1)); }
static bg_node *square_plus_one(bg_node *x) { return bg_add_scalar(bg_square(x), 1); }

FUNCTION(exp2, TIMES(SCALED(node, LN_2)))
FUNCTION(log2, OVER(SCALED(X, LN_2)))
FUNCTION(log10, OVER(SCALED(X, LN_10)))
FUNCTION(sin, TIMES(bg_cos(X)))
FUNCTION(cos, bg_neg(TIMES(bg_sin(X))))
FUNCTION(tan, TIMES(square_plus_one(node)))
FUNCTION(asin, OVER(bg_sqrt(one_minus_square(X))))
FUNCTION(acos, bg_neg(OVER(bg_sqrt(one_minus_square(X)))))
FUNCTION(atan, OVER(square_plus_one(X)))
FUNCTION(sinh, TIMES(bg_cosh(X)))
FUNCTION(cosh, TIMES(bg_sinh(X)))
FUNCTION(asinh, OVER(bg_sqrt(square_plus_one(X))))
FUNCTION(acosh, OVER(bg_sqrt(bg_mul(bg_add_scalar(X, -1), bg_add_scalar(X, 1)))))
FUNCTION(atanh, OVER(one_minus_square(X)))

/* erfc: 1 - erf(x), which keeps its bits far above 0; dx = -dy 2/√π exp(-x²) */
static const double TWO_OVER_SQRT_PI = 1.12837916709551257390;
FUNCTION(erfc, TIMES(SCALED(bg_exp(bg_neg(bg_square(X))), -TWO_OVER_SQRT_PI)))

/* reciprocal: dx = -dy y² */
static bg_node *reciprocal_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bg_neg(TIMES(bg_square(node)));
}
static bg_node *reciprocal_compose(bg_node *node) { return bg_div(bgi_scalar_like(X, 1), X); }
static const bg_op reciprocal_op = { .name = "reciprocal",
                                     .arity = 1,
                                     .infer = bgi_infer_map,
                                     .gradient = reciprocal_gradient,
                                     .compose = reciprocal_compose };
bg_node *bg_reciprocal(bg_node *x) { return bgi_map_1(&reciprocal_op, x); }

/* rsqrt: dx = -dy y³ / 2 */
static bg_node *rsqrt_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return TIMES(SCALED(bg_mul(bg_square(node), node), -0.5));
}
static bg_node *rsqrt_compose(bg_node *node) { return bg_reciprocal(bg_sqrt(X)); }
static const bg_op rsqrt_op = {
    .name = "rsqrt", .arity = 1, .infer = bgi_infer_map, .gradient = rsqrt_gradient, .compose = rsqrt_compose
};
bg_node *bg_rsqrt(bg_node *x) { return bgi_map_1(&rsqrt_op, x); }

/* ---- Functions of two inputs, which broadcast ---- */

#define FUNCTION_2(function)                                                                                           \
    static const bg_op function##_op = { .name = #function,                                                            \
                                         .arity = 2,                                                                   \
                                         .infer = bgi_infer_map,                                                       \
                                         .gradient = function##_gradient,                                              \
                                         .lowering = BGI_COSTLY_MAP(function, bgi_fold_map) };                         \
    bg_node *bg_##function(bg_node *x, bg_node *y) { return bgi_map_2(&function##_op, x, y); }

static bg_node *zero_where(bg_node *condition, bg_node *otherwise)
{
    return bg_where(condition, bgi_scalar_like(otherwise, 0), otherwise);
}

/* pow: dx = dy y x^(y-1), 0 where y is 0; of the exponent dy x^y log x, 0 where x is 0 and y >= 0 */
static bg_node *pow_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *zero = bgi_scalar_like(X, 0);
    if (input == 0)
        return zero_where(bg_equal(Y, zero), TIMES(bg_mul(Y, bg_pow(X, bg_add_scalar(Y, -1)))));
    bg_node *is_zero = bg_logical_and(bg_equal(X, zero), bg_greater_equal(Y, zero));
    return zero_where(is_zero, TIMES(bg_mul(node, bg_log(X))));
}
FUNCTION_2(pow)
bg_node *bg_pow_scalar(bg_node *x, double exponent)
{
    if (!bgi_takes_float("pow_scalar", x))
        return NULL;
    return exponent == 2 ? bg_square(x) : exponent == 1 ? x : bg_pow(x, bgi_scalar_like(x, exponent));
}

/* atan2(y, x): of y dy x / (x² + y²), of x -dy y / (x² + y²); NaN at (0, 0) */
static bg_node *atan2_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *share = bg_reciprocal(bg_add(bg_square(X), bg_square(Y)));
    return input == 0 ? TIMES(bg_mul(Y, share)) : bg_neg(TIMES(bg_mul(X, share)));
}
FUNCTION_2(atan2)

/* hypot: dx = dy x / h */
static bg_node *hypot_gradient(bg_node *node, int input, bg_node *dy)
{
    return TIMES(bg_div(node->inputs[input], node));
}
FUNCTION_2(hypot)

/* fmod: x - y trunc(x / y), dx = dy, of y -dy trunc(x / y) */
static bg_node *fmod_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? dy : bg_neg(TIMES(bg_trunc(bg_div(X, Y))));
}
FUNCTION_2(fmod)

/* remainder: x - y floor(x / y), as fmod with y added where the signs differ. Of y -dy floor(x / y) */
static bg_node *remainder_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? dy : bg_neg(TIMES(bg_floor(bg_div(X, Y))));
}
static bg_node *remainder_compose(bg_node *node)
{
    bg_node *rest = bg_fmod(X, Y), *zero = bgi_scalar_like(X, 0);
    bg_node *differs = bg_logical_xor(bg_less(rest, zero), bg_less(Y, zero));
    return bg_where(bg_logical_and(differs, bg_not_equal(rest, zero)), bg_add(rest, Y), rest);
}
static const bg_op remainder_op = { .name = "remainder",
                                    .arity = 2,
                                    .infer = bgi_infer_map,
                                    .gradient = remainder_gradient,
                                    .compose = remainder_compose };
bg_node *bg_remainder(bg_node *x, bg_node *y) { return bgi_map_2(&remainder_op, x, y); }

/* xlogy: x log y, 0 where x is 0 unless y is NaN. dx = dy log y, 0 where x is 0 and y <= 0; of y dy x / y */
static bg_node *xlogy_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *zero = bgi_scalar_like(X, 0);
    if (input == 1)
        return TIMES(bg_div(X, Y));
    return zero_where(bg_logical_and(bg_equal(X, zero), bg_less_equal(Y, zero)), TIMES(bg_log(Y)));
}
static bg_node *xlogy_compose(bg_node *node)
{
    bg_node *is_zero = bg_logical_and(bg_equal(X, bgi_scalar_like(X, 0)), bg_equal(Y, Y));
    return zero_where(is_zero, bg_mul(X, bg_log(Y)));
}
static const bg_op xlogy_op = {
    .name = "xlogy", .arity = 2, .infer = bgi_infer_map, .gradient = xlogy_gradient, .compose = xlogy_compose
};
bg_node *bg_xlogy(bg_node *x, bg_node *y) { return bgi_map_2(&xlogy_op, x, y); }

/* logaddexp: max + log(1 + exp(-|x - y|)), max itself where x = y is infinite. dx = dy / (1 + exp(y - x)) */
static bg_node *logaddexp_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *own = node->inputs[input], *other = node->inputs[1 - input];
    return TIMES(bg_sigmoid(bg_sub(own, other)));
}
static bg_node *logaddexp_compose(bg_node *node)
{
    bg_node *most = bg_maximum(X, Y), *rest = bgi_log1p_exp(bg_neg(bg_abs(bg_sub(X, Y))));
    bg_node *is_same_infinity = bg_logical_and(bg_equal(X, Y), bg_is_inf(X));
    return bg_where(is_same_infinity, most, bg_add(most, rest));
}
static const bg_op logaddexp_op = { .name = "logaddexp",
                                    .arity = 2,
                                    .infer = bgi_infer_map,
                                    .gradient = logaddexp_gradient,
                                    .compose = logaddexp_compose };
bg_node *bg_logaddexp(bg_node *x, bg_node *y) { return bgi_map_2(&logaddexp_op, x, y); }

const bg_op *const bgi_function_ops[] = { &floor_op, &ceil_op,       &round_op, &trunc_op,     &exp2_op,  &log2_op,
                                          &log10_op, &sin_op,        &cos_op,   &tan_op,       &asin_op,  &acos_op,
                                          &atan_op,  &sinh_op,       &cosh_op,  &asinh_op,     &acosh_op, &atanh_op,
                                          &erfc_op,  &reciprocal_op, &rsqrt_op, &pow_op,       &atan2_op, &hypot_op,
                                          &fmod_op,  &remainder_op,  &xlogy_op, &logaddexp_op, NULL };
