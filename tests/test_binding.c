/* What programs read and write: shared parameters, views as leaves and inputs, and what is refused. */
#include "support/expect.h"

#include <math.h>
#include <stdlib.h>

static bg_engine *engine;
static bg_graph *graph;
static void set_up(void)
{
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2 }), "an engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
}
static void tear_down(void)
{
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}

static bg_tensor *filled(bg_dtype dtype, bg_shape shape, double value)
{
    bg_tensor *tensor = NULL;
    expect_ok(bg_tensor_create(&tensor, engine, dtype, shape), "a tensor");
    expect_ok(bg_tensor_fill(tensor, value), "a tensor");
    return tensor;
}

static bg_program *compiled(bg_graph *g, bg_node *const *outputs, size_t n)
{
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, g, outputs, n, NULL), "compile");
    return program;
}

static double value_at(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    expect_ok(bg_tensor_item(tensor, i, &value), "reading a number");
    return value;
}

/* ---- Programs that share ---- */

START_TEST(test_shared_parameter)
{
    bg_graph *second;
    bg_tensor *value = filled(BG_F64, BG_SHAPE(4), 1);
    expect_ok(bg_graph_create(&second, engine), "graph");
    bg_node *p = bg_parameter(graph, value), *q = bg_parameter(second, value);
    ck_assert(bg_parameter(graph, value) == p && p != q);
    bg_update(p, bg_add_scalar(p, 1));
    bg_update(q, bg_mul_scalar(q, 10));
    bg_program *add = compiled(graph, &p, 1), *multiply = compiled(second, &q, 1);
    /* What a graph gets after it was compiled belongs to the next program. */
    bg_update(p, bg_neg(p));
    bg_program *negate = compiled(graph, NULL, 0), *look = NULL;
    expect_ok(bg_compile(&look, graph, &p, 1, &(bg_compile_options){ .no_updates = true }), "compile");
    bg_graph_destroy(second);
    expect_ok(bg_program_run(add), "add");
    expect_ok(bg_program_run(multiply), "multiply");
    ck_assert(value_at(bg_program_output(multiply, 0), 3) == 2);
    expect_ok(bg_program_run(add), "add");
    ck_assert(value_at(value, 0) == 21);
    expect_ok(bg_program_run(negate), "negate");
    expect_ok(bg_program_run(look), "look");
    expect_ok(bg_program_run(look), "look");
    ck_assert(value_at(value, 0) == -21 && value_at(bg_program_output(look, 0), 3) == -21);
    ck_assert(value_at(bg_program_output(add, 0), 0) == 20); /* until its next run */
    ck_assert_ptr_null(bg_program_output(add, 1));
    bg_program_destroy(add);
    bg_program_destroy(multiply);
    bg_program_destroy(negate);
    bg_program_destroy(look);
    bg_tensor_destroy(value);
}
END_TEST

/* Integers, bytes and truth values as buffers. */
START_TEST(test_other_types)
{
    static const bg_dtype dtypes[] = { BG_F32, BG_I32, BG_I64, BG_U8, BG_BOOL };
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++)
        for (int64_t n = 0; n <= 500000; n = n ? n * 1000 : 500) {
            bg_graph *g;
            expect_ok(bg_graph_create(&g, engine), "graph");
            bg_tensor *one = filled(dtypes[k], BG_SHAPE(n), 1), *zero = filled(dtypes[k], BG_SHAPE(n), 0);
            bg_tensor *fresh = filled(dtypes[k], BG_SHAPE(n), 1);
            bg_node *a = bg_buffer(g, one), *b = bg_buffer(g, zero), *c = bg_buffer(g, fresh);
            bg_node *x = bg_input(g, "x", dtypes[k], BG_SHAPE(n));
            bg_update(a, b);
            bg_update(b, a);
            bg_update(c, x);
            bg_node *outputs[] = { a, x, bg_reshape(c, BG_SHAPE(n, 1)) };
            bg_program *program = compiled(g, outputs, 3);
            bg_tensor *value = filled(dtypes[k], BG_SHAPE(n), 0);
            expect_ok(bg_program_bind(program, x, value), "bind");
            expect_ok(bg_program_run(program), bg_dtype_name(dtypes[k]));
            for (int64_t i = 0; i < n; i += 1 + n / 7) {
                ck_assert(value_at(one, i) == 0 && value_at(zero, i) == 1 && value_at(fresh, i) == 0);
                ck_assert(value_at(bg_program_output(program, 0), i) == 1);
                ck_assert(value_at(bg_program_output(program, 1), i) == 0);
                ck_assert(value_at(bg_program_output(program, 2), i) == 1);
            }
            bg_program_destroy(program);
            bg_graph_destroy(g);
            bg_tensor_destroy(one);
            bg_tensor_destroy(zero);
            bg_tensor_destroy(fresh);
            bg_tensor_destroy(value);
        }
}
END_TEST

