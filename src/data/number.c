/* Decimal to binary, correctly rounded. */
#define _GNU_SOURCE /* strtod_l, strtof_l */
#include "data/number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A number as digits · 10^exponent; is_exact if all digits that matter are in. */
typedef struct {
    uint64_t digits;
    int exponent;
    bool is_negative, is_exact;
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Scans digits onto d. Those that 19 digits cannot hold are left out. Returns how many there were. */
static size_t scan_digits(const char **c, const char *end, bool is_fraction, decimal *d)
{
    const char *start = *c;
    for (; *c < end && is_digit(**c); (*c)++) {
        if (d->digits < UINT64_C(1000000000000000000)) {
            d->digits = d->digits * 10 + (uint64_t)(**c - '0');
            d->exponent -= is_fraction;
        } else {
            d->is_exact = false;
        }
    }
    return (size_t)(*c - start);
}

/* Checks the form of the whole text. */
static bool scan(const char *c, const char *end, char mark, decimal *d)
{
    *d = (decimal){ .is_exact = true };
    if (c < end && (*c == '+' || *c == '-'))
        d->is_negative = *c++ == '-';
    size_t count = scan_digits(&c, end, false, d);
    if (c < end && *c == mark) {
        c++;
        count += scan_digits(&c, end, true, d);
    }
    if (count == 0)
        return false;
    if (c < end && (*c == 'e' || *c == 'E')) {
        c++;
        bool is_negative = c < end && *c == '-';
        if (c < end && (*c == '+' || *c == '-'))
            c++;
        const char *first = c;
        int exponent = 0;
        for (; c < end && is_digit(*c); c++)
            exponent = exponent < 100000 ? exponent * 10 + (*c - '0') : exponent;
        if (c == first)
            return false;
        /* The digits before may be a million, so that a small sum of two large exponents is no small number here. */
        if (exponent >= 100000)
            d->is_exact = false;
        else
            d->exponent += is_negative ? -exponent : exponent;
    }
    return c == end;
}

bgi_number_result bgi_number_parse(char *text, size_t length, char mark, bool is_f32, void *c_locale, double *value)
{
    decimal d;
    if (!scan(text, text + length, mark, &d))
        return BGI_NUMBER_NONE;
    /* Digits below 2^53 and powers of ten up to 10^22 are doubles, and one operation rounds once. */
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    char *point = NULL, after = text[length];
    if (d.is_exact && d.digits <= UINT64_C(1) << 53 && d.exponent >= -22 && d.exponent <= 22) {
        double digits = (double)d.digits;
        *value = d.exponent < 0 ? digits / powers[-d.exponent] : digits * powers[d.exponent];
        *value = d.is_negative ? -*value : *value;
    } else {
        point = memchr(text, mark, length);
        if (point)
            *point = '.';
        text[length] = '\0';
        *value = strtod_l(text, NULL, c_locale);
    }
    if (is_f32) {
        /* Rounding the double again gives the nearest f32, unless the double lies half way between two, where it may
         * itself have been rounded to; such doubles have these last bits. Subnormal f32s have fewer bits. */
        uint64_t bits;
        memcpy(&bits, value, sizeof bits);
        float single = (float)*value;
        if ((bits & 0x1FFFFFFF) == 0x10000000 || (fabs(*value) < 0x1p-126 && *value != 0)) {
            if (!point && (point = memchr(text, mark, length)))
                *point = '.';
            text[length] = '\0';
            single = strtof_l(text, NULL, c_locale);
        }
        *value = single;
    }
    if (point)
        *point = mark;
    text[length] = after;
    return isinf(*value) ? BGI_NUMBER_LARGE : BGI_NUMBER_OK;
}
