/* A file without a name, for what does not fit memory: it is gone when nobody holds it, however the process ends. */
#ifndef BGI_TEMPORARY_H
#define BGI_TEMPORARY_H

#include "base/engine.h"

typedef struct bgi_temporary bgi_temporary;

/* Makes one in the folder that the environment variable TMPDIR names, or else in /tmp; caller outlives it. */
bg_status bgi_temporary_create(bgi_temporary **file, bg_engine *engine, const char *caller);
bgi_temporary *bgi_temporary_retain(bgi_temporary *file);
/* NULL is allowed. */
void bgi_temporary_release(bgi_temporary *file);

/* Behind all that was written. */
uint64_t bgi_temporary_end(const bgi_temporary *file);
bg_status bgi_temporary_write(bgi_temporary *file, uint64_t offset, const void *data, size_t bytes);
bg_status bgi_temporary_read(const bgi_temporary *file, uint64_t offset, void *data, size_t bytes);

#endif
