/* Recurrent layers. */
#include "cases.h"

#include <math.h>

/* ---- Building from one array of weights ---- */

enum { MOST_WEIGHTS = 8, MOST_PARTS = 8 };
typedef enum { TANH, RELU, LSTM, GRU } network;

typedef struct {
    network kind;
    int64_t layers, in, hidden, state;
    bool is_bidirectional, is_batch_first, has_bias, has_projection;
} sizes;

static bg_node *take(bg_node *flat, int64_t *at, bg_shape shape)
{
    int64_t count = bg_shape_count(shape);
    bg_node *taken = bg_reshape(bg_narrow(flat, 0, *at, count), shape);
    *at += count;
    return taken;
}
/* In PyTorch's order: layer by layer, direction by direction. */
static void take_weights(const sizes *s, bg_node *flat, bg_recurrent_weights weights[MOST_WEIGHTS])
{
    int64_t at = 0, directions = s->is_bidirectional ? 2 : 1;
    int64_t g = (s->kind == LSTM ? 4 : s->kind == GRU ? 3 : 1) * s->hidden;
    for (int64_t i = 0; i < s->layers * directions; i++) {
        weights[i] = (bg_recurrent_weights){ 0 };
        weights[i].weight_ih = take(flat, &at, BG_SHAPE(g, i < directions ? s->in : directions * s->state));
        weights[i].weight_hh = take(flat, &at, BG_SHAPE(g, s->state));
        if (s->has_bias) {
            weights[i].bias_ih = take(flat, &at, BG_SHAPE(g));
            weights[i].bias_hh = take(flat, &at, BG_SHAPE(g));
        }
        if (s->has_projection)
            weights[i].weight_hr = take(flat, &at, BG_SHAPE(s->state, s->hidden));
    }
}
static bg_node *as_row(bg_node *x) { return x ? bg_reshape(x, BG_SHAPE(bg_shape_count(bg_node_shape(x)))) : NULL; }
/* All of a result, one after the other. */
static bg_node *join(bg_recurrent_result r)
{
    bg_node *parts[MOST_PARTS];
    int n = 0;
    parts[n++] = as_row(r.output);
    if (r.h != r.output)
        parts[n++] = as_row(r.h);
    if (r.c)
        parts[n++] = as_row(r.c);
    return bg_concat(parts, n, 0);
}
static bg_recurrent_result run(const sizes *s, bg_node *x, bg_node *flat, bg_node *h, bg_node *c, bg_node *lengths)
{
    bg_recurrent_weights weights[MOST_WEIGHTS];
    bg_recurrent_options o = { .layers = s->layers,
                               .is_bidirectional = s->is_bidirectional,
                               .is_batch_first = s->is_batch_first,
                               .is_relu = s->kind == RELU,
                               .lengths = lengths };
    take_weights(s, flat, weights);
    return s->kind == LSTM  ? bg_lstm(x, h, c, weights, &o)
           : s->kind == GRU ? bg_gru(x, h, weights, &o)
                            : bg_rnn(x, h, weights, &o);
}

/* ---- Cases ---- */

/* x, weights, h0, then c0 of an lstm, then lengths; n: layers, both directions, batch first, bias, projection, initial
 * states, hidden, state. */
#define WEIGHTS(g, in, hidden, state, layers, d, bias, projection)                                                     \
    ((d) * ((layers) * ((g) * (hidden) * ((state) + 2 * (bias)) + (projection) * (state) * (hidden)) +                 \
            (g) * (hidden) * ((in) + ((layers)-1) * (d) * (state))))
#define ROW(g, steps, batch, in, hidden, state, layers, d, bias, projection, first, states)                            \
    {                                                                                                                  \
        .x = { DIMS((first) ? (batch) : (steps), (first) ? (steps) : (batch), in),                                     \
               DIMS(WEIGHTS(g, in, hidden, state, layers, d, bias, projection)), DIMS((layers) * (d), batch, state),   \
               DIMS((layers) * (d), batch, hidden) },                                                                  \
        .n = { layers, (d)-1, first, bias, projection, states, hidden, state }, .below = (steps) + 1                   \
    }
