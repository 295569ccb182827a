/* The vector kernels of every instruction set that this processor has, against references in long double. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum { MAX_N = 70, GUARD = 8 };

/* ---- The element types, and the tables at hand ---- */

typedef struct {
    const char *name;
    size_t size;
    int is_f64;
    long double epsilon, smallest, largest;
} element;
static const element elements[2] = { { "f32", 4, 0, FLT_EPSILON, FLT_MIN, FLT_MAX },
                                     { "f64", 8, 1, DBL_EPSILON, DBL_MIN, DBL_MAX } };

static const bgk_kernels *kernels_of(const bgk_table *table, const element *e)
{
    return e->is_f64 ? &table->f64 : &table->f32;
}
static long double get(const element *e, const void *p, int64_t i)
{
    return e->is_f64 ? (long double)((const double *)p)[i] : (long double)((const float *)p)[i];
}
static void put(const element *e, void *p, int64_t i, long double x)
{
    if (e->is_f64)
        ((double *)p)[i] = (double)x;
    else
        ((float *)p)[i] = (float)x;
}
static void *at(const element *e, void *p, int64_t i) { return (char *)p + (int64_t)e->size * i; }

#define FOR_EACH_TABLE(table)                                                                                          \
    for (const bgk_table *const *t_ = bgi_kernel_tables, *table = *t_; table; table = *++t_)                           \
        if (table->is_supported())
#define FOR_EACH_ELEMENT(e) for (const element *e = elements; e < elements + 2; e++)

/* The same bits, except that any NaN is as good as another: which operand's NaN an instruction passes on is up to the
 * compiler. */
static int same_bits(const element *e, void *a, void *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(at(e, a, i), at(e, b, i), e->size) && !(isnan(get(e, a, i)) && isnan(get(e, b, i))))
            return 0;
    return 1;
}

static uint64_t random_state = 88172645463325252U;
static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}
static int64_t random_below(int64_t n) { return (int64_t)(random_bits() % (uint64_t)n); }
static long double random_unit(void) { return (long double)(random_bits() >> 11) * 0x1p-52L - 1; }

/* The error in units in the last place of the exact result; infinite where one is infinite or NaN and not the other. */
static long double ulp_error(const element *e, long double result, long double exact)
{
    if (isnan(exact) || isnan(result))
        return isnan(exact) && isnan(result) ? 0 : INFINITY;
    /* Half a unit above the largest number is where rounding gives infinity. */
    long double limit = e->largest * (1 + e->epsilon / 4);
    if (isinf(result) || fabsl(exact) >= limit)
        return isinf(result) && fabsl(exact) >= limit * (1 - 8 * e->epsilon) && signbit(result) == signbit(exact)
                   ? 0
                   : INFINITY;
    long double scale = fabsl(exact) < e->smallest ? e->smallest : ldexpl(1, ilogbl(exact));
    return fabsl(result - exact) / (scale * e->epsilon);
}

/* ---- Maps ---- */

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
static int list_maps(map_case *cases)
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
static bgk_map *map_of(const bgk_kernels *kernels, const map_case *c)
{
    bgk_map *map;
    memcpy(&map, (const char *)kernels + c->field, sizeof map);
    return map;
}

static const double edges[] = { 0.0,   -0.0,  1.0,      -1.0,  0.5,   -0.5,      2.0,   -2.0, 0.3,
                                -0.7,  3.7,   -4.2,     1e-3,  -1e-3, 1e-7,      -1e-7, 11.0, -13.0,
                                20.5,  -19.0, INFINITY, NAN,   88.5,  -INFINITY, -87.0, 1e30, -1e-30,
                                1e-20, 7.25,  2.5,      -0.25, 0.9,   -0.999,    100.0, 1.1 };
enum { EDGES = sizeof edges / sizeof edges[0] };

/* The operands of element i of a run: a different step through the edges for each operand, so that they meet. */
static void fill_operands(const element *e, void *const *operands, int64_t n, int64_t shift)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < 3; k++)
            put(e, operands[k], i, edges[((i + shift) * (2 * k + 1) + k * 5 + (i + shift) / EDGES * k) % EDGES]);
}

