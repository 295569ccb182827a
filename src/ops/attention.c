/* Attention: softmax over the keys that take part, and what it means as a composition of ops. */
#include "ops/attention.h"

#include "blas/blas.h"
#include "ops/cotangent.h"
#include "ops/random.h"

#include <math.h>

/* ---- A softmax in which elements of -inf take no part ---- */

/* Rows of -inf alone keep 0 as their maximum, so that their exponentials and sum are 0. */
typedef struct {
    bg_node *max, *exp, *sum;
} safe_terms;
static safe_terms terms_of(bg_node *x, const bool axis[BG_MAX_RANK])
{
    bg_axes axes = { .count = 0 };
    for (int i = 0; x && i < x->shape.rank; i++)
        if (axis[i])
            axes.axis[axes.count++] = i;
    safe_terms terms = { .max = bg_stop_gradient(bg_max(x, axes)) };
    bg_node *is_empty = bg_equal(terms.max, bgi_scalar_like(x, -(double)INFINITY));
    terms.max = x ? bgi_keep_axes(bg_where(is_empty, bgi_scalar_like(x, 0), terms.max), x, axis) : NULL;
    terms.exp = bg_exp(bg_sub(x, terms.max));
    terms.sum = x ? bgi_keep_axes(bgi_sum_over(terms.exp, axis), x, axis) : NULL;
    return terms;
}
/* x / sum, 0 where the sum is 0. */
static bg_node *share_of(bg_node *x, bg_node *sum)
{
    return bg_div(x, bg_where(bg_equal(sum, bgi_scalar_like(sum, 0)), bgi_scalar_like(sum, 1), sum));
}

/* safe_softmax: y = exp(x - max) / Σ exp(x - max), dx = y (dy - Σ dy y) */
static bg_node *safe_softmax_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    bool axis[BG_MAX_RANK] = { false };
    axis[*(const int64_t *)node->attributes] = true;
    bg_node *sum = bgi_keep_axes(bgi_sum_over(bg_mul(dy, node), axis), node, axis);
    return bg_mul(node, bg_sub(dy, sum));
}
static bg_node *safe_softmax_compose(bg_node *node)
{
    bool axis[BG_MAX_RANK] = { false };
    axis[*(const int64_t *)node->attributes] = true;
    safe_terms terms = terms_of(node->inputs[0], axis);
    return share_of(terms.exp, terms.sum);
}
static const bg_op safe_softmax_op = { .name = "safe_softmax",
                                       .arity = 1,
                                       .infer = bgi_infer_map,
                                       .gradient = safe_softmax_gradient,
                                       .compose = safe_softmax_compose };
static bg_node *safe_softmax(bg_node *x, int64_t axis) { return bg_apply(&safe_softmax_op, &x, 1, &axis, sizeof axis); }

static bg_node *hide(bg_node *x, bg_node *mask) { return bg_where(mask, x, bgi_scalar_like(x, -(double)INFINITY)); }

