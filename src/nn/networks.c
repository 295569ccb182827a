/* The networks of the reference workloads. */
#include <blasgrad/nn.h>

#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Sizes ---- */

/* The extent that was asked for, that a parameter has, or the default. */
static int64_t size_of(const bg_model *model, int64_t asked, const char *parameter, int axis, int64_t otherwise)
{
    const bg_tensor *tensor = asked ? NULL : bg_model_find(model, parameter);
    axis += bg_model_members(model) > 0; /* behind that of the members */
    if (tensor && bg_tensor_shape(tensor).rank > axis)
        return bg_tensor_shape(tensor).dims[axis];
    return asked ? asked : otherwise;
}

/* Large enough for any network, and small enough that no product of two sizes overflows. */
static const int64_t SIZE_LIMIT = (int64_t)1 << 30;

/* The options; false with the error recorded if there is no x or a size makes no sense. */
static bool begin(const char *name, const bg_model *model, const bg_node *x, const void *options,
                  bg_network_options *sizes)
{
    *sizes = options ? *(const bg_network_options *)options : (bg_network_options){ 0 };
    if (!x)
        return false;
    if (!model) {
        (void)bgi_graph_fail(bg_node_graph(x), BG_ERR_ARGUMENT, "%s: model is NULL", name);
        return false;
    }
    const struct {
        const char *name;
        int64_t size;
    } all[] = { { "classes", sizes->classes },
                { "context", sizes->context },
                { "width", sizes->width },
                { "layers", sizes->layers },
                { "heads", sizes->heads } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].size < 0 || all[i].size > SIZE_LIMIT) {
            (void)bgi_graph_fail(bg_node_graph(x), BG_ERR_ARGUMENT, "%s: %s %lld, it must be from 1 to 2^30", name,
                                 all[i].name, (long long)all[i].size);
            return false;
        }
    return true;
}

/* ---- Images ---- */

/* [n, rows, columns] as one channel. */
static bg_node *with_channels(const char *name, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    if (shape.rank == 3)
        return bg_reshape(x, BG_SHAPE(shape.dims[0], 1, shape.dims[1], shape.dims[2]));
    if (shape.rank == 4)
        return x;
    return bgi_graph_fail(bg_node_graph(x), BG_ERR_SHAPE,
                          "%s: needs images [n, rows, columns] or [n, channels, rows, columns]: x %s", name,
                          bgi_shape_format(shape).text);
}

bg_node *bg_network_mnist_cnn(bg_model *model, bg_node *x, void *options)
{
    bg_network_options sizes;
    if (!begin("mnist-cnn", model, x, options, &sizes))
        return NULL;
    int64_t width = size_of(model, sizes.width, "c1.weight", 0, 32);
    x = with_channels("mnist-cnn", x);
    x = bg_relu(bg_model_conv(model, "c1", x, width, BG_SHAPE(3, 3), NULL));
    x = bg_relu(bg_model_conv(model, "c2", x, 2 * width, BG_SHAPE(3, 3), NULL));
    x = bg_flatten(bg_max_pool(x, BG_SHAPE(2, 2), NULL, NULL));
    x = bg_relu(bg_dense(model, "f1", x, 4 * width));
    return bg_dense(model, "f2", x, size_of(model, sizes.classes, "f2.weight", 0, 10));
}

/* A convolution without bias, then its batch norm. */
static bg_node *convolve(bg_model *model, const char *conv, const char *norm, bg_node *x, int64_t out, int64_t kernel,
                         int64_t stride)
{
    const bg_model_conv_options options = {
        .conv = { .stride = { stride, stride }, .padding = { kernel / 2, kernel / 2 } }, .without_bias = true
    };
    x = bg_model_conv(model, conv, x, out, BG_SHAPE(kernel, kernel), &options);
    return bg_model_batch_norm(model, norm, x, NULL);
}

/* y = relu(b2(c2(relu(b1(c1(x))))) + shortcut), which is x, or where that does not fit sc.1(sc.0(x)). */
static bg_node *residual_block(bg_model *model, int64_t index, bg_node *x, int64_t out, int64_t stride)
{
    if (!x)
        return NULL;
    char names[6][40];
    static const char *const parts[] = { "c1", "b1", "c2", "b2", "sc.0", "sc.1" };
    for (int i = 0; i < 6; i++)
        snprintf(names[i], sizeof names[i], "l.%lld.%s", (long long)index, parts[i]);
    bool fits = stride == 1 && bg_node_shape(x).dims[1] == out;
    bg_node *y = bg_relu(convolve(model, names[0], names[1], x, out, 3, stride));
    y = convolve(model, names[2], names[3], y, out, 3, 1);
    return bg_relu(bg_add(y, fits ? x : convolve(model, names[4], names[5], x, out, 1, stride)));
}

