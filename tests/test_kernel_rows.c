/* Rows with mean 0 and spread 1 and their gradients, on every instruction set that this processor has. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <string.h>

enum { MOST = 1100 };
static draw numbers;
static double x[MOST], weight[MOST], bias[MOST], gradient[MOST], moments[4];

static void draw_row(const element *e, int64_t n, double mean)
{
    for (int64_t i = 0; i < n; i++) {
        put(e, x, i, mean + draw_between(&numbers, -1, 1));
        put(e, weight, i, draw_between(&numbers, 0.5, 1.5));
        put(e, bias, i, draw_between(&numbers, -1, 1));
        put(e, gradient, i, draw_between(&numbers, -1, 1));
    }
    const long double exact = (long double)mean + 0.0123456789012L;
    put(e, moments, 0, exact);
    put(e, moments, 1, exact - get(e, moments, 0));
    put(e, moments, 2, 77);
    put(e, moments, 3, 1.75);
}
static long double standard(const element *e, int64_t i)
{
    return (get(e, x, i) - get(e, moments, 0) - get(e, moments, 1)) * 1.75L;
}

/* Results of the first table, for the bits of the others. */
typedef struct {
    double rows[6][2 * MOST + GUARD], sums[2];
} results;
static results first, found;

static void expect(const element *e, const bgk_table *table, const char *what, int64_t i, long double value,
                   long double exact, long double size)
{
    if (!(fabsl(value - exact) <= 4 * e->epsilon * size))
        ck_abort_msg("%s %s %s: element %lld is %La, exact %La", what, e->name, table->name, (long long)i, value,
                     exact);
}

static void check_row(const element *e, const bgk_table *table, int64_t n)
{
    const bgk_kernels *k = kernels_of(table, e);
    const double means[2] = { 0.25, -0.5 };
    for (int row = 0; row < 6; row++)
        for (int64_t i = 0; i < 2 * n + GUARD; i++)
            put(e, found.rows[row], i, row == 5 && i < 2 * n ? 0.5 : 77);
    for (int which = 0; which < 4; which++)
        k->standardize(found.rows[which], x, moments, which & 1 ? weight : NULL, which & 2 ? bias : NULL, n);
    k->standardize_sums(found.sums, x, moments, weight, gradient, n);
    k->standardize_back(found.rows[4], x, moments, weight, gradient, means, n);
    k->standardize_fold(found.rows[5], x, moments, gradient, n);
    long double sums[2] = { 0, 0 }, sizes[2] = { 0, 0 };
    for (int64_t i = 0; i < n; i++) {
        const long double h = standard(e, i), w = get(e, weight, i), b = get(e, bias, i), g = get(e, gradient, i);
        for (int which = 0; which < 4; which++) {
            const long double exact = h * (which & 1 ? w : 1) + (which & 2 ? b : 0);
            expect(e, table, "standardize", i, get(e, found.rows[which], i), exact, fabsl(h) * 1.5L + 1);
        }
        expect(e, table, "standardize_back", i, get(e, found.rows[4], i), (g * w - 0.25L + h * 0.5L) * 1.75L,
               fabsl(h) + 3);
        expect(e, table, "standardize_fold", i, get(e, found.rows[5], i), 0.5L + g * h, fabsl(h) + 1);
        expect(e, table, "standardize_fold", n + i, get(e, found.rows[5], n + i), 0.5L + g, 2);
        const long double terms[2] = { g * w, g * w * h };
        for (int j = 0; j < 2; j++) {
            sums[j] += terms[j];
            sizes[j] += fabsl(terms[j]) + fabsl(g * w);
        }
    }
    for (int j = 0; j < 2; j++)
        expect(e, table, "standardize_sums", j, found.sums[j], sums[j], sizes[j]);
    for (int row = 0; row < 6; row++)
        for (int64_t i = row == 5 ? 2 * n : n; i < 2 * n + GUARD; i++)
            if (get(e, found.rows[row], i) != 77)
                ck_abort_msg("%s %s: row %d of %lld elements: wrote element %lld", e->name, table->name, row,
                             (long long)n, (long long)i);
}

START_TEST(rows)
{
    static const int64_t lengths[] = { 127, 128, 511, 512, 513, 1025 };
    FOR_EACH_ELEMENT(e)
    for (int64_t i = 0; i <= MAX_N + 6; i++) {
        const int64_t n = i <= MAX_N ? i : lengths[i - MAX_N - 1];
        int tables = 0;
        draw_row(e, n, i % 3 == 0 ? 10000 : 0.5);
        FOR_EACH_TABLE(table)
        {
            memset(&found, 0, sizeof found);
            check_row(e, table, n);
            if (tables++ == 0)
                first = found;
            else if (memcmp(&first, &found, sizeof found))
                ck_abort_msg("%s %s: a row of %lld elements: other bits than on another instruction set", e->name,
                             table->name, (long long)n);
        }
    }
}
END_TEST

/* Without a weight, the sums and the gradient are those of a weight of ones. */
START_TEST(rows_without_weight)
{
    const double means[2] = { 0.25, -0.5 };
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MAX_N; n++) {
        const bgk_kernels *k = kernels_of(table, e);
        double sums[2][2], back[2][MAX_N + 1];
        draw_row(e, n, 0.5);
        for (int64_t i = 0; i < n; i++)
            put(e, weight, i, 1);
        for (int with = 0; with < 2; with++) {
            k->standardize_sums(sums[with], x, moments, with ? weight : NULL, gradient, n);
            k->standardize_back(back[with], x, moments, with ? weight : NULL, gradient, means, n);
        }
        if (memcmp(sums[0], sums[1], sizeof sums[0]) || memcmp(back[0], back[1], (size_t)n * e->size))
            ck_abort_msg("%s %s: a row of %lld elements without a weight", e->name, table->name, (long long)n);
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(5);
    Suite *suite = suite_create("kernel rows");
    TCase *tests = tcase_create("kernel rows");
    tcase_add_test(tests, rows);
    tcase_add_test(tests, rows_without_weight);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
