/* The reference workloads: networks against f64, objectives against what is written by hand, and that a wrong gradient
 * is refused. */
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include "objectives.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of every kind of data and target, small. */
static const workload small[] = {
    { .name = "numbers",
      .model = "dense:5 tanh dense:3",
      .loss = "bce_with_logits",
      .batch = 4,
      .sample = { 1, { 6 } },
      .unit = "samples",
      .units = 4 },
    { .name = "classes",
      .model = "dense:5 relu dense:3",
      .loss = "cross_entropy",
      .batch = 4,
      .sample = { 1, { 6 } },
      .unit = "samples",
      .units = 4 },
    { .name = "squares",
      .model = "dense:1",
      .loss = "l2",
      .batch = 4,
      .sample = { 1, { 6 } },
      .unit = "samples",
      .units = 4 },
    { .name = "images",
      .model = "conv:4:3x3 relu max_pool:2 dense:3",
      .loss = "cross_entropy",
      .batch = 4,
      .sample = { 3, { 2, 8, 8 } },
      .unit = "samples",
      .units = 4 },
    { .name = "network of images",
      .model = "resnet20",
      .loss = "cross_entropy",
      .batch = 2,
      .sample = { 3, { 3, 8, 8 } },
      .unit = "samples",
      .units = 2 },
    /* In f32 some of its numbers fall on the other side of a kink. */
    { .name = "many kinks",
      .model = "resnet20",
      .loss = "cross_entropy",
      .batch = 16,
      .sample = { 3, { 3, 16, 16 } },
      .unit = "samples",
      .units = 16 },
    { .name = "tokens",
      .model = "char-gpt",
      .loss = "cross_entropy",
      .batch = 2,
      .sample = { 1, { 5 } },
      .vocabulary = 7,
      .unit = "tokens",
      .units = 10 },
    { .name = "recurrent",
      .model = "char-lstm",
      .loss = "cross_entropy",
      .batch = 2,
      .sample = { 1, { 5 } },
      .vocabulary = 7,
      .unit = "tokens",
      .units = 10 },
    { .name = "products",
      .model = "dense:5 tanh dense:3",
      .loss = "cross_entropy",
      .batch = 4,
      .sample = { 1, { 6 } },
      .is_hvp = true,
      .unit = "products",
      .units = 1 },
};

/* Whether a program has a product that the library's kernels compute. */
static bool has_own_products(const bg_program *program)
{
    static char text[1 << 20];
    ck_assert_uint_lt(bg_program_dump(program, text, sizeof text), sizeof text);
    return strstr(text, " by kernel") != NULL;
}

/* With either provider of products. */
START_TEST(gradients_agree)
{
    bg_engine *engine;
    bg_engine_options options = { .threads = 1, .gemm = (bg_gemm)_i };
    OK(bg_engine_create(&engine, &options));
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const workload *w = &small[i];
        workload_step step;
        workload_result result;
        ck_assert_msg(workload_start(&step, w, engine, BG_F32, NULL) == BG_OK, "%s: %s", w->name, bg_last_error());
        ck_assert_msg(_i == BG_GEMM_AUTO || !has_own_products(step.program), "%s", w->name);
        bg_status status = workload_check(&step, w, &result);
        ck_assert_msg(status == BG_OK, "%s: %s", w->name, bg_last_error());
        ck_assert_msg(result.error > 0 && result.error <= result.tolerance, "%s: error %g, tolerance %g", w->name,
                      result.error, result.tolerance);
        ck_assert_msg(result.loss > 0, "%s: loss %g", w->name, result.loss);
        /* The step trains, or changes nothing. */
        double loss;
        for (int k = 0; k < 20 && !w->is_hvp; k++)
            OK(bg_program_run(step.program));
        OK(bg_tensor_item(bg_program_output(step.program, 0), 0, &loss));
        ck_assert_msg(w->is_hvp ? loss == result.loss : loss < result.loss, "%s: loss %g after 20 steps, at first %g",
                      w->name, loss, result.loss);
        workload_finish(&step);
    }
    bg_engine_destroy(engine);
}
END_TEST

