/* Compiled programs against the naive evaluator: networks, shapes, effects; and the same bits for 1 to 8 threads. */
#include "support/evaluate.h"
#include "support/random_graph.h"
#include "support/trial.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sizes a builder takes from its row of the table. */
typedef struct {
    int64_t n[4];
    bg_node *(*function)(bg_node *x);
    bg_shape x, y;
    bg_axes axes;
} sizes;

/* ---- Networks ---- */

static bg_node *gelu(bg_node *x) { return bg_gelu(x); }

/* rows, inputs, hidden units, outputs; two steps of momentum. */
static void build_mlp(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], in = s->n[1], hidden = s->n[2], out = s->n[3];
    double scale = 1 / sqrt((double)hidden);
    bg_node *x = trial_input(t, BG_SHAPE(rows, in), -1, 1), *classes = trial_classes(t, BG_SHAPE(rows), out);
    bg_node *p[6] = {
        trial_parameter(t, BG_SHAPE(hidden, in), -0.3, 0.3),         trial_parameter(t, BG_SHAPE(hidden), -1, 1),
        trial_parameter(t, BG_SHAPE(hidden, hidden), -scale, scale), trial_parameter(t, BG_SHAPE(hidden), -1, 1),
        trial_parameter(t, BG_SHAPE(out, hidden), -scale, scale),    trial_parameter(t, BG_SHAPE(out), -1, 1)
    };
    bg_node *h = s->function(bg_linear(x, p[0], p[1])), *d[6];
    h = s->function(bg_linear(h, p[2], p[3]));
    bg_node *loss = bg_cross_entropy_loss(bg_linear(h, p[4], p[5]), classes, BG_MEAN);
    trial_output(t, loss);
    must(bg_grad(loss, p, 6, d), "the gradient");
    for (int i = 0; i < 6; i++) {
        bg_node *v = trial_buffer(t, bg_node_shape(p[i]), 0, 0);
        bg_node *moved = bg_add(bg_mul_scalar(v, 0.9), d[i]);
        bg_update(v, moved);
        bg_update(p[i], bg_sub(p[i], bg_mul_scalar(moved, 0.1)));
    }
}

static bg_node *keep(bg_node *reduced, bg_node *x, int axis)
{
    bg_shape shape = bg_node_shape(x);
    shape.dims[axis] = 1;
    return bg_reshape(reduced, shape);
}

static void build_layer_norm(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], c = s->n[1];
    bg_node *x = trial_input(t, BG_SHAPE(rows, c), -2, 2), *target = trial_input(t, BG_SHAPE(rows, c), -1, 1);
    bg_node *w = trial_parameter(t, BG_SHAPE(c, c), -0.2, 0.2), *g = trial_parameter(t, BG_SHAPE(c), 0.5, 1.5);
    bg_node *b = trial_parameter(t, BG_SHAPE(c), -1, 1);
    bg_node *h = bg_matmul(x, w);
    bg_node *centred = bg_sub(h, keep(bg_mean(h, BG_AXES(1)), h, 1));
    bg_node *variance = keep(bg_mean(bg_square(centred), BG_AXES(1)), h, 1);
    bg_node *y = bg_add(bg_mul(bg_div(centred, bg_sqrt(bg_add_scalar(variance, 0.1))), g), b);
    trial_output(t, y);
    bg_node *loss = bg_l2_loss(y, target, BG_MEAN);
    trial_output(t, loss);
    trial_descend(t, loss, 0.1);
}

/* Running statistics are buffers; the layer is used twice, so its second use builds on the first one's update. */
static bg_node *batch_norm(bg_node *x, bg_node *mean, bg_node *variance, bg_node *g, bg_node *b)
{
    double n = (double)bg_node_shape(x).dims[0];
    bg_node *m = bg_mean(x, BG_AXES(0)), *centred = bg_sub(x, m), *v = bg_mean(bg_square(centred), BG_AXES(0));
    bg_update(mean, bg_add(bg_mul_scalar(bg_updated(mean), 0.9), bg_mul_scalar(m, 0.1)));
    bg_update(variance, bg_add(bg_mul_scalar(bg_updated(variance), 0.9), bg_mul_scalar(v, 0.1 * n / (n - 1))));
    return bg_add(bg_mul(bg_div(centred, bg_sqrt(bg_add_scalar(v, 0.1))), g), b);
}

static void build_batch_norm(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], c = s->n[1];
    bg_node *x = trial_input(t, BG_SHAPE(rows, c), -2, 2), *w = trial_parameter(t, BG_SHAPE(c, c), -0.3, 0.3);
    bg_node *g = trial_parameter(t, BG_SHAPE(c), 0.5, 1.5), *b = trial_parameter(t, BG_SHAPE(c), -1, 1);
    bg_node *mean = trial_buffer(t, BG_SHAPE(c), -1, 1), *variance = trial_buffer(t, BG_SHAPE(c), 0.5, 1.5);
    bg_node *h = bg_relu(batch_norm(bg_matmul(x, w), mean, variance, g, b));
    h = bg_tanh(batch_norm(bg_matmul(h, w), mean, variance, g, b));
    bg_node *loss = bg_mean(bg_square(h), BG_ALL_AXES);
    trial_output(t, loss);
    trial_output(t, mean);
    trial_descend(t, loss, 0.1);
}

