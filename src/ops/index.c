/* Elements chosen by computed indices: along an axis element by element, or in whole slices. */
#include "ops/ops.h"

#include <string.h>

/* An array seen as [outer, extent, inner] around an axis; `other` is the extent on the other side of the op. */
typedef struct {
    int64_t axis, other;
} index_attributes;

static int64_t product(const int64_t *dims, int first, int last)
{
    int64_t count = 1;
    for (int i = first; i < last; i++)
        count *= dims[i];
    return count;
}
static int64_t outer_of(bg_shape shape, int64_t axis) { return product(shape.dims, 0, (int)axis); }
static int64_t inner_of(bg_shape shape, int64_t axis) { return product(shape.dims, (int)axis + 1, shape.rank); }

static int64_t index_at(const void *indices, bg_dtype dtype, int64_t i)
{
    return dtype == BG_I64   ? ((const int64_t *)indices)[i]
           : dtype == BG_I32 ? ((const int32_t *)indices)[i]
                             : ((const uint8_t *)indices)[i];
}
static bg_status refuse(const bg_call *call, int64_t index, int64_t extent)
{
    const index_attributes *attributes = call->node->attributes;
    return bg_fail(BG_ERR_INDEX, "%s: index %lld is outside 0 .. %lld, axis %lld", call->node->op->name,
                   (long long)index, (long long)(extent - 1), (long long)attributes->axis);
}
static bool is_outside(int64_t index, int64_t extent) { return index < 0 || index >= extent; }

/* Adds n elements; moves them where the result is not added to. */
static void add_run(bg_dtype dtype, void *to, const void *from, int64_t n)
{
    if (dtype == BG_F64)
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] += ((const double *)from)[i];
    else
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[i] += ((const float *)from)[i];
}
static void *at(void *data, int64_t i, size_t size) { return (char *)data + (size_t)i * size; }
static const void *const_at(const void *data, int64_t i, size_t size) { return (const char *)data + (size_t)i * size; }

/* Outer slices are independent of each other. */
static int64_t outer_units(const bg_node *node, int input)
{
    const index_attributes *attributes = node->attributes;
    (void)input;
    return outer_of(node->shape, attributes->axis);
}
/* .. of all but the indices, which are the same for all. */
static int64_t slice_units(const bg_node *node, int input) { return input == 1 ? 1 : outer_units(node, input); }

static bg_status index_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const index_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[attributes->axis] = attributes->other;
    return BG_OK;
}
static bg_node *apply(const bg_op *op, bg_node *x, bg_node *indices, int64_t axis, int64_t other)
{
    index_attributes attributes = { axis, other };
    return bg_apply(op, (bg_node *[]){ x, indices }, 2, &attributes, sizeof attributes);
}

/* ---- One index an element ---- */

static const bg_op take_along_op, add_along_op;

/* take_along: y[o, j, i] = x[o, indices[o, j, i], i] */
static bg_status take_along_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const index_attributes *attributes = call->node->attributes;
    int64_t n = x->shape.dims[attributes->axis], m = attributes->other, inner = inner_of(x->shape, attributes->axis);
    size_t size = bg_dtype_size(x->dtype);
    for (int64_t k = 0; k < (call->last - call->first) * m * inner; k++) {
        int64_t index = index_at(call->inputs[1], indices->dtype, k), outer = k / (m * inner);
        if (is_outside(index, n))
            return refuse(call, index, n);
        memcpy(at(call->output, k, size), const_at(call->inputs[0], (outer * n + index) * inner + k % inner, size),
               size);
    }
    return BG_OK;
}
static bg_node *take_along_gradient(bg_node *node, int input, bg_node *dy)
{
    const index_attributes *attributes = node->attributes;
    if (input == 1)
        return NULL;
    return apply(&add_along_op, dy, node->inputs[1], attributes->axis, node->inputs[0]->shape.dims[attributes->axis]);
}
static const bg_op take_along_op = { .name = "take_along",
                                     .arity = 2,
                                     .infer = index_infer,
                                     .gradient = take_along_gradient,
                                     .call = take_along_call,
                                     .units = outer_units };

