/* Random nodes: the numbers, their distribution, and the steps and sites that they depend on. */
#include "support/expect.h"
#include "support/trial.h"

#include "base/hash.h"
#include "base/random.h"
#include "ops/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEED = 7 };

/* ---- Programs of one output ---- */

typedef struct {
    bg_engine *engine;
    bg_model *model;
    bg_graph *graph;
    bg_program *program;
} world;

static world open_world(int threads, uint64_t seed)
{
    world w = { 0 };
    expect_ok(bg_engine_create(&w.engine, &(bg_engine_options){ .threads = threads, .seed = seed }), "engine");
    expect_ok(bg_graph_create(&w.graph, w.engine), "graph");
    return w;
}

static void close_world(world *w)
{
    bg_program_destroy(w->program);
    bg_graph_destroy(w->graph);
    bg_model_destroy(w->model);
    bg_engine_destroy(w->engine);
}

static bg_program *compile(bg_graph *graph, bg_node *const *outputs, size_t n, bool no_updates)
{
    bg_program *program = NULL;
    expect_ok(bg_compile(&program, graph, outputs, n, &(bg_compile_options){ .no_updates = no_updates }), "compile");
    return program;
}

/* Runs the program once; the elements of an output as doubles, to be freed. */
static double *numbers_of(const bg_program *program, size_t output, int64_t *count)
{
    const bg_tensor *tensor = bg_program_output(program, output);
    int64_t n = bg_shape_count(bg_tensor_shape(tensor));
    double *numbers = malloc(((size_t)n + 1) * sizeof *numbers);
    ck_assert_ptr_nonnull(numbers);
    for (int64_t i = 0; i < n; i++)
        expect_ok(bg_tensor_item(tensor, i, &numbers[i]), "a number");
    if (count)
        *count = n;
    return numbers;
}
static double *run(bg_program *program, size_t output)
{
    expect_ok(bg_program_run(program), "run");
    return numbers_of(program, output, NULL);
}

static bool are_equal(const double *a, const double *b, int64_t n) { return memcmp(a, b, (size_t)n * sizeof *a) == 0; }

/* How many of n places agree. */
static int64_t agreements(const double *a, const double *b, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += a[i] == b[i];
    return count;
}

/* ---- Threads ---- */

enum { N_KINDS = 7 };
static bg_node *kind(bg_graph *graph, int i, bg_dtype dtype)
{
    const bg_shape shape = BG_SHAPE(37, 1001);
    bg_node *x = bg_broadcast(bg_scalar(graph, dtype, 0.5), shape);
    switch (i) {
    case 0:
        return bg_uniform(graph, dtype, shape, -1, 3);
    case 1:
        return bg_normal(graph, dtype, shape, 1, 2);
    case 2:
        return bg_randint(graph, dtype == BG_F32 ? BG_I32 : BG_I64, shape, -9, 1000);
    case 3:
        return bg_permutation(graph, 37037);
    case 4:
        return bg_bernoulli(x);
    case 5:
        return bg_dropout(x, 0.4);
    default:
        return bg_dropout_channels(bg_reshape(x, BG_SHAPE(37, 77, 13)), 0.4);
    }
}

START_TEST(test_threads)
{
    static const int threads[] = { 1, 2, 3, 4, 8 };
    bg_dtype dtype = _i < N_KINDS ? BG_F32 : BG_F64;
    double *first = NULL;
    for (int t = 0; t < 5; t++) {
        world w = open_world(threads[t], SEED);
        bg_node *y = kind(w.graph, _i % N_KINDS, dtype);
        w.program = compile(w.graph, &y, 1, false);
        expect_ok(bg_program_run(w.program), "the first step");
        double *numbers = run(w.program, 0);
        ck_assert_msg(!first || are_equal(first, numbers, 37037), "%d threads: other numbers", threads[t]);
        if (first)
            free(numbers);
        else
            first = numbers;
        close_world(&w);
    }
    free(first);
}
END_TEST

/* ---- The keying ---- */

