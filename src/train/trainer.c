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
    if (options->batch < 0 || options->epochs < 0)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_create: a batch of %lld examples, %lld epochs",
                       (long long)options->batch, (long long)options->epochs);
    return bg_optimizer_check(&options->optimizer);
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
    made->learning_rate = options->optimizer.learning_rate;
    bg_dtype dtype = bg_model_dtype(model);
    status = bg_tensor_create(&made->learning_rate_value, engine, dtype, BG_SCALAR);
    if (status == BG_OK)
        status = bg_tensor_create(&made->step_value, engine, dtype, BG_SCALAR);
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
    bg_tensor_destroy(trainer->learning_rate_value);
    bg_tensor_destroy(trainer->step_value);
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

static void write_scalar(bg_tensor *tensor, double value)
{
    void *data = bg_tensor_data(tensor);
    if (bg_tensor_dtype(tensor) == BG_F64)
        *(double *)data = value;
    else
        *(float *)data = (float)value;
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

static bg_status report(fit_state *fit, int64_t epoch, int64_t steps_done, bool epoch_is_done)
{
    if (!fit->on_progress)
        return BG_OK;
    bg_trainer *trainer = fit->trainer;
    bg_progress progress = { .epoch = epoch,
                             .step = trainer->step,
                             .steps_in_epoch = fit->steps_in_epoch,
                             .step_in_epoch = steps_done,
                             .train = bgi_sums_means(&fit->sums),
                             .seconds = trainer->seconds,
                             .epoch_is_done = epoch_is_done };
    if (fit->epoch_seconds > 0)
        progress.samples_per_second = (double)fit->sums.examples / fit->epoch_seconds;
    if (epoch_is_done && fit->test) {
        bg_status status = bg_trainer_evaluate(trainer, fit->test, &progress.test);
        if (status != BG_OK)
            return status;
        progress.has_test = true;
    }
    if (!fit->on_progress(trainer, &progress, fit->user))
        return bg_fail(BG_ERR_STOPPED, "trainer_fit: the callback asked to stop after step %lld",
                       (long long)trainer->step);
    fit->last_call = bgi_clock_seconds();
    return BG_OK;
}

static bg_status take_step(fit_state *fit, const bgi_order *order, int64_t start)
{
    bg_trainer *trainer = fit->trainer;
    int64_t size = fit->n - start < fit->batch ? fit->n - start : fit->batch;
    bgi_batch_program *entry;
    bg_status status = bgi_trainer_find_program(trainer, fit->train, size, true, &entry);
    if (status != BG_OK)
        return status;
    double begin = bgi_clock_seconds();
    /* A batch that is the whole data set is copied once and stays. */
    if (size < fit->n || entry->content != trainer->fits) {
        bgi_gather_batch(entry, fit->train, order, start);
        entry->content = size < fit->n ? 0 : trainer->fits;
    }
    write_scalar(trainer->learning_rate_value, trainer->learning_rate);
    write_scalar(trainer->step_value, (double)trainer->step);
    status = bg_program_run(entry->program);
    if (status != BG_OK)
        return status;
    trainer->step++;
    double loss = bgi_sums_add(&fit->sums, entry);
    double elapsed = bgi_clock_seconds() - begin;
    fit->epoch_seconds += elapsed;
    trainer->seconds += elapsed;
    if (!isfinite(loss))
        return bg_fail(BG_ERR_NUMERIC, "trainer_fit: the loss is %s in step %lld (epoch %lld, learning rate %g)",
                       isnan(loss) ? "nan" : (loss > 0 ? "inf" : "-inf"), (long long)trainer->step,
                       (long long)trainer->epoch + 1, trainer->learning_rate);
    return BG_OK;
}

static bg_status run_epoch(fit_state *fit)
{
    bg_trainer *trainer = fit->trainer;
    int64_t epoch = trainer->epoch + 1;
    bgi_order order = bgi_order_of_epoch(trainer, fit->n, epoch);
    order.is_shuffled = order.is_shuffled && fit->steps_in_epoch > 1;
    fit->sums = (bgi_sums){ .loss = 0 };
    fit->epoch_seconds = 0;
    for (int64_t i = 0; i < fit->steps_in_epoch; i++) {
        bg_status status = take_step(fit, &order, i * fit->batch);
        bool is_last = i + 1 == fit->steps_in_epoch;
        if (status == BG_OK && !is_last && bgi_clock_seconds() - fit->last_call >= CALL_INTERVAL)
            status = report(fit, epoch, i + 1, false);
        if (status != BG_OK)
            return status;
    }
    trainer->epoch = epoch;
    return report(fit, epoch, fit->steps_in_epoch, true);
}

/* Builds all programs of the loop, those of the tests behind each epoch too, so that an error shows before the first
 * step and steps allocate nothing. */
static bg_status prepare(const fit_state *fit)
{
    bgi_batch_program *entry;
    int64_t rest = fit->n % fit->batch;
    bg_status status = bgi_trainer_find_program(fit->trainer, fit->train, fit->batch, true, &entry);
    if (status == BG_OK && rest)
        status = bgi_trainer_find_program(fit->trainer, fit->train, rest, true, &entry);
    if (status == BG_OK && fit->test && fit->on_progress)
        status = bgi_trainer_prepare_evaluation(fit->trainer, fit->test);
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
