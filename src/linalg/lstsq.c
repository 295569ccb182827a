/* Least squares by QR. */
#include "linalg/matrices.h"
#include "linalg/pseudo_inverse.h"

#include "blas/blas.h"
#include "blas/lapack.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- lstsq_factor: the factorisation ----
 * Of a [rows, columns] and the scale that it was multiplied by. Beside a stand the rows of sqrt(ridge) · scale · 1 if
 * there is a ridge: `height` rows in all. The result is a matrix [height + 2, columns]: the triangle r with the
 * reflections below it; the reflections' factors; and a row that begins with whether the ridge's rows are the first.
 * The reflections are not multiplied out to q, but applied to b. */
typedef struct {
    int64_t rows, columns, height;
    double ridge;
} extents;

/* The attribute: double, the ridge. */
static extents extents_of(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    double ridge = *(const double *)node->attributes;
    return (extents){ m.rows, m.columns, m.rows + (ridge > 0 ? m.columns : 0), ridge };
}

static bg_status factor_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = extents_of(node).height + 2;
    return BG_OK;
}

static int64_t factor_work(const bg_node *node)
{
    extents e = extents_of(node);
    return bgi_lapack_gelqf_work(node->dtype, e.columns, e.height);
}
static size_t factor_scratch(const bg_node *node) { return (size_t)factor_work(node) * bg_dtype_size(node->dtype); }

/* [a; sqrt(ridge) · 1] = q · r, larger rows above smaller ones: what a reflection leaves of a row below has the row's
 * own precision then. Cox and Higham, Stability of Householder QR factorization for weighted least squares problems,
 * 1998. */
static void factorise(bg_dtype dtype, extents e, const void *a, double scale, void *packed, void *work,
                      int64_t work_count)
{
    size_t size = bg_dtype_size(dtype);
    int64_t count = e.rows * e.columns, all = e.height * e.columns, n = e.columns;
    double root = sqrt(e.ridge) * scale;
    bool is_ridge_first = e.height > e.rows && bgi_largest_magnitude(dtype, a, count) < root;
    void *ridge = bgi_at(packed, is_ridge_first ? 0 : count, size);
    memset(packed, 0, (size_t)(all + 2 * n) * size);
    memcpy(bgi_at(packed, is_ridge_first ? n * n : 0, size), a, (size_t)count * size);
    for (int64_t i = 0; i < e.height - e.rows; i++)
        bgi_put_float(ridge, dtype, i * n + i, root);
    bgi_lapack_gelqf(dtype, n, e.height, packed, n, bgi_at(packed, all, size), work, work_count);
    bgi_put_float(packed, dtype, all + n, is_ridge_first);
}

