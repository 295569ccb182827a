/* Metrics of predictions against scikit-learn. */
#include "support/counted.h"
#include "support/golden.h"
#include "support/suite.h"
#include "support/values.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Records ---- */

static bg_evaluation_options options_of(const golden_record *record)
{
    const char *kind = golden_text(record, "kind");
    ck_assert_msg(kind != NULL, "%s", golden_error());
    bg_evaluation_options options = { .kind = BG_EVALUATION_NUMBERS };
    if (strcmp(kind, "numbers") == 0)
        return options;
    options.with_confusion = options.with_roc_auc = true;
    if (strcmp(kind, "classes") == 0) {
        options.kind = BG_EVALUATION_CLASSES;
        options.are_logits = golden_number(record, "logits") != 0;
        options.top_k = (int64_t)golden_number(record, "top_k");
    } else {
        ck_assert_str_eq(kind, "binary");
        options.kind = BG_EVALUATION_BINARY;
        options.threshold = golden_number(record, "threshold");
    }
    return options;
}

/* Rows start .. stop - 1 of an array as a tensor. */
static bg_tensor *rows_of(const golden_record *record, const char *key, bg_dtype dtype, int64_t start, int64_t stop)
{
    const golden_array *array = golden_get(record, key);
    ck_assert_msg(array != NULL, "%s", golden_error());
    bg_shape shape = { .rank = array->rank };
    int64_t inner = 1;
    for (int i = 0; i < array->rank; i++) {
        shape.dims[i] = i ? array->dims[i] : stop - start;
        inner *= i ? array->dims[i] : 1;
    }
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, counted_engine(), dtype, shape));
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < (stop - start) * inner; i++) {
        double value = array->values[start * inner + i];
        if (dtype == BG_F64)
            ((double *)data)[i] = value;
        else if (dtype == BG_I64)
            ((int64_t *)data)[i] = (int64_t)value;
        else
            ((uint8_t *)data)[i] = (uint8_t)value;
    }
    return tensor;
}

/* Of a record, in batches of so many rows. */
static bg_evaluation *evaluate_record(const golden_record *record, int64_t batch)
{
    bg_evaluation_options options = options_of(record);
    const char *key = options.kind == BG_EVALUATION_NUMBERS ? "predictions" : "scores";
    bg_dtype dtype = options.kind == BG_EVALUATION_NUMBERS ? BG_F64 : (batch % 2 ? BG_I64 : BG_U8);
    int64_t n = golden_get(record, key)->dims[0];
    bg_evaluation *evaluation;
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    for (int64_t start = 0; start < n; start += batch) {
        int64_t stop = n - start < batch ? n : start + batch;
        bg_tensor *prediction = rows_of(record, key, BG_F64, start, stop);
        bg_tensor *target = rows_of(record, "targets", dtype, start, stop);
        expect_ok(bg_evaluation_add(evaluation, prediction, target), golden_name(record));
        bg_tensor_destroy(prediction);
        bg_tensor_destroy(target);
    }
    ck_assert_int_eq(bg_evaluation_rows(evaluation), n);
    return evaluation;
}

/* Within a few roundings of sums that scikit-learn adds up in another order; NaN only for NaN. */
static void expect_metric(const golden_record *record, const char *key, int64_t i, double found)
{
    const golden_array *array = golden_get(record, key);
    ck_assert_msg(array && i < array->count, "%s", golden_error());
    double expected = array->values[i], tolerance = 16 * DBL_EPSILON * fmax(1, fabs(expected));
    ck_assert_msg(isnan(expected) ? isnan(found) : fabs(found - expected) <= tolerance, "%s: %s %d is %.17g, not %.17g",
                  golden_name(record), key, (int)i, found, expected);
}

static void expect_triple(const golden_record *record, const char *key, const bg_class_metrics *found)
{
    expect_metric(record, key, 0, found->precision);
    expect_metric(record, key, 1, found->recall);
    expect_metric(record, key, 2, found->f1);
}

