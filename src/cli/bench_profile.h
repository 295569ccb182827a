/* Where the time of a program goes: by step, and in waiting. */
#ifndef BENCH_PROFILE_H
#define BENCH_PROFILE_H

#include "events.h"

#include <blasgrad/program.h>

typedef struct bench_profile bench_profile;

/* Records runs of a program for about so many seconds. */
bg_status bench_profile_create(bench_profile **profile, bg_program *program, int threads, double seconds);
void bench_profile_destroy(bench_profile *profile);

/* What a phase takes on all workers together, in seconds. */
double bench_profile_phase(const bench_profile *profile, int phase);

/* As fields of a result, and as tables. */
void bench_profile_put(event *e, const bench_profile *profile);
void bench_profile_show(const bench_profile *profile);

/* ---- Traces ---- */

/* A file in the format of chrome://tracing: an array of complete events, a process for each profile, a lane for each
 * worker. */
typedef struct bench_trace bench_trace;
/* 0, or the exit code after a message. */
int bench_trace_open(bench_trace **trace, const char *path);
/* Adds the fastest of the runs that were recorded. */
void bench_trace_add(bench_trace *trace, const char *name, bg_program *program, const bench_profile *profile);
int bench_trace_close(bench_trace *trace);

/* The records of the fastest run. */
const bg_record *bench_profile_records(const bench_profile *profile, size_t *n);

#endif
