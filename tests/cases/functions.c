/* Rounding, powers, logarithms, trigonometry, elementwise. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

BUILD_1(floor)
BUILD_1(ceil)
BUILD_1(round)
BUILD_1(trunc)
BUILD_1(exp2)
BUILD_1(log2)
BUILD_1(log10)
BUILD_1(sin)
BUILD_1(cos)
BUILD_1(tan)
BUILD_1(asin)
BUILD_1(acos)
BUILD_1(atan)
BUILD_1(sinh)
BUILD_1(cosh)
BUILD_1(asinh)
BUILD_1(acosh)
BUILD_1(atanh)
BUILD_1(erfc)
BUILD_1(reciprocal)
BUILD_1(rsqrt)
BUILD_2(pow)
BUILD_2(atan2)
BUILD_2(hypot)
BUILD_2(xlogy)
BUILD_2(logaddexp)
BUILD_3(lerp)
BUILD(pow_scalar, bg_pow_scalar(x[0], 2.5))
BUILD(pow_scalar_2, bg_pow_scalar(x[0], 2))
/* Quotients stay between integers, where these jump. */
/* A divisor near 1 leaves quotients of -3 to 3 between integers. */
static bg_node *near_one(bg_node *x) { return bg_add_scalar(bg_mul_scalar(x, 0.01), 1); }
BUILD(fmod_apart, bg_fmod(x[0], near_one(x[1])))
BUILD(remainder_apart, bg_remainder(x[0], near_one(x[1])))

