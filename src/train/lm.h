/* Levenberg-Marquardt from the inside. */
#ifndef BGI_LM_H
#define BGI_LM_H

#include <blasgrad/lm.h>

#include "train/parameters.h"

struct bg_lm {
    bg_engine *engine;
    bg_lm_options options;
    bgi_variables variables;
    int64_t m, n; /* residuals, parameters */
    /* Gives the residuals and, for each of `per_sample` elements of a sample and each tensor of parameters, a block of
     * rows of J; or with per_sample 0 the residuals and J · tangents. */
    bg_program *program;
    int64_t per_sample;
    bg_tensor **tangents;
    bg_tensor *jacobian, *residuals; /* [m, n], [m]; all of these f64 */
    bg_tensor *square, *gradient;    /* JᵀJ [n, n], Jᵀr [n] */
    bg_tensor *added;                /* λ D [n] */
    bg_program *normal, *solve;      /* the equations; d as its output */
    double *x;                       /* where the step begins */
    double *scale;                   /* D */
    double damping;                  /* λ; below 0 before the first step */
    double growth;                   /* its factor when the next trial of this step fails */
    double unit;                     /* of λ: what options.damping multiplies */
    int64_t steps, trials;
    bool has_converged;
};

bg_status bgi_lm_check(const bg_lm_options *options);
bg_lm_options bgi_lm_defaults(const bg_lm_options *given);

/* ---- lm_jacobian.c ---- */
/* The program of residuals and Jacobian. */
bg_status bgi_lm_build(bg_lm *l, bg_model *model, bg_node *residuals);
/* Runs it; half the sum of squares, NaN or infinite if a residual is. */
bg_status bgi_lm_evaluate(bg_lm *l, double *loss);
/* After an evaluation where the parameters are: `jacobian` and `residuals`. */
bg_status bgi_lm_linearise(bg_lm *l);

#endif
