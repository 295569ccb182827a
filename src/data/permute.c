/* Shuffling without an array of indices. */
#include <blasgrad/data.h>

#include "base/random.h"

#include <math.h>

/* An index is a place (row, column) in a grid of rows x columns >= n places. A round moves each column by a random
 * number of rows, then each row by a random number of columns; as each move can be undone, the whole is a bijection of
 * the grid. An index whose image lies outside of 0 .. n - 1 goes on along its cycle, which comes back. The grid is
 * nearly square and has fewer than 2 √n places too many, so that this is rare for large n. */
enum { ROUNDS = 4 };

static uint64_t draw(uint64_t seed, uint64_t stream, uint64_t round, uint64_t line)
{
    bgi_block block = bgi_random_block(seed, stream, round << 33 ^ line);
    return (uint64_t)block.word[0] << 32 | block.word[1];
}

uint64_t bg_permute_index(uint64_t i, uint64_t n, uint64_t seed, uint64_t stream)
{
    if (i >= n)
        return i;
    uint64_t rows = (uint64_t)sqrt((double)n);
    while (rows >> 32 == 0 && rows * rows < n)
        rows++;
    uint64_t columns = n / rows + (n % rows != 0);
    do {
        uint64_t row = i / columns, column = i % columns;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            row = (row + draw(seed, stream, 2 * round, column) % rows) % rows;
            column = (column + draw(seed, stream, 2 * round + 1, row) % columns) % columns;
        }
        i = row * columns + column;
    } while (i >= n);
    return i;
}
