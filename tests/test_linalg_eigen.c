/* Eigenvalues and vectors, Lyapunov's equation and functions of matrices: LAPACK's ratios, equal eigenvalues, errors
 * that name the matrix and the value, and the same bits for any number of threads. */
#include "linalg/divided.h"
#include "support/draw.h"
#include "support/matrices.h"
#include "support/suite.h"
#include "support/trial.h"
#include "support/values.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Running ---- */

enum { MOST_INPUTS = 2, MOST_OUTPUTS = 4 };
typedef int build_of(bg_node *const *x, bg_node **outputs);

/* A program with one input for each tensor, and what came of one run. */
typedef struct {
    bg_graph *graph;
    bg_program *program;
    bg_status status;
} ran;
static ran run(bg_engine *engine, build_of *build, bg_tensor *const *inputs, int n)
{
    ran r = { 0 };
    bg_node *x[MOST_INPUTS], *outputs[MOST_OUTPUTS];
    OK(bg_graph_create(&r.graph, engine));
    for (int i = 0; i < n; i++)
        x[i] = bg_input(r.graph, "x", bg_tensor_dtype(inputs[i]), bg_tensor_shape(inputs[i]));
    int count = build(x, outputs);
    OK(bg_compile(&r.program, r.graph, outputs, (size_t)count, NULL));
    for (int i = 0; i < n; i++)
        OK(bg_program_bind(r.program, x[i], inputs[i]));
    r.status = bg_program_run(r.program);
    return r;
}
static void end(ran *r)
{
    bg_program_destroy(r->program);
    bg_graph_destroy(r->graph);
}
static double *output_of(const ran *r, size_t i) { return matrix_values(bg_program_output(r->program, i)); }

static const struct {
    int64_t batch, n;
} sizes[] = { { 1, 0 },  { 1, 1 },  { 1, 2 },  { 3, 3 },  { 1, 5 },     { 2, 8 },    { 1, 16 },   { 1, 17 },
              { 1, 31 }, { 1, 33 }, { 1, 64 }, { 1, 70 }, { 0, 4 },     { 1000, 1 }, { 1000, 2 }, { 1000, 4 },
              { 37, 9 }, { 1, 25 }, { 1, 26 }, { 9, 16 }, { 1000, 16 }, { 1003, 3 } };
enum { SIZES = (int)(sizeof sizes / sizeof sizes[0]) };
static const bg_dtype types[] = { BG_F32, BG_F64 };

typedef struct {
    char text[96];
} label;
static label label_of(const char *what, int size, bg_dtype dtype, matrix_kind kind)
{
    label l;
    snprintf(l.text, sizeof l.text, "%s, %s %s [%d, %d, %d]", what, matrix_kind_names[kind], bg_dtype_name(dtype),
             (int)sizes[size].batch, (int)sizes[size].n, (int)sizes[size].n);
    return l;
}
/* error <= 30 n · of · epsilon */
static void expect_ratio(const char *name, int64_t n, bg_dtype dtype, double error, double of)
{
    double unit = (double)n * of * matrix_epsilon(dtype);
    ck_assert_msg(error <= RATIO_MOST * unit, "%s: ratio %g", name, error / unit);
}

static void scale_columns(const double *v, const double *w, double *y, int64_t n)
{
    for (int64_t i = 0; i < n * n; i++)
        y[i] = v[i] * w[i % n];
}
static void transpose(const double *x, double *y, int64_t n)
{
    for (int64_t i = 0; i < n * n; i++)
        y[i % n * n + i / n] = x[i];
}
static double *room(int64_t count)
{
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    return values;
}
/* ‖x · y - a‖, all square; a NULL is the identity. */
static double product_error(const double *x, const double *y, const double *a, int64_t n)
{
    double *identity = room(n * n);
    for (int64_t i = 0; i < n * n; i++)
        identity[i] = i / n == i % n;
    double error = matrix_error_1(x, y, a ? a : identity, n, n, n);
    free(identity);
    return error;
}
static void multiply(const double *x, const double *y, double *z, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            long double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += (long double)x[i * n + k] * y[k * n + j];
            z[i * n + j] = (double)sum;
        }
}

/* The symmetric matrices of a batch, in one triangle; what is not read is NaN. */
static bg_tensor *symmetric_batch(bg_dtype dtype, int size, matrix_kind kind, bool upper, double **full)
{
    int64_t batch = sizes[size].batch, n = sizes[size].n;
    bg_tensor *any = matrix_batch(trial_engine(), dtype, batch, n, n, kind);
    double *a = matrix_values(any), *half = room(batch * n * n);
    for (int64_t i = 0; i < batch * n * n; i++) {
        int64_t row = i / n % n, column = i % n, mirrored = i + (column - row) * (n - 1);
        if (column > row)
            a[i] = a[mirrored];
        half[i] = upper == (column > row) || row == column ? a[i] : (double)NAN;
    }
    bg_tensor *made = tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n, n), half);
    bg_tensor_destroy(any);
    free(half);
    *full = a;
    return made;
}

