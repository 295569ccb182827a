/* DeepFool: Moosavi-Dezfooli, Fawzi, Frossard, DeepFool: a simple and accurate method to fool deep neural networks,
 * 2016, algorithm 2. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

enum { CANDIDATES = 9 }; /* classes beside the label that are tried, as in the authors' code */

/* Of one example: the candidates, and the distance of the nearest boundary so far. */
typedef struct {
    double class[CANDIDATES], distance;
} state;
enum { STATE_NUMBERS = sizeof(state) / sizeof(double) };

/* The classes other than the label in order of falling scores. */
static void choose_candidates(const bgi_attack_batch *batch, int64_t i, int count)
{
    const double *z = batch->scores + i * batch->classes;
    double *class = ((state *)batch->numbers)[i].class;
    for (int chosen = 0; chosen < count; chosen++) {
        int64_t best = -1;
        for (int64_t k = 0; k < batch->classes; k++) {
            bool is_taken = k == batch->labels[i];
            for (int j = 0; j < chosen; j++)
                is_taken = is_taken || class[j] == (double)k;
            if (!is_taken && (best < 0 || z[k] > z[best]))
                best = k;
        }
        class[chosen] = (double)best;
    }
}

/* What stands at the wall of the box that it wants to pass cannot go on: without it the steps would fall short of the
 * boundary again and again, and never pass it. */
static void leave_out_walls(const bgi_attack_batch *batch, double *w, const double *x)
{
    for (int64_t k = 0; k < batch->width; k++)
        if ((w[k] > 0 && x[k] >= batch->attacker->of.upper) || (w[k] < 0 && x[k] <= batch->attacker->of.lower))
            w[k] = 0;
}

/* The linearised boundary to a candidate, with f = z[class] - z[label] and w its gradient: it lies |f| / |w|₂ away
 * along w, or in Linf |f| / |w|₁ along sign(w). Keeps the nearest in `nearest`. */
static void compare_boundary(bgi_attack_batch *batch, int64_t i, int candidate, double *nearest)
{
    int64_t width = batch->width;
    state *now = &((state *)batch->numbers)[i];
    double *w = batch->gradient + i * width;
    const double *z = batch->scores + i * batch->classes;
    leave_out_walls(batch, w, batch->point + i * width);
    double f = fabs(z[(int64_t)now->class[candidate]] - z[batch->labels[i]]);
    double length = bgi_attack_length(w, width, batch->attack->norm == BG_ATTACK_L2 ? BG_ATTACK_L2 : BG_ATTACK_L1);
    double distance = f / length;
    if (!(length > 0) || !(distance < now->distance))
        return;
    now->distance = distance;
    bgi_attack_ascend(batch, w, batch->point + i * width);
    memcpy(nearest + i * width, w, (size_t)width * sizeof(double));
}

static bg_status find_boundaries(bgi_attack_batch *batch, int count, double *nearest)
{
    state *states = (state *)batch->numbers;
    for (int64_t i = 0; i < batch->n; i++)
        states[i].distance = INFINITY;
    for (int j = 0; j < count; j++) {
        int64_t *targets = bg_tensor_data(batch->attacker->targets);
        for (int64_t i = 0; i < batch->n; i++)
            targets[i] = (int64_t)states[i].class[j];
        bg_status status = bgi_attack_ask(batch, BGI_ASK_DIFFERENCE);
        if (status != BG_OK)
            return status;
        for (int64_t i = 0; i < batch->n; i++)
            compare_boundary(batch, i, j, nearest);
    }
    return BG_OK;
}

static bg_status attempt(bgi_attack_batch *batch)
{
    int64_t width = batch->width, all = batch->attacker->of.batch * width;
    double *moved = batch->vectors, *nearest = moved + all;
    int count = batch->classes - 1 < CANDIDATES ? (int)batch->classes - 1 : CANDIDATES;
    memset(moved, 0, (size_t)all * sizeof(double));
    memcpy(batch->point, batch->clean, (size_t)(batch->n * width) * sizeof(double));
    bg_status status = bgi_attack_ask(batch, BGI_ASK_SCORES);
    for (int64_t i = 0; i < batch->n && status == BG_OK; i++)
        choose_candidates(batch, i, count);
    for (int64_t step = 0; step < batch->attack->steps && status == BG_OK; step++) {
        bool is_over = true;
        status = find_boundaries(batch, count, nearest);
        for (int64_t i = 0; i < batch->n && status == BG_OK; i++) {
            double distance = ((state *)batch->numbers)[i].distance;
            if (bgi_attack_succeeds(batch, i) || isinf(distance))
                continue;
            is_over = false;
            for (int64_t k = i * width; k < (i + 1) * width; k++) {
                moved[k] += distance * nearest[k];
                double x = batch->clean[k] + (1 + batch->attack->overshoot) * moved[k];
                batch->point[k] = fmin(fmax(x, batch->attacker->of.lower), batch->attacker->of.upper);
            }
        }
        if (is_over)
            break;
    }
    return status;
}

static bg_status check(const bg_attack *attack)
{
    if (attack->overshoot >= 0 && isfinite(attack->overshoot))
        return BG_OK;
    return bg_fail(BG_ERR_ARGUMENT, "attack %s: overshoot %g, it must be finite and 0 or more", attack->name,
                   attack->overshoot);
}

const bgi_attack_method bgi_deepfool_method = { .vectors = 2,
                                                .numbers = STATE_NUMBERS,
                                                .without_l1 = true,
                                                .without_targets = true,
                                                .is_minimal = true,
                                                .ask = BGI_ASK_DIFFERENCE,
                                                .attempt = attempt,
                                                .check = check };
