/* Elements and slices taken from where computed indices say, along an axis. */
#include "ops/index.h"

bg_status bgi_index_refuse(const bg_call *call, int64_t index, int64_t extent)
{
    const bgi_index_attributes *attributes = call->node->attributes;
    return bg_fail(BG_ERR_INDEX, "%s: index %lld is outside 0 .. %lld, axis %lld", attributes->op, (long long)index,
                   (long long)(extent - 1), (long long)attributes->axis);
}
bg_status bgi_index_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_index_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[attributes->axis] = attributes->other;
    return BG_OK;
}
static bg_node *take(const bg_op *op, const char *name, bg_node *x, bg_node *indices, int64_t axis, int64_t count)
{
    bgi_index_attributes attributes = { axis, count, name };
    return bg_apply(op, (bg_node *[]){ x, indices }, 2, &attributes, sizeof attributes);
}
/* The outer slices; of the only one the rows of the result, which need all of x. */
static int64_t take_units(const bg_node *node, int input)
{
    const bgi_index_attributes *attributes = node->attributes;
    int64_t outer = bgi_outer_of(node->shape, attributes->axis);
    return outer > 1 ? outer : input == 0 ? 1 : attributes->other;
}

/* take_along: y[o, j, i] = x[o, indices[o, j, i], i] */
static bg_status take_along_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const bgi_index_attributes *attributes = call->node->attributes;
    int64_t n = x->shape.dims[attributes->axis], inner = bgi_inner_of(x->shape, attributes->axis);
    bool is_one = bgi_outer_of(x->shape, attributes->axis) == 1;
    int64_t each = is_one ? 1 : attributes->other, step = is_one ? 0 : n; /* rows of a unit, of x between units */
    size_t size = bg_dtype_size(x->dtype);
    for (int64_t row = 0, k = 0; row < (call->last - call->first) * each; row++)
        for (int64_t i = 0; i < inner; i++, k++) {
            int64_t index = bgi_index_at(call->inputs[1], indices->dtype, k);
            if (bgi_is_outside(index, n))
                return bgi_index_refuse(call, index, n);
            bgi_move(bgi_at(call->output, k, size),
                     bgi_const_at(call->inputs[0], (row / each * step + index) * inner + i, size), size);
        }
    return BG_OK;
}
static bg_node *take_along_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_index_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0];
    return input == 1 ? NULL
                      : bgi_add_along(attributes->op, NULL, node->inputs[1], dy, attributes->axis,
                                      x->shape.dims[attributes->axis]);
}
static const bgi_lanes take_along_lanes = { .inputs = 3, .make = bgi_lanes_beside_axis };
static const bg_op take_along_op = { .name = "take_along",
                                     .arity = 2,
                                     .infer = bgi_index_infer,
                                     .gradient = take_along_gradient,
                                     .call = take_along_call,
                                     .lanes = &take_along_lanes,
                                     .units = take_units };
bg_node *bgi_take_along(const char *op, bg_node *x, bg_node *indices, int64_t axis)
{
    return indices ? take(&take_along_op, op, x, indices, axis, indices->shape.dims[axis]) : NULL;
}

/* index_select: y[o, j, :] = x[o, indices[j], :] */
static int64_t select_units(const bg_node *node, int input)
{
    const bgi_index_attributes *attributes = node->attributes;
    int64_t outer = bgi_outer_of(node->shape, attributes->axis);
    return outer > 1 && input == 1 ? 1 : take_units(node, input);
}
static bg_status index_select_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const bgi_index_attributes *attributes = call->node->attributes;
    int64_t n = x->shape.dims[attributes->axis], m = attributes->other,
            inner = bgi_inner_of(x->shape, attributes->axis);
    bool is_one = bgi_outer_of(x->shape, attributes->axis) == 1;
    int64_t outer = is_one ? 1 : call->last - call->first, count = is_one ? call->last - call->first : m;
    size_t size = bg_dtype_size(x->dtype), row = (size_t)inner * size;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < count; j++) {
            int64_t index = bgi_index_at(call->inputs[1], indices->dtype, j);
            if (bgi_is_outside(index, n))
                return bgi_index_refuse(call, index, n);
            memcpy(bgi_at(call->output, o * count + j, row), bgi_const_at(call->inputs[0], o * n + index, row), row);
        }
    return BG_OK;
}
static bg_node *index_select_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_index_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0];
    return input == 1 ? NULL
                      : bgi_add_slices(attributes->op, NULL, node->inputs[1], dy, attributes->axis,
                                       x->shape.dims[attributes->axis]);
}
static const bg_op index_select_op = { .name = "index_select",
                                       .arity = 2,
                                       .infer = bgi_index_infer,
                                       .gradient = index_select_gradient,
                                       .call = index_select_call,
                                       .units = select_units };
bg_node *bgi_select_slices(const char *op, bg_node *x, bg_node *indices, int64_t axis)
{
    return indices ? take(&index_select_op, op, x, indices, axis, indices->shape.dims[0]) : NULL;
}

/* ---- one_hot ---- */

