/* A file without a name, for what does not fit memory: it is gone when it is closed, however the process ends. */
#ifndef BGI_TEMPORARY_H
#define BGI_TEMPORARY_H

#include "base/engine.h"

typedef struct {
    int descriptor;
    const char *caller; /* the caller's */
    char name[240];     /* what messages call it */
} bgi_temporary;

/* Makes one in the folder that the environment variable TMPDIR names, or else in /tmp. */
bg_status bgi_temporary_create(bgi_temporary *file, bg_engine *engine, const char *caller);
bg_status bgi_temporary_write(const bgi_temporary *file, uint64_t offset, const void *data, size_t bytes);
bg_status bgi_temporary_read(const bgi_temporary *file, uint64_t offset, void *data, size_t bytes);
void bgi_temporary_close(bgi_temporary *file);

#endif
