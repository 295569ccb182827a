/* An allocator that counts, checks what it is given back, and fails on demand. */
#ifndef BLASGRAD_TESTS_COUNTING_H
#define BLASGRAD_TESTS_COUNTING_H

#include <blasgrad/tensor.h>

#include <stdatomic.h>

typedef struct {
    atomic_llong calls;    /* of allocate */
    atomic_llong live;     /* blocks not given back */
    atomic_llong failures; /* calls that got NULL */
    atomic_llong wrong;    /* blocks given back with another size than they had, or overwritten at their front */
    long long fail_at;     /* the number of the call that fails, from 1; 0: none */
    bool is_sticky;        /* all calls from fail_at on fail */
} counting;

/* The allocator of the counter, which must outlive all engines that use it. Memory is handed out full of garbage. */
bg_allocator counting_allocator(counting *counter);

/* A hash of bytes, continued from an earlier one (0 at first). */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes);
/* The same of a tensor's elements, in row-major order. Takes no memory. */
uint64_t hash_tensor(uint64_t hash, const bg_tensor *tensor);

#endif
