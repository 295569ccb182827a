/* Connectionist temporal classification. Graves et al., Connectionist temporal classification, 2006.
 *
 * A sequence's states are its labels with a blank before, between and behind them: L = 2 labels + 1. Each step stays in
 * its state, goes on by one, or by two where that passes over a blank between different labels. With y the
 * log-probabilities, alpha(t, s) is the logarithm of the probability of all ways to be in state s at step t, and
 * beta(t, s) of all ways from there to the end, step t itself left out:
 *   loss = -log Σ exp(alpha(last, s)) over the last two states
 *   d loss / d y(t, k) = -Σ exp(alpha(t, s) + beta(t, s) + loss) over the states s of class k */
#include "nn/loss.h"
#include "ops/index.h"

#include <blasgrad/grad.h>

#include <math.h>

/* ---- ctc_labels: the lengths and labels of each sequence, checked; no gradient ---- */

/* i64 [n, 2 + width]: input length, target length, labels, and blanks behind them. Labels beyond `width` do not fit the
 * steps, so that their loss is known without them. */
enum { INPUT_LENGTH, TARGET_LENGTH, LABELS };
typedef struct {
    int64_t steps, classes, blank, width;
} ctc_sizes;

static bg_status ctc_labels_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const ctc_sizes *z = node->attributes;
    *dtype = BG_I64;
    *shape = BG_SHAPE(node->inputs[1]->shape.dims[0], LABELS + z->width);
    return BG_OK;
}
static bg_status refuse(const char *what, int64_t number, int64_t sequence, int64_t most)
{
    return bg_fail(BG_ERR_INDEX, "ctc_loss: %s %lld of sequence %lld is outside 0 .. %lld", what, (long long)number,
                   (long long)sequence, (long long)most);
}
static bg_status ctc_labels_call(const bg_call *call)
{
    const ctc_sizes *z = call->node->attributes;
    const bg_node *targets = call->node->inputs[0], *inputs = call->node->inputs[1], *lengths = call->node->inputs[2];
    bool is_padded = targets->shape.rank == 2;
    int64_t n = inputs->shape.dims[0], most = targets->shape.dims[is_padded ? 1 : 0], at = 0;
    for (int64_t b = 0; b < n; b++) {
        int64_t *row = (int64_t *)call->output + b * (LABELS + z->width);
        row[INPUT_LENGTH] = bgi_index_at(call->inputs[1], inputs->dtype, b);
        row[TARGET_LENGTH] = bgi_index_at(call->inputs[2], lengths->dtype, b);
        if (row[INPUT_LENGTH] < 0 || row[INPUT_LENGTH] > z->steps)
            return refuse("input length", row[INPUT_LENGTH], b, z->steps);
        int64_t left = is_padded ? most : most - at;
        if (row[TARGET_LENGTH] < 0 || row[TARGET_LENGTH] > left)
            return refuse("target length", row[TARGET_LENGTH], b, left);
        int64_t first = is_padded ? b * most : at;
        for (int64_t i = 0; i < row[TARGET_LENGTH]; i++) {
            int64_t label = bgi_index_at(call->inputs[0], targets->dtype, first + i);
            if (bgi_is_outside(label, z->classes))
                return refuse("label", label, b, z->classes - 1);
            if (label == z->blank)
                return bg_fail(BG_ERR_INDEX, "ctc_loss: label %lld of sequence %lld is the blank", (long long)i,
                               (long long)b);
            if (i < z->width)
                row[LABELS + i] = label;
        }
        for (int64_t i = row[TARGET_LENGTH]; i < z->width; i++)
            row[LABELS + i] = z->blank;
        at += row[TARGET_LENGTH];
    }
    if (!is_padded && at != most)
        return bg_fail(BG_ERR_INDEX, "ctc_loss: target lengths add up to %lld, there are %lld labels", (long long)at,
                       (long long)most);
    return BG_OK;
}
const bg_op bgi_ctc_labels_op = {
    .name = "ctc_labels", .arity = 3, .infer = ctc_labels_infer, .is_constant = true, .call = ctc_labels_call
};

/* ---- One sequence ---- */

