/* Ops of users: by `call` in pieces and whole, by composition, with gradients of their own. */
#include "support/expect.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const int thread_counts[] = { 1, 2, 4 };
enum { N_THREAD_COUNTS = 3 };

static bg_engine *start_engine(int threads)
{
    bg_engine *engine = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), "an engine");
    return engine;
}

static bg_engine *engine;
static bg_graph *graph;
static void set_up(void)
{
    engine = start_engine(2);
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

/* ---- Ops of users ---- */

/* y[i, :] = x[i, :] * scale[i] + shift, with shift [columns] needed whole: split by rows. */
enum { MOST_ROWS = 4096 };
static atomic_int row_calls[MOST_ROWS];

static bg_status rows_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    if (shape->rank != 2)
        return bg_fail(BG_ERR_SHAPE, "scale_rows: x has rank %d, not 2", shape->rank);
    return BG_OK;
}
static int64_t rows_units(const bg_node *node, int input) { return input == 2 ? 1 : bg_node_shape(node).dims[0]; }
static bg_status rows_call(const bg_call *call)
{
    int64_t columns = bg_node_shape(call->node).dims[1];
    const double *x = call->inputs[0], *scale = call->inputs[1], *shift = call->inputs[2];
    double *y = call->output;
    for (int64_t i = 0; i < call->last - call->first; i++) {
        atomic_fetch_add(&row_calls[call->first + i], 1);
        for (int64_t j = 0; j < columns; j++)
            y[i * columns + j] = x[i * columns + j] * scale[i] + shift[j];
    }
    return BG_OK;
}
static const bg_op rows_op = {
    .name = "scale_rows", .arity = 3, .infer = rows_infer, .call = rows_call, .units = rows_units
};

static bg_status same_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}

/* Running sums over all elements, in one piece, with its own gradient; the attribute is the sign of the direction. */
static bg_status sums_call(const bg_call *call)
{
    const int64_t direction = *(const int64_t *)bg_node_attributes(call->node);
    int64_t count = bg_shape_count(bg_node_shape(call->node));
    const double *x = call->inputs[0];
    double *y = call->output, sum = 0;
    if (call->first != 0 || call->last != 1)
        return bg_fail(BG_ERR_ARGUMENT, "running_sums: units %lld to %lld", (long long)call->first,
                       (long long)call->last);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = direction > 0 ? i : count - 1 - i;
        y[at] = sum += x[at];
    }
    return BG_OK;
}
static bg_node *running_sums(bg_node *x, int64_t direction);
static bg_node *sums_gradient(bg_node *node, int input, bg_node *dy)
{
    (void)input;
    return running_sums(dy, -*(const int64_t *)bg_node_attributes(node));
}
static const bg_op sums_op = {
    .name = "running_sums", .arity = 1, .infer = same_infer, .gradient = sums_gradient, .call = sums_call
};
static bg_node *running_sums(bg_node *x, int64_t direction)
{
    return bg_apply(&sums_op, &x, 1, &direction, sizeof direction);
}

/* x³ by composition; the second op's gradient is ten times the right one, so that one sees whose is used. */
static bg_node *cube_compose(bg_node *node)
{
    bg_node *x = bg_node_input(node, 0);
    return bg_mul(bg_square(x), x);
}
static bg_node *cube_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul_scalar(bg_mul(dy, bg_square(bg_node_input(node, input))), 3);
}
static bg_node *own_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul_scalar(cube_gradient(node, input, dy), 10);
}
static const bg_op cube_op = {
    .name = "cube", .arity = 1, .infer = same_infer, .compose = cube_compose, .gradient = cube_gradient
};
static const bg_op own_cube_op = {
    .name = "own_cube", .arity = 1, .infer = same_infer, .compose = cube_compose, .gradient = own_gradient
};

