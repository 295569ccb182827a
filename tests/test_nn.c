/* Models: entries by name, values from outside, tied parameters; dense layers and activations by name. */
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

/* More names than the first tables hold, found again in any order. */
START_TEST(test_many_names)
{
    enum { MANY = 3000 };
    char name[40];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "blocks.%d.weight", i);
        ck_assert_ptr_nonnull(bg_model_parameter(model, graph, name, BG_SHAPE(1), (bg_init){ 0 }));
    }
    ck_assert_uint_eq(bg_model_count(model), MANY);
    for (int i = MANY - 1; i >= 0; i--) {
        snprintf(name, sizeof name, "blocks.%d.weight", i);
        ck_assert_ptr_eq(bg_model_find(model, name), bg_model_tensor(model, (size_t)i));
    }
    ck_assert_ptr_null(bg_model_find(model, "blocks.3000.weight"));
}
END_TEST

static bg_tensor *filled(bg_dtype dtype, bg_shape shape, double value)
{
    bg_tensor *tensor = NULL;
    ck_assert_int_eq(bg_tensor_create(&tensor, engine, dtype, shape), BG_OK);
    ck_assert_int_eq(bg_tensor_fill(tensor, value), BG_OK);
    return tensor;
}
static double first_of(const char *name)
{
    double value = NAN;
    ck_assert_msg(bg_model_find(model, name) != NULL, "%s", name);
    ck_assert_int_eq(bg_tensor_item(bg_model_find(model, name), 0, &value), BG_OK);
    return value;
}
static void expect_status(bg_status status, bg_status expected, const char *part)
{
    ck_assert_msg(status == expected && strstr(bg_last_error(), part), "%s: %s", bg_status_name(status),
                  bg_last_error());
}

/* What was only set is of the kind that the first graph asks for. */
START_TEST(test_kind_is_open_until_used)
{
    bg_tensor *value = filled(BG_F64, BG_SHAPE(2), 3), *count = filled(BG_I64, BG_SCALAR, 5);
    ck_assert_int_eq(
        bg_model_set_all(model, (const char *[]){ "m", "n", "optimizer.m" }, (bg_tensor *[]){ value, count, value }, 3),
        BG_OK);
    ck_assert(bg_model_is_parameter(model, 0) && !bg_model_is_parameter(model, 1) && !bg_model_is_parameter(model, 2));
    ck_assert_ptr_nonnull(bg_model_buffer(model, graph, "m", BG_F64, BG_SHAPE(2), (bg_init){ 0 }));
    ck_assert_ptr_nonnull(bg_model_buffer(model, graph, "n", BG_I64, BG_SCALAR, (bg_init){ 0 }));
    ck_assert(!bg_model_is_parameter(model, 0) && first_of("m") == 3 && first_of("n") == 5);
    ck_assert_ptr_null(bg_model_parameter(model, graph, "m", BG_SHAPE(2), (bg_init){ 0 }));
    expect_error(BG_ERR_ARGUMENT, "\"m\" is a buffer, not a parameter");
    bg_tensor_destroy(count);
    bg_tensor_destroy(value);
}
END_TEST

