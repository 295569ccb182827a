/* Pooling in one to three dimensions. */
#include "ops/axis_map.h"
#include "ops/convolve.h"
#include "ops/index.h"
#include "ops/largest.h"

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
    int64_t stride[BGI_WINDOW_RANK];
    for (int d = 0; d < BGI_WINDOW_RANK; d++)
        stride[d] = o->stride[d] == 0 && d < rank ? kernel.dims[d] : o->stride[d];
    if (!wrong)
        wrong = bgi_window_take(w, rank, x->shape.dims + 2, kernel.dims, stride, o->dilation, o->padding);
    for (int k = 0; k < BGI_WINDOW_RANK && !wrong; k++) {
        int64_t room = bgi_window_room(w, k);
        if (w->in[k] < 1)
            wrong = "the image is empty";
        else if (w->before[k] > (w->dilation[k] * (w->kernel[k] - 1) + 1) / 2)
            wrong = "the padding is more than half of the window";
        else if (room < 0)
            wrong = "the window is larger than the padded image";
        else
            w->out[k] = (o->is_ceil ? (room + w->stride[k] - 1) / w->stride[k] : room / w->stride[k]) + 1;
        /* The last window begins within the image or the padding before it. */
        if (!wrong && o->is_ceil && (w->out[k] - 1) * w->stride[k] >= w->in[k] + w->before[k])
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

/* A tensor [n, channels, ..] as [n, channels, elements]. */
static bg_node *flat(bg_node *x, int64_t elements)
{
    return x ? bg_reshape(x, BG_SHAPE(x->shape.dims[0], x->shape.dims[1], elements)) : NULL;
}
/* The largest element of each window, and its place where that is asked for. */
static bg_node *largest_of(bg_node *x, const bgi_window *w, bg_node **indices)
{
    if (indices)
        *indices = bgi_largest_places(x, w);
    return bgi_largest(x, w);
}
bg_node *bg_max_pool(bg_node *x, bg_shape window, const bg_pool_options *options, bg_node **indices)
{
    bg_pool_options none = { .is_ceil = false };
    bgi_window w;
    if (indices)
        *indices = NULL;
    if (!window_of("max_pool", x, window, options ? options : &none, &w))
        return NULL;
    if (options && options->leaves_out_padding)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT,
                              "max_pool: nothing is divided, so no padding is left out: x %s",
                              bgi_shape_format(x->shape).text);
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        for (int64_t o = 0; o < w.out[k] && o * w.stride[k] < w.before[k]; o++)
            if (bgi_window_range(&w, k, o).start >= w.in[k])
                return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                                      "max_pool: a window has no element in the image: x %s, window %s",
                                      bgi_shape_format(x->shape).text, bgi_shape_format(window).text);
    return largest_of(x, &w, indices);
}

bg_node *bg_max_unpool(bg_node *x, bg_node *indices, bg_shape image)
{
    bg_graph *graph = bgi_graph_of("max_unpool", (bg_node *[]){ x, indices }, 2);
    if (!graph || !bgi_takes_float("max_unpool", x))
        return NULL;
    if (!bgi_is_integer(indices->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "max_unpool: indices are %s, not i32, i64 or u8",
                              bg_dtype_name(indices->dtype));
    bool is_right = image.rank >= 1 && image.rank <= BGI_WINDOW_RANK && x->shape.rank == image.rank + 2 &&
                    bg_shape_equal(x->shape, indices->shape);
    for (int d = 0; d < image.rank && is_right; d++)
        is_right = image.dims[d] >= 1;
    int64_t plane, count = 1;
    if (!is_right || !bgi_product_of(image.dims, image.rank, &plane))
        return bgi_graph_fail(graph, BG_ERR_SHAPE,
                              "max_unpool: needs x and indices [n, channels, ..] and image with 1 to 3 extents: x %s, "
                              "indices %s, image %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(indices->shape).text,
                              bgi_shape_format(image).text);
    bg_shape shape = { .rank = image.rank + 2, .dims = { x->shape.dims[0], x->shape.dims[1] } };
    for (int d = 0; d < image.rank; d++) {
        shape.dims[2 + d] = image.dims[d];
        count *= x->shape.dims[2 + d];
    }
    bg_node *zeros = bg_broadcast(bgi_scalar_like(x, 0), BG_SHAPE(shape.dims[0], shape.dims[1], plane));
    return bg_reshape(bgi_scatter("max_unpool", zeros, flat(indices, count), flat(x, count), 2), shape);
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
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "avg_pool: there is no dilation, got %lld",
                                  (long long)o->dilation[d]);
    int64_t positions = bgi_window_positions(&w), channels;
    bg_tensor *shares = NULL;
    if (!bgi_graph_accept(x->graph, bg_tensor_create(&shares, x->graph->engine, BG_F64, BG_SHAPE(positions))))
        return NULL;
    double *share = bg_tensor_data(shares);
    for (int64_t p = 0; p < positions; p++)
        share[p] = 1 / (double)divisor(&w, p, o->leaves_out_padding);
    bg_node *constant = bg_cast(bg_constant(x->graph, shares), x->dtype);
    bg_tensor_destroy(shares);
    /* The sums are a convolution of each channel with ones. */
    if (!bgi_product_of(x->shape.dims, 2, &channels))
        return NULL;
    int rank = window.rank;
    w.channels = 1;
    bgi_convolution sums = { .window = w, .groups = 1, .outputs = 1, .rank = rank };
    bg_node *images = bg_reshape(x, bgi_window_shape(channels, 1, w.in, rank));
    bg_node *ones = bg_broadcast(bgi_scalar_like(x, 1), bgi_window_shape(1, 1, w.kernel, rank));
    bg_node *y = flat(bg_reshape(bgi_convolve(images, ones, &sums), pooled_shape(x, &w)), positions);
    return bg_reshape(bg_mul(y, constant), pooled_shape(x, &w));
}