/* Written down with the definition: Philox with a key of seed and site, and a counter of step and block. */
START_TEST(test_definition)
{
    world w = open_world(2, SEED);
    enum { N = 11, SITE = 1 };
    bg_node *skipped = bg_uniform(w.graph, BG_F64, BG_SHAPE(3), 0, 1); /* site 0 */
    bg_node *y = bg_uniform(w.graph, BG_F64, BG_SHAPE(N), 0, 1);       /* site 1 */
    ck_assert_ptr_nonnull(skipped);
    w.program = compile(w.graph, &y, 1, false);
    for (uint64_t step = 0; step < 3; step++) {
        double *numbers = run(w.program, 0);
        const uint64_t parts[2] = { SEED, SITE };
        uint64_t key = bgi_hash_bytes(parts, sizeof parts);
        for (int i = 0; i < N; i++)
            ck_assert_double_eq(numbers[i], bgi_random_uniform(key, step, (uint64_t)i));
        free(numbers);
    }
    close_world(&w);
}
END_TEST

/* Over several pieces, at an odd length, and of every kind: each number is a value of its own bits alone. */
START_TEST(test_definition_of_long_draws)
{
    world w = open_world(2, SEED);
    enum { N = 2311 };
    const double p = 0.3, two_pi = 6.28318530717958647693;
    bg_node *ones = bg_add_scalar(bg_uniform(w.graph, BG_F64, BG_SHAPE(N), 0, 0), 1); /* site 0 */
    bg_node *ys[] = {
        bg_uniform(w.graph, BG_F64, BG_SHAPE(N), -1, 3),                   /* site 1 */
        bg_normal(w.graph, BG_F64, BG_SHAPE(N), 2, 0.5),                   /* site 2 */
        bg_dropout(ones, p),                                               /* site 3 */
        bg_cast(bg_randint(w.graph, BG_I64, BG_SHAPE(N), -5, 12), BG_F64), /* site 4 */
    };
    w.program = compile(w.graph, ys, 4, false);
    ck_assert_int_eq(bg_program_run(w.program), BG_OK);
    const double *y[4];
    uint64_t keys[4];
    for (uint64_t k = 0; k < 4; k++) {
        const uint64_t parts[2] = { SEED, k + 1 };
        keys[k] = bgi_hash_bytes(parts, sizeof parts);
        y[k] = bg_tensor_const_data(bg_program_output(w.program, (size_t)k));
    }
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_double_eq(y[0][i], -1 + 4 * bgi_random_uniform(keys[0], 0, i));
        const double u = 1 - bgi_random_uniform(keys[1], 0, i & ~(uint64_t)1);
        const double angle = two_pi * bgi_random_uniform(keys[1], 0, i | 1);
        const double normal = sqrt(-2 * log(u)) * (i % 2 ? sin(angle) : cos(angle));
        ck_assert_double_le(fabs(y[1][i] - (2 + 0.5 * normal)), 4e-15);
        const uint32_t word = bgi_random_block(keys[2], 0, i / 4).word[i % 4];
        ck_assert_double_eq(y[2][i], word >= p * 0x1p32 ? 1 / (1 - p) : 0);
        const bgi_block block = bgi_random_block(keys[3], 0, i / 2);
        ck_assert_double_eq(y[3][i], -5 + floor(17 * (double)block.word[i % 2 * 2 + 1] * 0x1p-32));
    }
    close_world(&w);
}
END_TEST

START_TEST(test_sites_steps_and_seeds)
{
    enum { N = 4000 };
    world w = open_world(1, SEED), other = open_world(1, SEED + 1);
    bg_node *y[2] = { bg_uniform(w.graph, BG_F64, BG_SHAPE(N), 0, 1), bg_uniform(w.graph, BG_F64, BG_SHAPE(N), 0, 1) };
    bg_node *z = bg_uniform(other.graph, BG_F64, BG_SHAPE(N), 0, 1);
    w.program = compile(w.graph, y, 2, false);
    other.program = compile(other.graph, &z, 1, false);
    double *a = run(w.program, 0), *b = numbers_of(w.program, 1, NULL), *c = run(w.program, 0);
    double *d = run(other.program, 0);
    ck_assert_msg(agreements(a, b, N) == 0, "two sites draw the same");
    ck_assert_msg(agreements(a, c, N) == 0, "two steps draw the same");
    ck_assert_msg(agreements(a, d, N) == 0, "two seeds draw the same");
    free(a);
    free(b);
    free(c);
    free(d);
    close_world(&w);
    close_world(&other);
}
END_TEST

