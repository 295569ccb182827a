/* Where an infinite or NaN number comes from: a batch is run again with every value of its graph kept. */
#include "train/trainer.h"

#include "graph/graph.h"
#include "nn/model.h"
#include "ops/ops.h"
#include "train/rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The values of a batch. Those at and behind the check of the optimizer are left out: they would only fail again. */
typedef struct {
    bg_trainer *trainer;
    bg_graph *graph;
    bg_program *program;
    int n;           /* nodes in front of the check */
    bg_node *check;  /* NULL: there is none */
    bg_node **kept;  /* floating values, as outputs */
    int *place;      /* of each node among them; -1: none */
    bool *is_on_way; /* to the number in question */
} value_trace;

static double element(const void *data, bg_dtype dtype, int64_t i)
{
    return dtype == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

/* What a node's value is made of. */
typedef struct {
    int64_t bad; /* elements that are infinite or NaN */
    double least, most;
} value_range;

static value_range range_of(const value_trace *trace, const bg_node *node)
{
    value_range range = { .least = INFINITY, .most = -INFINITY };
    if (node->id >= trace->n || trace->place[node->id] < 0)
        return range;
    const bg_tensor *value = bg_program_output(trace->program, (size_t)trace->place[node->id]);
    const void *data = bg_tensor_const_data(value);
    for (int64_t i = 0; i < bg_shape_count(node->shape); i++) {
        double x = element(data, node->dtype, i);
        range.bad += !isfinite(x);
        if (x < range.least)
            range.least = x;
        if (x > range.most)
            range.most = x;
    }
    return range;
}

/* Constants may be infinite: masks are. */
static bool is_bad(const value_trace *trace, const bg_node *node)
{
    double value;
    return !bgi_node_is(node, BGI_CONSTANT) && !bgi_node_is_constant(node, &value) && range_of(trace, node).bad > 0;
}

/* Marks what the node is computed from; ids rise from inputs to results. */
static void mark_way(const value_trace *trace, const bg_node *end)
{
    memset(trace->is_on_way, 0, (size_t)trace->n * sizeof *trace->is_on_way);
    trace->is_on_way[end->id] = true;
    for (int id = end->id; id >= 0; id--)
        for (int i = 0; trace->is_on_way[id] && i < trace->graph->nodes[id]->n_inputs; i++)
            trace->is_on_way[trace->graph->nodes[id]->inputs[i]->id] = true;
}

/* The node that made the first bad number on the way to `end`, back from the last bad value on it, past every value
 * that has a bad input. NULL if there is none. */
static const bg_node *find_origin(const value_trace *trace, const bg_node *end)
{
    mark_way(trace, end);
    const bg_node *at = NULL, *next = NULL;
    for (int id = end->id; id >= 0 && !next; id--)
        if (trace->is_on_way[id] && is_bad(trace, trace->graph->nodes[id]))
            next = trace->graph->nodes[id];
    while (next) {
        at = next;
        next = NULL;
        for (int i = 0; i < at->n_inputs && !next; i++)
            if (is_bad(trace, at->inputs[i]))
                next = at->inputs[i];
    }
    return at;
}

/* Of an input, parameter or buffer; NULL if it has none. */
static const char *name_of_leaf(const value_trace *trace, const bg_node *leaf)
{
    const bg_model *model = trace->trainer->model;
    for (size_t i = 0; i < bg_model_count(model); i++)
        if (leaf->tensor && bg_model_tensor(model, i) == leaf->tensor)
            return bg_model_name(model, i);
    return leaf->name;
}

/* The parameter that was used last on the way to a node says where in the network it stands. */
static const char *place_in_model(const value_trace *trace, const bg_node *node)
{
    mark_way(trace, node);
    for (int id = node->id; id >= 0; id--)
        if (trace->is_on_way[id] && bgi_node_is(trace->graph->nodes[id], BGI_PARAMETER))
            return name_of_leaf(trace, trace->graph->nodes[id]);
    return NULL;
}

static void append(char *text, size_t capacity, const char *more)
{
    size_t length = strlen(text);
    (void)snprintf(text + length, capacity - length, "%s", more);
}

static void describe_leaf(const value_trace *trace, const bg_node *leaf, char *text, size_t capacity)
{
    const char *kind = bgi_node_is(leaf, BGI_INPUT)       ? "the input"
                       : bgi_node_is(leaf, BGI_PARAMETER) ? "the parameter"
                                                          : "the buffer";
    const char *name = name_of_leaf(trace, leaf);
    (void)snprintf(text, capacity, "it is in %s \"%.60s\" already", kind, name ? name : "");
}

static void describe_origin(const value_trace *trace, const bg_node *node, char *text, size_t capacity)
{
    const char *name = place_in_model(trace, node);
    char part[120];
    (void)snprintf(text, capacity, "the first such number is made by %s %s%s%.40s%s", node->op->name,
                   bgi_shape_format(node->shape).text, name ? " at \"" : "", name ? name : "", name ? "\"" : "");
    for (int i = 0; i < node->n_inputs; i++) {
        value_range range = range_of(trace, node->inputs[i]);
        if (!bgi_is_float(node->inputs[i]->dtype) || range.least > range.most)
            continue;
        (void)snprintf(part, sizeof part, "%s input %d from %.6g to %.6g", i ? "," : " of", i, range.least, range.most);
        append(text, capacity, part);
    }
}

/* The loss if it is bad, else the number of bad elements in a gradient. */
static const bg_node *find_end(const value_trace *trace, const bg_node *loss)
{
    if (is_bad(trace, loss) || !trace->check)
        return loss;
    for (int i = 1; i < trace->check->n_inputs; i++)
        if (range_of(trace, trace->check->inputs[i]).most > 0)
            return trace->check->inputs[i];
    return loss;
}

static void find_check(value_trace *trace)
{
    trace->n = trace->graph->count;
    for (int id = 0; id < trace->graph->count && !trace->check; id++)
        if (trace->graph->nodes[id]->op == &bgi_require_finite_op) {
            trace->check = trace->graph->nodes[id];
            trace->n = id;
        }
}

static bg_status run_kept(value_trace *trace, const bgi_batch_program *entry, const bgi_batch_graph *built)
{
    size_t n = 0;
    for (int id = 0; id < trace->n; id++) {
        bool is_kept = bgi_is_float(trace->graph->nodes[id]->dtype);
        trace->place[id] = is_kept ? (int)n : -1;
        if (is_kept)
            trace->kept[n++] = trace->graph->nodes[id];
    }
    bg_status status =
        bg_compile(&trace->program, trace->graph, trace->kept, n, &(bg_compile_options){ .no_updates = true });
    for (int i = 0; i < entry->batch.n_columns && status == BG_OK; i++)
        status = bg_program_bind(trace->program, built->inputs[i], entry->batch.columns[i]);
    for (int i = 0; i < BGI_SCALARS && status == BG_OK; i++)
        if (built->scalars[i])
            status = bg_program_bind(trace->program, built->scalars[i], trace->trainer->scalars[i]);
    return status == BG_OK ? bg_program_run(trace->program) : status;
}

bg_status bgi_trainer_find_anomaly(bg_trainer *trainer, const bg_dataset *dataset, const bgi_batch_program *entry,
                                   char *text, size_t capacity)
{
    bgi_batch_graph built;
    bgi_batch_program copy = *entry; /* building sets a field */
    value_trace trace = { .trainer = trainer };
    text[0] = '\0';
    bg_status status = bgi_batch_graph_build(trainer, dataset, &copy, &built);
    trace.graph = built.graph;
    if (status == BG_OK)
        find_check(&trace);
    size_t n = (size_t)trace.n;
    trace.kept = bgi_alloc(trainer->engine, n * sizeof *trace.kept + 1);
    trace.place = bgi_alloc(trainer->engine, n * sizeof *trace.place + 1);
    trace.is_on_way = bgi_alloc(trainer->engine, n * sizeof *trace.is_on_way + 1);
    if (status == BG_OK)
        status = trace.kept && trace.place && trace.is_on_way ? run_kept(&trace, entry, &built) : BG_ERR_NOMEM;
    const bg_node *origin = status == BG_OK ? find_origin(&trace, find_end(&trace, built.outputs[0])) : NULL;
    if (origin)
        (bgi_node_is_leaf(origin) ? describe_leaf : describe_origin)(&trace, origin, text, capacity);
    bg_program_destroy(trace.program);
    bgi_free(trainer->engine, trace.is_on_way, n * sizeof *trace.is_on_way + 1);
    bgi_free(trainer->engine, trace.place, n * sizeof *trace.place + 1);
    bgi_free(trainer->engine, trace.kept, n * sizeof *trace.kept + 1);
    bgi_batch_graph_release(trainer, entry, &built);
    return status == BG_ERR_NOMEM ? status : BG_OK;
}
