/* x with mean 0 and spread 1 over some axes, and its gradient: in ops over all axes but one, by rows over the last. */
#include "ops/normalization.h"

#include "ops/memory.h"

#include <string.h>

/* x, weight and bias, where they are there. */
typedef struct {
    bgi_moment_attributes moments; /* first, as what computes moments reads it */
    int64_t has_weight, has_bias;
} standardize_attributes;

/* x as it is standardised with moments that are given, in other ops. */
typedef struct {
    const standardize_attributes *attributes;
    bg_node *x, *moments;
    bool axis[BG_MAX_RANK];
} terms;
static terms terms_of(const void *attributes, bg_node *x, bg_node *moments)
{
    terms t = { .attributes = attributes, .x = x, .moments = moments };
    bgi_moment_axes(x, attributes, t.axis);
    return t;
}
static bg_node *term(const terms *t, bgi_moment which)
{
    return bgi_keep_axes(bgi_moment_of(t->moments, which), t->x, t->axis);
}
/* x - mean. The mean has more digits than a number of x's type, and where it is large beside the spread they all count:
 * the first difference is then exact. */
static bg_node *centred(const terms *t)
{
    if (t->attributes->moments.is_around_zero)
        return t->x;
    bg_node *off = bg_sub(t->x, term(t, BGI_MOMENT_MEAN));
    return t->x->dtype == BG_F64 ? off : bg_sub(off, term(t, BGI_MOMENT_REST));
}
static bg_node *standard(const terms *t) { return bg_mul(centred(t), term(t, BGI_MOMENT_SCALE)); }
/* The gradient g of h, times a, as that of x but for the scale: a (g - mean g - h · mean (g h)), where around zero
 * there is no mean g. `along` is Σ g h. What is one number for all of h is multiplied first. */
static bg_node *standard_gradient(const terms *t, bg_node *g, bg_node *along, bg_node *a)
{
    double share = 1 / (double)bgi_moment_count(t->x, &t->attributes->moments);
    bg_node *rest = g, *slope = bg_mul_scalar(bgi_keep_axes(along, t->x, t->axis), share);
    if (!t->attributes->moments.is_around_zero)
        rest = bg_sub(rest, bg_mul_scalar(bgi_keep_axes(bgi_sum_over(g, t->axis), t->x, t->axis), share));
    return bg_sub(bg_mul(rest, a), bg_mul(centred(t), bg_mul(bg_mul(slope, term(t, BGI_MOMENT_SCALE)), a)));
}

/* A node of an op whose last inputs are weight and bias, where they are there; inputs has room for them. */
static bg_node *apply(const bg_op *op, bg_node **inputs, int n, bg_node *weight, bg_node *bias,
                      const bgi_moment_attributes *attributes)
{
    standardize_attributes all = { *attributes, weight != NULL, bias != NULL };
    if (weight)
        inputs[n++] = weight;
    if (bias)
        inputs[n++] = bias;
    return bg_apply(op, inputs, n, &all, sizeof all);
}

/* standardize_rows: x, moments, weight, bias -> y, over the last axes */
static bg_node *rows_compose(bg_node *node)
{
    terms t = terms_of(node->attributes, node->inputs[0], node->inputs[1]);
    bg_node *y = standard(&t);
    if (t.attributes->has_weight)
        y = bg_mul(y, node->inputs[2]);
    return t.attributes->has_bias ? bg_add(y, node->inputs[node->n_inputs - 1]) : y;
}
static bg_status rows_call(const bg_call *call)
{
    const standardize_attributes *attributes = call->node->attributes;
    bgi_moment_layout l = bgi_moment_layout_of(call->node, &attributes->moments);
    const void *weight = attributes->has_weight ? call->inputs[2] : NULL;
    const void *bias = attributes->has_bias ? call->inputs[call->node->n_inputs - 1] : NULL;
    size_t size = bg_dtype_size(call->node->dtype), row = (size_t)l.inner * size;
    for (int64_t i = 0; i < call->last - call->first; i++)
        bgi_call_kernels(call)->standardize((char *)call->output + (size_t)i * row,
                                            bgi_const_at(call->inputs[0], i, row),
                                            bgi_const_at(call->inputs[1], i, 4 * size), weight, bias, l.inner);
    return BG_OK;
}
static int64_t rows_units(const bg_node *node, int input)
{
    return input < 2 ? bgi_moment_layout_of(node->inputs[0], node->attributes).groups : 1;
}
static double rows_flops(const bg_node *node) { return 2 * (double)bg_shape_count(node->shape); }
static const bg_op rows_op = { .name = "standardize_rows",
                               .arity = -1,
                               .infer = bgi_infer_same,
                               .compose = rows_compose,
                               .call = rows_call,
                               .units = rows_units,
                               .flops = rows_flops,
                               .grain = bgi_moment_grain,
                               .never_fails = true };
