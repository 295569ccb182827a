/* The QR factorisation by LAPACK's ratios, and least squares against known and computed answers. */
#include "support/counted.h"
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

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

/* ---- Factors ---- */

static const int64_t sizes[][3] = { { 1, 0, 0 },   { 1, 1, 1 },    { 1, 3, 0 },   { 1, 0, 3 },   { 2, 5, 3 },
                                    { 2, 3, 5 },   { 1, 20, 20 },  { 1, 40, 17 }, { 1, 17, 40 }, { 1, 65, 65 },
                                    { 1, 130, 9 }, { 1000, 4, 4 }, { 0, 4, 3 },   { 1000, 3, 2 } };

static int build_qr(bg_node *const *x, const void *context, bg_node **outputs)
{
    bg_qr_factors qr = bg_qr(x[0], *(const bool *)context);
    outputs[0] = qr.q;
    outputs[1] = qr.r;
    return 2;
}

static void check_factors(const int64_t *size, bg_dtype dtype, matrix_kind kind, bool is_complete)
{
    int64_t m = size[1], n = size[2], k = is_complete || m < n ? m : n;
    bg_tensor *a = matrix_batch(trial_engine(), dtype, size[0], m, n, kind), *out[2];
    char name[96];
    snprintf(name, sizeof name, "%s %s [%lld, %lld, %lld]%s", matrix_kind_names[kind], bg_dtype_name(dtype),
             (long long)size[0], (long long)m, (long long)n, is_complete ? " complete" : "");
    expect_ok(run_once(trial_engine(), &a, 1, build_qr, &is_complete, out), name);
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(out[0]), BG_SHAPE(size[0], m, k)) &&
                      bg_shape_equal(bg_tensor_shape(out[1]), BG_SHAPE(size[0], k, n)),
                  "%s: shapes", name);
    double *x = matrix_values(a), *q = matrix_values(out[0]), *r = matrix_values(out[1]);
    double epsilon = matrix_epsilon(dtype), most = (double)(m > n ? m : n);
    for (int64_t i = 0; i < size[0]; i++) {
        const double *ai = x + i * m * n, *qi = q + i * m * k, *ri = r + i * k * n;
        double error = matrix_error_1(qi, ri, ai, m, k, n), of = most * matrix_norm_1(ai, m, n) * epsilon;
        ck_assert_msg(error <= RATIO_MOST * of, "%s: matrix %lld: a - q r: ratio %g", name, (long long)i, error / of);
        error = matrix_not_orthogonal(qi, m, k);
        ck_assert_msg(error <= RATIO_MOST * (double)m * epsilon, "%s: matrix %lld: qᵀ q - 1: ratio %g", name,
                      (long long)i, error / ((double)m * epsilon));
        for (int64_t row = 1; row < k; row++)
            for (int64_t column = 0; column < row && column < n; column++)
                ck_assert_msg(ri[row * n + column] == 0, "%s: r is no triangle", name);
    }
    free(x);
    free(q);
    free(r);
    for (int i = 0; i < 2; i++)
        bg_tensor_destroy(out[i]);
    bg_tensor_destroy(a);
}

START_TEST(factors)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++)
        for (int flags = 0; flags < 4; flags++)
            check_factors(sizes[_i], flags & 1 ? BG_F64 : BG_F32, (matrix_kind)kind, flags & 2);
}
END_TEST

static int build_all(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_qr_factors qr = bg_qr(x[0], false);
    bg_node *solution = bg_lstsq(x[0], x[1], NULL);
    bg_node *sum =
        bg_sum(bg_add(bg_sum(bg_mul(qr.q, bg_square(qr.q)), BG_ALL_AXES), bg_sum(solution, BG_ALL_AXES)), BG_ALL_AXES);
    outputs[0] = qr.q;
    outputs[1] = qr.r;
    outputs[2] = solution;
    bg_grad(sum, x, 2, outputs + 3);
    return 5;
}

