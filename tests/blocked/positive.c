/* Cholesky factors: residuals, bits, minors and numbers near the ends of the range. */
#include "blocked/problem.h"

bg_node *build_cholesky(bg_node **operands, int upper) { return bg_cholesky(operands[0], upper ? BG_UPPER : BG_LOWER); }
/* Dominated by the diagonal, with NaN where nobody is to read. */
static void fill_positive(bg_tensor **operands, int upper)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1], batch = n > 0 ? bg_shape_count(shape) / n / n : 0;
    for (int64_t m = 0; m < batch; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                bool is_read = upper ? j >= i : j <= i;
                put(operands[0], (m * n + i) * n + j, !is_read ? NAN : i == j ? (double)n / 2 : any());
            }
}
static void check_cholesky(const bg_tensor *a, const bg_tensor *y, int64_t index, int64_t n, int upper)
{
    matrix x = matrix_of(a, index, n, n), factor = matrix_of(y, index, n, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (upper ? j < i : j > i) {
                x.data[i * n + j] = x.data[j * n + i];
                ck_assert_msg(factor.data[i * n + j] == 0, "cholesky: %g at [%lld, %lld]", factor.data[i * n + j],
                              (long long)i, (long long)j);
            }
    matrix other = turned(factor), back = upper ? product(other, factor) : product(factor, other);
    expect_ratio(norm_between(back, &x), (double)n * norm_between(x, NULL), bg_tensor_dtype(a), "cholesky", n);
    free(x.data);
    free(factor.data);
    free(other.data);
    free(back.data);
}
START_TEST(test_cholesky)
{
    const bg_shape shapes[] = { BG_SHAPE(256, 256),    BG_SHAPE(257, 257),       BG_SHAPE(400, 400),
                                BG_SHAPE(3, 300, 300), BG_SHAPE(2, 2, 256, 256), BG_SHAPE(0, 300, 300),
                                BG_SHAPE(3, 75, 75),   BG_SHAPE(200, 200),       BG_SHAPE(9, 140, 140) };
    for (int t = 0; t < 2; t++)
        for (int upper = 0; upper < 2; upper++) {
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_cholesky, upper, types[t], { shapes[_i] }, 1, fill_positive };
            solve_alike(&p, operands, &y, "cholesky");
            int64_t n = shapes[_i].dims[shapes[_i].rank - 1];
            for (int64_t m = 0; m < bg_shape_count(shapes[_i]) / n / n; m++)
                check_cholesky(operands[0], y, m, n, upper);
            forget(&p, operands, y);
        }
}
END_TEST

static void fill_bad_positive(bg_tensor **operands, int upper)
{
    fill_positive(operands, upper);
    alter(operands[0], 1);
}
START_TEST(test_cholesky_failures)
{
    static const mistake mistakes[] = {
        { "first minor", 0, 0, 0, "matrix [1] of [2]: not positive definite: the leading minor of order 1 is not" },
        { "first block", 40, 40, -1, "matrix [1] of [2]: not positive definite: the leading minor of order 41 is not" },
        { "second block", 64, 64, 0, "matrix [1] of [2]: not positive definite: the leading minor of order 65 is not" },
        { "later", 200, 200, 0, "matrix [1] of [2]: not positive definite: the leading minor of order 201 is not" },
        { "the last", 299, 299, -1, "matrix [1] of [2]: not positive definite: the leading minor of order 300 is not" },
        { "NaN", 150, 150, NAN, "matrix [1] of [2]: a is nan at [150, 150]" },
        { "Inf", 299, 299, INFINITY, "matrix [1] of [2]: a is inf at [299, 299]" },
    };
    altered = &mistakes[_i];
    for (int t = 0; t < 2; t++)
        for (int upper = 0; upper < 2; upper++)
            for (int threads = 1; threads <= MOST_THREADS; threads++) {
                bg_tensor *operands[MOST_OPERANDS], *y = NULL;
                problem p = {
                    build_cholesky, upper, types[t], { BG_SHAPE(2, BAD_ROWS, BAD_ROWS) }, 1, fill_bad_positive
                };
                expect_failure(solve(&p, threads, operands, &y), BG_ERR_NUMERIC, altered->message, altered->name);
                forget(&p, operands, y);
            }
}
END_TEST

/* Numbers near the ends of the type's range, and a matrix whose condition is near the largest. */
static double scale;
static void fill_scaled(bg_tensor **operands, int upper)
{
    fill_positive(operands, upper);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(operands[0])); i++)
        put(operands[0], i, get(operands[0], i) * scale);
}
/* A smooth kernel, whose smallest eigenvalues are next to nothing but for what the diagonal has more. */
static void fill_nearly_singular(bg_tensor **operands, int upper)
{
    (void)upper;
    int64_t n = bg_tensor_shape(operands[0]).dims[0];
    double epsilon = epsilon_of(bg_tensor_dtype(operands[0]));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            put(operands[0], i * n + j, exp(-(double)((i - j) * (i - j)) / 200) + (i == j ? 1e4 * epsilon : 0));
}
START_TEST(test_cholesky_of_hard_matrices)
{
    static const double scales[][2] = { { 1e-38, 1e-306 }, { 1e35, 1e304 } };
    for (int t = 0; t < 2; t++)
        for (int upper = 0; upper < 2; upper++)
            for (int which = 0; which < 3; which++) {
                bg_tensor *operands[MOST_OPERANDS], *y = NULL;
                problem p = { build_cholesky,         upper, types[t],
                              { BG_SHAPE(320, 320) }, 1,     which < 2 ? fill_scaled : fill_nearly_singular };
                scale = which < 2 ? scales[which][t] : 1;
                expect_ok(solve(&p, 2, operands, &y), "a hard matrix");
                check_cholesky(operands[0], y, 0, 320, upper);
                forget(&p, operands, y);
            }
}
END_TEST

TCase *positive_case(void)
{
    TCase *tests = tcase_create("cholesky");
    tcase_add_loop_test(tests, test_cholesky, 0, UNDER_ASAN(3, 9));
    tcase_add_loop_test(tests, test_cholesky_failures, 0, 7);
    tcase_add_test(tests, test_cholesky_of_hard_matrices);
    return tests;
}
