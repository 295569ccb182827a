/* Views and joins. */
#include "cases.h"

#include "ops/ops.h"

/* ---- Cases ---- */

#define RESHAPED(from, to)                                                                                             \
    {                                                                                                                  \
        .x = { from }, .shape = to                                                                                     \
    }
static const op_variant reshapes[] = {
    RESHAPED(NO_DIMS, DIMS(1)),
    RESHAPED(NO_DIMS, DIMS(1, 1, 1)),
    RESHAPED(DIMS(1), NO_DIMS),
    RESHAPED(DIMS(1, 1), NO_DIMS),
    RESHAPED(DIMS(6), DIMS(2, 3)),
    RESHAPED(DIMS(2, 3), DIMS(6)),
    RESHAPED(DIMS(2, 3), DIMS(3, 2)),
    RESHAPED(DIMS(2, 3), DIMS(2, 1, 3)),
    RESHAPED(DIMS(4, 6), DIMS(-1, 8)),
    RESHAPED(DIMS(4, 6), DIMS(-1)),
    RESHAPED(DIMS(2, 3, 4), DIMS(6, 4)),
    RESHAPED(DIMS(2, 3, 4), DIMS(2, 12)),
    RESHAPED(DIMS(2, 3, 4), DIMS(4, 3, 2)),
    RESHAPED(DIMS(2, 3, 4), DIMS(24)),
    RESHAPED(DIMS(0), DIMS(0, 3)),
    RESHAPED(DIMS(0, 3), DIMS(2, 0)),
    RESHAPED(DIMS(2, 3, 1), DIMS(2, 3)),
    RESHAPED(DIMS(300), DIMS(3, 100)),
    RESHAPED(DIMS(3, 100), DIMS(100, 3)),
    RESHAPED(DIMS(2, 2, 2, 2, 2), DIMS(4, 8)),
    RESHAPED(DIMS(4, 8), DIMS(2, 2, 2, 2, 2)),
};
static const op_variant broadcasts[] = { RESHAPED(NO_DIMS, DIMS(1)),
                                         RESHAPED(NO_DIMS, DIMS(5)),
                                         RESHAPED(NO_DIMS, DIMS(2, 3)),
                                         RESHAPED(NO_DIMS, DIMS(0)),
                                         RESHAPED(DIMS(1), DIMS(7)),
                                         RESHAPED(DIMS(1), DIMS(0)),
                                         RESHAPED(DIMS(3), DIMS(2, 3)),
                                         RESHAPED(DIMS(3), DIMS(0, 3)),
                                         RESHAPED(DIMS(2, 1), DIMS(2, 5)),
                                         RESHAPED(DIMS(1, 4), DIMS(3, 4)),
                                         RESHAPED(DIMS(1, 1), DIMS(3, 4)),
                                         RESHAPED(DIMS(2, 3), DIMS(4, 2, 3)),
                                         RESHAPED(DIMS(3, 1), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(2, 1, 4), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(1, 3, 1), DIMS(2, 3, 4)),
                                         RESHAPED(DIMS(5), DIMS(1, 5)),
                                         RESHAPED(DIMS(3, 1), DIMS(3, 300)),
                                         RESHAPED(DIMS(65), DIMS(7, 65)),
                                         RESHAPED(DIMS(0, 1), DIMS(0, 4)),
                                         RESHAPED(DIMS(2, 1, 3), DIMS(2, 2, 2, 3)),
                                         RESHAPED(DIMS(2, 1, 2), DIMS(2, 1, 2, 3, 2)) };