static void check_classes(const golden_record *record, const bg_evaluation *evaluation)
{
    bg_classification all;
    OK(bg_evaluation_classification(evaluation, &all));
    expect_metric(record, "accuracy", 0, all.accuracy);
    expect_triple(record, "macro", &all.macro);
    expect_triple(record, "weighted", &all.weighted);
    if (golden_has(record, "top"))
        expect_metric(record, "top", 0, all.top_k_accuracy);
    int64_t c = bg_evaluation_classes(evaluation), unpredicted = 0, unsupported = 0;
    double *each = malloc((size_t)c * sizeof *each), mean;
    OK(bg_evaluation_roc_auc(evaluation, each, &mean));
    expect_metric(record, "mean_auc", 0, mean);
    for (int64_t j = 0; j < c; j++) {
        bg_class_metrics of_class;
        OK(bg_evaluation_class(evaluation, j, &of_class));
        expect_metric(record, "precision", j, of_class.precision);
        expect_metric(record, "recall", j, of_class.recall);
        expect_metric(record, "f1", j, of_class.f1);
        expect_metric(record, "support", j, (double)of_class.support);
        expect_metric(record, "auc", j, each[j]);
        int64_t predicted = 0;
        for (int64_t i = 0; i < c; i++) {
            expect_metric(record, "confusion", j * c + i, (double)bg_evaluation_confusion(evaluation)[j * c + i]);
            predicted += bg_evaluation_confusion(evaluation)[i * c + j];
        }
        ck_assert_int_eq(of_class.predicted, predicted);
        unpredicted += predicted == 0;
        unsupported += of_class.support == 0;
    }
    ck_assert_int_eq(all.unpredicted, unpredicted);
    ck_assert_int_eq(all.unsupported, unsupported);
    free(each);
}

static void check_numbers(const golden_record *record, const bg_evaluation *evaluation)
{
    bg_regression found;
    OK(bg_evaluation_regression(evaluation, &found));
    double means[] = { found.mae, found.rmse, found.r2 };
    for (int i = 0; i < 3; i++)
        expect_metric(record, "means", i, means[i]);
    for (int64_t j = 0; j < bg_evaluation_targets(evaluation); j++) {
        OK(bg_evaluation_target(evaluation, j, &found));
        expect_metric(record, "mae", j, found.mae);
        expect_metric(record, "rmse", j, found.rmse);
        expect_metric(record, "r2", j, found.r2);
    }
}

