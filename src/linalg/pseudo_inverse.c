/* The pseudo-inverse p of a, and what is solved with it. Gradients are those of constant rank: Golub and Pereyra, The
 * differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate, 1973. */
#include "linalg/pseudo_inverse.h"

#include "blas/blas.h"
#include "linalg/svd.h"

#include <float.h>
#include <string.h>

/* Attributes of all ops: the extents of a, whether pᵀ is applied, and that singular values up to tolerance · the
 * largest count as 0. */
typedef struct {
    int64_t rows, columns, is_transposed;
    double tolerance;
} apply_attributes;
/* u and vt as they stand in a packed decomposition. */
typedef struct {
    bgi_svd_extents e;
    const void *u, *s, *vt;
} decomposition;

static bgi_svd_extents extents_of(const bg_node *node)
{
    const apply_attributes *attributes = node->attributes;
    return bgi_svd_extents_by(attributes->rows, attributes->columns, BGI_SVD_THIN);
}
static decomposition decomposition_at(const bg_call *call, int input, int64_t i)
{
    decomposition d = { .e = extents_of(call->node) };
    size_t size = bg_dtype_size(call->node->dtype);
    d.u = bgi_input_at(call, input, i, d.e.count);
    d.s = bgi_const_at(d.u, d.e.rows * d.e.least, size);
    d.vt = bgi_const_at(d.s, d.e.least, size);
    return d;
}

static void multiply(bg_dtype dtype, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const void *a,
                     int64_t lda, const void *b, int64_t ldb, void *c, int64_t ldc)
{
    if (dtype == BG_F64)
        bgi_blas_gemm_f64(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc);
    else
        bgi_blas_gemm_f32(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc);
}

/* y [k, n]: the rows of x by the values, or 0 for those that count as 0. */
#define DIVIDE(type)                                                                                                   \
    static void divide_##type(const type *s, double tolerance, int64_t k, int64_t n, const type *x, type *y)           \
    {                                                                                                                  \
        for (int64_t i = 0; i < k; i++) {                                                                              \
            bool counts = (double)s[i] > tolerance * (double)s[0];                                                     \
            for (int64_t j = i * n; j < (i + 1) * n; j++)                                                              \
                y[j] = counts ? x[j] / s[i] : 0;                                                                       \
        }                                                                                                              \
    }
DIVIDE(float)
DIVIDE(double)
static void divide_rows(const bg_call *call, const decomposition *d, int64_t n, const void *x, void *y)
{
    double tolerance = ((const apply_attributes *)call->node->attributes)->tolerance;
    if (call->node->dtype == BG_F64)
        divide_double(d->s, tolerance, d->e.least, n, x, y);
    else
        divide_float(d->s, tolerance, d->e.least, n, x, y);
}

/* pinv_apply: p = vtᵀ · (diag(1/s) · uᵀ), of packed */
static bg_status pinv_apply_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_svd_extents e = extents_of(node);
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = e.columns;
    shape->dims[shape->rank - 1] = e.rows;
    return BG_OK;
}
static size_t pinv_apply_scratch(const bg_node *node)
{
    bgi_svd_extents e = extents_of(node);
    return (size_t)(e.least * e.columns) * bg_dtype_size(node->dtype);
}
static bg_status pinv_apply_call(const bg_call *call)
{
    bgi_svd_extents e = extents_of(call->node);
    bg_dtype dtype = call->node->dtype;
    int64_t count = e.rows * e.columns;
    for (int64_t i = 0; i < call->last - call->first && bg_shape_count(call->node->shape) > 0; i++) {
        decomposition d = decomposition_at(call, 0, i);
        void *p = bgi_output_at(call, i, count);
        divide_rows(call, &d, e.columns, d.vt, call->scratch);
        multiply(dtype, true, true, e.columns, e.rows, e.least, call->scratch, e.columns, d.u, e.least, p, e.rows);
        if (bgi_first_not_finite(dtype, p, count) < count)
            return bgi_fail_at(call, i, "an element is beyond the numbers of %s", bg_dtype_name(dtype));
    }
    return BG_OK;
}
static double pinv_apply_flops(const bg_node *node)
{
    return 2 * (double)extents_of(node).least * (double)bg_shape_count(node->shape);
}
static const bg_op pinv_apply_op = { .name = "pinv_apply",
                                     .arity = 1,
                                     .infer = pinv_apply_infer,
                                     .gradient = bgi_no_gradient,
                                     .call = pinv_apply_call,
                                     .units = bgi_matrix_units,
                                     .scratch = pinv_apply_scratch,
                                     .flops = pinv_apply_flops,
                                     .product_flops = pinv_apply_flops };

