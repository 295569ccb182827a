/* Products against long double, and least squares against known and computed answers. */
#include "base/random.h"
#include "blas/blas.h"
#include "support/counted.h"
#include "support/expect.h"
#include "support/suite.h"
#include "tensor/tensor.h"

#include <blasgrad/linalg.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

static double uniform(uint64_t stream, int64_t index) { return 2 * bgi_random_uniform(1, stream, (uint64_t)index) - 1; }

/* ---- Products ---- */

static const int64_t gemm_sizes[][3] = {
    { 1, 1, 1 }, { 3, 5, 7 }, { 1, 17, 64 }, { 64, 1, 9 }, { 65, 33, 129 }, { 128, 96, 300 },
    { 0, 3, 4 }, { 3, 0, 4 }, { 4, 3, 0 },   { 0, 0, 0 },  { 2, 2, 1000 },
};

/* |error| <= 16 eps (|A| |B|), as the testers of BLAS have it. */
#define CHECK_GEMM(type, suffix, epsilon)                                                                              \
    static void check_gemm_##suffix(int64_t m, int64_t n, int64_t k, bool ta, bool tb, int64_t pad)                    \
    {                                                                                                                  \
        int64_t a_rows = ta ? k : m, lda = (ta ? m : k) + pad, b_rows = tb ? n : k, ldb = (tb ? k : n) + pad;          \
        int64_t ldc = n + pad;                                                                                         \
        type *a = calloc((size_t)(a_rows * lda + 1), sizeof *a), *b = calloc((size_t)(b_rows * ldb + 1), sizeof *b);   \
        type *c = calloc((size_t)(m * ldc + 1), sizeof *c);                                                            \
        ck_assert(a &&b &&c);                                                                                          \
        for (int64_t i = 0; i < a_rows * lda; i++)                                                                     \
            a[i] = (type)uniform(1, i);                                                                                \
        for (int64_t i = 0; i < b_rows * ldb; i++)                                                                     \
            b[i] = (type)uniform(2, i);                                                                                \
        for (int64_t i = 0; i < m * ldc; i++) /* what stood there must not come through */                             \
            c[i] = i % ldc >= n ? (type)uniform(3, i) : (type)NAN;                                                     \
        bgi_blas_gemm_##suffix(ta, tb, m, n, k, a, lda, b, ldb, c, ldc);                                               \
        for (int64_t i = 0; i < m; i++)                                                                                \
            for (int64_t j = 0; j < ldc; j++) {                                                                        \
                long double before = (type)uniform(3, i * ldc + j), sum = 0, size = 0;                                 \
                for (int64_t p = 0; p < k && j < n; p++) {                                                             \
                    long double term =                                                                                 \
                        (long double)(ta ? a[p * lda + i] : a[i * lda + p]) * (tb ? b[j * ldb + p] : b[p * ldb + j]);  \
                    sum += term;                                                                                       \
                    size += fabsl(term);                                                                               \
                }                                                                                                      \
                long double error = fabsl(c[i * ldc + j] - (j < n ? sum : before));                                    \
                ck_assert_msg(!(error > (j < n ? 16 * (long double)(epsilon)*size : 0)) && !isnan((double)error),      \
                              #suffix " %lld x %lld x %lld, %d%d: [%lld, %lld] is off by %Lg", (long long)m,           \
                              (long long)n, (long long)k, ta, tb, (long long)i, (long long)j, error);                  \
            }                                                                                                          \
        free(a);                                                                                                       \
        free(b);                                                                                                       \
        free(c);                                                                                                       \
    }                                                                                                                  \
    static void check_gemv_##suffix(int64_t m, int64_t n, bool transpose, int64_t pad, int64_t incx)                   \
    {                                                                                                                  \
        int64_t lda = n + pad, x_count = transpose ? m : n, y_count = transpose ? n : m;                               \
        type *a = calloc((size_t)(m * lda + 1), sizeof *a), *x = calloc((size_t)(x_count * incx + 1), sizeof *x);      \
        type *y = calloc((size_t)(y_count + 1), sizeof *y);                                                            \
        ck_assert(a &&x &&y);                                                                                          \
        for (int64_t i = 0; i < m * lda; i++)                                                                          \
            a[i] = (type)uniform(4, i);                                                                                \
        for (int64_t i = 0; i < x_count * incx; i++)                                                                   \
            x[i] = (type)uniform(5, i);                                                                                \
        for (int64_t i = 0; i < y_count; i++)                                                                          \
            y[i] = (type)NAN;                                                                                          \
        y[y_count] = 77;                                                                                               \
        bgi_blas_gemv_##suffix(transpose, m, n, a, lda, x, incx, y);                                                   \
        for (int64_t i = 0; i < y_count; i++) {                                                                        \
            long double sum = 0, size = 0;                                                                             \
            for (int64_t p = 0; p < x_count; p++) {                                                                    \
                long double term = (long double)(transpose ? a[p * lda + i] : a[i * lda + p]) * x[p * incx];           \
                sum += term;                                                                                           \
                size += fabsl(term);                                                                                   \
            }                                                                                                          \
            long double error = fabsl(y[i] - sum);                                                                     \
            ck_assert_msg(!(error > 16 * (long double)(epsilon)*size) && !isnan((double)error),                        \
                          "gemv " #suffix " %lld x %lld, %d: [%lld] is off by %Lg", (long long)m, (long long)n,        \
                          transpose, (long long)i, error);                                                             \
        }                                                                                                              \
        ck_assert(y[y_count] == 77);                                                                                   \
        free(a);                                                                                                       \
        free(x);                                                                                                       \
        free(y);                                                                                                       \
    }