#define LENGTHS_OF(g, steps, batch, in, hidden, state, layers, d, bias, projection, first, states)                     \
    {                                                                                                                  \
        .x = { DIMS((first) ? (batch) : (steps), (first) ? (steps) : (batch), in),                                     \
               DIMS(WEIGHTS(g, in, hidden, state, layers, d, bias, projection)), DIMS((layers) * (d), batch, state),   \
               DIMS(batch) },                                                                                          \
        .n = { layers, (d)-1, first, bias, projection, states, hidden, state }, .below = (steps) + 1                   \
    }
#define LSTM_LENGTHS(g, steps, batch, in, hidden, state, layers, d, bias, projection, first, states)                   \
    {                                                                                                                  \
        .x = { DIMS((first) ? (batch) : (steps), (first) ? (steps) : (batch), in),                                     \
               DIMS(WEIGHTS(g, in, hidden, state, layers, d, bias, projection)), DIMS((layers) * (d), batch, state),   \
               DIMS((layers) * (d), batch, hidden), DIMS(batch) },                                                     \
        .n = { layers, (d)-1, first, bias, projection, states, hidden, state }, .below = (steps) + 1                   \
    }
/* No elements, one of each, a vector and more, pieces that are filled up, all options. */
#define SHAPES(X, g)                                                                                                   \
    X(g, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1), X(g, 0, 2, 3, 2, 2, 1, 1, 1, 0, 0, 1),                                      \
        X(g, 3, 0, 2, 2, 2, 1, 1, 1, 0, 0, 1), X(g, 2, 2, 0, 3, 3, 1, 1, 1, 0, 0, 1),                                  \
        X(g, 2, 2, 3, 0, 0, 1, 1, 1, 0, 0, 1), X(g, 3, 2, 3, 2, 2, 1, 1, 0, 0, 0, 0),                                  \
        X(g, 3, 2, 3, 2, 2, 1, 1, 1, 0, 0, 0), X(g, 2, 3, 2, 3, 3, 1, 2, 1, 0, 0, 1),                                  \
        X(g, 2, 2, 3, 2, 2, 2, 1, 1, 0, 0, 1), X(g, 2, 2, 2, 2, 2, 2, 2, 1, 0, 0, 1),                                  \
        X(g, 3, 2, 2, 2, 2, 1, 1, 1, 0, 1, 1), X(g, 2, 3, 1, 2, 2, 2, 2, 0, 0, 1, 0),                                  \
        X(g, 1, 4, 2, 9, 9, 1, 1, 1, 0, 0, 1), X(g, 2, 17, 1, 2, 2, 1, 1, 1, 0, 0, 1),                                 \
        X(g, 2, 17, 2, 1, 1, 1, 2, 0, 0, 1, 1), X(g, 1, 33, 1, 2, 2, 1, 1, 1, 0, 0, 0),                                \
        X(g, 5, 1, 1, 2, 2, 1, 1, 1, 0, 0, 1), X(g, 4, 1, 2, 1, 1, 1, 2, 0, 0, 1, 1),                                  \
        X(g, 1, 1, 2, 33, 33, 1, 1, 0, 0, 0, 1), X(g, 2, 16, 1, 1, 1, 2, 1, 1, 0, 0, 1),                               \
        X(g, 0, 2, 3, 2, 2, 2, 2, 0, 0, 1, 0)
#define PROJECTIONS(X)                                                                                                 \
    X(4, 3, 2, 2, 3, 2, 1, 1, 1, 1, 0, 1), X(4, 2, 2, 2, 2, 1, 2, 2, 1, 1, 0, 1),                                      \
        X(4, 2, 17, 1, 2, 3, 1, 1, 0, 1, 1, 1), X(4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1),                                 \
        X(4, 2, 2, 2, 3, 0, 1, 1, 1, 1, 0, 1), X(4, 0, 2, 2, 3, 1, 1, 2, 1, 1, 0, 1),                                  \
        X(4, 2, 2, 1, 9, 8, 1, 1, 0, 1, 0, 0)
static const op_variant rnn_shapes[] = { SHAPES(ROW, 1) };
static const op_variant lstm_shapes[] = { SHAPES(ROW, 4), PROJECTIONS(ROW) };
static const op_variant gru_shapes[] = { SHAPES(ROW, 3) };
static const op_variant rnn_lengths[] = { SHAPES(LENGTHS_OF, 1) };
static const op_variant lstm_lengths[] = { SHAPES(LSTM_LENGTHS, 4), PROJECTIONS(LSTM_LENGTHS) };
static const op_variant gru_lengths[] = { SHAPES(LENGTHS_OF, 3) };

