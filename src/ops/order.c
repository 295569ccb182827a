/* Order along an axis: where extremes are, sorting, largest elements. */
#include "ops/axis.h"
#include "ops/memory.h"

#include <string.h>

typedef struct {
    int64_t axis, is_descending;
} order_attributes;

static int64_t order_units(const bg_node *node, int input)
{
    const order_attributes *attributes = node->attributes;
    (void)input;
    return bgi_outer_of(node->inputs[0]->shape, attributes->axis);
}

/* Whether x stands before y: NaN is the greatest, and equal elements keep their order. */
static bool is_before(double x, double y, bool is_descending)
{
    if (is_descending)
        return x > y || (x != x && y == y);
    return x < y || (x == x && y != y);
}
/* ---- argmax, argmin: i64, the first of equals; no gradient ---- */

static bg_status extreme_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const order_attributes *attributes = node->attributes;
    const bg_node *x = node->inputs[0];
    *dtype = BG_I64;
    *shape = BG_SCALAR;
    for (int i = 0; i < x->shape.rank; i++)
        if (i != attributes->axis)
            shape->dims[shape->rank++] = x->shape.dims[i];
    return bgi_check_floats(node->op->name, node->inputs, bgi_x_y, 1);
}
static bg_status extreme_call(const bg_call *call)
{
    const order_attributes *attributes = call->node->attributes;
    bg_shape shape = call->node->inputs[0]->shape;
    int64_t n = shape.dims[attributes->axis], inner = bgi_inner_of(shape, attributes->axis);
    int64_t *output = call->output;
    for (int64_t k = 0; k < (call->last - call->first) * inner; k++) {
        int64_t start = k / inner * n * inner + k % inner, best = 0;
        double most = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, start);
        /* For the least, NaN comes first all the same. */
        for (int64_t j = 1; j < n && most == most; j++) {
            double x = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, start + j * inner);
            if (x != x || (attributes->is_descending ? x > most : x < most)) {
                most = x;
                best = j;
            }
        }
        output[k] = best;
    }
    return BG_OK;
}
static const bg_op extreme_op = { .name = "arg_extreme",
                                  .arity = 1,
                                  .infer = extreme_infer,
                                  .is_constant = true,
                                  .call = extreme_call,
                                  .units = order_units,
                                  .never_fails = true };

