/* The objectives as graphs. */
#include "objectives.h"

#include "step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* ---- Gaussian mixtures ---- */

/* A component's row of icf: the logarithms of Q's diagonal, then what is below it, one column after the other. */
static int gmm_inputs(const objective_sizes *s, objective_input *inputs)
{
    inputs[0] = (objective_input){ "alphas", BG_SHAPE(s->k), -1, 1, true };
    inputs[1] = (objective_input){ "means", BG_SHAPE(s->k, s->d), 0, 1, true };
    inputs[2] = (objective_input){ "icf", BG_SHAPE(s->k, s->d * (s->d + 1) / 2), -0.2, 0.2, true };
    inputs[3] = (objective_input){ "x", BG_SHAPE(s->n, s->d), 0, 1, false };
    return 4;
}

/* Where row i, column j of a triangular Q lies in [diagonal, below it, a zero]: i64 [d d]. */
static bg_node *triangle_places(bg_graph *graph, int64_t d)
{
    bg_node *j = bg_arange(graph, BG_F64, 0, (double)d, 1), *i = bg_reshape(j, BG_SHAPE(d, 1));
    /* Column j begins behind the columns before it, of d - 1, d - 2, .. elements. */
    bg_node *before = bg_mul(j, bg_sub_from((double)d - 0.5, bg_mul_scalar(j, 0.5)));
    bg_node *below = bg_add_scalar(bg_add(before, bg_sub(i, j)), (double)d - 1);
    bg_node *zero = bg_full(graph, BG_F64, BG_SCALAR, (double)(d * (d + 1) / 2));
    bg_node *places = bg_where(bg_equal(i, j), j, bg_where(bg_greater(i, j), below, zero));
    return bg_reshape(bg_cast(places, BG_I64), BG_SHAPE(d * d));
}

/* What follows from the sizes alone: the constant of the likelihood, and that of the prior, for each component n' d
 * (log gamma - log(2) / 2) - log Γ_d(n' / 2) with n' = d + m + 1. */
static double gmm_constant(const objective_sizes *s)
{
    double d = (double)s->d, count = (double)(s->d + s->m + 1);
    double log_gamma = d * (d - 1) / 4 * log(PI);
    for (int64_t j = 0; j < s->d; j++)
        log_gamma += lgamma((count - (double)j) / 2);
    double prior = count * d * (log(s->gamma) - log(2) / 2) - log_gamma;
    return (double)s->k * prior - (double)s->n * d / 2 * log(2 * PI);
}

/* Σ over x of log Σ over k of exp(alpha + Σ q - |Q (x - mean)|² / 2), less n log Σ exp(alpha), and the prior m Σ q -
 * gamma² |Q|² / 2. Q (x - mean) is [Q, -Q mean] times [x, 1]: with all Q one below the other a single product forward
 * and a single one backward, whose last column serves the means. */
static bg_node *gmm_value(const objective_sizes *s, bg_node *const *inputs)
{
    bg_node *alphas = inputs[0], *means = inputs[1], *icf = inputs[2], *x = inputs[3];
    bg_graph *graph = bg_node_graph(x);
    int64_t n = s->n, k = s->k, d = s->d;
    bg_node *logs = bg_slice(icf, 1, 0, d, 1), *diagonal = bg_exp(logs);
    bg_node *below = bg_slice(icf, 1, d, d * (d + 1) / 2, 1);
    bg_node *parts[] = { diagonal, below, bg_zeros(graph, BG_F64, BG_SHAPE(k, 1)) };
    bg_node *q = bg_index_select(bg_concat(parts, 3, 1), triangle_places(graph, d), 1);
    q = bg_reshape(q, BG_SHAPE(k, d, d));
    bg_node *centres = bg_neg(bg_matmul(q, bg_reshape(means, BG_SHAPE(k, d, 1))));
    bg_node *all = bg_reshape(bg_concat((bg_node *[]){ q, centres }, 2, 2), BG_SHAPE(k * d, d + 1));
    bg_node *ones = bg_ones(graph, BG_F64, BG_SHAPE(n, 1));
    bg_node *y = bg_linear(bg_concat((bg_node *[]){ x, ones }, 2, 1), all, NULL);
    bg_node *squares = bg_sum(bg_square(bg_reshape(y, BG_SHAPE(n, k, d))), BG_AXES(2));
    bg_node *sums = bg_sum(logs, BG_AXES(1));
    bg_node *terms = bg_sub(bg_add(alphas, sums), bg_mul_scalar(squares, 0.5));
    bg_node *likelihood = bg_sub(bg_sum(bg_logsumexp(terms, BG_AXES(1)), BG_ALL_AXES),
                                 bg_mul_scalar(bg_logsumexp(alphas, BG_ALL_AXES), (double)n));
    bg_node *norm = bg_add(bg_sum(bg_square(diagonal), BG_ALL_AXES), bg_sum(bg_square(below), BG_ALL_AXES));
    bg_node *prior =
        bg_sub(bg_mul_scalar(bg_sum(sums, BG_ALL_AXES), (double)s->m), bg_mul_scalar(norm, s->gamma * s->gamma / 2));
    return bg_add_scalar(bg_add(likelihood, prior), gmm_constant(s));
}

