/* The layers of layer lines. */
#include "nn/layer_words.h"

#include "nn/layer.h"
#include "nn/members.h"

#define BIT(option) (UINT64_C(1) << BGI_OPTION_##option)
#define HAS(option) (word->options[BGI_OPTION_##option].is_given)

static double number(const bgi_layer_word *word, bgi_word_option option, double otherwise)
{
    return word->options[option].is_given ? word->options[option].number : otherwise;
}
static bg_optional optional(const bgi_layer_word *word, bgi_word_option option)
{
    const bgi_word_value *value = &word->options[option];
    return value->is_given ? BG_SOME(value->number) : (bg_optional){ 0 };
}
static int64_t whole(const bgi_layer_word *word, bgi_word_option option) { return (int64_t)number(word, option, 0); }
static int64_t argument(const bgi_layer_word *word, int i) { return (int64_t)word->arguments[i].number; }

/* ---- Images ---- */

/* x [n, h, w] counts as one channel where the kernel has two extents, and so for three. */
static bg_node *as_image(bgi_layer_line *line, const bgi_word_value *kernel, bg_node *x)
{
    line->is_sequence = false;
    bool lacks_channels = kernel->extents.rank > 1 && x->shape.rank == kernel->extents.rank + 1;
    return lacks_channels ? bg_unsqueeze(x, 1) : x;
}

/* Extents for each dimension of x [n, c, ..]: one number counts for all. Those that are not given stay as they are. */
static bool extents_of(const bgi_word_value *value, const bg_node *x, int64_t place[3])
{
    if (!value->is_given)
        return true;
    int rank = x->shape.rank - 2;
    if (rank < 1 || rank > 3 || (value->extents.rank > 1 && value->extents.rank != rank)) {
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%.*s does not fit x %s, which needs to be [n, channels, ..]",
                       (int)value->length, value->text, bgi_shape_format(x->shape).text);
        return false;
    }
    for (int i = 0; i < rank; i++)
        place[i] = value->extents.dims[value->extents.rank > 1 ? i : 0];
    return true;
}

static bool conv_options(const bgi_layer_word *word, const bg_node *x, bg_shape *kernel, bg_model_conv_options *o)
{
    *kernel = (bg_shape){ .rank = x->shape.rank - 2 };
    *o = (bg_model_conv_options){ .without_bias = HAS(nobias),
                                  .padding_mode = HAS(reflect)     ? BG_PAD_REFLECT
                                                  : HAS(replicate) ? BG_PAD_REPLICATE
                                                  : HAS(circular)  ? BG_PAD_CIRCULAR
                                                                   : BG_PAD_CONSTANT };
    o->conv.groups = whole(word, BGI_OPTION_groups);
    o->conv.is_same = HAS(same);
    return extents_of(&word->arguments[1], x, kernel->dims) &&
           extents_of(&word->options[BGI_OPTION_stride], x, o->conv.stride) &&
           extents_of(&word->options[BGI_OPTION_pad], x, o->conv.padding) &&
           extents_of(&word->options[BGI_OPTION_dilation], x, o->conv.dilation) &&
           extents_of(&word->options[BGI_OPTION_output_pad], x, o->conv.output_padding);
}
static bg_node *conv(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape kernel;
    bg_model_conv_options o;
    x = as_image(line, &word->arguments[1], x);
    if (!x || !conv_options(word, x, &kernel, &o))
        return NULL;
    return bg_model_conv(line->model, line->name, x, argument(word, 0), kernel, &o);
}
static bg_node *conv_transpose(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape kernel;
    bg_model_conv_options o;
    x = as_image(line, &word->arguments[1], x);
    if (!x || !conv_options(word, x, &kernel, &o))
        return NULL;
    return bg_model_conv_transpose(line->model, line->name, x, argument(word, 0), kernel, &o);
}

