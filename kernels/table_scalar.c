/* The kernels on simd_scalar.h: one element at a time. */
#include "simd_scalar.h"

#include "tables.h"

#define BITS 32
#include "bodies.h"
#undef BITS
#define BITS 64
#include "bodies.h"
#undef BITS

#include "body_peak.h"

#include "body_random.h"

BGK_TABLE(scalar);
