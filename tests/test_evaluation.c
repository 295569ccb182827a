/* Evaluations: of a trainer's data sets, wrong calls, and memory that runs out. */
#include "support/counted.h"
#include "support/scratch.h"
#include "support/suite.h"
#include "support/values.h"

#include <string.h>

/* ---- The trainer ---- */

static bg_node *line_network(bg_model *model, bg_node *x, void *user) { return bg_layers(model, user, x); }

/* On an engine of so many threads, with a training batch that also is the size of evaluation batches above 256. */
static void score_digits(int threads, int64_t batch, double *results)
{
    bg_engine *engine;
    bg_dataset *data, *parts[2];
    bg_model *model;
    bg_trainer *trainer;
    bg_evaluation *evaluation;
    bg_metrics metrics, again;
    bg_classification all;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = 3 }));
    OK(bg_data_builtin(&data, engine, "digits", NULL));
    OK(bg_dataset_slice(&parts[0], data, 0, 700));
    OK(bg_dataset_slice(&parts[1], data, 700, 1797));
    OK(bg_model_create(&model, engine, BG_F32));
    bg_trainer_options options = { .network = line_network,
                                   .user = "dense:32 relu dense:10",
                                   .loss = bg_cross_entropy_loss,
                                   .optimizer = bg_sgd(0.1, 0.9),
                                   .batch = 50,
                                   .epochs = 3 };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, parts[1], NULL, NULL, NULL));
    bg_trainer_destroy(trainer);
    options.batch = batch;
    OK(bg_trainer_create(&trainer, model, &options));
    bg_evaluation_options scored = {
        .kind = BG_EVALUATION_CLASSES, .top_k = 1, .are_logits = true, .with_roc_auc = true, .with_confusion = true
    };
    OK(bg_evaluation_create(&evaluation, engine, &scored));
    OK(bg_trainer_score(trainer, data, evaluation, &metrics));
    OK(bg_trainer_evaluate(trainer, data, &again));
    ck_assert(metrics.loss == again.loss && metrics.accuracy == again.accuracy);
    OK(bg_evaluation_classification(evaluation, &all));
    ck_assert_double_eq(all.accuracy, metrics.accuracy);
    ck_assert_double_eq(all.top_k_accuracy, metrics.accuracy);
    ck_assert_double_gt(all.accuracy, 0.8);
    OK(bg_evaluation_roc_auc(evaluation, results + 1, &results[0]));
    results[11] = all.macro.f1;
    /* A second data set goes to the same. */
    OK(bg_trainer_score(trainer, parts[0], evaluation, NULL));
    ck_assert_int_eq(bg_evaluation_rows(evaluation), 1797 + 700);
    bg_evaluation_destroy(evaluation);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(parts[0]);
    bg_dataset_destroy(parts[1]);
    bg_dataset_destroy(data);
    bg_engine_destroy(engine);
}

START_TEST(test_threads_and_batches)
{
    enum { RESULTS = 12 };
    double first[RESULTS], other[RESULTS];
    score_digits(1, 0, first);
    for (int threads = 1; threads <= 4; threads++)
        for (int64_t batch = threads == 1 ? 300 : 256; batch <= 2000; batch += 745) {
            score_digits(threads, batch, other);
            ck_assert_msg(!memcmp(first, other, sizeof first), "%d threads, batches of %d", threads, (int)batch);
        }
}
END_TEST

START_TEST(test_scored_numbers)
{
    bg_dataset *data;
    bg_model *model;
    bg_trainer *trainer;
    bg_evaluation *evaluation;
    bg_metrics metrics;
    bg_regression found;
    OK(bg_data_builtin(&data, counted_engine(), "lecture", &(bg_data_options){ .dtype = BG_F64 }));
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    bg_trainer_options options = { .network = line_network,
                                   .user = "dense:1:nobias",
                                   .loss = bg_l2_loss,
                                   .optimizer = bg_sgd(0.02, 0),
                                   .batch = 100,
                                   .epochs = 1000 };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    OK(bg_evaluation_create(&evaluation, counted_engine(), NULL));
    OK(bg_trainer_score(trainer, data, evaluation, &metrics));
    OK(bg_evaluation_regression(evaluation, &found));
    expect_near("rmse", found.rmse, sqrt(metrics.loss), 1e-14);
    /* The targets 4, 0, 3, 8, -3.8 have the mean 2.24. */
    expect_near("r2", found.r2, 1 - 5 * metrics.loss / 78.352, 1e-14);
    FAILS(bg_trainer_score(trainer, data, NULL, &metrics), BG_ERR_ARGUMENT, "evaluation is NULL");
    bg_evaluation_destroy(evaluation);
    OK(bg_evaluation_create(&evaluation, counted_engine(), &(bg_evaluation_options){ .kind = BG_EVALUATION_CLASSES }));
    FAILS(bg_trainer_score(trainer, data, evaluation, &metrics), BG_ERR_DTYPE, "classes are f64, not u8, i32 or i64");
    bg_evaluation_destroy(evaluation);
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
}
END_TEST

