/* Elements in other places: flips, rolls, padding, tiles, triangles, diagonals, parts, axes; constants. */
#include "cases.h"

/* ---- Cases ---- */

static int64_t extent_of(const op_variant *v)
{
    const bg_shape *x = &v->x[0];
    return x->dims[v->n[0] < 0 ? v->n[0] + x->rank : v->n[0]];
}
static bg_node *join(bg_node *const *parts, int n, int axis)
{
    bg_node *turned[4];
    for (int i = 0; i < n; i++)
        turned[i] = parts[n - 1 - i];
    return n > 0 ? bg_concat(turned, n, axis) : NULL;
}

/* axis, shift */
static const op_variant rolls[] = {
    WITH(DIMS(1), 0, 1),     WITH(DIMS(2), 0, 1),        WITH(DIMS(7), 0, 3),          WITH(DIMS(7), 0, -3),
    WITH(DIMS(7), 0, 7),     WITH(DIMS(7), 0, 100),      WITH(DIMS(7), 0, -100),       WITH(DIMS(0), 0, 2),
    WITH(DIMS(65), 0, 64),   WITH(DIMS(300), -1, 1),     WITH(DIMS(3, 4), 0, 1),       WITH(DIMS(3, 4), 1, 1),
    WITH(DIMS(3, 4), 1, -1), WITH(DIMS(1, 5), 0, 1),     WITH(DIMS(5, 1), 0, 2),       WITH(DIMS(0, 3), 1, 1),
    WITH(DIMS(3, 0), 0, 1),  WITH(DIMS(2, 3, 4), 0, 1),  WITH(DIMS(2, 3, 4), 1, 2),    WITH(DIMS(2, 3, 4), -1, 3),
    WITH(DIMS(70, 5), 1, 2), WITH(DIMS(3, 257), 1, 100), WITH(DIMS(2, 3, 2, 3), 2, 1), WITH(DIMS(2, 1, 3, 1, 2), 2, 1)
};
/* Before and after axes 0, 1, ..: n[0], n[1], n[2], .. */
static const op_variant pads[] = {
    WITH(DIMS(3), 1, 1),
    WITH(DIMS(3), 2, 0),
    WITH(DIMS(3), 0, 2),
    WITH(DIMS(3), 0, 0),
    WITH(DIMS(7), 3, 5),
    WITH(DIMS(7), -2, 1),
    WITH(DIMS(7), 3, -4),
    WITH(DIMS(7), -3, -4),
    WITH(DIMS(65), 64, 1),
    WITH(DIMS(300), 7, 9),
    WITH(DIMS(3, 4), 1, 2, 2, 1),
    WITH(DIMS(3, 4), 0, 0, 1, 1),
    WITH(DIMS(3, 4), 1, 1, 0, 0),
    WITH(DIMS(3, 4), -1, 1, 2, -2),
    WITH(DIMS(2, 0), 1, 1),
    WITH(DIMS(0, 3), 0, 0, 1, 2),
    WITH(DIMS(2, 3, 4), 1, 0, 0, 2, 1, 1),
    WITH(DIMS(2, 3, 4), 0, 0, 2, 2, -1, 3),
    WITH(DIMS(70, 5), 0, 0, 2, 3),
    WITH(DIMS(3, 257), 1, 1, 4, 4),
    WITH(DIMS(2, 2, 3, 3), 0, 0, 0, 0, 1, 1, 2, 2),
    WITH(DIMS(2, 1, 3, 1, 2), 1, 0, 0, 0, 2, 1, 0, 0, 1, 1),
};
static bg_node *pad(bg_node *x, const op_variant *v, bg_pad_mode mode)
{
    bg_pad_options options = { .mode = mode, .value = mode == BG_PAD_CONSTANT ? 1.5 : 0 };
    for (int i = 0; i < 6; i++) {
        options.before[i] = v->n[2 * i];
        options.after[i] = v->n[2 * i + 1];
    }
    return bg_pad(x, options);
}
#define REPEATED(shape_of_x, ...)                                                                                      \
    {                                                                                                                  \
        .x = { shape_of_x }, .shape = DIMS(__VA_ARGS__)                                                                \
    }
