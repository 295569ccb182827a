/* Layers of one product: dense and bilinear; embedding, prelu; flatten. */
#include "nn/layer.h"
#include "nn/members.h"

#include <string.h>

bg_node *bg_dense(bg_model *model, const char *name, bg_node *x, int64_t out)
{
    return bg_dense_with(model, name, x, out, NULL);
}

/* The extent of the last axis of x, or -1 with the error recorded. */
static int64_t last_extent(const bgi_layer *layer, const char *label, const bg_node *x)
{
    if (x->shape.rank < 1)
        bgi_layer_fails(layer, BG_ERR_SHAPE, "%s is a scalar, not [.., in]", label);
    return x->shape.rank < 1 ? -1 : x->shape.dims[x->shape.rank - 1];
}

static bool takes_outputs(const bgi_layer *layer, int64_t out)
{
    return out >= 0 || bgi_layer_fails(layer, BG_ERR_ARGUMENT, "%lld outputs", (long long)out);
}

/* A model takes one row alone, [in]; the members of a population need an axis of rows. */
static bool takes_rows(bgi_layer *layer, const bg_node *x)
{
    return bgi_layer_takes_members(layer, x) &&
           (layer->members == 0 || x->shape.rank >= 2 ||
            bgi_layer_fails(layer, BG_ERR_SHAPE, "a population needs x [n, .., in]: x %s",
                            bgi_shape_format(x->shape).text));
}

bg_node *bg_dense_with(bg_model *model, const char *name, bg_node *x, int64_t out, const bg_dense_options *options)
{
    static const bg_dense_options defaults;
    const bg_dense_options *o = options ? options : &defaults;
    bgi_layer layer;
    int64_t in = 0;
    if (!bgi_layer_start(&layer, "dense", model, name, x) || (in = last_extent(&layer, "x", x)) < 0 ||
        !bgi_layer_takes(&layer, "x", x) || !takes_outputs(&layer, out) || !takes_rows(&layer, x))
        return NULL;
    bg_init otherwise = bgi_init_uniform_of(in);
    bg_node *weight = bgi_layer_parameter(&layer, "weight", BG_SHAPE(out, in), o->weight, otherwise), *bias = NULL;
    if (!o->without_bias)
        bias = bgi_layer_parameter(&layer, "bias", BG_SHAPE(out), o->bias, otherwise);
    if (!weight || !(bias || o->without_bias))
        return NULL;
    return layer.members > 0 ? bgi_members_linear(&layer, x, weight, bias) : bg_linear(x, weight, bias);
}

bg_node *bg_model_bilinear(bg_model *model, const char *name, bg_node *x, bg_node *y, int64_t out,
                           const bg_dense_options *options)
{
    static const bg_dense_options defaults;
    const bg_dense_options *o = options ? options : &defaults;
    bgi_layer layer;
    int64_t in_x = 0, in_y = 0;
    if (!y || !bgi_layer_start(&layer, "bilinear", model, name, x) || (in_x = last_extent(&layer, "x", x)) < 0 ||
        (in_y = last_extent(&layer, "y", y)) < 0 || !bgi_layer_takes(&layer, "x", x) ||
        !bgi_layer_takes(&layer, "y", y) || !takes_outputs(&layer, out))
        return NULL;
    bg_init otherwise = bgi_init_uniform_of(in_x);
    bg_node *weight = bgi_layer_parameter(&layer, "weight", BG_SHAPE(out, in_x, in_y), o->weight, otherwise);
    bg_node *bias = o->without_bias ? NULL : bgi_layer_parameter(&layer, "bias", BG_SHAPE(out), o->bias, otherwise);
    return weight && (bias || o->without_bias) ? bg_bilinear(x, y, weight, bias) : NULL;
}

/* PyTorch's row of padding is 0 at first, whatever the others are. */
static void clear_row(bg_tensor *table, int64_t row)
{
    size_t bytes = (size_t)table->shape.dims[1] * bg_dtype_size(table->dtype);
    if (bytes > 0)
        memset((unsigned char *)bg_tensor_data(table) + (size_t)row * bytes, 0, bytes);
}

/* Whether the members of a population can look up indices, and do not have to leave a row of padding alone. */
static bool takes_members(bgi_layer *layer, const bg_node *indices, bool has_padding)
{
    if (layer->members > 0 && (has_padding || indices->is_of_members))
        return bgi_layer_fails(layer, BG_ERR_ARGUMENT, "a population takes no %s",
                               has_padding ? "row of padding" : "indices that depend on its parameters");
    return bgi_layer_takes_members(layer, indices);
}

