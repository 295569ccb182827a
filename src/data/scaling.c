/* Scaling a column place by place, by what a data set shows of it. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* A column as rows of f64, one at a time, whatever its type and strides. */
typedef struct {
    const bg_tensor *column;
    bg_shape shape; /* of an example */
    int64_t places;
    unsigned char *row; /* of the column's type, contiguous */
    size_t row_bytes;
} row_reader;

static bg_shape example_shape(const bg_tensor *column)
{
    bg_shape shape = { .rank = column->shape.rank - 1 };
    for (int axis = 0; axis < shape.rank; axis++)
        shape.dims[axis] = column->shape.dims[axis + 1];
    return shape;
}

static bg_status begin_rows(row_reader *reader, const bg_tensor *column)
{
    *reader = (row_reader){ .column = column, .shape = example_shape(column) };
    reader->places = bg_shape_count(reader->shape);
    reader->row_bytes = (size_t)reader->places * bg_dtype_size(column->dtype);
    reader->row = bgi_alloc(column->storage->engine, reader->row_bytes);
    return reader->row ? BG_OK : BG_ERR_NOMEM;
}

static void end_rows(row_reader *reader) { bgi_free(reader->column->storage->engine, reader->row, reader->row_bytes); }

static void read_row(const row_reader *reader, int64_t i)
{
    const bg_tensor *column = reader->column;
    size_t size = bg_dtype_size(column->dtype);
    int64_t strides[BG_MAX_RANK];
    bgi_shape_strides(reader->shape, strides);
    bgi_strided_copy(reader->row, strides, bgi_tensor_bytes(column) + i * column->strides[0] * (int64_t)size,
                     column->strides + 1, reader->shape, size);
}

static double value_at(const row_reader *reader, int64_t place)
{
    return reader->column->dtype == BG_F64 ? ((const double *)(const void *)reader->row)[place]
                                           : (double)((const float *)(const void *)reader->row)[place];
}

/* ---- Finding it out ---- */

/* An infinite element would leave nothing of the others. */
static bg_status check_finite(const row_reader *reader, int64_t example)
{
    for (int64_t j = 0; j < reader->places; j++)
        if (isinf(value_at(reader, j)))
            return bg_fail(BG_ERR_ARGUMENT, "dataset_scaling: place %lld of example %lld is infinite", (long long)j,
                           (long long)example);
    return BG_OK;
}

/* Of each place: how many examples have a number there, their sums, or their extremes. */
typedef struct {
    double *count, *first, *second; /* sum, or smallest; sum of squares about the mean, or largest */
} statistics;

static void add_standard(const statistics *s, const row_reader *reader, bool is_second)
{
    for (int64_t j = 0; j < reader->places; j++) {
        double x = value_at(reader, j);
        if (isnan(x))
            continue;
        if (is_second) {
            s->second[j] += (x - s->first[j]) * (x - s->first[j]);
        } else {
            s->first[j] += x;
            s->count[j]++;
        }
    }
}

static void add_extremes(const statistics *s, const row_reader *reader)
{
    for (int64_t j = 0; j < reader->places; j++) {
        double x = value_at(reader, j);
        if (isnan(x))
            continue;
        if (s->count[j] == 0 || x < s->first[j])
            s->first[j] = x;
        if (s->count[j] == 0 || x > s->second[j])
            s->second[j] = x;
        s->count[j] = 1;
    }
}

/* Leaves the shift in `first` and the scale in `second`. */
static bg_status measure(const statistics *s, const row_reader *reader, int64_t n, bg_scaling scaling)
{
    int64_t places = reader->places;
    for (int64_t i = 0; i < n; i++) {
        read_row(reader, i);
        bg_status status = check_finite(reader, i);
        if (status)
            return status;
        if (scaling == BG_SCALING_STANDARD)
            add_standard(s, reader, false);
        else
            add_extremes(s, reader);
    }
    for (int64_t j = 0; j < places && scaling == BG_SCALING_STANDARD; j++)
        s->first[j] /= s->count[j] > 0 ? s->count[j] : 1;
    for (int64_t i = 0; i < n && scaling == BG_SCALING_STANDARD; i++) {
        read_row(reader, i);
        add_standard(s, reader, true);
    }
    for (int64_t j = 0; j < places; j++) {
        double width = scaling == BG_SCALING_STANDARD ? sqrt(s->second[j] / (s->count[j] > 0 ? s->count[j] : 1))
                                                      : s->second[j] - s->first[j];
        /* What rounding makes of equal numbers is no spread: their mean may be off by half a unit in its last place. */
        bool is_constant = !(width > fabs(s->first[j]) * 0x1p-50) || !isfinite(width);
        s->second[j] = is_constant ? 1 : 1 / width;
    }
    return BG_OK;
}

