/* Normalisation: running statistics, numbers far from 0, and the same bits on any number of threads. */
#include "support/expect.h"
#include "support/trial.h"

#include <math.h>
#include <stdlib.h>

enum { C = 2, N = 3 };
static const double first_batch[N * C] = { 1, -3, 2, 5, 4, 0.5 }, second_batch[N * C] = { 0, 1, 7, 2, -1, 4 };

typedef struct {
    bg_graph *graph;
    bg_tensor *x, *mean, *var, *batches;
    bg_node *x_node, *mean_node, *var_node, *batches_node;
    bg_program *program;
} layer;

static layer open_layer(bg_dtype dtype, bg_shape shape)
{
    layer l = { 0 };
    bg_engine *engine = trial_engine();
    expect_ok(bg_graph_create(&l.graph, engine), "graph");
    expect_ok(bg_tensor_create(&l.x, engine, dtype, shape), "x");
    expect_ok(bg_tensor_create(&l.mean, engine, dtype, BG_SHAPE(C)), "mean");
    expect_ok(bg_tensor_create(&l.var, engine, dtype, BG_SHAPE(C)), "var");
    expect_ok(bg_tensor_create(&l.batches, engine, BG_I64, BG_SCALAR), "batches");
    expect_ok(bg_tensor_fill(l.var, 1), "var");
    l.x_node = bg_input(l.graph, "x", dtype, shape);
    l.mean_node = bg_buffer(l.graph, l.mean);
    l.var_node = bg_buffer(l.graph, l.var);
    l.batches_node = bg_buffer(l.graph, l.batches);
    return l;
}
static void close_layer(layer *l)
{
    bg_program_destroy(l->program);
    bg_graph_destroy(l->graph);
    bg_tensor_destroy(l->x);
    bg_tensor_destroy(l->mean);
    bg_tensor_destroy(l->var);
    bg_tensor_destroy(l->batches);
}
static bg_node *normalized(layer *l, bg_node *x, bg_batch_norm_options options)
{
    return bg_batch_norm(x, NULL, NULL, l->mean_node, l->var_node, &options);
}
static void compile(layer *l, bg_node *y)
{
    expect_ok(bg_graph_status(l->graph), "building");
    expect_ok(bg_compile(&l->program, l->graph, &y, 1, NULL), "compile");
    expect_ok(bg_program_bind(l->program, l->x_node, l->x), "bind");
}
static void run_with(layer *l, const double *values)
{
    bg_tensor *batch = tensor_of(trial_engine(), bg_tensor_dtype(l->x), bg_tensor_shape(l->x), values);
    expect_ok(bg_tensor_copy(l->x, batch), "batch");
    bg_tensor_destroy(batch);
    expect_ok(bg_program_run(l->program), "run");
}

static double item(const bg_tensor *tensor, int64_t i)
{
    double value = 0;
    expect_ok(bg_tensor_item(tensor, i, &value), "item");
    return value;
}
static void expect_item(const bg_tensor *tensor, int64_t i, double expected, const char *what)
{
    double tolerance = bg_tensor_dtype(tensor) == BG_F32 ? 5e-7 : 1e-14, value = item(tensor, i);
    ck_assert_msg(fabs(value - expected) <= tolerance * fmax(1, fabs(expected)), "%s[%d] is %.17g, not %.17g", what,
                  (int)i, value, expected);
}

/* Mean and unbiased variance of column c of rows of `columns` elements. */
static void statistics(const double *x, int rows, int columns, int c, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (int i = 0; i < rows; i++)
        *mean += x[i * columns + c] / rows;
    for (int i = 0; i < rows; i++)
        *variance += (x[i * columns + c] - *mean) * (x[i * columns + c] - *mean) / (rows - 1);
}
/* What a layer with this momentum makes of running statistics. */
static void step(double running[2][C], const double *batch, double momentum)
{
    for (int c = 0; c < C; c++) {
        double now[2];
        statistics(batch, N, C, c, &now[0], &now[1]);
        for (int k = 0; k < 2; k++)
            running[k][c] = (1 - momentum) * running[k][c] + momentum * now[k];
    }
}
static void expect_running(const layer *l, double expected[2][C])
{
    for (int c = 0; c < C; c++) {
        expect_item(l->mean, c, expected[0][c], "running_mean");
        expect_item(l->var, c, expected[1][c], "running_var");
    }
}