static const op_variant permutations[] = {
    OVER_NONE(NO_DIMS),
    OVER_ALL(DIMS(1)),
    OVER(DIMS(5), 0),
    OVER(DIMS(3, 4), 1, 0),
    OVER(DIMS(3, 4), 0, 1),
    OVER_ALL(DIMS(3, 4)),
    OVER(DIMS(1, 5), 1, 0),
    OVER(DIMS(0, 3), 1, 0),
    OVER(DIMS(2, 3, 4), 1, 2, 0),
    OVER(DIMS(2, 3, 4), 2, 0, 1),
    OVER(DIMS(2, 3, 4), 0, 2, 1),
    OVER(DIMS(2, 3, 4), 1, 0, 2),
    OVER(DIMS(2, 3, 4), 2, 1, 0),
    OVER(DIMS(2, 3, 4), -1, 0, 1),
    OVER_ALL(DIMS(2, 3, 4)),
    OVER(DIMS(2, 0, 4), 2, 1, 0),
    OVER(DIMS(7, 65), 1, 0),
    OVER(DIMS(300, 3), 1, 0),
    OVER(DIMS(2, 3, 2, 2), 3, 1, 0, 2),
    OVER(DIMS(1, 2, 1, 3), 3, 2, 1, 0),
    OVER(DIMS(2, 1, 3, 2, 2), 4, 2, 0, 1, 3),
};

/* axis, start, stop, step */
static const op_variant slices[] = { WITH(DIMS(1), 0, 0, 1, 1),
                                     WITH(DIMS(5), 0, 1, 3, 1),
                                     WITH(DIMS(5), 0, 0, 5, 2),
                                     WITH(DIMS(5), 0, 4, 5, 7),
                                     WITH(DIMS(5), 0, -3, -1, 1),
                                     WITH(DIMS(5), 0, 2, 2, 1),
                                     WITH(DIMS(5), 0, 0, 100, 1),
                                     WITH(DIMS(0), 0, 0, 1, 1),
                                     WITH(DIMS(4, 5), 0, 1, 3, 1),
                                     WITH(DIMS(4, 5), 1, 1, 5, 2),
                                     WITH(DIMS(4, 5), 1, 0, 1, 1),
                                     WITH(DIMS(4, 5), -1, 3, 5, 1),
                                     WITH(DIMS(1, 5), 0, 0, 1, 1),
                                     WITH(DIMS(0, 5), 1, 1, 3, 1),
                                     WITH(DIMS(2, 3, 4), 0, 1, 2, 1),
                                     WITH(DIMS(2, 3, 4), 1, 0, 3, 2),
                                     WITH(DIMS(2, 3, 4), 2, 1, 4, 2),
                                     WITH(DIMS(2, 3, 4), 1, 1, 1, 1),
                                     WITH(DIMS(65), 0, 1, 64, 3),
                                     WITH(DIMS(3, 300), 1, 7, 290, 1),
                                     WITH(DIMS(2, 3, 2, 3), 1, 1, 3, 1),
                                     WITH(DIMS(2, 3, 2, 3), 3, 0, 3, 2),
                                     WITH(DIMS(2, 1, 3, 1, 2), 2, 1, 3, 1) };
static const op_variant embeddings
    [] = { /* axis, start, step, extent */
           WITH(DIMS(1), 0, 0, 1, 1),       WITH(DIMS(1), 0, 3, 1, 5),          WITH(DIMS(3), 0, 1, 1, 5),
           WITH(DIMS(3), 0, 0, 2, 5),       WITH(DIMS(3), 0, 1, 3, 9),          WITH(DIMS(0), 0, 0, 1, 4),
           WITH(DIMS(4), 0, 0, 1, 4),       WITH(DIMS(2, 5), 0, 1, 1, 4),       WITH(DIMS(4, 2), 1, 1, 2, 5),
           WITH(DIMS(4, 1), 1, 4, 1, 5),    WITH(DIMS(1, 5), 0, 0, 1, 3),       WITH(DIMS(0, 5), 0, 0, 1, 2),
           WITH(DIMS(0, 2), 1, 0, 1, 3),    WITH(DIMS(2, 3, 4), 0, 1, 1, 3),    WITH(DIMS(2, 3, 4), 1, 0, 2, 6),
           WITH(DIMS(2, 3, 4), 2, 2, 1, 7), WITH(DIMS(21), 0, 1, 3, 65),        WITH(DIMS(3, 200), 1, 7, 1, 300),
           WITH(DIMS(2, 2, 2), 1, 0, 1, 2), WITH(DIMS(2, 3, 2, 3), 1, 1, 1, 5), WITH(DIMS(2, 1, 3, 1, 2), 2, 1, 2, 6)
    };
