/* simplify: rebuilds the reachable part of a graph in the few forms that the passes after it know.
 *
 * The graph it makes keeps equal nodes once and simplifies in its constructors. In it
 *   - ops that are compositions are gone,
 *   - samples are in lanes where that is faster,
 *   - every view can be expressed in strides over its base, and bases are contiguous,
 *   - a reduction is [a, k] -> [a] or [a, k, c] -> [a, c], and long ones are cut at places that follow from the shape,
 *   - the matrices of a product have one stride of 1, and its inner size is at least 2,
 *   - inputs of calls are contiguous, and what a call changes in place is nobody else's,
 *   - every output, and the new value of every update, is a value of its own.
 */
#include "blas/blas.h"
#include "compile/compile.h"
#include "ops/ops.h"

#include <blasgrad/ops.h>

#include <assert.h>

enum {
    LONG_SUM = 4096, /* longer sums over everything are cut into parts that can be added side by side */
    PART_OF_ROW = 1024,
    PART_OF_COLUMN = 512,
    /* One row by a matrix of as many bytes or more, that is no longer in a level 2 cache, is cut into so many parts. */
    LARGE_VECTOR_BYTES = 1 << 18,
    PARTS_OF_VECTOR = 16
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

/* Copies of one value and serial number are one node. */
static bg_node *copy_of(bgi_compilation *c, bg_node *x, int64_t serial)
{
    if (!x)
        return NULL;
    if (bgi_is_float(x->dtype))
        return bg_apply(&copy_op, &x, 1, &serial, sizeof serial);
    gather_attributes attributes = { .serial = serial };
    attributes.shape.rank = x->shape.rank;
    for (int i = 0; i < x->shape.rank; i++)
        attributes.shape.dims[i] = x->shape.dims[i];
    const bgi_access *access = bgi_access_of(c, x);
    if (!access) /* of a view whose input is expressible: callers copy that first */
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: a view of integers cannot be expressed", x->op->name);
    attributes.view.offset = access->view.offset;
    for (int i = 0; i < x->shape.rank; i++)
        attributes.view.strides[i] = access->view.strides[i];
    bg_node *base = x->graph->nodes[access->base]; /* not in the array, which grows */
    return bg_apply(&gather_op, &base, 1, &attributes, sizeof attributes);
}

static bg_node *copy(bgi_compilation *c, bg_node *x) { return copy_of(c, x, 0); }
bg_node *bgi_new_copy(bgi_compilation *c, bg_node *x) { return copy_of(c, x, c->graph->count); }

bool bgi_is_copy(const bg_node *node) { return node->op == &copy_op || node->op == &gather_op; }

/* ---- Canonical forms ---- */

static bool is_contiguous(bgi_compilation *c, const bg_node *x)
{
    const bgi_access *access = bgi_access_of(c, x);
    return access && access->is_contiguous;
}

static bg_node *flat(bgi_compilation *c, bg_node *x)
{
    const bgi_access *access = x ? bgi_access_of(c, x) : NULL;
    return access && !access->is_flat ? copy(c, x) : x;
}

/* A view node, of a copy of its input if strides over the input's base cannot express it. */
static bg_node *viewable(bgi_compilation *c, bg_node *node)
{
    if (!node || !bgi_node_is(node, BGI_VIEW) || bgi_access_of(c, node))
        return node;
    bg_node *input = copy(c, node->inputs[0]);
    return bgi_apply_again(node, &input);
}

static bg_node *reshape(bgi_compilation *c, bg_node *x, bg_shape shape) { return viewable(c, bg_reshape(x, shape)); }

static bool is_sum(const bg_op *op) { return op->lowering->kernel == offsetof(bgk_kernels, sum_rows); }

/* x as [outer, k, inner] -> [outer, inner]; an inner of 1 is left out. */
static bg_node *reduce_middle(bgi_compilation *c, const bg_op *op, bg_node *x, int64_t outer, int64_t k, int64_t inner)
{
    if (k == 1)
        return reshape(c, x, inner == 1 ? BG_SHAPE(outer) : BG_SHAPE(outer, inner));
    if (outer == 1 && k > LONG_SUM) {
        int64_t part = inner == 1 ? PART_OF_ROW : PART_OF_COLUMN, parts = k / part, rest = k - parts * part;
        bg_node *lines = reshape(c, x, BG_SHAPE(k, inner));
        bg_node *head = reduce_middle(c, op, viewable(c, bg_slice(lines, 0, 0, k - rest, 1)), parts, part, inner);
        head = reduce_middle(c, op, head, 1, parts, inner);
        if (rest == 0)
            return head;
        bg_node *tail = reduce_middle(c, op, viewable(c, bg_slice(lines, 0, k - rest, k, 1)), 1, rest, inner);
        return is_sum(op) ? bg_add(head, tail) : bg_maximum(head, tail);
    }
    x = reshape(c, x, inner == 1 ? BG_SHAPE(outer, k) : BG_SHAPE(outer, k, inner));
    if (x && inner > 1 && !is_contiguous(c, x))
        x = copy(c, x);
    bgi_reduce_attributes attributes = { .axis = { [1] = true } };
    return bg_apply(op, &x, 1, &attributes, sizeof attributes);
}

/* Inner axes first: their sums need no other rows. */
static bg_node *simplify_reduce(bgi_compilation *c, const bg_node *node, bg_node *x)
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
            return reshape(c, x, node->shape);
        int start = end;
        while (start > 0 && reduced[start - 1])
            start--;
        if (start == 0 && end > 1)
            start = 1;
        int64_t outer = 1, k = 1, inner = 1;
        for (int i = 0; i < rank; i++)
            *(i < start ? &outer : i < end ? &k : &inner) *= dims[i];
        x = reduce_middle(c, node->op, x, outer, k, inner);
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
static bool is_matrix(bgi_compilation *c, const bg_node *x)
{
    const bgi_access *access = bgi_access_of(c, x);
    if (!access)
        return false;
    int r = x->shape.rank - 2;
    int64_t rows = x->shape.dims[r], columns = x->shape.dims[r + 1];
    int64_t by_row = access->view.strides[r], by_column = access->view.strides[r + 1];
    if ((rows > 1 && !bgi_blas_fits(by_row)) || (columns > 1 && !bgi_blas_fits(by_column)))
        return false;
    return ((by_column == 1 || columns == 1) && (by_row >= columns || rows == 1)) ||
           ((by_row == 1 || rows == 1) && (by_column >= rows || columns == 1));
}

static bg_node *matrix(bgi_compilation *c, bg_node *x) { return !x || is_matrix(c, x) ? x : copy(c, x); }

/* x · w of one row, as the sum of the products of their parts along the inner axis. Cut by columns, as other products
 * of one row, each task would go through all rows of w, and what updates those later would find them in the cache of
 * another processor: 75 us in place of 30 for 512 x 512 on two. */
static bg_node *sum_of_parts(bgi_compilation *c, const bg_op *op, bg_node *x, bg_node *w, int64_t k, int64_t n)
{
    const int64_t parts = PARTS_OF_VECTOR;
    bg_node *product =
        bgi_apply_2(op, reshape(c, x, BG_SHAPE(parts, 1, k / parts)), reshape(c, w, BG_SHAPE(parts, k / parts, n)));
    return product ? bgi_sum_over(reshape(c, product, BG_SHAPE(1, parts, n)), (bool[BG_MAX_RANK]){ [1] = true }) : NULL;
}

static bool takes_parts(bgi_compilation *c, const bg_node *x, const bg_node *w, int64_t k, int64_t n)
{
    return bg_shape_count(x->shape) == k && n > 1 && k % PARTS_OF_VECTOR == 0 && k > PARTS_OF_VECTOR &&
           k * n * (int64_t)bg_dtype_size(w->dtype) >= LARGE_VECTOR_BYTES && is_contiguous(c, x) && is_contiguous(c, w);
}

static bg_node *simplify_product(bgi_compilation *c, const bg_op *op, bg_node *x, bg_node *w)
{
    if (!x || !w)
        return NULL;
    int r = x->shape.rank - 2;
    int64_t m = x->shape.dims[r], n = w->shape.dims[r + 1], k = x->shape.dims[r + 1];
    bg_shape shape = x->shape;
    shape.dims[r + 1] = n;
    if (k == 0)
        return bg_broadcast(bg_scalar(x->graph, x->dtype, 0), shape);
    if (k == 1)
        return bg_mul(bg_broadcast(x, shape), bg_broadcast(w, shape));
    if (!bgi_blas_fits(m) || !bgi_blas_fits(n) || !bgi_blas_fits(k))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW,
                              "matmul: a dimension of %lld x %lld x %lld does not fit the integer of the BLAS",
                              (long long)m, (long long)n, (long long)k);
    if (takes_parts(c, x, w, k, n))
        return reshape(c, sum_of_parts(c, op, x, w, k, n), shape);
    return bgi_apply_2(op, matrix(c, x), matrix(c, w));
}

