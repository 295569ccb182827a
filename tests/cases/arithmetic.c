/* Elementwise arithmetic. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

BUILD_1(neg)
BUILD_1(square)
BUILD_1(sqrt)
BUILD_1(exp)
BUILD_1(log)
BUILD_1(expm1)
BUILD_1(log1p)
BUILD_1(erf)
BUILD_1(abs)
BUILD_1(sign)
BUILD_2(add)
BUILD_2(sub)
BUILD_2(mul)
BUILD_2(div)
BUILD_2(maximum)
BUILD_2(minimum)
BUILD(scalars, bg_sub_from(0.5, bg_mul_scalar(bg_add_scalar(x[0], 1.5), -0.75)))

static const op_case cases[] = {
    POINTWISE_2(add, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(sub, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(mul, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(div, IS_ANY, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(neg, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(square, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(sqrt, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(exp, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(expm1, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log1p, IS_ABOVE_HALF, IS_DIFFERENTIABLE),
    POINTWISE(erf, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(abs, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(sign, IS_NOT_0, IS_CONSTANT),
    POINTWISE_2(maximum, IS_EVEN, IS_ODD, IS_DIFFERENTIABLE),
    POINTWISE_2(minimum, IS_EVEN, IS_ODD, IS_DIFFERENTIABLE),
    { .name = "add, mul, sub of scalars", .arity = 1, .build = build_scalars, VARIANTS(one_shape) },
};

/* ---- Golden values ---- */

