/* Order along an axis. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* n: axis, and how many of the largest. */
static const op_variant axes[] = { WITH(DIMS(1), 0, 1),          WITH(DIMS(2), 0, 1),
                                   WITH(DIMS(7), -1, 1),         WITH(DIMS(8), 0, 1),
                                   WITH(DIMS(9), 0, 1),          WITH(DIMS(65), 0, 1),
                                   WITH(DIMS(3, 4), 0, 1),       WITH(DIMS(3, 4), 1, 1),
                                   WITH(DIMS(1, 5), 0, 1),       WITH(DIMS(1, 5), 1, 1),
                                   WITH(DIMS(5, 1), 0, 1),       WITH(DIMS(5, 1), 1, 1),
                                   WITH(DIMS(0, 3), 1, 1),       WITH(DIMS(2, 3, 4), 0, 1),
                                   WITH(DIMS(2, 3, 4), 1, 1),    WITH(DIMS(2, 3, 4), 2, 1),
                                   WITH(DIMS(3, 300), 1, 1),     WITH(DIMS(300, 3), 0, 1),
                                   WITH(DIMS(4, 17), -2, 1),     WITH(DIMS(2, 3, 2, 3), 1, 1),
                                   WITH(DIMS(2, 3, 2, 3), 2, 1), WITH(DIMS(1, 2, 1, 3, 2), 3, 1) };

BUILD(argmax, bg_argmax(x[0], (int)v->n[0]))
BUILD(argmin, bg_argmin(x[0], (int)v->n[0]))
BUILD(max_along, bg_max_along(x[0], (int)v->n[0], NULL))
BUILD(min_along, bg_min_along(x[0], (int)v->n[0], NULL))
BUILD(argsort, bg_argsort(x[0], (int)v->n[0], false))
BUILD(argsort_down, bg_argsort(x[0], (int)v->n[0], true))
BUILD(sort, bg_sort(x[0], (int)v->n[0], false, NULL))
BUILD(sort_down, bg_sort(x[0], (int)v->n[0], true, NULL))
BUILD(topk, bg_topk(x[0], v->n[1], (int)v->n[0], false, NULL))
BUILD(topk_smallest, bg_topk(x[0], v->n[1], (int)v->n[0], true, NULL))

#define ORDER(title, function, shown, kind)                                                                            \
    {                                                                                                                  \
        .name = title, .op = shown, .arity = 1, .domains = { IS_DISTINCT }, .gradient = kind,                          \
        .build = build_##function, VARIANTS(axes)                                                                      \
    }
static const op_case cases[] = {
    ORDER("argmax", argmax, "arg_extreme", IS_CONSTANT),
    ORDER("argmin", argmin, "arg_extreme", IS_CONSTANT),
    ORDER("max_along", max_along, NULL, IS_DIFFERENTIABLE),
    ORDER("min_along", min_along, NULL, IS_DIFFERENTIABLE),
    ORDER("argsort", argsort, "argsort", IS_CONSTANT),
    ORDER("argsort, descending", argsort_down, "argsort", IS_CONSTANT),
    ORDER("sort", sort, NULL, IS_DIFFERENTIABLE),
    ORDER("sort, descending", sort_down, NULL, IS_DIFFERENTIABLE),
    ORDER("topk", topk, NULL, IS_DIFFERENTIABLE),
    ORDER("topk, smallest", topk_smallest, NULL, IS_DIFFERENTIABLE),
};

/* ---- Golden values ---- */

