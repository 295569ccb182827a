/* Elements and slices put, or added, where computed indices say, along an axis. */
#include "ops/index.h"

enum {
    FEW_OUTER = 8,            /* outer slices too few to be the pieces of the work */
    MOST_BLOCKS = 16,         /* of columns, then, .. */
    LEAST_WIDTH = 256,        /* .. of so many bytes */
    LEAST_PARALLEL = 1 << 17, /* elements below which one piece will do */
    LEAST_ROW = 8,            /* elements of a slice below which putting indices in order costs more than adding */
    MANY_THREADS = 4
};

/* Adds n elements of one type; integers wrap around. */
#define ADD_RUN(label, type, sum)                                                                                      \
    case label:                                                                                                        \
        for (int64_t i = 0; i < n; i++)                                                                                \
            ((type *)to)[i] = (type)((sum)((type *)to)[i] + (sum)((const type *)from)[i]);                             \
        break;
static void add_run(bg_dtype dtype, void *to, const void *from, int64_t n)
{
    switch (dtype) {
        ADD_RUN(BG_F64, double, double)
        ADD_RUN(BG_F32, float, float)
        ADD_RUN(BG_I64, int64_t, uint64_t)
        ADD_RUN(BG_I32, int32_t, uint32_t)
        ADD_RUN(BG_U8, uint8_t, unsigned)
    default:
        break;
    }
}

/* The output starts from x, or from zeros. */
static void start_from(const bg_call *call, int64_t n)
{
    size_t bytes = (size_t)n * bg_dtype_size(call->node->dtype);
    if (call->node->n_inputs == 3)
        memcpy(call->output, call->inputs[2], bytes);
    else
        memset(call->output, 0, bytes);
}

static bg_node *scatter(const bg_op *op, bg_node *x, bg_node *indices, bg_node *source, const void *attributes,
                        size_t bytes)
{
    return bg_apply(op, (bg_node *[]){ source, indices, x }, x ? 3 : 2, attributes, bytes);
}

/* ---- Sums ---- */

/* add_along: zeros, or x, with source[o, j, i] added at [o, index, i], in the order of j: an index for each element of
 * source, or one for each slice. Where the outer slices are too few to be the pieces of the work, the columns i fall
 * into blocks, by which the result is then laid out: [outer, blocks, n, width]. */
typedef struct {
    bgi_index_attributes index; /* first, as bgi_index_refuse reads it */
    int64_t blocks, is_slice;
} along_attributes;

