/* Random numbers of tests. */
#ifndef BLASGRAD_TESTS_DRAW_H
#define BLASGRAD_TESTS_DRAW_H

#include <stdint.h>

/* xorshift64*: the same numbers on every machine. */
typedef struct {
    uint64_t state;
} draw;
draw draw_from(uint64_t seed);
uint64_t draw_bits(draw *d);
int64_t draw_below(draw *d, int64_t n); /* 0 .. n - 1 */
double draw_between(draw *d, double low, double high);

#endif
