/* The QR factorisation of large matrices in blocks, shared by all threads.
 *
 * A chain of calls that work in place on a, scaled by a power of two, with the triangles of blocks of reflections
 * behind it: there is a call a block column, whose units reflect the columns right of the last one that was finished,
 * and the first of them goes on to finish its own, while the others are busy with theirs. Columns of q are then
 * independent of each other. */
#include "linalg/blocked.h"
#include "linalg/pieces.h"
#include "linalg/reflections.h"

#include <math.h>
#include <string.h>

typedef struct {
    int64_t rows, columns;
    int64_t width; /* of q: rows, or the lesser of both */
    int64_t stage; /* block columns that are finished before */
} attributes_of;

static const attributes_of *attributes(const bg_node *node) { return node->attributes; }
static int64_t least_of(const attributes_of *x) { return bgi_least(x->rows, x->columns); }

/* ---- Block columns: those of the diagonal, then those of what a has more columns than rows ---- */

static int64_t block_of(const attributes_of *x) { return least_of(x) < 1024 ? 32 : 64; } /* bench/grid.md */
static int64_t panels_of(const attributes_of *x) { return bgi_in_blocks(least_of(x), block_of(x)); }
static int64_t panel_width(const attributes_of *x, int64_t panel)
{
    return bgi_least(block_of(x), least_of(x) - panel * block_of(x));
}
/* What is not a panel yet, in shares of up to SHARE columns but for the next panel. */
enum { SHARE = 128 };
static int64_t shares_of(const attributes_of *x)
{
    int64_t next = x->stage < panels_of(x) ? panel_width(x, x->stage) : 0;
    int64_t first = bgi_least(least_of(x), x->stage * block_of(x)) + next;
    return (next > 0) + (x->stage > 0 ? bgi_in_blocks(x->columns - first, SHARE) : 0);
}

static int64_t factored_count(const attributes_of *x)
{
    return x->rows * x->columns + panels_of(x) * block_of(x) * block_of(x);
}
static void *triangle_of(const bgi_tiles *t, const attributes_of *x, const void *a, int64_t panel)
{
    return bgi_at((void *)(uintptr_t)a, x->rows * x->columns + panel * block_of(x) * block_of(x), t->size);
}

/* ---- The scale: 1, or the power of two that brings the largest element near 1 ---- */

#define LARGEST(type, magnitude)                                                                                       \
    static double largest_##type(const type *x, int64_t n)                                                             \
    {                                                                                                                  \
        enum { LANES = 16 };                                                                                           \
        type best[LANES] = { 0 }, most = 0;                                                                            \
        int64_t i = 0;                                                                                                 \
        for (; i + LANES <= n; i += LANES)                                                                             \
            for (int k = 0; k < LANES; k++)                                                                            \
                best[k] = magnitude(x[i + k]) > best[k] ? magnitude(x[i + k]) : best[k];                               \
        for (; i < n; i++)                                                                                             \
            most = magnitude(x[i]) > most ? magnitude(x[i]) : most;                                                    \
        for (int k = 0; k < LANES; k++)                                                                                \
            most = best[k] > most ? best[k] : most;                                                                    \
        return (double)most;                                                                                           \
    }
LARGEST(float, fabsf)
LARGEST(double, fabs)

static bg_status scale_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[--shape->rank - 1] = 1;
    return BG_OK;
}
static bg_status scale_call(const bg_call *call)
{
    const attributes_of *x = attributes(call->node);
    bg_dtype dtype = call->node->dtype;
    int64_t count = x->rows * x->columns;
    /* Up to these exponents squares, and sums of them, are numbers; beyond the others, powers of two are none. */
    int far = dtype == BG_F64 ? 400 : 40, most = dtype == BG_F64 ? 1020 : 124;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        bg_status status = bgi_check_finite(call, 0, i);
        if (status != BG_OK)
            return status;
        const void *a = bgi_input_at(call, 0, i, count);
        double largest = dtype == BG_F64 ? largest_double(a, count) : largest_float(a, count);
        int exponent = 0;
        (void)frexp(largest, &exponent);
        exponent = exponent > most ? most : exponent < -most ? -most : exponent;
        bool is_far = exponent > far || exponent < -far;
        bgi_put_float(call->output, dtype, i, is_far ? ldexp(1, -exponent) : 1);
    }
    return BG_OK;
}
static int64_t scale_units(const bg_node *node, int input)
{
    (void)input;
    return bgi_most(bgi_batch_count(node, true), 1);
}
static double scale_flops(const bg_node *node)
{
    return (double)bgi_batch_count(node, true) * (double)(attributes(node)->rows * attributes(node)->columns);
}
static const bg_op scale_op = {
    .name = "qr_scale", .arity = 1, .infer = scale_infer, .call = scale_call, .units = scale_units, .flops = scale_flops
};

