/* L-BFGS from the inside. */
#ifndef BGI_LBFGS_H
#define BGI_LBFGS_H

#include <blasgrad/lbfgs.h>

#include "train/parameters.h"

/* Vectors of the length of all parameters. */
enum {
    LBFGS_X,         /* where the iteration began */
    LBFGS_GRADIENT,  /* there */
    LBFGS_PREVIOUS,  /* the gradient one iteration before */
    LBFGS_DIRECTION, /* d */
    LBFGS_TRIAL,     /* the gradient of the last run */
    LBFGS_BEFORE,    /* of the search's run before it */
    LBFGS_LOW,       /* at the two ends of the search's bracket */
    LBFGS_HIGH,
    LBFGS_VECTORS
};

struct bg_lbfgs {
    bg_engine *engine;
    bg_lbfgs_options options;
    bg_program *program;
    bgi_variables variables;
    int64_t n; /* elements of all variables */
    double *vectors[LBFGS_VECTORS];
    double **pairs; /* y and s of the history: 2 i, 2 i + 1, for the i-th oldest */
    double *rho, *alpha;
    int64_t n_pairs, n_slots; /* used, allocated */
    double scale;             /* of the first approximation of the inverse Hessian */
    double step;              /* the length of the last one */
    int64_t evaluations, iterations;
    bool has_converged;
    /* The loss and gradient that the last call ended with are those of its data and of the parameters in this version.
     */
    bool is_evaluated;
    double loss;
    uint64_t version;
};

bg_status bgi_lbfgs_check(const bg_lbfgs_options *options);
bg_lbfgs_options bgi_lbfgs_defaults(const bg_lbfgs_options *given);
/* Room for the pairs of so many calls more. */
bg_status bgi_lbfgs_reserve(bg_lbfgs *l, int64_t calls);
/* Room for so many in all. */
bg_status bgi_lbfgs_reserve_pairs(bg_lbfgs *l, int64_t pairs);
/* As bg_lbfgs_step. has_same_data: nothing that is bound to the program has changed since the last call. */
bg_status bgi_lbfgs_step(bg_lbfgs *l, bool has_same_data, double *loss);

double bgi_lbfgs_dot(const bg_lbfgs *l, const double *x, const double *y);
double bgi_lbfgs_largest(const bg_lbfgs *l, const double *x);
/* The loss at x + step · d, and its gradient in LBFGS_TRIAL. The parameters stay there. */
bg_status bgi_lbfgs_evaluate(bg_lbfgs *l, double step, double *loss);

/* ---- wolfe.c ---- */
/* A step length that meets the strong Wolfe conditions, or the best one found: loss and step are those at x on entry,
 * and the first length to try; the gradient there is left in LBFGS_GRADIENT. slope: that along d at x. */
bg_status bgi_lbfgs_search(bg_lbfgs *l, double slope, int64_t max_evaluations, double *loss, double *step,
                           int64_t *evaluations);

#endif
