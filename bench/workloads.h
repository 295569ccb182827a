/* The reference workloads: networks with random data, trained by the same step over and over. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include <blasgrad/blasgrad.h>

/* A training step on one batch. Targets are made as the loss and the prediction want them: classes, or 0 and 1. */
typedef struct {
    const char *name;
    const char *model; /* a layer line, or the name of a network */
    const char *loss;
    int64_t batch;
    bg_shape sample;    /* one input's shape, without the batch */
    int64_t vocabulary; /* inputs are classes below this; 0: they are numbers in [0, 1) */
    const char *unit;   /* what speeds count, as "samples" */
    int64_t units;      /* of them in a step */
} workload;

/* Ends with a row whose name is NULL. */
extern const workload workloads[];
/* NULL if there is none of this name. */
const workload *workload_find(const char *name);

/* A training step of a workload, ready to run: forward, loss, backward, SGD with momentum. Output 0 is the mean loss.
 */
typedef struct {
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *x, *target, *learning_rate;
} workload_step;

/* weights (may be NULL): a model whose parameters, of any floating type, are the first values. On an error all is given
 * back. */
bg_status workload_start(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype,
                         const bg_model *weights);
void workload_finish(workload_step *step);

/* The greatest relative error ‖a - b‖ / ‖b‖ of the momentum buffers, which after one step are the gradients. */
bg_status workload_compare(const workload_step *a, const workload_step *b, double *error);

/* What the first step gave, and how far its gradient is from that of the same step in f64. */
typedef struct {
    double error, tolerance;
    double loss, exact_loss;
} workload_result;

/* Runs the first step, and compares it. BG_ERR_NUMERIC if the gradient or the loss is wrong.
 *   A value within rounding of a kink, such as the 0 of relu, may take the other branch in f64, and a batch of images
 * has millions of values: beyond 1e-4, a gradient may be as far from the exact one as that moves, twice, if the weights
 * change by about as much as f32's rounding amounts to. */
bg_status workload_check(const workload_step *step, const workload *w, workload_result *result);

#endif
