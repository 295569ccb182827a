/* Byte order of elements in files. */
#ifndef BGI_BYTES_H
#define BGI_BYTES_H

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

#endif
