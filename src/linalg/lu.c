/* The LU factorisation of any matrix. */
#include "linalg/lu.h"

#include "linalg/blocked.h"
#include "linalg/lu_matrix.h"
#include "linalg/small.h"

#include <math.h>
#include <string.h>

int64_t bgi_lu_units(const bg_node *node, int input)
{
    (void)input;
    int64_t batch = 1;
    bgi_product_of(node->inputs[0]->shape.dims, node->inputs[0]->shape.rank - 1, &batch);
    return batch > 0 ? batch : 1;
}

int64_t bgi_lu_order(const bg_node *packed)
{
    int64_t p = packed->shape.dims[packed->shape.rank - 1], n = (int64_t)sqrt((double)p);
    while (n * n + n > p)
        n--;
    while (n * n + n < p)
        n++;
    return n;
}

/* ---- Factors ---- */

/* lu: [.., m, n] -> [.., m n + m] */
static bg_status lu_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[--shape->rank - 1] = m.rows * m.columns + m.rows;
    return BG_OK;
}
static bg_status check_factors(const bg_call *call, int64_t i, const void *factors)
{
    bgi_matrices m = bgi_matrices_of(call->node->inputs[0]);
    int64_t at = bgi_first_not_finite(call->node->dtype, factors, m.rows * m.columns);
    if (at == m.rows * m.columns)
        return BG_OK;
    return bgi_fail_at(call, i, "the factors are beyond the range of %s at [%lld, %lld]",
                       bg_dtype_name(call->node->dtype), (long long)(at / m.columns), (long long)(at % m.columns));
}
static size_t order_bytes(int64_t m) { return bgi_aligned((size_t)m * sizeof(int64_t)); }
/* Whether matrices go through side by side. */
static bool is_small(const bg_node *node)
{
    const bg_node *a = node->inputs[0];
    bgi_matrices m = bgi_matrices_of(a);
    return bgi_least(m.rows, m.columns) > 0 && bgi_small_serves(BGI_SMALL_LU, a, bgi_most(m.rows, m.columns));
}
static bg_status lu_of_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    bgi_matrices m = bgi_matrices_of(call->node->inputs[0]);
    int64_t count = m.rows * m.columns;
    int64_t finite = bgi_small_finite(g.dtype, bgi_input_at(call, 0, first, count), g.matrices, count);
    bg_status status = finite < g.matrices ? bgi_check_finite(call, 0, first + finite) : BG_OK;
    bgi_small_lu(&g, m.rows, m.columns, bgi_input_at(call, 0, first, count), bgi_output_at(call, first, count + m.rows),
                 call->scratch);
    int64_t held = bgi_small_finite(g.dtype, bgi_output_at(call, first, count + m.rows), finite, count + m.rows);
    return held < finite ? check_factors(call, first + held, bgi_output_at(call, first + held, count + m.rows))
                         : status;
}
static bg_status lu_run(const bg_call *call)
{
    if (is_small(call->node))
        return bgi_small_groups(call, lu_of_group);
    bgi_matrices m = bgi_matrices_of(call->node->inputs[0]);
    bg_dtype dtype = call->node->dtype;
    int64_t count = m.rows * m.columns, *order = call->scratch;
    void *work = bgi_at(call->scratch, 1, order_bytes(m.rows));
    bgi_tiles t = bgi_tiles_of(call, bgi_at(work, 1, bgi_lu_work(dtype, m.rows, m.columns)));
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        bg_status status = bgi_check_finite(call, 0, i);
        if (status != BG_OK)
            return status;
        void *packed = bgi_output_at(call, i, count + m.rows);
        memcpy(packed, bgi_input_at(call, 0, i, count), (size_t)count * bg_dtype_size(dtype));
        bgi_lu_factor(&t, m.rows, m.columns, packed, order, work);
        for (int64_t row = 0; row < m.rows; row++)
            bgi_put_float(packed, dtype, count + row, (double)order[row]);
        status = check_factors(call, i, packed);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status lu_call(const bg_call *call) { return bgi_run_gradually(call, lu_run); }
static size_t lu_scratch(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    if (is_small(node))
        return bgi_small_lu_scratch(node->dtype, m.rows, m.columns);
    int64_t least = bgi_least(m.rows, m.columns), most = bgi_most(m.rows, m.columns);
    return order_bytes(m.rows) + bgi_lu_work(node->dtype, m.rows, m.columns) +
           bgi_tile_scratch(node->dtype, most, most, least);
}
static double lu_flops(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    double k = (double)bgi_least(m.rows, m.columns), more = (double)bgi_most(m.rows, m.columns);
    return (double)m.batch * k * k * (more - k / 3);
}
static int64_t lu_grain(const bg_node *node)
{
    return is_small(node) ? bgi_small_grain(bgi_matrices_of(node->inputs[0]).rows) : 0;
}
static const bg_op single_op = { .name = "lu",
                                 .arity = 1,
                                 .infer = lu_infer,
                                 .is_constant = true,
                                 .call = lu_call,
                                 .units = bgi_matrix_units,
                                 .scratch = lu_scratch,
                                 .grain = lu_grain,
                                 .flops = lu_flops,
                                 .product_flops = lu_flops };
/* A matrix is one unit, and small ones go side by side; or it is shared by all threads. */
static bg_node *lu_compose(bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    bool is_shared = bgi_is_blocked(bgi_least(m.rows, m.columns), m.batch);
    return is_shared ? bgi_blocked_lu(node->inputs[0]) : bgi_apply_1(&single_op, node->inputs[0]);
}
static const bg_op lu_op = { .name = "lu", .arity = 1, .infer = lu_infer, .is_constant = true, .compose = lu_compose };
bg_node *bgi_lu_pack(const char *name, bg_node *a)
{
    if (!a)
        return NULL;
    if (bgi_matrices_of(a).rows > bgi_lu_most_rows(a->dtype))
        return bgi_graph_fail(a->graph, BG_ERR_OVERFLOW, "%s: %s has more rows than %s can count", name,
                              bgi_shape_format(a->shape).text, bg_dtype_name(a->dtype));
    return bgi_apply_1(&lu_op, a);
}

/* ---- Rows in the order of the permutation ---- */

/* lu_permute: row i of y is row order[i] of x; is_back: row order[i] of y is row i of x. Each is the other's transpose.
 */
static bool is_back(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }
static bg_node *permuted(const bg_op *op, bg_node *x, bg_node *packed, bool back)
{
    int64_t attributes = back;
    return bg_apply(op, (bg_node *[]){ x, packed }, 2, &attributes, sizeof attributes);
}
static bg_node *lu_permute_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? permuted(node->op, dy, node->inputs[1], !is_back(node)) : NULL;
}
static bg_status lu_permute_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    const bg_node *packed = call->node->inputs[1];
    int64_t p = packed->shape.dims[packed->shape.rank - 1];
    size_t row = (size_t)m.columns * bg_dtype_size(call->node->dtype);
    bool back = is_back(call->node);
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        const void *x = bgi_input_at(call, 0, i, m.rows * m.columns);
        const void *factors = bgi_input_at(call, 1, i, p);
        void *y = bgi_output_at(call, i, m.rows * m.columns);
        for (int64_t k = 0; k < m.rows; k++) {
            int64_t at = bgi_lu_order_at(packed->dtype, factors, p - m.rows, k);
            memcpy(bgi_at(y, back ? at : k, row), bgi_const_at(x, back ? k : at, row), row);
        }
    }
    return BG_OK;
}
static const bg_op lu_permute_op = { .name = "lu_permute",
                                     .arity = 2,
                                     .infer = bgi_infer_same,
                                     .gradient = lu_permute_gradient,
                                     .call = lu_permute_call,
                                     .units = bgi_matrix_units,
                                     .never_fails = true };

