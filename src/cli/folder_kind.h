/* What a folder of data holds, by the names of its files. */
#ifndef FOLDER_KIND_H
#define FOLDER_KIND_H

#include "data_source.h"

/* Finds out the kind of data: MNIST or CIFAR where one of their files is there; a text where are_texts says so; else
 * tables, arrays or texts, if all files are of one such kind. is_npz: arrays in NPZ files. 0, or the exit code after a
 * message that lists what is there, and what there may be. */
int folder_kind_find(data_kind *kind, bool *is_npz, const char *folder, bool are_texts);

#endif
