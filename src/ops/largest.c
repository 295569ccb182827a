/* The largest element of each window or bin: its value, its place, and the gradient. */
#include "ops/largest.h"

#include "ops/index.h"

#include <math.h>
#include <string.h>

bgi_range_along bgi_window_range(const bgi_window *w, int k, int64_t position)
{
    if (w->kernel[k] == 0)
        return (bgi_range_along){ position * w->in[k] / w->out[k],
                                  ((position + 1) * w->in[k] + w->out[k] - 1) / w->out[k], 1 };
    int64_t start = position * w->stride[k] - w->before[k], step = w->dilation[k];
    int64_t end = start + (w->kernel[k] - 1) * step + 1;
    if (start < 0)
        start += (-start + step - 1) / step * step;
    return (bgi_range_along){ start, end < w->in[k] ? end : w->in[k], step };
}

/* ---- Shapes and work ---- */

/* In lanes, x is [n / BGI_LANES, c, .., BGI_LANES]. */
typedef struct {
    bgi_window window;
    int64_t lanes; /* BGI_LANES, or 1 */
} attributes;

static const bgi_window *window_of(const bg_node *node) { return &((const attributes *)node->attributes)->window; }
static int64_t lanes_of(const bg_node *node) { return ((const attributes *)node->attributes)->lanes; }
static bg_shape pooled_shape(const bg_node *node)
{
    bg_shape x = node->inputs[0]->shape;
    bool is_in_lanes = lanes_of(node) > 1;
    bg_shape shape = bgi_window_shape(x.dims[0], x.dims[1], window_of(node)->out, x.rank - 2 - is_in_lanes);
    if (is_in_lanes)
        shape.dims[shape.rank++] = BGI_LANES;
    return shape;
}
static bg_status values_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = pooled_shape(node);
    return BG_OK;
}
static bg_status places_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = pooled_shape(node);
    return BG_OK;
}
static int64_t channels_of(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0] * node->shape.dims[1];
}
static double flops_of(const bg_node *node)
{
    const bgi_window *w = window_of(node);
    double elements = w->kernel[BGI_WINDOW_RANK - 1] > 0 ? (double)bgi_window_elements(w) : 1;
    return (double)bg_shape_count(pooled_shape(node)) * elements + (double)bg_shape_count(node->inputs[0]->shape);
}

/* What becomes of one channel; what is not wanted is NULL. */
typedef struct {
    const void *x, *dy;
    void *y, *dx;
    int64_t *places;
} channel;

