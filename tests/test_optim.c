/* Optimizers against loops in f64. */
#include "support/counted.h"
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- SGD ---- */

static const struct {
    const char *name;
    double momentum, dampening, weight_decay;
    bool nesterov, changes_rate;
} variants[] = {
    { "plain", 0, 0, 0, false, false },
    { "weight decay", 0, 0, 0.1, false, false },
    { "momentum", 0.9, 0, 0, false, false },
    { "momentum, changing rate", 0.9, 0, 0, false, true },
    { "dampening", 0.9, 0.3, 0, false, false },
    { "full dampening", 0.5, 1, 0, false, false },
    { "nesterov", 0.8, 0, 0, true, true },
    { "all", 0.9, 0.2, 0.05, false, true },
    { "nesterov, weight decay", 0.9, 0, 0.05, true, false },
};

/* Each parameter has the loss curvature · (p - 1)² / 2, whose gradient is known. */
enum { SITES = 4, STEPS = 20 };

START_TEST(test_sgd)
{
    static const double first[SITES] = { 0, -2, 0.5, 3 }, curvature[SITES] = { 1, 0.5, 3, 2 };
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
    bg_tensor *values, *curvatures, *rate, *count;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_tensor_create(&values, counted_engine(), BG_F64, BG_SHAPE(SITES)));
    OK(bg_tensor_create(&curvatures, counted_engine(), BG_F64, BG_SHAPE(SITES)));
    OK(bg_tensor_create(&rate, counted_engine(), BG_F64, BG_SCALAR));
    OK(bg_tensor_create(&count, counted_engine(), BG_F64, BG_SCALAR));
    OK(bg_tensor_copy_from(values, first, sizeof first));
    OK(bg_tensor_copy_from(curvatures, curvature, sizeof curvature));
    OK(bg_model_set(model, "p", values, true));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_node *p = bg_model_parameter(model, graph, "p", BG_SHAPE(SITES), (bg_init){ 0 });
    bg_node *squares = bg_square(bg_add_scalar(p, -1));
    bg_node *loss = bg_mul_scalar(bg_sum(bg_mul(bg_constant(graph, curvatures), squares), BG_ALL_AXES), 0.5);
    bg_node *lr = bg_input(graph, "lr", BG_F64, BG_SCALAR), *step = bg_input(graph, "step", BG_F64, BG_SCALAR);
    bg_optimizer sgd = bg_sgd(0.1, variants[_i].momentum);
    sgd.dampening = variants[_i].dampening;
    sgd.weight_decay = variants[_i].weight_decay;
    sgd.nesterov = variants[_i].nesterov;
    OK(bg_optimizer_apply(&sgd, model, loss, lr, step));
    OK(bg_compile(&program, graph, &loss, 1, NULL));
    OK(bg_program_bind(program, lr, rate));
    OK(bg_program_bind(program, step, count));

    double q[SITES], v[SITES] = { 0 };
    memcpy(q, first, sizeof q);
    for (int s = 0; s < STEPS; s++) {
        double r = variants[_i].changes_rate ? 0.1 / (1 + 0.3 * s) : 0.1;
        *(double *)bg_tensor_data(rate) = r;
        *(double *)bg_tensor_data(count) = s;
        OK(bg_program_run(program));
        for (int i = 0; i < SITES; i++) {
            double g = curvature[i] * (q[i] - 1) + sgd.weight_decay * q[i], d = g;
            if (sgd.momentum != 0) {
                v[i] = s == 0 ? g : sgd.momentum * v[i] + (1 - sgd.dampening) * g;
                d = sgd.nesterov ? g + sgd.momentum * v[i] : v[i];
            }
            q[i] -= r * d;
            expect_near(variants[_i].name, value_at(bg_model_find(model, "p"), i), q[i], 1e-12);
            if (sgd.momentum != 0)
                expect_near("momentum", value_at(bg_model_find(model, "optimizer.p.momentum"), i), v[i], 1e-12);
        }
    }
    ck_assert_uint_eq(bg_model_count(model), sgd.momentum != 0 ? 2 : 1);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(count);
    bg_tensor_destroy(rate);
    bg_tensor_destroy(curvatures);
    bg_tensor_destroy(values);
    bg_model_destroy(model);
}
END_TEST

START_TEST(test_optimizer_numbers)
{
    bg_optimizer sgd = bg_sgd(0.1, 0.9);
    ck_assert_int_eq(bg_optimizer_check(&sgd), BG_OK);
    FAILS(bg_optimizer_check(NULL), BG_ERR_ARGUMENT, "NULL");
    sgd = bg_sgd(-0.1, 0);
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "learning rate -0.1");
    sgd = bg_sgd(NAN, 0);
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "learning rate");
    sgd = bg_sgd(INFINITY, 0);
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "learning rate inf");
    sgd = bg_sgd(0.1, 1);
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "momentum 1, it must be in [0, 1)");
    sgd = bg_sgd(0.1, 0);
    sgd.nesterov = true;
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "Nesterov");
    sgd = bg_sgd(0.1, 0.9);
    sgd.dampening = 1.5;
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "dampening 1.5, it must be in [0, 1]");
    sgd = bg_sgd(0.1, 0.9);
    sgd.weight_decay = -1;
    FAILS(bg_optimizer_check(&sgd), BG_ERR_ARGUMENT, "weight decay -1");
}
END_TEST

/* A parameter that the loss does not reach is left alone, weight decay or not. */
START_TEST(test_unused_parameter)
{
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
    OK(bg_model_create(&model, counted_engine(), BG_F64));
    OK(bg_graph_create(&graph, counted_engine()));
    bg_init ones = { .kind = BG_INIT_ONES };
    bg_node *used = bg_model_parameter(model, graph, "used", BG_SHAPE(3), ones);
    bg_model_parameter(model, graph, "unused", BG_SHAPE(3), ones);
    bg_node *loss = bg_sum(bg_square(used), BG_ALL_AXES);
    bg_optimizer sgd = bg_sgd(0.1, 0);
    sgd.weight_decay = 0.5;
    bg_node *rate = bg_scalar(graph, BG_F64, 0.1), *zero = bg_scalar(graph, BG_F64, 0);
    OK(bg_optimizer_apply(&sgd, model, loss, rate, zero));
    OK(bg_compile(&program, graph, &loss, 1, NULL));
    OK(bg_program_run(program));
    expect_near("used", value_at(bg_model_find(model, "used"), 0), 1 - 0.1 * 2.5, 1e-15);
    expect_near("unused", value_at(bg_model_find(model, "unused"), 0), 1, 0);
    bg_program_destroy(program);
    bg_graph_destroy(graph);

    OK(bg_graph_create(&graph, counted_engine()));
    loss = bg_scalar(graph, BG_F64, 1);
    FAILS(bg_optimizer_apply(&sgd, model, loss, loss, loss), BG_ERR_ARGUMENT, "no parameter");
    bg_node *wrong = bg_scalar(graph, BG_F32, 1);
    FAILS(bg_optimizer_apply(&sgd, model, loss, wrong, loss), BG_ERR_DTYPE, "learning_rate is f32");
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optim");
    TCase *tests = tcase_create("optim");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_sgd, 0, (int)(sizeof variants / sizeof variants[0]));
    tcase_add_test(tests, test_optimizer_numbers);
    tcase_add_test(tests, test_unused_parameter);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
