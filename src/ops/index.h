/* What ops with computed indices share. */
#ifndef BGI_OPS_INDEX_H
#define BGI_OPS_INDEX_H

#include "ops/axis.h"
#include "ops/memory.h"

#include <string.h>

/* `other` is the axis' extent on the other side of the op. op is the public one, which messages name. */
typedef struct {
    int64_t axis, other;
    const char *op;
} bgi_index_attributes;

static inline int64_t bgi_index_at(const void *indices, bg_dtype dtype, int64_t i)
{
    return dtype == BG_I64   ? ((const int64_t *)indices)[i]
           : dtype == BG_I32 ? ((const int32_t *)indices)[i]
                             : ((const uint8_t *)indices)[i];
}
static inline bool bgi_is_outside(int64_t index, int64_t extent) { return index < 0 || index >= extent; }

/* Copies one element; the sizes that occur are known to the compiler. */
static inline void bgi_move(void *to, const void *from, size_t size)
{
    if (size == 4)
        memcpy(to, from, 4);
    else if (size == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, size);
}

/* BG_ERR_INDEX, with the index and the axis. */
bg_status bgi_index_refuse(const bg_call *call, int64_t index, int64_t extent);
/* Shape rule: that of the first input, with `other` along the axis. */
bg_status bgi_index_infer(const bg_node *node, bg_dtype *dtype, bg_shape *shape);

/* Nodes of one graph with integers for indices, and the axis; records the error. */
bool bgi_takes_indices(const char *op, bg_node *x, bg_node *indices, int axis, int *found);

/* Whether y has x's rank and extents that are at most x's beside the axis; records the error. */
bool bgi_fits_beside(const char *op, const bg_node *x, const bg_node *y, const char *label, int axis);

/* The ops without checks, of indices that fit, for a public op: elements and slices of x, .. */
bg_node *bgi_take_along(const char *op, bg_node *x, bg_node *indices, int64_t axis);
bg_node *bgi_select_slices(const char *op, bg_node *x, bg_node *indices, int64_t axis);
/* .. and their transposes: zeros of `extent` along the axis, or x if it is not NULL, with those of source added. */
bg_node *bgi_add_along(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent);
bg_node *bgi_add_slices(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent);
/* These with the columns in so many blocks, which must divide their number, .. */
bg_node *bgi_add_blocks(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent,
                        int64_t blocks, bool is_slice);
/* .. and with the indices in order first. */
bg_node *bgi_add_rows(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis, int64_t extent);
/* indices [m] -> i64 [2, m]: in ascending order, and the place of each. */
bg_node *bgi_index_order(const char *op, bg_node *indices, int64_t axis, int64_t extent);
/* x with the elements of source put at the indices; the last wins. */
bg_node *bgi_scatter(const char *op, bg_node *x, bg_node *indices, bg_node *source, int64_t axis);
/* The last of the indices along the axis that is each of 0 .. extent - 1; -1: none. */
bg_node *bgi_scatter_winners(const char *op, bg_node *indices, int64_t axis, int64_t extent);

#endif