/* The result in the shape of source, with n along the axis. */
static bg_node *unblock(bg_node *y, bg_shape shape, int64_t blocks)
{
    return blocks == 1 ? y : bg_reshape(bg_permute(y, BG_AXES(0, 2, 1, 3)), shape);
}
static bg_shape along_shape(const bg_node *node)
{
    const along_attributes *attributes = node->attributes;
    bg_shape shape = node->inputs[0]->shape;
    shape.dims[attributes->index.axis] = attributes->index.other;
    return shape;
}
static bg_status along_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const along_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = along_shape(node);
    if (attributes->blocks > 1)
        *shape = BG_SHAPE(bgi_outer_of(*shape, attributes->index.axis), attributes->blocks, attributes->index.other,
                          bgi_inner_of(*shape, attributes->index.axis) / attributes->blocks);
    return BG_OK;
}
static int64_t along_units(const bg_node *node, int input)
{
    const along_attributes *attributes = node->attributes;
    int64_t outer = bgi_outer_of(node->inputs[0]->shape, attributes->index.axis);
    if (input == 1 && attributes->is_slice)
        return 1;
    return attributes->blocks == 1 ? outer : input < 0 ? outer * attributes->blocks : 1;
}
static double along_flops(const bg_node *node)
{
    return (double)bg_shape_count(node->shape) + (double)bg_shape_count(node->inputs[0]->shape);
}
/* What the sums of one unit start from: x's columns, or zeros. */
static void start_sums(const bg_call *call, void *to, int64_t outer, int64_t column, int64_t width)
{
    const along_attributes *attributes = call->node->attributes;
    int64_t n = attributes->index.other, inner = width * attributes->blocks;
    size_t size = bg_dtype_size(call->node->dtype), row = (size_t)width * size;
    if (call->node->n_inputs == 2)
        memset(to, 0, (size_t)n * row);
    for (int64_t r = 0; r < n && call->node->n_inputs == 3; r++)
        memcpy(bgi_at(to, r, row), bgi_const_at(call->inputs[2], (outer * n + r) * inner + column, size), row);
}
static bg_status add_along_call(const bg_call *call)
{
    const bg_node *source = call->node->inputs[0], *indices = call->node->inputs[1];
    const along_attributes *attributes = call->node->attributes;
    int64_t axis = attributes->index.axis, n = attributes->index.other, blocks = attributes->blocks;
    int64_t m = source->shape.dims[axis], inner = bgi_inner_of(source->shape, axis), width = inner / blocks;
    int64_t run = attributes->is_slice ? width : 1;
    size_t size = bg_dtype_size(source->dtype);
    for (int64_t unit = call->first; unit < call->last; unit++) {
        int64_t outer = blocks == 1 ? unit - call->first : unit / blocks, column = unit % blocks * width;
        void *to = bgi_at(call->output, (unit - call->first) * n * width, size);
        start_sums(call, to, outer, column, width);
        for (int64_t j = 0; j < m; j++)
            for (int64_t i = 0; i < width; i += run) {
                int64_t k = (outer * m + j) * inner + column + i;
                int64_t index = bgi_index_at(call->inputs[1], indices->dtype, attributes->is_slice ? j : k);
                if (bgi_is_outside(index, n))
                    return bgi_index_refuse(call, index, n);
                add_run(source->dtype, bgi_at(to, index * width + i, size), bgi_const_at(call->inputs[0], k, size),
                        run);
            }
    }
    return BG_OK;
}
static bg_node *add_along_gradient(bg_node *node, int input, bg_node *dy)
{
    const along_attributes *attributes = node->attributes;
    if (input == 1)
        return NULL;
    dy = unblock(dy, along_shape(node), attributes->blocks);
    return input == 2             ? dy
           : attributes->is_slice ? bgi_select_slices(attributes->index.op, dy, node->inputs[1], attributes->index.axis)
                                  : bgi_take_along(attributes->index.op, dy, node->inputs[1], attributes->index.axis);
}
static bg_node *add_along_in_lanes(const bg_node *node, bg_node **inputs)
{
    const along_attributes *attributes = node->attributes;
    return attributes->is_slice || attributes->blocks > 1 ? NULL : bgi_lanes_beside_axis(node, inputs);
}
static const bgi_lanes add_along_lanes = { .inputs = 7, .make = add_along_in_lanes };
static const bg_op add_along_op = { .name = "add_along",
                                    .arity = -1,
                                    .infer = along_infer,
                                    .gradient = add_along_gradient,
                                    .call = add_along_call,
                                    .lanes = &add_along_lanes,
                                    .units = along_units,
                                    .flops = along_flops };
