/* Asking and telling: what all methods have in common. */
#include "search/search.h"

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* ---- Making ---- */

static bg_status check_bounds(const char *name, const double *lower, const double *upper, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double low = lower ? lower[i] : -INFINITY, high = upper ? upper[i] : INFINITY;
        if (isnan(low) || isnan(high))
            return bg_fail(BG_ERR_ARGUMENT, "%s: a bound of coordinate %lld is NaN", name, (long long)i);
        if (low > high || low == INFINITY || high == -INFINITY)
            return bg_fail(BG_ERR_ARGUMENT, "%s: the bounds of coordinate %lld are crossed: %g to %g", name,
                           (long long)i, low, high);
    }
    return BG_OK;
}

static bg_status check_start(const char *name, const bg_search_options *o, int64_t n)
{
    for (int64_t i = 0; o->start && i < n; i++) {
        double x = o->start[i], low = o->lower ? o->lower[i] : -INFINITY, high = o->upper ? o->upper[i] : INFINITY;
        if (!isfinite(x))
            return bg_fail(BG_ERR_ARGUMENT, "%s: the start is %g at coordinate %lld, it must be finite", name, x,
                           (long long)i);
        if (x < low || x > high)
            return bg_fail(BG_ERR_ARGUMENT, "%s: the start is %g at coordinate %lld, outside its bounds %g to %g", name,
                           x, (long long)i, low, high);
    }
    return BG_OK;
}

/* 0.3 times the narrowest side of the box that is open, else 1. */
static double default_sigma(const bg_search *s)
{
    double narrowest = INFINITY;
    for (int64_t i = 0; s->is_box && i < s->n; i++) {
        double width = s->upper[i] - s->lower[i];
        if (width > 0 && width < narrowest)
            narrowest = width;
    }
    return isfinite(narrowest) ? 0.3 * narrowest : 1;
}

static void take_bounds(bg_search *s, const bg_search_options *o)
{
    s->is_box = s->lower != NULL;
    for (int64_t i = 0; s->lower && i < s->n; i++) {
        s->lower[i] = o->lower ? o->lower[i] : -INFINITY;
        s->upper[i] = o->upper ? o->upper[i] : INFINITY;
        s->is_box = s->is_box && isfinite(s->lower[i]) && isfinite(s->upper[i]);
    }
    for (int64_t i = 0; i < s->n; i++)
        s->first_start[i] = o->start ? o->start[i] : s->is_box ? s->lower[i] / 2 + s->upper[i] / 2 : 0;
    bgi_search_clip(s, s->first_start);
}

/* A run of the method from s->start. */
static bg_status begin(bg_search *s)
{
    if (s->population > INT64_MAX / 64 / s->n)
        return bg_fail(BG_ERR_OVERFLOW, "%s: %lld candidates of %lld numbers do not fit", s->method.name,
                       (long long)s->population, (long long)s->n);
    return s->method.rule->begin(s);
}

/* The tensor of the best candidate, and the arrays that live as long as the search. */
static bg_status make(bg_search *s, const bg_search_options *o)
{
    bg_status status = bg_tensor_create(&s->best, s->engine, BG_F64, BG_SHAPE(s->n));
    if (status != BG_OK)
        return status;
    size_t bytes = (size_t)s->n * sizeof(double);
    s->start = bgi_arena_push(&s->arena, bytes);
    s->first_start = bgi_arena_push(&s->arena, bytes);
    if (!s->start || !s->first_start)
        return BG_ERR_NOMEM;
    if (o->lower || o->upper) {
        s->lower = bgi_arena_push(&s->arena, bytes);
        s->upper = bgi_arena_push(&s->arena, bytes);
        if (!s->lower || !s->upper)
            return BG_ERR_NOMEM;
    }
    take_bounds(s, o);
    memcpy(s->start, s->first_start, bytes);
    memcpy(bg_tensor_data(s->best), s->first_start, bytes);
    s->first_sigma = s->sigma = s->method.sigma > 0 ? s->method.sigma : default_sigma(s);
    s->population = s->method.population ? s->method.population : s->method.rule->population(s->n);
    s->progress = (bg_search_progress){ .best_loss = INFINITY };
    return begin(s);
}

bg_status bg_search_create(bg_search **search, bg_engine *engine, const bg_search_method *method, int64_t dimension,
                           const bg_search_options *options)
{
    if (search)
        *search = NULL;
    if (!search)
        return bg_fail(BG_ERR_ARGUMENT, "search_create: search is NULL");
    bg_search_options o = options ? *options : (bg_search_options){ 0 };
    bg_status status = bgi_engine_check(engine, "search_create");
    if (status == BG_OK)
        status = bg_search_method_check(method, dimension);
    int64_t count;
    size_t bytes;
    if (status == BG_OK)
        status = bgi_shape_check(BG_SHAPE(dimension), BG_F64, method->name, &count, &bytes);
    if (status == BG_OK)
        status = check_bounds(method->name, o.lower, o.upper, dimension);
    if (status == BG_OK)
        status = check_start(method->name, &o, dimension);
    if (status != BG_OK)
        return status;
    bg_search *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    made->engine = engine;
    made->method = *method;
    made->n = dimension;
    made->seed = o.seed;
    bgi_arena_init(&made->arena, engine);
    bgi_arena_init(&made->state_arena, engine);
    status = make(made, &o);
    if (status != BG_OK) {
        bg_search_destroy(made);
        return status;
    }
    *search = made;
    return BG_OK;
}