/* ---- Values and vectors ---- */

static int build_eigh(bg_node *const *x, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x[0], NULL);
    outputs[0] = e.values, outputs[1] = e.vectors;
    return 2;
}
static int build_eigh_upper(bg_node *const *x, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x[0], &(bg_spectral_options){ .triangle = BG_UPPER });
    outputs[0] = e.values, outputs[1] = e.vectors;
    return 2;
}
/* ‖a - v w vᵀ‖ <= 30 n ‖a‖ eps, ‖vᵀ v - 1‖ <= 30 n eps, and the values ascend. */
static void check_eigh(int size, bg_dtype dtype, matrix_kind kind, bool upper)
{
    label l = label_of(upper ? "upper" : "lower", size, dtype, kind);
    int64_t n = sizes[size].n;
    double *a, *scaled = room(n * n), *rows = room(n * n);
    bg_tensor *x = symmetric_batch(dtype, size, kind, upper, &a);
    ran r = run(trial_engine(), upper ? build_eigh_upper : build_eigh, &x, 1);
    expect_ok(r.status, l.text);
    double *w = output_of(&r, 0), *v = output_of(&r, 1);
    for (int64_t i = 0; i < sizes[size].batch; i++) {
        const double *wi = w + i * n, *vi = v + i * n * n, *ai = a + i * n * n;
        for (int64_t k = 1; k < n; k++)
            ck_assert_msg(wi[k - 1] <= wi[k], "%s: value %d is below the one before", l.text, (int)k);
        scale_columns(vi, wi, scaled, n);
        transpose(vi, rows, n);
        expect_ratio(l.text, n, dtype, product_error(scaled, rows, ai, n), matrix_norm_1(ai, n, n));
        expect_ratio(l.text, n, dtype, matrix_not_orthogonal(vi, n, n), 1);
    }
    free(a), free(scaled), free(rows), free(w), free(v);
    bg_tensor_destroy(x);
    end(&r);
}
START_TEST(test_eigh)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++)
        for (int way = 0; way < 4; way++)
            check_eigh(_i, types[way / 2], (matrix_kind)kind, way % 2);
}
END_TEST

/* Equal values, values in groups, and those of a matrix that falls apart into blocks, by the same ratios. */
START_TEST(test_equal_values)
{
    enum { N = 12 };
    for (int t = 0; t < 2; t++)
        for (int shape = 0; shape < 4; shape++) {
            double a[N * N] = { 0 }, scaled[N * N], rows[N * N];
            for (int i = 0; i < N; i++) {
                a[i * N + i] = shape == 0 ? 3 : shape == 1 ? i / 4 : shape == 2 ? ldexp(1, 8 * (i - N / 2)) : 1;
                if (shape == 3)
                    for (int j = 0; j < N; j++)
                        a[i * N + j] = i / 3 == j / 3;
            }
            bg_tensor *x = tensor_of(trial_engine(), types[t], BG_SHAPE(N, N), a);
            ran r = run(trial_engine(), build_eigh, &x, 1);
            expect_ok(r.status, "equal values");
            double *w = output_of(&r, 0), *v = output_of(&r, 1);
            scale_columns(v, w, scaled, N);
            transpose(v, rows, N);
            expect_ratio("equal values", N, types[t], product_error(scaled, rows, a, N), matrix_norm_1(a, N, N));
            expect_ratio("their vectors", N, types[t], matrix_not_orthogonal(v, N, N), 1);
            for (int i = 0; i < N && shape == 2; i++)
                ck_assert_double_eq(w[i], a[i * N + i]);
            free(w), free(v);
            bg_tensor_destroy(x);
            end(&r);
        }
}
END_TEST

/* ---- Lyapunov's equation ---- */

