/* Order: sorting, largest elements, and where extremes are. */
#include "cases.h"

const op_family order_family = { .name = "order" };
