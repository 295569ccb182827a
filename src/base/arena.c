/* An arena: a list of chunks, each at least twice the one before it up to a limit. */
#include "base/arena.h"

#include <blasgrad/graph.h>

#include <string.h>

enum { ALIGNMENT = 64, FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 20 };

struct bgi_chunk {
    struct bgi_chunk *next;
    size_t bytes; /* with this header, which takes one alignment unit */
    size_t used;
};
_Static_assert(sizeof(struct bgi_chunk) <= ALIGNMENT, "the header takes one alignment unit");

void bgi_arena_init(bgi_arena *arena, bg_engine *engine) { *arena = (bgi_arena){ .engine = engine }; }

void *bgi_arena_push(bgi_arena *arena, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * (size_t)ALIGNMENT) {
        (void)bg_fail(BG_ERR_NOMEM, "out of memory: %zu bytes", bytes);
        return NULL;
    }
    /* Two calls never give the same address, not even for 0 bytes. */
    size_t rounded = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    struct bgi_chunk *chunk = arena->chunks;
    if (!chunk || chunk->bytes - chunk->used < rounded) {
        size_t size = chunk ? 2 * chunk->bytes : FIRST_CHUNK;
        if (size > LARGEST_CHUNK)
            size = LARGEST_CHUNK;
        if (size < rounded + ALIGNMENT)
            size = rounded + ALIGNMENT;
        struct bgi_chunk *added = bgi_alloc(arena->engine, size);
        if (!added)
            return NULL;
        *added = (struct bgi_chunk){ .next = chunk, .bytes = size, .used = ALIGNMENT };
        arena->chunks = chunk = added;
    }
    void *memory = (unsigned char *)chunk + chunk->used;
    chunk->used += rounded;
    memset(memory, 0, rounded);
    return memory;
}

char *bgi_arena_copy_text(bgi_arena *arena, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = bgi_arena_push(arena, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void bgi_arena_release(bgi_arena *arena)
{
    for (struct bgi_chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        bgi_free(arena->engine, chunk, chunk->bytes);
    }
    arena->chunks = NULL;
}
