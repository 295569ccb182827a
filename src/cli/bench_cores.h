/* What a step would take on more cores than there are, from its phases. */
#ifndef BENCH_CORES_H
#define BENCH_CORES_H

#include "bench.h"

/* What one meeting of all workers takes, measured with as many as there are cores. */
typedef struct {
    int workers;
    double seconds;
} bench_barrier;

/* A step on an engine of one thread, whatever the measurement beside it runs on: what its phases take when nobody else
 * is at work. */
typedef struct {
    bg_engine *engine;
    workload_step step;
    bench_profile *profile;
    bench_barrier barrier;
} bench_one_core;

/* Whether a barrier can be measured: not where this process may use one core only. 0, or the exit code after a message.
 */
int bench_cores_check(void);

/* Also after a failure it is to be destroyed. */
bg_status bench_one_core_create(bench_one_core *one, const bench_config *config, const workload *w);
void bench_one_core_destroy(bench_one_core *one);

/* As fields of a result, and as a table. */
void bench_cores_put(event *e, const bench_config *config, const bench_one_core *one);
bg_status bench_cores_show(const bench_config *config, const workload *w, const bench_one_core *one);

#endif
