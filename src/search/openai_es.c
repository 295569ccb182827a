/* Natural evolution strategy in the form of Salimans et al., 2017: opposite pairs, ranks, Adam. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *center, *gradient, *m, *v; /* [n] */
    double *shares;                    /* [population] */
    int64_t updates;
} state;

static int64_t population(int64_t n) { return 2 * bgi_search_small_population(n); }

static bg_status check(const bg_search_method *m, int64_t dimension)
{
    (void)dimension;
    if (!(m->learning_rate > 0) || !isfinite(m->learning_rate))
        return bg_fail(BG_ERR_ARGUMENT, "%s: learning rate %g, it must be finite and above 0", m->name,
                       m->learning_rate);
    if (!(m->beta1 >= 0 && m->beta1 < 1) || !(m->beta2 >= 0 && m->beta2 < 1))
        return bg_fail(BG_ERR_ARGUMENT, "%s: beta1 %g and beta2 %g, they must be in [0, 1)", m->name, m->beta1,
                       m->beta2);
    if (!(m->eps > 0) || !isfinite(m->eps) || !(m->weight_decay >= 0) || !isfinite(m->weight_decay))
        return bg_fail(BG_ERR_ARGUMENT, "%s: eps %g, it must be above 0, and weight decay %g, it must be 0 or more",
                       m->name, m->eps, m->weight_decay);
    return BG_OK;
}

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    double **vectors[] = { &made->center, &made->gradient, &made->m, &made->v };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (!(*vectors[i] = bgi_search_numbers(s, s->n)))
            return BG_ERR_NOMEM;
    if (!(made->shares = bgi_search_numbers(s, s->population)))
        return BG_ERR_NOMEM;
    memcpy(made->center, s->start, (size_t)s->n * sizeof(double));
    s->state = made;
    return BG_OK;
}

typedef struct {
    bgi_source source;
    double *candidates;
    double bias1, bias2; /* of Adam's moments */
} generation;

static void ask_part(const bg_search *s, void *context, bgi_part part)
{
    const state *now = s->state;
    const generation *g = context;
    for (int64_t pair = 0; pair < s->population / 2; pair++) {
        double *plus = g->candidates + 2 * pair * s->n, *minus = plus + s->n;
        bgi_source_normals_of(&g->source, pair, part, plus + part.first);
        for (int64_t i = part.first; i < part.first + part.n; i++) {
            double step = s->sigma * plus[i];
            plus[i] = now->center[i] + step;
            minus[i] = now->center[i] - step;
        }
        bgi_search_reflect_part(s, part, plus);
        bgi_search_reflect_part(s, part, minus);
    }
}

static void ask(bg_search *s, double *candidates)
{
    generation g = { .source = bgi_search_source(s, "search.openai_es"), .candidates = candidates };
    bgi_search_each_part(s, ask_part, &g);
}

/* Centred ranks: -0.5 for the least loss, 0.5 for the greatest; equal losses share the mean of their ranks, or a flat
 * loss would seem to prefer one of each pair. */
static void set_shares(const bg_search *s, double *shares)
{
    int64_t n = s->population;
    bgi_search_sort(s->losses, n, s->order);
    for (int64_t first = 0, next; first < n; first = next) {
        for (next = first + 1; next < n && s->losses[s->order[next]] == s->losses[s->order[first]];)
            next++;
        double rank = (double)(first + next - 1) / 2;
        for (int64_t i = first; i < next; i++)
            shares[s->order[i]] = rank / (double)(n - 1) - 0.5;
    }
}

/* The gradient, and Adam's step against it. */
static void tell_part(const bg_search *s, void *context, bgi_part part)
{
    const state *now = s->state;
    const generation *g = context;
    const bg_search_method *o = &s->method;
    double step[BGI_PART], *gradient = now->gradient;
    int64_t end = part.first + part.n;
    for (int64_t i = part.first; i < end; i++)
        gradient[i] = o->weight_decay * now->center[i];
    for (int64_t pair = 0; pair < s->population / 2; pair++) {
        double weight = (now->shares[2 * pair] - now->shares[2 * pair + 1]) / ((double)s->population * s->sigma);
        bgi_source_normals_of(&g->source, pair, part, step);
        for (int64_t i = part.first; i < end; i++)
            gradient[i] += weight * step[i - part.first];
    }
    for (int64_t i = part.first; i < end; i++) {
        now->m[i] = o->beta1 * now->m[i] + (1 - o->beta1) * gradient[i];
        now->v[i] = o->beta2 * now->v[i] + (1 - o->beta2) * gradient[i] * gradient[i];
        now->center[i] -= o->learning_rate * (now->m[i] / g->bias1) / (sqrt(now->v[i] / g->bias2) + o->eps);
    }
}

static void tell(bg_search *s, const double *candidates)
{
    (void)candidates; /* the steps are drawn once more */
    state *now = s->state;
    set_shares(s, now->shares);
    now->updates++;
    generation g = { .source = bgi_search_source(s, "search.openai_es"),
                     .bias1 = 1 - pow(s->method.beta1, (double)now->updates),
                     .bias2 = 1 - pow(s->method.beta2, (double)now->updates) };
    bgi_search_each_part(s, tell_part, &g);
}

const bg_search_rule bgi_search_openai_es_rule = {
    .check = check, .population = population, .least = 2, .takes_pairs = true, .begin = begin, .ask = ask, .tell = tell
};
