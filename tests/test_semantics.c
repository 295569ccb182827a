/* Kinks, ties, infinities and other edges, each with the value and the gradient that the library defines. */
#include "support/trial.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INF          ((double)INFINITY)
#define NOT_A_NUMBER ((double)NAN)

enum { MOST = 6 };

/* One function of x, and of y where the row has one; the cotangent is 1 everywhere, or `dy`. */
typedef struct {
    const char *name;
    bg_node *(*build)(bg_node *x, bg_node *y);
    int n; /* elements of x and y */
    double x[MOST], y[MOST];
    bg_shape shape; /* of x and y; rank 0 with n > 1: [n] */
    int n_values;   /* of the result */
    double value[MOST];
    double dx[MOST];
    double dy[MOST]; /* of y; where has_dy */
    bool has_dy;
    double tolerance; /* relative; 0: exact */
    bool only_f64;
} edge;

#define FUNCTION(name, expression)                                                                                     \
    static bg_node *name(bg_node *x, bg_node *y)                                                                       \
    {                                                                                                                  \
        (void)y;                                                                                                       \
        return expression;                                                                                             \
    }
static bg_node *like(bg_node *x, double value) { return bg_scalar(bg_node_graph(x), bg_node_dtype(x), value); }
static bg_node *class_0(bg_node *x)
{
    bg_tensor *zero = NULL;
    must(bg_tensor_create(&zero, trial_engine(), BG_I32, BG_SCALAR), "a class");
    bg_node *node = bg_constant(bg_node_graph(x), zero);
    bg_tensor_destroy(zero);
    return node;
}

FUNCTION(f_abs, bg_abs(x))
FUNCTION(f_sign, bg_sign(x))
FUNCTION(f_relu, bg_relu(x))
FUNCTION(f_sqrt, bg_sqrt(x))
FUNCTION(f_log, bg_log(x))
FUNCTION(f_exp, bg_exp(x))
FUNCTION(f_div, bg_div(x, y))
FUNCTION(f_max, bg_max(x, BG_ALL_AXES))
FUNCTION(f_max_rows, bg_max(x, BG_AXES(1)))
FUNCTION(f_maximum, bg_maximum(x, y))
FUNCTION(f_minimum, bg_minimum(x, y))
FUNCTION(f_maximum_itself, bg_maximum(x, x))
FUNCTION(f_softmax, bg_softmax(x, 0))
FUNCTION(f_log_softmax, bg_log_softmax(x, 0))
FUNCTION(f_logsumexp, bg_logsumexp(x, BG_ALL_AXES))
FUNCTION(f_bce, bg_bce_with_logits_loss(x, y, BG_NONE))
FUNCTION(f_l1, bg_l1_loss(x, y, BG_NONE))
FUNCTION(f_l2_mean, bg_l2_loss(x, y, BG_MEAN))
FUNCTION(f_cross_entropy, bg_cross_entropy_loss(x, class_0(x), BG_NONE))
FUNCTION(f_safe_sqrt, bg_where(bg_greater(x, like(x, 0)), bg_sqrt(x), like(x, 0)))
FUNCTION(f_guarded_sqrt, bg_sqrt(bg_where(bg_greater(x, like(x, 0)), x, like(x, 1))))
FUNCTION(f_gelu, bg_gelu(x))
FUNCTION(f_gelu_tanh, bg_gelu_tanh(x))
FUNCTION(f_softplus, bg_softplus(x))
FUNCTION(f_sigmoid, bg_sigmoid(x))
FUNCTION(f_log_sigmoid, bg_neg(bg_softplus(bg_neg(x))))
FUNCTION(f_tanh, bg_tanh(x))
FUNCTION(f_expm1, bg_expm1(x))
FUNCTION(f_log1p, bg_log1p(x))
FUNCTION(f_erf, bg_erf(x))
FUNCTION(f_sum, bg_sum(x, BG_ALL_AXES))
FUNCTION(f_mean, bg_mean(x, BG_ALL_AXES))
FUNCTION(f_product, bg_matmul(x, bg_transpose(y, 0, 1)))
FUNCTION(f_times_0, bg_mul_scalar(x, 0))
FUNCTION(f_norm, bg_sqrt(bg_sum(bg_square(x), BG_ALL_AXES)))
FUNCTION(f_finite, bg_where(bg_is_finite(x), x, like(x, 0)))
FUNCTION(f_not_equal, bg_where(bg_not_equal(x, y), like(x, 1), like(x, 0)))
FUNCTION(f_less_equal, bg_where(bg_less_equal(x, y), like(x, 1), like(x, 0)))

