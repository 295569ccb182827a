/* LU and what is computed by it: LAPACK's ratios, determinants against sums in long double, errors that name the matrix
 * and the pivot, and the same bits for any number of threads. */
#include "support/matrices.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Running ---- */

enum { MOST_OUTPUTS = 8 };
typedef int build_of(bg_node *const *x, bg_node **outputs);

/* The outputs of a graph of these inputs, which the caller destroys; NULL after a failure. */
static bg_status compute(bg_engine *engine, build_of *build, bg_tensor *const *inputs, int n, bg_tensor **outputs)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_node *x[4], *made[MOST_OUTPUTS];
    OK(bg_graph_create(&graph, engine));
    for (int i = 0; i < n; i++)
        x[i] = bg_input(graph, "x", bg_tensor_dtype(inputs[i]), bg_tensor_shape(inputs[i]));
    int count = build(x, made);
    for (int i = 0; i < count; i++)
        outputs[i] = NULL;
    OK(bg_compile(&program, graph, made, (size_t)count, NULL));
    for (int i = 0; i < n; i++)
        OK(bg_program_bind(program, x[i], inputs[i]));
    bg_status status = bg_program_run(program);
    for (int i = 0; i < count && !status; i++) {
        const bg_tensor *from = bg_program_output(program, (size_t)i);
        OK(bg_tensor_create(&outputs[i], engine, bg_tensor_dtype(from), bg_tensor_shape(from)));
        OK(bg_tensor_copy(outputs[i], from));
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    return status;
}
static void destroy(bg_tensor **tensors, int count)
{
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(tensors[i]);
}

static const struct {
    int64_t batch, m, n;
} sizes[] = {
    { 1, 0, 0 },   { 1, 1, 1 },   { 1, 3, 0 },    { 1, 0, 3 },      { 2, 5, 3 },    { 2, 3, 5 },     { 3, 4, 4 },
    { 1, 16, 16 }, { 1, 17, 17 }, { 1, 40, 17 },  { 1, 17, 40 },    { 1, 65, 65 },  { 1, 130, 9 },   { 1, 9, 130 },
    { 0, 4, 4 },   { 1, 33, 33 }, { 1000, 4, 4 }, { 1000, 17, 17 }, { 1000, 3, 2 }, { 1, 150, 150 },
};
enum { SIZES = (int)(sizeof sizes / sizeof sizes[0]) };

static void name_case(char *name, size_t room, int size, bg_dtype dtype, matrix_kind kind)
{
    snprintf(name, room, "%s %s [%d, %d, %d]", matrix_kind_names[kind], bg_dtype_name(dtype), (int)sizes[size].batch,
             (int)sizes[size].m, (int)sizes[size].n);
}

/* ---- Factors ---- */

static int build_lu(bg_node *const *x, bg_node **outputs)
{
    bg_lu_factors lu = bg_lu(x[0]);
    outputs[0] = lu.lower;
    outputs[1] = lu.upper;
    outputs[2] = lu.permutation;
    return 3;
}

