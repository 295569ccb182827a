/* Pooling in one to three dimensions. */
#include "ops/window.h"

#include <math.h>
#include <string.h>

/* The window of a pooling over each channel by itself; records errors. */
static bool window_of(const char *op, bg_node *x, bg_shape kernel, const bg_pool_options *o, bgi_window *w)
{
    int rank = kernel.rank;
    if (!bgi_takes_float(op, x))
        return false;
    const char *wrong = rank < 1 || rank > BGI_WINDOW_RANK || x->shape.rank != rank + 2
                            ? "needs x [n, channels, ..] with a dimension for each of the window's"
                            : NULL;
    memset(w, 0, sizeof *w);
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        w->in[k] = w->out[k] = w->kernel[k] = w->stride[k] = w->dilation[k] = 1;
    for (int d = 0; d < rank && !wrong; d++) {
        int k = BGI_WINDOW_RANK - rank + d;
        w->in[k] = x->shape.dims[2 + d];
        w->kernel[k] = kernel.dims[d];
        w->stride[k] = o->stride[d] == 0 ? kernel.dims[d] : o->stride[d];
        w->dilation[k] = o->dilation[d] == 0 ? 1 : o->dilation[d];
        w->before[k] = o->padding[d];
        if (kernel.dims[d] < 1 || w->stride[k] < 1 || w->dilation[k] < 1 || w->before[k] < 0)
            wrong = "an extent, stride, dilation or padding of the window is out of range";
        else if (w->before[k] > (w->dilation[k] * (w->kernel[k] - 1) + 1) / 2)
            wrong = "the padding is more than half of the window";
        else if (w->in[k] + 2 * w->before[k] <= w->dilation[k] * (w->kernel[k] - 1))
            wrong = "the window is larger than the padded image";
        if (wrong)
            break;
        int64_t room = w->in[k] + 2 * w->before[k] - w->dilation[k] * (w->kernel[k] - 1) - 1;
        w->out[k] = (o->is_ceil ? (room + w->stride[k] - 1) / w->stride[k] : room / w->stride[k]) + 1;
        /* The last window begins within the image or the padding before it. */
        if (o->is_ceil && (w->out[k] - 1) * w->stride[k] >= w->in[k] + w->before[k])
            w->out[k]--;
    }
    if (wrong)
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s: x %s, window %s", op, wrong, bgi_shape_format(x->shape).text,
                       bgi_shape_format(kernel).text);
    return !wrong;
}
static bg_shape pooled_shape(const bg_node *x, const bgi_window *w)
{
    bg_shape shape = x->shape;
    for (int d = 2; d < shape.rank; d++)
        shape.dims[d] = w->out[BGI_WINDOW_RANK - (shape.rank - 2) + d - 2];
    return shape;
}

static int64_t bgi_window_place(const bgi_window *w, int64_t position, int64_t element)
{
    int64_t k[3] = { element / w->kernel[2] / w->kernel[1], element / w->kernel[2] % w->kernel[1], element % w->kernel[2] };
    int64_t o[3] = { position / w->out[2] / w->out[1], position / w->out[2] % w->out[1], position % w->out[2] };
    int64_t at = 0;
    for (int d = 0; d < 3; d++) {
        int64_t i = o[d] * w->stride[d] - w->before[d] + k[d] * w->dilation[d];
        if (i < 0 || i >= w->in[d])
            return -1;
        at = at * w->in[d] + i;
    }
    return at;
}
/* max_pool: where the largest element of each window is in its channel, the first of equals or a NaN; no gradient */
static bg_status places_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_window *w = node->attributes;
    bg_shape x = node->inputs[0]->shape;
    *dtype = BG_I64;
    *shape = BG_SHAPE(x.dims[0], x.dims[1], bgi_window_positions(w));
    return BG_OK;
}
static int64_t channels_of(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0] * node->shape.dims[1];
}
static bg_status places_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    int64_t size = w->in[0] * w->in[1] * w->in[2], positions = bgi_window_positions(w);
    for (int64_t k = 0; k < (call->last - call->first) * positions; k++) {
        int64_t start = k / positions * size, best = -1;
        double most = 0;
        for (int64_t e = 0; e < bgi_window_elements(w); e++) {
            int64_t at = bgi_window_place(w, k % positions, e);
            if (at < 0)
                continue;
            double x = call->node->inputs[0]->dtype == BG_F64 ? ((const double *)call->inputs[0])[start + at]
                                                              : (double)((const float *)call->inputs[0])[start + at];
            if (best < 0 || x > most || (x != x && most == most)) {
                best = at;
                most = x;
            }
        }
        ((int64_t *)call->output)[k] = best;
    }
    return BG_OK;
}
static const bg_op places_op = { .name = "max_pool_places",
                                 .arity = 1,
                                 .infer = places_infer,
                                 .is_constant = true,
                                 .call = places_call,
                                 .units = channels_of,
                                 .never_fails = true };
