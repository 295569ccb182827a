/* Factorisations and systems of large matrices, which all threads share: residuals as LAPACK's testers define them, the
 * same bits for any number of threads, and failures that name the right place. */
#include "linalg/blocked.h"
#include "support/draw.h"
#include "support/expect.h"
#include "support/suite.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_RATIO = 30, MOST_THREADS = 4 };

static double epsilon_of(bg_dtype dtype) { return dtype == BG_F64 ? DBL_EPSILON / 2 : FLT_EPSILON / 2; }
static double get(const bg_tensor *t, int64_t i)
{
    const void *data = bg_tensor_const_data(t);
    return bg_tensor_dtype(t) == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static void put(bg_tensor *t, int64_t i, double value)
{
    if (bg_tensor_dtype(t) == BG_F64)
        ((double *)bg_tensor_data(t))[i] = value;
    else
        ((float *)bg_tensor_data(t))[i] = (float)value;
}

/* ---- Matrices of doubles, which the results are judged in ---- */

typedef struct {
    int64_t rows, columns;
    double *data;
} matrix;
static matrix new_matrix(int64_t rows, int64_t columns)
{
    matrix x = { rows, columns, calloc((size_t)(rows * columns + 1), sizeof *x.data) };
    ck_assert_ptr_nonnull(x.data);
    return x;
}
static matrix matrix_of(const bg_tensor *t, int64_t index, int64_t rows, int64_t columns)
{
    matrix x = new_matrix(rows, columns);
    for (int64_t i = 0; i < rows * columns; i++)
        x.data[i] = get(t, index * rows * columns + i);
    return x;
}
static matrix turned(matrix x)
{
    matrix y = new_matrix(x.columns, x.rows);
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t j = 0; j < x.columns; j++)
            y.data[j * x.rows + i] = x.data[i * x.columns + j];
    return y;
}
static matrix product(matrix x, matrix w)
{
    matrix y = new_matrix(x.rows, w.columns);
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t k = 0; k < x.columns; k++)
            for (int64_t j = 0; j < w.columns; j++)
                y.data[i * w.columns + j] += x.data[i * x.columns + k] * w.data[k * w.columns + j];
    return y;
}
/* The largest sum of magnitudes in a row of x - y, where y may be left out. */
static double norm_between(matrix x, const matrix *y)
{
    double largest = 0;
    for (int64_t i = 0; i < x.rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < x.columns; j++)
            sum += fabs(x.data[i * x.columns + j] - (y ? y->data[i * x.columns + j] : 0));
        largest = sum <= largest ? largest : sum; /* keeps NaN */
    }
    return largest;
}
static void expect_ratio(double residual, double size, bg_dtype dtype, const char *what, int64_t n)
{
    double ratio = size > 0 ? residual / size / epsilon_of(dtype) : residual;
    ck_assert_msg(ratio <= MOST_RATIO, "%s, n %lld, %s: the residual is %g times what it may be", what, (long long)n,
                  bg_dtype_name(dtype), ratio / MOST_RATIO);
}

static const bg_dtype types[] = { BG_F32, BG_F64 };
static draw numbers;
static double any(void) { return draw_between(&numbers, -1, 1); }

/* ---- Programs ---- */

typedef bg_node *build_function(bg_node **operands, int which);
enum { MOST_OPERANDS = 2 };
typedef struct {
    build_function *build;
    int which;
    bg_dtype dtype;
    bg_shape shapes[MOST_OPERANDS];
    int n_operands;
    void (*fill)(bg_tensor **operands, int which);
} problem;

