/* Examples of a data set, whether they are in memory or not. */
#include "data_rows.h"

#include <blasgrad/graph.h>

#include <stdlib.h>
#include <string.h>

bg_column data_inputs(const bg_dataset *dataset)
{
    bg_shape all = bg_dataset_shape(dataset, 0);
    bg_column form = { .dtype = bg_dataset_dtype(dataset, 0), .shape.rank = all.rank - 1 };
    memcpy(form.shape.dims, all.dims + 1, (size_t)form.shape.rank * sizeof(int64_t));
    return form;
}

bg_status data_make_rows(bg_tensor **rows, bg_engine *engine, const bg_dataset *dataset, int column, int64_t n)
{
    bg_shape shape = bg_dataset_shape(dataset, column);
    shape.dims[0] = n;
    return bg_tensor_create(rows, engine, bg_dataset_dtype(dataset, column), shape);
}

bg_status data_read_rows(bg_tensor *rows, const bg_dataset *dataset, int column, int64_t first)
{
    int64_t n = bg_tensor_shape(rows).dims[0], examples[DATA_ROWS];
    void **columns = calloc((size_t)bg_dataset_columns(dataset), sizeof *columns);
    if (!columns)
        return bg_fail(BG_ERR_NOMEM, "out of memory");
    columns[column] = bg_tensor_data(rows);
    for (int64_t i = 0; i < n; i++)
        examples[i] = first + i;
    bg_status status = bg_dataset_read(dataset, examples, n, columns);
    free(columns);
    return status;
}

bg_status data_each_number(bg_engine *engine, const bg_dataset *dataset, int column, data_take *take, void *user)
{
    int64_t size = bg_dataset_size(dataset);
    bool goes_on = true;
    bg_status status = BG_OK;
    for (int64_t first = 0; first < size && goes_on && status == BG_OK; first += DATA_ROWS) {
        bg_tensor *rows = NULL;
        status = data_make_rows(&rows, engine, dataset, column, size - first < DATA_ROWS ? size - first : DATA_ROWS);
        if (status == BG_OK)
            status = data_read_rows(rows, dataset, column, first);
        int64_t count = status == BG_OK ? bg_shape_count(bg_tensor_shape(rows)) : 0;
        for (int64_t i = 0; i < count && goes_on && status == BG_OK; i++) {
            double number;
            status = bg_tensor_item(rows, i, &number);
            goes_on = status == BG_OK && take(user, number);
        }
        bg_tensor_destroy(rows);
    }
    return status;
}
