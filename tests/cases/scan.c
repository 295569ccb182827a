/* Running sums and products along an axis. */
#include "cases.h"

#include "ops/scan.h"

#include <math.h>

/* ---- Cases ---- */

BUILD(cumsum, bg_cumsum(x[0], (int)v->n[0]))
BUILD(cumprod, bg_cumprod(x[0], (int)v->n[0]))
BUILD(recurrence, bgi_linear_recurrence(x[0], x[1], (int)v->n[0], v->n[1] != 0))

static const op_variant short_axes[] = {
    WITH(DIMS(1), 0),       WITH(DIMS(2), 0),          WITH(DIMS(7), -1),
    WITH(DIMS(8), 0),       WITH(DIMS(0), 0),          WITH(DIMS(3, 4), 0),
    WITH(DIMS(3, 4), 1),    WITH(DIMS(1, 5), 0),       WITH(DIMS(1, 5), 1),
    WITH(DIMS(5, 1), 0),    WITH(DIMS(5, 1), 1),       WITH(DIMS(0, 3), 1),
    WITH(DIMS(3, 0), 1),    WITH(DIMS(2, 3, 4), 0),    WITH(DIMS(2, 3, 4), 1),
    WITH(DIMS(2, 3, 4), 2), WITH(DIMS(9, 65), 0),      WITH(DIMS(300, 3), 1),
    WITH(DIMS(4, 17), -2),  WITH(DIMS(2, 3, 2, 3), 1), WITH(DIMS(1, 2, 1, 3, 2), 3)
};
/* Axis, and whether in reverse. */
#define TWO(shape, ...)                                                                                                \
    {                                                                                                                  \
        .x = { shape, shape }, .n = { __VA_ARGS__ }                                                                    \
    }
static const op_variant recurrences[] = { TWO(DIMS(1), 0, 0),     TWO(DIMS(1), 0, 1),       TWO(DIMS(2), 0, 0),
                                          TWO(DIMS(2), 0, 1),     TWO(DIMS(7), 0, 0),       TWO(DIMS(7), 0, 1),
                                          TWO(DIMS(0), 0, 0),     TWO(DIMS(0), 0, 1),       TWO(DIMS(3, 4), 0, 0),
                                          TWO(DIMS(3, 4), 1, 1),  TWO(DIMS(3, 4), 0, 1),    TWO(DIMS(3, 4), 1, 0),
                                          TWO(DIMS(1, 5), 0, 1),  TWO(DIMS(5, 1), 0, 1),    TWO(DIMS(3, 0), 1, 1),
                                          TWO(DIMS(0, 3), 1, 0),  TWO(DIMS(2, 3, 4), 1, 0), TWO(DIMS(2, 3, 4), 1, 1),
                                          TWO(DIMS(9, 33), 0, 0), TWO(DIMS(9, 33), 0, 1),   TWO(DIMS(2, 3, 2, 3), 1, 1),
                                          TWO(DIMS(17), 0, 1),    TWO(DIMS(2, 2, 5), 2, 1), TWO(DIMS(4, 12), 1, 0) };

static const op_case cases[] = {
    { .name = "cumsum", .op = "cumsum", .arity = 1, .sums = true, .build = build_cumsum, VARIANTS(along_axis) },
    { .name = "recurrence",
      .op = "recurrence",
      .arity = 2,
      .domains = { IS_BELOW_ONE, IS_ANY },
      .sums = true,
      .is_safe = true,
      .is_apart = true,
      .build = build_recurrence,
      VARIANTS(recurrences) },
    { .name = "cumprod",
      .op = "cumprod",
      .arity = 1,
      .domains = { IS_NOT_0 },
      .sums = true,
      .build = build_cumprod,
      VARIANTS(short_axes) },
};

/* ---- Golden values ---- */

GOLDEN_AXIS(cumsum)
GOLDEN_AXIS(cumprod)
static const golden_op golden[] = { GOLDEN_ROW(cumsum), GOLDEN_ROW(cumprod) };

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_cumsum(f->i3, 0), BG_ERR_DTYPE, "cumsum: x is i32, not f32 or f64")                                           \
    X(bg_cumsum(f->scalar, 0), BG_ERR_ARGUMENT, "cumsum: x [] has no axis 0")                                          \
    X(bg_cumprod(f->bools, 0), BG_ERR_DTYPE, "cumprod: x is bool, not f32 or f64")                                     \
    X(bg_cumprod(f->x23, 2), BG_ERR_ARGUMENT, "cumprod: x [2, 3] has no axis 2")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

EDGE(cumprod, bg_cumprod(x, 0))
EDGE(cumsum, bg_cumsum(x, 0))
/* Of the gradient of the last product in x[1]. */
static bg_node *cumprod_twice(bg_node *x)
{
    bg_node *last = bg_slice(bg_cumprod(x, 0), 0, -1, INT64_MAX, 1), *dx = NULL;
    bg_grad(bg_sum(last, BG_ALL_AXES), &x, 1, &dx);
    return bg_slice(dx, 0, 1, 2, 1);
}
EDGE(cumprod_twice, cumprod_twice(x))
static const edge edges[] = {
    { "cumprod: a zero", edge_cumprod, 4, .x = LIST(2, 0, 3, 4), .n_values = 4, .value = LIST(2, 0, 0, 0),
      .dx = LIST(1, 32, 0, 0) },
    { "cumprod: two zeros", edge_cumprod, 4, .x = LIST(0, 2, 0, 3), .n_values = 4, .value = LIST(0, 0, 0, 0),
      .dx = LIST(3, 0, 0, 0) },
    { "cumprod: second derivatives at zeros", edge_cumprod_twice, 4, .x = LIST(0, 0, 3, 4), .n_values = 1,
      .value = LIST(0), .dx = LIST(12, 0, 0, 0) },
    { "cumprod: in order", edge_cumprod, 4, .x = LIST(1e200, 1e-200, 1e200, 1e-200), .n_values = 4,
      .value = LIST(1e200, 1, 1e200, 1), .dx = LIST(2, INF, 1, 1e200), .tolerance = 1e-15, .only_f64 = true },
    { "cumsum", edge_cumsum, 3, .x = LIST(1, INF, -INF), .n_values = 3, .value = LIST(1, INF, NOT_A_NUMBER),
      .dx = LIST(3, 2, 1) },
};

const op_family scan_family = { .name = "scan", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
