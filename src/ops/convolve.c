/* The three products of a convolution: kernels that slide over the images, or over those of dy, and sums over
 * positions. */
#include "ops/convolve.h"

#include "ops/memory.h"
#include "ops/padded.h"
#include "ops/slide.h"

#include <string.h>

enum {
    MANY_UNITS = 8,          /* from so many images on, an image is a unit */
    LEAST_CHANNELS = 16,     /* of a part of fewer images */
    MOST_SLOTS = 16,         /* partial sums of the gradient of a weight .. */
    SLOTS_ELEMENTS = 1 << 20 /* .. which have so many elements, or the weight's, together */
};

_Static_assert(MANY_UNITS <= (int)BGI_PADDED_IMAGES, "images that are computed together are units");

static int64_t row_elements(const bgi_convolution *c) { return bgi_group_inputs(c) * bgi_window_elements(&c->window); }
static int64_t weight_elements(const bgi_convolution *c) { return c->outputs * row_elements(c); }

static double convolve_flops(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    return 2.0 * (double)node->inputs[0]->shape.dims[0] * (double)bgi_window_positions(&c->window) *
           (double)weight_elements(c);
}

/* The largest divisor of a number up to `most`. */
static int64_t divisor_of(int64_t number, int64_t most)
{
    while (most > 1 && number % most != 0)
        most--;
    return most > 1 ? most : 1;
}
/* The parts in which the channels of an image are computed one by one, where so few images are units. */
static int64_t parts_of(const bgi_convolution *c, int64_t units, int64_t channels)
{
    if (units == 0 || units >= MANY_UNITS || channels == 0)
        return 1;
    if (c->groups > 1)
        return divisor_of(c->groups, MANY_UNITS / units);
    int64_t most = channels / LEAST_CHANNELS;
    return divisor_of(channels, most < MANY_UNITS / units ? most : MANY_UNITS / units);
}

/* Channels [first, last) of a unit, group by group. */
#define FOR_EACH_GROUP(first, last, each, group, from, to)                                                             \
    for (int64_t group = (first) / (each), from = first, to;                                                           \
         to = (group + 1) * (each) < (last) ? (group + 1) * (each) : (last), from < (last); from = to, group++)

static bgi_slide_call slide_call(const bg_call *call, int64_t images, const void *source, int64_t stride)
{
    return (bgi_slide_call){ .kernels = bgi_call_kernels(call),
                             .dtype = call->node->dtype,
                             .images = images,
                             .source = source,
                             .source_stride = stride,
                             .scratch = call->scratch };
}

static bg_node *apply(const bg_op *op, bg_node *a, bg_node *b, const bgi_convolution *c)
{
    return bg_apply(op, (bg_node *[]){ a, b }, 2, c, sizeof *c);
}
/* A tensor [n, channels, ..] by groups: [n, groups, rows, columns]. */
static bg_node *by_groups(bg_node *x, const bgi_convolution *c, int64_t rows, int64_t columns)
{
    return x ? bg_reshape(x, BG_SHAPE(x->shape.dims[0], c->groups, rows, columns)) : NULL;
}
static bg_node *unfolded_groups(bg_node *x, const bgi_convolution *c)
{
    return by_groups(bgi_unfold(x, &c->window), c, row_elements(c), bgi_window_positions(&c->window));
}
static bg_node *weight_groups(bg_node *weight, const bgi_convolution *c)
{
    return bg_reshape(weight, BG_SHAPE(c->groups, bgi_group_outputs(c), row_elements(c)));
}

