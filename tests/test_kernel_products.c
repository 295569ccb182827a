/* The products and what they are fed with, on every instruction set that this processor has. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/sanitized.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

static draw numbers;
static long double random_unit(void) { return (long double)draw_between(&numbers, -1, 1); }

/* What is in c before a product is subtracted. */
static double before(const element *e, int64_t i)
{
    double value = 0;
    put(e, &value, 0, (long double)(i % 23) / 3 - 2);
    return (double)get(e, &value, 0);
}

/* Layouts: bit 0 a transposed, bit 1 b transposed, bit 2 padded, bit 3 elements of b apart, bit 4 rows far apart.
 * subtracts: from what is in c. */
static void check_one_product(const element *e, int64_t m, int64_t n, int64_t k, int layout, bool subtracts)
{
    enum { AREA = 3 << 19, SCRATCH = 1 << 18 };
    static double a[AREA], b[AREA], c[AREA], exact[AREA], chain[AREA], size[AREA];
    static _Alignas(64) double scratch[SCRATCH + 1];
    ck_assert_uint_le(bgk_product_scratch(m, n, k), SCRATCH);
    const int64_t pad = layout & 16 ? 1100 : layout & 4 ? 3 : 0, apart = layout & 8 ? 2 : 1;
    const int64_t a_rows = layout & 1 ? 1 : k + pad, a_cols = layout & 1 ? m + pad : 1;
    const int64_t b_rows = layout & 2 ? apart : apart * (n + pad), b_cols = layout & 2 ? apart * (k + pad) : apart;
    const int64_t ldc = n + pad;
    const long double sign = subtracts ? -1 : 1;
    for (int64_t i = 0; i < (m + pad) * (k + pad); i++)
        put(e, a, i, random_unit());
    for (int64_t i = 0; i < apart * (n + pad) * (k + pad); i++)
        put(e, b, i, random_unit());
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            const double begin = subtracts ? before(e, i * ldc + j) : 0;
            long double sum = begin, absolute = fabsl(begin);
            double f64 = begin;
            float f32 = (float)begin;
            for (int64_t p = 0; p < k; p++) {
                const long double x = sign * get(e, a, i * a_rows + p * a_cols), y = get(e, b, p * b_rows + j * b_cols);
                sum += x * y;
                absolute += fabsl(x * y);
                if (e->is_f64)
                    f64 = fma((double)x, (double)y, f64);
                else
                    f32 = fmaf((float)x, (float)y, f32);
            }
            exact[i * n + j] = (double)sum;
            size[i * n + j] = (double)absolute;
            chain[i * n + j] = e->is_f64 ? f64 : (double)f32;
        }
    FOR_EACH_TABLE(table)
    {
        const int is_fused = strcmp(table->name, "scalar") != 0;
        const bgk_kernels *kernels = kernels_of(table, e);
        for (int64_t i = 0; i < (m + 1) * (ldc + 1); i++) {
            const bool is_inside = i / (ldc > 0 ? ldc : 1) < m && i % (ldc > 0 ? ldc : 1) < n;
            put(e, c, i, subtracts && is_inside ? before(e, i) : 77);
        }
        const int64_t behind = (int64_t)bgk_product_scratch(m, n, k);
        put(e, scratch, behind, 77);
        (subtracts ? kernels->product_subtracted : kernels->product)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c,
                                                                     ldc, scratch);
        ck_assert_msg((double)get(e, scratch, behind) == 77, "%s: m %lld n %lld k %lld, layout %d: more scratch used",
                      table->name, (long long)m, (long long)n, (long long)k, layout);
        for (int64_t i = 0; i < (m + 1) * (ldc + 1); i++) {
            const int64_t row = ldc > 0 ? i / ldc : m, col = ldc > 0 ? i % ldc : 0;
            const double r = (double)get(e, c, i);
            int is_right = r == 77;
            double want = 77;
            if (row < m && col < n) {
                want = is_fused ? chain[row * n + col] : exact[row * n + col];
                is_right = is_fused ? r == want
                                    : fabs(r - want) <= (double)(e->epsilon * (k + 1)) * size[row * n + col] + 1e-300;
            }
            if (!is_right)
                ck_abort_msg("product%s_%s %s: m %lld n %lld k %lld, layout %d: (%lld, %lld) is %a, not %a",
                             subtracts ? "_subtracted" : "", e->name, table->name, (long long)m, (long long)n,
                             (long long)k, layout, (long long)row, (long long)col, r, want);
        }
    }
}

