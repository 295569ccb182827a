/* The columns of a table while it is read. */
#include "data/csv_rows.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

/* The type of a column and the values that it has of a row, none if there is no such column. */
static bg_dtype column_form(const bgi_csv_table *t, int column, int64_t *width)
{
    bg_dtype dtype = t->options->dtype;
    *width = column == BGI_CSV_FEATURES  ? t->features
             : column == BGI_CSV_TARGETS ? t->targets
                                         : t->options->with_row_numbers;
    return column == BGI_CSV_NUMBERS || (column == BGI_CSV_TARGETS && t->options->with_classes) ? BG_I64 : dtype;
}

int64_t bgi_csv_first_rows(const bgi_csv_table *t)
{
    enum { BYTES = 1 << 14 }; /* so few that a small file takes no more memory than its content */
    size_t row_bytes = 0;
    for (int i = 0; i < 3; i++) {
        int64_t width;
        bg_dtype dtype = column_form(t, i, &width);
        row_bytes += (size_t)width * bg_dtype_size(dtype);
    }
    return row_bytes < BYTES ? (int64_t)(BYTES / row_bytes) : 1;
}

static bg_status make_columns(const bgi_csv_table *t, bg_tensor *columns[3], int64_t capacity)
{
    bg_status status = BG_OK;
    for (int i = 0; i < 3 && !status; i++) {
        int64_t width;
        bg_dtype dtype = column_form(t, i, &width);
        bg_shape shape = dtype == BG_I64 ? BG_SHAPE(capacity) : BG_SHAPE(capacity, width);
        if (width > 0)
            status = bgi_tensor_create_unset(&columns[i], t->engine, dtype, shape);
    }
    return status;
}

static void release_columns(bg_tensor *columns[3])
{
    for (int i = 0; i < 3; i++) {
        bg_tensor_destroy(columns[i]);
        columns[i] = NULL;
    }
}

bg_status bgi_csv_resize(bgi_csv_table *t, int64_t capacity)
{
    bg_tensor *columns[3] = { NULL };
    int64_t rows = t->rows - t->spooled;
    bg_status status = make_columns(t, columns, capacity);
    for (int i = 0; i < 3 && !status; i++) {
        if (!columns[i] || rows == 0)
            continue;
        size_t row_bytes = (size_t)(bg_shape_count(columns[i]->shape) / capacity) * bg_dtype_size(columns[i]->dtype);
        memcpy(bg_tensor_data(columns[i]), bg_tensor_const_data(t->columns[i]), (size_t)rows * row_bytes);
    }
    if (status) {
        release_columns(columns);
        return status;
    }
    release_columns(t->columns);
    memcpy(t->columns, columns, sizeof columns);
    t->capacity = capacity;
    return BG_OK;
}

void bgi_csv_release_rows(bgi_csv_table *t) { release_columns(t->columns); }

static unsigned char *column_at(const bgi_csv_table *t, int column, int64_t row)
{
    bg_tensor *tensor = t->columns[column];
    if (!tensor)
        return NULL;
    int64_t width;
    bg_dtype dtype = column_form(t, column, &width);
    return bgi_tensor_bytes(tensor) +
           (size_t)(row - t->spooled) * (size_t)(dtype == BG_I64 ? 1 : width) * bg_dtype_size(dtype);
}

bgi_csv_row bgi_csv_row_at(const bgi_csv_table *t, int64_t row)
{
    return (bgi_csv_row){ column_at(t, BGI_CSV_FEATURES, row), column_at(t, BGI_CSV_TARGETS, row),
                          (int64_t *)(void *)column_at(t, BGI_CSV_NUMBERS, row) };
}

double bgi_csv_load(const bgi_csv_table *t, const bgi_csv_row *row, int32_t place)
{
    if (bgi_csv_is_class(t, place))
        return (double)*(const int64_t *)(const void *)row->targets;
    bool is_f32 = t->options->dtype == BG_F32;
    const void *at = bgi_csv_value_at(row, place, t->targets, is_f32 ? sizeof(float) : sizeof(double));
    return is_f32 ? (double)*(const float *)at : *(const double *)at;
}

void bgi_csv_store(const bgi_csv_table *t, const bgi_csv_row *row, int32_t place, double value)
{
    if (bgi_csv_is_class(t, place))
        *(int64_t *)(void *)row->targets = (int64_t)value;
    else if (t->options->dtype == BG_F32)
        *(float *)bgi_csv_value_at(row, place, t->targets, sizeof(float)) = (float)value;
    else
        *(double *)bgi_csv_value_at(row, place, t->targets, sizeof(double)) = value;
}
