/* A subset of the numbers 0 .. n - 1: a bit for each, and counts by which the i-th of those in it is found. */
#ifndef BGI_SUBSET_H
#define BGI_SUBSET_H

#include "base/engine.h"

typedef struct {
    int64_t n;
    uint64_t *words; /* number k is in it if bit k % 64 of word k / 64 is 1; NULL: there is no subset */
    int64_t *before; /* how many are in it in front of each stretch of words */
    size_t bytes;    /* of both */
} bgi_subset;

/* The empty one. */
bg_status bgi_subset_create(bgi_subset *subset, bg_engine *engine, int64_t n);
/* The same, or all others. */
bg_status bgi_subset_copy(bgi_subset *copy, bg_engine *engine, const bgi_subset *from, bool is_inverted);
void bgi_subset_release(bgi_subset *subset, bg_engine *engine);

void bgi_subset_add(bgi_subset *subset, int64_t k);
bool bgi_subset_has(const bgi_subset *subset, int64_t k);
/* The i-th of the numbers in it, from 0, of a copy; there have to be more than i. */
int64_t bgi_subset_find(const bgi_subset *subset, int64_t i);

#endif
