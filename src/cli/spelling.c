/* Spelling: how many letters have to be put in, left out or replaced. */
#include "spelling.h"

#include <string.h>

enum { MOST = 40 };

/* Levenshtein, Binary codes capable of correcting deletions, insertions, and reversals, 1966. */
static size_t measure(const char *a, size_t n, const char *b)
{
    size_t m = strlen(b), row[MOST + 1];
    if (n > MOST || m > MOST)
        return MOST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]),
                   other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[m];
}

void spelling_offer(spelling *s, const char *word)
{
    /* More differences are another word. */
    size_t distance = measure(s->text, s->length, word), most = s->length < 4 ? 1 : 2;
    if (distance > most || (s->closest && distance >= s->distance))
        return;
    s->closest = word;
    s->distance = distance;
}