bg_node *bg_max_pool(bg_node *x, bg_shape window, const bg_pool_options *options)
{
    bg_pool_options none = { .is_ceil = false };
    bgi_window w;
    if (!window_of("max_pool", x, window, options ? options : &none, &w))
        return NULL;
    bg_node *places = bg_apply(&places_op, &x, 1, &w, sizeof w);
    bg_node *flat = bg_reshape(x, BG_SHAPE(x->shape.dims[0], x->shape.dims[1], w.in[0] * w.in[1] * w.in[2]));
    return bg_reshape(bg_take_along(flat, places, 2), pooled_shape(x, &w));
}

/* The number of elements that a window's sum is divided by: those in the image, or also those in the padding. */
static int64_t divisor(const bgi_window *w, int64_t position, bool leaves_out_padding)
{
    int64_t places[BGI_WINDOW_RANK], count = 1;
    places[2] = position % w->out[2];
    places[1] = position / w->out[2] % w->out[1];
    places[0] = position / w->out[2] / w->out[1];
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        int64_t start = places[k] * w->stride[k] - w->before[k], end = start + w->kernel[k];
        int64_t most = w->in[k] + (leaves_out_padding ? 0 : w->before[k]);
        if (leaves_out_padding && start < 0)
            start = 0;
        count *= (end < most ? end : most) - start;
    }
    return count;
}
bg_node *bg_avg_pool(bg_node *x, bg_shape window, const bg_pool_options *options)
{
    bg_pool_options none = { .is_ceil = false };
    const bg_pool_options *o = options ? options : &none;
    bgi_window w;
    if (!window_of("avg_pool", x, window, o, &w))
        return NULL;
    for (int d = 0; d < window.rank; d++)
        if (o->dilation[d] > 1)
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "avg_pool: there is no dilation");
    int64_t n = x->shape.dims[0], positions = bgi_window_positions(&w), elements = bgi_window_elements(&w);
    bg_tensor *shares = NULL;
    if (!bgi_graph_accept(x->graph, bg_tensor_create(&shares, x->graph->engine, BG_F64, BG_SHAPE(positions))))
        return NULL;
    double *share = bg_tensor_data(shares);
    for (int64_t p = 0; p < positions; p++)
        share[p] = 1 / (double)divisor(&w, p, o->leaves_out_padding);
    bg_node *constant = bg_cast(bg_constant(x->graph, shares), x->dtype);
    bg_tensor_destroy(shares);
    w.channels = x->shape.dims[1];
    bg_node *rows = bg_reshape(bgi_unfold(x, &w), BG_SHAPE(n, w.channels, elements, positions));
    return bg_reshape(bg_mul(bg_sum(rows, BG_AXES(2)), constant), pooled_shape(x, &w));
}

const bg_op *const bgi_pooling_ops[] = { &places_op, NULL };
