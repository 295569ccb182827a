/* Elements of tensors for files. */
#include "io/bytes.h"

#include <blasgrad/io.h>

#include "base/hash.h"
#include "tensor/tensor.h"

const void *bgi_bytes_of(const bg_tensor *tensor, size_t bytes, void **copy)
{
    *copy = NULL;
    if (bg_tensor_is_contiguous(tensor) && !BGI_IS_BIG_ENDIAN)
        return bgi_tensor_bytes(tensor);
    size_t size = bg_dtype_size(tensor->dtype);
    *copy = bgi_alloc(tensor->storage->engine, bytes);
    if (!*copy)
        return NULL;
    int64_t strides[BG_MAX_RANK];
    bgi_shape_strides(tensor->shape, strides);
    bgi_strided_copy(*copy, strides, bgi_tensor_bytes(tensor), tensor->strides, tensor->shape, size);
    if (BGI_IS_BIG_ENDIAN)
        bgi_bytes_reverse(*copy, bytes / size, size);
    return *copy;
}

uint64_t bg_bytes_hash(const void *data, size_t bytes) { return bgi_hash_bytes(data, bytes); }
