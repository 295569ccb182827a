/* When CMA-ES has converged, or cannot get on: Hansen, The CMA evolution strategy: a tutorial, 2016, section B.3, with
 * the numbers of pycma 4. */
#include "search/cma.h"

#include <math.h>
#include <string.h>

enum { HISTORY_MOST = 20000, HISTORY_EVERY = 5 };

bg_status bgi_cma_history_make(bgi_cma_history *h, bg_search *s)
{
    double size = (double)s->n, population = (double)s->population;
    h->recent_size = (int64_t)(10 + 30 * size / population);
    h->history_size = HISTORY_MOST;
    h->stagnation = (int64_t)fmin(100 + 100 * pow(size, 1.5) / population, 0x1p60);
    h->most_generations = (int64_t)fmin(100 + floor(150 * (size + 3) * (size + 3) / sqrt(population)), 0x1p60);
    h->best_of_run = INFINITY;
    h->recent = bgi_search_numbers(s, h->recent_size);
    h->best = bgi_search_numbers(s, HISTORY_MOST);
    h->median = bgi_search_numbers(s, HISTORY_MOST);
    h->order = bgi_arena_push(&s->state_arena, 2 * HISTORY_MOST * sizeof(int64_t));
    h->place = bgi_search_numbers(s, s->n);
    return h->recent && h->best && h->median && h->order && h->place ? BG_OK : BG_ERR_NOMEM;
}

/* ---- Remembering ---- */

static void remember_losses(const bg_search *s, bgi_cma *cma)
{
    bgi_cma_history *h = &cma->history;
    int64_t lambda = cma->lambda;
    const int64_t *order = s->order;
    double best = s->losses[order[0]];
    h->recent[h->n_recent++ % h->recent_size] = best;
    if (best < h->best_of_run) {
        h->best_of_run = best;
        h->best_generation = cma->generation;
    }
    /* Flat: even the worse of the losses are no worse. */
    h->flat_generations = best < s->losses[order[3 * lambda / 4]] ? 0 : h->flat_generations + 1;
    if (cma->generation % HISTORY_EVERY != 0)
        return;
    if (h->n_history == h->history_size) {
        h->n_history--;
        memmove(h->best, h->best + 1, (size_t)h->n_history * sizeof(double));
        memmove(h->median, h->median + 1, (size_t)h->n_history * sizeof(double));
    }
    double middle = s->losses[order[lambda / 2]];
    h->best[h->n_history] = best;
    h->median[h->n_history++] = lambda % 2 ? middle : (s->losses[order[lambda / 2 - 1]] + middle) / 2;
}

/* The mean has moved if it is further than delta, which grows slowly with the time, from where it was. */
static void remember_place(bgi_cma *cma, double patience)
{
    bgi_cma_history *h = &cma->history;
    double distance = 0, waited = (double)(cma->generation - h->place_generation);
    for (int64_t i = 0; i < cma->n; i++)
        distance += (cma->mean[i] - h->place[i]) * (cma->mean[i] - h->place[i]);
    if (!(sqrt(distance) <= 1e-9 * sqrt(fmax(1, waited / patience))) || h->place_generation == 0) {
        memcpy(h->place, cma->mean, (size_t)cma->n * sizeof(double));
        h->place_generation = cma->generation;
    }
}

/* ---- Criteria ---- */

static bool are_losses_equal(const bg_search *s, const bgi_cma *cma)
{
    const bgi_cma_history *h = &cma->history;
    double tolerance = s->method.tolerance_loss;
    double recent = bgi_search_range(h->recent, h->n_recent < h->recent_size ? h->n_recent : h->recent_size);
    if (bgi_search_range(s->losses, cma->lambda) < tolerance && recent < tolerance)
        return true;
    return h->n_recent > 9 && recent < tolerance / 10;
}

/* Neither the best nor the median losses of the newest window are below those of the one before. */
static bool stagnates(bgi_cma *cma)
{
    bgi_cma_history *h = &cma->history;
    double n = (double)cma->n, patience = (double)h->stagnation;
    int64_t window = (int64_t)fmax(patience / (2 * HISTORY_EVERY), (double)h->n_history / 10);
    if ((double)cma->generation <= n * (5 + 100 / (double)cma->lambda) ||
        (double)(cma->generation - h->best_generation) <= patience / 2 || h->n_history <= 100 ||
        2 * window >= h->n_history)
        return false;
    const double *series[] = { h->best, h->median };
    for (int i = 0; i < 2; i++) {
        const double *newest = series[i] + h->n_history - window;
        if (bgi_search_median(newest, window, h->order) < bgi_search_median(newest - window, window, h->order))
            return false;
    }
    return true;
}

static bool is_step_small(const bg_search *s, const bgi_cma *cma)
{
    for (int64_t i = 0; i < cma->n; i++)
        if (!(s->sigma * sqrt(bgi_cma_model_variance(&cma->model, i)) < s->method.tolerance_x) ||
            !(s->sigma * cma->pc[i] < s->method.tolerance_x))
            return false;
    return true;
}

static bool has_step_grown(const bg_search *s, const bgi_cma *cma)
{
    for (int64_t i = 0; i < cma->n; i++)
        if (!(s->sigma * sqrt(bgi_cma_model_variance(&cma->model, i)) <= 1e3 * cma->first_sigma))
            return true;
    return false;
}

/* A step along some coordinate, or along the axis whose turn it is, is lost in rounding. */
static bool has_no_effect(const bg_search *s, const bgi_cma *cma)
{
    const bgi_cma_model *m = &cma->model;
    for (int64_t i = 0; i < cma->n; i++)
        if (cma->mean[i] == cma->mean[i] + 0.2 * s->sigma * sqrt(bgi_cma_model_variance(m, i)))
            return true;
    if (m->is_diagonal)
        return false;
    int64_t axis = cma->generation % cma->n;
    double length = 0.1 * s->sigma * m->lengths[axis];
    for (int64_t i = 0; i < cma->n; i++)
        if (cma->mean[i] != cma->mean[i] + length * m->axes[axis * cma->n + i])
            return false;
    return true;
}

const char *bgi_cma_converged(const bg_search *s, bgi_cma *cma)
{
    bgi_cma_history *h = &cma->history;
    double patience = 20 + 0.1 * (double)cma->generation, shortest = INFINITY, longest = 0;
    remember_losses(s, cma);
    remember_place(cma, patience);
    for (int64_t i = 0; i < cma->n; i++) {
        shortest = fmin(shortest, cma->model.lengths[i]);
        longest = fmax(longest, cma->model.lengths[i]);
    }
    if (has_step_grown(s, cma))
        return "the step has grown a thousandfold";
    if (is_step_small(s, cma))
        return "the step is within tolerance_x";
    if (are_losses_equal(s, cma))
        return "the losses are within tolerance_loss of each other";
    if (h->flat_generations > 1)
        return "the loss is flat";
    if (longest > 1e7 * shortest)
        return "the condition of the covariance is beyond 1e14";
    if (has_no_effect(s, cma))
        return "a step is lost in rounding";
    if (s->sigma / longest > 1e20 * cma->first_sigma)
        return "the step grows without effect";
    if ((double)(cma->generation - h->place_generation) > patience)
        return "the mean has not moved";
    if (cma->generation % HISTORY_EVERY == 0 && stagnates(cma))
        return "the losses stagnate";
    return cma->generation >= h->most_generations ? "the generations that are allowed are over" : NULL;
}
