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

/* shape: the size. */
static const op_variant bins[] = { { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1) },
                                   { .x = { DIMS(1, 1, 1) }, .shape = DIMS(3) },
                                   { .x = { DIMS(2, 3, 6) }, .shape = DIMS(2) },
                                   { .x = { DIMS(2, 3, 7) }, .shape = DIMS(3) },
                                   { .x = { DIMS(1, 2, 5) }, .shape = DIMS(5) },
                                   { .x = { DIMS(1, 2, 3) }, .shape = DIMS(5) },
                                   { .x = { DIMS(0, 2, 4) }, .shape = DIMS(2) },
                                   { .x = { DIMS(2, 0, 4) }, .shape = DIMS(3) },
                                   { .x = { DIMS(2, 1, 17) }, .shape = DIMS(4) },
                                   { .x = { DIMS(1, 1, 65) }, .shape = DIMS(7) },
                                   { .x = { DIMS(1, 1, 1, 1) }, .shape = DIMS(1, 1) },
                                   { .x = { DIMS(2, 2, 4, 4) }, .shape = DIMS(2, 2) },
                                   { .x = { DIMS(2, 3, 5, 5) }, .shape = DIMS(3, 2) },
                                   { .x = { DIMS(1, 2, 5, 4) }, .shape = DIMS(1, 1) },
                                   { .x = { DIMS(1, 2, 3, 3) }, .shape = DIMS(4, 5) },
                                   { .x = { DIMS(3, 1, 1, 4) }, .shape = DIMS(1, 3) },
                                   { .x = { DIMS(1, 1, 9, 8) }, .shape = DIMS(4, 3) },
                                   { .x = { DIMS(1, 2, 4, 4, 4) }, .shape = DIMS(2, 2, 2) },
                                   { .x = { DIMS(1, 1, 3, 4, 5) }, .shape = DIMS(2, 3, 2) },
                                   { .x = { DIMS(2, 1, 2, 3, 3) }, .shape = DIMS(1, 1, 1) },
                                   { .x = { DIMS(1, 2, 2, 2, 3) }, .shape = DIMS(3, 1, 2) },
                                   { .x = { DIMS(1, 1, 7, 10) }, .shape = DIMS(3, 4) } };