/* All or nothing. */
START_TEST(test_set_all)
{
    bg_tensor *one = filled(BG_F64, BG_SHAPE(2), 1), *two = filled(BG_F64, BG_SHAPE(2), 2);
    bg_tensor *longer = filled(BG_F64, BG_SHAPE(3), 3);
    ck_assert_int_eq(bg_model_set_all(model, NULL, NULL, 0), BG_OK);
    ck_assert_int_eq(bg_model_set_all(model, (const char *[]){ "a" }, &one, 1), BG_OK);
    static const struct {
        const char *names[3];
        bg_status status;
        const char *part;
    } wrong[] = {
        { { "b", "a", "c" }, BG_ERR_SHAPE, "\"a\" has the shape [2], not [3]" },
        { { "b", "c", "c" }, BG_ERR_SHAPE, "\"c\" has the shape [3], not [2]" },
        { { "b", "c", "d e" }, BG_ERR_ARGUMENT, "\"d e\"" },
        { { "b", "c", NULL }, BG_ERR_ARGUMENT, "name 2 is NULL" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_status(bg_model_set_all(model, wrong[i].names, (bg_tensor *[]){ two, longer, two }, 3), wrong[i].status,
                      wrong[i].part);
        ck_assert(bg_model_count(model) == 1 && first_of("a") == 1 && !bg_model_find(model, "b"));
    }
    expect_status(bg_model_set_all(model, (const char *[]){ "a", "b" }, (bg_tensor *[]){ two, NULL }, 2),
                  BG_ERR_ARGUMENT, "value 1 is NULL");
    expect_status(bg_model_set_all(NULL, NULL, NULL, 0), BG_ERR_ARGUMENT, "model is NULL");
    expect_status(bg_model_set_all(model, NULL, &one, 1), BG_ERR_ARGUMENT, "names is NULL");
    bg_tensor *held = bg_model_find(model, "a");
    expect_status(bg_model_set_all(model, (const char *[]){ "b", "a" }, (bg_tensor *[]){ two, held }, 2),
                  BG_ERR_OVERLAP, "\"a\" shares memory");
    ck_assert_uint_eq(bg_model_count(model), 1);
    bg_tensor_destroy(longer);
    bg_tensor_destroy(two);
    bg_tensor_destroy(one);
}
END_TEST

/* ---- Tied parameters ---- */

/* The ways in which the two names come to be: before or after they are tied, by a value or by a layer. */
START_TEST(test_tie)
{
    enum { NONE, FIRST, SECOND, BOTH };
    for (int before = NONE; before <= BOTH; before++) {
        teardown();
        setup();
        bg_tensor *value = filled(BG_F64, BG_SHAPE(3, 2), 4);
        if (before == FIRST || before == BOTH)
            ck_assert_int_eq(bg_model_set(model, "embedding.weight", value, true), BG_OK);
        ck_assert_int_eq(bg_model_set(model, "other", value, true), BG_OK);
        if (before == SECOND || before == BOTH)
            ck_assert_int_eq(bg_model_set(model, "head.weight", value, true), BG_OK);
        ck_assert_int_eq(bg_model_set(model, "another", value, true), BG_OK);
        for (int again = 0; again < 2; again++)
            ck_assert_int_eq(bg_model_tie(model, "head.weight", "embedding.weight"), BG_OK);
        ck_assert_int_eq(bg_model_tie(model, "embedding.weight", "head.weight"), BG_OK);
        ck_assert_uint_eq(bg_model_count(model), before == NONE ? 2 : 3);

        bg_node *h = bg_model_embedding(model, "embedding", bg_input(graph, "x", BG_I64, BG_SHAPE(5)), 3, 2, NULL);
        bg_node *y = bg_dense_with(model, "head", h, 3, &(bg_dense_options){ .without_bias = true });
        ck_assert_int_eq(bg_graph_status(graph), BG_OK);
        ck_assert_ptr_nonnull(y);
        ck_assert_uint_eq(bg_model_count(model), 3);
        ck_assert_ptr_eq(bg_model_find(model, "head.weight"), bg_model_find(model, "embedding.weight"));
        ck_assert(before == NONE || first_of("head.weight") == 4);
        int named = 0;
        for (size_t i = 0; i < 3; i++) {
            ck_assert_str_ne(bg_model_name(model, i), "head.weight");
            named += strcmp(bg_model_name(model, i), "embedding.weight") == 0;
            ck_assert_ptr_eq(bg_model_find(model, bg_model_name(model, i)), bg_model_tensor(model, i));
        }
        ck_assert_int_eq(named, 1);
        ck_assert_ptr_eq(bg_model_parameter(model, graph, "head.weight", BG_SHAPE(3, 2), (bg_init){ 0 }),
                         bg_model_parameter(model, graph, "embedding.weight", BG_SHAPE(3, 2), (bg_init){ 0 }));
        ck_assert_int_eq(bg_tensor_fill(value, 6), BG_OK);
        ck_assert_int_eq(bg_model_set(model, "head.weight", value, true), BG_OK);
        ck_assert(first_of("embedding.weight") == 6);
        bg_tensor_destroy(value);
    }
}
END_TEST

/* First values follow from the first name, whichever is asked for. */
START_TEST(test_tied_first_values)
{
    bg_init normal = { .kind = BG_INIT_NORMAL };
    ck_assert_int_eq(bg_model_tie(model, "b", "a"), BG_OK);
    bg_model_parameter(model, graph, "b", BG_SHAPE(2), normal);
    double value = first_of("a");
    teardown();
    setup();
    bg_model_parameter(model, graph, "a", BG_SHAPE(2), normal);
    ck_assert(first_of("a") == value);
}
END_TEST

/* A file may have either name, or both with equal values. */
START_TEST(test_tied_values_from_outside)
{
    bg_tensor *one = filled(BG_F64, BG_SHAPE(2), 1), *same = filled(BG_F64, BG_SHAPE(2), 1);
    bg_tensor *two = filled(BG_F64, BG_SHAPE(2), 2), *longer = filled(BG_F64, BG_SHAPE(3), 1);
    const char *both[] = { "b", "a" };
    ck_assert_int_eq(bg_model_tie(model, "b", "a"), BG_OK);
    ck_assert_int_eq(bg_model_set_all(model, both, (bg_tensor *[]){ one, same }, 2), BG_OK);
    ck_assert(bg_model_count(model) == 1 && first_of("b") == 1);
    expect_status(bg_model_set_all(model, both, (bg_tensor *[]){ one, two }, 2), BG_ERR_ARGUMENT,
                  "\"a\" and \"b\" are one tied parameter, but their values differ");
    expect_status(bg_model_set_all(model, both, (bg_tensor *[]){ one, longer }, 2), BG_ERR_SHAPE, "\"a\"");
    ck_assert_int_eq(bg_model_set_all(model, both + 1, (bg_tensor *[]){ two }, 1), BG_OK);
    ck_assert(first_of("b") == 2);
    ck_assert_int_eq(bg_model_set_all(model, both, (bg_tensor *[]){ one }, 1), BG_OK);
    ck_assert(first_of("a") == 1);
    bg_tensor_destroy(longer);
    bg_tensor_destroy(two);
    bg_tensor_destroy(same);
    bg_tensor_destroy(one);
}
END_TEST

START_TEST(test_tie_errors)
{
    bg_tensor *one = filled(BG_F64, BG_SHAPE(2), 1), *two = filled(BG_F64, BG_SHAPE(2), 2);
    bg_tensor *longer = filled(BG_F64, BG_SHAPE(3), 1);
    ck_assert_int_eq(
        bg_model_set_all(model, (const char *[]){ "a", "b", "c", "used" }, (bg_tensor *[]){ one, two, longer, one }, 4),
        BG_OK);
    bg_model_buffer(model, graph, "buffer", BG_F64, BG_SHAPE(2), (bg_init){ .kind = BG_INIT_ONES });
    bg_model_parameter(model, graph, "used", BG_SHAPE(2), (bg_init){ 0 });
    expect_status(bg_model_tie(model, "b", "a"), BG_ERR_ARGUMENT,
                  "\"b\" and \"a\" are one tied parameter, but their values differ");
    expect_status(bg_model_tie(model, "c", "a"), BG_ERR_SHAPE, "\"c\" has the shape [3], not [2]");
    expect_status(bg_model_tie(model, "used", "a"), BG_ERR_ARGUMENT, "\"used\" is in a graph already");
    expect_status(bg_model_tie(model, "buffer", "new"), BG_ERR_ARGUMENT, "\"buffer\" is a buffer");
    expect_status(bg_model_tie(model, "new", "buffer"), BG_ERR_ARGUMENT, "\"buffer\" is a buffer");
    expect_status(bg_model_tie(model, "a b", "a"), BG_ERR_ARGUMENT, "\"a b\"");
    expect_status(bg_model_tie(model, "b", "optimizer.a"), BG_ERR_ARGUMENT, "\"optimizer.a\"");
    expect_status(bg_model_tie(model, NULL, "a"), BG_ERR_ARGUMENT, "a name is NULL");
    expect_status(bg_model_tie(NULL, "b", "a"), BG_ERR_ARGUMENT, "model is NULL");
    ck_assert_uint_eq(bg_model_count(model), 5);
    ck_assert_int_eq(bg_model_tie(model, "a", "used"), BG_OK);
    ck_assert_int_eq(bg_model_tie(model, "x", "a"), BG_OK); /* to what a is */
    expect_status(bg_model_tie(model, "a", "b"), BG_ERR_ARGUMENT, "\"a\" is tied to \"used\", not to \"b\"");
    expect_status(bg_model_tie(model, "used", "y"), BG_ERR_ARGUMENT, "\"used\" is the first name of \"a\"");
    ck_assert_uint_eq(bg_model_count(model), 4);
    ck_assert_ptr_eq(bg_model_find(model, "x"), bg_model_find(model, "used"));
    bg_tensor_destroy(longer);
    bg_tensor_destroy(two);
    bg_tensor_destroy(one);
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
    /* Their values are compared in test_layer_line.c. */
    static const char *const all[] = {
        "relu",       "tanh",     "sigmoid", "softplus",   "gelu",       "gelu_tanh",  "silu",        "mish",
        "elu",        "celu",     "selu",    "leaky_relu", "relu6",      "hardtanh",   "hardsigmoid", "hardswish",
        "logsigmoid", "softsign", "glu",     "tanhshrink", "hardshrink", "softshrink", "softmax",     "log_softmax"
    };
    bg_node *x = input(BG_SHAPE(3, 2));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_msg(bg_activation(all[i], x) != NULL, "%s: %s", all[i], bg_last_error());
    ck_assert_ptr_null(bg_activation("rleu", x));
    expect_error(BG_ERR_ARGUMENT,
                 "\"rleu\" is none; there are relu tanh sigmoid softplus gelu gelu_tanh silu mish elu");
    ck_assert_ptr_null(bg_activation("relu", NULL));
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
    tcase_add_test(models, test_many_names);
    tcase_add_test(models, test_kind_is_open_until_used);
    tcase_add_test(models, test_set_all);
    tcase_add_test(models, test_tie);
    tcase_add_test(models, test_tied_first_values);
    tcase_add_test(models, test_tied_values_from_outside);
    tcase_add_test(models, test_tie_errors);
    tcase_add_test(models, test_training_flag);
    tcase_add_test(models, test_model_arguments);
    tcase_add_test(layers, test_dense_errors);
    tcase_add_loop_test(layers, test_dense_value, 0, 2);
    tcase_add_test(layers, test_activation_names);
    tcase_add_test(layers, test_flatten);
    suite_add_tcase(suite, models);
    suite_add_tcase(suite, layers);
    return run_suite(suite);
}
