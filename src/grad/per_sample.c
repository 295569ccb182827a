/* Gradients of the loss of each sample of a batch.
 *
 * The transform goes down the graph as that of the sum of all losses does, as long as a value is divided among the
 * samples: its cotangent then is too. Where such a value is computed from something that every sample reads all of, as
 * a parameter is, the cotangent gets an axis of samples in front, and keeps it from there on. A value with readers of
 * both kinds is where samples meet. */
#include "grad/grad.h"
#include "grad/samples.h"

/* A cotangent for each sample that is not there yet: of input k of a node. It may have gone on through rearrangements,
 * whose inputs lead from there to here. */
typedef struct {
    bg_node *node; /* NULL: none */
    int samples, k;
    bg_node *dy; /* for each sample */
} pending;

/* What the transform knows of a node. */
typedef struct {
    bool depends; /* a gradient may flow from the node to some x */
    bool is_reached;
    int samples;          /* where they are in its value, if it is reached */
    bg_node *cotangent;   /* the sum of what has arrived, with an axis of samples in front if the value is of all */
    pending pending;      /* all that has arrived, if `cotangent` is NULL */
    const char *gatherer; /* the op by which every sample reads all of it */
} entry;

/* A range of nodes, as in the transform of the sum: one of a composition goes on in the range before it. */
typedef struct range {
    bg_graph *graph;
    struct range *outer;
    int first, end;
    entry *entries;
    int64_t n;            /* samples */
    bool defers;          /* gradients of factors are wanted for their squares only */
    const char *composed; /* the op whose composition it is; NULL: the whole graph */
} range;

static entry *find_entry(range *r, const bg_node *node)
{
    while (r && node->id < r->first)
        r = r->outer;
    return r && node->id < r->end ? &r->entries[node->id - r->first] : NULL;
}

static bool depends(range *r, const bg_node *node)
{
    const entry *e = find_entry(r, node);
    return e && e->depends;
}

static bool open_range(range *r)
{
    r->entries = bgi_alloc_zero(r->graph->engine, (size_t)(r->end - r->first) * sizeof *r->entries);
    if (!r->entries)
        bgi_graph_fail(r->graph, BG_ERR_NOMEM, "per_sample_grad: out of memory");
    return r->entries != NULL;
}

static void close_range(range *r)
{
    bgi_free(r->graph->engine, r->entries, (size_t)(r->end - r->first) * sizeof *r->entries);
}

static void mark(range *r)
{
    for (int id = r->first; id < r->end; id++) {
        const bg_node *node = r->graph->nodes[id];
        bool *varies = &r->entries[id - r->first].depends;
        for (int i = 0; i < node->n_inputs && !*varies && !node->op->is_constant; i++)
            *varies = depends(r, node->inputs[i]);
    }
}

/* ---- Arrivals ---- */

static bool fail(const range *r, const bg_node *node, const char *op, const char *what)
{
    bgi_graph_fail(r->graph, BG_ERR_GRADIENT, "per_sample_grad: %s: %s %s", r->composed ? r->composed : op, what,
                   bgi_shape_format(node->shape).text);
    return false;
}

/* The cotangent that is pending at a node. */
static bg_node *settle(const range *r, const pending *p, const bg_node *at)
{
    bg_node *cotangent = bgi_sample_gradient(p->node, p->samples, p->k, p->dy, r->n);
    for (bg_node *node = p->node->inputs[p->k]; node != at && cotangent; node = node->inputs[0])
        cotangent = bgi_sample_gradient(node, BGI_OF_ALL, 0, cotangent, r->n);
    return cotangent;
}

/* The entry of a node that something arrives at, by the op whose reading of it this is. NULL: samples meet there. */
static entry *arrive(range *r, const bg_node *node, int samples, const char *op)
{
    entry *e = find_entry(r, node);
    const char *gatherer = r->composed ? r->composed : op;
    if (e->is_reached && e->samples != samples) {
        bgi_graph_fail(r->graph, BG_ERR_GRADIENT, "per_sample_grad: %s: samples meet: %s",
                       e->gatherer ? e->gatherer : gatherer, bgi_shape_format(node->shape).text);
        return NULL;
    }
    e->is_reached = true;
    e->samples = samples;
    if (!e->gatherer && samples < 0)
        e->gatherer = gatherer;
    return e;
}

/* The cotangent of a node that something has arrived at. */
static bg_node *cotangent_of(const range *r, entry *e, const bg_node *node)
{
    if (!e->cotangent)
        e->cotangent = settle(r, &e->pending, node);
    return e->cotangent;
}

static bool add_cotangent(const range *r, entry *e, const bg_node *node, bg_node *cotangent)
{
    if (e->pending.node && !cotangent_of(r, e, node))
        return false;
    e->cotangent = e->cotangent ? bg_add(e->cotangent, cotangent) : cotangent;
    return e->cotangent != NULL;
}

static bool add_pending(const range *r, entry *e, const bg_node *node, const pending *p)
{
    if (!e->cotangent && !e->pending.node) {
        e->pending = *p;
        return true;
    }
    bg_node *cotangent = settle(r, p, node);
    return cotangent && add_cotangent(r, e, node, cotangent);
}

