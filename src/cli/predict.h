/* The two forms of blasgrad predict. */
#ifndef PREDICT_H
#define PREDICT_H

#include "checkpoint.h"
#include "options.h"

typedef struct {
    common_options common;
    data_settings data;
    const char *checkpoint, *model; /* model: for files that do not say it themselves */
    const char *output;             /* NULL or "-": standard output */
    const char *prompt;             /* NULL: data */
    int64_t length;
    double temperature;
} predict_config;

/* The network's outputs for all examples of the data, written to a file. 0, or the exit code after a message; so the
 * other. */
int predict_data(const predict_config *config, bg_engine *engine, const bg_archive *archive,
                 const checkpoint_about *about);
/* Goes on with the prompt, token by token, on standard output. */
int predict_text(const predict_config *config, bg_engine *engine, const bg_archive *archive,
                 const checkpoint_about *about);

#endif
