/* CMA-ES: one generation. Hansen, The CMA evolution strategy: a tutorial, 2016; equations are its. */
#include "search/cma.h"

#include <math.h>
#include <string.h>

/* ---- Making ---- */

static bg_status make_arrays(bg_search *s, bgi_cma *cma)
{
    int64_t n = cma->n, lambda = cma->lambda;
    bool is_diagonal = cma->model.is_diagonal;
    double **vectors[] = { &cma->mean, &cma->mean_step, &cma->pc, &cma->ps, &cma->scratch, &cma->variances };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (!(*vectors[i] = bgi_search_numbers(s, n)))
            return BG_ERR_NOMEM;
    int64_t rows = is_diagonal ? 1 : lambda + 1;
    cma->y = bgi_search_numbers(s, rows * n);
    cma->scaled = bgi_search_numbers(s, rows * n);
    cma->weights = bgi_search_numbers(s, lambda + 1);
    cma->lengths = bgi_search_numbers(s, lambda);
    cma->constants.weights = bgi_search_numbers(s, lambda);
    return cma->y && cma->scaled && cma->weights && cma->lengths && cma->constants.weights ? BG_OK : BG_ERR_NOMEM;
}

static bg_status begin(bg_search *s, bool is_diagonal)
{
    bg_status status = bgi_search_check_rows(s, s->population);
    if (status != BG_OK)
        return status;
    bgi_cma *cma = bgi_arena_push(&s->state_arena, sizeof *cma);
    if (!cma)
        return BG_ERR_NOMEM;
    cma->n = s->n;
    cma->lambda = s->population;
    cma->first_sigma = s->sigma;
    status = bgi_cma_model_make(&cma->model, &s->state_arena, s->n, is_diagonal);
    if (status == BG_OK)
        status = make_arrays(s, cma);
    if (status == BG_OK)
        status = bgi_cma_history_make(&cma->history, &s->state_arena, s->n, cma->lambda);
    if (status != BG_OK)
        return status;
    bgi_cma_constants_set(&cma->constants, s->n, cma->lambda, is_diagonal);
    memcpy(cma->mean, s->start, (size_t)s->n * sizeof(double));
    s->state = cma;
    return BG_OK;
}
static bg_status begin_full(bg_search *s) { return begin(s, false); }
static bg_status begin_diagonal(bg_search *s) { return begin(s, true); }

/* ---- Asking ---- */

/* So much of C changes in this many generations that n / 10 decompositions cost what the candidates cost: section B.2.
 */
static bool needs_decomposition(const bgi_cma *cma)
{
    const bgi_cma_constants *c = &cma->constants;
    if (cma->generation == cma->decomposed)
        return false;
    double gap = cma->model.is_diagonal ? 1 : 1 / (c->c1 + c->cmu) / (double)cma->n / 10;
    return (double)(cma->generation - cma->decomposed) >= gap;
}

