/* What the losses share. */
#ifndef BGI_LOSS_H
#define BGI_LOSS_H

#include <blasgrad/loss.h>

#include "ops/ops.h"

/* bce_with_logits, bce; ctc_labels, ctc and its gradient */
extern const bg_op bgi_bce_with_logits_op, bgi_bce_op, bgi_ctc_labels_op, bgi_ctc_op, bgi_ctc_gradient_op;

/* The labels of prediction and target in messages. */
extern const char *const bgi_loss_labels[];

/* Whether it is one of mean, sum and none; records the error. */
bool bgi_takes_reduction(const char *loss, bg_graph *graph, bg_reduction reduction);
/* The values, their sum, or their mean over all of them. */
bg_node *bgi_loss_reduce(const char *loss, bg_node *values, bg_reduction reduction);
/* The same for values that are weighted: the mean divides by the sum of the weights. */
bg_node *bgi_loss_reduce_weighted(const char *loss, bg_node *values, bg_node *weights, bg_reduction reduction);

/* values · weight, which may be NULL and is otherwise a node of the graph and type of values that broadcasts to them;
 * records the error. */
bg_node *bgi_loss_weigh(const char *loss, bg_node *values, const char *label, bg_node *weight);

/* Whether a number of the options is finite and at least `least`, or above it; records the error. */
bool bgi_takes_option(const char *loss, const bg_node *x, const char *label, double value, double least, bool is_above);
/* Whether a margin is a number; records the error. */
bool bgi_takes_margin(const char *loss, const bg_node *x, double margin);
/* max(x, 0) whose gradient at 0 is 1. */
bg_node *bgi_at_least_0(bg_node *x);
/* The value of an option. */
static inline double bgi_option(bg_optional option, double otherwise)
{
    return option.is_some ? option.value : otherwise;
}

#endif
