/* What is measured of a workload, and how it is shown. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench.h"
#include "bench_time.h"

/* A loss is part of the result: that of the first step, and that after these further ones, which are the warm-up. */
enum { WARM_UP_STEPS = 10 };

typedef struct {
    bench_time step;
    double forward, backward, update; /* seconds */
    workload_result first;
    double loss;
    double peak;           /* operations per second of one core */
    double resident_bytes; /* at most, of the process while it makes steps; NAN: unknown */
    bg_report report;
} bench_workload_result;

/* As fields of an event, or as rows of text. */
void bench_put_workload(event *e, const workload *w, const bg_engine *engine, const bench_workload_result *r);
void bench_show_workload(const workload *w, const bg_engine *engine, const bench_workload_result *r, bool with_report);
/* The line above such rows. */
void bench_show_header(void);

#endif
