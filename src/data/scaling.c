/* Scaling a column place by place, by what a data set shows of it. */
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static double value_at(const void *row, bg_dtype dtype, int64_t place)
{
    return dtype == BG_F64 ? ((const double *)row)[place] : (double)((const float *)row)[place];
}

/* ---- Finding it out ---- */

/* Of each place: how many examples have a number there, their sums, or their extremes. */
typedef struct {
    bg_dtype dtype;
    int64_t places;
    double *count, *first, *second; /* sum, or smallest; sum of squares about the mean, or largest */
} statistics;

/* An infinite element would leave nothing of the others. */
static bg_status check_finite(const statistics *s, const void *row, int64_t example)
{
    for (int64_t j = 0; j < s->places; j++)
        if (isinf(value_at(row, s->dtype, j)))
            return bg_fail(BG_ERR_ARGUMENT, "dataset_scaling: place %lld of example %lld is infinite", (long long)j,
                           (long long)example);
    return BG_OK;
}

static void add_sums(const statistics *s, const void *row)
{
    for (int64_t j = 0; j < s->places; j++) {
        double x = value_at(row, s->dtype, j);
        if (isnan(x))
            continue;
        s->first[j] += x;
        s->count[j]++;
    }
}

static void add_squares(const statistics *s, const void *row)
{
    for (int64_t j = 0; j < s->places; j++) {
        double x = value_at(row, s->dtype, j);
        if (!isnan(x))
            s->second[j] += (x - s->first[j]) * (x - s->first[j]);
    }
}

static void add_extremes(const statistics *s, const void *row)
{
    for (int64_t j = 0; j < s->places; j++) {
        double x = value_at(row, s->dtype, j);
        if (isnan(x))
            continue;
        if (s->count[j] == 0 || x < s->first[j])
            s->first[j] = x;
        if (s->count[j] == 0 || x > s->second[j])
            s->second[j] = x;
        s->count[j] = 1;
    }
}

/* Adds all examples; those of the first pass are checked. */
static bg_status add_all(const statistics *s, bgi_pass *pass, void (*add)(const statistics *s, const void *row))
{
    bg_status status;
    bgi_pass_rewind(pass);
    while (!(status = bgi_pass_next(pass)) && pass->n > 0) {
        const unsigned char *row = pass->data;
        for (int64_t i = 0; i < pass->n; i++, row += pass->row_bytes) {
            status = add == add_squares ? BG_OK : check_finite(s, row, pass->first + i);
            if (status)
                return status;
            add(s, row);
        }
    }
    return status;
}

/* Leaves the shift in `first` and the scale in `second`. */
static bg_status measure(const statistics *s, bgi_pass *pass, bg_scaling scaling)
{
    bool is_standard = scaling == BG_SCALING_STANDARD;
    bg_status status = add_all(s, pass, is_standard ? add_sums : add_extremes);
    for (int64_t j = 0; j < s->places && is_standard; j++)
        s->first[j] /= s->count[j] > 0 ? s->count[j] : 1;
    if (!status && is_standard)
        status = add_all(s, pass, add_squares);
    for (int64_t j = 0; j < s->places && !status; j++) {
        double width =
            is_standard ? sqrt(s->second[j] / (s->count[j] > 0 ? s->count[j] : 1)) : s->second[j] - s->first[j];
        /* What rounding makes of equal numbers is no spread: their mean may be off by half a unit in its last place. */
        bool is_constant = !(width > fabs(s->first[j]) * 0x1p-50) || !isfinite(width);
        s->second[j] = is_constant ? 1 : 1 / width;
    }
    return status;
}

