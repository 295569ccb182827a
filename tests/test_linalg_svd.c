/* Singular values by LAPACK's ratios; what is not defined or not finite is a status. */
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

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

/* ---- Factors ---- */

static const int64_t sizes[][3] = { { 1, 0, 0 },   { 1, 1, 1 },    { 1, 3, 0 },   { 1, 0, 3 },    { 2, 5, 3 },
                                    { 2, 3, 5 },   { 1, 20, 20 },  { 1, 40, 17 }, { 1, 17, 40 },  { 1, 65, 65 },
                                    { 1, 130, 9 }, { 1000, 4, 4 }, { 0, 4, 3 },   { 1000, 2, 3 }, { 20, 1, 1 },
                                    { 17, 9, 6 },  { 5, 6, 9 },    { 5, 20, 20 }, { 4, 40, 17 },  { 4, 17, 40 },
                                    { 4, 48, 48 } };

static int build_svd(bg_node *const *x, const void *context, bg_node **outputs)
{
    bg_svd_factors f = bg_svd(x[0], &(bg_spectral_options){ .is_full = *(const bool *)context });
    outputs[0] = f.u;
    outputs[1] = f.s;
    outputs[2] = f.vt;
    outputs[3] = bg_svdvals(x[0]);
    return 4;
}

static double *transposed(const double *x, int64_t m, int64_t n)
{
    double *y = malloc(((size_t)(m * n) + 1) * sizeof *y);
    ck_assert_ptr_nonnull(y);
    for (int64_t i = 0; i < m * n; i++)
        y[i % n * m + i / n] = x[i];
    return y;
}
static void expect_ratio(double error, double of, const char *name, int64_t i, const char *what)
{
    ck_assert_msg(error <= RATIO_MOST * of, "%s: matrix %lld: %s: ratio %g", name, (long long)i, what, error / of);
}

/* One matrix: a [m, n], u [m, wide], s and values [k], vt [high, n]. */
static void check_matrix(const char *name, int64_t i, bg_dtype dtype, int64_t m, int64_t n, const double *a,
                         int64_t wide, const double *u, const double *s, int64_t high, const double *vt,
                         const double *values)
{
    int64_t k = m < n ? m : n;
    double epsilon = matrix_epsilon(dtype), most = (double)(m > n ? m : n), norm = matrix_norm_1(a, m, n);
    double *scaled = calloc((size_t)(m * high) + 1, sizeof *scaled), *v = transposed(vt, high, n);
    ck_assert_ptr_nonnull(scaled);
    for (int64_t row = 0; row < m; row++)
        for (int64_t j = 0; j < k; j++)
            scaled[row * high + j] = u[row * wide + j] * s[j];
    expect_ratio(matrix_error_1(scaled, vt, a, m, high, n), most * norm * epsilon, name, i, "a - u s vt");
    expect_ratio(matrix_not_orthogonal(u, m, wide), most * epsilon, name, i, "uᵀ u - 1");
    expect_ratio(matrix_not_orthogonal(v, n, high), most * epsilon, name, i, "vt v - 1");
    for (int64_t j = 0; j < k; j++) {
        ck_assert_msg(s[j] >= 0 && (j == 0 || s[j] <= s[j - 1]), "%s: value %lld is %g", name, (long long)j, s[j]);
        expect_ratio(fabs(s[j] - values[j]), most * s[0] * epsilon, name, i, "s - svdvals");
    }
    free(scaled);
    free(v);
}
static void check_factors(const int64_t *size, bg_dtype dtype, matrix_kind kind, bool is_full)
{
    int64_t m = size[1], n = size[2], k = m < n ? m : n, wide = is_full ? m : k, high = is_full ? n : k;
    bg_tensor *a = matrix_batch(trial_engine(), dtype, size[0], m, n, kind), *out[4];
    char name[96];
    snprintf(name, sizeof name, "%s %s [%lld, %lld, %lld]%s", matrix_kind_names[kind], bg_dtype_name(dtype),
             (long long)size[0], (long long)m, (long long)n, is_full ? " full" : "");
    expect_ok(run_once(trial_engine(), &a, 1, build_svd, &is_full, out), name);
    ck_assert_msg(bg_shape_equal(bg_tensor_shape(out[0]), BG_SHAPE(size[0], m, wide)) &&
                      bg_shape_equal(bg_tensor_shape(out[1]), BG_SHAPE(size[0], k)) &&
                      bg_shape_equal(bg_tensor_shape(out[2]), BG_SHAPE(size[0], high, n)),
                  "%s: shapes", name);
    double *x = matrix_values(a), *u = matrix_values(out[0]), *s = matrix_values(out[1]), *vt = matrix_values(out[2]);
    double *values = matrix_values(out[3]);
    for (int64_t i = 0; i < size[0]; i++)
        check_matrix(name, i, dtype, m, n, x + i * m * n, wide, u + i * m * wide, s + i * k, high, vt + i * high * n,
                     values + i * k);
    double *all[] = { x, u, s, vt, values };
    for (int i = 0; i < 5; i++)
        free(all[i]);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(out[i]);
    bg_tensor_destroy(a);
}
START_TEST(factors)
{
    for (int kind = 0; kind < MATRIX_KINDS; kind++)
        for (int flags = 0; flags < 4; flags++)
            check_factors(sizes[_i], flags & 1 ? BG_F64 : BG_F32, (matrix_kind)kind, flags & 2);
}
END_TEST

