/* The rows of a table, read from one file or two. */
#ifndef BGI_CSV_ROWS_H
#define BGI_CSV_ROWS_H

#include "data/csv_columns.h"
#include "io/temporary.h"

typedef struct bgi_csv_spool bgi_csv_spool;

typedef struct {
    bg_engine *engine;
    const bg_data_options *options;
    void *locale; /* "C" */
    /* The second has the targets, if they are in a file of their own. */
    bgi_csv_source sources[2];
    int source_count;
    /* Values have places in a row: the targets, then the features, all of options->dtype; but a class is i64. */
    int32_t targets, features;
    /* The columns of the data set, of `capacity` rows: features, targets or classes, with options->with_row_numbers
     * numbers; NULL where there are none. */
    bg_tensor *columns[3];
    int64_t capacity, rows;
    /* Of rows that cannot be counted, or with options->streams: the file that has the first `spooled` of them; the
     * columns begin behind these. */
    bgi_csv_spool *spool;
    int64_t spooled;
    bgi_temporary **shared_file; /* where the file is kept that all tables of a folder share; NULL: one of its own */
    bool is_counted;             /* capacity is how many rows there are, and no guess */
    bool has_missing;            /* NaN stands in some row for what is missing */
    enum { CLASSES_UNKNOWN, CLASSES_NUMBERS, CLASSES_NAMES } class_kind;
    bool has_given_names;
    int64_t classes; /* of numbers: the largest plus one */
    bgi_labels labels;
} bgi_csv_table;

enum { BGI_CSV_FEATURES, BGI_CSV_TARGETS, BGI_CSV_NUMBERS };

/* Where the values of a row are, by their places. */
typedef struct {
    unsigned char *features, *targets;
    int64_t *number; /* NULL if there is none */
} bgi_csv_row;

/* ---- csv_memory.c ---- */
/* The rows to make room for where it is not known how many there are: 16 KiB of them, or one. */
int64_t bgi_csv_first_rows(const bgi_csv_table *table);
/* Makes columns of another capacity, no less than there are rows in them, and moves the rows there. */
bg_status bgi_csv_resize(bgi_csv_table *table, int64_t capacity);
void bgi_csv_release_rows(bgi_csv_table *table);
bgi_csv_row bgi_csv_row_at(const bgi_csv_table *table, int64_t row);
static inline bool bgi_csv_is_class(const bgi_csv_table *table, int32_t place)
{
    return table->options->with_classes && place == 0;
}

/* Where a value is that is no class. */
static inline void *bgi_csv_value_at(const bgi_csv_row *row, int32_t place, int32_t targets, size_t size)
{
    return place < targets ? row->targets + (size_t)place * size : row->features + (size_t)(place - targets) * size;
}
double bgi_csv_load(const bgi_csv_table *table, const bgi_csv_row *row, int32_t place);
void bgi_csv_store(const bgi_csv_table *table, const bgi_csv_row *row, int32_t place, double value);

/* ---- csv_rows.c ---- */
/* Reads all rows of the sources, whose columns have their places, into the table's columns. What can be read twice is:
 * the rows are counted first, so that memory is asked for once. */
bg_status bgi_csv_read_rows(bgi_csv_table *table);

/* ---- csv_dataset.c ---- */
/* BG_ERR_FORMAT: the column of this place has no value. */
bg_status bgi_csv_fail_mean(const bgi_csv_table *table, int32_t place);
/* The data set of all rows, of this name. */
bg_status bgi_csv_make_dataset(bg_dataset **dataset, bgi_csv_table *table, const char *path, bgi_names *feature_names);

#endif
