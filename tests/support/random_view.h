/* Random views of a tensor, and where their elements lie. */
#ifndef BLASGRAD_TESTS_RANDOM_VIEW_H
#define BLASGRAD_TESTS_RANDOM_VIEW_H

#include "draw.h"

#include <blasgrad/tensor.h>

/* A view of a tensor by one to four random steps; the caller destroys it. */
bg_tensor *random_view(draw *d, bg_tensor *tensor);

/* The place of an element in the memory of its tensor or view, counted in elements. */
int64_t place_of(const bg_tensor *tensor, int64_t index);

#endif