/* ---- The pseudo-inverse, and solutions by it ---- */

static int build_pinv(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_node *p = bg_pinv(x[0], (bg_optional){ 0 });
    bg_node *ap = bg_matmul(x[0], p), *pa = bg_matmul(p, x[0]);
    outputs[0] = bg_sub(bg_matmul(ap, x[0]), x[0]);
    outputs[1] = bg_sub(bg_matmul(pa, p), p);
    outputs[2] = bg_sub(ap, bg_transpose(ap, -1, -2));
    outputs[3] = bg_sub(pa, bg_transpose(pa, -1, -2));
    outputs[4] = bg_sub(bg_matmul(p, x[1]), bg_lstsq(x[0], x[1], &(bg_lstsq_options){ .by_svd = true }));
    outputs[5] = p;
    return 6;
}
/* Moore and Penrose's equations, and the solution that is the product. */
static void check_pinv(bg_dtype dtype, int64_t batch, int64_t m, int64_t n, matrix_kind kind)
{
    bg_tensor *a = matrix_batch(trial_engine(), dtype, batch, m, n, kind), *out[6];
    bg_tensor *b = matrix_batch(trial_engine(), dtype, batch, m, 2, MATRIX_RANDOM);
    char name[96];
    snprintf(name, sizeof name, "%s %s [%lld, %lld]", matrix_kind_names[kind], bg_dtype_name(dtype), (long long)m,
             (long long)n);
    expect_ok(run_once(trial_engine(), (bg_tensor *[]){ a, b }, 2, build_pinv, NULL, out), name);
    double *x = matrix_values(a), *p = matrix_values(out[5]), *all[5];
    for (int i = 0; i < 5; i++)
        all[i] = matrix_values(out[i]);
    for (int64_t i = 0; i < batch; i++) {
        double of_a = matrix_norm_1(x + i * m * n, m, n), of_p = matrix_norm_1(p + i * m * n, n, m);
        double rounding = (double)(m > n ? m : n) * matrix_epsilon(dtype), condition = of_a * of_p;
        expect_ratio(matrix_norm_1(all[0] + i * m * n, m, n), rounding * condition * of_a, name, i, "a p a - a");
        expect_ratio(matrix_norm_1(all[1] + i * m * n, n, m), rounding * condition * of_p, name, i, "p a p - p");
        expect_ratio(matrix_norm_1(all[2] + i * m * m, m, m), rounding * condition, name, i, "a p");
        expect_ratio(matrix_norm_1(all[3] + i * n * n, n, n), rounding * condition, name, i, "p a");
        expect_ratio(matrix_norm_1(all[4] + i * n * 2, n, 2), rounding * of_p * (double)m, name, i, "p b - x");
    }
    free(x);
    free(p);
    for (int i = 0; i < 5; i++)
        free(all[i]);
    for (int i = 0; i < 6; i++)
        bg_tensor_destroy(out[i]);
    bg_tensor_destroy(a);
    bg_tensor_destroy(b);
}
START_TEST(pseudo_inverse)
{
    static const int64_t extents[][2] = { { 1, 1 }, { 4, 4 }, { 7, 3 }, { 3, 7 }, { 20, 20 }, { 40, 17 }, { 5, 33 } };
    for (int i = 0; i < COUNT(extents); i++)
        for (int kind = MATRIX_RANDOM; kind <= MATRIX_ZERO; kind++)
            for (int way = 0; way < 4 && kind != MATRIX_HUGE && kind != MATRIX_TINY; way++)
                check_pinv(way % 2 ? BG_F64 : BG_F32, way / 2 ? 5 : 1, extents[i][0], extents[i][1], (matrix_kind)kind);
}
END_TEST

