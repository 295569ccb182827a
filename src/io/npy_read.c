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

/* How far apart neighbours along each axis are among column-major elements. */
static void column_steps(const bgi_npy_layout *layout, int64_t steps[BG_MAX_RANK])
{
    int64_t step = 1;
    for (int axis = 0; axis < layout->shape.rank; axis++) {
        steps[axis] = step;
        step *= layout->shape.dims[axis];
    }
}

static bool is_column_major(const bgi_npy_layout *layout) { return layout->is_fortran && layout->shape.rank > 1; }

/* All bytes of elements that have to be laid out anew, in memory that is to be freed. */
static bg_status read_aside(unsigned char **aside, const bgi_npy_layout *layout, bg_engine *engine,
                            bgi_npy_source *source)
{
    *aside = bgi_alloc(engine, layout->elements);
    return *aside ? source->read(source, *aside, layout->elements) : BG_ERR_NOMEM;
}

static bg_status read_columns(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                              unsigned char *raw)
{
    int64_t strides[BG_MAX_RANK], columns[BG_MAX_RANK];
    unsigned char *aside;
    bgi_shape_strides(layout->shape, strides);
    column_steps(layout, columns);
    bg_status status = read_aside(&aside, layout, engine, source);
    if (!status)
        bgi_strided_copy(raw, strides, aside, columns, layout->shape, layout->type->size);
    bgi_free(engine, aside, layout->elements);
    return status;
}

bg_status bgi_npy_read_elements(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source, void *elements)
{
    if (layout->elements == 0)
        return BG_OK;
    size_t count = layout->elements / layout->type->size;
    unsigned char *raw = bgi_npy_raw_place(layout, elements, count);
    bg_status status = is_column_major(layout) ? read_columns(layout, engine, source, raw)
                                               : source->read(source, raw, layout->elements);
    return status ? status : bgi_npy_finish(layout, source, elements, count, 0);
}

/* A walk in row-major order through column-major elements. */
typedef struct {
    const unsigned char *elements;
    int64_t at; /* the place of the next one; behind the last, far beyond them */
    int64_t steps[BG_MAX_RANK], index[BG_MAX_RANK];
} walk;

static void gather(walk *w, const bgi_npy_layout *layout, unsigned char *to, size_t count)
{
    static const int64_t dense[] = { 1 };
    const int64_t *dims = layout->shape.dims;
    size_t size = layout->type->size;
    int last = layout->shape.rank - 1;
    while (count > 0) {
        size_t rest = (size_t)(dims[last] - w->index[last]), run = rest < count ? rest : count;
        bgi_strided_copy(to, dense, w->elements + (size_t)w->at * size, &w->steps[last], BG_SHAPE((int64_t)run), size);
        to += run * size;
        count -= run;
        w->at += w->steps[last] * (int64_t)run;
        w->index[last] += (int64_t)run;
        for (int axis = last; axis > 0 && w->index[axis] == dims[axis]; axis--) {
            w->at += w->steps[axis - 1] - w->steps[axis] * dims[axis];
            w->index[axis] = 0;
            w->index[axis - 1]++;
        }
    }
}

bg_status bgi_npy_read_pieces(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                              bgi_npy_take *take, void *user)
{
    enum { PIECE = 1024 };
    _Alignas(8) unsigned char piece[PIECE * 8];
    unsigned char *aside = NULL;
    size_t count = layout->elements / layout->type->size;
    bool is_turned = count > 0 && is_column_major(layout);
    bg_status status = is_turned ? read_aside(&aside, layout, engine, source) : BG_OK;
    walk w = { .elements = aside };
    if (is_turned)
        column_steps(layout, w.steps);
    for (size_t done = 0; done < count && !status; done += PIECE) {
        size_t n = count - done < PIECE ? count - done : PIECE;
        unsigned char *raw = bgi_npy_raw_place(layout, piece, n);
        if (is_turned)
            gather(&w, layout, raw, n);
        else
            status = source->read(source, raw, n * layout->type->size);
        if (!status)
            status = bgi_npy_finish(layout, source, piece, n, done);
        if (!status)
            status = take(user, piece, n, done);
    }
    bgi_free(engine, aside, layout->elements);
    return status;
}

bg_status bgi_npy_read(bg_tensor **tensor, bg_engine *engine, bgi_npy_source *source)
{
    bgi_npy_layout layout;
    bg_status status = bgi_npy_read_layout(&layout, engine, source);
    if (!status)
        status = bgi_tensor_create_unset(tensor, engine, layout.type->dtype, layout.shape);
    if (!status)
        status = bgi_npy_read_elements(&layout, engine, source, bg_tensor_data(*tensor));
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

bg_status bgi_npy_file_visit(bg_engine *engine, const char *caller, const char *path, bgi_npy_visit *visit, void *user)
{
    npy_file file;
    bgi_npy_layout layout;
    bg_status status = open_file(&file, caller, path);
    if (status)
        return status;
    status = bgi_npy_read_layout(&layout, engine, &file.source);
    if (!status)
        status = visit(user, &layout, engine, &file.source);
    bgi_file_close(file.descriptor);
    return status;
}
