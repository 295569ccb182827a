/* The same bits for any number of threads: networks of images, sequences and attention, with batch norm and dropout.
 *
 * BLASGRAD_LONG=1 takes 100 steps of each in place of 10. */
#include "support/counting.h"
#include "support/expect.h"
#include "support/fixed.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TENSORS = 64, LONG_STEPS = 100, SHORT_STEPS = 10, SANITIZED_STEPS = 3 };
static const int thread_counts[] = { 1, 2, 3, 4, 8 };
static const bg_dtype dtypes[] = { BG_F32, BG_F64 };

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_dtype dtype;
    bg_tensor *tensors[MOST_TENSORS]; /* all that a step changes, and the inputs */
    int n_tensors;
    bg_node *parameters[MOST_TENSORS];
    int n_parameters;
    struct {
        bg_node *node;
        bg_tensor *tensor;
        int64_t classes; /* 0: floats */
    } inputs[4];
    int n_inputs;
} network;

/* ---- Leaves ---- */

static bg_tensor *add_tensor(network *n, bg_dtype dtype, bg_shape shape)
{
    bg_tensor *tensor = NULL;
    ck_assert_int_lt(n->n_tensors, MOST_TENSORS);
    expect_ok(bg_tensor_create(&tensor, n->engine, dtype, shape), "a tensor");
    return n->tensors[n->n_tensors++] = tensor;
}

/* Numbers of ±scale around `middle`. */
static bg_node *parameter(network *n, bg_shape shape, double scale, double middle)
{
    bg_tensor *tensor = add_tensor(n, n->dtype, shape);
    int64_t count = bg_shape_count(shape);
    fixed_fill(bg_tensor_data(tensor), n->dtype, count, (uint64_t)n->n_tensors, scale);
    for (int64_t i = 0; i < count; i++)
        if (n->dtype == BG_F64)
            ((double *)bg_tensor_data(tensor))[i] += middle;
        else
            ((float *)bg_tensor_data(tensor))[i] += (float)middle;
    return n->parameters[n->n_parameters++] = bg_parameter(n->graph, tensor);
}
static bg_node *weight(network *n, bg_shape shape, int64_t fan_in)
{
    return parameter(n, shape, 1 / sqrt((double)fan_in), 0);
}

static bg_node *buffer(network *n, bg_shape shape, double value)
{
    bg_tensor *tensor = add_tensor(n, n->dtype, shape);
    expect_ok(bg_tensor_fill(tensor, value), "a buffer");
    return bg_buffer(n->graph, tensor);
}

static bg_node *input(network *n, bg_dtype dtype, bg_shape shape, int64_t classes)
{
    bg_node *node = bg_input(n->graph, "input", dtype, shape);
    n->inputs[n->n_inputs].node = node;
    n->inputs[n->n_inputs].tensor = add_tensor(n, dtype, shape);
    n->inputs[n->n_inputs++].classes = classes;
    return node;
}

static void draw_inputs(network *n, int step)
{
    for (int i = 0; i < n->n_inputs; i++) {
        bg_tensor *tensor = n->inputs[i].tensor;
        int64_t count = bg_shape_count(bg_tensor_shape(tensor)), classes = n->inputs[i].classes;
        uint64_t stream = (uint64_t)(1000 + 10 * step + i);
        if (classes == 0)
            fixed_fill(bg_tensor_data(tensor), n->dtype, count, stream, 1);
        for (int64_t k = 0; k < count && classes > 0; k++)
            ((int32_t *)bg_tensor_data(tensor))[k] =
                (int32_t)((fixed_number(stream, (uint64_t)k) + 1) / 2 * (double)classes);
    }
}

/* ---- Networks: each builds its loss ---- */

static bg_node *batch_norm(network *n, bg_node *x, int64_t channels)
{
    bg_node *scale = parameter(n, BG_SHAPE(channels), 0.1, 1), *shift = parameter(n, BG_SHAPE(channels), 0.1, 0);
    bg_node *mean = buffer(n, BG_SHAPE(channels), 0), *var = buffer(n, BG_SHAPE(channels), 1);
    return bg_batch_norm(x, scale, shift, mean, var, NULL);
}