/* ---- Room for so many elements a matrix, which the first call in place fills ---- */

/* of_result keeps two rooms of as many elements from being one node, which calls in place would have to copy. */
typedef struct {
    int64_t count, of_result;
} room;

static bg_status room_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 1] = ((const room *)node->attributes)->count;
    return BG_OK;
}
static bg_status room_call(const bg_call *call)
{
    (void)call;
    return BG_OK;
}
static const bg_op room_op = {
    .name = "qr_room", .arity = 1, .infer = room_infer, .call = room_call, .never_fails = true
};

/* Rows of a piece. */
enum { ROWS = 64 };
static void copy_scaled(const bgi_tiles *t, void *to, const void *from, int64_t count, double factor)
{
    double both[1];
    bgi_put_float(both, t->dtype, 0, factor);
    t->kernels->mul(to, from, 1, both, 0, NULL, 0, count);
}

/* ---- qr_start: room, a and the scale -> the scaled copy ---- */

static int64_t start_pieces(const bg_node *node) { return bgi_in_blocks(attributes(node)->rows, ROWS); }
static bg_status run_start(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    const attributes_of *x = attributes(call->node);
    int64_t row = piece * ROWS, rows = bgi_least(ROWS, x->rows - row), n = x->columns;
    copy_scaled(t, bgi_at(call->output, matrix * factored_count(x) + row * n, t->size),
                bgi_const_at(call->inputs[1], (matrix * x->rows + row) * n, t->size), rows * n,
                bgi_float_at(call->inputs[2], t->dtype, matrix));
    return BG_OK;
}
static const bgi_piecewise start_op = { .op = { BGI_IN_PIECES, .name = "qr_start", .arity = 3, .never_fails = true },
                                        .is_packed = true,
                                        .pieces = start_pieces,
                                        .run = run_start };

/* ---- A call for each block column ---- */

static int64_t stage_pieces(const bg_node *node) { return shares_of(attributes(node)); }
static double stage_flops(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    double done = (double)(x->stage * block_of(x)), block = (double)block_of(x);
    double rows = (double)x->rows - done + block, columns = x->stage > 0 ? (double)x->columns - done + block : block;
    return (double)bgi_batch_count(node, true) * 4 * block * rows * columns;
}
static size_t stage_work(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    int64_t block = block_of(x), panel = bgi_reflections_work(x->rows, block), share = block * (block + SHARE);
    return (size_t)bgi_most(panel, share) * bg_dtype_size(node->dtype);
}
static size_t stage_tile_scratch(const bg_node *node)
{
    int64_t rows = attributes(node)->rows;
    return bgi_tile_scratch(node->dtype, rows, bgi_most(rows, SHARE), rows);
}
static void reflect_share(const bgi_tiles *t, const attributes_of *x, void *a, int64_t column, int64_t width,
                          void *work)
{
    int64_t panel = x->stage - 1, row = panel * block_of(x), n = x->columns;
    bgi_reflect(t, true, x->rows - row, panel_width(x, panel), width, bgi_tile_at(t, a, n, row, row), n,
                triangle_of(t, x, a, panel), bgi_tile_at(t, a, n, row, column), n, work);
}
static bg_status run_stage(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    const attributes_of *x = attributes(call->node);
    int64_t n = x->columns, next = x->stage < panels_of(x) ? panel_width(x, x->stage) : 0;
    int64_t row = bgi_least(least_of(x), x->stage * block_of(x));
    int64_t share = piece - (next > 0), column = share < 0 ? row : row + next + share * SHARE;
    void *a = bgi_at(call->output, matrix * factored_count(x), t->size);
    if (x->stage > 0)
        reflect_share(t, x, a, column, share < 0 ? next : bgi_least(SHARE, n - column), call->scratch);
    if (share < 0)
        bgi_reflections_of(t, x->rows - row, next, bgi_tile_at(t, a, n, row, row), n, triangle_of(t, x, a, x->stage),
                           call->scratch);
    return BG_OK;
}
static const bgi_piecewise stage_op = { .op = { BGI_IN_PIECES, .name = "qr_stage", .arity = 1, .flops = stage_flops,
                                                .product_flops = stage_flops, .never_fails = true },
                                        .is_packed = true,
                                        .pieces = stage_pieces,
                                        .is_front_first = true,
                                        .work = stage_work,
                                        .tile_scratch = stage_tile_scratch,
                                        .run = run_stage };

/* ---- qr_end: room, what was factorised and the scale -> q and r ---- */

