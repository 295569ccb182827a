/* bg_gradcheck: what it accepts, what it finds, and what it leaves as it was. */
#include "support/one_graph.h"
#include "support/suite.h"

static bg_gradcheck_report report;

static bg_node *parameter(bg_shape shape, const double *values) { return parameter_of(BG_F64, shape, values); }
static bg_node *numbers(int64_t rows, int64_t columns)
{
    double values[256];
    ck_assert_int_le(rows * columns, 256);
    for (int64_t i = 0; i < rows * columns; i++)
        values[i] = sin(1.7 * (double)i + (double)columns);
    return parameter(BG_SHAPE(rows, columns), values);
}

/* ---- Right gradients ---- */

START_TEST(test_network)
{
    bg_node *w[] = { numbers(7, 5), numbers(7, 1), numbers(3, 7) }, *x = numbers(6, 5);
    int32_t classes[] = { 0, 2, 1, 1, 0, 2 };
    bg_tensor *targets = NULL, *point = NULL;
    OK(bg_tensor_wrap(&targets, engine, BG_I32, BG_SHAPE(6), classes));
    bg_node *h = bg_tanh(bg_linear(x, w[0], bg_reshape(w[1], BG_SHAPE(7))));
    bg_node *loss = bg_cross_entropy_loss(bg_linear(h, w[2], NULL), bg_constant(graph, targets), BG_MEAN);
    double values[35];
    point = tensor_of(engine, BG_F64, BG_SHAPE(35), (double[35]){ 0 });
    for (int i = 0; i < 35; i++)
        values[i] = 0.1 * i;
    OK(bg_tensor_copy_from(point, values, sizeof values));
    bg_node *counter = bg_parameter(graph, point);
    bg_update(counter, bg_add_scalar(counter, 1)); /* does not take place */
    OK(bg_gradcheck(&loss, 1, w, 3, NULL, &report));
    ck_assert_int_eq(report.derivatives, 32 + 3 + 7 + 3 + 21 + 3);
    ck_assert_int_eq(report.kinks + report.edges, 0);
    ck_assert(report.gradient > 0 && report.gradient < 1e-9 && report.second < 1e-8 && report.forward < 1e-9);
    ck_assert(report.dot_product < 1e-14);

    bg_node *roots[] = { loss, h };
    OK(bg_gradcheck(roots, 2, w, 3, &(bg_gradcheck_options){ .is_fast = true, .directions = 7, .seed = 3 }, &report));
    ck_assert_int_eq(report.derivatives, 7);
    OK(bg_gradcheck(&h, 1, &x, 1, &(bg_gradcheck_options){ .elements = 5, .directions = 1 }, NULL));
    OK(bg_gradcheck(&h, 1, &w[2], 1, NULL, &report)); /* does not depend on it */
    ck_assert(report.gradient < 1e-12);
    for (int i = 0; i < 35; i++)
        ck_assert(value_at(point, i) == values[i]);
    bg_tensor_destroy(point);
    bg_tensor_destroy(targets);
}
END_TEST

START_TEST(test_inputs)
{
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(3)), *w = numbers(3, 1), *y;
    const double at[] = { 0.5, -1, 2 };
    bg_tensor *value = tensor_of(engine, BG_F64, BG_SHAPE(3), at);
    y = bg_mul(bg_exp(x), bg_reshape(w, BG_SHAPE(3)));
    FAILS(bg_gradcheck(&y, 1, &w, 1, NULL, NULL), BG_ERR_UNBOUND, "input \"x\" [3]");
    bg_gradcheck_options options = { .inputs = &x, .values = &value, .n_inputs = 1 };
    OK(bg_gradcheck(&y, 1, &w, 1, &options, NULL));
    OK(bg_gradcheck(&y, 1, &x, 1, &options, &report));
    ck_assert_int_eq(report.derivatives, 3 + 3);
    for (int i = 0; i < 3; i++)
        ck_assert(value_at(value, i) == at[i]);
    bg_tensor_destroy(value);
}
END_TEST

START_TEST(test_random_ops)
{
    bg_node *x = numbers(6, 7), *y = bg_dropout(bg_tanh(x), 0.4);
    y = bg_add(y, bg_mul(y, bg_normal(graph, BG_F64, BG_SHAPE(6, 7), 0, 1)));
    OK(bg_gradcheck(&y, 1, &x, 1, NULL, &report));
    ck_assert(report.gradient < 1e-9);
}
END_TEST

/* Functions that bend much ask for shorter steps. */
START_TEST(test_bent)
{
    bg_node *x = parameter(BG_SHAPE(4), (double[]){ 0.02, 0.05, 0.1, 0.3 }), *y = bg_pow_scalar(x, -2);
    OK(bg_gradcheck(&y, 1, &x, 1, &(bg_gradcheck_options){ .step = 2e-4 }, &report));
    ck_assert_int_eq(report.kinks + report.edges, 0);
}
END_TEST

