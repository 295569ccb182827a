/* Pooling. */
#include "ops/ops.h"

const bg_op *const bgi_pooling_ops[] = { NULL };