/* ---- Going down ---- */

static bool propagate_composition(range *r, bg_node *node);

/* Why the node's own rule does not serve an input that leads to some x; NULL: it serves all. */
static const char *find_obstacle(range *r, const bg_node *node, int samples)
{
    for (int k = 0; k < node->n_inputs; k++) {
        if (!depends(r, node->inputs[k]))
            continue;
        int where = bgi_samples_of_input(node, samples, k, r->n);
        if (where == BGI_LOST)
            return "the samples cannot be told apart:";
        if (where >= 0 && !node->op->gradient)
            return "has no gradient:";
        if (where == BGI_OF_ALL && !bgi_has_sample_gradient(node, samples, k))
            return "has no gradient for each sample:";
    }
    return NULL;
}

static bool has_shape(const bg_node *dx, const bg_node *input, int where, int64_t n)
{
    const int64_t *dims = dx->shape.dims;
    bg_shape rest = { .rank = dx->shape.rank - (where < 0) };
    if (dx->graph != input->graph || dx->dtype != input->dtype || rest.rank < 0 || (where < 0 && dims[0] != n))
        return false;
    for (int i = 0; i < rest.rank; i++)
        rest.dims[i] = dims[i + (where < 0)];
    return bg_shape_equal(rest, input->shape);
}

/* Sends the cotangent of a node to one of its inputs. */
static bool propagate_to(range *r, bg_node *node, const entry *e, int k)
{
    bg_node *input = node->inputs[k], *dx;
    int where = bgi_samples_of_input(node, e->samples, k, r->n);
    if (where >= 0) {
        dx = bgi_gradient_of(node, k, e->cotangent);
    } else {
        bg_node *dy = e->samples < 0 ? e->cotangent : bgi_for_each_sample(e->cotangent, e->samples, r->n);
        pending p = { node, e->samples, k, dy };
        if (!dy)
            return false;
        if (r->defers && bgi_is_cheap_square(node, e->samples, k, r->n)) {
            entry *to = arrive(r, input, where, node->op->name);
            return to && add_pending(r, to, input, &p);
        }
        dx = bgi_sample_gradient(node, e->samples, k, dy, r->n);
    }
    if (!dx)
        return !r->graph->status;
    if (!has_shape(dx, input, where, r->n))
        return fail(r, dx, node->op->name, "its gradient has the shape");
    const char *op = bgi_is_elementwise(node) && e->gatherer ? e->gatherer : node->op->name;
    entry *to = arrive(r, input, where, op);
    return to && add_cotangent(r, to, input, dx);
}

static bool propagate(range *r, bg_node *node)
{
    entry *e = find_entry(r, node);
    if (node->op->is_constant || bgi_node_is_leaf(node))
        return true;
    /* Rearranged elements have the same squares. */
    if (!e->cotangent && bgi_is_rearrangement(node) && depends(r, node->inputs[0])) {
        entry *to = arrive(r, node->inputs[0], BGI_OF_ALL, e->gatherer);
        return to && add_pending(r, to, node->inputs[0], &e->pending);
    }
    const char *obstacle = find_obstacle(r, node, e->samples);
    if (obstacle)
        return node->op->compose ? propagate_composition(r, node) : fail(r, node, node->op->name, obstacle);
    for (int k = 0; k < node->n_inputs; k++)
        if (depends(r, node->inputs[k]) && (!cotangent_of(r, e, node) || !propagate_to(r, node, e, k)))
            return false;
    return true;
}

static bool descend(range *r)
{
    for (int id = r->end; id-- > r->first;) {
        const entry *e = &r->entries[id - r->first];
        if (e->is_reached && e->depends && !propagate(r, r->graph->nodes[id]))
            return false;
    }
    return true;
}

static bool propagate_composition(range *r, bg_node *node)
{
    entry *e = find_entry(r, node);
    bg_node *cotangent = cotangent_of(r, e, node);
    if (!cotangent)
        return false;
    range inner = { .graph = r->graph,
                    .outer = r,
                    .first = r->graph->count,
                    .n = r->n,
                    .defers = r->defers,
                    .composed = r->composed ? r->composed : node->op->name };
    bg_node *composed = bgi_compose(node);
    inner.end = r->graph->count;
    if (!composed || !open_range(&inner))
        return false;
    mark(&inner);
    bool is_good = true;
    if (depends(&inner, composed)) {
        entry *to = arrive(&inner, composed, e->samples, e->gatherer);
        is_good = to && add_cotangent(&inner, to, composed, cotangent) && descend(&inner);
    } else if (node->op->gradient) {
        /* Its own rule knows a gradient that its composition, of parts that have none, has not. */
        is_good = fail(r, node, node->op->name, "has no gradient for each sample:");
    }
    close_range(&inner);
    return is_good;
}

/* ---- Results ---- */