static int build_lyapunov(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_lyapunov(x[0], x[1]);
    return 1;
}
/* d (1 + small) d, positive definite, with d of powers of two. */
static bg_tensor *definite_batch(bg_dtype dtype, int size, matrix_kind kind, double **values)
{
    int64_t batch = sizes[size].batch, n = sizes[size].n;
    bool is_wide = dtype == BG_F64;
    int shift = kind == MATRIX_HUGE ? (is_wide ? 490 : 50) : kind == MATRIX_TINY ? (is_wide ? -460 : -50) : 0;
    double *a = room(batch * n * n);
    draw d = draw_from((uint64_t)(n + 1));
    for (int64_t i = 0; i < batch * n * n; i++) {
        int64_t row = i / n % n, column = i % n, mirrored = i + (column - row) * (n - 1);
        int power = kind == MATRIX_SCALED ? (int)(row * 3 % 7 + column * 3 % 7) : 0;
        double drawn = ldexp((row == column ? 1 : draw_between(&d, -0.5, 0.5) / (double)n), power + 2 * shift);
        a[i] = column > row ? drawn : column == row ? drawn : a[mirrored];
    }
    bg_tensor *made = tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n, n), a);
    free(a);
    *values = matrix_values(made);
    return made;
}
/* ‖a x + x a - c‖ <= 30 n (‖a‖ ‖x‖ + ‖c‖) eps */
static void check_lyapunov(int size, bg_dtype dtype, matrix_kind kind)
{
    label l = label_of("lyapunov", size, dtype, kind);
    int64_t batch = sizes[size].batch, n = sizes[size].n;
    double *a, *left = room(n * n), *right = room(n * n), scale = kind == MATRIX_HUGE ? 1e30 : 1;
    bg_tensor *inputs[] = { definite_batch(dtype, size, kind, &a),
                            matrix_batch(trial_engine(), dtype, batch, n, n, MATRIX_RANDOM) };
    double *c = matrix_values(inputs[1]);
    for (int64_t i = 0; i < batch * n * n; i++)
        c[i] *= scale;
    bg_tensor_destroy(inputs[1]);
    inputs[1] = tensor_of(trial_engine(), dtype, BG_SHAPE(batch, n, n), c);
    free(c);
    c = matrix_values(inputs[1]);
    ran r = run(trial_engine(), build_lyapunov, inputs, 2);
    expect_ok(r.status, l.text);
    double *x = output_of(&r, 0);
    for (int64_t i = 0; i < batch; i++) {
        const double *ai = a + i * n * n, *xi = x + i * n * n, *ci = c + i * n * n;
        multiply(ai, xi, left, n);
        multiply(xi, ai, right, n);
        for (int64_t k = 0; k < n * n; k++)
            left[k] += right[k] - ci[k];
        double of = matrix_norm_1(ai, n, n) * matrix_norm_1(xi, n, n) + matrix_norm_1(ci, n, n);
        expect_ratio(l.text, n, dtype, matrix_norm_1(left, n, n), of);
    }
    free(a), free(c), free(x), free(left), free(right);
    bg_tensor_destroy(inputs[0]), bg_tensor_destroy(inputs[1]);
    end(&r);
}
START_TEST(test_lyapunov)
{
    static const matrix_kind kinds[] = { MATRIX_RANDOM, MATRIX_SCALED, MATRIX_HUGE, MATRIX_TINY };
    for (int way = 0; way < 8; way++)
        check_lyapunov(_i, types[way % 2], kinds[way / 2]);
}
END_TEST

/* ---- Functions ---- */

static int build_roots(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_symmetric_sqrt(x[0]);
    outputs[1] = bg_symmetric_inverse_sqrt(x[0]);
    outputs[2] = bg_symmetric_power(x[0], -1);
    outputs[3] = bg_symmetric_power(x[0], 0.5);
    return 4;
}
/* Products of the roots, by the norms of what is multiplied. */
static void check_roots(int size, bg_dtype dtype, matrix_kind kind)
{
    label l = label_of("roots", size, dtype, kind);
    int64_t n = sizes[size].n;
    double *a, *product = room(n * n);
    bg_tensor *x = definite_batch(dtype, size, kind, &a);
    ran r = run(trial_engine(), build_roots, &x, 1);
    expect_ok(r.status, l.text);
    double *y[4];
    for (size_t k = 0; k < 4; k++)
        y[k] = output_of(&r, k);
    for (int64_t i = 0; i < sizes[size].batch; i++) {
        const double *ai = a + i * n * n, *root = y[0] + i * n * n, *inverse_root = y[1] + i * n * n;
        const double *inverse = y[2] + i * n * n, *power = y[3] + i * n * n;
        double of_a = matrix_norm_1(ai, n, n), of_root = matrix_norm_1(root, n, n);
        expect_ratio(l.text, n, dtype, product_error(root, root, ai, n), of_root * of_root);
        expect_ratio(l.text, n, dtype, product_error(power, power, ai, n), of_root * of_root);
        expect_ratio(l.text, n, dtype, product_error(inverse, ai, NULL, n), matrix_norm_1(inverse, n, n) * of_a);
        multiply(inverse_root, root, product, n);
        expect_ratio(l.text, n, dtype, product_error(inverse_root, root, NULL, n),
                     matrix_norm_1(inverse_root, n, n) * of_root);
        for (int64_t k = 0; k < n * n; k++)
            ck_assert_msg(root[k] == root[k % n * n + k / n], "%s: not symmetric", l.text);
    }
    for (int k = 0; k < 4; k++)
        free(y[k]);
    free(a), free(product);
    bg_tensor_destroy(x);
    end(&r);
}
START_TEST(test_roots)
{
    static const matrix_kind kinds[] = { MATRIX_RANDOM, MATRIX_SCALED, MATRIX_HUGE, MATRIX_TINY };
    for (int way = 0; way < 8; way++)
        check_roots(_i, types[way % 2], kinds[way / 2]);
}
END_TEST

