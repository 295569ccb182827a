/* Recurrent layers as ops: one layer in one direction, with its loop over time inside, and its first gradient. */
#include "ops/recurrent.h"
#include "ops/cotangent.h"

#include <blasgrad/grad.h>

#include "blas/blas.h"

#include <string.h>

int64_t bgi_recurrent_gates(const bgi_recurrence *r) { return r->kind == BGI_LSTM ? 4 : r->kind == BGI_GRU ? 3 : 1; }

bgi_recurrent_inputs bgi_recurrent_inputs_of(const bgi_recurrence *r, bool is_gradient)
{
    bgi_recurrent_inputs in;
    int n = 0;
    in.gates = n++;
    in.h = n++;
    in.c = r->kind == BGI_LSTM ? n++ : -1;
    in.weight_hh = n++;
    in.bias_ih = r->has_bias ? n++ : -1;
    in.bias_hh = r->has_bias ? n++ : -1;
    in.weight_hr = r->has_projection ? n++ : -1;
    in.lengths = r->has_lengths ? n++ : -1;
    in.states = is_gradient ? n++ : -1;
    in.dh = is_gradient ? n++ : -1;
    in.dc = is_gradient && r->has_dc ? n++ : -1;
    in.count = n;
    return in;
}

bgi_recurrent_parts bgi_recurrent_parts_of(const bgi_recurrence *r)
{
    int64_t gates = bgi_recurrent_gates(r) * r->hidden, at = 0, dat = gates;
    bgi_recurrent_parts p = { .gates = -1, .product = -1, .c = -1, .dc = -1, .dprojection = -1 };
    if (r->kind == BGI_LSTM || r->kind == BGI_GRU) { /* the one gate of an RNN is its h */
        p.gates = 0;
        at = gates;
    }
    if (r->kind == BGI_GRU) {
        p.product = at;
        at += r->hidden;
        p.dproduct = dat;
        dat += gates;
    }
    if (r->kind == BGI_LSTM) {
        p.c = at;
        at += r->hidden;
        p.dc = dat;
        dat += r->hidden;
    }
    p.h = at;
    p.before = at + r->out;
    p.width = at + 2 * r->out;
    p.dh = dat;
    dat += r->out;
    if (r->has_projection) {
        p.dprojection = dat;
        dat += r->out;
    }
    p.dwidth = dat;
    return p;
}

/* ---- The loop ---- */

enum { MOST_INPUTS = 11 };

static const bg_op recurrent_gradient_op;

/* Sequences whose rows have `width` elements. */
static bg_status sequences_infer(const bg_node *node, int64_t width, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_recurrence *r = node->attributes;
    int64_t gates = bgi_recurrent_gates(r) * r->hidden;
    int64_t apart = width > 0 && r->steps > INT64_MAX / width ? INT64_MAX : r->steps * width;
    int64_t sizes[] = { gates, r->out, r->hidden, apart };
    static const char *const labels[] = { "gates", "state", "hidden units", "elements of one sequence" };
    for (int i = 0; i < 4; i++)
        if (!bgi_blas_fits(sizes[i]))
            return bg_fail(BG_ERR_OVERFLOW, "recurrent: %lld %s do not fit the integer of the BLAS",
                           (long long)sizes[i], labels[i]);
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(r->batch, r->steps, width);
    return BG_OK;
}
/* Sequences are split but for the weights. */
static int64_t sequence_units(const bg_node *node, int input)
{
    const bgi_recurrence *r = node->attributes;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(r, false);
    bool is_weight = input >= in.weight_hh && input < in.count && input != in.lengths;
    return is_weight || r->batch == 0 ? 1 : r->batch;
}

static bg_node *part(bg_node *x, int64_t start, int64_t count) { return bgi_slice_of(x, 2, start, 1, count); }
/* [batch, steps, n] -> [batch · steps, n]: a matrix, also of a part of the rows. */
static bg_node *as_matrix(bg_node *x)
{
    return x ? bg_reshape(x, BG_SHAPE(x->shape.dims[0] * x->shape.dims[1], x->shape.dims[2])) : NULL;
}
/* xᵀ · y, summed over sequences and steps. */
static bg_node *product_over_rows(bg_node *x, bg_node *y)
{
    x = as_matrix(x);
    return x ? bg_matmul(bgi_transpose_last(x), as_matrix(y)) : NULL;
}
/* Of all parts, as they lie side by side: less than a copy of one part alone. */
static bg_node *sum_over_rows(bg_node *x, int64_t start, int64_t count)
{
    bg_node *rows = as_matrix(x);
    return rows ? bgi_slice_of(bg_sum(rows, BG_AXES(0)), 0, start, 1, count) : NULL;
}

