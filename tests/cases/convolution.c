/* Convolution and its transpose. */
#include "cases.h"

/* ---- Cases ---- */

/* n: stride[3], dilation[3], padding[3], groups, whether the padding is 'same'. */
static bg_conv_options options_of(const op_variant *v)
{
    bg_conv_options o = { .groups = v->n[9], .is_same = v->n[10] != 0 };
    for (int d = 0; d < 3; d++) {
        o.stride[d] = v->n[d];
        o.dilation[d] = v->n[3 + d];
        o.padding[d] = v->n[6 + d];
    }
    return o;
}
static const op_variant convolutions[] = {
    { .x = { DIMS(1, 1, 1), DIMS(1, 1, 1), DIMS(1) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 7), DIMS(4, 3, 3), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 8), DIMS(4, 3, 3), DIMS(4) }, .n = { 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 9), DIMS(2, 2, 3), DIMS(2) }, .n = { 0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 4, 6), DIMS(6, 2, 3), DIMS(6) }, .n = { 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0 } },
    { .x = { DIMS(2, 3, 5), DIMS(3, 1, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 1, 0, 0, 3, 0 } },
    { .x = { DIMS(1, 2, 6), DIMS(3, 2, 4), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(0, 2, 5), DIMS(3, 2, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 17), DIMS(2, 1, 5), DIMS(2) }, .n = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 1), DIMS(4, 3, 1), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 3), DIMS(1, 1, 3, 3), DIMS(1) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 4, 5), DIMS(3, 2, 3, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 5, 5), DIMS(4, 2, 3, 3), DIMS(4) }, .n = { 2, 2, 0, 0, 0, 0, 1, 1, 0, 0, 0 } },
    { .x = { DIMS(1, 3, 5, 4), DIMS(2, 3, 2, 3), DIMS(2) }, .n = { 1, 2, 0, 2, 1, 0, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 4, 4, 4), DIMS(4, 1, 3, 3), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 1, 1, 0, 4, 0 } },
    { .x = { DIMS(2, 4, 3, 3), DIMS(6, 2, 1, 1), DIMS(6) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0 } },
    { .x = { DIMS(3, 2, 4, 4), DIMS(5, 2, 1, 1), DIMS(5) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 5, 5), DIMS(2, 2, 4, 2), DIMS(2) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
    { .x = { DIMS(2, 1, 6, 6), DIMS(2, 1, 5, 5), DIMS(2) }, .n = { 1, 1, 0, 0, 0, 0, 2, 2, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 3, 3), DIMS(3, 2, 3, 3), DIMS(3) }, .n = { 3, 3, 0, 0, 0, 0, 2, 2, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 3, 3, 3), DIMS(2, 2, 2, 2, 2), DIMS(2) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 3, 4, 3), DIMS(2, 1, 3, 2, 1), DIMS(2) }, .n = { 1, 2, 1, 1, 1, 2, 1, 0, 0, 2, 0 } },
    { .x = { DIMS(2, 1, 2, 3, 3), DIMS(2, 1, 1, 3, 3), DIMS(2) }, .n = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0 } }
};
static const op_variant convolutions_alone[] = { { .x = { DIMS(1, 1, 1), DIMS(1, 1, 1) } },
                                                 { .x = { DIMS(1, 1, 3), DIMS(2, 1, 2) } },
                                                 { .x = { DIMS(2, 3, 4), DIMS(4, 3, 3) } },
                                                 { .x = { DIMS(2, 3, 8), DIMS(1, 3, 5) } },
                                                 { .x = { DIMS(0, 1, 4), DIMS(2, 1, 2) } },
                                                 { .x = { DIMS(1, 1, 5), DIMS(1, 1, 5) } },
                                                 { .x = { DIMS(2, 1, 17), DIMS(3, 1, 9) } },
                                                 { .x = { DIMS(1, 2, 7), DIMS(2, 2, 1) } },
                                                 { .x = { DIMS(3, 1, 2), DIMS(1, 1, 2) } },
                                                 { .x = { DIMS(1, 4, 3), DIMS(3, 4, 2) } },
                                                 { .x = { DIMS(1, 1, 2, 2), DIMS(1, 1, 2, 2) } },
                                                 { .x = { DIMS(2, 2, 3, 3), DIMS(3, 2, 2, 2) } },
                                                 { .x = { DIMS(1, 3, 4, 3), DIMS(2, 3, 1, 3) } },
                                                 { .x = { DIMS(2, 1, 5, 4), DIMS(2, 1, 3, 1) } },
                                                 { .x = { DIMS(1, 2, 4, 4), DIMS(2, 2, 3, 3) } },
                                                 { .x = { DIMS(2, 2, 1, 4), DIMS(2, 2, 1, 2) } },
                                                 { .x = { DIMS(1, 1, 6, 2), DIMS(2, 1, 4, 2) } },
                                                 { .x = { DIMS(1, 1, 9, 9), DIMS(1, 1, 8, 8) } },
                                                 { .x = { DIMS(1, 1, 2, 2, 2), DIMS(2, 1, 2, 1, 2) } },
                                                 { .x = { DIMS(2, 2, 2, 2, 3), DIMS(1, 2, 1, 2, 2) } },
                                                 { .x = { DIMS(1, 1, 3, 3, 3), DIMS(1, 1, 3, 3, 3) } } };
