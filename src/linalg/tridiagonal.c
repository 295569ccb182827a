/* Systems with three diagonals. */
#include "linalg/matrices.h"

#include <math.h>
#include <string.h>

/* Elimination with partial pivoting, which fills a second diagonal above: row k of upper is d[k], u[k], w[k]. Rows of b
 * [n, r] become those of x. Returns the first pivot that is 0, or n. */
#define SOLVE(type, magnitude)                                                                                         \
    static int64_t solve_##type(int64_t n, int64_t r, const type *lower, type *d, type *u, type *w, type *b)           \
    {                                                                                                                  \
        for (int64_t k = 0; k + 1 < n; k++) {                                                                          \
            type *row = b + k * r, *next = row + r, below = lower[k];                                                  \
            if (magnitude(d[k]) >= magnitude(below)) {                                                                 \
                if (d[k] == 0)                                                                                         \
                    return k;                                                                                          \
                type factor = below / d[k];                                                                            \
                d[k + 1] -= factor * u[k];                                                                             \
                for (int64_t j = 0; j < r; j++)                                                                        \
                    next[j] -= factor * row[j];                                                                        \
            } else {                                                                                                   \
                type factor = d[k] / below, above = u[k];                                                              \
                d[k] = below;                                                                                          \
                u[k] = d[k + 1];                                                                                       \
                d[k + 1] = above - factor * u[k];                                                                      \
                if (k + 2 < n) {                                                                                       \
                    w[k] = u[k + 1];                                                                                   \
                    u[k + 1] = -factor * w[k];                                                                         \
                }                                                                                                      \
                for (int64_t j = 0; j < r; j++) {                                                                      \
                    type moved = row[j];                                                                               \
                    row[j] = next[j];                                                                                  \
                    next[j] = moved - factor * next[j];                                                                \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        if (d[n - 1] == 0)                                                                                             \
            return n - 1;                                                                                              \
        for (int64_t k = n; k-- > 0;) {                                                                                \
            type *row = b + k * r;                                                                                     \
            for (int64_t j = 0; j < r; j++) {                                                                          \
                type x = row[j];                                                                                       \
                if (k + 1 < n)                                                                                         \
                    x -= u[k] * row[r + j];                                                                            \
                if (k + 2 < n)                                                                                         \
                    x -= w[k] * row[2 * r + j];                                                                        \
                row[j] = x / d[k];                                                                                     \
            }                                                                                                          \
        }                                                                                                              \
        return n;                                                                                                      \
    }
SOLVE(float, fabsf)
SOLVE(double, fabs)

/* solve_tridiagonal: lower, diagonal, upper, b -> x; the transposed matrix has lower and upper exchanged. With g = db
 * its solution for dx, the gradient -g · xᵀ of the matrix is needed on three diagonals. */
static bg_node *rows_of(bg_node *x, int64_t start, int64_t count)
{
    return bgi_slice_of(x, x->shape.rank - 2, start, 1, count);
}
/* -Σ g_i,. x_j,. with i from `first` on and j from `second` on. */
static bg_node *products_of_rows(bg_node *g, bg_node *x, int64_t first, int64_t second, int64_t count)
{
    if (!g)
        return NULL;
    return bg_neg(bg_sum(bg_mul(rows_of(g, first, count), rows_of(x, second, count)), BG_AXES(-1)));
}
static bg_node *solve_tridiagonal_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *const *inputs = node->inputs;
    int64_t n = bgi_matrices_of(node).rows, beside = n > 0 ? n - 1 : 0;
    bg_node *g = bg_apply(node->op, (bg_node *[]){ inputs[2], inputs[1], inputs[0], dy }, 4, NULL, 0);
    switch (input) {
    case 0:
        return products_of_rows(g, node, n - beside, 0, beside);
    case 1:
        return products_of_rows(g, node, 0, 0, n);
    case 2:
        return products_of_rows(g, node, 0, n - beside, beside);
    default:
        return g;
    }
}
static bg_status check_diagonal(const bg_call *call, int k, int64_t i, int64_t count)
{
    static const char *const labels[] = { "lower", "diagonal", "upper" };
    const void *values = bgi_input_at(call, k, i, count);
    int64_t at = bgi_first_not_finite(call->node->dtype, values, count);
    if (at == count)
        return BG_OK;
    bg_shape batch = call->node->shape;
    batch.rank -= 2;
    return bgi_fail_in(call, batch, call->first + i, "%s is %g at [%lld]", labels[k],
                       bgi_float_at(values, call->node->dtype, at), (long long)at);
}
static bg_status check_operands(const bg_call *call, int64_t i, int64_t n)
{
    int64_t beside = n > 0 ? n - 1 : 0;
    bg_status status = check_diagonal(call, 0, i, beside);
    if (status == BG_OK)
        status = check_diagonal(call, 1, i, n);
    if (status == BG_OK)
        status = check_diagonal(call, 2, i, beside);
    return status == BG_OK ? bgi_check_finite_part(call, "b", 3, i, BGI_READ_ALL) : status;
}
static int64_t solve_one(const bg_call *call, int64_t i, bgi_matrices m, void *x)
{
    bg_dtype dtype = call->node->dtype;
    int64_t n = m.rows;
    size_t size = bg_dtype_size(dtype);
    const void *lower = bgi_input_at(call, 0, i, n - 1);
    void *d = call->scratch, *u = bgi_at(d, n, size), *w = bgi_at(u, n, size);
    memcpy(x, bgi_input_at(call, 3, i, n * m.columns), (size_t)(n * m.columns) * size);
    memcpy(d, bgi_input_at(call, 1, i, n), (size_t)n * size);
    memcpy(u, bgi_input_at(call, 2, i, n - 1), (size_t)(n - 1) * size);
    memset(w, 0, (size_t)n * size);
    return dtype == BG_F64 ? solve_double(n, m.columns, lower, d, u, w, x)
                           : solve_float(n, m.columns, lower, d, u, w, x);
}
static bg_status solve_tridiagonal_run(const bg_call *call)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    bg_shape batch = call->node->shape;
    batch.rank -= 2;
    for (int64_t i = 0; i < call->last - call->first && m.batch > 0 && m.rows > 0; i++) {
        bg_status status = check_operands(call, i, m.rows);
        if (status != BG_OK)
            return status;
        void *x = bgi_output_at(call, i, m.rows * m.columns);
        int64_t pivot = solve_one(call, i, m, x);
        if (pivot < m.rows)
            return bgi_fail_in(call, batch, call->first + i, "a is singular: pivot %lld of %lld is 0",
                               (long long)pivot + 1, (long long)m.rows);
        status = bgi_check_result(call, i);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}
static bg_status solve_tridiagonal_call(const bg_call *call) { return bgi_run_gradually(call, solve_tridiagonal_run); }
static int64_t solve_tridiagonal_units(const bg_node *node, int input)
{
    (void)input;
    int64_t batch = bgi_matrices_of(node).batch;
    return batch > 0 ? batch : 1;
}
static size_t solve_tridiagonal_scratch(const bg_node *node)
{
    return 3 * (size_t)bgi_matrices_of(node).rows * bg_dtype_size(node->dtype);
}
static double solve_tridiagonal_flops(const bg_node *node)
{
    return 8 * (double)bg_shape_count(node->shape) + 8 * (double)bg_shape_count(node->inputs[1]->shape);
}
static const bg_op solve_tridiagonal_op = { .name = "solve_tridiagonal",
                                            .arity = 4,
                                            .infer = bgi_infer_last,
                                            .gradient = solve_tridiagonal_gradient,
                                            .call = solve_tridiagonal_call,
                                            .units = solve_tridiagonal_units,
                                            .scratch = solve_tridiagonal_scratch,
                                            .flops = solve_tridiagonal_flops };

/* ---- Operands ---- */

static bool fail_shapes(const char *what, bg_node *const *x)
{
    bgi_graph_fail(x[0]->graph, BG_ERR_SHAPE, "solve_tridiagonal: %s: lower %s, diagonal %s, upper %s, b %s", what,
                   bgi_shape_format(x[0]->shape).text, bgi_shape_format(x[1]->shape).text,
                   bgi_shape_format(x[2]->shape).text, bgi_shape_format(x[3]->shape).text);
    return false;
}
static bg_shape without_last(bg_shape shape, int count)
{
    shape.rank -= count;
    return shape;
}
/* Broadcasts x, whose last `own` axes are no batch. */
static bg_node *with_batch(bg_node *x, bg_shape batch, int own)
{
    for (int i = own; i > 0; i--)
        batch.dims[batch.rank++] = x->shape.dims[x->shape.rank - i];
    return bg_broadcast(x, batch);
}
/* The three diagonals and b with one batch; a b of rank 1 becomes a column. */
static bool takes_diagonals(bg_node **x)
{
    static const char *const labels[] = { "lower", "diagonal", "upper", "b" };
    if (!bgi_graph_of_floats("solve_tridiagonal", x, labels, 4))
        return false;
    for (int k = 0; k < 4; k++)
        if (x[k]->shape.rank < 1)
            return fail_shapes("each needs an axis", x);
    bg_node *given[] = { x[0], x[1], x[2], x[3] };
    x[3] = x[3]->shape.rank == 1 ? bg_unsqueeze(x[3], 1) : x[3];
    if (!x[3] || !bgi_takes_matrix("solve_tridiagonal", x[3]))
        return false;
    int64_t n = x[1]->shape.dims[x[1]->shape.rank - 1], beside = n > 0 ? n - 1 : 0;
    if (x[0]->shape.dims[x[0]->shape.rank - 1] != beside || x[2]->shape.dims[x[2]->shape.rank - 1] != beside)
        return fail_shapes("lower and upper need one element fewer than the diagonal", given);
    if (bgi_matrices_of(x[3]).rows != n)
        return fail_shapes("b needs as many rows as the diagonal has elements", given);
    bg_shape batch = without_last(x[3]->shape, 2);
    for (int k = 0; k < 3; k++)
        if (!bgi_shape_broadcast(batch, without_last(x[k]->shape, 1), &batch))
            return fail_shapes("leading dimensions do not broadcast together", given);
    for (int k = 0; k < 4; k++)
        if (!(x[k] = with_batch(x[k], batch, k < 3 ? 1 : 2)))
            return false;
    return true;
}
bg_node *bg_solve_tridiagonal(bg_node *lower, bg_node *diagonal, bg_node *upper, bg_node *b)
{
    bg_node *inputs[] = { lower, diagonal, upper, b };
    if (!takes_diagonals(inputs))
        return NULL;
    return bgi_like_right_side(bg_apply(&solve_tridiagonal_op, inputs, 4, NULL, 0), b);
}

const bg_op *const bgi_tridiagonal_ops[] = { &solve_tridiagonal_op, NULL };
