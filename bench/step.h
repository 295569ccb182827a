/* What the kinds of workload share. */
#ifndef STEP_H
#define STEP_H

#include "workloads.h"

/* The next number below the bound, or, if that is 0, in [0, 1) with 24 bits, so that it is the same in f32 and f64. */
double step_draw(uint64_t *state, int64_t bound);
/* The whole tensor. */
void step_fill(bg_tensor *tensor, uint64_t seed, int64_t bound);
/* Element i, of f32, f64 or i64: data are the tensor's. */
void step_store(bg_tensor *tensor, void *data, int64_t i, double value);
/* Element i, of f32 or f64. */
double step_element(const bg_tensor *tensor, int64_t i);

/* ‖a - b‖ / ‖b‖, where ‖b‖ counts as `least` at least. */
double step_relative_error(const bg_tensor *a, const bg_tensor *b, double least);
double step_norm(const bg_tensor *tensor);
/* The greater of two errors; NaN counts, and stays. */
double step_worse(double error, double other);

/* The program of a step whose model, of the right type, is there. */
bg_status step_of_network(workload_step *step, const workload *w, bg_dtype dtype);
bg_status step_of_objective(workload_step *step, const workload *w);
bg_status step_of_matrices(workload_step *step, const workload *w, bg_dtype dtype);

#endif
