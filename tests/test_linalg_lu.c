/* LU, and systems solved by it, by Cholesky and of three diagonals: residuals by LAPACK's ratios, and the same bits for
 * any number of threads. */
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

static int build_lu(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
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
    expect_ok(run_once(trial_engine(), &a, 1, build_lu, NULL, out), name);
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

static int build_solutions(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
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
    bg_status status = run_once(trial_engine(), (bg_tensor *[]){ a, b }, 2, build_solutions, NULL, out);
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

static int build_spd(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
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
        expect_ok(run_once(trial_engine(), (bg_tensor *[]){ a, b }, 2, build_spd, NULL, out), name);
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

/* ---- Three diagonals ---- */

static int build_tridiagonal(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
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
    bg_status status = run_once(trial_engine(), in, 4, build_tridiagonal, NULL, &out);
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

/* ---- Threads ---- */

static int build_everything(bg_node *const *x, const void *context, bg_node **y)
{
    (void)context;
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
        OK(run_once(engine, in, 2, build_everything, NULL, out));
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

/* The same of triangular systems, with the numbers of one matrix for each right side. */
typedef struct {
    bool upper, is_transposed, is_right, has_both_factors;
} triangular_way;
static bg_node *solve_way(const triangular_way *w, bg_node *a, bg_node *b)
{
    bg_triangle triangle = w->upper ? BG_UPPER : BG_LOWER;
    if (w->has_both_factors)
        return bg_cholesky_solve(a, b, triangle);
    return bg_solve_triangular(
        a, b,
        &(bg_triangular_options){ .triangle = triangle, .is_transposed = w->is_transposed, .is_right = w->is_right });
}
static int build_shared(bg_node *const *x, const void *context, bg_node **outputs)
{
    bg_node *a = bg_add(x[0], bg_mul_scalar(bg_eye(bg_node_graph(x[0]), BG_F64, 5, 5), 4));
    bg_node *each[] = { a, bg_broadcast(a, BG_SHAPE(2, 3, 5, 5)) };
    for (int k = 0; k < 2; k++) {
        outputs[3 * k] = solve_way(context, each[k], x[1]);
        OK(bg_grad(bg_sum(bg_exp(outputs[3 * k]), BG_ALL_AXES), x, 2, outputs + 3 * k + 1));
    }
    const bg_graph *graph = bg_node_graph(x[0]);
    int shared = 0;
    for (int i = 0; i < graph->count; i++)
        shared += strcmp(graph->nodes[i]->op->name, "solve_triangular") == 0 && graph->nodes[i]->shape.rank == 2;
    ck_assert_int_ge(shared, 2);
    return 6;
}
START_TEST(shared_triangle)
{
    triangular_way way = { _i & 1, _i & 2, _i & 4, _i >= 8 };
    bg_tensor *a = matrix_batch(trial_engine(), BG_F64, 1, 5, 5, MATRIX_RANDOM), *out[6];
    double numbers[150];
    for (int i = 0; i < 150; i++)
        numbers[i] = sin((double)(i * i));
    bg_tensor *b = tensor_of(trial_engine(), BG_F64, BG_SHAPE(2, 3, 5, 5), numbers);
    OK(run_once(trial_engine(), (bg_tensor *[]){ a, b }, 2, build_shared, &way, out));
    for (int k = 0; k < 3; k++) {
        double *got = matrix_values(out[k]), *expected = matrix_values(out[3 + k]);
        for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(out[k])); i++)
            ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-13 * (1 + fabs(expected[i])),
                          "way %d, %d: [%lld] %g, not %g", _i, k, (long long)i, got[i], expected[i]);
        free(got), free(expected);
    }
    destroy(out, 6);
    destroy((bg_tensor *[]){ a, b }, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_lu");
    TCase *tests = tcase_create("linalg");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, factors, 0, SIZES);
    tcase_add_loop_test(tests, solutions, 0, SIZES);
    tcase_add_loop_test(tests, positive_definite, 0, SIZES);
    tcase_add_loop_test(tests, tridiagonal, 0, 2);
    tcase_add_loop_test(tests, same_bits, 0, 3);
    tcase_add_test(tests, shared_matrix);
    tcase_add_loop_test(tests, shared_triangle, 0, 10);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