static void check_product(const element *e, int64_t m, int64_t n, int64_t k, int layout)
{
    check_one_product(e, m, n, k, layout, false);
    if (!IS_ADDRESS_SANITIZED || layout < 2) /* which takes minutes there */
        check_one_product(e, m, n, k, layout, true);
}

/* t · x = b, for t stored by rows or by columns, forwards or from its end. The other triangle holds NaN. */
static void check_substitution(const element *e, int64_t k, int64_t n, int layout)
{
    enum { SIDE = 40, WIDTH = 150 };
    static double t[SIDE * SIDE], b[SIDE * WIDTH], chain[SIDE * WIDTH], start[SIDE * WIDTH];
    const bool by_columns = layout & 1, backwards = layout & 2, is_unit = layout & 4;
    const int64_t rows = by_columns ? 1 : SIDE, cols = by_columns ? SIDE : 1, ldb = n + 3, sign = backwards ? -1 : 1;
    const int64_t first = backwards ? (k - 1) * (rows + cols) : 0, first_row = backwards ? (k - 1) * ldb : 0;
    ck_assert(k <= SIDE && ldb <= WIDTH);
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        put(e, t, i, (long double)NAN);
    for (int64_t i = 0; i < k; i++)
        for (int64_t p = 0; p <= i && !(is_unit && p == i); p++)
            put(e, t, first + sign * (i * rows + p * cols), random_unit() + (i == p ? 2 : 0));
    for (int64_t i = 0; i < k * ldb; i++)
        put(e, start, i, random_unit());
    FOR_EACH_TABLE(table)
    {
        const bool is_fused = strcmp(table->name, "scalar") != 0;
        for (int64_t i = 0; i < k * ldb; i++) {
            put(e, b, i, get(e, start, i));
            put(e, chain, i, get(e, start, i));
        }
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < n; j++) {
                const int64_t at = first_row + sign * i * ldb + j;
                double f64 = (double)get(e, chain, at);
                float f32 = (float)f64;
                for (int64_t p = 0; p < i; p++) {
                    const double x = -(double)get(e, t, first + sign * (i * rows + p * cols));
                    const double y = (double)get(e, chain, first_row + sign * p * ldb + j);
                    f64 = fma(x, y, f64);
                    f32 = fmaf((float)x, (float)y, f32);
                }
                const double pivot = is_unit ? 1 : (double)get(e, t, first + sign * i * (rows + cols));
                put(e, chain, at, e->is_f64 ? f64 / pivot : (double)(f32 / (float)pivot));
            }
        kernels_of(table, e)->substitute(k, n, (const char *)t + (size_t)first * e->size, sign * rows, sign * cols,
                                         is_unit, (char *)b + (size_t)first_row * e->size, sign * ldb);
        for (int64_t i = 0; i < k * ldb; i++) {
            const double r = (double)get(e, b, i), want = (double)get(e, chain, i);
            const double slack = is_fused ? 0 : 1000 * (double)e->epsilon * (1 + fabs(want));
            if (!(fabs(r - want) <= slack))
                ck_abort_msg("substitute_%s %s: k %lld n %lld, layout %d: (%lld, %lld) is %a, not %a", e->name,
                             table->name, (long long)k, (long long)n, layout, (long long)(i / ldb),
                             (long long)(i % ldb), r, want);
        }
    }
}
START_TEST(substitutions)
{
    static const int64_t sizes[] = { 1, 2, 7, 16, 33 }, widths[] = { 0, 1, 5, 8, 16, 31, 64, 100, 147 };
    FOR_EACH_ELEMENT(e)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof widths / sizeof *widths; j++)
            for (int layout = 0; layout < 8; layout++)
                check_substitution(e, sizes[i], widths[j], layout);
}
END_TEST

