/* Random expression graphs for trials: chains and joins of ops to a depth of about eight, over random shapes, with
 * views, reductions, products, several outputs, gradients and updates. Values stay of the size of one. */
#ifndef BLASGRAD_TESTS_RANDOM_GRAPH_H
#define BLASGRAD_TESTS_RANDOM_GRAPH_H

#include "trial.h"

/* Parts of the graph that checkpoints may stand for. */
typedef struct {
    bool is_on; /* false: the parts are chosen and left as they are, so that the rest of the graph is the same */
} random_checkpoints;

/* The graph is a function of the trial's seed, and of the random_checkpoints if context is not NULL. */
void random_graph(trial *t, const void *context);

#endif
