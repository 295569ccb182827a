/* Searches without gradients. */
#include "cycle.h"

#include "support/objectives.h"

#include <math.h>

static bg_status search_with(cycle *c, const bg_search_method *method)
{
    const double lower[] = { -1, -INFINITY, 0 }, upper[] = { 5, 5, 7 }, start[] = { 0, 1, 3 };
    bg_search_options options = { .start = start, .lower = lower, .upper = upper, .seed = 3 };
    return bg_search_create(&c->search, c->engine, method, 3, &options);
}

static bg_status search(cycle *c)
{
    bg_search_method method;
    bg_status status = bg_search_method_find(&method, c->scenario->text);
    return status ? status : search_with(c, &method);
}

/* Every generation is a run of its own. */
static bg_status restless_search(cycle *c)
{
    bg_search_method method;
    bg_status status = bg_search_method_find(&method, c->scenario->text);
    method.restarts = 3;
    method.tolerance_loss = 1e6;
    return status ? status : search_with(c, &method);
}

static bg_status ask_and_tell(cycle *c)
{
    const bg_tensor *candidates;
    bg_status status = bg_search_ask(c->search, &candidates);
    if (status)
        return status;
    double losses[256];
    (void)evaluate_points(candidates, losses, &(point_objective){ shifted_loss });
    c->hash = hash_tensor(c->hash, candidates);
    return bg_search_tell(c->search, losses, bg_tensor_shape(candidates).dims[0]);
}

static bg_status minimize(cycle *c)
{
    point_objective objective = { shifted_loss };
    bg_status status =
        bg_search_minimize(c->search, evaluate_points, &objective, &(bg_search_budget){ .evaluations = 500 });
    if (!status)
        c->hash = hash_tensor(c->hash, bg_search_best(c->search));
    return status;
}

/* ---- Populations ---- */

static bg_node *line(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

static bg_status examples(cycle *c)
{
    bg_status status = make_tensor(c, 0, BG_F32, BG_SHAPE(5, 1, 4, 4));
    if (!status)
        status = make_tensor(c, 1, BG_F32, BG_SHAPE(5, 2));
    if (!status)
        status = make_tensor(c, 2, BG_F64, BG_SHAPE(4, 20 + 4 + 1 + 18));
    if (!status)
        status = make_tensor(c, 3, BG_F64, BG_SHAPE(4));
    return status ? status : bg_dataset_create(&c->data[0], c->tensors, 2, 0);
}

static bg_status population(cycle *c)
{
    bg_population_options options = { .network = line,
                                      .loss = bg_l2_loss,
                                      .user = (void *)(uintptr_t)c->scenario->text,
                                      .batch = 3,
                                      .seed = 1,
                                      .members = 3 };
    bg_status status = c->model ? BG_OK : bg_model_create(&c->model, c->engine, BG_F32);
    return status ? status : bg_population_create(&c->population, c->model, c->data[0], &options);
}

static bg_status evaluate_population(cycle *c)
{
    bg_status status = bg_population_evaluate(c->tensors[2], bg_tensor_data(c->tensors[3]), c->population);
    if (!status)
        c->hash = hash_tensor(c->hash, c->tensors[3]);
    return status;
}

const scenario search_scenarios[] = {
    { .name = "random search", .stages = { engine_1, search, ask_and_tell, minimize }, .text = "random" },
    { .name = "(1+1)-ES", .stages = { engine_1, search, ask_and_tell, minimize }, .text = "es-1+1" },
    { .name = "ES", .stages = { engine_1, restless_search, ask_and_tell, minimize }, .text = "es" },
    { .name = "OpenAI-ES", .stages = { engine_1, search, ask_and_tell, minimize }, .text = "openai-es" },
    { .name = "CMA-ES", .stages = { engine_1, search, ask_and_tell, minimize }, .text = "cmaes" },
    { .name = "CMA-ES with restarts",
      .stages = { engine_2, restless_search, ask_and_tell, minimize },
      .text = "cmaes" },
    { .name = "separable CMA-ES",
      .stages = { engine_1, restless_search, ask_and_tell, minimize },
      .text = "sep-cmaes" },
    { .name = "SPSA", .stages = { engine_1, search, ask_and_tell, ask_and_tell, minimize }, .text = "spsa" },
    { .name = "differential evolution", .stages = { engine_1, restless_search, ask_and_tell, minimize }, .text = "de" },
    { .name = "population",
      .stages = { engine_2, examples, population, evaluate_population, evaluate_population },
      .text = "conv:2:3 layer_norm prelu dense:2" },
    { .name = "particle swarm", .stages = { engine_1, restless_search, ask_and_tell, minimize }, .text = "pso" },
};
const int search_scenario_count = sizeof search_scenarios / sizeof *search_scenarios;
