/* Reductions, and softmax along an axis. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

static const op_variant small_reductions[] = { OVER_ALL(NO_DIMS),
                                               OVER_ALL(DIMS(1)),
                                               OVER_ALL(DIMS(7)),
                                               OVER(DIMS(5), 0),
                                               OVER_NONE(DIMS(3, 4)),
                                               OVER(DIMS(3, 4), 0),
                                               OVER(DIMS(3, 4), 1),
                                               OVER_ALL(DIMS(2, 3)),
                                               OVER(DIMS(1, 5), 0),
                                               OVER(DIMS(1, 5), 1),
                                               OVER(DIMS(5, 1), -1),
                                               OVER(DIMS(2, 3, 4), 0),
                                               OVER(DIMS(2, 3, 4), 1),
                                               OVER(DIMS(2, 3, 4), 2),
                                               OVER(DIMS(2, 3, 2), 0, 1),
                                               OVER(DIMS(2, 3, 2), -1, -2),
                                               OVER(DIMS(0, 3), 1),
                                               OVER(DIMS(0, 3), 0),
                                               OVER_ALL(DIMS(0)),
                                               OVER(DIMS(6, 33), 0),
                                               OVER(DIMS(33, 6), 1),
                                               OVER(DIMS(2, 3, 2, 3), 1, 3),
                                               OVER(DIMS(2, 1, 3, 1, 2), 0, 3, 4) };
/* More than one element each, and no spread of 0. */
static const op_variant spreads[] = { OVER_ALL(DIMS(2)),
                                      OVER_ALL(DIMS(7)),
                                      OVER(DIMS(65), 0),
                                      OVER(DIMS(3, 4), 0),
                                      OVER(DIMS(3, 4), 1),
                                      OVER_ALL(DIMS(3, 4)),
                                      OVER(DIMS(1, 5), 1),
                                      OVER(DIMS(5, 1), 0),
                                      OVER(DIMS(2, 3, 4), 0),
                                      OVER(DIMS(2, 3, 4), 1),
                                      OVER(DIMS(2, 3, 4), 2),
                                      OVER(DIMS(2, 3, 4), 0, 1),
                                      OVER(DIMS(2, 3, 4), 0, 2),
                                      OVER(DIMS(2, 3, 4), -1, -2),
                                      OVER_ALL(DIMS(2, 3, 4)),
                                      OVER(DIMS(0, 3), 1),
                                      OVER(DIMS(3, 257), 1),
                                      OVER(DIMS(33, 20), 0),
                                      OVER(DIMS(60), 0),
                                      OVER(DIMS(2, 3, 2, 3), 1, 3),
                                      OVER(DIMS(2, 1, 3, 1, 2), 0, 3, 4) };

BUILD_AXES(min)
BUILD_AXES(prod)
/* For a cotangent that depends on x. */
static bg_node *build_prod_gradient(bg_node *const *x, const op_variant *v)
{
    bg_node *y = bg_prod(x[0], v->axes), *d = NULL;
    if (y)
        bg_grad_from(&y, &(bg_node *){ bg_sum(x[0], v->axes) }, 1, x, 1, &d);
    return d;
}
BUILD(var, bg_var(x[0], v->axes, 1))
BUILD(var_of_all, bg_var(x[0], v->axes, 0))
BUILD(std, bg_std(x[0], v->axes, 0))
BUILD(norm_1, bg_norm(x[0], v->axes, 1))
BUILD(norm_2, bg_norm(x[0], v->axes, 2))
BUILD(norm_3, bg_norm(x[0], v->axes, 3))
BUILD(norm_inf, bg_norm(x[0], v->axes, INF))
BUILD_AXES(any)
BUILD_AXES(all)
BUILD_AXES(count_nonzero)
BUILD(keep, bg_keep(bg_sum(x[0], v->axes), x[0], v->axes))
BUILD_AXES(sum)
BUILD_AXES(mean)
BUILD_AXES(max)
BUILD_AXES(logsumexp)
BUILD(softmax, bg_softmax(x[0], (int)v->n[0]))
BUILD(log_softmax, bg_log_softmax(x[0], (int)v->n[0]))