const objective objective_gmm = { "gmm", gmm_inputs, NULL, gmm_value, NULL, reference_gmm };

/* ---- Log-sum-exp ---- */

static int lse_inputs(const objective_sizes *s, objective_input *inputs)
{
    inputs[0] = (objective_input){ "x", BG_SHAPE(s->n), 0, 1, true };
    return 1;
}

static bg_node *lse_value(const objective_sizes *s, bg_node *const *inputs)
{
    (void)s;
    return bg_logsumexp(inputs[0], BG_ALL_AXES);
}

const objective objective_lse = { "lse", lse_inputs, NULL, lse_value, NULL, reference_lse };

/* ---- Linear least squares ---- */

static int llsq_inputs(const objective_sizes *s, objective_input *inputs)
{
    inputs[0] = (objective_input){ "x", BG_SHAPE(s->m), 0, 1, true };
    return 1;
}

/* t^0 .. t^(count - 1) for each t: [n, count]. */
static bg_node *powers(bg_node *t, int64_t count)
{
    int64_t n = bg_node_shape(t).dims[0];
    bg_node *first = bg_ones(bg_node_graph(t), BG_F64, BG_SHAPE(n, 1));
    bg_node *columns[] = { first, bg_broadcast(bg_reshape(t, BG_SHAPE(n, 1)), BG_SHAPE(n, count - 1)) };
    return bg_cumprod(bg_concat(columns, count > 1 ? 2 : 1, 1), 1);
}

/* The polynomial is Σ over b of t^(16 b) Σ over a of x[16 b + a] t^a: a product with 16 powers, then a sum with the
 * powers of t^16, in place of a product with all m powers, which would be as much memory as time. */
static bg_node *llsq_value(const objective_sizes *s, bg_node *const *inputs)
{
    enum { POWERS = 16 };
    bg_graph *graph = bg_node_graph(inputs[0]);
    int64_t n = s->n, rows = (s->m + POWERS - 1) / POWERS;
    bg_node *i = bg_arange(graph, BG_F64, 0, (double)n, 1);
    bg_node *t = bg_add_scalar(bg_div(bg_mul_scalar(i, 2), bg_scalar(graph, BG_F64, (double)(n - 1))), -1);
    bg_node *low = powers(t, POWERS), *high = powers(bg_pow_scalar(t, POWERS), rows);
    bg_node *x = bg_pad(inputs[0], (bg_pad_options){ .after = { rows * POWERS - s->m } });
    bg_node *sums = bg_linear(low, bg_reshape(x, BG_SHAPE(rows, POWERS)), NULL);
    bg_node *residual = bg_sub(bg_sign(t), bg_sum(bg_mul(sums, high), BG_AXES(1)));
    return bg_mul_scalar(bg_sum(bg_square(residual), BG_ALL_AXES), 0.5);
}

const objective objective_llsq = { "llsq", llsq_inputs, NULL, llsq_value, NULL, reference_llsq };

/* ---- K-means ---- */

static int kmeans_inputs(const objective_sizes *s, objective_input *inputs)
{
    inputs[0] = (objective_input){ "centroids", BG_SHAPE(s->k, s->d), 0, 1, true };
    inputs[1] = (objective_input){ "points", BG_SHAPE(s->n, s->d), 0, 1, false };
    return 2;
}

/* The centroids are the last points, so that each has a point. */
static void kmeans_arrange(const objective_sizes *s, double *const *inputs)
{
    memcpy(inputs[0], inputs[1] + (s->n - s->k) * s->d, (size_t)(s->k * s->d) * sizeof(double));
}

/* The nearest centroid has the least |c|² - 2 c·p: a product finds it, and only the distances from the nearest ones are
 * computed and differentiated. */
static bg_node *kmeans_value(const objective_sizes *s, bg_node *const *inputs)
{
    (void)s;
    bg_node *centroids = inputs[0], *points = inputs[1];
    bg_node *norms = bg_mul_scalar(bg_sum(bg_square(centroids), BG_AXES(1)), -0.5);
    bg_node *nearest = bg_argmax(bg_linear(points, centroids, norms), 1);
    return bg_sum(bg_square(bg_sub(points, bg_embedding(centroids, nearest, -1))), BG_ALL_AXES);
}

