/* What LU and Cholesky factors are for: systems and inverses. */
#include "blocked/problem.h"

enum { SOLVE, SOLVE_TRANSPOSED, INVERSE, BY_LOWER, BY_UPPER, SYSTEMS };
static bg_node *build_system(bg_node **operands, int which)
{
    bg_node *a = operands[0], *b = operands[1];
    if (which == SOLVE)
        return bg_solve(a, b);
    if (which == INVERSE)
        return bg_matmul(bg_inv(a), b);
    if (which == BY_LOWER || which == BY_UPPER)
        return bg_solve_spd(a, b, which == BY_UPPER ? BG_UPPER : BG_LOWER);
    bg_node *x = bg_solve(a, b), *dx = NULL; /* aᵀ⁻¹ · b */
    return bg_grad_from(&x, &b, 1, &b, 1, &dx) == BG_OK ? dx : NULL;
}
static void fill_system(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1], batch = bg_shape_count(shape) / n / n;
    for (int64_t m = 0; m < batch; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double value = any();
                put(operands[0], (m * n + i) * n + j, value + (i == j && which >= BY_LOWER ? (double)n : 0));
                if (i != j)
                    put(operands[0], (m * n + j) * n + i, which >= BY_LOWER ? value : any());
            }
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(operands[1])); i++)
        put(operands[1], i, any());
}
START_TEST(test_systems)
{
    static const int64_t extents[][3] = { { 256, 1, 1 },  { 290, 40, 2 }, { 257, 150, 1 },
                                          { 260, 16, 0 }, { 100, 40, 9 }, { 128, 5, 1 } };
    for (int t = 0; t < 2; t++)
        for (int e = UNDER_ASAN(1, 0); e < UNDER_ASAN(2, 6); e++) {
            int64_t n = extents[e][0], sides = extents[e][1], batch = extents[e][2];
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_system, _i, types[t], { BG_SHAPE(batch, n, n), BG_SHAPE(batch, n, sides) }, 2,
                          fill_system };
            solve_alike(&p, operands, &y, "a system");
            for (int64_t m = 0; m < batch; m++) {
                matrix stored = matrix_of(operands[0], m, n, n), b = matrix_of(operands[1], m, n, sides);
                matrix a = turned_if(_i == SOLVE_TRANSPOSED, stored);
                matrix x = matrix_of(y, m, n, sides), back = product(a, x);
                /* Of an inverse, the residual is on the other side: it is larger by the condition. */
                double size = norm_between(a, NULL) * norm_between(x, NULL) * (_i == INVERSE ? 1e4 : (double)n);
                expect_ratio(norm_between(back, &b), size, types[t], "a system", n);
                free(stored.data);
                free(a.data);
                free(b.data);
                free(x.data);
                free(back.data);
            }
            forget(&p, operands, y);
        }
}
END_TEST

static int bad_operand;
static void fill_bad_system(bg_tensor **operands, int which)
{
    fill_system(operands, which);
    if (bad_operand == 0 && altered->value == 0) /* a row of zeros */
        for (int64_t j = 0; j < BAD_ROWS; j++) {
            put(operands[0], (BAD_ROWS + altered->row) * BAD_ROWS + j, 0);
            put(operands[0], (BAD_ROWS + j) * BAD_ROWS + altered->row, 0);
        }
    else
        alter(operands[bad_operand], 1);
}
START_TEST(test_system_failures)
{
    static const struct {
        int system, operand;
        mistake what;
    } cases[] = {
        { SOLVE, 0, { "singular", 100, 0, 0, "solve: matrix [1] of [2]: a is singular: pivot 101 of 300 is 0" } },
        { SOLVE, 1, { "NaN", 100, 7, NAN, "solve: matrix [1] of [2]: b is nan at [100, 7]" } },
        { INVERSE, 0, { "singular", 17, 0, 0, "inv: matrix [1] of [2]: a is singular: pivot 18 of 300 is 0" } },
        { BY_LOWER, 1, { "Inf", 299, 7, INFINITY, "solve_spd: matrix [1] of [2]: b is inf at [299, 7]" } },
        { BY_UPPER,
          0,
          { "minor", 99, 0, 0, "matrix [1] of [2]: not positive definite: the leading minor of order 100" } },
    };
    altered = &cases[_i].what;
    bad_operand = cases[_i].operand;
    for (int t = 0; t < 2; t++)
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            bg_shape shape = BG_SHAPE(2, BAD_ROWS, BAD_ROWS);
            problem p = { build_system, cases[_i].system, types[t], { shape, shape }, 2, fill_bad_system };
            expect_failure(solve(&p, threads, operands, &y), BG_ERR_NUMERIC, altered->message, altered->name);
            forget(&p, operands, y);
        }
}
END_TEST

TCase *system_case(void)
{
    TCase *tests = tcase_create("systems");
    tcase_add_loop_test(tests, test_systems, 0, SYSTEMS);
    tcase_add_loop_test(tests, test_system_failures, 0, 5);
    return tests;
}
