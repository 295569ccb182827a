/* Distances and similarities. */
#include "ops/ops.h"

const bg_op *const bgi_similarity_ops[] = { NULL };