static int build_exponentials(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_symmetric_exp(x[0]);
    outputs[1] = bg_matrix_exp(x[0]);
    outputs[2] = bg_symmetric_log(outputs[0]);
    outputs[3] = bg_matrix_exp(bg_neg(x[0]));
    return 4;
}
/* Both exponentials are equal, the logarithm leads back, and exp(a) · exp(-a) = 1. */
static void check_exponentials(int size, bg_dtype dtype)
{
    label l = label_of("exponentials", size, dtype, MATRIX_RANDOM);
    int64_t n = sizes[size].n;
    double *a, *difference = room(n * n);
    bg_tensor *x = symmetric_batch(dtype, size, MATRIX_RANDOM, false, &a);
    bg_tensor_destroy(x);
    /* Of matrices whose exponentials have an inverse in the type. */
    for (int64_t i = 0; i < sizes[size].batch * n * n; i++)
        a[i] *= 2 / (double)(n > 1 ? n : 1);
    x = tensor_of(trial_engine(), dtype, BG_SHAPE(sizes[size].batch, n, n), a);
    ran r = run(trial_engine(), build_exponentials, &x, 1);
    expect_ok(r.status, l.text);
    double *y[4];
    for (size_t k = 0; k < 4; k++)
        y[k] = output_of(&r, k);
    for (int64_t i = 0; i < sizes[size].batch; i++) {
        const double *ai = a + i * n * n, *e = y[0] + i * n * n, *by_pade = y[1] + i * n * n;
        const double *back = y[2] + i * n * n, *inverse = y[3] + i * n * n;
        double of_e = matrix_norm_1(e, n, n), of_both = of_e * matrix_norm_1(inverse, n, n);
        for (int64_t k = 0; k < n * n; k++)
            difference[k] = e[k] - by_pade[k];
        expect_ratio(l.text, n, dtype, matrix_norm_1(difference, n, n), of_e * (1 + matrix_norm_1(ai, n, n)));
        for (int64_t k = 0; k < n * n; k++)
            difference[k] = back[k] - ai[k];
        expect_ratio(l.text, n, dtype, matrix_norm_1(difference, n, n), of_both * (1 + matrix_norm_1(ai, n, n)));
        expect_ratio(l.text, n, dtype, product_error(by_pade, inverse, NULL, n), of_both);
    }
    for (int k = 0; k < 4; k++)
        free(y[k]);
    free(a), free(difference);
    bg_tensor_destroy(x);
    end(&r);
}
START_TEST(test_exponentials)
{
    check_exponentials(_i, BG_F32);
    check_exponentials(_i, BG_F64);
}
END_TEST

/* ---- Known exponentials ---- */

