/* Triangular systems, with all options. */
#include "blocked/problem.h"

bg_node *build_solution(bg_node **operands, int which)
{
    return bg_solve_triangular(operands[0], operands[1],
                               &(bg_triangular_options){ .triangle = which & IS_UPPER ? BG_UPPER : BG_LOWER,
                                                         .is_transposed = which & IS_TRANSPOSED,
                                                         .is_unit = which & IS_UNIT,
                                                         .is_right = which & IS_RIGHT });
}
static void fill_triangular(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1], batch = bg_shape_count(shape) / n / n;
    for (int64_t m = 0; m < batch; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                bool is_read = which & IS_UPPER ? j >= i : j <= i;
                double value = i == j ? 2 + any() : any() * 4 / (double)n;
                put(operands[0], (m * n + i) * n + j, !is_read || (i == j && which & IS_UNIT) ? NAN : value);
            }
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(operands[1])); i++)
        put(operands[1], i, any());
}
/* The largest of ‖op(a) · x - b‖ / (‖a‖ ‖x‖), of turned matrices where a stands on the right. */
static void check_solution(bg_tensor **operands, const bg_tensor *y, int64_t index, int64_t n, int64_t sides, int which)
{
    bool is_right = which & IS_RIGHT;
    matrix a = matrix_of(operands[0], index, n, n);
    matrix x = matrix_of(y, index, is_right ? sides : n, is_right ? n : sides);
    matrix b = matrix_of(operands[1], index, x.rows, x.columns);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            bool is_read = which & IS_UPPER ? j >= i : j <= i;
            a.data[i * n + j] = !is_read ? 0 : i == j && which & IS_UNIT ? 1 : a.data[i * n + j];
        }
    matrix op = turned_if(which & IS_TRANSPOSED, a);
    matrix back = is_right ? product(x, op) : product(op, x);
    double size = fmax(norm_between(a, NULL), norm_between(op, NULL)) * norm_between(x, NULL);
    expect_ratio(norm_between(back, &b), size * (is_right ? (double)n : 1), bg_tensor_dtype(y), "solve_triangular", n);
    free(a.data);
    free(x.data);
    free(b.data);
    free(op.data);
    free(back.data);
}
START_TEST(test_solve_triangular)
{
    static const int64_t extents[][3] = { { 256, 1, 1 },   { 257, 16, 1 }, { 300, 100, 2 },
                                          { 260, 150, 0 }, { 100, 40, 9 }, { 128, 90, 1 } };
    bool is_right = _i & IS_RIGHT;
    for (int t = 0; t < 2; t++)
        for (int e = UNDER_ASAN(1, 0); e < UNDER_ASAN(2, 6); e++) {
            int64_t n = extents[e][0], sides = extents[e][1], batch = extents[e][2];
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_solution,
                          _i,
                          types[t],
                          { BG_SHAPE(batch, n, n), is_right ? BG_SHAPE(batch, sides, n) : BG_SHAPE(batch, n, sides) },
                          2,
                          fill_triangular };
            solve_alike(&p, operands, &y, "solve_triangular");
            for (int64_t m = 0; m < batch; m++)
                check_solution(operands, y, m, n, sides, _i);
            forget(&p, operands, y);
        }
}
END_TEST

static int bad_operand;
static void fill_bad_triangular(bg_tensor **operands, int which)
{
    fill_triangular(operands, which);
    alter(operands[bad_operand], 1);
}
START_TEST(test_solve_triangular_failures)
{
    static const mistake mistakes[] = {
        { "NaN in a", 150, 150, NAN, "matrix [1] of [2]: a is nan at [150, 150]" },
        { "Inf in b", 299, 1, INFINITY, "matrix [1] of [2]: b is inf at [299, 1]" },
        { "singular", 299, 299, 0, "matrix [1] of [2]: a is singular: 0 at [299, 299]" },
        { "singular at once", 0, 0, 0, "matrix [1] of [2]: a is singular: 0 at [0, 0]" },
    };
    altered = &mistakes[_i];
    bad_operand = _i == 1;
    for (int t = 0; t < 2; t++)
        for (int which = 0; which < ALL_OPTIONS; which++) {
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            bg_shape shape = BG_SHAPE(2, BAD_ROWS, BAD_ROWS);
            problem p = { build_solution, which & ~IS_UNIT, types[t], { shape, shape }, 2, fill_bad_triangular };
            expect_failure(solve(&p, 1 + which % MOST_THREADS, operands, &y), BG_ERR_NUMERIC, altered->message,
                           altered->name);
            forget(&p, operands, y);
        }
}
END_TEST

TCase *triangular_case(void)
{
    TCase *tests = tcase_create("solve_triangular");
    tcase_add_loop_test(tests, test_solve_triangular, 0, ALL_OPTIONS);
    tcase_add_loop_test(tests, test_solve_triangular_failures, 0, 4);
    return tests;
}
