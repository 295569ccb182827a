/* Ops that change their input in place: chains of them, whoever else wants what they change, and the order of phases.
 */
#include "support/counting.h"
#include "support/expect.h"
#include "support/suite.h"

#include <stdlib.h>

/* x [batch, n], n of BLOCKS blocks. Stage s adds to each block but block s 3 times what block s has at the same place,
 * and 1: a unit is one block of one row, and what all units read is written by none. */
enum { BLOCKS = 12, MOST = 6 * 12 * 40 };

static bg_status stage_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
static int64_t stage_units(const bg_node *node, int input)
{
    return input < 0 ? bg_node_shape(node).dims[0] * BLOCKS : 1;
}
static double stage_flops(const bg_node *node) { return 1e4 * (double)bg_shape_count(bg_node_shape(node)); }
static int64_t stage_grain(const bg_node *node)
{
    (void)node;
    return 1;
}
static void add_block(double *row, int64_t size, int64_t block, int64_t source)
{
    for (int64_t i = 0; i < size && block != source; i++)
        row[block * size + i] += 3 * row[source * size + i] + 1;
}
static bg_status stage_call(const bg_call *call)
{
    int64_t size = bg_node_shape(call->node).dims[1] / BLOCKS;
    int64_t source = *(const int64_t *)bg_node_attributes(call->node);
    if (call->inputs[0] != call->output)
        return bg_fail(BG_ERR_ARGUMENT, "stage: its input lies elsewhere");
    double *x = call->output;
    for (int64_t unit = call->first; unit < call->last; unit++)
        add_block(x + unit / BLOCKS * BLOCKS * size, size, unit % BLOCKS, source);
    return BG_OK;
}
static const bg_op stage_op = { .name = "stage",
                                .arity = 1,
                                .infer = stage_infer,
                                .call = stage_call,
                                .units = stage_units,
                                .flops = stage_flops,
                                .grain = stage_grain,
                                .never_fails = true,
                                .is_in_place = true };
static bg_node *stages(bg_node *x, int64_t first, int64_t last)
{
    for (int64_t s = first; s < last; s++)
        x = bg_apply(&stage_op, &x, 1, &s, sizeof s);
    return x;
}
static void expect_stages(double *x, bg_shape shape, int64_t first, int64_t last)
{
    int64_t size = shape.dims[1] / BLOCKS;
    for (int64_t s = first; s < last; s++)
        for (int64_t row = 0; row < shape.dims[0]; row++)
            for (int64_t block = 0; block < BLOCKS; block++)
                add_block(x + row * shape.dims[1], size, block, s);
}

/* What is done with a chain; the numbers of the leaf are those of number(i). */
typedef struct {
    const char *name;
    int n_outputs;
    bg_node *(*build)(bg_node *x, bg_node **outputs);                       /* returns the new value of x, or NULL */
    void (*expect)(double *const *wanted, double *updated, bg_shape shape); /* all of them hold the numbers of x */
} use;

static bg_node *of_leaf(bg_node *x, bg_node **outputs)
{
    outputs[0] = stages(x, 0, BLOCKS);
    outputs[1] = bg_mul_scalar(x, 2);
    return NULL;
}
static void expect_of_leaf(double *const *wanted, double *updated, bg_shape shape)
{
    (void)updated;
    expect_stages(wanted[0], shape, 0, BLOCKS);
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        wanted[1][i] *= 2;
}

/* Every value on the way is wanted by others: an output, a map, a map and the next stage. */
static bg_node *of_shared(bg_node *x, bg_node **outputs)
{
    bg_node *y = stages(bg_square(x), 0, 3);
    outputs[0] = y;
    bg_node *z = stages(y, 3, 5);
    outputs[1] = bg_add(bg_mul_scalar(z, 2), y);
    outputs[2] = bg_add(stages(z, 5, BLOCKS), z);
    outputs[3] = bg_add(stages(z, 5, 6), stages(z, 6, 7));
    return NULL;
}
static void expect_of_shared(double *const *wanted, double *updated, bg_shape shape)
{
    int64_t count = bg_shape_count(shape);
    static double y[MOST], z[MOST], other[MOST];
    (void)updated;
    for (int64_t i = 0; i < count; i++)
        y[i] = wanted[0][i] * wanted[0][i];
    expect_stages(y, shape, 0, 3);
    memcpy(z, y, (size_t)count * sizeof *z);
    expect_stages(z, shape, 3, 5);
    for (int64_t i = 0; i < count; i++) {
        wanted[0][i] = y[i];
        wanted[1][i] = 2 * z[i] + y[i];
        wanted[2][i] = wanted[3][i] = other[i] = z[i];
    }
    expect_stages(wanted[2], shape, 5, BLOCKS);
    expect_stages(wanted[3], shape, 5, 6);
    expect_stages(other, shape, 6, 7);
    for (int64_t i = 0; i < count; i++) {
        wanted[2][i] += z[i];
        wanted[3][i] += other[i];
    }
}

