/* Distributions that certificates rest on. */
#ifndef BGI_STATISTICS_H
#define BGI_STATISTICS_H

#include <stdint.h>

/* The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a, b > 0: the probability of at most x under the
 * beta distribution. */
double bgi_beta_probability(double x, double a, double b);
/* The x where it is p, 0 <= p <= 1. */
double bgi_beta_quantile(double p, double a, double b);

/* The lower end of the one-sided confidence interval for a probability, after k successes in n trials: in no more than
 * a share alpha of all cases it lies above the probability. Clopper, Pearson, The use of confidence or fiducial limits
 * illustrated in the case of the binomial, 1934. */
double bgi_least_probability(int64_t k, int64_t n, double alpha);
/* How probable it is that of n trials with probability 1/2 at least k go one way, or the other; k >= n / 2. */
double bgi_two_sided_probability(int64_t k, int64_t n);

/* The x that a standard normal number is below with probability p, 0 < p < 1. */
double bgi_normal_quantile(double p);

#endif