/* Rounding seldom leaves an exact 0 on the diagonal of r. */
static bg_status check_rank(const bg_call *call, int64_t i, extents e, const void *r)
{
    bg_dtype dtype = call->node->dtype;
    double least = INFINITY, most = 0, epsilon = dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
    for (int64_t k = 0; k < e.columns; k++) {
        double size = fabs(bgi_float_at(r, dtype, k * e.columns + k));
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    if (!isfinite(most))
        return bgi_fail_at(call, i, "the length of a column of a is too large for the type");
    if (least > (double)bgi_most(e.rows, e.columns) * epsilon * most)
        return BG_OK;
    return bgi_fail_at(call, i, "a has not full rank: the diagonal of r goes from %.3g to %.3g", least, most);
}
static bg_status factor_call(const bg_call *call)
{
    extents e = extents_of(call->node);
    int64_t count = e.rows * e.columns, packed_count = (e.height + 2) * e.columns, work_count = factor_work(call->node);
    if (bg_shape_count(call->node->shape) == 0)
        return BG_OK;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        bg_status status = bgi_check_finite_part(call, "a", 0, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        void *packed = bgi_output_at(call, i, packed_count);
        factorise(call->node->dtype, e, bgi_input_at(call, 0, i, count),
                  bgi_float_at(call->inputs[1], call->node->dtype, i), packed, call->scratch, work_count);
        status = check_rank(call, i, e, packed);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static double factor_flops(const bg_node *node)
{
    extents e = extents_of(node);
    double n = (double)e.columns;
    return (double)bgi_matrices_of(node->inputs[0]).batch * 2 * n * n * (double)e.height;
}
static const bg_op lstsq_factor_op = { .name = "lstsq_factor",
                                       .arity = 2,
                                       .infer = factor_infer,
                                       .gradient = bgi_no_gradient,
                                       .call = factor_call,
                                       .units = bgi_matrix_units,
                                       .scratch = factor_scratch,
                                       .flops = factor_flops,
                                       .product_flops = factor_flops };

/* ---- What is solved with the factors ---- */

/* Of packed and b, the last two inputs. */
static bg_status solution_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *packed = node->inputs[node->n_inputs - 2], *b = node->inputs[node->n_inputs - 1];
    *dtype = b->dtype;
    *shape = bgi_joint_batch(packed, b, bgi_matrices_of(packed).columns, bgi_matrices_of(b).columns);
    return BG_OK;
}
/* What applies the factors to the right side, for each matrix of the result. */
static bg_node *compose_with(const bg_op *op, bg_node *node)
{
    return bgi_apply_2(op, bgi_to_batch_of(node->inputs[1], node->shape),
                       bgi_to_batch_of(node->inputs[2], node->shape));
}
static double apply_flops(const bg_node *node)
{
    bgi_matrices packed = bgi_matrices_of(node->inputs[0]), x = bgi_matrices_of(node);
    return 4 * (double)x.batch * (double)x.columns * (double)packed.rows * (double)packed.columns;
}

/* lstsq_apply: r⁻¹ · qᵀ · b, of packed and b [rows, r]. With b's rows as LAPACK's columns, bᵀ · q. */
static size_t apply_bytes(const bg_node *node)
{
    bgi_matrices packed = bgi_matrices_of(node->inputs[0]), b = bgi_matrices_of(node->inputs[1]);
    return bgi_aligned((size_t)((packed.rows - 2) * b.columns) * bg_dtype_size(node->dtype));
}
static int64_t apply_work(const bg_node *node)
{
    bgi_matrices packed = bgi_matrices_of(node->inputs[0]), b = bgi_matrices_of(node->inputs[1]);
    return bgi_lapack_ormlq_work(node->dtype, b.columns, packed.rows - 2, packed.columns);
}
static size_t apply_scratch(const bg_node *node)
{
    return apply_bytes(node) + (size_t)apply_work(node) * bg_dtype_size(node->dtype);
}
static bg_status lstsq_apply_call(const bg_call *call)
{
    bgi_matrices packed = bgi_matrices_of(call->node->inputs[0]), b = bgi_matrices_of(call->node->inputs[1]);
    bg_dtype dtype = call->node->dtype;
    size_t size = bg_dtype_size(dtype);
    int64_t n = packed.columns, height = packed.rows - 2, r = b.columns, work_count = apply_work(call->node);
    void *rows = call->scratch, *work = bgi_at(call->scratch, 1, apply_bytes(call->node));
    if (bg_shape_count(call->node->shape) == 0)
        return BG_OK;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        bg_status status = bgi_check_finite_part(call, "b", 1, i, BGI_READ_ALL);
        if (status != BG_OK)
            return status;
        const void *factor = bgi_input_at(call, 0, i, packed.rows * n);
        void *x = bgi_output_at(call, i, n * r);
        bool is_ridge_first = bgi_float_at(factor, dtype, (height + 1) * n) != 0;
        memset(rows, 0, (size_t)(height * r) * size);
        memcpy(bgi_at(rows, is_ridge_first ? n * r : 0, size), bgi_input_at(call, 1, i, b.rows * r),
               (size_t)(b.rows * r) * size);
        bgi_lapack_ormlq(dtype, r, height, n, factor, n, bgi_const_at(factor, height * n, size), rows, r, work,
                         work_count);
        memcpy(x, rows, (size_t)(n * r) * size);
        bgi_blas_trsm(dtype, (bgi_triangular){ .is_upper = true }, n, r, factor, n, x, r);
        if (bgi_first_not_finite(dtype, x, n * r) < n * r)
            return bgi_fail_at(call, i, "the solution is not finite");
    }
    return BG_OK;
}
static const bg_op lstsq_apply_op = { .name = "lstsq_apply",
                                      .arity = 2,
                                      .infer = solution_infer,
                                      .gradient = bgi_no_gradient,
                                      .call = lstsq_apply_call,
                                      .units = bgi_matrix_units,
                                      .scratch = apply_scratch,
                                      .flops = apply_flops,
                                      .product_flops = apply_flops };

/* normal_apply: (rᵀ · r)⁻¹ · c, of packed and c [columns, r] */
static bg_status normal_apply_call(const bg_call *call)
{
    bgi_matrices packed = bgi_matrices_of(call->node->inputs[0]), c = bgi_matrices_of(call->node);
    bg_dtype dtype = call->node->dtype;
    int64_t count = c.rows * c.columns;
    for (int64_t i = 0; i < call->last - call->first && c.batch > 0; i++) {
        const void *factor = bgi_input_at(call, 0, i, packed.rows * packed.columns);
        void *z = bgi_output_at(call, i, count);
        memcpy(z, bgi_input_at(call, 1, i, count), (size_t)count * bg_dtype_size(dtype));
        for (int transposed = 1; transposed >= 0; transposed--)
            bgi_blas_trsm(dtype, (bgi_triangular){ .is_upper = true, .is_transposed = transposed }, c.rows, c.columns,
                          factor, packed.columns, z, c.columns);
    }
    return BG_OK;
}
static const bg_op normal_apply_op = { .name = "normal_apply",
                                       .arity = 2,
                                       .infer = solution_infer,
                                       .gradient = bgi_no_gradient,
                                       .call = normal_apply_call,
                                       .units = bgi_matrix_units,
                                       .flops = apply_flops,
                                       .product_flops = apply_flops,
                                       .never_fails = true };

/* normal_solve: z = (aᵀ · a + ridge)⁻¹ · c, of a, packed and c
 *   dc = w = (aᵀ · a + ridge)⁻¹ · dz   da = -a · (w · zᵀ + z · wᵀ) */
static const bg_op normal_solve_op;
static bg_node *normal_solve(bg_node *a, bg_node *packed, bg_node *c)
{
    return bg_apply(&normal_solve_op, (bg_node *[]){ a, packed, c }, 3, NULL, 0);
}
static bg_node *normal_solve_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[0];
    if (input == 1)
        return NULL;
    bg_node *w = normal_solve(a, node->inputs[1], dy);
    if (input == 2)
        return bgi_sum_to(w, node->inputs[2]->shape);
    bg_node *sum = bg_add(bgi_matmul_nt(bg_matmul(a, w), node), bgi_matmul_nt(bg_matmul(a, node), w));
    return bgi_sum_to(bg_neg(sum), a->shape);
}
static bg_node *normal_solve_compose(bg_node *node) { return compose_with(&normal_apply_op, node); }
static const bg_op normal_solve_op = { .name = "normal_solve",
                                       .arity = 3,
                                       .infer = solution_infer,
                                       .gradient = normal_solve_gradient,
                                       .compose = normal_solve_compose };

