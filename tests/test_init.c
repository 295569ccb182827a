/* First values: bounds and moments, fans, orthogonality, places of ones; and that they follow from seed and name. */
#include "support/expect.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bg_engine *engine;
static bg_model *model;
static bg_graph *graph;

static void start(bg_dtype dtype)
{
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1, .seed = 11 }), "engine");
    expect_ok(bg_model_create(&model, engine, dtype), "model");
    expect_ok(bg_graph_create(&graph, engine), "graph");
}
static void setup(void) { start(BG_F64); }
static void teardown(void)
{
    bg_graph_destroy(graph);
    bg_model_destroy(model);
    bg_engine_destroy(engine);
}

static const bg_tensor *made(const char *name, bg_shape shape, bg_init init)
{
    bg_model_parameter(model, graph, name, shape, init);
    expect_ok(bg_graph_status(graph), name);
    return bg_model_find(model, name);
}

static double value_at(const bg_tensor *tensor, int64_t i)
{
    double value = NAN;
    expect_ok(bg_tensor_item(tensor, i, &value), "an element");
    return value;
}

/* ---- Distributions ---- */

typedef struct {
    double least, most, mean, deviation, fourth; /* fourth: E(x - mean)^4 / deviation^4 */
} moments;

static moments moments_of(const bg_tensor *tensor)
{
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    moments m = { .least = INFINITY, .most = -INFINITY };
    for (int64_t i = 0; i < n; i++) {
        double x = value_at(tensor, i);
        m.least = fmin(m.least, x);
        m.most = fmax(m.most, x);
        m.mean += x / (double)n;
    }
    double second = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = value_at(tensor, i) - m.mean;
        second += d * d / (double)n;
        m.fourth += d * d * d * d / (double)n;
    }
    m.deviation = sqrt(second);
    m.fourth /= second * second;
    return m;
}

#define UNIFORM_FOURTH 1.8
#define NORMAL_FOURTH  3.0

/* fan_in of [80, 50, 2, 3] is 300, fan_out 480. Deviations of uniform kinds are their bound by √3. */
static const struct {
    const char *name;
    bg_init init;
    double mean, deviation, fourth;
    double least, most; /* bounds; 0: none */
} distributions[] = {
    { "uniform_bound", { .kind = BG_INIT_UNIFORM, .bound = 0.3 }, 0, 0.3 / 1.7320508, UNIFORM_FOURTH, -0.3, 0.3 },
    { "uniform", { .kind = BG_INIT_UNIFORM, .low = 2, .high = 5 }, 3.5, 1.5 / 1.7320508, UNIFORM_FOURTH, 2, 5 },
    { "normal", { .kind = BG_INIT_NORMAL }, 0, 1, NORMAL_FOURTH, 0, 0 },
    { "normal_moved", { .kind = BG_INIT_NORMAL, .mean = 3, .deviation = 0.02 }, 3, 0.02, NORMAL_FOURTH, 0, 0 },
    { "xavier_uniform", { .kind = BG_INIT_XAVIER_UNIFORM }, 0, 0.05063697, UNIFORM_FOURTH, -0.08770580, 0.08770580 },
    { "xavier_normal", { .kind = BG_INIT_XAVIER_NORMAL, .gain = 2 }, 0, 0.10127394, NORMAL_FOURTH, 0, 0 },
    { "kaiming_uniform", { .kind = BG_INIT_KAIMING_UNIFORM }, 0, 0.08164966, UNIFORM_FOURTH, -0.14142136, 0.14142136 },
    { "kaiming_out",
      { .kind = BG_INIT_KAIMING_UNIFORM, .is_fan_out = true },
      0,
      0.06454972,
      UNIFORM_FOURTH,
      -0.11180340,
      0.11180340 },
    { "kaiming_normal", { .kind = BG_INIT_KAIMING_NORMAL, .gain = 5.0 / 3 }, 0, 0.09622504, NORMAL_FOURTH, 0, 0 },
    { "lecun_uniform", { .kind = BG_INIT_LECUN_UNIFORM }, 0, 0.05773503, UNIFORM_FOURTH, -0.1, 0.1 },
    { "lecun_normal", { .kind = BG_INIT_LECUN_NORMAL }, 0, 0.05773503, NORMAL_FOURTH, 0, 0 },
    /* Between -2 and 2 the variance is 1 - 4 φ(2) / (Φ(2) - Φ(-2)), and the fourth moment follows by parts. */
    { "truncated", { .kind = BG_INIT_TRUNCATED_NORMAL }, 0, 0.87962566, 2.365537, -2, 2 },
    /* Above 1.5: the mean is φ(1.5) / (1 - Φ(1.5)), and so on. */
    { "truncated_tail",
      { .kind = BG_INIT_TRUNCATED_NORMAL, .low = 2, .high = 100, .mean = 0.5 },
      2.438677,
      0.386713,
      0,
      2,
      100 },
    { "truncated_below",
      { .kind = BG_INIT_TRUNCATED_NORMAL, .low = -100, .high = -1, .mean = 0.5 },
      -1.438677,
      0.386713,
      0,
      -100,
      -1 },
    { "truncated_far", { .kind = BG_INIT_TRUNCATED_NORMAL, .low = 30, .high = 31 }, 30.033260, 0.033223, 0, 30, 31 },
    { "truncated_narrow",
      { .kind = BG_INIT_TRUNCATED_NORMAL, .low = 0.5, .high = 0.501, .deviation = 100 },
      0.5005,
      0.001 / 3.4641016,
      UNIFORM_FOURTH,
      0.5,
      0.501 },
};

