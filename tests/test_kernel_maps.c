/* The elementwise kernels of every instruction set that this processor has, against references in long double. */
#include "support/draw.h"
#include "support/maps.h"
#include "support/suite.h"

#include <check.h>

static draw numbers;
static long double random_unit(void) { return (long double)draw_between(&numbers, -1, 1); }

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
        { MAP_floor, -0.0, -0.0 },
        { MAP_ceil, -0.5, -0.0 },
        { MAP_round, -0.5, -0.0 },
        { MAP_round, 2.5, 2 },
        { MAP_trunc, -0.5, -0.0 },
        { MAP_trunc, -INFINITY, -INFINITY },
        { MAP_exp2, -INFINITY, 0 },
        { MAP_exp2, INFINITY, INFINITY },
        { MAP_exp2, -3, 0.125 },
        { MAP_exp2, 100, 0x1p100 },
        { MAP_exp2, -0x1p-70, 1 },
        { MAP_log2, 0x1p-100, -100 },
        { MAP_log2, 0.0, -INFINITY },
        { MAP_log2, -0.0, -INFINITY },
        { MAP_log2, -1, NAN },
        { MAP_log2, INFINITY, INFINITY },
        { MAP_log10, 1000, 3 },
        { MAP_log10, 1, 0.0 },
        { MAP_log10, 0.0, -INFINITY },
        { MAP_log10, -INFINITY, NAN },
        { MAP_sin, 0.0, 0.0 },
        { MAP_sin, -0.0, -0.0 },
        { MAP_sin, INFINITY, NAN },
        { MAP_cos, 0.0, 1 },
        { MAP_cos, -0.0, 1 },
        { MAP_cos, -INFINITY, NAN },
        { MAP_tan, -0.0, -0.0 },
        { MAP_tan, INFINITY, NAN },
        { MAP_asin, -0.0, -0.0 },
        { MAP_asin, 1.25, NAN },
        { MAP_asin, -INFINITY, NAN },
        { MAP_acos, 1, 0.0 },
        { MAP_acos, -1.25, NAN },
        { MAP_acos, INFINITY, NAN },
        { MAP_atan, -0.0, -0.0 },
        { MAP_sinh, -0.0, -0.0 },
        { MAP_sinh, INFINITY, INFINITY },
        { MAP_sinh, -INFINITY, -INFINITY },
        { MAP_sinh, -1e30, -INFINITY },
        { MAP_cosh, -0.0, 1 },
        { MAP_cosh, -INFINITY, INFINITY },
        { MAP_asinh, -0.0, -0.0 },
        { MAP_asinh, -INFINITY, -INFINITY },
        { MAP_acosh, 1, 0.0 },
        { MAP_acosh, 0.5, NAN },
        { MAP_acosh, -30, NAN },
        { MAP_acosh, -1e30, NAN },
        { MAP_acosh, INFINITY, INFINITY },
        { MAP_atanh, -0.0, -0.0 },
        { MAP_atanh, 1, INFINITY },
        { MAP_atanh, -1, -INFINITY },
        { MAP_atanh, 1.5, NAN },
        { MAP_atanh, -INFINITY, NAN },
        { MAP_erfc, 0.0, 1 },
        { MAP_erfc, -0.0, 1 },
        { MAP_erfc, 1e30, 0 },
        { MAP_erfc, -1e30, 2 },
        { MAP_exp2, NAN, NAN },
        { MAP_log2, NAN, NAN },
        { MAP_log10, NAN, NAN },
        { MAP_sin, NAN, NAN },
        { MAP_cos, NAN, NAN },
        { MAP_tan, NAN, NAN },
        { MAP_asin, NAN, NAN },
        { MAP_acos, NAN, NAN },
        { MAP_atan, NAN, NAN },
        { MAP_sinh, NAN, NAN },
        { MAP_cosh, NAN, NAN },
        { MAP_asinh, NAN, NAN },
        { MAP_acosh, NAN, NAN },
        { MAP_atanh, NAN, NAN },
        { MAP_erfc, NAN, NAN },
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

/* The C library has the same cases; signs of zero and infinity count, those of NaN do not. Each pair stands alone, and
 * among ordinary ones, which a vector may treat apart. */
START_TEST(special_pairs)
{
    static const int functions[] = { MAP_pow, MAP_atan2, MAP_fmod, MAP_hypot };
    static const double values[] = { 0.0, -0.0, 1, -1,   2,     -2,    3,     -3,       0.5,       -0.5, 1.5,
                                     -7,  8,    9, 1e30, 1e-30, -1e30, 33.25, INFINITY, -INFINITY, NAN };
    enum { VALUES = sizeof values / sizeof values[0], AROUND = 19 };
    map_case cases[MAP_COUNT];
    list_maps(cases);
    FOR_EACH_TABLE(table)
    FOR_EACH_ELEMENT(e)
    for (int f = 0; f < 4; f++) {
        const map_case *c = &cases[functions[f]];
        for (int k = 0; k < VALUES * VALUES * 2; k++) {
            const int n = k % 2 ? AROUND : 1, place = k % 2 ? k % AROUND : 0;
            double x[AROUND], y[AROUND], out[AROUND];
            for (int i = 0; i < n; i++)
                put(e, x, i, 1.5L), put(e, y, i, 2.25L);
            put(e, x, place, values[k / 2 / VALUES]);
            put(e, y, place, values[k / 2 % VALUES]);
            map_of(kernels_of(table, e), c)(out, x, 1, y, 1, NULL, 0, n);
            for (int i = 0; i < n; i++) {
                const long double exact = c->reference(get(e, x, i), get(e, y, i), 0), r = get(e, out, i);
                if (!(ulp_error(e, r, exact) <= c->ulp) || (!isnan(exact) && signbit(r) != signbit(exact)))
                    ck_abort_msg("%s_%s %s of (%Lg, %Lg): %Lg, not %Lg", c->name, e->name, table->name, get(e, x, i),
                                 get(e, y, i), r, exact);
            }
        }
    }
}
END_TEST

int main(void)
{
    numbers = draw_from(1);
    Suite *suite = suite_create("kernel maps");
    TCase *tests = tcase_create("kernel maps");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, maps_agree_with_reference);
    tcase_add_test(tests, maps_do_not_depend_on_cuts);
    tcase_add_test(tests, special_values);
    tcase_add_test(tests, special_pairs);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
