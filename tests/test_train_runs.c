/* What a run needs of the trainer and of data: going on within an epoch, weights of classes, the origin of a number
 * that is none, the hash of data, whole files. */
#define _POSIX_C_SOURCE 200809L
#include "support/counted.h"
#include "support/expect.h"
#include "support/suite.h"
#include "support/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 19, WIDTH = 4, CLASSES = 3 };

static bg_node *line(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

typedef struct {
    bg_dataset *data;
    bg_model *model;
    bg_trainer *trainer;
} run;

static bg_dataset *make_data(void)
{
    bg_tensor *x, *y;
    bg_dataset *data;
    OK(bg_tensor_create(&x, counted_engine(), BG_F64, BG_SHAPE(N, WIDTH)));
    OK(bg_tensor_create(&y, counted_engine(), BG_I64, BG_SHAPE(N)));
    for (int i = 0; i < N * WIDTH; i++)
        ((double *)bg_tensor_data(x))[i] = sin(1 + 7.3 * i);
    for (int i = 0; i < N; i++)
        ((int64_t *)bg_tensor_data(y))[i] = i * i % CLASSES;
    OK(bg_dataset_create(&data, (bg_tensor *[]){ x, y }, 2, CLASSES));
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    return data;
}

static run make_run(bg_trainer_options options, const char *layers)
{
    run r = { .data = make_data() };
    OK(bg_model_create(&r.model, counted_engine(), BG_F64));
    options.network = line;
    options.user = (void *)(uintptr_t)layers;
    if (!options.loss)
        options.loss = bg_cross_entropy_loss;
    OK(bg_trainer_create(&r.trainer, r.model, &options));
    return r;
}

static void end_run(run *r)
{
    bg_trainer_destroy(r->trainer);
    bg_model_destroy(r->model);
    bg_dataset_destroy(r->data);
}

/* ---- Going on ---- */

/* Remembers what the end of the last epoch said. */
typedef struct {
    bg_progress last;
    int64_t stop; /* at this step; 0: never */
} witness;

static bool watch(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    witness *w = user;
    bg_progress own = bg_trainer_progress(trainer);
    ck_assert_int_eq(own.step, progress->step);
    ck_assert_int_eq(own.epoch, progress->epoch);
    ck_assert(own.epoch_is_done == progress->epoch_is_done);
    ck_assert(own.train.loss == progress->train.loss && own.train.accuracy == progress->train.accuracy);
    w->last = *progress;
    return progress->step != w->stop;
}

/* The epoch's mean is that of all of its steps, and the number of epochs counts those that were done before. */
START_TEST(test_goes_on)
{
    bg_trainer_options options = {
        .optimizer = bg_sgd(0.1, 0.9), .batch = 4, .epochs = 3, .counts_all_epochs = true, .call_every = 1
    };
    run whole = make_run(options, "dense:8 relu dropout:0.3 dense:3");
    witness all = { .stop = 0 };
    OK(bg_trainer_fit(whole.trainer, whole.data, NULL, watch, &all));
    ck_assert_int_eq(all.last.epoch, 3);
    for (int64_t stop = 1; stop <= 15; stop++) {
        run first = make_run(options, "dense:8 relu dropout:0.3 dense:3"),
            second = make_run(options, "dense:8 relu dropout:0.3 dense:3");
        witness w = { .stop = stop };
        FAILS(bg_trainer_fit(first.trainer, first.data, NULL, watch, &w), BG_ERR_STOPPED, "asked to stop");
        bg_archive *archive;
        const bg_program *program;
        OK(bg_archive_create(&archive, counted_engine()));
        OK(bg_trainer_save(first.trainer, archive));
        OK(bg_trainer_program(second.trainer, second.data, 4, &program));
        OK(bg_trainer_load(second.trainer, archive));
        ck_assert_int_eq(bg_trainer_progress(second.trainer).step, stop);
        w.stop = 0;
        OK(bg_trainer_fit(second.trainer, second.data, NULL, watch, &w));
        bg_progress end = bg_trainer_progress(second.trainer);
        ck_assert_int_eq(end.step, 15);
        ck_assert_msg(end.train.loss == all.last.train.loss && end.train.accuracy == all.last.train.accuracy,
                      "stopped at %lld: %.17g, not %.17g", (long long)stop, end.train.loss, all.last.train.loss);
        OK(bg_trainer_fit(second.trainer, second.data, NULL, watch, &w));
        ck_assert_int_eq(bg_trainer_progress(second.trainer).step, 15);
        bg_archive_destroy(archive);
        end_run(&second);
        end_run(&first);
    }
    ck_assert_int_eq(bg_trainer_progress(NULL).step, 0);
    end_run(&whole);
}
END_TEST

/* ---- Class weights ---- */

/* One step of plain descent on the weighted cross-entropy, against the loss with its option. */
START_TEST(test_class_weights)
{
    static const double values[CLASSES] = { 0.5, 3, 0 };
    bg_tensor *weights, *wrong;
    OK(bg_tensor_create(&weights, counted_engine(), BG_F64, BG_SHAPE(CLASSES)));
    OK(bg_tensor_create(&wrong, counted_engine(), BG_I64, BG_SHAPE(CLASSES)));
    memcpy(bg_tensor_data(weights), values, sizeof values);
    bg_trainer_options options = { .optimizer = bg_sgd(0.7, 0), .batch = N, .epochs = 1, .class_weights = weights };
    run r = make_run(options, "dense:3");
    const bg_program *program;
    OK(bg_trainer_program(r.trainer, r.data, N, &program));
    bg_graph *graph;
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *x = bg_constant(graph, bg_dataset_column(r.data, 0)),
            *y = bg_constant(graph, bg_dataset_column(r.data, 1));
    bg_node *logits = bg_layers(r.model, "dense:3", x), *outputs[3];
    bg_node *w = bg_parameter(graph, bg_model_find(r.model, "0.weight")), *dw;
    bg_node *loss = bg_cross_entropy_loss_with(logits, y, BG_MEAN,
                                               &(bg_cross_entropy_options){ .weight = bg_constant(graph, weights) });
    OK(bg_grad(loss, &w, 1, &dw));
    outputs[0] = bg_sub(w, bg_mul_scalar(dw, 0.7));
    outputs[1] = loss;
    outputs[2] = bg_cross_entropy_loss(logits, y, BG_MEAN);
    bg_program *by_hand;
    OK(bg_compile(&by_hand, graph, outputs, 3, NULL));
    OK(bg_program_run(by_hand));
    bg_metrics metrics;
    OK(bg_trainer_evaluate(r.trainer, r.data, &metrics));
    expect_near("an evaluation weighs nothing", metrics.loss, value_at(bg_program_output(by_hand, 2), 0), 1e-12);
    OK(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL));
    expect_near("loss", bg_trainer_progress(r.trainer).train.loss, value_at(bg_program_output(by_hand, 1), 0), 1e-12);
    for (int i = 0; i < CLASSES * WIDTH; i++)
        expect_near("weight", value_at(bg_model_find(r.model, "0.weight"), i),
                    value_at(bg_program_output(by_hand, 0), i), 1e-12);
    bg_program_destroy(by_hand);
    bg_graph_destroy(graph);

    bg_trainer *none;
    options.network = line;
    options.loss = bg_nll_loss;
    FAILS(bg_trainer_create(&none, r.model, &options), BG_ERR_ARGUMENT, "for the loss bg_cross_entropy_loss");
    options.loss = bg_cross_entropy_loss;
    options.class_weights = wrong;
    FAILS(bg_trainer_create(&none, r.model, &options), BG_ERR_DTYPE, "class_weights are i64, not f32 or f64");
    options.class_weights = bg_dataset_column(r.data, 0);
    FAILS(bg_trainer_create(&none, r.model, &options), BG_ERR_SHAPE, "have the shape [19, 4], not [classes]");
    bg_tensor_destroy(wrong);
    bg_tensor_destroy(weights);
    end_run(&r);
}
END_TEST

