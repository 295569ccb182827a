/* What all optimizers share: the walk over a model's parameters, and the buffers they keep. */
#include <blasgrad/grad.h>
#include <blasgrad/optim.h>

#include "train/parameters.h"
#include "train/rule.h"

#include "graph/graph.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bg_node *bg_optimizer_state_of(const bg_update_site *site, const char *state, bg_dtype dtype, bg_shape shape)
{
    if (!site || !site->parameter)
        return NULL;
    char name[BGI_BUFFER_NAME_MAX + 64];
    int length = snprintf(name, sizeof name, "optimizer.%s.%s", site->name, state ? state : "");
    bg_graph *graph = bg_node_graph(site->parameter);
    if (length < 0 || (size_t)length >= sizeof name)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "optimizer_state: state \"%.40s..\" has too long a name", state);
    return bg_model_buffer(site->model, graph, name, dtype, shape, (bg_init){ .kind = BG_INIT_ZEROS });
}

bg_node *bg_optimizer_state(const bg_update_site *site, const char *state)
{
    if (!site || !site->parameter)
        return NULL;
    return bg_optimizer_state_of(site, state, bg_node_dtype(site->parameter), bg_node_shape(site->parameter));
}

/* Takes the parameters among the model's nodes that are not frozen to the front, with their sites; how many. */
static size_t choose_parameters(const bg_optimizer *optimizer, bg_model *model, bg_node **nodes, bg_update_site *sites)
{
    size_t n = 0;
    for (size_t i = 0; i < bg_model_count(model); i++) {
        if (!nodes[i])
            continue;
        const char *name = bg_model_name(model, i);
        const bg_parameter_group *group = bgi_group_of(optimizer, name, bg_node_shape(nodes[i]));
        if (group && group->is_frozen)
            continue;
        nodes[n] = nodes[i];
        sites[n] = (bg_update_site){ .model = model, .name = name, .parameter = nodes[n] };
        n++;
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
    bool is_count = node->dtype == BG_I64 && strcmp(what, "step") == 0;
    if (node->dtype != bg_model_dtype(model) && node->dtype != BG_F64 && !is_count)
        return bg_fail(BG_ERR_DTYPE, "optimizer_apply: %s is %s, the model is %s", what, bg_dtype_name(node->dtype),
                       bg_dtype_name(bg_model_dtype(model)));
    return BG_OK;
}

/* What a call works with: its scalar inputs as f64, and room for the parameters. */
typedef struct {
    bg_step_inputs f64;
    bg_node *learning_rate; /* as it was given */
    size_t most;            /* parameters of the model */
    bg_node **parameters, **gradients;
    bg_update_site *sites;
} apply_scratch;

/* rate: the learning rate as it was given. */
static void apply_rules(const bg_optimizer *optimizer, const bgi_gradients *gradients, const bg_step_inputs *f64,
                        bg_node *rate)
{
    for (size_t i = 0; i < gradients->n; i++) {
        bg_update_site *site = &gradients->sites[i];
        const bg_parameter_group *group = bgi_group_of(optimizer, site->name, bg_node_shape(site->parameter));
        bg_optimizer own = bgi_group_numbers(optimizer, group);
        site->step = f64->step;
        site->rate = f64->learning_rate;
        if (group && group->learning_rate_factor.is_some)
            site->rate = bg_mul_scalar(site->rate, group->learning_rate_factor.value);
        bool is_as_given = site->rate == f64->learning_rate && bg_node_dtype(rate) == bg_node_dtype(site->parameter);
        site->learning_rate = is_as_given ? rate : bgi_rule_cast(site, site->rate);
        site->momentum = optimizer->takes_momentum ? f64->momentum : NULL;
        own.update(&own, site);
        if (f64->average_weight)
            bgi_averages_update(site, f64->average_weight);
    }
}

static bg_status apply(const bg_optimizer *optimizer, bg_model *model, bg_node *loss, const apply_scratch *scratch,
                       bgi_arena *arena, bg_step_results *results)
{
    bg_status status = bgi_find_parameters(model, loss, arena, scratch->parameters);
    if (status != BG_OK)
        return status;
    size_t n = choose_parameters(optimizer, model, scratch->parameters, scratch->sites);
    if (n == 0)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: the loss depends on no parameter of the model%s",
                       optimizer->n_groups ? " that is not frozen" : "");
    status = bg_grad(loss, scratch->parameters, n, scratch->gradients);
    if (status != BG_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        scratch->sites[i].gradient = scratch->gradients[i];
    bgi_gradients gradients = { .optimizer = optimizer, .loss = loss, .sites = scratch->sites, .n = n };
    if (!bgi_gradients_accumulate(&gradients, &scratch->f64, arena)) {
        bg_node *norm = bgi_gradients_limit(&gradients, arena);
        if (results)
            results->norm = norm;
        apply_rules(optimizer, &gradients, &scratch->f64, scratch->learning_rate);
    }
    return bg_graph_status(loss->graph);
}

/* The inputs as f64, and the learning rate and step, which must be there. */
static bg_status convert_inputs(const bg_step_inputs *inputs, const bg_model *model, const bg_node *loss,
                                bg_step_inputs *f64)
{
    bool accumulates = inputs->weight != 0 || inputs->run_weight;
    const struct {
        const char *name;
        bg_node *node, **converted;
        bool is_optional;
    } scalars[] = {
        { "learning_rate", inputs->learning_rate, &f64->learning_rate, false },
        { "step", inputs->step, &f64->step, false },
        { "momentum", inputs->momentum, &f64->momentum, true },
        { "run_weight", inputs->run_weight, &f64->run_weight, true },
        { "accumulated", inputs->accumulated, &f64->accumulated, !accumulates },
        { "average_weight", inputs->average_weight, &f64->average_weight, true },
    };
    f64->weight = inputs->weight;
    f64->only_adds = inputs->only_adds;
    if (!(inputs->weight >= 0) || !isfinite(inputs->weight))
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: the weight %g, it must be finite and 0 or more",
                       inputs->weight);
    if (inputs->only_adds && !accumulates)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: only_adds with the weight 0");
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        if (!scalars[i].node && scalars[i].is_optional)
            continue;
        bg_status status = check_scalar(scalars[i].name, model, loss, scalars[i].node);
        if (status != BG_OK)
            return status;
        *scalars[i].converted = bg_cast(scalars[i].node, BG_F64);
    }
    return bg_graph_status(loss->graph);
}