START_TEST(test_mask_buffer)
{
    bg_tensor *mask = filled(BG_BOOL, BG_SHAPE(3), 0), *value = filled(BG_F64, BG_SHAPE(3), 0.5);
    bg_node *m = bg_buffer(graph, mask), *v = bg_parameter(graph, value);
    bg_update(m, bg_greater(v, bg_broadcast(bg_scalar(graph, BG_F64, 0), BG_SHAPE(3))));
    bg_update(v, bg_where(m, bg_neg(v), bg_mul_scalar(v, 2)));
    bg_program *program = compiled(graph, &m, 1);
    expect_ok(bg_program_run(program), "first run");
    ck_assert(value_at(mask, 1) == 1 && value_at(value, 1) == 1);
    expect_ok(bg_program_run(program), "second run");
    ck_assert(value_at(mask, 1) == 1 && value_at(value, 1) == -1 && value_at(bg_program_output(program, 0), 0) == 1);
    expect_ok(bg_program_run(program), "third run");
    ck_assert(value_at(mask, 1) == 0 && value_at(value, 1) == 1);
    bg_program_destroy(program);
    bg_tensor_destroy(mask);
    bg_tensor_destroy(value);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(test_overlapping_leaves)
{
    static const struct {
        const char *name;
        int axis;
        int64_t first[3], second[3]; /* start, stop, step */
        bool is_refused;
    } pairs[] = {
        { "rows in common", 0, { 0, 4, 1 }, { 3, 6, 1 }, true },
        { "rows side by side", 0, { 0, 3, 1 }, { 3, 6, 1 }, false },
        { "columns side by side", 1, { 0, 2, 1 }, { 2, 4, 1 }, false },
        { "columns in common", 1, { 0, 3, 1 }, { 2, 4, 1 }, true },
        { "even and odd columns", 1, { 0, 4, 2 }, { 1, 4, 2 }, false },
        { "even and all columns", 1, { 0, 4, 2 }, { 0, 4, 1 }, true },
        { "the same rows", 0, { 1, 3, 1 }, { 1, 3, 1 }, true },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int kinds = 0; kinds < 4; kinds++) {
            bg_graph *g;
            bg_tensor *whole = filled(BG_F32, BG_SHAPE(6, 4), 0), *first, *second;
            expect_ok(bg_graph_create(&g, engine), "graph");
            expect_ok(
                bg_tensor_slice(&first, whole, pairs[i].axis, pairs[i].first[0], pairs[i].first[1], pairs[i].first[2]),
                pairs[i].name);
            expect_ok(bg_tensor_slice(&second, whole, pairs[i].axis, pairs[i].second[0], pairs[i].second[1],
                                      pairs[i].second[2]),
                      pairs[i].name);
            ck_assert_ptr_nonnull(kinds & 1 ? bg_parameter(g, first) : bg_buffer(g, first));
            bg_node *node = kinds & 2 ? bg_parameter(g, second) : bg_buffer(g, second);
            if (pairs[i].is_refused)
                expect_failure(bg_graph_status(g), BG_ERR_OVERLAP, "shares memory", pairs[i].name);
            else
                ck_assert_msg(node != NULL, "%s: %s", pairs[i].name, bg_last_error());
            bg_graph_destroy(g);
            bg_tensor_destroy(first);
            bg_tensor_destroy(second);
            bg_tensor_destroy(whole);
        }
}
END_TEST

START_TEST(test_leaf_of_two_kinds)
{
    bg_tensor *value = filled(BG_F32, BG_SHAPE(2), 0);
    ck_assert_ptr_nonnull(bg_parameter(graph, value));
    ck_assert_ptr_null(bg_buffer(graph, value));
    expect_failure(bg_graph_status(graph), BG_ERR_ARGUMENT, "is a parameter of the graph", "two kinds");
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_expanded_leaf)
{
    bg_tensor *value = filled(BG_F32, BG_SHAPE(1, 3), 0), *expanded;
    expect_ok(bg_tensor_expand(&expanded, value, BG_SHAPE(5, 3)), "expand");
    ck_assert_ptr_null(bg_parameter(graph, expanded));
    expect_failure(bg_graph_status(graph), BG_ERR_OVERLAP, "axis 0", "an expanded view");
    bg_tensor_destroy(value);
    bg_tensor_destroy(expanded);
}
END_TEST

START_TEST(test_binding)
{
    bg_tensor *state = filled(BG_F32, BG_SHAPE(4, 3), 1), *fixed = filled(BG_F32, BG_SHAPE(4, 3), 5);
    bg_node *w = bg_parameter(graph, state), *f = bg_parameter(graph, fixed);
    bg_node *x = bg_input(graph, "pictures", BG_F32, BG_SHAPE(4, 3)),
            *y = bg_input(graph, "labels", BG_F32, BG_SHAPE(3));
    bg_node *unused = bg_input(graph, "unused", BG_F32, BG_SHAPE(2));
    bg_node *sum = bg_add(bg_add(x, y), bg_add(w, f));
    bg_update(w, sum);
    bg_node *outputs[] = { sum, w };
    bg_program *program = compiled(graph, outputs, 2);
    bg_tensor *good = filled(BG_F32, BG_SHAPE(4, 3), 2), *labels = filled(BG_F32, BG_SHAPE(3), 3);
    bg_tensor *wide = filled(BG_F32, BG_SHAPE(4, 4), 0), *f64 = filled(BG_F64, BG_SHAPE(4, 3), 0);

    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"pictures\" [4, 3]", "nothing is bound");
    expect_ok(bg_program_bind(program, x, good), "good");
    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"labels\" [3]", "labels are not bound");
    ck_assert(value_at(state, 0) == 1);
    expect_ok(bg_program_bind(program, y, labels), "labels");
    expect_failure(bg_program_bind(program, x, wide), BG_ERR_SHAPE, "\"pictures\" is [4, 3], the tensor [4, 4]",
                   "wide");
    expect_failure(bg_program_bind(program, x, f64), BG_ERR_DTYPE, "\"pictures\" is f32, the tensor f64", "f64");
    expect_failure(bg_program_bind(program, w, good), BG_ERR_ARGUMENT, "not an input", "a parameter");
    expect_failure(bg_program_bind(program, NULL, good), BG_ERR_ARGUMENT, "NULL", "no input");
    expect_failure(bg_program_bind(NULL, x, good), BG_ERR_ARGUMENT, "NULL", "no program");
    expect_failure(bg_program_run(NULL), BG_ERR_ARGUMENT, "NULL", "no program");
    expect_ok(bg_program_bind(program, unused, NULL), "unused");
    expect_failure(bg_program_bind(program, unused, good), BG_ERR_SHAPE, "\"unused\" is [2]", "unused");
    bg_node *unused_state = bg_input(graph, "unused", BG_F32, BG_SHAPE(4, 3));
    expect_ok(bg_program_bind(program, unused_state, state), "unused, and updated by the program");
    for (size_t i = 0; i < 2; i++)
        expect_ok(bg_program_bind(program, unused_state, (bg_tensor *)(uintptr_t)bg_program_output(program, i)),
                  "unused, and an output");

    /* What the program writes. */
    bg_tensor *part, *whole_view;
    expect_ok(bg_tensor_permute(&whole_view, state, BG_AXES(0, 1)), "view");
    expect_ok(bg_tensor_slice(&part, state, 0, 2, 3, 1), "slice");
    bg_tensor *part_flat;
    expect_ok(bg_tensor_reshape(&part_flat, part, BG_SHAPE(3)), "slice");
    expect_failure(bg_program_bind(program, x, state), BG_ERR_OVERLAP, "\"pictures\" shares memory with a parameter",
                   "the updated tensor");
    expect_failure(bg_program_bind(program, x, whole_view), BG_ERR_OVERLAP, "bg_buffer", "a view of it");
    expect_failure(bg_program_bind(program, y, part_flat), BG_ERR_OVERLAP, "\"labels\"", "a part of it");
    for (size_t i = 0; i < 2; i++) /* bound without a promise not to write: inputs are only read */
        expect_failure(bg_program_bind(program, x, (bg_tensor *)(uintptr_t)bg_program_output(program, i)),
                       BG_ERR_OVERLAP, "output", "an output");
    expect_ok(bg_program_bind(program, x, fixed), "a parameter that is only read");
    expect_ok(bg_program_bind(program, x, good), "the same input again");

    /* Refused calls have changed nothing. */
    expect_ok(bg_program_run(program), "run");
    ck_assert(value_at(bg_program_output(program, 0), 11) == 11 && value_at(bg_program_output(program, 1), 11) == 1);
    ck_assert(value_at(state, 11) == 11);

    /* Read at each run, also when the caller has let go of it. */
    expect_ok(bg_tensor_fill(good, 4), "new numbers");
    bg_tensor_destroy(good);
    bg_tensor_destroy(labels);
    expect_ok(bg_program_run(program), "run");
    ck_assert(value_at(state, 0) == 11 + 4 + 3 + 5);
    expect_ok(bg_program_bind(program, x, NULL), "unbind");
    expect_failure(bg_program_run(program), BG_ERR_UNBOUND, "\"pictures\"", "unbound");
    bg_program_destroy(program);
    bg_tensor *const rest[] = { state, fixed, wide, f64, part, whole_view, part_flat };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        bg_tensor_destroy(rest[i]);
}
END_TEST

