/* Attacks that go up the gradient with steps of one size: FGSM, BIM, PGD, MI-FGSM. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

static double step_size(const bg_attack *attack)
{
    return attack->step_size > 0 ? attack->step_size : attack->method->step_size(attack);
}

/* m <- decay m + g / |g|₁; g <- m */
static void add_momentum(double *m, double *g, int64_t n, double decay)
{
    double length = bgi_attack_length(g, n, BG_ATTACK_L1);
    bool is_usable = length > 0 && isfinite(length);
    for (int64_t k = 0; k < n; k++)
        g[k] = m[k] = decay * m[k] + (is_usable ? g[k] / length : 0);
}

static bg_status climb(bgi_attack_batch *batch, bool has_momentum)
{
    const bg_attack *attack = batch->attack;
    int64_t width = batch->width;
    size_t bytes = (size_t)(batch->n * width) * sizeof(double);
    double size = step_size(attack);
    memcpy(batch->point, batch->clean, bytes);
    if (has_momentum)
        memset(batch->vectors, 0, bytes);
    for (int64_t i = 0; attack->starts_at_random && i < batch->n; i++)
        bgi_attack_draw(batch, i, 0, batch->point + i * width);
    for (int64_t step = 0; step < attack->steps; step++) {
        bg_status status = bgi_attack_ask(batch, (bgi_ask)attack->loss);
        if (status != BG_OK)
            return status;
        for (int64_t i = 0; i < batch->n; i++) {
            double *x = batch->point + i * width, *g = batch->gradient + i * width;
            if (has_momentum)
                add_momentum(batch->vectors + i * width, g, width, attack->decay);
            bgi_attack_ascend(batch, g, x);
            for (int64_t k = 0; k < width; k++)
                x[k] += size * g[k];
            bgi_attack_project(batch, i, x);
        }
    }
    return BG_OK;
}

static bg_status plain_attempt(bgi_attack_batch *batch) { return climb(batch, false); }
static bg_status momentum_attempt(bgi_attack_batch *batch) { return climb(batch, true); }

static double whole_eps(const bg_attack *attack) { return attack->eps; }
static double even_part(const bg_attack *attack) { return attack->eps / (double)attack->steps; }
static double large_part(const bg_attack *attack) { return 2.5 * attack->eps / (double)attack->steps; }

static bg_status check_decay(const bg_attack *attack)
{
    if (attack->decay >= 0 && isfinite(attack->decay))
        return BG_OK;
    return bg_fail(BG_ERR_ARGUMENT, "attack %s: decay %g, it must be finite and 0 or more", attack->name,
                   attack->decay);
}

const bgi_attack_method bgi_fgsm_method = { .attempt = plain_attempt, .step_size = whole_eps };
const bgi_attack_method bgi_bim_method = { .attempt = plain_attempt, .step_size = even_part };
const bgi_attack_method bgi_pgd_method = { .attempt = plain_attempt, .step_size = large_part };
const bgi_attack_method bgi_mi_fgsm_method = {
    .vectors = 1, .attempt = momentum_attempt, .step_size = even_part, .check = check_decay
};
