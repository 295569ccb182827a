/* Data sets from the inside. */
#ifndef BGI_DATASET_H
#define BGI_DATASET_H

#include <blasgrad/data.h>

#include "base/engine.h"
#include "data/names.h"
#include "data/subset.h"

#include <pthread.h>

/* y = matrix (x - shift) + offset. The numbers lie behind it. */
typedef struct {
    int64_t places, outputs;
    double *matrix, *shift, *offset; /* [outputs, places], [places], [outputs]; the latter two or NULL */
    size_t bytes;                    /* of this and the numbers */
} bgi_projection;

/* How the examples of a data set follow from those of another one, its base, which is not in memory. */
typedef struct {
    int64_t first;     /* example i is number first + i of the base, or of what follows */
    bgi_subset chosen; /* of a permutation's places; none: it is all of them */
    bool is_permuted;
    uint64_t seed, stream; /* of the permutation */
    int column;            /* the one that is scaled or projected */
    double *factors;       /* shift and scale of each of its places; NULL: none is scaled */
    size_t factor_bytes;
    bgi_projection *projection; /* or NULL */
} bgi_derivation;

struct bg_dataset {
    atomic_int references;
    bg_engine *engine;
    int count;
    bg_column *forms; /* of the columns */
    /* The examples are in tensors, or come from a source, or from another data set. */
    bg_tensor **columns; /* held; or NULL */
    bg_source source;    /* .read NULL: none */
    pthread_mutex_t reading;
    bg_dataset *base; /* held; or NULL */
    bgi_derivation derivation;
    int64_t size, classes;
    char *name;
    size_t name_bytes;
    char *vocabulary; /* of a text in characters, else NULL */
    size_t vocabulary_bytes;
    bgi_names class_names, feature_names; /* of a table; or empty */
};

/* A larger class is more likely a number that is none; and memory for as many scores would be asked for. */
enum { BGI_CLASS_LIMIT = 1 << 24 };
#define BGI_CLASS_RULE "classes are whole numbers from 0 to 16777215; a loss for numbers, as l2, takes others too"

/* A data set with room for columns, and nothing in it; NULL when memory is out. */
bg_dataset *bgi_dataset_allocate(bg_engine *engine, const char *name, int columns);
/* As bg_dataset_create, with a name. */
bg_status bgi_dataset_create(bg_dataset **dataset, const char *name, bg_tensor *const *columns, int n, int64_t classes);
/* The same over an input and a target, which it takes over, also when it fails. */
bg_status bgi_dataset_create_pair(bg_dataset **dataset, const char *name, bg_tensor *x, bg_tensor *y, int64_t classes);

/* Room for the columns of a data set like another one, NULL each; and that data set, from columns that it takes over.
 * Where status is an error already, which it returns, those after a NULL were not made. */
bg_tensor **bgi_dataset_new_columns(const bg_dataset *dataset);
bg_status bgi_dataset_create_like(bg_dataset **made, const bg_dataset *dataset, bg_tensor **columns, bg_status status);

/* As bg_dataset_join, with a name, of parts of one engine; caller is for messages, which call a part by its name. */
bg_status bgi_dataset_join(bg_dataset **all, const char *caller, const char *name, bg_dataset *const *parts, int n);

/* One more hold on a data set, to be destroyed. */
bg_dataset *bgi_dataset_retain(const bg_dataset *dataset);
/* A data set of `size` examples that reads from another one, which is not in memory and is held. The factors and the
 * subset are taken over, also when this fails. */
bg_status bgi_dataset_derive(bg_dataset **made, const bg_dataset *base, int64_t size, const bgi_derivation *derivation);

/* ---- dataset_read.c ---- */
/* How many of the n numbers, from the first on, follow one another. */
int64_t bgi_run_length(const int64_t *numbers, int64_t n);
/* Copies rows of a tensor with these first indices, one behind the other. */
void bgi_copy_rows(const bg_tensor *column, const int64_t *rows, int64_t n, void *to);
/* As bg_dataset_read, without checks; writes over the numbers. */
bg_status bgi_dataset_read(const bg_dataset *dataset, int64_t *examples, int64_t n, void *const *columns);

/* Goes through one column from the first example to the last, some at a time. */
typedef struct {
    const bg_dataset *dataset;
    int column;
    int64_t first, n;    /* the examples at hand: n of them, from number `first` on */
    unsigned char *data; /* theirs, row-major */
    size_t row_bytes, bytes;
    int64_t capacity, *examples;
    void **columns;
} bgi_pass;
bg_status bgi_pass_begin(bgi_pass *pass, const bg_dataset *dataset, int column);
/* Reads on; n is 0 behind the last example. */
bg_status bgi_pass_next(bgi_pass *pass);
void bgi_pass_rewind(bgi_pass *pass);
void bgi_pass_end(bgi_pass *pass);

/* ---- scaling.c ---- */
/* (x - shift) scale in place, of n examples, f32 or f64; factors: those of all places, shifts first. */
void bgi_scale_rows(void *rows, bg_dtype dtype, int64_t n, int64_t places, const double *factors);

/* Whether a column of a data set can be scaled or projected. */
bg_status bgi_scaling_check(const char *caller, const bg_dataset *dataset, int column);

/* ---- projection.c ---- */
/* As bgi_dataset_read, of a data set whose derivation projects a column that is asked for; the numbers are of its base.
 */
bg_status bgi_dataset_read_projected(const bg_dataset *dataset, int64_t *examples, int64_t n, void *const *columns);

/* ---- dataset.c, for the readers ---- */
/* Copies a vocabulary into a data set that has none. */
bg_status bgi_dataset_set_vocabulary(bg_dataset *dataset, const char *vocabulary);

/* Moves names into a data set that has none. */
void bgi_dataset_take_names(bg_dataset *dataset, bgi_names *class_names, bgi_names *feature_names);
/* Copies names into a data set that has none. */
bg_status bgi_dataset_set_names(bg_dataset *dataset, const bgi_names *class_names, const bgi_names *feature_names);

/* Checks the engine and the dtype of the options (which may be NULL) and gives all defaults their values. */
bg_status bgi_data_options_check(bg_data_options *checked, bg_engine *engine, const char *caller,
                                 const bg_data_options *options);

/* The same for a reader that takes all examples into memory: BG_ERR_ARGUMENT for .streams. */
bg_status bgi_data_memory_check(bg_data_options *checked, bg_engine *engine, const char *caller,
                                const bg_data_options *options);

/* The same for a reader of a folder, behind a check of its other arguments; both data sets are NULL then. */
bg_status bgi_data_folder_check(bg_data_options *checked, bg_dataset **train, bg_dataset **test, bg_engine *engine,
                                const char *caller, const char *folder, const bg_data_options *options);

/* "strokes": see bg_data_builtin. */
bg_status bgi_data_strokes(bg_dataset **dataset, bg_engine *engine, const bg_data_options *options);

/* The digits, pixel by pixel and then the classes, a byte each, as a zlib stream. */
enum { BGI_DIGITS_COUNT = 1797, BGI_DIGITS_PIXELS = 64 };
extern const unsigned char bgi_digits_data[];
extern const unsigned bgi_digits_data_bytes;

#endif
