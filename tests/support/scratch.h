/* For tests of files: a folder of their own, and an engine whose memory is counted and can be made to run out. */
#ifndef BLASGRAD_TESTS_SCRATCH_H
#define BLASGRAD_TESTS_SCRATCH_H

#include <blasgrad/engine.h>

/* Checked fixtures. After _end the folder is gone, and all memory must have been given back. */
void scratch_begin(void);
void scratch_end(void);

bg_engine *scratch_engine(void);

/* The path of a name in the folder, in storage that eight further calls leave alone. */
const char *scratch_path(const char *name);
/* Writes a file in the folder and returns its path. */
const char *scratch_write(const char *name, const void *bytes, size_t count);
const char *scratch_write_gz(const char *name, const void *bytes, size_t count);
/* Reads a whole file into memory to be freed. */
unsigned char *scratch_read(const char *path, size_t *count);
/* Files in the folder. */
int scratch_files(void);

/* The engine's memory: what is held now, the most since the last reset, and a failure to come: allocation number
 * `fail_at` from now (1 is the next) and, if sticky, all later ones. 0: none. */
typedef struct {
    size_t held, most;
    long fail_at;
    bool is_sticky;
    long count;
} scratch_memory;
scratch_memory *scratch_memory_state(void);

/* Runs a scenario with its 1st, 2nd, .. allocation failing, once and from there on, until one runs through. The
 * scenario returns its status, and must have given everything back. Returns the number of failures. */
long scratch_fail_each(const char *name, bg_status (*scenario)(void));

#endif
