/* A training step takes no memory and no pass of its own over the weights. */
#include "support/libc_memory.h"

#include "support/counting.h"
#include "support/expect.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>

/* ---- A step takes no memory ---- */

static bg_node *mlp(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

static bg_dataset *classes_data(bg_engine *engine, bg_dtype dtype, int64_t n, int64_t features)
{
    bg_tensor *columns[2] = { NULL, NULL };
    bg_dataset *data = NULL;
    if (!bg_tensor_create(&columns[0], engine, dtype, BG_SHAPE(n, features)) &&
        !bg_tensor_create(&columns[1], engine, BG_I64, BG_SHAPE(n))) {
        void *values = bg_tensor_data(columns[0]);
        int64_t *classes = bg_tensor_data(columns[1]);
        for (int64_t i = 0; i < n * features; i++)
            if (dtype == BG_F64)
                ((double *)values)[i] = sin((double)(i % 97));
            else
                ((float *)values)[i] = (float)sin((double)(i % 97));
        for (int64_t i = 0; i < n; i++)
            classes[i] = i % 3;
        (void)bg_dataset_create(&data, columns, 2, 3);
    }
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return data;
}

static const struct {
    const char *line;
    bg_dtype dtype;
    int threads;
    int64_t batch, features;
} step_cases[] = {
    { "dense:3", BG_F64, 1, 5, 2 },
    { "dense:64 relu dense:3", BG_F32, 1, 1, 20 },
    { "dense:200 gelu dense:200 tanh dense:3", BG_F32, 2, 128, 100 },
    { "dense:200 relu dense:200 sigmoid dense:3", BG_F64, 4, 256, 64 },
};
enum { N_STEP_CASES = sizeof step_cases / sizeof *step_cases };

typedef struct {
    counting *counter;
    long long hook[3], libc[3];
    int calls;
} epoch_log;

static bool note_counts(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    epoch_log *log = user;
    if (progress->epoch_is_done && log->calls < 3) {
        log->hook[log->calls] = atomic_load(&log->counter->calls);
        log->libc[log->calls] = atomic_load(&libc_calls);
        log->calls++;
    }
    return true;
}

/* Epochs after the first: gathering of batches, learning rate, step, metrics, a smaller last batch, evaluation. */
START_TEST(test_epoch_allocates_nothing)
{
    counting counter = { 0 };
    bg_engine *engine;
    bg_engine_options options = { .threads = step_cases[_i].threads, .allocator = counting_allocator(&counter) };
    expect_ok(bg_engine_create(&engine, &options), step_cases[_i].line);
    bg_dataset *data =
        classes_data(engine, step_cases[_i].dtype, 3 * step_cases[_i].batch + 1, step_cases[_i].features);
    bg_model *model;
    bg_trainer *trainer;
    expect_ok(bg_model_create(&model, engine, step_cases[_i].dtype), step_cases[_i].line);
    bg_trainer_options training = { .network = mlp,
                                    .user = (void *)(uintptr_t)step_cases[_i].line,
                                    .loss = bg_cross_entropy_loss,
                                    .optimizer = bg_sgd(0.1, 0.9),
                                    .batch = step_cases[_i].batch,
                                    .epochs = 3 };
    expect_ok(bg_trainer_create(&trainer, model, &training), step_cases[_i].line);
    epoch_log log = { .counter = &counter };
    expect_ok(bg_trainer_fit(trainer, data, data, note_counts, &log), step_cases[_i].line);
    ck_assert_int_eq(log.calls, 3);
    ck_assert_msg(log.hook[2] == log.hook[0], "%s: 8 steps took memory from the engine %lld times", step_cases[_i].line,
                  log.hook[2] - log.hook[0]);
    ck_assert_msg(log.libc[2] == log.libc[0], "%s: 8 steps took memory from the C library %lld times",
                  step_cases[_i].line, log.libc[2] - log.libc[0]);
    ck_assert_msg(!COUNTS_LIBC || log.libc[0] > 0, "the C library's functions are not counted");
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    bg_engine_destroy(engine);
    ck_assert_int_eq(atomic_load(&counter.live), 0);
    ck_assert_int_eq(atomic_load(&counter.wrong), 0);
}
END_TEST

/* Runs of a program as such, also those that fail. */
START_TEST(test_run_allocates_nothing)
{
    counting counter = { 0 };
    bg_engine *engine;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *whole, *view, *classes, *scores;
    bg_engine_options options = { .threads = 2, .allocator = counting_allocator(&counter) };
    expect_ok(bg_engine_create(&engine, &options), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    expect_ok(bg_tensor_create(&whole, engine, BG_F32, BG_SHAPE(300, 200)), "tensor");
    expect_ok(bg_tensor_permute(&view, whole, BG_AXES(1, 0)), "view");
    expect_ok(bg_tensor_create(&classes, engine, BG_I32, BG_SHAPE(200)), "tensor");
    expect_ok(bg_tensor_create(&scores, engine, BG_F32, BG_SHAPE(200, 300)), "tensor");
    bg_node *w = bg_parameter(graph, view), *x = bg_input(graph, "x", BG_F32, BG_SHAPE(200, 300)), *dw;
    bg_node *y = bg_input(graph, "y", BG_I32, BG_SHAPE(200));
    bg_node *squared = bg_matmul(w, bg_transpose(w, 0, 1));
    bg_node *loss = bg_cross_entropy_loss(bg_add(x, bg_matmul(squared, w)), y, BG_MEAN);
    expect_ok(bg_grad(loss, &w, 1, &dw), "gradient");
    bg_update(w, bg_sub(w, dw));
    expect_ok(bg_compile(&program, graph, &loss, 1, NULL), "compile");
    expect_ok(bg_program_bind(program, x, scores), "bind");
    expect_ok(bg_program_bind(program, y, classes), "bind");
    expect_ok(bg_program_run(program), "first run");
    long long hook = atomic_load(&counter.calls), libc = atomic_load(&libc_calls);
    bg_status statuses[100];
    for (int i = 0; i < 100; i++) {
        ((int32_t *)bg_tensor_data(classes))[150] = i % 5 == 4 ? 300 : i;
        statuses[i] = bg_program_run(program);
    }
    long long hook_after = atomic_load(&counter.calls), libc_after = atomic_load(&libc_calls);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(statuses[i], i % 5 == 4 ? BG_ERR_INDEX : BG_OK);
    ck_assert_msg(hook_after == hook && libc_after == libc, "100 runs took memory %lld and %lld times",
                  hook_after - hook, libc_after - libc);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor *const all[] = { whole, view, classes, scores };
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(all[i]);
    bg_engine_destroy(engine);
}
END_TEST

/* ---- The update needs no pass of its own over the weights ----
 * In the program's text each product that makes a weight's gradient keeps it local to its task, and the loop behind it
 * in the same group updates the weight. */
START_TEST(test_update_is_an_epilogue)
{
    enum { CAPACITY = 1 << 16 };
    static const char *const weights[] = { "[100, 64]", "[3, 100]" };
    bg_engine *engine;
    bg_graph *graph;
    bg_model *model;
    bg_program *program;
    expect_ok(bg_engine_create(&engine, NULL), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    expect_ok(bg_model_create(&model, engine, BG_F32), "model");
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(128, 64)), *y = bg_input(graph, "y", BG_I64, BG_SHAPE(128));
    bg_node *rate = bg_input(graph, "rate", BG_F32, BG_SCALAR), *step = bg_input(graph, "step", BG_F32, BG_SCALAR);
    bg_node *loss = bg_cross_entropy_loss(bg_layers(model, "dense:100 relu dense:3", x), y, BG_MEAN);
    bg_optimizer sgd = bg_sgd(0.1, 0.9);
    sgd.weight_decay = 1e-4;
    sgd.nesterov = true;
    expect_ok(bg_optimizer_apply(&sgd, model, loss, rate, step), "optimizer");
    expect_ok(bg_compile(&program, graph, &loss, 1, NULL), "compile");
    char *text = malloc(CAPACITY);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(bg_program_dump(program, text, CAPACITY), CAPACITY);
    int found = 0;
    bool in_group = false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, "group "))
            in_group = false;
        if (strstr(line, "product") && strstr(line, "-> %") && strstr(line, " local"))
            in_group = true;
        if (!strstr(line, "update of"))
            continue;
        for (int i = 0; i < 2; i++) {
            char parameter[64];
            snprintf(parameter, sizeof parameter, "parameter %s", weights[i]);
            const char *target = strstr(line, "update of");
            if (!strstr(target, parameter))
                continue;
            ck_assert_msg(in_group, "%s is updated behind no product of its group: %s", weights[i], line);
            ck_assert_msg(!strstr(line, "arena"), "the update reads the arena: %s", line);
            found++;
        }
    }
    ck_assert_int_eq(found, 2);
    free(text);
    bg_program_destroy(program);
    bg_model_destroy(model);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("allocation");
    TCase *steps = tcase_create("steps");
    tcase_add_loop_test(steps, test_epoch_allocates_nothing, 0, N_STEP_CASES);
    tcase_add_test(steps, test_run_allocates_nothing);
    tcase_add_test(steps, test_update_is_an_epilogue);
    suite_add_tcase(suite, steps);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
