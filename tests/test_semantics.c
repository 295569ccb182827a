/* Kinks, ties, infinities and other edges, each with the value and the gradient that the library defines. */
#include "cases/cases.h"
#include "support/trial.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void compare(const edge *e, bg_dtype dtype, const char *what, const bg_tensor *got, const double *expected,
                    int n)
{
    ck_assert_msg(bg_shape_count(bg_tensor_shape(got)) == n, "%s: %s has another size", e->name, what);
    for (int i = 0; i < n; i++) {
        double value = 0;
        must(bg_tensor_item(got, i, &value), e->name);
        /* What is subnormal in the type is flushed to 0. */
        double flushed = dtype == BG_F32 && fabs(expected[i]) < 1.2e-38 ? 0 : expected[i];
        double error = fabs(value - flushed) / fmax(fabs(flushed), 1e-30);
        bool is_same = isnan(flushed) ? isnan(value) : value == flushed || error <= e->tolerance;
        ck_assert_msg(is_same, "%s (%s): %s[%d] is %.17g, not %.17g", e->name, bg_dtype_name(dtype), what, i, value,
                      flushed);
    }
}

static void check_edge(const edge *e, bg_dtype dtype)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    bg_shape shape = e->shape;
    if (shape.rank == 0)
        shape = BG_SHAPE(e->n);
    bg_tensor *tensors[2] = { tensor_of(engine, dtype, shape, e->x), tensor_of(engine, dtype, shape, e->y) };
    must(bg_graph_create(&graph, engine), e->name);
    bg_node *xs[2] = { bg_parameter(graph, tensors[0]), bg_parameter(graph, tensors[1]) }, *outputs[3];
    outputs[0] = e->build(xs[0], xs[1]);
    bg_node *ones = bg_broadcast(bg_scalar(graph, dtype, 1), bg_node_shape(outputs[0]));
    must(bg_grad_from(outputs, &ones, 1, xs, 2, outputs + 1), e->name);
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 3, NULL), e->name);
    must(bg_program_run(program), e->name);
    compare(e, dtype, "the value", bg_program_output(program, 0), e->value, e->n_values);
    compare(e, dtype, "dx", bg_program_output(program, 1), e->dx, e->n);
    if (e->has_dy)
        compare(e, dtype, "dy", bg_program_output(program, 2), e->dy, e->n);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < 2; i++)
        bg_tensor_destroy(tensors[i]);
}

START_TEST(test_edges)
{
    check_edge(edge_at(_i), BG_F64);
    if (!edge_at(_i)->only_f64)
        check_edge(edge_at(_i), BG_F32);
}
END_TEST

/* ---- Sums ---- */

/* The sum of f32 values, as a program computes it. */
static double sum_of(bg_shape shape, bg_axes axes, double first, double rest)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    bg_tensor *tensor = NULL;
    bg_program *program = NULL;
    must(bg_tensor_create(&tensor, engine, BG_F32, shape), "a long tensor");
    must(bg_tensor_fill(tensor, rest), "a long tensor");
    ((float *)bg_tensor_data(tensor))[0] = (float)first;
    must(bg_graph_create(&graph, engine), "a sum");
    bg_node *sum = bg_sum(bg_parameter(graph, tensor), axes);
    must(bg_compile(&program, graph, &sum, 1, NULL), "a sum");
    must(bg_program_run(program), "a sum");
    double value = 0;
    must(bg_tensor_item(bg_program_output(program, 0), 0, &value), "a sum");
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(tensor);
    return value;
}

START_TEST(test_long_sums)
{
    ck_assert_double_eq(sum_of(BG_SHAPE(33554432), BG_ALL_AXES, 1, 1), 33554432);
    ck_assert_double_eq(sum_of(BG_SHAPE(4194304, 8), BG_AXES(0), 1, 1), 4194304);
    ck_assert_double_eq(sum_of(BG_SHAPE(8, 4194304), BG_AXES(1), 1, 1), 4194304);
    double mixed = sum_of(BG_SHAPE(16777217), BG_ALL_AXES, 1, 1e-8), exact = 1 + 16777216 * (double)1e-8F;
    ck_assert_msg(fabs(mixed - exact) <= 4 * 0x1p-23 * exact, "1 and 2^24 times 1e-8 add up to %.9g, not %.9g", mixed,
                  exact);
}
END_TEST