/* What each input gets from the gradient's rows. */
static bg_node *input_gradient(bg_node *node, int input, bg_node *rows)
{
    const bgi_recurrence *r = node->attributes;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(r, false);
    bgi_recurrent_parts p = bgi_recurrent_parts_of(r);
    int64_t gates = bgi_recurrent_gates(r) * r->hidden;
    if (input == in.gates)
        return part(rows, p.dgates, gates);
    if (input == in.weight_hh)
        return product_over_rows(part(rows, p.dproduct, gates), part(node, p.before, r->out));
    if (input == in.bias_ih)
        return sum_over_rows(rows, p.dgates, gates);
    if (input == in.bias_hh)
        return sum_over_rows(rows, p.dproduct, gates);
    if (input == in.weight_hr) {
        bg_node *output_gate = part(node, p.gates + 3 * r->hidden, r->hidden);
        return product_over_rows(part(rows, p.dprojection, r->out),
                                 bg_mul(output_gate, bg_tanh(part(node, p.c, r->hidden))));
    }
    if (input != in.h && input != in.c)
        return NULL;
    bg_node *state = input == in.h ? part(rows, p.dh, r->out) : part(rows, p.dc, r->hidden);
    state = bgi_slice_of(state, 1, bgi_recurrent_step(r, 0), 1, 1);
    return state ? bg_reshape(state, node->inputs[input]->shape) : NULL;
}

/* The gradient of the composition alone. The input is taken through a view of its own, so that what flows to it stops
 * there. */
static bg_node *composed_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *inputs[MOST_INPUTS], copy = *node, *x = node->inputs[input], *dx = NULL;
    memcpy(inputs, node->inputs, (size_t)node->n_inputs * sizeof *inputs);
    x = inputs[input] = bg_reshape(bg_unsqueeze(x, 0), x->shape);
    copy.inputs = inputs;
    bg_node *composed = x ? node->op->compose(&copy) : NULL;
    if (!composed || bg_grad_from(&composed, &dy, 1, &x, 1, &dx))
        return NULL;
    return dx;
}

/* recurrent: the gradient's rows hold the cotangents of all steps, from which weights get theirs by one product over
 * all rows. Only second derivatives reach other parts of the result than h and c: they go through the composition. */
static bg_node *recurrent_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_recurrence *r = node->attributes;
    bgi_recurrent_inputs in = bgi_recurrent_inputs_of(r, false);
    bgi_recurrent_parts p = bgi_recurrent_parts_of(r);
    if (input == in.lengths)
        return NULL;
    bg_node *dgates = bgi_cotangent_part(dy, 2, 0, p.c >= 0 ? p.c : p.h);
    bg_node *dc = p.c >= 0 ? bgi_cotangent_part(dy, 2, p.c, r->hidden) : NULL;
    bg_node *dh = bgi_cotangent_part(dy, 2, p.h, r->out), *dbefore = bgi_cotangent_part(dy, 2, p.before, r->out);
    if (node->graph->status)
        return NULL;
    if (dgates || dbefore)
        return composed_gradient(node, input, dy);
    bgi_recurrence gradient = *r;
    gradient.has_dc = dc != NULL;
    bg_node *inputs[MOST_INPUTS];
    memcpy(inputs, node->inputs, (size_t)in.count * sizeof *inputs);
    in = bgi_recurrent_inputs_of(&gradient, true);
    inputs[in.states] = node;
    inputs[in.dh] = dh ? dh : bg_zeros(node->graph, node->dtype, BG_SHAPE(r->batch, r->steps, r->out));
    if (dc)
        inputs[in.dc] = dc;
    bg_node *rows = bg_apply(&recurrent_gradient_op, inputs, in.count, &gradient, sizeof gradient);
    return rows ? input_gradient(node, input, rows) : NULL;
}

static bg_status recurrent_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    return sequences_infer(node, bgi_recurrent_parts_of(node->attributes).width, dtype, shape);
}
static const bg_op recurrent_op = { .name = "recurrent",
                                    .arity = -1,
                                    .infer = recurrent_infer,
                                    .gradient = recurrent_gradient,
                                    .compose = bgi_recurrent_compose,
                                    .call = bgi_recurrent_call,
                                    .units = sequence_units,
                                    .flops = bgi_recurrent_flops,
                                    .product_flops = bgi_recurrent_product_flops,
                                    .scratch = bgi_recurrent_scratch,
                                    .grain = bgi_recurrent_grain,
                                    .never_fails = true };
bg_node *bgi_recurrent(bg_node *const *inputs, const bgi_recurrence *r)
{
    return bg_apply(&recurrent_op, inputs, bgi_recurrent_inputs_of(r, false).count, r, sizeof *r);
}

/* recurrent_gradient: the loop back in time; differentiated as the gradient of the composition */
static bg_status gradient_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    return sequences_infer(node, bgi_recurrent_parts_of(node->attributes).dwidth, dtype, shape);
}
static const bg_op recurrent_gradient_op = { .name = "recurrent_gradient",
                                             .arity = -1,
                                             .infer = gradient_infer,
                                             .compose = bgi_recurrent_gradient_compose,
                                             .call = bgi_recurrent_gradient_call,
                                             .units = sequence_units,
                                             .flops = bgi_recurrent_flops,
                                             .product_flops = bgi_recurrent_product_flops,
                                             .scratch = bgi_recurrent_scratch,
                                             .grain = bgi_recurrent_grain,
                                             .never_fails = true };

const bg_op *const bgi_recurrent_ops[] = { &recurrent_op, &recurrent_gradient_op, &bgi_check_lengths_op, NULL };
