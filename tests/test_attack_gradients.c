/* The losses that attacks raise, and APGD step by step, on scores that are not linear. */
#include "support/attacked.h"
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdlib.h>
#include <string.h>

static int compare_falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* By the formulas of attack.h; target -1: none. */
static double loss_of(const bg_model *model, const double *x, bg_attack_loss loss, int label, int target)
{
    double z[SMALL_CLASSES], sorted[SMALL_CLASSES], sum = 0, best = -INFINITY;
    int class = target < 0 ? label : target;
    curved_scores(model, x, z);
    memcpy(sorted, z, sizeof z);
    qsort(sorted, SMALL_CLASSES, sizeof *sorted, compare_falling);
    for (int i = 0; i < SMALL_CLASSES; i++) {
        sum += exp(z[i]);
        best = i != class && z[i] > best ? z[i] : best;
    }
    double sign = target < 0 ? 1 : -1;
    if (loss == BG_ATTACK_CROSS_ENTROPY)
        return sign * (log(sum) - z[class]);
    if (loss == BG_ATTACK_MARGIN)
        return sign * (best - z[class]);
    if (target < 0)
        return (best - z[class]) / (sorted[0] - sorted[2]);
    return (z[target] - z[label]) / (sorted[0] - (sorted[2] + sorted[3]) / 2);
}

/* The direction of a step is that of the loss's gradient, taken here by differences, with targets and without. */
START_TEST(test_losses)
{
    bg_attack_loss loss = (bg_attack_loss)(_i / 2);
    bool is_targeted = _i % 2;
    enum { N = 6 };
    problem p;
    open_curved(&p, counted_engine(), BG_F64, 4, N);
    answer_labels(&p, N);
    bg_attack a = bg_attack_fgsm(BG_ATTACK_L2, 1e-3);
    a.loss = loss;
    OK(bg_attack_run(p.attacker, &a, p.x, p.labels, is_targeted ? p.targets : NULL, &p.result, NULL));
    for (int i = 0; i < N; i++) {
        double x[SMALL], g[SMALL], length = 0;
        int label = (int)value_at(p.labels, i), target = is_targeted ? (int)value_at(p.targets, i) : -1;
        bool is_left = !is_targeted && i % 4 == 3;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p.x, i * SMALL + k);
        for (int k = 0; k < SMALL; k++) {
            double at = x[k], h = 1e-5;
            x[k] = at + h;
            g[k] = loss_of(p.model, x, loss, label, target);
            x[k] = at - h;
            g[k] = (g[k] - loss_of(p.model, x, loss, label, target)) / (2 * h);
            x[k] = at;
            length += g[k] * g[k];
        }
        for (int k = 0; k < SMALL; k++)
            expect_near("step", (value_at(p.adversarial, i * SMALL + k) - x[k]) / a.eps,
                        is_left ? 0 : g[k] / sqrt(length), 1e-7);
    }
    attacked_close(&p);
}
END_TEST

/* ---- APGD, step by step ---- */

static double climb_at(const bg_model *model, const double *x, int label, double *g)
{
    double at[SMALL], h = 1e-5;
    memcpy(at, x, sizeof at);
    for (int k = 0; k < SMALL; k++) {
        at[k] = x[k] + h;
        g[k] = loss_of(model, at, BG_ATTACK_CROSS_ENTROPY, label, -1);
        at[k] = x[k] - h;
        g[k] = (g[k] - loss_of(model, at, BG_ATTACK_CROSS_ENTROPY, label, -1)) / (2 * h);
        at[k] = x[k];
    }
    return loss_of(model, x, BG_ATTACK_CROSS_ENTROPY, label, -1);
}

static void into_ball(double *x, const double *center, double eps)
{
    double length = 0;
    for (int k = 0; k < SMALL; k++)
        length += (x[k] - center[k]) * (x[k] - center[k]);
    double scale = fmin(1, eps / sqrt(length));
    for (int k = 0; k < SMALL; k++)
        x[k] = center[k] + (x[k] - center[k]) * scale;
}

/* Croce and Hein's algorithm 1 for 20 steps in L2, with checkpoints after 4, 7, 9, 10, .. steps. Returns how often the
 * step was halved; the best point is left in best. */
static int reference_apgd(const bg_model *model, const double *clean, int label, double eps, double *best)
{
    double x[SMALL], before[SMALL], z[SMALL], g[SMALL], best_g[SMALL], step = 2 * eps;
    memcpy(x, clean, sizeof x);
    memcpy(before, clean, sizeof x);
    memcpy(best, clean, sizeof x);
    double loss = climb_at(model, x, label, g), best_loss = loss, checked = loss;
    memcpy(best_g, g, sizeof g);
    int period = 4, since = 0, increases = 0, halvings = 0;
    bool was_halved = true;
    for (int i = 0; i < 20; i++) {
        double length = sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2] + g[3] * g[3]), share = i ? 0.75 : 1;
        for (int k = 0; k < SMALL; k++)
            z[k] = x[k] + step * g[k] / length;
        into_ball(z, clean, eps);
        for (int k = 0; k < SMALL; k++) {
            double at = x[k];
            x[k] = at + share * (z[k] - at) + (1 - share) * (at - before[k]);
            before[k] = at;
        }
        into_ball(x, clean, eps);
        double now = climb_at(model, x, label, g);
        increases += now > loss;
        loss = now;
        if (loss > best_loss) {
            best_loss = loss;
            memcpy(best, x, sizeof x);
            memcpy(best_g, g, sizeof g);
        }
        if (++since < period)
            continue;
        bool is_halved = increases <= 0.75 * period || (!was_halved && checked >= best_loss);
        was_halved = is_halved;
        checked = best_loss;
        increases = since = 0;
        period = period - 1 > 1 ? period - 1 : 1;
        if (!is_halved)
            continue;
        halvings++;
        step /= 2;
        loss = best_loss;
        memcpy(x, best, sizeof x);
        memcpy(g, best_g, sizeof g);
    }
    return halvings;
}

START_TEST(test_apgd_steps)
{
    enum { N = 64 };
    problem p;
    int halvings = 0, compared = 0;
    open_curved(&p, counted_engine(), BG_F64, 16, N);
    set_curved_parameters(&p, 3); /* so steep that the loss goes up and down */
    answer_labels(&p, N);
    bg_attack a = bg_attack_apgd(BG_ATTACK_L2, 0.4);
    a.steps = 20;
    a.starts_at_random = false;
    OK(attack(&p, &a));
    for (int i = 0; i < N; i++) {
        double x[SMALL], best[SMALL];
        if (value_at(p.is_fooled, i) != 0)
            continue;
        for (int k = 0; k < SMALL; k++)
            x[k] = value_at(p.x, i * SMALL + k);
        halvings += reference_apgd(p.model, x, (int)value_at(p.labels, i), a.eps, best);
        compared++;
        for (int k = 0; k < SMALL; k++)
            expect_near("element", value_at(p.adversarial, i * SMALL + k), best[k], 1e-7);
    }
    ck_assert_msg(compared >= 4 && halvings >= 8, "%d examples, %d halvings", compared, halvings);
    attacked_close(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attack_gradients");
    TCase *cases = tcase_create("attack_gradients");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, test_losses, 0, 6);
    tcase_add_test(cases, test_apgd_steps);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
