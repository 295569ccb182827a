/* The three products of a convolution: image by image, the windows are unfolded into scratch, some positions at a time,
 * and multiplied there. */
#include "ops/convolve.h"

#include "blas/blas.h"
#include "ops/depthwise.h"
#include "ops/memory.h"

#include <string.h>

enum {
    BLOCK_BYTES = 160 << 10, /* of unfolded positions: about a third of L2, beside the weight and the result */
    LEAST_POSITIONS = 256,   /* .. unless a product would have too few columns */
    MANY_UNITS = 8,          /* from so many images on, an image is a unit */
    LEAST_CHANNELS = 16,     /* of a part of fewer images */
    FEW = 64,                /* rows, or terms of a sum, up to which our product is faster than OpenBLAS's */
    LONGEST_SUM = 1024,      /* .. which adds up in one chain */
    LARGE_RIGHT = 1 << 19,   /* elements of the right side from which on OpenBLAS blocks better */
    TERM_ELEMENTS = 1 << 17, /* of products that are added to a sum, and stay in L2 */
    LEAST_ROWS = 16,         /* .. of so many rows, for which the right side is packed once */
    MOST_SLOTS = 16,         /* partial sums of the gradient of a weight .. */
    SLOTS_ELEMENTS = 1 << 20 /* .. which have so many elements, or the weight's, together */
};

static int64_t row_elements(const bgi_convolution *c) { return bgi_group_inputs(c) * bgi_window_elements(&c->window); }
static int64_t weight_elements(const bgi_convolution *c) { return c->outputs * row_elements(c); }

/* Whether the image is its own unfolding: windows of one element, all of them in place. */
static bool is_plain(const bgi_convolution *c)
{
    const bgi_window *w = &c->window;
    for (int k = 0; k < BGI_WINDOW_RANK; k++)
        if (w->kernel[k] != 1 || w->stride[k] != 1 || w->before[k] != 0 || w->in[k] != w->out[k])
            return false;
    return true;
}
/* Positions that are unfolded at a time; whole lines where they are short. */
static int64_t block_of(const bgi_convolution *c, size_t size)
{
    int64_t positions = bgi_window_positions(&c->window), row = row_elements(c) * (int64_t)size;
    int64_t block = row > 0 ? BLOCK_BYTES / row : positions;
    if (block < LEAST_POSITIONS)
        block = LEAST_POSITIONS;
    if (block > c->window.out[2])
        block -= block % c->window.out[2];
    return block < positions ? block : positions;
}
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

/* A matrix as it lies: element (i, j) at i · row + j · column, one of which is 1. */
typedef struct {
    const void *data;
    int64_t row, column;
} matrix;

/* The scratch: unfolded positions, then what a product needs, then the terms of a sum of products. */
static size_t unfolded_bytes(const bgi_convolution *c, size_t size)
{
    return is_plain(c) ? 0 : bgi_aligned((size_t)(block_of(c, size) * row_elements(c)) * size);
}
static size_t panel_bytes(size_t size)
{
    return bgi_aligned(bgk_product_scratch(INT32_MAX, INT32_MAX, INT32_MAX) * size);
}
/* Rows of so many elements that are multiplied before they are added to a sum. */
static int64_t rows_at_once(int64_t elements)
{
    int64_t rows = elements > 0 ? TERM_ELEMENTS / elements : 1;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows;
}
static size_t convolve_scratch(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    size_t size = bg_dtype_size(node->dtype);
    return bgi_is_depthwise(c) ? bgi_depthwise_scratch(c, node->dtype) : unfolded_bytes(c, size) + panel_bytes(size);
}
static size_t slots_scratch(const bg_node *node)
{
    const bgi_convolution *c = node->attributes;
    int64_t rows = rows_at_once(row_elements(c));
    rows = rows < bgi_group_outputs(c) ? rows : bgi_group_outputs(c);
    return convolve_scratch(node) + (size_t)(rows * row_elements(c)) * bg_dtype_size(node->dtype);
}

/* y [m, n] = a · b, or added to y, whose rows then follow each other. Our kernels are faster than OpenBLAS, which packs
 * both sides for each call, where they read b in place, with few rows, a short sum or a transposed a, and where they
 * read a in place and b is not large. */
