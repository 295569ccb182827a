/* Pooling. */
#include "cases.h"

const op_family pooling_family = { .name = "pooling" };
