/* Functions of matrices: products by LAPACK's ratios, known exponentials, and derivatives where eigenvalues are equal.
 */
#include "support/eigen.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <math.h>
#include <stdlib.h>

/* ---- Functions ---- */

static int build_roots(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_symmetric_sqrt(x[0]);
    outputs[1] = bg_symmetric_inverse_sqrt(x[0]);
    outputs[2] = bg_symmetric_power(x[0], -1);
    outputs[3] = bg_symmetric_power(x[0], 0.5);
    return 4;
}
/* Products of the roots, by the norms of what is multiplied. */
static void check_roots(int size, bg_dtype dtype, matrix_kind kind)
{
    eigen_name l = eigen_label("roots", size, dtype, kind);
    int64_t n = eigen_sizes[size].n;
    double *a, *product = numbers_for(n * n);
    bg_tensor *x = definite_batch(dtype, size, kind, &a);
    eigen_ran r = eigen_run(trial_engine(), build_roots, &x, 1);
    expect_ok(r.status, l.text);
    double *y[4];
    for (size_t k = 0; k < 4; k++)
        y[k] = eigen_output(&r, k);
    for (int64_t i = 0; i < eigen_sizes[size].batch; i++) {
        const double *ai = a + i * n * n, *root = y[0] + i * n * n, *inverse_root = y[1] + i * n * n;
        const double *inverse = y[2] + i * n * n, *power = y[3] + i * n * n;
        double of_a = matrix_norm_1(ai, n, n), of_root = matrix_norm_1(root, n, n);
        expect_ratio(l.text, n, dtype, product_error(root, root, ai, n), of_root * of_root);
        expect_ratio(l.text, n, dtype, product_error(power, power, ai, n), of_root * of_root);
        expect_ratio(l.text, n, dtype, product_error(inverse, ai, NULL, n), matrix_norm_1(inverse, n, n) * of_a);
        multiply_squares(inverse_root, root, product, n);
        expect_ratio(l.text, n, dtype, product_error(inverse_root, root, NULL, n),
                     matrix_norm_1(inverse_root, n, n) * of_root);
        for (int64_t k = 0; k < n * n; k++)
            ck_assert_msg(root[k] == root[k % n * n + k / n], "%s: not symmetric", l.text);
    }
    for (int k = 0; k < 4; k++)
        free(y[k]);
    free(a), free(product);
    bg_tensor_destroy(x);
    eigen_end(&r);
}
START_TEST(test_roots)
{
    static const matrix_kind kinds[] = { MATRIX_RANDOM, MATRIX_SCALED, MATRIX_HUGE, MATRIX_TINY };
    for (int way = 0; way < 8; way++)
        check_roots(_i, eigen_types[way % 2], kinds[way / 2]);
}
END_TEST

static int build_exponentials(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_symmetric_exp(x[0]);
    outputs[1] = bg_matrix_exp(x[0]);
    outputs[2] = bg_symmetric_log(outputs[0]);
    outputs[3] = bg_matrix_exp(bg_neg(x[0]));
    return 4;
}
/* Both exponentials are equal, the logarithm leads back, and exp(a) · exp(-a) = 1. */
static void check_exponentials(int size, bg_dtype dtype)
{
    eigen_name l = eigen_label("exponentials", size, dtype, MATRIX_RANDOM);
    int64_t n = eigen_sizes[size].n;
    double *a, *difference = numbers_for(n * n);
    bg_tensor *x = symmetric_batch(dtype, size, MATRIX_RANDOM, false, &a);
    bg_tensor_destroy(x);
    /* Of matrices whose exponentials have an inverse in the type. */
    for (int64_t i = 0; i < eigen_sizes[size].batch * n * n; i++)
        a[i] *= 2 / (double)(n > 1 ? n : 1);
    x = tensor_of(trial_engine(), dtype, BG_SHAPE(eigen_sizes[size].batch, n, n), a);
    eigen_ran r = eigen_run(trial_engine(), build_exponentials, &x, 1);
    expect_ok(r.status, l.text);
    double *y[4];
    for (size_t k = 0; k < 4; k++)
        y[k] = eigen_output(&r, k);
    for (int64_t i = 0; i < eigen_sizes[size].batch; i++) {
        const double *ai = a + i * n * n, *e = y[0] + i * n * n, *by_pade = y[1] + i * n * n;
        const double *back = y[2] + i * n * n, *inverse = y[3] + i * n * n;
        double of_e = matrix_norm_1(e, n, n), of_both = of_e * matrix_norm_1(inverse, n, n);
        for (int64_t k = 0; k < n * n; k++)
            difference[k] = e[k] - by_pade[k];
        expect_ratio(l.text, n, dtype, matrix_norm_1(difference, n, n), of_e * (1 + matrix_norm_1(ai, n, n)));
        for (int64_t k = 0; k < n * n; k++)
            difference[k] = back[k] - ai[k];
        expect_ratio(l.text, n, dtype, matrix_norm_1(difference, n, n), of_both * (1 + matrix_norm_1(ai, n, n)));
        expect_ratio(l.text, n, dtype, product_error(by_pade, inverse, NULL, n), of_both);
    }
    for (int k = 0; k < 4; k++)
        free(y[k]);
    free(a), free(difference);
    bg_tensor_destroy(x);
    eigen_end(&r);
}
START_TEST(test_exponentials)
{
    check_exponentials(_i, BG_F32);
    check_exponentials(_i, BG_F64);
}
END_TEST

