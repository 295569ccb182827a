/* Rows in a temporary file: of tables that do not stay in memory, or whose rows could not be counted before. */
#ifndef BGI_CSV_SPOOL_H
#define BGI_CSV_SPOOL_H

#include "data/csv_rows.h"

/* Makes room in the table for some rows, and moves those that are there to a temporary file. */
bg_status bgi_csv_spool_rows(bgi_csv_table *table);
/* Brings all rows into memory, and gives up the file. */
bg_status bgi_csv_unspool(bgi_csv_table *table);
/* As bgi_csv_make_dataset, of the rows in that file, which goes over to the data set. */
bg_status bgi_csv_spool_dataset(bg_dataset **dataset, bgi_csv_table *table, const char *path, bgi_names *feature_names);
/* NULL is allowed. */
void bgi_csv_spool_destroy(bgi_csv_spool *spool);

#endif
