/* simplify: rebuilds the reachable part of a graph in the few forms that the passes after it know.
 *
 * The graph it makes keeps equal nodes once and simplifies in its constructors. In it
 *   - ops that are compositions are gone,
 *   - every view can be expressed in strides over its base, and bases are contiguous,
 *   - a reduction is [a, k] -> [a] or [a, k, c] -> [a, c], and long ones are cut at places that follow from the shape,
 *   - the matrices of a product have one stride of 1, and its inner size is at least 2,
 *   - inputs of calls are contiguous,
 *   - every output, and the new value of every update, is a value of its own.
 */
#include "blas/blas.h"
#include "compile/compile.h"
#include "ops/ops.h"

#include <blasgrad/ops.h>

enum {
    LONG_SUM = 4096, /* longer sums over everything are cut into parts that can be added side by side */
    PART_OF_ROW = 1024,
    PART_OF_COLUMN = 512
};

/* ---- Copies ---- */

static bg_status copy_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static const bgi_lowering copy_lowering = { .kind = BGI_MAP, .kernel = offsetof(bgk_kernels, move), .is_costly = true };
static const bg_op copy_op = { .name = "copy", .arity = 1, .infer = copy_infer, .lowering = &copy_lowering };

/* Integers do not pass through the loops' registers, which are floating: their views are copied as bytes. */
typedef struct {
    bgi_view view;
    bg_shape shape;
    int64_t serial;
} gather_attributes;
static bg_status gather_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const gather_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = attributes->shape;
    return BG_OK;
}
static bg_status gather_call(const bg_call *call)
{
    const gather_attributes *attributes = call->node->attributes;
    size_t size = bg_dtype_size(call->node->dtype);
    int64_t strides[BG_MAX_RANK];
    bgi_shape_strides(attributes->shape, strides);
    bgi_strided_copy(call->output, strides,
                     (const unsigned char *)call->inputs[0] + (size_t)attributes->view.offset * size,
                     attributes->view.strides, attributes->shape, size);
    return BG_OK;
}
static const bg_op gather_op = {
    .name = "copy", .arity = 1, .infer = gather_infer, .call = gather_call, .never_fails = true
};

bg_node *bgi_copy(bg_node *x)
{
    if (!x)
        return NULL;
    int64_t serial = x->graph->count; /* keeps two copies of one value apart */
    if (bgi_is_float(x->dtype))
        return bg_apply(&copy_op, &x, 1, &serial, sizeof serial);
    bgi_access access;
    gather_attributes attributes = { .serial = serial };
    attributes.shape.rank = x->shape.rank;
    for (int i = 0; i < x->shape.rank; i++)
        attributes.shape.dims[i] = x->shape.dims[i];
    if (!bgi_access_of(x, &access)) /* of a view whose input is expressible: callers copy that first */
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: a view of integers cannot be expressed", x->op->name);
    attributes.view.offset = access.view.offset;
    for (int i = 0; i < x->shape.rank; i++)
        attributes.view.strides[i] = access.view.strides[i];
    bg_node *base = x->graph->nodes[access.base]; /* not in the array, which grows */
    return bg_apply(&gather_op, &base, 1, &attributes, sizeof attributes);
}

bool bgi_is_copy(const bg_node *node) { return node->op == &copy_op || node->op == &gather_op; }

/* ---- Canonical forms ---- */

static bool is_contiguous(const bg_node *x)
{
    bgi_access access;
    if (!bgi_access_of(x, &access))
        return false;
    int64_t expected = 1;
    for (int i = x->shape.rank - 1; i >= 0; i--) {
        if (x->shape.dims[i] != 1 && access.view.strides[i] != expected)
            return false;
        expected *= x->shape.dims[i];
    }
    return true;
}

static bg_node *flat(bg_node *x)
{
    bgi_access access;
    return x && bgi_access_of(x, &access) && !access.is_flat ? bgi_copy(x) : x;
}

/* A view node, of a copy of its input if strides over the input's base cannot express it. */
static bg_node *viewable(bg_node *node)
{
    bgi_access access;
    if (!node || !bgi_node_is(node, BGI_VIEW) || bgi_access_of(node, &access))
        return node;
    bg_node *copy = bgi_copy(node->inputs[0]);
    return bg_apply(node->op, &copy, 1, node->attributes, node->attribute_bytes);
}

static bg_node *reshape(bg_node *x, bg_shape shape) { return viewable(bg_reshape(x, shape)); }

static bool is_sum(const bg_op *op) { return op->lowering->kernel == offsetof(bgk_kernels, sum_rows); }

