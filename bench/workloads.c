/* The reference workloads: their table, and what makes and compares their steps. */
#include "workloads.h"

#include "matrices.h"
#include "objectives.h"
#include "step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MLP             .model = "dense:512 relu dense:512 relu dense:10", .sample = { 1, { 784 } }
#define CLASSES         .loss = "cross_entropy"
#define SAMPLES(n)      .batch = (n), .unit = "samples", .units = (n)
#define TOKENS(n, each) .batch = (n), .sample = { 1, { each } }, .unit = "tokens", .units = (n) * (each)
#define GRADIENTS       .unit = "gradients", .units = 1

const workload workloads[] = {
    { .name = "tiny",
      .model = "dense:16 tanh dense:16 tanh dense:1",
      .sample = { 1, { 2 } },
      .loss = "bce_with_logits",
      SAMPLES(32) },
    { .name = "mlp-b1", MLP, CLASSES, SAMPLES(1) },
    { .name = "mlp-b32", MLP, CLASSES, SAMPLES(32) },
    { .name = "mlp-b128", MLP, CLASSES, SAMPLES(128) },
    { .name = "mlp-b512", MLP, CLASSES, SAMPLES(512) },
    { .name = "wide",
      .model = "dense:4096 relu dense:4096 relu dense:1000",
      .sample = { 1, { 1024 } },
      CLASSES,
      SAMPLES(256) },
    { .name = "mnist-cnn", .model = "mnist-cnn", .sample = { 3, { 1, 28, 28 } }, CLASSES, SAMPLES(64) },
    { .name = "resnet20", .model = "resnet20", .sample = { 3, { 3, 32, 32 } }, CLASSES, SAMPLES(128) },
    { .name = "char-lstm", .model = "char-lstm", .vocabulary = 65, CLASSES, TOKENS(50, 50) },
    { .name = "char-gpt", .model = "char-gpt", .vocabulary = 65, CLASSES, TOKENS(12, 64) },
    { .name = "gpt2", .model = "gpt2", .vocabulary = 50257, CLASSES, TOKENS(4, 64) },
    { .name = "hvp", MLP, CLASSES, .batch = 128, .is_hvp = true, .unit = "products", .units = 1 },
    { .name = "gmm", .objective = &objective_gmm, .sizes = { .n = 1000, .k = 50, .d = 64, .gamma = 1 }, GRADIENTS },
    { .name = "lse", .objective = &objective_lse, .sizes = { .n = 1280000 }, GRADIENTS },
    { .name = "llsq", .objective = &objective_llsq, .sizes = { .n = 16384, .m = 128 }, GRADIENTS },
    { .name = "kmeans", .objective = &objective_kmeans, .sizes = { .n = 10000, .k = 100, .d = 16 }, GRADIENTS },
    { .name = "lstm", .objective = &objective_lstm, .sizes = { .n = 1024, .k = 2, .d = 14 }, GRADIENTS },
    { .name = NULL },
};

