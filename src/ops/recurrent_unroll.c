/* Recurrent layers in ops, step by step: what the loops compute, for second derivatives and for single steps. */
#include "ops/recurrent.h"

#include <blasgrad/grad.h>

/* Part number i of equal parts of the last axis. */
static bg_node *part(bg_node *x, int64_t i, int64_t extent)
{
    return x ? bgi_slice_of(x, x->shape.rank - 1, i * extent, 1, extent) : NULL;
}
static bg_node *join(bg_node *const *parts, int n) { return bg_concat(parts, n, -1); }
/* The same value as a node of its own: what flows to it is what flows through its users. */
static bg_node *alias_of(bg_node *x) { return x ? bg_reshape(bg_unsqueeze(x, 0), x->shape) : NULL; }

/* tanh or relu of all */
static bgi_recurrent_row rnn_cell(const bgi_recurrence *r, bg_node *x, bg_node *sum)
{
    bg_node *all = bg_add(x, sum);
    return (bgi_recurrent_row){ .h = r->kind == BGI_RNN_RELU ? bg_relu(all) : bg_tanh(all) };
}
/* c = f c + i g, h = o tanh(c). Hochreiter, Schmidhuber, Long Short-Term Memory, 1997; the gate f: Gers et al., 2000.
 */
static bgi_recurrent_row lstm_cell(const bgi_recurrence *r, bg_node *x, bg_node *sum, bg_node *c)
{
    int64_t n = r->hidden;
    bg_node *all = bg_add(x, sum);
    bg_node *i = bg_sigmoid(part(all, 0, n)), *f = bg_sigmoid(part(all, 1, n)), *g = bg_tanh(part(all, 2, n));
    bg_node *o = bg_sigmoid(part(all, 3, n));
    bgi_recurrent_row row = { .gates = join((bg_node *[]){ i, f, g, o }, 4) };
    row.c = bg_add(bg_mul(f, c), bg_mul(i, g));
    row.h = bg_mul(o, bg_tanh(row.c));
    return row;
}
/* new = tanh(x + r (W h + b)), h = new + z (h - new). Cho et al., Learning Phrase Representations, 2014, with the reset
 * gate behind the product. */
static bgi_recurrent_row gru_cell(const bgi_recurrence *r, bg_node *x, bg_node *sum, bg_node *h)
{
    int64_t n = r->hidden;
    bg_node *reset = bg_sigmoid(bg_add(part(x, 0, n), part(sum, 0, n)));
    bg_node *update = bg_sigmoid(bg_add(part(x, 1, n), part(sum, 1, n)));
    bg_node *new = bg_tanh(bg_add(part(x, 2, n), bg_mul(reset, part(sum, 2, n))));
    bgi_recurrent_row row = { .gates = join((bg_node *[]){ reset, update, new }, 3), .product = part(sum, 2, n) };
    row.h = bg_add(new, bg_mul(update, bg_sub(h, new)));
    return row;
}
bgi_recurrent_row bgi_recurrent_cell(const bgi_recurrence *r, bg_node *x_gates, bg_node *h, bg_node *c,
                                     const bg_recurrent_weights *w)
{
    bg_node *sum = bg_linear(h, w->weight_hh, w->bias_hh), *x = w->bias_ih ? bg_add(x_gates, w->bias_ih) : x_gates;
    bgi_recurrent_row row = r->kind == BGI_LSTM  ? lstm_cell(r, x, sum, c)
                            : r->kind == BGI_GRU ? gru_cell(r, x, sum, h)
                                                 : rnn_cell(r, x, sum);
    row.sum = sum;
    if (w->weight_hr)
        row.h = row.projection = bg_linear(row.h, w->weight_hr, NULL);
    return row;
}

/* ---- All steps ---- */

/* One step with what leads to it. */
typedef struct {
    bg_node *x, *h_before, *c_before;
    bgi_recurrent_row row;
} step;

/* Steps beyond a sequence's length leave its state and have no gates. */
static void keep_state(step *s, bg_node *lengths, int64_t t)
{
    bg_node *goes_on = bg_greater(bg_unsqueeze(lengths, -1), bg_full(lengths->graph, BG_I64, BG_SCALAR, (double)t));
    bg_node *zero = bgi_scalar_like(s->x, 0);
    bgi_recurrent_row *row = &s->row;
    row->h = bg_where(goes_on, row->h, s->h_before);
    row->c = row->c ? bg_where(goes_on, row->c, s->c_before) : NULL;
    row->gates = row->gates ? bg_where(goes_on, row->gates, zero) : NULL;
    row->product = row->product ? bg_where(goes_on, row->product, zero) : NULL;
}

