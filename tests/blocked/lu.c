/* LU of matrices of all forms: residuals, pivots, bits and failures. */
#include "blocked/problem.h"

bg_node *build_lu(bg_node **operands, int part)
{
    bg_lu_factors lu = bg_lu(operands[0]);
    return part == LOWER ? lu.lower : part == UPPER ? lu.upper : lu.permutation;
}
void fill_any(bg_tensor **operands, int which)
{
    (void)which;
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(operands[0])); i++)
        put(operands[0], i, any());
}
/* Columns of zeros, rows that are equal, and numbers that are wide apart. */
static void fill_hard(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1], rows = bg_shape_count(shape) / n;
    fill_any(operands, which);
    for (int64_t i = 0; i < rows; i++) {
        put(operands[0], i * n + 3, 0);
        put(operands[0], i * n + 150 % n, 0);
        put(operands[0], i * n + 7, get(operands[0], i * n + 7) * 1e30);
        put(operands[0], i * n + 200 % n, get(operands[0], i * n + 200 % n) * 1e-30);
        for (int64_t j = 0; j < n && i == 100; j++)
            put(operands[0], i * n + j, get(operands[0], (i - 60) * n + j));
    }
}
/* Of l with ones on the diagonal and nothing above it, or beyond 1: pivots were the largest. */
static void check_lu(bg_tensor *a, bg_tensor *const *parts, int64_t index, int64_t m, int64_t n)
{
    int64_t k = m < n ? m : n;
    matrix lower = matrix_of(parts[LOWER], index, m, k), upper = matrix_of(parts[UPPER], index, k, n);
    matrix x = matrix_of(a, index, m, n), permuted = new_matrix(m, n), back = product(lower, upper);
    int *uses = calloc((size_t)m, sizeof *uses);
    for (int64_t i = 0; i < m; i++) {
        int64_t row = ((const int64_t *)bg_tensor_const_data(parts[PERMUTATION]))[index * m + i];
        ck_assert_msg(row >= 0 && row < m && uses[row]++ == 0, "lu: row %lld is row %lld", (long long)i,
                      (long long)row);
        memcpy(permuted.data + i * n, x.data + row * n, (size_t)n * sizeof *x.data);
        for (int64_t j = 0; j < k; j++) {
            double value = lower.data[i * k + j];
            ck_assert_msg(j > i    ? value == 0
                          : j == i ? value == 1
                                   : fabs(value) <= 1,
                          "lu: lower has %g at [%lld, %lld]", value, (long long)i, (long long)j);
        }
        for (int64_t j = 0; j < i && i < k; j++)
            ck_assert_msg(upper.data[i * n + j] == 0, "lu: upper has %g at [%lld, %lld]", upper.data[i * n + j],
                          (long long)i, (long long)j);
    }
    expect_ratio(norm_between(back, &permuted), (double)n * norm_between(permuted, NULL), bg_tensor_dtype(a), "lu", n);
    free(uses);
    free(lower.data);
    free(upper.data);
    free(x.data);
    free(permuted.data);
    free(back.data);
}
START_TEST(test_lu)
{
    const bg_shape shapes[] = { BG_SHAPE(256, 256),    BG_SHAPE(257, 257), BG_SHAPE(400, 300),    BG_SHAPE(260, 350),
                                BG_SHAPE(3, 300, 256), BG_SHAPE(330, 330), BG_SHAPE(0, 300, 300), BG_SHAPE(2, 110, 205),
                                BG_SHAPE(205, 110),    BG_SHAPE(130, 202) };
    for (int t = 0; t < 2; t++)
        for (int hard = 0; hard < 2; hard++) {
            bg_tensor *operands[PARTS][MOST_OPERANDS], *parts[PARTS];
            problem p = { build_lu, 0, types[t], { shapes[_i] }, 1, hard ? fill_hard : fill_any };
            for (int part = 0; part < PARTS; part++) {
                p.which = part;
                solve_alike(&p, operands[part], &parts[part], "lu");
            }
            bg_shape shape = shapes[_i];
            int64_t n = shape.dims[shape.rank - 1], m = shape.dims[shape.rank - 2];
            for (int64_t k = 0; k < bg_shape_count(shape) / n / m; k++)
                check_lu(operands[0][0], parts, k, m, n);
            for (int part = 0; part < PARTS; part++)
                forget(&p, operands[part], parts[part]);
        }
}
END_TEST

static void fill_bad(bg_tensor **operands, int which)
{
    fill_any(operands, which);
    alter(operands[0], 1);
}
/* Each row less the sum of all above it: the last column doubles with each step. */
static void fill_growing(bg_tensor **operands, int which)
{
    (void)which;
    for (int64_t m = 0; m < 2; m++)
        for (int64_t i = 0; i < BAD_ROWS; i++)
            for (int64_t j = 0; j < BAD_ROWS; j++)
                put(operands[0], (m * BAD_ROWS + i) * BAD_ROWS + j,
                    j == BAD_ROWS - 1 ? (m == 1 ? altered->value : 0)
                    : i == j          ? 1
                    : i > j           ? -1
                                      : 0);
}
START_TEST(test_lu_failures)
{
    static const mistake mistakes[] = {
        { "NaN", 150, 20, NAN, "lu: matrix [1] of [2]: a is nan at [150, 20]" },
        { "Inf", 299, 299, -INFINITY, "lu: matrix [1] of [2]: a is -inf at [299, 299]" },
        { "overflow", 0, 0, 1e30, "lu: matrix [1] of [2]: the factors are beyond the range of f32 at [" },
    };
    altered = &mistakes[_i];
    for (int t = 0; t < (_i == 2 ? 1 : 2); t++)
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_lu, UPPER,
                          types[t], { BG_SHAPE(2, BAD_ROWS, BAD_ROWS) },
                          1,        _i == 2 ? fill_growing : fill_bad };
            expect_failure(solve(&p, threads, operands, &y), BG_ERR_NUMERIC, altered->message, altered->name);
            forget(&p, operands, y);
        }
}
END_TEST

TCase *lu_case(void)
{
    TCase *tests = tcase_create("lu");
    tcase_add_loop_test(tests, test_lu, 0, UNDER_ASAN(3, 10));
    tcase_add_loop_test(tests, test_lu_failures, 0, 3);
    return tests;
}