/* The Hessian's diagonal is its product with ones, since all else is 0. */
static bg_node *kmeans_direction(bg_node *value, bg_node *const *parameters, bg_node *const *gradients)
{
    bg_node *diagonal, *ones = bg_ones(bg_node_graph(value), BG_F64, bg_node_shape(parameters[0]));
    if (bg_hvp(value, parameters, &ones, 1, &diagonal) != BG_OK)
        return NULL;
    return bg_div(gradients[0], diagonal);
}

const objective objective_kmeans = { "kmeans",     kmeans_inputs,    kmeans_arrange,
                                     kmeans_value, kmeans_direction, reference_kmeans };

/* ---- A recurrent network ---- */

/* Two rows of main for each layer, weights and biases of the forget, input and output gates and of the change; three
 * rows of extra, the weights of the input and the weights and biases of the output; two rows of state for each layer,
 * hidden and cell. */
static int lstm_inputs(const objective_sizes *s, objective_input *inputs)
{
    inputs[0] = (objective_input){ "main", BG_SHAPE(2 * s->k, 4 * s->d), 0, 1, true };
    inputs[1] = (objective_input){ "extra", BG_SHAPE(3, s->d), 0, 1, true };
    inputs[2] = (objective_input){ "state", BG_SHAPE(2 * s->k, s->d), 0, 1, false };
    inputs[3] = (objective_input){ "sequence", BG_SHAPE(s->n, s->d), 0, 1, false };
    return 4;
}

static void lstm_arrange(const objective_sizes *s, double *const *inputs)
{
    for (int64_t i = 0; i < s->n * s->d; i++)
        inputs[3][i] = inputs[3][i] < 0.5 ? 0 : 1;
}

enum { LSTM_LAYERS_MAX = 8 };

typedef struct {
    bg_node *weights[4], *biases[4]; /* forget, input and output gate, change */
    bg_node *hidden, *cell;
} lstm_layer;

static bg_node *row_part(bg_node *x, int64_t row, int64_t part, int64_t d)
{
    return bg_narrow(bg_select(x, 0, row), 0, part * d, d);
}

/* One step of a layer: unlike in other networks, the input gate and the change see the state alone, the forget and the
 * output gate the input alone. */
static bg_node *lstm_advance(lstm_layer *l, bg_node *input)
{
    bg_node *sums[4];
    for (int g = 0; g < 4; g++)
        sums[g] = bg_add(bg_mul(g % 2 == 0 ? input : l->hidden, l->weights[g]), l->biases[g]);
    bg_node *change = bg_mul(bg_sigmoid(sums[1]), bg_tanh(sums[3]));
    l->cell = bg_add(bg_mul(l->cell, bg_sigmoid(sums[0])), change);
    return l->hidden = bg_mul(bg_sigmoid(sums[2]), bg_tanh(l->cell));
}

/* Minus the mean over steps and bits of the next character times (y - log(2 + Σ exp(y))). The predictions of all steps
 * are put together before what follows them. */
static bg_node *lstm_value(const objective_sizes *s, bg_node *const *inputs)
{
    bg_node *main = inputs[0], *extra = inputs[1], *state = inputs[2], *sequence = inputs[3];
    int64_t steps = s->n - 1, d = s->d;
    lstm_layer layers[LSTM_LAYERS_MAX];
    for (int64_t l = 0; l < s->k; l++) {
        for (int64_t g = 0; g < 4; g++) {
            layers[l].weights[g] = row_part(main, 2 * l, g, d);
            layers[l].biases[g] = row_part(main, 2 * l + 1, g, d);
        }
        layers[l].hidden = bg_select(state, 0, 2 * l);
        layers[l].cell = bg_select(state, 0, 2 * l + 1);
    }
    bg_node **outputs = calloc((size_t)steps, sizeof(bg_node *));
    if (!outputs)
        return NULL;
    bg_node *x = bg_mul(bg_narrow(sequence, 0, 0, steps), bg_select(extra, 0, 0));
    for (int64_t t = 0; t < steps; t++) {
        bg_node *input = bg_select(x, 0, t);
        for (int64_t l = 0; l < s->k; l++)
            input = lstm_advance(&layers[l], input);
        outputs[t] = input;
    }
    bg_node *y = bg_stack(outputs, (int)steps, 0);
    free(outputs);
    y = bg_add(bg_mul(y, bg_select(extra, 0, 1)), bg_select(extra, 0, 2));
    bg_node *logs = bg_log(bg_add_scalar(bg_sum(bg_exp(y), BG_AXES(1)), 2));
    bg_node *normed = bg_sub(y, bg_keep(logs, y, BG_AXES(1)));
    bg_node *total = bg_sum(bg_mul(bg_narrow(sequence, 0, 1, steps), normed), BG_ALL_AXES);
    return bg_mul_scalar(total, -1 / (double)(steps * d));
}

const objective objective_lstm = { "lstm", lstm_inputs, lstm_arrange, lstm_value, NULL, reference_lstm };
