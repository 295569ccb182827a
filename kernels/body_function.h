/* Functions that run in f64 for both types: f32 is widened, which leaves only the rounding of the result and needs no
 * care for the ends of the range, and takes shorter polynomials.
 *
 * Included once for each type, with F(name) the name with the suffix of the type, E the type of an element, and
 * IS_F64. Only for instruction sets with a fused multiply-add. Results of odd functions take the sign and, near zero,
 * the value of their operand. */
#define CHOOSE(f32_value, f64_value) (IS_F64 ? (f64_value) : (f32_value))
#define CHOSEN(x, name)              CHOOSE(POLYNOMIAL(x, name##_short_c), POLYNOMIAL(x, name##_long_c))
#define EVEN(x)                      N(v_abs)(x)
#define ODD(x, magnitude)            SELECT(LESS(EVEN(x), SET(TINY)), x, OR(AND_NOT(SIGN_BIT, magnitude), AND(SIGN_BIT, x)))

/* log(2) in two parts of full length. */
#define LN2      0x1.62e42fefa39efp-1
#define LN2_REST 0x1.abc9e3b39803fp-56

/* ---- Exponentials ---- */

/* exp(x + low) = 2^n (1 + r + rest), with |r| <= log(2) / 2. */
static inline V F(exp_parts_of)(V x, V low, V *n, V *rest)
{
    *n = FMA(x, SET(LOG2_E), SET(ROUNDER)) - SET(ROUNDER);
    V high = FMA(*n, SET(-LN2_HIGH), x);
    low = FMA(*n, SET(-LN2_LOW), low);
    V r = v_sum_ordered(high, low, &low);
    *rest = FMA(r * r, CHOOSE(POLYNOMIAL(r, exp_short_c), POLYNOMIAL(r, exp_c_f64)), low);
    return r;
}
/* 1 + r + rest. */
static inline V F(one_and)(V r, V rest)
{
    V low, sum = v_sum_ordered(SET(1), r, &low);
    return sum + (low + rest);
}
/* x 2^n; two steps for f64, where 2^n itself may be out of range. */
static inline V F(scaled)(V x, V n)
{
    if (!IS_F64)
        return x * N(v_power_of_two)(n);
    V half = FMA(n, SET(0.5), SET(ROUNDER)) - SET(ROUNDER);
    return x * N(v_power_of_two)(half) * N(v_power_of_two)(n - half);
}
static inline V F(clamped)(V x, double least, double most) { return MIN(SET(most), MAX(SET(least), x)); }

static inline V F(v_exp2)(V x)
{
    x = F(clamped)(x, CHOOSE(-160, -1080), CHOOSE(140, 1030));
    V n = N(v_round)(x), low, r = v_product_pair(x - n, SET(LN2), &low);
    V rest = FMA(r * r, CHOOSE(POLYNOMIAL(r, exp_short_c), POLYNOMIAL(r, exp_c_f64)), FMA(x - n, SET(LN2_REST), low));
    return F(scaled)(F(one_and)(r, rest), n);
}

/* (exp(a) ± exp(-a)) / 2 from one exponential; a polynomial where the difference would cancel. */
static inline V F(half_exp)(V a, V *rest, V *inverse)
{
    V n, r = F(exp_parts_of)(F(clamped)(a, 0, CHOOSE(90, 711)), SET(0), &n, rest);
    V low, high = v_sum_ordered(SET(1), r, &low);
    high = F(scaled)(high, n - SET(1));
    *rest = F(scaled)(low + *rest, n - SET(1));
    *inverse = SET(0.25) / (high + *rest);
    return high;
}
static inline V F(v_sinh)(V x)
{
    V a = EVEN(x), z = a * a, small = FMA(a * z, CHOSEN(z, sinh), a);
    V rest, inverse, large = F(half_exp)(a, &rest, &inverse);
    V y = SELECT(LESS(a, SET(1)), small, large + (rest - inverse));
    return ODD(x, y);
}
static inline V F(v_cosh)(V x)
{
    V rest, inverse, large = F(half_exp)(EVEN(x), &rest, &inverse);
    return large + (rest + inverse);
}

