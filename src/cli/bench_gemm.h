/* Matrix products of ours beside those of OpenBLAS alone. */
#ifndef BENCH_GEMM_H
#define BENCH_GEMM_H

#include "bench.h"

/* Finds the shapes that the words name: MxNxK, MxNxK:tn, a workload's or DeepBench's; without words all that are known.
 * 0, or the exit code after a message. */
int bench_gemm_choose(bench_config *config);
/* Measures them; 0, or the exit code that ends the command. */
int bench_gemm(const bench_config *config, bg_engine *engine);

#endif