bg_node *bg_masked_softmax(bg_node *x, bg_node *mask, int axis)
{
    bg_graph *graph = bgi_graph_of("masked_softmax", (bg_node *[]){ x, mask }, 2);
    int found;
    bg_shape shape;
    if (!graph || !bgi_takes_float("masked_softmax", x) || !bgi_find_axis("masked_softmax", x, axis, &found))
        return NULL;
    if (mask->dtype != BG_BOOL)
        return bgi_graph_fail(graph, BG_ERR_DTYPE, "masked_softmax: the mask is %s, not bool",
                              bg_dtype_name(mask->dtype));
    if (!bgi_shape_broadcast(x->shape, mask->shape, &shape) || !bg_shape_equal(shape, x->shape))
        return bgi_graph_fail(graph, BG_ERR_SHAPE, "masked_softmax: the mask does not broadcast to x: x %s, mask %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(mask->shape).text);
    return bg_shape_count(x->shape) == 0 ? x : safe_softmax(hide(x, mask), found);
}

/* ---- What both ops know of their inputs ---- */

bgi_attention_sizes bgi_attention_sizes_of(const bg_node *node)
{
    enum {
        LEAST_ROWS = 256, /* below, packing the keys anew for each piece costs more than it is worth */
        LEAST_HEADS = 16  /* fewer key heads leave workers without work, unless their query heads go apart */
    };
    const bgi_attention_attributes *o = node->attributes;
    bg_shape q = node->inputs[0]->shape, k = node->inputs[1]->shape, v = node->inputs[2]->shape;
    bgi_attention_sizes z = { .b = q.dims[0], .h = q.dims[1], .hk = k.dims[1], .l = q.dims[2] };
    z.s = k.dims[2];
    z.d = q.dims[3];
    z.e = v.dims[3];
    z.group = z.h / z.hk;
    /* Pieces are equal, so their size divides l. */
    z.tiles = z.l / LEAST_ROWS;
    while (z.tiles > 1 && z.l % z.tiles != 0)
        z.tiles--;
    z.tiles = z.tiles > 1 ? z.tiles : 1;
    z.rows = z.l / z.tiles;
    z.parts = z.b * z.hk < LEAST_HEADS ? z.group : 1;
    int next = 3;
    z.mask = o->has_mask ? next++ : -1;
    z.step = o->dropout > 0 ? next++ : -1;
    z.y = next;
    return z;
}

/* The last axis of x [.., m + n] without its end or without its beginning. */
static bg_node *part_of(bg_node *x, int64_t start, int64_t count, bg_shape shape)
{
    return x ? bg_reshape(bgi_slice_of(x, x->shape.rank - 1, start, 1, count), shape) : NULL;
}
static bg_node *values_in(bg_node *packed, const bgi_attention_sizes *z)
{
    return part_of(packed, 0, z->rows * z->e, BG_SHAPE(z->b, z->h, z->l, z->e));
}

/* ---- The composition: weights = softmax(scale q kᵀ + mask), y = dropout(weights) v ---- */

static const bool last_axis[BG_MAX_RANK] = { [3] = true };

/* [b, h, l, n] as [b, hk, group l, n], so that query heads meet their key head without a copy of it, and back. */
static bg_node *by_key_head(bg_node *x, const bgi_attention_sizes *z)
{
    return x ? bg_reshape(x, BG_SHAPE(z->b, z->hk, z->group * z->l, x->shape.dims[3])) : NULL;
}
static bg_node *by_part(bg_node *x, const bgi_attention_sizes *z)
{
    return x ? bg_reshape(x, BG_SHAPE(z->b, z->hk * z->parts, z->group / z->parts * z->l, x->shape.dims[3])) : NULL;
}
static bg_node *by_query_head(bg_node *x, const bgi_attention_sizes *z)
{
    return x ? bg_reshape(x, BG_SHAPE(z->b, z->h, z->l, x->shape.dims[3])) : NULL;
}

static bg_node *scores_of(bg_node *node, const bgi_attention_sizes *z)
{
    const bgi_attention_attributes *o = node->attributes;
    bg_node *q = bg_mul_scalar(by_key_head(node->inputs[0], z), o->scale);
    bg_node *scores = by_query_head(bg_matmul(q, bgi_transpose_last(node->inputs[1])), z);
    if (z->mask >= 0) {
        bg_node *mask = node->inputs[z->mask];
        scores = mask->dtype == BG_BOOL ? hide(scores, mask) : bg_add(scores, mask);
    }
    if (!o->is_causal)
        return scores;
    bg_node *key = bg_arange(node->graph, BG_F64, 0, (double)z->s, 1);
    bg_node *query = bg_arange(node->graph, BG_F64, 0, (double)z->l, 1);
    return hide(scores, bg_less_equal(key, bg_reshape(query, BG_SHAPE(z->l, 1))));
}

static bg_node *keep_of(bg_node *node, const bgi_attention_sizes *z)
{
    const bgi_attention_attributes *o = node->attributes;
    return z->step < 0 ? NULL
                       : bgi_random_keep(node->inputs[z->step], BG_SHAPE(z->b, z->h, z->l, z->s), o->dropout, o->site);
}
static bg_node *drop(bg_node *x, const bg_node *node, const bgi_attention_sizes *z, bg_node *keep)
{
    double p = ((const bgi_attention_attributes *)node->attributes)->dropout;
    return z->step < 0 ? x : bg_where(keep, bg_mul_scalar(x, p < 1 ? 1 / (1 - p) : 0), bgi_scalar_like(x, 0));
}

static bg_node *attention_compose(bg_node *node)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    safe_terms terms = terms_of(scores_of(node, &z), last_axis);
    bg_node *weights = drop(share_of(terms.exp, terms.sum), node, &z, keep_of(node, &z));
    bg_node *y = bg_matmul(by_key_head(weights, &z), node->inputs[2]);
    bg_node *is_empty = bg_equal(terms.sum, bgi_scalar_like(terms.sum, 0));
    bg_node *share =
        share_of(bg_where(is_empty, bgi_scalar_like(terms.sum, 0), bgi_scalar_like(terms.sum, 1)), terms.sum);
    bg_node *parts[] = { bg_reshape(y, BG_SHAPE(z.b, z.h, z.tiles, z.rows * z.e)),
                         bg_reshape(terms.max, BG_SHAPE(z.b, z.h, z.tiles, z.rows)),
                         bg_reshape(share, BG_SHAPE(z.b, z.h, z.tiles, z.rows)) };
    return bg_concat(parts, 3, 3);
}

