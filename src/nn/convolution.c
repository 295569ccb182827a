/* Convolutions as layers. */
#include "nn/layer.h"
#include "nn/members.h"

/* Whether x is [n, in, ..] with the kernel's axes, and channels fall into groups. */
static bool takes_image(bgi_layer *layer, const bg_node *x, int64_t out, bg_shape kernel, int64_t groups)
{
    if (!bgi_layer_takes(layer, "x", x))
        return false;
    if (kernel.rank < 1 || kernel.rank > 3)
        return bgi_layer_fails(layer, BG_ERR_ARGUMENT, "a kernel of %d axes, not 1 to 3", kernel.rank);
    for (int i = 0; i < kernel.rank; i++)
        if (kernel.dims[i] < 1)
            return bgi_layer_fails(layer, BG_ERR_ARGUMENT, "the kernel is %s", bgi_shape_format(kernel).text);
    if (x->shape.rank != kernel.rank + 2)
        return bgi_layer_fails(layer, BG_ERR_SHAPE, "needs x [n, in, ..] with the axes of the kernel %s: x %s",
                               bgi_shape_format(kernel).text, bgi_shape_format(x->shape).text);
    if (out < 0 || groups < 0)
        return bgi_layer_fails(layer, BG_ERR_ARGUMENT, out < 0 ? "%lld outputs" : "%lld groups",
                               (long long)(out < 0 ? out : groups));
    int64_t in = x->shape.dims[1];
    if (!bgi_layer_takes_members(layer, x))
        return false;
    if (groups > 1 && (in % groups != 0 || out % groups != 0))
        return bgi_layer_fails(layer, BG_ERR_SHAPE, "%lld channels to %lld do not fall into %lld groups", (long long)in,
                               (long long)out, (long long)groups);
    return true;
}

/* weight [a, b, kernel..] and bias [out], which is NULL where there is none; false after an error. */
static bool parameters(const bgi_layer *layer, int64_t a, int64_t b, bg_shape kernel, int64_t out,
                       const bg_model_conv_options *o, bg_node **weight, bg_node **bias)
{
    bg_shape shape = { .rank = kernel.rank + 2, .dims = { a, b } };
    for (int i = 0; i < kernel.rank; i++)
        shape.dims[i + 2] = kernel.dims[i];
    int64_t count;
    size_t bytes;
    if (!bgi_graph_accept(layer->graph, bgi_shape_check(shape, layer->model->dtype, layer->kind, &count, &bytes)))
        return false;
    bg_init otherwise = bgi_init_uniform_of(bgi_fan_in(shape));
    *weight = bgi_layer_parameter(layer, "weight", shape, o->weight, otherwise);
    *bias = o->without_bias ? NULL : bgi_layer_parameter(layer, "bias", BG_SHAPE(out), o->bias, otherwise);
    return *weight && (*bias || o->without_bias);
}

typedef bg_node *convolve(bg_node *x, bg_node *weight, bg_node *bias, const bg_conv_options *options);

/* The members' channels beside each other, each member's in groups of their own. */
static bg_node *convolve_members(const bgi_layer *layer, convolve *op, bg_node *x, bg_node *weight, bg_node *bias,
                                 const bg_conv_options *options)
{
    bg_conv_options conv = *options;
    if (__builtin_mul_overflow(layer->members, conv.groups > 1 ? conv.groups : 1, &conv.groups)) {
        bgi_layer_fails(layer, BG_ERR_OVERFLOW, "the groups of %lld members overflow", (long long)layer->members);
        return NULL;
    }
    weight = bgi_members_flatten(weight);
    bias = bgi_members_flatten(bias);
    /* What all members share needs not be repeated for them if their kernels read all of its channels. */
    bool is_shared = op == bg_conv && !x->is_of_members && options->groups <= 1;
    if (is_shared)
        conv.groups = 1;
    bg_node *y = op(is_shared ? x : bgi_members_to_channels(layer, x), weight, bias, &conv);
    return bgi_members_from_channels(layer, y);
}

static bg_node *apply(const bgi_layer *layer, convolve *op, bg_node *x, bg_node *weight, bg_node *bias,
                      const bg_conv_options *options)
{
    return layer->members > 0 ? convolve_members(layer, op, x, weight, bias, options) : op(x, weight, bias, options);
}

/* x with its padding around it, as bg_conv would lay zeros around it, and the options without padding. */
static bg_node *padded(const bgi_layer *layer, bg_node *x, bg_shape kernel, const bg_model_conv_options *o,
                       bg_conv_options *conv)
{
    bg_pad_options pad = { .mode = o->padding_mode };
    for (int i = 0; i < kernel.rank; i++) {
        int64_t dilation = conv->dilation[i] > 0 ? conv->dilation[i] : 1, both = 0;
        if (conv->is_same && (conv->stride[i] > 1 || conv->padding[i] != 0)) {
            bool is_stride = conv->stride[i] > 1;
            bgi_layer_fails(layer, BG_ERR_ARGUMENT, "same extents and a %s of %lld", is_stride ? "stride" : "padding",
                            (long long)(is_stride ? conv->stride[i] : conv->padding[i]));
            return NULL;
        }
        if (conv->padding[i] < 0 || __builtin_mul_overflow(dilation, kernel.dims[i] - 1, &both)) {
            bgi_layer_fails(layer, BG_ERR_ARGUMENT, "padding %lld and dilation %lld for the kernel %s",
                            (long long)conv->padding[i], (long long)dilation, bgi_shape_format(kernel).text);
            return NULL;
        }
        pad.before[i + 2] = conv->is_same ? both / 2 : conv->padding[i];
        pad.after[i + 2] = conv->is_same ? both - both / 2 : conv->padding[i];
        conv->padding[i] = 0;
    }
    conv->is_same = false;
    return bg_pad(x, pad);
}

bg_node *bg_model_conv(bg_model *model, const char *name, bg_node *x, int64_t out, bg_shape kernel,
                       const bg_model_conv_options *options)
{
    static const bg_model_conv_options defaults;
    const bg_model_conv_options *o = options ? options : &defaults;
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "conv", model, name, x) || !takes_image(&layer, x, out, kernel, o->conv.groups))
        return NULL;
    bg_conv_options conv = o->conv;
    if (o->padding_mode != BG_PAD_CONSTANT)
        x = padded(&layer, x, kernel, o, &conv);
    bg_node *weight, *bias;
    int64_t groups = conv.groups > 1 ? conv.groups : 1;
    if (!x || !parameters(&layer, out, x->shape.dims[1] / groups, kernel, out, o, &weight, &bias))
        return NULL;
    return apply(&layer, bg_conv, x, weight, bias, &conv);
}

bg_node *bg_model_conv_transpose(bg_model *model, const char *name, bg_node *x, int64_t out, bg_shape kernel,
                                 const bg_model_conv_options *options)
{
    static const bg_model_conv_options defaults;
    const bg_model_conv_options *o = options ? options : &defaults;
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "conv_transpose", model, name, x) ||
        !takes_image(&layer, x, out, kernel, o->conv.groups))
        return NULL;
    if (o->padding_mode != BG_PAD_CONSTANT) {
        bgi_layer_fails(&layer, BG_ERR_ARGUMENT, "the padding of a transpose is zeros");
        return NULL;
    }
    bg_node *weight, *bias;
    int64_t groups = o->conv.groups > 1 ? o->conv.groups : 1;
    if (!parameters(&layer, x->shape.dims[1], out / groups, kernel, out, o, &weight, &bias))
        return NULL;
    return apply(&layer, bg_conv_transpose, x, weight, bias, &o->conv);
}
