/* The types of elements in NPY files. */
#include "io/npy.h"

#include <string.h>

#define WIDEN(name, from_type, to_type)                                                                                \
    static void name(void *to, const void *from, size_t count)                                                         \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) {                                                                           \
            from_type value;                                                                                           \
            memcpy(&value, (const unsigned char *)from + i * sizeof value, sizeof value);                              \
            ((to_type *)to)[i] = value;                                                                                \
        }                                                                                                              \
    }
WIDEN(widen_i8, int8_t, int32_t)
WIDEN(widen_i16, int16_t, int32_t)
WIDEN(widen_u16, uint16_t, int32_t)
WIDEN(widen_u32, uint32_t, int64_t)

/* Half precision: 5 bits of exponent, biased by 15, and 10 of fraction. The bits of a NaN stay. */
static void widen_f16(void *to, const void *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, (const unsigned char *)from + 2 * i, 2);
        uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F, fraction = half & 0x3FF, bits;
        if (exponent == 0) { /* 0 and subnormals: fraction 2^-24 */
            float value = (float)fraction * 0x1p-24F;
            memcpy(&bits, &value, 4);
        } else {
            bits = (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
        }
        bits |= sign;
        memcpy((float *)to + i, &bits, 4);
    }
}

static const bgi_npy_type types[] = {
    { "b1", 1, BG_BOOL, NULL },     { "i1", 1, BG_I32, widen_i8 },  { "u1", 1, BG_U8, NULL },
    { "i2", 2, BG_I32, widen_i16 }, { "u2", 2, BG_I32, widen_u16 }, { "i4", 4, BG_I32, NULL },
    { "u4", 4, BG_I64, widen_u32 }, { "i8", 8, BG_I64, NULL },      { "u8", 8, BG_I64, NULL },
    { "f2", 2, BG_F32, widen_f16 }, { "f4", 4, BG_F32, NULL },      { "f8", 8, BG_F64, NULL },
};
enum { TYPES = sizeof types / sizeof *types };

const bgi_npy_type *bgi_npy_type_find(const char code[2])
{
    for (int i = 0; i < TYPES; i++)
        if (memcmp(code, types[i].code, 2) == 0)
            return &types[i];
    return NULL;
}

const bgi_npy_type *bgi_npy_type_of(bg_dtype dtype)
{
    const bgi_npy_type *type = types;
    while (type->dtype != dtype || type->widen)
        type++;
    return type;
}