START_TEST(test_distributions)
{
    const char *name = distributions[_i].name;
    const bg_tensor *tensor = made(name, BG_SHAPE(80, 50, 2, 3), distributions[_i].init);
    moments m = moments_of(tensor);
    double n = 24000, deviation = distributions[_i].deviation;
    ck_assert_msg(fabs(m.mean - distributions[_i].mean) <= 5 * deviation / sqrt(n), "%s: mean %g", name, m.mean);
    ck_assert_msg(fabs(m.deviation / deviation - 1) <= 0.03, "%s: deviation %g, not %g", name, m.deviation, deviation);
    if (distributions[_i].fourth > 0)
        ck_assert_msg(fabs(m.fourth / distributions[_i].fourth - 1) <= 0.06, "%s: fourth moment %g", name, m.fourth);
    if (distributions[_i].least < distributions[_i].most) {
        double slack = 1e-7 * fabs(distributions[_i].most); /* of the digits above */
        ck_assert_msg(m.least >= distributions[_i].least - slack && m.most <= distributions[_i].most + slack,
                      "%s: %.9g .. %.9g", name, m.least, m.most);
    }
    if (distributions[_i].fourth == UNIFORM_FOURTH)
        ck_assert_msg((m.most - m.least) / (distributions[_i].most - distributions[_i].least) > 0.999,
                      "%s: %g .. %g does not fill its bounds", name, m.least, m.most);
}
END_TEST

/* The empirical distribution against the normal one: Kolmogorov's distance is below 1.95 / √n with probability 0.999.
 */
static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
START_TEST(test_normal_distribution)
{
    enum { N = 20000 };
    static double values[N];
    bool is_truncated = _i == 1;
    const bg_tensor *tensor =
        made("p", BG_SHAPE(N), (bg_init){ .kind = is_truncated ? BG_INIT_TRUNCATED_NORMAL : BG_INIT_NORMAL });
    for (int i = 0; i < N; i++)
        values[i] = value_at(tensor, i);
    qsort(values, N, sizeof *values, by_size);
    double worst = 0, beyond = is_truncated ? erfc(2 / sqrt(2)) / 2 : 0;
    for (int i = 0; i < N; i++) {
        double below = (erfc(-values[i] / sqrt(2)) / 2 - beyond) / (1 - 2 * beyond);
        worst = fmax(worst, fmax(fabs(below - (double)i / N), fabs(below - (double)(i + 1) / N)));
    }
    ck_assert_msg(worst < 1.95 / sqrt(N), "distance %g", worst);
}
END_TEST

/* ---- Orthogonality ---- */

static const bg_shape matrices[] = { { 2, { 40, 25 } }, { 2, { 25, 40 } }, { 2, { 30, 30 } },     { 2, { 1, 7 } },
                                     { 2, { 7, 1 } },   { 2, { 1, 1 } },   { 4, { 8, 3, 2, 2 } }, { 3, { 40, 2, 3 } } };