static void build_cross_entropy(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], c = s->n[1];
    bg_node *x = trial_parameter(t, BG_SHAPE(rows, c), -4, 4), *classes = trial_classes(t, BG_SHAPE(rows), c);
    bg_node *loss = bg_cross_entropy_loss(x, classes, BG_MEAN);
    trial_output(t, loss);
    trial_output(t, bg_softmax(x, -1));
    trial_output(t, bg_log_softmax(x, 0));
    trial_output(t, bg_logsumexp(x, BG_AXES(1)));
    trial_output(t, bg_max(x, BG_AXES(1)));
    trial_descend(t, loss, 5);
}

static void build_clipping(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], in = s->n[1], hidden = s->n[2];
    bg_node *x = trial_input(t, BG_SHAPE(rows, in), -1, 1), *y = trial_input(t, BG_SHAPE(rows, 1), -1, 1);
    bg_node *p[3] = { trial_parameter(t, BG_SHAPE(hidden, in), -1, 1), trial_parameter(t, BG_SHAPE(hidden), -1, 1),
                      trial_parameter(t, BG_SHAPE(1, hidden), -1, 1) };
    bg_node *d[3], *loss = bg_l2_loss(bg_linear(bg_tanh(bg_linear(x, p[0], p[1])), p[2], NULL), y, BG_MEAN);
    trial_output(t, loss);
    must(bg_grad(loss, p, 3, d), "the gradient");
    bg_node *sum = bg_sum(bg_square(d[0]), BG_ALL_AXES);
    for (int i = 1; i < 3; i++)
        sum = bg_add(sum, bg_sum(bg_square(d[i]), BG_ALL_AXES));
    bg_node *norm = bg_sqrt(sum), *one = bg_scalar(t->graph, t->dtype, 1);
    bg_node *factor = bg_minimum(bg_div(bg_scalar(t->graph, t->dtype, 0.5), bg_add_scalar(norm, 1e-6)), one);
    trial_output(t, norm);
    for (int i = 0; i < 3; i++)
        bg_update(p[i], bg_sub(p[i], bg_mul_scalar(bg_mul(d[i], factor), 0.1)));
}

static void build_gradient_penalty(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], in = s->n[1], hidden = s->n[2];
    bg_node *x = trial_input(t, BG_SHAPE(rows, in), -1, 1), *dx;
    bg_node *w = trial_parameter(t, BG_SHAPE(hidden, in), -0.5, 0.5),
            *v = trial_parameter(t, BG_SHAPE(1, hidden), -1, 1);
    bg_node *y = bg_linear(bg_tanh(bg_linear(x, w, NULL)), v, NULL), *total = bg_sum(y, BG_ALL_AXES);
    must(bg_grad(total, &x, 1, &dx), "the inner gradient");
    bg_node *norms = bg_sqrt(bg_add_scalar(bg_sum(bg_square(dx), BG_AXES(1)), 1e-3));
    bg_node *loss = bg_add(bg_mean(y, BG_ALL_AXES), bg_mean(bg_square(bg_add_scalar(norms, -1)), BG_ALL_AXES));
    trial_output(t, loss);
    trial_output(t, dx);
    trial_descend(t, loss, 0.05);
}

/* Adam of ops, its step count a buffer. */
static void build_adam(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], in = s->n[1], out = s->n[2];
    bg_node *x = trial_input(t, BG_SHAPE(rows, in), -1, 1), *target = trial_input(t, BG_SHAPE(rows, out), 0, 1);
    bg_node *w = trial_parameter(t, BG_SHAPE(out, in), -0.5, 0.5), *dw;
    bg_node *count = trial_buffer(t, BG_SCALAR, 0, 0);
    bg_node *m = trial_buffer(t, BG_SHAPE(out, in), 0, 0), *v = trial_buffer(t, BG_SHAPE(out, in), 0, 0);
    bg_node *loss = bg_bce_with_logits_loss(bg_linear(x, w, NULL), target, BG_MEAN);
    must(bg_grad(loss, &w, 1, &dw), "the gradient");
    bg_node *step = bg_add_scalar(count, 1);
    bg_node *m_new = bg_add(bg_mul_scalar(m, 0.9), bg_mul_scalar(dw, 0.1));
    bg_node *v_new = bg_add(bg_mul_scalar(v, 0.999), bg_mul_scalar(bg_square(dw), 0.001));
    bg_node *c1 = bg_sub_from(1, bg_exp(bg_mul_scalar(step, log(0.9))));
    bg_node *c2 = bg_sub_from(1, bg_exp(bg_mul_scalar(step, log(0.999))));
    bg_node *change = bg_div(bg_div(m_new, c1), bg_add_scalar(bg_sqrt(bg_div(v_new, c2)), 1e-2));
    bg_update(count, step);
    bg_update(m, m_new);
    bg_update(v, v_new);
    bg_update(w, bg_sub(w, bg_mul_scalar(change, 0.01)));
    trial_output(t, loss);
    trial_output(t, w);
}

/* ---- Shapes ---- */

