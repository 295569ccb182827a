/* Views: other shapes and strides over the elements of a tensor. */
#include "tensor/storage.h"

#include <blasgrad/graph.h>

#include <stdio.h>

static bg_status check(bg_tensor **view, const bg_tensor *tensor, const char *caller)
{
    if (view)
        *view = NULL;
    bg_status status = bgi_tensor_check(tensor, caller);
    if (status == BG_OK && !view)
        status = bg_fail(BG_ERR_ARGUMENT, "%s: no place for the result", caller);
    return status;
}

/* offset in elements beyond the tensor's first. */
static bg_status make_view(bg_tensor **view, const bg_tensor *tensor, bg_shape shape, const int64_t *strides,
                           int64_t offset)
{
    bg_tensor *made = bgi_tensor_over(tensor->storage, tensor->dtype, shape);
    if (!made)
        return BG_ERR_NOMEM;
    for (int i = 0; i < shape.rank; i++)
        made->strides[i] = strides[i];
    made->offset = tensor->offset + (size_t)offset * bg_dtype_size(tensor->dtype);
    *view = made;
    return BG_OK;
}

/* As Python does: negative places count from the end, and all are clipped to the axis. */
static int64_t clip(int64_t place, int64_t extent)
{
    if (place < 0)
        place = place < -extent ? 0 : place + extent;
    return place < extent ? place : extent;
}

bg_status bg_tensor_slice(bg_tensor **view, bg_tensor *tensor, int axis, int64_t start, int64_t stop, int64_t step)
{
    bg_status status = check(view, tensor, "tensor_slice");
    if (status != BG_OK)
        return status;
    bg_shape shape = tensor->shape;
    if (axis < -shape.rank || axis >= shape.rank)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_slice: axis %d of %s", axis, bgi_shape_format(shape).text);
    if (step < 1)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_slice: step %lld; at least 1 is possible", (long long)step);
    axis += axis < 0 ? shape.rank : 0;
    start = clip(start, shape.dims[axis]);
    stop = clip(stop, shape.dims[axis]);

    int64_t strides[BG_MAX_RANK];
    for (int i = 0; i < shape.rank; i++)
        strides[i] = tensor->strides[i];
    shape.dims[axis] = stop > start ? (stop - start - 1) / step + 1 : 0;
    int64_t count = bg_shape_count(shape);
    /* An empty view starts where the tensor does, and a single element has no use for a stride that may not fit. */
    int64_t offset = count > 0 ? start * strides[axis] : 0;
    if (shape.dims[axis] > 1)
        strides[axis] *= step;
    return make_view(view, tensor, shape, strides, offset);
}

bg_status bg_tensor_permute(bg_tensor **view, bg_tensor *tensor, bg_axes axes)
{
    bg_status status = check(view, tensor, "tensor_permute");
    if (status != BG_OK)
        return status;
    bg_shape from = tensor->shape, shape = { .rank = from.rank };
    if (axes.count != -1 && axes.count != from.rank)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_permute: %d axes for %s", axes.count, bgi_shape_format(from).text);
    int64_t strides[BG_MAX_RANK];
    unsigned seen = 0;
    for (int i = 0; i < from.rank; i++) {
        /* All axes stand for their reversal. */
        int axis = axes.count == -1 ? from.rank - 1 - i : axes.axis[i];
        if (axis < -from.rank || axis >= from.rank)
            return bg_fail(BG_ERR_ARGUMENT, "tensor_permute: axis %d of %s", axis, bgi_shape_format(from).text);
        axis += axis < 0 ? from.rank : 0;
        if (seen & 1U << axis)
            return bg_fail(BG_ERR_ARGUMENT, "tensor_permute: axis %d of %s is given twice", axis,
                           bgi_shape_format(from).text);
        seen |= 1U << axis;
        shape.dims[i] = from.dims[axis];
        strides[i] = tensor->strides[axis];
    }
    return make_view(view, tensor, shape, strides, 0);
}

/* "axes 0 and 1" for the neighbours that are not evenly spaced. */
static void name_gaps(const bg_tensor *tensor, char *text, size_t capacity)
{
    size_t used = 0;
    int outer = -1;
    text[0] = '\0';
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dims[i] == 1)
            continue;
        if (outer >= 0 && tensor->strides[outer] != tensor->shape.dims[i] * tensor->strides[i]) {
            int added = snprintf(text + used, capacity - used, "%s%d and %d", used ? ", " : "", outer, i);
            if (added < 0 || (size_t)added >= capacity - used)
                return;
            used += (size_t)added;
        }
        outer = i;
    }
}

bg_status bg_tensor_reshape(bg_tensor **view, bg_tensor *tensor, bg_shape shape)
{
    bg_status status = check(view, tensor, "tensor_reshape");
    if (status != BG_OK)
        return status;
    if (shape.rank < 0 || shape.rank > BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "tensor_reshape: rank %d; 0 to %d are possible", shape.rank, BG_MAX_RANK);

    /* The extent that is left open is 1 until the others are known to be good. */
    int open = -1;
    bg_shape known = shape;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] == -1) {
            if (open >= 0)
                return bg_fail(BG_ERR_SHAPE, "tensor_reshape: only one extent of %s may be -1",
                               bgi_shape_format(shape).text);
            open = i;
            known.dims[i] = 1;
        }
    int64_t count = bg_shape_count(tensor->shape), product = 0;
    status = bgi_shape_check(known, tensor->dtype, "tensor_reshape", &product, NULL);
    if (status != BG_OK)
        return status;
    if (open >= 0 && product > 0 && count % product == 0) {
        known.dims[open] = count / product;
        product = count;
    }
    if (product != count || (open >= 0 && known.dims[open] == 1 && bg_shape_count(known) == 0))
        return bg_fail(BG_ERR_SHAPE, "tensor_reshape: %s, which has %lld elements, as %s",
                       bgi_shape_format(tensor->shape).text, (long long)count, bgi_shape_format(shape).text);

    int64_t strides[BG_MAX_RANK];
    if (!bgi_shape_reshape(tensor->shape, tensor->strides, known, strides)) {
        char gaps[80];
        name_gaps(tensor, gaps, sizeof gaps);
        return bg_fail(BG_ERR_SHAPE, "tensor_reshape: %s as %s needs a copy: axes %s do not lie one within the other",
                       bgi_shape_format(tensor->shape).text, bgi_shape_format(known).text, gaps);
    }
    return make_view(view, tensor, known, strides, 0);
}

