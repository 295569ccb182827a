/* What a step would take on more cores than there are, from its phases. */
#ifndef BENCH_CORES_H
#define BENCH_CORES_H

#include "bench.h"

/* What one meeting of all workers takes, measured with as many as there are cores. */
typedef struct {
    int workers;
    double seconds;
} bench_barrier;

/* BG_ERR_ARGUMENT if this process may use one core only. */
bg_status bench_barrier_measure(bench_barrier *barrier);

/* As fields of a result, and as a table. */
void bench_cores_put(event *e, const bench_config *config, const bg_program *program, const bench_profile *profile,
                     bench_barrier barrier);
bg_status bench_cores_show(const bench_config *config, const workload *w, const bg_program *program,
                           const bench_profile *profile, bench_barrier barrier);

#endif