/* The parameter itself gets what the chain makes of it, and others read what it was. */
static bg_node *of_update(bg_node *x, bg_node **outputs)
{
    bg_node *y = stages(x, 0, BLOCKS);
    outputs[0] = bg_sub(bg_transpose(y, 0, 1), bg_transpose(x, 0, 1));
    return y;
}
static void expect_of_update(double *const *wanted, double *updated, bg_shape shape)
{
    int64_t rows = shape.dims[0], columns = shape.dims[1];
    static double x[MOST];
    memcpy(x, updated, (size_t)(rows * columns) * sizeof *x);
    expect_stages(updated, shape, 0, BLOCKS);
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < rows; i++)
            wanted[0][j * rows + i] = updated[i * columns + j] - x[i * columns + j];
}

/* Readers by rows, which would be pieces of an op that is not in place, and a chain behind them. */
static bg_node *of_readers(bg_node *x, bg_node **outputs)
{
    bg_node *y = stages(bg_add_scalar(x, 1), 0, 4);
    outputs[0] = stages(bg_add_scalar(bg_mul_scalar(y, 0.5), 2), 0, 2);
    outputs[1] = bg_reshape(bg_reshape(y, BG_SHAPE(bg_shape_count(bg_node_shape(y)))), bg_node_shape(y));
    return NULL;
}
static void expect_of_readers(double *const *wanted, double *updated, bg_shape shape)
{
    (void)updated;
    int64_t count = bg_shape_count(shape);
    for (int64_t i = 0; i < count; i++)
        wanted[1][i] += 1;
    expect_stages(wanted[1], shape, 0, 4);
    for (int64_t i = 0; i < count; i++)
        wanted[0][i] = wanted[1][i] * 0.5 + 2;
    expect_stages(wanted[0], shape, 0, 2);
}

static const use uses[] = {
    { "a leaf", 2, of_leaf, expect_of_leaf },
    { "values that others want", 4, of_shared, expect_of_shared },
    { "an update", 1, of_update, expect_of_update },
    { "readers by rows", 2, of_readers, expect_of_readers },
};
enum { N_USES = sizeof uses / sizeof *uses, MOST_OUTPUTS = 4 };

static double number(int64_t i) { return (double)(i * 7 % 11) - 4; }

static void check_tensor(const bg_tensor *tensor, const double *wanted, const char *what, const use *u, int threads)
{
    const double *got = bg_tensor_const_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(bg_tensor_shape(tensor)); i++)
        ck_assert_msg(got[i] == wanted[i], "%s, %d threads: %s: element %lld is %g, not %g", u->name, threads, what,
                      (long long)i, got[i], wanted[i]);
}

static void check_use(const use *u, bg_shape shape, int threads)
{
    static double wanted[MOST_OUTPUTS][MOST], updated[MOST];
    double *places[MOST_OUTPUTS];
    int64_t count = bg_shape_count(shape);
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_tensor *value = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }), u->name);
    expect_ok(bg_graph_create(&graph, engine), u->name);
    expect_ok(bg_tensor_create(&value, engine, BG_F64, shape), u->name);
    bg_node *x = bg_parameter(graph, value), *outputs[MOST_OUTPUTS];
    bg_node *update = u->build(x, outputs);
    if (update)
        bg_update(x, update);
    for (int round = 0; round < 2; round++) { /* compiled twice, and run twice each time */
        bg_program *program = NULL;
        expect_ok(bg_compile(&program, graph, outputs, (size_t)u->n_outputs, NULL), u->name);
        for (int run = 0; run < 2; run++) {
            double *x_data = bg_tensor_data(value);
            for (int64_t i = 0; i < count; i++) {
                x_data[i] = updated[i] = number(i);
                for (int k = 0; k < MOST_OUTPUTS; k++)
                    wanted[k][i] = number(i);
            }
            for (int k = 0; k < MOST_OUTPUTS; k++)
                places[k] = wanted[k];
            u->expect(places, updated, shape);
            expect_ok(bg_program_run(program), u->name);
            for (int k = 0; k < u->n_outputs; k++)
                check_tensor(bg_program_output(program, (size_t)k), wanted[k], "an output", u, threads);
            check_tensor(value, updated, "the parameter", u, threads);
        }
        bg_program_destroy(program);
    }
    bg_graph_destroy(graph);
    bg_tensor_destroy(value);
    bg_engine_destroy(engine);
}

