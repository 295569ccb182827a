/* Where operands lie, and which piece of them a piece of the result needs. */
#include "compile/compile.h"

#include <string.h>

void *bgi_compile_push(bgi_compilation *c, size_t count, size_t size)
{
    return bgi_arena_push(&c->scratch, (count ? count : 1) * size);
}

static bool is_contiguous(bg_shape shape, const int64_t *strides)
{
    int64_t expected = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        if (shape.dims[i] != 1 && strides[i] != expected)
            return false;
        expected *= shape.dims[i];
    }
    return true;
}

static void find_access(const bg_node *node, bgi_access *accesses)
{
    bgi_access *access = &accesses[node->id];
    if (!bgi_node_is(node, BGI_VIEW) || bg_shape_count(node->shape) == 0) {
        *access = (bgi_access){ .base = node->id, .is_contiguous = true, .is_flat = true };
        bgi_shape_strides(node->shape, access->view.strides);
        return;
    }
    const bgi_access *input = &accesses[node->inputs[0]->id];
    *access = (bgi_access){ .base = input->base };
    if (input->base < 0 || !node->op->lowering->view(node, &input->view, &access->view)) {
        access->base = -1;
        return;
    }
    access->is_contiguous = is_contiguous(node->shape, access->view.strides);
    access->is_flat = access->is_contiguous && access->view.offset == 0 &&
                      bg_shape_count(node->shape) == bg_shape_count(node->graph->nodes[access->base]->shape);
}

/* Nodes come after their inputs, so that a chain of views, however long, takes one look at each. */
const bgi_access *bgi_access_of(bgi_compilation *c, const bg_node *node)
{
    if (node->id >= c->access_capacity) {
        int capacity = 2 * node->id + 64;
        bgi_access *accesses = bgi_compile_push(c, (size_t)capacity, sizeof *accesses);
        if (!accesses) {
            bgi_graph_accept(c->graph, BG_ERR_NOMEM);
            return NULL;
        }
        if (c->n_accesses)
            memcpy(accesses, c->accesses, (size_t)c->n_accesses * sizeof *accesses);
        c->accesses = accesses;
        c->access_capacity = capacity;
    }
    for (; c->n_accesses <= node->id; c->n_accesses++)
        find_access(c->graph->nodes[c->n_accesses], c->accesses);
    return c->accesses[node->id].base < 0 ? NULL : &c->accesses[node->id];
}

/* The product P of a prefix of the first `limit` dimensions such that the elements under prefix index p lie in part p
 * of P equal parts of the base. */
static int64_t aligned_prefix(bg_shape shape, int limit, const bgi_view *view, int64_t base_count)
{
    int64_t best = 1, prefix = 1;
    for (int depth = 0; depth < limit; depth++) {
        int64_t extent = shape.dims[depth];
        if (extent != 1) {
            if (base_count % (prefix * extent) != 0 || view->strides[depth] * extent * prefix != base_count)
                break;
            prefix *= extent;
        }
        int64_t last = view->offset;
        for (int d = depth + 1; d < shape.rank; d++)
            last += (shape.dims[d] - 1) * view->strides[d];
        if (last < base_count / prefix)
            best = prefix;
    }
    return best;
}

int64_t bgi_edge_units(const bgi_compilation *c, const bg_node *node, int k)
{
    const bgi_lowering *lowering = node->op->lowering;
    if (!lowering)
        return node->op->units ? node->op->units(node, k) : 1;
    const bg_node *input = node->inputs[k];
    const bgi_access *access = &c->accesses[input->id];
    int64_t base_count = bg_shape_count(c->graph->nodes[access->base]->shape);
    bg_shape shape = input->shape;
    int limit = shape.rank;
    bgi_view view = access->view;
    if (lowering->kind == BGI_REDUCE) {
        limit = shape.rank - (shape.rank == 3 ? 2 : 1);
    } else if (lowering->kind == BGI_PRODUCT) {
        int64_t rows = bg_shape_count(node->shape) / node->shape.dims[node->shape.rank - 1];
        if (k == 0) {
            limit = shape.rank - 1;
        } else if (rows > 1) {
            limit = shape.rank - 2;
        } else { /* one row: its columns are units, and so are the columns of w */
            shape = BG_SHAPE(input->shape.dims[shape.rank - 1], input->shape.dims[shape.rank - 2]);
            view.strides[0] = access->view.strides[input->shape.rank - 1];
            view.strides[1] = access->view.strides[input->shape.rank - 2];
            limit = 1;
        }
    }
    return aligned_prefix(shape, limit, &view, base_count);
}

