#define _GNU_SOURCE /* mkdtemp, aligned_alloc */
#include "support/scratch.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char folder[200];
static bg_engine *engine;
static scratch_memory memory;

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    scratch_memory *m = user;
    m->count++;
    if (m->fail_at && (m->is_sticky ? m->count >= m->fail_at : m->count == m->fail_at))
        return NULL;
    void *p = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (p) {
        memset(p, 0xA5, bytes); /* memory that was not written shows */
        m->held += bytes;
        m->most = m->held > m->most ? m->held : m->most;
    }
    return p;
}

static void release(void *user, void *p, size_t bytes)
{
    ((scratch_memory *)user)->held -= bytes;
    free(p);
}

void scratch_begin(void)
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/blasgrad-test-XXXXXX", parent && *parent ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    memory = (scratch_memory){ 0 };
    bg_engine_options options = { .threads = 1, .allocator = { allocate, release, &memory } };
    ck_assert_msg(bg_engine_create(&engine, &options) == BG_OK, "%s", bg_last_error());
}

static void remove_all(const char *path)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char inside[600];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (unlink(inside))
            remove_all(inside);
    }
    if (entries)
        closedir(entries);
    (void)rmdir(path);
}

void scratch_end(void)
{
    bg_engine_destroy(engine);
    engine = NULL;
    ck_assert_uint_eq(memory.held, 0);
    remove_all(folder);
    ck_assert_int_ne(access(folder, F_OK), 0);
}

bg_engine *scratch_engine(void) { return engine; }

const char *scratch_path(const char *name)
{
    static char paths[9][600];
    static int next;
    next = (next + 1) % 9;
    (void)snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

const char *scratch_write(const char *name, const void *bytes, size_t count)
{
    const char *path = scratch_path(name);
    (void)unlink(path); /* some file systems write a file to the disk at once when it is cut and written anew */
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

const char *scratch_write_gz(const char *name, const void *bytes, size_t count)
{
    const char *path = scratch_path(name);
    (void)unlink(path);
    gzFile file = gzopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(count ? gzwrite(file, bytes, (unsigned)count) : 0, (int)count);
    ck_assert_int_eq(gzclose(file), Z_OK);
    return path;
}

unsigned char *scratch_read(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    rewind(file);
    unsigned char *bytes = malloc((size_t)length + 1);
    ck_assert_ptr_nonnull(bytes);
    *count = fread(bytes, 1, (size_t)length, file);
    ck_assert_uint_eq(*count, (size_t)length);
    (void)fclose(file);
    return bytes;
}

int scratch_files(void)
{
    int count = -2; /* . and .. */
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count;
}

scratch_memory *scratch_memory_state(void) { return &memory; }

long scratch_fail_each(const char *name, bg_status (*scenario)(void))
{
    long failures = 0;
    for (int sticky = 0; sticky < 2; sticky++) {
        bg_status status = BG_ERR_NOMEM;
        for (long n = 1; status; n++) {
            size_t held = memory.held;
            memory.count = 0;
            memory.fail_at = n;
            memory.is_sticky = sticky;
            status = scenario();
            memory.fail_at = 0;
            ck_assert_msg(status == BG_OK || status == BG_ERR_NOMEM, "%s, allocation %ld: %s", name, n,
                          bg_last_error());
            ck_assert_msg(memory.held == held, "%s, allocation %ld: memory is lost", name, n);
            ck_assert_msg(status != BG_OK || memory.count < n, "%s, allocation %ld: the failure had no effect", name,
                          n);
            failures += status != BG_OK;
        }
    }
    return failures;
}