static const op_variant repeats[] = {
    REPEATED(NO_DIMS, 3),
    REPEATED(NO_DIMS, 2, 3),
    REPEATED(DIMS(1), 1),
    REPEATED(DIMS(1), 4),
    REPEATED(DIMS(3), 2),
    REPEATED(DIMS(3), 0),
    REPEATED(DIMS(0), 3),
    REPEATED(DIMS(7), 9),
    REPEATED(DIMS(65), 2),
    REPEATED(DIMS(3), 2, 2),
    REPEATED(DIMS(3, 4), 1, 1),
    REPEATED(DIMS(3, 4), 2, 1),
    REPEATED(DIMS(3, 4), 1, 2),
    REPEATED(DIMS(3, 4), 2, 3),
    REPEATED(DIMS(3, 4), 2, 0),
    REPEATED(DIMS(1, 5), 3, 2),
    REPEATED(DIMS(5, 1), 3, 2),
    REPEATED(DIMS(300), 2, 1),
    REPEATED(DIMS(2, 3, 4), 2, 1, 2),
    REPEATED(DIMS(2, 3, 4), 1, 2, 1),
    REPEATED(DIMS(2, 3), 2, 1, 2, 2),
    REPEATED(DIMS(2, 1, 3, 1, 2), 1, 2, 2, 3, 2),
};
/* Axes that are dropped, of any extent. */
static const op_variant squeezes[] = { OVER_ALL(NO_DIMS),
                                       OVER_ALL(DIMS(1)),
                                       OVER_ALL(DIMS(5)),
                                       OVER(DIMS(1), 0),
                                       OVER(DIMS(5), 0),
                                       OVER_NONE(DIMS(1)),
                                       OVER_ALL(DIMS(1, 1)),
                                       OVER(DIMS(1, 5), 0),
                                       OVER(DIMS(1, 5), 1),
                                       OVER_ALL(DIMS(1, 5)),
                                       OVER(DIMS(5, 1), -1),
                                       OVER_ALL(DIMS(5, 1)),
                                       OVER_ALL(DIMS(3, 4)),
                                       OVER_ALL(DIMS(0, 1)),
                                       OVER(DIMS(1, 0), 0),
                                       OVER_ALL(DIMS(2, 1, 3)),
                                       OVER(DIMS(2, 1, 3), 1),
                                       OVER(DIMS(1, 3, 1), 0, 2),
                                       OVER(DIMS(1, 3, 1), 0, 1),
                                       OVER_ALL(DIMS(1, 257)),
                                       OVER_ALL(DIMS(65, 1)),
                                       OVER(DIMS(1, 2, 1, 3), 2),
                                       OVER_ALL(DIMS(2, 1, 3, 1, 2)) };
/* first, last */
static const op_variant flattenings[] = {
    WITH(NO_DIMS, 0, -1),         WITH(DIMS(1), 0, 0),           WITH(DIMS(5), 0, -1),
    WITH(DIMS(0), 0, 0),          WITH(DIMS(3, 4), 0, 1),        WITH(DIMS(3, 4), 0, 0),
    WITH(DIMS(3, 4), 1, 1),       WITH(DIMS(3, 4), -2, -1),      WITH(DIMS(1, 5), 0, 1),
    WITH(DIMS(5, 1), 0, 1),       WITH(DIMS(0, 3), 0, 1),        WITH(DIMS(3, 0), 0, 1),
    WITH(DIMS(2, 3, 4), 0, 1),    WITH(DIMS(2, 3, 4), 1, 2),     WITH(DIMS(2, 3, 4), 0, 2),
    WITH(DIMS(2, 0, 4), 0, 1),    WITH(DIMS(3, 65), 0, 1),       WITH(DIMS(2, 257), 0, -1),
    WITH(DIMS(2, 3, 2, 3), 1, 2), WITH(DIMS(2, 3, 2, 3), 1, -1), WITH(DIMS(2, 1, 3, 1, 2), 1, 3)
};
#define CUT(shape_of_x, at, ...)                                                                                       \
    {                                                                                                                  \
        .x = { shape_of_x }, .n = { at }, .shape = DIMS(__VA_ARGS__)                                                   \
    }
