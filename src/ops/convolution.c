/* Convolution and its transpose, in one to three dimensions, through windows and matrix products. */
#include "ops/window.h"

#include <string.h>

/* The numbers of dimension d, where 0 stands for the default. */
static int64_t or_one(int64_t value) { return value == 0 ? 1 : value; }

/* Checks what the convolution and its transpose have in common. channels: of x, at axis `inner` of the weight, times
 * groups if that axis holds one group's only. */
static bool takes(const char *op, bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *o)
{
    static const char *const labels[] = { "x", "weight", "bias" };
    bg_node *inputs[] = { x, weight, bias };
    int n = bias ? 3 : 2;
    bg_graph *graph = bgi_graph_of(op, inputs, n);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats(op, inputs, labels, n)))
        return false;
    int rank = x->shape.rank - 2;
    const char *wrong =
        rank < 1 || rank > BGI_WINDOW_RANK || weight->shape.rank != x->shape.rank
            ? "needs x [n, in, ..] and weight of the same rank, 3 to 5"
        : o->groups < 0 || x->shape.dims[1] % or_one(o->groups) != 0 || weight->shape.dims[0] % or_one(o->groups) != 0
            ? "the channels do not fall into the groups"
            : NULL;
    for (int d = 0; d < rank && !wrong; d++)
        if (o->stride[d] < 0 || o->dilation[d] < 0 || o->padding[d] < 0 || o->output_padding[d] < 0)
            wrong = "a stride, dilation or padding is negative";
    for (int d = 2; d < rank + 2 && !wrong; d++)
        if (weight->shape.dims[d] == 0)
            wrong = "the kernel is empty";
    if (wrong)
        bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: %s: x %s, weight %s, %lld groups", op, wrong,
                       bgi_shape_format(x->shape).text, bgi_shape_format(weight->shape).text,
                       (long long)or_one(o->groups));
    return !wrong;
}
static bool has_bias_shape(const char *op, const bg_node *bias, int64_t channels)
{
    if (!bias || bg_shape_equal(bias->shape, BG_SHAPE(channels)))
        return true;
    bgi_graph_fail(bias->graph, BG_ERR_SHAPE, "%s: needs bias [%lld], got %s", op, (long long)channels,
                   bgi_shape_format(bias->shape).text);
    return false;
}

/* The window of a kernel, dimension by dimension; `in` and `out` are left to the caller. */
static bgi_window window_of(const bg_node *weight, int rank, const bg_conv_options *o)
{
    bgi_window w;
    memset(&w, 0, sizeof w);
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        w.in[k] = w.out[k] = w.kernel[k] = w.stride[k] = w.dilation[k] = 1;
    for (int d = 0; d < rank; d++) {
        int k = BGI_WINDOW_RANK - rank + d;
        w.kernel[k] = weight->shape.dims[2 + d];
        w.stride[k] = or_one(o->stride[d]);
        w.dilation[k] = or_one(o->dilation[d]);
        w.before[k] = o->is_same ? w.dilation[k] * (w.kernel[k] - 1) / 2 : o->padding[d];
    }
    return w;
}

/* [n, positions, channels] -> [n, channels, out..], plus the bias. */
static bg_node *image_of(bg_node *rows, bg_node *bias, int64_t channels, bg_shape like, const int64_t *out)
{
    bg_shape shape = like, each = { .rank = like.rank };
    shape.dims[1] = channels;
    for (int d = 2; d < like.rank; d++) {
        shape.dims[d] = out[BGI_WINDOW_RANK - (like.rank - 2) + d - 2];
        each.dims[d] = 1;
    }
    each.dims[0] = 1;
    each.dims[1] = channels;
    bg_node *y = bg_reshape(bg_permute(rows, BG_AXES(0, 2, 1)), shape);
    return bias ? bg_add(y, bg_reshape(bias, each)) : y;
}

/* rows [n, p, groups · inner] times weight [groups · outer, inner] by groups -> [n, p, groups · outer] */
static bg_node *multiply_groups(bg_node *rows, bg_node *weight, int64_t groups)
{
    if (!rows || !weight)
        return NULL;
    int64_t n = rows->shape.dims[0], p = rows->shape.dims[1], inner = weight->shape.dims[1];
    int64_t outer = weight->shape.dims[0] / groups;
    if (groups == 1)
        return bg_linear(rows, weight, NULL);
    bg_node *x = bg_permute(bg_reshape(rows, BG_SHAPE(n * p, groups, inner)), BG_AXES(1, 0, 2));
    bg_node *w = bg_permute(bg_reshape(weight, BG_SHAPE(groups, outer, inner)), BG_AXES(0, 2, 1));
    return bg_reshape(bg_permute(bg_matmul(x, w), BG_AXES(1, 0, 2)), BG_SHAPE(n, p, groups * outer));
}

