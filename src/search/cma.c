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
    cma->y = bgi_search_numbers(s, is_diagonal ? 0 : rows * n);
    cma->part_lengths = bgi_search_numbers(s, is_diagonal ? bgi_search_part_count(s) * lambda : 0);
    cma->scaled = bgi_search_numbers(s, rows * n);
    cma->weights = bgi_search_numbers(s, lambda + 1);
    cma->lengths = bgi_search_numbers(s, lambda);
    cma->constants.weights = bgi_search_numbers(s, lambda);
    if (!cma->y || !cma->scaled || !cma->weights || !cma->lengths || !cma->part_lengths || !cma->constants.weights)
        return BG_ERR_NOMEM;
    return BG_OK;
}

static bg_status begin(bg_search *s, bool is_diagonal)
{
    bgi_cma *cma = bgi_arena_push(&s->state_arena, sizeof *cma);
    if (!cma)
        return BG_ERR_NOMEM;
    cma->n = s->n;
    cma->lambda = s->population;
    cma->first_sigma = s->sigma;
    bg_status status = bgi_cma_model_make(&cma->model, s, is_diagonal);
    if (status == BG_OK)
        status = make_arrays(s, cma);
    if (status == BG_OK)
        status = bgi_cma_history_make(&cma->history, s);
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

/* The eigenvectors may be 1 / (10 n (c1 + cmu)) generations old, in which C hardly changes, so that the decompositions
 * cost no more than the rest does: section B.2. */
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

typedef struct {
    bgi_source source;
    double *candidates; /* of asking */
} generation;

static void ask_full(bg_search *s, const generation *g)
{
    bgi_cma *cma = s->state;
    int64_t n = cma->n;
    for (int64_t k = 0; k < cma->lambda; k++) {
        bgi_source_normals(&g->source, k, cma->scaled + k * n);
        cma->lengths[k] = squared_length(cma->scaled + k * n, n);
    }
    bgi_cma_model_transform(&cma->model, cma->scaled, cma->lambda, cma->y);
    for (int64_t k = 0; k < cma->lambda; k++) {
        double *x = g->candidates + k * n;
        for (int64_t i = 0; i < n; i++)
            x[i] = cma->mean[i] + s->sigma * cma->y[k * n + i];
        bgi_search_reflect(s, x);
    }
}

static void ask_part(const bg_search *s, void *context, bgi_part part)
{
    const bgi_cma *cma = s->state;
    const generation *g = context;
    for (int64_t k = 0; k < cma->lambda; k++) {
        double *x = g->candidates + k * cma->n;
        bgi_source_normals_of(&g->source, k, part, x + part.first);
        cma->part_lengths[part.first / BGI_PART * cma->lambda + k] = squared_length(x + part.first, part.n);
        for (int64_t i = part.first; i < part.first + part.n; i++)
            x[i] = cma->mean[i] + s->sigma * (cma->model.lengths[i] * x[i]);
        bgi_search_reflect_part(s, part, x);
    }
}

static void ask_diagonal(bg_search *s, generation *g)
{
    bgi_cma *cma = s->state;
    bgi_search_each_part(s, ask_part, g);
    memset(cma->lengths, 0, (size_t)cma->lambda * sizeof(double));
    for (int64_t part = 0; part < bgi_search_part_count(s); part++)
        for (int64_t k = 0; k < cma->lambda; k++)
            cma->lengths[k] += cma->part_lengths[part * cma->lambda + k];
}

static void ask(bg_search *s, double *candidates)
{
    bgi_cma *cma = s->state;
    if (needs_decomposition(cma)) {
        if (!bgi_cma_model_decompose(&cma->model))
            s->reason = "the covariance is not positive definite any more";
        cma->decomposed = cma->generation;
    }
    generation g = { bgi_search_source(s, "search.cma"), candidates };
    if (cma->model.is_diagonal)
        ask_diagonal(s, &g);
    else
        ask_full(s, &g);
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

/* The weighted mean of the best steps. */
static void combine_full(const bg_search *s)
{
    const bgi_cma *cma = s->state;
    memset(cma->mean_step, 0, (size_t)cma->n * sizeof(double));
    for (int64_t rank = 0; rank < cma->constants.mu; rank++) {
        const double *y = cma->y + s->order[rank] * cma->n;
        for (int64_t i = 0; i < cma->n; i++)
            cma->mean_step[i] += cma->constants.weights[rank] * y[i];
    }
}

/* The same, with what the steps add to C; they are drawn once more, since keeping them would take as much memory as the
 * candidates do. */
static void combine_part(const bg_search *s, void *context, bgi_part part)
{
    const bgi_cma *cma = s->state;
    const generation *g = context;
    double y[BGI_PART], *mean_step = cma->mean_step + part.first, *variances = cma->variances + part.first;
    memset(mean_step, 0, (size_t)part.n * sizeof(double));
    memset(variances, 0, (size_t)part.n * sizeof(double));
    for (int64_t rank = 0; rank < cma->lambda; rank++) {
        int64_t k = s->order[rank];
        double weight = rank < cma->constants.mu ? cma->constants.weights[rank] : 0;
        bgi_source_normals_of(&g->source, k, part, y);
        for (int64_t i = 0; i < part.n; i++) {
            double step = cma->model.lengths[part.first + i] * y[i];
            mean_step[i] += weight * step;
            variances[i] += cma->weights[k] * step * step;
        }
    }
}

/* Equations 43 and 45. Whether the path of C follows, which it does not while sigma grows fast. */
static bool follow_paths(bgi_cma *cma)
{
    int64_t n = cma->n;
    const bgi_cma_constants *c = &cma->constants;
    const double *mean_step = cma->mean_step;
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
    generation g = { bgi_search_source(s, "search.cma"), NULL };
    if (cma->model.is_diagonal)
        bgi_search_each_part(s, combine_part, &g);
    else
        combine_full(s);
    for (int64_t i = 0; i < n; i++)
        cma->mean[i] += s->sigma * cma->mean_step[i];
    bool follows = follow_paths(cma);
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
