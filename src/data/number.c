/* Decimal to binary, correctly rounded. */
#define _GNU_SOURCE /* strtod_l, strtof_l */
#include "data/number.h"
#include "data/number_plain.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const uint64_t bgi_powers_of_ten[] = { 1,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       UINT64_C(1000000000000),
                                       UINT64_C(10000000000000),
                                       UINT64_C(100000000000000),
                                       UINT64_C(1000000000000000),
                                       UINT64_C(10000000000000000) };

/* ---- Scanning ---- */

/* A number as digits · 10^exponent; is_exact if all digits are in, of which there is room for 19. */
typedef struct {
    uint64_t digits;
    int64_t exponent;
    bool is_negative, is_exact;
} decimal;
enum { DIGITS_HELD = 19 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Takes digits on, eight at a time, and counts them; of more than 19 digits, what is in is of no use. */
static inline const char *take_digits(const char *c, uint64_t *digits, int *count)
{
    int n;
    do {
        uint64_t number;
        n = bgi_first_digits(c, &number);
        *digits = *digits * bgi_powers_of_ten[n] + number;
        *count += n;
        c += n;
    } while (n == 8 && *count <= DIGITS_HELD);
    return c;
}

/* The same one by one, for numbers of many digits. Those that 19 digits cannot hold are left out. */
static const char *take_many_digits(const char *c, bool is_fraction, decimal *d, int *count)
{
    for (; is_digit(*c); c++, ++*count) {
        if (d->digits < UINT64_C(1000000000000000000)) {
            d->digits = d->digits * 10 + (uint64_t)(*c - '0');
            d->exponent -= is_fraction;
        } else {
            d->exponent += !is_fraction;
            d->is_exact = d->is_exact && *c == '0';
        }
    }
    return c;
}

static const char *scan_exponent(const char *c, decimal *d)
{
    bool is_negative = *c == '-';
    c += *c == '+' || *c == '-';
    if (!is_digit(*c))
        return NULL;
    /* What is larger is as good as infinite: there are fewer digits before, at most 2^30. */
    const int64_t limit = INT64_C(1) << 32;
    int64_t exponent = 0;
    for (; is_digit(*c); c++)
        exponent = exponent < limit ? exponent * 10 + (*c - '0') : exponent;
    d->exponent += is_negative ? -exponent : exponent;
    return c;
}

/* Scans the number that the text begins with. Returns where it ends, or NULL if there is none. */
static inline const char *scan(const char *text, char mark, decimal *d)
{
    *d = (decimal){ .is_negative = *text == '-', .is_exact = true };
    const char *first = text + (*text == '+' || *text == '-');
    int count = 0;
    const char *c = take_digits(first, &d->digits, &count);
    if (*c == mark) {
        const char *fraction = c + 1;
        c = take_digits(fraction, &d->digits, &count);
        d->exponent = fraction - c;
    }
    if (count == 0)
        return NULL;
    if (count > DIGITS_HELD) {
        d->digits = 0;
        d->exponent = 0;
        c = take_many_digits(first, false, d, &count);
        if (*c == mark)
            c = take_many_digits(c + 1, true, d, &count);
    }
    return *c == 'e' || *c == 'E' ? scan_exponent(c + 1, d) : c;
}

/* ---- Rounding ---- */

/* A binary format: bits of the mantissa that are stored, the exponent's bias and its value for infinity; the powers of
 * ten between which numbers of 19 digits are neither zero nor infinite; those between which such a number can be half
 * way between two of the format. */
typedef struct {
    int mantissa, bias, infinite, smallest, largest, first_tie, last_tie;
} format;
static const format single = { 23, 127, 0xFF, -64, 38, -17, 10 };
static const format twice = { 52, 1023, 0x7FF, -342, 308, -4, 23 };

/* The first 128 bits of digits · 5^q; the lower half of the power counts only where it can change the upper bits. */
static void multiply(uint64_t digits, const uint64_t power[2], int bits, uint64_t *high, uint64_t *low)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)digits * power[0];
    *high = (uint64_t)(product >> 64);
    *low = (uint64_t)product;
    uint64_t rest = UINT64_MAX >> bits;
    if ((*high & rest) != rest)
        return;
    uint64_t more = (uint64_t)(((wide)digits * power[1]) >> 64);
    *low += more;
    *high += *low < more;
}