/* Factors of a few columns, one element after the other: every table has the same bits. kind 0: numbers of any size, 1:
 * small integers, among which are equal ones and pivots of 0, 2: columns of zeros. Between the columns lies what nobody
 * may touch. */
static void check_elimination(const element *e, int64_t width, int64_t m, int kind)
{
    enum { MOST_ROWS = 150, GAP = 3, COUNT = BGK_ELIMINATED * (MOST_ROWS + GAP) };
    static double start[COUNT], want[COUNT], found[COUNT];
    int64_t swaps[BGK_ELIMINATED], chosen[BGK_ELIMINATED], ld = m + GAP;
    for (int64_t at = 0; at < width * ld; at++) {
        int64_t j = at / ld, i = at % ld;
        long double value = kind == 1 ? floorl(3 * random_unit()) : random_unit();
        put(e, start, at, i >= m ? 77 : kind == 2 && j % 3 == 1 ? 0 : value);
        put(e, want, at, get(e, start, at));
    }
    for (int64_t k = 0; k < width; k++) {
        chosen[k] = k;
        for (int64_t i = k + 1; i < m; i++)
            if (fabsl(get(e, want, k * ld + i)) > fabsl(get(e, want, k * ld + chosen[k])))
                chosen[k] = i;
        for (int64_t j = 0; j < width; j++) {
            long double moved = get(e, want, j * ld + k);
            put(e, want, j * ld + k, get(e, want, j * ld + chosen[k]));
            put(e, want, j * ld + chosen[k], moved);
        }
        double pivot = (double)get(e, want, k * ld + k);
        for (int64_t i = k + 1; i < m && pivot != 0; i++) {
            double factor = (double)get(e, want, k * ld + i) / pivot;
            put(e, want, k * ld + i, factor);
            factor = (double)get(e, want, k * ld + i);
            for (int64_t j = k + 1; j < width; j++) {
                double term = factor * (double)get(e, want, j * ld + k);
                term = e->is_f64 ? term : (double)(float)term;
                put(e, want, j * ld + i, (double)get(e, want, j * ld + i) - term);
            }
        }
    }
    FOR_EACH_TABLE(table)
    {
        memcpy(found, start, sizeof found);
        kernels_of(table, e)->eliminate(width, m, found, ld, swaps);
        for (int64_t k = 0; k < width; k++)
            ck_assert_msg(swaps[k] == chosen[k], "eliminate_%s %s: width %lld m %lld, kind %d: pivot %lld is row %lld",
                          e->name, table->name, (long long)width, (long long)m, kind, (long long)k,
                          (long long)swaps[k]);
        for (int64_t at = 0; at < width * ld; at++)
            ck_assert_msg(get(e, found, at) == get(e, want, at),
                          "eliminate_%s %s: width %lld m %lld, kind %d: (%lld, %lld) is %La, not %La", e->name,
                          table->name, (long long)width, (long long)m, kind, (long long)(at % ld), (long long)(at / ld),
                          get(e, found, at), get(e, want, at));
    }
}
START_TEST(eliminations)
{
    static const int64_t more[] = { 0, 1, 7, 8, 23, 64, 142 };
    FOR_EACH_ELEMENT(e)
    for (int64_t width = 1; width <= BGK_ELIMINATED; width++)
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
            for (int kind = 0; kind < 3; kind++)
                check_elimination(e, width, width + more[i], kind);
}
END_TEST

