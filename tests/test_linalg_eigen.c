/* Eigenvalues and vectors, and Lyapunov's equation: LAPACK's ratios, equal eigenvalues, errors that name the matrix and
 * the value, of functions of matrices too, and the same bits for any number of threads. */
#include "support/draw.h"
#include "support/eigen.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Values and vectors ---- */

static int build_eigh(bg_node *const *x, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x[0], NULL);
    outputs[0] = e.values, outputs[1] = e.vectors;
    return 2;
}
static int build_eigh_upper(bg_node *const *x, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x[0], &(bg_spectral_options){ .triangle = BG_UPPER });
    outputs[0] = e.values, outputs[1] = e.vectors;
    return 2;
}
/* ‖a - v w vᵀ‖ <= 30 n ‖a‖ eps, ‖vᵀ v - 1‖ <= 30 n eps, and the values ascend. */
static void check_eigh(int size, bg_dtype dtype, matrix_kind kind, bool upper)
{
    eigen_name l = eigen_label(upper ? "upper" : "lower", size, dtype, kind);
    int64_t n = eigen_sizes[size].n;
    double *a, *scaled = numbers_for(n * n), *rows = numbers_for(n * n);
    bg_tensor *x = symmetric_batch(dtype, size, kind, upper, &a);
    eigen_ran r = eigen_run(trial_engine(), upper ? build_eigh_upper : build_eigh, &x, 1);
    expect_ok(r.status, l.text);
    double *w = eigen_output(&r, 0), *v = eigen_output(&r, 1);
    for (int64_t i = 0; i < eigen_sizes[size].batch; i++) {
        const double *wi = w + i * n, *vi = v + i * n * n, *ai = a + i * n * n;
        for (int64_t k = 1; k < n; k++)
            ck_assert_msg(wi[k - 1] <= wi[k], "%s: value %d is below the one before", l.text, (int)k);
        scale_columns(vi, wi, scaled, n);
        transpose_square(vi, rows, n);
        expect_ratio(l.text, n, dtype, product_error(scaled, rows, ai, n), matrix_norm_1(ai, n, n));
        expect_ratio(l.text, n, dtype, matrix_not_orthogonal(vi, n, n), 1);
    }
    free(a), free(scaled), free(rows), free(w), free(v);
    bg_tensor_destroy(x);
    eigen_end(&r);
}
START_TEST(test_eigh)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++)
        for (int way = 0; way < 4; way++)
            check_eigh(_i, eigen_types[way / 2], (matrix_kind)kind, way % 2);
}
END_TEST

/* Equal values, values in groups, and those of a matrix that falls apart into blocks, by the same ratios. */
START_TEST(test_equal_values)
{
    enum { N = 12 };
    for (int t = 0; t < 2; t++)
        for (int shape = 0; shape < 4; shape++) {
            double a[N * N] = { 0 }, scaled[N * N], rows[N * N];
            for (int i = 0; i < N; i++) {
                a[i * N + i] = shape == 0 ? 3 : shape == 1 ? i / 4 : shape == 2 ? ldexp(1, 8 * (i - N / 2)) : 1;
                if (shape == 3)
                    for (int j = 0; j < N; j++)
                        a[i * N + j] = i / 3 == j / 3;
            }
            bg_tensor *x = tensor_of(trial_engine(), eigen_types[t], BG_SHAPE(N, N), a);
            eigen_ran r = eigen_run(trial_engine(), build_eigh, &x, 1);
            expect_ok(r.status, "equal values");
            double *w = eigen_output(&r, 0), *v = eigen_output(&r, 1);
            scale_columns(v, w, scaled, N);
            transpose_square(v, rows, N);
            expect_ratio("equal values", N, eigen_types[t], product_error(scaled, rows, a, N), matrix_norm_1(a, N, N));
            expect_ratio("their vectors", N, eigen_types[t], matrix_not_orthogonal(v, N, N), 1);
            for (int i = 0; i < N && shape == 2; i++)
                ck_assert_double_eq(w[i], a[i * N + i]);
            free(w), free(v);
            bg_tensor_destroy(x);
            eigen_end(&r);
        }
}
END_TEST

/* ---- Lyapunov's equation ---- */

