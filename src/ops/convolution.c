/* Convolution. */
#include "ops/ops.h"

const bg_op *const bgi_convolution_ops[] = { NULL };
