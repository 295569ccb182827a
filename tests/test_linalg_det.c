/* Determinants and cofactors against long double, logarithms beyond the range of numbers, and powers. */
#include "support/matrices.h"
#include "support/run_once.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void destroy(bg_tensor **tensors, int count)
{
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(tensors[i]);
}

/* ---- Determinants ---- */

/* By elimination with complete pivoting in long double. */
static long double determinant_of(const double *a, int64_t n)
{
    long double *x = malloc(((size_t)(n * n) + 1) * sizeof *x), det = 1;
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < n * n; i++)
        x[i] = a[i];
    for (int64_t k = 0; k < n; k++) {
        int64_t row = k, column = k;
        for (int64_t i = k; i < n; i++)
            for (int64_t j = k; j < n; j++)
                if (fabsl(x[i * n + j]) > fabsl(x[row * n + column]))
                    row = i, column = j;
        for (int64_t j = 0; j < n; j++) {
            long double moved = x[k * n + j];
            x[k * n + j] = x[row * n + j];
            x[row * n + j] = moved;
        }
        for (int64_t i = 0; i < n; i++) {
            long double moved = x[i * n + k];
            x[i * n + k] = x[i * n + column];
            x[i * n + column] = moved;
        }
        det *= (row != k) == (column != k) ? x[k * n + k] : -x[k * n + k];
        for (int64_t i = k + 1; i < n && x[k * n + k] != 0; i++) {
            long double factor = x[i * n + k] / x[k * n + k];
            for (int64_t j = k; j < n; j++)
                x[i * n + j] -= factor * x[k * n + j];
        }
    }
    free(x);
    return det;
}
static long double cofactor_of(const double *a, int64_t n, int64_t row, int64_t column)
{
    double *rest = malloc(((size_t)(n * n) + 1) * sizeof *rest);
    ck_assert_ptr_nonnull(rest);
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (i != row && j != column)
                rest[at++] = a[i * n + j];
    long double det = determinant_of(rest, n - 1);
    free(rest);
    return (row + column) % 2 ? -det : det;
}

static int build_determinants(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_signed_log log = bg_slogdet(x[0]);
    outputs[0] = log.sign;
    outputs[1] = log.logabs;
    return 2;
}
static int build_det(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_det(x[0]);
    bg_grad(bg_sum(outputs[0], BG_ALL_AXES), x, 1, &outputs[1]);
    return 2;
}

/* What rounding of the elements may make of det a: n eps Σ |a_ij · cofactor_ij|; of a cofactor, the same of what is
 * left of a, whose cofactors are below the products of norms. */
static void check_determinants(const int64_t *size, bg_dtype dtype, matrix_kind kind)
{
    int64_t batch = size[0], n = size[1];
    char name[96];
    snprintf(name, sizeof name, "%s %s [%d, %d, %d]", matrix_kind_names[kind], bg_dtype_name(dtype), (int)batch, (int)n,
             (int)n);
    bg_tensor *a = matrix_batch(trial_engine(), dtype, batch, n, n, kind), *out[2], *logs[2];
    expect_ok(run_once(trial_engine(), &a, 1, build_determinants, NULL, logs), name);
    double *av = matrix_values(a), largest = dtype == BG_F64 ? DBL_MAX : (double)FLT_MAX;
    bool is_beyond = false;
    for (int64_t i = 0; i < batch; i++)
        is_beyond = is_beyond || fabsl(determinant_of(av + i * n * n, n)) > (long double)largest;
    bg_status status = run_once(trial_engine(), &a, 1, build_det, NULL, out);
    ck_assert_msg(status == (is_beyond ? BG_ERR_NUMERIC : BG_OK), "%s: %s", name, bg_last_error());
    for (int64_t i = 0; i < batch; i++) {
        const double *ai = av + i * n * n;
        long double det = determinant_of(ai, n), allowed = 0;
        for (int64_t k = 0; k < n * n; k++)
            allowed += fabsl(ai[k] * cofactor_of(ai, n, k / n, k % n));
        allowed *= RATIO_MOST * (double)(n + 1) * matrix_epsilon(dtype);
        double sign = value_at(logs[0], i), log = value_at(logs[1], i);
        ck_assert_msg(n > 0 || (sign == 1 && log == 0), "%s: of nothing %g %g", name, sign, log);
        long double again = sign == 0 ? 0 : (long double)sign * expl((long double)log);
        ck_assert_msg(fabsl(again - det) <=
                          allowed + fabsl(det) * (sign == 0 ? 0 : 8 + 2 * fabsl(log)) * matrix_epsilon(dtype),
                      "%s: %g e^%g, not %Lg", name, sign, log, det);
        ck_assert_msg(sign != 0 || log == -INFINITY, "%s: sign 0, logarithm %g", name, log);
        if (status)
            continue;
        double found = value_at(out[0], i), least = dtype == BG_F64 ? DBL_MIN : (double)FLT_MIN;
        ck_assert_msg(fabsl(found - det) <= allowed + least, "%s: matrix %d: %g, not %Lg within %Lg", name, (int)i,
                      found, det, allowed);
        double norm = matrix_norm_1(ai, n, n);
        for (int64_t k = 0; k < n * n; k++) {
            long double cofactor = cofactor_of(ai, n, k / n, k % n), error = value_at(out[1], i * n * n + k) - cofactor;
            long double of = RATIO_MOST * (double)n * matrix_epsilon(dtype) * powl(norm, (long double)(n - 1)) + least;
            ck_assert_msg(fabsl(error) <= of, "%s: matrix %d: cofactor %d is off by %Lg of %Lg", name, (int)i, (int)k,
                          error, cofactor);
        }
    }
    free(av);
    if (!status)
        destroy(out, 2);
    destroy(logs, 2);
    bg_tensor_destroy(a);
}
START_TEST(determinants)
{
    static const int64_t shapes[][2] = { { 1, 0 }, { 1, 1 },  { 3, 2 }, { 2, 3 },   { 2, 5 },
                                         { 1, 9 }, { 1, 18 }, { 0, 3 }, { 1000, 2 } };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int kind = 0; kind < MATRIX_KINDS; kind++)
            /* 1e300 to the power of 18 is no long double. */
            if (kind != MATRIX_HUGE || shapes[s][1] < 10)
                check_determinants(shapes[s], _i ? BG_F64 : BG_F32, (matrix_kind)kind);
}
END_TEST