/* ---- The rebuilding ---- */

typedef bg_node *make_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs);

static bg_node *expand_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs)
{
    (void)r;
    return bgi_apply_again(node, inputs); /* composes at once */
}

enum { TURNED_DEPTH = 4 }; /* of maps over products */

/* (a · b)ᵀ = bᵀ · aᵀ: a product reads transposes for nothing, and the gradient of linear's weights is one; likewise
 * what is computed element by element of products alone, as the sums in a Hessian-vector product. Not if somebody else
 * wants a · b too, which would be one product more, unless it is as cheap as one of an inner size of 1. */
static bool turns_for_nothing(const bgi_rebuilding *r, const bg_node *x, int depth)
{
    if (bgi_is_transpose_last(x))
        return true;
    if (bgi_node_is(x, BGI_PRODUCT)) {
        const bg_node *a = x->inputs[0];
        return r->uses[x->id] == 1 || a->shape.dims[a->shape.rank - 1] == 1;
    }
    bool result = bgi_node_is(x, BGI_MAP) && r->uses[x->id] == 1 && depth < TURNED_DEPTH;
    for (int k = 0; k < x->n_inputs && result; k++)
        result = turns_for_nothing(r, x->inputs[k], depth + 1);
    return result;
}

static bg_node *turned(const bgi_rebuilding *r, const bg_node *x)
{
    if (bgi_is_transpose_last(x))
        return r->made[x->inputs[0]->id];
    if (bgi_node_is(x, BGI_PRODUCT))
        return simplify_product(r->c, x->op, bgi_transpose_last(r->made[x->inputs[1]->id]),
                                bgi_transpose_last(r->made[x->inputs[0]->id]));
    bg_node *inputs[3]; /* more a map has not */
    assert(x->n_inputs <= 3);
    for (int k = 0; k < x->n_inputs; k++)
        inputs[k] = turned(r, x->inputs[k]);
    return bgi_apply_again(x, inputs);
}

