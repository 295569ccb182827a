/* A run does all of its effects or none: steps that fail beside updates. */
#define _DEFAULT_SOURCE
#include "support/counting.h"
#include "support/expect.h"
#include "support/suite.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int thread_counts[] = { 1, 2, 4 };
enum { N_THREAD_COUNTS = 3 };

static bg_engine *start_engine(int threads)
{
    bg_engine *engine = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "an engine");
    return engine;
}

static double value_at(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    expect_ok(bg_tensor_item(tensor, i, &value), "reading a number");
    return value;
}

/* ---- A step that fails ---- */

static const char *failing_name;
static atomic_int calls_to_failing;
static bool fails_now;

static bg_status same_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status failing_call(const bg_call *call)
{
    atomic_fetch_add(&calls_to_failing, 1);
    const double *x = call->inputs[0];
    double *y = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++)
        y[i] = x[i];
    return fails_now && call->first == 0 ? bg_fail(BG_ERR_NUMERIC, "failing: told to, at %s", failing_name) : BG_OK;
}
static int64_t every_element(const bg_node *node, int input)
{
    (void)input;
    return bg_shape_count(bg_node_shape(node));
}
static const bg_op failing_op = {
    .name = "failing", .arity = 1, .infer = same_infer, .call = failing_call, .units = every_element
};
static bg_node *failing(bg_node *x) { return bg_apply(&failing_op, &x, 1, NULL, 0); }

typedef struct {
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *x_value, *classes_value, *states[4];
    bg_node *x, *classes, *w[2], *v[2], *loss;
} classifier;

/* Two layers with momentum. */
static void build_classifier(classifier *c, int64_t batch, int64_t hidden)
{
    const bg_shape shapes[] = { BG_SHAPE(hidden, 20), BG_SHAPE(10, hidden) };
    expect_ok(bg_graph_create(&c->graph, c->engine), "graph");
    for (int i = 0; i < 4; i++) {
        expect_ok(bg_tensor_create(&c->states[i], c->engine, BG_F64, shapes[i / 2]), "state");
        double *values = bg_tensor_data(c->states[i]);
        for (int64_t k = 0; k < bg_shape_count(shapes[i / 2]) && i % 2 == 0; k++)
            values[k] = sin((double)(k * 7 + i)) / 4;
    }
    for (int i = 0; i < 2; i++) {
        c->w[i] = bg_parameter(c->graph, c->states[2 * i]);
        c->v[i] = bg_buffer(c->graph, c->states[2 * i + 1]);
    }
    c->x = bg_input(c->graph, "x", BG_F64, BG_SHAPE(batch, 20));
    c->classes = bg_input(c->graph, "classes", BG_I64, BG_SHAPE(batch));
    expect_ok(bg_tensor_create(&c->x_value, c->engine, BG_F64, BG_SHAPE(batch, 20)), "x");
    expect_ok(bg_tensor_create(&c->classes_value, c->engine, BG_I64, BG_SHAPE(batch)), "classes");
    double *values = bg_tensor_data(c->x_value);
    int64_t *classes = bg_tensor_data(c->classes_value);
    for (int64_t i = 0; i < batch * 20; i++)
        values[i] = cos((double)i);
    for (int64_t i = 0; i < batch; i++)
        classes[i] = i % 10;
    c->loss = bg_linear(bg_tanh(bg_linear(c->x, c->w[0], NULL)), c->w[1], NULL);
}

static void add_steps(classifier *c)
{
    bg_node *d[2];
    expect_ok(bg_grad(c->loss, c->w, 2, d), "gradient");
    for (int i = 0; i < 2; i++) {
        bg_update(c->v[i], bg_add(bg_mul_scalar(c->v[i], 0.9), d[i]));
        bg_update(c->w[i], bg_sub(c->w[i], bg_mul_scalar(bg_updated(c->v[i]), 0.1)));
    }
    expect_ok(bg_compile(&c->program, c->graph, &c->loss, 1, NULL), "compile");
    expect_ok(bg_program_bind(c->program, c->x, c->x_value), "bind");
    expect_ok(bg_program_bind(c->program, c->classes, c->classes_value), "bind");
}

