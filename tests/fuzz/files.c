/* Files in memory: what stands in front of the C library's calls, for readers and for zlib. */
#define _GNU_SOURCE /* off64_t, AT_EMPTY_PATH */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* zlib, a shared library, is to find these too. */
#define IN_FRONT __attribute__((visibility("default")))

/* Descriptors from here on are of files in memory. */
enum { FILES = 8, FIRST_DESCRIPTOR = 1 << 20 };

typedef struct {
    const char *path;
    const uint8_t *data;
    size_t size, offset;
    bool is_open;
} memory_file;
static memory_file files[FILES];
static int file_count;
static unsigned read_calls;

const char *fuzz_file(const char *path, const uint8_t *data, size_t size)
{
    fuzz_check(file_count < FILES && !strncmp(path, FUZZ_ROOT, strlen(FUZZ_ROOT)));
    files[file_count++] = (memory_file){ .path = path, .data = data, .size = size };
    return path;
}

size_t fuzz_file_bytes(void)
{
    size_t bytes = 0;
    for (int i = 0; i < file_count; i++)
        bytes += files[i].size;
    return bytes;
}

void fuzz_remove_files(void)
{
    for (int i = 0; i < file_count; i++)
        fuzz_check(!files[i].is_open);
    file_count = 0;
    read_calls = 0;
}

static bool is_ours(const char *path) { return !strncmp(path, FUZZ_ROOT, strlen(FUZZ_ROOT)); }

/* NULL, and ENOENT, if there is none. */
static memory_file *find(const char *path)
{
    for (int i = 0; i < file_count; i++)
        if (!strcmp(files[i].path, path))
            return &files[i];
    errno = ENOENT;
    return NULL;
}

static memory_file *opened(int descriptor)
{
    int i = descriptor - FIRST_DESCRIPTOR;
    return i >= 0 && i < file_count && files[i].is_open ? &files[i] : NULL;
}

IN_FRONT int openat(int folder, const char *path, int flags, ...)
{
    if (!is_ours(path)) {
        va_list arguments;
        va_start(arguments, flags);
        unsigned mode = va_arg(arguments, unsigned);
        va_end(arguments);
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    }
    memory_file *file = find(path);
    if (!file)
        return -1;
    fuzz_check(!file->is_open);
    file->is_open = true;
    file->offset = 0;
    return FIRST_DESCRIPTOR + (int)(file - files);
}

IN_FRONT int access(const char *path, int mode)
{
    if (is_ours(path))
        return find(path) ? 0 : -1;
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

IN_FRONT int close(int descriptor)
{
    memory_file *file = opened(descriptor);
    if (!file)
        return (int)syscall(SYS_close, descriptor);
    file->is_open = false;
    return 0;
}

IN_FRONT int fstat(int descriptor, struct stat *about)
{
    const memory_file *file = opened(descriptor);
    if (!file)
        return fstatat(descriptor, "", about, AT_EMPTY_PATH);
    *about = (struct stat){ .st_mode = S_IFREG | 0600, .st_size = (off_t)file->size };
    return 0;
}

/* Every third call gives half of what it could. */
static ssize_t take(const memory_file *file, void *data, size_t bytes, size_t offset)
{
    size_t rest = offset < file->size ? file->size - offset : 0, count = bytes < rest ? bytes : rest;
    if (++read_calls % 3 == 0)
        count -= count / 2;
    if (count > 0)
        memcpy(data, file->data + offset, count);
    return (ssize_t)count;
}

IN_FRONT ssize_t read(int descriptor, void *data, size_t bytes)
{
    memory_file *file = opened(descriptor);
    if (!file)
        return (ssize_t)syscall(SYS_read, descriptor, data, bytes);
    ssize_t count = take(file, data, bytes, file->offset);
    file->offset += (size_t)count;
    return count;
}

IN_FRONT ssize_t pread(int descriptor, void *data, size_t bytes, off_t offset)
{
    const memory_file *file = opened(descriptor);
    if (!file)
        return (ssize_t)syscall(SYS_pread64, descriptor, data, bytes, offset);
    if (read_calls % 5 == 4) {
        read_calls++;
        errno = EINTR;
        return -1;
    }
    return take(file, data, bytes, (size_t)offset);
}

/* From the file's begin, or from here. */
IN_FRONT off64_t lseek64(int descriptor, off64_t offset, int whence)
{
    memory_file *file = opened(descriptor);
    if (!file)
        return (off64_t)syscall(SYS_lseek, descriptor, offset, whence);
    off64_t place = (whence == SEEK_CUR ? (off64_t)file->offset : 0) + offset;
    fuzz_check(place >= 0 && (whence == SEEK_SET || whence == SEEK_CUR));
    file->offset = (size_t)place;
    return place;
}

IN_FRONT off_t lseek(int descriptor, off_t offset, int whence) { return lseek64(descriptor, offset, whence); }
