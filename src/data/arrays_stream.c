/* Arrays in NPY files whose elements are read when they are needed. */
#include "data/arrays.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "io/file.h"
#include "io/npy.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

/* Elements that are converted at a time. */
enum { PIECE = 1 << 12 };

/* A column in a file. */
typedef struct {
    int descriptor; /* -1 while it is not open */
    uint64_t start; /* of the elements */
    bgi_npy_layout layout;
    bgi_npy_source about; /* for messages */
    char *path;
    size_t path_bytes;
    bgi_array_name name;
    bool holds_classes, scales_bytes;
    bg_column column; /* what is made of it */
} array_file;

typedef struct {
    bg_engine *engine;
    array_file files[2]; /* inputs, and targets */
    int count;
    bool stays_open;
    void *piece; /* room for PIECE elements before they are converted */
} stream;

/* ---- Reading ---- */

/* Elements as they become in memory what bg_npy_load makes of them. */
static bg_status load(const array_file *f, int64_t first, size_t count, void *to)
{
    size_t size = f->layout.type->size;
    bg_status status = bgi_file_read_at(f->descriptor, f->about.caller, f->path, f->start + (uint64_t)first * size,
                                        bgi_npy_raw_place(&f->layout, to, count), count * size);
    return status ? status : bgi_npy_finish(&f->layout, &f->about, to, count, (size_t)first);
}

static bg_status convert(const array_file *f, int64_t first, size_t count, const void *from, void *to)
{
    const bgi_elements elements = { from, f->layout.type->dtype, count, f->name.text, first };
    int64_t unused = 0;
    return f->holds_classes ? bgi_convert_classes(to, &unused, &elements)
                            : bgi_convert_numbers(to, f->column.dtype, &elements, f->scales_bytes);
}

/* Elements that follow one another in the file. */
static bg_status read_run(const array_file *f, int64_t first, size_t count, unsigned char *to, void *piece)
{
    bg_status status = BG_OK;
    bool is_converted = f->layout.type->dtype != f->column.dtype;
    size_t size = bg_dtype_size(f->column.dtype), most = is_converted ? PIECE : count;
    for (size_t done = 0; done < count && !status; done += most) {
        size_t n = count - done < most ? count - done : most;
        void *from = is_converted ? piece : to;
        status = load(f, first + (int64_t)done, n, from);
        if (!status)
            status = convert(f, first + (int64_t)done, n, from, to + done * size);
    }
    return status;
}

static void leave(array_file *f)
{
    if (f->descriptor >= 0)
        bgi_file_close(f->descriptor);
    f->descriptor = -1;
}

/* Opens a file again that is not open all the time. */
static bg_status reach(array_file *f)
{
    if (f->descriptor >= 0)
        return BG_OK;
    bgi_opened opened;
    bg_status status = bgi_file_open(&opened, f->about.caller, f->path);
    if (status)
        return status;
    f->descriptor = opened.descriptor;
    if (opened.bytes == f->start + f->layout.elements)
        return BG_OK;
    leave(f);
    return bg_fail(BG_ERR_IO, "%s: %s: the file has another size than when it was read first", f->about.caller,
                   bgi_path_text(f->path));
}

static bg_status read_examples(const stream *s, array_file *f, const int64_t *examples, int64_t n, unsigned char *to)
{
    int64_t places = bg_shape_count(f->column.shape);
    size_t row_bytes = (size_t)places * bg_dtype_size(f->column.dtype);
    bg_status status = reach(f);
    for (int64_t i = 0, run; i < n && row_bytes > 0 && !status; i += run, to += (size_t)run * row_bytes) {
        run = bgi_run_length(examples + i, n - i);
        status = read_run(f, examples[i] * places, (size_t)(run * places), to, s->piece);
    }
    if (!s->stays_open)
        leave(f);
    return status;
}

static bg_status read_columns(void *user, const int64_t *examples, int64_t n, void *const *columns)
{
    stream *s = user;
    bg_status status = BG_OK;
    for (int c = 0; c < s->count && !status; c++)
        if (columns[c])
            status = read_examples(s, &s->files[c], examples, n, columns[c]);
    return status;
}

/* ---- Opening ---- */

static void close_all(void *user)
{
    stream *s = user;
    bg_engine *engine = s->engine;
    for (int i = 0; i < s->count; i++) {
        leave(&s->files[i]);
        bgi_free(engine, s->files[i].path, s->files[i].path_bytes);
    }
    bgi_free(engine, s->piece, PIECE * sizeof(double));
    bgi_free(engine, s, sizeof *s);
}

