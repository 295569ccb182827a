/* The rows of a table, read from one file or two. */
#ifndef BGI_CSV_ROWS_H
#define BGI_CSV_ROWS_H

#include "data/csv_columns.h"

/* Rows of one size in blocks, so that a table of unknown length grows without being moved. */
typedef struct bgi_row_block {
    struct bgi_row_block *next;
    size_t capacity, used; /* bytes of rows */
    unsigned char *rows;   /* right behind */
} bgi_row_block;

typedef struct {
    bg_engine *engine;
    const bg_data_options *options;
    void *locale; /* "C" */
    /* The second has the targets, if they are in a file of their own. */
    bgi_csv_source sources[2];
    int source_count;
    /* A row has the targets, then the features, all of options->dtype; a class by its number, which is exact in f32. */
    int32_t targets, features;
    size_t row_bytes, total; /* of one row, of all; a row ends with its number, i64, with options->with_row_numbers */
    bgi_row_block *first, *last;
    int64_t rows;
    bool has_missing; /* NaN stands in some row for what is missing */
    enum { CLASSES_UNKNOWN, CLASSES_NUMBERS, CLASSES_NAMES } class_kind;
    bool has_given_names;
    int64_t classes; /* of numbers: the largest plus one */
    bgi_labels labels;
} bgi_csv_table;

static inline double bgi_csv_load(const bgi_csv_table *table, const void *row, int32_t place)
{
    return table->options->dtype == BG_F32 ? (double)((const float *)row)[place] : ((const double *)row)[place];
}
void bgi_csv_store(const bgi_csv_table *table, void *row, int32_t place, double value);
/* Reads all rows of the sources, whose columns have their places. */
bg_status bgi_csv_read_rows(bgi_csv_table *table);
void bgi_csv_release_rows(bgi_csv_table *table);
/* The data set of all rows, of this name. */
bg_status bgi_csv_make_dataset(bg_dataset **dataset, bgi_csv_table *table, const char *path,
                               const bgi_names *feature_names);

#endif