/* pinv_solve_apply: p · c, or pᵀ · c, of packed and c, the last two inputs */
static bg_status solution_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const apply_attributes *attributes = node->attributes;
    const bg_node *packed = node->inputs[node->n_inputs - 2], *c = node->inputs[node->n_inputs - 1];
    *dtype = c->dtype;
    *shape = bgi_joint_batch(packed, c, attributes->is_transposed ? attributes->rows : attributes->columns,
                             bgi_matrices_of(c).columns);
    return BG_OK;
}
static size_t solve_apply_scratch(const bg_node *node)
{
    return (size_t)(extents_of(node).least * bgi_matrices_of(node).columns) * bg_dtype_size(node->dtype);
}
static bg_status solve_apply_call(const bg_call *call)
{
    bgi_svd_extents e = extents_of(call->node);
    bgi_matrices c = bgi_matrices_of(call->node->inputs[1]), x = bgi_matrices_of(call->node);
    bg_dtype dtype = call->node->dtype;
    bool is_transposed = ((const apply_attributes *)call->node->attributes)->is_transposed;
    int64_t r = c.columns, count = x.rows * r;
    void *inner = call->scratch;
    for (int64_t i = 0; i < call->last - call->first && bg_shape_count(call->node->shape) > 0; i++) {
        bg_status status = bgi_check_finite_part(call, "b", 1, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        decomposition d = decomposition_at(call, 0, i);
        const void *right = bgi_input_at(call, 1, i, c.rows * r);
        void *y = bgi_output_at(call, i, count);
        if (is_transposed)
            multiply(dtype, false, false, e.least, r, e.columns, d.vt, e.columns, right, r, inner, r);
        else
            multiply(dtype, true, false, e.least, r, e.rows, d.u, e.least, right, r, inner, r);
        divide_rows(call, &d, r, inner, inner);
        if (is_transposed)
            multiply(dtype, false, false, e.rows, r, e.least, d.u, e.least, inner, r, y, r);
        else
            multiply(dtype, true, false, e.columns, r, e.least, d.vt, e.columns, inner, r, y, r);
        if (bgi_first_not_finite(dtype, y, count) < count)
            return bgi_fail_at(call, i, "the solution is not finite");
    }
    return BG_OK;
}
static double solve_apply_flops(const bg_node *node)
{
    bgi_svd_extents e = extents_of(node);
    bgi_matrices x = bgi_matrices_of(node);
    return 2 * (double)x.batch * (double)x.columns * (double)e.least * (double)(e.rows + e.columns);
}
static const bg_op solve_apply_op = { .name = "pinv_solve_apply",
                                      .arity = 2,
                                      .infer = solution_infer,
                                      .gradient = bgi_no_gradient,
                                      .call = solve_apply_call,
                                      .units = bgi_matrix_units,
                                      .scratch = solve_apply_scratch,
                                      .flops = solve_apply_flops,
                                      .product_flops = solve_apply_flops };

/* ---- With gradients: of a, packed and c ---- */

static const bg_op pinv_solve_op;
/* The node's solution operator on another right side: pᵀ · c where the node has p, and with `turns` false the same. */
static bg_node *solve_like(const bg_node *node, bg_node *c, bool turns)
{
    apply_attributes attributes = *(const apply_attributes *)node->attributes;
    attributes.is_transposed = attributes.is_transposed != turns;
    return bg_apply(&pinv_solve_op, (bg_node *[]){ node->inputs[0], node->inputs[1], c }, 3, &attributes,
                    sizeof attributes);
}
static bg_node *times_a(bg_node *a, bg_node *x, bool transpose)
{
    return transpose ? bgi_matmul_tn(a, x) : bg_matmul(a, x);
}
/* pinv_solve: x = p · c
 *   dc = pᵀ · dx   da = -dc · xᵀ + (c - a · x) · (p · dc)ᵀ + (pᵀ · x) · (dx - aᵀ · dc)ᵀ
 * Of pᵀ · c, where aᵀ is in the place of a, daᵀ by the same. */
static bg_node *pinv_solve_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[0], *c = node->inputs[2];
    bool is_transposed = ((const apply_attributes *)node->attributes)->is_transposed;
    if (input == 1)
        return NULL;
    bg_node *dc = solve_like(node, dy, true);
    if (input == 2)
        return bgi_sum_to(dc, c->shape);
    bg_node *residual = bg_sub(c, times_a(a, node, is_transposed));
    bg_node *beside = bg_sub(dy, times_a(a, dc, !is_transposed));
    bg_node *left[] = { dc, residual, solve_like(node, node, true) };
    bg_node *right[] = { node, solve_like(node, dc, false), beside };
    bg_node *terms[3];
    for (int i = 0; i < 3; i++)
        terms[i] = is_transposed ? bgi_matmul_nt(right[i], left[i]) : bgi_matmul_nt(left[i], right[i]);
    return bgi_sum_to(bg_sub(bg_add(terms[1], terms[2]), terms[0]), a->shape);
}
static bg_node *pinv_solve_compose(bg_node *node)
{
    bg_node *inputs[] = { bgi_to_batch_of(node->inputs[1], node->shape),
                          bgi_to_batch_of(node->inputs[2], node->shape) };
    return bg_apply(&solve_apply_op, inputs, 2, node->attributes, sizeof(apply_attributes));
}
static const bg_op pinv_solve_op = { .name = "pinv_solve",
                                     .arity = 3,
                                     .infer = solution_infer,
                                     .gradient = pinv_solve_gradient,
                                     .compose = pinv_solve_compose };
