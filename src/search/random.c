/* Random search. */
#include "search/search.h"

static int64_t population(int64_t n)
{
    (void)n;
    return 64;
}

static bg_status begin(bg_search *s)
{
    (void)s; /* nothing is learned */
    return BG_OK;
}

typedef struct {
    bgi_source source;
    double *candidates;
} drawing;

static void draw(const bg_search *s, void *context, bgi_part part)
{
    const drawing *d = context;
    for (int64_t k = 0; k < s->population; k++)
        bgi_search_draw_part(s, &d->source, k, s->method.is_normal, part, d->candidates + k * s->n);
}

static void ask(bg_search *s, double *candidates)
{
    drawing d = { bgi_search_source(s, "search.random"), candidates };
    bgi_search_each_part(s, draw, &d);
}

static void tell(bg_search *s, const double *candidates)
{
    (void)s;
    (void)candidates;
}

const bg_search_rule bgi_search_random_rule = {
    .population = population, .least = 1, .scales_sigma = true, .begin = begin, .ask = ask, .tell = tell
};
