/* Factors and solutions of matrices side by side on every instruction set that this processor has: residuals in long
 * double, lanes that do not see each other, and the same bits with AVX2 and AVX-512. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST = 19, MATRIX = MOST * MOST * BGK_LANES, SCRATCH = 2 * MOST * BGK_LANES };
static const int sizes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 11, 16, MOST };
enum { SIZES = (int)(sizeof sizes / sizeof sizes[0]) };
/* A lane's residual by n eps and the sum of the magnitudes of what it is the difference of. */
static const long double RATIO_MOST = 2;
static draw numbers;

/* Element (i, j) of a lane. */
typedef struct {
    int64_t first, rows, cols;
} layout;
static long double lane_at(const element *e, const void *x, layout l, int64_t i, int64_t j, int lane)
{
    return get(e, x, l.first + i * l.rows + j * l.cols + lane);
}
static layout straight(int cols) { return (layout){ 0, cols * BGK_LANES, BGK_LANES }; }
/* Columns for rows; counted from the end. */
static layout turned(int rows, int cols, bool is_transposed, bool is_back)
{
    layout l = is_transposed ? (layout){ 0, BGK_LANES, rows * BGK_LANES } : straight(cols);
    if (is_back)
        l = (layout){ (rows - 1) * l.rows + (cols - 1) * l.cols, -l.rows, -l.cols };
    return l;
}

static void fill(const element *e, void *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        put(e, x, i, draw_between(&numbers, -1, 1));
}
static void strengthen(const element *e, void *x, layout l, int n)
{
    for (int i = 0; i < n; i++)
        for (int lane = 0; lane < BGK_LANES; lane++) {
            int64_t at = l.first + i * (l.rows + l.cols) + lane;
            put(e, x, at, get(e, x, at) + 2 + n);
        }
}

/* ---- Cholesky ---- */

static void check_factor(const bgk_table *table, const element *e, const void *a, const void *found, layout l, int n,
                         int lane)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            long double sum = 0, size = 0;
            for (int k = 0; k <= j && j <= i; k++) {
                long double term = lane_at(e, found, l, i, k, lane) * lane_at(e, found, l, j, k, lane);
                sum += term;
                size += fabsl(term);
            }
            long double error = j <= i ? fabsl(sum - lane_at(e, a, l, i, j, lane)) : 0;
            ck_assert_msg(error <= RATIO_MOST * n * e->epsilon * size &&
                              (j <= i || lane_at(e, found, l, i, j, lane) == 0),
                          "%s %s %d: lane %d [%d, %d] is off by %Lg", table->name, e->name, n, lane, i, j, error);
        }
}
/* Above the diagonal, and in the other triangle's place, lies what nobody may read. */
START_TEST(cholesky)
{
    static double a[MATRIX], found[MATRIX], minors[BGK_LANES], scratch[SCRATCH];
    int n = sizes[_i];
    FOR_EACH_TABLE(table) FOR_EACH_ELEMENT(e) for (int way = 0; way < 2; way++)
    {
        layout l = turned(n, n, way != 0, false);
        fill(e, a, n * n * BGK_LANES);
        strengthen(e, a, l, n);
        for (int i = 0; i < n; i++)
            for (int j = i + 1; j < n; j++)
                for (int lane = 0; lane < BGK_LANES; lane++)
                    put(e, a, i * l.rows + j * l.cols + lane, NAN);
        memcpy(found, a, sizeof a);
        kernels_of(table, e)->lockstep_cholesky(n, found, l.rows, l.cols, minors, scratch);
        for (int lane = 0; lane < BGK_LANES; lane++) {
            ck_assert_msg(get(e, minors, lane) == 0, "%s %s: minor %Lg", table->name, e->name, get(e, minors, lane));
            check_factor(table, e, a, found, l, n, lane);
        }
    }
}
END_TEST

/* Lane k of them fails at minor 1 + k % n, and those after it, with zeros, negative ones and NaN; the others do not see
 * it. */
