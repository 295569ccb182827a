/* Models, layers, activations by name, and layer lines. */
#include "support/suite.h"

#include <blasgrad/blasgrad.h>

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bg_engine *engine;
static bg_model *model;
static bg_graph *graph;

static void setup(void)
{
    ck_assert_int_eq(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1, .seed = 7 }), BG_OK);
    ck_assert_int_eq(bg_model_create(&model, engine, BG_F64), BG_OK);
    ck_assert_int_eq(bg_graph_create(&graph, engine), BG_OK);
}

static void teardown(void)
{
    bg_engine_destroy(engine);
    bg_graph_destroy(graph);
    bg_model_destroy(model);
}

static bg_node *input(bg_shape shape) { return bg_input(graph, "x", BG_F64, shape); }

static void expect_error(bg_status status, const char *part)
{
    ck_assert_msg(bg_graph_status(graph) == status, "status %s, expected %s: %s",
                  bg_status_name(bg_graph_status(graph)), bg_status_name(status), bg_last_error());
    ck_assert_msg(strstr(bg_last_error(), part), "message \"%s\" lacks \"%s\"", bg_last_error(), part);
}

/* ---- Models ---- */

START_TEST(test_dense_makes_and_finds)
{
    bg_node *x = input(BG_SHAPE(4, 100));
    bg_node *y = bg_dense(model, "fc1", x, 50);
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(4, 50)));
    ck_assert_uint_eq(bg_model_count(model), 2);
    ck_assert_str_eq(bg_model_name(model, 0), "fc1.weight");
    ck_assert_str_eq(bg_model_name(model, 1), "fc1.bias");
    ck_assert(bg_model_is_parameter(model, 0) && bg_model_is_parameter(model, 1));
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_model_find(model, "fc1.weight")), BG_SHAPE(50, 100)));
    ck_assert_ptr_null(bg_model_find(model, "fc2.weight"));
    ck_assert_ptr_null(bg_model_name(model, 2));

    /* A second use is the same layer. */
    bg_dense(model, "fc1", x, 50);
    ck_assert_uint_eq(bg_model_count(model), 2);
    ck_assert_int_eq(bg_graph_status(graph), BG_OK);

    bg_dense(model, "fc1", x, 51);
    expect_error(BG_ERR_SHAPE, "\"fc1.weight\" has the shape [50, 100], not [51, 100]");
    ck_assert_uint_eq(bg_model_count(model), 2);
}
END_TEST

/* Uniform within 1/√in: bounds, mean 0, variance bound²/3. */
START_TEST(test_dense_first_values)
{
    bg_dense(model, "fc", input(BG_SHAPE(1, 400)), 100);
    const double bound = 0.05;
    const double *w = bg_tensor_const_data(bg_model_find(model, "fc.weight"));
    const double *b = bg_tensor_const_data(bg_model_find(model, "fc.bias"));
    double sum = 0, squares = 0;
    for (int i = 0; i < 40000; i++) {
        ck_assert(w[i] >= -bound && w[i] < bound);
        sum += w[i];
        squares += w[i] * w[i];
    }
    double largest = 0;
    for (int i = 0; i < 100; i++) {
        ck_assert(fabs(b[i]) <= bound);
        largest = fmax(largest, fabs(b[i]));
    }
    ck_assert(largest > 0.9 * bound);
    ck_assert(fabs(sum / 40000) < 5 * bound / sqrt(3.0 * 40000));
    ck_assert(fabs(squares / 40000 * 3 / (bound * bound) - 1) < 0.03);
}
END_TEST

/* First values follow from the seed and the name, not from the order of creation or the thread count. */
START_TEST(test_first_values_do_not_depend_on_order)
{
    bg_node *x = input(BG_SHAPE(1, 8));
    bg_dense(model, "a", x, 3);
    bg_dense(model, "b", x, 3);

    bg_engine *other;
    bg_model *second;
    bg_graph *graph2;
    ck_assert_int_eq(bg_engine_create(&other, &(bg_engine_options){ .threads = 3, .seed = 7 }), BG_OK);
    ck_assert_int_eq(bg_model_create(&second, other, BG_F64), BG_OK);
    ck_assert_int_eq(bg_graph_create(&graph2, other), BG_OK);
    bg_node *x2 = bg_input(graph2, "x", BG_F64, BG_SHAPE(2, 8));
    bg_dense(second, "b", x2, 3);
    bg_dense(second, "a", x2, 3);
    ck_assert_int_eq(bg_graph_status(graph2), BG_OK);
    for (size_t i = 0; i < bg_model_count(model); i++) {
        const char *name = bg_model_name(model, i);
        const bg_tensor *tensor = bg_model_tensor(model, i);
        size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(tensor)) * sizeof(double);
        ck_assert_msg(memcmp(bg_tensor_const_data(tensor), bg_tensor_const_data(bg_model_find(second, name)), bytes) ==
                          0,
                      "%s differs", name);
    }
    ck_assert_int_ne(memcmp(bg_tensor_const_data(bg_model_find(model, "a.weight")),
                            bg_tensor_const_data(bg_model_find(model, "b.weight")), 24 * sizeof(double)),
                     0);
    bg_graph_destroy(graph2);
    bg_engine_destroy(other);
    bg_model_destroy(second);
}
END_TEST

