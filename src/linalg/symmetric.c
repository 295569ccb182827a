/* Functions of symmetric matrices. */
#include "linalg/symmetric.h"

#include <math.h>

static const bgi_function *function_of(const bg_node *node) { return node->attributes; }

/* ---- Calls: the packed decomposition is the last input ---- */

static const char *name_of(const bgi_function *f)
{
    static const char *const names[] = { [BGI_OF_SQRT] = "symmetric_sqrt",
                                         [BGI_OF_INVERSE_SQRT] = "symmetric_inverse_sqrt",
                                         [BGI_OF_EXP] = "symmetric_exp",
                                         [BGI_OF_LOG] = "symmetric_log",
                                         [BGI_OF_POWER] = "symmetric_power" };
    return names[f->kind];
}

/* The eigenvalues of a call's matrix i, in which 0 stands for what is below it by rounding; fails where f, or its
 * derivative of that order, is not defined at one. */
static bg_status read_values(const bg_call *call, int order, int64_t i, const bgi_eigen_data *e, double *values)
{
    static const char *const allowed[] = {
        [BGI_NOT_AT_0] = "not 0", [BGI_AT_0_AND_ABOVE] = "0 or above", [BGI_ABOVE_0] = "above 0"
    };
    static const char *const of[] = { "the function", "the derivative", "the second derivative" };
    const bgi_function *f = function_of(call->node);
    bgi_function_domain where = bgi_function_where(f, order);
    double rounding = bgi_eigen_rounding(e);
    for (int64_t k = 0; k < e->n; k++) {
        double w = bgi_float_at(e->values, e->dtype, k);
        values[k] = where == BGI_AT_0_AND_ABOVE && w < 0 && w >= -rounding ? 0 : w;
        bool is_good = where == BGI_ANYWHERE || (where == BGI_NOT_AT_0 ? w != 0 : values[k] > 0) ||
                       (where == BGI_AT_0_AND_ABOVE && values[k] == 0);
        if (!is_good)
            return bgi_fail_at(call, i, "%s needs eigenvalues that are %s: value %lld is %.9g", of[order],
                               allowed[where], (long long)k, w);
    }
    return BG_OK;
}
static bg_status check_result(const bg_call *call, int order, int64_t i, const void *y, int64_t count)
{
    static const char *const of[] = { "the result", "the derivative", "the second derivative" };
    bg_dtype dtype = call->node->dtype;
    if (bgi_first_not_finite(dtype, y, count) == count)
        return BG_OK;
    return bgi_fail_at(call, i, "%s is beyond the numbers of %s", of[order], bg_dtype_name(dtype));
}
/* What a call of `matrices` matrices and the eigenvalues needs. */
static size_t scratch_for(const bg_node *node, int64_t matrices)
{
    int64_t n = bgi_matrices_of(node).columns;
    return bgi_squares_scratch(node) + (size_t)n * sizeof(double) +
           (size_t)(matrices * n * n) * bg_dtype_size(node->dtype);
}
/* Products' scratch comes first, then the values, whose alignment serves both types. */
static double *values_in_scratch(const bg_call *call)
{
    return bgi_at(call->scratch, 1, bgi_squares_scratch(call->node));
}
static void *matrix_in_scratch(const bg_call *call, int64_t n, int64_t k)
{
    return bgi_at(values_in_scratch(call) + n, k * n * n, bg_dtype_size(call->node->dtype));
}
static bool has_nothing(const bg_call *call) { return bg_shape_count(call->node->shape) == 0; }