START_TEST(test_chains)
{
    static const int64_t batches[] = { 0, 1, 6 };
    for (int threads = 1; threads <= 4; threads++)
        for (int b = 0; b < 3; b++) {
            check_use(&uses[_i], BG_SHAPE(batches[b], BLOCKS * 40), threads);
            check_use(&uses[_i], BG_SHAPE(batches[b], BLOCKS), threads);
        }
}
END_TEST

/* A chain needs no more memory than its value: all stages lie in the output. */
START_TEST(test_memory_of_a_chain)
{
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(6, BLOCKS * 40));
    bg_node *y = stages(x, 0, BLOCKS);
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    bg_report report = bg_program_report(program);
    ck_assert_msg(report.planned_bytes < 2 * 6 * BLOCKS * 40 * sizeof(double), "%zu bytes", report.planned_bytes);
    ck_assert_int_eq(report.phases, BLOCKS + 1);
    ck_assert_int_ge(report.tasks, 6 * BLOCKS * BLOCKS);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}
END_TEST

static bg_status other_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    (void)node;
    *dtype = BG_F64;
    *shape = BG_SHAPE(3);
    return BG_OK;
}
static int64_t split_units(const bg_node *node, int input)
{
    (void)node;
    (void)input;
    return 4;
}
static const bg_op reshaping_op = {
    .name = "reshaping", .arity = 1, .infer = other_infer, .call = stage_call, .is_in_place = true
};
static const bg_op splitting_op = {
    .name = "splitting", .arity = 1, .infer = stage_infer, .call = stage_call, .units = split_units, .is_in_place = true
};
START_TEST(test_mistakes)
{
    static const struct {
        const bg_op *op;
        const char *message;
    } mistakes[] = { { &reshaping_op, "its output is not as its input 0" },
                     { &splitting_op, "needs its inputs whole" } };
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(4));
    bg_node *y = bg_apply(mistakes[_i].op, &x, 1, NULL, 0);
    expect_failure(bg_compile(&program, graph, &y, 1, NULL), BG_ERR_ARGUMENT, mistakes[_i].message,
                   mistakes[_i].op->name);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
}
END_TEST

/* Memory that runs out at any time of the compilation is a status, and the next try succeeds. */
START_TEST(test_out_of_memory)
{
    counting counter = { 0 };
    bg_allocator allocator = counting_allocator(&counter);
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2, .allocator = allocator }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(6, BLOCKS * 40)), *outputs[MOST_OUTPUTS];
    (void)of_shared(x, outputs);
    int failures = 0;
    for (bg_status status = BG_ERR_NOMEM; status != BG_OK; failures++) {
        ck_assert_int_lt(failures, 10000);
        counter.fail_at = counter.calls + 1 + failures;
        status = bg_compile(&program, graph, outputs, 4, NULL);
        counter.fail_at = 0;
        ck_assert_msg(status == BG_OK || status == BG_ERR_NOMEM, "allocation %d fails: %s", failures, bg_last_error());
    }
    ck_assert_int_gt(failures, 4);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_engine_destroy(engine);
    ck_assert_int_eq(counter.live, 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("ops in place");
    TCase *tests = tcase_create("ops in place");
    tcase_add_loop_test(tests, test_chains, 0, N_USES);
    tcase_add_test(tests, test_memory_of_a_chain);
    tcase_add_loop_test(tests, test_mistakes, 0, 2);
    tcase_add_test(tests, test_out_of_memory);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void) { return run_suite(make_suite()); }