START_TEST(test_orthogonal)
{
    bg_dtype dtype = _i % 2 ? BG_F32 : BG_F64;
    bg_shape shape = matrices[_i / 2];
    double gain = 1.5, tolerance = dtype == BG_F64 ? 1e-12 : 1e-6;
    teardown();
    start(dtype);
    const bg_tensor *q = made("q", shape, (bg_init){ .kind = BG_INIT_ORTHOGONAL, .gain = gain });
    int64_t rows = shape.dims[0], columns = bg_shape_count(shape) / rows;
    /* The products of the shorter side's vectors are gain² on the diagonal, 0 elsewhere. */
    bool by_rows = rows <= columns;
    int64_t n = by_rows ? rows : columns, m = by_rows ? columns : rows;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < n; b++) {
            double product = 0;
            for (int64_t k = 0; k < m; k++)
                product += value_at(q, by_rows ? a * columns + k : k * columns + a) *
                           value_at(q, by_rows ? b * columns + k : k * columns + b);
            double expected = a == b ? gain * gain : 0;
            ck_assert_msg(fabs(product - expected) <= tolerance, "%lld, %lld: %.17g", (long long)a, (long long)b,
                          product);
        }
}
END_TEST

/* With the signs of R's diagonal all directions are equally likely: without them, Householder's reflections leave the
 * first element of every matrix negative. */
START_TEST(test_orthogonal_is_uniform)
{
    enum { MANY = 400 };
    double positive = 0, trace = 0;
    for (int i = 0; i < MANY; i++) {
        char name[20];
        snprintf(name, sizeof name, "q%d", i);
        const bg_tensor *q = made(name, BG_SHAPE(3, 3), (bg_init){ .kind = BG_INIT_ORTHOGONAL });
        positive += value_at(q, 0) > 0;
        trace += value_at(q, 0) + value_at(q, 4) + value_at(q, 8);
    }
    ck_assert_msg(fabs(positive / MANY - 0.5) < 5 * 0.5 / sqrt(MANY), "%g of %d positive", positive, MANY);
    ck_assert_msg(fabs(trace / MANY) < 5 / sqrt(MANY), "mean trace %g", trace / MANY);
}
END_TEST

/* ---- Constants and ones in their places ---- */

START_TEST(test_constants)
{
    const bg_tensor *c = made("c", BG_SHAPE(2, 3), (bg_init){ .kind = BG_INIT_CONSTANT, .value = -2.5 });
    const bg_tensor *z = made("z", BG_SHAPE(4), (bg_init){ .kind = BG_INIT_DEFAULT });
    const bg_tensor *e = made("e", BG_SHAPE(3, 5), (bg_init){ .kind = BG_INIT_IDENTITY });
    for (int i = 0; i < 6; i++)
        ck_assert(value_at(c, i) == -2.5);
    for (int i = 0; i < 4; i++)
        ck_assert(value_at(z, i) == 0);
    for (int i = 0; i < 15; i++)
        ck_assert(value_at(e, i) == (i / 5 == i % 5));
    bg_node *count =
        bg_model_buffer(model, graph, "n", BG_I64, BG_SCALAR, (bg_init){ .kind = BG_INIT_CONSTANT, .value = 3 });
    ck_assert(count && value_at(bg_model_find(model, "n"), 0) == 3);
}
END_TEST

/* A dirac convolution hands on its channels: those of each group, as many as there are. */
static const struct {
    bg_shape weight;
    int64_t groups;
    bg_shape x;
} diracs[] = {
    { { 3, { 4, 3, 5 } }, 1, { 3, { 2, 3, 7 } } },       { { 4, { 2, 3, 3, 1 } }, 1, { 4, { 1, 3, 4, 5 } } },
    { { 4, { 6, 2, 3, 3 } }, 2, { 4, { 1, 4, 3, 4 } } }, { { 5, { 2, 1, 1, 3, 3 } }, 2, { 5, { 1, 2, 2, 3, 3 } } },
    { { 3, { 4, 1, 3 } }, 4, { 3, { 2, 4, 6 } } },
};

