#include "train/parameters.h"

#include "graph/graph.h"
#include "graph/ranges.h"

/* Marks in is_used[id] the nodes that the loss depends on. */
static void mark_dependencies(const bg_node *loss, bool *is_used)
{
    is_used[loss->id] = true;
    for (int id = loss->id; id >= 0; id--) {
        const bg_node *node = loss->graph->nodes[id];
        for (int i = 0; i < node->n_inputs && is_used[id]; i++)
            is_used[node->inputs[i]->id] = true;
    }
}

bg_status bgi_find_parameters(const bg_model *model, const bg_node *loss, bgi_arena *arena, bg_node **nodes)
{
    bool *is_used = bgi_arena_push(arena, (size_t)loss->id + 1);
    if (!is_used)
        return BG_ERR_NOMEM;
    mark_dependencies(loss, is_used);
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const bg_tensor *tensor = bg_model_tensor(model, i);
        bg_node *leaf = bg_model_is_parameter(model, i) ? bgi_ranges_find(loss->graph, tensor) : NULL;
        bool is_wanted = leaf && leaf->tensor == tensor && bgi_node_is(leaf, BGI_PARAMETER) && leaf->id <= loss->id;
        nodes[i] = is_wanted && is_used[leaf->id] ? leaf : NULL;
    }
    return BG_OK;
}
