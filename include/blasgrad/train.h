/* The training loop. */
#ifndef BLASGRAD_TRAIN_H
#define BLASGRAD_TRAIN_H

#include <blasgrad/data.h>
#include <blasgrad/io.h>
#include <blasgrad/metrics.h>
#include <blasgrad/optim.h>
#include <blasgrad/program.h>
#include <blasgrad/schedule.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bg_trainer bg_trainer;

/* A training step: the mean loss from any number of data columns. */
typedef bg_node *bg_train_step(bg_model *model, bg_node *const *columns, int n, void *user);

/* Averages of the parameters, which evaluations use in their place: after each update average = decay average + (1 -
 * decay) parameter (EMA; Polyak, Juditsky, 1992), or the mean of the parameters after `every` updates each (SWA:
 * Izmailov et al., Averaging weights leads to wider optima and better generalization, 2018). Until update `start` + 1
 * the average is the parameter. Running statistics of the model are not averaged. */
typedef enum { BG_AVERAGE_NONE, BG_AVERAGE_EMA, BG_AVERAGE_SWA } bg_average_kind;
typedef struct {
    bg_average_kind kind;
    double decay;  /* EMA: 0 .. 1 */
    int64_t start; /* updates before the first that is averaged */
    int64_t every; /* default 1 */
} bg_averaging;

typedef struct {
    /* network and loss, or step; with all three, training takes the step, and evaluations network and loss. */
    bg_network *network;
    bg_loss *loss;
    bg_train_step *step;
    void *user;
    bg_optimizer optimizer;
    /* Of updates (or epochs) from the first one on. A plateau follows, epoch by epoch, the loss on the second set of
     * bg_trainer_fit, or the train loss without one; the accuracy if it is_maximized. */
    bg_schedule schedule;
    bg_averaging averaging;
    int64_t batch;  /* examples a run of the program; default 32, for a driver all */
    int64_t epochs; /* default 1 */
    /* epochs counts all that the trainer has done: a fit trains for those that are left, or not at all. */
    bool counts_all_epochs;
    /* Batches an update; default 1. Their gradients weigh as many examples as they have, or as these weigh by
     * class_weights, so that the update is that of one large batch; the last one of an epoch may have fewer. */
    int64_t accumulate;
    bool without_shuffle;
    bg_augmentation augmentation; /* of column 0 of training batches; evaluations see the data as they are */
    /* A step whose loss or gradient is infinite or NaN changes nothing and is counted as skipped, in place of an error;
     * sets optimizer.checks_finite. Of a step of several batches one that is not finite is enough: what was accumulated
     * is dropped, and the batches behind it only count as steps, but for what their runs do to buffers. */
    bool skips_nonfinite;
    /* Such a step changes nothing, and the error names the op that made the first such number, with the range of its
     * inputs: the batch is run again with every value kept. Sets optimizer.checks_finite. Of a step of several batches
     * each is checked; those before it stay accumulated. */
    bool detects_anomalies;
    /* [classes], floating: weights of the classes in the loss of training steps, which has to be bg_cross_entropy_loss;
     * evaluations do not weigh. A batch whose weights are all 0 has no mean: the step changes nothing, and is
     * BG_ERR_NUMERIC or, with skips_nonfinite, left out. Kept. */
    bg_tensor *class_weights;
    int64_t call_every; /* steps from one call of the callback to the next; default: some ten calls a second */
} bg_trainer_options;

/* BG_ERR_ARGUMENT if network or loss is missing without a step, one of them with it, or a number makes no sense. */
BG_API bg_status bg_trainer_create(bg_trainer **trainer, bg_model *model, const bg_trainer_options *options);
BG_API void bg_trainer_destroy(bg_trainer *trainer);

/* Means over examples, summed in f64. accuracy: the share of rows whose largest score is the target class (the first of
 * equals, or the first NaN), if the data have classes. */
typedef struct {
    double loss;
    bool has_accuracy;
    double accuracy;
    int64_t examples; /* that were counted: of skipped steps none; of 0 the loss is NaN */
} bg_metrics;