typedef struct {
    const void *y; /* [steps, n, c] */
    bool is_wide;
    int64_t first, stride;        /* of y, for this sequence */
    int64_t steps, states, blank; /* of this sequence */
    const int64_t *labels;
    bool fits;
    const bgk_kernels *kernels; /* of f64 */
} sequence;

static sequence sequence_of(const bg_call *call, int64_t i)
{
    const bg_node *y = call->node->inputs[0];
    const ctc_sizes *z = call->node->attributes;
    const int64_t *row = (const int64_t *)call->inputs[1] + i * (LABELS + z->width);
    return (sequence){ .y = call->inputs[0],
                       .is_wide = y->dtype == BG_F64,
                       .first = (call->first + i) * z->classes,
                       .stride = y->shape.dims[1] * z->classes,
                       .steps = row[INPUT_LENGTH],
                       .states = 2 * row[TARGET_LENGTH] + 1,
                       .blank = z->blank,
                       .labels = row + LABELS,
                       .fits = row[TARGET_LENGTH] <= row[INPUT_LENGTH],
                       .kernels = &y->graph->engine->kernels->f64 };
}
static inline int64_t class_of(const sequence *q, int64_t s) { return s % 2 ? q->labels[s / 2] : q->blank; }
static inline double y_at(const sequence *q, int64_t t, int64_t class)
{
    int64_t i = q->first + t * q->stride + class;
    return q->is_wide ? ((const double *)q->y)[i] : (double)((const float *)q->y)[i];
}
/* Whether a step may go from state s - 2 to s. */
static inline bool may_skip(const sequence *q, int64_t s)
{
    return s % 2 && s >= 3 && q->labels[s / 2] != q->labels[s / 2 - 1];
}

static double log_of_sum(double a, double b)
{
    double most = a > b ? a : b, least = a > b ? b : a;
    return least == -(double)INFINITY ? most : most + log1p(exp(least - most));
}
/* result[s] = y[s] + log(exp(a[s]) + exp(b[s]) + exp(c[s])) for a, b, c in rows of ways[n], which are lost. */
static void log_of_sums(const bgk_kernels *kernels, int64_t n, const double *y, double *ways, double *result)
{
    double *a = ways, *b = a + n, *c = b + n;
    for (int64_t s = 0; s < n; s++) {
        double most = a[s] > b[s] ? a[s] : b[s];
        most = most > c[s] ? most : c[s];
        if (most == -(double)INFINITY)
            most = 0; /* the logarithm of 0 is what it has to be */
        a[s] -= most;
        b[s] -= most;
        c[s] -= most;
        result[s] = y[s] + most;
    }
    kernels->exp(ways, ways, 1, NULL, 0, NULL, 0, 3 * n);
    for (int64_t s = 0; s < n; s++)
        a[s] += b[s] + c[s];
    kernels->log(a, a, 1, NULL, 0, NULL, 0, n);
    for (int64_t s = 0; s < n; s++)
        result[s] += a[s];
}
/* The log-probabilities of all states at a step. */
static void read_step(const sequence *q, int64_t t, double *y)
{
    const double blank = y_at(q, t, q->blank);
    for (int64_t s = 0; s < q->states; s++)
        y[s] = s % 2 ? y_at(q, t, q->labels[s / 2]) : blank;
}

/* Memory of one step: y and the ways of all states. */
typedef struct {
    double *y, *ways;
} step;
enum { STEP_ROWS = 4 };

/* alpha of step t from that of step t - 1, which may be the same memory. What cannot reach the end any more, or cannot
 * be reached yet, is -inf. */
