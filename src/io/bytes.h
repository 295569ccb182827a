/* Elements as files have them. */
#ifndef BGI_BYTES_H
#define BGI_BYTES_H

#include <blasgrad/tensor.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BGI_IS_BIG_ENDIAN = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

/* Reverses the bytes of each of `count` elements of 1, 2, 4 or 8 bytes. */
static inline void bgi_bytes_reverse(void *data, size_t count, size_t size)
{
    unsigned char *bytes = data;
    for (size_t i = 0; i < count && size > 1; i++, bytes += size) {
        if (size == 8) {
            uint64_t word;
            memcpy(&word, bytes, 8);
            word = __builtin_bswap64(word);
            memcpy(bytes, &word, 8);
        } else if (size == 4) {
            uint32_t word;
            memcpy(&word, bytes, 4);
            word = __builtin_bswap32(word);
            memcpy(bytes, &word, 4);
        } else {
            unsigned char first = bytes[0];
            bytes[0] = bytes[1];
            bytes[1] = first;
        }
    }
}

/* The elements in row-major order and little-endian: the tensor's own memory if that is such, else a copy, to be freed
 * as bytes of its engine. NULL when memory is out. */
const void *bgi_bytes_of(const bg_tensor *tensor, size_t bytes, void **copy);

#endif