/* The program keeps what it needs of its graph: an input that it uses can be bound when the graph is gone. */
START_TEST(test_binding_without_graph)
{
    bg_graph *other = NULL;
    expect_ok(bg_graph_create(&other, engine), "graph");
    bg_node *x = bg_input(other, "late", BG_F32, BG_SHAPE(3)), *y = bg_mul_scalar(x, 2);
    bg_program *program = compiled(other, &y, 1);
    bg_graph_destroy(other);
    bg_tensor *good = filled(BG_F32, BG_SHAPE(3), 4), *wide = filled(BG_F32, BG_SHAPE(4), 0);
    expect_failure(bg_program_bind(program, x, wide), BG_ERR_SHAPE, "\"late\" is [3], the tensor [4]", "wide");
    expect_ok(bg_program_bind(program, x, good), "good");
    expect_ok(bg_program_run(program), "run");
    ck_assert(value_at(bg_program_output(program, 0), 2) == 8);
    bg_program_destroy(program);
    bg_tensor_destroy(good);
    bg_tensor_destroy(wide);
}
END_TEST

/* Inputs of any strides: slices with steps, swapped axes, expanded, and the same tensor for two inputs. */
START_TEST(test_strided_inputs)
{
    bg_tensor *whole = filled(BG_F64, BG_SHAPE(6, 8), 0), *row = filled(BG_F64, BG_SHAPE(1, 3), 9);
    double *values = bg_tensor_data(whole);
    for (int i = 0; i < 48; i++)
        values[i] = i;
    bg_tensor *rows, *picked, *swapped, *expanded;
    expect_ok(bg_tensor_slice(&rows, whole, 0, 1, 6, 2), "rows");
    expect_ok(bg_tensor_slice(&picked, rows, 1, 0, 8, 3), "columns");
    expect_ok(bg_tensor_permute(&swapped, picked, BG_AXES(1, 0)), "swapped");
    expect_ok(bg_tensor_expand(&expanded, row, BG_SHAPE(3, 3)), "expanded");
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(3, 3)), *y = bg_input(graph, "y", BG_F64, BG_SHAPE(3, 3));
    bg_node *outputs[] = { bg_mul_scalar(x, 1), bg_sub(x, y), bg_matmul(x, y), x };
    bg_program *program = compiled(graph, outputs, 4);
    bg_tensor *const bound[][2] = {
        { picked, swapped }, { swapped, picked }, { expanded, picked }, { swapped, swapped }
    };
    for (int k = 0; k < 4; k++) {
        expect_ok(bg_program_bind(program, x, bound[k][0]), "x");
        expect_ok(bg_program_bind(program, y, bound[k][1]), "y");
        expect_ok(bg_program_run(program), "run");
        for (int64_t i = 0; i < 9; i++) {
            double product = 0, a = value_at(bound[k][0], i), b = value_at(bound[k][1], i);
            for (int64_t p = 0; p < 3; p++)
                product += value_at(bound[k][0], i / 3 * 3 + p) * value_at(bound[k][1], p * 3 + i % 3);
            ck_assert(value_at(bg_program_output(program, 0), i) == a);
            ck_assert(value_at(bg_program_output(program, 1), i) == a - b);
            ck_assert(value_at(bg_program_output(program, 2), i) == product);
            ck_assert(value_at(bg_program_output(program, 3), i) == a);
        }
    }
    bg_program_destroy(program);
    bg_tensor *const rest[] = { whole, row, rows, picked, swapped, expanded };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        bg_tensor_destroy(rest[i]);
}
END_TEST

