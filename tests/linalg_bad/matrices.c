/* Operands, and matrices in long double. */
#include "bad.h"

#include "support/fixed.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Operands ---- */

static int64_t rows_of(bad_form form, int64_t n) { return form == TALL || form == TALL_RIGHT ? n + 3 : n; }
static int64_t columns_of(bad_form form, int64_t n)
{
    switch (form) {
    case WIDE:
        return n + 3;
    case RIGHT:
    case TALL_RIGHT:
        return 2;
    default:
        return n;
    }
}
static bool is_vector(bad_form form) { return form == DIAGONAL || form == BESIDE || form == VECTOR; }

bg_shape bad_shape(bad_form form, int64_t n)
{
    if (is_vector(form))
        return BG_SHAPE(form == BESIDE ? n - 1 : n);
    return BG_SHAPE(rows_of(form, n), columns_of(form, n));
}

/* Multiples of 1/16, not 0; few of them beside a diagonal when n is large, so that it dominates. */
static double short_number(int64_t n, int stream, int64_t i, int64_t j)
{
    double number = fixed_number((uint64_t)stream, (uint64_t)(i * 4099 + j));
    double steps = n > 100 ? 1 : n > 10 ? 2 : 6;
    double size = ceil(fabs(number) * steps) / 16;
    return number < 0 ? -size : size;
}
/* 2 .. 4, apart by 1/16 as far as there are such numbers. */
static double diagonal_number(int64_t i) { return 2 + (double)(i * 7 % 33) / 16; }

static double matrix_number(bad_form form, int64_t n, int stream, int64_t i, int64_t j)
{
    bool is_symmetric = form == POSITIVE || form == INDEFINITE;
    if (is_symmetric && i < j)
        return matrix_number(form, n, stream, j, i);
    if (i == j && form != RIGHT && form != TALL_RIGHT)
        return form == INDEFINITE && i % 2 == 1 ? -diagonal_number(i) : diagonal_number(i);
    return short_number(n, stream, i, j);
}
/* g · gᵀ for a g with ones on the diagonal and below it, and 0 as last on the diagonal */
static double deficient_positive(int64_t n, int64_t i, int64_t j)
{
    if (i == j)
        return (i > 0) + (i < n - 1);
    return i - j == 1 || j - i == 1;
}

void bad_fill(double *values, bad_form form, bad_variant variant, int64_t n, int stream, double scale)
{
    if (is_vector(form)) {
        int64_t count = form == BESIDE ? n - 1 : n;
        for (int64_t i = 0; i < count; i++) {
            double number = form == DIAGONAL ? diagonal_number(i) : short_number(n, stream, i, 0);
            /* The last two rows of the tridiagonal matrix are [1 1; 1 1], and those before do not lead to them. */
            if (variant == DEFICIENT && form == DIAGONAL && i >= n - 2)
                number = n > 1;
            if (variant == DEFICIENT && form == BESIDE && i >= n - 3)
                number = i == n - 2;
            values[i] = variant == ZERO ? 0 : number * scale;
        }
        return;
    }
    int64_t rows = rows_of(form, n), columns = columns_of(form, n);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            int64_t row = i, column = j;
            bool is_deficient = variant == DEFICIENT && form != TRIANGLE;
            if (is_deficient && form != TALL && i == n - 1)
                row = n - 2;
            if (is_deficient && (form == TALL || form == INDEFINITE) && j == n - 1)
                column = n - 2;
            double number = is_deficient && form == POSITIVE ? deficient_positive(n, i, j)
                            : row < 0 || column < 0          ? 0
                                                             : matrix_number(form, n, stream, row, column);
            if (i == n - 1 && j == n - 1 && variant == DEFICIENT && form == TRIANGLE)
                number = 0;
            if (i == n - 1 && j == n - 1 && variant == NEGATIVE)
                number = -1;
            values[i * columns + j] = variant == ZERO ? 0 : number * scale;
        }
}

/* ---- Matrices ---- */

enum { MOST_MATRICES = 64 };
static long double *pieces[MOST_MATRICES];
static int n_pieces;

matrix matrix_of(int64_t rows, int64_t columns)
{
    ck_assert_int_lt(n_pieces, MOST_MATRICES);
    long double *v = calloc((size_t)(rows * columns) + 1, sizeof *v);
    ck_assert_ptr_nonnull(v);
    pieces[n_pieces++] = v;
    return (matrix){ rows, columns, v };
}
void matrices_free(void)
{
    while (n_pieces > 0)
        free(pieces[--n_pieces]);
}
matrix identity(int64_t n)
{
    matrix y = matrix_of(n, n);
    for (int64_t i = 0; i < n; i++)
        y.v[i * n + i] = 1;
    return y;
}
matrix transposed(matrix a)
{
    matrix y = matrix_of(a.columns, a.rows);
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t j = 0; j < a.columns; j++)
            y.v[j * a.rows + i] = a.v[i * a.columns + j];
    return y;
}
matrix product(matrix a, matrix b)
{
    matrix y = matrix_of(a.rows, b.columns);
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t k = 0; k < a.columns; k++)
            for (int64_t j = 0; j < b.columns; j++)
                y.v[i * b.columns + j] += a.v[i * a.columns + k] * b.v[k * b.columns + j];
    return y;
}
matrix difference(matrix a, matrix b)
{
    matrix y = matrix_of(a.rows, a.columns);
    for (int64_t i = 0; i < a.rows * a.columns; i++)
        y.v[i] = a.v[i] - b.v[i];
    return y;
}
matrix triangle_of(matrix a, bg_triangle triangle, bool is_unit)
{
    matrix y = matrix_of(a.rows, a.columns);
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t j = 0; j < a.columns; j++)
            if (i == j && is_unit)
                y.v[i * a.columns + j] = 1;
            else if (triangle == BG_LOWER ? j <= i : j >= i)
                y.v[i * a.columns + j] = a.v[i * a.columns + j];
    return y;
}
matrix symmetric_of(matrix a, bg_triangle triangle)
{
    matrix y = matrix_of(a.rows, a.columns);
    for (int64_t i = 0; i < a.rows; i++)
        for (int64_t j = 0; j < a.columns; j++) {
            bool is_read = triangle == BG_LOWER ? j <= i : j >= i;
            y.v[i * a.columns + j] = is_read ? a.v[i * a.columns + j] : a.v[j * a.columns + i];
        }
    return y;
}
matrix diagonal_of(matrix column)
{
    matrix y = matrix_of(column.rows, column.rows);
    for (int64_t i = 0; i < column.rows; i++)
        y.v[i * column.rows + i] = column.v[i];
    return y;
}
long double norm_1(matrix a)
{
    long double largest = 0;
    for (int64_t j = 0; j < a.columns; j++) {
        long double sum = 0;
        for (int64_t i = 0; i < a.rows; i++)
            sum += fabsl(a.v[i * a.columns + j]);
        largest = sum > largest ? sum : largest;
    }
    return largest;
}
long double ratio_of(const bad_run *run, matrix residual, long double size)
{
    long double wrong = norm_1(residual);
    return wrong == 0 ? 0 : wrong / (size * (long double)run->n * run->epsilon);
}
