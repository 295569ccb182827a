/* Times of something that is done over and over: trials of several runs each, and their quartiles. */
#include "bench_time.h"

#include "bench_allocator.h"
#include "machine.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>

enum { TRIALS_MIN = 5, RUNS_MAX = 1 << 20 };
/* Fewer than TRIALS_MIN, but two, are enough of what takes so long. */
static const double LONG_SECONDS = 20;
/* A trial is at least this long, so that reading the clock does not count. */
static const double TRIAL_SECONDS = 2e-3;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    double place = q * (n - 1);
    int i = (int)place;
    return i + 1 < n ? sorted[i] + (place - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* How many runs a trial takes: doubled until they last, which is the warm-up too. */
static bg_status find_runs(bench_time *time, bench_run *run, void *context)
{
    for (time->runs = 1;; time->runs *= 2) {
        double begin = machine_seconds();
        bg_status status = run(context, time->runs);
        double taken = machine_seconds() - begin;
        if (status != BG_OK || taken >= TRIAL_SECONDS || time->runs >= RUNS_MAX)
            return status;
        if (signals_caught())
            return bg_fail(BG_ERR_STOPPED, "bench: interrupted");
    }
}

static bg_status take_trial(bench_time *time, bench_run *run, void *context, double *seconds)
{
    long long before = bench_allocations();
    double begin = machine_seconds();
    bg_status status = run(context, time->runs);
    *seconds = (machine_seconds() - begin) / (double)time->runs;
    time->allocations += (double)(bench_allocations() - before);
    return status == BG_OK && signals_caught() ? bg_fail(BG_ERR_STOPPED, "bench: interrupted") : status;
}

static void sum_up(bench_time *time, double *seconds, int trials)
{
    time->trials = trials;
    time->allocations /= (double)trials * (double)time->runs;
    qsort(seconds, (size_t)trials, sizeof *seconds, compare_doubles);
    time->min = seconds[0];
    time->q1 = quantile(seconds, trials, 0.25);
    time->median = quantile(seconds, trials, 0.5);
    time->q3 = quantile(seconds, trials, 0.75);
}

static bool has_enough(int trials, double taken, double seconds)
{
    return taken >= seconds && (trials >= TRIALS_MIN || (trials >= 2 && taken >= LONG_SECONDS));
}

/* Room for twice as many trials, of each of n things; false if memory is out. */
static bool make_room(double **taken, int n, size_t *capacity)
{
    size_t more = *capacity ? 2 * *capacity : 256;
    for (int i = 0; i < n; i++) {
        double *seconds = realloc(taken[i], more * sizeof *seconds);
        if (!seconds)
            return false;
        taken[i] = seconds;
    }
    *capacity = more;
    return true;
}

bg_status bench_measure(bench_time *times, bench_run *const *runs, void *const *contexts, int n, double seconds)
{
    double *taken[MEASURED_MAX] = { NULL };
    size_t capacity = 0;
    bg_status status = BG_OK;
    for (int i = 0; i < n && status == BG_OK; i++) {
        times[i] = (bench_time){ .median = NAN };
        status = find_runs(&times[i], runs[i], contexts[i]);
    }
    double begin = machine_seconds();
    int trials = 0;
    while (status == BG_OK && !has_enough(trials, machine_seconds() - begin, seconds)) {
        if ((size_t)trials == capacity && !make_room(taken, n, &capacity))
            status = bg_fail(BG_ERR_NOMEM, "bench: out of memory");
        for (int i = 0; i < n && status == BG_OK; i++)
            status = take_trial(&times[i], runs[i], contexts[i], &taken[i][trials]);
        trials++;
    }
    for (int i = 0; i < n && status == BG_OK; i++)
        sum_up(&times[i], taken[i], trials);
    for (int i = 0; i < n; i++)
        free(taken[i]);
    return status;
}

bg_status bench_run_program(void *program, int64_t runs)
{
    bg_status status = BG_OK;
    for (int64_t i = 0; i < runs && status == BG_OK; i++)
        status = bg_program_run(program);
    return status;
}
