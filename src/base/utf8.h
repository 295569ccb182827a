/* UTF-8. */
#ifndef BGI_UTF8_H
#define BGI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the first character of text that is not empty, 1 to 4, and its code point; 0 if they are not UTF-8 or
 * not all there: an overlong form, a surrogate and what is above U+10FFFF are none. */
int bgi_utf8_decode(const void *bytes, size_t count, uint32_t *code);
/* Writes a code point and returns how many bytes it has. */
int bgi_utf8_encode(uint32_t code, unsigned char bytes[4]);

/* Whether text is UTF-8 from its first byte to its last. */
bool bgi_utf8_check(const char *text, size_t bytes);

#endif
