/* What all optimizers share: the walk over a model's parameters, and the buffers they keep. */
#include <blasgrad/grad.h>
#include <blasgrad/optim.h>

#include "graph/graph.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>

bg_node *bg_optimizer_state(const bg_update_site *site, const char *state)
{
    if (!site || !site->parameter)
        return NULL;
    char name[BGI_BUFFER_NAME_MAX + 64];
    int length = snprintf(name, sizeof name, "optimizer.%s.%s", site->name, state ? state : "");
    bg_graph *graph = bg_node_graph(site->parameter);
    if (length < 0 || (size_t)length >= sizeof name)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "optimizer_state: state \"%.40s..\" has too long a name", state);
    return bg_model_buffer(site->model, graph, name, bg_node_dtype(site->parameter), bg_node_shape(site->parameter),
                           (bg_init){ .kind = BG_INIT_ZEROS });
}

bg_status bg_optimizer_check(const bg_optimizer *optimizer)
{
    if (!optimizer || !optimizer->update)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer: %s", optimizer ? "it has no update rule" : "it is NULL");
    const struct {
        const char *name;
        double value, limit;
        bool may_be_limit;
    } numbers[] = {
        { "learning rate", optimizer->learning_rate, INFINITY, false },
        { "momentum", optimizer->momentum, 1, false },
        { "dampening", optimizer->dampening, 1, true },
        { "weight decay", optimizer->weight_decay, INFINITY, false },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double value = numbers[i].value, limit = numbers[i].limit;
        if (value >= 0 && (value < limit || (numbers[i].may_be_limit && value == limit)))
            continue;
        if (isinf(limit))
            return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %s %g, it must be finite and 0 or more", optimizer->name,
                           numbers[i].name, value);
        return bg_fail(BG_ERR_ARGUMENT, "optimizer %s: %s %g, it must be in [0, %g%c", optimizer->name, numbers[i].name,
                       value, limit, numbers[i].may_be_limit ? ']' : ')');
    }
    if (optimizer->nesterov && (optimizer->momentum == 0 || optimizer->dampening != 0))
        return bg_fail(BG_ERR_ARGUMENT,
                       "optimizer %s: Nesterov's form needs a momentum above 0 and no dampening, not %g and %g",
                       optimizer->name, optimizer->momentum, optimizer->dampening);
    return BG_OK;
}

/* Marks in is_used[id] the nodes that the loss depends on. */
static void mark_dependencies(const bg_node *loss, bool *is_used)
{
    is_used[loss->id] = true;
    for (int id = loss->id; id >= 0; id--) {
        const bg_node *node = loss->graph->nodes[id];
        if (is_used[id])
            for (int i = 0; i < node->n_inputs; i++)
                is_used[node->inputs[i]->id] = true;
    }
}

/* The parameters that the loss depends on, in the model's order: their nodes and places. Returns how many. */
static size_t find_parameters(const bg_model *model, const bg_node *loss, const bool *is_used, bg_node **parameters,
                              size_t *places)
{
    size_t n = 0;
    for (size_t i = 0; i < bg_model_count(model); i++) {
        if (!bg_model_is_parameter(model, i))
            continue;
        const bg_tensor *tensor = bg_model_tensor(model, i);
        for (int id = 0; id <= loss->id; id++) {
            bg_node *node = loss->graph->nodes[id];
            if (is_used[id] && bgi_node_is(node, BGI_PARAMETER) && node->tensor == tensor) {
                parameters[n] = node;
                places[n++] = i;
                break;
            }
        }
    }
    return n;
}

static bg_status check_scalar(const char *what, const bg_model *model, const bg_node *loss, const bg_node *node)
{
    if (!node)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: %s is NULL", what);
    if (node->graph != loss->graph)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: %s belongs to another graph than the loss", what);
    if (node->shape.rank != 0)
        return bg_fail(BG_ERR_SHAPE, "optimizer_apply: %s has the shape %s, not that of a scalar", what,
                       bgi_shape_format(node->shape).text);
    if (node->dtype != bg_model_dtype(model))
        return bg_fail(BG_ERR_DTYPE, "optimizer_apply: %s is %s, the model is %s", what, bg_dtype_name(node->dtype),
                       bg_dtype_name(bg_model_dtype(model)));
    return BG_OK;
}

typedef struct {
    bg_node **parameters, **gradients;
    size_t *places;
    bool *is_used;
} apply_scratch;

static bg_status apply_rule(const bg_optimizer *optimizer, bg_model *model, bg_node *loss, bg_node *learning_rate,
                            bg_node *step, const apply_scratch *scratch)
{
    mark_dependencies(loss, scratch->is_used);
    size_t n = find_parameters(model, loss, scratch->is_used, scratch->parameters, scratch->places);
    if (n == 0)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: the loss depends on no parameter of the model");
    bg_status status = bg_grad(loss, scratch->parameters, n, scratch->gradients);
    for (size_t i = 0; i < n && status == BG_OK; i++) {
        bg_update_site site = { .model = model,
                                .name = bg_model_name(model, scratch->places[i]),
                                .parameter = scratch->parameters[i],
                                .gradient = scratch->gradients[i],
                                .learning_rate = learning_rate,
                                .step = step };
        optimizer->update(optimizer, &site);
        status = bg_graph_status(loss->graph);
    }
    return status;
}

bg_status bg_optimizer_apply(const bg_optimizer *optimizer, bg_model *model, bg_node *loss, bg_node *learning_rate,
                             bg_node *step)
{
    bg_status status = bg_optimizer_check(optimizer);
    if (status != BG_OK)
        return status;
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: model is NULL");
    if (!loss) {
        bg_node *known = learning_rate ? learning_rate : step;
        status = known ? bg_graph_status(known->graph) : BG_OK;
        return status != BG_OK ? status : bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: loss is NULL");
    }
    status = bg_graph_status(loss->graph);
    if (status == BG_OK)
        status = check_scalar("learning_rate", model, loss, learning_rate);
    if (status == BG_OK)
        status = check_scalar("step", model, loss, step);
    if (status != BG_OK)
        return status;

    bgi_arena arena;
    bgi_arena_init(&arena, loss->graph->engine);
    size_t count = bg_model_count(model);
    apply_scratch scratch = { .parameters = bgi_arena_push(&arena, count * sizeof(bg_node *)),
                              .gradients = bgi_arena_push(&arena, count * sizeof(bg_node *)),
                              .places = bgi_arena_push(&arena, count * sizeof(size_t)),
                              .is_used = bgi_arena_push(&arena, (size_t)loss->id + 1) };
    if (scratch.parameters && scratch.gradients && scratch.places && scratch.is_used)
        status = apply_rule(optimizer, model, loss, learning_rate, step, &scratch);
    else
        status = BG_ERR_NOMEM;
    bgi_arena_release(&arena);
    return status;
}
