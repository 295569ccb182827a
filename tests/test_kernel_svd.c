/* Singular values of matrices side by side on every instruction set that this processor has: residuals, the same bits
 * for a lane whatever is in the others, with vectors or without, and on all sets of the same lanes. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST = 33, LONGEST = MOST + 3, MOST_LANES = 16, COUNT = MOST * LONGEST * MOST_LANES };

typedef struct {
    double x[COUNT], v[COUNT], s[MOST * MOST_LANES]; /* room for either type */
} lanes;
static lanes in, found, alone, others;

typedef struct {
    int64_t n, length, lanes;
} extents;
static int64_t at_x(extents of, int64_t i, int64_t j, int lane) { return (i * of.length + j) * of.lanes + lane; }
static int64_t at_v(extents of, int64_t i, int64_t j, int lane) { return (i * of.n + j) * of.lanes + lane; }

/* The first lane is of kind `first`; there are some of nothing but zeros, of a row of them, of equal rows, of huge and
 * tiny numbers, of rows at right angles, and of rows that get smaller. */
static void fill(const element *e, extents of, int first, draw *d)
{
    bool is_wide = e->epsilon < 1e-10L;
    for (int64_t i = 0; i < of.n; i++)
        for (int64_t j = 0; j < of.length; j++)
            for (int lane = 0; lane < of.lanes; lane++) {
                int kind = first + lane;
                double x = draw_between(d, -1, 1), huge = is_wide ? 0x1p+1016 : 0x1p+120;
                x = kind == 2 ? 0 : kind == 3 && i == of.n / 2 ? 0 : kind == 4 ? (double)j : x;
                x *= kind == 8 ? huge : kind == 9 ? (is_wide ? 0x1p-1000 : 0x1p-100) : 1;
                x = kind == 5 ? i == j : kind == 10 ? ldexp(x, -(int)i) : x;
                put(e, in.x, at_x(of, i, j, lane), (long double)x);
            }
}
static int run(const bgk_kernels *k, const element *e, extents of, int64_t count, lanes *to, bool has_vectors)
{
    return k->lockstep_svd(of.n, of.length, count, to->x, has_vectors ? to->v : NULL, to->s, 4 * (double)e->epsilon);
}
/* x = vᵀ s x' and vᵀ v = 1 to 8 n roundings, and x' x'ᵀ = 1 for rows that count. */
static void check_lane(const char *set, const element *e, extents of, int lane)
{
    long double allowed = 8 * (long double)of.length * e->epsilon, most = 0;
    for (int64_t i = 0; i < of.n; i++)
        most = fmaxl(most, get(e, found.s, i * of.lanes + lane));
    for (int64_t i = 0; i < of.n; i++)
        for (int64_t j = 0; j < of.length; j++) {
            long double sum = -get(e, in.x, at_x(of, i, j, lane));
            for (int64_t k = 0; k < of.n; k++)
                sum += get(e, found.v, at_v(of, k, i, lane)) * get(e, found.s, k * of.lanes + lane) *
                       get(e, found.x, at_x(of, k, j, lane));
            ck_assert_msg(fabsl(sum) <= allowed * most, "%s %s %d x %d, lane %d: x[%d, %d] is %Lg of %Lg away", set,
                          e->name, (int)of.n, (int)of.length, lane, (int)i, (int)j, sum, most);
        }
    for (int64_t i = 0; i < of.n; i++)
        for (int64_t k = 0; k <= i; k++) {
            long double of_v = i == k ? -1 : 0, of_x = of_v;
            for (int64_t j = 0; j < of.n; j++)
                of_v += get(e, found.v, at_v(of, i, j, lane)) * get(e, found.v, at_v(of, k, j, lane));
            for (int64_t j = 0; j < of.length; j++)
                of_x += get(e, found.x, at_x(of, i, j, lane)) * get(e, found.x, at_x(of, k, j, lane));
            bool counts = get(e, found.s, i * of.lanes + lane) > most * e->epsilon * e->epsilon &&
                          get(e, found.s, k * of.lanes + lane) > most * e->epsilon * e->epsilon;
            ck_assert_msg(fabsl(of_v) <= allowed && (!counts || fabsl(of_x) <= allowed),
                          "%s %s %d x %d, lane %d: vectors %d and %d: %Lg, %Lg", set, e->name, (int)of.n,
                          (int)of.length, lane, (int)i, (int)k, of_v, of_x);
        }
}
/* But for the sign of a 0. */
static void expect_same(const char *set, const element *e, extents of, int lane, const lanes *other, bool has_vectors)
{
    for (int64_t i = 0; i < of.n; i++) {
        int64_t at = i * of.lanes + lane;
        ck_assert_msg(get(e, found.s, at) == get(e, other->s, at), "%s %s %d: value of lane %d", set, e->name,
                      (int)of.n, lane);
        for (int64_t j = 0; j < of.n && has_vectors; j++)
            ck_assert_msg(get(e, found.v, at_v(of, i, j, lane)) == get(e, other->v, at_v(of, i, j, lane)),
                          "%s %s %d: v of lane %d", set, e->name, (int)of.n, lane);
        for (int64_t j = 0; j < of.length && has_vectors; j++)
            ck_assert_msg(get(e, found.x, at_x(of, i, j, lane)) == get(e, other->x, at_x(of, i, j, lane)),
                          "%s %s %d: x of lane %d", set, e->name, (int)of.n, lane);
    }
}
static void check_extents(const element *e, extents of, int first, draw *d)
{
    bool has_others = false;
    fill(e, of, first, d);
    FOR_EACH_TABLE(table)
    {
        const bgk_kernels *k = kernels_of(table, e);
        found = in;
        ck_assert(run(k, e, of, of.lanes, &found, true));
        for (int lane = 0; lane < of.lanes; lane++)
            check_lane(table->name, e, of, lane);
        /* The scalar set may round twice where the others multiply and add. */
        bool is_scalar = strcmp(table->name, "scalar") == 0;
        for (int lane = 0; lane < of.lanes && has_others && !is_scalar; lane++)
            expect_same(table->name, e, of, lane, &others, true);
        others = is_scalar ? others : found;
        has_others = has_others || !is_scalar;
        alone = in;
        ck_assert(run(k, e, of, of.lanes, &alone, false));
        for (int lane = 0; lane < of.lanes; lane++)
            expect_same(table->name, e, of, lane, &alone, false);
        alone = in;
        for (int64_t i = 0; i < of.n * of.length; i++)
            for (int lane = 1; lane < of.lanes; lane++)
                put(e, alone.x, i * of.lanes + lane, 0);
        ck_assert(run(k, e, of, 1, &alone, true));
        expect_same(table->name, e, of, 0, &alone, true);
    }
}

