/* Several engines at work in one process at once, each with a model, a program and workers of its own. */
#include "bench_engines.h"

#include "bench_time.h"
#include "commands.h"
#include "machine.h"
#include "output.h"
#include "signals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bg_engine *engine;
    workload_step step;
    pthread_t thread;
    int64_t steps;
    bg_status status;
    char message[512];
} party;

/* A run is of so many steps that starting the threads does not count. */
static const double RUN_SECONDS = 0.05;

typedef struct {
    party *parties;
    int n;
    int64_t steps; /* of a run */
} gathering;

/* An error is of the thread that met it, so its message goes over by hand. */
static void *run_party(void *argument)
{
    party *p = argument;
    p->status = bench_run_program(p->step.program, p->steps);
    if (p->status != BG_OK)
        snprintf(p->message, sizeof p->message, "%s", bg_last_error());
    return NULL;
}

static bg_status run_one(void *context, int64_t runs)
{
    const gathering *all = context;
    return bench_run_program(all->parties[0].step.program, runs * all->steps);
}

/* The same number of runs on each engine at once. */
static bg_status run_all(void *context, int64_t runs)
{
    const gathering *all = context;
    bg_status status = BG_OK;
    int started = 0;
    for (; started < all->n && status == BG_OK; started++) {
        party *p = &all->parties[started];
        p->steps = runs * all->steps;
        int error = pthread_create(&p->thread, NULL, run_party, p);
        if (error) {
            status = bg_fail(BG_ERR_SYSTEM, "bench: a thread cannot be started: %s", strerror(error));
            break;
        }
    }
    for (int i = 0; i < started; i++) {
        pthread_join(all->parties[i].thread, NULL);
        if (status == BG_OK && all->parties[i].status != BG_OK)
            status = bg_fail(all->parties[i].status, "%s", all->parties[i].message);
    }
    return status;
}

static bg_status start_party(party *p, const workload *w, const bg_engine_options *options)
{
    workload_result result;
    bg_status status = bg_engine_create(&p->engine, options);
    if (status == BG_OK)
        status = workload_start(&p->step, w, p->engine, workload_dtype(w), NULL);
    if (status == BG_OK)
        status = workload_check(&p->step, w, &result);
    return status;
}

/* One alone, and all at once. */
static bg_status measure(gathering *all, double seconds, bench_time times[2])
{
    void *const contexts[] = { all, all };
    all->steps = 1;
    bg_status status = bench_measure(times, (bench_run *const[]){ run_one }, contexts, 1, 0);
    if (status != BG_OK)
        return status;
    all->steps = times->min < RUN_SECONDS ? (int64_t)(RUN_SECONDS / times->min) + 1 : 1;
    return bench_measure(times, (bench_run *const[]){ run_one, run_all }, contexts, 2, seconds);
}

static int show(const bench_config *config, const workload *w, const gathering *all, const bench_time times[2])
{
    bg_engine *engine = all->parties[0].engine;
    int threads = bg_engine_describe(engine).threads, n = config->n_engines;
    double alone = times[0].median / (double)all->steps, at_once = times[1].median / (double)all->steps;
    double speed_up = n * alone / at_once; /* all engines' steps count */
    if (!config->results.json) {
        output_line("%s: %d engines of %d thread%s", w->name, n, threads, threads == 1 ? "" : "s");
        output_line("    %.4g ms a step alone, %.4g at once: %.3f times as many a second", alone * 1e3, at_once * 1e3,
                    speed_up);
    }
    event *e = event_create(NULL);
    event_text(e, "workload", w->name);
    event_integer(e, "engines", n);
    event_integer(e, "threads", threads);
    event_number(e, "alone_ms", alone * 1e3);
    event_number(e, "at_once_ms", at_once * 1e3);
    event_number(e, "speed_up", speed_up);
    bench_describe(e, engine);
    return results_add(&config->results, e);
}

int bench_engines(const bench_config *config, const workload *w, int threads)
{
    gathering all = { .parties = calloc((size_t)config->n_engines, sizeof *all.parties) };
    if (!all.parties)
        return output_failure("out of memory");
    bg_engine_options options = { .threads = threads, .gemm = config->gemm };
    bg_status status = BG_OK;
    for (; all.n < config->n_engines && status == BG_OK; all.n++)
        status = start_party(&all.parties[all.n], w, &options);
    bench_time times[2];
    if (status == BG_OK)
        status = measure(&all, 2 * config->seconds, times);
    int code = status == BG_OK                                ? show(config, w, &all, times)
               : status == BG_ERR_STOPPED && signals_caught() ? 128 + signals_caught()
                                                              : bench_fail(w);
    for (int i = 0; i < all.n; i++) {
        workload_finish(&all.parties[i].step);
        bg_engine_destroy(all.parties[i].engine);
    }
    free(all.parties);
    return code;
}
