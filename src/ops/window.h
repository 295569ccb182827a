/* Windows that slide over images of one to three dimensions, which stand at the end of three. */
#ifndef BGI_WINDOW_H
#define BGI_WINDOW_H

#include "ops/ops.h"

enum { BGI_WINDOW_RANK = 3 };
/* No extent, stride, dilation or padding of a window is larger, so that places are numbers. */
#define BGI_WINDOW_MOST ((int64_t)INT32_MAX)
static inline bool bgi_window_holds(int64_t least, int64_t value) { return value >= least && value <= BGI_WINDOW_MOST; }
/* What options of BGI_WINDOW_RANK numbers, one for each dimension, have for dimensions beyond the rank must be 0. */
bool bgi_window_ends(int rank, const int64_t numbers[BGI_WINDOW_RANK]);

/* Position o along a dimension covers the image's elements o · stride - before + k · dilation, k < kernel. */
typedef struct {
    int64_t channels;
    int64_t in[BGI_WINDOW_RANK], out[BGI_WINDOW_RANK], kernel[BGI_WINDOW_RANK];
    int64_t stride[BGI_WINDOW_RANK], before[BGI_WINDOW_RANK], dilation[BGI_WINDOW_RANK];
} bgi_window;

static inline int64_t bgi_window_positions(const bgi_window *w) { return w->out[0] * w->out[1] * w->out[2]; }
static inline int64_t bgi_window_elements(const bgi_window *w) { return w->kernel[0] * w->kernel[1] * w->kernel[2]; }
/* The elements of one channel. */
static inline int64_t bgi_window_plane(const bgi_window *w) { return w->in[0] * w->in[1] * w->in[2]; }
/* The window of a kernel over images of `rank` extents, one number for each dimension, where stride and dilation 0
 * stand for 1; `out` is left to the caller. NULL, or what is wrong: numbers out of range, or for dimensions there are
 * not. */
const char *bgi_window_take(bgi_window *w, int rank, const int64_t *extents, const int64_t *kernel,
                            const int64_t stride[BGI_WINDOW_RANK], const int64_t dilation[BGI_WINDOW_RANK],
                            const int64_t padding[BGI_WINDOW_RANK]);
/* How many positions fit behind the first along dimension k of the padded image, in steps of 1; negative: none fits. */
static inline int64_t bgi_window_room(const bgi_window *w, int k)
{
    return w->in[k] + 2 * w->before[k] - w->dilation[k] * (w->kernel[k] - 1) - 1;
}
/* [first, second, extents..] of a tensor whose windows have `rank` dimensions. */
bg_shape bgi_window_shape(int64_t first, int64_t second, const int64_t *extents, int rank);

/* x [n, c, in..] -> [n, c · elements, positions], with 0 for the padding; fold is the transpose of it, to the shape of
 * an image. */
bg_node *bgi_unfold(bg_node *x, const bgi_window *window);
bg_node *bgi_fold(bg_node *rows, const bgi_window *window, bg_shape image);

/* The positions along dimension k whose element `tap` lies in the image: [*first, *last), perhaps none. */
void bgi_window_inside(const bgi_window *w, int k, int64_t tap, int64_t *first, int64_t *last);

#endif
