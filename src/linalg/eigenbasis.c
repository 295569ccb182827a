/* Matrices in the basis of eigenvectors. */
#include "linalg/eigen.h"

#include "blas/blas.h"

#include <math.h>

#define BASIS(type, gemm, power, exponent)                                                                             \
    /* In two steps, as the power alone may be no number. */                                                           \
    static void multiply_##type(int64_t count, const type *x, int k, type *y)                                          \
    {                                                                                                                  \
        type scale = power(1, k / 2), rest = power(1, k - k / 2);                                                      \
        for (int64_t i = 0; i < count; i++)                                                                            \
            y[i] = x[i] * scale * rest;                                                                                \
    }                                                                                                                  \
    static int enter_##type(int64_t n, const type *rows, const type *c, type *inner, type *work)                       \
    {                                                                                                                  \
        type largest = 0;                                                                                              \
        for (int64_t i = 0; i < n * n; i++)                                                                            \
            largest = c[i] > largest ? c[i] : -c[i] > largest ? -c[i] : largest;                                       \
        int k = 0;                                                                                                     \
        exponent(largest, &k);                                                                                         \
        multiply_##type(n *n, c, -k, inner);                                                                           \
        gemm(false, false, n, n, n, rows, n, inner, n, work, n);                                                       \
        gemm(false, true, n, n, n, work, n, rows, n, inner, n);                                                        \
        return k;                                                                                                      \
    }                                                                                                                  \
    static void leave_##type(int64_t n, const type *rows, const type *inner, int k, type *y, type *work)               \
    {                                                                                                                  \
        gemm(true, false, n, n, n, rows, n, inner, n, work, n);                                                        \
        gemm(false, false, n, n, n, work, n, rows, n, y, n);                                                           \
        if (k != 0)                                                                                                    \
            multiply_##type(n *n, y, k, y);                                                                            \
    }
BASIS(float, bgi_blas_gemm_f32, ldexpf, frexpf)
BASIS(double, bgi_blas_gemm_f64, ldexp, frexp)

int bgi_to_eigenbasis(const bgi_eigen_data *e, const void *c, void *inner, void *work)
{
    return e->dtype == BG_F64 ? enter_double(e->n, e->rows, c, inner, work)
                              : enter_float(e->n, e->rows, c, inner, work);
}

void bgi_from_eigenbasis(const bgi_eigen_data *e, const void *inner, int k, void *y, void *work)
{
    if (e->dtype == BG_F64)
        leave_double(e->n, e->rows, inner, k, y, work);
    else
        leave_float(e->n, e->rows, inner, k, y, work);
}