/* y = x with its rows multiplied by f; a symmetric y of its lower triangle; ½ (x + xᵀ) * f[i, j]. */
#define LOOPS(type)                                                                                                    \
    static void scale_rows_##type(int64_t n, const double *f, const type *x, type *y)                                  \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < n; j++)                                                                            \
                y[i * n + j] = (type)f[i] * x[i * n + j];                                                              \
    }                                                                                                                  \
    static void mirror_##type(int64_t n, type *y)                                                                      \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < i; j++)                                                                            \
                y[j * n + i] = y[i * n + j];                                                                           \
    }                                                                                                                  \
    static void first_##type(int64_t n, const bgi_function *f, const double *values, type *inner)                      \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j <= i; j++) {                                                                         \
                double mean = 0.5 * ((double)inner[i * n + j] + (double)inner[j * n + i]);                             \
                inner[i * n + j] = inner[j * n + i] = (type)(mean * bgi_divided_1(f, values[i], values[j]));           \
            }                                                                                                          \
    }                                                                                                                  \
    static void symmetrize_##type(int64_t n, type *x)                                                                  \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < i; j++)                                                                            \
                x[i * n + j] = x[j * n + i] = (x[i * n + j] + x[j * n + i]) / 2;                                       \
    }                                                                                                                  \
    /* g_pq += f[p, q, r] (e_pr z_rq + z_pr e_rq) in the lower triangle */                                             \
    static void add_##type(int64_t n, double f, const type *e, const type *z, int64_t p, int64_t q, int64_t r,         \
                           double *g)                                                                                  \
    {                                                                                                                  \
        g[p * n + q] +=                                                                                                \
            f * ((double)e[p * n + r] * (double)z[r * n + q] + (double)z[p * n + r] * (double)e[r * n + q]);           \
    }                                                                                                                  \
    static void second_##type(int64_t n, const bgi_function *f, const double *values, const type *e, const type *z,    \
                              double *g)                                                                               \
    {                                                                                                                  \
        for (int64_t i = 0; i < n * n; i++)                                                                            \
            g[i] = 0;                                                                                                  \
        /* Each divided difference once, for the pairs that its three arguments make. */                               \
        for (int64_t p = 0; p < n; p++)                                                                                \
            for (int64_t q = 0; q <= p; q++)                                                                           \
                for (int64_t r = 0; r <= q; r++) {                                                                     \
                    double value = bgi_divided_2(f, values[p], values[q], values[r]);                                  \
                    add_##type(n, value, e, z, p, q, r, g);                                                            \
                    if (q != r)                                                                                        \
                        add_##type(n, value, e, z, p, r, q, g);                                                        \
                    if (p != q)                                                                                        \
                        add_##type(n, value, e, z, q, r, p, g);                                                        \
                }                                                                                                      \
    }                                                                                                                  \
    static void put_second_##type(int64_t n, const double *g, type *y)                                                 \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j <= i; j++)                                                                           \
                y[i * n + j] = y[j * n + i] = (type)g[i * n + j];                                                      \
    }
LOOPS(float)
LOOPS(double)
#define BY_TYPE(dtype, function, ...)                                                                                  \
    do {                                                                                                               \
        if ((dtype) == BG_F64)                                                                                         \
            function##_double(__VA_ARGS__);                                                                            \
        else                                                                                                           \
            function##_float(__VA_ARGS__);                                                                             \
    } while (0)

/* ---- f ---- */

