/* What the trainer makes of a step: schedules, accumulation, averages, checks, and going on from a file. */
#include "support/counted.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A problem of rows of 6 numbers, in f64 or f32 ---- */

static bg_node *network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    x = bg_tanh(bg_dense(model, "one", x, 9));
    return bg_dense(model, "two", bg_model_dropout(model, "drop", x, 0.2), 2);
}
static bg_node *plain_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "two", bg_tanh(bg_dense(model, "one", x, 9)), 2);
}

static bg_dataset *rows(bg_engine *engine, bg_dtype dtype, int64_t n)
{
    bg_tensor *columns[2];
    bg_dataset *data;
    for (int c = 0; c < 2; c++) {
        OK(bg_tensor_create(&columns[c], engine, dtype, BG_SHAPE(n, c ? 2 : 6)));
        void *values = bg_tensor_data(columns[c]);
        for (int64_t i = 0; i < n * (c ? 2 : 6); i++) {
            double value = sin((double)(i * i) * 0.37 + c);
            if (dtype == BG_F64)
                ((double *)values)[i] = value;
            else
                ((float *)values)[i] = (float)value;
        }
    }
    OK(bg_dataset_create(&data, columns, 2, 0));
    bg_tensor_destroy(columns[0]);
    bg_tensor_destroy(columns[1]);
    return data;
}

typedef struct {
    bg_dataset *data;
    bg_model *model;
    bg_trainer *trainer;
} run;

static run run_of(bg_engine *engine, bg_dtype dtype, int64_t n, bg_trainer_options options)
{
    run made = { .data = rows(engine, dtype, n) };
    OK(bg_model_create(&made.model, engine, dtype));
    if (!options.network && !options.step)
        options.network = plain_network;
    if (!options.step)
        options.loss = bg_l2_loss;
    OK(bg_trainer_create(&made.trainer, made.model, &options));
    return made;
}
static void run_destroy(run *r)
{
    bg_trainer_destroy(r->trainer);
    bg_model_destroy(r->model);
    bg_dataset_destroy(r->data);
}

/* The largest difference between the parameters of two models. */
static double distance(const bg_model *a, const bg_model *b)
{
    double most = 0;
    for (size_t i = 0; i < bg_model_count(a); i++) {
        if (!bg_model_is_parameter(a, i))
            continue;
        const bg_tensor *x = bg_model_tensor(a, i), *y = bg_model_find(b, bg_model_name(a, i));
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(x)); k++)
            most = fmax(most, fabs(value_at(x, k) - value_at(y, k)));
    }
    return most;
}

/* Fails unless all tensors are the same, to the bit, but for those whose name ends in `but`. */
static void expect_same(const bg_model *a, const bg_model *b, const char *but)
{
    ck_assert_uint_eq(bg_model_count(a), bg_model_count(b));
    for (size_t i = 0; i < bg_model_count(a); i++) {
        const char *name = bg_model_name(a, i);
        if (but && strstr(name, but))
            continue;
        const bg_tensor *x = bg_model_tensor(a, i), *y = bg_model_find(b, name);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(x)) * bg_dtype_size(bg_tensor_dtype(x));
        ck_assert_msg(y && memcmp(bg_tensor_const_data(x), bg_tensor_const_data(y), bytes) == 0, "%s differs", name);
    }
}

/* ---- Accumulation ---- */

/* Micro-batches of 3, four an update, are batches of 12: also at the end of an epoch, where 31 leaves groups of 12, 12
 * and 7, and of micro-batches whose last one has a single example. */
