/* Convolutions whose groups have one channel of x each: no matrix products, but one multiplication and addition of
 * whole planes for each element of the kernel. */
#ifndef BGI_DEPTHWISE_H
#define BGI_DEPTHWISE_H

#include "ops/convolve.h"

/* Whether a convolution is computed in this way. */
bool bgi_is_depthwise(const bgi_convolution *c);
size_t bgi_depthwise_scratch(const bgi_convolution *c, bg_dtype dtype);

/* For one image; weight, dy, y and dweight begin with channel `first` of y, dx with channel `first` of x.
 * y of the channels [first, last) of y; dx of the channels [first, last) of x; dweight of the channels [first, last)
 * of y, added to what is there. */
void bgi_depthwise(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *image,
                   const void *weight, void *y);
void bgi_depthwise_input(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *dy,
                         const void *weight, void *dx);
void bgi_depthwise_weight(const bg_call *call, const bgi_convolution *c, int64_t first, int64_t last, const void *image,
                          const void *dy, void *dweight);

#endif