static bg_status check_column(const char *caller, const bg_dataset *dataset, int column)
{
    if (!dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: dataset is NULL", caller);
    bg_status status = bgi_engine_check(dataset->engine, caller);
    if (status)
        return status;
    if (column < 0 || column >= dataset->count)
        return bg_fail(BG_ERR_ARGUMENT, "%s: there is no column %d; the data set has %d", caller, column,
                       dataset->count);
    bg_dtype dtype = dataset->columns[column]->dtype;
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "%s: column %d is %s; what is scaled is f32 or f64", caller, column,
                       bg_dtype_name(dtype));
    return BG_OK;
}

bg_status bg_dataset_scaling(bg_tensor **shift, bg_tensor **scale, const bg_dataset *dataset, int column,
                             bg_scaling scaling)
{
    static const char caller[] = "dataset_scaling";
    if (shift)
        *shift = NULL;
    if (scale)
        *scale = NULL;
    if (!shift || !scale)
        return bg_fail(BG_ERR_ARGUMENT, "%s: %s is NULL", caller, shift ? "scale" : "shift");
    bg_status status = check_column(caller, dataset, column);
    if (status)
        return status;
    if (scaling != BG_SCALING_STANDARD && scaling != BG_SCALING_MIN_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "%s: there is no scaling %d", caller, (int)scaling);
    const bg_tensor *source = dataset->columns[column];
    bg_tensor *count = NULL;
    row_reader reader = { .row = NULL };
    status = begin_rows(&reader, source);
    if (!status)
        status = bg_tensor_create(&count, dataset->engine, BG_F64, reader.shape);
    if (!status)
        status = bg_tensor_create(shift, dataset->engine, BG_F64, reader.shape);
    if (!status)
        status = bg_tensor_create(scale, dataset->engine, BG_F64, reader.shape);
    if (!status)
        status = measure(&(statistics){ bg_tensor_data(count), bg_tensor_data(*shift), bg_tensor_data(*scale) },
                         &reader, dataset->size, scaling);
    end_rows(&reader);
    bg_tensor_destroy(count);
    if (status) {
        bg_tensor_destroy(*shift);
        bg_tensor_destroy(*scale);
        *shift = *scale = NULL;
    }
    return status;
}

/* ---- Doing it ---- */

static void scale_rows(bg_tensor *scaled, const row_reader *reader, const double *shift, const double *scale)
{
    int64_t n = scaled->shape.dims[0], places = reader->places;
    void *data = bg_tensor_data(scaled);
    for (int64_t i = 0; i < n; i++) {
        read_row(reader, i);
        for (int64_t j = 0; j < places; j++) {
            double value = (value_at(reader, j) - shift[j]) * scale[j];
            if (scaled->dtype == BG_F64)
                ((double *)data)[i * places + j] = value;
            else
                ((float *)data)[i * places + j] = (float)value;
        }
    }
}

static bg_status check_factor(const char *name, const bg_tensor *factor, const bg_dataset *dataset, bg_shape shape)
{
    if (!factor)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_scale: %s is NULL", name);
    if (factor->dtype != BG_F64 || !bg_shape_equal(factor->shape, shape) || !bg_tensor_is_contiguous(factor))
        return bg_fail(BG_ERR_SHAPE, "dataset_scale: %s is %s %s%s, an example has f64 %s", name,
                       bg_dtype_name(factor->dtype), bgi_shape_format(factor->shape).text,
                       bg_tensor_is_contiguous(factor) ? "" : ", a view", bgi_shape_format(shape).text);
    if (factor->storage->engine != dataset->engine)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_scale: %s and the data set belong to different engines", name);
    return BG_OK;
}

bg_status bg_dataset_scale(bg_dataset **scaled, const bg_dataset *dataset, int column, const bg_tensor *shift,
                           const bg_tensor *scale)
{
    if (scaled)
        *scaled = NULL;
    if (!scaled)
        return bg_fail(BG_ERR_ARGUMENT, "dataset_scale: scaled is NULL");
    bg_status status = check_column("dataset_scale", dataset, column);
    if (status)
        return status;
    const bg_tensor *source = dataset->columns[column];
    status = check_factor("shift", shift, dataset, example_shape(source));
    if (!status)
        status = check_factor("scale", scale, dataset, example_shape(source));
    if (status)
        return status;
    bg_tensor **columns = bgi_dataset_new_columns(dataset);
    if (!columns)
        return BG_ERR_NOMEM;
    row_reader reader = { .row = NULL };
    status = begin_rows(&reader, source);
    for (int i = 0; i < dataset->count && !status; i++) {
        if (i == column) {
            status = bg_tensor_create(&columns[i], dataset->engine, source->dtype, source->shape);
        } else {
            columns[i] = dataset->columns[i];
            bgi_tensor_retain(columns[i]);
        }
    }
    if (!status)
        scale_rows(columns[column], &reader, bg_tensor_const_data(shift), bg_tensor_const_data(scale));
    end_rows(&reader);
    return bgi_dataset_create_like(scaled, dataset, columns, status);
}
