/* Element types, shapes and strides. */
#include "tensor/tensor.h"

#include <blasgrad/graph.h>

#include <assert.h>
#include <stdio.h>

const char *bg_dtype_name(bg_dtype dtype)
{
    static const char *const names[BG_DTYPE_COUNT] = {
#define DTYPE_NAME(name, type, text) [name] = (text),
        BG_DTYPE_LIST(DTYPE_NAME)
#undef DTYPE_NAME
    };
    return (unsigned)dtype < BG_DTYPE_COUNT ? names[dtype] : "unknown dtype";
}

size_t bg_dtype_size(bg_dtype dtype)
{
    static const size_t sizes[BG_DTYPE_COUNT] = {
#define DTYPE_SIZE(name, type, text) [name] = sizeof(type),
        BG_DTYPE_LIST(DTYPE_SIZE)
#undef DTYPE_SIZE
    };
    return (unsigned)dtype < BG_DTYPE_COUNT ? sizes[dtype] : 0;
}

int64_t bg_shape_count(bg_shape shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++)
        count *= shape.dims[i];
    return count;
}

bool bg_shape_equal(bg_shape a, bg_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dims[i] != b.dims[i])
            return false;
    return true;
}

bgi_shape_text bgi_shape_format(bg_shape shape)
{
    bgi_shape_text result = { "[" };
    size_t used = 1;
    for (int i = 0; i < shape.rank && i < BG_MAX_RANK; i++) {
        int added =
            snprintf(result.text + used, sizeof result.text - used, "%s%lld", i ? ", " : "", (long long)shape.dims[i]);
        if (added < 0)
            break;
        used += (size_t)added;
    }
    /* Eight extents of 20 characters fit. */
    assert(used + 1 < sizeof result.text);
    result.text[used] = ']';
    result.text[used + 1] = '\0';
    return result;
}

bg_status bgi_shape_check(bg_shape shape, bg_dtype dtype, const char *caller, int64_t *count, size_t *bytes)
{
    size_t size = bg_dtype_size(dtype);
    if (size == 0)
        return bg_fail(BG_ERR_DTYPE, "%s: unknown dtype %d", caller, (int)dtype);
    if (shape.rank < 0 || shape.rank > BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "%s: rank %d; 0 to %d are possible", caller, shape.rank, BG_MAX_RANK);

    /* Extents of 0 are left out of the product that has to fit: strides then fit as well, and so does every shape that
     * a view or a reduction makes of this one by dropping or slicing an axis. */
    int64_t most = (int64_t)(PTRDIFF_MAX / size), product = 1;
    bool is_empty = false;
    for (int i = 0; i < shape.rank; i++) {
        int64_t extent = shape.dims[i];
        if (extent < 0)
            return bg_fail(BG_ERR_SHAPE, "%s: extent %lld of axis %d is negative: %s", caller, (long long)extent, i,
                           bgi_shape_format(shape).text);
        if (extent == 0) {
            is_empty = true;
            continue;
        }
        if (product > most / extent)
            return bg_fail(BG_ERR_OVERFLOW, "%s: the byte count of %s %s does not fit", caller, bg_dtype_name(dtype),
                           bgi_shape_format(shape).text);
        product *= extent;
    }
    if (is_empty)
        product = 0;
    if (count)
        *count = product;
    if (bytes)
        *bytes = (size_t)product * size;
    return BG_OK;
}

void bgi_shape_strides(bg_shape shape, int64_t strides[BG_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = BG_MAX_RANK; i-- > 0;) {
        strides[i] = i < shape.rank ? stride : 0;
        if (i < shape.rank && shape.dims[i] > 1)
            stride *= shape.dims[i];
    }
}

bool bgi_shape_broadcast(bg_shape a, bg_shape b, bg_shape *result)
{
    bg_shape r = { .rank = a.rank > b.rank ? a.rank : b.rank };
    for (int i = 0; i < r.rank; i++) {
        int in_a = i - (r.rank - a.rank), in_b = i - (r.rank - b.rank);
        int64_t from_a = in_a >= 0 ? a.dims[in_a] : 1, from_b = in_b >= 0 ? b.dims[in_b] : 1;
        if (from_a != from_b && from_a != 1 && from_b != 1)
            return false;
        r.dims[i] = from_a == 1 ? from_b : from_a;
    }
    *result = r;
    return true;
}

bool bgi_shape_reshape(bg_shape shape, const int64_t *strides, bg_shape target, int64_t target_strides[BG_MAX_RANK])
{
    bgi_shape_strides(target, target_strides);
    if (bg_shape_count(shape) == 0)
        return true;

    /* Axes of extent 1 carry no stride. */
    int64_t dims[BG_MAX_RANK] = { 0 }, steps[BG_MAX_RANK] = { 0 };
    int rank = 0;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] != 1) {
            dims[rank] = shape.dims[i];
            steps[rank++] = strides[i];
        }

    /* Both shapes fall into the same number of least groups of axes with equal products; a group of old axes has to be
     * evenly spaced to be cut anew. */
    int old = 0;
    for (int new = 0; new < target.rank;) {
        if (target.dims[new] == 1) {
            new ++;
            continue;
        }
        int old_end = old + 1, new_end = new + 1;
        int64_t old_product = dims[old], new_product = target.dims[new];
        while (old_product != new_product) {
            if (old_product < new_product)
                old_product *= dims[old_end++];
            else
                new_product *= target.dims[new_end++];
        }
        for (int i = old; i + 1 < old_end; i++)
            if (steps[i] != dims[i + 1] * steps[i + 1])
                return false;
        int64_t stride = steps[old_end - 1];
        for (int i = new_end; i-- > new;) {
            target_strides[i] = stride;
            stride *= target.dims[i];
        }
        old = old_end;
        new = new_end;
    }
    return true;
}