static sizes sizes_of(network kind, const op_variant *v)
{
    return (sizes){ .kind = kind,
                    .layers = v->n[0],
                    .in = v->x[0].dims[2],
                    .hidden = v->n[6],
                    .state = v->n[7],
                    .is_bidirectional = v->n[1] != 0,
                    .is_batch_first = v->n[2] != 0,
                    .has_bias = v->n[3] != 0,
                    .has_projection = v->n[4] != 0 };
}
static bg_recurrent_result run_variant(network kind, bg_node *const *x, const op_variant *v, bool has_lengths)
{
    sizes s = sizes_of(kind, v);
    bool has_states = v->n[5] != 0;
    bg_node *lengths = !has_lengths ? NULL : kind == LSTM ? x[4] : x[3];
    return run(&s, x[0], x[1], has_states ? x[2] : NULL, has_states && kind == LSTM ? x[3] : NULL, lengths);
}
/* The gradient as a function: of the sum of squares, for x and the weights. */
static bg_node *gradient_of(network kind, bg_node *const *x, const op_variant *v, bool has_lengths)
{
    bg_node *all = join(run_variant(kind, x, v, has_lengths)), *dxs[2] = { NULL };
    bg_node *sum = bg_sum(bg_square(all), BG_ALL_AXES);
    return sum && bg_grad(sum, x, 2, dxs) == BG_OK ? bg_concat((bg_node *[]){ as_row(dxs[0]), as_row(dxs[1]) }, 2, 0)
                                                   : NULL;
}
BUILD(tanh, join(run_variant(TANH, x, v, false)))
/* Sums that differences do not take through 0: small weights, and a bias of ±4 in turn. */
static bg_node *build_relu(bg_node *const *x, const op_variant *v)
{
    sizes s = sizes_of(RELU, v);
    bg_recurrent_weights weights[MOST_WEIGHTS];
    bg_recurrent_options o = {
        .layers = s.layers, .is_bidirectional = s.is_bidirectional, .is_batch_first = s.is_batch_first, .is_relu = true
    };
    if (!x[0])
        return NULL;
    bg_graph *graph = bg_node_graph(x[0]);
    bg_dtype dtype = bg_node_dtype(x[0]);
    bg_node *count = bg_arange(graph, dtype, 0, (double)s.hidden, 1);
    bg_node *four = bg_sub_from(4, bg_mul_scalar(bg_remainder(count, bg_scalar(graph, dtype, 2)), 8));
    take_weights(&s, bg_mul_scalar(x[1], 0.2), weights);
    for (int64_t i = 0; i < s.layers * (s.is_bidirectional ? 2 : 1); i++) {
        weights[i].bias_ih = s.has_bias ? bg_add(weights[i].bias_ih, four) : four;
        weights[i].bias_hh = s.has_bias ? weights[i].bias_hh : bg_mul_scalar(four, 0);
    }
    return join(bg_rnn(x[0], v->n[5] ? x[2] : NULL, weights, &o));
}
BUILD(lstm, join(run_variant(LSTM, x, v, false)))
BUILD(gru, join(run_variant(GRU, x, v, false)))
BUILD(tanh_lengths, join(run_variant(TANH, x, v, true)))
BUILD(lstm_lengths, join(run_variant(LSTM, x, v, true)))
BUILD(gru_lengths, join(run_variant(GRU, x, v, true)))
BUILD(lengths_alone, bg_stop_gradient(join(run_variant(TANH, x, v, true))))
BUILD(tanh_gradient, gradient_of(TANH, x, v, true))
BUILD(lstm_gradient, gradient_of(LSTM, x, v, true))
BUILD(gru_gradient, gradient_of(GRU, x, v, true))

/* x, h, weight_ih, weight_hh, then bias_ih and bias_hh, or c and a projection. */
#define CELL(g, batch, in, hidden)                                                                                     \
    {                                                                                                                  \
        .x = {                                                                                                         \
            DIMS(batch, in),                                                                                           \
            DIMS(batch, hidden),                                                                                       \
            DIMS((g) * (hidden), in),                                                                                  \
            DIMS((g) * (hidden), hidden),                                                                              \
            DIMS((g) * (hidden)),                                                                                      \
            DIMS((g) * (hidden))                                                                                       \
        }                                                                                                              \
    }
