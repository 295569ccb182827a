#include "random_graph.h"

#include <string.h>

enum { MOST_NODES = 48, FEW = 6000, MANY = 40000 }; /* many: enough to be split among tasks */

typedef struct {
    trial *t;
    draw draw; /* of the structure; the trial's own one gives the numbers */
    bg_node *pool[MOST_NODES];
    int n;
    int64_t most; /* elements of a node */
} builder;

static int64_t below(builder *b, int64_t n) { return draw_below(&b->draw, n); }
static bool chance(builder *b, int64_t percent) { return below(b, 100) < percent; }

static int64_t extent(builder *b)
{
    static const int64_t special[] = { 1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65 };
    static const int64_t wide[] = { 127, 255, 256, 257, 300, 1023, 1024, 1025, 4096, 4097, 5003 };
    if (chance(b, 2))
        return 0;
    if (chance(b, 6))
        return wide[below(b, (int64_t)(sizeof wide / sizeof wide[0]))];
    return special[below(b, (int64_t)(sizeof special / sizeof special[0]))];
}

static bg_shape random_shape(builder *b)
{
    bg_shape shape = { .rank = (int)below(b, 5) };
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        int64_t n = extent(b);
        shape.dims[i] = count * n > b->most ? 1 : n;
        count *= shape.dims[i] ? shape.dims[i] : 1;
    }
    return shape;
}

/* A shape that broadcasts with the other one: axes dropped in front, others set to 1. */
static bg_shape partner_shape(builder *b, bg_shape shape)
{
    int dropped = shape.rank > 0 ? (int)below(b, shape.rank + 1) * chance(b, 30) : 0;
    bg_shape partner = { .rank = shape.rank - dropped };
    for (int i = 0; i < partner.rank; i++)
        partner.dims[i] = chance(b, 30) ? 1 : shape.dims[i + dropped];
    return partner;
}

static bg_node *leaf(builder *b, bg_shape shape)
{
    switch (below(b, 4)) {
    case 0:
        return trial_input(b->t, shape, -1.5, 1.5);
    case 1:
        return trial_buffer(b->t, shape, -1.5, 1.5);
    case 2:
        return chance(b, 30) ? trial_constant(b->t, shape, -1.5, 1.5) : trial_input(b->t, shape, 0.25, 1.5);
    default:
        return trial_parameter(b->t, shape, -1.5, 1.5);
    }
}

static bool has_room(const builder *b) { return b->t->n_inputs < TRIAL_MOST / 2 && b->t->n_states < TRIAL_MOST / 2; }

static bg_node *pick(builder *b) { return b->pool[below(b, b->n)]; }

static bg_node *pick_partner(builder *b, bg_node *x)
{
    for (int i = 0; i < 3; i++) { /* nodes that fit by chance, and the same node twice */
        bg_node *y = pick(b);
        if (bg_shape_equal(bg_node_shape(y), bg_node_shape(x)))
            return y;
    }
    return has_room(b) ? leaf(b, partner_shape(b, bg_node_shape(x))) : x;
}

static bg_node *unary(builder *b, bg_node *x)
{
    switch (below(b, 22)) {
    case 0:
        return bg_tanh(x);
    case 1:
        return bg_sigmoid(x);
    case 2:
        return bg_relu(x);
    case 3:
        return bg_gelu(x);
    case 4:
        return bg_softplus(x);
    case 5:
        return bg_exp(bg_neg(bg_square(x)));
    case 6:
        return bg_sqrt(bg_add_scalar(bg_square(x), 0.25));
    case 7:
        return bg_log(bg_add_scalar(bg_abs(x), 0.5));
    case 8:
        return bg_erf(x);
    case 9:
        return bg_neg(x);
    case 10:
        return bg_mul_scalar(x, draw_between(&b->draw, -1.2, 1.2));
    case 11:
        return bg_add_scalar(x, draw_between(&b->draw, -1, 1));
    case 12:
        return bg_sub_from(1, x);
    case 13:
        return bg_abs(x);
    case 14:
        return bg_square(bg_tanh(x));
    case 15:
        return bg_log1p(bg_abs(x));
    case 16:
        return bg_expm1(bg_tanh(x));
    case 17:
        return bg_where(bg_greater(x, bg_scalar(b->t->graph, b->t->dtype, 0.1)), x, bg_mul_scalar(x, 0.01));
    case 18:
        return bg_gelu_tanh(x);
    case 19:
        return bg_mul(x, bg_stop_gradient(bg_sigmoid(x)));
    case 20:
        return bg_cast(bg_cast(x, BG_F64), b->t->dtype);
    default:
        return bg_mul(x, bg_sign(bg_add_scalar(x, 0.3)));
    }
}

