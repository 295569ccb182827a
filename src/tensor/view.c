/* Views: other shapes and strides over the elements of a tensor. */
#include "tensor/storage.h"

#include <blasgrad/graph.h>

#include <stdio.h>

static bg_status check(bg_tensor **view, const bg_tensor *tensor, const char *caller)
{
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

/* The bytes of a tensor: runs of `bytes` bytes from `start`, at all sums of multiples of the axes' strides. */
typedef struct {
    uintptr_t start;
    int rank;
    uint64_t dims[BG_MAX_RANK], strides[BG_MAX_RANK]; /* of axes that move; strides in bytes */
    uint64_t element;
} layout;

static layout layout_of(const bg_tensor *tensor)
{
    layout l = { .start = (uintptr_t)bgi_tensor_bytes(tensor), .element = bg_dtype_size(tensor->dtype) };
    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->shape.dims[i] > 1 && tensor->strides[i] != 0) {
            l.dims[l.rank] = (uint64_t)tensor->shape.dims[i];
            l.strides[l.rank++] = (uint64_t)tensor->strides[i] * l.element;
        }
    return l;
}

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Bytes from the first to behind the last, of the axes with smaller strides than the limit; the others' strides go into
 * the common divisor. */
static uint64_t span_below(const layout *l, uint64_t limit, uint64_t *divisor)
{
    uint64_t span = l->element;
    for (int i = 0; i < l->rank; i++) {
        if (l->strides[i] < limit)
            span += (l->dims[i] - 1) * l->strides[i];
        else
            *divisor = greatest_divisor(*divisor, l->strides[i]);
    }
    return span;
}

/* Axes with strides of at least the limit only move by multiples of their common divisor: if the spans of what is below
 * the limit do not meet modulo that divisor, nothing does. */
static bool is_apart_modulo(const layout *a, const layout *b, uint64_t limit)
{
    uint64_t divisor = 0;
    uint64_t span_a = span_below(a, limit, &divisor), span_b = span_below(b, limit, &divisor);
    if (divisor == 0)
        return false;
    uint64_t from_a =
        b->start >= a->start ? (b->start - a->start) % divisor : (divisor - (a->start - b->start) % divisor) % divisor;
    return from_a >= span_a && span_b <= divisor && from_a <= divisor - span_b;
}

bool bgi_tensor_overlap(const bg_tensor *a, const bg_tensor *b)
{
    if (bg_shape_count(a->shape) == 0 || bg_shape_count(b->shape) == 0)
        return false;
    layout x = layout_of(a), y = layout_of(b);
    uint64_t unused = 0;
    uint64_t span_x = span_below(&x, UINT64_MAX, &unused), span_y = span_below(&y, UINT64_MAX, &unused);
    if (x.start + span_x <= y.start || y.start + span_y <= x.start)
        return false;
    for (int i = 0; i < x.rank; i++)
        if (is_apart_modulo(&x, &y, x.strides[i]))
            return false;
    for (int i = 0; i < y.rank; i++)
        if (is_apart_modulo(&x, &y, y.strides[i]))
            return false;
    return true;
}
