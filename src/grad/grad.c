/* Reverse-mode gradients as a transform of the graph. */
#include "grad/grad.h"

#include "grad/checkpoint.h"
#include "ops/cotangent.h"

/* What the transform knows of the nodes of a range of the graph. */
typedef struct flow {
    bg_graph *graph;
    struct flow *outer; /* the range before this one, if it is that of a composition; NULL: nothing varies there */
    int first, end;
    bg_node *const *xs; /* of the first range: whose gradients are wanted */
    size_t n_xs;
    bool *depends;       /* a gradient may flow from the node to some x */
    bg_node **cotangent; /* the sum of what has arrived at the node; NULL: nothing yet */
} flow;

static bool depends(const flow *f, const bg_node *node)
{
    while (f && node->id < f->first)
        f = f->outer;
    return f && node->id < f->end && f->depends[node->id - f->first];
}

static bool accumulate(flow *f, bg_node *node, bg_node *cotangent)
{
    while (node->id < f->first)
        f = f->outer;
    bg_node **sum = &f->cotangent[node->id - f->first];
    *sum = *sum ? bgi_add_cotangents(*sum, cotangent) : cotangent;
    return *sum != NULL;
}

static bool open_flow(flow *f)
{
    size_t count = (size_t)(f->end - f->first);
    f->depends = bgi_alloc_zero(f->graph->engine, count * sizeof *f->depends);
    f->cotangent = bgi_alloc_zero(f->graph->engine, count * sizeof(bg_node *));
    if (!f->depends || !f->cotangent)
        bgi_graph_fail(f->graph, BG_ERR_NOMEM, "grad: out of memory");
    return f->depends && f->cotangent;
}

static void close_flow(flow *f)
{
    size_t count = (size_t)(f->end - f->first);
    bgi_free(f->graph->engine, f->depends, count * sizeof *f->depends);
    bgi_free(f->graph->engine, f->cotangent, count * sizeof(bg_node *));
}

/* Marks the nodes whose value varies with some x. */
static void mark(flow *f)
{
    for (int id = f->first; id < f->end; id++) {
        const bg_node *node = f->graph->nodes[id];
        bool *varies = &f->depends[id - f->first];
        for (int i = 0; i < node->n_inputs && !*varies && !node->op->is_constant; i++)
            *varies = depends(f, node->inputs[i]);
    }
}

static bool propagate_composition(flow *f, bg_node *node, bg_node *dy);

/* Sends a node's cotangent to those of its inputs that lead to some x. */
static bool propagate(flow *f, bg_node *node, bg_node *dy)
{
    if (node->op->is_constant)
        return true;
    if (!node->op->gradient && node->op->compose)
        return propagate_composition(f, node, dy);
    for (int i = 0; i < node->n_inputs; i++) {
        bg_node *input = node->inputs[i];
        if (!depends(f, input))
            continue;
        if (!node->op->gradient) {
            bgi_graph_fail(f->graph, BG_ERR_GRADIENT, "grad: %s has no gradient", node->op->name);
            return false;
        }
        bg_node *dx = bgi_gradient_of(node, i, dy);
        if (f->graph->alter_gradient && !f->graph->status)
            dx = f->graph->alter_gradient(node, i, dy, dx);
        if (!dx && f->graph->status)
            return false;
        if (!dx)
            continue;
        if (dx->graph != f->graph || dx->dtype != input->dtype || !bg_shape_equal(dx->shape, input->shape)) {
            bgi_graph_fail(f->graph, BG_ERR_GRADIENT, "grad: the gradient of %s for input %d is %s %s, the input %s %s",
                           node->op->name, i, bg_dtype_name(dx->dtype), bgi_shape_format(dx->shape).text,
                           bg_dtype_name(input->dtype), bgi_shape_format(input->shape).text);
            return false;
        }
        if (!accumulate(f, input, dx))
            return false;
    }
    return true;
}

/* Nodes are younger than their inputs, so one pass down meets each node when all that flows to it has arrived, in an
 * order that is the graph's alone. */
static bool descend(flow *f)
{
    for (int id = f->end; id-- > f->first;) {
        bg_node *dy = f->cotangent[id - f->first];
        if (dy && f->depends[id - f->first] && !propagate(f, f->graph->nodes[id], dy))
            return false;
    }
    return true;
}

/* What a node without a rule stands for, in nodes of its own. */
static bg_node *expand(const flow *f, bg_node *node, bg_node *dy)
{
    while (f->outer)
        f = f->outer;
    return bgi_is_checkpoint(node) ? bgi_recompute(node, dy, f->xs, f->n_xs) : bgi_compose(node);
}

/* Through the nodes that the composition adds; what reaches older ones, as the node's inputs are, goes on from there.
 */
static bool propagate_composition(flow *f, bg_node *node, bg_node *dy)
{
    flow inner = { .graph = f->graph, .outer = f, .first = f->graph->count };
    bg_node *composed = expand(f, node, dy);
    if (!composed)
        return false;
    inner.end = f->graph->count;
    bool is_good = open_flow(&inner);
    if (is_good) {
        mark(&inner);
        is_good = !depends(&inner, composed) || (accumulate(&inner, composed, dy) && descend(&inner));
    }
    close_flow(&inner);
    return is_good;
}