static int64_t shares_of_q(const attributes_of *x) { return bgi_in_blocks(x->width, SHARE); }
static int64_t height_of_r(const attributes_of *x) { return x->width; }
static int64_t end_pieces(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    return shares_of_q(x) + bgi_in_blocks(height_of_r(x), ROWS);
}
static double end_flops(const bg_node *node)
{
    const attributes_of *x = attributes(node);
    return (double)bgi_batch_count(node, true) * 2 * (double)x->rows * (double)x->width * (double)least_of(x);
}
/* Columns of q: the reflections that reach them, the last first, of columns of the identity. */
static void make_q(const bgi_tiles *t, const attributes_of *x, const void *a, void *q, int64_t column, void *work)
{
    int64_t width = bgi_least(SHARE, x->width - column), n = x->columns, last = bgi_least(column + width, least_of(x));
    for (int64_t i = 0; i < x->rows; i++) {
        void *row = bgi_tile_at(t, q, x->width, i, column);
        memset(row, 0, (size_t)width * t->size);
        if (i >= column && i < column + width)
            bgi_put_float(row, t->dtype, i - column, 1);
    }
    for (int64_t panel = (last - 1) / block_of(x); panel >= 0; panel--) {
        int64_t row = panel * block_of(x);
        bgi_reflect(t, false, x->rows - row, panel_width(x, panel), width, bgi_const_at(a, row * n + row, t->size), n,
                    triangle_of(t, x, a, panel), bgi_tile_at(t, q, x->width, row, column), x->width, work);
    }
}
static bg_status copy_r(const bg_call *call, const bgi_tiles *t, int64_t matrix, const void *a, void *r, int64_t row)
{
    const attributes_of *x = attributes(call->node);
    double scale = bgi_float_at(call->inputs[2], t->dtype, matrix);
    for (int64_t i = row; i < height_of_r(x) && i < row + ROWS; i++) {
        int64_t zeros = bgi_least(i, x->columns), count = x->columns - zeros;
        void *to = bgi_tile_at(t, r, x->columns, i, 0);
        memset(to, 0, (size_t)zeros * t->size);
        to = bgi_at(to, zeros, t->size);
        copy_scaled(t, to, bgi_const_at(a, i * x->columns + zeros, t->size), count, 1 / scale);
        if (bgi_first_not_finite(t->dtype, to, count) < count)
            return bgi_fail_in(call, bgi_batch_shape(call->node, true), matrix,
                               "the length of a column is too large for the type");
    }
    return BG_OK;
}
static bg_status run_end(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t piece)
{
    const attributes_of *x = attributes(call->node);
    int64_t of_q = x->rows * x->width, of_r = height_of_r(x) * x->columns;
    int64_t last_of_q = shares_of_q(x) - 1; /* the longest first */
    const void *a = bgi_const_at(call->inputs[1], matrix * factored_count(x), t->size);
    void *q = bgi_at(call->output, matrix * (of_q + of_r), t->size);
    if (piece > last_of_q)
        return copy_r(call, t, matrix, a, bgi_at(q, of_q, t->size), (piece - last_of_q - 1) * ROWS);
    make_q(t, x, a, q, (last_of_q - piece) * SHARE, call->scratch);
    return BG_OK;
}
static const bgi_piecewise end_op = { .op = { BGI_IN_PIECES, .name = "qr_end", .arity = 3, .flops = end_flops,
                                              .product_flops = end_flops },
                                      .is_packed = true,
                                      .pieces = end_pieces,
                                      .is_front_first = true,
                                      .work = stage_work,
                                      .tile_scratch = stage_tile_scratch,
                                      .run = run_end };

bg_node *bgi_blocked_qr(bg_node *a, bool is_complete)
{
    bgi_matrices m = bgi_matrices_of(a);
    attributes_of x = { .rows = m.rows, .columns = m.columns };
    x.width = is_complete ? m.rows : least_of(&x);
    room factored = { factored_count(&x), false }, both = { x.rows * x.width + height_of_r(&x) * x.columns, true };
    bg_node *scale = bg_apply(&scale_op, &a, 1, &x, sizeof x);
    bg_node *y = bg_apply(&room_op, &scale, 1, &factored, sizeof factored);
    y = bg_apply(&start_op.op, (bg_node *[]){ y, a, scale }, 3, &x, sizeof x);
    int64_t stages = panels_of(&x) + (x.columns > least_of(&x));
    for (; x.stage < stages; x.stage++)
        y = bg_apply(&stage_op.op, &y, 1, &x, sizeof x);
    bg_node *result = bg_apply(&room_op, &scale, 1, &both, sizeof both);
    return bg_apply(&end_op.op, (bg_node *[]){ result, y, scale }, 3, &x, sizeof x);
}
