/* Recurrent layers one upon the other, in one or both directions, and single steps. */
#include "ops/random.h"
#include "ops/recurrent.h"

#include <math.h>

/* check_lengths: the same numbers as i64, or BG_ERR_INDEX for one outside 0 .. steps; no gradient */
static bg_status check_lengths_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static bg_status check_lengths_call(const bg_call *call)
{
    int64_t steps = *(const int64_t *)call->node->attributes;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        bool is_wide = call->node->inputs[0]->dtype == BG_I64;
        int64_t length = is_wide ? ((const int64_t *)call->inputs[0])[i] : ((const int32_t *)call->inputs[0])[i];
        if (length < 0 || length > steps)
            return bg_fail(BG_ERR_INDEX, "lengths: %lld at [%lld] is outside 0 .. %lld", (long long)length,
                           (long long)(call->first + i), (long long)steps);
        ((int64_t *)call->output)[i] = length;
    }
    return BG_OK;
}
static int64_t check_lengths_units(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0];
}
const bg_op bgi_check_lengths_op = { .name = "check_lengths",
                                     .arity = 1,
                                     .infer = check_lengths_infer,
                                     .is_constant = true,
                                     .call = check_lengths_call,
                                     .units = check_lengths_units };

/* ---- Checks ---- */

static const bg_recurrent_result failed = { NULL, NULL, NULL };

static bool fails(const bg_node *x, const char *op, const char *what, const char *label, const bg_node *found)
{
    bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s: x %s, %s %s", op, what, bgi_shape_format(x->shape).text, label,
                   found ? bgi_shape_format(found->shape).text : "NULL");
    return false;
}
static bool has_shape(const char *op, const bg_node *x, const char *label, const bg_node *found, bg_shape expected)
{
    if (!found || bg_shape_equal(found->shape, expected))
        return true;
    bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: x %s needs %s %s, got %s", op, bgi_shape_format(x->shape).text, label,
                   bgi_shape_format(expected).text, bgi_shape_format(found->shape).text);
    return false;
}

/* Whether x and the weights of one layer are nodes of one graph and type that fit each other; `in` features reach it.
 * Sets, or for a further layer compares, the extents of r. */
