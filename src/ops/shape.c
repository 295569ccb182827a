/* Other shapes of the same elements, parts, and joins. Any type. */
#include "ops/axis.h"
#include "ops/cotangent.h"

#include <string.h>

/* Attributes are whole int64_t, so that they have no padding. */
typedef struct {
    int64_t rank, dims[BG_MAX_RANK];
} shape_attributes;
typedef struct {
    int64_t axis[BG_MAX_RANK];
} permute_attributes;
typedef struct {
    int64_t axis, start, step, count;
} slice_attributes;

static shape_attributes pack(bg_shape shape)
{
    shape_attributes attributes = { .rank = shape.rank };
    for (int i = 0; i < shape.rank; i++)
        attributes.dims[i] = shape.dims[i];
    return attributes;
}
static bg_status shape_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const shape_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    shape->rank = (int)attributes->rank;
    memcpy(shape->dims, attributes->dims, sizeof shape->dims);
    return BG_OK;
}
static size_t inner_bytes(const bg_node *node, int64_t axis)
{
    return bg_dtype_size(node->dtype) * (size_t)bgi_inner_of(node->shape, axis);
}

/* reshape: dx = dy, reshaped */
static bg_node *reshape_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_reshape(dy, node->inputs[input]->shape);
}
static bool reshape_view(const bg_node *node, const bgi_view *input, bgi_view *view)
{
    view->offset = input->offset;
    return bgi_shape_reshape(node->inputs[0]->shape, input->strides, node->shape, view->strides);
}
static const bg_op reshape_op;
static bg_node *reshape_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return x->op == &reshape_op ? bg_reshape(x->inputs[0], node->shape) : NULL;
}
static const bgi_lowering reshape_lowering = { .kind = BGI_VIEW, .view = reshape_view, .simplify = reshape_simplify };
/* In lanes, where both shapes are of the same samples. */
static bg_node *reshape_in_lanes(const bg_node *node, bg_node **inputs)
{
    bool is_of_samples =
        node->shape.rank > 0 && node->shape.rank < BG_MAX_RANK && node->shape.dims[0] == node->inputs[0]->shape.dims[0];
    return is_of_samples ? bg_reshape(inputs[0], bgi_lanes_shape(node->shape)) : NULL;
}
static const bgi_lanes reshape_lanes = { .inputs = 1, .make = reshape_in_lanes };
static const bg_op reshape_op = { .name = "reshape",
                                  .arity = 1,
                                  .infer = shape_infer,
                                  .gradient = reshape_gradient,
                                  .lowering = &reshape_lowering,
                                  .lanes = &reshape_lanes };

/* Puts the extent that is -1 in its place; false if the shapes do not hold the same number of elements. */
static bool complete_shape(bg_shape *shape, int64_t count)
{
    int64_t known = 1;
    int open = -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] != -1)
            continue;
        if (open >= 0)
            return false;
        open = i;
        shape->dims[i] = 1;
    }
    if (!bgi_product_of(shape->dims, shape->rank, &known))
        return false;
    if (open >= 0) {
        if (known == 0 || count % known != 0)
            return false;
        shape->dims[open] = count / known;
        known = count;
    }
    return known == count;
}

bg_node *bg_reshape(bg_node *x, bg_shape shape)
{
    if (!x)
        return NULL;
    bg_shape target = shape;
    bool is_shape = shape.rank >= 0 && shape.rank <= BG_MAX_RANK;
    if (!is_shape)
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "reshape: rank %d", shape.rank);
    for (int i = 0; i < shape.rank; i++)
        is_shape = is_shape && shape.dims[i] >= -1;
    if (!is_shape || !complete_shape(&target, bg_shape_count(x->shape)))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "reshape: x %s does not fill %s", bgi_shape_format(x->shape).text,
                              bgi_shape_format(shape).text);
    if (bg_shape_equal(x->shape, target))
        return x;
    shape_attributes attributes = pack(target);
    return bg_apply(&reshape_op, &x, 1, &attributes, sizeof attributes);
}