START_TEST(test_no_updates_repeats)
{
    enum { N = 1000 };
    world w = open_world(2, SEED);
    bg_node *y = bg_normal(w.graph, BG_F32, BG_SHAPE(N), 0, 1);
    w.program = compile(w.graph, &y, 1, false);
    bg_program *still = compile(w.graph, &y, 1, true);
    double *a = run(still, 0), *b = run(still, 0), *c = run(w.program, 0), *d = run(still, 0), *e = run(w.program, 0);
    ck_assert(are_equal(a, b, N) && are_equal(a, c, N)); /* no step was taken before the one of c */
    ck_assert(!are_equal(a, d, N) && are_equal(d, e, N));
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    bg_program_destroy(still);
    close_world(&w);
}
END_TEST

static int count_calls(const bg_program *program, const char *name)
{
    size_t bytes = bg_program_dump(program, NULL, 0) + 1;
    char *text = malloc(bytes);
    ck_assert_ptr_nonnull(text);
    bg_program_dump(program, text, bytes);
    int count = 0;
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        count++;
    free(text);
    return count;
}

/* Equal draws of two sites stay two steps of the program; one node used twice, also by its gradient, is one. */
START_TEST(test_merging)
{
    world w = open_world(1, SEED);
    bg_tensor *value = NULL;
    expect_ok(bg_tensor_create(&value, w.engine, BG_F32, BG_SHAPE(50)), "a tensor");
    bg_node *x = bg_parameter(w.graph, value), *dx;
    bg_node *once = bg_dropout(x, 0.5), *y = bg_sum(bg_mul(once, once), BG_ALL_AXES);
    expect_ok(bg_grad(y, &x, 1, &dx), "grad");
    bg_program *one = compile(w.graph, (bg_node *[]){ y, dx }, 2, true);
    ck_assert_int_eq(count_calls(one, "keep"), 1);
    bg_node *both = bg_sum(bg_mul(once, bg_dropout(x, 0.5)), BG_ALL_AXES);
    bg_program *two = compile(w.graph, &both, 1, true);
    ck_assert_int_eq(count_calls(two, "keep"), 2);
    bg_program_destroy(one);
    bg_program_destroy(two);
    bg_tensor_destroy(value);
    close_world(&w);
}
END_TEST

/* ---- Distributions ---- */

typedef struct {
    double mean, variance, skewness, kurtosis;
} moments;

