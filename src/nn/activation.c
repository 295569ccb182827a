/* Activations by name. */
#include "nn/activation.h"

#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

const bgi_activation bgi_activations[] = {
    { "relu", bg_relu },
    { "tanh", bg_tanh },
    { "sigmoid", bg_sigmoid },
    { "softplus", bg_softplus },
    { "gelu", bg_gelu },
    { "gelu_tanh", bg_gelu_tanh },
    { NULL, NULL },
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
        return row->apply(x);
    char names[160];
    bgi_activation_names(names, sizeof names);
    return bgi_graph_fail(bg_node_graph(x), BG_ERR_ARGUMENT, "activation: \"%.60s\" is none; there are %s", name,
                          names);
}
