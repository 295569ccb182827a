/* Random numbers. */
#include "cases.h"

const op_family random_family = { .name = "random" };