/* With weights w and their cotangent dw = dropout(dy vᵀ), that of the scores is ds = w (dw - Σ dw w). */
typedef struct {
    bg_node *weights, *ds; /* weights after dropout */
} score_gradient;
static score_gradient score_gradient_of(bg_node *node, const bgi_attention_sizes *z, bg_node *dy)
{
    bg_node *weights = safe_softmax(scores_of(node, z), 3), *keep = keep_of(node, z);
    bg_node *dropped = by_query_head(bg_matmul(by_key_head(dy, z), bgi_transpose_last(node->inputs[2])), z);
    bg_node *dw = drop(dropped, node, z, keep);
    bg_node *sum = weights ? bgi_keep_axes(bgi_sum_over(bg_mul(dw, weights), last_axis), weights, last_axis) : NULL;
    return (score_gradient){ .weights = drop(weights, node, z, keep), .ds = bg_mul(weights, bg_sub(dw, sum)) };
}

/* ---- attention_gradient ---- */

static bg_status attention_gradient_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(z.b, z.hk * z.parts, z.group / z.parts * z.l * z.d + z.s * z.d + z.s * z.e);
    return BG_OK;
}
/* The composition does without y, so that all of a second derivative reaches q, k, v and dy here. */
static bg_node *attention_gradient_compose(bg_node *node)
{
    const bgi_attention_attributes *o = node->attributes;
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    bg_node *dy = node->inputs[z.y + 1];
    score_gradient g = score_gradient_of(node, &z, dy);
    bg_node *ds = bg_mul_scalar(g.ds, o->scale), *dq = bg_matmul(by_key_head(ds, &z), node->inputs[1]);
    bg_node *dk = bg_matmul(bgi_transpose_last(by_part(ds, &z)), by_part(node->inputs[0], &z));
    bg_node *dv = bg_matmul(bgi_transpose_last(by_part(g.weights, &z)), by_part(dy, &z));
    int64_t heads = z.hk * z.parts;
    bg_node *parts[] = { bg_reshape(dq, BG_SHAPE(z.b, heads, z.group / z.parts * z.l * z.d)),
                         bg_reshape(dk, BG_SHAPE(z.b, heads, z.s * z.d)),
                         bg_reshape(dv, BG_SHAPE(z.b, heads, z.s * z.e)) };
    return bg_concat(parts, 3, 2);
}
static const bg_op attention_gradient_op = { .name = "attention_gradient",
                                             .arity = -1,
                                             .infer = attention_gradient_infer,
                                             .compose = attention_gradient_compose,
                                             .call = bgi_attention_gradient_call,
                                             .units = bgi_attention_gradient_units,
                                             .grain = bgi_attention_gradient_grain,
                                             .flops = bgi_attention_gradient_flops,
                                             .product_flops = bgi_attention_gradient_product_flops,
                                             .scratch = bgi_attention_gradient_scratch,
                                             .never_fails = true };

/* ---- attention ---- */