/* ---- Kinks and edges ---- */

static bg_node *max_of(bg_node *x) { return bg_max(x, BG_ALL_AXES); }
static bg_node *clamp(bg_node *x) { return bg_clamp(x, -1, 1); }
static bg_node *near_kink(bg_node *x) { return bg_abs(bg_add_scalar(x, 1e-4)); } /* within the step */
static bg_node *half_norm(bg_node *x) { return bg_norm(x, BG_ALL_AXES, 2); }

START_TEST(test_kinks)
{
    static const struct {
        const char *name;
        bg_node *(*build)(bg_node *x);
        double x[3];
        int kinks, edges; /* at least */
    } rows[] = {
        { "relu", bg_relu, { 0, 1, -1 }, 1, 0 },           { "abs", bg_abs, { 0, 0, 2 }, 2, 0 },
        { "max of ties", max_of, { 2, 2, 1 }, 2, 0 },      { "clamp", clamp, { -1, 1, 0.5 }, 2, 0 },
        { "relu6", bg_relu6, { 6, 0, 3 }, 2, 0 },          { "a near kink", near_kink, { 0, 1, 2 }, 1, 0 },
        { "the norm of 0", half_norm, { 0, 0, 0 }, 3, 0 }, { "sqrt at 0", bg_sqrt, { 0, 1, 2 }, 0, 1 },
    };
    bg_node *x = parameter(BG_SHAPE(3), rows[_i].x), *y = rows[_i].build(x);
    bg_status status = bg_gradcheck(&y, 1, &x, 1, &(bg_gradcheck_options){ .seed = 5 }, &report);
    ck_assert_msg(status == BG_OK, "%s: %s", rows[_i].name, bg_last_error());
    ck_assert_msg(report.kinks >= rows[_i].kinks && report.edges >= rows[_i].edges, "%s: %lld kinks, %lld edges",
                  rows[_i].name, (long long)report.kinks, (long long)report.edges);
}
END_TEST

/* ---- Wrong gradients ---- */

static bg_status same_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape)
{
    *dtype = bg_node_dtype(bg_node_input(node, 0));
    *shape = bg_node_shape(bg_node_input(node, 0));
    return BG_OK;
}
/* x² whose gradient is a thousandth or a millionth too large, or has a wrong gradient of its own; and |x| with a
 * gradient of 2 at 0. */
static bg_node *square_of(bg_node *node) { return bg_square(bg_node_input(node, 0)); }
static bg_node *large_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul(dy, bg_mul_scalar(bg_node_input(node, input), 2.002));
}
static const bg_op large_op = {
    .name = "large", .arity = 1, .infer = same_infer, .compose = square_of, .gradient = large_gradient
};
static bg_node *slightly_large_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul(dy, bg_mul_scalar(bg_node_input(node, input), 2 + 2e-6));
}
static const bg_op slightly_large_op = {
    .name = "slightly large", .arity = 1, .infer = same_infer, .compose = square_of, .gradient = slightly_large_gradient
};
static bg_node *twice_of(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 2); }
static bg_node *wrong_gradient(bg_node *node, int input, bg_node *dy) { return (void)node, (void)input, dy; }
static const bg_op twice_op = {
    .name = "twice", .arity = 1, .infer = same_infer, .compose = twice_of, .gradient = wrong_gradient
};
static bg_node *square_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = bg_node_input(node, input);
    return bg_mul(dy, bg_apply(&twice_op, &x, 1, NULL, 0));
}
static const bg_op square_op = {
    .name = "square by twice", .arity = 1, .infer = same_infer, .compose = square_of, .gradient = square_gradient
};
static bg_node *abs_of(bg_node *node) { return bg_abs(bg_node_input(node, 0)); }
static bg_node *steep_gradient(bg_node *node, int input, bg_node *dy)
{
    bg_node *x = bg_node_input(node, input), *zero = bg_scalar(graph, BG_F64, 0), *two = bg_scalar(graph, BG_F64, 2);
    return bg_mul(dy, bg_where(bg_equal(x, zero), two, bg_sign(x)));
}
static const bg_op steep_op = {
    .name = "steep", .arity = 1, .infer = same_infer, .compose = abs_of, .gradient = steep_gradient
};
static bg_node *nan_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul_scalar(bg_mul(dy, bg_node_input(node, input)), (double)NAN);
}
static const bg_op nan_op = {
    .name = "nan", .arity = 1, .infer = same_infer, .compose = square_of, .gradient = nan_gradient
};

