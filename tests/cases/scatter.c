/* Elements put where indices say. */
#include "cases.h"

#include "ops/index.h"

#include <math.h>

/* ---- Cases ---- */

static const op_variant places[] = { ALONG_AXES(PUT),
                                     { .x = { DIMS(4, 3), DIMS(2, 5), DIMS(3, 6) }, .n = { 1 }, .below = 3 },
                                     { .x = { DIMS(3, 4, 5), DIMS(1, 6, 3), DIMS(2, 6, 3) }, .n = { 1 }, .below = 4 } };

/* Indices and source; axis, extent, blocks of columns. */
#define BLOCKS(shape, axis, extent, blocks)                                                                            \
    {                                                                                                                  \
        .x = { shape, shape }, .n = { axis, extent, blocks }, .below = extent                                          \
    }
static const op_variant blocks[] = {
    BLOCKS(DIMS(5, 2), 0, 3, 2),       BLOCKS(DIMS(5, 6), 0, 3, 3),      BLOCKS(DIMS(5, 6), 0, 3, 6),
    BLOCKS(DIMS(5, 6), 0, 3, 1),       BLOCKS(DIMS(1, 4), 0, 7, 2),      BLOCKS(DIMS(7, 4), 0, 1, 2),
    BLOCKS(DIMS(2, 5, 4), 1, 3, 2),    BLOCKS(DIMS(2, 5, 4), 1, 3, 4),   BLOCKS(DIMS(2, 5, 4), 0, 3, 5),
    BLOCKS(DIMS(2, 5, 4), 0, 3, 10),   BLOCKS(DIMS(2, 3, 8), 1, 9, 8),   BLOCKS(DIMS(3, 2, 2, 4), 1, 2, 4),
    BLOCKS(DIMS(3, 2, 2, 4), 2, 5, 2), BLOCKS(DIMS(9, 33), 0, 8, 11),    BLOCKS(DIMS(9, 65), 0, 17, 13),
    BLOCKS(DIMS(65, 2), 0, 3, 2),      BLOCKS(DIMS(2, 17, 6), 1, 65, 3), BLOCKS(DIMS(300, 2), 0, 2, 2),
    BLOCKS(DIMS(1, 1, 2), 0, 1, 2),    BLOCKS(DIMS(4, 3, 3), 0, 4, 9),   BLOCKS(DIMS(31, 4), 0, 33, 4)
};

/* Indices [m], source; axis, extent, and whether to add to something. */
#define ROWS(indices, shape, axis, extent)                                                                             \
    {                                                                                                                  \
        .x = { indices, shape }, .n = { axis, extent }, .below = extent                                                \
    }
static const op_variant rows[] = { ROWS(DIMS(5), DIMS(5, 2), 0, 3),
                                   ROWS(DIMS(5), DIMS(5), 0, 3),
                                   ROWS(DIMS(1), DIMS(1), 0, 1),
                                   ROWS(DIMS(1), DIMS(1, 4), 0, 9),
                                   ROWS(DIMS(0), DIMS(0, 4), 0, 9),
                                   ROWS(DIMS(9), DIMS(9, 8), 0, 1),
                                   ROWS(DIMS(9), DIMS(9, 7), 0, 2),
                                   ROWS(DIMS(17), DIMS(17, 3), 0, 9),
                                   ROWS(DIMS(3), DIMS(2, 3, 4), 1, 5),
                                   ROWS(DIMS(3), DIMS(3, 3), 1, 65),
                                   ROWS(DIMS(2), DIMS(2, 3, 4), 0, 5),
                                   ROWS(DIMS(4), DIMS(2, 3, 4), 2, 5),
                                   ROWS(DIMS(6), DIMS(5, 6, 2), 1, 4),
                                   ROWS(DIMS(65), DIMS(65, 2), 0, 300),
                                   ROWS(DIMS(300), DIMS(300, 2), 0, 17),
                                   ROWS(DIMS(9), DIMS(9, 2), 0, 70000),
                                   ROWS(DIMS(8), DIMS(8, 65), 0, 9),
                                   ROWS(DIMS(2), DIMS(2, 2, 2, 3), 1, 3),
                                   ROWS(DIMS(4), DIMS(1, 2, 1, 4, 2), 3, 3),
                                   ROWS(DIMS(31), DIMS(31, 7), 0, 33) };