bg_status bg_optimizer_apply_with(const bg_optimizer *optimizer, bg_model *model, bg_node *loss,
                                  const bg_step_inputs *inputs, bg_step_results *results)
{
    if (results)
        *results = (bg_step_results){ .norm = NULL };
    bg_status status = bg_optimizer_check(optimizer);
    if (status == BG_OK && optimizer->driver)
        status = bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: %s has no updates to build; a trainer takes its steps",
                         optimizer->name);
    if (status != BG_OK)
        return status;
    if (!model || !inputs)
        return bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: %s is NULL", model ? "inputs" : "model");
    if (!loss) {
        bg_node *known = inputs->learning_rate ? inputs->learning_rate : inputs->step;
        status = known ? bg_graph_status(known->graph) : BG_OK;
        return status != BG_OK ? status : bg_fail(BG_ERR_ARGUMENT, "optimizer_apply: loss is NULL");
    }
    apply_scratch scratch = { .most = bg_model_count(model), .learning_rate = inputs->learning_rate };
    status = bg_graph_status(loss->graph);
    if (status == BG_OK)
        status = bgi_groups_match(optimizer, model);
    if (status == BG_OK)
        status = convert_inputs(inputs, model, loss, &scratch.f64);
    if (status != BG_OK)
        return status;

    bgi_arena arena;
    bgi_arena_init(&arena, loss->graph->engine);
    scratch.parameters = bgi_arena_push(&arena, scratch.most * sizeof(bg_node *));
    scratch.gradients = bgi_arena_push(&arena, scratch.most * sizeof(bg_node *));
    scratch.sites = bgi_arena_push(&arena, scratch.most * sizeof(bg_update_site));
    if (scratch.parameters && scratch.gradients && scratch.sites)
        status = apply(optimizer, model, loss, &scratch, &arena, results);
    else
        status = BG_ERR_NOMEM;
    bgi_arena_release(&arena);
    if (results && status != BG_OK)
        results->norm = NULL;
    return status;
}

bg_status bg_optimizer_apply(const bg_optimizer *optimizer, bg_model *model, bg_node *loss, bg_node *learning_rate,
                             bg_node *step)
{
    bg_step_inputs inputs = { .learning_rate = learning_rate, .step = step };
    return bg_optimizer_apply_with(optimizer, model, loss, &inputs, NULL);
}