/* ---- Polar factors ---- */

static int build_polar(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_polar_factors f = bg_polar(x[0]);
    outputs[0] = f.u;
    outputs[1] = f.p;
    return 2;
}
START_TEST(polar)
{
    static const int64_t extents[][2] = { { 1, 1 }, { 4, 4 }, { 7, 3 }, { 20, 20 }, { 40, 17 } };
    static const matrix_kind kinds[] = { MATRIX_RANDOM, MATRIX_HUGE, MATRIX_TINY };
    for (int i = 0; i < COUNT(extents) * COUNT(kinds) * 4; i++) {
        int64_t m = extents[i / 12][0], n = extents[i / 12][1], batch = i / 6 % 2 ? 5 : 1;
        bg_dtype dtype = i % 2 ? BG_F64 : BG_F32;
        matrix_kind kind = kinds[i / 2 % 3];
        const char *name = matrix_kind_names[kind];
        bg_tensor *a = matrix_batch(trial_engine(), dtype, batch, m, n, kind), *out[2];
        expect_ok(run_once(trial_engine(), &a, 1, build_polar, NULL, out), name);
        double *x = matrix_values(a), *u = matrix_values(out[0]), *p = matrix_values(out[1]);
        for (int64_t k = 0; k < batch; k++) {
            const double *ak = x + k * m * n, *uk = u + k * m * n, *pk = p + k * n * n;
            double rounding = (double)m * matrix_epsilon(dtype);
            expect_ratio(matrix_error_1(uk, pk, ak, m, n, n), rounding * matrix_norm_1(ak, m, n), name, k, "a - u p");
            expect_ratio(matrix_not_orthogonal(uk, m, n), rounding, name, k, "uᵀ u - 1");
            for (int64_t j = 0; j < n * n; j++)
                ck_assert_msg(pk[j] == pk[j % n * n + j / n], "%s: p is not symmetric", name);
        }
        free(x);
        free(u);
        free(p);
        bg_tensor_destroy(out[0]);
        bg_tensor_destroy(out[1]);
        bg_tensor_destroy(a);
    }
}
END_TEST

/* ---- Threads ---- */

enum { SAME_OUTPUTS = 4 };
static int build_all(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    bg_svd_factors f = bg_svd(x[0], NULL);
    bg_node *terms[] = { bg_mul(f.u, bg_square(f.u)),
                         bg_square(f.vt),
                         bg_pinv(x[0], (bg_optional){ 0 }),
                         bg_polar(x[0]).u,
                         bg_matrix_norm(x[0], BG_NUCLEAR),
                         bg_cond(x[0]),
                         bg_lstsq(x[0], bg_square(x[0]), &(bg_lstsq_options){ .by_svd = true }) };
    bg_node *sum = NULL;
    for (int i = 0; i < COUNT(terms); i++) {
        bg_node *term = bg_sum(terms[i], BG_ALL_AXES);
        sum = sum ? bg_add(sum, term) : term;
    }
    outputs[0] = sum;
    outputs[1] = f.u;
    bg_grad(sum, x, 1, outputs + 2);
    outputs[3] = bg_svdvals(x[1]);
    return SAME_OUTPUTS;
}
START_TEST(same_bits)
{
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_tensor *first[SAME_OUTPUTS] = { NULL };
    for (int threads = 1; threads <= 4; threads++) {
        bg_engine *engine = NULL;
        bg_tensor *out[SAME_OUTPUTS];
        OK(bg_engine_create(&engine, &(bg_engine_options){ .threads = threads }));
        bg_tensor *in[] = { matrix_batch(engine, dtype, 37, 9, 7, MATRIX_RANDOM),
                            matrix_batch(engine, dtype, 45, 9, 8, MATRIX_RANDOM) };
        OK(run_once(engine, in, 2, build_all, NULL, out));
        for (int i = 0; i < SAME_OUTPUTS; i++) {
            size_t bytes = (size_t)bg_shape_count(bg_tensor_shape(out[i])) * bg_dtype_size(dtype);
            if (threads == 1) {
                first[i] = out[i];
                continue;
            }
            ck_assert_msg(memcmp(bg_tensor_const_data(out[i]), bg_tensor_const_data(first[i]), bytes) == 0,
                          "output %d differs with %d threads", i, threads);
            bg_tensor_destroy(out[i]);
        }
        bg_tensor_destroy(in[0]), bg_tensor_destroy(in[1]);
        bg_engine_destroy(engine);
    }
    for (int i = 0; i < SAME_OUTPUTS; i++)
        bg_tensor_destroy(first[i]);
}
END_TEST

