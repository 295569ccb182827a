/* The training loop. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The lecture's problem ---- */

static const double ANSWER_L2[2] = { 1.99670633, 0.98455657 };

/* As the README writes it. */
START_TEST(test_lecture_by_hand)
{
    bg_dataset *data;
    bg_tensor *weights;
    bg_graph *graph;
    bg_program *step;
    OK(bg_data_builtin(&data, counted_engine(), "lecture", &(bg_data_options){ .dtype = BG_F64 }));
    OK(bg_tensor_create(&weights, counted_engine(), BG_F64, BG_SHAPE(2, 1)));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(5, 2)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(5, 1));
    bg_node *w = bg_parameter(graph, weights);
    bg_node *loss = bg_l2_loss(bg_matmul(x, w), y, BG_MEAN), *dw;
    OK(bg_grad(loss, &w, 1, &dw));
    bg_update(w, bg_sub(w, bg_mul_scalar(dw, 0.02)));
    OK(bg_compile(&step, graph, &loss, 1, NULL));
    OK(bg_program_bind(step, x, bg_dataset_column(data, 0)));
    OK(bg_program_bind(step, y, bg_dataset_column(data, 1)));
    for (int i = 0; i < 2000; i++)
        OK(bg_program_run(step));
    for (int i = 0; i < 2; i++)
        expect_near("weight", value_at(weights, i), ANSWER_L2[i], 1e-8);
    expect_near("loss", value_at(bg_program_output(step, 0), 0), 0.18486129, 1e-8);
    bg_program_destroy(step);
    bg_graph_destroy(graph);
    bg_tensor_destroy(weights);
    bg_dataset_destroy(data);
}
END_TEST