static const struct {
    const char *name;
    bool is_parameter;
    bg_status status;
    const char *part;
} names[] = {
    { "a", true, BG_OK, "" },
    { "block.0.fc-1_b.weight", true, BG_OK, "" },
    { "optimizer.fc.weight.momentum", false, BG_OK, "" },
    { "", true, BG_ERR_ARGUMENT, "needs a name" },
    { "a b", true, BG_ERR_ARGUMENT, "\"a b\"" },
    { ".a", true, BG_ERR_ARGUMENT, "\".a\"" },
    { "a.", true, BG_ERR_ARGUMENT, "\"a.\"" },
    { "a..b", true, BG_ERR_ARGUMENT, "\"a..b\"" },
    { "\xc3\xa4", true, BG_ERR_ARGUMENT, "letters" },
    { "optimizer.x", true, BG_ERR_ARGUMENT, "optimizer." },
};

START_TEST(test_names)
{
    bg_node *node =
        names[_i].is_parameter
            ? bg_model_parameter(model, graph, names[_i].name, BG_SHAPE(2), (bg_init){ .kind = BG_INIT_ONES })
            : bg_model_buffer(model, graph, names[_i].name, BG_F64, BG_SHAPE(2), (bg_init){ .kind = BG_INIT_ONES });
    ck_assert_msg((node != NULL) == (names[_i].status == BG_OK), "\"%s\"", names[_i].name);
    if (names[_i].status != BG_OK)
        expect_error(names[_i].status, names[_i].part);
    else
        ck_assert(((const double *)bg_tensor_const_data(bg_model_tensor(model, 0)))[1] == 1);
}
END_TEST

START_TEST(test_long_name)
{
    char name[200];
    memset(name, 'n', sizeof name);
    name[127] = 0;
    ck_assert_ptr_nonnull(bg_model_parameter(model, graph, name, BG_SCALAR, (bg_init){ 0 }));
    name[127] = 'n';
    name[128] = 0;
    ck_assert_ptr_null(bg_model_parameter(model, graph, name, BG_SCALAR, (bg_init){ 0 }));
    expect_error(BG_ERR_ARGUMENT, "128 bytes, at most 127");
}
END_TEST

START_TEST(test_kinds_do_not_mix)
{
    bg_model_parameter(model, graph, "p", BG_SHAPE(2), (bg_init){ 0 });
    bg_model_buffer(model, graph, "p", BG_F64, BG_SHAPE(2), (bg_init){ 0 });
    expect_error(BG_ERR_ARGUMENT, "\"p\" is a parameter, not a buffer");
}
END_TEST

START_TEST(test_set)
{
    bg_tensor *value, *shorter, *single;
    ck_assert_int_eq(bg_tensor_create(&value, engine, BG_F64, BG_SHAPE(3)), BG_OK);
    ck_assert_int_eq(bg_tensor_create(&shorter, engine, BG_F64, BG_SHAPE(2)), BG_OK);
    ck_assert_int_eq(bg_tensor_create(&single, engine, BG_F32, BG_SHAPE(3)), BG_OK);
    ck_assert_int_eq(bg_tensor_fill(value, 2.5), BG_OK);
    ck_assert_int_eq(bg_model_set(model, "w", value, true), BG_OK);
    bg_tensor *held = bg_model_find(model, "w");
    ck_assert_ptr_ne(held, value);
    ck_assert_int_eq(bg_tensor_fill(value, 3.5), BG_OK);
    ck_assert(((const double *)bg_tensor_const_data(held))[2] == 2.5);
    ck_assert_int_eq(bg_model_set(model, "w", value, true), BG_OK);
    ck_assert_ptr_eq(bg_model_find(model, "w"), held);
    ck_assert(((const double *)bg_tensor_const_data(held))[2] == 3.5);
    ck_assert_int_eq(bg_model_set(model, "w", shorter, true), BG_ERR_SHAPE);
    ck_assert_int_eq(bg_model_set(model, "w", single, true), BG_ERR_DTYPE);
    ck_assert_int_eq(bg_model_set(model, "v", single, true), BG_ERR_DTYPE);
    ck_assert_int_eq(bg_model_set(model, "w", value, false), BG_ERR_ARGUMENT);
    ck_assert_uint_eq(bg_model_count(model), 1);
    ck_assert(((const double *)bg_tensor_const_data(held))[2] == 3.5);
    bg_tensor_destroy(single);
    bg_tensor_destroy(shorter);
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_training_flag)
{
    ck_assert(bg_model_is_training(model));
    bg_model_set_training(model, false);
    ck_assert(!bg_model_is_training(model));
    ck_assert_int_eq(bg_model_dtype(model), BG_F64);
    ck_assert_ptr_eq(bg_model_engine(model), engine);
}
END_TEST