START_TEST(test_op_by_rows)
{
    static const int64_t shapes[][2] = { { 1, 1 }, { 3, 5 }, { 4096, 2 }, { 1500, 400 } };
    for (int t = 0; t < N_THREAD_COUNTS; t++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            int64_t rows = shapes[s][0], columns = shapes[s][1];
            bg_engine *own = start_engine(thread_counts[t]);
            bg_graph *g;
            bg_program *program;
            bg_tensor *tensors[3];
            const bg_shape all[] = { BG_SHAPE(rows, columns), BG_SHAPE(rows), BG_SHAPE(columns) };
            expect_ok(bg_graph_create(&g, own), "graph");
            bg_node *nodes[3];
            for (int i = 0; i < 3; i++) {
                expect_ok(bg_tensor_create(&tensors[i], own, BG_F64, all[i]), "tensor");
                double *values = bg_tensor_data(tensors[i]);
                for (int64_t k = 0; k < bg_shape_count(all[i]); k++)
                    values[k] = (double)((k * 7 + i) % 11);
                nodes[i] = bg_parameter(g, tensors[i]);
            }
            /* Neighbours that fuse on both sides, and a tensor that the op changes itself. */
            bg_node *y =
                bg_apply(&rows_op, (bg_node *[]){ bg_add_scalar(nodes[0], 1), nodes[1], nodes[2] }, 3, NULL, 0);
            bg_node *z = bg_mul_scalar(y, 2);
            bg_update(nodes[0], y);
            expect_ok(bg_compile(&program, g, &z, 1, NULL), "compile");
            for (int64_t i = 0; i < rows; i++)
                row_calls[i] = 0;
            expect_ok(bg_program_run(program), "run");
            const double *got = bg_tensor_const_data(bg_program_output(program, 0));
            const double *now = bg_tensor_const_data(tensors[0]);
            int64_t k = 0, count = rows * columns;
            for (int64_t i = 0; i < rows && row_calls[i] == 1; i++)
                for (int64_t j = 0; j < columns; j++) {
                    double y_ij = ((double)(k * 7 % 11) + 1) * (double)((i * 7 + 1) % 11) + (double)((j * 7 + 2) % 11);
                    if (got[k] != 2 * y_ij || now[k] != y_ij)
                        break;
                    k++;
                }
            ck_assert_msg(k == count, "%d threads, [%lld, %lld]: row %lld was computed %d times, element %lld is %g",
                          thread_counts[t], (long long)rows, (long long)columns, (long long)(k / columns),
                          k < count ? (int)row_calls[k / columns] : 0, (long long)k, k < count ? got[k] : 0);
            bg_program_destroy(program);
            bg_graph_destroy(g);
            for (int i = 0; i < 3; i++)
                bg_tensor_destroy(tensors[i]);
            bg_engine_destroy(own);
        }
}
END_TEST

START_TEST(test_op_in_one_piece)
{
    enum { N = 1000 };
    bg_tensor *value = filled(BG_F64, BG_SHAPE(N), 1);
    bg_node *x = bg_parameter(graph, value), *dx, *weights;
    bg_tensor *numbers = filled(BG_F64, BG_SHAPE(N), 0);
    double *at = bg_tensor_data(numbers);
    for (int i = 0; i < N; i++)
        at[i] = i % 13;
    weights = bg_constant(graph, numbers);
    bg_node *sums = running_sums(x, 1);
    expect_ok(bg_grad(bg_sum(bg_mul(sums, weights), BG_ALL_AXES), &x, 1, &dx), "gradient");
    bg_node *outputs[] = { sums, dx };
    bg_program *program = compiled(graph, outputs, 2);
    expect_ok(bg_program_run(program), "run");
    double rest = 0;
    for (int i = N - 1; i >= 0; i--) {
        rest += i % 13;
        ck_assert(value_at(bg_program_output(program, 0), i) == i + 1);
        ck_assert(value_at(bg_program_output(program, 1), i) == rest);
    }
    bg_program_destroy(program);
    bg_tensor_destroy(value);
    bg_tensor_destroy(numbers);
}
END_TEST