/* broadcast: dx = dy, summed over the axes along which x was repeated */
static bg_node *broadcast_gradient(bg_node *node, int input, bg_node *dy)
{
    return bgi_sum_to(dy, node->inputs[input]->shape);
}
static bool broadcast_view(const bg_node *node, const bgi_view *input, bgi_view *view)
{
    bg_shape from = node->inputs[0]->shape;
    int added = node->shape.rank - from.rank;
    view->offset = input->offset;
    for (int i = 0; i < node->shape.rank; i++)
        view->strides[i] =
            i < added || (from.dims[i - added] == 1 && node->shape.dims[i] != 1) ? 0 : input->strides[i - added];
    return true;
}
static const bg_op broadcast_op;
static bg_node *broadcast_simplify(bg_node *node)
{
    bg_node *x = node->inputs[0];
    return x->op == &broadcast_op ? bg_broadcast(x->inputs[0], node->shape) : NULL;
}
static const bgi_lowering broadcast_lowering = { .kind = BGI_VIEW,
                                                 .view = broadcast_view,
                                                 .simplify = broadcast_simplify };
static bg_node *broadcast_in_lanes(const bg_node *node, bg_node **inputs)
{
    bool is_of_samples = node->shape.rank == node->inputs[0]->shape.rank && node->shape.rank < BG_MAX_RANK;
    return is_of_samples ? bg_broadcast(inputs[0], bgi_lanes_shape(node->shape)) : NULL;
}
static const bgi_lanes broadcast_lanes = { .inputs = 1, .make = broadcast_in_lanes };
static const bg_op broadcast_op = { .name = "broadcast",
                                    .arity = 1,
                                    .infer = shape_infer,
                                    .gradient = broadcast_gradient,
                                    .lowering = &broadcast_lowering,
                                    .lanes = &broadcast_lanes };
bool bgi_is_reshape(const bg_node *node) { return node->op == &reshape_op; }
bool bgi_is_broadcast(const bg_node *node) { return node->op == &broadcast_op; }
bg_node *bg_broadcast(bg_node *x, bg_shape shape)
{
    int64_t count;
    size_t bytes;
    bg_shape common;
    if (!x || !bgi_graph_accept(x->graph, bgi_shape_check(shape, x->dtype, "broadcast", &count, &bytes)))
        return NULL;
    if (!bgi_shape_broadcast(x->shape, shape, &common) || !bg_shape_equal(common, shape))
        return bgi_graph_fail(x->graph, BG_ERR_SHAPE, "broadcast: x %s does not broadcast to %s",
                              bgi_shape_format(x->shape).text, bgi_shape_format(shape).text);
    if (bg_shape_equal(x->shape, shape))
        return x;
    shape_attributes attributes = pack(shape);
    return bg_apply(&broadcast_op, &x, 1, &attributes, sizeof attributes);
}

