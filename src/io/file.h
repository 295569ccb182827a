/* Files as the operating system has them. Every message names the file and the cause. */
#ifndef BGI_FILE_H
#define BGI_FILE_H

#include "base/engine.h"

/* What an errno means, in English whatever the locale. */
const char *bgi_errno_text(int error);
/* The path for messages, whose storage is bounded: its end, if it is long. */
const char *bgi_path_text(const char *path);

typedef struct {
    int descriptor;
    bool is_regular; /* not a pipe or device */
    uint64_t bytes;  /* of a regular file */
} bgi_opened;

/* Opens a file for reading; a folder is refused. */
bg_status bgi_file_open(bgi_opened *opened, const char *caller, const char *path);
/* Reads exactly `bytes` bytes at an offset; BG_ERR_IO if the file ends before. */
bg_status bgi_file_read_at(int descriptor, const char *caller, const char *path, uint64_t offset, void *data,
                           size_t bytes);
void bgi_file_close(int descriptor);

/* A file that appears whole under its name, or not at all: it is written as dir/.name.tmp.ID, where ID is the writing
 * thread's, and takes its name when it is complete and on the disk. */
typedef struct {
    bg_engine *engine;
    const char *caller, *path; /* the caller's */
    const char *name;          /* the last part of the path */
    char *temporary;
    size_t temporary_bytes;
    int folder, descriptor;
} bgi_new_file;

/* After a failure of _begin, _write or _commit nothing is left to be discarded, and the old file is as it was (unless
 * only the fsync of its folder failed, which the message says). */
bg_status bgi_new_file_begin(bgi_new_file *file, bg_engine *engine, const char *caller, const char *path);
bg_status bgi_new_file_write(bgi_new_file *file, const void *data, size_t bytes);
/* The same over bytes that were written before. */
bg_status bgi_new_file_write_over(bgi_new_file *file, uint64_t offset, const void *data, size_t bytes);
bg_status bgi_new_file_commit(bgi_new_file *file);
/* Gives up: removes the temporary file. */
void bgi_new_file_discard(bgi_new_file *file);

#endif