/* Elements, their places; shape: the image. */
static const op_variant unpoolings[] = {
    { .x = { DIMS(1, 1, 1), DIMS(1, 1, 1) }, .shape = DIMS(1), .below = 1 },
    { .x = { DIMS(1, 1, 3), DIMS(1, 1, 3) }, .shape = DIMS(1), .below = 1 },
    { .x = { DIMS(2, 3, 2), DIMS(2, 3, 2) }, .shape = DIMS(6), .below = 6 },
    { .x = { DIMS(2, 3, 3), DIMS(2, 3, 3) }, .shape = DIMS(7), .below = 7 },
    { .x = { DIMS(1, 2, 5), DIMS(1, 2, 5) }, .shape = DIMS(5), .below = 5 },
    { .x = { DIMS(1, 2, 5), DIMS(1, 2, 5) }, .shape = DIMS(3), .below = 3 },
    { .x = { DIMS(0, 2, 2), DIMS(0, 2, 2) }, .shape = DIMS(4), .below = 4 },
    { .x = { DIMS(2, 0, 3), DIMS(2, 0, 3) }, .shape = DIMS(4), .below = 4 },
    { .x = { DIMS(2, 1, 4), DIMS(2, 1, 4) }, .shape = DIMS(17), .below = 17 },
    { .x = { DIMS(1, 1, 7), DIMS(1, 1, 7) }, .shape = DIMS(65), .below = 65 },
    { .x = { DIMS(1, 1, 1, 1), DIMS(1, 1, 1, 1) }, .shape = DIMS(1, 1), .below = 1 },
    { .x = { DIMS(2, 2, 2, 2), DIMS(2, 2, 2, 2) }, .shape = DIMS(4, 4), .below = 16 },
    { .x = { DIMS(2, 3, 3, 2), DIMS(2, 3, 3, 2) }, .shape = DIMS(5, 5), .below = 25 },
    { .x = { DIMS(1, 2, 1, 1), DIMS(1, 2, 1, 1) }, .shape = DIMS(5, 4), .below = 20 },
    { .x = { DIMS(1, 2, 4, 5), DIMS(1, 2, 4, 5) }, .shape = DIMS(3, 3), .below = 9 },
    { .x = { DIMS(3, 1, 1, 3), DIMS(3, 1, 1, 3) }, .shape = DIMS(1, 4), .below = 4 },
    { .x = { DIMS(1, 1, 4, 3), DIMS(1, 1, 4, 3) }, .shape = DIMS(9, 8), .below = 72 },
    { .x = { DIMS(1, 2, 2, 2, 2), DIMS(1, 2, 2, 2, 2) }, .shape = DIMS(4, 4, 4), .below = 64 },
    { .x = { DIMS(1, 1, 2, 3, 2), DIMS(1, 1, 2, 3, 2) }, .shape = DIMS(3, 4, 5), .below = 60 },
    { .x = { DIMS(2, 1, 1, 1, 1), DIMS(2, 1, 1, 1, 1) }, .shape = DIMS(2, 3, 3), .below = 18 },
    { .x = { DIMS(1, 2, 3, 1, 2), DIMS(1, 2, 3, 1, 2) }, .shape = DIMS(2, 2, 3), .below = 12 },
    { .x = { DIMS(1, 1, 3, 4), DIMS(1, 1, 3, 4) }, .shape = DIMS(7, 10), .below = 70 }
};
/* As above; n[11]: the power. */
static const op_variant roots[] = {
    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(2, 3, 6) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(2, 3, 7) }, .shape = DIMS(3), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3 } },
    { .x = { DIMS(1, 2, 9) }, .shape = DIMS(3), .n = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(1, 1, 5) }, .shape = DIMS(2), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2 } },
    { .x = { DIMS(0, 2, 4) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(2, 0, 4) }, .shape = DIMS(2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(2, 1, 17) }, .shape = DIMS(5), .n = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 } },
    { .x = { DIMS(1, 1, 2, 2) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(2, 2, 4, 4) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3 } },
    { .x = { DIMS(2, 3, 5, 5) }, .shape = DIMS(2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2 } },
    { .x = { DIMS(1, 2, 5, 4) }, .shape = DIMS(3, 2), .n = { 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 2, 5, 5) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5 } },
    { .x = { DIMS(3, 1, 1, 4) }, .shape = DIMS(1, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 1, 9, 8) }, .shape = DIMS(4, 4), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 2, 4, 4, 4) }, .shape = DIMS(2, 2, 2), .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 1, 3, 4, 5) }, .shape = DIMS(1, 2, 3), .n = { 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3 } },
    { .x = { DIMS(2, 1, 3, 3, 3) }, .shape = DIMS(3, 3, 3), .n = { 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 1, 3, 3, 3) }, .shape = DIMS(2, 2, 2), .n = { 2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 0, 2 } },
    { .x = { DIMS(1, 1, 33) }, .shape = DIMS(2), .n = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
    { .x = { DIMS(1, 1, 7) }, .shape = DIMS(1), .n = { 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3 } }
};

static bg_node *build_max_pool(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    return bg_max_pool(x[0], v->shape, &o, NULL);
}
static bg_node *build_avg_pool(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    return bg_avg_pool(x[0], v->shape, &o);
}
static bg_node *build_places(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    bg_node *indices;
    bg_max_pool(x[0], v->shape, &o, &indices);
    return indices;
}
/* For a cotangent that varies with x. */
static bg_node *build_max_pool_back(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    bg_node *y = bg_max_pool(x[0], v->shape, &o, NULL), *dy = bg_square(y), *dx;
    return dy && bg_grad_from(&y, &dy, 1, x, 1, &dx) == BG_OK ? dx : NULL;
}
static bg_node *build_lp_pool(bg_node *const *x, const op_variant *v)
{
    bg_pool_options o = options_of(v);
    return bg_lp_pool(x[0], (double)v->n[11], v->shape, &o);
}
static bg_node *build_adaptive_places(bg_node *const *x, const op_variant *v)
{
    bg_node *indices;
    bg_adaptive_max_pool(x[0], v->shape, &indices);
    return indices;
}
BUILD(adaptive_max_pool, bg_adaptive_max_pool(x[0], v->shape, NULL))
BUILD(adaptive_avg_pool, bg_adaptive_avg_pool(x[0], v->shape))
BUILD(global_max_pool, bg_global_max_pool(x[0], NULL))
BUILD(global_avg_pool, bg_global_avg_pool(x[0]))
BUILD(max_unpool, bg_max_unpool(x[0], x[1], v->shape))

