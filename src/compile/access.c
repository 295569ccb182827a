/* Where operands lie, and which piece of them a piece of the result needs. */
#include "compile/compile.h"

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

bool bgi_access_of(const bg_node *node, bgi_access *access)
{
    if (!bgi_node_is(node, BGI_VIEW) || bg_shape_count(node->shape) == 0) {
        *access = (bgi_access){ .base = node->id, .is_flat = true };
        bgi_shape_strides(node->shape, access->view.strides);
        return true;
    }
    bgi_access input;
    if (!bgi_access_of(node->inputs[0], &input))
        return false;
    *access = (bgi_access){ .base = input.base };
    if (!node->op->lowering->view(node, &input.view, &access->view))
        return false;
    access->is_flat = access->view.offset == 0 && is_contiguous(node->shape, access->view.strides) &&
                      bg_shape_count(node->shape) == bg_shape_count(node->graph->nodes[access->base]->shape);
    return true;
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
    const bgi_access *access = &c->values[input->id].access;
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

static void visit_sources(const bgi_compilation *c, const bg_node *node, int64_t units, bool is_same, bgi_visit *visit,
                          void *context)
{
    for (int k = 0; k < node->n_inputs; k++) {
        const bgi_access *access = &c->values[node->inputs[k]->id].access;
        const bgi_value *source = &c->values[access->base];
        if (source->count == 0)
            continue;
        int64_t edge = bgi_gcd(units, bgi_edge_units(c, node, k));
        bool same = is_same && access->is_flat && bgi_node_is(node, BGI_MAP);
        if (source->is_virtual)
            visit_sources(c, c->graph->nodes[access->base], edge, same, visit, context);
        else
            visit(context, access->base, edge, same);
    }
}

void bgi_each_source(const bgi_compilation *c, const bg_node *node, bgi_visit *visit, void *context)
{
    visit_sources(c, node, c->values[node->id].units, true, visit, context);
}

bool bgi_is_aligned(const bgi_value *a, const bgi_value *b, int64_t edge_units)
{
    int64_t common = bgi_gcd(bgi_gcd(a->units, b->units), edge_units);
    int64_t wanted = a->units > b->units ? a->units : b->units;
    return common >= (wanted < BGI_MIN_UNITS ? wanted : BGI_MIN_UNITS);
}