/* erfc(x) = exp(-x²) g / (x + k), with g a polynomial in (x - k) / (x + k), from Shepherd and Laframboise, Chebyshev
 * approximation of (1 + 2 x) exp(x²) erfc(x), Math. Comp. 36 (1981). Of a negative x it is 2 - erfc(-x). */
static inline V F(v_erfc)(V x)
{
    const V k = SET(2);
    V a = F(clamped)(EVEN(x), 0, CHOOSE(10.1, 27.3)), share = SET(1) / (a + k);
    V low, square = v_product_pair(a, a, &low), n, rest;
    V r = F(exp_parts_of)(-square, -low, &n, &rest);
    V y = F(scaled)(F(one_and)(r, rest) * (share * CHOSEN((a - k) * share, erfc)), n);
    return SELECT(LESS(x, SET(0)), SET(2) - y, y);
}

/* ---- Logarithms ---- */

/* log(1 + f + f_low) = high + low, for 1 + f from sqrt(1/2) to sqrt(2). */
static inline V F(log_near_one)(V f, V f_low, V *low)
{
    V s = f / (SET(2) + f), z = s * s;
    V p = CHOOSE(POLYNOMIAL(z, log_short_c), POLYNOMIAL(z, log_c_f64));
    return v_sum_ordered(f, f_low - s * (f - z * p), low);
}
/* y, the logarithm of x where that is an ordinary number. */
static inline V F(log_value)(V x, V y)
{
    y = SELECT(LESS(x, SET(INFINITY)), y, x);
    y = SELECT(LESS(x, SET(0)), SET(NAN), y);
    return SELECT(EQUAL(x, SET(0)), SET(-INFINITY), y);
}
/* x = 2^e (1 + f) for denormals as well, which widened f32 numbers are not. */
static inline V F(log_parts_of)(V x, V *e)
{
    if (!IS_F64)
        return N(v_log_parts)(x, e);
    M is_denormal = LESS(x, SET(0x1p-1022));
    V f = N(v_log_parts)(SELECT(is_denormal, x * SET(0x1p54), x), e);
    *e = *e - SELECT(is_denormal, SET(54), SET(0));
    return f;
}
/* log(x) / log(base), with the factors 1 / log(base) and log(2) / log(base) as pairs; the product of the second one's
 * high part and an exponent is exact. */
static inline V F(log_to_base)(V x, double factor, double factor_low, double two, double two_low)
{
    V e, f = F(log_parts_of)(x, &e), low, high = F(log_near_one)(f, SET(0), &low);
    if (!IS_F64)
        return F(log_value)(x, FMA(e, SET(two + two_low), (high + low) * SET(factor)));
    V rest, product = v_product_pair(high, SET(factor), &rest), sum_low;
    rest = FMA(low, SET(factor), FMA(high, SET(factor_low), rest));
    V sum = v_sum_ordered(e * SET(two), product, &sum_low);
    return F(log_value)(x, sum + (sum_low + FMA(e, SET(two_low), rest)));
}
static inline V F(v_log2)(V x) { return F(log_to_base)(x, LOG2_E, 0x1.777d0ffda0d24p-56, 1, 0); }
static inline V F(v_log10)(V x)
{
    return F(log_to_base)(x, 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57, 0x1.34413509f7p-2, 0x1.3fde623e2566bp-43);
}

/* log(1 + w + low) + extra log(2); u = 1 + w is rounded, and what the rounding took is given back as in log1p. */
static inline V F(log1p_of)(V w, V low, V extra)
{
    V rest, e, u = v_sum_pair(SET(1), w, &rest), f = N(v_log_parts)(u, &e), f_low;
    rest = (rest + low) * N(v_power_of_two)(MAX(SET(1 - EXPONENT_BIAS), SET(0) - e));
    e = e + extra;
    V y_low, y, sum_low;
    if (IS_F64) {
        f = v_sum_pair(f, rest, &f_low);
        y = F(log_near_one)(f, FMA(-f_low, f, f_low), &y_low);
        V sum = v_sum_ordered(e * SET(LN2_HIGH), y, &sum_low);
        y = sum + (sum_low + FMA(e, SET(LN2_LOW), y_low));
    } else {
        y = F(log_near_one)(f + rest, SET(0), &y_low);
        y = FMA(e, SET(LN2), y + y_low);
    }
    return SELECT(LESS(w, SET(INFINITY)), y, w);
}

