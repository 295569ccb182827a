/* The training loop. */
#include "train/trainer.h"

#include "base/clock.h"
#include "data/augment.h"
#include "nn/model.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static bg_status check_class_weights(const bg_trainer_options *options)
{
    const bg_tensor *weights = options->class_weights;
    if (!weights)
        return BG_OK;
    if (options->step)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: class_weights are for a loss, and step makes its own");
    if (options->loss != bg_cross_entropy_loss)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: class_weights are for the loss bg_cross_entropy_loss");
    bg_dtype dtype = bg_tensor_dtype(weights);
    if (dtype != BG_F32 && dtype != BG_F64)
        return bg_fail(BG_ERR_DTYPE, "trainer_create: class_weights are %s, not f32 or f64", bg_dtype_name(dtype));
    if (bg_tensor_shape(weights).rank != 1)
        return bg_fail(BG_ERR_SHAPE, "trainer_create: class_weights have the shape %s, not [classes]",
                       bgi_shape_format(bg_tensor_shape(weights)).text);
    return BG_OK;
}

static bg_status check_options(const bg_trainer_options *options)
{
    if (!options->network != !options->loss || (!options->step && !options->network))
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: give network and loss, or step, or all three");
    if (options->call_every < 0)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: a call of the callback every %lld steps",
                       (long long)options->call_every);
    if (options->batch < 0 || options->epochs < 0)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: a batch of %lld examples, %lld epochs",
                       (long long)options->batch, (long long)options->epochs);
    if (options->accumulate < 0)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: %lld batches an update", (long long)options->accumulate);
    const bg_averaging *averaging = &options->averaging;
    if (averaging->kind < BG_AVERAGE_NONE || averaging->kind > BG_AVERAGE_SWA || averaging->start < 0 ||
        averaging->every < 0)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: averaging of kind %d, from update %lld on, every %lld",
                       (int)averaging->kind, (long long)averaging->start, (long long)averaging->every);
    if (averaging->kind == BG_AVERAGE_EMA && !(averaging->decay >= 0 && averaging->decay <= 1))
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: averaging with the decay %g, it must be in [0, 1]",
                       averaging->decay);
    if (options->skips_nonfinite && options->detects_anomalies)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: skips_nonfinite leaves out the steps that detects_anomalies "
                                        "stops at; give one");
    bg_status status = check_class_weights(options);
    if (status == BG_OK)
        status = bg_schedule_check(&options->schedule);
    if (status == BG_OK)
        status = bg_optimizer_check(&options->optimizer);
    if (status == BG_OK)
        status = bgi_driver_check(options);
    if (status == BG_OK && bg_schedule_moves_momentum(&options->schedule) && !options->optimizer.takes_momentum)
        status =
            bg_fail(BG_ERR_ARGUMENT, "trainer_create: the schedule moves the momentum, %s has none; keeps_momentum",
                    options->optimizer.name);
    return status;
}

bg_status bg_trainer_create(bg_trainer **trainer, bg_model *model, const bg_trainer_options *options)
{
    if (trainer)
        *trainer = NULL;
    if (!trainer || !model || !options)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: %s is NULL",
                       !trainer ? "trainer" : (!model ? "model" : "options"));
    bg_engine *engine = bg_model_engine(model);
    bg_status status = bgi_engine_check(engine, "trainer_create");
    if (status == BG_OK)
        status = check_options(options);
    if (status != BG_OK)
        return status;
    bg_trainer *made = bgi_alloc_zero(engine, sizeof *made);
    if (!made)
        return BG_ERR_NOMEM;
    bgi_engine_retain(engine);
    bgi_model_retain(model);
    made->engine = engine;
    made->model = model;
    made->options = *options;
    if (made->options.batch == 0)
        made->options.batch = options->optimizer.driver ? INT64_MAX : 32;
    if (made->options.epochs == 0)
        made->options.epochs = 1;
    if (made->options.accumulate == 0)
        made->options.accumulate = 1;
    if (made->options.averaging.every == 0)
        made->options.averaging.every = 1;
    if (made->options.class_weights)
        bgi_tensor_retain(made->options.class_weights);
    if (made->options.skips_nonfinite || made->options.detects_anomalies)
        made->options.optimizer.checks_finite = true;
    made->learning_rate = options->optimizer.learning_rate;
    for (int i = 0; i < BGI_SCALARS && status == BG_OK; i++)
        status = bg_tensor_create(&made->scalars[i], engine, BG_F64, BG_SCALAR);
    if (status != BG_OK) {
        bg_trainer_destroy(made);
        return status;
    }
    *trainer = made;
    return BG_OK;
}

void bg_trainer_destroy(bg_trainer *trainer)
{
    if (!trainer)
        return;
    for (int i = 0; i < BGI_TRAINER_PROGRAMS; i++)
        bgi_batch_program_release(&trainer->programs[i]);
    bgi_batch_program_release(&trainer->driven);
    for (int i = 0; i < BGI_SCALARS; i++)
        bg_tensor_destroy(trainer->scalars[i]);
    bg_tensor_destroy(trainer->options.class_weights);
    bg_engine *engine = trainer->engine;
    bg_model_destroy(trainer->model);
    bgi_free(engine, trainer, sizeof *trainer);
    bgi_engine_release(engine);
}

