/* Activations by name. */
#include "nn/activation.h"

#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

static bg_node *hardtanh(bg_node *x) { return bg_hardtanh(x, -1, 1); }
static bg_node *glu(bg_node *x) { return bg_glu(x, -1); }
static bg_node *softmax(bg_node *x) { return bg_softmax(x, -1); }
static bg_node *log_softmax(bg_node *x) { return bg_log_softmax(x, -1); }

/* Numbers are PyTorch's defaults; axes are the last. */
const bgi_activation bgi_activations[] = {
    { .name = "relu", .apply = bg_relu },
    { .name = "tanh", .apply = bg_tanh },
    { .name = "sigmoid", .apply = bg_sigmoid },
    { .name = "softplus", .apply = bg_softplus },
    { .name = "gelu", .apply = bg_gelu },
    { .name = "gelu_tanh", .apply = bg_gelu_tanh },
    { .name = "silu", .apply = bg_silu },
    { .name = "mish", .apply = bg_mish },
    { .name = "elu", .apply_with = bg_elu, .label = "ALPHA", .number = 1 },
    { .name = "celu", .apply_with = bg_celu, .label = "ALPHA", .number = 1 },
    { .name = "selu", .apply = bg_selu },
    { .name = "leaky_relu", .apply_with = bg_leaky_relu, .label = "SLOPE", .number = 0.01 },
    { .name = "relu6", .apply = bg_relu6 },
    { .name = "hardtanh", .apply = hardtanh },
    { .name = "hardsigmoid", .apply = bg_hardsigmoid },
    { .name = "hardswish", .apply = bg_hardswish },
    { .name = "logsigmoid", .apply = bg_logsigmoid },
    { .name = "softsign", .apply = bg_softsign },
    { .name = "tanhshrink", .apply = bg_tanhshrink },
    { .name = "hardshrink", .apply_with = bg_hardshrink, .label = "LAMBDA", .number = 0.5 },
    { .name = "softshrink", .apply_with = bg_softshrink, .label = "LAMBDA", .number = 0.5 },
    { .name = "glu", .apply = glu },
    { .name = "softmax", .apply = softmax },
    { .name = "log_softmax", .apply = log_softmax },
    { .name = NULL },
};

const bgi_activation *bgi_activation_find(const char *name, size_t length)
{
    for (const bgi_activation *row = bgi_activations; row->name; row++)
        if (strlen(row->name) == length && memcmp(row->name, name, length) == 0)
            return row;
    return NULL;
}

size_t bgi_activation_names(char *buffer, size_t capacity)
{
    size_t length = 0;
    for (const bgi_activation *row = bgi_activations; row->name && length < capacity; row++)
        length += (size_t)snprintf(buffer + length, capacity - length, "%s%s", length ? " " : "", row->name);
    return length;
}

bg_node *bg_activation(const char *name, bg_node *x)
{
    if (!x)
        return NULL;
    if (!name)
        return bgi_graph_fail(bg_node_graph(x), BG_ERR_ARGUMENT, "activation: name is NULL");
    const bgi_activation *row = bgi_activation_find(name, strlen(name));
    if (row)
        return row->apply ? row->apply(x) : row->apply_with(x, row->number);
    char names[320];
    bgi_activation_names(names, sizeof names);
    return bgi_graph_fail(bg_node_graph(x), BG_ERR_ARGUMENT, "activation: \"%.60s\" is none; there are %s", name,
                          names);
}