START_TEST(test_model_arguments)
{
    bg_model *none = NULL;
    ck_assert_int_eq(bg_model_create(&none, engine, BG_I32), BG_ERR_DTYPE);
    ck_assert_int_eq(bg_model_create(&none, NULL, BG_F32), BG_ERR_ARGUMENT);
    ck_assert_ptr_null(none);
    bg_model_destroy(NULL);
    ck_assert_uint_eq(bg_model_count(NULL), 0);
}
END_TEST

START_TEST(test_dense_errors)
{
    ck_assert_ptr_null(bg_dense(model, "fc", NULL, 3));
    ck_assert_int_eq(bg_graph_status(graph), BG_OK);
    ck_assert_ptr_null(bg_dense(model, "fc", bg_input(graph, "x", BG_F32, BG_SHAPE(2, 3)), 3));
    expect_error(BG_ERR_DTYPE, "dense \"fc\": x is f32, the model is f64");
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

/* y = x·wᵀ + b against loops, with leading axes and without a bias. */
START_TEST(test_dense_value)
{
    bool without_bias = _i == 1;
    bg_node *x = input(BG_SHAPE(2, 3, 5));
    bg_node *y = bg_dense_with(model, "fc", x, 4, &(bg_dense_options){ .without_bias = without_bias });
    bg_program *program;
    bg_tensor *values;
    ck_assert_int_eq(bg_compile(&program, graph, &y, 1, NULL), BG_OK);
    ck_assert_int_eq(bg_tensor_create(&values, engine, BG_F64, BG_SHAPE(2, 3, 5)), BG_OK);
    double *v = bg_tensor_data(values);
    for (int i = 0; i < 30; i++)
        v[i] = sin(i);
    ck_assert_int_eq(bg_program_bind(program, x, values), BG_OK);
    ck_assert_int_eq(bg_program_run(program), BG_OK);
    const double *w = bg_tensor_const_data(bg_model_find(model, "fc.weight"));
    ck_assert((bg_model_find(model, "fc.bias") == NULL) == without_bias);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 4; j++) {
            double expected =
                       without_bias ? 0 : ((const double *)bg_tensor_const_data(bg_model_find(model, "fc.bias")))[j],
                   got;
            for (int p = 0; p < 5; p++)
                expected += v[5 * i + p] * w[5 * j + p];
            ck_assert_int_eq(bg_tensor_item(bg_program_output(program, 0), 4 * i + j, &got), BG_OK);
            ck_assert_msg(fabs(got - expected) <= 1e-14, "[%d, %d] is %.17g, expected %.17g", i, j, got, expected);
        }
    bg_tensor_destroy(values);
    bg_program_destroy(program);
}
END_TEST

/* ---- Names of activations, flatten ---- */

START_TEST(test_activation_names)
{
    static const char *const all[] = { "relu", "tanh", "sigmoid", "softplus", "gelu", "gelu_tanh" };
    bg_node *x = input(BG_SHAPE(3));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_msg(bg_activation(all[i], x) != NULL, "%s: %s", all[i], bg_last_error());
    ck_assert_ptr_null(bg_activation("rleu", x));
    expect_error(BG_ERR_ARGUMENT, "\"rleu\" is none; there are relu tanh sigmoid softplus gelu gelu_tanh");
}
END_TEST

