/* Many engines, forked children, busy engines, and every order of destruction. */
#define _POSIX_C_SOURCE 200809L
#include "support/counting.h"
#include "support/expect.h"
#include "support/sanitized.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* TSan is slow, and ends a child of a process with threads when it starts one, as OpenBLAS does there. */
enum { HOSTS = IS_THREAD_SANITIZED ? 4 : 16, CHILDREN_START_THREADS = !IS_THREAD_SANITIZED };

/* ---- A training that is a function of its number ----
 * No checks of Check's in here: they are for the thread of the test. */

typedef struct {
    int number;
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *tensors[6]; /* x, classes, weights, moments */
    uint64_t hash;
    bg_status status; /* the first that is not BG_OK */
    char message[256];
} training;

static void note(training *t, bg_status status)
{
    if (!status || t->status)
        return;
    t->status = status;
    snprintf(t->message, sizeof t->message, "%s", bg_last_error());
}

static void build_training(training *t, const bg_engine_options *options)
{
    int64_t rows = 5 + 40 * (t->number % 3), in = 3 + t->number % 17, hidden = 8 + 24 * (t->number % 5);
    bool is_f64 = t->number % 2;
    bg_dtype dtype = is_f64 ? BG_F64 : BG_F32;
    const bg_shape shapes[6] = { BG_SHAPE(rows, in),  BG_SHAPE(rows),       BG_SHAPE(hidden, in),
                                 BG_SHAPE(4, hidden), BG_SHAPE(hidden, in), BG_SHAPE(4, hidden) };
    note(t, bg_engine_create(&t->engine, options));
    for (int i = 0; i < 6 && !t->status; i++) {
        note(t, bg_tensor_create(&t->tensors[i], t->engine, i == 1 ? BG_I32 : dtype, shapes[i]));
        for (int64_t k = 0; k < bg_shape_count(shapes[i]) && !t->status && i < 4; k++) {
            double value = sin((double)(k * (t->number + 3) + i)) / (i > 1 ? 3 : 1);
            if (i == 1)
                ((int32_t *)bg_tensor_data(t->tensors[i]))[k] = (int32_t)(k % 4);
            else if (is_f64)
                ((double *)bg_tensor_data(t->tensors[i]))[k] = value;
            else
                ((float *)bg_tensor_data(t->tensors[i]))[k] = (float)value;
        }
    }
    if (!t->status)
        note(t, bg_graph_create(&t->graph, t->engine));
    if (t->status)
        return;
    bg_node *x = bg_input(t->graph, "x", dtype, shapes[0]), *y = bg_input(t->graph, "y", BG_I32, shapes[1]);
    bg_node *w[2] = { bg_parameter(t->graph, t->tensors[2]), bg_parameter(t->graph, t->tensors[3]) }, *d[2];
    bg_node *h = bg_linear(bg_tanh(bg_linear(x, w[0], NULL)), w[1], NULL);
    bg_node *loss = bg_cross_entropy_loss(h, y, BG_MEAN);
    note(t, bg_grad(loss, w, 2, d));
    for (int i = 0; i < 2; i++) {
        bg_node *v = bg_buffer(t->graph, t->tensors[4 + i]);
        bg_update(v, bg_add(bg_mul_scalar(v, 0.9), d[i]));
        bg_update(w[i], bg_sub(w[i], bg_mul_scalar(bg_updated(v), 0.1)));
    }
    note(t, bg_compile(&t->program, t->graph, &loss, 1, NULL));
    note(t, bg_program_bind(t->program, x, t->tensors[0]));
    note(t, bg_program_bind(t->program, y, t->tensors[1]));
}

static void step_training(training *t)
{
    note(t, bg_program_run(t->program));
    if (!t->status)
        t->hash = hash_tensor(t->hash, bg_program_output(t->program, 0));
}

static void end_training(training *t)
{
    for (int i = 2; i < 6 && !t->status; i++)
        t->hash = hash_tensor(t->hash, t->tensors[i]);
    bg_program_destroy(t->program);
    bg_graph_destroy(t->graph);
    for (int i = 0; i < 6; i++)
        bg_tensor_destroy(t->tensors[i]);
    bg_engine_destroy(t->engine);
}

enum { STEPS = 20 };

static uint64_t train_alone(int number)
{
    training t = { .number = number };
    build_training(&t, &(bg_engine_options){ .threads = 1 });
    for (int i = 0; i < STEPS; i++)
        step_training(&t);
    end_training(&t);
    ck_assert_msg(t.status == BG_OK, "training %d: %s", number, t.message);
    return t.hash;
}

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
        build_training(&h->trainings[i], &(bg_engine_options){ .threads = h->engine_threads });
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < h->n; i++)
            step_training(&h->trainings[i]);
    for (int i = 0; i < h->n; i++)
        end_training(&h->trainings[i]);
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

