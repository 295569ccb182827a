/* Difference formulas: Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, 1988. */
#include "check/slopes.h"

#include <math.h>

bgi_slopes bgi_slopes_of(const double f[BGI_SAMPLES], double step)
{
    bgi_slopes slopes = { .middle = (f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * step),
                          .left = (f[0] - 4 * f[1] + 3 * f[2]) / (2 * step),
                          .right = (-f[4] + 4 * f[3] - 3 * f[2]) / (2 * step),
                          .is_finite = true };
    for (int i = 0; i < BGI_SAMPLES; i++)
        slopes.is_finite = slopes.is_finite && isfinite(f[i]);
    return slopes;
}

double bgi_slope_of_side(const double f[BGI_SAMPLES], double step)
{
    return (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * step);
}
