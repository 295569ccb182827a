/* Counter-based random numbers: Philox4x32-10. The same (seed, stream, index) gives the same number anywhere. */
#ifndef BGI_RANDOM_H
#define BGI_RANDOM_H

#include <stdint.h>

/* Four 32-bit words of block `index` of a stream. A stream's number is the hash of its name (base/hash.h). */
typedef struct {
    uint32_t word[4];
} bgi_block;
bgi_block bgi_random_block(uint64_t seed, uint64_t stream, uint64_t index);
/* Uniform in [0, 1) with 53 bits: number `index` of a stream. */
double bgi_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

#endif
