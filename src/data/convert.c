/* Numbers and classes out of arrays. */
#include "data/convert.h"
#include "data/dataset.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <string.h>

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

/* Whether a number is not finite: its exponent has all bits. Bits, unlike comparisons of numbers, are looked at many at
 * a time. */
static bool has_not_finite_f32(const float *x, size_t count)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found |= (bits & 0x7F800000) == 0x7F800000;
    }
    return found != 0;
}

static bool has_not_finite_f64(const double *x, size_t count)
{
    uint64_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found |= (bits & 0x7FF0000000000000) == 0x7FF0000000000000;
    }
    return found != 0;
}

/* Where the first number is that is not finite; count if there is none. */
static size_t find_not_finite(const void *numbers, bg_dtype dtype, size_t count)
{
    size_t i = 0;
    if (!(dtype == BG_F32 ? has_not_finite_f32(numbers, count) : has_not_finite_f64(numbers, count)))
        return count;
    if (dtype == BG_F32)
        for (const float *x = numbers; x[i] - x[i] == 0; i++)
            ;
    else
        for (const double *x = numbers; x[i] - x[i] == 0; i++)
            ;
    return i;
}

static double element(const void *elements, bg_dtype dtype, size_t i)
{
    return dtype == BG_F32 ? (double)((const float *)elements)[i] : ((const double *)elements)[i];
}

bg_status bgi_convert_numbers(void *to, bg_dtype dtype, const bgi_elements *from, bool scales_bytes)
{
    if (from->dtype == BG_U8 && scales_bytes)
        bgi_data_scale_bytes(to, dtype, from->data, from->count);
    else if (from->dtype != dtype)
        convert(to, dtype, from->data, from->dtype, from->count);
    size_t place = find_not_finite(to, dtype, from->count);
    if (place == from->count)
        return BG_OK;
    return bg_fail(BG_ERR_FORMAT, "%s: element %lld is %g, no finite number of %s", from->what,
                   (long long)(from->first + (int64_t)place), element(from->data, from->dtype, place),
                   bg_dtype_name(dtype));
}

bg_status bgi_convert_classes(int64_t *to, int64_t *classes, const bgi_elements *from)
{
    if (from->dtype == BG_I32)
        i64_of_i32(to, from->data, from->count);
    else if (from->dtype != BG_I64)
        i64_of_u8(to, from->data, from->count);
    for (size_t i = 0; i < from->count; i++) {
        if (to[i] < 0 || to[i] >= BGI_CLASS_LIMIT)
            return bg_fail(BG_ERR_FORMAT, "%s: element %lld is %lld, no class: %s", from->what,
                           (long long)(from->first + (int64_t)i), (long long)to[i], BGI_CLASS_RULE);
        if (to[i] >= *classes)
            *classes = to[i] + 1;
    }
    return BG_OK;
}

bg_status bgi_check_class_type(bg_dtype dtype, const char *what)
{
    if (dtype != BG_F32 && dtype != BG_F64)
        return BG_OK;
    return bg_fail(BG_ERR_FORMAT, "%s: classes are integers, but these are %s", what, bg_dtype_name(dtype));
}

/* ---- Whole tensors ---- */

/* The array itself, retained, if it is of the dtype; else a new tensor of its shape, in which an extent of 0 lets the
 * others be of any size in the file. */
static bg_status make_like(bg_tensor **made, bg_tensor *array, bg_dtype dtype, const char *what)
{
    if (array->dtype == dtype) {
        bgi_tensor_retain(array);
        *made = array;
        return BG_OK;
    }
    bg_status status = bgi_tensor_create_unset(made, array->storage->engine, dtype, array->shape);
    return status != BG_ERR_OVERFLOW ? status
                                     : bg_fail(BG_ERR_FORMAT, "%s: the shape is %s, whose bytes cannot be counted",
                                               what, bgi_shape_format(array->shape).text);
}

static bg_status give_up(bg_tensor **made, bg_status status)
{
    if (status) {
        bg_tensor_destroy(*made);
        *made = NULL;
    }
    return status;
}

static bgi_elements elements_of(const bg_tensor *array, const char *what)
{
    return (bgi_elements){ bg_tensor_const_data(array), array->dtype, (size_t)bg_shape_count(array->shape), what, 0 };
}

bg_status bgi_data_numbers(bg_tensor **numbers, bg_tensor *array, bg_dtype dtype, bool scales_bytes, const char *what)
{
    const bgi_elements from = elements_of(array, what);
    bg_status status = make_like(numbers, array, dtype, what);
    return status ? status
                  : give_up(numbers, bgi_convert_numbers(bg_tensor_data(*numbers), dtype, &from, scales_bytes));
}

bg_status bgi_data_classes(bg_tensor **indices, int64_t *classes, bg_tensor *array, const char *what)
{
    const bgi_elements from = elements_of(array, what);
    bg_status status = bgi_check_class_type(array->dtype, what);
    if (!status)
        status = make_like(indices, array, BG_I64, what);
    return status ? status : give_up(indices, bgi_convert_classes(bg_tensor_data(*indices), classes, &from));
}
