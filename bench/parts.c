/* Parts of steps, as programs of their own. */
#include "workloads.h"

#include <stdlib.h>

static bg_status bind_data(bg_program *program, const workload_step *step)
{
    bg_tensor *const values[] = { step->x, step->target, step->learning_rate };
    bg_status status = BG_OK;
    for (int i = 0; i < 3 && status == BG_OK; i++)
        if (step->inputs[i])
            status = bg_program_bind(program, step->inputs[i], values[i]);
    return status;
}

bg_status workload_part(bg_program **program, const workload_step *step, bool with_gradients)
{
    size_t n = bg_model_count(step->model), n_parameters = 0;
    bg_node **nodes = calloc(2 * n + 1, sizeof *nodes);
    *program = NULL;
    if (!nodes)
        return bg_fail(BG_ERR_NOMEM, "workload: out of memory");
    bg_node **parameters = nodes + n + 1;
    for (size_t i = 0; i < n && with_gradients; i++)
        if (bg_model_is_parameter(step->model, i))
            parameters[n_parameters++] = bg_parameter(step->graph, bg_model_tensor(step->model, i));
    nodes[0] = step->loss;
    bg_status status = n_parameters ? bg_grad(step->loss, parameters, n_parameters, nodes + 1) : BG_OK;
    if (status == BG_OK)
        status = bg_compile(program, step->graph, nodes, 1 + n_parameters, &(bg_compile_options){ .no_updates = true });
    if (status == BG_OK)
        status = bind_data(*program, step);
    free(nodes);
    return status;
}
