/* The L2 attack of Carlini, Wagner, Towards evaluating the robustness of neural networks, 2017, section 6.A:
 * minimise |x' - x|² + c f(x') with f = max(confidence - margin, 0), and find the least c that succeeds. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

/* Of one example: the constant with its bounds, the least norm that has succeeded, and whether this c did. */
typedef struct {
    double c, low, high, norm, has_succeeded;
} state;
enum { STATE_NUMBERS = sizeof(state) / sizeof(double) };

/* x' = middle + half tanh(w) stays in the box; without a box on both sides x' is w itself, which is clipped to the side
 * that there is. */
typedef struct {
    bool is_bounded;
    double middle, half, lower, upper;
} chart;

static chart chart_of(const bg_attacker *attacker)
{
    double half = (attacker->of.upper - attacker->of.lower) / 2;
    return (chart){ .is_bounded = isfinite(half),
                    .middle = attacker->of.lower + half,
                    .half = half,
                    .lower = attacker->of.lower,
                    .upper = attacker->of.upper };
}

/* Drawn in a little from the walls, where atanh is infinite. */
static double into_chart(const chart *c, double x)
{
    if (!c->is_bounded)
        return x;
    return c->half > 0 ? atanh((x - c->middle) / c->half * 0.999999) : 0;
}
static double into_box(const chart *c, double x) { return fmin(fmax(x, c->lower), c->upper); }
static double out_of_chart(const chart *c, double *w)
{
    if (c->is_bounded)
        return into_box(c, c->middle + c->half * tanh(*w)); /* a sum that may be rounded up */
    return *w = into_box(c, *w);
}

/* Takes note of a success that is nearer than those before. */
static void note(const bgi_attack_batch *batch, int64_t i, state *now, double margin, double *found)
{
    int64_t width = batch->width;
    if (!bgi_attack_succeeds(batch, i) || margin < batch->attack->confidence)
        return;
    now->has_succeeded = 1;
    double norm = bgi_attack_distance(batch->point + i * width, batch->clean + i * width, width, BG_ATTACK_L2);
    if (!(norm < now->norm)) /* NaN is no point to remember */
        return;
    now->norm = norm;
    memcpy(found + i * width, batch->point + i * width, (size_t)width * sizeof(double));
}

/* The gradient of the objective by w, in place of that of the margin by x'. */
static void differentiate(const bgi_attack_batch *batch, int64_t i, const chart *c, double weight, const double *w)
{
    int64_t width = batch->width;
    for (int64_t k = i * width; k < (i + 1) * width; k++) {
        double slope = c->is_bounded ? c->half * (1 - tanh(w[k]) * tanh(w[k])) : 1;
        double g = isfinite(batch->gradient[k]) ? batch->gradient[k] : 0; /* what is no number moves nothing */
        batch->gradient[k] = (2 * (batch->point[k] - batch->clean[k]) - weight * g) * slope;
    }
}

/* One minimisation for the present constants, from the inputs. */
static bg_status descend(bgi_attack_batch *batch, const chart *c, double *found)
{
    int64_t width = batch->width, all = batch->attacker->of.batch * width;
    double *w = batch->vectors + all, *m = w + all, *v = m + all;
    state *states = (state *)batch->numbers;
    memset(m, 0, 2 * (size_t)all * sizeof(double));
    for (int64_t k = 0; k < batch->n * width; k++)
        w[k] = into_chart(c, batch->clean[k]);
    for (int64_t step = 1; step <= batch->attack->steps; step++) {
        for (int64_t k = 0; k < batch->n * width; k++)
            batch->point[k] = out_of_chart(c, &w[k]);
        bg_status status = bgi_attack_ask(batch, BGI_ASK_MARGIN);
        if (status != BG_OK)
            return status;
        const bgi_attack_adam_state adam = {
            .m = m, .v = v, .learning_rate = batch->attack->learning_rate, .step = step
        };
        for (int64_t i = 0; i < batch->n; i++) {
            double margin = bgi_attack_value(batch, BG_ATTACK_MARGIN, i);
            note(batch, i, &states[i], margin, found);
            differentiate(batch, i, c, margin < batch->attack->confidence ? states[i].c : 0, w);
            bgi_attack_adam(&adam, w, batch->gradient, i * width, width);
        }
    }
    return BG_OK;
}

/* Smaller after a success, larger after none: bisection once both have been seen. */
static void choose_constant(state *now)
{
    *(now->has_succeeded != 0 ? &now->high : &now->low) = now->c;
    now->c = isinf(now->high) ? 10 * now->c : (now->low + now->high) / 2;
    now->has_succeeded = 0;
}

static bg_status attempt(bgi_attack_batch *batch)
{
    const chart c = chart_of(batch->attacker);
    double *found = batch->vectors;
    size_t bytes = (size_t)(batch->n * batch->width) * sizeof(double);
    state *states = (state *)batch->numbers;
    memcpy(found, batch->clean, bytes);
    for (int64_t i = 0; i < batch->n; i++)
        states[i] = (state){ .c = batch->attack->constant, .high = INFINITY, .norm = INFINITY };
    bg_status status = BG_OK;
    for (int64_t search = 0; search < batch->attack->searches && status == BG_OK; search++) {
        status = descend(batch, &c, found);
        for (int64_t i = 0; i < batch->n; i++)
            choose_constant(&states[i]);
    }
    memcpy(batch->point, found, bytes);
    return status;
}

static bg_status check(const bg_attack *attack)
{
    if (!(attack->confidence >= 0) || isinf(attack->confidence))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: confidence %g, it must be finite and 0 or more", attack->name,
                       attack->confidence);
    if (!(attack->constant > 0) || isinf(attack->constant))
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: constant %g, it must be finite and above 0", attack->name,
                       attack->constant);
    if (attack->searches < 1)
        return bg_fail(BG_ERR_ARGUMENT, "attack %s: %lld searches, it needs 1 or more", attack->name,
                       (long long)attack->searches);
    return bgi_attack_check_rate(attack);
}

const bgi_attack_method bgi_carlini_wagner_method = { .vectors = 4,
                                                      .numbers = STATE_NUMBERS,
                                                      .without_linf = true,
                                                      .without_l1 = true,
                                                      .is_minimal = true,
                                                      .ask = BGI_ASK_MARGIN,
                                                      .attempt = attempt,
                                                      .check = check };
