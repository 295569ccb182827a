/* The reference workloads: networks with random data, trained by the same step over and over. */
#include "workloads.h"

#include <math.h>
#include <string.h>

const workload workloads[] = {
    { "tiny", "dense:16 tanh dense:16 tanh dense:1", "bce_with_logits", 32, 2, 1 },
    { "mlp-b1", "dense:512 relu dense:512 relu dense:10", "cross_entropy", 1, 784, 10 },
    { "mlp-b32", "dense:512 relu dense:512 relu dense:10", "cross_entropy", 32, 784, 10 },
    { "mlp-b128", "dense:512 relu dense:512 relu dense:10", "cross_entropy", 128, 784, 10 },
    { "mlp-b512", "dense:512 relu dense:512 relu dense:10", "cross_entropy", 512, 784, 10 },
    { "wide", "dense:4096 relu dense:4096 relu dense:1000", "cross_entropy", 256, 1024, 1000 },
    { NULL, NULL, NULL, 0, 0, 0 },
};

static const double LEARNING_RATE = 0.01, MOMENTUM = 0.9;

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
    else
        ((float *)data)[i] = (float)value;
}

/* Inputs uniform in [0, 1) with 24 bits, so that they are equal in f32 and f64. */
static void fill_inputs(bg_tensor *x)
{
    uint64_t state = 1;
    int64_t n = bg_shape_count(bg_tensor_shape(x));
    void *data = bg_tensor_data(x);
    for (int64_t i = 0; i < n; i++)
        store(x, data, i, (double)(random_next(&state) >> 40) / 16777216.0);
}

/* Classes, or 0 and 1. */
static void fill_targets(bg_tensor *target, int64_t classes)
{
    uint64_t state = 2;
    int64_t n = bg_shape_count(bg_tensor_shape(target));
    void *data = bg_tensor_data(target);
    for (int64_t i = 0; i < n; i++) {
        uint64_t number = random_next(&state) >> 32;
        if (bg_tensor_dtype(target) == BG_I64)
            ((int64_t *)data)[i] = (int64_t)(number % (uint64_t)classes);
        else
            store(target, data, i, (double)(number & 1));
    }
}

static bg_status make_data(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype)
{
    bool has_classes = strcmp(w->loss, "cross_entropy") == 0;
    bg_status status = bg_tensor_create(&step->x, engine, dtype, BG_SHAPE(w->batch, w->inputs));
    if (status == BG_OK)
        status = has_classes ? bg_tensor_create(&step->target, engine, BG_I64, BG_SHAPE(w->batch))
                             : bg_tensor_create(&step->target, engine, dtype, BG_SHAPE(w->batch, w->outputs));
    if (status == BG_OK)
        status = bg_tensor_create(&step->learning_rate, engine, dtype, BG_SCALAR);
    if (status == BG_OK)
        status = bg_tensor_fill(step->learning_rate, LEARNING_RATE);
    if (status != BG_OK)
        return status;
    fill_inputs(step->x);
    fill_targets(step->target, w->outputs);
    return BG_OK;
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
    bg_status status = bg_graph_create(&step->graph, engine);
    if (status != BG_OK)
        return status;
    bg_graph *graph = step->graph;
    bg_node *x = bg_input(graph, "x", dtype, bg_tensor_shape(step->x));
    bg_node *target = bg_input(graph, "target", bg_tensor_dtype(step->target), bg_tensor_shape(step->target));
    bg_node *learning_rate = bg_input(graph, "learning rate", dtype, BG_SCALAR);
    bg_node *loss = bg_loss_find(w->loss)(bg_layers(step->model, w->model, x), target, BG_MEAN);
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
        status = make_data(step, w, engine, dtype);
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

bg_status workload_compare(const workload_step *a, const workload_step *b, double *error)
{
    size_t compared = 0;
    *error = 0;
    for (size_t i = 0; i < bg_model_count(b->model); i++) {
        const char *name = bg_model_name(b->model, i);
        if (bg_model_is_parameter(b->model, i))
            continue;
        const bg_tensor *other = bg_model_find(a->model, name);
        if (!other || !bg_shape_equal(bg_tensor_shape(other), bg_tensor_shape(bg_model_tensor(b->model, i))))
            return bg_fail(BG_ERR_SHAPE, "workload: %s is not the same in both models", name);
        double e = relative_error(other, bg_model_tensor(b->model, i));
        if (!(e <= *error)) /* NaN counts */
            *error = e;
        compared++;
    }
    return compared ? BG_OK : bg_fail(BG_ERR_ARGUMENT, "workload: no gradients to compare");
}
