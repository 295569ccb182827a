/* L-BFGS: a driver that runs a loss-and-gradient program and moves the model's parameters between the runs. */
#ifndef BLASGRAD_LBFGS_H
#define BLASGRAD_LBFGS_H

#include <blasgrad/io.h>
#include <blasgrad/nn.h>
#include <blasgrad/program.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_lbfgs bg_lbfgs;

/* The defaults are those of torch.optim.LBFGS, but for the line search, which is on. */
typedef struct {
    double learning_rate;           /* the first step length that a search tries; default 1 */
    int64_t max_iterations;         /* of a call of bg_lbfgs_step; default 20 */
    int64_t max_evaluations;        /* of a call, after which no iteration begins; default max_iterations · 5 / 4 */
    int64_t history;                /* pairs of differences that are kept; default 100 */
    bg_optional tolerance_gradient; /* largest element of the gradient that counts as 0; 1e-7 unless given */
    bg_optional tolerance_change;   /* of the loss and of the parameters; 1e-9 unless given */
    bool fixed_step;                /* the learning rate is the step length: no line search */
} bg_lbfgs_options;

/* For all parameters of the model that the loss depends on. Compiles the loss and its gradient, without updates; the
 * inputs are bound at bg_lbfgs_program, which belongs to the object. Vectors are f64, also for a model of f32: some
 * ten of the length of all parameters, and two for each pair of the history. Inner products are computed by the calling
 * thread alone. options may be NULL. Nocedal, Updating quasi-Newton matrices with limited storage, 1980; the search for
 * a step that meets the strong Wolfe conditions (1e-4, 0.9) by cubic interpolation as in PyTorch. */
BG_API bg_status bg_lbfgs_create(bg_lbfgs **lbfgs, bg_model *model, bg_node *loss, const bg_lbfgs_options *options);
BG_API void bg_lbfgs_destroy(bg_lbfgs *lbfgs);
BG_API bg_program *bg_lbfgs_program(bg_lbfgs *lbfgs);

/* Up to max_iterations iterations; what they learned of the curvature stays for the next call, whose data may be
 * another batch. loss (may be NULL) is that before the first one. If a run fails, its status is returned and the
 * parameters are those of the last iteration. BG_ERR_NUMERIC if the loss or its gradient is not finite at the start. */
BG_API bg_status bg_lbfgs_step(bg_lbfgs *lbfgs, double *loss);

/* Whether the last call ended for a tolerance, or for want of a direction in which the loss falls. */
BG_API bool bg_lbfgs_has_converged(const bg_lbfgs *lbfgs);

/* Adds to an archive what iterations have learned, as "optimizer.lbfgs.*": with it and the parameters, an object of the
 * same model, loss and options goes on bit for bit. _load changes nothing on errors: BG_ERR_ARGUMENT names what is
 * missing or makes no sense, BG_ERR_SHAPE and BG_ERR_DTYPE a tensor that differs, or more pairs than the history. */
BG_API bg_status bg_lbfgs_save(const bg_lbfgs *lbfgs, bg_archive *archive);
BG_API bg_status bg_lbfgs_load(bg_lbfgs *lbfgs, const bg_archive *archive);

/* Runs of the program, and iterations, in all. */
BG_API int64_t bg_lbfgs_evaluations(const bg_lbfgs *lbfgs);
BG_API int64_t bg_lbfgs_iterations(const bg_lbfgs *lbfgs);

#ifdef __cplusplus
}
#endif
#endif
