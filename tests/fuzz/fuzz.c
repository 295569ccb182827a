/* The engine of the fuzz targets, and the memory of one execution. */
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_check_at(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    (void)fprintf(stderr, "%s:%d: not so: %s\n  %s\n", file, line, text, bg_last_error());
    __builtin_trap();
}

/* ---- Memory ---- */

typedef struct {
    size_t held, most;
} counter;

/* What the engine was asked for; and, under AddressSanitizer, everything that any code was asked for, zlib and jansson
 * included. */
static counter of_engine, of_all;
static bool counts_all;
static _Thread_local bool is_running;

static void add(counter *c, size_t bytes)
{
    c->held += bytes;
    c->most = c->held > c->most ? c->held : c->most;
}

extern int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *, size_t),
                                                     void (*freed)(const volatile void *)) __attribute__((weak));
extern size_t __sanitizer_get_allocated_size(const volatile void *block) __attribute__((weak));

static void see_allocated(const volatile void *block, size_t bytes)
{
    if (is_running && block)
        add(&of_all, bytes);
}

static void see_freed(const volatile void *block)
{
    if (is_running && block)
        of_all.held -= __sanitizer_get_allocated_size(block);
}

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    enum { LARGEST = 1 << 24 };
    void *block = NULL;
    if (bytes > LARGEST || posix_memalign(&block, alignment, bytes))
        return NULL;
    add(user, bytes);
    return block;
}

static void release(void *user, void *block, size_t bytes)
{
    ((counter *)user)->held -= bytes;
    free(block);
}

/* ---- One execution ---- */

static counter engine_before, all_before;
static bg_status last_status;

static void start_counting(counter *c, counter *before)
{
    c->most = c->held;
    *before = *c;
}

bg_engine *fuzz_begin(void)
{
    static bg_engine *engine;
    if (!engine) {
        bg_engine_options options = { .threads = 1, .allocator = { allocate, release, &of_engine } };
        fuzz_check(bg_engine_create(&engine, &options) == BG_OK);
        counts_all = __sanitizer_install_malloc_and_free_hooks &&
                     __sanitizer_install_malloc_and_free_hooks(see_allocated, see_freed) > 0;
    }
    start_counting(&of_engine, &engine_before);
    start_counting(&of_all, &all_before);
    is_running = true;
    return engine;
}

void fuzz_result(bg_status status, const void *made, const char *caller)
{
    last_status = status;
    fuzz_check((status == BG_OK) == (made != NULL));
    if (status == BG_OK)
        return;
    fuzz_check(status == BG_ERR_FORMAT || status == BG_ERR_ARGUMENT);
    fuzz_check(strstr(bg_last_error(), caller) == bg_last_error());
    fuzz_check(status == BG_ERR_ARGUMENT || strstr(bg_last_error(), FUZZ_ROOT));
}

static void check_counter(const counter *c, const counter *before, size_t data, size_t spare)
{
    enum { OBJECTS = 4096 }; /* tensors, data sets and the like, of which there are few */
    size_t given = c->held - before->held, most = c->most - before->held;
    fuzz_check(given <= data + OBJECTS);
    fuzz_check(most - given <= (last_status == BG_OK ? 0 : data) + spare);
}

void fuzz_memory(size_t data, size_t extra)
{
    enum { PROMISED = 1 << 16, ZLIB = 1 << 16 }; /* zlib's buffers, state and window */
    size_t spare = fuzz_file_bytes() + PROMISED + extra;
    check_counter(&of_engine, &engine_before, data, spare);
    if (counts_all)
        check_counter(&of_all, &all_before, data, spare + ZLIB);
}

double fuzz_element(const bg_tensor *tensor, const void *data, int64_t i)
{
    switch (bg_tensor_dtype(tensor)) {
    case BG_F32:
        return (double)((const float *)data)[i];
    case BG_F64:
        return ((const double *)data)[i];
    case BG_I32:
        return ((const int32_t *)data)[i];
    case BG_I64:
        return (double)((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

void fuzz_end(void)
{
    is_running = false;
    fuzz_check(of_engine.held == engine_before.held);
    fuzz_check(of_all.held == all_before.held);
    fuzz_remove_files();
}

bg_status fuzz_status(void) { return last_status; }