static const op_variant transposes[] = {
    { .x = { DIMS(1, 1, 1), DIMS(1, 1, 1), DIMS(1) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 5), DIMS(3, 4, 3), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 4), DIMS(3, 4, 3), DIMS(4) }, .n = { 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 5), DIMS(2, 2, 3), DIMS(2) }, .n = { 0, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 4, 4), DIMS(4, 3, 3), DIMS(6) }, .n = { 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0 } },
    { .x = { DIMS(2, 3, 5), DIMS(3, 1, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 1, 0, 0, 3, 0 } },
    { .x = { DIMS(1, 2, 6), DIMS(2, 3, 4), DIMS(3) }, .n = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(0, 2, 5), DIMS(2, 3, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 9), DIMS(1, 2, 5), DIMS(2) }, .n = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 3, 1), DIMS(3, 4, 1), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 1, 3, 3), DIMS(1, 1, 3, 3), DIMS(1) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 3, 4), DIMS(2, 3, 3, 3), DIMS(3) }, .n = { 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0 } },
    { .x = { DIMS(2, 2, 3, 3), DIMS(2, 4, 3, 3), DIMS(4) }, .n = { 2, 2, 0, 0, 0, 0, 1, 1, 0, 0, 0 } },
    { .x = { DIMS(1, 3, 3, 4), DIMS(3, 2, 2, 3), DIMS(2) }, .n = { 1, 2, 0, 2, 1, 0, 1, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 4, 3, 3), DIMS(4, 1, 3, 3), DIMS(4) }, .n = { 0, 0, 0, 0, 0, 0, 1, 1, 0, 4, 0 } },
    { .x = { DIMS(2, 4, 3, 3), DIMS(4, 3, 1, 1), DIMS(6) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0 } },
    { .x = { DIMS(3, 2, 4, 4), DIMS(2, 5, 1, 1), DIMS(5) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 3, 2), DIMS(2, 2, 4, 2), DIMS(2) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(2, 1, 2, 2), DIMS(1, 2, 3, 3), DIMS(2) }, .n = { 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 2, 2, 2), DIMS(2, 2, 2, 2, 2), DIMS(2) }, .n = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { .x = { DIMS(1, 2, 2, 3, 2), DIMS(2, 1, 3, 2, 1), DIMS(2) }, .n = { 1, 2, 1, 1, 1, 2, 1, 0, 0, 2, 0 } }
};

static bg_node *build_conv(bg_node *const *x, const op_variant *v)
{
    bg_conv_options o = options_of(v);
    return bg_conv(x[0], x[1], x[2], &o);
}
BUILD(conv_alone, bg_conv(x[0], x[1], NULL, NULL))
static bg_node *build_conv_transpose(bg_node *const *x, const op_variant *v)
{
    bg_conv_options o = options_of(v);
    /* Where the stride leaves room, the last elements are padded. */
    o.output_padding[0] = o.stride[0] > 1 ? 1 : 0;
    return bg_conv_transpose(x[0], x[1], x[2], &o);
}

static const op_case cases[] = {
    { .name = "conv", .op = "convolve", .arity = 3, .sums = true, .build = build_conv, VARIANTS(convolutions) },
    { .name = "conv, without bias and options",
      .arity = 2,
      .sums = true,
      .build = build_conv_alone,
      VARIANTS(convolutions_alone) },
    { .name = "conv_transpose",
      .op = "convolve_input",
      .arity = 3,
      .sums = true,
      .build = build_conv_transpose,
      VARIANTS(transposes) },
};

/* ---- Golden values ---- */

static bg_conv_options golden_options(const golden_case *c)
{
    bg_conv_options o = { .groups = golden_integer(c, "groups"), .is_same = golden_integer(c, "same") != 0 };
    bg_shape stride = golden_shape(c, "stride"), dilation = golden_shape(c, "dilation");
    bg_shape padding = golden_shape(c, "padding"), output_padding = golden_shape(c, "output_padding");
    for (int d = 0; d < stride.rank; d++) {
        o.stride[d] = stride.dims[d];
        o.dilation[d] = dilation.dims[d];
        o.padding[d] = padding.dims[d];
        o.output_padding[d] = output_padding.dims[d];
    }
    return o;
}
static bg_node *golden_conv(const golden_case *c)
{
    bg_conv_options o = golden_options(c);
    return bg_conv(c->x[0], c->x[1], c->n > 2 ? c->x[2] : NULL, &o);
}
static bg_node *golden_conv_transpose(const golden_case *c)
{
    bg_conv_options o = golden_options(c);
    return bg_conv_transpose(c->x[0], c->x[1], c->n > 2 ? c->x[2] : NULL, &o);
}
static const golden_op golden[] = { GOLDEN_ROW(conv), GOLDEN_ROW(conv_transpose) };