/* An operand of a product with some of its batch axes beside the inner one, before it, as one axis with it. */
static bg_node *beside_inner(bgi_compilation *c, bg_node *x, const bool moved[BG_MAX_RANK], bool is_left,
                             bool *is_copied)
{
    int rank = x->shape.rank, inner = is_left ? rank - 1 : rank - 2;
    bg_axes order = { .count = 0 };
    bg_shape shape = BG_SCALAR;
    for (int i = 0; i < rank - 2; i++)
        if (!moved[i]) {
            order.axis[order.count++] = i;
            shape.dims[shape.rank++] = x->shape.dims[i];
        }
    int64_t extent = x->shape.dims[inner];
    if (is_left) {
        order.axis[order.count++] = rank - 2;
        shape.dims[shape.rank++] = x->shape.dims[rank - 2];
    }
    for (int i = 0; i < rank - 2; i++)
        if (moved[i]) {
            order.axis[order.count++] = i;
            extent *= x->shape.dims[i];
        }
    order.axis[order.count++] = inner;
    shape.dims[shape.rank++] = extent;
    if (!is_left) {
        order.axis[order.count++] = rank - 1;
        shape.dims[shape.rank++] = x->shape.dims[rank - 1];
    }
    x = viewable(c, bg_permute(x, order));
    const bgi_access *access = x ? bgi_access_of(c, x) : NULL;
    int64_t strides[BG_MAX_RANK];
    *is_copied = !access || !bgi_shape_reshape(x->shape, access->view.strides, shape, strides);
    x = reshape(c, x, shape);
    *is_copied = *is_copied || !x || !is_matrix(c, x);
    return x;
}

