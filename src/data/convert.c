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
#define HAS_NOT_FINITE(name, type, bits_type, exponent)                                                                \
    static bool name(const type *x, size_t count)                                                                      \
    {                                                                                                                  \
        bits_type found = 0;                                                                                           \
        for (size_t i = 0; i < count; i++) {                                                                           \
            bits_type bits;                                                                                            \
            memcpy(&bits, &x[i], sizeof bits);                                                                         \
            found |= (bits & (exponent)) == (exponent);                                                                \
        }                                                                                                              \
        return found != 0;                                                                                             \
    }
HAS_NOT_FINITE(has_not_finite_f32, float, uint32_t, 0x7F800000)
HAS_NOT_FINITE(has_not_finite_f64, double, uint64_t, 0x7FF0000000000000)

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

bg_status bgi_convert_room(bg_tensor **column, bg_engine *engine, bg_dtype dtype, bg_shape shape, const char *what)
{
    bg_status status = bgi_tensor_create_unset(column, engine, dtype, shape);
    return status != BG_ERR_OVERFLOW ? status
                                     : bg_fail(BG_ERR_FORMAT, "%s: the shape is %s, whose bytes cannot be counted",
                                               what, bgi_shape_format(shape).text);
}
