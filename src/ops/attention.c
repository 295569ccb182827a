/* Attention. */
#include "ops/ops.h"

const bg_op *const bgi_attention_ops[] = { NULL };
