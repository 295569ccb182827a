/* The reference workloads: networks with random data, trained by the same step over and over. */
#include "workloads.h"

#include "network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LEARNING_RATE = 0.01, MOMENTUM = 0.9;

#define MLP "dense:512 relu dense:512 relu dense:10"

const workload workloads[] = {
    { "tiny", "dense:16 tanh dense:16 tanh dense:1", "bce_with_logits", 32, { 1, { 2 } }, 0, "samples", 32 },
    { "mlp-b1", MLP, "cross_entropy", 1, { 1, { 784 } }, 0, "samples", 1 },
    { "mlp-b32", MLP, "cross_entropy", 32, { 1, { 784 } }, 0, "samples", 32 },
    { "mlp-b128", MLP, "cross_entropy", 128, { 1, { 784 } }, 0, "samples", 128 },
    { "mlp-b512", MLP, "cross_entropy", 512, { 1, { 784 } }, 0, "samples", 512 },
    { "wide", "dense:4096 relu dense:4096 relu dense:1000", "cross_entropy", 256, { 1, { 1024 } }, 0, "samples", 256 },
    { "mnist-cnn", "mnist-cnn", "cross_entropy", 64, { 3, { 1, 28, 28 } }, 0, "samples", 64 },
    { "resnet20", "resnet20", "cross_entropy", 128, { 3, { 3, 32, 32 } }, 0, "samples", 128 },
    { "char-lstm", "char-lstm", "cross_entropy", 50, { 1, { 50 } }, 65, "tokens", 2500 },
    { "char-gpt", "char-gpt", "cross_entropy", 12, { 1, { 64 } }, 65, "tokens", 768 },
    { "gpt2", "gpt2", "cross_entropy", 4, { 1, { 64 } }, 50257, "tokens", 256 },
    { .name = NULL },
};

const workload *workload_find(const char *name)
{
    for (const workload *w = workloads; w->name; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    return NULL;
}

/* SplitMix64: good enough for data, and the same everywhere. Steele, Lea, Flood, 2014. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void store(bg_tensor *tensor, void *data, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)data)[i] = value;
    else if (bg_tensor_dtype(tensor) == BG_I64)
        ((int64_t *)data)[i] = (int64_t)value;
    else
        ((float *)data)[i] = (float)value;
}

/* The next number below the bound, or, if that is 0, in [0, 1) with 24 bits, so that it is the same in f32 and f64. */
static double draw(uint64_t *state, int64_t bound)
{
    uint64_t number = random_next(state) >> 32;
    return bound ? (double)(number % (uint64_t)bound) : (double)(number >> 8) / 16777216.0;
}

static void fill(bg_tensor *tensor, uint64_t seed, int64_t bound)
{
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < n; i++)
        store(tensor, data, i, draw(&seed, bound));
}

static bg_status make_input(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype)
{
    bg_shape shape = { .rank = w->sample.rank + 1, .dims = { w->batch } };
    if (shape.rank > BG_MAX_RANK)
        return bg_fail(BG_ERR_SHAPE, "workload %s: samples have at most %d axes", w->name, BG_MAX_RANK - 1);
    for (int i = 0; i < w->sample.rank; i++)
        shape.dims[i + 1] = w->sample.dims[i];
    bg_status status = bg_tensor_create(&step->x, engine, w->vocabulary ? BG_I64 : dtype, shape);
    if (status == BG_OK)
        fill(step->x, 1, w->vocabulary);
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
        fill(step->target, 2, bound);
    return status;
}

/* Gives the model the parameters of another one, converted to its type. */
static bg_status copy_weights(bg_model *model, const bg_model *weights)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < bg_model_count(weights) && status == BG_OK; i++) {
        if (!bg_model_is_parameter(weights, i))
            continue;
        const bg_tensor *from = bg_model_tensor(weights, i);
        bg_tensor *copy;
        status = bg_tensor_create(&copy, bg_model_engine(model), bg_model_dtype(model), bg_tensor_shape(from));
        if (status != BG_OK)
            return status;
        int64_t n = bg_shape_count(bg_tensor_shape(from));
        const void *source = bg_tensor_const_data(from);
        bool is_f64 = bg_tensor_dtype(from) == BG_F64;
        void *data = bg_tensor_data(copy);
        for (int64_t k = 0; k < n; k++)
            store(copy, data, k, is_f64 ? ((const double *)source)[k] : (double)((const float *)source)[k]);
        status = bg_model_set(model, bg_model_name(weights, i), copy, true);
        bg_tensor_destroy(copy);
    }
    return status;
}

