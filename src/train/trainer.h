/* The trainer from the inside. */
#ifndef BGI_TRAINER_H
#define BGI_TRAINER_H

#include <blasgrad/train.h>

#include "base/engine.h"

#include <pthread.h>

/* Enough for the full and the last batch of training, both adding and applying gradients, of a test set, and of a third
 * data set, with some to spare. */
enum { BGI_TRAINER_PROGRAMS = 12 };

/* What a program does: computes the loss alone, adds its gradients to those of the step, or updates the parameters. */
typedef enum { BGI_EVALUATES, BGI_ADDS, BGI_UPDATES } bgi_purpose;

/* The tensors of a batch, and what reading into them takes. */
typedef struct {
    bg_engine *engine;
    int64_t size; /* examples */
    int n_columns;
    bg_tensor **columns;
    void **data;       /* of the columns */
    int64_t *examples; /* their numbers */
} bgi_batch_memory;

/* A program for one batch shape, and the batch that its inputs are bound to. */
typedef struct {
    bg_program *program;
    bgi_purpose purpose;
    bgi_batch_memory batch;
    bool has_prediction; /* as output 1, where it is asked for; output 0 is the mean loss */
    bool counts_answers; /* of the prediction, as classes */
    uint64_t used;       /* when, for replacing the one not used for longest */
    uint64_t content;    /* the fit whose whole data set the batch holds; 0: some batch */
    /* Of an optimizer that is a driver, and the updates are those that the graph holds without it. */
    const bg_driver *driver; /* NULL: a rule */
    void *driven;            /* its object, for the loss of this batch */
    bool has_effects;        /* there are such updates */
} bgi_batch_program;

/* The inputs of a training program. */
enum { BGI_LEARNING_RATE, BGI_STEP, BGI_MOMENTUM, BGI_ACCUMULATED, BGI_RUN_WEIGHT, BGI_AVERAGE_WEIGHT, BGI_SCALARS };

typedef struct {
    double loss; /* of each batch, times its examples */
    int64_t examples;
    int64_t right, answers;
} bgi_sums;

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
    double accumulated; /* examples in the gradients that are added up, or the weights of their classes */
    bg_plateau plateau;
    double seconds;
    bgi_sums sums;                     /* of the epoch that is not done, or else of the last one, as its seconds */
    double epoch_seconds, epoch_stall; /* of the epoch: in steps, and there for want of their examples */
    bool is_fitting;
    uint64_t fits;
    uint64_t clock; /* counts look-ups */
    bgi_batch_program programs[BGI_TRAINER_PROGRAMS];
    bgi_batch_program driven; /* of a driver: the program of its steps, in place of those that update */
};

/* ---- programs.c ---- */
/* Whether the data set is one that the trainer can build programs for; caller names the operation. */
bg_status bgi_trainer_check(const bg_trainer *trainer, const bg_dataset *dataset, const char *caller);
/* The program for batches of `batch` examples like those of the data set. Valid until the next call. */
bg_status bgi_trainer_find_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch, bgi_purpose purpose,
                                   bgi_batch_program **found);
void bgi_batch_program_release(bgi_batch_program *entry);

/* The graph of a batch: its inputs, the loss, and the prediction if it counts answers. */
typedef struct {
    bg_graph *graph;
    bg_node **inputs; /* as many as the batch has columns */
    bg_node *outputs[2];
    bg_node *prediction;           /* NULL: of a step */
    bg_node *scalars[BGI_SCALARS]; /* NULL: not used */
} bgi_batch_graph;
/* Builds it for the entry's purpose, and frees it. */
bg_status bgi_batch_graph_build(bg_trainer *trainer, const bg_dataset *dataset, bgi_batch_program *entry,
                                bgi_batch_graph *built);
void bgi_batch_graph_release(bg_trainer *trainer, const bgi_batch_program *entry, bgi_batch_graph *built);

/* ---- driven.c ---- */
/* Whether the optimizer goes with the other options. */
bg_status bgi_driver_check(const bg_trainer_options *options);
/* Makes the driver's object for the loss of the graph, on the entry's batch. */
bg_status bgi_driven_build(bg_trainer *trainer, const bgi_batch_graph *built, bgi_batch_program *entry);
/* Takes the memory of so many steps. */
bg_status bgi_driven_reserve(bg_trainer *trainer, int64_t steps);
bg_status bgi_driven_pass_on(const bgi_batch_program *from, bgi_batch_program *to);
bool bgi_driven_has_converged(const bg_trainer *trainer);
double bgi_driven_damping(const bg_trainer *trainer);
bg_status bgi_driven_save(const bg_trainer *trainer, bg_archive *archive);
/* Puts back what the driver saved, if there is one; all or nothing. */
bg_status bgi_driven_load(bg_trainer *trainer, const bg_archive *archive);
/* Whether a name of an archive is one of the driver's. */
bool bgi_driven_owns(const bg_trainer *trainer, const char *name);

