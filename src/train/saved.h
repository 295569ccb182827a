/* The numbers of an object as tensors of an archive. */
#ifndef BGI_SAVED_H
#define BGI_SAVED_H

#include <blasgrad/io.h>

/* Adds a tensor of elements of 8 bytes, f64 or i64, with these values. */
bg_status bgi_saved_add(bg_archive *archive, bg_engine *engine, const char *name, bg_dtype dtype, bg_shape shape,
                        const void *values);
/* Whether a tensor of an archive, NULL for one that it does not have, is of this type and shape; an extent of -1 is
 * any. The caller's name begins the message. */
bg_status bgi_saved_check(const bg_tensor *tensor, const char *caller, const char *name, bg_dtype dtype,
                          bg_shape shape);

#endif
