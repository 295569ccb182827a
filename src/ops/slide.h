/* What the products of a convolution are made of: kernels that slide over images, and the sums over positions that are
 * the gradient of a kernel. Both read images through ops/padded.h. */
#ifndef BGI_SLIDE_H
#define BGI_SLIDE_H

#include "kernels/kernels.h"
#include "ops/window.h"

/* target[row, position] = Σ over channels and elements of weight[row, channel, element] · source[channel, place of the
 * element at the position]. The window's `in` are the extents of the source. */
typedef struct {
    bgi_window window;
    int64_t channels, rows; /* of the source, of the target */
    /* Where the factors are: row r, channel c, tap t at r · row + c · channel + Σ t[k] · tap[k], in elements. */
    int64_t row, channel, tap[BGI_WINDOW_RANK];
    /* Where the positions are: position o at first + o · step of a target with these extents. */
    int64_t extent[BGI_WINDOW_RANK], first[BGI_WINDOW_RANK], step[BGI_WINDOW_RANK];
} bgi_slide;

/* What both products are given. Images are so many elements apart. */
typedef struct {
    const bgk_kernels *kernels;
    bg_dtype dtype;
    int64_t images; /* at hand */
    const void *source;
    int64_t source_stride;
    void *scratch;
} bgi_slide_call;

size_t bgi_slide_scratch(const bgi_slide *s, int64_t images, bg_dtype dtype);
void bgi_slide_run(const bgi_slide *s, const bgi_slide_call *call, const void *weight, void *target,
                   int64_t target_stride);

/* dweight [rows, channels, elements] = Σ over the images and positions of dy[row, position] · source[channel, place] */
size_t bgi_slide_weight_scratch(const bgi_window *w, int64_t channels, int64_t rows, int64_t images, bg_dtype dtype);
void bgi_slide_weight(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call, const void *dy,
                      int64_t dy_stride, void *dweight);

/* The same for the few channels of dy of one channel of the image, for which it is what bgi_slide_weight does. */
bool bgi_slide_is_few(const bgi_window *w, int64_t channels, int64_t rows);
size_t bgi_slide_few_scratch(const bgi_window *w, size_t size);
void bgi_slide_few(const bgi_window *w, int64_t rows, const bgi_slide_call *call, const void *dy, int64_t dy_stride,
                   void *dweight);

/* The same of images in lanes, for which it is what bgi_slide_weight does. */
bool bgi_slide_is_of_lines(const bgi_window *w, int64_t channels, size_t size);
size_t bgi_slide_lines_scratch(const bgi_window *w, int64_t channels, int64_t rows, size_t size);
void bgi_slide_lines(const bgi_window *w, int64_t channels, int64_t rows, const bgi_slide_call *call, const void *dy,
                     int64_t dy_stride, void *dweight);

#endif
