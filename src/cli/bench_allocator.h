/* An allocator that counts, to show that a step allocates nothing. */
#ifndef BENCH_ALLOCATOR_H
#define BENCH_ALLOCATOR_H

#include <blasgrad/engine.h>

extern const bg_allocator bench_allocator;
/* Allocations so far, of all engines that have it. */
long long bench_allocations(void);

#endif
