/* Engines from the outside: kernels, OpenBLAS and worker pool put together. */
#define _POSIX_C_SOURCE 200809L
#include "base/engine.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "blas/blas.h"

#include <blasgrad/graph.h>

#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

/* All workers make their first product at the same time, each in a buffer of its own inside OpenBLAS. */
static void warm(void *context, int worker)
{
    (void)worker;
    bgi_pool_barrier(context);
    bgi_blas_warm();
}

static void release_blas(const bg_engine *engine) { bgi_blas_release(engine->threads); }

static bg_status check_options(const bg_engine_options *options)
{
    if (options->threads < 0 || options->threads > THREADS_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "engine: %d threads; 1 to %d are possible, or 0 for one per core",
                       options->threads, THREADS_MAX);
    if ((int)options->precision != BG_PRECISION_HIGHEST)
        return bg_fail(BG_ERR_ARGUMENT, "engine: unknown precision %d", (int)options->precision);
    if (options->gemm != BG_GEMM_AUTO && options->gemm != BG_GEMM_OPENBLAS)
        return bg_fail(BG_ERR_ARGUMENT, "engine: unknown gemm %d; there are BG_GEMM_AUTO and BG_GEMM_OPENBLAS",
                       (int)options->gemm);
    if (!options->allocator.allocate != !options->allocator.release)
        return bg_fail(BG_ERR_ARGUMENT, "engine: the allocator has no %s function",
                       options->allocator.allocate ? "release" : "allocate");
    return BG_OK;
}

bg_status bg_engine_create(bg_engine **engine, const bg_engine_options *options)
{
    static const bg_engine_options defaults = { 0 };
    if (!engine)
        return bg_fail(BG_ERR_ARGUMENT, "engine: no place for the result");
    *engine = NULL;
    if (!options)
        options = &defaults;
    bg_status status = check_options(options);
    const bgk_table *kernels = NULL;
    if (status == BG_OK)
        status = bgi_cpu_kernels(&kernels);
    if (status != BG_OK)
        return status;

    bg_engine first = { .allocator = options->allocator.allocate ? options->allocator : bgi_default_allocator };
    bg_engine *made = bgi_alloc_zero(&first, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    atomic_init(&made->references, 1);
    atomic_init(&made->is_running, false);
    made->allocator = first.allocator;
    made->kernels = kernels;
    made->gemm = options->gemm;
    made->threads = options->threads ? options->threads : bgi_cpu_cores();
    made->seed = options->seed;
    made->process = (int)getpid();
    made->log = options->log;
    made->log_user = options->log_user;

    status = bgi_blas_acquire(made->threads);
    made->at_end = status == BG_OK ? release_blas : NULL;
    if (status == BG_OK)
        status = bgi_pool_create(&made->pool, made, made->threads);
    if (status != BG_OK) {
        bgi_engine_release(made);
        return status;
    }
    bgi_pool_run(made->pool, warm, made->pool);

    bgi_engine_log(made, BG_LOG_INFO, "engine: %d threads, %s kernels, precision highest, %s (%s, %s)", made->threads,
                   kernels->name, bgi_blas_description(), bgi_blas_core(), bgi_blas_threading());
    if (bgi_blas_is_serial())
        bgi_engine_log(made, BG_LOG_WARNING,
                       "engine: this OpenBLAS is a serial build: its calls are taken in turn, one thread at a time");
    *engine = made;
    return BG_OK;
}

void bg_engine_destroy(bg_engine *engine) { bgi_engine_release(engine); }

/* Only where our own kernels show what the processor can do. */
static const char *faster_core(const bg_engine *engine)
{
    bool has_avx512 = strcmp(engine->kernels->name, "avx512") == 0;
    return has_avx512 || strcmp(engine->kernels->name, "avx2") == 0 ? bgi_blas_faster_core(has_avx512) : NULL;
}

bg_engine_info bg_engine_describe(const bg_engine *engine)
{
    if (!engine)
        return (bg_engine_info){ 0 };
    return (bg_engine_info){
        .threads = engine->threads,
        .seed = engine->seed,
        .kernels = engine->kernels->name,
        .gemm = engine->gemm,
        .blas = bgi_blas_description(),
        .blas_core = bgi_blas_core(),
        .blas_faster = faster_core(engine),
        .blas_threading = bgi_blas_threading(),
    };
}

double bg_engine_measure_peak(bg_engine *engine, bool is_f64, double seconds)
{
    enum { MANY = 1 << 28 };
    if (bgi_engine_check(engine, "engine_measure_peak") != BG_OK)
        return 0;
    /* The best of many short runs: each is long against the clock and short against the time between two interruptions.
     */
    const double short_run = 1e-3;
    double best = 0, start = bgi_clock_seconds(), before = start, now;
    int64_t rounds = 256;
    do {
        double operations = engine->kernels->fma_chains(rounds, is_f64);
        now = bgi_clock_seconds();
        double taken = now - before;
        if (taken > 0 && operations / taken > best)
            best = operations / taken;
        if (taken < short_run && rounds < MANY)
            rounds *= 2;
        before = bgi_clock_seconds();
    } while (now - start < seconds);
    return best;
}

enum { MEETINGS = 200 };

static void meet_often(void *context, int worker)
{
    (void)worker;
    for (int i = 0; i < MEETINGS; i++)
        bgi_pool_barrier(context);
}

bg_status bg_engine_measure_barrier(bg_engine *engine, double seconds, double *barrier)
{
    if (!barrier)
        return bg_fail(BG_ERR_ARGUMENT, "engine_measure_barrier: no place for the result");
    *barrier = 0;
    bg_status status = bgi_engine_check(engine, "engine_measure_barrier");
    if (status != BG_OK || engine->threads == 1)
        return status;
    if (atomic_exchange(&engine->is_running, true))
        return bg_fail(BG_ERR_BUSY, "engine_measure_barrier: the engine is running a program");
    double best = 0, start = bgi_clock_seconds(), before = start, now;
    do {
        bgi_pool_run(engine->pool, meet_often, engine->pool);
        now = bgi_clock_seconds();
        if (best == 0 || (now - before) / MEETINGS < best)
            best = (now - before) / MEETINGS;
        before = now;
    } while (now - start < seconds);
    atomic_store(&engine->is_running, false);
    *barrier = best;
    return BG_OK;
}
