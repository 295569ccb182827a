/* The QR factorisation. Rows are LAPACK's columns, to which a = q · r is the LQ factorisation aᵀ = rᵀ · qᵀ. */
#include "linalg/blocked.h"
#include "linalg/matrices.h"

#include "blas/lapack.h"
#include "ops/cotangent.h"

#include <string.h>

/* Of one matrix: q [rows, width] and r [height, columns] stand one after the other. */
typedef struct {
    int64_t rows, columns, least, width, height;
} extents;

/* Attributes of all three ops: int64_t, whether q and r are complete. */
static extents extents_of(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node->inputs[0]);
    bool is_complete = *(const int64_t *)node->attributes != 0;
    extents e = { .rows = m.rows, .columns = m.columns, .least = bgi_least(m.rows, m.columns) };
    e.width = e.height = is_complete ? e.rows : e.least;
    return e;
}
static bg_node *part_of(const bg_op *op, bg_node *a, bg_node *packed, bool is_complete)
{
    int64_t attributes = is_complete;
    return bg_apply(op, (bg_node *[]){ a, packed }, 2, &attributes, sizeof attributes);
}
static bool is_complete(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }

/* The shape of input 0 with other last axes, of which there are `rank`. */
static bg_status infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape, int rank, int64_t first, int64_t second)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->rank += rank - 2;
    shape->dims[shape->rank - 1] = second;
    if (rank == 2)
        shape->dims[shape->rank - 2] = first;
    return BG_OK;
}

/* ---- q and r ---- */

static const bg_op qr_q_op, qr_r_op;

/* The first `least` columns of q, the first rows and columns of r. */
static bg_node *thin_q(const bg_node *node)
{
    bg_node *q = part_of(&qr_q_op, node->inputs[0], node->inputs[1], is_complete(node));
    return q ? bgi_slice_of(q, q->shape.rank - 1, 0, 1, extents_of(node).least) : NULL;
}
static bg_node *leading_r(const bg_node *node)
{
    bg_node *r = part_of(&qr_r_op, node->inputs[0], node->inputs[1], is_complete(node));
    int64_t least = extents_of(node).least;
    r = r ? bgi_slice_of(r, r->shape.rank - 2, 0, 1, least) : NULL;
    return r ? bgi_slice_of(r, r->shape.rank - 1, 0, 1, least) : NULL;
}
/* x · rᵀ⁻¹ */
static bg_node *divide_by_r(bg_node *x, bg_node *r)
{
    return bg_solve_triangular(
        r, x, &(bg_triangular_options){ .triangle = BG_UPPER, .is_transposed = true, .is_right = true });
}
static bg_node *append_columns(bg_node *x, bg_node *y)
{
    return x && y ? bg_concat((bg_node *[]){ x, y }, 2, x->shape.rank - 1) : NULL;
}

/* With first and second columns where a has more of them than rows: a = [a₁ a₂] = q · [r₁ r₂], and M(x) the symmetric
 * matrix of x's lower triangle. Of q alone: da₁ = (dq - q · M(dqᵀ · q)) · r₁ᵀ⁻¹. Walter, Lehmann, Walter and Lehmann:
 * Algorithmic differentiation of linear algebra functions with application in optimum experimental design, 2018; the
 * columns beyond a square follow from r₂ = qᵀ · a₂. */