bg_node *bgi_standardize_rows(bg_node *x, bg_node *moments, bg_node *weight, bg_node *bias,
                              const bgi_moment_attributes *attributes)
{
    return apply(&rows_op, (bg_node *[4]){ x, moments }, 2, weight, bias, attributes);
}

/* standardize_back: x, moments, dy, weight -> dx of standardize_rows, moments included */
static bg_node *back_compose(bg_node *node)
{
    terms t = terms_of(node->attributes, node->inputs[0], node->inputs[1]);
    bg_node *g = t.attributes->has_weight ? bg_mul(node->inputs[2], node->inputs[3]) : node->inputs[2];
    return standard_gradient(&t, g, bgi_sum_over(bg_mul(g, standard(&t)), t.axis), term(&t, BGI_MOMENT_SCALE));
}
static bg_status back_call(const bg_call *call)
{
    const standardize_attributes *attributes = call->node->attributes;
    bgi_moment_layout l = bgi_moment_layout_of(call->node, &attributes->moments);
    const void *weight = attributes->has_weight ? call->inputs[3] : NULL;
    size_t size = bg_dtype_size(call->node->dtype), row = (size_t)l.inner * size;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        const void *x = bgi_const_at(call->inputs[0], i, row), *dy = bgi_const_at(call->inputs[2], i, row);
        const void *moments = bgi_const_at(call->inputs[1], i, 4 * size);
        double means[2];
        bgi_call_kernels(call)->standardize_sums(means, x, moments, weight, dy, l.inner);
        means[0] = attributes->moments.is_around_zero ? 0 : means[0] / (double)l.inner;
        means[1] /= (double)l.inner;
        bgi_call_kernels(call)->standardize_back((char *)call->output + (size_t)i * row, x, moments, weight, dy, means,
                                                 l.inner);
    }
    return BG_OK;
}
static int64_t back_units(const bg_node *node, int input)
{
    return input < 3 ? bgi_moment_layout_of(node->inputs[0], node->attributes).groups : 1;
}
static double back_flops(const bg_node *node) { return 4 * (double)bg_shape_count(node->shape); }
static const bg_op back_op = { .name = "standardize_back",
                               .arity = -1,
                               .infer = bgi_infer_same,
                               .compose = back_compose,
                               .call = back_call,
                               .units = back_units,
                               .flops = back_flops,
                               .grain = bgi_moment_grain,
                               .never_fails = true };

/* standardize_fold: x, moments, dy -> [slots, 2, inner], Σ dy h and Σ dy over the rows of each slot */
enum { LEAST_SLOTS = 8, MOST_SLOTS = 64, LEAST_SLOT_ROWS = 4, MOST_SLOT_ROWS = 256 };
/* How many: a divisor of the rows, or 0 if there is none of a fitting size. */
static int64_t slots_of(int64_t rows)
{
    int64_t most = rows / MOST_SLOT_ROWS > MOST_SLOTS ? rows / MOST_SLOT_ROWS : MOST_SLOTS;
    if (most > rows / LEAST_SLOT_ROWS)
        most = rows / LEAST_SLOT_ROWS;
    while (most >= LEAST_SLOTS && rows % most != 0)
        most--;
    return most >= LEAST_SLOTS ? most : 0;
}
static bg_status fold_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    bgi_moment_layout l = bgi_moment_layout_of(node->inputs[0], node->attributes);
    *dtype = node->inputs[0]->dtype;
    *shape = BG_SHAPE(slots_of(l.groups), 2, l.inner);
    return BG_OK;
}
static bg_node *fold_compose(bg_node *node)
{
    terms t = terms_of(node->attributes, node->inputs[0], node->inputs[1]);
    bg_node *parts[2] = { bg_mul(node->inputs[2], standard(&t)), node->inputs[2] };
    bg_shape s = node->shape;
    for (int i = 0; i < 2; i++)
        parts[i] = bg_reshape(bg_sum(bg_reshape(parts[i], BG_SHAPE(s.dims[0], -1, s.dims[2])), BG_AXES(1)),
                              BG_SHAPE(s.dims[0], 1, s.dims[2]));
    return bg_concat(parts, 2, 1);
}
static bg_status fold_call(const bg_call *call)
{
    bgi_moment_layout l = bgi_moment_layout_of(call->node->inputs[0], call->node->attributes);
    int64_t slots = call->last - call->first, rows = l.groups / call->node->shape.dims[0];
    size_t size = bg_dtype_size(call->node->dtype), row = (size_t)l.inner * size;
    memset(call->output, 0, (size_t)slots * 2 * row);
    for (int64_t i = 0; i < slots * rows; i++)
        bgi_call_kernels(call)->standardize_fold(
            (char *)call->output + (size_t)(i / rows) * 2 * row, bgi_const_at(call->inputs[0], i, row),
            bgi_const_at(call->inputs[1], i, 4 * size), bgi_const_at(call->inputs[2], i, row), l.inner);
    return BG_OK;
}
static int64_t fold_units(const bg_node *node, int input)
{
    (void)input;
    return node->shape.dims[0];
}
static double fold_flops(const bg_node *node) { return 2 * (double)bg_shape_count(node->inputs[0]->shape); }
static const bg_op fold_op = { .name = "standardize_fold",
                               .arity = 3,
                               .infer = fold_infer,
                               .compose = fold_compose,
                               .call = fold_call,
                               .units = fold_units,
                               .flops = fold_flops,
                               .never_fails = true };

