/* Powers of two that bring badly scaled matrices near 1, so that squares and inverses of squares on the way to a
 * result, or to its gradient, neither overflow nor vanish. */
#include "linalg/matrices.h"

#include <float.h>
#include <math.h>

double bgi_largest_magnitude(bg_dtype dtype, const void *values, int64_t count)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double size = fabs(bgi_float_at(values, dtype, i));
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* Squares of numbers between the least and the most, and the inverses of these, are within the type's range with room
 * for sums. */
static double scale_for(bg_dtype dtype, const void *values, int64_t count, double beside)
{
    int room = dtype == BG_F64 ? 400 : 50, most = dtype == BG_F64 ? DBL_MAX_EXP - 4 : FLT_MAX_EXP - 4, exponent;
    double largest = fmax(beside, bgi_largest_magnitude(dtype, values, count));
    if (largest == 0 || !isfinite(largest) || (largest > ldexp(1, -room) && largest < ldexp(1, room)))
        return 1;
    frexp(largest, &exponent);
    return ldexp(1, -(exponent > most ? most : exponent < -most ? -most : exponent));
}

/* matrix_scale: [.., 1, 1] of a matrix; 1 unless its largest element is huge or tiny. Attribute: double, what counts as
 * an element too. */
static bg_status matrix_scale_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = shape->dims[shape->rank - 1] = 1;
    return BG_OK;
}
static bg_status matrix_scale_call(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node->inputs[0]);
    bg_dtype dtype = call->node->dtype;
    int64_t count = m.rows * m.columns;
    double beside = *(const double *)call->node->attributes;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++)
        bgi_put_float(call->output, dtype, i, scale_for(dtype, bgi_input_at(call, 0, i, count), count, beside));
    return BG_OK;
}
static const bg_op matrix_scale_op = { .name = "matrix_scale",
                                       .arity = 1,
                                       .infer = matrix_scale_infer,
                                       .is_constant = true,
                                       .call = matrix_scale_call,
                                       .units = bgi_matrix_units,
                                       .never_fails = true };
bg_node *bgi_matrix_scale(bg_node *a, double beside)
{
    return bg_apply(&matrix_scale_op, &a, 1, &beside, sizeof beside);
}

/* matrix_unscale: x · of_a / of_b, the solution of a system from that of a system whose sides were scaled by these; dx
 * is scaled alike. */
static bg_node *matrix_unscale_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bgi_matrix_unscale(dy, node->inputs[1], node->inputs[2]) : NULL;
}
static bg_status matrix_unscale_run(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    bg_dtype dtype = call->node->dtype;
    int64_t count = m.rows * m.columns;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++) {
        const void *x = bgi_input_at(call, 0, i, count);
        void *y = bgi_output_at(call, i, count);
        double of_a = bgi_float_at(call->inputs[1], dtype, i), of_b = bgi_float_at(call->inputs[2], dtype, i);
        for (int64_t k = 0; k < count; k++)
            bgi_put_float(y, dtype, k, bgi_float_at(x, dtype, k) * of_a / of_b);
        if (bgi_first_not_finite(dtype, y, count) < count)
            return bgi_fail_at(call, i, "the result is beyond the range of %s", bg_dtype_name(dtype));
    }
    return BG_OK;
}
static bg_status matrix_unscale_call(const bg_call *call) { return bgi_run_gradually(call, matrix_unscale_run); }
static const bg_op matrix_unscale_op = { .name = "matrix_unscale",
                                         .arity = 3,
                                         .infer = bgi_infer_same,
                                         .gradient = matrix_unscale_gradient,
                                         .call = matrix_unscale_call,
                                         .units = bgi_matrix_units };
bg_node *bgi_matrix_unscale(bg_node *x, bg_node *of_a, bg_node *of_b)
{
    if (!x)
        return NULL;
    of_a = of_a ? of_a : bgi_scalar_like(x, 1);
    of_b = of_b ? of_b : bgi_scalar_like(x, 1);
    bg_shape one_each = x->shape;
    one_each.dims[one_each.rank - 1] = one_each.dims[one_each.rank - 2] = 1;
    return bg_apply(&matrix_unscale_op, (bg_node *[]){ x, bg_broadcast(of_a, one_each), bg_broadcast(of_b, one_each) },
                    3, NULL, 0);
}

/* rescaled_solution: x · of_a / of_b as matrix_unscale, of x, a, b, of_a and of_b. The op that made x has a · of_a as
 * its first input, b · of_b as its last. With its gradients da(dx) and db(dx), here
 *   da = of_a · da(dx · of_a / of_b)   db = db(dx · of_a)
 * The division by of_b leaves few bits of dx above the smallest normal number where b is tiny: it has no part in db. */
static bg_node *rescaled_solution_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = node->inputs[0], *of_a = node->inputs[3], *of_b = node->inputs[4];
    if (input == 1) {
        bg_node *dx = bgi_matrix_unscale(dy, of_a, of_b);
        return dx ? bg_mul(bgi_gradient_of(x, 0, dx), of_a) : NULL;
    }
    if (input == 2) {
        bg_node *dx = bgi_matrix_unscale(dy, of_a, NULL);
        return dx ? bgi_gradient_of(x, x->n_inputs - 1, dx) : NULL;
    }
    return NULL;
}
static bg_node *rescaled_solution_compose(bg_node *node)
{
    return bgi_matrix_unscale(node->inputs[0], node->inputs[3], node->inputs[4]);
}
static const bg_op rescaled_solution_op = { .name = "rescaled_solution",
                                            .arity = 5,
                                            .infer = bgi_infer_same,
                                            .gradient = rescaled_solution_gradient,
                                            .compose = rescaled_solution_compose };
bg_node *bgi_rescaled_solution(bg_node *x, bg_node *a, bg_node *b, bg_node *of_a, bg_node *of_b)
{
    return x ? bg_apply(&rescaled_solution_op, (bg_node *[]){ x, a, b, of_a, of_b }, 5, NULL, 0) : NULL;
}

const bg_op *const bgi_scale_ops[] = { &matrix_scale_op, &matrix_unscale_op, &rescaled_solution_op, NULL };