static bg_node *line_network(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

static const struct {
    const char *name;
    bg_loss *loss;
    double rate;
    int64_t epochs;
    double answer[2], error, loss_value;
} lectures[] = {
    { "l2", bg_l2_loss, 0.02, 1000, { 1.99670633, 0.98455657 }, 1e-8, 0.18486129 },
    { "l1", bg_l1_loss, 0.002, 20000, { 2, 1 }, 1e-2, 0.3 },
};

START_TEST(test_lecture_by_trainer)
{
    bg_dataset *data;
    bg_model *model;
    bg_trainer *trainer;
    bg_metrics metrics;
    OK(bg_data_builtin(&data, counted_engine(), "lecture", &(bg_data_options){ .dtype = BG_F64 }));
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_trainer_options options = { .network = line_network,
                                   .user = "dense:1:nobias",
                                   .loss = lectures[_i].loss,
                                   .optimizer = bg_sgd(lectures[_i].rate, 0),
                                   .batch = 100,
                                   .epochs = lectures[_i].epochs };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    for (int i = 0; i < 2; i++)
        expect_near(lectures[_i].name, value_at(bg_model_find(model, "0.weight"), i), lectures[_i].answer[i],
                    lectures[_i].error);
    OK(bg_trainer_evaluate(trainer, data, &metrics));
    expect_near("loss", metrics.loss, lectures[_i].loss_value, lectures[_i].error);
    ck_assert(!metrics.has_accuracy);
    ck_assert_uint_eq(bg_model_count(model), 1); /* no momentum, no buffer */
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}
END_TEST

/* ---- The trainer ---- */

typedef struct {
    bg_dataset *train, *test;
    bg_model *model;
    bg_trainer *trainer;
} digits_run;

static void start_digits(digits_run *run, bg_engine *engine, bg_trainer_options options)
{
    bg_dataset *all;
    OK(bg_data_builtin(&all, engine, "digits", NULL));
    OK(bg_dataset_split(&run->train, &run->test, all, 1438, 1));
    bg_dataset_destroy(all);
    OK(bg_model_create(&run->model, engine, BG_F32));
    options.network = line_network;
    options.loss = bg_cross_entropy_loss;
    if (!options.user)
        options.user = "dense:128 relu dense:10";
    OK(bg_trainer_create(&run->trainer, run->model, &options));
}

static void finish_digits(digits_run *run)
{
    bg_model_destroy(run->model);
    bg_dataset_destroy(run->train);
    bg_dataset_destroy(run->test);
    bg_trainer_destroy(run->trainer);
}

typedef struct {
    int calls, epochs;
    int stop_after; /* epochs; 0: never */
    bg_progress last;
    double losses[32];
} call_log;

static bool on_progress(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    call_log *log = user;
    ck_assert_ptr_nonnull(trainer);
    log->calls++;
    log->last = *progress;
    if (progress->epoch_is_done) {
        ck_assert_int_eq(progress->step_in_epoch, progress->steps_in_epoch);
        ck_assert_int_eq(progress->epoch, log->epochs + 1);
        if (log->epochs < 32)
            log->losses[log->epochs] = progress->train.loss;
        log->epochs++;
    }
    return !log->stop_after || log->epochs < log->stop_after;
}

/* 1438 = 22 · 64 + 30: the last batch of each epoch is smaller. */
START_TEST(test_digits)
{
    digits_run run;
    call_log log = { 0 };
    start_digits(&run, counted_engine(),
                 (bg_trainer_options){ .optimizer = bg_sgd(0.1, 0.9), .batch = 64, .epochs = 20 });
    OK(bg_trainer_fit(run.trainer, run.train, run.test, on_progress, &log));
    ck_assert_int_eq(log.epochs, 20);
    ck_assert_int_eq(log.last.steps_in_epoch, 23);
    ck_assert_int_eq(log.last.step, 460);
    ck_assert(log.last.has_test && log.last.test.has_accuracy && log.last.samples_per_second > 0);
    ck_assert_msg(log.last.test.accuracy >= 0.955, "accuracy %g", log.last.test.accuracy);
    ck_assert(log.losses[19] < 0.1 * log.losses[0]);

    bg_metrics again;
    OK(bg_trainer_evaluate(run.trainer, run.test, &again));
    ck_assert(again.loss == log.last.test.loss && again.accuracy == log.last.test.accuracy);
    finish_digits(&run);
}
END_TEST

/* The same seed gives the same weights for any thread count, also when the program of the last batch is another one. */
START_TEST(test_weights_do_not_depend_on_threads)
{
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        bg_engine *engine;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = 5 }));
        digits_run run;
        start_digits(&run, engine, (bg_trainer_options){ .optimizer = bg_sgd(0.05, 0.9), .batch = 100, .epochs = 2 });
        OK(bg_trainer_fit(run.trainer, run.train, NULL, NULL, NULL));
        const bg_tensor *weight = bg_model_find(run.model, "0.weight");
        size_t bytes = 128 * 64 * sizeof(float);
        if (!first) {
            first = malloc(bytes);
            memcpy(first, bg_tensor_const_data(weight), bytes);
        }
        ck_assert_msg(memcmp(first, bg_tensor_const_data(weight), bytes) == 0, "%d threads", threads);
        finish_digits(&run);
        bg_engine_destroy(engine);
    }
    free(first);
}
END_TEST

/* Column 1 is the number of the example. The loss is the mean of number · (p + 1), whose gradient is the mean number.
 */
static bg_node *counting_step(bg_model *model, bg_node *const *columns, int n, void *user)
{
    (void)user;
    ck_assert_int_eq(n, 2);
    bg_node *p = bg_model_parameter(model, bg_node_graph(columns[0]), "p", BG_SCALAR, (bg_init){ 0 });
    return bg_mean(bg_mul(columns[1], bg_add_scalar(p, 1)), BG_ALL_AXES);
}

static bg_dataset *numbered(int64_t n)
{
    bg_tensor *columns[2];
    bg_dataset *data;
    for (int c = 0; c < 2; c++) {
        OK(bg_tensor_create(&columns[c], counted_engine(), BG_F64, BG_SHAPE(n, 1)));
        double *values = bg_tensor_data(columns[c]);
        for (int64_t i = 0; i < n; i++)
            values[i] = c ? (double)i : 0;
    }
    OK(bg_dataset_create(&data, columns, 2, 0));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return data;
}

