/* blasgrad search */
#define _POSIX_C_SOURCE 200809L
#include "search.h"

#include "commands.h"
#include "output.h"
#include "progress.h"
#include "rundir.h"
#include "signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Setting up ---- */

static int load(search_job *job)
{
    search_config *config = &job->config;
    int code = data_load(&job->data, job->engine, &config->data, NULL);
    if (!code)
        code = data_need_targets(&job->data, &config->data);
    if (code)
        return code;
    const bg_dataset *train = job->data.train;
    if (!config->model) {
        int64_t outputs = bg_dataset_classes(train);
        bg_shape targets = bg_dataset_shape(train, 1);
        if (outputs == 0)
            outputs = targets.rank > 1 ? targets.dims[1] : 1;
        snprintf(job->default_model, sizeof job->default_model, "dense:%lld", (long long)outputs);
        config->model = job->default_model;
    }
    if (config->batch > bg_dataset_size(train))
        config->batch = bg_dataset_size(train);
    config->data.parts.values = job->data.transform.scaling;
    config->data.parts.projection = job->data.transform.projection;
    config->data.parts.variance_share = job->data.transform.share;
    config->data.table.class_names = job->class_names = table_class_names(train);
    config->data.table.feature_names = job->data.feature_names;
    job->network = (network_choice){ .model = config->model, .classes = bg_dataset_classes(train) };
    job->about = (checkpoint_about){
        .model = config->model, .loss = config->loss, .sample = data_inputs(train).shape, .data = config->data
    };
    return 0;
}

/* The network, whether methods can search for its parameters, and what one loss costs. */
static int make_model(search_job *job)
{
    search_config *config = &job->config;
    bg_population *population = NULL;
    bg_population_options options = {
        .network = network_build, .loss = bg_loss_find(config->loss), .user = &job->network, .batch = config->batch
    };
    if (bg_model_create(&job->model, job->engine, config->data.dtype) != BG_OK ||
        bg_population_create(&population, job->model, job->data.train, &options) != BG_OK)
        return output_library();
    bg_population_cost cost = bg_population_get_cost(population);
    bg_population_destroy(population);
    job->dimension = cost.dimension;
    job->loss_flops = cost.product_flops;
    if (config->axis == AXIS_FLOPS && !(job->loss_flops > 0))
        return output_usage("--budget flops: \"%s\" has no products of matrices", config->model);
    for (int i = 0; i < config->n_methods; i++)
        if (config->methods[i].kind == BY_SEARCH &&
            bg_search_method_check(&config->methods[i].search, job->dimension) != BG_OK)
            return output_usage("%s", bg_last_error());
    return 0;
}

/* With fewer scores than classes, no loss could be computed. */
static int check_scores(search_job *job)
{
    int64_t classes = bg_dataset_classes(job->data.train), scores;
    if (network_scores(job->model, &job->network, bg_dataset_dtype(job->data.train, 0), job->about.sample, &scores) !=
        BG_OK)
        return output_library();
    return scores >= classes
               ? 0
               : output_failure("\"%s\" ends in %lld score%s, but %s has %lld classes", job->config.model,
                                (long long)scores, scores == 1 ? "" : "s", job->config.data.name, (long long)classes);
}

static int make_results(search_job *job)
{
    const search_config *config = &job->config;
    job->n_results = config->n_methods * (int)config->seeds;
    job->results = calloc((size_t)job->n_results, sizeof *job->results);
    job->best = malloc((size_t)job->dimension * sizeof *job->best);
    if (!job->results || !job->best)
        return output_failure("out of memory");
    for (int i = 0; i < job->n_results; i++) {
        job->results[i].method = i / (int)config->seeds;
        job->results[i].seed = config->common.seed + (uint64_t)(i % (int)config->seeds);
    }
    return 0;
}

