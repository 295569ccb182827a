/* Elements in other places: flips, rolls, padding, tiles, triangles, diagonals. */
#include "cases.h"

const op_family rearrange_family = { .name = "rearrange" };