bg_node *bg_network_resnet20(bg_model *model, bg_node *x, void *options)
{
    bg_network_options sizes;
    if (!begin("resnet20", model, x, options, &sizes))
        return NULL;
    int64_t width = size_of(model, sizes.width, "c.weight", 0, 16), blocks = sizes.layers ? sizes.layers : 3;
    x = bg_relu(convolve(model, "c", "b", with_channels("resnet20", x), width, 3, 1));
    for (int64_t i = 0; i < 3 * blocks && x; i++)
        x = residual_block(model, i, x, width << i / blocks, i % blocks == 0 && i > 0 ? 2 : 1);
    return bg_dense(model, "f", bg_mean(x, BG_AXES(2, 3)), size_of(model, sizes.classes, "f.weight", 0, 10));
}

/* ---- Characters and tokens ---- */

static bool check_characters(const char *name, const bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    if (shape.rank == 2)
        return true;
    (void)bgi_graph_fail(bg_node_graph(x), BG_ERR_SHAPE, "%s: needs classes of characters [n, t]: x %s", name,
                         bgi_shape_format(shape).text);
    return false;
}

bg_node *bg_network_char_lstm(bg_model *model, bg_node *x, void *options)
{
    bg_network_options sizes;
    if (!begin("char-lstm", model, x, options, &sizes) || !check_characters("char-lstm", x))
        return NULL;
    int64_t classes = size_of(model, sizes.classes, "e.weight", 0, 65);
    int64_t width = size_of(model, sizes.width, "e.weight", 1, 256);
    const bg_model_recurrent_options recurrent = { .recurrent = { .layers = sizes.layers ? sizes.layers : 2,
                                                                  .is_batch_first = true } };
    x = bg_model_embedding(model, "e", x, classes, width, NULL);
    x = bg_model_lstm(model, "r", x, NULL, NULL, width, &recurrent).output;
    return bg_dense(model, "o", x, classes);
}

/* Dense layers and embeddings of the transformers start as in Radford et al. 2019: from normal values of deviation
 * 0.02, biases from 0, and what ends a branch (two in each block) divided by the root of the number of branches. A head
 * that is tied to an embedding of deviation 1 would begin with scores of some ten. */
static bg_node *transformer_dense(bg_model *model, const char *name, bg_node *x, int64_t out, int64_t branches)
{
    const bg_dense_options options = { .weight = { .kind = BG_INIT_NORMAL, .deviation = 0.02 / sqrt((double)branches) },
                                       .bias = { .kind = BG_INIT_ZEROS } };
    return bg_dense_with(model, name, x, out, &options);
}

static bg_node *transformer_embedding(bg_model *model, const char *name, bg_node *indices, int64_t rows, int64_t width)
{
    const bg_model_embedding_options options = { .weight = { .kind = BG_INIT_NORMAL, .deviation = 0.02 } };
    return bg_model_embedding(model, name, indices, rows, width, &options);
}

/* Heads lie side by side in the rows of q, k and v, which lie side by side in those of the projection. */
static bg_node *causal_attention(bg_model *model, const char *projection, bg_node *x, int64_t heads)
{
    if (!x)
        return NULL;
    bg_shape shape = bg_node_shape(x);
    int64_t n = shape.dims[0], t = shape.dims[1], width = shape.dims[2];
    bg_node *joined = transformer_dense(model, projection, x, 3 * width, 1), *parts[3];
    for (int64_t i = 0; i < 3; i++) {
        bg_node *part = bg_slice(joined, 2, i * width, (i + 1) * width, 1);
        parts[i] = bg_transpose(bg_reshape(part, BG_SHAPE(n, t, heads, width / heads)), 1, 2);
    }
    bg_node *y = bg_attention(parts[0], parts[1], parts[2], &(bg_attention_options){ .is_causal = true });
    return bg_reshape(bg_transpose(y, 1, 2), shape);
}

