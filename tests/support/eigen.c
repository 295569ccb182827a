#include "eigen.h"

#include "draw.h"
#include "trial.h"
#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const eigen_size eigen_sizes[EIGEN_SIZES] = {
    { 1, 0 },    { 1, 1 },  { 1, 2 },  { 3, 3 },  { 1, 5 },    { 2, 8 },     { 1, 16 },   { 1, 17 }, { 1, 31 },
    { 1, 33 },   { 1, 64 }, { 1, 70 }, { 0, 4 },  { 1000, 1 }, { 4, 25 },    { 18, 32 },  { 5, 24 }, { 1000, 2 },
    { 1000, 4 }, { 37, 9 }, { 1, 25 }, { 1, 26 }, { 9, 16 },   { 1000, 16 }, { 1003, 3 },
};

enum { MOST_INPUTS = 2, MOST_OUTPUTS = 4 };
eigen_ran eigen_run(bg_engine *engine, eigen_build *build, bg_tensor *const *inputs, int n)
{
    eigen_ran r = { 0 };
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
void eigen_end(eigen_ran *r)
{
    bg_program_destroy(r->program);
    bg_graph_destroy(r->graph);
}
double *eigen_output(const eigen_ran *r, size_t i) { return matrix_values(bg_program_output(r->program, i)); }

eigen_name eigen_label(const char *what, int size, bg_dtype dtype, matrix_kind kind)
{
    eigen_name l;
    snprintf(l.text, sizeof l.text, "%s, %s %s [%d, %d, %d]", what, matrix_kind_names[kind], bg_dtype_name(dtype),
             (int)eigen_sizes[size].batch, (int)eigen_sizes[size].n, (int)eigen_sizes[size].n);
    return l;
}
void expect_ratio(const char *name, int64_t n, bg_dtype dtype, double error, double of)
{
    double unit = (double)n * of * matrix_epsilon(dtype);
    ck_assert_msg(error <= RATIO_MOST * unit, "%s: ratio %g", name, error / unit);
}

void scale_columns(const double *v, const double *w, double *y, int64_t n)
{
    for (int64_t i = 0; i < n * n; i++)
        y[i] = v[i] * w[i % n];
}
void transpose_square(const double *x, double *y, int64_t n)
{
    for (int64_t i = 0; i < n * n; i++)
        y[i % n * n + i / n] = x[i];
}
double *numbers_for(int64_t count)
{
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    return values;
}
double product_error(const double *x, const double *y, const double *a, int64_t n)
{
    double *identity = numbers_for(n * n);
    for (int64_t i = 0; i < n * n; i++)
        identity[i] = i / n == i % n;
    double error = matrix_error_1(x, y, a ? a : identity, n, n, n);
    free(identity);
    return error;
}
void multiply_squares(const double *x, const double *y, double *z, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            long double sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += (long double)x[i * n + k] * y[k * n + j];
            z[i * n + j] = (double)sum;
        }
}

bg_tensor *symmetric_batch(bg_dtype dtype, int size, matrix_kind kind, bool upper, double **full)
{
    int64_t batch = eigen_sizes[size].batch, n = eigen_sizes[size].n;
    bg_tensor *any = matrix_batch(trial_engine(), dtype, batch, n, n, kind);
    double *a = matrix_values(any), *half = numbers_for(batch * n * n);
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
bg_tensor *definite_batch(bg_dtype dtype, int size, matrix_kind kind, double **values)
{
    int64_t batch = eigen_sizes[size].batch, n = eigen_sizes[size].n;
    bool is_wide = dtype == BG_F64;
    int shift = kind == MATRIX_HUGE ? (is_wide ? 490 : 50) : kind == MATRIX_TINY ? (is_wide ? -460 : -50) : 0;
    double *a = numbers_for(batch * n * n);
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
