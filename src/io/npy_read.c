/* Reading NPY: the elements straight into the tensor. */
#include "io/bytes.h"
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>
#include <blasgrad/io.h>

#include "tensor/tensor.h"

/* At the end of the memory: narrow elements then become wide from the first on, and none is written over before it was
 * read. */
unsigned char *bgi_npy_raw_place(const bgi_npy_layout *layout, void *elements, size_t count)
{
    return (unsigned char *)elements + count * (bg_dtype_size(layout->type->dtype) - layout->type->size);
}

static void widen(const bgi_npy_type *type, const unsigned char *raw, unsigned char *data, size_t count)
{
    enum { PIECE = 1024 };
    _Alignas(8) unsigned char piece[PIECE * 4];
    size_t size = type->size, wide = bg_dtype_size(type->dtype);
    for (size_t done = 0; done < count; done += PIECE) {
        size_t n = count - done < PIECE ? count - done : PIECE;
        memcpy(piece, raw + done * size, n * size);
        type->widen(data + done * wide, piece, n);
    }
}

static bg_status check_values(const bgi_npy_type *type, const bgi_npy_source *source, const unsigned char *data,
                              size_t count, size_t first)
{
    if (type->dtype == BG_BOOL)
        for (size_t i = 0; i < count; i++)
            if (data[i] > 1)
                return BGI_NPY_FAIL(source, "element %zu is the bool %d", first + i, data[i]);
    if (type->code[0] == 'u' && type->size == 8)
        for (size_t i = 0; i < count; i++)
            if (((const int64_t *)(const void *)data)[i] < 0)
                return BGI_NPY_FAIL(source, "element %zu is %llu, which i64 cannot hold", first + i,
                                    ((const unsigned long long *)(const void *)data)[i]);
    return BG_OK;
}

bg_status bgi_npy_finish(const bgi_npy_layout *layout, const bgi_npy_source *source, void *elements, size_t count,
                         size_t first)
{
    unsigned char *raw = bgi_npy_raw_place(layout, elements, count);
    if (layout->is_big_endian != BGI_IS_BIG_ENDIAN)
        bgi_bytes_reverse(raw, count, layout->type->size);
    if (layout->type->widen)
        widen(layout->type, raw, elements, count);
    return check_values(layout->type, source, elements, count, first);
}

/* Column-major elements are read aside and laid out anew. */
static bg_status read_columns(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                              unsigned char *raw)
{
    int64_t strides[BG_MAX_RANK], columns[BG_MAX_RANK], step = 1;
    bgi_shape_strides(layout->shape, strides);
    for (int axis = 0; axis < layout->shape.rank; axis++) {
        columns[axis] = step;
        step *= layout->shape.dims[axis];
    }
    unsigned char *aside = bgi_alloc(engine, layout->elements);
    if (!aside)
        return BG_ERR_NOMEM;
    bg_status status = source->read(source, aside, layout->elements);
    if (!status)
        bgi_strided_copy(raw, strides, aside, columns, layout->shape, layout->type->size);
    bgi_free(engine, aside, layout->elements);
    return status;
}

static bg_status read_elements(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                               unsigned char *data)
{
    size_t count = layout->elements / layout->type->size;
    unsigned char *raw = bgi_npy_raw_place(layout, data, count);
    bg_status status = layout->is_fortran && layout->shape.rank > 1 ? read_columns(layout, engine, source, raw)
                                                                    : source->read(source, raw, layout->elements);
    return status ? status : bgi_npy_finish(layout, source, data, count, 0);
}

bg_status bgi_npy_read(bg_tensor **tensor, bg_engine *engine, bgi_npy_source *source)
{
    bgi_npy_layout layout;
    bg_status status = bgi_npy_read_layout(&layout, engine, source);
    if (!status)
        status = bgi_tensor_create_unset(tensor, engine, layout.type->dtype, layout.shape);
    if (!status && layout.elements > 0)
        status = read_elements(&layout, engine, source, bg_tensor_data(*tensor));
    if (status) {
        bg_tensor_destroy(*tensor);
        *tensor = NULL;
    }
    return status;
}

/* ---- Files of one array ---- */

typedef struct {
    bgi_npy_source source;
    int descriptor;
    uint64_t offset;
} npy_file;

static bg_status read_file(bgi_npy_source *source, void *data, size_t bytes)
{
    npy_file *file = (npy_file *)source;
    bg_status status = bgi_file_read_at(file->descriptor, source->caller, source->path, file->offset, data, bytes);
    file->offset += bytes;
    return status;
}

static bg_status open_file(npy_file *file, const char *caller, const char *path)
{
    bgi_opened opened;
    bg_status status = bgi_file_open(&opened, caller, path);
    if (status)
        return status;
    *file = (npy_file){ .source = { .caller = caller, .path = path, .bytes = opened.bytes, .read = read_file },
                        .descriptor = opened.descriptor };
    if (opened.is_regular)
        return BG_OK;
    bgi_file_close(opened.descriptor);
    return bg_fail(BG_ERR_IO, "%s: %s: not a regular file", caller, bgi_path_text(path));
}

bg_status bgi_npy_file_open(bgi_npy_layout *layout, int *descriptor, uint64_t *start, bg_engine *engine,
                            const char *caller, const char *path)
{
    npy_file file;
    bg_status status = open_file(&file, caller, path);
    if (status)
        return status;
    status = bgi_npy_read_layout(layout, engine, &file.source);
    if (status) {
        bgi_file_close(file.descriptor);
        return status;
    }
    *descriptor = file.descriptor;
    *start = file.offset;
    return BG_OK;
}

bg_status bg_npy_load(bg_tensor **tensor, bg_engine *engine, const char *path)
{
    static const char caller[] = "npy_load";
    if (!tensor)
        return bg_fail(BG_ERR_ARGUMENT, "%s: tensor is NULL", caller);
    *tensor = NULL;
    bg_status status = bgi_engine_check(engine, caller);
    npy_file file;
    if (!status)
        status = open_file(&file, caller, path);
    if (status)
        return status;
    status = bgi_npy_read(tensor, engine, &file.source);
    bgi_file_close(file.descriptor);
    return status;
}

bg_status bgi_npy_file_layout(bgi_npy_layout *layout, bg_engine *engine, const char *caller, const char *path)
{
    int descriptor;
    uint64_t start;
    bg_status status = bgi_npy_file_open(layout, &descriptor, &start, engine, caller, path);
    if (!status)
        bgi_file_close(descriptor);
    return status;
}
