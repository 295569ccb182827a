/* The parts of data: for training, for validation and for the test. */
#ifndef DATA_PARTS_H
#define DATA_PARTS_H

#include "data_source.h"

/* Whether options of parts agree with each other and with the kind of data. 0, or the exit code after a message; so the
 * others. */
int data_parts_check(const data_settings *settings);
/* Reads the parts that have files of their own, as the training part was read: the same columns and classes. */
int data_parts_read(data_parts *parts, bg_engine *engine, const data_settings *settings);
/* Holds examples of the training part out, if the options or the kind say so: first those of the test, so that it is
 * the same with validation and without. */
int data_parts_cut(data_parts *parts, const data_settings *settings);

#endif
