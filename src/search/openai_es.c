/* Natural evolution strategy in the form of Salimans et al., 2017: opposite pairs, ranks, Adam. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *center, *gradient, *m, *v, *step; /* [n] */
    double *shares;                           /* [population] */
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
    bg_status status = bgi_search_check_rows(s, s->population);
    if (status != BG_OK)
        return status;
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    double **vectors[] = { &made->center, &made->gradient, &made->m, &made->v, &made->step };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (!(*vectors[i] = bgi_search_numbers(s, s->n)))
            return BG_ERR_NOMEM;
    if (!(made->shares = bgi_search_numbers(s, s->population)))
        return BG_ERR_NOMEM;
    memcpy(made->center, s->start, (size_t)s->n * sizeof(double));
    s->state = made;
    return BG_OK;
}

static void ask(bg_search *s, double *candidates)
{
    const state *now = s->state;
    bgi_source source = bgi_search_source(s, "search.openai_es");
    for (int64_t pair = 0; pair < s->population / 2; pair++) {
        double *plus = candidates + 2 * pair * s->n, *minus = plus + s->n;
        bgi_source_normals(&source, pair, plus);
        for (int64_t i = 0; i < s->n; i++) {
            double step = s->sigma * plus[i];
            plus[i] = now->center[i] + step;
            minus[i] = now->center[i] - step;
        }
        bgi_search_reflect(s, plus);
        bgi_search_reflect(s, minus);
    }
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

static void tell(bg_search *s, const double *candidates)
{
    (void)candidates; /* the steps are drawn once more */
    state *now = s->state;
    const bg_search_method *o = &s->method;
    set_shares(s, now->shares);
    for (int64_t i = 0; i < s->n; i++)
        now->gradient[i] = o->weight_decay * now->center[i];
    bgi_source source = bgi_search_source(s, "search.openai_es");
    for (int64_t pair = 0; pair < s->population / 2; pair++) {
        double weight = (now->shares[2 * pair] - now->shares[2 * pair + 1]) / ((double)s->population * s->sigma);
        bgi_source_normals(&source, pair, now->step);
        for (int64_t i = 0; i < s->n; i++)
            now->gradient[i] += weight * now->step[i];
    }
    now->updates++;
    double bias1 = 1 - pow(o->beta1, (double)now->updates), bias2 = 1 - pow(o->beta2, (double)now->updates);
    for (int64_t i = 0; i < s->n; i++) {
        double g = now->gradient[i];
        now->m[i] = o->beta1 * now->m[i] + (1 - o->beta1) * g;
        now->v[i] = o->beta2 * now->v[i] + (1 - o->beta2) * g * g;
        now->center[i] -= o->learning_rate * (now->m[i] / bias1) / (sqrt(now->v[i] / bias2) + o->eps);
    }
}

const bg_search_rule bgi_search_openai_es_rule = {
    .check = check, .population = population, .least = 2, .takes_pairs = true, .begin = begin, .ask = ask, .tell = tell
};
