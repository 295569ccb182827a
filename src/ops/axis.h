/* A tensor as seen from one of its axes: outer x extent x inner elements. */
#ifndef BGI_AXIS_H
#define BGI_AXIS_H

#include "ops/ops.h"

/* With so many outer pieces, a call is cut at them alone, so that it stays beside what makes its inputs. */
enum { BGI_MANY_PIECES = 64 };

typedef struct {
    int64_t outer, extent, inner;
} bgi_axis_parts;

static inline bgi_axis_parts bgi_parts_of(bg_shape shape, int64_t axis)
{
    bgi_axis_parts parts = { .outer = 1, .extent = shape.dims[axis], .inner = 1 };
    bgi_product_of(shape.dims, (int)axis, &parts.outer);
    bgi_product_of(shape.dims + axis + 1, shape.rank - (int)axis - 1, &parts.inner);
    return parts;
}

static inline int64_t bgi_outer_of(bg_shape shape, int64_t axis) { return bgi_parts_of(shape, axis).outer; }
static inline int64_t bgi_inner_of(bg_shape shape, int64_t axis) { return bgi_parts_of(shape, axis).inner; }

/* A number of pieces; an empty result is one. */
static inline int64_t bgi_pieces(int64_t count) { return count > 0 ? count : 1; }

/* The outer pieces of a call whose attributes begin with the axis, int64_t; all inputs are split as the result is. */
int64_t bgi_outer_units(const bg_node *node, int input);

#endif
