/* Pooling in one to three dimensions. */
#include "ops/axis_map.h"
#include "ops/convolve.h"
#include "ops/index.h"

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

/* Where the largest element of each window or bin is in its channel, the first of equals or a NaN: i64 of the shape of
 * the result; no gradient. The attributes are a window; kernel 0 stands for adaptive bins. */
typedef struct {
    int64_t start, end, step;
} range;
static range range_of(const bgi_window *w, int k, int64_t position)
{
    if (w->kernel[k] == 0)
        return (range){ position * w->in[k] / w->out[k], ((position + 1) * w->in[k] + w->out[k] - 1) / w->out[k], 1 };
    int64_t start = position * w->stride[k] - w->before[k], step = w->dilation[k];
    int64_t end = start + (w->kernel[k] - 1) * step + 1;
    if (start < 0)
        start += (-start + step - 1) / step * step;
    return (range){ start, end < w->in[k] ? end : w->in[k], step };
}
static bg_status places_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_window *w = node->attributes;
    bg_shape x = node->inputs[0]->shape;
    *dtype = BG_I64;
    *shape = bgi_window_shape(x.dims[0], x.dims[1], w->out, x.rank - 2);
    return BG_OK;
}
static int64_t channels_of(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0] * node->shape.dims[1];
}
/* Windows that are not too wide: an element of each after the other, for a part of a line of them at a time and without
 * a branch, since which is the largest nobody can foresee. An element is known by its distance from the corner of its
 * window, in a number as wide as the element, so that both are chosen by one comparison. Bins and others: one by one.
 */