START_TEST(same_bits)
{
    bg_tensor *first[5] = { NULL };
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine = NULL;
        bg_tensor *out[5];
        expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "an engine");
        bg_tensor *a = matrix_batch(engine, BG_F32, 37, 9, 7, MATRIX_RANDOM);
        bg_tensor *b = matrix_batch(engine, BG_F32, 37, 9, 2, MATRIX_RANDOM);
        expect_ok(run_once(engine, (bg_tensor *[]){ a, b }, 2, build_all, NULL, out), "all");
        for (int i = 0; i < 5; i++) {
            size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(out[i])) * sizeof(float);
            if (threads > 1)
                ck_assert_msg(memcmp(bg_tensor_const_data(out[i]), bg_tensor_const_data(first[i]), bytes) == 0,
                              "output %d differs with %d threads", i, threads);
            if (threads > 1)
                bg_tensor_destroy(out[i]);
            else
                first[i] = out[i];
        }
        bg_tensor_destroy(a);
        bg_tensor_destroy(b);
        bg_engine_destroy(engine);
    }
    for (int i = 0; i < 5; i++)
        bg_tensor_destroy(first[i]);
}
END_TEST

/* ---- Errors ---- */

/* [3, 2, 4, 2] of numbers, of which matrix [1, 1] is spoilt. */
static bg_tensor *spoilt(bg_dtype dtype, double value, bool is_column)
{
    double values[48];
    for (int i = 0; i < 48; i++)
        values[i] = i % 7 + 0.5 * (i % 3) + 1;
    for (int row = 0; row < (is_column ? 4 : 1); row++)
        values[24 + 2 * row + 1] = is_column ? value * values[24 + 2 * row] : value;
    return tensor_of(trial_engine(), dtype, BG_SHAPE(3, 2, 4, 2), values);
}
static int build_thin(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_qr(x[0], false).r;
    return 1;
}
static int build_orthogonal(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_qr(x[0], false).q;
    return 1;
}
static int build_solution(bg_node *const *x, const void *context, bg_node **outputs)
{
    outputs[0] = bg_lstsq(x[0], x[1], context);
    return 1;
}
static void expect_refusal(bg_tensor *a, bg_tensor *b, run_build *build, const char *message)
{
    bg_tensor *out = NULL;
    FAILS(run_once(trial_engine(), (bg_tensor *[]){ a, b }, b ? 2 : 1, build, NULL, &out), BG_ERR_NUMERIC, message);
    ck_assert_ptr_null(out);
    bg_tensor_destroy(a);
}

START_TEST(errors)
{
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_tensor *b = spoilt(dtype, 2, false), *bad = spoilt(dtype, -INFINITY, false);
    expect_refusal(spoilt(dtype, NAN, false), NULL, build_thin, "qr: matrix [1, 1] of [3, 2]: a is nan at [0, 1]");
    expect_refusal(spoilt(dtype, INFINITY, false), NULL, build_thin, "qr: matrix [1, 1] of [3, 2]: a is inf at [0, 1]");
    expect_refusal(spoilt(dtype, _i ? DBL_MAX : (double)FLT_MAX, true), NULL, build_thin,
                   "qr: matrix [1, 1] of [3, 2]: a is inf at [0, 1]");
    expect_refusal(spoilt(dtype, 3, true), b, build_solution,
                   "lstsq: matrix [1, 1] of [3, 2]: a has not full rank: the diagonal of r goes from ");
    expect_refusal(spoilt(dtype, 1.0 / 3, true), b, build_solution,
                   "lstsq: matrix [1, 1] of [3, 2]: a has not full rank: the diagonal of r goes from ");
    expect_refusal(spoilt(dtype, 0, true), b, build_solution,
                   "lstsq: matrix [1, 1] of [3, 2]: a has not full rank: the diagonal of r goes from 0 to ");
    expect_refusal(spoilt(dtype, NAN, false), b, build_solution, "lstsq: matrix [1, 1] of [3, 2]: a is nan");
    expect_refusal(spoilt(dtype, 2, false), bad, build_solution, "lstsq: matrix [1, 1] of [3, 2]: b is -inf at [0, 1]");
    bg_tensor_destroy(b);
    bg_tensor_destroy(bad);
}
END_TEST

/* What is too large for the type is a status too. */
START_TEST(overflow)
{
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    double most = _i ? DBL_MAX : (double)FLT_MAX;
    expect_refusal(tensor_of(trial_engine(), dtype, BG_SHAPE(2, 1), (double[]){ most, most }), NULL, build_thin,
                   "qr: the length of a column is too large for the type");
    bg_tensor *b = tensor_of(trial_engine(), dtype, BG_SHAPE(1, 1), (double[]){ most });
    expect_refusal(tensor_of(trial_engine(), dtype, BG_SHAPE(1, 1), (double[]){ 0.5 }), b, build_solution,
                   "lstsq: the result is beyond the range of f");
    bg_tensor_destroy(b);
}
END_TEST

