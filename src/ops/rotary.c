/* Rotary position embedding. */
#include "ops/memory.h"

#include <math.h>
#include <string.h>

/* The elements of x's last axis that are the first, or the second, of a pair. */
static bg_node *halves_of(bg_node *x, int64_t pairs, bool is_interleaved, int which)
{
    return x ? bgi_slice_of(x, x->shape.rank - 1, is_interleaved ? which : which * pairs, is_interleaved ? 2 : 1, pairs)
             : NULL;
}
/* What is turned into place, and what stays of x. */
static bg_node *join(bg_node *first, bg_node *second, bg_node *x, bool is_interleaved)
{
    bg_node *turned, *parts[] = { first, second };
    int last = x->shape.rank - 1;
    int64_t d = x->shape.dims[last], n = first ? 2 * first->shape.dims[last] : 0;
    if (is_interleaved && last + 1 < BG_MAX_RANK) {
        turned = bg_stack(parts, 2, last + 1);
        bg_shape shape = x->shape;
        shape.dims[last] = n;
        turned = bg_reshape(turned, shape);
    } else if (is_interleaved) {
        turned = first ? bg_add(bgi_embed(first, last, 0, 2, n), bgi_embed(second, last, 1, 2, n)) : NULL;
    } else {
        turned = bg_concat(parts, 2, last);
    }
    return n == d ? turned : bg_concat((bg_node *[]){ turned, bgi_slice_of(x, last, n, 1, d - n) }, 2, last);
}

/* rotary: (x1 cos - x2 sin, x1 sin + x2 cos), dx = dy turned back, dcos = x1 dy1 + x2 dy2, dsin = x1 dy2 - x2 dy1; cos
 * and sin have x's shape but for the last axis */
static bg_node *rotary_gradient(bg_node *node, int input, bg_node *dy)
{
    bool is_interleaved = *(const int64_t *)node->attributes != 0;
    bg_node *x = node->inputs[0], *cos = node->inputs[1], *sin = node->inputs[2];
    int64_t pairs = cos->shape.dims[cos->shape.rank - 1];
    if (input == 0)
        return bg_rotary(dy, cos, bg_neg(sin), is_interleaved);
    bg_node *x1 = halves_of(x, pairs, is_interleaved, 0), *x2 = halves_of(x, pairs, is_interleaved, 1);
    bg_node *dy1 = halves_of(dy, pairs, is_interleaved, 0), *dy2 = halves_of(dy, pairs, is_interleaved, 1);
    return input == 1 ? bg_add(bg_mul(x1, dy1), bg_mul(x2, dy2)) : bg_sub(bg_mul(x1, dy2), bg_mul(x2, dy1));
}
static bg_node *rotary_compose(bg_node *node)
{
    bool is_interleaved = *(const int64_t *)node->attributes != 0;
    bg_node *x = node->inputs[0], *cos = node->inputs[1], *sin = node->inputs[2];
    int64_t pairs = cos->shape.dims[cos->shape.rank - 1];
    bg_node *x1 = halves_of(x, pairs, is_interleaved, 0), *x2 = halves_of(x, pairs, is_interleaved, 1);
    return join(bg_sub(bg_mul(x1, cos), bg_mul(x2, sin)), bg_add(bg_mul(x1, sin), bg_mul(x2, cos)), x, is_interleaved);
}
static const bg_op rotary_op = {
    .name = "rotary", .arity = 3, .infer = bgi_infer_same, .gradient = rotary_gradient, .compose = rotary_compose
};
bg_node *bg_rotary(bg_node *x, bg_node *cos, bg_node *sin, bool is_interleaved)
{
    static const char *const labels[] = { "x", "cos", "sin" };
    bg_node *inputs[] = { x, cos, sin };
    bg_graph *graph = bgi_graph_of_floats("rotary", inputs, labels, 3);
    if (!graph)
        return NULL;
    bool fits = x->shape.rank > 0 && cos->shape.rank > 0 && bg_shape_equal(cos->shape, sin->shape);
    bg_shape wanted = x->shape, shape;
    if (fits) {
        wanted.dims[wanted.rank - 1] = cos->shape.dims[cos->shape.rank - 1];
        fits = wanted.dims[wanted.rank - 1] <= x->shape.dims[x->shape.rank - 1] / 2 &&
               bgi_shape_broadcast(wanted, cos->shape, &shape) && bg_shape_equal(shape, wanted);
    }
    if (!fits)
        return bgi_graph_fail(graph, BG_ERR_SHAPE,
                              "rotary: needs x [.., d], cos and sin [.., r / 2] with r at most d: x %s, cos %s, sin %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(cos->shape).text,
                              bgi_shape_format(sin->shape).text);
    if (bg_shape_count(wanted) == 0)
        return x;
    inputs[1] = bg_broadcast(cos, wanted);
    inputs[2] = bg_broadcast(sin, wanted);
    int64_t attribute = is_interleaved;
    return bg_apply(&rotary_op, inputs, 3, &attribute, sizeof attribute);
}

