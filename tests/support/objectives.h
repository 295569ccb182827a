/* Functions to search: losses of candidates [n, dimension], with a bg_objective for each. */
#ifndef BLASGRAD_TESTS_OBJECTIVES_H
#define BLASGRAD_TESTS_OBJECTIVES_H

#include <blasgrad/search.h>

/* A loss of one candidate. */
typedef double point_loss(const double *x, int64_t n);

point_loss sphere_loss, ellipsoid_loss, rosenbrock_loss, rastrigin_loss;
/* The least lies at x_i = i + 1. */
point_loss shifted_loss;
/* The mean of |error|, and of its square, of y = x · w on the five rows of the lecture. */
point_loss lecture_l1_loss, lecture_l2_loss;

/* A bg_objective whose user is a point_loss. */
typedef struct {
    point_loss *loss;
} point_objective;
bg_objective evaluate_points;

/* The least loss of both, and the parameters of the least squares. */
double lecture_least_l1(void);
double lecture_least_l2(double w[2]);

#endif
