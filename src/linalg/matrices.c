/* Checks, batches, parts and errors of the ops of linear algebra. */
#include "linalg/matrices.h"

#include "base/fp.h"
#include "blas/blas.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Checks ---- */

static int64_t extent(const bg_node *a, int from_end) { return a->shape.dims[a->shape.rank - from_end]; }

bool bgi_takes_matrix(const char *op, const bg_node *a)
{
    static const char *const labels[] = { "a" };
    if (!a || !bgi_graph_accept(a->graph, bgi_check_floats(op, (bg_node *[]){ (bg_node *)a }, labels, 1)))
        return false;
    if (a->shape.rank < 2) {
        bgi_graph_fail(a->graph, BG_ERR_SHAPE, "%s: needs a matrix, of rank 2 or more: %s", op,
                       bgi_shape_format(a->shape).text);
        return false;
    }
    /* Workspaces are multiples of an extent, so one far below the integer's range is refused too. */
    if (bgi_blas_fits(64 * extent(a, 2)) && bgi_blas_fits(64 * extent(a, 1)))
        return true;
    bgi_graph_fail(a->graph, BG_ERR_OVERFLOW, "%s: an extent of %s is too large for the integer of LAPACK", op,
                   bgi_shape_format(a->shape).text);
    return false;
}

bool bgi_takes_square(const char *op, const bg_node *a)
{
    if (!bgi_takes_matrix(op, a))
        return false;
    if (extent(a, 1) == extent(a, 2))
        return true;
    bgi_graph_fail(a->graph, BG_ERR_SHAPE, "%s: needs as many rows as columns: %s", op,
                   bgi_shape_format(a->shape).text);
    return false;
}

bool bgi_takes_triangle(const char *op, const bg_node *a, bg_triangle triangle)
{
    if (triangle == BG_LOWER || triangle == BG_UPPER)
        return true;
    bgi_graph_fail(a->graph, BG_ERR_ARGUMENT, "%s: there is no triangle %d", op, (int)triangle);
    return false;
}

static bg_shape batch_of(bg_shape shape)
{
    shape.rank -= 2;
    return shape;
}
static bg_shape with_matrix(bg_shape batch, const bg_node *x)
{
    batch.dims[batch.rank++] = extent(x, 2);
    batch.dims[batch.rank++] = extent(x, 1);
    return batch;
}

/* b of rank 1 becomes a column, or a row. */
static bool takes_right_side(const char *op, bg_node *a, bg_node **b, bool is_right)
{
    bg_node *right = (*b)->shape.rank == 1 ? bg_unsqueeze(*b, is_right ? 0 : 1) : *b;
    if (!right || !bgi_takes_matrix(op, right))
        return false;
    bg_shape batch;
    bool fits = extent(right, is_right ? 1 : 2) == extent(a, is_right ? 1 : 2);
    if (!fits || !bgi_shape_broadcast(batch_of(a->shape), batch_of(right->shape), &batch)) {
        bgi_graph_fail(a->graph, BG_ERR_SHAPE, "%s: %s: a %s, b %s", op,
                       fits       ? "leading dimensions do not broadcast together"
                       : is_right ? "b needs as many columns as a"
                                  : "b needs as many rows as a",
                       bgi_shape_format(a->shape).text, bgi_shape_format((*b)->shape).text);
        return false;
    }
    *b = right;
    return true;
}
static bool are_floats(const char *op, bg_node *a, bg_node *b)
{
    static const char *const labels[] = { "a", "b" };
    return bgi_graph_of_floats(op, (bg_node *[]){ a, b }, labels, 2) != NULL;
}
bool bgi_takes_equations(const char *op, bg_node *a, bg_node **b)
{
    return are_floats(op, a, *b) && bgi_takes_matrix(op, a) && takes_right_side(op, a, b, false);
}
bool bgi_takes_system(const char *op, bg_node **a, bg_node **b, bool is_right)
{
    if (!are_floats(op, *a, *b) || !bgi_takes_square(op, *a) || !takes_right_side(op, *a, b, is_right))
        return false;
    bg_shape shape = bgi_joint_batch(*a, *b, 0, 0);
    *a = bgi_to_batch_of(*a, shape);
    *b = bgi_to_batch_of(*b, shape);
    return *a && *b;
}

bg_shape bgi_joint_batch(const bg_node *a, const bg_node *b, int64_t rows, int64_t columns)
{
    bg_shape shape;
    bgi_shape_broadcast(batch_of(a->shape), batch_of(b->shape), &shape);
    shape.dims[shape.rank++] = rows;
    shape.dims[shape.rank++] = columns;
    return shape;
}
bg_node *bgi_to_batch_of(bg_node *x, bg_shape shape)
{
    return x ? bg_broadcast(x, with_matrix(batch_of(shape), x)) : NULL;
}

