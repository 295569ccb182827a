/* Attention in several heads, and the layers of transformers. */
#include "nn/layer.h"

#include "ops/attention.h"
#include "ops/random.h"

#include <math.h>

static const bg_init zeros = { .kind = BG_INIT_ZEROS };

/* ---- MultiheadAttention ---- */

typedef struct {
    bgi_layer layer;
    const bg_model_attention_options *options;
    bg_node *query, *key, *value;
    int64_t width, heads;
} attention;

/* Whether the leading axes of an input are those of the query, and its last one has elements. */
static bool takes_sequence(const attention *a, const char *label, const bg_node *x)
{
    if (!bgi_layer_takes(&a->layer, label, x))
        return false;
    int rank = x->shape.rank;
    if (rank < 2 || rank > BG_MAX_RANK - 1)
        return bgi_layer_fails(&a->layer, BG_ERR_SHAPE, "%s is %s, not [.., steps, width]", label,
                               bgi_shape_format(x->shape).text);
    bool fits = rank == a->query->shape.rank;
    for (int i = 0; i + 2 < rank && fits; i++)
        fits = x->shape.dims[i] == a->query->shape.dims[i];
    return fits || bgi_layer_fails(&a->layer, BG_ERR_SHAPE, "leading axes differ: query %s, %s %s",
                                   bgi_shape_format(a->query->shape).text, label, bgi_shape_format(x->shape).text);
}

static int64_t extent(const bg_node *x, int from_last) { return x->shape.dims[x->shape.rank - from_last]; }

static bool takes_inputs(const attention *a)
{
    if (!takes_sequence(a, "query", a->query) || !takes_sequence(a, "key", a->key) ||
        !takes_sequence(a, "value", a->value))
        return false;
    if (extent(a->key, 2) != extent(a->value, 2))
        return bgi_layer_fails(&a->layer, BG_ERR_SHAPE, "key %s and value %s have different steps",
                               bgi_shape_format(a->key->shape).text, bgi_shape_format(a->value->shape).text);
    if (a->heads < 1 || a->width % a->heads != 0 || a->width < 1 || a->width > INT64_MAX / 4)
        return bgi_layer_fails(&a->layer, BG_ERR_SHAPE, "%lld heads of a query %s", (long long)a->heads,
                               bgi_shape_format(a->query->shape).text);
    const bg_node *key_mask = a->options->key_mask;
    bg_shape keys = a->key->shape;
    keys.rank--;
    if (key_mask && (key_mask->dtype != BG_BOOL || !bg_shape_equal(key_mask->shape, keys)))
        return bgi_layer_fails(&a->layer, BG_ERR_SHAPE, "the key mask is %s %s, not bool %s",
                               bg_dtype_name(key_mask->dtype), bgi_shape_format(key_mask->shape).text,
                               bgi_shape_format(keys).text);
    return bgi_is_probability(a->layer.kind, a->query, a->options->dropout);
}

/* [.., steps, width] -> [.., heads, steps, width / heads] */
static bg_node *split_heads(const attention *a, bg_node *x)
{
    if (!x)
        return NULL;
    int rank = x->shape.rank;
    bg_shape shape = x->shape;
    shape.rank++;
    shape.dims[rank - 1] = a->heads;
    shape.dims[rank] = a->width / a->heads;
    return bg_transpose(bg_reshape(x, shape), -3, -2);
}
static bg_node *join_heads(const attention *a, bg_node *x)
{
    bg_shape shape = a->query->shape;
    return x ? bg_reshape(bg_transpose(x, -3, -2), shape) : NULL;
}

/* Rows of the joined projections, whose three parts lie one below the other. One product serves parts that have the
 * same input. */
static void project_joined(const attention *a, bg_node *weight, bg_node *bias, bg_node *heads[3])
{
    bg_node *inputs[3] = { a->query, a->key, a->value };
    for (int i = 0; i < 3;) {
        int n = 1;
        while (i + n < 3 && inputs[i + n] == inputs[i])
            n++;
        int64_t first = i * a->width, count = n * a->width;
        bg_node *w = n == 3 ? weight : bg_narrow(weight, 0, first, count);
        bg_node *b = n == 3 || !bias ? bias : bg_narrow(bias, 0, first, count);
        bg_node *y = bg_linear(inputs[i], w, b);
        for (int k = 0; k < n; k++)
            heads[i + k] = split_heads(a, n == 1 ? y : bg_narrow(y, -1, k * a->width, a->width));
        i += n;
    }
}