static void multiply(const bg_call *call, int64_t m, int64_t n, int64_t k, matrix a, matrix b, bool accumulate, void *y,
                     int64_t ldy)
{
    const bgi_convolution *c = call->node->attributes;
    const bgk_kernels *kernels = bgi_call_kernels(call);
    bool is_f64 = call->node->dtype == BG_F64,
         is_ours = strcmp(call->node->graph->engine->kernels->name, "scalar") != 0 && m > 1 && n > 1 && k > 0;
    size_t size = bg_dtype_size(call->node->dtype);
    if (is_ours && !accumulate && b.column == 1 && k <= LONGEST_SUM && (m <= FEW || k <= FEW || a.column != 1)) {
        kernels->product(m, n, k, a.data, a.row, a.column, b.data, b.row, b.column, y, ldy,
                         (char *)call->scratch + unfolded_bytes(c, size));
    } else if (is_ours && a.column == 1 && n * k <= LARGE_RIGHT) {
        char *panel = (char *)call->scratch + unfolded_bytes(c, size), *terms = panel + panel_bytes(size);
        int64_t step = accumulate ? rows_at_once(n) : m;
        for (int64_t row = 0, rows; row < m; row += rows) {
            void *to = bgi_at(y, row * ldy, size);
            rows = m - row < step ? m - row : step;
            kernels->product(rows, n, k, bgi_const_at(a.data, row * a.row, size), a.row, 1, b.data, b.row, b.column,
                             accumulate ? terms : to, accumulate ? n : ldy, panel);
            if (accumulate)
                kernels->add(to, to, 1, terms, 1, NULL, 0, rows * n);
        }
    } else if (is_f64) {
        bgi_blas_gemm_f64(a.column != 1, b.column != 1, m, n, k, a.data, a.row * a.column, b.data, b.row * b.column,
                          accumulate, y, ldy);
    } else {
        bgi_blas_gemm_f32(a.column != 1, b.column != 1, m, n, k, a.data, a.row * a.column, b.data, b.row * b.column,
                          accumulate, y, ldy);
    }
}

/* Channels [first, last) of a unit, group by group. */
#define FOR_EACH_GROUP(first, last, each, group, from, to)                                                             \
    for (int64_t group = (first) / (each), from = first, to;                                                           \
         to = (group + 1) * (each) < (last) ? (group + 1) * (each) : (last), from < (last); from = to, group++)
#define FOR_EACH_BLOCK(c, block, start, count)                                                                         \
    for (int64_t start = 0, count;                                                                                     \
         count = bgi_window_positions(&(c)->window) - start < (block) ? bgi_window_positions(&(c)->window) - start     \
                                                                      : (block),                                       \
                 start < bgi_window_positions(&(c)->window);                                                           \
         start += block)