static bg_status attention_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(z.b, z.h, z.tiles, z.rows * (z.e + 2));
    return BG_OK;
}
/* The compiler finds that the gradients for q, k and v are parts of one node. */
static bg_node *attention_gradient(bg_node *node, int input, bg_node *dy)
{
    bgi_attention_sizes z = bgi_attention_sizes_of(node);
    if (input == z.step || (input == z.mask && node->inputs[input]->dtype == BG_BOOL))
        return NULL;
    /* Of the results alone: what else is packed has no gradient. */
    dy = bgi_cotangent_part(dy, 3, 0, z.rows * z.e);
    if (!dy)
        return NULL;
    dy = bg_reshape(dy, BG_SHAPE(z.b, z.h, z.l, z.e));
    if (input == z.mask)
        return bgi_sum_to(score_gradient_of(node, &z, dy).ds, node->inputs[input]->shape);
    bg_node *inputs[7];
    for (int i = 0; i < z.y; i++)
        inputs[i] = node->inputs[i];
    inputs[z.y] = node;
    inputs[z.y + 1] = dy;
    bg_node *packed =
        bg_apply(&attention_gradient_op, inputs, z.y + 2, node->attributes, sizeof(bgi_attention_attributes));
    int64_t queries = z.group / z.parts * z.l * z.d, heads = z.b * z.hk;
    bg_shape shape = node->inputs[input]->shape;
    if (input == 0)
        return part_of(packed, 0, queries, shape);
    int64_t count = bg_shape_count(shape) / heads, start = input == 1 ? queries : queries + z.s * z.d;
    bg_node *parts = part_of(packed, start, count, BG_SHAPE(heads, z.parts, count));
    return bg_reshape(bg_sum(parts, BG_AXES(1)), shape);
}
static const bg_op attention_op = { .name = "attention",
                                    .arity = -1,
                                    .infer = attention_infer,
                                    .gradient = attention_gradient,
                                    .compose = attention_compose,
                                    .call = bgi_attention_call,
                                    .units = bgi_attention_units,
                                    .grain = bgi_attention_grain,
                                    .flops = bgi_attention_flops,
                                    .product_flops = bgi_attention_product_flops,
                                    .scratch = bgi_attention_scratch,
                                    .never_fails = true };

/* ---- The builder ---- */

/* x [.., h, l, d] as [b, h, l, d]. */
static bg_shape four_axes(bg_shape shape)
{
    bg_shape four = BG_SHAPE(1, 1, 1, 1);
    for (int i = 0; i < shape.rank; i++) {
        int from_end = shape.rank - 1 - i;
        four.dims[from_end < 3 ? 3 - from_end : 0] *= shape.dims[i];
    }
    return four;
}

static bool fits_together(const bg_node *q, const bg_node *k, const bg_node *v)
{
    int rank = q->shape.rank;
    if (rank < 2 || k->shape.rank != rank || v->shape.rank != rank)
        return false;
    for (int i = 0; i < rank - 3; i++)
        if (k->shape.dims[i] != q->shape.dims[i] || v->shape.dims[i] != q->shape.dims[i])
            return false;
    bg_shape a = four_axes(q->shape), b = four_axes(k->shape), c = four_axes(v->shape);
    return b.dims[1] == c.dims[1] && b.dims[2] == c.dims[2] && a.dims[3] == b.dims[3] &&
           (b.dims[1] == 0 ? a.dims[1] == 0 : a.dims[1] % b.dims[1] == 0);
}

/* The mask with four axes, each of which may have extent 1; NULL with the error recorded. */
static bg_node *mask_of(bg_node *mask, const bg_node *q, bg_shape scores)
{
    bg_shape shape;
    if (mask->dtype != BG_BOOL && mask->dtype != q->dtype)
        return bgi_graph_fail(q->graph, BG_ERR_DTYPE, "attention: the mask is %s, not bool or %s",
                              bg_dtype_name(mask->dtype), bg_dtype_name(q->dtype));
    if (!bgi_shape_broadcast(scores, mask->shape, &shape) || !bg_shape_equal(shape, scores))
        return bgi_graph_fail(q->graph, BG_ERR_SHAPE,
                              "attention: the mask does not broadcast to the scores: mask %s, scores %s",
                              bgi_shape_format(mask->shape).text, bgi_shape_format(scores).text);
    /* Leading axes become one, which is all or nothing. */
    int added = scores.rank - mask->shape.rank, leading = scores.rank - 3;
    bool has_leading = false;
    for (int i = added; i < leading; i++)
        has_leading |= mask->shape.dims[i - added] != 1;
    shape = scores;
    for (int i = has_leading ? leading : 0; i < scores.rank; i++)
        shape.dims[i] = i < added ? 1 : mask->shape.dims[i - added];
    return bg_reshape(bg_broadcast(mask, shape), four_axes(shape));
}

