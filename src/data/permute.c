/* Shuffling without an array of indices. */
#include <blasgrad/data.h>

#include "base/random.h"

#include <math.h>

/* An index is a place (row, column) in a grid of rows x columns >= n places. A round moves each column by a random
 * number of rows, then each row by a random number of columns; as each move can be undone, the whole is a bijection of
 * the grid. An index whose image lies outside of 0 .. n - 1 goes on along its cycle, which comes back. The grid is
 * nearly square and has fewer than 2 √n places too many, so that this is rare for large n.
 *
 * A small grid has few moves to choose from in a round, so it needs more rounds until all orders are equally likely. */
enum { ROUNDS = 3, SMALL_ROUNDS = 8, SMALL = 1000 };

/* A random number of places on from `place`, around a line of `count` places, at most 2^32. */
static uint64_t move(uint64_t place, uint64_t count, uint64_t seed, uint64_t stream, uint64_t round, uint64_t line)
{
    uint64_t word = bgi_random_block(seed, stream, round << 33 ^ line).word[0];
    place += word * count >> 32;
    return place < count ? place : place - count;
}

uint64_t bg_permute_index(uint64_t i, uint64_t n, uint64_t seed, uint64_t stream)
{
    if (i >= n)
        return i;
    uint64_t rows = (uint64_t)sqrt((double)n);
    while (rows >> 32 == 0 && rows * rows < n)
        rows++;
    uint64_t columns = n / rows + (n % rows != 0);
    uint64_t rounds = n < SMALL ? SMALL_ROUNDS : ROUNDS;
    do {
        uint64_t row = i / columns, column = i % columns;
        for (uint64_t round = 0; round < rounds; round++) {
            row = move(row, rows, seed, stream, 2 * round, column);
            column = move(column, columns, seed, stream, 2 * round + 1, row);
        }
        i = row * columns + column;
    } while (i >= n);
    return i;
}