static void go_on(const sequence *q, int64_t t, const double *before, double *after, step room)
{
    const double nothing = -(double)INFINITY;
    int64_t last = 2 * t + 2 < q->states ? 2 * t + 2 : q->states, first = q->states - 2 * (q->steps - t);
    first = first > 0 ? first : 0;
    int64_t n = last > first ? last - first : 0;
    double *stay = room.ways, *next = stay + n, *skip = next + n;
    read_step(q, t, room.y);
    for (int64_t i = 0, s = first; i < n; i++, s++) {
        stay[i] = before[s];
        next[i] = s >= 1 ? before[s - 1] : nothing;
        skip[i] = may_skip(q, s) ? before[s - 2] : nothing;
    }
    log_of_sums(q->kernels, n, room.y + first, room.ways, after + first);
    for (int64_t s = 0; s < first; s++)
        after[s] = nothing;
    for (int64_t s = last; s < q->states; s++)
        after[s] = nothing;
}
/* Before the first step all is in the state before the first label, from which a step goes to it or to the blank. */
static void begin(const sequence *q, double *alpha)
{
    for (int64_t s = 0; s < q->states; s++)
        alpha[s] = s == 0 ? 0 : -(double)INFINITY;
}
static double end(const sequence *q, const double *alpha)
{
    const double nothing = -(double)INFINITY;
    return log_of_sum(alpha[q->states - 1], q->states > 1 ? alpha[q->states - 2] : nothing);
}

static int64_t by_sequence(const bg_node *node, int input) { return input == 0 ? 1 : node->inputs[1]->shape.dims[0]; }
static int64_t one_sequence(const bg_node *node)
{
    (void)node;
    return 1;
}
static int64_t states_of(const ctc_sizes *z) { return 2 * z->width + 1; }

/* ---- ctc: y [steps, n, c], labels -> loss [n] ---- */

static bg_status ctc_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(node->inputs[0]->shape.dims[1]);
    return BG_OK;
}
static bg_status ctc_call(const bg_call *call)
{
    int64_t states = states_of(call->node->attributes);
    double *alpha = call->scratch;
    step room = { .y = alpha + states, .ways = alpha + 2 * states };
    for (int64_t i = 0; i < call->last - call->first; i++) {
        sequence q = sequence_of(call, i);
        double loss = (double)INFINITY;
        if (q.fits) {
            begin(&q, alpha);
            for (int64_t t = 0; t < q.steps; t++)
                go_on(&q, t, alpha, alpha, room);
            loss = -end(&q, alpha);
        }
        if (q.is_wide)
            ((double *)call->output)[i] = loss;
        else
            ((float *)call->output)[i] = (float)loss;
    }
    return BG_OK;
}
static size_t ctc_scratch(const bg_node *node)
{
    return (size_t)states_of(node->attributes) * (1 + STEP_ROWS) * sizeof(double);
}
static double ctc_flops(const bg_node *node)
{
    const ctc_sizes *z = node->attributes;
    return 40 * (double)z->steps * (double)states_of(z) * (double)node->inputs[1]->shape.dims[0];
}