static void check_map(const bgk_table *table, const element *e, const map_case *c, int64_t n, int strides)
{
    double memory[3][MAX_N + GUARD], result[MAX_N + GUARD], again[MAX_N + GUARD];
    void *const operands[3] = { memory[0], memory[1], memory[2] };
    const int s[3] = { strides & 1, strides >> 1 & 1, strides >> 2 & 1 };
    bgk_map *map = map_of(kernels_of(table, e), c);

    fill_operands(e, operands, MAX_N, n * 3 + strides);
    for (int i = 0; i < MAX_N + GUARD; i++)
        put(e, result, i, 77);
    map(result, memory[0], s[0], memory[1], s[1], memory[2], s[2], n);
    for (int64_t i = 0; i < n; i++) {
        const long double x = get(e, memory[0], i * s[0]), y = get(e, memory[1], i * s[1]);
        const long double z = get(e, memory[2], i * s[2]), exact = c->reference(x, y, z), r = get(e, result, i);
        const long double error = ulp_error(e, r, exact);
        if (!(error <= c->ulp))
            ck_abort_msg("%s_%s %s: n %lld, strides %d%d%d, element %lld of (%La, %La, %La): %La, exact %La: %Lg ULP",
                         c->name, e->name, table->name, (long long)n, s[0], s[1], s[2], (long long)i, x, y, z, r, exact,
                         error);
    }
    for (int64_t i = n; i < MAX_N + GUARD; i++)
        if (get(e, result, i) != 77)
            ck_abort_msg("%s_%s %s: n %lld: wrote element %lld", c->name, e->name, table->name, (long long)n,
                         (long long)i);

    for (int k = 0; k < c->arity; k++) {
        if (!s[k])
            continue;
        memcpy(again, memory[k], sizeof again);
        const void *in[3] = { memory[0], memory[1], memory[2] };
        in[k] = again;
        map(again, in[0], s[0], in[1], s[1], in[2], s[2], n);
        if (!same_bits(e, again, result, n))
            ck_abort_msg("%s_%s %s: n %lld: in place of operand %d differs", c->name, e->name, table->name,
                         (long long)n, k);
    }
}

START_TEST(maps_agree_with_reference)
{
    map_case cases[MAP_COUNT];
    const int count = list_maps(cases);
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (const map_case *c = cases; c < cases + count; c++)
        for (int64_t n = 0; n <= MAX_N; n++)
            for (int strides = 0; strides < 1 << c->arity; strides++)
                check_map(table, e, c, n, strides);
}
END_TEST

/* A run in two pieces gives the bits of the run in one, wherever it is cut. */
START_TEST(maps_do_not_depend_on_cuts)
{
    map_case cases[MAP_COUNT];
    const int count = list_maps(cases);
    static const int64_t sizes[] = { 5, 17, 39, MAX_N };
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (const map_case *c = cases; c < cases + count; c++)
        for (int size = 0; size < 4; size++)
            for (int strides = 0; strides < 1 << c->arity; strides++) {
                double a[MAX_N], b[MAX_N], z[MAX_N], whole[MAX_N], cut[MAX_N];
                void *const operands[3] = { a, b, z };
                const int sa = strides & 1, sb = strides >> 1 & 1, sz = strides >> 2 & 1;
                const int64_t n = sizes[size];
                bgk_map *map = map_of(kernels_of(table, e), c);
                fill_operands(e, operands, n, strides);
                for (int64_t i = 0; i < n; i += 2)
                    put(e, a, i, random_unit() * 8);
                map(whole, a, sa, b, sb, z, sz, n);
                for (int64_t p = 0; p <= n; p++) {
                    map(cut, a, sa, b, sb, z, sz, p);
                    map(at(e, cut, p), at(e, a, p * sa), sa, at(e, b, p * sb), sb, at(e, z, p * sz), sz, n - p);
                    if (!same_bits(e, whole, cut, n))
                        ck_abort_msg("%s_%s %s: n %lld cut at %lld differs, strides %d%d%d", c->name, e->name,
                                     table->name, (long long)n, (long long)p, sa, sb, sz);
                }
            }
}
END_TEST

