/* What LU, systems, inverses, determinants and powers refuse: messages that name the op, the matrix and the pivot. */
#include "support/matrices.h"
#include "support/run_once.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void destroy(bg_tensor **tensors, int count)
{
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(tensors[i]);
}

/* ---- Errors ---- */

enum { SPOILT = 637, MATRICES = 1000 };
static int only_lu(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_lu(x[0]).upper, 1;
}
static int only_solve(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_solve(x[0], x[1]), 1;
}
static int only_lu_solve(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_lu_solve(bg_lu(x[0]), x[1]), 1;
}
static int only_spd(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_solve_spd(x[0], x[1], BG_LOWER), 1;
}
static int only_inv(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_inv(x[0]), 1;
}
static int only_det(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_det(x[0]), 1;
}
static int only_sign(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_slogdet(x[0]).sign, 1;
}
static int only_logabs(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_slogdet(x[0]).logabs, 1;
}
static int only_logdet(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_logdet(x[0]), 1;
}
static int only_power(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_matrix_power(x[0], 2), 1;
}
static int inverse_power(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_matrix_power(x[0], -2), 1;
}
static int lu_gradient(bg_node *const *x, const void *context, bg_node **y)
{
    (void)context;
    bg_grad(bg_sum(bg_lu(x[0]).upper, BG_ALL_AXES), x, 1, y);
    return 1;
}
static int logabs_gradient(bg_node *const *x, const void *context, bg_node **y)
{
    (void)context;
    bg_grad(bg_sum(bg_slogdet(x[0]).logabs, BG_ALL_AXES), x, 1, y);
    return 1;
}
static int det_second(bg_node *const *x, const void *context, bg_node **y)
{
    (void)context;
    bg_node *da = NULL;
    bg_grad(bg_sum(bg_det(x[0]), BG_ALL_AXES), x, 1, &da);
    bg_grad(bg_sum(bg_square(da), BG_ALL_AXES), x, 1, y);
    return 1;
}
/* The gradient alone, which reads the solution that is computed again. */
static int again(bg_node *const *x, const void *context, bg_node **y)
{
    (void)context;
    bg_node *squares = bg_checkpoint(bg_square(bg_solve(bg_square(x[0]), x[1])), x, 2);
    bg_grad(bg_sum(bg_mul(squares, bg_exp(x[1])), BG_ALL_AXES), x, 1, y);
    return 1;
}
static int with_factors(bg_node *const *x, const void *context, bg_node **y)
{
    return (void)context, y[0] = bg_cholesky_solve(x[0], x[1], BG_LOWER), 1;
}

