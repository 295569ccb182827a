/* Balls, boxes and steepest ascent in the three norms. */
#include "attack/attack.h"

#include <math.h>
#include <string.h>

double bgi_attack_length(const double *x, int64_t n, bg_attack_norm norm)
{
    double length = 0;
    for (int64_t k = 0; k < n; k++) {
        double size = fabs(x[k]);
        if (norm == BG_ATTACK_LINF)
            length = size > length || isnan(size) ? size : length;
        else
            length += norm == BG_ATTACK_L2 ? size * size : size;
    }
    return norm == BG_ATTACK_L2 ? sqrt(length) : length;
}

double bgi_attack_distance(const double *x, const double *y, int64_t n, bg_attack_norm norm)
{
    double distance = 0;
    for (int64_t k = 0; k < n; k++) {
        double size = fabs(x[k] - y[k]);
        if (norm == BG_ATTACK_LINF)
            distance = fmax(distance, size);
        else
            distance += norm == BG_ATTACK_L2 ? size * size : size;
    }
    return norm == BG_ATTACK_L2 ? sqrt(distance) : distance;
}

/* ---- Projection ---- */

static double clamp(double x, double low, double high) { return x < low ? low : (x > high ? high : x); }

static void into_l2_ball(double *x, const double *center, int64_t n, double eps)
{
    double distance = bgi_attack_distance(x, center, n, BG_ATTACK_L2);
    if (distance <= eps)
        return;
    for (int64_t k = 0; k < n; k++)
        x[k] = center[k] + (x[k] - center[k]) * (eps / distance);
}

/* The nearest point of an L1 ball draws every element of the perturbation towards 0 by one threshold (Duchi et al.,
 * Efficient projections onto the l1-ball, 2008). It grows to its value as elements below it drop out (Michelot, A
 * finite algorithm for finding the projection of a point onto the canonical simplex, 1986). */
static void into_l1_ball(double *x, const double *center, int64_t n, double eps)
{
    if (bgi_attack_distance(x, center, n, BG_ATTACK_L1) <= eps)
        return;
    double threshold = -1;
    int64_t left = n + 1, before;
    do {
        double sum = 0;
        before = left;
        left = 0;
        for (int64_t k = 0; k < n; k++) {
            double size = fabs(x[k] - center[k]);
            if (size > threshold) {
                sum += size;
                left++;
            }
        }
        if (left > 0)
            threshold = (sum - eps) / (double)left;
    } while (left > 0 && left < before);
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] - center[k];
        x[k] = center[k] + copysign(fmax(fabs(d) - threshold, 0), d);
    }
}

void bgi_attack_project(const bgi_attack_batch *batch, int64_t i, double *x)
{
    int64_t n = batch->width;
    const double *center = batch->clean + i * n;
    double eps = batch->attack->eps, lower = batch->attacker->of.lower, upper = batch->attacker->of.upper;
    if (batch->attack->norm == BG_ATTACK_L2)
        into_l2_ball(x, center, n, eps);
    else if (batch->attack->norm == BG_ATTACK_L1)
        into_l1_ball(x, center, n, eps);
    else
        for (int64_t k = 0; k < n; k++)
            x[k] = clamp(x[k], center[k] - eps, center[k] + eps);
    /* The center lies in the box, so that no element gets further from it. */
    for (int64_t k = 0; k < n; k++)
        x[k] = clamp(x[k], lower, upper);
}

/* ---- Steepest ascent ---- */

static int64_t count_from(const double *x, int64_t n, double size)
{
    int64_t count = 0;
    for (int64_t k = 0; k < n; k++)
        count += fabs(x[k]) >= size;
    return count;
}

/* The greatest t with at least `count` elements of size >= t, by bisection: as integers, the bits of numbers >= 0 are
 * in the same order, so that it takes 64 passes at most and no memory. */
static double find_threshold(const double *x, int64_t n, int64_t count)
{
    double high_size = bgi_attack_length(x, n, BG_ATTACK_LINF), size = 0;
    uint64_t low = 0, high; /* at 0 there are enough, above high too few */
    memcpy(&high, &high_size, sizeof high);
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        memcpy(&size, &middle, sizeof size);
        if (count_from(x, n, size) >= count)
            low = middle;
        else
            high = middle - 1;
    }
    memcpy(&size, &low, sizeof size);
    return size;
}

static void ascend_l1(const bgi_attack_batch *batch, double *gradient, const double *x)
{
    const bg_attacker *attacker = batch->attacker;
    int64_t n = batch->width;
    /* What stands at the wall of the box that it wants to pass cannot go on. */
    for (int64_t k = 0; k < n; k++)
        if ((gradient[k] > 0 && x[k] >= attacker->of.upper) || (gradient[k] < 0 && x[k] <= attacker->of.lower))
            gradient[k] = 0;
    double share = batch->attack->sparsity > 0 ? batch->attack->sparsity : 0.01;
    int64_t count = (int64_t)(share * (double)n);
    double threshold = find_threshold(gradient, n, count > 0 ? count : 1);
    int64_t moved = 0;
    for (int64_t k = 0; k < n; k++)
        moved += gradient[k] != 0 && fabs(gradient[k]) >= threshold;
    for (int64_t k = 0; k < n; k++)
        gradient[k] = gradient[k] != 0 && fabs(gradient[k]) >= threshold ? copysign(1 / (double)moved, gradient[k]) : 0;
}

void bgi_attack_ascend(const bgi_attack_batch *batch, double *gradient, const double *x)
{
    int64_t n = batch->width;
    double length = bgi_attack_length(gradient, n, BG_ATTACK_LINF);
    bool is_usable = length > 0 && isfinite(length);
    /* Scaled by its largest element first: squares of tiny gradients would underflow. */
    double rest = 1;
    if (is_usable && batch->attack->norm == BG_ATTACK_L2) {
        for (int64_t k = 0; k < n; k++)
            gradient[k] /= length;
        rest = bgi_attack_length(gradient, n, BG_ATTACK_L2);
    }
    if (is_usable && batch->attack->norm == BG_ATTACK_L1) {
        ascend_l1(batch, gradient, x);
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        double sign = (double)(gradient[k] > 0) - (double)(gradient[k] < 0);
        gradient[k] = !is_usable ? 0 : (batch->attack->norm == BG_ATTACK_L2 ? gradient[k] / rest : sign);
    }
}
