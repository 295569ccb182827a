/* What every object does with the engine it belongs to: check it, hold it, log to it. */
#define _POSIX_C_SOURCE 200809L
#include "base/engine.h"

#include "base/pool.h"

#include <blasgrad/graph.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bg_status bgi_engine_check(const bg_engine *engine, const char *caller)
{
    if (!engine)
        return bg_fail(BG_ERR_ARGUMENT, "%s: no engine", caller);
    int process = (int)getpid();
    if (engine->process != process)
        return bg_fail(BG_ERR_FORKED, "%s: the engine belongs to process %d, this is process %d", caller,
                       engine->process, process);
    return BG_OK;
}

void bgi_engine_retain(bg_engine *engine) { atomic_fetch_add_explicit(&engine->references, 1, memory_order_relaxed); }

void bgi_engine_release(bg_engine *engine)
{
    if (!engine || atomic_fetch_sub_explicit(&engine->references, 1, memory_order_acq_rel) != 1)
        return;
    bgi_pool_destroy(engine->pool);
    if (engine->at_end)
        engine->at_end(engine);
    /* The engine's own memory goes through its allocator too, which therefore has to outlive it. */
    bg_engine last = { .allocator = engine->allocator };
    bgi_free(&last, engine, sizeof *engine);
}

bool bgi_engine_prefers_blas(const bg_engine *engine)
{
    return engine->gemm == BG_GEMM_OPENBLAS || strcmp(engine->kernels->name, "scalar") == 0;
}

void bgi_engine_log(const bg_engine *engine, bg_log_level level, const char *format, ...)
{
    if (!engine->log)
        return;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length >= 0)
        engine->log(engine->log_user, level, message);
}
