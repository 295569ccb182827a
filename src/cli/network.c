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

bg_node *network_build(bg_model *model, bg_node *x, void *choice)
{
    const network_choice *chosen = choice;
    if (!is_name(chosen->model))
        return bg_layers(model, chosen->model, x);
    bg_network_options options = { .classes = chosen->classes, .context = chosen->context };
    bg_network *network = bg_network_find(chosen->model);
    return network ? network(model, x, &options) : NULL;
}
