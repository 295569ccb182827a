/* An engine and a graph for each test, and parameters that belong to the graph alone. */
#ifndef BLASGRAD_TESTS_ONE_GRAPH_H
#define BLASGRAD_TESTS_ONE_GRAPH_H

#include "trial.h"
#include "values.h"

static bg_engine *engine;
static bg_graph *graph;

static inline void set_up(void)
{
    OK(bg_engine_create(&engine, NULL));
    OK(bg_graph_create(&graph, engine));
}
static inline void tear_down(void)
{
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}

static inline bg_node *parameter_of(bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor = tensor_of(engine, dtype, shape, values);
    bg_node *node = bg_parameter(graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

#endif