static void project_apart(const attention *a, bg_node *const weights[3], bg_node *bias, bg_node *heads[3])
{
    bg_node *inputs[3] = { a->query, a->key, a->value };
    for (int i = 0; i < 3; i++)
        heads[i] =
            split_heads(a, bg_linear(inputs[i], weights[i], bias ? bg_narrow(bias, 0, i * a->width, a->width) : NULL));
}

/* The two masks as one. */
static bg_node *join_masks(const attention *a)
{
    bg_node *mask = a->options->mask, *keys = a->options->key_mask;
    if (!keys)
        return mask;
    /* [.., s] -> [.., 1, 1, s] */
    keys = bg_unsqueeze(bg_unsqueeze(keys, -2), -2);
    if (!mask || !keys)
        return keys;
    return mask->dtype == BG_BOOL ? bg_logical_and(mask, keys) : bg_masked_fill(mask, bg_logical_not(keys), -INFINITY);
}

static bg_node *run_attention(const attention *a)
{
    const bgi_layer *layer = &a->layer;
    int64_t e = a->width;
    bg_init xavier = { .kind = BG_INIT_XAVIER_UNIFORM };
    bool is_joined = extent(a->key, 1) == e && extent(a->value, 1) == e, has_bias = !a->options->without_bias;
    bg_node *weights[3] = { NULL };
    if (is_joined) {
        weights[0] = bgi_layer_parameter(layer, "in_proj_weight", BG_SHAPE(3 * e, e), a->options->weight, xavier);
    } else {
        static const char *const parts[] = { "q_proj_weight", "k_proj_weight", "v_proj_weight" };
        bg_node *inputs[3] = { a->query, a->key, a->value };
        for (int i = 0; i < 3; i++)
            weights[i] =
                bgi_layer_parameter(layer, parts[i], BG_SHAPE(e, extent(inputs[i], 1)), a->options->weight, xavier);
    }
    bg_node *bias = has_bias ? bgi_layer_parameter(layer, "in_proj_bias", BG_SHAPE(3 * e), zeros, zeros) : NULL;
    if (layer->graph->status)
        return NULL;
    bg_node *heads[3] = { NULL };
    if (is_joined)
        project_joined(a, weights[0], bias, heads);
    else
        project_apart(a, weights, bias, heads);
    bg_attention_options op = { .is_causal = a->options->is_causal,
                                .mask = join_masks(a),
                                .dropout = layer->model->is_training ? a->options->dropout : 0 };
    if (layer->graph->status || !bgi_model_attach(layer->model, layer->graph))
        return NULL;
    bg_node *y = bgi_attention_at(heads[0], heads[1], heads[2], &op, bgi_random_site_of(layer->name));
    return bg_dense_with(layer->model, bgi_layer_part(layer, "out_proj").text, join_heads(a, y), e,
                         &(bg_dense_options){ .without_bias = !has_bias, .bias = zeros });
}

bg_node *bg_model_attention(bg_model *model, const char *name, bg_node *query, bg_node *key, bg_node *value,
                            int64_t heads, const bg_model_attention_options *options)
{
    static const bg_model_attention_options defaults;
    attention a = { .options = options ? options : &defaults, .query = query, .heads = heads };
    a.key = key ? key : query;
    a.value = value ? value : a.key;
    if (!bgi_layer_start(&a.layer, "attention", model, name, query))
        return NULL;
    a.width = query->shape.rank > 0 ? extent(query, 1) : 0;
    return takes_inputs(&a) ? run_attention(&a) : NULL;
}

/* ---- Layers of transformers ---- */

typedef struct {
    bgi_layer layer;
    const bg_model_transformer_options *options;
    int64_t width, heads, feedforward;
    double dropout, eps;
} block;

static bool start_block(block *b, const char *kind, bg_model *model, const char *name, bg_node *x, int64_t heads,
                        const bg_model_transformer_options *options)
{
    static const bg_model_transformer_options defaults;
    *b = (block){ .options = options ? options : &defaults, .heads = heads };
    if (!bgi_layer_start(&b->layer, kind, model, name, x) || !bgi_layer_takes(&b->layer, "x", x))
        return false;
    if (x->shape.rank < 2)
        return bgi_layer_fails(&b->layer, BG_ERR_SHAPE, "needs x [.., l, e]: x %s", bgi_shape_format(x->shape).text);
    b->width = extent(x, 1);
    b->feedforward = b->options->feedforward ? b->options->feedforward : 2048;
    b->dropout = b->options->dropout.is_some ? b->options->dropout.value : 0.1;
    b->eps = b->options->eps.is_some ? b->options->eps.value : 1e-5;
    if (b->feedforward < 1)
        return bgi_layer_fails(&b->layer, BG_ERR_ARGUMENT, "a feedforward extent of %lld", (long long)b->feedforward);
    if (heads < 1 || b->width % heads != 0)
        return bgi_layer_fails(&b->layer, BG_ERR_SHAPE, "%lld heads of x %s", (long long)heads,
                               bgi_shape_format(x->shape).text);
    return bgi_is_probability(kind, x, b->dropout);
}

