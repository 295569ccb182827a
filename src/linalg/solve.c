/* Solutions of systems and inverses, by LU and by Cholesky. */
#include "linalg/lu.h"

#include "linalg/blocked.h"
#include "linalg/lu_matrix.h"
#include "linalg/small.h"

#include <string.h>

/* ---- By LU ---- */

/* Attribute of the ops that solve with what lu packs: int64_t, whether with the transpose of a. */
static bool is_transposed(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }

static bg_shape batch_of(const bg_node *matrices)
{
    bg_shape batch = matrices->shape;
    batch.rank -= 2;
    return batch;
}
static bg_status check_right_side(const bg_call *call, int64_t i)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    const void *b = bgi_input_at(call, 0, i, count);
    int64_t at = bgi_first_not_finite(call->node->dtype, b, count);
    if (at == count)
        return BG_OK;
    return bgi_fail_element(call, i, bgi_label_of(call, 1), bgi_float_at(b, call->node->dtype, at), at / m.columns,
                            at % m.columns);
}
/* Input k is what lu packs. */
static bg_status check_pivots(const bg_call *call, int k, int64_t i)
{
    int64_t n = bgi_matrices_of(call->node).rows;
    int64_t pivot = bgi_lu_zero_pivot(call->node->dtype, n, bgi_input_at(call, k, i, n * n + n));
    if (pivot == n)
        return BG_OK;
    return bgi_fail_in(call, batch_of(call->node), call->first + i, "a is singular: pivot %lld of %lld is 0",
                       (long long)pivot + 1, (long long)n);
}
/* Whether matrices go side by side; then a call is of groups of them. */
static bool is_small(const bg_node *node)
{
    return bgi_small_serves(BGI_SMALL_SOLVE, node, bgi_matrices_of(node).rows);
}
/* How many of a group's right sides, input 0, are finite; how many of the matrices that lu packed, input k, are
 * regular.
 */
static int64_t count_finite(const bg_call *call, int64_t first, int64_t matrices)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    return bgi_small_finite(call->node->dtype, bgi_input_at(call, 0, first, count), matrices, count);
}
static int64_t count_regular(const bg_call *call, int k, int64_t first, int64_t matrices)
{
    int64_t n = bgi_matrices_of(call->node).rows, i = 0;
    while (i < matrices && bgi_lu_zero_pivot(call->node->dtype, n, bgi_input_at(call, k, first + i, n * n + n)) == n)
        i++;
    return i;
}

/* lu_apply: b and what lu packs -> x with a · x = b, or aᵀ · x = b. */
static bg_status lu_apply_to_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows, r = m.columns, finite = count_finite(call, first, g.matrices);
    int64_t solvable = count_regular(call, 1, first, finite);
    bg_status status = solvable < finite     ? check_pivots(call, 1, first + solvable)
                       : finite < g.matrices ? check_right_side(call, first + finite)
                                             : BG_OK;
    bgi_small_lu_solve(&g, n, r, bgi_input_at(call, 1, first, n * n + n), is_transposed(call->node),
                       bgi_input_at(call, 0, first, n * r), bgi_output_at(call, first, n * r), call->scratch);
    return bgi_small_check_results(call, first, solvable, status);
}
static size_t lu_apply_work(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    return bgi_lu_solve_work(node->dtype, m.rows, m.columns, is_transposed(node));
}
static bg_status lu_apply_run(const bg_call *call)
{
    if (is_small(call->node))
        return bgi_small_groups(call, lu_apply_to_group);
    bgi_matrices m = bgi_matrices_of(call->node);
    bgi_tiles t = bgi_tiles_of(call, bgi_at(call->scratch, 1, lu_apply_work(call->node)));
    int64_t n = m.rows, r = m.columns;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        bg_status status = check_right_side(call, i);
        if (status == BG_OK)
            status = check_pivots(call, 1, i);
        if (status != BG_OK)
            return status;
        bgi_lu_solve(&t, n, r, bgi_input_at(call, 1, i, n * n + n), is_transposed(call->node),
                     bgi_input_at(call, 0, i, n * r), bgi_output_at(call, i, n * r), call->scratch);
        status = bgi_check_result(call, i);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status lu_apply_call(const bg_call *call) { return bgi_run_gradually(call, lu_apply_run); }
static size_t lu_apply_scratch(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    if (is_small(node))
        return bgi_small_lu_solve_scratch(node->dtype, m.rows, m.columns);
    return lu_apply_work(node) + bgi_tile_scratch(node->dtype, m.rows, m.columns, m.rows);
}
static int64_t two_solves_grain(const bg_node *node)
{
    return is_small(node) ? bgi_small_grain(bgi_matrices_of(node).rows) : 0;
}
static double two_solves_flops(const bg_node *node)
{
    return 2 * (double)bgi_matrices_of(node).rows * (double)bg_shape_count(node->shape);
}
static const bg_op single_lu_apply_op = { .name = "lu_apply",
                                          .arity = 2,
                                          .infer = bgi_infer_same,
                                          .is_constant = true,
                                          .call = lu_apply_call,
                                          .units = bgi_matrix_units,
                                          .scratch = lu_apply_scratch,
                                          .grain = two_solves_grain,
                                          .flops = two_solves_flops,
                                          .product_flops = two_solves_flops };
/* A matrix is one unit, and small ones go side by side; or it is shared by all threads. */
static bg_node *lu_apply_compose(bg_node *node)
{
    if (bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch))
        return bgi_blocked_lu_apply(node->inputs[1], node->inputs[0], is_transposed(node));
    return bg_apply(&single_lu_apply_op, node->inputs, 2, node->attributes, node->attribute_bytes);
}
static const bg_op lu_apply_op = {
    .name = "lu_apply", .arity = 2, .infer = bgi_infer_same, .is_constant = true, .compose = lu_apply_compose
};

