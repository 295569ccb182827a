/* What a word that is none may have been meant to be. */
#ifndef SPELLING_H
#define SPELLING_H

#include <stddef.h>

/* The closest of the words that were offered; starts as all zero but for the text. */
typedef struct {
    const char *text; /* what was written, of so many letters */
    size_t length;
    const char *closest; /* NULL: none is close */
    size_t distance;     /* of that */
} spelling;

void spelling_offer(spelling *s, const char *word);

#endif
