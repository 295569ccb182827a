"""The order in which blasgrad's trainer takes the examples of an epoch: bg_permute_index with the engine's seed and the
stream XXH3("trainer.shuffle") + epoch, epochs counting from 1."""
import math

import numpy as np
import xxhash


def philox_word(seed, stream, index):
    """Word 0 of Philox4x32-10 with the key (seed) and the counter (index, stream). index: an array of uint64."""
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [index & mask, index >> shift, np.full_like(index, stream & 0xFFFFFFFF), np.full_like(index, stream >> 32)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> shift) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> shift) ^ c[3] ^ np.uint64(k[1]), a & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c[0]


def permutation(n, seed, stream):
    rows = math.isqrt(n)
    rows += rows * rows < n
    columns = -(-n // rows)

    def move(place, count, number, line):
        word = philox_word(seed, stream, np.uint64(number << 33) ^ line)
        return (place + (word * np.uint64(count) >> np.uint64(32))) % np.uint64(count)

    result = np.arange(n, dtype=np.uint64)
    outside = np.ones(n, dtype=bool)
    while outside.any():
        row, column = result[outside] // np.uint64(columns), result[outside] % np.uint64(columns)
        for number in range(8 if n < 1000 else 3):
            row = move(row, rows, 2 * number, column)
            column = move(column, columns, 2 * number + 1, row)
        result[outside] = row * np.uint64(columns) + column
        outside = result >= n
    return result.astype(np.int64)


def batches(n, batch, seed):
    """The examples of one step after the other, for ever."""
    stream, epoch = xxhash.xxh3_64_intdigest(b"trainer.shuffle"), 0
    while True:
        epoch += 1
        order = permutation(n, seed, (stream + epoch) % 2**64)
        for start in range(0, n, batch):
            yield order[start:start + batch]
