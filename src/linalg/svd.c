/* The singular value decomposition. */
#include "linalg/svd.h"

#include "blas/blas.h"
#include "linalg/small.h"
#include "linalg/spectral.h"
#include "ops/cotangent.h"

#include <float.h>
#include <string.h>

/* ---- The decomposition ---- */

bgi_svd_extents bgi_svd_extents_by(int64_t rows, int64_t columns, bgi_svd_job job)
{
    bgi_svd_extents e = { .rows = rows, .columns = columns, .least = bgi_least(rows, columns) };
    e.width = job == BGI_SVD_VALUES ? 0 : job == BGI_SVD_FULL ? rows : e.least;
    e.height = job == BGI_SVD_VALUES ? 0 : job == BGI_SVD_FULL ? columns : e.least;
    e.count = rows * e.width + e.least + e.height * columns;
    return e;
}
bgi_svd_extents bgi_svd_extents_of(const bg_node *a, bgi_svd_job job)
{
    bgi_matrices m = bgi_matrices_of(a);
    return bgi_svd_extents_by(m.rows, m.columns, job);
}
bgi_svd_place bgi_svd_at(const bg_call *call, int64_t i, bgi_svd_extents e)
{
    size_t size = bg_dtype_size(call->node->dtype);
    bgi_svd_place p = { .u = bgi_output_at(call, i, e.count) };
    p.s = bgi_at(p.u, e.rows * e.width, size);
    p.vt = bgi_at(p.s, e.least, size);
    return p;
}
double bgi_svd_rounding(const bg_node *a)
{
    bgi_matrices m = bgi_matrices_of(a);
    return (double)bgi_most(m.rows, m.columns) * (a->dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON);
}

static bgi_svd_job job_of(const bg_node *node)
{
    return (bgi_svd_job)((const bgi_svd_attributes *)node->attributes)->job;
}
static bgi_svd_extents extents_of(const bg_node *node) { return bgi_svd_extents_of(node->inputs[0], job_of(node)); }

/* Whether the values are numbers, and of full rank if that is needed. */
static bg_status check_values(const bg_call *call, int64_t i, const void *s, int64_t least)
{
    const bgi_svd_attributes *attributes = call->node->attributes;
    bg_dtype dtype = call->node->dtype;
    if (bgi_first_not_finite(dtype, s, least) < least)
        return bgi_fail_at(call, i, "a singular value is beyond the numbers of %s", bg_dtype_name(dtype));
    double first = bgi_float_at(s, dtype, 0), last = bgi_float_at(s, dtype, least - 1);
    if (attributes->needs_rank && !(last > bgi_svd_rounding(call->node->inputs[0]) * first))
        return bgi_fail_at(call, i, "a has not full rank: singular values go from %.3g to %.3g", last, first);
    return BG_OK;
}

/* The identity where a has no elements, of which LAPACK makes no vectors. */
static void put_identity(bg_dtype dtype, void *x, int64_t n)
{
    memset(x, 0, (size_t)(n * n) * bg_dtype_size(dtype));
    for (int64_t i = 0; i < n; i++)
        bgi_put_float(x, dtype, i * n + i, 1);
}
/* Of the failures the one about the first matrix counts. */
static bg_status svd_run(const bg_call *call)
{
    bgi_svd_extents e = extents_of(call->node);
    int64_t count = call->last - call->first, finite = 0;
    if (bg_shape_count(call->node->shape) == 0)
        return BG_OK;
    for (int64_t i = 0; i < count && e.least == 0; i++)
        put_identity(call->node->dtype, bgi_output_at(call, i, e.count), bgi_most(e.width, e.height));
    if (e.least == 0)
        return BG_OK;
    bg_status status = BG_OK;
    while (finite < count && (status = bgi_check_finite_part(call, "a", 0, finite, BGI_READ_ALL)) == BG_OK)
        finite++;
    int64_t found = bgi_svd_decompose(call, e, finite);
    if (found < finite)
        status = bgi_fail_at(call, found, "the singular values were not found: no convergence");
    for (int64_t i = 0; i < found; i++) {
        bg_status values = check_values(call, i, bgi_svd_at(call, i, e).s, e.least);
        if (values != BG_OK)
            return values;
    }
    return status;
}
static bg_status svd_call(const bg_call *call) { return bgi_run_gradually(call, svd_run); }
static bg_status svd_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = 1;
    shape->dims[shape->rank - 1] = extents_of(node).count;
    return BG_OK;
}
/* Some 20 k³ beside the products with the longer side; of values alone less. */
static double svd_flops(const bg_node *node)
{
    bgi_svd_extents e = extents_of(node);
    double k = (double)e.least, most = (double)bgi_most(e.rows, e.columns);
    double each =
        job_of(node) == BGI_SVD_VALUES ? k * (k * (4 * most + 30) + 300) : k * (k * (6 * most + 14 * k + 50) + 500);
    return (double)bgi_matrices_of(node->inputs[0]).batch * each;
}
/* As in products, few units at a time would be slow: svd_grain. */
static double svd_product_flops(const bg_node *node) { return bgi_svd_is_small(node) ? svd_flops(node) : 0; }
static int64_t svd_grain(const bg_node *node)
{
    return bgi_svd_is_small(node) ? bgi_small_grain(extents_of(node).least) : 0;
}
static const bg_op svd_op = { .name = "svd",
                              .arity = 1,
                              .infer = svd_infer,
                              .gradient = bgi_no_gradient,
                              .call = svd_call,
                              .units = bgi_matrix_units,
                              .scratch = bgi_svd_scratch,
                              .flops = svd_flops,
                              .product_flops = svd_product_flops,
                              .grain = svd_grain };