/* A step on other inputs than the exact one has a gradient that is slightly wrong. */
START_TEST(wrong_gradients_are_refused)
{
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const workload *w = &small[i];
        if (w->vocabulary)
            continue;
        workload_step step;
        workload_result result;
        OK(workload_start(&step, w, trial_engine(), BG_F32, NULL));
        float *x = bg_tensor_data(step.x);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(step.x)); k++)
            x[k] += 0.05F;
        bg_status status = workload_check(&step, w, &result);
        ck_assert_msg(status == BG_ERR_NUMERIC, "%s: error %g, tolerance %g", w->name, result.error, result.tolerance);
        ck_assert_msg(strstr(bg_last_error(), "the gradient is wrong"), "%s: %s", w->name, bg_last_error());
        workload_finish(&step);
    }
}
END_TEST

/* A batch norm takes the mean away, so that the gradient of the bias before it is zero but for rounding. */
START_TEST(zero_gradients_agree)
{
    static const workload w = { .name = "zero",
                                .model = "conv:4:3 batch_norm relu dense:8 batch_norm relu dense:3",
                                .loss = "cross_entropy",
                                .batch = 16,
                                .sample = { 3, { 2, 6, 6 } },
                                .unit = "samples",
                                .units = 16 };
    workload_step step;
    workload_result result;
    OK(workload_start(&step, &w, trial_engine(), BG_F32, NULL));
    OK(workload_check(&step, &w, &result));
    ck_assert_msg(result.error <= 1e-4, "error %g", result.error);
    workload_finish(&step);
}
END_TEST

/* A gradient that is no number is wrong, whichever it is. */
START_TEST(no_number_is_wrong)
{
    const workload *w = &small[0];
    for (size_t place = 0; place < 2; place++) {
        workload_step one, other;
        double error;
        OK(workload_start(&one, w, trial_engine(), BG_F32, NULL));
        OK(workload_start(&other, w, trial_engine(), BG_F32, one.model));
        OK(bg_program_run(one.program));
        OK(bg_program_run(other.program));
        size_t last = bg_model_count(one.model), found = last;
        for (size_t i = 0; i < last; i++)
            if (strstr(bg_model_name(one.model, i), ".momentum") && (found == last || place == 1))
                found = i;
        ((float *)bg_tensor_data(bg_model_tensor(one.model, found)))[0] = NAN;
        OK(workload_compare(&one, &other, &error));
        ck_assert_msg(isnan(error), "%s: error %g", bg_model_name(one.model, found), error);
        workload_finish(&other);
        workload_finish(&one);
    }
}
END_TEST

/* The products against differences of gradients along the vector, which are those that training finds. */
START_TEST(products_are_slopes)
{
    const double h = 1e-5;
    const workload *w = &small[sizeof small / sizeof *small - 1];
    workload training = *w;
    training.is_hvp = false;
    workload_step step, ends[2];
    ck_assert(w->is_hvp);
    OK(workload_start(&step, w, trial_engine(), BG_F64, NULL));
    OK(bg_program_run(step.program));
    for (int side = 0; side < 2; side++) {
        OK(workload_start(&ends[side], &training, trial_engine(), BG_F64, step.model));
        for (size_t i = 0; i < bg_model_count(ends[side].model); i++) {
            if (!bg_model_is_parameter(ends[side].model, i))
                continue;
            char name[100];
            (void)snprintf(name, sizeof name, "vector.%s", bg_model_name(ends[side].model, i));
            const bg_tensor *vector = bg_model_find(step.model, name);
            bg_tensor *tensor = bg_model_tensor(ends[side].model, i);
            double *data = bg_tensor_data(tensor);
            for (int64_t e = 0; e < bg_shape_count(bg_tensor_shape(tensor)); e++)
                data[e] += (side ? h : -h) * value_at(vector, e);
        }
        OK(bg_program_run(ends[side].program));
    }
    size_t products = 0;
    for (size_t i = 0; i < bg_model_count(step.model); i++) {
        if (!bg_model_is_parameter(step.model, i))
            continue;
        char name[100];
        (void)snprintf(name, sizeof name, "optimizer.%s.momentum", bg_model_name(step.model, i));
        const bg_tensor *product = bg_program_output(step.program, ++products);
        const bg_tensor *low = bg_model_find(ends[0].model, name), *high = bg_model_find(ends[1].model, name);
        for (int64_t e = 0; e < bg_shape_count(bg_tensor_shape(product)); e++)
            expect_near(name, value_at(product, e), (value_at(high, e) - value_at(low, e)) / (2 * h), 1e-8);
    }
    ck_assert_uint_eq(products, step.n_results);
    ck_assert_uint_eq(products, 4);
    for (int side = 0; side < 2; side++)
        workload_finish(&ends[side]);
    workload_finish(&step);
}
END_TEST

