#include "linalg/pieces.h"

bg_shape bgi_batch_shape(const bg_node *node, bool is_packed)
{
    bg_shape batch = node->shape;
    batch.rank -= is_packed ? 1 : 2;
    return batch;
}

int64_t bgi_batch_count(const bg_node *node, bool is_packed)
{
    int64_t count = 1;
    bg_shape batch = bgi_batch_shape(node, is_packed);
    bgi_product_of(batch.dims, batch.rank, &count);
    return count;
}

/* The op is the first of what its table has. */
static const bgi_piecewise *how_of(const bg_node *node) { return (const bgi_piecewise *)(const void *)node->op; }

int64_t bgi_piece_units(const bg_node *node, int input)
{
    const bgi_piecewise *how = how_of(node);
    return input < 0 ? bgi_most(bgi_batch_count(node, how->is_packed) * how->pieces(node), 1) : 1;
}

int64_t bgi_piece_grain(const bg_node *node)
{
    (void)node;
    return 1;
}

static size_t work_bytes(const bg_node *node)
{
    const bgi_piecewise *how = how_of(node);
    return how->work ? bgi_aligned(how->work(node)) : 0;
}
size_t bgi_piece_scratch(const bg_node *node)
{
    const bgi_piecewise *how = how_of(node);
    return work_bytes(node) + (how->tile_scratch ? how->tile_scratch(node) : 0);
}

static bg_status run(const bg_call *call)
{
    const bgi_piecewise *how = how_of(call->node);
    bgi_tiles t = bgi_tiles_of(call, call->scratch ? bgi_at(call->scratch, 1, work_bytes(call->node)) : NULL);
    int64_t batch = bgi_batch_count(call->node, how->is_packed), pieces = how->pieces(call->node);
    bg_status status = BG_OK;
    for (int64_t unit = call->first; unit < bgi_least(call->last, batch * pieces) && status == BG_OK; unit++)
        status = how->is_front_first ? how->run(call, &t, unit % batch, unit / batch)
                                     : how->run(call, &t, unit / pieces, unit % pieces);
    return status;
}
bg_status bgi_call_pieces(const bg_call *call) { return bgi_run_gradually(call, run); }