/* Small batches that make an update together weigh as their classes do, so that it is that of one large batch. */
START_TEST(test_accumulated_weights)
{
    static const double values[CLASSES] = { 0.5, 3, 1 };
    bg_tensor *weights;
    OK(bg_tensor_create(&weights, counted_engine(), BG_F64, BG_SHAPE(CLASSES)));
    memcpy(bg_tensor_data(weights), values, sizeof values);
    bg_trainer_options options = {
        .optimizer = bg_sgd(0.7, 0.9), .batch = 12, .epochs = 3, .without_shuffle = true, .class_weights = weights
    };
    run whole = make_run(options, "dense:3");
    options.batch = 4;
    options.accumulate = 3;
    run parts = make_run(options, "dense:3");
    OK(bg_trainer_fit(whole.trainer, whole.data, NULL, NULL, NULL));
    OK(bg_trainer_fit(parts.trainer, parts.data, NULL, NULL, NULL));
    for (int i = 0; i < CLASSES * WIDTH; i++)
        expect_near("weight", value_at(bg_model_find(parts.model, "0.weight"), i),
                    value_at(bg_model_find(whole.model, "0.weight"), i), 1e-12);
    bg_tensor_destroy(weights);
    end_run(&parts);
    end_run(&whole);
}
END_TEST