static bool pool_options(const bgi_layer_word *word, const bg_node *x, bg_shape *window, bg_pool_options *o)
{
    *window = (bg_shape){ .rank = x->shape.rank - 2 };
    *o = (bg_pool_options){ .is_ceil = HAS(ceil) };
    return extents_of(&word->arguments[0], x, window->dims) &&
           extents_of(&word->options[BGI_OPTION_stride], x, o->stride) &&
           extents_of(&word->options[BGI_OPTION_pad], x, o->padding) &&
           extents_of(&word->options[BGI_OPTION_dilation], x, o->dilation);
}
static bg_node *max_pool(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape window;
    bg_pool_options o;
    x = as_image(line, &word->arguments[0], x);
    return x && pool_options(word, x, &window, &o) ? bg_max_pool(x, window, &o, NULL) : NULL;
}
static bg_node *avg_pool(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape window;
    bg_pool_options o;
    x = as_image(line, &word->arguments[0], x);
    return x && pool_options(word, x, &window, &o) ? bg_avg_pool(x, window, &o) : NULL;
}
static bg_node *adaptive_max_pool(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape size;
    bg_pool_options o;
    x = as_image(line, &word->arguments[0], x);
    return x && pool_options(word, x, &size, &o) ? bg_adaptive_max_pool(x, size, NULL) : NULL;
}
static bg_node *adaptive_avg_pool(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_shape size;
    bg_pool_options o;
    x = as_image(line, &word->arguments[0], x);
    return x && pool_options(word, x, &size, &o) ? bg_adaptive_avg_pool(x, size) : NULL;
}

static bg_node *upsample(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    int64_t factors[3];
    x = as_image(line, &word->arguments[0], x);
    if (!x || !extents_of(&word->arguments[0], x, factors))
        return NULL;
    bg_shape size = { .rank = x->shape.rank - 2 };
    for (int i = 0; i < size.rank; i++)
        if (__builtin_mul_overflow(x->shape.dims[i + 2], factors[i], &size.dims[i]))
            return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "x %s is too large for that",
                                  bgi_shape_format(x->shape).text);
    return bg_resize_nearest(x, size, false);
}
static bg_node *pixel_shuffle(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    line->is_sequence = false;
    return bg_pixel_shuffle(x, argument(word, 0));
}

/* ---- Normalisation ---- */

static bg_node *batch_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    return bg_model_batch_norm(line->model, line->name, x,
                               &(bg_model_batch_norm_options){ .momentum = optional(word, BGI_OPTION_momentum),
                                                               .eps = optional(word, BGI_OPTION_eps),
                                                               .without_weights = HAS(noaffine),
                                                               .without_running_statistics = HAS(nostats) });
}
static bg_node *instance_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    return bg_model_instance_norm(line->model, line->name, x,
                                  &(bg_model_instance_norm_options){ .momentum = optional(word, BGI_OPTION_momentum),
                                                                     .eps = optional(word, BGI_OPTION_eps),
                                                                     .has_weights = HAS(affine),
                                                                     .has_running_statistics = HAS(stats) });
}
static bg_model_norm_options norm_options(const bgi_layer_word *word)
{
    return (bg_model_norm_options){ .axes = (int)whole(word, BGI_OPTION_axes),
                                    .eps = optional(word, BGI_OPTION_eps),
                                    .without_weights = HAS(noaffine),
                                    .without_bias = HAS(nobias) };
}
static bg_node *layer_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_norm_options o = norm_options(word);
    return bg_model_layer_norm(line->model, line->name, x, &o);
}
static bg_node *rms_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_norm_options o = norm_options(word);
    return bg_model_rms_norm(line->model, line->name, x, &o);
}
static bg_node *group_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_norm_options o = norm_options(word);
    return bg_model_group_norm(line->model, line->name, x, argument(word, 0), &o);
}
static bg_node *local_response_norm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    (void)line;
    return bg_local_response_norm(x, argument(word, 0), number(word, BGI_OPTION_alpha, 1e-4),
                                  number(word, BGI_OPTION_beta, 0.75), number(word, BGI_OPTION_k, 1));
}

/* ---- Sequences ---- */

