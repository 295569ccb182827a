/* What the fuzz targets share: an engine whose memory is counted, and the input as a file.
 *
 * A target is LLVMFuzzerTestOneInput of one format; sh tests/fuzz/run.sh FORMAT builds it with libFuzzer and runs it.
 * tests/test_corpus.c runs all of them over the frozen corpus, tests/corpus/FORMAT. */
#ifndef BLASGRAD_TESTS_FUZZ_H
#define BLASGRAD_TESTS_FUZZ_H

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t held, most;
} fuzz_memory;

static inline void *fuzz_allocate(void *user, size_t bytes, size_t alignment)
{
    fuzz_memory *memory = user;
    memory->held += bytes;
    memory->most = memory->held > memory->most ? memory->held : memory->most;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static inline void fuzz_release(void *user, void *block, size_t bytes)
{
    ((fuzz_memory *)user)->held -= bytes;
    free(block);
}

/* A finding: the fuzzer and the test runner both see the trap. */
static inline void fuzz_check(bool condition)
{
    if (!condition)
        __builtin_trap();
}

typedef struct {
    bg_engine *engine;
    fuzz_memory memory;
    int descriptor;
    char path[40];
} fuzz_case;

/* The engine, made once, and the input as a file that lies in memory. */
static inline fuzz_case *fuzz_begin(const uint8_t *data, size_t size)
{
    static fuzz_case made;
    if (!made.engine) {
        bg_engine_options options = { .threads = 1, .allocator = { fuzz_allocate, fuzz_release, &made.memory } };
        fuzz_check(bg_engine_create(&made.engine, &options) == BG_OK);
    }
    made.memory.most = made.memory.held;
    made.descriptor = memfd_create("input", MFD_CLOEXEC);
    fuzz_check(made.descriptor >= 0 && write(made.descriptor, data, size) == (ssize_t)size);
    (void)snprintf(made.path, sizeof made.path, "/proc/self/fd/%d", made.descriptor);
    return &made;
}

/* After the case has given back what it made: no more than this was asked for, and nothing is held that was not. */
static inline void fuzz_end(fuzz_case *c, size_t held_before, size_t most)
{
    (void)close(c->descriptor);
    fuzz_check(c->memory.held == held_before);
    fuzz_check(c->memory.most - held_before <= most);
}

/* The bound on the size of what a file holds: deflate's best ratio is 1032. */
static inline size_t fuzz_content(const uint8_t *data, size_t size)
{
    bool is_gzip = size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
    return is_gzip ? 1032 * size : size;
}

#endif