static int build_logdets(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_logdet(x[0]);
    outputs[1] = bg_logdet_spd(x[0], BG_LOWER);
    outputs[2] = bg_logdet_spd(x[0], BG_UPPER);
    return 3;
}
/* A determinant of 1e±2000 has a logarithm. */
START_TEST(logarithms)
{
    for (int k = 0; k < 4; k++) {
        bg_dtype dtype = k % 2 ? BG_F64 : BG_F32;
        int64_t n = 70;
        double size = k < 2 ? 1e-30 : 1e30, expected = 0;
        double *x = calloc((size_t)(n * n), sizeof *x);
        ck_assert_ptr_nonnull(x);
        for (int64_t i = 0; i < n; i++) {
            x[i * n + i] = size * (double)(i + 1);
            expected += log((double)(i + 1)) + log(size);
        }
        bg_tensor *a = tensor_of(trial_engine(), dtype, BG_SHAPE(n, n), x), *out[3];
        OK(run_once(trial_engine(), &a, 1, build_logdets, NULL, out));
        for (int of = 0; of < 3; of++)
            expect_near("logarithm", value_at(out[of], 0), expected, 1e2 * fabs(expected) * matrix_epsilon(dtype));
        free(x);
        destroy(out, 3);
        bg_tensor_destroy(a);
    }
}
END_TEST

/* ---- Powers ---- */

/* Products in the chains, as they are known: the binary method takes 6 for 15, 8 for 23, 8 for 33. */
START_TEST(powers)
{
    static const int known[][2] = { { 1, 0 },  { 2, 1 },  { 3, 2 },  { 7, 4 },   { 15, 5 },
                                    { 23, 6 }, { 33, 6 }, { 64, 6 }, { 100, 8 }, { 1000, 12 } };
    int64_t exponent = known[_i][0];
    bg_graph *graph = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(2, 2)), *y = bg_matrix_power(x, exponent);
    ck_assert_ptr_nonnull(y);
    ck_assert_int_eq(graph->count - 2, known[_i][1]);
    bg_program *program = NULL;
    OK(bg_compile(&program, graph, &y, 1, NULL));
    double angle = 0.7;
    bg_tensor *a = tensor_of(trial_engine(), BG_F64, BG_SHAPE(2, 2),
                             (double[]){ cos(angle), -sin(angle), sin(angle), cos(angle) });
    OK(bg_program_bind(program, x, a));
    OK(bg_program_run(program));
    expect_near("the turned cosine", value_at(bg_program_output(program, 0), 0), cos((double)exponent * angle),
                1e-14 * (double)(exponent + 10));
    expect_near("the turned sine", value_at(bg_program_output(program, 0), 2), sin((double)exponent * angle),
                1e-14 * (double)(exponent + 10));
    bg_program_destroy(program);
    bg_tensor_destroy(a);
    bg_graph_destroy(graph);
}
END_TEST

/* The largest exponents: of 1 and -1 alone are the powers numbers. */
static int build_extreme(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_matrix_power(x[0], INT64_MAX);
    outputs[1] = bg_matrix_power(x[0], INT64_MIN);
    return 2;
}
START_TEST(extreme_powers)
{
    bg_tensor *a = tensor_of(trial_engine(), BG_F64, BG_SHAPE(1, 1), (double[]){ -1 }), *out[2];
    OK(run_once(trial_engine(), &a, 1, build_extreme, NULL, out));
    ck_assert_double_eq(value_at(out[0], 0), -1);
    ck_assert_double_eq(value_at(out[1], 0), 1);
    destroy(out, 2);
    bg_tensor_destroy(a);
    a = tensor_of(trial_engine(), BG_F64, BG_SHAPE(1, 1), (double[]){ 2 });
    FAILS(run_once(trial_engine(), &a, 1, build_extreme, NULL, out), BG_ERR_NUMERIC,
          "matrix_power: the result is inf at [0, 0]");
    bg_tensor_destroy(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_det");
    TCase *tests = tcase_create("linalg");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, determinants, 0, 2);
    tcase_add_test(tests, logarithms);
    tcase_add_loop_test(tests, powers, 0, 10);
    tcase_add_test(tests, extreme_powers);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
