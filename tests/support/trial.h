/* Graphs on trial: a builder makes the same graph, with the same numbers, for any engine and type; trial_check runs it
 * on engines of 1 to 8 threads, compares every step with the naive evaluator and the bits among the engines. */
#ifndef BLASGRAD_TESTS_TRIAL_H
#define BLASGRAD_TESTS_TRIAL_H

#include <blasgrad/blasgrad.h>

#include "draw.h"
#include "graph/graph.h"

enum { TRIAL_MOST = 64 };

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_dtype dtype;
    draw draw;
    int n_inputs, n_states, n_outputs;
    struct {
        bg_node *node;
        bg_tensor *tensor;
        double low, high;
        int64_t classes; /* > 0: integers below it */
    } inputs[TRIAL_MOST];
    bg_tensor *states[TRIAL_MOST]; /* parameters and buffers */
    bg_node *state_nodes[TRIAL_MOST];
    bg_node *outputs[TRIAL_MOST];
} trial;

/* Leaves with numbers between low and high. Inputs get new ones before each step. */
bg_node *trial_input(trial *t, bg_shape shape, double low, double high);
bg_node *trial_classes(trial *t, bg_shape shape, int64_t n);
bg_node *trial_parameter(trial *t, bg_shape shape, double low, double high);
bg_node *trial_buffer(trial *t, bg_shape shape, double low, double high);
bg_node *trial_constant(trial *t, bg_shape shape, double low, double high);
void trial_output(trial *t, bg_node *node);
/* p - rate · dloss/dp for all parameters so far; the rate fits the sizes of the trials. */
void trial_descend(trial *t, bg_node *loss, double rate);

/* Destroys the graph, the inputs and the states. */
void trial_end(trial *t);

typedef struct {
    const char *name;
    void (*build)(trial *t, const void *context);
    const void *context;
    uint64_t seed;
    int steps;
} trial_plan;

/* What was compared over all trials so far. */
typedef struct {
    int64_t graphs, numbers, open; /* open: numbers whose bound is infinite */
    double worst[2];               /* error by bound, for f32 and f64 */
} trial_record;

/* The engines that trials run on, with 1, 2, 3, 4 and 8 threads; made and destroyed around each test. */
void trial_set_up(void);
void trial_set_up_single(void); /* the one with one thread alone, for tests that need no other */
void trial_tear_down(void);
bg_engine *trial_engine(void); /* the one with one thread */
const trial_record *trial_results(void);

/* Fails the test with the plan's name, seed and first wrong number. */
void trial_check(const trial_plan *plan, bg_dtype dtype);

/* A tensor of an engine with these elements, converted to dtype; fails the test if there is no memory. */
bg_tensor *tensor_of(bg_engine *engine, bg_dtype dtype, bg_shape shape, const double *values);
/* Fails the test with the message of the last error unless status is BG_OK. */
void must(bg_status status, const char *what);

#endif