static void build_broadcast(trial *t, const void *context)
{
    const sizes *s = context;
    bg_node *x = trial_parameter(t, s->x, -2, 2), *y = trial_parameter(t, s->y, 0.5, 2);
    bg_node *sum = bg_add(bg_tanh(x), y), *ratio = bg_div(x, y), *mixed = bg_mul(bg_exp(y), bg_sub(sum, ratio));
    trial_output(t, sum);
    trial_output(t, mixed);
    trial_output(t, bg_where(bg_less(x, y), ratio, bg_maximum(x, y)));
    bg_node *loss = bg_mean(bg_square(mixed), BG_ALL_AXES);
    trial_output(t, loss);
    trial_descend(t, loss, 0.01);
}

static void build_views(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t a = s->n[0], b = s->n[1], c = s->n[2];
    bg_node *x = trial_parameter(t, BG_SHAPE(a, b, c), -1, 1), *y = trial_parameter(t, BG_SHAPE(c, b, a), -1, 1);
    bg_node *turned = bg_permute(y, BG_AXES(2, 1, 0)), *sum = bg_add(bg_square(x), turned);
    trial_output(t, bg_permute(sum, BG_AXES(1, 2, 0)));
    bg_node *even = bg_slice(sum, 1, 0, b, 2), *odd = bg_slice(sum, 1, 1, b, 2);
    bg_node *joined = bg_concat((bg_node *[]){ bg_tanh(even), odd, bg_transpose(bg_slice(y, 1, 0, 1, 1), 0, 2) }, 3, 1);
    trial_output(t, joined);
    trial_output(t, bg_reshape(bg_transpose(joined, 0, 1), BG_SHAPE(-1, c)));
    bg_node *flat = bg_reshape(bg_permute(sum, BG_AXES(2, 0, 1)), BG_SHAPE(c * a * b));
    bg_node *product = bg_matmul(bg_transpose(joined, 1, 2), bg_exp(joined));
    trial_output(t, product);
    bg_node *loss = bg_add(bg_mean(bg_square(product), BG_ALL_AXES), bg_mean(bg_mul(flat, flat), BG_ALL_AXES));
    trial_output(t, loss);
    trial_descend(t, loss, 0.01);
}

static void build_matmul(trial *t, const void *context)
{
    const sizes *s = context;
    bg_node *x = trial_parameter(t, s->x, -1, 1), *y = trial_parameter(t, s->y, -1, 1);
    bg_node *z = bg_relu(bg_matmul(x, y));
    trial_output(t, z);
    bg_node *loss = bg_sum(bg_square(z), BG_ALL_AXES);
    trial_output(t, loss);
    trial_descend(t, loss, 1e-3);
}

static void build_reductions(trial *t, const void *context)
{
    const sizes *s = context;
    bg_node *x = trial_parameter(t, s->x, -1, 1), *y = trial_parameter(t, s->x, -1, 1), *loss = NULL;
    int rank = s->x.rank;
    for (int set = 0; set < 1 << rank; set++) {
        bg_axes axes = { 0 };
        for (int d = 0; d < rank; d++)
            if (set >> d & 1)
                axes.axis[axes.count++] = d - (set & 1 ? rank : 0);
        bg_node *sum = bg_sum(bg_mul(x, y), axes), *most = bg_max(bg_add(x, y), axes);
        trial_output(t, bg_mul(sum, most));
        trial_output(t, bg_mean(x, axes));
        bg_node *part = bg_mean(bg_square(bg_add(sum, bg_logsumexp(x, axes))), BG_ALL_AXES);
        loss = loss ? bg_add(loss, part) : part;
    }
    trial_output(t, loss);
    trial_descend(t, loss, 1e-3);
}

static void build_sums(trial *t, const void *context)
{
    const sizes *s = context;
    bg_node *x = trial_parameter(t, s->x, -1, 1);
    bg_node *sum = bg_sum(x, s->axes), *squares = bg_mean(bg_square(x), s->axes);
    trial_output(t, sum);
    trial_output(t, squares);
    trial_output(t, bg_max(x, s->axes));
    bg_node *loss = bg_mean(bg_mul(sum, squares), BG_ALL_AXES);
    trial_output(t, loss);
    trial_descend(t, loss, 0.1);
}

/* Rows longer than a block, with operands of every class. */
static void build_long_rows(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t rows = s->n[0], c = s->n[1];
    bg_node *x = trial_parameter(t, BG_SHAPE(rows, c), -3, 3), *row = trial_parameter(t, BG_SHAPE(c), -1, 1);
    bg_node *column = trial_parameter(t, BG_SHAPE(rows, 1), -1, 1);
    bg_node *y = bg_softmax(bg_mul(bg_add(x, row), bg_exp(column)), 1);
    trial_output(t, y);
    bg_node *centred = bg_sub(y, keep(bg_mean(y, BG_AXES(1)), y, 1));
    bg_node *loss = bg_sum(bg_mul(bg_square(centred), bg_add(row, column)), BG_ALL_AXES);
    trial_output(t, loss);
    trial_descend(t, loss, 0.1);
}

/* ---- Effects ---- */

static void build_swap(trial *t, const void *context)
{
    const sizes *s = context;
    bg_node *a = trial_buffer(t, s->x, -1, 1), *b = trial_buffer(t, s->x, -1, 1), *c = trial_buffer(t, s->x, -1, 1);
    trial_output(t, a);
    trial_output(t, bg_add(a, b));
    bg_update(a, b);
    bg_update(b, c);
    bg_update(c, bg_mul(a, b));
}

