/* Normalisation as layers. */
#include "nn/layer.h"
#include "nn/members.h"

#include <float.h>

static const bg_init zeros = { .kind = BG_INIT_ZEROS }, ones = { .kind = BG_INIT_ONES };

/* The parameters and buffers of a layer by channels; those it has not are NULL. */
typedef struct {
    bg_node *weight, *bias, *mean, *var, *batches;
} channel_state;

/* In the order in which PyTorch's state dict has them; false after an error. */
static bool make_state(const bgi_layer *layer, int64_t channels, bool has_weights, bool has_running, bg_init weight,
                       bg_init bias, channel_state *state)
{
    *state = (channel_state){ 0 };
    bg_dtype dtype = layer->model->dtype;
    bg_shape shape = BG_SHAPE(channels);
    if (has_weights) {
        state->weight = bgi_layer_parameter(layer, "weight", shape, weight, ones);
        state->bias = bgi_layer_parameter(layer, "bias", shape, bias, zeros);
    }
    if (has_running) {
        state->mean = bgi_layer_buffer(layer, "running_mean", dtype, shape, zeros);
        state->var = bgi_layer_buffer(layer, "running_var", dtype, shape, ones);
        state->batches = bgi_layer_buffer(layer, "num_batches_tracked", BG_I64, BG_SCALAR, zeros);
    }
    return !layer->graph->status;
}

/* Whether x is [n, c, ..] of the model's type. */
static bool takes_channels(const bgi_layer *layer, const bg_node *x)
{
    return bgi_layer_takes(layer, "x", x) &&
           (x->shape.rank >= 2 ||
            bgi_layer_fails(layer, BG_ERR_SHAPE, "needs x [n, c, ..]: x %s", bgi_shape_format(x->shape).text));
}

/* In training each channel needs two elements, as the variance of one says nothing; where x has none at all nothing is
 * done. */
static bool has_spread(const bgi_layer *layer, const bg_node *x, bool of_samples)
{
    int64_t count = bg_shape_count(x->shape), means = x->shape.dims[1] * (of_samples ? x->shape.dims[0] : 1);
    return count != means || count == 0 ||
           bgi_layer_fails(layer, BG_ERR_SHAPE, "one element a channel has no variance: x %s",
                           bgi_shape_format(x->shape).text);
}

bg_node *bg_model_batch_norm(bg_model *model, const char *name, bg_node *x, const bg_model_batch_norm_options *options)
{
    static const bg_model_batch_norm_options defaults;
    const bg_model_batch_norm_options *o = options ? options : &defaults;
    bgi_layer layer;
    channel_state state;
    if (!bgi_layer_start(&layer, "batch_norm", model, name, x) || !takes_channels(&layer, x))
        return NULL;
    if (!bgi_layer_is_possible(&layer))
        return NULL;
    bool uses_running = !model->is_training && !o->without_running_statistics;
    if ((!uses_running && !has_spread(&layer, x, false)) ||
        !make_state(&layer, x->shape.dims[1], !o->without_weights, !o->without_running_statistics, o->weight, o->bias,
                    &state))
        return NULL;
    bg_batch_norm_options op = { .is_evaluation = uses_running,
                                 .momentum = o->momentum,
                                 .eps = o->eps,
                                 .batches = uses_running ? NULL : state.batches,
                                 .is_cumulative = o->is_cumulative && state.batches && !uses_running };
    return bg_batch_norm(x, state.weight, state.bias, state.mean, state.var, &op);
}

bg_node *bg_model_instance_norm(bg_model *model, const char *name, bg_node *x,
                                const bg_model_instance_norm_options *options)
{
    static const bg_model_instance_norm_options defaults;
    const bg_model_instance_norm_options *o = options ? options : &defaults;
    bgi_layer layer;
    channel_state state;
    if (!bgi_layer_start(&layer, "instance_norm", model, name, x) || !takes_channels(&layer, x))
        return NULL;
    bool uses_running = !model->is_training && o->has_running_statistics;
    if ((!uses_running && !has_spread(&layer, x, true)) || !bgi_layer_takes_members(&layer, x) ||
        !make_state(&layer, x->shape.dims[1], o->has_weights, o->has_running_statistics, o->weight, o->bias, &state))
        return NULL;
    if (layer.members > 0) /* without running statistics */
        return bgi_members_scale(&layer, bg_instance_norm(x, NULL, NULL, o->eps.is_some ? o->eps.value : 1e-5), 1,
                                 state.weight, state.bias);
    bg_batch_norm_options op = { .is_evaluation = uses_running, .momentum = o->momentum, .eps = o->eps };
    return bg_instance_norm_with(x, state.weight, state.bias, state.mean, state.var, &op);
}

