/* Gauss-Newton and Levenberg-Marquardt: a driver for sums of squares that runs a program of residuals and Jacobian and
 * moves the model's parameters between the runs. For models of up to some thousand parameters. */
#ifndef BLASGRAD_LM_H
#define BLASGRAD_LM_H

#include <blasgrad/io.h>
#include <blasgrad/nn.h>
#include <blasgrad/program.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_lm bg_lm;

typedef struct {
    /* λ of the first step, as a multiple of the largest element on the diagonal of JᵀJ; 1e-3 unless given. 0: steps of
     * Gauss-Newton, until one does not lower the loss. */
    bg_optional damping;
    /* D is the diagonal of JᵀJ, the largest so far of each element, and λ a multiple of that: for parameters whose
     * units differ by magnitudes. Of networks, it lets weights go far that hardly matter. */
    bool is_scaled;
    bg_optional tolerance_gradient; /* largest element of Jᵀr that counts as 0; 1e-8 unless given */
    bg_optional tolerance_step;     /* length of a step, relative to that of the parameters; 1e-8 unless given */
    bg_optional tolerance_loss;     /* fall of the loss in a step, relative to it; 1e-8 unless given */
    int64_t max_bytes;              /* that Jacobian, JᵀJ and factor may take; default 4 GiB */
} bg_lm_options;

/* Minimises ½ Σ r² over all parameters of the model that the residuals r depend on: a node of m elements, of any shape.
 * Compiles residuals and Jacobian, without updates; inputs are bound at bg_lm_program, which belongs to the object. A
 * step d solves
 *   (JᵀJ + λ D) d = -Jᵀr,   D the identity
 * by Cholesky's factorisation in f64, for a model of f32 too; λ follows the ratio of the loss's fall to what the linear
 * model foretold. Madsen, Nielsen, Tingleff, Methods for non-linear least squares problems, 2004, algorithm 3.16;
 * is_scaled: Moré, The Levenberg-Marquardt algorithm: implementation and theory, 1978. The normal equations square the
 * condition of J, which costs steps rather than accuracy of the minimum.
 *   Where rows of r [samples, ..] belong to one sample each and have up to 64 elements, or there are no more than 64 in
 * all, J comes from their gradients, in the same run as r. Otherwise, as with batch normalisation in training, it comes
 * column by column in forward mode: a run for each parameter.
 *   options may be NULL. BG_ERR_ARGUMENT if no parameter is behind the residuals, for numbers that make no sense, and
 * with the sizes for more than max_bytes. */
BG_API bg_status bg_lm_create(bg_lm **lm, bg_model *model, bg_node *residuals, const bg_lm_options *options);
BG_API void bg_lm_destroy(bg_lm *lm);
BG_API bg_program *bg_lm_program(bg_lm *lm);

/* One step: moves the parameters to where the loss is lower, with as large a λ as that takes, or leaves them and has
 * converged. loss (may be NULL) is ½ Σ r² before it. λ is kept for the next call, whose data may be others. A trial
 * whose residuals are infinite or NaN, or whose run fails with BG_ERR_NUMERIC, is a step that was too long. Other
 * failures of a run return its status; the parameters are those from before the step then, to the bit. BG_ERR_NUMERIC
 * if residuals or Jacobian are not finite where the step begins. */
BG_API bg_status bg_lm_step(bg_lm *lm, double *loss);
/* Whether the last step met one of the tolerances. */
BG_API bool bg_lm_has_converged(const bg_lm *lm);

/* Steps that moved the parameters, trials in all (one run of the program each), and λ for the next step. */
BG_API int64_t bg_lm_steps(const bg_lm *lm);
BG_API int64_t bg_lm_trials(const bg_lm *lm);
BG_API double bg_lm_damping(const bg_lm *lm);

/* Adds to an archive what steps have learned, as "optimizer.lm.*": with it and the parameters, an object of the same
 * model, residuals and options goes on bit for bit. _load changes nothing on errors: BG_ERR_ARGUMENT names what is
 * missing or makes no sense, BG_ERR_SHAPE and BG_ERR_DTYPE a tensor that differs. */
BG_API bg_status bg_lm_save(const bg_lm *lm, bg_archive *archive);
BG_API bg_status bg_lm_load(bg_lm *lm, const bg_archive *archive);

#ifdef __cplusplus
}
#endif
#endif
