/* IDX files from the inside. */
#ifndef BGI_IDX_H
#define BGI_IDX_H

#include <blasgrad/data.h>

/* A file whose elements stay in it. */
typedef struct {
    int descriptor; /* to be closed */
    bg_dtype dtype; /* that elements become; i8 and i16 are narrower in the file */
    bg_shape shape;
    uint64_t start; /* of the elements */
} bgi_idx_file;

/* Opens one, and checks its head and that it holds exactly its elements, as bg_data_read_idx; BG_ERR_ARGUMENT if it is
 * compressed. */
bg_status bgi_idx_open(bgi_idx_file *file, bg_engine *engine, const char *path);

#endif