#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define MATRIX(rows, columns)                                                                                          \
    {                                                                                                                  \
        2, { rows, columns }                                                                                           \
    }
#define VECTOR(n)                                                                                                      \
    {                                                                                                                  \
        1, { n }                                                                                                       \
    }

static const edge edges[] = {
    { "abs", f_abs, 4, .x = LIST(0, -0.0, -2, 3), .n_values = 4, .value = LIST(0, 0, 2, 3), .dx = LIST(0, 0, -1, 1) },
    { "sign", f_sign, 4, .x = LIST(0, -2, 3, NOT_A_NUMBER), .n_values = 4, .value = LIST(0, -1, 1, 0),
      .dx = LIST(0, 0, 0, 0) },
    { "relu", f_relu, 5, .x = LIST(0, -0.0, -1, 2, NOT_A_NUMBER), .n_values = 5,
      .value = LIST(0, 0, 0, 2, NOT_A_NUMBER), .dx = LIST(0, 0, 0, 1, 1) },
    { "sqrt", f_sqrt, 4, .x = LIST(0, 4, -1, INF), .n_values = 4, .value = LIST(0, 2, NOT_A_NUMBER, INF),
      .dx = LIST(INF, 0.25, NOT_A_NUMBER, 0) },
    { "log", f_log, 4, .x = LIST(0, 1, -1, INF), .n_values = 4, .value = LIST(-INF, 0, NOT_A_NUMBER, INF),
      .dx = LIST(INF, 1, -1, 0) },
    { "exp", f_exp, 4, .x = LIST(0, -INF, INF, -2000), .n_values = 4, .value = LIST(1, 0, INF, 0),
      .dx = LIST(1, 0, INF, 0) },
    { "div", f_div, 4, .x = LIST(1, -1, 0, 6), .y = LIST(0, 0, 0, 3), .n_values = 4,
      .value = LIST(INF, -INF, NOT_A_NUMBER, 2), .dx = LIST(INF, INF, INF, 1 / 3.0), .tolerance = 1e-7 },
    { "max: ties", f_max, 4, .x = LIST(1, 3, 3, 2), .n_values = 1, .value = LIST(3), .dx = LIST(0, 0.5, 0.5, 0) },
    { "max: all equal", f_max, 4, .x = LIST(5, 5, 5, 5), .n_values = 1, .value = LIST(5),
      .dx = LIST(0.25, 0.25, 0.25, 0.25) },
    { "max: NaN", f_max, 3, .x = LIST(1, NOT_A_NUMBER, 2), .n_values = 1, .value = LIST(NOT_A_NUMBER),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER) },
    { "max: -inf", f_max, 2, .x = LIST(-INF, -INF), .n_values = 1, .value = LIST(-INF), .dx = LIST(0.5, 0.5) },
    { "max: ties in rows", f_max_rows, 6, .x = LIST(1, 1, 0, 2, 3, 3), .shape = MATRIX(2, 3), .n_values = 2,
      .value = LIST(1, 3), .dx = LIST(0.5, 0.5, 0, 0, 0.5, 0.5) },
    { "maximum", f_maximum, 4, .x = LIST(1, 2, 0, NOT_A_NUMBER), .y = LIST(1, 1, 3, 0), .n_values = 4,
      .value = LIST(1, 2, 3, NOT_A_NUMBER), .dx = LIST(0.5, 1, 0, 1), .dy = LIST(0.5, 0, 1, 1), .has_dy = true },
    { "minimum", f_minimum, 4, .x = LIST(1, 2, 0, 0), .y = LIST(1, 1, 3, NOT_A_NUMBER), .n_values = 4,
      .value = LIST(1, 1, 0, NOT_A_NUMBER), .dx = LIST(0.5, 0, 1, 1), .dy = LIST(0.5, 1, 0, 1), .has_dy = true },
    { "maximum of x and x", f_maximum_itself, 2, .x = LIST(1, -2), .n_values = 2, .value = LIST(1, -2),
      .dx = LIST(1, 1) },
    { "softmax: all -inf", f_softmax, 2, .x = LIST(-INF, -INF), .n_values = 2,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER), .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "softmax: +inf", f_softmax, 2, .x = LIST(INF, 0), .n_values = 2, .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "softmax: some -inf", f_softmax, 3, .x = LIST(-INF, 0, 0), .n_values = 3, .value = LIST(0, 0.5, 0.5),
      .dx = LIST(0, 0, 0) },
    { "softmax: large", f_softmax, 2, .x = LIST(1e30, 1e30), .n_values = 2, .value = LIST(0.5, 0.5), .dx = LIST(0, 0) },
    { "log_softmax: large", f_log_softmax, 2, .x = LIST(1000, 0), .n_values = 2, .value = LIST(0, -1000),
      .dx = LIST(-1, 1) },
    { "logsumexp: all -inf", f_logsumexp, 2, .x = LIST(-INF, -INF), .n_values = 1, .value = LIST(-INF),
      .dx = LIST(0, 0) },
    { "logsumexp: +inf", f_logsumexp, 2, .x = LIST(INF, 0), .n_values = 1, .value = LIST(INF),
      .dx = LIST(NOT_A_NUMBER, 0) },
    { "logsumexp: large", f_logsumexp, 2, .x = LIST(1000, 1000), .n_values = 1, .value = LIST(1000.6931471805599),
      .dx = LIST(0.5, 0.5), .tolerance = 1e-7 },
    { "bce with logits", f_bce, 5, .x = LIST(100, -100, 0, 100, -0.0), .y = LIST(0, 0, 1, 1, 0), .n_values = 5,
      .value = LIST(100, 3.7200759760208361e-44, 0.69314718055994531, 3.7200759760208361e-44, 0.69314718055994531),
      .dx = LIST(1, 3.7200759760208361e-44, -0.5, 0, 0.5), .tolerance = 1e-7 },
    { "l1 loss", f_l1, 3, .x = LIST(2, 2, 1), .y = LIST(2, 1, 2), .n_values = 3, .value = LIST(0, 1, 1),
      .dx = LIST(0, 1, -1), .dy = LIST(0, -1, 1), .has_dy = true },
    { "l2 loss: mean over all elements", f_l2_mean, 4, .x = LIST(1, 2, 3, 4), .y = LIST(0, 0, 0, 0),
      .shape = MATRIX(2, 2), .n_values = 1, .value = LIST(7.5), .dx = LIST(0.5, 1, 1.5, 2) },
    { "cross-entropy: sure", f_cross_entropy, 3, .x = LIST(1000, 0, -1000), .n_values = 1, .value = LIST(0),
      .dx = LIST(0, 0, 0) },
    { "cross-entropy: wrong", f_cross_entropy, 2, .x = LIST(-1000, 1000), .n_values = 1, .value = LIST(2000),
      .dx = LIST(-1, 1) },
    { "cross-entropy: small", f_cross_entropy, 2, .x = LIST(15, 0), .n_values = 1,
      .value = LIST(3.0590227380725515e-07), .dx = LIST(-3.0590222692562472e-07, 3.0590222692562472e-07),
      .tolerance = 2e-7, .only_f64 = true },
    { "where lets NaN through", f_safe_sqrt, 3, .x = LIST(0, 4, -1), .n_values = 3, .value = LIST(0, 2, 0),
      .dx = LIST(NOT_A_NUMBER, 0.25, NOT_A_NUMBER) },
    { "where on the argument", f_guarded_sqrt, 3, .x = LIST(0, 4, -1), .n_values = 3, .value = LIST(1, 2, 1),
      .dx = LIST(0, 0.25, 0) },
    { "gelu", f_gelu, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84134474606854293, 0, -0.15865525393145707),
      .dx = LIST(1.0833154705876862, 0.5, -0.083315470587686169), .tolerance = 1e-6 },
    { "gelu_tanh", f_gelu_tanh, 3, .x = LIST(1, 0, -1), .n_values = 3,
      .value = LIST(0.84119199060827676, 0, -0.15880800939172324),
      .dx = LIST(1.0829640838457826, 0.5, -0.082964083845782553), .tolerance = 1e-6 },
    { "softplus", f_softplus, 4, .x = LIST(20.5, 0, 200, -200), .n_values = 4,
      .value = LIST(20.5, 0.69314718055994531, 200, 0), .dx = LIST(1, 0.5, 1, 0), .tolerance = 1e-7 },
    { "sigmoid", f_sigmoid, 4, .x = LIST(-200, 0, 200, -INF), .n_values = 4, .value = LIST(0, 0.5, 1, 0),
      .dx = LIST(0, 0.25, 0, 0), .tolerance = 1e-7 },
    { "log-sigmoid", f_log_sigmoid, 2, .x = LIST(-200, 200), .n_values = 2,
      .value = LIST(-200, -1.3838965267367376e-87), .dx = LIST(1, 1.3838965267367376e-87), .tolerance = 1e-7 },
    { "tanh", f_tanh, 4, .x = LIST(0, 50, -INF, 1e-9), .n_values = 4, .value = LIST(0, 1, -1, 1e-9),
      .dx = LIST(1, 0, 0, 1), .tolerance = 1e-7 },
    { "expm1", f_expm1, 3, .x = LIST(1e-9, -INF, 0), .n_values = 3, .value = LIST(1.0000000005e-9, -1, 0),
      .dx = LIST(1, 0, 1), .tolerance = 1e-7 },
    { "log1p", f_log1p, 3, .x = LIST(1e-9, -1, 0), .n_values = 3, .value = LIST(9.999999995e-10, -INF, 0),
      .dx = LIST(1, INF, 1), .tolerance = 1e-7 },
    { "erf", f_erf, 3, .x = LIST(0, INF, -30), .n_values = 3, .value = LIST(0, 1, -1),
      .dx = LIST(1.1283791670955126, 0, 0), .tolerance = 1e-6 },
    { "sum of nothing", f_sum, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(0) },
    { "mean of nothing", f_mean, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(NOT_A_NUMBER) },
    { "logsumexp of nothing", f_logsumexp, 0, .shape = VECTOR(0), .n_values = 1, .value = LIST(-INF) },
    { "product over nothing", f_product, 0, .shape = MATRIX(2, 0), .n_values = 4, .value = LIST(0, 0, 0, 0) },
    { "0 times NaN and infinity", f_times_0, 3, .x = LIST(NOT_A_NUMBER, INF, 2), .n_values = 3,
      .value = LIST(NOT_A_NUMBER, NOT_A_NUMBER, 0), .dx = LIST(0, 0, 0) },
    { "norm of 0 by hand", f_norm, 2, .x = LIST(0, 0), .n_values = 1, .value = LIST(0),
      .dx = LIST(NOT_A_NUMBER, NOT_A_NUMBER) },
    { "is_finite", f_finite, 4, .x = LIST(NOT_A_NUMBER, INF, -INF, 2), .n_values = 4, .value = LIST(0, 0, 0, 2),
      .dx = LIST(0, 0, 0, 1) },
    { "not_equal", f_not_equal, 3, .x = LIST(NOT_A_NUMBER, 1, 0), .y = LIST(NOT_A_NUMBER, 1, -0.0), .n_values = 3,
      .value = LIST(1, 0, 0), .dx = LIST(0, 0, 0) },
    { "less_equal", f_less_equal, 3, .x = LIST(NOT_A_NUMBER, 1, 0), .y = LIST(0, NOT_A_NUMBER, -0.0), .n_values = 3,
      .value = LIST(0, 0, 1), .dx = LIST(0, 0, 0) },
};