/* ---- batches.c ---- */
/* The order in which an epoch takes the examples of a data set. */
typedef struct {
    uint64_t n;
    uint64_t seed, stream;
    bool is_shuffled;
    /* What changes the examples that are taken in this order, or NULL. */
    const bg_augmentation *augmentation;
    const bgk_table *kernels;
    int64_t epoch;
} bgi_order;
bgi_order bgi_order_of_epoch(const bg_trainer *trainer, int64_t n, int64_t epoch);
/* The examples of a batch: `size` of them, from place `start` of the order on. */
typedef struct {
    bgi_order order;
    int64_t start, size;
} bgi_span;
/* Room for `size` examples like those of the data set; also after an error it has to be released. */
bg_status bgi_batch_memory_create(bgi_batch_memory *memory, bg_engine *engine, const bg_dataset *dataset, int64_t size);
void bgi_batch_memory_release(bgi_batch_memory *memory);
/* Exchanges what two of one size hold. */
void bgi_batch_memory_swap(bgi_batch_memory *a, bgi_batch_memory *b);
/* Brings the examples into memory of their number. */
bg_status bgi_span_read(const bgi_span *span, const bg_dataset *dataset, bgi_batch_memory *memory);

/* ---- feed.c ---- */
typedef enum { BGI_FEED_IDLE, BGI_FEED_ASKED, BGI_FEED_READY, BGI_FEED_ENDS } bgi_feed_state;
/* A thread that reads the examples of the next batch while one runs. */
typedef struct {
    bg_engine *engine;
    const char *caller; /* for messages */
    const bg_dataset *dataset;
    bgi_batch_memory whole, rest; /* for a batch, and for a smaller one behind the others */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bgi_feed_state state;
    bgi_span span;    /* what was asked for */
    bg_status status; /* of reading them */
    char message[512];
} bgi_feed;
/* For batches of `batch` examples, and of what is left of the data set. */
bg_status bgi_feed_begin(bgi_feed *feed, bg_engine *engine, const char *caller, const bg_dataset *dataset,
                         int64_t batch);
/* Has the thread read these examples; those asked for before were taken. */
void bgi_feed_ask(bgi_feed *feed, const bgi_span *span);
/* Waits for these examples, the ones that were asked for last, or asks for them. */
bg_status bgi_feed_take(bgi_feed *feed, const bgi_span *span, bgi_batch_memory *memory);
/* Ends the thread; also after an error of _begin. */
void bgi_feed_end(bgi_feed *feed);

/* ---- step.c ---- */
/* A batch of training from the fit's data. */
typedef struct {
    const bg_dataset *dataset;
    const bgi_span *span;
    bgi_feed *feed;       /* NULL: the step reads the examples itself */
    const bgi_span *next; /* what the feed is to read during the step, or NULL */
    bool is_whole;        /* the whole data set, in its order */
    bool is_last;         /* of its update */
} bgi_batch;
bg_status bgi_trainer_step(bg_trainer *trainer, const bgi_batch *batch);
/* At the end of an epoch: a plateau takes in its metric. */
bg_status bgi_trainer_follow(bg_trainer *trainer, const bg_metrics *metrics);

/* ---- anomaly.c ---- */
/* Finds the op that made the first infinite or NaN value of the batch that the entry holds, on the way to its loss, or
 * else to a gradient, and writes a sentence about it; an empty text if it cannot be found. BG_OK or BG_ERR_NOMEM. */
bg_status bgi_trainer_find_anomaly(bg_trainer *trainer, const bg_dataset *dataset, const bgi_batch_program *entry,
                                   char *text, size_t capacity);

/* ---- evaluate.c ---- */
/* Adds what the entry's program put out in its last run; gives the loss of that run. */
double bgi_sums_add(bgi_sums *sums, const bgi_batch_program *entry);
bg_metrics bgi_sums_means(const bgi_sums *sums);
/* Builds the programs that an evaluation needs, so that the evaluation itself takes memory for reading ahead at most.
 */
bg_status bgi_trainer_prepare_evaluation(bg_trainer *trainer, const bg_dataset *dataset);

#endif