static bg_node *reduce_middle(const bg_op *op, bg_node *x, int64_t a, int64_t k, int64_t c)
{
    if (k == 1)
        return reshape(x, c == 1 ? BG_SHAPE(a) : BG_SHAPE(a, c));
    if (a == 1 && k > LONG_SUM) {
        int64_t part = c == 1 ? PART_OF_ROW : PART_OF_COLUMN, parts = k / part, rest = k - parts * part;
        bg_node *lines = reshape(x, BG_SHAPE(k, c));
        bg_node *head = reduce_middle(op, viewable(bg_slice(lines, 0, 0, k - rest, 1)), parts, part, c);
        head = reduce_middle(op, head, 1, parts, c);
        if (rest == 0)
            return head;
        bg_node *tail = reduce_middle(op, viewable(bg_slice(lines, 0, k - rest, k, 1)), 1, rest, c);
        return is_sum(op) ? bg_add(head, tail) : bg_maximum(head, tail);
    }
    x = reshape(x, c == 1 ? BG_SHAPE(a, k) : BG_SHAPE(a, k, c));
    if (x && c > 1 && !is_contiguous(x))
        x = bgi_copy(x);
    bgi_reduce_attributes attributes = { .axis = { [1] = true } };
    return bg_apply(op, &x, 1, &attributes, sizeof attributes);
}

/* Inner axes first: their sums need no other rows. */
static bg_node *simplify_reduce(const bg_node *node, bg_node *x)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    int64_t dims[BG_MAX_RANK];
    bool reduced[BG_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->shape.rank; i++)
        if (x->shape.dims[i] != 1) {
            dims[rank] = x->shape.dims[i];
            reduced[rank++] = attributes->axis[i];
        }
    if (bg_shape_count(x->shape) == 0) { /* the result has elements, so this is an empty sum */
        if (!is_sum(node->op))
            return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: no elements to reduce", node->op->name);
        return bg_broadcast(bg_scalar(x->graph, node->dtype, 0), node->shape);
    }
    for (;;) {
        int end = rank;
        while (end > 0 && !reduced[end - 1])
            end--;
        if (end == 0)
            return reshape(x, node->shape);
        int start = end;
        while (start > 0 && reduced[start - 1])
            start--;
        if (start == 0 && end > 1)
            start = 1;
        int64_t a = 1, k = 1, c = 1;
        for (int i = 0; i < rank; i++)
            *(i < start ? &a : i < end ? &k : &c) *= dims[i];
        x = reduce_middle(node->op, x, a, k, c);
        if (!x)
            return NULL;
        for (int i = end; i < rank; i++) {
            dims[start + i - end] = dims[i];
            reduced[start + i - end] = reduced[i];
        }
        rank -= end - start;
    }
}

/* A matrix as BLAS takes it: one stride of 1, the other at least the extent along it. */
static bool is_matrix(const bg_node *x)
{
    bgi_access access;
    if (!bgi_access_of(x, &access))
        return false;
    int r = x->shape.rank - 2;
    int64_t rows = x->shape.dims[r], columns = x->shape.dims[r + 1];
    int64_t by_row = access.view.strides[r], by_column = access.view.strides[r + 1];
    if ((rows > 1 && !bgi_blas_fits(by_row)) || (columns > 1 && !bgi_blas_fits(by_column)))
        return false;
    return ((by_column == 1 || columns == 1) && (by_row >= columns || rows == 1)) ||
           ((by_row == 1 || rows == 1) && (by_column >= rows || columns == 1));
}

static bg_node *simplify_product(const bg_node *node, bg_node *x, bg_node *w)
{
    int r = node->shape.rank - 2;
    int64_t m = node->shape.dims[r], n = node->shape.dims[r + 1], k = x->shape.dims[r + 1];
    if (k == 0)
        return bg_broadcast(bg_scalar(x->graph, node->dtype, 0), node->shape);
    if (k == 1)
        return bg_mul(bg_broadcast(x, node->shape), bg_broadcast(w, node->shape));
    if (!bgi_blas_fits(m) || !bgi_blas_fits(n) || !bgi_blas_fits(k))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW,
                              "matmul: a dimension of %lld x %lld x %lld does not fit the integer of the BLAS",
                              (long long)m, (long long)n, (long long)k);
    bg_node *inputs[2] = { is_matrix(x) ? x : bgi_copy(x), is_matrix(w) ? w : bgi_copy(w) };
    return bg_apply(node->op, inputs, 2, node->attributes, node->attribute_bytes);
}

static bg_node *expand_node(bg_graph *graph, const bg_node *node, bg_node **inputs)
{
    (void)graph;
    return bg_apply(node->op, inputs, node->n_inputs, node->attributes, node->attribute_bytes); /* composes at once */
}

static bg_node *simplify_node(bg_graph *graph, const bg_node *node, bg_node **inputs)
{
    if (node->op->lowering && bg_shape_count(node->shape) != 0) {
        switch (node->op->lowering->kind) {
        case BGI_REDUCE:
            return simplify_reduce(node, inputs[0]);
        case BGI_PRODUCT:
            return simplify_product(node, inputs[0], inputs[1]);
        default:
            break;
        }
    }
    if (!node->op->lowering)
        for (int i = 0; i < node->n_inputs; i++)
            inputs[i] = flat(inputs[i]);
    (void)graph;
    return viewable(bg_apply(node->op, inputs, node->n_inputs, node->attributes, node->attribute_bytes));
}

