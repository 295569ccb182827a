/* Files without a name. */
#define _GNU_SOURCE /* mkostemp */
#include "io/temporary.h"

#include "io/file.h"

#include <blasgrad/graph.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bg_status bgi_temporary_create(bgi_temporary *file, bg_engine *engine, const char *caller)
{
    static const char name[] = "/blasgrad-XXXXXX";
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/tmp";
    *file = (bgi_temporary){ .descriptor = -1, .caller = caller };
    (void)snprintf(file->name, sizeof file->name, "a temporary file in %s", bgi_path_text(folder));
    size_t length = strlen(folder), bytes = length + sizeof name;
    char *path = bgi_alloc(engine, bytes);
    if (!path)
        return BG_ERR_NOMEM;
    memcpy(path, folder, length);
    memcpy(path + length, name, sizeof name);
    file->descriptor = mkostemp(path, O_CLOEXEC);
    int error = errno;
    if (file->descriptor >= 0)
        (void)unlink(path);
    bgi_free(engine, path, bytes);
    return file->descriptor >= 0 ? BG_OK
                                 : bg_fail(BG_ERR_IO, "%s: %s cannot be made: %s; TMPDIR names the folder for it",
                                           caller, file->name, bgi_errno_text(error));
}

bg_status bgi_temporary_write(const bgi_temporary *file, uint64_t offset, const void *data, size_t bytes)
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
    return BG_OK;
}

bg_status bgi_temporary_read(const bgi_temporary *file, uint64_t offset, void *data, size_t bytes)
{
    return bgi_file_read_at(file->descriptor, file->caller, file->name, offset, data, bytes);
}

void bgi_temporary_close(bgi_temporary *file)
{
    if (file->descriptor >= 0)
        bgi_file_close(file->descriptor);
    file->descriptor = -1;
}