START_TEST(test_accumulation)
{
    static const int64_t sizes[] = { 30, 31, 36, 5, 2 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bg_optimizer adam = bg_adamw(0.05);
        adam.clip_norm = 0.3;
        bg_trainer_options whole = { .optimizer = adam, .batch = 12, .epochs = 3, .without_shuffle = true };
        bg_trainer_options parts = whole;
        parts.batch = 3;
        parts.accumulate = 4;
        run a = run_of(counted_engine(), BG_F64, sizes[i], whole);
        run b = run_of(counted_engine(), BG_F64, sizes[i], parts);
        OK(bg_trainer_fit(a.trainer, a.data, NULL, NULL, NULL));
        OK(bg_trainer_fit(b.trainer, b.data, NULL, NULL, NULL));
        double far = distance(a.model, b.model);
        ck_assert_msg(far <= 1e-12, "of %lld examples: %g", (long long)sizes[i], far);
        run_destroy(&a);
        run_destroy(&b);
    }
}
END_TEST

/* ---- Schedules ---- */

/* One parameter whose gradient is 1, so that it falls by the rate. */
static bg_node *falling_step(bg_model *model, bg_node *const *columns, int n, void *user)
{
    (void)n;
    (void)user;
    bg_dtype dtype = bg_node_dtype(columns[0]);
    bg_node *p = bg_model_parameter(model, bg_node_graph(columns[0]), "p", BG_SCALAR, (bg_init){ 0 });
    bg_node *nothing = bg_mean(bg_mul(columns[0], bg_scalar(bg_node_graph(columns[0]), dtype, 0)), BG_ALL_AXES);
    return bg_add(bg_add_scalar(p, 100), nothing);
}

typedef struct {
    int epochs;
    double rates[8], p[8];
    const bg_model *model;
} rate_log;

static bool note_rate(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    rate_log *log = user;
    if (!progress->epoch_is_done)
        return true;
    log->rates[log->epochs] = progress->learning_rate;
    log->p[log->epochs++] = value_at(bg_model_find(log->model, "p"), 0);
    return true;
}

START_TEST(test_schedule)
{
    bg_schedule parts[2] = { bg_schedule_warm_up(3), bg_schedule_exponential(0.5) };
    bg_schedule by_update = bg_schedule_sequential(parts, (const int64_t[]){ 4 }, 2), by_epoch = parts[1];
    by_epoch.by_epoch = true;
    const bg_schedule *schedules[] = { &by_update, &by_epoch };
    for (int k = 0; k < 2; k++)
        for (int64_t accumulate = 1; accumulate <= 2; accumulate++) {
            bg_trainer_options options = { .step = falling_step,
                                           .optimizer = bg_sgd(0.25, 0),
                                           .schedule = *schedules[k],
                                           .batch = 2,
                                           .accumulate = accumulate,
                                           .epochs = 4 };
            run r = run_of(counted_engine(), BG_F64, 6, options);
            rate_log log = { .model = r.model };
            OK(bg_trainer_fit(r.trainer, r.data, NULL, note_rate, &log));
            int64_t updates = 0, in_epoch = accumulate == 1 ? 3 : 2;
            double p = 0, rate = 0;
            for (int e = 0; e < 4; e++) {
                for (int64_t i = 0; i < in_epoch; i++, updates++) {
                    rate = bg_schedule_rate(schedules[k], 0.25, k ? e : updates);
                    p -= rate;
                }
                expect_near("rate", log.rates[e], rate, 0);
                expect_near("p", log.p[e], p, 1e-14);
            }
            run_destroy(&r);
        }
}
END_TEST

/* The loss falls by less and less: below 1 % an epoch it is a plateau. */
START_TEST(test_plateau)
{
    bg_schedule plateau = bg_schedule_plateau(0.5, 0);
    plateau.threshold = 0.01;
    for (int has_test = 0; has_test <= 1; has_test++) {
        bg_trainer_options options = {
            .step = falling_step, .optimizer = bg_sgd(0.5, 0), .schedule = plateau, .batch = 6, .epochs = 8
        };
        run r = run_of(counted_engine(), BG_F64, 6, options);
        rate_log log = { .model = r.model };
        OK(bg_trainer_fit(r.trainer, r.data, has_test ? r.data : NULL, note_rate, &log));
        bg_plateau state = { .rate = 0.5 };
        double p = 0;
        for (int e = 0; e < 8; e++) {
            expect_near("rate", log.rates[e], state.rate, 0);
            double before = p;
            p -= state.rate;
            bg_plateau_step(&plateau, &state, 100 + (has_test ? p : before));
        }
        ck_assert(state.rate < 0.5);
        run_destroy(&r);
    }
    bg_schedule accuracy = bg_schedule_plateau(0.5, 1);
    accuracy.is_maximized = true;
    run r =
        run_of(counted_engine(), BG_F64, 6, (bg_trainer_options){ .optimizer = bg_sgd(0.5, 0), .schedule = accuracy });
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_ARGUMENT, "follows the accuracy");
    run_destroy(&r);
}
END_TEST

