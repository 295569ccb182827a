/* The examples of a call: their checks, and their way in and out of tensors of any strides. */
#include "ops/ops.h"
#include "tensor/tensor.h"
#include "train/classifier.h"

#include <math.h>

static bool has_shape(const bgi_examples *e, bg_shape shape)
{
    bg_shape expected = e->classifier->input;
    expected.dims[0] = e->n;
    return bg_shape_equal(shape, expected);
}

bg_status bgi_examples_check_classes(const bgi_examples *e, const bg_tensor *classes, const char *what)
{
    bg_dtype dtype = bg_tensor_dtype(classes);
    if (dtype != BG_I64 && dtype != BG_I32 && dtype != BG_U8)
        return bg_fail(BG_ERR_DTYPE, "%s: %ss are %s, not i64, i32 or u8", e->caller, what, bg_dtype_name(dtype));
    if (!bg_shape_equal(bg_tensor_shape(classes), BG_SHAPE(e->n)))
        return bg_fail(BG_ERR_SHAPE, "%s: %ss %s for %lld inputs", e->caller, what,
                       bgi_shape_format(bg_tensor_shape(classes)).text, (long long)e->n);
    return BG_OK;
}

bg_status bgi_examples_check(bgi_examples *e)
{
    if (!e->inputs)
        return bg_fail(BG_ERR_ARGUMENT, "%s: inputs is NULL", e->caller);
    bg_status status = bgi_engine_check(e->classifier->engine, e->caller);
    if (status != BG_OK)
        return status;
    bg_dtype dtype = bg_tensor_dtype(e->inputs), expected = bg_model_dtype(e->classifier->model);
    if (dtype != expected)
        return bg_fail(BG_ERR_DTYPE, "%s: inputs are %s, the model is %s", e->caller, bg_dtype_name(dtype),
                       bg_dtype_name(expected));
    bg_shape shape = bg_tensor_shape(e->inputs);
    e->n = shape.rank > 0 ? shape.dims[0] : 0;
    if (e->n < 1 || !has_shape(e, shape))
        return bg_fail(BG_ERR_SHAPE, "%s: inputs %s, not batches like %s, of 1 example or more", e->caller,
                       bgi_shape_format(shape).text, bgi_shape_format(e->classifier->input).text);
    return e->labels ? bgi_examples_check_classes(e, e->labels, "label") : BG_OK;
}

bg_status bgi_examples_check_result(const bgi_examples *e, const char *name, const bg_tensor *tensor, bg_dtype dtype)
{
    if (tensor && (bg_tensor_dtype(tensor) != dtype || !bg_shape_equal(bg_tensor_shape(tensor), BG_SHAPE(e->n))))
        return bg_fail(BG_ERR_SHAPE, "%s: %s is %s %s, not %s [%lld]", e->caller, name,
                       bg_dtype_name(bg_tensor_dtype(tensor)), bgi_shape_format(bg_tensor_shape(tensor)).text,
                       bg_dtype_name(dtype), (long long)e->n);
    return BG_OK;
}

static size_t bytes_of(const bg_tensor *rows)
{
    return (size_t)bg_shape_count(bg_tensor_shape(rows)) * bg_dtype_size(bg_tensor_dtype(rows));
}

static bg_status read_rows(const bg_tensor *tensor, int64_t first, int64_t n, void *data)
{
    bg_tensor *rows;
    bg_status status = bg_tensor_slice(&rows, (bg_tensor *)tensor, 0, first, first + n, 1);
    if (status == BG_OK)
        status = bg_tensor_copy_to(rows, data, bytes_of(rows));
    bg_tensor_destroy(rows);
    return status;
}

/* Views are what memory can be missing for: they come first. */
bg_status bgi_examples_write(const bgi_result_rows *results, int count, int64_t first, int64_t n)
{
    bg_tensor *rows[BGI_RESULTS] = { NULL };
    bg_status status = BG_OK;
    for (int i = 0; i < count && status == BG_OK; i++)
        if (results[i].tensor)
            status = bg_tensor_slice(&rows[i], results[i].tensor, 0, first, first + n, 1);
    for (int i = 0; i < count && status == BG_OK; i++)
        if (rows[i])
            status = bg_tensor_copy_from(rows[i], results[i].values, bytes_of(rows[i]));
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(rows[i]);
    return status;
}

bg_status bgi_examples_read_classes(const bgi_examples *e, const bg_tensor *classes, const char *what, int64_t first,
                                    int64_t n, int64_t *values)
{
    bg_status status = BG_OK;
    for (int64_t i = 0; i < n && status == BG_OK; i++) {
        double class;
        status = bg_tensor_item(classes, first + i, &class);
        if (status == BG_OK && !(class >= 0 && class < (double)e->classifier->classes))
            status = bg_fail(BG_ERR_ARGUMENT, "%s: %s %.0f of example %lld is outside 0 .. %lld", e->caller, what,
                             class, (long long)(first + i), (long long)e->classifier->classes - 1);
        values[i] = status == BG_OK ? (int64_t) class : 0;
    }
    return status;
}

bg_status bgi_examples_read(const bgi_examples *e, int64_t first, int64_t n, double lower, double upper, void *inputs,
                            int64_t *labels)
{
    bg_dtype dtype = bg_tensor_dtype(e->inputs);
    int64_t width = e->classifier->width;
    bg_status status = read_rows(e->inputs, first, n, inputs);
    for (int64_t k = 0; k < n * width && status == BG_OK; k++) {
        double x = bgi_float_at(inputs, dtype, k);
        if (!isfinite(x) || x < lower || x > upper)
            status = bg_fail(BG_ERR_ARGUMENT, "%s: element %lld of example %lld is %.9g, not a number within %g .. %g",
                             e->caller, (long long)(k % width), (long long)(first + k / width), x, lower, upper);
    }
    return status == BG_OK && e->labels ? bgi_examples_read_classes(e, e->labels, "label", first, n, labels) : status;
}

bg_status bgi_examples_check_values(const bgi_examples *e, double lower, double upper, void *inputs, int64_t *labels)
{
    bg_status status = BG_OK;
    int64_t batch = e->classifier->batch;
    for (int64_t first = 0; first < e->n && status == BG_OK; first += batch)
        status = bgi_examples_read(e, first, bgi_least(batch, e->n - first), lower, upper, inputs, labels);
    return status;
}
