/* Elements chosen by indices. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

#define TAKE(from, indices, axis, bound)                                                                               \
    {                                                                                                                  \
        .x = { from, indices }, .n = { axis }, .below = bound                                                          \
    }
static const op_variant takes[] = { ALONG_AXES(TAKE), TAKE(DIMS(4, 3), DIMS(2, 7), 1, 3),
                                    TAKE(DIMS(3, 4, 5), DIMS(1, 6, 3), 1, 4), TAKE(DIMS(3, 4), DIMS(5, 0), 0, 3) };
static const op_variant broadcast_takes[] = { TAKE(DIMS(5), DIMS(3), 0, 5),
                                              TAKE(DIMS(1), DIMS(1), 0, 1),
                                              TAKE(DIMS(4), DIMS(0), 0, 4),
                                              TAKE(DIMS(3, 4), DIMS(2, 1), 0, 3),
                                              TAKE(DIMS(3, 1), DIMS(2, 4), 0, 3),
                                              TAKE(DIMS(3, 4), DIMS(1, 6), 1, 4),
                                              TAKE(DIMS(1, 4), DIMS(3, 6), -1, 4),
                                              TAKE(DIMS(1, 5), DIMS(3, 5), 0, 1),
                                              TAKE(DIMS(0, 3), DIMS(1, 2), 1, 3),
                                              TAKE(DIMS(1, 3), DIMS(0, 2), 1, 3),
                                              TAKE(DIMS(3, 0), DIMS(2, 1), 0, 3),
                                              TAKE(DIMS(2, 3, 4), DIMS(5, 1, 4), 0, 2),
                                              TAKE(DIMS(2, 3, 4), DIMS(1, 2, 1), 1, 3),
                                              TAKE(DIMS(2, 1, 4), DIMS(1, 3, 7), 2, 4),
                                              TAKE(DIMS(1, 3, 1), DIMS(2, 5, 4), 1, 3),
                                              TAKE(DIMS(9, 65), DIMS(8, 1), 0, 9),
                                              TAKE(DIMS(9, 1), DIMS(8, 65), 0, 9),
                                              TAKE(DIMS(3, 300), DIMS(1, 9), 1, 300),
                                              TAKE(DIMS(2, 3, 2, 3), DIMS(1, 2, 2, 1), 1, 3),
                                              TAKE(DIMS(2, 1, 1, 3), DIMS(1, 3, 2, 1), -1, 3),
                                              TAKE(DIMS(33, 7), DIMS(31, 7), 0, 33) };
static const op_variant selections[] = {
    TAKE(DIMS(5), DIMS(3), 0, 5),           TAKE(DIMS(1), DIMS(1), 0, 1),
    TAKE(DIMS(4), DIMS(0), 0, 4),           TAKE(DIMS(7), DIMS(9), -1, 7),
    TAKE(DIMS(3, 4), DIMS(2), 0, 3),        TAKE(DIMS(3, 4), DIMS(6), 1, 4),
    TAKE(DIMS(1, 5), DIMS(3), 0, 1),        TAKE(DIMS(5, 1), DIMS(2), 1, 1),
    TAKE(DIMS(0, 3), DIMS(2), 1, 3),        TAKE(DIMS(3, 0), DIMS(2), 0, 3),
    TAKE(DIMS(2, 3, 4), DIMS(5), 0, 2),     TAKE(DIMS(2, 3, 4), DIMS(1), 1, 3),
    TAKE(DIMS(2, 3, 4), DIMS(7), 2, 4),     TAKE(DIMS(17), DIMS(65), 0, 17),
    TAKE(DIMS(65), DIMS(8), 0, 65),         TAKE(DIMS(3, 300), DIMS(9), 1, 300),
    TAKE(DIMS(9, 65), DIMS(8), 0, 9),       TAKE(DIMS(2, 3, 2, 3), DIMS(2), 1, 3),
    TAKE(DIMS(2, 3, 2, 3), DIMS(1), -1, 3), TAKE(DIMS(1, 2, 1, 3, 2), DIMS(4), 3, 3),
    TAKE(DIMS(33, 7), DIMS(31), 0, 33)
};
static const op_variant slice_additions[] = {
    { .x = { DIMS(5), DIMS(3), DIMS(3) }, .n = { 0 }, .below = 5 },
    { .x = { DIMS(1), DIMS(1), DIMS(1) }, .n = { 0 }, .below = 1 },
    { .x = { DIMS(4), DIMS(0), DIMS(0) }, .n = { 0 }, .below = 4 },
    { .x = { DIMS(7), DIMS(9), DIMS(9) }, .n = { -1 }, .below = 7 },
    { .x = { DIMS(3, 4), DIMS(2), DIMS(2, 4) }, .n = { 0 }, .below = 3 },
    { .x = { DIMS(3, 4), DIMS(6), DIMS(3, 6) }, .n = { 1 }, .below = 4 },
    { .x = { DIMS(1, 5), DIMS(3), DIMS(3, 5) }, .n = { 0 }, .below = 1 },
    { .x = { DIMS(5, 1), DIMS(2), DIMS(5, 2) }, .n = { 1 }, .below = 1 },
    { .x = { DIMS(0, 3), DIMS(2), DIMS(0, 2) }, .n = { 1 }, .below = 3 },
    { .x = { DIMS(3, 0), DIMS(2), DIMS(2, 0) }, .n = { 0 }, .below = 3 },
    { .x = { DIMS(2, 3, 4), DIMS(5), DIMS(5, 3, 4) }, .n = { 0 }, .below = 2 },
    { .x = { DIMS(2, 3, 4), DIMS(1), DIMS(2, 1, 4) }, .n = { 1 }, .below = 3 },
    { .x = { DIMS(2, 3, 4), DIMS(7), DIMS(2, 3, 7) }, .n = { 2 }, .below = 4 },
    { .x = { DIMS(17), DIMS(65), DIMS(65) }, .n = { 0 }, .below = 17 },
    { .x = { DIMS(65), DIMS(8), DIMS(8) }, .n = { 0 }, .below = 65 },
    { .x = { DIMS(3, 300), DIMS(9), DIMS(3, 9) }, .n = { 1 }, .below = 300 },
    { .x = { DIMS(9, 65), DIMS(8), DIMS(8, 65) }, .n = { 0 }, .below = 9 },
    { .x = { DIMS(2, 3, 2, 3), DIMS(2), DIMS(2, 2, 2, 3) }, .n = { 1 }, .below = 3 },
    { .x = { DIMS(2, 3, 2, 3), DIMS(1), DIMS(2, 3, 2, 1) }, .n = { -1 }, .below = 3 },
    { .x = { DIMS(1, 2, 1, 3, 2), DIMS(4), DIMS(1, 2, 1, 4, 2) }, .n = { 3 }, .below = 3 },
    { .x = { DIMS(33, 7), DIMS(31), DIMS(31, 7) }, .n = { 0 }, .below = 33 }
};
static const op_variant tables[] = { TAKE(DIMS(5, 3), NO_DIMS, 0, 5),          TAKE(DIMS(5, 3), DIMS(4), 0, 5),
                                     TAKE(DIMS(1, 1), DIMS(1), 0, 1),          TAKE(DIMS(1, 4), DIMS(3), 0, 1),
                                     TAKE(DIMS(4, 1), DIMS(3), 0, 4),          TAKE(DIMS(4, 0), DIMS(3), 0, 4),
                                     TAKE(DIMS(4, 3), DIMS(0), 0, 4),          TAKE(DIMS(4, 3), DIMS(2, 0), 0, 4),
                                     TAKE(DIMS(7, 8), DIMS(9), 0, 7),          TAKE(DIMS(8, 7), DIMS(2, 3), 0, 8),
                                     TAKE(DIMS(9, 17), DIMS(3, 3), 0, 9),      TAKE(DIMS(65, 2), DIMS(7), 0, 65),
                                     TAKE(DIMS(2, 65), DIMS(5), 0, 2),         TAKE(DIMS(3, 300), DIMS(4), 0, 3),
                                     TAKE(DIMS(300, 3), DIMS(9), 0, 300),      TAKE(DIMS(5, 4), DIMS(2, 3, 2), 0, 5),
                                     TAKE(DIMS(5, 4), DIMS(1, 1, 1), 0, 5),    TAKE(DIMS(6, 33), DIMS(31), 0, 6),
                                     TAKE(DIMS(2, 2), DIMS(2, 2, 2, 2), 0, 2), TAKE(DIMS(3, 1), DIMS(17), 0, 3),
                                     TAKE(DIMS(10, 5), DIMS(4, 1, 2), 0, 10) };
static const op_variant additions[] = {
    ALONG_AXES(PUT),
    { .x = { DIMS(4, 3), DIMS(2, 5), DIMS(3, 6) }, .n = { 1 }, .below = 3 },
    { .x = { DIMS(3, 4, 5), DIMS(1, 6, 3), DIMS(2, 6, 3) }, .n = { 1 }, .below = 4 },
    { .x = { DIMS(3, 4), DIMS(5, 0), DIMS(5, 3) }, .n = { 0 }, .below = 3 }
};
static const op_variant one_hots[] = {
    { .x = { NO_DIMS }, .below = 3 },          { .x = { DIMS(1) }, .below = 1 },
    { .x = { DIMS(1) }, .below = 5 },          { .x = { DIMS(5) }, .below = 1 },
    { .x = { DIMS(0) }, .below = 3 },          { .x = { DIMS(7) }, .below = 8 },
    { .x = { DIMS(8) }, .below = 9 },          { .x = { DIMS(9) }, .below = 17 },
    { .x = { DIMS(17) }, .below = 65 },        { .x = { DIMS(65) }, .below = 2 },
    { .x = { DIMS(3) }, .below = 300 },        { .x = { DIMS(300) }, .below = 3 },
    { .x = { DIMS(2, 3) }, .below = 4 },       { .x = { DIMS(3, 2) }, .below = 7 },
    { .x = { DIMS(0, 2) }, .below = 4 },       { .x = { DIMS(2, 3, 4) }, .below = 5 },
    { .x = { DIMS(1, 1) }, .below = 2 },       { .x = { DIMS(4, 1) }, .below = 31 },
    { .x = { DIMS(2, 2, 2, 2) }, .below = 3 }, { .x = { DIMS(1, 2, 1, 3) }, .below = 2 },
    { .x = { DIMS(33) }, .below = 6 }
};

BUILD(gather, bg_gather(x[0], x[1], (int)v->n[0]))
BUILD(take_along, bg_take_along(x[0], x[1], (int)v->n[0]))
BUILD(scatter_add, bg_scatter_add(x[0], x[1], x[2], (int)v->n[0]))
BUILD(index_select, bg_index_select(x[0], x[1], (int)v->n[0]))
BUILD(index_add, bg_index_add(x[0], x[1], x[2], (int)v->n[0]))
BUILD(embedding, bg_embedding(x[0], x[1], -1))
BUILD(one_hot, bg_one_hot(x[0], v->below, BG_F64))

static const op_case cases[] = {
    { .name = "gather",
      .op = "take_along",
      .arity = 2,
      .domains = { IS_ANY, IS_INDEX },
      .build = build_gather,
      VARIANTS(takes) },
    { .name = "take_along",
      .arity = 2,
      .domains = { IS_ANY, IS_INDEX },
      .build = build_take_along,
      VARIANTS(broadcast_takes) },
    { .name = "scatter_add",
      .op = "add_along",
      .arity = 3,
      .domains = { IS_ANY, IS_INDEX, IS_ANY },
      .sums = true,
      .build = build_scatter_add,
      VARIANTS(additions) },
    { .name = "index_select",
      .op = "index_select",
      .arity = 2,
      .domains = { IS_ANY, IS_INDEX },
      .build = build_index_select,
      VARIANTS(selections) },
    { .name = "index_add",
      .op = "add_along",
      .arity = 3,
      .domains = { IS_ANY, IS_INDEX, IS_ANY },
      .sums = true,
      .build = build_index_add,
      VARIANTS(slice_additions) },
    { .name = "embedding", .arity = 2, .domains = { IS_ANY, IS_INDEX }, .build = build_embedding, VARIANTS(tables) },
    { .name = "one_hot",
      .op = "one_hot",
      .arity = 1,
      .domains = { IS_INDEX },
      .gradient = IS_CONSTANT,
      .build = build_one_hot,
      VARIANTS(one_hots) },
};

/* ---- Golden values ---- */

