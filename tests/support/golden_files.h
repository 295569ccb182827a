/* The golden files of ops: all that lie beside the generator, but for the training curves. */
#ifndef BLASGRAD_TESTS_GOLDEN_FILES_H
#define BLASGRAD_TESTS_GOLDEN_FILES_H

#include "golden.h"

/* Opens each in the order of names; the number of files. One that cannot be read is visited as NULL, with
 * golden_error() saying why. */
int golden_each(void (*visit)(const char *name, const golden_file *file, void *user), void *user);

#endif
