#include "linalg/squares.h"

bgi_squares bgi_squares_of(const bg_call *call, void *scratch)
{
    return (bgi_squares){ .tiles = bgi_tiles_of(call, scratch), .n = bgi_matrices_of(call->node).columns };
}

size_t bgi_squares_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).columns;
    return bgi_aligned(bgi_tile_scratch(node->dtype, n, n, n));
}

static bgi_tile seen(bgi_side side, const void *x, int64_t n)
{
    bgi_tile tile = { x, n, 1 };
    return side == BGI_TURNED ? bgi_turned(tile) : tile;
}
void bgi_squares_product(const bgi_squares *s, bgi_side of_x, const void *x, bgi_side of_y, const void *y, void *z)
{
    bgi_tiles_product(&s->tiles, s->n, s->n, s->n, seen(of_x, x, s->n), seen(of_y, y, s->n), z, s->n);
}