CHECK_GEMM(float, f32, FLT_EPSILON)
CHECK_GEMM(double, f64, DBL_EPSILON)

START_TEST(products)
{
    const int64_t *s = gemm_sizes[_i];
    for (int flags = 0; flags < 8; flags++) {
        check_gemm_f32(s[0], s[1], s[2], flags & 1, flags & 2, flags & 4 ? 5 : 0);
        check_gemm_f64(s[0], s[1], s[2], flags & 1, flags & 2, flags & 4 ? 5 : 0);
    }
    for (int flags = 0; flags < 8; flags++) {
        check_gemv_f32(s[0], s[2], flags & 1, flags & 2 ? 5 : 0, flags & 4 ? 3 : 1);
        check_gemv_f64(s[0], s[2], flags & 1, flags & 2 ? 5 : 0, flags & 4 ? 3 : 1);
    }
}
END_TEST

START_TEST(integers)
{
    ck_assert(bgi_blas_fits(0));
    ck_assert(bgi_blas_fits(INT32_MAX));
    ck_assert(!bgi_blas_fits(-1));
    ck_assert(!bgi_blas_fits((int64_t)1 << 31) || bgi_blas_fits(INT64_MAX)); /* 32 or 64 bit */
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
        expect_ok(bg_lstsq(&solution, a, b), bg_dtype_name(cases[i].dtype));
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
    double *av = bg_tensor_data(at), *bv = bg_tensor_data(bt);
    for (int64_t i = 0; i < n * m; i++)
        av[i] = uniform(6, i) * solved[_i].scale;
    for (int64_t i = 0; i < r * m; i++)
        bv[i] = uniform(7, i);
    expect_ok(bg_tensor_permute(&a, at, BG_ALL_AXES), "a");
    expect_ok(bg_tensor_permute(&b, bt, BG_ALL_AXES), "b");
    expect_ok(bg_lstsq(&solution, a, b), "lstsq");
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

#define THIRD (1.0 / 3)
static const struct {
    const char *name;
    bg_dtype a_dtype, b_dtype;
    bg_shape a, b; /* by custom [2, 1] and [2, 1] */
    double a_values[8], b_values[4];
    bg_status status; /* by custom BG_ERR_NUMERIC */
    const char *message;
} refusals[] = {
    { .name = "NaN in a", .a_values = { 1, NAN }, .message = "an element that is not finite" },
    { .name = "Inf in a", .a_values = { 1, INFINITY }, .message = "an element that is not finite" },
    { .name = "NaN in b", .a_values = { 1, 1 }, .b_values = { 1, NAN }, .message = "an element that is not finite" },
    { .name = "zeros", .b_values = { 1, 2 }, .message = "a [2, 1] has not full rank" },
    { .name = "a column of zeros", .a = { 2, { 2, 2 } }, .a_values = { 1, 0, 2, 0 }, .message = "full rank" },
    { .name = "equal columns",
      .a = { 2, { 3, 2 } },
      .b = { 2, { 3, 1 } },
      .a_values = { 1, 1, 2, 2, 3, 3 },
      .message = "full rank" },
    { .name = "columns that rounding tells apart",
      .a_dtype = BG_F64,
      .b_dtype = BG_F64,
      .a = { 2, { 3, 2 } },
      .b = { 2, { 3, 1 } },
      .a_values = { 0.1, 0.1 * THIRD, 0.7, 0.7 * THIRD, 0.9, 0.9 * THIRD },
      .message = "full rank" },
    { .name = "overflow",
      .a = { 2, { 1, 1 } },
      .b = { 2, { 1, 1 } },
      .a_values = { 1e-37 },
      .b_values = { 1e38 },
      .message = "solution of a [1, 1] is not finite" },
    { .name = "types", .a_dtype = BG_F64, .status = BG_ERR_DTYPE, .message = "a is f64, b is f32" },
    { .name = "integers", .a_dtype = BG_I64, .b_dtype = BG_I64, .status = BG_ERR_DTYPE, .message = "a is i64" },
    { .name = "rows", .b = { 2, { 3, 1 } }, .status = BG_ERR_SHAPE, .message = "a [2, 1] and b [3, 1]" },
    { .name = "rank of b", .b = { 1, { 2 } }, .status = BG_ERR_SHAPE, .message = "b [2]" },
    { .name = "rank of a", .a = { 1, { 2 } }, .status = BG_ERR_SHAPE, .message = "a [2]" },
    { .name = "wide",
      .a = { 2, { 1, 2 } },
      .b = { 2, { 1, 1 } },
      .status = BG_ERR_SHAPE,
      .message = "a [1, 2] has fewer rows than columns" },
};

START_TEST(refused)
{
    const bg_shape *as = &refusals[_i].a, *bs = &refusals[_i].b;
    bg_tensor *a = matrix(refusals[_i].a_dtype, as->rank ? *as : BG_SHAPE(2, 1), refusals[_i].a_values);
    bg_tensor *b = matrix(refusals[_i].b_dtype, bs->rank ? *bs : BG_SHAPE(2, 1), refusals[_i].b_values);
    bg_tensor *solution = NULL;
    bg_status status = refusals[_i].status ? refusals[_i].status : BG_ERR_NUMERIC;
    expect_failure(bg_lstsq(&solution, a, b), status, refusals[_i].message, refusals[_i].name);
    ck_assert_ptr_null(solution);
    expect_failure(bg_lstsq(&solution, NULL, b), BG_ERR_ARGUMENT, "a is missing", "NULL a");
    expect_failure(bg_lstsq(&solution, a, NULL), BG_ERR_ARGUMENT, "b is missing", "NULL b");
    expect_failure(bg_lstsq(NULL, a, b), BG_ERR_ARGUMENT, "place for the result", "NULL result");
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
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
        expect_ok(bg_lstsq(&solution, a, b), "no elements");
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
        status = bg_lstsq(&solution, a, b);
        ck_assert_msg(status == BG_OK || (status == BG_ERR_NOMEM && !solution), "allocation %lld", n);
        bg_tensor_destroy(solution);
        ck_assert_int_eq((int)counted_memory()->live, (int)live);
    }
    ck_assert_int_ge(failures, 6);
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("blas");
    TCase *cases = tcase_create("blas");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, products, 0, COUNT(gemm_sizes));
    tcase_add_test(cases, integers);
    tcase_add_test(cases, lecture);
    tcase_add_loop_test(cases, normal_equations, 0, COUNT(solved));
    tcase_add_loop_test(cases, refused, 0, COUNT(refusals));
    tcase_add_test(cases, no_elements);
    tcase_add_test(cases, out_of_memory);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
