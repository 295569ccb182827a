/* The objectives and their gradients in plain loops, written down from the formulas and not from the graphs. */
#include "objectives.h"

#include <math.h>
#include <stdlib.h>

/* ---- Gaussian mixtures ---- */

/* Row i of Q (x - mean), from a row of icf: logarithms of the diagonal, then columns below it. */
static double gmm_row(int64_t d, const double *icf, const double *centred, int64_t i)
{
    double sum = exp(icf[i]) * centred[i];
    for (int64_t j = 0; j < i; j++)
        sum += icf[d + j * d - j * (j + 1) / 2 + i - j - 1] * centred[j];
    return sum;
}

/* The sum of a row's exponentials, their shares of it in place of the numbers, and the logarithm of the sum. */
static double soften(int64_t n, double *x)
{
    double most = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (int64_t i = 0; i < n; i++)
        sum += x[i] = exp(x[i] - most);
    for (int64_t i = 0; i < n; i++)
        x[i] /= sum;
    return most + log(sum);
}

static double gmm_prior(const objective_sizes *s, const double *icf, double *dicf)
{
    int64_t d = s->d, width = d * (d + 1) / 2;
    double degrees = (double)(d + s->m + 1), value = 0;
    double log_gamma_d = (double)(d * (d - 1)) / 4 * log(acos(-1));
    for (int64_t j = 1; j <= d; j++)
        log_gamma_d += lgamma(degrees / 2 + (double)(1 - j) / 2);
    for (int64_t c = 0; c < s->k; c++) {
        const double *row = icf + c * width;
        double *drow = dicf + c * width;
        value += degrees * (double)d * (log(s->gamma) - 0.5 * log(2)) - log_gamma_d;
        for (int64_t i = 0; i < width; i++) {
            double q = i < d ? exp(row[i]) : row[i];
            value -= 0.5 * s->gamma * s->gamma * q * q;
            drow[i] -= s->gamma * s->gamma * q * (i < d ? q : 1);
            if (i < d) {
                value += (double)s->m * row[i];
                drow[i] += (double)s->m;
            }
        }
    }
    return value;
}

/* What one point adds to the gradients: the share of component c, times that of its exponent. */
static void gmm_spread(const objective_sizes *s, const double *icf, const double *centred, const double *product,
                       double share, double *dmean, double *dicf)
{
    int64_t d = s->d, place = d;
    for (int64_t i = 0; i < d; i++) {
        dicf[i] += share * (1 - product[i] * exp(icf[i]) * centred[i]);
        dmean[i] += share * product[i] * exp(icf[i]);
    }
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = j + 1; i < d; i++, place++) {
            dicf[place] -= share * product[i] * centred[j];
            dmean[j] += share * product[i] * icf[place];
        }
}

bool reference_gmm(const objective_sizes *s, const double *const *inputs, double *value, double *const *results)
{
    const double *alphas = inputs[0], *means = inputs[1], *icf = inputs[2], *x = inputs[3];
    int64_t n = s->n, k = s->k, d = s->d, width = d * (d + 1) / 2;
    double *memory = calloc((size_t)(2 * k * d + 2 * k), sizeof(double));
    if (!memory)
        return false;
    double *centred = memory, *products = centred + k * d, *shares = products + k * d, *weights = shares + k;
    double pi = acos(-1);
    *value = gmm_prior(s, icf, results[2]);
    for (int64_t p = 0; p < n; p++) {
        for (int64_t c = 0; c < k; c++) {
            const double *row = icf + c * width;
            double *centre = centred + c * d, *product = products + c * d;
            shares[c] = alphas[c];
            for (int64_t i = 0; i < d; i++)
                centre[i] = x[p * d + i] - means[c * d + i];
            for (int64_t i = 0; i < d; i++) {
                product[i] = gmm_row(d, row, centre, i);
                shares[c] += row[i] - 0.5 * product[i] * product[i];
            }
        }
        *value += soften(k, shares) - 0.5 * (double)d * log(2 * pi);
        for (int64_t c = 0; c < k; c++) {
            results[0][c] += shares[c];
            gmm_spread(s, icf + c * width, centred + c * d, products + c * d, shares[c], results[1] + c * d,
                       results[2] + c * width);
        }
    }
    for (int64_t c = 0; c < k; c++)
        weights[c] = alphas[c];
    *value -= (double)n * soften(k, weights);
    for (int64_t c = 0; c < k; c++)
        results[0][c] -= (double)n * weights[c];
    free(memory);
    return true;
}

