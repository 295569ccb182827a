/* The run directory: log, configuration and checkpoints of one training run. */
#ifndef RUNDIR_H
#define RUNDIR_H

#include "best_model.h"
#include "checkpoint.h"
#include "events.h"

typedef struct rundir rundir;

/* 0, or the exit code after a message, if there is a run in the directory already (one that failed before it saved is
 * none), or, to go on, something that is no run. */
int rundir_check(const char *path, bool resumes);
/* Whether it has a checkpoint to go on from. */
bool rundir_has_checkpoint(const char *path);
/* Makes a directory, if need be with those above it; the path has at most 4000 bytes. 0, or the exit code after a
 * message. */
int rundir_make(const char *path);
/* Makes the directory, if need be with those above it, opens and locks the log, and removes what saves that were killed
 * have left. model, trainer, about and best are used until it is closed. 0, or the exit code after a message; so the
 * others. */
int rundir_open(rundir **run, const char *path, bool resumes, bg_model *model, const bg_trainer *trainer,
                const checkpoint_about *about, best_model *best);
void rundir_close(rundir *run);

/* Loads the last checkpoint, or the one before, with a message, if it is damaged or missing: its tensors, and what the
 * run said when it was saved. Nothing is changed. */
int rundir_load(rundir *run, bg_archive **archive, event **state);
/* The checkpoint from which a run in this directory would go on, before it is opened; without a message, NULL if there
 * is none. */
bg_archive *rundir_peek(const char *path, bg_engine *engine);
/* Begins the log and writes config.json; or, from the state of rundir_load on, cuts off of the log what came behind its
 * checkpoint. */
int rundir_begin(rundir *run, const event *config, const event *state);

/* Appends a line to log.jsonl. */
int rundir_log(rundir *run, const event *e);
/* Whether the last save is so long ago that the end of an epoch should be saved. */
bool rundir_is_due(const rundir *run);
/* Saves last, whose forerunner becomes previous once the new file is on the disk, and with it best, if there is a new
 * one; state, which it takes over, with last. A parameter that is infinite or NaN is a failure, and nothing is saved.
 */
int rundir_save(rundir *run, event *state);

#endif
