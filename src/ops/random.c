/* Random numbers. */
#include "ops/ops.h"

const bg_op *const bgi_random_ops[] = { NULL };
