#include "fixed.h"

double fixed_number(uint64_t stream, uint64_t i)
{
    uint64_t x = (stream << 40) + i + 1;
    for (int round = 0; round < 3; round++) {
        x ^= x >> 31;
        x *= UINT64_C(0x9E3779B97F4A7C15);
    }
    return (double)(x >> 11) * 0x1p-52 - 1;
}

void fixed_fill(void *data, bg_dtype dtype, int64_t count, uint64_t stream, double scale)
{
    for (int64_t i = 0; i < count; i++)
        if (dtype == BG_F64)
            ((double *)data)[i] = scale * fixed_number(stream, (uint64_t)i);
        else
            ((float *)data)[i] = (float)(scale * fixed_number(stream, (uint64_t)i));
}
