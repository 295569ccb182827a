/* The network that optimizers.txt and lbfgs.txt train: tanh(x weightᵀ + bias) scale for a target, and a cube on
 * springs. */
#ifndef BLASGRAD_TESTS_GOLDEN_PROBLEM_H
#define BLASGRAD_TESTS_GOLDEN_PROBLEM_H

#include "golden.h"

#include <blasgrad/blasgrad.h>

enum { PROBLEM_PARAMETERS = 4 };
extern const char *const problem_names[PROBLEM_PARAMETERS];

/* A tensor of an array of a golden record. */
bg_tensor *golden_tensor(bg_engine *engine, bg_dtype dtype, const golden_array *array);
/* A model with the problem's parameters at their first values. */
bg_model *problem_model(bg_engine *engine, bg_dtype dtype, const golden_file *file);
/* The loss of rows first .. last - 1 of x and target: in an own graph for these rows, so that the mean is over them. */
bg_node *problem_loss(bg_model *model, bg_graph *graph, const golden_file *file, int64_t first, int64_t last);
/* Fails the test unless the model's tensors are the record's arrays <prefix>_<name>, to a relative error; buffers
 * "optimizer.<name>.<state>" rather than the parameters if state is not NULL. Returns the worst error. */
double problem_expect(const bg_model *model, const golden_record *record, const char *prefix, const char *state,
                      double rtol);

#endif