static void compare(const edge *e, bg_dtype dtype, const char *what, const bg_tensor *got, const double *expected,
                    int n)
{
    ck_assert_msg(bg_shape_count(bg_tensor_shape(got)) == n, "%s: %s has another size", e->name, what);
    for (int i = 0; i < n; i++) {
        double value = 0;
        must(bg_tensor_item(got, i, &value), e->name);
        /* What is subnormal in the type is flushed to 0. */
        double flushed = dtype == BG_F32 && fabs(expected[i]) < 1.2e-38 ? 0 : expected[i];
        double error = fabs(value - flushed) / fmax(fabs(flushed), 1e-30);
        bool is_same = isnan(flushed) ? isnan(value) : value == flushed || error <= e->tolerance;
        ck_assert_msg(is_same, "%s (%s): %s[%d] is %.17g, not %.17g", e->name, bg_dtype_name(dtype), what, i, value,
                      flushed);
    }
}

static void check_edge(const edge *e, bg_dtype dtype)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    bg_shape shape = e->shape;
    if (shape.rank == 0)
        shape = BG_SHAPE(e->n);
    bg_tensor *tensors[2] = { tensor_of(engine, dtype, shape, e->x), tensor_of(engine, dtype, shape, e->y) };
    must(bg_graph_create(&graph, engine), e->name);
    bg_node *xs[2] = { bg_parameter(graph, tensors[0]), bg_parameter(graph, tensors[1]) }, *outputs[3];
    outputs[0] = e->build(xs[0], xs[1]);
    bg_node *ones = bg_broadcast(bg_scalar(graph, dtype, 1), bg_node_shape(outputs[0]));
    must(bg_grad_from(outputs, &ones, 1, xs, 2, outputs + 1), e->name);
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 3, NULL), e->name);
    must(bg_program_run(program), e->name);
    compare(e, dtype, "the value", bg_program_output(program, 0), e->value, e->n_values);
    compare(e, dtype, "dx", bg_program_output(program, 1), e->dx, e->n);
    if (e->has_dy)
        compare(e, dtype, "dy", bg_program_output(program, 2), e->dy, e->n);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    for (int i = 0; i < 2; i++)
        bg_tensor_destroy(tensors[i]);
}

