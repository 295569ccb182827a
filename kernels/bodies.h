/* The bodies of all kernels for one element type on one instruction set.
 *
 * Included after a simd_*.h, once with BITS 32 and once with BITS 64. T is the element type, V a vector of it, M the
 * result of a comparison of vectors, W the number of elements of a vector, and N(name) the name with its suffix. */
#if BITS == 32
#define N(name)                       name##_f32
#define T                             float
#define BY_TYPE(f32_value, f64_value) f32_value
#else
#define N(name)                       name##_f64
#define T                             double
#define BY_TYPE(f32_value, f64_value) f64_value
#endif
#define V N(vec)
#define M N(mask)
#define W N(WIDTH)

#define SET(x)           N(v_set)((T)(x))
#define LOAD(p)          N(v_load)(p)
#define STORE(p, x)      N(v_store)(p, x)
#define PREFETCH(p)      __builtin_prefetch(p, 0, 2) /* into level 2 */
#define FMA(a, b, c)     N(v_fma)(a, b, c)
#define SELECT(m, a, b)  N(v_select)(m, a, b)
#define LESS(a, b)       N(v_less)(a, b)
#define LESS_EQUAL(a, b) N(v_less_equal)(a, b)
#define EQUAL(a, b)      N(v_equal)(a, b)
#define NOT_EQUAL(a, b)  N(v_not_equal)(a, b)
#define MAX(a, b)        N(v_max)(a, b)
#define MIN(a, b)        N(v_min)(a, b)
#define AND(a, b)        N(v_and)(a, b)
#define OR(a, b)         N(v_or)(a, b)
#define XOR(a, b)        N(v_xor)(a, b)
#define AND_NOT(a, b)    N(v_and_not)(a, b)

/* In this order: each uses the functions of those before it. */
#include "body_math.h"

#include "body_map.h"

#include "body_descend.h"

#include "body_load.h"
#include "body_product.h"

#include "body_gathered.h"
#include "body_reduce.h"
#include "body_solve.h"

#include "body_moment.h"

#include "body_normalize.h"

#include "body_recurrent.h"

#if BITS == 32
#include "body_winograd.h"
#endif
#include "body_window.h"

#include "body_eigen.h"

#include "body_svd.h"

#include "body_lockstep.h"

#ifdef SIMD_IS_SCALAR
#include "body_library.h"
#elif BITS == 64
#include "body_pair.h"

#define IS_F64  0
#define F(name) name##_f32
#define E       float
#include "body_function.h"
#undef IS_F64
#undef F
#undef E
#define IS_F64  1
#define F(name) name##_f64
#define E       double
#include "body_function.h"
#undef IS_F64
#undef F
#undef E
#endif

#undef N
#undef T
#undef BY_TYPE
#undef V
#undef M
#undef W
#undef SET
#undef LOAD
#undef STORE
#undef PREFETCH
#undef FMA
#undef SELECT
#undef LESS
#undef LESS_EQUAL
#undef EQUAL
#undef NOT_EQUAL
#undef MAX
#undef MIN
#undef AND
#undef OR
#undef XOR
#undef AND_NOT
#undef LENGTH_OF
#undef POLYNOMIAL
#undef MANTISSA_BITS
#undef EXPONENT_BIAS
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef LOG2_E
#undef TINY
#undef SIGN_BIT