static const op_case cases[] = {
    POINTWISE(floor, IS_BETWEEN, IS_CONSTANT),
    POINTWISE(ceil, IS_BETWEEN, IS_CONSTANT),
    POINTWISE(round, IS_BETWEEN, IS_CONSTANT),
    POINTWISE(trunc, IS_BETWEEN, IS_CONSTANT),
    POINTWISE(exp2, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(log2, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(log10, IS_POSITIVE, IS_DIFFERENTIABLE),
    POINTWISE(sin, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(cos, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(tan, IS_BELOW_ONE, IS_DIFFERENTIABLE),
    POINTWISE(asin, IS_BELOW_ONE, IS_DIFFERENTIABLE),
    POINTWISE(acos, IS_BELOW_ONE, IS_DIFFERENTIABLE),
    POINTWISE(atan, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(sinh, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(cosh, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(asinh, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(acosh, IS_ABOVE_ONE, IS_DIFFERENTIABLE),
    POINTWISE(atanh, IS_BELOW_ONE, IS_DIFFERENTIABLE),
    POINTWISE(erfc, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE(reciprocal, IS_NOT_0, IS_DIFFERENTIABLE),
    POINTWISE(rsqrt, IS_POSITIVE, IS_DIFFERENTIABLE),
    { .name = "pow",
      .op = "pow",
      .arity = 2,
      .domains = { IS_POSITIVE, IS_ANY },
      .rho = 2e-6,
      .build = build_pow,
      VARIANTS(two_shapes) },
    POINTWISE_2(atan2, IS_NOT_0, IS_ANY, IS_DIFFERENTIABLE),
    POINTWISE_2(hypot, IS_NOT_0, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "fmod",
      .op = "fmod",
      .arity = 2,
      .domains = { IS_BETWEEN, IS_PROBABILITY },
      .is_apart = true,
      .build = build_fmod_apart,
      VARIANTS(two_shapes) },
    { .name = "remainder",
      .op = "remainder",
      .arity = 2,
      .domains = { IS_BETWEEN, IS_PROBABILITY },
      .is_apart = true,
      .build = build_remainder_apart,
      VARIANTS(two_shapes) },
    { .name = "xlogy",
      .op = "xlogy",
      .arity = 2,
      .domains = { IS_ANY, IS_POSITIVE },
      .is_apart = true,
      .build = build_xlogy,
      VARIANTS(two_shapes) },
    POINTWISE_2(logaddexp, IS_ANY, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "lerp",
      .arity = 3,
      .domains = { IS_ANY, IS_ANY, IS_POSITIVE },
      .rho = 2e-6,
      .build = build_lerp,
      VARIANTS(three_shapes) },
    { .name = "lerp, from the other end",
      .arity = 3,
      .domains = { IS_ANY, IS_ANY, IS_SMALL },
      .rho = 2e-6,
      .build = build_lerp,
      VARIANTS(three_shapes) },
    { .name = "pow_scalar",
      .arity = 1,
      .domains = { IS_POSITIVE },
      .rho = 2e-6,
      .build = build_pow_scalar,
      VARIANTS(one_shape) },
    { .name = "pow_scalar, square", .arity = 1, .build = build_pow_scalar_2, VARIANTS(one_shape) },
};

/* ---- Golden values ---- */

GOLDEN_1(floor)
GOLDEN_1(ceil)
GOLDEN_1(round)
GOLDEN_1(trunc)
GOLDEN_1(exp2)
GOLDEN_1(log2)
GOLDEN_1(log10)
GOLDEN_1(sin)
GOLDEN_1(cos)
GOLDEN_1(tan)
GOLDEN_1(asin)
GOLDEN_1(acos)
GOLDEN_1(atan)
GOLDEN_1(sinh)
GOLDEN_1(cosh)
GOLDEN_1(asinh)
GOLDEN_1(acosh)
GOLDEN_1(atanh)
GOLDEN_1(erfc)
GOLDEN_1(reciprocal)
GOLDEN_1(rsqrt)
GOLDEN_2(pow)
GOLDEN_2(atan2)
GOLDEN_2(hypot)
GOLDEN_2(fmod)
GOLDEN_2(remainder)
GOLDEN_2(xlogy)
GOLDEN_2(logaddexp)
GOLDEN(lerp, bg_lerp(c->x[0], c->x[1], c->x[2]))
GOLDEN(pow_scalar, bg_pow_scalar(c->x[0], golden_number(c->record, "exponent")))
static const golden_op golden[] = {
    GOLDEN_ROW(floor),     GOLDEN_ROW(ceil),  GOLDEN_ROW(round),     GOLDEN_ROW(trunc), GOLDEN_ROW(exp2),
    GOLDEN_ROW(log2),      GOLDEN_ROW(log10), GOLDEN_ROW(sin),       GOLDEN_ROW(cos),   GOLDEN_ROW(tan),
    GOLDEN_ROW(asin),      GOLDEN_ROW(acos),  GOLDEN_ROW(atan),      GOLDEN_ROW(sinh),  GOLDEN_ROW(cosh),
    GOLDEN_ROW(asinh),     GOLDEN_ROW(acosh), GOLDEN_ROW(atanh),     GOLDEN_ROW(erfc),  GOLDEN_ROW(reciprocal),
    GOLDEN_ROW(rsqrt),     GOLDEN_ROW(pow),   GOLDEN_ROW(atan2),     GOLDEN_ROW(hypot), GOLDEN_ROW(fmod),
    GOLDEN_ROW(remainder), GOLDEN_ROW(xlogy), GOLDEN_ROW(logaddexp), GOLDEN_ROW(lerp),  GOLDEN_ROW(pow_scalar),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_floor(f->i3), BG_ERR_DTYPE, "floor: x is i32, not f32 or f64")                                                \
    X(bg_ceil(f->i3), BG_ERR_DTYPE, "ceil: x is i32, not f32 or f64")                                                  \
    X(bg_round(f->i3), BG_ERR_DTYPE, "round: x is i32, not f32 or f64")                                                \
    X(bg_trunc(f->i3), BG_ERR_DTYPE, "trunc: x is i32, not f32 or f64")                                                \
    X(bg_exp2(f->i3), BG_ERR_DTYPE, "exp2: x is i32, not f32 or f64")                                                  \
    X(bg_log2(f->i3), BG_ERR_DTYPE, "log2: x is i32, not f32 or f64")                                                  \
    X(bg_log10(f->i3), BG_ERR_DTYPE, "log10: x is i32, not f32 or f64")                                                \
    X(bg_sin(f->i3), BG_ERR_DTYPE, "sin: x is i32, not f32 or f64")                                                    \
    X(bg_cos(f->i3), BG_ERR_DTYPE, "cos: x is i32, not f32 or f64")                                                    \
    X(bg_tan(f->i3), BG_ERR_DTYPE, "tan: x is i32, not f32 or f64")                                                    \
    X(bg_asin(f->i3), BG_ERR_DTYPE, "asin: x is i32, not f32 or f64")                                                  \
    X(bg_acos(f->i3), BG_ERR_DTYPE, "acos: x is i32, not f32 or f64")                                                  \
    X(bg_atan(f->i3), BG_ERR_DTYPE, "atan: x is i32, not f32 or f64")                                                  \
    X(bg_sinh(f->i3), BG_ERR_DTYPE, "sinh: x is i32, not f32 or f64")                                                  \
    X(bg_cosh(f->i3), BG_ERR_DTYPE, "cosh: x is i32, not f32 or f64")                                                  \
    X(bg_asinh(f->i3), BG_ERR_DTYPE, "asinh: x is i32, not f32 or f64")                                                \
    X(bg_acosh(f->i3), BG_ERR_DTYPE, "acosh: x is i32, not f32 or f64")                                                \
    X(bg_atanh(f->i3), BG_ERR_DTYPE, "atanh: x is i32, not f32 or f64")                                                \
    X(bg_erfc(f->i3), BG_ERR_DTYPE, "erfc: x is i32, not f32 or f64")                                                  \
    X(bg_reciprocal(f->i3), BG_ERR_DTYPE, "reciprocal: x is i32, not f32 or f64")                                      \
    X(bg_rsqrt(f->i3), BG_ERR_DTYPE, "rsqrt: x is i32, not f32 or f64")                                                \
    X(bg_pow(f->x3, f->x4), BG_ERR_SHAPE, "pow: shapes do not broadcast together: x [3], y [4]")                       \
    X(bg_pow(f->x3, f->d3), BG_ERR_DTYPE, "pow: types differ: x f32, y f64")                                           \
    X(bg_atan2(f->x3, f->x4), BG_ERR_SHAPE, "atan2: shapes do not broadcast together: x [3], y [4]")                   \
    X(bg_atan2(f->x3, f->d3), BG_ERR_DTYPE, "atan2: types differ: x f32, y f64")                                       \
    X(bg_hypot(f->x3, f->x4), BG_ERR_SHAPE, "hypot: shapes do not broadcast together: x [3], y [4]")                   \
    X(bg_hypot(f->x3, f->d3), BG_ERR_DTYPE, "hypot: types differ: x f32, y f64")                                       \
    X(bg_fmod(f->x3, f->x4), BG_ERR_SHAPE, "fmod: shapes do not broadcast together: x [3], y [4]")                     \
    X(bg_fmod(f->x3, f->d3), BG_ERR_DTYPE, "fmod: types differ: x f32, y f64")                                         \
    X(bg_remainder(f->x3, f->x4), BG_ERR_SHAPE, "remainder: shapes do not broadcast together: x [3], y [4]")           \
    X(bg_remainder(f->x3, f->d3), BG_ERR_DTYPE, "remainder: types differ: x f32, y f64")                               \
    X(bg_xlogy(f->x3, f->x4), BG_ERR_SHAPE, "xlogy: shapes do not broadcast together: x [3], y [4]")                   \
    X(bg_xlogy(f->x3, f->d3), BG_ERR_DTYPE, "xlogy: types differ: x f32, y f64")                                       \
    X(bg_logaddexp(f->x3, f->x4), BG_ERR_SHAPE, "logaddexp: shapes do not broadcast together: x [3], y [4]")           \
    X(bg_logaddexp(f->x3, f->d3), BG_ERR_DTYPE, "logaddexp: types differ: x f32, y f64")                               \
    X(bg_pow_scalar(f->bools, 2), BG_ERR_DTYPE, "pow_scalar: x is bool, not f32 or f64")                               \
    X(bg_lerp(f->x3, f->x4, f->x3), BG_ERR_SHAPE, "lerp: shapes do not broadcast together: x [3], y [4], weight [3]")  \
    X(bg_lerp(f->x3, f->x3, f->d3), BG_ERR_DTYPE, "lerp: types differ: x f32, weight f64")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(round, bg_round(x))
EDGE(pow, bg_pow(x, y))
EDGE(atan2, bg_atan2(x, y))
EDGE(xlogy, bg_xlogy(x, y))
EDGE(pow_half, bg_pow_scalar(x, 0.5))
EDGE(remainder, bg_remainder(x, y))
EDGE(logaddexp, bg_logaddexp(x, y))
EDGE(sin, bg_sin(x))
EDGE(erfc, bg_erfc(x))
static const edge edges[] = {
    { "round: halves to even", edge_round, 4, .x = LIST(0.5, 1.5, -2.5, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(0, 2, -2, NOT_A_NUMBER), .dx = LIST(0, 0, 0, 0) },
    { "x to the 0, 0 to the y", edge_pow, 4, .x = LIST(0, 2, 0, 0), .y = LIST(0, 0, 2, 1), .n_values = 4,
      .value = LIST(1, 1, 0, 0), .dx = LIST(0, 0, 0, 1), .dy = LIST(0, 0.69314718055994531, 0, 0), .has_dy = true,
      .tolerance = 1e-7 },
    { "x to the 0.5 at 0", edge_pow_half, 2, .x = LIST(0, -1), .n_values = 2, .value = LIST(0, NOT_A_NUMBER),
      .dx = LIST(INF, NOT_A_NUMBER) },
    { "atan2(0, 0)", edge_atan2, 2, .x = LIST(0, 1), .y = LIST(0, 0), .n_values = 2,
      .value = LIST(0, 1.5707963267948966), .dx = LIST(NOT_A_NUMBER, 0), .dy = LIST(NOT_A_NUMBER, -1), .has_dy = true,
      .tolerance = 1e-7 },
    { "xlogy(0, 0)", edge_xlogy, 3, .x = LIST(0, 0, 0), .y = LIST(0, 2, NOT_A_NUMBER), .n_values = 3,
      .value = LIST(0, 0, NOT_A_NUMBER), .dx = LIST(0, 0.69314718055994531, NOT_A_NUMBER), .tolerance = 1e-7 },
    { "remainder: the sign of y", edge_remainder, 4, .x = LIST(5, -5, 5, -6), .y = LIST(3, 3, -3, 3), .n_values = 4,
      .value = LIST(2, 1, -1, 0), .dx = LIST(1, 1, 1, 1), .dy = LIST(-1, 2, 2, 2), .has_dy = true },
    { "logaddexp: infinities", edge_logaddexp, 4, .x = LIST(INF, -INF, 1000, -INF), .y = LIST(INF, -INF, 1000, 3),
      .n_values = 4, .value = LIST(INF, -INF, 1000.6931471805599, 3), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, 0.5, 0),
      .tolerance = 1e-7 },
    { "erfc: the tail", edge_erfc, 4, .x = LIST(5, INF, -INF, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1.5374597944280351e-12, 0, 2, NOT_A_NUMBER),
      .dx = LIST(-1.5670866531017336e-11, 0, 0, NOT_A_NUMBER), .tolerance = 3e-7 },
    { "erfc: the far tail", edge_erfc, 2, .x = LIST(20, 30), .n_values = 2, .value = LIST(5.3958656116079005e-176, 0),
      .dx = LIST(-2.1610374743867984e-174, 0), .tolerance = 1e-14, .only_f64 = true },
    { "sin of a large number", edge_sin, 2, .x = LIST(1048576, INF), .n_values = 2,
      .value = LIST(0.33049314002173469, NOT_A_NUMBER), .dx = LIST(0.94380839390131199, NOT_A_NUMBER),
      .tolerance = 1e-6 },
};

const op_family functions_family = { .name = "functions", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