#define JOIN(axis, count, ...)                                                                                         \
    {                                                                                                                  \
        .x = { __VA_ARGS__ }, .n = { axis }, .n_inputs = count                                                         \
    }
static const op_variant joins[] = {
    JOIN(0, 1, DIMS(3)),
    JOIN(0, 2, DIMS(1), DIMS(1)),
    JOIN(0, 2, DIMS(3), DIMS(4)),
    JOIN(0, 3, DIMS(3), DIMS(0), DIMS(2)),
    JOIN(0, 2, DIMS(0), DIMS(0)),
    JOIN(-1, 3, DIMS(7), DIMS(8), DIMS(9)),
    JOIN(0, 2, DIMS(2, 3), DIMS(1, 3)),
    JOIN(1, 2, DIMS(2, 3), DIMS(2, 1)),
    JOIN(1, 3, DIMS(2, 3), DIMS(2, 0), DIMS(2, 4)),
    JOIN(0, 2, DIMS(2, 0), DIMS(3, 0)),
    JOIN(1, 2, DIMS(0, 3), DIMS(0, 2)),
    JOIN(0, 2, DIMS(1, 5), DIMS(1, 5)),
    JOIN(0, 3, DIMS(2, 3, 4), DIMS(1, 3, 4), DIMS(3, 3, 4)),
    JOIN(1, 2, DIMS(2, 3, 4), DIMS(2, 2, 4)),
    JOIN(2, 3, DIMS(2, 3, 4), DIMS(2, 3, 1), DIMS(2, 3, 2)),
    JOIN(-2, 2, DIMS(2, 3, 4), DIMS(2, 3, 4)),
    JOIN(1, 2, DIMS(3, 200), DIMS(3, 65)),
    JOIN(0, 2, DIMS(200, 3), DIMS(1, 3)),
    JOIN(1, 2, DIMS(2, 1, 2, 3), DIMS(2, 3, 2, 3)),
    JOIN(3, 2, DIMS(2, 1, 2, 3), DIMS(2, 1, 2, 1)),
    JOIN(2, 2, DIMS(1, 2, 1, 2, 2), DIMS(1, 2, 3, 2, 2)),
};

BUILD(reshape, bg_reshape(x[0], v->shape))
BUILD(broadcast, bg_broadcast(x[0], v->shape))
BUILD_AXES(permute)
BUILD(slice, bg_slice(x[0], (int)v->n[0], v->n[1], v->n[2], v->n[3]))
BUILD(embed, bgi_embed(x[0], (int)v->n[0], v->n[1], v->n[2], v->n[3]))
BUILD(concat, bg_concat(x, v->n_inputs, (int)v->n[0]))

static const op_case cases[] = {
    { .name = "reshape", .op = "reshape", .arity = 1, .build = build_reshape, VARIANTS(reshapes) },
    { .name = "broadcast", .op = "broadcast", .arity = 1, .build = build_broadcast, VARIANTS(broadcasts) },
    { .name = "permute", .op = "permute", .arity = 1, .build = build_permute, VARIANTS(permutations) },
    { .name = "slice", .op = "slice", .arity = 1, .build = build_slice, VARIANTS(slices) },
    { .name = "embed", .op = "embed", .is_safe = true, .arity = 1, .build = build_embed, VARIANTS(embeddings) },
    { .name = "concat", .op = "concat", .arity = 3, .build = build_concat, VARIANTS(joins) },
};

/* ---- Golden values ---- */

GOLDEN_AXES(permute)
GOLDEN(reshape, bg_reshape(c->x[0], golden_shape(c, "shape")))
GOLDEN(broadcast, bg_broadcast(c->x[0], golden_shape(c, "shape")))
GOLDEN(concat, bg_concat((bg_node **)c->x, c->n, golden_integer(c, "axis")))
GOLDEN(slice, bg_slice(c->x[0], golden_integer(c, "axis"), golden_integer(c, "start"), golden_integer(c, "stop"),
                       golden_integer(c, "step")))
