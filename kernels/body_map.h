/* The elementwise kernels.
 *
 * An operand of stride 0 is turned into a vector of copies that the loop reads again and again: the same loop then
 * serves every combination of strides. The last vector of a run ends with the run and may overlap the one before it. It
 * is read before anything is written, for the run may be in place. */
#define MAP_PARAMETERS void *d, const void *a, int sa, const void *b, int sb, const void *c, int sc, int64_t n
#define OPERAND(p, from, stride)                                                                                       \
    T p##_copies[W];                                                                                                   \
    const T *p = from;                                                                                                 \
    const int64_t p##_mask = stride == 0 ? 0 : -1;                                                                     \
    if (stride == 0) {                                                                                                 \
        STORE(p##_copies, SET(*p));                                                                                    \
        p = p##_copies;                                                                                                \
    }
#define OPERANDS_1 OPERAND(ap, a, sa)
#define OPERANDS_2 OPERANDS_1 OPERAND(bp, b, sb)
#define OPERANDS_3 OPERANDS_2 OPERAND(cp, c, sc)
/* How to read the vector at element i: for any strides, for strides of 1, and for a run shorter than a vector. */
#define ANY(p, i)      LOAD(p + ((i)&p##_mask))
#define ONES(p, i)     LOAD(p + (i))
#define FIRST(p, i)    N(v_load_first)(p, n)
#define READ_1(HOW, i) const V x = HOW(ap, i)
#define READ_2(HOW, i) const V x = HOW(ap, i), y = HOW(bp, i)
#define READ_3(HOW, i) const V x = HOW(ap, i), y = HOW(bp, i), z = HOW(cp, i)
#define ALL_ONES_1     sa
#define ALL_ONES_2     (sa & sb)
#define ALL_ONES_3     (sa & sb & sc)
#define POINTERS_1     const T *ap = a
#define POINTERS_2     const T *ap = a, *bp = b
#define POINTERS_3     const T *ap = a, *bp = b, *cp = c
#define MAP_LOOP(arity, expression, HOW)                                                                               \
    int64_t i = 0;                                                                                                     \
    V last;                                                                                                            \
    {                                                                                                                  \
        READ_##arity(HOW, n - W);                                                                                      \
        last = expression;                                                                                             \
    }                                                                                                                  \
    for (; i < n - 2 * W; i += 2 * W) {                                                                                \
        {                                                                                                              \
            READ_##arity(HOW, i);                                                                                      \
            STORE(out + i, expression);                                                                                \
        }                                                                                                              \
        {                                                                                                              \
            READ_##arity(HOW, i + W);                                                                                  \
            STORE(out + i + W, expression);                                                                            \
        }                                                                                                              \
    }                                                                                                                  \
    if (i < n - W) {                                                                                                   \
        READ_##arity(HOW, i);                                                                                          \
        STORE(out + i, expression);                                                                                    \
    }                                                                                                                  \
    STORE(out + n - W, last);

/* A cheap operation: two vectors a turn, and a loop of its own for the common case that all strides are 1. */
#define DEFINE_MAP(name, arity, expression)                                                                            \
    static void N(name)(MAP_PARAMETERS)                                                                                \
    {                                                                                                                  \
        T *out = d;                                                                                                    \
        (void)a, (void)sa, (void)b, (void)sb, (void)c, (void)sc;                                                       \
        if (n >= W && ALL_ONES_##arity) {                                                                              \
            POINTERS_##arity;                                                                                          \
            MAP_LOOP(arity, expression, ONES)                                                                          \
        } else if (n > 0) {                                                                                            \
            OPERANDS_##arity;                                                                                          \
            if (n >= W) {                                                                                              \
                MAP_LOOP(arity, expression, ANY)                                                                       \
            } else {                                                                                                   \
                READ_##arity(FIRST, 0);                                                                                \
                N(v_store_first)(out, expression, n);                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }
DEFINE_MAP(move, 1, x)
DEFINE_MAP(neg, 1, XOR(SIGN_BIT, x))
DEFINE_MAP(abs, 1, N(v_abs)(x))
DEFINE_MAP(sign, 1, N(v_one_if)(LESS(SET(0), x)) - N(v_one_if)(LESS(x, SET(0))))
DEFINE_MAP(square, 1, x *x)
DEFINE_MAP(sqrt, 1, N(v_sqrt)(x))
DEFINE_MAP(floor, 1, N(v_floor)(x))
DEFINE_MAP(ceil, 1, N(v_ceil)(x))
DEFINE_MAP(round, 1, N(v_round)(x))
DEFINE_MAP(trunc, 1, N(v_trunc)(x))
static inline V N(above_0)(V x) { return N(v_zero_if)(LESS_EQUAL(x, SET(0)), x); }
DEFINE_MAP(relu, 1, N(above_0)(x))
DEFINE_MAP(logical_not, 1, N(v_one_if)(EQUAL(x, SET(0))))
DEFINE_MAP(is_finite, 1, N(v_one_if)(LESS(N(v_abs)(x), SET(INFINITY))))
DEFINE_MAP(add, 2, x + y)
DEFINE_MAP(sub, 2, x - y)
DEFINE_MAP(mul, 2, x *y)
DEFINE_MAP(div, 2, x / y)
DEFINE_MAP(maximum, 2, SELECT(NOT_EQUAL(x, x), x, MAX(x, y)))
DEFINE_MAP(minimum, 2, SELECT(NOT_EQUAL(x, x), x, MIN(x, y)))
DEFINE_MAP(equal, 2, N(v_one_if)(EQUAL(x, y)))
DEFINE_MAP(not_equal, 2, N(v_one_if)(NOT_EQUAL(x, y)))
DEFINE_MAP(less, 2, N(v_one_if)(LESS(x, y)))
DEFINE_MAP(less_equal, 2, N(v_one_if)(LESS_EQUAL(x, y)))
DEFINE_MAP(greater, 2, N(v_one_if)(LESS(y, x)))
DEFINE_MAP(greater_equal, 2, N(v_one_if)(LESS_EQUAL(y, x)))
DEFINE_MAP(where, 3, SELECT(NOT_EQUAL(x, SET(0)), y, z))
DEFINE_MAP(fma, 3, N(v_fma_exact)(x, y, z))
DEFINE_MAP(fnma, 3, N(v_fnma_exact)(x, y, z))
DEFINE_MAP(sub_sub, 3, (x - y) - z)
DEFINE_MAP(sub_mul, 3, (x - y) * z)
DEFINE_MAP(add_relu, 2, N(above_0)(x + y))
DEFINE_MAP(fma_relu, 3, N(above_0)(N(v_fma_exact)(x, y, z)))
DEFINE_MAP(where_above, 2, N(v_zero_if)(LESS_EQUAL(x, SET(0)), y))

/* A math function is long, so one loop serves all strides. */
#define DEFINE_MATH_MAP(name)                                                                                          \
    static void N(name)(MAP_PARAMETERS)                                                                                \
    {                                                                                                                  \
        T *out = d;                                                                                                    \
        (void)b, (void)sb, (void)c, (void)sc;                                                                          \
        if (n <= 0)                                                                                                    \
            return;                                                                                                    \
        OPERANDS_1;                                                                                                    \
        const V last = n < W ? FIRST(ap, 0) : ANY(ap, n - W), y = N(v_##name)(last);                                   \
        for (int64_t i = 0; i < n - W; i += W) {                                                                       \
            const V x = ANY(ap, i);                                                                                    \
            STORE(out + i, N(v_##name)(x));                                                                            \
        }                                                                                                              \
        if (n < W)                                                                                                     \
            N(v_store_first)(out, y, n);                                                                               \
        else                                                                                                           \
            STORE(out + n - W, y);                                                                                     \
    }
DEFINE_MATH_MAP(exp)
DEFINE_MATH_MAP(expm1)
DEFINE_MATH_MAP(log)
DEFINE_MATH_MAP(log1p)
DEFINE_MATH_MAP(tanh)
DEFINE_MATH_MAP(sigmoid)
DEFINE_MATH_MAP(softplus)
DEFINE_MATH_MAP(erf)

#undef MAP_PARAMETERS
#undef OPERAND
#undef OPERANDS_1
#undef OPERANDS_2
#undef OPERANDS_3
#undef ANY
#undef ONES
#undef FIRST
#undef READ_1
#undef READ_2
#undef READ_3
#undef ALL_ONES_1
#undef ALL_ONES_2
#undef ALL_ONES_3
#undef POINTERS_1
#undef POINTERS_2
#undef POINTERS_3
#undef MAP_LOOP
#undef DEFINE_MAP
#undef DEFINE_MATH_MAP
