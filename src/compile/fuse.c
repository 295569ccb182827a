/* fuse: which values lie in memory.
 *
 * Operands and results of products, column sums and calls do, and whatever is read out of its order. A cheap
 * elementwise value over things that are in memory anyway is virtual: never stored, and computed again in each loop
 * that uses it. Storing those as well would more than double the arena and add levels. What remains lives in the
 * registers of one loop, if its users turn out to be in that loop too (schedule). */
#include "compile/compile.h"

#include <assert.h>

void bgi_natural_space(const bg_node *node, int64_t *rows, int64_t *columns)
{
    bg_shape shape = bgi_node_is(node, BGI_REDUCE) ? node->inputs[0]->shape : node->shape;
    int64_t count = bg_shape_count(shape), last = 1;
    for (int i = shape.rank - 1; i >= 0 && last == 1; i--)
        last = shape.dims[i];
    bool is_vector = count == last && !bgi_node_is(node, BGI_REDUCE);
    *rows = is_vector ? count : count / last;
    *columns = is_vector ? 1 : last;
}

static bg_shape squeezed(bg_shape shape)
{
    bg_shape result = { 0 };
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] != 1)
            result.dims[result.rank++] = shape.dims[i];
    return result;
}
bg_shape bgi_natural_shape(const bgi_compilation *c, const bg_node *node)
{
    if (!bgi_node_is(node, BGI_REDUCE))
        return squeezed(node->shape);
    const bgi_access *access = &c->accesses[node->inputs[0]->id];
    bg_shape shape = squeezed(node->inputs[0]->shape), base = squeezed(c->graph->nodes[access->base]->shape);
    bool has_rows = access->is_flat && shape.rank == 2 && base.rank > 2;
    return has_rows && base.dims[base.rank - 1] == shape.dims[1] ? base : shape;
}

/* The units of a value by itself. */
static int64_t own_units(const bg_node *node)
{
    const bgi_lowering *lowering = node->op->lowering;
    int64_t rows, columns, count = bg_shape_count(node->shape);
    if (!lowering)
        return node->op->units ? node->op->units(node, -1) : 1;
    switch (lowering->kind) {
    case BGI_PRODUCT:
        columns = node->shape.dims[node->shape.rank - 1];
        return count / columns > 1 ? count / columns : columns;
    case BGI_REDUCE:
        return node->shape.rank == 2 && node->shape.dims[0] == 1 ? node->shape.dims[1] : node->shape.dims[0];
    default:
        bgi_natural_space(node, &rows, &columns);
        return rows;
    }
}

/* A call says itself in which pieces it can be computed. */
static bg_status check_units(const bg_node *node, int64_t units)
{
    int64_t count = bg_shape_count(node->shape);
    if (node->op->is_in_place) {
        bool is_whole = units >= 1;
        for (int k = 0; k < node->n_inputs && is_whole; k++)
            is_whole = !node->op->units || node->op->units(node, k) == 1;
        bool is_same = node->n_inputs > 0 && node->dtype == node->inputs[0]->dtype &&
                       bg_shape_equal(node->shape, node->inputs[0]->shape);
        return is_whole && is_same ? BG_OK
                                   : bg_fail(BG_ERR_ARGUMENT, "%s: it works in place, and %s", node->op->name,
                                             is_same ? "needs its inputs whole" : "its output is not as its input 0");
    }
    if (units < 1 || count % units != 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: its units say %lld pieces of an output of %lld elements", node->op->name,
                       (long long)units, (long long)count);
    for (int k = 0; k < node->n_inputs && node->op->units; k++) {
        int64_t pieces = node->op->units(node, k);
        if (pieces != 1 && (pieces != units || bg_shape_count(node->inputs[k]->shape) % units != 0))
            return bg_fail(BG_ERR_ARGUMENT, "%s: its units say %lld pieces of input %d, and %lld of the output",
                           node->op->name, (long long)pieces, k, (long long)units);
    }
    return BG_OK;
}

