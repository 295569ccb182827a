/* The engine from the inside: what every object of the library reaches through it. */
#ifndef BGI_ENGINE_H
#define BGI_ENGINE_H

#include <blasgrad/engine.h>

#include "kernels/kernels.h"

#include <stdatomic.h>

typedef struct bgi_pool bgi_pool;

struct bg_engine {
    atomic_int references;
    bg_allocator allocator;
    const bgk_table *kernels;
    bg_gemm gemm;
    bgi_pool *pool;
    int threads;
    uint64_t seed;
    int process;                             /* the id of the process that made it */
    atomic_bool is_running;                  /* a program is */
    void (*at_end)(const bg_engine *engine); /* what layers above base undo with the last reference; NULL if nothing */
    bg_log_callback *log;
    void *log_user;
};

/* BG_OK; BG_ERR_ARGUMENT for NULL, naming the caller; BG_ERR_FORKED in a child of the process that made the engine. */
bg_status bgi_engine_check(const bg_engine *engine, const char *caller);
void bgi_engine_retain(bg_engine *engine);
void bgi_engine_release(bg_engine *engine);
/* Whether OpenBLAS multiplies wherever it can: where that was asked for, and where there are only the scalar kernels,
 * which have no chance against it. */
bool bgi_engine_prefers_blas(const bg_engine *engine);
void bgi_engine_log(const bg_engine *engine, bg_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory through the engine's allocator: 64-byte aligned, not zeroed. NULL when it is out, with the thread's error
 * message set
 * ("out of memory: N bytes"); callers return BG_ERR_NOMEM. bytes 0 gives a valid pointer. */
void *bgi_alloc(bg_engine *engine, size_t bytes);
void *bgi_alloc_zero(bg_engine *engine, size_t bytes);
/* NULL is allowed. bytes is what was asked for. */
void bgi_free(bg_engine *engine, void *memory, size_t bytes);
/* Bytes of a part of memory behind which the next one is as well aligned. */
static inline size_t bgi_aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
/* Makes room for at least `needed` elements in an array of *capacity elements of `size` bytes, by doubling; false when
 * memory is out, and then nothing has changed. New elements are zeroed. */
bool bgi_grow(bg_engine *engine, void **array, int *capacity, int needed, size_t size);

#endif
