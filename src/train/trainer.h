/* The trainer from the inside. */
#ifndef BGI_TRAINER_H
#define BGI_TRAINER_H

#include <blasgrad/train.h>

#include "base/engine.h"

/* Enough for the full and the last batch of training, both adding and applying gradients, of a test set, and of a third
 * data set, with some to spare. */
enum { BGI_TRAINER_PROGRAMS = 12 };

/* What a program does: computes the loss alone, adds its gradients to those of the step, or updates the parameters. */
typedef enum { BGI_EVALUATES, BGI_ADDS, BGI_UPDATES } bgi_purpose;

/* A program for one batch shape, and the tensors of the batch that its inputs are bound to. */
typedef struct {
    bg_program *program;
    bgi_purpose purpose;
    int64_t batch;
    int n_columns;
    bg_tensor **columns;
    bool has_prediction; /* as output 1, for counting right answers; output 0 is the mean loss */
    uint64_t used;       /* when, for replacing the one not used for longest */
    uint64_t content;    /* the fit whose whole data set the batch holds; 0: some batch */
} bgi_batch_program;

/* The inputs of a training program. */
enum { BGI_LEARNING_RATE, BGI_STEP, BGI_MOMENTUM, BGI_ACCUMULATED, BGI_AVERAGE_WEIGHT, BGI_SCALARS };

struct bg_trainer {
    bg_engine *engine;
    bg_model *model;
    bg_trainer_options options;
    bg_tensor *scalars[BGI_SCALARS]; /* f64, bound to each training program */
    double learning_rate;            /* of the schedule's base */
    double last_rate;
    int64_t epoch, step;   /* done in all */
    int64_t step_in_epoch; /* of the epoch that is not done */
    int64_t updates, skipped;
    int64_t averaged;   /* updates that are in the averages */
    double accumulated; /* examples in the gradients that are added up */
    bg_plateau plateau;
    double seconds;
    bool is_fitting;
    uint64_t fits;
    uint64_t clock; /* counts look-ups */
    bgi_batch_program programs[BGI_TRAINER_PROGRAMS];
};

/* ---- programs.c ---- */
/* Whether the data set is one that the trainer can build programs for; caller names the operation. */
bg_status bgi_trainer_check(const bg_trainer *trainer, const bg_dataset *dataset, const char *caller);
/* The program for batches of `batch` examples like those of the data set. Valid until the next call. */
bg_status bgi_trainer_find_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch, bgi_purpose purpose,
                                   bgi_batch_program **found);
void bgi_batch_program_release(bg_trainer *trainer, bgi_batch_program *entry);

/* ---- batches.c ---- */
/* The order in which an epoch takes the examples of a data set. */
typedef struct {
    uint64_t n;
    uint64_t seed, stream;
    bool is_shuffled;
} bgi_order;
bgi_order bgi_order_of_epoch(const bg_trainer *trainer, int64_t n, int64_t epoch);
/* Copies examples start, start + 1, .. of the order into the entry's batch. */
void bgi_gather_batch(bgi_batch_program *entry, const bg_dataset *dataset, const bgi_order *order, int64_t start);

typedef struct {
    double loss; /* of each batch, times its examples */
    int64_t examples;
    int64_t right, answers;
} bgi_sums;

/* ---- step.c ---- */
/* A batch of training from the fit's data: position `start` of the order, `size` examples; is_last of its step. */
typedef struct {
    const bg_dataset *dataset;
    const bgi_order *order;
    int64_t start, size;
    bool is_whole; /* the whole data set, in its order */
    bool is_last;
} bgi_batch;
bg_status bgi_trainer_step(bg_trainer *trainer, const bgi_batch *batch, bgi_sums *sums);
/* At the end of an epoch: a plateau takes in its metric. */
bg_status bgi_trainer_follow(bg_trainer *trainer, const bg_metrics *metrics);

/* ---- evaluate.c ---- */
/* Adds what the entry's program put out in its last run; gives the loss of that run. */
double bgi_sums_add(bgi_sums *sums, const bgi_batch_program *entry);
bg_metrics bgi_sums_means(const bgi_sums *sums);
/* Builds the programs that an evaluation needs, so that the evaluation itself takes no memory. */
bg_status bgi_trainer_prepare_evaluation(bg_trainer *trainer, const bg_dataset *dataset);

#endif