static int build_exp(bg_node *const *x, bg_node **outputs)
{
    outputs[0] = bg_matrix_exp(x[0]);
    return 1;
}
START_TEST(test_known_exponentials)
{
    static const struct {
        const char *name;
        double a[4], y[4];
        bool only_f64;
    } cases[] = {
        { "zeros", { 0, 0, 0, 0 }, { 1, 0, 0, 1 }, false },
        { "a diagonal", { 1, 0, 0, -2 }, { 2.718281828459045, 0, 0, 0.1353352832366127 }, false },
        { "nilpotent", { 0, 3, 0, 0 }, { 1, 3, 0, 1 }, false },
        { "nilpotent and large", { 0, 100, 0, 0 }, { 1, 100, 0, 1 }, false },
        { "a turn", { 0, 1.5707963267948966, -1.5707963267948966, 0 }, { 0, 1, -1, 0 }, false },
        { "three turns", { 0, -18.84955592153876, 18.84955592153876, 0 }, { 1, 0, 0, 1 }, false },
        { "far below 0", { -1e6, 0, 0, -2e6 }, { 0, 0, 0, 0 }, false },
        { "farther below 0", { -1e15, 0, 0, -4e15 }, { 0, 0, 0, 0 }, true },
        { "small", { 1e-30, 1e-20, 0, 1e-38 }, { 1, 1e-20, 0, 1 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int t = cases[i].only_f64; t < 2; t++) {
            bg_tensor *a = tensor_of(trial_engine(), types[t], BG_SHAPE(2, 2), cases[i].a);
            ran r = run(trial_engine(), build_exp, &a, 1);
            expect_ok(r.status, cases[i].name);
            double *y = output_of(&r, 0);
            for (int k = 0; k < 4; k++) {
                double allowed = 100 * matrix_epsilon(types[t]) * fmax(1, fabs(cases[i].y[k]));
                allowed = cases[i].y[k] == 1e-20 ? 1e-26 : allowed;
                ck_assert_msg(fabs(y[k] - cases[i].y[k]) <= allowed, "%s %s: element %d is %.17g, not %.17g",
                              cases[i].name, bg_dtype_name(types[t]), k, y[k], cases[i].y[k]);
            }
            free(y);
            bg_tensor_destroy(a);
            end(&r);
        }
}
END_TEST

/* ---- Divided differences against integrals of derivatives ---- */

/* f'(x) and f''(x) */
static long double derivative_at(const bgi_function *f, int order, long double x)
{
    long double p = f->kind == BGI_OF_SQRT ? 0.5L : f->kind == BGI_OF_INVERSE_SQRT ? -0.5L : (long double)f->exponent;
    if (f->kind == BGI_OF_EXP)
        return expl(x);
    if (f->kind == BGI_OF_LOG)
        return order == 1 ? 1 / x : -1 / (x * x);
    return order == 1 ? p * powl(x, p - 1) : p * (p - 1) * powl(x, p - 2);
}
enum { NODES = 8 };
static const long double nodes[NODES] = { 0.0198550717512318841582L, 0.1016667612931866302042L,
                                          0.2372337950418355070911L, 0.4082826787521750975303L,
                                          0.5917173212478249024697L, 0.7627662049581644929089L,
                                          0.8983332387068133697958L, 0.9801449282487681158418L };
static const long double weights[NODES] = { 0.0506142681451881295763L, 0.1111905172266872352722L,
                                            0.1568533229389436436689L, 0.1813418916891809914826L,
                                            0.1813418916891809914826L, 0.1568533229389436436689L,
                                            0.1111905172266872352722L, 0.0506142681451881295763L };
/* ∫ f'(x + t (y - x)) dt over 0 .. 1 in 64 parts by Gauss and Legendre. */
static long double integral_1(const bgi_function *f, long double x, long double y)
{
    enum { PARTS = 64 };
    long double sum = 0;
    for (int part = 0; part < PARTS; part++)
        for (int k = 0; k < NODES; k++)
            sum += weights[k] / PARTS * derivative_at(f, 1, x + (y - x) * (part + nodes[k]) / PARTS);
    return sum;
}
/* ∫∫ t f''(x + t (y - x) + s t (z - y)) ds dt, the mean over a triangle by half. */
static long double integral_2(const bgi_function *f, long double x, long double y, long double z)
{
    enum { PARTS = 24 };
    long double sum = 0;
    for (int i = 0; i < PARTS * NODES; i++) {
        long double t = (i / NODES + nodes[i % NODES]) / PARTS, inner = 0;
        for (int j = 0; j < PARTS * NODES; j++) {
            long double s = (j / NODES + nodes[j % NODES]) / PARTS;
            inner += weights[j % NODES] / PARTS * derivative_at(f, 2, x + t * (y - x) + s * t * (z - y));
        }
        sum += weights[i % NODES] / PARTS * t * inner;
    }
    return sum;
}
static const bgi_function functions[] = { { BGI_OF_SQRT, 0 },    { BGI_OF_INVERSE_SQRT, 0 }, { BGI_OF_EXP, 0 },
                                          { BGI_OF_LOG, 0 },     { BGI_OF_POWER, 0.3 },      { BGI_OF_POWER, -1 },
                                          { BGI_OF_POWER, 2.5 }, { BGI_OF_POWER, 3 },        { BGI_OF_POWER, -2.5 },
                                          { BGI_OF_POWER, 20 },  { BGI_OF_POWER, 1 },        { BGI_OF_POWER, 0 } };
enum { FUNCTIONS = (int)(sizeof functions / sizeof functions[0]) };
START_TEST(test_divided_differences)
{
    static const double gaps[] = { 0, 1e-300, 1e-16, 1e-12, 1e-8, 1e-5, 1e-3, 0.1, 0.3, 0.7, 1.5 };
    enum { GAPS = (int)(sizeof gaps / sizeof gaps[0]) };
    const bgi_function *f = &functions[_i];
    for (int i = 0; i < GAPS; i++)
        for (int j = 0; j < GAPS; j++) {
            double x = 1.1, y = x + gaps[i], z = y + gaps[j];
            long double first = integral_1(f, x, y), second = integral_2(f, x, y, z);
            double found = bgi_divided_1(f, y, x), found_2 = bgi_divided_2(f, y, z, x);
            ck_assert_msg(fabsl(found - first) <= 16 * DBL_EPSILON * fabsl(first),
                          "function %d %g: f[%g, + %g] is %.17g, not %.17Lg", (int)f->kind, f->exponent, x, gaps[i],
                          found, first);
            ck_assert_msg(fabsl(found_2 - second) <= 256 * DBL_EPSILON * fabsl(second),
                          "function %d %g: f[%g, + %g, + %g] is %.17g, not %.17Lg", (int)f->kind, f->exponent, x,
                          gaps[i], gaps[j], found_2, second);
        }
}
END_TEST

/* Of powers of numbers of either sign, against sums of products: xⁱ y^j and xⁱ y^j z^k of degree p - 1 and p - 2. */
START_TEST(test_divided_powers)
{
    static const double numbers[] = { -1.3, -1.3, -0.7, -1e-9, 0, 1e-9, 0.2, 0.7, 0.7000001, 1.3 };
    enum { NUMBERS = (int)(sizeof numbers / sizeof numbers[0]) };
    for (int p = 0; p <= 24; p++)
        for (int at = 0; at < NUMBERS * NUMBERS * NUMBERS; at++) {
            bgi_function f = { BGI_OF_POWER, p };
            double x = numbers[at % NUMBERS], y = numbers[at / NUMBERS % NUMBERS];
            double z = numbers[at / NUMBERS / NUMBERS], size = fmax(fmax(fabs(x), fabs(y)), fabs(z));
            long double first = 0, second = 0;
            for (int i = 0; i < p; i++) {
                first += powl(x, i) * powl(y, p - 1 - i);
                for (int j = 0; i + j <= p - 2; j++)
                    second += powl(x, i) * powl(y, j) * powl(z, p - 2 - i - j);
            }
            double of_first = p * pow(fmax(fabs(x), fabs(y)), p - 1), of_second = p * p * pow(size, p - 2);
            if (p >= 1)
                expect_near("f[x, y]", bgi_divided_1(&f, x, y), (double)first, 16 * DBL_EPSILON * of_first);
            if (p >= 2)
                expect_near("f[x, y, z]", bgi_divided_2(&f, x, y, z), (double)second, 16 * DBL_EPSILON * of_second);
        }
}
END_TEST

/* ---- Equal eigenvalues ---- */

static bg_node *function_of(int which, bg_node *a)
{
    switch (which) {
    case 0:
        return bg_symmetric_sqrt(a);
    case 1:
        return bg_symmetric_inverse_sqrt(a);
    case 2:
        return bg_symmetric_exp(a);
    case 3:
        return bg_symmetric_log(a);
    case 4:
        return bg_symmetric_power(a, 2.7);
    case 5:
        return bg_symmetric_power(a, -3);
    case 6:
        return bg_lyapunov(a, bg_triu(a, 0));
    default:
        return bg_matrix_exp(a);
    }
}
enum { KINDS = 8 };
/* Gradients and second derivatives by differences at matrices whose eigenvalues are equal, all or in pairs. */
START_TEST(test_derivatives_at_equal_values)
{
    enum { N = 4 };
    for (int pairs = 0; pairs < 2; pairs++) {
        double values[N * N] = { 0 };
        for (int i = 0; i < N; i++)
            values[i * N + i] = pairs ? 1.5 + i / 2 : 2;
        bg_graph *graph = NULL;
        OK(bg_graph_create(&graph, trial_engine()));
        bg_tensor *tensor = tensor_of(trial_engine(), BG_F64, BG_SHAPE(N, N), values);
        bg_node *x = bg_parameter(graph, tensor);
        bg_node *y = function_of(_i, bg_mul_scalar(bg_add(x, bg_transpose(x, 0, 1)), 0.5));
        bg_gradcheck_report report;
        OK(bg_gradcheck(&y, 1, &x, 1, NULL, &report));
        ck_assert_int_gt(report.derivatives, 0);
        bg_tensor_destroy(tensor);
        bg_graph_destroy(graph);
    }
}
END_TEST

/* What fails as a graph: nothing that a matrix could change. */
START_TEST(test_third_derivative)
{
    bg_graph *graph = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(2, 2)), *sum = bg_symmetric_log(x), *dx = NULL;
    for (int order = 1; order <= 3; order++) {
        sum = bg_sum(bg_square(sum), BG_ALL_AXES);
        bg_status status = bg_grad(sum, &x, 1, &dx);
        if (order < 3)
            OK(status);
        else
            expect_failure(status, BG_ERR_GRADIENT, "symmetric_log: has no third derivative", "a third derivative");
        sum = dx;
    }
    bg_graph_destroy(graph);
}
END_TEST

/* ---- Vectors' gradient where values are equal ---- */

static int with_gradient(const bg_spectral_options *options, bg_node *x, bool of_vectors, bg_node **outputs)
{
    bg_eigen e = bg_eigh(x, options);
    bg_node *y = of_vectors ? e.vectors : e.values, *sum = bg_sum(bg_mul(y, bg_exp(y)), BG_ALL_AXES);
    OK(bg_grad(sum, &x, 1, outputs));
    return 1;
}
static int build_values_gradient(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(NULL, x[0], false, outputs);
}
static int build_vectors_gradient(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(NULL, x[0], true, outputs);
}
static int build_regularized(bg_node *const *x, bg_node **outputs)
{
    return with_gradient(&(bg_spectral_options){ .regularization = 1e-3 }, x[0], true, outputs);
}
START_TEST(test_equal_values_gradient)
{
    /* Three matrices, of which the second has two equal values. */
    static const double a[] = { 1, 0, 0, 2, 3, 0, 0, 3, 5, 1, 1, 5 };
    for (int t = 0; t < 2; t++) {
        bg_tensor *x = tensor_of(trial_engine(), types[t], BG_SHAPE(3, 2, 2), a);
        ran r = run(trial_engine(), build_vectors_gradient, &x, 1);
        expect_failure(r.status, BG_ERR_NUMERIC,
                       "eigh: matrix [1] of [3]: the gradient of the vectors is not defined: values 0 and 1, 3 and 3, "
                       "are equal to rounding",
                       "equal values");
        end(&r);
        r = run(trial_engine(), build_regularized, &x, 1);
        expect_ok(r.status, "regularized");
        double *dx = output_of(&r, 0);
        for (int i = 0; i < 12; i++)
            ck_assert(isfinite(dx[i]));
        free(dx);
        end(&r);
        r = run(trial_engine(), build_values_gradient, &x, 1);
        expect_ok(r.status, "the gradient of values");
        dx = output_of(&r, 0);
        double expected = exp(3.0) * 4, allowed = 10 * matrix_epsilon(types[t]) * expected;
        expect_near("its diagonal", dx[4], expected, allowed);
        expect_near("its diagonal", dx[7], expected, allowed);
        expect_near("beside it", dx[5], 0, allowed);
        free(dx);
        end(&r);
        bg_tensor_destroy(x);
    }
}
END_TEST

/* ---- Errors ---- */

#define OF_X(name, expression)                                                                                         \
    static int build_##name(bg_node *const *x, bg_node **outputs)                                                      \
    {                                                                                                                  \
        outputs[0] = expression;                                                                                       \
        return 1;                                                                                                      \
    }
OF_X(sqrt, bg_symmetric_sqrt(x[0]))
OF_X(inverse_sqrt, bg_symmetric_inverse_sqrt(x[0]))
OF_X(symmetric_exp, bg_symmetric_exp(x[0]))
OF_X(log, bg_symmetric_log(x[0]))
OF_X(inverse, bg_symmetric_power(x[0], -1))
OF_X(fraction, bg_symmetric_power(x[0], 1.5))
OF_X(own_lyapunov, bg_lyapunov(x[0], x[0]))
static int gradient_of(bg_node *y, bg_node *x, bg_node **outputs)
{
    OK(bg_grad(bg_sum(y, BG_ALL_AXES), &x, 1, outputs));
    return 1;
}
static int build_sqrt_gradient(bg_node *const *x, bg_node **outputs)
{
    return gradient_of(bg_symmetric_sqrt(x[0]), x[0], outputs);
}
static int build_fraction_gradient(bg_node *const *x, bg_node **outputs)
{
    return gradient_of(bg_symmetric_power(x[0], 1.5), x[0], outputs);
}

static const struct {
    const char *name;
    build_of *build;
    double a[4];         /* of the last of 700 matrices; the others are 2 */
    const char *message; /* after the number of the matrix; NULL: right */
} failures[] = {
    { "eigh", build_eigh, { NAN, 0, 0, 1 }, "a is nan at [0, 0]" },
    { "eigh", build_eigh, { 1, 0, -INFINITY, 1 }, "a is -inf at [1, 0]" },
    { "eigh", build_eigh, { 1, NAN, 0, 1 }, NULL },
    { "lyapunov", build_own_lyapunov, { 1, 0, NAN, 1 }, "a is nan at [1, 0]" },
    { "lyapunov", build_own_lyapunov, { 1, INFINITY, 0, 1 }, "c is inf at [0, 1]" },
    { "lyapunov", build_own_lyapunov, { -1, 0, 0, 1 }, "a is not positive definite: its smallest eigenvalue is -1" },
    { "lyapunov", build_own_lyapunov, { 0, 0, 0, 0 }, "a is not positive definite: its smallest eigenvalue is " },
    { "symmetric_sqrt",
      build_sqrt,
      { 1, 0, 0, -1 },
      "the function needs eigenvalues that are 0 or above: value 0 is -1" },
    { "symmetric_sqrt", build_sqrt, { 0, 0, 0, 0 }, NULL },
    { "symmetric_sqrt", build_sqrt, { 1, 1, 1, 1 }, NULL }, /* whose second value is 0 but for rounding */
    { "symmetric_sqrt",
      build_sqrt_gradient,
      { 0, 0, 0, 1 },
      "the derivative needs eigenvalues that are above 0: value 0 is 0" },
    { "symmetric_inverse_sqrt",
      build_inverse_sqrt,
      { 0, 0, 0, 1 },
      "the function needs eigenvalues that are above 0: value 0 is 0" },
    { "symmetric_log", build_log, { -2, 0, 0, 1 }, "the function needs eigenvalues that are above 0: value 0 is -2" },
    { "symmetric_log", build_log, { NAN, 0, 0, 1 }, "a is nan at [0, 0]" },
    { "symmetric_power", build_inverse, { 0, 0, 0, 3 }, "the function needs eigenvalues that are not 0: value 0 is 0" },
    { "symmetric_power", build_inverse, { -2, 0, 0, 3 }, NULL },
    { "symmetric_power",
      build_fraction,
      { -2, 0, 0, 3 },
      "the function needs eigenvalues that are 0 or above: value 0 is -2" },
    { "symmetric_power", build_fraction_gradient, { 0, 0, 0, 3 }, NULL },
    { "symmetric_exp", build_symmetric_exp, { 1, 0, 0, 1000 }, "the result is beyond the numbers of " },
    { "matrix_exp", build_exp, { 1, 0, 0, 1000 }, "the result is beyond the numbers of " },
    { "matrix_exp", build_exp, { -1e30, 0, 0, -1e30 }, "the norm of a is " },
    { "matrix_exp", build_exp, { 1, 0, 0, NAN }, "a is nan at [1, 1]" },
};
START_TEST(test_errors)
{
    enum { BATCH = 700 };
    double *a = room(BATCH * 4);
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < BATCH * 4; i++)
            a[i] = i % 4 == 0 || i % 4 == 3 ? 2 : 0;
        memcpy(a + (BATCH - 1) * 4, failures[_i].a, 4 * sizeof *a);
        bg_tensor *x = tensor_of(trial_engine(), types[t], BG_SHAPE(7, 100, 2, 2), a);
        ran r = run(trial_engine(), failures[_i].build, &x, 1);
        char message[160];
        snprintf(message, sizeof message, "%s: matrix [6, 99] of [7, 100]: %s", failures[_i].name,
                 failures[_i].message ? failures[_i].message : "");
        if (failures[_i].message)
            expect_failure(r.status, BG_ERR_NUMERIC, message, failures[_i].name);
        else
            expect_ok(r.status, failures[_i].name);
        bg_tensor_destroy(x);
        end(&r);
    }
    free(a);
}
END_TEST