START_TEST(test_wrong)
{
    static const struct {
        const bg_op *op;
        bg_gradcheck_options options;
        const char *message;
        int64_t element;
    } rows[] = {
        { &large_op, { .step = 0 }, "gradcheck: the gradient for xs[1] at element 1 is ", 1 },
        { &large_op, { .elements = 1, .seed = 1 }, "gradcheck: the gradient for xs[1] at element ", -2 },
        { &large_op, { .is_fast = true }, "gradcheck: the gradient for xs[1] at element ", -2 },
        { &large_op, { .only_gradient = true }, "gradcheck: the gradient for xs[1] at element 1 is ", 1 },
        { &slightly_large_op, { .only_gradient = true }, "gradcheck: the gradient for xs[1] at element 1 is ", 1 },
        { &slightly_large_op, { .is_fast = true }, "gradcheck: the gradient for xs[1] at element ", -2 },
        { &square_op, { .step = 0 }, "gradcheck: the second derivative for xs[1] at element 0 is ", 0 },
        { &steep_op, { .step = 0 }, "from the left", 0 },
        { &nan_op, { .only_gradient = true }, "gradcheck: the gradient for xs[1] at element 0 is ", 0 },
    };
    bg_node *other = numbers(2, 2), *x = parameter(BG_SHAPE(4), (double[]){ 0, 1.5, -2, 1 });
    bg_node *xs[] = { other, x }, *ys[] = { bg_tanh(other), bg_apply(rows[_i].op, &x, 1, NULL, 0) };
    FAILS(bg_gradcheck(ys, 2, xs, 2, &rows[_i].options, &report), BG_ERR_GRADIENT, rows[_i].message);
    ck_assert_uint_eq(report.x, 1);
    if (rows[_i].element != -2)
        ck_assert_int_eq(report.element, rows[_i].element);
    OK(bg_graph_status(graph));
    bg_gradcheck_options first = { .only_gradient = true };
    if (rows[_i].op == &square_op)
        OK(bg_gradcheck(ys, 2, xs, 2, &first, NULL));
}
END_TEST

/* A gradient that is twice what it should be at the last element only: 0 times 2 at the kinks. */
static bg_node *identity_of(bg_node *node) { return bg_mul_scalar(bg_node_input(node, 0), 1); }
/* 1 at the last element of a vector like x, 0 elsewhere. */
static bg_node *last_of(bg_node *x)
{
    double n = (double)bg_shape_count(bg_node_shape(x));
    return bg_cast(bg_equal(bg_arange(graph, BG_F64, 0, n, 1), bg_scalar(graph, BG_F64, n - 1)), BG_F64);
}
static bg_node *last_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul(dy, bg_add_scalar(last_of(bg_node_input(node, input)), 1));
}
static const bg_op last_op = {
    .name = "last", .arity = 1, .infer = same_infer, .compose = identity_of, .gradient = last_gradient
};
static bg_node *nan_at_last_gradient(bg_node *node, int input, bg_node *dy)
{
    return bg_mul(dy, bg_sqrt(bg_sub_from(1, bg_mul_scalar(last_of(bg_node_input(node, input)), 2))));
}
static const bg_op nan_at_last_op = {
    .name = "nan at last", .arity = 1, .infer = same_infer, .compose = identity_of, .gradient = nan_at_last_gradient
};

/* Directions lead through what cannot be judged, here the first elements, and no single element that is tried is the
 * one that is wrong. */
START_TEST(test_wrong_beside_kinks)
{
    static const struct {
        const bg_op *op;
        bg_node *(*build)(bg_node *x);
        int shift; /* of the first elements, to the last place behind the kink */
        bool is_fast;
    } rows[] = {
        { &last_op, bg_relu, 0, false }, { &last_op, bg_relu, 0, true }, { &nan_at_last_op, bg_relu, 0, false },
        { &last_op, bg_sqrt, 0, false }, { &last_op, bg_sqrt, 0, true }, { &last_op, bg_relu, 1, true },
        { NULL, bg_relu, 0, false },     { NULL, bg_sqrt, 0, true },
    };
    double values[200];
    for (int i = 0; i < 200; i++)
        values[i] = i < 3 ? 1e-6 * rows[_i].shift : 1 + 0.01 * i;
    bg_node *x = parameter(BG_SHAPE(200), values), *y = rows[_i].build(x);
    if (rows[_i].op)
        y = bg_apply(rows[_i].op, &y, 1, NULL, 0);
    bg_gradcheck_options options = { .is_fast = rows[_i].is_fast, .only_gradient = true, .elements = 20, .seed = 2 };
    bg_status status = bg_gradcheck(&y, 1, &x, 1, &options, &report);
    if (!rows[_i].op) {
        ck_assert_msg(status == BG_OK, "%s", bg_last_error());
        return;
    }
    ck_assert_int_eq(status, BG_ERR_GRADIENT);
    ck_assert_msg(strstr(bg_last_error(), "for xs[0] at element 199"), "%s", bg_last_error());
    ck_assert_uint_eq(report.x, 0);
    ck_assert_int_eq(report.element, 199);
}
END_TEST