/* In lanes, the images are a step apart along a dimension more, along which the kernel does not reach. */
static bool is_flat(const bgi_convolution *c) { return !c->is_in_lanes && c->rank < BGI_WINDOW_RANK; }
static bgi_convolution in_lanes(const bgi_convolution *c)
{
    bgi_convolution x = *c;
    int64_t *const all[] = { x.window.in,     x.window.out,    x.window.kernel,
                             x.window.stride, x.window.before, x.window.dilation };
    static const int64_t last[] = { BGI_LANES, BGI_LANES, 1, 1, 0, 1 };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        memmove(all[i], all[i] + 1, (BGI_WINDOW_RANK - 1) * sizeof(int64_t));
        all[i][BGI_WINDOW_RANK - 1] = last[i];
    }
    x.rank++;
    x.is_in_lanes = true;
    return x;
}
/* Whether this is faster, where images were not in lanes before. */
static bool begins_lanes(const bg_node *node)
{
    enum { LEAST_IMAGES = 32, LEAST_TERMS = 8 };
    const bgi_convolution *c = node->attributes;
    return is_flat(c) && bgi_window_elements(&c->window) > 1 && row_elements(c) >= LEAST_TERMS &&
           node->inputs[0]->shape.dims[0] >= LEAST_IMAGES && node->inputs[0]->shape.dims[0] % BGI_LANES == 0 &&
           bgi_window_positions(&c->window) > 0 && bgi_window_plane(&c->window) > 0;
}
/* A kernel with an axis more, of extent 1. */
static bg_node *deeper(bg_node *weight)
{
    bg_shape shape = weight->shape;
    shape.dims[shape.rank++] = 1;
    return bg_reshape(weight, shape);
}
static bg_node *convolve_in_lanes(const bg_node *node, bg_node **inputs)
{
    const bgi_convolution *c = node->attributes, lanes = is_flat(c) ? in_lanes(c) : *c;
    return is_flat(c) ? apply(node->op, inputs[0], deeper(inputs[1]), &lanes) : NULL;
}
static const bgi_lanes convolve_lanes = { .inputs = 1, .begins = begins_lanes, .make = convolve_in_lanes };

/* Images in lanes are many: the next op finds what they made in the cache if no more of them go first. */
static int64_t convolve_grain(const bg_node *node)
{
    return ((const bgi_convolution *)node->attributes)->is_in_lanes ? 1 : 0;
}