/* The unfolded positions of a group's channels, and the length of their rows. */
static const void *unfolded(const bg_call *call, const bgi_convolution *c, const void *image, int64_t group,
                            int64_t start, int64_t count, int64_t *leading)
{
    const bgi_window *w = &c->window;
    size_t size = bg_dtype_size(call->node->dtype);
    const void *channels = bgi_const_at(image, group * bgi_group_inputs(c) * bgi_window_plane(w), size);
    *leading = is_plain(c) ? bgi_window_positions(w) : count;
    if (is_plain(c))
        return bgi_const_at(channels, start, size);
    bgi_window_unfold(w, call->node->dtype, bgi_group_inputs(c), start, start + count, channels, call->scratch);
    return call->scratch;
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
static void convolve_image(const bg_call *call, int64_t first, int64_t last, const void *image, const void *weight,
                           void *y)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t positions = bgi_window_positions(&c->window), k = row_elements(c), block = block_of(c, size), leading;
    if (bgi_is_depthwise(c)) {
        bgi_depthwise(call, c, first, last, image, weight, y);
        return;
    }
    FOR_EACH_GROUP(first, last, bgi_group_outputs(c), group, from, to)
    FOR_EACH_BLOCK(c, block, start, count)
    {
        const void *rows = unfolded(call, c, image, group, start, count, &leading);
        matrix left = { bgi_const_at(weight, (from - first) * k, size), k, 1 }, right = { rows, leading, 1 };
        multiply(call, to - from, count, k, left, right, false, bgi_at(y, (from - first) * positions + start, size),
                 positions);
    }
}
static bg_status convolve_call(const bg_call *call)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t parts = convolve_parts(call->node), each = c->outputs / parts;
    int64_t image = c->window.channels * bgi_window_plane(&c->window), y = each * bgi_window_positions(&c->window);
    for (int64_t u = call->first; u < call->last; u++) {
        int64_t at = parts == 1 ? u - call->first : u / parts, first = u % parts * each;
        convolve_image(call, first, first + each, bgi_const_at(call->inputs[0], at * image, size),
                       bgi_const_at(call->inputs[1], first * row_elements(c), size),
                       bgi_at(call->output, (u - call->first) * y, size));
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
static void input_image(const bg_call *call, int64_t first, int64_t last, const void *dy, const void *weight, void *dx)
{
    const bgi_convolution *c = call->node->attributes;
    const bgi_window *w = &c->window;
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype);
    int64_t positions = bgi_window_positions(w), elements = bgi_window_elements(w), plane = bgi_window_plane(w);
    int64_t inputs = bgi_group_inputs(c), outputs = bgi_group_outputs(c), k = row_elements(c);
    int64_t block = block_of(c, size);
    if (bgi_is_depthwise(c)) {
        bgi_depthwise_input(call, c, first, last, bgi_const_at(dy, first * outputs * positions, size),
                            bgi_const_at(weight, first * outputs * k, size), dx);
        return;
    }
    if (!is_plain(c))
        memset(dx, 0, (size_t)((last - first) * plane) * size);
    FOR_EACH_GROUP(first, last, inputs, group, from, to)
    FOR_EACH_BLOCK(c, block, start, count)
    {
        matrix left = { bgi_const_at(weight, group * outputs * k + (from - group * inputs) * elements, size), 1, k };
        matrix right = { bgi_const_at(dy, group * outputs * positions + start, size), positions, 1 };
        void *channels = bgi_at(dx, (from - first) * plane, size);
        void *rows = is_plain(c) ? bgi_at(channels, start, size) : call->scratch;
        multiply(call, (to - from) * elements, count, outputs, left, right, false, rows,
                 is_plain(c) ? positions : count);
        if (!is_plain(c))
            bgi_window_fold(w, dtype, to - from, start, start + count, rows, channels);
    }
}
static bg_status input_call(const bg_call *call)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t parts = input_parts(call->node), each = c->window.channels / parts;
    int64_t y = c->outputs * bgi_window_positions(&c->window), image = each * bgi_window_plane(&c->window);
    for (int64_t u = call->first; u < call->last; u++) {
        int64_t at = parts == 1 ? u - call->first : u / parts, first = u % parts * each;
        input_image(call, first, first + each, bgi_const_at(call->inputs[0], at * y, size), call->inputs[1],
                    bgi_at(call->output, (u - call->first) * image, size));
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
                                .scratch = convolve_scratch,
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
static void add_image(const bg_call *call, int64_t first, int64_t last, const void *image, const void *dy,
                      bool accumulate, void *dweight)
{
    const bgi_convolution *c = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t positions = bgi_window_positions(&c->window), k = row_elements(c), block = block_of(c, size), leading;
    if (bgi_is_depthwise(c)) {
        bgi_depthwise_weight(call, c, first, last, image, bgi_const_at(dy, first * positions, size), dweight);
        return;
    }
    FOR_EACH_GROUP(first, last, bgi_group_outputs(c), group, from, to)
    FOR_EACH_BLOCK(c, block, start, count)
    {
        const void *rows = unfolded(call, c, image, group, start, count, &leading);
        matrix left = { bgi_const_at(dy, from * positions + start, size), positions, 1 }, right = { rows, 1, leading };
        multiply(call, to - from, k, count, left, right, accumulate || start > 0,
                 bgi_at(dweight, (from - first) * k, size), k);
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
        void *dweight = bgi_at(call->output, (u - call->first) * part, size);
        memset(dweight, 0, (size_t)part * size);
        for (int64_t i = 0; i < images; i++)
            add_image(call, first, first + each, bgi_const_at(call->inputs[0], (at + i) * image, size),
                      bgi_const_at(call->inputs[1], (at + i) * y, size), i > 0, dweight);
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
static const bg_op slots_op = { .name = "convolve_slots",
                                .arity = 2,
                                .infer = slots_infer,
                                .compose = slots_compose,
                                .call = slots_call,
                                .units = slots_units,
                                .flops = convolve_flops,
                                .product_flops = convolve_flops,
                                .scratch = slots_scratch,
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
