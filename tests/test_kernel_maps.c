/* The elementwise kernels of every instruction set that this processor has, against references in long double. */
#include "support/draw.h"
#include "support/elements.h"
#include "support/suite.h"

#include <check.h>
#include <stdlib.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static draw numbers;
static long double random_unit(void) { return (long double)draw_between(&numbers, -1, 1); }

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
REFERENCE(log2, 1, 1.0L, log2l(x))
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
REFERENCE(pow, 2, 1.0L, powl(x, y))
REFERENCE(atan2, 2, 1.0L, atan2l(x, y))
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
        { MAP_erfc, INFINITY, 0 },
        { MAP_erfc, -INFINITY, 2 },
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
} math_functions[] = { { MAP_exp, exp },     { MAP_expm1, expm1 },     { MAP_log, log },           { MAP_log1p, log1p },
                       { MAP_tanh, tanh },   { MAP_sigmoid, sigmoid }, { MAP_softplus, softplus }, { MAP_erf, erf },
                       { MAP_exp2, exp2 },   { MAP_log2, log2 },       { MAP_log10, log10 },       { MAP_sin, sin },
                       { MAP_cos, cos },     { MAP_tan, tan },         { MAP_asin, asin },         { MAP_acos, acos },
                       { MAP_atan, atan },   { MAP_sinh, sinh },       { MAP_cosh, cosh },         { MAP_asinh, asinh },
                       { MAP_acosh, acosh }, { MAP_atanh, atanh },     { MAP_erfc, erfc } };
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
                x[i] = ldexp(x[i], (int)draw_below(&numbers, 72) - 60);
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
            put(e, x, i, i % 2 ? random_unit() * 90 : ldexpl(random_unit(), (int)draw_below(&numbers, 120) - 115));
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

int main(void)
{
    numbers = draw_from(1);
    Suite *suite = suite_create("kernel maps");
    TCase *tests = tcase_create("kernel maps");
    tcase_set_timeout(tests, getenv("BLASGRAD_EXHAUSTIVE") ? 7200 : 120);
    tcase_add_test(tests, maps_agree_with_reference);
    tcase_add_test(tests, maps_do_not_depend_on_cuts);
    tcase_add_test(tests, special_values);
    tcase_add_loop_test(tests, f32_math_errors, 0, MATH_FUNCTIONS);
    tcase_add_loop_test(tests, f64_math_errors, 0, MATH_FUNCTIONS);
#if defined(__SSE__)
    tcase_add_test(tests, flushing_denormals_changes_nothing_else);
#endif
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