/* Zeros keep their sign where the function passes through the origin, and the ends of the range are exact. */
START_TEST(special_values)
{
    static const struct {
        int map;
        double x, y;
    } table_of_values[] = {
        { MAP_neg, 0.0, -0.0 },
        { MAP_abs, -0.0, 0.0 },
        { MAP_sqrt, -0.0, -0.0 },
        { MAP_relu, NAN, NAN },
        { MAP_sign, NAN, 0 },
        { MAP_sign, -0.0, 0 },
        { MAP_tanh, -0.0, -0.0 },
        { MAP_tanh, 0.0, 0.0 },
        { MAP_tanh, INFINITY, 1 },
        { MAP_tanh, -INFINITY, -1 },
        { MAP_erf, -0.0, -0.0 },
        { MAP_erf, 0.0, 0.0 },
        { MAP_erf, INFINITY, 1 },
        { MAP_erf, -INFINITY, -1 },
        { MAP_expm1, -0.0, -0.0 },
        { MAP_expm1, 0.0, 0.0 },
        { MAP_expm1, -INFINITY, -1 },
        { MAP_expm1, INFINITY, INFINITY },
        { MAP_log1p, -0.0, -0.0 },
        { MAP_log1p, 0.0, 0.0 },
        { MAP_log1p, -1, -INFINITY },
        { MAP_log1p, -1.5, NAN },
        { MAP_log1p, INFINITY, INFINITY },
        { MAP_log, 0.0, -INFINITY },
        { MAP_log, -0.0, -INFINITY },
        { MAP_log, -1, NAN },
        { MAP_log, -INFINITY, NAN },
        { MAP_log, 1, 0.0 },
        { MAP_log, INFINITY, INFINITY },
        { MAP_exp, -INFINITY, 0 },
        { MAP_exp, INFINITY, INFINITY },
        { MAP_exp, 0, 1 },
        { MAP_exp, 1e30, INFINITY },
        { MAP_exp, -1e30, 0 },
        { MAP_sigmoid, -INFINITY, 0 },
        { MAP_sigmoid, INFINITY, 1 },
        { MAP_sigmoid, 0, 0.5 },
        { MAP_softplus, -INFINITY, 0 },
        { MAP_softplus, INFINITY, INFINITY },
        { MAP_exp, NAN, NAN },
        { MAP_expm1, NAN, NAN },
        { MAP_log, NAN, NAN },
        { MAP_log1p, NAN, NAN },
        { MAP_tanh, NAN, NAN },
        { MAP_sigmoid, NAN, NAN },
        { MAP_softplus, NAN, NAN },
        { MAP_erf, NAN, NAN },
        { MAP_is_finite, NAN, 0 },
    };
    map_case cases[MAP_COUNT];
    list_maps(cases);
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (size_t i = 0; i < sizeof table_of_values / sizeof table_of_values[0]; i++) {
        double in, out;
        const long double want = table_of_values[i].y;
        put(e, &in, 0, table_of_values[i].x);
        map_of(kernels_of(table, e), &cases[table_of_values[i].map])(&out, &in, 1, NULL, 0, NULL, 0, 1);
        const long double r = get(e, &out, 0);
        if (isnan(want) ? !isnan(r) : (r != want || signbit(r) != signbit(want)))
            ck_abort_msg("%s_%s %s of %g: %Lg, not %Lg", cases[table_of_values[i].map].name, e->name, table->name,
                         table_of_values[i].x, r, want);
    }
}
END_TEST

/* ---- Errors of the math functions ---- */

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
static const struct {
    int map;
    double (*reference)(double);
} math_functions[] = { { MAP_exp, exp },   { MAP_expm1, expm1 },     { MAP_log, log },           { MAP_log1p, log1p },
                       { MAP_tanh, tanh }, { MAP_sigmoid, sigmoid }, { MAP_softplus, softplus }, { MAP_erf, erf } };
enum { MATH_FUNCTIONS = sizeof math_functions / sizeof math_functions[0] };

/* Every 2003rd float, denormals and NaN among them; all of them when BLASGRAD_EXHAUSTIVE is set. */
START_TEST(f32_math_errors)
{
    enum { BLOCK = 4096 };
    static float x[BLOCK], y[BLOCK];
    static double exact[BLOCK];
    map_case cases[MAP_COUNT];
    list_maps(cases);
    const map_case *c = &cases[math_functions[_i].map];
    const uint64_t step = getenv("BLASGRAD_EXHAUSTIVE") ? 1 : 2003;
    for (uint64_t bits = 0; bits <= UINT32_MAX;) {
        int n = 0;
        for (; n < BLOCK && bits <= UINT32_MAX; bits += step, n++) {
            const uint32_t pattern = (uint32_t)bits;
            memcpy(&x[n], &pattern, sizeof pattern);
            exact[n] = math_functions[_i].reference((double)x[n]);
        }
        FOR_EACH_TABLE(table)
        {
            map_of(&table->f32, c)(y, x, 1, NULL, 0, NULL, 0, n);
            for (int i = 0; i < n; i++) {
                /* The quick test in double serves nearly all; long double decides about the rest. */
                const double magnitude = fabs(exact[i]);
                if (magnitude < 1e38 && fabs((double)y[i] - exact[i]) <= magnitude * 0x1p-25)
                    continue;
                const long double error = ulp_error(&elements[0], (long double)y[i], (long double)exact[i]);
                if (!(error <= c->ulp))
                    ck_abort_msg("%s_f32 %s of %a: %a, exact %a: %Lg ULP", c->name, table->name, (double)x[i],
                                 (double)y[i], exact[i], error);
            }
        }
    }
}
END_TEST