static moments moments_of(const double *x, int64_t n)
{
    moments m = { 0 };
    for (int64_t i = 0; i < n; i++)
        m.mean += x[i];
    m.mean /= (double)n; /* of integers it is exact */
    for (int64_t i = 0; i < n; i++) {
        double d = x[i] - m.mean;
        m.variance += d * d / (double)n;
        m.skewness += d * d * d / (double)n;
        m.kurtosis += d * d * d * d / (double)n;
    }
    m.skewness /= pow(m.variance, 1.5);
    m.kurtosis /= m.variance * m.variance;
    return m;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: √n times the largest distance from the distribution; 1.95 is passed once in a thousand. */
static double distance_from(double *x, int64_t n, double (*distribution)(double))
{
    double most = 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    for (int64_t i = 0; i < n; i++) {
        double f = distribution(x[i]);
        most = fmax(most, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    return most * sqrt((double)n);
}
static double uniform_distribution(double x) { return (x + 1) / 4; }
static double normal_distribution(double x) { return erfc(-(x - 3) / 2 / sqrt(2)) / 2; }

enum { MANY = 200000 };
static const double MANY_ROOT = 447.2;

static double *draw_many(bg_node *(*build)(bg_graph *graph, bg_dtype dtype), bg_dtype dtype)
{
    world w = open_world(2, SEED);
    bg_node *y = build(w.graph, dtype);
    w.program = compile(w.graph, &y, 1, false);
    double *numbers = run(w.program, 0);
    close_world(&w);
    return numbers;
}
static bg_node *many_uniform(bg_graph *g, bg_dtype dtype) { return bg_uniform(g, dtype, BG_SHAPE(MANY), -1, 3); }
static bg_node *many_normal(bg_graph *g, bg_dtype dtype) { return bg_normal(g, dtype, BG_SHAPE(MANY), 3, 2); }

START_TEST(test_uniform)
{
    double *x = draw_many(many_uniform, _i ? BG_F64 : BG_F32);
    moments m = moments_of(x, MANY);
    double root = sqrt(16 / 12.0);
    ck_assert_msg(fabs(m.mean - 1) < 4 * root / MANY_ROOT, "mean %g", m.mean);
    ck_assert_msg(fabs(m.variance - 16 / 12.0) < 4 * 16 / 12.0 * sqrt(0.8) / MANY_ROOT, "variance %g", m.variance);
    ck_assert_msg(fabs(m.kurtosis - 1.8) < 0.02, "kurtosis %g", m.kurtosis);
    double distance = distance_from(x, MANY, uniform_distribution);
    ck_assert_msg(distance < 1.95, "Kolmogorov-Smirnov %g", distance);
    ck_assert(x[0] >= -1 && x[MANY - 1] < 3);
    free(x);
}
END_TEST

START_TEST(test_normal)
{
    double *x = draw_many(many_normal, _i ? BG_F64 : BG_F32);
    moments m = moments_of(x, MANY);
    ck_assert_msg(fabs(m.mean - 3) < 4 * 2 / MANY_ROOT, "mean %g", m.mean);
    ck_assert_msg(fabs(m.variance - 4) < 4 * 4 * sqrt(2) / MANY_ROOT, "variance %g", m.variance);
    ck_assert_msg(fabs(m.skewness) < 4 * sqrt(6) / MANY_ROOT, "skewness %g", m.skewness);
    ck_assert_msg(fabs(m.kurtosis - 3) < 4 * sqrt(24) / MANY_ROOT, "kurtosis %g", m.kurtosis);
    /* Neighbours share the radius, but are independent. */
    double product = 0;
    for (int i = 0; i < MANY; i += 2)
        product += (x[i] - 3) * (x[i + 1] - 3) / (MANY / 2);
    ck_assert_msg(fabs(product) < 4 * 4 * sqrt(2) / MANY_ROOT, "covariance of neighbours %g", product);
    double distance = distance_from(x, MANY, normal_distribution);
    ck_assert_msg(distance < 1.95, "Kolmogorov-Smirnov %g", distance);
    free(x);
}
END_TEST

/* The 24 bits of f32 are the leading ones of f64. */
START_TEST(test_types_agree)
{
    double *narrow = draw_many(many_uniform, BG_F32), *wide = draw_many(many_uniform, BG_F64);
    for (int i = 0; i < MANY; i++)
        ck_assert(fabs(narrow[i] - wide[i]) <= 0x1p-21);
    free(narrow);
    free(wide);
}
END_TEST

/* Chi-square of counts that should be equal, in standard deviations from its mean. */
static double chi_square(const int64_t *counts, int n, double expected)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return (sum - (n - 1)) / sqrt(2.0 * (n - 1));
}

START_TEST(test_randint)
{
    static const bg_dtype dtypes[] = { BG_I32, BG_I64, BG_U8 };
    enum { RANGE = 37 };
    int64_t low = dtypes[_i] == BG_U8 ? 200 : -20, counts[RANGE] = { 0 };
    world w = open_world(2, SEED);
    bg_node *y = bg_randint(w.graph, dtypes[_i], BG_SHAPE(MANY), low, low + RANGE);
    w.program = compile(w.graph, &y, 1, false);
    double *x = run(w.program, 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert(x[i] >= (double)low && x[i] < (double)(low + RANGE));
        counts[(int)(x[i] - (double)low)]++;
    }
    double deviation = chi_square(counts, RANGE, MANY / (double)RANGE);
    ck_assert_msg(fabs(deviation) < 3.5, "chi-square is %g standard deviations off", deviation);
    free(x);
    close_world(&w);
}
END_TEST

/* The whole range of a type, whose width needs all 64 bits. */
START_TEST(test_randint_of_everything)
{
    enum { N = 1000 };
    world w = open_world(1, SEED);
    bg_node *y = bg_randint(w.graph, BG_I64, BG_SHAPE(N), INT64_MIN, INT64_MAX);
    w.program = compile(w.graph, &y, 1, false);
    double *x = run(w.program, 0);
    moments m = moments_of(x, N);
    ck_assert(fabs(m.mean) < 4 * 0x1p63 / sqrt(3.0 * N));
    ck_assert(fabs(m.variance / (0x1p126 / 3) - 1) < 4 * sqrt(0.8 / N));
    free(x);
    close_world(&w);
}
END_TEST

START_TEST(test_permutation)
{
    enum { N = 6, RUNS = 6000 };
    world w = open_world(1, SEED);
    bg_node *y = bg_permutation(w.graph, N);
    int64_t counts[N * N] = { 0 };
    w.program = compile(w.graph, &y, 1, false);
    for (int r = 0; r < RUNS; r++) {
        double *x = run(w.program, 0);
        unsigned seen = 0;
        for (int i = 0; i < N; i++) {
            seen |= 1u << (int)x[i];
            counts[i * N + (int)x[i]]++;
        }
        ck_assert_uint_eq(seen, (1u << N) - 1);
        free(x);
    }
    double deviation = chi_square(counts, N * N, RUNS / (double)N) * (N - 1) / N;
    ck_assert_msg(fabs(deviation) < 3.5, "chi-square is %g standard deviations off", deviation);
    close_world(&w);
}
END_TEST

START_TEST(test_bernoulli)
{
    enum { N = 5, EACH = 40000 };
    const double p[N] = { 0, 0.1, 0.5, 0.93, 1 };
    world w = open_world(2, SEED);
    bg_tensor *tensor = tensor_of(w.engine, _i ? BG_F64 : BG_F32, BG_SHAPE(N, 1), p);
    bg_node *y = bg_bernoulli(bg_broadcast(bg_constant(w.graph, tensor), BG_SHAPE(N, EACH)));
    w.program = compile(w.graph, &y, 1, false);
    double *x = run(w.program, 0);
    for (int k = 0; k < N; k++) {
        double mean = moments_of(x + k * EACH, EACH).mean, deviation = sqrt(p[k] * (1 - p[k]) / EACH);
        ck_assert_msg(fabs(mean - p[k]) <= 4 * deviation, "p = %g gives %g", p[k], mean);
    }
    free(x);
    bg_tensor_destroy(tensor);
    close_world(&w);
}
END_TEST

/* ---- Dropout ---- */

/* y = keep x / (1 - p) and dx = keep dy / (1 - p), for the same keep and to the last bit; the share of zeros is p. */
START_TEST(test_dropout_gradient)
{
    enum { N = 50000 };
    const double p = _i % 2 ? 0.1 : 0.5;
    bg_dtype dtype = _i < 2 ? BG_F32 : BG_F64;
    world w = open_world(3, SEED);
    double *values = malloc(2 * N * sizeof *values);
    ck_assert_ptr_nonnull(values);
    draw d = draw_from(3);
    for (int i = 0; i < 2 * N; i++)
        values[i] = (double)(float)draw_between(&d, 0.5, 2);
    bg_tensor *tensors[2] = { tensor_of(w.engine, dtype, BG_SHAPE(N), values),
                              tensor_of(w.engine, dtype, BG_SHAPE(N), values + N) };
    bg_node *x = bg_parameter(w.graph, tensors[0]), *dy = bg_constant(w.graph, tensors[1]), *dx;
    bg_node *y = bg_dropout(x, p);
    expect_ok(bg_grad_from(&y, &dy, 1, &x, 1, &dx), "grad");
    w.program = compile(w.graph, (bg_node *[]){ y, dx }, 2, false);
    int zeros = 0;
    double *forward = run(w.program, 0), *backward = numbers_of(w.program, 1, NULL), scale = 1 / (1 - p);
    for (int i = 0; i < N; i++) {
        bool is_kept = forward[i] != 0;
        double f = dtype == BG_F32 ? (double)((float)values[i] * (float)scale) : values[i] * scale;
        double b = dtype == BG_F32 ? (double)((float)values[N + i] * (float)scale) : values[N + i] * scale;
        zeros += !is_kept;
        ck_assert(forward[i] == (is_kept ? f : 0) && backward[i] == (is_kept ? b : 0));
    }
    ck_assert_msg(fabs(zeros - N * p) < 4 * sqrt(N * p * (1 - p)), "%d of %d are dropped", zeros, N);
    free(values);
    free(forward);
    free(backward);
    bg_tensor_destroy(tensors[0]);
    bg_tensor_destroy(tensors[1]);
    close_world(&w);
}
END_TEST

START_TEST(test_dropout_of_channels)
{
    enum { CHANNELS = 4000, EACH = 6 };
    world w = open_world(2, SEED);
    bg_node *x = bg_broadcast(bg_scalar(w.graph, BG_F32, 1), BG_SHAPE(20, CHANNELS / 20, 2, 3));
    bg_node *y = bg_dropout_channels(x, 0.25);
    w.program = compile(w.graph, &y, 1, false);
    double *numbers = run(w.program, 0);
    int dropped = 0;
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 1; i < EACH; i++)
            ck_assert(numbers[c * EACH + i] == numbers[c * EACH]);
        dropped += numbers[c * EACH] == 0;
    }
    ck_assert(abs(dropped - CHANNELS / 4) < 4 * 28);
    free(numbers);
    close_world(&w);
}
END_TEST

