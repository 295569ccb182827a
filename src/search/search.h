/* A search from the inside: what the methods share. */
#ifndef BGI_SEARCH_H
#define BGI_SEARCH_H

#include <blasgrad/search.h>

#include <blasgrad/graph.h> /* bg_fail */

#include "base/arena.h"

/* How a method proposes and learns. */
struct bg_search_rule {
    bg_status (*check)(const bg_search_method *method, int64_t dimension); /* its own numbers; may be NULL */
    int64_t (*population)(int64_t dimension);                              /* the default */
    int64_t least;                                                         /* population */
    bool takes_pairs;                                                      /* the population is even */
    bool scales_sigma;                                                     /* sigma 0 stands for a part of the box */
    /* Makes s->state in s->state_arena, from s->population, s->sigma and s->start. It is the only one to take memory.
     * A few times population · n numbers fit. */
    bg_status (*begin)(bg_search *s);
    int64_t (*count)(const bg_search *s); /* candidates of the next generation; NULL: the population */
    void (*ask)(bg_search *s, double *candidates);
    void (*tell)(bg_search *s, const double *candidates);
};

struct bg_search {
    bg_engine *engine;
    bg_search_method method;
    int64_t n; /* the dimension */
    uint64_t seed;
    double *start;         /* of this run: another one after a restart in a box */
    double *first_start;   /* as given */
    double *lower, *upper; /* infinite where there is none; both NULL if there is none at all */
    bool is_box;           /* all bounds are finite */
    double first_sigma, sigma;
    bgi_arena arena, state_arena;
    void *state; /* the method's */
    int64_t population;
    bg_tensor *candidates, *best;
    int64_t asked, capacity; /* candidates whose losses are awaited; rows of what follows */
    double *losses;          /* as told, without NaN */
    int64_t *order;          /* of the losses from the least, ties by position; with room for sorting behind */
    bg_search_progress progress;
    const char *reason; /* the method's state has converged; NULL: not */
};

/* ---- Parts ----
 * In large dimensions the engine's workers each take some coordinates of all candidates. */

enum { BGI_PART = 4096 };
typedef struct {
    int64_t first, n;
} bgi_part;
static inline int64_t bgi_search_part_count(const bg_search *s) { return (s->n + BGI_PART - 1) / BGI_PART; }
/* Calls work for parts that together are all coordinates, the same ones for any number of threads, in any order and
 * some at a time; on the calling thread alone if the engine is running a program. */
typedef void bgi_part_work(const bg_search *s, void *context, bgi_part part);
void bgi_search_each_part(const bg_search *s, bgi_part_work *work, void *context);

/* ---- Random numbers of the present generation ---- */

typedef struct {
    uint64_t seed, stream;
    uint64_t row_blocks; /* of one candidate */
    int64_t n;
    const bgk_table *kernels;
} bgi_source;

/* purpose: a text that tells different uses apart. */
bgi_source bgi_search_source(const bg_search *s, const char *purpose);
/* The normal numbers of coordinates part.first .. of a candidate to z[0] .. */
void bgi_source_normals_of(const bgi_source *source, int64_t candidate, bgi_part part, double *z);
/* n standard normal numbers for a candidate. */
void bgi_source_normals(const bgi_source *source, int64_t candidate, double *z);
/* Uniform in [0, 1): number i < n + 8 of a candidate. Not to be mixed with normals of the same source. */
double bgi_source_uniform(const bgi_source *source, int64_t candidate, int64_t i);

/* A point as random search draws it: uniform in the box, or normal around start; a part of it, in its row x. */
void bgi_search_draw_part(const bg_search *s, const bgi_source *source, int64_t candidate, bool is_normal,
                          bgi_part part, double *x);
void bgi_search_draw_point(const bg_search *s, const bgi_source *source, int64_t candidate, double *x);

/* ---- Bounds ---- */

/* Reflects x at the bounds, as often as it takes. What lies within stays as it is. */
void bgi_search_reflect(const bg_search *s, double *x);
void bgi_search_reflect_part(const bg_search *s, bgi_part part, double *x); /* of the row x */
void bgi_search_clip(const bg_search *s, double *x);

/* ---- Losses ---- */

/* Sorts positions by their losses, ties by position. order has room for 2 n. */
void bgi_search_sort(const double *losses, int64_t n, int64_t *order);
/* Of numbers without NaN; sorts them. order has room for 2 n. */
double bgi_search_median(const double *values, int64_t n, int64_t *order);
/* The greatest less the least; NaN if all are infinite. */
double bgi_search_range(const double *values, int64_t n);

/* Why a method whose step is s->sigma has converged by it, or NULL. */
const char *bgi_search_judge_step(const bg_search *s);
/* The same for a method with n losses of its own. */
const char *bgi_search_judge_losses(const bg_search *s, const double *losses, int64_t n);

/* An array of numbers in the state's arena. */
double *bgi_search_numbers(bg_search *s, int64_t count);

/* 4 + floor(3 ln n): the population of Hansen's tutorial, equation 48. */
int64_t bgi_search_small_population(int64_t n);

extern const bg_search_rule bgi_search_random_rule, bgi_search_one_plus_one_rule, bgi_search_es_rule,
    bgi_search_openai_es_rule, bgi_search_cmaes_rule, bgi_search_sep_cmaes_rule, bgi_search_spsa_rule,
    bgi_search_de_rule, bgi_search_pso_rule;

#endif