void bg_trainer_set_learning_rate(bg_trainer *trainer, double learning_rate)
{
    if (trainer)
        trainer->learning_rate = learning_rate;
}

/* One call of bg_trainer_fit. */
typedef struct {
    bg_trainer *trainer;
    const bg_dataset *train, *test;
    bg_progress_callback *on_progress;
    void *user;
    int64_t n, batch, steps_in_epoch;
    bgi_feed *feed;   /* NULL: none */
    double last_call; /* of the callback */
} fit_state;

/* Between two calls of the callback in one epoch, in seconds. */
static const double CALL_INTERVAL = 0.1;

bg_progress bg_trainer_progress(const bg_trainer *trainer)
{
    if (!trainer)
        return (bg_progress){ .epoch = 0 };
    bool is_within = trainer->step_in_epoch > 0;
    bg_progress progress = { .epoch = trainer->epoch + is_within,
                             .step = trainer->step,
                             .updates = trainer->updates,
                             .skipped = trainer->skipped,
                             .learning_rate = trainer->last_rate,
                             .damping = bgi_driven_damping(trainer),
                             .has_converged = bgi_driven_has_converged(trainer),
                             .step_in_epoch = trainer->step_in_epoch,
                             .train = bgi_sums_means(&trainer->sums),
                             .seconds = trainer->seconds,
                             .stall_seconds = trainer->epoch_stall,
                             .epoch_is_done = !is_within };
    if (trainer->epoch_seconds > 0)
        progress.samples_per_second = (double)trainer->sums.examples / trainer->epoch_seconds;
    return progress;
}

static bg_status report(fit_state *fit, const bg_metrics *test)
{
    if (!fit->on_progress)
        return BG_OK;
    bg_trainer *trainer = fit->trainer;
    bg_progress progress = bg_trainer_progress(trainer);
    progress.steps_in_epoch = fit->steps_in_epoch;
    if (progress.epoch_is_done)
        progress.step_in_epoch = fit->steps_in_epoch;
    progress.has_test = test != NULL;
    if (test)
        progress.test = *test;
    if (!fit->on_progress(trainer, &progress, fit->user))
        return bg_fail(BG_ERR_STOPPED, "trainer_fit: the callback asked to stop after step %lld",
                       (long long)trainer->step);
    fit->last_call = bgi_clock_seconds();
    return BG_OK;
}

/* Whether an epoch ends with an evaluation of the test set. */
static bool has_test(const fit_state *fit)
{
    return fit->test && (fit->on_progress || fit->trainer->options.schedule.kind == BG_SCHEDULE_PLATEAU);
}

static bg_status end_epoch(fit_state *fit, int64_t epoch)
{
    bg_trainer *trainer = fit->trainer;
    bg_metrics train = bgi_sums_means(&trainer->sums), test;
    trainer->epoch = epoch;
    trainer->step_in_epoch = 0;
    bg_status status = has_test(fit) ? bg_trainer_evaluate(trainer, fit->test, &test) : BG_OK;
    if (status == BG_OK)
        status = bgi_trainer_follow(trainer, has_test(fit) ? &test : &train);
    return status == BG_OK ? report(fit, has_test(fit) ? &test : NULL) : status;
}

static bool is_call_due(const fit_state *fit)
{
    int64_t every = fit->trainer->options.call_every;
    if (every > 0)
        return fit->trainer->step % every == 0;
    return bgi_clock_seconds() - fit->last_call >= CALL_INTERVAL;
}

static bgi_order order_of(const fit_state *fit, int64_t epoch)
{
    bgi_order order = bgi_order_of_epoch(fit->trainer, fit->n, epoch);
    order.is_shuffled = order.is_shuffled && fit->steps_in_epoch > 1;
    return order;
}

/* The examples of a step of the order's epoch, counted from 0. */
static bgi_span span_of(const fit_state *fit, const bgi_order *order, int64_t step)
{
    int64_t start = step * fit->batch, rest = fit->n - start;
    return (bgi_span){ *order, start, rest < fit->batch ? rest : fit->batch };
}

/* Those of the step behind this one, if there is one in this fit. */
static bool find_next(const fit_state *fit, const bgi_order *order, int64_t step, bool is_last_epoch, bgi_span *next)
{
    bool is_end = step + 1 == fit->steps_in_epoch;
    const bgi_order following = is_end ? order_of(fit, order->epoch + 1) : *order;
    *next = span_of(fit, &following, is_end ? 0 : step + 1);
    return !is_end || !is_last_epoch;
}