static bool transform(flow *f, bg_node *const *ys, bg_node *const *cotangents, size_t n_ys, bg_node *const *xs,
                      size_t n, bg_node **dxs)
{
    for (size_t i = 0; i < n; i++)
        if (xs[i]->id < f->end)
            f->depends[xs[i]->id] = true;
    mark(f);
    for (size_t i = 0; i < n_ys; i++)
        if (depends(f, ys[i]) && !accumulate(f, ys[i], cotangents[i]))
            return false;
    if (!descend(f))
        return false;
    for (size_t i = 0; i < n; i++) {
        dxs[i] = xs[i]->id < f->end ? f->cotangent[xs[i]->id] : NULL;
        if (!dxs[i])
            dxs[i] = bg_broadcast(bgi_scalar_like(xs[i], 0), xs[i]->shape);
        if (!dxs[i])
            return false;
    }
    return true;
}

/* ---- Checks ---- */

bg_graph *bgi_common_graph(const char *caller, bg_node *const *const *lists, const size_t *counts, int n_lists,
                           bg_status *status)
{
    bg_graph *graph = NULL;
    bool is_missing = false, is_mixed = false;
    for (int l = 0; l < n_lists; l++)
        for (size_t i = 0; i < counts[l]; i++) {
            const bg_node *node = lists[l] ? lists[l][i] : NULL;
            is_missing = is_missing || !node;
            is_mixed = is_mixed || (node && graph && node->graph != graph);
            graph = node && !graph ? node->graph : graph;
        }
    *status = graph ? bg_graph_status(graph) : BG_OK;
    if (*status || (graph && !is_missing && !is_mixed))
        return *status ? NULL : graph;
    if (graph || is_missing)
        *status = bg_fail(BG_ERR_ARGUMENT, "%s: %s", caller,
                          is_mixed ? "nodes belong to different graphs" : "a node is NULL");
    if (graph)
        bgi_graph_accept(graph, *status);
    return NULL;
}

bool bgi_takes_directions(const char *caller, const char *list, bg_node *const *nodes, const char *what,
                          bg_node *const *directions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bg_node *node = nodes[i], *direction = directions ? directions[i] : node;
        if (!bgi_is_float(node->dtype))
            bgi_graph_fail(node->graph, BG_ERR_DTYPE, "%s: %s[%zu] is %s, not f32 or f64", caller, list, i,
                           bg_dtype_name(node->dtype));
        else if (direction->dtype != node->dtype)
            bgi_graph_fail(node->graph, BG_ERR_DTYPE, "%s: %s[%zu] is %s, its %s %s", caller, list, i,
                           bg_dtype_name(node->dtype), what, bg_dtype_name(direction->dtype));
        else if (!bg_shape_equal(direction->shape, node->shape))
            bgi_graph_fail(node->graph, BG_ERR_SHAPE, "%s: %s[%zu] is %s, its %s %s", caller, list, i,
                           bgi_shape_format(node->shape).text, what, bgi_shape_format(direction->shape).text);
        if (node->graph->status)
            return false;
    }
    return true;
}

bool bgi_clear_places(const char *caller, bg_node **places, size_t n)
{
    for (size_t i = 0; i < n && places; i++)
        places[i] = NULL;
    if (!places && n > 0)
        bg_fail(BG_ERR_ARGUMENT, "%s: no place for the results", caller);
    return places || n == 0;
}

/* ---- */

static bg_status differentiate(bg_graph *graph, bg_node *const *ys, bg_node *const *cotangents, size_t n_ys,
                               bg_node *const *xs, size_t n, bg_node **dxs)
{
    if (!bgi_graph_accept(graph, bgi_engine_check(graph->engine, "grad")))
        return graph->status;
    if (!bgi_takes_directions("grad", "xs", xs, NULL, NULL, n))
        return graph->status;
    flow f = { .graph = graph, .xs = xs, .n_xs = n };
    for (size_t i = 0; i < n_ys; i++)
        if (ys[i]->id >= f.end)
            f.end = ys[i]->id + 1;
    if (open_flow(&f))
        transform(&f, ys, cotangents, n_ys, xs, n, dxs);
    close_flow(&f);
    for (size_t i = 0; i < n && graph->status; i++)
        dxs[i] = NULL;
    return graph->status;
}

bg_status bg_grad(bg_node *y, bg_node *const *xs, size_t n, bg_node **dxs)
{
    if (!bgi_clear_places("grad", dxs, n))
        return BG_ERR_ARGUMENT;
    bg_status status;
    bg_graph *graph = bgi_common_graph("grad", (bg_node *const *const[]){ &y, xs }, (size_t[]){ 1, n }, 2, &status);
    if (!graph)
        return status;
    if (bg_shape_count(y->shape) != 1)
        bgi_graph_fail(graph, BG_ERR_SHAPE, "grad: y %s has not one element", bgi_shape_format(y->shape).text);
    else if (!bgi_is_float(y->dtype))
        bgi_graph_fail(graph, BG_ERR_DTYPE, "grad: y is %s, not f32 or f64", bg_dtype_name(y->dtype));
    if (graph->status)
        return graph->status;
    bg_node *one = bg_broadcast(bgi_scalar_like(y, 1), y->shape);
    return one ? differentiate(graph, &y, &one, 1, xs, n, dxs) : graph->status;
}

bg_status bg_grad_from(bg_node *const *ys, bg_node *const *cotangents, size_t n_ys, bg_node *const *xs, size_t n,
                       bg_node **dxs)
{
    if (!bgi_clear_places("grad", dxs, n))
        return BG_ERR_ARGUMENT;
    bg_status status;
    bg_node *const *const lists[] = { ys, cotangents, xs };
    bg_graph *graph = bgi_common_graph("grad", lists, (size_t[]){ n_ys, n_ys, n }, 3, &status);
    if (!graph || !bgi_takes_directions("grad", "ys", ys, "cotangent", cotangents, n_ys))
        return graph ? graph->status : status;
    return differentiate(graph, ys, cotangents, n_ys, xs, n, dxs);
}
