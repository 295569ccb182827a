/* Arrays of NumPy as columns of data sets. */
#ifndef BGI_ARRAYS_H
#define BGI_ARRAYS_H

#include <blasgrad/data.h>

/* What messages call an array: caller, path, and name. */
typedef struct {
    char text[300];
} bgi_array_name;

typedef struct {
    const char *name;
    bg_shape shape;
} bgi_array_about;
/* Whether inputs and targets (y may be NULL) are as many examples. */
bg_status bgi_arrays_check(const bgi_array_about *x, const bgi_array_about *y);
/* Whether targets are classes. */
bool bgi_arrays_hold_classes(bg_dtype dtype, int rank, const bg_data_options *options);

/* bg_data_read_arrays of an NPY file, and one of targets, whose examples stay in the files; these stay open, or are
 * opened for each reading. */
bg_status bgi_arrays_stream(bg_dataset **dataset, bg_engine *engine, const char *caller, const char *path,
                            const bg_data_options *options, bool stays_open);

#endif