/* Operations in products of one step, from the definitions: 2 m n k for a matrix product, 2 positions · weights for
 * each image of a convolution, and of attention only the scores that are seen. Backward there are two of each, but none
 * for the gradient of the inputs. */
START_TEST(products_are_counted)
{
    static const struct {
        workload w;
        double flops;
    } rows[] = {
        { { .name = "dense",
            .model = "dense:5 relu dense:3",
            .loss = "cross_entropy",
            .batch = 4,
            .sample = { 1, { 6 } } },
          2 * 4 * (2 * 6 * 5 + 3 * 5 * 3) },
        /* The gradients of its weights have an inner size of 1. */
        { { .name = "one sample",
            .model = "dense:5 relu dense:3",
            .loss = "cross_entropy",
            .batch = 1,
            .sample = { 1, { 6 } } },
          2 * (2 * 6 * 5 + 3 * 5 * 3) },
        { { .name = "one sample, wide",
            .model = "dense:512 relu dense:512 relu dense:10",
            .loss = "cross_entropy",
            .batch = 1,
            .sample = { 1, { 784 } } },
          2 * (2 * 784 * 512 + 3 * 512 * 512 + 3 * 512 * 10) },
        { { .name = "one output",
            .model = "dense:5 tanh dense:1",
            .loss = "bce_with_logits",
            .batch = 4,
            .sample = { 1, { 2 } } },
          2 * 4 * (2 * 2 * 5 + 3 * 5) },
        { { .name = "convolution",
            .model = "conv:4:3x3 relu conv:8:3x3 max_pool:2 dense:3",
            .loss = "cross_entropy",
            .batch = 4,
            .sample = { 3, { 2, 8, 8 } } },
          2 * 4 * (2 * 36 * 4 * 2 * 9 + 3 * 16 * 8 * 4 * 9 + 3 * 32 * 3) },
        /* Layers of width 128: 12 · 128² weights in each of four blocks, and attention in four heads of 32. */
        { { .name = "attention",
            .model = "char-gpt",
            .loss = "cross_entropy",
            .batch = 2,
            .sample = { 1, { 5 } },
            .vocabulary = 7 },
          2.0 * 2 * 5 * 3 * (4 * 12 * 128 * 128 + 7 * 128) + 2.0 * 2 * 4 * 4 * 15 * (2 + 5) * 32 },
        /* Two layers, with 4 · 256² weights for the input and as many for the state. */
        { { .name = "recurrence",
            .model = "char-lstm",
            .loss = "cross_entropy",
            .batch = 8,
            .sample = { 1, { 5 } },
            .vocabulary = 7 },
          2.0 * 8 * 5 * 3 * (2 * 8 * 256 * 256 + 7 * 256) },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        workload_step step;
        OK(workload_start(&step, &rows[i].w, trial_engine(), BG_F32, NULL));
        bg_report report = bg_program_report(step.program);
        ck_assert_msg(report.product_flops == rows[i].flops, "%s: %.0f operations in products, expected %.0f",
                      rows[i].w.name, report.product_flops, rows[i].flops);
        ck_assert_msg(report.flops > report.product_flops, "%s: %.0f operations", rows[i].w.name, report.flops);
        workload_finish(&step);
    }
}
END_TEST

/* ---- Objectives ---- */

static const workload objectives[] = {
    { .name = "gmm 1 1 1", .objective = &objective_gmm, .sizes = { .n = 1, .k = 1, .d = 1, .gamma = 1 } },
    { .name = "gmm 7 3 2", .objective = &objective_gmm, .sizes = { .n = 7, .k = 3, .d = 2, .m = 2, .gamma = 0.7 } },
    { .name = "gmm 50 5 10", .objective = &objective_gmm, .sizes = { .n = 50, .k = 5, .d = 10, .gamma = 1 } },
    { .name = "gmm 33 25 17", .objective = &objective_gmm, .sizes = { .n = 33, .k = 25, .d = 17, .m = 1, .gamma = 2 } },
    { .name = "lse 1", .objective = &objective_lse, .sizes = { .n = 1 } },
    { .name = "lse 2500", .objective = &objective_lse, .sizes = { .n = 2500 } },
    { .name = "lse 40001", .objective = &objective_lse, .sizes = { .n = 40001 } },
    { .name = "llsq 2 1", .objective = &objective_llsq, .sizes = { .n = 2, .m = 1 } },
    { .name = "llsq 9 16", .objective = &objective_llsq, .sizes = { .n = 9, .m = 16 } },
    { .name = "llsq 16 17", .objective = &objective_llsq, .sizes = { .n = 16, .m = 17 } },
    { .name = "llsq 513 128", .objective = &objective_llsq, .sizes = { .n = 513, .m = 128 } },
    { .name = "kmeans 3 3 1", .objective = &objective_kmeans, .sizes = { .n = 3, .k = 3, .d = 1 } },
    { .name = "kmeans 100 7 3", .objective = &objective_kmeans, .sizes = { .n = 100, .k = 7, .d = 3 } },
    { .name = "kmeans 2000 50 16", .objective = &objective_kmeans, .sizes = { .n = 2000, .k = 50, .d = 16 } },
    { .name = "lstm 2 1 1", .objective = &objective_lstm, .sizes = { .n = 2, .k = 1, .d = 1 } },
    { .name = "lstm 9 2 14", .objective = &objective_lstm, .sizes = { .n = 9, .k = 2, .d = 14 } },
    { .name = "lstm 60 4 5", .objective = &objective_lstm, .sizes = { .n = 60, .k = 4, .d = 5 } },
};

