/* Pooling. */
#include "cases.h"

#include <math.h>

/* ---- Cases ---- */

/* shape: the window; n: stride[3], padding[3], dilation[3], is_ceil, leaves_out_padding. */
static bg_pool_options options_of(const op_variant *v)
{
    bg_pool_options o = { .is_ceil = v->n[9] != 0, .leaves_out_padding = v->n[10] != 0 };
    for (int d = 0; d < 3; d++) {
        o.stride[d] = v->n[d];
        o.padding[d] = v->n[3 + d];
        o.dilation[d] = v->n[6 + d];
    }
    return o;
}
static const op_variant largest[] = {
    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 6) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 9) }, .shape = DIMS(3), .n = { 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 5) }, .shape = DIMS(2), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(0, 2, 4) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 0, 4) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 17) }, .shape = DIMS(5), .n = { 3, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 2, 2) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 4, 4) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 5, 5) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(1, 2, 5, 4) }, .shape = DIMS(3, 2), .n = { 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 5, 5) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 6, 6) }, .shape = DIMS(2, 3), .n = { 1, 1, 0, 0, 0, 0, 2, 1, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 5, 5) }, .shape = DIMS(3, 3), .n = { 2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(3, 1, 1, 4) }, .shape = DIMS(1, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 9, 8) }, .shape = DIMS(4, 4), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 4, 4, 4) }, .shape = DIMS(2, 2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 4, 5) }, .shape = DIMS(1, 2, 3), .n = { 1, 2, 2, 0, 1, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 3, 3, 3) }, .shape = DIMS(3, 3, 3), .n = { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0 } }
};
static const op_variant means[] = {
    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 6) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 9) }, .shape = DIMS(3), .n = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 5) }, .shape = DIMS(2), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(0, 2, 4) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1 } },
    { .x = { DIMS(2, 1, 17) }, .shape = DIMS(5), .n = { 3, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(1, 1, 2, 2) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 4, 4) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 5, 5) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(1, 2, 5, 4) }, .shape = DIMS(3, 2), .n = { 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 5, 5) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 5, 5) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 1, 5, 5) }, .shape = DIMS(3, 3), .n = { 2, 2, 0, 1, 1, 0, 0, 0, 0, 1, 0 } },
    { .x = { DIMS(3, 1, 1, 4) }, .shape = DIMS(1, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 9, 8) }, .shape = DIMS(4, 4), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 4, 4, 4) }, .shape = DIMS(2, 2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 4, 5) }, .shape = DIMS(1, 2, 3), .n = { 1, 2, 2, 0, 1, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 3, 3, 3) }, .shape = DIMS(3, 3, 3), .n = { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 } }
};

static bg_node *build_max_pool(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    return bg_max_pool(x[0], v->shape, &o);
}
static bg_node *build_avg_pool(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    return bg_avg_pool(x[0], v->shape, &o);
}
BUILD(places, bg_stop_gradient(bg_max_pool(x[0], v->shape, NULL)))

static const op_case cases[] = {
    { .name = "max_pool", .arity = 1, .domains = { IS_DISTINCT }, .build = build_max_pool, VARIANTS(largest) },
    { .name = "max_pool, places alone",
      .op = "max_pool_places",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .gradient = IS_STOPPED,
      .build = build_places,
      VARIANTS(largest) },
    { .name = "avg_pool", .arity = 1, .sums = true, .build = build_avg_pool, VARIANTS(means) },
};

/* ---- Golden values ---- */

static bg_pool_options golden_options(const golden_case *c)
{
    bg_pool_options o = { .is_ceil = golden_integer(c, "ceil") != 0,
                          .leaves_out_padding = golden_integer(c, "leaves_out") != 0 };
    bg_shape stride = golden_shape(c, "stride"), padding = golden_shape(c, "padding");
    bg_shape dilation = golden_shape(c, "dilation");
    for (int d = 0; d < stride.rank; d++) {
        o.stride[d] = stride.dims[d];
        o.padding[d] = padding.dims[d];
        o.dilation[d] = dilation.dims[d];
    }
    return o;
}
static bg_node *golden_max_pool(const golden_case *c)
{
    bg_pool_options o = golden_options(c);
    return bg_max_pool(c->x[0], golden_shape(c, "window"), &o);
}
static bg_node *golden_avg_pool(const golden_case *c)
{
    bg_pool_options o = golden_options(c);
    return bg_avg_pool(c->x[0], golden_shape(c, "window"), &o);
}
static const golden_op golden[] = { GOLDEN_ROW(max_pool), GOLDEN_ROW(avg_pool) };

