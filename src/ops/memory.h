/* What calls of ops do with memory: where elements are, and what numbers they are. */
#ifndef BGI_OPS_MEMORY_H
#define BGI_OPS_MEMORY_H

#include "ops/ops.h"

/* Element i, or part i, of `size` bytes each. */
static inline void *bgi_at(void *data, int64_t i, size_t size) { return (char *)data + (size_t)i * size; }
static inline const void *bgi_const_at(const void *data, int64_t i, size_t size)
{
    return (const char *)data + (size_t)i * size;
}
/* Element i of f32 or f64. */
static inline double bgi_float_at(const void *data, bg_dtype dtype, int64_t i)
{
    return dtype == BG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static inline void bgi_put_float(void *data, bg_dtype dtype, int64_t i, double value)
{
    if (dtype == BG_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}
/* The kernels of the type of a call's result. */
static inline const bgk_kernels *bgi_call_kernels(const bg_call *call)
{
    return bgi_kernels_of(call->node->graph->engine, call->node->dtype);
}

#endif
