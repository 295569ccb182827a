/* Slopes of a function of one variable, from samples. */
#ifndef BGI_SLOPES_H
#define BGI_SLOPES_H

#include "check/check.h"

/* From values at -2, -1, 0, 1, 2 steps: the slope in the middle to fourth order of the step, and from each side to
 * second. */
typedef struct {
    double middle, left, right;
    bool is_finite;
} bgi_slopes;
bgi_slopes bgi_slopes_of(const double values[BGI_SAMPLES], double step);

/* The slope at 0 to fourth order from values at 0, 1, 2, 3, 4 steps; step < 0 for the side of the left. */
double bgi_slope_of_side(const double values[BGI_SAMPLES], double step);

#endif
