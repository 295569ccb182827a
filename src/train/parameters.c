#include "train/parameters.h"

#include "graph/graph.h"
#include "graph/ranges.h"
#include "nn/model.h"
#include "tensor/tensor.h"

#include <string.h>

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

/* ---- As a vector ---- */

bg_status bgi_variables_take(bgi_variables *variables, bg_model *model, const bg_node *node, const char *caller,
                             const char *what, bgi_arena *arena, bg_node **nodes)
{
    bg_engine *engine = bg_model_engine(model);
    size_t n_allocated = bg_model_count(model);
    *variables = (bgi_variables){ .engine = engine, .model = model, .n_allocated = n_allocated };
    bgi_model_retain(model);
    variables->tensors = bgi_alloc_zero(engine, n_allocated * sizeof(bg_tensor *));
    bg_status status = variables->tensors ? bgi_find_parameters(model, node, arena, nodes) : BG_ERR_NOMEM;
    if (status != BG_OK)
        return status;
    for (size_t i = 0; i < n_allocated; i++) {
        if (!nodes[i])
            continue;
        nodes[variables->n_tensors] = nodes[i];
        variables->tensors[variables->n_tensors++] = bg_model_tensor(model, i);
        variables->n += bg_shape_count(nodes[i]->shape);
    }
    if (variables->n == 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s on no parameter of the model", caller, what);
    return BG_OK;
}

void bgi_variables_release(bgi_variables *variables)
{
    bgi_free(variables->engine, variables->tensors, variables->n_allocated * sizeof(bg_tensor *));
    bg_model_destroy(variables->model);
    *variables = (bgi_variables){ .n = 0 };
}

void bgi_read_as_f64(const bg_tensor *tensor, double *values)
{
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    const void *data = bg_tensor_const_data(tensor);
    if (bg_tensor_dtype(tensor) == BG_F64)
        memcpy(values, data, (size_t)count * sizeof(double));
    else
        for (int64_t i = 0; i < count; i++)
            values[i] = ((const float *)data)[i];
}

void bgi_variables_read(const bgi_variables *variables, double *x)
{
    for (size_t p = 0; p < variables->n_tensors; p++) {
        bgi_read_as_f64(variables->tensors[p], x);
        x += bg_shape_count(bg_tensor_shape(variables->tensors[p]));
    }
}

void bgi_variables_write(const bgi_variables *variables, const double *x, double step, const double *d)
{
    for (size_t p = 0; p < variables->n_tensors; p++) {
        bg_tensor *tensor = variables->tensors[p];
        int64_t count = bg_shape_count(bg_tensor_shape(tensor));
        void *data = bg_tensor_data(tensor);
        bool is_f64 = bg_tensor_dtype(tensor) == BG_F64;
        for (int64_t i = 0; i < count; i++) {
            double value = step == 0 ? x[i] : x[i] + step * d[i];
            if (is_f64)
                ((double *)data)[i] = value;
            else
                ((float *)data)[i] = (float)value;
        }
        x += count;
        d += count;
    }
}

uint64_t bgi_variables_version(const bgi_variables *variables)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < variables->n_tensors; p++)
        sum += variables->tensors[p]->storage->version;
    return sum;
}