static const op_variant masks[] = { PAIR(DIMS(1), DIMS(1)),          PAIR(DIMS(5), DIMS(5)),
                                    PAIR(DIMS(0), DIMS(0)),          PAIR(DIMS(7), DIMS(7)),
                                    PAIR(DIMS(8), DIMS(1)),          PAIR(DIMS(9), NO_DIMS),
                                    PAIR(NO_DIMS, NO_DIMS),          PAIR(DIMS(3, 4), DIMS(3, 4)),
                                    PAIR(DIMS(3, 4), DIMS(4)),       PAIR(DIMS(3, 4), DIMS(3, 1)),
                                    PAIR(DIMS(4), DIMS(3, 4)),       PAIR(DIMS(3, 1), DIMS(1, 4)),
                                    PAIR(DIMS(2, 3, 4), DIMS(3, 4)), PAIR(DIMS(2, 3, 4), DIMS(2, 1, 1)),
                                    PAIR(DIMS(2, 0), DIMS(2, 1)),    PAIR(DIMS(65), DIMS(65)),
                                    PAIR(DIMS(5, 33), DIMS(5, 33)),  PAIR(DIMS(2, 2, 2, 2), DIMS(2, 2)),
                                    PAIR(DIMS(17), DIMS(17)),        PAIR(DIMS(1, 5), DIMS(1, 5)) };

BUILD(scatter, bg_scatter(x[0], x[1], x[2], (int)v->n[0]))
/* The gradient of the sources for a cotangent that depends on them. */
static bg_node *build_winners(bg_node *const *x, const op_variant *v)
{
    bg_node *y = bg_scatter(x[0], x[1], x[2], (int)v->n[0]), *d = NULL;
    if (y)
        bg_grad_from(&y, &(bg_node *){ bg_square(y) }, 1, &x[2], 1, &d);
    return d;
}
BUILD(blocks, bgi_add_blocks("scatter_add", NULL, x[0], x[1], v->n[0], v->n[1], v->n[2], false))
/* Added to something, which is their transpose. */
static bg_node *build_rows(bg_node *const *x, const op_variant *v)
{
    bg_node *sums = bgi_add_rows("index_add", NULL, x[0], x[1], v->n[0], v->n[1]);
    return bgi_add_rows("index_add", bg_mul_scalar(sums, 0.5), x[0], bg_square(x[1]), v->n[0], v->n[1]);
}
BUILD(slices, bgi_add_blocks("scatter_add", NULL, x[0], x[1], v->n[0], v->n[1], 1, true))
BUILD(order, bgi_index_order("index_add", x[0], v->n[0], v->n[1]))
BUILD(winner_of_each, bgi_scatter_winners("scatter", x[0], v->n[0], v->n[1]))
/* As many as the mask can need, so that no index is out of range. */
static bg_node *build_masked_scatter(bg_node *const *x, const op_variant *v)
{
    (void)v;
    if (!x[0] || !x[1])
        return NULL;
    bg_node *source = bg_square(
        bg_add(x[0], bg_broadcast(bg_scalar(bg_node_graph(x[0]), bg_node_dtype(x[0]), 1), bg_node_shape(x[1]))));
    return bg_masked_scatter(x[0], x[1], source);
}
BUILD(bincount, bg_bincount(x[0], x[1], v->below))
BUILD(counts, bg_bincount(x[0], NULL, v->below))

#define COUNTS(shape, bound)                                                                                           \
    {                                                                                                                  \
        .x = { shape, shape }, .below = bound                                                                          \
    }
static const op_variant counted[] = {
    COUNTS(NO_DIMS, 3),          COUNTS(DIMS(1), 1),     COUNTS(DIMS(1), 5),    COUNTS(DIMS(5), 1),
    COUNTS(DIMS(0), 3),          COUNTS(DIMS(7), 8),     COUNTS(DIMS(8), 9),    COUNTS(DIMS(9), 17),
    COUNTS(DIMS(17), 65),        COUNTS(DIMS(65), 2),    COUNTS(DIMS(3), 300),  COUNTS(DIMS(300), 3),
    COUNTS(DIMS(2, 3), 4),       COUNTS(DIMS(3, 2), 7),  COUNTS(DIMS(0, 2), 4), COUNTS(DIMS(2, 3, 4), 5),
    COUNTS(DIMS(1, 1), 2),       COUNTS(DIMS(4, 1), 31), COUNTS(DIMS(33), 6),   COUNTS(DIMS(2, 2, 2, 2), 3),
    COUNTS(DIMS(1, 2, 1, 3), 2), COUNTS(DIMS(600), 1000)
};