static bool takes_weights(const char *op, bg_node *x, int64_t in, const bg_recurrent_weights *w, bgi_recurrence *r,
                          bool is_first)
{
    static const char *const labels[] = { "x", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr" };
    bg_node *const all[] = { x, w->weight_ih, w->weight_hh, w->bias_ih, w->bias_hh, w->weight_hr };
    bg_node *present[6];
    const char *present_labels[6];
    int n = 0;
    for (int i = 0; i < 6; i++)
        if (i < 3 || all[i]) {
            present[n] = all[i];
            present_labels[n++] = labels[i];
        }
    if (!bgi_graph_of_floats(op, present, present_labels, n))
        return false;
    int64_t gates = bgi_recurrent_gates(r);
    bg_shape hh = w->weight_hh->shape;
    if (is_first) {
        if (hh.rank != 2 || hh.dims[0] % gates != 0)
            return fails(x, op,
                         gates == 1   ? "needs weight_hh [hidden, state]"
                         : gates == 3 ? "needs weight_hh [3 hidden, state]"
                                      : "needs weight_hh [4 hidden, state]",
                         "weight_hh", w->weight_hh);
        r->hidden = hh.dims[0] / gates;
        r->out = hh.dims[1];
        r->has_bias = w->bias_ih != NULL;
        r->has_projection = w->weight_hr != NULL;
        if (r->has_projection && r->kind != BGI_LSTM)
            return fails(x, op, "only an lstm has a projection", "weight_hr", w->weight_hr);
        if (!r->has_projection && r->out != r->hidden)
            return fails(x, op, "without a projection the state has as many elements as a gate", "weight_hh",
                         w->weight_hh);
    }
    int64_t g = gates * r->hidden;
    if ((w->bias_ih != NULL) != r->has_bias || (w->bias_hh != NULL) != r->has_bias)
        return fails(x, op, "needs both biases in each layer, or none", w->bias_ih ? "bias_hh" : "bias_ih",
                     w->bias_ih ? w->bias_hh : NULL);
    if ((w->weight_hr != NULL) != r->has_projection)
        return fails(x, op, "needs a projection in each layer, or in none", "weight_hr", w->weight_hr);
    return has_shape(op, x, "weight_ih", w->weight_ih, BG_SHAPE(g, in)) &&
           has_shape(op, x, "weight_hh", w->weight_hh, BG_SHAPE(g, r->out)) &&
           has_shape(op, x, "bias_ih", w->bias_ih, BG_SHAPE(g)) &&
           has_shape(op, x, "bias_hh", w->bias_hh, BG_SHAPE(g)) &&
           has_shape(op, x, "weight_hr", w->weight_hr, BG_SHAPE(r->out, r->hidden));
}

/* Whether a state, if it is there, is of x's graph and type and of that shape. */
static bool takes_state(const char *op, bg_node *x, const char *label, bg_node *state, bg_shape shape)
{
    bg_node *both[] = { x, state };
    return !state || (bgi_graph_of_floats(op, both, (const char *const[]){ "x", label }, 2) &&
                      has_shape(op, x, label, state, shape));
}
static bool takes_lengths(const char *op, bg_node *x, bg_node *lengths, int64_t batch)
{
    if (!lengths)
        return true;
    if (!bgi_graph_of(op, (bg_node *[]){ x, lengths }, 2))
        return false;
    if (lengths->dtype == BG_I32 || lengths->dtype == BG_I64)
        return has_shape(op, x, "lengths", lengths, BG_SHAPE(batch));
    bgi_graph_fail(x->graph, BG_ERR_DTYPE, "%s: lengths are %s, not i32 or i64", op, bg_dtype_name(lengths->dtype));
    return false;
}

/* ---- Layers ---- */

/* A stack of layers while it is built; arrays are [batch, steps, ..]. */
typedef struct {
    const char *op;
    bgi_recurrence r;
    bg_recurrent_options o;
    int64_t directions;
    bg_node *h0, *c0;
    bg_node *lengths; /* [batch] */
    bg_node *beyond;  /* bool: the step lies behind the sequence's end */
} stack;

/* From the user's order of axes to ours, and back. */
static bg_node *in_order(const stack *s, bg_node *x)
{
    return s->o.is_batch_first ? x : bg_permute(x, BG_AXES(1, 0, 2));
}
/* State number i, of h0 or c0; zeros if there is none. */
static bg_node *initial(const stack *s, bg_node *states, int64_t i, bg_node *x, int64_t extent)
{
    return states ? bg_select(states, 0, i) : bg_zeros(x->graph, x->dtype, BG_SHAPE(s->r.batch, extent));
}
/* The state after the last step of the loop: [batch, extent]. */
static bg_node * final(const bgi_recurrence *r, bg_node *states)
{
    return states ? bg_select(states, 1, bgi_recurrent_step(r, r->steps - 1)) : NULL;
}
static bg_node *mask(const stack *s, bg_node *x) { return s->beyond && x ? bg_masked_fill(x, s->beyond, 0) : x; }

/* One layer in one direction, number i of all; gives its output and sets its final states. */
static bg_node *direction(const stack *s, bg_node *x, const bg_recurrent_weights *w, int64_t i, bg_node **h,
                          bg_node **c)
{
    bgi_recurrence r = s->r;
    r.is_reverse = i % s->directions;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(&r, false);
    bgi_recurrent_parts p = bgi_recurrent_parts_of(&r);
    bg_node *inputs[8] = { bg_linear(x, w->weight_ih, NULL), initial(s, s->h0, i, x, r.out) };
    if (in.c >= 0)
        inputs[in.c] = initial(s, s->c0, i, x, r.hidden);
    inputs[in.weight_hh] = w->weight_hh;
    if (r.has_bias) {
        inputs[in.bias_ih] = w->bias_ih;
        inputs[in.bias_hh] = w->bias_hh;
    }
    if (r.has_projection)
        inputs[in.weight_hr] = w->weight_hr;
    if (r.has_lengths)
        inputs[in.lengths] = s->lengths;
    bg_node *states = bgi_recurrent(inputs, &r);
    if (!states)
        return NULL;
    bg_node *output = bgi_slice_of(states, 2, p.h, 1, r.out);
    *h = final(&r, output);
    *c = p.c >= 0 ? final(&r, bgi_slice_of(states, 2, p.c, 1, r.hidden)) : NULL;
    return mask(s, output);
}

/* Final states, one for each layer and direction, as one array. */
static bg_node *gather(bg_node **states, int64_t n) { return states[0] ? bg_stack(states, (int)n, 0) : NULL; }

/* Without steps the states stay as they were. The lengths, which must be 0, are looked at nevertheless. */
static bg_node *unchanged(const stack *s, bg_node *x, bg_node *state, bg_node *lengths, int64_t extent)
{
    bg_shape shape = BG_SHAPE(s->directions * s->o.layers, s->r.batch, extent);
    state = state ? state : bg_zeros(x->graph, x->dtype, shape);
    if (!lengths)
        return state;
    bg_node *is_zero = bg_equal(bg_reshape(lengths, BG_SHAPE(1, s->r.batch, 1)), bg_zeros(x->graph, BG_I64, BG_SCALAR));
    return bg_where(is_zero, state, bgi_scalar_like(x, NAN)); /* no constant state makes the choice needless */
}
static bg_recurrent_result without_steps(const stack *s, bg_node *x, bg_node *lengths)
{
    int64_t out = s->directions * s->r.out;
    bg_recurrent_result result = { .h = unchanged(s, x, s->h0, lengths, s->r.out) };
    if (s->r.kind == BGI_LSTM)
        result.c = unchanged(s, x, s->c0, lengths, s->r.hidden);
    result.output =
        bg_zeros(x->graph, x->dtype, s->o.is_batch_first ? BG_SHAPE(s->r.batch, 0, out) : BG_SHAPE(0, s->r.batch, out));
    return x->graph->status ? failed : result;
}

static bool set_lengths(stack *s, bg_node *lengths)
{
    const bgi_recurrence *r = &s->r;
    s->lengths = lengths;
    bg_node *steps = bg_arange(lengths->graph, BG_I64, 0, (double)r->steps, 1);
    s->beyond =
        bg_greater_equal(bg_reshape(steps, BG_SHAPE(r->steps, 1)), bg_reshape(lengths, BG_SHAPE(r->batch, 1, 1)));
    return s->beyond != NULL;
}

static bg_recurrent_result run_layers(stack *s, bg_node *x, const bg_recurrent_weights *weights)
{
    enum { MOST_STATES = 1024 };
    bg_node *h[MOST_STATES], *c[MOST_STATES];
    int64_t n = s->o.layers * s->directions;
    if (n > MOST_STATES) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: %lld layers are more than %d", s->op, (long long)s->o.layers,
                       MOST_STATES / (int)s->directions);
        return failed;
    }
    bg_node *y = mask(s, in_order(s, x));
    for (int64_t i = 0; i < n && y; i += s->directions) {
        bg_node *sides[2] = { NULL, NULL };
        for (int64_t d = 0; d < s->directions; d++)
            sides[d] = direction(s, y, &weights[i + d], i + d, &h[i + d], &c[i + d]);
        y = s->directions == 1 ? sides[0] : bg_concat(sides, 2, 2);
        if (i + s->directions < n && s->o.dropout > 0)
            y = bg_dropout(y, s->o.dropout);
    }
    bg_recurrent_result result = { .output = y ? in_order(s, y) : NULL };
    if (!result.output)
        return failed;
    result.h = gather(h, n);
    result.c = gather(c, n);
    return x->graph->status ? failed : result;
}

