/* Normalisation. */
#include "cases.h"

const op_family normalization_family = { .name = "normalization" };
