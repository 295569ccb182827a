/* Reading at offsets, and writing whole files atomically. */
#define _GNU_SOURCE /* strerrordesc_np, gettid */
#include "io/file.h"

#include <blasgrad/graph.h>
#include <blasgrad/io.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *bgi_errno_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

const char *bgi_path_text(const char *path)
{
    enum { SHOWN = 200 };
    size_t length = strlen(path);
    if (length <= SHOWN)
        return path;
    const char *tail = path + length - SHOWN;
    while (((unsigned char)*tail & 0xC0) == 0x80) /* not from the middle of a UTF-8 character */
        tail++;
    return tail;
}

static bg_status fail(const char *caller, const char *path, const char *what, int error)
{
    return bg_fail(error == ENOMEM ? BG_ERR_NOMEM : BG_ERR_IO, "%s: %s: cannot %s: %s", caller, bgi_path_text(path),
                   what, bgi_errno_text(error));
}

static int open_retrying(int folder, const char *path, int flags, mode_t mode)
{
    int descriptor;
    do {
        descriptor = openat(folder, path, flags | O_CLOEXEC | O_NOCTTY, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

bg_status bgi_file_open(bgi_opened *opened, const char *caller, const char *path)
{
    if (!path)
        return bg_fail(BG_ERR_ARGUMENT, "%s: path is NULL", caller);
    int descriptor = open_retrying(AT_FDCWD, path, O_RDONLY, 0);
    if (descriptor < 0)
        return fail(caller, path, "open", errno);
    struct stat status;
    int error = fstat(descriptor, &status) ? errno : S_ISDIR(status.st_mode) ? EISDIR : 0;
    if (error) {
        bgi_file_close(descriptor);
        return fail(caller, path, "read", error);
    }
    bool is_regular = S_ISREG(status.st_mode);
    *opened = (bgi_opened){ descriptor, is_regular, is_regular ? (uint64_t)status.st_size : 0 };
    return BG_OK;
}

bg_status bgi_file_read_at(int descriptor, const char *caller, const char *path, uint64_t offset, void *data,
                           size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t count = pread(descriptor, (unsigned char *)data + done, bytes - done, (off_t)(offset + done));
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return bg_fail(errno == ENOMEM ? BG_ERR_NOMEM : BG_ERR_IO, "%s: %s: cannot read at offset %llu: %s", caller,
                           bgi_path_text(path), (unsigned long long)(offset + done), bgi_errno_text(errno));
        }
        if (count == 0)
            return bg_fail(BG_ERR_IO, "%s: %s: the file became shorter while it was read: it ends at offset %llu",
                           caller, bgi_path_text(path), (unsigned long long)(offset + done));
        done += (size_t)count;
    }
    return BG_OK;
}

/* On Linux the descriptor is gone whatever close returns, so there is nothing to try again. */
void bgi_file_close(int descriptor) { (void)close(descriptor); }

/* Opens the folder of a path, and gives the path's last part. */
static bg_status open_folder(bgi_new_file *file)
{
    const char *slash = strrchr(file->path, '/');
    file->name = slash ? slash + 1 : file->path;
    if (!*file->name || !strcmp(file->name, ".") || !strcmp(file->name, ".."))
        return fail(file->caller, file->path, "write", EISDIR);
    const char *folder = ".";
    char *copy = NULL;
    size_t bytes = 0;
    if (slash) {
        bytes = (size_t)(slash - file->path) + 2; /* "/name" lies in "/" */
        copy = bgi_alloc(file->engine, bytes);
        if (!copy)
            return BG_ERR_NOMEM;
        memcpy(copy, file->path, bytes - 1);
        copy[bytes - 1] = '\0';
        folder = copy;
    }
    file->folder = open_retrying(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    int error = errno;
    bgi_free(file->engine, copy, bytes);
    return file->folder < 0 ? fail(file->caller, file->path, "open its folder", error) : BG_OK;
}

/* Closes and frees what is open; keeps the thread's error message. */
static void release(bgi_new_file *file)
{
    if (file->descriptor >= 0)
        bgi_file_close(file->descriptor);
    if (file->folder >= 0)
        bgi_file_close(file->folder);
    if (file->temporary)
        bgi_free(file->engine, file->temporary, file->temporary_bytes);
    *file = (bgi_new_file){ .folder = -1, .descriptor = -1 };
}

bg_status bgi_new_file_begin(bgi_new_file *file, bg_engine *engine, const char *caller, const char *path)
{
    *file = (bgi_new_file){ .engine = engine, .caller = caller, .path = path, .folder = -1, .descriptor = -1 };
    bg_status status = open_folder(file);
    if (status) {
        release(file);
        return status;
    }
    /* A rename would replace a device or pipe by a file. */
    struct stat old;
    int error = 0;
    if (fstatat(file->folder, file->name, &old, 0) == 0 && !S_ISREG(old.st_mode))
        error = S_ISDIR(old.st_mode) ? EISDIR : EINVAL;
    if (!error) {
        file->temporary_bytes = strlen(file->name) + sizeof "..tmp.-2147483648";
        file->temporary = bgi_alloc(engine, file->temporary_bytes);
        if (!file->temporary) {
            release(file);
            return BG_ERR_NOMEM;
        }
        /* The id is the thread's: two threads of a process never write to one temporary file. */
        (void)snprintf(file->temporary, file->temporary_bytes, ".%s.tmp.%d", file->name, (int)gettid());
        enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW };
        file->descriptor = open_retrying(file->folder, file->temporary, FLAGS, 0666);
        /* Only a dead process whose id is ours now can have left this file. */
        if (file->descriptor < 0 && errno == EEXIST && unlinkat(file->folder, file->temporary, 0) == 0)
            file->descriptor = open_retrying(file->folder, file->temporary, FLAGS, 0666);
        error = file->descriptor < 0 ? errno : 0;
    }
    if (error) {
        status =
            fail(caller, path, error == EINVAL ? "replace what is no regular file" : "create a file beside it", error);
        release(file);
    }
    return status;
}

/* offset: NULL for the end of what was written. */
static bg_status put(bgi_new_file *file, const uint64_t *offset, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const unsigned char *from = (const unsigned char *)data + done;
        ssize_t count = offset ? pwrite(file->descriptor, from, bytes - done, (off_t)(*offset + done))
                               : write(file->descriptor, from, bytes - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            bg_status status = fail(file->caller, file->path, "write", count < 0 ? errno : EIO);
            bgi_new_file_discard(file);
            return status;
        }
        done += (size_t)count;
    }
    return BG_OK;
}

