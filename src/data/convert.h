/* Columns of data sets out of arrays of other types. */
#ifndef BGI_CONVERT_H
#define BGI_CONVERT_H

#include <blasgrad/tensor.h>

#include "base/engine.h"

/* Pixels as value / 255, f32 or f64. */
void bgi_data_scale_bytes(void *to, bg_dtype dtype, const uint8_t *from, size_t count);

/* Elements of an array, and what messages say of them. */
typedef struct {
    const void *data; /* row-major */
    bg_dtype dtype;
    size_t count;
    const char *what; /* names the array, with caller and path */
    int64_t first;    /* the number of the first of them in the array */
} bgi_elements;

/* Elements as numbers or as classes, as below; `to` may be where they are, if they are of the type that is wanted. */
bg_status bgi_convert_numbers(void *to, bg_dtype dtype, const bgi_elements *from, bool scales_bytes);
bg_status bgi_convert_classes(int64_t *to, int64_t *classes, const bgi_elements *from);
/* BG_ERR_FORMAT for floating-point numbers. */
bg_status bgi_check_class_type(bg_dtype dtype, const char *what);

/* An array as numbers of a dtype, f32 or f64: u8 as value / 255 if scales_bytes, all others converted. The tensor
 * itself, retained, if it is of this dtype. BG_ERR_FORMAT for a number that is not finite, also because it is too large
 * for the dtype, with its place, and for extents whose bytes cannot be counted; `what` names the array in messages,
 * with caller and path. */
bg_status bgi_data_numbers(bg_tensor **numbers, bg_tensor *array, bg_dtype dtype, bool scales_bytes, const char *what);

/* An array of integers or bools as classes, i64; *classes is raised above the largest. BG_ERR_FORMAT for one that is
 * negative or from BGI_CLASS_LIMIT on, with its place, and for an array of another dtype. */
bg_status bgi_data_classes(bg_tensor **indices, int64_t *classes, bg_tensor *array, const char *what);

#endif
