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

bg_status bgi_names_reserve(bgi_names *names, int64_t count, size_t bytes)
{
    void *text = NULL, *starts = NULL;
    bg_status status = reserve(names->engine, &text, &names->capacity, 0, bytes);
    names->text = text;
    if (!status)
        status = reserve(names->engine, &starts, &names->starts_capacity, 0, (size_t)count * sizeof *names->starts);
    names->starts = starts;
    return status;
}

/* Lets the start at a place of a heap sink to where no larger name is below it. */
static void sink(uint32_t *starts, size_t at, size_t count, const char *text)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && strcmp(text + starts[child], text + starts[child + 1]) < 0)
            child++;
        if (strcmp(text + starts[at], text + starts[child]) >= 0)
            return;
        uint32_t start = starts[at];
        starts[at] = starts[child];
        starts[child] = start;
    }
}

bool bgi_names_sort(bgi_names *names)
{
    size_t count = (size_t)names->count;
    uint32_t *starts = names->starts;
    bool finds_two = false;
    for (size_t i = count / 2; i-- > 0;)
        sink(starts, i, count, names->text);
    for (size_t last = count; last-- > 1;) {
        uint32_t largest = starts[0];
        starts[0] = starts[last];
        starts[last] = largest;
        sink(starts, 0, last, names->text);
        finds_two = finds_two || strcmp(names->text + largest, names->text + starts[0]) == 0;
    }
    return finds_two;
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