/* add_along: zeros, with x[o, j, i] added at [o, indices[o, j, i], i], in the order of j */
static bg_status add_along_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const index_attributes *attributes = call->node->attributes;
    int64_t m = x->shape.dims[attributes->axis], n = attributes->other, inner = inner_of(x->shape, attributes->axis);
    size_t size = bg_dtype_size(x->dtype);
    memset(call->output, 0, (size_t)((call->last - call->first) * n * inner) * size);
    for (int64_t k = 0; k < (call->last - call->first) * m * inner; k++) {
        int64_t index = index_at(call->inputs[1], indices->dtype, k), outer = k / (m * inner);
        if (is_outside(index, n))
            return refuse(call, index, n);
        add_run(x->dtype, at(call->output, (outer * n + index) * inner + k % inner, size),
                const_at(call->inputs[0], k, size), 1);
    }
    return BG_OK;
}
static bg_node *add_along_gradient(bg_node *node, int input, bg_node *dy)
{
    const index_attributes *attributes = node->attributes;
    if (input == 1)
        return NULL;
    return apply(&take_along_op, dy, node->inputs[1], attributes->axis, node->inputs[0]->shape.dims[attributes->axis]);
}
static const bg_op add_along_op = { .name = "add_along",
                                    .arity = 2,
                                    .infer = index_infer,
                                    .gradient = add_along_gradient,
                                    .call = add_along_call,
                                    .units = outer_units };

/* ---- One index a slice ---- */

static const bg_op index_select_op, add_slices_op;

/* index_select: y[o, j, :] = x[o, indices[j], :] */
static bg_status index_select_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const index_attributes *attributes = call->node->attributes;
    int64_t n = x->shape.dims[attributes->axis], m = attributes->other, inner = inner_of(x->shape, attributes->axis);
    size_t size = bg_dtype_size(x->dtype);
    for (int64_t k = 0; k < (call->last - call->first) * m; k++) {
        int64_t index = index_at(call->inputs[1], indices->dtype, k % m);
        if (is_outside(index, n))
            return refuse(call, index, n);
        memcpy(at(call->output, k * inner, size), const_at(call->inputs[0], (k / m * n + index) * inner, size),
               (size_t)inner * size);
    }
    return BG_OK;
}
static bg_node *index_select_gradient(bg_node *node, int input, bg_node *dy)
{
    const index_attributes *attributes = node->attributes;
    if (input == 1)
        return NULL;
    return apply(&add_slices_op, dy, node->inputs[1], attributes->axis, node->inputs[0]->shape.dims[attributes->axis]);
}
static const bg_op index_select_op = { .name = "index_select",
                                       .arity = 2,
                                       .infer = index_infer,
                                       .gradient = index_select_gradient,
                                       .call = index_select_call,
                                       .units = slice_units };

/* add_slices: zeros, with x[o, j, :] added at [o, indices[j], :], in the order of j */
static bg_status add_slices_call(const bg_call *call)
{
    const bg_node *x = call->node->inputs[0], *indices = call->node->inputs[1];
    const index_attributes *attributes = call->node->attributes;
    int64_t m = x->shape.dims[attributes->axis], n = attributes->other, inner = inner_of(x->shape, attributes->axis);
    size_t size = bg_dtype_size(x->dtype);
    memset(call->output, 0, (size_t)((call->last - call->first) * n * inner) * size);
    for (int64_t k = 0; k < (call->last - call->first) * m; k++) {
        int64_t index = index_at(call->inputs[1], indices->dtype, k % m);
        if (is_outside(index, n))
            return refuse(call, index, n);
        add_run(x->dtype, at(call->output, (k / m * n + index) * inner, size),
                const_at(call->inputs[0], k * inner, size), inner);
    }
    return BG_OK;
}
static bg_node *add_slices_gradient(bg_node *node, int input, bg_node *dy)
{
    const index_attributes *attributes = node->attributes;
    if (input == 1)
        return NULL;
    return apply(&index_select_op, dy, node->inputs[1], attributes->axis,
                 node->inputs[0]->shape.dims[attributes->axis]);
}
static const bg_op add_slices_op = { .name = "add_slices",
                                     .arity = 2,
                                     .infer = index_infer,
                                     .gradient = add_slices_gradient,
                                     .call = add_slices_call,
                                     .units = slice_units };

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
        int64_t index = index_at(call->inputs[0], call->node->inputs[0]->dtype, k);
        if (is_outside(index, n))
            return bg_fail(BG_ERR_INDEX, "one_hot: index %lld is outside 0 .. %lld", (long long)index,
                           (long long)(n - 1));
        memcpy(at(call->output, k * n + index, size),
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

/* Nodes of one graph with integers for indices, and the axis. */
static bool takes_indices(const char *op, bg_node *x, bg_node *indices, int axis, int *found)
{
    bg_graph *graph = bgi_graph_of(op, (bg_node *[]){ x, indices }, 2);
    if (!graph)
        return false;
    if (bgi_is_integer(indices->dtype))
        return bgi_find_axis(op, x, axis, found);
    bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: indices are %s, not i32, i64 or u8", op, bg_dtype_name(indices->dtype));
    return false;
}
/* Whether shapes are equal beside an axis; records the error. */
static bool agrees_beside(const char *op, const bg_node *x, const bg_node *y, const char *label, int axis)
{
    bg_shape shape = x->shape;
    if (y->shape.rank == shape.rank)
        shape.dims[axis] = y->shape.dims[axis];
    if (bg_shape_equal(shape, y->shape))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: shapes differ beside axis %d: x %s, %s %s", op, axis,
                   bgi_shape_format(x->shape).text, label, bgi_shape_format(y->shape).text);
    return false;
}

