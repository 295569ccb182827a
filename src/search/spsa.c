/* Simultaneous perturbation stochastic approximation: Spall, 1998. */
#include "search/search.h"

#include <math.h>
#include <string.h>

enum { FIRST_PAIRS = 8 };

typedef struct {
    double *place, *gradient; /* [n] */
    int64_t iteration;        /* from 1; 0 before the gain is known */
    double gain;              /* of the first iteration */
} state;

static int64_t population(int64_t n)
{
    (void)n;
    return 2;
}
static int64_t count(const bg_search *s)
{
    const state *now = s->state;
    return now->iteration > 0 || s->population > 2 * FIRST_PAIRS ? s->population : 2 * FIRST_PAIRS;
}

static bg_status check(const bg_search_method *m, int64_t dimension)
{
    (void)dimension;
    if (!(m->learning_rate > 0) || !isfinite(m->learning_rate))
        return bg_fail(BG_ERR_ARGUMENT, "%s: learning rate %g, it must be finite and above 0", m->name,
                       m->learning_rate);
    if (!(m->gain_decay >= 0 && m->gain_decay <= 1) || !(m->sigma_decay >= 0 && m->sigma_decay <= 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: exponents %g and %g, they must be in [0, 1]", m->name, m->gain_decay,
                       m->sigma_decay);
    if (!(m->stability >= 0) || !isfinite(m->stability))
        return bg_fail(BG_ERR_ARGUMENT, "%s: stability %g, it must be finite and 0 or more", m->name, m->stability);
    return BG_OK;
}

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    made->place = bgi_search_numbers(s, s->n);
    made->gradient = bgi_search_numbers(s, s->n);
    if (!made->place || !made->gradient)
        return BG_ERR_NOMEM;
    memcpy(made->place, s->start, (size_t)s->n * sizeof(double));
    s->state = made;
    return BG_OK;
}

static double sign_of(const bgi_source *source, int64_t pair, int64_t i)
{
    return bgi_source_uniform(source, pair, i) < 0.5 ? -1 : 1;
}

static void ask(bg_search *s, double *candidates)
{
    const state *now = s->state;
    bgi_source source = bgi_search_source(s, "search.spsa");
    for (int64_t pair = 0; pair < count(s) / 2; pair++) {
        double *plus = candidates + 2 * pair * s->n, *minus = plus + s->n;
        for (int64_t i = 0; i < s->n; i++) {
            double step = s->sigma * sign_of(&source, pair, i);
            plus[i] = now->place[i] + step;
            minus[i] = now->place[i] - step;
        }
        bgi_search_reflect(s, plus);
        bgi_search_reflect(s, minus);
    }
}

/* The mean of the pairs' estimates. A pair with an infinite loss says nothing of the slope. */
static void estimate(const bg_search *s, state *now)
{
    bgi_source source = bgi_search_source(s, "search.spsa");
    int64_t pairs = s->asked / 2;
    memset(now->gradient, 0, (size_t)s->n * sizeof(double));
    for (int64_t pair = 0; pair < pairs; pair++) {
        double slope = (s->losses[2 * pair] - s->losses[2 * pair + 1]) / (2 * s->sigma);
        if (!isfinite(slope))
            continue;
        for (int64_t i = 0; i < s->n; i++)
            now->gradient[i] += slope * sign_of(&source, pair, i) / (double)pairs;
    }
}

static void tell(bg_search *s, const double *candidates)
{
    (void)candidates; /* the signs are drawn once more */
    state *now = s->state;
    const bg_search_method *o = &s->method;
    estimate(s, now);
    if (now->iteration == 0) {
        double size = 0;
        for (int64_t i = 0; i < s->n; i++)
            size += fabs(now->gradient[i]) / (double)s->n;
        if (!(size > 0) || !isfinite(size))
            return; /* flat so far: the gain has to wait */
        now->gain = o->learning_rate / size;
        now->iteration = 1;
    }
    /* Spall's a_k and c_k, with k from 1. */
    double gain = now->gain * pow((o->stability + 1) / (o->stability + (double)now->iteration), o->gain_decay);
    for (int64_t i = 0; i < s->n; i++)
        now->place[i] -= gain * now->gradient[i];
    bgi_search_clip(s, now->place);
    now->iteration++;
    s->sigma = s->first_sigma / pow((double)now->iteration, o->sigma_decay);
}

const bg_search_rule bgi_search_spsa_rule = {
    .check = check,
    .population = population,
    .least = 2,
    .takes_pairs = true,
    .begin = begin,
    .count = count,
    .ask = ask,
    .tell = tell,
};
