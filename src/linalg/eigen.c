/* Eigenvalues and eigenvectors of symmetric matrices. */
#include "linalg/eigen.h"

#include "blas/blas.h"
#include "linalg/spectral.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- The decomposition ---- */

int64_t bgi_eigen_order(const bg_node *packed) { return packed->shape.dims[packed->shape.rank - 1]; }
static bg_node *values_row(bg_node *packed)
{
    return packed ? bgi_slice_of(packed, packed->shape.rank - 2, 0, 1, 1) : NULL;
}
static bg_node *vector_rows(bg_node *packed)
{
    return packed ? bgi_slice_of(packed, packed->shape.rank - 2, 1, 1, bgi_eigen_order(packed)) : NULL;
}

bgi_eigen_data bgi_eigen_at(const bg_call *call, int k, int64_t i)
{
    const bg_node *packed = call->node->inputs[k];
    bgi_eigen_data e = { .dtype = packed->dtype, .n = bgi_eigen_order(packed) };
    e.values = bgi_input_at(call, k, i, e.n * (e.n + 1));
    e.rows = bgi_const_at(e.values, e.n, bg_dtype_size(e.dtype));
    return e;
}
double bgi_eigen_rounding(const bgi_eigen_data *e)
{
    double first = bgi_float_at(e->values, e->dtype, 0), last = bgi_float_at(e->values, e->dtype, e->n - 1);
    return (double)e->n * (e->dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON) * fmax(fabs(first), fabs(last));
}

/* Attribute of the packed op: int64_t, whether the upper triangle is read. */
static bool is_upper(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }

static bg_status packed_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2]++;
    return BG_OK;
}
/* Of the failures the one about the first matrix counts. */
static bg_status packed_run(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node->inputs[0]);
    int64_t n = m.rows, count = call->last - call->first, finite = 0;
    bgi_read read = is_upper(call->node) ? BGI_READ_UPPER : BGI_READ_LOWER;
    if (m.batch == 0 || n == 0)
        return BG_OK;
    bg_status status = BG_OK;
    while (finite < count && (status = bgi_check_finite_part(call, "a", 0, finite, read)) == BG_OK)
        finite++;
    int64_t found = bgi_eigen_decompose(call, is_upper(call->node), finite);
    if (found < finite)
        status = bgi_fail_at(call, found, "the eigenvalues were not found: no convergence");
    for (int64_t i = 0; i < found; i++)
        if (bgi_first_not_finite(call->node->dtype, bgi_output_at(call, i, n * (n + 1)), n) < n)
            return bgi_fail_at(call, i, "an eigenvalue is beyond the numbers of %s", bg_dtype_name(call->node->dtype));
    return status;
}
static bg_status packed_call(const bg_call *call) { return bgi_run_gradually(call, packed_run); }
static double packed_flops(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    double n = (double)m.rows;
    return (double)m.batch * n * (n * (9 * n + 50) + 500);
}
static const bg_op packed_op = { .name = "eigh_packed",
                                 .arity = 1,
                                 .infer = packed_infer,
                                 .is_constant = true,
                                 .call = packed_call,
                                 .units = bgi_matrix_units,
                                 .flops = packed_flops,
                                 /* As in products, few units at a time would be slow: bgi_eigen_grain. */
                                 .product_flops = packed_flops,
                                 .grain = bgi_eigen_grain,
                                 .scratch = bgi_eigen_scratch };

bg_node *bgi_eigen_packed(const char *op, bg_node *a, bg_triangle triangle)
{
    if (!bgi_takes_square(op, a) || !bgi_takes_triangle(op, a, triangle))
        return NULL;
    int64_t n = a->shape.dims[a->shape.rank - 1];
    /* LAPACK counts its work, some 2 n² elements, in its own integer. */
    if (!bgi_blas_fits(4 * (n + 8) * (n + 8)))
        return bgi_graph_fail(a->graph, BG_ERR_OVERFLOW, "%s: an extent of %s is too large for the integer of LAPACK",
                              op, bgi_shape_format(a->shape).text);
    int64_t attributes = triangle == BG_UPPER;
    return bg_apply(&packed_op, &a, 1, &attributes, sizeof attributes);
}

/* ---- The factors of the vectors' gradient ---- */

/* eigen_gaps: values [.., 1, n] -> f [.., n, n], f_ij = 1 / (w_j - w_i), 0 on the diagonal
 *   d(w_j - w_i) = -f_ij² df_ij */
static bg_status gaps_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = shape->dims[shape->rank - 1];
    return BG_OK;
}
static bg_node *gaps_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bg_node *d = bg_mul(bg_square(node), dy);
    return bg_sub(bg_unsqueeze(bg_sum(d, BG_AXES(-1)), -2), bg_unsqueeze(bg_sum(d, BG_AXES(-2)), -2));
}
#define GAPS(type)                                                                                                     \
    static void put_gaps_##type(const type *w, int64_t n, type *f)                                                     \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < n; j++)                                                                            \
                f[i * n + j] = i == j ? 0 : 1 / (w[j] - w[i]);                                                         \
    }
