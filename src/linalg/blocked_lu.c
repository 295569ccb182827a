/* The LU factorisation of large matrices in blocks, shared by all threads.
 *
 * A chain of calls that work in place on what lu packs: the matrix and behind it, until the last of them makes the
 * permutation of it, the swaps: row i was exchanged with row swap[i], for each i of the diagonal in turn. There is a
 * call a block column: its units bring the columns right of the last one that was finished up to date with it, and the
 * first of them goes on to finish its own, while the others are busy with theirs. What is left of a block column gets
 * the swaps of later ones at the end. */
#include "linalg/blocked.h"
#include "linalg/lu_columns.h"
#include "linalg/pieces.h"

#include <string.h>

typedef struct {
    int64_t rows, columns;
    int64_t stage; /* block columns that are finished before */
} attributes_of;

static const attributes_of *attributes(const bg_node *node) { return node->attributes; }
static int64_t least_of(const attributes_of *x) { return bgi_least(x->rows, x->columns); }

/* ---- Block columns: those of the diagonal, then those of what a has more columns than rows ---- */

static int64_t block_of(const attributes_of *x) { return least_of(x) < 1024 ? 64 : 128; } /* bench/grid.md */
static int64_t panels_of(const attributes_of *x) { return bgi_in_blocks(least_of(x), block_of(x)); }
static int64_t blocks_of(const attributes_of *x)
{
    return panels_of(x) + bgi_in_blocks(x->columns - least_of(x), block_of(x));
}
static int64_t start_of(const attributes_of *x, int64_t block)
{
    int64_t panels = panels_of(x);
    return block < panels ? block * block_of(x) : bgi_least(x->columns, least_of(x) + (block - panels) * block_of(x));
}
static int64_t width_of(const attributes_of *x, int64_t block) { return start_of(x, block + 1) - start_of(x, block); }

/* Of one matrix, with the swaps. */
static int64_t packed_count(const attributes_of *x) { return x->rows * (x->columns + 1); }

/* ---- The first call: a copy of a, in as many pieces as it has rows, and zeros for the swaps ---- */

static bg_status start_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[--shape->rank - 1] = packed_count(attributes(node));
    return BG_OK;
}
static int64_t start_units(const bg_node *node, int input)
{
    return input < 0 ? bgi_batch_count(node, true) * attributes(node)->rows : 1;
}
static int64_t start_grain(const bg_node *node) { return block_of(attributes(node)); }
static bg_status start_call(const bg_call *call)
{
    const attributes_of *x = attributes(call->node);
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype);
    int64_t piece = x->columns + 1, count = x->rows * x->columns;
    for (int64_t unit = call->first; unit < call->last; unit++) {
        int64_t matrix = unit / x->rows, first = unit % x->rows * piece;
        int64_t copied = first < count ? bgi_least(piece, count - first) : 0;
        const void *from = bgi_const_at(call->inputs[0], matrix * count + bgi_least(first, count), size);
        void *to = bgi_at(call->output, (unit - call->first) * piece, size);
        if (bgi_first_not_finite(dtype, from, copied) < copied) {
            bg_call whole = bgi_by_matrices(call);
            return bgi_check_finite(&whole, 0, matrix);
        }
        memcpy(to, from, (size_t)copied * size);
        memset(bgi_at(to, copied, size), 0, (size_t)(piece - copied) * size);
    }
    return BG_OK;
}
static const bg_op start_op = {
    .name = "lu_start", .arity = 1, .infer = start_infer, .call = start_call, .units = start_units, .grain = start_grain
};

/* ---- A call for each block column ---- */