/* log(a + √(a² + 1)) as log1p(a + a² / (1 + √(a² + 1))). From 2^60 on it is log(2 a). */
static inline V F(v_asinh)(V x)
{
    V a = EVEN(x), square = a * a, low;
    M is_large = LESS(SET(0x1p60), a);
    V w = v_sum_ordered(a, square / (SET(1) + N(v_sqrt)(square + SET(1))), &low);
    V y = F(log1p_of)(SELECT(is_large, a, w), SELECT(is_large, SET(0), low), N(v_one_if)(is_large));
    return ODD(x, y);
}
/* log(x + √(x² - 1)) as log1p(t + √(t² + 2 t)) with t = x - 1. */
static inline V F(v_acosh)(V x)
{
    V t = x - SET(1), low;
    M is_large = LESS(SET(0x1p60), x);
    V w = v_sum_pair(N(v_sqrt)(FMA(t, t, t + t)), t, &low);
    V y = F(log1p_of)(SELECT(is_large, x, w), SELECT(is_large, SET(0), low), N(v_one_if)(is_large));
    return SELECT(LESS(x, SET(1)), SET(NAN), y);
}
/* log((1 + a) / (1 - a)) / 2 as log1p(2 a / (1 - a)) / 2. */
static inline V F(v_atanh)(V x)
{
    V a = EVEN(x), d = SET(1) - a, low;
    V w = v_quotient_pair(a + a, SET(0), d, (SET(1) - d) - a, &low);
    V y = SET(0.5) * F(log1p_of)(SELECT(EQUAL(a, SET(1)), SET(INFINITY), w), low, SET(0));
    return SELECT(LESS(SET(1), a), SET(NAN), ODD(x, y));
}

/* ---- Powers ---- */

/* log(a) of a positive number, to some 66 bits for f64: 2 s + 2/3 s³ in pairs, with s = f / (2 + f), and a polynomial
 * for the rest. */
static inline V F(log_pair)(V a, V *low)
{
    V e, f = F(log_parts_of)(a, &e), sum;
    if (IS_F64) {
        V d = SET(2) + f, s_low, s = v_quotient_pair(f, SET(0), d, (SET(2) - d) + f, &s_low);
        V z_low, z = v_product_pair(s, s, &z_low), c_low, c = v_product_pair(z, s, &c_low), t_low, t, high_low;
        z_low = FMA(s + s, s_low, z_low);
        c_low = c_low + FMA(z, s_low, z_low * s);
        t = v_product_pair(c, SET(0x1.5555555555555p-1), &t_low);
        t_low = FMA(c_low, SET(0x1.5555555555555p-1), FMA(c, SET(0x1.5555555555555p-55), t_low));
        V high = v_sum_ordered(s + s, t, &high_low), sum_low;
        high_low = high_low + FMA(c * z, POLYNOMIAL(z, log_pair_c), s_low + s_low + t_low);
        sum = v_sum_ordered(e * SET(LN2_HIGH), high, &sum_low);
        sum = v_sum_ordered(sum, sum_low + FMA(e, SET(LN2_LOW), high_low), low);
    } else {
        V s = f / (SET(2) + f), z = s * s;
        sum = FMA(e, SET(LN2), f - s * (f - z * POLYNOMIAL(z, log_medium_c)));
        *low = SET(0);
    }
    return sum;
}