static const op_variant unflattenings[] = {
    CUT(DIMS(1), 0, 1),          CUT(DIMS(1), 0, 1, 1),          CUT(DIMS(6), 0, 2, 3),
    CUT(DIMS(6), 0, -1, 2),      CUT(DIMS(6), 0, 6, -1),         CUT(DIMS(0), 0, 0, 3),
    CUT(DIMS(0), 0, -1, 3),      CUT(DIMS(12), -1, 2, -1, 3),    CUT(DIMS(4, 6), 0, 2, 2),
    CUT(DIMS(4, 6), 1, 3, 2),    CUT(DIMS(4, 6), -1, 2, 3),      CUT(DIMS(4, 6), 1, 6),
    CUT(DIMS(1, 5), 0, 1, 1),    CUT(DIMS(0, 4), 1, 2, 2),       CUT(DIMS(3, 0), 1, 2, 0),
    CUT(DIMS(300), 0, 3, 100),   CUT(DIMS(3, 66), 1, 33, 2),     CUT(DIMS(2, 6, 4), 1, 2, 3),
    CUT(DIMS(2, 6, 4), 2, 2, 2), CUT(DIMS(4, 3, 2, 2), 0, 2, 2), CUT(DIMS(2, 1, 2, 4), 3, -1, 2)
};
/* from, to */
static const op_variant moves[] = {
    WITH(DIMS(1), 0, 0),          WITH(DIMS(5), 0, -1),         WITH(DIMS(0), 0, 0),
    WITH(DIMS(3, 4), 0, 1),       WITH(DIMS(3, 4), 1, 0),       WITH(DIMS(3, 4), 1, 1),
    WITH(DIMS(3, 4), -1, 0),      WITH(DIMS(1, 5), 0, 1),       WITH(DIMS(0, 3), 0, 1),
    WITH(DIMS(2, 3, 4), 0, 2),    WITH(DIMS(2, 3, 4), 2, 0),    WITH(DIMS(2, 3, 4), 0, 1),
    WITH(DIMS(2, 3, 4), 1, 0),    WITH(DIMS(2, 3, 4), 1, 2),    WITH(DIMS(2, 3, 4), -1, 1),
    WITH(DIMS(2, 0, 4), 2, 0),    WITH(DIMS(7, 65), 0, -1),     WITH(DIMS(300, 3), 0, 1),
    WITH(DIMS(2, 3, 1, 4), 0, 3), WITH(DIMS(2, 3, 1, 4), 3, 1), WITH(DIMS(2, 1, 3, 2, 2), 4, 1)
};
/* the diagonal */
static const op_variant triangles[] = {
    WITH(DIMS(1, 1), 0),       WITH(DIMS(3, 3), 0),          WITH(DIMS(3, 3), 1),    WITH(DIMS(3, 3), -1),
    WITH(DIMS(3, 3), 5),       WITH(DIMS(3, 3), -5),         WITH(DIMS(3, 4), 0),    WITH(DIMS(4, 3), 0),
    WITH(DIMS(3, 4), 2),       WITH(DIMS(4, 3), -2),         WITH(DIMS(1, 5), 1),    WITH(DIMS(5, 1), -1),
    WITH(DIMS(0, 3), 0),       WITH(DIMS(3, 0), 0),          WITH(DIMS(7, 65), 9),   WITH(DIMS(17, 9), -3),
    WITH(DIMS(3, 257), 100),   WITH(DIMS(2, 3, 4), 0),       WITH(DIMS(2, 3, 4), 1), WITH(DIMS(2, 0, 4), 1),
    WITH(DIMS(2, 3, 3, 2), 0), WITH(DIMS(2, 1, 2, 3, 3), -1)
};
/* offset, two axes */
static const op_variant diagonals[] = {
    WITH(DIMS(1, 1), 0, 0, 1),         WITH(DIMS(3, 3), 0, 0, 1),     WITH(DIMS(3, 3), 1, 0, 1),
    WITH(DIMS(3, 3), -1, 0, 1),        WITH(DIMS(3, 3), 2, 1, 0),     WITH(DIMS(3, 3), 3, 0, 1),
    WITH(DIMS(3, 3), -9, 0, 1),        WITH(DIMS(3, 5), 0, 0, 1),     WITH(DIMS(3, 5), 3, 0, 1),
    WITH(DIMS(5, 3), -3, 0, 1),        WITH(DIMS(5, 3), 1, -1, -2),   WITH(DIMS(1, 5), 2, 0, 1),
    WITH(DIMS(0, 3), 0, 0, 1),         WITH(DIMS(17, 65), 5, 0, 1),   WITH(DIMS(2, 3, 4), 0, 0, 1),
    WITH(DIMS(2, 3, 4), 1, 1, 2),      WITH(DIMS(2, 3, 4), -1, 0, 2), WITH(DIMS(2, 3, 4), 0, 2, 0),
    WITH(DIMS(2, 0, 4), 0, 0, 2),      WITH(DIMS(70, 3, 3), 0, 1, 2), WITH(DIMS(2, 3, 2, 3), 1, 1, 3),
    WITH(DIMS(2, 2, 3, 1, 3), 0, 2, 4)
};
static const op_variant embedded_diagonals[] = { WITH(DIMS(1), 0),          WITH(DIMS(1), 2),
                                                 WITH(DIMS(1), -2),         WITH(DIMS(3), 0),
                                                 WITH(DIMS(3), 1),          WITH(DIMS(3), -1),
                                                 WITH(DIMS(0), 0),          WITH(DIMS(0), 2),
                                                 WITH(DIMS(7), 0),          WITH(DIMS(17), -3),
                                                 WITH(DIMS(33), 1),         WITH(DIMS(2, 3), 0),
                                                 WITH(DIMS(2, 3), 1),       WITH(DIMS(2, 3), -2),
                                                 WITH(DIMS(0, 3), 0),       WITH(DIMS(3, 0), 1),
                                                 WITH(DIMS(1, 5), 0),       WITH(DIMS(5, 1), 0),
                                                 WITH(DIMS(2, 3, 4), -1),   WITH(DIMS(70, 2), 1),
                                                 WITH(DIMS(2, 1, 3, 2), 0), WITH(DIMS(1, 2, 1, 2, 3), 1) };