/* Each element to 1e-10 of itself, or where terms of both signs meet of the mean. */
static void compare_elements(const char *name, const char *what, const bg_tensor *found, const double *expected)
{
    int64_t n = bg_shape_count(bg_tensor_shape(found));
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs(expected[i]);
    for (int64_t i = 0; i < n; i++) {
        double error = fabs(value_at(found, i) - expected[i]);
        ck_assert_msg(error <= 1e-10 * (fabs(expected[i]) + sum / (double)n),
                      "%s: element %lld of %s is %.17g, not %.17g", name, (long long)i, what, value_at(found, i),
                      expected[i]);
    }
    ck_assert_msg(n > 0, "%s: %s is empty", name, what);
}

START_TEST(objectives_agree)
{
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
        const workload *w = &objectives[i];
        workload_step step;
        objective_input inputs[OBJECTIVE_INPUTS_MAX];
        const double *data[OBJECTIVE_INPUTS_MAX];
        double *results[OBJECTIVE_RESULTS_MAX], value;
        ck_assert_msg(workload_start(&step, w, trial_engine(), BG_F64, NULL) == BG_OK, "%s: %s", w->name,
                      bg_last_error());
        int n = w->objective->inputs(&w->sizes, inputs);
        for (int k = 0; k < n; k++)
            data[k] = bg_tensor_const_data(bg_model_find(step.model, inputs[k].name));
        OK(bg_program_run(step.program));
        for (size_t k = 0; k < step.n_results; k++) {
            const bg_tensor *found = bg_program_output(step.program, k + 1);
            results[k] = calloc((size_t)bg_shape_count(bg_tensor_shape(found)), sizeof(double));
        }
        ck_assert(w->objective->reference(&w->sizes, data, &value, results));
        compare_elements(w->name, "the value", bg_program_output(step.program, 0), &value);
        for (size_t k = 0; k < step.n_results; k++) {
            compare_elements(w->name, inputs[k].is_parameter ? inputs[k].name : "the direction",
                             bg_program_output(step.program, k + 1), results[k]);
            free(results[k]);
        }
        workload_finish(&step);
    }
}
END_TEST

/* The references against differences of their values, so that no mistake is made twice. */
START_TEST(references_are_gradients)
{
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
        const workload *w = &objectives[i];
        workload_step step;
        objective_input inputs[OBJECTIVE_INPUTS_MAX];
        double *data[OBJECTIVE_INPUTS_MAX], *results[OBJECTIVE_RESULTS_MAX], *unused[OBJECTIVE_RESULTS_MAX];
        OK(workload_start(&step, w, trial_engine(), BG_F64, NULL));
        int n = w->objective->inputs(&w->sizes, inputs);
        for (int k = 0; k < n; k++)
            data[k] = bg_tensor_data(bg_model_find(step.model, inputs[k].name));
        for (size_t k = 0; k < step.n_results; k++) {
            size_t count = (size_t)bg_shape_count(bg_tensor_shape(bg_program_output(step.program, k + 1)));
            results[k] = calloc(count, sizeof(double));
            unused[k] = calloc(count, sizeof(double));
        }
        double value, ends[2];
        ck_assert(w->objective->reference(&w->sizes, (const double *const *)data, &value, results));
        for (int k = 0; k < n && inputs[k].is_parameter; k++) {
            int64_t count = bg_shape_count(inputs[k].shape);
            for (int64_t e = 0; e < count; e += 1 + count / 7) {
                const double h = 1e-5, old = data[k][e];
                for (int side = 0; side < 2; side++) {
                    data[k][e] = side ? old + h : old - h;
                    ck_assert(w->objective->reference(&w->sizes, (const double *const *)data, &ends[side], unused));
                }
                data[k][e] = old;
                double slope = (ends[1] - ends[0]) / (2 * h),
                       tolerance = 1e-6 * (fabs(results[k][e]) + fabs(value) + 1);
                ck_assert_msg(fabs(slope - results[k][e]) <= tolerance,
                              "%s: element %lld of %s is %.9g, the slope %.9g", w->name, (long long)e, inputs[k].name,
                              results[k][e], slope);
            }
        }
        for (size_t k = 0; k < step.n_results; k++) {
            free(results[k]);
            free(unused[k]);
        }
        workload_finish(&step);
    }
}
END_TEST

