/* The same bits for any number of threads, for repeated runs, and wherever the caller's memory lies.
 *
 * BLASGRAD_LONG=1 adds the 784-512-512-10 network over 100 steps, all batches, both types. */
#include "support/counting.h"
#include "support/expect.h"
#include "support/fixed.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IS_SANITIZED = IS_ADDRESS_SANITIZED || IS_THREAD_SANITIZED };

static const int thread_counts[] = { 1, 2, 3, 4, 8 };
enum { N_THREAD_COUNTS = 5, N_LAYERS = 3 };

typedef struct {
    const char *name;
    int64_t widths[N_LAYERS + 1];
    int64_t batch;
    bg_dtype dtype;
    int steps;
} network;

/* ---- Training ---- */

/* Memory of the caller's that begins `shift` elements after a page; or the engine's own if shift is negative. */
typedef struct {
    bg_tensor *tensor;
    void *memory;
} place;

static place make_place(bg_engine *engine, bg_dtype dtype, bg_shape shape, int shift)
{
    place made = { NULL, NULL };
    if (shift < 0) {
        expect_ok(bg_tensor_create(&made.tensor, engine, dtype, shape), "a tensor");
        return made;
    }
    size_t size = bg_dtype_size(dtype), bytes = ((size_t)bg_shape_count(shape) + (size_t)shift) * size;
    made.memory = aligned_alloc(4096, (bytes / 4096 + 1) * 4096);
    ck_assert_ptr_nonnull(made.memory);
    memset(made.memory, 0, bytes);
    expect_ok(bg_tensor_wrap(&made.tensor, engine, dtype, shape, (char *)made.memory + (size_t)shift * size),
              "wrapped");
    return made;
}

static void free_place(const place *p)
{
    bg_tensor_destroy(p->tensor);
    free(p->memory);
}

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    place weights[2 * N_LAYERS], moments[2 * N_LAYERS], x, classes;
} training;

/* Momentum 0.9 on every weight and bias; the updates are in the graph, as in the header's form. */
static void build(training *t, const network *net, int threads, int shift)
{
    expect_ok(bg_engine_create(&t->engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&t->graph, t->engine), "graph");
    t->x = make_place(t->engine, net->dtype, BG_SHAPE(net->batch, net->widths[0]), shift);
    t->classes = make_place(t->engine, BG_I32, BG_SHAPE(net->batch), shift);
    bg_node *x = bg_input(t->graph, "x", net->dtype, BG_SHAPE(net->batch, net->widths[0]));
    bg_node *classes = bg_input(t->graph, "classes", BG_I32, BG_SHAPE(net->batch)), *h = x;
    bg_node *w[2 * N_LAYERS], *d[2 * N_LAYERS];
    for (int i = 0; i < N_LAYERS; i++) {
        int64_t in = net->widths[i], out = net->widths[i + 1];
        const bg_shape shapes[2] = { BG_SHAPE(out, in), BG_SHAPE(out) };
        for (int k = 0; k < 2; k++) {
            place *weight = &t->weights[2 * i + k], *moment = &t->moments[2 * i + k];
            *weight = make_place(t->engine, net->dtype, shapes[k], shift < 0 ? shift : (shift * 3 + i) % 16);
            *moment = make_place(t->engine, net->dtype, shapes[k], shift < 0 ? shift : (shift * 5 + k) % 16);
            fixed_fill(bg_tensor_data(weight->tensor), net->dtype, bg_shape_count(shapes[k]), (uint64_t)(2 * i + k + 1),
                       1 / sqrt((double)in));
            w[2 * i + k] = bg_parameter(t->graph, weight->tensor);
        }
        h = bg_linear(h, w[2 * i], w[2 * i + 1]);
        h = i + 1 < N_LAYERS ? bg_relu(h) : h;
    }
    bg_node *loss = bg_cross_entropy_loss(h, classes, BG_MEAN);
    expect_ok(bg_grad(loss, w, 2 * N_LAYERS, d), "gradient");
    for (int i = 0; i < 2 * N_LAYERS; i++) {
        bg_node *v = bg_buffer(t->graph, t->moments[i].tensor);
        bg_update(v, bg_add(bg_mul_scalar(v, 0.9), d[i]));
        bg_update(w[i], bg_sub(w[i], bg_mul_scalar(bg_updated(v), 0.02)));
    }
    expect_ok(bg_compile(&t->program, t->graph, &loss, 1, NULL), "compile");
    expect_ok(bg_program_bind(t->program, x, t->x.tensor), "bind");
    expect_ok(bg_program_bind(t->program, classes, t->classes.tensor), "bind");
}