/* With rate 0 the epoch's loss is the mean of the numbers of all examples, each taken once. */
START_TEST(test_every_example_once)
{
    static const int64_t sizes[] = { 1, 2, 7, 10, 31 };
    static const int64_t batches[] = { 1, 3, 10, 64 };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
            bg_dataset *data = numbered(sizes[s]);
            bg_model *model;
            bg_trainer *trainer;
            bg_metrics metrics;
            call_log log = { 0 };
            OK(bg_model_create(&model, counted_engine(), BG_F64));
            bg_trainer_options options = {
                .step = counting_step, .optimizer = bg_sgd(0, 0), .batch = batches[b], .epochs = 2
            };
            OK(bg_trainer_create(&trainer, model, &options));
            OK(bg_trainer_fit(trainer, data, data, on_progress, &log));
            double mean = (double)(sizes[s] - 1) / 2;
            for (int e = 0; e < 2; e++)
                expect_near("mean", log.losses[e], mean, 1e-12);
            expect_near("test mean", log.last.test.loss, mean, 1e-12);
            ck_assert_int_eq(log.last.steps_in_epoch, (sizes[s] + batches[b] - 1) / batches[b]);
            OK(bg_trainer_evaluate(trainer, data, &metrics));
            expect_near("mean", metrics.loss, mean, 1e-12);
            ck_assert(!metrics.has_accuracy);
            bg_trainer_destroy(trainer);
            bg_model_destroy(model);
            bg_dataset_destroy(data);
        }
}
END_TEST

/* Losses of three epochs of single examples at a rate that lets each step change the next loss; without momentum their
 * sum would not depend on the order. */
static void order_losses(bool without_shuffle, double *losses)
{
    bg_dataset *data = numbered(9);
    bg_model *model;
    bg_trainer *trainer;
    call_log log = { 0 };
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_trainer_options options = { .step = counting_step,
                                   .optimizer = bg_sgd(0.01, 0.5),
                                   .batch = 1,
                                   .epochs = 3,
                                   .without_shuffle = without_shuffle };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, on_progress, &log));
    memcpy(losses, log.losses, 3 * sizeof *losses);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}

START_TEST(test_order)
{
    double plain[3], shuffled[3], again[3], p = 0, v = 0;
    order_losses(true, plain);
    for (int epoch = 0; epoch < 3; epoch++) {
        double sum = 0;
        for (int i = 0; i < 9; i++) {
            sum += i * (p + 1);
            v = 0.5 * v + i;
            p -= 0.01 * v;
        }
        expect_near("loss in order", plain[epoch], sum / 9, 1e-12);
    }
    order_losses(false, shuffled);
    order_losses(false, again);
    ck_assert_int_eq(memcmp(shuffled, again, sizeof shuffled), 0);
    ck_assert(fabs(shuffled[0] - plain[0]) > 1e-6 && fabs(shuffled[1] - plain[1]) > 1e-6);
    /* Each epoch has an order of its own: without that the losses would fall by the same amount. */
    ck_assert(fabs((shuffled[1] - shuffled[0]) - (shuffled[2] - shuffled[1])) > 1e-6);
}
END_TEST

START_TEST(test_callback_stops)
{
    digits_run run;
    call_log log = { .stop_after = 2 };
    start_digits(&run, counted_engine(),
                 (bg_trainer_options){ .optimizer = bg_sgd(0.1, 0), .batch = 128, .epochs = 9 });
    FAILS(bg_trainer_fit(run.trainer, run.train, NULL, on_progress, &log), BG_ERR_STOPPED, "after step 24");
    ck_assert_int_eq(log.epochs, 2);
    /* A further fit goes on counting. */
    log.stop_after = 3;
    FAILS(bg_trainer_fit(run.trainer, run.train, NULL, on_progress, &log), BG_ERR_STOPPED, "after step 36");
    ck_assert_int_eq(log.last.epoch, 3);
    finish_digits(&run);
}
END_TEST

