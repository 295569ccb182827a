/* Determinants and their logarithms, by LU and by Cholesky. */
#include "linalg/lu.h"

#include "blas/lapack.h"
#include "linalg/lu_matrix.h"
#include "linalg/small.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- By LU ---- */

/* lu_determinant: what lu packs of square matrices -> [..], one of these. Attributes: int64_t. */
typedef enum { DETERMINANT, SIGN, LOGARITHM, POSITIVE_LOGARITHM } quantity;
static quantity quantity_of(const bg_node *node) { return (quantity) * (const int64_t *)node->attributes; }

static bg_status lu_determinant_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->rank--;
    return BG_OK;
}
/* Near 1, the logarithm of the number itself is the more exact one. */
static double log_of(bgi_scaled det)
{
    enum { NEAR = 900 };
    if (llabs(det.exponent) < NEAR)
        return log(fabs(bgi_scaled_value(det)));
    return log(fabs(det.fraction)) + (double)det.exponent * 0x1.62e42fefa39efp-1;
}
static bg_status find_quantity(const bg_call *call, int64_t i, bgi_scaled det, double *y)
{
    bg_shape batch = call->node->shape;
    quantity wanted = quantity_of(call->node);
    if (wanted == POSITIVE_LOGARITHM && !(det.fraction > 0))
        return bgi_fail_in(call, batch, call->first + i, "the determinant is %s", det.fraction < 0 ? "negative" : "0");
    *y = wanted == DETERMINANT ? bgi_scaled_value(det)
         : wanted == SIGN      ? (double)((det.fraction > 0) - (det.fraction < 0))
                               : log_of(det);
    double largest = call->node->dtype == BG_F64 ? 0x1.fffffffffffffp1023 : 0x1.fffffep127;
    if (wanted == DETERMINANT && fabs(*y) > largest)
        return bgi_fail_in(call, batch, call->first + i, "the determinant is beyond the range of %s",
                           bg_dtype_name(call->node->dtype));
    return BG_OK;
}
static bg_status lu_determinant_run(const bg_call *call)
{
    const bg_node *packed = call->node->inputs[0];
    int64_t n = bgi_lu_order(packed), batch = bg_shape_count(call->node->shape);
    for (int64_t i = 0; i < call->last - call->first && batch > 0; i++) {
        double y = 0;
        bgi_scaled det = bgi_lu_determinant(packed->dtype, n, bgi_input_at(call, 0, i, n * n + n), call->scratch);
        bg_status status = find_quantity(call, i, det, &y);
        if (status != BG_OK)
            return status;
        bgi_put_float(call->output, packed->dtype, i, y);
    }
    return BG_OK;
}
static bg_status lu_determinant_call(const bg_call *call) { return bgi_run_gradually(call, lu_determinant_run); }
static size_t lu_determinant_scratch(const bg_node *node) { return (size_t)bgi_lu_order(node->inputs[0]); }
static double lu_determinant_flops(const bg_node *node)
{
    return 2 * (double)bgi_lu_order(node->inputs[0]) * (double)bg_shape_count(node->shape);
}
static const bg_op lu_determinant_op = { .name = "lu_determinant",
                                         .arity = 1,
                                         .infer = lu_determinant_infer,
                                         .is_constant = true,
                                         .call = lu_determinant_call,
                                         .units = bgi_lu_units,
                                         .scratch = lu_determinant_scratch,
                                         .flops = lu_determinant_flops };
static bg_node *quantity_from(bg_node *packed, quantity wanted)
{
    int64_t attributes = wanted;
    return bg_apply(&lu_determinant_op, &packed, 1, &attributes, sizeof attributes);
}

/* A number for each matrix, as it broadcasts against them. */
static bg_node *for_matrices(bg_node *x)
{
    x = bg_unsqueeze(x, -1);
    return x ? bg_unsqueeze(x, -1) : NULL;
}
static bg_status batch_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->rank -= 2;
    return BG_OK;
}

/* cofactors: det a · aᵀ⁻¹, for a singular a too; a and what lu packs of it. The composition, in which a is regular, is
 * differentiated. */
