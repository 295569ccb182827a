/* Running sums and products along an axis. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

BUILD(cumsum, bg_cumsum(x[0], (int)v->n[0]))
BUILD(cumprod, bg_cumprod(x[0], (int)v->n[0]))

static const op_variant short_axes[] = {
    WITH(DIMS(1), 0),       WITH(DIMS(2), 0),          WITH(DIMS(7), -1),
    WITH(DIMS(8), 0),       WITH(DIMS(0), 0),          WITH(DIMS(3, 4), 0),
    WITH(DIMS(3, 4), 1),    WITH(DIMS(1, 5), 0),       WITH(DIMS(1, 5), 1),
    WITH(DIMS(5, 1), 0),    WITH(DIMS(5, 1), 1),       WITH(DIMS(0, 3), 1),
    WITH(DIMS(3, 0), 1),    WITH(DIMS(2, 3, 4), 0),    WITH(DIMS(2, 3, 4), 1),
    WITH(DIMS(2, 3, 4), 2), WITH(DIMS(9, 65), 0),      WITH(DIMS(300, 3), 1),
    WITH(DIMS(4, 17), -2),  WITH(DIMS(2, 3, 2, 3), 1), WITH(DIMS(1, 2, 1, 3, 2), 3)
};

static const op_case cases[] = {
    { .name = "cumsum", .op = "cumsum", .arity = 1, .sums = true, .build = build_cumsum, VARIANTS(along_axis) },
    { .name = "cumprod",
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
static const edge edges[] = {
    { "cumprod: a zero", edge_cumprod, 4, .x = LIST(2, 0, 3, 4), .n_values = 4, .value = LIST(2, 0, 0, 0),
      .dx = LIST(1, 32, 0, 0) },
    { "cumsum", edge_cumsum, 3, .x = LIST(1, INF, -INF), .n_values = 3, .value = LIST(1, INF, NOT_A_NUMBER),
      .dx = LIST(3, 2, 1) },
};

const op_family scan_family = { .name = "scan", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
