/* Numbers as tables mostly have them, read inline: the loop over a table's fields is as fast as this. */
#ifndef BGI_NUMBER_PLAIN_H
#define BGI_NUMBER_PLAIN_H

#include "data/number.h"

#include <string.h>

/* 10^0 to 10^16. */
extern const uint64_t bgi_powers_of_ten[17];

/* Eight bytes, the first of them lowest. */
static inline uint64_t bgi_load_eight(const char *c)
{
    uint64_t bytes;
    memcpy(&bytes, c, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/* How many of eight bytes are digits before the first that is none; and the bytes with digits as 0 to 9. */
static inline int bgi_count_digits(const char *c, uint64_t *bytes)
{
    /* A digit becomes 0 to 9, and another byte has its highest bit set in one of the two sums. A sum may carry into
     * bytes behind the first that is no digit, which do not count. */
    *bytes = bgi_load_eight(c) ^ UINT64_C(0x3030303030303030);
    uint64_t others = ((*bytes + UINT64_C(0x7676767676767676)) | *bytes) & UINT64_C(0x8080808080808080);
    /* The last byte stands for none, without a branch: lengths could not be predicted. Where the next field begins
     * hangs on this number, and with it the speed of all. */
    return __builtin_ctzll(others | UINT64_C(1) << 63) / 8 + (others == 0);
}

/* Eight digits, the first of them lowest, as a number. */
static inline uint64_t bgi_join_digits(uint64_t bytes)
{
    bytes = bytes * 10 + (bytes >> 8);
    bytes = (bytes & UINT64_C(0x00FF00FF00FF00FF)) * (1 + (UINT64_C(100) << 16)) >> 16;
    return (bytes & UINT64_C(0x0000FFFF0000FFFF)) * (1 + (UINT64_C(10000) << 32)) >> 32;
}

/* The digits that a text begins with, eight at most: how many there are, and they as a number. */
static inline int bgi_first_digits(const char *c, uint64_t *number)
{
    uint64_t bytes;
    int n = bgi_count_digits(c, &bytes);
    /* Zeros before the digits, in place of what is behind them; in two steps, for one of 64 bits is not allowed. */
    *number = bgi_join_digits(bytes << (32 - 4 * n) << (32 - 4 * n));
    return n;
}

/* The bits of the f64 nearest to digits / 10^fraction, of digits from 2^53 to below 10^19 and a fraction of at most 19
 * of them: as bgi_number_round, which has what is left out here, because it is rare. */
static inline uint64_t bgi_round_long(uint64_t digits, int fraction)
{
    enum { MANTISSA = 52, REST = 64 - MANTISSA - 3 };
    __extension__ typedef unsigned __int128 wide;
    int zeros = __builtin_clzll(digits);
    wide product = (wide)(digits << zeros) * bgi_powers_of_five[-fraction - BGI_POWER_SMALLEST][0];
    uint64_t high = (uint64_t)(product >> 64), rest = (UINT64_C(1) << REST) - 1, bits;
    /* The lower bits of the power may count, or the number may lie half way between two. */
    if ((high & rest) == rest || (uint64_t)product <= 1) {
        double value = bgi_number_round(digits, -fraction, false, false);
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    int upper = (int)(high >> 63), exponent = ((217706 * -fraction) >> 16) + 63 + upper - zeros + 1023;
    uint64_t mantissa = high >> (upper + REST);
    return ((uint64_t)(exponent - 1) << MANTISSA) + ((mantissa + (mantissa & 1)) >> 1);
}

/* As bgi_number_read, of numbers with fewer than 16 digits before the mark and 19 in all; end is NULL for all others.
 */
static inline bgi_number bgi_number_read_plain(const char *text, char mark, bool is_f32)
{
    enum { MOST_DIGITS = 19, TOO_MANY };
    /* Powers of ten up to 10^22 are doubles, as are digits below 2^53, and one operation rounds once. */
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };
    const bool is_negative = *text == '-';
    const char *c = text + (is_negative | (*text == '+'));
    /* One digit before the mark is so common that a branch pays. */
    uint64_t digits = (uint64_t)(unsigned char)*c - '0';
    int count = 1, fraction = 0;
    if (digits > 9 || c[1] != mark)
        count = bgi_first_digits(c, &digits);
    c += count;
    if (count == 8) {
        uint64_t second;
        int more = bgi_first_digits(c, &second);
        digits = digits * bgi_powers_of_ten[more] + second;
        count = more < 8 ? 8 + more : TOO_MANY;
        c += more;
    }
    if (*c == mark) {
        /* Eight and eight more, which count if all of the first are digits: fractions of 5 to 12 digits are common, and
         * a branch between them could not be predicted. */
        uint64_t first, second;
        int n = bgi_count_digits(++c, &first), m = bgi_count_digits(c + 8, &second) & -(n >> 3);
        fraction = n + m;
        if (fraction < 16) {
            first = bgi_join_digits(first << (32 - 4 * n) << (32 - 4 * n));
            second = bgi_join_digits(second << (32 - 4 * m) << (32 - 4 * m));
            digits = (digits * bgi_powers_of_ten[n] + first) * bgi_powers_of_ten[m] + second;
            c += fraction;
        } else {
            /* A branch knows where they end sooner than the sum does. */
            c += 16;
            digits = digits * bgi_powers_of_ten[16] + bgi_join_digits(first) * bgi_powers_of_ten[8] +
                     bgi_join_digits(second);
            int more = bgi_first_digits(c, &first);
            digits = digits * bgi_powers_of_ten[more] + first;
            fraction += more;
            c += more;
        }
        count += fraction;
    }
    if (count == 0 || count > MOST_DIGITS)
        return (bgi_number){ NULL, 0 };
    if ((*c | 0x20) == 'e')
        return bgi_number_read_exponent(c, digits, -fraction, is_negative, is_f32);
    double value = (double)(int64_t)digits / powers[fraction];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (digits >> 53)
        bits = bgi_round_long(digits, fraction);
    /* Rounding again gives the nearest f32, unless the double lies half way between two, where it may itself have been
     * rounded to; such doubles have these last bits. (None is below the normal values of f32.) */
    if (is_f32 && (bits & 0x1FFFFFFF) == 0x10000000)
        return (bgi_number){ c, bgi_number_round(digits, -fraction, is_negative, is_f32) };
    bits |= (uint64_t)is_negative << 63;
    memcpy(&value, &bits, sizeof bits);
    return (bgi_number){ c, is_f32 ? (double)(float)value : value };
}

#endif