bg_node *bgi_like_right_side(bg_node *x, const bg_node *b)
{
    if (!x || b->shape.rank != 1)
        return x;
    bg_shape shape = batch_of(x->shape);
    shape.dims[shape.rank++] = extent(x, 2) * extent(x, 1);
    return bg_reshape(x, shape);
}

/* ---- One matrix for a batch of right sides ---- */

bool bgi_is_shared(const bg_node *a, const bg_node *b)
{
    return bgi_matrices_of(a).batch == 1 && b->shape.rank > 2 && bgi_matrices_of(b).batch > 1;
}
bg_node *bgi_without_batch(bg_node *a)
{
    bgi_matrices m = bgi_matrices_of(a);
    return a->shape.rank == 2 ? a : bg_reshape(a, BG_SHAPE(m.rows, m.columns));
}
bg_node *bgi_side_by_side(bg_node *b, bool is_right)
{
    if (!b)
        return NULL;
    bgi_matrices m = bgi_matrices_of(b);
    return is_right ? bg_reshape(b, BG_SHAPE(m.batch * m.rows, m.columns))
                    : bg_reshape(bg_movedim(b, -2, 0), BG_SHAPE(m.rows, m.batch * m.columns));
}
bg_node *bgi_apart(bg_node *x, bg_shape shape, bool is_right)
{
    if (!x || is_right)
        return x ? bg_reshape(x, shape) : NULL;
    bg_shape first = { .rank = 1, .dims = { shape.dims[shape.rank - 2] } };
    for (int i = 0; i < shape.rank; i++)
        if (i != shape.rank - 2)
            first.dims[first.rank++] = shape.dims[i];
    return bg_movedim(bg_reshape(x, first), 0, -2);
}

bg_status bgi_infer_last(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = node->inputs[node->n_inputs - 1]->dtype;
    *shape = node->inputs[node->n_inputs - 1]->shape;
    return BG_OK;
}

bg_node *bgi_no_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input, (void)dy;
    return bgi_graph_fail(node->graph, BG_ERR_GRADIENT, "%s has no gradient", node->op->name);
}

/* ---- Calls ---- */

bgi_matrices bgi_matrices_of(const bg_node *node)
{
    bgi_matrices m = { .batch = 1, .rows = extent(node, 2), .columns = extent(node, 1) };
    bgi_product_of(node->shape.dims, node->shape.rank - 2, &m.batch);
    return m;
}

int64_t bgi_matrix_units(const bg_node *node, int input)
{
    (void)input;
    int64_t batch = bgi_matrices_of(node->inputs[0]).batch;
    return batch > 0 ? batch : 1;
}

bg_status bgi_run_gradually(const bg_call *call, bg_status (*run)(const bg_call *call))
{
    bgi_fp_state state = bgi_fp_get();
    bgi_fp_set(bgi_fp_gradual());
    bg_status status = run(call);
    bgi_fp_set(state);
    return status;
}

/* No branch for each element: NaN and infinities are not within the largest number. */
int64_t bgi_first_not_finite(bg_dtype dtype, const void *values, int64_t count)
{
    enum { BLOCK = 256 };
    for (int64_t start = 0; start < count; start += BLOCK) {
        int64_t end = start + BLOCK < count ? start + BLOCK : count;
        int bad = 0;
        if (dtype == BG_F64)
            for (int64_t i = start; i < end; i++)
                bad |= !(fabs(((const double *)values)[i]) <= DBL_MAX);
        else
            for (int64_t i = start; i < end; i++)
                bad |= !(fabsf(((const float *)values)[i]) <= FLT_MAX);
        for (int64_t i = start; i < end && bad; i++)
            if (!isfinite(bgi_float_at(values, dtype, i)))
                return i;
    }
    return count;
}

/* An index into the batch as its axes count it. */
static bgi_shape_text place_in_batch(bg_shape batch, int64_t i)
{
    bg_shape place = batch;
    for (int k = batch.rank - 1; k >= 0; k--) {
        place.dims[k] = i % batch.dims[k];
        i /= batch.dims[k];
    }
    return bgi_shape_format(place);
}

static bg_status fail_with(const bg_call *call, bg_shape batch, int64_t i, const char *format, va_list arguments)
{
    char text[256];
    bgi_author author = bgi_author_of(call->node);
    const char *of = author.is_gradient ? "'s gradient" : "";
    vsnprintf(text, sizeof text, format, arguments);
    if (batch.rank == 0)
        return bg_fail(BG_ERR_NUMERIC, "%s%s: %s", author.name, of, text);
    return bg_fail(BG_ERR_NUMERIC, "%s%s: matrix %s of %s: %s", author.name, of, place_in_batch(batch, i).text,
                   bgi_shape_format(batch).text, text);
}

bg_status bgi_fail_at(const bg_call *call, int64_t i, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bg_status status = fail_with(call, batch_of(call->node->inputs[0]->shape), call->first + i, format, arguments);
    va_end(arguments);
    return status;
}