static const op_variant lines[] = {
    PAIR(DIMS(1), DIMS(1)),   PAIR(DIMS(1), DIMS(2)),  PAIR(DIMS(2), DIMS(1)),   PAIR(DIMS(2), DIMS(3)),
    PAIR(DIMS(3), DIMS(3)),   PAIR(DIMS(0), DIMS(3)),  PAIR(DIMS(3), DIMS(0)),   PAIR(DIMS(0), DIMS(0)),
    PAIR(DIMS(7), DIMS(8)),   PAIR(DIMS(8), DIMS(9)),  PAIR(DIMS(9), DIMS(17)),  PAIR(DIMS(17), DIMS(2)),
    PAIR(DIMS(65), DIMS(3)),  PAIR(DIMS(3), DIMS(65)), PAIR(DIMS(1), DIMS(300)), PAIR(DIMS(300), DIMS(1)),
    PAIR(DIMS(31), DIMS(33)), PAIR(DIMS(5), DIMS(5)),  PAIR(DIMS(2), DIMS(257)), PAIR(DIMS(13), DIMS(11)),
};

BUILD(flip, bg_flip(x[0], BG_AXES((int)v->n[0])))
BUILD(flip_all, bg_flip(x[0], v->axes))
BUILD(roll, bg_roll(x[0], v->n[1], (int)v->n[0]))
BUILD(pad, pad(x[0], v, BG_PAD_CONSTANT))
BUILD(tile, bg_tile(x[0], v->shape))
BUILD(repeat, bg_repeat(x[0], v->shape))
BUILD(repeat_interleave, bg_repeat_interleave(x[0], 3, (int)v->n[0]))
BUILD(stack_first, bg_stack(x, 2, 0))
BUILD(stack, bg_stack(x, 2, -1))
BUILD(narrow, bg_narrow(x[0], (int)v->n[0], extent_of(v) / 3, extent_of(v) - extent_of(v) / 2))
BUILD(select, extent_of(v) > 0 ? bg_select(x[0], (int)v->n[0], extent_of(v) / 2) : x[0])
BUILD(squeeze, bg_squeeze(x[0], v->axes))
BUILD(unsqueeze, bg_unsqueeze(bg_unsqueeze(x[0], -1), 0))
BUILD(flatten_axes, bg_flatten_axes(x[0], (int)v->n[0], (int)v->n[1]))
BUILD(unflatten, bg_unflatten(x[0], (int)v->n[0], v->shape))
BUILD(movedim, bg_movedim(x[0], (int)v->n[0], (int)v->n[1]))
BUILD(tril, bg_tril(x[0], v->n[0]))
BUILD(triu, bg_triu(x[0], v->n[0]))
BUILD(diagonal, bg_diagonal(x[0], v->n[0], (int)v->n[1], (int)v->n[2]))
BUILD(diag_embed, bg_diag_embed(x[0], v->n[0]))
/* Where the other modes cannot take the variant's numbers, as many as they can. */
static bg_node *pad_within(bg_node *x, const op_variant *v, bg_pad_mode mode)
{
    op_variant fitting = *v;
    for (int i = 0; i < 2 * v->x[0].rank; i++) {
        int64_t extent = v->x[0].dims[i / 2], most = mode == BG_PAD_REFLECT ? extent - 1 : extent;
        most = most < 0 ? 0 : most;
        fitting.n[i] = v->n[i] < most ? v->n[i] : most;
    }
    return pad(x, &fitting, mode);
}
BUILD(reflect, pad_within(x[0], v, BG_PAD_REFLECT))
BUILD(replicate, pad_within(x[0], v, BG_PAD_REPLICATE))
BUILD(circular, pad_within(x[0], v, BG_PAD_CIRCULAR))
static bg_node *build_split(bg_node *const *x, const op_variant *v)
{
    int64_t extent = extent_of(v), sizes[3] = { extent / 2, extent / 3, extent - extent / 2 - extent / 3 };
    bg_node *parts[3];
    return join(parts, bg_split(x[0], sizes, 3, (int)v->n[0], parts), (int)v->n[0]);
}
static bg_node *build_chunk(bg_node *const *x, const op_variant *v)
{
    bg_node *parts[4];
    return join(parts, bg_chunk(x[0], 4, (int)v->n[0], parts), (int)v->n[0]);
}
static bg_node *build_meshgrid(bg_node *const *x, const op_variant *v)
{
    (void)v;
    bg_node *grids[2];
    return bg_meshgrid(x, 2, grids) ? bg_mul(grids[0], grids[1]) : NULL;
}
/* x times a constant of its shape. */
#define CONSTANT(name, expression)                                                                                     \
    static bg_node *build_##name(bg_node *const *x, const op_variant *v)                                               \
    {                                                                                                                  \
        bg_graph *g = bg_node_graph(x[0]);                                                                             \
        bg_dtype t = bg_node_dtype(x[0]);                                                                              \
        (void)v;                                                                                                       \
        return x[0] ? bg_mul(x[0], expression) : NULL;                                                                 \
    }
CONSTANT(zeros, bg_zeros(g, t, bg_node_shape(x[0])))
CONSTANT(ones, bg_ones(g, t, bg_node_shape(x[0])))
CONSTANT(full, bg_full(g, t, bg_node_shape(x[0]), 1.25))
CONSTANT(arange, bg_reshape(bg_arange(g, t, 1, 1 + 0.5 * (double)bg_shape_count(v->x[0]), 0.5), v->x[0]))
CONSTANT(linspace, bg_reshape(bg_linspace(g, t, -1, 2, bg_shape_count(v->x[0])), v->x[0]))
CONSTANT(eye, bg_eye(g, t, v->x[0].dims[v->x[0].rank - 2], v->x[0].dims[v->x[0].rank - 1]))