GOLDEN(gather, bg_gather(c->x[0], c->x[1], golden_integer(c, "axis")))
GOLDEN(take_along, bg_take_along(c->x[0], c->x[1], golden_integer(c, "axis")))
GOLDEN(scatter_add, bg_scatter_add(c->x[0], c->x[1], c->x[2], golden_integer(c, "axis")))
GOLDEN(index_select, bg_index_select(c->x[0], c->x[1], golden_integer(c, "axis")))
GOLDEN(index_add, bg_index_add(c->x[0], c->x[1], c->x[2], golden_integer(c, "axis")))
GOLDEN(embedding, bg_embedding(c->x[0], c->x[1], golden_integer(c, "padding")))
GOLDEN(one_hot, bg_one_hot(c->x[0], golden_integer(c, "classes"), BG_F64))
static const golden_op golden[] = {
    { .name = "gather", .build = golden_gather, .integers = 2 },
    { .name = "take_along", .build = golden_take_along, .integers = 2 },
    { .name = "scatter_add", .build = golden_scatter_add, .integers = 2 },
    { .name = "index_select", .build = golden_index_select, .integers = 2 },
    { .name = "index_add", .build = golden_index_add, .integers = 2 },
    { .name = "embedding", .build = golden_embedding, .integers = 2 },
    { .name = "one_hot", .build = golden_one_hot, .integers = 1 },
};