bg_status bg_tensor_expand(bg_tensor **view, bg_tensor *tensor, bg_shape shape)
{
    bg_status status = check(view, tensor, "tensor_expand");
    if (status == BG_OK)
        status = bgi_shape_check(shape, tensor->dtype, "tensor_expand", NULL, NULL);
    if (status != BG_OK)
        return status;
    bg_shape from = tensor->shape;
    int added = shape.rank - from.rank;
    bool fits = added >= 0;
    int64_t strides[BG_MAX_RANK] = { 0 };
    for (int i = 0; fits && i < from.rank; i++) {
        fits = from.dims[i] == shape.dims[added + i] || from.dims[i] == 1;
        strides[added + i] = from.dims[i] == shape.dims[added + i] ? tensor->strides[i] : 0;
    }
    if (!fits)
        return bg_fail(BG_ERR_SHAPE, "tensor_expand: %s does not broadcast to %s", bgi_shape_format(from).text,
                       bgi_shape_format(shape).text);
    return make_view(view, tensor, shape, strides, 0);
}

/* ---- Overlap ---- */

/* The bytes of a tensor: an element at `start`, and at all sums of multiples of the axes' strides from there. */
typedef struct {
    uintptr_t start;
    int64_t element;
    int rank;
    int64_t dims[BG_MAX_RANK], strides[BG_MAX_RANK]; /* of axes that move; strides in bytes */
} layout;

static layout layout_of(const bg_tensor *tensor)
{
    layout l = { .start = (uintptr_t)bgi_tensor_bytes(tensor), .element = (int64_t)bg_dtype_size(tensor->dtype) };
    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->shape.dims[i] > 1 && tensor->strides[i] != 0) {
            l.dims[l.rank] = tensor->shape.dims[i];
            l.strides[l.rank++] = tensor->strides[i] * l.element;
        }
    return l;
}

/* Bytes from the first to behind the last, of the axes with smaller strides than the limit. */
static int64_t span_below(const layout *l, int64_t limit)
{
    int64_t span = l->element;
    for (int i = 0; i < l->rank; i++)
        span += l->strides[i] < limit ? (l->dims[i] - 1) * l->strides[i] : 0;
    return span;
}

/* The greatest common divisor of strides from `least` to below the limit; 0 if there are none. */
static int64_t divisor_between(const layout *a, const layout *b, int64_t least, int64_t limit)
{
    int64_t divisor = 0;
    for (int i = 0; i < a->rank; i++)
        if (a->strides[i] >= least && a->strides[i] < limit)
            divisor = bgi_gcd(divisor, a->strides[i]);
    for (int i = 0; i < b->rank; i++)
        if (b->strides[i] >= least && b->strides[i] < limit)
            divisor = bgi_gcd(divisor, b->strides[i]);
    return divisor;
}

static int64_t modulo(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/* Whether the axes with strides below the limit, b's starting `shift` bytes behind a's, miss each other: because all of
 * one is behind the other, or because the elements of both stay on different places modulo the strides' common divisor.
 */
static bool misses_below(const layout *a, const layout *b, int64_t limit, int64_t shift)
{
    if (shift >= span_below(a, limit) || -shift >= span_below(b, limit))
        return true;
    int64_t divisor = divisor_between(a, b, 0, limit);
    if (divisor == 0)
        return false;
    int64_t rest = modulo(shift, divisor);
    return rest >= a->element && rest <= divisor - b->element;
}

/* The axes with strides of at least the limit move both by multiples of a divisor. If what is below fits into it, then
 * only two shifts can bring one to the other: that modulo the divisor, and the next one on the other side of 0. */
static bool misses_modulo(const layout *a, const layout *b, int64_t limit, int64_t shift)
{
    int64_t divisor = divisor_between(a, b, limit, INT64_MAX);
    if (divisor == 0 || span_below(a, limit) > divisor || span_below(b, limit) > divisor)
        return false;
    int64_t rest = modulo(shift, divisor);
    return misses_below(a, b, limit, rest) && misses_below(a, b, limit, rest - divisor);
}

bool bgi_tensor_overlap(const bg_tensor *a, const bg_tensor *b)
{
    if (bg_shape_count(a->shape) == 0 || bg_shape_count(b->shape) == 0)
        return false;
    layout x = layout_of(a), y = layout_of(b);
    /* User memory is below 2^63 on all processors that there are. */
    int64_t shift = (int64_t)(y.start - x.start);
    if (misses_below(&x, &y, INT64_MAX, shift))
        return false;
    for (int i = 0; i < x.rank; i++)
        if (misses_modulo(&x, &y, x.strides[i], shift))
            return false;
    for (int i = 0; i < y.rank; i++)
        if (misses_modulo(&x, &y, y.strides[i], shift))
            return false;
    return true;
}
