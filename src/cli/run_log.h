/* The log of a run: events, one a line, each of them there whole or not at all. */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include "events.h"

#include <sys/types.h>

typedef struct {
    const char *folder;
    int file;    /* -1: not open */
    off_t bytes; /* of whole lines */
} run_log;

/* Whether a file is the log of a run, or the beginning of one: of a run that ended within its first line. */
bool run_log_is_ours(const char *path);
/* Whether it has an event of a run that has saved a checkpoint: its end, or a continuation. */
bool run_log_has_saved(const char *path);
/* Whether it has an event of an epoch, or of a run of a search. */
bool run_log_has_results(const char *path);
/* Opens log.jsonl in the folder, made if it is not there, and locks it, where there are locks. 0, or the exit code
 * after a message; so the others. */
int run_log_open(run_log *log, const char *folder);
void run_log_close(run_log *log);
/* Cuts off what is behind so many bytes. */
int run_log_cut(run_log *log, double bytes);
int run_log_append(run_log *log, const event *e);
/* Brings it to the disk. */
int run_log_sync(const run_log *log);

#endif
