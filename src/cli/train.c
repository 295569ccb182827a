/* blasgrad train */
#include "commands.h"
#include "lstsq.h"
#include "output.h"
#include "progress.h"
#include "rundir.h"
#include "signals.h"
#include "train_config.h"

#include <blasgrad/train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of each example its loss, in the step that took it. */
typedef struct {
    double loss, examples;
} loss_sum;

typedef struct {
    train_config config;
    char default_model[32];
    char *class_names, *feature_names; /* of a table; or NULL */
    network_choice network;
    bg_engine *engine;
    data_parts data;
    bg_model *model;
    bg_trainer *trainer;
    bg_schedule schedule_parts[2];
    checkpoint_about about;
    rundir *run; /* NULL without --out */
    /* Where the run stands: whole epochs done, and steps. */
    struct {
        int64_t epoch, step;
    } place;
    bg_progress last; /* of the last call at the end of an epoch, or else the last */
    double last_draw;
    loss_sum epochs, logged; /* of whole epochs; up to the last event of --log-every */
    bool has_taken_steps;    /* as many as --steps says */
    int code; /* why a callback asked to stop: a failure that was reported; 0: a signal, or nobody reads the output */
} train_job;

/* ---- Output ---- */

/* Takes the event over. */
static void emit(train_job *job, event *e)
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

/* Of a long run, every epoch is an event, but only some twenty are lines for people. */
static bool epoch_is_shown(const train_job *job, int64_t epoch)
{
    int64_t epochs = job->config.epochs, every = epochs <= 50 ? 1 : (epochs + 19) / 20;
    return epoch == 1 || epoch == epochs || epoch % every == 0;
}

static void show_epoch(train_job *job, const bg_progress *progress)
{
    event *e = event_create("epoch");
    event_integer(e, "epoch", progress->epoch);
    event_integer(e, "step", progress->step);
    add_metrics(job, e, "train", &progress->train);
    if (progress->has_test)
        add_metrics(job, e, "test", &progress->test);
    event_number(e, "samples_per_second", progress->samples_per_second);
    event_number(e, "seconds", progress->seconds);
    event_number(e, "lr", progress->learning_rate);
    if (progress->skipped)
        event_integer(e, "skipped", progress->skipped);
    emit(job, e);
    if (job->config.common.json || !epoch_is_shown(job, progress->epoch))
        return;
    char train[120], test[120] = "";
    progress_clear();
    output_line("epoch %lld  %s%s%s  %.0f samples/s", (long long)progress->epoch,
                metrics_text(job, train, sizeof train, "train", &progress->train), progress->has_test ? "  " : "",
                progress->has_test ? metrics_text(job, test, sizeof test, "test", &progress->test) : "",
                progress->samples_per_second);
}

static void draw(train_job *job, const bg_progress *progress)
{
    /* Epochs of a tiny problem end thousands of times a second. */
    if (progress->epoch_is_done && progress->seconds - job->last_draw < 0.1)
        return;
    job->last_draw = progress->seconds;
    char title[64], rest[120], accuracy[40] = "";
    snprintf(title, sizeof title, "epoch %lld/%lld", (long long)progress->epoch, (long long)job->config.epochs);
    if (progress->train.has_accuracy)
        snprintf(accuracy, sizeof accuracy, "  accuracy %.2f %%", 100 * progress->train.accuracy);
    snprintf(rest, sizeof rest, "loss %.5g%s  %.0f samples/s", progress->train.loss, accuracy,
             progress->samples_per_second);
    double in_epoch = (double)progress->step_in_epoch / (double)progress->steps_in_epoch;
    progress_draw(title, ((double)progress->epoch - 1 + in_epoch) / (double)job->config.epochs, rest);
}

