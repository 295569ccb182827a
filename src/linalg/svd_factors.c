/* What the gradients of singular vectors divide by. */
#include "linalg/spectral.h"
#include "linalg/svd.h"

#include <math.h>

/* svd_factors: s [.., 1, k] -> f [.., k, k], f_ij = s_j / (s_j² - s_i²), 0 on the diagonal. Halves of the sum and the
 * difference of f_ij and f_ji are 1 / (s_j + s_i) and 1 / (s_j - s_i), so that
 *   ∂f_ij/∂s_j = -(f_ij² + f_ji²)   ∂f_ij/∂s_i = -2 f_ij f_ji */
typedef struct {
    double rounding; /* relative to the largest value */
    int64_t has_inverse;
} factor_attributes;

static bg_status factors_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = shape->dims[shape->rank - 1];
    return BG_OK;
}
static bg_node *factors_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *turned = bgi_transpose_last(node);
    bg_node *columns = bg_sum(bg_mul(dy, bg_add(bg_square(node), bg_square(turned))), BG_AXES(-2));
    bg_node *rows = bg_sum(bg_mul(dy, bg_mul(node, turned)), BG_AXES(-1));
    return bg_unsqueeze(bg_neg(bg_add(columns, bg_mul_scalar(rows, 2))), -2);
}

/* Halves, whose sum is a number of the type. */
#define PUT(type)                                                                                                      \
    static void put_##type(const type *s, int64_t k, type *f)                                                          \
    {                                                                                                                  \
        for (int64_t i = 0; i < k; i++)                                                                                \
            for (int64_t j = 0; j < k; j++)                                                                            \
                f[i * k + j] = i == j ? 0 : s[j] / 2 / (s[j] / 2 + s[i] / 2) / (s[j] - s[i]);                          \
    }
PUT(float)
PUT(double)

static bg_status check_gaps(const bg_call *call, int64_t i, const void *s, int64_t k)
{
    const factor_attributes *attributes = call->node->attributes;
    bg_dtype dtype = call->node->dtype;
    double rounding = fmax(bgi_float_at(s, dtype, 0) * attributes->rounding, bgi_smallest_normal(dtype));
    for (int64_t at = 0; at + 1 < k; at++) {
        double high = bgi_float_at(s, dtype, at), low = bgi_float_at(s, dtype, at + 1);
        if (!(high - low > rounding))
            return bgi_fail_at(call, i,
                               "the gradient of the vectors is not defined: values %lld and %lld, %.9g and %.9g, are "
                               "equal to rounding",
                               (long long)at, (long long)at + 1, high, low);
    }
    double last = bgi_float_at(s, dtype, k - 1);
    if (attributes->has_inverse && !(last > rounding))
        return bgi_fail_at(call, i, "the gradient of the vectors is not defined: value %lld, %.9g, is 0 to rounding",
                           (long long)k - 1, last);
    return BG_OK;
}
static bg_status factors_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t k = m.rows;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && k > 0; i++) {
        const void *s = bgi_input_at(call, 0, i, k);
        bg_status status = check_gaps(call, i, s, k);
        if (status != BG_OK)
            return status;
        if (call->node->dtype == BG_F64)
            put_double(s, k, bgi_output_at(call, i, k * k));
        else
            put_float(s, k, bgi_output_at(call, i, k * k));
    }
    return BG_OK;
}
static const bg_op svd_factors_op = { .name = "svd_factors",
                                      .arity = 1,
                                      .infer = factors_infer,
                                      .gradient = factors_gradient,
                                      .call = factors_call,
                                      .units = bgi_matrix_units };

/* On the diagonal, where f meets only zeros, eps is above 1, so that its inverse is no infinity. */
bgi_svd_factors bgi_svd_factors_of(bg_node *s, const bg_node *a, double regularization, bool has_inverse)
{
    bgi_svd_factors factors = { NULL, NULL };
    bg_node *row = bg_unsqueeze(s, -2), *column = bg_unsqueeze(s, -1);
    if (!row || !column)
        return factors;
    if (regularization == 0) {
        factor_attributes attributes = { bgi_svd_rounding(a), has_inverse };
        factors.f = bg_apply(&svd_factors_op, &row, 1, &attributes, sizeof attributes);
        factors.inverse = has_inverse ? bg_reciprocal(s) : NULL;
        return factors;
    }
    int64_t k = s->shape.dims[s->shape.rank - 1];
    bg_node *eps = bg_add_scalar(bg_eye(s->graph, s->dtype, k, k), regularization);
    bg_node *of_differences = bgi_regularized_inverse(bg_sub(row, column), eps);
    bg_node *of_sums = bgi_regularized_inverse(bg_add(row, column), eps);
    factors.f = bg_mul_scalar(bg_add(of_differences, of_sums), 0.5);
    factors.inverse = has_inverse ? bgi_regularized_inverse(s, bgi_scalar_like(s, regularization)) : NULL;
    return factors;
}

const bg_op *const bgi_svd_factors_ops[] = { &svd_factors_op, NULL };