typedef struct {
    int64_t classes, dtype;
} one_hot_attributes;
static bg_status one_hot_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const one_hot_attributes *attributes = node->attributes;
    *dtype = (bg_dtype)attributes->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank++] = attributes->classes;
    return BG_OK;
}
static bg_status one_hot_call(const bg_call *call)
{
    const one_hot_attributes *attributes = call->node->attributes;
    int64_t n = attributes->classes;
    size_t size = bg_dtype_size(call->node->dtype);
    const float one_f32 = 1;
    const double one_f64 = 1;
    memset(call->output, 0, (size_t)((call->last - call->first) * n) * size);
    for (int64_t k = 0; k < call->last - call->first; k++) {
        int64_t index = bgi_index_at(call->inputs[0], call->node->inputs[0]->dtype, k);
        if (bgi_is_outside(index, n))
            return bg_fail(BG_ERR_INDEX, "one_hot: index %lld is outside 0 .. %lld", (long long)index,
                           (long long)(n - 1));
        memcpy(bgi_at(call->output, k * n + index, size),
               call->node->dtype == BG_F32 ? (const void *)&one_f32 : (const void *)&one_f64, size);
    }
    return BG_OK;
}
static int64_t one_hot_units(const bg_node *node, int input)
{
    (void)input;
    return bg_shape_count(node->inputs[0]->shape);
}
static const bg_op one_hot_op = { .name = "one_hot",
                                  .arity = 1,
                                  .infer = one_hot_infer,
                                  .is_constant = true,
                                  .call = one_hot_call,
                                  .units = one_hot_units };

/* ---- Builders ---- */

bool bgi_takes_indices(const char *op, bg_node *x, bg_node *indices, int axis, int *found)
{
    bg_graph *graph = bgi_graph_of(op, (bg_node *[]){ x, indices }, 2);
    if (!graph)
        return false;
    if (bgi_is_integer(indices->dtype))
        return bgi_find_axis(op, x, axis, found);
    bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: indices are %s, not i32, i64 or u8", op, bg_dtype_name(indices->dtype));
    return false;
}

bool bgi_fits_beside(const char *op, const bg_node *x, const bg_node *y, const char *label, int axis)
{
    bool fits = x->shape.rank == y->shape.rank;
    for (int d = 0; d < x->shape.rank && fits; d++)
        fits = d == axis || y->shape.dims[d] <= x->shape.dims[d];
    if (!fits)
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s %s reach beyond x %s beside axis %d", op, label,
                       bgi_shape_format(y->shape).text, bgi_shape_format(x->shape).text, axis);
    return fits;
}

bg_node *bg_gather(bg_node *x, bg_node *indices, int axis)
{
    int found;
    if (!bgi_takes_indices("gather", x, indices, axis, &found) ||
        !bgi_fits_beside("gather", x, indices, "indices", found))
        return NULL;
    for (int d = 0; d < indices->shape.rank && x; d++)
        if (d != found)
            x = bgi_slice_of(x, d, 0, 1, indices->shape.dims[d]);
    return bgi_take_along("gather", x, indices, found);
}

/* take_along: gather, of shapes that broadcast beside the axis */
bg_node *bg_take_along(bg_node *x, bg_node *indices, int axis)
{
    int found;
    if (!bgi_takes_indices("take_along", x, indices, axis, &found))
        return NULL;
    bg_shape shapes[2] = { x->shape, indices->shape }, common;
    shapes[0].dims[found] = 1;
    if (shapes[1].rank == shapes[0].rank)
        shapes[1].dims[found] = 1;
    if (shapes[1].rank != shapes[0].rank || !bgi_shape_broadcast(shapes[0], shapes[1], &common))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "take_along: x and indices do not broadcast together beside axis %d: x %s, indices %s",
                              found, bgi_shape_format(x->shape).text, bgi_shape_format(indices->shape).text);
    shapes[0] = shapes[1] = common;
    shapes[0].dims[found] = x->shape.dims[found];
    shapes[1].dims[found] = indices->shape.dims[found];
    return bgi_take_along("take_along", bg_broadcast(x, shapes[0]), bg_broadcast(indices, shapes[1]), found);
}

bg_node *bg_index_select(bg_node *x, bg_node *indices, int axis)
{
    int found;
    if (!bgi_takes_indices("index_select", x, indices, axis, &found))
        return NULL;
    if (indices->shape.rank != 1)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "index_select: indices %s have not rank 1",
                              bgi_shape_format(indices->shape).text);
    return bgi_select_slices("index_select", x, indices, found);
}