/* ---- Forked children ---- */

/* Everything that belongs to one engine. */
typedef struct {
    bg_engine *engine;
    bg_tensor *tensor, *view, *classes;
    bg_graph *graph;
    bg_node *x, *w;
    bg_program *program;
    bg_model *model;
    bg_dataset *dataset;
    bg_trainer *trainer;
    bg_archive *archive;
} everything;

static bg_node *network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "out", x, 3);
}

static bg_status make_everything(everything *e, const bg_engine_options *options)
{
    bg_trainer_options settings = {
        .network = network, .loss = bg_cross_entropy_loss, .batch = 4, .optimizer = bg_sgd(0.1, 0.9)
    };
    bg_status status = bg_engine_create(&e->engine, options);
    if (!status)
        status = bg_tensor_create(&e->tensor, e->engine, BG_F32, BG_SHAPE(6, 5));
    if (!status)
        status = bg_tensor_fill(e->tensor, 0.5);
    if (!status)
        status = bg_tensor_slice(&e->view, e->tensor, 0, 1, 6, 2);
    if (!status)
        status = bg_tensor_create(&e->classes, e->engine, BG_I64, BG_SHAPE(6));
    if (!status)
        status = bg_graph_create(&e->graph, e->engine);
    if (!status) {
        e->x = bg_input(e->graph, "x", BG_F32, BG_SHAPE(6, 5));
        e->w = bg_parameter(e->graph, e->view);
        bg_node *sum = bg_add(bg_slice(e->x, 0, 0, 3, 1), e->w);
        bg_update(e->w, bg_mul_scalar(sum, 0.5));
        status = bg_compile(&e->program, e->graph, &sum, 1, NULL);
    }
    bg_tensor *fed = NULL;
    if (!status)
        status = bg_tensor_create(&fed, e->engine, BG_F32, BG_SHAPE(6, 5));
    if (!status)
        status = bg_program_bind(e->program, e->x, fed);
    bg_tensor_destroy(fed);
    if (!status)
        status = bg_model_create(&e->model, e->engine, BG_F32);
    if (!status)
        status = bg_dataset_create(&e->dataset, (bg_tensor *[]){ e->tensor, e->classes }, 2, 3);
    if (!status)
        status = bg_trainer_create(&e->trainer, e->model, &settings);
    if (!status)
        status = bg_trainer_fit(e->trainer, e->dataset, NULL, NULL, NULL);
    if (!status)
        status = bg_archive_create(&e->archive, e->engine);
    return status ? status : bg_archive_add(e->archive, "tensor", e->tensor);
}

static void destroy_everything(everything *e)
{
    bg_engine_destroy(e->engine);
    bg_trainer_destroy(e->trainer);
    bg_dataset_destroy(e->dataset);
    bg_model_destroy(e->model);
    bg_program_destroy(e->program);
    bg_graph_destroy(e->graph);
    bg_tensor_destroy(e->tensor);
    bg_tensor_destroy(e->view);
    bg_tensor_destroy(e->classes);
    bg_archive_destroy(e->archive);
}

/* All calls that use the engine of a parent; 0, or the number of the line that got something else than BG_ERR_FORKED.
 */
static int line_not_refused(everything *e)
{
    bg_tensor *tensor = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_model *model = NULL;
    bg_dataset *dataset = NULL, *second = NULL;
    bg_trainer *trainer = NULL;
    bg_archive *archive = NULL;
    bg_metrics metrics;
    bg_node *dw = NULL;
    const bg_program *made;
    float numbers[30] = { 0 };
    double item;
    bg_trainer_options options = { .network = network, .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0) };
