/* Convolution with kernels of 3 x 3 by Winograd's F(2x2, 3x3), of images in lanes: 16 products where sums of products
 * have 36.
 *
 * The rounding error of a result is that of a sum over all 4 x 4 elements of a patch, not of its own 3 x 3 alone. Only
 * f32 is computed so: who takes f64 asks for its precision, and finds the other way's results to compare with. Where
 * a result is not finite, it may be so for an element that it does not depend on: those who call compute the images
 * again the other way. */
#ifndef BGI_WINOGRAD_H
#define BGI_WINOGRAD_H

#include "ops/slide.h"

/* Whether this is faster, for so many channels of the image and of the results. */
bool bgi_winograd_serves(const bgi_window *w, int64_t channels, int64_t rows, bg_dtype dtype);

/* What bgi_slide_run does for one image of BGK_LANES. begin prepares the factors; an image is false if not all of its
 * results are finite. */
typedef struct {
    const bgi_slide *slide;
    const bgk_kernels *kernels;
    int64_t tiles[2], together; /* of 2 x 2 results along each dimension, and computed at a time */
    float *factors, *turned, *taps, *image, *sums, *product;
    size_t bytes;
} bgi_winograd;
size_t bgi_winograd_scratch(const bgi_slide *s);
void bgi_winograd_begin(bgi_winograd *z, const bgi_slide *s, const bgi_slide_call *call, const void *weight,
                        char *scratch);
bool bgi_winograd_image(const bgi_winograd *z, const void *source, void *target);

/* What bgi_slide_weight does; false if it serves no such images, or not all of dweight is finite. */
size_t bgi_winograd_weight_scratch(const bgi_window *w, int64_t channels, int64_t rows, bg_dtype dtype);
bool bgi_winograd_weight(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call,
                         const void *dy, int64_t dy_stride, void *dweight);

#endif