START_TEST(test_loss_not_finite)
{
    digits_run run;
    start_digits(&run, counted_engine(),
                 (bg_trainer_options){ .optimizer = bg_sgd(1e30, 0.9), .batch = 64, .epochs = 2 });
    FAILS(bg_trainer_fit(run.trainer, run.train, NULL, NULL, NULL), BG_ERR_NUMERIC, "step 2 (epoch 1, ");
    ck_assert(strstr(bg_last_error(), "(epoch 1, learning rate 1e+30)"));
    finish_digits(&run);
}
END_TEST

static bool lower_rate(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    call_log *log = user;
    bg_dataset *data = numbered(2);
    FAILS(bg_trainer_fit(trainer, data, NULL, NULL, NULL), BG_ERR_BUSY, "callback");
    bg_dataset_destroy(data);
    if (progress->epoch_is_done)
        bg_trainer_set_learning_rate(trainer, 0);
    return on_progress(trainer, progress, log);
}

/* One example of value 1: p falls by the rate in each step. */
START_TEST(test_learning_rate)
{
    bg_dataset *all = numbered(2), *one;
    bg_model *model;
    bg_trainer *trainer;
    call_log log = { 0 };
    OK(bg_dataset_slice(&one, all, 1, 2));
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_trainer_options options = { .step = counting_step, .optimizer = bg_sgd(0.25, 0), .epochs = 3 };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, one, NULL, lower_rate, &log));
    expect_near("p", value_at(bg_model_find(model, "p"), 0), -0.25, 0);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(one);
    bg_dataset_destroy(all);
}
END_TEST

/* Rows that do not lie together: a transposed column, and every second row of another. */
START_TEST(test_columns_that_are_views)
{
    bg_tensor *base, *turned, *target, *even, *packed, *targets;
    OK(bg_tensor_create(&base, counted_engine(), BG_F64, BG_SHAPE(3, 6)));
    OK(bg_tensor_create(&target, counted_engine(), BG_F64, BG_SHAPE(12, 1)));
    for (int i = 0; i < 18; i++)
        ((double *)bg_tensor_data(base))[i] = sin(i);
    for (int i = 0; i < 12; i++)
        ((double *)bg_tensor_data(target))[i] = cos(i);
    OK(bg_tensor_permute(&turned, base, BG_AXES(1, 0)));
    OK(bg_tensor_slice(&even, target, 0, 0, 12, 2));
    OK(bg_tensor_create(&packed, counted_engine(), BG_F64, BG_SHAPE(6, 3)));
    OK(bg_tensor_copy(packed, turned));
    OK(bg_tensor_create(&targets, counted_engine(), BG_F64, BG_SHAPE(6, 1)));
    OK(bg_tensor_copy(targets, even));

    double weights[2][3];
    for (int k = 0; k < 2; k++) {
        bg_tensor *columns[2] = { k ? packed : turned, k ? targets : even };
        bg_dataset *data;
        bg_model *model;
        bg_trainer *trainer;
        OK(bg_dataset_create(&data, columns, 2, 0));
        OK(bg_model_create(&model, counted_engine(), BG_F64));
        bg_trainer_options options = { .network = line_network,
                                       .user = "dense:1",
                                       .loss = bg_l2_loss,
                                       .optimizer = bg_sgd(0.1, 0.9),
                                       .batch = 4,
                                       .epochs = 3 };
        OK(bg_trainer_create(&trainer, model, &options));
        OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
        OK(bg_tensor_copy_to(bg_model_find(model, "0.weight"), weights[k], sizeof weights[k]));
        bg_dataset_destroy(data);
        bg_model_destroy(model);
        bg_trainer_destroy(trainer);
    }
    ck_assert_int_eq(memcmp(weights[0], weights[1], sizeof weights[0]), 0);
    bg_tensor *const all[] = { base, turned, target, even, packed, targets };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        bg_tensor_destroy(all[i]);
}
END_TEST