/* ‖l u - p a‖ <= 30 m ‖a‖ eps; l is unit lower with no element above 1, u is upper, p a permutation. */
static void check_factors(int size, bg_dtype dtype, matrix_kind kind)
{
    int64_t batch = sizes[size].batch, m = sizes[size].m, n = sizes[size].n, k = m < n ? m : n;
    char name[96];
    name_case(name, sizeof name, size, dtype, kind);
    bg_tensor *a = matrix_batch(trial_engine(), dtype, batch, m, n, kind), *out[3];
    expect_ok(compute(trial_engine(), build_lu, &a, 1, out), name);
    double *av = matrix_values(a), *l = matrix_values(out[0]), *u = matrix_values(out[1]), *p = matrix_values(out[2]);
    double *turned = malloc(((size_t)(m * n) + 1) * sizeof *turned);
    ck_assert_ptr_nonnull(turned);
    for (int64_t i = 0; i < batch; i++) {
        const double *li = l + i * m * k, *ui = u + i * k * n, *pi = p + i * m;
        for (int64_t row = 0; row < m; row++) {
            int64_t from = (int64_t)pi[row], seen = 0;
            ck_assert_msg(from >= 0 && from < m, "%s: row %d is %d", name, (int)row, (int)from);
            for (int64_t other = 0; other < m; other++)
                seen += pi[other] == pi[row];
            ck_assert_msg(seen == 1, "%s: row %d is there twice", name, (int)from);
            memcpy(turned + row * n, av + (i * m + from) * n, (size_t)n * sizeof *turned);
            for (int64_t column = 0; column < k; column++) {
                double x = li[row * k + column];
                ck_assert_msg(column < row ? fabs(x) <= 1 : x == (column == row), "%s: lower[%d, %d] is %g", name,
                              (int)row, (int)column, x);
            }
            for (int64_t column = 0; column < row && row < k && column < n; column++)
                ck_assert_msg(ui[row * n + column] == 0, "%s: upper is no triangle", name);
        }
        double error = matrix_error_1(li, ui, turned, m, k, n);
        double of = (double)(m > n ? m : n) * matrix_norm_1(turned, m, n) * matrix_epsilon(dtype);
        ck_assert_msg(error <= RATIO_MOST * of, "%s: matrix %d: ratio %g", name, (int)i, error / of);
    }
    free(turned), free(av), free(l), free(u), free(p);
    destroy(out, 3);
    bg_tensor_destroy(a);
}
START_TEST(factors)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        check_factors(_i, BG_F32, (matrix_kind)kind);
        check_factors(_i, BG_F64, (matrix_kind)kind);
    }
}
END_TEST

/* ---- Solutions ---- */

static int build_solutions(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_solve(x[0], x[1]);
    outputs[1] = bg_lu_solve(bg_lu(x[0]), x[1]);
    outputs[2] = bg_inv(x[0]);
    return 3;
}

