/* The math functions of one vector. Measured errors stand beside each function; a unit in the last place (ULP) is that
 * of the exact result. Results below the smallest normal number are rounded gradually, or flushed to zero if the
 * thread flushes denormals. f32 figures are the worst over every float, f64 figures over ten million random and
 * structured numbers, both with fused multiply-add; in a sample without it none was more than 0.3 larger. */
#include <math.h>

#include "coefficients.h"

#define LENGTH_OF(array) ((int)(sizeof(array) / sizeof(array)[0]))
#define POLYNOMIAL(x, c) N(polynomial)(x, c, LENGTH_OF(c))
#define SIGN_BIT         SET(-0.0)
#define MANTISSA_BITS    BY_TYPE(23, 52)
#define EXPONENT_BIAS    BY_TYPE(127, 1023)
/* Adding and subtracting this rounds to an integer, which is then also in the low bits of the sum. */
#define ROUNDER BY_TYPE(12582912.0f, 6755399441055744.0)
/* log(2) in two parts; the first has so few bits that its product with an exponent is exact. */
#define LN2_HIGH BY_TYPE(0x1.62e4p-1f, 0x1.62e42fefap-1)
#define LN2_LOW  BY_TYPE(0x1.7f7d1cp-20f, 0x1.cf79abc9e3b3ap-40)
#define LOG2_E   BY_TYPE(0x1.715476p+0f, 0x1.71547652b82fep+0)
/* Below this, f(x) = x for every f with f(0) = 0 and f'(0) = 1; taking x itself keeps the sign of zero and denormals.
 */
#define TINY BY_TYPE(0x1p-26f, 0x1p-55)

/* Even and odd powers in two chains, for half the latency. */
static inline V N(polynomial)(V x, const T *c, int count)
{
    V x2 = x * x, even = SET(c[(count - 1) & ~1]), odd = SET(c[(count - 2) | 1]);
    for (int i = ((count - 1) & ~1) - 2; i >= 0; i -= 2)
        even = FMA(even, x2, SET(c[i]));
    for (int i = ((count - 2) | 1) - 2; i >= 1; i -= 2)
        odd = FMA(odd, x2, SET(c[i]));
    return FMA(odd, x, even);
}

static inline V N(v_abs)(V x) { return AND_NOT(SIGN_BIT, x); }

/* 2^n for an integer n from 1 - EXPONENT_BIAS to EXPONENT_BIAS. */
static inline V N(v_power_of_two)(V n) { return N(v_shift_left)(n + SET(ROUNDER + EXPONENT_BIAS), MANTISSA_BITS); }

/* exp(x) = 2^n (1 + p), with p = exp(r) - 1 and |r| <= log(2) / 2. */
static inline V N(v_exp_parts)(V x, V *n)
{
    *n = FMA(x, SET(LOG2_E), SET(ROUNDER)) - SET(ROUNDER);
    V r = FMA(*n, SET(-LN2_LOW), FMA(*n, SET(-LN2_HIGH), x));
    return FMA(r * r, POLYNOMIAL(r, N(exp_c)), r);
}

/* The clamp bounds are beyond underflow to zero and overflow to infinity. The scale is applied in two steps because
 * 2^n itself may be out of range where the result is not. ULP: 1.03 and 1.01. */
static inline V N(v_exp)(V x)
{
    V n, p = N(v_exp_parts)(MIN(SET(BY_TYPE(89, 710)), MAX(SET(BY_TYPE(-104, -746)), x)), &n);
    V half = FMA(n, SET(0.5), SET(ROUNDER)) - SET(ROUNDER);
    return (SET(1) + p) * N(v_power_of_two)(half) * N(v_power_of_two)(n - half);
}

/* exp(x) - 1 = 2 (p h + h - 1/2) with h = 2^(n-1): h - 1/2 is exact, and h stays finite where the result does. Below
 * the lower bound the result is -1. ULP: 1.54 and 1.95. */
static inline V N(v_expm1)(V x)
{
    V n, p = N(v_exp_parts)(MIN(SET(BY_TYPE(89, 710)), MAX(SET(BY_TYPE(-18, -38)), x)), &n);
    V h = N(v_power_of_two)(n - SET(1));
    V y = SET(2) * FMA(p, h, h - SET(0.5));
    return SELECT(LESS(N(v_abs)(x), SET(TINY)), x, y);
}

/* tanh(x) = (exp(2x) - 1) / (exp(2x) + 1), both rounded once from the same parts. Above 1/2 it is taken as
 * 1 - 2 / (exp(2x) + 1), where the error of the quotient counts less. ULP: 2.43 and 2.57. */
static inline V N(v_tanh)(V x)
{
    /* Beyond the bound the result rounds to 1. */
    V a = MIN(SET(BY_TYPE(9.2, 19.5)), N(v_abs)(x));
    V n, p = N(v_exp_parts)(a + a, &n), h = N(v_power_of_two)(n - SET(1));
    M is_large = LESS(SET(0.55), a);
    V y = SELECT(is_large, SET(1), FMA(p, h, h - SET(0.5))) / FMA(p, h, h + SET(0.5));
    y = SELECT(is_large, SET(1) - y, y);
    return OR(y, AND(SIGN_BIT, x));
}