bg_node *bgi_attention_at(bg_node *q, bg_node *k, bg_node *v, const bg_attention_options *options, int64_t site)
{
    static const char *const labels[] = { "q", "k", "v" };
    const bg_attention_options none = { .mask = NULL }, *o = options ? options : &none;
    bg_node *inputs[5] = { q, k, v, o->mask };
    bg_graph *graph = bgi_graph_of("attention", inputs, o->mask ? 4 : 3);
    if (!graph || !bgi_graph_accept(graph, bgi_check_floats("attention", inputs, labels, 3)) ||
        !bgi_is_probability("attention", q, o->dropout))
        return NULL;
    if (!fits_together(q, k, v))
        return bgi_graph_fail(graph, BG_ERR_SHAPE,
                              "attention: needs q [.., h, l, d], k [.., hk, s, d], v [.., hk, s, e], h a multiple of "
                              "hk: q %s, k %s, v %s",
                              bgi_shape_format(q->shape).text, bgi_shape_format(k->shape).text,
                              bgi_shape_format(v->shape).text);
    if (!isfinite(o->scale))
        return bgi_graph_fail(graph, BG_ERR_ARGUMENT, "attention: the scale is %g", o->scale);
    int rank = q->shape.rank, n = 3;
    if (!bgi_blas_fits(q->shape.dims[rank - 1]) || !bgi_blas_fits(v->shape.dims[rank - 1]))
        return bgi_graph_fail(graph, BG_ERR_OVERFLOW,
                              "attention: a dimension does not fit the integer of the BLAS: q %s, v %s",
                              bgi_shape_format(q->shape).text, bgi_shape_format(v->shape).text);
    bg_shape shape = q->shape, scores = q->shape;
    shape.dims[rank - 1] = v->shape.dims[rank - 1];
    scores.dims[rank - 1] = k->shape.dims[rank - 2];
    for (int i = 0; i < 3; i++)
        inputs[i] = bg_reshape(inputs[i], four_axes(inputs[i]->shape));
    if (o->mask && !(inputs[n++] = mask_of(o->mask, q, scores)))
        return NULL;
    if (bg_shape_count(shape) == 0 || bg_shape_count(scores) == 0)
        return bg_broadcast(bgi_scalar_like(q, 0), shape);
    int64_t d = q->shape.dims[rank - 1];
    bgi_attention_attributes attributes = { .scale = o->scale != 0 ? o->scale
                                                     : d > 0       ? 1 / sqrt((double)d)
                                                                   : 1,
                                            .dropout = o->dropout,
                                            .site = o->dropout > 0 ? site : 0,
                                            .is_causal = o->is_causal,
                                            .has_mask = o->mask != NULL };
    if (o->dropout > 0)
        inputs[n++] = bgi_random_step(graph);
    bg_node *packed = bg_apply(&attention_op, inputs, n, &attributes, sizeof attributes);
    if (!packed)
        return NULL;
    bgi_attention_sizes z = bgi_attention_sizes_of(packed);
    return bg_reshape(values_in(packed, &z), shape);
}

bg_node *bg_attention(bg_node *q, bg_node *k, bg_node *v, const bg_attention_options *options)
{
    bool is_dropping = q && options && options->dropout > 0;
    return bgi_attention_at(q, k, v, options, is_dropping ? bgi_random_site(q->graph) : 0);
}

const bg_op *const bgi_attention_ops[] = { &safe_softmax_op, &attention_op, &attention_gradient_op, NULL };