START_TEST(test_dirac)
{
    bg_shape shape = diracs[_i].x;
    int64_t groups = diracs[_i].groups, out = diracs[_i].weight.dims[0], of_group = out / groups;
    int64_t channels = diracs[_i].weight.dims[1];
    bg_node *w =
        bg_model_parameter(model, graph, "w", diracs[_i].weight, (bg_init){ .kind = BG_INIT_DIRAC, .groups = groups });
    bg_tensor *values = NULL;
    expect_ok(bg_tensor_create(&values, engine, BG_F64, shape), "x");
    double *x = bg_tensor_data(values);
    for (int64_t i = 0; i < bg_shape_count(shape); i++)
        x[i] = sin((double)i);
    bg_node *y = bg_conv(bg_constant(graph, values), w, NULL, &(bg_conv_options){ .groups = groups, .is_same = true });
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, &y, 1, NULL), "dirac");
    expect_ok(bg_program_run(program), "dirac");
    int64_t plane = bg_shape_count(shape) / shape.dims[0] / shape.dims[1];
    for (int64_t n = 0; n < shape.dims[0]; n++)
        for (int64_t c = 0; c < out; c++)
            for (int64_t i = 0; i < plane; i++) {
                int64_t within = c % of_group, from = c / of_group * channels + within;
                double expected = within < channels ? x[(n * shape.dims[1] + from) * plane + i] : 0;
                double got = value_at(bg_program_output(program, 0), (n * out + c) * plane + i);
                ck_assert_msg(got == expected, "sample %lld, channel %lld: %g, not %g", (long long)n, (long long)c, got,
                              expected);
            }
    bg_program_destroy(program);
    bg_tensor_destroy(values);
}
END_TEST

/* ---- Gains, seeds, sizes, errors ---- */

START_TEST(test_gains)
{
    ck_assert(bg_init_gain("linear", 0) == 1 && bg_init_gain("sigmoid", 0) == 1 && bg_init_gain("selu", 0) == 0.75);
    ck_assert(bg_init_gain("tanh", 0) == 5.0 / 3 && fabs(bg_init_gain("relu", 0) - sqrt(2)) < 1e-15);
    ck_assert(fabs(bg_init_gain("leaky_relu", 0.01) - sqrt(2 / 1.0001)) < 1e-15);
    ck_assert(fabs(bg_init_gain("leaky_relu", sqrt(5)) - sqrt(1.0 / 3)) < 1e-15);
    ck_assert(isnan(bg_init_gain("rleu", 0)) && strstr(bg_last_error(), "\"rleu\""));
    ck_assert(isnan(bg_init_gain(NULL, 0)));
}
END_TEST

static const bg_init_kind all_kinds[] = { BG_INIT_UNIFORM,        BG_INIT_NORMAL,        BG_INIT_TRUNCATED_NORMAL,
                                          BG_INIT_XAVIER_UNIFORM, BG_INIT_XAVIER_NORMAL, BG_INIT_KAIMING_UNIFORM,
                                          BG_INIT_KAIMING_NORMAL, BG_INIT_LECUN_UNIFORM, BG_INIT_LECUN_NORMAL,
                                          BG_INIT_ORTHOGONAL };

/* The same seed and name give the same values on an engine of several threads, and rounded in f32; another name or seed
 * gives others. Nothing is drawn for no elements. */
START_TEST(test_seed_and_name)
{
    bg_init init = { .kind = all_kinds[_i], .bound = all_kinds[_i] == BG_INIT_UNIFORM };
    double values[2][60];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 60; i++)
            values[k][i] = value_at(made(k ? "b" : "a", BG_SHAPE(6, 10), init), i);
    ck_assert_int_ne(memcmp(values[0], values[1], sizeof values[0]), 0);
    static const bg_shape empty[] = { { 2, { 0, 3 } }, { 2, { 3, 0 } }, { 3, { 2, 3, 0 } } };
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        ck_assert_ptr_nonnull(made(name, empty[i], init));
    }
    teardown();
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 3, .seed = 11 }), "engine");
    expect_ok(bg_model_create(&model, engine, BG_F32), "model");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    made("b", BG_SHAPE(6, 10), init);
    for (int i = 0; i < 60; i++)
        ck_assert(value_at(made("a", BG_SHAPE(6, 10), init), i) == (double)(float)values[0][i]);
    teardown();
    expect_ok(bg_engine_create(&engine, &(bg_engine_options){ .threads = 1, .seed = 12 }), "engine");
    expect_ok(bg_model_create(&model, engine, BG_F64), "model");
    expect_ok(bg_graph_create(&graph, engine), "graph");
    int same = 0;
    for (int i = 0; i < 60; i++)
        same += value_at(made("a", BG_SHAPE(6, 10), init), i) == values[0][i];
    ck_assert_int_lt(same, 3);
}
END_TEST

