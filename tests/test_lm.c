/* Levenberg and Marquardt's steps: known optima, where the Jacobian comes from, the same bits. */
#include "support/fit_problem.h"
#include "support/suite.h"

#include <stdio.h>

/* Numbers as a constant [n]. */
static bg_node *constant(const double *values, int64_t n)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, bg_model_engine(model), BG_F64, BG_SHAPE(n)));
    for (int64_t i = 0; i < n; i++)
        ((double *)bg_tensor_data(tensor))[i] = values[i];
    bg_node *node = bg_cast(bg_constant(graph, tensor), bg_model_dtype(model));
    bg_tensor_destroy(tensor);
    return node;
}

/* ---- Known optima ---- */

START_TEST(test_valley)
{
    begin(counted_engine(), _i ? BG_F32 : BG_F64);
    bg_node *r = valley(parameter((double[]){ -1.2, 1 }, 2));
    OK(bg_lm_create(&lm, model, r, NULL));
    int steps = converge(60);
    for (int i = 0; i < 2; i++)
        expect_near("p", parameter_at(i), 1, _i ? 1e-5 : 1e-7);
    ck_assert_int_eq(bg_lm_steps(lm) + 1 >= steps, 1);
    ck_assert_int_ge(bg_lm_trials(lm), bg_lm_steps(lm));
    end();
}
END_TEST

/* b0 (1 - exp(-b1 x)): two sets of NIST's StRD for nonlinear regression, with their certified optima and sums. */
static const struct curve {
    const char *name;
    int n;
    double x[14], y[14], start[2], optimum[2], sum;
} curves[] = {
    { "Misra1a",
      14,
      { 77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0 },
      { 10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78 },
      { 500, 1e-4 },
      { 2.3894212918e+02, 5.5015643181e-04 },
      1.2455138894e-01 },
    { "BoxBOD",
      6,
      { 1, 2, 3, 5, 7, 10 },
      { 109, 149, 149, 191, 213, 224 },
      { 100, 0.75 },
      { 2.1380940889e+02, 5.4723748542e-01 },
      1.1680088766e+03 },
};
START_TEST(test_curves)
{
    const struct curve *c = &curves[_i];
    begin(counted_engine(), BG_F64);
    bg_node *p = parameter(c->start, 2), *x = constant(c->x, c->n), *y = constant(c->y, c->n);
    bg_node *fit = bg_mul(element(p, 0), bg_sub_from(1, bg_exp(bg_neg(bg_mul(element(p, 1), x)))));
    bg_lm_options options = { .is_scaled = true,
                              .tolerance_loss = BG_SOME(0),
                              .tolerance_gradient = BG_SOME(0),
                              .tolerance_step = BG_SOME(1e-12) };
    OK(bg_lm_create(&lm, model, bg_sub(fit, y), &options));
    int steps = 0;
    /* D never shrinks. */
    for (double before[2] = { 0 }; !bg_lm_has_converged(lm) && steps < 60; steps++) {
        OK(bg_lm_step(lm, NULL));
        const double *square = bg_tensor_const_data(lm->square);
        for (int i = 0; i < 2; i++) {
            ck_assert(lm->scale[i] == fmax(before[i], square[3 * i]));
            before[i] = lm->scale[i];
        }
    }
    ck_assert(bg_lm_has_converged(lm));
    double error = 0;
    for (int i = 0; i < 2; i++)
        error = fmax(error, fabs(parameter_at(i) / c->optimum[i] - 1));
    ck_assert_msg(error <= 1e-8, "%s: relative error %g", c->name, error);
    expect_near(c->name, 2 * loss_now() / c->sum, 1, 1e-9);
    printf("%s: %d steps, %lld trials, error %.1e\n", c->name, steps, (long long)bg_lm_trials(lm), error);
    end();
}
END_TEST

/* 5 lines in 3 unknowns. */
static const double line_x[15] = { 1, 2, 0.5, -1, 4, 2, 3, -2, 1, 0, 1, -1, 2, 2, 2 };
static const double line_y[5] = { 1, -2, 3, 0.5, 2 };
static bg_node *lines(bg_node *p, const double *x)
{
    bg_node *a = bg_reshape(constant(x, 15), BG_SHAPE(5, 3));
    return bg_sub(bg_matmul(a, p), constant(line_y, 5));
}
/* Gauss-Newton's step is the solution. */
START_TEST(test_lines)
{
    begin(counted_engine(), BG_F64);
    bg_lm_options options = { .damping = BG_SOME(0) };
    OK(bg_lm_create(&lm, model, lines(parameter((double[]){ 7, -3, 2 }, 3), line_x), &options));
    OK(bg_lm_step(lm, NULL));
    double loss = loss_now(), solution[3];
    for (int i = 0; i < 3; i++)
        solution[i] = parameter_at(i);
    /* The residual is orthogonal to each column. */
    for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int i = 0; i < 5; i++) {
            double r = -line_y[i];
            for (int k = 0; k < 3; k++)
                r += line_x[3 * i + k] * solution[k];
            sum += r * line_x[3 * i + j];
        }
        expect_near("a column times the residual", sum, 0, 1e-12);
    }
    ck_assert_int_eq(bg_lm_steps(lm), 1);
    ck_assert_int_eq(bg_lm_trials(lm), 1);
    converge(2);
    expect_near("loss", loss_now(), loss, 1e-14);
    ck_assert(bg_lm_damping(lm) == 0);
    end();
}
END_TEST

