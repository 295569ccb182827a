/* Schedules in closed form. */
#include <blasgrad/graph.h>
#include <blasgrad/schedule.h>

#include <math.h>

static const double PI = 3.14159265358979323846;

/* ---- Making ---- */

bg_schedule bg_schedule_constant(double factor, int64_t steps)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_CONSTANT, .factor = factor, .length = steps };
}
bg_schedule bg_schedule_step(int64_t size, double gamma)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_STEP, .factor = gamma, .length = size };
}
static void copy_milestones(bg_schedule *made, const int64_t *milestones, int n)
{
    made->n_milestones = n;
    for (int i = 0; i < n && i < BG_MAX_MILESTONES; i++)
        made->milestones[i] = milestones[i];
}
bg_schedule bg_schedule_multi_step(const int64_t *milestones, int n, double gamma)
{
    bg_schedule made = { .kind = BG_SCHEDULE_MULTI_STEP, .factor = gamma };
    copy_milestones(&made, milestones, n);
    return made;
}
bg_schedule bg_schedule_exponential(double gamma)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_EXPONENTIAL, .factor = gamma };
}
bg_schedule bg_schedule_cosine(int64_t steps, double minimum)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_COSINE, .length = steps, .minimum = minimum };
}
bg_schedule bg_schedule_cosine_restarts(int64_t steps, int64_t multiplier, double minimum)
{
    return (bg_schedule){
        .kind = BG_SCHEDULE_COSINE_RESTARTS, .length = steps, .multiplier = multiplier, .minimum = minimum
    };
}
bg_schedule bg_schedule_linear(double start, double end, int64_t steps)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_LINEAR, .start = start, .end = end, .length = steps };
}
bg_schedule bg_schedule_warm_up(int64_t steps)
{
    /* A single step is at its end already. */
    return steps == 1 ? bg_schedule_linear(1, 1, 1) : bg_schedule_linear(1 / (double)steps, 1, steps - 1);
}
bg_schedule bg_schedule_polynomial(int64_t steps, double power)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_POLYNOMIAL, .length = steps, .power = power };
}
bg_schedule bg_schedule_one_cycle(int64_t steps)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_ONE_CYCLE,
                          .length = steps,
                          .rising_share = 0.3,
                          .divisor = 25,
                          .final_divisor = 1e4,
                          .base_momentum = 0.85,
                          .max_momentum = 0.95 };
}
bg_schedule bg_schedule_plateau(double factor, int64_t patience)
{
    return (bg_schedule){
        .kind = BG_SCHEDULE_PLATEAU, .factor = factor, .patience = patience, .threshold = 1e-4, .eps = 1e-8
    };
}
bg_schedule bg_schedule_chained(const bg_schedule *parts, int n)
{
    return (bg_schedule){ .kind = BG_SCHEDULE_CHAINED, .parts = parts, .n_parts = n };
}
bg_schedule bg_schedule_sequential(const bg_schedule *parts, const int64_t *milestones, int n)
{
    bg_schedule made = { .kind = BG_SCHEDULE_SEQUENTIAL, .parts = parts, .n_parts = n };
    copy_milestones(&made, milestones, n - 1);
    return made;
}

/* ---- Checking ---- */

static bg_status require(bool holds, const char *what, double value, const char *condition)
{
    return holds ? BG_OK : bg_fail(BG_ERR_ARGUMENT, "schedule: %s %g, it must be %s", what, value, condition);
}

static bg_status check_milestones(const bg_schedule *s)
{
    if (s->n_milestones < 0 || s->n_milestones > BG_MAX_MILESTONES)
        return bg_fail(BG_ERR_ARGUMENT, "schedule: %d milestones, at most %d are allowed", s->n_milestones,
                       BG_MAX_MILESTONES);
    for (int i = 0; i < s->n_milestones; i++)
        if (s->milestones[i] < (i ? s->milestones[i - 1] : 0))
            return bg_fail(BG_ERR_ARGUMENT, "schedule: milestone %lld stands behind %lld, they must rise",
                           (long long)s->milestones[i], (long long)(i ? s->milestones[i - 1] : 0));
    return BG_OK;
}

static bg_status check_parts(const bg_schedule *s)
{
    if (!s->parts || s->n_parts < 1)
        return bg_fail(BG_ERR_ARGUMENT, "schedule: one of parts has none");
    if (s->kind == BG_SCHEDULE_SEQUENTIAL && s->n_milestones != s->n_parts - 1)
        return bg_fail(BG_ERR_ARGUMENT, "schedule: %d parts need %d milestones, not %d", s->n_parts, s->n_parts - 1,
                       s->n_milestones);
    for (int i = 0; i < s->n_parts; i++) {
        if (s->parts[i].kind == BG_SCHEDULE_PLATEAU)
            return bg_fail(BG_ERR_ARGUMENT, "schedule: part %d is a plateau, which follows a metric, not the step", i);
        if (s->parts[i].by_epoch && !s->by_epoch)
            return bg_fail(BG_ERR_ARGUMENT, "schedule: part %d counts epochs, and what it is a part of counts steps",
                           i);
        bg_status status = bg_schedule_check(&s->parts[i]);
        if (status != BG_OK)
            return status;
    }
    return BG_OK;
}