/* permute: dx = dy, permuted back */
static bg_status permute_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const permute_attributes *attributes = node->attributes;
    const bg_node *x = node->inputs[0];
    *dtype = x->dtype;
    *shape = x->shape;
    for (int i = 0; i < x->shape.rank; i++)
        shape->dims[i] = x->shape.dims[attributes->axis[i]];
    return BG_OK;
}
static bg_node *permute_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    const permute_attributes *attributes = node->attributes;
    bg_axes axes = { .count = node->shape.rank };
    for (int i = 0; i < axes.count; i++)
        axes.axis[attributes->axis[i]] = i;
    return bg_permute(dy, axes);
}
static bool permute_view(const bg_node *node, const bgi_view *input, bgi_view *view)
{
    const permute_attributes *attributes = node->attributes;
    view->offset = input->offset;
    for (int i = 0; i < node->shape.rank; i++)
        view->strides[i] = input->strides[attributes->axis[i]];
    return true;
}
static const bg_op permute_op;
static bg_node *permute_simplify(bg_node *node)
{
    const permute_attributes *attributes = node->attributes;
    bg_node *x = node->inputs[0];
    if (x->op == &permute_op) {
        const permute_attributes *inner = x->attributes;
        bg_axes axes = { .count = node->shape.rank };
        for (int i = 0; i < axes.count; i++)
            axes.axis[i] = (int)inner->axis[attributes->axis[i]];
        return bg_permute(x->inputs[0], axes);
    }
    return NULL;
}
static const bgi_lowering permute_lowering = { .kind = BGI_VIEW, .view = permute_view, .simplify = permute_simplify };
static const bg_op permute_op = {
    .name = "permute", .arity = 1, .infer = permute_infer, .gradient = permute_gradient, .lowering = &permute_lowering
};
bg_node *bg_permute(bg_node *x, bg_axes axes)
{
    bool found[BG_MAX_RANK];
    if (!x)
        return NULL;
    int rank = x->shape.rank;
    if (axes.count != -1 && axes.count != rank)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "permute: %d axes for x %s", axes.count,
                              bgi_shape_format(x->shape).text);
    if (!bgi_find_axes("permute", x, axes, found))
        return NULL;
    permute_attributes attributes = { .axis = { 0 } };
    bool is_identity = true;
    for (int i = 0; i < rank; i++) {
        int axis = axes.count == -1 ? rank - 1 - i : axes.axis[i];
        attributes.axis[i] = axis < 0 ? axis + rank : axis;
        is_identity = is_identity && attributes.axis[i] == i;
    }
    return is_identity ? x : bg_apply(&permute_op, &x, 1, &attributes, sizeof attributes);
}

static bg_node *swap(bg_node *x, int a, int b)
{
    bg_axes axes = { .count = x->shape.rank };
    for (int i = 0; i < axes.count; i++)
        axes.axis[i] = i == a ? b : i == b ? a : i;
    return bg_permute(x, axes);
}
bg_node *bg_transpose(bg_node *x, int axis_a, int axis_b)
{
    int a, b;
    if (!x || !bgi_find_axis("transpose", x, axis_a, &a) || !bgi_find_axis("transpose", x, axis_b, &b))
        return NULL;
    return swap(x, a, b);
}
bg_node *bgi_transpose_last(bg_node *x) { return x ? swap(x, x->shape.rank - 2, x->shape.rank - 1) : NULL; }
bool bgi_is_transpose_last(const bg_node *node)
{
    const permute_attributes *attributes = node->attributes;
    int rank = node->shape.rank;
    if (node->op != &permute_op || rank < 2)
        return false;
    bool result = attributes->axis[rank - 1] == rank - 2 && attributes->axis[rank - 2] == rank - 1;
    for (int i = 0; i < rank - 2; i++)
        result = result && attributes->axis[i] == i;
    return result;
}

bg_node *bgi_lanes_beside_axis(const bg_node *node, bg_node **inputs)
{
    bool is_beside = *(const int64_t *)node->attributes > 0;
    return is_beside ? bgi_apply_again(node, inputs) : NULL;
}

