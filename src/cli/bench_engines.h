/* Several engines at work in one process at once. */
#ifndef BENCH_ENGINES_H
#define BENCH_ENGINES_H

#include "bench.h"

/* Measures the step of a workload on config->n_engines engines of so many threads each: on one of them alone, and on
 * all at once. Shows the result, and gives the exit code that ends the command, or 0. */
int bench_engines(const bench_config *config, const workload *w, int threads);

#endif
