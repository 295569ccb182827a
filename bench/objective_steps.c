/* Steps of objectives, and the comparison with what is written by hand. */
#include "objectives.h"
#include "step.h"

#include <math.h>
#include <stdlib.h>

static bg_status make_inputs(workload_step *step, const workload *w, const objective_input *inputs, int n)
{
    double *data[OBJECTIVE_INPUTS_MAX] = { NULL };
    for (int i = 0; i < n; i++) {
        bg_tensor *tensor;
        bg_status status = bg_tensor_create(&tensor, bg_model_engine(step->model), BG_F64, inputs[i].shape);
        if (status == BG_OK)
            status = bg_model_set(step->model, inputs[i].name, tensor, inputs[i].is_parameter);
        bg_tensor_destroy(tensor);
        if (status != BG_OK)
            return status;
        tensor = bg_model_find(step->model, inputs[i].name);
        step_fill(tensor, (uint64_t)i + 1, 0);
        data[i] = bg_tensor_data(tensor);
        for (int64_t k = 0; k < bg_shape_count(inputs[i].shape); k++)
            data[i][k] = inputs[i].low + (inputs[i].high - inputs[i].low) * data[i][k];
    }
    if (w->objective->arrange)
        w->objective->arrange(&w->sizes, data);
    return BG_OK;
}

bg_status step_of_objective(workload_step *step, const workload *w)
{
    objective_input inputs[OBJECTIVE_INPUTS_MAX];
    bg_node *nodes[OBJECTIVE_INPUTS_MAX], *outputs[1 + OBJECTIVE_RESULTS_MAX];
    int n = w->objective->inputs(&w->sizes, inputs);
    size_t n_parameters = 0;
    bg_status status = make_inputs(step, w, inputs, n);
    if (status != BG_OK)
        return status;
    for (int i = 0; i < n; i++) {
        bg_tensor *tensor = bg_model_find(step->model, inputs[i].name);
        nodes[i] = inputs[i].is_parameter ? bg_parameter(step->graph, tensor) : bg_buffer(step->graph, tensor);
        n_parameters += inputs[i].is_parameter;
    }
    outputs[0] = step->loss = w->objective->value(&w->sizes, nodes);
    status = bg_grad(outputs[0], nodes, n_parameters, outputs + 1);
    if (status != BG_OK)
        return status;
    step->n_results = n_parameters;
    if (w->objective->direction)
        outputs[1 + step->n_results++] = w->objective->direction(outputs[0], nodes, outputs + 1);
    return bg_compile(&step->program, step->graph, outputs, 1 + step->n_results, NULL);
}

/* ‖a - b‖ / ‖b‖ */
static double relative_error(const double *a, const double *b, int64_t n)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

bg_status objective_compare(const workload_step *step, const workload *w, workload_result *result)
{
    objective_input inputs[OBJECTIVE_INPUTS_MAX];
    const double *data[OBJECTIVE_INPUTS_MAX];
    double *results[OBJECTIVE_RESULTS_MAX] = { NULL };
    int n = w->objective->inputs(&w->sizes, inputs);
    for (int i = 0; i < n; i++)
        data[i] = bg_tensor_const_data(bg_model_find(step->model, inputs[i].name));
    bool has_memory = true;
    for (size_t i = 0; i < step->n_results; i++) {
        const bg_tensor *found = bg_program_output(step->program, i + 1);
        results[i] = calloc((size_t)bg_shape_count(bg_tensor_shape(found)), sizeof(double));
        has_memory = has_memory && results[i];
    }
    has_memory = has_memory && w->objective->reference(&w->sizes, data, &result->exact_loss, results);
    result->error = 0;
    for (size_t i = 0; i < step->n_results; i++) {
        const bg_tensor *found = bg_program_output(step->program, i + 1);
        double error =
            has_memory ? relative_error(bg_tensor_const_data(found), results[i], bg_shape_count(bg_tensor_shape(found)))
                       : 0;
        if (!isnan(result->error) && !(error <= result->error)) /* NaN counts, and stays */
            result->error = error;
        free(results[i]);
    }
    return has_memory ? BG_OK : bg_fail(BG_ERR_NOMEM, "workload %s: out of memory", w->name);
}