/* ---- Averages ---- */

START_TEST(test_averages)
{
    static const bg_averaging kinds[] = {
        { .kind = BG_AVERAGE_EMA, .decay = 0.8 },
        { .kind = BG_AVERAGE_EMA, .decay = 0.5, .start = 3 },
        { .kind = BG_AVERAGE_SWA },
        { .kind = BG_AVERAGE_SWA, .start = 2, .every = 3 },
    };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        bg_trainer_options options = {
            .step = falling_step, .optimizer = bg_sgd(0.5, 0), .averaging = kinds[k], .batch = 1, .epochs = 1
        };
        run r = run_of(counted_engine(), BG_F64, 10, options);
        OK(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL));
        double p = 0, average = 0;
        int64_t every = kinds[k].every ? kinds[k].every : 1, averaged = 0;
        for (int64_t u = 0; u < 10; u++) {
            p -= 0.5;
            bool counts = u >= kinds[k].start && (u - kinds[k].start) % every == 0;
            if (averaged == 0)
                average = p;
            else if (counts)
                average +=
                    (p - average) * (kinds[k].kind == BG_AVERAGE_EMA ? 1 - kinds[k].decay : 1 / (double)(averaged + 1));
            averaged += counts;
        }
        const bg_tensor *parameter = bg_model_find(r.model, "p");
        expect_near("average", value_at(bg_model_find(r.model, "optimizer.p.average"), 0), average, 1e-14);
        expect_near("p", value_at(parameter, 0), -5, 0);
        bg_metrics metrics;
        OK(bg_trainer_evaluate(r.trainer, r.data, &metrics));
        expect_near("loss of the average", metrics.loss, 100 + average, 1e-12);
        expect_near("p after the evaluation", value_at(parameter, 0), -5, 0);
        OK(bg_model_swap_averages(r.model));
        expect_near("swapped", value_at(parameter, 0), average, 1e-14);
        run_destroy(&r);
    }
    /* A parameter that is set before the first update is its own average. */
    bg_trainer_options options = {
        .step = falling_step, .optimizer = bg_sgd(0.5, 0), .averaging = kinds[0], .batch = 1, .epochs = 1
    };
    run r = run_of(counted_engine(), BG_F64, 10, options);
    const bg_program *program;
    bg_metrics metrics;
    OK(bg_trainer_program(r.trainer, r.data, 1, &program));
    OK(bg_tensor_fill(bg_model_find(r.model, "p"), 7));
    OK(bg_trainer_evaluate(r.trainer, r.data, &metrics));
    expect_near("loss before the first update", metrics.loss, 107, 1e-12);
    run_destroy(&r);

    bg_model *model;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    FAILS(bg_model_swap_averages(model), BG_ERR_ARGUMENT, "has no averages");
    FAILS(bg_model_swap_averages(NULL), BG_ERR_ARGUMENT, "model is NULL");
    bg_model_destroy(model);
}
END_TEST

/* ---- Numbers that are not finite ---- */

/* A row of the data set is infinite. Its gradient is NaN. */
static void poison(run *r, int64_t row)
{
    bg_tensor *x = bg_dataset_column(r->data, 0);
    if (bg_tensor_dtype(x) == BG_F64)
        ((double *)bg_tensor_data(x))[row * 6] = INFINITY;
    else
        ((float *)bg_tensor_data(x))[row * 6] = INFINITY;
}
static bg_node *relu_network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    return bg_dense(model, "two", bg_relu(bg_dense(model, "one", x, 9)), 2);
}