static const op_case cases[] = {
    { .name = "scatter",
      .op = "scatter",
      .arity = 3,
      .domains = { IS_ANY, IS_INDEX, IS_ANY },
      .build = build_scatter,
      VARIANTS(places) },
    { .name = "scatter, the gradient of sources",
      .arity = 3,
      .domains = { IS_ANY, IS_INDEX, IS_ANY },
      .build = build_winners,
      VARIANTS(places) },
    { .name = "scatter_add in blocks",
      .op = "add_along",
      .arity = 2,
      .domains = { IS_INDEX, IS_ANY },
      .sums = true,
      .is_safe = true,
      .build = build_blocks,
      VARIANTS(blocks) },
    { .name = "index_add",
      .op = "add_along",
      .arity = 2,
      .domains = { IS_INDEX, IS_ANY },
      .sums = true,
      .build = build_slices,
      VARIANTS(rows) },
    { .name = "index_add in order",
      .op = "add_rows",
      .arity = 2,
      .domains = { IS_INDEX, IS_ANY },
      .sums = true,
      .is_safe = true,
      .build = build_rows,
      VARIANTS(rows) },
    { .name = "index_order",
      .op = "index_order",
      .arity = 1,
      .domains = { IS_INDEX },
      .gradient = IS_CONSTANT,
      .is_safe = true,
      .build = build_order,
      VARIANTS(rows) },
    { .name = "scatter_winners",
      .op = "scatter_winners",
      .arity = 1,
      .domains = { IS_INDEX },
      .gradient = IS_CONSTANT,
      .is_safe = true,
      .build = build_winner_of_each,
      VARIANTS(blocks) },
    { .name = "masked_scatter",
      .arity = 2,
      .domains = { IS_ANY, IS_CONDITION },
      .build = build_masked_scatter,
      VARIANTS(masks) },
    { .name = "bincount, weights",
      .arity = 2,
      .domains = { IS_INDEX, IS_ANY },
      .sums = true,
      .build = build_bincount,
      VARIANTS(counted) },
    { .name = "bincount",
      .arity = 1,
      .domains = { IS_INDEX },
      .gradient = IS_CONSTANT,
      .build = build_counts,
      VARIANTS(counted) },
};

/* ---- Golden values ---- */

GOLDEN(scatter, bg_scatter(c->x[0], c->x[1], c->x[2], golden_integer(c, "axis")))
GOLDEN(masked_scatter, bg_masked_scatter(c->x[0], c->x[1], c->x[2]))
GOLDEN(bincount, bg_bincount(c->x[0], c->n > 1 ? c->x[1] : NULL, golden_integer(c, "classes")))
static const golden_op golden[] = {
    { .name = "scatter", .build = golden_scatter, .integers = 2 },
    { .name = "masked_scatter", .build = golden_masked_scatter, .conditions = 2 },
    { .name = "bincount", .build = golden_bincount, .integers = 1 },
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_scatter(f->x3, f->x3, f->x3, 0), BG_ERR_DTYPE, "scatter: indices are f32, not i32, i64 or u8")                \
    X(bg_scatter(f->x3, f->i3, f->x3, 1), BG_ERR_ARGUMENT, "scatter: x [3] has no axis 1")                             \
    X(bg_scatter(f->x3, f->i3, f->d3, 0), BG_ERR_DTYPE, "scatter: types differ: x f32, source f64")                    \
    X(bg_scatter(f->x23, f->i3, f->x3, 0), BG_ERR_SHAPE, "scatter: indices [3] reach beyond x [2, 3] beside axis 0")   \
    X(bg_scatter(f->x3, f->i3, bg_slice(f->x3, 0, 0, 2, 1), 0), BG_ERR_SHAPE,                                          \
      "scatter: indices [3] reach beyond source [2]")                                                                  \
    X(bg_scatter(f->x3, f->i3, NULL, 0), BG_ERR_ARGUMENT, "scatter: input 2 is NULL")                                  \
    X(bg_scatter_add(f->bools, f->i3, f->bools, 0), BG_ERR_DTYPE,                                                      \
      "scatter_add: x is bool, not f32, f64, i32, i64 or u8")                                                          \
    X(bg_index_add(f->i3, f->i3, f->l3, 0), BG_ERR_DTYPE, "index_add: types differ: x i32, source i64")                \
    X(bg_index_add(f->x23, f->i2, f->x3, 0), BG_ERR_SHAPE,                                                             \
      "index_add: shapes differ beside axis 0: x [2, 3], source [3]")                                                  \
    X(bg_masked_scatter(f->x3, f->i3, f->x3), BG_ERR_DTYPE, "masked_scatter: mask is i32, not bool")                   \
    X(bg_masked_scatter(f->x3, f->bools, f->d3), BG_ERR_DTYPE, "masked_scatter: types differ: x f32, source f64")      \
    X(bg_masked_scatter(f->x4, f->bools, f->x4), BG_ERR_SHAPE,                                                         \
      "masked_scatter: shapes do not broadcast together: x [4], mask [3]")                                             \
    X(bg_masked_scatter(f->x3, f->bools, f->empty), BG_ERR_SHAPE,                                                      \
      "masked_scatter: source [2, 0] has no elements for mask [3]")                                                    \
    X(bg_bincount(f->x3, NULL, 3), BG_ERR_DTYPE, "bincount: indices are f32, not i32, i64 or u8")                      \
    X(bg_bincount(f->i3, f->l3, 3), BG_ERR_DTYPE, "bincount: weights are i64, not f32 or f64")                         \
    X(bg_bincount(f->i3, f->x4, 3), BG_ERR_SHAPE, "bincount: shapes differ: indices [3], weights [4]")                 \
    X(bg_bincount(f->i3, NULL, -1), BG_ERR_ARGUMENT, "bincount: -1 classes")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *zeros_like(bg_node *x) { return bg_zeros(bg_node_graph(x), BG_I64, bg_node_shape(x)); }
