/* Many engines, busy engines, and every order of destruction. */
#define _POSIX_C_SOURCE 200809L
#include "support/counting.h"
#include "support/everything.h"
#include "support/expect.h"
#include "support/sanitized.h"
#include "support/suite.h"
#include "support/training.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOSTS = IS_THREAD_SANITIZED ? 4 : 16 }; /* TSan is slow */

/* ---- Several engines at once ---- */

enum { MOST_A_THREAD = 4 };

typedef struct {
    pthread_t thread;
    int n;
    int engine_threads;
    training trainings[MOST_A_THREAD];
} host;

/* All engines of the thread live at the same time, and take their steps in turn. */
static void *run_host(void *argument)
{
    host *h = argument;
    for (int i = 0; i < h->n; i++)
        training_build(&h->trainings[i], &(bg_engine_options){ .threads = h->engine_threads });
    for (int step = 0; step < TRAINING_STEPS; step++)
        for (int i = 0; i < h->n; i++)
            training_step(&h->trainings[i]);
    for (int i = 0; i < h->n; i++)
        training_end(&h->trainings[i]);
    return NULL;
}

static void run_hosts(int n_threads, int engines_a_thread, int engine_threads)
{
    static host hosts[HOSTS];
    uint64_t expected[HOSTS * MOST_A_THREAD];
    for (int i = 0; i < n_threads * engines_a_thread; i++)
        expected[i] = train_alone(i);
    for (int i = 0; i < n_threads; i++) {
        hosts[i] = (host){ .n = engines_a_thread, .engine_threads = engine_threads };
        for (int k = 0; k < engines_a_thread; k++)
            hosts[i].trainings[k].number = i * engines_a_thread + k;
        ck_assert_int_eq(pthread_create(&hosts[i].thread, NULL, run_host, &hosts[i]), 0);
    }
    for (int i = 0; i < n_threads; i++)
        ck_assert_int_eq(pthread_join(hosts[i].thread, NULL), 0);
    for (int i = 0; i < n_threads * engines_a_thread; i++) {
        const training *t = &hosts[i / engines_a_thread].trainings[i % engines_a_thread];
        ck_assert_msg(t->status == BG_OK, "training %d: %s: %s", i, bg_status_name(t->status), t->message);
        ck_assert_msg(t->hash == expected[i], "training %d beside others ends with other bits", i);
    }
}

START_TEST(test_two_engines)
{
    for (int i = 0; i < 5; i++)
        run_hosts(2, 1, 2);
}
END_TEST

START_TEST(test_many_engines) { run_hosts(HOSTS, MOST_A_THREAD, 1 + _i); }
END_TEST

/* ---- A busy engine ---- */

static struct {
    bg_program *inner, *outer; /* of the engine that runs */
    bg_node *x;
    bg_tensor *value;
    bg_program *other; /* of another engine */
    atomic_bool waits, is_inside;
    bg_status run_inner, run_outer, bind, run_other;
} busy;

static bg_status busy_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static bg_status busy_call(const bg_call *call)
{
    const float *x = call->inputs[0];
    float *y = call->output;
    y[0] = x[0] + 1;
    busy.run_inner = bg_program_run(busy.inner);
    busy.run_outer = bg_program_run(busy.outer);
    busy.bind = bg_program_bind(busy.outer, busy.x, busy.value);
    busy.run_other = bg_program_run(busy.other);
    atomic_store(&busy.is_inside, true);
    while (atomic_load(&busy.waits))
        (void)sched_yield();
    return BG_OK;
}
static const bg_op busy_op = { .name = "busy", .arity = 1, .infer = busy_infer, .call = busy_call };

static void *run_outer(void *status)
{
    *(bg_status *)status = bg_program_run(busy.outer);
    return NULL;
}

/* x + 1, by the op or not. */
typedef struct {
    bg_graph *graph;
    bg_node *x;
    bg_tensor *value;
    bg_program *program;
} increment;