/* slice: dx = zeros with dy in place of the slice */
static bg_status slice_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const slice_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[attributes->axis] = attributes->count;
    return BG_OK;
}
static bg_node *slice_gradient(bg_node *node, int input, bg_node *dy)
{
    const slice_attributes *attributes = node->attributes;
    int64_t axis = attributes->axis, start = attributes->start, step = attributes->step, count = attributes->count;
    if (step < 0) { /* from its other end it runs forwards */
        dy = bgi_slice_of(dy, axis, count - 1, -1, count);
        start += (count - 1) * step;
        step = -step;
    }
    return bgi_embed(dy, (int)axis, start, step, node->inputs[input]->shape.dims[axis]);
}
static bool slice_view(const bg_node *node, const bgi_view *input, bgi_view *view)
{
    const slice_attributes *attributes = node->attributes;
    *view = *input;
    view->offset += attributes->start * input->strides[attributes->axis];
    view->strides[attributes->axis] *= attributes->step;
    return true;
}
static const bg_op slice_op;
bg_node *bgi_slice_of(bg_node *x, int64_t axis, int64_t start, int64_t step, int64_t count)
{
    step = count > 1 ? step : 1;
    if (!x || (step == 1 && count == x->shape.dims[axis]))
        return x;
    slice_attributes attributes = { .axis = axis, .start = start, .step = step, .count = count };
    return bg_apply(&slice_op, &x, 1, &attributes, sizeof attributes);
}
static bg_node *slice_simplify(bg_node *node)
{
    const slice_attributes *outer = node->attributes;
    bg_node *x = node->inputs[0];
    if (x->op != &slice_op)
        return NULL;
    const slice_attributes *inner = x->attributes;
    if (inner->axis != outer->axis)
        return NULL;
    return bgi_slice_of(x->inputs[0], inner->axis, inner->start + outer->start * inner->step, inner->step * outer->step,
                        outer->count);
}
static const bgi_lowering slice_lowering = { .kind = BGI_VIEW, .view = slice_view, .simplify = slice_simplify };
static const bg_op slice_op = {
    .name = "slice", .arity = 1, .infer = slice_infer, .gradient = slice_gradient, .lowering = &slice_lowering
};

static int64_t clip(int64_t position, int64_t extent)
{
    position = position < 0 ? position + extent : position;
    return position < 0 ? 0 : position > extent ? extent : position;
}
bg_node *bg_slice(bg_node *x, int axis, int64_t start, int64_t stop, int64_t step)
{
    int found;
    if (!x || !bgi_find_axis("slice", x, axis, &found))
        return NULL;
    if (step < 1)
        return bgi_graph_fail(x->graph, BG_ERR_ARGUMENT, "slice: step %lld, not at least 1", (long long)step);
    start = clip(start, x->shape.dims[found]);
    stop = clip(stop, x->shape.dims[found]);
    return bgi_slice_of(x, found, start, step, stop > start ? (stop - start - 1) / step + 1 : 0);
}

/* embed: zeros with x at start, start + step, .. along an axis; dx = that slice of dy */
static bg_status embed_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    const bgi_embed_attributes *attributes = node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    shape->dims[attributes->axis] = attributes->extent;
    return BG_OK;
}
static bg_node *embed_gradient(bg_node *node, int input, bg_node *dy)
{
    const bgi_embed_attributes *attributes = node->attributes;
    return bgi_slice_of(dy, attributes->axis, attributes->start, attributes->step,
                        node->inputs[input]->shape.dims[attributes->axis]);
}
static bg_status embed_call(const bg_call *call)
{
    const bgi_embed_attributes *attributes = call->node->attributes;
    size_t inner = inner_bytes(call->node, attributes->axis);
    size_t count = (size_t)call->node->inputs[0]->shape.dims[attributes->axis];
    size_t target_bytes = (size_t)attributes->extent * inner, source_bytes = count * inner;
    if (target_bytes == 0)
        return BG_OK;
    for (int64_t unit = 0; unit < call->last - call->first; unit++) {
        unsigned char *target = (unsigned char *)call->output + (size_t)unit * target_bytes;
        memset(target, 0, target_bytes);
        if (source_bytes == 0)
            continue;
        const unsigned char *source = (const unsigned char *)call->inputs[0] + (size_t)unit * source_bytes;
        target += (size_t)attributes->start * inner;
        if (attributes->step == 1) {
            memcpy(target, source, source_bytes);
            continue;
        }
        for (size_t i = 0; i < count; i++)
            memcpy(target + i * (size_t)attributes->step * inner, source + i * inner, inner);
    }
    return BG_OK;
}
const bg_op bgi_embed_op = { .name = "embed",
                             .arity = 1,
                             .infer = embed_infer,
                             .gradient = embed_gradient,
                             .call = embed_call,
                             .never_fails = true,
                             .units = bgi_outer_units };