/* A parameter that is a view: the elements beside it stay as they are. */
START_TEST(test_elements_beside_a_view)
{
    bg_tensor *whole = filled(BG_F32, BG_SHAPE(5, 7), 1), *rows, *view;
    expect_ok(bg_tensor_slice(&rows, whole, 0, 1, 4, 2), "rows");
    expect_ok(bg_tensor_slice(&view, rows, 1, 1, 7, 2), "columns");
    bg_node *w = bg_parameter(graph, view);
    bg_update(w, bg_add_scalar(w, 4));
    bg_program *program = compiled(graph, &w, 1);
    for (int i = 0; i < 3; i++)
        expect_ok(bg_program_run(program), "run");
    for (int64_t i = 0; i < 35; i++) {
        int64_t row = i / 7, column = i % 7;
        bool is_inside = (row == 1 || row == 3) && column % 2 == 1;
        ck_assert_msg(value_at(whole, i) == (is_inside ? 13 : 1), "element [%lld, %lld] is %g", (long long)row,
                      (long long)column, value_at(whole, i));
    }
    bg_program_destroy(program);
    bg_tensor_destroy(whole);
    bg_tensor_destroy(rows);
    bg_tensor_destroy(view);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("binding");
    TCase *tests = tcase_create("binding");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_shared_parameter);
    tcase_add_test(tests, test_other_types);
    tcase_add_test(tests, test_mask_buffer);
    tcase_add_test(tests, test_overlapping_leaves);
    tcase_add_test(tests, test_binding_without_graph);
    tcase_add_test(tests, test_leaf_of_two_kinds);
    tcase_add_test(tests, test_expanded_leaf);
    tcase_add_test(tests, test_binding);
    tcase_add_test(tests, test_strided_inputs);
    tcase_add_test(tests, test_elements_beside_a_view);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
