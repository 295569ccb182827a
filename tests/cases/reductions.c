/* Reductions, and softmax along an axis. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

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
};

/* ---- Golden values ---- */

GOLDEN_AXES(sum)
GOLDEN_AXES(mean)
GOLDEN_AXES(max)
GOLDEN_AXES(logsumexp)
GOLDEN_AXIS(softmax)
GOLDEN_AXIS(log_softmax)
static const golden_op golden[] = {
    GOLDEN_ROW(sum),       GOLDEN_ROW(mean),    GOLDEN_ROW(max),
    GOLDEN_ROW(logsumexp), GOLDEN_ROW(softmax), GOLDEN_ROW(log_softmax),
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
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
static const edge edges[] = {
    { "max: ties", edge_max, 4, .x = LIST(1, 3, 3, 2), .n_values = 1, .value = LIST(3), .dx = LIST(0, 0.5, 0.5, 0) },
    { "max: all equal", edge_max, 4, .x = LIST(5, 5, 5, 5), .n_values = 1, .value = LIST(5),
      .dx = LIST(0.25, 0.25, 0.25, 0.25) },
    { "max: NaN", edge_max, 3, .x = LIST(1, NOT_A_NUMBER, 2), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER) },
    { "max: -inf", edge_max, 2, .x = LIST(-INF, -INF), .n_values = 1, .value = LIST(-INF), .dx = LIST(0.5, 0.5) },
    { "max: ties in rows", edge_max_rows, 6, .x = LIST(1, 1, 0, 2, 3, 3), .shape = MATRIX(2, 3), .n_values = 2,
      .value = LIST(1, 3), .dx = LIST(0.5, 0.5, 0, 0, 0.5, 0.5) },
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
