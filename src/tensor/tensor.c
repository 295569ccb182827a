/* Tensors: making, filling and reading them. */
#include "tensor/tensor.h"

#include "tensor/storage.h"

#include <blasgrad/graph.h>

#include <math.h>
#include <string.h>

/* ---- Life ---- */

void bgi_tensor_retain(bg_tensor *tensor) { atomic_fetch_add_explicit(&tensor->references, 1, memory_order_relaxed); }

void bgi_tensor_swap(bg_tensor *a, bg_tensor *b)
{
    bgi_storage *kept = a->storage;
    a->storage = b->storage;
    b->storage = kept;
    a->storage->version++;
    b->storage->version++;
}

static void storage_release(bgi_storage *storage)
{
    if (atomic_fetch_sub_explicit(&storage->references, 1, memory_order_acq_rel) != 1)
        return;
    bg_engine *engine = storage->engine;
    if (!storage->is_wrapped)
        bgi_free(engine, storage->data, storage->bytes);
    bgi_free(engine, storage, sizeof *storage);
    bgi_engine_release(engine);
}

void bg_tensor_destroy(bg_tensor *tensor)
{
    if (!tensor || atomic_fetch_sub_explicit(&tensor->references, 1, memory_order_acq_rel) != 1)
        return;
    /* The storage is released last: with it may go the engine, through whose allocator the tensor itself goes. */
    bgi_storage *storage = tensor->storage;
    bgi_free(storage->engine, tensor, sizeof *tensor);
    storage_release(storage);
}

bg_tensor *bgi_tensor_over(bgi_storage *storage, bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor = bgi_alloc_zero(storage->engine, sizeof *tensor);
    if (!tensor)
        return NULL;
    atomic_init(&tensor->references, 1);
    tensor->storage = storage;
    tensor->dtype = dtype;
    tensor->shape = shape;
    bgi_shape_strides(shape, tensor->strides);
    atomic_fetch_add_explicit(&storage->references, 1, memory_order_relaxed);
    return tensor;
}

/* A tensor over `wrapped`, or over new memory if it is NULL. */
static bg_status make(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape, size_t bytes,
                      void *wrapped)
{
    bgi_storage *storage = bgi_alloc_zero(engine, sizeof *storage);
    if (!storage)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    atomic_init(&storage->references, 1);
    storage->engine = engine;
    storage->bytes = bytes;
    storage->is_wrapped = wrapped != NULL;
    storage->data = wrapped ? wrapped : bgi_alloc(engine, bytes);
    bg_tensor *made = storage->data ? bgi_tensor_over(storage, dtype, shape) : NULL;
    storage_release(storage); /* the tensor holds it, or nobody does */
    if (!made)
        return BG_ERR_NOMEM;
    *tensor = made;
    return BG_OK;
}

bg_status bg_tensor_create(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape)
{
    size_t bytes = 0;
    if (tensor)
        *tensor = NULL;
    bg_status status = bgi_engine_check(engine, "tensor_create");
    if (status == BG_OK && !tensor)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_create: no place for the result");
    if (status == BG_OK)
        status = bgi_shape_check(shape, dtype, "tensor_create", NULL, &bytes);
    if (status == BG_OK)
        status = make(tensor, engine, dtype, shape, bytes, NULL);
    if (status == BG_OK)
        memset((*tensor)->storage->data, 0, bytes);
    return status;
}

bg_status bgi_tensor_create_unset(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape)
{
    size_t bytes;
    bg_status status = bgi_shape_check(shape, dtype, "tensor_create", NULL, &bytes);
    return status ? status : make(tensor, engine, dtype, shape, bytes, NULL);
}

bg_status bg_tensor_wrap(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape, void *data)
{
    /* What stands for the memory of no elements: never read, but pointers to it may be computed and passed on. */
    static const _Alignas(64) unsigned char nothing[64] = { 0 };

    size_t bytes = 0;
    if (tensor)
        *tensor = NULL;
    bg_status status = bgi_engine_check(engine, "tensor_wrap");
    if (status == BG_OK && !tensor)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_wrap: no place for the result");
    if (status == BG_OK)
        status = bgi_shape_check(shape, dtype, "tensor_wrap", NULL, &bytes);
    if (status != BG_OK)
        return status;
    if (!data && bytes > 0)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_wrap: no data for %s %s", bg_dtype_name(dtype),
                       bgi_shape_format(shape).text);
    if ((uintptr_t)data % bg_dtype_size(dtype) != 0)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_wrap: data at %p is not aligned for %s, which takes a multiple of %zu",
                       data, bg_dtype_name(dtype), bg_dtype_size(dtype));
    return make(tensor, engine, dtype, shape, bytes, data ? data : (void *)nothing);
}

