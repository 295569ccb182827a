/* One run of `blasgrad train`, as the files train*.c share it. */
#ifndef TRAIN_JOB_H
#define TRAIN_JOB_H

#include "best_model.h"
#include "rundir.h"
#include "train_config.h"

/* Of each example its loss, in the step that took it, if it was not skipped. */
typedef struct {
    double loss, examples;
} loss_sum;

/* Why a run ends before its last epoch. */
typedef enum { END_NONE, END_STEPS, END_TIME, END_EARLY } train_end;

typedef struct {
    train_config config;
    char default_model[32];
    char *class_names; /* of a table; or NULL */
    char *training;    /* what checkpoints say of it */
    network_choice network;
    bg_engine *engine;
    data_parts data;
    uint64_t data_hash, config_hash; /* of the data; of the options that have to stay */
    bg_model *model;
    bg_tensor *class_weights; /* or NULL */
    bg_adversarial adversarial;
    input_transform transform; /* of inputs, in the network */
    transform_texts saved;     /* of the run that goes on */
    bg_trainer *trainer;
    bg_schedule schedule_parts[2];
    checkpoint_about about;
    rundir *run;     /* NULL without --out */
    best_model best; /* kept for --out, and where a part for validation chooses it */
    int64_t steps_in_epoch;
    /* Where the run stands: whole epochs done, and steps. */
    struct {
        int64_t epoch, step;
    } place;
    bg_progress last; /* of the last call at the end of an epoch, or else the last */
    double last_draw;
    loss_sum epochs, logged; /* of whole epochs; up to the last event of --log-every */
    double lowest_loss;      /* of the ends of epochs, as --early-stopping counts */
    int64_t epochs_since_lowest;
    double begin, begin_share; /* of this program's part of the run: the clock, and how much was done before it */
    train_end end;
    bool is_complete; /* saved as it is at the end; another step makes it untrue */
    int code; /* why a callback asked to stop: a failure that was reported; 0: a signal, or nobody reads the output */
} train_job;

/* ---- train.c ---- */
/* The part that is evaluated behind each epoch, and says which parameters are the best; NULL if nothing is held out. */
const bg_dataset *train_watched(const train_job *job);
/* What it is called in logs: "validation", or "test" where nothing is held out for validation. */
const char *train_watched_name(const train_job *job);

/* ---- train_setup.c ---- */
/* The engine, the data, the model with its first values, and the trainer. 0, or the exit code after a message. */
int train_set_up(train_job *job);
int64_t train_count_parameters(const bg_model *model);

/* ---- train_state.c ---- */
/* What a checkpoint has to say so that the run can go on from it, beside its tensors. */
event *train_state(const train_job *job);
/* Puts back what a checkpoint holds, after checks that data and network are those of the run. Another machine is a
 * warning. 0, or the exit code after a message. */
int train_restore(train_job *job, const bg_archive *archive, const event *state);

/* ---- train_events.c ---- */
/* Writes the event to the log and, with --json, to standard output; takes it over. */
void train_emit(train_job *job, event *e);
void train_show_start(train_job *job, const event *fields, bool is_resumed);
void train_show_epoch(train_job *job, const bg_progress *progress);
/* The mean loss of the steps since the last such event. */
void train_show_steps(train_job *job, const bg_progress *progress, loss_sum sum);
void train_draw(train_job *job, const bg_progress *progress);
/* How much of the run is done, by epochs, steps or time, whichever will end it. */
double train_share_done(const train_job *job, const bg_progress *progress);
/* The metrics of the parts, each NULL if there is none. */
void train_show_done(train_job *job, const bg_metrics *train, const bg_metrics *validation, const bg_metrics *test);

#endif
