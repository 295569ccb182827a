/* Windows as columns, and the parts of a convolution's gradients. */
#include "cases.h"

#include "ops/convolve.h"

#include <string.h>

/* ---- Cases ---- */

/* shape: the window; n: stride[3], dilation[3], padding[3], and the image of columns. */
static const op_variant windows[] = {
    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 7) }, .shape = DIMS(3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 8) }, .shape = DIMS(3), .n = { 2, 0, 0, 1, 0, 0, 1, 0, 0 } },
    { .x = { DIMS(1, 2, 9) }, .shape = DIMS(2), .n = { 1, 0, 0, 3, 0, 0, 2, 0, 0 } },
    { .x = { DIMS(0, 2, 5) }, .shape = DIMS(3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 0, 5) }, .shape = DIMS(2), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 17) }, .shape = DIMS(5), .n = { 3, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3) }, .shape = DIMS(2), .n = { 1, 0, 0, 1, 0, 0, 4, 0, 0 } },
    { .x = { DIMS(1, 2, 65) }, .shape = DIMS(4), .n = { 4, 0, 0, 1, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 3) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 4, 5) }, .shape = DIMS(2, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 4, 5) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 1, 1, 0 } },
    { .x = { DIMS(1, 2, 5, 5) }, .shape = DIMS(3, 2), .n = { 2, 1, 0, 1, 2, 0, 1, 0, 0 } },
    { .x = { DIMS(1, 3, 6, 4) }, .shape = DIMS(1, 1), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(3, 1, 5, 1) }, .shape = DIMS(2, 1), .n = { 3, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 4, 4) }, .shape = DIMS(2, 2), .n = { 2, 2, 0, 1, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 3, 9) }, .shape = DIMS(2, 4), .n = { 1, 3, 0, 1, 1, 0, 1, 2, 0 } },
    { .x = { DIMS(1, 1, 2, 2) }, .shape = DIMS(2, 2), .n = { 1, 1, 0, 1, 1, 0, 3, 3, 0 } },
    { .x = { DIMS(1, 2, 3, 3, 3) }, .shape = DIMS(2, 2, 2), .n = { 1, 1, 1, 1, 1, 1, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 4, 5) }, .shape = DIMS(1, 2, 3), .n = { 1, 2, 2, 1, 1, 2, 0, 1, 1 } },
    { .x = { DIMS(2, 1, 2, 3, 3) }, .shape = DIMS(2, 1, 2), .n = { 1, 1, 1, 1, 2, 1, 1, 0, 1 } },
    { .x = { DIMS(1, 2, 4, 2, 3) }, .shape = DIMS(3, 1, 2), .n = { 2, 1, 2, 1, 1, 1, 1, 1, 0 } }
};
static const op_variant columns[] = {
    { .x = { DIMS(1, 1, 1) }, .shape = DIMS(1), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0 } },
    { .x = { DIMS(2, 9, 5) }, .shape = DIMS(3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0 } },
    { .x = { DIMS(2, 9, 4) }, .shape = DIMS(3), .n = { 2, 0, 0, 1, 0, 0, 1, 0, 0, 8, 0, 0 } },
    { .x = { DIMS(1, 4, 10) }, .shape = DIMS(2), .n = { 1, 0, 0, 3, 0, 0, 2, 0, 0, 9, 0, 0 } },
    { .x = { DIMS(0, 6, 3) }, .shape = DIMS(3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0 } },
    { .x = { DIMS(2, 0, 4) }, .shape = DIMS(2), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0 } },
    { .x = { DIMS(2, 5, 5) }, .shape = DIMS(5), .n = { 3, 0, 0, 1, 0, 0, 0, 0, 0, 17, 0, 0 } },
    { .x = { DIMS(1, 2, 10) }, .shape = DIMS(2), .n = { 1, 0, 0, 1, 0, 0, 4, 0, 0, 3, 0, 0 } },
    { .x = { DIMS(1, 8, 16) }, .shape = DIMS(4), .n = { 4, 0, 0, 1, 0, 0, 0, 0, 0, 65, 0, 0 } },
    { .x = { DIMS(1, 9, 1) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 3, 3, 0 } },
    { .x = { DIMS(2, 12, 9) }, .shape = DIMS(2, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 4, 5, 0 } },
    { .x = { DIMS(2, 18, 20) }, .shape = DIMS(3, 3), .n = { 1, 1, 0, 1, 1, 0, 1, 1, 0, 4, 5, 0 } },
    { .x = { DIMS(1, 12, 9) }, .shape = DIMS(3, 2), .n = { 2, 1, 0, 1, 2, 0, 1, 0, 0, 5, 5, 0 } },
    { .x = { DIMS(1, 3, 24) }, .shape = DIMS(1, 1), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 6, 4, 0 } },
    { .x = { DIMS(3, 2, 2) }, .shape = DIMS(2, 1), .n = { 3, 1, 0, 1, 1, 0, 0, 0, 0, 5, 1, 0 } },
    { .x = { DIMS(1, 8, 4) }, .shape = DIMS(2, 2), .n = { 2, 2, 0, 1, 1, 0, 0, 0, 0, 4, 4, 0 } },
    { .x = { DIMS(2, 8, 16) }, .shape = DIMS(2, 4), .n = { 1, 3, 0, 1, 1, 0, 1, 2, 0, 3, 9, 0 } },
    { .x = { DIMS(1, 4, 49) }, .shape = DIMS(2, 2), .n = { 1, 1, 0, 1, 1, 0, 3, 3, 0, 2, 2, 0 } },
    { .x = { DIMS(1, 16, 8) }, .shape = DIMS(2, 2, 2), .n = { 1, 1, 1, 1, 1, 1, 0, 0, 0, 3, 3, 3 } },
    { .x = { DIMS(1, 6, 18) }, .shape = DIMS(1, 2, 3), .n = { 1, 2, 2, 1, 1, 2, 0, 1, 1, 3, 4, 5 } },
    { .x = { DIMS(2, 4, 36) }, .shape = DIMS(2, 1, 2), .n = { 1, 1, 1, 1, 2, 1, 1, 0, 1, 2, 3, 3 } },
    { .x = { DIMS(1, 12, 8) }, .shape = DIMS(3, 1, 2), .n = { 2, 1, 2, 1, 1, 1, 1, 1, 0, 4, 2, 3 } }
};
static const op_variant weights[] = {
    { .x = { DIMS(1, 1, 1), DIMS(1, 1, 1) }, .shape = DIMS(1, 1, 1), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 3, 7), DIMS(2, 4, 5) }, .shape = DIMS(4, 3, 3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(3, 3, 8), DIMS(3, 4, 4) }, .shape = DIMS(4, 3, 3), .n = { 2, 0, 0, 1, 0, 0, 1, 0, 0, 1 } },
    { .x = { DIMS(0, 2, 5), DIMS(0, 3, 3) }, .shape = DIMS(3, 2, 3), .n = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 4, 6), DIMS(2, 6, 6) }, .shape = DIMS(6, 2, 3), .n = { 1, 0, 0, 1, 0, 0, 1, 0, 0, 2 } },
    { .x = { DIMS(2, 3, 5), DIMS(2, 3, 5) }, .shape = DIMS(3, 1, 3), .n = { 1, 0, 0, 1, 0, 0, 1, 0, 0, 3 } },
    { .x = { DIMS(2, 3, 7), DIMS(2, 6, 4) }, .shape = DIMS(6, 1, 3), .n = { 2, 0, 0, 2, 0, 0, 2, 0, 0, 3 } },
    { .x = { DIMS(5, 2, 9), DIMS(5, 2, 10) }, .shape = DIMS(2, 2, 2), .n = { 1, 0, 0, 3, 0, 0, 2, 0, 0, 1 } },
    { .x = { DIMS(1, 1, 17), DIMS(1, 2, 5) }, .shape = DIMS(2, 1, 5), .n = { 3, 0, 0, 1, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 2, 4, 5), DIMS(2, 3, 4, 5) }, .shape = DIMS(3, 2, 3, 3), .n = { 1, 1, 0, 1, 1, 0, 1, 1, 0, 1 } },
    { .x = { DIMS(8, 2, 4, 4), DIMS(8, 3, 2, 2) }, .shape = DIMS(3, 2, 3, 3), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(6, 2, 4, 4), DIMS(6, 2, 2, 2) }, .shape = DIMS(2, 1, 3, 3), .n = { 2, 2, 0, 1, 1, 0, 1, 1, 0, 2 } },
    { .x = { DIMS(1, 32, 2, 2), DIMS(1, 33, 1, 1) },
      .shape = DIMS(33, 32, 2, 2),
      .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(1, 3, 3, 2), DIMS(1, 48, 2, 2) }, .shape = DIMS(48, 3, 2, 1), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(17, 1, 3, 3), DIMS(17, 5, 2, 2) }, .shape = DIMS(5, 1, 2, 2), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(16, 3, 3, 3), DIMS(16, 2, 3, 3) }, .shape = DIMS(2, 3, 1, 1), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(1, 8, 5, 4), DIMS(1, 8, 5, 3) }, .shape = DIMS(8, 1, 3, 2), .n = { 1, 2, 0, 2, 1, 0, 2, 1, 0, 8 } },
    { .x = { DIMS(1, 8, 3, 3), DIMS(1, 16, 2, 2) }, .shape = DIMS(16, 2, 2, 2), .n = { 1, 1, 0, 1, 1, 0, 0, 0, 0, 4 } },
    { .x = { DIMS(2, 2, 3, 3), DIMS(2, 3, 2, 3) }, .shape = DIMS(3, 2, 2, 3), .n = { 3, 1, 0, 1, 1, 0, 2, 1, 0, 1 } },
    { .x = { DIMS(1, 2, 3, 3, 3), DIMS(1, 2, 2, 2, 2) },
      .shape = DIMS(2, 2, 2, 2, 2),
      .n = { 1, 1, 1, 1, 1, 1, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 2, 3, 4, 3), DIMS(2, 2, 4, 2, 3) },
      .shape = DIMS(2, 1, 2, 2, 1),
      .n = { 1, 2, 1, 1, 1, 2, 1, 0, 0, 2 } },
    { .x = { DIMS(1, 2, 3, 3, 4), DIMS(1, 4, 2, 3, 2) },
      .shape = DIMS(4, 1, 1, 3, 2),
      .n = { 2, 1, 2, 1, 1, 1, 0, 1, 0, 2 } }
};