/* Classes of weight 0 do not count; a batch of nothing else has no mean. It changes nothing, and stops or is skipped.
 */
START_TEST(test_weights_of_0)
{
    static const double values[CLASSES] = { 0, 2, 0 };
    bg_tensor *weights;
    OK(bg_tensor_create(&weights, counted_engine(), BG_F64, BG_SHAPE(CLASSES)));
    memcpy(bg_tensor_data(weights), values, sizeof values);
    for (int checks = 0; checks < 2; checks++) {
        bg_trainer_options options = {
            .optimizer = bg_adam(0.1), .batch = 1, .epochs = 1, .without_shuffle = true, .class_weights = weights
        };
        options.optimizer.checks_finite = checks > 0;
        run r = make_run(options, "dense:3");
        const bg_program *program;
        OK(bg_trainer_program(r.trainer, r.data, 1, &program));
        double before = value_at(bg_model_find(r.model, "0.weight"), 0);
        /* The first example is of class 0. */
        FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC,
              "trainer_fit: step 1 (epoch 1): the class weights of all 1 examples of this batch are 0");
        ck_assert(value_at(bg_model_find(r.model, "0.weight"), 0) == before);
        ck_assert_int_eq(bg_trainer_progress(r.trainer).step, 0);
        end_run(&r);
    }
    bg_trainer_options options = {
        .optimizer = bg_sgd(0.1, 0), .batch = 1, .epochs = 1, .class_weights = weights, .skips_nonfinite = true
    };
    run r = make_run(options, "dense:3");
    OK(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL));
    bg_progress progress = bg_trainer_progress(r.trainer);
    int64_t counted = 0;
    for (int i = 0; i < N; i++)
        counted += i * i % CLASSES == 1;
    ck_assert_int_eq(progress.updates, counted);
    ck_assert_int_eq(progress.skipped, N - counted);
    ck_assert(isfinite(progress.train.loss) && progress.train.examples == counted);
    end_run(&r);

    /* Probabilities, which are 0 and 1 here, are no classes: their mean is over all examples. */
    bg_tensor *x, *y;
    bg_dataset *data;
    options.skips_nonfinite = false;
    r = make_run(options, "dense:3");
    memset(bg_tensor_data(weights), 0, sizeof values);
    OK(bg_tensor_create(&x, counted_engine(), BG_F64, BG_SHAPE(2, WIDTH)));
    OK(bg_tensor_create(&y, counted_engine(), BG_F64, BG_SHAPE(2, CLASSES)));
    ((double *)bg_tensor_data(y))[0] = ((double *)bg_tensor_data(y))[4] = 1;
    OK(bg_dataset_create(&data, (bg_tensor *[]){ x, y }, 2, 0));
    OK(bg_trainer_fit(r.trainer, data, NULL, NULL, NULL));
    ck_assert(bg_trainer_progress(r.trainer).train.loss == 0);
    bg_dataset_destroy(data);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    end_run(&r);
    bg_tensor_destroy(weights);
}
END_TEST

/* ---- Anomalies ---- */

/* The loss of each case is built from the scores; the number that is none is made at the place that the message names.
 */
