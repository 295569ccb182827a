/* Normalisation. */
#include "ops/ops.h"

const bg_op *const bgi_normalization_ops[] = { NULL };
