/* The gradient of a workload's first step against the exact one. */
#include "matrices.h"
#include "objectives.h"

#include <math.h>

/* Relative change of the weights: a few times the rounding error of a sum in f32. */
static const double NUDGE = 0x1p-20;
static const double TOLERANCE = 1e-4;
/* Of objectives, which are in f64 themselves. */
static const double OBJECTIVE_TOLERANCE = 1e-10;
/* Of routines: an eigenvector's rounding errors are larger where two values are close. Of f64 what a difference allows.
 */
static const double ROUTINE_TOLERANCE = 1e-3, ROUTINE_TOLERANCE_F64 = 1e-6;
/* Where so much is allowed, the comparison says nothing. */
static const double TOLERANCE_MAX = 0.05;

static void nudge(bg_model *model)
{
    for (size_t i = 0; i < bg_model_count(model); i++) {
        if (!bg_model_is_parameter(model, i))
            continue;
        bg_tensor *tensor = bg_model_tensor(model, i);
        int64_t n = bg_shape_count(bg_tensor_shape(tensor));
        double *data = bg_tensor_data(tensor);
        for (int64_t k = 0; k < n; k++)
            data[k] *= k % 2 ? 1 + NUDGE : 1 - NUDGE;
    }
}

/* How far the exact gradient moves with the weights. */
static bg_status find_spread(const workload_step *exact, const workload *w, double *spread)
{
    workload_step nudged;
    bg_status status = workload_start(&nudged, w, bg_model_engine(exact->model), BG_F64, exact->model);
    if (status != BG_OK)
        return status;
    nudge(nudged.model);
    status = bg_program_run(nudged.program);
    if (status == BG_OK)
        status = workload_compare(&nudged, exact, spread);
    workload_finish(&nudged);
    return status;
}

static bg_status compare(const workload_step *step, const workload_step *exact, const workload *w,
                         workload_result *result)
{
    bg_status status = bg_program_run(exact->program);
    if (status == BG_OK)
        status = bg_program_run(step->program);
    if (status == BG_OK)
        status = bg_tensor_item(bg_program_output(step->program, 0), 0, &result->loss);
    if (status == BG_OK)
        status = bg_tensor_item(bg_program_output(exact->program, 0), 0, &result->exact_loss);
    if (status == BG_OK)
        status = workload_compare(step, exact, &result->error);
    result->tolerance = TOLERANCE;
    if (status != BG_OK || result->error <= TOLERANCE)
        return status;
    double spread = 0;
    status = find_spread(exact, w, &spread);
    if (2 * spread > TOLERANCE)
        result->tolerance = fmin(2 * spread, TOLERANCE_MAX);
    return status;
}

/* Against the same step in f64. */
static bg_status check_network(const workload_step *step, const workload *w, workload_result *result)
{
    workload_step exact;
    bg_status status = workload_start(&exact, w, bg_model_engine(step->model), BG_F64, step->model);
    if (status != BG_OK)
        return status;
    /* Without a learning rate the weights are still those of the first step when its gradient has been compared. */
    if (exact.learning_rate)
        status = bg_tensor_fill(exact.learning_rate, 0);
    if (status == BG_OK)
        status = compare(step, &exact, w, result);
    workload_finish(&exact);
    return status;
}

static bg_status check_objective(const workload_step *step, const workload *w, workload_result *result)
{
    result->tolerance = OBJECTIVE_TOLERANCE;
    bg_status status = bg_program_run(step->program);
    if (status == BG_OK)
        status = bg_tensor_item(bg_program_output(step->program, 0), 0, &result->loss);
    return status == BG_OK ? objective_compare(step, w, result) : status;
}

static bg_status check_matrices(const workload_step *step, const workload *w, workload_result *result)
{
    result->tolerance = w->is_f64 ? ROUTINE_TOLERANCE_F64 : ROUTINE_TOLERANCE;
    bg_status status = bg_program_run(step->program);
    if (status == BG_OK)
        status = bg_tensor_item(bg_program_output(step->program, 0), 0, &result->loss);
    return status == BG_OK ? matrices_compare(step, w, result) : status;
}

bg_status workload_check(const workload_step *step, const workload *w, workload_result *result)
{
    *result = (workload_result){ .error = 0 };
    bg_status status = w->objective ? check_objective(step, w, result)
                       : w->routine ? check_matrices(step, w, result)
                                    : check_network(step, w, result);
    double loss_tolerance = workload_dtype(w) == BG_F64 ? OBJECTIVE_TOLERANCE
                            : w->routine                ? ROUTINE_TOLERANCE
                                                        : TOLERANCE;
    if (status == BG_OK && !(result->error <= result->tolerance &&
                             fabs(result->loss - result->exact_loss) <= loss_tolerance * fabs(result->exact_loss)))
        status = bg_fail(BG_ERR_NUMERIC,
                         "the gradient is wrong: relative error %.3g where %.3g is allowed, value %.9g, exactly %.9g",
                         result->error, result->tolerance, result->loss, result->exact_loss);
    return status;
}