/* The gradient of b, of which it does not depend, keeps its digits where b is so small that a solution of a scaled
 * system has few left above the smallest normal number. */
static int build_side_gradient(bg_node *const *x, const void *context, bg_node **outputs)
{
    bg_node *solution = bg_lstsq(x[0], x[1], context);
    OK(bg_grad_from(&solution, &x[2], 1, &x[1], 1, outputs));
    return 1;
}
START_TEST(tiny_side)
{
    enum { ROWS = 300, COLUMNS = 200, SIDES = 2 };
    static const bg_shape shapes[] = { { 2, { ROWS, COLUMNS } }, { 2, { ROWS, SIDES } }, { 2, { COLUMNS, SIDES } } };
    bg_lstsq_options options = { .by_svd = _i };
    bg_tensor *inputs[3] = { NULL }, *gradients[2] = { NULL };
    draw d = draw_from(9);
    for (int k = 0; k < 3; k++) {
        OK(bg_tensor_create(&inputs[k], trial_engine(), BG_F64, shapes[k]));
        double *values = bg_tensor_data(inputs[k]);
        for (int64_t i = 0; i < bg_shape_count(shapes[k]); i++)
            values[i] = draw_between(&d, -1, 1);
    }
    for (int tiny = 0; tiny < 2; tiny++) {
        double *b = bg_tensor_data(inputs[1]);
        for (int i = 0; i < ROWS * SIDES && tiny; i++)
            b[i] = ldexp(b[i], -1015);
        OK(run_once(trial_engine(), inputs, 3, build_side_gradient, &options, &gradients[tiny]));
    }
    const double *expected = bg_tensor_const_data(gradients[0]), *got = bg_tensor_const_data(gradients[1]);
    for (int i = 0; i < ROWS * SIDES; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-13, "[%d] is %.17g, expected %.17g", i, got[i], expected[i]);
    for (int k = 0; k < 3; k++)
        bg_tensor_destroy(inputs[k]);
    bg_tensor_destroy(gradients[0]), bg_tensor_destroy(gradients[1]);
}
END_TEST

/* A column of nothing but numbers below the smallest normal one, in blocks. */
START_TEST(subnormal_column)
{
    enum { N = 128 };
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    double *a = malloc(N * N * sizeof *a), smallest = _i ? 0x1p-1074 : 0x1p-149;
    ck_assert_ptr_nonnull(a);
    draw d = draw_from(11);
    for (int i = 0; i < N * N; i++)
        a[i] = i % N == 0 ? smallest : draw_between(&d, -1, 1);
    bg_tensor *in = tensor_of(trial_engine(), dtype, BG_SHAPE(N, N), a), *out = NULL;
    OK(run_once(trial_engine(), &in, 1, build_orthogonal, NULL, &out));
    for (int i = 0; i < N * N; i++)
        a[i] = value_at(out, i);
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double product = 0;
            for (int k = 0; k < N; k++)
                product += a[k * N + i] * a[k * N + j];
            ck_assert_msg(fabs(product - (i == j)) <= N * (_i ? DBL_EPSILON : (double)FLT_EPSILON),
                          "columns %d and %d: %g", i, j, product);
        }
    bg_tensor_destroy(in), bg_tensor_destroy(out);
    free(a);
}
END_TEST

/* ---- The gradient of a complete q ---- */

START_TEST(complete_gradient)
{
    bg_graph *graph = NULL;
    bg_node *dx = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(4, 2));
    bg_qr_factors qr = bg_qr(x, true);
    OK(bg_grad(bg_sum(bg_narrow(qr.q, 1, 0, 2), BG_ALL_AXES), &x, 1, &dx));
    OK(bg_grad(bg_sum(qr.r, BG_ALL_AXES), &x, 1, &dx));
    FAILS(bg_grad(bg_sum(qr.q, BG_ALL_AXES), &x, 1, &dx), BG_ERR_GRADIENT,
          "qr: of a complete q only the first 2 of 4 columns have a gradient");
    bg_graph_destroy(graph);
}
END_TEST