/* Convolutions whole, in groups and depthwise, with strides and padding; pooling of both kinds. */
static bg_node *cnn(network *n)
{
    enum { BATCH = 33, SIDE = 13 };
    bg_node *x = input(n, n->dtype, BG_SHAPE(BATCH, 3, SIDE, SIDE), 0), *y = input(n, BG_I32, BG_SHAPE(BATCH), 10);
    bg_conv_options same = { .is_same = true }, depthwise = { .padding = { 1, 1 }, .groups = 12 };
    bg_conv_options groups = { .stride = { 2, 1 }, .groups = 2 };
    x = bg_relu(batch_norm(n, bg_conv(x, weight(n, BG_SHAPE(12, 3, 3, 3), 27), NULL, &same), 12));
    x = bg_dropout_channels(bg_max_pool(x, BG_SHAPE(2, 2), NULL, NULL), 0.1);
    x = bg_conv(x, weight(n, BG_SHAPE(12, 1, 3, 3), 9), weight(n, BG_SHAPE(12), 9), &depthwise);
    x = bg_silu(batch_norm(n, x, 12));
    x = bg_conv(x, weight(n, BG_SHAPE(20, 6, 3, 3), 54), weight(n, BG_SHAPE(20), 54), &groups);
    x = bg_relu(batch_norm(n, x, 20));
    x = bg_avg_pool(x, BG_SHAPE(2, 2), NULL);
    x = bg_dropout(bg_reshape(x, BG_SHAPE(BATCH, -1)), 0.3);
    int64_t features = bg_node_shape(x).dims[1];
    x = bg_linear(x, weight(n, BG_SHAPE(10, features), features), weight(n, BG_SHAPE(10), features));
    return bg_cross_entropy_loss(x, y, BG_MEAN);
}

/* An embedding, two layers in both directions with dropout between them, of sequences of several lengths. */
static bg_node *lstm(network *n)
{
    enum { STEPS = 12, BATCH = 21, WIDTH = 17, HIDDEN = 24, LAYERS = 2, WORDS = 30 };
    bg_node *words = input(n, BG_I32, BG_SHAPE(STEPS, BATCH), WORDS),
            *next = input(n, BG_I32, BG_SHAPE(STEPS, BATCH), WORDS);
    bg_node *lengths = input(n, BG_I32, BG_SHAPE(BATCH), STEPS + 1);
    bg_recurrent_weights weights[2 * LAYERS];
    bg_recurrent_options options = { .layers = LAYERS, .is_bidirectional = true, .dropout = 0.2, .lengths = lengths };
    for (int i = 0; i < 2 * LAYERS; i++) {
        int64_t in = i < 2 ? WIDTH : 2 * HIDDEN;
        weights[i] = (bg_recurrent_weights){ .weight_ih = weight(n, BG_SHAPE(4 * HIDDEN, in), HIDDEN),
                                             .weight_hh = weight(n, BG_SHAPE(4 * HIDDEN, HIDDEN), HIDDEN),
                                             .bias_ih = weight(n, BG_SHAPE(4 * HIDDEN), HIDDEN),
                                             .bias_hh = weight(n, BG_SHAPE(4 * HIDDEN), HIDDEN) };
    }
    bg_node *x = bg_dropout(bg_embedding(weight(n, BG_SHAPE(WORDS, WIDTH), WIDTH), words, 0), 0.1);
    x = bg_lstm(x, NULL, NULL, weights, &options).output;
    x = bg_linear(x, weight(n, BG_SHAPE(WORDS, 2 * HIDDEN), 2 * HIDDEN), weight(n, BG_SHAPE(WORDS), 2 * HIDDEN));
    return bg_cross_entropy_loss(x, next, BG_MEAN);
}

/* [batch, steps, heads width] -> [batch, heads, steps, width] */
static bg_node *heads_of(bg_node *x, int64_t heads)
{
    bg_shape s = bg_node_shape(x);
    return bg_permute(bg_reshape(x, BG_SHAPE(s.dims[0], s.dims[1], heads, s.dims[2] / heads)), BG_AXES(0, 2, 1, 3));
}

/* A block of a transformer: rotary attention of four heads with two of keys, and a batch norm in front of the head,
 * whose weight is the embedding. */