static increment make_increment(bg_engine *engine, bool with_op)
{
    increment made;
    expect_ok(bg_graph_create(&made.graph, engine), "graph");
    expect_ok(bg_tensor_create(&made.value, engine, BG_F32, BG_SCALAR), "value");
    made.x = bg_input(made.graph, "x", BG_F32, BG_SCALAR);
    bg_node *y = with_op ? bg_apply(&busy_op, &made.x, 1, NULL, 0) : bg_add_scalar(made.x, 1);
    expect_ok(bg_compile(&made.program, made.graph, &y, 1, NULL), "compile");
    expect_ok(bg_program_bind(made.program, made.x, made.value), "bind");
    return made;
}

static void destroy_increment(const increment *made)
{
    bg_program_destroy(made->program);
    bg_graph_destroy(made->graph);
    bg_tensor_destroy(made->value);
}

START_TEST(test_busy)
{
    bg_engine *engine, *second;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = _i + 1 }), "engine");
    expect_ok(bg_engine_create(&second, &(bg_engine_options){ .threads = 1 }), "second engine");
    increment outer = make_increment(engine, true), inner = make_increment(engine, false);
    increment other = make_increment(second, false);
    busy.outer = outer.program;
    busy.inner = inner.program;
    busy.other = other.program;
    busy.x = outer.x;
    busy.value = outer.value;
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        bg_status outcome = BG_ERR_SYSTEM;
        atomic_store(&busy.waits, true);
        atomic_store(&busy.is_inside, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, run_outer, &outcome), 0);
        while (!atomic_load(&busy.is_inside))
            (void)sched_yield();
        bg_status run = bg_program_run(inner.program);
        bool names_engine = strstr(bg_last_error(), "the engine is running a program") != NULL;
        bg_status bind = bg_program_bind(inner.program, inner.x, inner.value);
        atomic_store(&busy.waits, false);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(run, BG_ERR_BUSY);
        ck_assert_int_eq(bind, BG_ERR_BUSY);
        ck_assert(names_engine);
        ck_assert_int_eq(busy.run_inner, BG_ERR_BUSY);
        ck_assert_int_eq(busy.run_outer, BG_ERR_BUSY);
        ck_assert_int_eq(busy.bind, BG_ERR_BUSY);
        ck_assert_int_eq(busy.run_other, BG_OK);
        ck_assert_int_eq(outcome, BG_OK);
        expect_ok(bg_program_run(inner.program), "the engine is free again");
    }
    destroy_increment(&outer);
    destroy_increment(&inner);
    destroy_increment(&other);
    bg_engine_destroy(engine);
    bg_engine_destroy(second);
}
END_TEST

/* ---- Orders of destruction ---- */

enum { OBJECTS = 8 };
static const char *const object_names[OBJECTS] = { "engine",  "tensor", "view",    "graph",
                                                   "program", "model",  "dataset", "trainer" };

static void destroy_object(everything *e, int object)
{
    switch (object) {
    case 0:
        bg_engine_destroy(e->engine);
        break;
    case 1:
        bg_tensor_destroy(e->tensor);
        e->tensor = NULL;
        break;
    case 2:
        bg_tensor_destroy(e->view);
        e->view = NULL;
        break;
    case 3:
        bg_graph_destroy(e->graph);
        e->graph = NULL;
        break;
    case 4:
        bg_program_destroy(e->program);
        e->program = NULL;
        break;
    case 5:
        bg_model_destroy(e->model);
        e->model = NULL;
        break;
    case 6:
        bg_dataset_destroy(e->dataset);
        e->dataset = NULL;
        break;
    default:
        bg_trainer_destroy(e->trainer);
        e->trainer = NULL;
    }
}

/* What is left still works. */
static bg_status use_the_rest(const everything *e)
{
    bg_status status = BG_OK;
    double item;
    bg_tensor *third = NULL;
    if (e->tensor)
        status = bg_tensor_slice(&third, e->tensor, 1, 0, 2, 1);
    bg_tensor_destroy(third);
    if (!status && e->view)
        status = bg_tensor_item(e->view, 3, &item);
    if (!status && e->program)
        status = bg_program_run(e->program);
    if (!status && e->graph)
        status = bg_graph_status(e->graph);
    if (!status && e->dataset && e->trainer)
        status = bg_trainer_fit(e->trainer, e->dataset, NULL, NULL, NULL);
    if (!status && e->model)
        status = bg_model_find(e->model, "out.weight") ? BG_OK : BG_ERR_ARGUMENT;
    return status;
}

