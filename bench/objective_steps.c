/* Steps of objectives, and the comparison with what is written by hand. */
#include "objectives.h"
#include "step.h"

#include <math.h>

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

bg_status objective_compare(const workload_step *step, const workload *w, workload_result *result)
{
    objective_input inputs[OBJECTIVE_INPUTS_MAX];
    const double *data[OBJECTIVE_INPUTS_MAX];
    bg_tensor *exact[OBJECTIVE_RESULTS_MAX] = { NULL };
    double *results[OBJECTIVE_RESULTS_MAX] = { NULL };
    int n = w->objective->inputs(&w->sizes, inputs);
    for (int i = 0; i < n; i++)
        data[i] = bg_tensor_const_data(bg_model_find(step->model, inputs[i].name));
    bg_status status = BG_OK;
    for (size_t i = 0; i < step->n_results && status == BG_OK; i++) {
        bg_shape shape = bg_tensor_shape(bg_program_output(step->program, i + 1));
        status = bg_tensor_create(&exact[i], bg_model_engine(step->model), BG_F64, shape);
        if (status == BG_OK)
            status = bg_tensor_fill(exact[i], 0);
        if (status == BG_OK)
            results[i] = bg_tensor_data(exact[i]);
    }
    if (status == BG_OK && !w->objective->reference(&w->sizes, data, &result->exact_loss, results))
        status = bg_fail(BG_ERR_NOMEM, "workload %s: out of memory", w->name);
    result->error = result->norm = 0;
    for (size_t i = 0; i < step->n_results && status == BG_OK; i++) {
        const bg_tensor *found = bg_program_output(step->program, i + 1);
        result->error = step_worse(result->error, step_relative_error(found, exact[i], 0));
        result->norm = hypot(result->norm, step_norm(found));
    }
    for (size_t i = 0; i < step->n_results; i++)
        bg_tensor_destroy(exact[i]);
    return status;
}
