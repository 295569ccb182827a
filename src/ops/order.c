/* Order: sorting, largest elements, and where extremes are. */
#include "ops/ops.h"

const bg_op *const bgi_order_ops[] = { NULL };