/* convolve: y = weight · unfolded x */
static bg_status convolve_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_convolution *c = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = bgi_window_shape(node->inputs[0]->shape.dims[0], c->outputs, c->window.out, (int)c->rank);
    return BG_OK;
}
static int64_t convolve_parts(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    return parts_of(c, node->shape.dims[0], c->outputs);
}
static int64_t convolve_units(const bg_node *node, int input)
{
    int64_t parts = convolve_parts(node), images = node->shape.dims[0];
    return input == -1 ? images * parts : input == 0 && parts == 1 ? images : 1;
}
/* The window over x, for rows of a group's channels. */
static bgi_slide sliding(const bgi_convolution *c, int64_t rows)
{
    const bgi_window *w = &c->window;
    bgi_slide s = { .window = *w,
                    .channels = bgi_group_inputs(c),
                    .rows = rows,
                    .row = row_elements(c),
                    .channel = bgi_window_elements(w),
                    .tap = { w->kernel[1] * w->kernel[2], w->kernel[2], 1 },
                    .step = { 1, 1, 1 } };
    memcpy(s.extent, w->out, sizeof s.extent);
    return s;
}
static size_t convolve_scratch(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    bgi_slide s = sliding(c, bgi_least(bgi_group_outputs(c), c->outputs / convolve_parts(node)));
    return bgi_slide_scratch(&s, node->shape.dims[0], node->dtype);
}
/* Channels [first, last) of so many images that are image_stride and y_stride elements apart. */
static void convolve_images(const bg_call *call, int64_t images, int64_t first, int64_t last, const void *image,
                            const void *weight, void *y, int64_t y_stride)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t plane = bgi_window_plane(&c->window), positions = bgi_window_positions(&c->window);
    FOR_EACH_GROUP(first, last, bgi_group_outputs(c), group, from, to)
    {
        bgi_slide s = sliding(c, to - from);
        bgi_slide_call slide =
            slide_call(call, images, bgi_const_at(image, group * s.channels * plane, size), c->window.channels * plane);
        bgi_slide_run(&s, &slide, bgi_const_at(weight, (from - first) * s.row, size),
                      bgi_at(y, (from - first) * positions, size), y_stride);
    }
}
static bg_status convolve_call(const bg_call *call)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t parts = convolve_parts(call->node), each = c->outputs / parts;
    int64_t image = c->window.channels * bgi_window_plane(&c->window), y = each * bgi_window_positions(&c->window);
    int64_t together = parts == 1 ? call->last - call->first : 1;
    for (int64_t u = call->first; u < call->last; u += together) {
        int64_t at = parts == 1 ? u - call->first : u / parts, first = u % parts * each;
        const void *x = bgi_const_at(call->inputs[0], at * image, size);
        const void *weight = bgi_const_at(call->inputs[1], first * row_elements(c), size);
        void *to = bgi_at(call->output, (u - call->first) * y, size);
        convolve_images(call, together, first, first + each, x, weight, to, y);
    }
    return BG_OK;
}
static bg_node *convolve_compose(bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    bg_node *x = unfolded_groups(node->inputs[0], c);
    return bg_reshape(bg_matmul(weight_groups(node->inputs[1], c), x), node->shape);
}
static bg_node *convolve_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_convolution *c = node->attributes;
    return input == 0 ? bgi_convolve_input(dy, node->inputs[1], c) : bgi_convolve_weight(node->inputs[0], dy, c);
}
static const bg_op convolve_op = { .name = "convolve",
                                   .arity = 2,
                                   .infer = convolve_infer,
                                   .gradient = convolve_gradient,
                                   .compose = convolve_compose,
                                   .call = convolve_call,
                                   .units = convolve_units,
                                   .flops = convolve_flops,
                                   .product_flops = convolve_flops,
                                   .scratch = convolve_scratch,
                                   .grain = convolve_grain,
                                   .lanes = &convolve_lanes,
                                   .never_fails = true };
bg_node *bgi_convolve(bg_node *x, bg_node *weight, const bgi_convolution *c)
{
    return apply(&convolve_op, x, weight, c);
}

