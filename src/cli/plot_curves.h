/* Curves of training runs. */
#ifndef PLOT_CURVES_H
#define PLOT_CURVES_H

#include "plot_log.h"

#include <stdbool.h>

/* DEFAULT: by epoch, or by step where a run has no epochs. */
typedef enum { CURVES_BY_DEFAULT, CURVES_BY_EPOCH, CURVES_BY_STEP, CURVES_BY_TIME } curves_axis;

typedef struct {
    const char *const *runs; /* directories, ending with NULL */
    /* As in train_loss and test_loss, ending with NULL; none: the loss, and the accuracy if a run has it. */
    const char *metrics[PLOT_METRICS_MAX + 1];
    curves_axis by;
    bool has_log_scale; /* of the losses */
} curves_options;

/* Draws a picture; 0, or the exit code after a message. */
int plot_curves(const curves_options *options, const char *picture);

#endif
