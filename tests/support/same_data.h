/* Data sets that are in memory, and the same ones that are not. */
#ifndef BLASGRAD_TESTS_SAME_DATA_H
#define BLASGRAD_TESTS_SAME_DATA_H

#include "values.h"

#include <dirent.h>
#include <stdlib.h>

/* The same form, and the same examples: in order, backwards, and some in a row. */
static inline void expect_same_data(const bg_dataset *streamed, const bg_dataset *loaded, const char *name)
{
    int64_t n = bg_dataset_size(loaded);
    uint64_t hashes[2];
    ck_assert_msg(bg_dataset_size(streamed) == n && bg_dataset_columns(streamed) == bg_dataset_columns(loaded) &&
                      bg_dataset_classes(streamed) == bg_dataset_classes(loaded),
                  "%s: sizes", name);
    ck_assert_str_eq(bg_dataset_name(streamed), bg_dataset_name(loaded));
    OK(bg_dataset_hash(&hashes[0], streamed));
    OK(bg_dataset_hash(&hashes[1], loaded));
    ck_assert_msg(hashes[0] == hashes[1], "%s: content", name);
    for (int c = 0; c < bg_dataset_columns(loaded); c++) {
        bg_shape shape = bg_dataset_shape(loaded, c);
        ck_assert_msg(bg_dataset_column(loaded, c) && !bg_dataset_column(streamed, c), "%s: column %d", name, c);
        size_t row = n ? (size_t)(bg_shape_count(shape) / n) * bg_dtype_size(bg_dataset_dtype(loaded, c)) : 0;
        unsigned char *rows[2] = { calloc((size_t)n * 2 + 1, row + 1), calloc((size_t)n * 2 + 1, row + 1) };
        int64_t *examples = calloc((size_t)n * 2 + 1, sizeof *examples);
        for (int64_t i = 0; i < n; i++) {
            examples[i] = n - 1 - i;
            examples[n + i] = (i + n / 2) % n;
        }
        for (int which = 0; which < 2; which++) {
            void *columns[3] = { NULL };
            columns[c] = rows[which];
            OK(bg_dataset_read(which ? loaded : streamed, examples, 2 * n, columns));
        }
        ck_assert_msg(memcmp(rows[0], rows[1], (size_t)n * 2 * row) == 0, "%s: examples of column %d", name, c);
        free(examples);
        free(rows[1]);
        free(rows[0]);
    }
}

/* Of this process. */
static inline int open_files(void)
{
    int count = 0;
    DIR *entries = opendir("/proc/self/fd");
    while (entries && readdir(entries))
        count++;
    if (entries)
        closedir(entries);
    return count;
}

#endif
