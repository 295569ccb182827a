/* Sums and maxima of rows and columns, on every instruction set that this processor has. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdlib.h>

static draw numbers;
static long double random_unit(void) { return (long double)draw_between(&numbers, -1, 1); }

static void check_rows(const element *e, int64_t rows, int64_t cols, int64_t stride, int scale)
{
    void *a = malloc((size_t)(rows * stride + cols + 1) * e->size);
    double sums[40], maxima[40], first[40];
    int tables = 0;
    ck_assert_ptr_nonnull(a);
    for (int64_t i = 0; i < rows * stride + cols; i++)
        put(e, a, i, scale ? random_unit() : random_unit() + 1);
    FOR_EACH_TABLE(table)
    {
        const bgk_kernels *k = kernels_of(table, e);
        for (int i = 0; i < 40; i++) {
            put(e, sums, i, 77);
            put(e, maxima, i, 77);
        }
        k->sum_rows(sums, a, rows, cols, stride);
        k->max_rows(maxima, a, rows, cols, stride);
        for (int64_t r = 0; r < rows; r++) {
            long double sum = 0, size = 0, max = -INFINITY;
            for (int64_t j = 0; j < cols; j++) {
                const long double x = get(e, a, r * stride + j);
                sum += x;
                size += fabsl(x);
                max = x > max ? x : max;
            }
            if (!(fabsl(get(e, sums, r) - sum) <= 4 * e->epsilon * size))
                ck_abort_msg("sum_rows %s %s: row %lld of [%lld, %lld]: %La, exact %La", e->name, table->name,
                             (long long)r, (long long)rows, (long long)cols, get(e, sums, r), sum);
            if (get(e, maxima, r) != max)
                ck_abort_msg("max_rows %s %s: row %lld of [%lld, %lld]: %La, exact %La", e->name, table->name,
                             (long long)r, (long long)rows, (long long)cols, get(e, maxima, r), max);
        }
        for (int64_t r = rows; r < 40; r++)
            if (get(e, sums, r) != 77 || get(e, maxima, r) != 77)
                ck_abort_msg("*_rows %s %s: [%lld, %lld]: wrote row %lld", e->name, table->name, (long long)rows,
                             (long long)cols, (long long)r);
        if (tables++ == 0)
            memcpy(first, sums, sizeof first);
        else if (memcmp(first, sums, (size_t)rows * e->size))
            ck_abort_msg("sum_rows %s %s: [%lld, %lld]: other bits than on another instruction set", e->name,
                         table->name, (long long)rows, (long long)cols);
    }
    free(a);
}

START_TEST(row_reductions)
{
    static const int64_t long_rows[] = { 100, 127, 1000, 4095, 4096, 4097, 9000, 100003 };
    FOR_EACH_ELEMENT(e)
    {
        for (int64_t rows = 0; rows <= 18; rows++)
            for (int64_t cols = 0; cols <= MAX_N; cols++)
                check_rows(e, rows, cols, cols + (rows + cols) % 3, (int)(cols & 1));
        for (int i = 0; i < 8; i++)
            check_rows(e, 3, long_rows[i], long_rows[i] + i % 2, i & 1);
        check_rows(e, 33, 10, 10, 1);
    }
}
END_TEST

/* A NaN anywhere is the maximum and the sum; rows of negative numbers have a negative maximum. */
START_TEST(row_reductions_keep_nan)
{
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t cols = 1; cols <= MAX_N; cols++)
        for (int64_t where = -1; where < cols; where++) {
            double a[MAX_N], max = 0, sum = 0;
            for (int64_t j = 0; j < cols; j++)
                put(e, a, j, j == where ? (long double)NAN : -1 - j);
            kernels_of(table, e)->max_rows(&max, a, 1, cols, cols);
            kernels_of(table, e)->sum_rows(&sum, a, 1, cols, cols);
            const long double m = get(e, &max, 0), s = get(e, &sum, 0);
            if (where < 0 ? m != -1 : !(isnan(m) && isnan(s)))
                ck_abort_msg("max_rows %s %s: NaN at %lld of %lld: %Lg, sum %Lg", e->name, table->name,
                             (long long)where, (long long)cols, m, s);
        }
}
END_TEST

START_TEST(long_sums_are_exact_where_they_can_be)
{
    const int64_t n = (int64_t)1 << 25;
    float *a = malloc((size_t)n * sizeof *a);
    ck_assert_ptr_nonnull(a);
    for (int64_t i = 0; i < n; i++)
        a[i] = 1;
    FOR_EACH_TABLE(table)
    {
        float sum = 0;
        table->f32.sum_rows(&sum, a, 1, n, n);
        if (!(sum == 33554432.0f))
            ck_abort_msg("sum_rows f32 %s: 2^25 ones: %f", table->name, (double)sum);
        table->f32.sum_fold(&sum, a, n / 2, 1, 2);
        if (!(sum == 16777216.0f))
            ck_abort_msg("sum_fold f32 %s: 2^24 ones: %f", table->name, (double)sum);
    }
    for (int64_t i = 0; i < n / 2; i++)
        a[i] = 1e-8f;
    a[0] = 1;
    FOR_EACH_TABLE(table)
    {
        float sum = 0;
        table->f32.sum_rows(&sum, a, 1, n / 2, n);
        if (!(fabs((double)sum - 1.16777213958) <= 4 * 1.19e-7 * 1.17))
            ck_abort_msg("sum_rows f32 %s: 1 and 2^24 times 1e-8: %.9g", table->name, (double)sum);
    }
    free(a);
}
END_TEST