/* Whether LAPACK's integer counts the elements that its workspace has, some 4 k² beside its blocks. */
static bool takes_matrix(const char *name, const bg_node *a)
{
    if (!bgi_takes_matrix(name, a))
        return false;
    bgi_matrices m = bgi_matrices_of(a);
    int64_t least = bgi_least(m.rows, m.columns) + 16, most = bgi_most(m.rows, m.columns), count;
    if (bgi_product_of((int64_t[]){ 5, least, least }, 3, &count) && bgi_blas_fits(count) &&
        bgi_product_of((int64_t[]){ 2, most, most }, 3, &count))
        return true;
    bgi_graph_fail(a->graph, BG_ERR_OVERFLOW, "%s: an extent of %s is too large for the integer of LAPACK", name,
                   bgi_shape_format(a->shape).text);
    return false;
}
bg_node *bgi_svd_packed(bg_node *a, const char *name, bgi_svd_job job, bool needs_rank)
{
    bgi_svd_attributes attributes = { .job = (int32_t)job, .needs_rank = needs_rank };
    return takes_matrix(name, a) ? bg_apply(&svd_op, &a, 1, &attributes, sizeof attributes) : NULL;
}

/* Element start .. of packed [.., 1, count]. */
static bg_node *part_of(bg_node *packed, int64_t start, int64_t rows, int64_t columns)
{
    if (!packed)
        return NULL;
    bg_shape shape = packed->shape;
    shape.rank--;
    shape.dims[shape.rank - 1] = packed->shape.dims[shape.rank];
    return bgi_part(bg_reshape(packed, shape), start, rows, columns);
}
bgi_svd_parts bgi_svd_parts_of(const bg_node *a, bg_node *packed)
{
    bgi_svd_extents e = bgi_svd_extents_of(a, BGI_SVD_THIN);
    int64_t s = e.rows * e.width;
    return (bgi_svd_parts){ part_of(packed, 0, e.rows, e.width), part_of(packed, s, e.least, -1),
                            part_of(packed, s + e.least, e.height, e.columns) };
}
bg_node *bgi_times_rows(bg_node *x, bg_node *s) { return bg_mul(x, bg_unsqueeze(s, -1)); }
bg_node *bgi_times_columns(bg_node *x, bg_node *s) { return bg_mul(x, bg_unsqueeze(s, -2)); }

/* ---- u, s and vt: inputs a and packed ---- */

/* Attributes: bg_spectral_options' regularization, and whether packed is thin or full. */
typedef struct {
    double regularization;
    int64_t job;
} part_attributes;
static const bg_op svd_u_op, svd_s_op, svd_vt_op;

static bg_node *result_of(const bg_op *op, bg_node *a, bg_node *packed, part_attributes attributes)
{
    return bg_apply(op, (bg_node *[]){ a, packed }, 2, &attributes, sizeof attributes);
}
static bg_status infer_part(const bg_node *node, bg_dtype *dtype, bg_shape *shape, int64_t rows, int64_t columns)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[shape->rank - 2] = rows;
    shape->dims[shape->rank - 1] = columns;
    shape->rank -= columns < 0;
    return BG_OK;
}

static bgi_svd_extents extents_of_part(const bg_node *node)
{
    return bgi_svd_extents_of(node->inputs[0], (bgi_svd_job)((const part_attributes *)node->attributes)->job);
}

