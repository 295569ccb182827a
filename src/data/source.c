/* Data sets whose examples are not in memory. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

static const char caller[] = "dataset_create_from";

static bg_status check_columns(const bg_source *source)
{
    for (int i = 0; i < source->n_columns; i++) {
        const bg_column *column = &source->columns[i];
        bg_shape shape = { .rank = column->shape.rank + 1, .dims = { source->size } };
        if (column->shape.rank < 0 || column->shape.rank >= BG_MAX_RANK)
            return bg_fail(BG_ERR_SHAPE, "%s: examples of rank %d in column %d; 0 to %d are possible", caller,
                           column->shape.rank, i, BG_MAX_RANK - 1);
        memcpy(shape.dims + 1, column->shape.dims, (size_t)column->shape.rank * sizeof(int64_t));
        int64_t count;
        size_t bytes;
        bg_status status = bgi_shape_check(shape, column->dtype, caller, &count, &bytes);
        if (status)
            return status;
    }
    return BG_OK;
}

static bg_status check_source(const bg_source *source)
{
    if (!source)
        return bg_fail(BG_ERR_ARGUMENT, "%s: source is NULL", caller);
    if (!source->read)
        return bg_fail(BG_ERR_ARGUMENT, "%s: the source has no read", caller);
    if (!source->columns || source->n_columns < 1)
        return bg_fail(BG_ERR_ARGUMENT, "%s: a data set needs at least one column", caller);
    if (source->size < 0 || source->classes < 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %lld examples of %lld classes", caller, (long long)source->size,
                       (long long)source->classes);
    return check_columns(source);
}

bg_status bg_dataset_create_from(bg_dataset **dataset, bg_engine *engine, const bg_source *source)
{
    if (!dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: dataset is NULL", caller);
    *dataset = NULL;
    bg_status status = bgi_engine_check(engine, caller);
    if (!status)
        status = check_source(source);
    if (status)
        return status;
    bg_dataset *made = bgi_dataset_allocate(engine, source->name ? source->name : "", source->n_columns);
    if (!made)
        return BG_ERR_NOMEM;
    (void)pthread_mutex_init(&made->reading, NULL);
    memcpy(made->forms, source->columns, (size_t)made->count * sizeof *made->forms);
    made->size = source->size;
    made->classes = source->classes;
    made->source = (bg_source){ .read = source->read, .destroy = source->destroy, .user = source->user };
    *dataset = made;
    return BG_OK;
}
