/* What the families of ops share. */
#include "ops/axis.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Checks ---- */

const char *const bgi_x_y[] = { "x", "y" }, *const bgi_x_w[] = { "x", "w" };

bg_status bgi_check_floats(const char *op, bg_node *const *inputs, const char *const *labels, int n)
{
    for (int i = 0; i < n; i++)
        if (!bgi_is_float(inputs[i]->dtype))
            return bg_fail(BG_ERR_DTYPE, "%s: %s is %s, not f32 or f64", op, labels[i],
                           bg_dtype_name(inputs[i]->dtype));
    for (int i = 1; i < n; i++)
        if (inputs[i]->dtype != inputs[0]->dtype)
            return bg_fail(BG_ERR_DTYPE, "%s: types differ: %s %s, %s %s", op, labels[0],
                           bg_dtype_name(inputs[0]->dtype), labels[i], bg_dtype_name(inputs[i]->dtype));
    return BG_OK;
}

bg_graph *bgi_graph_of_floats(const char *op, bg_node *const *inputs, const char *const *labels, int n)
{
    bg_graph *graph = bgi_graph_of(op, inputs, n);
    return graph && bgi_graph_accept(graph, bgi_check_floats(op, inputs, labels, n)) ? graph : NULL;
}

bool bgi_takes_float(const char *op, const bg_node *x)
{
    return x && bgi_graph_accept(x->graph, bgi_check_floats(op, (bg_node *[]){ (bg_node *)x }, bgi_x_y, 1));
}

bool bgi_takes_equal_floats(const char *op, bg_node *x, bg_node *y, const char *const *labels)
{
    bg_node *inputs[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats(op, inputs, labels, 2);
    if (!graph)
        return false;
    if (bg_shape_equal(x->shape, y->shape))
        return true;
    bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: shapes differ: %s %s, %s %s", op, labels[0],
                   bgi_shape_format(x->shape).text, labels[1], bgi_shape_format(y->shape).text);
    return false;
}

bool bgi_takes_eps(const char *op, const bg_node *x, double eps)
{
    if (eps >= 0 && isfinite(eps))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: eps is %g, not a number of at least 0", op, eps);
    return false;
}

bool bgi_find_axis(const char *op, const bg_node *x, int axis, int *found)
{
    int rank = x->shape.rank;
    *found = axis < 0 ? axis + rank : axis;
    if (*found >= 0 && *found < rank)
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: x %s has no axis %d", op, bgi_shape_format(x->shape).text, axis);
    return false;
}

bool bgi_find_axes(const char *op, const bg_node *x, bg_axes axes, bool found[BG_MAX_RANK])
{
    memset(found, 0, BG_MAX_RANK * sizeof *found);
    if (axes.count < -1 || axes.count > BG_MAX_RANK) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %d axes", op, axes.count);
        return false;
    }
    for (int i = 0; axes.count == -1 && i < x->shape.rank; i++)
        found[i] = true;
    for (int i = 0; i < axes.count; i++) {
        int axis;
        if (!bgi_find_axis(op, x, axes.axis[i], &axis))
            return false;
        if (found[axis]) {
            bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: axis %d is given twice", op, axis);
            return false;
        }
        found[axis] = true;
    }
    return true;
}

int64_t bgi_outer_units(const bg_node *node, int input)
{
    (void)input;
    return bgi_pieces(bgi_outer_of(node->shape, *(const int64_t *)node->attributes));
}

bool bgi_product_of(const int64_t *dims, int n, int64_t *product)
{
    *product = 1;
    for (int i = 0; i < n; i++)
        if (dims[i] == 0) {
            *product = 0;
            return true;
        }
    for (int i = 0; i < n; i++)
        if (__builtin_mul_overflow(*product, dims[i], product))
            return false;
    return true;
}

bg_status bgi_infer_same(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}

bg_status bgi_infer_map(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    static const char *const labels[] = { "x", "y", "z" };
    assert(node->n_inputs <= (int)(sizeof labels / sizeof labels[0]));
    bg_status status = bgi_check_floats(node->op->name, node->inputs, labels, node->n_inputs);
    if (status)
        return status;
    for (int i = 1; i < node->n_inputs; i++)
        if (!bg_shape_equal(node->inputs[i]->shape, node->inputs[0]->shape))
            return bg_fail(BG_ERR_SHAPE, "%s: shapes differ: x %s, %s %s", node->op->name,
                           bgi_shape_format(node->inputs[0]->shape).text, labels[i],
                           bgi_shape_format(node->inputs[i]->shape).text);
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}

