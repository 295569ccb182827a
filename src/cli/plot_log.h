/* Logs of runs, as curves need them. */
#ifndef PLOT_LOG_H
#define PLOT_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* So many metrics are drawn side by side. */
enum { PLOT_METRICS_MAX = 6 };

/* What one event reports. What it does not have is NAN. */
typedef struct {
    double epoch, step, seconds;
    double train[PLOT_METRICS_MAX], held_out[PLOT_METRICS_MAX]; /* as many as the metrics that were asked for */
} plot_point;

typedef struct {
    plot_point *items;
    size_t n, capacity;
} plot_points;

typedef struct {
    const char *path;    /* of the run directory */
    bool has_validation; /* that is what is held out; else the test */
    plot_points epochs;  /* their ends, and that of the run */
    plot_points steps;   /* the train loss of --log-every */
} plot_run;

/* Reads log.jsonl of a run directory. metrics are names as in train_loss and test_loss, and end with NULL. A last line
 * that is no event is passed over: it is what a run that was killed has left. 0, or the exit code after a message. */
int plot_run_read(plot_run *run, const char *path, const char *const *metrics);
void plot_run_free(plot_run *run);

#endif