#define LSTM_CELL(batch, in, hidden, state)                                                                            \
    {                                                                                                                  \
        .x = {                                                                                                         \
            DIMS(batch, in),                                                                                           \
            DIMS(batch, state),                                                                                        \
            DIMS(4 * (hidden), in),                                                                                    \
            DIMS(4 * (hidden), state),                                                                                 \
            DIMS(batch, hidden),                                                                                       \
            DIMS(state, hidden)                                                                                        \
        }                                                                                                              \
    }
#define CELLS(X)                                                                                                       \
    X(1, 1, 1), X(2, 3, 4), X(3, 2, 1), X(0, 2, 3), X(2, 0, 3), X(2, 3, 0), X(1, 5, 2), X(5, 1, 2), X(4, 4, 4),        \
        X(2, 2, 9), X(17, 1, 2), X(2, 17, 1), X(1, 1, 8), X(1, 2, 17), X(3, 3, 3), X(7, 2, 2), X(2, 7, 2), X(2, 2, 7), \
        X(1, 9, 1), X(9, 1, 1)
#define RNN_ROW(batch, in, hidden)  CELL(1, batch, in, hidden)
#define GRU_ROW(batch, in, hidden)  CELL(3, batch, in, hidden)
#define LSTM_ROW(batch, in, hidden) LSTM_CELL(batch, in, hidden, (hidden) + (batch) % 2)
static const op_variant rnn_cells[] = { CELLS(RNN_ROW) };
static const op_variant gru_cells[] = { CELLS(GRU_ROW) };
static const op_variant lstm_cells[] = { CELLS(LSTM_ROW) };
static bg_node *build_rnn_cell(bg_node *const *x, const op_variant *v)
{
    bg_recurrent_weights w = { x[2], x[3], x[4], x[5], NULL };
    (void)v;
    return join(bg_rnn_cell(x[0], x[1], &w, false));
}
static bg_node *build_gru_cell(bg_node *const *x, const op_variant *v)
{
    bg_recurrent_weights w = { x[2], x[3], x[4], x[5], NULL };
    (void)v;
    return join(bg_gru_cell(x[0], x[1], &w));
}
static bg_node *build_lstm_cell(bg_node *const *x, const op_variant *v)
{
    bg_recurrent_weights w = { x[2], x[3], NULL, NULL, x[5] };
    (void)v;
    return join(bg_lstm_cell(x[0], x[1], x[4], &w));
}

#define WITH_CELLS   .domains = { IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_INDEX }
#define WITH_LENGTHS .domains = { IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_INDEX }
#define CELL_DOMAINS .domains = { IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE, IS_BELOW_ONE }
static const op_case cases[] = {
    { .name = "rnn",
      .op = "recurrent",
      .arity = 3,
      WITH_CELLS,
      .sums = true,
      .build = build_tanh,
      VARIANTS(rnn_shapes) },
    { .name = "rnn, relu", .arity = 3, WITH_CELLS, .sums = true, .build = build_relu, VARIANTS(rnn_shapes) },
    { .name = "lstm", .arity = 4, WITH_CELLS, .sums = true, .build = build_lstm, VARIANTS(lstm_shapes) },
    { .name = "gru", .arity = 3, WITH_CELLS, .sums = true, .build = build_gru, VARIANTS(gru_shapes) },
    { .name = "rnn, lengths",
      .arity = 4,
      WITH_LENGTHS,
      .sums = true,
      .build = build_tanh_lengths,
      VARIANTS(rnn_lengths) },
    { .name = "lstm, lengths",
      .arity = 5,
      WITH_CELLS,
      .sums = true,
      .build = build_lstm_lengths,
      VARIANTS(lstm_lengths) },
    { .name = "gru, lengths",
      .arity = 4,
      WITH_LENGTHS,
      .sums = true,
      .build = build_gru_lengths,
      VARIANTS(gru_lengths) },
    { .name = "rnn, lengths alone",
      .op = "check_lengths",
      .arity = 4,
      WITH_LENGTHS,
      .gradient = IS_STOPPED,
      .sums = true,
      .build = build_lengths_alone,
      VARIANTS(rnn_lengths) },
    { .name = "rnn, gradient",
      .op = "recurrent_gradient",
      .arity = 4,
      WITH_LENGTHS,
      .sums = true,
      .build = build_tanh_gradient,
      VARIANTS(rnn_lengths) },
    { .name = "lstm, gradient",
      .arity = 5,
      WITH_CELLS,
      .sums = true,
      .build = build_lstm_gradient,
      VARIANTS(lstm_lengths) },
    { .name = "gru, gradient",
      .arity = 4,
      WITH_LENGTHS,
      .sums = true,
      .build = build_gru_gradient,
      VARIANTS(gru_lengths) },
    { .name = "rnn_cell", .arity = 6, CELL_DOMAINS, .sums = true, .build = build_rnn_cell, VARIANTS(rnn_cells) },
    { .name = "lstm_cell", .arity = 6, CELL_DOMAINS, .sums = true, .build = build_lstm_cell, VARIANTS(lstm_cells) },
    { .name = "gru_cell", .arity = 6, CELL_DOMAINS, .sums = true, .build = build_gru_cell, VARIANTS(gru_cells) },
};