static bg_status check_order(const array_file *f)
{
    if (!f->layout.is_fortran || f->layout.shape.rank < 2)
        return BG_OK;
    return bg_fail(BG_ERR_FORMAT,
                   "%s: the array is column-major (fortran_order), so that no example lies in one place; streamed are "
                   "row-major ones, as numpy.ascontiguousarray makes them",
                   f->name.text);
}

static bg_status open_file(stream *s, const char *caller, const char *path)
{
    array_file *f = &s->files[s->count++];
    *f = (array_file){ .descriptor = -1, .path_bytes = strlen(path) + 1 };
    (void)snprintf(f->name.text, sizeof f->name.text, "%s: %s", caller, bgi_path_text(path));
    f->path = bgi_alloc(s->engine, f->path_bytes);
    if (!f->path)
        return BG_ERR_NOMEM;
    memcpy(f->path, path, f->path_bytes);
    f->about = (bgi_npy_source){ .caller = caller, .path = f->path };
    bg_status status = bgi_npy_file_open(&f->layout, &f->descriptor, &f->start, s->engine, caller, path);
    return status ? status : check_order(f);
}

/* What examples of the array are: numbers [n] are rows of one each. */
static bg_status describe(array_file *f, bool holds_classes, bool scales_bytes, bg_dtype dtype)
{
    bg_shape shape = f->layout.shape, example = { .rank = shape.rank - 1 };
    memcpy(example.dims, shape.dims + 1, (size_t)example.rank * sizeof(int64_t));
    f->holds_classes = holds_classes;
    f->scales_bytes = scales_bytes;
    if (!holds_classes && example.rank == 0)
        example = BG_SHAPE(1);
    f->column = (bg_column){ .dtype = holds_classes ? BG_I64 : dtype, .shape = example };
    return holds_classes ? bgi_check_class_type(f->layout.type->dtype, f->name.text) : BG_OK;
}

static bg_status open_all(stream *s, const char *caller, const char *path, const bg_data_options *options)
{
    array_file *x = &s->files[0], *y = &s->files[1];
    s->piece = bgi_alloc(s->engine, PIECE * sizeof(double));
    bg_status status = s->piece ? open_file(s, caller, path) : BG_ERR_NOMEM;
    if (!status && options->target_file)
        status = open_file(s, caller, options->target_file);
    if (status)
        return status;
    const bgi_array_about inputs = { x->name.text, x->layout.shape }, targets = { y->name.text, y->layout.shape };
    status = bgi_arrays_check(&inputs, s->count > 1 ? &targets : NULL);
    if (!status)
        status = describe(x, false, true, options->dtype);
    if (!status && s->count > 1)
        status = describe(y, bgi_arrays_hold_classes(y->layout.type->dtype, y->layout.shape.rank, options), false,
                          options->dtype);
    return status;
}

/* The largest class plus one. */
static bg_status find_classes(bg_dataset *dataset)
{
    bgi_pass pass;
    bg_status status = bgi_pass_begin(&pass, dataset, 1);
    if (status)
        return status;
    while (!(status = bgi_pass_next(&pass)) && pass.n > 0)
        for (size_t i = 0; i < (size_t)pass.n * pass.row_bytes / sizeof(int64_t); i++) {
            int64_t class = ((const int64_t *)(const void *)pass.data)[i];
            dataset->classes = class >= dataset->classes ? class + 1 : dataset->classes;
        }
    bgi_pass_end(&pass);
    return status;
}

bg_status bgi_arrays_stream(bg_dataset **dataset, bg_engine *engine, const char *caller, const char *path,
                            const bg_data_options *options, bool stays_open)
{
    stream *s = bgi_alloc_zero(engine, sizeof *s);
    if (!s)
        return BG_ERR_NOMEM;
    s->engine = engine;
    s->stays_open = stays_open;
    bg_status status = open_all(s, caller, path, options);
    for (int i = 0; i < s->count && !stays_open; i++)
        leave(&s->files[i]);
    const bg_column columns[] = { s->files[0].column, s->files[1].column };
    if (!status)
        status = bg_dataset_create_from(dataset, engine,
                                        &(bg_source){ .size = s->files[0].layout.shape.dims[0],
                                                      .columns = columns,
                                                      .n_columns = s->count,
                                                      .name = path,
                                                      .read = read_columns,
                                                      .destroy = close_all,
                                                      .user = s });
    if (status) {
        close_all(s);
        return status;
    }
    if (s->count > 1 && s->files[1].holds_classes)
        status = find_classes(*dataset);
    if (status) {
        bg_dataset_destroy(*dataset);
        *dataset = NULL;
    }
    return status;
}