static bg_node *transformer(network *n)
{
    enum { BATCH = 5, STEPS = 37, WIDTH = 32, HEADS = 4, KEYS = 2, EACH = WIDTH / HEADS, WORDS = 41 };
    bg_node *words = input(n, BG_I32, BG_SHAPE(BATCH, STEPS), WORDS),
            *next = input(n, BG_I32, BG_SHAPE(BATCH, STEPS), WORDS);
    bg_node *table = weight(n, BG_SHAPE(WORDS, WIDTH), WIDTH), *x = bg_dropout(bg_embedding(table, words, -1), 0.1);
    bg_node *scale = parameter(n, BG_SHAPE(WIDTH), 0.1, 1), *shift = parameter(n, BG_SHAPE(WIDTH), 0.1, 0);
    bg_node *h = bg_layer_norm(x, BG_AXES(-1), scale, shift, 1e-5);
    bg_node *q = heads_of(bg_linear(h, weight(n, BG_SHAPE(WIDTH, WIDTH), WIDTH), NULL), HEADS);
    bg_node *k = heads_of(bg_linear(h, weight(n, BG_SHAPE(KEYS * EACH, WIDTH), WIDTH), NULL), KEYS);
    bg_node *v = heads_of(bg_linear(h, weight(n, BG_SHAPE(KEYS * EACH, WIDTH), WIDTH), NULL), KEYS);
    bg_attention_options options = { .is_causal = true, .dropout = 0.1 };
    h = bg_attention(bg_rotary_embedding(q, NULL), bg_rotary_embedding(k, NULL), v, &options);
    h = bg_reshape(bg_permute(h, BG_AXES(0, 2, 1, 3)), BG_SHAPE(BATCH, STEPS, WIDTH));
    x = bg_add(x, bg_dropout(bg_linear(h, weight(n, BG_SHAPE(WIDTH, WIDTH), WIDTH), NULL), 0.1));
    h = bg_rms_norm(x, BG_AXES(-1), parameter(n, BG_SHAPE(WIDTH), 0.1, 1), 1e-6);
    h = bg_gelu_tanh(bg_linear(h, weight(n, BG_SHAPE(4 * WIDTH, WIDTH), WIDTH), weight(n, BG_SHAPE(4 * WIDTH), WIDTH)));
    x = bg_add(x, bg_dropout(bg_linear(h, weight(n, BG_SHAPE(WIDTH, 4 * WIDTH), 4 * WIDTH), NULL), 0.1));
    x = bg_linear(batch_norm(n, bg_reshape(x, BG_SHAPE(BATCH * STEPS, WIDTH)), WIDTH), table, NULL);
    return bg_cross_entropy_loss(x, bg_reshape(next, BG_SHAPE(BATCH * STEPS)), BG_MEAN);
}

/* Matrices that take more than the caches hold, so that a worker takes several tasks side by side. */
static bg_node *deep(network *n)
{
    enum { BATCH = 200, WIDTH = 512, LAYERS = 10 };
    bg_node *x = input(n, n->dtype, BG_SHAPE(BATCH, WIDTH), 0), *y = input(n, BG_I32, BG_SHAPE(BATCH), 10);
    for (int i = 0; i < LAYERS; i++)
        x = bg_add(x,
                   bg_tanh(bg_linear(x, weight(n, BG_SHAPE(WIDTH, WIDTH), WIDTH), weight(n, BG_SHAPE(WIDTH), WIDTH))));
    return bg_cross_entropy_loss(bg_linear(x, weight(n, BG_SHAPE(10, WIDTH), WIDTH), NULL), y, BG_MEAN);
}

/* ---- Training ---- */

static bg_program *descend(network *n, bg_node *loss)
{
    bg_node *gradients[MOST_TENSORS];
    bg_program *program = NULL;
    expect_ok(bg_grad(loss, n->parameters, (size_t)n->n_parameters, gradients), "gradient");
    for (int i = 0; i < n->n_parameters; i++) {
        bg_node *p = n->parameters[i], *v = buffer(n, bg_node_shape(p), 0);
        bg_update(v, bg_add(bg_mul_scalar(v, 0.9), gradients[i]));
        bg_update(p, bg_sub(p, bg_mul_scalar(bg_updated(v), 0.05)));
    }
    expect_ok(bg_compile(&program, n->graph, &loss, 1, NULL), "compile");
    for (int i = 0; i < n->n_inputs; i++)
        expect_ok(bg_program_bind(program, n->inputs[i].node, n->inputs[i].tensor), "bind");
    return program;
}