bool bgi_operand_strides(const bg_node *node, const bgi_view *view, const bgi_space *space, bool is_full,
                         int64_t strides[BG_MAX_RANK])
{
    bg_shape target = space->shape;
    if (!is_full)
        target.rank--;
    return bgi_shape_reshape(node->shape, view->strides, target, strides);
}

bool bgi_is_column_broadcast(const bg_node *node, const bgi_access *access, int64_t base_count, int64_t rows,
                             int64_t columns)
{
    if (base_count != rows || access->view.offset != 0 || bg_shape_count(node->shape) != rows * columns)
        return false;
    int64_t strides[BG_MAX_RANK];
    return bgi_shape_reshape(node->shape, access->view.strides, BG_SHAPE(rows, columns), strides) &&
           (rows == 1 || strides[0] == 1) && (columns == 1 || strides[1] == 0);
}

static bg_status add_edge(bgi_compilation *c, bgi_edge edge)
{
    if (c->n_edges == c->edge_capacity) {
        int capacity = c->edge_capacity ? 2 * c->edge_capacity : 256;
        bgi_edge *edges = bgi_compile_push(c, (size_t)capacity, sizeof *edges);
        if (!edges)
            return BG_ERR_NOMEM;
        if (c->n_edges)
            memcpy(edges, c->edges, (size_t)c->n_edges * sizeof *edges);
        c->edges = edges;
        c->edge_capacity = capacity;
    }
    c->edges[c->n_edges++] = edge;
    return BG_OK;
}

/* Goes no deeper than values are computed again. */
static bg_status find_sources(bgi_compilation *c, const bg_node *node, int64_t units, bool is_same)
{
    bg_status status = BG_OK;
    for (int k = 0; k < node->n_inputs && !status; k++) {
        const bgi_access *access = &c->accesses[node->inputs[k]->id];
        const bgi_value *source = &c->values[access->base];
        if (source->count == 0)
            continue;
        bgi_edge edge = { .source = access->base,
                          .units = bgi_gcd(units, bgi_edge_units(c, node, k)),
                          .is_same = is_same && access->is_flat && bgi_node_is(node, BGI_MAP) };
        status = source->is_virtual ? find_sources(c, c->graph->nodes[access->base], edge.units, edge.is_same)
                                    : add_edge(c, edge);
    }
    return status;
}

bg_status bgi_find_edges(bgi_compilation *c)
{
    c->n_edges = 0;
    c->first_edge = bgi_compile_push(c, (size_t)c->n + 1, sizeof *c->first_edge);
    if (!c->first_edge)
        return BG_ERR_NOMEM;
    bg_status status = BG_OK;
    for (int i = 0; i < c->n && !status; i++) {
        if (c->values[i].is_real)
            status = find_sources(c, c->graph->nodes[i], c->values[i].units, true);
        c->first_edge[i + 1] = c->n_edges;
    }
    return status;
}

bool bgi_is_aligned(const bgi_value *a, const bgi_value *b, int64_t edge_units)
{
    if (a->is_in_place) /* its units are no pieces */
        return false;
    int64_t common = bgi_gcd(bgi_gcd(a->units, b->units), edge_units);
    int64_t wanted = a->units > b->units ? a->units : b->units;
    return common >= (wanted < BGI_MIN_UNITS ? wanted : BGI_MIN_UNITS);
}
