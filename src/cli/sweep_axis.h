/* One axis of a sweep: its values as a text, and draws from it. */
#ifndef SWEEP_AXIS_H
#define SWEEP_AXIS_H

#include "sweep_space.h"

/* Reads the values: texts with commas between them, in which a comma is written \, and a backslash \\; or, if they are
 * drawn, uniform, log, int or log-int and two bounds: log:1e-4:1. *axis is something to free in any case. 0, or the
 * exit code after a message. */
int sweep_axis_parse(sweep_axis *axis, const char *name, const char *text, bool is_drawn);
/* The value that a number from 0 to below 1 stands for. */
const char *sweep_axis_draw(const sweep_axis *axis, double share, char text[SWEEP_VALUE_BYTES]);

#endif