bg_status bgi_scaling_check(const char *caller, const bg_dataset *dataset, int column)
{
    if (!dataset)
        return bg_fail(BG_ERR_ARGUMENT, "%s: dataset is NULL", caller);
    bg_status status = bgi_engine_check(dataset->engine, caller);
    if (status)
        return status;
    if (column < 0 || column >= dataset->count)
        return bg_fail(BG_ERR_ARGUMENT, "%s: there is no column %d; the data set has %d", caller, column,
                       dataset->count);
    bg_dtype dtype = dataset->forms[column].dtype;
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "%s: column %d is %s, not f32 or f64", caller, column, bg_dtype_name(dtype));
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
    bg_status status = bgi_scaling_check(caller, dataset, column);
    if (status)
        return status;
    if (scaling != BG_SCALING_STANDARD && scaling != BG_SCALING_MIN_MAX)
        return bg_fail(BG_ERR_ARGUMENT, "%s: there is no scaling %d", caller, (int)scaling);
    const bg_column *form = &dataset->forms[column];
    bg_tensor *count = NULL;
    bgi_pass pass;
    status = bgi_pass_begin(&pass, dataset, column);
    if (status)
        return status;
    status = bg_tensor_create(&count, dataset->engine, BG_F64, form->shape);
    if (!status)
        status = bg_tensor_create(shift, dataset->engine, BG_F64, form->shape);
    if (!status)
        status = bg_tensor_create(scale, dataset->engine, BG_F64, form->shape);
    if (!status) {
        const statistics s = { form->dtype, bg_shape_count(form->shape), bg_tensor_data(count), bg_tensor_data(*shift),
                               bg_tensor_data(*scale) };
        status = measure(&s, &pass, scaling);
    }
    bgi_pass_end(&pass);
    bg_tensor_destroy(count);
    if (status) {
        bg_tensor_destroy(*shift);
        bg_tensor_destroy(*scale);
        *shift = *scale = NULL;
    }
    return status;
}

/* ---- Doing it ---- */

void bgi_scale_rows(void *rows, bg_dtype dtype, int64_t n, int64_t places, const double *factors)
{
    const double *shift = factors, *scale = factors + places;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < places; j++) {
            double value = (value_at(rows, dtype, i * places + j) - shift[j]) * scale[j];
            if (dtype == BG_F64)
                ((double *)rows)[i * places + j] = value;
            else
                ((float *)rows)[i * places + j] = (float)value;
        }
}

/* In memory, a copy is scaled. */
static bg_status scale_copy(bg_dataset **scaled, const bg_dataset *dataset, int column, const double *factors)
{
    bg_tensor **columns = bgi_dataset_new_columns(dataset);
    if (!columns)
        return BG_ERR_NOMEM;
    const bg_tensor *source = dataset->columns[column];
    bg_status status = BG_OK;
    for (int i = 0; i < dataset->count && !status; i++) {
        if (i == column) {
            status = bg_tensor_create(&columns[i], dataset->engine, source->dtype, source->shape);
        } else {
            columns[i] = dataset->columns[i];
            bgi_tensor_retain(columns[i]);
        }
    }
    if (!status)
        status = bg_tensor_copy(columns[column], source);
    if (!status)
        bgi_scale_rows(bg_tensor_data(columns[column]), source->dtype, dataset->size,
                       bg_shape_count(dataset->forms[column].shape), factors);
    return bgi_dataset_create_like(scaled, dataset, columns, status);
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
    bg_status status = bgi_scaling_check("dataset_scale", dataset, column);
    if (status)
        return status;
    const bg_column *form = &dataset->forms[column];
    status = check_factor("shift", shift, dataset, form->shape);
    if (!status)
        status = check_factor("scale", scale, dataset, form->shape);
    if (status)
        return status;
    size_t places = (size_t)bg_shape_count(form->shape), bytes = 2 * places * sizeof(double);
    double *factors = bgi_alloc(dataset->engine, bytes);
    if (!factors)
        return BG_ERR_NOMEM;
    memcpy(factors, bg_tensor_const_data(shift), places * sizeof *factors);
    memcpy(factors + places, bg_tensor_const_data(scale), places * sizeof *factors);
    if (!dataset->columns)
        return bgi_dataset_derive(scaled, dataset, dataset->size,
                                  &(bgi_derivation){ .column = column, .factors = factors, .factor_bytes = bytes });
    status = scale_copy(scaled, dataset, column, factors);
    bgi_free(dataset->engine, factors, bytes);
    return status;
}
