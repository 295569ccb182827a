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
    return (bgi_source){ .seed = s->seed,
                         .stream = stream,
                         .row_blocks = (uint64_t)s->n / 2 + 5,
                         .n = s->n,
                         .kernels = s->engine->kernels };
}

/* Numbers are drawn in pieces that stay in the cache: so many blocks of Philox, of two numbers each. */
enum { PIECE = 128 };

/* Uniform in [0, 1) with 53 bits, of half a block. */
static double fraction(const uint32_t *half)
{
    uint64_t bits = (uint64_t)half[1] << 32 | half[0];
    return (double)(int64_t)(bits >> 11) * 0x1p-53; /* the conversion of a signed number takes one instruction */
}

/* Box, Muller, A note on the generation of random normal deviates, 1958: two numbers of each block. */
static void draw_pairs(const bgi_source *source, uint64_t first, int64_t pairs, double *z)
{
    const bgk_kernels *k = &source->kernels->f64;
    uint32_t words[4 * PIECE];
    double radius[PIECE], angle[PIECE], cosine[PIECE];
    source->kernels->philox(words, source->seed, source->stream, first, pairs);
    for (int64_t i = 0; i < pairs; i++) {
        radius[i] = 1 - fraction(words + 4 * i); /* above 0 */
        angle[i] = two_pi * fraction(words + 4 * i + 2);
    }
    k->log(radius, radius, 1, NULL, 0, NULL, 0, pairs);
    k->cos(cosine, angle, 1, NULL, 0, NULL, 0, pairs);
    k->sin(angle, angle, 1, NULL, 0, NULL, 0, pairs);
    for (int64_t i = 0; i < pairs; i++) {
        double scale = sqrt(-2 * radius[i]);
        z[2 * i] = scale * cosine[i];
        z[2 * i + 1] = scale * angle[i];
    }
}

void bgi_source_normals_of(const bgi_source *source, int64_t candidate, bgi_part part, double *z)
{
    /* Parts begin at even numbers. */
    uint64_t block = source->row_blocks * (uint64_t)candidate + (uint64_t)part.first / 2;
    int64_t whole = part.n / 2;
    for (int64_t i = 0; i < whole; i += PIECE)
        draw_pairs(source, block + (uint64_t)i, whole - i < PIECE ? whole - i : PIECE, z + 2 * i);
    if (part.n % 2) {
        double last[2];
        draw_pairs(source, block + (uint64_t)whole, 1, last);
        z[part.n - 1] = last[0];
    }
}

void bgi_source_normals(const bgi_source *source, int64_t candidate, double *z)
{
    bgi_source_normals_of(source, candidate, (bgi_part){ 0, source->n }, z);
}

double bgi_source_uniform(const bgi_source *source, int64_t candidate, int64_t i)
{
    uint64_t first = 2 * source->row_blocks * (uint64_t)candidate;
    return bgi_random_uniform(source->seed, source->stream, first + (uint64_t)i);
}

void bgi_search_draw_part(const bg_search *s, const bgi_source *source, int64_t candidate, bool is_normal,
                          bgi_part part, double *x)
{
    int64_t end = part.first + part.n;
    if (s->is_box && !is_normal) {
        for (int64_t i = part.first; i < end; i++) {
            double u = bgi_source_uniform(source, candidate, i);
            x[i] = (1 - u) * s->lower[i] + u * s->upper[i]; /* the difference of the bounds may overflow */
        }
    } else {
        bgi_source_normals_of(source, candidate, part, x + part.first);
        for (int64_t i = part.first; i < end; i++)
            x[i] = s->start[i] + s->first_sigma * x[i];
    }
    bgi_search_reflect_part(s, part, x);
}

void bgi_search_draw_point(const bg_search *s, const bgi_source *source, int64_t candidate, double *x)
{
    bgi_search_draw_part(s, source, candidate, false, (bgi_part){ 0, s->n }, x);
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

void bgi_search_reflect_part(const bg_search *s, bgi_part part, double *x)
{
    if (!s->lower)
        return;
    for (int64_t i = part.first; i < part.first + part.n; i++)
        x[i] = reflect(x[i], s->lower[i], s->upper[i]);
}

void bgi_search_reflect(const bg_search *s, double *x) { bgi_search_reflect_part(s, (bgi_part){ 0, s->n }, x); }

void bgi_search_clip(const bg_search *s, double *x)
{
    if (!s->lower)
        return;
    for (int64_t i = 0; i < s->n; i++)
        x[i] = clip(x[i], s->lower[i], s->upper[i]);
}
