/* Which columns of a CSV file are targets and features. */
#ifndef BGI_CSV_COLUMNS_H
#define BGI_CSV_COLUMNS_H

#include "data/csv.h"
#include "data/csv_labels.h"

#include <blasgrad/data.h>

/* Columns that follow one another, up to the one before `end`: their values have places in a row from `place` on, or,
 * if that is -1, none. */
typedef struct {
    int32_t end, place;
} bgi_csv_run;

/* A file that gives each row some of its values. */
typedef struct {
    bgi_csv csv;
    int64_t columns, first_line; /* of the first record, to which all others are held */
    bool has_header;
    bgi_csv_run *runs; /* of all columns; few, unless a list of names goes to and fro among them */
    size_t run_count, run_capacity;
} bgi_csv_source;

/* Opens it and looks at the first record, which is then at hand. To be closed also if it fails. */
bg_status bgi_csv_source_open(bgi_csv_source *source, bg_engine *engine, const char *path,
                              const bg_data_options *options);
void bgi_csv_source_close(bgi_csv_source *source);

/* Gives the columns of a list their places, in the order of the list from *next on. The list: a column's name, or
 * several names, numbers and ranges of numbers such as 2-5 with commas between them. role: "target" or "feature". */
bg_status bgi_csv_choose(bgi_csv_source *source, const char *list, const char *role, int32_t *next);
/* The same for each of these names, behind the last of which is NULL. */
bg_status bgi_csv_choose_names(bgi_csv_source *source, const char *const *names, const char *role, int32_t *next);
/* The same for one column, from 0. */
bg_status bgi_csv_choose_column(bgi_csv_source *source, int64_t column, int32_t *next);
/* The same for all columns that have no place. */
void bgi_csv_choose_rest(bgi_csv_source *source, int32_t *next);

/* How many these are. */
int64_t bgi_csv_count_rest(const bgi_csv_source *source);

/* The place of a column, or -1; and the column of a place that one has. */
int32_t bgi_csv_place_of(const bgi_csv_source *source, int64_t column);
int64_t bgi_csv_column_at(const bgi_csv_source *source, int32_t place);

/* The header's names of the `count` columns with places from `first` on, in their order; none if two are the same. */
bg_status bgi_csv_column_names(bgi_csv_source *source, int32_t first, int32_t count, bgi_names *names);

#endif
