/* Linear algebra of batches of small matrices, which lie side by side: the same bits wherever a matrix stands in the
 * batch and for any number of threads, agreement with one LAPACK call a matrix, and errors that name the first matrix.
 */
#include "support/draw.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include "linalg/small.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OUTPUTS = 4, RIGHT = 3 };

/* ---- Running ---- */

typedef struct {
    const char *name;
    int (*build)(bg_node *const *x, bg_node **y, int way);
    int ways;
} family;

static int build_cholesky(bg_node *const *x, bg_node **y, int way)
{
    y[0] = bg_cholesky(x[0], way ? BG_UPPER : BG_LOWER);
    return 1;
}
static int build_triangular(bg_node *const *x, bg_node **y, int way)
{
    bg_triangular_options options = {
        .triangle = way & 1 ? BG_UPPER : BG_LOWER, .is_transposed = way & 2, .is_unit = way & 4, .is_right = way & 8
    };
    bg_node *b = options.is_right ? bg_transpose(x[1], -1, -2) : x[1];
    /* A unit triangle of elements below 1 / n is far from singular too. */
    bg_node *a = options.is_unit ? bg_mul_scalar(x[0], 0.05) : x[0];
    y[0] = bg_solve_triangular(a, b, &options);
    return 1;
}
static int build_lu(bg_node *const *x, bg_node **y, int way)
{
    bg_node *a = way ? bg_narrow(x[0], way == 1 ? -1 : -2, 0, (bg_node_shape(x[0]).dims[1] + 1) / 2) : x[0];
    bg_lu_factors lu = bg_lu(a);
    y[0] = lu.lower;
    y[1] = lu.upper;
    y[2] = bg_cast(lu.permutation, bg_node_dtype(a));
    return 3;
}
/* The gradient has the solution of the transposed system. */
static int build_solve(bg_node *const *x, bg_node **y, int way)
{
    (void)way;
    y[0] = bg_solve(x[0], x[1]);
    y[1] = bg_inv(x[0]);
    bg_grad(bg_sum(bg_mul(y[0], y[0]), BG_ALL_AXES), x, 2, y + 2);
    return 4;
}
static int build_spd(bg_node *const *x, bg_node **y, int way)
{
    y[0] = bg_solve_spd(x[0], x[1], way ? BG_UPPER : BG_LOWER);
    bg_grad(bg_sum(bg_mul(y[0], y[0]), BG_ALL_AXES), x, 2, y + 1);
    bg_grad(bg_sum(bg_logdet_spd(x[0], way ? BG_UPPER : BG_LOWER), BG_ALL_AXES), x, 1, y + 3);
    return 4;
}
static const family families[] = { { "cholesky", build_cholesky, 2 },
                                   { "triangular", build_triangular, 16 },
                                   { "lu", build_lu, 3 },
                                   { "solve", build_solve, 1 },
                                   { "solve_spd", build_spd, 2 } };
enum { FAMILIES = (int)(sizeof families / sizeof families[0]) };

/* Symmetric with a diagonal that keeps it positive definite; its rows in turn, for pivoting, unless it is factored as
 * it is. */
static void fill_matrix(double *a, int64_t n, bool is_turned, uint64_t seed)
{
    draw numbers = draw_from(seed + 1);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            int64_t row = is_turned ? (i + n / 2) % n : i, other = is_turned ? (j + n / 2) % n : j;
            double x = draw_between(&numbers, -1, 1) + (i == j ? 1 + 2 * sqrt((double)n) : 0);
            a[row * n + j] = a[other * n + i] = (double)(float)x;
        }
}

typedef struct {
    bg_engine *engine;
    bg_tensor *in[2], *out[MOST_OUTPUTS];
    int count;
    bg_status status;
} run;

static void put(bg_tensor *x, int64_t i, double value)
{
    if (bg_tensor_dtype(x) == BG_F64)
        ((double *)bg_tensor_data(x))[i] = value;
    else
        ((float *)bg_tensor_data(x))[i] = (float)value;
}