/* ---- Wrong calls ---- */

#define WRONG(X)                                                                                                       \
    X(bg_gather(f->x3, f->x3, 0), BG_ERR_DTYPE, "gather: indices are f32, not i32, i64 or u8")                         \
    X(bg_gather(f->x23, f->i3, 0), BG_ERR_SHAPE, "gather: indices [3] reach beyond x [2, 3] beside axis 0")            \
    X(bg_gather(f->x3, f->i3, 1), BG_ERR_ARGUMENT, "gather: x [3] has no axis 1")                                      \
    X(bg_gather(f->x3, NULL, 0), BG_ERR_ARGUMENT, "gather: input 1 is NULL")                                           \
    X(bg_take_along(f->x3, f->x3, 0), BG_ERR_DTYPE, "take_along: indices are f32, not i32, i64 or u8")                 \
    X(bg_take_along(f->x23, f->i3, 0), BG_ERR_SHAPE,                                                                   \
      "take_along: x and indices do not broadcast together beside axis 0: x [2, 3], indices [3]")                      \
    X(bg_take_along(f->x23, bg_zeros(bg_node_graph(f->x3), BG_I64, BG_SHAPE(1, 2)), 0), BG_ERR_SHAPE,                  \
      "take_along: x and indices do not broadcast together beside axis 0: x [2, 3], indices [1, 2]")                   \
    X(bg_take_along(f->x3, f->i3, 1), BG_ERR_ARGUMENT, "take_along: x [3] has no axis 1")                              \
    X(bg_take_along(f->x3, NULL, 0), BG_ERR_ARGUMENT, "take_along: input 1 is NULL")                                   \
    X(bg_scatter_add(f->x3, f->i3, f->d3, 0), BG_ERR_DTYPE, "scatter_add: types differ: x f32, source f64")            \
    X(bg_scatter_add(f->x4, f->i3, f->x23, 0), BG_ERR_SHAPE, "scatter_add: indices [3] reach beyond source [2, 3]")    \
    X(bg_scatter_add(f->x23, f->i3, f->x3, 0), BG_ERR_SHAPE,                                                           \
      "scatter_add: indices [3] reach beyond x [2, 3] beside axis 0")                                                  \
    X(bg_index_select(f->x3, f->bools, 0), BG_ERR_DTYPE, "index_select: indices are bool, not i32, i64 or u8")         \
    X(bg_index_select(f->x23, f->i3, -3), BG_ERR_ARGUMENT, "index_select: x [2, 3] has no axis -3")                    \
    X(bg_index_select(f->x23, bg_reshape(f->i3, BG_SHAPE(3, 1)), 0), BG_ERR_SHAPE,                                     \
      "index_select: indices [3, 1] have not rank 1")                                                                  \
    X(bg_index_add(f->x23, f->i3, f->x23, 0), BG_ERR_SHAPE,                                                            \
      "index_add: needs an index a slice along axis 0: source [2, 3], indices [3]")                                    \
    X(bg_index_add(f->x23, f->i2, f->d23, 0), BG_ERR_DTYPE, "index_add: types differ: x f32, source f64")              \
    X(bg_embedding(f->i3, f->i3, -1), BG_ERR_DTYPE, "embedding: x is i32, not f32 or f64")                             \
    X(bg_embedding(f->x3, f->i3, -1), BG_ERR_SHAPE, "embedding: needs a table [rows, width]: table [3], indices [3]")  \
    X(bg_embedding(f->x23, f->i3, 2), BG_ERR_ARGUMENT, "embedding: padding 2 is no row of table [2, 3]")               \
    X(bg_one_hot(f->x3, 3, BG_F32), BG_ERR_DTYPE, "one_hot: from f32 to f32, not from i32, i64 or u8 to f32 or f64")   \
    X(bg_one_hot(f->i3, 3, BG_I32), BG_ERR_DTYPE, "one_hot: from i32 to i32, not from i32, i64 or u8 to f32 or f64")   \
    X(bg_one_hot(f->i3, -1, BG_F32), BG_ERR_ARGUMENT, "one_hot: -1 classes for indices [3]")
WRONG_CALLS(WRONG)

const op_family index_family = { .name = "index", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