static bg_node *embedding(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    line->is_sequence = true;
    return bg_model_embedding(line->model, line->name, x, argument(word, 0), argument(word, 1),
                              &(bg_model_embedding_options){ .padding = optional(word, BGI_OPTION_padding) });
}
/* A learned vector for each place, added to x [n, steps, width]. */
static bg_node *positions(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    int rank = x->shape.rank;
    int64_t places = argument(word, 0);
    bgi_layer layer;
    if (!bgi_layer_start(&layer, "positions", line->model, line->name, x) || !bgi_layer_takes(&layer, "x", x))
        return NULL;
    if (rank < 2 || x->shape.dims[rank - 2] > places)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "x %s is not [n, steps, width] of up to %lld steps",
                              bgi_shape_format(x->shape).text, (long long)places);
    if (!bgi_layer_takes_members(&layer, x))
        return NULL;
    line->is_sequence = true;
    bg_node *table = bgi_layer_parameter(&layer, "weight", BG_SHAPE(places, x->shape.dims[rank - 1]),
                                         (bg_init){ .kind = BG_INIT_NORMAL }, (bg_init){ 0 });
    bg_node *part = table ? bg_narrow(table, layer.members > 0 ? 1 : 0, 0, x->shape.dims[rank - 2]) : NULL;
    if (part && layer.members > 0)
        return bgi_members_scale(&layer, x, rank - 2, NULL, part);
    return part ? bg_add(x, part) : NULL;
}
static bg_model_recurrent_options recurrent_options(bgi_layer_line *line, const bgi_layer_word *word)
{
    line->is_sequence = true;
    return (bg_model_recurrent_options){ .recurrent = { .layers = whole(word, BGI_OPTION_layers),
                                                        .is_bidirectional = HAS(bidirectional),
                                                        .is_batch_first = true,
                                                        .is_relu = HAS(relu),
                                                        .dropout = number(word, BGI_OPTION_dropout, 0) },
                                         .without_bias = HAS(nobias),
                                         .projection = whole(word, BGI_OPTION_projection) };
}
static bg_node *rnn(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_recurrent_options o = recurrent_options(line, word);
    return bg_model_rnn(line->model, line->name, x, NULL, argument(word, 0), &o).output;
}
static bg_node *lstm(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_recurrent_options o = recurrent_options(line, word);
    return bg_model_lstm(line->model, line->name, x, NULL, NULL, argument(word, 0), &o).output;
}
static bg_node *gru(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    bg_model_recurrent_options o = recurrent_options(line, word);
    return bg_model_gru(line->model, line->name, x, NULL, argument(word, 0), &o).output;
}
static bg_node *last(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    (void)word;
    line->is_sequence = false;
    if (x->shape.rank < 3 || x->shape.dims[1] < 1)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "x %s is not [n, steps, ..] of a step or more",
                              bgi_shape_format(x->shape).text);
    return bg_select(x, 1, x->shape.dims[1] - 1);
}
static bg_node *attention(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    line->is_sequence = true;
    return bg_model_attention(line->model, line->name, x, NULL, NULL, argument(word, 0),
                              &(bg_model_attention_options){ .is_causal = HAS(causal),
                                                             .dropout = number(word, BGI_OPTION_dropout, 0),
                                                             .without_bias = HAS(nobias) });
}
static bg_node *encoder_layer(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    line->is_sequence = true;
    const bgi_word_value *name = &word->options[BGI_OPTION_activation];
    const bgi_activation *row = name->is_given ? bgi_activation_find(name->text, name->length) : NULL;
    return bg_model_encoder_layer(line->model, line->name, x, argument(word, 0),
                                  &(bg_model_transformer_options){ .feedforward = whole(word, BGI_OPTION_feedforward),
                                                                   .dropout = optional(word, BGI_OPTION_dropout),
                                                                   .activation = row ? row->apply : NULL,
                                                                   .eps = optional(word, BGI_OPTION_eps),
                                                                   .is_norm_first = HAS(norm_first),
                                                                   .without_bias = HAS(nobias),
                                                                   .is_causal = HAS(causal) });
}

/* ---- All others ---- */

static bg_node *dense(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    if (x->shape.rank > 2 && !line->is_sequence)
        x = bg_flatten(x);
    return bg_dense_with(line->model, line->name, x, argument(word, 0),
                         &(bg_dense_options){ .without_bias = HAS(nobias) });
}
static bg_node *flatten(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    (void)word;
    line->is_sequence = false;
    return bg_flatten(x);
}
static bg_node *unflatten(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    line->is_sequence = false;
    if (x->shape.rank < 2)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "x %s is not [n, ..]", bgi_shape_format(x->shape).text);
    bg_shape shape = { .rank = word->arguments[0].extents.rank + 1, .dims = { x->shape.dims[0] } };
    for (int i = 1; i < shape.rank; i++)
        shape.dims[i] = word->arguments[0].extents.dims[i - 1];
    return bg_reshape(x, shape);
}
static bg_node *dropout(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    return bg_model_dropout(line->model, line->name, x, word->arguments[0].number);
}
static bg_node *dropout_channels(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    return bg_model_dropout_channels(line->model, line->name, x, word->arguments[0].number);
}
static bg_node *prelu(bgi_layer_line *line, const bgi_layer_word *word, bg_node *x)
{
    int64_t channels = word->arguments[0].is_given ? argument(word, 0) : 1;
    return bg_model_prelu(line->model, line->name, x, channels, (bg_init){ 0 });
}