static const op_case cases[] = {
    { .name = "sum", .op = "sum", .arity = 1, .sums = true, .build = build_sum, VARIANTS(reductions_of_nothing) },
    { .name = "mean", .arity = 1, .sums = true, .build = build_mean, VARIANTS(reductions) },
    { .name = "max", .op = "max", .arity = 1, .domains = { IS_DISTINCT }, .build = build_max, VARIANTS(reductions) },
    { .name = "logsumexp",
      .op = "logsumexp",
      .arity = 1,
      .rho = 2e-6,
      .build = build_logsumexp,
      VARIANTS(reductions_of_nothing) },
    { .name = "softmax", .op = "softmax", .arity = 1, .rho = 2e-6, .build = build_softmax, VARIANTS(along_axis) },
    { .name = "log_softmax", .arity = 1, .rho = 2e-6, .build = build_log_softmax, VARIANTS(along_axis) },
    { .name = "min", .arity = 1, .domains = { IS_DISTINCT }, .build = build_min, VARIANTS(reductions) },
    { .name = "prod",
      .op = "prod",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_prod,
      VARIANTS(small_reductions) },
    { .name = "prod, gradient",
      .op = "prod_gradient",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_prod_gradient,
      VARIANTS(small_reductions) },
    { .name = "var", .op = "var", .arity = 1, .build = build_var, VARIANTS(spreads) },
    { .name = "var of all", .arity = 1, .build = build_var_of_all, VARIANTS(reductions) },
    { .name = "std", .op = "std", .arity = 1, .build = build_std, VARIANTS(spreads) },
    { .name = "norm",
      .op = "norm",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_norm_2,
      VARIANTS(reductions) },
    { .name = "norm, p 1",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_norm_1,
      VARIANTS(reductions_of_nothing) },
    { .name = "norm, p 3",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_norm_3,
      VARIANTS(reductions) },
    { .name = "norm, largest",
      .arity = 1,
      .domains = { IS_DISTINCT_POSITIVE },
      .build = build_norm_inf,
      VARIANTS(reductions) },
    { .name = "any",
      .arity = 1,
      .domains = { IS_CONDITION },
      .gradient = IS_CONSTANT,
      .build = build_any,
      VARIANTS(reductions_of_nothing) },
    { .name = "all",
      .arity = 1,
      .domains = { IS_CONDITION },
      .gradient = IS_CONSTANT,
      .build = build_all,
      VARIANTS(reductions_of_nothing) },
    { .name = "count_nonzero",
      .arity = 1,
      .domains = { IS_INTEGER },
      .gradient = IS_CONSTANT,
      .build = build_count_nonzero,
      VARIANTS(reductions_of_nothing) },
    { .name = "keep", .arity = 1, .sums = true, .build = build_keep, VARIANTS(reductions_of_nothing) },
};

/* ---- Golden values ---- */

