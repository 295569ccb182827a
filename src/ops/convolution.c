/* Convolution and its transpose, in one to three dimensions, with stride, padding, dilation and groups. */
#include "blas/blas.h"
#include "ops/convolve.h"

static int64_t or_one(int64_t value) { return value == 0 ? 1 : value; }

/* Checks what the convolution and its transpose have in common, and sets the window over x. */
static bool takes(const char *op, bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *o, bgi_window *w)
{
    static const char *const labels[] = { "x", "weight", "bias" };
    bg_node *inputs[] = { x, weight, bias };
    int n = bias ? 3 : 2;
    bg_graph *graph = bgi_graph_of_floats(op, inputs, labels, n);
    if (!graph)
        return false;
    int rank = x->shape.rank - 2;
    const char *wrong =
        rank < 1 || rank > BGI_WINDOW_RANK || weight->shape.rank != x->shape.rank
            ? "needs x [n, in, ..] and weight of the same rank, 3 to 5"
        : o->groups < 0 || x->shape.dims[1] % or_one(o->groups) != 0 || weight->shape.dims[0] % or_one(o->groups) != 0
            ? "the channels do not fall into the groups"
            : NULL;
    for (int d = 2; d < rank + 2 && !wrong; d++)
        if (weight->shape.dims[d] == 0)
            wrong = "the kernel is empty";
    if (!wrong)
        wrong = bgi_window_take(w, rank, x->shape.dims + 2, weight->shape.dims + 2, o->stride, o->dilation, o->padding);
    for (int d = 0; d < rank && !wrong; d++)
        if (!bgi_window_holds(0, o->output_padding[d]))
            wrong = "an output padding is out of range";
    if (!wrong && !bgi_window_ends(rank, o->output_padding))
        wrong = "an output padding is given for more dimensions than there are";
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

static bg_node *add_bias(bg_node *y, bg_node *bias) { return y && bias ? bg_add(y, bgi_by_channel(bias, y)) : y; }

/* Whether sizes fit the integer of the BLAS, which multiplies where the convolution is run as the products that it is
 * composed of; records the error. */
static bool fits(const char *op, bg_graph *graph, const bgi_convolution *c)
{
    const bgi_window *w = &c->window;
    const int64_t row[] = { bgi_group_inputs(c), w->kernel[0], w->kernel[1], w->kernel[2] };
    int64_t sizes[3] = { c->outputs };
    if (!bgi_product_of(row, 4, &sizes[1]) || !bgi_product_of(w->out, BGI_WINDOW_RANK, &sizes[2])) {
        bgi_graph_fail(graph, BG_ERR_OVERFLOW, "%s: the elements of a window, or the positions, overflow", op);
        return false;
    }
    for (int i = 0; i < 3; i++)
        if (!bgi_blas_fits(sizes[i])) {
            bgi_graph_fail(graph, BG_ERR_OVERFLOW, "%s: dimension %lld does not fit the integer of the BLAS", op,
                           (long long)sizes[i]);
            return false;
        }
    return true;
}

bg_node *bg_conv(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options)
{
    bg_conv_options none = { .groups = 0 };
    const bg_conv_options *o = options ? options : &none;
    bgi_window w;
    if (!takes("conv", x, weight, bias, o, &w))
        return NULL;
    for (int d = 0; d < BGI_WINDOW_RANK; d++)
        if (o->output_padding[d] != 0)
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "conv: only conv_transpose has output padding, got %lld",
                                  (long long)o->output_padding[d]);
    int rank = x->shape.rank - 2;
    int64_t groups = or_one(o->groups), channels = weight->shape.dims[0], inner = weight->shape.dims[1];
    if (x->shape.dims[1] != groups * inner)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "conv: weight %s expects %lld channels in %lld groups: x %s",
                              bgi_shape_format(weight->shape).text, (long long)(groups * inner), (long long)groups,
                              bgi_shape_format(x->shape).text);
    if (!has_bias_shape("conv", bias, channels))
        return NULL;
    w.channels = x->shape.dims[1];
    for (int k = BGI_WINDOW_RANK - rank; k < BGI_WINDOW_RANK; k++) {
        if (o->is_same && (w.stride[k] != 1 || w.before[k] != 0))
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT,
                                  "conv: padding 'same' goes with stride 1 and no padding, got %lld and %lld",
                                  (long long)w.stride[k], (long long)w.before[k]);
        int64_t room = o->is_same ? w.in[k] - 1 : bgi_window_room(&w, k);
        if (room < 0)
            return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                                  "conv: the kernel is larger than the padded image: x %s, weight %s",
                                  bgi_shape_format(x->shape).text, bgi_shape_format(weight->shape).text);
        w.out[k] = room / w.stride[k] + 1;
        if (o->is_same)
            w.before[k] = w.dilation[k] * (w.kernel[k] - 1) / 2;
    }
    bgi_convolution c = { .window = w, .groups = groups, .outputs = channels, .rank = rank };
    return fits("conv", x->graph, &c) ? add_bias(bgi_convolve(x, weight, &c), bias) : NULL;
}

bg_node *bg_conv_transpose(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options)
{
    bg_conv_options none = { .groups = 0 };
    const bg_conv_options *o = options ? options : &none;
    bgi_window w;
    if (!takes("conv_transpose", x, weight, bias, o, &w))
        return NULL;
    int rank = x->shape.rank - 2;
    int64_t groups = or_one(o->groups), each = weight->shape.dims[1];
    if (x->shape.dims[1] != weight->shape.dims[0])
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "conv_transpose: weight %s expects %lld channels: x %s",
                              bgi_shape_format(weight->shape).text, (long long)weight->shape.dims[0],
                              bgi_shape_format(x->shape).text);
    if (!has_bias_shape("conv_transpose", bias, groups * each))
        return NULL;
    if (o->is_same)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "conv_transpose: there is no padding 'same'");
    w.channels = groups * each;
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
    }
    bgi_convolution c = { .window = w, .groups = groups, .outputs = x->shape.dims[1], .rank = rank };
    return fits("conv_transpose", x->graph, &c) ? add_bias(bgi_convolve_input(x, weight, &c), bias) : NULL;
}