/* What is special in powers, the cases of C, from the power of |x|. */
static inline V F(pow_cases)(V x, V y, V power)
{
    V half = y * SET(0.5), sign_if_odd = SELECT(EQUAL(N(v_trunc)(half), half), SET(0), AND(SIGN_BIT, x));
    /* The power of a negative number and a fraction is not real; -infinity is taken as a limit. */
    V of_fraction = SELECT(LESS(x, SET(0)), SELECT(LESS(SET(-INFINITY), x), SET(NAN), power), power);
    power = SELECT(EQUAL(N(v_trunc)(y), y), XOR(power, sign_if_odd), SELECT(EQUAL(y, y), of_fraction, y));
    power = SELECT(EQUAL(x, SET(1)), SET(1), power);
    return SELECT(EQUAL(y, SET(0)), SET(1), power);
}
/* exp(y log|x|) */
static inline V F(v_pow)(V x, V y)
{
    V a = EVEN(x), log_low, log_high = F(log_pair)(a, &log_low), bounded = y, low, n, rest;
    /* Not 0 where x is no positive number or one of them is infinite or NaN. */
    V special = SELECT(LESS(SET(0), x), (x - x) + (y - y), SET(NAN));
    const int is_special = N(v_any)(NOT_EQUAL(special, SET(0)));
    if (is_special) {
        log_high = SELECT(EQUAL(a, SET(0)), SET(-INFINITY), SELECT(LESS(a, SET(INFINITY)), log_high, a));
        /* Changes no result, but keeps infinity times log(1) from being NaN. */
        bounded = F(clamped)(y, -0x1p1000, 0x1p1000);
    }
    V high = v_product_pair(bounded, log_high, &low);
    low = IS_F64 ? SELECT(LESS(EVEN(high), SET(800)), FMA(bounded, log_low, low), SET(0)) : SET(0);
    V r = F(exp_parts_of)(F(clamped)(high, CHOOSE(-110, -750), CHOOSE(100, 711)), low, &n, &rest);
    V power = F(scaled)(F(one_and)(r, rest), n);
    return is_special ? F(pow_cases)(x, y, power) : power;
}

/* Scaled by a power of two where squares would overflow or vanish; f32 squares do neither. */
static inline V F(v_hypot)(V x, V y)
{
    V a = EVEN(x), b = EVEN(y), scale = SET(1);
#if IS_F64
    V most = MAX(a, b);
    scale = SELECT(LESS(SET(0x1p500), most), SET(0x1p-600), SELECT(LESS(most, SET(0x1p-400)), SET(0x1p600), SET(1)));
    V back = SELECT(LESS(SET(0x1p500), most), SET(0x1p600), SELECT(LESS(most, SET(0x1p-400)), SET(0x1p-600), SET(1)));
    V large = most * scale, small = MIN(a, b) * scale;
    V h = N(v_sqrt)(FMA(large, large, small * small)) * back;
#else
    V h = N(v_sqrt)(FMA(a, a, b * b));
    (void)scale;
#endif
    h = SELECT(EQUAL(a, a), h, a);
    h = SELECT(EQUAL(a, SET(INFINITY)), a, h);
    return SELECT(EQUAL(b, SET(INFINITY)), b, h);
}

/* x - y trunc(x / y) is exact where the quotient is: rounding it may give the next integer, never a farther one. */
static inline V F(v_fmod)(V x, V y)
{
    const double bound = 0x1p53;
    V a = EVEN(x), b = EVEN(y), quotient = a / b, rest = FMA(-N(v_trunc)(quotient), b, a);
    rest = SELECT(LESS(rest, SET(0)), rest + b, rest);
    rest = SELECT(LESS(a, b), a, rest);
    if (N(v_any)(LESS_EQUAL(SET(bound), quotient)))
        rest = library_fmod(a, b, rest, bound);
    return OR(rest, AND(SIGN_BIT, x));
}

/* ---- Trigonometry ---- */

/* x = quarters pi / 2 + r + low, with |r| <= pi / 4. The first product is subtracted exactly; the number of quarters
 * stands in the low bits of *quarters. */
