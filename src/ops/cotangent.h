/* Sums of cotangents, and what such a sum looks into. */
#ifndef BGI_COTANGENT_H
#define BGI_COTANGENT_H

#include "ops/ops.h"

/* Of embed: the elements of x are at start, start + step, .. along an axis of this extent. */
typedef struct {
    int64_t axis, start, step, extent;
} bgi_embed_attributes;
extern const bg_op bgi_embed_op, bgi_concat_op; /* the attribute of concat is its axis, int64_t */

/* The sum of two cotangents of one node. What neighbouring slices give is joined, so that the gradient of many slices
 * is one concatenation, not a sum of as many arrays of zeros. */
bg_node *bgi_add_cotangents(bg_node *x, bg_node *y);
/* A slice of a cotangent that came about so, without the zeros in it; NULL if it is zero. */
bg_node *bgi_cotangent_part(bg_node *x, int axis, int64_t start, int64_t count);

#endif
