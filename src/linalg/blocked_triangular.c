/* Large triangular systems, shared by all threads: the right-hand sides are solved in place, some of them a piece.
 *
 * Columns of b are independent of each other, and so are the rows of b where a stands on the right. */
#include "linalg/blocked.h"
#include "linalg/pieces.h"

typedef struct {
    int64_t upper, is_transposed, is_unit, is_right;
    /* Of factors that were looked at before: elements from one matrix to the next. 0: of a as the user gave it. */
    int64_t stride;
} attributes_of;

/* Of one system: right-hand sides in all, and of a piece. */
static int64_t sides_of(const bg_node *node)
{
    bgi_matrices b = bgi_matrices_of(node);
    return ((const attributes_of *)node->attributes)->is_right ? b.rows : b.columns;
}
static int64_t share_of(int64_t sides)
{
    enum { VECTOR = 16, FEW = 64, MANY = 128 }; /* bench/grid.md */
    int64_t half = (sides / 2 + VECTOR - 1) / VECTOR * VECTOR, most = sides > 1024 ? MANY : FEW;
    return half < VECTOR ? VECTOR : bgi_least(half, most);
}
static int64_t shares_of(int64_t sides) { return bgi_in_blocks(sides, share_of(sides)); }

static int64_t pieces(const bg_node *node) { return shares_of(sides_of(node)); }
static int64_t order_of(const bg_node *node)
{
    bgi_matrices b = bgi_matrices_of(node);
    return ((const attributes_of *)node->attributes)->is_right ? b.columns : b.rows;
}
static double flops(const bg_node *node) { return (double)order_of(node) * (double)bg_shape_count(node->shape); }
static size_t work(const bg_node *node)
{
    bool is_right = ((const attributes_of *)node->attributes)->is_right;
    return is_right ? (size_t)(order_of(node) * share_of(sides_of(node))) * bg_dtype_size(node->dtype) : 0;
}
static size_t tile_scratch(const bg_node *node)
{
    int64_t n = order_of(node);
    return bgi_tile_scratch(node->dtype, n, share_of(sides_of(node)), n);
}

/* k: whether it is the system's right side. */
static bg_status fail_not_finite(const bg_call *call, int k, int64_t matrix, const void *row, int64_t at, int64_t i,
                                 int64_t j)
{
    bg_call whole = bgi_by_matrices(call);
    return bgi_fail_element(&whole, matrix, bgi_label_of(call, k), bgi_float_at(row, call->node->dtype, at), i, j);
}

/* Rows [first, last) of a: all pieces together look at each of them once. */
static bg_status check_triangle(const bg_call *call, int64_t matrix, const void *a, int64_t n, int64_t first,
                                int64_t last)
{
    const attributes_of *how = call->node->attributes;
    bg_dtype dtype = call->node->dtype;
    for (int64_t i = first; i < last; i++) {
        int64_t start = how->upper ? i + how->is_unit : 0, count = how->upper ? n - start : i + 1 - how->is_unit;
        const void *row = bgi_const_at(a, i * n + start, bg_dtype_size(dtype));
        int64_t at = bgi_first_not_finite(dtype, row, count);
        if (at < count)
            return fail_not_finite(call, 0, matrix, row, at, i, start + at);
        if (!how->is_unit && bgi_float_at(row, dtype, how->upper ? 0 : i) == 0)
            return bgi_fail_in(call, bgi_batch_shape(call->node, false), matrix, "%s is singular: 0 at [%lld, %lld]",
                               bgi_label_of(call, 0), (long long)i, (long long)i);
    }
    return BG_OK;
}

/* One share of the right-hand sides of a system: [rows, columns] from row `row` and column `column` of b on. */
typedef struct {
    int64_t n, sides, row, column, rows, columns;
    void *data;
} part;
static part part_of(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t share)
{
    bool is_right = ((const attributes_of *)call->node->attributes)->is_right;
    part p = { .n = order_of(call->node), .sides = sides_of(call->node) };
    int64_t first = share * share_of(p.sides), width = bgi_least(share_of(p.sides), p.sides - first);
    p.row = is_right ? first : 0;
    p.column = is_right ? 0 : first;
    p.rows = is_right ? width : p.n;
    p.columns = is_right ? p.n : width;
    void *b = bgi_at(call->output, matrix * p.n * p.sides, t->size);
    p.data = bgi_tile_at(t, b, is_right ? p.n : p.sides, p.row, p.column);
    return p;
}

