/* Differential evolution, DE/rand/1/bin: Storn, Price, 1997. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *members; /* [population, n] */
    double *losses;  /* [population] */
    bool has_losses; /* the first candidates are the members themselves */
} state;

static int64_t population(int64_t n) { return n < 2 ? 20 : n < 20 ? 10 * n : 200; }

static bg_status check(const bg_search_method *m, int64_t dimension)
{
    (void)dimension;
    if (!(m->differential_weight > 0 && m->differential_weight <= 2))
        return bg_fail(BG_ERR_ARGUMENT, "%s: differential weight %g, it must be in (0, 2]", m->name,
                       m->differential_weight);
    if (!(m->crossover >= 0 && m->crossover <= 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: crossover %g, it must be in [0, 1]", m->name, m->crossover);
    return BG_OK;
}

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    made->members = bgi_search_numbers(s, s->population * s->n);
    made->losses = bgi_search_numbers(s, s->population);
    if (!made->members || !made->losses)
        return BG_ERR_NOMEM;
    s->state = made;
    return BG_OK;
}

/* Three members that are neither each other nor i. */
static void choose(const bg_search *s, const bgi_source *source, int64_t i, int64_t chosen[3])
{
    int64_t taken[4] = { i }; /* ascending */
    for (int64_t c = 0; c < 3; c++) {
        int64_t pick = (int64_t)(bgi_source_uniform(source, i, c) * (double)(s->population - 1 - c)), at = 0;
        for (; at <= c && pick >= taken[at]; at++)
            pick++;
        memmove(taken + at + 1, taken + at, (size_t)(c + 1 - at) * sizeof *taken);
        taken[at] = chosen[c] = pick;
    }
}

static double keep_in(const bg_search *s, int64_t i, double x, double parent)
{
    if (!s->lower)
        return x;
    if (!(x >= s->lower[i]))
        return parent / 2 + s->lower[i] / 2;
    return x > s->upper[i] ? parent / 2 + s->upper[i] / 2 : x;
}

static void ask(bg_search *s, double *candidates)
{
    const state *now = s->state;
    int64_t n = s->n;
    bgi_source source = bgi_search_source(s, "search.de");
    for (int64_t k = 0; k < s->population; k++) {
        double *x = candidates + k * n;
        if (!now->has_losses) {
            bgi_search_draw_point(s, &source, k, x);
            continue;
        }
        int64_t chosen[3];
        choose(s, &source, k, chosen);
        const double *parent = now->members + k * n, *a = now->members + chosen[0] * n,
                     *b = now->members + chosen[1] * n, *c = now->members + chosen[2] * n;
        /* One coordinate changes in any case. */
        int64_t certain = (int64_t)(bgi_source_uniform(&source, k, 3) * (double)n);
        for (int64_t i = 0; i < n; i++) {
            bool crosses = i == certain || bgi_source_uniform(&source, k, 4 + i) < s->method.crossover;
            double mutant = a[i] + s->method.differential_weight * (b[i] - c[i]);
            x[i] = crosses ? keep_in(s, i, mutant, parent[i]) : parent[i];
        }
    }
}

static void tell(bg_search *s, const double *candidates)
{
    state *now = s->state;
    for (int64_t k = 0; k < s->population; k++) {
        if (now->has_losses && !(s->losses[k] <= now->losses[k]))
            continue;
        now->losses[k] = s->losses[k];
        memcpy(now->members + k * s->n, candidates + k * s->n, (size_t)s->n * sizeof(double));
    }
    now->has_losses = true;
    s->reason = bgi_search_judge_losses(s, now->losses, s->population);
}

const bg_search_rule bgi_search_de_rule = {
    .check = check, .population = population, .least = 4, .scales_sigma = true, .begin = begin, .ask = ask, .tell = tell
};
