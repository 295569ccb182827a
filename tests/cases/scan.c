/* Products and running sums along an axis. */
#include "cases.h"

const op_family scan_family = { .name = "scan" };