/* Σ x_b · w_b is one product, whose inner axis goes through the batches too. The products need no room then, but x and
 * w may have to be copied with their batches beside the inner axis: NULL where that is more. */
static bg_node *sum_of_products(const bgi_rebuilding *r, const bg_node *node)
{
    const bgi_reduce_attributes *attributes = node->attributes;
    const bg_node *product = node->inputs[0];
    if (!bgi_node_is(product, BGI_PRODUCT) || !is_sum(node->op) || r->uses[product->id] != 1)
        return NULL;
    int64_t batches = 1, count = bg_shape_count(product->shape);
    for (int i = 0, rank = product->shape.rank; i < rank; i++)
        batches *= !attributes->axis[i] ? 1 : i < rank - 2 ? product->shape.dims[i] : 0;
    if (batches <= 1 || count == 0)
        return NULL;
    bg_node *operands[2];
    int64_t copied = 0;
    for (int k = 0; k < 2; k++) {
        bool is_copied;
        operands[k] = beside_inner(r->c, r->made[product->inputs[k]->id], attributes->axis, k == 0, &is_copied);
        if (!operands[k])
            return NULL;
        copied += is_copied ? bg_shape_count(operands[k]->shape) : 0;
    }
    int rank = operands[0]->shape.rank;
    if (copied >= count || !bgi_blas_fits(operands[0]->shape.dims[rank - 1]))
        return NULL;
    return reshape(r->c, simplify_product(r->c, product->op, operands[0], operands[1]), node->shape);
}

/* An input as a call reads it: contiguous; one that comes in pieces is all of its base besides. */
static bg_node *for_call(bgi_compilation *c, const bg_node *node, int i, bg_node *input)
{
    const bgi_access *access = input ? bgi_access_of(c, input) : NULL;
    bool is_whole = !node->op->units || node->op->units(node, i) <= 1;
    return is_whole && access && access->is_contiguous ? input : flat(c, input);
}

static bg_node *simplify_node(const bgi_rebuilding *r, const bg_node *node, bg_node **inputs)
{
    bgi_compilation *c = r->c;
    if (bg_shape_count(node->shape) != 0 && bgi_node_is(node, BGI_REDUCE)) {
        bg_node *product = sum_of_products(r, node);
        return product ? product : simplify_reduce(c, node, inputs[0]);
    }
    if (bg_shape_count(node->shape) != 0 && bgi_node_is(node, BGI_PRODUCT))
        return simplify_product(c, node->op, inputs[0], inputs[1]);
    if (bg_shape_count(node->shape) != 0 && bgi_is_transpose_last(node) && turns_for_nothing(r, node->inputs[0], 0))
        return turned(r, node->inputs[0]);
    if (!node->op->lowering)
        for (int i = 0; i < node->n_inputs; i++)
            inputs[i] = for_call(c, node, i, inputs[i]);
    return viewable(c, bgi_apply_again(node, inputs));
}

/* Rebuilds what the roots need of one graph in another; roots are replaced by their new forms. */
static bg_status rebuild(bgi_compilation *c, const bg_graph *from, bg_graph *to, bg_node **roots, size_t n_roots,
                         make_node *make)
{
    size_t count = (size_t)from->count;
    bgi_rebuilding r = { .c = c,
                         .to = to,
                         .made = bgi_compile_push(c, count, sizeof(bg_node *)),
                         .lanes = bgi_compile_push(c, count, sizeof(bg_node *)),
                         .uses = bgi_compile_push(c, count, sizeof(int)) };
    if (!r.made || !r.lanes || !r.uses)
        return BG_ERR_NOMEM;
    for (size_t i = 0; i < n_roots; i++)
        r.uses[roots[i]->id]++;
    for (size_t i = count; i-- > 0;)
        for (int k = 0; k < from->nodes[i]->n_inputs && r.uses[i] > 0; k++)
            r.uses[from->nodes[i]->inputs[k]->id]++;
    for (size_t i = 0; i < count; i++) {
        if (r.uses[i] == 0)
            continue;
        const bg_node *node = from->nodes[i];
        if (bgi_node_is_leaf(node)) {
            r.made[i] = bgi_graph_import_leaf(to, node);
        } else {
            bg_node *few[4], **inputs = few;
            if (node->n_inputs > 4)
                inputs = bgi_compile_push(c, (size_t)node->n_inputs, sizeof(bg_node *));
            if (!inputs)
                return BG_ERR_NOMEM;
            for (int k = 0; k < node->n_inputs; k++)
                inputs[k] = r.made[node->inputs[k]->id];
            r.made[i] = make(&r, node, inputs);
        }
        if (!r.made[i])
            return bg_graph_status(to) ? bg_graph_status(to) : BG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n_roots; i++)
        roots[i] = r.made[roots[i]->id];
    return bg_graph_status(to); /* a simplification that ran out of memory may have left the node as it was */
}

