/* Rearrangements of integers and bool, views that run backwards inside programs, and constants of every type. */
#include "cases/cases.h"
#include "support/expect.h"
#include "support/trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- Every type ---- */

extern const op_family views_family, rearrange_family;

/* Cases that compute, or put in numbers that are no integers. */
static bool only_moves(const op_case *c)
{
    static const char *const others[] = { "pad", "meshgrid", "zeros", "ones", "full", "arange", "linspace", "eye" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(c->name, others[i]) == 0)
            return false;
    return true;
}

/* Element i of every input: small numbers, all of them different as far as the type goes. */
static int64_t small_number(bg_dtype dtype, int input, int64_t i)
{
    int64_t number = 7 * i + 31 * input + 1;
    return dtype == BG_BOOL ? number % 3 % 2 : number % 200;
}
/* In i64 with more digits than a double holds. */
static int64_t number_in(bg_dtype dtype, int64_t small) { return dtype == BG_I64 ? small << 50 | small : small; }

static bg_tensor *input_of(bg_engine *engine, bg_dtype dtype, bg_dtype numbers, bg_shape shape, int input)
{
    bg_tensor *tensor = NULL;
    must(bg_tensor_create(&tensor, engine, dtype, shape), "an input");
    void *data = bg_tensor_data(tensor);
    for (int64_t i = 0; i < bg_shape_count(shape); i++) {
        int64_t small = small_number(numbers, input, i);
        if (dtype == BG_F64)
            ((double *)data)[i] = (double)small;
        else if (dtype == BG_I32)
            ((int32_t *)data)[i] = (int32_t)small;
        else if (dtype == BG_I64)
            ((int64_t *)data)[i] = number_in(BG_I64, small);
        else
            ((uint8_t *)data)[i] = (uint8_t)small;
    }
    return tensor;
}

typedef struct {
    bg_graph *graph;
    bg_program *program;
    bg_tensor *inputs[CASE_MOST_INPUTS];
    const bg_tensor *y;
} moved;

/* The case's result in a type, for the numbers that another type can hold. */
static moved move(const op_case *c, const op_variant *v, bg_dtype dtype, bg_dtype numbers)
{
    moved m = { 0 };
    bg_node *x[CASE_MOST_INPUTS] = { NULL };
    must(bg_graph_create(&m.graph, trial_engine()), c->name);
    for (int i = 0; i < (v->n_inputs > 0 ? v->n_inputs : c->arity); i++) {
        m.inputs[i] = input_of(trial_engine(), dtype, numbers, v->x[i], i);
        x[i] = bg_buffer(m.graph, m.inputs[i]);
    }
    bg_node *y = c->build(x, v);
    must(bg_graph_status(m.graph), c->name);
    ck_assert_int_eq(bg_node_dtype(y), dtype);
    must(bg_compile(&m.program, m.graph, &y, 1, NULL), c->name);
    must(bg_program_run(m.program), c->name);
    m.y = bg_program_output(m.program, 0);
    return m;
}
static void release(moved *m)
{
    bg_program_destroy(m->program);
    bg_graph_destroy(m->graph);
    for (int i = 0; i < CASE_MOST_INPUTS; i++)
        bg_tensor_destroy(m->inputs[i]);
}