/* x [n, states - by] behind `by` states of -inf. */
static bg_node *shifted(bg_node *x, int64_t by)
{
    if (!x || x->shape.dims[1] <= by)
        return x ? bg_full(x->graph, x->dtype, x->shape, -(double)INFINITY) : NULL;
    bg_node *nothing = bg_full(x->graph, x->dtype, BG_SHAPE(x->shape.dims[0], by), -(double)INFINITY);
    return bg_concat((bg_node *[]){ nothing, bgi_slice_of(x, 1, 0, 1, x->shape.dims[1] - by) }, 2, 1);
}
/* The same recurrence over all sequences at once. A state's number is compared with lengths in f64. */
static bg_node *loss_in_ops(bg_node *y, bg_node *labels, const ctc_sizes *z)
{
    bg_graph *graph = labels->graph;
    int64_t n = labels->shape.dims[0], states = states_of(z);
    bg_node *numbers = bg_cast(labels, BG_F64), *steps = bg_narrow(numbers, 1, INPUT_LENGTH, 1);
    bg_node *last = bg_mul_scalar(bg_narrow(numbers, 1, TARGET_LENGTH, 1), 2);
    bg_node *blanks = bg_full(graph, BG_I64, BG_SHAPE(n, z->width, 1), (double)z->blank);
    bg_node *own = bg_unsqueeze(bg_narrow(labels, 1, LABELS, z->width), 2);
    bg_node *pairs = bg_reshape(bg_concat((bg_node *[]){ blanks, own }, 2, 2), BG_SHAPE(n, states - 1));
    bg_node *one = bg_full(graph, BG_I64, BG_SHAPE(n, 1), (double)z->blank);
    bg_node *classes = bg_concat((bg_node *[]){ pairs, one }, 2, 1);
    bg_node *zero = bg_scalar(graph, y->dtype, 0), *nothing = bg_scalar(graph, y->dtype, -(double)INFINITY);
    bg_node *skip = NULL;
    if (states > 2) {
        bg_node *differs = bg_not_equal(bg_narrow(classes, 1, 2, states - 2), bg_narrow(classes, 1, 0, states - 2));
        bg_node *never = bg_full(graph, y->dtype, BG_SHAPE(n, 2), -(double)INFINITY);
        skip = bg_concat((bg_node *[]){ never, bg_where(differs, zero, nothing) }, 2, 1);
    }
    bg_node *number = bg_arange(graph, BG_F64, 0, (double)states, 1);
    bg_node *is_first = bg_broadcast(bg_equal(number, bg_scalar(graph, BG_F64, 0)), BG_SHAPE(n, states));
    bg_node *alpha = bg_where(is_first, zero, nothing);
    for (int64_t t = 0; t < z->steps && alpha; t++) {
        bg_node *ways[] = { alpha, shifted(alpha, 1), bg_add(shifted(alpha, 2), skip ? skip : zero) };
        bg_node *next =
            bg_add(bg_logsumexp(bg_stack(ways, 3, 2), BG_AXES(2)), bg_take_along(bg_select(y, 0, t), classes, 1));
        alpha = bg_where(bg_greater(steps, bg_scalar(graph, BG_F64, (double)t)), next, alpha);
    }
    /* Labels beyond the width leave no state. */
    bg_node *is_end = bg_logical_and(bg_less_equal(number, last), bg_greater_equal(number, bg_add_scalar(last, -1)));
    return bg_neg(bg_logsumexp(bg_where(is_end, alpha, nothing), BG_AXES(1)));
}
static bg_node *ctc_compose(bg_node *node) { return loss_in_ops(node->inputs[0], node->inputs[1], node->attributes); }
static bg_node *ctc_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    bg_node *inputs[] = { node->inputs[0], node->inputs[1], dy };
    return bg_movedim(bg_apply(&bgi_ctc_gradient_op, inputs, 3, node->attributes, sizeof(ctc_sizes)), 0, 1);
}
const bg_op bgi_ctc_op = { .name = "ctc",
                           .arity = 2,
                           .infer = ctc_infer,
                           .gradient = ctc_gradient,
                           .compose = ctc_compose,
                           .call = ctc_call,
                           .units = by_sequence,
                           .flops = ctc_flops,
                           .scratch = ctc_scratch,
                           .grain = one_sequence,
                           .never_fails = true };

/* ---- ctc_gradient: y, labels, cotangent of the loss [n] -> [n, steps, c] ---- */

