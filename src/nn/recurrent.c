/* Recurrent networks as layers. */
#include "nn/layer.h"

#include "ops/random.h"

#include <stdio.h>

enum { MOST_DIRECTIONS = 1024 }; /* layers times directions */

static const bg_recurrent_result nothing = { 0 };

typedef struct {
    bgi_layer layer;
    int64_t gates; /* rows of the weights by hidden unit */
    int64_t hidden, state;
    const bg_model_recurrent_options *options;
} network;

static bool start(network *n, const char *kind, bg_model *model, const char *name, const bg_node *x, int64_t gates,
                  int64_t hidden, const bg_model_recurrent_options *options)
{
    static const bg_model_recurrent_options defaults;
    *n = (network){ .gates = gates, .hidden = hidden, .options = options ? options : &defaults };
    if (!bgi_layer_start(&n->layer, kind, model, name, x) || !bgi_layer_takes(&n->layer, "x", x))
        return false;
    const bg_recurrent_options *o = &n->options->recurrent;
    if (hidden < 1 || hidden > INT64_MAX / 8)
        return bgi_layer_fails(&n->layer, BG_ERR_ARGUMENT, "%lld hidden units", (long long)hidden);
    int64_t projection = n->options->projection;
    if (projection < 0 || projection >= hidden || (projection > 0 && gates != 4))
        return bgi_layer_fails(&n->layer, BG_ERR_ARGUMENT, "a projection to %lld of %lld hidden units%s",
                               (long long)projection, (long long)hidden, gates != 4 ? "; only an lstm has one" : "");
    if (o->layers < 0 || o->layers > MOST_DIRECTIONS / 2)
        return bgi_layer_fails(&n->layer, BG_ERR_ARGUMENT, "%lld layers, not 1 to %d", (long long)o->layers,
                               MOST_DIRECTIONS / 2);
    n->state = projection > 0 ? projection : hidden;
    return true;
}

/* The weights of one direction of one layer; suffix "_l0_reverse", or "" of a cell. */
static bool make_weights(const network *n, const char *suffix, int64_t in, bg_recurrent_weights *weights)
{
    const bg_model_recurrent_options *o = n->options;
    bg_init otherwise = bgi_init_uniform_of(n->hidden);
    int64_t rows = n->gates * n->hidden;
    struct {
        const char *part;
        bg_shape shape;
        bool is_there;
        bg_init given;
        bg_node **place;
    } all[] = {
        { "weight_ih", BG_SHAPE(rows, in), true, o->weight, &weights->weight_ih },
        { "weight_hh", BG_SHAPE(rows, n->state), true, o->weight, &weights->weight_hh },
        { "bias_ih", BG_SHAPE(rows), !o->without_bias, o->bias, &weights->bias_ih },
        { "bias_hh", BG_SHAPE(rows), !o->without_bias, o->bias, &weights->bias_hh },
        { "weight_hr", BG_SHAPE(n->state, n->hidden), o->projection > 0, o->weight, &weights->weight_hr },
    };
    *weights = (bg_recurrent_weights){ 0 };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char part[48];
        snprintf(part, sizeof part, "%s%s", all[i].part, suffix);
        if (all[i].is_there)
            *all[i].place = bgi_layer_parameter(&n->layer, part, all[i].shape, all[i].given, otherwise);
    }
    return !n->layer.graph->status;
}

/* ---- Sequences ---- */

/* The weights of all layers, in the order of bg_rnn and its kin; 0 after an error, otherwise their number. */
static int64_t make_all(const network *n, const bg_node *x, bg_recurrent_weights weights[MOST_DIRECTIONS],
                        bg_recurrent_options *op)
{
    *op = n->options->recurrent;
    if (x->shape.rank != 3)
        return bgi_layer_fails(&n->layer, BG_ERR_SHAPE, "needs x %s: x %s",
                               op->is_batch_first ? "[batch, steps, in]" : "[steps, batch, in]",
                               bgi_shape_format(x->shape).text);
    if (!bgi_is_probability(n->layer.kind, x, op->dropout))
        return 0;
    if (!n->layer.model->is_training)
        op->dropout = 0;
    op->layers = op->layers > 0 ? op->layers : 1;
    if (!bgi_model_attach(n->layer.model, n->layer.graph))
        return 0;
    int64_t directions = op->is_bidirectional ? 2 : 1;
    for (int64_t i = 0; i < op->layers * directions; i++) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "_l%lld%s", (long long)(i / directions), i % directions ? "_reverse" : "");
        if (!make_weights(n, suffix, i < directions ? x->shape.dims[2] : directions * n->state, &weights[i]))
            return 0;
    }
    return op->layers * directions;
}

bg_recurrent_result bg_model_rnn(bg_model *model, const char *name, bg_node *x, bg_node *h0, int64_t hidden,
                                 const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights[MOST_DIRECTIONS];
    bg_recurrent_options op;
    if (!start(&n, "rnn", model, name, x, 1, hidden, options) || !make_all(&n, x, weights, &op))
        return nothing;
    return bg_rnn(x, h0, weights, &op);
}

bg_recurrent_result bg_model_lstm(bg_model *model, const char *name, bg_node *x, bg_node *h0, bg_node *c0,
                                  int64_t hidden, const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights[MOST_DIRECTIONS];
    bg_recurrent_options op;
    if (!start(&n, "lstm", model, name, x, 4, hidden, options) || !make_all(&n, x, weights, &op))
        return nothing;
    return bg_lstm(x, h0, c0, weights, &op);
}

bg_recurrent_result bg_model_gru(bg_model *model, const char *name, bg_node *x, bg_node *h0, int64_t hidden,
                                 const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights[MOST_DIRECTIONS];
    bg_recurrent_options op;
    if (!start(&n, "gru", model, name, x, 3, hidden, options) || !make_all(&n, x, weights, &op))
        return nothing;
    return bg_gru(x, h0, weights, &op);
}

/* ---- Single steps ---- */

static bool make_cell(const network *n, const bg_node *x, bg_recurrent_weights *weights)
{
    if (x->shape.rank != 2)
        return bgi_layer_fails(&n->layer, BG_ERR_SHAPE, "needs x [batch, in]: x %s", bgi_shape_format(x->shape).text);
    if (n->options->projection > 0)
        return bgi_layer_fails(&n->layer, BG_ERR_ARGUMENT, "a cell has no projection");
    return make_weights(n, "", x->shape.dims[1], weights);
}

bg_recurrent_result bg_model_rnn_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, int64_t hidden,
                                      const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights;
    if (!start(&n, "rnn_cell", model, name, x, 1, hidden, options) || !make_cell(&n, x, &weights))
        return nothing;
    return bg_rnn_cell(x, h, &weights, n.options->recurrent.is_relu);
}

bg_recurrent_result bg_model_lstm_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, bg_node *c,
                                       int64_t hidden, const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights;
    if (!start(&n, "lstm_cell", model, name, x, 4, hidden, options) || !make_cell(&n, x, &weights))
        return nothing;
    return bg_lstm_cell(x, h, c, &weights);
}

bg_recurrent_result bg_model_gru_cell(bg_model *model, const char *name, bg_node *x, bg_node *h, int64_t hidden,
                                      const bg_model_recurrent_options *options)
{
    network n;
    bg_recurrent_weights weights;
    if (!start(&n, "gru_cell", model, name, x, 3, hidden, options) || !make_cell(&n, x, &weights))
        return nothing;
    return bg_gru_cell(x, h, &weights);
}
