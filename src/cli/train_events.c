/* What a training run says: events, lines for people, the progress bar. */
#define _POSIX_C_SOURCE 200809L
#include "machine.h"
#include "train_job.h"

#include "output.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void train_emit(train_job *job, event *e)
{
    if (job->run) {
        int code = rundir_log(job->run, e);
        job->code = job->code ? job->code : code;
    }
    if (job->config.common.json)
        event_output(e);
    event_destroy(e);
}

static void add_metrics(const train_job *job, event *e, const char *part, const bg_metrics *metrics)
{
    char key[32];
    snprintf(key, sizeof key, "%s_loss", part);
    event_number(e, key, metrics->loss);
    snprintf(key, sizeof key, "%s_accuracy", part);
    if (metrics->has_accuracy)
        event_number(e, key, metrics->accuracy);
    if (job->config.data.kind != DATA_TEXT)
        return;
    snprintf(key, sizeof key, "%s_perplexity", part);
    event_number(e, key, exp(metrics->loss));
    snprintf(key, sizeof key, "%s_bits", part);
    event_number(e, key, metrics->loss / log(2));
}

static const char *metrics_text(const train_job *job, char *buffer, size_t capacity, const char *part,
                                const bg_metrics *metrics)
{
    int length = snprintf(buffer, capacity, "%s loss %.6g", part, metrics->loss);
    if (job->config.data.kind == DATA_TEXT && length > 0)
        length += snprintf(buffer + length, capacity - (size_t)length, " (%.4g bits a token)", metrics->loss / log(2));
    if (metrics->has_accuracy && length > 0)
        snprintf(buffer + length, capacity - (size_t)length, " accuracy %.2f %%", 100 * metrics->accuracy);
    return buffer;
}

/* " 98.33 %", or nothing. */
static const char *accuracy_text(const bg_metrics *metrics, char *text, size_t capacity)
{
    text[0] = 0;
    if (metrics->has_accuracy)
        snprintf(text, capacity, " %.2f %%", 100 * metrics->accuracy);
    return text;
}

/* Waiting for examples is worth a word where it takes long, and a good part of the time. */
static const char *stall_text(const bg_progress *progress, char *buffer, size_t capacity)
{
    double share = progress->stall_seconds * progress->samples_per_second / (double)progress->train.examples;
    buffer[0] = 0;
    if (progress->stall_seconds >= 0.1 && share >= 0.1)
        snprintf(buffer, capacity, "  %.0f %% waiting for data", 100 * share);
    return buffer;
}

/* Of a long run, every epoch is an event, but only some twenty are lines for people. */
static bool epoch_is_shown(const train_job *job, int64_t epoch)
{
    int64_t epochs = job->config.epochs, every = epochs <= 50 ? 1 : (epochs + 19) / 20;
    return epoch == 1 || epoch == epochs || epoch % every == 0;
}

/* Losses and accuracies alone, where a terminal has no room for more. */
static void show_short_line(const train_job *job, const bg_progress *progress)
{
    char train[60], watched[60] = "", text[40];
    snprintf(train, sizeof train, "train %.5g%s", progress->train.loss,
             accuracy_text(&progress->train, text, sizeof text));
    if (progress->has_test)
        snprintf(watched, sizeof watched, "  %s %.5g%s", train_watched_name(job), progress->test.loss,
                 accuracy_text(&progress->test, text, sizeof text));
    output_line("epoch %lld  %s%s", (long long)progress->epoch, train, watched);
}

static void show_epoch_line(const train_job *job, const bg_progress *progress)
{
    char line[400], train[120], watched[120] = "", stall[40];
    if (progress->has_test)
        metrics_text(job, watched, sizeof watched, train_watched_name(job), &progress->test);
    int length = snprintf(line, sizeof line, "epoch %lld  %s%s%s  %.0f samples/s%s", (long long)progress->epoch,
                          metrics_text(job, train, sizeof train, "train", &progress->train), *watched ? "  " : "",
                          watched, progress->samples_per_second, stall_text(progress, stall, sizeof stall));
    int width = output_width();
    if (width > 0 && length > width)
        show_short_line(job, progress);
    else
        output_line("%s", line);
}