/* The mean loss of the steps since the last such event. */
static void show_steps(train_job *job, const bg_progress *progress, loss_sum sum)
{
    double loss = (sum.loss - job->logged.loss) / (sum.examples - job->logged.examples);
    job->logged = sum;
    event *e = event_create("steps");
    event_integer(e, "step", progress->step);
    event_number(e, "train_loss", loss);
    event_number(e, "seconds", progress->seconds);
    emit(job, e);
    if (job->config.common.json)
        return;
    progress_clear();
    output_line("step %lld  train loss %.6g", (long long)progress->step, loss);
}

static bool on_progress(bg_trainer *trainer, const bg_progress *progress, void *user)
{
    (void)trainer;
    train_job *job = user;
    job->last = *progress;
    job->place.epoch = progress->epoch - !progress->epoch_is_done;
    job->place.step = progress->step;
    double n = (double)bg_dataset_size(job->data.train);
    double examples = fmin((double)progress->step_in_epoch * (double)job->config.batch, n);
    loss_sum sum = { job->epochs.loss + progress->train.loss * examples, job->epochs.examples + examples };
    if (job->config.log_every && progress->step % job->config.log_every == 0)
        show_steps(job, progress, sum);
    if (progress->epoch_is_done) {
        job->epochs = sum;
        show_epoch(job, progress);
        if (job->run && !job->code)
            job->code = rundir_end_epoch(job->run, progress->has_test ? progress->test.loss : progress->train.loss);
    }
    draw(job, progress);
    job->has_taken_steps = job->config.steps && progress->step >= job->config.steps;
    return !job->code && !job->has_taken_steps && !signals_caught() && !output_has_failed();
}

/* ---- Setting up ---- */

static int start_engine(train_job *job)
{
    bg_engine_options options = common_engine(&job->config.common);
    if (bg_engine_create(&job->engine, &options) != BG_OK)
        return output_library();
    job->config.common.threads = bg_engine_describe(job->engine).threads;
    return 0;
}

static int load_data(train_job *job)
{
    train_config *config = &job->config;
    int code = data_load(&job->data, job->engine, &config->data);
    if (!code)
        code = data_need_targets(&job->data, &config->data);
    if (code)
        return code;
    int64_t n = bg_dataset_size(job->data.train);
    if (config->batch > n)
        config->batch = n;
    int64_t steps_in_epoch = (n - 1) / config->batch + 1;
    if (config->epochs_suit_steps)
        config->epochs = (config->steps - 1) / steps_in_epoch + 1;
    if (!config->model) {
        /* A score for each class, or an output for each target. */
        int64_t outputs = bg_dataset_classes(job->data.train);
        if (outputs == 0)
            outputs = bg_tensor_shape(bg_dataset_column(job->data.train, 1)).dims[1];
        snprintf(job->default_model, sizeof job->default_model, "dense:%lld", (long long)outputs);
        config->model = job->default_model;
    }
    config->data.vocabulary = bg_dataset_vocabulary(job->data.train);
    config->data.table.class_names = job->class_names = table_class_names(job->data.train);
    config->data.table.feature_names = job->feature_names = table_feature_names(job->data.train);
    job->network = (network_choice){ .model = config->model,
                                     .classes = bg_dataset_classes(job->data.train),
                                     .context = config->data.context };
    job->about = (checkpoint_about){ .model = config->model, .loss = config->loss, .data = config->data };
    return 0;
}

/* The callback has to come at every multiple of --log-every and at --steps, and otherwise now and then. */
static int64_t call_every(const train_config *config)
{
    if (config->log_every && config->steps % config->log_every == 0)
        return config->log_every;
    return config->log_every || config->steps ? 1 : 0;
}

static int make_trainer(train_job *job)
{
    const train_config *config = &job->config;
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(config->loss),
                                   .user = &job->network,
                                   .batch = config->batch,
                                   .epochs = config->epochs,
                                   .call_every = call_every(config) };
    optimizer_fill(&config->optimizer, &options, bg_dataset_size(job->data.train), config->steps, job->schedule_parts);
    const bg_program *program;
    bg_status status = bg_model_create(&job->model, job->engine, config->data.dtype);
    if (status == BG_OK)
        status = bg_trainer_create(&job->trainer, job->model, &options);
    /* Makes the parameters, and shows a network that does not fit the data before a run directory is there. */
    if (status == BG_OK)
        status = bg_trainer_program(job->trainer, job->data.train, config->batch, &program);
    return status == BG_OK ? 0 : output_library();
}