START_TEST(test_check_fails)
{
    bg_optimizer adam = bg_adam(0.01);
    adam.checks_finite = true;
    bg_trainer_options options = {
        .network = relu_network, .optimizer = adam, .batch = 2, .epochs = 3, .without_shuffle = true
    };
    run r = run_of(counted_engine(), BG_F32, 10, options), healthy = run_of(counted_engine(), BG_F32, 6, options);
    poison(&r, 7);
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC,
          "trainer_fit: step 4 (epoch 1, learning rate 0.01): optimizer: the loss is infinite or NaN");
    /* As after the three steps before it. */
    bg_trainer_destroy(healthy.trainer);
    options.epochs = 1;
    options.loss = bg_l2_loss;
    OK(bg_trainer_create(&healthy.trainer, healthy.model, &options));
    OK(bg_trainer_fit(healthy.trainer, healthy.data, NULL, NULL, NULL));
    expect_same(r.model, healthy.model, NULL);
    run_destroy(&r);
    run_destroy(&healthy);
}
END_TEST

/* The loss is finite, the gradient of √0 is not. */
static bg_node *root_step(bg_model *model, bg_node *const *columns, int n, void *user)
{
    (void)n;
    (void)user;
    bg_node *p = bg_model_parameter(model, bg_node_graph(columns[0]), "root", BG_SHAPE(3), (bg_init){ 0 });
    return bg_add(bg_sum(bg_sqrt(p), BG_ALL_AXES), bg_mean(columns[0], BG_ALL_AXES));
}
START_TEST(test_check_names_the_parameter)
{
    bg_optimizer sgd = bg_sgd(0.01, 0);
    sgd.checks_finite = true;
    run r = run_of(counted_engine(), BG_F64, 4, (bg_trainer_options){ .step = root_step, .optimizer = sgd });
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC,
          "the gradient of \"root\" has 3 elements that are infinite or NaN");
    expect_near("root", value_at(bg_model_find(r.model, "root"), 0), 0, 0);
    run_destroy(&r);
}
END_TEST

static bool note_progress(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    *(bg_progress *)user = *progress;
    return true;
}

/* The poisoned batches are as if they had not been there; with accumulation the whole update is. */
START_TEST(test_check_skips)
{
    for (int64_t accumulate = 1; accumulate <= 2; accumulate++) {
        bg_optimizer adam = bg_adamw(0.05);
        bg_trainer_options options = { .network = relu_network,
                                       .optimizer = adam,
                                       .schedule = bg_schedule_exponential(0.9),
                                       .averaging = { .kind = BG_AVERAGE_EMA, .decay = 0.9 },
                                       .batch = 2,
                                       .accumulate = accumulate,
                                       .without_shuffle = true,
                                       .skips_nonfinite = true };
        run r = run_of(counted_engine(), BG_F64, 12, options), healthy = run_of(counted_engine(), BG_F64, 12, options);
        /* Rows 8 to 11 go, as two batches or as one update; the rest comes first in both. */
        poison(&r, accumulate == 1 ? 9 : 8);
        poison(&r, 10);
        bg_dataset *rest;
        bg_progress progress;
        OK(bg_dataset_slice(&rest, healthy.data, 0, 8));
        OK(bg_trainer_fit(r.trainer, r.data, NULL, note_progress, &progress));
        OK(bg_trainer_fit(healthy.trainer, rest, NULL, NULL, NULL));
        expect_same(r.model, healthy.model, ".gradient");
        ck_assert_int_eq(progress.step, 6);
        ck_assert_int_eq(progress.updates, accumulate == 1 ? 4 : 2);
        ck_assert_int_eq(progress.skipped, accumulate == 1 ? 2 : 1);
        ck_assert(isfinite(progress.train.loss));
        /* And training goes on behind them. */
        OK(bg_trainer_fit(r.trainer, rest, NULL, NULL, NULL));
        OK(bg_trainer_fit(healthy.trainer, rest, NULL, NULL, NULL));
        expect_same(r.model, healthy.model, ".gradient");
        bg_dataset_destroy(rest);
        run_destroy(&r);
        run_destroy(&healthy);
    }
}
END_TEST

