/* Lyapunov's equation of a symmetric positive definite matrix. */
#include "linalg/eigen.h"

#include <math.h>

/* ---- In the basis of the eigenvectors ---- */

/* lyapunov_apply: c, packed -> x = v · ((vᵀ · c · v) / (w_i + w_j)) · vᵀ, its own transpose as a map of c */
static bg_node *apply_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bgi_lyapunov_apply(dy, node->inputs[1]) : NULL;
}

/* inner / (w_i + w_j) for values of which the largest is some 1, with which sums do not overflow. */
#define DIVIDE(type, power)                                                                                            \
    static void divide_##type(int64_t n, const type *values, int k, type *inner, type *w)                              \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            w[i] = power(values[i], -k);                                                                               \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < n; j++)                                                                            \
                inner[i * n + j] /= w[i] + w[j];                                                                       \
    }
DIVIDE(float, ldexpf)
DIVIDE(double, ldexp)

static bg_status apply_call(const bg_call *call)
{
    bg_dtype dtype = call->node->dtype;
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows;
    bgi_squares squares = bgi_squares_of(call, call->scratch);
    void *inner = bgi_at(call->scratch, 1, bgi_squares_scratch(call->node));
    void *work = bgi_at(inner, n * n, bg_dtype_size(dtype));
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && n > 0; i++) {
        bgi_eigen_data e = bgi_eigen_at(call, 1, i);
        bg_status status = bgi_check_finite_part(call, "c", 0, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        double least = bgi_float_at(e.values, dtype, 0);
        if (!(least > 0))
            return bgi_fail_at(call, i, "a is not positive definite: its smallest eigenvalue is %.9g", least);
        int of_values = 0, of_c = bgi_to_eigenbasis(&squares, &e, bgi_input_at(call, 0, i, n * n), inner, work);
        frexp(bgi_float_at(e.values, dtype, n - 1), &of_values);
        if (dtype == BG_F64)
            divide_double(n, e.values, of_values, inner, work);
        else
            divide_float(n, e.values, of_values, inner, work);
        void *x = bgi_output_at(call, i, n * n);
        bgi_from_eigenbasis(&squares, &e, inner, of_c - of_values, x, work);
        if (bgi_first_not_finite(dtype, x, n * n) < n * n)
            return bgi_fail_at(call, i, "the solution is beyond the numbers of %s", bg_dtype_name(dtype));
    }
    return BG_OK;
}
static double apply_flops(const bg_node *node)
{
    double n = (double)bgi_matrices_of(node).rows;
    return 8 * n * (double)bg_shape_count(node->shape);
}
static size_t apply_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return bgi_squares_scratch(node) + (size_t)(2 * n * n) * bg_dtype_size(node->dtype);
}
static const bg_op apply_op = { .name = "lyapunov_apply",
                                .arity = 2,
                                .infer = bgi_infer_same,
                                .gradient = apply_gradient,
                                .call = apply_call,
                                .units = bgi_matrix_units,
                                .flops = apply_flops,
                                .product_flops = apply_flops,
                                .scratch = apply_scratch };
bg_node *bgi_lyapunov_apply(bg_node *c, bg_node *packed) { return bgi_apply_2(&apply_op, c, packed); }

/* ---- The equation ---- */

static bg_shape batch_of(const bg_node *x)
{
    bg_shape shape = x->shape;
    shape.rank -= 2;
    return shape;
}
static bg_status lyapunov_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    int64_t n = bgi_matrices_of(node->inputs[2]).rows;
    *dtype = node->inputs[2]->dtype;
    bgi_shape_broadcast(batch_of(node->inputs[0]), batch_of(node->inputs[2]), shape);
    shape->dims[shape->rank++] = n;
    shape->dims[shape->rank++] = n;
    return BG_OK;
}
static bg_node *lyapunov_compose(bg_node *node)
{
    bg_node *packed = node->inputs[1];
    bg_shape shape = node->shape;
    shape.dims[shape.rank - 2]++;
    return bgi_lyapunov_apply(bg_broadcast(node->inputs[2], node->shape), bg_broadcast(packed, shape));
}
/* lyapunov: a · x + x · a = c
 *   dc solves the equation with dx   da = -sym(dc · xᵀ + xᵀ · dc) */
static bg_node *lyapunov_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    bg_node *a = node->inputs[0], *dc = bgi_lyapunov_with(a, node->inputs[1], dy);
    if (input == 2)
        return bgi_sum_to(dc, node->inputs[2]->shape);
    bg_node *sum = bg_add(bgi_matmul_nt(dc, node), bgi_matmul_tn(node, dc));
    return bg_neg(bgi_symmetric_part(bgi_sum_to(sum, a->shape)));
}
static const bg_op lyapunov_op = {
    .name = "lyapunov", .arity = 3, .infer = lyapunov_infer, .gradient = lyapunov_gradient, .compose = lyapunov_compose
};
bg_node *bgi_lyapunov_with(bg_node *a, bg_node *packed, bg_node *c)
{
    return bg_apply(&lyapunov_op, (bg_node *[]){ a, packed, c }, 3, NULL, 0);
}

static bool takes_right_side(const bg_node *a, const bg_node *c)
{
    bg_shape batch;
    int rank = c->shape.rank;
    int64_t n = a->shape.dims[a->shape.rank - 1];
    bool fits = rank >= 2 && c->shape.dims[rank - 2] == n && c->shape.dims[rank - 1] == n;
    if (fits && bgi_shape_broadcast(batch_of(a), batch_of(c), &batch))
        return true;
    bgi_graph_fail(a->graph, BG_ERR_SHAPE, "lyapunov: %s: a %s, c %s",
                   fits ? "leading dimensions do not broadcast together" : "c needs a's rows and columns",
                   bgi_shape_format(a->shape).text, bgi_shape_format(c->shape).text);
    return false;
}
bg_node *bg_lyapunov(bg_node *a, bg_node *c)
{
    static const char *const labels[] = { "a", "c" };
    if (!bgi_graph_of_floats("lyapunov", (bg_node *[]){ a, c }, labels, 2) || !bgi_takes_square("lyapunov", a) ||
        !takes_right_side(a, c))
        return NULL;
    bg_node *packed = bgi_eigen_packed("lyapunov", a, BG_LOWER);
    return packed ? bgi_made_by("lyapunov", packed, bgi_lyapunov_with(a, packed, c)) : NULL;
}

const bg_op *const bgi_lyapunov_ops[] = { &apply_op, &lyapunov_op, NULL };
