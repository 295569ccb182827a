/* lanes: values of many samples with vectors of samples, from where an op is faster so up to where one cannot compute
 * so.
 *
 * A value [n, ..] in lanes is [n / BGI_LANES, .., BGI_LANES]. Every node has its old form too, made of that in lanes,
 * for those who need it: what nobody needs is not computed. */
#include "compile/compile.h"
#include "ops/memory.h"

#include <blasgrad/ops.h>

static bool fits(bg_shape shape)
{
    return shape.rank >= 1 && shape.rank < BG_MAX_RANK && shape.dims[0] > 0 && shape.dims[0] % BGI_LANES == 0;
}

static bool begins(const bg_node *node)
{
    const bgi_lanes *rule = node->op->lanes;
    bool result = rule && rule->begins && rule->begins(node);
    for (int k = 0; k < node->n_inputs && result; k++)
        result = !(rule->inputs >> k & 1) || fits(node->inputs[k]->shape);
    return result;
}
bool bgi_begins_lanes(const bg_graph *graph)
{
    for (int i = 0; i < graph->count; i++)
        if (begins(graph->nodes[i]))
            return true;
    return false;
}

/* x [n, ..] in lanes */
static bg_node *together(bg_node *x)
{
    bg_shape split = { .rank = x->shape.rank + 1, .dims = { x->shape.dims[0] / BGI_LANES, BGI_LANES } };
    bg_axes order = { .count = split.rank };
    for (int i = 1; i < x->shape.rank; i++) {
        split.dims[i + 1] = x->shape.dims[i];
        order.axis[i] = i + 1;
    }
    order.axis[split.rank - 1] = 1;
    bg_node *parts = bg_reshape(x, split);
    return parts ? bg_permute(parts, order) : NULL;
}
/* .. and back. Of many elements a sample, by a call: a loop would take each from another line of memory. */
static bg_shape apart_shape(bg_shape lanes)
{
    lanes.dims[0] *= BGI_LANES;
    lanes.rank--;
    return lanes;
}
static bg_status apart_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = apart_shape(node->inputs[0]->shape);
    return BG_OK;
}
/* In lanes or, where those are too few to be dealt out, in samples, which are no pieces of x. */
static int64_t apart_units(const bg_node *node, int input)
{
    int64_t lanes = node->inputs[0]->shape.dims[0];
    return lanes >= BGI_MIN_UNITS ? lanes : input < 0 ? node->shape.dims[0] : 1;
}
static bg_status apart_call(const bg_call *call)
{
    const bg_node *node = call->node;
    int64_t rows = node->shape.dims[0] / apart_units(node, -1), n = bg_shape_count(node->shape) / node->shape.dims[0];
    int64_t first = rows == 1 ? call->first : 0, last = first + (call->last - call->first) * rows;
    size_t size = bg_dtype_size(node->dtype);
    for (int64_t i = first, end; i < last; i = end) { /* samples of one vector */
        end = bgi_least(last, i - i % BGI_LANES + BGI_LANES);
        bgi_call_kernels(call)->transpose(
            bgi_at(call->output, (i - first) * n, size), n,
            bgi_const_at(call->inputs[0], i / BGI_LANES * BGI_LANES * n + i % BGI_LANES, size), BGI_LANES, end - i, n);
    }
    return BG_OK;
}
static const bg_op apart_op = {
    .name = "apart", .arity = 1, .infer = apart_infer, .call = apart_call, .units = apart_units, .never_fails = true
};
static bg_node *apart(bg_node *x, bg_shape shape)
{
    if (bgi_is_float(x->dtype) && bg_shape_count(shape) >= BGI_WIDE_ROW * shape.dims[0])
        return bg_apply(&apart_op, &x, 1, NULL, 0);
    bg_axes order = { .count = x->shape.rank, .axis = { 0, x->shape.rank - 1 } };
    for (int i = 2; i < x->shape.rank; i++)
        order.axis[i] = i - 1;
    return bg_reshape(bg_permute(x, order), shape);
}

/* A node of the old graph in lanes; what is repeated for all samples is so there. */
static bg_node *in_lanes(const bgi_rebuilding *r, const bg_node *node)
{
    bg_node *made = r->made[node->id];
    if (r->lanes[node->id] || !made)
        return r->lanes[node->id];
    if (!bgi_is_broadcast(node))
        return together(made);
    const bg_node *x = node->inputs[0];
    bg_node *source = r->made[x->id];
    if (x->shape.rank == node->shape.rank && x->shape.dims[0] == node->shape.dims[0]) {
        source = in_lanes(r, x);
    } else {
        bg_shape shape = x->shape;
        shape.dims[shape.rank++] = 1;
        source = bg_reshape(source, shape);
    }
    return source ? bg_broadcast(source, bgi_lanes_shape(node->shape)) : NULL;
}