/* The third column is the sum of the others: no Gauss-Newton step, and yet a lowest loss. Another unknown is in no line
 * at all. */
START_TEST(test_dependent_columns)
{
    begin(counted_engine(), BG_F64);
    double x[15];
    for (int i = 0; i < 5; i++) {
        x[3 * i] = line_x[3 * i];
        x[3 * i + 1] = _i ? 0 : line_x[3 * i + 1];
        x[3 * i + 2] = x[3 * i] + x[3 * i + 1];
    }
    bg_node *p = parameter((double[]){ 7, -3, 2 }, 3);
    OK(bg_lm_create(&lm, model, lines(p, x),
                    &(bg_lm_options){ .damping = BG_SOME(0), .is_scaled = _i == 1, .tolerance_loss = BG_SOME(0) }));
    converge(60);
    ck_assert(bg_lm_damping(lm) > 0);
    for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int i = 0; i < 5; i++) {
            double r = -line_y[i];
            for (int k = 0; k < 3; k++)
                r += x[3 * i + k] * parameter_at(k);
            sum += r * x[3 * i + j];
        }
        expect_near("a column times the residual", sum, 0, 1e-6);
    }
    ck_assert(!_i || parameter_at(1) == -3);
    end();
}
END_TEST

/* From here Gauss-Newton's step for atan leads to the other side of 0, almost as far: the loss falls by less than what
 * tolerance_loss calls little, but more was foretold. */
START_TEST(test_foretold)
{
    begin(counted_engine(), BG_F64);
    bg_lm_options options = { .damping = BG_SOME(0), .tolerance_loss = BG_SOME(0.5) };
    OK(bg_lm_create(&lm, model, bg_atan(parameter((double[]){ 1.35 }, 1)), &options));
    OK(bg_lm_step(lm, NULL));
    expect_near("p", parameter_at(0), 1.35 - atan(1.35) * (1 + 1.35 * 1.35), 1e-12);
    ck_assert(!bg_lm_has_converged(lm));
    converge(60);
    expect_near("p", parameter_at(0), 0, 1e-6);
    end();
}
END_TEST

/* At the optimum it stays, to the bit. */
START_TEST(test_nothing_to_do)
{
    begin(counted_engine(), BG_F64);
    double loss = NAN;
    OK(bg_lm_create(&lm, model, valley(parameter((double[]){ 1, 1 }, 2)), NULL));
    OK(bg_lm_step(lm, &loss));
    ck_assert(loss == 0 && bg_lm_has_converged(lm) && parameter_at(0) == 1 && parameter_at(1) == 1);
    ck_assert_int_eq(bg_lm_trials(lm), 0);
    end();
}
END_TEST

/* ---- Where the Jacobian comes from ---- */

static bg_node *table(const char *name, int64_t rows, int64_t columns)
{
    bg_node *node = bg_input(graph, name, BG_F64, BG_SHAPE(rows, columns));
    ck_assert(node != NULL);
    return node;
}
static void bind(bg_program *program, bg_node *input, double phase)
{
    bg_tensor *tensor;
    OK(bg_tensor_create(&tensor, bg_model_engine(model), BG_F64, bg_node_shape(input)));
    double *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_node_shape(input)); i++)
        data[i] = sin(phase * (double)(i + 1)) + 0.1 * cos(3.7 * (double)i);
    OK(bg_program_bind(program, input, tensor));
    bg_tensor_destroy(tensor);
}

enum { BY_SAMPLES, AS_ONE_SAMPLE, BY_COLUMNS, SOURCES };

/* A network of 2 outputs; coupled: the rows meet in their mean, as in batch normalisation. 24 rows are one sample of
 * 48 residuals, 40 rows are too many for that. */
static void make_network(int source)
{
    int64_t rows = source == BY_COLUMNS ? 40 : 24;
    bg_node *x = table("x", rows, 3), *y = table("y", rows, 2), *scores = bg_layers(model, "dense:4 tanh dense:2", x);
    if (source != BY_SAMPLES)
        scores = bg_sub(scores, bg_mean(scores, BG_AXES(0)));
    OK(bg_lm_create(&lm, model, bg_sub(scores, y), NULL));
    bind(bg_lm_program(lm), x, 1.3);
    bind(bg_lm_program(lm), y, 0.7);
}