static int64_t stage_pieces(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    return x->stage > 0 ? blocks_of(x) - x->stage : 1;
}
static double stage_flops(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    double done = (double)(x->stage * block_of(x)), block = (double)block_of(x);
    double rows = (double)x->rows - done, columns = x->stage > 0 ? (double)x->columns - done : block;
    return (double)bgi_batch_count(node, true) * 2 * block * rows * columns;
}
static size_t column_bytes(const attributes_of *x, bg_dtype dtype)
{
    return bgi_aligned((size_t)(x->rows * block_of(x)) * bg_dtype_size(dtype));
}
static size_t square_bytes(const attributes_of *x, bg_dtype dtype)
{
    return bgi_aligned((size_t)(block_of(x) * block_of(x)) * bg_dtype_size(dtype));
}
static size_t stage_work(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    return column_bytes(x, node->dtype) + square_bytes(x, node->dtype) + (size_t)block_of(x) * sizeof(int64_t);
}
static size_t stage_tile_scratch(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    size_t below = bgi_tile_scratch(node->dtype, x->rows, block_of(x), block_of(x));
    size_t within = bgi_tile_scratch(node->dtype, block_of(x), x->rows, block_of(x));
    return below > within ? below : within;
}

static void *swaps_of(const bgi_tiles *t, const attributes_of *x, void *a)
{
    return bgi_at(a, x->rows * x->columns, t->size);
}
static void exchange(void *x, void *y, size_t bytes)
{
    enum { MOST = 512 };
    char moved[MOST];
    for (size_t i = 0; i < bytes; i += MOST) {
        size_t part = bytes - i < MOST ? bytes - i : MOST;
        memcpy(moved, (char *)x + i, part);
        memcpy((char *)x + i, (char *)y + i, part);
        memcpy((char *)y + i, moved, part);
    }
}
/* Exchanges rows [first, last) of some columns with the rows that they were exchanged for. */
static void swap_rows(const bgi_tiles *t, const attributes_of *x, void *a, int64_t first, int64_t last, int64_t column,
                      int64_t width)
{
    const void *swaps = swaps_of(t, x, a);
    for (int64_t i = first; i < last; i++) {
        int64_t other = (int64_t)bgi_float_at(swaps, t->dtype, i);
        if (other != i)
            exchange(bgi_tile_at(t, a, x->columns, i, column), bgi_tile_at(t, a, x->columns, other, column),
                     (size_t)width * t->size);
    }
}

static void finish_block(const bgi_tiles *t, const attributes_of *x, void *a, void *scratch)
{
    int64_t first = start_of(x, x->stage), width = width_of(x, x->stage), m = x->rows - first;
    void *block = bgi_tile_at(t, a, x->columns, first, first);
    void *work = bgi_at(scratch, 1, column_bytes(x, t->dtype));
    int64_t *swaps = bgi_at(work, 1, square_bytes(x, t->dtype));
    t->kernels->transpose(scratch, m, block, x->columns, width, m);
    bgi_lu_columns(t, width, m, scratch, swaps, work);
    t->kernels->transpose(block, x->columns, scratch, m, m, width);
    for (int64_t i = 0; i < width; i++)
        bgi_put_float(swaps_of(t, x, a), t->dtype, first + i, (double)(first + swaps[i]));
}

/* The columns of a block with what the block column before this stage has done to its own. */
static void bring_up_to_date(const bgi_tiles *t, const attributes_of *x, void *a, int64_t block)
{
    int64_t n = x->columns, first = start_of(x, x->stage - 1), depth = width_of(x, x->stage - 1), next = first + depth;
    int64_t column = start_of(x, block), width = width_of(x, block);
    void *top = bgi_tile_at(t, a, n, first, column);
    swap_rows(t, x, a, first, next, column, width);
    bgi_tiles_solve(t, false, true, depth, width, bgi_tile_of(t, a, n, first, first), top, n);
    bgi_tiles_subtract(t, x->rows - next, width, depth, bgi_tile_of(t, a, n, next, first),
                       bgi_tile_of(t, a, n, first, column), bgi_tile_at(t, a, n, next, column), n);
}

