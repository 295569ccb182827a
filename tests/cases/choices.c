/* Comparisons, choices, conversions. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

BUILD_2(equal)
BUILD_2(not_equal)
BUILD_2(less)
BUILD_2(less_equal)
BUILD_2(greater)
BUILD_2(greater_equal)
BUILD_1(is_finite)
BUILD_1(is_nan)
BUILD_1(is_inf)
BUILD_2(logical_and)
BUILD_2(logical_or)
BUILD_2(logical_xor)
BUILD_1(logical_not)
BUILD(masked_fill, bg_masked_fill(x[0], x[1], -0.5))
BUILD(nan_to_num, bg_nan_to_num(x[0], 1, 2, 3))
BUILD_2(fmax)
BUILD_2(fmin)
BUILD(clamp, bg_clamp(x[0], -0.55, 0.45))
BUILD(cast_to_i64, bg_cast(x[0], BG_I64))
BUILD(cast_to_u8, bg_cast(x[0], BG_U8))
BUILD(cast_to_bool, bg_cast(x[0], BG_BOOL))
BUILD(cast_integers, bg_cast(bg_cast(x[0], BG_I32), BG_BOOL))
BUILD_1(stop_gradient)
BUILD_3(where)
/* Through f64 where the graph is f32; in f64 itself a conversion is nothing, so it goes through f32, whose steps
 * differences see. */
static bg_node *build_cast(bg_node *const *x, const op_variant *v)
{
    (void)v;
    if (!x[0])
        return bg_cast(NULL, BG_F64);
    bg_dtype own = bg_node_dtype(x[0]);
    bg_node *exact = bg_stop_gradient(bg_cast(x[0], own == BG_F32 ? BG_F64 : BG_F32));
    bg_node *converted = bg_cast(x[0], own == BG_F32 ? BG_F64 : BG_F32);
    /* The value is x, the gradient the conversion's. */
    return bg_add(bg_stop_gradient(x[0]), bg_cast(bg_sub(converted, exact), own));
}

