/* blasgrad train */
#include "commands.h"
#include "lstsq.h"
#include "machine.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "terminal_plot.h"
#include "train_job.h"
#include "train_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Steps ---- */

const bg_dataset *train_watched(const train_job *job)
{
    return job->data.validation ? job->data.validation : job->data.test;
}

const char *train_watched_name(const train_job *job) { return job->data.validation ? "validation" : "test"; }

static int save(train_job *job) { return rundir_save(job->run, train_state(job)); }

static void end_epoch(train_job *job, const bg_progress *progress)
{
    double loss = progress->has_test ? progress->test.loss : progress->train.loss;
    bool is_lower = loss < job->lowest_loss;
    job->epochs_since_lowest = is_lower ? 0 : job->epochs_since_lowest + 1;
    if (is_lower)
        job->lowest_loss = loss;
    train_show_epoch(job, progress);
    if (job->best.model && !job->code)
        job->code = best_model_offer(&job->best, loss, progress->epoch);
}

/* Whether the run is at an end before its last epoch, and why. */
static train_end find_end(const train_job *job)
{
    const train_config *config = &job->config;
    if (config->steps && job->place.step >= config->steps)
        return END_STEPS;
    if (config->early_stopping && job->epochs_since_lowest >= config->early_stopping)
        return END_EARLY;
    return config->seconds > 0 && machine_seconds() - job->begin >= config->seconds ? END_TIME : END_NONE;
}

/* The sum of the whole epochs and of this one, as far as it went. */
static loss_sum sum_with(const train_job *job, const bg_progress *progress)
{
    loss_sum sum = job->epochs;
    if (progress->train.examples > 0) {
        sum.loss += progress->train.loss * (double)progress->train.examples;
        sum.examples += (double)progress->train.examples;
    }
    return sum;
}

static bool on_progress(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    train_job *job = user;
    const train_config *config = &job->config;
    job->last = *progress;
    job->is_complete = false;
    job->place.epoch = progress->epoch - !progress->epoch_is_done;
    job->place.step = progress->step;
    loss_sum sum = sum_with(job, progress);
    terminal_plot_add(progress, sum.loss, sum.examples, train_watched_name(job));
    bool is_due = config->save_every && progress->step % config->save_every == 0;
    if (config->log_every && progress->step % config->log_every == 0)
        train_show_steps(job, progress, sum);
    if (progress->epoch_is_done) {
        job->epochs = sum;
        end_epoch(job, progress);
        is_due = is_due || (job->run && rundir_is_due(job->run));
    }
    if (job->run && is_due && !job->code)
        job->code = save(job);
    train_draw(job, progress);
    job->end = find_end(job);
    return !job->code && job->end == END_NONE && !signals_caught() && !output_has_failed();
}

/* ---- The start ---- */

static int hash_config(train_job *job, const event *fields)
{
    char *fixed = train_fixed_options(fields);
    if (!fixed)
        return output_failure("out of memory");
    job->config_hash = bg_bytes_hash(fixed, strlen(fixed));
    free(fixed);
    return 0;
}

static event *describe_run(const train_job *job)
{
    bg_engine_info info = bg_engine_describe(job->engine);
    event *fields = event_create(NULL), *made_by = event_create(NULL);
    train_config_describe(&job->config, fields);
    event_integer(made_by, "train_examples", bg_dataset_size(job->data.train));
    if (job->data.validation)
        event_integer(made_by, "validation_examples", bg_dataset_size(job->data.validation));
    event_integer(made_by, "test_examples", job->data.test ? bg_dataset_size(job->data.test) : 0);
    if (job->data.transform.projection) {
        event_integer(made_by, "inputs", job->data.transform.places);
        event_integer(made_by, "components", job->data.transform.components);
        event_number(made_by, "variance_share", job->data.transform.share);
    }
    event_integer(made_by, "parameter_count", train_count_parameters(job->model));
    event_text(made_by, "version", bg_version());
    event_text(made_by, "kernels", info.kernels);
    event_text(made_by, "blas", info.blas);
    event_text(made_by, "blas_core", info.blas_core);
    event_object(fields, "made_by", made_by);
    return fields;
}

/* Opens the run directory, and goes on with the run in it or begins one. */
static int open_run(train_job *job, event **fields, bool *is_resumed)
{
    const train_config *config = &job->config;
    bg_archive *archive = NULL;
    event *state = NULL;
    int code = rundir_open(&job->run, config->out, config->resumes, job->model, job->trainer, &job->about, &job->best);
    *is_resumed = !code && config->resumes && rundir_has_checkpoint(config->out);
    if (*is_resumed && config->run) {
        event *kept = train_kept_options(*fields, config->run);
        event_destroy(*fields);
        *fields = kept;
    }
    if (!code)
        code = hash_config(job, *fields);
    if (!code && *is_resumed)
        code = rundir_load(job->run, &archive, &state);
    if (!code && *is_resumed)
        code = train_restore(job, archive, state);
    if (!code)
        code = rundir_begin(job->run, *fields, state);
    event_destroy(state);
    bg_archive_destroy(archive);
    return code;
}

