/* Objectives of benchmarks of automatic differentiation, in f64: as graphs, and written by hand. */
#ifndef OBJECTIVES_H
#define OBJECTIVES_H

#include "workloads.h"

enum { OBJECTIVE_INPUTS_MAX = 5, OBJECTIVE_RESULTS_MAX = 3 };

typedef struct {
    const char *name;
    bg_shape shape;
    double low, high;  /* its numbers are uniform between these */
    bool is_parameter; /* the objective is differentiated with respect to it */
} objective_input;

struct objective {
    const char *name;
    /* The inputs, parameters first; how many. */
    int (*inputs)(const objective_sizes *s, objective_input *inputs);
    /* Changes the numbers that were drawn, where they must fit together; may be NULL. */
    void (*arrange)(const objective_sizes *s, double *const *inputs);
    bg_node *(*value)(const objective_sizes *s, bg_node *const *inputs);
    /* A further result from the value, the parameters and their gradients; may be NULL. */
    bg_node *(*direction)(bg_node *value, bg_node *const *parameters, bg_node *const *gradients);
    /* The value and the results in plain loops: a gradient for each parameter, then the direction. False if memory is
     * out. */
    bool (*reference)(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);
};

/* Fitting a Gaussian mixture: n points of d numbers, k components, Wishart prior gamma, m. Srajer, Kukelova,
 * Fitzgibbon, A benchmark of selected algorithmic differentiation tools, 2018. */
extern const objective objective_gmm;
/* log Σ exp(x) of n numbers. This one and the two below are GradBench's. */
extern const objective objective_lse;
/* Half the squares of sign(t) less a polynomial of m coefficients, at n places t from -1 to 1. */
extern const objective objective_llsq;
/* The squared distances of n points of d numbers from the nearest of k centroids; the direction is Newton's, the
 * gradient divided by the Hessian, which is diagonal. Bottou, Bengio, Convergence properties of the k-means algorithms,
 * 1994. */
extern const objective objective_kmeans;
/* ADBench's recurrent network of k layers, whose weights are diagonal, that predicts the next of n characters of d
 * bits. */
extern const objective objective_lstm;

bool reference_gmm(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);
bool reference_lse(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);
bool reference_llsq(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);
bool reference_kmeans(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);
bool reference_lstm(const objective_sizes *s, const double *const *inputs, double *value, double *const *results);

/* ‖result - reference‖ / ‖reference‖ of the worst result of a step that has run once, and both values. */
bg_status objective_compare(const workload_step *step, const workload *w, workload_result *result);

#endif
