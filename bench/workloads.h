/* The reference workloads: the same step over and over, on data that lie in memory. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include <blasgrad/blasgrad.h>

typedef struct objective objective;
typedef struct matrix_routine matrix_routine;

/* Sizes of an objective or a routine; what each stands for, these say. */
typedef struct {
    int64_t n, k, d;
    int64_t m;
    double gamma;
} objective_sizes;

/* A training step of a network on one batch, the Hessian-vector product of its loss, the gradient of an objective, or a
 * routine of linear algebra with its gradient.
 * Targets are made as the loss and the prediction want them: classes, or 0 and 1. */
typedef struct {
    const char *name;
    const char *model; /* a layer line, or the name of a network */
    const char *loss;
    int64_t batch;
    bg_shape sample;    /* one input's shape, without the batch */
    int64_t vocabulary; /* inputs are classes below this; 0: they are numbers in [0, 1) */
    int64_t classes;    /* of a network with a name; 0: the vocabulary, or what the network has for its default */
    const char *unit;   /* what speeds count, as "samples" */
    int64_t units;      /* of them in a step */
    const bg_optimizer *optimizer; /* NULL: SGD with momentum */
    bool is_hvp;
    const objective *objective;    /* in place of a network; in f64 */
    const matrix_routine *routine; /* in place of a network */
    bool is_f64;                   /* of a routine */
    objective_sizes sizes;
} workload;

/* Each ends with a row whose name is NULL. */
extern const workload workloads[];
/* Routines of linear algebra: each by the name of its op, the size of its matrices and the number of a batch, as in
 * cholesky-64x1000, or the size of a single one, as in cholesky-512; with -f64 behind it in f64. */
extern const workload matrix_workloads[];
/* Of either; NULL if there is none of this name. */
const workload *workload_find(const char *name);
/* Whether it is on a routine of this name: of "cholesky", cholesky-512 and all others. */
bool workload_is_of_routine(const workload *w, const char *routine);
/* The type in which it is measured: f32, or f64 for objectives and some routines. */
bg_dtype workload_dtype(const workload *w);

/* A step of a workload, ready to run. Output 0 is the mean loss, or the objective. In training, forward, loss, backward
 * and the optimizer make a step, and with SGD the gradients are in the momentum buffers after the first one; otherwise
 * they are the further outputs. */
typedef struct {
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
    bg_node *loss;
    bg_node *inputs[3];       /* of x, target and learning rate, where these are there */
    bg_tensor *x, *target;    /* of a network */
    bg_tensor *learning_rate; /* in training */
    size_t n_results;         /* outputs behind the first */
} workload_step;

/* weights (may be NULL): a model whose parameters, of any floating type, are the first values; an objective or a
 * routine has values of its own. On an error all is given back. */
bg_status workload_start(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype,
                         const bg_model *weights);
void workload_finish(workload_step *step);

/* A part of a step as a program of its own, on the step's data: the loss; with gradients those too, as outputs behind
 * it. It updates nothing. */
bg_status workload_part(bg_program **program, const workload_step *step, bool with_gradients);

/* The greatest relative error ‖a - b‖ / ‖b‖ among the gradients, or products, of the first step; one below a hundredth
 * of all together counts as if it were as long as that. */
bg_status workload_compare(const workload_step *a, const workload_step *b, double *error);

/* What the first step gave, and how far its gradient is from the exact one. */
typedef struct {
    double error, tolerance;
    double loss, exact_loss;
    double norm; /* of the gradients of an objective or a routine, and further results, all together */
} workload_result;

/* Runs the first step and compares it: a network with the same step in f64, an objective with its reference, which is
 * written by hand, a routine with the same in f64 and that with differences. BG_ERR_NUMERIC if the gradient or the loss
 * is wrong. A value within rounding of a kink, such as the 0 of relu, may take the other branch in f64, and a batch of
 * images has millions of values: beyond 1e-4, a gradient may be as far from the exact one as that moves, twice, if the
 * weights change by about as much as f32's rounding amounts to. */
bg_status workload_check(const workload_step *step, const workload *w, workload_result *result);

#endif
