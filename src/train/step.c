/* One batch of training: its numbers, its run, and what follows from it. */
#include "train/driver.h"

#include "base/clock.h"
#include "nn/model.h"
#include "ops/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_scalar(bg_trainer *trainer, int which, double value)
{
    *(double *)bg_tensor_data(trainer->scalars[which]) = value;
}

/* The weight of the parameters in their averages after the coming update, and whether it counts. */
static double average_weight(const bg_trainer *trainer, bool *counts)
{
    const bg_averaging *averaging = &trainer->options.averaging;
    int64_t behind = trainer->updates - averaging->start;
    *counts = behind >= 0 && behind % averaging->every == 0;
    if (trainer->averaged == 0)
        return 1;
    if (!*counts)
        return 0;
    return averaging->kind == BG_AVERAGE_EMA ? 1 - averaging->decay : 1 / (double)(trainer->averaged + 1);
}

static void write_scalars(bg_trainer *trainer, double weight, bool *counts)
{
    const bg_trainer_options *options = &trainer->options;
    int64_t t = options->schedule.by_epoch ? trainer->epoch : trainer->updates;
    double momentum = bg_schedule_momentum(&options->schedule, t);
    if (isnan(momentum))
        momentum = options->optimizer.beta1 != 0 && options->optimizer.momentum == 0 ? options->optimizer.beta1
                                                                                     : options->optimizer.momentum;
    trainer->last_rate = bg_schedule_rate(&options->schedule, trainer->learning_rate, t);
    write_scalar(trainer, BGI_LEARNING_RATE, trainer->last_rate);
    write_scalar(trainer, BGI_STEP, (double)trainer->updates);
    write_scalar(trainer, BGI_MOMENTUM, momentum);
    write_scalar(trainer, BGI_ACCUMULATED, trainer->accumulated);
    write_scalar(trainer, BGI_RUN_WEIGHT, weight);
    write_scalar(trainer, BGI_AVERAGE_WEIGHT, average_weight(trainer, counts));
}

/* An error of a step, with its number and, if it is asked for, where it comes from. */
static bg_status fail_step(bg_trainer *trainer, const bgi_batch *batch, const bgi_batch_program *entry, int64_t step,
                           const char *message)
{
    const bg_driver *driver = trainer->options.optimizer.driver;
    char cause[256] = "", rate[40] = "";
    if (!driver || driver->has_rate)
        snprintf(rate, sizeof rate, ", learning rate %g", trainer->last_rate);
    if (trainer->options.detects_anomalies &&
        bgi_trainer_find_anomaly(trainer, batch->dataset, entry, cause, sizeof cause) != BG_OK)
        return BG_ERR_NOMEM;
    return bg_fail(BG_ERR_NUMERIC, "trainer_fit: step %lld (epoch %lld%s): %s%s%s", (long long)step,
                   (long long)trainer->epoch + 1, rate, message, *cause ? "; " : "", cause);
}

/* What the loss of a batch is the mean over: its examples, or the weights of their classes. Of a class that has no
 * weight, the run says what is wrong; probabilities have their mean over all examples. */
static double batch_weight(const bg_trainer *trainer, const bgi_batch_program *entry)
{
    const bg_tensor *weights = trainer->options.class_weights, *classes = weights ? entry->batch.columns[1] : NULL;
    if (!weights || bgi_is_float(bg_tensor_dtype(classes)))
        return (double)entry->batch.size;
    double sum = 0;
    for (int64_t i = 0, n = bg_shape_count(bg_tensor_shape(classes)); i < n; i++) {
        double number = -1, weight = 1;
        (void)bg_tensor_item(classes, i, &number);
        if (number >= 0 && number < (double)bg_tensor_shape(weights).dims[0])
            (void)bg_tensor_item(weights, (int64_t)number, &weight);
        sum += weight;
    }
    return sum;
}

static bg_status load_batch(bg_trainer *trainer, const bgi_batch *batch, bgi_batch_program *entry)
{
    double begin = bgi_clock_seconds();
    bg_status status = batch->feed ? bgi_feed_take(batch->feed, batch->span, &entry->batch)
                                   : bgi_span_read(batch->span, batch->dataset, &entry->batch);
    trainer->epoch_stall += bgi_clock_seconds() - begin;
    entry->content = status == BG_OK && batch->is_whole ? trainer->fits : 0;
    if (status == BG_OK && batch->next)
        bgi_feed_ask(batch->feed, batch->next);
    return status;
}