/* What self-normalising networks carry keeps its mean and variance. */
START_TEST(test_alpha_dropout)
{
    world w = open_world(2, SEED);
    bg_node *y = bg_alpha_dropout(bg_normal(w.graph, BG_F64, BG_SHAPE(MANY), 0, 1), 0.2);
    w.program = compile(w.graph, &y, 1, false);
    double *x = run(w.program, 0);
    moments m = moments_of(x, MANY);
    ck_assert_msg(fabs(m.mean) < 0.01 && fabs(m.variance - 1) < 0.02, "mean %g, variance %g", m.mean, m.variance);
    free(x);
    close_world(&w);
}
END_TEST

/* Numbers that were drawn do not depend on anything. */
START_TEST(test_no_gradient)
{
    world w = open_world(1, SEED);
    bg_tensor *value = NULL;
    expect_ok(bg_tensor_create(&value, w.engine, BG_F64, BG_SHAPE(5)), "a tensor");
    bg_node *x = bg_parameter(w.graph, value), *dx;
    bg_node *y = bg_sum(bg_mul(x, bg_uniform(w.graph, BG_F64, BG_SHAPE(5), 0, 1)), BG_ALL_AXES);
    expect_ok(bg_grad(y, &x, 1, &dx), "grad"); /* that of the factor, which was drawn */
    bg_node *p = bg_sum(bg_bernoulli(x), BG_ALL_AXES), *dp;
    expect_ok(bg_grad(p, &x, 1, &dp), "grad");
    bg_node *u = bg_uniform(w.graph, BG_F64, BG_SHAPE(5), 0, 1);
    ck_assert_ptr_nonnull(u);
    w.program = compile(w.graph, (bg_node *[]){ dx, dp }, 2, false);
    double *a = run(w.program, 0), *b = numbers_of(w.program, 1, NULL);
    for (int i = 0; i < 5; i++)
        ck_assert(a[i] > 0 && a[i] < 1 && b[i] == 0);
    free(a);
    free(b);
    bg_tensor_destroy(value);
    close_world(&w);
}
END_TEST