static const golden_op golden[] = {
    GOLDEN_ROW(permute), GOLDEN_ROW(reshape), GOLDEN_ROW(broadcast), GOLDEN_ROW(concat), GOLDEN_ROW(slice),
};

/* ---- Wrong calls ---- */

static bg_node *join(bg_node *x, bg_node *y, int axis) { return bg_concat((bg_node *[]){ x, y }, 2, axis); }
#define WRONG(X)                                                                                                       \
    X(bg_reshape(f->x23, BG_SHAPE(4)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [4]")                            \
    X(bg_reshape(f->x23, BG_SHAPE(-1, -1)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-1, -1]")                  \
    X(bg_reshape(f->x23, BG_SHAPE(-1, 4)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-1, 4]")                    \
    X(bg_reshape(f->x23, BG_SHAPE(-2, -3)), BG_ERR_SHAPE, "reshape: x [2, 3] does not fill [-2, -3]")                  \
    X(bg_reshape(f->empty, BG_SHAPE(-1, 0)), BG_ERR_SHAPE, "reshape: x [2, 0] does not fill [-1, 0]")                  \
    X(bg_reshape(f->x3, ((bg_shape){ .rank = 9 })), BG_ERR_SHAPE, "reshape: rank 9")                                   \
    X(bg_permute(f->x23, BG_AXES(0)), BG_ERR_ARGUMENT, "permute: 1 axes for x [2, 3]")                                 \
    X(bg_permute(f->x23, BG_AXES(0, 0)), BG_ERR_ARGUMENT, "permute: axis 0 is given twice")                            \
    X(bg_permute(f->x23, BG_AXES(0, 2)), BG_ERR_ARGUMENT, "permute: x [2, 3] has no axis 2")                           \
    X(bg_transpose(f->x23, 0, 2), BG_ERR_ARGUMENT, "transpose: x [2, 3] has no axis 2")                                \
    X(bg_transpose(f->x23, -3, 0), BG_ERR_ARGUMENT, "transpose: x [2, 3] has no axis -3")                              \
    X(bg_slice(f->x23, 2, 0, 1, 1), BG_ERR_ARGUMENT, "slice: x [2, 3] has no axis 2")                                  \
    X(bg_slice(f->x23, 0, 0, 1, 0), BG_ERR_ARGUMENT, "slice: step 0, not at least 1")                                  \
    X(bg_slice(f->x23, 0, 0, 1, -1), BG_ERR_ARGUMENT, "slice: step -1, not at least 1")                                \
    X(join(f->x3, f->d3, 0), BG_ERR_DTYPE, "concat: types differ: input 0 f32, input 1 f64")                           \
    X(join(f->x23, f->x34, 0), BG_ERR_SHAPE, "concat: shapes differ beside axis 0: input 0 [2, 3], input 1 [3, 4]")    \
    X(join(f->x23, f->x3, 0), BG_ERR_SHAPE, "concat: shapes differ beside axis 0: input 0 [2, 3], input 1 [3]")        \
    X(join(f->x3, f->x3, 1), BG_ERR_ARGUMENT, "concat: x [3] has no axis 1")                                           \
    X(join(f->scalar, f->scalar, 0), BG_ERR_ARGUMENT, "concat: x [] has no axis 0")                                    \
    X(bg_broadcast(f->x3, BG_SHAPE(3, 2)), BG_ERR_SHAPE, "broadcast: x [3] does not broadcast to [3, 2]")              \
    X(bg_broadcast(f->x23, BG_SHAPE(3)), BG_ERR_SHAPE, "broadcast: x [2, 3] does not broadcast to [3]")                \
    X(bg_broadcast(f->x3, BG_SHAPE(1)), BG_ERR_SHAPE, "broadcast: x [3] does not broadcast to [1]")
WRONG_CALLS(WRONG)

const op_family views_family = { .name = "views", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