/* Of matrices number first .. of an endless batch, or of those in a. */
static run compute(const family *f, int way, bg_dtype dtype, int64_t n, int64_t first, int64_t batch, int threads,
                   const double *a)
{
    run r = { .engine = NULL };
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_node *x[2], *y[MOST_OUTPUTS];
    OK(bg_engine_create(&r.engine, &(bg_engine_options){ .threads = threads }));
    OK(bg_tensor_create(&r.in[0], r.engine, dtype, BG_SHAPE(batch, n, n)));
    OK(bg_tensor_create(&r.in[1], r.engine, dtype, BG_SHAPE(batch, n, RIGHT)));
    double *matrix = malloc((size_t)(n * n) * sizeof *matrix);
    ck_assert_ptr_nonnull(matrix);
    for (int64_t i = 0; i < batch; i++) {
        fill_matrix(matrix, n, f->build == build_lu || f->build == build_solve, (uint64_t)(first + i));
        draw numbers = draw_from((uint64_t)(first + i) + 7);
        for (int64_t k = 0; k < n * n; k++)
            put(r.in[0], i * n * n + k, a ? a[i * n * n + k] : matrix[k]);
        for (int64_t k = 0; k < n * RIGHT; k++)
            put(r.in[1], i * n * RIGHT + k, draw_between(&numbers, -1, 1));
    }
    free(matrix);
    OK(bg_graph_create(&graph, r.engine));
    for (int k = 0; k < 2; k++)
        x[k] = bg_input(graph, k ? "b" : "a", dtype, bg_tensor_shape(r.in[k]));
    r.count = f->build(x, y, way);
    OK(bg_compile(&program, graph, y, (size_t)r.count, NULL));
    for (int k = 0; k < 2; k++)
        if (bg_program_bind(program, x[k], r.in[k]) != BG_OK)
            ck_assert_int_eq(k, 1); /* b, which a factorisation has not */
    r.status = bg_program_run(program);
    for (int k = 0; k < r.count && r.status == BG_OK; k++) {
        const bg_tensor *from = bg_program_output(program, (size_t)k);
        OK(bg_tensor_create(&r.out[k], r.engine, bg_tensor_dtype(from), bg_tensor_shape(from)));
        OK(bg_tensor_copy(r.out[k], from));
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    return r;
}
static void end(run *r)
{
    for (int k = 0; k < 2; k++)
        bg_tensor_destroy(r->in[k]);
    for (int k = 0; k < r->count; k++)
        bg_tensor_destroy(r->out[k]);
    bg_engine_destroy(r->engine);
}

static size_t part_bytes(const bg_tensor *x, int64_t batch)
{
    return (size_t)(bg_shape_count(bg_tensor_shape(x)) / batch) * bg_dtype_size(bg_tensor_dtype(x));
}

/* ---- Bits ---- */

static const int64_t extents[] = { 1, 2, 4, 5, 8, 17 };
enum { EXTENTS = (int)(sizeof extents / sizeof extents[0]), WHOLE = 37 };

/* A batch of 37 is two groups and a part of one; smaller ones begin elsewhere in it. */
START_TEST(same_bits_wherever)
{
    static const int64_t parts[][2] = { { 0, 4 }, { 3, 16 }, { 5, 17 }, { 20, 17 } };
    const family *f = &families[_i / EXTENTS];
    int64_t n = extents[_i % EXTENTS];
    for (int k = 0; k < 2 * f->ways; k++) {
        bg_dtype dtype = k % 2 ? BG_F64 : BG_F32;
        run whole = compute(f, k / 2, dtype, n, 0, WHOLE, 1, NULL);
        expect_ok(whole.status, f->name);
        for (int p = 0; p < 4 + 3; p++) {
            int64_t first = p < 4 ? parts[p][0] : 0, batch = p < 4 ? parts[p][1] : WHOLE;
            run part = compute(f, k / 2, dtype, n, first, batch, p < 4 ? 2 : p - 2, NULL);
            expect_ok(part.status, f->name);
            for (int o = 0; o < whole.count; o++) {
                size_t bytes = part_bytes(whole.out[o], WHOLE);
                const char *all = bg_tensor_const_data(whole.out[o]);
                ck_assert_msg(
                    !memcmp(all + (size_t)first * bytes, bg_tensor_const_data(part.out[o]), bytes * (size_t)batch),
                    "%s %d, %d: output %d of %d from %d differs", f->name, k, (int)n, o, (int)batch, (int)first);
            }
            end(&part);
        }
        end(&whole);
    }
}
END_TEST

/* ---- Values ---- */

/* Batches of three go one by one. */
START_TEST(agrees_with_one_by_one)
{
    const family *f = &families[_i / EXTENTS];
    int64_t n = extents[_i % EXTENTS];
    for (int k = 0; k < 2 * f->ways; k++) {
        bg_dtype dtype = k % 2 ? BG_F64 : BG_F32;
        double epsilon = dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
        run side = compute(f, k / 2, dtype, n, 0, 6, 1, NULL);
        expect_ok(side.status, f->name);
        for (int64_t first = 0; first < 6; first += 3) {
            run alone = compute(f, k / 2, dtype, n, first, 3, 1, NULL);
            expect_ok(alone.status, f->name);
            for (int o = 0; o < side.count; o++) {
                int64_t count = bg_shape_count(bg_tensor_shape(alone.out[o]));
                for (int64_t i = 0; i < count; i++) {
                    double expected = value_at(alone.out[o], i), found = value_at(side.out[o], first * count / 3 + i);
                    ck_assert_msg(fabs(found - expected) <= 300 * epsilon * (1 + fabs(expected)),
                                  "%s %d, %d: output %d: %.17g, not %.17g", f->name, k, (int)n, o, found, expected);
                }
            }
            end(&alone);
        }
        end(&side);
    }
}
END_TEST

/* ---- Errors ---- */

enum { BATCH = 40, N = 5 };
/* Element [row, column] of a matrix becomes a value; the message. A later failure must not hide an earlier one. */
static const struct {
    int family, way;
    struct {
        int matrix, row, column;
        double value;
    } changes[3];
    const char *message; /* NULL: none */
} failures[] = {
    { 0,
      0,
      { { 33, 2, 2, -1 } },
      "cholesky: matrix [33] of [40]: not positive definite: the leading minor of order 3 " },
    { 0,
      1,
      { { 39, 0, 0, 0 } },
      "cholesky: matrix [39] of [40]: not positive definite: the leading minor of order 1 " },
    { 0,
      0,
      { { 20, 1, 1, -1 }, { 18, 4, 4, -1 } },
      "matrix [18] of [40]: not positive definite: the leading minor of order 5" },
    { 0, 0, { { 20, 1, 1, -1 }, { 18, 4, 1, NAN } }, "cholesky: matrix [18] of [40]: a is nan at [4, 1]" },
    { 0,
      0,
      { { 20, 1, 1, NAN }, { 18, 4, 4, -1 } },
      "matrix [18] of [40]: not positive definite: the leading minor of order 5" },
    { 0, 0, { { 20, 1, 1, INFINITY }, { 35, 4, 4, -1 } }, "cholesky: matrix [20] of [40]: a is inf at [1, 1]" },
    { 0, 0, { { 20, 1, 3, NAN }, { 0, 0, 4, INFINITY } }, NULL },
    { 0, 1, { { 20, 3, 1, NAN }, { 0, 4, 0, INFINITY } }, NULL },
    { 1, 0, { { 17, 3, 3, 0 } }, "solve_triangular: matrix [17] of [40]: a is singular: 0 at [3, 3]" },
    { 1,
      1,
      { { 17, 3, 3, 0 }, { 16, 0, 4, -INFINITY } },
      "solve_triangular: matrix [16] of [40]: a is -inf at [0, 4]" },
    { 1, 0, { { 17, 0, 4, NAN } }, NULL },
    { 1, 4, { { 17, 3, 3, 0 } }, NULL },
    { 1, 5, { { 17, 3, 3, NAN }, { 20, 2, 0, NAN } }, NULL },
    { 1, 4, { { 17, 3, 3, NAN }, { 20, 2, 0, NAN } }, "solve_triangular: matrix [20] of [40]: a is nan at [2, 0]" },
    { 1,
      0,
      { { 17, 1, 1, 1e-43 }, { 19, 3, 3, 0 } },
      "solve_triangular: matrix [17] of [40]: the result is beyond the range of f32 at [1, " },
    { 2, 0, { { 30, 2, 2, NAN }, { 12, 1, 0, INFINITY } }, "lu: matrix [12] of [40]: a is inf at [1, 0]" },
    { 3, 0, { { 30, 2, 2, NAN } }, "matrix [30] of [40]: a is nan at [2, 2]" },
};
enum { FAILURES = (int)(sizeof failures / sizeof failures[0]) };
START_TEST(errors)
{
    const family *f = &families[failures[_i].family];
    static double a[BATCH * N * N];
    for (int64_t i = 0; i < BATCH; i++)
        fill_matrix(a + i * N * N, N, f->build == build_lu || f->build == build_solve, (uint64_t)i);
    for (int k = 0; k < 3; k++)
        if (failures[_i].changes[k].matrix || failures[_i].changes[k].column)
            a[(failures[_i].changes[k].matrix * N + failures[_i].changes[k].row) * N + failures[_i].changes[k].column] =
                failures[_i].changes[k].value;
    for (int threads = 1; threads <= 3; threads += 2) {
        run r = compute(f, failures[_i].way, BG_F32, N, 0, BATCH, threads, a);
        bool is_right = failures[_i].message
                            ? r.status == BG_ERR_NUMERIC && strstr(bg_last_error(), failures[_i].message)
                            : r.status == BG_OK;
        ck_assert_msg(is_right, "%d, %d threads: %s", _i, threads, r.status ? bg_last_error() : "no error");
        end(&r);
    }
}
END_TEST

/* A row of zeros in some matrices: a factorisation, but no solution. */
START_TEST(singular)
{
    static double a[BATCH * N * N];
    for (int64_t i = 0; i < BATCH; i++)
        fill_matrix(a + i * N * N, N, true, (uint64_t)i);
    for (int matrix = 21; matrix < BATCH; matrix += 9)
        memset(a + (matrix * N + 3) * N, 0, N * sizeof *a);
    run r = compute(&families[2], 0, BG_F64, N, 0, BATCH, 2, a);
    OK(r.status);
    ck_assert(value_at(r.out[1], (21 * N + N - 1) * N + N - 1) == 0);
    end(&r);
    r = compute(&families[3], 0, BG_F64, N, 0, BATCH, 2, a);
    expect_failure(r.status, BG_ERR_NUMERIC, "solve: matrix [21] of [40]: a is singular: pivot 5 of 5 is 0", "solve");
    end(&r);
}
END_TEST

/* What the tests above are about is what runs. */
START_TEST(serves)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    OK(bg_engine_create(&engine, NULL));
    OK(bg_graph_create(&graph, engine));
    for (int k = 0; k < 2; k++) {
        bg_dtype dtype = k ? BG_F64 : BG_F32;
        for (int kind = BGI_SMALL_CHOLESKY; kind <= BGI_SMALL_LU; kind++) {
            ck_assert(bgi_small_serves((bgi_small_kind)kind, bg_input(graph, "a", dtype, BG_SHAPE(4, 4, 4)), 4));
            ck_assert(!bgi_small_serves((bgi_small_kind)kind, bg_input(graph, "b", dtype, BG_SHAPE(3, 4, 4)), 4));
            ck_assert(!bgi_small_serves((bgi_small_kind)kind, bg_input(graph, "c", dtype, BG_SHAPE(4, 0, 0)), 0));
            ck_assert(!bgi_small_serves((bgi_small_kind)kind, bg_input(graph, "d", dtype, BG_SHAPE(4, 90, 90)), 90));
            ck_assert(!bgi_small_serves((bgi_small_kind)kind, bg_input(graph, "e", dtype, BG_SHAPE(4, 4, 5000)), 4));
        }
    }
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_small");
    TCase *tests = tcase_create("small");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, same_bits_wherever, 0, FAMILIES * EXTENTS);
    tcase_add_loop_test(tests, agrees_with_one_by_one, 0, FAMILIES * EXTENTS);
    tcase_add_loop_test(tests, errors, 0, FAILURES);
    tcase_add_test(tests, singular);
    tcase_add_test(tests, serves);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
