/* Windows that slide over images of one to three dimensions, which stand at the end of three. */
#ifndef BGI_WINDOW_H
#define BGI_WINDOW_H

#include "ops/ops.h"

enum { BGI_WINDOW_RANK = 3 };

/* Position o along a dimension covers the image's elements o · stride - before + k · dilation, k < kernel. */
typedef struct {
    int64_t channels;
    int64_t in[BGI_WINDOW_RANK], out[BGI_WINDOW_RANK], kernel[BGI_WINDOW_RANK];
    int64_t stride[BGI_WINDOW_RANK], before[BGI_WINDOW_RANK], dilation[BGI_WINDOW_RANK];
} bgi_window;

int64_t bgi_window_positions(const bgi_window *w);
int64_t bgi_window_elements(const bgi_window *w);
/* The index within a channel of an element of the window at a position; -1 in the padding. */
int64_t bgi_window_place(const bgi_window *w, int64_t position, int64_t element);

/* x [n, c, in..] -> [n, positions, c · elements], with 0 for the padding; fold is the transpose of it, to the shape of
 * an image. */
bg_node *bgi_unfold(bg_node *x, const bgi_window *window);
bg_node *bgi_fold(bg_node *rows, const bgi_window *window, bg_shape image);

#endif