/* table [members, rows, width], indices [n, ..] -> [members n, .., width] */
static bg_node *embed_members(bg_node *table, bg_node *indices)
{
    bg_shape shape = indices->shape;
    if (shape.rank == BG_MAX_RANK)
        return bgi_graph_fail(indices->graph, BG_ERR_SHAPE, "embedding: no room for an axis: indices %s",
                              bgi_shape_format(shape).text);
    bg_node *flat = bg_reshape(indices, BG_SHAPE(bg_shape_count(shape)));
    shape.dims[0] *= table->shape.dims[0];
    shape.dims[shape.rank++] = table->shape.dims[2];
    return bg_reshape(bg_index_select(table, flat, 1), shape);
}

bg_node *bg_model_embedding(bg_model *model, const char *name, bg_node *indices, int64_t rows, int64_t width,
                            const bg_model_embedding_options *options)
{
    static const bg_model_embedding_options defaults;
    const bg_model_embedding_options *o = options ? options : &defaults;
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "embedding", model, name, indices))
        return NULL;
    if (!bgi_is_integer(indices->dtype)) {
        bgi_layer_fails(&layer, BG_ERR_DTYPE, "indices are %s, not i32, i64 or u8", bg_dtype_name(indices->dtype));
        return NULL;
    }
    if (rows < 0 || width < 0) {
        bgi_layer_fails(&layer, BG_ERR_ARGUMENT, "%lld rows of %lld", (long long)rows, (long long)width);
        return NULL;
    }
    int64_t padding = -1;
    if (o->padding.is_some) {
        double row = o->padding.value < 0 ? o->padding.value + (double)rows : o->padding.value;
        if (!(row >= 0 && row < (double)rows) || row != (double)(int64_t)row) {
            bgi_layer_fails(&layer, BG_ERR_ARGUMENT, "the row of padding is %g, of %lld rows", o->padding.value,
                            (long long)rows);
            return NULL;
        }
        padding = (int64_t)row;
    }
    if (!takes_members(&layer, indices, padding >= 0))
        return NULL;
    bool is_new = !bg_model_find(model, bgi_layer_part(&layer, "weight").text);
    bg_node *table =
        bgi_layer_parameter(&layer, "weight", BG_SHAPE(rows, width), o->weight, (bg_init){ .kind = BG_INIT_NORMAL });
    if (!table)
        return NULL;
    if (padding >= 0 && is_new)
        clear_row(table->tensor, padding);
    return layer.members > 0 ? embed_members(table, indices) : bg_embedding(table, indices, padding);
}

/* One slope for all channels is one for each member, whose axis is then that of the channels. */
static bg_node *prelu_members(const bgi_layer *layer, bg_node *x, bg_node *slopes)
{
    int64_t channels = slopes->shape.dims[1];
    bg_node *rows = channels > 1 ? x : bg_unsqueeze(x, 1);
    bg_node *y = bg_prelu(bgi_members_to_channels(layer, rows), bgi_members_flatten(slopes));
    y = bgi_members_from_channels(layer, y);
    return channels > 1 ? y : bg_squeeze(y, BG_AXES(1));
}

bg_node *bg_model_prelu(bg_model *model, const char *name, bg_node *x, int64_t channels, bg_init weight)
{
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "prelu", model, name, x) || !bgi_layer_takes(&layer, "x", x))
        return NULL;
    bool fits = channels == 1 || (x->shape.rank >= 2 && channels == x->shape.dims[1]);
    if (!fits) {
        bgi_layer_fails(&layer, BG_ERR_SHAPE, "%lld slopes for x %s", (long long)channels,
                        bgi_shape_format(x->shape).text);
        return NULL;
    }
    if (!bgi_layer_takes_members(&layer, x))
        return NULL;
    bg_node *slopes = bgi_layer_parameter(&layer, "weight", BG_SHAPE(channels), weight,
                                          (bg_init){ .kind = BG_INIT_CONSTANT, .value = 0.25 });
    if (!slopes || layer.members == 0)
        return slopes ? bg_prelu(x, slopes) : NULL;
    return prelu_members(&layer, x, slopes);
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
