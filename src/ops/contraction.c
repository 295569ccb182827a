/* Products of vectors, matrices and tensors, made of contractions. */
#include "ops/contract.h"

static bg_graph *graph_of_floats(const char *op, bg_node *x, bg_node *y)
{
    return bgi_graph_of_floats(op, (bg_node *[]){ x, y }, bgi_x_y, 2);
}

static bg_node *fail_of_two(const char *op, const char *what, const bg_node *x, const bg_node *y)
{
    return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "%s: %s: x %s, y %s", op, what, bgi_shape_format(x->shape).text,
                          bgi_shape_format(y->shape).text);
}

/* The sum over pairs of axes, x_axes[i] of x with y_axes[i] of y; both are counted from the front. */
static bg_node *contract_axes(const char *op, bg_node *x, bg_node *y, const int *x_axes, const int *y_axes, int n)
{
    bgi_contraction c = { .name = op, .graph = x->graph, .operands = bgi_operands_push(op, x->graph, 2), .n = 2 };
    bg_node *nodes[] = { x, y };
    const int *axes[] = { x_axes, y_axes };
    if (!c.operands)
        return NULL;
    if (x->shape.rank + y->shape.rank - 2 * n > BG_MAX_RANK)
        return fail_of_two(op, "the result has too many axes", x, y);
    for (int i = 0; i < 2; i++) {
        bgi_operand *o = &c.operands[i];
        *o = (bgi_operand){ .x = nodes[i], .axes = { .n = nodes[i]->shape.rank } };
        for (int axis = 0; axis < o->axes.n; axis++)
            o->axes.at[axis] = (signed char)(BG_MAX_RANK * (i + 1) + axis);
        for (int k = 0; k < n; k++) /* the pairs come first */
            o->axes.at[axes[i][k]] = (signed char)k;
        for (int axis = 0; axis < o->axes.n; axis++) {
            int index = o->axes.at[axis];
            c.extent[index] = nodes[i]->shape.dims[axis];
            if (index >= BG_MAX_RANK)
                c.result.at[c.result.n++] = (signed char)index;
        }
    }
    return bgi_contract(&c);
}

bg_node *bg_tensordot(bg_node *x, bg_node *y, bg_axes x_axes, bg_axes y_axes)
{
    bg_graph *graph = graph_of_floats("tensordot", x, y);
    bg_node *nodes[] = { x, y };
    bg_axes given[] = { x_axes, y_axes };
    int axes[2][BG_MAX_RANK];
    if (!graph)
        return NULL;
    for (int i = 0; i < 2; i++) {
        bool found[BG_MAX_RANK];
        if (given[i].count == -1)
            for (given[i].count = 0; given[i].count < nodes[i]->shape.rank; given[i].count++)
                given[i].axis[given[i].count] = given[i].count;
        if (!bgi_find_axes("tensordot", nodes[i], given[i], found))
            return NULL;
        for (int k = 0; k < given[i].count; k++)
            bgi_find_axis("tensordot", nodes[i], given[i].axis[k], &axes[i][k]);
    }
    if (given[0].count != given[1].count)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "tensordot: %d axes of x %s with %d of y %s", given[0].count,
                              bgi_shape_format(x->shape).text, given[1].count, bgi_shape_format(y->shape).text);
    for (int k = 0; k < given[0].count; k++)
        if (x->shape.dims[axes[0][k]] != y->shape.dims[axes[1][k]])
            return bgi_graph_fail(graph, BG_ERR_SHAPE, "tensordot: axis %d of x %s is not as long as axis %d of y %s",
                                  axes[0][k], bgi_shape_format(x->shape).text, axes[1][k],
                                  bgi_shape_format(y->shape).text);
    return contract_axes("tensordot", x, y, axes[0], axes[1], given[0].count);
}

bg_node *bg_outer(bg_node *x, bg_node *y)
{
    if (!graph_of_floats("outer", x, y))
        return NULL;
    if (x->shape.rank != 1 || y->shape.rank != 1)
        return fail_of_two("outer", "needs two vectors", x, y);
    return contract_axes("outer", x, y, NULL, NULL, 0);
}

bg_node *bg_dot(bg_node *x, bg_node *y)
{
    if (!graph_of_floats("dot", x, y))
        return NULL;
    if (x->shape.rank != 1 || !bg_shape_equal(x->shape, y->shape))
        return fail_of_two("dot", "needs two vectors of equal length", x, y);
    return contract_axes("dot", x, y, (int[]){ 0 }, (int[]){ 0 }, 1);
}