static bg_node *binary(builder *b, bg_node *x)
{
    bg_node *y = pick_partner(b, x);
    if (chance(b, 50)) {
        bg_node *swap = x;
        x = y;
        y = swap;
    }
    switch (below(b, 8)) {
    case 0:
    case 1:
        return bg_add(x, y);
    case 2:
        return bg_sub(x, y);
    case 3:
    case 4:
        return bg_mul(x, bg_tanh(y));
    case 5:
        return bg_div(x, bg_add_scalar(bg_square(y), 1));
    case 6:
        return bg_maximum(x, y);
    default:
        return bg_where(bg_less(x, y), bg_minimum(x, y), bg_mul_scalar(y, 0.5));
    }
}

static bg_axes random_axes(builder *b, bg_shape shape)
{
    bg_axes axes = { 0 };
    for (int i = 0; i < shape.rank; i++)
        if (chance(b, 50))
            axes.axis[axes.count++] = chance(b, 50) ? i : i - shape.rank;
    return axes;
}

static bg_node *reduce(builder *b, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    bg_axes axes = random_axes(b, shape);
    bool is_empty = bg_shape_count(shape) == 0;
    switch (below(b, 6)) {
    case 0:
        return bg_mul_scalar(bg_sum(x, axes), 0.1);
    case 1:
        return is_empty ? bg_sum(x, axes) : bg_max(x, axes);
    case 2:
        return is_empty ? bg_sum(x, axes) : bg_logsumexp(x, axes);
    case 3:
        return shape.rank ? bg_softmax(x, (int)below(b, shape.rank)) : x;
    case 4: {
        if (shape.rank == 0 || is_empty)
            return x;
        int axis = (int)below(b, shape.rank);
        bg_shape kept = shape;
        kept.dims[axis] = 1;
        return bg_sub(x, bg_reshape(bg_mean(x, BG_AXES(axis)), kept));
    }
    default:
        return is_empty ? bg_sum(x, axes) : bg_mean(x, axes);
    }
}

static bg_node *view(builder *b, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    if (shape.rank == 0)
        return bg_broadcast(x, BG_SHAPE(2, 3));
    int axis = (int)below(b, shape.rank);
    int64_t n = shape.dims[axis];
    switch (below(b, 6)) {
    case 0: {
        bg_axes axes = { .count = shape.rank };
        for (int i = 0; i < shape.rank; i++)
            axes.axis[i] = i;
        for (int i = shape.rank - 1; i > 0; i--) {
            int j = (int)below(b, i + 1), swap = axes.axis[i];
            axes.axis[i] = axes.axis[j];
            axes.axis[j] = swap;
        }
        return bg_permute(x, axes);
    }
    case 1: {
        int64_t start = n ? below(b, n) : 0;
        return bg_slice(x, axis, start, start + below(b, n - start + 1), 1 + below(b, 3));
    }
    case 2:
        return bg_reshape(x, BG_SHAPE(bg_shape_count(shape)));
    case 3: { /* two axes become one */
        bg_shape merged = { .rank = shape.rank > 1 ? shape.rank - 1 : 1, .dims = { bg_shape_count(shape) } };
        int at = shape.rank > 1 ? (int)below(b, shape.rank - 1) : 0;
        for (int i = 0, k = 0; i < shape.rank && shape.rank > 1; i++, k++) {
            merged.dims[k] = shape.dims[i];
            if (i == at)
                merged.dims[k] *= shape.dims[++i];
        }
        return bg_reshape(x, merged);
    }
    case 4: {
        bg_node *parts[3] = { x, bg_slice(x, axis, 0, n / 2 + 1, 1), x };
        return bg_shape_count(shape) * 3 > b->most ? bg_transpose(x, 0, axis)
                                                   : bg_concat(parts, 1 + (int)below(b, 3), axis);
    }
    default:
        if (shape.rank >= 5 || bg_shape_count(shape) * 3 > b->most)
            return bg_transpose(x, 0, axis);
        bg_shape wider = { .rank = shape.rank + 1, .dims = { 1 + below(b, 3) } };
        memcpy(wider.dims + 1, shape.dims, (size_t)shape.rank * sizeof *shape.dims);
        return bg_broadcast(x, wider);
    }
}

