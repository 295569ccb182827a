/* Elements chosen by computed indices. */
#include "cases.h"

const op_family index_family = { .name = "index" };