static const struct {
    bg_shape shape;
    bg_init init;
    bg_status status;
    const char *message;
} wrong[] = {
    { { 1, { 3 } },
      { .kind = BG_INIT_UNIFORM, .bound = -1 },
      BG_ERR_ARGUMENT,
      "model: \"p\" asks for uniform first values from 1 to -1" },
    { { 1, { 3 } },
      { .kind = BG_INIT_UNIFORM, .low = 2, .high = 1 },
      BG_ERR_ARGUMENT,
      "model: \"p\" asks for uniform first values from 2 to 1" },
    { { 1, { 3 } }, { .kind = BG_INIT_UNIFORM, .bound = INFINITY }, BG_ERR_ARGUMENT, "with the number inf" },
    { { 1, { 3 } }, { .kind = BG_INIT_NORMAL, .mean = NAN }, BG_ERR_ARGUMENT, "with the number nan" },
    { { 1, { 3 } },
      { .kind = BG_INIT_NORMAL, .deviation = -1 },
      BG_ERR_ARGUMENT,
      "model: \"p\" asks for normal first values with a deviation of -1" },
    { { 2, { 3, 3 } },
      { .kind = BG_INIT_ORTHOGONAL, .gain = -2 },
      BG_ERR_ARGUMENT,
      "model: \"p\" asks for orthogonal first values with a gain of -2" },
    { { 1, { 3 } },
      { .kind = BG_INIT_XAVIER_UNIFORM },
      BG_ERR_SHAPE,
      "model: \"p\" is [3], xavier uniform first values are for 2 or more axes" },
    { { 3, { 3, 3, 3 } },
      { .kind = BG_INIT_IDENTITY },
      BG_ERR_SHAPE,
      "model: \"p\" is [3, 3, 3], identity first values are for 2 axes" },
    { { 2, { 3, 3 } },
      { .kind = BG_INIT_DIRAC },
      BG_ERR_SHAPE,
      "model: \"p\" is [3, 3], dirac first values are for 3 to 5 axes" },
    { { 3, { 4, 3, 3 } },
      { .kind = BG_INIT_DIRAC, .groups = 3 },
      BG_ERR_ARGUMENT,
      "model: \"p\" [4, 3, 3] asks for dirac first values in 3 groups" },
    { { 1, { 3 } }, { .kind = (bg_init_kind)99 }, BG_ERR_ARGUMENT, "an unknown kind of first values, 99" },
};

START_TEST(test_errors)
{
    ck_assert_ptr_null(bg_model_parameter(model, graph, "p", wrong[_i].shape, wrong[_i].init));
    expect_failure(bg_graph_status(graph), wrong[_i].status, wrong[_i].message, "first values");
    ck_assert_uint_eq(bg_model_count(model), 0);
}
END_TEST

START_TEST(test_integers)
{
    ck_assert_ptr_null(bg_model_buffer(model, graph, "n", BG_I64, BG_SHAPE(2), (bg_init){ .kind = BG_INIT_NORMAL }));
    expect_failure(bg_graph_status(graph), BG_ERR_DTYPE, "model: \"n\" is i64, normal first values are for f32 and f64",
                   "integers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("init");
    TCase *cases = tcase_create("init");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_distributions, 0, (int)(sizeof distributions / sizeof distributions[0]));
    tcase_add_loop_test(cases, test_normal_distribution, 0, 2);
    tcase_add_loop_test(cases, test_orthogonal, 0, 2 * (int)(sizeof matrices / sizeof matrices[0]));
    tcase_add_test(cases, test_orthogonal_is_uniform);
    tcase_add_test(cases, test_constants);
    tcase_add_loop_test(cases, test_dirac, 0, (int)(sizeof diracs / sizeof diracs[0]));
    tcase_add_test(cases, test_gains);
    tcase_add_loop_test(cases, test_seed_and_name, 0, (int)(sizeof all_kinds / sizeof all_kinds[0]));
    tcase_add_loop_test(cases, test_errors, 0, (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(cases, test_integers);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