/* ---- Models ---- */

static double counter_of(const bg_model *model)
{
    double value = -1;
    bg_tensor *tensor = bg_model_find(model, "trainer.random_step");
    ck_assert_ptr_nonnull(tensor);
    ck_assert(bg_tensor_dtype(tensor) == BG_I64);
    expect_ok(bg_tensor_item(tensor, 0, &value), "the counter");
    return value;
}

/* A graph in which the layer of the model comes before or after the random node. */
static bg_program *model_program(bg_model *model, bg_graph **graph, bool is_late)
{
    expect_ok(bg_graph_create(graph, bg_model_engine(model)), "graph");
    bg_node *x = bg_broadcast(bg_scalar(*graph, BG_F64, 1), BG_SHAPE(4, 100));
    bg_node *y =
        is_late ? bg_dense(model, "fc", bg_dropout(x, 0.5), 100) : bg_dropout(bg_dense(model, "fc", x, 100), 0.5);
    expect_ok(bg_graph_status(*graph), "a model");
    return compile(*graph, &y, 1, false);
}

START_TEST(test_graphs_of_a_model_share_the_counter)
{
    world w = open_world(2, SEED);
    bg_graph *graphs[2];
    expect_ok(bg_model_create(&w.model, w.engine, BG_F64), "model");
    bg_program *first = model_program(w.model, &graphs[0], false), *second = model_program(w.model, &graphs[1], true);
    ck_assert_double_eq(counter_of(w.model), 0);
    ck_assert(!bg_model_is_parameter(w.model, bg_model_count(w.model) - 1));
    double *a = run(first, 0);
    ck_assert_double_eq(counter_of(w.model), 1);
    free(run(second, 0));
    ck_assert_double_eq(counter_of(w.model), 2);
    bg_tensor *back = NULL; /* back to step 0 */
    expect_ok(bg_tensor_create(&back, w.engine, BG_I64, BG_SCALAR), "a counter");
    expect_ok(bg_model_set(w.model, "trainer.random_step", back, false), "set");
    double *b = run(first, 0), *c = run(first, 0);
    ck_assert(are_equal(a, b, 400) && !are_equal(a, c, 400));
    free(a);
    free(b);
    free(c);
    bg_tensor_destroy(back);
    bg_program_destroy(first);
    bg_program_destroy(second);
    bg_graph_destroy(graphs[0]);
    bg_graph_destroy(graphs[1]);
    close_world(&w);
}
END_TEST

