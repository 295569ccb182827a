/* The runs of a sweep as processes of the program itself, several side by side. */
#ifndef SWEEP_RUNS_H
#define SWEEP_RUNS_H

#include "sweep_trial.h"

/* Whether train takes the options of every run; tried in a process of its own, which has the messages. 0, or the exit
 * code. */
int sweep_runs_check(const sweep_state *state);

/* Takes what runs have come to their end before. */
void sweep_runs_collect(sweep_state *state);

/* Makes all that are not done, `jobs` at a time, and shows how far they are; a run that fails is none of the sweep's
 * failures. After a signal, or when nobody reads the output any more, the runs under way are asked to save and to end,
 * and waited for. Call signals_catch before. 0, or the exit code after a message. */
int sweep_runs_make(sweep_state *state, int64_t jobs, bool json);

#endif
