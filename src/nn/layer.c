/* What the layers share. */
#include "nn/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool bgi_layer_fails(const bgi_layer *layer, bg_status status, const char *format, ...)
{
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    bgi_graph_fail(layer->graph, status, "%s \"%s\": %s", layer->kind, layer->name, message);
    return false;
}

bool bgi_layer_start(bgi_layer *layer, const char *kind, bg_model *model, const char *name, const bg_node *x)
{
    if (!x)
        return false;
    *layer = (bgi_layer){ .kind = kind, .name = name, .model = model, .graph = x->graph };
    layer->members = bg_model_members(model);
    if (model && name && strlen(name) <= BGI_PARAMETER_NAME_MAX)
        return !x->graph->status;
    if (model && name)
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s \"%.40s..\": the name has %zu bytes, at most %d are allowed",
                       kind, name, strlen(name), BGI_PARAMETER_NAME_MAX);
    else
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %s is NULL", kind, model ? "name" : "model");
    return false;
}

bool bgi_layer_takes(const bgi_layer *layer, const char *label, const bg_node *x)
{
    if (x->graph != layer->graph) {
        bgi_layer_fails(layer, BG_ERR_ARGUMENT, "%s belongs to another graph", label);
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s \"%s\": %s belongs to another graph", layer->kind,
                              layer->name, label) != NULL;
    }
    return x->dtype == layer->model->dtype ||
           bgi_layer_fails(layer, BG_ERR_DTYPE, "%s is %s, the model is %s", label, bg_dtype_name(x->dtype),
                           bg_dtype_name(layer->model->dtype));
}

bgi_part_name bgi_layer_part(const bgi_layer *layer, const char *part)
{
    bgi_part_name name;
    snprintf(name.text, sizeof name.text, "%s%s%s", layer->name, layer->name[0] ? "." : "", part);
    return name;
}

bool bgi_layer_takes_members(bgi_layer *layer, const bg_node *x)
{
    int64_t members = layer->members;
    layer->takes_members = true;
    return members == 0 || (x->shape.rank > 0 && (!x->is_of_members || x->shape.dims[0] % members == 0)) ||
           bgi_layer_fails(layer, BG_ERR_SHAPE, "in a population of %lld, x is not [%sn, ..]: x %s", (long long)members,
                           x->is_of_members ? "members * " : "", bgi_shape_format(x->shape).text);
}

bool bgi_layer_is_possible(const bgi_layer *layer)
{
    return layer->members == 0 || layer->takes_members ||
           bgi_layer_fails(layer, BG_ERR_ARGUMENT, "the layer cannot compute for the members of a population");
}

bg_node *bgi_layer_parameter(const bgi_layer *layer, const char *part, bg_shape shape, bg_init given, bg_init otherwise)
{
    if (!bgi_layer_is_possible(layer))
        return NULL;
    return bg_model_parameter(layer->model, layer->graph, bgi_layer_part(layer, part).text, shape,
                              bgi_init_or(given, otherwise));
}

bg_node *bgi_layer_buffer(const bgi_layer *layer, const char *part, bg_dtype dtype, bg_shape shape, bg_init init)
{
    if (layer->members > 0) {
        bgi_layer_fails(layer, BG_ERR_ARGUMENT, "running statistics of the members of a population are not kept");
        return NULL;
    }
    return bg_model_buffer(layer->model, layer->graph, bgi_layer_part(layer, part).text, dtype, shape, init);
}
