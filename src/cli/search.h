/* `blasgrad search`, as the files search*.c share it: methods that look for the parameters of one network with one
 * budget. */
#ifndef SEARCH_H
#define SEARCH_H

#include "checkpoint.h"
#include "data_source.h"
#include "events.h"
#include "options.h"
#include "run_log.h"

#include <blasgrad/population.h>
#include <blasgrad/train.h>

enum { SEARCH_METHODS_MAX = 16 };

typedef enum { BY_SEARCH, BY_GRADIENT, BY_LSTSQ } search_kind;
typedef struct {
    const char *name;
    search_kind kind;
    bg_search_method search;
    bg_optimizer optimizer;
} search_choice;

/* What a budget counts. */
typedef enum { AXIS_EVALUATIONS, AXIS_FLOPS, AXIS_SECONDS } search_axis;
/* A gradient costs the forward products and, for its two factors each, twice as many backward. */
enum { EVALUATIONS_OF_GRADIENT = 3 };

typedef struct {
    common_options common;
    data_settings data;
    const char *model, *loss;
    search_choice methods[SEARCH_METHODS_MAX];
    int n_methods;
    bool compares;
    search_axis axis;
    double budget;
    int64_t seeds;
    /* What was given for methods; 0 and false where nothing was. */
    int64_t population, restarts, batch;
    bg_optional sigma, learning_rate, momentum;
    bool has_bounds;
    double lower, upper;
    const char *picture, *out;
    bool plots;
} search_config;

/* Places along the budget, at which runs are compared: 20 to a factor of ten, from 1/1000 of it to all of it. */
enum { SEARCH_PLACES = 61 };
double search_place(const search_config *config, int i);

/* What a method has found with a seed. */
typedef struct {
    int method;
    uint64_t seed;
    double losses[SEARCH_PLACES]; /* the best one when so much was spent; NaN where a signal came before */
    double loss, evaluations, flops, seconds;
    int64_t generations; /* or steps */
    bool is_done;
    char reason[80]; /* why it ended before the budget was spent; "": it did not */
} search_result;

typedef struct {
    search_config config;
    char default_model[32];
    char *class_names;
    bg_engine *engine;
    data_parts data;
    network_choice network;
    checkpoint_about about;
    bg_model *model; /* the network, for its dimension and for what was found */
    int64_t dimension;
    double loss_flops; /* of one loss on the examples of a generation */
    search_result *results;
    int n_results;
    double *best; /* the parameters of the least loss of all results */
    const search_result *best_result;
    run_log log;
} search_job;

/* ---- search_options.c ---- */
/* Parses the arguments. 0, or the exit code after a message. */
int search_config_parse(search_config *config, int argc, char **argv);
const char *search_axis_name(search_axis axis);

/* ---- search_run.c ---- */
/* Whether a method can begin with this budget. 0, or the exit code after a message. */
int search_check(search_job *job, int method);
/* One method with one seed: fills in the result, and the job's best. 0, or the exit code after a message; 128 and a
 * signal's number if one came. */
int search_run(search_job *job, search_result *result);

/* ---- search_report.c ---- */
/* Writes an event to the log and, with --json, to standard output; takes it over. 0, or the exit code after a message.
 */
int search_emit(search_job *job, event *e);
int search_show_start(search_job *job);
int search_show_result(search_job *job, const search_result *result);
/* Of several methods, the table of medians and quartiles. */
int search_show_table(search_job *job);
/* The end: what the best result is. metrics: of the training examples and of those held out, each NULL if there is
 * none. */
int search_show_done(search_job *job, const bg_metrics *train, const bg_metrics *test);
/* Quartile 1, 2 or 3 of the losses of a method at a place, over its results that came there; NaN if none did. */
double search_quartile(const search_job *job, int method, int place, int quartile);

/* ---- search_plot.c ---- */
/* The medians against the budget, with the quartiles as bands. 0, or the exit code after a message. */
int search_draw(const search_job *job, const char *picture);

#endif
