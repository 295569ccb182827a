/* Times of something that is done over and over: trials of several runs each, and their quartiles. */
#ifndef BENCH_TIME_H
#define BENCH_TIME_H

#include <blasgrad/program.h>

/* Does it `runs` times. */
typedef bg_status bench_run(void *context, int64_t runs);

/* Seconds of one run. */
typedef struct {
    double median, q1, q3, min;
    int trials;
    int64_t runs;       /* in a trial */
    double allocations; /* a run */
} bench_time;

enum { MEASURED_MAX = 3 };

/* Measures n things, MEASURED_MAX at most, in turns, trial by trial, so that whatever slows the machine for a while
 * slows all of them: for about `seconds` together, and at least a few trials of each. BG_ERR_STOPPED after an
 * interrupt. */
bg_status bench_measure(bench_time *times, bench_run *const *runs, void *const *contexts, int n, double seconds);

/* A bench_run of a program. */
bg_status bench_run_program(void *program, int64_t runs);

#endif
