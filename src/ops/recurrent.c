/* Recurrent layers. */
#include "ops/ops.h"

const bg_op *const bgi_recurrent_ops[] = { NULL };
