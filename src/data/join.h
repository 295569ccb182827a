/* Data sets one behind the other. */
#ifndef BGI_JOIN_H
#define BGI_JOIN_H

#include "data/csv_labels.h"
#include "data/dataset.h"

/* As bgi_dataset_join, of parts that agree and are `size` examples together, some of them not in memory. The labels are
 * all names of classes where they are to be numbered by these, or NULL. */
bg_status bgi_dataset_join_sources(bg_dataset **all, const char *name, bg_dataset *const *parts, int n, int64_t size,
                                   int64_t classes, const bgi_labels *labels);

/* The number in the list of each name of the part's classes. */
void bgi_join_numbers(int64_t *numbers, const bg_dataset *part, const bgi_labels *labels);
/* Gives classes of the part these numbers. BG_ERR_ARGUMENT for one that has none. */
bg_status bgi_join_renumber(int64_t *classes, int64_t n, const int64_t *numbers, const bg_dataset *part,
                            const char *caller);

#endif