/* What is put in place of one of a thousand matrices [3, 3]. */
static const struct {
    const char *name;
    double a[9], b[3]; /* of b where it is not a */
    run_build *build;
    const char *message; /* after the matrix; NULL: no failure */
} refusals[] = {
#define ONES                                                                                                           \
    {                                                                                                                  \
        1, 1, 1                                                                                                        \
    }
#define GOOD                                                                                                           \
    {                                                                                                                  \
        4, 1, 0, 1, 5, 1, 0, 1, 6                                                                                      \
    }
#define SINGULAR                                                                                                       \
    {                                                                                                                  \
        1, 2, 3, 2, 4, 7, 3, 6, 10                                                                                     \
    }
#define OF_RANK_2                                                                                                      \
    {                                                                                                                  \
        0, 1, 0, 0, 0, 1, 0, 0, 0                                                                                      \
    }
#define WITH(value)                                                                                                    \
    {                                                                                                                  \
        4, 1, 0, 1, 5, value, 0, 1, 6                                                                                  \
    }
    { "lu", WITH(NAN), ONES, only_lu, "lu: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "lu", WITH(INFINITY), ONES, only_lu, "lu: matrix [637] of [1000]: a is inf at [1, 2]" },
    { "lu", SINGULAR, ONES, only_lu, NULL },
    { "solve", WITH(NAN), ONES, only_solve, "solve: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "solve", WITH(-NAN), ONES, only_solve, "solve: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "solve", GOOD, { 1, -INFINITY, 1 }, only_solve, "solve: matrix [637] of [1000]: b is -inf at [1, 0]" },
    { "solve", SINGULAR, ONES, only_solve, "solve: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "solve", OF_RANK_2, ONES, only_solve, "solve: matrix [637] of [1000]: a is singular: pivot 1 of 3 is 0" },
    { "solve",
      { 1e-37, 0, 0, 0, 1, 0, 0, 0, 1 },
      { 100, 1, 1 },
      only_solve,
      "solve: matrix [637] of [1000]: the result is beyond the range of f32 at [0, 0]" },
    { "lu_solve", SINGULAR, ONES, only_lu_solve, "lu_solve: matrix [637] of [1000]: a is singular: pivot 2 of 3" },
    { "inv", SINGULAR, ONES, only_inv, "inv: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "inv",
      { 1e-39, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_inv,
      "inv: matrix [637] of [1000]: the result is beyond the range of f32 at [0, 0]" },
    { "solve_spd", SINGULAR, ONES, only_spd, "solve_spd: matrix [637] of [1000]: not positive definite: the leading" },
    { "solve_spd", GOOD, { NAN, 1, 1 }, only_spd, "solve_spd: matrix [637] of [1000]: b is nan at [0, 0]" },
    { "det", SINGULAR, ONES, only_det, NULL },
    { "det",
      { 1e38, 0, 0, 0, 1e38, 0, 0, 0, 1 },
      ONES,
      only_det,
      "det: matrix [637] of [1000]: the determinant is beyond the range of f32" },
    { "det", { 1e38, 0, 0, 0, 1e38, 0, 0, 0, 1e-38 }, ONES, only_det, NULL },
    { "det twice", SINGULAR, ONES, det_second,
      "det's gradient: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "sign", SINGULAR, ONES, only_sign, NULL },
    { "logabs", SINGULAR, ONES, only_logabs, NULL },
    { "logabs", SINGULAR, ONES, logabs_gradient,
      "slogdet's gradient: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
    { "logdet", SINGULAR, ONES, only_logdet, "logdet: matrix [637] of [1000]: the determinant is 0" },
    { "logdet",
      { -1, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_logdet,
      "logdet: matrix [637] of [1000]: the determinant is negative" },
    { "solve, again", WITH(NAN), ONES, again, "solve: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "cholesky_solve", OF_RANK_2, ONES, with_factors,
      "cholesky_solve: matrix [637] of [1000]: factor is singular: 0" },
    { "lu's gradient", SINGULAR, ONES, lu_gradient,
      "lu's gradient: matrix [637] of [1000]: the matrix is singular: 0 at [1, 1]" },
    { "power", WITH(1e30), ONES, only_power, NULL },
    { "power",
      { 1e30, 0, 0, 0, 1, 0, 0, 0, 1 },
      ONES,
      only_power,
      "matrix_power: matrix [637] of [1000]: the result is inf at [0, 0]" },
    { "power", WITH(NAN), ONES, only_power, "matrix_power: matrix [637] of [1000]: a is nan at [1, 2]" },
    { "power", SINGULAR, ONES, inverse_power,
      "matrix_power: matrix [637] of [1000]: a is singular: pivot 2 of 3 is 0" },
};
enum { REFUSALS = (int)(sizeof refusals / sizeof refusals[0]) };

START_TEST(errors)
{
    double *a = malloc(MATRICES * 9 * sizeof *a), *b = malloc(MATRICES * 3 * sizeof *b);
    ck_assert(a && b);
    static const double good[] = GOOD;
    for (int64_t i = 0; i < MATRICES; i++)
        for (int64_t k = 0; k < 9; k++) {
            a[i * 9 + k] = i == SPOILT ? refusals[_i].a[k] : good[k];
            b[i * 3 + k % 3] = i == SPOILT ? refusals[_i].b[k % 3] : 1;
        }
    for (int threads = 1; threads <= 4; threads += 3) {
        bg_engine *engine = NULL;
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        bg_tensor *in[] = { tensor_of(engine, BG_F32, BG_SHAPE(MATRICES, 3, 3), a),
                            tensor_of(engine, BG_F32, BG_SHAPE(MATRICES, 3, 1), b) };
        bg_tensor *out = NULL;
        bg_status status = run_once(engine, in, 2, refusals[_i].build, NULL, &out);
        if (refusals[_i].message)
            expect_failure(status, BG_ERR_NUMERIC, refusals[_i].message, refusals[_i].name);
        else
            expect_ok(status, refusals[_i].name);
        bg_tensor_destroy(out);
        destroy(in, 2);
        bg_engine_destroy(engine);
    }
    free(a), free(b);
}
END_TEST

/* An operand that serves several right sides goes by the function's name too. */
START_TEST(shared_operand)
{
    static const double a[] = { 1, 0, 0, 1, 1, 2, 2, 1 }, b[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    static const struct {
        bg_shape a, b;
    } shapes[] = { { { 4, { 2, 1, 2, 2 } }, { 4, { 2, 2, 2, 1 } } },
                   { { 3, { 2, 2, 2 } }, { 4, { 1, 2, 2, 2 } } },
                   { { 3, { 2, 2, 2 } }, { 3, { 2, 2, 2 } } } };
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        bg_tensor *in[] = { tensor_of(trial_engine(), BG_F64, shapes[k].a, a),
                            tensor_of(trial_engine(), BG_F64, shapes[k].b, b) };
        bg_tensor *out = NULL;
        FAILS(run_once(trial_engine(), in, 2, only_spd, NULL, &out), BG_ERR_NUMERIC, "solve_spd: matrix [1");
        destroy(in, 2);
    }
}
END_TEST

/* A batch of two axes, and none; three diagonals, which name the element. */
static int build_tridiagonal(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_solve_tridiagonal(x[0], x[1], x[2], x[3]);
    return 1;
}
START_TEST(places)
{
    double a[24] = { 0 }, lower[] = { 1 }, diagonal[] = { 0, 1 }, upper[] = { 0 }, b[] = { 1, 1 };
    for (int i = 0; i < 24; i++)
        a[i] = i / 4 == 4 ? 1 : (i % 4 == 0 || i % 4 == 3);
    bg_tensor *batch = tensor_of(trial_engine(), BG_F64, BG_SHAPE(3, 2, 2, 2), a), *out = NULL;
    FAILS(run_once(trial_engine(), &batch, 1, only_inv, NULL, &out), BG_ERR_NUMERIC,
          "inv: matrix [2, 0] of [3, 2]: a is singular: pivot 2 of 2 is 0");
    bg_tensor_destroy(batch);
    bg_tensor *one = tensor_of(trial_engine(), BG_F64, BG_SHAPE(2, 2), a + 16);
    FAILS(run_once(trial_engine(), &one, 1, only_inv, NULL, &out), BG_ERR_NUMERIC,
          "inv: a is singular: pivot 2 of 2 is 0");
    bg_tensor_destroy(one);
    for (int k = 0; k < 3; k++) {
        static const char *const messages[] = { "solve_tridiagonal: a is singular: pivot 2 of 2 is 0",
                                                "solve_tridiagonal: diagonal is nan at [1]",
                                                "solve_tridiagonal: upper is inf at [0]" };
        lower[0] = 1;
        diagonal[1] = k == 1 ? NAN : 1;
        upper[0] = k == 2 ? INFINITY : 0;
        bg_tensor *in[] = { tensor_of(trial_engine(), BG_F64, BG_SHAPE(1), lower),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(2), diagonal),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(1), upper),
                            tensor_of(trial_engine(), BG_F64, BG_SHAPE(2), b) };
        FAILS(run_once(trial_engine(), in, 4, build_tridiagonal, NULL, &out), BG_ERR_NUMERIC, messages[k]);
        destroy(in, 4);
    }
}
END_TEST

/* What several functions need of a matrix is computed once, whatever they are called in messages. */
START_TEST(once)
{
    bg_graph *graph = NULL;
    bg_program *program = NULL;
    static char text[1 << 14];
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *a = bg_input(graph, "a", BG_F64, BG_SHAPE(4, 3, 3)), *b = bg_input(graph, "b", BG_F64, BG_SHAPE(3));
    bg_node *outputs[] = { bg_solve(a, b),
                           bg_det(a),
                           bg_inv(a),
                           bg_slogdet(a).logabs,
                           bg_solve_spd(a, b, BG_LOWER),
                           bg_logdet_spd(a, BG_LOWER),
                           bg_symmetric_sqrt(a),
                           bg_symmetric_inverse_sqrt(a),
                           bg_cond(a),
                           bg_matrix_norm(a, BG_NUCLEAR) };
    OK(bg_compile(&program, graph, outputs, sizeof outputs / sizeof *outputs, NULL));
    ck_assert_uint_lt(bg_program_dump(program, text, sizeof text), sizeof text);
    static const char *const steps[] = { "call lu ", "call cholesky ", "call eigh_packed ", "call svd " };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *first = strstr(text, steps[i]);
        ck_assert_msg(first && !strstr(first + 1, steps[i]), "%s: %s", steps[i], text);
    }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
}
END_TEST

/* A number that is none of the two triangles. */
START_TEST(triangles)
{
    const bg_triangle none = (bg_triangle)2;
    static const char *const names[] = { "cholesky",   "solve_spd",        "cholesky_solve",
                                         "logdet_spd", "solve_triangular", "eigh" };
    for (int k = 0; k < 6; k++) {
        bg_graph *graph = NULL;
        char message[64];
        OK(bg_graph_create(&graph, trial_engine()));
        bg_node *a = bg_input(graph, "a", BG_F64, BG_SHAPE(3, 3)), *b = bg_input(graph, "b", BG_F64, BG_SHAPE(3));
        bg_node *made = k == 0   ? bg_cholesky(a, none)
                        : k == 1 ? bg_solve_spd(a, b, none)
                        : k == 2 ? bg_cholesky_solve(a, b, none)
                        : k == 3 ? bg_logdet_spd(a, none)
                        : k == 4 ? bg_solve_triangular(a, b, &(bg_triangular_options){ .triangle = none })
                                 : bg_eigh(a, &(bg_spectral_options){ .triangle = none }).values;
        snprintf(message, sizeof message, "%s: there is no triangle 2", names[k]);
        ck_assert_ptr_null(made);
        FAILS(bg_graph_status(graph), BG_ERR_ARGUMENT, message);
        bg_graph_destroy(graph);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_lu_errors");
    TCase *tests = tcase_create("linalg");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, errors, 0, REFUSALS);
    tcase_add_test(tests, places);
    tcase_add_test(tests, shared_operand);
    tcase_add_test(tests, once);
    tcase_add_test(tests, triangles);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