static bool golden_flag(const golden_case *c, const char *key) { return golden_integer(c, key) != 0; }
GOLDEN_AXIS(argmax)
GOLDEN_AXIS(argmin)
GOLDEN(max_along, bg_max_along(c->x[0], golden_integer(c, "axis"), NULL))
GOLDEN(min_along, bg_min_along(c->x[0], golden_integer(c, "axis"), NULL))
GOLDEN(argsort, bg_argsort(c->x[0], golden_integer(c, "axis"), golden_flag(c, "descending")))
GOLDEN(sort, bg_sort(c->x[0], golden_integer(c, "axis"), golden_flag(c, "descending"), NULL))
GOLDEN(topk, bg_topk(c->x[0], golden_integer(c, "k"), golden_integer(c, "axis"), golden_flag(c, "smallest"), NULL))
static const golden_op golden[] = { GOLDEN_ROW(argmax),    GOLDEN_ROW(argmin),  GOLDEN_ROW(max_along),
                                    GOLDEN_ROW(min_along), GOLDEN_ROW(argsort), GOLDEN_ROW(sort),
                                    GOLDEN_ROW(topk) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_argmax(f->i3, 0), BG_ERR_DTYPE, "argmax: x is i32, not f32 or f64")                                           \
    X(bg_argmax(f->x23, 2), BG_ERR_ARGUMENT, "argmax: x [2, 3] has no axis 2")                                         \
    X(bg_argmin(f->empty, 1), BG_ERR_SHAPE, "argmin: over no elements: x [2, 0]")                                      \
    X(bg_max_along(f->empty, 1, NULL), BG_ERR_SHAPE, "max_along: over no elements: x [2, 0]")                          \
    X(bg_min_along(f->bools, 0, NULL), BG_ERR_DTYPE, "min_along: x is bool, not f32 or f64")                           \
    X(bg_argsort(f->x3, 1, false), BG_ERR_ARGUMENT, "argsort: x [3] has no axis 1")                                    \
    X(bg_sort(f->i3, 0, false, NULL), BG_ERR_DTYPE, "sort: x is i32, not f32 or f64")                                  \
    X(bg_topk(f->x3, 4, 0, false, NULL), BG_ERR_ARGUMENT, "topk: k 4 is outside 0 .. the extent of axis 0: x [3]")     \
    X(bg_topk(f->x3, -1, 0, false, NULL), BG_ERR_ARGUMENT, "topk: k -1 is outside 0 .. the extent of axis 0: x [3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

/* Indices as numbers. */
static bg_node *sorted_at(bg_node *x, bool is_descending)
{
    return bg_cast(bg_argsort(x, 0, is_descending), bg_node_dtype(x));
}
EDGE(up, sorted_at(x, false))
EDGE(down, sorted_at(x, true))
EDGE(argmax, bg_cast(bg_argmax(x, 0), bg_node_dtype(x)))
EDGE(argmin, bg_cast(bg_argmin(x, 0), bg_node_dtype(x)))
EDGE(max_along, bg_max_along(x, 0, NULL))
EDGE(sort, bg_sort(x, 0, false, NULL))
static const edge edges[] = {
    { "argsort: equal elements keep their order", edge_up, 6, .x = LIST(2, 1, NOT_A_NUMBER, 2, 1, -INF), .n_values = 6,
      .value = LIST(5, 1, 4, 0, 3, 2), .dx = LIST(0, 0, 0, 0, 0, 0) },
    { "argsort, descending", edge_down, 6, .x = LIST(2, 1, NOT_A_NUMBER, 2, 1, INF), .n_values = 6,
      .value = LIST(2, 5, 0, 3, 1, 4), .dx = LIST(0, 0, 0, 0, 0, 0) },
    { "argmax: the first of equals", edge_argmax, 4, .x = LIST(1, 3, 3, 2), .n_values = 1, .value = LIST(1),
      .dx = LIST(0, 0, 0, 0) },
    { "argmax: the first NaN", edge_argmax, 4, .x = LIST(1, NOT_A_NUMBER, NOT_A_NUMBER, INF), .n_values = 1,
      .value = LIST(1), .dx = LIST(0, 0, 0, 0) },
    { "argmin: the first NaN", edge_argmin, 3, .x = LIST(1, NOT_A_NUMBER, -INF), .n_values = 1, .value = LIST(1),
      .dx = LIST(0, 0, 0) },
    { "max_along: the first of equals", edge_max_along, 4, .x = LIST(1, 3, 3, 2), .n_values = 1, .value = LIST(3),
      .dx = LIST(0, 1, 0, 0), .is_kink = true },
    { "sort", edge_sort, 3, .x = LIST(3, -0.0, 0), .n_values = 3, .value = LIST(-0.0, 0, 3), .dx = LIST(1, 1, 1) },
};

const op_family order_family = { .name = "order", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
