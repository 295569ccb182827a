/* What several methods do alike. */
#include "search/search.h"

#include "base/pool.h"

#include <math.h>

typedef struct {
    const bg_search *search;
    bgi_part_work *work;
    void *context;
    int workers;
} part_job;

static void do_parts(void *context, int worker)
{
    const part_job *job = context;
    int64_t n = job->search->n;
    for (int64_t part = worker; part < bgi_search_part_count(job->search); part += job->workers) {
        int64_t first = part * BGI_PART;
        job->work(job->search, job->context, (bgi_part){ first, n - first < BGI_PART ? n - first : BGI_PART });
    }
}

void bgi_search_each_part(const bg_search *s, bgi_part_work *work, void *context)
{
    bg_engine *engine = s->engine;
    part_job job = { s, work, context, 1 };
    if (bgi_search_part_count(s) == 1 || atomic_exchange(&engine->is_running, true)) {
        bgi_pool_run_alone(engine->pool, do_parts, &job);
        return;
    }
    job.workers = engine->threads;
    bgi_pool_run(engine->pool, do_parts, &job);
    atomic_store(&engine->is_running, false);
}

int64_t bgi_search_small_population(int64_t n) { return 4 + (int64_t)floor(3 * log((double)n)); }

const char *bgi_search_judge_step(const bg_search *s)
{
    if (s->sigma < s->method.tolerance_x)
        return "the step is within tolerance_x";
    return s->sigma <= 1e20 * s->first_sigma ? NULL : "the step grows without end";
}

double bgi_search_range(const double *values, int64_t n)
{
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    return most - least;
}

const char *bgi_search_judge_losses(const bg_search *s, const double *losses, int64_t n)
{
    if (bgi_search_range(losses, n) < s->method.tolerance_loss)
        return "the losses are within tolerance_loss of each other";
    return NULL;
}

double *bgi_search_numbers(bg_search *s, int64_t count)
{
    return bgi_arena_push(&s->state_arena, (size_t)count * sizeof(double));
}