static bg_node *drop(const block *b, const char *part, bg_node *x)
{
    return bg_model_dropout(b->layer.model, bgi_layer_part(&b->layer, part).text, x, b->dropout);
}
static bg_node *norm(const block *b, const char *part, bg_node *x)
{
    return bg_model_layer_norm(
        b->layer.model, bgi_layer_part(&b->layer, part).text, x,
        &(bg_model_norm_options){ .eps = BG_SOME(b->eps), .without_bias = b->options->without_bias });
}
static bg_node *dense(const block *b, const char *part, bg_node *x, int64_t out)
{
    return bg_dense_with(b->layer.model, bgi_layer_part(&b->layer, part).text, x, out,
                         &(bg_dense_options){ .without_bias = b->options->without_bias });
}

/* The parts of a layer, each of which is added to what it gets. */
typedef struct {
    const char *attention; /* NULL: the feed-forward part */
    const char *norm, *dropout;
    bg_node *memory; /* keys and values; NULL: x itself */
    bool is_causal;
    bg_node *mask, *key_mask;
} part;

static bg_node *run_part(const block *b, const part *p, bg_node *x)
{
    if (p->attention)
        return bg_model_attention(b->layer.model, bgi_layer_part(&b->layer, p->attention).text, x, p->memory, NULL,
                                  b->heads,
                                  &(bg_model_attention_options){ .is_causal = p->is_causal,
                                                                 .mask = p->mask,
                                                                 .key_mask = p->key_mask,
                                                                 .dropout = b->dropout,
                                                                 .without_bias = b->options->without_bias });
    bg_node *h = dense(b, "linear1", x, b->feedforward);
    h = h && b->options->activation ? b->options->activation(h) : bg_relu(h);
    return dense(b, "linear2", drop(b, "dropout", h), b->width);
}

/* Norms come before the parts, or after the sums. */
static bg_node *run_parts(const block *b, const part *parts, int n, bg_node *x)
{
    for (int i = 0; i < n && x; i++) {
        const part *p = &parts[i];
        bg_node *y = run_part(b, p, b->options->is_norm_first ? norm(b, p->norm, x) : x);
        bg_node *sum = y ? bg_add(x, drop(b, p->dropout, y)) : NULL;
        x = b->options->is_norm_first ? sum : norm(b, p->norm, sum);
    }
    return x;
}

bg_node *bg_model_encoder_layer(bg_model *model, const char *name, bg_node *x, int64_t heads,
                                const bg_model_transformer_options *options)
{
    block b;
    if (!start_block(&b, "encoder_layer", model, name, x, heads, options))
        return NULL;
    const bg_model_transformer_options *o = b.options;
    part parts[] = { { .attention = "self_attn",
                       .norm = "norm1",
                       .dropout = "dropout1",
                       .is_causal = o->is_causal,
                       .mask = o->mask,
                       .key_mask = o->key_mask },
                     { .norm = "norm2", .dropout = "dropout2" } };
    return run_parts(&b, parts, 2, x);
}

bg_node *bg_model_decoder_layer(bg_model *model, const char *name, bg_node *x, bg_node *memory, int64_t heads,
                                const bg_model_transformer_options *options)
{
    block b;
    if (!memory || !start_block(&b, "decoder_layer", model, name, x, heads, options))
        return NULL;
    if (!bgi_layer_takes(&b.layer, "memory", memory))
        return NULL;
    if (memory->shape.rank != x->shape.rank || extent(memory, 1) != b.width) {
        bgi_layer_fails(&b.layer, BG_ERR_SHAPE, "memory does not have the width of x: x %s, memory %s",
                        bgi_shape_format(x->shape).text, bgi_shape_format(memory->shape).text);
        return NULL;
    }
    const bg_model_transformer_options *o = b.options;
    part parts[] = { { .attention = "self_attn",
                       .norm = "norm1",
                       .dropout = "dropout1",
                       .is_causal = o->is_causal,
                       .mask = o->mask,
                       .key_mask = o->key_mask },
                     { .attention = "multihead_attn",
                       .norm = "norm2",
                       .dropout = "dropout2",
                       .memory = memory,
                       .is_causal = o->is_memory_causal,
                       .mask = o->memory_mask,
                       .key_mask = o->memory_key_mask },
                     { .norm = "norm3", .dropout = "dropout3" } };
    return run_parts(&b, parts, 3, x);
}
