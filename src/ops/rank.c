/* Medians and other ranks, and places in sorted numbers. */
#include "ops/index.h"

#include <math.h>

/* The elements at indices of extent 1 along the axis, both without it. */
static bg_node *chosen(const char *op, bg_node *x, bg_node *places, int axis, bg_node **indices)
{
    bool dropped[BG_MAX_RANK] = { false };
    dropped[axis] = true;
    if (indices)
        *indices = bgi_drop_axes(places, dropped);
    return bgi_drop_axes(bgi_take_along(op, x, places, axis), dropped);
}

bg_node *bg_kthvalue(bg_node *x, int64_t k, int axis, bg_node **indices)
{
    int found;
    if (indices)
        *indices = NULL;
    if (!bgi_takes_float("kthvalue", x) || !bgi_find_axis("kthvalue", x, axis, &found))
        return NULL;
    if (k < 1 || k > x->shape.dims[found])
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "kthvalue: k %lld is outside 1 .. the extent of axis %d: x %s",
                              (long long)k, axis, bgi_shape_format(x->shape).text);
    return chosen("kthvalue", x, bg_slice(bg_argsort(x, found, false), found, k - 1, k, 1), found, indices);
}

/* The first NaN along the axis if there is one, which argmax finds; otherwise the lower median. */
bg_node *bg_median_along(bg_node *x, int axis, bg_node **indices)
{
    int found;
    if (indices)
        *indices = NULL;
    if (!bgi_takes_float("median_along", x) || !bgi_find_axis("median_along", x, axis, &found))
        return NULL;
    int64_t n = x->shape.dims[found];
    if (n == 0)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "median_along: over no elements: x %s",
                              bgi_shape_format(x->shape).text);
    bg_node *middle = bg_slice(bg_argsort(x, found, false), found, (n - 1) / 2, (n - 1) / 2 + 1, 1);
    bg_node *greatest = bg_unsqueeze(bg_argmax(x, found), found);
    bg_node *is_nan = bg_is_nan(bgi_take_along("median_along", x, greatest, found));
    bg_node *places = bg_concat((bg_node *[]){ middle, greatest }, 2, found), *which = bg_cast(is_nan, BG_I64);
    return places && which
               ? chosen("median_along", x, bgi_take_along("median_along", places, which, found), found, indices)
               : NULL;
}

/* median: over all elements, which share dy evenly where they equal it */
static bg_status median_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SCALAR;
    return bgi_check_floats(node->op->name, node->inputs, bgi_x_y, 1);
}
static bg_node *median_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[input], *both = bg_logical_and(bg_is_nan(x), bg_broadcast(bg_is_nan(node), x->shape));
    bg_node *share = bg_cast(bg_logical_or(bg_equal(x, node), both), x->dtype);
    return bg_mul(share, bg_div(dy, bg_sum(share, BG_ALL_AXES)));
}
static bg_node *median_compose(bg_node *node)
{
    bg_node *x = node->inputs[0];
    int64_t count = bg_shape_count(x->shape);
    return count == 0 ? bgi_scalar_like(x, (double)NAN) : bg_median_along(bg_reshape(x, BG_SHAPE(count)), 0, NULL);
}
static const bg_op median_op = {
    .name = "median", .arity = 1, .infer = median_infer, .gradient = median_gradient, .compose = median_compose
};
bg_node *bg_median(bg_node *x) { return bgi_takes_float("median", x) ? bgi_apply_1(&median_op, x) : NULL; }

/* ---- searchsorted: i64, by bisection; no gradient ---- */

typedef struct {
    int64_t is_right;
} search_attributes;
static const char *const search_labels[] = { "sorted", "values" };

static bg_status search_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = node->inputs[1]->shape;
    return BG_OK;
}
/* One line of numbers serves all values, which then are pieces by themselves; otherwise rows belong together. */
static int64_t search_units(const bg_node *node, int input)
{
    const bg_node *sorted = node->inputs[0];
    if (sorted->shape.rank == 1)
        return input == 0 ? 1 : bg_shape_count(node->shape);
    return bgi_outer_of(node->shape, node->shape.rank - 1);
}
/* Whether numbers[i] stands before the value; with a NaN all do. */
static bool stands_before(bg_dtype dtype, const void *numbers, int64_t i, const void *values, int64_t k, bool is_right)
{
    if (bgi_is_float(dtype)) {
        double a = bgi_float_at(numbers, dtype, i), b = bgi_float_at(values, dtype, k);
        return is_right ? !(a > b) : !(a >= b);
    }
    int64_t a = bgi_index_at(numbers, dtype, i), b = bgi_index_at(values, dtype, k);
    return is_right ? a <= b : a < b;
}
static bg_status search_call(const bg_call *call)
{
    const bg_node *sorted = call->node->inputs[0];
    const search_attributes *attributes = call->node->attributes;
    int rank = sorted->shape.rank;
    int64_t n = sorted->shape.dims[rank - 1], m = rank == 1 ? 1 : call->node->shape.dims[rank - 1];
    for (int64_t k = 0; k < (call->last - call->first) * m; k++) {
        int64_t start = rank == 1 ? 0 : k / m * n, low = start, high = start + n;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (stands_before(sorted->dtype, call->inputs[0], middle, call->inputs[1], k, attributes->is_right))
                low = middle + 1;
            else
                high = middle;
        }
        ((int64_t *)call->output)[k] = low - start;
    }
    return BG_OK;
}
static const bg_op search_op = { .name = "searchsorted",
                                 .arity = 2,
                                 .infer = search_infer,
                                 .is_constant = true,
                                 .call = search_call,
                                 .units = search_units,
                                 .never_fails = true };
static bg_node *search(const char *op, bg_node *sorted, bg_node *values, bool is_right)
{
    bg_node *inputs[] = { sorted, values };
    bg_graph *graph = bgi_graph_of(op, inputs, 2);
    search_attributes attributes = { is_right };
    if (!graph)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (inputs[i]->dtype != sorted->dtype || (!bgi_is_float(sorted->dtype) && !bgi_is_integer(sorted->dtype)))
            return bgi_graph_fail(graph, BG_ERR_DTYPE, "%s: needs one type, floats or integers: %s %s, %s %s", op,
                                  search_labels[0], bg_dtype_name(sorted->dtype), search_labels[1],
                                  bg_dtype_name(values->dtype));
    bool fits = sorted->shape.rank == 1 || (sorted->shape.rank > 1 && sorted->shape.rank == values->shape.rank);
    for (int d = 0; d < sorted->shape.rank - 1 && fits; d++)
        fits = sorted->shape.dims[d] == values->shape.dims[d];
    if (!fits)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: rows differ: %s %s, %s %s", op, search_labels[0],
                              bgi_shape_format(sorted->shape).text, search_labels[1],
                              bgi_shape_format(values->shape).text);
    return bg_apply(&search_op, inputs, 2, &attributes, sizeof attributes);
}
bg_node *bg_searchsorted(bg_node *sorted, bg_node *values, bool is_right)
{
    return search("searchsorted", sorted, values, is_right);
}
bg_node *bg_bucketize(bg_node *values, bg_node *boundaries, bool is_right)
{
    if (boundaries && values && boundaries->shape.rank != 1)
        return bgi_graph_fail(values->graph, BG_ERR_SHAPE, "bucketize: boundaries %s have not rank 1",
                              bgi_shape_format(boundaries->shape).text);
    return search("bucketize", boundaries, values, is_right);
}

const bg_op *const bgi_rank_ops[] = { &median_op, &search_op, NULL };
