/* Powers of two that bring badly scaled matrices near 1, so that squares and inverses of squares on the way to a
 * result, or to its gradient, neither overflow nor vanish. */
#include "linalg/matrices.h"

#include <float.h>
#include <math.h>

/* Squares of numbers between the least and the most, and the inverses of these, are within the type's range with room
 * for sums. */
static double scale_for(bg_dtype dtype, const void *values, int64_t count)
{
    int room = dtype == BG_F64 ? 400 : 50, most = dtype == BG_F64 ? DBL_MAX_EXP - 4 : FLT_MAX_EXP - 4, exponent;
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double size = fabs(bgi_float_at(values, dtype, i));
        largest = size > largest ? size : largest;
    }
    if (largest == 0 || !isfinite(largest) || (largest > ldexp(1, -room) && largest < ldexp(1, room)))
        return 1;
    frexp(largest, &exponent);
    return ldexp(1, -(exponent > most ? most : exponent < -most ? -most : exponent));
}

/* matrix_scale: [.., 1, 1] of a matrix; 1 unless its largest element is huge or tiny. */
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
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0; i++)
        bgi_put_float(call->output, dtype, i, scale_for(dtype, bgi_input_at(call, 0, i, count), count));
    return BG_OK;
}
static const bg_op matrix_scale_op = { .name = "matrix_scale",
                                       .arity = 1,
                                       .infer = matrix_scale_infer,
                                       .is_constant = true,
                                       .call = matrix_scale_call,
                                       .units = bgi_matrix_units,
                                       .never_fails = true };
bg_node *bgi_matrix_scale(bg_node *a) { return bgi_apply_1(&matrix_scale_op, a); }

const bg_op *const bgi_scale_ops[] = { &matrix_scale_op, NULL };