START_TEST(test_no_random_node_no_counter)
{
    world w = open_world(1, SEED);
    expect_ok(bg_model_create(&w.model, w.engine, BG_F64), "model");
    bg_dense(w.model, "fc", bg_input(w.graph, "x", BG_F64, BG_SHAPE(2, 3)), 4);
    ck_assert_ptr_null(bg_model_find(w.model, "trainer.random_step"));
    close_world(&w);
}
END_TEST

/* A site is its name, whatever was made before it; the evaluation form is x itself. */
START_TEST(test_names)
{
    world w = open_world(1, SEED);
    expect_ok(bg_model_create(&w.model, w.engine, BG_F64), "model");
    bg_node *x = bg_broadcast(bg_scalar(w.graph, BG_F64, 1), BG_SHAPE(300));
    bg_node *a = bg_model_dropout(w.model, "drop", x, 0.5), *other = bg_dropout(x, 0.5);
    bg_node *b = bg_model_dropout(w.model, "drop", x, 0.5), *c = bg_model_dropout(w.model, "drop2", x, 0.5);
    bg_node *d = bg_model_dropout_channels(w.model, "drop", bg_reshape(x, BG_SHAPE(3, 100)), 0.5);
    bg_model_set_training(w.model, false);
    ck_assert_ptr_eq(bg_model_dropout(w.model, "drop", x, 0.5), x);
    w.program = compile(w.graph, (bg_node *[]){ a, b, c, other, d }, 5, false);
    double *n[5] = { run(w.program, 0) };
    for (size_t i = 1; i < 5; i++)
        n[i] = numbers_of(w.program, i, NULL);
    ck_assert(are_equal(n[0], n[1], 300) && !are_equal(n[0], n[2], 300) && !are_equal(n[0], n[3], 300));
    ck_assert(are_equal(n[0], n[4], 300)); /* [n, c] draws in the same order */
    for (int i = 0; i < 5; i++)
        free(n[i]);
    ck_assert_ptr_null(bg_model_dropout(w.model, "drop", x, 7));
    ck_assert_str_eq(bg_last_error(), "model_dropout: p is 7, not between 0 and 1");
    close_world(&w);
}
END_TEST

