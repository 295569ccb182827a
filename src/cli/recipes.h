/* What suits each kind of data where the options leave it open. */
#ifndef RECIPES_H
#define RECIPES_H

#include "data_source.h"

enum { RECIPE_WHOLE = 0 }; /* batch: all examples */

typedef struct {
    data_kind kind;
    const char *loss, *model, *optimizer; /* model NULL: one layer of as many outputs as the targets need */
    double learning_rate, momentum;
    int64_t batch, epochs;
    bg_dtype dtype;
} recipe;

/* For a kind of data and, if a loss was asked for, that loss, or one for the same targets; there is always one. */
const recipe *recipe_find(data_kind kind, const char *loss);
/* Whether the loss is one for the targets of the data. 0, or the exit code after a message. */
int recipe_check_loss(const data_settings *data, const char *loss);

#endif