START_TEST(matrices)
{
    draw d = draw_from(5);
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 1; n <= MOST; n += n < 9 ? 1 : 8)
        for (int64_t length = n; length <= n + 3; length += 3)
            for (int first = 0; first <= 8; first += 8)
                check_extents(e, (extents){ n, length, BGK_LINE_LANES(e->size) }, first, &d);
}
END_TEST

/* Values down to the smallest normal number come with their own precision where rows are at right angles. */
START_TEST(small_values)
{
    FOR_EACH_ELEMENT(e)
    FOR_EACH_TABLE(table)
    {
        extents of = { 2, 2, BGK_LINE_LANES(e->size) };
        memset(&found, 0, sizeof found);
        long double tiny = e->epsilon < 1e-10L ? 0x1.8p-1000L : 0x1.8p-104L;
        put(e, found.x, at_x(of, 0, 1, 0), 1);
        put(e, found.x, at_x(of, 1, 0, 0), tiny);
        ck_assert(run(kernels_of(table, e), e, of, 1, &found, true));
        ck_assert(get(e, found.s, 0) == 1 && get(e, found.s, of.lanes) == tiny);
    }
}
END_TEST

/* What never is within the tolerance does not come to an end, but stops. */
START_TEST(no_end)
{
    draw d = draw_from(6);
    FOR_EACH_ELEMENT(e)
    FOR_EACH_TABLE(table)
    {
        const bgk_kernels *k = kernels_of(table, e);
        extents of = { 4, 4, BGK_LINE_LANES(e->size) };
        fill(e, of, 0, &d);
        ck_assert(!k->lockstep_svd(4, 4, of.lanes, in.x, found.v, found.s, -1));
        ck_assert(k->lockstep_svd(1, 4, of.lanes, in.x, found.v, found.s, -1));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel svd");
    TCase *tests = tcase_create("kernel svd");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, matrices);
    tcase_add_test(tests, small_values);
    tcase_add_test(tests, no_end);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
