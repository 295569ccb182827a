/* Writing NPY. */
#include "io/bytes.h"
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>
#include <blasgrad/io.h>

#include "tensor/storage.h"

#include <stdio.h>
#include <string.h>

size_t bgi_npy_head(char head[BGI_NPY_HEAD], const bg_tensor *tensor)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    const bgi_npy_type *type = bgi_npy_type_of(tensor->dtype);
    bg_shape shape = tensor->shape;
    int length =
        snprintf(head + PREFIX, BGI_NPY_HEAD - PREFIX, "{'descr': '%c%.2s', 'fortran_order': False, 'shape': (",
                 type->size > 1 ? '<' : '|', type->code);
    for (int i = 0; i < shape.rank; i++)
        length += snprintf(head + PREFIX + length, (size_t)(BGI_NPY_HEAD - PREFIX - length), "%s%lld%s", i ? " " : "",
                           (long long)shape.dims[i], i + 1 < shape.rank || shape.rank == 1 ? "," : "");
    length += snprintf(head + PREFIX + length, (size_t)(BGI_NPY_HEAD - PREFIX - length), "), }");
    size_t bytes = ((size_t)length + 1 + PREFIX + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(head + PREFIX + length, ' ', bytes - PREFIX - (size_t)length);
    head[bytes - 1] = '\n';
    memcpy(head, "\x93NUMPY\1\0", 8);
    head[8] = (char)((bytes - PREFIX) & 0xFF);
    head[9] = (char)((bytes - PREFIX) >> 8);
    return bytes;
}

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