START_TEST(minors_that_are_not_positive)
{
    static double a[MATRIX], whole[MATRIX], minors[BGK_LANES], scratch[SCRATCH];
    static const long double bad[] = { 0, -1, -INFINITY, NAN };
    int n = sizes[_i];
    FOR_EACH_TABLE(table) FOR_EACH_ELEMENT(e) for (int alone = 0; alone < BGK_LANES; alone++)
    {
        layout l = straight(n);
        fill(e, a, n * n * BGK_LANES);
        strengthen(e, a, l, n);
        memcpy(whole, a, sizeof a);
        kernels_of(table, e)->lockstep_cholesky(n, whole, l.rows, l.cols, minors, scratch);
        for (int lane = 0; lane < BGK_LANES; lane++)
            for (int i = lane % n; i < n && lane != alone; i++)
                put(e, a, i * (l.rows + l.cols) + lane, bad[(lane + i) % 4]);
        kernels_of(table, e)->lockstep_cholesky(n, a, l.rows, l.cols, minors, scratch);
        for (int lane = 0; lane < BGK_LANES; lane++)
            ck_assert_msg(get(e, minors, lane) == (lane == alone ? 0 : 1 + lane % n), "%s %s %d: lane %d: minor %Lg",
                          table->name, e->name, n, lane, get(e, minors, lane));
        for (int64_t i = 0; i < n * n; i++)
            ck_assert_msg(same_bits(e, at(e, a, i * BGK_LANES + alone), at(e, whole, i * BGK_LANES + alone), 1),
                          "%s %s %d: lane %d is another beside others", table->name, e->name, n, alone);
    }
}
END_TEST

/* ---- Solutions ---- */

static void check_solution(const bgk_table *table, const element *e, const void *a, layout la, const void *b,
                           const void *x, layout lx, int n, int r, bool is_unit)
{
    for (int lane = 0; lane < BGK_LANES; lane++)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < r; j++) {
                long double sum = -lane_at(e, b, lx, i, j, lane), size = fabsl(sum);
                for (int k = 0; k <= i; k++) {
                    long double factor = k == i && is_unit ? 1 : lane_at(e, a, la, i, k, lane);
                    long double term = factor * lane_at(e, x, lx, k, j, lane);
                    sum += term;
                    size += fabsl(term);
                }
                ck_assert_msg(fabsl(sum) <= RATIO_MOST * n * e->epsilon * size,
                              "%s %s %d, %d: lane %d [%d, %d]: off by %Lg", table->name, e->name, n, r, lane, i, j,
                              fabsl(sum));
            }
}
START_TEST(solutions)
{
    static double a[MATRIX], b[MATRIX], x[MATRIX], scratch[SCRATCH];
    int n = sizes[_i];
    FOR_EACH_TABLE(table) FOR_EACH_ELEMENT(e) for (int r = 0; r <= 7; r++) for (int way = 0; way < 8; way++)
    {
        bool is_unit = way & 1, is_transposed = way & 2, is_back = way & 4;
        layout la = turned(n, n, is_transposed, is_back), lx = turned(n, r, !is_transposed, false);
        if (is_back && r > 0) { /* rows from the end, columns as they are */
            lx.first += (n - 1) * lx.rows;
            lx.rows = -lx.rows;
        }
        fill(e, a, n * n * BGK_LANES);
        fill(e, b, n * r * BGK_LANES);
        if (!is_unit)
            strengthen(e, a, la, n);
        for (int i = 0; i < n; i++)
            for (int j = i + !is_unit; j < n; j++)
                for (int lane = 0; lane < BGK_LANES; lane++)
                    put(e, a, la.first + i * la.rows + j * la.cols + lane, NAN);
        memcpy(x, b, sizeof b);
        kernels_of(table, e)->lockstep_solve(n, r, at(e, a, la.first), la.rows, la.cols, at(e, x, lx.first), lx.rows,
                                             lx.cols, is_unit, scratch);
        check_solution(table, e, a, la, b, x, lx, n, r, is_unit);
    }
}
END_TEST

/* A denormal diagonal has no inverse in its type, but 0 divided by it is 0, and a small number a number. */
START_TEST(tiny_diagonals)
{
    static double a[MATRIX], x[MATRIX], scratch[SCRATCH];
    FOR_EACH_TABLE(table) FOR_EACH_ELEMENT(e)
    {
        long double tiny = e->smallest / 8;
        for (int lane = 0; lane < BGK_LANES; lane++) {
            put(e, a, lane, lane % 2 ? tiny : 3);
            put(e, x, lane, lane % 4 == 1 ? 0 : 16 * tiny);
        }
        kernels_of(table, e)->lockstep_solve(1, 1, a, BGK_LANES, BGK_LANES, x, BGK_LANES, BGK_LANES, 0, scratch);
        for (int lane = 0; lane < BGK_LANES; lane++) {
            long double expected = lane % 4 == 1 ? 0 : lane % 2 ? 16 : 16 * tiny / 3;
            ck_assert_msg(ulp_error(e, get(e, x, lane), expected) <= 2, "%s %s: lane %d: %Lg", table->name, e->name,
                          lane, get(e, x, lane));
        }
    }
}
END_TEST