static bg_node *transformer_block(bg_model *model, int64_t index, bg_node *x, int64_t width, int64_t heads,
                                  int64_t branches)
{
    char names[6][40];
    static const char *const parts[] = { "n1", "qkv", "p", "n2", "f", "g" };
    for (int i = 0; i < 6; i++)
        snprintf(names[i], sizeof names[i], "b.%lld.%s", (long long)index, parts[i]);
    bg_node *y = causal_attention(model, names[1], bg_model_layer_norm(model, names[0], x, NULL), heads);
    x = bg_add(x, transformer_dense(model, names[2], y, width, branches));
    y = bg_model_layer_norm(model, names[3], x, NULL);
    y = bg_gelu_tanh(transformer_dense(model, names[4], y, 4 * width, 1));
    return bg_add(x, transformer_dense(model, names[5], y, width, branches));
}

/* A transformer of the sizes that are asked for, or else of its own. */
static bg_node *transformer(const char *name, bg_model *model, bg_node *x, const void *options,
                            const bg_network_options *own)
{
    bg_network_options sizes;
    if (!begin(name, model, x, options, &sizes) || !check_characters(name, x))
        return NULL;
    bg_graph *graph = bg_node_graph(x);
    if (bg_model_members(model) > 0)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: the network cannot compute for the members of a population",
                              name);
    /* A file from PyTorch may hold the tied weight under either name. */
    bg_status status = bg_model_tie(model, "o.weight", "we.weight");
    if (status != BG_OK) {
        char message[512];
        snprintf(message, sizeof message, "%s", bg_last_error());
        return bgi_graph_fail(graph, status, "%s", message);
    }
    int64_t t = bg_node_shape(x).dims[1];
    int64_t classes = size_of(model, sizes.classes, "we.weight", 0, own->classes);
    int64_t width = size_of(model, sizes.width, "we.weight", 1, own->width);
    int64_t context = size_of(model, sizes.context, "pe.weight", 0, t > own->context ? t : own->context);
    int64_t layers = sizes.layers ? sizes.layers : own->layers, heads = sizes.heads ? sizes.heads : own->heads;
    if (t > context)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: x %s has more than the %lld positions of the context", name,
                              bgi_shape_format(bg_node_shape(x)).text, (long long)context);
    if (width % heads)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "%s: a width of %lld does not make %lld equal heads", name,
                              (long long)width, (long long)heads);
    bg_node *positions = bg_arange(graph, BG_I64, 0, (double)t, 1);
    x = bg_add(transformer_embedding(model, "we", x, classes, width),
               transformer_embedding(model, "pe", positions, context, width));
    for (int64_t i = 0; i < layers && x; i++)
        x = transformer_block(model, i, x, width, heads, 2 * layers);
    x = bg_model_layer_norm(model, "n", x, NULL);
    bg_node *table = bg_model_parameter(model, graph, "we.weight", BG_SHAPE(classes, width), (bg_init){ 0 });
    return x && table ? bg_linear(x, table, NULL) : NULL;
}

bg_node *bg_network_char_gpt(bg_model *model, bg_node *x, void *options)
{
    const bg_network_options own = { .classes = 65, .context = 64, .width = 128, .layers = 4, .heads = 4 };
    return transformer("char-gpt", model, x, options, &own);
}

/* Radford et al., Language models are unsupervised multitask learners, 2019: the smallest of its four models. */
bg_node *bg_network_gpt2(bg_model *model, bg_node *x, void *options)
{
    const bg_network_options own = { .classes = 50257, .context = 1024, .width = 768, .layers = 12, .heads = 12 };
    return transformer("gpt2", model, x, options, &own);
}

/* ---- By name ---- */

static const struct {
    const char *name;
    bg_network *network;
} networks[] = {
    { "mnist-cnn", bg_network_mnist_cnn }, { "resnet20", bg_network_resnet20 }, { "char-lstm", bg_network_char_lstm },
    { "char-gpt", bg_network_char_gpt },   { "gpt2", bg_network_gpt2 },
};

bg_network *bg_network_find(const char *name)
{
    char names[100] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (name && strcmp(name, networks[i].name) == 0)
            return networks[i].network;
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", networks[i].name);
    }
    bg_fail(BG_ERR_ARGUMENT, "network_find: there is no network \"%.60s\"; the networks are %s", name ? name : "",
            names);
    return NULL;
}