static const op_case cases[] = {
    { .name = "max_pool",
      .op = "max_pool",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .build = build_max_pool,
      VARIANTS(largest) },
    { .name = "max_pool, its gradient",
      .op = "max_pool_back",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .build = build_max_pool_back,
      VARIANTS(largest) },
    { .name = "max_pool, places alone",
      .op = "max_pool_places",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .gradient = IS_CONSTANT,
      .build = build_places,
      VARIANTS(largest) },
    { .name = "avg_pool", .op = "convolve", .arity = 1, .sums = true, .build = build_avg_pool, VARIANTS(means) },
    { .name = "lp_pool", .arity = 1, .domains = { IS_POSITIVE }, .rho = 4e-6, .build = build_lp_pool, VARIANTS(roots) },
    { .name = "adaptive_max_pool",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .build = build_adaptive_max_pool,
      VARIANTS(bins) },
    { .name = "adaptive_max_pool, places alone",
      .op = "max_pool_places",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .gradient = IS_CONSTANT,
      .build = build_adaptive_places,
      VARIANTS(bins) },
    { .name = "adaptive_avg_pool", .arity = 1, .build = build_adaptive_avg_pool, VARIANTS(bins) },
    { .name = "global_max_pool",
      .arity = 1,
      .domains = { IS_DISTINCT },
      .build = build_global_max_pool,
      VARIANTS(bins) },
    { .name = "global_avg_pool", .arity = 1, .build = build_global_avg_pool, VARIANTS(bins) },
    { .name = "max_unpool",
      .arity = 2,
      .domains = { IS_ANY, IS_INDEX },
      .build = build_max_unpool,
      VARIANTS(unpoolings) },
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
    return bg_max_pool(c->x[0], golden_shape(c, "window"), &o, NULL);
}
static bg_node *golden_avg_pool(const golden_case *c)
{
    bg_pool_options o = golden_options(c);
    return bg_avg_pool(c->x[0], golden_shape(c, "window"), &o);
}
static bg_node *golden_max_pool_places(const golden_case *c)
{
    bg_pool_options o = golden_options(c);
    bg_node *indices;
    bg_max_pool(c->x[0], golden_shape(c, "window"), &o, &indices);
    return indices;
}
static bg_node *golden_adaptive_places(const golden_case *c)
{
    bg_node *indices;
    bg_adaptive_max_pool(c->x[0], golden_shape(c, "size"), &indices);
    return indices;
}
static bg_node *golden_lp_pool(const golden_case *c)
{
    bg_pool_options o = { .is_ceil = golden_integer(c, "ceil") != 0 };
    bg_shape stride = golden_shape(c, "stride");
    for (int d = 0; d < stride.rank; d++)
        o.stride[d] = stride.dims[d];
    return bg_lp_pool(c->x[0], golden_number(c->record, "p"), golden_shape(c, "window"), &o);
}
GOLDEN(adaptive_max_pool, bg_adaptive_max_pool(c->x[0], golden_shape(c, "size"), NULL))
GOLDEN(adaptive_avg_pool, bg_adaptive_avg_pool(c->x[0], golden_shape(c, "size")))
GOLDEN(global_max_pool, bg_global_max_pool(c->x[0], NULL))
GOLDEN(global_avg_pool, bg_global_avg_pool(c->x[0]))
GOLDEN(max_unpool, bg_max_unpool(c->x[0], c->x[1], golden_shape(c, "image")))
static const golden_op golden[] = {
    GOLDEN_ROW(max_pool),          GOLDEN_ROW(avg_pool),
    GOLDEN_ROW(max_pool_places),   GOLDEN_ROW(adaptive_places),
    GOLDEN_ROW(lp_pool),           GOLDEN_ROW(adaptive_max_pool),
    GOLDEN_ROW(adaptive_avg_pool), GOLDEN_ROW(global_max_pool),
    GOLDEN_ROW(global_avg_pool),   { .name = "max_unpool", .build = golden_max_unpool, .integers = 2 },
};

