/* Ops with a composition beside a call: the call runs, the composition is differentiated; what a call is given. */
#include "support/expect.h"
#include "support/trial.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static bg_graph *graph;
static void set_up(void)
{
    trial_set_up();
    expect_ok(bg_graph_create(&graph, trial_engine()), "graph");
}
static void tear_down(void)
{
    bg_graph_destroy(graph);
    trial_tear_down();
}

static bg_status same_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}

/* x³ z, by rows, each through the scratch. */
enum { ROWS = 6, COLUMNS = 5 };
static atomic_int calls, misaligned;
static int64_t rows_of(const bg_node *node, int input)
{
    (void)input;
    return bg_node_shape(node).dims[0];
}
static size_t row_bytes(const bg_node *node) { return (size_t)bg_node_shape(node).dims[1] * sizeof(double); }
static double many_flops(const bg_node *node) { return 1e9 * (double)bg_shape_count(bg_node_shape(node)); }
static bg_status cube_call(const bg_call *call)
{
    const double *x = call->inputs[0], *z = call->inputs[1];
    double *y = call->output, *square = call->scratch;
    atomic_fetch_add(&calls, 1);
    if ((uintptr_t)square % 64 != 0)
        atomic_fetch_add(&misaligned, 1);
    for (int64_t i = 0; i < (call->last - call->first) * COLUMNS; i += COLUMNS) {
        for (int j = 0; j < COLUMNS; j++)
            square[j] = x[i + j] * x[i + j];
        for (int j = 0; j < COLUMNS; j++)
            y[i + j] = square[j] * x[i + j] * z[i + j];
    }
    return BG_OK;
}
static bg_node *cube_compose(bg_node *node)
{
    bg_node *x = bg_node_input(node, 0), *z = bg_node_input(node, 1);
    return bg_mul(bg_mul(bg_square(x), x), z);
}
static const bg_op cube_op = { .name = "cube",
                               .arity = 2,
                               .infer = same_infer,
                               .compose = cube_compose,
                               .call = cube_call,
                               .units = rows_of,
                               .flops = many_flops,
                               .scratch = row_bytes,
                               .never_fails = true };
/* The same without a call, around the other: one composition within another. */
static bg_node *outer_compose(bg_node *node)
{
    bg_node *x = bg_node_input(node, 0), *z = bg_node_input(node, 1);
    return bg_add(bg_apply(&cube_op, (bg_node *[]){ x, z }, 2, NULL, 0), z);
}
static const bg_op outer_op = { .name = "outer_cube", .arity = 2, .infer = same_infer, .compose = outer_compose };
/* Its composition is its input. */
static bg_node *itself_compose(bg_node *node) { return bg_node_input(node, 0); }
static const bg_op itself_op = { .name = "itself", .arity = 1, .infer = same_infer, .compose = itself_compose };

static bg_node *parameter(double first, bg_tensor **tensor)
{
    double values[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        values[i] = first + 0.1 * i;
    *tensor = tensor_of(trial_engine(), BG_F64, BG_SHAPE(ROWS, COLUMNS), values);
    return bg_parameter(graph, *tensor);
}
static double item(const bg_program *program, size_t output, int64_t i)
{
    double value = NAN;
    expect_ok(bg_tensor_item(bg_program_output(program, output), i, &value), "reading a number");
    return value;
}
static void expect_near(double got, double expected)
{
    ck_assert_msg(fabs(got - expected) <= 1e-12 * fmax(1, fabs(expected)), "%.17g, not %.17g", got, expected);
}

/* Values from the call; first and second derivatives, with x used elsewhere and z depending on x, from the parts. */
START_TEST(derivatives)
{
    bg_tensor *tensor;
    bg_node *x = parameter(-1, &tensor), *z = bg_mul_scalar(x, 2), *inputs[] = { x, z };
    bg_node *y = bg_apply(_i ? &outer_op : &cube_op, inputs, 2, NULL, 0), *dx, *ddx; /* 2 x⁴, or 2 x⁴ + 2 x */
    y = bg_add(bg_apply(&itself_op, &y, 1, NULL, 0), x);
    expect_ok(bg_grad(bg_sum(y, BG_ALL_AXES), &x, 1, &dx), "grad");
    expect_ok(bg_grad(bg_sum(dx, BG_ALL_AXES), &x, 1, &ddx), "grad of grad");
    bg_program *program = NULL;
    bg_node *outputs[] = { y, dx, ddx };
    expect_ok(bg_compile(&program, graph, outputs, 3, NULL), "compile");
    atomic_store(&calls, 0);
    expect_ok(bg_program_run(program), "run");
    ck_assert_int_ge(atomic_load(&calls), 1);
    ck_assert_int_eq(atomic_load(&misaligned), 0);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double v = -1 + 0.1 * i;
        expect_near(item(program, 0, i), 2 * v * v * v * v + v * (_i ? 3 : 1));
        expect_near(item(program, 1, i), 8 * v * v * v + (_i ? 3 : 1));
        expect_near(item(program, 2, i), 24 * v * v);
    }
    bg_program_destroy(program);
    bg_tensor_destroy(tensor);
}
END_TEST

/* An op that says how much work it is gets dealt out. */
START_TEST(work_is_dealt_out)
{
    bg_tensor *x, *z;
    bg_node *inputs[] = { parameter(0, &x), parameter(1, &z) }, *y = bg_apply(&cube_op, inputs, 2, NULL, 0);
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "compile");
    ck_assert(bg_program_report(program).flops >= 1e9 * ROWS * COLUMNS);
    atomic_store(&calls, 0);
    expect_ok(bg_program_run(program), "run");
    ck_assert_int_gt(atomic_load(&calls), 1);
    bg_program_destroy(program);
    bg_tensor_destroy(x);
    bg_tensor_destroy(z);
}
END_TEST

/* Two roots and a chosen cotangent reach the inputs of a composition once each. */
START_TEST(several_roots)
{
    bg_tensor *xt, *zt;
    bg_node *inputs[] = { parameter(0.5, &xt), parameter(-2, &zt) };
    bg_node *y = bg_apply(&outer_op, inputs, 2, NULL, 0), *ys[] = { y, bg_mul(y, inputs[0]) }, *dxs[2];
    bg_node *two = bg_broadcast(bg_scalar(graph, BG_F64, 2), bg_node_shape(y)), *cotangents[] = { two, two };
    expect_ok(bg_grad_from(ys, cotangents, 2, inputs, 2, dxs), "grad");
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, dxs, 2, NULL), "compile");
    expect_ok(bg_program_run(program), "run");
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        double x = 0.5 + 0.1 * i, z = -2 + 0.1 * i, value = x * x * x * z + z;
        expect_near(item(program, 0, i), 2 * (3 * x * x * z * (1 + x) + value));
        expect_near(item(program, 1, i), 2 * (x * x * x + 1) * (1 + x));
    }
    bg_program_destroy(program);
    bg_tensor_destroy(xt);
    bg_tensor_destroy(zt);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compositions");
    TCase *cases = tcase_create("ops");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, derivatives, 0, 2);
    tcase_add_test(cases, work_is_dealt_out);
    tcase_add_test(cases, several_roots);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