/* Old values that are read whole, in another order, or summed, beside their update. */
static void build_hazards(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t n = s->n[0];
    bg_node *a = trial_parameter(t, BG_SHAPE(n, n), -0.5, 0.5), *b = trial_buffer(t, BG_SHAPE(n, n), -0.5, 0.5);
    bg_node *product = bg_matmul(a, b), *total = bg_mean(a, BG_ALL_AXES);
    bg_update(a, bg_tanh(bg_add(bg_transpose(a, 0, 1), bg_mul(a, total))));
    bg_update(b, bg_tanh(bg_sub(product, bg_slice(bg_concat((bg_node *[]){ b, a }, 2, 0), 0, 1, n + 1, 1))));
    trial_output(t, a);
    trial_output(t, bg_updated(a));
    trial_output(t, bg_updated(a));
    trial_output(t, bg_transpose(bg_updated(b), 0, 1));
    trial_output(t, total);
}

/* ---- The table ---- */

/* BG_SHAPE and BG_AXES for initialisers of static tables. */
#define DIMS(...)                                                                                                      \
    {                                                                                                                  \
        (int)(sizeof((int[]){ 0, __VA_ARGS__ }) / sizeof(int)) - 1, { __VA_ARGS__ }                                    \
    }
#define NO_DIMS                                                                                                        \
    {                                                                                                                  \
        0, { 0 }                                                                                                       \
    }
#define S(...)                                                                                                         \
    .context = &(const sizes) { __VA_ARGS__ }

/* Sums of matrix products [a, b, m, k] · [a, b, k, n] over one batch axis, and over both; k may be 1. */
static void build_sums_of_products(trial *t, const void *context)
{
    const sizes *s = context;
    int64_t m = s->n[0], k = s->n[1], n = s->n[2];
    bg_node *x = trial_parameter(t, BG_SHAPE(3, 2, m, k), -1, 1), *w = trial_parameter(t, BG_SHAPE(3, 2, k, n), -1, 1);
    bg_node *turned = bg_matmul(bg_transpose(w, 2, 3), bg_transpose(x, 2, 3));
    bg_node *y = bg_sum(bg_matmul(x, w), BG_AXES(0)), *z = bg_sum(turned, BG_AXES(0, 1));
    bg_node *shared = bg_matmul(bg_slice(bg_reshape(x, BG_SHAPE(6, m, k)), 0, 1, 2, 1), bg_tanh(w));
    trial_output(t, y);
    trial_output(t, bg_sum(bg_matmul(x, w), BG_AXES(1)));
    trial_output(t, z);
    bg_node *loss = bg_add(bg_mean(bg_square(y), BG_ALL_AXES), bg_mean(bg_square(z), BG_ALL_AXES));
    trial_descend(t, bg_add(loss, bg_mean(bg_square(shared), BG_ALL_AXES)), 0.1);
}

/* What is computed again, broadcast to more axes again and again: [a] -> [a, b] -> [a, b, c] -> [a, b, c, d]. */
static void build_spreads(trial *t, const void *context)
{
    const sizes *s = context;
    bg_shape shape = { .rank = 0 };
    bg_node *y = NULL;
    for (int i = 0; i < 4; i++) {
        shape.dims[shape.rank++] = s->n[i];
        bg_node *p = trial_parameter(t, shape, -1, 1);
        if (y) { /* with an axis of extent 1 behind */
            bg_shape column = bg_node_shape(y);
            column.dims[column.rank++] = 1;
            y = bg_mul(bg_reshape(y, column), p);
        } else {
            y = bg_mul(p, bg_add_scalar(p, 1));
        }
    }
    trial_output(t, y);
    trial_descend(t, bg_mean(bg_square(y), BG_ALL_AXES), 0.1);
}
#define MLP(label, activation, ...)                                                                                    \
    {                                                                                                                  \
        "mlp " label, build_mlp, S(.n = { __VA_ARGS__ }, .function = activation)                                       \
    }
#define BROADCAST(...)                                                                                                 \
    {                                                                                                                  \
        "broadcast", build_broadcast, S(__VA_ARGS__)                                                                   \
    }
#define MATMUL(...)                                                                                                    \
    {                                                                                                                  \
        "matmul", build_matmul, S(__VA_ARGS__)                                                                         \
    }
#define SUMS(...)                                                                                                      \
    {                                                                                                                  \
        "sums", build_sums, S(__VA_ARGS__), .steps = 1                                                                 \
    }