static bg_window_options options_of(const op_variant *v)
{
    bg_window_options o = { .stride = { 0 } };
    for (int d = 0; d < 3; d++) {
        o.stride[d] = v->n[d];
        o.dilation[d] = v->n[3 + d];
        o.padding[d] = v->n[6 + d];
    }
    return o;
}
static bg_node *build_unfold(bg_node *const *x, const op_variant *v)
{
    bg_window_options o = options_of(v);
    return bg_unfold(x[0], v->shape, &o);
}
static bg_node *build_fold(bg_node *const *x, const op_variant *v)
{
    bg_window_options o = options_of(v);
    bg_shape image = { .rank = v->shape.rank };
    memcpy(image.dims, v->n + 9, (size_t)image.rank * sizeof image.dims[0]);
    return bg_fold(x[0], image, v->shape, &o);
}

/* The weight's gradient: x, dy; shape: the weight; n: stride[3], dilation[3], padding[3], groups. */
static bgi_convolution convolution_of(const op_variant *v)
{
    bgi_convolution c;
    memset(&c, 0, sizeof c);
    c.groups = v->n[9];
    c.outputs = v->shape.dims[0];
    c.rank = v->shape.rank - 2;
    bgi_window *w = &c.window;
    w->channels = v->x[0].dims[1];
    for (int k = 0; k < 3; k++)
        w->in[k] = w->out[k] = w->kernel[k] = w->stride[k] = w->dilation[k] = 1;
    for (int d = 0; d < c.rank; d++) {
        int64_t k = 3 - c.rank + d;
        w->in[k] = v->x[0].dims[2 + d];
        w->out[k] = v->x[1].dims[2 + d];
        w->kernel[k] = v->shape.dims[2 + d];
        w->stride[k] = v->n[d];
        w->dilation[k] = v->n[3 + d];
        w->before[k] = v->n[6 + d];
    }
    return c;
}
static bg_node *build_convolve_weight(bg_node *const *x, const op_variant *v)
{
    bgi_convolution c = convolution_of(v);
    return bgi_convolve_weight(x[0], x[1], &c);
}
static bg_node *build_convolve_slots(bg_node *const *x, const op_variant *v)
{
    bgi_convolution c = convolution_of(v);
    return bgi_convolve_slots(x[0], x[1], &c);
}