enum { PART = 128, MOST_TAPS = 32 };
typedef struct {
    int64_t first[MOST_TAPS], last[MOST_TAPS]; /* of a line's windows, those whose element lies in the image */
} taps;
static taps taps_of(const bgi_window *w)
{
    taps made;
    for (int64_t tap = 0; tap < w->kernel[2]; tap++)
        bgi_window_inside(w, 2, tap, &made.first[tap], &made.last[tap]);
    return made;
}
#define PLACES(type, number)                                                                                           \
    typedef struct {                                                                                                   \
        type best[PART], value[PART];                                                                                  \
        number place[PART];                                                                                            \
    } part_##type;                                                                                                     \
    static void choose_##type(part_##type *s, int64_t first, int64_t n, number place)                                  \
    {                                                                                                                  \
        type *restrict best = s->best + first;                                                                         \
        const type *restrict value = s->value;                                                                         \
        number *restrict places = s->place + first;                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type v = value[i], b = best[i];                                                                            \
            number is_larger = -(number)((v > b) | ((v != v) & (b == b)));                                             \
            best[i] = is_larger ? v : b;                                                                               \
            places[i] = (place & is_larger) | (places[i] & ~is_larger);                                                \
        }                                                                                                              \
    }                                                                                                                  \
    /* One line of the image, `distance` from the corners' line. */                                                    \
    static void places_of_line_##type(const bgi_window *w, const taps *inside, const type *line, int64_t distance,     \
                                      range part, part_##type *s)                                                      \
    {                                                                                                                  \
        for (int64_t tap = 0; tap < w->kernel[2]; tap++) {                                                             \
            int64_t first = inside->first[tap] > part.start ? inside->first[tap] : part.start;                         \
            int64_t last = inside->last[tap] < part.end ? inside->last[tap] : part.end, step = w->stride[2];           \
            int64_t offset = tap * w->dilation[2];                                                                     \
            const type *from = line + (offset - w->before[2] + first * step);                                          \
            for (int64_t i = 0; i < last - first; i++)                                                                 \
                s->value[i] = from[i * step];                                                                          \
            choose_##type(s, first - part.start, last - first, (number)(distance + offset));                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void places_of_windows_##type(const bgi_window *w, const type *x, int64_t *places)                          \
    {                                                                                                                  \
        part_##type s;                                                                                                 \
        taps inside = taps_of(w);                                                                                      \
        for (int64_t p = 0; p < w->out[0] * w->out[1]; p++, places += w->out[2]) {                                     \
            range r0 = range_of(w, 0, p / w->out[1]), r1 = range_of(w, 1, p % w->out[1]);                              \
            int64_t corner = (r0.start * w->in[1] + r1.start) * w->in[2];                                              \
            for (int64_t o = 0; o < w->out[2]; o += PART) {                                                            \
                range part = { o, w->out[2] - o < PART ? w->out[2] : o + PART, 1 };                                    \
                for (int64_t k = part.start; k < part.end; k++) {                                                      \
                    s.best[k - o] = -(type)INFINITY;                                                                   \
                    s.place[k - o] = (number)(range_of(w, 2, k).start - (k * w->stride[2] - w->before[2]));            \
                }                                                                                                      \
                for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)                                                \
                    for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step) {                                          \
                        int64_t line = (i0 * w->in[1] + i1) * w->in[2];                                                \
                        places_of_line_##type(w, &inside, x + line, line - corner, part, &s);                          \
                    }                                                                                                  \
                for (int64_t k = part.start; k < part.end; k++)                                                        \
                    places[k] = corner + k * w->stride[2] - w->before[2] + s.place[k - o];                             \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void places_one_by_one_##type(const bgi_window *w, const type *x, int64_t *places)                          \
    {                                                                                                                  \
        for (int64_t p = 0; p < bgi_window_positions(w); p++) {                                                        \
            range r0 = range_of(w, 0, p / w->out[2] / w->out[1]), r1 = range_of(w, 1, p / w->out[2] % w->out[1]);      \
            range r2 = range_of(w, 2, p % w->out[2]);                                                                  \
            int64_t best = (r0.start * w->in[1] + r1.start) * w->in[2] + r2.start;                                     \
            for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)                                                    \
                for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step)                                                \
                    for (int64_t i2 = r2.start; i2 < r2.end; i2 += r2.step) {                                          \
                        int64_t at = (i0 * w->in[1] + i1) * w->in[2] + i2;                                             \
                        if (x[at] > x[best] || (isnan(x[at]) && !isnan(x[best])))                                      \
                            best = at;                                                                                 \
                    }                                                                                                  \
            places[p] = best;                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void places_##type(const bgi_window *w, const type *x, int64_t *places)                                     \
    {                                                                                                                  \
        bool is_usual = w->kernel[2] > 0 && w->kernel[2] <= MOST_TAPS && bgi_window_plane(w) <= INT32_MAX;             \
        (is_usual ? places_of_windows_##type : places_one_by_one_##type)(w, x, places);                                \
    }
PLACES(float, int32_t)
PLACES(double, int64_t)
static bg_status places_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    int64_t plane = bgi_window_plane(w), positions = bgi_window_positions(w), *places = call->output;
    for (int64_t k = 0; k < call->last - call->first; k++)
        if (call->node->inputs[0]->dtype == BG_F64)
            places_double(w, (const double *)call->inputs[0] + k * plane, places + k * positions);
        else
            places_float(w, (const float *)call->inputs[0] + k * plane, places + k * positions);
    return BG_OK;
}
static double places_flops(const bg_node *node)
{
    const bgi_window *w = node->attributes;
    double elements = w->kernel[BGI_WINDOW_RANK - 1] > 0 ? (double)bgi_window_elements(w) : 1;
    return (double)bg_shape_count(node->shape) * elements + (double)bg_shape_count(node->inputs[0]->shape);
}
/* The same of images in lanes: x [.., lanes] -> i64 [.., lanes], places in the image of a lane. */
static bg_status lanes_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_window *w = node->attributes;
    bg_shape x = node->inputs[0]->shape;
    *dtype = BG_I64;
    *shape = bgi_window_shape(x.dims[0], x.dims[1], w->out, x.rank - 3);
    shape->dims[shape->rank++] = BGI_LANES;
    return BG_OK;
}
#define LANES(type, number)                                                                                            \
    static void places_of_lanes_##type(const bgi_window *w, const type *x, int64_t *places)                            \
    {                                                                                                                  \
        for (int64_t p = 0; p < bgi_window_positions(w); p++, places += BGI_LANES) {                                   \
            range r0 = range_of(w, 0, p / w->out[2] / w->out[1]), r1 = range_of(w, 1, p / w->out[2] % w->out[1]);      \
            range r2 = range_of(w, 2, p % w->out[2]);                                                                  \
            int64_t first = (r0.start * w->in[1] + r1.start) * w->in[2] + r2.start;                                    \
            type best[BGI_LANES];                                                                                      \
            number place[BGI_LANES] = { 0 };                                                                           \
            memcpy(best, x + first * BGI_LANES, sizeof best);                                                          \
            for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)                                                    \
                for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step)                                                \
                    for (int64_t i2 = r2.start; i2 < r2.end; i2 += r2.step) {                                          \
                        int64_t at = (i0 * w->in[1] + i1) * w->in[2] + i2;                                             \
                        const type *from = x + at * BGI_LANES;                                                         \
                        for (int lane = 0; lane < BGI_LANES; lane++) {                                                 \
                            type v = from[lane], b = best[lane];                                                       \
                            number is_larger = -(number)((v > b) | ((v != v) & (b == b)));                             \
                            best[lane] = is_larger ? v : b;                                                            \
                            place[lane] = ((number)(at - first) & is_larger) | (place[lane] & ~is_larger);             \
                        }                                                                                              \
                    }                                                                                                  \
            for (int lane = 0; lane < BGI_LANES; lane++)                                                               \
                places[lane] = first + place[lane];                                                                    \
        }                                                                                                              \
    }