/* ---- Wrong calls ---- */

#define WITH_OPTIONS(...) (&(const bg_pool_options){ __VA_ARGS__ })
#define BINS_NEED                                                                                                      \
    "needs x [n, channels, ..] and a size for each of its 1 to 3 further dimensions, all of 1 to 2147483647: "
#define WRONG(X)                                                                                                       \
    X(bg_max_pool(f->x243, BG_SHAPE(2, 2), NULL, NULL), BG_ERR_SHAPE,                                                  \
      "max_pool: needs x [n, channels, ..] with a dimension for each of the window's: x [2, 4, 3], window [2, 2]")     \
    X(bg_max_pool(f->i3, BG_SHAPE(2), NULL, NULL), BG_ERR_DTYPE, "max_pool: x is i32, not f32 or f64")                 \
    X(bg_max_pool(f->image, BG_SHAPE(6, 2), NULL, NULL), BG_ERR_SHAPE,                                                 \
      "max_pool: the window is larger than the padded image: x [2, 3, 5, 5], window [6, 2]")                           \
    X(bg_max_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.padding = { 2 }), NULL), BG_ERR_SHAPE,                       \
      "max_pool: the padding is more than half of the window: x [2, 3, 5, 5], window [2, 2]")                          \
    X(bg_max_pool(f->image, BG_SHAPE(0, 2), NULL, NULL), BG_ERR_SHAPE,                                                 \
      "max_pool: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [0, 2]")               \
    X(bg_max_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.leaves_out_padding = true), NULL), BG_ERR_ARGUMENT,          \
      "max_pool: nothing is divided, so no padding is left out: x [2, 3, 5, 5]")                                       \
    X(bg_lp_pool(f->image, 2, BG_SHAPE(2, 2), WITH_OPTIONS(.leaves_out_padding = true)), BG_ERR_ARGUMENT,              \
      "lp_pool: there is no padding to leave out: x [2, 3, 5, 5]")                                                     \
    X(bg_max_pool(f->x243, BG_SHAPE(2), WITH_OPTIONS(.stride = { 1, 2 }), NULL), BG_ERR_SHAPE,                         \
      "max_pool: a stride, dilation or padding is given for more dimensions than there are: x [2, 4, 3], window [2]")  \
    X(bg_avg_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.stride = { -1 })), BG_ERR_SHAPE,                             \
      "avg_pool: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [2, 2]")               \
    X(bg_avg_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.dilation = { 2 })), BG_ERR_ARGUMENT,                         \
      "avg_pool: there is no dilation, got 2")                                                                         \
    X(bg_avg_pool(f->x3, BG_SHAPE(2), NULL), BG_ERR_SHAPE,                                                             \
      "avg_pool: needs x [n, channels, ..] with a dimension for each of the window's: x [3], window [2]")              \
    X(bg_max_pool(bg_reshape(f->empty, BG_SHAPE(1, 2, 0)), BG_SHAPE(2), WITH_OPTIONS(.padding = { 1 }), NULL),         \
      BG_ERR_SHAPE, "max_pool: the image is empty: x [1, 2, 0], window [2]")                                           \
    X(bg_max_pool(bg_reshape(f->x3, BG_SHAPE(1, 3, 1)), BG_SHAPE(2),                                                   \
                  WITH_OPTIONS(.padding = { 1 }, .dilation = { 2 }), NULL),                                            \
      BG_ERR_SHAPE, "max_pool: a window has no element in the image: x [1, 3, 1], window [2]")                         \
    X(bg_avg_pool(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.stride = { 1LL << 40 })), BG_ERR_SHAPE,                      \
      "avg_pool: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [2, 2]")               \
    X(bg_lp_pool(f->image, 2, BG_SHAPE(2), NULL), BG_ERR_SHAPE,                                                        \
      "lp_pool: needs x [n, channels, ..] with a dimension for each of the window's: x [2, 3, 5, 5], window [2]")      \
    X(bg_lp_pool(f->image, 0, BG_SHAPE(2, 2), NULL), BG_ERR_ARGUMENT, "lp_pool: p is 0, not a positive number")        \
    X(bg_lp_pool(f->image, NAN, BG_SHAPE(2, 2), NULL), BG_ERR_ARGUMENT, "lp_pool: p is nan, not a positive number")    \
    X(bg_lp_pool(f->image, 2, BG_SHAPE(2, 2), WITH_OPTIONS(.padding = { 1 })), BG_ERR_ARGUMENT,                        \
      "lp_pool: there is no padding and no dilation, got 1 and 0")                                                     \
    X(bg_adaptive_max_pool(f->image, BG_SHAPE(2), NULL), BG_ERR_SHAPE,                                                 \
      "adaptive_max_pool: " BINS_NEED "x [2, 3, 5, 5], size [2]")                                                      \
    X(bg_adaptive_avg_pool(f->image, BG_SHAPE(2, 0)), BG_ERR_SHAPE,                                                    \
      "adaptive_avg_pool: " BINS_NEED "x [2, 3, 5, 5], size [2, 0]")                                                   \
    X(bg_adaptive_avg_pool(f->i3, BG_SHAPE(2)), BG_ERR_DTYPE, "adaptive_avg_pool: x is i32, not f32 or f64")           \
    X(bg_global_max_pool(f->x23, NULL), BG_ERR_SHAPE, "global_max_pool: " BINS_NEED "x [2, 3], size []")               \
    X(bg_global_avg_pool(f->x3), BG_ERR_SHAPE, "global_avg_pool: " BINS_NEED "x [3], size []")                         \
    X(bg_max_unpool(f->x243, f->x243, BG_SHAPE(9)), BG_ERR_DTYPE, "max_unpool: indices are f32, not i32, i64 or u8")   \
    X(bg_max_unpool(f->i3, f->l3, BG_SHAPE(9)), BG_ERR_DTYPE, "max_unpool: x is i32, not f32 or f64")                  \
    X(bg_max_unpool(f->x3, f->l3, BG_SHAPE(9)), BG_ERR_SHAPE,                                                          \
      "max_unpool: needs x and indices [n, channels, ..] and image with 1 to 3 extents: x [3], indices [3], image "    \
      "[9]")                                                                                                           \
    X(bg_max_unpool(bg_reshape(f->x3, BG_SHAPE(1, 1, 3)), bg_reshape(f->l3, BG_SHAPE(1, 1, 3)), BG_SHAPE(0)),          \
      BG_ERR_SHAPE,                                                                                                    \
      "max_unpool: needs x and indices [n, channels, ..] and image with 1 to 3 extents: x [1, 1, 3], indices [1, 1, "  \
      "3], image [0]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

static bg_node *pool(bg_node *x, const bg_pool_options *o)
{
    return bg_max_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(3), o, NULL);
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
EDGE(max_pool_of_relu, pool(bg_relu(bg_reshape(x, BG_SHAPE(1, 1, -1))), NULL))
EDGE(padded, pool_padded(x))
EDGE(corner, average_corner(x))
static bg_node *places_of(bg_node *x)
{
    bg_node *indices;
    bg_max_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(3), NULL, &indices);
    return bg_cast(indices, x ? bg_node_dtype(x) : BG_F64);
}
static bg_node *ceil_means(bg_node *x)
{
    bg_pool_options o = { .is_ceil = true };
    return bg_avg_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(2), &o);
}
static bg_node *ceil_roots(bg_node *x)
{
    bg_pool_options o = { .is_ceil = true };
    return bg_lp_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), 2, BG_SHAPE(4), &o);
}
EDGE(max_pool_places, places_of(x))
EDGE(ceil_means, ceil_means(x))
EDGE(ceil_roots, ceil_roots(x))
EDGE(cubes, bg_lp_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), 3, BG_SHAPE(2), NULL))
EDGE(adaptive, bg_adaptive_max_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(2), NULL))
EDGE(adaptive_means, bg_adaptive_avg_pool(bg_reshape(x, BG_SHAPE(1, 1, -1)), BG_SHAPE(2)))
/* All elements to the place of y. */
EDGE(unpool,
     bg_max_unpool(bg_reshape(x, BG_SHAPE(1, 1, -1)), bg_cast(bg_reshape(y, BG_SHAPE(1, 1, -1)), BG_I64), BG_SHAPE(4)))
