/* A small training that is a function of its number. No checks of Check's in it: they are for the thread of the test.
 */
#ifndef BLASGRAD_TESTS_TRAINING_H
#define BLASGRAD_TESTS_TRAINING_H

#include <blasgrad/blasgrad.h>

typedef struct {
    int number;
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *tensors[6]; /* x, classes, weights, moments */
    uint64_t hash;         /* of all losses and, after the end, of the weights and moments */
    bg_status status;      /* the first that is not BG_OK */
    char message[256];
} training;

/* Of a training whose number is set. _build makes its engine, _step runs the program once, _end destroys all. */
void training_build(training *t, const bg_engine_options *options);
void training_step(training *t);
void training_end(training *t);

enum { TRAINING_STEPS = 20 };

/* The hash after all steps on an engine of one thread; fails the test if a call fails. */
uint64_t train_alone(int number);

#endif
