/* Numbers as tables mostly have them, read inline: the loop over a table's fields is as fast as this. */
#ifndef BGI_NUMBER_PLAIN_H
#define BGI_NUMBER_PLAIN_H

#include "data/number.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* The first n of eight digits. */
static inline uint64_t bgi_join_first(uint64_t bytes, int n)
{
    /* Zeros before the digits, in place of what is behind them; in two steps, for one of 64 bits is not allowed. */
    return bgi_join_digits(bytes << (32 - 4 * n) << (32 - 4 * n));
}

/* The digits that a text begins with, eight at most: how many there are, and they as a number. */
static inline int bgi_first_digits(const char *c, uint64_t *number)
{
    uint64_t bytes;
    int n = bgi_count_digits(c, &bytes);
    *number = bgi_join_first(bytes, n);
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

/* Which of 32 bytes are no digits: the first is bit 0. The way without vectors stands for all machines. */
static inline uint32_t bgi_find_others_by_eight(const char *c)
{
    uint32_t others = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t bytes = bgi_load_eight(c + 8 * (size_t)i) ^ UINT64_C(0x3030303030303030);
        /* As in bgi_count_digits, but no sum carries; the bits that say so are then moved next to each other. */
        bytes = (((bytes & UINT64_C(0x7F7F7F7F7F7F7F7F)) + UINT64_C(0x7676767676767676)) | bytes) &
                UINT64_C(0x8080808080808080);
        others |= (uint32_t)((bytes >> 7) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    }
    return others;
}
static inline uint32_t bgi_find_others(const char *c)
{
#ifdef __SSE2__
    const __m128i first = _mm_set1_epi8((char)('0' ^ 0x80)), last = _mm_set1_epi8(-128 + 9);
    __m128i low = _mm_loadu_si128((const void *)c), high = _mm_loadu_si128((const void *)(c + 16));
    low = _mm_cmpgt_epi8(_mm_sub_epi8(low, first), last);
    high = _mm_cmpgt_epi8(_mm_sub_epi8(high, first), last);
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
#else
    return bgi_find_others_by_eight(c);
#endif
}

/* So many digits, eight at most, as a number. */
static inline uint64_t bgi_take_digits(const char *c, int n)
{
    return bgi_join_first(bgi_load_eight(c) ^ UINT64_C(0x3030303030303030), n);
}

/* So many digits, and behind a mark as many as `fraction` says, 16 in all at most, as one number. */
static inline uint64_t bgi_take_both_by_eight(const char *c, int whole, int fraction)
{
    int n = whole < 8 ? whole : 8, m = whole - n;
    uint64_t digits = bgi_take_digits(c, n) * bgi_powers_of_ten[m] + bgi_take_digits(c + n, m);
    c += whole + 1;
    n = fraction < 8 ? fraction : 8;
    m = fraction - n;
    digits = digits * bgi_powers_of_ten[n] + bgi_take_digits(c, n);
    return digits * bgi_powers_of_ten[m] + bgi_take_digits(c + n, m);
}
static inline uint64_t bgi_take_both(const char *c, int whole, int fraction)
{
#ifdef __SSE2__
    /* From n on: the last n of 16 bytes. */
    static const uint8_t last[32] = { [16] = 255, 255, 255, 255, 255, 255, 255, 255,
                                      255,        255, 255, 255, 255, 255, 255, 255 };
    /* The digits behind the mark end where a vector does, and those in front of it where another does, which is one
     * byte apart: over each other the two have all digits next to each other. */
    const char *end = c + whole + 1 + fraction;
    __m128i of_fraction = _mm_loadu_si128((const void *)(last + fraction));
    __m128i of_both = _mm_loadu_si128((const void *)(last + whole + fraction));
    __m128i behind = _mm_and_si128(of_fraction, _mm_loadu_si128((const void *)(end - 16)));
    __m128i before = _mm_andnot_si128(of_fraction, _mm_loadu_si128((const void *)(end - 17)));
    __m128i x = _mm_and_si128(_mm_or_si128(behind, before), _mm_and_si128(of_both, _mm_set1_epi8(15)));
    /* Neighbours are joined: to pairs of digits, to four, to eight. */
    x = _mm_add_epi16(_mm_mullo_epi16(x, _mm_set1_epi16(10)), _mm_srli_epi16(x, 8));
    x = _mm_madd_epi16(_mm_and_si128(x, _mm_set1_epi16(255)), _mm_set1_epi32(1 << 16 | 100));
    x = _mm_madd_epi16(_mm_packs_epi32(x, x), _mm_set1_epi32(1 << 16 | 10000));
    uint64_t eights = (uint64_t)_mm_cvtsi128_si64(x);
    return (eights & UINT32_MAX) * 100000000 + (eights >> 32);
#else
    return bgi_take_both_by_eight(c, whole, fraction);
#endif
}

/* digits / 10^fraction, of less than 10^19 and at most 19, rounded; with is_f32 it may be another f64 that rounds to
 * the right f32. */
static inline double bgi_round_plain(uint64_t digits, int fraction, bool is_negative, bool is_f32)
{
    /* Powers of ten up to 10^22 are doubles, as are digits below 2^53, and one operation rounds once. */
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                     1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };
    double value = (double)(int64_t)digits / powers[fraction];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (digits >> 53)
        bits = bgi_round_long(digits, fraction);
    /* Rounding again gives the nearest f32, unless the double lies half way between two, where it may itself have been
     * rounded to; such doubles have these last bits. (None is below the normal values of f32.) */
    if (is_f32 && (bits & 0x1FFFFFFF) == 0x10000000)
        return bgi_number_round(digits, -fraction, is_negative, is_f32);
    bits |= (uint64_t)is_negative << 63;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* As bgi_number_read, of numbers with at most 16 digits before the mark and 19 in all; end is NULL for all others, and
 * for what is infinite. The value is as bgi_round_plain gives it. Where the number ends is found first, from one look
 * at its bytes: the next field begins there, and what the processor does for several fields at a time hangs on it. */
static inline __attribute__((always_inline)) bgi_number bgi_number_read_plain(const char *text, char mark, bool is_f32)
{
    enum { MOST_DIGITS = 19, MOST_TOGETHER = 16 };
    const bool is_negative = *text == '-', has_sign = is_negative | (*text == '+');
    const char *c = text + has_sign;
    /* From the sign on; the last bit stands for none. */
    uint32_t others = (bgi_find_others(text) | UINT32_C(1) << 31) >> has_sign;
    uint64_t digits, third;
    int whole = 1, fraction = 0;
    /* One digit before the mark is so common that a branch pays. */
    if (c[1] != mark)
        whole = __builtin_ctz(others);
    if (whole > MOST_TOGETHER || (whole == 1 && (others & 1)))
        return (bgi_number){ NULL, 0 };
    const char *end = c + whole;
    if (*end == mark)
        fraction = __builtin_ctz(others >> (whole + 1));
    if (fraction >= MOST_TOGETHER) {
        /* A branch knows where they end sooner than the number of them does. */
        digits = whole == 1 ? (uint64_t)(unsigned char)(*c - '0') : bgi_take_both(c, whole, 0);
        digits = digits * bgi_powers_of_ten[MOST_TOGETHER] + bgi_take_both(end, 0, MOST_TOGETHER);
        end += 1 + MOST_TOGETHER;
        int more = bgi_first_digits(end, &third);
        digits = digits * bgi_powers_of_ten[more] + third;
        fraction = MOST_TOGETHER + more;
        end += more;
    } else if (*end == mark) {
        if (whole + fraction <= MOST_TOGETHER)
            digits = bgi_take_both(c, whole, fraction);
        else
            digits = bgi_take_both(c, whole, 0) * bgi_powers_of_ten[fraction] + bgi_take_both(end, 0, fraction);
        end += 1 + fraction;
    } else {
        digits = whole <= 8 ? bgi_take_digits(c, whole) : bgi_take_both(c, whole, 0);
    }
    if (whole + fraction == 0 || whole + fraction > MOST_DIGITS)
        return (bgi_number){ NULL, 0 };
    if ((*end | 0x20) == 'e')
        return bgi_number_read_exponent(end, digits, -fraction, is_negative, is_f32);
    return (bgi_number){ end, bgi_round_plain(digits, fraction, is_negative, is_f32) };
}

#endif