/* convolve_input: dx = what weightᵀ · dy folds to */
static bg_status input_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_convolution *c = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = bgi_window_shape(node->inputs[0]->shape.dims[0], c->window.channels, c->window.in, (int)c->rank);
    return BG_OK;
}
static int64_t input_parts(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    return parts_of(c, node->shape.dims[0], c->window.channels);
}
static int64_t input_units(const bg_node *node, int input)
{
    int64_t parts = input_parts(node), images = node->shape.dims[0];
    return input == -1 ? images * parts : input == 0 && parts == 1 ? images : 1;
}
static int64_t divisor_in_common(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
/* Along dimension k, the elements of dx from i on in steps of the stride: those taps meet them that are a multiple of
 * the stride away, in steps of stride / d for the greatest common divisor d of stride and dilation. They slide over dy
 * backwards, in steps of dilation / d. Returns the first of them; none: the kernel is empty. */
static int64_t turn(const bgi_window *w, int k, int64_t i, bgi_slide *s)
{
    int64_t stride = w->stride[k], dilation = w->dilation[k], u = i + w->before[k], common, tap = 0;
    common = divisor_in_common(stride, dilation);
    int64_t step = stride / common;
    while (tap < step && tap < w->kernel[k] && tap * dilation % stride != u % stride)
        tap++;
    bool is_met = tap < step && tap < w->kernel[k];
    int64_t more = is_met ? (w->kernel[k] - 1 - tap) / step : 0, last = tap + more * step;
    s->window.in[k] = w->out[k];
    s->window.out[k] = (w->in[k] - 1 - i) / stride + 1;
    s->window.kernel[k] = is_met ? more + 1 : 0;
    s->window.dilation[k] = dilation / common;
    s->window.before[k] = (last * dilation - u % stride) / stride - u / stride;
    s->tap[k] *= -step;
    s->extent[k] = w->in[k];
    s->first[k] = i;
    s->step[k] = stride;
    return last;
}
/* The elements of dx from i on, for so many channels of a group; *weight is the place of the first factor. */
static bgi_slide turned(const bgi_convolution *c, const int64_t i[BGI_WINDOW_RANK], int64_t rows, int64_t *weight)
{
    const bgi_window *w = &c->window;
    bgi_slide s = { .window = { .channels = c->outputs, .stride = { 1, 1, 1 } },
                    .channels = bgi_group_outputs(c),
                    .rows = rows,
                    .row = bgi_window_elements(w),
                    .channel = row_elements(c),
                    .tap = { w->kernel[1] * w->kernel[2], w->kernel[2], 1 } };
    *weight = 0;
    for (int k = 0; k < BGI_WINDOW_RANK; k++) {
        int64_t unit = s.tap[k];
        *weight += turn(w, k, i[k], &s) * unit;
    }
    if (bgi_window_elements(&s.window) == 0) {
        s.channels = 0;
        for (int k = 0; k < BGI_WINDOW_RANK; k++)
            s.window.kernel[k] = 1;
    }
    return s;
}
/* The first elements of dx along a dimension, from which on it is computed in steps of the stride. */
static int64_t starts_of(const bgi_window *w, int k) { return w->stride[k] < w->in[k] ? w->stride[k] : w->in[k]; }
#define FOR_EACH_START(w, i)                                                                                           \
    for (int64_t i[BGI_WINDOW_RANK] = { 0 }; (i)[0] < starts_of(w, 0); (i)[0]++)                                       \
        for ((i)[1] = 0; (i)[1] < starts_of(w, 1); (i)[1]++)                                                           \
            for ((i)[2] = 0; (i)[2] < starts_of(w, 2); (i)[2]++)

static size_t input_scratch(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    int64_t rows = bgi_least(bgi_group_inputs(c), c->window.channels / input_parts(node));
    size_t most = 0;
    FOR_EACH_START(&c->window, i)
    {
        int64_t weight;
        bgi_slide s = turned(c, i, rows, &weight);
        size_t bytes = bgi_slide_scratch(&s, node->shape.dims[0], node->dtype);
        most = bytes > most ? bytes : most;
    }
    return most;
}
static void input_images(const bg_call *call, int64_t images, int64_t first, int64_t last, const void *dy,
                         const void *weight, void *dx, int64_t dx_stride)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t positions = bgi_window_positions(&c->window), plane = bgi_window_plane(&c->window);
    int64_t inputs = bgi_group_inputs(c), outputs = bgi_group_outputs(c);
    FOR_EACH_GROUP(first, last, inputs, group, from, to)
    {
        const void *factors = bgi_const_at(
            weight, group * outputs * row_elements(c) + (from - group * inputs) * bgi_window_elements(&c->window),
            size);
        bgi_slide_call slide =
            slide_call(call, images, bgi_const_at(dy, group * outputs * positions, size), c->outputs * positions);
        FOR_EACH_START(&c->window, i)
        {
            int64_t at;
            bgi_slide s = turned(c, i, to - from, &at);
            bgi_slide_run(&s, &slide, bgi_const_at(factors, at, size), bgi_at(dx, (from - first) * plane, size),
                          dx_stride);
        }
    }
}
static bg_status input_call(const bg_call *call)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t parts = input_parts(call->node), each = c->window.channels / parts;
    int64_t positions = bgi_window_positions(&c->window), y = c->outputs * positions;
    int64_t image = each * bgi_window_plane(&c->window);
    /* So many that what all starts write of a line is in the cache. */
    int64_t most = parts == 1 ? BGI_PADDED_IMAGES : 1;
    for (int64_t u = call->first, together; u < call->last; u += together) {
        together = call->last - u < most ? call->last - u : most;
        int64_t at = parts == 1 ? u - call->first : u / parts, first = u % parts * each;
        const void *dy = bgi_const_at(call->inputs[0], at * y, size);
        void *to = bgi_at(call->output, (u - call->first) * image, size);
        input_images(call, together, first, first + each, dy, call->inputs[1], to, image);
    }
    return BG_OK;
}
static bg_node *input_compose(bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    int64_t positions = bgi_window_positions(&c->window);
    bg_node *dy = by_groups(node->inputs[0], c, bgi_group_outputs(c), positions);
    bg_node *rows = bg_matmul(bg_transpose(weight_groups(node->inputs[1], c), 1, 2), dy);
    return bgi_fold(bg_reshape(rows, BG_SHAPE(node->shape.dims[0], c->groups * row_elements(c), positions)), &c->window,
                    node->shape);
}
static bg_node *input_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_convolution *c = node->attributes;
    return input == 0 ? bgi_convolve(dy, node->inputs[1], c) : bgi_convolve_weight(dy, node->inputs[0], c);
}
static const bg_op input_op = { .name = "convolve_input",
                                .arity = 2,
                                .infer = input_infer,
                                .gradient = input_gradient,
                                .compose = input_compose,
                                .call = input_call,
                                .units = input_units,
                                .flops = convolve_flops,
                                .product_flops = convolve_flops,
                                .scratch = input_scratch,
                                .grain = convolve_grain,
                                .lanes = &convolve_lanes,
                                .never_fails = true };
