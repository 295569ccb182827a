/* Rows with mean 0 and spread 1, rows of an LSTM and of attention, windows of rows, and their gradients, on every
 * instruction set that this processor has. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <math.h>
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

/* The rows of an LSTM, [4 n] and [n], as the elementwise kernels make them one after the other. */
enum { WIDE = 4 * MAX_N + GUARD };
typedef struct {
    double gates[WIDE], c[WIDE], h[WIDE], dgates[WIDE], dc[WIDE];
} lstm_row;
static double from_x[WIDE], from_sums[WIDE], from_bias[WIDE], c_before[WIDE], dh[WIDE];

#define MAP(name, d, a, n)         k->name(d, a, 1, NULL, 0, NULL, 0, n)
#define MAP_2(name, d, a, b, n)    k->name(d, a, 1, b, 1, NULL, 0, n)
#define MAP_3(name, d, a, b, c, n) k->name(d, a, 1, b, 1, c, 1, n)
static void lstm_by_maps(const element *e, const bgk_kernels *k, lstm_row *r, int64_t n)
{
    double t[WIDE], u[WIDE], slope[WIDE], one[2];
    void *in = at(e, r->gates, 0), *forget = at(e, r->gates, n), *new = at(e, r->gates, 2 * n);
    void *out = at(e, r->gates, 3 * n);
    put(e, one, 0, 1);
    MAP_2(add, t, from_sums, from_bias, 4 * n);
    MAP_2(add, t, t, from_x, 4 * n);
    MAP(sigmoid, r->gates, t, 4 * n);
    MAP(tanh, new, at(e, t, 2 * n), n);
    MAP_2(mul, t, forget, c_before, n);
    MAP_3(fma, r->c, in, new, t, n);
    MAP(tanh, t, r->c, n);
    MAP_2(mul, r->h, out, t, n);
    MAP_2(mul, u, dh, out, n);
    k->fnma(slope, t, 1, t, 1, one, 0, n);
    MAP_3(fma, r->dc, u, slope, r->dc, n);
    MAP_2(mul, u, dh, t, n);
    MAP_3(fnma, slope, out, out, out, n);
    MAP_2(mul, at(e, r->dgates, 3 * n), u, slope, n);
    MAP_2(mul, u, r->dc, new, n);
    MAP_3(fnma, slope, in, in, in, n);
    MAP_2(mul, r->dgates, u, slope, n);
    MAP_2(mul, u, r->dc, c_before, n);
    MAP_3(fnma, slope, forget, forget, forget, n);
    MAP_2(mul, at(e, r->dgates, n), u, slope, n);
    MAP_2(mul, u, r->dc, in, n);
    k->fnma(slope, new, 1, new, 1, one, 0, n);
    MAP_2(mul, at(e, r->dgates, 2 * n), u, slope, n);
    MAP_2(mul, r->dc, r->dc, forget, n);
}
START_TEST(lstm_rows)
{
    static lstm_row expected, found_row;
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MAX_N; n++) {
        const bgk_kernels *k = kernels_of(table, e);
        double *const operands[] = { from_x, from_sums, from_bias, c_before, dh };
        for (int j = 0; j < 5; j++)
            for (int64_t i = 0; i < 4 * n; i++)
                put(e, operands[j], i, draw_between(&numbers, -2, 2));
        memset(&expected, 77, sizeof expected);
        for (int64_t i = 0; i < n; i++)
            put(e, expected.dc, i, draw_between(&numbers, -2, 2));
        found_row = expected;
        lstm_by_maps(e, k, &expected, n);
        k->lstm(found_row.gates, found_row.c, found_row.h, from_x, from_sums, from_bias, c_before, n);
        k->lstm_back(found_row.dgates, found_row.dc, dh, found_row.gates, found_row.c, c_before, n);
        const struct {
            const char *name;
            const double *found, *expected;
        } parts[] = { { "gates", found_row.gates, expected.gates },
                      { "c", found_row.c, expected.c },
                      { "h", found_row.h, expected.h },
                      { "dgates", found_row.dgates, expected.dgates },
                      { "dc", found_row.dc, expected.dc } };
        for (int j = 0; j < 5; j++)
            if (memcmp(parts[j].found, parts[j].expected, sizeof found_row.gates))
                ck_abort_msg("lstm %s %s of %lld: %s is not what the elementwise kernels give, or beyond its end",
                             e->name, table->name, (long long)n, parts[j].name);
    }
}
END_TEST

