/* The optimizer of the attacks that have one. */
#include "attack/attack.h"

#include <math.h>

void bgi_attack_adam(const bgi_attack_adam_state *adam, double *x, const double *g, int64_t first, int64_t n)
{
    double mean_scale = 1 - pow(0.9, (double)adam->step), square_scale = 1 - pow(0.999, (double)adam->step);
    for (int64_t k = first; k < first + n; k++) {
        double m = adam->m[k] = 0.9 * adam->m[k] + 0.1 * g[k];
        double v = adam->v[k] = 0.999 * adam->v[k] + 0.001 * g[k] * g[k];
        x[k] -= adam->learning_rate * (m / mean_scale) / (sqrt(v / square_scale) + 1e-8);
    }
}

bg_status bgi_attack_check_rate(const bg_attack *attack)
{
    if (attack->learning_rate > 0 && isfinite(attack->learning_rate))
        return BG_OK;
    return bg_fail(BG_ERR_ARGUMENT, "attack %s: learning rate %g, it must be finite and above 0", attack->name,
                   attack->learning_rate);
}