/* x · y - b by its size: ‖a x - b‖ <= 30 ‖a‖ ‖x‖ eps, by columns as LAPACK's tester has it. */
static double worst_ratio(const double *a, const double *x, const double *b, int64_t n, int64_t r, double epsilon)
{
    double worst = 0;
    double *column = malloc(((size_t)(2 * n) + 1) * sizeof *column);
    ck_assert_ptr_nonnull(column);
    for (int64_t j = 0; j < r; j++) {
        for (int64_t i = 0; i < n; i++) {
            column[i] = x[i * r + j];
            column[n + i] = b[i * r + j];
        }
        double error = matrix_error_1(a, column, column + n, n, n, 1);
        double of = matrix_norm_1(a, n, n) * matrix_norm_1(column, n, 1) * epsilon;
        double ratio = error == 0 ? 0 : error / of;
        worst = ratio <= worst ? worst : ratio;
    }
    free(column);
    return worst;
}
static void check_solutions(int size, bg_dtype dtype, matrix_kind kind)
{
    int64_t batch = sizes[size].batch, n = sizes[size].n, r = n < 5 ? n : 5;
    if (sizes[size].m != n)
        return;
    char name[96];
    name_case(name, sizeof name, size, dtype, kind);
    bg_tensor *a = matrix_batch(trial_engine(), dtype, batch, n, n, kind), *out[3];
    bg_tensor *b = matrix_batch(trial_engine(), dtype, batch, n, r, MATRIX_RANDOM);
    bg_status status = compute(trial_engine(), build_solutions, (bg_tensor *[]){ a, b }, 2, out);
    if (kind == MATRIX_ZERO && n > 0 && batch > 0) {
        ck_assert_msg(status == BG_ERR_NUMERIC && strstr(bg_last_error(), "a is singular: pivot 1 of "), "%s: %s", name,
                      bg_last_error());
        destroy((bg_tensor *[]){ a, b }, 2);
        return;
    }
    if (kind == MATRIX_NEARLY_SINGULAR && batch > 1 && status == BG_ERR_NUMERIC) {
        /* Among so many some are singular to the last bit. */
        ck_assert_msg(strstr(bg_last_error(), "a is singular: pivot "), "%s: %s", name, bg_last_error());
        destroy((bg_tensor *[]){ a, b }, 2);
        return;
    }
    expect_ok(status, name);
    double *av = matrix_values(a), *bv = matrix_values(b), *y = matrix_values(out[2]);
    double *unit = calloc((size_t)(n * n) + 1, sizeof *unit);
    ck_assert_ptr_nonnull(unit);
    for (int64_t i = 0; i < n; i++)
        unit[i * n + i] = 1;
    for (int k = 0; k < 2; k++) {
        double *x = matrix_values(out[k]);
        for (int64_t i = 0; i < batch; i++) {
            double ratio = worst_ratio(av + i * n * n, x + i * n * r, bv + i * n * r, n, r, matrix_epsilon(dtype));
            ck_assert_msg(ratio <= RATIO_MOST, "%s: matrix %d: solve %d: ratio %g", name, (int)i, k, ratio);
        }
        free(x);
    }
    for (int64_t i = 0; i < batch && n > 0; i++) {
        double error = matrix_error_1(av + i * n * n, y + i * n * n, unit, n, n, n);
        double of = (double)n * matrix_norm_1(av + i * n * n, n, n) * matrix_norm_1(y + i * n * n, n, n) *
                    matrix_epsilon(dtype);
        ck_assert_msg(error <= RATIO_MOST * of, "%s: matrix %d: inverse: ratio %g", name, (int)i, error / of);
    }
    free(av), free(bv), free(y), free(unit);
    destroy(out, 3);
    destroy((bg_tensor *[]){ a, b }, 2);
}
START_TEST(solutions)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++) {
        check_solutions(_i, BG_F32, (matrix_kind)kind);
        check_solutions(_i, BG_F64, (matrix_kind)kind);
    }
}
END_TEST

static int build_spd(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_solve_spd(x[0], x[1], BG_LOWER);
    outputs[1] = bg_solve_spd(x[0], x[1], BG_UPPER);
    return 2;
}
/* gᵀ · g with a diagonal that keeps it positive definite after rounding. */
static bg_tensor *positive_batch(bg_dtype dtype, int64_t batch, int64_t n, double size)
{
    bg_tensor *g = matrix_batch(trial_engine(), BG_F64, batch, n, n, MATRIX_RANDOM);
    double *x = matrix_values(g), *y = calloc((size_t)(batch * n * n) + 1, sizeof *y);
    ck_assert_ptr_nonnull(y);
    for (int64_t i = 0; i < batch * n; i++)
        for (int64_t j = 0; j < n; j++) {
            const double *matrix = x + i / n * n * n;
            for (int64_t k = 0; k < n; k++)
                y[i * n + j] += matrix[k * n + i % n] * matrix[k * n + j] * size;
            y[i * n + j] += i % n == j ? size * 1e-3 : 0;
        }
    bg_tensor *made = tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n, n), y);
    free(x), free(y);
    bg_tensor_destroy(g);
    return made;
}
START_TEST(positive_definite)
{
    int64_t batch = sizes[_i].batch, n = sizes[_i].n, r = 3;
    if (sizes[_i].m != n)
        return;
    for (int k = 0; k < 6; k++) {
        bg_dtype dtype = k % 2 ? BG_F64 : BG_F32;
        double size = k < 2 ? 1 : k < 4 ? (k % 2 ? 1e250 : 1e30) : (k % 2 ? 1e-250 : 1e-30);
        char name[96];
        name_case(name, sizeof name, _i, dtype, MATRIX_RANDOM);
        bg_tensor *a = positive_batch(dtype, batch, n, size), *out[2];
        bg_tensor *b = matrix_batch(trial_engine(), dtype, batch, n, r, MATRIX_RANDOM);
        expect_ok(compute(trial_engine(), build_spd, (bg_tensor *[]){ a, b }, 2, out), name);
        double *av = matrix_values(a), *bv = matrix_values(b);
        for (int of = 0; of < 2; of++) {
            double *x = matrix_values(out[of]);
            for (int64_t i = 0; i < batch; i++) {
                double ratio = worst_ratio(av + i * n * n, x + i * n * r, bv + i * n * r, n, r, matrix_epsilon(dtype));
                ck_assert_msg(ratio <= RATIO_MOST, "%s times %g: ratio %g", name, size, ratio);
            }
            free(x);
        }
        free(av), free(bv);
        destroy(out, 2);
        destroy((bg_tensor *[]){ a, b }, 2);
    }
}
END_TEST

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