bg_node *bgi_convolve_input(bg_node *dy, bg_node *weight, const bgi_convolution *c)
{
    return apply(&input_op, dy, weight, c);
}

/* convolve_slots: the sums over equal consecutive parts of the images that convolve_weight adds up:
 * [slots, outputs, channels / groups, kernel..]. Their number follows from shapes alone, hence so do the bits. */
static int64_t slots_of(const bgi_convolution *c, int64_t images)
{
    int64_t elements = weight_elements(c), most = elements > 0 ? SLOTS_ELEMENTS / elements : MOST_SLOTS;
    most = most < MOST_SLOTS ? most : MOST_SLOTS;
    if (images % BGI_LANES == 0 && is_flat(c))
        images /= BGI_LANES; /* as many as in lanes */
    return images > 0 ? divisor_of(images, most < images ? most : images) : 1;
}
static bg_status slots_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_convolution *c = node->attributes;
    bg_shape weight = bgi_window_shape(c->outputs, bgi_group_inputs(c), c->window.kernel, (int)c->rank);
    *dtype = node->inputs[0]->dtype;
    *shape = (bg_shape){ .rank = weight.rank + 1, .dims = { slots_of(c, node->inputs[0]->shape.dims[0]) } };
    memcpy(shape->dims + 1, weight.dims, (size_t)weight.rank * sizeof weight.dims[0]);
    return BG_OK;
}
static int64_t slots_parts(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    return parts_of(c, node->shape.dims[0], c->outputs);
}
static int64_t slots_units(const bg_node *node, int input)
{
    int64_t parts = slots_parts(node), slots = node->shape.dims[0];
    return input == -1 ? slots * parts : parts == 1 ? slots : 1;
}
static size_t slots_scratch(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    int64_t images = node->inputs[0]->shape.dims[0] / node->shape.dims[0];
    int64_t rows = bgi_least(bgi_group_outputs(c), c->outputs / slots_parts(node));
    return bgi_slide_weight_scratch(&c->window, bgi_group_inputs(c), rows, images, node->dtype);
}
static void add_images(const bg_call *call, int64_t images, int64_t first, int64_t last, const void *image,
                       const void *dy, void *dweight)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t plane = bgi_window_plane(&c->window), positions = bgi_window_positions(&c->window);
    int64_t inputs = bgi_group_inputs(c), k = row_elements(c);
    FOR_EACH_GROUP(first, last, bgi_group_outputs(c), group, from, to)
    {
        bgi_slide_call slide =
            slide_call(call, images, bgi_const_at(image, group * inputs * plane, size), c->window.channels * plane);
        bgi_slide_weight(&c->window, inputs, to - from, &slide, bgi_const_at(dy, from * positions, size),
                         c->outputs * positions, bgi_at(dweight, (from - first) * k, size));
    }
}
static bg_status slots_call(const bg_call *call)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t parts = slots_parts(call->node), each = c->outputs / parts, slots = call->node->shape.dims[0];
    int64_t images = call->node->inputs[0]->shape.dims[0] / slots;
    int64_t image = c->window.channels * bgi_window_plane(&c->window);
    int64_t y = c->outputs * bgi_window_positions(&c->window), part = each * row_elements(c);
    for (int64_t u = call->first; u < call->last; u++) {
        int64_t at = (parts == 1 ? u - call->first : u / parts) * images, first = u % parts * each;
        add_images(call, images, first, first + each, bgi_const_at(call->inputs[0], at * image, size),
                   bgi_const_at(call->inputs[1], at * y, size), bgi_at(call->output, (u - call->first) * part, size));
    }
    return BG_OK;
}
static bg_node *slots_compose(bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    int64_t images = node->inputs[0]->shape.dims[0], slots = node->shape.dims[0];
    bg_node *dy = by_groups(node->inputs[1], c, bgi_group_outputs(c), bgi_window_positions(&c->window));
    bg_node *each = bg_matmul(dy, bg_transpose(unfolded_groups(node->inputs[0], c), 2, 3));
    return bg_reshape(bg_sum(bg_reshape(each, BG_SHAPE(slots, images / slots, weight_elements(c))), BG_AXES(1)),
                      node->shape);
}
static bg_node *slots_in_lanes(const bg_node *node, bg_node **inputs)
{
    const bgi_convolution *c = node->attributes, lanes = is_flat(c) ? in_lanes(c) : *c;
    return is_flat(c) ? bg_reshape(apply(node->op, inputs[0], inputs[1], &lanes), node->shape) : NULL;
}
static const bgi_lanes slots_lanes = { .inputs = 3, .begins = begins_lanes, .make = slots_in_lanes };
static const bg_op slots_op = { .name = "convolve_slots",
                                .arity = 2,
                                .infer = slots_infer,
                                .compose = slots_compose,
                                .call = slots_call,
                                .units = slots_units,
                                .flops = convolve_flops,
                                .product_flops = convolve_flops,
                                .scratch = slots_scratch,
                                .grain = convolve_grain,
                                .lanes = &slots_lanes,
                                .never_fails = true };

bg_node *bgi_convolve_slots(bg_node *x, bg_node *dy, const bgi_convolution *c) { return apply(&slots_op, x, dy, c); }

/* convolve_weight: dweight = Σ over images of dy · unfolded xᵀ */
static bg_status weight_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_convolution *c = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = bgi_window_shape(c->outputs, bgi_group_inputs(c), c->window.kernel, (int)c->rank);
    return BG_OK;
}
static bg_node *weight_compose(bg_node *node)
{
    return bg_sum(bgi_convolve_slots(node->inputs[0], node->inputs[1], node->attributes), BG_AXES(0));
}
static bg_node *weight_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_convolution *c = node->attributes;
    return input == 0 ? bgi_convolve_input(node->inputs[1], dy, c) : bgi_convolve(node->inputs[0], dy, c);
}
static const bg_op weight_op = {
    .name = "convolve_weight", .arity = 2, .infer = weight_infer, .gradient = weight_gradient, .compose = weight_compose
};
bg_node *bgi_convolve_weight(bg_node *x, bg_node *dy, const bgi_convolution *c) { return apply(&weight_op, x, dy, c); }

const bg_op *const bgi_convolution_ops[] = { &convolve_op, &input_op, &slots_op, &weight_op, NULL };