static int take_initial(train_job *job)
{
    const char *path = job->config.init;
    bg_archive *archive;
    if (!path)
        return 0;
    if (bg_archive_load(&archive, job->engine, path) != BG_OK)
        return output_library();
    int code = checkpoint_fill(path, archive, job->model);
    bg_archive_destroy(archive);
    return code;
}

/* With fewer scores than classes, the first step would fail. */
static int check_scores(train_job *job)
{
    int64_t classes = bg_dataset_classes(job->data.train), scores = classes;
    const bg_tensor *x = bg_dataset_column(job->data.train, 0);
    bg_shape shape = bg_tensor_shape(x);
    shape.dims[0] = 1;
    bg_graph *graph;
    if (bg_graph_create(&graph, job->engine) != BG_OK)
        return output_library();
    bg_node *prediction = network_build(job->model, bg_input(graph, "x", bg_tensor_dtype(x), shape), &job->network);
    bg_status status = bg_graph_status(graph);
    if (prediction && bg_node_shape(prediction).rank > 0)
        scores = bg_node_shape(prediction).dims[bg_node_shape(prediction).rank - 1];
    bg_graph_destroy(graph);
    if (status != BG_OK)
        return output_library();
    if (scores < classes)
        return output_failure("\"%s\" ends in %lld score%s, but %s has %lld classes", job->config.model,
                              (long long)scores, scores == 1 ? "" : "s", job->config.data.name, (long long)classes);
    return 0;
}

static int64_t count_parameters(const bg_model *model)
{
    int64_t count = 0;
    for (size_t i = 0; i < bg_model_count(model); i++)
        if (bg_model_is_parameter(model, i))
            count += bg_shape_count(bg_tensor_shape(bg_model_tensor(model, i)));
    return count;
}

static int begin_run(train_job *job)
{
    const train_config *config = &job->config;
    int64_t train = bg_dataset_size(job->data.train), test = job->data.test ? bg_dataset_size(job->data.test) : 0;
    int64_t parameters = count_parameters(job->model);
    bg_engine_info info = bg_engine_describe(job->engine);
    event *fields = event_create(NULL);
    train_config_describe(config, fields);
    event_integer(fields, "train_examples", train);
    event_integer(fields, "test_examples", test);
    event_integer(fields, "parameter_count", parameters);
    event_text(fields, "version", bg_version());
    event_text(fields, "kernels", info.kernels);
    event_text(fields, "blas", info.blas);
    event_text(fields, "blas_core", info.blas_core);
    int code = config->out ? rundir_open(&job->run, config->out, job->model, job->trainer, &job->about, fields) : 0;
    if (!code) {
        event *e = event_create("start");
        event_add_fields(e, fields);
        emit(job, e);
        output_message(
            "%s: %lld training example%s, %lld for testing; \"%s\", %lld parameter%s, %s, %s; %d thread%s, %s",
            config->data.name, (long long)train, train == 1 ? "" : "s", (long long)test, config->model,
            (long long)parameters, parameters == 1 ? "" : "s", config->loss, bg_dtype_name(config->data.dtype),
            info.threads, info.threads == 1 ? "" : "s", info.kernels);
        code = job->code;
    }
    event_destroy(fields);
    return code;
}

/* ---- Ends ---- */

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

