/* Matrix products. */
#include "blas/blas.h"
#include "ops/ops.h"

/* matmul: x [b.., m, k], w [b.., k, n], equal leading dimensions; y = x · w, dx = dy · wᵀ, dw = xᵀ · dy */
static bg_status product_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *x = node->inputs[0], *w = node->inputs[1];
    int rank = x->shape.rank;
    bg_status status = bgi_check_floats("matmul", node->inputs, bgi_x_w, 2);
    if (status)
        return status;
    bool fits = rank >= 2 && w->shape.rank == rank && x->shape.dims[rank - 1] == w->shape.dims[rank - 2];
    for (int i = 0; i < rank - 2 && fits; i++)
        fits = x->shape.dims[i] == w->shape.dims[i];
    if (!fits)
        return bg_fail(BG_ERR_SHAPE, "matmul: shapes do not fit: x %s, w %s", bgi_shape_format(x->shape).text,
                       bgi_shape_format(w->shape).text);
    *dtype = x->dtype;
    *shape = x->shape;
    shape->dims[rank - 1] = w->shape.dims[rank - 1];
    int64_t sizes[] = { shape->dims[rank - 2], shape->dims[rank - 1], x->shape.dims[rank - 1] };
    for (int i = 0; i < 3; i++)
        if (!bgi_blas_fits(sizes[i]))
            return bg_fail(BG_ERR_OVERFLOW, "matmul: dimension %lld does not fit the integer of the BLAS",
                           (long long)sizes[i]);
    return BG_OK;
}
static bg_node *product_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *other = bgi_transpose_last(node->inputs[1 - input]);
    return input == 0 ? bgi_apply_2(node->op, dy, other) : bgi_apply_2(node->op, other, dy);
}
static const bgi_lowering product_lowering = { .kind = BGI_PRODUCT };
static const bg_op product_op = {
    .name = "matmul", .arity = 2, .infer = product_infer, .gradient = product_gradient, .lowering = &product_lowering
};

/* A shape followed by the extents of a matrix; an extent of -1 is left out. */
static bg_shape extend(bg_shape shape, int64_t rows, int64_t columns)
{
    if (rows >= 0)
        shape.dims[shape.rank++] = rows;
    if (columns >= 0)
        shape.dims[shape.rank++] = columns;
    return shape;
}
static bg_shape leading(bg_shape shape, int dropped)
{
    shape.rank = shape.rank > dropped ? shape.rank - dropped : 0;
    return shape;
}

/* x, of leading dimensions, as a matrix [rows, columns]. */
static bg_node *flatten(const char *op, bg_node *x, bg_shape lead, int64_t rows, int64_t columns)
{
    int64_t count;
    bg_shape all = extend(lead, rows, -1);
    if (!bgi_product_of(all.dims, all.rank, &count))
        return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "%s: the rows of x %s overflow", op,
                              bgi_shape_format(x->shape).text);
    return bg_reshape(x, BG_SHAPE(count, columns));
}

bg_node *bg_matmul(bg_node *x, bg_node *w)
{
    bg_node *inputs[] = { x, w };
    bg_graph *graph = bgi_graph_of_floats("matmul", inputs, bgi_x_w, 2);
    if (!graph)
        return NULL;
    int x_rank = x->shape.rank, w_rank = w->shape.rank;
    if (x_rank == 0 || w_rank == 0)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "matmul: needs rank 1 or more: x %s, w %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(w->shape).text);
    int64_t m = x_rank == 1 ? 1 : x->shape.dims[x_rank - 2], k = x->shape.dims[x_rank - 1];
    int64_t n = w_rank == 1 ? 1 : w->shape.dims[w_rank - 1];
    if (k != w->shape.dims[w_rank == 1 ? 0 : w_rank - 2])
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "matmul: inner dimensions differ: x %s, w %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(w->shape).text);
    bg_shape x_lead = leading(x->shape, 2), w_lead = leading(w->shape, 2), lead;
    if (!bgi_shape_broadcast(x_lead, w_lead, &lead))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "matmul: leading dimensions do not broadcast together: x %s, w %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(w->shape).text);
    int64_t w_count;
    bg_node *y;
    if (bgi_product_of(w_lead.dims, w_lead.rank, &w_count) &&
        w_count == 1) /* both gradients too are one product then */
        y = bgi_apply_2(&product_op, flatten("matmul", x, x_lead, m, k), bg_reshape(w, BG_SHAPE(k, n)));
    else
        y = bgi_apply_2(&product_op, bg_broadcast(bg_reshape(x, extend(x_lead, m, k)), extend(lead, m, k)),
                        bg_broadcast(bg_reshape(w, extend(w_lead, k, n)), extend(lead, k, n)));
    return bg_reshape(y, extend(lead, x_rank == 1 ? -1 : m, w_rank == 1 ? -1 : n));
}

/* linear: rows of x · wᵀ + b; its gradient is that of its parts */
bg_node *bg_linear(bg_node *x, bg_node *w, bg_node *b)
{
    static const char *const labels[] = { "x", "w", "b" };
    bg_node *inputs[] = { x, w, b };
    int n = b ? 3 : 2;
    bg_graph *graph = bgi_graph_of_floats("linear", inputs, labels, n);
    if (!graph)
        return NULL;
    int rank = x->shape.rank;
    if (rank == 0 || w->shape.rank != 2)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "linear: needs x [.., in], w [out, in]: x %s, w %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(w->shape).text);
    int64_t in = w->shape.dims[1], out = w->shape.dims[0];
    if (x->shape.dims[rank - 1] != in)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "linear: x has %lld features, w expects %lld: x %s, w %s",
                              (long long)x->shape.dims[rank - 1], (long long)in, bgi_shape_format(x->shape).text,
                              bgi_shape_format(w->shape).text);
    if (b && !bg_shape_equal(b->shape, BG_SHAPE(out)))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "linear: w %s needs b [%lld], got b %s",
                              bgi_shape_format(w->shape).text, (long long)out, bgi_shape_format(b->shape).text);
    bg_shape lead = leading(x->shape, 1);
    bg_node *y = bgi_apply_2(&product_op, flatten("linear", x, lead, -1, in), bgi_transpose_last(w));
    if (b)
        y = bg_add(y, b);
    return bg_reshape(y, extend(lead, -1, out));
}

const bg_op *const bgi_product_ops[] = { &product_op, NULL };
