/* Single kernels and ops. */
#ifndef BENCH_OPS_H
#define BENCH_OPS_H

#include "bench.h"

/* Whether every word is the name of a kernel or op. 0, or the exit code after a message. */
int bench_ops_check(const bench_config *config);
/* Measures those that are named, or all; 0, or the exit code that ends the command. */
int bench_ops(const bench_config *config, bg_engine *engine);

/* The kernels among them; adds to n how many there are. */
int bench_kernels(const bench_config *config, bg_engine *engine, int *n);

/* Whether a name is among the words; without words every name is. */
bool bench_names(const bench_config *config, const char *name);

#endif
