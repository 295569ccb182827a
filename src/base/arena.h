/* An arena: memory in chunks, given back all at once. */
#ifndef BGI_ARENA_H
#define BGI_ARENA_H

#include "base/engine.h"

typedef struct {
    bg_engine *engine;
    struct bgi_chunk *chunks;
} bgi_arena;

void bgi_arena_init(bgi_arena *arena, bg_engine *engine);
/* Zeroed, 64-byte aligned; NULL when memory is out. bytes may be 0. */
void *bgi_arena_push(bgi_arena *arena, size_t bytes);
char *bgi_arena_copy_text(bgi_arena *arena, const char *text);
void bgi_arena_release(bgi_arena *arena);

#endif