GAPS(float)
GAPS(double)

static bg_status gaps_call(const bg_call *call)
{
    bg_dtype dtype = call->node->dtype;
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t n = m.rows;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && n > 0; i++) {
        bgi_eigen_data e = { .dtype = dtype, .n = n, .values = bgi_input_at(call, 0, i, n) };
        double rounding = fmax(bgi_eigen_rounding(&e), bgi_smallest_normal(dtype));
        for (int64_t k = 0; k + 1 < n; k++) {
            double low = bgi_float_at(e.values, dtype, k), high = bgi_float_at(e.values, dtype, k + 1);
            if (!(high - low > rounding))
                return bgi_fail_at(
                    call, i,
                    "the gradient of the vectors is not defined: values %lld and %lld, %.9g and %.9g, are "
                    "equal to rounding",
                    (long long)k, (long long)k + 1, low, high);
        }
        if (dtype == BG_F64)
            put_gaps_double(e.values, n, bgi_output_at(call, i, n * n));
        else
            put_gaps_float(e.values, n, bgi_output_at(call, i, n * n));
    }
    return BG_OK;
}
static const bg_op gaps_op = { .name = "eigen_gaps",
                               .arity = 1,
                               .infer = gaps_infer,
                               .gradient = gaps_gradient,
                               .call = gaps_call,
                               .units = bgi_matrix_units };

/* Attributes of values and vectors: bg_spectral_options' regularization. */
static double regularization_of(const bg_node *node) { return *(const double *)node->attributes; }

/* On the diagonal, where the difference is 0 whatever the values are, eps is above 1: derivatives of 1 / eps² would
 * cancel there, with their rounding left. */
bg_node *bgi_eigen_gaps(bg_node *values, double regularization)
{
    bg_node *row = bg_unsqueeze(values, -2);
    if (!row || regularization == 0)
        return row ? bgi_apply_1(&gaps_op, row) : NULL;
    int64_t n = row->shape.dims[row->shape.rank - 1];
    bg_node *eps = bg_add_scalar(bg_eye(values->graph, values->dtype, n, n), regularization);
    return bgi_regularized_inverse(bg_sub(row, bg_unsqueeze(values, -1)), eps);
}

/* ---- Values and vectors: inputs a and its packed decomposition ---- */

static const bg_op values_op, vectors_op;
static bg_node *values_with(bg_node *a, bg_node *packed, double regularization)
{
    return bg_apply(&values_op, (bg_node *[]){ a, packed }, 2, &regularization, sizeof regularization);
}
static bg_node *vectors_with(bg_node *a, bg_node *packed, double regularization)
{
    return bg_apply(&vectors_op, (bg_node *[]){ a, packed }, 2, &regularization, sizeof regularization);
}

static bg_status values_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->rank--;
    return BG_OK;
}
static bg_node *values_compose(bg_node *node) { return bg_squeeze(values_row(node->inputs[1]), BG_AXES(-2)); }
/* eigh_values: da = v · diag(dw) · vᵀ */
static bg_node *values_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input != 0)
        return NULL;
    bg_node *v = vectors_with(node->inputs[0], node->inputs[1], regularization_of(node));
    return bgi_matmul_nt(bg_mul(v, bg_unsqueeze(dy, -2)), v);
}
static const bg_op values_op = {
    .name = "eigh_values", .arity = 2, .infer = values_infer, .gradient = values_gradient, .compose = values_compose
};

static bg_status vectors_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static bg_node *vectors_compose(bg_node *node) { return bgi_transpose_last(vector_rows(node->inputs[1])); }
/* eigh_vectors: da = v · sym(f ∘ (vᵀ · dv)) · vᵀ */
static bg_node *vectors_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input != 0)
        return NULL;
    bg_node *values = values_with(node->inputs[0], node->inputs[1], regularization_of(node));
    bg_node *f = bgi_eigen_gaps(values, regularization_of(node));
    bg_node *inner = bgi_symmetric_part(bg_mul(f, bgi_matmul_tn(node, dy)));
    return bgi_matmul_nt(bg_matmul(node, inner), node);
}
static const bg_op vectors_op = {
    .name = "eigh_vectors", .arity = 2, .infer = vectors_infer, .gradient = vectors_gradient, .compose = vectors_compose
};

bg_eigen bg_eigh(bg_node *a, const bg_spectral_options *options)
{
    bg_spectral_options none = { 0 };
    const bg_spectral_options *o = options ? options : &none;
    bg_node *packed = bgi_eigen_packed("eigh", a, o->triangle);
    if (!packed || !bgi_takes_regularization("eigh", a, o->regularization))
        return (bg_eigen){ NULL, NULL };
    bg_eigen e = { values_with(a, packed, o->regularization), vectors_with(a, packed, o->regularization) };
    bgi_made_by("eigh", packed, e.vectors);
    return e;
}

const bg_op *const bgi_eigen_ops[] = { &packed_op, &gaps_op, &values_op, &vectors_op, NULL };
