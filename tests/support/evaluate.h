/* A naive evaluator of graphs, the oracle of the compiler: node by node in double, nothing fused, nothing in place.
 *
 * With every number goes a bound on how far a correct computation in the node's own type may be from it: what comes in
 * with the inputs, to first order, and the rounding of the operation itself. Comparisons within the bounds of their
 * operands count as undecided, and infinite bounds allow anything. So one rule judges f32 and f64 alike.
 */
#ifndef BLASGRAD_TESTS_EVALUATE_H
#define BLASGRAD_TESTS_EVALUATE_H

#include "graph/graph.h"

typedef struct evaluator evaluator;

typedef struct {
    int64_t count;
    double *values; /* in row-major order */
    double *errors; /* bounds, >= 0 */
} evaluated;

/* The parameters and buffers of the graph keep the values they have now, in double, until the updates. */
evaluator *evaluator_create(bg_graph *graph);
void evaluator_destroy(evaluator *e);

/* The tensor's elements become the input's value. */
void evaluator_bind(evaluator *e, const bg_node *input, const bg_tensor *value);
/* The node's value, good until the next _update or _bind. An op defined by a composition adds nodes to the graph.
 * NULL if a `call` fails, with bg_last_error(). */
const evaluated *evaluator_value(evaluator *e, bg_node *node);
/* Computes the new values of all updates of the graph from the old ones, then assigns them; false if a `call` fails. */
bool evaluator_update(evaluator *e);

/* The first element of the tensor that lies outside of twice its bound, or -1. worst, if not NULL, is raised to the
 * largest quotient of error and bound; open, if not NULL, counts the elements that any number satisfies. */
int64_t evaluated_compare(const evaluated *expected, const bg_tensor *got, double *worst, int64_t *open);

/* Number i of a tensor's data in row-major order, for contiguous data of any type. */
double element_of(const void *data, bg_dtype dtype, int64_t i);

#endif