START_TEST(test_running)
{
    static const double momenta[] = { 0.1, 0, 1, 0.25 };
    layer l = open_layer(_i % 2 ? BG_F32 : BG_F64, BG_SHAPE(N, C));
    double momentum = momenta[_i / 2], running[2][C] = { { 0, 0 }, { 1, 1 } };
    bg_optional given = BG_SOME(momentum), none = { .is_some = false };
    compile(&l, normalized(&l, l.x_node, (bg_batch_norm_options){ .momentum = _i < 2 ? none : given }));
    for (int i = 0; i < 3; i++) {
        run_with(&l, i % 2 ? second_batch : first_batch);
        step(running, i % 2 ? second_batch : first_batch, momentum);
        expect_running(&l, running);
        ck_assert(item(l.batches, 0) == 0);
    }
    close_layer(&l);
}
END_TEST

/* The second use goes on from what the first one left. */
START_TEST(test_used_twice)
{
    layer l = open_layer(BG_F64, BG_SHAPE(N, C));
    double running[2][C] = { { 0, 0 }, { 1, 1 } };
    bg_tensor *other = tensor_of(trial_engine(), BG_F64, BG_SHAPE(N, C), second_batch);
    bg_batch_norm_options options = { .batches = l.batches_node };
    bg_node *y = normalized(&l, l.x_node, options);
    compile(&l, bg_add(y, normalized(&l, bg_constant(l.graph, other), options)));
    run_with(&l, first_batch);
    step(running, first_batch, 0.1);
    step(running, second_batch, 0.1);
    expect_running(&l, running);
    ck_assert_msg(item(l.batches, 0) == 2, "%g batches", item(l.batches, 0));
    bg_tensor_destroy(other);
    close_layer(&l);
}
END_TEST

/* The mean of all batches so far, whatever was there at first; two uses a run. */
START_TEST(test_cumulative)
{
    layer l = open_layer(_i ? BG_F32 : BG_F64, BG_SHAPE(N, C));
    bg_batch_norm_options options = { .batches = l.batches_node, .is_cumulative = true };
    bg_node *y = normalized(&l, l.x_node, options);
    compile(&l, bg_add(y, normalized(&l, bg_mul_scalar(l.x_node, 2), options)));
    double sums[2][C] = { { 0 } };
    for (int i = 1; i <= 3; i++) {
        const double *batch = i % 2 ? first_batch : second_batch;
        double means[2][C];
        run_with(&l, batch);
        for (int c = 0; c < C; c++) {
            double mean, variance;
            statistics(batch, N, C, c, &mean, &variance);
            sums[0][c] += 3 * mean;
            sums[1][c] += 5 * variance;
            for (int k = 0; k < 2; k++)
                means[k][c] = sums[k][c] / (2 * i);
        }
        expect_running(&l, means);
        ck_assert_msg(item(l.batches, 0) == 2 * i, "%g batches", item(l.batches, 0));
    }
    close_layer(&l);
}
END_TEST

START_TEST(test_evaluation)
{
    layer l = open_layer(BG_F64, BG_SHAPE(N, C));
    expect_ok(bg_tensor_copy_from(l.mean, (double[]){ 1, -1 }, 2 * sizeof(double)), "mean");
    expect_ok(bg_tensor_copy_from(l.var, (double[]){ 3, 0.25 }, 2 * sizeof(double)), "var");
    bg_batch_norm_options options = { .is_evaluation = true, .eps = BG_SOME(0), .batches = l.batches_node };
    compile(&l, normalized(&l, l.x_node, options));
    run_with(&l, first_batch);
    for (int i = 0; i < N * C; i++) {
        double expected = i % C ? (first_batch[i] + 1) / 0.5 : (first_batch[i] - 1) / sqrt(3);
        expect_item(bg_program_output(l.program, 0), i, expected, "y");
    }
    double running[2][C] = { { 1, -1 }, { 3, 0.25 } };
    expect_running(&l, running);
    ck_assert(item(l.batches, 0) == 0);
    close_layer(&l);
}
END_TEST

START_TEST(test_no_elements)
{
    layer l = open_layer(BG_F32, BG_SHAPE(0, C));
    compile(&l, normalized(&l, l.x_node, (bg_batch_norm_options){ .batches = l.batches_node }));
    expect_ok(bg_program_run(l.program), "run");
    double running[2][C] = { { 0, 0 }, { 1, 1 } };
    expect_running(&l, running);
    ck_assert(item(l.batches, 0) == 0);
    close_layer(&l);
}
END_TEST

