/* Layers: functions of a model and a node. */
#include <blasgrad/nn.h>

#include "graph/graph.h"
#include "nn/model.h"

#include <math.h>
#include <stdio.h>

bg_node *bg_dense(bg_model *model, const char *name, bg_node *x, int64_t out)
{
    return bg_dense_with(model, name, x, out, NULL);
}

bg_node *bg_dense_with(bg_model *model, const char *name, bg_node *x, int64_t out, const bg_dense_options *options)
{
    if (!x)
        return NULL;
    bg_graph *graph = bg_node_graph(x);
    if (!model || !name)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "dense: %s is NULL", model ? "name" : "model");
    bg_shape shape = bg_node_shape(x);
    if (shape.rank < 1)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "dense \"%s\": x is a scalar, not [.., in]", name);
    if (bg_node_dtype(x) != bg_model_dtype(model))
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "dense \"%s\": x is %s, the model is %s", name,
                              bg_dtype_name(bg_node_dtype(x)), bg_dtype_name(bg_model_dtype(model)));
    if (out < 0)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "dense \"%s\": %lld outputs", name, (long long)out);

    int64_t in = shape.dims[shape.rank - 1];
    /* PyTorch's default for weight and bias; a layer without inputs has no bound to derive, and its bias is 0. */
    bg_init init = { .kind = BG_INIT_UNIFORM, .bound = in > 0 ? 1 / sqrt((double)in) : 0 };
    char part[BGI_PARAMETER_NAME_MAX + 16];
    snprintf(part, sizeof part, "%s.weight", name);
    bg_node *weight = bg_model_parameter(model, graph, part, BG_SHAPE(out, in), init);
    if (options && options->without_bias)
        return bg_linear(x, weight, NULL);
    snprintf(part, sizeof part, "%s.bias", name);
    bg_node *bias = bg_model_parameter(model, graph, part, BG_SHAPE(out), init);
    return weight && bias ? bg_linear(x, weight, bias) : NULL;
}

bg_node *bg_flatten(bg_node *x)
{
    if (!x)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    if (shape.rank < 1)
        return bgi_graph_fail(bg_node_graph(x), BG_ERR_SHAPE, "flatten: x is a scalar, not [n, ..]");
    int64_t rest = 1;
    for (int i = 1; i < shape.rank; i++)
        rest *= shape.dims[i];
    return bg_reshape(x, BG_SHAPE(shape.dims[0], rest));
}