static const edge edges[] = {
    { "max_pool: the first of equals", edge_max_pool, 6, .x = LIST(1, 3, 3, 2, 2, 2), .n_values = 2,
      .value = LIST(3, 2), .dx = LIST(0, 1, 0, 1, 0, 0), .is_kink = true },
    { "max_pool: NaN", edge_max_pool, 3, .x = LIST(1, NOT_A_NUMBER, 3), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(0, 1, 0) },
    { "max_pool: of relu, whose largest is not above 0, or NaN", edge_max_pool_of_relu, 9,
      .x = LIST(-1, -3, -2, 4, 5, -5, 0, NOT_A_NUMBER, 3), .n_values = 3, .value = LIST(0, 5, NOT_A_NUMBER),
      .dx = LIST(0, 0, 0, 0, 1, 0, 0, 1, 0) },
    { "max_pool: padding never wins", edge_padded, 3, .x = LIST(-1, -2, -3), .n_values = 2, .value = LIST(-1, -2),
      .dx = LIST(1, 1, 0) },
    { "avg_pool: padding counts", edge_corner, 4, .x = LIST(1, 1, 1, 1), .n_values = 1, .value = LIST(0.25),
      .dx = LIST(0.25, 0, 0, 0) },
    { "max_pool: places of the first of equals and of NaN", edge_max_pool_places, 6,
      .x = LIST(1, 3, 3, 2, NOT_A_NUMBER, 9), .n_values = 2, .value = LIST(1, 4), .dx = LIST(0, 0, 0, 0, 0, 0) },
    { "avg_pool: a window beyond the image divides by what it holds", edge_ceil_means, 3, .x = LIST(1, 2, 4),
      .n_values = 2, .value = LIST(1.5, 4), .dx = LIST(0.5, 0.5, 1) },
    { "lp_pool: a window beyond the image is scaled up; no gradient at 0", edge_ceil_roots, 5, .x = LIST(0, 0, 0, 0, 8),
      .n_values = 2, .value = LIST(0, 16), .dx = LIST(0, 0, 0, 0, 2) },
    { "lp_pool: an odd power keeps signs; the root of a negative number", edge_cubes, 2, .x = LIST(-1, -2),
      .n_values = 1, .value = LIST(NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "adaptive_max_pool: bins that overlap", edge_adaptive, 3, .x = LIST(1, 5, 5), .n_values = 2, .value = LIST(5, 5),
      .dx = LIST(0, 2, 0) },
    { "adaptive_avg_pool: bins that overlap", edge_adaptive_means, 3, .x = LIST(1, 3, 5), .n_values = 2,
      .value = LIST(2, 4), .dx = LIST(0.5, 1, 0.5) },
    { "max_unpool: the last of one place", edge_unpool, 3, .x = LIST(7, 8, 9), .y = LIST(2, 1, 2), .n_values = 4,
      .value = LIST(0, 8, 9, 0), .dx = LIST(0, 1, 1), .dy = LIST(0, 0, 0), .has_dy = true },
};

const op_family pooling_family = { .name = "pooling", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