#define REFUSED(call)                                                                                                  \
    if ((call) != BG_ERR_FORKED)                                                                                       \
    return __LINE__
    REFUSED(bg_program_run(e->program));
    REFUSED(bg_program_bind(e->program, e->x, e->tensor));
    REFUSED(bg_tensor_create(&tensor, e->engine, BG_F32, BG_SHAPE(2)));
    REFUSED(bg_tensor_wrap(&tensor, e->engine, BG_F32, BG_SHAPE(30), numbers));
    REFUSED(bg_tensor_slice(&tensor, e->tensor, 0, 0, 1, 1));
    REFUSED(bg_tensor_permute(&tensor, e->tensor, BG_AXES(1, 0)));
    REFUSED(bg_tensor_reshape(&tensor, e->tensor, BG_SHAPE(30)));
    REFUSED(bg_tensor_expand(&tensor, e->tensor, BG_SHAPE(2, 6, 5)));
    REFUSED(bg_tensor_copy_from(e->tensor, numbers, sizeof numbers));
    REFUSED(bg_tensor_copy_to(e->tensor, numbers, sizeof numbers));
    REFUSED(bg_tensor_copy(e->tensor, e->tensor));
    REFUSED(bg_tensor_fill(e->tensor, 1));
    REFUSED(bg_tensor_item(e->tensor, 0, &item));
    REFUSED(bg_graph_create(&graph, e->engine));
    REFUSED(bg_compile(&program, e->graph, &e->w, 1, NULL));
    REFUSED(bg_model_create(&model, e->engine, BG_F32));
    REFUSED(bg_model_set(e->model, "out.bias", e->classes, true));
    REFUSED(bg_dataset_create(&dataset, &e->tensor, 1, 0));
    REFUSED(bg_dataset_slice(&dataset, e->dataset, 0, 1));
    REFUSED(bg_dataset_split(&dataset, &second, e->dataset, 2, 1));
    REFUSED(bg_data_builtin(&dataset, e->engine, "lecture", NULL));
    REFUSED(bg_data_read_csv(&dataset, e->engine, "/nonexistent", NULL));
    REFUSED(bg_data_read_idx(&tensor, e->engine, "/nonexistent"));
    REFUSED(bg_data_read_mnist(&dataset, &second, e->engine, "/nonexistent", NULL));
    REFUSED(bg_trainer_create(&trainer, e->model, &options));
    REFUSED(bg_trainer_fit(e->trainer, e->dataset, NULL, NULL, NULL));
    REFUSED(bg_trainer_evaluate(e->trainer, e->dataset, &metrics));
    REFUSED(bg_trainer_program(e->trainer, e->dataset, 4, &made));
    REFUSED(bg_archive_create(&archive, e->engine));
    REFUSED(bg_archive_add(e->archive, "second", e->tensor));
    REFUSED(bg_archive_add_text(e->archive, "key", "text"));
    REFUSED(bg_archive_save(e->archive, "/nonexistent/file"));
    REFUSED(bg_archive_load(&archive, e->engine, "/nonexistent"));
    REFUSED(bg_lstsq(&tensor, e->tensor, e->tensor));
    /* The last one marks the graph for good. */
    if (bg_add(e->w, e->w) || bg_input(e->graph, "y", BG_F32, BG_SCALAR))
        return __LINE__;
    REFUSED(bg_graph_status(e->graph));
    REFUSED(bg_grad(e->w, &e->w, 1, &dw));
#undef REFUSED
    if (tensor || graph || program || model || dataset || second || trainer || archive)
        return __LINE__;
    return 0;
}

static int in_the_child(everything *e, uint64_t expected)
{
    int line = line_not_refused(e);
    if (line)
        return line;
    destroy_everything(e);
    if (!CHILDREN_START_THREADS)
        return 0;
    training t = { .number = 7 };
    build_training(&t, &(bg_engine_options){ .threads = 2 });
    for (int i = 0; i < STEPS; i++)
        step_training(&t);
    end_training(&t);
    return t.status || t.hash != expected ? __LINE__ : 0;
}

START_TEST(test_forked_children)
{
    enum { CHILDREN = 50 };
    everything e = { 0 };
    uint64_t expected = train_alone(7), parent_expected = train_alone(4);
    expect_ok(make_everything(&e, &(bg_engine_options){ .threads = 2 }), "everything");
    training t = { .number = 4 };
    build_training(&t, &(bg_engine_options){ .threads = 3 });
    for (int i = 0; i < CHILDREN; i++) {
        if (i < STEPS)
            step_training(&t);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            int line = in_the_child(&e, expected);
            _exit(line ? 1 + line % 255 : 0);
        }
        int status = 0;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "child %d ended by signal %d", i, WTERMSIG(status));
        ck_assert_msg(WEXITSTATUS(status) == 0, "child %d failed in line %d or that plus 255, 510, ..", i,
                      WEXITSTATUS(status) - 1);
        expect_ok(bg_program_run(e.program), "the parent's program");
    }
    end_training(&t);
    ck_assert_msg(t.status == BG_OK && t.hash == parent_expected, "the parent's training: %s", t.message);
    destroy_everything(&e);
}
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
    tcase_add_test(engines, test_forked_children);
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

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
