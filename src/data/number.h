/* Numbers in text, whatever the locale of the process. */
#ifndef BGI_NUMBER_H
#define BGI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BGI_NUMBER_OK,
    BGI_NUMBER_NONE, /* not a number in decimal notation; "nan" and "inf" are none */
    BGI_NUMBER_LARGE /* beyond the type's range */
} bgi_number_result;

/* What must be readable behind a text, for it is read in pieces; in front of it too where it is read in the plain way.
 */
enum { BGI_NUMBER_SLACK = 32 };

/* A number that was read: where it ends, NULL if there is none; infinite beyond the range, and NaN if only
 * bgi_number_parse can round it. */
typedef struct {
    const char *end;
    double value;
} bgi_number;

/* Reads the number that the text begins with, [+-] digits [mark digits] [e [+-] digits] of at most 2^30 digits, as the
 * nearest f64, or with is_f32 f32. */
bgi_number bgi_number_read(const char *text, char mark, bool is_f32);
/* The same of digits · 10^exponent and the exponent that follows, from its e on. */
bgi_number bgi_number_read_exponent(const char *text, uint64_t digits, int64_t exponent, bool is_negative, bool is_f32);
/* digits · 10^exponent, rounded so. */
double bgi_number_round(uint64_t digits, int64_t exponent, bool is_negative, bool is_f32);
/* The number that is all of text[0 .. length), rounded as there. The byte behind must be none that numbers have,
 * and the mark may be changed and is changed back. c_locale is a locale_t of "C". */
bgi_number_result bgi_number_parse(char *text, size_t length, char mark, bool is_f32, void *c_locale, double *value);

/* The first 128 bits of 5^q, the higher 64 first; see make_powers.py. */
enum { BGI_POWER_SMALLEST = -342, BGI_POWER_LARGEST = 308 };
extern const uint64_t bgi_powers_of_five[BGI_POWER_LARGEST - BGI_POWER_SMALLEST + 1][2];

#endif