/* The last axes of x that a layer normalises over. */
typedef struct {
    bg_axes axes;
    bg_shape shape;
} last_axes;

static bool find_axes(bgi_layer *layer, const bg_node *x, int count, last_axes *last)
{
    if (!bgi_layer_takes(layer, "x", x))
        return false;
    count = count == 0 ? 1 : count;
    if (count < 1 || count > x->shape.rank)
        return bgi_layer_fails(layer, BG_ERR_SHAPE, "the last %d axes of x %s", count, bgi_shape_format(x->shape).text);
    if (!bgi_layer_takes_members(layer, x))
        return false;
    if (layer->members > 0 && count == x->shape.rank)
        return bgi_layer_fails(layer, BG_ERR_SHAPE, "over all axes, also that of the rows of a population: x %s",
                               bgi_shape_format(x->shape).text);
    last->axes.count = last->shape.rank = count;
    for (int i = 0; i < count; i++) {
        last->axes.axis[i] = x->shape.rank - count + i;
        last->shape.dims[i] = x->shape.dims[last->axes.axis[i]];
    }
    return true;
}

bg_node *bg_model_layer_norm(bg_model *model, const char *name, bg_node *x, const bg_model_norm_options *options)
{
    static const bg_model_norm_options defaults;
    const bg_model_norm_options *o = options ? options : &defaults;
    bgi_layer layer;
    last_axes last;
    if (!bgi_layer_start(&layer, "layer_norm", model, name, x) || !find_axes(&layer, x, o->axes, &last))
        return NULL;
    bg_node *weight = NULL, *bias = NULL;
    if (!o->without_weights) {
        weight = bgi_layer_parameter(&layer, "weight", last.shape, o->weight, ones);
        bias = o->without_bias ? NULL : bgi_layer_parameter(&layer, "bias", last.shape, o->bias, zeros);
    }
    if (layer.graph->status)
        return NULL;
    double eps = o->eps.is_some ? o->eps.value : 1e-5;
    if (layer.members > 0)
        return bgi_members_scale(&layer, bg_layer_norm(x, last.axes, NULL, NULL, eps), last.axes.axis[0], weight, bias);
    return bg_layer_norm(x, last.axes, weight, bias, eps);
}

bg_node *bg_model_rms_norm(bg_model *model, const char *name, bg_node *x, const bg_model_norm_options *options)
{
    static const bg_model_norm_options defaults;
    const bg_model_norm_options *o = options ? options : &defaults;
    bgi_layer layer;
    last_axes last;
    if (!bgi_layer_start(&layer, "rms_norm", model, name, x) || !find_axes(&layer, x, o->axes, &last))
        return NULL;
    bg_node *weight = o->without_weights ? NULL : bgi_layer_parameter(&layer, "weight", last.shape, o->weight, ones);
    if (layer.graph->status)
        return NULL;
    double smallest = x->dtype == BG_F32 ? FLT_EPSILON : DBL_EPSILON;
    double eps = o->eps.is_some ? o->eps.value : smallest;
    if (layer.members > 0)
        return bgi_members_scale(&layer, bg_rms_norm(x, last.axes, NULL, eps), last.axes.axis[0], weight, NULL);
    return bg_rms_norm(x, last.axes, weight, eps);
}

bg_node *bg_model_group_norm(bg_model *model, const char *name, bg_node *x, int64_t groups,
                             const bg_model_norm_options *options)
{
    static const bg_model_norm_options defaults;
    const bg_model_norm_options *o = options ? options : &defaults;
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "group_norm", model, name, x) || !takes_channels(&layer, x))
        return NULL;
    int64_t channels = x->shape.dims[1];
    if (groups < 1 || channels % groups != 0) {
        bgi_layer_fails(&layer, BG_ERR_SHAPE, "the channels of x %s do not fall into %lld groups",
                        bgi_shape_format(x->shape).text, (long long)groups);
        return NULL;
    }
    if (!bgi_layer_takes_members(&layer, x))
        return NULL;
    bg_node *weight = NULL, *bias = NULL;
    if (!o->without_weights) {
        weight = bgi_layer_parameter(&layer, "weight", BG_SHAPE(channels), o->weight, ones);
        bias = o->without_bias ? NULL : bgi_layer_parameter(&layer, "bias", BG_SHAPE(channels), o->bias, zeros);
    }
    if (layer.graph->status)
        return NULL;
    double eps = o->eps.is_some ? o->eps.value : 1e-5;
    if (layer.members > 0)
        return bgi_members_scale(&layer, bg_group_norm(x, groups, NULL, NULL, eps), 1, weight, bias);
    return bg_group_norm(x, groups, weight, bias, eps);
}
