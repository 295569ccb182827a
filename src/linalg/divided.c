#include "linalg/divided.h"

#include <math.h>
#include <stdlib.h>

static bool is_integer(double x) { return x == floor(x); }

/* The power that sqrt is, and others. */
bgi_function_domain bgi_function_where(const bgi_function *f, int order)
{
    switch ((bgi_function_kind)f->kind) {
    case BGI_OF_EXP:
        return BGI_ANYWHERE;
    case BGI_OF_SQRT:
        return order == 0 ? BGI_AT_0_AND_ABOVE : BGI_ABOVE_0;
    case BGI_OF_INVERSE_SQRT:
    case BGI_OF_LOG:
        return BGI_ABOVE_0;
    case BGI_OF_POWER:
        break;
    }
    if (is_integer(f->exponent))
        return f->exponent >= 0 ? BGI_ANYWHERE : BGI_NOT_AT_0;
    return f->exponent > order ? BGI_AT_0_AND_ABOVE : BGI_ABOVE_0;
}

double bgi_function_at(const bgi_function *f, double x)
{
    switch ((bgi_function_kind)f->kind) {
    case BGI_OF_SQRT:
        return sqrt(x);
    case BGI_OF_INVERSE_SQRT:
        return 1 / sqrt(x);
    case BGI_OF_EXP:
        return exp(x);
    case BGI_OF_LOG:
        return log(x);
    case BGI_OF_POWER:
        return pow(x, f->exponent);
    }
    return (double)NAN;
}

static void sort_2(double *x, double *y)
{
    if (*x > *y) {
        double larger = *x;
        *x = *y;
        *y = larger;
    }
}

/* ---- f[x, y], x <= y ---- */

/* For gaps above 1 the difference of the values loses nothing, and below expm1 does not overflow. */
static double exp_1(double x, double y)
{
    double gap = y - x;
    if (gap == 0)
        return exp(x);
    return gap > 1 ? (exp(y) - exp(x)) / gap : exp(x) * (expm1(gap) / gap);
}

static double log_1(double x, double y)
{
    double gap = y - x, ratio = gap / x;
    if (gap == 0)
        return 1 / x;
    return ratio < 1e3 ? log1p(ratio) / gap : (log(y) - log(x)) / gap;
}

/* 0 <= x <= y: x^p · (e^(p log(y / x)) - 1) / (y - x) where that is close to 0, else the difference itself. */
static double positive_power_1(double p, double x, double y)
{
    double gap = y - x;
    if (gap == 0)
        return p * pow(x, p - 1);
    double growth = x > 0 ? p * log1p(gap / x) : (double)INFINITY;
    return fabs(growth) < 1 ? pow(x, p) * expm1(growth) / gap : (pow(y, p) - pow(x, p)) / gap;
}
/* (-1)^n for an integer n */
static double sign_of_power(double n) { return fmod(n, 2) == 0 ? 1 : -1; }
static double power_1(double p, double x, double y)
{
    if (p == 0 || p == 1)
        return p;
    if (y <= 0 && x < 0)
        return sign_of_power(p - 1) * positive_power_1(p, -y, -x);
    return x >= 0 ? positive_power_1(p, x, y) : (pow(y, p) - pow(x, p)) / (y - x);
}

/* Powers of arguments may be beyond the range of numbers where their divided differences are not. These are
 * homogeneous: the exponent of the unit in which arguments are then measured; 0 where they are no problem. */
static int unit_of_power(double x, double y)
{
    enum { ROOM = 100 };
    int exponent;
    frexp(fmax(fabs(x), fabs(y)), &exponent);
    return abs(exponent) > ROOM ? exponent : 0;
}

double bgi_divided_1(const bgi_function *f, double x, double y)
{
    sort_2(&x, &y);
    switch ((bgi_function_kind)f->kind) {
    case BGI_OF_SQRT:
        return 1 / (sqrt(x) + sqrt(y));
    case BGI_OF_INVERSE_SQRT:
        return -1 / (sqrt(x) * sqrt(y)) / (sqrt(x) + sqrt(y));
    case BGI_OF_EXP:
        return exp_1(x, y);
    case BGI_OF_LOG:
        return log_1(x, y);
    case BGI_OF_POWER: {
        int unit = unit_of_power(x, y);
        double one = power_1(f->exponent, ldexp(x, -unit), ldexp(y, -unit));
        return unit == 0 || one == 0 ? one : one * exp2(unit * (f->exponent - 1));
    }
    }
    return (double)NAN;
}

/* ---- f[x, y, z], x <= y <= z ---- */