START_TEST(test_records)
{
    golden_file *file = golden_open(GOLDEN_PATH("metrics.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    ck_assert_uint_ge(golden_count(file), 50);
    for (size_t i = 0; i < golden_count(file); i++) {
        const golden_record *record = golden_at(file, i);
        bg_evaluation *evaluation = evaluate_record(record, _i);
        if (strcmp(golden_text(record, "kind"), "numbers") == 0)
            check_numbers(record, evaluation);
        else
            check_classes(record, evaluation);
        bg_evaluation_destroy(evaluation);
    }
    golden_close(file);
}
END_TEST

/* ---- Batches ---- */

/* The bits of all results. */
static void expect_same(const bg_evaluation *a, const bg_evaluation *b, const char *name)
{
    if (bg_evaluation_targets(a)) {
        for (int64_t j = 0; j < bg_evaluation_targets(a); j++) {
            bg_regression of_a, of_b;
            OK(bg_evaluation_target(a, j, &of_a));
            OK(bg_evaluation_target(b, j, &of_b));
            ck_assert_msg(!memcmp(&of_a, &of_b, sizeof of_a), "%s: target %d", name, (int)j);
        }
        return;
    }
    bg_classification of_a, of_b;
    double each_a[32], each_b[32], mean_a, mean_b;
    int64_t c = bg_evaluation_classes(a);
    ck_assert_int_le(c, 32);
    OK(bg_evaluation_classification(a, &of_a));
    OK(bg_evaluation_classification(b, &of_b));
    OK(bg_evaluation_roc_auc(a, each_a, &mean_a));
    OK(bg_evaluation_roc_auc(b, each_b, &mean_b));
    ck_assert_msg(!memcmp(&of_a, &of_b, sizeof of_a), "%s: totals", name);
    ck_assert_msg(!memcmp(each_a, each_b, (size_t)c * sizeof *each_a), "%s: areas", name);
    ck_assert_msg(!memcmp(bg_evaluation_confusion(a), bg_evaluation_confusion(b), (size_t)(c * c) * 8), "%s: matrix",
                  name);
}

START_TEST(test_any_batch)
{
    golden_file *file = golden_open(GOLDEN_PATH("metrics.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    for (size_t i = 0; i < golden_count(file); i++) {
        bg_evaluation *whole = evaluate_record(golden_at(file, i), 1000);
        for (int64_t batch = 1; batch < 40; batch += 6) {
            bg_evaluation *cut = evaluate_record(golden_at(file, i), batch);
            expect_same(whole, cut, golden_name(golden_at(file, i)));
            bg_evaluation_destroy(cut);
        }
        bg_evaluation_destroy(whole);
    }
    golden_close(file);
}
END_TEST

/* Other strides, f32, leading axes. */
START_TEST(test_layouts)
{
    static float scores[2][2][3] = { { { 0, 1, 2 }, { 3, 2, 1 } }, { { 0, 5, 0 }, { 1, 1, 2 } } };
    static int32_t classes[2][2] = { { 2, 0 }, { 0, 2 } };
    bg_tensor *x, *y, *x_turned, *y_turned;
    bg_evaluation *plain, *turned;
    bg_evaluation_options options = {
        .kind = BG_EVALUATION_CLASSES, .with_confusion = true, .with_roc_auc = true, .top_k = 1
    };
    OK(bg_tensor_wrap(&x, counted_engine(), BG_F32, BG_SHAPE(2, 2, 3), scores));
    OK(bg_tensor_wrap(&y, counted_engine(), BG_I32, BG_SHAPE(2, 2), classes));
    OK(bg_tensor_permute(&x_turned, x, BG_AXES(1, 0, 2)));
    OK(bg_tensor_permute(&y_turned, y, BG_AXES(1, 0)));
    OK(bg_evaluation_create(&plain, counted_engine(), &options));
    OK(bg_evaluation_create(&turned, counted_engine(), &options));
    OK(bg_evaluation_add(plain, x, y));
    OK(bg_evaluation_add(turned, x_turned, y_turned));
    ck_assert_int_eq(bg_evaluation_rows(plain), 4);
    static const int64_t expected[] = { 1, 1, 0, 0, 0, 0, 0, 0, 2 };
    ck_assert_mem_eq(bg_evaluation_confusion(plain), expected, sizeof expected);
    expect_same(plain, turned, "turned");
    bg_evaluation_destroy(plain);
    bg_evaluation_destroy(turned);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
    bg_tensor_destroy(x_turned);
    bg_tensor_destroy(y_turned);
}
END_TEST

static bg_tensor *numbers(int64_t rows, int64_t columns, const double *values)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, counted_engine(), BG_F64, BG_SHAPE(rows, columns)));
    OK(bg_tensor_copy_from(tensor, values, (size_t)(rows * columns) * sizeof *values));
    return tensor;
}

static void expect_number(const char *name, double found, double expected)
{
    bool is_right = isfinite(expected) ? fabs(found - expected) <= 1e-16 : found == expected;
    ck_assert_msg(isnan(expected) ? isnan(found) : is_right, "%s: %g, expected %g", name, found, expected);
}

