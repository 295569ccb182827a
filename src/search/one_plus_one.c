/* (1+1)-ES with the rule of one success in five. */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct {
    double *parent;
    double loss;
    bool has_loss; /* of the parent, which is the first candidate */
} state;

static int64_t one(int64_t n)
{
    (void)n;
    return 1;
}
static int64_t count(const bg_search *s)
{
    (void)s;
    return 1;
}

static bg_status check(const bg_search_method *m, int64_t dimension)
{
    (void)dimension;
    if (m->population > 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a population of %lld, it is always 1", m->name, (long long)m->population);
    return BG_OK;
}

static bg_status begin(bg_search *s)
{
    state *made = bgi_arena_push(&s->state_arena, sizeof *made);
    if (!made || !(made->parent = bgi_search_numbers(s, s->n)))
        return BG_ERR_NOMEM;
    memcpy(made->parent, s->start, (size_t)s->n * sizeof(double));
    s->state = made;
    return BG_OK;
}

static void ask(bg_search *s, double *candidate)
{
    const state *now = s->state;
    if (!now->has_loss) {
        memcpy(candidate, now->parent, (size_t)s->n * sizeof(double));
        return;
    }
    bgi_source source = bgi_search_source(s, "search.one_plus_one");
    bgi_source_normals(&source, 0, candidate);
    for (int64_t i = 0; i < s->n; i++)
        candidate[i] = now->parent[i] + s->sigma * candidate[i];
    bgi_search_reflect(s, candidate);
}

/* Hansen, Arnold, Auger, Evolution strategies, 2015, the (1+1)-ES: sigma · exp((success - 1/5) / d), d = √(n + 1). */
static void tell(bg_search *s, const double *candidate)
{
    state *now = s->state;
    bool succeeds = s->losses[0] <= now->loss;
    if (now->has_loss)
        s->sigma *= exp((succeeds ? 0.8 : -0.2) / sqrt((double)s->n + 1));
    if (succeeds || !now->has_loss) {
        memcpy(now->parent, candidate, (size_t)s->n * sizeof(double));
        now->loss = s->losses[0];
    }
    now->has_loss = true;
    s->reason = bgi_search_judge_step(s);
}

const bg_search_rule bgi_search_one_plus_one_rule = {
    .check = check,
    .population = one,
    .least = 1,
    .scales_sigma = true,
    .begin = begin,
    .count = count,
    .ask = ask,
    .tell = tell,
};
