/* SPSA: Uesato et al., Adversarial risk and the dangers of evaluating against weak attacks, 2018, section 4.1. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

/* Adds the estimate along one random direction v of -1 and 1: (f(x + delta v) - f(x - delta v)) / (2 delta) v. */
static bg_status sample(bgi_attack_batch *batch, const double *x, double *v, double *values, int64_t number)
{
    int64_t width = batch->width;
    double delta = batch->attack->delta, scale = 1 / (2 * delta * (double)batch->attack->samples);
    for (int64_t i = 0; i < batch->n; i++) {
        bgi_attack_random random = bgi_attack_random_of(batch, i, number);
        for (int64_t k = 0; k < width; k++)
            v[i * width + k] = bgi_attack_uniform(&random) < 0.5 ? -1 : 1;
    }
    for (int side = 1; side >= -1; side -= 2) {
        for (int64_t k = 0; k < batch->n * width; k++)
            batch->point[k] = x[k] + side * delta * v[k];
        bg_status status = bgi_attack_ask(batch, BGI_ASK_SCORES);
        if (status != BG_OK)
            return status;
        for (int64_t i = 0; i < batch->n; i++) {
            double value = bgi_attack_value(batch, batch->attack->loss, i);
            values[i] = side > 0 ? value : values[i] - value;
        }
    }
    for (int64_t i = 0; i < batch->n; i++)
        for (int64_t k = i * width; k < (i + 1) * width && isfinite(values[i]); k++)
            batch->gradient[k] += values[i] * scale * v[k];
    return BG_OK;
}

static bg_status attempt(bgi_attack_batch *batch)
{
    const bg_attack *attack = batch->attack;
    int64_t width = batch->width, all = batch->attacker->of.batch * width;
    double *x = batch->vectors, *v = x + all, *moments = v + all;
    size_t bytes = (size_t)(batch->n * width) * sizeof(double);
    memcpy(x, batch->clean, bytes);
    memset(moments, 0, 2 * (size_t)all * sizeof(double));
    for (int64_t i = 0; attack->starts_at_random && i < batch->n; i++)
        bgi_attack_draw(batch, i, 0, x + i * width);
    for (int64_t step = 0; step < attack->steps; step++) {
        memset(batch->gradient, 0, bytes);
        for (int64_t k = 0; k < attack->samples; k++) {
            bg_status status = sample(batch, x, v, batch->numbers, 1 + step * attack->samples + k);
            if (status != BG_OK)
                return status;
        }
        const bgi_attack_adam_state adam = {
            .m = moments, .v = moments + all, .learning_rate = -attack->learning_rate, .step = step + 1
        };
        for (int64_t i = 0; i < batch->n; i++) {
            bgi_attack_adam(&adam, x, batch->gradient, i * width, width);
            bgi_attack_project(batch, i, x + i * width);
        }
    }
    memcpy(batch->point, x, bytes);
    return BG_OK;
}

static bg_status check(const bg_attack *attack)
{
    if (!(attack->delta > 0) || isinf(attack->delta))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: delta %g, it must be finite and above 0", attack->name,
                       attack->delta);
    if (attack->samples < 1)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: %lld samples, it needs 1 or more", attack->name,
                       (long long)attack->samples);
    return bgi_attack_check_rate(attack);
}

const bgi_attack_method bgi_spsa_method = {
    .vectors = 4, .numbers = 1, .ask = BGI_ASK_SCORES, .attempt = attempt, .check = check
};