/* solve: a, what lu packs of it, and b;   db = aᵀ⁻¹ · dx   da = -db · xᵀ; with aᵀ in place of a, the transpose of that
 */
static bg_node *solve_compose(bg_node *node)
{
    return bg_apply(&lu_apply_op, (bg_node *[]){ node->inputs[2], node->inputs[1] }, 2, node->attributes,
                    node->attribute_bytes);
}
static bg_node *solve_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    bg_node *db = bgi_lu_solution(node->inputs[0], node->inputs[1], dy, !is_transposed(node));
    if (input == 2)
        return db;
    return bg_neg(is_transposed(node) ? bgi_matmul_nt(node, db) : bgi_matmul_nt(db, node));
}
static const bg_op solve_op = {
    .name = "solve", .arity = 3, .infer = bgi_infer_last, .gradient = solve_gradient, .compose = solve_compose
};
bg_node *bgi_lu_solution(bg_node *a, bg_node *packed, bg_node *b, bool transposed)
{
    int64_t attributes = transposed;
    return bg_apply(&solve_op, (bg_node *[]){ a, packed, b }, 3, &attributes, sizeof attributes);
}

/* lu_invert: what lu packs of a [n, n] -> a⁻¹ */
static bg_status lu_invert_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    int64_t n = bgi_lu_order(node->inputs[0]);
    shape->dims[shape->rank - 1] = n;
    shape->dims[shape->rank++] = n;
    return BG_OK;
}
static bg_status lu_invert_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    int64_t n = bgi_matrices_of(call->node).rows;
    int64_t regular = count_regular(call, 0, first, g.matrices);
    bg_status status = regular < g.matrices ? check_pivots(call, 0, first + regular) : BG_OK;
    bgi_small_lu_invert(&g, n, bgi_input_at(call, 0, first, n * n + n), bgi_output_at(call, first, n * n),
                        call->scratch);
    return bgi_small_check_results(call, first, regular, status);
}
static size_t lu_invert_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return is_small(node) ? bgi_small_lu_solve_scratch(node->dtype, n, n) : bgi_tile_scratch(node->dtype, n, n, n);
}
static bg_status lu_invert_run(const bg_call *call)
{
    if (is_small(call->node))
        return bgi_small_groups(call, lu_invert_group);
    bgi_tiles t = bgi_tiles_of(call, call->scratch);
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        bg_status status = check_pivots(call, 0, i);
        if (status != BG_OK)
            return status;
        bgi_lu_invert(&t, n, bgi_input_at(call, 0, i, n * n + n), bgi_output_at(call, i, n * n));
        status = bgi_check_result(call, i);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status lu_invert_call(const bg_call *call) { return bgi_run_gradually(call, lu_invert_run); }
static const bg_op single_lu_invert_op = { .name = "lu_invert",
                                           .arity = 1,
                                           .infer = lu_invert_infer,
                                           .is_constant = true,
                                           .call = lu_invert_call,
                                           .units = bgi_lu_units,
                                           .scratch = lu_invert_scratch,
                                           .grain = two_solves_grain,
                                           .flops = two_solves_flops,
                                           .product_flops = two_solves_flops };
static bg_node *lu_invert_compose(bg_node *node)
{
    if (bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch))
        return bgi_blocked_lu_apply(node->inputs[0], bgi_identity_like(node), false);
    return bgi_apply_1(&single_lu_invert_op, node->inputs[0]);
}
static const bg_op lu_invert_op = {
    .name = "lu_invert", .arity = 1, .infer = lu_invert_infer, .is_constant = true, .compose = lu_invert_compose
};

