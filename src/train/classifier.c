/* Networks of classes: the check of what is said of them, their scores, and their runs. */
#include "train/classifier.h"

#include "nn/model.h"
#include "tensor/tensor.h"

#include <math.h>

enum { DEFAULT_BATCH = 128 };

static bg_status check_options(const bgi_classifier_options *options)
{
    const char *caller = options->caller;
    if (!options->network)
        return bg_fail(BG_ERR_ARGUMENT, "%s: network is NULL", caller);
    if (options->batch < 0)
        return bg_fail(BG_ERR_ARGUMENT, "%s: batch is %lld, not 1 or more", caller, (long long)options->batch);
    double lower = options->lower.is_some ? options->lower.value : -INFINITY;
    double upper = options->upper.is_some ? options->upper.value : INFINITY;
    if (!(lower <= upper))
        return bg_fail(BG_ERR_ARGUMENT, "%s: the box is %g .. %g, its lower bound must not be above the upper", caller,
                       lower, upper);
    return BG_OK;
}

static double bound_of(const bg_model *model, const bg_optional *bound, double otherwise)
{
    double value = bound->is_some ? bound->value : otherwise;
    return bg_model_dtype(model) == BG_F64 ? value : (double)(float)value;
}

static bg_status set_shape(bgi_classifier *c, bg_shape example)
{
    const char *caller = c->options.caller;
    size_t bytes;
    int64_t count;
    if (example.rank < 0 || example.rank >= BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "%s: an example has rank %d, not 0 .. %d", caller, example.rank, BG_MAX_RANK - 1);
    c->input = (bg_shape){ .rank = example.rank + 1, .dims = { c->batch } };
    for (int i = 0; i < example.rank; i++)
        c->input.dims[i + 1] = example.dims[i];
    bg_status status = bgi_shape_check(c->input, bg_model_dtype(c->model), caller, &count, &bytes);
    if (status == BG_OK && count < 1)
        return bg_fail(BG_ERR_SHAPE, "%s: an example %s has no elements", caller, bgi_shape_format(example).text);
    c->width = count / c->batch;
    return status;
}

bg_status bgi_classifier_open(bgi_classifier *classifier, bg_model *model, const bgi_classifier_options *options,
                              bg_shape example)
{
    const char *caller = options->caller;
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "%s: model is NULL", caller);
    bg_status status = bgi_engine_check(model->engine, caller);
    if (status == BG_OK)
        status = check_options(options);
    if (status != BG_OK)
        return status;
    bgi_classifier made = { .options = *options,
                            .engine = model->engine,
                            .model = model,
                            .lower = bound_of(model, &options->lower, -INFINITY),
                            .upper = bound_of(model, &options->upper, INFINITY),
                            .batch = options->batch ? options->batch : DEFAULT_BATCH };
    status = set_shape(&made, example);
    if (status != BG_OK)
        return status;
    bgi_engine_retain(model->engine);
    bgi_model_retain(model);
    *classifier = made;
    return BG_OK;
}

void bgi_classifier_close(bgi_classifier *classifier)
{
    bg_model_destroy(classifier->model);
    bgi_engine_release(classifier->engine);
}

bg_status bgi_classifier_scores(bgi_classifier *c, bg_node *x, bg_node **scores)
{
    bool was_training = bg_model_is_training(c->model);
    bg_model_set_training(c->model, false);
    *scores = c->options.network(c->model, x, c->options.user);
    bg_model_set_training(c->model, was_training);
    bg_status status = bg_graph_status(bg_node_graph(x));
    if (status != BG_OK)
        return status;
    if (!*scores)
        return bg_fail(BG_ERR_ARGUMENT, "%s: network returned no node", c->options.caller);
    bg_shape shape = bg_node_shape(*scores);
    if (shape.rank != 2 || shape.dims[0] != c->batch || shape.dims[1] < 2 ||
        bg_node_dtype(*scores) != bg_model_dtype(c->model))
        return bg_fail(BG_ERR_SHAPE,
                       "%s: the network gives %s %s for inputs %s, it must give scores [%lld, classes] of the model's "
                       "type and of 2 classes or more",
                       c->options.caller, bg_dtype_name(bg_node_dtype(*scores)), bgi_shape_format(shape).text,
                       bgi_shape_format(c->input).text, (long long)c->batch);
    c->classes = shape.dims[1];
    return BG_OK;
}

bg_status bgi_classifier_run(const bgi_classifier *c, const char *caller, bg_program *program, int64_t examples)
{
    if (c->options.goes_on && !c->options.goes_on(examples, c->options.user))
        return bg_fail(BG_ERR_STOPPED, "%s: the callback stopped it behind %lld examples", caller, (long long)examples);
    return bg_program_run(program);
}
