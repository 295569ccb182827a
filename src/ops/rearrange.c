/* Elements in other places: flips, rolls, padding, tiles, triangles, diagonals. */
#include "ops/ops.h"

const bg_op *const bgi_rearrange_ops[] = { NULL };
