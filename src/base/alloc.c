/* Memory: the one file that asks the C library for any, and only if the engine's allocator is the default. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/alloc.h"

#include <blasgrad/graph.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, PAGE = 4096 };
enum { HUGE_MIN = 1 << 22 }; /* huge pages from here on: filling new memory is two to three times as fast */

static void *default_allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, bytes) != 0)
        return NULL;
    if (bytes >= HUGE_MIN) {
        size_t before = (PAGE - (uintptr_t)memory % PAGE) % PAGE;
        (void)madvise((unsigned char *)memory + before, bytes - before, MADV_HUGEPAGE); /* an offer, may be refused */
    }
    return memory;
}

static void default_release(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(memory);
}

const bg_allocator bgi_default_allocator = { .allocate = default_allocate, .release = default_release };

/* An allocator is never asked for 0 bytes, and is told at the end what it was asked for. */
static size_t real_bytes(size_t bytes) { return bytes ? bytes : 1; }

void *bgi_alloc(bg_engine *engine, size_t bytes)
{
    void *memory = NULL;
    if (bytes <= PTRDIFF_MAX)
        memory = engine->allocator.allocate(engine->allocator.user, real_bytes(bytes), ALIGNMENT);
    if (!memory)
        (void)bg_fail(BG_ERR_NOMEM, "out of memory: %zu bytes", bytes);
    return memory;
}

void *bgi_alloc_zero(bg_engine *engine, size_t bytes)
{
    void *memory = bgi_alloc(engine, bytes);
    if (memory)
        memset(memory, 0, real_bytes(bytes));
    return memory;
}

void bgi_free(bg_engine *engine, void *memory, size_t bytes)
{
    if (memory)
        engine->allocator.release(engine->allocator.user, memory, real_bytes(bytes));
}

bool bgi_grow(bg_engine *engine, void **array, int *capacity, int needed, size_t size)
{
    enum { FIRST = 16 };
    if (needed <= *capacity)
        return true;
    int room = *capacity > FIRST ? *capacity : FIRST;
    while (room < needed)
        room = room > INT_MAX / 2 ? INT_MAX : 2 * room;
    if (size > PTRDIFF_MAX / (size_t)room) {
        (void)bg_fail(BG_ERR_NOMEM, "out of memory: %d elements of %zu bytes", room, size);
        return false;
    }

    unsigned char *larger = bgi_alloc(engine, (size_t)room * size);
    if (!larger)
        return false;
    size_t used = (size_t)*capacity * size;
    if (used)
        memcpy(larger, *array, used);
    memset(larger + used, 0, (size_t)room * size - used);
    bgi_free(engine, *array, used);
    *array = larger;
    *capacity = room;
    return true;
}
