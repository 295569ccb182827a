/* XXH3 with 64 bits: of bytes, of a text, and of bytes that come in pieces. */
#ifndef BGI_HASH_H
#define BGI_HASH_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

uint64_t bgi_hash_bytes(const void *bytes, uint64_t count);
uint64_t bgi_hash_text(const char *text);

/* In pieces: the same as of all of them at once. */
typedef struct {
    alignas(64) unsigned char state[576];
} bgi_checksum;

void bgi_checksum_start(bgi_checksum *checksum);
void bgi_checksum_add(bgi_checksum *checksum, const void *bytes, size_t count);
uint64_t bgi_checksum_value(const bgi_checksum *checksum);

/* As text: 16 hexadecimal digits, the most significant first, and a zero byte. */
typedef struct {
    char text[17];
} bgi_checksum_text;
bgi_checksum_text bgi_checksum_format(uint64_t value);

#endif
