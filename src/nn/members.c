/* How the members of a population lie in values and parameters. */
#include "nn/members.h"

#include "tensor/tensor.h"

#include <string.h>

/* ---- Parameters ---- */

bg_status bgi_members_shape(const char *name, int64_t members, bg_shape shape, bg_shape *all)
{
    if (shape.rank >= BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "model: parameter \"%s\" %s has no room for the axis of a population", name,
                       bgi_shape_format(shape).text);
    *all = (bg_shape){ .rank = shape.rank + 1, .dims = { members } };
    memcpy(all->dims + 1, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
    return BG_OK;
}

bg_status bgi_members_repeat(bg_tensor **tensor, bg_engine *engine, int64_t members)
{
    bg_tensor *one = *tensor, *all = NULL;
    bg_shape shape;
    bg_status status = bgi_members_shape("", members, one->shape, &shape);
    if (status == BG_OK)
        status = bg_tensor_create(&all, engine, one->dtype, shape);
    if (status != BG_OK)
        return status;
    size_t bytes = (size_t)bg_shape_count(one->shape) * bg_dtype_size(one->dtype);
    for (int64_t i = 0; i < members && bytes > 0; i++)
        memcpy((unsigned char *)bg_tensor_data(all) + (size_t)i * bytes, bg_tensor_const_data(one), bytes);
    bg_tensor_destroy(one);
    *tensor = all;
    return BG_OK;
}

bg_node *bgi_members_flatten(bg_node *parameter)
{
    if (!parameter)
        return NULL;
    bg_shape shape = { .rank = parameter->shape.rank - 1 };
    memcpy(shape.dims, parameter->shape.dims + 1, (size_t)shape.rank * sizeof *shape.dims);
    shape.dims[0] *= parameter->shape.dims[0];
    return bg_reshape(parameter, shape);
}

/* ---- Values ---- */

static int64_t members_of(const bgi_layer *layer, const bg_node *x) { return x->is_of_members ? layer->members : 1; }

/* x with two axes in place of one, the first of them of this extent. */
static bg_node *split_axis(const bgi_layer *layer, bg_node *x, int axis, int64_t extent)
{
    if (!x)
        return NULL;
    if (x->shape.rank >= BG_MAX_RANK) {
        bgi_layer_fails(layer, BG_ERR_SHAPE, "no room for the axis of a population: x %s",
                        bgi_shape_format(x->shape).text);
        return NULL;
    }
    bg_shape shape = { .rank = x->shape.rank + 1 };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = x->shape.dims[i > axis ? i - 1 : i];
    shape.dims[axis] = extent;
    shape.dims[axis + 1] /= extent;
    return bg_reshape(x, shape);
}

static bg_node *join_axes(bg_node *x, int axis)
{
    if (!x)
        return NULL;
    bg_shape shape = { .rank = x->shape.rank - 1 };
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = x->shape.dims[i > axis ? i + 1 : i];
    shape.dims[axis] *= x->shape.dims[axis + 1];
    return bg_reshape(x, shape);
}

/* [a, b, ..] -> [b, a, ..] */
static bg_node *swap_first(bg_node *x)
{
    if (!x)
        return NULL;
    bg_axes axes = { .count = x->shape.rank };
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = i < 2 ? 1 - i : i;
    return bg_permute(x, axes);
}

bg_node *bgi_members_split(const bgi_layer *layer, bg_node *x)
{
    return x ? split_axis(layer, x, 0, members_of(layer, x)) : NULL;
}

bg_node *bgi_members_join(bg_node *y) { return join_axes(y, 0); }

bg_node *bgi_members_to_channels(const bgi_layer *layer, bg_node *x)
{
    bg_node *apart = bgi_members_split(layer, x);
    if (!apart)
        return NULL;
    bg_shape shape = apart->shape;
    shape.dims[0] = layer->members;
    return join_axes(swap_first(bg_broadcast(apart, shape)), 1);
}

bg_node *bgi_members_from_channels(const bgi_layer *layer, bg_node *y)
{
    return bgi_members_join(swap_first(split_axis(layer, y, 1, layer->members)));
}

/* ---- What layers do with parameters ---- */

bg_node *bgi_members_linear(const bgi_layer *layer, bg_node *x, bg_node *weight, bg_node *bias)
{
    if (!x || !weight || x->shape.rank < 2)
        return NULL;
    int64_t members = members_of(layer, x), in = weight->shape.dims[2], out = weight->shape.dims[1], rows = 1;
    bg_shape shape = x->shape;
    for (int i = 0; i < shape.rank - 1; i++)
        rows *= shape.dims[i];
    shape.dims[0] = shape.dims[0] / members * layer->members;
    shape.dims[shape.rank - 1] = out;
    bg_node *y = bg_matmul(bg_reshape(x, BG_SHAPE(members, rows / members, in)), bgi_transpose_last(weight));
    if (bias)
        y = bg_add(y, bg_reshape(bias, BG_SHAPE(layer->members, 1, out)));
    return bg_reshape(y, shape);
}

/* [members, ..] as [members, 1, .., ..], so that it broadcasts against [members, n, ..] from `axis` of [n, ..] on. */
static bg_node *beside(bg_node *parameter, int axis, int rank)
{
    bg_shape shape = { .rank = rank + 1, .dims = { parameter->shape.dims[0] } };
    for (int i = 1; i <= rank; i++) {
        int place = i - 1 - axis; /* among the parameter's own axes */
        shape.dims[i] = place >= 0 && place < parameter->shape.rank - 1 ? parameter->shape.dims[place + 1] : 1;
    }
    return bg_reshape(parameter, shape);
}

bg_node *bgi_members_scale(const bgi_layer *layer, bg_node *x, int axis, bg_node *weight, bg_node *bias)
{
    if (!x || (!weight && !bias))
        return x;
    bg_node *y = bgi_members_split(layer, x);
    if (y && weight)
        y = bg_mul(y, beside(weight, axis, x->shape.rank));
    if (y && bias)
        y = bg_add(y, beside(bias, axis, x->shape.rank));
    return bgi_members_join(y);
}

/* ---- Losses ---- */

/* [n, ..] repeated for the members, one behind the other. */
static bg_node *repeat(const bgi_layer *layer, bg_node *target)
{
    bg_node *apart = bgi_members_split(layer, target);
    if (!apart)
        return NULL;
    bg_shape shape = apart->shape;
    shape.dims[0] = layer->members;
    return bgi_members_join(bg_broadcast(apart, shape));
}

bg_node *bg_model_member_losses(bg_model *model, bg_loss *loss, bg_node *prediction, bg_node *target)
{
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "member_losses", model, "", prediction) || !target)
        return NULL;
    if (!loss || layer.members == 0 || !prediction->is_of_members) {
        bgi_layer_fails(&layer, BG_ERR_ARGUMENT,
                        !loss                ? "loss is NULL"
                        : layer.members == 0 ? "the model is no population"
                                             : "the prediction depends on no parameter");
        return NULL;
    }
    if (!bgi_layer_takes_members(&layer, prediction) || !bgi_layer_takes_members(&layer, target))
        return NULL;
    bg_node *values = loss(prediction, target->is_of_members ? target : repeat(&layer, target), BG_NONE);
    if (!values)
        return NULL;
    int64_t count = bg_shape_count(values->shape);
    if (values->shape.rank < 1 || values->shape.dims[0] % layer.members != 0) {
        bgi_layer_fails(&layer, BG_ERR_SHAPE, "the loss gives %s values for the prediction %s",
                        bgi_shape_format(values->shape).text, bgi_shape_format(prediction->shape).text);
        return NULL;
    }
    return bg_mean(bg_reshape(values, BG_SHAPE(layer.members, count / layer.members)), BG_AXES(1));
}