static bg_status run_stage(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    const attributes_of *x = attributes(call->node);
    void *a = bgi_at(call->output, matrix * packed_count(x), t->size);
    if (x->stage > 0)
        bring_up_to_date(t, x, a, x->stage + piece);
    if (piece == 0 && x->stage < panels_of(x))
        finish_block(t, x, a, call->scratch);
    return BG_OK;
}
static const bgi_piecewise stage_op = { .op = { BGI_IN_PIECES, .name = "lu_stage", .arity = 1, .flops = stage_flops,
                                                .product_flops = stage_flops, .never_fails = true },
                                        .is_packed = true,
                                        .pieces = stage_pieces,
                                        .is_front_first = true,
                                        .work = stage_work,
                                        .tile_scratch = stage_tile_scratch,
                                        .run = run_stage };

/* ---- The last calls: the swaps of later block columns, by block columns; the permutation, and a look at it all ----
 */

static int64_t end_pieces(const bg_node *node) { return blocks_of(attributes(node)); }
static bg_status run_end(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t block)
{
    const attributes_of *x = attributes(call->node);
    int64_t column = start_of(x, block), width = width_of(x, block);
    void *a = bgi_at(call->output, matrix * packed_count(x), t->size);
    swap_rows(t, x, a, bgi_least(column + width, least_of(x)), least_of(x), column, width);
    return BG_OK;
}
static const bgi_piecewise end_op = { .op = { BGI_IN_PIECES, .name = "lu_end", .arity = 1, .never_fails = true },
                                      .is_packed = true,
                                      .pieces = end_pieces,
                                      .run = run_end };

/* Rows of a for one piece; the first of each matrix makes the permutation too. */
enum { CHECKED_ROWS = 64 };
static int64_t check_pieces(const bg_node *node) { return bgi_in_blocks(attributes(node)->rows, CHECKED_ROWS); }
static size_t check_work(const bg_node *node) { return (size_t)attributes(node)->rows * sizeof(int64_t); }
static void make_order(const bgi_tiles *t, const attributes_of *x, void *swaps, int64_t *order)
{
    for (int64_t i = 0; i < x->rows; i++)
        order[i] = i;
    for (int64_t i = 0; i < least_of(x); i++) {
        int64_t other = (int64_t)bgi_float_at(swaps, t->dtype, i), moved = order[i];
        order[i] = order[other];
        order[other] = moved;
    }
    for (int64_t i = 0; i < x->rows; i++)
        bgi_put_float(swaps, t->dtype, i, (double)order[i]);
}
static bg_status run_check(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    const attributes_of *x = attributes(call->node);
    int64_t first = piece * CHECKED_ROWS, count = bgi_least(CHECKED_ROWS, x->rows - first) * x->columns;
    void *a = bgi_at(call->output, matrix * packed_count(x), t->size);
    int64_t at = bgi_first_not_finite(t->dtype, bgi_tile_at(t, a, x->columns, first, 0), count);
    if (at < count)
        return bgi_fail_in(call, bgi_batch_shape(call->node, true), matrix,
                           "the factors are beyond the range of %s at [%lld, %lld]", bg_dtype_name(t->dtype),
                           (long long)(first + at / x->columns), (long long)(at % x->columns));
    if (piece == 0)
        make_order(t, x, swaps_of(t, x, a), call->scratch);
    return BG_OK;
}
static const bgi_piecewise check_op = { .op = { BGI_IN_PIECES, .name = "lu_check", .arity = 1 },
                                        .is_packed = true,
                                        .pieces = check_pieces,
                                        .work = check_work,
                                        .run = run_check };

bg_node *bgi_blocked_lu(bg_node *a)
{
    bgi_matrices m = bgi_matrices_of(a);
    attributes_of x = { .rows = m.rows, .columns = m.columns };
    bg_node *y = bg_apply(&start_op, &a, 1, &x, sizeof x);
    int64_t stages = panels_of(&x) + (blocks_of(&x) > panels_of(&x));
    for (; x.stage < stages; x.stage++)
        y = bg_apply(&stage_op.op, &y, 1, &x, sizeof x);
    y = bg_apply(&end_op.op, &y, 1, &x, sizeof x);
    return bg_apply(&check_op.op, &y, 1, &x, sizeof x);
}
