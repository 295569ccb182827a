/* The polar decomposition a = u · p, from the singular values and vectors of a: u = w · vt, p = v · diag(s) · vt. The
 * singular vectors have no part in the gradients, which are defined where values are equal too. */
#include "linalg/eigen.h"
#include "linalg/svd.h"

static const bg_op polar_u_op, polar_p_op, polar_divide_op;

/* p's own eigendecomposition as lyapunov has it, from that of a: values ascend, vectors are rows. */
static bg_node *eigen_of_p(const bg_node *a, bg_node *packed)
{
    bgi_svd_parts parts = bgi_svd_parts_of(a, packed);
    if (!parts.vt)
        return NULL;
    bg_node *rows[] = { bg_unsqueeze(bg_flip(parts.s, BG_AXES(-1)), -2), bg_flip(parts.vt, BG_AXES(-2)) };
    return bg_concat(rows, 2, parts.vt->shape.rank - 2);
}
/* x with p · x + x · p = c, for the node's p. */
static bg_node *solve_lyapunov(const bg_node *node, bg_node *c)
{
    bg_node *a = node->inputs[0], *packed = node->inputs[1];
    return bgi_lyapunov_with(bgi_apply_2(&polar_p_op, a, packed), eigen_of_p(a, packed), c);
}

/* polar_divide: y = x · p⁻¹, of p, a, packed and x
 *   dx = dy · p⁻¹   dp = -sym(yᵀ · dx) */
static bg_node *divide(bg_node *p, bg_node *a, bg_node *packed, bg_node *x)
{
    return bg_apply(&polar_divide_op, (bg_node *[]){ p, a, packed, x }, 4, NULL, 0);
}
static bg_node *polar_divide_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1 || input == 2)
        return NULL;
    bg_node *dx = divide(node->inputs[0], node->inputs[1], node->inputs[2], dy);
    return input == 3 ? dx : bg_neg(bgi_symmetric_part(bgi_matmul_tn(node, dx)));
}
static bg_node *polar_divide_compose(bg_node *node)
{
    bgi_svd_parts parts = bgi_svd_parts_of(node->inputs[1], node->inputs[2]);
    bg_node *inner = bgi_matmul_nt(node->inputs[3], parts.vt);
    return bg_matmul(bgi_times_columns(inner, bg_reciprocal(parts.s)), parts.vt);
}
static const bg_op polar_divide_op = { .name = "polar_divide",
                                       .arity = 4,
                                       .infer = bgi_infer_last,
                                       .gradient = polar_divide_gradient,
                                       .compose = polar_divide_compose };

/* polar_u, with k = uᵀ · du: da = u · x + (du - u · k) · p⁻¹, p · x + x · p = k - kᵀ; the second term, of what is at
 * right angles to u, is there only where a is not square. */
static bg_node *polar_u_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *a = node->inputs[0], *packed = node->inputs[1];
    bgi_matrices m = bgi_matrices_of(a);
    if (input == 1)
        return NULL;
    bg_node *k = bgi_matmul_tn(node, dy);
    bg_node *da = bg_matmul(node, solve_lyapunov(node, bg_sub(k, bgi_transpose_last(k))));
    if (m.rows == m.columns)
        return da;
    bg_node *beside = bg_sub(dy, bg_matmul(node, k));
    return bg_add(da, divide(bgi_apply_2(&polar_p_op, a, packed), a, packed, beside));
}
static bg_node *polar_u_compose(bg_node *node)
{
    bgi_svd_parts parts = bgi_svd_parts_of(node->inputs[0], node->inputs[1]);
    return bg_matmul(parts.u, parts.vt);
}
static bg_status polar_u_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    return BG_OK;
}
static const bg_op polar_u_op = {
    .name = "polar_u", .arity = 2, .infer = polar_u_infer, .gradient = polar_u_gradient, .compose = polar_u_compose
};

/* polar_p, of p · p = aᵀ · a: da = 2 a · x, p · x + x · p = sym(dp) */
static bg_node *polar_p_gradient(bg_node *node, int input, bg_node *dy)
{
    if (input == 1)
        return NULL;
    return bg_matmul(node->inputs[0], solve_lyapunov(node, bg_add(dy, bgi_transpose_last(dy))));
}
static bg_node *polar_p_compose(bg_node *node)
{
    bgi_svd_parts parts = bgi_svd_parts_of(node->inputs[0], node->inputs[1]);
    return bgi_mirror_lower(bgi_matmul_tn(bgi_times_rows(parts.vt, parts.s), parts.vt));
}
static bg_status polar_p_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    polar_u_infer(node, dtype, shape);
    shape->dims[shape->rank - 2] = shape->dims[shape->rank - 1];
    return BG_OK;
}
static const bg_op polar_p_op = {
    .name = "polar_p", .arity = 2, .infer = polar_p_infer, .gradient = polar_p_gradient, .compose = polar_p_compose
};

bg_polar_factors bg_polar(bg_node *a)
{
    bg_polar_factors none = { NULL, NULL };
    if (!bgi_takes_matrix("polar", a))
        return none;
    bgi_matrices m = bgi_matrices_of(a);
    if (m.rows < m.columns) {
        bgi_graph_fail(a->graph, BG_ERR_SHAPE, "polar: a %s has fewer rows than columns",
                       bgi_shape_format(a->shape).text);
        return none;
    }
    bg_node *scale = bgi_matrix_scale(a, 0), *scaled = bg_mul(a, scale);
    bg_node *packed = scaled ? bgi_svd_packed(scaled, "polar", BGI_SVD_THIN, true) : NULL;
    bg_node *p = bgi_apply_2(&polar_p_op, scaled, packed);
    bg_polar_factors f = { bgi_apply_2(&polar_u_op, scaled, packed), bgi_matrix_unscale(p, NULL, scale) };
    bgi_made_by("polar", scale, f.p);
    return f;
}

const bg_op *const bgi_polar_ops[] = { &polar_u_op, &polar_p_op, &polar_divide_op, NULL };
