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

static bg_node *constant_of(const bg_model *model, bg_node *x, const bg_tensor *value)
{
    return bg_cast(bg_constant(bg_node_graph(x), value), bg_model_dtype(model));
}

static bg_node *scaled(const bg_model *model, bg_node *x, const input_transform *t)
{
    if (!t->shift || !x)
        return x;
    x = bg_sub(x, constant_of(model, x, t->shift));
    return bg_mul(x, constant_of(model, x, t->scale));
}

/* matrix [.., places] and an example x [places] of any shape -> [..] */
static bg_node *projected(const bg_model *model, bg_node *x, const input_transform *t)
{
    if (!t->matrix || !x)
        return x;
    bg_shape shape = bg_tensor_shape(t->matrix);
    int64_t n = bg_node_shape(x).dims[0], places = shape.dims[--shape.rank];
    x = bg_reshape(bg_sub(x, constant_of(model, x, t->mean)), BG_SHAPE(n, places));
    bg_node *rows = bg_reshape(constant_of(model, x, t->matrix), BG_SHAPE(-1, places));
    bg_shape made = { .rank = shape.rank + 1, .dims = { n } };
    memcpy(made.dims + 1, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
    return bg_reshape(bg_linear(x, rows, NULL), made);
}

bg_node *network_build(bg_model *model, bg_node *x, void *choice)
{
    const network_choice *chosen = choice;
    x = projected(model, scaled(model, x, &chosen->transform), &chosen->transform);
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
