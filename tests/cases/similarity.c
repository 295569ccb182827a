/* Distances and similarities. */
#include "cases.h"

const op_family similarity_family = { .name = "similarity" };