static int build_determinants(bg_node *const *x, bg_node **outputs)
{
    bg_signed_log log = bg_slogdet(x[0]);
    outputs[0] = log.sign;
    outputs[1] = log.logabs;
    return 2;
}
static int build_det(bg_node *const *x, bg_node **outputs)
{
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
    expect_ok(compute(trial_engine(), build_determinants, &a, 1, logs), name);
    double *av = matrix_values(a), largest = dtype == BG_F64 ? DBL_MAX : (double)FLT_MAX;
    bool is_beyond = false;
    for (int64_t i = 0; i < batch; i++)
        is_beyond = is_beyond || fabsl(determinant_of(av + i * n * n, n)) > (long double)largest;
    bg_status status = compute(trial_engine(), build_det, &a, 1, out);
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

static int build_logdets(bg_node *const *x, bg_node **outputs)
{
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
        OK(compute(trial_engine(), build_logdets, &a, 1, out));
        for (int of = 0; of < 3; of++)
            expect_near("logarithm", value_at(out[of], 0), expected, 1e2 * fabs(expected) * matrix_epsilon(dtype));
        free(x);
        destroy(out, 3);
        bg_tensor_destroy(a);
    }
}
END_TEST

/* ---- Three diagonals ---- */

static int build_tridiagonal(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_solve_tridiagonal(x[0], x[1], x[2], x[3]);
    return 1;
}
static void check_tridiagonal(int64_t batch, int64_t n, bg_dtype dtype, matrix_kind kind)
{
    int64_t beside = n > 0 ? n - 1 : 0, r = 3;
    char name[96];
    snprintf(name, sizeof name, "%s %s tridiagonal [%d, %d, %d]", matrix_kind_names[kind], bg_dtype_name(dtype),
             (int)batch, (int)n, (int)n);
    bg_tensor *whole = matrix_batch(trial_engine(), dtype, batch, n, n, kind);
    double *x = matrix_values(whole), *parts[3];
    for (int k = 0; k < 3; k++) {
        parts[k] = malloc(((size_t)(batch * n) + 1) * sizeof(double));
        ck_assert_ptr_nonnull(parts[k]);
    }
    for (int64_t i = 0; i < batch * n * n; i++) {
        int64_t matrix = i / (n * n), row = i / n % n, column = i % n;
        if (row == column + 1)
            parts[0][matrix * beside + column] = x[i];
        else if (row == column)
            parts[1][matrix * n + row] = x[i];
        else if (column == row + 1)
            parts[2][matrix * beside + row] = x[i];
        else
            x[i] = 0;
    }
    bg_tensor *b = matrix_batch(trial_engine(), dtype, batch, n, r, MATRIX_RANDOM), *out;
    bg_tensor *in[] = { tensor_of(trial_engine(), dtype, BG_SHAPE(batch, beside), parts[0]),
                        tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n), parts[1]),
                        tensor_of(trial_engine(), dtype, BG_SHAPE(batch, beside), parts[2]), b };
    bg_status status = compute(trial_engine(), build_tridiagonal, in, 4, &out);
    if (kind == MATRIX_ZERO && n > 0 && batch > 0) {
        ck_assert_msg(status == BG_ERR_NUMERIC && strstr(bg_last_error(), "a is singular: pivot 1 of "), "%s: %s", name,
                      bg_last_error());
    } else {
        expect_ok(status, name);
        double *y = matrix_values(out), *bv = matrix_values(b);
        for (int64_t i = 0; i < batch; i++) {
            double ratio = worst_ratio(x + i * n * n, y + i * n * r, bv + i * n * r, n, r, matrix_epsilon(dtype));
            ck_assert_msg(ratio <= RATIO_MOST, "%s: matrix %d: ratio %g", name, (int)i, ratio);
        }
        free(y), free(bv);
        bg_tensor_destroy(out);
    }
    for (int k = 0; k < 3; k++)
        free(parts[k]);
    free(x);
    destroy(in, 4);
    bg_tensor_destroy(whole);
}
START_TEST(tridiagonal)
{
    static const int64_t shapes[][2] = { { 1, 0 }, { 1, 1 }, { 2, 2 }, { 2, 3 }, { 0, 4 }, { 1, 40 }, { 1000, 5 } };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int kind = 0; kind < MATRIX_KINDS; kind++)
            check_tridiagonal(shapes[s][0], shapes[s][1], _i ? BG_F64 : BG_F32, (matrix_kind)kind);
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
static int build_extreme(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_matrix_power(x[0], INT64_MAX);
    outputs[1] = bg_matrix_power(x[0], INT64_MIN);
    return 2;
}
START_TEST(extreme_powers)
{
    bg_tensor *a = tensor_of(trial_engine(), BG_F64, BG_SHAPE(1, 1), (double[]){ -1 }), *out[2];
    OK(compute(trial_engine(), build_extreme, &a, 1, out));
    ck_assert_double_eq(value_at(out[0], 0), -1);
    ck_assert_double_eq(value_at(out[1], 0), 1);
    destroy(out, 2);
    bg_tensor_destroy(a);
    a = tensor_of(trial_engine(), BG_F64, BG_SHAPE(1, 1), (double[]){ 2 });
    FAILS(compute(trial_engine(), build_extreme, &a, 1, out), BG_ERR_NUMERIC,
          "matrix_power: the result is inf at [0, 0]");
    bg_tensor_destroy(a);
}
END_TEST

