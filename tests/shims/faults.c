/* For LD_PRELOAD: calls that change files in the folder $FAULT_DIR are counted, and number $FAULT_AT of them goes wrong
 * as $FAULT_KIND says: kill, short, or the errno of a failure as a number. Without a number each call is written to
 * $FAULT_LOG, a line with its name and file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static long count;

static const char *folder(void)
{
    const char *path = getenv("FAULT_DIR");
    return path ? path : "\n";
}

static bool is_within(const char *path)
{
    size_t length = strlen(folder());
    return strncmp(path, folder(), length) == 0 && (path[length] == '/' || path[length] == 0);
}

static const char *path_of(int file, char *path, size_t capacity)
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, capacity - 1);
    path[length > 0 ? length : 0] = '\0';
    return path;
}

/* What a call should do: as ever, be short, or fail with errno set. */
typedef enum { AS_EVER, SHORT, FAIL } verdict;

static verdict judge(const char *name, const char *path)
{
    const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND"), *log = getenv("FAULT_LOG");
    int before = errno;
    if (!is_within(path))
        return AS_EVER;
    count++;
    FILE *file = !at && log ? fopen(log, "a") : NULL;
    if (file) {
        (void)fprintf(file, "%s %s\n", name, path);
        (void)fclose(file);
    }
    errno = before;
    if (!at || !kind || strtol(at, NULL, 10) != count)
        return AS_EVER;
    if (strcmp(kind, "kill") == 0)
        (void)raise(SIGKILL);
    if (strcmp(kind, "short") == 0)
        return SHORT;
    errno = (int)strtol(kind, NULL, 10);
    return FAIL;
}

static verdict judge_file(const char *name, int file)
{
    char path[4096];
    return judge(name, path_of(file, path, sizeof path));
}

static verdict judge_at(const char *name, int at, const char *path)
{
    char start[4096], whole[8300];
    if (path[0] == '/' || at == AT_FDCWD)
        return judge(name, path);
    (void)snprintf(whole, sizeof whole, "%s/%s", path_of(at, start, sizeof start), path);
    return judge(name, whole);
}

/* The library is built with hidden names. */
#pragma GCC visibility push(default)

#define REAL(function) ((__typeof__(&(function)))(uintptr_t)dlsym(RTLD_NEXT, #function))

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return judge("open", path) == FAIL ? -1 : REAL(open)(path, flags, mode);
}
int openat(int at, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return judge_at("openat", at, path) == FAIL ? -1 : REAL(openat)(at, path, flags, mode);
}
ssize_t write(int file, const void *data, size_t bytes)
{
    verdict said = judge_file("write", file);
    return said == FAIL ? -1 : REAL(write)(file, data, said == SHORT ? bytes / 2 + bytes % 2 : bytes);
}
ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset)
{
    verdict said = judge_file("pwrite", file);
    return said == FAIL ? -1 : REAL(pwrite)(file, data, said == SHORT ? bytes / 2 + bytes % 2 : bytes, offset);
}
/* The descriptor is gone whatever close returns. */
int close(int file)
{
    verdict said = judge_file("close", file);
    int error = errno, result = REAL(close)(file);
    if (said != FAIL)
        return result;
    errno = error;
    return -1;
}
int fsync(int file) { return judge_file("fsync", file) == FAIL ? -1 : REAL(fsync)(file); }
int ftruncate(int file, off_t bytes)
{
    return judge_file("ftruncate", file) == FAIL ? -1 : REAL(ftruncate)(file, bytes);
}
int flock(int file, int operation) { return judge_file("flock", file) == FAIL ? -1 : REAL(flock)(file, operation); }
int mkdir(const char *path, mode_t mode) { return judge("mkdir", path) == FAIL ? -1 : REAL(mkdir)(path, mode); }
int link(const char *from, const char *to) { return judge("link", to) == FAIL ? -1 : REAL(link)(from, to); }
int unlink(const char *path) { return judge("unlink", path) == FAIL ? -1 : REAL(unlink)(path); }
int unlinkat(int at, const char *path, int flags)
{
    return judge_at("unlinkat", at, path) == FAIL ? -1 : REAL(unlinkat)(at, path, flags);
}
int rename(const char *from, const char *to) { return judge("rename", to) == FAIL ? -1 : REAL(rename)(from, to); }
int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return judge_at("renameat", to_at, to) == FAIL ? -1 : REAL(renameat)(from_at, from, to_at, to);
}
int fstatat(int at, const char *restrict path, struct stat *restrict about, int flags)
{
    return judge_at("fstatat", at, path) == FAIL ? -1 : REAL(fstatat)(at, path, about, flags);
}
