/* NPY, NumPy's file of one array: "\x93NUMPY", a version, the length of a header, the header, the elements. The same
 * bytes are a member of NPZ. */
#ifndef BGI_NPY_H
#define BGI_NPY_H

#include <blasgrad/tensor.h>

#include "base/engine.h"

/* Where the bytes of an array come from, in order. */
typedef struct bgi_npy_source bgi_npy_source;
struct bgi_npy_source {
    const char *caller, *path; /* the caller's, for messages */
    char where[140];           /* behind the path in messages: "" or the name of a member and ": " */
    uint64_t bytes;            /* of header and elements together */
    bg_status (*read)(bgi_npy_source *source, void *data, size_t bytes); /* the next ones, exactly so many */
};

#define BGI_NPY_FAIL(s, format, ...)                                                                                   \
    bg_fail(BG_ERR_FORMAT, "%s: %s: %s" format, (s)->caller, bgi_path_text((s)->path), (s)->where, __VA_ARGS__)

/* A type of elements in files. Ours are read as they are; of the others, each element is made the next wider of ours,
 * which holds its value. */
typedef struct {
    char code[3]; /* as in NumPy's dtype.str behind the byte order */
    unsigned char size;
    bg_dtype dtype;
    void (*widen)(void *to, const void *from, size_t count); /* NULL for ours, and where the bits stay */
} bgi_npy_type;
/* By two letters of its code; NULL if there is none. And the one in which elements of ours are written. */
const bgi_npy_type *bgi_npy_type_find(const char code[2]);
const bgi_npy_type *bgi_npy_type_of(bg_dtype dtype);

typedef struct {
    const bgi_npy_type *type;
    bool is_big_endian, is_fortran;
    bg_shape shape;
    size_t elements; /* bytes of them in the file */
} bgi_npy_layout;

enum { BGI_NPY_PREFIX = 12, BGI_NPY_HEADER_LIMIT = 65535 };

/* Reads what stands before the elements, and checks that the source holds exactly these. */
bg_status bgi_npy_read_layout(bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source);
/* The same of an NPY file. */
bg_status bgi_npy_file_layout(bgi_npy_layout *layout, bg_engine *engine, const char *caller, const char *path);
/* The bytes of `count` elements in the file, once they lie at the place that the first gives of the memory for them,
 * are made elements there by the second; `first` is the number of the first of them, for messages. */
unsigned char *bgi_npy_raw_place(const bgi_npy_layout *layout, void *elements, size_t count);
bg_status bgi_npy_finish(const bgi_npy_layout *layout, const bgi_npy_source *source, void *elements, size_t count,
                         size_t first);
/* Opens an NPY file, whose elements begin at offset *start. */
bg_status bgi_npy_file_open(bgi_npy_layout *layout, int *descriptor, uint64_t *start, bg_engine *engine,
                            const char *caller, const char *path);
/* Reads all elements behind a layout, row-major, to where they are to be. */
bg_status bgi_npy_read_elements(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                                void *elements);
/* The same some at a time, each of which `take` gets: `count` of them, from number `first` on. */
typedef bg_status bgi_npy_take(void *user, const void *elements, size_t count, size_t first);
bg_status bgi_npy_read_pieces(const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source,
                              bgi_npy_take *take, void *user);
/* Reads all of an array into a new tensor. */
bg_status bgi_npy_read(bg_tensor **tensor, bg_engine *engine, bgi_npy_source *source);

/* What is done with an array: it reads all elements from the source. */
typedef bg_status bgi_npy_visit(void *user, const bgi_npy_layout *layout, bg_engine *engine, bgi_npy_source *source);
bg_status bgi_npy_file_visit(bg_engine *engine, const char *caller, const char *path, bgi_npy_visit *visit, void *user);

/* What stands before the elements of a tensor, little-endian and in row-major order: returns how many bytes it has, a
 * multiple of 64. */
enum { BGI_NPY_HEAD = 320 };
size_t bgi_npy_head(char head[BGI_NPY_HEAD], const bg_tensor *tensor);

#endif
