/* The errors of the math functions of every instruction set that this processor has, against references in double and
 * long double. */
#include "support/draw.h"
#include "support/maps.h"
#include "support/suite.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static draw numbers;
static long double random_unit(void) { return (long double)draw_between(&numbers, -1, 1); }

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
/* The wide ones run in f64 for f32 too on every instruction set but the scalar one, which leaves one rounding. */
#define WIDE_BOUND 0.51L
static const struct {
    int map;
    double (*reference)(double);
    bool is_wide;
} math_functions[] = {
    { MAP_exp, exp, false },    { MAP_expm1, expm1, false },
    { MAP_log, log, false },    { MAP_log1p, log1p, false },
    { MAP_tanh, tanh, false },  { MAP_sigmoid, sigmoid, false },
    { MAP_erf, erf, false },    { MAP_softplus, softplus, false },
    { MAP_exp2, exp2, true },   { MAP_log2, log2, true },
    { MAP_log10, log10, true }, { MAP_sin, sin, true },
    { MAP_cos, cos, true },     { MAP_tan, tan, true },
    { MAP_asin, asin, true },   { MAP_acos, acos, true },
    { MAP_atan, atan, true },   { MAP_sinh, sinh, true },
    { MAP_cosh, cosh, true },   { MAP_asinh, asinh, true },
    { MAP_acosh, acosh, true }, { MAP_atanh, atanh, true },
    { MAP_erfc, erfc, true },
};
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
                if (!(error <= (math_functions[_i].is_wide && strcmp(table->name, "scalar") ? WIDE_BOUND : c->ulp)))
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
            if (i % 16 == 1)
                x[i] = ldexp(x[i] / 750, (int)draw_below(&numbers, 2000) - 1000);
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

/* Pairs of all sizes, close pairs, and for fmod quotients of all sizes. */
START_TEST(pair_errors)
{
    enum { BLOCK = 1024 };
    static const int functions[] = { MAP_pow, MAP_atan2, MAP_fmod, MAP_hypot };
    double x[BLOCK], y[BLOCK], out[BLOCK], first[BLOCK];
    map_case cases[MAP_COUNT];
    list_maps(cases);
    const map_case *c = &cases[functions[_i]];
    const int rounds = getenv("BLASGRAD_EXHAUSTIVE") ? 10000 : 60;
    FOR_EACH_ELEMENT(e)
    for (int round = 0; round < rounds; round++) {
        const int reach = e->is_f64 ? 1000 : 120;
        for (int i = 0; i < BLOCK; i++) {
            long double p = random_unit() * 30, q = random_unit() * 30;
            if (i % 4 == 1)
                p = ldexpl(random_unit(), (int)draw_below(&numbers, 2 * reach) - reach);
            if (i % 4 == 2)
                q = ldexpl(random_unit(), (int)draw_below(&numbers, 2 * reach) - reach);
            if (i % 8 == 3)
                p = 1 + ldexpl(random_unit(), -(int)draw_below(&numbers, 24)), q *= 100;
            if (i % 8 == 7)
                p = q * (1 + ldexpl(random_unit(), -(int)draw_below(&numbers, 60)));
            put(e, x, i, i % 2 ? fabsl(p) : p);
            put(e, y, i, q);
        }
        const bgk_table *wide = NULL;
        FOR_EACH_TABLE(table)
        {
            map_of(kernels_of(table, e), c)(out, x, 1, y, 1, NULL, 0, BLOCK);
            const bool is_scalar = strcmp(table->name, "scalar") == 0;
            for (int i = 0; i < BLOCK; i++) {
                const long double exact = c->reference(get(e, x, i), get(e, y, i), 0);
                const long double error = ulp_error(e, get(e, out, i), exact);
                if (!(error <= (is_scalar || e->is_f64 ? c->ulp : c->ulp > 0 ? WIDE_BOUND : 0)))
                    ck_abort_msg("%s_%s %s of (%La, %La): %La, exact %La: %Lg ULP", c->name, e->name, table->name,
                                 get(e, x, i), get(e, y, i), get(e, out, i), exact, error);
            }
            if (wide && !is_scalar && !same_bits(e, out, first, BLOCK))
                ck_abort_msg("%s_%s: %s and %s differ", c->name, e->name, wide->name, table->name);
            wide = table;
            memcpy(first, out, sizeof first);
        }
    }
}
END_TEST

/* AVX2 and AVX-512 agree in every bit. */
START_TEST(vectors_agree)
{
    enum { COUNT = 4000 };
    static double x[COUNT], out[COUNT], first[COUNT];
    map_case cases[MAP_COUNT];
    list_maps(cases);
    FOR_EACH_ELEMENT(e)
    for (int f = 0; f < MATH_FUNCTIONS; f++) {
        const bgk_table *before = NULL;
        for (int i = 0; i < COUNT; i++)
            put(e, x, i, i % 2 ? random_unit() * 4 : ldexpl(random_unit(), (int)draw_below(&numbers, 160) - 100));
        FOR_EACH_TABLE(table)
        {
            if (strcmp(table->name, "scalar") == 0)
                continue;
            map_of(kernels_of(table, e), &cases[math_functions[f].map])(out, x, 1, NULL, 0, NULL, 0, COUNT);
            if (before && !same_bits(e, out, first, COUNT))
                ck_abort_msg("%s_%s: %s and %s differ", cases[math_functions[f].map].name, e->name, before->name,
                             table->name);
            before = table;
            memcpy(first, out, sizeof first);
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
    Suite *suite = suite_create("kernel errors");
    TCase *tests = tcase_create("kernel errors");
    tcase_set_timeout(tests, getenv("BLASGRAD_EXHAUSTIVE") ? 7200 : 120);
    tcase_add_loop_test(tests, f32_math_errors, 0, MATH_FUNCTIONS);
    tcase_add_loop_test(tests, f64_math_errors, 0, MATH_FUNCTIONS);
    tcase_add_loop_test(tests, pair_errors, 0, 4);
    tcase_add_test(tests, vectors_agree);
#if defined(__SSE__)
    tcase_add_test(tests, flushing_denormals_changes_nothing_else);
#endif
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