/* Does the edge read the base in its order, or one element of it a row of the reader? */
static bool reads_in_order(const bgi_compilation *c, const bg_node *node, int k)
{
    const bg_node *input = node->inputs[k];
    const bgi_access *access = &c->accesses[input->id];
    int64_t rows, columns;
    bgi_natural_space(node, &rows, &columns);
    return access->is_flat || bgi_is_column_broadcast(input, access, c->values[access->base].count, rows, columns);
}

/* Whether the value's operands vary with its dimensions in a way that another shape of as many elements might not
 * express. */
static bool is_shaped(const bgi_compilation *c, const bg_node *node)
{
    for (int k = 0; k < node->n_inputs; k++) {
        const bgi_access *access = &c->accesses[node->inputs[k]->id];
        const bgi_value *source = &c->values[access->base];
        double constant;
        if (access->is_flat ? !source->is_stored && source->is_shaped
                            : !bgi_node_is_constant(node->inputs[k], &constant))
            return true;
    }
    return false;
}

/* Whether a loop over another shape of as many elements can compute a value whose operands vary with its dimensions. */
static bool takes_shape(const bgi_compilation *c, const bg_node *node, bg_shape shape)
{
    int64_t count = bg_shape_count(shape), columns = shape.rank ? shape.dims[shape.rank - 1] : 1;
    for (int k = 0; k < node->n_inputs; k++) {
        const bg_node *input = node->inputs[k];
        const bgi_access *access = &c->accesses[input->id];
        const bgi_value *source = &c->values[access->base];
        bool is_in_memory = source->is_stored || bgi_is_leaf_id(c, access->base);
        int64_t strides[BG_MAX_RANK];
        double constant;
        if (bgi_node_is_constant(input, &constant) || (access->is_flat && (is_in_memory || !source->is_shaped)))
            continue;
        if (access->is_flat ? !takes_shape(c, c->graph->nodes[access->base], shape)
            : is_in_memory
                ? !bgi_shape_reshape(input->shape, access->view.strides, shape, strides)
                : source->is_shaped || !bgi_is_column_broadcast(input, access, source->count, count / columns, columns))
            return false;
    }
    return true;
}

/* Whether an edge reads its base as no loop could compute it in passing. */
static bool needs_memory(const bgi_compilation *c, const bg_node *node, int k)
{
    const bgi_access *access = &c->accesses[node->inputs[k]->id];
    const bg_node *base = c->graph->nodes[access->base];
    if (!reads_in_order(c, node, k))
        return true;
    if (!bgi_node_is(base, BGI_MAP) || base->op->lowering->is_costly)
        return false;
    if (bgi_register_dtype(base) != bgi_register_dtype(node))
        return true; /* its arithmetic is that of its own type */
    if (!c->values[access->base].is_shaped)
        return false;
    bg_shape place = bgi_node_is(node, BGI_REDUCE) ? bgi_natural_shape(c, node) : squeezed(node->inputs[k]->shape);
    place.rank -= access->is_flat ? 0 : 1; /* one element a row */
    return !bg_shape_equal(squeezed(base->shape), place) && !takes_shape(c, base, place);
}

/* What may be computed again in the loop of its reader. */
static bool is_computed_again(const bgi_compilation *c, int base)
{
    const bg_node *node = c->graph->nodes[base];
    return bgi_node_is(node, BGI_MAP) && !node->op->lowering->is_costly && !c->values[base].is_stored;
}

/* A loop knows full rows and one element a row. An element a row of what is itself made of an element a row of
 * something, [a] -> [a, b] -> [a, b, c], is neither, unless the middle lies in memory. */
static bool is_spread(const bgi_compilation *c, const bg_node *node, int k)
{
    const bgi_access *access = &c->accesses[node->inputs[k]->id];
    return is_computed_again(c, access->base) && (!access->is_flat || c->values[access->base].is_spread);
}
static bool spreads_twice(const bgi_compilation *c, const bg_node *node, int k)
{
    const bgi_access *access = &c->accesses[node->inputs[k]->id];
    return !access->is_flat && is_computed_again(c, access->base) && c->values[access->base].is_spread;
}