bg_node *bgi_lu_permute(bg_node *x, bg_node *packed, bool back) { return permuted(&lu_permute_op, x, packed, back); }

/* ---- Results ---- */

/* Rows and columns [0, k) and [k, ..) of the last two axes. */
static bg_node *rows_from(bg_node *x, int64_t start, int64_t count)
{
    return x ? bgi_slice_of(x, x->shape.rank - 2, start, 1, count) : NULL;
}
static bg_node *columns_from(bg_node *x, int64_t start, int64_t count)
{
    return x ? bgi_slice_of(x, x->shape.rank - 1, start, 1, count) : NULL;
}
static bg_node *solve_with(bg_node *lu, bg_node *b, bg_triangle triangle, bool is_right)
{
    return bg_solve_triangular(
        lu, b,
        &(bg_triangular_options){
            .triangle = triangle, .is_transposed = true, .is_unit = triangle == BG_LOWER, .is_right = is_right });
}

/* lu_matrix: both factors in one matrix, of a and what lu packs. With g its cotangent, in blocks after the first
 * k = min(m, n) rows and columns,
 *   da = pᵀ · [l⁻ᵀ · s · u⁻ᵀ, l⁻ᵀ · g_12; g_21 · u⁻ᵀ, 0]
 *   s  = tril(lᵀ · g_11 - g_12 · u_12ᵀ, -1) + triu(g_11 · uᵀ - l_21ᵀ · g_21)
 * The first products have the elements of g that count alone: those of l below the diagonal, of u on it and above.
 * de Hoog, Anderssen and Lukas, Differentiation of matrix functionals using triangular factorization, 2011. */
