/* Certified robustness: what no perturbation of an input can change. */
#ifndef BLASGRAD_CERTIFY_H
#define BLASGRAD_CERTIFY_H

#include <blasgrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Bounds as nodes ---- */

/* Bounds of y for all x between lower and upper, element by element, by interval propagation: Gowal et al., On the
 * effectiveness of interval bound propagation for training verifiably robust models, 2018, (6) to (8).
 *   lower, upper of x's shape and type  ->  y_lower, y_upper of y's
 * A product with weights, or a convolution, maps the middle of an interval by the weights and its radius by their
 * sizes; a function that rises is taken at both ends, one that falls and then rises also where it turns. What is not
 * monotone in an op's inputs together, as a product of two values that both depend on x, is bounded as if they did not
 * depend on each other. The bounds are nodes like others, and can be differentiated and trained with. They are widened
 * by what rounding may do: they contain y as it would be without rounding, and y as a program computes it in any order
 * of its sums, also if subnormal numbers are flushed to 0. The widening is relative to the numbers, for a sum of k
 * terms 3 k units in the last place or so, and there also with lower = upper. Excepted are convolutions of f32 by
 * Winograd's algorithm (3 x 3, stride 1, many channels), whose rounding error follows the 4 x 4 elements around a
 * window rather than its own. A bound that is not finite, or NaN, says nothing. BG_ERR_ARGUMENT names an op through
 * which no bounds are known: attention of what depends on x, softmax, division by what depends on x, normalisation by
 * the batch's own moments, indices computed from x. Both results are NULL then. */
BG_API bg_status bg_interval_bounds(bg_node *y, bg_node *x, bg_node *lower, bg_node *upper, bg_node **y_lower,
                                    bg_node **y_upper);

/* The worst that scores within bounds [n, classes] can be for classes [n] (i32, i64 or u8): the lower bound of the
 * class's own score and the upper bounds of the others. The cross-entropy of these is at least that of any scores
 * within the bounds: Gowal et al., (11). No perturbation changes the answer where the class's own is the largest of
 * them. */
BG_API bg_node *bg_interval_worst(bg_node *lower, bg_node *upper, bg_node *classes);

#ifdef __cplusplus
}
#endif
#endif