static bg_node *qr_q_gradient(bg_node *node, int input, bg_node *dy)
{
    extents e = extents_of(node);
    if (input == 1)
        return NULL;
    int last = dy->shape.rank - 1;
    if (bgi_cotangent_part(dy, last, e.least, e.width - e.least))
        return bgi_graph_fail(node->graph, BG_ERR_GRADIENT,
                              "qr: of a complete q only the first %lld of %lld columns have a gradient",
                              (long long)e.least, (long long)e.width);
    bg_node *dq = bgi_cotangent_part(dy, last, 0, e.least);
    if (!dq)
        return NULL;
    bg_node *q = thin_q(node), *r = leading_r(node);
    bg_node *inner = bgi_mirror_lower(bgi_matmul_tn(dq, q));
    bg_node *da = divide_by_r(bg_sub(dq, bg_matmul(q, inner)), r);
    return e.columns > e.least ? bgi_embed(da, last, 0, 1, e.columns) : da;
}
static bg_node *qr_q_compose(bg_node *node)
{
    extents e = extents_of(node);
    return bgi_part(node->inputs[1], 0, e.rows, e.width);
}
static bg_status qr_q_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    extents e = extents_of(node);
    return infer(node, dtype, shape, 2, e.rows, e.width);
}
static const bg_op qr_q_op = {
    .name = "qr_q", .arity = 2, .infer = qr_q_infer, .gradient = qr_q_gradient, .compose = qr_q_compose
};

/* Of r alone, with x = r₂ · dr₂ᵀ: da₁ = q · (x + M(r₁ · dr₁ᵀ - xᵀ)) · r₁ᵀ⁻¹, da₂ = q · dr₂. */
static bg_node *qr_r_gradient(bg_node *node, int input, bg_node *dy)
{
    extents e = extents_of(node);
    if (input == 1)
        return NULL;
    int rank = dy->shape.rank;
    bg_node *q = thin_q(node), *r = leading_r(node);
    bg_node *dr = bgi_cotangent_part(dy, rank - 2, 0, e.least);
    if (!dr)
        return NULL;
    bg_node *first = bgi_slice_of(dr, rank - 1, 0, 1, e.least);
    bg_node *product = bgi_matmul_nt(r, bg_triu(first, 0));
    if (e.columns == e.least)
        return divide_by_r(bg_matmul(q, bgi_mirror_lower(product)), r);
    bg_node *beyond = bgi_slice_of(part_of(&qr_r_op, node->inputs[0], node->inputs[1], is_complete(node)), rank - 1,
                                   e.least, 1, e.columns - e.least);
    bg_node *second = bgi_slice_of(dr, rank - 1, e.least, 1, e.columns - e.least);
    bg_node *x = bgi_matmul_nt(beyond, second);
    bg_node *inner = bg_add(x, bgi_mirror_lower(bg_sub(product, bgi_transpose_last(x))));
    return append_columns(divide_by_r(bg_matmul(q, inner), r), bg_matmul(q, second));
}
static bg_node *qr_r_compose(bg_node *node)
{
    extents e = extents_of(node);
    return bgi_part(node->inputs[1], e.rows * e.width, e.height, e.columns);
}
static bg_status qr_r_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    extents e = extents_of(node);
    return infer(node, dtype, shape, 2, e.height, e.columns);
}
static const bg_op qr_r_op = {
    .name = "qr_r", .arity = 2, .infer = qr_r_infer, .gradient = qr_r_gradient, .compose = qr_r_compose
};

/* ---- The factorisation ---- */

static bg_status qr_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    extents e = extents_of(node);
    int64_t of_q, of_r;
    if (!bgi_product_of((int64_t[]){ e.rows, e.width }, 2, &of_q) ||
        !bgi_product_of((int64_t[]){ e.height, e.columns }, 2, &of_r) || of_q > INT64_MAX - of_r)
        return bg_fail(BG_ERR_OVERFLOW, "qr: too many elements");
    return infer(node, dtype, shape, 1, 0, of_q + of_r);
}

/* Workspace: the factors of the reflections, then LAPACK's. */
static int64_t work_of(const bg_node *node)
{
    extents e = extents_of(node);
    return bgi_most(bgi_lapack_gelqf_work(node->dtype, e.columns, e.rows),
                    bgi_lapack_orglq_work(node->dtype, e.width, e.rows, e.least));
}
static size_t qr_scratch(const bg_node *node)
{
    return (size_t)(extents_of(node).least + work_of(node)) * bg_dtype_size(node->dtype);
}

