/* Where the samples of a batch are in the values of a graph. */
#ifndef BGI_SAMPLES_H
#define BGI_SAMPLES_H

#include "ops/ops.h"

/* The samples of a value: the axis that is divided among them, in equal parts one after the other; or every sample
 * reads all of it; or they cannot be told apart. */
enum { BGI_OF_ALL = -1, BGI_LOST = -2 };

/* The samples of input k, given those of the node: what part s of the node's value is computed of. n > 1 samples. */
int bgi_samples_of_input(const bg_node *node, int samples, int k, int64_t n);

/* x for each sample, with an axis of samples in front: its part, or all of x repeated. */
bg_node *bgi_for_each_sample(bg_node *x, int samples, int64_t n);

/* Whether input k, of all samples, has a gradient for each of them by the node's own rule. */
bool bgi_has_sample_gradient(const bg_node *node, int samples, int k);
/* That gradient [n, ..], from the cotangent dy [n, ..] of the node's value for each sample. NULL: none, or an error. */
bg_node *bgi_sample_gradient(bg_node *node, int samples, int k, bg_node *dy, int64_t n);

/* The sums of its squares [n], without the gradient itself, which is a product or scattered rows: Σ over rows i and j
 * of (x_i · x_j) (dy_i · dy_j). For one row: Goodfellow, Efficient Per-Example Gradient Computations, 2015; for
 * several: Li et al., Large Language Models Can Be Strong Differentially Private Learners, 2022. _is_cheap_: whether
 * that takes less work and memory. */
bool bgi_is_cheap_square(const bg_node *node, int samples, int k, int64_t n);
bg_node *bgi_sample_square(bg_node *node, int samples, int k, bg_node *dy, int64_t n);

/* The sums of squares of values [n, ..] -> [n]. */
bg_node *bgi_square_of_each(bg_node *values);
/* Whether the node has the elements of its one input, in other places. */
bool bgi_is_rearrangement(const bg_node *node);
/* Whether no two elements of an input meet in one of the node. */
bool bgi_is_elementwise(const bg_node *node);

#endif