/* A decomposition as the rules write it: the first k columns of u and rows of vt, s, and the factors. */
typedef struct {
    bgi_svd_extents extents;
    bg_node *u, *s, *vt;
    bgi_svd_factors factors;
} decomposition;
static decomposition vectors_of(const bg_node *node)
{
    const part_attributes *attributes = node->attributes;
    bg_node *a = node->inputs[0], *packed = node->inputs[1];
    decomposition d = { .extents = extents_of_part(node) };
    d.u = result_of(&svd_u_op, a, packed, *attributes);
    d.s = result_of(&svd_s_op, a, packed, *attributes);
    d.vt = result_of(&svd_vt_op, a, packed, *attributes);
    if (d.u && d.extents.width > d.extents.least)
        d.u = bgi_slice_of(d.u, d.u->shape.rank - 1, 0, 1, d.extents.least);
    if (d.vt && d.extents.height > d.extents.least)
        d.vt = bgi_slice_of(d.vt, d.vt->shape.rank - 2, 0, 1, d.extents.least);
    return d;
}
static decomposition decomposition_of(const bg_node *node, bool has_inverse)
{
    const part_attributes *attributes = node->attributes;
    decomposition d = vectors_of(node);
    d.factors = bgi_svd_factors_of(d.s, node->inputs[0], attributes->regularization, has_inverse);
    return d;
}
/* The cotangent of the first k vectors of a full u or vt; NULL if it is 0, or if the others have one: an error. */
static bg_node *thin_cotangent(const bg_node *node, bg_node *dy, int axis, int64_t least, const char *part)
{
    int64_t extent = dy->shape.dims[axis];
    if (bgi_cotangent_part(dy, axis, least, extent - least))
        return bgi_graph_fail(node->graph, BG_ERR_GRADIENT,
                              "svd: of a full %s only the first %lld of %lld vectors have a gradient", part,
                              (long long)least, (long long)extent);
    return bgi_cotangent_part(dy, axis, 0, least);
}

/* With x = uᵀ · du: da = (u · (f ∘ (x - xᵀ)) + (du - u · x) · diag(1/s)) · vt. The second term, of what is at right
 * angles to u, is there only where u is not square. */
static bg_node *svd_u_gradient(bg_node *node, int input, bg_node *dy)
{
    bgi_svd_extents e = bgi_svd_extents_of(node->inputs[0], BGI_SVD_THIN);
    bg_node *du = input == 0 && e.least > 0 ? thin_cotangent(node, dy, dy->shape.rank - 1, e.least, "u") : NULL;
    if (!du)
        return NULL;
    decomposition d = decomposition_of(node, e.rows > e.least);
    bg_node *x = bgi_matmul_tn(d.u, du);
    bg_node *inner = bg_mul(d.factors.f, bg_sub(x, bgi_transpose_last(x)));
    if (e.rows == e.least)
        return bg_matmul(bg_matmul(d.u, inner), d.vt);
    bg_node *beside = bgi_times_columns(du, d.factors.inverse);
    inner = bg_sub(inner, bgi_times_columns(x, d.factors.inverse));
    return bg_matmul(bg_add(bg_matmul(d.u, inner), beside), d.vt);
}
static bg_node *svd_u_compose(bg_node *node)
{
    bgi_svd_extents e = extents_of_part(node);
    return part_of(node->inputs[1], 0, e.rows, e.width);
}
static bg_status svd_u_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_svd_extents e = extents_of_part(node);
    return infer_part(node, dtype, shape, e.rows, e.width);
}
static const bg_op svd_u_op = {
    .name = "svd_u", .arity = 2, .infer = svd_u_infer, .gradient = svd_u_gradient, .compose = svd_u_compose
};

/* da = u · diag(ds) · vt */
static bg_node *svd_s_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    decomposition d = vectors_of(node);
    return bg_matmul(bgi_times_columns(d.u, dy), d.vt);
}
static bg_node *svd_s_compose(bg_node *node)
{
    bgi_svd_extents e = extents_of_part(node);
    return part_of(node->inputs[1], e.rows * e.width, e.least, -1);
}
static bg_status values_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    return infer_part(node, dtype, shape, bgi_svd_extents_of(node->inputs[0], BGI_SVD_THIN).least, -1);
}
static const bg_op svd_s_op = {
    .name = "svd_s", .arity = 2, .infer = values_infer, .gradient = svd_s_gradient, .compose = svd_s_compose
};