GOLDEN_1(neg)
GOLDEN_1(square)
GOLDEN_1(sqrt)
GOLDEN_1(exp)
GOLDEN_1(log)
GOLDEN_1(expm1)
GOLDEN_1(log1p)
GOLDEN_1(erf)
GOLDEN_1(abs)
GOLDEN_1(sign)
GOLDEN_2(add)
GOLDEN_2(sub)
GOLDEN_2(mul)
GOLDEN_2(div)
GOLDEN_2(maximum)
GOLDEN_2(minimum)
static const golden_op golden[] = {
    GOLDEN_ROW(neg),   GOLDEN_ROW(square), GOLDEN_ROW(sqrt),    GOLDEN_ROW(exp),     GOLDEN_ROW(log), GOLDEN_ROW(expm1),
    GOLDEN_ROW(log1p), GOLDEN_ROW(erf),    GOLDEN_ROW(abs),     GOLDEN_ROW(sign),    GOLDEN_ROW(add), GOLDEN_ROW(sub),
    GOLDEN_ROW(mul),   GOLDEN_ROW(div),    GOLDEN_ROW(maximum), GOLDEN_ROW(minimum),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_add(f->x3, f->x4), BG_ERR_SHAPE, "add: shapes do not broadcast together: x [3], y [4]")                       \
    X(bg_add(f->x3, f->d3), BG_ERR_DTYPE, "add: types differ: x f32, y f64")                                           \
    X(bg_add(f->i3, f->i3), BG_ERR_DTYPE, "add: x is i32, not f32 or f64")                                             \
    X(bg_sub(f->x23, f->x4), BG_ERR_SHAPE, "sub: shapes do not broadcast together: x [2, 3], y [4]")                   \
    X(bg_sub(f->d3, f->x3), BG_ERR_DTYPE, "sub: types differ: x f64, y f32")                                           \
    X(bg_mul(f->x23, f->x34), BG_ERR_SHAPE, "mul: shapes do not broadcast together: x [2, 3], y [3, 4]")               \
    X(bg_mul(f->x3, f->bools), BG_ERR_DTYPE, "mul: y is bool, not f32 or f64")                                         \
    X(bg_div(f->x4, f->x23), BG_ERR_SHAPE, "div: shapes do not broadcast together: x [4], y [2, 3]")                   \
    X(bg_div(f->l3, f->x3), BG_ERR_DTYPE, "div: x is i64, not f32 or f64")                                             \
    X(bg_maximum(f->x3, f->x4), BG_ERR_SHAPE, "maximum: shapes do not broadcast together: x [3], y [4]")               \
    X(bg_minimum(f->x3, f->d3), BG_ERR_DTYPE, "minimum: types differ: x f32, y f64")                                   \
    X(bg_add_scalar(f->i3, 1), BG_ERR_DTYPE, "add_scalar: x is i32, not f32 or f64")                                   \
    X(bg_mul_scalar(f->i3, 2), BG_ERR_DTYPE, "mul_scalar: x is i32, not f32 or f64")                                   \
    X(bg_sub_from(1, f->bools), BG_ERR_DTYPE, "sub_from: x is bool, not f32 or f64")                                   \
    X(bg_neg(f->i3), BG_ERR_DTYPE, "neg: x is i32, not f32 or f64")                                                    \
    X(bg_square(f->i3), BG_ERR_DTYPE, "square: x is i32, not f32 or f64")                                              \
    X(bg_sqrt(f->i3), BG_ERR_DTYPE, "sqrt: x is i32, not f32 or f64")                                                  \
    X(bg_exp(f->i3), BG_ERR_DTYPE, "exp: x is i32, not f32 or f64")                                                    \
    X(bg_log(f->i3), BG_ERR_DTYPE, "log: x is i32, not f32 or f64")                                                    \
    X(bg_expm1(f->i3), BG_ERR_DTYPE, "expm1: x is i32, not f32 or f64")                                                \
    X(bg_log1p(f->i3), BG_ERR_DTYPE, "log1p: x is i32, not f32 or f64")                                                \
    X(bg_erf(f->i3), BG_ERR_DTYPE, "erf: x is i32, not f32 or f64")                                                    \
    X(bg_abs(f->i3), BG_ERR_DTYPE, "abs: x is i32, not f32 or f64")                                                    \
    X(bg_sign(f->i3), BG_ERR_DTYPE, "sign: x is i32, not f32 or f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(abs, bg_abs(x))
EDGE(sign, bg_sign(x))
EDGE(sqrt, bg_sqrt(x))
EDGE(log, bg_log(x))
EDGE(exp, bg_exp(x))
EDGE(div, bg_div(x, y))
EDGE(maximum, bg_maximum(x, y))
EDGE(minimum, bg_minimum(x, y))
EDGE(maximum_itself, bg_maximum(x, x))
EDGE(expm1, bg_expm1(x))
EDGE(log1p, bg_log1p(x))
EDGE(erf, bg_erf(x))
EDGE(times_0, bg_mul_scalar(x, 0))
EDGE(norm, bg_sqrt(bg_sum(bg_square(x), BG_ALL_AXES)))
static const edge edges[] = {
    { "abs", edge_abs, 4, .x = LIST(0, -0.0, -2, 3), .n_values = 4, .value = LIST(0, 0, 2, 3), .dx = LIST(0, 0, -1, 1),
      .is_kink = true },
    { "sign", edge_sign, 4, .x = LIST(0, -2, 3, NOT_A_NUMBER), .n_values = 4, .value = LIST(0, -1, 1, 0),
      .dx = LIST(0, 0, 0, 0) },
    { "sqrt", edge_sqrt, 4, .x = LIST(0, 4, -1, INF), .n_values = 4, .value = LIST(0, 2, NOT_A_NUMBER, INF),
      .dx = LIST(INF, 0.25, NOT_A_NUMBER, 0) },
    { "log", edge_log, 4, .x = LIST(0, 1, -1, INF), .n_values = 4, .value = LIST(-INF, 0, NOT_A_NUMBER, INF),
      .dx = LIST(INF, 1, -1, 0) },
    { "exp", edge_exp, 4, .x = LIST(0, -INF, INF, -2000), .n_values = 4, .value = LIST(1, 0, INF, 0),
      .dx = LIST(1, 0, INF, 0) },
    { "div", edge_div, 4, .x = LIST(1, -1, 0, 6), .y = LIST(0, 0, 0, 3), .n_values = 4,
      .value = LIST(INF, -INF, NOT_A_NUMBER, 2), .dx = LIST(INF, INF, INF, 1 / 3.0), .tolerance = 1e-7 },
    { "maximum", edge_maximum, 4, .x = LIST(1, 2, 0, NOT_A_NUMBER), .y = LIST(1, 1, 3, 0), .n_values = 4,
      .value = LIST(1, 2, 3, NOT_A_NUMBER), .dx = LIST(0.5, 1, 0, 1), .dy = LIST(0.5, 0, 1, 1), .has_dy = true,
      .is_kink = true },
    { "minimum", edge_minimum, 4, .x = LIST(1, 2, 0, 0), .y = LIST(1, 1, 3, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1, 1, 0, NOT_A_NUMBER), .dx = LIST(0.5, 0, 1, 1), .dy = LIST(0.5, 1, 0, 1), .has_dy = true,
      .is_kink = true },
    { "maximum of x and x", edge_maximum_itself, 2, .x = LIST(1, -2), .n_values = 2, .value = LIST(1, -2),
      .dx = LIST(1, 1) },
    { "expm1", edge_expm1, 3, .x = LIST(1e-9, -INF, 0), .n_values = 3, .value = LIST(1.0000000005e-9, -1, 0),
      .dx = LIST(1, 0, 1), .tolerance = 1e-7 },
    { "log1p", edge_log1p, 3, .x = LIST(1e-9, -1, 0), .n_values = 3, .value = LIST(9.999999995e-10, -INF, 0),
      .dx = LIST(1, INF, 1), .tolerance = 1e-7 },
    { "erf", edge_erf, 3, .x = LIST(0, INF, -30), .n_values = 3, .value = LIST(0, 1, -1),
      .dx = LIST(1.1283791670955126, 0, 0), .tolerance = 1e-6 },
    { "0 times NaN and infinity", edge_times_0, 3, .x = LIST(NOT_A_NUMBER, INF, 2), .n_values = 3,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER, 0), .dx = LIST(0, 0, 0) },
    { "norm of 0 by hand", edge_norm, 2, .x = LIST(0, 0), .n_values = 1, .value = LIST(0),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
};

const op_family arithmetic_family = { .name = "arithmetic", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
