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

/* Elements as numbers of a dtype, f32 or f64: u8 as value / 255 if scales_bytes, all others converted; or integers or
 * bools as classes, i64, where *classes is raised above the largest. `to` may be where they are, if they are of the
 * type that is wanted. BG_ERR_FORMAT, with its place, for a number that is not finite, also because it is too large for
 * the dtype, and for a class that is negative or from BGI_CLASS_LIMIT on. */
bg_status bgi_convert_numbers(void *to, bg_dtype dtype, const bgi_elements *from, bool scales_bytes);
bg_status bgi_convert_classes(int64_t *to, int64_t *classes, const bgi_elements *from);
/* BG_ERR_FORMAT for floating-point numbers. */
bg_status bgi_check_class_type(bg_dtype dtype, const char *what);

/* A new column for the elements of an array in a file, in which an extent of 0 lets the others be of any size:
 * BG_ERR_FORMAT where its bytes cannot be counted. */
bg_status bgi_convert_room(bg_tensor **column, bg_engine *engine, bg_dtype dtype, bg_shape shape, const char *what);

#endif