/* ---- Golden values ---- */

/* x0: x, x1: the weights, x2: h0, x3: c0 of an lstm, then lengths if the record has them. */
static bg_node *golden_run(const golden_case *c, network kind)
{
    sizes s = { .kind = kind,
                .layers = golden_integer(c, "layers"),
                .in = bg_node_shape(c->x[0]).dims[2],
                .hidden = golden_integer(c, "hidden"),
                .state = golden_integer(c, "state"),
                .is_bidirectional = golden_integer(c, "bidirectional") != 0,
                .is_batch_first = golden_integer(c, "batch_first") != 0,
                .has_bias = golden_integer(c, "bias") != 0,
                .has_projection = golden_integer(c, "state") != golden_integer(c, "hidden") };
    int at = 3;
    bg_node *c0 = kind == LSTM ? c->x[at++] : NULL;
    return join(run(&s, c->x[0], c->x[1], c->x[2], c0, at < c->n ? c->x[at] : NULL));
}
GOLDEN(rnn, golden_run(c, golden_integer(c, "relu") ? RELU : TANH))
GOLDEN(lstm, golden_run(c, LSTM))
GOLDEN(gru, golden_run(c, GRU))
/* x0: x, x1: h, x2: c of an lstm, then the four weights. */
static bg_node *golden_cell(const golden_case *c, network kind)
{
    bg_node *const *w = c->x + (kind == LSTM ? 3 : 2);
    bg_recurrent_weights weights = { w[0], w[1], w[2], w[3], NULL };
    return join(kind == LSTM  ? bg_lstm_cell(c->x[0], c->x[1], c->x[2], &weights)
                : kind == GRU ? bg_gru_cell(c->x[0], c->x[1], &weights)
                              : bg_rnn_cell(c->x[0], c->x[1], &weights, kind == RELU));
}
GOLDEN(rnn_cell, golden_cell(c, golden_integer(c, "relu") ? RELU : TANH))
GOLDEN(lstm_cell, golden_cell(c, LSTM))
GOLDEN(gru_cell, golden_cell(c, GRU))
static const golden_op golden[] = {
    GOLDEN_ROW(rnn),
    GOLDEN_ROW(lstm),
    GOLDEN_ROW(gru),
    { .name = "rnn_lengths", .build = golden_rnn, .integers = 1u << 3 },
    { .name = "lstm_lengths", .build = golden_lstm, .integers = 1u << 4 },
    { .name = "gru_lengths", .build = golden_gru, .integers = 1u << 3 },
    GOLDEN_ROW(rnn_cell),
    GOLDEN_ROW(lstm_cell),
    GOLDEN_ROW(gru_cell),
};

/* ---- Wrong calls ---- */