static uint64_t states_hash(const classifier *c)
{
    uint64_t hash = 0;
    for (int i = 0; i < 4; i++)
        hash = hash_tensor(hash, c->states[i]);
    return hash;
}

static void destroy_classifier(classifier *c)
{
    bg_program_destroy(c->program);
    bg_graph_destroy(c->graph);
    bg_tensor_destroy(c->x_value);
    bg_tensor_destroy(c->classes_value);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(c->states[i]);
}

static const struct {
    int64_t batch, hidden;
} classifier_sizes[] = { { 3, 4 }, { 1, 5 }, { 100, 300 }, { 700, 64 } };
enum { N_CLASSIFIERS = sizeof classifier_sizes / sizeof *classifier_sizes };

static uint64_t reference_after_two_steps(int64_t batch, int64_t hidden)
{
    classifier c = { .engine = start_engine(1) };
    build_classifier(&c, batch, hidden);
    c.loss = bg_cross_entropy_loss(c.loss, c.classes, BG_MEAN);
    add_steps(&c);
    expect_ok(bg_program_run(c.program), "first step");
    expect_ok(bg_program_run(c.program), "second step");
    uint64_t hash = states_hash(&c);
    destroy_classifier(&c);
    bg_engine_destroy(c.engine);
    return hash;
}

/* A class out of range anywhere in the batch, in any of several runs, changes nothing; the next run with good data is
 * as if it had not been. */
START_TEST(test_class_out_of_range)
{
    static const int64_t wrong[] = { 10, -1, INT64_MAX, INT64_MIN, 266 };
    int64_t batch = classifier_sizes[_i].batch, hidden = classifier_sizes[_i].hidden;
    uint64_t reference = reference_after_two_steps(batch, hidden);
    for (int t = 0; t < N_THREAD_COUNTS; t++) {
        classifier c = { .engine = start_engine(thread_counts[t]) };
        build_classifier(&c, batch, hidden);
        c.loss = bg_cross_entropy_loss(c.loss, c.classes, BG_MEAN);
        add_steps(&c);
        expect_ok(bg_program_run(c.program), "a step");
        uint64_t before = states_hash(&c);
        for (int k = 0; k < 15; k++) {
            int64_t at = (k / 5) * (batch - 1) / 2, *classes = bg_tensor_data(c.classes_value), good = classes[at];
            char text[64];
            snprintf(text, sizeof text, "class %lld at [%lld] is outside 0 .. 9", (long long)wrong[k % 5],
                     (long long)at);
            classes[at] = wrong[k % 5];
            expect_failure(bg_program_run(c.program), BG_ERR_INDEX, text, "a class out of range");
            ck_assert_msg(states_hash(&c) == before, "%d threads, class %lld at %lld: the failed run left an effect",
                          thread_counts[t], (long long)wrong[k % 5], (long long)at);
            classes[at] = good;
        }
        expect_ok(bg_program_run(c.program), "the step after a failed one");
        ck_assert_msg(states_hash(&c) == reference, "%d threads: failed runs changed later ones", thread_counts[t]);
        destroy_classifier(&c);
        bg_engine_destroy(c.engine);
    }
}
END_TEST