bg_node *bgi_add_blocks(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent,
                        int64_t blocks, bool is_slice)
{
    if (!indices || !source)
        return NULL;
    along_attributes attributes = { { axis, extent, op }, blocks, is_slice };
    bg_shape shape = source->shape;
    shape.dims[axis] = extent;
    bg_node *y = scatter(&add_along_op, x, indices, source, &attributes, sizeof attributes);
    return y ? unblock(y, shape, blocks) : NULL;
}
/* Blocks of columns that are wide enough to be read in one go. */
static int64_t blocks_of(const bg_node *source, int64_t axis)
{
    int64_t inner = bgi_inner_of(source->shape, axis), bytes = inner * (int64_t)bg_dtype_size(source->dtype);
    if (bgi_outer_of(source->shape, axis) >= FEW_OUTER || bg_shape_count(source->shape) < LEAST_PARALLEL)
        return 1;
    int64_t blocks = bytes / LEAST_WIDTH < MOST_BLOCKS ? bytes / LEAST_WIDTH : MOST_BLOCKS;
    while (blocks > 1 && inner % blocks != 0)
        blocks--;
    return blocks > 1 ? blocks : 1;
}
bg_node *bgi_add_along(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent)
{
    return source ? bgi_add_blocks(op, x, indices, source, axis, extent, blocks_of(source, axis), false) : NULL;
}

/* ---- Sums of slices, by rows of the result ---- */

/* index_order: indices [m] -> i64 [2, m], the indices in ascending order and, for each, its place; equal ones keep
 * their order. A radix sort by bytes, from the lowest, so that it takes time in proportion to m. No gradient. */
static bg_status order_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = BG_SHAPE(2, node->inputs[0]->shape.dims[0]);
    return BG_OK;
}
static size_t order_scratch(const bg_node *node) { return (size_t)bg_shape_count(node->shape) * sizeof(int64_t); }
static void sort_by_byte(const int64_t *from, int64_t *to, int64_t m, int shift)
{
    int64_t starts[257] = { 0 };
    for (int64_t j = 0; j < m; j++)
        starts[(from[j] >> shift & 255) + 1]++;
    for (int b = 0; b < 256; b++)
        starts[b + 1] += starts[b];
    for (int64_t j = 0; j < m; j++) {
        int64_t at = starts[from[j] >> shift & 255]++;
        to[at] = from[j];
        to[m + at] = from[m + j];
    }
}
static bg_status order_call(const bg_call *call)
{
    const bg_node *indices = call->node->inputs[0];
    const bgi_index_attributes *attributes = call->node->attributes;
    int64_t m = indices->shape.dims[0], n = attributes->other, *from = call->output, *to = call->scratch;
    for (int64_t j = 0; j < m; j++) {
        from[j] = bgi_index_at(call->inputs[0], indices->dtype, j);
        from[m + j] = j;
        if (bgi_is_outside(from[j], n))
            return bgi_index_refuse(call, from[j], n);
    }
    for (int shift = 0; shift < 63 && (n - 1) >> shift > 0; shift += 8) {
        sort_by_byte(from, to, m, shift);
        int64_t *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != call->output)
        memcpy(call->output, from, (size_t)m * 2 * sizeof *from);
    return BG_OK;
}
static const bg_op order_op = { .name = "index_order",
                                .arity = 1,
                                .infer = order_infer,
                                .is_constant = true,
                                .call = order_call,
                                .scratch = order_scratch };
bg_node *bgi_index_order(const char *op, bg_node *indices, int64_t axis, int64_t extent)
{
    bgi_index_attributes attributes = { axis, extent, op };
    return bg_apply(&order_op, &indices, 1, &attributes, sizeof attributes);
}

/* add_rows: add_along with an index a slice and the indices in order, by which any range of the result's rows finds
 * what is added to it */
