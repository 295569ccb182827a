/* The transforms of Winograd's convolution on every instruction set that this processor has, against the matrices of
 * their definition: of integers, which all of them give without rounding. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>

enum { PLACES = 16, CHANNELS = 3, SIDE = 6, ROW = 2 * BGK_LANES + 3, PLANE = CHANNELS * ROW + 5, UNTOUCHED = 77 };
enum { IMAGE = CHANNELS * SIDE * SIDE * BGK_LANES, MOST = 40 };
static draw numbers;

/* The matrices of Lavin and Gray, in halves. */
static const int transposed_b[4][4] = { { 2, 0, -2, 0 }, { 0, 2, 2, 0 }, { 0, -2, 2, 0 }, { 0, 2, 0, -2 } };
static const int g[4][3] = { { 2, 0, 0 }, { 1, 1, 1 }, { 1, -1, 1 }, { 0, 0, 2 } };
static const int transposed_a[2][4] = { { 2, 2, 2, 0 }, { 0, 2, -2, -2 } };

/* m x mᵀ at (i, j), for m [.., n] in halves, whose element (i, k) is `step` and `next` away. */
static double both_sides(const int *m, int step, int next, int n, const double *x, int i, int j)
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        for (int l = 0; l < n; l++)
            sum += 0.25 * m[i * step + k * next] * m[j * step + l * next] * x[k * n + l];
    return sum;
}
static void fill(float *x, int count, int most)
{
    for (int i = 0; i < count; i++)
        x[i] = (float)(4 * (int)draw_between(&numbers, -most, most));
}
static void expect(const bgk_table *table, const char *what, double found, double expected, int i)
{
    if (found != expected)
        ck_abort_msg("%s, %s: %g, not %g, at %d", table->name, what, found, expected, i);
}

/* From patches of which a part is there: the image is no number elsewhere. */
static void check_from(const bgk_table *table, const char *what, bgk_winograd_from *kernel, int n, const int *m,
                       int step, int next, const bgk_patches *p)
{
    static float image[IMAGE], found[PLACES * PLANE];
    fill(image, IMAGE, 50);
    for (int i = 0; i < PLACES * PLANE; i++)
        found[i] = UNTOUCHED;
    for (int i = 0; i < IMAGE; i++) {
        int y = i / BGK_LANES / SIDE % SIDE, x = i / BGK_LANES % SIDE;
        if (y < p->first[0] || y >= p->last[0] || x < p->first[1] || x >= p->last[1])
            image[i] = NAN;
    }
    kernel(found, PLANE, ROW, image, p, CHANNELS);
    for (int place = 0; place < PLACES; place++)
        for (int i = 0; i < PLANE; i++) {
            int channel = i / ROW, column = i % ROW / BGK_LANES * 2, lane = i % ROW % BGK_LANES;
            bool is_of_patch = channel < CHANNELS && column < 2 * p->count;
            double expected = UNTOUCHED, x[16] = { 0 };
            for (int e = 0; e < n * n && is_of_patch; e++) {
                float value = image[((channel * SIDE + e / n) * SIDE + column + e % n) * BGK_LANES + lane];
                x[e] = isnan(value) ? 0 : (double)value;
            }
            if (is_of_patch)
                expected = both_sides(m, step, next, n, x, place / 4, place % 4);
            expect(table, what, (double)found[place * PLANE + i], expected, place * PLANE + i);
        }
}
START_TEST(patches)
{
    FOR_EACH_TABLE(table)
    for (int place = 0; place < 512; place++) {
        bgk_patches p = { .channel = SIDE * SIDE * BGK_LANES, .line = SIDE * BGK_LANES };
        p.count = 1 + (place & 1);
        p.first[0] = place >> 1 & 3;
        p.first[1] = place >> 3 & 3;
        p.last[0] = 1 + (place >> 5 & 3);
        p.last[1] = 2 * p.count - 1 + (place >> 7 & 3);
        check_from(table, "image", table->f32.winograd_image, 4, transposed_b[0], 4, 1, &p);
        p.last[0] = p.last[0] > 2 ? 2 : p.last[0];
        p.last[1] = p.last[1] > 2 * p.count ? 2 * p.count : p.last[1];
        check_from(table, "spread", table->f32.winograd_spread, 2, transposed_a[0], 1, 4, &p);
    }
}
END_TEST

