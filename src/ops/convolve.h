/* The three products of a convolution, each of which is what the gradients of the other two are made of:
 *
 *   y[n, o, p] = Σ over c, e of weight[o, c, e] · x[n, c, place(p, e)]      convolve
 *   dx, from dy and weight                                                  convolve_input
 *   dweight, from x and dy                                                  convolve_weight
 *
 * where the channels c of x and o of y fall into groups that do not meet. */
#ifndef BGI_CONVOLVE_H
#define BGI_CONVOLVE_H

#include "ops/window.h"

/* Attributes of the three ops. The window's channels are those of x. */
typedef struct {
    bgi_window window;
    int64_t groups, outputs; /* channels of y */
    int64_t rank;            /* dimensions of the images, the lanes among them */
    int64_t is_in_lanes;
} bgi_convolution;

/* Channels of a group, of x and of y. */
static inline int64_t bgi_group_inputs(const bgi_convolution *c) { return c->window.channels / c->groups; }
static inline int64_t bgi_group_outputs(const bgi_convolution *c) { return c->outputs / c->groups; }

/* x [n, channels, in..]   weight [outputs, channels / groups, kernel..]   dy and y [n, outputs, out..] */
bg_node *bgi_convolve(bg_node *x, bg_node *weight, const bgi_convolution *c);
bg_node *bgi_convolve_input(bg_node *dy, bg_node *weight, const bgi_convolution *c);
bg_node *bgi_convolve_weight(bg_node *x, bg_node *dy, const bgi_convolution *c);
/* The sums over parts of the images that the last is made of: [parts, outputs, channels / groups, kernel..]. */
bg_node *bgi_convolve_slots(bg_node *x, bg_node *dy, const bgi_convolution *c);

#endif
