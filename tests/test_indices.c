/* Indices in the data that are out of range: a failed run that says which, and changes nothing. */
#include "ops/index.h"
#include "support/expect.h"
#include "support/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GATHER,
    TAKE_ALONG,
    SCATTER_ADD,
    INDEX_SELECT,
    INDEX_ADD,
    EMBEDDING,
    SCATTER,
    BINCOUNT,
    ORDERED,
    MAX_UNPOOL,
    ONE_HOT,
    COUNT
};
static const char *const messages[COUNT] = { [GATHER] = "gather: index %s is outside 0 .. 3, axis 0",
                                             [TAKE_ALONG] = "take_along: index %s is outside 0 .. 3, axis 0",
                                             [SCATTER_ADD] = "scatter_add: index %s is outside 0 .. 3, axis 0",
                                             [INDEX_SELECT] = "index_select: index %s is outside 0 .. 3, axis 0",
                                             [INDEX_ADD] = "index_add: index %s is outside 0 .. 3, axis 0",
                                             [EMBEDDING] = "embedding: index %s is outside 0 .. 3, axis 0",
                                             [SCATTER] = "scatter: index %s is outside 0 .. 3, axis 0",
                                             [BINCOUNT] = "bincount: index %s is outside 0 .. 3, axis 0",
                                             [ORDERED] = "index_add: index %s is outside 0 .. 3, axis 0",
                                             [MAX_UNPOOL] = "max_unpool: index %s is outside 0 .. 3, axis 2",
                                             [ONE_HOT] = "one_hot: index %s is outside 0 .. 3" };

static bg_node *build(int op, bg_node *x, bg_node *table, bg_node *indices)
{
    switch (op) {
    case GATHER:
        return bg_gather(x, indices, 0);
    case TAKE_ALONG:
        return bg_take_along(x, indices, 0);
    case SCATTER_ADD:
        return bg_scatter_add(x, indices, x, 0);
    case INDEX_SELECT:
        return bg_index_select(x, indices, 0);
    case INDEX_ADD:
        return bg_index_add(x, indices, x, 0);
    case EMBEDDING:
        return bg_embedding(table, indices, -1);
    case SCATTER:
        return bg_scatter(x, indices, x, 0);
    case BINCOUNT:
        return bg_bincount(indices, x, 4);
    case ORDERED:
        return bgi_add_rows("index_add", NULL, indices, table, 0, 4);
    case MAX_UNPOOL:
        return bg_max_unpool(bg_reshape(x, BG_SHAPE(1, 1, 4)), bg_reshape(indices, BG_SHAPE(1, 1, 4)), BG_SHAPE(4));
    default:
        return bg_one_hot(indices, 4, BG_F64);
    }
}

static void check(int op, bg_dtype dtype, double wrong)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_engine *engine = trial_engine();
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_tensor *x = tensor_of(engine, BG_F64, BG_SHAPE(4), (double[]){ 1, 2, 3, 4 });
    bg_tensor *table = tensor_of(engine, BG_F64, BG_SHAPE(4, 2), (double[]){ 1, 2, 3, 4, 5, 6, 7, 8 });
    bg_tensor *good = tensor_of(engine, dtype, BG_SHAPE(4), (double[]){ 3, 0, 0, 1 });
    bg_tensor *bad = tensor_of(engine, dtype, BG_SHAPE(4), (double[]){ 3, 0, wrong, 1 });
    bg_node *parameter = bg_parameter(graph, x), *indices = bg_input(graph, "indices", dtype, BG_SHAPE(4));
    bg_node *y = build(op, parameter, bg_parameter(graph, table), indices);
    bg_update(parameter, bg_mul_scalar(parameter, 2));
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    expect_ok(bg_program_bind(program, indices, bad), "bind");
    ck_assert_int_eq(bg_program_run(program), BG_ERR_INDEX);
    char number[32], message[200];
    snprintf(number, sizeof number, "%.0f", wrong);
    const char *place = strstr(messages[op], "%s");
    snprintf(message, sizeof message, "%.*s%s%s", (int)(place - messages[op]), messages[op], number, place + 2);
    ck_assert_msg(strcmp(bg_last_error(), message) == 0, "'%s', not '%s'", bg_last_error(), message);
    double first = 0;
    expect_ok(bg_tensor_item(x, 0, &first), "item");
    ck_assert_double_eq(first, 1);
    expect_ok(bg_program_bind(program, indices, good), "bind");
    expect_ok(bg_program_run(program), "run");
    expect_ok(bg_tensor_item(x, 0, &first), "item");
    ck_assert_double_eq(first, 2);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_tensor_destroy(table);
    bg_tensor_destroy(good);
    bg_tensor_destroy(bad);
}

START_TEST(out_of_range)
{
    check(_i, BG_I64, 4);
    check(_i, BG_I64, -1);
    check(_i, BG_I64, 1099511627776.0);
    check(_i, BG_I32, -2147483648.0);
    check(_i, BG_U8, 255);
}
END_TEST