/* The reflections are made in r's place, or in q's if that has the extents of a. */
static void factorise(bg_dtype dtype, extents e, const void *a, void *packed, void *scratch, int64_t work_count)
{
    size_t size = bg_dtype_size(dtype);
    char *q = packed, *r = bgi_at(packed, e.rows * e.width, size);
    void *factors = scratch, *work = bgi_at(scratch, e.least, size);
    bool is_in_q = e.width == e.columns;
    char *at = is_in_q ? q : r;
    memcpy(at, a, (size_t)(e.rows * e.columns) * size);
    bgi_lapack_gelqf(dtype, e.columns, e.rows, at, e.columns, factors, work, work_count);
    size_t row = (size_t)e.columns * size;
    for (int64_t i = 0; i < e.height && is_in_q; i++)
        memcpy(r + (size_t)i * row, q + (size_t)i * row, row);
    for (int64_t i = 0; i < e.rows && !is_in_q; i++)
        memcpy(q + (size_t)(i * e.width) * size, r + (size_t)i * row, (size_t)e.least * size);
    for (int64_t i = 1; i < e.height; i++)
        memset(r + (size_t)i * row, 0, (size_t)bgi_least(i, e.columns) * size);
    bgi_lapack_orglq(dtype, e.width, e.rows, e.least, q, e.width, factors, work, work_count);
}
static bg_status qr_call(const bg_call *call)
{
    extents e = extents_of(call->node);
    bg_dtype dtype = call->node->dtype;
    int64_t count = e.rows * e.columns, of_q = e.rows * e.width, of_r = e.height * e.columns;
    int64_t work_count = work_of(call->node);
    if (bg_shape_count(call->node->shape) == 0)
        return BG_OK;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        bg_status status = bgi_check_finite(call, 0, i);
        if (status != BG_OK)
            return status;
        void *packed = bgi_output_at(call, i, of_q + of_r);
        factorise(dtype, e, bgi_input_at(call, 0, i, count), packed, call->scratch, work_count);
        if (bgi_first_not_finite(dtype, bgi_at(packed, of_q, bg_dtype_size(dtype)), of_r) < of_r)
            return bgi_fail_at(call, i, "the length of a column is too large for the type");
    }
    return BG_OK;
}
static double qr_flops(const bg_node *node)
{
    extents e = extents_of(node);
    double k = (double)e.least, m = (double)e.rows, n = (double)e.columns, w = (double)e.width;
    return (double)bgi_matrices_of(node->inputs[0]).batch * k * (2 * m * n + 2 * m * w);
}
static const bg_op single_op = { .name = "qr",
                                 .arity = 1,
                                 .infer = qr_infer,
                                 .call = qr_call,
                                 .units = bgi_matrix_units,
                                 .scratch = qr_scratch,
                                 .flops = qr_flops,
                                 .product_flops = qr_flops };
static bg_node *qr_compose(bg_node *node)
{
    if (bgi_is_blocked_qr(extents_of(node).least))
        return bgi_blocked_qr(node->inputs[0], *(const int64_t *)node->attributes != 0);
    return bg_apply(&single_op, node->inputs, 1, node->attributes, node->attribute_bytes);
}
static const bg_op qr_op = {
    .name = "qr", .arity = 1, .infer = qr_infer, .gradient = bgi_no_gradient, .compose = qr_compose
};

bg_qr_factors bg_qr(bg_node *a, bool is_complete)
{
    if (!bgi_takes_matrix("qr", a))
        return (bg_qr_factors){ NULL, NULL };
    bgi_matrices m = bgi_matrices_of(a);
    int64_t attributes = is_complete && m.rows > m.columns;
    bg_node *packed = bg_apply(&qr_op, &a, 1, &attributes, sizeof attributes);
    bg_qr_factors f = { part_of(&qr_q_op, a, packed, attributes), part_of(&qr_r_op, a, packed, attributes) };
    bgi_made_by("qr", packed, f.r);
    return f;
}

const bg_op *const bgi_qr_ops[] = { &qr_op, &qr_q_op, &qr_r_op, NULL };