/* A row of attention's scores and their gradient, of any number that take part, as the elementwise kernels make it. */
START_TEST(weigh_back_rows)
{
    double w[WIDE], d[WIDE], found_w[WIDE], found_d[WIDE], of_row[3];
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= 70; n++)
        for (int64_t seen = 0; seen <= n; seen++) {
            const bgk_kernels *k = kernels_of(table, e);
            const void *largest = at(e, of_row, 0), *share = at(e, of_row, 1), *sum = at(e, of_row, 2);
            memset(w, 77, sizeof w);
            memset(d, 77, sizeof d);
            for (int64_t i = 0; i < n; i++) {
                put(e, w, i, i % 5 == 1 ? -(long double)INFINITY : draw_between(&numbers, -9, 2));
                put(e, d, i, draw_between(&numbers, -2, 2));
            }
            for (int64_t i = 0; i < 3; i++)
                put(e, of_row, i, draw_between(&numbers, 0, 2));
            memcpy(found_w, w, sizeof w);
            memcpy(found_d, d, sizeof d);
            k->sub(w, w, 1, largest, 0, NULL, 0, seen);
            MAP(exp, w, w, seen);
            k->mul(w, w, 1, share, 0, NULL, 0, seen);
            k->sub(d, d, 1, sum, 0, NULL, 0, seen);
            MAP_2(mul, d, d, w, seen);
            for (int64_t i = seen; i < n; i++) {
                put(e, w, i, 0);
                put(e, d, i, 0);
            }
            k->weigh_back(found_w, found_d, largest, share, sum, seen, n);
            if (memcmp(found_w, w, sizeof w) || memcmp(found_d, d, sizeof d))
                ck_abort_msg("weigh_back %s %s, %lld of %lld: not what the elementwise kernels give, or beyond its end",
                             e->name, table->name, (long long)seen, (long long)n);
        }
}
END_TEST

/* Windows apart and overlapping, of few numbers so that many are equal, some of them NaN. */
START_TEST(windows)
{
    enum { WIDTH = 32, ELEMENTS = 40, COUNT = 4, N = 9 };
    static const int64_t taps[COUNT] = { 0, 3, 1, 9 }, steps[] = { 10, 2, 0 };
    static double in[ELEMENTS * WIDTH], dy[N * WIDTH], y[N * WIDTH + GUARD], dx[ELEMENTS * WIDTH];
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int round = 0; round < 6; round++) {
        const bgk_kernels *k = kernels_of(table, e);
        const int64_t step = steps[round % 3], n = step == 10 ? 3 : N, width = round < 3 ? 16 : 32;
        int64_t places[COUNT];
        for (int t = 0; t < COUNT; t++)
            places[t] = taps[t] * width;
        for (int64_t i = 0; i < ELEMENTS * width; i++) {
            const int64_t number = draw_below(&numbers, 7);
            put(e, in, i, number == 6 ? NAN : (long double)number - 2);
            put(e, dx, i, 77);
        }
        for (int64_t i = 0; i < n * width; i++)
            put(e, dy, i, draw_between(&numbers, -2, 2));
        for (int64_t i = 0; i < n * width + GUARD; i++)
            put(e, y, i, 77);
        const int adds = step != 10;
        k->window_max(y, in, n, step * width, places, COUNT, width);
        k->window_back(dx, in, dy, n, step * width, places, COUNT, width, adds);
        for (int64_t j = 0; j < width; j++) {
            double sums[ELEMENTS];
            for (int64_t i = 0; i < ELEMENTS; i++)
                sums[i] = 77;
            for (int64_t i = 0; i < n; i++) {
                int64_t best = i * step;
                for (int t = 0; t < COUNT; t++) {
                    const int64_t place = i * step + taps[t];
                    const long double v = get(e, in, place * width + j), b = get(e, in, best * width + j);
                    best = v > b || (isnan(v) && !isnan(b)) ? place : best;
                    sums[place] = adds ? sums[place] : 0;
                }
                sums[best] += (double)get(e, dy, i * width + j);
                if (!e->is_f64)
                    sums[best] = (double)(float)sums[best];
                const long double v = get(e, in, best * width + j), got = get(e, y, i * width + j);
                if (!(v == got || (isnan(v) && isnan(got))))
                    ck_abort_msg("window_max %s %s: column %lld of window %lld is %Lg, not %Lg", e->name, table->name,
                                 (long long)j, (long long)i, got, v);
            }
            for (int64_t i = 0; i < ELEMENTS; i++)
                if (get(e, dx, i * width + j) != (long double)sums[i])
                    ck_abort_msg("window_back %s %s, step %lld: column %lld of element %lld is %Lg, not %g", e->name,
                                 table->name, (long long)step, (long long)j, (long long)i, get(e, dx, i * width + j),
                                 sums[i]);
        }
        for (int64_t i = n * width; i < n * width + GUARD; i++)
            ck_assert_msg(get(e, y, i) == 77, "window_max %s %s wrote element %lld", e->name, table->name,
                          (long long)i);
    }
}
END_TEST

