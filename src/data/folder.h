/* Folders of files that are one data set. */
#ifndef BGI_FOLDER_H
#define BGI_FOLDER_H

#include <blasgrad/data.h>

#include "data/names.h"
#include "io/temporary.h"

/* Whether the path is that of a folder. */
bool bgi_folder_is(const char *path);
/* The paths of its files, in the order of their names, byte by byte; those that begin with a dot are none.
 * BG_ERR_FORMAT if there are no files, or there is anything else: a folder, a pipe; BG_ERR_IO if it cannot be read.
 * The list is to be released also if that fails. */
bg_status bgi_folder_list(bgi_names *paths, bg_engine *engine, const char *caller, const char *folder);

/* What files of a folder have to do with each other: the number of the one that is read, from 0, and, of tables that
 * are streamed, the file with the rows of all. */
typedef struct {
    int64_t number;
    bgi_temporary *rows;
} bgi_folder_state;

/* Reads one file of a folder, or, if state is NULL, one alone. */
typedef bg_status bgi_file_reader(bg_dataset **dataset, bg_engine *engine, const char *path,
                                  const bg_data_options *options, bgi_folder_state *state);
/* Reads all of them, each with the file of the same place in the folder of targets, if there is one, and joins them. */
bg_status bgi_folder_read(bg_dataset **dataset, bg_engine *engine, const char *caller, const char *folder,
                          const bg_data_options *options, bgi_file_reader *read);

#endif
