/* The training loop. */
#include "train/trainer.h"

#include "base/clock.h"
#include "nn/model.h"

#include <math.h>
#include <string.h>

static bg_status check_options(const bg_trainer_options *options)
{
    if (options->step ? options->network || options->loss : !options->network || !options->loss)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: give network and loss, or step%s",
                       options->step ? ", not both" : "");
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
    bg_status status = bg_schedule_check(&options->schedule);
    if (status == BG_OK)
        status = bg_optimizer_check(&options->optimizer);
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
        made->options.batch = 32;
    if (made->options.epochs == 0)
        made->options.epochs = 1;
    if (made->options.accumulate == 0)
        made->options.accumulate = 1;
    if (made->options.averaging.every == 0)
        made->options.averaging.every = 1;
    if (made->options.skips_nonfinite)
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
        bgi_batch_program_release(trainer, &trainer->programs[i]);
    for (int i = 0; i < BGI_SCALARS; i++)
        bg_tensor_destroy(trainer->scalars[i]);
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
    double last_call; /* of the callback */
    double epoch_seconds;
    bgi_sums sums;
} fit_state;

/* Between two calls of the callback in one epoch, in seconds. */
static const double CALL_INTERVAL = 0.1;

static bg_status report(fit_state *fit, int64_t epoch, int64_t steps_done, const bg_metrics *test)
{
    if (!fit->on_progress)
        return BG_OK;
    bg_trainer *trainer = fit->trainer;
    bg_progress progress = { .epoch = epoch,
                             .step = trainer->step,
                             .updates = trainer->updates,
                             .skipped = trainer->skipped,
                             .learning_rate = trainer->last_rate,
                             .steps_in_epoch = fit->steps_in_epoch,
                             .step_in_epoch = steps_done,
                             .train = bgi_sums_means(&fit->sums),
                             .seconds = trainer->seconds,
                             .epoch_is_done = trainer->epoch == epoch };
    if (fit->epoch_seconds > 0)
        progress.samples_per_second = (double)fit->sums.examples / fit->epoch_seconds;
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
    bg_metrics train = bgi_sums_means(&fit->sums), test;
    trainer->epoch = epoch;
    trainer->step_in_epoch = 0;
    bg_status status = has_test(fit) ? bg_trainer_evaluate(trainer, fit->test, &test) : BG_OK;
    if (status == BG_OK)
        status = bgi_trainer_follow(trainer, has_test(fit) ? &test : &train);
    return status == BG_OK ? report(fit, epoch, fit->steps_in_epoch, has_test(fit) ? &test : NULL) : status;
}

static bool is_call_due(const fit_state *fit)
{
    int64_t every = fit->trainer->options.call_every;
    if (every > 0)
        return fit->trainer->step % every == 0;
    return bgi_clock_seconds() - fit->last_call >= CALL_INTERVAL;
}

static bg_status run_epoch(fit_state *fit)
{
    bg_trainer *trainer = fit->trainer;
    int64_t epoch = trainer->epoch + 1;
    bgi_order order = bgi_order_of_epoch(trainer, fit->n, epoch);
    order.is_shuffled = order.is_shuffled && fit->steps_in_epoch > 1;
    fit->sums = (bgi_sums){ .loss = 0 };
    fit->epoch_seconds = 0;
    /* A place in an epoch of other data is none in this, nor do gradients of those data belong to it. */
    if (trainer->step_in_epoch >= fit->steps_in_epoch) {
        trainer->step_in_epoch = 0;
        trainer->accumulated = 0;
    }
    for (int64_t i = trainer->step_in_epoch; i < fit->steps_in_epoch; i++) {
        int64_t start = i * fit->batch, rest = fit->n - start;
        bool is_end = i + 1 == fit->steps_in_epoch;
        bgi_batch batch = { .dataset = fit->train,
                            .order = &order,
                            .start = start,
                            .size = rest < fit->batch ? rest : fit->batch,
                            .is_whole = fit->steps_in_epoch == 1,
                            .is_last = is_end || (i + 1) % trainer->options.accumulate == 0 };
        double begin = bgi_clock_seconds();
        bg_status status = bgi_trainer_step(trainer, &batch, &fit->sums);
        double elapsed = bgi_clock_seconds() - begin;
        fit->epoch_seconds += elapsed;
        trainer->seconds += elapsed;
        if (status == BG_OK && !is_end && is_call_due(fit))
            status = report(fit, epoch, i + 1, NULL);
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
    if (status == BG_OK && has_test(fit))
        status = bgi_trainer_prepare_evaluation(trainer, fit->test);
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
    status = prepare(&fit);
    if (status != BG_OK)
        return status;
    trainer->is_fitting = true;
    trainer->fits++;
    for (int64_t i = 0; i < trainer->options.epochs && status == BG_OK; i++)
        status = run_epoch(&fit);
    trainer->is_fitting = false;
    return status;
}
