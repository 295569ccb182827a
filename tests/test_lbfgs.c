/* L-BFGS against PyTorch, and its edges. */
#include "support/counted.h"
#include "support/golden_problem.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <string.h>

static bg_lbfgs *lbfgs_of(bg_model *model, const golden_file *file, const bg_lbfgs_options *options)
{
    bg_graph *graph;
    bg_lbfgs *made;
    OK(bg_graph_create(&graph, bg_model_engine(model)));
    OK(bg_lbfgs_create(&made, model, problem_loss(model, graph, file, 0, 5), options));
    bg_graph_destroy(graph);
    return made;
}

static int64_t integer_of(const golden_record *record, const char *key)
{
    return golden_has(record, key) ? (int64_t)golden_number(record, key) : 0;
}
static bg_optional number_of(const golden_record *record, const char *key)
{
    return golden_has(record, key) ? BG_SOME(golden_number(record, key)) : (bg_optional){ 0 };
}

START_TEST(test_steps)
{
    golden_file *file = golden_open(GOLDEN_PATH("lbfgs.txt"));
    ck_assert_msg(file != NULL, "%s", golden_error());
    double worst = 0;
    for (size_t i = 0; i < golden_count(file); i++) {
        const golden_record *record = golden_at(file, i);
        const char *name = golden_name(record);
        if (strcmp(name, "problem") == 0)
            continue;
        bg_lbfgs_options options = { .learning_rate = golden_number(record, "lr"),
                                     .max_iterations = integer_of(record, "max_iter"),
                                     .max_evaluations = integer_of(record, "max_eval"),
                                     .history = integer_of(record, "history_size"),
                                     .tolerance_gradient = number_of(record, "tolerance_grad"),
                                     .tolerance_change = number_of(record, "tolerance_change"),
                                     .fixed_step = golden_number(record, "fixed_step") != 0 };
        bg_model *model = problem_model(counted_engine(), BG_F64, file);
        bg_lbfgs *lbfgs = lbfgs_of(model, file, &options);
        const golden_array *losses = golden_get(record, "losses"), *evaluations = golden_get(record, "evaluations");
        for (int64_t k = 0; k < losses->count; k++) {
            double loss;
            OK(bg_lbfgs_step(lbfgs, &loss));
            double error = fabs(loss - losses->values[k]) / losses->values[k];
            ck_assert_msg(error <= 1e-9, "%s: the loss of call %lld is %.17g, not %.17g", name, (long long)k, loss,
                          losses->values[k]);
            worst = fmax(worst, error);
            ck_assert_msg((double)bg_lbfgs_evaluations(lbfgs) == evaluations->values[k],
                          "%s: %lld evaluations after call %lld, not %g", name, (long long)bg_lbfgs_evaluations(lbfgs),
                          (long long)k, evaluations->values[k]);
        }
        worst = fmax(worst, problem_expect(model, record, "final", NULL, 1e-9));
        bg_lbfgs_destroy(lbfgs);
        bg_model_destroy(model);
    }
    printf("lbfgs.txt: %zu records, worst error %.1e\n", golden_count(file) - 1, worst);
    golden_close(file);
}
END_TEST

/* Rosenbrock's valley, whose lowest point is (1, 1). */
START_TEST(test_valley)
{
    bg_dtype dtype = _i ? BG_F32 : BG_F64;
    bg_model *model;
    bg_graph *graph;
    bg_lbfgs *lbfgs;
    OK(bg_model_create(&model, counted_engine(), dtype));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SHAPE(2), (bg_init){ 0 });
    bg_node *x = bg_slice(p, 0, 0, 1, 1), *y = bg_slice(p, 0, 1, 2, 1);
    bg_node *valley = bg_mul_scalar(bg_square(bg_sub(y, bg_square(x))), 100);
    bg_node *loss = bg_sum(bg_add(valley, bg_square(bg_sub_from(1, x))), BG_ALL_AXES);
    bg_lbfgs_options options = { .max_iterations = 200, .history = 5, .tolerance_change = BG_SOME(1e-15) };
    OK(bg_lbfgs_create(&lbfgs, model, loss, &options));
    OK(bg_lbfgs_step(lbfgs, NULL));
    for (int i = 0; i < 2; i++)
        expect_near("p", value_at(bg_model_find(model, "p"), i), 1, _i ? 1e-2 : 1e-6);
    ck_assert_int_lt(bg_lbfgs_iterations(lbfgs), 100);
    /* There it stays, after one look. */
    int64_t evaluations = bg_lbfgs_evaluations(lbfgs);
    double found;
    OK(bg_lbfgs_step(lbfgs, &found));
    ck_assert(_i || (found < 1e-12 && bg_lbfgs_evaluations(lbfgs) <= evaluations + 3));
    bg_lbfgs_destroy(lbfgs);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

/* √0 is finite, its gradient is not: the parameter stays. */
START_TEST(test_gradient_not_finite)
{
    bg_model *model;
    bg_graph *graph;
    bg_lbfgs *lbfgs;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SHAPE(2), (bg_init){ 0 });
    OK(bg_lbfgs_create(&lbfgs, model, bg_sum(bg_sqrt(p), BG_ALL_AXES), NULL));
    FAILS(bg_lbfgs_step(lbfgs, NULL), BG_ERR_NUMERIC, "the gradient has elements that are infinite or NaN");
    expect_near("p", value_at(bg_model_find(model, "p"), 0), 0, 0);
    bg_lbfgs_destroy(lbfgs);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