/* Where the failing op stands among everything else. */
static bg_node *fail_aside(classifier *c, bg_node *scores)
{
    (void)c;
    return bg_add(scores, bg_stop_gradient(bg_mul_scalar(failing(scores), 0)));
}
static bg_node *fail_target(classifier *c, bg_node *scores)
{
    bg_update(c->v[0], failing(c->w[0]));
    bg_node *checked = bg_stop_gradient(bg_mul_scalar(bg_mean(bg_updated(c->v[0]), BG_ALL_AXES), 0));
    return bg_add(scores, checked);
}
static bg_node *failing_gradient(bg_node *node, int input, bg_node *dy) { return (void)node, (void)input, failing(dy); }
static bg_node *pass_on_compose(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 1); }
static const bg_op pass_on_op = {
    .name = "pass_on", .arity = 1, .infer = same_infer, .gradient = failing_gradient, .compose = pass_on_compose
};
static bg_node *fail_backward(classifier *c, bg_node *scores)
{
    return (void)c, bg_apply(&pass_on_op, &scores, 1, NULL, 0);
}
static bg_node *failing_again(bg_node *node, int input, bg_node *dy) { return (void)node, (void)input, dy; }
static const bg_op failing_smooth_op = { .name = "failing",
                                         .arity = 1,
                                         .infer = same_infer,
                                         .gradient = failing_again,
                                         .call = failing_call,
                                         .units = every_element };
static bg_node *fail_forward(classifier *c, bg_node *scores)
{
    return (void)c, bg_apply(&failing_smooth_op, &scores, 1, NULL, 0);
}

static const struct {
    const char *name;
    bg_node *(*insert)(classifier *c, bg_node *scores);
} failing_places[] = {
    { "the forward pass", fail_forward },
    { "the backward pass", fail_backward },
    { "a branch without gradient", fail_aside },
    { "the new value of a buffer", fail_target },
};
enum { N_PLACES = sizeof failing_places / sizeof *failing_places };

START_TEST(test_failing_op)
{
    failing_name = failing_places[_i].name;
    for (int s = 0; s < N_CLASSIFIERS; s++)
        for (int t = 0; t < N_THREAD_COUNTS; t++) {
            classifier c = { .engine = start_engine(thread_counts[t]) };
            build_classifier(&c, classifier_sizes[s].batch, classifier_sizes[s].hidden);
            bg_node *scores = failing_places[_i].insert(&c, c.loss);
            c.loss = bg_cross_entropy_loss(scores, c.classes, BG_MEAN);
            add_steps(&c);
            fails_now = false;
            expect_ok(bg_program_run(c.program), failing_name);
            uint64_t before = states_hash(&c);
            fails_now = true;
            for (int k = 0; k < 5; k++) {
                calls_to_failing = 0;
                expect_failure(bg_program_run(c.program), BG_ERR_NUMERIC, failing_name, failing_name);
                ck_assert_int_gt(calls_to_failing, 0);
                ck_assert_msg(states_hash(&c) == before, "%s, %d threads: the failed run left an effect", failing_name,
                              thread_counts[t]);
            }
            fails_now = false;
            expect_ok(bg_program_run(c.program), failing_name);
            ck_assert(states_hash(&c) != before);
            destroy_classifier(&c);
            bg_engine_destroy(c.engine);
        }
}
END_TEST

/* A failing step that nothing else depends on: an output only, late, beside updates that would be ready at once, of
 * tensors that it reads and of one that it does not. */
