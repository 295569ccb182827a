/* Particle swarm with an inertia weight, every particle seeing the best of all: Eberhart, Shi, 2000. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *places, *velocities, *own; /* [population, n]; own: the best place of each particle */
    double *losses;                    /* [population], of own */
    int64_t best;                      /* particle */
    bool has_losses;
} state;

static int64_t population(int64_t n)
{
    (void)n;
    return 40;
}

static bg_status check(const bg_search_method *m, int64_t dimension)
{
    (void)dimension;
    const double numbers[] = { m->inertia, m->cognitive, m->social };
    for (int i = 0; i < 3; i++)
        if (!(numbers[i] >= 0) || !isfinite(numbers[i]))
            return bg_fail(BG_ERR_ARGUMENT,
                           "%s: inertia %g, cognitive %g, social %g, they must be finite and 0 or more", m->name,
                           m->inertia, m->cognitive, m->social);
    return BG_OK;
}

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    double **arrays[] = { &made->places, &made->velocities, &made->own };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        if (!(*arrays[i] = bgi_search_numbers(s, s->population * s->n)))
            return BG_ERR_NOMEM;
    if (!(made->losses = bgi_search_numbers(s, s->population)))
        return BG_ERR_NOMEM;
    s->state = made;
    return BG_OK;
}

static void draw(bg_search *s, state *now)
{
    bgi_source first = bgi_search_source(s, "search.pso"), second = bgi_search_source(s, "search.pso.second");
    for (int64_t k = 0; k < s->population; k++) {
        double *x = now->places + k * s->n, *v = now->velocities + k * s->n;
        bgi_search_draw_point(s, &first, k, x);
        bgi_search_draw_point(s, &second, k, v);
        for (int64_t i = 0; i < s->n; i++)
            v[i] = (v[i] - x[i]) / 2;
    }
}

static void fly(bg_search *s, state *now, int64_t k, const bgi_source *to_own, const bgi_source *to_best)
{
    const bg_search_method *o = &s->method;
    double *x = now->places + k * s->n, *v = now->velocities + k * s->n;
    const double *own = now->own + k * s->n, *best = now->own + now->best * s->n;
    for (int64_t i = 0; i < s->n; i++) {
        v[i] = o->inertia * v[i] + o->cognitive * bgi_source_uniform(to_own, k, i) * (own[i] - x[i]) +
               o->social * bgi_source_uniform(to_best, k, i) * (best[i] - x[i]);
        double place = x[i] + v[i];
        if (s->lower && !(place >= s->lower[i] && place <= s->upper[i])) {
            place = place > s->upper[i] ? s->upper[i] : s->lower[i];
            v[i] = 0;
        }
        x[i] = place;
    }
}

static void ask(bg_search *s, double *candidates)
{
    state *now = s->state;
    if (!now->has_losses) {
        draw(s, now);
    } else {
        bgi_source to_own = bgi_search_source(s, "search.pso.own"), to_best = bgi_search_source(s, "search.pso.best");
        for (int64_t k = 0; k < s->population; k++)
            fly(s, now, k, &to_own, &to_best);
    }
    memcpy(candidates, now->places, (size_t)(s->population * s->n) * sizeof(double));
}

static void tell(bg_search *s, const double *candidates)
{
    state *now = s->state;
    for (int64_t k = 0; k < s->population; k++) {
        if (now->has_losses && !(s->losses[k] < now->losses[k]))
            continue;
        now->losses[k] = s->losses[k];
        memcpy(now->own + k * s->n, candidates + k * s->n, (size_t)s->n * sizeof(double));
    }
    now->has_losses = true;
    for (int64_t k = 0; k < s->population; k++)
        if (now->losses[k] < now->losses[now->best])
            now->best = k;
    s->reason = bgi_search_judge_losses(s, now->losses, s->population);
}

const bg_search_rule bgi_search_pso_rule = {
    .check = check, .population = population, .least = 2, .scales_sigma = true, .begin = begin, .ask = ask, .tell = tell
};