/* The axis of an op that needs at least one element along it. */
static bool takes_axis(const char *op, const bg_node *x, int axis, int *found)
{
    if (!bgi_takes_float(op, x) || !bgi_find_axis(op, x, axis, found))
        return false;
    if (x->shape.dims[*found] > 0)
        return true;
    bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: over no elements: x %s", op, bgi_shape_format(x->shape).text);
    return false;
}
static bg_node *extreme(const char *op, bg_node *x, int axis, bool is_max)
{
    order_attributes attributes = { .is_descending = is_max };
    int found;
    if (!takes_axis(op, x, axis, &found))
        return NULL;
    attributes.axis = found;
    return bg_apply(&extreme_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_argmax(bg_node *x, int axis) { return extreme("argmax", x, axis, true); }
bg_node *bg_argmin(bg_node *x, int axis) { return extreme("argmin", x, axis, false); }

/* The elements at indices that have one element along the axis, which is then left out. */
static bg_node *pick(bg_node *x, bg_node *indices, int axis)
{
    if (!indices)
        return NULL;
    bg_shape kept = x->shape;
    kept.dims[axis] = 1;
    return bg_reshape(bg_gather(x, bg_reshape(indices, kept), axis), indices->shape);
}
static bg_node *extreme_along(const char *op, bg_node *x, int axis, bg_node **indices, bool is_max)
{
    int found;
    bg_node *at = extreme(op, x, axis, is_max);
    if (indices)
        *indices = at;
    return at && bgi_find_axis(op, x, axis, &found) ? pick(x, at, found) : NULL;
}
bg_node *bg_max_along(bg_node *x, int axis, bg_node **indices)
{
    return extreme_along("max_along", x, axis, indices, true);
}
bg_node *bg_min_along(bg_node *x, int axis, bg_node **indices)
{
    return extreme_along("min_along", x, axis, indices, false);
}

/* ---- argsort: i64, stable; no gradient ---- */

static bg_status argsort_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = node->inputs[0]->shape;
    return bgi_check_floats(node->op->name, node->inputs, bgi_x_y, 1);
}
/* Keys, indices, and a second place for the indices to be merged into. */
static size_t argsort_scratch(const bg_node *node)
{
    const order_attributes *attributes = node->attributes;
    return (size_t)node->shape.dims[attributes->axis] * (sizeof(double) + 2 * sizeof(int64_t));
}
/* Merges sorted runs of 1, 2, 4, .. indices; returns where the sorted ones are. */
static int64_t *merge_sort(const double *keys, int64_t *from, int64_t *to, int64_t n, bool is_descending)
{
    for (int64_t run = 1; run < n; run *= 2) {
        for (int64_t start = 0; start < n; start += 2 * run) {
            int64_t middle = start + run < n ? start + run : n, end = start + 2 * run < n ? start + 2 * run : n;
            int64_t left = start, right = middle;
            for (int64_t k = start; k < end; k++) {
                bool takes_right =
                    left == middle || (right < end && is_before(keys[from[right]], keys[from[left]], is_descending));
                to[k] = takes_right ? from[right++] : from[left++];
            }
        }
        int64_t *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}
static bg_status argsort_call(const bg_call *call)
{
    const order_attributes *attributes = call->node->attributes;
    bg_shape shape = call->node->shape;
    int64_t n = shape.dims[attributes->axis], inner = bgi_inner_of(shape, attributes->axis);
    double *keys = call->scratch;
    int64_t *indices = (int64_t *)(keys + n), *output = call->output;
    for (int64_t k = 0; k < (call->last - call->first) * inner; k++) {
        int64_t start = k / inner * n * inner + k % inner;
        for (int64_t j = 0; j < n; j++) {
            keys[j] = bgi_float_at(call->inputs[0], call->node->inputs[0]->dtype, start + j * inner);
            indices[j] = j;
        }
        const int64_t *sorted = merge_sort(keys, indices, indices + n, n, attributes->is_descending);
        for (int64_t j = 0; j < n; j++)
            output[start + j * inner] = sorted[j];
    }
    return BG_OK;
}
static const bg_op argsort_op = { .name = "argsort",
                                  .arity = 1,
                                  .infer = argsort_infer,
                                  .is_constant = true,
                                  .call = argsort_call,
                                  .units = order_units,
                                  .scratch = argsort_scratch,
                                  .never_fails = true };
static bg_node *argsort(const char *op, bg_node *x, int axis, bool is_descending)
{
    order_attributes attributes = { .is_descending = is_descending };
    int found;
    if (!bgi_takes_float(op, x) || !bgi_find_axis(op, x, axis, &found))
        return NULL;
    attributes.axis = found;
    return bg_apply(&argsort_op, &x, 1, &attributes, sizeof attributes);
}
bg_node *bg_argsort(bg_node *x, int axis, bool is_descending) { return argsort("argsort", x, axis, is_descending); }

bg_node *bg_sort(bg_node *x, int axis, bool is_descending, bg_node **indices)
{
    bg_node *order = argsort("sort", x, axis, is_descending);
    if (indices)
        *indices = order;
    return order ? bg_gather(x, order, axis) : NULL;
}

bg_node *bg_topk(bg_node *x, int64_t k, int axis, bool is_smallest, bg_node **indices)
{
    int found;
    if (indices)
        *indices = NULL;
    if (!bgi_takes_float("topk", x) || !bgi_find_axis("topk", x, axis, &found))
        return NULL;
    if (k < 0 || k > x->shape.dims[found])
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "topk: k %lld is outside 0 .. the extent of axis %d: x %s",
                              (long long)k, axis, bgi_shape_format(x->shape).text);
    bg_node *order = bg_slice(argsort("topk", x, axis, !is_smallest), found, 0, k, 1);
    if (indices)
        *indices = order;
    return order ? bg_gather(x, order, axis) : NULL;
}

const bg_op *const bgi_order_ops[] = { &extreme_op, &argsort_op, NULL };