/* ---- Broadcasting ---- */

bool bgi_broadcast_together(const char *op, bg_node **inputs, const char *const *labels, int n)
{
    bg_shape shape = inputs[0]->shape;
    bool fits = true;
    for (int i = 1; i < n && fits; i++)
        fits = bgi_shape_broadcast(shape, inputs[i]->shape, &shape);
    if (!fits) {
        char list[400] = "";
        size_t length = 0;
        for (int i = 0; i < n && length < sizeof list; i++)
            length += (size_t)snprintf(list + length, sizeof list - length, "%s%s %s", i ? ", " : "", labels[i],
                                       bgi_shape_format(inputs[i]->shape).text);
        bgi_graph_fail(inputs[0]->graph, BG_ERR_SHAPE, "%s: shapes do not broadcast together: %s", op, list);
        return false;
    }
    for (int i = 0; i < n; i++) {
        inputs[i] = bg_broadcast(inputs[i], shape);
        if (!inputs[i])
            return false;
    }
    return true;
}

bg_node *bgi_sum_to(bg_node *x, bg_shape shape)
{
    if (!x)
        return NULL;
    bool axis[BG_MAX_RANK] = { false };
    int added = x->shape.rank - shape.rank;
    for (int i = 0; i < x->shape.rank; i++)
        axis[i] = i < added || (shape.dims[i - added] == 1 && x->shape.dims[i] != 1);
    return bg_reshape(bgi_sum_over(x, axis), shape);
}

bg_node *bgi_keep_axes(bg_node *reduced, const bg_node *x, const bool axis[BG_MAX_RANK])
{
    bg_shape shape = x->shape;
    for (int i = 0; i < shape.rank; i++)
        if (axis[i])
            shape.dims[i] = 1;
    return bg_reshape(reduced, shape);
}

bg_node *bgi_by_channel(bg_node *vector, const bg_node *x)
{
    bg_shape shape = { .rank = x->shape.rank - 1, .dims = { x->shape.dims[1] } };
    for (int i = 1; i < shape.rank; i++)
        shape.dims[i] = 1;
    return bg_reshape(vector, shape);
}

bg_node *bgi_scalar_like(const bg_node *x, double value) { return x ? bg_scalar(x->graph, x->dtype, value) : NULL; }

bg_node *bgi_map_1(const bg_op *op, bg_node *x) { return bgi_takes_float(op->name, x) ? bgi_apply_1(op, x) : NULL; }

bg_node *bgi_map_2(const bg_op *op, bg_node *x, bg_node *y)
{
    bg_node *inputs[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats(op->name, inputs, bgi_x_y, 2);
    if (!graph || !bgi_broadcast_together(op->name, inputs, bgi_x_y, 2))
        return NULL;
    return bg_apply(op, inputs, 2, NULL, 0);
}

/* ---- Constants ---- */

bool bgi_is_value(const bg_node *node, double value)
{
    double constant;
    return bgi_node_is_constant(node, &constant) && constant == value;
}

bg_node *bgi_fold_map(bg_node *node)
{
    enum { MAX_INPUTS = 3 };
    float narrow[MAX_INPUTS] = { 0 };
    double wide[MAX_INPUTS] = { 0 };
    if (!bgi_is_float(node->dtype) || node->n_inputs > MAX_INPUTS)
        return NULL;
    for (int i = 0; i < node->n_inputs; i++) {
        if (!bgi_node_is_constant(node->inputs[i], &wide[i]))
            return NULL;
        narrow[i] = (float)wide[i];
    }
    const bgk_table *table = node->graph->engine->kernels;
    const bgk_kernels *kernels = node->dtype == BG_F32 ? &table->f32 : &table->f64;
    bgk_map *map;
    memcpy(&map, (const char *)kernels + node->op->lowering->kernel, sizeof map);
    if (node->dtype == BG_F32)
        map(&narrow[0], &narrow[0], 1, &narrow[1], 1, &narrow[2], 1, 1);
    else
        map(&wide[0], &wide[0], 1, &wide[1], 1, &wide[2], 1, 1);
    double value = node->dtype == BG_F32 ? (double)narrow[0] : wide[0];
    return bg_broadcast(bgi_scalar_like(node, value), node->shape);
}