static int build_lyapunov(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_lyapunov(x[0], x[1]);
    return 1;
}
/* ‖a x + x a - c‖ <= 30 n (‖a‖ ‖x‖ + ‖c‖) eps */
static void check_lyapunov(int size, bg_dtype dtype, matrix_kind kind)
{
    eigen_name l = eigen_label("lyapunov", size, dtype, kind);
    int64_t batch = eigen_sizes[size].batch, n = eigen_sizes[size].n;
    double *a, *left = numbers_for(n * n), *right = numbers_for(n * n), scale = kind == MATRIX_HUGE ? 1e30 : 1;
    bg_tensor *inputs[] = { definite_batch(dtype, size, kind, &a),
                            matrix_batch(trial_engine(), dtype, batch, n, n, MATRIX_RANDOM) };
    double *c = matrix_values(inputs[1]);
    for (int64_t i = 0; i < batch * n * n; i++)
        c[i] *= scale;
    bg_tensor_destroy(inputs[1]);
    inputs[1] = tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n, n), c);
    free(c);
    c = matrix_values(inputs[1]);
    eigen_ran r = eigen_run(trial_engine(), build_lyapunov, inputs, 2);
    expect_ok(r.status, l.text);
    double *x = eigen_output(&r, 0);
    for (int64_t i = 0; i < batch; i++) {
        const double *ai = a + i * n * n, *xi = x + i * n * n, *ci = c + i * n * n;
        multiply_squares(ai, xi, left, n);
        multiply_squares(xi, ai, right, n);
        for (int64_t k = 0; k < n * n; k++)
            left[k] += right[k] - ci[k];
        double of = matrix_norm_1(ai, n, n) * matrix_norm_1(xi, n, n) + matrix_norm_1(ci, n, n);
        expect_ratio(l.text, n, dtype, matrix_norm_1(left, n, n), of);
    }
    free(a), free(c), free(x), free(left), free(right);
    bg_tensor_destroy(inputs[0]), bg_tensor_destroy(inputs[1]);
    eigen_end(&r);
}
START_TEST(test_lyapunov)
{
    static const matrix_kind kinds[] = { MATRIX_RANDOM, MATRIX_SCALED, MATRIX_HUGE, MATRIX_TINY };
    for (int way = 0; way < 8; way++)
        check_lyapunov(_i, eigen_types[way % 2], kinds[way / 2]);
}
END_TEST

/* ---- Vectors' gradient where values are equal ---- */

static int with_gradient(const bg_spectral_options *options, bg_node *x, bool of_vectors, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x, options);
    bg_node *y = of_vectors ? e.vectors : e.values, *sum = bg_sum(bg_mul(y, bg_exp(y)), BG_ALL_AXES);
    OK(bg_grad(sum, &x, 1, outputs));
    return 1;
}
static int build_values_gradient(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(NULL, x[0], false, outputs);
}
static int build_vectors_gradient(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(NULL, x[0], true, outputs);
}
static int build_regularized(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(&(bg_spectral_options){ .regularization = 1e-3 }, x[0], true, outputs);
}
START_TEST(test_equal_values_gradient)
{
    /* Three matrices, of which the second has two equal values. */
    static const double a[] = { 1, 0, 0, 2, 3, 0, 0, 3, 5, 1, 1, 5 };
    for (int t = 0; t < 2; t++) {
        bg_tensor *x = tensor_of(trial_engine(), eigen_types[t], BG_SHAPE(3, 2, 2), a);
        eigen_ran r = eigen_run(trial_engine(), build_vectors_gradient, &x, 1);
        expect_failure(
            r.status, BG_ERR_NUMERIC,
            "eigh's gradient: matrix [1] of [3]: the gradient of the vectors is not defined: values 0 and 1, 3 and 3, "
            "are equal to rounding",
            "equal values");
        eigen_end(&r);
        r = eigen_run(trial_engine(), build_regularized, &x, 1);
        expect_ok(r.status, "regularized");
        double *dx = eigen_output(&r, 0);
        for (int i = 0; i < 12; i++)
            ck_assert(isfinite(dx[i]));
        free(dx);
        eigen_end(&r);
        r = eigen_run(trial_engine(), build_values_gradient, &x, 1);
        expect_ok(r.status, "the gradient of values");
        dx = eigen_output(&r, 0);
        double expected = exp(3.0) * 4, allowed = 10 * matrix_epsilon(eigen_types[t]) * expected;
        expect_near("its diagonal", dx[4], expected, allowed);
        expect_near("its diagonal", dx[7], expected, allowed);
        expect_near("beside it", dx[5], 0, allowed);
        free(dx);
        eigen_end(&r);
        bg_tensor_destroy(x);
    }
}
END_TEST

