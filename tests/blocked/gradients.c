/* Products of triangles, and gradients that are made of them, against differences. */
#include "blocked/problem.h"

enum { UPPER_RESULT = 1, TURNS_A = 2, TURNS_B = 4, UNIT_OF_A = 8, ALL_TRIANGLES = 16 };
static bg_node *build_triangle_product(bg_node **operands, int which)
{
    return bgi_triangle_product(operands[0], operands[1],
                                &(bgi_triangles){ .upper = which & UPPER_RESULT,
                                                  .turns_a = which & TURNS_A,
                                                  .turns_b = which & TURNS_B,
                                                  .has_unit_of_a = which & UNIT_OF_A });
}
/* Nobody reads what is outside the triangles. */
static void fill_triangles(bg_tensor **operands, int which)
{
    bg_shape shape = bg_tensor_shape(operands[0]);
    int64_t n = shape.dims[shape.rank - 1];
    for (int k = 0; k < 2; k++) {
        bool turns = which & (k ? TURNS_B : TURNS_A), upper = (k == 0) != turns;
        for (int64_t at = 0; at < bg_shape_count(shape); at++) {
            int64_t i = at / n % n, j = at % n;
            bool is_unit = k == 0 && which & UNIT_OF_A && i == j;
            put(operands[k], at, is_unit || (upper ? j < i : j > i) ? NAN : any());
        }
    }
}
static matrix triangle_of(const bg_tensor *t, int64_t index, int64_t n, bool upper, bool turns, bool is_unit)
{
    matrix stored = matrix_of(t, index, n, n), x = turned_if(turns, stored);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (upper ? j < i : j > i)
                x.data[i * n + j] = 0;
            else if (i == j && is_unit)
                x.data[i * n + j] = 1;
    free(stored.data);
    return x;
}
START_TEST(test_triangle_product)
{
    for (int t = 0; t < 2; t++) {
        int64_t n = 150 + 13 * (_i % 4);
        bg_tensor *operands[MOST_OPERANDS], *y = NULL;
        problem p = {
            build_triangle_product, _i, types[t], { BG_SHAPE(2, n, n), BG_SHAPE(2, n, n) }, 2, fill_triangles
        };
        solve_alike(&p, operands, &y, "triangle_product");
        for (int64_t m = 0; m < 2; m++) {
            bool upper = _i & UPPER_RESULT;
            matrix a = triangle_of(operands[0], m, n, true, _i & TURNS_A, _i & UNIT_OF_A);
            matrix b = triangle_of(operands[1], m, n, false, _i & TURNS_B, false);
            matrix x = product(a, b), got = matrix_of(y, m, n, n);
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++)
                    if (upper ? j < i : j > i)
                        x.data[i * n + j] = 0;
            expect_ratio(norm_between(got, &x), norm_between(a, NULL) * norm_between(b, NULL), types[t],
                         "triangle_product", n);
            free(a.data);
            free(b.data);
            free(x.data);
            free(got.data);
        }
        forget(&p, operands, y);
    }
}
END_TEST

/* The gradient of a sum with random factors in a random direction, and what the sum changes by. */
static const struct {
    const char *name;
    build_function *build;
    int which;
    bool is_symmetric;
} functions[] = {
    { "cholesky", build_cholesky, 0, true },
    { "upper cholesky", build_cholesky, 1, true },
    { "lower", build_lu, LOWER, false },
    { "upper", build_lu, UPPER, false },
    { "triangular system", build_solution, IS_UPPER | IS_RIGHT, false },
    { "transposed triangular system", build_solution, IS_TRANSPOSED, false },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };
START_TEST(test_gradients)
{
    enum { N = 260 };
    const bg_shape shape = BG_SHAPE(N, N);
    bg_engine *engine = NULL;
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    bg_tensor *operands[MOST_OPERANDS], *factors;
    bg_node *nodes[MOST_OPERANDS], *outputs[2];
    static double start[N * N], direction[N * N];
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 2 }), "engine");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    begin_anew(23);
    expect_ok(bg_tensor_create(&factors, engine, BG_F64, shape), "factors");
    for (int64_t i = 0; i < N * N; i++)
        put(factors, i, any());
    for (int k = 0; k < 2; k++) {
        expect_ok(bg_tensor_create(&operands[k], engine, BG_F64, shape), "operand");
        for (int64_t i = 0; i < N * N; i++)
            put(operands[k], i, any() / N + (i / N == i % N ? 2 : 0));
        nodes[k] = bg_parameter(graph, operands[k]);
    }
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j <= i; j++) {
            direction[i * N + j] = any();
            direction[j * N + i] = functions[_i].is_symmetric ? direction[i * N + j] : any();
            if (functions[_i].is_symmetric)
                put(operands[0], j * N + i, get(operands[0], i * N + j));
        }
    for (int64_t i = 0; i < N * N; i++)
        start[i] = get(operands[0], i);
    bg_node *y = functions[_i].build(nodes, functions[_i].which);
    outputs[0] = bg_sum(bg_mul(y, bg_constant(graph, factors)), BG_ALL_AXES);
    expect_ok(bg_grad(outputs[0], nodes, 1, &outputs[1]), functions[_i].name);
    expect_ok(bg_compile(&program, graph, outputs, 2, NULL), functions[_i].name);
    expect_ok(bg_program_run(program), functions[_i].name);
    double slope = 0, sums[2], step = 1e-5;
    for (int64_t i = 0; i < N * N; i++)
        slope += get(bg_program_output(program, 1), i) * direction[i];
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < N * N; i++)
            put(operands[0], i, start[i] + (k ? step : -step) * direction[i]);
        expect_ok(bg_program_run(program), functions[_i].name);
        sums[k] = get(bg_program_output(program, 0), 0);
    }
    double difference = (sums[1] - sums[0]) / (2 * step);
    ck_assert_msg(fabs(slope - difference) <= 1e-6 * (1 + fabs(slope)), "%s: the slope is %.12g, the difference %.12g",
                  functions[_i].name, slope, difference);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(factors);
    for (int k = 0; k < 2; k++)
        bg_tensor_destroy(operands[k]);
    bg_engine_destroy(engine);
}
END_TEST

TCase *gradient_case(void)
{
    TCase *tests = tcase_create("gradients");
    tcase_add_loop_test(tests, test_triangle_product, 0, ALL_TRIANGLES);
    tcase_add_loop_test(tests, test_gradients, 0, UNDER_ASAN(2, FUNCTIONS));
    return tests;
}