static bg_status check_one_cycle(const bg_schedule *s)
{
    bg_status status =
        require(s->rising_share >= 0 && s->rising_share <= 1, "rising_share", s->rising_share, "in [0, 1]");
    if (status == BG_OK)
        status = require(s->divisor > 0, "divisor", s->divisor, "above 0");
    if (status == BG_OK)
        status = require(s->final_divisor > 0, "final_divisor", s->final_divisor, "above 0");
    if (status == BG_OK)
        status = require(s->base_momentum >= 0 && s->base_momentum < 1, "base_momentum", s->base_momentum, "in [0, 1)");
    if (status == BG_OK)
        status = require(s->max_momentum >= 0 && s->max_momentum < 1, "max_momentum", s->max_momentum, "in [0, 1)");
    return status;
}

static bg_status check_plateau(const bg_schedule *s)
{
    bg_status status = require(s->factor >= 0 && s->factor < 1, "factor", s->factor, "in [0, 1)");
    if (status == BG_OK)
        status = require(s->patience >= 0, "patience", (double)s->patience, "0 or more");
    if (status == BG_OK)
        status = require(s->cooldown >= 0, "cooldown", (double)s->cooldown, "0 or more");
    if (status == BG_OK)
        status = require(isfinite(s->threshold), "threshold", s->threshold, "finite");
    return status == BG_OK ? require(s->eps >= 0, "eps", s->eps, "0 or more") : status;
}

/* What the kinds in one piece have. */
static bg_status check_piece(const bg_schedule *s)
{
    bool has_length = s->kind != BG_SCHEDULE_MULTI_STEP && s->kind != BG_SCHEDULE_EXPONENTIAL;
    bg_status status = require(!has_length || s->length >= 1, "length", (double)s->length, "1 or more");
    if (status == BG_OK)
        status = require(s->factor >= 0 && isfinite(s->factor), "factor", s->factor, "finite and 0 or more");
    if (status == BG_OK)
        status = require(s->minimum >= 0 && isfinite(s->minimum), "minimum", s->minimum, "finite and 0 or more");
    if (status == BG_OK)
        status = require(s->start >= 0 && isfinite(s->start), "start", s->start, "finite and 0 or more");
    if (status == BG_OK)
        status = require(s->end >= 0 && isfinite(s->end), "end", s->end, "finite and 0 or more");
    if (status == BG_OK)
        status = require(s->power >= 0 && isfinite(s->power), "power", s->power, "finite and 0 or more");
    if (status == BG_OK && s->kind == BG_SCHEDULE_COSINE_RESTARTS)
        status = require(s->multiplier >= 1, "multiplier", (double)s->multiplier, "1 or more");
    if (status == BG_OK && s->kind == BG_SCHEDULE_ONE_CYCLE)
        status = check_one_cycle(s);
    return status;
}

bg_status bg_schedule_check(const bg_schedule *s)
{
    if (!s)
        return bg_fail(BG_ERR_ARGUMENT, "schedule: it is NULL");
    bg_status status = check_milestones(s);
    if (status != BG_OK || s->kind == BG_SCHEDULE_NONE)
        return status;
    if (s->kind < BG_SCHEDULE_NONE || s->kind > BG_SCHEDULE_SEQUENTIAL)
        return bg_fail(BG_ERR_ARGUMENT, "schedule: kind %d is none of bg_schedule_kind", (int)s->kind);
    if (s->kind == BG_SCHEDULE_CHAINED || s->kind == BG_SCHEDULE_SEQUENTIAL)
        return check_parts(s);
    return s->kind == BG_SCHEDULE_PLATEAU ? check_plateau(s) : check_piece(s);
}

/* ---- Rates ---- */

static int milestones_reached(const bg_schedule *s, int64_t t)
{
    int n = 0;
    while (n < s->n_milestones && s->milestones[n] <= t)
        n++;
    return n;
}

/* From start to end of a half cosine. */
static double between(double start, double end, double share)
{
    return end + (start - end) * (1 + cos(PI * share)) / 2;
}

static double restarted(const bg_schedule *s, double base, int64_t t)
{
    int64_t length = s->length;
    if (s->multiplier == 1)
        t %= length;
    while (t >= length) {
        t -= length;
        length = length > INT64_MAX / s->multiplier ? INT64_MAX : length * s->multiplier;
    }
    return between(base, s->minimum, (double)t / (double)length);
}