static void destroy(training *t)
{
    bg_program_destroy(t->program);
    bg_graph_destroy(t->graph);
    for (int i = 0; i < 2 * N_LAYERS; i++) {
        free_place(&t->weights[i]);
        free_place(&t->moments[i]);
    }
    free_place(&t->x);
    free_place(&t->classes);
    bg_engine_destroy(t->engine);
}

/* The hash of all weights and moments after the steps, and of every step's loss. */
static uint64_t train(const network *net, int threads, int shift)
{
    training t = { 0 };
    build(&t, net, threads, shift);
    uint64_t hash = 0;
    for (int step = 0; step < net->steps; step++) {
        int64_t count = net->batch * net->widths[0], last = net->widths[N_LAYERS];
        fixed_fill(bg_tensor_data(t.x.tensor), net->dtype, count, (uint64_t)(100 + step % 4), 1);
        int32_t *classes = bg_tensor_data(t.classes.tensor);
        for (int64_t i = 0; i < net->batch; i++)
            classes[i] = (int32_t)((i * 7 + step % 4) % last);
        expect_ok(bg_program_run(t.program), net->name);
        hash = hash_tensor(hash, bg_program_output(t.program, 0));
    }
    double loss = NAN;
    expect_ok(bg_tensor_item(bg_program_output(t.program, 0), 0, &loss), "loss");
    ck_assert_msg(isfinite(loss), "%s: the loss is %g", net->name, loss); /* equal NaNs would say nothing */
    for (int i = 0; i < 2 * N_LAYERS; i++) {
        hash = hash_tensor(hash, t.weights[i].tensor);
        hash = hash_tensor(hash, t.moments[i].tensor);
    }
    destroy(&t);
    return hash;
}

static uint64_t expect_same_bits(const network *net, const int *threads, int n)
{
    uint64_t first = train(net, threads[0], -1);
    for (int i = 1; i < n; i++) {
        uint64_t hash = train(net, threads[i], -1);
        ck_assert_msg(hash == first, "%s, batch %" PRId64 ", %s: %d threads end at %016" PRIx64 ", %d at %016" PRIx64,
                      net->name, net->batch, bg_dtype_name(net->dtype), threads[0], first, threads[i], hash);
    }
    return first;
}

/* ---- Cases ---- */

static const int64_t batches[] = { 1, 7, 128, 500 };
static const bg_dtype dtypes[] = { BG_F32, BG_F64 };

START_TEST(test_threads)
{
    network net = { "64-96-96-10", { 64, 96, 96, 10 }, batches[_i / 2], dtypes[_i % 2], IS_SANITIZED ? 10 : 100 };
    expect_same_bits(&net, thread_counts, N_THREAD_COUNTS);
}
END_TEST

START_TEST(test_wide)
{
    network net = { "784-512-512-10", { 784, 512, 512, 10 }, 128, dtypes[_i], IS_SANITIZED ? 2 : 6 };
    expect_same_bits(&net, (const int[]){ 1, 2, 3 }, 3);
}
END_TEST

/* Sizes that divide nothing. */
START_TEST(test_odd_sizes)
{
    static const network nets[] = {
        { "33-257-31-3", { 33, 257, 31, 3 }, 61, BG_F32, 20 },
        { "1-1-1-2", { 1, 1, 1, 2 }, 3, BG_F64, 20 },
        { "300-1-300-7", { 300, 1, 300, 7 }, 129, BG_F64, 20 },
        { "17-1031-13-11", { 17, 1031, 13, 11 }, 257, BG_F32, 8 },
    };
    expect_same_bits(&nets[_i], thread_counts, N_THREAD_COUNTS);
}
END_TEST

START_TEST(test_repeated_runs)
{
    network net = { "64-96-96-10", { 64, 96, 96, 10 }, 128, dtypes[_i], 10 };
    uint64_t first = train(&net, 4, -1);
    for (int i = 0; i < 20; i++)
        ck_assert_msg(train(&net, 4, -1) == first, "run %d of %s in %s differs", i + 2, net.name,
                      bg_dtype_name(net.dtype));
}
END_TEST

/* Inputs, weights and moments in memory of the caller's at every distance from a cache line. */
START_TEST(test_alignment)
{
    network net = { "64-96-96-10", { 64, 96, 96, 10 }, batches[_i / 2], dtypes[_i % 2], IS_SANITIZED ? 3 : 10 };
    uint64_t first = train(&net, 2, -1);
    for (int shift = 0; shift < 16; shift++)
        ck_assert_msg(train(&net, 1 + shift % 3, shift) == first, "%s, batch %" PRId64 ", %s: %d elements off",
                      net.name, net.batch, bg_dtype_name(net.dtype), shift);
}
END_TEST

/* ---- Attention ---- */

typedef struct {
    int64_t b, h, hk, l, s, d, e;
    bool is_causal;
} attention_sizes;

