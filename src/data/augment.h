/* Changing images of a batch at random. */
#ifndef BGI_AUGMENT_H
#define BGI_AUGMENT_H

#include <blasgrad/data.h>

#include "base/engine.h"

/* Whether anything is to be changed. */
bool bgi_augments(const bg_augmentation *augmentation);
/* Whether it makes sense, and for a column of this type and shape; caller names the operation. */
bg_status bgi_augmentation_check(const bg_augmentation *augmentation, bg_dtype dtype, bg_shape shape,
                                 const char *caller);
/* Changes one example in place, which is contiguous and of this shape: number `which` of its data set, in this epoch.
 * The same numbers give the same change. */
void bgi_augment(const bg_augmentation *augmentation, const bgk_table *kernels, void *example, bg_dtype dtype,
                 bg_shape shape, uint64_t seed, int64_t epoch, uint64_t which);

#endif
