/* What normalisation is made of, and the checks of its ops. */
#ifndef BGI_NORMALIZATION_H
#define BGI_NORMALIZATION_H

#include "ops/ops.h"

/* What x is normalised with, over some axes of it. */
typedef struct {
    int64_t trailing; /* the axes: so many of the last, or 0: all but axis 1 */
    int64_t is_around_zero;
    double eps;
} bgi_moment_attributes;
/* x as outer x groups x inner elements, those of one group having one mean. */
typedef struct {
    int64_t outer, groups, inner;
} bgi_moment_layout;
bgi_moment_layout bgi_moment_layout_of(const bg_node *x, const bgi_moment_attributes *attributes);
/* The axes, one by one. */
void bgi_moment_axes(const bg_node *x, const bgi_moment_attributes *attributes, bool axis[BG_MAX_RANK]);
/* For the compiler: the groups that are worth a task, of calls whose first attribute is this and first input x. */
int64_t bgi_moment_grain(const bg_node *node);
/* The number of elements that share one mean. */
int64_t bgi_moment_count(const bg_node *x, const bgi_moment_attributes *attributes);
extern const bg_op bgi_moments_op;
/* x without the axes, [.., 4], computed in f64: mean (0 around zero), what rounding the mean to x's type left, mean
 * square of the distances from the mean, and 1 / √(that + eps). x has elements. */
bg_node *bgi_moments(bg_node *x, const bgi_moment_attributes *attributes);
typedef enum { BGI_MOMENT_MEAN, BGI_MOMENT_REST, BGI_MOMENT_VARIANCE, BGI_MOMENT_SCALE } bgi_moment;
/* One of the four, without the last axis. */
bg_node *bgi_moment_of(bg_node *moments, bgi_moment which);
/* (x - mean) / √(variance + eps) · weight + bias, which may be NULL and have the shape of the last axes, or are [c] of
 * x [n, c, ..] where the axes are all but axis 1. */
bg_node *bgi_standardize(bg_node *x, bg_node *weight, bg_node *bias, const bgi_moment_attributes *attributes);
/* The same with moments of x over the last axes that are there already. */
bg_node *bgi_standardize_rows(bg_node *x, bg_node *moments, bg_node *weight, bg_node *bias,
                              const bgi_moment_attributes *attributes);
/* x [n, c, ..] as [n, c] or [n, c, inner], whose loops are longest. */
bg_node *bgi_as_planes(bg_node *x);
/* Whether x is [n, c, ..] and each vector of the list that is not NULL is [c], of its graph and type; records the
 * error. */
bool bgi_takes_channels(const char *op, bg_node *x, bg_node *const *vectors, const char *const *labels, int n);

#endif
