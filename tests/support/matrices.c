#include "matrices.h"

#include "draw.h"
#include "evaluate.h"
#include "trial.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

const char *const matrix_kind_names[] = {
    [MATRIX_RANDOM] = "random", [MATRIX_SCALED] = "badly scaled", [MATRIX_NEARLY_SINGULAR] = "nearly singular",
    [MATRIX_HUGE] = "huge",     [MATRIX_TINY] = "tiny",           [MATRIX_ZERO] = "zero"
};

double matrix_epsilon(bg_dtype dtype) { return dtype == BG_F64 ? DBL_EPSILON : (double)FLT_EPSILON; }

/* The last row or column, of whichever there are fewer, becomes the mean of the others but for n · epsilon. */
static void make_dependent(double *x, int64_t m, int64_t n, double epsilon)
{
    int64_t least = m < n ? m : n, most = m < n ? n : m, step = m < n ? n : 1, along = m < n ? 1 : n;
    for (int64_t i = 0; i < most && least > 1; i++) {
        double sum = 0, rest = x[i * along + (least - 1) * step];
        for (int64_t k = 0; k < least - 1; k++)
            sum += x[i * along + k * step];
        x[i * along + (least - 1) * step] = sum / (double)(least - 1) + (double)most * epsilon * rest;
    }
}

static void fill(double *x, int64_t m, int64_t n, matrix_kind kind, bg_dtype dtype, draw *d)
{
    bool is_wide = dtype == BG_F64;
    double size = kind == MATRIX_HUGE ? (is_wide ? 1e300 : 1e36) : kind == MATRIX_TINY ? (is_wide ? 1e-290 : 1e-30) : 1;
    int powers = is_wide ? 60 : 12;
    for (int64_t i = 0; i < m * n; i++)
        x[i] = kind == MATRIX_ZERO ? 0 : size * draw_between(d, -1, 1);
    for (int64_t i = 0; i < m && kind == MATRIX_SCALED; i++)
        for (int64_t j = 0; j < n; j++)
            x[i * n + j] = ldexp(x[i * n + j], (int)(i * 7 % powers + j * 5 % powers - powers));
    if (kind == MATRIX_NEARLY_SINGULAR)
        make_dependent(x, m, n, matrix_epsilon(dtype));
}

bg_tensor *matrix_batch(bg_engine *engine, bg_dtype dtype, int64_t batch, int64_t m, int64_t n, matrix_kind kind)
{
    double *values = malloc(((size_t)(batch * m * n) + 1) * sizeof *values);
    if (!values)
        abort();
    draw d = draw_from((uint64_t)(m * 1000 + n * 10 + (int64_t)kind + 1));
    for (int64_t i = 0; i < batch; i++)
        fill(values + i * m * n, m, n, kind, dtype, &d);
    bg_tensor *tensor = tensor_of(engine, dtype, BG_SHAPE(batch, m, n), values);
    free(values);
    return tensor;
}

double *matrix_values(const bg_tensor *tensor)
{
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    if (!values)
        abort();
    const void *data = bg_tensor_const_data(tensor); /* each look at the engine asks the system for the process */
    for (int64_t i = 0; i < count; i++)
        values[i] = element_of(data, bg_tensor_dtype(tensor), i);
    return values;
}

double matrix_norm_1(const double *x, int64_t m, int64_t n)
{
    double most = 0;
    for (int64_t j = 0; j < n; j++) {
        long double sum = 0;
        for (int64_t i = 0; i < m; i++)
            sum += fabsl((long double)x[i * n + j]);
        most = fmax(most, sum == sum ? (double)sum : INFINITY);
    }
    return most;
}

double matrix_error_1(const double *x, const double *y, const double *a, int64_t m, int64_t k, int64_t n)
{
    double most = 0;
    for (int64_t j = 0; j < n; j++) {
        long double sum = 0;
        for (int64_t i = 0; i < m; i++) {
            long double error = -(long double)a[i * n + j];
            for (int64_t p = 0; p < k; p++)
                error += (long double)x[i * k + p] * y[p * n + j];
            sum += fabsl(error);
        }
        most = fmax(most, sum == sum ? (double)sum : INFINITY);
    }
    return most;
}

double matrix_not_orthogonal(const double *x, int64_t m, int64_t n)
{
    double most = 0;
    for (int64_t j = 0; j < n; j++) {
        long double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            long double error = i == j ? -1 : 0;
            for (int64_t p = 0; p < m; p++)
                error += (long double)x[p * n + i] * x[p * n + j];
            sum += fabsl(error);
        }
        most = fmax(most, sum == sum ? (double)sum : INFINITY);
    }
    return most;
}