/* ---- What is not defined ---- */

typedef enum { VALUES, VECTORS_U, VECTORS_VT, PINV, BY_SVD, NUCLEAR, SPECTRAL, CONDITION, RANK, POLAR } routine;
static const char *const names[] = { "svdvals",     "svd",         "svd",  "pinv",        "lstsq",
                                     "matrix_norm", "matrix_norm", "cond", "matrix_rank", "polar" };
typedef struct {
    routine routine;
    double regularization;
    bool has_gradient;
} question;
static bg_node *answer(const question *q, bg_node *x)
{
    bg_svd_factors f = bg_svd(x, &(bg_spectral_options){ .regularization = q->regularization });
    switch (q->routine) {
    case VALUES:
        return bg_svdvals(x);
    case VECTORS_U:
        return f.u;
    case VECTORS_VT:
        return f.vt;
    case PINV:
        return bg_pinv(x, (bg_optional){ 0 });
    case BY_SVD:
        return bg_lstsq(x, x, &(bg_lstsq_options){ .by_svd = true });
    case NUCLEAR:
        return bg_matrix_norm(x, BG_NUCLEAR);
    case SPECTRAL:
        return bg_matrix_norm(x, BG_SPECTRAL);
    case CONDITION:
        return bg_cond(x);
    case RANK:
        return bg_matrix_rank(x, (bg_optional){ 0 });
    default:
        return bg_polar(x).u;
    }
}
static int build_question(bg_node *const *x, const void *context, bg_node **outputs)
{
    const question *q = context;
    outputs[0] = answer(q, x[0]);
    if (q->has_gradient)
        bg_grad(bg_sum(bg_mul(outputs[0], bg_exp(outputs[0])), BG_ALL_AXES), x, 1, outputs + 1);
    return q->has_gradient ? 2 : 1;
}
/* Two matrices [3, n], the second of these columns. */
static bg_status ask(const question *q, bg_dtype dtype, int64_t n, const double *columns, bg_tensor **out)
{
    double values[18] = { 0 };
    for (int64_t i = 0; i < 3 * n; i++) {
        values[i] = i % (n + 1) == 0 ? (double)(3 + i) : 0.25;
        values[3 * n + i] = columns[i];
    }
    bg_tensor *x = tensor_of(trial_engine(), dtype, BG_SHAPE(2, 3, n), values);
    bg_status status = run_once(trial_engine(), &x, 1, build_question, q, out);
    bg_tensor_destroy(x);
    return status;
}
static void expect_answer(const question *q, bg_dtype dtype, int64_t n, const double *columns)
{
    bg_tensor *out[2] = { NULL, NULL };
    expect_ok(ask(q, dtype, n, columns, out), names[q->routine]);
    for (int i = 0; i < 1 + q->has_gradient; i++) {
        double *values = matrix_values(out[i]);
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(out[i])); k++)
            ck_assert_msg(isfinite(values[k]), "%s: output %d: %g", names[q->routine], i, values[k]);
        free(values);
        bg_tensor_destroy(out[i]);
    }
}

START_TEST(not_finite)
{
    static const double bad[] = { NAN, INFINITY, -INFINITY };
    for (int r = VALUES; r <= POLAR; r++)
        for (int i = 0; i < 6; i++) {
            double columns[6] = { 1, 2, 3, bad[i % 3], 5, 6 };
            char message[96];
            bg_tensor *out[2];
            snprintf(message, sizeof message, "%s: matrix [1] of [2]: a is %g at [1, 1]", names[r], bad[i % 3]);
            FAILS(ask(&(question){ .routine = (routine)r }, i < 3 ? BG_F32 : BG_F64, 2, columns, out), BG_ERR_NUMERIC,
                  message);
        }
}
END_TEST

START_TEST(too_large)
{
    for (int wide = 0; wide < 2; wide++) {
        double most = wide ? DBL_MAX : (double)FLT_MAX, columns[6] = { most, most, most, most, most, most };
        bg_tensor *out[2];
        for (int r = VALUES; r < POLAR; r++)
            if (r != PINV && r != BY_SVD) /* which scale the matrix, as polar does */
                FAILS(ask(&(question){ .routine = (routine)r }, wide ? BG_F64 : BG_F32, 2, columns, out),
                      BG_ERR_NUMERIC, "matrix [1] of [2]: a singular value is beyond the numbers of f");
    }
}
END_TEST