/* The steps of a loop, by their place in time; NULL with the error recorded. */
static step *unroll(const bg_node *node)
{
    const bgi_recurrence *r = node->attributes;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(r, false);
    bg_recurrent_weights w = { .weight_hh = node->inputs[in.weight_hh],
                               .bias_ih = in.bias_ih < 0 ? NULL : node->inputs[in.bias_ih],
                               .bias_hh = in.bias_hh < 0 ? NULL : node->inputs[in.bias_hh],
                               .weight_hr = in.weight_hr < 0 ? NULL : node->inputs[in.weight_hr] };
    bg_node *h = node->inputs[in.h], *c = in.c < 0 ? NULL : node->inputs[in.c];
    step *steps = bgi_arena_push(&node->graph->arena, ((size_t)r->steps + 1) * sizeof *steps);
    if (!steps) {
        bgi_graph_fail(node->graph, BG_ERR_NOMEM, "recurrent: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < r->steps; i++) {
        int64_t t = bgi_recurrent_step(r, i);
        step *s = &steps[t];
        s->x = alias_of(bg_select(node->inputs[in.gates], 1, t));
        s->h_before = alias_of(h);
        s->c_before = alias_of(c);
        s->row = bgi_recurrent_cell(r, s->x, s->h_before, s->c_before, &w);
        if (in.lengths >= 0)
            keep_state(s, node->inputs[in.lengths], t);
        h = s->row.h;
        c = s->row.c;
    }
    return node->graph->status ? NULL : steps;
}

static bg_node **push(const bg_node *node, int64_t n)
{
    bg_node **nodes = bgi_arena_push(&node->graph->arena, ((size_t)n + 1) * sizeof *nodes);
    if (!nodes)
        bgi_graph_fail(node->graph, BG_ERR_NOMEM, "recurrent: out of memory");
    return nodes;
}
/* Those of the nodes that are there, side by side. */
static bg_node *join_present(bg_node *const *nodes, int n)
{
    bg_node *present[8];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (nodes[i])
            present[count++] = nodes[i];
    return join(present, count);
}

bg_node *bgi_recurrent_compose(bg_node *node)
{
    const bgi_recurrence *r = node->attributes;
    step *steps = unroll(node);
    bg_node **rows = steps ? push(node, r->steps) : NULL;
    for (int64_t t = 0; t < r->steps && rows; t++) {
        const bgi_recurrent_row *row = &steps[t].row;
        rows[t] = join_present((bg_node *[]){ row->gates, row->product, row->c, row->h, steps[t].h_before }, 5);
    }
    return rows ? bg_stack(rows, (int)r->steps, 1) : NULL;
}

/* The cotangents at the places that a row of the gradient names, by the ordinary rules. */
bg_node *bgi_recurrent_gradient_compose(bg_node *node)
{
    enum { PLACES = 5 };
    const bgi_recurrence *r = node->attributes;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(r, true);
    step *steps = unroll(node);
    bg_node **xs = steps ? push(node, PLACES * r->steps) : NULL, **dxs = xs ? push(node, PLACES * r->steps) : NULL;
    bg_node **ys = dxs ? push(node, 2 * r->steps) : NULL, **dys = ys ? push(node, 2 * r->steps) : NULL;
    size_t n = 0, n_ys = 0;
    if (!dys)
        return NULL;
    for (int64_t t = 0; t < r->steps; t++) {
        const step *s = &steps[t];
        bg_node *const places[PLACES] = { s->x, r->kind == BGI_GRU ? s->row.sum : NULL, s->c_before, s->h_before,
                                          s->row.projection };
        for (int i = 0; i < PLACES; i++)
            if (places[i])
                xs[n++] = places[i];
        ys[n_ys] = s->row.h;
        dys[n_ys++] = bg_select(node->inputs[in.dh], 1, t);
        if (in.dc >= 0) {
            ys[n_ys] = s->row.c;
            dys[n_ys++] = bg_select(node->inputs[in.dc], 1, t);
        }
    }
    if (bg_grad_from(ys, dys, n_ys, xs, n, dxs))
        return NULL;
    size_t places = n / (size_t)r->steps;
    for (int64_t t = 0; t < r->steps; t++)
        xs[t] = join(dxs + (size_t)t * places, (int)places);
    return bg_stack(xs, (int)r->steps, 1);
}
