/* The routines as graphs. */
#include "matrices.h"

/* ---- What they share ---- */

enum { RIGHT_HAND_SIDES = 16 };

static int64_t right_hand_sides(int64_t n) { return n < RIGHT_HAND_SIDES ? n : RIGHT_HAND_SIDES; }

static matrix_input operand(const char *name, int64_t rows, int64_t columns)
{
    return (matrix_input){ name, rows, columns, -1, 1, true };
}

/* All of one sign, so that the value is not what is left of a sum that cancels. */
static matrix_input cotangent(const char *name, int64_t rows, int64_t columns)
{
    return (matrix_input){ name, rows, columns, 0.5, 1.5, false };
}

static int square_inputs(int64_t n, matrix_input *inputs)
{
    inputs[0] = operand("a", n, n);
    inputs[1] = cotangent("dy", n, n);
    return 2;
}

static int solver_inputs(int64_t n, matrix_input *inputs)
{
    inputs[0] = operand("a", n, n);
    inputs[1] = operand("b", n, right_hand_sides(n));
    inputs[2] = cotangent("dx", n, right_hand_sides(n));
    return 3;
}

static bg_node *weighted(bg_node *y, bg_node *dy) { return bg_sum(bg_mul(y, dy), BG_ALL_AXES); }

/* ---- Each ---- */

static bg_node *cholesky_value(bg_node *const *inputs) { return weighted(bg_cholesky(inputs[0], BG_LOWER), inputs[1]); }
const matrix_routine matrix_cholesky = { IS_POSITIVE, square_inputs, cholesky_value };

static bg_node *triangular_value(bg_node *const *inputs)
{
    return weighted(bg_solve_triangular(inputs[0], inputs[1], NULL), inputs[2]);
}
const matrix_routine matrix_solve_triangular = { HAS_LARGE_DIAGONAL, solver_inputs, triangular_value };

static bg_node *solve_value(bg_node *const *inputs) { return weighted(bg_solve(inputs[0], inputs[1]), inputs[2]); }
const matrix_routine matrix_solve = { NEEDS_PIVOTS, solver_inputs, solve_value };

/* The ones on the diagonal of `lower` do not count. */
static bg_node *lu_value(bg_node *const *inputs)
{
    bg_lu_factors f = bg_lu(inputs[0]);
    bg_node *both = bg_add(weighted(f.lower, inputs[1]), weighted(f.upper, inputs[1]));
    return bg_sub(both, bg_sum(bg_trace(inputs[1]), BG_ALL_AXES));
}
const matrix_routine matrix_lu = { NEEDS_PIVOTS, square_inputs, lu_value };

static bg_node *inv_value(bg_node *const *inputs) { return weighted(bg_inv(inputs[0]), inputs[1]); }
const matrix_routine matrix_inv = { NEEDS_PIVOTS, square_inputs, inv_value };

static int slogdet_inputs(int64_t n, matrix_input *inputs)
{
    inputs[0] = operand("a", n, n);
    inputs[1] = cotangent("dlog", 0, 0);
    return 2;
}

static bg_node *slogdet_value(bg_node *const *inputs) { return weighted(bg_slogdet(inputs[0]).logabs, inputs[1]); }
const matrix_routine matrix_slogdet = { NEEDS_PIVOTS, slogdet_inputs, slogdet_value };

static int qr_inputs(int64_t n, matrix_input *inputs)
{
    inputs[0] = operand("a", n, n);
    inputs[1] = cotangent("dq", n, n);
    inputs[2] = cotangent("dr", n, n);
    return 3;
}

static bg_node *qr_value(bg_node *const *inputs)
{
    bg_qr_factors f = bg_qr(inputs[0], false);
    return bg_add(weighted(f.q, inputs[1]), weighted(f.r, inputs[2]));
}
const matrix_routine matrix_qr = { IS_GENERAL, qr_inputs, qr_value };

static int spectral_inputs(int64_t n, matrix_input *inputs)
{
    inputs[0] = operand("a", n, n);
    inputs[1] = (matrix_input){ "x", n, 1, -1, 1, false };
    inputs[2] = (matrix_input){ "y", n, 1, -1, 1, false };
    return 3;
}

/* x · left · diag(values) · right · y, with left' = leftᵀ. */
static bg_node *spectral_value(bg_node *left, bg_node *values, bg_node *right, bg_node *const *inputs)
{
    bg_node *p = bg_matmul(left, inputs[1]), *q = bg_matmul(right, inputs[2]);
    return weighted(values, bg_reshape(bg_mul(p, q), bg_node_shape(values)));
}

static bg_node *eigh_value(bg_node *const *inputs)
{
    bg_eigen e = bg_eigh(inputs[0], NULL);
    bg_node *rows = bg_transpose(e.vectors, -1, -2);
    return spectral_value(rows, bg_square(e.values), rows, inputs);
}
const matrix_routine matrix_eigh = { IS_SYMMETRIC, spectral_inputs, eigh_value };

static bg_node *svd_value(bg_node *const *inputs)
{
    bg_svd_factors f = bg_svd(inputs[0], NULL);
    return spectral_value(bg_transpose(f.u, -1, -2), bg_mul(f.s, bg_square(f.s)), f.vt, inputs);
}
const matrix_routine matrix_svd = { IS_GENERAL, spectral_inputs, svd_value };
