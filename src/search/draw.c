/* Random numbers of a search, and what keeps candidates within bounds. */
#include "search/search.h"

#include "base/hash.h"
#include "base/random.h"

#include <math.h>

static const double two_pi = 6.283185307179586476925;

bgi_source bgi_search_source(const bg_search *s, const char *purpose)
{
    /* Streams of other purposes lie far away, since their first numbers are hashes. */
    uint64_t stream = bgi_hash_text(purpose) + (uint64_t)s->progress.generations;
    return (bgi_source){ .seed = s->seed, .stream = stream, .row_blocks = (uint64_t)s->n / 2 + 5, .n = s->n };
}

/* Box, Muller, A note on the generation of random normal deviates, 1958: two numbers of each block. */
void bgi_source_normals(const bgi_source *source, int64_t candidate, double *z)
{
    uint64_t first = 2 * source->row_blocks * (uint64_t)candidate;
    for (int64_t i = 0; i < source->n; i += 2) {
        double u = bgi_random_uniform(source->seed, source->stream, first + (uint64_t)i);
        double angle = two_pi * bgi_random_uniform(source->seed, source->stream, first + (uint64_t)i + 1);
        double length = sqrt(-2 * log(1 - u));
        z[i] = length * cos(angle);
        if (i + 1 < source->n)
            z[i + 1] = length * sin(angle);
    }
}

double bgi_source_uniform(const bgi_source *source, int64_t candidate, int64_t i)
{
    uint64_t first = 2 * source->row_blocks * (uint64_t)candidate;
    return bgi_random_uniform(source->seed, source->stream, first + (uint64_t)i);
}

void bgi_search_draw_point(const bg_search *s, const bgi_source *source, int64_t candidate, bool is_normal, double *x)
{
    if (s->is_box && !is_normal) {
        for (int64_t i = 0; i < s->n; i++) {
            double u = bgi_source_uniform(source, candidate, i);
            x[i] = (1 - u) * s->lower[i] + u * s->upper[i]; /* the difference of the bounds may overflow */
        }
    } else {
        bgi_source_normals(source, candidate, x);
        for (int64_t i = 0; i < s->n; i++)
            x[i] = s->start[i] + s->first_sigma * x[i];
    }
    bgi_search_reflect(s, x);
}

static double clip(double x, double low, double high)
{
    return !(x >= low) ? low : x > high ? high : x; /* NaN, from a step that overflowed, too */
}

static double reflect(double x, double low, double high)
{
    if (x >= low && x <= high)
        return x;
    double width = high - low;
    if (isfinite(width) && width > 0) {
        double way = fmod(x - low, 2 * width);
        if (way < 0)
            way += 2 * width;
        x = way <= width ? low + way : high - (way - width);
    } else if (x < low) {
        x = low + (low - x);
    } else {
        x = high - (x - high);
    }
    return clip(x, low, high);
}

void bgi_search_reflect(const bg_search *s, double *x)
{
    if (!s->lower)
        return;
    for (int64_t i = 0; i < s->n; i++)
        x[i] = reflect(x[i], s->lower[i], s->upper[i]);
}

void bgi_search_clip(const bg_search *s, double *x)
{
    if (!s->lower)
        return;
    for (int64_t i = 0; i < s->n; i++)
        x[i] = clip(x[i], s->lower[i], s->upper[i]);
}
