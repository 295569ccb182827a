/* What a sweep has found: metrics of its runs against each of its axes. */
#ifndef PLOT_SWEEP_H
#define PLOT_SWEEP_H

#include <stdbool.h>

/* Whether the directory is that of a sweep. */
bool plot_sweep_is_one(const char *directory);

/* Draws a panel for each metric and axis, with a point for each run that is done, from sweep.jsonl. metrics are names
 * as in test_loss, of the first of validation, test and train that there is; they end with NULL: loss, and accuracy if
 * there is one, if none are named. 0, or the exit code after a message. */
int plot_sweep(const char *directory, const char *const *metrics, bool has_log_scale, const char *picture);

#endif