/* A result that differs in one element is refused, and so is one for other inputs. */
START_TEST(wrong_objectives_are_refused)
{
    const workload *w = &objectives[1];
    workload_step step;
    workload_result result;
    OK(workload_start(&step, w, trial_engine(), BG_F64, NULL));
    OK(workload_check(&step, w, &result));
    double *icf = bg_tensor_data(bg_model_find(step.model, "icf"));
    icf[0] += 1e-6;
    OK(objective_compare(&step, w, &result));
    ck_assert_msg(result.error > result.tolerance, "error %g, tolerance %g", result.error, result.tolerance);
    workload other = *w;
    other.sizes.m++;
    FAILS(workload_check(&step, &other, &result), BG_ERR_NUMERIC, "the gradient is wrong");
    workload_finish(&step);
}
END_TEST

START_TEST(errors)
{
    static const struct {
        workload w;
        const char *message;
    } rows[] = {
        { { .name = "a",
            .model = "dense:3",
            .loss = "cross",
            .batch = 4,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "there is no loss 'cross'" },
        { { .name = "b",
            .model = "dence:3",
            .loss = "l2",
            .batch = 4,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "dence" },
        { { .name = "c",
            .model = "resnet21",
            .loss = "l2",
            .batch = 4,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "there is no network \"resnet21\"" },
        { { .name = "d",
            .model = "resnet20",
            .loss = "cross_entropy",
            .batch = 4,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "resnet20: needs images" },
        { { .name = "e",
            .model = "dense:3",
            .loss = "l2",
            .batch = 4,
            .sample = { BG_MAX_RANK, { 1, 1, 1, 1, 1, 1, 1, 1 } },
            .unit = "samples",
            .units = 4 },
          "workload e: samples have at most 7 axes" },
        { { .name = "f",
            .model = "dense:3",
            .loss = "l2",
            .batch = -1,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "-1" },
        { { .name = "g",
            .model = "dense:3",
            .loss = "ctc",
            .batch = 4,
            .sample = { 1, { 6 } },
            .unit = "samples",
            .units = 4 },
          "there is no loss 'ctc'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        workload_step step;
        ck_assert_msg(workload_start(&step, &rows[i].w, trial_engine(), BG_F32, NULL) != BG_OK, "%s", rows[i].w.name);
        ck_assert_msg(strstr(bg_last_error(), rows[i].message), "%s: %s", rows[i].w.name, bg_last_error());
        ck_assert(!step.program && !step.model && !step.x);
    }
}
END_TEST

START_TEST(names)
{
    int n = 0;
    for (const workload *w = workloads; w->name; w++, n++) {
        ck_assert_msg(workload_find(w->name) == w, "%s", w->name);
        ck_assert_msg(w->units > 0 && w->unit, "%s", w->name);
    }
    ck_assert_int_ge(n, 17);
    ck_assert_ptr_null(workload_find("mlp"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workloads");
    TCase *cases = tcase_create("workloads");
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, gradients_agree, BG_GEMM_AUTO, BG_GEMM_OPENBLAS + 1);
    tcase_add_test(cases, zero_gradients_agree);
    tcase_add_test(cases, no_number_is_wrong);
    tcase_add_test(cases, wrong_gradients_are_refused);
    tcase_add_test(cases, products_are_slopes);
    tcase_add_test(cases, products_are_counted);
    tcase_add_test(cases, objectives_agree);
    tcase_add_test(cases, references_are_gradients);
    tcase_add_test(cases, wrong_objectives_are_refused);
    tcase_add_test(cases, errors);
    tcase_add_test(cases, names);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
