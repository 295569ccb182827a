/* The largest element of each window, or bin, over each channel by itself. */
#ifndef BGI_LARGEST_H
#define BGI_LARGEST_H

#include "ops/window.h"

/* What a position takes along dimension k of the image: start, start + step, .. below end. kernel 0 stands for adaptive
 * bins. */
typedef struct {
    int64_t start, end, step;
} bgi_range_along;
bgi_range_along bgi_window_range(const bgi_window *w, int k, int64_t position);

/* x [n, c, ..] -> [n, c, out..]: the largest elements, a NaN if there is one; .. */
bg_node *bgi_largest(bg_node *x, const bgi_window *w);
/* .. where in its channel each is, the first of equals or of the NaNs: i64, no gradient; .. */
bg_node *bgi_largest_places(bg_node *x, const bgi_window *w);
/* .. and from their cotangents that of x. */
bg_node *bgi_largest_back(bg_node *x, bg_node *dy, const bgi_window *w);
/* The windows if the node is the last of these over this x, or NULL. */
const bgi_window *bgi_largest_back_of(const bg_node *node, const bg_node *x);

extern const bg_op bgi_largest_op, bgi_largest_back_op, bgi_largest_places_op;

#endif
