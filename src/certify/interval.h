/* Bounds from the inside: the interval of a node, and the rules of the ops. */
#ifndef BGI_INTERVAL_H
#define BGI_INTERVAL_H

#include <blasgrad/certify.h>

#include "ops/ops.h"

/* What a value lies between. Of a node that does not depend on the input both are that node itself. */
typedef struct {
    bg_node *lower, *upper;
} bgi_interval;

/* An op's rule: the node's interval from those of its inputs; both NULL after an error. why: what the message says if
 * the rule gives no interval without an error. */
typedef struct {
    bg_node *node;
    const bgi_interval *inputs;
    const char *why;
} bgi_interval_call;
typedef struct bgi_interval_rule {
    bgi_interval (*bounds)(bgi_interval_call *call, const struct bgi_interval_rule *rule);
    /* Where a function of one input that falls and then rises turns, from the node's attributes. */
    double (*turn)(const bg_node *node);
    double point;          /* the same as a number, if there is no `turn` */
    double relative, of_x; /* the rounding error, in units of rounding: of the result, and of the input */
} bgi_interval_rule;

bool bgi_node_is_op(const bg_node *node, const bg_op *const *family, const char *name);

/* What bounds are moved apart by: units of rounding of these sizes, and what is lost to underflow. */
bg_node *bgi_interval_margin(bg_node *sizes, double units);
/* 3 γ of sums of k terms with a few operations around them, in units of rounding; 0 if that would be no small part. */
double bgi_interval_sum_units(int64_t k, bg_dtype dtype);

/* The rule of an op; NULL if it has none, so that its composition is tried. */
const bgi_interval_rule *bgi_interval_rule_of(const bg_node *node);

#endif