static const op_case cases[] = {
    { .name = "unfold", .op = "unfold", .arity = 1, .build = build_unfold, VARIANTS(windows) },
    { .name = "fold", .op = "fold", .arity = 1, .sums = true, .build = build_fold, VARIANTS(columns) },
    { .name = "convolve_weight",
      .op = "convolve_weight",
      .arity = 2,
      .sums = true,
      .is_safe = true,
      .build = build_convolve_weight,
      VARIANTS(weights) },
    { .name = "convolve_slots",
      .op = "convolve_slots",
      .arity = 2,
      .sums = true,
      .is_safe = true,
      .build = build_convolve_slots,
      VARIANTS(weights) },
};

/* ---- Golden values ---- */

static bg_window_options golden_options(const golden_case *c)
{
    bg_window_options o = { .stride = { 0 } };
    bg_shape stride = golden_shape(c, "stride"), dilation = golden_shape(c, "dilation");
    bg_shape padding = golden_shape(c, "padding");
    for (int d = 0; d < stride.rank; d++) {
        o.stride[d] = stride.dims[d];
        o.dilation[d] = dilation.dims[d];
        o.padding[d] = padding.dims[d];
    }
    return o;
}
static bg_node *golden_unfold(const golden_case *c)
{
    bg_window_options o = golden_options(c);
    return bg_unfold(c->x[0], golden_shape(c, "window"), &o);
}
static bg_node *golden_fold(const golden_case *c)
{
    bg_window_options o = golden_options(c);
    return bg_fold(c->x[0], golden_shape(c, "image"), golden_shape(c, "window"), &o);
}
static const golden_op golden[] = { GOLDEN_ROW(unfold), GOLDEN_ROW(fold) };