START_TEST(test_edges)
{
    check_edge(&edges[_i], BG_F64);
    if (!edges[_i].only_f64)
        check_edge(&edges[_i], BG_F32);
}
END_TEST

/* ---- Sums ---- */

/* The sum of f32 values, as a program computes it. */
static double sum_of(bg_shape shape, bg_axes axes, double first, double rest)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    bg_tensor *tensor = NULL;
    bg_program *program = NULL;
    must(bg_tensor_create(&tensor, engine, BG_F32, shape), "a long tensor");
    must(bg_tensor_fill(tensor, rest), "a long tensor");
    ((float *)bg_tensor_data(tensor))[0] = (float)first;
    must(bg_graph_create(&graph, engine), "a sum");
    bg_node *sum = bg_sum(bg_parameter(graph, tensor), axes);
    must(bg_compile(&program, graph, &sum, 1, NULL), "a sum");
    must(bg_program_run(program), "a sum");
    double value = 0;
    must(bg_tensor_item(bg_program_output(program, 0), 0, &value), "a sum");
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(tensor);
    return value;
}

START_TEST(test_long_sums)
{
    ck_assert_double_eq(sum_of(BG_SHAPE(33554432), BG_ALL_AXES, 1, 1), 33554432);
    ck_assert_double_eq(sum_of(BG_SHAPE(4194304, 8), BG_AXES(0), 1, 1), 4194304);
    ck_assert_double_eq(sum_of(BG_SHAPE(8, 4194304), BG_AXES(1), 1, 1), 4194304);
    double mixed = sum_of(BG_SHAPE(16777217), BG_ALL_AXES, 1, 1e-8), exact = 1 + 16777216 * (double)1e-8F;
    ck_assert_msg(fabs(mixed - exact) <= 4 * 0x1p-23 * exact, "1 and 2^24 times 1e-8 add up to %.9g, not %.9g", mixed,
                  exact);
}
END_TEST