START_TEST(test_wrong_layers)
{
    static const struct {
        const char *name;
        bool has_model, of_channels;
        const char *message;
    } calls[] = {
        { "drop", false, false, "model_dropout: model is NULL" },
        { "a..b", true, false,
          "model: name \"a..b\" is not made of parts of letters, digits, '_' and '-', joined by dots" },
        { NULL, true, true, "model: a parameter or buffer needs a name" },
        { "drop", true, true, "model_dropout_channels: needs x [n, c, ..]: x [3]" },
    };
    world w = open_world(1, SEED);
    expect_ok(bg_model_create(&w.model, w.engine, BG_F64), "model");
    bg_node *x = bg_input(w.graph, "x", BG_F64, BG_SHAPE(3));
    ck_assert_ptr_null((calls[_i].of_channels ? bg_model_dropout_channels : bg_model_dropout)(
        calls[_i].has_model ? w.model : NULL, calls[_i].name, x, 0.5));
    ck_assert_str_eq(bg_last_error(), calls[_i].message);
    close_world(&w);
}
END_TEST

/* A model that is saved and loaded draws what it would have drawn. */
START_TEST(test_saved)
{
    world w = open_world(1, SEED), again = open_world(1, SEED);
    bg_graph *graphs[2];
    expect_ok(bg_model_create(&w.model, w.engine, BG_F64), "model");
    expect_ok(bg_model_create(&again.model, again.engine, BG_F64), "model");
    bg_program *first = model_program(w.model, &graphs[0], false);
    free(run(first, 0));
    free(run(first, 0));
    for (size_t i = 0; i < bg_model_count(w.model); i++)
        expect_ok(bg_model_set(again.model, bg_model_name(w.model, i), bg_model_tensor(w.model, i),
                               bg_model_is_parameter(w.model, i)),
                  "loading");
    bg_program *second = model_program(again.model, &graphs[1], false);
    double *a = run(first, 0), *b = run(second, 0);
    ck_assert(are_equal(a, b, 400));
    ck_assert_double_eq(counter_of(again.model), 3);
    free(a);
    free(b);
    bg_program_destroy(first);
    bg_program_destroy(second);
    bg_graph_destroy(graphs[0]);
    bg_graph_destroy(graphs[1]);
    close_world(&w);
    close_world(&again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *cases = tcase_create("random");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, test_threads, 0, 2 * N_KINDS);
    tcase_add_test(cases, test_definition);
    tcase_add_test(cases, test_definition_of_long_draws);
    tcase_add_test(cases, test_sites_steps_and_seeds);
    tcase_add_test(cases, test_no_updates_repeats);
    tcase_add_test(cases, test_merging);
    tcase_add_loop_test(cases, test_uniform, 0, 2);
    tcase_add_loop_test(cases, test_normal, 0, 2);
    tcase_add_test(cases, test_types_agree);
    tcase_add_loop_test(cases, test_randint, 0, 3);
    tcase_add_test(cases, test_randint_of_everything);
    tcase_add_test(cases, test_permutation);
    tcase_add_loop_test(cases, test_bernoulli, 0, 2);
    tcase_add_loop_test(cases, test_dropout_gradient, 0, 4);
    tcase_add_test(cases, test_dropout_of_channels);
    tcase_add_test(cases, test_alpha_dropout);
    tcase_add_test(cases, test_no_gradient);
    tcase_add_test(cases, test_graphs_of_a_model_share_the_counter);
    tcase_add_test(cases, test_no_random_node_no_counter);
    tcase_add_test(cases, test_names);
    tcase_add_loop_test(cases, test_wrong_layers, 0, 4);
    tcase_add_test(cases, test_saved);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