#define ZEROS(...)  bg_zeros(f->graph, BG_F32, BG_SHAPE(__VA_ARGS__))
#define OF(...)     (&(const bg_recurrent_weights){ __VA_ARGS__ })
#define TAKE(...)   (&(const bg_recurrent_options){ __VA_ARGS__ })
#define HIDDEN_2(g) .weight_ih = ZEROS(g * 2, 3), .weight_hh = ZEROS(g * 2, 2)
#define TWO(...)    ((const bg_recurrent_weights[]){ __VA_ARGS__ })
#define WRONG(X)                                                                                                       \
    X(bg_rnn(f->x23, NULL, OF(HIDDEN_2(1)), NULL).output, BG_ERR_SHAPE, "rnn: needs x [steps, batch, in]: x [2, 3]")   \
    X(bg_gru(f->x3, NULL, OF(HIDDEN_2(3)), TAKE(.is_batch_first = true)).h, BG_ERR_SHAPE,                              \
      "gru: needs x [batch, steps, in]: x [3]")                                                                        \
    X(bg_rnn(f->x243, NULL, NULL, NULL).output, BG_ERR_ARGUMENT, "rnn: the weights of 1 layers are NULL")              \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1)), TAKE(.layers = -1)).output, BG_ERR_ARGUMENT, "rnn: -1 layers")            \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1)), TAKE(.dropout = 2)).output, BG_ERR_ARGUMENT,                              \
      "rnn: p is 2, not between 0 and 1")                                                                              \
    X(bg_gru(f->x243, NULL, OF(HIDDEN_2(3)), TAKE(.is_relu = true)).output, BG_ERR_ARGUMENT,                           \
      "gru: only an rnn has relu for its function")                                                                    \
    X(bg_lstm(f->d23, NULL, NULL, OF(HIDDEN_2(4)), NULL).output, BG_ERR_SHAPE,                                         \
      "lstm: needs x [steps, batch, in]: x [2, 3]")                                                                    \
    X(bg_rnn(f->x243, NULL, OF(.weight_ih = f->i3, .weight_hh = ZEROS(2, 2)), NULL).output, BG_ERR_DTYPE,              \
      "rnn: weight_ih is i32, not f32 or f64")                                                                         \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1), .bias_ih = f->d3), NULL).output, BG_ERR_DTYPE,                             \
      "rnn: types differ: x f32, bias_ih f64")                                                                         \
    X(bg_rnn(f->x243, NULL, OF(.weight_ih = f->foreign, .weight_hh = ZEROS(2, 2)), NULL).output, BG_ERR_ARGUMENT,      \
      "rnn: inputs belong to different graphs")                                                                        \
    X(bg_rnn(f->x243, NULL, OF(.weight_ih = ZEROS(2, 3)), NULL).output, BG_ERR_ARGUMENT, "rnn: input 2 is NULL")       \
    X(bg_rnn(f->x243, NULL, OF(.weight_ih = ZEROS(2, 3), .weight_hh = ZEROS(2)), NULL).output, BG_ERR_SHAPE,           \
      "rnn: needs weight_hh [hidden, state]: x [2, 4, 3], weight_hh [2]")                                              \
    X(bg_gru(f->x243, NULL, OF(.weight_ih = ZEROS(6, 3), .weight_hh = ZEROS(5, 2)), NULL).output, BG_ERR_SHAPE,        \
      "gru: needs weight_hh [3 hidden, state]: x [2, 4, 3], weight_hh [5, 2]")                                         \
    X(bg_lstm(f->x243, NULL, NULL, OF(.weight_ih = ZEROS(6, 3), .weight_hh = ZEROS(6, 2)), NULL).output, BG_ERR_SHAPE, \
      "lstm: needs weight_hh [4 hidden, state]: x [2, 4, 3], weight_hh [6, 2]")                                        \
    X(bg_lstm(f->x243, NULL, NULL, OF(.weight_ih = ZEROS(8, 3), .weight_hh = ZEROS(8, 1)), NULL).output, BG_ERR_SHAPE, \
      "lstm: without a projection the state has as many elements as a gate: x [2, 4, 3], weight_hh [8, 1]")            \
    X(bg_gru(f->x243, NULL, OF(HIDDEN_2(3), .weight_hr = ZEROS(2, 2)), NULL).output, BG_ERR_SHAPE,                     \
      "gru: only an lstm has a projection: x [2, 4, 3], weight_hr [2, 2]")                                             \
    X(bg_lstm(f->x243, NULL, NULL, OF(HIDDEN_2(4), .weight_hr = ZEROS(2, 3)), NULL).output, BG_ERR_SHAPE,              \
      "lstm: x [2, 4, 3] needs weight_hr [2, 2], got [2, 3]")                                                          \
    X(bg_lstm(f->x243, NULL, NULL, OF(.weight_ih = ZEROS(8, 4), .weight_hh = ZEROS(8, 2)), NULL).output, BG_ERR_SHAPE, \
      "lstm: x [2, 4, 3] needs weight_ih [8, 3], got [8, 4]")                                                          \
    X(bg_gru(f->x243, NULL, OF(HIDDEN_2(3), .bias_ih = ZEROS(6), .bias_hh = ZEROS(5)), NULL).output, BG_ERR_SHAPE,     \
      "gru: x [2, 4, 3] needs bias_hh [6], got [5]")                                                                   \
    X(bg_gru(f->x243, NULL, OF(HIDDEN_2(3), .bias_ih = ZEROS(2), .bias_hh = ZEROS(6)), NULL).output, BG_ERR_SHAPE,     \
      "gru: x [2, 4, 3] needs bias_ih [6], got [2]")                                                                   \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1), .bias_ih = ZEROS(2)), NULL).output, BG_ERR_SHAPE,                          \
      "rnn: needs both biases in each layer, or none: x [2, 4, 3], bias_hh NULL")                                      \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1), .bias_hh = ZEROS(2)), NULL).output, BG_ERR_SHAPE,                          \
      "rnn: needs both biases in each layer, or none: x [2, 4, 3], bias_ih NULL")                                      \
    X(bg_lstm(f->x243, NULL, NULL,                                                                                     \
              TWO({ HIDDEN_2(4), .weight_hr = ZEROS(2, 2) }, { .weight_ih = ZEROS(8, 2), .weight_hh = ZEROS(8, 2) }),  \
              TAKE(.layers = 2))                                                                                       \
          .output,                                                                                                     \
      BG_ERR_SHAPE, "lstm: needs a projection in each layer, or in none: x [2, 4, 3], weight_hr NULL")                 \
    X(bg_rnn(f->x243, NULL, TWO({ HIDDEN_2(1) }, { .weight_ih = ZEROS(2, 3), .weight_hh = ZEROS(2, 2) }),              \
             TAKE(.layers = 2))                                                                                        \
          .output,                                                                                                     \
      BG_ERR_SHAPE, "rnn: x [2, 4, 3] needs weight_ih [2, 2], got [2, 3]")                                             \
    X(bg_rnn(f->x243, NULL, TWO({ HIDDEN_2(1) }, { .weight_ih = ZEROS(2, 3), .weight_hh = ZEROS(3, 2) }),              \
             TAKE(.is_bidirectional = true))                                                                           \
          .output,                                                                                                     \
      BG_ERR_SHAPE, "rnn: x [2, 4, 3] needs weight_hh [2, 2], got [3, 2]")                                             \
    X(bg_rnn(f->x243, ZEROS(1, 2, 2), OF(HIDDEN_2(1)), NULL).output, BG_ERR_SHAPE,                                     \
      "rnn: x [2, 4, 3] needs h0 [1, 4, 2], got [1, 2, 2]")                                                            \
    X(bg_lstm(f->x243, NULL, ZEROS(4, 2), OF(HIDDEN_2(4)), NULL).output, BG_ERR_SHAPE,                                 \
      "lstm: x [2, 4, 3] needs c0 [1, 4, 2], got [4, 2]")                                                              \
    X(bg_rnn(f->x243, f->d3, OF(HIDDEN_2(1)), NULL).output, BG_ERR_DTYPE, "rnn: types differ: x f32, h0 f64")          \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1)), TAKE(.lengths = f->x4)).output, BG_ERR_DTYPE,                             \
      "rnn: lengths are f32, not i32 or i64")                                                                          \
    X(bg_rnn(f->x243, NULL, OF(HIDDEN_2(1)), TAKE(.lengths = f->l3)).output, BG_ERR_SHAPE,                             \
      "rnn: x [2, 4, 3] needs lengths [4], got [3]")                                                                   \
    X(bg_rnn_cell(f->x243, NULL, OF(HIDDEN_2(1)), false).output, BG_ERR_SHAPE,                                         \
      "rnn_cell: needs x [batch, in]: x [2, 4, 3]")                                                                    \
    X(bg_gru_cell(f->x23, NULL, NULL).output, BG_ERR_ARGUMENT, "gru_cell: the weights for x [2, 3] are NULL")          \
    X(bg_gru_cell(f->x23, f->x23, OF(HIDDEN_2(3))).output, BG_ERR_SHAPE,                                               \
      "gru_cell: x [2, 3] needs h [2, 2], got [2, 3]")                                                                 \
    X(bg_lstm_cell(f->x23, NULL, f->x23, OF(HIDDEN_2(4))).c, BG_ERR_SHAPE,                                             \
      "lstm_cell: x [2, 3] needs c [2, 2], got [2, 3]")
