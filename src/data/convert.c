/* Numbers and classes out of arrays. */
#include "data/convert.h"
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#define CONVERT(name, from_type, to_type, expression)                                                                  \
    static void name(to_type *to, const from_type *from, size_t count)                                                 \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++)                                                                             \
            to[i] = expression;                                                                                        \
    }
CONVERT(scale_f32, uint8_t, float, (float)from[i] / 255.0F)
CONVERT(scale_f64, uint8_t, double, from[i] / 255.0)
CONVERT(f32_of_u8, uint8_t, float, from[i])
CONVERT(f32_of_i32, int32_t, float, (float)from[i])
CONVERT(f32_of_i64, int64_t, float, (float)from[i])
CONVERT(f32_of_f64, double, float, (float)from[i])
CONVERT(f64_of_u8, uint8_t, double, from[i])
CONVERT(f64_of_i32, int32_t, double, from[i])
CONVERT(f64_of_i64, int64_t, double, (double)from[i])
CONVERT(f64_of_f32, float, double, (double)from[i])
CONVERT(i64_of_u8, uint8_t, int64_t, from[i])
CONVERT(i64_of_i32, int32_t, int64_t, from[i])

void bgi_data_scale_bytes(void *to, bg_dtype dtype, const uint8_t *from, size_t count)
{
    if (dtype == BG_F32)
        scale_f32(to, from, count);
    else
        scale_f64(to, from, count);
}

static void convert(void *to, bg_dtype dtype, const void *from, bg_dtype from_dtype, size_t count)
{
    switch (from_dtype) {
    case BG_I32:
        if (dtype == BG_F32)
            f32_of_i32(to, from, count);
        else
            f64_of_i32(to, from, count);
        return;
    case BG_I64:
        if (dtype == BG_F32)
            f32_of_i64(to, from, count);
        else
            f64_of_i64(to, from, count);
        return;
    case BG_F32:
        f64_of_f32(to, from, count);
        return;
    case BG_F64:
        f32_of_f64(to, from, count);
        return;
    default: /* u8 and bool */
        if (dtype == BG_F32)
            f32_of_u8(to, from, count);
        else
            f64_of_u8(to, from, count);
    }
}

/* Where the first number is that is not finite; count if there is none. */
static int64_t find_not_finite(const bg_tensor *numbers, int64_t count)
{
    const void *data = bg_tensor_const_data(numbers);
    int64_t i = 0;
    if (numbers->dtype == BG_F32)
        for (const float *x = data; i < count && x[i] - x[i] == 0; i++)
            ;
    else
        for (const double *x = data; i < count && x[i] - x[i] == 0; i++)
            ;
    return i;
}

bg_status bgi_data_numbers(bg_tensor **numbers, bg_tensor *array, bg_dtype dtype, bool scales_bytes, const char *what)
{
    int64_t count = bg_shape_count(array->shape);
    if (array->dtype == dtype) {
        bgi_tensor_retain(array);
        *numbers = array;
    } else {
        bg_status status = bgi_tensor_create_unset(numbers, array->storage->engine, dtype, array->shape);
        if (status)
            return status;
        const void *from = bg_tensor_const_data(array);
        if (array->dtype == BG_U8 && scales_bytes)
            bgi_data_scale_bytes(bg_tensor_data(*numbers), dtype, from, (size_t)count);
        else
            convert(bg_tensor_data(*numbers), dtype, from, array->dtype, (size_t)count);
    }
    int64_t place = find_not_finite(*numbers, count);
    if (place == count)
        return BG_OK;
    double value = 0;
    (void)bg_tensor_item(array, place, &value);
    bg_tensor_destroy(*numbers);
    *numbers = NULL;
    return bg_fail(BG_ERR_FORMAT, "%s: element %lld is %g, no finite number of %s", what, (long long)place, value,
                   bg_dtype_name(dtype));
}

bg_status bgi_data_classes(bg_tensor **indices, int64_t *classes, bg_tensor *array, const char *what)
{
    if (array->dtype == BG_F32 || array->dtype == BG_F64)
        return bg_fail(BG_ERR_FORMAT, "%s: classes are integers, but these are %s", what, bg_dtype_name(array->dtype));
    int64_t count = bg_shape_count(array->shape);
    if (array->dtype == BG_I64) {
        bgi_tensor_retain(array);
        *indices = array;
    } else {
        bg_status status = bgi_tensor_create_unset(indices, array->storage->engine, BG_I64, array->shape);
        if (status)
            return status;
        if (array->dtype == BG_I32)
            i64_of_i32(bg_tensor_data(*indices), bg_tensor_const_data(array), (size_t)count);
        else
            i64_of_u8(bg_tensor_data(*indices), bg_tensor_const_data(array), (size_t)count);
    }
    const int64_t *data = bg_tensor_const_data(*indices);
    for (int64_t i = 0; i < count; i++) {
        if (data[i] < 0 || data[i] >= BGI_CLASS_LIMIT) {
            bg_status status = bg_fail(BG_ERR_FORMAT, "%s: element %lld is %lld, no class: %s", what, (long long)i,
                                       (long long)data[i], BGI_CLASS_RULE);
            bg_tensor_destroy(*indices);
            *indices = NULL;
            return status;
        }
        if (data[i] >= *classes)
            *classes = data[i] + 1;
    }
    return BG_OK;
}
