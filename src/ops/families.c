/* The list of all ops. */
#include "ops/ops.h"

#define LIST(family) bgi_##family##_ops,
const bg_op *const *const bgi_op_families[] = { BGI_OP_FAMILIES(LIST) NULL };