START_TEST(test_op_by_composition)
{
    bg_tensor *value = filled(BG_F64, BG_SHAPE(3), 2);
    bg_node *x = bg_parameter(graph, value), *y[2], *d[2], *dd;
    y[0] = bg_apply(&cube_op, &x, 1, NULL, 0);
    y[1] = bg_apply(&own_cube_op, &x, 1, NULL, 0);
    for (int i = 0; i < 2; i++)
        expect_ok(bg_grad(bg_sum(y[i], BG_ALL_AXES), &x, 1, &d[i]), "gradient");
    expect_ok(bg_grad(bg_sum(d[0], BG_ALL_AXES), &x, 1, &dd), "second gradient");
    bg_node *outputs[] = { y[0], y[1], d[0], d[1], dd };
    static const double expected[] = { 8, 8, 12, 120, 12 };
    bg_program *program = compiled(graph, outputs, 5);
    expect_ok(bg_program_run(program), "run");
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(value_at(bg_program_output(program, i), 1) == expected[i], "output %zu is %g", i,
                      value_at(bg_program_output(program, i), 1));
    bg_program_destroy(program);
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_op_without_gradient)
{
    bg_tensor *value = filled(BG_F64, BG_SHAPE(2, 2), 2);
    bg_node *x = bg_parameter(graph, value), *s = bg_slice(x, 0, 0, 1, 1), *d = x;
    bg_node *y =
        bg_apply(&rows_op, (bg_node *[]){ x, bg_reshape(s, BG_SHAPE(2)), bg_reshape(s, BG_SHAPE(2)) }, 3, NULL, 0);
    ck_assert_ptr_nonnull(y);
    expect_failure(bg_grad(bg_sum(y, BG_ALL_AXES), &x, 1, &d), BG_ERR_GRADIENT, "scale_rows", "an op without a rule");
    ck_assert_ptr_null(d);
    bg_tensor_destroy(value);
}
END_TEST

/* Fails without a message: an older one must not stand for it. */
static bg_status silent_call(const bg_call *call) { return (void)call, BG_ERR_NUMERIC; }
static const bg_op silent_op = { .name = "silent", .arity = 1, .infer = same_infer, .call = silent_call };
static bg_status silent_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    (void)same_infer(node, dtype, shape);
    return BG_ERR_SHAPE;
}
static const bg_op shapeless_op = { .name = "shapeless", .arity = 1, .infer = silent_infer, .call = silent_call };
static bg_status strange_call(const bg_call *call) { return (void)call, (bg_status)99; }
static const bg_op strange_op = { .name = "strange", .arity = 1, .infer = same_infer, .call = strange_call };

START_TEST(test_failure_without_message)
{
    static const struct {
        const bg_op *op;
        bg_status status;
        const char *message;
    } ops[] = { { &silent_op, BG_ERR_NUMERIC, "silent: the op's call returned BG_ERR_NUMERIC" },
                { &strange_op, (bg_status)99, "strange: the op's call returned unknown status (99)" } };
    bg_tensor *value = filled(BG_F64, BG_SHAPE(2, 2), 2);
    bg_node *x = bg_parameter(graph, value);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        bg_node *y = bg_apply(ops[i].op, &x, 1, NULL, 0);
        bg_program *program = compiled(graph, &y, 1);
        (void)bg_fail(BG_ERR_IO, "an older message");
        expect_failure(bg_program_run(program), ops[i].status, ops[i].message, ops[i].op->name);
        bg_program_destroy(program);
    }
    (void)bg_fail(BG_ERR_IO, "an older message");
    ck_assert_ptr_null(bg_apply(&shapeless_op, &x, 1, NULL, 0));
    expect_failure(bg_graph_status(graph), BG_ERR_SHAPE, "shapeless: the op's infer returned BG_ERR_SHAPE",
                   "a shape rule");
    bg_tensor_destroy(value);
}
END_TEST

/* ---- How many tasks ---- */