/* ---- Wrong calls ---- */

static bg_node *kernel(const wrong_inputs *f, bg_shape shape) { return bg_broadcast(f->scalar, shape); }
#define WITH_OPTIONS(...) (&(const bg_conv_options){ __VA_ARGS__ })
#define WRONG(X)                                                                                                       \
    X(bg_conv(f->x23, f->x23, NULL, NULL), BG_ERR_SHAPE,                                                               \
      "conv: needs x [n, in, ..] and weight of the same rank, 3 to 5: x [2, 3], weight [2, 3], 1 groups")              \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3)), NULL, NULL), BG_ERR_SHAPE,                                       \
      "conv: needs x [n, in, ..] and weight of the same rank, 3 to 5: x [2, 3, 5, 5], weight [4, 3, 3], 1 groups")     \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 2, 3, 3)), NULL, NULL), BG_ERR_SHAPE,                                    \
      "conv: weight [4, 2, 3, 3] expects 2 channels in 1 groups: x [2, 3, 5, 5]")                                      \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, WITH_OPTIONS(.groups = 2)), BG_ERR_SHAPE,               \
      "conv: the channels do not fall into the groups: x [2, 3, 5, 5], weight [4, 3, 3, 3], 2 groups")                 \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 6, 3)), NULL, NULL), BG_ERR_SHAPE,                                    \
      "conv: the kernel is larger than the padded image: x [2, 3, 5, 5], weight [4, 3, 6, 3]")                         \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 0, 3)), NULL, NULL), BG_ERR_SHAPE,                                    \
      "conv: the kernel is empty: x [2, 3, 5, 5], weight [4, 3, 0, 3], 1 groups")                                      \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), f->x3, NULL), BG_ERR_SHAPE, "conv: needs bias [4], got [3]")  \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), f->d3, NULL), BG_ERR_DTYPE,                                   \
      "conv: types differ: x f32, bias f64")                                                                           \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, WITH_OPTIONS(.stride = { 2 }, .is_same = true)),        \
      BG_ERR_ARGUMENT, "conv: padding 'same' goes with stride 1 and no padding, got 2 and 0")                          \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, WITH_OPTIONS(.padding = { -1 })), BG_ERR_SHAPE,         \
      "conv: an extent, stride, dilation or padding is out of range: x [2, 3, 5, 5], weight [4, 3, 3, 3], 1 groups")   \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, WITH_OPTIONS(.output_padding = { 0, 1 })),              \
      BG_ERR_ARGUMENT, "conv: only conv_transpose has output padding, got 1")                                          \
    X(bg_conv(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, WITH_OPTIONS(.stride = { 2, 2, 2 })), BG_ERR_SHAPE,     \
      "conv: a stride, dilation or padding is given for more dimensions than there are: x [2, 3, 5, 5], weight [4, "   \
      "3, 3, 3], 1 groups")                                                                                            \
    X(bg_conv(bg_reshape(f->x23, BG_SHAPE(2, 3, 1, 1, 1)), kernel(f, BG_SHAPE(4, 3, 1, 1, 1)), NULL,                   \
              WITH_OPTIONS(.padding = { 1 << 30, 1 << 30, 1 << 30 })),                                                 \
      BG_ERR_OVERFLOW, "conv: the elements of a window, or the positions, overflow")                                   \
    X(bg_conv_transpose(f->image, kernel(f, BG_SHAPE(3, 4, 3, 3)), NULL, WITH_OPTIONS(.output_padding = { 0, 0, 1 })), \
      BG_ERR_SHAPE,                                                                                                    \
      "conv_transpose: an output padding is given for more dimensions than there are: x [2, 3, 5, 5], weight [3, 4, "  \
      "3, 3], 1 groups")                                                                                               \
    X(bg_conv_transpose(f->image, kernel(f, BG_SHAPE(4, 3, 3, 3)), NULL, NULL), BG_ERR_SHAPE,                          \
      "conv_transpose: weight [4, 3, 3, 3] expects 4 channels: x [2, 3, 5, 5]")                                        \
    X(bg_conv_transpose(f->image, kernel(f, BG_SHAPE(3, 4, 3, 3)), f->x3, NULL), BG_ERR_SHAPE,                         \
      "conv_transpose: needs bias [4], got [3]")                                                                       \
    X(bg_conv_transpose(f->image, kernel(f, BG_SHAPE(3, 4, 3, 3)), NULL, WITH_OPTIONS(.output_padding = { 1 })),       \
      BG_ERR_SHAPE, "conv_transpose: padding 0, output padding 1 leave no image: x [2, 3, 5, 5], weight [3, 4, 3, 3]") \
    X(bg_conv_transpose(f->image, kernel(f, BG_SHAPE(3, 4, 3, 3)), NULL, WITH_OPTIONS(.is_same = true)),               \
      BG_ERR_ARGUMENT, "conv_transpose: there is no padding 'same'")
WRONG_CALLS(WRONG)

const op_family convolution_family = { .name = "convolution", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG };
