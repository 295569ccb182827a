#include "linalg/lu_matrix.h"

#include "blas/lapack.h"
#include "linalg/lu_columns.h"

#include <math.h>
#include <string.h>

/* ---- Factors ---- */

/* Matrices of so few rows or columns are done by the loops below: what serves larger ones costs more. */
enum { FEW = 16 };

/* Gaussian elimination by rows, one column after the other; swaps[k] is the row that became row k. A column of zeros is
 * left as it is. */
#define ELIMINATE(type, magnitude)                                                                                     \
    static void eliminate_##type(int64_t m, int64_t n, type *a, int64_t *swaps)                                        \
    {                                                                                                                  \
        for (int64_t k = 0; k < m && k < n; k++) {                                                                     \
            int64_t best = k;                                                                                          \
            for (int64_t i = k + 1; i < m; i++)                                                                        \
                if (magnitude(a[i * n + k]) > magnitude(a[best * n + k]))                                              \
                    best = i;                                                                                          \
            swaps[k] = best;                                                                                           \
            type *row = a + k * n, *other = a + best * n, pivot = other[k];                                            \
            for (int64_t j = 0; j < n && best != k; j++) {                                                             \
                type moved = row[j];                                                                                   \
                row[j] = other[j];                                                                                     \
                other[j] = moved;                                                                                      \
            }                                                                                                          \
            for (int64_t i = k + 1; i < m && pivot != 0; i++) {                                                        \
                type *below = a + i * n, factor = below[k] / pivot;                                                    \
                below[k] = factor;                                                                                     \
                for (int64_t j = k + 1; j < n; j++)                                                                    \
                    below[j] -= factor * row[j];                                                                       \
            }                                                                                                          \
        }                                                                                                              \
    }
ELIMINATE(float, fabsf)
ELIMINATE(double, fabs)

static bool is_for_loops(int64_t m, int64_t n) { return bgi_least(m, n) <= FEW; }

size_t bgi_lu_work(bg_dtype dtype, int64_t m, int64_t n)
{
    int64_t k = bgi_least(m, n);
    size_t swaps = bgi_aligned((size_t)k * sizeof(int64_t)), size = bg_dtype_size(dtype);
    return swaps + (is_for_loops(m, n) ? 0 : bgi_aligned((size_t)(m * n) * size) + bgi_aligned((size_t)(k * k) * size));
}

/* Columns as rows. */
static void factor_by_lapack(const bgi_tiles *t, int64_t m, int64_t n, void *a, int64_t *swaps, void *columns)
{
    t->kernels->transpose(columns, m, a, n, n, m);
    (void)bgi_lapack_getrf(t->dtype, m, n, columns, m, swaps);
    t->kernels->transpose(a, n, columns, m, m, n);
}
static void factor_by_tiles(const bgi_tiles *t, int64_t m, int64_t n, void *a, int64_t *swaps, void *columns)
{
    int64_t k = bgi_least(m, n);
    void *right = bgi_at(a, k, t->size), *square = bgi_at(columns, 1, bgi_aligned((size_t)(m * n) * t->size));
    t->kernels->transpose(columns, m, a, n, k, m);
    bgi_lu_columns(t, k, m, columns, swaps, square);
    t->kernels->transpose(a, n, columns, m, m, k);
    if (n == k)
        return;
    size_t width = (size_t)(n - k) * t->size; /* of rows that are in the way of none: m is k */
    for (int64_t i = 0; i < k; i++) {
        void *here = bgi_tile_at(t, right, n, i, 0), *there = bgi_tile_at(t, right, n, swaps[i], 0);
        memcpy(columns, here, width);
        memmove(here, there, width);
        memcpy(there, columns, width);
    }
    bgi_tiles_solve(t, false, true, k, n - k, bgi_tile_of(t, a, n, 0, 0), right, n);
}

void bgi_lu_factor(const bgi_tiles *t, int64_t m, int64_t n, void *a, int64_t *order, void *work)
{
    int64_t *swaps = work, count = bgi_least(m, n);
    void *columns = bgi_at(work, 1, bgi_aligned((size_t)count * sizeof *swaps));
    if (!is_for_loops(m, n))
        (t->by_blas ? factor_by_lapack : factor_by_tiles)(t, m, n, a, swaps, columns);
    else if (t->dtype == BG_F64)
        eliminate_double(m, n, a, swaps);
    else
        eliminate_float(m, n, a, swaps);
    for (int64_t i = 0; i < m; i++)
        order[i] = i;
    for (int64_t k = 0; k < count; k++) {
        int64_t moved = order[k];
        order[k] = order[swaps[k]];
        order[swaps[k]] = moved;
    }
}

/* ---- Solutions ---- */

int64_t bgi_lu_zero_pivot(bg_dtype dtype, int64_t n, const void *packed)
{
    int64_t k = 0;
    while (k < n && bgi_float_at(packed, dtype, k * n + k) != 0)
        k++;
    return k;
}

/* x of (lower · upper) · x = x, or of its transpose. */
static void substitute(const bgi_tiles *t, int64_t n, int64_t r, const void *packed, bool is_transposed, void *x)
{
    bgi_triangular lower = { .is_unit = true, .is_transposed = is_transposed };
    bgi_triangular upper = { .is_upper = true, .is_transposed = is_transposed };
    bgi_tiles_system(t, is_transposed ? upper : lower, n, r, packed, n, x, r, NULL);
    bgi_tiles_system(t, is_transposed ? lower : upper, n, r, packed, n, x, r, NULL);
}

size_t bgi_lu_solve_work(bg_dtype dtype, int64_t n, int64_t r, bool is_transposed)
{
    return is_transposed ? bgi_aligned((size_t)(n * r) * bg_dtype_size(dtype)) : 0;
}

void bgi_lu_solve(const bgi_tiles *t, int64_t n, int64_t r, const void *packed, bool is_transposed, const void *b,
                  void *x, void *work)
{
    size_t row = (size_t)r * t->size;
    if (!is_transposed) {
        for (int64_t i = 0; i < n; i++)
            memcpy(bgi_at(x, i, row), bgi_const_at(b, bgi_lu_order_at(t->dtype, packed, n * n, i), row), row);
        substitute(t, n, r, packed, false, x);
        return;
    }
    memcpy(work, b, (size_t)n * row);
    substitute(t, n, r, packed, true, work);
    for (int64_t i = 0; i < n; i++)
        memcpy(bgi_at(x, bgi_lu_order_at(t->dtype, packed, n * n, i), row), bgi_const_at(work, i, row), row);
}

void bgi_lu_invert(const bgi_tiles *t, int64_t n, const void *packed, void *x)
{
    memset(x, 0, (size_t)(n * n) * t->size);
    for (int64_t i = 0; i < n; i++)
        bgi_put_float(x, t->dtype, i * n + bgi_lu_order_at(t->dtype, packed, n * n, i), 1);
    substitute(t, n, n, packed, false, x);
}

/* ---- Determinants ---- */

static bgi_scaled scaled(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);
    return (bgi_scaled){ fraction, fraction == 0 ? 0 : exponent };
}
static bgi_scaled times(bgi_scaled x, double y)
{
    bgi_scaled factor = scaled(y), product = scaled(x.fraction * factor.fraction);
    product.exponent += x.exponent + factor.exponent;
    return product;
}
/* x · 2^exponent: infinite, or 0, beyond the type's range. */
static double shifted(double x, int64_t exponent)
{
    enum { BEYOND = 5000 };
    return ldexp(x, (int)(exponent > BEYOND ? BEYOND : exponent < -BEYOND ? -BEYOND : exponent));
}
double bgi_scaled_value(bgi_scaled x) { return shifted(x.fraction, x.exponent); }

/* Exchanging two changes the sign of a permutation: a cycle of k is worth k - 1 of them. */
bgi_scaled bgi_lu_determinant(bg_dtype dtype, int64_t n, const void *packed, void *scratch)
{
    unsigned char *is_seen = memset(scratch, 0, (size_t)n);
    bgi_scaled det = { 0.5, 1 };
    for (int64_t i = 0; i < n; i++) {
        det = times(det, bgi_float_at(packed, dtype, i * n + i));
        for (int64_t at = i; !is_seen[at]; at = bgi_lu_order_at(dtype, packed, n * n, at)) {
            is_seen[at] = 1;
            det.fraction = at == i ? det.fraction : -det.fraction;
        }
    }
    return det;
}

/* ---- Cofactors ---- */

/* a in f64, with its largest magnitude brought between ½ and 1, eliminated with complete pivoting: element i, j of
 * lower · upper is element rows[i], columns[j] of a. */
typedef struct {
    int64_t n, *rows, *columns;
    double *lu, sign;
    int exponent; /* that a was divided by */
} complete_lu;

static void exchange(int64_t *x, int64_t i, int64_t j)
{
    int64_t moved = x[i];
    x[i] = x[j];
    x[j] = moved;
}
static void find_largest(const complete_lu *c, int64_t k, int64_t *row, int64_t *column)
{
    double largest = 0;
    *row = *column = k;
    for (int64_t i = k; i < c->n; i++)
        for (int64_t j = k; j < c->n; j++)
            if (fabs(c->lu[i * c->n + j]) > largest) {
                largest = fabs(c->lu[i * c->n + j]);
                *row = i;
                *column = j;
            }
}
static void bring_to_pivot(complete_lu *c, int64_t k, int64_t row, int64_t column)
{
    for (int64_t j = 0; j < c->n && row != k; j++) {
        double moved = c->lu[k * c->n + j];
        c->lu[k * c->n + j] = c->lu[row * c->n + j];
        c->lu[row * c->n + j] = moved;
    }
    for (int64_t i = 0; i < c->n && column != k; i++) {
        double moved = c->lu[i * c->n + k];
        c->lu[i * c->n + k] = c->lu[i * c->n + column];
        c->lu[i * c->n + column] = moved;
    }
    exchange(c->rows, k, row);
    exchange(c->columns, k, column);
    c->sign = (row != k) == (column != k) ? c->sign : -c->sign;
}
static void eliminate_completely(complete_lu *c, bg_dtype dtype, const void *a)
{
    int64_t n = c->n;
    double largest = 0;
    for (int64_t i = 0; i < n * n; i++)
        largest = fmax(largest, fabs(bgi_float_at(a, dtype, i)));
    (void)frexp(largest, &c->exponent);
    for (int64_t i = 0; i < n * n; i++)
        c->lu[i] = shifted(bgi_float_at(a, dtype, i), -c->exponent);
    for (int64_t i = 0; i < n; i++)
        c->rows[i] = c->columns[i] = i;
    c->sign = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t row, column;
        find_largest(c, k, &row, &column);
        bring_to_pivot(c, k, row, column);
        double pivot = c->lu[k * n + k];
        for (int64_t i = k + 1; i < n && pivot != 0; i++) {
            double factor = c->lu[i * n + k] /= pivot;
            for (int64_t j = k + 1; j < n; j++)
                c->lu[i * n + j] -= factor * c->lu[k * n + j];
        }
    }
}

