/* The elementwise kernels with their references in long double. */
#ifndef BLASGRAD_TESTS_MAPS_H
#define BLASGRAD_TESTS_MAPS_H

#include "support/elements.h"

/* Every listed kernel needs a line here: the operation, its number of operands, and the largest error in ULP. A result
 * that is rounded once has at most half a unit, and a little for the rounding of the reference. */
#define ONCE 0.501L
#define REFERENCE(name, arity, ulp, expression)                                                                        \
    static long double reference_##name(long double x, long double y, long double z)                                   \
    {                                                                                                                  \
        (void)x, (void)y, (void)z;                                                                                     \
        return expression;                                                                                             \
    }                                                                                                                  \
    static const struct {                                                                                              \
        int operands;                                                                                                  \
        long double bound;                                                                                             \
    } limits_##name = { arity, ulp };
REFERENCE(move, 1, 0, x)
REFERENCE(neg, 1, 0, -x)
REFERENCE(abs, 1, 0, fabsl(x))
REFERENCE(sign, 1, 0, x > 0 ? 1 : x < 0 ? -1 : 0)
REFERENCE(square, 1, ONCE, x *x)
REFERENCE(sqrt, 1, ONCE, sqrtl(x))
REFERENCE(exp, 1, 1.1L, expl(x))
REFERENCE(expm1, 1, 2.1L, expm1l(x))
REFERENCE(log, 1, 1.0L, logl(x))
REFERENCE(log1p, 1, 1.0L, log1pl(x))
REFERENCE(relu, 1, 0, x <= 0 ? 0 : x)
REFERENCE(tanh, 1, 2.7L, tanhl(x))
REFERENCE(sigmoid, 1, 2.5L, x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)))
REFERENCE(softplus, 1, 1.9L, (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))))
REFERENCE(erf, 1, 1.5L, erfl(x))
REFERENCE(floor, 1, 0, floorl(x))
REFERENCE(ceil, 1, 0, ceill(x))
REFERENCE(round, 1, 0, rintl(x))
REFERENCE(trunc, 1, 0, truncl(x))
REFERENCE(exp2, 1, 1.0L, exp2l(x))
REFERENCE(log2, 1, 1.1L, log2l(x))
REFERENCE(log10, 1, 2.0L, log10l(x))
REFERENCE(sin, 1, 1.0L, sinl(x))
REFERENCE(cos, 1, 1.0L, cosl(x))
REFERENCE(tan, 1, 1.1L, tanl(x))
REFERENCE(asin, 1, 1.0L, asinl(x))
REFERENCE(acos, 1, 1.0L, acosl(x))
REFERENCE(atan, 1, 1.0L, atanl(x))
REFERENCE(sinh, 1, 2.0L, sinhl(x))
REFERENCE(cosh, 1, 2.0L, coshl(x))
REFERENCE(asinh, 1, 2.0L, asinhl(x))
REFERENCE(acosh, 1, 2.0L, acoshl(x))
REFERENCE(atanh, 1, 2.0L, atanhl(x))
REFERENCE(erfc, 1, 5.5L, erfcl(x))
REFERENCE(logical_not, 1, 0, x == 0)
REFERENCE(is_finite, 1, 0, isfinite(x) ? 1 : 0)
REFERENCE(add, 2, ONCE, x + y)
REFERENCE(sub, 2, ONCE, x - y)
REFERENCE(mul, 2, ONCE, x *y)
REFERENCE(div, 2, ONCE, x / y)
REFERENCE(maximum, 2, 0, isnan(x) || isnan(y) ? NAN : x > y ? x : y)
REFERENCE(minimum, 2, 0, isnan(x) || isnan(y) ? NAN : x < y ? x : y)
REFERENCE(equal, 2, 0, x == y)
REFERENCE(not_equal, 2, 0, x != y)
REFERENCE(less, 2, 0, x < y)
REFERENCE(less_equal, 2, 0, x <= y)
REFERENCE(greater, 2, 0, x > y)
REFERENCE(greater_equal, 2, 0, x >= y)
REFERENCE(pow, 2, 1.2L, powl(x, y))
REFERENCE(atan2, 2, 1.6L, atan2l(x, y))
REFERENCE(fmod, 2, 0, fmodl(x, y))
REFERENCE(hypot, 2, 1.0L, hypotl(x, y))
REFERENCE(where, 3, 0, x != 0 ? y : z)
REFERENCE(fma, 3, ONCE, fmal(x, y, z))
REFERENCE(fnma, 3, ONCE, fmal(-x, y, z))

typedef struct {
    const char *name;
    size_t field;
    long double (*reference)(long double, long double, long double);
    int arity;
    long double ulp;
} map_case;
/* Built at run time, because the limits are no constant expressions. */
static inline int list_maps(map_case *cases)
{
    int count = 0;
#define X(kernel)                                                                                                      \
    cases[count++] = (map_case){ #kernel, offsetof(bgk_kernels, kernel), reference_##kernel, limits_##kernel.operands, \
                                 limits_##kernel.bound };
    BGK_MAPS(X)
#undef X
    return count;
}
enum {
#define X(kernel) MAP_##kernel,
    BGK_MAPS(X)
#undef X
        MAP_COUNT
};
static inline bgk_map *map_of(const bgk_kernels *kernels, const map_case *c)
{
    bgk_map *map;
    memcpy(&map, (const char *)kernels + c->field, sizeof map);
    return map;
}

#endif
