/* The incomplete beta function, its inverse, and that of the normal distribution. */
#include "certify/statistics.h"

#include <math.h>

/* What Stirling's formula leaves: ln Γ(x) - ln(√(2π / x) (x / e)ˣ), x > 0; by its series from 12 on, and
 * Γ(x + 1) = x Γ(x) below: Abramowitz, Stegun, 6.1.41. */
static double stirling_error(double x)
{
    double shifted = x, factor = 1;
    for (; shifted < 12; shifted++)
        factor *= shifted;
    double r = 1 / shifted, s = r * r;
    double error = r * (1 / 12.0 - s * (1 / 360.0 - s * (1 / 1260.0 - s * (1 / 1680.0 - s * (1 / 1188.0)))));
    if (shifted == x)
        return error;
    return error + (shifted - 0.5) * log(shifted) - shifted - log(factor) - (x - 0.5) * log(x) + x;
}

/* x ln(x / m) + m - x */
static double deviance(double x, double m)
{
    double d = (x - m) / m;
    return d > -0.5 && d < 1 ? m * ((1 + d) * log1p(d) - d) : x * log(x / m) + m - x;
}

/* xᵃ yᵇ Γ(a + b) / (Γ(a) Γ(b)), y = 1 - x, without the large numbers that logarithms of Γ are: Loader, Fast and
 * accurate computation of binomial probabilities, 2000. */
static double density(double x, double y, double a, double b)
{
    double n = a + b, error = stirling_error(n) - stirling_error(a) - stirling_error(b);
    return sqrt(a / n * b / 6.28318530717958647693) * exp(error - deviance(a, n * x) - deviance(b, n * y));
}

/* The continued fraction of I_x(a, b), NIST Digital Library of Mathematical Functions, 8.17.22, by Lentz's method in
 * the form of Thompson, Barnett, Coulomb and Bessel functions of complex arguments and order, 1986. It converges within
 * some √max(a, b) steps for x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b)
{
    const double least = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < least ? least : d);
    double value = d;
    for (double m = 1; m < 1e7; m++) {
        const double terms[] = { m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                 -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) };
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + terms[i] * d;
            c = 1 + terms[i] / c;
            d = 1 / (fabs(d) < least ? least : d);
            c = fabs(c) < least ? least : c;
            change = c * d;
            value *= change;
        }
        if (fabs(change - 1) < 1e-16)
            break;
    }
    return value;
}

double bgi_beta_probability(double x, double a, double b)
{
    if (x <= 0 || x >= 1)
        return x >= 1;
    double front = density(x, 1 - x, a, b);
    if (x < (a + 1) / (a + b + 2))
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(1 - x, b, a) / b;
}

/* By bisection, as the function rises, until no number lies between. */
double bgi_beta_quantile(double p, double a, double b)
{
    if (p <= 0 || p >= 1)
        return p >= 1;
    double low = 0, high = 1;
    for (int i = 0; i < 1100; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (bgi_beta_probability(middle, a, b) < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

double bgi_least_probability(int64_t k, int64_t n, double alpha)
{
    return k == 0 ? 0 : bgi_beta_quantile(alpha, (double)k, (double)(n - k) + 1);
}

double bgi_two_sided_probability(int64_t k, int64_t n)
{
    return fmin(1, 2 * bgi_beta_probability(0.5, (double)k, (double)(n - k) + 1));
}

/* By bisection on the complement, which keeps its digits far from the middle. */
double bgi_normal_quantile(double p)
{
    double tail = p < 0.5 ? p : 1 - p, low = 0, high = 40;
    for (int i = 0; i < 200; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (erfc(middle * 0.70710678118654752440) / 2 > tail)
            low = middle;
        else
            high = middle;
    }
    return p < 0.5 ? -low : low;
}