/* ---- Log-sum-exp ---- */

bool reference_lse(const objective_sizes *s, const double *const *inputs, double *value, double *const *results)
{
    for (int64_t i = 0; i < s->n; i++)
        results[0][i] = inputs[0][i];
    *value = soften(s->n, results[0]);
    return true;
}

/* ---- Linear least squares ---- */

bool reference_llsq(const objective_sizes *s, const double *const *inputs, double *value, double *const *results)
{
    *value = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double t = -1 + (double)i * 2 / (double)(s->n - 1), power = 1;
        double residual = (double)((t > 0) - (t < 0));
        for (int64_t j = 0; j < s->m; j++, power *= t)
            residual -= inputs[0][j] * power;
        *value += 0.5 * residual * residual;
        power = 1;
        for (int64_t j = 0; j < s->m; j++, power *= t)
            results[0][j] -= residual * power;
    }
    return true;
}

/* ---- K-means ---- */

bool reference_kmeans(const objective_sizes *s, const double *const *inputs, double *value, double *const *results)
{
    const double *centroids = inputs[0], *points = inputs[1];
    int64_t *members = calloc((size_t)s->k, sizeof *members);
    if (!members)
        return false;
    *value = 0;
    for (int64_t p = 0; p < s->n; p++) {
        double least = INFINITY;
        int64_t nearest = 0;
        for (int64_t c = 0; c < s->k; c++) {
            double distance = 0;
            for (int64_t i = 0; i < s->d; i++) {
                double difference = points[p * s->d + i] - centroids[c * s->d + i];
                distance += difference * difference;
            }
            if (distance < least) {
                least = distance;
                nearest = c;
            }
        }
        *value += least;
        members[nearest]++;
        for (int64_t i = 0; i < s->d; i++)
            results[0][nearest * s->d + i] += 2 * (centroids[nearest * s->d + i] - points[p * s->d + i]);
    }
    for (int64_t c = 0; c < s->k; c++)
        for (int64_t i = 0; i < s->d; i++)
            results[1][c * s->d + i] = results[0][c * s->d + i] / (2 * (double)members[c]);
    free(members);
    return true;
}

/* ---- A recurrent network ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* What a step of a layer leaves behind, for one bit. */
typedef struct {
    double input, old_hidden, old_cell;
    double forget, in, out, change, cell, hidden;
} lstm_trace;

static void lstm_step(lstm_trace *t, const double *weights, const double *biases, int64_t d)
{
    t->forget = sigmoid(t->input * weights[0] + biases[0]);
    t->in = sigmoid(t->old_hidden * weights[d] + biases[d]);
    t->out = sigmoid(t->input * weights[2 * d] + biases[2 * d]);
    t->change = tanh(t->old_hidden * weights[3 * d] + biases[3 * d]);
    t->cell = t->old_cell * t->forget + t->in * t->change;
    t->hidden = t->out * tanh(t->cell);
}