LANES(float, int32_t)
LANES(double, int64_t)
static bg_status lanes_call(const bg_call *call)
{
    const bgi_window *w = call->node->attributes;
    int64_t plane = bgi_window_plane(w) * BGI_LANES, positions = bgi_window_positions(w) * BGI_LANES;
    int64_t *places = call->output;
    for (int64_t k = 0; k < call->last - call->first; k++)
        if (call->node->inputs[0]->dtype == BG_F64)
            places_of_lanes_double(w, (const double *)call->inputs[0] + k * plane, places + k * positions);
        else
            places_of_lanes_float(w, (const float *)call->inputs[0] + k * plane, places + k * positions);
    return BG_OK;
}
static const bg_op places_lanes_op = { .name = "max_pool_places",
                                       .arity = 1,
                                       .infer = lanes_infer,
                                       .is_constant = true,
                                       .call = lanes_call,
                                       .units = channels_of,
                                       .flops = places_flops,
                                       .never_fails = true };
static bg_node *places_in_lanes(const bg_node *node, bg_node **inputs)
{
    return bgi_window_plane(node->attributes) <= INT32_MAX
               ? bg_apply(&places_lanes_op, inputs, 1, node->attributes, node->attribute_bytes)
               : NULL;
}
static const bgi_lanes places_lanes = { .inputs = 1, .make = places_in_lanes };
static const bg_op places_op = { .name = "max_pool_places",
                                 .arity = 1,
                                 .infer = places_infer,
                                 .is_constant = true,
                                 .call = places_call,
                                 .units = channels_of,
                                 .flops = places_flops,
                                 .lanes = &places_lanes,
                                 .never_fails = true };
/* A tensor [n, channels, ..] as [n, channels, elements]. */
static bg_node *flat(bg_node *x, int64_t elements)
{
    return x ? bg_reshape(x, BG_SHAPE(x->shape.dims[0], x->shape.dims[1], elements)) : NULL;
}
static bg_node *largest_of(bg_node *x, const bgi_window *w, bg_node **indices)
{
    bg_node *places = bg_apply(&places_op, &x, 1, w, sizeof *w);
    bg_node *y = bg_gather(flat(x, bgi_window_plane(w)), flat(places, bgi_window_positions(w)), 2);
    if (indices)
        *indices = places;
    return bg_reshape(y, pooled_shape(x, w));
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
            if (range_of(&w, k, o).start >= w.in[k])
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

const bg_op *const bgi_pooling_ops[] = { &places_op, NULL };