/* ---- The same bits ---- */

static int build_everything(bg_node *const *x, bg_node **outputs)
{
    bg_node *a = bg_add(bg_matmul(x[0], bg_transpose(x[0], -1, -2)), x[1]);
    bg_eigen e = bg_eigh(a, NULL);
    bg_node *parts = bg_add(bg_mul(e.vectors, bg_unsqueeze(e.values, -1)), bg_lyapunov(a, x[0]));
    parts = bg_add(parts, bg_add(bg_symmetric_log(a), bg_matrix_exp(bg_mul_scalar(a, 0.1))));
    outputs[0] = parts;
    OK(bg_grad(bg_sum(bg_square(parts), BG_ALL_AXES), x, 1, outputs + 1));
    return 2;
}
START_TEST(test_bits)
{
    enum { BATCH = 61, N = 9 };
    double *values = room(BATCH * N * N), *base = room(N * N);
    draw d = draw_from(3);
    for (int i = 0; i < BATCH * N * N; i++)
        values[i] = draw_between(&d, -1, 1);
    for (int i = 0; i < N * N; i++)
        base[i] = i / N == i % N ? 1 + 0.3 * (i / N) : 0;
    for (int t = 0; t < 2; t++) {
        double *expected[2] = { NULL, NULL };
        for (int threads = 1; threads <= 4; threads++) {
            bg_engine *engine = NULL;
            OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
            bg_tensor *inputs[] = { tensor_of(engine, types[t], BG_SHAPE(BATCH, N, N), values),
                                    tensor_of(engine, types[t], BG_SHAPE(N, N), base) };
            ran r = run(engine, build_everything, inputs, 2);
            expect_ok(r.status, "a run");
            for (size_t k = 0; k < 2; k++) {
                double *y = output_of(&r, k);
                ck_assert(!expected[k] || memcmp(y, expected[k], BATCH * N * N * sizeof *y) == 0);
                free(expected[k]);
                expected[k] = y;
            }
            end(&r);
            bg_tensor_destroy(inputs[0]), bg_tensor_destroy(inputs[1]);
            bg_engine_destroy(engine);
        }
        free(expected[0]), free(expected[1]);
    }
    free(values), free(base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_eigen");
    TCase *tests = tcase_create("eigen");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(tests, test_eigh, 0, SIZES);
    tcase_add_test(tests, test_equal_values);
    tcase_add_loop_test(tests, test_lyapunov, 0, SIZES);
    tcase_add_loop_test(tests, test_roots, 0, SIZES);
    tcase_add_loop_test(tests, test_exponentials, 0, SIZES);
    tcase_add_test(tests, test_known_exponentials);
    tcase_add_loop_test(tests, test_divided_differences, 0, FUNCTIONS);
    tcase_add_test(tests, test_divided_powers);
    tcase_add_loop_test(tests, test_derivatives_at_equal_values, 0, KINDS);
    tcase_add_test(tests, test_third_derivative);
    tcase_add_test(tests, test_equal_values_gradient);
    tcase_add_loop_test(tests, test_errors, 0, (int)(sizeof failures / sizeof failures[0]));
    tcase_add_test(tests, test_bits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