static bg_node *product(builder *b, bg_node *x)
{
    bg_shape shape = bg_node_shape(x);
    if (shape.rank == 0)
        return bg_square(x);
    int64_t k = shape.dims[shape.rank - 1], m = shape.rank > 1 ? shape.dims[shape.rank - 2] : 1, n = extent(b);
    double scale = k > 0 ? 1 / (double)k : 1;
    if (bg_shape_count(shape) / (k > 0 ? k : 1) * n > b->most || k * n > 4 * b->most)
        n = 1;
    if (chance(b, 25) && shape.rank > 1 && m * m <= b->most)
        return bg_mul_scalar(bg_matmul(x, bg_transpose(x, -1, -2)), scale);
    if (!has_room(b))
        return bg_neg(x);
    if (chance(b, 50))
        return bg_linear(x, leaf(b, BG_SHAPE(n, k)), chance(b, 50) ? leaf(b, BG_SHAPE(n)) : NULL);
    bg_shape w = { .rank = 2, .dims = { k, n } };
    if (shape.rank > 2 && chance(b, 50)) {
        w = shape;
        w.dims[w.rank - 2] = k;
        w.dims[w.rank - 1] = n;
        for (int i = 0; i < w.rank - 2; i++)
            w.dims[i] = chance(b, 50) ? 1 : w.dims[i];
        if (bg_shape_count(w) > 4 * b->most)
            return bg_neg(x);
    }
    bg_node *y = leaf(b, w);
    return bg_mul_scalar(bg_matmul(chance(b, 50) ? bg_tanh(x) : x, y), scale);
}

static bg_node *next_node(builder *b)
{
    /* Mostly the last nodes, so that chains become long. */
    bg_node *x = chance(b, 70) ? b->pool[b->n - 1 - below(b, b->n < 3 ? b->n : 3)] : pick(b);
    int64_t kind = below(b, 100);
    return kind < 35   ? unary(b, x)
           : kind < 60 ? binary(b, x)
           : kind < 75 ? reduce(b, x)
           : kind < 90 ? view(b, x)
                       : product(b, x);
}

static void add(builder *b, bg_node *node)
{
    if (node && b->n < MOST_NODES)
        b->pool[b->n++] = node;
}

/* New values for some buffers: whatever fits, else a function of the buffer itself. */
static void update_buffers(builder *b)
{
    for (int i = 0; i < b->t->n_states; i++) {
        bg_node *state = b->t->state_nodes[i];
        if (bg_updated(state) != state || !chance(b, 60))
            continue;
        bg_node *value = NULL;
        for (int k = b->n - 1; k >= 0 && !value; k--)
            if (b->pool[k] != state && bg_shape_equal(bg_node_shape(b->pool[k]), bg_node_shape(state)))
                value = b->pool[k];
        bg_update(state, value ? value : bg_mul_scalar(bg_add(state, bg_square(state)), 0.3));
    }
}

/* The last node computed again from all that was there a few nodes before. */
static void checkpoint_last(builder *b, bool is_on)
{
    int64_t n = b->n - 1 - below(b, 3);
    if (is_on && n > 0)
        b->pool[b->n - 1] = bg_checkpoint(b->pool[b->n - 1], b->pool, (size_t)n);
}

void random_graph(trial *t, const void *context)
{
    const random_checkpoints *checkpoints = context;
    builder b = { .t = t, .draw = t->draw };
    draw_bits(&t->draw);
    b.most = chance(&b, 10) ? MANY : FEW;
    int leaves = 1 + (int)below(&b, 3), nodes = 4 + (int)below(&b, 14);
    for (int i = 0; i < leaves; i++)
        add(&b, checkpoints ? trial_parameter(t, random_shape(&b), -1.5, 1.5) : leaf(&b, random_shape(&b)));
    for (int i = 0; i < nodes; i++) {
        add(&b, next_node(&b));
        if (checkpoints && chance(&b, 40))
            checkpoint_last(&b, checkpoints->is_on);
    }
    int outputs = 1 + (int)below(&b, 4);
    trial_output(t, b.pool[b.n - 1]);
    for (int i = 1; i < outputs; i++)
        trial_output(t, pick(&b));
    if (chance(&b, checkpoints ? 100 : 60)) {
        bg_node *x = b.pool[b.n - 1];
        bg_node *loss =
            bg_shape_count(bg_node_shape(x)) > 0 ? bg_mean(bg_square(x), BG_ALL_AXES) : bg_sum(x, BG_ALL_AXES);
        trial_output(t, loss);
        trial_descend(t, loss, 0.01);
    }
    if (chance(&b, 70))
        update_buffers(&b);
}
