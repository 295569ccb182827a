/* Functions of the C library, one element at a time: without vectors ours are no faster. */
#define DEFINE_ELEMENT_MAP(name, expression)                                                                           \
    static void N(name)(void *d, const void *a, int sa, const void *b, int sb, const void *c, int sc, int64_t n)       \
    {                                                                                                                  \
        T *out = d;                                                                                                    \
        const T *ap = a, *bp = b;                                                                                      \
        (void)bp, (void)sb, (void)c, (void)sc;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const T x = ap[i * sa];                                                                                    \
            out[i] = expression;                                                                                       \
        }                                                                                                              \
    }
#define ELEMENT_Y bp[i * sb]
DEFINE_ELEMENT_MAP(exp2, BY_TYPE(exp2f(x), exp2(x)))
DEFINE_ELEMENT_MAP(log2, BY_TYPE(log2f(x), log2(x)))
DEFINE_ELEMENT_MAP(log10, BY_TYPE(log10f(x), log10(x)))
DEFINE_ELEMENT_MAP(sin, BY_TYPE(sinf(x), sin(x)))
DEFINE_ELEMENT_MAP(cos, BY_TYPE(cosf(x), cos(x)))
DEFINE_ELEMENT_MAP(tan, BY_TYPE(tanf(x), tan(x)))
DEFINE_ELEMENT_MAP(asin, BY_TYPE(asinf(x), asin(x)))
DEFINE_ELEMENT_MAP(acos, BY_TYPE(acosf(x), acos(x)))
DEFINE_ELEMENT_MAP(atan, BY_TYPE(atanf(x), atan(x)))
DEFINE_ELEMENT_MAP(sinh, BY_TYPE(sinhf(x), sinh(x)))
DEFINE_ELEMENT_MAP(cosh, BY_TYPE(coshf(x), cosh(x)))
DEFINE_ELEMENT_MAP(asinh, BY_TYPE(asinhf(x), asinh(x)))
DEFINE_ELEMENT_MAP(acosh, BY_TYPE(acoshf(x), acosh(x)))
DEFINE_ELEMENT_MAP(atanh, BY_TYPE(atanhf(x), atanh(x)))
DEFINE_ELEMENT_MAP(erfc, BY_TYPE(erfcf(x), erfc(x)))
DEFINE_ELEMENT_MAP(pow, BY_TYPE(powf(x, ELEMENT_Y), pow(x, ELEMENT_Y)))
DEFINE_ELEMENT_MAP(atan2, BY_TYPE(atan2f(x, ELEMENT_Y), atan2(x, ELEMENT_Y)))
DEFINE_ELEMENT_MAP(fmod, BY_TYPE(fmodf(x, ELEMENT_Y), fmod(x, ELEMENT_Y)))
DEFINE_ELEMENT_MAP(hypot, BY_TYPE(hypotf(x, ELEMENT_Y), hypot(x, ELEMENT_Y)))

#undef DEFINE_ELEMENT_MAP
#undef ELEMENT_Y