/* ---- Known exponentials ---- */

static int build_exp(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_matrix_exp(x[0]);
    return 1;
}
START_TEST(test_known_exponentials)
{
    static const struct {
        const char *name;
        double a[4], y[4];
        bool only_f64;
    } cases[] = {
        { "zeros", { 0, 0, 0, 0 }, { 1, 0, 0, 1 }, false },
        { "a diagonal", { 1, 0, 0, -2 }, { 2.718281828459045, 0, 0, 0.1353352832366127 }, false },
        { "nilpotent", { 0, 3, 0, 0 }, { 1, 3, 0, 1 }, false },
        { "nilpotent and large", { 0, 100, 0, 0 }, { 1, 100, 0, 1 }, false },
        { "a turn", { 0, 1.5707963267948966, -1.5707963267948966, 0 }, { 0, 1, -1, 0 }, false },
        { "three turns", { 0, -18.84955592153876, 18.84955592153876, 0 }, { 1, 0, 0, 1 }, false },
        { "far below 0", { -1e6, 0, 0, -2e6 }, { 0, 0, 0, 0 }, false },
        { "farther below 0", { -1e15, 0, 0, -4e15 }, { 0, 0, 0, 0 }, true },
        { "small", { 1e-30, 1e-20, 0, 1e-38 }, { 1, 1e-20, 0, 1 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int t = cases[i].only_f64; t < 2; t++) {
            bg_tensor *a = tensor_of(trial_engine(), eigen_types[t], BG_SHAPE(2, 2), cases[i].a);
            eigen_ran r = eigen_run(trial_engine(), build_exp, &a, 1);
            expect_ok(r.status, cases[i].name);
            double *y = eigen_output(&r, 0);
            for (int k = 0; k < 4; k++) {
                double allowed = 100 * matrix_epsilon(eigen_types[t]) * fmax(1, fabs(cases[i].y[k]));
                allowed = cases[i].y[k] == 1e-20 ? 1e-26 : allowed;
                ck_assert_msg(fabs(y[k] - cases[i].y[k]) <= allowed, "%s %s: element %d is %.17g, not %.17g",
                              cases[i].name, bg_dtype_name(eigen_types[t]), k, y[k], cases[i].y[k]);
            }
            free(y);
            bg_tensor_destroy(a);
            eigen_end(&r);
        }
}
END_TEST

/* ---- Equal eigenvalues ---- */

static bg_node *function_of(int which, bg_node *a)
{
    switch (which) {
    case 0:
        return bg_symmetric_sqrt(a);
    case 1:
        return bg_symmetric_inverse_sqrt(a);
    case 2:
        return bg_symmetric_exp(a);
    case 3:
        return bg_symmetric_log(a);
    case 4:
        return bg_symmetric_power(a, 2.7);
    case 5:
        return bg_symmetric_power(a, -3);
    case 6:
        return bg_lyapunov(a, bg_triu(a, 0));
    default:
        return bg_matrix_exp(a);
    }
}
enum { KINDS = 8 };
/* Gradients and second derivatives by differences at matrices whose eigenvalues are equal, all or in pairs. */
START_TEST(test_derivatives_at_equal_values)
{
    enum { N = 4 };
    for (int pairs = 0; pairs < 2; pairs++) {
        double values[N * N] = { 0 };
        for (int i = 0; i < N; i++)
            values[i * N + i] = pairs ? 1.5 + i / 2 : 2;
        bg_graph *graph = NULL;
        OK(bg_graph_create(&graph, trial_engine()));
        bg_tensor *tensor = tensor_of(trial_engine(), BG_F64, BG_SHAPE(N, N), values);
        bg_node *x = bg_parameter(graph, tensor);
        bg_node *y = function_of(_i, bg_mul_scalar(bg_add(x, bg_transpose(x, 0, 1)), 0.5));
        bg_gradcheck_report report;
        OK(bg_gradcheck(&y, 1, &x, 1, NULL, &report));
        ck_assert_int_gt(report.derivatives, 0);
        bg_tensor_destroy(tensor);
        bg_graph_destroy(graph);
    }
}
END_TEST

/* What fails as a graph: nothing that a matrix could change. */
START_TEST(test_third_derivative)
{
    bg_graph *graph = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(2, 2)), *sum = bg_symmetric_log(x), *dx = NULL;
    for (int order = 1; order <= 3; order++) {
        sum = bg_sum(bg_square(sum), BG_ALL_AXES);
        bg_status status = bg_grad(sum, &x, 1, &dx);
        if (order < 3)
            OK(status);
        else
            expect_failure(status, BG_ERR_GRADIENT, "symmetric_log: has no third derivative", "a third derivative");
        sum = dx;
    }
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_functions");
    TCase *tests = tcase_create("linalg_functions");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, test_roots, 0, EIGEN_SIZES);
    tcase_add_loop_test(tests, test_exponentials, 0, EIGEN_SIZES);
    tcase_add_test(tests, test_known_exponentials);
    tcase_add_loop_test(tests, test_derivatives_at_equal_values, 0, KINDS);
    tcase_add_test(tests, test_third_derivative);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