START_TEST(f64_math_errors)
{
    enum { BLOCK = 1024 };
    static double x[BLOCK], y[BLOCK];
    map_case cases[MAP_COUNT];
    list_maps(cases);
    const map_case *c = &cases[math_functions[_i].map];
    const int rounds = getenv("BLASGRAD_EXHAUSTIVE") ? 10000 : 20;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < BLOCK; i++) {
            const int shape = i % 4;
            x[i] = (double)(random_unit() * (shape == 0 ? 4 : shape == 1 ? 750 : shape == 2 ? 0.6L : 1));
            if (shape == 3)
                x[i] = ldexp(x[i], (int)random_below(72) - 60);
            if (shape == 2)
                x[i] += 1;
        }
        FOR_EACH_TABLE(table)
        {
            map_of(&table->f64, c)(y, x, 1, NULL, 0, NULL, 0, BLOCK);
            for (int i = 0; i < BLOCK; i++) {
                const long double exact = c->reference((long double)x[i], 0, 0);
                const long double error = ulp_error(&elements[1], (long double)y[i], exact);
                if (!(error <= c->ulp))
                    ck_abort_msg("%s_f64 %s of %a: %a, exact %La: %Lg ULP", c->name, table->name, x[i], y[i], exact,
                                 error);
            }
        }
    }
}
END_TEST

#if defined(__SSE__)
/* Where neither operand nor result is a denormal number, flushing them to zero changes no bit. */
START_TEST(flushing_denormals_changes_nothing_else)
{
    enum { COUNT = 4000, FLUSH_TO_ZERO_AND_DENORMALS_ARE_ZERO = 0x8040 };
    static double x[COUNT], plain[COUNT], flushed[COUNT];
    map_case cases[MAP_COUNT];
    list_maps(cases);
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int f = 0; f < MATH_FUNCTIONS; f++) {
        bgk_map *map = map_of(kernels_of(table, e), &cases[math_functions[f].map]);
        for (int i = 0; i < COUNT; i++)
            put(e, x, i, i % 2 ? random_unit() * 90 : ldexpl(random_unit(), (int)random_below(120) - 115));
        map(plain, x, 1, NULL, 0, NULL, 0, COUNT);
        const unsigned state = _mm_getcsr();
        _mm_setcsr(state | FLUSH_TO_ZERO_AND_DENORMALS_ARE_ZERO);
        map(flushed, x, 1, NULL, 0, NULL, 0, COUNT);
        _mm_setcsr(state);
        for (int i = 0; i < COUNT; i++) {
            const long double r = get(e, plain, i), in = get(e, x, i);
            if (fabsl(in) >= e->smallest && (isnan(r) || fabsl(r) >= e->smallest) &&
                memcmp(at(e, plain, i), at(e, flushed, i), e->size))
                ck_abort_msg("%s_%s %s of %La: %La, flushing %La", cases[math_functions[f].map].name, e->name,
                             table->name, in, r, get(e, flushed, i));
        }
    }
}
END_TEST
#endif

/* ---- Reductions ---- */

static void check_rows(const element *e, int64_t rows, int64_t cols, int64_t stride, int scale)
{
    void *a = malloc((size_t)(rows * stride + cols + 1) * e->size);
    double sums[40], maxima[40], first[40];
    int tables = 0;
    ck_assert_ptr_nonnull(a);
    for (int64_t i = 0; i < rows * stride + cols; i++)
        put(e, a, i, scale ? random_unit() : random_unit() + 1);
    FOR_EACH_TABLE(table)
    {
        const bgk_kernels *k = kernels_of(table, e);
        for (int i = 0; i < 40; i++) {
            put(e, sums, i, 77);
            put(e, maxima, i, 77);
        }
        k->sum_rows(sums, a, rows, cols, stride);
        k->max_rows(maxima, a, rows, cols, stride);
        for (int64_t r = 0; r < rows; r++) {
            long double sum = 0, size = 0, max = -INFINITY;
            for (int64_t j = 0; j < cols; j++) {
                const long double x = get(e, a, r * stride + j);
                sum += x;
                size += fabsl(x);
                max = x > max ? x : max;
            }
            if (!(fabsl(get(e, sums, r) - sum) <= 4 * e->epsilon * size))
                ck_abort_msg("sum_rows %s %s: row %lld of [%lld, %lld]: %La, exact %La", e->name, table->name,
                             (long long)r, (long long)rows, (long long)cols, get(e, sums, r), sum);
            if (get(e, maxima, r) != max)
                ck_abort_msg("max_rows %s %s: row %lld of [%lld, %lld]: %La, exact %La", e->name, table->name,
                             (long long)r, (long long)rows, (long long)cols, get(e, maxima, r), max);
        }
        for (int64_t r = rows; r < 40; r++)
            if (get(e, sums, r) != 77 || get(e, maxima, r) != 77)
                ck_abort_msg("*_rows %s %s: [%lld, %lld]: wrote row %lld", e->name, table->name, (long long)rows,
                             (long long)cols, (long long)r);
        if (tables++ == 0)
            memcpy(first, sums, sizeof first);
        else if (memcmp(first, sums, (size_t)rows * e->size))
            ck_abort_msg("sum_rows %s %s: [%lld, %lld]: other bits than on another instruction set", e->name,
                         table->name, (long long)rows, (long long)cols);
    }
    free(a);
}