/* Sums of one run in f64, for f32 too, about a centre that is far from 0. */
START_TEST(wide_moments)
{
    static const int64_t lengths[] = { 100, 128, 1000, 4096, 4099 };
    FOR_EACH_ELEMENT(e)
    for (int64_t i = 0; i <= MAX_N + 5; i++) {
        const int64_t n = i <= MAX_N ? i : lengths[i - MAX_N - 1];
        static double a[4099];
        const double centre = i % 2 ? 10000.001 : 0.25;
        long double sum = 0, size = 0, spread = 0;
        for (int64_t j = 0; j < n; j++) {
            put(e, a, j, (long double)centre + random_unit());
            const long double x = get(e, a, j);
            sum += x;
            size += fabsl(x);
            spread += (x - centre) * (x - centre);
        }
        double first[2] = { 0, 0 };
        int tables = 0;
        FOR_EACH_TABLE(table)
        {
            const bgk_kernels *k = kernels_of(table, e);
            const double found[2] = { k->wide_sum(a, 77, n), k->wide_spread(a, centre, n) };
            const long double epsilon = 0x1p-52L;
            if (!(fabsl(found[0] - sum) <= 16 * epsilon * size))
                ck_abort_msg("wide_sum %s %s: %lld elements: %a, exact %La", e->name, table->name, (long long)n,
                             found[0], sum);
            if (!(fabsl(found[1] - spread) <= 16 * epsilon * spread))
                ck_abort_msg("wide_spread %s %s: %lld elements: %a, exact %La", e->name, table->name, (long long)n,
                             found[1], spread);
            if (tables++ == 0)
                memcpy(first, found, sizeof first);
            else if (memcmp(first, found, sizeof first))
                ck_abort_msg("wide moments %s %s: %lld elements: other bits than on another instruction set", e->name,
                             table->name, (long long)n);
        }
    }
}
END_TEST

START_TEST(column_reductions)
{
    static const int64_t row_counts[] = { 0, 1, 2, 3, 7, 511, 512, 513, 1025, 1600 };
    static double a[1601 * 150], sums[150 + GUARD], maxima[150 + GUARD];
    FOR_EACH_ELEMENT(e)
    for (int i = 0; i < 10; i++)
        for (int64_t cols = 0; cols <= 146; cols += cols < 40 ? 1 : 7) {
            const int64_t rows = row_counts[i], stride = cols + (cols & 3);
            for (int64_t j = 0; j < rows * stride + cols; j++)
                put(e, a, j, random_unit() - 0.5L);
            if (rows > 5 && cols > 3)
                put(e, a, 5 * stride + 3, NAN);
            FOR_EACH_TABLE(table)
            {
                for (int64_t j = 0; j < 150 + GUARD; j++) {
                    put(e, sums, j, 77);
                    put(e, maxima, j, 77);
                }
                kernels_of(table, e)->sum_fold(sums, a, rows, cols, stride);
                kernels_of(table, e)->max_fold(maxima, a, rows, cols, stride);
                for (int64_t j = 0; j < 150 + GUARD; j++) {
                    /* The same additions in the same order, hence the same bits. */
                    double total = 0, block = 0, max = j < cols ? -INFINITY : 77;
                    for (int64_t r = 0; j < cols && r < rows; r++) {
                        const double x = (double)get(e, a, r * stride + j);
                        if (r % 512 == 0 && r > 0) {
                            total = e->is_f64 ? total + block : (double)((float)total + (float)block);
                            block = 0;
                        }
                        block = e->is_f64 ? block + x : (double)((float)block + (float)x);
                        max = isnan(x) || isnan(max) ? NAN : x > max ? x : max;
                    }
                    total = e->is_f64 ? total + block : (double)((float)total + (float)block);
                    if (j >= cols)
                        total = 77;
                    const double s = (double)get(e, sums, j), m = (double)get(e, maxima, j);
                    if (isnan(total) ? !isnan(s) || !isnan(m) : s != total || m != max)
                        ck_abort_msg("*_fold %s %s: column %lld of [%lld, %lld]: sum %a, not %a; max %a, not %a",
                                     e->name, table->name, (long long)j, (long long)rows, (long long)cols, s, total, m,
                                     max);
                }
            }
        }
}
END_TEST

int main(void)
{
    numbers = draw_from(1);
    Suite *suite = suite_create("kernel reductions");
    TCase *tests = tcase_create("kernel reductions");
    tcase_add_test(tests, row_reductions);
    tcase_add_test(tests, row_reductions_keep_nan);
    tcase_add_test(tests, long_sums_are_exact_where_they_can_be);
    tcase_add_test(tests, wide_moments);
    tcase_add_test(tests, column_reductions);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