/* Singular values that are equal: those of the values' functions have gradients, vectors have not. */
START_TEST(equal_values)
{
    static const double square[] = { 0, 0, 2, 2, 0, 0, 0, 2, 0 }, tall[] = { 0, 2, 2, 0, 0, 0 };
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_tensor *out[2];
    for (int r = VALUES; r <= POLAR; r++) {
        question q = { .routine = (routine)r, .has_gradient = r != RANK };
        if (r == VECTORS_U || r == VECTORS_VT) {
            FAILS(ask(&q, dtype, 3, square, out), BG_ERR_NUMERIC,
                  "svd's gradient: matrix [1] of [2]: the gradient of the vectors is not defined: values 0 and 1, 2 "
                  "and 2, are "
                  "equal "
                  "to rounding");
            FAILS(ask(&q, dtype, 2, tall, out), BG_ERR_NUMERIC, "values 0 and 1, 2 and 2, are equal to rounding");
            q.regularization = 1e-3;
        }
        expect_answer(&q, dtype, 3, square);
        expect_answer(&q, dtype, 2, tall);
    }
}
END_TEST

/* One that is 0. */
START_TEST(zero_value)
{
    static const double square[] = { 1, 2, 3, 2, 4, 6, 0, 1, 0 }, tall[] = { 1, 2, 2, 4, 3, 6 };
    bg_dtype dtype = _i ? BG_F64 : BG_F32;
    bg_tensor *out[2];
    static const question u = { .routine = VECTORS_U, .has_gradient = true };
    FAILS(ask(&u, dtype, 2, tall, out), BG_ERR_NUMERIC, "is 0 to rounding");
    expect_answer(&(question){ .routine = VECTORS_U, .regularization = 0.01, .has_gradient = true }, dtype, 2, tall);
    /* What is at right angles to the vectors of a square is nothing; there are as many of them in vt. */
    expect_answer(&u, dtype, 3, square);
    expect_answer(&(question){ .routine = VECTORS_VT, .has_gradient = true }, dtype, 2, tall);
    expect_answer(&(question){ .routine = VALUES, .has_gradient = true }, dtype, 2, tall);
    expect_answer(&(question){ .routine = PINV, .has_gradient = true }, dtype, 2, tall);
    expect_answer(&(question){ .routine = NUCLEAR, .has_gradient = true }, dtype, 2, tall);
    FAILS(ask(&(question){ .routine = POLAR }, dtype, 2, tall, out), BG_ERR_NUMERIC,
          "polar: matrix [1] of [2]: a has not full rank: singular values go from ");
}
END_TEST

/* Of nothing but zeros. */
START_TEST(zero_matrix)
{
    static const double zeros[6] = { 0 };
    bg_tensor *out[2];
    for (int r = VALUES; r < POLAR; r++) {
        question q = { .routine = (routine)r };
        if (r == CONDITION)
            continue;
        expect_answer(&q, BG_F32, 2, zeros);
        expect_answer(&q, BG_F64, 2, zeros);
    }
    question condition = { .routine = CONDITION };
    OK(ask(&condition, BG_F64, 2, zeros, out));
    ck_assert(value_at(out[0], 0) < 10 && value_at(out[0], 1) == INFINITY);
    bg_tensor_destroy(out[0]);
    condition.has_gradient = true;
    FAILS(ask(&condition, BG_F64, 2, zeros, out), BG_ERR_NUMERIC,
          "cond's gradient: matrix [1] of [2]: the gradient is not defined: a singular value is 0");
    OK(ask(&(question){ .routine = RANK }, BG_F32, 2, zeros, out));
    ck_assert(value_at(out[0], 0) == 2 && value_at(out[0], 1) == 0);
    bg_tensor_destroy(out[0]);
}
END_TEST