#define MATRICES(name_, routine_, n_, batch_)                                                                          \
    { .name = name_, .routine = &matrix_##routine_, .sizes = { .n = (n_), .k = (batch_) }, GRADIENTS },                \
    {                                                                                                                  \
        .name = name_ "-f64", .routine = &matrix_##routine_, .sizes = { .n = (n_), .k = (batch_) }, .is_f64 = true,    \
        GRADIENTS                                                                                                      \
    }
#define SIZES(routine_)                                                                                                \
    MATRICES(#routine_ "-4x1000", routine_, 4, 1000), MATRICES(#routine_ "-16x1000", routine_, 16, 1000),              \
        MATRICES(#routine_ "-64x1000", routine_, 64, 1000), MATRICES(#routine_ "-512", routine_, 512, 0),              \
        MATRICES(#routine_ "-2048", routine_, 2048, 0)

const workload matrix_workloads[] = {
    SIZES(cholesky), SIZES(solve), SIZES(solve_triangular), SIZES(lu), SIZES(qr), SIZES(inv), SIZES(slogdet),
    SIZES(eigh),     SIZES(svd),   { .name = NULL },
};

static const workload *find_among(const workload *w, const char *name)
{
    while (w->name && strcmp(w->name, name) != 0)
        w++;
    return w->name ? w : NULL;
}

const workload *workload_find(const char *name)
{
    const workload *w = find_among(workloads, name);
    return w ? w : find_among(matrix_workloads, name);
}

bool workload_is_of_routine(const workload *w, const char *routine)
{
    size_t length = strlen(routine);
    return w->routine && strncmp(w->name, routine, length) == 0 && w->name[length] == '-';
}

bg_dtype workload_dtype(const workload *w) { return w->objective || w->is_f64 ? BG_F64 : BG_F32; }

/* SplitMix64: good enough for data, and the same everywhere. Steele, Lea, Flood, 2014. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void step_store(bg_tensor *tensor, void *data, int64_t i, double value)
{
    if (bg_tensor_dtype(tensor) == BG_F64)
        ((double *)data)[i] = value;
    else if (bg_tensor_dtype(tensor) == BG_I64)
        ((int64_t *)data)[i] = (int64_t)value;
    else
        ((float *)data)[i] = (float)value;
}

/* The next number below the bound, or, if that is 0, in [0, 1) with 24 bits, so that it is the same in f32 and f64. */
double step_draw(uint64_t *state, int64_t bound)
{
    uint64_t number = random_next(state) >> 32;
    return bound ? (double)(number % (uint64_t)bound) : (double)(number >> 8) / 16777216.0;
}

void step_fill(bg_tensor *tensor, uint64_t seed, int64_t bound)
{
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < n; i++)
        step_store(tensor, data, i, step_draw(&seed, bound));
}

double step_element(const bg_tensor *tensor, int64_t i)
{
    const void *data = bg_tensor_const_data(tensor);
    return bg_tensor_dtype(tensor) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
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
        void *data = bg_tensor_data(copy);
        for (int64_t k = 0; k < n; k++)
            step_store(copy, data, k, step_element(from, k));
        status = bg_model_set(model, bg_model_name(weights, i), copy, true);
        bg_tensor_destroy(copy);
    }
    return status;
}

bg_status workload_start(workload_step *step, const workload *w, bg_engine *engine, bg_dtype dtype,
                         const bg_model *weights)
{
    *step = (workload_step){ .model = NULL };
    bg_status status = bg_model_create(&step->model, engine, dtype);
    if (status == BG_OK && weights && !w->objective && !w->routine)
        status = copy_weights(step->model, weights);
    if (status == BG_OK)
        status = bg_graph_create(&step->graph, engine);
    if (status == BG_OK)
        status = w->objective ? step_of_objective(step, w)
                 : w->routine ? step_of_matrices(step, w, dtype)
                              : step_of_network(step, w, dtype);
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

double step_relative_error(const bg_tensor *a, const bg_tensor *b, double least)
{
    double difference = 0, norm = 0;
    int64_t n = bg_shape_count(bg_tensor_shape(b));
    for (int64_t i = 0; i < n; i++) {
        double d = step_element(a, i) - step_element(b, i), v = step_element(b, i);
        difference += d * d;
        norm += v * v;
    }
    return difference == 0 ? 0 : sqrt(difference) / fmax(sqrt(norm), least);
}

double step_norm(const bg_tensor *tensor)
{
    double sum = 0;
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    for (int64_t i = 0; i < n; i++)
        sum += step_element(tensor, i) * step_element(tensor, i);
    return sqrt(sum);
}

double step_worse(double error, double other) { return isnan(error) || other <= error ? error : other; }

/* The momentum of parameter i of a model in another, or the same, of the same network; NULL if there is none. */
static const bg_tensor *momentum_of(const bg_model *model, const bg_model *named, size_t i)
{
    char name[300];
    snprintf(name, sizeof name, "optimizer.%s.momentum", bg_model_name(named, i));
    return bg_model_find(model, name);
}

/* Result i of a step, or the gradient of parameter i of the model; NULL if there is none. */
static const bg_tensor *result_of(const workload_step *step, const workload_step *named, size_t i)
{
    if (named->n_results)
        return bg_program_output(step->program, i + 1);
    return bg_model_is_parameter(named->model, i) ? momentum_of(step->model, named->model, i) : NULL;
}

static bool is_same(const bg_tensor *a, const bg_tensor *b)
{
    return a && b && bg_shape_equal(bg_tensor_shape(a), bg_tensor_shape(b));
}

/* A gradient that is exactly zero, as that of a bias before a batch norm, is a sum of numbers that cancel, and what
 * their rounding leaves is measured by all gradients together: with it, a millionth of these passes in f32. */
static const double NORM_SHARE = 1e-2;

bg_status workload_compare(const workload_step *a, const workload_step *b, double *error)
{
    size_t compared = 0, n = b->n_results ? b->n_results : bg_model_count(b->model);
    double all = 0;
    for (size_t i = 0; i < n; i++)
        all = hypot(all, result_of(b, b, i) ? step_norm(result_of(b, b, i)) : 0);
    *error = 0;
    for (size_t i = 0; i < n; i++) {
        if (!b->n_results && !bg_model_is_parameter(b->model, i))
            continue;
        const bg_tensor *one = result_of(a, b, i), *other = result_of(b, b, i);
        if (!is_same(one, other))
            return bg_fail(BG_ERR_SHAPE, "workload: gradient %zu is not the same in both", i);
        *error = step_worse(*error, step_relative_error(one, other, NORM_SHARE * all));
        compared++;
    }
    return compared ? BG_OK : bg_fail(BG_ERR_ARGUMENT, "workload: no gradients to compare");
}
