/* The reference workloads: what a step holds, and that a wrong gradient is refused. */
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include "workloads.h"

#include <check.h>
#include <string.h>

/* Steps of every kind of data and target, small. */
static const workload small[] = {
    { "numbers", "dense:5 tanh dense:3", "bce_with_logits", 4, { 1, { 6 } }, 0, "samples", 4 },
    { "classes", "dense:5 relu dense:3", "cross_entropy", 4, { 1, { 6 } }, 0, "samples", 4 },
    { "squares", "dense:1", "l2", 4, { 1, { 6 } }, 0, "samples", 4 },
    { "images", "conv:4:3x3 relu max_pool:2 dense:3", "cross_entropy", 4, { 3, { 2, 8, 8 } }, 0, "samples", 4 },
    { "network of images", "resnet20", "cross_entropy", 2, { 3, { 3, 8, 8 } }, 0, "samples", 2 },
    { "tokens", "char-gpt", "cross_entropy", 2, { 1, { 5 } }, 7, "tokens", 10 },
    { "recurrent", "char-lstm", "cross_entropy", 2, { 1, { 5 } }, 7, "tokens", 10 },
};

START_TEST(gradients_agree)
{
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const workload *w = &small[i];
        workload_step step;
        workload_result result;
        ck_assert_msg(workload_start(&step, w, trial_engine(), BG_F32, NULL) == BG_OK, "%s: %s", w->name,
                      bg_last_error());
        bg_status status = workload_check(&step, w, &result);
        ck_assert_msg(status == BG_OK, "%s: %s", w->name, bg_last_error());
        ck_assert_msg(result.error > 0 && result.error <= result.tolerance, "%s: error %g, tolerance %g", w->name,
                      result.error, result.tolerance);
        ck_assert_msg(result.loss > 0, "%s: loss %g", w->name, result.loss);
        /* The step trains. */
        double loss;
        for (int k = 0; k < 20; k++)
            OK(bg_program_run(step.program));
        OK(bg_tensor_item(bg_program_output(step.program, 0), 0, &loss));
        ck_assert_msg(loss < result.loss, "%s: loss %g after 20 steps, at first %g", w->name, loss, result.loss);
        workload_finish(&step);
    }
}
END_TEST

/* A step on other inputs than the exact one has a gradient that is slightly wrong. */
START_TEST(wrong_gradients_are_refused)
{
    for (size_t i = 0; i < 5; i++) {
        const workload *w = &small[i];
        workload_step step;
        workload_result result;
        OK(workload_start(&step, w, trial_engine(), BG_F32, NULL));
        float *x = bg_tensor_data(step.x);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(step.x)); k++)
            x[k] += 0.05F;
        bg_status status = workload_check(&step, w, &result);
        ck_assert_msg(status == BG_ERR_NUMERIC, "%s: error %g, tolerance %g", w->name, result.error, result.tolerance);
        ck_assert_msg(strstr(bg_last_error(), w->name) && strstr(bg_last_error(), "the gradient is wrong"), "%s",
                      bg_last_error());
        workload_finish(&step);
    }
}
END_TEST

START_TEST(errors)
{
    static const struct {
        workload w;
        const char *message;
    } rows[] = {
        { { "a", "dense:3", "cross", 4, { 1, { 6 } }, 0, "samples", 4 }, "there is no loss 'cross'" },
        { { "b", "dence:3", "l2", 4, { 1, { 6 } }, 0, "samples", 4 }, "dence" },
        { { "c", "resnet21", "l2", 4, { 1, { 6 } }, 0, "samples", 4 }, "there is no network \"resnet21\"" },
        { { "d", "resnet20", "cross_entropy", 4, { 1, { 6 } }, 0, "samples", 4 }, "resnet20: needs images" },
        { { "e", "dense:3", "l2", 4, { BG_MAX_RANK, { 1, 1, 1, 1, 1, 1, 1, 1 } }, 0, "samples", 4 },
          "workload e: samples have at most 7 axes" },
        { { "f", "dense:3", "l2", -1, { 1, { 6 } }, 0, "samples", 4 }, "-1" },
        { { "g", "dense:3", "ctc", 4, { 1, { 6 } }, 0, "samples", 4 }, "there is no loss 'ctc'" },
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
    ck_assert_int_ge(n, 11);
    ck_assert_ptr_null(workload_find("mlp"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workloads");
    TCase *cases = tcase_create("workloads");
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_test(cases, gradients_agree);
    tcase_add_test(cases, wrong_gradients_are_refused);
    tcase_add_test(cases, errors);
    tcase_add_test(cases, names);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
