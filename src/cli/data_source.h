/* Where --data comes from: built-in sets, files and folders. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "data_rows.h"
#include "input_transform.h"
#include "options.h"
#include "parts_options.h"
#include "table_options.h"

#include <blasgrad/data.h>

#include <argp.h>

typedef enum {
    DATA_LECTURE,
    DATA_DIGITS,
    DATA_STROKES,
    DATA_MNIST,
    DATA_CIFAR,
    DATA_IDX,
    DATA_CSV,
    DATA_ARRAYS,
    DATA_TEXT
} data_kind;

/* What the options say; NULL, 0 and -1 where they do not. */
typedef struct {
    const char *name;
    data_kind kind;
    bool is_npz;       /* arrays: in NPZ, and not NPY */
    bool is_read_once; /* so --data - can be a table from standard input */
    double test_share; /* -1: what the kind has */
    const char *target;
    char delimiter, decimal;
    bool without_header, with_classes;
    table_settings table;
    parts_settings parts;
    int64_t count, context;
    const char *tokens;              /* "characters" or "bytes" */
    const char *vocabulary;          /* of a checkpoint; no option */
    const char *input, *target_file; /* arrays */
    bool with_coarse_labels;         /* CIFAR-100 */
    bool streams;                    /* CSV and .npy */
    bg_dtype dtype;
    uint64_t seed;
} data_settings;

/* The options of data, for a command's parser; its input is a data_settings, which is initialised by it. */
extern const struct argp data_argp;

/* Whether a file's name ends so. */
bool data_name_ends_with(const char *text, const char *end);

/* Finds out the kind of what --data names, and checks that the other options are some of that kind. 0, or the exit code
 * after a message that names what there is. */
int data_classify(data_settings *settings);

/* The same for the data of a checkpoint: what no option says is as in its run. */
int data_like_checkpoint(data_settings *data, const data_settings *saved, const common_options *common);
/* Of arrays, without a loss or --classes: whether the targets are classes follows from the arrays, and is put into
 * with_classes. 0, or the exit code after a message. */
int data_find_classes(data_settings *settings);
/* Whether the tokens of a text are bytes. */
bool data_has_bytes(const data_settings *settings);

typedef struct {
    bg_dataset *train;             /* all of it, if nothing is held out */
    bg_dataset *validation, *test; /* or NULL */
    transform_texts transform;     /* of their inputs */
    char *feature_names;           /* of a table's inputs, before they became others; or NULL */
} data_parts;

/* Loads it as it is: one part, or those that it has files of, or, of a text, the share for the test. 0, or the exit
 * code after a message. */
int data_load_whole(data_parts *parts, bg_engine *engine, const data_settings *settings);
/* Loads and cuts it. hash, if it is not NULL, becomes that of the content, whatever is cut and scaled. 0, or the exit
 * code after a message. */
int data_load(data_parts *parts, bg_engine *engine, const data_settings *settings, uint64_t *hash);
/* The hash of the parts as they are. 0, or the exit code after a message. */
int data_hash(const data_parts *parts, uint64_t *hash);
/* Training and evaluation need targets, which arrays may be without. 0, or the exit code after a message. */
int data_need_targets(const data_parts *parts, const data_settings *settings);
void data_release(data_parts *parts);

#endif