/* inv: a and what lu packs of it;   da = -yᵀ · dy · yᵀ */
static bg_node *inv_compose(bg_node *node) { return bgi_apply_1(&lu_invert_op, node->inputs[1]); }
static bg_node *inv_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bg_neg(bgi_matmul_nt(bgi_matmul_tn(node, dy), node)) : NULL;
}
static const bg_op inv_op = {
    .name = "inv", .arity = 2, .infer = bgi_infer_same, .gradient = inv_gradient, .compose = inv_compose
};
bg_node *bgi_lu_inverse(bg_node *a, bg_node *packed) { return bgi_apply_2(&inv_op, a, packed); }
bg_node *bg_inv(bg_node *a)
{
    bg_node *packed = bgi_takes_square("inv", a) ? bgi_lu_pack("inv", a) : NULL;
    return packed ? bgi_made_by("inv", packed, bgi_lu_inverse(a, packed)) : NULL;
}

/* ---- Solutions ---- */

/* With the batch of b in place of its own. */
static bg_node *with_batch_of(bg_node *packed, const bg_node *b)
{
    if (!packed)
        return NULL;
    bg_shape shape = batch_of(b);
    shape.dims[shape.rank++] = packed->shape.dims[packed->shape.rank - 1];
    return bg_broadcast(packed, shape);
}

static bg_node *solve_by_lu(const char *name, bg_node *a, bg_node *b)
{
    bg_node *own = a;
    const bg_node *given = b;
    if (!bgi_takes_system(name, &a, &b, false))
        return NULL;
    bool shared = bgi_is_shared(own, b);
    own = shared ? bgi_without_batch(own) : own;
    bg_node *packed = bgi_lu_pack(name, own);
    if (!packed)
        return NULL;
    bg_node *x = shared ? bgi_apart(bgi_lu_solution(own, packed, bgi_side_by_side(b, false), false), b->shape, false)
                        : bgi_lu_solution(a, with_batch_of(packed, b), b, false);
    return bgi_made_by(name, packed, bgi_like_right_side(x, given));
}
bg_node *bg_solve(bg_node *a, bg_node *b) { return solve_by_lu("solve", a, b); }
bg_node *bg_lu_solve(bg_lu_factors lu, bg_node *b) { return solve_by_lu("lu_solve", lu.a, b); }

/* ---- By Cholesky ---- */

