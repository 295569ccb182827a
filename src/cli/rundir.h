/* The run directory: log, configuration and checkpoints of one training run. */
#ifndef RUNDIR_H
#define RUNDIR_H

#include "checkpoint.h"
#include "events.h"

typedef struct rundir rundir;

/* 0, or the exit code after a message, if there is a run in the directory already. One that failed before it saved is
 * none. */
int rundir_check(const char *path);
/* Makes the directory, if need be with those above it, begins the log and writes config.json. model, trainer and about
 * are used until it is closed. 0, or the exit code after a message; so the others. */
int rundir_open(rundir **run, const char *path, bg_model *model, const bg_trainer *trainer,
                const checkpoint_about *about, const event *config);
void rundir_close(rundir *run);

/* Appends a line to log.jsonl. */
int rundir_log(rundir *run, const event *e);
/* At the end of an epoch: remembers the model, by its averages if it has any, if its loss is the lowest so far, and
 * saves if the last time is long enough ago. */
int rundir_end_epoch(rundir *run, double loss);
/* Saves best, if there is a new one, and last, whose forerunner becomes previous. */
int rundir_save(rundir *run);

#endif
