/* Solutions of triangular systems. */
#include "linalg/blocked.h"
#include "linalg/small.h"
#include "linalg/tiles.h"

#include <string.h>

/* Attributes: bg_triangular_options, without padding. */
typedef struct {
    int32_t is_upper, is_transposed, is_unit, is_right;
} attributes_of;

static attributes_of read_options(const bg_triangular_options *options)
{
    bg_triangular_options none = { 0 };
    const bg_triangular_options *o = options ? options : &none;
    return (attributes_of){ o->triangle == BG_UPPER, o->is_transposed, o->is_unit, o->is_right };
}
static bg_triangular_options options_of(const bg_node *node)
{
    const attributes_of *attributes = node->attributes;
    return (bg_triangular_options){ .triangle = attributes->is_upper ? BG_UPPER : BG_LOWER,
                                    .is_transposed = attributes->is_transposed,
                                    .is_unit = attributes->is_unit,
                                    .is_right = attributes->is_right };
}

/* solve_triangular: op(a) · x = b or x · op(a) = b
 *   db solves the transposed system with dx;   d op(a) = -db · xᵀ or -xᵀ · db, of which da is the triangle */
static bg_node *solve_triangular_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_triangular_options options = options_of(node), transposed = options;
    transposed.is_transposed = !options.is_transposed;
    bg_node *db = bg_solve_triangular(node->inputs[0], dy, &transposed);
    if (input == 1)
        return db;
    bg_node *da = options.is_right == options.is_transposed
                      ? (options.is_right ? bgi_matmul_tn(db, node) : bgi_matmul_nt(db, node))
                      : (options.is_right ? bgi_matmul_tn(node, db) : bgi_matmul_nt(node, db));
    int64_t diagonal = options.is_unit;
    return bg_neg(options.triangle == BG_UPPER ? bg_triu(da, diagonal) : bg_tril(da, -diagonal));
}

