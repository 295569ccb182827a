/* Attackers: their options, their programs' inputs, and their end. */
#include "attack/attack.h"
#include "nn/model.h"
#include "tensor/tensor.h"

#include <math.h>

enum { DEFAULT_BATCH = 128 };

static bg_status check_options(const bg_attacker_options *options)
{
    if (!options || !options->network)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: %s", options ? "network is NULL" : "options is NULL");
    if (options->batch < 0)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: batch is %lld, not 1 or more", (long long)options->batch);
    double lower = options->lower.is_some ? options->lower.value : -INFINITY;
    double upper = options->upper.is_some ? options->upper.value : INFINITY;
    if (!(lower <= upper))
        return bg_fail(BG_ERR_ARGUMENT,
                       "attacker_create: the box is %g .. %g, its lower bound must not be above the "
                       "upper",
                       lower, upper);
    return BG_OK;
}

/* As the inputs' type has it, so that an input at the wall is within. */
static double bound_of(const bg_model *model, const bg_optional *bound, double otherwise)
{
    double value = bound->is_some ? bound->value : otherwise;
    return bg_model_dtype(model) == BG_F64 ? value : (double)(float)value;
}

/* The shape of a batch of examples. */
static bg_status batch_shape(bg_shape example, int64_t batch, bg_dtype dtype, bg_shape *shape, int64_t *count)
{
    size_t bytes;
    if (example.rank < 0 || example.rank >= BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "attacker_create: an example has rank %d, not 0 .. %d", example.rank,
                       BG_MAX_RANK - 1);
    *shape = (bg_shape){ .rank = example.rank + 1, .dims = { batch } };
    for (int i = 0; i < example.rank; i++)
        shape->dims[i + 1] = example.dims[i];
    bg_status status = bgi_shape_check(*shape, dtype, "attacker_create", count, &bytes);
    if (status == BG_OK && *count < 1)
        return bg_fail(BG_ERR_SHAPE, "attacker_create: an example %s has no elements", bgi_shape_format(example).text);
    return status;
}

static bg_status fill(bg_attacker *attacker, bg_shape example)
{
    bg_dtype dtype = bg_model_dtype(attacker->model);
    int64_t count;
    bg_status status = batch_shape(example, attacker->batch, dtype, &attacker->input, &count);
    if (status != BG_OK)
        return status;
    attacker->width = count / attacker->batch;
    status = bg_tensor_create(&attacker->x, attacker->engine, dtype, attacker->input);
    if (status == BG_OK)
        status = bg_tensor_create(&attacker->labels, attacker->engine, BG_I64, BG_SHAPE(attacker->batch));
    if (status == BG_OK)
        status = bg_tensor_create(&attacker->targets, attacker->engine, BG_I64, BG_SHAPE(attacker->batch));
    return status == BG_OK ? bgi_attack_prepare(attacker, BGI_ASK_SCORES, false) : status;
}

bg_status bg_attacker_create(bg_attacker **attacker, bg_model *model, const bg_attacker_options *options,
                             bg_shape example)
{
    if (!attacker)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: attacker is NULL");
    *attacker = NULL;
    if (!model)
        return bg_fail(BG_ERR_ARGUMENT, "attacker_create: model is NULL");
    bg_status status = bgi_engine_check(model->engine, "attacker_create");
    if (status == BG_OK)
        status = check_options(options);
    if (status != BG_OK)
        return status;
    bg_attacker *made = bgi_alloc_zero(model->engine, sizeof *made);
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
    status = fill(made, example);
    if (status != BG_OK)
        bg_attacker_destroy(made);
    else
        *attacker = made;
    return status;
}

void bg_attacker_destroy(bg_attacker *attacker)
{
    if (!attacker)
        return;
    bg_engine *engine = attacker->engine;
    for (int ask = 0; ask < BGI_ASK_KINDS; ask++)
        for (int i = 0; i < 2; i++)
            bg_program_destroy(attacker->programs[ask][i]);
    bg_tensor_destroy(attacker->x);
    bg_tensor_destroy(attacker->labels);
    bg_tensor_destroy(attacker->targets);
    bg_model_destroy(attacker->model);
    bgi_free(engine, attacker, sizeof *attacker);
    bgi_engine_release(engine);
}

int64_t bg_attacker_classes(const bg_attacker *attacker) { return attacker ? attacker->classes : 0; }
