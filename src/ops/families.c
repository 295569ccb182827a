/* The list of all ops. */
#include "ops/ops.h"

const bg_op *const *const bgi_op_families[] = { bgi_arithmetic_ops, bgi_choice_ops, bgi_activation_ops,
                                                bgi_reduction_ops,  bgi_shape_ops,  bgi_product_ops,
                                                bgi_score_ops,      bgi_loss_ops,   NULL };
