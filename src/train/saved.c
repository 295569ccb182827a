#include "train/saved.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

bg_status bgi_saved_add(bg_archive *archive, bg_engine *engine, const char *name, bg_dtype dtype, bg_shape shape,
                        const void *values)
{
    bg_tensor *tensor;
    bg_status status = bg_tensor_create(&tensor, engine, dtype, shape);
    if (status != BG_OK)
        return status;
    size_t bytes = (size_t)bg_shape_count(shape) * bg_dtype_size(dtype);
    if (bytes > 0)
        memcpy(bg_tensor_data(tensor), values, bytes);
    status = bg_archive_add(archive, name, tensor);
    bg_tensor_destroy(tensor);
    return status;
}

bg_status bgi_saved_check(const bg_tensor *tensor, const char *caller, const char *name, bg_dtype dtype, bg_shape shape)
{
    if (!tensor)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the archive has no \"%s\"", caller, name);
    if (bg_tensor_dtype(tensor) != dtype)
        return bg_fail(BG_ERR_DTYPE, "%s: \"%s\" is %s, not %s", caller, name, bg_dtype_name(bg_tensor_dtype(tensor)),
                       bg_dtype_name(dtype));
    bg_shape own = bg_tensor_shape(tensor);
    for (int i = 0; i < shape.rank && own.rank == shape.rank; i++)
        if (shape.dims[i] < 0)
            shape.dims[i] = own.dims[i];
    if (!bg_shape_equal(own, shape))
        return bg_fail(BG_ERR_SHAPE, "%s: \"%s\" has the shape %s, not %s", caller, name, bgi_shape_format(own).text,
                       bgi_shape_format(shape).text);
    return BG_OK;
}