/* A copy of rows that says how many of them are worth a task. */
static bg_status copy_rows_call(const bg_call *call)
{
    int64_t columns = bg_node_shape(call->node).dims[1];
    memcpy(call->output, call->inputs[0], (size_t)((call->last - call->first) * columns) * sizeof(double));
    return BG_OK;
}
static int64_t first_units(const bg_node *node, int input)
{
    (void)input;
    return bg_node_shape(node).dims[0];
}
static double much_work(const bg_node *node)
{
    (void)node;
    return 1e9;
}
static int64_t grain_of_one(const bg_node *node)
{
    (void)node;
    return 1;
}
static int64_t grain_of_five(const bg_node *node)
{
    (void)node;
    return 5;
}
static const bg_op copy_rows_ops[] = {
#define COPY_ROWS(grain_)                                                                                              \
    {                                                                                                                  \
        .name = "copy_rows", .arity = 1, .infer = same_infer, .call = copy_rows_call, .units = first_units,            \
        .flops = much_work, .grain = grain_                                                                            \
    }
    COPY_ROWS(grain_of_one), COPY_ROWS(grain_of_five), COPY_ROWS(NULL)
};

START_TEST(test_grain)
{
    static const int tasks[] = { 48, 10, 3 };
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(48, 3));
    bg_node *y = bg_apply(&copy_rows_ops[_i], &x, 1, NULL, 0);
    bg_program *program = compiled(graph, &y, 1);
    bg_tensor *value = filled(BG_F64, BG_SHAPE(48, 3), 7);
    expect_ok(bg_program_bind(program, x, value), "bind");
    expect_ok(bg_program_run(program), "run");
    ck_assert_int_eq(bg_program_report(program).tasks, tasks[_i]);
    for (int64_t i = 0; i < 48 * 3; i++)
        ck_assert_double_eq(value_at(bg_program_output(program, 0), i), 7);
    bg_program_destroy(program);
    bg_tensor_destroy(value);
}
END_TEST

/* A whole input that is a stretch of a leaf, or of what another step computes, is read where it lies. */
START_TEST(test_whole_input_within_a_value)
{
    enum { ROWS = 3, COLUMNS = 4, START = 5 };
    bool is_computed = _i != 0;
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(ROWS, COLUMNS)), *scale = bg_ones(graph, BG_F64, BG_SHAPE(ROWS));
    bg_node *v = bg_input(graph, "v", BG_F64, BG_SHAPE(START + COLUMNS + 2));
    bg_node *all = is_computed ? bg_cumsum(v, 0) : v, *shift = bg_slice(all, 0, START, START + COLUMNS, 1);
    bg_node *y = bg_apply(&rows_op, (bg_node *[]){ x, scale, shift }, 3, NULL, 0);
    bg_program *program = compiled(graph, &y, 1);
    bg_tensor *ones = filled(BG_F64, BG_SHAPE(ROWS, COLUMNS), 1), *numbers = filled(BG_F64, BG_SHAPE(11), 0);
    double *number = bg_tensor_data(numbers);
    for (int i = 0; i < START + COLUMNS + 2; i++)
        number[i] = i + 1;
    expect_ok(bg_program_bind(program, x, ones), "bind");
    expect_ok(bg_program_bind(program, v, numbers), "bind");
    for (int run = 0; run < 2; run++) {
        expect_ok(bg_program_run(program), "run");
        for (int64_t i = 0; i < ROWS * COLUMNS; i++) {
            double at = (double)(START + i % COLUMNS + 1);
            ck_assert_double_eq(value_at(bg_program_output(program, 0), i), 1 + (is_computed ? at * (at + 1) / 2 : at));
        }
    }
    /* The ones, the sums, the call. */
    ck_assert_int_eq(bg_program_report(program).steps, 2 + is_computed);
    bg_program_destroy(program);
    bg_tensor_destroy(ones);
    bg_tensor_destroy(numbers);
}
END_TEST

/* ---- */

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ops of users");
    TCase *tests = tcase_create("ops of users");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_op_by_rows);
    tcase_add_test(tests, test_op_in_one_piece);
    tcase_add_test(tests, test_op_by_composition);
    tcase_add_test(tests, test_op_without_gradient);
    tcase_add_test(tests, test_failure_without_message);
    tcase_add_loop_test(tests, test_grain, 0, 3);
    tcase_add_loop_test(tests, test_whole_input_within_a_value, 0, 2);
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