/* Rows of a, terms of a and rows of b lie anywhere; `goes_on` adds to what c holds. */
static void check_gathered(const element *e, int64_t m, int64_t n, int64_t k, int goes_on)
{
    enum { SIDE = 64, DEPTH = 64, SPREAD = 4096 };
    static double a[2 * SPREAD], b[SPREAD + SIDE], c[SIDE * SIDE];
    int64_t rows[SIDE], factors[DEPTH], places[DEPTH];
    const int64_t ldc = n + 1;
    ck_assert(m < SIDE && n + 1 < SIDE && k <= DEPTH);
    for (int64_t i = 0; i < 2 * SPREAD; i++)
        put(e, a, i, random_unit());
    for (int64_t i = 0; i < SPREAD + SIDE; i++)
        put(e, b, i, random_unit());
    for (int64_t i = 0; i < m; i++)
        rows[i] = (int64_t)draw_below(&numbers, SPREAD);
    for (int64_t p = 0; p < k; p++) {
        factors[p] = (int64_t)draw_below(&numbers, SPREAD);
        places[p] = (int64_t)draw_below(&numbers, SPREAD);
    }
    FOR_EACH_TABLE(table)
    {
        const int is_fused = strcmp(table->name, "scalar") != 0;
        for (int64_t i = 0; i < (m + 1) * ldc; i++)
            put(e, c, i, 77);
        kernels_of(table, e)->product_gathered(m, n, k, a, rows, factors, b, places, c, ldc, goes_on);
        for (int64_t i = 0; i < (m + 1) * ldc; i++) {
            const int64_t row = i / ldc, col = i % ldc;
            long double sum = 0, size = 77;
            double want = 77, r = (double)get(e, c, i), f64 = 0;
            float f32 = 0;
            if (row < m && col < n) {
                for (int64_t p = 0; p < k; p++) {
                    const long double x = get(e, a, rows[row] + factors[p]), y = get(e, b, places[p] + col);
                    f64 = fma((double)x, (double)y, f64);
                    f32 = fmaf((float)x, (float)y, f32);
                    sum += x * y;
                    size += fabsl(x * y);
                }
                want = !is_fused   ? (double)sum + (goes_on ? 77 : 0)
                       : e->is_f64 ? (goes_on ? 77 + f64 : f64)
                                   : (double)(goes_on ? 77 + f32 : f32);
            }
            const double slack = is_fused ? 0 : (double)(e->epsilon * (k + 1) * size);
            if (!(fabs(r - want) <= slack))
                ck_abort_msg("product_gathered_%s %s: m %lld n %lld k %lld, goes on %d: (%lld, %lld) is %a, not %a",
                             e->name, table->name, (long long)m, (long long)n, (long long)k, goes_on, (long long)row,
                             (long long)col, r, want);
        }
    }
}

START_TEST(gathered_products)
{
    static const int64_t columns[] = { 1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 61 };
    FOR_EACH_ELEMENT(e)
    {
        for (int64_t m = 0; m < 40; m++)
            for (size_t j = 0; j < sizeof columns / sizeof columns[0]; j++)
                check_gathered(e, m, columns[j], (m + (int64_t)j) % 20, (int)(m + (int64_t)j) % 2);
        check_gathered(e, 13, 20, 0, 0);
        check_gathered(e, 13, 20, 0, 1);
        check_gathered(e, 30, 0, 5, 0);
        check_gathered(e, 25, 37, 64, 1);
    }
}
END_TEST

