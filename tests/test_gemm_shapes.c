/* The list of matrix products that bench measures. */
#include "support/suite.h"

#include "gemm_shapes.h"
#include "workloads.h"

#include <string.h>

enum { SHAPES_MAX = 512 };

static bool is_listed(const gemm_shape *shapes, size_t n, gemm_shape wanted)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(shapes[i].from, wanted.from) == 0 && shapes[i].m == wanted.m && shapes[i].n == wanted.n &&
            shapes[i].k == wanted.k && shapes[i].transposes_x == wanted.transposes_x &&
            shapes[i].transposes_w == wanted.transposes_w)
            return true;
    return false;
}

/* Sums over the 160 rows of DeepBench's table, taken from it by a program of its own. */
START_TEST(deepbench_is_whole)
{
    gemm_shape shapes[SHAPES_MAX];
    size_t n = gemm_shapes(shapes, SHAPES_MAX);
    int64_t work = 0, depth = 0;
    int count = 0, x = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(shapes[i].from, "deepbench") != 0)
            continue;
        count++;
        work += shapes[i].m * shapes[i].n * shapes[i].k;
        depth += shapes[i].k;
        x += shapes[i].transposes_x;
        w += shapes[i].transposes_w;
    }
    ck_assert_int_eq(count, 160);
    ck_assert_int_eq(work, 13353199093568);
    ck_assert_int_eq(depth, 4331552);
    ck_assert_int_eq(x, 10);
    ck_assert_int_eq(w, 73);
    /* a [35, 2560] transposed, b [2560, 8457], by columns */
    ck_assert(is_listed(shapes, n, (gemm_shape){ "deepbench", 8457, 35, 2560, false, true }));
    ck_assert(is_listed(shapes, n, (gemm_shape){ "deepbench", 7435, 3072, 1024, true, false }));
}
END_TEST

START_TEST(no_shape_is_listed_twice)
{
    gemm_shape shapes[SHAPES_MAX];
    size_t n = gemm_shapes(shapes, SHAPES_MAX);
    ck_assert_uint_le(n, SHAPES_MAX);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(!is_listed(shapes, i, shapes[i]), "%s %lld x %lld x %lld is listed twice", shapes[i].from,
                      (long long)shapes[i].m, (long long)shapes[i].n, (long long)shapes[i].k);
}
END_TEST

/* A layer's three products; without the gradient of the data. */
START_TEST(layers_of_workloads)
{
    gemm_shape shapes[SHAPES_MAX];
    size_t n = gemm_shapes(shapes, SHAPES_MAX);
    static const struct {
        gemm_shape shape;
        bool is_listed;
    } rows[] = {
        { { "mlp-b32", 32, 512, 784, false, true }, true },    { { "mlp-b32", 32, 784, 512, false, false }, false },
        { { "mlp-b32", 512, 784, 32, true, false }, true },    { { "mlp-b32", 32, 512, 512, false, false }, true },
        { { "gpt2", 256, 50257, 768, false, true }, true },    { { "gpt2", 50257, 768, 256, true, false }, true },
        { { "char-lstm", 50, 1024, 256, false, true }, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(is_listed(shapes, n, rows[i].shape) == rows[i].is_listed, "%s %lld x %lld x %lld",
                      rows[i].shape.from, (long long)rows[i].shape.m, (long long)rows[i].shape.n,
                      (long long)rows[i].shape.k);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(strcmp(shapes[i].from, "deepbench") == 0 || workload_find(shapes[i].from), "%s", shapes[i].from);
}
END_TEST

START_TEST(a_short_table_is_not_overrun)
{
    gemm_shape shapes[3] = { { .from = "" }, { .from = "" }, { .from = "mine" } };
    size_t n = gemm_shapes(shapes, 2);
    ck_assert_uint_eq(n, gemm_shapes(NULL, 0));
    ck_assert_str_eq(shapes[1].from, "tiny");
    ck_assert_str_eq(shapes[2].from, "mine");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gemm shapes");
    TCase *tests = tcase_create("shapes");
    tcase_add_test(tests, deepbench_is_whole);
    tcase_add_test(tests, no_shape_is_listed_twice);
    tcase_add_test(tests, layers_of_workloads);
    tcase_add_test(tests, a_short_table_is_not_overrun);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
