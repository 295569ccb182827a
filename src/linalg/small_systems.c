/* Cholesky factors and triangular systems of many small matrices. */
#include "linalg/small.h"

/* ---- Cholesky ---- */

static bool is_upper(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }

/* How many matrices of the group are finite in their triangle, before the first that is not, whose error is made. What
 * is not read may be anything, but seldom is. */
static int64_t count_finite(const bg_call *call, int64_t first, int64_t matrices, bg_triangle triangle,
                            bg_status *status)
{
    int64_t n = bgi_matrices_of(call->node).rows, i = 0;
    *status = BG_OK;
    if (bgi_first_not_finite(call->node->dtype, bgi_input_at(call, 0, first, n * n), matrices * n * n) ==
        matrices * n * n)
        return matrices;
    while (i < matrices && (*status = bgi_check_finite_triangle(call, 0, first + i, triangle)) == BG_OK)
        i++;
    return i;
}

static bg_status cholesky_of_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    int64_t n = bgi_matrices_of(call->node).rows, row = bgi_small_row(n);
    size_t size = bg_dtype_size(g.dtype);
    char *minors = call->scratch, *inverses = minors + BGK_LANES * size,
         *a = inverses + (size_t)bgi_small_elements(n) * size;
    bool upper = is_upper(call->node);
    bg_status status;
    int64_t finite = count_finite(call, first, g.matrices, upper ? BG_UPPER : BG_LOWER, &status);
    bgi_small_take(&g, n, n, n * n, bgi_input_at(call, 0, first, n * n), a);
    g.kernels->lockstep_cholesky(n, a, upper ? BGK_LANES : row, upper ? row : BGK_LANES, minors, inverses);
    bgi_small_give(&g, n, n, n * n, a, bgi_output_at(call, first, n * n));
    for (int64_t i = 0; i < finite; i++) {
        int64_t minor = (int64_t)bgi_float_at(minors, g.dtype, i);
        if (minor != 0)
            return bgi_fail_at(call, first + i, "not positive definite: the leading minor of order %lld is not",
                               (long long)minor);
    }
    return status;
}
static bg_status cholesky_run(const bg_call *call) { return bgi_small_groups(call, cholesky_of_group); }
static bg_status cholesky_call(const bg_call *call) { return bgi_run_gradually(call, cholesky_run); }
static size_t cholesky_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return (size_t)(bgi_small_elements(1 + n) + bgi_small_matrix(n, n)) * bg_dtype_size(node->dtype);
}
static int64_t grain(const bg_node *node) { return bgi_small_grain(bgi_matrices_of(node->inputs[0]).rows); }
static double cholesky_flops(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    double n = (double)m.rows;
    return (double)m.batch * n * n * n / 3;
}
static const bg_op cholesky_op = { .name = "cholesky",
                                   .arity = 1,
                                   .infer = bgi_infer_last,
                                   .call = cholesky_call,
                                   .units = bgi_matrix_units,
                                   .scratch = cholesky_scratch,
                                   .grain = grain,
                                   .flops = cholesky_flops,
                                   .product_flops = cholesky_flops };
bg_node *bgi_small_cholesky(bg_node *a, bool upper)
{
    int64_t attributes = upper;
    return bg_apply(&cholesky_op, &a, 1, &attributes, sizeof attributes);
}

/* ---- Triangular systems ---- */

typedef struct {
    int32_t is_upper, is_transposed, is_unit, is_right;
} solve_attributes;
static bgi_triangular how_of(const bg_node *node)
{
    const solve_attributes *a = node->attributes;
    return (bgi_triangular){ a->is_upper, a->is_transposed, a->is_unit, a->is_right };
}

/* How many systems of the group can be solved, before the first that cannot, whose error is made. */
static int64_t count_solvable(const bg_call *call, int64_t first, int64_t matrices, bgi_triangular how,
                              bg_status *status)
{
    bgi_matrices b = bgi_matrices_of(call->node);
    int64_t n = how.is_right ? b.columns : b.rows, count = b.rows * b.columns, i = 0;
    bg_dtype dtype = call->node->dtype;
    bool all = bgi_first_not_finite(dtype, bgi_input_at(call, 0, first, n * n), matrices * n * n) == matrices * n * n &&
               bgi_first_not_finite(dtype, bgi_input_at(call, 1, first, count), matrices * count) == matrices * count;
    for (*status = BG_OK; i < matrices; i++) {
        if (!all)
            *status = bgi_check_triangular(call, how, first + i);
        else if (!how.is_unit)
            *status = bgi_check_diagonal(call, first + i);
        if (*status != BG_OK)
            break;
    }
    return i;
}
static bg_status solve_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    bgi_triangular how = how_of(call->node);
    bgi_matrices b = bgi_matrices_of(call->node);
    int64_t n = how.is_right ? b.columns : b.rows, count = b.rows * b.columns;
    size_t size = bg_dtype_size(g.dtype);
    char *inverses = call->scratch, *a = inverses + (size_t)bgi_small_elements(2 * n) * size;
    char *x = a + (size_t)bgi_small_matrix(n, n) * size;
    bg_status status;
    int64_t solvable = count_solvable(call, first, g.matrices, how, &status);
    bgi_small_take(&g, n, n, n * n, bgi_input_at(call, 0, first, n * n), a);
    bgi_small_take(&g, b.rows, b.columns, count, bgi_input_at(call, 1, first, count), x);
    bgi_small_substitute(&g, how, b.rows, b.columns, a, x, inverses);
    bgi_small_give(&g, b.rows, b.columns, count, x, bgi_output_at(call, first, count));
    return bgi_small_check_results(call, first, solvable, status);
}
static bg_status solve_run(const bg_call *call) { return bgi_small_groups(call, solve_group); }
static bg_status solve_call(const bg_call *call) { return bgi_run_gradually(call, solve_run); }
static size_t solve_scratch(const bg_node *node)
{
    bgi_matrices b = bgi_matrices_of(node);
    int64_t n = bgi_matrices_of(node->inputs[0]).rows;
    return (size_t)(bgi_small_elements(2 * n) + bgi_small_matrix(n, n) + bgi_small_matrix(b.rows, b.columns)) *
           bg_dtype_size(node->dtype);
}
static double solve_flops(const bg_node *node)
{
    return (double)bgi_matrices_of(node->inputs[0]).rows * (double)bg_shape_count(node->shape);
}
static const bg_op solve_op = { .name = "solve_triangular",
                                .arity = 2,
                                .infer = bgi_infer_last,
                                .call = solve_call,
                                .units = bgi_matrix_units,
                                .scratch = solve_scratch,
                                .grain = grain,
                                .flops = solve_flops,
                                .product_flops = solve_flops };
bg_node *bgi_small_solve(bg_node *a, bg_node *b, const bg_triangular_options *options)
{
    solve_attributes attributes = { options->triangle == BG_UPPER, options->is_transposed, options->is_unit,
                                    options->is_right };
    return bg_apply(&solve_op, (bg_node *[]){ a, b }, 2, &attributes, sizeof attributes);
}