bg_node *bgi_pinv_solve(bg_node *a, bg_node *c, double tolerance)
{
    bg_node *packed = bgi_svd_packed(a, "lstsq", BGI_SVD_THIN, false);
    if (!packed)
        return NULL;
    bgi_matrices m = bgi_matrices_of(a);
    apply_attributes attributes = { .rows = m.rows, .columns = m.columns, .tolerance = tolerance };
    return bg_apply(&pinv_solve_op, (bg_node *[]){ a, packed, c }, 3, &attributes, sizeof attributes);
}

/* pinv: p of a and packed
 *   with d = dpᵀ: da = -(p · d · p)ᵀ + (1 - a · p) · d · p · pᵀ + pᵀ · p · d · (1 - p · a)
 * in products of the shorter side: g = p · d of a tall a, h = d · p of a wide one. */
static bg_node *pinv_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    bg_node *a = node->inputs[0], *p = node, *d = bgi_transpose_last(dy), *inner, *first, *second;
    if (bgi_matrices_of(a).rows >= bgi_matrices_of(a).columns) {
        bg_node *g = bg_matmul(p, d);
        inner = bg_matmul(g, p);
        first = bg_matmul(bg_sub(d, bg_matmul(a, g)), bgi_matmul_nt(p, p));
        second = bgi_matmul_tn(p, bg_sub(g, bg_matmul(inner, a)));
    } else {
        bg_node *h = bg_matmul(d, p);
        inner = bg_matmul(p, h);
        first = bgi_matmul_nt(bg_sub(h, bg_matmul(a, inner)), p);
        second = bg_matmul(bgi_matmul_tn(p, p), bg_sub(d, bg_matmul(h, a)));
    }
    return bg_sub(bg_add(first, second), bgi_transpose_last(inner));
}
static bg_node *pinv_compose(bg_node *node)
{
    return bg_apply(&pinv_apply_op, &node->inputs[1], 1, node->attributes, sizeof(apply_attributes));
}
static bg_status pinv_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = m.columns;
    shape->dims[shape->rank - 1] = m.rows;
    return BG_OK;
}
static const bg_op pinv_op = {
    .name = "pinv", .arity = 2, .infer = pinv_infer, .gradient = pinv_gradient, .compose = pinv_compose
};

bool bgi_takes_tolerance(const char *name, const bg_node *a, bg_optional tolerance, double *value)
{
    *value = tolerance.is_some ? tolerance.value : bgi_svd_rounding(a);
    if (*value >= 0 && *value <= DBL_MAX)
        return true;
    bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "%s: the tolerance is %g, not a number of at least 0", name, *value);
    return false;
}
bg_node *bg_pinv(bg_node *a, bg_optional tolerance)
{
    apply_attributes attributes;
    memset(&attributes, 0, sizeof attributes);
    if (!bgi_takes_matrix("pinv", a) || !bgi_takes_tolerance("pinv", a, tolerance, &attributes.tolerance))
        return NULL;
    bgi_matrices m = bgi_matrices_of(a);
    attributes.rows = m.rows;
    attributes.columns = m.columns;
    bg_node *scale = bgi_matrix_scale(a, 0), *scaled = bg_mul(a, scale);
    bg_node *packed = scaled ? bgi_svd_packed(scaled, "pinv", BGI_SVD_THIN, false) : NULL;
    bg_node *p = bg_apply(&pinv_op, (bg_node *[]){ scaled, packed }, 2, &attributes, sizeof attributes);
    return bgi_made_by("pinv", scale, bgi_matrix_unscale(p, scale, NULL));
}

const bg_op *const bgi_pseudo_inverse_ops[] = { &pinv_apply_op, &solve_apply_op, &pinv_solve_op, &pinv_op, NULL };