START_TEST(row_reductions)
{
    static const int64_t long_rows[] = { 100, 127, 1000, 4095, 4096, 4097, 9000, 100003 };
    FOR_EACH_ELEMENT(e)
    {
        for (int64_t rows = 0; rows <= 18; rows++)
            for (int64_t cols = 0; cols <= MAX_N; cols++)
                check_rows(e, rows, cols, cols + (rows + cols) % 3, (int)(cols & 1));
        for (int i = 0; i < 8; i++)
            check_rows(e, 3, long_rows[i], long_rows[i] + i % 2, i & 1);
        check_rows(e, 33, 10, 10, 1);
    }
}
END_TEST

/* A NaN anywhere is the maximum and the sum; rows of negative numbers have a negative maximum. */
START_TEST(row_reductions_keep_nan)
{
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t cols = 1; cols <= MAX_N; cols++)
        for (int64_t where = -1; where < cols; where++) {
            double a[MAX_N], max = 0, sum = 0;
            for (int64_t j = 0; j < cols; j++)
                put(e, a, j, j == where ? (long double)NAN : -1 - j);
            kernels_of(table, e)->max_rows(&max, a, 1, cols, cols);
            kernels_of(table, e)->sum_rows(&sum, a, 1, cols, cols);
            const long double m = get(e, &max, 0), s = get(e, &sum, 0);
            if (where < 0 ? m != -1 : !(isnan(m) && isnan(s)))
                ck_abort_msg("max_rows %s %s: NaN at %lld of %lld: %Lg, sum %Lg", e->name, table->name,
                             (long long)where, (long long)cols, m, s);
        }
}
END_TEST

START_TEST(long_sums_are_exact_where_they_can_be)
{
    const int64_t n = (int64_t)1 << 25;
    float *a = malloc((size_t)n * sizeof *a);
    ck_assert_ptr_nonnull(a);
    for (int64_t i = 0; i < n; i++)
        a[i] = 1;
    FOR_EACH_TABLE(table)
    {
        float sum = 0;
        table->f32.sum_rows(&sum, a, 1, n, n);
        if (!(sum == 33554432.0f))
            ck_abort_msg("sum_rows f32 %s: 2^25 ones: %f", table->name, (double)sum);
        table->f32.sum_fold(&sum, a, n / 2, 1, 2);
        if (!(sum == 16777216.0f))
            ck_abort_msg("sum_fold f32 %s: 2^24 ones: %f", table->name, (double)sum);
    }
    for (int64_t i = 0; i < n / 2; i++)
        a[i] = 1e-8f;
    a[0] = 1;
    FOR_EACH_TABLE(table)
    {
        float sum = 0;
        table->f32.sum_rows(&sum, a, 1, n / 2, n);
        if (!(fabs((double)sum - 1.16777213958) <= 4 * 1.19e-7 * 1.17))
            ck_abort_msg("sum_rows f32 %s: 1 and 2^24 times 1e-8: %.9g", table->name, (double)sum);
    }
    free(a);
}
END_TEST

START_TEST(column_reductions)
{
    static const int64_t row_counts[] = { 0, 1, 2, 3, 7, 511, 512, 513, 1025, 1600 };
    static double a[1601 * 150], sums[150 + GUARD], maxima[150 + GUARD];
    FOR_EACH_ELEMENT(e)
    for (int i = 0; i < 10; i++)
        for (int64_t cols = 0; cols <= 146; cols += cols < 40 ? 1 : 7) {
            const int64_t rows = row_counts[i], stride = cols + (cols & 3);
            for (int64_t j = 0; j < rows * stride + cols; j++)
                put(e, a, j, random_unit() - 0.5L);
            if (rows > 5 && cols > 3)
                put(e, a, 5 * stride + 3, NAN);
            FOR_EACH_TABLE(table)
            {
                for (int64_t j = 0; j < 150 + GUARD; j++) {
                    put(e, sums, j, 77);
                    put(e, maxima, j, 77);
                }
                kernels_of(table, e)->sum_fold(sums, a, rows, cols, stride);
                kernels_of(table, e)->max_fold(maxima, a, rows, cols, stride);
                for (int64_t j = 0; j < 150 + GUARD; j++) {
                    /* The same additions in the same order, hence the same bits. */
                    double total = 0, block = 0, max = j < cols ? -INFINITY : 77;
                    for (int64_t r = 0; j < cols && r < rows; r++) {
                        const double x = (double)get(e, a, r * stride + j);
                        if (r % 512 == 0 && r > 0) {
                            total = e->is_f64 ? total + block : (double)((float)total + (float)block);
                            block = 0;
                        }
                        block = e->is_f64 ? block + x : (double)((float)block + (float)x);
                        max = isnan(x) || isnan(max) ? NAN : x > max ? x : max;
                    }
                    total = e->is_f64 ? total + block : (double)((float)total + (float)block);
                    if (j >= cols)
                        total = 77;
                    const double s = (double)get(e, sums, j), m = (double)get(e, maxima, j);
                    if (isnan(total) ? !isnan(s) || !isnan(m) : s != total || m != max)
                        ck_abort_msg("*_fold %s %s: column %lld of [%lld, %lld]: sum %a, not %a; max %a, not %a",
                                     e->name, table->name, (long long)j, (long long)rows, (long long)cols, s, total, m,
                                     max);
                }
            }
        }
}
END_TEST

/* ---- Loads and stores ---- */

enum {
#define X(type) TYPE_##type,
    BGK_TYPES(X)
#undef X
        TYPE_COUNT
};
#define C_f32  float
#define C_f64  double
#define C_i32  int32_t
#define C_i64  int64_t
#define C_u8   uint8_t
#define C_bool uint8_t