static bg_status packed_to_square(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2]--;
    return BG_OK;
}
/* symmetric_apply: packed -> v · diag(f(w)) · vᵀ */
static bg_status apply_call(const bg_call *call)
{
    const bgi_function *f = function_of(call->node);
    bg_dtype dtype = call->node->dtype;
    bgi_squares squares = bgi_squares_of(call, call->scratch);
    for (int64_t i = 0; i < call->last - call->first && !has_nothing(call); i++) {
        bgi_eigen_data e = bgi_eigen_at(call, 0, i);
        int64_t n = e.n;
        double *values = values_in_scratch(call);
        bg_status status = read_values(call, 0, i, &e, values);
        if (status != BG_OK)
            return status;
        for (int64_t k = 0; k < n; k++)
            values[k] = bgi_function_at(f, values[k]);
        void *scaled = matrix_in_scratch(call, n, 0), *y = bgi_output_at(call, i, n * n);
        BY_TYPE(dtype, scale_rows, n, values, e.rows, scaled);
        bgi_squares_product(&squares, BGI_TURNED, e.rows, BGI_AS_IT_IS, scaled, y);
        BY_TYPE(dtype, mirror, n, y);
        status = check_result(call, 0, i, y, n * n);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static size_t apply_scratch(const bg_node *node) { return scratch_for(node, 1); }
static double apply_flops(const bg_node *node)
{
    return 2 * (double)bgi_matrices_of(node).rows * (double)bg_shape_count(node->shape);
}
static const bg_op apply_op = { .name = "symmetric_apply",
                                .arity = 1,
                                .infer = packed_to_square,
                                .is_constant = true,
                                .call = apply_call,
                                .units = bgi_matrix_units,
                                .flops = apply_flops,
                                .product_flops = apply_flops,
                                .scratch = apply_scratch };

bg_node *bgi_symmetric_apply(const bgi_function *f, bg_node *packed)
{
    return bg_apply(&apply_op, &packed, 1, f, sizeof *f);
}

/* symmetric_function: a, packed;   da is the derivative in the direction of dy */
static bg_node *function_compose(bg_node *node) { return bgi_symmetric_apply(function_of(node), node->inputs[1]); }
static bg_node *function_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bgi_symmetric_derivative(function_of(node), node->inputs[0], node->inputs[1], dy) : NULL;
}
static const bg_op function_op = { .name = "symmetric_function",
                                   .arity = 2,
                                   .infer = bgi_infer_same,
                                   .gradient = function_gradient,
                                   .compose = function_compose };
bg_node *bgi_symmetric_function(const bgi_function *f, bg_node *a, bg_node *packed)
{
    return bg_apply(&function_op, (bg_node *[]){ a, packed }, 2, f, sizeof *f);
}

/* ---- Its derivative ---- */

/* symmetric_derivative_apply: e, packed -> v · (f[w_i, w_j] ∘ sym(vᵀ · e · v)) · vᵀ, its own transpose as a map of e */
static bg_node *derivative_apply_gradient(bg_node *node, int input, bg_node *dy)
{
    return input == 0 ? bgi_symmetric_derivative_apply(function_of(node), dy, node->inputs[1]) : NULL;
}
static bg_status derivative_apply_call(const bg_call *call)
{
    const bgi_function *f = function_of(call->node);
    bg_dtype dtype = call->node->dtype;
    bgi_squares squares = bgi_squares_of(call, call->scratch);
    for (int64_t i = 0; i < call->last - call->first && !has_nothing(call); i++) {
        bgi_eigen_data e = bgi_eigen_at(call, 1, i);
        int64_t n = e.n;
        double *values = values_in_scratch(call);
        bg_status status = read_values(call, 1, i, &e, values);
        if (status != BG_OK)
            return status;
        void *inner = matrix_in_scratch(call, n, 0), *work = matrix_in_scratch(call, n, 1);
        void *y = bgi_output_at(call, i, n * n);
        int k = bgi_to_eigenbasis(&squares, &e, bgi_input_at(call, 0, i, n * n), inner, work);
        BY_TYPE(dtype, first, n, f, values, inner);
        bgi_from_eigenbasis(&squares, &e, inner, k, y, work);
        BY_TYPE(dtype, mirror, n, y);
        status = check_result(call, 1, i, y, n * n);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static size_t derivative_apply_scratch(const bg_node *node) { return scratch_for(node, 2); }
static double derivative_apply_flops(const bg_node *node)
{
    return (8 * (double)bgi_matrices_of(node).rows + 50) * (double)bg_shape_count(node->shape);
}
static const bg_op derivative_apply_op = { .name = "symmetric_derivative_apply",
                                           .arity = 2,
                                           .infer = bgi_infer_same,
                                           .gradient = derivative_apply_gradient,
                                           .call = derivative_apply_call,
                                           .units = bgi_matrix_units,
                                           .flops = derivative_apply_flops,
                                           .product_flops = derivative_apply_flops,
                                           .scratch = derivative_apply_scratch };
bg_node *bgi_symmetric_derivative_apply(const bgi_function *f, bg_node *e, bg_node *packed)
{
    return bg_apply(&derivative_apply_op, (bg_node *[]){ e, packed }, 2, f, sizeof *f);
}

/* symmetric_derivative: a, packed, e
 *   de is the derivative in the direction of dy   da the second one in those of e and dy */
static bg_node *derivative_compose(bg_node *node)
{
    return bgi_symmetric_derivative_apply(function_of(node), node->inputs[2], node->inputs[1]);
}
static bg_node *derivative_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_function *f = function_of(node);
    bg_node *a = node->inputs[0], *packed = node->inputs[1];
    if (input == 0)
        return bgi_symmetric_second(f, a, packed, node->inputs[2], dy);
    return input == 2 ? bgi_symmetric_derivative(f, a, packed, dy) : NULL;
}
static const bg_op derivative_op = { .name = "symmetric_derivative",
                                     .arity = 3,
                                     .infer = bgi_infer_same,
                                     .gradient = derivative_gradient,
                                     .compose = derivative_compose };
bg_node *bgi_symmetric_derivative(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *e)
{
    return bg_apply(&derivative_op, (bg_node *[]){ a, packed, e }, 3, f, sizeof *f);
}

/* ---- Its second derivative ---- */

/* symmetric_second_apply: e, z, packed -> v · g · vᵀ, g_pq = Σ_r f[w_p, w_q, w_r] (e_pr z_rq + z_pr e_rq) in the basis
 * of v; as a form with dy it is symmetric in e, z and dy */
static bg_node *second_apply_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 2)
        return NULL;
    return bgi_symmetric_second_apply(function_of(node), dy, node->inputs[input == 0 ? 1 : 0], node->inputs[2]);
}
static bg_status second_apply_call(const bg_call *call)
{
    const bgi_function *f = function_of(call->node);
    bg_dtype dtype = call->node->dtype;
    bgi_squares squares = bgi_squares_of(call, call->scratch);
    for (int64_t i = 0; i < call->last - call->first && !has_nothing(call); i++) {
        bgi_eigen_data data = bgi_eigen_at(call, 2, i);
        int64_t n = data.n;
        double *values = values_in_scratch(call), *g = values + n;
        bg_status status = read_values(call, 2, i, &data, values);
        if (status != BG_OK)
            return status;
        /* In matrices of the type, after g, which is f64. */
        void *e = bgi_at(g, n * n, sizeof(double)), *z = bgi_at(e, n * n, bg_dtype_size(dtype));
        void *work = bgi_at(z, n * n, bg_dtype_size(dtype)), *y = bgi_output_at(call, i, n * n);
        int k = bgi_to_eigenbasis(&squares, &data, bgi_input_at(call, 0, i, n * n), e, work);
        k += bgi_to_eigenbasis(&squares, &data, bgi_input_at(call, 1, i, n * n), z, work);
        BY_TYPE(dtype, symmetrize, n, e);
        BY_TYPE(dtype, symmetrize, n, z);
        BY_TYPE(dtype, second, n, f, values, e, z, g);
        BY_TYPE(dtype, put_second, n, g, e);
        bgi_from_eigenbasis(&squares, &data, e, k, y, work);
        BY_TYPE(dtype, mirror, n, y);
        status = check_result(call, 2, i, y, n * n);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static size_t second_apply_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return scratch_for(node, 3) + (size_t)(n * n) * sizeof(double);
}
static double second_apply_flops(const bg_node *node)
{
    return 30 * (double)bgi_matrices_of(node).rows * (double)bg_shape_count(node->shape);
}
static const bg_op second_apply_op = { .name = "symmetric_second_apply",
                                       .arity = 3,
                                       .infer = bgi_infer_same,
                                       .gradient = second_apply_gradient,
                                       .call = second_apply_call,
                                       .units = bgi_matrix_units,
                                       .flops = second_apply_flops,
                                       .scratch = second_apply_scratch };
bg_node *bgi_symmetric_second_apply(const bgi_function *f, bg_node *e, bg_node *z, bg_node *packed)
{
    return bg_apply(&second_apply_op, (bg_node *[]){ e, z, packed }, 3, f, sizeof *f);
}

/* symmetric_second: a, packed, e, z */
static bg_node *second_compose(bg_node *node)
{
    return bgi_symmetric_second_apply(function_of(node), node->inputs[2], node->inputs[3], node->inputs[1]);
}
static bg_node *second_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_function *f = function_of(node);
    bg_node *const *inputs = node->inputs;
    if (input == 0)
        return bgi_graph_fail(node->graph, BG_ERR_GRADIENT, "%s: has no third derivative", name_of(f));
    return input >= 2 ? bgi_symmetric_second(f, inputs[0], inputs[1], dy, inputs[input == 2 ? 3 : 2]) : NULL;
}
static const bg_op second_op = { .name = "symmetric_second",
                                 .arity = 4,
                                 .infer = bgi_infer_same,
                                 .gradient = second_gradient,
                                 .compose = second_compose };