static bg_status ctc_gradient_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bg_shape y = node->inputs[0]->shape;
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(y.dims[1], y.dims[0], y.dims[2]);
    return BG_OK;
}
/* What one step adds to its classes, from beta of that step. */
static void put_shares(const sequence *q, const double *alpha, const double *beta, double all, double *terms,
                       double *shares)
{
    for (int64_t s = 0; s < q->states; s++)
        terms[s] = alpha[s] + beta[s] - all;
    q->kernels->exp(terms, terms, 1, NULL, 0, NULL, 0, q->states);
    for (int64_t s = 0; s < q->states; s++)
        shares[class_of(q, s)] += terms[s];
}
/* beta of step t - 1 in place of that of step t. */
static void go_back(const sequence *q, int64_t t, double *beta, step room)
{
    const double nothing = -(double)INFINITY;
    int64_t n = q->states;
    double *stay = room.ways, *next = stay + n, *skip = next + n;
    read_step(q, t, room.y);
    for (int64_t s = 0; s < n; s++)
        stay[s] = beta[s] + room.y[s];
    for (int64_t s = 0; s < n; s++) {
        next[s] = s + 1 < n ? stay[s + 1] : nothing;
        skip[s] = s + 2 < n && may_skip(q, s + 2) ? stay[s + 2] : nothing;
        room.y[s] = 0; /* is in the ways already */
    }
    log_of_sums(q->kernels, n, room.y, room.ways, beta);
}
static bg_status ctc_gradient_call(const bg_call *call)
{
    const ctc_sizes *z = call->node->attributes;
    /* alpha of all steps, beta of one and room for it, what each class gets. */
    int64_t states = states_of(z);
    double *alphas = call->scratch, *beta = alphas + z->steps * states, *shares = beta + (1 + STEP_ROWS) * states;
    step room = { .y = beta + states, .ways = beta + 2 * states };
    size_t size = bg_dtype_size(call->node->dtype);
    for (int64_t i = 0; i < call->last - call->first; i++) {
        sequence q = sequence_of(call, i);
        int64_t count = z->steps * z->classes;
        char *output = bgi_at(call->output, i * count, size);
        double dy = q.is_wide ? ((const double *)call->inputs[2])[i] : (double)((const float *)call->inputs[2])[i];
        memset(output, 0, (size_t)count * size);
        if (!q.fits || q.steps == 0)
            continue;
        begin(&q, beta);
        for (int64_t t = 0; t < q.steps; t++)
            go_on(&q, t, t == 0 ? beta : alphas + (t - 1) * q.states, alphas + t * q.states, room);
        double all = end(&q, alphas + (q.steps - 1) * q.states);
        if (all == -(double)INFINITY)
            continue;
        for (int64_t s = 0; s < q.states; s++)
            beta[s] = s >= q.states - 2 ? 0 : -(double)INFINITY;
        for (int64_t t = q.steps - 1; t >= 0; t--) {
            memset(shares, 0, (size_t)z->classes * sizeof *shares);
            put_shares(&q, alphas + t * q.states, beta, all, room.ways, shares);
            for (int64_t k = 0; k < z->classes; k++)
                if (q.is_wide)
                    ((double *)(void *)output)[t * z->classes + k] = -dy * shares[k];
                else
                    ((float *)(void *)output)[t * z->classes + k] = (float)(-dy * shares[k]);
            go_back(&q, t, beta, room);
        }
    }
    return BG_OK;
}
static size_t ctc_gradient_scratch(const bg_node *node)
{
    const ctc_sizes *z = node->attributes;
    return (size_t)((z->steps + 1 + STEP_ROWS) * states_of(z) + z->classes) * sizeof(double);
}
static double ctc_gradient_flops(const bg_node *node) { return 3 * ctc_flops(node); }
/* The gradient of the composition alone: the log-probabilities are taken through a view of their own, so that what
 * flows to them stops there. */
static bg_node *ctc_gradient_compose(bg_node *node)
{
    bg_node *y = node->inputs[0], *own = bg_reshape(bg_unsqueeze(y, 0), y->shape), *dy = node->inputs[2], *d = NULL;
    bg_node *loss = own ? loss_in_ops(own, node->inputs[1], node->attributes) : NULL;
    if (!loss || bg_grad_from(&loss, &dy, 1, &own, 1, &d))
        return NULL;
    return bg_movedim(d, 0, 1);
}
const bg_op bgi_ctc_gradient_op = { .name = "ctc_gradient",
                                    .arity = 3,
                                    .infer = ctc_gradient_infer,
                                    .compose = ctc_gradient_compose,
                                    .call = ctc_gradient_call,
                                    .units = by_sequence,
                                    .flops = ctc_gradient_flops,
                                    .scratch = ctc_gradient_scratch,
                                    .grain = one_sequence,
                                    .never_fails = true };

/* ---- The builder ---- */

