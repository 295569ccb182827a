/* Certifiers: their options, what their programs have in common, and their end. */
#include "certify/certifier.h"

#include "nn/model.h"
#include "tensor/tensor.h"

#include <math.h>

enum { DEFAULT_BATCH = 128 };

static bg_status check_options(const bg_certifier_options *options)
{
    if (!options || !options->network)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: %s", options ? "network is NULL" : "options is NULL");
    if (options->batch < 0)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: batch is %lld, not 1 or more", (long long)options->batch);
    double lower = options->lower.is_some ? options->lower.value : -INFINITY;
    double upper = options->upper.is_some ? options->upper.value : INFINITY;
    if (!(lower <= upper))
        return bg_fail(BG_ERR_ARGUMENT,
                       "certifier_create: the box is %g .. %g, its lower bound must not be above the upper", lower,
                       upper);
    return BG_OK;
}

/* As the inputs' type has it, so that an input at the wall is within. */
static double bound_of(const bg_model *model, const bg_optional *bound, double otherwise)
{
    double value = bound->is_some ? bound->value : otherwise;
    return bg_model_dtype(model) == BG_F64 ? value : (double)(float)value;
}

static bg_status set_shape(bg_certifier *certifier, bg_shape example)
{
    size_t bytes;
    int64_t count;
    if (example.rank < 0 || example.rank >= BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "certifier_create: an example has rank %d, not 0 .. %d", example.rank,
                       BG_MAX_RANK - 1);
    bg_shape *shape = &certifier->input;
    *shape = (bg_shape){ .rank = example.rank + 1, .dims = { certifier->batch } };
    for (int i = 0; i < example.rank; i++)
        shape->dims[i + 1] = example.dims[i];
    bg_status status = bgi_shape_check(*shape, bg_model_dtype(certifier->model), "certifier_create", &count, &bytes);
    if (status == BG_OK && count < 1)
        return bg_fail(BG_ERR_SHAPE, "certifier_create: an example %s has no elements", bgi_shape_format(example).text);
    certifier->width = count / certifier->batch;
    return status;
}

bg_status bgi_certifier_scores(bg_certifier *certifier, bg_node *x, bg_node **scores)
{
    bg_model *model = certifier->model;
    bool was_training = bg_model_is_training(model);
    bg_model_set_training(model, false);
    *scores = certifier->options.network(model, x, certifier->options.user);
    bg_model_set_training(model, was_training);
    bg_status status = bg_graph_status(bg_node_graph(x));
    if (status != BG_OK)
        return status;
    if (!*scores)
        return bg_fail(BG_ERR_ARGUMENT, "certifier: network returned no node");
    bg_shape shape = bg_node_shape(*scores);
    if (shape.rank != 2 || shape.dims[0] != certifier->batch || shape.dims[1] < 2 ||
        bg_node_dtype(*scores) != bg_model_dtype(model))
        return bg_fail(BG_ERR_SHAPE,
                       "certifier: the network gives %s %s for inputs %s, it must give scores [%lld, classes] of the "
                       "model's type and of 2 classes or more",
                       bg_dtype_name(bg_node_dtype(*scores)), bgi_shape_format(shape).text,
                       bgi_shape_format(certifier->input).text, (long long)certifier->batch);
    certifier->classes = shape.dims[1];
    return BG_OK;
}

/* Builds the network once, for its classes and its mistakes. */
static bg_status try_network(bg_certifier *certifier)
{
    bg_graph *graph;
    bg_node *scores;
    bg_status status = bg_graph_create(&graph, certifier->engine);
    if (status != BG_OK)
        return status;
    bg_node *x = bg_input(graph, "x", bg_model_dtype(certifier->model), certifier->input);
    status = x ? bgi_certifier_scores(certifier, x, &scores) : bg_graph_status(graph);
    bg_graph_destroy(graph);
    return status;
}

bg_status bgi_certifier_run(const bg_certifier *certifier, bg_program *program, int64_t examples)
{
    if (certifier->options.goes_on && !certifier->options.goes_on(examples, certifier->options.user))
        return bg_fail(BG_ERR_STOPPED, "certify: the callback stopped it behind %lld examples", (long long)examples);
    return bg_program_run(program);
}

bg_status bg_certifier_create(bg_certifier **certifier, bg_model *model, const bg_certifier_options *options,
                              bg_shape example)
{
    if (!certifier)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: certifier is NULL");
    *certifier = NULL;
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "certifier_create: model is NULL");
    bg_status status = bgi_engine_check(model->engine, "certifier_create");
    if (status == BG_OK)
        status = check_options(options);
    if (status != BG_OK)
        return status;
    bg_certifier *made = bgi_alloc_zero(model->engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(model->engine);
    bgi_model_retain(model);
    made->engine = model->engine;
    made->model = model;
    made->options = *options;
    made->lower = bound_of(model, &options->lower, -INFINITY);
    made->upper = bound_of(model, &options->upper, INFINITY);
    made->batch = options->batch ? options->batch : DEFAULT_BATCH;
    status = set_shape(made, example);
    if (status == BG_OK)
        status = try_network(made);
    if (status != BG_OK)
        bg_certifier_destroy(made);
    else
        *certifier = made;
    return status;
}

void bg_certifier_destroy(bg_certifier *certifier)
{
    if (!certifier)
        return;
    bg_engine *engine = certifier->engine;
    bg_program_destroy(certifier->intervals);
    bg_program_destroy(certifier->smoothed);
    bg_tensor *const tensors[] = { certifier->x,       certifier->low,   certifier->high, certifier->labels,
                                   certifier->example, certifier->place, certifier->sigma };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        bg_tensor_destroy(tensors[i]);
    bg_model_destroy(certifier->model);
    bgi_free(engine, certifier, sizeof *certifier);
    bgi_engine_release(engine);
}

int64_t bg_certifier_classes(const bg_certifier *certifier) { return certifier ? certifier->classes : 0; }
