#include "objectives.h"

#include <math.h>

static const double two_pi = 6.283185307179586476925;

double sphere_loss(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

double ellipsoid_loss(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow(1e6, (double)i / (double)(n - 1)) * x[i] * x[i];
    return sum;
}

double rosenbrock_loss(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i + 1 < n; i++) {
        double valley = x[i] * x[i] - x[i + 1];
        sum += 100 * valley * valley + (1 - x[i]) * (1 - x[i]);
    }
    return sum;
}

double rastrigin_loss(const double *x, int64_t n)
{
    double sum = 10 * (double)n;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i] - 10 * cos(two_pi * x[i]);
    return sum;
}

double shifted_loss(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - (double)i - 1) * (x[i] - (double)i - 1);
    return sum;
}

/* ---- The lecture ---- */

enum { ROWS = 5 };
static const double table_x[ROWS][2] = { { 1, 2.2 }, { -2, 4 }, { 1, 1.5 }, { 5, -2 }, { -1, -1 } };
static const double table_y[ROWS] = { 4, 0, 3, 8, -3.8 };

static double error_of(const double *w, int row)
{
    return table_x[row][0] * w[0] + table_x[row][1] * w[1] - table_y[row];
}

double lecture_l1_loss(const double *w, int64_t n)
{
    (void)n;
    double sum = 0;
    for (int row = 0; row < ROWS; row++)
        sum += fabs(error_of(w, row));
    return sum / ROWS;
}

double lecture_l2_loss(const double *w, int64_t n)
{
    (void)n;
    double sum = 0;
    for (int row = 0; row < ROWS; row++)
        sum += error_of(w, row) * error_of(w, row);
    return sum / ROWS;
}

/* Solves a w = b of two equations. */
static void solve(double a[2][2], const double b[2], double w[2])
{
    double determinant = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    w[0] = (b[0] * a[1][1] - a[0][1] * b[1]) / determinant;
    w[1] = (a[0][0] * b[1] - b[0] * a[1][0]) / determinant;
}

double lecture_least_l2(double w[2])
{
    double a[2][2] = { { 0 } }, b[2] = { 0 };
    for (int row = 0; row < ROWS; row++)
        for (int i = 0; i < 2; i++) {
            b[i] += table_x[row][i] * table_y[row];
            for (int j = 0; j < 2; j++)
                a[i][j] += table_x[row][i] * table_x[row][j];
        }
    solve(a, b, w);
    return lecture_l2_loss(w, 2);
}

/* A least sum of absolute errors of two parameters is reached where two of the errors are 0. */
double lecture_least_l1(void)
{
    double least = INFINITY;
    for (int p = 0; p < ROWS; p++)
        for (int q = p + 1; q < ROWS; q++) {
            double a[2][2] = { { table_x[p][0], table_x[p][1] }, { table_x[q][0], table_x[q][1] } };
            double b[2] = { table_y[p], table_y[q] }, w[2];
            solve(a, b, w);
            least = fmin(least, lecture_l1_loss(w, 2));
        }
    return least;
}

bg_status evaluate_points(const bg_tensor *candidates, double *losses, void *user)
{
    const point_objective *objective = user;
    bg_shape shape = bg_tensor_shape(candidates);
    const double *x = bg_tensor_const_data(candidates);
    for (int64_t k = 0; k < shape.dims[0]; k++)
        losses[k] = objective->loss(x + k * shape.dims[1], shape.dims[1]);
    return BG_OK;
}