/* Alone or side by side, numbers below the smallest normal one are numbers. */
static int build_values(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_svdvals(x[0]);
    outputs[1] = bg_eigh(x[0], NULL).values;
    return 2;
}
START_TEST(smallest_numbers)
{
    static const double large[] = { 2.5e-38, 1e-39 };
    double a[4 * 4];
    for (int i = 0; i < 16; i++)
        a[i] = i % 4 == 0 || i % 4 == 3 ? 1.3e-38 : 1.2e-38;
    for (int batch = 1; batch <= 4; batch += 3) {
        bg_tensor *in = tensor_of(trial_engine(), BG_F32, BG_SHAPE(batch, 2, 2), a), *out[2] = { NULL };
        OK(run_once(trial_engine(), &in, 1, build_values, NULL, out));
        for (int i = 0; i < 2 * batch; i++)
            for (int k = 0; k < 2; k++) {
                double value = value_at(out[k], i), expected = large[k == 0 ? i % 2 : 1 - i % 2];
                ck_assert_msg(fabs(value - expected) <= 30 * (double)FLT_EPSILON * 2.5e-38, "%s %d of %d: %g",
                              k == 0 ? "svdvals" : "eigh", i, batch, value);
            }
        bg_tensor_destroy(in), bg_tensor_destroy(out[0]), bg_tensor_destroy(out[1]);
    }
}
END_TEST

/* What is wrong with the first matrix is told, whatever it is. */
static int build_eigenvalues(bg_node *const *x, const void *context, bg_node **outputs)
{
    (void)context;
    outputs[0] = bg_eigh(x[0], NULL).values;
    return 1;
}
START_TEST(first_failure)
{
    double a[4 * 4] = { 0 };
    for (int i = 0; i < 4; i++)
        a[4 * i] = a[4 * i + 3] = i == 3 ? (double)NAN : 1;
    for (int k = 0; k < 4; k++)
        a[4 + k] = (double)FLT_MAX;
    bg_tensor *in = tensor_of(trial_engine(), BG_F32, BG_SHAPE(4, 2, 2), a), *out[2] = { NULL };
    FAILS(run_once(trial_engine(), &in, 1, build_polar, NULL, out), BG_ERR_NUMERIC,
          "polar: matrix [1] of [4]: a has not full rank");
    FAILS(run_once(trial_engine(), &in, 1, build_eigenvalues, NULL, out), BG_ERR_NUMERIC,
          "eigh: matrix [1] of [4]: an eigenvalue is beyond the numbers of f32");
    bg_tensor_destroy(in);
}
END_TEST

START_TEST(full_gradient)
{
    bg_graph *graph = NULL;
    bg_node *dx = NULL;
    OK(bg_graph_create(&graph, trial_engine()));
    bg_node *x = bg_input(graph, "x", BG_F64, BG_SHAPE(4, 2));
    bg_svd_factors f = bg_svd(x, &(bg_spectral_options){ .is_full = true });
    OK(bg_grad(bg_sum(bg_narrow(f.u, 1, 0, 2), BG_ALL_AXES), &x, 1, &dx));
    OK(bg_grad(bg_sum(f.vt, BG_ALL_AXES), &x, 1, &dx));
    FAILS(bg_grad(bg_sum(f.u, BG_ALL_AXES), &x, 1, &dx), BG_ERR_GRADIENT,
          "svd: of a full u only the first 2 of 4 vectors have a gradient");
    bg_graph_destroy(graph);
}
END_TEST

/* The gradient of values alone makes no factors of differences. */
START_TEST(values_alone)
{
    bg_tensor *out[2];
    static const double square[] = { 0, 0, 2, 2, 0, 0, 0, 2, 0 };
    OK(ask(&(question){ .routine = VALUES, .has_gradient = true }, BG_F64, 3, square, out));
    for (int i = 0; i < 9; i++) {
        double expected = square[i] / 2 * 3 * exp(2); /* (s eˢ)' = (1 + s) eˢ, of a permutation */
        ck_assert_msg(fabs(value_at(out[1], 9 + i) - expected) < 1e-13 * 3 * exp(2), "[%d]: %g", i,
                      value_at(out[1], 9 + i));
    }
    bg_tensor_destroy(out[0]);
    bg_tensor_destroy(out[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg_svd");
    TCase *cases = tcase_create("svd");
    tcase_add_checked_fixture(cases, trial_set_up_single, trial_tear_down);
    tcase_add_loop_test(cases, factors, 0, COUNT(sizes));
    tcase_add_test(cases, pseudo_inverse);
    tcase_add_test(cases, polar);
    tcase_add_loop_test(cases, same_bits, 0, 2);
    tcase_add_test(cases, not_finite);
    tcase_add_test(cases, too_large);
    tcase_add_loop_test(cases, equal_values, 0, 2);
    tcase_add_loop_test(cases, zero_value, 0, 2);
    tcase_add_test(cases, zero_matrix);
    tcase_add_test(cases, smallest_numbers);
    tcase_add_test(cases, first_failure);
    tcase_add_test(cases, full_gradient);
    tcase_add_test(cases, values_alone);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