static const trial_plan networks[] = {
    MLP("relu 1", bg_relu, 1, 40, 33, 10),
    MLP("relu 7", bg_relu, 7, 40, 33, 10),
    MLP("relu 48", bg_relu, 48, 64, 96, 10),
    MLP("relu 130", bg_relu, 130, 100, 300, 10),
    MLP("tanh", bg_tanh, 48, 17, 16, 3),
    MLP("sigmoid", bg_sigmoid, 33, 5, 260, 2),
    MLP("softplus", bg_softplus, 7, 12, 255, 4),
    MLP("gelu", gelu, 48, 20, 64, 10),
    MLP("gelu_tanh", bg_gelu_tanh, 130, 20, 64, 10),
    MLP("tiny", bg_tanh, 32, 2, 16, 2),
    MLP("one of each", bg_tanh, 1, 1, 1, 1),
    { "layer norm", build_layer_norm, S(.n = { 7, 30 }) },
    { "layer norm", build_layer_norm, S(.n = { 130, 300 }) },
    { "layer norm", build_layer_norm, S(.n = { 1, 65 }) },
    { "batch norm", build_batch_norm, S(.n = { 48, 20 }) },
    { "batch norm", build_batch_norm, S(.n = { 130, 100 }) },
    { "batch norm", build_batch_norm, S(.n = { 2, 3 }) },
    { "cross entropy", build_cross_entropy, S(.n = { 1, 10 }) },
    { "cross entropy", build_cross_entropy, S(.n = { 130, 10 }) },
    { "cross entropy", build_cross_entropy, S(.n = { 48, 1000 }) },
    { "cross entropy", build_cross_entropy, S(.n = { 3, 5000 }) },
    { "clipping", build_clipping, S(.n = { 48, 20, 33 }) },
    { "clipping", build_clipping, S(.n = { 130, 64, 300 }) },
    { "gradient penalty", build_gradient_penalty, S(.n = { 7, 5, 16 }) },
    { "gradient penalty", build_gradient_penalty, S(.n = { 130, 50, 64 }) },
    { "adam", build_adam, S(.n = { 48, 30, 7 }), .steps = 5 },
    { "adam", build_adam, S(.n = { 130, 100, 128 }), .steps = 5 },
};

static const trial_plan shapes[] = {
    BROADCAST(.x = DIMS(7, 5), .y = DIMS(5)),
    BROADCAST(.x = DIMS(7, 5), .y = DIMS(7, 1)),
    BROADCAST(.x = DIMS(7, 5), .y = NO_DIMS),
    BROADCAST(.x = NO_DIMS, .y = DIMS(3, 257)),
    BROADCAST(.x = DIMS(300, 300), .y = DIMS(300)),
    BROADCAST(.x = DIMS(300, 300), .y = DIMS(300, 1)),
    BROADCAST(.x = DIMS(1, 300), .y = DIMS(70, 1)),
    BROADCAST(.x = DIMS(4, 6, 10), .y = DIMS(6, 10)),
    BROADCAST(.x = DIMS(4, 6, 10), .y = DIMS(6, 1)),
    BROADCAST(.x = DIMS(4, 6, 10), .y = DIMS(4, 1, 10)),
    BROADCAST(.x = DIMS(4, 1, 10), .y = DIMS(4, 6, 1)),
    BROADCAST(.x = DIMS(5, 33, 257), .y = DIMS(33, 257)),
    BROADCAST(.x = DIMS(5, 33, 257), .y = DIMS(33, 1)),
    BROADCAST(.x = DIMS(3, 1, 2, 1, 5), .y = DIMS(4, 1, 3, 5)),
    BROADCAST(.x = DIMS(5000), .y = DIMS(3, 5000)),
    BROADCAST(.x = DIMS(5000, 1), .y = DIMS(5000, 3)),
    BROADCAST(.x = DIMS(1), .y = DIMS(1, 1)),
    { "views", build_views, S(.n = { 3, 4, 5 }) },
    { "views", build_views, S(.n = { 16, 7, 33 }) },
    { "views", build_views, S(.n = { 1, 2, 300 }) },
    { "views", build_views, S(.n = { 40, 31, 1 }) },
    MATMUL(.x = DIMS(3, 4), .y = DIMS(4, 5)),
    MATMUL(.x = DIMS(2, 3, 4), .y = DIMS(2, 4, 5)),
    MATMUL(.x = DIMS(6, 30, 40), .y = DIMS(6, 40, 50)),
    MATMUL(.x = DIMS(6, 1, 30, 40), .y = DIMS(5, 40, 10)),
    MATMUL(.x = DIMS(30, 40), .y = DIMS(5, 40, 10)),
    MATMUL(.x = DIMS(5, 30, 40), .y = DIMS(40, 10)),
    MATMUL(.x = DIMS(5, 30, 40), .y = DIMS(40)),
    MATMUL(.x = DIMS(40), .y = DIMS(40, 700)),
    MATMUL(.x = DIMS(1, 300), .y = DIMS(300, 300)),
    MATMUL(.x = DIMS(300, 300), .y = DIMS(300, 1)),
    MATMUL(.x = DIMS(300, 1), .y = DIMS(1, 300)),
    MATMUL(.x = DIMS(1, 500), .y = DIMS(500, 1)),
    MATMUL(.x = DIMS(200, 700), .y = DIMS(700, 5)),
    { "reductions", build_reductions, S(.x = DIMS(600)) },
    { "reductions", build_reductions, S(.x = DIMS(17, 33)) },
    { "reductions", build_reductions, S(.x = DIMS(5, 6, 7)) },
    { "reductions", build_reductions, S(.x = DIMS(1, 40, 300)) },
    { "reductions", build_reductions, S(.x = DIMS(3, 4, 5, 6)) },
    { "reductions", build_reductions, S(.x = DIMS(2, 1, 257, 9)) },
    SUMS(.x = DIMS(1000000), .axes = DIMS(0)),
    SUMS(.x = DIMS(1000, 1000), .axes = DIMS(0, 1)),
    SUMS(.x = DIMS(5000, 1), .axes = DIMS(0)),
    SUMS(.x = DIMS(5000, 10), .axes = DIMS(0)),
    SUMS(.x = DIMS(5000, 300), .axes = DIMS(0)),
    SUMS(.x = DIMS(300, 5000), .axes = DIMS(0)),
    SUMS(.x = DIMS(300, 5000), .axes = DIMS(1)),
    SUMS(.x = DIMS(4097, 3), .axes = DIMS(0)),
    SUMS(.x = DIMS(3, 4097), .axes = DIMS(1)),
    SUMS(.x = DIMS(3, 10007), .axes = DIMS(1)),
    SUMS(.x = DIMS(10, 5000, 7), .axes = DIMS(1)),
    SUMS(.x = DIMS(10, 5000, 7), .axes = DIMS(0, 2)),
    SUMS(.x = DIMS(1, 1), .axes = DIMS(0, 1)),
    { "sums of products", build_sums_of_products, S(.n = { 5, 7, 3 }) },
    { "sums of products", build_sums_of_products, S(.n = { 40, 1, 33 }) },
    { "sums of products", build_sums_of_products, S(.n = { 64, 3, 70 }) },
    { "sums of products", build_sums_of_products, S(.n = { 1, 5, 1 }) },
    { "sums of products", build_sums_of_products, S(.n = { 130, 65, 2 }) },
    { "spreads", build_spreads, S(.n = { 2, 4, 2, 3 }) },
    { "spreads", build_spreads, S(.n = { 7, 3, 5, 300 }) },
    { "long rows", build_long_rows, S(.n = { 3, 10000 }) },
    { "long rows", build_long_rows, S(.n = { 1, 4096 }) },
    { "long rows", build_long_rows, S(.n = { 20, 4097 }) },
    { "long rows", build_long_rows, S(.n = { 65, 1025 }) },
    { "long rows", build_long_rows, S(.n = { 65, 255 }) },
    { "long rows", build_long_rows, S(.n = { 300, 3 }) },
};