/* ---- Going on ---- */

static bool stop_at(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    return progress->epoch_is_done ? progress->epoch < *(int *)user : *(int *)user != 0;
}

static bg_trainer_options everything(void)
{
    bg_optimizer nadam = bg_nadam(0.02);
    nadam.clip_norm = 0.5;
    nadam.groups[0] = (bg_parameter_group){ .pattern = "*.bias", .weight_decay = BG_SOME(0) };
    nadam.n_groups = 1;
    return (bg_trainer_options){ .network = network,
                                 .optimizer = nadam,
                                 .schedule = bg_schedule_one_cycle(40),
                                 .averaging = { .kind = BG_AVERAGE_SWA, .start = 2, .every = 2 },
                                 .batch = 4,
                                 .accumulate = 2,
                                 .epochs = 20 };
}

/* 10 epochs, a file, and 10 more, are 20; so they are from within an epoch, after its first micro-batch. */
START_TEST(test_resumed)
{
    scratch_begin();
    const char *path = scratch_path("run.safetensors");
    for (int last = 10; last >= 0; last -= 10) {
        bg_trainer_options options = everything();
        run whole = run_of(counted_engine(), BG_F64, 19, options),
            first = run_of(counted_engine(), BG_F64, 19, options);
        OK(bg_trainer_fit(whole.trainer, whole.data, NULL, NULL, NULL));
        bg_archive *archive;
        FAILS(bg_trainer_fit(first.trainer, first.data, NULL, stop_at, &last), BG_ERR_STOPPED,
              last ? "after step 50" : "after step 1");
        OK(bg_archive_create(&archive, counted_engine()));
        OK(bg_trainer_save(first.trainer, archive));
        OK(bg_archive_save(archive, path));
        bg_archive_destroy(archive);
        run_destroy(&first);

        options.epochs = 20 - last;
        run second = run_of(counted_engine(), BG_F64, 19, options);
        const bg_program *program;
        OK(bg_trainer_program(second.trainer, second.data, 4, &program));
        OK(bg_archive_load(&archive, counted_engine(), path));
        OK(bg_trainer_load(second.trainer, archive));
        bg_archive_destroy(archive);
        OK(bg_trainer_fit(second.trainer, second.data, NULL, NULL, NULL));
        expect_same(whole.model, second.model, NULL);
        bg_metrics a, b;
        OK(bg_trainer_evaluate(whole.trainer, whole.data, &a));
        OK(bg_trainer_evaluate(second.trainer, second.data, &b));
        ck_assert(a.loss == b.loss);
        run_destroy(&whole);
        run_destroy(&second);
    }
    scratch_end();
}
END_TEST

/* A fit that was stopped within an epoch goes on there. */
START_TEST(test_stopped)
{
    bg_trainer_options options = everything();
    options.epochs = 3;
    run whole = run_of(counted_engine(), BG_F64, 19, options), parts = run_of(counted_engine(), BG_F64, 19, options);
    int last = 0;
    OK(bg_trainer_fit(whole.trainer, whole.data, NULL, NULL, NULL));
    for (int i = 0; i < 4; i++)
        FAILS(bg_trainer_fit(parts.trainer, parts.data, NULL, stop_at, &last), BG_ERR_STOPPED, "asked to stop");
    OK(bg_trainer_fit(parts.trainer, parts.data, NULL, NULL, NULL));
    expect_same(whole.model, parts.model, NULL);
    run_destroy(&whole);
    run_destroy(&parts);
}
END_TEST