/* ---- Of single images ---- */

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
#define LARGEST(type, number)                                                                                          \
    typedef struct {                                                                                                   \
        type best[PART], value[PART];                                                                                  \
        number place[PART];                                                                                            \
    } part_##type;                                                                                                     \
    static inline void put_##type(const channel *c, int64_t position, int64_t place, type value)                       \
    {                                                                                                                  \
        if (c->y)                                                                                                      \
            ((type *)c->y)[position] = value;                                                                          \
        if (c->dx)                                                                                                     \
            ((type *)c->dx)[place] += ((const type *)c->dy)[position];                                                 \
        if (c->places)                                                                                                 \
            c->places[position] = place;                                                                               \
    }                                                                                                                  \
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
    static void look_at_line_##type(const bgi_window *w, const taps *inside, const type *line, int64_t distance,       \
                                    bgi_range_along part, part_##type *s)                                              \
    {                                                                                                                  \
        for (int64_t tap = 0; tap < w->kernel[2]; tap++) {                                                             \
            int64_t first = bgi_most(inside->first[tap], part.start), last = bgi_least(inside->last[tap], part.end);   \
            int64_t offset = tap * w->dilation[2], step = w->stride[2];                                                \
            const type *from = line + (offset - w->before[2] + first * step);                                          \
            for (int64_t i = 0; i < last - first; i++)                                                                 \
                s->value[i] = from[i * step];                                                                          \
            choose_##type(s, first - part.start, last - first, (number)(distance + offset));                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void line_by_line_##type(const bgi_window *w, const channel *c)                                             \
    {                                                                                                                  \
        const type *x = c->x;                                                                                          \
        part_##type s;                                                                                                 \
        taps inside = taps_of(w);                                                                                      \
        for (int64_t p = 0; p < w->out[0] * w->out[1]; p++) {                                                          \
            bgi_range_along r0 = bgi_window_range(w, 0, p / w->out[1]), r1 = bgi_window_range(w, 1, p % w->out[1]);    \
            int64_t corner = (r0.start * w->in[1] + r1.start) * w->in[2];                                              \
            for (int64_t o = 0; o < w->out[2]; o += PART) {                                                            \
                bgi_range_along part = { o, bgi_least(w->out[2], o + PART), 1 };                                       \
                for (int64_t k = part.start; k < part.end; k++) {                                                      \
                    s.best[k - o] = -(type)INFINITY;                                                                   \
                    s.place[k - o] = (number)(bgi_window_range(w, 2, k).start - (k * w->stride[2] - w->before[2]));    \
                }                                                                                                      \
                for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)                                                \
                    for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step) {                                          \
                        int64_t line = (i0 * w->in[1] + i1) * w->in[2];                                                \
                        look_at_line_##type(w, &inside, x + line, line - corner, part, &s);                            \
                    }                                                                                                  \
                for (int64_t k = part.start; k < part.end; k++)                                                        \
                    put_##type(c, p * w->out[2] + k, corner + k * w->stride[2] - w->before[2] + s.place[k - o],        \
                               s.best[k - o]);                                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void one_by_one_##type(const bgi_window *w, const channel *c)                                               \
    {                                                                                                                  \
        const type *x = c->x;                                                                                          \
        for (int64_t p = 0; p < bgi_window_positions(w); p++) {                                                        \
            bgi_range_along r0 = bgi_window_range(w, 0, p / w->out[2] / w->out[1]);                                    \
            bgi_range_along r1 = bgi_window_range(w, 1, p / w->out[2] % w->out[1]);                                    \
            bgi_range_along r2 = bgi_window_range(w, 2, p % w->out[2]);                                                \
            int64_t best = (r0.start * w->in[1] + r1.start) * w->in[2] + r2.start;                                     \
            for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)                                                    \
                for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step)                                                \
                    for (int64_t i2 = r2.start; i2 < r2.end; i2 += r2.step) {                                          \
                        int64_t at = (i0 * w->in[1] + i1) * w->in[2] + i2;                                             \
                        if (x[at] > x[best] || (isnan(x[at]) && !isnan(x[best])))                                      \
                            best = at;                                                                                 \
                    }                                                                                                  \
            put_##type(c, p, best, x[best]);                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void of_image_##type(const bgi_window *w, const channel *c)                                                 \
    {                                                                                                                  \
        bool is_usual = w->kernel[2] > 0 && w->kernel[2] <= MOST_TAPS && bgi_window_plane(w) <= INT32_MAX;             \
        (is_usual ? line_by_line_##type : one_by_one_##type)(w, c);                                                    \
    }                                                                                                                  \
    /* Places alone, of images in lanes. */                                                                            \
    static void places_of_lanes_##type(const bgi_window *w, const channel *c)                                          \
    {                                                                                                                  \
        const type *x = c->x;                                                                                          \
        int64_t *places = c->places;                                                                                   \
        for (int64_t p = 0; p < bgi_window_positions(w); p++, places += BGI_LANES) {                                   \
            bgi_range_along r0 = bgi_window_range(w, 0, p / w->out[2] / w->out[1]);                                    \
            bgi_range_along r1 = bgi_window_range(w, 1, p / w->out[2] % w->out[1]);                                    \
            bgi_range_along r2 = bgi_window_range(w, 2, p % w->out[2]);                                                \
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
LARGEST(float, int32_t)
LARGEST(double, int64_t)

/* ---- In lanes ---- */

/* Elements of the largest window. */
static int64_t most_elements(const bgi_window *w)
{
    int64_t count = 1;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        count *= bgi_least(w->in[k], w->kernel[k] > 0 ? w->kernel[k] : (w->in[k] - 1) / w->out[k] + 2);
    return count;
}
static size_t lanes_scratch(const bg_node *node)
{
    return lanes_of(node) > 1 ? (size_t)most_elements(window_of(node)) * sizeof(int64_t) : 0;
}
static bool overlap(const bgi_window *w)
{
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        if (w->kernel[k] == 0 || w->stride[k] <= (w->kernel[k] - 1) * w->dilation[k])
            return true;
    return false;
}
/* Whether each element of the image is in one window. */
static bool are_tiles(const bgi_window *w)
{
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        if (w->stride[k] != w->kernel[k] || (w->kernel[k] > 1 && w->dilation[k] > 1) || w->before[k] > 0 ||
            w->out[k] * w->stride[k] != w->in[k])
            return false;
    return true;
}

/* Values or the gradient of a channel; `elements` has room for those of a window. */
static void of_lanes(const bgk_kernels *kernels, const bgi_window *w, const channel *c, size_t size, int64_t *elements)
{
    int64_t first = 0, last = 0, none;
    size_t row = BGI_LANES * size;
    if (w->kernel[2] > 0) { /* windows that lie in the line as a whole */
        bgi_window_inside(w, 2, 0, &first, &none);
        bgi_window_inside(w, 2, w->kernel[2] - 1, &none, &last);
    }
    for (int64_t p = 0; p < w->out[0] * w->out[1]; p++)
        for (int64_t o = 0, n; o < w->out[2]; o += n) {
            bgi_range_along r0 = bgi_window_range(w, 0, p / w->out[1]), r1 = bgi_window_range(w, 1, p % w->out[1]);
            bgi_range_along r2 = bgi_window_range(w, 2, o);
            int64_t corner = (r0.start * w->in[1] + r1.start) * w->in[2] + r2.start, count = 0;
            for (int64_t i0 = r0.start; i0 < r0.end; i0 += r0.step)
                for (int64_t i1 = r1.start; i1 < r1.end; i1 += r1.step)
                    for (int64_t i2 = r2.start; i2 < r2.end; i2 += r2.step)
                        elements[count++] = ((i0 * w->in[1] + i1) * w->in[2] + i2 - corner) * BGI_LANES;
            n = o >= first && o < last ? last - o : 1;
            int64_t step = w->stride[2] * BGI_LANES, at = p * w->out[2] + o;
            if (c->y)
                kernels->window_max(bgi_at(c->y, at, row), bgi_const_at(c->x, corner, row), n, step, elements, count,
                                    BGI_LANES);
            else
                kernels->window_back(bgi_at(c->dx, corner, row), bgi_const_at(c->x, corner, row),
                                     bgi_const_at(c->dy, at, row), n, step, elements, count, BGI_LANES, overlap(w));
        }
}

/* ---- The ops ---- */

static bg_status largest_call(const bg_call *call)
{
    const bg_node *node = call->node, *x = node->inputs[0];
    const bgi_window *w = window_of(node);
    int64_t lanes = lanes_of(node);
    size_t size = bg_dtype_size(x->dtype), plane = (size_t)(bgi_window_plane(w) * lanes);
    int64_t positions = bgi_window_positions(w) * lanes;
    bool is_back = node->op == &bgi_largest_back_op, is_places = node->op == &bgi_largest_places_op;
    if (is_back && !(lanes > 1 && are_tiles(w)))
        memset(call->output, 0, (size_t)(call->last - call->first) * plane * size);
    for (int64_t k = 0; k < call->last - call->first; k++) {
        channel c = { .x = bgi_const_at(call->inputs[0], k, plane * size) };
        if (is_back) {
            c.dx = bgi_at(call->output, k, plane * size);
            c.dy = bgi_const_at(call->inputs[1], k * positions, size);
        } else if (is_places) {
            c.places = (int64_t *)call->output + k * positions;
        } else {
            c.y = bgi_at(call->output, k * positions, size);
        }
        if (lanes > 1 && !is_places)
            of_lanes(bgi_kernels_of(node->graph->engine, x->dtype), w, &c, size, call->scratch);
        else if (lanes > 1)
            (x->dtype == BG_F64 ? places_of_lanes_double : places_of_lanes_float)(w, &c);
        else
            (x->dtype == BG_F64 ? of_image_double : of_image_float)(w, &c);
    }
    return BG_OK;
}
static bg_node *in_lanes(const bg_node *node, bg_node **inputs)
{
    attributes a = { *window_of(node), BGI_LANES };
    return bgi_window_plane(&a.window) <= INT32_MAX ? bg_apply(node->op, inputs, node->n_inputs, &a, sizeof a) : NULL;
}
static const bgi_lanes lanes = { .inputs = 3, .make = in_lanes };

static bg_node *apply(const bg_op *op, bg_node *x, bg_node *dy, const bgi_window *w)
{
    attributes a = { *w, 1 };
    return bg_apply(op, (bg_node *[]){ x, dy }, op->arity, &a, sizeof a);
}
bg_node *bgi_largest(bg_node *x, const bgi_window *w) { return apply(&bgi_largest_op, x, NULL, w); }
bg_node *bgi_largest_places(bg_node *x, const bgi_window *w) { return apply(&bgi_largest_places_op, x, NULL, w); }
bg_node *bgi_largest_back(bg_node *x, bg_node *dy, const bgi_window *w)
{
    return apply(&bgi_largest_back_op, x, dy, w);
}
const bgi_window *bgi_largest_back_of(const bg_node *node, const bg_node *x)
{
    return node && node->op == &bgi_largest_back_op && node->inputs[0] == x ? window_of(node) : NULL;
}

/* [n, c, ..] as [n, c, elements] */
static bg_node *flat(bg_node *x, int64_t elements)
{
    return x ? bg_reshape(x, BG_SHAPE(x->shape.dims[0], x->shape.dims[1], elements)) : NULL;
}
static bg_node *flat_places(const bg_node *node)
{
    const bgi_window *w = window_of(node);
    return flat(bgi_largest_places(node->inputs[0], w), bgi_window_positions(w));
}

/* max_pool: dx = max_pool_back(x, dy) */
static bg_node *largest_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return bgi_largest_back(node->inputs[0], dy, window_of(node));
}
static bg_node *largest_compose(bg_node *node)
{
    bg_node *x = flat(node->inputs[0], bgi_window_plane(window_of(node)));
    return bg_reshape(bg_gather(x, flat_places(node), 2), node->shape);
}
const bg_op bgi_largest_op = { .name = "max_pool",
                               .arity = 1,
                               .infer = values_infer,
                               .gradient = largest_gradient,
                               .compose = largest_compose,
                               .call = largest_call,
                               .units = channels_of,
                               .flops = flops_of,
                               .scratch = lanes_scratch,
                               .lanes = &lanes,
                               .never_fails = true };

/* max_pool_back: zeros, with dy added at the places of the largest elements of x */
static bg_node *back_compose(bg_node *node)
{
    const bgi_window *w = window_of(node);
    bg_node *dy = flat(node->inputs[1], bgi_window_positions(w));
    return bg_reshape(bgi_add_along("max_pool", NULL, flat_places(node), dy, 2, bgi_window_plane(w)), node->shape);
}
const bg_op bgi_largest_back_op = { .name = "max_pool_back",
                                    .arity = 2,
                                    .infer = bgi_infer_same,
                                    .compose = back_compose,
                                    .call = largest_call,
                                    .units = channels_of,
                                    .flops = flops_of,
                                    .scratch = lanes_scratch,
                                    .lanes = &lanes,
                                    .never_fails = true };

/* max_pool_places: where in its channel the largest element of each window is */
const bg_op bgi_largest_places_op = { .name = "max_pool_places",
                                      .arity = 1,
                                      .infer = places_infer,
                                      .is_constant = true,
                                      .call = largest_call,
                                      .units = channels_of,
                                      .flops = flops_of,
                                      .lanes = &lanes,
                                      .never_fails = true };
