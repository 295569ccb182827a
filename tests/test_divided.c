/* Divided differences against integrals of derivatives, and against the sums of products that those of powers are. */
#include "linalg/divided.h"
#include "support/suite.h"
#include "support/values.h"

#include <float.h>
#include <math.h>

/* f'(x) and f''(x) */
static long double derivative_at(const bgi_function *f, int order, long double x)
{
    long double p = f->kind == BGI_OF_SQRT ? 0.5L : f->kind == BGI_OF_INVERSE_SQRT ? -0.5L : (long double)f->exponent;
    if (f->kind == BGI_OF_EXP)
        return expl(x);
    if (f->kind == BGI_OF_LOG)
        return order == 1 ? 1 / x : -1 / (x * x);
    return order == 1 ? p * powl(x, p - 1) : p * (p - 1) * powl(x, p - 2);
}
enum { NODES = 8 };
static const long double nodes[NODES] = { 0.0198550717512318841582L, 0.1016667612931866302042L,
                                          0.2372337950418355070911L, 0.4082826787521750975303L,
                                          0.5917173212478249024697L, 0.7627662049581644929089L,
                                          0.8983332387068133697958L, 0.9801449282487681158418L };
static const long double weights[NODES] = { 0.0506142681451881295763L, 0.1111905172266872352722L,
                                            0.1568533229389436436689L, 0.1813418916891809914826L,
                                            0.1813418916891809914826L, 0.1568533229389436436689L,
                                            0.1111905172266872352722L, 0.0506142681451881295763L };
/* ∫ f'(x + t (y - x)) dt over 0 .. 1 in 64 parts by Gauss and Legendre. */
static long double integral_1(const bgi_function *f, long double x, long double y)
{
    enum { PARTS = 64 };
    long double sum = 0;
    for (int part = 0; part < PARTS; part++)
        for (int k = 0; k < NODES; k++)
            sum += weights[k] / PARTS * derivative_at(f, 1, x + (y - x) * (part + nodes[k]) / PARTS);
    return sum;
}
/* ∫∫ t f''(x + t (y - x) + s t (z - y)) ds dt, the mean over a triangle by half. */
static long double integral_2(const bgi_function *f, long double x, long double y, long double z)
{
    enum { PARTS = 24 };
    long double sum = 0;
    for (int i = 0; i < PARTS * NODES; i++) {
        long double t = (i / NODES + nodes[i % NODES]) / PARTS, inner = 0;
        for (int j = 0; j < PARTS * NODES; j++) {
            long double s = (j / NODES + nodes[j % NODES]) / PARTS;
            inner += weights[j % NODES] / PARTS * derivative_at(f, 2, x + t * (y - x) + s * t * (z - y));
        }
        sum += weights[i % NODES] / PARTS * t * inner;
    }
    return sum;
}
static const bgi_function functions[] = { { BGI_OF_SQRT, 0 },    { BGI_OF_INVERSE_SQRT, 0 }, { BGI_OF_EXP, 0 },
                                          { BGI_OF_LOG, 0 },     { BGI_OF_POWER, 0.3 },      { BGI_OF_POWER, -1 },
                                          { BGI_OF_POWER, 2.5 }, { BGI_OF_POWER, 3 },        { BGI_OF_POWER, -2.5 },
                                          { BGI_OF_POWER, 20 },  { BGI_OF_POWER, 1 },        { BGI_OF_POWER, 0 } };
enum { FUNCTIONS = (int)(sizeof functions / sizeof functions[0]) };
START_TEST(test_divided_differences)
{
    static const double gaps[] = { 0, 1e-300, 1e-16, 1e-12, 1e-8, 1e-5, 1e-3, 0.1, 0.3, 0.7, 1.5 };
    enum { GAPS = (int)(sizeof gaps / sizeof gaps[0]) };
    const bgi_function *f = &functions[_i];
    for (int i = 0; i < GAPS; i++)
        for (int j = 0; j < GAPS; j++) {
            double x = 1.1, y = x + gaps[i], z = y + gaps[j];
            long double first = integral_1(f, x, y), second = integral_2(f, x, y, z);
            double found = bgi_divided_1(f, y, x), found_2 = bgi_divided_2(f, y, z, x);
            ck_assert_msg(fabsl(found - first) <= 16 * DBL_EPSILON * fabsl(first),
                          "function %d %g: f[%g, + %g] is %.17g, not %.17Lg", (int)f->kind, f->exponent, x, gaps[i],
                          found, first);
            ck_assert_msg(fabsl(found_2 - second) <= 256 * DBL_EPSILON * fabsl(second),
                          "function %d %g: f[%g, + %g, + %g] is %.17g, not %.17Lg", (int)f->kind, f->exponent, x,
                          gaps[i], gaps[j], found_2, second);
        }
}
END_TEST

/* Of powers of numbers of either sign, against sums of products: xⁱ y^j and xⁱ y^j z^k of degree p - 1 and p - 2. */
START_TEST(test_divided_powers)
{
    static const double numbers[] = { -1.3, -1.3, -0.7, -1e-9, 0, 1e-9, 0.2, 0.7, 0.7000001, 1.3 };
    enum { NUMBERS = (int)(sizeof numbers / sizeof numbers[0]) };
    for (int p = 0; p <= 24; p++)
        for (int at = 0; at < NUMBERS * NUMBERS * NUMBERS; at++) {
            bgi_function f = { BGI_OF_POWER, p };
            double x = numbers[at % NUMBERS], y = numbers[at / NUMBERS % NUMBERS];
            double z = numbers[at / NUMBERS / NUMBERS], size = fmax(fmax(fabs(x), fabs(y)), fabs(z));
            long double first = 0, second = 0;
            for (int i = 0; i < p; i++) {
                first += powl(x, i) * powl(y, p - 1 - i);
                for (int j = 0; i + j <= p - 2; j++)
                    second += powl(x, i) * powl(y, j) * powl(z, p - 2 - i - j);
            }
            double of_first = p * pow(fmax(fabs(x), fabs(y)), p - 1), of_second = p * p * pow(size, p - 2);
            if (p >= 1)
                expect_near("f[x, y]", bgi_divided_1(&f, x, y), (double)first, 16 * DBL_EPSILON * of_first);
            if (p >= 2)
                expect_near("f[x, y, z]", bgi_divided_2(&f, x, y, z), (double)second, 16 * DBL_EPSILON * of_second);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("divided");
    TCase *tests = tcase_create("divided");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_divided_differences, 0, FUNCTIONS);
    tcase_add_test(tests, test_divided_powers);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
