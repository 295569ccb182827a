/* Tensors and shapes from the inside. */
#ifndef BGI_TENSOR_H
#define BGI_TENSOR_H

#include <blasgrad/tensor.h>

#include "base/engine.h"

/* Memory that tensors and views share. */
typedef struct {
    atomic_int references;
    bg_engine *engine;
    unsigned char *data;
    size_t bytes;
    uint64_t version; /* raised by every writer */
    bool is_wrapped;  /* the caller's memory: never freed, never cached */
} bgi_storage;

struct bg_tensor {
    atomic_int references;
    bgi_storage *storage;
    bg_dtype dtype;
    bg_shape shape;
    int64_t strides[BG_MAX_RANK]; /* in elements */
    size_t offset;                /* in bytes */
};

/* As bg_tensor_create, for an engine that was checked, without setting the elements, which the caller does at once. */
bg_status bgi_tensor_create_unset(bg_tensor **tensor, bg_engine *engine, bg_dtype dtype, bg_shape shape);
void bgi_tensor_retain(bg_tensor *tensor);
/* Exchanges the elements of two tensors of one type and shape, which are no views, without moving them. */
void bgi_tensor_swap(bg_tensor *a, bg_tensor *b);
static inline unsigned char *bgi_tensor_bytes(const bg_tensor *tensor)
{
    return tensor->storage->data + tensor->offset;
}
/* Whether any byte belongs to elements of both (exact for contiguous tensors, bounding ranges otherwise, but disjoint
 * interleaved slices of one storage are told apart where strides show it). */
bool bgi_tensor_overlap(const bg_tensor *a, const bg_tensor *b);

/* The greatest common divisor of numbers that are not negative; of 0 and x, x. */
static inline int64_t bgi_gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Checks rank and extents and gives the element count and byte count; caller names the operation in messages. */
bg_status bgi_shape_check(bg_shape shape, bg_dtype dtype, const char *caller, int64_t *count, size_t *bytes);
void bgi_shape_strides(bg_shape shape, int64_t strides[BG_MAX_RANK]);
/* NumPy's rule: false if the shapes do not broadcast together. */
bool bgi_shape_broadcast(bg_shape a, bg_shape b, bg_shape *result);
/* Strides that let a tensor of `shape` and `strides` be seen with another shape of the same count, if there are such.
 */
bool bgi_shape_reshape(bg_shape shape, const int64_t *strides, bg_shape target, int64_t target_strides[BG_MAX_RANK]);
/* Copies elements between two strided arrays of one element size. */
void bgi_strided_copy(void *target, const int64_t *target_strides, const void *source, const int64_t *source_strides,
                      bg_shape shape, size_t element_bytes);

/* "[32, 784]" for messages. */
typedef struct {
    char text[200];
} bgi_shape_text;
bgi_shape_text bgi_shape_format(bg_shape shape);

#endif
