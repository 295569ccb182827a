/* The options of `blasgrad sweep`: its own, and those of train that it hands on. */
#ifndef SWEEP_OPTIONS_H
#define SWEEP_OPTIONS_H

#include "config_file.h"

typedef struct {
    const char *out, *by;
    bool resumes, json;
    int64_t jobs;  /* 0: as many as there are cores for */
    event *given;  /* of the definition */
    event *train;  /* a part of it */
    word_list own; /* the sweep's own options, which the texts above are in */
} sweep_config;

/* Parses the arguments. 0, or the exit code after a message. */
int sweep_options_parse(sweep_config *config, int argc, char **argv);
void sweep_options_release(sweep_config *config);

#endif
