/* Pictures of a trained network: its mistakes, and its first layer. */
#ifndef PLOT_MODEL_H
#define PLOT_MODEL_H

#include "checkpoint.h"

typedef enum { PICTURE_CONFUSION, PICTURE_WRONG, PICTURE_FILTERS } model_picture;

/* Draws one of the best checkpoint of a run directory, or the last if there is no best one. 0, or the exit code after a
 * message. */
int plot_model(model_picture kind, const char *run, const char *picture);

/* ---- The kinds, each in a file of its own ---- */

/* What a network predicts for the examples held out for the test, or else for validation, or for all if none are. */
typedef struct {
    const char *data; /* its name */
    bg_engine *engine;
    const bg_dataset *part;
    const char *part_name; /* "test ", "validation " or "" */
    int64_t n, classes;
    int32_t *actual, *predicted;
} predictions;
/* "digits, 359 test examples". */
void predictions_describe(const predictions *p, char *text, size_t capacity);

int plot_confusion(const predictions *p, const char *picture);
int plot_wrong(const predictions *p, const char *picture);
int plot_filters(const bg_archive *archive, const char *path, const char *picture);

#endif
