/* An engine whose memory is counted, and tensors that hold 0, 1, 2, .. */
#ifndef BLASGRAD_TESTS_COUNTED_H
#define BLASGRAD_TESTS_COUNTED_H

#include "counting.h"

#include <blasgrad/blasgrad.h>

/* Checked fixtures: an engine of two threads, with seed 3. _end fails the test unless all memory was given back. */
void counted_begin(void);
void counted_end(void);

bg_engine *counted_engine(void);
counting *counted_memory(void);

/* A tensor that holds 0, 1, 2, .. in row-major order. */
bg_tensor *counted_tensor(bg_dtype dtype, bg_shape shape);
/* The shape, and the elements in row-major order. */
void expect_values(const bg_tensor *tensor, bg_shape shape, const double *values, const char *name);

#endif