bg_node *bg_inner(bg_node *x, bg_node *y)
{
    if (!graph_of_floats("inner", x, y))
        return NULL;
    int x_last = x->shape.rank - 1, y_last = y->shape.rank - 1;
    if (x_last < 0 || y_last < 0)
        return bg_mul(x, y);
    if (x->shape.dims[x_last] != y->shape.dims[y_last])
        return fail_of_two("inner", "the last extents differ", x, y);
    return contract_axes("inner", x, y, &x_last, &y_last, 1);
}

/* kron: blocks of y, each times an element of x. Axes i of both are neighbours, then one. */
bg_node *bg_kron(bg_node *x, bg_node *y)
{
    if (!graph_of_floats("kron", x, y))
        return NULL;
    int rank = x->shape.rank > y->shape.rank ? x->shape.rank : y->shape.rank;
    if (2 * rank > BG_MAX_RANK)
        return fail_of_two("kron", "needs rank 4 or less", x, y);
    bg_shape spread[2] = { { .rank = 2 * rank }, { .rank = 2 * rank } }, result = { .rank = rank };
    for (int i = 0; i < rank; i++) {
        int x_axis = i - (rank - x->shape.rank), y_axis = i - (rank - y->shape.rank);
        spread[0].dims[2 * i] = x_axis < 0 ? 1 : x->shape.dims[x_axis];
        spread[0].dims[2 * i + 1] = spread[1].dims[2 * i] = 1;
        spread[1].dims[2 * i + 1] = y_axis < 0 ? 1 : y->shape.dims[y_axis];
        if (__builtin_mul_overflow(spread[0].dims[2 * i], spread[1].dims[2 * i + 1], &result.dims[i]))
            return bgi_graph_fail(x->graph, BG_ERR_OVERFLOW, "kron: an extent overflows: x %s, y %s",
                                  bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text);
    }
    return bg_reshape(bg_mul(bg_reshape(x, spread[0]), bg_reshape(y, spread[1])), result);
}

/* bilinear: y_o = Σ_ij x_i w_oij y_j + b_o */
bg_node *bg_bilinear(bg_node *x, bg_node *y, bg_node *weight, bg_node *bias)
{
    static const char *const labels[] = { "x", "y", "weight", "bias" };
    bg_node *inputs[] = { x, y, weight, bias };
    int n = bias ? 4 : 3;
    bg_graph *graph = bgi_graph_of_floats("bilinear", inputs, labels, n);
    if (!graph)
        return NULL;
    int last = x->shape.rank - 1;
    bool fits = last >= 0 && y->shape.rank == last + 1 && weight->shape.rank == 3 &&
                weight->shape.dims[1] == x->shape.dims[last] && weight->shape.dims[2] == y->shape.dims[last];
    for (int i = 0; i < last && fits; i++)
        fits = x->shape.dims[i] == y->shape.dims[i];
    if (!fits)
        return bgi_graph_fail(graph, BG_ERR_SHAPE,
                              "bilinear: needs x [.., in1], y [.., in2], weight [out, in1, in2]: x %s, y %s, weight %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text,
                              bgi_shape_format(weight->shape).text);
    int64_t out = weight->shape.dims[0], rows;
    if (bias && !bg_shape_equal(bias->shape, BG_SHAPE(out)))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "bilinear: weight %s needs bias [%lld], got bias %s",
                              bgi_shape_format(weight->shape).text, (long long)out, bgi_shape_format(bias->shape).text);
    if (!bgi_product_of(x->shape.dims, last, &rows))
        return bgi_graph_fail(graph, BG_ERR_OVERFLOW, "bilinear: the rows of x %s overflow",
                              bgi_shape_format(x->shape).text);
    bg_node *operands[] = { bg_reshape(x, BG_SHAPE(rows, x->shape.dims[last])), weight,
                            bg_reshape(y, BG_SHAPE(rows, y->shape.dims[last])) };
    bg_node *z = bg_einsum("ni,oij,nj->no", operands, 3);
    if (bias)
        z = bg_add(z, bias);
    bg_shape shape = x->shape;
    shape.dims[last] = out;
    return bg_reshape(z, shape);
}

/* ---- Chains of matrices ---- */

/* The product of matrices first .. last in the order that cuts says: cuts[first * n + last] is where the last product
 * of that part divides it. */
