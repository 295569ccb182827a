/* Examples of a data set, whether they are in memory or not. */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include <blasgrad/data.h>

/* What an example gives the network. */
bg_column data_inputs(const bg_dataset *dataset);

/* A tensor for n examples of a column, DATA_ROWS at most, and those from number `first` on into it, whether they are in
 * memory or not. */
enum { DATA_ROWS = 256 };
bg_status data_make_rows(bg_tensor **rows, bg_engine *engine, const bg_dataset *dataset, int column, int64_t n);
bg_status data_read_rows(bg_tensor *rows, const bg_dataset *dataset, int column, int64_t first);
/* All numbers of a column in order, until `take` returns false. */
typedef bool data_take(void *user, double number);
bg_status data_each_number(bg_engine *engine, const bg_dataset *dataset, int column, data_take *take, void *user);

#endif
