/* How data are cut into parts, scaled, and changed at random. */
#ifndef PARTS_OPTIONS_H
#define PARTS_OPTIONS_H

#include "events.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <argp.h>

/* A part that may have a file of its own, and its targets one of their own; NULL where no option says so. */
typedef struct {
    const char *data, *target_file;
} part_file;

/* What the options say; false, 0 and NULL where they do not. */
typedef struct {
    bool is_stratified;
    double validation_share; /* 0: nothing */
    part_file validation, test;
    const char *scale;  /* "standard" or "min-max" */
    bool is_in_network; /* the network scales, and the data stay as they are; no option */
    const char *values; /* of a run, no option: shift and scale of each input, blanks between them */
    bg_augmentation augmentation;
} parts_settings;

/* The options, for the parser of train: other commands do as the run did. Its input is a parts_settings. */
extern const struct argp parts_argp;

/* The name of one that is given, or NULL. */
const char *parts_option_given(const parts_settings *settings);
/* What the checkpoint says: a network wants its inputs scaled as they were, whatever the data; is_same: the data are
 * those of the run, and cut as there. */
void parts_fill_in(parts_settings *settings, const parts_settings *saved, bool is_same);
/* All examples are one part then. */
void parts_hold_nothing_out(parts_settings *settings);
/* Those that are given, for the log. */
void parts_describe(const parts_settings *settings, event *e);

/* Scales the inputs of all parts (each but the first may be NULL), unless the network does, by the values of the
 * settings, or by what the first part shows. *values: those, to be freed; NULL where nothing is scaled. 0, or the exit
 * code after a message. */
int parts_scale(bg_dataset **const *parts, int n, bg_engine *engine, const parts_settings *settings, char **values);

/* The values as tensors, f64, of the shape of an example of the data of this name. 0, or the exit code after a message.
 */
int parts_take_values(bg_tensor **shift, bg_tensor **scale, bg_engine *engine, const char *data, bg_shape shape,
                      const char *values);

/* In the metadata of a checkpoint. Paths that are not UTF-8 are left out. */
bg_status parts_save(bg_archive *archive, const parts_settings *settings);
void parts_load(const bg_archive *archive, parts_settings *settings);

#endif