bg_status bgi_tensor_check(const bg_tensor *tensor, const char *caller)
{
    if (!tensor)
        return bg_fail(BG_ERR_ARGUMENT, "%s: no tensor", caller);
    return bgi_engine_check(tensor->storage->engine, caller);
}

/* ---- Questions ---- */

bg_shape bg_tensor_shape(const bg_tensor *tensor) { return tensor->shape; }
bg_dtype bg_tensor_dtype(const bg_tensor *tensor) { return tensor->dtype; }
const int64_t *bg_tensor_strides(const bg_tensor *tensor) { return tensor->strides; }

bool bg_tensor_is_contiguous(const bg_tensor *tensor)
{
    int64_t stride = 1;
    bool is_dense = true;
    for (int i = tensor->shape.rank; i-- > 0;) {
        int64_t extent = tensor->shape.dims[i];
        if (extent == 0)
            return true;
        if (extent > 1 && tensor->strides[i] != stride)
            is_dense = false;
        if (is_dense)
            stride *= extent;
    }
    return is_dense;
}

void *bg_tensor_data(bg_tensor *tensor)
{
    tensor->storage->version++;
    return bgi_tensor_bytes(tensor);
}

const void *bg_tensor_const_data(const bg_tensor *tensor) { return bgi_tensor_bytes(tensor); }

/* ---- Contents ---- */

static size_t byte_count(const bg_tensor *tensor)
{
    return (size_t)bg_shape_count(tensor->shape) * bg_dtype_size(tensor->dtype);
}

/* Whether one element stands at several indices. */
static bool is_expanded(const bg_tensor *tensor)
{
    bool is_repeated = false;
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dims[i] == 0)
            return false;
        is_repeated = is_repeated || (tensor->shape.dims[i] > 1 && tensor->strides[i] == 0);
    }
    return is_repeated;
}

/* From the first byte of a tensor that is not empty to behind its last. */
static size_t byte_span(const bg_tensor *tensor)
{
    int64_t last = 0;
    for (int i = 0; i < tensor->shape.rank; i++)
        last += (tensor->shape.dims[i] - 1) * tensor->strides[i];
    return ((size_t)last + 1) * bg_dtype_size(tensor->dtype);
}

static bg_status check_bytes(const bg_tensor *tensor, const void *data, size_t bytes, const char *caller)
{
    bg_status status = bgi_tensor_check(tensor, caller);
    if (status != BG_OK)
        return status;
    if (bytes != byte_count(tensor))
        return bg_fail(BG_ERR_ARGUMENT, "%s: %zu bytes for %s %s, which has %zu", caller, bytes,
                       bg_dtype_name(tensor->dtype), bgi_shape_format(tensor->shape).text, byte_count(tensor));
    if (bytes == 0)
        return BG_OK;
    if (!data)
        return bg_fail(BG_ERR_ARGUMENT, "%s: no data", caller);
    uintptr_t ours = (uintptr_t)bgi_tensor_bytes(tensor), theirs = (uintptr_t)data;
    if (theirs < ours + byte_span(tensor) && ours < theirs + bytes)
        return bg_fail(BG_ERR_OVERLAP, "%s: the data lie in the tensor's own memory", caller);
    return BG_OK;
}

bg_status bg_tensor_copy_from(bg_tensor *tensor, const void *data, size_t bytes)
{
    bg_status status = check_bytes(tensor, data, bytes, "tensor_copy_from");
    if (status == BG_OK && is_expanded(tensor))
        status = bg_fail(BG_ERR_OVERLAP, "tensor_copy_from: the view %s has one element at several places",
                         bgi_shape_format(tensor->shape).text);
    if (status != BG_OK || bytes == 0)
        return status;
    int64_t dense[BG_MAX_RANK];
    bgi_shape_strides(tensor->shape, dense);
    tensor->storage->version++;
    bgi_strided_copy(bgi_tensor_bytes(tensor), tensor->strides, data, dense, tensor->shape,
                     bg_dtype_size(tensor->dtype));
    return BG_OK;
}

bg_status bg_tensor_copy_to(const bg_tensor *tensor, void *data, size_t bytes)
{
    bg_status status = check_bytes(tensor, data, bytes, "tensor_copy_to");
    if (status != BG_OK || bytes == 0)
        return status;
    int64_t dense[BG_MAX_RANK];
    bgi_shape_strides(tensor->shape, dense);
    bgi_strided_copy(data, dense, bgi_tensor_bytes(tensor), tensor->strides, tensor->shape,
                     bg_dtype_size(tensor->dtype));
    return BG_OK;
}