/* NaN and infinity, which scikit-learn refuses, and a variance of 0 that it misses for the rounding of the mean. */
START_TEST(test_hard_numbers)
{
    static const struct {
        const char *name;
        double prediction[3], target[3];
        double r2, mae; /* and rmse is NaN where this is */
    } cases[] = {
        { "NaN prediction", { 1, NAN, 3 }, { 1, 2, 3 }, NAN, NAN },
        { "NaN prediction of constants", { 1, NAN, 3 }, { 2, 2, 2 }, NAN, NAN },
        { "NaN target", { 1, 2, 3 }, { 1, NAN, 3 }, NAN, NAN },
        { "infinite prediction", { 1, INFINITY, 3 }, { 1, 2, 3 }, -INFINITY, INFINITY },
        { "constants whose sum is rounded", { 0.1, 0.1, 0.2 }, { 0.1, 0.1, 0.1 }, 0, 0.1 / 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_evaluation *evaluation;
        bg_regression found;
        OK(bg_evaluation_create(&evaluation, counted_engine(), NULL));
        bg_tensor *x = numbers(3, 1, cases[i].prediction), *y = numbers(3, 1, cases[i].target);
        OK(bg_evaluation_add(evaluation, x, y));
        OK(bg_evaluation_regression(evaluation, &found));
        expect_number(cases[i].name, found.r2, cases[i].r2);
        expect_number(cases[i].name, found.mae, cases[i].mae);
        ck_assert_msg(isnan(found.rmse) == isnan(found.mae), "%s: rmse %g", cases[i].name, found.rmse);
        bg_tensor_destroy(x);
        bg_tensor_destroy(y);
        bg_evaluation_destroy(evaluation);
    }
}
END_TEST

START_TEST(test_nothing)
{
    bg_evaluation *evaluation;
    bg_classification all;
    bg_regression found;
    double mean = 0;
    bg_evaluation_destroy(NULL);
    ck_assert(bg_evaluation_rows(NULL) == 0 && bg_evaluation_classes(NULL) == 0 && bg_evaluation_targets(NULL) == 0);
    ck_assert_ptr_null(bg_evaluation_confusion(NULL));
    OK(bg_evaluation_create(&evaluation, counted_engine(), NULL));
    OK(bg_evaluation_regression(evaluation, &found));
    ck_assert(isnan(found.mae) && isnan(found.rmse) && isnan(found.r2));
    bg_evaluation_destroy(evaluation);
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .with_roc_auc = true };
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    for (int i = 0; i < 2; i++) {
        double each[] = { 1, 1, 1, 1, 1 };
        OK(bg_evaluation_classification(evaluation, &all));
        OK(bg_evaluation_roc_auc(evaluation, each, &mean));
        for (int j = 0; j < 5; j++)
            ck_assert(i && j < 4 ? isnan(each[j]) : each[j] == 1);
        ck_assert(isnan(all.accuracy) && all.macro.f1 == 0 && all.weighted.f1 == 0 && isnan(mean));
        ck_assert_ptr_null(bg_evaluation_confusion(evaluation));
        /* A batch of no rows says how many classes there are. */
        bg_tensor *x = counted_tensor(BG_F32, BG_SHAPE(0, 4)), *y = counted_tensor(BG_U8, BG_SHAPE(0));
        OK(bg_evaluation_add(evaluation, x, y));
        ck_assert_int_eq(bg_evaluation_classes(evaluation), 4);
        bg_tensor_destroy(x);
        bg_tensor_destroy(y);
    }
    bg_evaluation_destroy(evaluation);
}
END_TEST

/* An infinite logit leaves nothing to compare, with two classes as with more. */
START_TEST(test_infinite_logits)
{
    double scores[] = { 0, 1, 1, 0, 1, INFINITY, 0, 2 }, mean = 0;
    int64_t classes[] = { 1, 0, 0, 1 };
    bg_tensor *x = numbers(4, 2, scores), *y = counted_tensor(BG_I64, BG_SHAPE(4));
    memcpy(bg_tensor_data(y), classes, sizeof classes);
    bg_evaluation *evaluation;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .with_roc_auc = true, .are_logits = true };
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    OK(bg_evaluation_add(evaluation, x, y));
    OK(bg_evaluation_roc_auc(evaluation, NULL, &mean));
    ck_assert_msg(isnan(mean), "the area is %g", mean);
    bg_evaluation_destroy(evaluation);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

