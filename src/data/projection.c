/* Projecting a column: examples y = matrix (x - shift) + offset. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "base/status.h"
#include "tensor/tensor.h"

#include <string.h>

static const char caller[] = "dataset_project";

/* ---- Rows ---- */

/* So many at a time: enough that bringing the matrix together for them is little beside the products. */
enum { ROWS = 64 };

/* What a block of rows needs: as they were read, their differences from the shift, their products, and the product's
 * own. */
typedef struct {
    unsigned char *read;
    double *differences, *products, *scratch;
    void **columns; /* of the data set, moved on to the block at hand; NULL where `count` was 0 */
    unsigned char *memory;
    size_t bytes;
} workspace;

static bool open_workspace(workspace *w, bg_engine *engine, const bgi_projection *p, size_t read_bytes, int count)
{
    size_t differences = bgi_aligned((size_t)p->places * ROWS * sizeof(double));
    size_t products = bgi_aligned((size_t)p->outputs * ROWS * sizeof(double));
    size_t scratch = bgi_aligned(bgk_product_scratch(ROWS, p->outputs, p->places) * sizeof(double));
    read_bytes = bgi_aligned(read_bytes);
    w->bytes = read_bytes + differences + products + scratch + (size_t)count * sizeof *w->columns;
    w->read = w->memory = bgi_alloc(engine, w->bytes);
    if (!w->memory)
        return false;
    w->differences = (double *)(void *)(w->memory + read_bytes);
    w->products = (double *)(void *)(w->memory + read_bytes + differences);
    w->scratch = (double *)(void *)(w->memory + read_bytes + differences + products);
    w->columns = (void **)(void *)(w->memory + read_bytes + differences + products + scratch);
    return true;
}

/* One block of n rows. Each element is a chain of its own in the order of places, so that it does not matter which rows
 * share a block. */
static void project_block(const bgi_projection *p, const bg_engine *engine, const workspace *w, bg_dtype dtype,
                          const void *x, int64_t n, void *y)
{
    const bgk_kernels *k = &engine->kernels->f64;
    (dtype == BG_F64 ? k->load_f64 : k->load_f32)(w->differences, x, n, p->places, p->places, 1);
    for (int64_t i = 0; i < n && p->shift; i++)
        k->sub(w->differences + i * p->places, w->differences + i * p->places, 1, p->shift, 1, NULL, 0, p->places);
    k->product(n, p->outputs, p->places, w->differences, p->places, 1, p->matrix, 1, p->places, w->products, p->outputs,
               w->scratch);
    for (int64_t i = 0; i < n && p->offset; i++)
        k->add(w->products + i * p->outputs, w->products + i * p->outputs, 1, p->offset, 1, NULL, 0, p->outputs);
    (dtype == BG_F64 ? k->store_f64 : k->store_f32)(y, w->products, n * p->outputs);
}

/* ---- Examples that are not in memory ---- */

static size_t row_bytes(const bg_column *form)
{
    return (size_t)bg_shape_count(form->shape) * bg_dtype_size(form->dtype);
}

bg_status bgi_dataset_read_projected(const bg_dataset *dataset, int64_t *examples, int64_t n, void *const *columns)
{
    const bgi_derivation *d = &dataset->derivation;
    const bg_column *from = &dataset->base->forms[d->column];
    workspace w;
    if (!open_workspace(&w, dataset->engine, d->projection, row_bytes(from) * ROWS, dataset->count))
        return BG_ERR_NOMEM;
    bg_status status = BG_OK;
    for (int64_t first = 0; first < n && !status; first += ROWS) {
        int64_t rows = n - first < ROWS ? n - first : ROWS;
        for (int c = 0; c < dataset->count; c++) {
            unsigned char *column = columns[c];
            w.columns[c] = column ? column + (size_t)first * row_bytes(&dataset->forms[c]) : NULL;
        }
        void *to = w.columns[d->column];
        w.columns[d->column] = w.read;
        status = bgi_dataset_read(dataset->base, examples + first, rows, w.columns);
        if (!status)
            project_block(d->projection, dataset->engine, &w, from->dtype, w.read, rows, to);
    }
    bgi_free(dataset->engine, w.memory, w.bytes);
    return status;
}

/* ---- Examples in memory ---- */

static bg_status project_tensor(bg_tensor **made, const bg_dataset *dataset, int column, const bgi_projection *p,
                                bg_shape shape)
{
    const bg_tensor *source = dataset->columns[column];
    size_t read_bytes = row_bytes(&dataset->forms[column]) * ROWS;
    workspace w;
    bg_status status = bg_tensor_create(made, dataset->engine, source->dtype, shape);
    if (status)
        return status;
    if (!open_workspace(&w, dataset->engine, p, read_bytes, 0))
        return BG_ERR_NOMEM;
    unsigned char *y = bg_tensor_data(*made);
    size_t y_bytes = (size_t)p->outputs * bg_dtype_size(source->dtype);
    for (int64_t first = 0; first < dataset->size; first += ROWS) {
        int64_t rows = dataset->size - first < ROWS ? dataset->size - first : ROWS, numbers[ROWS];
        for (int64_t i = 0; i < rows; i++)
            numbers[i] = first + i;
        bgi_copy_rows(source, numbers, rows, w.read);
        project_block(p, dataset->engine, &w, source->dtype, w.read, rows, y + (size_t)first * y_bytes);
    }
    bgi_free(dataset->engine, w.memory, w.bytes);
    return BG_OK;
}

