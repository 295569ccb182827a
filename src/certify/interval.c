/* Interval propagation: from the input's bounds to those of any node, in the order in which nodes were made. */
#include "certify/interval.h"

#include "grad/grad.h"

#include <string.h>

/* What is known of a node. */
typedef struct {
    bool depends; /* on the perturbed input */
    bool is_needed;
    bgi_interval interval; /* NULL: not known yet, or the node is neither float nor bool */
} knowledge;

typedef struct {
    bg_graph *graph;
    knowledge *of; /* by id */
    int count;
    const char *outer; /* the op whose composition is walked through; NULL: none */
} walk;

static bool fail(walk *w, const bg_node *node, const char *why)
{
    if (w->outer)
        bgi_graph_fail(w->graph, BG_ERR_ARGUMENT, "interval_bounds: %s: its part %s: %s", w->outer, node->op->name,
                       why);
    else
        bgi_graph_fail(w->graph, BG_ERR_ARGUMENT, "interval_bounds: %s: %s", node->op->name, why);
    return false;
}

/* Room for what is known of all nodes that there are. */
static bool make_room(walk *w)
{
    int count = w->graph->count;
    if (count <= w->count)
        return true;
    knowledge *larger = bgi_alloc_zero(w->graph->engine, (size_t)count * sizeof *larger);
    if (!larger) {
        bgi_graph_fail(w->graph, BG_ERR_NOMEM, "interval_bounds: out of memory");
        return false;
    }
    if (w->count > 0)
        memcpy(larger, w->of, (size_t)w->count * sizeof *larger);
    bgi_free(w->graph->engine, w->of, (size_t)w->count * sizeof *larger);
    w->of = larger;
    w->count = count;
    return true;
}

/* Marks which of the nodes first .. end - 1 depend on the input, and which lead to the last. */
static void mark(walk *w, int first, int end)
{
    for (int id = first; id < end; id++) {
        const bg_node *node = w->graph->nodes[id];
        for (int i = 0; i < node->n_inputs; i++)
            w->of[id].depends = w->of[id].depends || w->of[node->inputs[i]->id].depends;
    }
    for (int id = end; id-- > first;)
        for (int i = 0; w->of[id].is_needed && i < w->graph->nodes[id]->n_inputs; i++)
            w->of[w->graph->nodes[id]->inputs[i]->id].is_needed = true;
}

static bool visit(walk *w, bg_node *node);

static bool visit_range(walk *w, int first, int end)
{
    mark(w, first, end);
    for (int id = first; id < end; id++)
        if (w->of[id].depends && w->of[id].is_needed && !visit(w, w->graph->nodes[id]))
            return false;
    return true;
}

/* Through the nodes that the composition adds. Older ones that it may give or use are the node's inputs. */
static bool visit_composition(walk *w, bg_node *node)
{
    int first = w->graph->count;
    bg_node *composed = bgi_compose(node);
    int end = w->graph->count;
    if (!composed || !make_room(w))
        return false;
    const char *outer = w->outer;
    w->outer = outer ? outer : node->op->name;
    w->of[composed->id].is_needed = true;
    bool is_good = visit_range(w, first, end);
    if (is_good && !w->of[composed->id].depends)
        w->of[node->id].interval = (bgi_interval){ composed, composed };
    else if (is_good)
        w->of[node->id].interval = w->of[composed->id].interval;
    w->outer = outer;
    return is_good;
}

static bool visit_rule(walk *w, bg_node *node, const bgi_interval_rule *rule)
{
    bgi_interval *inputs = bgi_arena_push(&w->graph->arena, (size_t)node->n_inputs * sizeof *inputs);
    if (!inputs) {
        bgi_graph_fail(w->graph, BG_ERR_NOMEM, "interval_bounds: out of memory");
        return false;
    }
    for (int i = 0; i < node->n_inputs; i++) {
        bg_node *input = node->inputs[i];
        const knowledge *known = &w->of[input->id];
        inputs[i] = known->depends ? known->interval : (bgi_interval){ input, input };
        if (!inputs[i].lower)
            return fail(w, node, "it takes integers that depend on the input");
    }
    bgi_interval_call call = { .node = node, .inputs = inputs };
    bgi_interval interval = rule->bounds(&call, rule);
    if (call.why)
        return fail(w, node, call.why);
    w->of[node->id].interval = interval;
    return interval.lower && interval.upper;
}

/* Integers have no intervals; rules refuse them where they meet them. */
static bool visit(walk *w, bg_node *node)
{
    if (w->of[node->id].interval.lower || bgi_is_integer(node->dtype))
        return true;
    const bgi_interval_rule *rule = bgi_interval_rule_of(node);
    if (rule)
        return visit_rule(w, node, rule);
    return node->op->compose ? visit_composition(w, node) : fail(w, node, "no bounds are known for it");
}

static bool find(walk *w, bg_node *y, bg_node *x, bgi_interval bounds)
{
    if (!make_room(w))
        return false;
    int end = y->id + 1;
    w->of[x->id] = (knowledge){ .depends = true, .interval = bounds };
    w->of[y->id].is_needed = true;
    return visit_range(w, x->id, end);
}

static bool takes(bg_node *y, bg_node *x, bg_node *lower, bg_node *upper)
{
    return bgi_takes_directions("interval_bounds", "y", &y, NULL, NULL, 1) &&
           bgi_takes_directions("interval_bounds", "x", &x, "lower bound", &lower, 1) &&
           bgi_takes_directions("interval_bounds", "x", &x, "upper bound", &upper, 1);
}

bg_status bg_interval_bounds(bg_node *y, bg_node *x, bg_node *lower, bg_node *upper, bg_node **y_lower,
                             bg_node **y_upper)
{
    if (!bgi_clear_places("interval_bounds", y_lower, 1) || !bgi_clear_places("interval_bounds", y_upper, 1))
        return BG_ERR_ARGUMENT;
    bg_status status;
    bg_node *const nodes[] = { y, x, lower, upper };
    bg_graph *graph =
        bgi_common_graph("interval_bounds", (bg_node *const *const[]){ nodes }, (size_t[]){ 4 }, 1, &status);
    if (!graph)
        return status;
    if (!takes(y, x, lower, upper))
        return graph->status;
    walk w = { .graph = graph };
    if (find(&w, y, x, (bgi_interval){ lower, upper })) {
        bgi_interval interval = w.of[y->id].depends ? w.of[y->id].interval : (bgi_interval){ y, y };
        *y_lower = interval.lower;
        *y_upper = interval.upper;
    }
    bgi_free(graph->engine, w.of, (size_t)w.count * sizeof *w.of);
    return graph->status;
}
