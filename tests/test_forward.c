/* Forward mode and Hessian-vector products. That they agree with differences for every op is test_gradients' matter. */
#include "support/one_graph.h"
#include "support/suite.h"

/* The numbers of one output after another. */
static void expect_values(bg_node *const *outputs, size_t n, const double *expected)
{
    bg_program *program = NULL;
    OK(bg_compile(&program, graph, outputs, n, NULL));
    OK(bg_program_run(program)); /* no input is left to be bound */
    for (size_t j = 0; j < n; j++)
        for (int64_t i = 0; i < bg_shape_count(bg_node_shape(outputs[j])); i++, expected++)
            expect_near("an element", value_at(bg_program_output(program, j), i), *expected, 1e-6);
    bg_program_destroy(program);
}

/* y = x₀ x₁, z = exp(x₀), and a third that depends on neither. */
START_TEST(test_jvp)
{
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_node *xs[] = { parameter_of(dtype, BG_SHAPE(2), (double[]){ 3, -1 }),
                      parameter_of(dtype, BG_SCALAR, (double[]){ 2 }) };
    bg_node *vs[] = { parameter_of(dtype, BG_SHAPE(2), (double[]){ 1, 10 }),
                      parameter_of(dtype, BG_SCALAR, (double[]){ 0.5 }) };
    bg_node *other = parameter_of(dtype, BG_SHAPE(3), (double[]){ 1, 2, 3 });
    bg_node *ys[] = { bg_mul(xs[0], xs[1]), bg_exp(xs[0]), bg_square(other) }, *dys[3];
    OK(bg_jvp(ys, 3, xs, vs, 2, dys));
    expect_values(dys, 3, (double[]){ 2 * 1 + 3 * 0.5, 2 * 10 - 0.5, exp(3), 10 * exp(-1), 0, 0, 0 });
    /* Of an intermediate value, of an x itself, along no x, and of nothing. */
    bg_node *square = bg_square(ys[0]);
    OK(bg_jvp(&square, 1, ys, vs, 1, dys));
    expect_values(dys, 1, (double[]){ 2 * 6 * 1, 2 * -2 * 10 });
    OK(bg_jvp(xs, 1, xs, vs, 1, dys));
    expect_values(dys, 1, (double[]){ 1, 10 });
    OK(bg_jvp(ys, 1, NULL, NULL, 0, dys));
    expect_values(dys, 1, (double[]){ 0, 0 });
    OK(bg_jvp(NULL, 0, xs, vs, 2, NULL));
}
END_TEST

/* A forward derivative is a node like others: the gradient of ⟨J v, 1⟩, v held, is the Hessian's product. */
START_TEST(test_gradient_of_jvp)
{
    bg_node *x = parameter_of(BG_F64, BG_SHAPE(2), (double[]){ 1, 2 }),
            *v = parameter_of(BG_F64, BG_SHAPE(2), (double[]){ 3, -1 });
    bg_node *y = bg_sum(bg_mul(bg_square(x), bg_flip(x, BG_AXES(0))), BG_ALL_AXES), *dy, *of[3];
    OK(bg_jvp(&y, 1, &x, &v, 1, &dy));
    OK(bg_grad(dy, &x, 1, &of[0]));
    OK(bg_hvp(y, &x, &v, 1, &of[1]));
    /* y = a² b + b² a: H = [2b, 2a + 2b; 2a + 2b, 2a] */
    const double product[] = { 4 * 3 - 6, 6 * 3 - 2 };
    expect_values(of, 2, (double[]){ product[0], product[1], product[0], product[1] });
}
END_TEST

START_TEST(test_hvp)
{
    bg_node *xs[] = { parameter_of(BG_F64, BG_SHAPE(2), (double[]){ 1, 2 }),
                      parameter_of(BG_F64, BG_SHAPE(1), (double[]){ 3 }) };
    bg_node *vs[] = { parameter_of(BG_F64, BG_SHAPE(2), (double[]){ 1, -1 }),
                      parameter_of(BG_F64, BG_SHAPE(1), (double[]){ 2 }) };
    bg_node *y = bg_sum(bg_mul(bg_square(xs[0]), xs[1]), BG_ALL_AXES), *products[2];
    OK(bg_hvp(y, xs, vs, 2, products));
    /* y = (a² + b²) c: H (v, u) = (2 c v + 2 x u, 2 x·v) */
    expect_values(products, 2, (double[]){ 6 * 1 + 2 * 1 * 2, 6 * -1 + 2 * 2 * 2, 2 * (1 - 2) });
    bg_node *linear = bg_sum(xs[0], BG_ALL_AXES);
    OK(bg_hvp(linear, xs, vs, 2, products));
    expect_values(products, 2, (double[]){ 0, 0, 0 });
    OK(bg_hvp(y, NULL, NULL, 0, NULL));
}
END_TEST

/* Each on a graph of its own, as the first error stays. */
START_TEST(test_refused)
{
    bg_node *x = parameter_of(BG_F64, BG_SHAPE(2), (double[]){ 1, 2 }), *y = bg_square(x), *wide = bg_concat(&x, 1, 0);
    bg_node *v = parameter_of(BG_F64, BG_SHAPE(3), (double[]){ 1, 2, 3 }), *narrow = bg_cast(x, BG_F32), *none = NULL;
    bg_node *index = bg_cast(x, BG_I64), *result = x;
    bg_status status = BG_OK;
    const char *part = "";
    switch (_i) {
    case 0:
        status = bg_jvp(&y, 1, &x, &v, 1, &result), part = "jvp: xs[0] is [2], its tangent [3]";
        ck_assert_int_eq(status, BG_ERR_SHAPE);
        break;
    case 1:
        status = bg_jvp(&y, 1, &x, &narrow, 1, &result), part = "jvp: xs[0] is f64, its tangent f32";
        ck_assert_int_eq(status, BG_ERR_DTYPE);
        break;
    case 2:
        status = bg_jvp(&index, 1, &x, &wide, 1, &result), part = "jvp: ys[0] is i64, not f32 or f64";
        ck_assert_int_eq(status, BG_ERR_DTYPE);
        break;
    case 3:
        status = bg_jvp(&none, 1, &x, &wide, 1, &result), part = "jvp: a node is NULL";
        ck_assert_int_eq(status, BG_ERR_ARGUMENT);
        break;
    case 4:
        status = bg_jvp(&y, 1, &x, &wide, 1, NULL), part = "jvp: no place for the results";
        ck_assert_int_eq(status, BG_ERR_ARGUMENT);
        result = NULL;
        break;
    case 5:
        status = bg_hvp(y, &x, &wide, 1, &result), part = "grad: y [2] has not one element";
        ck_assert_int_eq(status, BG_ERR_SHAPE);
        break;
    case 6:
        status = bg_hvp(bg_sum(y, BG_ALL_AXES), &x, &v, 1, &result), part = "hvp: xs[0] is [2], its vector [3]";
        ck_assert_int_eq(status, BG_ERR_SHAPE);
        break;
    case 7:
        status = bg_hvp(NULL, &x, &wide, 1, &result), part = "hvp: a node is NULL";
        ck_assert_int_eq(status, BG_ERR_ARGUMENT);
        break;
    }
    ck_assert_msg(strstr(bg_last_error(), part), "'%s' lacks '%s'", bg_last_error(), part);
    ck_assert_ptr_null(result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forward");
    TCase *cases = tcase_create("forward");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, test_jvp, 0, 2);
    tcase_add_test(cases, test_gradient_of_jvp);
    tcase_add_test(cases, test_hvp);
    tcase_add_loop_test(cases, test_refused, 0, 8);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
