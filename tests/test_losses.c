/* Losses in runs: what the data may not hold, classes that are ignored, and the same bits for any number of threads. */
#include "support/expect.h"
#include "support/suite.h"
#include "support/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Data out of range ---- */

static bg_graph *graph;
static void set_up(void)
{
    trial_set_up();
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
}
static void tear_down(void)
{
    bg_graph_destroy(graph);
    trial_tear_down();
}

static bg_node *leaf(bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor = tensor_of(trial_engine(), dtype, shape, values);
    bool is_float = dtype == BG_F32 || dtype == BG_F64;
    bg_node *node = is_float ? bg_parameter(graph, tensor) : bg_constant(graph, tensor);
    bg_tensor_destroy(tensor);
    return node;
}

/* The value of a scalar loss and its gradient for x, whose elements dx receives; NAN if the run fails. */
static double run(bg_node *loss, bg_node *x, double *dx)
{
    bg_program *program = NULL;
    bg_node *outputs[] = { loss, NULL };
    double value = NAN;
    expect_ok(bg_grad(loss, &x, 1, &outputs[1]), "grad");
    expect_ok(bg_compile(&program, graph, outputs, 2, NULL), "compile");
    if (bg_program_run(program) == BG_OK)
        expect_ok(bg_tensor_item(bg_program_output(program, 0), 0, &value), "the loss");
    for (int64_t i = 0; dx && i < bg_shape_count(bg_node_shape(x)); i++)
        expect_ok(bg_tensor_item(bg_program_output(program, 1), i, &dx[i]), "its gradient");
    bg_program_destroy(program);
    return value;
}

static const double zeros[64];

/* 4 steps, 2 sequences, 3 classes, blank 0. */
static const struct {
    const char *message; /* NULL: it runs */
    bool is_joined;
    double targets[4], input_lengths[2], target_lengths[2];
} sequences[] = {
    { NULL, false, { 1, 2, 2, 1 }, { 4, 4 }, { 2, 2 } },
    { NULL, false, { 1, 7, -3, 9 }, { 4, 0 }, { 1, 0 } }, /* what lies beyond a length may be anything */
    { NULL, true, { 1, 2, 2, 1 }, { 4, 4 }, { 3, 1 } },
    { "ctc_loss: input length 5 of sequence 1 is outside 0 .. 4", false, { 1, 2, 2, 1 }, { 4, 5 }, { 2, 2 } },
    { "ctc_loss: input length -1 of sequence 0 is outside 0 .. 4", false, { 1, 2, 2, 1 }, { -1, 4 }, { 2, 2 } },
    { "ctc_loss: target length 3 of sequence 0 is outside 0 .. 2", false, { 1, 2, 2, 1 }, { 4, 4 }, { 3, 2 } },
    { "ctc_loss: target length -2 of sequence 1 is outside 0 .. 2", false, { 1, 2, 2, 1 }, { 4, 4 }, { 2, -2 } },
    { "ctc_loss: target length 3 of sequence 1 is outside 0 .. 2", true, { 1, 2, 2, 1 }, { 4, 4 }, { 2, 3 } },
    { "ctc_loss: target lengths add up to 3, there are 4 labels", true, { 1, 2, 2, 1 }, { 4, 4 }, { 2, 1 } },
    { "ctc_loss: label 3 of sequence 1 is outside 0 .. 2", false, { 1, 2, 2, 3 }, { 4, 4 }, { 2, 2 } },
    { "ctc_loss: label -1 of sequence 0 is outside 0 .. 2", false, { -1, 2, 2, 1 }, { 4, 4 }, { 2, 2 } },
    { "ctc_loss: label 1 of sequence 1 is the blank", true, { 1, 2, 2, 0 }, { 4, 4 }, { 2, 2 } },
};
enum { N_SEQUENCES = sizeof sequences / sizeof *sequences };
START_TEST(ctc_checks_its_data)
{
    bg_node *y = leaf(BG_F64, BG_SHAPE(4, 2, 3), zeros);
    bg_shape shape = sequences[_i].is_joined ? BG_SHAPE(4) : BG_SHAPE(2, 2);
    bg_node *targets = leaf(BG_I32, shape, sequences[_i].targets);
    bg_node *steps = leaf(BG_I64, BG_SHAPE(2), sequences[_i].input_lengths);
    bg_node *labels = leaf(BG_I32, BG_SHAPE(2), sequences[_i].target_lengths);
    double loss = run(bg_ctc_loss(y, targets, steps, labels, BG_SUM, NULL), y, NULL);
    if (sequences[_i].message)
        ck_assert_str_eq(bg_last_error(), sequences[_i].message);
    ck_assert(isnan(loss) == (sequences[_i].message != NULL));
}
END_TEST