static int64_t integer_at(const bg_tensor *tensor, int64_t i)
{
    const void *data = bg_tensor_const_data(tensor);
    switch (bg_tensor_dtype(tensor)) {
    case BG_F64:
        return (int64_t)((const double *)data)[i];
    case BG_I32:
        return ((const int32_t *)data)[i];
    case BG_I64:
        return ((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static const bg_dtype integers[] = { BG_I32, BG_I64, BG_U8, BG_BOOL };

/* What is moved is the same for every type, and f64 is compared with the evaluator elsewhere. */
START_TEST(test_integers)
{
    const op_family *family = _i == 0 ? &views_family : &rearrange_family;
    int64_t compared = 0;
    for (int k = 0; k < family->n_cases; k++) {
        const op_case *c = &family->cases[k];
        for (int i = 0; i < c->n_variants && only_moves(c); i++)
            for (int t = 0; t < 4; t++) {
                moved integer = move(c, &c->variants[i], integers[t], integers[t]);
                moved real = move(c, &c->variants[i], BG_F64, integers[t]);
                ck_assert(bg_shape_equal(bg_tensor_shape(integer.y), bg_tensor_shape(real.y)));
                for (int64_t e = 0; e < bg_shape_count(bg_tensor_shape(real.y)); e++, compared++)
                    ck_assert_msg(integer_at(integer.y, e) == number_in(integers[t], integer_at(real.y, e)),
                                  "%s, shapes %d, %s: element %lld differs from f64", c->name, i,
                                  bg_dtype_name(integers[t]), (long long)e);
                release(&integer);
                release(&real);
            }
    }
    ck_assert_int_gt(compared, 10000);
}
END_TEST

/* ---- Constants ---- */

static void expect_numbers(bg_node *node, const double *expected, int64_t n)
{
    bg_program *program = NULL;
    must(bg_compile(&program, bg_node_graph(node), &node, 1, NULL), "compile");
    must(bg_program_run(program), "run");
    const bg_tensor *y = bg_program_output(program, 0);
    ck_assert_int_eq(bg_shape_count(bg_tensor_shape(y)), n);
    for (int64_t i = 0; i < n; i++) {
        double value = 0;
        must(bg_tensor_item(y, i, &value), "item");
        ck_assert_msg(value == expected[i], "element %lld is %g, not %g", (long long)i, value, expected[i]);
    }
    bg_program_destroy(program);
}

START_TEST(test_constants)
{
    static const bg_dtype types[] = { BG_F32, BG_F64, BG_I32, BG_I64, BG_U8, BG_BOOL };
    for (int t = 0; t < 6; t++) {
        bg_graph *graph = NULL;
        bool is_bool = types[t] == BG_BOOL, is_float = t < 2;
        must(bg_graph_create(&graph, trial_engine()), "graph");
        expect_numbers(bg_zeros(graph, types[t], BG_SHAPE(2, 2)), (double[]){ 0, 0, 0, 0 }, 4);
        expect_numbers(bg_ones(graph, types[t], BG_SHAPE(3)), (double[]){ 1, 1, 1 }, 3);
        expect_numbers(bg_full(graph, types[t], BG_SCALAR, is_bool ? 1 : 200), (double[]){ is_bool ? 1 : 200 }, 1);
        expect_numbers(bg_full(graph, types[t], BG_SHAPE(0, 2), 1), NULL, 0);
        expect_numbers(bg_eye(graph, types[t], 2, 3), (double[]){ 1, 0, 0, 0, 1, 0 }, 6);
        if (!is_bool)
            expect_numbers(bg_arange(graph, types[t], 250, 240, -4), (double[]){ 250, 246, 242 }, 3);
        if (is_float)
            expect_numbers(bg_linspace(graph, types[t], 1, 2, 5), (double[]){ 1, 1.25, 1.5, 1.75, 2 }, 5);
        bg_pad_options options = { .value = 1, .before = { 1 }, .after = { 2 } };
        expect_numbers(bg_pad(bg_zeros(graph, types[t], BG_SHAPE(2)), options), (double[]){ 1, 0, 0, 1, 1 }, 5);
        bg_graph_destroy(graph);
    }
    ck_assert_ptr_null(bg_zeros(NULL, BG_F32, BG_SHAPE(1)));
    ck_assert_str_eq(bg_last_error(), "zeros: the graph is NULL");
    ck_assert_ptr_null(bg_arange(NULL, BG_F32, 0, 1, 1));
    ck_assert_ptr_null(bg_linspace(NULL, BG_F32, 0, 1, 1));
    ck_assert_ptr_null(bg_eye(NULL, BG_F32, 1, 1));
    ck_assert_str_eq(bg_last_error(), "eye: the graph is NULL");
}
END_TEST

/* Where a chunk is missing, its place is NULL. */
START_TEST(test_parts)
{
    bg_graph *graph = NULL;
    bg_node *parts[4];
    must(bg_graph_create(&graph, trial_engine()), "graph");
    bg_node *x = bg_input(graph, "x", BG_F32, BG_SHAPE(5, 2));
    ck_assert_int_eq(bg_chunk(x, 4, 0, parts), 3);
    ck_assert_int_eq(bg_node_shape(parts[2]).dims[0], 1);
    ck_assert_ptr_null(parts[3]);
    ck_assert_int_eq(bg_chunk(bg_slice(x, 0, 0, 0, 1), 4, 0, parts), 4);
    ck_assert_int_eq(bg_node_shape(parts[3]).dims[0], 0);
    ck_assert_int_eq(bg_split(x, (int64_t[]){ 0, 5 }, 2, 0, parts), 2);
    ck_assert_int_eq(bg_node_shape(parts[0]).dims[0], 0);
    ck_assert_ptr_null(bg_stack(NULL, 2, 0));
    ck_assert_str_eq(bg_last_error(), "stack: 0 inputs");
    ck_assert_int_eq(bg_meshgrid(&x, 0, parts), 0);
    ck_assert_str_eq(bg_last_error(), "meshgrid: 0 axes, or no inputs or place for the grids");
    bg_graph_destroy(graph);
}
END_TEST

/* ---- Views that run backwards, inside programs ---- */

/* Loops, reductions of rows and of columns, products and their gradients over reversed operands, and an update that
 * reads its own target backwards. */
static void build_reversed(trial *t, const void *context)
{
    const int64_t *size = context;
    int64_t rows = size[0], columns = size[1];
    bg_node *x = trial_input(t, BG_SHAPE(rows, columns), -1, 1);
    bg_node *w = trial_parameter(t, BG_SHAPE(columns, 5), -0.5, 0.5);
    bg_node *v = trial_parameter(t, BG_SHAPE(rows, 5), -0.5, 0.5);
    bg_node *hidden = bg_tanh(bg_matmul(bg_flip(x, BG_AXES(1)), w));
    bg_node *turned = bg_flip(bg_exp(bg_flip(hidden, BG_AXES(0))), BG_AXES(1));
    bg_node *product = bg_matmul(bg_transpose(bg_flip(turned, BG_ALL_AXES), 0, 1), bg_flip(v, BG_AXES(0)));
    bg_node *row_sums = bg_sum(bg_mul(bg_flip(x, BG_AXES(1)), bg_relu(x)), BG_AXES(1));
    bg_node *column_sums = bg_sum(bg_flip(hidden, BG_AXES(0)), BG_AXES(0));
    bg_node *shared = bg_flip(bg_add(turned, column_sums), BG_AXES(1));
    trial_output(t, turned);
    trial_output(t, product);
    trial_output(t, bg_flip(row_sums, BG_AXES(0)));
    trial_output(t, bg_diagonal(product, 1, 1, 0));
    trial_descend(
        t,
        bg_mean(bg_square(bg_add(shared, bg_flip(bg_reshape(row_sums, BG_SHAPE(rows, 1)), BG_AXES(0)))), BG_ALL_AXES),
        0.1);
}

static const int64_t sizes[][2] = { { 1, 1 }, { 2, 3 }, { 7, 8 }, { 64, 17 }, { 130, 300 }, { 1031, 33 } };
START_TEST(test_reversed)
{
    trial_plan plan = { "reversed views", build_reversed, sizes[_i], (uint64_t)_i + 1, 3 };
    trial_check(&plan, BG_F32);
    trial_check(&plan, BG_F64);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rearrange");
    TCase *cases = tcase_create("rearrange");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, test_integers, 0, 2);
    tcase_add_test(cases, test_constants);
    tcase_add_test(cases, test_parts);
    tcase_add_loop_test(cases, test_reversed, 0, (int)(sizeof sizes / sizeof sizes[0]));
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
