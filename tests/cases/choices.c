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
static const golden_op golden[] = {
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
    X(bg_cast(f->x3, BG_I32), BG_ERR_DTYPE, "cast: from f32 to i32, not to f32 or f64")                                \
    X(bg_cast(f->i3, BG_BOOL), BG_ERR_DTYPE, "cast: from i32 to bool, not to f32 or f64")
WRONG_CALLS(WRONG)

static bg_node *like(bg_node *x, double value) { return bg_scalar(bg_node_graph(x), bg_node_dtype(x), value); }
/* ---- Edges ---- */

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
};

const op_family choices_family = { .name = "choices", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
