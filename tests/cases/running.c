/* Running extremes and logarithms of sums, differences of neighbours. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* Axis, and how many differences. */
static const op_variant differences[] = {
    WITH(DIMS(1), 0, 1),          WITH(DIMS(2), 0, 1),       WITH(DIMS(7), -1, 2),           WITH(DIMS(65), 0, 1),
    WITH(DIMS(0), 0, 1),          WITH(DIMS(3, 4), 0, 1),    WITH(DIMS(3, 4), 1, 3),         WITH(DIMS(1, 5), 0, 1),
    WITH(DIMS(1, 5), 1, 0),       WITH(DIMS(5, 1), 0, 4),    WITH(DIMS(5, 1), 1, 1),         WITH(DIMS(0, 3), 1, 1),
    WITH(DIMS(3, 0), 1, 2),       WITH(DIMS(2, 3, 4), 0, 1), WITH(DIMS(2, 3, 4), 1, 2),      WITH(DIMS(2, 3, 4), 2, 9),
    WITH(DIMS(3, 300), 1, 1),     WITH(DIMS(300, 3), 0, 1),  WITH(DIMS(17), 0, 5),           WITH(DIMS(4, 17), -2, 1),
    WITH(DIMS(2, 3, 2, 3), 1, 1), WITH(DIMS(2, 3, 2), 2, 1), WITH(DIMS(1, 2, 1, 3, 2), 3, 1)
};

/* Indices go with the values, so that both are looked at. */
static bg_node *with_indices(bg_node *values, bg_node *indices)
{
    return values ? bg_add(values, bg_cast(indices, bg_node_dtype(values))) : NULL;
}
#define EXTREME(name, function)                                                                                        \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        bg_node *indices = NULL, *values = function(x[0], (int)v->n[0], &indices);                                     \
        return with_indices(values, indices);                                                                          \
    }
EXTREME(cummax, bg_cummax)
EXTREME(cummin, bg_cummin)
static bg_node *build_cummax_indices(bg_node *const *x, const op_variant *v)
{
    bg_node *indices = NULL;
    bg_cummax(x[0], (int)v->n[0], &indices);
    return indices;
}
BUILD(logcumsumexp, bg_logcumsumexp(x[0], (int)v->n[0]))
BUILD(diff, bg_diff(x[0], v->n[1], (int)v->n[0]))

static const op_case cases[] = {
    { .name = "cummax", .arity = 1, .domains = { IS_DISTINCT }, .build = build_cummax, VARIANTS(along_axis) },
    { .name = "cummin", .arity = 1, .domains = { IS_DISTINCT }, .build = build_cummin, VARIANTS(along_axis) },
    { .name = "cummax, indices",
      .op = "cum_extreme",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .gradient = IS_CONSTANT,
      .build = build_cummax_indices,
      VARIANTS(along_axis) },
    { .name = "logcumsumexp",
      .op = "logcumsumexp",
      .arity = 1,
      .rho = 2e-6,
      .build = build_logcumsumexp,
      VARIANTS(along_axis) },
    { .name = "diff", .arity = 1, .sums = true, .build = build_diff, VARIANTS(differences) },
};

/* ---- Golden values ---- */

static bg_node *golden_indices(const golden_case *c, bg_node *(*function)(bg_node *, int, bg_node **))
{
    bg_node *indices = NULL;
    function(c->x[0], golden_integer(c, "axis"), &indices);
    return indices;
}
GOLDEN(cummax, bg_cummax(c->x[0], golden_integer(c, "axis"), NULL))
GOLDEN(cummin, bg_cummin(c->x[0], golden_integer(c, "axis"), NULL))
GOLDEN(cummax_indices, golden_indices(c, bg_cummax))
GOLDEN(cummin_indices, golden_indices(c, bg_cummin))
GOLDEN_AXIS(logcumsumexp)
GOLDEN(diff, bg_diff(c->x[0], golden_integer(c, "times"), golden_integer(c, "axis")))
static const golden_op golden[] = { GOLDEN_ROW(cummax),         GOLDEN_ROW(cummin),       GOLDEN_ROW(cummax_indices),
                                    GOLDEN_ROW(cummin_indices), GOLDEN_ROW(logcumsumexp), GOLDEN_ROW(diff) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_cummax(f->i3, 0, NULL), BG_ERR_DTYPE, "cummax: x is i32, not f32 or f64")                                     \
    X(bg_cummax(f->scalar, 0, NULL), BG_ERR_ARGUMENT, "cummax: x [] has no axis 0")                                    \
    X(bg_cummin(f->x23, 2, NULL), BG_ERR_ARGUMENT, "cummin: x [2, 3] has no axis 2")                                   \
    X(bg_logcumsumexp(f->bools, 0), BG_ERR_DTYPE, "logcumsumexp: x is bool, not f32 or f64")                           \
    X(bg_logcumsumexp(f->x3, 1), BG_ERR_ARGUMENT, "logcumsumexp: x [3] has no axis 1")                                 \
    X(bg_diff(f->l3, 1, 0), BG_ERR_DTYPE, "diff: x is i64, not f32 or f64")                                            \
    X(bg_diff(f->x3, 1, -2), BG_ERR_ARGUMENT, "diff: x [3] has no axis -2")                                            \
    X(bg_diff(f->x3, -1, 0), BG_ERR_ARGUMENT, "diff: -1 times")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *places(bg_node *x)
{
    bg_node *indices = NULL;
    bg_cummax(x, 0, &indices);
    return bg_cast(indices, bg_node_dtype(x));
}
EDGE(cummax, bg_cummax(x, 0, NULL))
EDGE(places, places(x))
EDGE(cummin, bg_cummin(x, 0, NULL))
EDGE(logcumsumexp, bg_logcumsumexp(x, 0))
static const edge edges[] = {
    { "cummax: the last of equals", edge_cummax, 5, .x = LIST(1, 3, 3, 2, 3), .n_values = 5,
      .value = LIST(1, 3, 3, 3, 3), .dx = LIST(1, 1, 2, 0, 1) },
    { "cummax: NaN stays", edge_places, 5, .x = LIST(1, NOT_A_NUMBER, INF, NOT_A_NUMBER, 3), .n_values = 5,
      .value = LIST(0, 1, 1, 3, 3), .dx = LIST(0, 0, 0, 0, 0) },
    { "cummin: the last of equals", edge_cummin, 4, .x = LIST(0.0, -0.0, 2, -INF), .n_values = 4,
      .value = LIST(0, 0, 0, -INF), .dx = LIST(1, 2, 0, 1) },
    { "logcumsumexp: from -inf", edge_logcumsumexp, 3, .x = LIST(-INF, -INF, 0), .n_values = 3,
      .value = LIST(-INF, -INF, 0), .dx = LIST(0, 0, 1) },
    { "logcumsumexp: to -inf and far up", edge_logcumsumexp, 4, .x = LIST(-1000, 1000, -INF, 1000), .n_values = 4,
      .value = LIST(-1000, 1000, 1000, 1000.6931471805600), .dx = LIST(1, 2.5, 0, 0.5), .tolerance = 1e-12,
      .only_f64 = true },
    { "logcumsumexp: +inf and NaN", edge_logcumsumexp, 3, .x = LIST(0, INF, NOT_A_NUMBER), .n_values = 3,
      .value = LIST(0, INF, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER) },
};

const op_family running_family = { .name = "running", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
