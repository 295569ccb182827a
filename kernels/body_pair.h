/* Pairs high + low of f64 numbers, with the low part below the last place of the high one; and the C library for the
 * lanes that a vector function leaves over. */

#include "function_coefficients.h"

/* a + b, for |a| >= |b| or a = 0. */
static inline V v_sum_ordered(V a, V b, V *low)
{
    V sum = a + b;
    *low = (a - sum) + b;
    return sum;
}

/* a + b of any sizes. */
static inline V v_sum_pair(V a, V b, V *low)
{
    V sum = a + b, part = sum - a;
    *low = (a - (sum - part)) + (b - part);
    return sum;
}

static inline V v_product_pair(V a, V b, V *low)
{
    V product = a * b;
    *low = FMA(a, b, -product);
    return product;
}

/* (n + n_low) / (d + d_low) */
static inline V v_quotient_pair(V n, V n_low, V d, V d_low, V *low)
{
    V inverse = SET(1) / d, quotient = n * inverse;
    *low = (FMA(-quotient, d, n) + FMA(-quotient, d_low, n_low)) * inverse;
    return quotient;
}

/* function(x, y) where x is not below the bound, the result so far elsewhere. Seldom called, so kept out of the loop.
 */
static __attribute__((noinline)) V library_sine(double (*function)(double), V x, V result, double bound)
{
    double in[W], out[W];
    STORE(in, x);
    STORE(out, result);
    for (int i = 0; i < W; i++)
        if (fabs(in[i]) >= bound)
            out[i] = function(in[i]);
    return LOAD(out);
}
static __attribute__((noinline)) V library_fmod(V x, V y, V result, double bound)
{
    double a[W], b[W], out[W];
    STORE(a, x);
    STORE(b, y);
    STORE(out, result);
    for (int i = 0; i < W; i++)
        if (a[i] / b[i] >= bound)
            out[i] = fmod(a[i], b[i]);
    return LOAD(out);
}
