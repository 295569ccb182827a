/* Computing again rather than keeping.
 *
 * A checkpoint is its first input, y; the others are where the part that it stands for begins. The gradient transform
 * asks for a copy of that part and goes on through the copy. In a compiler's graph equal nodes are one node, so the
 * copy reads its inputs through an op that has a second input: the cotangent, which is read as a whole. That keeps it
 * from being the same node, and puts the copy behind a barrier, into levels of its own. Row by row it would be computed
 * in the level of the forward pass, where memory is planned by levels and nothing could be given back. */
#include "grad/checkpoint.h"

#include <blasgrad/grad.h>

#include <limits.h>
#include <string.h>

/* ---- What waits ---- */

/* recompute: x, when the second input is there; dx = dy */
static bg_status wait_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static bg_node *wait_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)node;
    return input == 0 ? dy : NULL;
}
/* Rows, as the steps that read it have them. */
static int64_t wait_units(const bg_node *node, int input)
{
    int64_t rows = 1, columns = 1;
    for (int i = 0; i < node->shape.rank; i++) {
        int64_t extent = node->shape.dims[i];
        rows *= extent != 1 ? columns : 1;
        columns = extent != 1 ? extent : columns;
    }
    rows = rows == 1 ? columns : rows;
    return input == 1 || rows < 1 ? 1 : rows;
}
static bg_status wait_call(const bg_call *call)
{
    size_t bytes = (size_t)bg_shape_count(call->node->shape) * bg_dtype_size(call->node->dtype);
    size_t unit = bytes / (size_t)wait_units(call->node, -1);
    if (bytes > 0)
        memcpy(call->output, call->inputs[0], (size_t)(call->last - call->first) * unit);
    return BG_OK;
}
static const bg_op wait_op = { .name = "recompute",
                               .arity = 2,
                               .infer = wait_infer,
                               .gradient = wait_gradient,
                               .call = wait_call,
                               .units = wait_units,
                               .never_fails = true };

/* ---- The checkpoint ---- */

static bg_node *first_input(bg_node *node) { return node->inputs[0]; }
static const bg_op checkpoint_op = { .name = "checkpoint", .arity = -1, .infer = wait_infer, .compose = first_input };

bool bgi_is_checkpoint(const bg_node *node) { return node->op == &checkpoint_op; }

bg_node *bg_checkpoint(bg_node *y, bg_node *const *inputs, size_t n)
{
    if (!y)
        return NULL;
    if (n == 0 || n >= INT_MAX || !inputs)
        return bgi_graph_fail(y->graph, BG_ERR_ARGUMENT, "checkpoint: y %s has no inputs",
                              bgi_shape_format(y->shape).text);
    bg_engine *engine = y->graph->engine;
    bg_node **all = bgi_alloc_zero(engine, (n + 1) * sizeof(bg_node *)), *node = NULL;
    if (all) {
        all[0] = y;
        memcpy(all + 1, inputs, n * sizeof(bg_node *));
        node = bg_apply(&checkpoint_op, all, (int)n + 1, NULL, 0);
    } else {
        bgi_graph_fail(y->graph, BG_ERR_NOMEM, "checkpoint: out of memory");
    }
    bgi_free(engine, all, (n + 1) * sizeof(bg_node *));
    return node;
}

/* ---- The copy ---- */

/* Of the nodes from `first` up to y, beyond which nothing depends on the inputs. */
typedef struct {
    bg_graph *graph;
    bg_node *token; /* what is waited for */
    int first, count;
    bool *is_needed, *is_boundary;
    bg_node **copies;  /* NULL: the node is read as it is */
    bg_node *step;     /* of random nodes; NULL: not read so far */
    bg_node **sources; /* of the node being copied */
    int most_sources;
} recomputation;

static bool is_within(const recomputation *r, const bg_node *node)
{
    return node->id >= r->first && node->id - r->first < r->count;
}

static bg_node *when_due(const recomputation *r, bg_node *x) { return bgi_apply_2(&wait_op, x, r->token); }

