/* What a sweep searches: axes, and the settings that they come to. */
#ifndef SWEEP_SPACE_H
#define SWEEP_SPACE_H

#include "config_file.h"

enum { SWEEP_NAME_BYTES = 64, SWEEP_PATH_BYTES = 4096, SWEEP_RUNS_MAX = 1000000 };

typedef enum { AXIS_LIST, AXIS_UNIFORM, AXIS_LOG, AXIS_INT, AXIS_LOG_INT } axis_kind;

/* An axis is the option of train that has its name, or fills in {NAME} in the values of options. */
typedef struct {
    char name[SWEEP_NAME_BYTES];
    bool is_drawn; /* at random; otherwise it is one of the grid's */
    bool fills_in;
    bool is_flag; /* an option without a value: true or false */
    axis_kind kind;
    word_list values; /* of a list */
    double low, high; /* of the others; both can be drawn */
} sweep_axis;

typedef struct {
    const event *train; /* what is the same in all runs; belongs to the definition */
    sweep_axis *axes;
    size_t n_axes;
    int64_t points, draws; /* of the grid, and at random; each with each makes a setting */
    int64_t settings;
    int64_t seeds; /* runs of each setting */
    uint64_t seed; /* the first of them, and that of the draws */
} sweep_space;

/* Checks a definition, which has to live as long: objects "train", "grid" and "random" with a text for each option and
 * axis (true for an option without a value), "trials" and "seeds". 0, or the exit code after a message; so the others.
 */
int sweep_space_make(sweep_space *space, const event *definition);
void sweep_space_free(sweep_space *space);

/* The value of an axis in a setting: in `text` if it is a number that was drawn. */
enum { SWEEP_VALUE_BYTES = 32 };
const char *sweep_space_value(const sweep_space *space, size_t axis, int64_t setting, char text[SWEEP_VALUE_BYTES]);
/* "lr=0.1 optimizer=sgd" as far as there is room. Returns text. */
const char *sweep_space_describe(const sweep_space *space, int64_t setting, char *text, size_t capacity);

/* Runs are counted from 0, those of the first seed first. A run's name: 0007, or 0007-s2 with the seed 2. */
int64_t sweep_space_runs(const sweep_space *space);
const char *sweep_space_name(const sweep_space *space, int64_t run, char name[SWEEP_NAME_BYTES]);
/* The run's directory in that of the sweep. Returns path. */
const char *sweep_space_directory(const sweep_space *space, const char *out, int64_t run, char path[SWEEP_PATH_BYTES]);
/* The arguments of `blasgrad train` for it, behind "blasgrad train". */
int sweep_space_words(const sweep_space *space, const char *out, int64_t run, word_list *words);
/* The most threads that a run has. */
int64_t sweep_space_threads(const sweep_space *space);

#endif
