/* QR of matrices of all forms: residuals, orthogonality, bits and failures. */
#include "blocked/problem.h"

#include <float.h>

static bg_status qr_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    int64_t n = shape->dims[shape->rank - 1], m = shape->dims[shape->rank - 2];
    int64_t k = *(const int64_t *)bg_node_attributes(node) || m < n ? m : n;
    shape->dims[--shape->rank - 1] = m * k + k * n;
    return BG_OK;
}
static bg_node *qr_compose(bg_node *node)
{
    return bgi_blocked_qr(bg_node_input(node, 0), *(const int64_t *)bg_node_attributes(node) != 0);
}
static const bg_op qr_op = { .name = "packed_qr", .arity = 1, .infer = qr_infer, .compose = qr_compose };
static bg_node *build_qr(bg_node **operands, int is_complete)
{
    int64_t attributes = is_complete;
    return bg_apply(&qr_op, operands, 1, &attributes, sizeof attributes);
}
static void check_qr(const bg_tensor *a, const bg_tensor *y, int64_t index, int64_t m, int64_t n, bool is_complete)
{
    int64_t k = is_complete || m < n ? m : n, at = index * (m * k + k * n);
    matrix q = new_matrix(m, k), r = new_matrix(k, n), x = matrix_of(a, index, m, n), one = new_matrix(k, k);
    for (int64_t i = 0; i < m * k; i++)
        q.data[i] = get(y, at + i);
    for (int64_t i = 0; i < k * n; i++) {
        r.data[i] = get(y, at + m * k + i);
        ck_assert_msg(i % n >= i / n || r.data[i] == 0, "qr: r has %g at [%lld, %lld]", r.data[i], (long long)(i / n),
                      (long long)(i % n));
    }
    for (int64_t i = 0; i < k; i++)
        one.data[i * k + i] = 1;
    matrix back = product(q, r), other = turned(q), square = product(other, q);
    expect_ratio(norm_between(square, &one), (double)m, bg_tensor_dtype(a), "columns of q", m);
    expect_ratio(norm_between(back, &x), (double)n * norm_between(x, NULL), bg_tensor_dtype(a), "qr", n);
    free(q.data);
    free(r.data);
    free(x.data);
    free(one.data);
    free(back.data);
    free(other.data);
    free(square.data);
}
/* Columns of zeros, columns that are equal, one that is far from the others, and all of it far from 1. */
static void fill_hard_columns(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1], rows = bg_shape_count(shape) / n;
    double far = bg_tensor_dtype(operands[0]) == BG_F64 ? 1e-290 : 1e-30;
    fill_any(operands, which);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++) {
            double value = get(operands[0], i * n + (j == 9 ? 8 : j));
            put(operands[0], i * n + j, far * (j == 3 || j == 150 ? 0 : j == 7 ? value * 1e-5 : value));
        }
}
START_TEST(test_qr)
{
    const bg_shape shapes[] = { BG_SHAPE(256, 256), BG_SHAPE(257, 257),    BG_SHAPE(400, 290),
                                BG_SHAPE(260, 420), BG_SHAPE(2, 300, 256), BG_SHAPE(0, 300, 300) };
    for (int t = 0; t < 2; t++)
        for (int hard = 0; hard < 2; hard++)
            for (int is_complete = 0; is_complete < 2; is_complete++) {
                bg_tensor *operands[MOST_OPERANDS], *y = NULL;
                problem p = { build_qr, is_complete, types[t], { shapes[_i] }, 1, hard ? fill_hard_columns : fill_any };
                solve_alike(&p, operands, &y, "qr");
                bg_shape shape = shapes[_i];
                int64_t n = shape.dims[shape.rank - 1], m = shape.dims[shape.rank - 2];
                for (int64_t k = 0; k < bg_shape_count(shape) / n / m; k++)
                    check_qr(operands[0], y, k, m, n, is_complete);
                forget(&p, operands, y);
            }
}
END_TEST

static void fill_bad(bg_tensor **operands, int which)
{
    fill_any(operands, which);
    alter(operands[0], 1);
}
static void fill_long_column(bg_tensor **operands, int which)
{
    fill_any(operands, which);
    for (int64_t i = 0; i < BAD_ROWS; i++)
        put(operands[0], (BAD_ROWS + i) * BAD_ROWS, bg_tensor_dtype(operands[0]) == BG_F64 ? DBL_MAX : FLT_MAX);
}
START_TEST(test_qr_failures)
{
    static const mistake mistakes[] = {
        { "NaN", 150, 20, NAN, "qr: matrix [1] of [2]: a is nan at [150, 20]" },
        { "long", 0, 0, 0, "qr: matrix [1] of [2]: the length of a column is too large for the type" },
    };
    altered = &mistakes[_i];
    for (int t = 0; t < 2; t++)
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_qr, 0,
                          types[t], { BG_SHAPE(2, BAD_ROWS, BAD_ROWS) },
                          1,        _i == 1 ? fill_long_column : fill_bad };
            expect_failure(solve(&p, threads, operands, &y), BG_ERR_NUMERIC, altered->message, altered->name);
            forget(&p, operands, y);
        }
}
END_TEST

TCase *qr_case(void)
{
    TCase *tests = tcase_create("qr");
    tcase_add_loop_test(tests, test_qr, 0, UNDER_ASAN(3, 6));
    tcase_add_loop_test(tests, test_qr_failures, 0, 2);
    return tests;
}
