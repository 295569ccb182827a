/* (mu/mu, lambda)-ES whose step length is inherited, mutated and selected with the place. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *parent;  /* [n] */
    double *lengths; /* [population]: log of the candidates' steps in units of sigma */
} state;

static int64_t population(int64_t n) { return 4 * bgi_search_small_population(n); }

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    made->parent = bgi_search_numbers(s, s->n);
    made->lengths = bgi_search_numbers(s, s->population);
    if (!made->parent || !made->lengths)
        return BG_ERR_NOMEM;
    memcpy(made->parent, s->start, (size_t)s->n * sizeof(double));
    s->state = made;
    return BG_OK;
}

static void ask(bg_search *s, double *candidates)
{
    const state *now = s->state;
    bgi_source source = bgi_search_source(s, "search.es"), length_source = bgi_search_source(s, "search.es.length");
    length_source.n = 1;
    /* Beyer, Schwefel, Evolution strategies: a comprehensive introduction, 2002, section 5: the learning parameter. */
    double tau = 1 / sqrt(2 * (double)s->n);
    for (int64_t k = 0; k < s->population; k++) {
        double *x = candidates + k * s->n, z;
        bgi_source_normals(&length_source, k, &z);
        now->lengths[k] = tau * z;
        double step = s->sigma * exp(now->lengths[k]);
        bgi_source_normals(&source, k, x);
        for (int64_t i = 0; i < s->n; i++)
            x[i] = now->parent[i] + step * x[i];
        bgi_search_reflect(s, x);
    }
}

/* The parent is the mean of the best quarter; of the step lengths the geometric one, which does not drift where losses
 * say nothing. */
static void tell(bg_search *s, const double *candidates)
{
    state *now = s->state;
    int64_t mu = s->population / 4;
    bgi_search_sort(s->losses, s->population, s->order);
    memset(now->parent, 0, (size_t)s->n * sizeof(double));
    double length = 0;
    for (int64_t rank = 0; rank < mu; rank++) {
        int64_t k = s->order[rank];
        for (int64_t i = 0; i < s->n; i++)
            now->parent[i] += candidates[k * s->n + i] / (double)mu;
        length += now->lengths[k] / (double)mu;
    }
    s->sigma *= exp(length);
    s->reason = bgi_search_judge_step(s);
    if (!s->reason)
        s->reason = bgi_search_judge_losses(s, s->losses, s->population);
}

const bg_search_rule bgi_search_es_rule = {
    .population = population, .least = 4, .scales_sigma = true, .begin = begin, .ask = ask, .tell = tell
};
