/* Numbers that depend on nothing but their place. */
#ifndef BLASGRAD_TESTS_FIXED_H
#define BLASGRAD_TESTS_FIXED_H

#include <blasgrad/tensor.h>

/* Number i of a stream, -1 .. 1. */
double fixed_number(uint64_t stream, uint64_t i);
/* The first `count` numbers of a stream times scale, as f32 or f64. */
void fixed_fill(void *data, bg_dtype dtype, int64_t count, uint64_t stream, double scale);

#endif