/* Softmax does not depend on a shift that is exact; a variance by hand does not cancel. */
START_TEST(test_softmax_shift)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const double values[] = { 0.5, -1.25, 3, 0, 2.75 };
    bg_tensor *tensor = tensor_of(engine, BG_F64, BG_SHAPE(5), values);
    must(bg_graph_create(&graph, engine), "softmax");
    bg_node *x = bg_parameter(graph, tensor), *shifted = bg_add_scalar(x, 1024);
    bg_node *outputs[2] = { bg_softmax(x, 0), bg_softmax(shifted, 0) };
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 2, NULL), "softmax");
    must(bg_program_run(program), "softmax");
    ck_assert_mem_eq(bg_tensor_const_data(bg_program_output(program, 0)),
                     bg_tensor_const_data(bg_program_output(program, 1)), 5 * sizeof(double));
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(tensor);
}
END_TEST

/* ---- Integers and classes ---- */

START_TEST(test_integers)
{
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const int64_t left[] = { 9007199254740993, INT64_MIN, -1, 7 }, right[] = { 9007199254740992, INT64_MAX, -1, 8 };
    bg_tensor *x = NULL, *y = NULL;
    must(bg_tensor_create(&x, engine, BG_I64, BG_SHAPE(4)), "integers");
    must(bg_tensor_create(&y, engine, BG_I64, BG_SHAPE(4)), "integers");
    must(bg_tensor_copy_from(x, left, sizeof left), "integers");
    must(bg_tensor_copy_from(y, right, sizeof right), "integers");
    must(bg_graph_create(&graph, engine), "integers");
    bg_node *a = bg_buffer(graph, x), *b = bg_buffer(graph, y);
    bg_node *outputs[] = { bg_equal(a, b),   bg_not_equal(a, b),     bg_less(a, b),     bg_less_equal(a, b),
                           bg_greater(a, b), bg_greater_equal(a, b), bg_cast(a, BG_F32) };
    static const double expected[][4] = { { 0, 0, 1, 0 },
                                          { 1, 1, 0, 1 },
                                          { 0, 1, 0, 1 },
                                          { 0, 1, 1, 1 },
                                          { 1, 0, 0, 0 },
                                          { 1, 0, 1, 0 },
                                          { 0x1p53, -0x1p63, -1, 7 } };
    bg_program *program = NULL;
    must(bg_compile(&program, graph, outputs, 7, NULL), "integers");
    must(bg_program_run(program), "integers");
    for (int k = 0; k < 7; k++)
        for (int i = 0; i < 4; i++) {
            double value = -1;
            must(bg_tensor_item(bg_program_output(program, (size_t)k), i, &value), "integers");
            ck_assert_msg(value == expected[k][i], "output %d, element %d is %g, not %g", k, i, value, expected[k][i]);
        }
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_tensor_destroy(y);
}
END_TEST