START_TEST(transposes)
{
    enum { SIDE = 40, FAR = 50 };
    static double a[FAR * FAR], d[FAR * FAR];
    FOR_EACH_ELEMENT(e)
    FOR_EACH_TABLE(table)
    for (int64_t rows = 0; rows < SIDE; rows++)
        for (int64_t cols = 0; cols < SIDE; cols++)
            for (int64_t gap = 0; gap < 10; gap += 3) {
                const int64_t ldd = cols + gap, lda = rows + (9 - gap);
                for (int64_t i = 0; i < FAR * FAR; i++) {
                    put(e, a, i, i);
                    put(e, d, i, -1);
                }
                kernels_of(table, e)->transpose(d, ldd, a, lda, rows, cols);
                for (int64_t i = 0; i < rows * ldd + 1; i++) {
                    const int64_t row = ldd > 0 ? i / ldd : rows, col = ldd > 0 ? i % ldd : 0;
                    const double want = row < rows && col < cols ? (double)(col * lda + row) : -1;
                    if ((double)get(e, d, i) != want)
                        ck_abort_msg("transpose_%s %s: %lld x %lld, lines of %lld and %lld: (%lld, %lld) is %g, not %g",
                                     e->name, table->name, (long long)rows, (long long)cols, (long long)ldd,
                                     (long long)lda, (long long)row, (long long)col, (double)get(e, d, i), want);
                }
            }
}
END_TEST

START_TEST(products)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 24, 31, 32, 33, 40 };
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    static const int64_t depths[] = { 0, 1, 2, 5, 16, 37 };
    int layout = 0;
    FOR_EACH_ELEMENT(e)
    {
        for (int i = 0; i < SIZES; i++)
            for (int j = 0; j < SIZES; j++)
                for (int p = 0; p < 6; p++)
                    check_product(e, sizes[i], sizes[j], depths[p], (layout += 5) & 15);
        for (int trial = 0; trial < 1500; trial++)
            check_product(e, draw_below(&numbers, 41), draw_below(&numbers, 41), draw_below(&numbers, 41),
                          (int)draw_below(&numbers, 16));
        for (layout = 0; layout < 16; layout++) /* chains that go on from one panel to the next */
            check_product(e, 13 + layout, 48 - 2 * layout, layout % 2 ? 257 : 513, layout);
        for (layout = 0; layout < 16; layout++)
            for (int i = 0; i < SIZES; i++) {
                check_product(e, 1, sizes[i], 19, layout);
                check_product(e, sizes[i], 1, 19, layout);
            }
    }
}
END_TEST

/* Several blocks of rows, columns and depth of each way to cut a product, and rows that are brought together because
 * they lie far apart. */
START_TEST(blocks)
{
    FOR_EACH_ELEMENT(e)
    {
        for (int layout = 0; layout < 8; layout++) {
            check_product(e, 140, 133, 530, layout);
            check_product(e, 25, 30, 40, 16 + layout % 4);
        }
        check_product(e, 200, 400, 900, 2);
        check_product(e, 200, 400, 900, 3);
        check_product(e, 30, 100, 5, 17);
        check_product(e, 600, 100, 130, 1);
        for (int64_t m = 24; m < 56; m += 5) { /* by the tiles of the block before, in full and in part */
            check_product(e, m, 270 - m, m - 4, 16);
            check_product(e, m, 150 + 2 * m, 36, 17);
        }
        check_product(e, 30, 520, 530, 0); /* because b is large */
        check_product(e, 24, 2100, 130, 1);
        check_product(e, 150, 299, 1040, 4);
    }
}
END_TEST

START_TEST(peak_counts_operations)
{
    FOR_EACH_TABLE(table)
    for (int is_f64 = 0; is_f64 < 2; is_f64++) {
        const double one = table->fma_chains(1, is_f64), many = table->fma_chains(1000, is_f64);
        ck_assert_msg(one >= 20 && many == 1000 * one, "fma_chains %s: %g and %g", table->name, one, many);
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(1);
    Suite *suite = suite_create("kernel products");
    TCase *tests = tcase_create("kernel products");
    tcase_set_timeout(tests, 120); /* blocks are large */
    tcase_add_test(tests, products);
    tcase_add_test(tests, blocks);
    tcase_add_test(tests, gathered_products);
    tcase_add_test(tests, substitutions);
    tcase_add_test(tests, eliminations);
    tcase_add_test(tests, transposes);
    tcase_add_test(tests, peak_counts_operations);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
