/* Files without a name. */
#define _GNU_SOURCE /* mkostemp */
#include "io/temporary.h"

#include "io/file.h"

#include <blasgrad/graph.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bgi_temporary {
    atomic_int references;
    bg_engine *engine;
    int descriptor;
    uint64_t end;
    const char *caller;
    char name[240]; /* what messages call it */
};

static bg_status open_unnamed(bgi_temporary *file, const char *folder)
{
    static const char name[] = "/blasgrad-XXXXXX";
    (void)snprintf(file->name, sizeof file->name, "a temporary file in %s", bgi_path_text(folder));
    size_t length = strlen(folder), bytes = length + sizeof name;
    char *path = bgi_alloc(file->engine, bytes);
    if (!path)
        return BG_ERR_NOMEM;
    memcpy(path, folder, length);
    memcpy(path + length, name, sizeof name);
    file->descriptor = mkostemp(path, O_CLOEXEC);
    int error = errno;
    if (file->descriptor >= 0)
        (void)unlink(path);
    bgi_free(file->engine, path, bytes);
    return file->descriptor >= 0 ? BG_OK
                                 : bg_fail(BG_ERR_IO, "%s: %s cannot be made: %s; TMPDIR names the folder for it",
                                           file->caller, file->name, bgi_errno_text(error));
}

bg_status bgi_temporary_create(bgi_temporary **file, bg_engine *engine, const char *caller)
{
    const char *folder = getenv("TMPDIR");
    bgi_temporary *made = bgi_alloc_zero(engine, sizeof *made);
    *file = NULL;
    if (!made)
        return BG_ERR_NOMEM;
    *made = (bgi_temporary){ .engine = engine, .descriptor = -1, .caller = caller };
    atomic_init(&made->references, 1);
    bg_status status = open_unnamed(made, folder && *folder ? folder : "/tmp");
    if (status)
        bgi_temporary_release(made);
    else
        *file = made;
    return status;
}

bgi_temporary *bgi_temporary_retain(bgi_temporary *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void bgi_temporary_release(bgi_temporary *file)
{
    if (!file || atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1)
        return;
    if (file->descriptor >= 0)
        bgi_file_close(file->descriptor);
    bgi_free(file->engine, file, sizeof *file);
}

uint64_t bgi_temporary_end(const bgi_temporary *file) { return file->end; }

bg_status bgi_temporary_write(bgi_temporary *file, uint64_t offset, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count =
            pwrite(file->descriptor, (const unsigned char *)data + done, bytes - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return bg_fail(BG_ERR_IO, "%s: %s: cannot write at offset %llu: %s", file->caller, file->name,
                           (unsigned long long)(offset + done), bgi_errno_text(count < 0 ? errno : EIO));
        done += (size_t)count;
    }
    file->end = offset + bytes > file->end ? offset + bytes : file->end;
    return BG_OK;
}

bg_status bgi_temporary_read(const bgi_temporary *file, uint64_t offset, void *data, size_t bytes)
{
    return bgi_file_read_at(file->descriptor, file->caller, file->name, offset, data, bytes);
}