static int begin_run(train_job *job)
{
    event *fields = describe_run(job);
    bool is_resumed = false;
    int code = job->config.out || job->data.validation ? best_model_open(&job->best, job->model, job->trainer) : 0;
    if (!code && job->config.out)
        code = open_run(job, &fields, &is_resumed);
    if (!code) {
        train_show_start(job, fields, is_resumed);
        code = job->code;
    }
    event_destroy(fields);
    loss_sum before = job->last.epoch_is_done ? job->epochs : sum_with(job, &job->last);
    terminal_plot_begin(before.loss, before.examples);
    job->begin = machine_seconds();
    job->begin_share = train_share_done(job, &job->last);
    return code;
}

/* ---- Ends ---- */

/* The last save, from which there is nothing more to be done. It comes before the model is evaluated, which may take
 * long. */
static int save_end(train_job *job)
{
    int code = job->best.model ? best_model_ensure(&job->best) : 0;
    /* One that was complete when it was resumed has nothing to save. */
    if (code || !job->run || job->is_complete)
        return code;
    job->is_complete = true;
    return save(job);
}

/* Whoever chooses parameters by their validation wants the test of these, not of the last ones. */
static int choose_parameters(train_job *job) { return job->data.validation ? best_model_restore(&job->best) : 0; }

static int finish(train_job *job)
{
    bool is_text = job->config.data.kind == DATA_TEXT;
    const data_parts *data = &job->data;
    bg_metrics train = job->last.train, validation, test;
    job->code = save_end(job);
    if (!job->code)
        job->code = choose_parameters(job);
    if (job->code)
        return job->code;
    /* A text is long, and each token was seen once in the last epoch: its mean loss says enough. */
    if ((!is_text && bg_trainer_evaluate(job->trainer, data->train, &train) != BG_OK) ||
        (data->validation && bg_trainer_evaluate(job->trainer, data->validation, &validation) != BG_OK) ||
        (data->test && bg_trainer_evaluate(job->trainer, data->test, &test) != BG_OK))
        return output_library();
    progress_clear();
    train_show_done(job, &train, data->validation ? &validation : NULL, data->test ? &test : NULL);
    return job->code;
}

/* After a signal, or when nobody reads the output any more. */
static int finish_stopped(train_job *job)
{
    progress_clear();
    int caught = signals_caught();
    if (job->code)
        return job->code;
    int code = job->run ? save(job) : 0;
    if (code || !caught)
        return code ? code : EXIT_FAILED;
    event *e = event_create("interrupted");
    event_integer(e, "signal", caught);
    event_integer(e, "epoch", job->place.epoch);
    event_integer(e, "step", job->place.step);
    train_emit(job, e);
    char where[80] = "before its first step";
    if (job->place.step > 0)
        snprintf(where, sizeof where, "in epoch %lld after step %lld", (long long)job->last.epoch,
                 (long long)job->place.step);
    const char *out = job->config.out;
    if (job->run)
        output_message("interrupted %s; saved in %s; go on with blasgrad train --resume --out %s", where, out, out);
    else
        output_message("interrupted %s; not saved, for want of --out", where);
    return 128 + caught;
}

static int finish_failed(train_job *job)
{
    progress_clear();
    int code = output_library();
    event *e = event_create("failed");
    event_text(e, "message", bg_last_error());
    event_integer(e, "step", job->place.step);
    train_emit(job, e);
    return code;
}

static int run_job(train_job *job)
{
    int code = train_set_up(job);
    /* So far there is nothing to be saved, and an interrupt ends the program at once; so it does in lstsq_solve. */
    if (!code && job->config.method == METHOD_SGD)
        signals_catch();
    if (!code)
        code = begin_run(job);
    if (code)
        return code;
    if (job->config.method == METHOD_LSTSQ) {
        code = lstsq_solve(job->model, job->data.train, job->config.ridge);
        return code ? code : finish(job);
    }
    job->end = find_end(job);
    bg_status status = BG_ERR_STOPPED;
    if (!signals_caught() && job->end == END_NONE)
        status = bg_trainer_fit(job->trainer, job->data.train, train_watched(job), on_progress, job);
    if (status == BG_OK || (status == BG_ERR_STOPPED && job->end != END_NONE && !job->code))
        return finish(job);
    return status == BG_ERR_STOPPED ? finish_stopped(job) : finish_failed(job);
}

int command_train(int argc, char **argv)
{
    train_job job = { .last_draw = -1, .lowest_loss = INFINITY };
    int code = train_config_parse(&job.config, argc, argv);
    if (!code && job.config.out)
        code = rundir_check(job.config.out, job.config.resumes);
    if (!code)
        code = run_job(&job);
    terminal_plot_finish(code != 0);
    rundir_close(job.run);
    best_model_close(&job.best);
    bg_trainer_destroy(job.trainer);
    bg_tensor_destroy(job.class_weights);
    transform_release(&job.transform);
    bg_model_destroy(job.model);
    data_release(&job.data);
    free(job.class_names);
    transform_texts_release(&job.saved);
    free(job.training);
    bg_engine_destroy(job.engine);
    train_config_release(&job.config);
    return code;
}