/* With y = vt · dvtᵀ: da = u · ((f ∘ (y - yᵀ))ᵀ · vt + diag(1/s) · (dvt - yᵀ · vt)), likewise. */
static bg_node *svd_vt_gradient(bg_node *node, int input, bg_node *dy)
{
    bgi_svd_extents e = bgi_svd_extents_of(node->inputs[0], BGI_SVD_THIN);
    bg_node *dvt = input == 0 && e.least > 0 ? thin_cotangent(node, dy, dy->shape.rank - 2, e.least, "vt") : NULL;
    if (!dvt)
        return NULL;
    decomposition d = decomposition_of(node, e.columns > e.least);
    bg_node *y = bgi_matmul_nt(dvt, d.vt);
    bg_node *inner = bgi_transpose_last(bg_mul(d.factors.f, bg_sub(bgi_transpose_last(y), y)));
    if (e.columns == e.least)
        return bg_matmul(bg_matmul(d.u, inner), d.vt);
    bg_node *beside = bgi_times_rows(dvt, d.factors.inverse);
    inner = bg_sub(inner, bgi_times_rows(y, d.factors.inverse));
    return bg_matmul(d.u, bg_add(bg_matmul(inner, d.vt), beside));
}
static bg_node *svd_vt_compose(bg_node *node)
{
    bgi_svd_extents e = extents_of_part(node);
    return part_of(node->inputs[1], e.rows * e.width + e.least, e.height, e.columns);
}
static bg_status svd_vt_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_svd_extents e = extents_of_part(node);
    return infer_part(node, dtype, shape, e.height, e.columns);
}
static const bg_op svd_vt_op = {
    .name = "svd_vt", .arity = 2, .infer = svd_vt_infer, .gradient = svd_vt_gradient, .compose = svd_vt_compose
};

bg_svd_factors bg_svd(bg_node *a, const bg_spectral_options *options)
{
    bg_svd_factors none = { NULL, NULL, NULL };
    part_attributes attributes = { .regularization = options ? options->regularization : 0 };
    if (!bgi_takes_matrix("svd", a) || !bgi_takes_regularization("svd", a, attributes.regularization))
        return none;
    bgi_matrices m = bgi_matrices_of(a);
    bgi_svd_job job = options && options->is_full && m.rows != m.columns ? BGI_SVD_FULL : BGI_SVD_THIN;
    attributes.job = job;
    bg_node *packed = bgi_svd_packed(a, "svd", job, false);
    bg_svd_factors f = { result_of(&svd_u_op, a, packed, attributes), result_of(&svd_s_op, a, packed, attributes),
                         result_of(&svd_vt_op, a, packed, attributes) };
    bgi_made_by("svd", packed, f.vt);
    return f;
}

/* ---- Values alone ---- */

/* svdvals: where a gradient was asked for, the values of the decomposition that the gradient makes; else of one without
 * vectors. */
typedef struct {
    int64_t has_gradient;
} values_attributes;
static bg_node *svdvals_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    values_attributes *attributes = node->attributes;
    attributes->has_gradient = true;
    bg_node *a = node->inputs[0], *packed = bgi_svd_packed(a, "svdvals", BGI_SVD_THIN, false);
    part_attributes none = { 0 };
    bg_node *u = result_of(&svd_u_op, a, packed, none), *vt = result_of(&svd_vt_op, a, packed, none);
    return bg_matmul(bgi_times_columns(u, dy), vt);
}
static bg_node *svdvals_compose(bg_node *node)
{
    const values_attributes *attributes = node->attributes;
    bg_node *a = node->inputs[0];
    bgi_svd_job job = attributes->has_gradient ? BGI_SVD_THIN : BGI_SVD_VALUES;
    bgi_svd_extents e = bgi_svd_extents_of(a, job);
    return part_of(bgi_svd_packed(a, "svdvals", job, false), e.rows * e.width, e.least, -1);
}
static const bg_op svdvals_op = {
    .name = "svdvals", .arity = 1, .infer = values_infer, .gradient = svdvals_gradient, .compose = svdvals_compose
};
bg_node *bgi_svd_values(bg_node *a, const char *name)
{
    values_attributes attributes = { .has_gradient = false };
    if (!takes_matrix(name, a))
        return NULL;
    bg_node *values = bg_apply(&svdvals_op, &a, 1, &attributes, sizeof attributes);
    return bgi_made_by(name, values, values);
}
bg_node *bg_svdvals(bg_node *a) { return bgi_svd_values(a, "svdvals"); }

const bg_op *const bgi_svd_ops[] = { &svd_op, &svd_u_op, &svd_s_op, &svd_vt_op, &svdvals_op, NULL };
