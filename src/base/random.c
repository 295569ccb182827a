/* Philox4x32-10 by Random123. */
#include "base/random.h"

#include <Random123/philox.h>

bgi_block bgi_random_block(uint64_t seed, uint64_t stream, uint64_t index)
{
    philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    philox4x32_ctr_t counter = { { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                                   (uint32_t)(stream >> 32) } };
    philox4x32_ctr_t result = philox4x32(counter, key);
    return (bgi_block){ { result.v[0], result.v[1], result.v[2], result.v[3] } };
}

double bgi_random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    /* A block holds two numbers. */
    bgi_block block = bgi_random_block(seed, stream, index / 2);
    const uint32_t *half = block.word + index % 2 * 2;
    uint64_t bits = (uint64_t)half[1] << 32 | half[0];
    return (double)(bits >> 11) * 0x1p-53;
}