WRONG_CALLS(WRONG)

/* ---- Edges ---- */

/* Weights 1 throughout, of `n` layers and directions with one element in and hidden. */
static bg_recurrent_result of_ones(bg_node *x, bg_node *h0, network kind, int64_t steps, bool both, bg_node *lengths)
{
    int64_t batch = bg_shape_count(bg_node_shape(x)) / steps;
    sizes s = { .kind = kind, .layers = 1, .in = 1, .hidden = 1, .state = 1, .is_bidirectional = both };
    bg_node *ones = bg_ones(bg_node_graph(x), bg_node_dtype(x), BG_SHAPE(16));
    return run(&s, bg_reshape(x, BG_SHAPE(steps, batch, 1)), ones, bg_reshape(h0, BG_SHAPE(1, batch, 1)), NULL,
               lengths);
}
static bg_node *lengths_of(bg_node *x, int n, double first, double second)
{
    bg_node *each[] = { bg_full(bg_node_graph(x), BG_I64, BG_SHAPE(1), first),
                        bg_full(bg_node_graph(x), BG_I64, BG_SHAPE(1), second) };
    return bg_concat(each, n, 0);
}
EDGE(relu_at_0, as_row(of_ones(x, NULL, RELU, 1, false, NULL).output))
EDGE(beyond, as_row(of_ones(x, NULL, RELU, 2, false, lengths_of(x, 1, 1, 0)).output))
EDGE(backwards, as_row(of_ones(x, NULL, RELU, 3, true, lengths_of(x, 1, 2, 0)).output))
EDGE(no_step, as_row(of_ones(x, y, RELU, 1, false, lengths_of(x, 2, 0, 1)).h))
EDGE(saturated, as_row(of_ones(x, NULL, LSTM, 1, false, NULL).output))
EDGE(saturated_gru, as_row(of_ones(x, y, GRU, 1, false, NULL).output))
static const edge edges[] = {
    { "rnn: relu at 0", edge_relu_at_0, 3, .x = LIST(-1, 0, 2), .n_values = 3, .value = LIST(0, 0, 2),
      .dx = LIST(0, 0, 1) },
    { "rnn: x beyond a length does not count", edge_beyond, 2, .x = LIST(1, NOT_A_NUMBER), .n_values = 2,
      .value = LIST(1, 0), .dx = LIST(1, 0) },
    { "rnn: backwards from a sequence's own last step", edge_backwards, 3, .x = LIST(1, 2, 4), .n_values = 6,
      .value = LIST(1, 3, 3, 2, 0, 0), .dx = LIST(3, 3, 0) },
    { "rnn: length 0 leaves the state", edge_no_step, 2, .x = LIST(1, 2), .y = LIST(3, 4), .n_values = 2,
      .value = LIST(3, 6), .dx = LIST(0, 1), .dy = LIST(1, 1), .has_dy = true },
    { "lstm: infinite gates", edge_saturated, 2, .x = LIST(INF, -INF), .n_values = 2,
      .value = LIST(0x1.85efab514f394p-1, 0), .dx = LIST(0, 0), .tolerance = 1e-6 },
    { "gru: an open update gate keeps the state", edge_saturated_gru, 2, .x = LIST(INF, INF), .y = LIST(0.5, -3),
      .n_values = 2, .value = LIST(0.5, -3), .dx = LIST(0, 0), .dy = LIST(1, 1), .has_dy = true },
};

const op_family recurrent_family = { .name = "recurrent", FAMILY_CASES, FAMILY_GOLDEN, FAMILY_WRONG, FAMILY_EDGES };