static bg_node *of_log(bg_node *scores, bg_node *y, bg_reduction reduction)
{
    (void)y, (void)reduction;
    return bg_mean(bg_log(bg_sub(scores, scores)), BG_ALL_AXES);
}
static bg_node *of_exp(bg_node *scores, bg_node *y, bg_reduction reduction)
{
    (void)y, (void)reduction;
    return bg_mean(bg_sin(bg_exp(bg_add_scalar(bg_square(scores), 1000))), BG_ALL_AXES);
}
/* The root of 0 has no slope: only the gradient shows it. */
static bg_node *of_sqrt(bg_node *scores, bg_node *y, bg_reduction reduction)
{
    (void)y, (void)reduction;
    return bg_mean(bg_sqrt(bg_square(bg_sub(scores, scores))), BG_ALL_AXES);
}
/* An infinite mask is no fault. */
static bg_node *of_mask(bg_node *scores, bg_node *y, bg_reduction reduction)
{
    (void)y, (void)reduction;
    bg_graph *graph = bg_node_graph(scores);
    bg_node *masked = bg_maximum(scores, bg_full(graph, BG_F64, bg_node_shape(scores), -INFINITY));
    return bg_mean(bg_reciprocal(bg_sub(masked, scores)), BG_ALL_AXES);
}

static const struct {
    const char *name;
    bg_loss *loss;
    const char *messages[3];
} anomalies[] = {
    { "log",
      of_log,
      { "step 1 (epoch 1, ", "the loss is infinite or NaN; the first such number is made by log [4, 3]",
        "at \"3.bias\" of input 0 from 0 to 0" } },
    { "exp", of_exp, { "the first such number is made by exp [4, 3]", "of input 0 from 1000", " to 100" } },
    { "sqrt", of_sqrt, { "the gradient of \"0.weight\" has ", "the first such number is made by ", " from 0 to 0" } },
    { "mask", of_mask, { "the first such number is made by reciprocal [4, 3]", "of input 0 from 0 to 0", "3.bias" } },
};

START_TEST(test_anomaly)
{
    bg_trainer_options options = {
        .optimizer = bg_adamw(0.1), .batch = 4, .loss = anomalies[_i].loss, .detects_anomalies = true
    };
    run r = make_run(options, "dense:8 tanh dropout:0.3 dense:3"),
        fresh = make_run(options, "dense:8 tanh dropout:0.3 dense:3");
    const bg_program *program;
    OK(bg_trainer_program(fresh.trainer, fresh.data, 4, &program));
    for (int i = 0; i < 3; i++)
        FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC, anomalies[_i].messages[i]);
    /* Nothing has changed. */
    for (size_t i = 0; i < bg_model_count(fresh.model); i++) {
        const bg_tensor *a = bg_model_tensor(fresh.model, i),
                        *b = bg_model_find(r.model, bg_model_name(fresh.model, i));
        ck_assert_msg(memcmp(bg_tensor_const_data(a), bg_tensor_const_data(b),
                             (size_t)bg_shape_count(bg_tensor_shape(a)) * bg_dtype_size(bg_tensor_dtype(a))) == 0,
                      "%s", bg_model_name(fresh.model, i));
    }
    end_run(&fresh);
    end_run(&r);
}
END_TEST

/* A number that was there from the start, in data and in parameters; and in a batch that only adds its gradient. */
START_TEST(test_anomaly_of_leaves)
{
    bg_trainer_options options = { .optimizer = bg_sgd(0.1, 0), .batch = N, .detects_anomalies = true };
    run r = make_run(options, "dense:3");
    ((double *)bg_tensor_data(bg_dataset_column(r.data, 0)))[5] = NAN;
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC,
          "it is in the input \"column 0\" already");
    end_run(&r);
    r = make_run(options, "dense:3");
    const bg_program *program;
    OK(bg_trainer_program(r.trainer, r.data, N, &program));
    ((double *)bg_tensor_data(bg_model_find(r.model, "0.bias")))[1] = INFINITY;
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC,
          "it is in the parameter \"0.bias\" already");
    end_run(&r);
    options.batch = 4;
    options.accumulate = 3;
    options.loss = of_log;
    r = make_run(options, "dropout:0.5 dense:3");
    for (int i = 0; i < 2; i++)
        FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC, "step 1 (epoch 1, ");
    ck_assert_ptr_nonnull(strstr(bg_last_error(), "made by log [4, 3]"));
    ck_assert_int_eq(bg_trainer_progress(r.trainer).step, 0);
    for (size_t i = 0; i < bg_model_count(r.model); i++)
        if (strstr(bg_model_name(r.model, i), ".gradient"))
            expect_near("nothing was added", value_at(bg_model_tensor(r.model, i), 0), 0, 0);
    end_run(&r);
    bg_trainer *none;
    options.network = line;
    options.skips_nonfinite = true;
    r = make_run((bg_trainer_options){ .optimizer = bg_sgd(0.1, 0) }, "dense:3");
    FAILS(bg_trainer_create(&none, r.model, &options), BG_ERR_ARGUMENT, "give one");
    end_run(&r);
}
END_TEST