/* ---- Mistakes ---- */

START_TEST(test_wrong_options)
{
    static const struct {
        bg_evaluation_options options;
        const char *part;
    } cases[] = {
        { { .kind = (bg_evaluation_kind)3 }, "the kind is 3" },
        { { .kind = BG_EVALUATION_CLASSES, .top_k = -1 }, "top_k is -1" },
        { { .top_k = 2 }, "top_k is for scores of classes, the evaluation is of numbers" },
        { { .kind = BG_EVALUATION_BINARY, .top_k = 1 }, "of two classes by a threshold" },
        { { .with_confusion = true }, "with_confusion is for classes" },
        { { .with_roc_auc = true }, "with_roc_auc is for classes" },
        { { .are_logits = true }, "are_logits is for scores of classes" },
        { { .kind = BG_EVALUATION_BINARY, .are_logits = true }, "are_logits is for scores of classes" },
        { { .kind = BG_EVALUATION_CLASSES, .threshold = 0.5 }, "the threshold is 0.5 in an evaluation of classes" },
        { { .kind = BG_EVALUATION_BINARY, .threshold = NAN }, "the threshold is nan" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_evaluation *evaluation = (bg_evaluation *)1;
        expect_failure(bg_evaluation_create(&evaluation, counted_engine(), &cases[i].options), BG_ERR_ARGUMENT,
                       cases[i].part, cases[i].part);
        ck_assert_ptr_null(evaluation);
    }
    bg_evaluation *evaluation;
    FAILS(bg_evaluation_create(NULL, counted_engine(), NULL), BG_ERR_ARGUMENT, "evaluation is NULL");
    FAILS(bg_evaluation_create(&evaluation, NULL, NULL), BG_ERR_ARGUMENT, "evaluation_create");
}
END_TEST

#define NUMBERS BG_EVALUATION_NUMBERS
#define CLASSES BG_EVALUATION_CLASSES
#define BINARY  BG_EVALUATION_BINARY

START_TEST(test_wrong_tensors)
{
    static const struct {
        bg_evaluation_kind kind;
        bg_dtype x_dtype, y_dtype;
        bg_shape x, y;
        bg_status status;
        const char *part;
    } cases[] = {
        { CLASSES, BG_I64, BG_I64, { 2, { 2, 3 } }, { 1, { 2 } }, BG_ERR_DTYPE, "predictions are i64, not f32 or f64" },
        { CLASSES, BG_F32, BG_F32, { 2, { 2, 3 } }, { 1, { 2 } }, BG_ERR_DTYPE, "classes are f32, not u8, i32 or i64" },
        { NUMBERS, BG_F32, BG_I64, { 1, { 2 } }, { 1, { 2 } }, BG_ERR_DTYPE, "targets are i64, not f32 or f64" },
        { CLASSES, BG_F32, BG_I64, { 2, { 2, 3 } }, { 1, { 3 } }, BG_ERR_SHAPE, "predictions [2, 3], targets [3]" },
        { CLASSES, BG_F32, BG_I64, { 2, { 2, 0 } }, { 1, { 2 } }, BG_ERR_SHAPE, "scores [.., c] and classes [..]" },
        { CLASSES, BG_F32, BG_I64, { 0, { 0 } }, { 0, { 0 } }, BG_ERR_SHAPE, "predictions [], targets []" },
        { CLASSES, BG_F32, BG_U8, { 2, { 0, INT64_MAX / 8 } }, { 1, { 0 } }, BG_ERR_SHAPE, "targets [0]" },
        { NUMBERS, BG_F32, BG_F32, { 2, { 2, 3 } }, { 2, { 2, 2 } }, BG_ERR_SHAPE, "targets [2, 2]" },
        { NUMBERS, BG_F32, BG_F32, { 0, { 0 } }, { 0, { 0 } }, BG_ERR_SHAPE, "targets [n, ..]" },
        { NUMBERS, BG_F32, BG_F32, { 2, { 2, 0 } }, { 2, { 2, 0 } }, BG_ERR_SHAPE, "targets [2, 0]" },
        { NUMBERS,
          BG_F32,
          BG_F32,
          { 2, { 0, INT64_MAX / 8 } },
          { 2, { 0, INT64_MAX / 8 } },
          BG_ERR_SHAPE,
          "targets [0, " },
        { BINARY, BG_F32, BG_F32, { 1, { 2 } }, { 2, { 2, 1 } }, BG_ERR_SHAPE, "scores and targets of one shape" },
        { CLASSES, BG_F32, BG_U8, { 2, { 4, 3 } }, { 1, { 4 } }, BG_ERR_INDEX, "class 3 of row 3 is outside 0 .. 2" },
        { BINARY, BG_F32, BG_F64, { 1, { 3 } }, { 1, { 3 } }, BG_ERR_ARGUMENT, "target 2 is 2, neither 0 nor 1" },
        { BINARY, BG_F32, BG_I32, { 1, { 3 } }, { 1, { 3 } }, BG_ERR_ARGUMENT, "target 2 is 2, neither 0 nor 1" },
        { CLASSES, BG_F32, BG_U8, { 2, { 1, 4097 } }, { 1, { 1 } }, BG_ERR_ARGUMENT, "4097 classes, it may have 4096" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_evaluation *evaluation;
        bg_evaluation_options options = { .kind = cases[i].kind,
                                          .with_confusion = cases[i].kind != BG_EVALUATION_NUMBERS };
        OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
        bg_tensor *x, *y = counted_tensor(cases[i].y_dtype, cases[i].y);
        OK(bg_tensor_create(&x, counted_engine(), cases[i].x_dtype, cases[i].x));
        expect_failure(bg_evaluation_add(evaluation, x, y), cases[i].status, cases[i].part, cases[i].part);
        ck_assert(bg_evaluation_rows(evaluation) == 0 && bg_evaluation_classes(evaluation) == 0);
        ck_assert_int_eq(bg_evaluation_targets(evaluation), 0);
        FAILS(bg_evaluation_add(NULL, x, y), BG_ERR_ARGUMENT, "evaluation is NULL");
        FAILS(bg_evaluation_add(evaluation, NULL, y), BG_ERR_ARGUMENT, "prediction is NULL");
        FAILS(bg_evaluation_add(evaluation, x, NULL), BG_ERR_ARGUMENT, "target is NULL");
        bg_tensor_destroy(x);
        bg_tensor_destroy(y);
        bg_evaluation_destroy(evaluation);
    }
}
END_TEST

START_TEST(test_wrong_calls)
{
    bg_evaluation *of_numbers, *of_classes;
    bg_classification all;
    bg_class_metrics of_class;
    bg_regression found;
    double mean;
    OK(bg_evaluation_create(&of_numbers, counted_engine(), NULL));
    OK(bg_evaluation_create(&of_classes, counted_engine(), &(bg_evaluation_options){ .kind = BG_EVALUATION_CLASSES }));
    bg_tensor *x = counted_tensor(BG_F32, BG_SHAPE(2, 3)), *y = counted_tensor(BG_U8, BG_SHAPE(2));
    bg_tensor *wide = counted_tensor(BG_F32, BG_SHAPE(2, 4)), *below;
    int64_t negative[] = { 0, -1 };
    OK(bg_tensor_wrap(&below, counted_engine(), BG_I64, BG_SHAPE(2), negative));
    OK(bg_evaluation_add(of_classes, x, y));
    OK(bg_evaluation_add(of_numbers, x, x));
    FAILS(bg_evaluation_add(of_classes, wide, y), BG_ERR_SHAPE, "4 classes, the evaluation is of 3");
    FAILS(bg_evaluation_add(of_numbers, wide, wide), BG_ERR_SHAPE, "4 targets, the evaluation is of 3");
    FAILS(bg_evaluation_add(of_classes, x, below), BG_ERR_INDEX, "class -1 of row 1");
    ck_assert_int_eq(bg_evaluation_rows(of_classes), 2);
    FAILS(bg_evaluation_classification(of_numbers, &all), BG_ERR_ARGUMENT, "the evaluation is of numbers");
    FAILS(bg_evaluation_classification(of_classes, NULL), BG_ERR_ARGUMENT, "metrics is NULL");
    FAILS(bg_evaluation_classification(NULL, &all), BG_ERR_ARGUMENT, "evaluation is NULL");
    FAILS(bg_evaluation_class(of_numbers, 0, &of_class), BG_ERR_ARGUMENT, "the evaluation is of numbers");
    FAILS(bg_evaluation_class(of_classes, 3, &of_class), BG_ERR_INDEX, "class 3 of 3");
    FAILS(bg_evaluation_class(of_classes, -1, &of_class), BG_ERR_INDEX, "class -1 of 3");
    FAILS(bg_evaluation_class(of_classes, 0, NULL), BG_ERR_ARGUMENT, "metrics is NULL");
    FAILS(bg_evaluation_roc_auc(of_classes, NULL, &mean), BG_ERR_ARGUMENT, "with_roc_auc");
    FAILS(bg_evaluation_roc_auc(of_classes, NULL, NULL), BG_ERR_ARGUMENT, "mean is NULL");
    FAILS(bg_evaluation_roc_auc(of_numbers, NULL, &mean), BG_ERR_ARGUMENT, "the evaluation is of numbers");
    FAILS(bg_evaluation_regression(of_classes, &found), BG_ERR_ARGUMENT, "the evaluation is of classes");
    FAILS(bg_evaluation_regression(of_numbers, NULL), BG_ERR_ARGUMENT, "metrics is NULL");
    FAILS(bg_evaluation_target(of_numbers, 3, &found), BG_ERR_INDEX, "target 3 of 3");
    FAILS(bg_evaluation_target(of_numbers, 0, NULL), BG_ERR_ARGUMENT, "metrics is NULL");
    FAILS(bg_evaluation_target(of_classes, 0, &found), BG_ERR_ARGUMENT, "the evaluation is of classes");
    bg_evaluation_destroy(of_numbers);
    bg_evaluation_destroy(of_classes);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    bg_tensor_destroy(wide);
    bg_tensor_destroy(below);
}
END_TEST

/* ---- Memory that runs out ---- */

/* Views, so that contiguous copies are made too. */
static bg_status add_twice(void)
{
    bg_evaluation *evaluation = NULL;
    bg_tensor *x = NULL, *y = NULL, *turned = NULL;
    double mean;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .with_confusion = true, .with_roc_auc = true };
    bg_status status = bg_evaluation_create(&evaluation, scratch_engine(), &options);
    if (!status)
        status = bg_tensor_create(&x, scratch_engine(), BG_F32, BG_SHAPE(3, 5));
    if (!status)
        status = bg_tensor_permute(&turned, x, BG_AXES(1, 0));
    if (!status)
        status = bg_tensor_create(&y, scratch_engine(), BG_U8, BG_SHAPE(5));
    for (int i = 0; i < 2 && !status; i++) {
        int64_t rows = bg_evaluation_rows(evaluation), classes = bg_evaluation_classes(evaluation);
        status = bg_evaluation_add(evaluation, turned, y);
        if (status) {
            ck_assert_int_eq(bg_evaluation_rows(evaluation), rows);
            ck_assert_int_eq(bg_evaluation_classes(evaluation), classes);
        }
    }
    if (!status)
        status = bg_evaluation_roc_auc(evaluation, NULL, &mean);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    bg_tensor_destroy(turned);
    bg_evaluation_destroy(evaluation);
    return status;
}

/* Two batches of 256 and 44 digits. */
static bg_status score_in_batches(void)
{
    bg_evaluation *evaluation = NULL;
    bg_dataset *all = NULL, *data = NULL;
    bg_model *model = NULL;
    bg_trainer *trainer = NULL;
    bg_metrics metrics;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .are_logits = true, .with_roc_auc = true };
    bg_trainer_options trained = {
        .network = line_network, .user = "dense:10", .loss = bg_cross_entropy_loss, .optimizer = bg_sgd(0.1, 0)
    };
    bg_status status = bg_evaluation_create(&evaluation, scratch_engine(), &options);
    if (!status)
        status = bg_data_builtin(&all, scratch_engine(), "digits", NULL);
    if (!status)
        status = bg_dataset_slice(&data, all, 0, 300);
    if (!status)
        status = bg_model_create(&model, scratch_engine(), BG_F32);
    if (!status)
        status = bg_trainer_create(&trainer, model, &trained);
    if (!status) {
        status = bg_trainer_score(trainer, data, evaluation, &metrics);
        int64_t rows = bg_evaluation_rows(evaluation);
        ck_assert(status ? rows == 0 || rows == 256 : rows == 300);
    }
    bg_trainer_destroy(trainer);
    bg_model_destroy(model);
    bg_dataset_destroy(data);
    bg_dataset_destroy(all);
    bg_evaluation_destroy(evaluation);
    return status;
}

START_TEST(test_out_of_memory)
{
    ck_assert_int_ge(scratch_fail_each("evaluation", add_twice), 12);
    ck_assert_int_ge(scratch_fail_each("score", score_in_batches), 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluation");
    TCase *calls = tcase_create("calls"), *memory = tcase_create("memory");
    tcase_add_checked_fixture(calls, counted_begin, counted_end);
    tcase_add_test(calls, test_threads_and_batches);
    tcase_add_test(calls, test_scored_numbers);
    tcase_add_test(calls, test_wrong_options);
    tcase_add_test(calls, test_wrong_tensors);
    tcase_add_test(calls, test_wrong_calls);
    tcase_add_checked_fixture(memory, scratch_begin, scratch_end);
    tcase_add_test(memory, test_out_of_memory);
    suite_add_tcase(suite, calls);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}