#define ROW(function, table)                                                                                           \
    {                                                                                                                  \
        .name = #function, .arity = 1, .build = build_##function, VARIANTS(table)                                      \
    }
#define NAMED(title, function, shown, inputs, table)                                                                   \
    {                                                                                                                  \
        .name = title, .op = shown, .arity = inputs, .build = build_##function, VARIANTS(table)                        \
    }
static const op_case cases[] = {
    ROW(flip, along_axis),
    NAMED("flip, several axes", flip_all, NULL, 1, reductions_of_nothing),
    NAMED("roll", roll, "segments", 1, rolls),
    ROW(pad, pads),
    NAMED("pad, reflect", reflect, NULL, 1, pads),
    NAMED("pad, replicate", replicate, NULL, 1, pads),
    NAMED("pad, circular", circular, NULL, 1, pads),
    ROW(tile, repeats),
    ROW(repeat, repeats),
    ROW(repeat_interleave, along_axis),
    NAMED("stack", stack, NULL, 2, same_shapes),
    NAMED("stack, in front", stack_first, NULL, 2, same_shapes),
    ROW(split, along_axis),
    ROW(chunk, along_axis),
    ROW(narrow, along_axis),
    ROW(select, along_axis),
    ROW(squeeze, squeezes),
    ROW(unsqueeze, one_shape),
    ROW(flatten_axes, flattenings),
    ROW(unflatten, unflattenings),
    ROW(movedim, moves),
    NAMED("tril", tril, "triangle", 1, triangles),
    ROW(triu, triangles),
    NAMED("diagonal", diagonal, "diagonal", 1, diagonals),
    ROW(diag_embed, embedded_diagonals),
    NAMED("meshgrid", meshgrid, NULL, 2, lines),
    { .name = "zeros", .arity = 1, .is_ours = true, .build = build_zeros, VARIANTS(one_shape) },
    { .name = "ones", .arity = 1, .is_ours = true, .build = build_ones, VARIANTS(one_shape) },
    ROW(full, one_shape),
    ROW(arange, one_shape),
    ROW(linspace, one_shape),
    ROW(eye, triangles),
};

/* ---- Golden values ---- */

static bg_node *golden_pad(const golden_case *c)
{
    bg_axes before = golden_axes(c, "before"), after = golden_axes(c, "after");
    const golden_array *value = golden_get(c->record, "value");
    bg_pad_options options = { .mode = (bg_pad_mode)golden_integer(c, "mode"), .value = value ? value->values[0] : 0 };
    for (int i = 0; i < before.count; i++) {
        options.before[i] = before.axis[i];
        options.after[i] = after.axis[i];
    }
    return bg_pad(c->x[0], options);
}
static bg_node *golden_split(const golden_case *c)
{
    bg_shape sizes = golden_shape(c, "sizes");
    bg_node *parts[BG_MAX_RANK];
    int axis = golden_integer(c, "axis");
    return join(parts, bg_split(c->x[0], sizes.dims, sizes.rank, axis, parts), axis);
}
static bg_node *golden_chunk(const golden_case *c)
{
    bg_node *parts[4];
    int axis = golden_integer(c, "axis");
    return join(parts, bg_chunk(c->x[0], golden_integer(c, "chunks"), axis, parts), axis);
}
static bg_node *golden_meshgrid(const golden_case *c)
{
    bg_node *grids[3] = { NULL };
    return bg_meshgrid(c->x, c->n, grids) ? bg_stack(grids, c->n, 0) : NULL;
}
static double number(const golden_case *c, const char *key) { return golden_number(c->record, key); }
GOLDEN_AXES(flip)
GOLDEN_AXES(squeeze)
GOLDEN(roll, bg_roll(c->x[0], golden_integer(c, "shift"), golden_integer(c, "axis")))
GOLDEN(tile, bg_tile(c->x[0], golden_shape(c, "repeats")))
GOLDEN(repeat, bg_repeat(c->x[0], golden_shape(c, "repeats")))
GOLDEN(repeat_interleave, bg_repeat_interleave(c->x[0], golden_integer(c, "times"), golden_integer(c, "axis")))
GOLDEN(stack, bg_stack(c->x, c->n, golden_integer(c, "axis")))
GOLDEN(narrow, bg_narrow(c->x[0], golden_integer(c, "axis"), golden_integer(c, "start"), golden_integer(c, "count")))
GOLDEN(select, bg_select(c->x[0], golden_integer(c, "axis"), golden_integer(c, "index")))
GOLDEN(unsqueeze, bg_unsqueeze(c->x[0], golden_integer(c, "axis")))
GOLDEN(flatten_axes, bg_flatten_axes(c->x[0], golden_integer(c, "first"), golden_integer(c, "last")))
GOLDEN(unflatten, bg_unflatten(c->x[0], golden_integer(c, "axis"), golden_shape(c, "sizes")))
GOLDEN(movedim, bg_movedim(c->x[0], golden_integer(c, "from"), golden_integer(c, "to")))
GOLDEN(tril, bg_tril(c->x[0], golden_integer(c, "diagonal")))
GOLDEN(triu, bg_triu(c->x[0], golden_integer(c, "diagonal")))
GOLDEN(diagonal,
       bg_diagonal(c->x[0], golden_integer(c, "offset"), golden_integer(c, "axis_1"), golden_integer(c, "axis_2")))