void train_show_epoch(train_job *job, const bg_progress *progress)
{
    event *e = event_create("epoch");
    event_integer(e, "epoch", progress->epoch);
    event_integer(e, "step", progress->step);
    add_metrics(job, e, "train", &progress->train);
    if (progress->has_test)
        add_metrics(job, e, train_watched_name(job), &progress->test);
    event_number(e, "samples_per_second", progress->samples_per_second);
    event_number(e, "seconds", progress->seconds);
    event_number(e, "stall_seconds", progress->stall_seconds);
    if (strcmp(job->config.optimizer.name, "lm") == 0)
        event_number(e, "damping", progress->damping);
    else
        event_number(e, "lr", progress->learning_rate);
    if (progress->skipped)
        event_integer(e, "skipped", progress->skipped);
    train_emit(job, e);
    if (job->config.common.json || !epoch_is_shown(job, progress->epoch))
        return;
    progress_clear();
    show_epoch_line(job, progress);
}

double train_share_done(const train_job *job, const bg_progress *progress)
{
    const train_config *config = &job->config;
    double whole = (double)config->epochs * (double)job->steps_in_epoch;
    double share = (double)progress->step / (config->steps ? fmin(whole, (double)config->steps) : whole);
    double of_time = config->seconds > 0 ? (machine_seconds() - job->begin) / config->seconds : 0;
    return fmin(fmax(share, of_time), 1);
}

/* What is left takes as long as what was done took. */
static void describe_time_left(const train_job *job, double share, char *text, size_t capacity)
{
    double elapsed = machine_seconds() - job->begin, done = share - job->begin_share;
    char left_text[40];
    text[0] = 0;
    if (elapsed < 1 || !(done > 0))
        return;
    double left = elapsed * (1 - share) / done;
    if (job->config.seconds > 0)
        left = fmin(left, job->config.seconds - elapsed);
    snprintf(text, capacity, "  %s", progress_time_left(left, left_text, sizeof left_text));
}

void train_draw(train_job *job, const bg_progress *progress)
{
    /* Steps and epochs of a tiny problem end thousands of times a second. */
    double now = machine_seconds();
    if (now - job->last_draw < 0.1)
        return;
    job->last_draw = now;
    char title[64], rest[200], accuracy[40] = "", left[44], stall[40];
    snprintf(title, sizeof title, "epoch %lld/%lld", (long long)progress->epoch, (long long)job->config.epochs);
    if (progress->train.has_accuracy)
        snprintf(accuracy, sizeof accuracy, "  accuracy %.2f %%", 100 * progress->train.accuracy);
    double share = train_share_done(job, progress);
    describe_time_left(job, share, left, sizeof left);
    snprintf(rest, sizeof rest, "loss %.5g%s  %.0f samples/s%s%s", progress->train.loss, accuracy,
             progress->samples_per_second, stall_text(progress, stall, sizeof stall), left);
    progress_draw(title, share, rest);
}

void train_show_steps(train_job *job, const bg_progress *progress, loss_sum sum)
{
    double examples = sum.examples - job->logged.examples;
    double loss = examples > 0 ? (sum.loss - job->logged.loss) / examples : NAN; /* NaN: all of them were skipped */
    job->logged = sum;
    event *e = event_create("steps");
    event_integer(e, "step", progress->step);
    event_number(e, "train_loss", loss);
    event_number(e, "seconds", progress->seconds);
    train_emit(job, e);
    if (job->config.common.json)
        return;
    progress_clear();
    output_line("step %lld  train loss %.6g", (long long)progress->step, loss);
}

