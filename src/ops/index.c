/* Elements chosen by computed indices. */
#include "ops/ops.h"

const bg_op *const bgi_index_ops[] = { NULL };