GOLDEN(diag_embed, bg_diag_embed(c->x[0], golden_integer(c, "offset")))
GOLDEN(full, bg_mul(c->x[0], bg_full(c->graph, BG_F64, golden_shape(c, "shape"), number(c, "value"))))
GOLDEN(arange, bg_mul(c->x[0], bg_arange(c->graph, BG_F64, number(c, "start"), number(c, "stop"), number(c, "step"))))
GOLDEN(linspace,
       bg_mul(c->x[0], bg_linspace(c->graph, BG_F64, number(c, "start"), number(c, "stop"), golden_integer(c, "n"))))
GOLDEN(eye, bg_mul(c->x[0], bg_eye(c->graph, BG_F64, golden_integer(c, "rows"), golden_integer(c, "columns"))))
static const golden_op golden[] = {
    GOLDEN_ROW(flip),         GOLDEN_ROW(roll),   GOLDEN_ROW(pad),       GOLDEN_ROW(tile),
    GOLDEN_ROW(repeat),       GOLDEN_ROW(stack),  GOLDEN_ROW(split),     GOLDEN_ROW(repeat_interleave),
    GOLDEN_ROW(chunk),        GOLDEN_ROW(narrow), GOLDEN_ROW(select),    GOLDEN_ROW(squeeze),
    GOLDEN_ROW(unsqueeze),    GOLDEN_ROW(full),   GOLDEN_ROW(unflatten), GOLDEN_ROW(movedim),
    GOLDEN_ROW(flatten_axes), GOLDEN_ROW(tril),   GOLDEN_ROW(triu),      GOLDEN_ROW(diagonal),
    GOLDEN_ROW(diag_embed),   GOLDEN_ROW(eye),    GOLDEN_ROW(meshgrid),  GOLDEN_ROW(arange),
    GOLDEN_ROW(linspace),
};

/* ---- Wrong calls ---- */

