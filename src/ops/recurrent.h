/* Recurrent layers: what one layer in one direction is, and how the results of its loop over time lie.
 *
 * All arrays are [batch, steps, ..], so that each sequence is contiguous, a batch can be cut anywhere, and rows are the
 * rows of one matrix whichever sequence and step they belong to. */
#ifndef BGI_RECURRENT_H
#define BGI_RECURRENT_H

#include "ops/ops.h"

typedef enum { BGI_RNN_TANH, BGI_RNN_RELU, BGI_LSTM, BGI_GRU } bgi_recurrent_kind;

/* The attributes of both ops; all of one size, as attributes are compared as bytes. */
typedef struct {
    int64_t kind, batch, steps, hidden;
    int64_t out;        /* extent of the state h: hidden, or that of the projection */
    int64_t is_reverse; /* from the last step to the first */
    int64_t has_bias, has_projection, has_lengths;
    int64_t has_dc; /* of the gradient: a cotangent of the cells is among the inputs */
} bgi_recurrence;

/* The inputs, by number; -1: not there.
 *   gates [batch, steps, g] = x · weight_ihᵀ   h [batch, out]   c [batch, hidden]
 *   weight_hh [g, out]   bias_ih, bias_hh [g]   weight_hr [out, hidden]   lengths i64 [batch]
 * and of the gradient also: states, the result of the loop; dh, dc, the cotangents of its h and c. g is gates times
 * hidden. */
typedef struct {
    int gates, h, c, weight_hh, bias_ih, bias_hh, weight_hr, lengths, states, dh, dc, count;
} bgi_recurrent_inputs;

/* Where the parts of a row of the results lie; -1: not there. */
typedef struct {
    /* Forward: the gates after their functions (of the GRU also W_hn h + b_hn), c, h, and h before the step. */
    int64_t gates, product, c, h, before, width;
    /* Backward: the cotangents of the gates before their functions, as sums with x and as sums with h (the same but for
     * the GRU), of the state that the step starts from, through this step, and of the projection's result. */
    int64_t dgates, dproduct, dh, dc, dprojection, dwidth;
} bgi_recurrent_parts;

int64_t bgi_recurrent_gates(const bgi_recurrence *r); /* 1, 4, 3 */
bgi_recurrent_inputs bgi_recurrent_inputs_of(const bgi_recurrence *r, bool is_gradient);
bgi_recurrent_parts bgi_recurrent_parts_of(const bgi_recurrence *r);
/* Step number i in the order in which the loop takes them. */
static inline int64_t bgi_recurrent_step(const bgi_recurrence *r, int64_t i)
{
    return r->is_reverse ? r->steps - 1 - i : i;
}

/* recurrent_loop.c: the loops over time of some sequences, the bytes that they need besides, and how many sequences are
 * worth a task. */
bg_status bgi_recurrent_call(const bg_call *call);
bg_status bgi_recurrent_gradient_call(const bg_call *call);
size_t bgi_recurrent_scratch(const bg_node *node);
int64_t bgi_recurrent_grain(const bg_node *node);
double bgi_recurrent_flops(const bg_node *node);
double bgi_recurrent_product_flops(const bg_node *node);

/* recurrent_unroll.c: the same in ops, step by step; they define the values and serve second derivatives. */
bg_node *bgi_recurrent_compose(bg_node *node);
bg_node *bgi_recurrent_gradient_compose(bg_node *node);

/* One step, from the projected input, in rows of any leading dimensions: the parts of the result's row, and the nodes
 * whose cotangents the gradient wants. */
typedef struct {
    bg_node *gates, *product, *c, *h; /* NULL: not there */
    bg_node *sum, *projection;        /* h · weight_hhᵀ + bias_hh; the result of the projection before lengths */
} bgi_recurrent_row;
bgi_recurrent_row bgi_recurrent_cell(const bgi_recurrence *r, bg_node *x_gates, bg_node *h, bg_node *c,
                                     const bg_recurrent_weights *w);

/* recurrent_layers.c: lengths that are in range. */
extern const bg_op bgi_check_lengths_op;

/* recurrent.c: the loop as a node [batch, steps, width]. */
bg_node *bgi_recurrent(bg_node *const *inputs, const bgi_recurrence *r);

#endif