/* The statistics of a channel are those of its samples, averaged. */
START_TEST(test_instances)
{
    enum { SAMPLES = 3, INNER = 4 };
    layer l = open_layer(BG_F64, BG_SHAPE(SAMPLES, C, INNER));
    double x[SAMPLES * C * INNER], expected[2][C];
    for (int i = 0; i < SAMPLES * C * INNER; i++)
        x[i] = (double)(i * i % 17);
    for (int c = 0; c < C; c++) {
        double means = 0, variances = 0;
        for (int s = 0; s < SAMPLES; s++) {
            double mean, variance;
            statistics(x + (s * C + c) * INNER, INNER, 1, 0, &mean, &variance);
            means += mean / SAMPLES;
            variances += variance / SAMPLES;
        }
        expected[0][c] = 0.3 * means;
        expected[1][c] = 0.7 + 0.3 * variances;
    }
    bg_batch_norm_options options = { .momentum = BG_SOME(0.3) };
    compile(&l, bg_instance_norm_with(l.x_node, NULL, NULL, l.mean_node, l.var_node, &options));
    run_with(&l, x);
    expect_running(&l, expected);
    close_layer(&l);
}
END_TEST

/* ---- Numbers ---- */

typedef bg_node *norm(bg_node *x);
static bg_node *layer_norm(bg_node *x) { return bg_layer_norm(x, BG_AXES(-1), NULL, NULL, 1e-5); }
static bg_node *batch_norm(bg_node *x) { return bg_batch_norm(x, NULL, NULL, NULL, NULL, NULL); }
static bg_node *group_norm(bg_node *x) { return bg_group_norm(x, 2, NULL, NULL, 1e-5); }
static bg_node *instance_norm(bg_node *x) { return bg_instance_norm(x, NULL, NULL, 1e-5); }

/* The result for f32 and for the same numbers in f64; the largest difference relative to max(1, |y|). */
static double f32_error(norm *f, bg_shape shape, const double *x)
{
    bg_program *programs[2] = { NULL, NULL };
    bg_graph *graph = NULL;
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    bg_tensor *narrow = tensor_of(trial_engine(), BG_F32, shape, x);
    bg_node *leaf = bg_parameter(graph, narrow), *ys[2] = { f(leaf), f(bg_cast(leaf, BG_F64)) };
    for (int i = 0; i < 2; i++) {
        expect_ok(bg_compile(&programs[i], graph, &ys[i], 1, NULL), "compile");
        expect_ok(bg_program_run(programs[i]), "run");
    }
    double worst = 0;
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        double value = item(bg_program_output(programs[0], 0), i), exact = item(bg_program_output(programs[1], 0), i);
        double error = fabs(value - exact) / fmax(1, fabs(exact));
        worst = error <= worst ? worst : error;
    }
    bg_program_destroy(programs[0]);
    bg_program_destroy(programs[1]);
    bg_graph_destroy(graph);
    bg_tensor_destroy(narrow);
    return worst;
}