/* The row of the padding gets no gradient, in any position. */
START_TEST(padding)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_engine *engine = trial_engine();
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_tensor *table = tensor_of(engine, BG_F64, BG_SHAPE(3, 2), (double[]){ 1, 2, 3, 4, 5, 6 });
    bg_tensor *at = tensor_of(engine, BG_U8, BG_SHAPE(2, 2), (double[]){ 1, 0, 2, 1 });
    bg_node *rows = bg_parameter(graph, table), *d;
    bg_node *y = bg_embedding(rows, bg_constant(graph, at), 1);
    expect_ok(bg_grad(bg_sum(bg_square(y), BG_ALL_AXES), &rows, 1, &d), "grad");
    expect_ok(bg_compile(&program, graph, (bg_node *[]){ y, d }, 2, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    static const double values[] = { 3, 4, 1, 2, 5, 6, 3, 4 }, gradient[] = { 2, 4, 0, 0, 10, 12 };
    for (int i = 0; i < 8; i++) {
        double value = 0;
        expect_ok(bg_tensor_item(bg_program_output(program, 0), i, &value), "item");
        ck_assert_double_eq(value, values[i]);
    }
    for (int i = 0; i < 6; i++) {
        double value = 0;
        expect_ok(bg_tensor_item(bg_program_output(program, 1), i, &value), "item");
        ck_assert_double_eq(value, gradient[i]);
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(table);
    bg_tensor_destroy(at);
}
END_TEST

/* The gradients of a table and of elements, large enough to be made in pieces, with engines of `threads` threads. */
static float *large_gradients(int64_t rows, int64_t width, int64_t m, int threads, size_t *bytes)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *table = NULL, *at = NULL, *dy = NULL, *places = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    expect_ok(bg_tensor_create(&table, engine, BG_F32, BG_SHAPE(rows, width)), "table");
    expect_ok(bg_tensor_create(&at, engine, BG_I64, BG_SHAPE(m)), "indices");
    expect_ok(bg_tensor_create(&places, engine, BG_I64, BG_SHAPE(m, width)), "places");
    expect_ok(bg_tensor_create(&dy, engine, BG_F32, BG_SHAPE(m, width)), "cotangent");
    draw d = draw_from(11);
    for (int64_t i = 0; i < m; i++)
        ((int64_t *)bg_tensor_data(at))[i] = draw_below(&d, rows);
    for (int64_t i = 0; i < m * width; i++) {
        ((int64_t *)bg_tensor_data(places))[i] = draw_below(&d, rows);
        ((float *)bg_tensor_data(dy))[i] = (float)draw_between(&d, -1, 1);
    }
    bg_node *x = bg_parameter(graph, table), *cotangent = bg_buffer(graph, dy), *outputs[2];
    bg_node *slices = bg_embedding(x, bg_buffer(graph, at), 1),
            *elements = bg_take_along(x, bg_buffer(graph, places), 0);
    expect_ok(bg_grad_from(&slices, &cotangent, 1, &x, 1, &outputs[0]), "grad");
    expect_ok(bg_grad_from(&elements, &cotangent, 1, &x, 1, &outputs[1]), "grad");
    expect_ok(bg_compile(&program, graph, outputs, 2, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    size_t size = (size_t)(rows * width) * sizeof(float);
    float *result = malloc(2 * size);
    ck_assert_ptr_nonnull(result);
    for (size_t k = 0; k < 2; k++)
        memcpy(result + k * (size_t)(rows * width), bg_tensor_const_data(bg_program_output(program, k)), size);
    *bytes = 2 * size;
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(table);
    bg_tensor_destroy(at);
    bg_tensor_destroy(places);
    bg_tensor_destroy(dy);
    bg_engine_destroy(engine);
    return result;
}

/* The same bits for every number of threads, whether the table is longer than the indices or not. */
START_TEST(threads)
{
    static const int64_t sizes[][3] = { { 3000, 64, 500 }, { 65, 128, 3000 }, { 701, 130, 2100 } };
    static const int counts[] = { 2, 3, 4, 8 };
    size_t bytes, again;
    float *one = large_gradients(sizes[_i][0], sizes[_i][1], sizes[_i][2], 1, &bytes);
    for (int k = 0; k < 4; k++) {
        float *other = large_gradients(sizes[_i][0], sizes[_i][1], sizes[_i][2], counts[k], &again);
        ck_assert_msg(memcmp(one, other, bytes) == 0, "%d threads give other bits", counts[k]);
        free(other);
    }
    free(one);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("indices");
    TCase *cases = tcase_create("ops");
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, out_of_range, 0, COUNT);
    tcase_add_test(cases, padding);
    tcase_add_loop_test(cases, threads, 0, 3);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
