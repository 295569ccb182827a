/* Products against long double. */
#include "base/random.h"
#include "blas/blas.h"
#include "support/counted.h"
#include "support/suite.h"
#include "tensor/tensor.h"

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

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("blas");
    TCase *cases = tcase_create("blas");
    tcase_add_checked_fixture(cases, counted_begin, counted_end);
    tcase_add_loop_test(cases, products, 0, COUNT(gemm_sizes));
    tcase_add_test(cases, integers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