static double memory_get(int type, const void *p, int64_t i)
{
    switch (type) {
#define X(name)                                                                                                        \
    case TYPE_##name:                                                                                                  \
        return (double)((const C_##name *)p)[i];
        BGK_TYPES(X)
#undef X
    default:
        return NAN;
    }
}
static void memory_put(int type, void *p, int64_t i, double x)
{
    switch (type) {
#define X(name)                                                                                                        \
    case TYPE_##name:                                                                                                  \
        ((C_##name *)p)[i] = (C_##name)x;                                                                              \
        break;
        BGK_TYPES(X)
#undef X
    default:
        break;
    }
}

START_TEST(loads_at_any_strides)
{
    enum { AREA = 6000, MIDDLE = AREA / 2 };
    static double source[AREA], d[2600];
    static const char *const names[] = {
#define X(name) #name,
        BGK_TYPES(X)
#undef X
    };
    for (int type = 0; type < TYPE_COUNT; type++) {
        for (int64_t i = 0; i < AREA; i++)
            memory_put(type, source, i,
                       type == TYPE_bool ? (double)(i % 3 == 0) : (double)(i * 7 % 251) - (type == TYPE_u8 ? 0 : 100));
        for (int trial = 0; trial < 3000; trial++) {
            const int64_t rows = random_below(30), cols = random_below(30);
            int64_t rs = random_below(80) - 40, cs = random_below(80) - 40;
            switch (trial % 8) { /* the forms with a path of their own */
            case 0:
                cs = 1;
                break;
            case 1:
                cs = 0;
                break;
            case 2:
                rs = 0;
                break;
            case 3:
                rs = 1;
                break;
            case 4:
                rs = cols, cs = 1;
                break;
            case 5:
                rs = cols * cs > 40 ? 0 : cols * cs;
                break;
            case 6:
                cs = -1;
                break;
            default:
                break;
            }
            while (llabs((rows - 1) * rs) + llabs((cols - 1) * cs) >= MIDDLE)
                rs /= 2, cs /= 2;
            FOR_EACH_TABLE(table)
            FOR_EACH_ELEMENT(e)
            {
                const bgk_kernels *k = kernels_of(table, e);
                bgk_load *const loads[] = {
#define X(name) k->load_##name,
                    BGK_TYPES(X)
#undef X
                };
                static const size_t sizes[] = {
#define X(name) sizeof(C_##name),
                    BGK_TYPES(X)
#undef X
                };
                put(e, d, rows * cols, 77);
                loads[type](d, (const char *)source + sizes[type] * MIDDLE, rows, cols, rs, cs);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < cols; j++) {
                        const double want = memory_get(type, source, MIDDLE + i * rs + j * cs);
                        if ((double)get(e, d, i * cols + j) != want)
                            ck_abort_msg("load_%s %s %s: [%lld, %lld] at strides %lld, %lld: (%lld, %lld) is %Lg, "
                                         "not %g",
                                         names[type], e->name, table->name, (long long)rows, (long long)cols,
                                         (long long)rs, (long long)cs, (long long)i, (long long)j,
                                         get(e, d, i * cols + j), want);
                    }
                ck_assert_msg(get(e, d, rows * cols) == 77, "load_%s %s %s: wrote too far", names[type], e->name,
                              table->name);
            }
        }
    }
}
END_TEST

START_TEST(stores_convert)
{
    static const struct {
        double x, i32, i64, u8, truth;
    } values[] = { { 0, 0, 0, 0, 0 },
                   { -0.0, 0, 0, 0, 0 },
                   { 1.9, 1, 1, 1, 1 },
                   { -1.9, -1, -1, 0, 1 },
                   { 255.5, 255, 255, 255, 1 },
                   { 256, 256, 256, 255, 1 },
                   { 1e10, 2147483647, 1e10, 255, 1 },
                   { -1e10, -2147483648.0, -1e10, 0, 1 },
                   { 1e30, 2147483647, 9223372036854775807.0, 255, 1 },
                   { -1e30, -2147483648.0, -9223372036854775808.0, 0, 1 },
                   { INFINITY, 2147483647, 9223372036854775807.0, 255, 1 },
                   { -INFINITY, -2147483648.0, -9223372036854775808.0, 0, 1 },
                   { NAN, 0, 0, 0, 1 },
                   { 1e-40, 0, 0, 0, 1 } };
    enum { VALUES = sizeof values / sizeof values[0] };
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int64_t n = 0; n <= MAX_N; n++) {
        double a[MAX_N];
        int32_t i32[MAX_N];
        int64_t i64[MAX_N];
        uint8_t u8[MAX_N], truth[MAX_N];
        float f32[MAX_N];
        double f64[MAX_N];
        const bgk_kernels *k = kernels_of(table, e);
        for (int64_t i = 0; i < n; i++)
            put(e, a, i, values[i % VALUES].x);
        k->store_i32(i32, a, n);
        k->store_i64(i64, a, n);
        k->store_u8(u8, a, n);
        k->store_bool(truth, a, n);
        k->store_f32(f32, a, n);
        k->store_f64(f64, a, n);
        for (int64_t i = 0; i < n; i++) {
            const int64_t v = i % VALUES;
            const double x = (double)get(e, a, i);
            if (i32[i] != values[v].i32 || (double)i64[i] != values[v].i64 || u8[i] != values[v].u8 ||
                truth[i] != values[v].truth || (isnan(x) ? !isnan(f32[i]) : f32[i] != (float)x) ||
                (isnan(x) ? !isnan(f64[i]) : f64[i] != x))
                ck_abort_msg("store %s %s of %g, n %lld: i32 %d, i64 %lld, u8 %d, bool %d, f32 %g, f64 %g", e->name,
                             table->name, x, (long long)n, i32[i], (long long)i64[i], u8[i], truth[i], (double)f32[i],
                             f64[i]);
        }
    }
}
END_TEST

/* ---- The product ---- */

/* Layouts: bit 0 a transposed, bit 1 b transposed, bit 2 padded, bit 3 elements of b apart. */
static void check_product(const element *e, int64_t m, int64_t n, int64_t k, int layout)
{
    enum { SIDE = 48, DEPTH = 560, AREA = SIDE * DEPTH * 2, SCRATCH = 64 * DEPTH };
    static double a[AREA], b[AREA], c[AREA], exact[AREA], chain[AREA], size[AREA];
    static _Alignas(64) double scratch[SCRATCH];
    ck_assert(BGK_PANEL_SCRATCH(SIDE) <= SCRATCH && BGK_SMALL_SCRATCH(SIDE, DEPTH) <= SCRATCH);
    const int64_t pad = layout & 4 ? 3 : 0, apart = layout & 8 ? 2 : 1;
    const int64_t a_rows = layout & 1 ? 1 : k + pad, a_cols = layout & 1 ? m + pad : 1;
    const int64_t b_rows = layout & 2 ? apart : apart * (n + pad), b_cols = layout & 2 ? apart * (k + pad) : apart;
    const int64_t ldc = n + pad;
    for (int64_t i = 0; i < (m + pad) * (k + pad); i++)
        put(e, a, i, random_unit());
    for (int64_t i = 0; i < apart * (n + pad) * (k + pad); i++)
        put(e, b, i, random_unit());
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            long double sum = 0, absolute = 0;
            double f64 = 0;
            float f32 = 0;
            for (int64_t p = 0; p < k; p++) {
                const long double x = get(e, a, i * a_rows + p * a_cols), y = get(e, b, p * b_rows + j * b_cols);
                sum += x * y;
                absolute += fabsl(x * y);
                if (e->is_f64)
                    f64 = fma((double)x, (double)y, f64);
                else
                    f32 = fmaf((float)x, (float)y, f32);
            }
            exact[i * n + j] = (double)sum;
            size[i * n + j] = (double)absolute;
            chain[i * n + j] = e->is_f64 ? f64 : (double)f32;
        }
    FOR_EACH_TABLE(table)
    for (int is_panels = 0; is_panels < 1 + (k > 0); is_panels++) {
        const int is_fused = strcmp(table->name, "scalar") != 0;
        const bgk_kernels *kernels = kernels_of(table, e);
        for (int64_t i = 0; i < (m + 1) * (ldc + 1); i++)
            put(e, c, i, 77);
        (is_panels ? kernels->product_panels : kernels->product)(m, n, k, a, a_rows, a_cols, b, b_rows, b_cols, c, ldc,
                                                                 scratch);
        for (int64_t i = 0; i < (m + 1) * (ldc + 1); i++) {
            const int64_t row = ldc > 0 ? i / ldc : m, col = ldc > 0 ? i % ldc : 0;
            const double r = (double)get(e, c, i);
            int is_right = r == 77;
            double want = 77;
            if (row < m && col < n) {
                want = is_fused ? chain[row * n + col] : exact[row * n + col];
                is_right = is_fused ? r == want
                                    : fabs(r - want) <= (double)(e->epsilon * (k + 1)) * size[row * n + col] + 1e-300;
            }
            if (!is_right)
                ck_abort_msg("product%s_%s %s: m %lld n %lld k %lld, layout %d: (%lld, %lld) is %a, not %a",
                             is_panels ? "_panels" : "", e->name, table->name, (long long)m, (long long)n, (long long)k,
                             layout, (long long)row, (long long)col, r, want);
        }
    }
}

START_TEST(products)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 24, 31, 32, 33, 40 };
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    static const int64_t depths[] = { 0, 1, 2, 5, 16, 37 };
    int layout = 0;
    FOR_EACH_ELEMENT(e)
    {
        for (int i = 0; i < SIZES; i++)
            for (int j = 0; j < SIZES; j++)
                for (int p = 0; p < 6; p++)
                    check_product(e, sizes[i], sizes[j], depths[p], (layout += 5) & 15);
        for (int trial = 0; trial < 1500; trial++)
            check_product(e, random_below(41), random_below(41), random_below(41), (int)random_below(16));
        for (layout = 0; layout < 16; layout++) /* chains that go on from one panel to the next */
            check_product(e, 13 + layout, 48 - 2 * layout, layout % 2 ? 257 : 513, layout);
        for (layout = 0; layout < 16; layout++)
            for (int i = 0; i < SIZES; i++) {
                check_product(e, 1, sizes[i], 19, layout);
                check_product(e, sizes[i], 1, 19, layout);
            }
    }
}
END_TEST