static int64_t rows_units(const bg_node *node, int input)
{
    const bgi_index_attributes *attributes = node->attributes;
    return input == 0 || input == 1 ? 1 : bgi_outer_of(node->shape, attributes->axis) * attributes->other;
}
/* The rows of source come in no order that the processor could foresee. */
enum { AHEAD = 2, LINE = 64, MOST_AHEAD = 4096 };
static void prefetch(const void *row, size_t bytes)
{
    for (size_t i = 0; row && i < bytes && i < MOST_AHEAD; i += LINE)
        __builtin_prefetch((const char *)row + i);
}
static bg_status add_rows_call(const bg_call *call)
{
    const bg_node *source = call->node->inputs[0];
    const bgi_index_attributes *attributes = call->node->attributes;
    const int64_t *order = call->inputs[1];
    int64_t m = source->shape.dims[attributes->axis], n = attributes->other;
    int64_t inner = bgi_inner_of(source->shape, attributes->axis);
    size_t row = (size_t)inner * bg_dtype_size(source->dtype);
    start_from(call, (call->last - call->first) * inner);
    for (int64_t outer = call->first / n; outer * n < call->last; outer++) {
        int64_t first = call->first > outer * n ? call->first - outer * n : 0, low = 0, high = m;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (order[middle] < first)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < m && outer * n + order[low] < call->last; low++) {
            prefetch(low + AHEAD < m ? bgi_const_at(call->inputs[0], outer * m + order[m + low + AHEAD], row) : NULL,
                     row);
            add_run(source->dtype, bgi_at(call->output, outer * n + order[low] - call->first, row),
                    bgi_const_at(call->inputs[0], outer * m + order[m + low], row), inner);
        }
    }
    return BG_OK;
}
/* The indices are what was put in order. */
static bg_node *add_rows_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_index_attributes *attributes = node->attributes;
    bg_node *indices = node->inputs[1]->inputs[0];
    return input == 1 ? NULL : input == 2 ? dy : bgi_select_slices(attributes->op, dy, indices, attributes->axis);
}
static const bg_op add_rows_op = { .name = "add_rows",
                                   .arity = -1,
                                   .infer = bgi_index_infer,
                                   .gradient = add_rows_gradient,
                                   .call = add_rows_call,
                                   .units = rows_units,
                                   .never_fails = true };

bg_node *bgi_add_rows(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent)
{
    bgi_index_attributes attributes = { axis, extent, op };
    bg_node *order = bgi_index_order(op, indices, axis, extent);
    return order && source ? scatter(&add_rows_op, x, order, source, &attributes, sizeof attributes) : NULL;
}
/* By rows where the result is longer than the source, so that zeros and updates are the work, or where several threads
 * make up for reading the source out of order; the bits are the same. */
bg_node *bgi_add_slices(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent)
{
    if (!indices || !source)
        return NULL;
    int64_t m = indices->shape.dims[0], inner = bgi_inner_of(source->shape, axis);
    int64_t longer = extent > m ? extent : m;
    bool is_large = inner >= LEAST_ROW && longer >= LEAST_PARALLEL / inner;
    bool is_for_rows = extent >= m || source->graph->engine->threads >= MANY_THREADS;
    if (is_large && is_for_rows && bgi_outer_of(source->shape, axis) < FEW_OUTER)
        return bgi_add_rows(op, x, indices, source, axis, extent);
    return bgi_add_blocks(op, x, indices, source, axis, extent, 1, true);
}

/* ---- The last one wins ---- */

/* scatter_winners: of indices [o, m, i] -> i64 [o, n, i], the last j that is put at an element; -1: none. No gradient
 */
static bg_status winners_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_index_infer(node, dtype, shape);
    *dtype = BG_I64;
    return BG_OK;
}
static bg_status winners_call(const bg_call *call)
{
    const bg_node *indices = call->node->inputs[0];
    const bgi_index_attributes *attributes = call->node->attributes;
    int64_t m = indices->shape.dims[attributes->axis], n = attributes->other;
    int64_t inner = bgi_inner_of(indices->shape, attributes->axis), *winners = call->output;
    for (int64_t i = 0; i < (call->last - call->first) * n * inner; i++)
        winners[i] = -1;
    for (int64_t row = 0, k = 0; row < (call->last - call->first) * m; row++)
        for (int64_t i = 0; i < inner; i++, k++) {
            int64_t index = bgi_index_at(call->inputs[0], indices->dtype, k);
            if (bgi_is_outside(index, n))
                return bgi_index_refuse(call, index, n);
            winners[(row / m * n + index) * inner + i] = row % m;
        }
    return BG_OK;
}
static const bg_op winners_op = { .name = "scatter_winners",
                                  .arity = 1,
                                  .infer = winners_infer,
                                  .is_constant = true,
                                  .call = winners_call,
                                  .units = bgi_outer_units };