/* ---- Errors ---- */

#define OF_X(name, expression)                                                                                         \
    static int build_##name(bg_node *const *x, bg_node **outputs)                                                      \
    {                                                                                                                  \
        outputs[0] = expression;                                                                                       \
        return 1;                                                                                                      \
    }
OF_X(sqrt, bg_symmetric_sqrt(x[0]))
OF_X(inverse_sqrt, bg_symmetric_inverse_sqrt(x[0]))
OF_X(symmetric_exp, bg_symmetric_exp(x[0]))
OF_X(log, bg_symmetric_log(x[0]))
OF_X(inverse, bg_symmetric_power(x[0], -1))
OF_X(fraction, bg_symmetric_power(x[0], 1.5))
OF_X(exp, bg_matrix_exp(x[0]))
OF_X(own_lyapunov, bg_lyapunov(x[0], x[0]))
static int gradient_of(bg_node *y, bg_node *x, bg_node **outputs)
{
    OK(bg_grad(bg_sum(y, BG_ALL_AXES), &x, 1, outputs));
    return 1;
}
static int build_sqrt_gradient(bg_node *const *x, bg_node **outputs)
{
    return gradient_of(bg_symmetric_sqrt(x[0]), x[0], outputs);
}
static int build_fraction_gradient(bg_node *const *x, bg_node **outputs)
{
    return gradient_of(bg_symmetric_power(x[0], 1.5), x[0], outputs);
}

static const struct {
    const char *name;
    eigen_build *build;
    double a[4];         /* of the last of 700 matrices; the others are 2 */
    const char *message; /* after the number of the matrix; NULL: right */
} failures[] = {
    { "eigh", build_eigh, { NAN, 0, 0, 1 }, "a is nan at [0, 0]" },
    { "eigh", build_eigh, { 1, 0, -INFINITY, 1 }, "a is -inf at [1, 0]" },
    { "eigh", build_eigh, { 1, NAN, 0, 1 }, NULL },
    { "lyapunov", build_own_lyapunov, { 1, 0, NAN, 1 }, "a is nan at [1, 0]" },
    { "lyapunov", build_own_lyapunov, { 1, INFINITY, 0, 1 }, "c is inf at [0, 1]" },
    { "lyapunov", build_own_lyapunov, { -1, 0, 0, 1 }, "a is not positive definite: its smallest eigenvalue is -1" },
    { "lyapunov", build_own_lyapunov, { 0, 0, 0, 0 }, "a is not positive definite: its smallest eigenvalue is " },
    { "symmetric_sqrt",
      build_sqrt,
      { 1, 0, 0, -1 },
      "the function needs eigenvalues that are 0 or above: value 0 is -1" },
    { "symmetric_sqrt", build_sqrt, { 0, 0, 0, 0 }, NULL },
    { "symmetric_sqrt", build_sqrt, { 1, 0, 0, -1e-17 }, NULL }, /* 0 but for rounding */
    { "symmetric_sqrt's gradient",
      build_sqrt_gradient,
      { 0, 0, 0, 1 },
      "the derivative needs eigenvalues that are above 0: value 0 is 0" },
    { "symmetric_inverse_sqrt",
      build_inverse_sqrt,
      { 0, 0, 0, 1 },
      "the function needs eigenvalues that are above 0: value 0 is 0" },
    { "symmetric_log", build_log, { -2, 0, 0, 1 }, "the function needs eigenvalues that are above 0: value 0 is -2" },
    { "symmetric_log", build_log, { NAN, 0, 0, 1 }, "a is nan at [0, 0]" },
    { "symmetric_power", build_inverse, { 0, 0, 0, 3 }, "the function needs eigenvalues that are not 0: value 0 is 0" },
    { "symmetric_power", build_inverse, { -2, 0, 0, 3 }, NULL },
    { "symmetric_power",
      build_fraction,
      { -2, 0, 0, 3 },
      "the function needs eigenvalues that are 0 or above: value 0 is -2" },
    { "symmetric_power", build_fraction_gradient, { 0, 0, 0, 3 }, NULL },
    { "symmetric_exp", build_symmetric_exp, { 1, 0, 0, 1000 }, "the result is beyond the numbers of " },
    { "matrix_exp", build_exp, { 1, 0, 0, 1000 }, "the result is beyond the numbers of " },
    { "matrix_exp", build_exp, { -1e30, 0, 0, -1e30 }, "the norm of a is " },
    { "matrix_exp", build_exp, { 1, 0, 0, NAN }, "a is nan at [1, 1]" },
};
START_TEST(test_errors)
{
    enum { BATCH = 700 };
    double *a = numbers_for(BATCH * 4);
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < BATCH * 4; i++)
            a[i] = i % 4 == 0 || i % 4 == 3 ? 2 : 0;
        memcpy(a + (BATCH - 1) * 4, failures[_i].a, 4 * sizeof *a);
        bg_tensor *x = tensor_of(trial_engine(), eigen_types[t], BG_SHAPE(7, 100, 2, 2), a);
        eigen_ran r = eigen_run(trial_engine(), failures[_i].build, &x, 1);
        char message[160];
        snprintf(message, sizeof message, "%s: matrix [6, 99] of [7, 100]: %s", failures[_i].name,
                 failures[_i].message ? failures[_i].message : "");
        if (failures[_i].message)
            expect_failure(r.status, BG_ERR_NUMERIC, message, failures[_i].name);
        else
            expect_ok(r.status, failures[_i].name);
        bg_tensor_destroy(x);
        eigen_end(&r);
    }
    free(a);
}
END_TEST

