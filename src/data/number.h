/* Numbers in text, whatever the locale of the process. */
#ifndef BGI_NUMBER_H
#define BGI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    BGI_NUMBER_OK,
    BGI_NUMBER_NONE, /* not a number in decimal notation; "nan" and "inf" are none */
    BGI_NUMBER_LARGE /* beyond the type's range */
} bgi_number_result;

/* The f64, or with is_f32 the f32, nearest to the number in text[0 .. length): [+-] digits [mark digits] [e [+-]
 * digits], nothing else. text[length] must be there and is changed and changed back, as the mark is. c_locale is a
 * locale_t of "C". */
bgi_number_result bgi_number_parse(char *text, size_t length, char mark, bool is_f32, void *c_locale, double *value);

#endif