/* The gradient of weight, or of bias, over the last axes. */
static bg_node *fold_rows(const terms *t, bg_node *dy, bool is_bias)
{
    bg_shape shape = BG_SCALAR;
    bool others[BG_MAX_RANK];
    for (int i = 0; i < BG_MAX_RANK; i++) {
        others[i] = i < t->x->shape.rank && !t->axis[i];
        if (t->axis[i])
            shape.dims[shape.rank++] = t->x->shape.dims[i];
    }
    if (slots_of(bgi_moment_layout_of(t->x, &t->attributes->moments).groups) == 0 ||
        (is_bias && !t->attributes->has_weight))
        return bgi_sum_over(is_bias ? dy : bg_mul(dy, standard(t)), others);
    bg_node *slots = bg_apply(&fold_op, (bg_node *[]){ t->x, t->moments, dy }, 3, t->attributes, sizeof *t->attributes);
    return bg_reshape(bg_select(bg_sum(slots, BG_AXES(0)), 0, is_bias), shape);
}

/* standardize: y = h · weight + bias with h = (x - mean) s and s = 1 / √(variance + eps); with g = dy · weight
 *   dx = s (g - mean g - h · mean (g h))   dweight = Σ dy h   dbias = Σ dy
 * Over the last axes the sums over rows are of vectors like weight; over all axes but the second, weight [c] comes out
 * of the means, whose sums are its gradient. */
static bg_node *standardize_compose(bg_node *node)
{
    const standardize_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0], *moments = bgi_moments(x, &attributes->moments);
    bg_node *weight = attributes->has_weight ? node->inputs[1] : NULL;
    bg_node *bias = attributes->has_bias ? node->inputs[node->n_inputs - 1] : NULL;
    if (attributes->moments.trailing)
        return bgi_standardize_rows(x, moments, weight, bias, &attributes->moments);
    terms t = terms_of(attributes, x, moments);
    bg_node *scale = term(&t, BGI_MOMENT_SCALE);
    bg_node *y = bg_mul(centred(&t), weight ? bg_mul(scale, bgi_by_channel(weight, x)) : scale);
    return bias ? bg_add(y, bgi_by_channel(bias, x)) : y;
}
static bg_node *standardize_gradient(bg_node *node, int input, bg_node *dy)
{
    const standardize_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0], *moments = bgi_moments(x, &attributes->moments);
    terms t = terms_of(attributes, x, moments);
    bg_node *weight = attributes->has_weight ? node->inputs[1] : NULL;
    bool is_bias = input > (weight ? 1 : 0);
    if (attributes->moments.trailing && input > 0)
        return fold_rows(&t, dy, is_bias);
    if (attributes->moments.trailing)
        return apply(&back_op, (bg_node *[4]){ x, moments, dy }, 3, weight, NULL, &attributes->moments);
    if (is_bias)
        return bgi_sum_over(dy, t.axis);
    bg_node *along = bg_mul(bgi_sum_over(bg_mul(dy, centred(&t)), t.axis), bgi_moment_of(moments, BGI_MOMENT_SCALE));
    bg_node *scale = term(&t, BGI_MOMENT_SCALE);
    if (input == 1)
        return along;
    return standard_gradient(&t, dy, along, weight ? bg_mul(scale, bgi_by_channel(weight, x)) : scale);
}
static const bg_op standardize_op = { .name = "standardize",
                                      .arity = -1,
                                      .infer = bgi_infer_same,
                                      .gradient = standardize_gradient,
                                      .compose = standardize_compose };
bg_node *bgi_standardize(bg_node *x, bg_node *weight, bg_node *bias, const bgi_moment_attributes *attributes)
{
    return apply(&standardize_op, (bg_node *[3]){ x }, 1, weight, bias, attributes);
}

const bg_op *const bgi_normalization_ops[] = { &bgi_moments_op, &rows_op, &back_op, &fold_op, &standardize_op, NULL };
