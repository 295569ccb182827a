/* What the parts of `blasgrad bench` share. */
#ifndef BENCH_H
#define BENCH_H

#include "bench_profile.h"
#include "events.h"
#include "own_network.h"
#include "results.h"

#include "gemm_shapes.h"
#include "workloads.h"

enum { BENCH_COUNTS_MAX = 16, BENCH_WORKLOADS_MAX = 128, BENCH_WORDS_MAX = 64, BENCH_SHAPES_MAX = 512 };

typedef enum { BENCH_WORKLOADS, BENCH_GEMM, BENCH_OPS } bench_mode;

/* What some options are for: workloads, products and ops, ops alone. */
typedef enum { FOR_WORKLOADS, FOR_PARTS, FOR_OPS, OPTION_KINDS } bench_option_kind;

typedef struct {
    bench_mode mode;
    const char *words[BENCH_WORDS_MAX]; /* what to measure: names of workloads or shapes */
    int n_words;
    bg_dtype dtype;     /* of products and ops */
    int64_t op_size;    /* elements of an op's first input */
    bool with_gradient; /* of ops */
    gemm_shape shapes[BENCH_SHAPES_MAX];
    int n_shapes;
    const workload *chosen[BENCH_WORKLOADS_MAX];
    int n_chosen;
    own_network own;                   /* of --model */
    int64_t batches[BENCH_COUNTS_MAX]; /* of it */
    workload of_batch[BENCH_COUNTS_MAX];
    int n_batches;
    const char *first_option[OPTION_KINDS]; /* that was given of each kind */
    int64_t threads[BENCH_COUNTS_MAX];      /* 0: the engine's choice */
    int n_threads;
    bg_gemm gemm;
    int64_t cores[BENCH_COUNTS_MAX]; /* to project to */
    int n_cores;
    int n_engines; /* at once; 0: the usual measurement */
    double seconds;
    bool with_report, with_dump, with_profile;
    const char *trace_path;
    bench_trace *trace;
    results results;
} bench_config;

/* Parses the arguments. 0, or the exit code after a message. */
int bench_parse(bench_config *config, int argc, char **argv);

/* Whether what follows in a list is worth measuring: one that fails does not end it, but an interrupt does, and results
 * that cannot be written. */
bool bench_goes_on(void);

/* Measures one workload, shows the result, and gives its exit code. */
int bench_workload(const bench_config *config, const workload *w, bg_engine *engine);

/* Writes that the workload failed, with the library's last error, and returns the exit code 1. */
int bench_fail(const workload *w);

/* Fields of every result: the machine and what runs on it. */
void bench_describe(event *e, bg_engine *engine);

#endif