static const trial_plan effects[] = {
    { "swap", build_swap, S(.x = DIMS(5)) },       { "swap", build_swap, S(.x = DIMS(300, 300)) },
    { "swap", build_swap, S(.x = NO_DIMS) },       { "swap", build_swap, S(.x = DIMS(0, 3)) },
    { "hazards", build_hazards, S(.n = { 3 }) },   { "hazards", build_hazards, S(.n = { 65 }) },
    { "hazards", build_hazards, S(.n = { 300 }) }, { "hazards", build_hazards, S(.n = { 1 }) },
};

static void check_row(const trial_plan *row, int index)
{
    trial_plan plan = *row;
    plan.seed = (uint64_t)index + 1;
    plan.steps = plan.steps ? plan.steps : 3;
    trial_check(&plan, BG_F64);
    trial_check(&plan, BG_F32);
}

START_TEST(test_networks) { check_row(&networks[_i], _i); }
END_TEST
START_TEST(test_shapes) { check_row(&shapes[_i], _i); }
END_TEST
START_TEST(test_effects) { check_row(&effects[_i], _i); }
END_TEST

/* Shapes without elements, in forward, gradient and update. */
static void build_empty(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_parameter(t, BG_SHAPE(0, 4), -1, 1), *w = trial_parameter(t, BG_SHAPE(3, 4), -1, 1);
    bg_node *y = bg_linear(x, w, NULL), *back = bg_matmul(bg_transpose(y, 0, 1), x);
    trial_output(t, y);
    trial_output(t, back);
    trial_output(t, bg_sum(y, BG_AXES(0)));
    trial_output(t, bg_mean(y, BG_AXES(0)));
    trial_output(t, bg_logsumexp(x, BG_AXES(0)));
    trial_output(t, bg_concat((bg_node *[]){ x, w }, 2, 0));
    trial_output(t, bg_softmax(x, 1));
    bg_node *loss = bg_add(bg_sum(back, BG_ALL_AXES), bg_sum(bg_tanh(w), BG_ALL_AXES));
    trial_output(t, loss);
    trial_descend(t, loss, 0.1);
}

START_TEST(test_empty)
{
    trial_plan plan = { "empty", build_empty, .seed = 1, .steps = 2 };
    trial_check(&plan, BG_F64);
    trial_check(&plan, BG_F32);
}
END_TEST

/* An element a row of what itself has an element a row, through values that are computed again wherever they are read.
 */
static void build_rows_of_rows(trial *t, const void *context)
{
    (void)context;
    bg_node *a = bg_mul_scalar(trial_input(t, BG_SHAPE(2, 1), -1, 1), 0.5);
    bg_node *b = bg_neg(bg_broadcast(a, BG_SHAPE(2, 3))), *c = bg_add_scalar(b, 1);
    bg_node *x = trial_input(t, BG_SHAPE(2, 3, 7), -1, 1);
    trial_output(t, bg_add(bg_broadcast(bg_reshape(b, BG_SHAPE(2, 3, 1)), BG_SHAPE(2, 3, 7)), x));
    trial_output(t, bg_sum(bg_mul(bg_broadcast(bg_reshape(c, BG_SHAPE(2, 3, 1)), BG_SHAPE(2, 3, 7)), x), BG_AXES(2)));
    trial_output(t, bg_tanh(b));
}

START_TEST(test_rows_of_rows)
{
    trial_plan plan = { "rows of rows", build_rows_of_rows, .seed = 1, .steps = 1 };
    trial_check(&plan, BG_F64);
    trial_check(&plan, BG_F32);
}
END_TEST

/* ---- Plans ---- */