START_TEST(test_refused)
{
    bg_model *model;
    bg_graph *graph;
    bg_lbfgs *lbfgs;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SCALAR, (bg_init){ 0 });
    FAILS(bg_lbfgs_create(&lbfgs, model, NULL, NULL), BG_ERR_ARGUMENT, "loss is NULL");
    FAILS(bg_lbfgs_create(&lbfgs, model, bg_scalar(graph, BG_F64, 1), NULL), BG_ERR_ARGUMENT, "no parameter");
    FAILS(bg_lbfgs_create(&lbfgs, model, p, &(bg_lbfgs_options){ .learning_rate = -1 }), BG_ERR_ARGUMENT,
          "learning rate -1");
    FAILS(bg_lbfgs_create(&lbfgs, model, p, &(bg_lbfgs_options){ .history = -1 }), BG_ERR_ARGUMENT, "history of -1");
    FAILS(bg_lbfgs_create(&lbfgs, model, p, &(bg_lbfgs_options){ .tolerance_change = BG_SOME(-1) }), BG_ERR_ARGUMENT,
          "tolerances 1e-07 and -1");
    FAILS(bg_lbfgs_step(NULL, NULL), BG_ERR_ARGUMENT, "lbfgs is NULL");
    OK(bg_lbfgs_create(&lbfgs, model, bg_log(p), NULL));
    FAILS(bg_lbfgs_step(lbfgs, NULL), BG_ERR_NUMERIC, "the loss is -inf");
    bg_lbfgs_destroy(lbfgs);
    bg_lbfgs_destroy(NULL);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

/* Another object, of parameters put back, goes on where the first one was; it refuses what is not its own. */
START_TEST(test_saved)
{
    bg_model *model;
    bg_graph *graph;
    bg_lbfgs *lbfgs, *narrow;
    bg_archive *archive, *wrong;
    double start[2], ends[2][2];
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SHAPE(2), (bg_init){ 0 });
    double *values = bg_tensor_data(bg_model_find(model, "p"));
    bg_node *far = bg_sub(bg_slice(p, 0, 1, 2, 1), bg_square(bg_slice(p, 0, 0, 1, 1)));
    bg_node *loss = bg_sum(bg_add(bg_square(far), bg_square(bg_sub_from(1, p))), BG_ALL_AXES);
    bg_lbfgs_options options = { .max_iterations = 2, .max_evaluations = 40 };
    OK(bg_lbfgs_create(&lbfgs, model, loss, &options));
    for (int i = 0; i < 3; i++)
        OK(bg_lbfgs_step(lbfgs, NULL));
    OK(bg_archive_create(&archive, counted_engine()));
    OK(bg_lbfgs_save(lbfgs, archive));
    memcpy(start, values, sizeof start);
    for (int second = 0; second < 2; second++) {
        if (second) {
            bg_lbfgs_destroy(lbfgs);
            OK(bg_lbfgs_create(&lbfgs, model, loss, &options));
            OK(bg_lbfgs_load(lbfgs, archive));
            OK(bg_archive_create(&wrong, counted_engine()));
            OK(bg_lbfgs_save(lbfgs, wrong));
            expect_same_archives(wrong, archive);
            bg_archive_destroy(wrong);
            memcpy(bg_tensor_data(bg_model_find(model, "p")), start, sizeof start);
        }
        OK(bg_lbfgs_step(lbfgs, NULL));
        memcpy(ends[second], bg_tensor_const_data(bg_model_find(model, "p")), sizeof start);
    }
    ck_assert(memcmp(ends[0], start, sizeof start) != 0 && memcmp(ends[0], ends[1], sizeof start) == 0);
    ck_assert_int_eq(bg_lbfgs_iterations(lbfgs), 8);

    options.history = 2;
    OK(bg_lbfgs_create(&narrow, model, loss, &options));
    FAILS(bg_lbfgs_load(narrow, archive), BG_ERR_SHAPE, "pairs and \"optimizer.lbfgs.rho\"");
    bg_lbfgs_destroy(narrow);
    OK(bg_archive_create(&wrong, counted_engine()));
    FAILS(bg_lbfgs_load(lbfgs, wrong), BG_ERR_ARGUMENT, "the archive has no \"optimizer.lbfgs.pairs\"");
    for (size_t i = 0; i < bg_archive_count(archive); i++) {
        bg_tensor *tensor = bg_archive_tensor(archive, i);
        if (strcmp(bg_archive_name(archive, i), "optimizer.lbfgs.counts") == 0)
            ((int64_t *)bg_tensor_data(tensor))[0] = -1;
        OK(bg_archive_add(wrong, bg_archive_name(archive, i), tensor));
    }
    FAILS(bg_lbfgs_load(lbfgs, wrong), BG_ERR_ARGUMENT, "\"optimizer.lbfgs.counts\" has the number -1");
    FAILS(bg_lbfgs_load(NULL, wrong), BG_ERR_ARGUMENT, "lbfgs is NULL");
    FAILS(bg_lbfgs_save(lbfgs, NULL), BG_ERR_ARGUMENT, "archive is NULL");
    ck_assert_int_eq(bg_lbfgs_iterations(lbfgs), 8);
    bg_archive_destroy(wrong);
    bg_archive_destroy(archive);
    bg_lbfgs_destroy(lbfgs);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lbfgs");
    TCase *tests = tcase_create("lbfgs");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_test(tests, test_steps);
    tcase_add_loop_test(tests, test_valley, 0, 2);
    tcase_add_test(tests, test_gradient_not_finite);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_saved);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