/* A class out of range fails the run, names its place, and leaves the parameter as it was. */
START_TEST(test_class_out_of_range)
{
    static const bg_dtype dtypes[] = { BG_I32, BG_I64, BG_U8 };
    static const double wrong[] = { -1, 4, 200 };
    bg_engine *engine = trial_engine();
    bg_graph *graph = NULL;
    const double start[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    bg_tensor *x = tensor_of(engine, BG_F64, BG_SHAPE(2, 4), start);
    bg_tensor *classes = tensor_of(engine, dtypes[_i], BG_SHAPE(2), (double[]){ 3, wrong[_i] });
    must(bg_graph_create(&graph, engine), "classes");
    bg_node *p = bg_parameter(graph, x), *loss = bg_cross_entropy_loss(p, bg_buffer(graph, classes), BG_MEAN), *dp;
    must(bg_grad(loss, &p, 1, &dp), "classes");
    bg_update(p, bg_sub(p, dp));
    bg_program *program = NULL;
    must(bg_compile(&program, graph, &loss, 1, NULL), "classes");
    ck_assert_int_eq(bg_program_run(program), BG_ERR_INDEX);
    ck_assert_ptr_nonnull(strstr(bg_last_error(), "[1]"));
    ck_assert_mem_eq(bg_tensor_const_data(x), start, sizeof start);
    bg_program_destroy(program);
    bg_graph_destroy(graph);
    bg_tensor_destroy(x);
    bg_tensor_destroy(classes);
}
END_TEST

START_TEST(test_max_of_nothing)
{
    bg_graph *graph = NULL;
    bg_node *nothing;
    must(bg_graph_create(&graph, trial_engine()), "a graph");
    nothing = bg_input(graph, "x", BG_F32, BG_SHAPE(3, 0));
    ck_assert_ptr_null(bg_max(nothing, BG_AXES(1)));
    ck_assert_int_eq(bg_graph_status(graph), BG_ERR_SHAPE);
    bg_graph_destroy(graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("semantics");
    TCase *cases = tcase_create("edges");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, trial_set_up, trial_tear_down);
    tcase_add_loop_test(cases, test_edges, 0, (int)(sizeof edges / sizeof edges[0]));
    tcase_add_test(cases, test_long_sums);
    tcase_add_test(cases, test_softmax_shift);
    tcase_add_test(cases, test_integers);
    tcase_add_loop_test(cases, test_class_out_of_range, 0, 3);
    tcase_add_test(cases, test_max_of_nothing);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
