/* Sub-graphs that the gradient computes again. */
#ifndef BGI_CHECKPOINT_H
#define BGI_CHECKPOINT_H

#include "ops/ops.h"

bool bgi_is_checkpoint(const bg_node *node);
/* A second copy of what a checkpoint stands for, to be computed when its cotangent dy is there. Those of the n nodes xs
 * that lie within are read as they are, since it is their gradient that is wanted. NULL with the error recorded. */
bg_node *bgi_recompute(bg_node *node, bg_node *dy, bg_node *const *xs, size_t n);

#endif