/* lp_pool: (Σ xᵖ)^(1/p) over each window, from means as PyTorch has it; a cut-off last window is scaled up. Where the
 * sum is 0, so that the root has no derivative, the gradient is 0. */
bg_node *bg_lp_pool(bg_node *x, double p, bg_shape window, const bg_pool_options *options)
{
    bg_pool_options none = { .is_ceil = false };
    const bg_pool_options *o = options ? options : &none;
    bgi_window w;
    if (!window_of("lp_pool", x, window, o, &w))
        return NULL;
    if (!(p > 0 && p < INFINITY))
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "lp_pool: p is %g, not a positive number", p);
    for (int d = 0; d < window.rank; d++)
        if (o->padding[d] != 0 || o->dilation[d] > 1)
            return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT,
                                  "lp_pool: there is no padding and no dilation, got %lld and %lld",
                                  (long long)o->padding[d], (long long)o->dilation[d]);
    if (o->leaves_out_padding)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "lp_pool: there is no padding to leave out: x %s",
                              bgi_shape_format(x->shape).text);
    bg_node *mean = bg_avg_pool(bg_pow_scalar(x, p), window, o);
    bg_node *sum = bg_mul_scalar(mean, (double)bgi_window_elements(&w)), *zero = bgi_scalar_like(x, 0);
    bg_node *is_zero = bg_equal(sum, zero), *base = bg_where(is_zero, bgi_scalar_like(x, 1), sum);
    return bg_where(is_zero, zero, bg_pow_scalar(base, 1 / p));
}

/* ---- Adaptive ---- */

/* The bins of an adaptive pooling; records errors. */
static bool bins_of(const char *op, bg_node *x, bg_shape size, bgi_window *w)
{
    if (!bgi_takes_float(op, x))
        return false;
    bool is_right = size.rank >= 1 && size.rank <= BGI_WINDOW_RANK && x->shape.rank == size.rank + 2;
    memset(w, 0, sizeof *w);
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        w->in[k] = w->out[k] = 1;
    for (int d = 0; d < size.rank && is_right; d++) {
        int k = BGI_WINDOW_RANK - size.rank + d;
        w->in[k] = x->shape.dims[2 + d];
        w->out[k] = size.dims[d];
        is_right = w->in[k] >= 1 && w->in[k] <= BGI_MAP_MOST && w->out[k] >= 1 && w->out[k] <= BGI_MAP_MOST;
    }
    if (!is_right)
        bgi_graph_fail(
            x->graph, BG_ERR_SHAPE,
            "%s: needs x [n, channels, ..] and a size for each of its 1 to 3 further dimensions, all of 1 to "
            "2147483647: x %s, size %s",
            op, bgi_shape_format(x->shape).text, bgi_shape_format(size).text);
    return is_right;
}
static bg_node *adaptive_max(const char *op, bg_node *x, bg_shape size, bg_node **indices)
{
    bgi_window w;
    if (indices)
        *indices = NULL;
    return bins_of(op, x, size, &w) ? largest_of(x, &w, indices) : NULL;
}
static bg_node *adaptive_avg(const char *op, bg_node *x, bg_shape size)
{
    bgi_window w;
    if (!bins_of(op, x, size, &w))
        return NULL;
    for (int d = size.rank - 1; d >= 0; d--)
        x = bgi_map_axis(x, 2 + d, size.dims[d], BGI_MEANS);
    return x;
}
static bg_shape ones_for(const bg_node *x)
{
    bg_shape size = { .rank = x && x->shape.rank > 2 ? x->shape.rank - 2 : 0 };
    for (int d = 0; d < size.rank; d++)
        size.dims[d] = 1;
    return size;
}
bg_node *bg_adaptive_max_pool(bg_node *x, bg_shape size, bg_node **indices)
{
    return adaptive_max("adaptive_max_pool", x, size, indices);
}
bg_node *bg_adaptive_avg_pool(bg_node *x, bg_shape size) { return adaptive_avg("adaptive_avg_pool", x, size); }
bg_node *bg_global_max_pool(bg_node *x, bg_node **indices)
{
    return adaptive_max("global_max_pool", x, ones_for(x), indices);
}
bg_node *bg_global_avg_pool(bg_node *x) { return adaptive_avg("global_avg_pool", x, ones_for(x)); }

const bg_op *const bgi_pooling_ops[] = { &bgi_largest_op, &bgi_largest_back_op, &bgi_largest_places_op, NULL };