static void mark(recomputation *r)
{
    r->is_needed[r->count - 1] = true;
    for (int i = r->count; i-- > 0;) {
        const bg_node *node = r->graph->nodes[r->first + i];
        for (int k = 0; k < node->n_inputs && r->is_needed[i] && !r->is_boundary[i]; k++)
            if (is_within(r, node->inputs[k]))
                r->is_needed[node->inputs[k]->id - r->first] = true;
        if (r->is_needed[i] && node->n_inputs > r->most_sources)
            r->most_sources = node->n_inputs;
    }
}

/* Draws that are made again need the step again: the same draw would be one node with the first. */
static bg_node *source_of(recomputation *r, bg_node *x)
{
    if (x == r->graph->random_step) {
        r->step = r->step ? r->step : when_due(r, x);
        return r->step;
    }
    bg_node *copy = is_within(r, x) ? r->copies[x->id - r->first] : NULL;
    return copy ? copy : x;
}

static bool copy_nodes(recomputation *r)
{
    mark(r);
    r->sources = bgi_alloc_zero(r->graph->engine, (size_t)r->most_sources * sizeof(bg_node *));
    if (!r->sources) {
        bgi_graph_fail(r->graph, BG_ERR_NOMEM, "checkpoint: out of memory");
        return false;
    }
    for (int i = 0; i < r->count; i++) {
        bg_node *node = r->graph->nodes[r->first + i];
        if (!r->is_needed[i])
            continue;
        bool has_changed = r->is_boundary[i];
        for (int k = 0; k < node->n_inputs && !r->is_boundary[i]; k++) {
            r->sources[k] = source_of(r, node->inputs[k]);
            if (!r->sources[k])
                return false;
            has_changed = has_changed || r->sources[k] != node->inputs[k];
        }
        if (!has_changed)
            continue;
        r->copies[i] = r->is_boundary[i] ? when_due(r, node) : bgi_apply_again(node, r->sources);
        if (!r->copies[i])
            return false;
    }
    return true;
}

bg_node *bgi_recompute(bg_node *node, bg_node *dy, bg_node *const *xs, size_t n)
{
    bg_graph *graph = node->graph;
    bg_node *y = node->inputs[0], *token = dy, *copy = NULL;
    while (bgi_node_is(token, BGI_VIEW))
        token = token->inputs[0];
    if (bgi_node_is_leaf(token)) /* the gradient is due as soon as y is there: what it is made of is still at hand */
        return y;
    recomputation r = { .graph = graph, .token = token, .first = y->id, .most_sources = 1 };
    for (int k = 1; k < node->n_inputs; k++)
        r.first = node->inputs[k]->id < r.first ? node->inputs[k]->id : r.first;
    r.count = y->id - r.first + 1;
    size_t count = (size_t)r.count;
    r.is_needed = bgi_alloc_zero(graph->engine, count * sizeof(bool));
    r.is_boundary = bgi_alloc_zero(graph->engine, count * sizeof(bool));
    r.copies = bgi_alloc_zero(graph->engine, count * sizeof(bg_node *));
    if (r.is_needed && r.is_boundary && r.copies) {
        for (int k = 1; k < node->n_inputs; k++)
            if (is_within(&r, node->inputs[k]))
                r.is_boundary[node->inputs[k]->id - r.first] = true;
        for (size_t i = 0; i < n; i++)
            if (is_within(&r, xs[i]) && !bgi_node_is_leaf(xs[i]))
                r.is_boundary[xs[i]->id - r.first] = true;
        if (copy_nodes(&r))
            copy = r.copies[r.count - 1] ? r.copies[r.count - 1] : y;
    } else {
        bgi_graph_fail(graph, BG_ERR_NOMEM, "checkpoint: out of memory");
    }
    bgi_free(graph->engine, r.sources, (size_t)r.most_sources * sizeof(bg_node *));
    bgi_free(graph->engine, r.copies, count * sizeof(bg_node *));
    bgi_free(graph->engine, r.is_boundary, count * sizeof(bool));
    bgi_free(graph->engine, r.is_needed, count * sizeof(bool));
    return copy;
}