/* A batch that would only add to those before it: its run leaves no trace, neither in the statistics of normalisation,
 * and the update is left out, also when it is made by a trainer that was loaded in between. */
START_TEST(test_skipped_batch)
{
    bg_trainer_options options = { .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = 4,
                                   .accumulate = 2,
                                   .without_shuffle = true,
                                   .skips_nonfinite = true,
                                   .call_every = 1 };
    const char *layers = "dense:8 batch_norm relu dense:3";
    run r = make_run(options, layers), second = make_run(options, layers), healthy = make_run(options, layers);
    bg_dataset *rest;
    witness w = { .stop = 3 };
    const bg_program *program;
    bg_archive *archive;
    OK(bg_dataset_slice(&rest, healthy.data, 0, 8));
    OK(bg_trainer_fit(healthy.trainer, rest, NULL, NULL, NULL));
    ((double *)bg_tensor_data(bg_dataset_column(r.data, 0)))[9 * WIDTH] = NAN;
    FAILS(bg_trainer_fit(r.trainer, r.data, NULL, watch, &w), BG_ERR_STOPPED, "asked to stop");
    for (size_t i = 0; i < bg_model_count(r.model); i++) {
        const char *name = bg_model_name(r.model, i);
        const bg_tensor *a = bg_model_tensor(r.model, i), *b = bg_model_find(healthy.model, name);
        if (!strstr(name, ".gradient") && !strstr(name, "random"))
            expect_near(name, value_at(a, 0), value_at(b, 0), 0);
    }
    ck_assert_int_eq(bg_trainer_progress(r.trainer).train.examples, 8);
    OK(bg_archive_create(&archive, counted_engine()));
    OK(bg_trainer_save(r.trainer, archive));
    OK(bg_trainer_program(second.trainer, r.data, 4, &program));
    OK(bg_trainer_load(second.trainer, archive));
    w.stop = 4;
    FAILS(bg_trainer_fit(second.trainer, r.data, NULL, watch, &w), BG_ERR_STOPPED, "asked to stop");
    ck_assert_int_eq(w.last.updates, 1);
    ck_assert_int_eq(w.last.skipped, 1);
    expect_near("weight", value_at(bg_model_find(second.model, "0.weight"), 0),
                value_at(bg_model_find(healthy.model, "0.weight"), 0), 0);
    bg_archive_destroy(archive);
    bg_dataset_destroy(rest);
    end_run(&healthy);
    end_run(&second);
    end_run(&r);
}
END_TEST

/* Infinite for an element that is dropped, which is seldom: another draw of the random numbers would not show it. */
static double dropped_share;
static bg_node *of_dropped(bg_node *scores, bg_node *y, bg_reduction reduction)
{
    (void)y, (void)reduction;
    return bg_mean(bg_reciprocal(bg_dropout(bg_add_scalar(scores, 1000), dropped_share)), BG_ALL_AXES);
}

START_TEST(test_anomaly_of_random_numbers)
{
    bg_trainer_options options = {
        .optimizer = bg_sgd(0.1, 0), .batch = 4, .epochs = 1000, .loss = of_dropped, .detects_anomalies = true
    };
    int adding = 0, updating = 0;
    dropped_share = 0.005;
    /* The batch that shows it is the third of its epoch. */
    for (options.accumulate = 2; options.accumulate <= 4; options.accumulate++) {
        run r = make_run(options, "dense:3");
        FAILS(bg_trainer_fit(r.trainer, r.data, NULL, NULL, NULL), BG_ERR_NUMERIC, "made by reciprocal [");
        /* Five batches an epoch, the last of which always updates. */
        int64_t in_epoch = (strtoll(strstr(bg_last_error(), "step ") + 5, NULL, 10) - 1) % 5 + 1;
        bool is_adding = in_epoch % options.accumulate != 0 && in_epoch < 5;
        adding += is_adding;
        updating += !is_adding;
        end_run(&r);
    }
    ck_assert_int_gt(adding, 0);
    ck_assert_int_gt(updating, 0);
}
END_TEST

