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
    const char *pca;    /* "20" components, or "0.95" of the variance */
    const char *whiten; /* "pca" or "zca" */
    bool has_eps;
    double whiten_eps;
    bool is_in_network; /* the network does what the last five say, and the data stay as they are; no option */
    /* What came of them in a run, no options: the texts of input_transform.h. */
    const char *values, *projection;
    double variance_share; /* that the projection keeps */
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

/* "20" is 20 components and a share of 0, "0.95" the other way round; false if it is neither. */
bool parts_parse_pca(const char *text, int64_t *components, double *share);
/* Whether inputs become others: by --scale, --pca or --whiten; by the latter two. */
bool parts_transform(const parts_settings *settings);
bool parts_projects(const parts_settings *settings);
/* Takes over what these options say and what came of them, texts as they are; whether two say the same. */
void parts_take_transform(parts_settings *settings, const parts_settings *saved);
bool parts_have_same_transform(const parts_settings *a, const parts_settings *b);

/* In the metadata of a checkpoint. Paths that are not UTF-8 are left out. */
bg_status parts_save(bg_archive *archive, const parts_settings *settings);
void parts_load(const bg_archive *archive, parts_settings *settings);

#endif