static bg_node *multiply_part(bg_node *const *xs, const int *cuts, int n, int first, int last)
{
    if (first == last)
        return xs[first];
    int cut = cuts[first * n + last];
    return bg_matmul(multiply_part(xs, cuts, n, first, cut), multiply_part(xs, cuts, n, cut + 1, last));
}

/* multi_dot: the order of fewest operations, from those of all parts. Cormen et al., Introduction to Algorithms, 14.2.
 */
bg_node *bg_multi_dot(bg_node *const *xs, int n)
{
    enum { MOST = 1024 };
    if (n < 2 || n > MOST || !xs) {
        bg_fail(BG_ERR_ARGUMENT, "multi_dot: %d matrices, not 2 to %d", xs ? n : 0, MOST);
        return NULL;
    }
    bg_graph *graph = bgi_graph_of("multi_dot", xs, n);
    if (!graph)
        return NULL;
    size_t count = (size_t)n;
    double *costs = bgi_arena_push(&graph->arena, (count * count + count + 1) * sizeof *costs);
    int *cuts = bgi_arena_push(&graph->arena, count * count * sizeof *cuts);
    if (!costs || !cuts)
        return bgi_graph_fail(graph, BG_ERR_NOMEM, "multi_dot: out of memory");
    double *extents = costs + count * count;
    int64_t inner = 0;
    for (int i = 0; i < n; i++) {
        bg_shape shape = xs[i]->shape;
        bool is_vector = shape.rank == 1 && (i == 0 || i == n - 1);
        if (shape.rank != 2 && !is_vector)
            return bgi_graph_fail(graph, BG_ERR_SHAPE, "multi_dot: input %d is %s, not a matrix", i,
                                  bgi_shape_format(shape).text);
        int64_t rows = is_vector && i == 0 ? 1 : shape.dims[0];
        if (!bgi_is_float(xs[i]->dtype) || xs[i]->dtype != xs[0]->dtype)
            return bgi_graph_fail(graph, BG_ERR_DTYPE,
                                  "multi_dot: input 0 is %s, input %d %s, not both f32 or both f64",
                                  bg_dtype_name(xs[0]->dtype), i, bg_dtype_name(xs[i]->dtype));
        if (i > 0 && rows != inner)
            return bgi_graph_fail(graph, BG_ERR_SHAPE, "multi_dot: inner dimensions differ: input %d %s, input %d %s",
                                  i - 1, bgi_shape_format(xs[i - 1]->shape).text, i, bgi_shape_format(shape).text);
        inner = shape.dims[shape.rank - 1];
        extents[i] = (double)rows;
        extents[i + 1] = is_vector && i > 0 ? 1 : (double)shape.dims[shape.rank - 1];
    }
    for (int length = 1; length < n; length++)
        for (int first = 0; first + length < n; first++) {
            int last = first + length;
            double *best = &costs[first * n + last];
            for (int cut = first; cut < last; cut++) {
                double cost = costs[first * n + cut] + costs[(cut + 1) * n + last] +
                              extents[first] * extents[cut + 1] * extents[last + 1];
                if (cut == first || cost < *best) {
                    *best = cost;
                    cuts[first * n + last] = cut;
                }
            }
        }
    return multiply_part(xs, cuts, n, 0, n - 1);
}

/* ---- Vectors of three, and traces ---- */

/* cross: t_i = x_i y_{i+1} - x_{i+1} y_i, then z_i = t_{i+1}, indices modulo 3 */
bg_node *bg_cross(bg_node *x, bg_node *y, int axis)
{
    bg_node *both[] = { x, y };
    int found;
    if (!graph_of_floats("cross", x, y) || !bgi_broadcast_together("cross", both, bgi_x_y, 2) ||
        !bgi_find_axis("cross", both[0], axis, &found))
        return NULL;
    if (both[0]->shape.dims[found] != 3)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "cross: axis %d does not have extent 3: x %s, y %s", axis,
                              bgi_shape_format(x->shape).text, bgi_shape_format(y->shape).text);
    bg_node *t = bg_sub(bg_mul(both[0], bg_roll(both[1], -1, found)), bg_mul(bg_roll(both[0], -1, found), both[1]));
    return bg_roll(t, -1, found);
}

bg_node *bg_trace(bg_node *x)
{
    if (!bgi_takes_float("trace", x))
        return NULL;
    if (x->shape.rank < 2)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "trace: needs rank 2 or more: x %s",
                              bgi_shape_format(x->shape).text);
    return bg_sum(bg_diagonal(x, 0, -2, -1), BG_AXES(-1));
}