/* More batch shapes than the trainer keeps programs for. */
START_TEST(test_many_batch_shapes)
{
    bg_dataset *all = numbered(40);
    bg_model *model;
    bg_trainer *trainer;
    bg_metrics metrics;
    const bg_program *program;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_trainer_options options = { .step = counting_step, .optimizer = bg_sgd(0, 0) };
    OK(bg_trainer_create(&trainer, model, &options));
    for (int round = 0; round < 2; round++)
        for (int64_t n = 1; n <= 40; n += 3) {
            bg_dataset *part;
            OK(bg_dataset_slice(&part, all, 0, n));
            OK(bg_trainer_evaluate(trainer, part, &metrics));
            expect_near("mean", metrics.loss, (double)(n - 1) / 2, 1e-12);
            OK(bg_trainer_program(trainer, part, n, &program));
            ck_assert(bg_program_report(program).steps > 0);
            bg_dataset_destroy(part);
        }
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(all);
}
END_TEST

static bg_node *no_network(bg_model *model, bg_node *x, void *user)
{
    (void)model;
    (void)x;
    (void)user;
    return NULL;
}

START_TEST(test_trainer_errors)
{
    digits_run run;
    bg_metrics metrics;
    bg_trainer *trainer = NULL;
    start_digits(&run, counted_engine(), (bg_trainer_options){ .optimizer = bg_sgd(0.1, 0), .user = "dense:9" });
    FAILS(bg_trainer_fit(run.trainer, run.train, NULL, NULL, NULL), BG_ERR_INDEX, "");
    FAILS(bg_trainer_fit(run.trainer, NULL, NULL, NULL, NULL), BG_ERR_ARGUMENT, "dataset is NULL");
    FAILS(bg_trainer_evaluate(run.trainer, run.train, NULL), BG_ERR_ARGUMENT, "metrics");
    bg_dataset *empty;
    OK(bg_dataset_slice(&empty, run.train, 0, 0));
    FAILS(bg_trainer_evaluate(run.trainer, empty, &metrics), BG_ERR_ARGUMENT, "no examples");
    bg_dataset_destroy(empty);

    bg_trainer_options options = { .optimizer = bg_sgd(0.1, 0) };
    FAILS(bg_trainer_create(&trainer, run.model, &options), BG_ERR_ARGUMENT, "network and loss, or step");
    options.network = no_network;
    FAILS(bg_trainer_create(&trainer, run.model, &options), BG_ERR_ARGUMENT, "network and loss, or step");
    options.loss = bg_l2_loss;
    options.batch = -1;
    FAILS(bg_trainer_create(&trainer, run.model, &options), BG_ERR_ARGUMENT, "batch of -1");
    options.batch = 4;
    options.optimizer.nesterov = true;
    FAILS(bg_trainer_create(&trainer, run.model, &options), BG_ERR_ARGUMENT, "Nesterov");
    options.optimizer.nesterov = false;
    OK(bg_trainer_create(&trainer, run.model, &options));
    FAILS(bg_trainer_fit(trainer, run.train, NULL, NULL, NULL), BG_ERR_ARGUMENT, "network returned no node");
    bg_trainer_destroy(trainer);
    options.network = line_network;
    options.user = "dense:4";
    OK(bg_trainer_create(&trainer, run.model, &options));
    ck_assert_int_ne(bg_trainer_fit(trainer, run.train, NULL, NULL, NULL), BG_OK);
    bg_trainer_destroy(trainer);
    bg_trainer_destroy(NULL);
    finish_digits(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train");
    TCase *tests = tcase_create("train");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_lecture_by_hand);
    tcase_add_loop_test(tests, test_lecture_by_trainer, 0, (int)(sizeof lectures / sizeof lectures[0]));
    tcase_add_test(tests, test_digits);
    tcase_add_test(tests, test_weights_do_not_depend_on_threads);
    tcase_add_test(tests, test_every_example_once);
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_callback_stops);
    tcase_add_test(tests, test_loss_not_finite);
    tcase_add_test(tests, test_learning_rate);
    tcase_add_test(tests, test_columns_that_are_views);
    tcase_add_test(tests, test_many_batch_shapes);
    tcase_add_test(tests, test_trainer_errors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