START_TEST(test_far_from_0)
{
    static const struct {
        const char *name;
        norm *f;
        bg_shape shape;
    } rows[] = { { "layer_norm", layer_norm, { 2, { 9, 768 } } },
                 { "layer_norm, long", layer_norm, { 2, { 2, 50000 } } },
                 { "batch_norm", batch_norm, { 2, { 768, 9 } } },
                 { "batch_norm, planes", batch_norm, { 4, { 5, 3, 16, 16 } } },
                 { "batch_norm, short planes", batch_norm, { 3, { 200, 3, 4 } } },
                 { "group_norm", group_norm, { 3, { 2, 4, 100 } } },
                 { "instance_norm", instance_norm, { 3, { 2, 3, 300 } } } };
    static const double means[] = { 0, 100, -1e4 };
    const int n_rows = sizeof rows / sizeof rows[0];
    int row = _i % n_rows;
    double mean = means[_i / n_rows];
    int64_t count = bg_shape_count(rows[row].shape);
    double *x = malloc((size_t)count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    draw numbers = draw_from(3);
    for (int64_t i = 0; i < count; i++)
        x[i] = mean + draw_between(&numbers, -1.7, 1.7);
    double error = f32_error(rows[row].f, rows[row].shape, x);
    ck_assert_msg(error <= 1e-6, "%s, mean %g: the error is %.3g", rows[row].name, mean, error);
    free(x);
}
END_TEST

/* Eight numbers at 1e4, a thousandth apart, of which f32 keeps steps of 1 / 1024: a mean rounded to f32 is off by a
 * tenth of their spread. */
START_TEST(test_cancellation)
{
    double x[8], mean = 0, variance = 0;
    for (int k = 0; k < 8; k++) {
        x[k] = (double)(float)(1e4 + k * 1e-3);
        mean += x[k] / 8;
    }
    for (int k = 0; k < 8; k++)
        variance += (x[k] - mean) * (x[k] - mean) / 8;
    bg_graph *graph = NULL;
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
    bg_tensor *narrow = tensor_of(trial_engine(), BG_F32, BG_SHAPE(1, 8), x);
    bg_node *y = layer_norm(bg_parameter(graph, narrow));
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    for (int k = 0; k < 8; k++)
        expect_item(bg_program_output(program, 0), k, (x[k] - mean) / sqrt(variance + 1e-5), "y");
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(narrow);
}
END_TEST

/* ---- Threads ---- */

/* All of the layers in a row, with their gradients and running statistics, in one step of descent. */
static void build_all(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(24, 6, 5, 7), -1, 3);
    bg_node *weight = trial_parameter(t, BG_SHAPE(6), 0.5, 1.5), *bias = trial_parameter(t, BG_SHAPE(6), -1, 1);
    bg_node *wide = trial_parameter(t, BG_SHAPE(7), 0.5, 1.5), *shift = trial_parameter(t, BG_SHAPE(7), -1, 1);
    bg_node *mean = trial_buffer(t, BG_SHAPE(6), -1, 1), *var = trial_buffer(t, BG_SHAPE(6), 0.5, 2);
    bg_node *y = bg_batch_norm(x, weight, bias, mean, var, NULL);
    y = bg_tanh(bg_batch_norm(bg_square(y), weight, NULL, mean, var, NULL));
    y = bg_mul(bg_layer_norm(bg_add(y, x), BG_AXES(-1), wide, shift, 1e-2), y);
    y = bg_rms_norm(bg_group_norm(y, 3, weight, bias, 1e-2), BG_AXES(2, 3), NULL, 1e-2);
    y = bg_local_response_norm(bg_instance_norm(y, bias, NULL, 1e-2), 3, 1, 0.75, 1);
    trial_output(t, y);
    trial_descend(t, bg_mean(bg_square(y), BG_ALL_AXES), 0.1);
}
static void build_wide(trial *t, const void *context)
{
    (void)context;
    bg_node *x = trial_input(t, BG_SHAPE(96, 300), -1, 3);
    bg_node *weight = trial_parameter(t, BG_SHAPE(300), 0.5, 1.5), *bias = trial_parameter(t, BG_SHAPE(300), -1, 1);
    bg_node *y = bg_layer_norm(x, BG_AXES(1), weight, bias, 1e-2);
    y = bg_batch_norm(bg_tanh(y), weight, bias, NULL, NULL, NULL);
    y = bg_rms_norm(y, BG_AXES(1), bias, 1e-2);
    trial_output(t, y);
    trial_descend(t, bg_mean(bg_square(y), BG_ALL_AXES), 0.1);
}
START_TEST(test_threads)
{
    const trial_plan plans[] = { { "layers in a row", build_all, NULL, 11, 2 },
                                 { "wide rows", build_wide, NULL, 12, 2 } };
    trial_check(&plans[_i / 2], _i % 2 ? BG_F32 : BG_F64);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normalization");
    TCase *running = tcase_create("running statistics");
    tcase_add_checked_fixture(running, trial_set_up, trial_tear_down);
    tcase_add_loop_test(running, test_running, 0, 8);
    tcase_add_test(running, test_used_twice);
    tcase_add_loop_test(running, test_cumulative, 0, 2);
    tcase_add_test(running, test_evaluation);
    tcase_add_test(running, test_no_elements);
    tcase_add_test(running, test_instances);
    suite_add_tcase(suite, running);
    TCase *numbers = tcase_create("numbers");
    tcase_add_checked_fixture(numbers, trial_set_up, trial_tear_down);
    tcase_add_loop_test(numbers, test_far_from_0, 0, 21);
    tcase_add_test(numbers, test_cancellation);
    tcase_add_loop_test(numbers, test_threads, 0, 4);
    suite_add_tcase(suite, numbers);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