static bg_node *cofactors_compose(bg_node *node);
static bg_status cofactors_run(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows;
    bg_dtype dtype = call->node->dtype;
    bgi_tiles t = bgi_tiles_of(call, bgi_at(call->scratch, 1, bgi_lu_cofactors_work(n)));
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && n > 0; i++) {
        void *y = bgi_output_at(call, i, n * n);
        bgi_lu_cofactors(&t, n, bgi_input_at(call, 0, i, n * n), bgi_input_at(call, 1, i, n * n + n), y, call->scratch);
        if (bgi_first_not_finite(dtype, y, n * n) < n * n)
            return bgi_fail_at(call, i, "the gradient is beyond the range of %s", bg_dtype_name(dtype));
    }
    return BG_OK;
}
static bg_status cofactors_call(const bg_call *call) { return bgi_run_gradually(call, cofactors_run); }
static size_t cofactors_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return bgi_lu_cofactors_work(n) + bgi_tile_scratch(node->dtype, n, n, n);
}
static double cofactors_flops(const bg_node *node)
{
    return 2 * (double)bgi_matrices_of(node).rows * (double)bg_shape_count(node->shape);
}
static const bg_op cofactors_op = { .name = "cofactors",
                                    .arity = 2,
                                    .infer = bgi_infer_same,
                                    .compose = cofactors_compose,
                                    .call = cofactors_call,
                                    .units = bgi_matrix_units,
                                    .scratch = cofactors_scratch,
                                    .flops = cofactors_flops,
                                    .product_flops = cofactors_flops };

/* det: a and what lu packs of it;   da = dy · cofactors */
static bg_node *det_compose(bg_node *node) { return quantity_from(node->inputs[1], DETERMINANT); }
static bg_node *det_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bg_mul(for_matrices(dy), bg_apply(&cofactors_op, node->inputs, 2, NULL, 0)) : NULL;
}
static const bg_op det_op = {
    .name = "det", .arity = 2, .infer = batch_infer, .gradient = det_gradient, .compose = det_compose
};
static bg_node *cofactors_compose(bg_node *node)
{
    bg_node *a = node->inputs[0], *packed = node->inputs[1];
    return bg_mul(for_matrices(bgi_apply_2(&det_op, a, packed)), bgi_transpose_last(bgi_lu_inverse(a, packed)));
}
bg_node *bg_det(bg_node *a)
{
    bg_node *packed = bgi_takes_square("det", a) ? bgi_lu_pack("det", a) : NULL;
    return packed ? bgi_made_by("det", packed, bgi_apply_2(&det_op, a, packed)) : NULL;
}

/* logabsdet: a and what lu packs of it; attributes: int64_t, whether det a has to be positive.   da = dy · aᵀ⁻¹ */
static bool is_positive(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }
static bg_node *logabsdet_compose(bg_node *node)
{
    return quantity_from(node->inputs[1], is_positive(node) ? POSITIVE_LOGARITHM : LOGARITHM);
}
static bg_node *logabsdet_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input != 0)
        return NULL;
    bg_node *inverse = bgi_lu_inverse(node->inputs[0], node->inputs[1]);
    return bg_mul(for_matrices(dy), bgi_transpose_last(inverse));
}
static const bg_op logabsdet_op = {
    .name = "logabsdet", .arity = 2, .infer = batch_infer, .gradient = logabsdet_gradient, .compose = logabsdet_compose
};
static bg_node *logabsdet(bg_node *a, bg_node *packed, bool positive)
{
    int64_t attributes = positive;
    return bg_apply(&logabsdet_op, (bg_node *[]){ a, packed }, 2, &attributes, sizeof attributes);
}
bg_signed_log bg_slogdet(bg_node *a)
{
    bg_node *packed = bgi_takes_square("slogdet", a) ? bgi_lu_pack("slogdet", a) : NULL;
    if (!packed)
        return (bg_signed_log){ 0 };
    bg_signed_log y = { .sign = quantity_from(packed, SIGN), .logabs = logabsdet(a, packed, false) };
    bgi_made_by("slogdet", packed, y.logabs);
    return y;
}
bg_node *bg_logdet(bg_node *a)
{
    bg_node *packed = bgi_takes_square("logdet", a) ? bgi_lu_pack("logdet", a) : NULL;
    return packed ? bgi_made_by("logdet", packed, logabsdet(a, packed, true)) : NULL;
}

