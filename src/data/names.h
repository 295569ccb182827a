/* Lists of names: those of classes, and those of columns. */
#ifndef BGI_NAMES_H
#define BGI_NAMES_H

#include "base/engine.h"

/* Zero but for the engine is the empty list. */
typedef struct {
    bg_engine *engine;
    char *text; /* one behind the other, each with a zero byte */
    size_t used, capacity;
    uint32_t *starts;
    size_t starts_capacity; /* bytes */
    int64_t count;
} bgi_names;

/* All texts have less than 4 GiB together. BG_ERR_NOMEM; the list is then as before. */
bg_status bgi_names_add(bgi_names *names, const char *text, size_t length);
/* Room in an empty list for so many names, of so many bytes together with their zeros. */
bg_status bgi_names_reserve(bgi_names *names, int64_t count, size_t bytes);
/* Sorts the names byte by byte, and says whether two are the same. Takes no memory. */
bool bgi_names_sort(bgi_names *names);
/* NULL beyond the last. */
const char *bgi_names_at(const bgi_names *names, int64_t i);
/* All of `from` behind those of `to`, which is then to be released also if it fails. */
bg_status bgi_names_copy(bgi_names *to, const bgi_names *from);
void bgi_names_release(bgi_names *names);

#endif
