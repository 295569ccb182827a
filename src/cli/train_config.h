/* What a training run is made of: options over the defaults of each kind of data. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include "adversarial_word.h"
#include "config_file.h"
#include "data_source.h"
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
    bool has_ridge;
    double ridge; /* of METHOD_LSTSQ */
    int64_t batch, epochs;
    int64_t steps, log_every, save_every; /* 0: no limit; no events of steps; no saves within an epoch */
    double seconds;                       /* 0: no limit */
    int64_t early_stopping;               /* epochs; 0: never */
    bool epochs_suit_steps;               /* as many as the steps take */
    bool detects_anomalies;
    const char *class_weights; /* as it was given, or NULL */
    adversarial_settings adversarial;
    const char *init, *out;
    bool resumes;    /* goes on with the run in `out` if there is one */
    word_list words; /* of all options: from files, and given; what the texts above are in */
    event *run;      /* config.json of the run to go on with, or NULL */
} train_config;

/* The options of a run, parsed by train_config_parse. */
extern const struct argp train_argp;

/* Parses the arguments, behind those of --config and, for a run to go on with, of its config.json, with which they must
 * agree; and fills in what they leave open. 0, or the exit code after a message. */
int train_config_parse(train_config *config, int argc, char **argv);
void train_config_release(train_config *config);
/* All settings, for the start of the log and for config.json, from which the same run can be made again. */
void train_config_describe(const train_config *config, event *e);

#endif
