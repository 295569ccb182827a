#!/usr/bin/env python3
"""Makes digits_data.c from the table of the 8x8 digits: python3 make_digits.py digits.csv[.gz] > digits_data.c

The table has a line for each of the 1,797 digits: 64 pixels from 0 to 16, row by row, then the class. It is stored pixel by
pixel (first the 1,797 values of pixel 0), which compresses best, the classes last.
"""
import gzip
import sys
import zlib

path = sys.argv[1]
with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
    rows = [[int(float(field)) for field in line.split(",")] for line in file if line.strip()]
assert len(rows) == 1797 and all(len(row) == 65 and max(row[:64]) <= 16 and row[64] < 10 for row in rows)
data = bytes(row[column] for column in range(65) for row in rows)


def compress(memory, strategy):
    stream = zlib.compressobj(9, zlib.DEFLATED, 15, memory, strategy)
    return stream.compress(data) + stream.flush()


best = min((compress(memory, strategy) for memory in range(1, 10) for strategy in range(4)), key=len)

print("""/* The 8x8 digits, made by make_digits.py.
 *
 * Source: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998
 * (the 1,797 digits of its test part), https://doi.org/10.24432/C50P49.
 * Licence: Creative Commons Attribution 4.0 International (CC BY 4.0). Changed here: order and compression. */
#include "data/dataset.h"

/* clang-format off */
const unsigned char bgi_digits_data[] = {""")
line = ""
for byte in best:
    if len(line) + len(str(byte)) + 1 > 120:
        print(line)
        line = ""
    line += f"{byte},"
print(line.rstrip(","))
print("""};
/* clang-format on */
const unsigned bgi_digits_data_bytes = sizeof bgi_digits_data;""")