/* Its status, and the operands and the result where they are wanted: the caller's to free. */
static bg_status solve(const problem *p, int threads, bg_tensor **operands, bg_tensor **result)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_node *nodes[MOST_OPERANDS];
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    for (int k = 0; k < p->n_operands; k++)
        expect_ok(bg_tensor_create(&operands[k], engine, p->dtype, p->shapes[k]), "operand");
    numbers = draw_from(7);
    p->fill(operands, p->which);
    for (int k = 0; k < p->n_operands; k++)
        nodes[k] = bg_parameter(graph, operands[k]);
    bg_node *y = p->build(nodes, p->which);
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    bg_status status = bg_program_run(program);
    if (status == BG_OK)
        status = bg_program_run(program); /* what it works on is as before */
    if (status == BG_OK) {
        const bg_tensor *output = bg_program_output(program, 0);
        expect_ok(bg_tensor_create(result, engine, bg_tensor_dtype(output), bg_tensor_shape(output)), "result");
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(output)) * bg_dtype_size(bg_tensor_dtype(output));
        expect_ok(bg_tensor_copy_from(*result, bg_tensor_const_data(output), bytes), "result");
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
    return status;
}
static void forget(const problem *p, bg_tensor **operands, bg_tensor *result)
{
    for (int k = 0; k < p->n_operands; k++)
        bg_tensor_destroy(operands[k]);
    bg_tensor_destroy(result);
}

/* All operands and the result of one thread; the same bits of more. */
static void solve_alike(const problem *p, bg_tensor **operands, bg_tensor **result, const char *what)
{
    expect_ok(solve(p, 1, operands, result), what);
    for (int threads = 2; threads <= MOST_THREADS; threads++) {
        bg_tensor *others[MOST_OPERANDS], *other = NULL;
        expect_ok(solve(p, threads, others, &other), what);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(other)) * bg_dtype_size(bg_tensor_dtype(other));
        ck_assert_msg(memcmp(bg_tensor_const_data(*result), bg_tensor_const_data(other), bytes) == 0,
                      "%s: other bits on %d threads", what, threads);
        forget(p, others, other);
    }
}

/* ---- Cholesky ---- */

static bg_node *build_cholesky(bg_node **operands, int upper)
{
    return bg_cholesky(operands[0], upper ? BG_UPPER : BG_LOWER);
}
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
                                BG_SHAPE(3, 300, 300), BG_SHAPE(2, 2, 256, 256), BG_SHAPE(0, 300, 300) };
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

/* What a factorisation of a matrix of n rows fails with; the numbers of the second of two matrices are altered. */
typedef struct {
    const char *name;
    int64_t row, column;
    double value;
    const char *message;
} mistake;
static const mistake *altered;
enum { BAD_ROWS = 300 };
static void alter(bg_tensor *a, int index)
{
    put(a, (index * BAD_ROWS + altered->row) * BAD_ROWS + altered->column, altered->value);
}
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

/* ---- Triangular systems ---- */

