/* Random expression graphs for trials: chains and joins of ops to a depth of about eight, over random shapes, with
 * views, reductions, products, several outputs, gradients and updates. Values stay of the size of one. */
#ifndef BLASGRAD_TESTS_RANDOM_GRAPH_H
#define BLASGRAD_TESTS_RANDOM_GRAPH_H

#include "trial.h"

/* The graph is a function of the trial's seed. */
void random_graph(trial *t, const void *context);

#endif
