/* One batch of training: its numbers, its run, and what follows from it. */
#include "train/trainer.h"

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

static void write_scalars(bg_trainer *trainer, bool *counts)
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
    write_scalar(trainer, BGI_AVERAGE_WEIGHT, average_weight(trainer, counts));
}

/* An error of the check, with the step's number. */
static bg_status fail_check(const bg_trainer *trainer)
{
    char message[512];
    snprintf(message, sizeof message, "%s", bg_last_error());
    return bg_fail(BG_ERR_NUMERIC, "trainer_fit: step %lld (epoch %lld, learning rate %g): %s",
                   (long long)trainer->step + 1, (long long)trainer->epoch + 1, trainer->last_rate, message);
}

bg_status bgi_trainer_step(bg_trainer *trainer, const bgi_batch *batch, bgi_sums *sums)
{
    const bg_trainer_options *options = &trainer->options;
    bool updates = batch->is_last || options->accumulate == 1, is_skipped = false, is_averaged;
    bgi_batch_program *entry;
    bg_status status =
        bgi_trainer_find_program(trainer, batch->dataset, batch->size, updates ? BGI_UPDATES : BGI_ADDS, &entry);
    if (status != BG_OK)
        return status;
    /* A batch that is the whole data set is copied once and stays. */
    if (!batch->is_whole || entry->content != trainer->fits) {
        bgi_gather_batch(entry, batch->dataset, batch->order, batch->start);
        entry->content = batch->is_whole ? trainer->fits : 0;
    }
    write_scalars(trainer, &is_averaged);
    status = bg_program_run(entry->program);
    if (status == BG_ERR_NUMERIC && options->optimizer.checks_finite && updates) {
        if (!options->skips_nonfinite)
            return fail_check(trainer);
        is_skipped = true;
        status = BG_OK;
    }
    if (status != BG_OK)
        return status;
    trainer->step++;
    trainer->step_in_epoch++;
    trainer->accumulated = updates || options->accumulate == 1 ? 0 : trainer->accumulated + (double)batch->size;
    trainer->skipped += is_skipped;
    trainer->updates += updates && !is_skipped;
    trainer->averaged += updates && !is_skipped && is_averaged && options->averaging.kind != BG_AVERAGE_NONE;
    double loss = NAN;
    if (!is_skipped)
        bg_tensor_item(bg_program_output(entry->program, 0), 0, &loss);
    /* Of a step that was or will be skipped. */
    if (!isfinite(loss) && options->skips_nonfinite)
        return BG_OK;
    bgi_sums_add(sums, entry);
    if (!isfinite(loss))
        return bg_fail(BG_ERR_NUMERIC, "trainer_fit: the loss is %s in step %lld (epoch %lld, learning rate %g)",
                       isnan(loss) ? "nan" : (loss > 0 ? "inf" : "-inf"), (long long)trainer->step,
                       (long long)trainer->epoch + 1, trainer->last_rate);
    return BG_OK;
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