bg_status bg_tensor_copy(bg_tensor *target, const bg_tensor *source)
{
    bg_status status = bgi_tensor_check(target, "tensor_copy");
    if (status == BG_OK)
        status = bgi_tensor_check(source, "tensor_copy");
    if (status != BG_OK)
        return status;
    if (target->dtype != source->dtype)
        return bg_fail(BG_ERR_DTYPE, "tensor_copy: target is %s, source is %s", bg_dtype_name(target->dtype),
                       bg_dtype_name(source->dtype));
    if (!bg_shape_equal(target->shape, source->shape))
        return bg_fail(BG_ERR_SHAPE, "tensor_copy: target is %s, source is %s", bgi_shape_format(target->shape).text,
                       bgi_shape_format(source->shape).text);
    if (is_expanded(target))
        return bg_fail(BG_ERR_OVERLAP, "tensor_copy: the target %s has one element at several places",
                       bgi_shape_format(target->shape).text);
    if (bgi_tensor_overlap(target, source))
        return bg_fail(BG_ERR_OVERLAP, "tensor_copy: target and source %s share memory",
                       bgi_shape_format(target->shape).text);
    target->storage->version++;
    bgi_strided_copy(bgi_tensor_bytes(target), target->strides, bgi_tensor_bytes(source), source->strides,
                     target->shape, bg_dtype_size(target->dtype));
    return BG_OK;
}

/* One element of any type. */
typedef union {
#define ELEMENT_FIELD(name, type, text) type as_##name;
    BG_DTYPE_LIST(ELEMENT_FIELD)
#undef ELEMENT_FIELD
} element;

/* Converts as C does, towards zero; false where C leaves the result open, or a finite value would become infinite. */
static bool convert(double value, bg_dtype dtype, element *e)
{
    switch (dtype) {
    case BG_F32:
        e->as_BG_F32 = (float)value;
        return isfinite(e->as_BG_F32) || !isfinite(value);
    case BG_F64:
        e->as_BG_F64 = value;
        return true;
    case BG_I32:
        if (!(value > -2147483649.0 && value < 2147483648.0))
            return false;
        e->as_BG_I32 = (int32_t)value;
        return true;
    case BG_I64:
        if (!(value >= -0x1p63 && value < 0x1p63))
            return false;
        e->as_BG_I64 = (int64_t)value;
        return true;
    case BG_U8:
        if (!(value > -1 && value < 256))
            return false;
        e->as_BG_U8 = (uint8_t)value;
        return true;
    case BG_BOOL:
        e->as_BG_BOOL = value != 0;
        return true;
    case BG_DTYPE_COUNT:
        break;
    }
    return false;
}

bg_status bg_tensor_fill(bg_tensor *tensor, double value)
{
    bg_status status = bgi_tensor_check(tensor, "tensor_fill");
    if (status != BG_OK)
        return status;
    element e = { 0 };
    if (!convert(value, tensor->dtype, &e))
        return bg_fail(BG_ERR_ARGUMENT, "tensor_fill: %.17g does not fit %s", value, bg_dtype_name(tensor->dtype));
    static const int64_t same[BG_MAX_RANK] = { 0 };
    tensor->storage->version++;
    bgi_strided_copy(bgi_tensor_bytes(tensor), tensor->strides, &e, same, tensor->shape, bg_dtype_size(tensor->dtype));
    return BG_OK;
}

bg_status bg_tensor_item(const bg_tensor *tensor, int64_t index, double *value)
{
    bg_status status = bgi_tensor_check(tensor, "tensor_item");
    if (status != BG_OK)
        return status;
    if (!value)
        return bg_fail(BG_ERR_ARGUMENT, "tensor_item: no place for the result");
    int64_t count = bg_shape_count(tensor->shape);
    if (index < 0 || index >= count)
        return bg_fail(BG_ERR_INDEX, "tensor_item: index %lld of %s, which has %lld elements", (long long)index,
                       bgi_shape_format(tensor->shape).text, (long long)count);
    int64_t place = 0, rest = index;
    for (int i = tensor->shape.rank; i-- > 0;) {
        place += rest % tensor->shape.dims[i] * tensor->strides[i];
        rest /= tensor->shape.dims[i];
    }

    element e = { 0 };
    size_t size = bg_dtype_size(tensor->dtype);
    memcpy(&e, bgi_tensor_bytes(tensor) + (size_t)place * size, size);
    switch (tensor->dtype) {
#define ELEMENT_VALUE(name, type, text)                                                                                \
    case name:                                                                                                         \
        *value = (double)e.as_##name;                                                                                  \
        break;
        BG_DTYPE_LIST(ELEMENT_VALUE)
#undef ELEMENT_VALUE
    case BG_DTYPE_COUNT:
        break;
    }
    return BG_OK;
}