START_TEST(results)
{
    static float sums[PLACES * PLANE], image[IMAGE];
    FOR_EACH_TABLE(table)
    for (int there = 0; there < 8; there++) {
        bgk_patches p = { .channel = SIDE * SIDE * BGK_LANES, .line = SIDE * BGK_LANES };
        p.count = 1 + (there >> 2);
        p.last[0] = 1 + (there & 1);
        p.last[1] = 2 * p.count - 1 + (there >> 1 & 1);
        fill(sums, PLACES * PLANE, 50);
        for (int i = 0; i < IMAGE; i++)
            image[i] = UNTOUCHED;
        ck_assert(table->f32.winograd_result(image, &p, sums, PLANE, ROW, CHANNELS));
        for (int i = 0; i < IMAGE; i++) {
            int lane = i % BGK_LANES, x = i / BGK_LANES % SIDE, y = i / BGK_LANES / SIDE % SIDE;
            int channel = i / BGK_LANES / SIDE / SIDE;
            double expected = UNTOUCHED, s[PLACES];
            for (int place = 0; place < PLACES; place++)
                s[place] = (double)sums[place * PLANE + channel * ROW + x / 2 % 2 * BGK_LANES + lane];
            if (y < p.last[0] && x < p.last[1])
                expected = both_sides(transposed_a[0], 4, 1, 4, s, y, x % 2);
            expect(table, "result", (double)image[i], expected, i);
        }
        sums[10 * PLANE + ROW + 7] = there & 1 ? NAN : INFINITY;
        ck_assert(!table->f32.winograd_result(image, &p, sums, PLANE, ROW, CHANNELS));
    }
}
END_TEST

START_TEST(kernels)
{
    static float from[PLACES * MOST], found[PLACES * MOST];
    FOR_EACH_TABLE(table)
    for (int n = 0; n < MOST; n++) {
        for (int backwards = 0; backwards < 2; backwards++) {
            fill(from, 9 * MOST, 50);
            for (int i = 0; i < PLACES * MOST; i++)
                found[i] = UNTOUCHED;
            table->f32.winograd_factors(found, MOST, backwards ? from + 8 * MOST : from, backwards ? -MOST : MOST, n);
            for (int i = 0; i < PLACES * MOST; i++) {
                double x[9];
                for (int tap = 0; tap < 9; tap++)
                    x[tap] = (double)from[(backwards ? 8 - tap : tap) * MOST + i % MOST];
                double expected = both_sides(g[0], 3, 1, 3, x, i / MOST / 4, i / MOST % 4);
                expect(table, "factors", (double)found[i], i % MOST < n ? expected : UNTOUCHED, i);
            }
        }
        fill(from, PLACES * MOST, 50);
        for (int i = 0; i < PLACES * MOST; i++)
            found[i] = UNTOUCHED;
        ck_assert(table->f32.winograd_weight(found, MOST, from, MOST, n));
        for (int i = 0; i < PLACES * MOST; i++) {
            double x[PLACES], expected = UNTOUCHED;
            for (int place = 0; place < PLACES; place++)
                x[place] = (double)from[place * MOST + i % MOST];
            if (i < 9 * MOST && i % MOST < n)
                expected = both_sides(g[0], 1, 3, 4, x, i / MOST / 3, i / MOST % 3);
            expect(table, "weight", (double)found[i], expected, i);
        }
        from[5 * MOST + n / 2] = NAN;
        ck_assert_int_eq(!table->f32.winograd_weight(found, MOST, from, MOST, n), n > 0);
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(11);
    Suite *suite = suite_create("kernel winograd");
    TCase *tests = tcase_create("kernel winograd");
    tcase_add_test(tests, patches);
    tcase_add_test(tests, results);
    tcase_add_test(tests, kernels);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