/* What is there stays there; but for the log of a search that ended before it had found anything. */
static int check_out(const char *out)
{
    static const char *const names[] = { "best.safetensors", "last.safetensors", "config.json", "log.jsonl" };
    struct stat about;
    if (strlen(out) + 64 > CHECKPOINT_PATH_BYTES)
        return output_usage("--out: the path has more than %d bytes", CHECKPOINT_PATH_BYTES - 64);
    if (stat(out, &about) == 0 && !S_ISDIR(about.st_mode))
        return output_failure("--out %s: not a directory", out);
    for (int i = 0; i < 4; i++) {
        char path[CHECKPOINT_PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        if (access(path, F_OK) == 0 && !(i == 3 && run_log_is_ours(path) && !run_log_has_results(path)))
            return output_failure("--out %s: holds a run already (%s); choose another directory", out, names[i]);
    }
    return 0;
}

static int open_log(search_job *job)
{
    const char *out = job->config.out;
    if (!out)
        return 0;
    int code = rundir_make(out);
    if (!code)
        code = run_log_open(&job->log, out);
    /* Another run may have come to its end meanwhile. */
    if (!code)
        code = check_out(out);
    return code ? code : run_log_cut(&job->log, 0);
}

static int set_up(search_job *job)
{
    bg_engine_options options = common_engine(&job->config.common);
    if (bg_engine_create(&job->engine, &options) != BG_OK)
        return output_library();
    int code = load(job);
    if (!code)
        code = make_model(job);
    if (!code)
        code = check_scores(job);
    for (int i = 0; i < job->config.n_methods && !code; i++)
        code = search_check(job, i);
    if (!code)
        code = make_results(job);
    return code ? code : open_log(job);
}

/* ---- The end ---- */

static int evaluate(search_job *job, bg_metrics *train, bg_metrics *test)
{
    bg_trainer *trainer;
    bg_trainer_options options = { .network = network_build,
                                   .loss = bg_loss_find(job->config.loss),
                                   .user = &job->network,
                                   .optimizer = bg_sgd(0.1, 0) };
    bg_status status = bg_trainer_create(&trainer, job->model, &options);
    if (status == BG_OK)
        status = bg_trainer_evaluate(trainer, job->data.train, train);
    if (status == BG_OK && job->data.test)
        status = bg_trainer_evaluate(trainer, job->data.test, test);
    bg_trainer_destroy(trainer);
    return status == BG_OK ? 0 : output_library();
}

static int save(search_job *job)
{
    char path[CHECKPOINT_PATH_BYTES];
    if (!job->config.out)
        return 0;
    snprintf(path, sizeof path, "%s/best.safetensors", job->config.out);
    return checkpoint_save(path, job->model, &job->about, NULL, &(checkpoint_kept){ .tensors = NULL });
}

static int draw(const search_job *job)
{
    char path[CHECKPOINT_PATH_BYTES];
    const search_config *config = &job->config;
    if (!config->plots)
        return 0;
    if (config->picture)
        return search_draw(job, config->picture);
    snprintf(path, sizeof path, "%s%ssearch.svg", config->out ? config->out : "", config->out ? "/" : "");
    return search_draw(job, path);
}

/* What was found, also by a search that was interrupted or failed. */
static int finish(search_job *job)
{
    bg_metrics train, test;
    if (!job->best_result)
        return 0;
    if (bg_model_set_vectors(job->model, job->best, 1) != BG_OK)
        return output_library();
    int code = save(job);
    if (!code)
        code = evaluate(job, &train, &test);
    if (!code && job->n_results > 1)
        code = search_show_table(job);
    if (!code)
        code = search_show_done(job, &train, job->data.test ? &test : NULL);
    return code ? code : draw(job);
}

static int run_all(search_job *job)
{
    int code = set_up(job);
    if (code)
        return code;
    signals_catch();
    code = search_show_start(job);
    for (int i = 0; i < job->n_results && !code; i++) {
        code = search_run(job, &job->results[i]);
        if (job->results[i].is_done) {
            int shown = search_show_result(job, &job->results[i]);
            code = code ? code : shown;
        }
        if (!code && output_has_failed())
            code = EXIT_FAILED;
    }
    int ended = finish(job);
    if (code >= 128) {
        event *e = event_create("interrupted");
        event_integer(e, "signal", signals_caught());
        int logged = search_emit(job, e);
        ended = ended ? ended : logged;
        output_message("interrupted; %s%s", job->config.out && job->best_result ? "what was found is in " : "not saved",
                       job->config.out && job->best_result ? job->config.out : "");
    }
    return ended && (code == 0 || code >= 128) ? ended : code;
}

int command_search(int argc, char **argv)
{
    search_job job = { .log = { .file = -1 } };
    int code = search_config_parse(&job.config, argc, argv);
    if (!code && job.config.out)
        code = check_out(job.config.out);
    if (!code)
        code = run_all(&job);
    run_log_close(&job.log);
    bg_model_destroy(job.model);
    data_release(&job.data);
    free(job.results);
    free(job.best);
    free(job.class_names);
    bg_engine_destroy(job.engine);
    return code;
}