typedef struct {
    char *text; /* as bg_program_dump writes it */
    bg_report report;
} plan_text;

static plan_text plan_of(void (*build)(trial *t, const void *context), const void *context)
{
    trial_plan plan = { "plan", build, context, .seed = 1, .steps = 1 };
    trial_check(&plan, BG_F64);
    trial t = { .engine = trial_engine(), .dtype = BG_F64, .draw = draw_from(1) };
    bg_program *program = NULL;
    must(bg_graph_create(&t.graph, t.engine), "a graph");
    build(&t, context);
    must(bg_compile(&program, t.graph, t.outputs, (size_t)t.n_outputs, NULL), "a program");
    size_t length = bg_program_dump(program, NULL, 0);
    plan_text made = { malloc(length + 1), bg_program_report(program) };
    ck_assert_ptr_nonnull(made.text);
    bg_program_dump(program, made.text, length + 1);
    bg_program_destroy(program);
    trial_end(&t);
    return made;
}

static int occurrences(const plan_text *plan, const char *word)
{
    int n = 0;
    for (const char *at = strstr(plan->text, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

/* Both gradients of x · w, where x is a product that others read too. */
static void build_attention(trial *t, const void *context)
{
    (void)context;
    bg_node *q = trial_parameter(t, BG_SHAPE(12, 6), -1, 1), *k = trial_parameter(t, BG_SHAPE(12, 6), -1, 1);
    bg_node *w = trial_parameter(t, BG_SHAPE(6, 6), -1, 1), *v = trial_input(t, BG_SHAPE(12, 6), -1, 1);
    bg_node *keys = bg_matmul(k, w), *scores = bg_matmul(q, bg_transpose(keys, 0, 1));
    bg_node *loss = bg_sum(bg_mul(bg_softmax(scores, 1), bg_matmul(v, bg_transpose(v, 0, 1))), BG_ALL_AXES);
    trial_descend(t, loss, 0.1);
}

static void build_transposed(trial *t, const void *context)
{
    bg_node *y = bg_matmul(trial_input(t, BG_SHAPE(9, 5), -1, 1), trial_input(t, BG_SHAPE(5, 7), -1, 1));
    trial_output(t, bg_transpose(y, 0, 1));
    if (context)
        trial_output(t, y);
}

/* The transpose of a sum of products, which one of others reads too. */
static void build_transposed_sum(trial *t, const void *context)
{
    bg_node *x = trial_input(t, BG_SHAPE(9, 5), -1, 1);
    bg_node *y = bg_matmul(x, trial_input(t, BG_SHAPE(5, 7), -1, 1));
    trial_output(t, bg_transpose(bg_add(y, bg_matmul(x, trial_input(t, BG_SHAPE(5, 7), -1, 1))), 0, 1));
    if (context)
        trial_output(t, y);
}

/* The elements of a product in another shape, and in its own. */
static void build_reshaped(trial *t, const void *context)
{
    bg_node *y = bg_matmul(trial_input(t, BG_SHAPE(8, 5), -1, 1), trial_input(t, BG_SHAPE(5, 6), -1, 1));
    trial_output(t, bg_reshape(y, BG_SHAPE(4, 12)));
    if (context)
        trial_output(t, y);
}

/* Two shapes of a transpose that no strides express. */
static void build_two_shapes(trial *t, const void *context)
{
    (void)context;
    bg_node *x = bg_transpose(trial_input(t, BG_SHAPE(8, 6), -1, 1), 0, 1);
    trial_output(t, bg_tanh(bg_reshape(x, BG_SHAPE(4, 12))));
    trial_output(t, bg_exp(bg_reshape(x, BG_SHAPE(3, 16))));
}

/* 90, 126 and 140 rows have 18, 14 and 10 two by two, and 2 all together. */
static void build_rows(trial *t, const void *context)
{
    (void)context;
    bg_node *x = bg_tanh(trial_input(t, BG_SHAPE(90, 14), -1, 1));
    x = bg_exp(bg_reshape(x, BG_SHAPE(126, 10)));
    trial_output(t, bg_tanh(bg_reshape(x, BG_SHAPE(140, 9))));
}

static void build_row_values(trial *t, const void *context)
{
    (void)context;
    trial_output(t, bg_exp(bg_sum(trial_input(t, BG_SHAPE(20, 30), -1, 1), BG_AXES(1))));
}

enum { N_PAIRS = 12 };

/* Pairs of parameters that change places: one of each pair has to wait. */
static void build_pairs(trial *t, const void *context)
{
    (void)context;
    for (int i = 0; i < N_PAIRS; i++) {
        bg_node *x = trial_parameter(t, BG_SHAPE(4, 4), -1, 1), *y = trial_parameter(t, BG_SHAPE(4, 4), -1, 1);
        bg_update(x, bg_tanh(bg_transpose(y, 0, 1)));
        bg_update(y, bg_tanh(bg_transpose(x, 0, 1)));
    }
}

/* Two layers and one sample: the second one's weights are read by rows, so that a task updates what it has read. */
static void build_sample(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(1, 300), -1, 1);
    bg_node *weights[] = { trial_parameter(t, BG_SHAPE(300, 300), -1, 1),
                           trial_parameter(t, BG_SHAPE(512, 300), -1, 1) };
    bg_node *moments[] = { trial_buffer(t, BG_SHAPE(300, 300), -1, 1), trial_buffer(t, BG_SHAPE(512, 300), -1, 1) };
    bg_node *h = bg_relu(bg_matmul(x, bg_transpose(weights[0], 0, 1))), *gradients[2];
    bg_grad(bg_sum(bg_tanh(bg_matmul(h, bg_transpose(weights[1], 0, 1))), BG_ALL_AXES), weights, 2, gradients);
    for (int i = 0; i < 2; i++) {
        bg_node *moment = bg_add(bg_mul_scalar(moments[i], 0.9), gradients[i]);
        bg_update(moments[i], moment);
        bg_update(weights[i], bg_sub(weights[i], bg_mul_scalar(moment, 0.01)));
    }
}

START_TEST(test_plans)
{
    static const struct {
        void (*build)(trial *t, const void *context);
        const void *context;
        const char *word;
        int times, steps;
    } rows[] = {
        { build_transposed, NULL, "product ", 1, 1 },
        { build_transposed, "both", "product ", 1, 2 },
        { build_transposed_sum, NULL, "product 7 x 9", 2, 3 },
        { build_transposed_sum, "both", "product 9 x 7", 2, 4 },
        { build_attention, NULL, "product ", 7, -1 },
        { build_reshaped, NULL, "product ", 1, 1 },
        { build_reshaped, "both", "move", 1, 2 },
        { build_two_shapes, NULL, "move", 1, 3 },
        { build_rows, NULL, " 2 units", 0, -1 },
        { build_pairs, NULL, "move", N_PAIRS, -1 },
        { build_sample, NULL, "product 16 of 1 x 300 x 32", 1, -1 },
        { build_sample, NULL, "mul_fma_fnma", 2, -1 },
        { build_sample, NULL, "buffer [512, 300]", 2, -1 },
    };
    plan_text plan = plan_of(rows[_i].build, rows[_i].context);
    int times = occurrences(&plan, rows[_i].word);
    ck_assert_msg(times == rows[_i].times, "plan %d has %d \"%s\":\n%.3000s", _i, times, rows[_i].word, plan.text);
    ck_assert_msg(rows[_i].steps < 0 || plan.report.steps == rows[_i].steps, "plan %d has %d steps:\n%.3000s", _i,
                  plan.report.steps, plan.text);
    free(plan.text);
}
END_TEST

/* A loop reads one element of a call's result, which has its storage to itself. */
enum { PACKED = 100000 };
static void build_packed(trial *t, const void *context)
{
    (void)context;
    bg_node *packed = bg_cumsum(trial_input(t, BG_SHAPE(PACKED), -1, 1), 0);
    trial_output(t, bg_exp(bg_slice(packed, 0, 0, 1, 1)));
}

START_TEST(test_part_of_a_value)
{
    plan_text plan = plan_of(build_packed, NULL);
    ck_assert_msg(plan.report.planned_bytes >= PACKED * sizeof(double), "%zu bytes are planned:\n%.3000s",
                  plan.report.planned_bytes, plan.text);
    free(plan.text);
}
END_TEST

/* One operation an element of the sum, and one a row for the exponential. */
START_TEST(test_flops)
{
    plan_text plan = plan_of(build_row_values, NULL);
    ck_assert_msg(plan.report.flops == 20 * 30 + 20, "%g operations:\n%.3000s", plan.report.flops, plan.text);
    free(plan.text);
}
END_TEST

/* BLASGRAD_LONG=n makes n times as many graphs; BLASGRAD_SEED=s begins with the graph of that seed. */
static uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

enum { RANDOM_GRAPHS = 300, RANDOM_PARTS = 2 };

START_TEST(test_random)
{
    uint64_t factor = environment_number("BLASGRAD_LONG", 1), first = environment_number("BLASGRAD_SEED", 1);
    uint64_t count = RANDOM_GRAPHS * (factor ? factor : 1);
    for (uint64_t i = 0; i < count; i++) {
        trial_plan plan = { "random graph", random_graph, .steps = 2 };
        plan.seed = first + i * RANDOM_PARTS + (uint64_t)_i;
        trial_check(&plan, plan.seed % 3 == 0 ? BG_F32 : BG_F64);
    }
    printf("random graphs: %lld graphs, %lld numbers, %.2f %% of them without a bound\n",
           (long long)trial_results()->graphs, (long long)trial_results()->numbers,
           100 * (double)trial_results()->open / (double)trial_results()->numbers);
    ck_assert_msg(trial_results()->open * 4 < trial_results()->numbers, "most bounds are infinite");
}
END_TEST

#define COUNT(table) ((int)(sizeof table / sizeof table[0]))

int main(void)
{
    Suite *suite = suite_create("program");
    TCase *cases = tcase_create("against the evaluator");
    tcase_set_timeout(cases, 300); /* for sanitizers and busy machines */
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, test_effects, 0, COUNT(effects));
    tcase_add_loop_test(cases, test_networks, 0, COUNT(networks));
    tcase_add_loop_test(cases, test_shapes, 0, COUNT(shapes));
    tcase_add_test(cases, test_empty);
    tcase_add_test(cases, test_rows_of_rows);
    tcase_add_loop_test(cases, test_plans, 0, 13);
    tcase_add_test(cases, test_part_of_a_value);
    tcase_add_test(cases, test_flops);
    tcase_add_loop_test(cases, test_random, 0, RANDOM_PARTS);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