static bg_node *lu_matrix_compose(bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    return bgi_part(node->inputs[1], 0, m.rows, m.columns);
}
static bg_node *lu_matrix_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input != 0)
        return NULL;
    bgi_matrices m = bgi_matrices_of(node);
    int64_t k = bgi_least(m.rows, m.columns);
    bg_node *top = rows_from(dy, 0, k), *g = columns_from(top, 0, k), *lu = columns_from(rows_from(node, 0, k), 0, k);
    bg_node *below, *above;
    if (bgi_is_blocked(k, m.batch)) {
        below = bgi_triangle_product(lu, g, &(bgi_triangles){ .turns_a = true, .has_unit_of_a = true });
        above = bgi_triangle_product(g, lu, &(bgi_triangles){ .upper = true, .turns_b = true });
    } else {
        below = bg_add(bgi_matmul_tn(bg_tril(lu, -1), g), g);
        above = bgi_matmul_nt(g, bg_triu(lu, 0));
    }
    bg_node *right = NULL, *bottom = NULL;
    if (m.columns > k) {
        right = columns_from(top, k, m.columns - k);
        below = bg_sub(below, bgi_matmul_nt(right, columns_from(rows_from(node, 0, k), k, m.columns - k)));
    }
    if (m.rows > k) {
        bottom = rows_from(dy, k, m.rows - k);
        above = bg_sub(above, bgi_matmul_tn(rows_from(node, k, m.rows - k), bottom));
    }
    bg_node *middle = bg_add(bg_tril(below, -1), bg_triu(above, 0)), *da;
    if (bottom) {
        middle = solve_with(lu, middle, BG_LOWER, false);
        da = solve_with(lu, bg_concat((bg_node *[]){ middle, bottom }, 2, -2), BG_UPPER, true);
    } else {
        middle = solve_with(lu, middle, BG_UPPER, true);
        middle = right ? bg_concat((bg_node *[]){ middle, right }, 2, -1) : middle;
        da = solve_with(lu, middle, BG_LOWER, false);
    }
    return permuted(&lu_permute_op, da, node->inputs[1], true);
}
static const bg_op lu_matrix_op = { .name = "lu_matrix",
                                    .arity = 2,
                                    .infer = bgi_infer_same,
                                    .gradient = lu_matrix_gradient,
                                    .compose = lu_matrix_compose };

/* lu_permutation: the numbers at the end of what lu packs as i64 [.., m] */
static bg_status lu_permutation_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = BG_I64;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 1] = *(const int64_t *)node->attributes;
    return BG_OK;
}
static bg_status lu_permutation_call(const bg_call *call)
{
    const bg_node *packed = call->node->inputs[0];
    int64_t p = packed->shape.dims[packed->shape.rank - 1], m = *(const int64_t *)call->node->attributes;
    int64_t batch = 1, *y = call->output;
    bgi_product_of(packed->shape.dims, packed->shape.rank - 1, &batch);
    for (int64_t i = 0; i < call->last - call->first && batch > 0; i++) {
        const void *factors = bgi_input_at(call, 0, i, p);
        for (int64_t k = 0; k < m; k++)
            *y++ = bgi_lu_order_at(packed->dtype, factors, p - m, k);
    }
    return BG_OK;
}
static const bg_op lu_permutation_op = { .name = "lu_permutation",
                                         .arity = 1,
                                         .infer = lu_permutation_infer,
                                         .is_constant = true,
                                         .call = lu_permutation_call,
                                         .units = bgi_lu_units,
                                         .never_fails = true };

bg_lu_factors bg_lu(bg_node *a)
{
    bg_lu_factors none = { 0 }, lu = { .a = a };
    bg_node *packed = bgi_takes_matrix("lu", a) ? bgi_lu_pack("lu", a) : NULL;
    if (!packed)
        return none;
    bgi_matrices m = bgi_matrices_of(a);
    int64_t k = bgi_least(m.rows, m.columns);
    bg_node *matrix = bgi_apply_2(&lu_matrix_op, a, packed);
    lu.lower = bg_tril(columns_from(matrix, 0, k), -1);
    lu.lower = lu.lower ? bg_add(lu.lower, bgi_identity_like(lu.lower)) : NULL;
    lu.upper = bg_triu(rows_from(matrix, 0, k), 0);
    lu.permutation = bgi_made_by("lu", packed, bg_apply(&lu_permutation_op, &packed, 1, &m.rows, sizeof m.rows));
    return lu.lower && lu.upper && lu.permutation ? lu : none;
}

const bg_op *const bgi_lu_ops[] = { &lu_op, &lu_permute_op, &lu_matrix_op, &lu_permutation_op, NULL };