/* The gradient of x for each sample, or the sum of its squares. */
static bg_node *result_of(range *r, bg_node *x, size_t i)
{
    const entry *e = find_entry(r, x);
    if (!e || !e->is_reached) {
        bg_node *zeros = bgi_for_each_sample(bg_broadcast(bgi_scalar_like(x, 0), x->shape), BGI_OF_ALL, r->n);
        return r->defers && zeros ? bg_broadcast(bgi_scalar_like(x, 0), BG_SHAPE(r->n)) : zeros;
    }
    if (e->samples >= 0)
        return bgi_graph_fail(r->graph, BG_ERR_ARGUMENT, "per_sample_grad: xs[%zu] %s is divided among the samples", i,
                              bgi_shape_format(x->shape).text);
    if (!e->cotangent)
        return bgi_sample_square(e->pending.node, e->pending.samples, e->pending.k, e->pending.dy, r->n);
    return r->defers ? bgi_square_of_each(e->cotangent) : e->cotangent;
}

static bool transform(range *r, bg_node *losses, bg_node *const *xs, size_t n, bg_node **results)
{
    for (size_t i = 0; i < n; i++)
        if (xs[i]->id < r->end)
            r->entries[xs[i]->id].depends = true;
    mark(r);
    if (depends(r, losses)) {
        entry *e = arrive(r, losses, 0, losses->op->name);
        bg_node *ones = bg_broadcast(bgi_scalar_like(losses, 1), losses->shape);
        if (!ones || !add_cotangent(r, e, losses, ones) || !descend(r))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        results[i] = result_of(r, xs[i], i);
        if (!results[i])
            return false;
    }
    return true;
}

/* Of one sample, or none, it is the gradient of the sum. */
static bool transform_sum(bg_node *losses, bg_node *const *xs, size_t n, bg_node **results, bool squares)
{
    int64_t samples = losses->shape.dims[0];
    bg_node *ones = bg_broadcast(bgi_scalar_like(losses, 1), losses->shape);
    if (!ones || bg_grad_from(&losses, &ones, 1, xs, n, results))
        return false;
    for (size_t i = 0; i < n; i++) {
        bg_shape one = { .rank = xs[i]->shape.rank + 1, .dims = { 1 } }, all = one;
        if (one.rank > BG_MAX_RANK) {
            bgi_graph_fail(losses->graph, BG_ERR_SHAPE,
                           "per_sample_grad: xs[%zu] %s has no room for an axis of samples", i,
                           bgi_shape_format(xs[i]->shape).text);
            return false;
        }
        for (int d = 1; d < one.rank; d++)
            one.dims[d] = all.dims[d] = xs[i]->shape.dims[d - 1];
        all.dims[0] = samples;
        if (samples == 0)
            results[i] = bg_broadcast(bgi_scalar_like(xs[i], 0), all);
        else
            results[i] = bg_reshape(results[i], one);
        if (squares)
            results[i] = bgi_square_of_each(results[i]);
        if (!results[i])
            return false;
    }
    return true;
}

/* The graph of all nodes given, if they can be differentiated; NULL with the status set. */
static bg_graph *check(bg_node *losses, bg_node *const *xs, size_t n, bg_status *status)
{
    bg_node *const *const lists[] = { &losses, xs };
    bg_graph *graph = bgi_common_graph("per_sample_grad", lists, (size_t[]){ 1, n }, 2, status);
    if (!graph)
        return NULL;
    if (!bgi_graph_accept(graph, bgi_engine_check(graph->engine, "per_sample_grad"))) {
        *status = graph->status;
        return NULL;
    }
    if (losses->shape.rank != 1)
        bgi_graph_fail(graph, BG_ERR_SHAPE, "per_sample_grad: losses %s are not [samples]",
                       bgi_shape_format(losses->shape).text);
    else if (!bgi_is_float(losses->dtype))
        bgi_graph_fail(graph, BG_ERR_DTYPE, "per_sample_grad: losses are %s, not f32 or f64",
                       bg_dtype_name(losses->dtype));
    else
        (void)bgi_takes_directions("per_sample_grad", "xs", xs, NULL, NULL, n);
    *status = graph->status;
    return *status ? NULL : graph;
}

static bg_status differentiate(bg_node *losses, bg_node *const *xs, size_t n, bg_node **results, bool squares)
{
    bg_status status;
    if (!bgi_clear_places("per_sample_grad", results, n))
        return BG_ERR_ARGUMENT;
    bg_graph *graph = check(losses, xs, n, &status);
    if (!graph)
        return status;
    bool is_good = false;
    if (losses->shape.dims[0] > 1) {
        range r = { .graph = graph, .end = losses->id + 1, .n = losses->shape.dims[0], .defers = squares };
        is_good = open_range(&r) && transform(&r, losses, xs, n, results);
        close_range(&r);
    } else {
        is_good = transform_sum(losses, xs, n, results, squares);
    }
    for (size_t i = 0; i < n && !is_good; i++)
        results[i] = NULL;
    return bg_graph_status(graph);
}

bg_status bg_per_sample_grad(bg_node *losses, bg_node *const *xs, size_t n, bg_node **dxs)
{
    return differentiate(losses, xs, n, dxs, false);
}

bg_status bg_per_sample_grad_norms(bg_node *losses, bg_node *const *xs, size_t n, bg_node **squares)
{
    return differentiate(losses, xs, n, squares, true);
}