bg_status bgi_fuse(bgi_compilation *c)
{
    c->n = c->graph->count;
    if (c->n > 0)
        (void)bgi_access_of(c, c->graph->nodes[c->n - 1]);
    if (c->n_accesses < c->n)
        return BG_ERR_NOMEM;
    c->values = bgi_compile_push(c, (size_t)c->n, sizeof *c->values);
    if (!c->values)
        return BG_ERR_NOMEM;
    bg_node **nodes = c->graph->nodes;
    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        v->update = v->output = v->alias = v->loop = v->step = -1;
        v->last_level = v->last_step = -1;
        v->count = bg_shape_count(nodes[i]->shape);
    }
    for (int i = 0; i < c->n_outputs; i++) {
        bgi_value *v = &c->values[c->outputs[i].value];
        v->is_live = v->is_stored = true;
        v->output = i;
    }
    for (int i = 0; i < c->n_changes; i++) {
        bgi_value *v = &c->values[c->changes[i].value];
        v->is_live = v->is_stored = true;
        v->update = i;
        if (c->changes[i].is_deferred) /* it is copied when the operands may have been overwritten */
            c->values[c->accesses[nodes[c->changes[i].value]->inputs[0]->id].base].is_stored = true;
    }
    for (int i = c->n - 1; i >= 0; i--) {
        bgi_value *v = &c->values[i];
        v->is_live = v->is_live && v->count != 0;
        if (v->is_live &&
            c->accesses[i].base < 0) /* others were made before their input was copied: nobody reads them */
            return bg_fail(BG_ERR_ARGUMENT, "compile: %s cannot be expressed", nodes[i]->op->name);
        for (int k = 0; k < nodes[i]->n_inputs && v->is_live; k++) {
            bgi_value *input = &c->values[nodes[i]->inputs[k]->id];
            int base = c->accesses[nodes[i]->inputs[k]->id].base;
            input->is_live = true;
            if (base >= 0)
                c->values[base].uses++;
        }
    }

    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        const bg_node *node = nodes[i];
        if (!v->is_live || bgi_node_is_leaf(node) || bgi_node_is(node, BGI_VIEW))
            continue;
        v->is_real = true;
        v->units = own_units(node);
        if (!node->op->lowering) {
            bg_status status = check_units(node, v->units);
            if (status)
                return status;
        }
        v->is_in_place = node->op->is_in_place;
        assert(!v->is_in_place || c->values[node->inputs[0]->id].uses == 1);
        v->is_loop = bgi_node_is(node, BGI_MAP) || (bgi_node_is(node, BGI_REDUCE) && node->inputs[0]->shape.rank == 2);
        v->is_stored |= !v->is_loop || bgi_is_copy(node) || (i < c->n_kept && c->is_kept[i]);
        for (int k = 0; k < node->n_inputs; k++) {
            bgi_value *source = &c->values[c->accesses[node->inputs[k]->id].base];
            if (!v->is_loop || needs_memory(c, node, k) || spreads_twice(c, node, k))
                source->is_stored = true;
            v->is_spread |= is_spread(c, node, k);
        }
        v->is_shaped = v->is_loop && is_shaped(c, node);
    }

    for (int i = 0; i < c->n; i++) {
        bgi_value *v = &c->values[i];
        v->is_needed = v->is_stored;
        if (!v->is_real || v->is_stored || !bgi_node_is(nodes[i], BGI_MAP) || nodes[i]->op->lowering->is_costly)
            continue;
        bool is_virtual = true;
        for (int k = 0; k < nodes[i]->n_inputs && is_virtual; k++) {
            const bgi_value *source = &c->values[c->accesses[nodes[i]->inputs[k]->id].base];
            is_virtual = !source->is_real || source->is_stored;
            if (source->is_virtual) {
                /* What is computed again is computed for the places of its reader. */
                is_virtual = reads_in_order(c, nodes[i], k);
                if (v->depth < source->depth)
                    v->depth = source->depth;
            }
            v->reads += source->is_virtual ? source->reads : source->count == v->count;
        }
        v->depth++;
        /* Several readers would each read all of that again, where one value could be kept. */
        bool is_wide = v->uses > 1 && v->reads > BGI_MAX_READS;
        v->is_virtual = is_virtual && v->depth <= BGI_MAX_DEPTH && !is_wide;
        v->is_real = !v->is_virtual;
    }
    return bgi_find_edges(c);
}
