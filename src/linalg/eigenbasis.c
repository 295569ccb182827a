/* Matrices in the basis of eigenvectors. */
#include "linalg/eigen.h"

#include <math.h>

#define SCALING(type, power, exponent_of)                                                                              \
    /* y = x · 2^k, in two steps, as the power alone may be no number. */                                             \
    static void multiply_##type(int64_t count, const type *x, int k, type *y)                                          \
    {                                                                                                                  \
        type scale = power(1, k / 2), rest = power(1, k - k / 2);                                                      \
        for (int64_t i = 0; i < count; i++)                                                                            \
            y[i] = x[i] * scale * rest;                                                                                \
    }                                                                                                                  \
    /* y = x with elements of at most 1; the power of two that leads back. */                                          \
    static int bring_to_1_##type(int64_t count, const type *x, type *y)                                                \
    {                                                                                                                  \
        type largest = 0;                                                                                              \
        for (int64_t i = 0; i < count; i++)                                                                            \
            largest = x[i] > largest ? x[i] : -x[i] > largest ? -x[i] : largest;                                       \
        int k = 0;                                                                                                     \
        exponent_of(largest, &k);                                                                                      \
        multiply_##type(count, x, -k, y);                                                                              \
        return k;                                                                                                      \
    }
SCALING(float, ldexpf, frexpf)
SCALING(double, ldexp, frexp)

int bgi_to_eigenbasis(const bgi_squares *s, const bgi_eigen_data *e, const void *c, void *inner, void *work)
{
    int64_t count = s->n * s->n;
    int k = s->tiles.dtype == BG_F64 ? bring_to_1_double(count, c, inner) : bring_to_1_float(count, c, inner);
    bgi_squares_product(s, BGI_AS_IT_IS, e->rows, BGI_AS_IT_IS, inner, work);
    bgi_squares_product(s, BGI_AS_IT_IS, work, BGI_TURNED, e->rows, inner);
    return k;
}

void bgi_from_eigenbasis(const bgi_squares *s, const bgi_eigen_data *e, const void *inner, int k, void *y, void *work)
{
    bgi_squares_product(s, BGI_TURNED, e->rows, BGI_AS_IT_IS, inner, work);
    bgi_squares_product(s, BGI_AS_IT_IS, work, BGI_AS_IT_IS, e->rows, y);
    if (k != 0 && s->tiles.dtype == BG_F64)
        multiply_double(s->n * s->n, y, k, y);
    else if (k != 0)
        multiply_float(s->n * s->n, y, k, y);
}
