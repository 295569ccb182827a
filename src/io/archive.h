/* Archives from the inside. */
#ifndef BGI_ARCHIVE_H
#define BGI_ARCHIVE_H

#include <blasgrad/io.h>

#include "base/engine.h"

typedef struct {
    char *name;
    size_t name_bytes; /* with the zero byte */
    bg_tensor *tensor; /* held */
} bgi_archive_entry;

typedef struct {
    char *key, *text; /* one block of memory */
    size_t bytes;
} bgi_archive_text;

struct bg_archive {
    bg_engine *engine;
    bgi_archive_entry *entries;
    bgi_archive_text *texts;
    int count, capacity;
    int text_count, text_capacity;
};

/* The key of the checksum in a file's metadata; it belongs to the file, not to the archive. */
#define BGI_CHECKSUM_KEY "blasgrad.xxh3"
#define BGI_METADATA_KEY "__metadata__"

/* A header may be no longer than this. */
enum { BGI_HEADER_LIMIT = 100000000 };

/* Without the search for the same name, which the caller knows is new. Retains the tensor. */
bg_status bgi_archive_append(bg_archive *archive, const char *name, bg_tensor *tensor);
bg_status bgi_archive_append_text(bg_archive *archive, const char *key, const char *text);

/* safetensors' names of the dtypes: "F32". */
const char *bgi_safetensors_dtype_name(bg_dtype dtype);
/* BG_DTYPE_COUNT if it is none of ours. */
bg_dtype bgi_safetensors_dtype(const char *name);

#endif
