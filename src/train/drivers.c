/* The drivers as optimizers of a trainer. */
#include "train/driver.h"
#include "train/lbfgs.h"
#include "train/lm.h"

#include <blasgrad/loss.h>
#include <blasgrad/ops.h>

/* ---- L-BFGS ---- */

/* A search may take as many evaluations as PyTorch's. */
enum { SEARCH_MOST = 25 };

static bg_lbfgs_options lbfgs_options(const bg_optimizer *optimizer)
{
    bg_lbfgs_options options = optimizer->lbfgs;
    options.learning_rate = optimizer->learning_rate;
    return bgi_lbfgs_defaults(&options);
}

static bg_status lbfgs_check(const bg_optimizer *optimizer)
{
    bg_lbfgs_options options = lbfgs_options(optimizer);
    return bgi_lbfgs_check(&options);
}
static bg_status lbfgs_create(void **object, const bgi_driver_problem *problem)
{
    bg_lbfgs_options options = lbfgs_options(problem->optimizer);
    bg_lbfgs *made;
    bg_status status = bg_lbfgs_create(&made, problem->model, problem->loss, &options);
    *object = made;
    return status;
}
static void lbfgs_destroy(void *object) { bg_lbfgs_destroy(object); }
static bg_program *lbfgs_program(void *object) { return bg_lbfgs_program(object); }
static bg_status lbfgs_reserve(void *object, int64_t steps) { return bgi_lbfgs_reserve(object, steps); }
static bg_status lbfgs_step(void *object, double learning_rate, bool has_same_data)
{
    bg_lbfgs *l = object;
    l->options.learning_rate = learning_rate;
    return bgi_lbfgs_step(l, has_same_data, NULL);
}
static bool lbfgs_has_converged(const void *object) { return bg_lbfgs_has_converged(object); }
static bg_status lbfgs_save(const void *object, bg_archive *archive) { return bg_lbfgs_save(object, archive); }
static bg_status lbfgs_load(void *object, const bg_archive *archive) { return bg_lbfgs_load(object, archive); }

static const bg_driver lbfgs_driver = { .prefix = "optimizer.lbfgs.",
                                        .has_rate = true,
                                        .create = lbfgs_create,
                                        .destroy = lbfgs_destroy,
                                        .program = lbfgs_program,
                                        .reserve = lbfgs_reserve,
                                        .step = lbfgs_step,
                                        .has_converged = lbfgs_has_converged,
                                        .save = lbfgs_save,
                                        .load = lbfgs_load };

bg_optimizer bg_lbfgs_optimizer(double learning_rate)
{
    bg_lbfgs_options one = { .max_iterations = 1, .max_evaluations = SEARCH_MOST + 1 };
    return (bg_optimizer){ .name = "lbfgs",
                           .driver = &lbfgs_driver,
                           .check = lbfgs_check,
                           .learning_rate = learning_rate,
                           .lbfgs = bgi_lbfgs_defaults(&one) };
}

/* ---- Levenberg-Marquardt ---- */

static bg_status lm_check(const bg_optimizer *optimizer) { return bgi_lm_check(&optimizer->lm); }
static bg_status lm_check_trainer(const bg_trainer_options *options)
{
    if (options->step || options->loss != bg_l2_loss)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: lm lowers sums of squares: give network and the loss "
                                        "bg_l2_loss, and no step");
    return BG_OK;
}
static bg_status lm_create(void **object, const bgi_driver_problem *problem)
{
    bg_lm *made;
    bg_status status =
        bg_lm_create(&made, problem->model, bg_sub(problem->prediction, problem->target), &problem->optimizer->lm);
    *object = made;
    return status;
}
static void lm_destroy(void *object) { bg_lm_destroy(object); }
static bg_program *lm_program(void *object) { return bg_lm_program(object); }
static bg_status lm_step(void *object, double learning_rate, bool has_same_data)
{
    (void)learning_rate;
    (void)has_same_data;
    return bg_lm_step(object, NULL);
}
static bool lm_has_converged(const void *object) { return bg_lm_has_converged(object); }
static double lm_damping(const void *object) { return bg_lm_damping(object); }
static bg_status lm_save(const void *object, bg_archive *archive) { return bg_lm_save(object, archive); }
static bg_status lm_load(void *object, const bg_archive *archive) { return bg_lm_load(object, archive); }

static const bg_driver lm_driver = { .prefix = "optimizer.lm.",
                                     .check = lm_check_trainer,
                                     .create = lm_create,
                                     .destroy = lm_destroy,
                                     .program = lm_program,
                                     .step = lm_step,
                                     .has_converged = lm_has_converged,
                                     .damping = lm_damping,
                                     .save = lm_save,
                                     .load = lm_load };

bg_optimizer bg_lm_optimizer(void)
{
    return (bg_optimizer){ .name = "lm", .driver = &lm_driver, .check = lm_check, .lm = bgi_lm_defaults(NULL) };
}
