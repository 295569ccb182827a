/* Normal distributions with a Cholesky factor. */
#include "linalg/matrices.h"

/* Rows [batch of the factor.., samples, n] that are told apart by no factor, and how their axes go back. */
typedef struct {
    bg_node *rows;   /* (x - mean) · l⁻ᵀ */
    bg_node *factor; /* [batch of the factor.., n, n] */
    bg_shape parted; /* the batch of both, axes of the factor first */
    bg_axes back;    /* where each axis of the result is in `parted` */
} whitened;

static bool takes_distribution(const char *op, bg_node *const *inputs)
{
    static const char *const labels[] = { "x", "mean", "factor" };
    const bg_node *x = inputs[0], *mean = inputs[1], *factor = inputs[2];
    bg_graph *graph = bgi_graph_of_floats(op, inputs, labels, 3);
    if (!graph || !bgi_takes_square(op, factor))
        return false;
    int64_t n = factor->shape.dims[factor->shape.rank - 1];
    bool fits = x->shape.rank > 0 && mean->shape.rank > 0 && x->shape.dims[x->shape.rank - 1] == n &&
                mean->shape.dims[mean->shape.rank - 1] == n;
    bg_shape batch = factor->shape;
    batch.rank -= 2;
    for (int k = 0; k < 2 && fits; k++) {
        bg_shape other = inputs[k]->shape;
        other.rank--;
        fits = bgi_shape_broadcast(batch, other, &batch);
    }
    if (!fits)
        bgi_graph_fail(graph, BG_ERR_SHAPE, "%s: vectors and matrices do not fit together: x %s, mean %s, factor %s",
                       op, bgi_shape_format(x->shape).text, bgi_shape_format(mean->shape).text,
                       bgi_shape_format(factor->shape).text);
    return fits;
}

/* An axis of the common batch along which there is one factor. */
static bool is_of_samples(bg_shape batch, const bg_node *factor, int axis)
{
    int own = axis - (batch.rank - (factor->shape.rank - 2));
    return own < 0 || factor->shape.dims[own] == 1;
}

static bool whiten(const char *op, bg_node *x, bg_node *mean, bg_node *factor, whitened *w)
{
    if (!takes_distribution(op, (bg_node *[]){ x, mean, factor }))
        return false;
    bg_node *difference = bg_sub(x, mean);
    if (!difference)
        return false;
    int64_t n = factor->shape.dims[factor->shape.rank - 1], samples = 1;
    bg_shape batch = difference->shape, own = factor->shape;
    batch.rank--;
    own.rank -= 2;
    bgi_shape_broadcast(batch, own, &batch);
    bg_axes order = { .count = batch.rank + 1 };
    bg_shape rows = BG_SCALAR, all = batch;
    int at = 0;
    w->back.count = batch.rank;
    for (int of_samples = 0; of_samples < 2; of_samples++)
        for (int axis = 0; axis < batch.rank; axis++)
            if (is_of_samples(batch, factor, axis) == (of_samples == 1)) {
                w->parted.dims[at] = batch.dims[axis];
                w->back.axis[axis] = at;
                order.axis[at++] = axis;
                if (of_samples)
                    samples *= batch.dims[axis];
                else
                    rows.dims[rows.rank++] = batch.dims[axis];
            }
    w->parted.rank = order.axis[at] = at;
    all.dims[all.rank++] = n;
    bg_shape matrices = rows;
    matrices.dims[matrices.rank++] = n;
    matrices.dims[matrices.rank++] = n;
    rows.dims[rows.rank++] = samples;
    rows.dims[rows.rank++] = n;
    w->factor = bg_reshape(factor, matrices);
    w->rows = bg_solve_triangular(w->factor, bg_reshape(bg_permute(bg_broadcast(difference, all), order), rows),
                                  &(bg_triangular_options){ .is_transposed = true, .is_right = true });
    return bgi_made_by(op, w->rows, w->rows) != NULL;
}
/* A number for each row as the batch has them. */
static bg_node *as_batch(const whitened *w, bg_node *y) { return bg_permute(bg_reshape(y, w->parted), w->back); }

/* Divided by the largest of its numbers, whatever that is, a row has squares that the type can hold. */
bg_node *bg_mahalanobis(bg_node *x, bg_node *mean, bg_node *factor)
{
    whitened w;
    if (!whiten("mahalanobis", x, mean, factor, &w))
        return NULL;
    bg_shape shape = w.rows->shape;
    if (shape.dims[shape.rank - 1] == 0)
        return as_batch(&w, bg_sum(w.rows, BG_AXES(-1)));
    bg_node *largest = bg_stop_gradient(bg_max(bg_abs(w.rows), BG_AXES(-1)));
    largest = bg_where(bg_equal(largest, bgi_scalar_like(w.rows, 0)), bgi_scalar_like(w.rows, 1), largest);
    bg_node *norm = bg_norm(bg_div(w.rows, bg_unsqueeze(largest, -1)), BG_AXES(-1), 2);
    return as_batch(&w, bg_mul(norm, largest));
}

bg_node *bg_gaussian_log_density(bg_node *x, bg_node *mean, bg_node *factor)
{
    whitened w;
    if (!whiten("gaussian_log_density", x, mean, factor, &w))
        return NULL;
    double n = (double)w.rows->shape.dims[w.rows->shape.rank - 1], log_2_pi = 0x1.d67f1c864beb4p+0;
    bg_node *squares = bg_mul_scalar(bg_sum(bg_square(w.rows), BG_AXES(-1)), -0.5);
    bg_node *scale = bg_sum(bg_log(bg_abs(bg_diagonal(w.factor, 0, -2, -1))), BG_AXES(-1));
    return as_batch(&w, bg_add_scalar(bg_sub(squares, bg_unsqueeze(scale, -1)), -0.5 * n * log_2_pi));
}