/* The first row of the part with an element that is not finite, and its column; p->rows if there is none. */
static int64_t first_not_finite(const bg_call *call, const bgi_tiles *t, const part *p, int64_t *column)
{
    for (int64_t i = 0; i < p->rows; i++) {
        const void *row = bgi_tile_at(t, p->data, bgi_matrices_of(call->node).columns, i, 0);
        *column = bgi_first_not_finite(t->dtype, row, p->columns);
        if (*column < p->columns)
            return i;
    }
    return p->rows;
}
static bg_status check_part(const bg_call *call, const bgi_tiles *t, int64_t matrix, const part *p)
{
    int64_t j, i = first_not_finite(call, t, p, &j);
    if (i == p->rows)
        return BG_OK;
    const void *row = bgi_tile_at(t, p->data, bgi_matrices_of(call->node).columns, i, 0);
    return fail_not_finite(call, 1, matrix, row, j, p->row + i, p->column + j);
}
/* What is not finite in the result may come of a row of a that another piece looks at. */
static bg_status check_solution(const bg_call *call, const bgi_tiles *t, int64_t matrix, const void *a, const part *p)
{
    int64_t j, i = first_not_finite(call, t, p, &j);
    if (i == p->rows)
        return BG_OK;
    bg_status status = check_triangle(call, matrix, a, p->n, 0, p->n);
    return status != BG_OK ? status
                           : bgi_fail_in(call, bgi_batch_shape(call->node, false), matrix,
                                         "the result is beyond the range of %s at [%lld, %lld]",
                                         bg_dtype_name(t->dtype), (long long)(p->row + i), (long long)(p->column + j));
}

static bg_status solve_share(const bg_call *call, const bgi_tiles *t, int64_t matrix, int64_t share)
{
    const attributes_of *how = call->node->attributes;
    part p = part_of(call, t, matrix, share);
    int64_t shares = shares_of(p.sides), ld = bgi_matrices_of(call->node).columns;
    const void *a = bgi_const_at(call->inputs[1], matrix * (how->stride > 0 ? how->stride : p.n * p.n), t->size);
    if (how->stride == 0) {
        bg_status status = check_triangle(call, matrix, a, p.n, share * p.n / shares, (share + 1) * p.n / shares);
        status = status == BG_OK ? check_part(call, t, matrix, &p) : status;
        if (status != BG_OK)
            return status;
    }
    bgi_triangular system = { how->upper, how->is_transposed, how->is_unit, how->is_right };
    bgi_tiles_system(t, system, p.rows, p.columns, a, p.n, p.data, ld, call->scratch);
    return how->stride == 0 ? check_solution(call, t, matrix, a, &p) : BG_OK;
}

#define SOLUTION .pieces = pieces, .work = work, .tile_scratch = tile_scratch, .run = solve_share
static const bgi_piecewise solve_op = { SOLUTION, .op = { BGI_IN_PIECES, .name = "solve_triangular", .arity = 2,
                                                          .flops = flops, .product_flops = flops } };
static const bgi_piecewise substitute_op = { SOLUTION,
                                             .op = { BGI_IN_PIECES, .name = "substitute", .arity = 2, .flops = flops,
                                                     .product_flops = flops, .never_fails = true } };

bg_node *bgi_blocked_solve(bg_node *a, bg_node *b, const bg_triangular_options *options)
{
    attributes_of attributes = { options->triangle == BG_UPPER, options->is_transposed, options->is_unit,
                                 options->is_right, 0 };
    return bg_apply(&solve_op.op, (bg_node *[]){ b, a }, 2, &attributes, sizeof attributes);
}

bg_node *bgi_blocked_substitute(bg_node *factors, int64_t stride, bg_node *b, const bg_triangular_options *options)
{
    attributes_of attributes = { options->triangle == BG_UPPER, options->is_transposed, options->is_unit,
                                 options->is_right, stride };
    return bg_apply(&substitute_op.op, (bg_node *[]){ b, factors }, 2, &attributes, sizeof attributes);
}