/* ---- Wrong calls ---- */

#define WITH_OPTIONS(...) (&(const bg_pool_options){ __VA_ARGS__ })
#define WRONG(X)                                                                                                       \
    X(bg_max_pool(f->x243, BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                                        \
      "max_pool: needs x [n, channels, ..] with a dimension for each of the window's: x [2, 4, 3], window [2, 2]")     \
    X(bg_max_pool(f->i3, BG_SHAPE(2), NULL), BG_ERR_DTYPE, "max_pool: x is i32, not f32 or f64")                       \
    X(bg_max_pool(f->image, BG_SHAPE(6, 2), NULL), BG_ERR_SHAPE,                                                       \
      "max_pool: the window is larger than the padded image: x [2, 3, 5, 5], window [6, 2]")                           \
    X(bg_max_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.padding = { 2 })), BG_ERR_SHAPE,                             \
      "max_pool: the padding is more than half of the window: x [2, 3, 5, 5], window [2, 2]")                          \
    X(bg_max_pool(f->image, BG_SHAPE(0, 2), NULL), BG_ERR_SHAPE,                                                       \
      "max_pool: an extent, stride, dilation or padding of the window is out of range: x [2, 3, 5, 5], window [0, 2]") \
    X(bg_avg_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.stride = { -1 })), BG_ERR_SHAPE,                             \
      "avg_pool: an extent, stride, dilation or padding of the window is out of range: x [2, 3, 5, 5], window [2, 2]") \
    X(bg_avg_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.dilation = { 2 })), BG_ERR_ARGUMENT,                         \
      "avg_pool: there is no dilation")                                                                                \
    X(bg_avg_pool(f->x3, BG_SHAPE(2), NULL), BG_ERR_SHAPE,                                                             \
      "avg_pool: needs x [n, channels, ..] with a dimension for each of the window's: x [3], window [2]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *pool(bg_node *x, const bg_pool_options *o)
{
    return bg_max_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(3), o);
}
static bg_node *pool_padded(bg_node *x)
{
    bg_pool_options o = { .stride = { 2 }, .padding = { 1 } };
    return pool(x, &o);
}
static bg_node *average_corner(bg_node *x)
{
    bg_pool_options o = { .stride = { 3, 3 }, .padding = { 1, 1 } };
    return bg_avg_pool(bg_reshape(x, BG_SHAPE(1, 1, 2, 2)), BG_SHAPE(2, 2), &o);
}
EDGE(max_pool, pool(x, NULL))
EDGE(padded, pool_padded(x))
EDGE(corner, average_corner(x))
static const edge edges[] = {
    { "max_pool: the first of equals", edge_max_pool, 6, .x = LIST(1, 3, 3, 2, 2, 2), .n_values = 2,
      .value = LIST(3, 2), .dx = LIST(0, 1, 0, 1, 0, 0), .is_kink = true },
    { "max_pool: NaN", edge_max_pool, 3, .x = LIST(1, NOT_A_NUMBER, 3), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(0, 1, 0) },
    { "max_pool: padding never wins", edge_padded, 3, .x = LIST(-1, -2, -3), .n_values = 2, .value = LIST(-1, -2),
      .dx = LIST(1, 1, 0) },
    { "avg_pool: padding counts", edge_corner, 4, .x = LIST(1, 1, 1, 1), .n_values = 1, .value = LIST(0.25),
      .dx = LIST(0.25, 0, 0, 0) },
};

const op_family pooling_family = { .name = "pooling", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