void train_show_start(train_job *job, const event *fields, bool is_resumed)
{
    const train_config *config = &job->config;
    int64_t train = bg_dataset_size(job->data.train), parameters = train_count_parameters(job->model);
    char validation[40] = "";
    if (job->data.validation)
        snprintf(validation, sizeof validation, ", %lld for validation",
                 (long long)bg_dataset_size(job->data.validation));
    bg_engine_info info = bg_engine_describe(job->engine);
    event *e = event_create(is_resumed ? "resumed" : "start");
    if (is_resumed) {
        event_integer(e, "epoch", job->place.epoch);
        event_integer(e, "step", job->place.step);
    }
    event_add_fields(e, fields);
    train_emit(job, e);
    output_message("%s: %lld training example%s%s, %lld for testing; \"%s\", %lld parameter%s, %s, %s; %d thread%s, %s",
                   config->data.name, (long long)train, train == 1 ? "" : "s", validation,
                   (long long)bg_dataset_size(job->data.test), config->model, (long long)parameters,
                   parameters == 1 ? "" : "s", config->loss, bg_dtype_name(config->data.dtype), info.threads,
                   info.threads == 1 ? "" : "s", info.kernels);
    const transform_texts *inputs = &job->data.transform;
    if (inputs->projection)
        output_message("inputs: %lld number%s become%s %lld, with %.4g %% of their variance", (long long)inputs->places,
                       inputs->places == 1 ? "" : "s", inputs->places == 1 ? "s" : "", (long long)inputs->components,
                       100 * inputs->share);
    if (is_resumed)
        output_message("%s: going on after %lld epoch%s and %lld steps", config->out, (long long)job->place.epoch,
                       job->place.epoch == 1 ? "" : "s", (long long)job->place.step);
}

/* ---- The end ---- */

/* A model this small is printed whole. */
enum { PARAMETERS_SHOWN = 16 };

static void show_parameters(const train_job *job, event *e)
{
    event_list(e, "parameters");
    for (size_t i = 0; i < bg_model_count(job->model); i++) {
        if (!bg_model_is_parameter(job->model, i))
            continue;
        const bg_tensor *tensor = bg_model_tensor(job->model, i);
        char line[64 + PARAMETERS_SHOWN * 20];
        int length = snprintf(line, sizeof line, "%-10.40s", bg_model_name(job->model, i));
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(tensor)); k++) {
            double value = NAN;
            bg_tensor_item(tensor, k, &value);
            event_append(e, "parameters", value);
            length += snprintf(line + length, sizeof line - (size_t)length, " %.9g", value);
        }
        if (!job->config.common.json)
            output_line("%s", line);
    }
}

static double samples_per_second(const train_job *job)
{
    int64_t n = bg_dataset_size(job->data.train);
    double samples = (double)(job->last.epoch - 1) * (double)n +
                     fmin((double)job->last.step_in_epoch * (double)job->config.batch, (double)n);
    return job->last.seconds > 0 ? samples / job->last.seconds : NAN;
}

/* Of each part, for the event and for people; the latter in one go, behind what is said of the end. */
static void show_parts(train_job *job, event *e, const bg_metrics *const metrics[3])
{
    static const char *const names[] = { "train", "validation", "test" };
    char text[120];
    for (int i = 0; i < 3; i++) {
        if (!metrics[i])
            continue;
        add_metrics(job, e, names[i], metrics[i]);
        if (!job->config.common.json)
            output_line("%s", metrics_text(job, text, sizeof text, names[i], metrics[i]));
    }
}

void train_show_done(train_job *job, const bg_metrics *train, const bg_metrics *validation, const bg_metrics *test)
{
    static const char *const ends[] = { [END_TIME] = "time", [END_EARLY] = "early-stopping" };
    const char *end = job->end == END_TIME || job->end == END_EARLY ? ends[job->end] : NULL;
    bool has_converged = !end && job->last.has_converged;
    bool is_sgd = job->config.method == METHOD_SGD, has_best = validation && job->best.epoch > 0;
    event *e = event_create("done");
    if (end && !job->config.common.json)
        output_line("ended by --%s after %lld steps", end, (long long)job->last.step);
    if (has_converged && !job->config.common.json)
        output_line("converged after %lld %s", (long long)job->last.step, job->last.step == 1 ? "step" : "steps");
    if (has_best)
        event_integer(e, "best_epoch", job->best.epoch);
    if (has_best && !job->config.common.json)
        output_line("best epoch %lld", (long long)job->best.epoch);
    show_parts(job, e, (const bg_metrics *const[]){ train, validation, test });
    if (is_sgd) {
        event_integer(e, "epochs", job->last.epoch);
        event_integer(e, "steps", job->last.step);
        if (end || has_converged)
            event_text(e, "ended_by", end ? end : "convergence");
        event_number(e, "seconds", job->last.seconds);
        event_number(e, "samples_per_second", samples_per_second(job));
        if (!job->config.common.json)
            output_line("%.0f samples per second", samples_per_second(job));
    }
    if (train_count_parameters(job->model) <= PARAMETERS_SHOWN)
        show_parameters(job, e);
    train_emit(job, e);
}
