/* One run of a sweep: how far it is, and what came of it. */
#ifndef SWEEP_TRIAL_H
#define SWEEP_TRIAL_H

#include "sweep_messages.h"
#include "sweep_space.h"

#include <sys/types.h>

typedef enum { TRIAL_OPEN, TRIAL_RUNNING, TRIAL_DONE, TRIAL_FAILED } trial_state;

typedef struct {
    trial_state state;
    pid_t process;           /* while it is running */
    sweep_messages messages; /* of this process */
    double begin;            /* of it, on the clock */
    event *end;              /* of one that is done: the last event of its log */
    char *reason;            /* why one has failed */
} sweep_trial;

/* What all files of the sweep share. */
typedef struct {
    const sweep_space *space;
    const char *out;
    const char *by; /* a metric, or NULL: see sweep_metric_choose */
    sweep_trial *trials;
    int64_t n_trials;
} sweep_state;

/* The end of a run, by its log: NULL if it has not come to it, or there is none. */
event *sweep_trial_read_end(const char *directory);
/* What came of it, as an event "trial". */
event *sweep_trial_describe(const sweep_state *state, int64_t run);
int64_t sweep_count(const sweep_state *state, trial_state counted);

/* ---- Metrics: train_, validation_ or test_, and loss, accuracy, perplexity or bits ---- */
bool sweep_metric_is_known(const char *name);
/* Whether a is better; NaN is never, anything else is better than NaN. */
bool sweep_metric_is_better(const char *name, double a, double b);
/* The i-th metric that some run has which is done, those by which one chooses first; NULL behind the last. */
const char *sweep_metric_find(const sweep_state *state, int i);
/* By which metric runs are compared: the one that is asked for if a run has it, else the first loss; NULL if no run is
 * done. */
const char *sweep_metric_choose(const sweep_state *state);
/* Its value in a run; NaN if it has none. */
double sweep_metric_value(const sweep_trial *trial, const char *name);
/* 0.058397, 98.33 % */
const char *sweep_metric_text(const char *name, double value, char *text, size_t capacity);

#endif