/* The value of a one-cycle at t, which is first, top, and last at the ends of its phases. */
static double cycled(const bg_schedule *s, double first, double top, double last, int64_t t)
{
    double n = (double)s->length, rise = s->rising_share * n - 1, at = fmin((double)t, n - 1), from = 0, to = rise;
    double start = first, end = top;
    if (at > rise) {
        from = rise;
        to = s->has_three_phases ? 2 * s->rising_share * n - 2 : n - 1;
        start = top;
        end = s->has_three_phases ? first : last;
    }
    if (s->has_three_phases && at > to) {
        from = to;
        to = n - 1;
        start = first;
        end = last;
    }
    double share = to > from ? (at - from) / (to - from) : 1;
    return s->is_straight ? start + (end - start) * share : between(start, end, share);
}

double bg_schedule_rate(const bg_schedule *s, double base, int64_t t)
{
    double length = (double)s->length, done = fmin((double)t, length) / length;
    switch (s->kind) {
    case BG_SCHEDULE_NONE:
    case BG_SCHEDULE_PLATEAU:
        break;
    case BG_SCHEDULE_CONSTANT:
        return t < s->length ? base * s->factor : base;
    case BG_SCHEDULE_STEP:
        return base * pow(s->factor, (double)(t / s->length));
    case BG_SCHEDULE_MULTI_STEP:
        return base * pow(s->factor, milestones_reached(s, t));
    case BG_SCHEDULE_EXPONENTIAL:
        return base * pow(s->factor, (double)t);
    case BG_SCHEDULE_COSINE:
        return between(base, s->minimum, (double)t / length);
    case BG_SCHEDULE_COSINE_RESTARTS:
        return restarted(s, base, t);
    case BG_SCHEDULE_LINEAR:
        return base * (s->start + (s->end - s->start) * done);
    case BG_SCHEDULE_POLYNOMIAL:
        return base * pow(1 - done, s->power);
    case BG_SCHEDULE_ONE_CYCLE:
        return cycled(s, base / s->divisor, base, base / s->divisor / s->final_divisor, t);
    case BG_SCHEDULE_CHAINED:
        for (int i = 0; i < s->n_parts; i++)
            base = bg_schedule_rate(&s->parts[i], base, t);
        return base;
    case BG_SCHEDULE_SEQUENTIAL: {
        int i = milestones_reached(s, t);
        return bg_schedule_rate(&s->parts[i], base, i ? t - s->milestones[i - 1] : t);
    }
    }
    return base;
}

/* ---- Momenta ---- */

bool bg_schedule_moves_momentum(const bg_schedule *s)
{
    if (s->kind == BG_SCHEDULE_ONE_CYCLE)
        return !s->keeps_momentum;
    for (int i = 0; i < s->n_parts; i++)
        if (bg_schedule_moves_momentum(&s->parts[i]))
            return true;
    return false;
}

double bg_schedule_momentum(const bg_schedule *s, int64_t t)
{
    if (s->kind == BG_SCHEDULE_ONE_CYCLE && !s->keeps_momentum)
        return cycled(s, s->max_momentum, s->base_momentum, s->max_momentum, t);
    if (s->kind == BG_SCHEDULE_SEQUENTIAL) {
        int i = milestones_reached(s, t);
        return bg_schedule_momentum(&s->parts[i], i ? t - s->milestones[i - 1] : t);
    }
    double momentum = NAN;
    for (int i = 0; s->kind == BG_SCHEDULE_CHAINED && i < s->n_parts; i++) {
        double own = bg_schedule_momentum(&s->parts[i], t);
        momentum = isnan(own) ? momentum : own;
    }
    return momentum;
}

/* ---- Plateaus ---- */

static bool is_better(const bg_schedule *s, double metric, double best)
{
    double margin = s->is_absolute ? s->threshold : s->threshold * best;
    return s->is_maximized ? metric > best + margin : metric < best - margin;
}

void bg_plateau_step(const bg_schedule *s, bg_plateau *plateau, double metric)
{
    if (!isnan(metric) && (!plateau->has_best || is_better(s, metric, plateau->best))) {
        plateau->has_best = true;
        plateau->best = metric;
        plateau->bad = 0;
    } else {
        plateau->bad++;
    }
    if (plateau->cooling > 0) {
        plateau->cooling--;
        plateau->bad = 0;
    }
    if (plateau->bad <= s->patience)
        return;
    double lower = fmax(plateau->rate * s->factor, s->minimum);
    if (plateau->rate - lower > s->eps)
        plateau->rate = lower;
    plateau->cooling = s->cooldown;
    plateau->bad = 0;
}