/* ---- Errors ---- */

enum { SPOILT = 637, MATRICES = 1000 };
static int only_lu(bg_node *const *x, bg_node **y) { return y[0] = bg_lu(x[0]).upper, 1; }
static int only_solve(bg_node *const *x, bg_node **y) { return y[0] = bg_solve(x[0], x[1]), 1; }
static int only_lu_solve(bg_node *const *x, bg_node **y) { return y[0] = bg_lu_solve(bg_lu(x[0]), x[1]), 1; }
static int only_spd(bg_node *const *x, bg_node **y) { return y[0] = bg_solve_spd(x[0], x[1], BG_LOWER), 1; }
static int only_inv(bg_node *const *x, bg_node **y) { return y[0] = bg_inv(x[0]), 1; }
static int only_det(bg_node *const *x, bg_node **y) { return y[0] = bg_det(x[0]), 1; }
static int only_sign(bg_node *const *x, bg_node **y) { return y[0] = bg_slogdet(x[0]).sign, 1; }
static int only_logabs(bg_node *const *x, bg_node **y) { return y[0] = bg_slogdet(x[0]).logabs, 1; }
static int only_logdet(bg_node *const *x, bg_node **y) { return y[0] = bg_logdet(x[0]), 1; }
static int only_power(bg_node *const *x, bg_node **y) { return y[0] = bg_matrix_power(x[0], 2), 1; }
static int inverse_power(bg_node *const *x, bg_node **y) { return y[0] = bg_matrix_power(x[0], -2), 1; }
static int lu_gradient(bg_node *const *x, bg_node **y)
{
    bg_grad(bg_sum(bg_lu(x[0]).upper, BG_ALL_AXES), x, 1, y);
    return 1;
}
static int logabs_gradient(bg_node *const *x, bg_node **y)
{
    bg_grad(bg_sum(bg_slogdet(x[0]).logabs, BG_ALL_AXES), x, 1, y);
    return 1;
}
static int det_second(bg_node *const *x, bg_node **y)
{
    bg_node *da = NULL;
    bg_grad(bg_sum(bg_det(x[0]), BG_ALL_AXES), x, 1, &da);
    bg_grad(bg_sum(bg_square(da), BG_ALL_AXES), x, 1, y);
    return 1;
}

