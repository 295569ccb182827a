/* Data sets from the inside. */
#ifndef BGI_DATASET_H
#define BGI_DATASET_H

#include <blasgrad/data.h>

#include "base/engine.h"
#include "data/names.h"

struct bg_dataset {
    bg_engine *engine;
    bg_tensor **columns; /* held */
    int count;
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

/* Copies a vocabulary into a data set that has none. */
bg_status bgi_dataset_set_vocabulary(bg_dataset *dataset, const char *vocabulary);

/* Copies names into a data set that has none. */
bg_status bgi_dataset_set_names(bg_dataset *dataset, const bgi_names *class_names, const bgi_names *feature_names);

/* Checks the engine and the dtype of the options (which may be NULL) and gives all defaults their values. */
bg_status bgi_data_options_check(bg_data_options *checked, bg_engine *engine, const char *caller,
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