/* exp is taken of negative numbers only, so that it neither overflows nor is subtracted from 1. ULP: 2.41 and 2.31. */
static inline V N(v_sigmoid)(V x)
{
    V z = N(v_exp)(OR(SIGN_BIT, x));
    return SELECT(LESS(x, SET(0)), z, SET(1)) / (SET(1) + z);
}

/* For |x| <= 1 a polynomial; from there 1 - exp(q), with q a polynomial for log(1 - erf(x)): the error of q counts only
 * as a part of 1 - erf(x), which is small. ULP: 1.10 and 1.05. */
static inline V N(v_erf)(V x)
{
    V z = x * x, small = FMA(x, POLYNOMIAL(z, N(erf_small_c)), x);
    V a = MIN(SET(BY_TYPE(4, 5.95)), MAX(SET(1), N(v_abs)(x)));
    V n, p = N(v_exp_parts)(POLYNOMIAL(a - SET(1), N(erf_large_c)), &n), h = N(v_power_of_two)(n);
    V large = OR(SET(1) - h - p * h, AND(SIGN_BIT, x));
    /* The comparison is false for NaN, which small passes on. */
    V y = SELECT(LESS(SET(1), N(v_abs)(x)), large, small);
    /* Near zero only the slope counts; scaled up, so that no part of the result is denormal unless all of it is. */
    V scaled = x * SET(0x1p20), near_zero = FMA(scaled, SET(0.12837916709551259), scaled) * SET(0x1p-20);
    return SELECT(LESS(N(v_abs)(x), SET(TINY)), near_zero, y);
}

/* A positive normal number is 2^e (1 + f), with 1 + f from sqrt(1/2) to sqrt(2). */
static inline V N(v_log_parts)(V x, V *e)
{
    const V two_power = SET(BY_TYPE(0x1p23f, 0x1p52));
    V m = OR(AND(x, N(v_bits)(BY_TYPE(0x007fffffU, 0x000fffffffffffffU))), SET(1));
    M big = LESS(SET(1.4142135623730951), m);
    *e = OR(N(v_shift_right)(x, MANTISSA_BITS), two_power) - (two_power + SET(EXPONENT_BIAS));
    *e = *e + N(v_one_if)(big);
    return SELECT(big, SET(0.5) * m, m) - SET(1);
}

/* log(2^e (1 + f)). */
static inline V N(v_log_sum)(V f, V low, V e)
{
#if BITS == 32
    V z = f * f;
    V y = FMA(e, SET(LN2_LOW), FMA(z * f, POLYNOMIAL(f, log_c_f32), low));
    return FMA(e, SET(LN2_HIGH), f + FMA(z, SET(-0.5), y));
#else
    /* log(1 + f) = 2 atanh(s), and 2 s = f - s f. */
    V s = f / (SET(2) + f), z = s * s;
    V y = FMA(e, SET(LN2_LOW), low - s * (f - z * POLYNOMIAL(z, log_c_f64)));
    return FMA(e, SET(LN2_HIGH), f + y);
#endif
}

/* ULP: 0.86 and 0.92. */
static inline V N(v_log)(V x)
{
    M is_denormal = LESS(x, SET(BY_TYPE(0x1p-126f, 0x1p-1022)));
    V e, f = N(v_log_parts)(SELECT(is_denormal, x * SET(BY_TYPE(0x1p25f, 0x1p54)), x), &e);
    e = e - SELECT(is_denormal, SET(BY_TYPE(25, 54)), SET(0));
    V y = N(v_log_sum)(f, SET(0), e);
    y = SELECT(LESS(x, SET(INFINITY)), y, x);
    y = SELECT(LESS(x, SET(0)), SET(NAN), y);
    return SELECT(EQUAL(x, SET(0)), SET(-INFINITY), y);
}

/* u = 1 + x is rounded, and what the rounding took is given back: to f exactly where u is near 1, otherwise to first
 * order. ULP: 0.86 and 0.84. */
static inline V N(v_log1p)(V x)
{
    V u = SET(1) + x, part = u - SET(1), rest = (SET(1) - (u - part)) + (x - part);
    V e, f = N(v_log_parts)(u, &e);
    rest = rest * N(v_power_of_two)(MAX(SET(1 - EXPONENT_BIAS), SET(0) - e));
    V sum = f + rest;
    rest = rest - (sum - f);
    V y = N(v_log_sum)(sum, rest - rest * sum, e);
    y = SELECT(LESS(x, SET(INFINITY)), y, x);
    y = SELECT(LESS(x, SET(-1)), SET(NAN), y);
    y = SELECT(EQUAL(x, SET(-1)), SET(-INFINITY), y);
    return SELECT(LESS(N(v_abs)(x), SET(TINY)), x, y);
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + z) with z = exp(-|x|) from 0 to 1, where 1 + z is either 1 + f or 2 (1 + f).
 * ULP: 1.66 and 1.75. */
static inline V N(v_softplus)(V x)
{
    V z = N(v_exp)(OR(SIGN_BIT, x));
    M big = LESS(SET(0.41421356237309503), z);
    V f = SELECT(big, FMA(z, SET(0.5), SET(-0.5)), z);
    return MAX(x, SET(0)) + N(v_log_sum)(f, SET(0), N(v_one_if)(big));
}