/* ---- Least squares ---- */

static bg_tensor *matrix(bg_dtype dtype, bg_shape shape, const double *values)
{
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, counted_engine(), dtype, shape), "matrix");
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        if (dtype == BG_F32)
            ((float *)bg_tensor_data(tensor))[i] = (float)values[i];
        else if (dtype == BG_F64)
            ((double *)bg_tensor_data(tensor))[i] = values[i];
    }
    return tensor;
}

static double uniform(draw *d) { return draw_between(d, -1, 1); }

static const double lecture_x[] = { 1, 2.2, -2, 4, 1, 1.5, 5, -2, -1, -1 }, lecture_y[] = { 4, 0, 3, 8, -3.8 };

START_TEST(lecture)
{
    static const struct {
        bg_dtype dtype;
        double tolerance;
    } cases[] = { { BG_F64, 1e-8 }, { BG_F32, 1e-6 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bg_tensor *a = matrix(cases[i].dtype, BG_SHAPE(5, 2), lecture_x);
        bg_tensor *b = matrix(cases[i].dtype, BG_SHAPE(5, 1), lecture_y), *solution = NULL;
        expect_ok(solve_least(&solution, counted_engine(), a, b), bg_dtype_name(cases[i].dtype));
        ck_assert(bg_shape_equal(bg_tensor_shape(solution), BG_SHAPE(2, 1)));
        double w[2] = { 0 };
        for (int j = 0; j < 2; j++)
            expect_ok(bg_tensor_item(solution, j, &w[j]), "item");
        ck_assert_msg(fabs(w[0] - 1.99670633) <= cases[i].tolerance && fabs(w[1] - 0.98455657) <= cases[i].tolerance,
                      "%s: %.10f %.10f", bg_dtype_name(cases[i].dtype), w[0], w[1]);
        bg_tensor_destroy(a);
        bg_tensor_destroy(b);
        bg_tensor_destroy(solution);
    }
}
END_TEST

static const struct {
    int64_t m, n, r;
    double scale;
} solved[] = {
    { 1, 1, 1, 1 },       { 5, 5, 2, 1 },      { 40, 7, 3, 1 },     { 200, 60, 5, 1 },
    { 30, 4, 1, 1e-200 }, { 30, 4, 1, 1e200 }, { 300, 100, 70, 1 },
};

/* The residual is at right angles to the columns of a; both are views, column by column in memory. */
START_TEST(normal_equations)
{
    int64_t m = solved[_i].m, n = solved[_i].n, r = solved[_i].r;
    bg_tensor *at = NULL, *bt = NULL, *a = NULL, *b = NULL, *solution = NULL;
    expect_ok(bg_tensor_create(&at, counted_engine(), BG_F64, BG_SHAPE(n, m)), "a");
    expect_ok(bg_tensor_create(&bt, counted_engine(), BG_F64, BG_SHAPE(r, m)), "b");
    draw d = draw_from(6);
    double *av = bg_tensor_data(at), *bv = bg_tensor_data(bt);
    for (int64_t i = 0; i < n * m; i++)
        av[i] = uniform(&d) * solved[_i].scale;
    for (int64_t i = 0; i < r * m; i++)
        bv[i] = uniform(&d);
    expect_ok(bg_tensor_permute(&a, at, BG_ALL_AXES), "a");
    expect_ok(bg_tensor_permute(&b, bt, BG_ALL_AXES), "b");
    expect_ok(solve_least(&solution, counted_engine(), a, b), "lstsq");
    const double *x = bg_tensor_const_data(solution);
    for (int64_t q = 0; q < r; q++)
        for (int64_t j = 0; j < n; j++) {
            long double dot = 0, size = 0;
            for (int64_t i = 0; i < m; i++) {
                long double residual = -bv[q * m + i], terms = fabsl(residual);
                for (int64_t p = 0; p < n; p++) {
                    long double term = (long double)av[p * m + i] * x[p * r + q];
                    residual += term;
                    terms += fabsl(term);
                }
                dot += residual * (av[j * m + i] / solved[_i].scale);
                size += terms * fabsl((long double)av[j * m + i] / solved[_i].scale);
            }
            ck_assert_msg(fabsl(dot) <= 30 * (long double)DBL_EPSILON * size, "case %d: [%lld, %lld]: %Lg of %Lg", _i,
                          (long long)j, (long long)q, dot, size);
        }
    bg_tensor_destroy(at);
    bg_tensor_destroy(bt);
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
    bg_tensor_destroy(solution);
}
END_TEST

/* ---- With a ridge ---- */

/* Extents of a; with fewer rows than columns too. */
static const int64_t penalized[][2] = { { 9, 4 }, { 4, 4 }, { 3, 7 } };

static int build_ridge(bg_node *const *x, const void *context, bg_node **outputs)
{
    outputs[0] = bg_lstsq(x[0], x[1], &(bg_lstsq_options){ .ridge = *(const double *)context });
    bg_grad(bg_sum(bg_mul(outputs[0], x[2]), BG_ALL_AXES), &x[1], 1, outputs + 1);
    return 2;
}
/* Solution and gradient for a · 2^power and a ridge in its units; to be freed. */
static void solve_scaled(bg_dtype dtype, int64_t m, int64_t n, int power, double *results[2])
{
    draw d = draw_from(8);
    double a[64], b[32], dx[32], factor = ldexp(1, power), ridge = 0.3 * factor * factor;
    for (int64_t i = 0; i < m * n; i++)
        a[i] = uniform(&d) * factor;
    for (int64_t i = 0; i < 2 * m; i++)
        b[i] = uniform(&d);
    for (int64_t i = 0; i < 2 * n; i++)
        dx[i] = uniform(&d);
    bg_tensor *inputs[] = { matrix(dtype, BG_SHAPE(m, n), a), matrix(dtype, BG_SHAPE(m, 2), b),
                            matrix(dtype, BG_SHAPE(n, 2), dx) };
    bg_tensor *out[2];
    expect_ok(run_once(counted_engine(), inputs, 3, build_ridge, &ridge, out), "ridge");
    for (int i = 0; i < 2; i++) {
        results[i] = matrix_values(out[i]);
        bg_tensor_destroy(out[i]);
    }
    for (int i = 0; i < 3; i++)
        bg_tensor_destroy(inputs[i]);
}
/* The same bits in any units, also where squares are beyond the type. */
START_TEST(ridge_scaled)
{
    int64_t m = penalized[_i][0], n = penalized[_i][1];
    for (int wide = 0; wide < 2; wide++) {
        bg_dtype dtype = wide ? BG_F64 : BG_F32;
        double *expected[2];
        solve_scaled(dtype, m, n, 0, expected);
        for (int sign = -1; sign <= 1; sign += 2) {
            int power = sign * (wide ? 500 : 100);
            double *found[2];
            solve_scaled(dtype, m, n, power, found);
            for (int64_t i = 0; i < 2 * n; i++)
                ck_assert_msg(ldexp(found[0][i], power) == expected[0][i], "%s, 2^%d: x[%d] is %g, not %g",
                              bg_dtype_name(dtype), power, (int)i, ldexp(found[0][i], power), expected[0][i]);
            for (int64_t i = 0; i < 2 * m; i++)
                ck_assert_msg(ldexp(found[1][i], power) == expected[1][i], "%s, 2^%d: db[%d] is %g, not %g",
                              bg_dtype_name(dtype), power, (int)i, ldexp(found[1][i], power), expected[1][i]);
            free(found[0]), free(found[1]);
        }
        free(expected[0]), free(expected[1]);
    }
}
END_TEST

/* aᵀ · (b - a · x) = ridge · x to the rounding of aᵀ · b, also where the ridge is far above a. */
START_TEST(ridge_of_any_size)
{
    int64_t m = penalized[_i][0], n = penalized[_i][1];
    for (int power = -16; power <= 40; power += 8)
        for (int wide = 0; wide < 2; wide++) {
            draw d = draw_from(9);
            double values[2][64], ridge = ldexp(1, power);
            for (int i = 0; i < 128; i++)
                values[i / 64][i % 64] = uniform(&d);
            bg_dtype dtype = wide ? BG_F64 : BG_F32;
            bg_tensor *inputs[] = { matrix(dtype, BG_SHAPE(m, n), values[0]), matrix(dtype, BG_SHAPE(m, 2), values[1]),
                                    matrix(dtype, BG_SCALAR, (double[]){ 1 }) };
            bg_tensor *out[2];
            expect_ok(run_once(counted_engine(), inputs, 3, build_ridge, &ridge, out), "ridge");
            double *a = matrix_values(inputs[0]), *b = matrix_values(inputs[1]), *x = matrix_values(out[0]);
            for (int64_t j = 0; j < n; j++)
                for (int64_t q = 0; q < 2; q++) {
                    long double sum = -(long double)ridge * x[j * 2 + q], size = fabsl(sum);
                    for (int64_t i = 0; i < m; i++) {
                        long double residual = b[i * 2 + q], terms = fabsl(residual);
                        for (int64_t k = 0; k < n; k++) {
                            residual -= (long double)a[i * n + k] * x[k * 2 + q];
                            terms += fabsl((long double)a[i * n + k] * x[k * 2 + q]);
                        }
                        sum += a[i * n + j] * residual;
                        size += fabsl(a[i * n + j] * terms);
                    }
                    ck_assert_msg(fabsl(sum) <= 30 * (long double)matrix_epsilon(dtype) * size,
                                  "%s, ridge 2^%d: [%d, %d]: %Lg of %Lg", bg_dtype_name(dtype), power, (int)j, (int)q,
                                  sum, size);
                }
            free(a), free(b), free(x);
            for (int i = 0; i < 2; i++)
                bg_tensor_destroy(out[i]);
            for (int i = 0; i < 3; i++)
                bg_tensor_destroy(inputs[i]);
        }
}
END_TEST

START_TEST(no_elements)
{
    static const int64_t shapes[][3] = { { 0, 0, 0 }, { 3, 0, 2 }, { 3, 2, 0 }, { 0, 0, 4 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        static const double values[12] = { 1, 2, 3, 5, 8, 1 };
        const int64_t *s = shapes[i];
        bg_tensor *a = matrix(BG_F64, BG_SHAPE(s[0], s[1]), values), *b = matrix(BG_F64, BG_SHAPE(s[0], s[2]), values);
        bg_tensor *solution = NULL;
        expect_ok(solve_least(&solution, counted_engine(), a, b), "no elements");
        ck_assert(bg_shape_equal(bg_tensor_shape(solution), BG_SHAPE(s[1], s[2])));
        bg_tensor_destroy(a);
        bg_tensor_destroy(b);
        bg_tensor_destroy(solution);
    }
}
END_TEST

START_TEST(out_of_memory)
{
    bg_tensor *a = matrix(BG_F64, BG_SHAPE(5, 2), lecture_x), *b = matrix(BG_F64, BG_SHAPE(5, 1), lecture_y);
    bg_status status = BG_ERR_NOMEM;
    int failures = 0;
    for (long long n = 1; status != BG_OK; n++, failures++) {
        long long live = counted_memory()->live;
        bg_tensor *solution = NULL;
        counted_memory()->fail_at = counted_memory()->calls + n;
        status = solve_least(&solution, counted_engine(), a, b);
        ck_assert_msg(status == BG_OK || (status == BG_ERR_NOMEM && !solution), "allocation %lld", n);
        bg_tensor_destroy(solution);
        ck_assert_int_eq((int)counted_memory()->live, (int)live);
    }
    ck_assert_int_ge(failures, 6);
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_qr");
    TCase *cases = tcase_create("qr");
    tcase_add_checked_fixture(cases, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(cases, factors, 0, COUNT(sizes));
    tcase_add_test(cases, same_bits);
    tcase_add_loop_test(cases, errors, 0, 2);
    tcase_add_loop_test(cases, overflow, 0, 2);
    tcase_add_loop_test(cases, tiny_side, 0, 2);
    tcase_add_loop_test(cases, subnormal_column, 0, 2);
    tcase_add_test(cases, complete_gradient);
    suite_add_tcase(suite, cases);
    TCase *solutions = tcase_create("lstsq");
    tcase_add_checked_fixture(solutions, counted_begin, counted_end);
    tcase_add_test(solutions, lecture);
    tcase_add_loop_test(solutions, normal_equations, 0, COUNT(solved));
    tcase_add_loop_test(solutions, ridge_scaled, 0, COUNT(penalized));
    tcase_add_loop_test(solutions, ridge_of_any_size, 0, COUNT(penalized));
    tcase_add_test(solutions, no_elements);
    tcase_add_test(solutions, out_of_memory);
    suite_add_tcase(suite, solutions);
    return run_suite(suite);
}