/* The ignored class may lie outside; another that does is an error still. */
START_TEST(ignored_class_outside)
{
    const double logits[] = { 1, 2, 0, 3, 1, 1 }, classes[] = { 1, -100 }, wrong[] = { -100, -1 };
    bg_node *x = leaf(BG_F64, BG_SHAPE(2, 3), logits), *y = leaf(_i ? BG_I64 : BG_I32, BG_SHAPE(2), classes);
    bg_cross_entropy_options options = { .ignore_index = BG_SOME(-100) };
    double dx[6], all = log(exp(1) + exp(2) + 1);
    ck_assert_double_eq_tol(run(bg_cross_entropy_loss_with(x, y, BG_MEAN, &options), x, dx), all - 2, 1e-12);
    ck_assert_double_eq_tol(dx[0], exp(1 - all), 1e-12);
    for (int i = 3; i < 6; i++)
        ck_assert_double_eq(dx[i], 0);
    y = leaf(_i ? BG_I64 : BG_I32, BG_SHAPE(2), wrong);
    ck_assert_double_nan(run(bg_cross_entropy_loss_with(x, y, BG_MEAN, &options), x, NULL));
    ck_assert_str_eq(bg_last_error(), "gather_class: class -1 at [1] is outside 0 .. 2");
    ck_assert_double_nan(run(bg_nll_loss(x, y, BG_SUM), x, NULL));
    ck_assert_str_eq(bg_last_error(), "gather_class: class -100 at [0] is outside 0 .. 2");
}
END_TEST

START_TEST(classes_outside)
{
    const double classes[] = { 0, 3 }, labels[] = { 0, 2, -1, 1, 3, -1 };
    bg_node *x = leaf(BG_F64, BG_SHAPE(2, 3), zeros), *y = leaf(BG_U8, BG_SHAPE(2), classes);
    ck_assert_double_nan(run(bg_multi_margin_loss(x, y, BG_MEAN), x, NULL));
    ck_assert_str_eq(bg_last_error(), "gather_class: class 3 at [1] is outside 0 .. 2");
    bg_node *lists = leaf(BG_I32, BG_SHAPE(2, 3), labels);
    ck_assert_double_nan(run(bg_multilabel_margin_loss(x, lists, BG_MEAN), x, NULL));
    ck_assert_str_eq(bg_last_error(), "gather_class: class 3 at [1, 1] is outside 0 .. 2");
}
END_TEST

/* ---- The same bits ---- */

enum { STEPS = 18, BATCH = 13, LABELS = 5, CLASSES = 7 };
static void train_ctc(trial *t, const void *context)
{
    const bool *is_mean = context;
    bg_node *x = trial_input(t, BG_SHAPE(STEPS, BATCH, 6), -1, 1), *w = trial_parameter(t, BG_SHAPE(CLASSES, 6), -1, 1);
    bg_node *y = bg_log_softmax(bg_linear(x, w, NULL), -1),
            *targets = trial_classes(t, BG_SHAPE(BATCH, LABELS), CLASSES - 1);
    bg_node *steps = bg_arange(t->graph, BG_I64, STEPS, STEPS - BATCH, -1);
    /* 0, 1, .. 4, 0, ..: the last sequences have 6 steps. */
    bg_node *rest = bg_remainder(bg_arange(t->graph, BG_F64, 0, BATCH, 1), bg_scalar(t->graph, BG_F64, 4));
    bg_ctc_options options = { .blank = CLASSES - 1, .zero_infinity = true };
    bg_node *loss = bg_ctc_loss(y, targets, steps, bg_cast(rest, BG_I64), *is_mean ? BG_MEAN : BG_SUM, &options);
    trial_output(t, loss);
    trial_descend(t, loss, 0.01);
}
static void train_classes(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(37, 6), -1, 1), *w = trial_parameter(t, BG_SHAPE(CLASSES, 6), -1, 1);
    bg_node *y = bg_linear(x, w, NULL), *classes = trial_classes(t, BG_SHAPE(37), CLASSES);
    bg_cross_entropy_options options = { .weight = trial_constant(t, BG_SHAPE(CLASSES), 0.5, 2),
                                         .ignore_index = BG_SOME(3),
                                         .label_smoothing = 0.1 };
    bg_node *loss = bg_cross_entropy_loss_with(y, classes, BG_MEAN, &options);
    loss = bg_add(loss, bg_nll_loss(bg_log_softmax(y, -1), classes, BG_SUM));
    bg_node *goal = bg_softmax(trial_constant(t, BG_SHAPE(37, CLASSES), -1, 1), -1);
    loss = bg_add(loss, bg_kl_div_loss(bg_log_softmax(y, -1), goal, BG_BATCH_MEAN));
    trial_output(t, loss);
    trial_descend(t, loss, 0.01);
}
static const bool yes = true, no = false;
static const trial_plan plans[] = {
    { .name = "ctc, mean", .build = train_ctc, .context = &yes, .seed = 3, .steps = 3 },
    { .name = "ctc, sum", .build = train_ctc, .context = &no, .seed = 4, .steps = 2 },
    { .name = "classes", .build = train_classes, .seed = 5, .steps = 3 },
};
START_TEST(same_bits)
{
    trial_check(&plans[_i], BG_F64);
    trial_check(&plans[_i], BG_F32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("losses");
    TCase *data = tcase_create("data");
    tcase_add_checked_fixture(data, set_up, tear_down);
    tcase_add_loop_test(data, ctc_checks_its_data, 0, N_SEQUENCES);
    tcase_add_loop_test(data, ignored_class_outside, 0, 2);
    tcase_add_test(data, classes_outside);
    suite_add_tcase(suite, data);
    TCase *threads = tcase_create("threads");
    tcase_set_timeout(threads, 120);
    tcase_add_checked_fixture(threads, trial_set_up, trial_tear_down);
    tcase_add_loop_test(threads, same_bits, 0, (int)(sizeof plans / sizeof *plans));
    suite_add_tcase(suite, threads);
    return run_suite(suite);
}