GOLDEN_AXES(sum)
GOLDEN_AXES(mean)
GOLDEN_AXES(max)
GOLDEN_AXES(logsumexp)
GOLDEN_AXIS(softmax)
GOLDEN_AXIS(log_softmax)
GOLDEN_AXES(min)
GOLDEN_AXES(prod)
GOLDEN(var, bg_var(c->x[0], golden_axes(c, "axes"), golden_number(c->record, "correction")))
GOLDEN(std, bg_std(c->x[0], golden_axes(c, "axes"), golden_number(c->record, "correction")))
GOLDEN(norm, bg_norm(c->x[0], golden_axes(c, "axes"), golden_number(c->record, "p")))
GOLDEN_AXES(any)
GOLDEN_AXES(all)
GOLDEN_AXES(count_nonzero)
GOLDEN(keep, bg_keep(bg_sum(c->x[0], golden_axes(c, "axes")), c->x[0], golden_axes(c, "axes")))
static const golden_op golden[] = {
    GOLDEN_ROW(min),
    GOLDEN_ROW(prod),
    GOLDEN_ROW(var),
    GOLDEN_ROW(std),
    GOLDEN_ROW(norm),
    GOLDEN_ROW(count_nonzero),
    GOLDEN_ROW(keep),
    { .name = "any", .build = golden_any, .conditions = 1 },
    { .name = "all", .build = golden_all, .conditions = 1 },
    GOLDEN_ROW(sum),
    GOLDEN_ROW(mean),
    GOLDEN_ROW(max),
    GOLDEN_ROW(logsumexp),
    GOLDEN_ROW(softmax),
    GOLDEN_ROW(log_softmax),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_min(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "min: x is i32, not f32 or f64")                                       \
    X(bg_min(f->empty, BG_AXES(1)), BG_ERR_SHAPE, "min: over no elements: x [2, 0]")                                   \
    X(bg_prod(f->x23, BG_AXES(2)), BG_ERR_ARGUMENT, "prod: x [2, 3] has no axis 2")                                    \
    X(bg_prod(f->bools, BG_ALL_AXES), BG_ERR_DTYPE, "prod: x is bool, not f32 or f64")                                 \
    X(bg_var(f->i3, BG_ALL_AXES, 1), BG_ERR_DTYPE, "var: x is i32, not f32 or f64")                                    \
    X(bg_var(f->x23, BG_AXES(0, 0), 1), BG_ERR_ARGUMENT, "var: axis 0 is given twice")                                 \
    X(bg_std(f->x3, BG_AXES(1), 1), BG_ERR_ARGUMENT, "std: x [3] has no axis 1")                                       \
    X(bg_norm(f->x3, BG_ALL_AXES, -1), BG_ERR_ARGUMENT, "norm: p is -1, not at least 0")                               \
    X(bg_norm(f->empty, BG_AXES(1), INF), BG_ERR_SHAPE, "norm: over no elements: x [2, 0]")                            \
    X(bg_norm(f->l3, BG_ALL_AXES, 2), BG_ERR_DTYPE, "norm: x is i64, not f32 or f64")                                  \
    X(bg_any(f->x3, BG_ALL_AXES), BG_ERR_DTYPE, "any: x is f32, not bool")                                             \
    X(bg_all(f->x3, BG_ALL_AXES), BG_ERR_DTYPE, "all: x is f32, not bool")                                             \
    X(bg_all(f->bools, BG_AXES(1)), BG_ERR_ARGUMENT, "all: x [3] has no axis 1")                                       \
    X(bg_count_nonzero(f->x3, BG_AXES(1)), BG_ERR_ARGUMENT, "count_nonzero: x [3] has no axis 1")                      \
    X(bg_keep(f->x3, f->x23, BG_AXES(1)), BG_ERR_SHAPE, "keep: reduced [3] is not x [2, 3] without the axes")          \
    X(bg_sum(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "sum: x is i32, not f32 or f64")                                       \
    X(bg_sum(f->x23, BG_AXES(2)), BG_ERR_ARGUMENT, "sum: x [2, 3] has no axis 2")                                      \
    X(bg_sum(f->x23, BG_AXES(0, -2)), BG_ERR_ARGUMENT, "sum: axis 0 is given twice")                                   \
    X(bg_sum(f->x23, ((bg_axes){ .count = 9 })), BG_ERR_ARGUMENT, "sum: 9 axes")                                       \
    X(bg_sum(f->x23, ((bg_axes){ .count = -2 })), BG_ERR_ARGUMENT, "sum: -2 axes")                                     \
    X(bg_mean(f->bools, BG_ALL_AXES), BG_ERR_DTYPE, "mean: x is bool, not f32 or f64")                                 \
    X(bg_mean(f->x23, BG_AXES(-3)), BG_ERR_ARGUMENT, "mean: x [2, 3] has no axis -3")                                  \
    X(bg_max(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "max: x is i32, not f32 or f64")                                       \
    X(bg_max(f->scalar, BG_AXES(0)), BG_ERR_ARGUMENT, "max: x [] has no axis 0")                                       \
    X(bg_max(f->empty, BG_AXES(1)), BG_ERR_SHAPE, "max: over no elements: x [2, 0]")                                   \
    X(bg_logsumexp(f->i3, BG_ALL_AXES), BG_ERR_DTYPE, "logsumexp: x is i32, not f32 or f64")                           \
    X(bg_logsumexp(f->x3, BG_AXES(1)), BG_ERR_ARGUMENT, "logsumexp: x [3] has no axis 1")                              \
    X(bg_softmax(f->i3, 0), BG_ERR_DTYPE, "softmax: x is i32, not f32 or f64")                                         \
    X(bg_softmax(f->scalar, 0), BG_ERR_ARGUMENT, "softmax: x [] has no axis 0")                                        \
    X(bg_log_softmax(f->bools, 0), BG_ERR_DTYPE, "log_softmax: x is bool, not f32 or f64")                             \
    X(bg_log_softmax(f->x3, -2), BG_ERR_ARGUMENT, "log_softmax: x [3] has no axis -2")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(max, bg_max(x, BG_ALL_AXES))
EDGE(max_rows, bg_max(x, BG_AXES(1)))
EDGE(softmax, bg_softmax(x, 0))
EDGE(log_softmax, bg_log_softmax(x, 0))
EDGE(logsumexp, bg_logsumexp(x, BG_ALL_AXES))
EDGE(sum, bg_sum(x, BG_ALL_AXES))
EDGE(mean, bg_mean(x, BG_ALL_AXES))
EDGE(min, bg_min(x, BG_ALL_AXES))
EDGE(prod, bg_prod(x, BG_ALL_AXES))
static bg_node *prod_twice(bg_node *x)
{
    bg_node *dx = NULL;
    bg_grad(bg_prod(x, BG_ALL_AXES), &x, 1, &dx);
    return bg_slice(dx, 0, 0, 1, 1);
}
EDGE(prod_twice, prod_twice(x))
EDGE(prod_rows, bg_prod(x, BG_AXES(1)))
EDGE(norm_2, bg_norm(x, BG_ALL_AXES, 2))
EDGE(norm_1, bg_norm(x, BG_ALL_AXES, 1))
EDGE(norm_3, bg_norm(x, BG_ALL_AXES, 3))
EDGE(norm_inf, bg_norm(x, BG_ALL_AXES, INF))
EDGE(std, bg_std(x, BG_ALL_AXES, 1))
EDGE(var, bg_var(x, BG_ALL_AXES, 1))
EDGE(var_2, bg_var(x, BG_ALL_AXES, 2))
EDGE(var_3, bg_var(x, BG_ALL_AXES, 3))
EDGE(std_2, bg_std(x, BG_ALL_AXES, 2))
EDGE(std_3, bg_std(x, BG_ALL_AXES, 3))
static const edge edges[] = {
    { "min: ties", edge_min, 4, .x = LIST(4, 3, 3, 5), .n_values = 1, .value = LIST(3), .dx = LIST(0, 0.5, 0.5, 0),
      .is_kink = true },
    { "prod: one zero", edge_prod, 3, .x = LIST(2, 0, 5), .n_values = 1, .value = LIST(0), .dx = LIST(0, 10, 0) },
    { "prod: two zeros", edge_prod, 3, .x = LIST(0, 0, 5), .n_values = 1, .value = LIST(0), .dx = LIST(0, 0, 0) },
    { "prod: second derivatives at zeros", edge_prod_twice, 4, .x = LIST(0, 0, 3, 4), .n_values = 1, .value = LIST(0),
      .dx = LIST(0, 12, 0, 0) },
    { "prod: in order", edge_prod, 4, .x = LIST(1e200, 1e-200, 1e200, 1e-200), .n_values = 1, .value = LIST(1),
      .dx = LIST(1e-200, 1e200, 1e-200, 1e200), .tolerance = 1e-15, .only_f64 = true },
    { "prod: out of range on the way", edge_prod_rows, 8,
      .x = LIST(1e200, 1e200, 1e-200, 1e-200, 1e-200, 1e-200, 1e200, 1e200), .shape = MATRIX(2, 4), .n_values = 2,
      .value = LIST(INF, 0), .dx = LIST(1e-200, 1e-200, INF, INF, INF, INF, 0, 0), .tolerance = 1e-15,
      .only_f64 = true },
    { "prod of nothing", edge_prod, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(1) },
    { "norm of 0", edge_norm_2, 3, .x = LIST(0, 0, 0), .n_values = 1, .value = LIST(0), .dx = LIST(0, 0, 0),
      .is_kink = true },
    { "norm of 0, p 1", edge_norm_1, 3, .x = LIST(0, 0, 0), .n_values = 1, .value = LIST(0), .dx = LIST(0, 0, 0),
      .is_kink = true },
    { "norm of 0, p 3", edge_norm_3, 2, .x = LIST(0, 0), .n_values = 1, .value = LIST(0), .dx = LIST(0, 0) },
    { "norm, largest: ties", edge_norm_inf, 3, .x = LIST(2, -2, 2), .n_values = 1, .value = LIST(2),
      .dx = LIST(1 / 3.0, -1 / 3.0, 1 / 3.0), .tolerance = 1e-7, .is_kink = true },
    { "std of a constant", edge_std, 3, .x = LIST(4, 4, 4), .n_values = 1, .value = LIST(0), .dx = LIST(0, 0, 0),
      .is_kink = true },
    { "std of one", edge_std, 1, .x = LIST(4), .n_values = 1, .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER) },
    { "var of one", edge_var, 1, .x = LIST(4), .n_values = 1, .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER) },
    { "var of one, correction 2", edge_var_2, 1, .x = LIST(4), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(0) },
    { "var of two, correction 2", edge_var_2, 2, .x = LIST(1, 2), .n_values = 1, .value = LIST(INF),
      .dx = LIST(-INF, INF) },
    { "var of two, correction 3", edge_var_3, 2, .x = LIST(1, 2), .n_values = 1, .value = LIST(INF),
      .dx = LIST(1, -1) },
    { "std of two, correction 2", edge_std_2, 2, .x = LIST(1, 2), .n_values = 1, .value = LIST(INF),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "std of two, correction 3", edge_std_3, 2, .x = LIST(1, 2), .n_values = 1, .value = LIST(INF), .dx = LIST(0, 0) },
    { "var far from 0", edge_var, 4, .x = LIST(10000.5, 10001.5, 10000.5, 10001.5), .n_values = 1,
      .value = LIST(1 / 3.0), .dx = LIST(-1 / 3.0, 1 / 3.0, -1 / 3.0, 1 / 3.0), .tolerance = 1e-7 },
    { "max: ties", edge_max, 4, .x = LIST(1, 3, 3, 2), .n_values = 1, .value = LIST(3), .dx = LIST(0, 0.5, 0.5, 0),
      .is_kink = true },
    { "max: all equal", edge_max, 4, .x = LIST(5, 5, 5, 5), .n_values = 1, .value = LIST(5),
      .dx = LIST(0.25, 0.25, 0.25, 0.25), .is_kink = true },
    { "max: NaN", edge_max, 3, .x = LIST(1, NOT_A_NUMBER, 2), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER) },
    { "max: -inf", edge_max, 2, .x = LIST(-INF, -INF), .n_values = 1, .value = LIST(-INF), .dx = LIST(0.5, 0.5) },
    { "max: ties in rows", edge_max_rows, 6, .x = LIST(1, 1, 0, 2, 3, 3), .shape = MATRIX(2, 3), .n_values = 2,
      .value = LIST(1, 3), .dx = LIST(0.5, 0.5, 0, 0, 0.5, 0.5), .is_kink = true },
    { "softmax: all -inf", edge_softmax, 2, .x = LIST(-INF, -INF), .n_values = 2,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "softmax: +inf", edge_softmax, 2, .x = LIST(INF, 0), .n_values = 2, .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "softmax: some -inf", edge_softmax, 3, .x = LIST(-INF, 0, 0), .n_values = 3, .value = LIST(0, 0.5, 0.5),
      .dx = LIST(0, 0, 0) },
    { "softmax: large", edge_softmax, 2, .x = LIST(1e30, 1e30), .n_values = 2, .value = LIST(0.5, 0.5),
      .dx = LIST(0, 0) },
    { "log_softmax: large", edge_log_softmax, 2, .x = LIST(1000, 0), .n_values = 2, .value = LIST(0, -1000),
      .dx = LIST(-1, 1) },
    { "logsumexp: all -inf", edge_logsumexp, 2, .x = LIST(-INF, -INF), .n_values = 1, .value = LIST(-INF),
      .dx = LIST(0, 0) },
    { "logsumexp: +inf", edge_logsumexp, 2, .x = LIST(INF, 0), .n_values = 1, .value = LIST(INF),
      .dx = LIST(NOT_A_NUMBER, 0) },
    { "logsumexp: large", edge_logsumexp, 2, .x = LIST(1000, 1000), .n_values = 1, .value = LIST(1000.6931471805599),
      .dx = LIST(0.5, 0.5), .tolerance = 1e-7 },
    { "logsumexp of nothing", edge_logsumexp, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(-INF) },
    { "sum of nothing", edge_sum, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(0) },
    { "mean of nothing", edge_mean, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(NOT_A_NUMBER) },
};

const op_family reductions_family = { .name = "reductions", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