/* With upper = [u v; 0 d], its adjugate is det u · w, w = [d u⁻¹, -u⁻¹ v; 0, 1], whether d is 0 or not; that of a is
 * w · lower⁻¹ with rows and columns put back, and cofactors are its transpose. Where det u is 0 all of them are. */
static bgi_scaled find_adjugate(const complete_lu *c, double *w)
{
    int64_t n = c->n, last = n - 1;
    bgi_scaled det = { c->sign / 2, 1 };
    for (int64_t k = 0; k < last; k++)
        det = times(det, c->lu[k * n + k]);
    memset(w, 0, (size_t)(n * n) * sizeof *w);
    if (det.fraction == 0)
        return det;
    for (int64_t i = 0; i < last; i++) {
        w[i * n + i] = c->lu[last * n + last];
        w[i * n + last] = -c->lu[i * n + last];
    }
    w[last * n + last] = 1;
    for (int64_t i = last; i-- > 0;) {
        for (int64_t k = i + 1; k < last; k++)
            for (int64_t j = 0; j < n; j++)
                w[i * n + j] -= c->lu[i * n + k] * w[k * n + j];
        for (int64_t j = 0; j < n; j++)
            w[i * n + j] /= c->lu[i * n + i];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = n; k-- > 0;)
            for (int64_t j = 0; j < k; j++)
                w[i * n + j] -= w[i * n + k] * c->lu[k * n + j];
    return det;
}

static void cofactors_of_any(bg_dtype dtype, int64_t n, const void *a, void *y, void *scratch)
{
    size_t numbers = (size_t)(n * n) * sizeof(double);
    complete_lu c = { .n = n, .lu = scratch };
    double *w = (double *)scratch + n * n;
    c.rows = (int64_t *)(void *)((char *)scratch + 2 * numbers);
    c.columns = c.rows + n;
    eliminate_completely(&c, dtype, a);
    bgi_scaled det = find_adjugate(&c, w);
    det.exponent += (n - 1) * (int64_t)c.exponent;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            bgi_put_float(y, dtype, c.rows[j] * n + c.columns[i], shifted(w[i * n + j] * det.fraction, det.exponent));
}

size_t bgi_lu_cofactors_work(int64_t n)
{
    return bgi_aligned((size_t)(2 * n * n) * sizeof(double) + (size_t)(2 * n) * sizeof(int64_t));
}

/* y = factor · xᵀ; whether x is finite. */
#define TURN(type)                                                                                                     \
    static bool turn_##type(int64_t n, const type *x, bgi_scaled factor, type *y)                                      \
    {                                                                                                                  \
        enum { NEAR = 900 };                                                                                           \
        bool is_near = factor.exponent < NEAR && factor.exponent > -NEAR;                                              \
        double single = is_near ? bgi_scaled_value(factor) : 0, sum = 0;                                               \
        for (int64_t i = 0; i < n; i++)                                                                                \
            for (int64_t j = 0; j < n; j++) {                                                                          \
                double value = (double)x[i * n + j];                                                                   \
                sum += 0 * value;                                                                                      \
                y[j * n + i] = (type)(is_near ? value * single : shifted(value * factor.fraction, factor.exponent));   \
            }                                                                                                          \
        return sum == 0;                                                                                               \
    }
TURN(float)
TURN(double)

/* det a · aᵀ⁻¹ where there is an inverse. */
void bgi_lu_cofactors(const bgi_tiles *t, int64_t n, const void *a, const void *packed, void *y, void *work)
{
    bgi_scaled det = bgi_lu_determinant(t->dtype, n, packed, work);
    if (bgi_lu_zero_pivot(t->dtype, n, packed) == n) {
        bgi_lu_invert(t, n, packed, work);
        if (t->dtype == BG_F64 ? turn_double(n, work, det, y) : turn_float(n, work, det, y))
            return;
    }
    cofactors_of_any(t->dtype, n, a, y, work);
}