static void try_order(const int *order, bool uses)
{
    counting counter = { 0 };
    everything e = { 0 };
    char text[256] = "";
    expect_ok(make_everything(&e, &(bg_engine_options){ .threads = 1, .allocator = counting_allocator(&counter) }),
              "everything");
    bg_tensor_destroy(e.classes); /* the data set has it */
    bg_archive_destroy(e.archive);
    bg_evaluation_destroy(e.evaluation);
    bg_status status = BG_OK;
    for (int i = 0; i < OBJECTS; i++) {
        strcat(strcat(text, " "), object_names[order[i]]);
        destroy_object(&e, order[i]);
        if (uses && !status)
            status = use_the_rest(&e);
    }
    ck_assert_msg(status == BG_OK, "destroyed in the order%s: %s: %s", text, bg_status_name(status), bg_last_error());
    ck_assert_msg(counter.live == 0 && counter.wrong == 0, "destroyed in the order%s: %lld blocks are left", text,
                  (long long)counter.live);
}

/* The next permutation of the first n in lexical order; false behind the last. */
static bool next_order(int *order, int n)
{
    int i = n - 2, j = n - 1;
    while (i >= 0 && order[i] > order[i + 1])
        i--;
    if (i < 0)
        return false;
    while (order[j] < order[i])
        j--;
    int held = order[i];
    order[i] = order[j];
    order[j] = held;
    for (int a = i + 1, b = n - 1; a < b; a++, b--) {
        held = order[a];
        order[a] = order[b];
        order[b] = held;
    }
    return true;
}

/* Every 13th of the 40,320 orders, or all of them if BLASGRAD_LONG is set; every tenth with the rest in use. */
START_TEST(test_orders_of_destruction)
{
    const char *is_long = getenv("BLASGRAD_LONG");
    int every = is_long && *is_long ? 1 : 13, tried = 0, number = 0;
    int order[OBJECTS] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    do {
        if (number++ % every != 0)
            continue;
        try_order(order, tried++ % 10 == 0);
    } while (next_order(order, OBJECTS));
    ck_assert_int_eq(number, 40320);
    ck_assert_int_eq(tried, (40320 + every - 1) / every);
}
END_TEST

/* The engine first and what hangs on it in every order, in use. */
START_TEST(test_engine_first)
{
    static const int pivots[] = { 0, 1, 5 };
    for (size_t p = 0; p < sizeof pivots / sizeof *pivots; p++) {
        int few[5] = { 1, 2, 3, 4, 7 }, order[OBJECTS];
        do {
            int n = 0;
            order[n++] = pivots[p];
            for (int i = 0; i < 5; i++)
                if (few[i] != pivots[p])
                    order[n++] = few[i];
            for (int i = 0; i < OBJECTS; i++) {
                bool is_in = false;
                for (int k = 0; k < n; k++)
                    is_in = is_in || order[k] == i;
                if (!is_in)
                    order[n++] = i;
            }
            try_order(order, true);
        } while (next_order(few, 5));
    }
}
END_TEST

START_TEST(test_destroy_null)
{
    bg_engine_destroy(NULL);
    bg_tensor_destroy(NULL);
    bg_graph_destroy(NULL);
    bg_program_destroy(NULL);
    bg_model_destroy(NULL);
    bg_dataset_destroy(NULL);
    bg_trainer_destroy(NULL);
    bg_archive_destroy(NULL);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("threads and lifetimes");
    TCase *engines = tcase_create("engines");
    tcase_add_test(engines, test_two_engines);
    tcase_add_loop_test(engines, test_many_engines, 0, 2);
    tcase_add_loop_test(engines, test_busy, 0, 3);
    suite_add_tcase(suite, engines);
    TCase *orders = tcase_create("destruction");
    tcase_set_timeout(orders, 600);
    tcase_add_test(orders, test_orders_of_destruction);
    tcase_add_test(orders, test_engine_first);
    tcase_add_test(orders, test_destroy_null);
    suite_add_tcase(suite, orders);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