/* Chains of elementwise kernels, on operands of either stride. */
START_TEST(chains)
{
    double in[3][MAX_N + 1], expected[MAX_N + GUARD], made[MAX_N + GUARD], zero = 0, t[MAX_N + 1];
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 1; n <= MAX_N; n++)
        for (int strides = 0; strides < 8; strides++)
            for (int chain = 0; chain < 5; chain++) {
                const bgk_kernels *k = kernels_of(table, e);
                const double *a = in[0], *b = in[1], *c = in[2];
                const int sa = strides & 1, sb = strides >> 1 & 1, sc = strides >> 2;
                for (int i = 0; i < 3; i++)
                    for (int64_t j = 0; j < n; j++)
                        put(e, in[i], j,
                            draw_below(&numbers, 9) == 0 ? NAN : (long double)draw_between(&numbers, -2, 2));
                memset(expected, 77, sizeof expected);
                memset(made, 77, sizeof made);
                switch (chain) {
                case 0:
                    k->sub(t, a, sa, b, sb, NULL, 0, n);
                    k->sub(expected, t, 1, c, sc, NULL, 0, n);
                    k->sub_sub(made, a, sa, b, sb, c, sc, n);
                    break;
                case 1:
                    k->sub(t, a, sa, b, sb, NULL, 0, n);
                    k->mul(expected, t, 1, c, sc, NULL, 0, n);
                    k->sub_mul(made, a, sa, b, sb, c, sc, n);
                    break;
                case 2:
                    k->add(t, a, sa, b, sb, NULL, 0, n);
                    k->relu(expected, t, 1, NULL, 0, NULL, 0, n);
                    k->add_relu(made, a, sa, b, sb, NULL, 0, n);
                    break;
                case 3:
                    k->fma(t, a, sa, b, sb, c, sc, n);
                    k->relu(expected, t, 1, NULL, 0, NULL, 0, n);
                    k->fma_relu(made, a, sa, b, sb, c, sc, n);
                    break;
                default:
                    k->less_equal(t, a, sa, &zero, 0, NULL, 0, n);
                    k->where(expected, t, 1, &zero, 0, b, sb, n);
                    k->where_above(made, a, sa, b, sb, NULL, 0, n);
                }
                if (!same_bits(e, made, expected, n) ||
                    memcmp(at(e, made, n), at(e, expected, n), GUARD * e->size) != 0)
                    ck_abort_msg("chain %d %s %s, strides %d: %lld elements are not those of its parts", chain, e->name,
                                 table->name, strides, (long long)n);
            }
}
END_TEST

/* The step by a momentum, with operands of either stride; m and w are its results too, or lie elsewhere. */
START_TEST(descents)
{
    enum { X, Y, M, S, RATE, PARAMETER };
    double in[BGK_DESCEND_OPERANDS][MAX_N + 1], t[MAX_N + GUARD], expected[2][MAX_N + GUARD], made[2][MAX_N + GUARD];
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MAX_N; n++)
        for (int strides = 0; strides < 1 << (BGK_DESCEND_OPERANDS + 1); strides++) {
            const bgk_kernels *k = kernels_of(table, e);
            const int in_place = strides >> BGK_DESCEND_OPERANDS;
            const void *operands[BGK_DESCEND_OPERANDS];
            int stride[BGK_DESCEND_OPERANDS];
            for (int i = 0; i < BGK_DESCEND_OPERANDS; i++) {
                operands[i] = in[i];
                stride[i] = strides >> i & 1;
                for (int64_t j = 0; j <= n; j++)
                    put(e, in[i], j, draw_below(&numbers, 9) == 0 ? NAN : (long double)draw_between(&numbers, -2, 2));
            }
            memset(expected, 77, sizeof expected);
            memset(made, 77, sizeof made);
            k->mul(t, in[M], stride[M], in[S], stride[S], NULL, 0, n);
            k->fma(expected[0], in[X], stride[X], in[Y], stride[Y], t, 1, n);
            k->fnma(expected[1], expected[0], 1, in[RATE], stride[RATE], in[PARAMETER], stride[PARAMETER], n);
            for (int i = 0; i < 2 && in_place; i++) {
                const int operand = i == 0 ? M : PARAMETER;
                if (stride[operand]) {
                    memcpy(made[i], in[operand], (size_t)n * e->size);
                    operands[operand] = made[i];
                }
            }
            k->descend(made[1], made[0], operands, stride, n);
            for (int i = 0; i < 2; i++)
                if (!same_bits(e, made[i], expected[i], n) ||
                    memcmp(at(e, made[i], n), at(e, expected[i], n), GUARD * e->size) != 0)
                    ck_abort_msg("descend %s %s, strides %d, result %d: %lld elements are not those of its parts",
                                 e->name, table->name, strides, i, (long long)n);
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
    tcase_add_test(tests, lstm_rows);
    tcase_add_test(tests, weigh_back_rows);
    tcase_add_test(tests, windows);
    tcase_add_test(tests, chains);
    tcase_add_test(tests, descents);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