bg_status bgi_fail_in(const bg_call *call, bg_shape batch, int64_t i, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bg_status status = fail_with(call, batch, i, format, arguments);
    va_end(arguments);
    return status;
}

/* Whatever the sign of a NaN is. */
bg_status bgi_fail_element(const bg_call *call, int64_t i, const char *label, double value, int64_t row, int64_t column)
{
    return bgi_fail_at(call, i, "%s is %g at [%lld, %lld]", label, isnan(value) ? (double)NAN : value, (long long)row,
                       (long long)column);
}

bg_status bgi_check_result(const bg_call *call, int64_t i)
{
    bgi_matrices m = bgi_matrices_of(call->node);
    int64_t count = m.rows * m.columns;
    int64_t at = bgi_first_not_finite(call->node->dtype, bgi_output_at(call, i, count), count);
    if (at == count)
        return BG_OK;
    return bgi_fail_in(call, batch_of(call->node->shape), call->first + i,
                       "the result is beyond the range of %s at [%lld, %lld]", bg_dtype_name(call->node->dtype),
                       (long long)(at / m.columns), (long long)(at % m.columns));
}

bg_node *bgi_made_by(const char *name, bg_node *first, bg_node *result)
{
    if (!first || first->graph->is_compiling || first->graph->author.name)
        return result;
    for (int id = first->id; id < first->graph->count; id++)
        first->graph->nodes[id]->author.name = name;
    return result;
}

const char *bgi_label_of(const bg_call *call, int k)
{
    static const struct {
        const char *author, *labels[2];
    } others[] = { { "cholesky_solve", { "factor", "b" } },
                   { "mahalanobis", { "factor", "x - mean" } },
                   { "gaussian_log_density", { "factor", "x - mean" } } };
    bgi_author author = bgi_author_of(call->node);
    if (author.is_gradient)
        return k > 0 ? "the right side" : "the matrix";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(author.name, others[i].author) == 0)
            return others[i].labels[k];
    return k > 0 ? "b" : "a";
}

bg_status bgi_check_finite_part(const bg_call *call, const char *label, int k, int64_t i, bgi_read read)
{
    const bg_node *input = call->node->inputs[k];
    bgi_matrices m = bgi_matrices_of(input);
    size_t size = bg_dtype_size(input->dtype);
    const void *values = bgi_input_at(call, k, i, m.rows * m.columns);
    /* All of it is one run of elements; a triangle is one in each row. */
    int64_t rows = read == BGI_READ_ALL ? 1 : m.rows, width = read == BGI_READ_ALL ? m.rows * m.columns : m.columns;
    for (int64_t row = 0; row < rows; row++) {
        int64_t first = row * width + (read == BGI_READ_UPPER ? row : 0);
        int64_t count = read == BGI_READ_LOWER ? row + 1 : read == BGI_READ_UPPER ? width - row : width;
        int64_t at = first + bgi_first_not_finite(input->dtype, bgi_const_at(values, first, size), count);
        if (at < first + count)
            return bgi_fail_element(call, i, label ? label : bgi_label_of(call, k),
                                    bgi_float_at(values, input->dtype, at), at / m.columns, at % m.columns);
    }
    return BG_OK;
}
bg_status bgi_check_finite(const bg_call *call, int k, int64_t i)
{
    return bgi_check_finite_part(call, NULL, k, i, BGI_READ_ALL);
}
bg_status bgi_check_finite_triangle(const bg_call *call, int k, int64_t i, bg_triangle triangle)
{
    return bgi_check_finite_part(call, NULL, k, i, triangle == BG_UPPER ? BGI_READ_UPPER : BGI_READ_LOWER);
}

/* ---- Parts ---- */

bg_node *bgi_part(bg_node *packed, int64_t start, int64_t rows, int64_t columns)
{
    if (!packed)
        return NULL;
    int64_t count = columns < 0 ? rows : rows * columns;
    bg_node *part = bgi_slice_of(packed, packed->shape.rank - 1, start, 1, count);
    bg_shape shape = packed->shape;
    shape.dims[shape.rank - 1] = rows;
    if (columns >= 0)
        shape.dims[shape.rank++] = columns;
    return bg_reshape(part, shape);
}

/* ---- Expressions ---- */

bg_node *bgi_symmetric_part(bg_node *x) { return bg_mul_scalar(bg_add(x, bgi_transpose_last(x)), 0.5); }

bg_node *bgi_identity_like(bg_node *x)
{
    if (!x)
        return NULL;
    return bg_broadcast(bg_eye(x->graph, x->dtype, extent(x, 2), extent(x, 1)), x->shape);
}

bg_node *bgi_matmul_tn(bg_node *x, bg_node *w) { return bg_matmul(bgi_transpose_last(x), w); }
bg_node *bgi_matmul_nt(bg_node *x, bg_node *w) { return bg_matmul(x, bgi_transpose_last(w)); }
