/* Steps of networks: training, and Hessian-vector products of the loss. */
#include "step.h"

#include "network.h"

#include <stdio.h>
#include <stdlib.h>

static const double LEARNING_RATE = 0.01, MOMENTUM = 0.9;

static bg_status make_input(workload_step *step, const workload *w, bg_dtype dtype)
{
    bg_shape shape = { .rank = w->sample.rank + 1, .dims = { w->batch } };
    if (shape.rank > BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "workload %s: samples have at most %d axes", w->name, BG_MAX_RANK - 1);
    for (int i = 0; i < w->sample.rank; i++)
        shape.dims[i + 1] = w->sample.dims[i];
    bg_status status = bg_tensor_create(&step->x, bg_model_engine(step->model), w->vocabulary ? BG_I64 : dtype, shape);
    if (status == BG_OK)
        step_fill(step->x, 1, w->vocabulary);
    return status;
}

/* As many classes as the prediction has, one a row of scores; or 0 and 1 for each of its elements. */
static bg_status make_target(workload_step *step, const workload *w, const bg_node *prediction)
{
    bg_shape shape = bg_node_shape(prediction);
    bool has_classes = bg_loss_takes_classes(w->loss);
    if (has_classes && shape.rank == 0)
        return bg_fail(BG_ERR_SHAPE, "workload %s: a loss of classes needs scores [.., classes], not a single number",
                       w->name);
    int64_t bound = has_classes ? shape.dims[--shape.rank] : 2;
    bg_status status = bg_tensor_create(&step->target, bg_model_engine(step->model),
                                        has_classes ? BG_I64 : bg_node_dtype(prediction), shape);
    if (status == BG_OK)
        step_fill(step->target, 2, bound);
    return status;
}

/* With SGD, the gradients go into momentum buffers, and the parameters follow them. */
static bg_status add_training(workload_step *step, const workload *w, bg_dtype dtype, bg_node *loss)
{
    bg_status status = bg_tensor_create(&step->learning_rate, bg_model_engine(step->model), dtype, BG_SCALAR);
    if (status == BG_OK)
        status = bg_tensor_fill(step->learning_rate, LEARNING_RATE);
    if (status != BG_OK)
        return status;
    bg_node *learning_rate = bg_input(step->graph, "learning rate", dtype, BG_SCALAR);
    step->inputs[2] = learning_rate;
    bg_optimizer optimizer = w->optimizer ? *w->optimizer : bg_sgd(LEARNING_RATE, MOMENTUM);
    status = bg_optimizer_apply(&optimizer, step->model, loss, learning_rate, bg_scalar(step->graph, dtype, 0));
    if (status == BG_OK)
        status = bg_compile(&step->program, step->graph, &loss, 1, NULL);
    return status == BG_OK ? bg_program_bind(step->program, learning_rate, step->learning_rate) : status;
}

/* The vector that stands for a parameter: a buffer with numbers in [0, 1). */
static bg_status make_vector(workload_step *step, const char *parameter, bg_node *node, size_t seed, bg_node **vector)
{
    char name[300];
    snprintf(name, sizeof name, "vector.%s", parameter);
    bg_shape shape = bg_node_shape(node);
    bg_tensor *tensor;
    bg_status status = bg_tensor_create(&tensor, bg_model_engine(step->model), bg_node_dtype(node), shape);
    if (status != BG_OK)
        return status;
    step_fill(tensor, seed, 0);
    status = bg_model_set(step->model, name, tensor, false);
    bg_tensor_destroy(tensor);
    if (status == BG_OK)
        *vector = bg_model_buffer(step->model, step->graph, name, bg_node_dtype(node), shape, (bg_init){ 0 });
    return status;
}

static bg_status add_products(workload_step *step, bg_node *loss)
{
    size_t count = bg_model_count(step->model), n = 0;
    bg_node **nodes = calloc(3 * count + 1, sizeof *nodes);
    if (!nodes)
        return bg_fail(BG_ERR_NOMEM, "workload: out of memory");
    bg_node **vectors = nodes + count, **outputs = vectors + count;
    bg_status status = BG_OK;
    for (size_t i = 0; i < count && status == BG_OK; i++) {
        if (!bg_model_is_parameter(step->model, i))
            continue;
        nodes[n] = bg_parameter(step->graph, bg_model_tensor(step->model, i));
        status = make_vector(step, bg_model_name(step->model, i), nodes[n], 3 + i, &vectors[n]);
        n++;
    }
    outputs[0] = loss;
    if (status == BG_OK)
        status = bg_hvp(loss, nodes, vectors, n, outputs + 1);
    if (status == BG_OK)
        status = bg_compile(&step->program, step->graph, outputs, n + 1, NULL);
    free(nodes);
    step->n_results = n;
    return status;
}

/* The loss and its gradient, which a driver runs some of a step. */
static bg_status add_gradients(workload_step *step, bg_node *loss)
{
    size_t count = bg_model_count(step->model), n = 0;
    bg_node **nodes = calloc(2 * count + 1, sizeof *nodes);
    if (!nodes)
        return bg_fail(BG_ERR_NOMEM, "workload: out of memory");
    bg_node **outputs = nodes + count;
    for (size_t i = 0; i < count; i++)
        if (bg_model_is_parameter(step->model, i))
            nodes[n++] = bg_parameter(step->graph, bg_model_tensor(step->model, i));
    outputs[0] = loss;
    bg_status status = bg_grad(loss, nodes, n, outputs + 1);
    if (status == BG_OK)
        status = bg_compile(&step->program, step->graph, outputs, n + 1, NULL);
    free(nodes);
    step->n_results = n;
    return status;
}

bg_status step_of_network(workload_step *step, const workload *w, bg_dtype dtype)
{
    bg_loss *loss_of = bg_loss_find(w->loss);
    bg_status status = loss_of ? network_check(w->model) : BG_ERR_ARGUMENT;
    if (status == BG_OK)
        status = make_input(step, w, dtype);
    if (status != BG_OK)
        return status;
    network_choice choice = { .model = w->model, .classes = w->classes ? w->classes : w->vocabulary };
    bg_node *x = bg_input(step->graph, "x", bg_tensor_dtype(step->x), bg_tensor_shape(step->x));
    bg_node *prediction = network_build(step->model, x, &choice);
    status = prediction ? make_target(step, w, prediction) : bg_graph_status(step->graph);
    if (status != BG_OK)
        return status;
    bg_node *target = bg_input(step->graph, "target", bg_tensor_dtype(step->target), bg_tensor_shape(step->target));
    bg_node *loss = loss_of(prediction, target, BG_MEAN);
    step->loss = loss;
    step->inputs[0] = x;
    step->inputs[1] = target;
    status = bg_graph_status(step->graph);
    if (status == BG_OK)
        status = w->is_hvp                              ? add_products(step, loss)
                 : w->optimizer && w->optimizer->driver ? add_gradients(step, loss)
                                                        : add_training(step, w, dtype, loss);
    if (status == BG_OK)
        status = bg_program_bind(step->program, x, step->x);
    if (status == BG_OK)
        status = bg_program_bind(step->program, target, step->target);
    return status;
}