static bg_recurrent_result layers(const char *op, bgi_recurrent_kind kind, bg_node *x, bg_node *h0, bg_node *c0,
                                  const bg_recurrent_weights *weights, const bg_recurrent_options *options)
{
    stack s = { .op = op, .r = { .kind = kind }, .h0 = h0, .c0 = c0, .directions = 1 };
    if (options)
        s.o = *options;
    if (!x)
        return failed;
    if (s.o.layers == 0)
        s.o.layers = 1;
    if (s.o.is_bidirectional)
        s.directions = 2;
    if (!weights || s.o.layers < 0) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT,
                       weights ? "%s: %lld layers" : "%s: the weights of %lld layers are NULL", op,
                       (long long)s.o.layers);
        return failed;
    }
    if (!bgi_is_probability(op, x, s.o.dropout))
        return failed;
    if (s.o.is_relu && kind != BGI_RNN_RELU) {
        bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: only an rnn has relu for its function", op);
        return failed;
    }
    if (x->shape.rank != 3) {
        bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: needs x %s: x %s", op,
                       s.o.is_batch_first ? "[batch, steps, in]" : "[steps, batch, in]",
                       bgi_shape_format(x->shape).text);
        return failed;
    }
    s.r.batch = x->shape.dims[s.o.is_batch_first ? 0 : 1];
    s.r.steps = x->shape.dims[s.o.is_batch_first ? 1 : 0];
    for (int64_t i = 0; i < s.o.layers * s.directions; i++)
        if (!takes_weights(op, x, i < s.directions ? x->shape.dims[2] : s.directions * s.r.out, &weights[i], &s.r,
                           i == 0))
            return failed;
    if (!takes_state(op, x, "h0", h0, BG_SHAPE(s.o.layers * s.directions, s.r.batch, s.r.out)) ||
        !takes_state(op, x, "c0", c0, BG_SHAPE(s.o.layers * s.directions, s.r.batch, s.r.hidden)) ||
        !takes_lengths(op, x, s.o.lengths, s.r.batch))
        return failed;
    s.r.has_lengths = s.o.lengths != NULL;
    bg_node *lengths = NULL;
    if (s.r.has_lengths) {
        lengths = bg_apply(&bgi_check_lengths_op, &s.o.lengths, 1, &s.r.steps, sizeof s.r.steps);
        if (!lengths)
            return failed;
    }
    if (s.r.steps == 0)
        return without_steps(&s, x, lengths);
    if (lengths && !set_lengths(&s, lengths))
        return failed;
    return run_layers(&s, x, weights);
}