static bg_status project_copy(bg_dataset **projected, const bg_dataset *dataset, int column, const bgi_projection *p,
                              bg_shape shape)
{
    bg_tensor **columns = bgi_dataset_new_columns(dataset);
    if (!columns)
        return BG_ERR_NOMEM;
    bg_status status = BG_OK;
    for (int i = 0; i < dataset->count && !status; i++) {
        if (i == column) {
            status = project_tensor(&columns[i], dataset, column, p, shape);
        } else {
            columns[i] = dataset->columns[i];
            bgi_tensor_retain(columns[i]);
        }
    }
    return bgi_dataset_create_like(projected, dataset, columns, status);
}

/* ---- Checks ---- */

static bg_status check_numbers(const char *name, const bg_tensor *numbers, const bg_dataset *dataset)
{
    if (numbers->dtype != BG_F64 || !bg_tensor_is_contiguous(numbers))
        return bg_fail(BG_ERR_DTYPE, "%s: %s is %s%s; it is f64 and no view", caller, name,
                       bg_dtype_name(numbers->dtype), bg_tensor_is_contiguous(numbers) ? "" : ", a view");
    if (numbers->storage->engine != dataset->engine)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s and the data set belong to different engines", caller, name);
    return BG_OK;
}

static bg_status check_vector(const char *name, const bg_tensor *vector, const bg_dataset *dataset, bg_shape shape)
{
    bg_status status = vector ? check_numbers(name, vector, dataset) : BG_OK;
    if (!status && vector && !bg_shape_equal(vector->shape, shape))
        return bg_fail(BG_ERR_SHAPE, "%s: %s is %s, an example %s", caller, name, bgi_shape_format(vector->shape).text,
                       bgi_shape_format(shape).text);
    return status;
}

/* *made: the shape of an example that the matrix gives. */
static bg_status check_matrix(bg_shape *made, const bg_tensor *matrix, const bg_dataset *dataset, bg_shape example)
{
    if (!matrix)
        return bg_fail(BG_ERR_ARGUMENT, "%s: matrix is NULL", caller);
    bg_status status = check_numbers("matrix", matrix, dataset);
    if (status)
        return status;
    *made = matrix->shape;
    if (made->rank < 1 || made->dims[made->rank - 1] != bg_shape_count(example))
        return bg_fail(BG_ERR_SHAPE, "%s: matrix %s is for examples of %lld numbers; these have %lld, %s", caller,
                       bgi_shape_format(*made).text, made->rank < 1 ? 0LL : (long long)made->dims[made->rank - 1],
                       (long long)bg_shape_count(example), bgi_shape_format(example).text);
    made->rank--;
    return BG_OK;
}

static bgi_projection *copy_projection(const bg_dataset *dataset, int64_t places, int64_t outputs,
                                       const bg_tensor *shift, const bg_tensor *matrix, const bg_tensor *offset)
{
    size_t head = bgi_aligned(sizeof(bgi_projection)), row = (size_t)places * sizeof(double);
    size_t bytes = head + row * (size_t)outputs + row + (size_t)outputs * sizeof(double);
    unsigned char *memory = bgi_alloc(dataset->engine, bytes);
    if (!memory)
        return NULL;
    bgi_projection *p = (bgi_projection *)(void *)memory;
    double *numbers = (double *)(void *)(memory + head);
    *p = (bgi_projection){ .places = places, .outputs = outputs, .matrix = numbers, .bytes = bytes };
    memcpy(p->matrix, bg_tensor_const_data(matrix), row * (size_t)outputs);
    numbers += places * outputs;
    if (shift) {
        p->shift = numbers;
        memcpy(p->shift, bg_tensor_const_data(shift), row);
    }
    numbers += places;
    if (offset) {
        p->offset = numbers;
        memcpy(p->offset, bg_tensor_const_data(offset), (size_t)outputs * sizeof(double));
    }
    return p;
}

/* Of a source; takes the projection over. */
static bg_status derive(bg_dataset **projected, const bg_dataset *dataset, int column, bgi_projection *p,
                        bg_shape example)
{
    bg_status status =
        bgi_dataset_derive(projected, dataset, dataset->size, &(bgi_derivation){ .column = column, .projection = p });
    if (!status)
        (*projected)->forms[column].shape = example;
    return status;
}

bg_status bg_dataset_project(bg_dataset **projected, const bg_dataset *dataset, int column, const bg_tensor *shift,
                             const bg_tensor *matrix, const bg_tensor *offset)
{
    if (projected)
        *projected = NULL;
    if (!projected)
        return bg_fail(BG_ERR_ARGUMENT, "%s: projected is NULL", caller);
    bg_status status = bgi_scaling_check(caller, dataset, column);
    if (status)
        return status;
    bg_shape example = dataset->forms[column].shape, made;
    status = check_vector("shift", shift, dataset, example);
    if (!status)
        status = check_matrix(&made, matrix, dataset, example);
    if (!status)
        status = check_vector("offset", offset, dataset, made);
    if (status)
        return status;
    bg_shape shape = { .rank = made.rank + 1, .dims = { dataset->size } };
    memcpy(shape.dims + 1, made.dims, (size_t)made.rank * sizeof(int64_t));
    int64_t count;
    size_t bytes;
    status = bgi_shape_check(shape, dataset->forms[column].dtype, caller, &count, &bytes);
    if (status)
        return status;
    bgi_projection *p = copy_projection(dataset, bg_shape_count(example), bg_shape_count(made), shift, matrix, offset);
    if (!p)
        return BG_ERR_NOMEM;
    if (dataset->columns) {
        status = project_copy(projected, dataset, column, p, shape);
        bgi_free(dataset->engine, p, p->bytes);
    } else {
        status = derive(projected, dataset, column, p, made);
    }
    if (!status && column == 0)
        bgi_names_release(&(*projected)->feature_names);
    return status;
}