/* A value can fill one place: the second one wanted of it, and anything that no step computes, is a copy. */
static bg_status list_changes(bgi_compilation *c, bg_node *const *pairs, size_t n, bool *is_taken)
{
    for (size_t i = 0; i < n; i++) {
        bg_node *target = pairs[2 * i], *value = pairs[2 * i + 1];
        if (value == target)
            continue;
        if (!bgi_node_is(value, BGI_MAP) || is_taken[value->id])
            value = bgi_new_copy(c, value);
        else
            is_taken[value->id] = true;
        if (!value)
            return bg_graph_status(c->graph);
        c->changes[c->n_changes++] = (bgi_change){ .target = target->id, .value = value->id };
    }
    return BG_OK;
}

/* A view of all elements in their order is its base in another shape. */
static bg_status list_outputs(bgi_compilation *c, bg_node *const *roots, size_t n, bool *is_taken)
{
    int *listed = bgi_compile_push(c, (size_t)c->graph->count, sizeof *listed); /* 1 + output that the root is */
    if (!listed)
        return BG_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!listed[roots[i]->id]) {
            const bgi_access *access = bgi_access_of(c, roots[i]);
            bg_node *value = access && access->is_flat ? c->graph->nodes[access->base] : roots[i];
            if (bgi_node_is_leaf(value) || bgi_node_is(value, BGI_VIEW) || is_taken[value->id])
                value = bgi_new_copy(c, roots[i]);
            else
                is_taken[value->id] = true;
            if (!value)
                return bg_graph_status(c->graph);
            c->outputs[c->n_outputs++] = (bgi_output){ .value = value->id, .shape = roots[i]->shape };
            listed[roots[i]->id] = c->n_outputs;
        }
        c->program->output_of[i] = listed[roots[i]->id] - 1;
    }
    return bg_graph_status(c->graph); /* out of memory where a view was looked at */
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
    if (!status && bgi_begins_lanes(expanded)) {
        bg_graph *in_lanes = NULL;
        status = bgi_graph_create_compiling(&in_lanes, c->engine);
        if (!status)
            status = rebuild(c, expanded, in_lanes, roots, r, bgi_lanes_node);
        bg_graph_destroy(expanded);
        expanded = in_lanes;
    }
    if (!status)
        status = bgi_graph_create_compiling(&c->graph, c->engine);
    c->program->graph = c->graph;
    if (!status)
        status = rebuild(c, expanded, c->graph, roots, r, simplify_node);
    bg_graph_destroy(expanded);
    if (!status && bgi_has_in_place(c->graph)) {
        bg_graph *shared = c->graph;
        c->graph = NULL;
        c->n_accesses = 0;
        status = bgi_graph_create_compiling(&c->graph, c->engine);
        c->program->graph = c->graph;
        if (!status)
            status = rebuild(c, shared, c->graph, roots, r, bgi_separate_node);
        bg_graph_destroy(shared);
    }
    if (status)
        return status;

    bool *is_taken = bgi_compile_push(c, (size_t)c->graph->count, sizeof *is_taken);
    if (!is_taken)
        return BG_ERR_NOMEM;
    status = list_changes(c, roots + n, n_changes, is_taken);
    return status ? status : list_outputs(c, roots, n, is_taken);
}