/* Σ_k coefficient_k · h_k, with h_k the sum of all products of k of the three distances from a centre, which begin with
 * h_0 = 1: Taylor's series of f, whose coefficients k + 2 these are, divided twice. `next` gives coefficient k + 1 by
 * coefficient k. */
static double taylor_2(double x, double y, double z, double first, double (*next)(double p, int k), double p)
{
    enum { TERMS = 40 };
    double of_x = 1, of_2 = 1, of_3 = 1, coefficient = first, sum = first;
    /* Ends with two terms that change nothing: odd ones are 0 where the distances are so symmetric. */
    for (int k = 0, unchanged = 0; k < TERMS && unchanged < 2; k++) {
        of_x *= x;
        of_2 = of_2 * y + of_x;
        of_3 = of_3 * z + of_2;
        coefficient *= next(p, k);
        double last = sum;
        sum += coefficient * of_3;
        unchanged = sum == last ? unchanged + 1 : 0;
    }
    return sum;
}
static double next_exp(double p, int k)
{
    (void)p;
    return 1 / (double)(k + 3);
}
static double next_log(double p, int k)
{
    (void)p;
    return -(double)(k + 2) / (double)(k + 3);
}
static double next_power(double p, int k) { return (p - (k + 2)) / (double)(k + 3); }

static double by_difference(const bgi_function *f, double x, double y, double z)
{
    return (bgi_divided_1(f, y, z) - bgi_divided_1(f, x, y)) / (z - x);
}
static double exp_2(const bgi_function *f, double x, double y, double z)
{
    if (z - x > 1)
        return by_difference(f, x, y, z);
    double centre = x + (z - x) / 2;
    return exp(centre) * taylor_2(x - centre, y - centre, z - centre, 0.5, next_exp, 0);
}

/* Distances in units of the centre, of which the series has at most a fifth. */
static bool are_close(double x, double z) { return z - x <= 0.4 * x; }
static double log_2(const bgi_function *f, double x, double y, double z)
{
    if (!are_close(x, z))
        return by_difference(f, x, y, z);
    double centre = x + (z - x) / 2;
    return taylor_2((x - centre) / centre, (y - centre) / centre, (z - centre) / centre, -0.5, next_log, 0) / centre /
           centre;
}

/* xⁱ y^j z^k of all i + j + k = p - 2 */
static double whole_power_2(int p, double x, double y, double z)
{
    double of_x = 1, of_2 = 1, of_3 = 1;
    for (int k = 0; k < p - 2; k++) {
        of_x *= x;
        of_2 = of_2 * y + of_x;
        of_3 = of_3 * z + of_2;
    }
    return of_3;
}
enum { MOST_WHOLE = 16 };
static double power_2(const bgi_function *f, double x, double y, double z)
{
    double p = f->exponent;
    if (p == 0 || p == 1)
        return 0;
    if (is_integer(p) && p > 0 && p <= MOST_WHOLE)
        return whole_power_2((int)p, x, y, z);
    if (z < 0)
        return sign_of_power(p) * power_2(f, -z, -y, -x);
    if (z == x)
        return p * (p - 1) / 2 * pow(x, p - 2);
    if (x < 0 || !are_close(x, z))
        return by_difference(f, x, y, z);
    double centre = x + (z - x) / 2;
    return pow(centre, p - 2) * taylor_2((x - centre) / centre, (y - centre) / centre, (z - centre) / centre,
                                         p * (p - 1) / 2, next_power, p);
}

double bgi_divided_2(const bgi_function *f, double x, double y, double z)
{
    sort_2(&x, &y);
    sort_2(&y, &z);
    sort_2(&x, &y);
    double r = sqrt(fabs(x)), s = sqrt(fabs(y)), t = sqrt(fabs(z));
    switch ((bgi_function_kind)f->kind) {
    case BGI_OF_SQRT:
        return -1 / (r + s) / (s + t) / (r + t);
    case BGI_OF_INVERSE_SQRT:
        return (r + s + t) / (r * s) / t / (r + s) / (s + t) / (r + t);
    case BGI_OF_EXP:
        return exp_2(f, x, y, z);
    case BGI_OF_LOG:
        return log_2(f, x, y, z);
    case BGI_OF_POWER: {
        int unit = unit_of_power(x, z);
        double one = power_2(f, ldexp(x, -unit), ldexp(y, -unit), ldexp(z, -unit));
        return unit == 0 || one == 0 ? one : one * exp2(unit * (f->exponent - 2));
    }
    }
    return (double)NAN;
}