/* Data with fewer steps an epoch begin anew, without the gradients of those that were stopped. */
START_TEST(test_stopped_then_other_data)
{
    bg_trainer_options options = {
        .optimizer = bg_sgd(0.1, 0), .batch = 2, .accumulate = 4, .epochs = 1, .call_every = 3
    };
    run r = run_of(counted_engine(), BG_F64, 12, options), fresh = run_of(counted_engine(), BG_F64, 12, options);
    bg_dataset *few;
    int last = 0;
    OK(bg_dataset_slice(&few, r.data, 0, 4));
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, stop_at, &last), BG_ERR_STOPPED, "after step 3");
    OK(bg_trainer_fit(r.trainer, few, NULL, NULL, NULL));
    OK(bg_trainer_fit(fresh.trainer, few, NULL, NULL, NULL));
    expect_same(r.model, fresh.model, ".gradient");
    bg_dataset_destroy(few);
    run_destroy(&r);
    run_destroy(&fresh);
}
END_TEST

/* What earlier versions did not save is 0. */
START_TEST(test_load_older)
{
    run a = run_of(counted_engine(), BG_F64, 12, everything());
    bg_archive *archive, *older;
    OK(bg_archive_create(&archive, counted_engine()));
    OK(bg_archive_create(&older, counted_engine()));
    OK(bg_trainer_fit(a.trainer, a.data, NULL, NULL, NULL));
    ck_assert(bg_trainer_progress(a.trainer).stall_seconds > 0);
    OK(bg_trainer_save(a.trainer, archive));
    for (size_t i = 0; i < bg_archive_count(archive); i++) {
        const char *name = bg_archive_name(archive, i);
        if (strcmp(name, "trainer.epoch_stall") != 0)
            OK(bg_archive_add(older, name, bg_archive_find(archive, name)));
    }
    OK(bg_trainer_load(a.trainer, older));
    ck_assert(bg_trainer_progress(a.trainer).stall_seconds == 0);
    ck_assert(bg_trainer_progress(a.trainer).seconds > 0);
    bg_archive_destroy(archive);
    bg_archive_destroy(older);
    run_destroy(&a);
}
END_TEST

START_TEST(test_load_refuses)
{
    bg_trainer_options options = everything();
    run a = run_of(counted_engine(), BG_F64, 19, options), b = run_of(counted_engine(), BG_F64, 19, options);
    bg_archive *archive;
    const bg_program *program;
    OK(bg_trainer_program(a.trainer, a.data, 4, &program));
    OK(bg_archive_create(&archive, counted_engine()));
    FAILS(bg_trainer_load(a.trainer, archive), BG_ERR_ARGUMENT, "the archive has no \"one.weight\"");
    OK(bg_trainer_save(a.trainer, archive));
    FAILS(bg_trainer_load(b.trainer, archive), BG_ERR_ARGUMENT, "the model has no \"one.weight\"");
    FAILS(bg_trainer_load(NULL, archive), BG_ERR_ARGUMENT, "trainer is NULL");
    /* A place that is none would be read from. */
    *(int64_t *)bg_tensor_data(bg_archive_find(archive, "trainer.step_in_epoch")) = -3;
    FAILS(bg_trainer_load(a.trainer, archive), BG_ERR_ARGUMENT, "\"trainer.step_in_epoch\" is -3");
    *(int64_t *)bg_tensor_data(bg_archive_find(archive, "trainer.step_in_epoch")) = 0;
    *(double *)bg_tensor_data(bg_archive_find(archive, "trainer.accumulated")) = NAN;
    FAILS(bg_trainer_load(a.trainer, archive), BG_ERR_ARGUMENT, "\"trainer.accumulated\" is nan");
    *(double *)bg_tensor_data(bg_archive_find(archive, "trainer.accumulated")) = 0;
    ((double *)bg_tensor_data(bg_archive_find(archive, "trainer.plateau")))[2] = -1;
    FAILS(bg_trainer_load(a.trainer, archive), BG_ERR_ARGUMENT, "\"trainer.plateau\" has the number -1");
    ((double *)bg_tensor_data(bg_archive_find(archive, "trainer.plateau")))[2] = 0;
    OK(bg_trainer_load(a.trainer, archive));
    FAILS(bg_trainer_save(a.trainer, NULL), BG_ERR_ARGUMENT, "archive is NULL");
    run_destroy(&b);
    options.optimizer = bg_adam(0.1);
    options.network = plain_network;
    options.schedule = (bg_schedule){ 0 };
    b = run_of(counted_engine(), BG_F32, 19, options);
    OK(bg_trainer_program(b.trainer, b.data, 4, &program));
    FAILS(bg_trainer_load(b.trainer, archive), BG_ERR_DTYPE, "\"one.weight\" is f64, not f32");
    bg_archive_destroy(archive);
    run_destroy(&a);
    run_destroy(&b);
}
END_TEST