/* lstsq: x of a, packed and b
 *   with z = (aᵀ · a + ridge)⁻¹ · dx: db = a · z   da = (b - a · x) · zᵀ - a · z · xᵀ */
static bg_node *lstsq_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[0], *b = node->inputs[2];
    if (input == 1)
        return NULL;
    bg_node *z = normal_solve(a, node->inputs[1], dy), *db = bg_matmul(a, z);
    if (input == 2)
        return bgi_sum_to(db, b->shape);
    bg_node *da = bg_sub(bgi_matmul_nt(bg_sub(b, bg_matmul(a, node)), z), bgi_matmul_nt(db, node));
    return bgi_sum_to(da, a->shape);
}
static bg_node *lstsq_compose(bg_node *node) { return compose_with(&lstsq_apply_op, node); }
static const bg_op lstsq_op = {
    .name = "lstsq", .arity = 3, .infer = solution_infer, .gradient = lstsq_gradient, .compose = lstsq_compose
};

/* Whether the options make sense for these operands. */
static bool takes_options(const bg_node *a, const bg_lstsq_options *o)
{
    bgi_matrices m = bgi_matrices_of(a);
    if (!(o->ridge >= 0 && sqrt(o->ridge) <= (a->dtype == BG_F64 ? DBL_MAX : (double)FLT_MAX)))
        bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "lstsq: the ridge is %g, not a number of at least 0 of %s", o->ridge,
                       bg_dtype_name(a->dtype));
    else if (o->by_svd && o->ridge != 0)
        bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "lstsq: by_svd takes no ridge, which is %g", o->ridge);
    else if (o->tolerance.is_some && !o->by_svd)
        bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "lstsq: the tolerance is of singular values: it needs by_svd");
    else if (!o->by_svd && o->ridge == 0 && m.rows < m.columns)
        bgi_graph_fail(a->graph, BG_ERR_SHAPE, "lstsq: a %s has fewer rows than columns: it needs by_svd or a ridge",
                       bgi_shape_format(a->shape).text);
    return !a->graph->status;
}
/* Of an a that was multiplied by `scale`, and a ridge that was not. */
static bg_node *solution_by_qr(bg_node *a, bg_node *scale, bg_node *b, double ridge)
{
    bg_node *packed = bg_apply(&lstsq_factor_op, (bg_node *[]){ a, scale }, 2, &ridge, sizeof ridge);
    return bg_apply(&lstsq_op, (bg_node *[]){ a, packed, b }, 3, NULL, 0);
}
bg_node *bg_lstsq(bg_node *a, bg_node *b, const bg_lstsq_options *options)
{
    bg_lstsq_options none = { 0 };
    const bg_lstsq_options *o = options ? options : &none;
    const bg_node *given = b;
    if (!bgi_takes_equations("lstsq", a, &b) || !takes_options(a, o))
        return NULL;
    double tolerance = 0;
    if (o->by_svd && !bgi_takes_tolerance("lstsq", a, o->tolerance, &tolerance))
        return NULL;
    bg_node *of_a = bgi_matrix_scale(a, sqrt(o->ridge)), *of_b = bgi_matrix_scale(b, 0);
    bg_node *scaled_a = bg_mul(a, of_a), *scaled_b = bg_mul(b, of_b);
    if (!scaled_a || !scaled_b)
        return NULL;
    bg_node *x =
        o->by_svd ? bgi_pinv_solve(scaled_a, scaled_b, tolerance) : solution_by_qr(scaled_a, of_a, scaled_b, o->ridge);
    x = bgi_rescaled_solution(x, a, b, of_a, of_b);
    return bgi_made_by("lstsq", of_a, bgi_like_right_side(x, given));
}

const bg_op *const bgi_lstsq_ops[] = { &lstsq_factor_op, &lstsq_apply_op, &normal_apply_op,
                                       &normal_solve_op, &lstsq_op,       NULL };