static inline V F(quarter_turns)(V x, V *quarters, V *low)
{
    *quarters = FMA(x, SET(0x1.45f306dc9c883p-1), SET(ROUNDER));
    V n = *quarters - SET(ROUNDER), r = FMA(n, SET(-0x1.921fb54442d18p+0), x);
#if IS_F64
    V product_low, product = v_product_pair(n, SET(-0x1.1a62633145c07p-54), &product_low);
    r = v_sum_pair(r, product, low);
    *low = *low + FMA(n, SET(0x1.f1976b7ed8fbcp-110), product_low);
#else
    r = FMA(n, SET(-0x1.1a62633145c07p-54), r);
    *low = SET(0);
#endif
    return r;
}
/* The parts sin(r + low) = r + s_rest and cos(r + low) = c + c_rest. */
static inline V F(sine_rest)(V r, V low)
{
    V z = r * r, rest = r * z * CHOSEN(z, sin);
    return IS_F64 ? FMA(FMA(z, SET(-0.5), SET(1)), low, rest) : rest;
}
static inline V F(cosine)(V r, V low, V *rest)
{
    V z = r * r, c_low, c = v_sum_ordered(SET(1), z * SET(-0.5), &c_low);
    *rest = FMA(z * z, CHOSEN(z, cos), CHOOSE(c_low, FMA(-r, low, c_low)));
    return c;
}
static inline M F(is_odd)(V quarters) { return LESS(OR(N(v_shift_left)(quarters, 63), SET(1)), SET(0)); }
/* Beyond this the reduction would need more bits of pi. */
#define MOST_TURNED 0x1p30
static inline V F(sine_of_quarters)(V r, V low, V quarters)
{
    V rest, c = F(cosine)(r, low, &rest);
    V y = SELECT(F(is_odd)(quarters), c + rest, r + F(sine_rest)(r, low));
    return XOR(y, AND(SIGN_BIT, N(v_shift_left)(quarters, 62)));
}
static inline V F(v_sin)(V x)
{
    V quarters, low, r = F(quarter_turns)(x, &quarters, &low), y = F(sine_of_quarters)(r, low, quarters);
    y = SELECT(LESS(EVEN(x), SET(TINY)), x, y);
    return N(v_any)(LESS_EQUAL(SET(MOST_TURNED), EVEN(x))) ? library_sine(sin, x, y, MOST_TURNED) : y;
}
static inline V F(v_cos)(V x)
{
    V quarters, low, r = F(quarter_turns)(x, &quarters, &low), y = F(sine_of_quarters)(r, low, quarters + SET(1));
    return N(v_any)(LESS_EQUAL(SET(MOST_TURNED), EVEN(x))) ? library_sine(cos, x, y, MOST_TURNED) : y;
}
static inline V F(v_tan)(V x)
{
    V quarters, low, r = F(quarter_turns)(x, &quarters, &low), c_rest, c = F(cosine)(r, low, &c_rest);
    M is_odd = F(is_odd)(quarters);
    V s_rest = F(sine_rest)(r, low), n = SELECT(is_odd, -c, r), d = SELECT(is_odd, r, c);
    V n_rest = SELECT(is_odd, -c_rest, s_rest), d_rest = SELECT(is_odd, s_rest, c_rest);
#if IS_F64
    n = v_sum_ordered(n, n_rest, &n_rest), d = v_sum_ordered(d, d_rest, &d_rest);
    V y_low, y = v_quotient_pair(n, n_rest, d, d_rest, &y_low);
    y = y + y_low;
#else
    V y = (n + n_rest) / (d + d_rest);
#endif
    y = SELECT(LESS(EVEN(x), SET(TINY)), x, y);
    return N(v_any)(LESS_EQUAL(SET(MOST_TURNED), EVEN(x))) ? library_sine(tan, x, y, MOST_TURNED) : y;
}

#define PI_2     0x1.921fb54442d18p+0
#define PI_2_LOW 0x1.1a62633145c07p-54

