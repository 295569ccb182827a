/* Products and running sums along an axis. */
#include "ops/ops.h"

const bg_op *const bgi_scan_ops[] = { NULL };