static const op_case cases[] = {
    POINTWISE_2(equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(not_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(less, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(less_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(greater, IS_EVEN, IS_ODD, IS_CONSTANT),
    POINTWISE_2(greater_equal, IS_EVEN, IS_ODD, IS_CONSTANT),
    { .name = "less_equal of integers",
      .op = "compare_integers",
      .arity = 2,
      .domains = { IS_INTEGER, IS_INTEGER },
      .gradient = IS_CONSTANT,
      .build = build_less_equal,
      VARIANTS(two_shapes) },
    POINTWISE(is_finite, IS_ANY, IS_CONSTANT),
    { .name = "where",
      .op = "where",
      .arity = 3,
      .domains = { IS_CONDITION, IS_ANY, IS_ANY },
      .build = build_where,
      VARIANTS(three_shapes) },
    POINTWISE(cast, IS_ANY, IS_DIFFERENTIABLE),
    { .name = "stop_gradient",
      .op = "stop_gradient",
      .arity = 1,
      .gradient = IS_STOPPED,
      .is_safe = true,
      .build = build_stop_gradient,
      VARIANTS(one_shape) },
    { .name = "is_nan", .arity = 1, .gradient = IS_CONSTANT, .build = build_is_nan, VARIANTS(one_shape) },
    { .name = "is_inf", .arity = 1, .gradient = IS_CONSTANT, .build = build_is_inf, VARIANTS(one_shape) },
    POINTWISE_2(logical_and, IS_CONDITION, IS_CONDITION, IS_CONSTANT),
    POINTWISE_2(logical_or, IS_CONDITION, IS_CONDITION, IS_CONSTANT),
    POINTWISE_2(logical_xor, IS_CONDITION, IS_CONDITION, IS_CONSTANT),
    POINTWISE(logical_not, IS_CONDITION, IS_CONSTANT),
    { .name = "masked_fill",
      .arity = 2,
      .domains = { IS_ANY, IS_CONDITION },
      .build = build_masked_fill,
      VARIANTS(two_shapes) },
    { .name = "nan_to_num", .arity = 1, .build = build_nan_to_num, VARIANTS(one_shape) },
    { .name = "fmax", .arity = 2, .domains = { IS_EVEN, IS_ODD }, .build = build_fmax, VARIANTS(two_shapes) },
    { .name = "fmin", .arity = 2, .domains = { IS_EVEN, IS_ODD }, .build = build_fmin, VARIANTS(two_shapes) },
    { .name = "clamp", .arity = 1, .domains = { IS_EVEN }, .build = build_clamp, VARIANTS(one_shape) },
    { .name = "cast to i64",
      .arity = 1,
      .domains = { IS_BETWEEN },
      .gradient = IS_CONSTANT,
      .build = build_cast_to_i64,
      VARIANTS(one_shape) },
    { .name = "cast to u8",
      .arity = 1,
      .domains = { IS_BETWEEN },
      .gradient = IS_CONSTANT,
      .build = build_cast_to_u8,
      VARIANTS(one_shape) },
    { .name = "cast to bool",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .gradient = IS_CONSTANT,
      .build = build_cast_to_bool,
      VARIANTS(one_shape) },
    { .name = "cast of integers",
      .op = "convert",
      .arity = 1,
      .domains = { IS_INTEGER },
      .gradient = IS_CONSTANT,
      .build = build_cast_integers,
      VARIANTS(one_shape) },
};

/* ---- Golden values ---- */

GOLDEN_2(equal)
GOLDEN_2(not_equal)
GOLDEN_2(less)
GOLDEN_2(less_equal)
GOLDEN_2(greater)
GOLDEN_2(greater_equal)
static bg_node *where_sqrt(const golden_case *c)
{
    bg_node *zero = bg_scalar(c->graph, BG_F64, 0);
    return bg_where(bg_greater(c->x[0], zero), bg_sqrt(c->x[0]), zero);
}
GOLDEN(where, bg_where(c->x[0], c->x[1], c->x[2]))
GOLDEN_1(is_nan)
GOLDEN_1(is_finite)
GOLDEN(cast, bg_cast(bg_cast(c->x[0], BG_I64), BG_F64))
GOLDEN_1(is_inf)
GOLDEN_2(fmax)
GOLDEN_2(fmin)
GOLDEN(clamp, bg_clamp(c->x[0], golden_number(c->record, "low"), golden_number(c->record, "high")))
GOLDEN(nan_to_num, bg_nan_to_num(c->x[0], golden_number(c->record, "nan"), golden_number(c->record, "positive"),
                                 golden_number(c->record, "negative")))
GOLDEN(masked_fill, bg_masked_fill(c->x[0], c->x[1], golden_number(c->record, "value")))
GOLDEN_2(logical_and)
GOLDEN_2(logical_or)
GOLDEN_2(logical_xor)
GOLDEN_1(logical_not)
static const golden_op golden[] = {
    GOLDEN_ROW(is_nan),
    GOLDEN_ROW(is_finite),
    GOLDEN_ROW(cast),
    GOLDEN_ROW(is_inf),
    GOLDEN_ROW(fmax),
    GOLDEN_ROW(fmin),
    GOLDEN_ROW(clamp),
    GOLDEN_ROW(nan_to_num),
    { .name = "masked_fill", .build = golden_masked_fill, .conditions = 2 },
    { .name = "logical_and", .build = golden_logical_and, .conditions = 3 },
    { .name = "logical_or", .build = golden_logical_or, .conditions = 3 },
    { .name = "logical_xor", .build = golden_logical_xor, .conditions = 3 },
    { .name = "logical_not", .build = golden_logical_not, .conditions = 1 },
    GOLDEN_ROW(equal),
    GOLDEN_ROW(not_equal),
    GOLDEN_ROW(less),
    GOLDEN_ROW(less_equal),
    GOLDEN_ROW(greater),
    GOLDEN_ROW(greater_equal),
    { .name = "where", .build = golden_where, .conditions = 1 },
    { .name = "where_sqrt", .build = where_sqrt },
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_equal(f->x3, f->d3), BG_ERR_DTYPE, "equal: types differ: x f32, y f64")                                       \
    X(bg_not_equal(f->i3, f->l3), BG_ERR_DTYPE, "not_equal: types differ: x i32, y i64")                               \
    X(bg_less(f->x3, f->x4), BG_ERR_SHAPE, "less: shapes do not broadcast together: x [3], y [4]")                     \
    X(bg_less_equal(f->i2, f->i3), BG_ERR_SHAPE, "less_equal: shapes do not broadcast together: x [2], y [3]")         \
    X(bg_greater(f->x3, f->i3), BG_ERR_DTYPE, "greater: types differ: x f32, y i32")                                   \
    X(bg_greater_equal(f->x23, f->x4), BG_ERR_SHAPE,                                                                   \
      "greater_equal: shapes do not broadcast together: x [2, 3], y [4]")                                              \
    X(bg_is_finite(f->i3), BG_ERR_DTYPE, "is_finite: x is i32, not f32 or f64")                                        \
    X(bg_where(f->x3, f->x3, f->x3), BG_ERR_DTYPE, "where: condition is f32, not bool")                                \
    X(bg_where(f->bools, f->x3, f->d3), BG_ERR_DTYPE, "where: types differ: x f32, y f64")                             \
    X(bg_where(f->bools, f->x3, f->i3), BG_ERR_DTYPE, "where: y is i32, not f32 or f64")                               \
    X(bg_where(f->bools, f->x3, f->x4), BG_ERR_SHAPE,                                                                  \
      "where: shapes do not broadcast together: condition [3], x [3], y [4]")                                          \
    X(bg_cast(f->x3, (bg_dtype)77), BG_ERR_DTYPE, "cast: there is no type 77")                                         \
    X(bg_is_nan(f->i3), BG_ERR_DTYPE, "is_nan: x is i32, not f32 or f64")                                              \
    X(bg_is_inf(f->i3), BG_ERR_DTYPE, "is_inf: x is i32, not f32 or f64")                                              \
    X(bg_logical_and(f->bools, f->x3), BG_ERR_DTYPE, "logical_and: y is f32, not bool")                                \
    X(bg_logical_or(f->x3, f->bools), BG_ERR_DTYPE, "logical_or: x is f32, not bool")                                  \
    X(bg_logical_xor(f->bools, bg_is_nan(f->x4)), BG_ERR_SHAPE,                                                        \
      "logical_xor: shapes do not broadcast together: x [3], y [4]")                                                   \
    X(bg_logical_not(f->x3), BG_ERR_DTYPE, "logical_not: x is f32, not bool")                                          \
    X(bg_masked_fill(f->x3, f->x3, 0), BG_ERR_DTYPE, "masked_fill: mask is f32, not bool")                             \
    X(bg_masked_fill(f->x4, f->bools, 0), BG_ERR_SHAPE,                                                                \
      "masked_fill: shapes do not broadcast together: x [4], mask [3]")                                                \
    X(bg_nan_to_num(f->i3, 0, 1, -1), BG_ERR_DTYPE, "nan_to_num: x is i32, not f32 or f64")                            \
    X(bg_fmax(f->x3, f->x4), BG_ERR_SHAPE, "fmax: shapes do not broadcast together: x [3], y [4]")                     \
    X(bg_fmin(f->x3, f->d3), BG_ERR_DTYPE, "fmin: types differ: x f32, y f64")                                         \
    X(bg_clamp(f->i3, 0, 1), BG_ERR_DTYPE, "clamp: x is i32, not f32 or f64")                                          \
    X(bg_clamp(f->x3, 1, 0), BG_ERR_ARGUMENT, "clamp: low 1 is not at most high 0")
WRONG_CALLS(WRONG)

static bg_node *like(bg_node *x, double value) { return bg_scalar(bg_node_graph(x), bg_node_dtype(x), value); }
/* ---- Edges ---- */

EDGE(fmax, bg_fmax(x, y))
EDGE(fmin, bg_fmin(x, y))
EDGE(clamp, bg_clamp(x, 0, 1))
EDGE(to_i32, bg_cast(bg_cast(x, BG_I32), bg_node_dtype(x)))
EDGE(to_u8, bg_cast(bg_cast(x, BG_U8), bg_node_dtype(x)))
EDGE(safe_sqrt, bg_where(bg_greater(x, like(x, 0)), bg_sqrt(x), like(x, 0)))
EDGE(guarded_sqrt, bg_sqrt(bg_where(bg_greater(x, like(x, 0)), x, like(x, 1))))
EDGE(finite, bg_where(bg_is_finite(x), x, like(x, 0)))
EDGE(not_equal, bg_where(bg_not_equal(x, y), like(x, 1), like(x, 0)))
EDGE(less_equal, bg_where(bg_less_equal(x, y), like(x, 1), like(x, 0)))
static const edge edges[] = {
    { "where lets NaN through", edge_safe_sqrt, 3, .x = LIST(0, 4, -1), .n_values = 3, .value = LIST(0, 2, 0),
      .dx = LIST(NOT_A_NUMBER, 0.25, NOT_A_NUMBER) },
    { "where on the argument", edge_guarded_sqrt, 3, .x = LIST(0, 4, -1), .n_values = 3, .value = LIST(1, 2, 1),
      .dx = LIST(0, 0.25, 0) },
    { "is_finite", edge_finite, 4, .x = LIST(NOT_A_NUMBER, INF, -INF, 2), .n_values = 4, .value = LIST(0, 0, 0, 2),
      .dx = LIST(0, 0, 0, 1) },
    { "not_equal", edge_not_equal, 3, .x = LIST(NOT_A_NUMBER, 1, 0), .y = LIST(NOT_A_NUMBER, 1, -0.0), .n_values = 3,
      .value = LIST(1, 0, 0), .dx = LIST(0, 0, 0) },
    { "less_equal", edge_less_equal, 3, .x = LIST(NOT_A_NUMBER, 1, 0), .y = LIST(0, NOT_A_NUMBER, -0.0), .n_values = 3,
      .value = LIST(0, 0, 1), .dx = LIST(0, 0, 0) },
    { "fmax", edge_fmax, 4, .x = LIST(1, 2, NOT_A_NUMBER, 3), .y = LIST(1, 5, 4, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1, 5, 4, 3), .dx = LIST(1, 0, 0, 1), .dy = LIST(0, 1, 1, 0), .has_dy = true },
    { "fmin", edge_fmin, 4, .x = LIST(1, 2, NOT_A_NUMBER, 3), .y = LIST(1, 5, 4, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1, 2, 4, 3), .dx = LIST(1, 1, 0, 1), .dy = LIST(0, 0, 1, 0), .has_dy = true },
    { "clamp: the ends count", edge_clamp, 5, .x = LIST(0, 1, 0.5, 2, -INF), .n_values = 5,
      .value = LIST(0, 1, 0.5, 1, 0), .dx = LIST(1, 1, 1, 0, 0), .is_kink = true },
    { "cast to i32", edge_to_i32, 5, .x = LIST(2.9, -2.9, 1e30, NOT_A_NUMBER, -INF), .n_values = 5,
      .value = LIST(2, -2, 2147483647, 0, -2147483648.0), .dx = LIST(0, 0, 0, 0, 0), .tolerance = 1e-9 },
    { "cast to u8", edge_to_u8, 4, .x = LIST(255.5, 256, -1, 7.99), .n_values = 4, .value = LIST(255, 255, 0, 7),
      .dx = LIST(0, 0, 0, 0) },
};

const op_family choices_family = { .name = "choices", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
