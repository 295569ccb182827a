/* The line search of L-BFGS: Nocedal, Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6, with the cubic
 * interpolation, the safeguards and the order of tests of torch.optim.LBFGS. */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

static const double SUFFICIENT = 1e-4, CURVATURE = 0.9;

/* A place on the line. */
typedef struct {
    double t, loss, slope;
} point;

/* The minimum of the cubic through two points with their slopes, within bounds. */
static double interpolate(point a, point b, double low, double high)
{
    double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t), square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0))
        return (low + high) / 2;
    double d2 = sqrt(square);
    double at = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                           : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
    return at < low ? low : at > high ? high : at;
}

typedef struct {
    bg_lbfgs *l;
    point start, now;
    point ends[2];       /* of the bracket; their gradients are LBFGS_LOW + 0 and + 1 */
    bool is_met;         /* ends[0] meets the conditions */
    int64_t tries, most; /* after the first evaluation */
} search;

static void copy(const bg_lbfgs *l, int to, int from)
{
    memcpy(l->vectors[to], l->vectors[from], (size_t)l->n * sizeof(double));
}

static bg_status try(search *s, double t)
{
    s->now.t = t;
    bg_status status = bgi_lbfgs_evaluate(s->l, t, &s->now.loss);
    s->now.slope = bgi_lbfgs_dot(s->l, s->l->vectors[LBFGS_TRIAL], s->l->vectors[LBFGS_DIRECTION]);
    return status;
}

static void set_end(search *s, int end, point at, int gradient)
{
    s->ends[end] = at;
    copy(s->l, LBFGS_LOW + end, gradient);
}

static bool falls_enough(const search *s)
{
    return !(s->now.loss > s->start.loss + SUFFICIENT * s->now.t * s->start.slope);
}
static bool is_flat(const search *s) { return fabs(s->now.slope) <= -CURVATURE * s->start.slope; }

/* Goes along the line until two points are found between which there is a good one. */
static bg_status bracket(search *s)
{
    point before = s->start;
    copy(s->l, LBFGS_BEFORE, LBFGS_GRADIENT);
    for (; s->tries < s->most; s->tries++) {
        bool has_passed = !falls_enough(s) || (s->tries > 1 && s->now.loss >= before.loss);
        if (!has_passed && is_flat(s)) {
            set_end(s, 0, s->now, LBFGS_TRIAL);
            s->is_met = true;
            return BG_OK;
        }
        if (has_passed || s->now.slope >= 0) {
            set_end(s, 0, before, LBFGS_BEFORE);
            set_end(s, 1, s->now, LBFGS_TRIAL);
            return BG_OK;
        }
        double t = interpolate(before, s->now, s->now.t + 0.01 * (s->now.t - before.t), s->now.t * 10);
        before = s->now;
        copy(s->l, LBFGS_BEFORE, LBFGS_TRIAL);
        bg_status status = try(s, t);
        if (status != BG_OK)
            return status;
    }
    set_end(s, 0, s->start, LBFGS_GRADIENT);
    set_end(s, 1, s->now, LBFGS_TRIAL);
    return BG_OK;
}

/* Where in the bracket to look next; away from its ends, which interpolation may keep close to. */
static double next_try(const search *s, bool *is_stuck)
{
    double low = fmin(s->ends[0].t, s->ends[1].t), high = fmax(s->ends[0].t, s->ends[1].t);
    double t = interpolate(s->ends[0], s->ends[1], low, high), margin = 0.1 * (high - low);
    bool is_close = fmin(high - t, t - low) < margin;
    if (is_close && (*is_stuck || t >= high || t <= low)) {
        t = fabs(t - high) < fabs(t - low) ? high - margin : low + margin;
        is_close = false;
    }
    *is_stuck = is_close;
    return t;
}

/* Shrinks the bracket. Returns the number of the end with the lower loss in *best. */
static bg_status zoom(search *s, double tolerance, int *best)
{
    double largest = bgi_lbfgs_largest(s->l, s->l->vectors[LBFGS_DIRECTION]);
    bool is_stuck = false;
    int low = s->is_met || s->ends[0].loss <= s->ends[1].loss ? 0 : 1;
    for (; !s->is_met && s->tries < s->most; s->tries++) {
        if (fabs(s->ends[1].t - s->ends[0].t) * largest < tolerance)
            break;
        bg_status status = try(s, next_try(s, &is_stuck));
        if (status != BG_OK)
            return status;
        if (!falls_enough(s) || s->now.loss >= s->ends[low].loss) {
            set_end(s, 1 - low, s->now, LBFGS_TRIAL);
            low = s->ends[0].loss <= s->ends[1].loss ? 0 : 1;
            continue;
        }
        if (is_flat(s))
            s->is_met = true;
        else if (s->now.slope * (s->ends[1 - low].t - s->ends[low].t) >= 0)
            set_end(s, 1 - low, s->ends[low], LBFGS_LOW + low);
        set_end(s, low, s->now, LBFGS_TRIAL);
    }
    *best = low;
    return BG_OK;
}

bg_status bgi_lbfgs_search(bg_lbfgs *l, double slope, int64_t max_evaluations, double *loss, double *step,
                           int64_t *evaluations)
{
    search s = { .l = l, .start = { .t = 0, .loss = *loss, .slope = slope }, .most = max_evaluations };
    int best = 0;
    bg_status status = try(&s, *step);
    if (status == BG_OK)
        status = bracket(&s);
    if (status == BG_OK)
        status = zoom(&s, l->options.tolerance_change.value, &best);
    if (status != BG_OK)
        return status;
    *loss = s.ends[best].loss;
    *step = s.ends[best].t;
    *evaluations = s.tries + 1;
    copy(l, LBFGS_GRADIENT, LBFGS_LOW + best);
    return BG_OK;
}
