/* UTF-8: RFC 3629. */
#include "base/utf8.h"

int bgi_utf8_decode(const void *bytes, size_t count, uint32_t *code)
{
    const unsigned char *c = bytes;
    if (c[0] < 0x80) {
        *code = c[0];
        return 1;
    }
    int length = c[0] < 0xC2 ? 0 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : c[0] < 0xF5 ? 4 : 0;
    if (length == 0 || count < (size_t)length)
        return 0;
    /* The second byte rules out overlong forms, surrogates and what is too large. */
    unsigned char low = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
    *code = c[0] & (0xFFU >> (length + 1));
    for (int i = 1; i < length; i++) {
        if (c[i] < low || c[i] > high)
            return 0;
        *code = *code << 6 | (c[i] & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

int bgi_utf8_encode(uint32_t code, unsigned char bytes[4])
{
    if (code < 0x80) {
        bytes[0] = (unsigned char)code;
        return 1;
    }
    int length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, code >>= 6)
        bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
    bytes[0] = (unsigned char)((0xF00U >> length & 0xF0) | code);
    return length;
}

bool bgi_utf8_check(const char *text, size_t bytes)
{
    uint32_t code;
    for (int length; bytes > 0; text += length, bytes -= (size_t)length) {
        length = bgi_utf8_decode(text, bytes, &code);
        if (length == 0)
            return false;
    }
    return true;
}