/* A constant of the graph that holds the same, which a layer before this one made; NULL: there is none. */
static bg_node *find_constant(const bg_graph *graph, const bg_tensor *value)
{
    size_t bytes = (size_t)bg_shape_count(value->shape) * bg_dtype_size(value->dtype);
    for (bg_node *leaf = graph->tensors; leaf; leaf = leaf->next_tensor)
        if (leaf->op == &bgi_constant_op && leaf->dtype == value->dtype && bg_shape_equal(leaf->shape, value->shape) &&
            memcmp(bg_tensor_const_data(leaf->tensor), bg_tensor_const_data(value), bytes) == 0)
            return leaf;
    return NULL;
}

/* Cosines or sines of the angles as a constant [l, pairs]. */
static bg_node *table_of(bg_node *x, int64_t l, int64_t pairs, int64_t offset, double base, double (*function)(double))
{
    bg_tensor *tensor = NULL;
    if (!bgi_graph_accept(x->graph, bg_tensor_create(&tensor, x->graph->engine, x->dtype, BG_SHAPE(l, pairs))))
        return NULL;
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < pairs; i++) {
        double frequency = pow(base, -(double)i / (double)pairs);
        for (int64_t t = 0; t < l; t++) {
            bgi_put_float(data, x->dtype, t * pairs + i, function(((double)offset + (double)t) * frequency));
        }
    }
    bg_node *node = find_constant(x->graph, tensor);
    node = node ? node : bg_constant(x->graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

/* The angles f64 [l, pairs] of positions that are known at the run only. */
static bg_node *angles_at(bg_node *positions, int64_t pairs, double base)
{
    bg_tensor *tensor = NULL;
    bg_graph *graph = positions->graph;
    if (!bgi_graph_accept(graph, bg_tensor_create(&tensor, graph->engine, BG_F64, BG_SHAPE(pairs))))
        return NULL;
    double *frequencies = bg_tensor_data(tensor);
    for (int64_t i = 0; i < pairs; i++)
        frequencies[i] = pow(base, -(double)i / (double)pairs);
    bg_node *node = bg_constant(graph, tensor);
    bg_tensor_destroy(tensor);
    return bg_mul(bg_reshape(bg_cast(positions, BG_F64), BG_SHAPE(positions->shape.dims[0], 1)), node);
}

bg_node *bg_rotary_embedding(bg_node *x, const bg_rotary_options *options)
{
    const bg_rotary_options none = { .base = 0 }, *o = options ? options : &none;
    bg_node *inputs[] = { x, o->positions };
    bg_graph *graph = bgi_graph_of("rotary_embedding", inputs, o->positions ? 2 : 1);
    if (!graph || !bgi_takes_float("rotary_embedding", x))
        return NULL;
    int rank = x->shape.rank;
    if (rank < 2)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "rotary_embedding: needs x [.., l, d]: x %s",
                              bgi_shape_format(x->shape).text);
    int64_t l = x->shape.dims[rank - 2], d = x->shape.dims[rank - 1], dims = o->dims != 0 ? o->dims : d;
    if (dims < 0 || dims > d || dims % 2 != 0)
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "rotary_embedding: %lld elements are not pairs of x %s",
                              (long long)dims, bgi_shape_format(x->shape).text);
    double base = o->base != 0 ? o->base : 10000;
    if (!(base > 0) || !isfinite(base))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "rotary_embedding: the base is %g", base);
    if (o->positions && o->offset != 0)
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "rotary_embedding: positions and an offset, %lld, are given",
                              (long long)o->offset);
    if (o->positions && o->positions->dtype != BG_I64)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "rotary_embedding: positions are %s, not i64",
                              bg_dtype_name(o->positions->dtype));
    if (o->positions && !bg_shape_equal(o->positions->shape, BG_SHAPE(l)))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "rotary_embedding: positions are not [l]: x %s, positions %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(o->positions->shape).text);
    if (bg_shape_count(x->shape) == 0)
        return x;
    bg_node *angles = o->positions ? angles_at(o->positions, dims / 2, base) : NULL;
    if (o->positions && !angles)
        return NULL;
    bg_node *cosine = angles ? bg_cast(bg_cos(angles), x->dtype) : table_of(x, l, dims / 2, o->offset, base, cos);
    bg_node *sine = angles ? bg_cast(bg_sin(angles), x->dtype) : table_of(x, l, dims / 2, o->offset, base, sin);
    return bg_rotary(x, cosine, sine, o->is_interleaved);
}

const bg_op *const bgi_rotary_ops[] = { &rotary_op, NULL };