START_TEST(test_failing_output)
{
    failing_name = "an output";
    for (int t = 0; t < N_THREAD_COUNTS; t++)
        for (int64_t n = 10; n <= 400000; n *= 200) {
            bg_engine *engine = start_engine(thread_counts[t]);
            bg_graph *graph;
            bg_program *program;
            bg_tensor *tensors[3];
            bg_node *leaf[3];
            expect_ok(bg_graph_create(&graph, engine), "graph");
            for (int i = 0; i < 3; i++) {
                expect_ok(bg_tensor_create(&tensors[i], engine, BG_F64, BG_SHAPE(n)), "tensor");
                expect_ok(bg_tensor_fill(tensors[i], i + 1), "tensor");
                leaf[i] = bg_parameter(graph, tensors[i]);
            }
            bg_node *mean = bg_mean(bg_tanh(leaf[0]), BG_ALL_AXES);
            bg_node *late = failing(bg_exp(bg_sub(leaf[0], bg_mean(bg_sub(leaf[0], mean), BG_ALL_AXES))));
            bg_update(leaf[0], leaf[1]);
            bg_update(leaf[1], bg_add_scalar(leaf[0], 1));
            bg_update(leaf[2], bg_add_scalar(leaf[2], 1));
            expect_ok(bg_compile(&program, graph, &late, 1, NULL), "compile");
            fails_now = true;
            for (int k = 0; k < 3; k++)
                expect_failure(bg_program_run(program), BG_ERR_NUMERIC, failing_name, failing_name);
            for (int i = 0; i < 3; i++)
                for (int64_t k = 0; k < n; k += 1 + n / 50)
                    ck_assert_msg(value_at(tensors[i], k) == i + 1, "%d threads, tensor %d: %g after a failed run",
                                  thread_counts[t], i, value_at(tensors[i], k));
            fails_now = false;
            expect_ok(bg_program_run(program), failing_name);
            static const double expected[] = { 2, 2, 4 };
            for (int i = 0; i < 3; i++)
                for (int64_t k = 0; k < n; k += 1 + n / 50)
                    ck_assert(value_at(tensors[i], k) == expected[i]);
            bg_program_destroy(program);
            bg_graph_destroy(graph);
            for (int i = 0; i < 3; i++)
                bg_tensor_destroy(tensors[i]);
            bg_engine_destroy(engine);
        }
}
END_TEST

/* Each element that is negative fails, the first of them late. */
static bg_status positive_call(const bg_call *call)
{
    const double *x = call->inputs[0];
    double *y = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        y[i] = x[i];
        if (x[i] == -1)
            (void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        if (x[i] < 0)
            return bg_fail(BG_ERR_NUMERIC, "positive: element %lld", (long long)(call->first + i));
    }
    return BG_OK;
}
static int64_t one_element(const bg_node *node)
{
    (void)node;
    return 1;
}
static double much(const bg_node *node)
{
    (void)node;
    return 1e9; /* worth several threads */
}
static const bg_op positive_op = { .name = "positive",
                                   .arity = 1,
                                   .infer = same_infer,
                                   .call = positive_call,
                                   .units = every_element,
                                   .grain = one_element,
                                   .flops = much };

/* Of several failures the message is that of the first in order, not of the first in time. */
START_TEST(test_first_of_many_failures)
{
    enum { N = 64, FIRST = 20 };
    for (int t = 0; t < N_THREAD_COUNTS; t++) {
        bg_engine *engine = start_engine(thread_counts[t]);
        bg_graph *graph;
        bg_program *program;
        bg_tensor *numbers;
        expect_ok(bg_graph_create(&graph, engine), "graph");
        expect_ok(bg_tensor_create(&numbers, engine, BG_F64, BG_SHAPE(N)), "tensor");
        double *number = bg_tensor_data(numbers);
        for (int i = 0; i < N; i++)
            number[i] = i == FIRST ? -1 : i > FIRST ? -2 : 1;
        bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(N)), *y = bg_apply(&positive_op, &x, 1, NULL, 0);
        expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
        expect_ok(bg_program_bind(program, x, numbers), "bind");
        for (int k = 0; k < 5; k++)
            expect_failure(bg_program_run(program), BG_ERR_NUMERIC, "positive: element 20", "the first failure");
        bg_program_destroy(program);
        bg_graph_destroy(graph);
        bg_tensor_destroy(numbers);
        bg_engine_destroy(engine);
    }
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("failing steps");
    TCase *tests = tcase_create("failing steps");
    tcase_add_loop_test(tests, test_class_out_of_range, 0, N_CLASSIFIERS);
    tcase_add_loop_test(tests, test_failing_op, 0, N_PLACES);
    tcase_add_test(tests, test_failing_output);
    tcase_add_test(tests, test_first_of_many_failures);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
