/* Examples out of data sets, whether they are in memory or not. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "base/status.h"
#include "tensor/tensor.h"

#include <string.h>

/* ---- Rows of tensors ---- */

int64_t bgi_run_length(const int64_t *rows, int64_t n)
{
    int64_t length = 1;
    while (length < n && rows[length] == rows[length - 1] + 1)
        length++;
    return length;
}

void bgi_copy_rows(const bg_tensor *column, const int64_t *rows, int64_t n, void *to)
{
    size_t size = bg_dtype_size(column->dtype);
    bg_shape row = { .rank = column->shape.rank - 1 };
    memcpy(row.dims, column->shape.dims + 1, (size_t)row.rank * sizeof(int64_t));
    size_t row_bytes = (size_t)bg_shape_count(row) * size;
    /* Strides may be 0, in an expanded view. */
    int64_t row_stride = column->strides[0] * (int64_t)size, strides[BG_MAX_RANK];
    bgi_shape_strides(row, strides);
    bool is_dense = true;
    for (int i = 0; i < row.rank; i++)
        is_dense = is_dense && (row.dims[i] == 1 || column->strides[i + 1] == strides[i]);
    bool is_whole = is_dense && row_stride == (int64_t)row_bytes;
    unsigned char *target = to;
    for (int64_t i = 0, run; row_bytes > 0 && i < n; i += run, target += (size_t)run * row_bytes) {
        const unsigned char *source = bgi_tensor_bytes(column) + rows[i] * row_stride;
        run = is_whole ? bgi_run_length(rows + i, n - i) : 1;
        if (is_dense)
            memcpy(target, source, (size_t)run * row_bytes);
        else
            bgi_strided_copy(target, strides, source, column->strides + 1, row, size);
    }
}

/* ---- Sources ---- */

static bg_status read_source(const bg_dataset *dataset, const int64_t *examples, int64_t n, void *const *columns)
{
    /* In a forked child, the thread that held the lock may not be there. */
    bg_status status = bgi_engine_check(dataset->engine, "dataset_read");
    if (status)
        return status;
    /* A lock is no part of what a data set says. */
    pthread_mutex_t *reading = (pthread_mutex_t *)&dataset->reading;
    unsigned before = bgi_failures();
    (void)pthread_mutex_lock(reading);
    status = dataset->source.read(dataset->source.user, examples, n, columns);
    (void)pthread_mutex_unlock(reading);
    /* No older message should stand for this one. */
    if (status && bgi_failures() == before)
        return bg_fail(status, "data set \"%s\": its source's read returned %s (%d) without a message", dataset->name,
                       bg_status_name(status), (int)status);
    return status;
}

/* From numbers of the data set to those of its base. */
static void map_examples(const bg_dataset *dataset, int64_t *examples, int64_t n)
{
    const bgi_derivation *d = &dataset->derivation;
    for (int64_t i = 0; i < n; i++) {
        examples[i] += d->first;
        if (d->chosen.words)
            examples[i] = bgi_subset_find(&d->chosen, examples[i]);
        if (d->is_permuted)
            examples[i] =
                (int64_t)bg_permute_index((uint64_t)examples[i], (uint64_t)dataset->base->size, d->seed, d->stream);
    }
}

bg_status bgi_dataset_read(const bg_dataset *dataset, int64_t *examples, int64_t n, void *const *columns)
{
    if (n == 0)
        return BG_OK;
    for (int c = 0; dataset->columns && c < dataset->count; c++)
        if (columns[c])
            bgi_copy_rows(dataset->columns[c], examples, n, columns[c]);
    if (dataset->columns)
        return BG_OK;
    if (!dataset->base)
        return read_source(dataset, examples, n, columns);
    const bgi_derivation *d = &dataset->derivation;
    map_examples(dataset, examples, n);
    if (d->projection && columns[d->column])
        return bgi_dataset_read_projected(dataset, examples, n, columns);
    bg_status status = bgi_dataset_read(dataset->base, examples, n, columns);
    if (!status && d->factors && columns[d->column])
        bgi_scale_rows(columns[d->column], dataset->forms[d->column].dtype, n,
                       bg_shape_count(dataset->forms[d->column].shape), d->factors);
    return status;
}

bg_status bg_dataset_read(const bg_dataset *dataset, const int64_t *examples, int64_t n, void *const *columns)
{
    static const char caller[] = "dataset_read";
    if (!dataset || !columns || (n > 0 && !examples))
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller,
                       !dataset ? "dataset" : (columns ? "examples" : "columns"));
    bg_status status = bgi_engine_check(dataset->engine, caller);
    if (status)
        return status;
    if (n < 0 || n > INT64_MAX / (int64_t)sizeof *examples)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld examples", caller, (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (examples[i] < 0 || examples[i] >= dataset->size)
            return bg_fail(BG_ERR_INDEX, "%s: there is no example %lld; the data set has %lld", caller,
                           (long long)examples[i], (long long)dataset->size);
    size_t bytes = (size_t)n * sizeof *examples;
    int64_t *numbers = bgi_alloc(dataset->engine, bytes);
    if (!numbers)
        return BG_ERR_NOMEM;
    if (n > 0)
        memcpy(numbers, examples, bytes);
    status = bgi_dataset_read(dataset, numbers, n, columns);
    bgi_free(dataset->engine, numbers, bytes);
    return status;
}

/* ---- Passes ---- */

bg_status bgi_pass_begin(bgi_pass *pass, const bg_dataset *dataset, int column)
{
    /* Bytes that stay in a cache, and rows to go with them; readers take no more memory for a pass. */
    enum { DATA = 1 << 14, EXAMPLES = 1 << 10 };
    const bg_column *form = &dataset->forms[column];
    *pass = (bgi_pass){ .dataset = dataset, .column = column };
    pass->row_bytes = (size_t)bg_shape_count(form->shape) * bg_dtype_size(form->dtype);
    pass->capacity = pass->row_bytes < DATA / EXAMPLES ? EXAMPLES
                     : pass->row_bytes < DATA          ? (int64_t)(DATA / pass->row_bytes)
                                                       : 1;
    if (pass->capacity > dataset->size)
        pass->capacity = dataset->size;
    size_t data = bgi_aligned((size_t)pass->capacity * pass->row_bytes);
    size_t examples = bgi_aligned((size_t)pass->capacity * sizeof *pass->examples);
    pass->bytes = data + examples + (size_t)dataset->count * sizeof *pass->columns;
    pass->data = bgi_alloc(dataset->engine, pass->bytes);
    if (!pass->data)
        return BG_ERR_NOMEM;
    pass->examples = (int64_t *)(void *)(pass->data + data);
    pass->columns = (void **)(void *)(pass->data + data + examples);
    for (int i = 0; i < dataset->count; i++)
        pass->columns[i] = i == column ? pass->data : NULL;
    return BG_OK;
}

bg_status bgi_pass_next(bgi_pass *pass)
{
    int64_t rest = pass->dataset->size - pass->first - pass->n;
    pass->first += pass->n;
    pass->n = rest < pass->capacity ? rest : pass->capacity;
    for (int64_t i = 0; i < pass->n; i++)
        pass->examples[i] = pass->first + i;
    return bgi_dataset_read(pass->dataset, pass->examples, pass->n, pass->columns);
}

void bgi_pass_rewind(bgi_pass *pass) { pass->first = pass->n = 0; }

void bgi_pass_end(bgi_pass *pass) { bgi_free(pass->dataset->engine, pass->data, pass->bytes); }