EDGE(scatter, bg_scatter(x, zeros_like(y), y, 0))
EDGE(scatter_add, bg_scatter_add(x, zeros_like(y), y, 0))
/* Sums of integers that wrap around, as numbers. */
static bg_node *byte_sums(bg_node *x)
{
    bg_node *bytes = bg_cast(x, BG_U8);
    return bg_cast(bg_scatter_add(bytes, zeros_like(x), bytes, 0), bg_node_dtype(x));
}
EDGE(bytes, byte_sums(x))
/* Slices of integers, and elements of bool. */
static bg_node *integer_slices(bg_node *x)
{
    bg_node *whole = bg_reshape(bg_cast(x, BG_I32), BG_SHAPE(2, 2));
    return bg_cast(bg_index_add(whole, bg_zeros(bg_node_graph(x), BG_I32, BG_SHAPE(2)), whole, 0), bg_node_dtype(x));
}
static bg_node *scattered_bools(bg_node *x)
{
    bg_node *bools = bg_cast(x, BG_BOOL);
    return bg_cast(bg_scatter(bg_logical_not(bools), zeros_like(x), bools, 0), bg_node_dtype(x));
}
EDGE(integers, integer_slices(x))
EDGE(bools, scattered_bools(x))
EDGE(replaced_nan, bg_scatter(x, bg_arange(bg_node_graph(x), BG_U8, 0, 2, 1), y, 0))
static const edge edges[] = {
    { "scatter: the last wins", edge_scatter, 3, .x = LIST(1, 2, 3), .y = LIST(4, 5, 6), .n_values = 3,
      .value = LIST(6, 2, 3), .dx = LIST(0, 1, 1), .dy = LIST(0, 0, 1), .has_dy = true },
    { "scatter: what is replaced does not matter", edge_replaced_nan, 2, .x = LIST(NOT_A_NUMBER, INF), .y = LIST(4, 5),
      .n_values = 2, .value = LIST(4, 5), .dx = LIST(0, 0), .dy = LIST(1, 1), .has_dy = true },
    { "scatter_add: in ascending order", edge_scatter_add, 3, .x = LIST(0x1p60, 2, 3), .y = LIST(1, 1, -0x1p60),
      .n_values = 3, .value = LIST(0, 2, 3), .dx = LIST(1, 1, 1), .dy = LIST(1, 1, 1), .has_dy = true },
    { "index_add of integers", edge_integers, 4, .x = LIST(1, -2, 3, 4), .n_values = 4, .value = LIST(5, 0, 3, 4),
      .dx = LIST(0, 0, 0, 0) },
    { "scatter of bool", edge_bools, 3, .x = LIST(0, 0, 1), .n_values = 3, .value = LIST(1, 1, 0),
      .dx = LIST(0, 0, 0) },
    { "scatter_add: integers wrap around", edge_bytes, 3, .x = LIST(200, 100, 3), .n_values = 3,
      .value = LIST(247, 100, 3), .dx = LIST(0, 0, 0) },
};

const op_family scatter_family = { .name = "scatter", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