/* The hash of attention with a mask and dropout and of its gradients, in two runs with different numbers. */
static uint64_t attend(const attention_sizes *z, bg_dtype dtype, int threads)
{
    enum { N = 5 };
    const bg_shape shapes[N] = { BG_SHAPE(z->b, z->h, z->l, z->d), BG_SHAPE(z->b, z->hk, z->s, z->d),
                                 BG_SHAPE(z->b, z->hk, z->s, z->e), BG_SHAPE(z->l, z->s),
                                 BG_SHAPE(z->b, z->h, z->l, z->e) };
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *tensors[N];
    bg_node *x[N], *outputs[N];
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    for (int i = 0; i < N; i++) {
        expect_ok(bg_tensor_create(&tensors[i], engine, dtype, shapes[i]), "a tensor");
        fixed_fill(bg_tensor_data(tensors[i]), dtype, bg_shape_count(shapes[i]), (uint64_t)i + 1, 1);
        x[i] = bg_parameter(graph, tensors[i]);
    }
    bg_attention_options o = { .is_causal = z->is_causal, .mask = x[3], .dropout = 0.2 };
    outputs[0] = bg_attention(x[0], x[1], x[2], &o);
    expect_ok(bg_grad_from(outputs, &x[4], 1, x, 4, outputs + 1), "gradient");
    expect_ok(bg_compile(&program, graph, outputs, N, NULL), "compile");
    uint64_t hash = 0, first = 0;
    for (int run = 0; run < 2; run++) {
        expect_ok(bg_program_run(program), "run");
        for (size_t i = 0; i < N; i++)
            hash = hash_tensor(hash, bg_program_output(program, i));
        first = run == 0 ? hash_tensor(0, bg_program_output(program, 0)) : first;
    }
    ck_assert_msg(first != hash_tensor(0, bg_program_output(program, 0)), "two runs drop the same");
    double value = NAN;
    expect_ok(bg_tensor_item(bg_program_output(program, 4), 0, &value), "a gradient");
    ck_assert_msg(isfinite(value), "a gradient is %g", value);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < N; i++)
        bg_tensor_destroy(tensors[i]);
    bg_engine_destroy(engine);
    return hash;
}

START_TEST(test_attention)
{
    static const attention_sizes sizes[] = {
        { 3, 8, 8, 64, 64, 32, 32, true }, { 2, 4, 2, 70, 130, 16, 24, false }, { 1, 2, 1, 1024, 300, 8, 5, false },
        { 1, 3, 3, 515, 520, 7, 9, true }, { 8, 6, 2, 40, 33, 8, 8, true },
    };
    const attention_sizes *z = &sizes[_i / 2];
    uint64_t first = attend(z, dtypes[_i % 2], thread_counts[0]);
    for (int i = 1; i < N_THREAD_COUNTS; i++) {
        uint64_t hash = attend(z, dtypes[_i % 2], thread_counts[i]);
        ck_assert_msg(hash == first, "attention, sizes %d, %s: 1 thread ends at %016" PRIx64 ", %d at %016" PRIx64,
                      _i / 2, bg_dtype_name(dtypes[_i % 2]), first, thread_counts[i], hash);
    }
}
END_TEST

START_TEST(test_long)
{
    network net = { "784-512-512-10", { 784, 512, 512, 10 }, batches[_i / 2], dtypes[_i % 2], 100 };
    uint64_t hash = expect_same_bits(&net, thread_counts, N_THREAD_COUNTS);
    printf("%s, batch %" PRId64 ", %s, %d steps, 1 2 3 4 8 threads: %016" PRIx64 "\n", net.name, net.batch,
           bg_dtype_name(net.dtype), net.steps, hash);
    fflush(stdout);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("determinism");
    TCase *short_ones = tcase_create("short");
    tcase_add_loop_test(short_ones, test_threads, 0, 8);
    tcase_add_loop_test(short_ones, test_wide, 0, 2);
    tcase_add_loop_test(short_ones, test_odd_sizes, 0, 4);
    tcase_add_loop_test(short_ones, test_repeated_runs, 0, 2);
    tcase_add_loop_test(short_ones, test_alignment, 0, 8);
    tcase_add_loop_test(short_ones, test_attention, 0, 10);
    suite_add_tcase(suite, short_ones);
    const char *is_long = getenv("BLASGRAD_LONG");
    if (is_long && *is_long) {
        TCase *long_ones = tcase_create("long");
        tcase_set_timeout(long_ones, 1200);
        tcase_add_loop_test(long_ones, test_long, 0, 8);
        suite_add_tcase(suite, long_ones);
    }
    return suite;
}

int main(void) { return run_suite(make_suite()); }