enum { IS_UPPER = 1, IS_TRANSPOSED = 2, IS_UNIT = 4, IS_RIGHT = 8, ALL_OPTIONS = 16 };
static bg_node *build_solution(bg_node **operands, int which)
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
    matrix op = which & IS_TRANSPOSED ? turned(a) : turned(turned(a));
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
    static const int64_t extents[][3] = { { 256, 1, 1 }, { 257, 16, 1 }, { 300, 100, 2 }, { 260, 150, 0 } };
    bool is_right = _i & IS_RIGHT;
    for (int t = 0; t < 2; t++)
        for (int e = 0; e < 4; e++) {
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

/* ---- LU ---- */

enum { LOWER, UPPER, PERMUTATION, PARTS };
static bg_node *build_lu(bg_node **operands, int part)
{
    bg_lu_factors lu = bg_lu(operands[0]);
    return part == LOWER ? lu.lower : part == UPPER ? lu.upper : lu.permutation;
}
static void fill_any(bg_tensor **operands, int which)
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
        put(operands[0], i * n + 150, 0);
        put(operands[0], i * n + 7, get(operands[0], i * n + 7) * 1e30);
        put(operands[0], i * n + 200, get(operands[0], i * n + 200) * 1e-30);
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
    const bg_shape shapes[] = { BG_SHAPE(256, 256),    BG_SHAPE(257, 257), BG_SHAPE(400, 300),   BG_SHAPE(260, 350),
                                BG_SHAPE(3, 300, 256), BG_SHAPE(330, 330), BG_SHAPE(0, 300, 300) };
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

/* ---- Systems by factors ---- */

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
    static const int64_t extents[][3] = { { 256, 1, 1 }, { 290, 40, 2 }, { 257, 150, 1 }, { 260, 16, 0 } };
    for (int t = 0; t < 2; t++)
        for (int e = 0; e < 4; e++) {
            int64_t n = extents[e][0], sides = extents[e][1], batch = extents[e][2];
            bg_tensor *operands[MOST_OPERANDS], *y = NULL;
            problem p = { build_system, _i, types[t], { BG_SHAPE(batch, n, n), BG_SHAPE(batch, n, sides) }, 2,
                          fill_system };
            solve_alike(&p, operands, &y, "a system");
            for (int64_t m = 0; m < batch; m++) {
                matrix stored = matrix_of(operands[0], m, n, n), b = matrix_of(operands[1], m, n, sides);
                matrix a = _i == SOLVE_TRANSPOSED ? turned(stored) : turned(turned(stored));
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

/* ---- QR ---- */

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

/* ---- Gradients ---- */

enum { UPPER_RESULT = 1, TURNS_A = 2, TURNS_B = 4, UNIT_OF_A = 8, ALL_TRIANGLES = 16 };
static bg_node *build_triangle_product(bg_node **operands, int which)
{
    return bgi_triangle_product(operands[0], operands[1],
                                &(bgi_triangles){ .upper = which & UPPER_RESULT,
                                                  .turns_a = which & TURNS_A,
                                                  .turns_b = which & TURNS_B,
                                                  .has_unit_of_a = which & UNIT_OF_A });
}
/* Nobody reads what is outside the triangles. */
static void fill_triangles(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1];
    for (int k = 0; k < 2; k++) {
        bool turns = which & (k ? TURNS_B : TURNS_A), upper = (k == 0) != turns;
        for (int64_t at = 0; at < bg_shape_count(shape); at++) {
            int64_t i = at / n % n, j = at % n;
            bool is_unit = k == 0 && which & UNIT_OF_A && i == j;
            put(operands[k], at, is_unit || (upper ? j < i : j > i) ? NAN : any());
        }
    }
}
static matrix triangle_of(const bg_tensor *t, int64_t index, int64_t n, bool upper, bool turns, bool is_unit)
{
    matrix stored = matrix_of(t, index, n, n), x = turns ? turned(stored) : turned(turned(stored));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (upper ? j < i : j > i)
                x.data[i * n + j] = 0;
            else if (i == j && is_unit)
                x.data[i * n + j] = 1;
    free(stored.data);
    return x;
}
START_TEST(test_triangle_product)
{
    for (int t = 0; t < 2; t++) {
        int64_t n = 150 + 13 * (_i % 4);
        bg_tensor *operands[MOST_OPERANDS], *y = NULL;
        problem p = {
            build_triangle_product, _i, types[t], { BG_SHAPE(2, n, n), BG_SHAPE(2, n, n) }, 2, fill_triangles
        };
        solve_alike(&p, operands, &y, "triangle_product");
        for (int64_t m = 0; m < 2; m++) {
            bool upper = _i & UPPER_RESULT;
            matrix a = triangle_of(operands[0], m, n, true, _i & TURNS_A, _i & UNIT_OF_A);
            matrix b = triangle_of(operands[1], m, n, false, _i & TURNS_B, false);
            matrix x = product(a, b), got = matrix_of(y, m, n, n);
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++)
                    if (upper ? j < i : j > i)
                        x.data[i * n + j] = 0;
            expect_ratio(norm_between(got, &x), norm_between(a, NULL) * norm_between(b, NULL), types[t],
                         "triangle_product", n);
            free(a.data);
            free(b.data);
            free(x.data);
            free(got.data);
        }
        forget(&p, operands, y);
    }
}
END_TEST

/* The gradient of a sum with random factors in a random direction, and what the sum changes by. */
static const struct {
    const char *name;
    build_function *build;
    int which;
    bool is_symmetric;
} functions[] = {
    { "cholesky", build_cholesky, 0, true },
    { "upper cholesky", build_cholesky, 1, true },
    { "lower", build_lu, LOWER, false },
    { "upper", build_lu, UPPER, false },
    { "triangular system", build_solution, IS_UPPER | IS_RIGHT, false },
    { "transposed triangular system", build_solution, IS_TRANSPOSED, false },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };
START_TEST(test_gradients)
{
    enum { N = 260 };
    const bg_shape shape = BG_SHAPE(N, N);
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *operands[MOST_OPERANDS], *factors;
    bg_node *nodes[MOST_OPERANDS], *outputs[2];
    static double start[N * N], direction[N * N];
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    numbers = draw_from(23);
    expect_ok(bg_tensor_create(&factors, engine, BG_F64, shape), "factors");
    for (int64_t i = 0; i < N * N; i++)
        put(factors, i, any());
    for (int k = 0; k < 2; k++) {
        expect_ok(bg_tensor_create(&operands[k], engine, BG_F64, shape), "operand");
        for (int64_t i = 0; i < N * N; i++)
            put(operands[k], i, any() / N + (i / N == i % N ? 2 : 0));
        nodes[k] = bg_parameter(graph, operands[k]);
    }
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j <= i; j++) {
            direction[i * N + j] = any();
            direction[j * N + i] = functions[_i].is_symmetric ? direction[i * N + j] : any();
            if (functions[_i].is_symmetric)
                put(operands[0], j * N + i, get(operands[0], i * N + j));
        }
    for (int64_t i = 0; i < N * N; i++)
        start[i] = get(operands[0], i);
    bg_node *y = functions[_i].build(nodes, functions[_i].which);
    outputs[0] = bg_sum(bg_mul(y, bg_constant(graph, factors)), BG_ALL_AXES);
    expect_ok(bg_grad(outputs[0], nodes, 1, &outputs[1]), functions[_i].name);
    expect_ok(bg_compile(&program, graph, outputs, 2, NULL), functions[_i].name);
    expect_ok(bg_program_run(program), functions[_i].name);
    double slope = 0, sums[2], step = 1e-5;
    for (int64_t i = 0; i < N * N; i++)
        slope += get(bg_program_output(program, 1), i) * direction[i];
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < N * N; i++)
            put(operands[0], i, start[i] + (k ? step : -step) * direction[i]);
        expect_ok(bg_program_run(program), functions[_i].name);
        sums[k] = get(bg_program_output(program, 0), 0);
    }
    double difference = (sums[1] - sums[0]) / (2 * step);
    ck_assert_msg(fabs(slope - difference) <= 1e-6 * (1 + fabs(slope)), "%s: the slope is %.12g, the difference %.12g",
                  functions[_i].name, slope, difference);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(factors);
    for (int k = 0; k < 2; k++)
        bg_tensor_destroy(operands[k]);
    bg_engine_destroy(engine);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("blocked factorisations");
    TCase *tests = tcase_create("blocked factorisations");
    tcase_add_loop_test(tests, test_cholesky, 0, 6);
    tcase_add_loop_test(tests, test_cholesky_failures, 0, 7);
    tcase_add_test(tests, test_cholesky_of_hard_matrices);
    tcase_add_loop_test(tests, test_solve_triangular, 0, ALL_OPTIONS);
    tcase_add_loop_test(tests, test_solve_triangular_failures, 0, 4);
    tcase_add_loop_test(tests, test_lu, 0, 7);
    tcase_add_loop_test(tests, test_lu_failures, 0, 3);
    tcase_add_loop_test(tests, test_systems, 0, SYSTEMS);
    tcase_add_loop_test(tests, test_system_failures, 0, 5);
    tcase_add_loop_test(tests, test_qr, 0, 6);
    tcase_add_loop_test(tests, test_qr_failures, 0, 2);
    tcase_add_loop_test(tests, test_triangle_product, 0, ALL_TRIANGLES);
    tcase_add_loop_test(tests, test_gradients, 0, FUNCTIONS);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
