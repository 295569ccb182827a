/* Dropout at sites that have a layer's name. */
#include "nn/model.h"

#include "ops/ops.h"
#include "ops/random.h"

static bg_node *model_dropout(const char *op, bg_model *model, const char *name, bg_node *x, double p, int leading)
{
    if (!x)
        return NULL;
    if (!model)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: model is NULL", op);
    bg_status status = bgi_model_check_name(name, false);
    if (status != BG_OK)
        return bgi_graph_adopt_failure(x->graph, status);
    if (!bgi_model_attach(model, x->graph))
        return NULL;
    if (!bgi_is_probability(op, x, p))
        return NULL;
    return bgi_dropout_at(op, x, model->is_training ? p : 0, leading, bgi_random_site_of(name));
}
bg_node *bg_model_dropout(bg_model *model, const char *name, bg_node *x, double p)
{
    return model_dropout("model_dropout", model, name, x, p, -1);
}
bg_node *bg_model_dropout_channels(bg_model *model, const char *name, bg_node *x, double p)
{
    return model_dropout("model_dropout_channels", model, name, x, p, 2);
}