static int finish(train_job *job)
{
    bool is_sgd = job->config.method == METHOD_SGD, is_text = job->config.data.kind == DATA_TEXT;
    bg_metrics train = job->last.train, test;
    char text[120];
    /* A text is long, and each token was seen once in the last epoch: its mean loss says enough. */
    if ((!is_text && bg_trainer_evaluate(job->trainer, job->data.train, &train) != BG_OK) ||
        (job->data.test && bg_trainer_evaluate(job->trainer, job->data.test, &test) != BG_OK))
        return output_library();
    bool is_within_epoch = is_sgd && !job->last.epoch_is_done;
    if (job->run && (!is_sgd || is_within_epoch))
        job->code = rundir_end_epoch(job->run, job->data.test ? test.loss : train.loss);
    if (job->run && is_sgd && !job->code)
        job->code = rundir_save(job->run);
    progress_clear();
    event *e = event_create("done");
    add_metrics(job, e, "train", &train);
    if (job->data.test)
        add_metrics(job, e, "test", &test);
    if (!job->config.common.json) {
        output_line("%s", metrics_text(job, text, sizeof text, "train", &train));
        if (job->data.test)
            output_line("%s", metrics_text(job, text, sizeof text, "test", &test));
    }
    if (is_sgd) {
        event_integer(e, "epochs", job->last.epoch);
        event_integer(e, "steps", job->last.step);
        event_number(e, "seconds", job->last.seconds);
        event_number(e, "samples_per_second", samples_per_second(job));
        if (!job->config.common.json)
            output_line("%.0f samples per second", samples_per_second(job));
    }
    if (count_parameters(job->model) <= PARAMETERS_SHOWN)
        show_parameters(job, e);
    emit(job, e);
    return job->code;
}

/* After a signal, or when nobody reads the output any more. */
static int finish_stopped(train_job *job)
{
    progress_clear();
    int caught = signals_caught();
    if (job->code)
        return job->code;
    int code = job->run ? rundir_save(job->run) : 0;
    if (!caught)
        return code ? code : EXIT_FAILED;
    event *e = event_create("interrupted");
    event_integer(e, "signal", caught);
    event_integer(e, "epoch", job->place.epoch);
    event_integer(e, "step", job->place.step);
    emit(job, e);
    if (!code)
        output_message("interrupted in epoch %lld after step %lld; %s%s", (long long)job->last.epoch,
                       (long long)job->place.step, job->run ? "saved in " : "not saved, for want of --out",
                       job->run ? job->config.out : "");
    return code ? code : 128 + caught;
}

static int finish_failed(train_job *job)
{
    progress_clear();
    int code = output_library();
    event *e = event_create("failed");
    event_text(e, "message", bg_last_error());
    event_integer(e, "step", job->place.step);
    emit(job, e);
    return code;
}

static int run_job(train_job *job)
{
    int code = start_engine(job);
    if (!code)
        code = load_data(job);
    if (!code)
        code = make_trainer(job);
    if (!code)
        code = check_scores(job);
    if (!code)
        code = take_initial(job);
    /* So far there is nothing to be saved, and an interrupt ends the program at once; so it does in lstsq_solve. */
    if (!code && job->config.method == METHOD_SGD)
        signals_catch();
    if (!code)
        code = begin_run(job);
    if (code)
        return code;
    if (job->config.method == METHOD_LSTSQ) {
        code = lstsq_solve(job->model, job->data.train);
        return code ? code : finish(job);
    }
    bg_status status = BG_ERR_STOPPED;
    if (!signals_caught())
        status = bg_trainer_fit(job->trainer, job->data.train, job->data.test, on_progress, job);
    if (status == BG_OK || (status == BG_ERR_STOPPED && job->has_taken_steps && !job->code))
        return finish(job);
    return status == BG_ERR_STOPPED ? finish_stopped(job) : finish_failed(job);
}

int command_train(int argc, char **argv)
{
    train_job job = { .last_draw = -1 };
    int code = train_config_parse(&job.config, argc, argv);
    if (!code && job.config.out)
        code = rundir_check(job.config.out);
    if (!code)
        code = run_job(&job);
    rundir_close(job.run);
    bg_trainer_destroy(job.trainer);
    bg_model_destroy(job.model);
    data_release(&job.data);
    free(job.class_names);
    free(job.feature_names);
    bg_engine_destroy(job.engine);
    return code;
}
