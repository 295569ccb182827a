/* Lengths, angles and distances of vectors along an axis. */
#include "ops/ops.h"

#include <math.h>

/* Whether p is the exponent of a norm; records the error. */
static bool is_exponent(const char *op, const bg_node *x, double p)
{
    if (p >= 0)
        return true;
    bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "%s: p is %g, not at least 0", op, p);
    return false;
}
/* The norm over one axis, which stays; 0 over no elements. */
static bg_node *norm_along(bg_node *x, int axis, double p)
{
    if (!x)
        return NULL;
    bg_shape shape = x->shape;
    int64_t extent = shape.dims[axis];
    shape.dims[axis] = 1;
    return extent == 0 ? bg_broadcast(bgi_scalar_like(x, 0), shape) : bg_reshape(bg_norm(x, BG_AXES(axis), p), shape);
}

/* normalize: x / max(norm, eps). Where the norm is less than eps it is a constant, so dx = dy / eps there. */
bg_node *bg_normalize(bg_node *x, int axis, double p, double eps)
{
    int found;
    if (!bgi_takes_float("normalize", x) || !bgi_find_axis("normalize", x, axis, &found) ||
        !is_exponent("normalize", x, p) || !bgi_takes_eps("normalize", x, eps))
        return NULL;
    return bg_div(x, bg_clamp(norm_along(x, found, p), eps, (double)INFINITY));
}

/* x over its norm, or over eps if that is more: the value alone, the gradient is that of x / norm with the norm so
 * raised, as PyTorch's. */
static bg_node *unit(bg_node *x, int axis, double eps)
{
    bg_node *norm = norm_along(x, axis, 2);
    if (!norm)
        return NULL;
    bg_node *least = bgi_scalar_like(norm, eps);
    bg_node *rise = bg_where(bg_less(norm, least), bg_sub(least, norm), bgi_scalar_like(norm, 0));
    return bg_div(x, bg_add(norm, bg_stop_gradient(rise)));
}

bg_node *bg_cosine_similarity(bg_node *x, bg_node *y, int axis, double eps)
{
    bg_node *both[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats("cosine_similarity", both, bgi_x_y, 2);
    if (!graph || !bgi_takes_eps("cosine_similarity", x, eps) ||
        !bgi_broadcast_together("cosine_similarity", both, bgi_x_y, 2))
        return NULL;
    int found, rank = both[0]->shape.rank;
    if (!bgi_find_axis("cosine_similarity", both[0], axis, &found))
        return NULL;
    /* What is only repeated along other axes has its norms taken once. */
    bg_node *given[] = { x, y }, *units[2];
    for (int i = 0; i < 2; i++) {
        int own = found - (rank - given[i]->shape.rank);
        bool is_whole = own >= 0 && given[i]->shape.dims[own] == both[i]->shape.dims[found];
        units[i] = is_whole ? unit(given[i], own, eps) : unit(both[i], found, eps);
    }
    return bg_sum(bg_mul(units[0], units[1]), BG_AXES(found));
}

bg_node *bg_pairwise_distance(bg_node *x, bg_node *y, double p, double eps)
{
    bg_node *both[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats("pairwise_distance", both, bgi_x_y, 2);
    if (!graph || !is_exponent("pairwise_distance", x, p) ||
        !bgi_broadcast_together("pairwise_distance", both, bgi_x_y, 2))
        return NULL;
    int last = both[0]->shape.rank - 1;
    if (last < 0)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "pairwise_distance: needs rank 1 or more: x [], y []");
    bool dropped[BG_MAX_RANK] = { false };
    dropped[last] = true;
    bg_node *difference = bg_add_scalar(bg_sub(both[0], both[1]), eps);
    return bgi_drop_axes(norm_along(difference, last, p), dropped);
}

/* ---- Distances of all pairs ---- */

/* cdist: x [b, m, d], y [b, n, d] -> D [b, m, n], the p-norms of x_i - y_j, p > 0.
 *   dx_i = Σ_j dy_ij s(x_i - y_j),  s(δ) = sign(δ) (|δ| / D)^(p - 1), 0 where D is 0
 * It is made of differences: |x|² + |y|² - 2 x·y loses the digits that close points differ in. So do the gradient's
 * products for p = 2, but numbers of f32 leave f64 enough of them. Other sums over j run along rows of [b, m, d, n], so
 * that none of these differences is stored. */
static bg_status cdist_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bg_node *x = node->inputs[0], *y = node->inputs[1];
    *dtype = x->dtype;
    *shape = x->shape;
    shape->dims[2] = y->shape.dims[1];
    return bgi_check_floats("cdist", node->inputs, bgi_x_y, 2);
}
static bg_node *cdist_compose(bg_node *node)
{
    const double p = *(const double *)node->attributes;
    bg_node *difference = bg_sub(bg_unsqueeze(node->inputs[0], 2), bg_unsqueeze(node->inputs[1], 1));
    return bg_norm(difference, BG_AXES(3), p);
}
static bg_node *cdist_gradient(bg_node *node, int input, bg_node *dy)
{
    const double p = *(const double *)node->attributes;
    bg_node *x = node->inputs[input], *y = node->inputs[1 - input], *distance = node;
    if (input == 1) {
        distance = bgi_transpose_last(distance);
        dy = bgi_transpose_last(dy);
    }
    bg_node *zero = bgi_scalar_like(x, 0), *one = bgi_scalar_like(x, 1);
    bg_node *is_nothing = bg_equal(distance, zero), *safe = bg_where(is_nothing, one, distance);
    bg_node *weight = p == 1 || isinf(p) ? dy : bg_where(is_nothing, zero, bg_div(dy, safe));
    if (p == 2 && x->dtype == BG_F32) { /* dx_i = x_i Σ_j w_ij - Σ_j w_ij y_j, w = dy / D */
        bg_node *w = bg_cast(weight, BG_F64),
                *whole = bg_mul(bg_cast(x, BG_F64), bg_unsqueeze(bg_sum(w, BG_AXES(2)), 2));
        return bg_cast(bg_sub(whole, bg_matmul(w, bg_cast(y, BG_F64))), BG_F32);
    }
    bg_node *difference = bg_sub(bg_unsqueeze(x, 3), bg_unsqueeze(bgi_transpose_last(y), 1)),
            *size = bg_abs(difference);
    bg_node *slope;
    if (p == 1) {
        slope = bg_sign(difference);
    } else if (p == 2) {
        slope = difference;
    } else if (isinf(p)) { /* the largest share dy evenly */
        bg_node *apart = bg_abs(bg_sub(bg_unsqueeze(x, 2), bg_unsqueeze(y, 1)));
        bg_node *largest = bg_cast(bg_equal(apart, bg_unsqueeze(distance, 3)), x->dtype);
        weight = bg_div(dy, bg_sum(largest, BG_AXES(3)));
        slope = bg_mul(bg_sign(difference), bg_cast(bg_equal(size, bg_unsqueeze(distance, 2)), x->dtype));
    } else {
        bg_node *is_zero = bg_equal(difference, zero);
        bg_node *ratio = bg_div(bg_where(is_zero, one, size), bg_unsqueeze(safe, 2));
        slope = bg_where(is_zero, zero, bg_mul(difference, bg_pow_scalar(ratio, p - 2)));
    }
    return bg_sum(bg_mul(bg_unsqueeze(weight, 2), slope), BG_AXES(3));
}
static const bg_op cdist_op = {
    .name = "cdist", .arity = 2, .infer = cdist_infer, .compose = cdist_compose, .gradient = cdist_gradient
};