/* ---- LU ---- */

static void check_lu(const bgk_table *table, const element *e, const void *a, const void *found, layout l,
                     const void *order, int m, int n, int lane)
{
    bool is_there[MOST] = { false };
    for (int i = 0; i < m; i++) {
        int from = (int)get(e, order, i * BGK_LANES + lane);
        ck_assert_msg(from >= 0 && from < m && !is_there[from], "%s %s: row %d", table->name, e->name, from);
        is_there[from] = true;
        for (int j = 0; j < n; j++) {
            long double sum = -lane_at(e, a, l, from, j, lane), size = fabsl(sum);
            ck_assert(j >= i || fabsl(lane_at(e, found, l, i, j, lane)) <= 1);
            for (int k = 0; k <= i && k <= j && k < m; k++) {
                long double factor = k == i ? 1 : lane_at(e, found, l, i, k, lane);
                long double term = factor * lane_at(e, found, l, k, j, lane);
                sum += term;
                size += fabsl(term);
            }
            ck_assert_msg(fabsl(sum) <= RATIO_MOST * MOST * e->epsilon * size + MOST * e->smallest * e->epsilon,
                          "%s %s [%d, %d]: lane %d [%d, %d]: off by %Lg", table->name, e->name, m, n, lane, i, j,
                          fabsl(sum));
        }
    }
}
/* Some lanes have columns of zeros, equal rows, or numbers so small that a pivot has no inverse. */
START_TEST(lu)
{
    static double a[MATRIX], found[MATRIX], order[MOST * BGK_LANES];
    int n = sizes[_i];
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e) for (int way = 0; way < 2; way++) for (int m = n > 3 ? n - 3 : 1; m <= n + 3 && m <= MOST; m++)
    {
        layout l = way ? turned(m, n, true, false) : straight(n);
        fill(e, a, m * n * BGK_LANES);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
                for (int lane = 0; lane < BGK_LANES; lane += 3) {
                    int64_t at_it = i * l.rows + j * l.cols + lane;
                    if (lane % 9 == 0 && j == n / 2)
                        put(e, a, at_it, 0);
                    else if (lane % 9 == 3)
                        put(e, a, at_it, j + 1);
                    else if (lane % 9 == 6)
                        put(e, a, at_it, get(e, a, at_it) * e->smallest / 16);
                }
        memcpy(found, a, sizeof a);
        kernels_of(table, e)->lockstep_lu(m, n, found, l.rows, l.cols, order);
        for (int lane = 0; lane < BGK_LANES; lane++)
            check_lu(table, e, a, found, l, order, m, n, lane);
    }
}
END_TEST

/* ---- Bits ---- */

START_TEST(vectors_of_any_width)
{
    static double made[3][MATRIX], x[3][MATRIX], order[3][MOST * BGK_LANES], scratch[SCRATCH], minors[BGK_LANES];
    int n = sizes[_i], tables = 0;
    FOR_EACH_ELEMENT(e)
    {
        tables = 0;
        FOR_EACH_TABLE(table)
        {
            if (strcmp(table->name, "scalar") == 0)
                continue;
            const bgk_kernels *k = kernels_of(table, e);
            int64_t row = n * BGK_LANES;
            numbers = draw_from(7);
            fill(e, made[tables], n * row);
            fill(e, x[tables], n * row);
            k->lockstep_lu(n, n, made[tables], row, BGK_LANES, order[tables]);
            k->lockstep_solve(n, n, made[tables], row, BGK_LANES, x[tables], row, BGK_LANES, 0, scratch);
            strengthen(e, made[tables], straight(n), n);
            k->lockstep_cholesky(n, made[tables], row, BGK_LANES, minors, scratch);
            tables++;
        }
        for (int t = 1; t < tables; t++)
            ck_assert_msg(same_bits(e, made[0], made[t], n * n * BGK_LANES) &&
                              same_bits(e, x[0], x[t], n * n * BGK_LANES) &&
                              same_bits(e, order[0], order[t], n * BGK_LANES),
                          "%s %d: vectors of another width give other bits", e->name, n);
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(3);
    Suite *suite = suite_create("kernel lockstep");
    TCase *tests = tcase_create("kernel lockstep");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, cholesky, 0, SIZES);
    tcase_add_loop_test(tests, minors_that_are_not_positive, 0, SIZES);
    tcase_add_loop_test(tests, solutions, 0, SIZES);
    tcase_add_test(tests, tiny_diagonals);
    tcase_add_loop_test(tests, lu, 0, SIZES);
    tcase_add_loop_test(tests, vectors_of_any_width, 0, SIZES);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
