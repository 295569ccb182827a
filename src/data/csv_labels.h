/* Names of classes as a table has them, numbered. */
#ifndef BGI_CSV_LABELS_H
#define BGI_CSV_LABELS_H

#include "data/names.h"

/* A column of more different names than this, or of one of more bytes, holds no classes. */
enum { BGI_LABEL_LIMIT = 1 << 16, BGI_LABEL_BYTES = 1 << 8 };

typedef struct {
    bgi_names names;
    uint32_t *slots; /* a hash table: a name's number plus one, or 0 */
    size_t slot_count;
} bgi_labels;

/* The number of a name, or -1. */
int64_t bgi_labels_find(const bgi_labels *labels, const char *text, size_t length);
/* Gives a name that is not there the next number. */
bg_status bgi_labels_add(bgi_labels *labels, const char *text, size_t length);
/* Numbers the names by their order, byte by byte: what had number i has number ranks[i] then; memory of
 * labels->names.count numbers, to be freed. */
bg_status bgi_labels_sort(bgi_labels *labels, uint32_t **ranks);
void bgi_labels_release(bgi_labels *labels);

#endif