static bg_status make_program(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype)
{
    bg_loss *loss_of = bg_loss_find(w->loss);
    bg_status status = loss_of ? network_check(w->model) : BG_ERR_ARGUMENT;
    if (status == BG_OK)
        status = bg_graph_create(&step->graph, engine);
    if (status != BG_OK)
        return status;
    bg_graph *graph = step->graph;
    network_choice choice = { .model = w->model, .classes = w->vocabulary };
    bg_node *x = bg_input(graph, "x", bg_tensor_dtype(step->x), bg_tensor_shape(step->x));
    bg_node *prediction = network_build(step->model, x, &choice);
    status = prediction ? make_target(step, w, prediction) : bg_graph_status(graph);
    if (status != BG_OK)
        return status;
    bg_node *target = bg_input(graph, "target", bg_tensor_dtype(step->target), bg_tensor_shape(step->target));
    bg_node *loss = loss_of(prediction, target, BG_MEAN);
    bg_node *learning_rate = bg_input(graph, "learning rate", dtype, BG_SCALAR);
    bg_optimizer optimizer = bg_sgd(LEARNING_RATE, MOMENTUM);
    status = bg_optimizer_apply(&optimizer, step->model, loss, learning_rate, bg_scalar(graph, dtype, 0));
    if (status == BG_OK)
        status = bg_compile(&step->program, graph, &loss, 1, NULL);
    if (status == BG_OK)
        status = bg_program_bind(step->program, x, step->x);
    if (status == BG_OK)
        status = bg_program_bind(step->program, target, step->target);
    if (status == BG_OK)
        status = bg_program_bind(step->program, learning_rate, step->learning_rate);
    return status;
}

bg_status workload_start(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype,
                         const bg_model *weights)
{
    *step = (workload_step){ .model = NULL };
    bg_status status = bg_model_create(&step->model, engine, dtype);
    if (status == BG_OK)
        status = make_input(step, w, engine, dtype);
    if (status == BG_OK)
        status = bg_tensor_create(&step->learning_rate, engine, dtype, BG_SCALAR);
    if (status == BG_OK)
        status = bg_tensor_fill(step->learning_rate, LEARNING_RATE);
    if (status == BG_OK && weights)
        status = copy_weights(step->model, weights);
    if (status == BG_OK)
        status = make_program(step, w, engine, dtype);
    if (status != BG_OK)
        workload_finish(step);
    return status;
}

void workload_finish(workload_step *step)
{
    bg_program_destroy(step->program);
    bg_graph_destroy(step->graph);
    bg_tensor_destroy(step->learning_rate);
    bg_tensor_destroy(step->target);
    bg_tensor_destroy(step->x);
    bg_model_destroy(step->model);
    *step = (workload_step){ .model = NULL };
}

static double element(const bg_tensor *tensor, int64_t i)
{
    const void *data = bg_tensor_const_data(tensor);
    return bg_tensor_dtype(tensor) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static double relative_error(const bg_tensor *a, const bg_tensor *b)
{
    double difference = 0, norm = 0;
    int64_t n = bg_shape_count(bg_tensor_shape(b));
    for (int64_t i = 0; i < n; i++) {
        double d = element(a, i) - element(b, i), v = element(b, i);
        difference += d * d;
        norm += v * v;
    }
    return difference == 0 ? 0 : sqrt(difference / norm);
}

/* The momentum of parameter i of a model in another, or the same, of the same network; NULL if there is none. */
static const bg_tensor *momentum_of(const bg_model *model, const bg_model *named, size_t i)
{
    char name[300];
    snprintf(name, sizeof name, "optimizer.%s.momentum", bg_model_name(named, i));
    return bg_model_find(model, name);
}

bg_status workload_compare(const workload_step *a, const workload_step *b, double *error)
{
    size_t compared = 0;
    *error = 0;
    for (size_t i = 0; i < bg_model_count(b->model); i++) {
        if (!bg_model_is_parameter(b->model, i))
            continue;
        const bg_tensor *one = momentum_of(a->model, b->model, i), *other = momentum_of(b->model, b->model, i);
        if (!one || !other || !bg_shape_equal(bg_tensor_shape(one), bg_tensor_shape(other)))
            return bg_fail(BG_ERR_SHAPE, "workload: %s is not the same in both models", bg_model_name(b->model, i));
        double e = relative_error(one, other);
        if (!(e <= *error)) /* NaN counts */
            *error = e;
        compared++;
    }
    return compared ? BG_OK : bg_fail(BG_ERR_ARGUMENT, "workload: no gradients to compare");
}