bg_node *bgi_symmetric_second(const bgi_function *f, bg_node *a, bg_node *packed, bg_node *e, bg_node *z)
{
    return bg_apply(&second_op, (bg_node *[]){ a, packed, e, z }, 4, f, sizeof *f);
}

/* ---- Builders ---- */

static bg_node *function_with(bgi_function_kind kind, double exponent, bg_node *a)
{
    bgi_function f = { .kind = kind, .exponent = exponent };
    bg_node *packed = bgi_eigen_packed(name_of(&f), a, BG_LOWER);
    return packed ? bgi_made_by(name_of(&f), packed, bgi_symmetric_function(&f, a, packed)) : NULL;
}
bg_node *bg_symmetric_sqrt(bg_node *a) { return function_with(BGI_OF_SQRT, 0, a); }
bg_node *bg_symmetric_inverse_sqrt(bg_node *a) { return function_with(BGI_OF_INVERSE_SQRT, 0, a); }
bg_node *bg_symmetric_exp(bg_node *a) { return function_with(BGI_OF_EXP, 0, a); }
bg_node *bg_symmetric_log(bg_node *a) { return function_with(BGI_OF_LOG, 0, a); }
bg_node *bg_symmetric_power(bg_node *a, double exponent)
{
    if (a && !isfinite(exponent))
        return bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "symmetric_power: the exponent is %g", exponent);
    return function_with(BGI_OF_POWER, exponent, a);
}

const bg_op *const bgi_symmetric_ops[] = {
    &apply_op, &function_op, &derivative_apply_op, &derivative_op, &second_apply_op, &second_op, NULL
};