/* Kinks of several elements that cancel out along a direction: there the function seems to be smooth, with a slope that
 * no gradient has. */
START_TEST(test_kinks_that_cancel)
{
    bg_node *x = parameter(BG_SHAPE(100), (double[100]){ 0 });
    bg_node *a = bg_slice(x, 0, 0, 50, 1), *b = bg_slice(x, 0, 50, 100, 1);
    bg_node *y = bg_sub(bg_relu(a), bg_relu(b)), *z = bg_sub(bg_square(bg_relu(a)), bg_square(bg_relu(b)));
    OK(bg_gradcheck(&y, 1, &x, 1, NULL, &report));
    ck_assert(report.kinks > 32);
    OK(bg_gradcheck(&y, 1, &x, 1, &(bg_gradcheck_options){ .is_fast = true }, &report));
    /* No kinks of the function, but of its slope; differences that lead through them are not as exact. */
    OK(bg_gradcheck(&z, 1, &x, 1, NULL, &report));
}
END_TEST

/* ---- Refused ---- */

START_TEST(test_refused)
{
    const double point[] = { 1, 2 };
    bg_node *x = parameter(BG_SHAPE(2), point), *y = bg_square(x), *none = NULL;
    bg_tensor *narrow = tensor_of(engine, BG_F32, BG_SHAPE(2), point);
    bg_node *z = bg_parameter(graph, narrow), *cast = bg_cast(y, BG_F32), *infinite = bg_log(bg_sub(x, x));
    FAILS(bg_gradcheck(&y, 1, &z, 1, NULL, NULL), BG_ERR_DTYPE, "gradcheck: xs[0] is f32; differences need f64");
    FAILS(bg_gradcheck(&cast, 1, &x, 1, NULL, NULL), BG_ERR_DTYPE, "gradcheck: ys[0] is f32; differences need f64");
    FAILS(bg_gradcheck(&y, 1, &y, 1, NULL, NULL), BG_ERR_ARGUMENT,
          "gradcheck: xs[0] is square [2], neither a parameter nor a buffer nor a bound input");
    FAILS(bg_gradcheck(&y, 1, (bg_node *[]){ x, x }, 2, NULL, NULL), BG_ERR_ARGUMENT,
          "gradcheck: xs[1] has the same value as xs[0]");
    FAILS(bg_gradcheck(&infinite, 1, &x, 1, NULL, NULL), BG_ERR_NUMERIC, "gradcheck: ys[0] is -inf at element 0");
    bg_gradcheck_options options = { .directions = -1 };
    FAILS(bg_gradcheck(&y, 1, &x, 1, &options, NULL), BG_ERR_ARGUMENT, "-1 directions");
    options = (bg_gradcheck_options){ .step = (double)NAN };
    FAILS(bg_gradcheck(&y, 1, &x, 1, &options, NULL), BG_ERR_ARGUMENT, "step nan");
    options = (bg_gradcheck_options){ .n_inputs = 1 };
    FAILS(bg_gradcheck(&y, 1, &x, 1, &options, NULL), BG_ERR_ARGUMENT, "1 inputs without their nodes or values");
    options = (bg_gradcheck_options){ .inputs = &x, .values = &(bg_tensor *){ NULL }, .n_inputs = 1 };
    FAILS(bg_gradcheck(&y, 1, &x, 1, &options, NULL), BG_ERR_ARGUMENT, "input 0 has no value");
    OK(bg_gradcheck(NULL, 0, NULL, 0, NULL, &report));
    OK(bg_gradcheck(&y, 1, NULL, 0, NULL, &report));
    ck_assert_int_eq(report.derivatives, 0);
    FAILS(bg_gradcheck(&none, 1, &x, 1, NULL, NULL), BG_ERR_ARGUMENT, "gradcheck: a node is NULL");
    bg_tensor_destroy(narrow);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradcheck");
    TCase *cases = tcase_create("gradcheck");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, test_network);
    tcase_add_test(cases, test_inputs);
    tcase_add_test(cases, test_random_ops);
    tcase_add_test(cases, test_bent);
    tcase_add_loop_test(cases, test_kinks, 0, 8);
    tcase_add_loop_test(cases, test_wrong, 0, 9);
    tcase_add_loop_test(cases, test_wrong_beside_kinks, 0, 8);
    tcase_add_test(cases, test_kinks_that_cancel);
    tcase_add_test(cases, test_refused);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
