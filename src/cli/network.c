/* The network that --model names: one of the library's, or a line of layers. */
#include "network.h"

#include <stdio.h>
#include <string.h>

/* A name is one word that is no layer. */
static bool is_name(const char *model) { return !strpbrk(model, " \t\n:") && bg_layers_check(model) != BG_OK; }

bg_status network_check(const char *model)
{
    if (!is_name(model))
        return bg_layers_check(model);
    if (bg_network_find(model))
        return BG_OK;
    char networks[300], layers[400];
    snprintf(networks, sizeof networks, "%s", bg_last_error());
    (void)bg_layers_check(model);
    snprintf(layers, sizeof layers, "%s", bg_last_error());
    return bg_fail(BG_ERR_FORMAT, "%s; %s", networks, layers);
}

static bg_node *scaled(const bg_model *model, bg_node *x, const network_choice *chosen)
{
    if (!chosen->shift || !x)
        return x;
    bg_graph *graph = bg_node_graph(x);
    bg_dtype dtype = bg_model_dtype(model);
    x = bg_sub(x, bg_cast(bg_constant(graph, chosen->shift), dtype));
    return bg_mul(x, bg_cast(bg_constant(graph, chosen->scale), dtype));
}

bg_node *network_build(bg_model *model, bg_node *x, void *choice)
{
    const network_choice *chosen = choice;
    x = scaled(model, x, chosen);
    if (!is_name(chosen->model))
        return bg_layers(model, chosen->model, x);
    bg_network_options options = { .classes = chosen->classes, .context = chosen->context };
    bg_network *network = bg_network_find(chosen->model);
    return network ? network(model, x, &options) : NULL;
}

bg_status network_scores(bg_model *model, network_choice *choice, bg_dtype dtype, bg_shape sample, int64_t *scores)
{
    bg_shape shape = { .rank = sample.rank + 1, .dims = { 1 } };
    if (shape.rank > BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "an example has at most %d axes", BG_MAX_RANK - 1);
    for (int i = 0; i < sample.rank; i++)
        shape.dims[i + 1] = sample.dims[i];
    bg_graph *graph;
    bg_status status = bg_graph_create(&graph, bg_model_engine(model));
    if (status != BG_OK)
        return status;
    bg_node *prediction = network_build(model, bg_input(graph, "x", dtype, shape), choice);
    status = bg_graph_status(graph);
    *scores = 1;
    if (prediction && bg_node_shape(prediction).rank > 0)
        *scores = bg_node_shape(prediction).dims[bg_node_shape(prediction).rank - 1];
    bg_graph_destroy(graph);
    return status;
}