static bg_node *pad_wrongly(bg_node *x, bg_pad_mode mode, double value, int axis, int64_t before, int64_t after)
{
    bg_pad_options options = { .mode = mode, .value = value };
    options.before[axis] = before;
    options.after[axis] = after;
    return bg_pad(x, options);
}
static bg_node *stack_wrongly(bg_node *x, bg_node *y, int axis) { return bg_stack((bg_node *[]){ x, y }, 2, axis); }
static bg_node *split_wrongly(bg_node *x, int64_t a, int64_t b, int n, int axis)
{
    bg_node *parts[2] = { x, x };
    return bg_split(x, (int64_t[]){ a, b }, n, axis, parts) ? x : n > 0 ? parts[0] : NULL;
}
static bg_node *chunk_wrongly(bg_node *x, int n, int axis)
{
    bg_node *parts[2] = { x, x };
    return bg_chunk(x, n, axis, parts) ? x : n > 0 ? parts[0] : NULL;
}
static bg_node *meshgrid_wrongly(bg_node *x, bg_node *y)
{
    bg_node *grids[2] = { x, y };
    return bg_meshgrid((bg_node *[]){ x, y }, 2, grids) ? x : grids[0];
}
#define WRONG(X)                                                                                                       \
    X(bg_flip(f->x23, BG_AXES(2)), BG_ERR_ARGUMENT, "flip: x [2, 3] has no axis 2")                                    \
    X(bg_flip(f->x23, BG_AXES(1, -1)), BG_ERR_ARGUMENT, "flip: axis 1 is given twice")                                 \
    X(bg_roll(f->x23, 1, 2), BG_ERR_ARGUMENT, "roll: x [2, 3] has no axis 2")                                          \
    X(pad_wrongly(f->x23, BG_PAD_CONSTANT, 0, 2, 1, 0), BG_ERR_ARGUMENT, "pad: x [2, 3] has no axis 2")                \
    X(pad_wrongly(f->x23, BG_PAD_CONSTANT, 0, 1, -2, -2), BG_ERR_ARGUMENT,                                             \
      "pad: -2 and -2 leave nothing of axis 1 of x [2, 3]")                                                            \
    X(pad_wrongly(f->x23, BG_PAD_REFLECT, 0, 1, 3, 0), BG_ERR_ARGUMENT,                                                \
      "pad: 3 and 0 are too many to reflect axis 1 of x [2, 3]")                                                       \
    X(pad_wrongly(f->x23, BG_PAD_CIRCULAR, 0, 0, 0, 3), BG_ERR_ARGUMENT,                                               \
      "pad: 0 and 3 are too many to circular axis 0 of x [2, 3]")                                                      \
    X(pad_wrongly(f->empty, BG_PAD_REPLICATE, 0, 1, 1, 0), BG_ERR_ARGUMENT,                                            \
      "pad: 1 and 0 are too many to replicate axis 1 of x [2, 0]")                                                     \
    X(pad_wrongly(f->i3, BG_PAD_CONSTANT, 0.5, 0, 1, 0), BG_ERR_ARGUMENT, "pad: 0.5 is no value of i32")               \
    X(pad_wrongly(f->bools, BG_PAD_CONSTANT, 2, 0, 1, 0), BG_ERR_ARGUMENT, "pad: 2 is no value of bool")               \
    X(pad_wrongly(f->x3, (bg_pad_mode)9, 0, 0, 1, 0), BG_ERR_ARGUMENT, "pad: unknown mode 9")                          \
    X(pad_wrongly(f->x3, BG_PAD_CONSTANT, 0, 0, INT64_MAX, 0), BG_ERR_OVERFLOW, "pad: the extent of axis 0 overflows") \
    X(bg_tile(f->x3, BG_SHAPE(-1)), BG_ERR_ARGUMENT, "tile: x [3] cannot be repeated [-1] times")                      \
    X(bg_tile(f->x3, BG_SHAPE(INT64_MAX)), BG_ERR_OVERFLOW,                                                            \
      "tile: 9223372036854775807 times axis 0 of x [3] overflows")                                                     \
    X(bg_repeat(f->x23, BG_SHAPE(2)), BG_ERR_ARGUMENT, "repeat: [2] has fewer axes than x [2, 3]")                     \
    X(bg_repeat(f->x3, BG_SHAPE(-2)), BG_ERR_ARGUMENT, "repeat: x [3] cannot be repeated [-2] times")                  \
    X(bg_repeat_interleave(f->x3, -1, 0), BG_ERR_ARGUMENT, "repeat_interleave: -1 times")                              \
    X(bg_repeat_interleave(f->x3, 2, 1), BG_ERR_ARGUMENT, "repeat_interleave: x [3] has no axis 1")                    \
    X(stack_wrongly(f->x3, f->x4, 0), BG_ERR_SHAPE, "stack: shapes differ: input 0 [3], input 1 [4]")                  \
    X(stack_wrongly(f->x3, f->x3, 2), BG_ERR_ARGUMENT, "stack: no axis 2 can be added to x [3]")                       \
    X(stack_wrongly(f->x3, f->d3, 0), BG_ERR_DTYPE, "concat: types differ: input 0 f32, input 1 f64")                  \
    X(stack_wrongly(f->x3, NULL, 0), BG_ERR_ARGUMENT, "stack: input 1 is NULL")                                        \
    X(split_wrongly(f->x23, 1, 1, 2, 1), BG_ERR_ARGUMENT,                                                              \
      "split: the 2 sizes do not add up to the 3 of axis 1 of x [2, 3]")                                               \
    X(split_wrongly(f->x23, 4, -1, 2, 1), BG_ERR_ARGUMENT,                                                             \
      "split: the 2 sizes do not add up to the 3 of axis 1 of x [2, 3]")                                               \
    X(split_wrongly(f->x23, 1, 1, 2, 2), BG_ERR_ARGUMENT, "split: x [2, 3] has no axis 2")                             \
    X(split_wrongly(f->x23, 1, 1, 0, 0), BG_ERR_ARGUMENT, "split: 0 parts, or no sizes or place for them")             \
    X(chunk_wrongly(f->x23, 0, 0), BG_ERR_ARGUMENT, "chunk: 0 parts, or no place for them")                            \
    X(chunk_wrongly(f->x23, 2, 2), BG_ERR_ARGUMENT, "chunk: x [2, 3] has no axis 2")                                   \
    X(bg_narrow(f->x23, 1, 2, 2), BG_ERR_ARGUMENT, "narrow: 2 elements from 2 on along axis 1 of x [2, 3]")            \
    X(bg_narrow(f->x23, 1, -4, 1), BG_ERR_ARGUMENT, "narrow: 1 elements from -4 on along axis 1 of x [2, 3]")          \
    X(bg_narrow(f->x23, 0, 0, -1), BG_ERR_ARGUMENT, "narrow: -1 elements from 0 on along axis 0 of x [2, 3]")          \
    X(bg_narrow(f->x23, 2, 0, 1), BG_ERR_ARGUMENT, "narrow: x [2, 3] has no axis 2")                                   \
    X(bg_select(f->x23, 1, 3), BG_ERR_ARGUMENT, "select: axis 1 of x [2, 3] has no index 3")                           \
    X(bg_select(f->x23, 0, -3), BG_ERR_ARGUMENT, "select: axis 0 of x [2, 3] has no index -3")                         \
    X(bg_select(f->scalar, 0, 0), BG_ERR_ARGUMENT, "select: x [] has no axis 0")                                       \
    X(bg_squeeze(f->x23, BG_AXES(2)), BG_ERR_ARGUMENT, "squeeze: x [2, 3] has no axis 2")                              \
    X(bg_unsqueeze(f->x23, 3), BG_ERR_ARGUMENT, "unsqueeze: no axis 3 can be added to x [2, 3]")                       \
    X(bg_unsqueeze(f->x23, -4), BG_ERR_ARGUMENT, "unsqueeze: no axis -4 can be added to x [2, 3]")                     \
    X(bg_flatten_axes(f->x23, 1, 0), BG_ERR_ARGUMENT, "flatten_axes: axis 1 is behind axis 0 of x [2, 3]")             \
    X(bg_flatten_axes(f->x23, 0, 2), BG_ERR_ARGUMENT, "flatten_axes: x [2, 3] has no axis 2")                          \
    X(bg_unflatten(f->x23, 1, BG_SHAPE(2, 2)), BG_ERR_SHAPE,                                                           \
      "unflatten: axis 1 of x [2, 3] does not fall into [2, 2]")                                                       \
    X(bg_unflatten(f->x23, 1, BG_SHAPE(-1, -1)), BG_ERR_SHAPE,                                                         \
      "unflatten: axis 1 of x [2, 3] does not fall into [-1, -1]")                                                     \
    X(bg_unflatten(f->x23, 1, BG_SCALAR), BG_ERR_SHAPE,                                                                \
      "unflatten: axis 1 of x [2, 3] does not fall into axes of that number")                                          \
    X(bg_movedim(f->x23, 0, 2), BG_ERR_ARGUMENT, "movedim: x [2, 3] has no axis 2")                                    \
    X(bg_tril(f->x3, 0), BG_ERR_SHAPE, "tril: x [3] is no matrix")                                                     \
    X(bg_triu(f->scalar, 0), BG_ERR_SHAPE, "triu: x [] is no matrix")                                                  \
    X(bg_diagonal(f->x23, 0, 1, -1), BG_ERR_ARGUMENT, "diagonal: axis 1 of x [2, 3] is given twice")                   \
    X(bg_diagonal(f->x3, 0, 0, 1), BG_ERR_ARGUMENT, "diagonal: x [3] has no axis 1")                                   \
    X(bg_diag_embed(f->scalar, 0), BG_ERR_SHAPE, "diag_embed: x [] has no axis that can become two")                   \
    X(bg_diag_embed(f->x3, INT64_MAX), BG_ERR_OVERFLOW,                                                                \
      "diag_embed: the matrix overflows: x [3], offset 9223372036854775807")                                           \
    X(meshgrid_wrongly(f->x3, f->x23), BG_ERR_SHAPE, "meshgrid: input 1 is [2, 3], not of rank 1")                     \
    X(meshgrid_wrongly(f->x3, NULL), BG_ERR_ARGUMENT, "meshgrid: input 1 is NULL")                                     \
    X(bg_zeros(f->graph, BG_F32, BG_SHAPE(-1)), BG_ERR_SHAPE, "zeros: extent -1 of axis 0 is negative: [-1]")          \
    X(bg_ones(f->graph, (bg_dtype)77, BG_SHAPE(1)), BG_ERR_DTYPE, "ones: unknown dtype 77")                            \
    X(bg_full(f->graph, BG_U8, BG_SHAPE(1), 256), BG_ERR_ARGUMENT, "full: 256 is no value of u8")                      \
    X(bg_full(f->graph, BG_I64, BG_SHAPE(1), 0x1p63), BG_ERR_ARGUMENT, "full: 9.22337e+18 is no value of i64")         \
    X(bg_arange(f->graph, BG_F32, 0, 1, 0), BG_ERR_ARGUMENT, "arange: from 0 to 1 by 0")                               \
    X(bg_arange(f->graph, BG_F32, 0, 2, -1), BG_ERR_ARGUMENT, "arange: from 0 to 2 by -1")                             \
    X(bg_arange(f->graph, BG_U8, 250, 260, 1), BG_ERR_ARGUMENT, "arange: 259 is no value of u8")                       \
    X(bg_arange(f->graph, BG_I32, 0, 2, 0.5), BG_ERR_ARGUMENT, "arange: 1.5 is no value of i32")                       \
    X(bg_arange(f->graph, BG_BOOL, 0, 2, 1), BG_ERR_DTYPE, "arange: of bool")                                          \
    X(bg_linspace(f->graph, BG_I32, 0, 1, 3), BG_ERR_DTYPE, "linspace: the type is i32, not f32 or f64")               \
    X(bg_linspace(f->graph, BG_F32, 0, 1, -1), BG_ERR_SHAPE, "linspace: extent -1 of axis 0 is negative: [-1]")        \
    X(bg_eye(f->graph, BG_F32, 2, -3), BG_ERR_SHAPE, "eye: extent -3 of axis 1 is negative: [2, -3]")
WRONG_CALLS(WRONG)

const op_family rearrange_family = { .name = "rearrange", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
