/* The Cholesky factorisation of large matrices in blocks, shared by all threads.
 *
 * A chain of calls that work in place. The first copies the triangle of a, turned into an upper one, whose rows are
 * vectors. Then there is one call a block row: its units take the rows that were finished before from those that are
 * left, and the first of them goes on to finish the next block row, while the others are busy with the rest. The last
 * call makes the wanted triangle of it, and zeros. */
#include "linalg/blocked.h"
#include "linalg/pieces.h"

#include <string.h>

typedef struct {
    int64_t upper;
    int64_t stage; /* block rows that are finished before */
} attributes_of;

/* Rows of a block: few enough that the one who finishes the next block row is no later than the others, and many enough
 * for the products. bench/grid.md */
enum { BLOCK = 64 };
static int64_t blocks_of(int64_t n) { return bgi_in_blocks(n, BLOCK); }
static int64_t extent_of(int64_t n, int64_t block) /* of one of the blocks */
{
    return bgi_least(BLOCK, n - block * BLOCK);
}

/* The first minor that is not positive, or 0, stands in the matrix, in a place where nothing else is written before the
 * last call. Pieces that finish block rows write it, and nobody else looks at it meanwhile. */
static void *failure_of(const bgi_tiles *t, void *a, int64_t n) { return bgi_tile_at(t, a, n, n - 1, 0); }

/* ---- The first call: a's triangle as an upper one, by rows ---- */

static int64_t start_units(const bg_node *node, int input)
{
    bgi_matrices m = bgi_matrices_of(node);
    return input < 0 ? m.batch * m.rows : 1;
}
static int64_t start_grain(const bg_node *node)
{
    (void)node;
    return BLOCK;
}

static bg_status check_rows(const bg_call *call, int64_t matrix, const void *rows, int64_t first, int64_t last,
                            int64_t n, bool upper)
{
    size_t size = bg_dtype_size(call->node->dtype);
    for (int64_t i = first; i < last; i++) {
        int64_t start = upper ? i : 0, count = upper ? n - i : i + 1;
        if (bgi_first_not_finite(call->node->dtype, bgi_const_at(rows, i * n + start, size), count) < count) {
            bg_call whole = bgi_by_matrices(call);
            return bgi_check_finite_triangle(&whole, 0, matrix, upper ? BG_UPPER : BG_LOWER);
        }
    }
    return BG_OK;
}

static bg_status start_call(const bg_call *call)
{
    const attributes_of *attributes = call->node->attributes;
    int64_t n = bgi_matrices_of(call->node).rows;
    size_t size = bg_dtype_size(call->node->dtype);
    for (int64_t unit = call->first, end; unit < call->last; unit = end) {
        int64_t matrix = unit / n, first = unit % n, last = bgi_least(n, first + call->last - unit);
        last = bgi_least(last, (first / BLOCK + 1) * BLOCK); /* within a block row: below it, zeros stay zeros */
        end = unit + last - first;
        const void *a = bgi_const_at(call->inputs[0], matrix * n * n, size);
        void *y = bgi_at(call->output, (unit - call->first) * n, size);
        bg_status status = check_rows(call, matrix, a, first, last, n, attributes->upper);
        if (status != BG_OK)
            return status;
        for (int64_t i = first; i < last; i++) {
            void *row = bgi_at(y, (i - first) * n, size);
            memset(row, 0, (size_t)i * size);
            if (attributes->upper)
                memcpy(bgi_at(row, i, size), bgi_const_at(a, i * n + i, size), (size_t)(n - i) * size);
        }
        if (attributes->upper)
            continue;
        /* The square on the diagonal has anything on its other side, which nobody reads. */
        bgi_call_kernels(call)->transpose(bgi_at(y, first, size), n, bgi_const_at(a, first * n + first, size), n,
                                          last - first, n - first);
    }
    return BG_OK;
}
static const bg_op start_op = { .name = "cholesky_start",
                                .arity = 1,
                                .infer = bgi_infer_last,
                                .call = start_call,
                                .units = start_units,
                                .grain = start_grain };

/* ---- A call for each block row ---- */

static int64_t stage_of(const bg_node *node) { return ((const attributes_of *)node->attributes)->stage; }
/* Block row `stage` is for the first piece, and each of those below is one. */
static int64_t stage_pieces(const bg_node *node) { return blocks_of(bgi_matrices_of(node).rows) - stage_of(node); }
static double stage_flops(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    double block = BLOCK, rest = (double)m.rows - (double)stage_of(node) * block;
    return (double)m.batch * rest * block * (stage_of(node) > 0 ? rest + block : block);
}
static size_t stage_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return bgi_tile_scratch(node->dtype, BLOCK, n, BLOCK);
}