/* asin(a) = s + rest with s = a up to 1/2; beyond, pi / 2 - 2 (s + rest) with s = √((1 - a) / 2). */
static inline V F(asin_parts)(V a, M is_small, V *rest)
{
    V square = SELECT(is_small, a * a, FMA(a, SET(-0.5), SET(0.5))), s = SELECT(is_small, a, N(v_sqrt)(square));
    *rest = s * square * CHOSEN(square, asin);
#if IS_F64
    /* What the rounding of the root left. */
    V left = FMA(-s, s, square) * SET(0.5) / s;
    *rest = *rest + SELECT(is_small, SET(0), SELECT(EQUAL(s, SET(0)), SET(0), left));
#endif
    return s;
}
static inline V F(v_asin)(V x)
{
    V a = EVEN(x), rest;
    M is_small = LESS(a, SET(0.5));
    V s = F(asin_parts)(a, is_small, &rest), low, high = v_sum_ordered(SET(PI_2), SET(-2) * s, &low);
    V y = SELECT(is_small, s + rest, high + (low + FMA(SET(-2), rest, SET(PI_2_LOW))));
    return ODD(x, y);
}
static inline V F(v_acos)(V x)
{
    V a = EVEN(x), rest;
    M is_small = LESS(a, SET(0.5)), is_negative = LESS(x, SET(0));
    V s = F(asin_parts)(a, is_small, &rest), sign = AND(SIGN_BIT, x);
    /* pi / 2 - asin(x), pi - 2 (s + rest) or 2 (s + rest) */
    V part = XOR(SELECT(is_small, s, SET(-2) * s), sign), part_rest = XOR(SELECT(is_small, rest, SET(-2) * rest), sign);
    V base = SELECT(is_small, SET(1), SELECT(is_negative, SET(2), SET(0))), low;
    V high = v_sum_ordered(base * SET(PI_2), -part, &low);
    return high + (low + (FMA(base, SET(PI_2_LOW), -part_rest)));
}

/* The angle of the point (x, y), 0 <= y and 0 <= x, from the x-axis: atan of a quotient up to tan(pi / 8) plus 0, pi /
 * 4 or pi / 2. */
static inline V F(angle)(V y, V x, V *low)
{
    M is_steep = LESS(x, y);
    V least = SELECT(is_steep, x, y), most = SELECT(is_steep, y, x), n_low, d_low;
    M is_wide = LESS(most * SET(0.41421356237309503), least);
    V n = SELECT(is_wide, v_sum_ordered(-most, least, &n_low), least);
    V d = SELECT(is_wide, v_sum_ordered(most, least, &d_low), most);
#if IS_F64
    V t_low, t = v_quotient_pair(n, SELECT(is_wide, n_low, SET(0)), d, SELECT(is_wide, d_low, SET(0)), &t_low);
#else
    V t_low = SET(0), t = n / d;
#endif
    V z = t * t, rest = FMA(t * z, CHOSEN(z, atan), t_low);
    t = XOR(t, AND(SIGN_BIT, SELECT(is_steep, SET(-1), SET(1))));
    rest = XOR(rest, AND(SIGN_BIT, SELECT(is_steep, SET(-1), SET(1))));
    V eighths = SELECT(is_wide, SET(0.5), SELECT(is_steep, SET(1), SET(0))), sum_low;
    V sum = v_sum_ordered(eighths * SET(PI_2), t, &sum_low);
    *low = sum_low + FMA(eighths, SET(PI_2_LOW), rest);
    return sum;
}
static inline V F(v_atan)(V x)
{
    /* Beyond the bound the result rounds to pi / 2. */
    V low, high = F(angle)(F(clamped)(EVEN(x), 0, 0x1p60), SET(1), &low);
    return ODD(x, high + low);
}
/* x is the ordinate and y the abscissa, as in C. */
static inline V F(v_atan2)(V x, V y)
{
    V a = EVEN(x), b = EVEN(y), most = MAX(a, b), low;
    /* Of two infinities, and of infinity and a number, only the quotient counts; likewise of two zeros. */
    M is_infinite = EQUAL(most, SET(INFINITY)), is_origin = EQUAL(most, SET(0));
    V scale = CHOOSE(SET(1), SELECT(LESS(SET(0x1p500), most), SET(0x1p-100),
                                    SELECT(LESS(most, SET(0x1p-500)), SET(0x1p100), SET(1))));
    V p = SELECT(is_infinite, N(v_one_if)(EQUAL(a, SET(INFINITY))), a * scale);
    V q = SELECT(is_infinite, N(v_one_if)(EQUAL(b, SET(INFINITY))), b * scale);
    V high = F(angle)(p, SELECT(is_origin, SET(1), q), &low);
    V left_low, left = v_sum_ordered(SET(2 * PI_2), -high, &left_low);
    left = left + (left_low + (SET(2 * PI_2_LOW) - low));
    V is_left = OR(SET(1), AND(SIGN_BIT, y));
    V angle = SELECT(LESS(is_left, SET(0)), left, high + low);
    angle = SELECT(EQUAL(x, x), SELECT(EQUAL(y, y), angle, y), x);
    return OR(EVEN(angle), AND(SIGN_BIT, x));
}

