/* Auto-PGD: Croce, Hein, 2020, algorithm 1, with the numbers of section 3. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

/* Of one example. */
typedef struct {
    double step, loss, best_loss, checked_loss; /* of point, the best so far, the best at the last checkpoint */
    double increases;                           /* of the loss since the last checkpoint */
    double was_halved, is_hit;                  /* at the last checkpoint; whether `hit` holds something */
} state;
enum { STATE_NUMBERS = sizeof(state) / sizeof(double) };

/* [batch, width]: the point before, the best by loss with its gradient, and the last that succeeded. */
typedef struct {
    double *before, *best, *best_gradient, *hit;
    state *states;
} search;

static const double momentum = 0.75; /* the α of (2) */
static const double progress = 0.75; /* the ρ of condition 1 */

static search lay_out(const bgi_attack_batch *batch)
{
    int64_t all = batch->attacker->of.batch * batch->width;
    return (search){ .before = batch->vectors,
                     .best = batch->vectors + all,
                     .best_gradient = batch->vectors + 2 * all,
                     .hit = batch->vectors + 3 * all,
                     .states = (state *)batch->numbers };
}

static void copy_row(double *to, const double *from, int64_t i, int64_t width)
{
    memcpy(to + i * width, from + i * width, (size_t)width * sizeof(double));
}

/* Asks for losses and gradients at point, and takes note of what is better than before. */
static bg_status look(bgi_attack_batch *batch, const search *s, bool is_first)
{
    int64_t width = batch->width;
    bg_status status = bgi_attack_ask(batch, (bgi_ask)batch->attack->loss);
    for (int64_t i = 0; i < batch->n && status == BG_OK; i++) {
        state *now = &s->states[i];
        double loss = bgi_attack_value(batch, batch->attack->loss, i);
        now->increases += !is_first && loss > now->loss;
        now->loss = loss;
        if (is_first || loss > now->best_loss) {
            now->best_loss = loss;
            copy_row(s->best, batch->point, i, width);
            copy_row(s->best_gradient, batch->gradient, i, width);
        }
        if (bgi_attack_succeeds(batch, i)) {
            now->is_hit = 1;
            copy_row(s->hit, batch->point, i, width);
        }
    }
    return status;
}

/* z = P(x + step s(g)),  x <- P(x + α (z - x) + (1 - α) (x - x before)), (2); the first step has no momentum. */
static void move(bgi_attack_batch *batch, const search *s, bool is_first)
{
    int64_t width = batch->width;
    double share = is_first ? 1 : momentum;
    for (int64_t i = 0; i < batch->n; i++) {
        double *x = batch->point + i * width, *g = batch->gradient + i * width, *before = s->before + i * width;
        bgi_attack_ascend(batch, g, x);
        for (int64_t k = 0; k < width; k++)
            g[k] = x[k] + s->states[i].step * g[k];
        bgi_attack_project(batch, i, g);
        for (int64_t k = 0; k < width; k++) {
            double at = x[k];
            x[k] = at + share * (g[k] - at) + (1 - share) * (at - before[k]);
            before[k] = at;
        }
        bgi_attack_project(batch, i, x);
    }
}

/* Conditions 1 and 2 of section 3: too few steps were upwards, or neither step nor best loss has changed since the last
 * checkpoint. Then the step is halved, and the search goes on from the best point. */
static void check(bgi_attack_batch *batch, const search *s, int64_t period)
{
    for (int64_t i = 0; i < batch->n; i++) {
        state *now = &s->states[i];
        bool is_stuck = now->was_halved == 0 && now->checked_loss >= now->best_loss;
        bool is_halved = now->increases <= progress * (double)period || is_stuck;
        now->was_halved = is_halved;
        now->checked_loss = now->best_loss;
        now->increases = 0;
        if (!is_halved)
            continue;
        now->step /= 2;
        now->loss = now->best_loss;
        copy_row(batch->point, s->best, i, batch->width);
        copy_row(batch->gradient, s->best_gradient, i, batch->width);
    }
}

static int64_t at_least_one(double x) { return x > 1 ? (int64_t)x : 1; }

static bg_status attempt(bgi_attack_batch *batch)
{
    const search s = lay_out(batch);
    double steps = (double)batch->attack->steps;
    int64_t width = batch->width, period = at_least_one(0.22 * steps), since = 0;
    memcpy(batch->point, batch->clean, (size_t)(batch->n * width) * sizeof(double));
    for (int64_t i = 0; i < batch->n; i++) {
        if (batch->attack->starts_at_random)
            bgi_attack_draw(batch, i, 0, batch->point + i * width);
        s.states[i] = (state){ .step = 2 * batch->attack->eps, .was_halved = 1 };
    }
    bg_status status = look(batch, &s, true);
    for (int64_t i = 0; i < batch->n; i++) {
        s.states[i].checked_loss = s.states[i].best_loss;
        copy_row(s.before, batch->point, i, width);
    }
    for (int64_t step = 0; step < batch->attack->steps && status == BG_OK; step++) {
        move(batch, &s, step == 0);
        status = look(batch, &s, false);
        if (status != BG_OK || ++since < period)
            continue;
        check(batch, &s, period);
        since = 0;
        /* w[j+1] = w[j] + max(w[j] - w[j-1] - 0.03 steps, 0.06 steps) */
        int64_t shorter = period - at_least_one(0.03 * steps), least = at_least_one(0.06 * steps);
        period = shorter > least ? shorter : least;
    }
    for (int64_t i = 0; i < batch->n; i++)
        copy_row(batch->point, s.states[i].is_hit != 0 ? s.hit : s.best, i, width);
    return status;
}

const bgi_attack_method bgi_apgd_method = {
    .vectors = 4, .numbers = STATE_NUMBERS, .without_l1 = true, .attempt = attempt
};