bg_status bgi_new_file_write(bgi_new_file *file, const void *data, size_t bytes)
{
    return put(file, NULL, data, bytes);
}

bg_status bgi_new_file_write_over(bgi_new_file *file, uint64_t offset, const void *data, size_t bytes)
{
    return put(file, &offset, data, bytes);
}

static int sync_retrying(int descriptor)
{
    int result;
    do {
        result = fsync(descriptor);
    } while (result && errno == EINTR);
    return result;
}

bg_status bgi_new_file_commit(bgi_new_file *file)
{
    const char *what = NULL;
    if (sync_retrying(file->descriptor))
        what = "bring to the disk";
    int error = errno;
    /* EINTR of close comes after the descriptor is gone and, by the fsync before, the data are safe. */
    if (close(file->descriptor) && errno != EINTR && !what) {
        what = "close";
        error = errno;
    }
    file->descriptor = -1;
    if (!what && renameat(file->folder, file->temporary, file->folder, file->name)) {
        what = "give its name to the new file";
        error = errno;
    }
    if (what) {
        bg_status status = fail(file->caller, file->path, what, error);
        bgi_new_file_discard(file);
        return status;
    }
    /* Some file systems cannot sync a folder and say EINVAL. */
    bg_status status = BG_OK;
    if (sync_retrying(file->folder) && errno != EINVAL)
        status = fail(file->caller, file->path, "bring its folder to the disk, though the new file is there", errno);
    release(file);
    return status;
}

void bgi_new_file_discard(bgi_new_file *file)
{
    if (file->temporary)
        (void)unlinkat(file->folder, file->temporary, 0);
    release(file);
}

bg_status bg_file_write(bg_engine *engine, const char *path, const void *data, size_t bytes)
{
    if (!engine || !path || (bytes && !data))
        return bg_fail(BG_ERR_ARGUMENT, "file_write: %s is NULL", !engine ? "engine" : (path ? "data" : "path"));
    bg_status status = bgi_engine_check(engine, "file_write");
    bgi_new_file file;
    if (status == BG_OK)
        status = bgi_new_file_begin(&file, engine, "file_write", path);
    if (status == BG_OK)
        status = bgi_new_file_write(&file, data, bytes);
    return status == BG_OK ? bgi_new_file_commit(&file) : status;
}