/* ---- The same bits ---- */

static int build_everything(bg_node *const *x, bg_node **outputs)
{
    bg_node *a = bg_add(bg_matmul(x[0], bg_transpose(x[0], -1, -2)), x[1]);
    bg_eigen e = bg_eigh(a, NULL);
    bg_node *parts = bg_add(bg_mul(e.vectors, bg_unsqueeze(e.values, -1)), bg_lyapunov(a, x[0]));
    parts = bg_add(parts, bg_add(bg_symmetric_log(a), bg_matrix_exp(bg_mul_scalar(a, 0.1))));
    outputs[0] = parts;
    OK(bg_grad(bg_sum(bg_square(parts), BG_ALL_AXES), x, 1, outputs + 1));
    return 2;
}
START_TEST(test_bits)
{
    enum { BATCH = 61, N = 9 };
    double *values = numbers_for(BATCH * N * N), *base = numbers_for(N * N);
    draw d = draw_from(3);
    for (int i = 0; i < BATCH * N * N; i++)
        values[i] = draw_between(&d, -1, 1);
    for (int i = 0; i < N * N; i++)
        base[i] = i / N == i % N ? 1 + 0.3 * (i / N) : 0;
    for (int t = 0; t < 2; t++) {
        double *expected[2] = { NULL, NULL };
        for (int threads = 1; threads <= 4; threads++) {
            bg_engine *engine = NULL;
            OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
            bg_tensor *inputs[] = { tensor_of(engine, eigen_types[t], BG_SHAPE(BATCH, N, N), values),
                                    tensor_of(engine, eigen_types[t], BG_SHAPE(N, N), base) };
            eigen_ran r = eigen_run(engine, build_everything, inputs, 2);
            expect_ok(r.status, "a run");
            for (size_t k = 0; k < 2; k++) {
                double *y = eigen_output(&r, k);
                ck_assert(!expected[k] || memcmp(y, expected[k], BATCH * N * N * sizeof *y) == 0);
                free(expected[k]);
                expected[k] = y;
            }
            eigen_end(&r);
            bg_tensor_destroy(inputs[0]), bg_tensor_destroy(inputs[1]);
            bg_engine_destroy(engine);
        }
        free(expected[0]), free(expected[1]);
    }
    free(values), free(base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_eigen");
    TCase *tests = tcase_create("linalg_eigen");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, test_eigh, 0, EIGEN_SIZES);
    tcase_add_test(tests, test_equal_values);
    tcase_add_loop_test(tests, test_lyapunov, 0, EIGEN_SIZES);
    tcase_add_test(tests, test_equal_values_gradient);
    tcase_add_loop_test(tests, test_errors, 0, (int)(sizeof failures / sizeof failures[0]));
    tcase_add_test(tests, test_bits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
