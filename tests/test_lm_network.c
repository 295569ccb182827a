/* Levenberg-Marquardt on a small network: as a program of its own would do it, in 20 steps, and what Adam reaches in
 * 2,000. The data are Friedman's (Multivariate adaptive regression splines, 1991): 200 points of a cube of 5
 * dimensions. */
#include "support/suite.h"
#include "support/values.h"

#include <stdio.h>

enum { N = 200, INPUTS = 5, LM_STEPS = 20, ADAM_STEPS = 2000 };

static const double PI = 3.14159265358979323846;
static double table_x[N][INPUTS], table_y[N];

static void make_table(void)
{
    uint64_t state = 1;
    for (int i = 0; i < N; i++) {
        double *x = table_x[i];
        for (int j = 0; j < INPUTS; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            x[j] = (double)(state >> 11) / 0x1p53;
        }
        double bump = 20 * (x[2] - 0.5) * (x[2] - 0.5);
        table_y[i] = (10 * sin(PI * x[0] * x[1]) + bump + 10 * x[3] + 5 * x[4] - 14.4) / 5;
    }
}

static bg_node *network(bg_model *model, bg_node *x, void *user)
{
    (void)user;
    x = bg_tanh(bg_dense(model, "hidden", x, 10));
    return bg_dense(model, "out", x, 1);
}

/* The mean squared error after LM_STEPS steps. */
static double by_lm(bg_engine *engine)
{
    bg_model *model;
    bg_graph *graph;
    bg_lm *lm;
    bg_tensor *xs, *ys;
    double loss;
    OK(bg_model_create(&model, engine, BG_F64));
    OK(bg_graph_create(&graph, engine));
    OK(bg_tensor_wrap(&xs, engine, BG_F64, BG_SHAPE(N, INPUTS), table_x));
    OK(bg_tensor_wrap(&ys, engine, BG_F64, BG_SHAPE(N, 1), table_y));

    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(N, INPUTS)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(N, 1));
    OK(bg_lm_create(&lm, model, bg_sub(network(model, x, NULL), y), NULL));
    OK(bg_program_bind(bg_lm_program(lm), x, xs));
    OK(bg_program_bind(bg_lm_program(lm), y, ys));
    for (int i = 0; i < LM_STEPS; i++)
        OK(bg_lm_step(lm, NULL));
    OK(bg_lm_step(lm, &loss)); /* which is that before this one */

    bg_lm_destroy(lm), bg_graph_destroy(graph), bg_model_destroy(model);
    bg_tensor_destroy(xs), bg_tensor_destroy(ys);
    return 2 * loss / N;
}

/* The same after ADAM_STEPS steps of Adam on the whole table, from the same first values. */
static double by_adam(bg_engine *engine, double learning_rate)
{
    bg_model *model;
    bg_trainer *trainer;
    bg_tensor *columns[2];
    bg_dataset *data;
    bg_metrics metrics;
    OK(bg_model_create(&model, engine, BG_F64));
    OK(bg_tensor_wrap(&columns[0], engine, BG_F64, BG_SHAPE(N, INPUTS), table_x));
    OK(bg_tensor_wrap(&columns[1], engine, BG_F64, BG_SHAPE(N, 1), table_y));
    OK(bg_dataset_create(&data, columns, 2, 0));

    bg_trainer_options options = {
        .network = network, .loss = bg_l2_loss, .optimizer = bg_adam(learning_rate), .batch = N, .epochs = ADAM_STEPS
    };
    OK(bg_trainer_create(&trainer, model, &options));
    OK(bg_trainer_fit(trainer, data, NULL, NULL, NULL));
    OK(bg_trainer_evaluate(trainer, data, &metrics));

    bg_trainer_destroy(trainer), bg_dataset_destroy(data), bg_model_destroy(model);
    bg_tensor_destroy(columns[0]), bg_tensor_destroy(columns[1]);
    return metrics.loss;
}

START_TEST(test_20_steps_for_2000)
{
    static const double rates[] = { 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1 };
    bg_engine *engine;
    make_table();
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1, .seed = (uint64_t)_i }));
    double lm = by_lm(engine), adam = INFINITY, best = 0;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        double loss = by_adam(engine, rates[i]);
        best = loss < adam ? rates[i] : best;
        adam = fmin(adam, loss);
    }
    bg_engine_destroy(engine);
    printf("seed %d: %d steps of lm %.2e, %d of Adam %.2e with the best learning rate, %g\n", _i, LM_STEPS, lm,
           ADAM_STEPS, adam, best);
    ck_assert_msg(lm <= adam, "lm %g, Adam %g", lm, adam);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lm_network");
    TCase *tests = tcase_create("lm_network");
    tcase_add_loop_test(tests, test_20_steps_for_2000, 0, 3);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
