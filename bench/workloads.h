/* The reference workloads: networks with random data, trained by the same step over and over. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include <blasgrad/blasgrad.h>

typedef struct {
    const char *name;
    const char *model; /* a layer line */
    const char *loss;
    int64_t batch, inputs, outputs;
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

#endif