static double squared_length(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

/* Step k of this generation, in units of sigma: where it is kept, or drawn once more. */
static const double *step_of(const bgi_cma *cma, const bgi_source *source, int64_t k)
{
    if (!cma->model.is_diagonal)
        return cma->y + k * cma->n;
    bgi_source_normals(source, k, cma->y);
    bgi_cma_model_transform(&cma->model, cma->y, 1, cma->y);
    return cma->y;
}

static void ask(bg_search *s, double *candidates)
{
    bgi_cma *cma = s->state;
    int64_t n = cma->n;
    if (needs_decomposition(cma)) {
        if (!bgi_cma_model_decompose(&cma->model))
            s->reason = "the covariance is not positive definite any more";
        cma->decomposed = cma->generation;
    }
    bgi_source source = bgi_search_source(s, "search.cma");
    double *z = cma->model.is_diagonal ? candidates : cma->scaled;
    for (int64_t k = 0; k < cma->lambda; k++) {
        bgi_source_normals(&source, k, z + k * n);
        cma->lengths[k] = squared_length(z + k * n, n);
    }
    bgi_cma_model_transform(&cma->model, z, cma->lambda, cma->model.is_diagonal ? candidates : cma->y);
    const double *y = cma->model.is_diagonal ? candidates : cma->y;
    for (int64_t k = 0; k < cma->lambda; k++) {
        for (int64_t i = 0; i < n; i++)
            candidates[k * n + i] = cma->mean[i] + s->sigma * y[k * n + i];
        bgi_search_reflect(s, candidates + k * n);
    }
}

/* ---- Telling ---- */

/* The weights of the update of C by candidate: equations 46 and 47. A step of negative weight counts as if it were as
 * long as one is on average, so that C stays positive definite. */
static void set_weights(bgi_cma *cma, const int64_t *order)
{
    const bgi_cma_constants *c = &cma->constants;
    for (int64_t rank = 0; rank < cma->lambda; rank++) {
        int64_t k = order[rank];
        double weight = c->cmu * c->weights[rank];
        if (weight < 0) {
            double length = sqrt(cma->lengths[k]) + 1e-9;
            weight *= (double)cma->n / (length * length);
        }
        cma->weights[k] = weight;
    }
}

/* One pass over the steps, which may have to be drawn again: the weighted mean of the best into mean_step, and in the
 * diagonal form what the steps add to C. */
static void combine(bg_search *s, bgi_cma *cma, double *mean_step)
{
    int64_t n = cma->n;
    const bgi_cma_constants *c = &cma->constants;
    bgi_source source = bgi_search_source(s, "search.cma");
    memset(mean_step, 0, (size_t)n * sizeof(double));
    memset(cma->variances, 0, (size_t)n * sizeof(double));
    for (int64_t rank = 0; rank < cma->lambda; rank++) {
        if (!cma->model.is_diagonal && rank >= c->mu)
            break;
        int64_t k = s->order[rank];
        const double *y = step_of(cma, &source, k);
        for (int64_t i = 0; i < n; i++) {
            if (rank < c->mu)
                mean_step[i] += c->weights[rank] * y[i];
            cma->variances[i] += cma->weights[k] * y[i] * y[i];
        }
    }
}

/* Equations 43 and 45. Whether the path of C follows, which it does not while sigma grows fast. */
static bool follow_paths(bgi_cma *cma, const double *mean_step)
{
    int64_t n = cma->n;
    const bgi_cma_constants *c = &cma->constants;
    double *whitened = cma->scaled;
    bgi_cma_model_whiten(&cma->model, mean_step, cma->scratch, whitened);
    double gain = sqrt(c->cs * (2 - c->cs) * c->mueff);
    for (int64_t i = 0; i < n; i++)
        cma->ps[i] = (1 - c->cs) * cma->ps[i] + gain * whitened[i];
    double begun = 1 - pow(1 - c->cs, 2 * (double)(cma->generation + 1));
    bool follows = squared_length(cma->ps, n) / begun / (double)n < 2 + 4 / ((double)n + 1);
    gain = follows ? sqrt(c->cc * (2 - c->cc) * c->mueff) : 0;
    for (int64_t i = 0; i < n; i++)
        cma->pc[i] = (1 - c->cc) * cma->pc[i] + gain * mean_step[i];
    return follows;
}

/* Equation 47. */
static void learn_covariance(bgi_cma *cma, bool follows)
{
    int64_t n = cma->n, lambda = cma->lambda;
    const bgi_cma_constants *c = &cma->constants;
    double keep = 1 - c->c1;
    if (!follows) /* what the path has not gained, C does not lose */
        keep += c->c1 * c->cc * (2 - c->cc);
    for (int64_t rank = 0; rank < lambda; rank++)
        keep -= c->cmu * c->weights[rank];
    if (cma->model.is_diagonal) {
        for (int64_t i = 0; i < n; i++)
            cma->model.c[i] = keep * cma->model.c[i] + cma->variances[i] + c->c1 * cma->pc[i] * cma->pc[i];
        return;
    }
    memcpy(cma->y + lambda * n, cma->pc, (size_t)n * sizeof(double));
    cma->weights[lambda] = c->c1;
    bgi_cma_model_update(&cma->model, keep, cma->weights, cma->y, lambda + 1, cma->scaled);
}

static void tell(bg_search *s, const double *candidates)
{
    (void)candidates; /* the steps that led to them are known */
    bgi_cma *cma = s->state;
    const bgi_cma_constants *c = &cma->constants;
    int64_t n = cma->n;
    bgi_search_sort(s->losses, cma->lambda, s->order);
    set_weights(cma, s->order);
    double *mean_step = cma->mean_step;
    combine(s, cma, mean_step);
    for (int64_t i = 0; i < n; i++)
        cma->mean[i] += s->sigma * mean_step[i];
    bool follows = follow_paths(cma, mean_step);
    learn_covariance(cma, follows);
    /* Equation 44; at most by a factor of e at a time. */
    double change = c->cs / c->damps * (sqrt(squared_length(cma->ps, n)) / c->chi - 1);
    s->sigma *= exp(fmin(change, 1));
    cma->generation++;
    if (!s->reason)
        s->reason = bgi_cma_converged(s, cma);
}

const bg_search_rule bgi_search_cmaes_rule = {
    .population = bgi_search_small_population,
    .least = 3,
    .scales_sigma = true,
    .begin = begin_full,
    .ask = ask,
    .tell = tell,
};
const bg_search_rule bgi_search_sep_cmaes_rule = {
    .population = bgi_search_small_population,
    .least = 3,
    .scales_sigma = true,
    .begin = begin_diagonal,
    .ask = ask,
    .tell = tell,
};