/* ---- The loops ---- */

/* The vector at element i: W copies of one value for a stride of 0. */
#define OPERAND(p, from, stride)                                                                                       \
    E p##_values[W] = { 0 };                                                                                           \
    const E *p = from;                                                                                                 \
    const int64_t p##_mask = stride == 0 || n < W ? 0 : -1;                                                            \
    if (p##_mask == 0) {                                                                                               \
        for (int64_t k = 0; k < (stride == 0 ? W : n); k++)                                                            \
            p##_values[k] = p[k * stride];                                                                             \
        p = p##_values;                                                                                                \
    }
#define AT(p, i) F(v_widen)(p + ((i)&p##_mask))
#define DEFINE_FUNCTION(name, OPERANDS, expression)                                                                    \
    static void F(name)(void *d, const void *a, int sa, const void *b, int sb, const void *c, int sc, int64_t n)       \
    {                                                                                                                  \
        E *out = d, few[W];                                                                                            \
        int64_t i = n - W;                                                                                             \
        (void)b, (void)sb, (void)c, (void)sc;                                                                          \
        if (n <= 0)                                                                                                    \
            return;                                                                                                    \
        OPERANDS                                                                                                       \
        const V last = expression;                                                                                     \
        for (i = 0; i < n - W; i += W)                                                                                 \
            F(v_narrow)(out + i, expression);                                                                          \
        F(v_narrow)(n < W ? few : out + n - W, last);                                                                  \
        for (i = 0; n < W && i < n; i++)                                                                               \
            out[i] = few[i];                                                                                           \
    }
#define DEFINE_FUNCTION_1(name) DEFINE_FUNCTION(name, OPERAND(x, a, sa), F(v_##name)(AT(x, i)))
#define DEFINE_FUNCTION_2(name)                                                                                        \
    DEFINE_FUNCTION(name, OPERAND(x, a, sa) OPERAND(y, b, sb), F(v_##name)(AT(x, i), AT(y, i)))
DEFINE_FUNCTION_1(exp2)
DEFINE_FUNCTION_1(log2)
DEFINE_FUNCTION_1(log10)
DEFINE_FUNCTION_1(sin)
DEFINE_FUNCTION_1(cos)
DEFINE_FUNCTION_1(tan)
DEFINE_FUNCTION_1(asin)
DEFINE_FUNCTION_1(acos)
DEFINE_FUNCTION_1(atan)
DEFINE_FUNCTION_1(sinh)
DEFINE_FUNCTION_1(cosh)
DEFINE_FUNCTION_1(asinh)
DEFINE_FUNCTION_1(acosh)
DEFINE_FUNCTION_1(atanh)
DEFINE_FUNCTION_1(erfc)
DEFINE_FUNCTION_2(pow)
DEFINE_FUNCTION_2(atan2)
DEFINE_FUNCTION_2(fmod)
DEFINE_FUNCTION_2(hypot)

#undef CHOOSE
#undef CHOSEN
#undef EVEN
#undef ODD
#undef LN2
#undef LN2_REST
#undef MOST_TURNED
#undef PI_2
#undef PI_2_LOW
#undef OPERAND
#undef AT
#undef DEFINE_FUNCTION
#undef DEFINE_FUNCTION_1
#undef DEFINE_FUNCTION_2
