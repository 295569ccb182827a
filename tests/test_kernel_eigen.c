/* Eigenvalues of matrices side by side on every instruction set that this processor has: residuals, the same bits for a
 * lane whatever is in the others, and on all sets of the same lanes. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST = 33, COUNT = MOST * MOST * BGK_LANES };

typedef struct {
    double a[COUNT], v[COUNT]; /* room for either type */
} lanes;
static lanes in, found, alone, of_vectors;

static int64_t place(int64_t n, int64_t i, int64_t j, int lane) { return (i * n + j) * BGK_LANES + lane; }
static long double from(const element *e, const void *x, int64_t n, int64_t i, int64_t j, int lane)
{
    return get(e, x, place(n, i, j, lane));
}

/* Below 1; lanes of diagonal matrices, of equal values and of zeros among them. Nothing is read above the diagonal. */
static void fill(const element *e, int64_t n, draw *d)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int lane = 0; lane < BGK_LANES; lane++) {
                double x = draw_between(d, -1, 1);
                x = lane == 2 ? 0 : lane == 3 && i != j ? 0 : lane == 5 ? i == j : lane == 7 ? 0.5 : x;
                put(e, in.a, place(n, i, j, lane), j > i ? (long double)NAN : (long double)x);
            }
}
/* a = vᵀ · w · v and v · vᵀ = 1 to 4 n roundings. */
static void check_lane(const char *set, const element *e, int64_t n, int lane)
{
    long double allowed = 4 * (long double)n * e->epsilon, of_a = 1;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            of_a = fmaxl(of_a, n * fabsl(from(e, in.a, n, i, j, lane)));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            long double sum = -from(e, in.a, n, i, j, lane), dot = i == j ? -1 : 0;
            for (int64_t k = 0; k < n; k++) {
                sum +=
                    from(e, found.v, n, k, i, lane) * from(e, found.a, n, k, k, lane) * from(e, found.v, n, k, j, lane);
                dot += from(e, found.v, n, i, k, lane) * from(e, found.v, n, j, k, lane);
            }
            ck_assert_msg(fabsl(sum) <= allowed * of_a, "%s %s %d, lane %d: a[%d, %d] is %Lg away", set, e->name,
                          (int)n, lane, (int)i, (int)j, sum);
            ck_assert_msg(fabsl(dot) <= allowed, "%s %s %d, lane %d: vectors %d and %d: %Lg", set, e->name, (int)n,
                          lane, (int)i, (int)j, dot);
        }
}
/* But for the sign of a 0. */
static void expect_same(const char *set, const element *e, int64_t n, int lane, const lanes *other)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t at = place(n, i, j, lane);
            ck_assert_msg(get(e, found.v, at) == get(e, other->v, at), "%s %s %d: vector of lane %d", set, e->name,
                          (int)n, lane);
            ck_assert_msg(i != j || get(e, found.a, at) == get(e, other->a, at), "%s %s %d: value of lane %d", set,
                          e->name, (int)n, lane);
        }
}

START_TEST(matrices)
{
    draw d = draw_from(5);
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MOST; n += n < 9 ? 1 : 8) {
        bool has_vectors = false;
        fill(e, n, &d);
        FOR_EACH_TABLE(table)
        {
            double tolerance = (double)e->epsilon / 8;
            found = in;
            ck_assert(kernels_of(table, e)->lockstep_eigen(n, BGK_LANES, found.a, found.v, tolerance));
            for (int lane = 0; lane < BGK_LANES; lane++)
                check_lane(table->name, e, n, lane);
            /* The scalar set may round twice where the others multiply and add. */
            bool is_scalar = strcmp(table->name, "scalar") == 0;
            for (int lane = 0; lane < BGK_LANES && has_vectors && !is_scalar; lane++)
                expect_same(table->name, e, n, lane, &of_vectors);
            of_vectors = is_scalar ? of_vectors : found;
            has_vectors = has_vectors || !is_scalar;
            alone = in;
            for (int64_t i = 0; i < n * n; i++)
                for (int lane = 1; lane < BGK_LANES; lane++)
                    put(e, alone.a, i * BGK_LANES + lane, 0);
            ck_assert(kernels_of(table, e)->lockstep_eigen(n, 1, alone.a, alone.v, tolerance));
            expect_same(table->name, e, n, 0, &alone);
        }
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
        fill(e, 4, &d);
        ck_assert(!kernels_of(table, e)->lockstep_eigen(4, BGK_LANES, in.a, found.v, -1));
        ck_assert(kernels_of(table, e)->lockstep_eigen(1, BGK_LANES, in.a, found.v, -1));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel eigen");
    TCase *tests = tcase_create("kernel eigen");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, matrices);
    tcase_add_test(tests, no_end);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