/* x as [b, rows, d] with the leading dimensions of both. */
static bg_node *as_points(bg_node *x, bg_shape lead, int64_t count)
{
    int rank = x->shape.rank;
    int64_t rows = x->shape.dims[rank - 2], columns = x->shape.dims[rank - 1];
    lead.dims[lead.rank++] = rows;
    lead.dims[lead.rank++] = columns;
    return bg_reshape(bg_broadcast(x, lead), BG_SHAPE(count, rows, columns));
}

bg_node *bg_cdist(bg_node *x, bg_node *y, double p)
{
    bg_node *both[] = { x, y };
    bg_graph *graph = bgi_graph_of_floats("cdist", both, bgi_x_y, 2);
    if (!graph || !is_exponent("cdist", x, p))
        return NULL;
    bg_shape leads[] = { x->shape, y->shape }, lead;
    leads[0].rank -= 2;
    leads[1].rank -= 2;
    if (leads[0].rank < 0 || leads[1].rank < 0 || x->shape.dims[leads[0].rank + 1] != y->shape.dims[leads[1].rank + 1])
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "cdist: needs x [.., m, d], y [.., n, d]: x %s, y %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text);
    if (!bgi_shape_broadcast(leads[0], leads[1], &lead))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "cdist: leading dimensions do not broadcast together: x %s, y %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text);
    bg_shape result = lead;
    result.dims[result.rank++] = x->shape.dims[leads[0].rank];
    result.dims[result.rank++] = y->shape.dims[leads[1].rank];
    if (x->shape.dims[leads[0].rank + 1] == 0)
        return bg_broadcast(bgi_scalar_like(x, 0), result);
    int64_t count;
    if (!bgi_product_of(lead.dims, lead.rank, &count))
        return bgi_graph_fail(graph, BG_ERR_OVERFLOW, "cdist: the leading dimensions overflow: x %s, y %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text);
    bg_node *points[] = { as_points(x, lead, count), as_points(y, lead, count) };
    if (!points[0] || !points[1])
        return NULL;
    bg_node *distances = p == 0 ? bg_norm(bg_sub(bg_unsqueeze(points[0], 2), bg_unsqueeze(points[1], 1)), BG_AXES(3), 0)
                                : bg_apply(&cdist_op, points, 2, &p, sizeof p);
    return bg_reshape(distances, result);
}

const bg_op *const bgi_distance_ops[] = { &cdist_op, NULL };