bg_node *bg_embedding(bg_node *table, bg_node *indices, int64_t padding)
{
    int axis;
    if (!bgi_graph_of("embedding", (bg_node *[]){ table, indices }, 2) || !bgi_takes_float("embedding", table) ||
        !bgi_takes_indices("embedding", table, indices, 0, &axis))
        return NULL;
    int rank = indices->shape.rank;
    if (table->shape.rank != 2 || rank == BG_MAX_RANK)
        return bgi_graph_fail(table->graph, BG_ERR_SHAPE,
                              "embedding: needs a table [rows, width]: table %s, indices %s",
                              bgi_shape_format(table->shape).text, bgi_shape_format(indices->shape).text);
    if (padding < -1 || padding >= table->shape.dims[0])
        return bgi_graph_fail(table->graph, BG_ERR_ARGUMENT, "embedding: padding %lld is no row of table %s",
                              (long long)padding, bgi_shape_format(table->shape).text);
    bg_shape shape = indices->shape;
    shape.dims[shape.rank++] = table->shape.dims[1];
    bg_node *flat = bg_reshape(indices, BG_SHAPE(bg_shape_count(indices->shape)));
    bg_node *rows = bg_reshape(flat ? bgi_select_slices("embedding", table, flat, 0) : NULL, shape);
    if (padding < 0)
        return rows;
    /* No gradient flows through the rows of the padding. */
    bg_shape one = indices->shape;
    one.dims[one.rank++] = 1;
    bg_node *row = bg_full(table->graph, BG_I64, BG_SCALAR, (double)padding);
    bg_node *is_padding = bg_reshape(bg_equal(bg_cast(indices, BG_I64), row), one);
    return bg_where(is_padding, bg_stop_gradient(rows), rows);
}

bg_node *bg_one_hot(bg_node *indices, int64_t classes, bg_dtype dtype)
{
    if (!indices)
        return NULL;
    if (!bgi_is_integer(indices->dtype) || !bgi_is_float(dtype))
        return bgi_graph_fail(indices->graph, BG_ERR_DTYPE,
                              "one_hot: from %s to %s, not from i32, i64 or u8 to f32 or f64",
                              bg_dtype_name(indices->dtype), bg_dtype_name(dtype));
    if (classes < 0 || indices->shape.rank == BG_MAX_RANK)
        return bgi_graph_fail(indices->graph, BG_ERR_ARGUMENT, "one_hot: %lld classes for indices %s",
                              (long long)classes, bgi_shape_format(indices->shape).text);
    one_hot_attributes attributes = { classes, dtype };
    return bg_apply(&one_hot_op, &indices, 1, &attributes, sizeof attributes);
}

/* The n-th element for which the mask is true takes the n-th of source. */
bg_node *bg_masked_scatter(bg_node *x, bg_node *mask, bg_node *source)
{
    static const char *const labels[] = { "x", "mask" }, *const floats[] = { "x", "source" };
    bg_node *inputs[] = { x, mask };
    if (!bgi_graph_of("masked_scatter", (bg_node *[]){ x, mask, source }, 3) ||
        !bgi_graph_accept(x->graph, bgi_check_floats("masked_scatter", (bg_node *[]){ x, source }, floats, 2)))
        return NULL;
    if (mask->dtype != BG_BOOL)
        return bgi_graph_fail(x->graph, BG_ERR_DTYPE, "masked_scatter: mask is %s, not bool",
                              bg_dtype_name(mask->dtype));
    if (!bgi_broadcast_together("masked_scatter", inputs, labels, 2))
        return NULL;
    bg_shape shape = inputs[0]->shape;
    int64_t count = bg_shape_count(source->shape);
    if (count == 0 && bg_shape_count(shape) > 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "masked_scatter: source %s has no elements for mask %s",
                              bgi_shape_format(source->shape).text, bgi_shape_format(shape).text);
    bg_node *taken = bg_reshape(bg_cast(inputs[1], BG_F64), BG_SHAPE(bg_shape_count(shape)));
    bg_node *places = taken ? bg_add_scalar(bg_cumsum(taken, 0), -1) : NULL, *zero = bgi_scalar_like(taken, 0);
    /* Where nothing is taken the place does not matter, and must be one of source. */
    places = bg_cast(bg_where(bg_not_equal(taken, zero), places, zero), BG_I64);
    bg_node *values =
        places ? bgi_select_slices("masked_scatter", bg_reshape(source, BG_SHAPE(count)), places, 0) : NULL;
    return bg_where(inputs[1], bg_reshape(values, shape), inputs[0]);
}

bg_node *bg_bincount(bg_node *indices, bg_node *weights, int64_t classes)
{
    if (!indices || (weights && !bgi_graph_of("bincount", (bg_node *[]){ indices, weights }, 2)))
        return NULL;
    bg_graph *graph = indices->graph;
    if (!bgi_is_integer(indices->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "bincount: indices are %s, not i32, i64 or u8",
                              bg_dtype_name(indices->dtype));
    if (weights && !bgi_is_float(weights->dtype))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "bincount: weights are %s, not f32 or f64",
                              bg_dtype_name(weights->dtype));
    if (weights && !bg_shape_equal(weights->shape, indices->shape))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "bincount: shapes differ: indices %s, weights %s",
                              bgi_shape_format(indices->shape).text, bgi_shape_format(weights->shape).text);
    if (classes < 0)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "bincount: %lld classes", (long long)classes);
    bg_shape line = BG_SHAPE(bg_shape_count(indices->shape));
    bg_node *each = weights ? bg_reshape(weights, line) : bg_ones(graph, BG_I64, line);
    return bgi_add_slices("bincount", NULL, bg_reshape(indices, line), each, 0, classes);
}

const bg_op *const bgi_index_ops[] = { &take_along_op, &index_select_op, &one_hot_op, NULL };