START_TEST(test_flatten)
{
    ck_assert(bg_shape_equal(bg_node_shape(bg_flatten(input(BG_SHAPE(2, 3, 4)))), BG_SHAPE(2, 12)));
    ck_assert(bg_shape_equal(bg_node_shape(bg_flatten(input(BG_SHAPE(0, 3, 4)))), BG_SHAPE(0, 12)));
    ck_assert(bg_shape_equal(bg_node_shape(bg_flatten(input(BG_SHAPE(5)))), BG_SHAPE(5, 1)));
    ck_assert_ptr_null(bg_flatten(input(BG_SCALAR)));
    expect_error(BG_ERR_SHAPE, "flatten");
}
END_TEST

/* ---- Layer lines ---- */

static const struct {
    const char *line;
    const char *part; /* of the message; NULL: it is well formed */
} lines[] = {
    { "dense:1", NULL },
    { "  dense:512   relu\tdense:10:nobias ", NULL },
    { "flatten dense:3 gelu_tanh dense:2147483647", NULL },
    { "", "no words" },
    { "   ", "no words" },
    { "dense", "word 1, \"dense\": a dense layer is dense:N or dense:N:nobias" },
    { "dense:", "word 1" },
    { "dense:0", "word 1" },
    { "dense:-1", "word 1" },
    { "dense:1.5", "word 1" },
    { "dense:2147483648", "word 1" },
    { "dense:99999999999999999999", "word 1" },
    { "dense:3:bias", "word 1" },
    { "dense:3:nobias:", "word 1" },
    { "dense:8 rleu dense:2",
      "word 2, \"rleu\", is no layer; there are dense:N dense:N:nobias flatten relu tanh sigmoid "
      "softplus gelu gelu_tanh" },
    { "dense:8 relu Dense:2", "word 3, \"Dense:2\"" },
    { "dense:8,relu", "word 1" },
};

START_TEST(test_lines)
{
    bg_status status = bg_layers_check(lines[_i].line);
    if (!lines[_i].part) {
        ck_assert_msg(status == BG_OK, "\"%s\": %s", lines[_i].line, bg_last_error());
        return;
    }
    ck_assert_msg(status == BG_ERR_FORMAT && strstr(bg_last_error(), lines[_i].part), "\"%s\": %s: %s", lines[_i].line,
                  bg_status_name(status), bg_last_error());
    ck_assert_ptr_null(bg_layers(model, lines[_i].line, input(BG_SHAPE(2, 3))));
    expect_error(BG_ERR_FORMAT, lines[_i].part);
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

START_TEST(test_line_names)
{
    bg_node *y = bg_layers(model, "flatten dense:7 relu dense:2:nobias", input(BG_SHAPE(4, 3, 2)));
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(4, 2)));
    static const char *const expected[] = { "1.weight", "1.bias", "3.weight" };
    ck_assert_uint_eq(bg_model_count(model), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(bg_model_name(model, i), expected[i]);
}
END_TEST

START_TEST(test_line_implied_flatten)
{
    bg_node *y = bg_layers(model, "dense:7 tanh dense:2", input(BG_SHAPE(4, 3, 5)));
    ck_assert(bg_shape_equal(bg_node_shape(y), BG_SHAPE(4, 2)));
    ck_assert(bg_shape_equal(bg_tensor_shape(bg_model_find(model, "0.weight")), BG_SHAPE(7, 15)));
    ck_assert_ptr_nonnull(bg_model_find(model, "2.bias"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nn");
    TCase *models = tcase_create("models"), *layers = tcase_create("layers");
    tcase_add_checked_fixture(models, setup, teardown);
    tcase_add_checked_fixture(layers, setup, teardown);
    tcase_add_test(models, test_dense_makes_and_finds);
    tcase_add_test(models, test_dense_first_values);
    tcase_add_test(models, test_first_values_do_not_depend_on_order);
    tcase_add_loop_test(models, test_names, 0, (int)(sizeof names / sizeof names[0]));
    tcase_add_test(models, test_long_name);
    tcase_add_test(models, test_kinds_do_not_mix);
    tcase_add_test(models, test_set);
    tcase_add_test(models, test_training_flag);
    tcase_add_test(models, test_model_arguments);
    tcase_add_test(layers, test_dense_errors);
    tcase_add_loop_test(layers, test_dense_value, 0, 2);
    tcase_add_test(layers, test_activation_names);
    tcase_add_test(layers, test_flatten);
    tcase_add_loop_test(layers, test_lines, 0, (int)(sizeof lines / sizeof lines[0]));
    tcase_add_test(layers, test_line_names);
    tcase_add_test(layers, test_line_implied_flatten);
    suite_add_tcase(suite, models);
    suite_add_tcase(suite, layers);
    return run_suite(suite);
}