bg_recurrent_result bg_rnn(bg_node *x, bg_node *h0, const bg_recurrent_weights *weights,
                           const bg_recurrent_options *options)
{
    return layers("rnn", options && options->is_relu ? BGI_RNN_RELU : BGI_RNN_TANH, x, h0, NULL, weights, options);
}
bg_recurrent_result bg_lstm(bg_node *x, bg_node *h0, bg_node *c0, const bg_recurrent_weights *weights,
                            const bg_recurrent_options *options)
{
    return layers("lstm", BGI_LSTM, x, h0, c0, weights, options);
}
bg_recurrent_result bg_gru(bg_node *x, bg_node *h0, const bg_recurrent_weights *weights,
                           const bg_recurrent_options *options)
{
    return layers("gru", BGI_GRU, x, h0, NULL, weights, options);
}

/* ---- Single steps ---- */

static bg_recurrent_result cell(const char *op, bgi_recurrent_kind kind, bg_node *x, bg_node *h, bg_node *c,
                                const bg_recurrent_weights *w)
{
    bgi_recurrence r = { .kind = kind };
    if (!x)
        return failed;
    if (!w || x->shape.rank != 2) {
        bgi_graph_fail(x->graph, w ? BG_ERR_SHAPE : BG_ERR_ARGUMENT,
                       w ? "%s: needs x [batch, in]: x %s" : "%s: the weights for x %s are NULL", op,
                       bgi_shape_format(x->shape).text);
        return failed;
    }
    int64_t batch = x->shape.dims[0];
    if (!takes_weights(op, x, x->shape.dims[1], w, &r, true) || !takes_state(op, x, "h", h, BG_SHAPE(batch, r.out)) ||
        !takes_state(op, x, "c", c, BG_SHAPE(batch, r.hidden)))
        return failed;
    h = h ? h : bg_zeros(x->graph, x->dtype, BG_SHAPE(batch, r.out));
    c = c || kind != BGI_LSTM ? c : bg_zeros(x->graph, x->dtype, BG_SHAPE(batch, r.hidden));
    bgi_recurrent_row row = bgi_recurrent_cell(&r, bg_linear(x, w->weight_ih, NULL), h, c, w);
    return x->graph->status ? failed : (bg_recurrent_result){ row.h, row.h, row.c };
}
bg_recurrent_result bg_rnn_cell(bg_node *x, bg_node *h, const bg_recurrent_weights *weights, bool is_relu)
{
    return cell("rnn_cell", is_relu ? BGI_RNN_RELU : BGI_RNN_TANH, x, h, NULL, weights);
}
bg_recurrent_result bg_lstm_cell(bg_node *x, bg_node *h, bg_node *c, const bg_recurrent_weights *weights)
{
    return cell("lstm_cell", BGI_LSTM, x, h, c, weights);
}
bg_recurrent_result bg_gru_cell(bg_node *x, bg_node *h, const bg_recurrent_weights *weights)
{
    return cell("gru_cell", BGI_GRU, x, h, NULL, weights);
}
