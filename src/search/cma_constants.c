/* The constants of CMA-ES: Hansen, The CMA evolution strategy: a tutorial, 2016 (its equations are named), in the
 * variants of pycma 4, which are said. */
#include "search/cma.h"

#include <math.h>

static double sum_of(const double *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

/* 1 / Σ w², of weights that are scaled to add up to 1 or -1. */
static double effective(const double *weights, int64_t n)
{
    double sum = sum_of(weights, n), squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += weights[i] * weights[i];
    return squares > 0 ? sum * sum / squares : 0;
}

/* Weights before the negative ones are scaled: equation 49, each sign adding up to 1. */
static void set_raw_weights(bgi_cma_constants *c, int64_t lambda)
{
    c->mu = lambda / 2;
    for (int64_t i = 0; i < lambda; i++)
        c->weights[i] = log(((double)lambda + 1) / 2) - log((double)i + 1);
    if (lambda % 2)
        c->weights[c->mu] = 0; /* the logarithms may differ by rounding */
    double positive = sum_of(c->weights, c->mu), negative = -sum_of(c->weights + c->mu, lambda - c->mu);
    for (int64_t i = 0; i < lambda; i++)
        c->weights[i] /= i < c->mu ? positive : negative;
}

/* Equations 50 to 53: the sum of the negative weights is the least of 1 + c1 / cmu, with which C neither grows nor
 * shrinks by itself, 1 + 2 mueff⁻ / (mueff + 2), and (1 - c1 - cmu) / (n cmu), with which C stays positive definite. */
static void scale_negative_weights(bgi_cma_constants *c, int64_t n, int64_t lambda)
{
    double *negative = c->weights + c->mu;
    double limit = 1 + 2 * effective(negative, lambda - c->mu) / (c->mueff + 2);
    if (c->cmu > 0) {
        limit = fmin(limit, 1 + c->c1 / c->cmu);
        limit = fmin(limit, (1 - c->c1 - c->cmu) / (c->cmu * (double)n));
    }
    for (int64_t i = 0; i < lambda - c->mu; i++)
        negative[i] *= limit;
}

void bgi_cma_constants_set(bgi_cma_constants *c, int64_t dimension, int64_t lambda, bool is_diagonal)
{
    double n = (double)dimension;
    set_raw_weights(c, lambda);
    double mueff = c->mueff = effective(c->weights, c->mu);
    /* Equation 55 with 3 in place of 5 and at most 1/2; 1 + .. + cs with a factor of up to 3 for dimensions beyond 9,
     * which only counts for populations much larger than the default: pycma 4. */
    c->cs = fmin(0.5, (mueff + 2) / (n + mueff + 3));
    double factor = fmax(1, 3 * (1 - pow(0.5, n / 9)));
    c->damps = 1 + 2 * fmax(0, factor * sqrt((mueff - 1) / (n + 1)) - 1) + c->cs;
    c->cc = (4 + mueff / n) / (n + 4 + 2 * mueff / n);                         /* equation 56 */
    c->c1 = fmin(1, (double)lambda / 6) * 2 / ((n + 1.3) * (n + 1.3) + mueff); /* equation 57 */
    c->cmu = 2 * (0.25 + mueff + 1 / mueff - 2) / ((n + 2) * (n + 2) + mueff); /* equation 58 */
    if (is_diagonal) {
        /* Ros, Hansen, 2008, section 3: n numbers are learned in place of n (n + 1) / 2. */
        c->c1 = fmin(1, c->c1 * (n + 2) / 3);
        c->cmu *= (n + 2) / 3;
    }
    c->cmu = fmin(1 - c->c1, c->cmu);
    c->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    scale_negative_weights(c, dimension, lambda);
}
