/* Options of CSV tables beside their marks: columns, lines, what is missing, names. */
#ifndef TABLE_OPTIONS_H
#define TABLE_OPTIONS_H

#include "events.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <argp.h>

/* What the options say; NULL and 0 where they do not. */
typedef struct {
    const char *features, *missing;
    bool with_infinite;
    int64_t skip_lines;
    /* No options: of a run, names with line feeds between them; and for predict, inputs alone, and the
     * numbers of rows as the last column. */
    const char *class_names, *feature_names;
    bool without_target, with_row_numbers;
} table_settings;

/* The options, for the parser of data; its input is a table_settings. */
extern const struct argp table_argp;

/* The name of one that is given, or NULL. */
const char *table_option_given(const table_settings *table);
/* Options win over what the checkpoint says; is_same: the data are those of the run. has_target: something says which
 * columns are targets. */
void table_fill_in(table_settings *table, const table_settings *saved, bool is_same, bool without_header,
                   bool has_target);

/* Names with line feeds between them, NULL if there are none, or if one has a line feed itself; to be freed. */
char *table_class_names(const bg_dataset *dataset);
char *table_feature_names(const bg_dataset *dataset);
/* As an array that ends with NULL, to be freed; NULL for NULL or if memory is out. */
char **table_split_names(const char *names);

/* Those that are given, for the log. */
void table_describe(const table_settings *table, event *e);

/* Reads the table. Of `fill`, the fields that these settings have are set. */
bg_status table_read(bg_dataset **dataset, bg_engine *engine, const char *path, bg_data_options fill,
                     const table_settings *table);

/* In the metadata of a checkpoint. Paths and names that are not UTF-8 are left out. */
bg_status table_save(bg_archive *archive, const table_settings *table);
void table_load(const bg_archive *archive, table_settings *table);

#endif