/* The bits of the nearest value, without a sign. The algorithm of Eisel and Lemire (Lemire, Number Parsing at a
 * Gigabyte per Second, 2021); that 128 bits of the powers always suffice for 64 bits of digits was proved later
 * (Mushtak and Lemire, Fast Number Parsing Without Fallback, 2023). */
static inline uint64_t nearest(uint64_t digits, int64_t exponent, const format *f)
{
    const uint64_t infinity = (uint64_t)f->infinite << f->mantissa;
    if (digits == 0 || exponent < f->smallest)
        return 0;
    if (exponent > f->largest)
        return infinity;
    int q = (int)exponent, zeros = __builtin_clzll(digits);
    uint64_t high, low;
    multiply(digits << zeros, bgi_powers_of_five[q - BGI_POWER_SMALLEST], f->mantissa + 3, &high, &low);
    int upper = (int)(high >> 63), shift = upper + 64 - f->mantissa - 3;
    /* With one bit more than the format has, to be rounded away. 217706 / 2^16 is log2(10), near enough for the floor
     * of all q in range. */
    uint64_t mantissa = high >> shift;
    int power = ((217706 * q) >> 16) + 63 + upper - zeros + f->bias;
    if (power <= 0) {
        /* Subnormal: fewer bits, no ties. Rounding up may give the smallest normal value, whose bits are the same sum.
         */
        if (power <= -63)
            return 0;
        mantissa >>= 1 - power;
        return (mantissa + (mantissa & 1)) >> 1;
    }
    /* Half way between two values: to the even one. */
    if (low <= 1 && q >= f->first_tie && q <= f->last_tie && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa--;
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    /* The mantissa's leading bit is not stored: it adds one to the exponent, two if rounding has carried. */
    uint64_t bits = ((uint64_t)(power - 1) << f->mantissa) + mantissa;
    return bits < infinity ? bits : infinity;
}

double bgi_number_round(uint64_t digits, int64_t exponent, bool is_negative, bool is_f32)
{
    /* The sign goes in as a bit: a branch could not be predicted. */
    if (is_f32) {
        uint32_t bits = (uint32_t)(nearest(digits, exponent, &single) | (uint64_t)is_negative << 31);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    }
    uint64_t bits = nearest(digits, exponent, &twice) | (uint64_t)is_negative << 63;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bgi_number bgi_number_read_exponent(const char *text, uint64_t digits, int64_t exponent, bool is_negative, bool is_f32)
{
    decimal d = { .exponent = exponent };
    const char *end = scan_exponent(text + 1, &d);
    double value = end ? bgi_number_round(digits, d.exponent, is_negative, is_f32) : NAN;
    return (bgi_number){ isfinite(value) ? end : NULL, value };
}

bgi_number bgi_number_read(const char *text, char mark, bool is_f32)
{
    decimal d;
    const char *end = scan(text, mark, &d);
    if (!end)
        return (bgi_number){ NULL, NAN };
    double value = bgi_number_round(d.digits, d.exponent, d.is_negative, is_f32);
    /* With digits that are left out, the number lies between these and one more. */
    bool is_decided = d.is_exact || bgi_number_round(d.digits + 1, d.exponent, d.is_negative, is_f32) == value;
    return (bgi_number){ end, is_decided ? value : NAN };
}

/* ---- Whole fields ---- */

/* More than 19 digits, near to half way between two values: the C library computes with all of them. */
static double round_all_digits(char *text, size_t length, char mark, bool is_f32, void *c_locale)
{
    char *point = memchr(text, mark, length);
    if (point)
        *point = '.';
    double value = is_f32 ? (double)strtof_l(text, NULL, c_locale) : strtod_l(text, NULL, c_locale);
    if (point)
        *point = mark;
    return value;
}

bgi_number_result bgi_number_parse(char *text, size_t length, char mark, bool is_f32, void *c_locale, double *value)
{
    bgi_number number = bgi_number_read(text, mark, is_f32);
    if (number.end != text + length)
        return BGI_NUMBER_NONE;
    *value = number.value;
    if (isnan(*value))
        *value = round_all_digits(text, length, mark, is_f32, c_locale);
    return isinf(*value) ? BGI_NUMBER_LARGE : BGI_NUMBER_OK;
}
