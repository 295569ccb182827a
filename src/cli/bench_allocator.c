/* An allocator that counts, to show that a step allocates nothing. */
#define _POSIX_C_SOURCE 200809L
#include "bench_allocator.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_llong allocations;

static void *count_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *memory = NULL;
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes) == 0 ? memory : NULL;
}

static void count_release(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

const bg_allocator bench_allocator = { .allocate = count_allocate, .release = count_release };

long long bench_allocations(void) { return atomic_load(&allocations); }