static void finish_rows(const bgi_tiles *t, void *a, int64_t n, int64_t row)
{
    int64_t rows = extent_of(n, row / BLOCK), after = row + rows;
    if (bgi_float_at(failure_of(t, a, n), t->dtype, 0) != 0)
        return;
    int64_t minor = bgi_tiles_cholesky(t, rows, bgi_tile_at(t, a, n, row, row), n);
    if (minor != 0) {
        bgi_put_float(failure_of(t, a, n), t->dtype, 0, (double)(row + minor));
        return;
    }
    bgi_tiles_solve(t, false, false, rows, n - after, bgi_turned(bgi_tile_of(t, a, n, row, row)),
                    bgi_tile_at(t, a, n, row, after), n);
}

static bg_status run_stage(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    int64_t n = bgi_matrices_of(call->node).rows, stage = stage_of(call->node), row = (stage + piece) * BLOCK;
    void *a = bgi_at(call->output, matrix * n * n, t->size);
    if (stage > 0) {
        bgi_tile above = bgi_tile_of(t, a, n, (stage - 1) * BLOCK, row);
        bgi_tiles_subtract(t, extent_of(n, stage + piece), n - row, BLOCK, bgi_turned(above), above,
                           bgi_tile_at(t, a, n, row, row), n);
    }
    if (piece == 0)
        finish_rows(t, a, n, row);
    return BG_OK;
}
static const bgi_piecewise stage_op = { .op = { BGI_IN_PIECES, .name = "cholesky_stage", .arity = 1,
                                                .flops = stage_flops, .product_flops = stage_flops,
                                                .never_fails = true },
                                        .pieces = stage_pieces,
                                        .is_front_first = true,
                                        .tile_scratch = stage_scratch,
                                        .run = run_stage };

/* ---- The last call: the wanted triangle, by block rows ---- */

static int64_t end_pieces(const bg_node *node) { return blocks_of(bgi_matrices_of(node).rows); }
static size_t end_work(const bg_node *node) { return (size_t)(BLOCK * BLOCK) * bg_dtype_size(node->dtype); }

/* Block row `block`: its part of the upper triangle goes to the lower one, if that is wanted, and else zeros do. */
static void end_rows(const bg_call *call, const bgi_tiles *t, void *a, int64_t n, int64_t block, bool upper)
{
    int64_t row = block * BLOCK, rows = extent_of(n, block);
    void *diagonal = bgi_tile_at(t, a, n, row, row);
    if (!upper) {
        t->kernels->transpose(call->scratch, rows, diagonal, n, rows, rows);
        t->kernels->transpose(bgi_tile_at(t, a, n, row + rows, row), n, bgi_tile_at(t, a, n, row, row + rows), n,
                              n - row - rows, rows);
    }
    for (int64_t i = 0; i < rows; i++) {
        void *start = bgi_tile_at(t, diagonal, n, i, 0);
        if (upper) {
            memset(start, 0, (size_t)i * t->size);
        } else {
            memcpy(start, bgi_const_at(call->scratch, i * rows, t->size), (size_t)(i + 1) * t->size);
            memset(bgi_at(start, i + 1, t->size), 0, (size_t)(n - row - i - 1) * t->size);
        }
    }
}
static bg_status run_end(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t block)
{
    const attributes_of *attributes = call->node->attributes;
    int64_t n = bgi_matrices_of(call->node).rows;
    void *a = bgi_at(call->output, matrix * n * n, t->size);
    /* The first block row's piece writes where the failure stands. */
    int64_t minor = block == 0 ? (int64_t)bgi_float_at(failure_of(t, a, n), t->dtype, 0) : 0;
    if (minor != 0)
        return bgi_fail_in(call, bgi_batch_shape(call->node, false), matrix,
                           "not positive definite: the leading minor of order %lld is not", (long long)minor);
    end_rows(call, t, a, n, block, attributes->upper != 0);
    return BG_OK;
}
static const bgi_piecewise end_op = {
    .op = { BGI_IN_PIECES, .name = "cholesky_end", .arity = 1 }, .pieces = end_pieces, .work = end_work, .run = run_end
};

bg_node *bgi_blocked_cholesky(bg_node *a, bool upper)
{
    attributes_of attributes = { .upper = upper };
    bg_node *y = bg_apply(&start_op, &a, 1, &attributes, sizeof attributes);
    for (int64_t blocks = y ? blocks_of(bgi_matrices_of(a).rows) : 0; attributes.stage < blocks; attributes.stage++)
        y = bg_apply(&stage_op.op, &y, 1, &attributes, sizeof attributes);
    return bg_apply(&end_op.op, &y, 1, &attributes, sizeof attributes);
}
