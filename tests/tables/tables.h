/* Tables and what is read of them; tables that cannot be read, and what is said of them. */
#ifndef BLASGRAD_TESTS_TABLES_H
#define BLASGRAD_TESTS_TABLES_H

#include <blasgrad/data.h>

enum { NONE = -12345 }; /* stands for NaN in the tables below */

typedef struct {
    const char *name, *text, *targets; /* targets: the text of the file of targets, or NULL */
    bg_data_options options;
    int rows, features, outputs; /* outputs: targets of a row; 0: none; -1: classes */
    double x[12], y[8];
    const char *names[5]; /* of classes */
    int classes;          /* how many, if not as many as names; or 0 */
} table_case;
extern const table_case table_cases[];
extern const int table_case_count;

typedef struct {
    table_case table;
    bg_status status;
    const char *says;
} wrong_table;
extern const wrong_table wrong_tables[];
extern const int wrong_table_count;

#endif