static void finish(network *n, bg_program *program)
{
    bg_program_destroy(program);
    bg_graph_destroy(n->graph);
    for (int i = 0; i < n->n_tensors; i++)
        bg_tensor_destroy(n->tensors[i]);
    bg_engine_destroy(n->engine);
}

/* The hash of every step's loss, and of all weights, moments and running statistics at the end. */
static uint64_t train(bg_node *(*build)(network *n), bg_dtype dtype, int threads, int steps)
{
    network n = { .dtype = dtype };
    uint64_t hash = 0, first = 0;
    double loss = NAN;
    expect_ok(bg_engine_create(&n.engine, &(bg_engine_options){ .threads = threads, .seed = 7 }), "engine");
    expect_ok(bg_graph_create(&n.graph, n.engine), "graph");
    bg_program *program = descend(&n, build(&n));
    bg_report report = bg_program_report(program);
    ck_assert_msg(threads == 1 || report.barriers > 0, "%d threads have too little to do", threads);
    for (int step = 0; step < steps; step++) {
        draw_inputs(&n, step % 2);
        expect_ok(bg_program_run(program), "run");
        uint64_t this = hash_tensor(0, bg_program_output(program, 0));
        ck_assert_msg(step != 2 || this != first, "a loss repeats itself");
        first = step == 0 ? this : first;
        hash = hash_bytes(hash, &this, sizeof this);
    }
    expect_ok(bg_tensor_item(bg_program_output(program, 0), 0, &loss), "loss");
    ck_assert_msg(isfinite(loss), "the loss is %g", loss);
    for (int i = 0; i < n.n_tensors; i++)
        hash = hash_tensor(hash, n.tensors[i]);
    finish(&n, program);
    return hash;
}

static const struct {
    const char *name;
    bg_node *(*build)(network *n);
} networks[] = { { "cnn", cnn }, { "lstm", lstm }, { "transformer", transformer }, { "deep", deep } };

static int steps_of_this_run(void)
{
    const char *is_long = getenv("BLASGRAD_LONG");
    bool is_sanitized = IS_ADDRESS_SANITIZED || IS_THREAD_SANITIZED;
    return is_long && *is_long ? LONG_STEPS : is_sanitized ? SANITIZED_STEPS : SHORT_STEPS;
}

START_TEST(test_threads)
{
    const char *name = networks[_i / 2].name;
    bg_dtype dtype = dtypes[_i % 2];
    int steps = steps_of_this_run();
    uint64_t first = train(networks[_i / 2].build, dtype, thread_counts[0], steps);
    for (int i = 0; i < 5; i++) { /* the first once more: repeated runs are the same */
        uint64_t hash = train(networks[_i / 2].build, dtype, thread_counts[i], steps);
        ck_assert_msg(hash == first, "%s, %s: 1 thread ends at %016" PRIx64 ", %d at %016" PRIx64, name,
                      bg_dtype_name(dtype), first, thread_counts[i], hash);
    }
    printf("%s, %s, %d steps, 1 2 3 4 8 threads: %016" PRIx64 "\n", name, bg_dtype_name(dtype), steps, first);
    fflush(stdout);
}
END_TEST

static bool is_side_by_side(int threads)
{
    network n = { .dtype = BG_F32 };
    char text[1 << 16];
    expect_ok(bg_engine_create(&n.engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&n.graph, n.engine), "graph");
    bg_program *program = descend(&n, deep(&n));
    ck_assert_uint_lt(bg_program_dump(program, text, sizeof text), sizeof text);
    finish(&n, program);
    return strstr(text, "side by side") != NULL;
}

/* Of four tasks one worker takes several together, and each of four workers one. */
START_TEST(side_by_side)
{
    ck_assert(is_side_by_side(1));
    ck_assert(!is_side_by_side(4));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("determinism of networks");
    TCase *cases = tcase_create("threads");
    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, test_threads, 0, 8);
    tcase_add_test(cases, side_by_side);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
