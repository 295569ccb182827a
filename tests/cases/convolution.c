/* Convolution. */
#include "cases.h"

const op_family convolution_family = { .name = "convolution" };