/* Takes the gradients of the new hidden and cell to those of the old ones; returns that of the input. */
static double lstm_back(const lstm_trace *t, const double *weights, int64_t d, double *dhidden, double *dcell,
                        double *dweights, double *dbiases)
{
    double squashed = tanh(t->cell), dc = *dcell + *dhidden * t->out * (1 - squashed * squashed);
    double sums[4] = { dc * t->old_cell * t->forget * (1 - t->forget), dc * t->change * t->in * (1 - t->in),
                       *dhidden * squashed * t->out * (1 - t->out), dc * t->in * (1 - t->change * t->change) };
    for (int g = 0; g < 4; g++) {
        dweights[g * d] += sums[g] * (g % 2 == 0 ? t->input : t->old_hidden);
        dbiases[g * d] += sums[g];
    }
    *dcell = dc * t->forget;
    *dhidden = sums[1] * weights[d] + sums[3] * weights[3 * d];
    return sums[0] * weights[0] + sums[2] * weights[2 * d];
}

static double lstm_forward(const objective_sizes *s, const double *const *inputs, lstm_trace *traces, double *shares)
{
    const double *main = inputs[0], *extra = inputs[1], *state = inputs[2], *sequence = inputs[3];
    int64_t d = s->d, layers = s->k;
    double total = 0;
    for (int64_t t = 0; t < s->n - 1; t++) {
        double sum = 2;
        for (int64_t i = 0; i < d; i++) {
            double input = sequence[t * d + i] * extra[i];
            for (int64_t l = 0; l < layers; l++) {
                lstm_trace *now = traces + (t * layers + l) * d + i, *before = now - layers * d;
                now->input = input;
                now->old_hidden = t ? before->hidden : state[2 * l * d + i];
                now->old_cell = t ? before->cell : state[(2 * l + 1) * d + i];
                lstm_step(now, main + 8 * l * d + i, main + (8 * l + 4) * d + i, d);
                input = now->hidden;
            }
            double y = input * extra[d + i] + extra[2 * d + i];
            total += sequence[(t + 1) * d + i] * y;
            sum += shares[t * d + i] = exp(y);
        }
        for (int64_t i = 0; i < d; i++) {
            total -= sequence[(t + 1) * d + i] * log(sum);
            shares[t * d + i] /= sum;
        }
    }
    return -total / (double)((s->n - 1) * d);
}

bool reference_lstm(const objective_sizes *s, const double *const *inputs, double *value, double *const *results)
{
    const double *main = inputs[0], *extra = inputs[1], *sequence = inputs[3];
    double *dmain = results[0], *dextra = results[1];
    int64_t d = s->d, layers = s->k, steps = s->n - 1;
    lstm_trace *traces = calloc((size_t)(steps * layers * d + 1), sizeof *traces);
    double *shares = calloc((size_t)((steps + 2 * layers) * d + 1), sizeof *shares);
    if (!traces || !shares) {
        free(traces);
        free(shares);
        return false;
    }
    double *dhidden = shares + steps * d, *dcell = dhidden + layers * d, scale = -1 / (double)(steps * d);
    *value = lstm_forward(s, inputs, traces, shares);
    for (int64_t t = steps - 1; t >= 0; t--) {
        double ones = 0;
        for (int64_t i = 0; i < d; i++)
            ones += sequence[(t + 1) * d + i];
        for (int64_t i = 0; i < d; i++) {
            const lstm_trace *last = traces + (t * layers + layers - 1) * d + i;
            double dy = scale * (sequence[(t + 1) * d + i] - ones * shares[t * d + i]);
            dextra[d + i] += dy * last->hidden;
            dextra[2 * d + i] += dy;
            double dabove = dy * extra[d + i];
            for (int64_t l = layers - 1; l >= 0; l--) {
                dhidden[l * d + i] += dabove;
                dabove = lstm_back(traces + (t * layers + l) * d + i, main + 8 * l * d + i, d, &dhidden[l * d + i],
                                   &dcell[l * d + i], dmain + 8 * l * d + i, dmain + (8 * l + 4) * d + i);
            }
            dextra[i] += dabove * sequence[t * d + i];
        }
    }
    free(traces);
    free(shares);
    return true;
}
