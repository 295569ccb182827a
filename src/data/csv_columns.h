/* Which columns of a CSV file are targets and features. */
#ifndef BGI_CSV_COLUMNS_H
#define BGI_CSV_COLUMNS_H

#include "data/csv.h"
#include "data/csv_labels.h"

#include <blasgrad/data.h>

/* A file that gives each row some of its values. */
typedef struct {
    bgi_csv csv;
    int64_t columns, first_line; /* of the first record, to which all others are held */
    bool has_header;
    int32_t *places; /* of each column: the place in a row of what it holds, or -1 */
    /* From the first search for a name on: the names of the header, and of each its column, or -n if n have it. */
    bgi_labels names;
    int32_t *named;
} bgi_csv_source;

/* Opens it and looks at the first record, which is then at hand. To be closed also if it fails. */
bg_status bgi_csv_source_open(bgi_csv_source *source, bg_engine *engine, const char *path,
                              const bg_data_options *options);
void bgi_csv_source_close(bgi_csv_source *source);

/* Gives the columns of a list their places, in the order of the list from *next on. The list: a column's name, or
 * several names, numbers and ranges of numbers such as 2-5 with commas between them. role: "target" or "feature". */
bg_status bgi_csv_choose(bgi_csv_source *source, const char *list, const char *role, int32_t *next);
/* The same for one name. */
bg_status bgi_csv_choose_name(bgi_csv_source *source, const char *name, const char *role, int32_t *next);
/* The same for one column, from 0. */
bg_status bgi_csv_choose_column(bgi_csv_source *source, int64_t column, int32_t *next);
/* The same for all columns that have no place. */
void bgi_csv_choose_rest(bgi_csv_source *source, int32_t *next);

/* Gives back what searches for names took; there may be more of them. */
void bgi_csv_forget_names(bgi_csv_source *source);

/* The header's names of the `count` columns with places from `first` on, in their order; none if two are the same. */
bg_status bgi_csv_column_names(bgi_csv_source *source, int32_t first, int32_t count, bgi_labels *names);

#endif
