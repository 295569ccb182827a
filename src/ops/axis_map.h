/* Linear maps along one axis, each of whose results is made of a few elements in a row. */
#ifndef BGI_AXIS_MAP_H
#define BGI_AXIS_MAP_H

#include "ops/ops.h"

/* What result j of `out` is made of, from `in` elements:
 *   MEANS           the mean of floor(j in / out) .. ceil((j + 1) in / out) - 1
 *   NEAREST         element floor(j in / out)
 *   NEAREST_EXACT   element floor((j + 1/2) in / out)
 *   LINEAR          between the two neighbours of (j + 1/2) in / out - 1/2, not below 0
 *   LINEAR_ALIGNED  between the two neighbours of j (in - 1) / (out - 1); 0 for one result */
typedef enum { BGI_MEANS, BGI_NEAREST, BGI_NEAREST_EXACT, BGI_LINEAR, BGI_LINEAR_ALIGNED } bgi_axis_map;

/* The map from x to `out` elements along an axis, and its transpose, from x to `in`; both numbers are 1 to
 * BGI_MAP_MOST. */
#define BGI_MAP_MOST ((int64_t)INT32_MAX)
bg_node *bgi_map_axis(bg_node *x, int axis, int64_t out, bgi_axis_map map);
bg_node *bgi_map_axis_back(bg_node *x, int axis, int64_t in, bgi_axis_map map);

#endif