START_TEST(peak_counts_operations)
{
    FOR_EACH_TABLE(table)
    for (int is_f64 = 0; is_f64 < 2; is_f64++) {
        const double one = table->fma_chains(1, is_f64), many = table->fma_chains(1000, is_f64);
        ck_assert_msg(one >= 20 && many == 1000 * one, "fma_chains %s: %g and %g", table->name, one, many);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tests = tcase_create("kernels");
    tcase_set_timeout(tests, getenv("BLASGRAD_EXHAUSTIVE") ? 7200 : 120);
    tcase_add_test(tests, maps_agree_with_reference);
    tcase_add_test(tests, maps_do_not_depend_on_cuts);
    tcase_add_test(tests, special_values);
    tcase_add_loop_test(tests, f32_math_errors, 0, MATH_FUNCTIONS);
    tcase_add_loop_test(tests, f64_math_errors, 0, MATH_FUNCTIONS);
#if defined(__SSE__)
    tcase_add_test(tests, flushing_denormals_changes_nothing_else);
#endif
    tcase_add_test(tests, row_reductions);
    tcase_add_test(tests, row_reductions_keep_nan);
    tcase_add_test(tests, long_sums_are_exact_where_they_can_be);
    tcase_add_test(tests, column_reductions);
    tcase_add_test(tests, loads_at_any_strides);
    tcase_add_test(tests, stores_convert);
    tcase_add_test(tests, products);
    tcase_add_test(tests, peak_counts_operations);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
