/* The Cholesky factorisation, and what is solved with it. */
#include "linalg/blocked.h"
#include "linalg/matrices.h"
#include "linalg/small.h"
#include "linalg/tiles.h"

#include "blas/lapack.h"

#include <string.h>

/* Attributes of cholesky: int64_t, whether the factor is upper. */
static bool is_upper(const bg_node *node) { return *(const int64_t *)node->attributes != 0; }

/* x with op(factor) · x = b, or x · op(factor) = b, where op(factor) is to be l (or lᵀ) for a = l · lᵀ. */
static bg_node *solve_with(bg_node *factor, bg_node *b, bool upper, bool is_transposed, bool is_right)
{
    return bg_solve_triangular(factor, b,
                               &(bg_triangular_options){ .triangle = upper ? BG_UPPER : BG_LOWER,
                                                         .is_transposed = upper != is_transposed,
                                                         .is_right = is_right });
}

/* cholesky: da = ½ lᵀ⁻¹ · (Φ(lᵀ · dl) + its transpose) · l⁻¹ */
static bg_node *cholesky_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bool upper = is_upper(node);
    /* Only the lower triangle of the product counts, and there only that of dl. */
    bg_node *product;
    if (bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch))
        product = bgi_triangle_product(node, dy, &(bgi_triangles){ .turns_a = !upper, .turns_b = upper });
    else
        product = upper ? bg_matmul(node, bgi_transpose_last(bg_triu(dy, 0))) : bgi_matmul_tn(node, bg_tril(dy, 0));
    bg_node *left = solve_with(node, bgi_mirror_lower(product), upper, true, false);
    return bg_mul_scalar(solve_with(node, left, upper, false, true), 0.5);
}

/* The triangle of a into y, which may be a, with zeros in the other. */
static void copy_triangle(const void *a, void *y, int64_t n, size_t size, bool upper)
{
    for (int64_t row = 0; row < n; row++) {
        size_t first = (size_t)(upper ? row : 0) * size, last = (size_t)(upper ? n : row + 1) * size;
        size_t width = (size_t)n * size;
        char *to = bgi_at(y, row, width);
        if (a != y)
            memcpy(to + first, (const char *)bgi_const_at(a, row, width) + first, last - first);
        memset(to, 0, first);
        memset(to + last, 0, width - last);
    }
}
static size_t square_bytes(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return bgi_aligned((size_t)(n * n) * bg_dtype_size(node->dtype));
}
static size_t cholesky_scratch(const bg_node *node)
{
    int64_t n = bgi_matrices_of(node).rows;
    return square_bytes(node) + bgi_tile_scratch(node->dtype, n, n, n);
}
/* The factor of a into y; the first minor that is not positive, or 0. */
static int64_t factorise(const bgi_tiles *t, bool upper, int64_t n, const void *a, void *y, void *work)
{
    if (t->by_blas) { /* a triangle of rows is the other one of LAPACK's columns */
        copy_triangle(a, y, n, t->size, upper);
        return bgi_lapack_potrf(t->dtype, !upper, n, y, n);
    }
    if (upper)
        memcpy(work, a, (size_t)(n * n) * t->size);
    else
        t->kernels->transpose(work, n, a, n, n, n);
    int64_t minor = bgi_tiles_cholesky(t, n, work, n);
    if (!upper)
        t->kernels->transpose(y, n, work, n, n, n);
    copy_triangle(upper ? work : y, y, n, t->size, upper);
    return minor;
}
static bg_status cholesky_run(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    bgi_tiles t = bgi_tiles_of(call, bgi_at(call->scratch, 1, square_bytes(call->node)));
    int64_t n = m.rows;
    bool upper = is_upper(call->node);
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && n > 0; i++) {
        bg_status status = bgi_check_finite_triangle(call, 0, i, upper ? BG_UPPER : BG_LOWER);
        if (status != BG_OK)
            return status;
        int64_t minor =
            factorise(&t, upper, n, bgi_input_at(call, 0, i, n * n), bgi_output_at(call, i, n * n), call->scratch);
        if (minor != 0)
            return bgi_fail_at(call, i, "not positive definite: the leading minor of order %lld is not",
                               (long long)minor);
    }
    return BG_OK;
}
static bg_status cholesky_call(const bg_call *call) { return bgi_run_gradually(call, cholesky_run); }
static double cholesky_flops(const bg_node *node)
{
    bgi_matrices m = bgi_matrices_of(node);
    double n = (double)m.rows;
    return (double)m.batch * n * n * n / 3;
}
static const bg_op single_op = { .name = "cholesky",
                                 .arity = 1,
                                 .infer = bgi_infer_last,
                                 .call = cholesky_call,
                                 .units = bgi_matrix_units,
                                 .scratch = cholesky_scratch,
                                 .flops = cholesky_flops,
                                 .product_flops = cholesky_flops };
/* A matrix is one unit, or shared by all threads, or small and beside others. */
static bg_node *cholesky_compose(bg_node *node)
{
    if (bgi_is_blocked(bgi_matrices_of(node).rows, bgi_matrices_of(node).batch))
        return bgi_blocked_cholesky(node->inputs[0], is_upper(node));
    if (bgi_small_serves(BGI_SMALL_CHOLESKY, node, bgi_matrices_of(node).rows))
        return bgi_small_cholesky(node->inputs[0], is_upper(node));
    return bg_apply(&single_op, node->inputs, 1, node->attributes, node->attribute_bytes);
}
static const bg_op cholesky_op = {
    .name = "cholesky", .arity = 1, .infer = bgi_infer_last, .gradient = cholesky_gradient, .compose = cholesky_compose
};
bg_node *bg_cholesky(bg_node *a, bg_triangle triangle)
{
    int64_t attributes = triangle == BG_UPPER;
    bool is_good = bgi_takes_square("cholesky", a) && bgi_takes_triangle("cholesky", a, triangle);
    return is_good ? bg_apply(&cholesky_op, &a, 1, &attributes, sizeof attributes) : NULL;
}

bg_node *bg_cholesky_solve(bg_node *factor, bg_node *b, bg_triangle triangle)
{
    bool upper = triangle == BG_UPPER;
    bg_node *own = factor;
    const bg_node *given = b;
    if (!bgi_takes_system("cholesky_solve", &factor, &b, false) ||
        !bgi_takes_triangle("cholesky_solve", factor, triangle))
        return NULL;
    bool shared = bgi_is_shared(own, b);
    factor = shared ? bgi_without_batch(own) : factor;
    bg_node *half = solve_with(factor, shared ? bgi_side_by_side(b, false) : b, upper, false, false);
    bg_node *x = solve_with(factor, half, upper, true, false);
    return bgi_made_by("cholesky_solve", half, bgi_like_right_side(shared ? bgi_apart(x, b->shape, false) : x, given));
}

const bg_op *const bgi_cholesky_ops[] = { &cholesky_op, NULL };
