#!/usr/bin/env python3
"""Makes powers_data.c: python3 make_powers.py > powers_data.c

The first 128 bits of 5^q, for every q that a number of 19 digits in the range of f64 can need.

5^q = m 2^e with 2^127 <= m < 2^128. For q >= 0 the table has m rounded down. For q < 0 it has the first 128 bits of a
longer reciprocal that is rounded up, or of the reciprocal itself where that is exact enough to decide (q >= -27): what
the proof of the algorithm in number.c asks for (Lemire, Number Parsing at a Gigabyte per Second, 2021, section 5).
"""
SMALLEST, LARGEST = -342, 308


def bits(q):
    if q >= 0:
        power = 5**q
        return power << 128 - power.bit_length() if power.bit_length() <= 128 else power >> power.bit_length() - 128
    power = 5**-q
    length = power.bit_length()  # 2^(length - 1) < power < 2^length, for no power of five is one of two
    if q >= -27:
        return (1 << length + 127) // power + 1
    reciprocal = (1 << 2 * length + 128) // power + 1
    return reciprocal >> reciprocal.bit_length() - 128


print("""/* The first 128 bits of 5^-342 to 5^308, made by make_powers.py. */
#include "data/number.h"

/* clang-format off */
const uint64_t bgi_powers_of_five[BGI_POWER_LARGEST - BGI_POWER_SMALLEST + 1][2] = {""")
for q in range(SMALLEST, LARGEST + 1):
    m = bits(q)
    assert m >> 127 == 1
    print("{0x%016x,0x%016x}," % (m >> 64, m & (1 << 64) - 1), end="\n" if (q - SMALLEST) % 3 == 2 else "")
print("""};
/* clang-format on */""")