START_TEST(test_nan_rows)
{
    double scores[] = { 0, NAN, NAN, 1, 0, 2, NAN, 5, 5 };
    int64_t classes[] = { 1, 2, 1 };
    bg_tensor *x = numbers(3, 3, scores), *y;
    bg_evaluation *evaluation;
    bg_classification all;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .top_k = 2, .with_roc_auc = true };
    OK(bg_tensor_wrap(&y, counted_engine(), BG_I64, BG_SHAPE(3), classes));
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    OK(bg_evaluation_add(evaluation, x, y));
    OK(bg_evaluation_classification(evaluation, &all));
    ck_assert_int_eq(all.nan_rows, 2);
    expect_near("accuracy", all.accuracy, 2 / 3.0, 1e-15); /* the answers are 1, 2, 0 */
    expect_near("top 2", all.top_k_accuracy, 1, 0);        /* of the last row 0 and 1 */
    double each[3], mean;
    OK(bg_evaluation_roc_auc(evaluation, each, &mean));
    ck_assert(isnan(mean) && isnan(each[0]));
    bg_evaluation_destroy(evaluation);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

/* Logits so far apart that softmax rounds their probabilities to 1 and 0: the order is still known. */
START_TEST(test_saturated_logits)
{
    double scores[] = { 0, 800, 100, 0, 900, 100, 1000, 0, -50, 0, 10, 900 };
    int64_t classes[] = { 0, 1, 0, 2 };
    bg_tensor *x = numbers(4, 3, scores), *y;
    bg_evaluation *evaluation;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .are_logits = true, .with_roc_auc = true };
    OK(bg_tensor_wrap(&y, counted_engine(), BG_I64, BG_SHAPE(4), classes));
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    OK(bg_evaluation_add(evaluation, x, y));
    double each[3], mean;
    OK(bg_evaluation_roc_auc(evaluation, each, &mean));
    /* Log-odds of class 1 are 700, 800, -1000, -890; probabilities would tie the first two. */
    expect_near("class 1", each[1], 1, 0);
    expect_near("class 2", each[2], 1, 0);
    /* Of class 0: -800, 1000 against -900, -900. */
    expect_near("class 0", each[0], 1, 0);
    bg_evaluation_destroy(evaluation);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

/* A masked class has -inf; then one class alone has all of the probability. */
START_TEST(test_masked_logits)
{
    double scores[] = { 1, -INFINITY, 2, -INFINITY, 0, -INFINITY, 3, -INFINITY, -INFINITY };
    int64_t classes[] = { 2, 1, 0 };
    bg_tensor *x = numbers(3, 3, scores), *y;
    bg_evaluation *evaluation;
    bg_evaluation_options options = { .kind = BG_EVALUATION_CLASSES, .are_logits = true, .with_roc_auc = true };
    OK(bg_tensor_wrap(&y, counted_engine(), BG_I64, BG_SHAPE(3), classes));
    OK(bg_evaluation_create(&evaluation, counted_engine(), &options));
    OK(bg_evaluation_add(evaluation, x, y));
    double each[3], mean;
    OK(bg_evaluation_roc_auc(evaluation, each, &mean));
    ck_assert(each[0] == 1 && each[1] == 1 && each[2] == 1 && mean == 1);
    bg_evaluation_destroy(evaluation);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *metrics = tcase_create("metrics");
    tcase_add_checked_fixture(metrics, counted_begin, counted_end);
    tcase_add_loop_test(metrics, test_records, 1, 4);
    tcase_add_test(metrics, test_any_batch);
    tcase_add_test(metrics, test_layouts);
    tcase_add_test(metrics, test_hard_numbers);
    tcase_add_test(metrics, test_nothing);
    tcase_add_test(metrics, test_infinite_logits);
    tcase_add_test(metrics, test_nan_rows);
    tcase_add_test(metrics, test_saturated_logits);
    tcase_add_test(metrics, test_masked_logits);
    suite_add_tcase(suite, metrics);
    return run_suite(suite);
}
