/* What ops that are made of a softmax share. */
#ifndef BGI_SCORE_H
#define BGI_SCORE_H

#include "ops/ops.h"

/* The parts of a softmax along an axis, which the compiler finds to be the same wherever they are built. The maximum is
 * a constant for gradients, as the result does not depend on it; max and sum keep the axis with extent 1. Rows with an
 * infinite maximum are NaN, unless `safe` puts 0 in its place. */
typedef struct {
    bg_node *max, *shifted, *exp, *sum;
} bgi_softmax_terms;
bgi_softmax_terms bgi_softmax_terms_of(bg_node *x, const bool axis[BG_MAX_RANK], bool safe);

#endif