/* Softmax does not depend on a shift that is exact; a variance by hand does not cancel. */
START_TEST(test_softmax_shift)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const double values[] = { 0.5, -1.25, 3, 0, 2.75 };
    bg_tensor *tensor = tensor_of(engine, BG_F64, BG_SHAPE(5), values);
    must(bg_graph_create(&graph, engine), "softmax");
    bg_node *x = bg_parameter(graph, tensor), *shifted = bg_add_scalar(x, 1024);
    bg_node *outputs[2] = { bg_softmax(x, 0), bg_softmax(shifted, 0) };
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 2, NULL), "softmax");
    must(bg_program_run(program), "softmax");
    ck_assert_mem_eq(bg_tensor_const_data(bg_program_output(program, 0)),
                     bg_tensor_const_data(bg_program_output(program, 1)), 5 * sizeof(double));
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Integers and classes ---- */

START_TEST(test_integers)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const int64_t left[] = { 9007199254740993, INT64_MIN, -1, 7 }, right[] = { 9007199254740992, INT64_MAX, -1, 8 };
    bg_tensor *x = NULL, *y = NULL;
    must(bg_tensor_create(&x, engine, BG_I64, BG_SHAPE(4)), "integers");
    must(bg_tensor_create(&y, engine, BG_I64, BG_SHAPE(4)), "integers");
    must(bg_tensor_copy_from(x, left, sizeof left), "integers");
    must(bg_tensor_copy_from(y, right, sizeof right), "integers");
    must(bg_graph_create(&graph, engine), "integers");
    bg_node *a = bg_buffer(graph, x), *b = bg_buffer(graph, y);
    bg_node *outputs[] = { bg_equal(a, b),   bg_not_equal(a, b),     bg_less(a, b),     bg_less_equal(a, b),
                           bg_greater(a, b), bg_greater_equal(a, b), bg_cast(a, BG_F32) };
    static const double expected[][4] = { { 0, 0, 1, 0 },
                                          { 1, 1, 0, 1 },
                                          { 0, 1, 0, 1 },
                                          { 0, 1, 1, 1 },
                                          { 1, 0, 0, 0 },
                                          { 1, 0, 1, 0 },
                                          { 0x1p53, -0x1p63, -1, 7 } };
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 7, NULL), "integers");
    must(bg_program_run(program), "integers");
    for (int k = 0; k < 7; k++)
        for (int i = 0; i < 4; i++) {
            double value = -1;
            must(bg_tensor_item(bg_program_output(program, (size_t)k), i, &value), "integers");
            ck_assert_msg(value == expected[k][i], "output %d, element %d is %g, not %g", k, i, value, expected[k][i]);
        }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

/* A class out of range fails the run, names its place, and leaves the parameter as it was. */
START_TEST(test_class_out_of_range)
{
    static const bg_dtype dtypes[] = { BG_I32, BG_I64, BG_U8 };
    static const double wrong[] = { -1, 4, 200 };
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const double start[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    bg_tensor *x = tensor_of(engine, BG_F64, BG_SHAPE(2, 4), start);
    bg_tensor *classes = tensor_of(engine, dtypes[_i], BG_SHAPE(2), (double[]){ 3, wrong[_i] });
    must(bg_graph_create(&graph, engine), "classes");
    bg_node *p = bg_parameter(graph, x), *loss = bg_cross_entropy_loss(p, bg_buffer(graph, classes), BG_MEAN), *dp;
    must(bg_grad(loss, &p, 1, &dp), "classes");
    bg_update(p, bg_sub(p, dp));
    bg_program *program = NULL;
    must(bg_compile(&program, graph, &loss, 1, NULL), "classes");
    ck_assert_int_eq(bg_program_run(program), BG_ERR_INDEX);
    ck_assert_ptr_nonnull(strstr(bg_last_error(), "[1]"));
    ck_assert_mem_eq(bg_tensor_const_data(x), start, sizeof start);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_tensor_destroy(classes);
}
END_TEST

START_TEST(test_max_of_nothing)
{
    bg_graph *graph = NULL;
    bg_node *nothing;
    must(bg_graph_create(&graph, trial_engine()), "a graph");
    nothing = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 0));
    ck_assert_ptr_null(bg_max(nothing, BG_AXES(1)));
    ck_assert_int_eq(bg_graph_status(graph), BG_ERR_SHAPE);
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("semantics");
    TCase *cases = tcase_create("edges");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, test_edges, 0, edge_count());
    tcase_add_test(cases, test_long_sums);
    tcase_add_test(cases, test_softmax_shift);
    tcase_add_test(cases, test_integers);
    tcase_add_loop_test(cases, test_class_out_of_range, 0, 3);
    tcase_add_test(cases, test_max_of_nothing);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
