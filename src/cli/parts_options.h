/* How data are cut into parts, scaled, and changed at random. */
#ifndef PARTS_OPTIONS_H
#define PARTS_OPTIONS_H

#include "events.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <argp.h>

/* What the options say; false and NULL where they do not. */
typedef struct {
    bool is_stratified;
    const char *scale;  /* "standard" or "min-max" */
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
/* Those that are given, for the log. */
void parts_describe(const parts_settings *settings, event *e);

/* Scales the inputs of both parts (the second may be NULL), by the values of the settings, or by what the first part
 * shows. *values: those, to be freed; NULL where nothing is scaled. 0, or the exit code after a message. */
int parts_scale(bg_dataset **train, bg_dataset **test, bg_engine *engine, const parts_settings *settings,
                char **values);

/* In the metadata of a checkpoint. */
bg_status parts_save(bg_archive *archive, const parts_settings *settings);
void parts_load(const bg_archive *archive, parts_settings *settings);

#endif