bg_node *bgi_scatter_winners(const char *op, bg_node *indices, int64_t axis, int64_t extent)
{
    bgi_index_attributes attributes = { axis, extent, op };
    return bg_apply(&winners_op, &indices, 1, &attributes, sizeof attributes);
}

/* scatter: x with source[o, j, i] at [o, indices[o, j, i], i], in the order of j. The gradient of an element goes to
 * the source that was put there last, or to x. */
static bg_status scatter_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[2]->dtype;
    *shape = node->inputs[2]->shape;
    return BG_OK;
}
static bg_status scatter_call(const bg_call *call)
{
    const bg_node *source = call->node->inputs[0], *indices = call->node->inputs[1];
    const bgi_index_attributes *attributes = call->node->attributes;
    int64_t m = source->shape.dims[attributes->axis], n = attributes->other;
    int64_t inner = bgi_inner_of(source->shape, attributes->axis);
    size_t size = bg_dtype_size(source->dtype);
    start_from(call, (call->last - call->first) * n * inner);
    for (int64_t row = 0, k = 0; row < (call->last - call->first) * m; row++)
        for (int64_t i = 0; i < inner; i++, k++) {
            int64_t index = bgi_index_at(call->inputs[1], indices->dtype, k);
            if (bgi_is_outside(index, n))
                return bgi_index_refuse(call, index, n);
            bgi_move(bgi_at(call->output, (row / m * n + index) * inner + i, size),
                     bgi_const_at(call->inputs[0], k, size), size);
        }
    return BG_OK;
}
static bg_node *scatter_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_index_attributes *attributes = node->attributes;
    bg_node *indices = node->inputs[1], *zero = bgi_scalar_like(dy, 0);
    if (input == 1)
        return NULL;
    bg_node *winners = bgi_scatter_winners(attributes->op, indices, attributes->axis, attributes->other);
    if (input == 2)
        return bg_where(bg_less(winners, bg_full(node->graph, BG_I64, BG_SCALAR, 0)), dy, zero);
    bg_shape places = { .rank = indices->shape.rank };
    for (int d = 0; d < places.rank; d++)
        places.dims[d] = d == attributes->axis ? indices->shape.dims[d] : 1;
    bg_node *own = bg_arange(node->graph, BG_I64, 0, (double)indices->shape.dims[attributes->axis], 1);
    bg_node *is_last =
        bg_equal(bgi_take_along(attributes->op, winners, indices, attributes->axis), bg_reshape(own, places));
    return bg_where(is_last, bgi_take_along(attributes->op, dy, indices, attributes->axis), zero);
}
static const bg_op scatter_op = { .name = "scatter",
                                  .arity = 3,
                                  .infer = scatter_infer,
                                  .gradient = scatter_gradient,
                                  .call = scatter_call,
                                  .units = bgi_outer_units };

bg_node *bgi_scatter(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis)
{
    if (!x)
        return NULL;
    bgi_index_attributes attributes = { axis, x->shape.dims[axis], op };
    return scatter(&scatter_op, x, indices, source, &attributes, sizeof attributes);
}

/* ---- Builders ---- */

static bool takes_sums(const char *op, const bg_node *x, const bg_node *source)
{
    if (!bgi_is_float(x->dtype) && !bgi_is_integer(x->dtype))
        bgi_graph_fail(x->graph, BG_ERR_DTYPE, "%s: x is %s, not f32, f64, i32, i64 or u8", op,
                       bg_dtype_name(x->dtype));
    else if (x->dtype != source->dtype)
        bgi_graph_fail(x->graph, BG_ERR_DTYPE, "%s: types differ: x %s, source %s", op, bg_dtype_name(x->dtype),
                       bg_dtype_name(source->dtype));
    else
        return true;
    return false;
}