/* ---- The rebuilding ---- */

typedef bg_node *make_node(bg_graph *graph, const bg_node *node, bg_node **inputs);

/* Rebuilds what the roots need of one graph in another; roots are replaced by their new forms. */
static bg_status rebuild(bgi_compilation *c, const bg_graph *from, bg_graph *to, bg_node **roots, size_t n_roots,
                         make_node *make)
{
    size_t count = (size_t)from->count;
    bool *is_needed = bgi_compile_push(c, count, sizeof *is_needed);
    bg_node **made = bgi_compile_push(c, count, sizeof(bg_node *));
    if (!is_needed || !made)
        return BG_ERR_NOMEM;
    for (size_t i = 0; i < n_roots; i++)
        is_needed[roots[i]->id] = true;
    for (size_t i = count; i-- > 0;)
        if (is_needed[i])
            for (int k = 0; k < from->nodes[i]->n_inputs; k++)
                is_needed[from->nodes[i]->inputs[k]->id] = true;
    for (size_t i = 0; i < count; i++) {
        if (!is_needed[i])
            continue;
        const bg_node *node = from->nodes[i];
        if (bgi_node_is_leaf(node)) {
            made[i] = bgi_graph_import_leaf(to, node);
        } else {
            bg_node *few[4], **inputs = few;
            if (node->n_inputs > 4)
                inputs = bgi_compile_push(c, (size_t)node->n_inputs, sizeof(bg_node *));
            if (!inputs)
                return BG_ERR_NOMEM;
            for (int k = 0; k < node->n_inputs; k++)
                inputs[k] = made[node->inputs[k]->id];
            made[i] = make(to, node, inputs);
        }
        if (!made[i])
            return bg_graph_status(to) ? bg_graph_status(to) : BG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_roots; i++)
        roots[i] = made[roots[i]->id];
    return bg_graph_status(to); /* a simplification that ran out of memory may have left the node as it was */
}

bg_status bgi_simplify(bgi_compilation *c, bg_graph *graph, bg_node *const *outputs, size_t n, bool no_updates)
{
    size_t n_changes = 0;
    for (int i = 0; i < graph->count && !no_updates; i++)
        n_changes += graph->nodes[i]->updated != NULL;
    bg_node **roots = bgi_compile_push(c, n + 2 * n_changes, sizeof(bg_node *));
    c->outputs = bgi_compile_push(c, n, sizeof *c->outputs);
    c->changes = bgi_compile_push(c, n_changes, sizeof *c->changes);
    c->program->output_of = bgi_arena_push(&c->program->memory, (n ? n : 1) * sizeof(int));
    if (!roots || !c->outputs || !c->changes || !c->program->output_of)
        return BG_ERR_NOMEM;
    size_t r = 0;
    for (size_t i = 0; i < n; i++)
        roots[r++] = outputs[i];
    for (int i = 0; i < graph->count && !no_updates; i++)
        if (graph->nodes[i]->updated) {
            roots[r++] = graph->nodes[i];
            roots[r++] = graph->nodes[i]->updated;
        }

    bg_graph *expanded = NULL;
    bg_status status = bgi_graph_create_compiling(&expanded, c->engine);
    if (!status)
        status = rebuild(c, graph, expanded, roots, r, expand_node);
    if (!status)
        status = bgi_graph_create_compiling(&c->graph, c->engine);
    c->program->graph = c->graph;
    if (!status)
        status = rebuild(c, expanded, c->graph, roots, r, simplify_node);
    bg_graph_destroy(expanded);
    if (status)
        return status;

    /* A value can fill one place: the second one wanted of it, and anything that no step computes, is a copy. */
    for (size_t i = 0; i < n; i++) {
        size_t first = 0;
        while (roots[first] != roots[i])
            first++;
        c->program->output_of[i] = first < i ? c->program->output_of[first] : c->n_outputs;
        if (first < i)
            continue;
        bg_node *value = roots[i];
        bool is_taken = bgi_node_is_leaf(value) || bgi_node_is(value, BGI_VIEW);
        for (size_t k = n; k < r && !is_taken; k += 2)
            is_taken = roots[k + 1] == value;
        value = is_taken ? bgi_copy(value) : value;
        if (!value)
            return bg_graph_status(c->graph);
        c->outputs[c->n_outputs++] = value->id;
    }
    for (size_t k = n; k < r; k += 2) {
        bg_node *target = roots[k], *value = roots[k + 1];
        bool is_taken = !bgi_node_is(value, BGI_MAP);
        for (size_t j = n; j < k && !is_taken; j += 2)
            is_taken = roots[j + 1] == value;
        if (is_taken && value == target)
            continue;
        value = is_taken ? bgi_copy(value) : value;
        if (!value)
            return bg_graph_status(c->graph);
        c->changes[c->n_changes++] = (bgi_change){ .target = target->id, .value = value->id };
    }
    return BG_OK;
}
