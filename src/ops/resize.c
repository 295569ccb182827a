/* Resizing of images. */
#include "ops/ops.h"

const bg_op *const bgi_resize_ops[] = { NULL };