bg_node *bgi_embed(bg_node *x, int axis, int64_t start, int64_t step, int64_t extent)
{
    if (x && step == 1 && extent == x->shape.dims[axis])
        return x;
    bgi_embed_attributes attributes = { .axis = axis, .start = start, .step = step, .extent = extent };
    return x ? bg_apply(&bgi_embed_op, &x, 1, &attributes, sizeof attributes) : NULL;
}

/* concat: each dx is its part of dy */
static bg_status concat_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    int64_t axis = *(const int64_t *)node->attributes;
    *dtype = node->inputs[0]->dtype;
    *shape = node->inputs[0]->shape;
    for (int i = 1; i < node->n_inputs; i++) {
        const bg_node *x = node->inputs[i];
        bg_shape expected = *shape;
        if (x->dtype != *dtype)
            return bg_fail(BG_ERR_DTYPE, "concat: types differ: input 0 %s, input %d %s", bg_dtype_name(*dtype), i,
                           bg_dtype_name(x->dtype));
        if (x->shape.rank == expected.rank)
            expected.dims[axis] = x->shape.dims[axis];
        if (!bg_shape_equal(x->shape, expected))
            return bg_fail(BG_ERR_SHAPE, "concat: shapes differ beside axis %d: input 0 %s, input %d %s", (int)axis,
                           bgi_shape_format(node->inputs[0]->shape).text, i, bgi_shape_format(x->shape).text);
        if (__builtin_add_overflow(shape->dims[axis], x->shape.dims[axis], &shape->dims[axis]))
            return bg_fail(BG_ERR_OVERFLOW, "concat: the extent of axis %d overflows", (int)axis);
    }
    return BG_OK;
}
static bg_node *concat_gradient(bg_node *node, int input, bg_node *dy)
{
    int64_t axis = *(const int64_t *)node->attributes, start = 0;
    for (int i = 0; i < input; i++)
        start += node->inputs[i]->shape.dims[axis];
    return bgi_slice_of(dy, axis, start, 1, node->inputs[input]->shape.dims[axis]);
}
static bg_status concat_call(const bg_call *call)
{
    int64_t axis = *(const int64_t *)call->node->attributes;
    size_t inner = inner_bytes(call->node, axis);
    unsigned char *target = call->output;
    for (int64_t unit = 0; unit < call->last - call->first; unit++)
        for (int i = 0; i < call->node->n_inputs; i++) {
            size_t bytes = (size_t)call->node->inputs[i]->shape.dims[axis] * inner;
            if (bytes == 0)
                continue;
            memcpy(target, (const unsigned char *)call->inputs[i] + (size_t)unit * bytes, bytes);
            target += bytes;
        }
    return BG_OK;
}
const bg_op bgi_concat_op = { .name = "concat",
                              .arity = -1,
                              .infer = concat_infer,
                              .gradient = concat_gradient,
                              .call = concat_call,
                              .never_fails = true,
                              .units = bgi_outer_units };
bg_node *bg_concat(bg_node *const *xs, int n, int axis)
{
    int found;
    if (n < 1 || !xs) {
        bg_fail(BG_ERR_ARGUMENT, "concat: %d inputs", xs ? n : 0);
        return NULL;
    }
    if (!bgi_graph_of("concat", xs, n) || !bgi_find_axis("concat", xs[0], axis, &found))
        return NULL;
    int64_t attribute = found;
    return n == 1 ? xs[0] : bg_apply(&bgi_concat_op, xs, n, &attribute, sizeof attribute);
}

const bg_op *const bgi_shape_ops[] = { &reshape_op,   &broadcast_op,  &permute_op, &slice_op,
                                       &bgi_embed_op, &bgi_concat_op, NULL };