/* ---- Long rows ---- */

/* [n, c, ..] in lanes as [n / BGI_LANES, c, rest], in which loops have long rows with one number of a vector [c] each.
 */
static bg_shape long_rows(bg_shape lanes)
{
    bg_shape rows = { .rank = 3, .dims = { lanes.dims[0], lanes.dims[1], 1 } };
    for (int i = 2; i < lanes.rank; i++)
        rows.dims[2] *= lanes.dims[i];
    return rows;
}
/* An operand in these rows, or NULL if it lies otherwise. */
static bg_node *in_rows(const bgi_rebuilding *r, const bg_node *node, bg_shape rows)
{
    bg_node *x = r->lanes[node->id];
    if (bgi_is_broadcast(node)) {
        bg_shape from = node->inputs[0]->shape, one = { .rank = 3, .dims = { 1, 1, 1 } };
        for (int i = 0; i < from.rank; i++) {
            int axis = i + node->shape.rank - from.rank;
            if (axis != 1 && from.dims[i] != 1)
                return NULL;
            one.dims[1] = axis == 1 ? from.dims[i] : one.dims[1];
        }
        return bg_broadcast(bg_reshape(r->made[node->inputs[0]->id], one), rows);
    }
    const bg_node *base = x;
    while (base && bgi_is_reshape(base))
        base = base->inputs[0];
    return base && !bgi_node_is(base, BGI_VIEW) ? bg_reshape(x, rows) : NULL;
}
/* A map in long rows, in lanes; NULL if not all of its operands can be. */
static bg_node *map_rows(const bgi_rebuilding *r, const bg_node *node)
{
    enum { MOST_INPUTS = 3 };
    bg_node *inputs[MOST_INPUTS];
    if (node->shape.rank < 3 || node->n_inputs > MOST_INPUTS)
        return NULL;
    bg_shape lanes = bgi_lanes_shape(node->shape), rows = long_rows(lanes);
    for (int k = 0; k < node->n_inputs; k++) {
        inputs[k] = in_rows(r, node->inputs[k], rows);
        if (!inputs[k])
            return NULL;
    }
    return bg_reshape(bgi_apply_again(node, inputs), lanes);
}

/* Over the samples, a reduction goes along the lanes too. */
static bg_node *reduce(const bg_node *node, bg_node *x)
{
    bgi_reduce_attributes attributes = *(const bgi_reduce_attributes *)node->attributes;
    attributes.axis[x->shape.rank - 1] = attributes.axis[0];
    return bg_apply(node->op, &x, 1, &attributes, sizeof attributes);
}

/* The node from inputs of which those in the set are in lanes. */
static bg_node *make(const bg_node *node, bg_node **inputs)
{
    if (bgi_node_is(node, BGI_MAP))
        return bgi_apply_again(node, inputs);
    return bgi_node_is(node, BGI_REDUCE) ? reduce(node, inputs[0]) : node->op->lanes->make(node, inputs);
}

bg_node *bgi_lanes_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs)
{
    enum { MOST_INPUTS = 8 };
    bool is_open = bgi_node_is(node, BGI_MAP) || bgi_node_is(node, BGI_REDUCE);
    unsigned wanted = is_open ? (1U << MOST_INPUTS) - 1 : node->op->lanes ? node->op->lanes->inputs : 0;
    bool is_worth = begins(node), can = wanted != 0 && node->n_inputs <= MOST_INPUTS;
    for (int k = 0; k < node->n_inputs && can; k++)
        if (wanted >> k & 1) {
            is_worth = is_worth || r->lanes[node->inputs[k]->id];
            can = fits(node->inputs[k]->shape);
        }
    bg_node *result = can && is_worth && bgi_node_is(node, BGI_MAP) ? map_rows(r, node) : NULL;
    if (can && is_worth && !result) {
        bg_node *all[MOST_INPUTS];
        for (int k = 0; k < node->n_inputs; k++) {
            all[k] = wanted >> k & 1 ? in_lanes(r, node->inputs[k]) : inputs[k];
            if (!all[k])
                return NULL;
        }
        result = make(node, all);
    }
    if (!result)
        return bgi_apply_again(node, inputs);
    if (result->shape.rank == node->shape.rank)
        return result;
    r->lanes[node->id] = result;
    return apart(result, node->shape);
}