/* ---- By Cholesky ---- */

/* spd_invert: the factor of a -> a⁻¹. Attributes: int64_t, whether the factor is upper. */
static bool is_upper(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }
static void mirror(bg_dtype dtype, int64_t n, void *y, bool from_upper)
{
    size_t size = bg_dtype_size(dtype);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            void *below = bgi_at(y, i * n + j, size), *above = bgi_at(y, j * n + i, size);
            memcpy(from_upper ? below : above, from_upper ? above : below, size);
        }
}
static bg_status spd_invert_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows;
    bg_dtype dtype = call->node->dtype;
    bool upper = is_upper(call->node);
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && n > 0; i++) {
        void *y = memcpy(bgi_output_at(call, i, n * n), bgi_input_at(call, 0, i, n * n),
                         (size_t)(n * n) * bg_dtype_size(dtype));
        (void)bgi_lapack_potri(dtype, !upper, n, y, n);
        mirror(dtype, n, y, upper);
        if (bgi_first_not_finite(dtype, y, n * n) < n * n)
            return bgi_fail_at(call, i, "the gradient is beyond the range of %s", bg_dtype_name(dtype));
    }
    return BG_OK;
}
static const bg_op spd_invert_op = { .name = "spd_invert",
                                     .arity = 1,
                                     .infer = bgi_infer_same,
                                     .is_constant = true,
                                     .call = spd_invert_call,
                                     .units = bgi_matrix_units,
                                     .flops = cofactors_flops,
                                     .product_flops = cofactors_flops };

/* inv_spd: a and its factor;   da = -sym(y · dy · y) */
static bg_node *inv_spd_compose(bg_node *node)
{
    /* Side by side, substitution takes less than a call of LAPACK for each. */
    if (bgi_small_serves(BGI_SMALL_SOLVE, node, bgi_matrices_of(node).rows))
        return bgi_mirror_lower(bgi_spd_apply(bgi_identity_like(node), node->inputs[1], is_upper(node)));
    return bg_apply(&spd_invert_op, node->inputs + 1, 1, node->attributes, node->attribute_bytes);
}
static bg_node *inv_spd_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bg_neg(bg_matmul(bg_matmul(node, bgi_symmetric_part(dy)), node)) : NULL;
}
static const bg_op inv_spd_op = {
    .name = "inv_spd", .arity = 2, .infer = bgi_infer_same, .gradient = inv_spd_gradient, .compose = inv_spd_compose
};

/* logdet_spd: a and its factor;   da = dy · a⁻¹ */
static bg_node *logdet_spd_compose(bg_node *node)
{
    bg_node *diagonal = bg_diagonal(node->inputs[1], 0, -2, -1);
    return bg_mul_scalar(bg_sum(bg_log(diagonal), BG_AXES(-1)), 2);
}
static bg_node *logdet_spd_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *inverse = bg_apply(&inv_spd_op, node->inputs, 2, node->attributes, node->attribute_bytes);
    return input == 0 ? bg_mul(for_matrices(dy), inverse) : NULL;
}
static const bg_op logdet_spd_op = { .name = "logdet_spd",
                                     .arity = 2,
                                     .infer = batch_infer,
                                     .gradient = logdet_spd_gradient,
                                     .compose = logdet_spd_compose };
bg_node *bg_logdet_spd(bg_node *a, bg_triangle triangle)
{
    int64_t attributes = triangle == BG_UPPER;
    bg_node *factor = NULL;
    if (bgi_takes_square("logdet_spd", a) && bgi_takes_triangle("logdet_spd", a, triangle))
        factor = bg_cholesky(a, triangle);
    if (!factor)
        return NULL;
    return bgi_made_by("logdet_spd", factor,
                       bg_apply(&logdet_spd_op, (bg_node *[]){ a, factor }, 2, &attributes, sizeof attributes));
}

const bg_op *const bgi_determinant_ops[] = { &lu_determinant_op, &cofactors_op, &det_op,        &logabsdet_op,
                                             &spd_invert_op,     &inv_spd_op,   &logdet_spd_op, NULL };
