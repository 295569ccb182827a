/* XXH3 by xxHash. */
#define XXH_INLINE_ALL
#define XXH_STATIC_LINKING_ONLY
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

uint64_t bgi_hash_bytes(const void *bytes, uint64_t count) { return XXH3_64bits(bytes, (size_t)count); }

uint64_t bgi_hash_text(const char *text) { return bgi_hash_bytes(text, strlen(text)); }

_Static_assert(sizeof(XXH3_state_t) <= sizeof(bgi_checksum), "the state fits");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(bgi_checksum), "the state is aligned");

void bgi_checksum_start(bgi_checksum *checksum)
{
    XXH3_state_t *state = (XXH3_state_t *)(void *)checksum->state;
    XXH3_INITSTATE(state);
    (void)XXH3_64bits_reset(state);
}

void bgi_checksum_add(bgi_checksum *checksum, const void *bytes, size_t count)
{
    (void)XXH3_64bits_update((XXH3_state_t *)(void *)checksum->state, bytes, count);
}

uint64_t bgi_checksum_value(const bgi_checksum *checksum)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)checksum->state);
}

bgi_checksum_text bgi_checksum_format(uint64_t value)
{
    bgi_checksum_text text;
    for (int i = 0; i < 16; i++)
        text.text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    text.text[16] = '\0';
    return text;
}