/* From axis d on: the part of x that the indices span beside their axis, with source put or added, within the rest. */
static bg_node *scatter_within(const char *op, bg_node *x, bg_node *indices, bg_node *source, int axis, int d,
                               bool is_sum)
{
    if (!x)
        return NULL;
    if (d == x->shape.rank)
        return is_sum ? bgi_add_along(op, x, indices, source, axis, x->shape.dims[axis])
                      : bgi_scatter(op, x, indices, source, axis);
    int64_t extent = x->shape.dims[d], span = indices->shape.dims[d];
    if (d == axis || span == extent)
        return scatter_within(op, x, indices, source, axis, d + 1, is_sum);
    bg_node *part = scatter_within(op, bg_slice(x, d, 0, span, 1), indices, source, axis, d + 1, is_sum);
    return bg_concat((bg_node *[]){ part, bg_slice(x, d, span, extent, 1) }, 2, d);
}
static bg_node *scatter_along(const char *op, bg_node *x, bg_node *indices, bg_node *source, int axis, bool is_sum)
{
    int found;
    if (!bgi_graph_of(op, (bg_node *[]){ x, indices, source }, 3) || !bgi_takes_indices(op, x, indices, axis, &found) ||
        (is_sum && !takes_sums(op, x, source)) || !bgi_fits_beside(op, x, indices, "indices", found))
        return NULL;
    if (source->dtype != x->dtype)
        return bgi_graph_fail(x->graph, BG_ERR_DTYPE, "%s: types differ: x %s, source %s", op, bg_dtype_name(x->dtype),
                              bg_dtype_name(source->dtype));
    bool fits = source->shape.rank == indices->shape.rank;
    for (int d = 0; d < indices->shape.rank && fits; d++)
        fits = indices->shape.dims[d] <= source->shape.dims[d];
    if (!fits)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: indices %s reach beyond source %s", op,
                              bgi_shape_format(indices->shape).text, bgi_shape_format(source->shape).text);
    for (int d = 0; d < indices->shape.rank; d++)
        source = bgi_slice_of(source, d, 0, 1, indices->shape.dims[d]);
    return source ? scatter_within(op, x, indices, source, found, 0, is_sum) : NULL;
}
bg_node *bg_scatter(bg_node *x, bg_node *indices, bg_node *source, int axis)
{
    return scatter_along("scatter", x, indices, source, axis, false);
}
bg_node *bg_scatter_add(bg_node *x, bg_node *indices, bg_node *source, int axis)
{
    return scatter_along("scatter_add", x, indices, source, axis, true);
}

bg_node *bg_index_add(bg_node *x, bg_node *indices, bg_node *source, int axis)
{
    int found;
    if (!bgi_graph_of("index_add", (bg_node *[]){ x, indices, source }, 3) ||
        !bgi_takes_indices("index_add", x, indices, axis, &found) || !takes_sums("index_add", x, source))
        return NULL;
    bg_shape shape = x->shape;
    if (source->shape.rank == shape.rank)
        shape.dims[found] = source->shape.dims[found];
    if (!bg_shape_equal(shape, source->shape))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "index_add: shapes differ beside axis %d: x %s, source %s", found,
                              bgi_shape_format(x->shape).text, bgi_shape_format(source->shape).text);
    if (!bg_shape_equal(indices->shape, BG_SHAPE(source->shape.dims[found])))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "index_add: needs an index a slice along axis %d: source %s, indices %s", axis,
                              bgi_shape_format(source->shape).text, bgi_shape_format(indices->shape).text);
    return bgi_add_slices("index_add", x, indices, source, found, x->shape.dims[found]);
}

const bg_op *const bgi_scatter_ops[] = { &add_along_op, &order_op, &add_rows_op, &winners_op, &scatter_op, NULL };