/* The triangle that is read is finite: that without the diagonal if this is one of ones. */
static bg_status check_triangle(const bg_call *call, bgi_triangular how, int64_t i, int64_t n)
{
    if (!how.is_unit)
        return bgi_check_finite_triangle(call, 0, i, how.is_upper ? BG_UPPER : BG_LOWER);
    bg_dtype dtype = call->node->dtype;
    const void *a = bgi_input_at(call, 0, i, n * n);
    for (int64_t row = 0; row < n; row++) {
        int64_t first = how.is_upper ? row + 1 : 0, count = how.is_upper ? n - row - 1 : row;
        const void *part = bgi_const_at(a, row * n + first, bg_dtype_size(dtype));
        int64_t at = bgi_first_not_finite(dtype, part, count);
        if (at < count)
            return bgi_fail_element(call, i, bgi_label_of(call, 0), bgi_float_at(part, dtype, at), row, first + at);
    }
    return BG_OK;
}
bg_status bgi_check_diagonal(const bg_call *call, int64_t i)
{
    bgi_matrices a = bgi_matrices_of(call->node->inputs[0]);
    const void *values = bgi_input_at(call, 0, i, a.rows * a.rows);
    for (int64_t k = 0; k < a.rows; k++)
        if (bgi_float_at(values, call->node->dtype, k * a.rows + k) == 0)
            return bgi_fail_at(call, i, "%s is singular: 0 at [%lld, %lld]", bgi_label_of(call, 0), (long long)k,
                               (long long)k);
    return BG_OK;
}
bg_status bgi_check_triangular(const bg_call *call, bgi_triangular how, int64_t i)
{
    bg_status status = check_triangle(call, how, i, bgi_matrices_of(call->node->inputs[0]).rows);
    if (status == BG_OK)
        status = bgi_check_finite(call, 1, i);
    return status == BG_OK && !how.is_unit ? bgi_check_diagonal(call, i) : status;
}
/* Bytes of the right-hand sides that are turned, where a stands on the right. */
static size_t turned_bytes(const bg_node *node)
{
    bgi_matrices b = bgi_matrices_of(node);
    bool is_right = ((const attributes_of *)node->attributes)->is_right;
    return is_right ? bgi_aligned((size_t)(b.rows * b.columns) * bg_dtype_size(node->dtype)) : 0;
}
static size_t solve_triangular_scratch(const bg_node *node)
{
    bgi_matrices b = bgi_matrices_of(node);
    int64_t n = bgi_matrices_of(node->inputs[0]).rows;
    return turned_bytes(node) + bgi_tile_scratch(node->dtype, n, bgi_most(b.rows, b.columns), n);
}
static bg_status solve_triangular_run(const bg_call *call)
{
    const attributes_of *attributes = call->node->attributes;
    bgi_triangular how = { attributes->is_upper, attributes->is_transposed, attributes->is_unit, attributes->is_right };
    bgi_matrices b = bgi_matrices_of(call->node);
    int64_t n = how.is_right ? b.columns : b.rows;
    bgi_tiles t = bgi_tiles_of(call, bgi_at(call->scratch, 1, turned_bytes(call->node)));
    for (int64_t i = 0; i < call->last - call->first && b.batch > 0; i++) {
        bg_status status = bgi_check_triangular(call, how, i);
        if (status != BG_OK)
            return status;
        void *x = bgi_output_at(call, i, b.rows * b.columns);
        memcpy(x, bgi_input_at(call, 1, i, b.rows * b.columns),
               (size_t)(b.rows * b.columns) * bg_dtype_size(call->node->dtype));
        bgi_tiles_system(&t, how, b.rows, b.columns, bgi_input_at(call, 0, i, n * n), n, x, b.columns, call->scratch);
        status = bgi_check_result(call, i);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status solve_triangular_call(const bg_call *call) { return bgi_run_gradually(call, solve_triangular_run); }
static double solve_triangular_flops(const bg_node *node)
{
    double n = (double)bgi_matrices_of(node->inputs[0]).rows;
    return n * (double)bg_shape_count(node->shape);
}
static const bg_op single_op = { .name = "solve_triangular",
                                 .arity = 2,
                                 .infer = bgi_infer_last,
                                 .call = solve_triangular_call,
                                 .units = bgi_matrix_units,
                                 .scratch = solve_triangular_scratch,
                                 .flops = solve_triangular_flops,
                                 .product_flops = solve_triangular_flops };
/* A system is one unit, or shared by all threads, or small and beside others. */
static bg_node *solve_triangular_compose(bg_node *node)
{
    bg_triangular_options options = options_of(node);
    bgi_matrices a = bgi_matrices_of(node->inputs[0]);
    if (bgi_is_blocked(a.rows, a.batch))
        return bgi_blocked_solve(node->inputs[0], node->inputs[1], &options);
    if (bgi_small_serves(BGI_SMALL_SOLVE, node, a.rows))
        return bgi_small_solve(node->inputs[0], node->inputs[1], &options);
    return bg_apply(&single_op, node->inputs, 2, node->attributes, node->attribute_bytes);
}
static const bg_op solve_triangular_op = { .name = "solve_triangular",
                                           .arity = 2,
                                           .infer = bgi_infer_last,
                                           .gradient = solve_triangular_gradient,
                                           .compose = solve_triangular_compose };
bg_node *bg_solve_triangular(bg_node *a, bg_node *b, const bg_triangular_options *options)
{
    attributes_of attributes = read_options(options);
    bg_node *own = a;
    const bg_node *given = b;
    if (!bgi_takes_system("solve_triangular", &a, &b, attributes.is_right) ||
        !bgi_takes_triangle("solve_triangular", a, options ? options->triangle : BG_LOWER))
        return NULL;
    bool shared = bgi_is_shared(own, b);
    bg_node *system[] = { shared ? bgi_without_batch(own) : a, shared ? bgi_side_by_side(b, attributes.is_right) : b };
    bg_node *x = bg_apply(&solve_triangular_op, system, 2, &attributes, sizeof attributes);
    return bgi_like_right_side(shared ? bgi_apart(x, b->shape, attributes.is_right) : x, given);
}

const bg_op *const bgi_triangular_ops[] = { &solve_triangular_op, NULL };