bg_node *bg_conv(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options)
{
    bg_conv_options none = { .groups = 0 };
    const bg_conv_options *o = options ? options : &none;
    if (!takes("conv", x, weight, bias, o))
        return NULL;
    int rank = x->shape.rank - 2;
    int64_t groups = or_one(o->groups), channels = weight->shape.dims[0], inner = weight->shape.dims[1];
    if (x->shape.dims[1] != groups * inner)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "conv: weight %s expects %lld channels in %lld groups: x %s",
                              bgi_shape_format(weight->shape).text, (long long)(groups * inner), (long long)groups,
                              bgi_shape_format(x->shape).text);
    if (!has_bias_shape("conv", bias, channels))
        return NULL;
    bgi_window w = window_of(weight, rank, o);
    w.channels = x->shape.dims[1];
    for (int d = 0; d < rank; d++) {
        int k = BGI_WINDOW_RANK - rank + d;
        int64_t span = w.dilation[k] * (w.kernel[k] - 1), padding = o->is_same ? span : 2 * o->padding[d];
        w.in[k] = x->shape.dims[2 + d];
        if (o->is_same && (w.stride[k] != 1 || o->padding[d] != 0))
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "conv: padding 'same' goes with stride 1 and no padding");
        if (w.in[k] + padding <= span)
            return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                                  "conv: the kernel is larger than the padded image: x %s, weight %s",
                                  bgi_shape_format(x->shape).text, bgi_shape_format(weight->shape).text);
        w.out[k] = (w.in[k] + padding - span - 1) / w.stride[k] + 1;
    }
    bg_node *flat = bg_reshape(weight, BG_SHAPE(channels, inner * bgi_window_elements(&w)));
    return image_of(multiply_groups(bgi_unfold(x, &w), flat, groups), bias, channels, x->shape, w.out);
}

bg_node *bg_conv_transpose(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options)
{
    bg_conv_options none = { .groups = 0 };
    const bg_conv_options *o = options ? options : &none;
    if (!takes("conv_transpose", x, weight, bias, o))
        return NULL;
    int rank = x->shape.rank - 2;
    int64_t groups = or_one(o->groups), inner = weight->shape.dims[0] / groups, each = weight->shape.dims[1];
    if (x->shape.dims[1] != weight->shape.dims[0])
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "conv_transpose: weight %s expects %lld channels: x %s",
                              bgi_shape_format(weight->shape).text, (long long)weight->shape.dims[0],
                              bgi_shape_format(x->shape).text);
    if (!has_bias_shape("conv_transpose", bias, groups * each))
        return NULL;
    if (o->is_same)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "conv_transpose: there is no padding 'same'");
    bgi_window w = window_of(weight, rank, o);
    bg_shape image = x->shape;
    w.channels = image.dims[1] = groups * each;
    for (int d = 0; d < rank; d++) {
        int k = BGI_WINDOW_RANK - rank + d;
        w.out[k] = x->shape.dims[2 + d];
        w.in[k] = (w.out[k] - 1) * w.stride[k] - 2 * o->padding[d] + w.dilation[k] * (w.kernel[k] - 1) + 1 +
                  o->output_padding[d];
        if (w.in[k] < 1 || w.out[k] < 1 ||
            o->output_padding[d] >= (w.stride[k] > w.dilation[k] ? w.stride[k] : w.dilation[k]))
            return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                                  "conv_transpose: padding %lld, output padding %lld leave no image: x %s, weight %s",
                                  (long long)o->padding[d], (long long)o->output_padding[d],
                                  bgi_shape_format(x->shape).text, bgi_shape_format(weight->shape).text);
        image.dims[2 + d] = w.in[k];
    }
    /* The kernel as a matrix [groups · each · elements, inner], group by group transposed. */
    int64_t elements = bgi_window_elements(&w), n = x->shape.dims[0], p = bgi_window_positions(&w);
    bg_node *kernel = bg_permute(bg_reshape(weight, BG_SHAPE(groups, inner, each * elements)), BG_AXES(0, 2, 1));
    bg_node *flat = bg_reshape(kernel, BG_SHAPE(groups * each * elements, inner));
    bg_node *rows = bg_permute(bg_reshape(x, BG_SHAPE(n, groups * inner, p)), BG_AXES(0, 2, 1));
    bg_node *y = bgi_fold(multiply_groups(rows, flat, groups), &w, image);
    bg_shape one = { .rank = image.rank };
    for (int d = 0; d < image.rank; d++)
        one.dims[d] = d == 1 ? image.dims[1] : 1;
    return bias && y ? bg_add(y, bg_reshape(bias, one)) : y;
}
