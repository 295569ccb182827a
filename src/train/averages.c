/* Averages of the parameters over steps. */
#include "train/rule.h"

#include "graph/graph.h"
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

static const char average[] = "average";

void bgi_averages_update(const bg_update_site *site, bg_node *weight)
{
    char name[BGI_BUFFER_NAME_MAX + 64];
    snprintf(name, sizeof name, "optimizer.%s.%s", site->name, average);
    bool is_new = !bg_model_find(site->model, name);
    bg_node *state = bg_optimizer_state(site, average);
    /* The average of no updates is the parameter. */
    if (state && is_new)
        bgi_graph_accept(bg_node_graph(state), bg_tensor_copy(state->tensor, site->parameter->tensor));
    bg_node *kept = bg_mul(state, bgi_rule_cast(site, bg_sub_from(1, weight)));
    bg_update(state, bg_add(kept, bg_mul(bg_updated(site->parameter), bgi_rule_cast(site, weight))));
}

static bg_tensor *average_of(const bg_model *model, size_t i)
{
    char name[BGI_BUFFER_NAME_MAX + 64];
    if (!bg_model_is_parameter(model, i))
        return NULL;
    snprintf(name, sizeof name, "optimizer.%s.%s", bg_model_name(model, i), average);
    return bg_model_find(model, name);
}

bg_status bg_model_swap_averages(bg_model *model)
{
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "model_swap_averages: model is NULL");
    bool is_found = false;
    for (size_t i = 0; i < bg_model_count(model); i++) {
        bg_tensor *mean = average_of(model, i);
        if (!mean)
            continue;
        is_found = true;
        bg_tensor *parameter = bg_model_tensor(model, i);
        unsigned char *a = bg_tensor_data(parameter), *b = bg_tensor_data(mean), held[4096];
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(mean)) * bg_dtype_size(bg_tensor_dtype(mean));
        for (size_t at = 0; at < bytes; at += sizeof held) {
            size_t part = bytes - at < sizeof held ? bytes - at : sizeof held;
            memcpy(held, a + at, part);
            memcpy(a + at, b + at, part);
            memcpy(b + at, held, part);
        }
    }
    return is_found ? BG_OK : bg_fail(BG_ERR_ARGUMENT, "model_swap_averages: the model has no averages");
}