/* ---- Threads ---- */

START_TEST(test_threads)
{
    static const int threads[] = { 1, 2, 3, 4, 8 };
    run first = { 0 };
    bg_engine *engines[5];
    for (int i = 0; i < 5; i++) {
        bg_optimizer adam = bg_adam(0.01);
        adam.clip_norm = 0.1;
        adam.checks_finite = true;
        bg_trainer_options options = { .optimizer = adam, .batch = 150, .epochs = 4 };
        OK(bg_engine_create(&engines[i], &(bg_engine_options){ .threads = threads[i], .seed = 9 }));
        run r = run_of(engines[i], BG_F32, 700, options);
        OK(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL));
        if (i == 0) {
            first = r;
            continue;
        }
        expect_same(first.model, r.model, NULL);
        run_destroy(&r);
    }
    run_destroy(&first);
    for (int i = 0; i < 5; i++)
        bg_engine_destroy(engines[i]);
}
END_TEST

/* ---- Refused ---- */

START_TEST(test_refused)
{
    static const bg_trainer_options good = { .network = plain_network, .loss = bg_l2_loss };
    const struct {
        bg_trainer_options options;
        const char *part;
    } wrong[] = {
        { { .optimizer = bg_sgd(1, 0), .accumulate = -1 }, "-1 batches an update" },
        { { .optimizer = bg_sgd(1, 0), .averaging = { .kind = BG_AVERAGE_EMA, .decay = 1.5 } }, "the decay 1.5" },
        { { .optimizer = bg_sgd(1, 0), .averaging = { .kind = BG_AVERAGE_SWA, .every = -2 } }, "every -2" },
        { { .optimizer = bg_sgd(1, 0), .schedule = bg_schedule_cosine(0, 0) }, "length 0" },
        { { .optimizer = bg_adagrad(1), .schedule = bg_schedule_one_cycle(9) }, "adagrad has none" },
        { { .optimizer = bg_adafactor(-1) }, "learning rate -1" },
    };
    bg_model *model;
    bg_trainer *trainer;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bg_trainer_options options = wrong[i].options;
        options.network = good.network;
        options.loss = good.loss;
        FAILS(bg_trainer_create(&trainer, model, &options), BG_ERR_ARGUMENT, wrong[i].part);
    }
    bg_model_destroy(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train steps");
    TCase *tests = tcase_create("train steps");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_accumulation);
    tcase_add_test(tests, test_schedule);
    tcase_add_test(tests, test_plateau);
    tcase_add_test(tests, test_averages);
    tcase_add_test(tests, test_check_fails);
    tcase_add_test(tests, test_check_names_the_parameter);
    tcase_add_test(tests, test_check_skips);
    tcase_add_test(tests, test_resumed);
    tcase_add_test(tests, test_stopped);
    tcase_add_test(tests, test_stopped_then_other_data);
    tcase_add_test(tests, test_load_older);
    tcase_add_test(tests, test_load_refuses);
    tcase_add_test(tests, test_threads);
    tcase_add_test(tests, test_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