void bg_search_destroy(bg_search *s)
{
    if (!s)
        return;
    bg_engine *engine = s->engine;
    bg_tensor_destroy(s->candidates);
    bg_tensor_destroy(s->best);
    bgi_free(engine, s->losses, (size_t)s->capacity * sizeof *s->losses);
    bgi_free(engine, s->order, 2 * (size_t)s->capacity * sizeof *s->order);
    bgi_arena_release(&s->state_arena);
    bgi_arena_release(&s->arena);
    bgi_free(engine, s, sizeof *s);
    bgi_engine_release(engine);
}

/* ---- Asking ---- */

/* A new state with twice the population, from another place if the bounds say where that could be. Nothing has changed
 * if there is no memory for it. */
static bg_status restart(bg_search *s)
{
    bg_search before = *s;
    double *start = s->start;
    memcpy(start, s->first_start, (size_t)s->n * sizeof *start);
    if (s->is_box) {
        bgi_source source = bgi_search_source(s, "search.restart");
        bgi_search_draw_point(s, &source, 0, start);
    }
    if (!s->method.rule->count) /* a method that counts its candidates itself has no population to double */
        s->population *= 2;
    s->sigma = s->first_sigma;
    s->reason = NULL;
    bgi_arena_init(&s->state_arena, s->engine);
    bg_status status = begin(s);
    if (status != BG_OK) {
        bgi_arena_release(&s->state_arena);
        *s = before;
        return status;
    }
    bgi_arena_release(&before.state_arena);
    s->progress.restarts++;
    return BG_OK;
}

/* Room for n candidates and their losses. */
static bg_status reserve(bg_search *s, int64_t n)
{
    if (s->candidates && bg_tensor_shape(s->candidates).dims[0] == n)
        return BG_OK;
    bg_tensor *candidates;
    bg_status status = bg_tensor_create(&candidates, s->engine, BG_F64, BG_SHAPE(n, s->n));
    if (status != BG_OK)
        return status;
    if (n > s->capacity) {
        double *losses = bgi_alloc(s->engine, (size_t)n * sizeof *losses);
        int64_t *order = bgi_alloc(s->engine, 2 * (size_t)n * sizeof *order);
        if (!losses || !order) {
            bgi_free(s->engine, losses, (size_t)n * sizeof *losses);
            bgi_free(s->engine, order, 2 * (size_t)n * sizeof *order);
            bg_tensor_destroy(candidates);
            return BG_ERR_NOMEM;
        }
        bgi_free(s->engine, s->losses, (size_t)s->capacity * sizeof *s->losses);
        bgi_free(s->engine, s->order, 2 * (size_t)s->capacity * sizeof *s->order);
        s->losses = losses;
        s->order = order;
        s->capacity = n;
    }
    bg_tensor_destroy(s->candidates);
    s->candidates = candidates;
    return BG_OK;
}

static bool restarts_next(const bg_search *s) { return s->reason && s->progress.restarts < s->method.restarts; }

static int64_t next_count(const bg_search *s)
{
    if (restarts_next(s) && !s->method.rule->count)
        return 2 * s->population;
    return s->method.rule->count ? s->method.rule->count(s) : s->population;
}

bg_status bg_search_ask(bg_search *s, const bg_tensor **candidates)
{
    if (candidates)
        *candidates = NULL;
    if (!s || !candidates)
        return bg_fail(BG_ERR_ARGUMENT, "search_ask: %s is NULL", s ? "candidates" : "search");
    bg_status status = bgi_engine_check(s->engine, "search_ask");
    if (status == BG_OK && s->asked == 0) {
        if (restarts_next(s))
            status = restart(s);
        int64_t n = next_count(s);
        if (status == BG_OK)
            status = reserve(s, n);
        if (status == BG_OK) {
            s->method.rule->ask(s, bg_tensor_data(s->candidates));
            s->asked = n;
        }
    }
    if (status == BG_OK)
        *candidates = s->candidates;
    return status;
}

/* ---- Telling ---- */

static void remember_best(bg_search *s, const double *candidates)
{
    int64_t best = -1;
    for (int64_t i = 0; i < s->asked; i++)
        if (s->losses[i] < s->progress.best_loss) {
            s->progress.best_loss = s->losses[i];
            best = i;
        }
    if (best >= 0)
        memcpy(bg_tensor_data(s->best), candidates + best * s->n, (size_t)s->n * sizeof *candidates);
}

bg_status bg_search_tell(bg_search *s, const double *losses, int64_t n)
{
    if (!s || !losses)
        return bg_fail(BG_ERR_ARGUMENT, "search_tell: %s is NULL", s ? "losses" : "search");
    bg_status status = bgi_engine_check(s->engine, "search_tell");
    if (status != BG_OK)
        return status;
    if (s->asked == 0)
        return bg_fail(BG_ERR_ARGUMENT, "search_tell: no candidates were asked for since the last losses");
    if (n != s->asked)
        return bg_fail(BG_ERR_ARGUMENT, "search_tell: %lld losses for %lld candidates", (long long)n,
                       (long long)s->asked);
    for (int64_t i = 0; i < n; i++)
        s->losses[i] = isnan(losses[i]) ? INFINITY : losses[i];
    const double *candidates = bg_tensor_const_data(s->candidates);
    remember_best(s, candidates);
    s->progress.evaluations += n;
    s->method.rule->tell(s, candidates);
    s->progress.generations++;
    s->asked = 0;
    if (s->reason)
        s->progress.reason = s->reason;
    return BG_OK;
}

bg_search_progress bg_search_get_progress(const bg_search *s)
{
    if (!s)
        return (bg_search_progress){ .best_loss = INFINITY };
    bg_search_progress progress = s->progress;
    progress.population = s->asked ? s->asked : next_count(s);
    progress.sigma = s->sigma;
    progress.has_converged = s->reason && !restarts_next(s);
    return progress;
}

const bg_tensor *bg_search_best(const bg_search *s) { return s ? s->best : NULL; }