/* spd_apply: b and the factor of a -> x with a · x = b. Attributes: int64_t, whether the factor is upper. */
static bool is_upper(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }
/* The systems of its factor, one after the other. */
static void find_systems(const bg_node *node, bgi_triangular how[2])
{
    how[0] = how[1] = (bgi_triangular){ .is_upper = is_upper(node), .is_transposed = is_upper(node) };
    how[1].is_transposed = !how[0].is_transposed;
}
static bg_status spd_apply_to_group(const bg_call *call, int64_t first)
{
    bgi_small_group g = bgi_small_group_of(call, first);
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows, r = m.columns;
    bgi_triangular how[2];
    find_systems(call->node, how);
    int64_t finite = count_finite(call, first, g.matrices);
    bg_status status = finite < g.matrices ? check_right_side(call, first + finite) : BG_OK;
    bgi_small_apply(&g, how, n, r, n * n, bgi_input_at(call, 1, first, n * n), bgi_input_at(call, 0, first, n * r),
                    bgi_output_at(call, first, n * r), call->scratch);
    return bgi_small_check_results(call, first, finite, status);
}
static bg_status spd_apply_run(const bg_call *call)
{
    if (is_small(call->node))
        return bgi_small_groups(call, spd_apply_to_group);
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows, r = m.columns;
    bgi_triangular how[2];
    find_systems(call->node, how);
    bgi_tiles t = bgi_tiles_of(call, call->scratch);
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        const void *factor = bgi_input_at(call, 1, i, n * n);
        void *x = bgi_output_at(call, i, n * r);
        bg_status status = check_right_side(call, i);
        if (status != BG_OK)
            return status;
        memcpy(x, bgi_input_at(call, 0, i, n * r), (size_t)(n * r) * t.size);
        for (int k = 0; k < 2; k++)
            bgi_tiles_system(&t, how[k], n, r, factor, n, x, r, NULL);
        status = bgi_check_result(call, i);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status spd_apply_call(const bg_call *call) { return bgi_run_gradually(call, spd_apply_run); }
static size_t spd_apply_scratch(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    return is_small(node) ? bgi_small_apply_scratch(node->dtype, m.rows, m.columns)
                          : bgi_tile_scratch(node->dtype, m.rows, m.columns, m.rows);
}
static const bg_op single_spd_apply_op = { .name = "spd_apply",
                                           .arity = 2,
                                           .infer = bgi_infer_same,
                                           .is_constant = true,
                                           .call = spd_apply_call,
                                           .units = bgi_matrix_units,
                                           .scratch = spd_apply_scratch,
                                           .grain = two_solves_grain,
                                           .flops = two_solves_flops,
                                           .product_flops = two_solves_flops };
static bg_node *spd_apply_compose(bg_node *node)
{
    if (bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch))
        return bgi_blocked_spd_apply(node->inputs[1], node->inputs[0], is_upper(node));
    return bg_apply(&single_spd_apply_op, node->inputs, 2, node->attributes, node->attribute_bytes);
}
static const bg_op spd_apply_op = {
    .name = "spd_apply", .arity = 2, .infer = bgi_infer_same, .is_constant = true, .compose = spd_apply_compose
};

bg_node *bgi_spd_apply(bg_node *b, bg_node *factor, bool upper)
{
    int64_t attributes = upper;
    return bg_apply(&spd_apply_op, (bg_node *[]){ b, factor }, 2, &attributes, sizeof attributes);
}

/* solve_spd: a, its factor, and b;   db = a⁻¹ · dx   da = -sym(db · xᵀ) */
static bg_node *solve_spd_compose(bg_node *node)
{
    return bgi_spd_apply(node->inputs[2], node->inputs[1], is_upper(node));
}
static bg_node *solve_spd_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    bg_node *db = bg_apply(node->op, (bg_node *[]){ node->inputs[0], node->inputs[1], dy }, 3, node->attributes,
                           node->attribute_bytes);
    return input == 2 ? db : bg_neg(bgi_symmetric_part(bgi_matmul_nt(db, node)));
}
static const bg_op solve_spd_op = { .name = "solve_spd",
                                    .arity = 3,
                                    .infer = bgi_infer_last,
                                    .gradient = solve_spd_gradient,
                                    .compose = solve_spd_compose };
bg_node *bg_solve_spd(bg_node *a, bg_node *b, bg_triangle triangle)
{
    bg_node *own = a;
    const bg_node *given = b;
    int64_t attributes = triangle == BG_UPPER;
    if (!bgi_takes_system("solve_spd", &a, &b, false) || !bgi_takes_triangle("solve_spd", a, triangle))
        return NULL;
    bool shared = bgi_is_shared(own, b);
    own = shared ? bgi_without_batch(own) : own;
    bg_node *factor = bg_cholesky(own, triangle), *right = shared ? bgi_side_by_side(b, false) : b;
    if (!factor || !right)
        return NULL;
    bg_node *each = shared ? factor : bg_broadcast(factor, a->shape);
    bg_node *x =
        bg_apply(&solve_spd_op, (bg_node *[]){ shared ? own : a, each, right }, 3, &attributes, sizeof attributes);
    return bgi_made_by("solve_spd", factor, bgi_like_right_side(shared ? bgi_apart(x, b->shape, false) : x, given));
}

const bg_op *const bgi_solve_ops[] = { &lu_apply_op,  &solve_op,     &lu_invert_op, &inv_op,
                                       &spd_apply_op, &solve_spd_op, NULL };
