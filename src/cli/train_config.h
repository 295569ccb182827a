/* What a training run is made of: options over the defaults of each kind of data. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include "data_source.h"
#include "events.h"
#include "optimizer_options.h"
#include "options.h"

typedef enum { METHOD_SGD, METHOD_LSTSQ } train_method;

typedef struct {
    common_options common;
    data_settings data;
    const char *model; /* NULL until the data are known: one layer of as many scores as there are classes */
    const char *loss;
    optimizer_settings optimizer;
    const char *step_option; /* of batch and epochs: the last one given, or NULL */
    train_method method;
    int64_t batch, epochs;
    int64_t steps, log_every; /* 0: no limit; no events of steps */
    bool epochs_suit_steps;   /* as many as the steps take */
    const char *init, *out;
} train_config;

/* Parses the arguments and fills in what they leave open. 0, or the exit code after a message. */
int train_config_parse(train_config *config, int argc, char **argv);
/* All settings, for the start of the log and for config.json. */
void train_config_describe(const train_config *config, event *e);

#endif