#define CONV_OPTIONS      (BIT(stride) | BIT(pad) | BIT(dilation) | BIT(groups) | BIT(nobias))
#define NORM_OPTIONS      (BIT(eps) | BIT(axes) | BIT(noaffine))
#define RECURRENT_OPTIONS (BIT(layers) | BIT(dropout) | BIT(bidirectional) | BIT(nobias))

const bgi_layer_kind bgi_layer_kinds[] = {
    { "dense", { { "N", BGI_COUNT, false } }, BIT(nobias), "N outputs of the last axis; images are flattened", dense },
    { "conv",
      { { "N", BGI_COUNT, false }, { "K", BGI_EXTENTS, false } },
      CONV_OPTIONS | BIT(same) | BIT(reflect) | BIT(replicate) | BIT(circular),
      "N channels from windows of K",
      conv },
    { "conv_transpose",
      { { "N", BGI_COUNT, false }, { "K", BGI_EXTENTS, false } },
      CONV_OPTIONS | BIT(output_pad),
      "the transpose of conv",
      conv_transpose },
    { "max_pool", { { "K", BGI_EXTENTS, false } }, BIT(stride) | BIT(pad) | BIT(dilation) | BIT(ceil), "", max_pool },
    { "avg_pool", { { "K", BGI_EXTENTS, false } }, BIT(stride) | BIT(pad) | BIT(ceil), "", avg_pool },
    { "adaptive_max_pool", { { "K", BGI_EXTENTS, false } }, 0, "to K, whatever the image has", adaptive_max_pool },
    { "adaptive_avg_pool", { { "K", BGI_EXTENTS, false } }, 0, "", adaptive_avg_pool },
    { "upsample", { { "K", BGI_EXTENTS, false } }, 0, "each pixel K times", upsample },
    { "pixel_shuffle", { { "N", BGI_COUNT, false } }, 0, "N N channels as N x N pixels", pixel_shuffle },
    { "batch_norm", { { .label = NULL } }, BIT(eps) | BIT(momentum) | BIT(noaffine) | BIT(nostats), "", batch_norm },
    { "instance_norm", { { .label = NULL } }, BIT(eps) | BIT(momentum) | BIT(affine) | BIT(stats), "", instance_norm },
    { "layer_norm", { { .label = NULL } }, NORM_OPTIONS | BIT(nobias), "over the last N axes, or one", layer_norm },
    { "rms_norm", { { .label = NULL } }, NORM_OPTIONS, "", rms_norm },
    { "group_norm",
      { { "N", BGI_COUNT, false } },
      BIT(eps) | BIT(noaffine) | BIT(nobias),
      "channels in N groups",
      group_norm },
    { "local_response_norm",
      { { "N", BGI_COUNT, false } },
      BIT(alpha) | BIT(beta) | BIT(k),
      "over N channels",
      local_response_norm },
    { "embedding",
      { { "ROWS", BGI_COUNT, false }, { "WIDTH", BGI_COUNT, false } },
      BIT(padding),
      "of indices",
      embedding },
    { "positions", { { "N", BGI_COUNT, false } }, 0, "adds a vector for each of up to N places", positions },
    { "rnn", { { "N", BGI_COUNT, false } }, RECURRENT_OPTIONS | BIT(relu), "[n, steps, ..], N units", rnn },
    { "lstm", { { "N", BGI_COUNT, false } }, RECURRENT_OPTIONS | BIT(projection), "", lstm },
    { "gru", { { "N", BGI_COUNT, false } }, RECURRENT_OPTIONS, "", gru },
    { "last", { { .label = NULL } }, 0, "the last step of a sequence", last },
    { "attention", { { "N", BGI_COUNT, false } }, BIT(causal) | BIT(dropout) | BIT(nobias), "in N heads", attention },
    { "encoder_layer",
      { { "N", BGI_COUNT, false } },
      BIT(feedforward) | BIT(dropout) | BIT(activation) | BIT(norm_first) | BIT(causal) | BIT(eps) | BIT(nobias),
      "of a transformer, N heads",
      encoder_layer },
    { "dropout", { { "P", BGI_SHARE, false } }, 0, "", dropout },
    { "dropout_channels", { { "P", BGI_SHARE, false } }, 0, "", dropout_channels },
    { "flatten", { { .label = NULL } }, 0, "", flatten },
    { "unflatten", { { "K", BGI_EXTENTS, false } }, 0, "[n, ..] as n images [K]: 1x8x8", unflatten },
    { "prelu", { { "N", BGI_COUNT, true } }, 0, "slopes of N channels, or one for all", prelu },
    { .name = NULL },
};