/* Whether the inputs are one sequence, or n, of f32 or f64 with integers; records the error. */
static bool takes_sequences(bg_graph *graph, bg_node *const *inputs)
{
    static const char *const labels[] = { "log-probabilities", "targets", "input lengths", "target lengths" };
    if (!bgi_graph_accept(graph, bgi_check_floats("ctc_loss", inputs, labels, 1)))
        return false;
    for (int i = 1; i < 4; i++)
        if (!bgi_is_integer(inputs[i]->dtype)) {
            bgi_graph_fail(graph, BG_ERR_DTYPE, "ctc_loss: %s are %s, not i32, i64 or u8", labels[i],
                           bg_dtype_name(inputs[i]->dtype));
            return false;
        }
    bg_shape y = inputs[0]->shape, targets = inputs[1]->shape, n = BG_SCALAR;
    if (y.rank == 3)
        n = BG_SHAPE(y.dims[1]);
    bool fits = y.rank == 2   ? targets.rank == 1
                : y.rank == 3 ? targets.rank == 1 || (targets.rank == 2 && targets.dims[0] == y.dims[1])
                              : false;
    if (fits && bg_shape_equal(inputs[2]->shape, n) && bg_shape_equal(inputs[3]->shape, n))
        return true;
    bgi_graph_fail(graph, BG_ERR_SHAPE,
                   "ctc_loss: needs log-probabilities [steps, n, c], targets [n, labels] or [labels], lengths [n], or "
                   "[steps, c], [labels], []: log-probabilities %s, targets %s, input lengths %s, target lengths %s",
                   bgi_shape_format(y).text, bgi_shape_format(targets).text, bgi_shape_format(inputs[2]->shape).text,
                   bgi_shape_format(inputs[3]->shape).text);
    return false;
}

bg_node *bg_ctc_loss(bg_node *log_probabilities, bg_node *targets, bg_node *input_lengths, bg_node *target_lengths,
                     bg_reduction reduction, const bg_ctc_options *options)
{
    const bg_ctc_options none = { 0 }, *o = options ? options : &none;
    bg_node *inputs[] = { log_probabilities, targets, input_lengths, target_lengths }, *y = log_probabilities;
    bg_graph *graph = bgi_graph_of("ctc_loss", inputs, 4);
    if (!graph || !takes_sequences(graph, inputs) || !bgi_takes_reduction("ctc_loss", graph, reduction))
        return NULL;
    bg_shape result = input_lengths->shape;
    int64_t steps = y->shape.dims[0], n = y->shape.rank == 3 ? y->shape.dims[1] : 1;
    int64_t c = y->shape.dims[y->shape.rank - 1], labels = targets->shape.dims[targets->shape.rank - 1], bytes;
    if (o->blank < 0 || o->blank >= c)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "ctc_loss: blank %lld is no class of log-probabilities %s",
                              (long long)o->blank, bgi_shape_format(y->shape).text);
    ctc_sizes z = { .steps = steps, .classes = c, .blank = o->blank, .width = labels < steps ? labels : steps };
    if (!bgi_product_of((int64_t[]){ steps + 2 + STEP_ROWS, z.width + 1, 32 }, 3, &bytes))
        return bgi_graph_fail(graph, BG_ERR_OVERFLOW, "ctc_loss: the states overflow: log-probabilities %s, targets %s",
                              bgi_shape_format(y->shape).text, bgi_shape_format(targets->shape).text);
    y = bg_reshape(y, BG_SHAPE(steps, n, c));
    bg_node *lengths[] = { targets, bg_reshape(input_lengths, BG_SHAPE(n)), bg_reshape(target_lengths, BG_SHAPE(n)) };
    bg_node *checked = bg_apply(&bgi_ctc_labels_op, lengths, 3, &z, sizeof z);
    bg_node *values = bg_apply(&bgi_ctc_op, (bg_node *[]){ y, checked }, 2, &z, sizeof z);
    if (o->zero_infinity)
        values =
            bg_where(bg_equal(values, bgi_scalar_like(values, (double)INFINITY)), bgi_scalar_like(values, 0), values);
    if (reduction == BG_MEAN && checked) {
        bg_node *length = bg_reshape(bg_narrow(checked, 1, TARGET_LENGTH, 1), BG_SHAPE(n));
        values = bg_div(values, bg_clamp(bg_cast(length, log_probabilities->dtype), 1, (double)INFINITY));
    }
    return bgi_loss_reduce("ctc_loss", bg_reshape(values, result), reduction);
}