START_TEST(test_jacobian)
{
    static const int64_t per_sample[SOURCES] = { 2, 48, 0 };
    begin(counted_engine(), BG_F64);
    make_network(_i);
    ck_assert_int_eq(lm->per_sample, per_sample[_i]);
    double loss, *x = lm->x, worst = 0, h = 1e-5;
    OK(bgi_lm_evaluate(lm, &loss));
    OK(bgi_lm_linearise(lm));
    const double *j = bg_tensor_const_data(lm->jacobian);
    double *unit = calloc((size_t)lm->n, sizeof *unit), *ends = calloc((size_t)(2 * lm->m), sizeof *ends);
    bgi_variables_read(&lm->variables, x);
    for (int64_t k = 0; k < lm->n; k++) {
        unit[k] = 1;
        for (int side = 0; side < 2; side++) {
            bgi_variables_write(&lm->variables, x, side ? h : -h, unit);
            OK(bgi_lm_evaluate(lm, &loss));
            bgi_read_as_f64(bg_program_output(lm->program, 0), ends + side * lm->m);
        }
        unit[k] = 0;
        for (int64_t i = 0; i < lm->m; i++)
            worst = fmax(worst, fabs((ends[lm->m + i] - ends[i]) / (2 * h) - j[i * lm->n + k]));
    }
    ck_assert_msg(worst <= 1e-9, "source %d: the Jacobian is off by %g", _i, worst);
    free(unit);
    free(ends);
    end();
}
END_TEST

/* A residual of rank 0, and several axes. */
START_TEST(test_shapes)
{
    begin(counted_engine(), BG_F64);
    bg_node *p = parameter((double[]){ 3, 4 }, 2);
    bg_node *r =
        _i ? bg_add_scalar(bg_reshape(bg_exp(p), BG_SHAPE(1, 2, 1)), -2) : bg_add_scalar(bg_prod(p, BG_ALL_AXES), -2);
    OK(bg_lm_create(&lm, model, r, NULL));
    converge(60);
    expect_near("loss", loss_now(), 0, 1e-15);
    end();
}
END_TEST

/* ---- The same bits ---- */

static uint64_t bits_of(int threads, bg_dtype dtype, int source)
{
    bg_engine *engine;
    OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads, .seed = 5 }));
    begin(engine, dtype);
    int64_t rows = source == BY_COLUMNS ? 300 : 600;
    bg_node *x = table("x", rows, 3), *y = table("y", rows, 1);
    bg_node *scores = bg_layers(model, "dense:9 tanh dense:1", bg_cast(x, dtype));
    if (source == BY_COLUMNS)
        scores = bg_sub(scores, bg_mean(scores, BG_AXES(0)));
    OK(bg_lm_create(&lm, model, bg_sub(scores, bg_cast(y, dtype)), NULL));
    ck_assert_int_eq(lm->per_sample, source == BY_COLUMNS ? 0 : 1);
    bind(bg_lm_program(lm), x, 1.3);
    bind(bg_lm_program(lm), y, 0.7);
    for (int i = 0; i < 8; i++)
        OK(bg_lm_step(lm, NULL));
    uint64_t hash = 1;
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const bg_tensor *tensor = bg_model_tensor(model, i);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(tensor)) * bg_dtype_size(dtype);
        hash = hash * 31 + bg_bytes_hash(bg_tensor_const_data(tensor), bytes);
    }
    end();
    bg_engine_destroy(engine);
    return hash;
}
START_TEST(test_threads)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    int source = _i / 2 ? BY_COLUMNS : BY_SAMPLES;
    uint64_t one = bits_of(1, dtype, source);
    for (int threads = 2; threads <= 4; threads++)
        ck_assert_msg(bits_of(threads, dtype, source) == one, "%s on %d threads has other bits", bg_dtype_name(dtype),
                      threads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lm");
    TCase *tests = tcase_create("lm");
    tcase_add_checked_fixture(tests, counted_begin, counted_end);
    tcase_add_loop_test(tests, test_valley, 0, 2);
    tcase_add_loop_test(tests, test_curves, 0, sizeof curves / sizeof *curves);
    tcase_add_test(tests, test_lines);
    tcase_add_loop_test(tests, test_dependent_columns, 0, 2);
    tcase_add_test(tests, test_foretold);
    tcase_add_test(tests, test_nothing_to_do);
    tcase_add_loop_test(tests, test_jacobian, 0, SOURCES);
    tcase_add_loop_test(tests, test_shapes, 0, 2);
    tcase_add_loop_test(tests, test_threads, 0, 4);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