/* ---- Data and files ---- */

START_TEST(test_hash)
{
    bg_dataset *a = make_data(), *b = make_data(), *part, *turned;
    uint64_t hash = hash_of(a);
    ck_assert(hash == hash_of(b));
    ((int64_t *)bg_tensor_data(bg_dataset_column(b, 1)))[N - 1]++;
    ck_assert(hash != hash_of(b));
    ((int64_t *)bg_tensor_data(bg_dataset_column(b, 1)))[N - 1]--;
    ck_assert(hash == hash_of(b));
    OK(bg_dataset_slice(&part, a, 0, N - 1));
    ck_assert(hash != hash_of(part));
    bg_dataset_destroy(part);
    OK(bg_dataset_slice(&part, a, 0, N));
    ck_assert(hash == hash_of(part));
    /* The same elements in the same order, otherwise laid out; and as [4, 19], which is other data. */
    bg_tensor *view, *copy, *back;
    OK(bg_tensor_permute(&view, bg_dataset_column(a, 0), BG_AXES(1, 0)));
    OK(bg_tensor_create(&copy, counted_engine(), BG_F64, BG_SHAPE(WIDTH, N)));
    OK(bg_tensor_copy(copy, view));
    OK(bg_tensor_permute(&back, copy, BG_AXES(1, 0)));
    OK(bg_dataset_create(&turned, (bg_tensor *[]){ back, bg_dataset_column(a, 1) }, 2, CLASSES));
    ck_assert(!bg_tensor_is_contiguous(back) && hash == hash_of(turned));
    bg_dataset_destroy(turned);
    OK(bg_dataset_create(&turned, &copy, 1, 0));
    ck_assert(hash != hash_of(turned));
    bg_dataset_destroy(turned);
    bg_tensor_destroy(back);
    bg_tensor_destroy(copy);
    bg_tensor_destroy(view);
    bg_dataset_destroy(part);
    bg_dataset_destroy(b);
    bg_dataset_destroy(a);
}
END_TEST

START_TEST(test_file)
{
    char folder[] = "/tmp/blasgrad-file-XXXXXX", path[200], text[20] = "";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/config.json", folder);
    OK(bg_file_write(counted_engine(), path, "before", 6));
    OK(bg_file_write(counted_engine(), path, "after", 5));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), 5);
    ck_assert_str_eq(text, "after");
    (void)fclose(file);
    /* Of no bytes, as XXH3 defines it. */
    ck_assert(bg_bytes_hash(NULL, 0) == UINT64_C(0x2D06800538D394C2));
    ck_assert(bg_bytes_hash("after", 5) != bg_bytes_hash("aftes", 5));
    FAILS(bg_file_write(counted_engine(), folder, "x", 1), BG_ERR_IO, "Is a directory");
    FAILS(bg_file_write(counted_engine(), NULL, "x", 1), BG_ERR_ARGUMENT, "file_write: path is NULL");
    FAILS(bg_file_write(counted_engine(), path, NULL, 1), BG_ERR_ARGUMENT, "file_write: data is NULL");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train runs");
    TCase *tests = tcase_create("train runs");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_goes_on);
    tcase_add_test(tests, test_class_weights);
    tcase_add_test(tests, test_accumulated_weights);
    tcase_add_test(tests, test_weights_of_0);
    tcase_add_loop_test(tests, test_anomaly, 0, sizeof anomalies / sizeof anomalies[0]);
    tcase_add_test(tests, test_anomaly_of_leaves);
    tcase_add_test(tests, test_skipped_batch);
    tcase_add_test(tests, test_anomaly_of_random_numbers);
    tcase_add_test(tests, test_hash);
    tcase_add_test(tests, test_file);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