typedef struct {
    int64_t epoch;            /* from 1 */
    int64_t step;             /* batches done in all */
    int64_t updates, skipped; /* of the parameters, and steps left out for a number that is not finite, in all */
    double learning_rate;     /* of the last step */
    double damping;           /* lm: for the next step; else 0 */
    bool has_converged;       /* a driver, in the last step */
    int64_t steps_in_epoch, step_in_epoch;
    bg_metrics train; /* of this epoch so far: over each batch before its update, also those of an earlier fit */
    bool has_test;
    bg_metrics test;           /* of the second set, at the end of an epoch */
    double seconds;            /* in training steps, in all */
    double samples_per_second; /* of this epoch's training steps */
    /* In which steps of this epoch waited for their examples: until they were copied or, where they come from a source,
     * until the thread had read them that reads those of the next step while one runs. */
    double stall_seconds;
    bool epoch_is_done; /* false in the calls between */
} bg_progress;

/* Called after every epoch, and between, at step boundaries, some ten times a second or after every call_every steps
 * (counted in all). Return false to stop: fit then returns BG_ERR_STOPPED at this step boundary. */
typedef bool bg_progress_callback(bg_trainer *trainer, const bg_progress *progress, void *user);

/* Trains for the trainer's epochs, in an order that the engine's seed and the epoch's number give; the last batch of an
 * epoch may be smaller. test is evaluated behind each epoch; where something is chosen by that, the epoch to stop at or
 * the learning rate, give the set for validation here, and evaluate that for the test once, at the end, with
 * bg_trainer_evaluate. test and on_progress may be NULL. A loss that is not finite is BG_ERR_NUMERIC with the step's
 * number. A driver that has converged ends the fit behind that epoch. A fit behind one that ended within an epoch, or
 * behind bg_trainer_load, goes on where that one stood; the rest of the epoch is the first of its epochs. Examples that
 * come from a source are read by a thread that lives as long as the fit, those of the next step while one runs:
 * BG_ERR_SYSTEM if it cannot be started. What a read returns ends the fit behind the steps that had their examples. */
BG_API bg_status bg_trainer_fit(bg_trainer *trainer, const bg_dataset *train, const bg_dataset *test,
                                bg_progress_callback *on_progress, void *user);

/* Where a trainer stands, also one that was loaded: what the callback is told, but for the test and steps_in_epoch,
 * which are 0, as is step_in_epoch where an epoch is done, and the learning rate, which is that of the last step this
 * trainer itself has made: 0 if there is none, as behind bg_trainer_load of a new one. */
BG_API bg_progress bg_trainer_progress(const bg_trainer *trainer);

/* The loss and accuracy of the model on a data set, without training it. Of a source, a thread reads the examples of
 * the next batch while one runs: BG_ERR_SYSTEM if it cannot be started. */
BG_API bg_status bg_trainer_evaluate(bg_trainer *trainer, const bg_dataset *dataset, bg_metrics *metrics);

/* The same, which metrics (may be NULL) gets, and all predictions of the network, which the evaluation takes in with
 * their targets; call it again for further data sets. BG_ERR_ARGUMENT if the trainer has a step and no network,
 * whatever bg_evaluation_add refuses. After a failure within the data set the evaluation has the batches before it. */
BG_API bg_status bg_trainer_score(bg_trainer *trainer, const bg_dataset *dataset, bg_evaluation *evaluation,
                                  bg_metrics *metrics);

/* The learning rate of the steps to come: the base rate, if there is a schedule. */
BG_API void bg_trainer_set_learning_rate(bg_trainer *trainer, double learning_rate);

/* Adds to an archive all tensors of the model, the optimizer's among them, and where the trainer stands, as
 * "trainer.*", also within an epoch: with what bg_trainer_load puts back, a trainer of the same options, data and seed
 * goes on bit for bit.
 */
BG_API bg_status bg_trainer_save(const bg_trainer *trainer, bg_archive *archive);
/* Puts it back. The model must have the tensors of the archive, which it has once bg_trainer_program has built a
 * program: BG_ERR_ARGUMENT names one that only one of them has, or a number of the trainer that makes no sense,
 * BG_ERR_SHAPE and BG_ERR_DTYPE a tensor that differs. After an error nothing has changed. Numbers that earlier
 * versions did not save are 0. */
BG_API bg_status bg_trainer_load(bg_trainer *trainer, const bg_archive *archive);

/* The program of the trainer's step for a batch of this many examples like those of the data set, made if need be; it
 * belongs to the trainer. Of a driver, the one that gives the loss before its step. For reports, dumps and benchmarks.
 */
BG_API bg_status bg_trainer_program(bg_trainer *trainer, const bg_dataset *dataset, int64_t batch,
                                    const bg_program **program);

#ifdef __cplusplus
}
#endif
#endif