static const char *loss_text(double loss)
{
    return isnan(loss) ? "the loss is nan" : (loss > 0 ? "the loss is inf" : "the loss is -inf");
}

/* The step of a driver, behind the run that gave the loss before it. */
static bg_status drive(bg_trainer *trainer, const bgi_batch *batch, const bgi_batch_program *entry, bool has_same_data)
{
    double loss = NAN;
    bg_tensor_item(bg_program_output(entry->program, 0), 0, &loss);
    if (!isfinite(loss))
        return fail_step(trainer, batch, entry, trainer->step + 1, loss_text(loss));
    bg_status status = entry->driver->step(entry->driven, trainer->last_rate, has_same_data && !entry->has_effects);
    if (status != BG_ERR_NUMERIC)
        return status;
    char message[256];
    snprintf(message, sizeof message, "%s", bg_last_error());
    return fail_step(trainer, batch, entry, trainer->step + 1, message);
}

bg_status bgi_trainer_step(bg_trainer *trainer, const bgi_batch *batch)
{
    const bg_trainer_options *options = &trainer->options;
    bool updates = batch->is_last || options->accumulate == 1, is_skipped = false, is_averaged;
    bgi_batch_program *entry;
    bg_status status =
        bgi_trainer_find_program(trainer, batch->dataset, batch->span->size, updates ? BGI_UPDATES : BGI_ADDS, &entry);
    /* A batch that is the whole data set is copied once and stays. */
    bool is_there = status == BG_OK && batch->is_whole && entry->content == trainer->fits;
    if (status == BG_OK && !is_there)
        status = load_batch(trainer, batch, entry);
    if (status != BG_OK)
        return status;
    double weight = batch_weight(trainer, entry);
    if (!options->skips_nonfinite && weight == 0)
        return bg_fail(
            BG_ERR_NUMERIC,
            "trainer_fit: step %lld (epoch %lld): the class weights of all %lld examples of this batch are 0, "
            "so that their weighted mean is 0 / 0; larger batches, or weights above 0, have one",
            (long long)trainer->step + 1, (long long)trainer->epoch + 1, (long long)batch->span->size);
    write_scalars(trainer, weight, &is_averaged);
    status = bg_program_run(entry->program);
    if (status == BG_ERR_NUMERIC && options->optimizer.checks_finite) {
        char message[256];
        snprintf(message, sizeof message, "%s", bg_last_error());
        if (!options->skips_nonfinite)
            return fail_step(trainer, batch, entry, trainer->step + 1, message);
        is_skipped = true;
        status = BG_OK;
    }
    if (status == BG_OK && entry->driver)
        status = drive(trainer, batch, entry, is_there);
    if (status != BG_OK)
        return status;
    trainer->step++;
    trainer->step_in_epoch++;
    /* From NaN examples no update can be made: the batches that are left of this one are skipped with it. */
    trainer->accumulated = updates ? 0 : (is_skipped ? NAN : trainer->accumulated + weight);
    trainer->skipped += updates && is_skipped;
    trainer->updates += updates && !is_skipped;
    trainer->averaged += updates && !is_skipped && is_averaged && options->averaging.kind != BG_AVERAGE_NONE;
    double loss = NAN;
    if (!is_skipped)
        bg_tensor_item(bg_program_output(entry->program, 0), 0, &loss);
    /* Of a batch that was skipped. */
    if (!isfinite(loss) && options->skips_nonfinite)
        return BG_OK;
    bgi_sums_add(&trainer->sums, entry);
    if (isfinite(loss))
        return BG_OK;
    return fail_step(trainer, batch, entry, trainer->step, loss_text(loss));
}

bg_status bgi_trainer_follow(bg_trainer *trainer, const bg_metrics *metrics)
{
    const bg_schedule *schedule = &trainer->options.schedule;
    if (schedule->kind != BG_SCHEDULE_PLATEAU)
        return BG_OK;
    if (schedule->is_maximized && !metrics->has_accuracy)
        return bg_fail(BG_ERR_ARGUMENT, "trainer_fit: the plateau follows the accuracy, and there is none");
    trainer->plateau.rate = trainer->learning_rate;
    bg_plateau_step(schedule, &trainer->plateau, schedule->is_maximized ? metrics->accuracy : metrics->loss);
    trainer->learning_rate = trainer->plateau.rate;
    return BG_OK;
}