/* ---- Wrong calls ---- */

#define WITH_OPTIONS(...) (&(const bg_window_options){ __VA_ARGS__ })
#define COLUMNS(...)      bg_broadcast(f->scalar, BG_SHAPE(__VA_ARGS__))
#define WRONG(X)                                                                                                       \
    X(bg_unfold(f->i3, BG_SHAPE(2), NULL), BG_ERR_DTYPE, "unfold: x is i32, not f32 or f64")                           \
    X(bg_unfold(f->x243, BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                                          \
      "unfold: needs x [n, channels, ..] with a dimension for each of the window's: x [2, 4, 3], window [2, 2]")       \
    X(bg_unfold(f->image, BG_SHAPE(6, 1), NULL), BG_ERR_SHAPE,                                                         \
      "unfold: the window is larger than the padded image: x [2, 3, 5, 5], window [6, 1]")                             \
    X(bg_unfold(f->image, BG_SHAPE(0, 1), NULL), BG_ERR_SHAPE,                                                         \
      "unfold: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [0, 1]")                 \
    X(bg_unfold(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.stride = { 1, -1 })), BG_ERR_SHAPE,                            \
      "unfold: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [2, 2]")                 \
    X(bg_unfold(f->image, BG_SHAPE(2, 2), WITH_OPTIONS(.padding = { 1LL << 40 })), BG_ERR_SHAPE,                       \
      "unfold: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], window [2, 2]")                 \
    X(bg_fold(f->i3, BG_SHAPE(4), BG_SHAPE(2), NULL), BG_ERR_DTYPE, "fold: x is i32, not f32 or f64")                  \
    X(bg_fold(f->image, BG_SHAPE(4), BG_SHAPE(2), NULL), BG_ERR_SHAPE,                                                 \
      "fold: needs x [n, rows, positions], image and window of the same 1 to 3 dimensions: x [2, 3, 5, 5], "           \
      "image [4], window [2]")                                                                                         \
    X(bg_fold(COLUMNS(1, 4, 4), BG_SHAPE(3), BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                      \
      "fold: needs x [n, rows, positions], image and window of the same 1 to 3 dimensions: x [1, 4, 4], image [3], "   \
      "window [2, 2]")                                                                                                 \
    X(bg_fold(COLUMNS(1, 4, 5), BG_SHAPE(3, 3), BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                   \
      "fold: needs x [n, channels * 4, 4], got [1, 4, 5]: image [3, 3], window [2, 2]")                                \
    X(bg_fold(COLUMNS(1, 6, 4), BG_SHAPE(3, 3), BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                   \
      "fold: needs x [n, channels * 4, 4], got [1, 6, 4]: image [3, 3], window [2, 2]")                                \
    X(bg_fold(COLUMNS(1, 4, 4), BG_SHAPE(1, 3), BG_SHAPE(2, 2), NULL), BG_ERR_SHAPE,                                   \
      "fold: the window is larger than the padded image: x [1, 4, 4], window [2, 2]")
WRONG_CALLS(WRONG)

const op_family windows_family = { .name = "windows", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
