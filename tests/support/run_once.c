#include "run_once.h"

static bg_status copy_of(bg_tensor **copy, bg_engine *engine, const bg_tensor *from)
{
    bg_status status = bg_tensor_create(copy, engine, bg_tensor_dtype(from), bg_tensor_shape(from));
    return status ? status : bg_tensor_copy(*copy, from);
}

static bg_status run(bg_engine *engine, bg_program *program, bg_node *const *nodes, bg_tensor *const *inputs, int n,
                     int n_outputs, bg_tensor **outputs)
{
    bg_status status = BG_OK;
    for (int i = 0; i < n && !status; i++)
        status = bg_program_bind(program, nodes[i], inputs[i]);
    if (!status)
        status = bg_program_run(program);
    for (int i = 0; i < n_outputs && !status; i++)
        status = copy_of(&outputs[i], engine, bg_program_output(program, (size_t)i));
    for (int i = 0; i < n_outputs && status; i++) {
        bg_tensor_destroy(outputs[i]);
        outputs[i] = NULL;
    }
    return status;
}

bg_status run_once(bg_engine *engine, bg_tensor *const *inputs, int n, run_build *build, const void *context,
                   bg_tensor **outputs)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_node *nodes[RUN_MOST], *made[RUN_MOST];
    bg_status status = bg_graph_create(&graph, engine);
    if (status)
        return status;
    for (int i = 0; i < n; i++)
        nodes[i] = bg_input(graph, "x", bg_tensor_dtype(inputs[i]), bg_tensor_shape(inputs[i]));
    int n_outputs = build(nodes, context, made);
    for (int i = 0; i < n_outputs; i++)
        outputs[i] = NULL;
    status = bg_compile(&program, graph, made, (size_t)n_outputs, NULL);
    if (!status)
        status = run(engine, program, nodes, inputs, n, n_outputs, outputs);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    return status;
}

static int build_least(bg_node *const *inputs, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_lstsq(inputs[0], inputs[1], NULL);
    return 1;
}
bg_status solve_least(bg_tensor **solution, bg_engine *engine, bg_tensor *a, bg_tensor *b)
{
    *solution = NULL;
    return run_once(engine, (bg_tensor *[]){ a, b }, 2, build_least, NULL, solution);
}
