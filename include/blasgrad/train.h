/* The training loop. */
#ifndef BLASGRAD_TRAIN_H
#define BLASGRAD_TRAIN_H

#include <blasgrad/data.h>
#include <blasgrad/optim.h>
#include <blasgrad/schedule.h>
#include <blasgrad/program.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_trainer bg_trainer;

/* A network: the prediction from the model and a batch of inputs. */
typedef bg_node *bg_network(bg_model *model, bg_node *x, void *user);
/* A training step: the mean loss from any number of data columns. */
typedef bg_node *bg_train_step(bg_model *model, bg_node *const *columns, int n, void *user);

typedef struct {
    bg_network *network; /* network and loss, or step */
    bg_loss *loss;
    bg_train_step *step;
    void *user;
    bg_optimizer optimizer;
    int64_t batch;  /* examples a step; default 32 */
    int64_t epochs; /* default 1 */
    bool without_shuffle;
} bg_trainer_options;

/* BG_ERR_ARGUMENT if network or loss is missing beside no step, or a number makes no sense. */
BG_API bg_status bg_trainer_create(bg_trainer **trainer, bg_model *model, const bg_trainer_options *options);
BG_API void bg_trainer_destroy(bg_trainer *trainer);

/* Means over examples, summed in f64. accuracy: the share of rows whose largest score is the target class (the first of
 * equals), if the data have classes. */
typedef struct {
    double loss;
    bool has_accuracy;
    double accuracy;
} bg_metrics;

typedef struct {
    int64_t epoch; /* from 1 */
    int64_t step;  /* steps done in all */
    int64_t steps_in_epoch, step_in_epoch;
    bg_metrics train; /* of this epoch so far: over each batch before its update */
    bool has_test;
    bg_metrics test;
    double seconds;            /* in training steps, in all */
    double samples_per_second; /* of this epoch's training steps */
    bool epoch_is_done;        /* false in the calls between */
} bg_progress;

/* Called after every epoch, and between, at step boundaries, some ten times a second. Return false to stop: fit then
 * returns BG_ERR_STOPPED at this step boundary. */
typedef bool bg_progress_callback(bg_trainer *trainer, const bg_progress *progress, void *user);

/* Trains for the trainer's epochs, in an order that the engine's seed and the epoch's number give; the last batch of an
 * epoch may be smaller. test and on_progress may be NULL. A loss that is not finite is BG_ERR_NUMERIC with the step's
 * number. */
BG_API bg_status bg_trainer_fit(bg_trainer *trainer, const bg_dataset *train, const bg_dataset *test,
                                bg_progress_callback *on_progress, void *user);

/* The loss and accuracy of the model on a data set, without training it. */
BG_API bg_status bg_trainer_evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics);

/* The learning rate of the steps to come. */
BG_API void bg_trainer_set_learning_rate(bg_trainer *trainer, double learning_rate);

/* The program of the trainer's step for a batch of this many examples like those of the data set, made if need be; it
 * belongs to the trainer. For reports, dumps and benchmarks. */
BG_API bg_status bg_trainer_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch,
                                    const bg_program **program);

#ifdef __cplusplus
}
#endif
#endif
