#include "elements.h"

#include <float.h>

const element elements[2] = { { "f32", 4, 0, FLT_EPSILON, FLT_MIN, FLT_MAX },
                              { "f64", 8, 1, DBL_EPSILON, DBL_MIN, DBL_MAX } };
