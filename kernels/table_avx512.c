/* The kernels on simd_avx512.h: AVX-512. */
#include "simd_avx512.h"

#include "tables.h"

#define BITS 32
#include "bodies.h"
#undef BITS
#define BITS 64
#include "bodies.h"
#undef BITS

#include "body_peak.h"

#include "body_random.h"

BGK_TABLE(avx512);