bg_node *bg_take_along(bg_node *x, bg_node *indices, int axis)
{
    int found;
    if (!takes_indices("take_along", x, indices, axis, &found) ||
        !agrees_beside("take_along", x, indices, "indices", found))
        return NULL;
    return apply(&take_along_op, x, indices, found, indices->shape.dims[found]);
}

bg_node *bg_scatter_add(bg_node *x, bg_node *indices, bg_node *source, int axis)
{
    static const char *const labels[] = { "x", "source" };
    int found;
    bg_node *floats[] = { x, source };
    if (!bgi_graph_of("scatter_add", (bg_node *[]){ x, indices, source }, 3) ||
        !takes_indices("scatter_add", x, indices, axis, &found) ||
        !bgi_graph_accept(x->graph, bgi_check_floats("scatter_add", floats, labels, 2)) ||
        !agrees_beside("scatter_add", x, source, "source", found))
        return NULL;
    if (!bg_shape_equal(source->shape, indices->shape))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "scatter_add: shapes differ: source %s, indices %s",
                              bgi_shape_format(source->shape).text, bgi_shape_format(indices->shape).text);
    return bg_add(x, apply(&add_along_op, source, indices, found, x->shape.dims[found]));
}

bg_node *bg_index_select(bg_node *x, bg_node *indices, int axis)
{
    int found;
    if (!takes_indices("index_select", x, indices, axis, &found))
        return NULL;
    if (indices->shape.rank != 1)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "index_select: indices %s have not rank 1",
                              bgi_shape_format(indices->shape).text);
    return apply(&index_select_op, x, indices, found, indices->shape.dims[0]);
}

bg_node *bg_index_add(bg_node *x, bg_node *indices, bg_node *source, int axis)
{
    static const char *const labels[] = { "x", "source" };
    int found;
    bg_node *floats[] = { x, source };
    if (!bgi_graph_of("index_add", (bg_node *[]){ x, indices, source }, 3) ||
        !takes_indices("index_add", x, indices, axis, &found) ||
        !bgi_graph_accept(x->graph, bgi_check_floats("index_add", floats, labels, 2)) ||
        !agrees_beside("index_add", x, source, "source", found))
        return NULL;
    if (!bg_shape_equal(indices->shape, BG_SHAPE(source->shape.dims[found])))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE,
                              "index_add: needs an index a slice along axis %d: source %s, indices %s", axis,
                              bgi_shape_format(source->shape).text, bgi_shape_format(indices->shape).text);
    return bg_add(x, apply(&add_slices_op, source, indices, found, x->shape.dims[found]));
}

/* A constant of rank 0. */
static bg_node *integer(bg_graph *graph, int64_t value)
{
    bg_tensor *tensor = NULL;
    if (!bgi_graph_accept(graph, bg_tensor_create(&tensor, graph->engine, BG_I64, BG_SCALAR)))
        return NULL;
    *(int64_t *)bg_tensor_data(tensor) = value;
    bg_node *node = bg_constant(graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

bg_node *bg_embedding(bg_node *table, bg_node *indices, int64_t padding)
{
    int axis;
    if (!bgi_graph_of("embedding", (bg_node *[]){ table, indices }, 2) || !bgi_takes_float("embedding", table) ||
        !takes_indices("embedding", table, indices, 0, &axis))
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
    bg_node *rows = bg_reshape(apply(&index_select_op, table, flat, 0, flat ? flat->shape.dims[0] : 0), shape);
    if (padding < 0)
        return rows;
    /* No gradient flows through the rows of the padding. */
    bg_shape one = indices->shape;
    one.dims[one.rank++] = 1;
    bg_node *row = integer(table->graph, padding);
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

const bg_op *const bgi_index_ops[] = { &take_along_op, &add_along_op, &index_select_op,
                                       &add_slices_op, &one_hot_op,   NULL };