static bg_status run_epoch(fit_state *fit, bool is_last_epoch)
{
    bg_trainer *trainer = fit->trainer;
    int64_t epoch = trainer->epoch + 1;
    const bgi_order order = order_of(fit, epoch);
    /* A place in an epoch of other data is none in this, nor do gradients of those data belong to it. */
    if (trainer->step_in_epoch >= fit->steps_in_epoch) {
        trainer->step_in_epoch = 0;
        trainer->accumulated = 0;
    }
    if (trainer->step_in_epoch == 0) {
        trainer->sums = (bgi_sums){ .loss = 0 };
        trainer->epoch_seconds = trainer->epoch_stall = 0;
    }
    for (int64_t i = trainer->step_in_epoch; i < fit->steps_in_epoch; i++) {
        bool is_end = i + 1 == fit->steps_in_epoch;
        bgi_span span = span_of(fit, &order, i), next;
        bgi_batch batch = { .dataset = fit->train,
                            .span = &span,
                            .feed = fit->feed,
                            .next = fit->feed && find_next(fit, &order, i, is_last_epoch, &next) ? &next : NULL,
                            .is_whole = fit->steps_in_epoch == 1 && !order.augmentation,
                            .is_last = is_end || (i + 1) % trainer->options.accumulate == 0 };
        double begin = bgi_clock_seconds();
        bg_status status = bgi_trainer_step(trainer, &batch);
        double elapsed = bgi_clock_seconds() - begin;
        trainer->epoch_seconds += elapsed;
        trainer->seconds += elapsed;
        if (status == BG_OK && !is_end && is_call_due(fit))
            status = report(fit, NULL);
        if (status != BG_OK)
            return status;
    }
    return end_epoch(fit, epoch);
}

/* Builds all programs of the loop, those of the tests behind each epoch too, so that an error shows before the first
 * step and steps allocate nothing. */
static bg_status prepare(const fit_state *fit)
{
    bg_trainer *trainer = fit->trainer;
    bgi_batch_program *entry;
    int64_t rest = fit->n % fit->batch, k = trainer->options.accumulate;
    const struct {
        bool is_needed;
        int64_t size;
        bgi_purpose purpose;
    } programs[] = {
        { k > 1 && fit->steps_in_epoch > 1, fit->batch, BGI_ADDS },
        { rest == 0 || fit->steps_in_epoch > k, fit->batch, BGI_UPDATES },
        { rest != 0, rest, BGI_UPDATES },
    };
    bg_status status = BG_OK;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0] && status == BG_OK; i++)
        if (programs[i].is_needed)
            status = bgi_trainer_find_program(trainer, fit->train, programs[i].size, programs[i].purpose, &entry);
    if (status == BG_OK)
        status = bgi_driven_reserve(trainer, trainer->options.epochs);
    if (status == BG_OK && has_test(fit))
        status = bgi_trainer_prepare_evaluation(trainer, fit->test);
    return status;
}

/* Examples that are not in memory are read ahead. One batch that is read once and stays needs no thread for it. */
static bool reads_ahead(const fit_state *fit)
{
    return !bg_dataset_column(fit->train, 0) &&
           (fit->steps_in_epoch > 1 || bgi_augments(&fit->trainer->options.augmentation));
}

static bg_status run_epochs(fit_state *fit)
{
    bg_trainer *trainer = fit->trainer;
    int64_t epochs = trainer->options.epochs, done = trainer->options.counts_all_epochs ? trainer->epoch : 0;
    bgi_feed feed = { .has_thread = false };
    bg_status status = BG_OK;
    if (done < epochs && reads_ahead(fit)) {
        fit->feed = &feed;
        status = bgi_feed_begin(&feed, trainer->engine, "trainer_fit", fit->train, fit->batch);
    }
    trainer->is_fitting = true;
    trainer->fits++;
    /* That of an earlier fit may be one on other data. */
    bool has_converged = trainer->options.counts_all_epochs && bgi_driven_has_converged(trainer);
    for (int64_t i = done; i < epochs && status == BG_OK && !has_converged; i++) {
        status = run_epoch(fit, i + 1 == epochs);
        has_converged = bgi_driven_has_converged(trainer);
    }
    trainer->is_fitting = false;
    if (fit->feed)
        bgi_feed_end(fit->feed);
    return status;
}

bg_status bg_trainer_fit(bg_trainer *trainer, const bg_dataset *train, const bg_dataset *test,
                         bg_progress_callback *on_progress, void *user)
{
    bg_status status = bgi_trainer_check(trainer, train, "trainer_fit");
    if (status == BG_OK && test)
        status = bgi_trainer_check(trainer, test, "trainer_fit: test");
    if (status != BG_OK)
        return status;
    if (trainer->is_fitting)
        return bg_fail(BG_ERR_BUSY, "trainer_fit: called from its own callback");
    fit_state fit = { .trainer = trainer,
                      .train = train,
                      .test = test,
                      .on_progress = on_progress,
                      .user = user,
                      .n = bg_dataset_size(train) };
    fit.batch = trainer->options.batch < fit.n ? trainer->options.batch : fit.n;
    fit.steps_in_epoch = (fit.n - 1) / fit.batch + 1;
    if (trainer->options.optimizer.driver && fit.steps_in_epoch > 1)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_fit: %s takes all %lld examples a step, not a batch of %lld",
                       trainer->options.optimizer.name, (long long)fit.n, (long long)fit.batch);
    status = prepare(&fit);
    return status == BG_OK ? run_epochs(&fit) : status;
}
