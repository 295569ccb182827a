/* Writing NPY. */
#include "io/bytes.h"
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>
#include <blasgrad/io.h>

#include "tensor/storage.h"

static bg_status write_array(const bg_tensor *tensor, bgi_new_file *file)
{
    char head[BGI_NPY_HEAD];
    void *copy = NULL;
    size_t bytes = (size_t)bg_shape_count(tensor->shape) * bg_dtype_size(tensor->dtype);
    bg_status status = bgi_new_file_write(file, head, bgi_npy_head(head, tensor));
    if (status || bytes == 0)
        return status;
    const void *data = bgi_bytes_of(tensor, bytes, &copy);
    status = data ? bgi_new_file_write(file, data, bytes) : BG_ERR_NOMEM;
    bgi_free(tensor->storage->engine, copy, bytes);
    return status;
}

bg_status bg_npy_save(const bg_tensor *tensor, const char *path)
{
    static const char caller[] = "npy_save";
    bg_status status = bgi_tensor_check(tensor, caller);
    if (status)
        return status;
    if (!path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: path is NULL", caller);
    bgi_new_file file;
    status = bgi_new_file_begin(&file, tensor->storage->engine, caller, path);
    if (status)
        return status;
    status = write_array(tensor, &file);
    if (status)
        bgi_new_file_discard(&file);
    return status ? status : bgi_new_file_commit(&file);
}
