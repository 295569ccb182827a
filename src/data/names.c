/* Lists of names. */
#include "data/names.h"

#include <string.h>

/* Room for `more` bytes behind those in use. */
static bg_status reserve(bg_engine *engine, void **memory, size_t *capacity, size_t used, size_t more)
{
    enum { SMALLEST = 64 };
    if (more <= *capacity - used)
        return BG_OK;
    size_t larger = 2 * *capacity > used + more ? 2 * *capacity : used + more;
    larger = larger < SMALLEST ? SMALLEST : larger;
    void *moved = bgi_alloc(engine, larger);
    if (!moved)
        return BG_ERR_NOMEM;
    if (used > 0)
        memcpy(moved, *memory, used);
    bgi_free(engine, *memory, *capacity);
    *memory = moved;
    *capacity = larger;
    return BG_OK;
}

bg_status bgi_names_add(bgi_names *names, const char *text, size_t length)
{
    void *bytes = names->text, *starts = names->starts;
    bg_status status = reserve(names->engine, &bytes, &names->capacity, names->used, length + 1);
    names->text = bytes;
    if (!status)
        status = reserve(names->engine, &starts, &names->starts_capacity, (size_t)names->count * sizeof(uint32_t),
                         sizeof(uint32_t));
    names->starts = starts;
    if (status)
        return status;
    memcpy(names->text + names->used, text, length);
    names->text[names->used + length] = '\0';
    names->starts[names->count++] = (uint32_t)names->used;
    names->used += length + 1;
    return BG_OK;
}

const char *bgi_names_at(const bgi_names *names, int64_t i)
{
    return i >= 0 && i < names->count ? names->text + names->starts[i] : NULL;
}

bg_status bgi_names_copy(bgi_names *to, const bgi_names *from)
{
    bg_status status = BG_OK;
    for (int64_t i = 0; i < from->count && !status; i++) {
        const char *name = bgi_names_at(from, i);
        status = bgi_names_add(to, name, strlen(name));
    }
    return status;
}

void bgi_names_release(bgi_names *names)
{
    bgi_free(names->engine, names->text, names->capacity);
    bgi_free(names->engine, names->starts, names->starts_capacity);
    *names = (bgi_names){ .engine = names->engine };
}
