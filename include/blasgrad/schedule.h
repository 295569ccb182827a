/* Schedules: the learning rate of each step. */
#ifndef BLASGRAD_SCHEDULE_H
#define BLASGRAD_SCHEDULE_H

#include <blasgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    BG_SCHEDULE_NONE, /* the rate stays */
    BG_SCHEDULE_CONSTANT,
    BG_SCHEDULE_STEP,
    BG_SCHEDULE_MULTI_STEP,
    BG_SCHEDULE_EXPONENTIAL,
    BG_SCHEDULE_COSINE,
    BG_SCHEDULE_COSINE_RESTARTS,
    BG_SCHEDULE_LINEAR,
    BG_SCHEDULE_POLYNOMIAL,
    BG_SCHEDULE_ONE_CYCLE,
    BG_SCHEDULE_PLATEAU,
    BG_SCHEDULE_CHAINED,
    BG_SCHEDULE_SEQUENTIAL
} bg_schedule_kind;

enum { BG_MAX_MILESTONES = 16 };

/* A value; made by bg_schedule_step and its like, whose fields may be changed before use. The zero value leaves the
 * rate as it is. The forms and defaults are those of torch.optim.lr_scheduler in closed form: the rate follows from the
 * base rate and the position t = 0, 1, .. alone, which counts steps, or epochs with by_epoch. */
typedef struct bg_schedule bg_schedule;
struct bg_schedule {
    bg_schedule_kind kind;
    bool by_epoch;  /* of parts that of the whole counts; a part by epochs needs a whole by epochs */
    int64_t length; /* how many steps the kind's piece has; at least 1 */
    double factor;
    double start, end;  /* linear: factors of the base rate */
    double minimum;     /* cosine, plateau: the lowest rate */
    double power;       /* polynomial */
    int64_t multiplier; /* restarts: each cycle is so many times as long as the one before */
    int64_t milestones[BG_MAX_MILESTONES];
    int n_milestones;
    const bg_schedule *parts; /* chained, sequential: the caller's, which must live as long as the schedule is used */
    int n_parts;
    /* one-cycle */
    double rising_share;           /* of the steps */
    double divisor, final_divisor; /* first rate = base / divisor, last rate = first / final_divisor */
    double base_momentum, max_momentum;
    bool is_straight;      /* straight lines in place of cosines */
    bool has_three_phases; /* up, down the same way, then to the last rate */
    bool keeps_momentum;   /* otherwise it goes against the rate, from max to base and back */
    /* plateau */
    int64_t patience, cooldown;
    double threshold, eps;
    bool is_maximized, is_absolute; /* the larger metric is better; threshold is a difference, not a share */
};

/* base · factor for t < steps, then base. */
BG_API bg_schedule bg_schedule_constant(double factor, int64_t steps);
/* base · gamma^⌊t / size⌋ */
BG_API bg_schedule bg_schedule_step(int64_t size, double gamma);
/* base · gamma^(number of milestones <= t), at most BG_MAX_MILESTONES of them, which rise. More are an error of
 * bg_schedule_check. */
BG_API bg_schedule bg_schedule_multi_step(const int64_t *milestones, int n, double gamma);
/* base · gammaᵗ */
BG_API bg_schedule bg_schedule_exponential(double gamma);
/* minimum + (base - minimum) (1 + cos(π t / steps)) / 2, which rises again behind `steps`. Loshchilov, Hutter, SGDR:
 * stochastic gradient descent with warm restarts, 2017. */
BG_API bg_schedule bg_schedule_cosine(int64_t steps, double minimum);
/* The same from the start again after `steps`, then multiplier · steps, multiplier² · steps, .. */
BG_API bg_schedule bg_schedule_cosine_restarts(int64_t steps, int64_t multiplier, double minimum);
/* base · (start + (end - start) min(t, steps) / steps) */
BG_API bg_schedule bg_schedule_linear(double start, double end, int64_t steps);
/* base · min(1, (t + 1) / steps): linear, and never 0. */
BG_API bg_schedule bg_schedule_warm_up(int64_t steps);
/* base · (1 - min(t, steps) / steps)^power */
BG_API bg_schedule bg_schedule_polynomial(int64_t steps, double power);
/* From base / 25 up to base during the first 0.3 of the steps, and down to a 10000th of the first rate in the last, by
 * half cosines; the momentum goes from 0.95 to 0.85 and back meanwhile. Smith, Topin, Super-convergence, 2018. */
BG_API bg_schedule bg_schedule_one_cycle(int64_t steps);
/* The rate times `factor` when a metric has not become better for more than `patience` steps in a row, see
 * bg_plateau_step. better: below best · (1 - threshold), threshold 1e-4. */
BG_API bg_schedule bg_schedule_plateau(double factor, int64_t patience);
/* Each part's rate is the base of the next: the product of their factors. */
BG_API bg_schedule bg_schedule_chained(const bg_schedule *parts, int n);
/* Part i from milestones[i - 1] on, at t - milestones[i - 1]; n - 1 milestones, which rise. */
BG_API bg_schedule bg_schedule_sequential(const bg_schedule *parts, const int64_t *milestones, int n);

/* BG_ERR_ARGUMENT for numbers that make no sense, with their names; a plateau has no parts and is none. */
BG_API bg_status bg_schedule_check(const bg_schedule *schedule);
/* The rate at t >= 0. Of a plateau it is the base rate, which bg_plateau_step lowers. */
BG_API double bg_schedule_rate(const bg_schedule *schedule, double base, int64_t t);
/* Whether a schedule ever moves the momentum, and its momentum at t; NaN if it leaves it alone there. */
BG_API bool bg_schedule_moves_momentum(const bg_schedule *schedule);
BG_API double bg_schedule_momentum(const bg_schedule *schedule, int64_t t);

/* Where a plateau schedule stands. */
typedef struct {
    double rate;
    bool has_best;
    double best;
    int64_t bad, cooling; /* steps in a row that were not better; steps of the cooldown that are left */
} bg_plateau;
/* Takes in a metric; lowers `rate`, which the caller sets at first, if it is time. */
BG_API void bg_plateau_step(const bg_schedule *schedule, bg_plateau *plateau, double metric);

#ifdef __cplusplus
}
#endif
#endif