/* What is put in place of one of a thousand matrices [3, 3]. */
static const struct {
    const char *name;
    double a[9], b[3]; /* of b where it is not a */
    build_of *build;
    const char *message; /* after the matrix; NULL: no failure */
} refusals[] = {
#define ONES                                                                                                           \
    {                                                                                                                  \
        1, 1, 1                                                                                                        \
    }
#define GOOD                                                                                                           \
    {                                                                                                                  \
        4, 1, 0, 1, 5, 1, 0, 1, 6                                                                                      \
    }
#define SINGULAR                                                                                                       \
    {                                                                                                                  \
        1, 2, 3, 2, 4, 7, 3, 6, 10                                                                                     \
    }
#define OF_RANK_2                                                                                                      \
    {                                                                                                                  \
        0, 1, 0, 0, 0, 1, 0, 0, 0                                                                                      \
    }
#define WITH(value)                                                                                                    \
    {                                                                                                                  \
        4, 1, 0, 1, 5, value, 0, 1, 6                                                                                  \
    }
    { "lu", WITH(NAN), ONES, only_lu, "lu: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "lu", WITH(INFINITY), ONES, only_lu, "lu: matrix [637] of [1000]: a is inf at [1, 2]" },
    { "lu", SINGULAR, ONES, only_lu, NULL },
    { "solve", WITH(NAN), ONES, only_solve, "lu: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "solve", GOOD, { 1, -INFINITY, 1 }, only_solve, "solve: matrix [637] of [1000]: b is -inf at [1, 0]" },
    { "solve", SINGULAR, ONES, only_solve, "solve: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "solve", OF_RANK_2, ONES, only_solve, "solve: matrix [637] of [1000]: a is singular: pivot 1 of 3 is 0" },
    { "solve",
      { 1e-37, 0, 0, 0, 1, 0, 0, 0, 1 },
      { 100, 1, 1 },
      only_solve,
      "solve: matrix [637] of [1000]: the result is beyond the range of f32 at [0, 0]" },
    { "lu_solve", SINGULAR, ONES, only_lu_solve, "lu_solve: matrix [637] of [1000]: a is singular: pivot 2 of 3" },
    { "inv", SINGULAR, ONES, only_inv, "inv: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "inv",
      { 1e-39, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_inv,
      "inv: matrix [637] of [1000]: the result is beyond the range of f32 at [0, 0]" },
    { "solve_spd", SINGULAR, ONES, only_spd, "cholesky: matrix [637] of [1000]: not positive definite: the leading" },
    { "solve_spd", GOOD, { NAN, 1, 1 }, only_spd, "solve_spd: matrix [637] of [1000]: b is nan at [0, 0]" },
    { "det", SINGULAR, ONES, only_det, NULL },
    { "det",
      { 1e38, 0, 0, 0, 1e38, 0, 0, 0, 1 },
      ONES,
      only_det,
      "det: matrix [637] of [1000]: the determinant is beyond the range of f32" },
    { "det", { 1e38, 0, 0, 0, 1e38, 0, 0, 0, 1e-38 }, ONES, only_det, NULL },
    { "det twice", SINGULAR, ONES, det_second, "det: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "sign", SINGULAR, ONES, only_sign, NULL },
    { "logabs", SINGULAR, ONES, only_logabs, NULL },
    { "logabs", SINGULAR, ONES, logabs_gradient, "slogdet: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "logdet", SINGULAR, ONES, only_logdet, "logdet: matrix [637] of [1000]: the determinant is 0" },
    { "logdet",
      { -1, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_logdet,
      "logdet: matrix [637] of [1000]: the determinant is negative" },
    { "lu's gradient", SINGULAR, ONES, lu_gradient, "matrix [637] of [1000]: a is singular: 0 at [1, 1]" },
    { "power", WITH(1e30), ONES, only_power, NULL },
    { "power",
      { 1e30, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_power,
      "matrix_power: matrix [637] of [1000]: the result is inf at [0, 0]" },
    { "power", WITH(NAN), ONES, only_power, "matrix_power: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "power", SINGULAR, ONES, inverse_power, "inv: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
};
enum { REFUSALS = (int)(sizeof refusals / sizeof refusals[0]) };

START_TEST(errors)
{
    double *a = malloc(MATRICES * 9 * sizeof *a), *b = malloc(MATRICES * 3 * sizeof *b);
    ck_assert(a && b);
    static const double good[] = GOOD;
    for (int64_t i = 0; i < MATRICES; i++)
        for (int64_t k = 0; k < 9; k++) {
            a[i * 9 + k] = i == SPOILT ? refusals[_i].a[k] : good[k];
            b[i * 3 + k % 3] = i == SPOILT ? refusals[_i].b[k % 3] : 1;
        }
    for (int threads = 1; threads <= 4; threads += 3) {
        bg_engine *engine = NULL;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        bg_tensor *in[] = { tensor_of(engine, BG_F32, BG_SHAPE(MATRICES, 3, 3), a),
                            tensor_of(engine, BG_F32, BG_SHAPE(MATRICES, 3, 1), b) };
        bg_tensor *out = NULL;
        bg_status status = compute(engine, refusals[_i].build, in, 2, &out);
        if (refusals[_i].message)
            expect_failure(status, BG_ERR_NUMERIC, refusals[_i].message, refusals[_i].name);
        else
            expect_ok(status, refusals[_i].name);
        bg_tensor_destroy(out);
        destroy(in, 2);
        bg_engine_destroy(engine);
    }
    free(a), free(b);
}
END_TEST

/* A batch of two axes, and none; three diagonals, which name the element. */
START_TEST(places)
{
    double a[24] = { 0 }, lower[] = { 1 }, diagonal[] = { 0, 1 }, upper[] = { 0 }, b[] = { 1, 1 };
    for (int i = 0; i < 24; i++)
        a[i] = i / 4 == 4 ? 1 : (i % 4 == 0 || i % 4 == 3);
    bg_tensor *batch = tensor_of(trial_engine(), BG_F64, BG_SHAPE(3, 2, 2, 2), a), *out = NULL;
    FAILS(compute(trial_engine(), only_inv, &batch, 1, &out), BG_ERR_NUMERIC,
          "inv: matrix [2, 0] of [3, 2]: a is singular: pivot 2 of 2 is 0");
    bg_tensor_destroy(batch);
    bg_tensor *one = tensor_of(trial_engine(), BG_F64, BG_SHAPE(2, 2), a + 16);
    FAILS(compute(trial_engine(), only_inv, &one, 1, &out), BG_ERR_NUMERIC, "inv: a is singular: pivot 2 of 2 is 0");
    bg_tensor_destroy(one);
    for (int k = 0; k < 3; k++) {
        static const char *const messages[] = { "solve_tridiagonal: a is singular: pivot 2 of 2 is 0",
                                                "solve_tridiagonal: diagonal is nan at [1]",
                                                "solve_tridiagonal: upper is inf at [0]" };
        lower[0] = 1;
        diagonal[1] = k == 1 ? NAN : 1;
        upper[0] = k == 2 ? INFINITY : 0;
        bg_tensor *in[] = { tensor_of(trial_engine(), BG_F64, BG_SHAPE(1), lower),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(2), diagonal),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(1), upper),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(2), b) };
        FAILS(compute(trial_engine(), build_tridiagonal, in, 4, &out), BG_ERR_NUMERIC, messages[k]);
        destroy(in, 4);
    }
}
END_TEST

/* ---- Threads ---- */

static int build_everything(bg_node *const *x, bg_node **y)
{
    bg_lu_factors lu = bg_lu(x[0]);
    y[0] = bg_add(lu.lower, lu.upper);
    y[1] = bg_solve(x[0], x[1]);
    y[2] = bg_inv(x[0]);
    y[3] = bg_det(bg_mul_scalar(x[0], 0.2));
    y[4] = bg_slogdet(x[0]).logabs;
    bg_node *sum = bg_sum(bg_square(bg_matmul(y[2], y[1])), BG_ALL_AXES);
    sum = bg_add(sum, bg_sum(bg_mul(bg_add(y[3], y[4]), y[3]), BG_ALL_AXES));
    sum = bg_add(sum, bg_sum(bg_square(y[0]), BG_ALL_AXES));
    bg_grad(sum, x, 2, y + 5);
    return 7;
}
START_TEST(same_bits)
{
    static const int64_t shapes[][2] = { { 37, 7 }, { 5, 33 }, { 1, 90 } };
    int64_t batch = shapes[_i][0], n = shapes[_i][1];
    bg_tensor *first[7] = { NULL };
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine = NULL;
        bg_tensor *out[7];
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        bg_tensor *in[] = { matrix_batch(engine, BG_F32, batch, n, n, MATRIX_RANDOM),
                            matrix_batch(engine, BG_F32, batch, n, 3, MATRIX_RANDOM) };
        OK(compute(engine, build_everything, in, 2, out));
        for (int i = 0; i < 7; i++) {
            size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(out[i])) * sizeof(float);
            if (threads > 1)
                ck_assert_msg(memcmp(bg_tensor_const_data(out[i]), bg_tensor_const_data(first[i]), bytes) == 0,
                              "output %d differs with %d threads", i, threads);
        }
        if (threads == 1)
            memcpy(first, out, sizeof first);
        else
            destroy(out, 7);
        destroy(in, 2);
        bg_engine_destroy(engine);
    }
    destroy(first, 7);
}
END_TEST

/* One matrix for many right sides is factored once: the nodes do not grow with the batch. */
START_TEST(shared_matrix)
{
    bg_graph *graph = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *a = bg_input(graph, "a", BG_F64, BG_SHAPE(3, 3)), *b = bg_input(graph, "b", BG_F64, BG_SHAPE(50, 4, 3, 2));
    bg_node *y = bg_solve(a, b);
    ck_assert_ptr_nonnull(y);
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(50, 4, 3, 2)));
    for (int i = 0; i < graph->count; i++)
        if (strcmp(graph->nodes[i]->op->name, "lu") == 0)
            ck_assert(bg_shape_equal(bg_node_shape(graph->nodes[i]), BG_SHAPE(12)));
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_lu");
    TCase *tests = tcase_create("ratios");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, factors, 0, SIZES);
    tcase_add_loop_test(tests, solutions, 0, SIZES);
    tcase_add_loop_test(tests, positive_definite, 0, SIZES);
    tcase_add_loop_test(tests, determinants, 0, 2);
    tcase_add_test(tests, logarithms);
    tcase_add_loop_test(tests, tridiagonal, 0, 2);
    tcase_add_loop_test(tests, powers, 0, 10);
    tcase_add_test(tests, extreme_powers);
    tcase_add_loop_test(tests, errors, 0, REFUSALS);
    tcase_add_test(tests, places);
    tcase_add_loop_test(tests, same_bits, 0, 3);
    tcase_add_test(tests, shared_matrix);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
