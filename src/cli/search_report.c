/* What a search has found, for people and as events. */
#include "search.h"

#include "commands.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_SHOWN = 16 };

int search_emit(search_job *job, event *e)
{
    int code = job->log.file >= 0 ? run_log_append(&job->log, e) : 0;
    if (job->config.common.json)
        event_output(e);
    event_destroy(e);
    return code;
}

int search_show_start(search_job *job)
{
    const search_config *config = &job->config;
    event *e = event_create("start");
    event_text(e, "data", config->data.name);
    event_text(e, "model", config->model);
    event_text(e, "loss", config->loss);
    event_text(e, "dtype", bg_dtype_name(config->data.dtype));
    for (int i = 0; i < config->n_methods; i++) {
        event *item = event_create(NULL);
        event_text(item, "name", config->methods[i].name);
        event_append_object(e, "methods", item);
    }
    event_text(e, "budget_of", search_axis_name(config->axis));
    event_number(e, "budget", config->budget);
    event_integer(e, "seed", (int64_t)config->common.seed);
    event_integer(e, "seeds", config->seeds);
    event_integer(e, "threads", bg_engine_describe(job->engine).threads);
    event_integer(e, "parameter_count", job->dimension);
    event_integer(e, "train_examples", bg_dataset_size(job->data.train));
    if (config->batch > 0)
        event_integer(e, "batch", config->batch);
    if (config->population > 0)
        event_integer(e, "population", config->population);
    event_number(e, "loss_flops", job->loss_flops);
    if (!config->common.json)
        output_line("%s, \"%s\", %s: %lld parameters, %lld examples; %s:%.15g for each of %d run%s", config->data.name,
                    config->model, config->loss, (long long)job->dimension, (long long)bg_dataset_size(job->data.train),
                    search_axis_name(config->axis), config->budget, job->n_results, job->n_results == 1 ? "" : "s");
    return search_emit(job, e);
}

int search_show_result(search_job *job, const search_result *result)
{
    const char *name = job->config.methods[result->method].name;
    event *e = event_create("run");
    event_text(e, "method", name);
    event_integer(e, "seed", (int64_t)result->seed);
    event_number(e, "loss", result->loss);
    event_number(e, "evaluations", result->evaluations);
    event_number(e, "flops", result->flops);
    event_number(e, "seconds", result->seconds);
    event_integer(e, job->config.methods[result->method].kind == BY_SEARCH ? "generations" : "steps",
                  result->generations);
    if (result->reason[0])
        event_text(e, "reason", result->reason);
    event_list(e, "spent");
    event_list(e, "losses");
    for (int i = 0; i < SEARCH_PLACES; i++) {
        event_append(e, "spent", search_place(&job->config, i));
        event_append(e, "losses", result->losses[i]);
    }
    if (!job->config.common.json)
        output_line("%-10s seed %-3llu loss %-12.7g %.6g evaluations, %.3g GFLOP, %.3g s%s%s", name,
                    (unsigned long long)result->seed, result->loss, result->evaluations, 1e-9 * result->flops,
                    result->seconds, result->reason[0] ? ": " : "", result->reason);
    return search_emit(job, e);
}

/* ---- Medians and quartiles ---- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double search_quartile(const search_job *job, int method, int place, int quartile)
{
    double *losses = malloc((size_t)job->n_results * sizeof *losses), value = NAN;
    int n = 0;
    for (int i = 0; i < job->n_results && losses; i++)
        if (job->results[i].is_done && job->results[i].method == method && !isnan(job->results[i].losses[place]))
            losses[n++] = job->results[i].losses[place];
    if (n > 0) {
        qsort(losses, (size_t)n, sizeof *losses, compare_numbers);
        double at = 0.25 * quartile * (n - 1); /* between two losses in proportion, as NumPy has it */
        int below = (int)at;
        value = losses[below];
        if (below + 1 < n && at > below)
            value += (at - below) * (losses[below + 1] - losses[below]);
    }
    free(losses);
    return value;
}

/* 1, 10 and 100 % of the budget. */
static const int table_places[] = { 20, 40, 60 };
enum { TABLE_PLACES = sizeof table_places / sizeof *table_places };

static int show_row(search_job *job, int method, int place)
{
    double spent = search_place(&job->config, place);
    double q[4] = { 0 };
    for (int i = 1; i < 4; i++)
        q[i] = search_quartile(job, method, place, i);
    event *e = event_create("comparison");
    event_text(e, "method", job->config.methods[method].name);
    event_number(e, search_axis_name(job->config.axis), spent);
    event_number(e, "median", q[2]);
    event_number(e, "quartile_1", q[1]);
    event_number(e, "quartile_3", q[3]);
    if (!job->config.common.json)
        output_line("%12.6g  %-10s %12.6g %12.6g %12.6g", spent, job->config.methods[method].name, q[2], q[1], q[3]);
    return search_emit(job, e);
}

int search_show_table(search_job *job)
{
    int code = 0;
    if (!job->config.common.json)
        output_line("\n%12s  %-10s %12s %12s %12s", search_axis_name(job->config.axis), "method", "median",
                    "quartile 1", "quartile 3");
    for (int i = 0; i < TABLE_PLACES; i++)
        for (int m = 0; m < job->config.n_methods && !code; m++)
            if (!isnan(search_quartile(job, m, table_places[i], 2)))
                code = show_row(job, m, table_places[i]);
    return code;
}

/* ---- The end ---- */

static void show_metrics(const search_job *job, event *e, const char *part, const bg_metrics *metrics)
{
    char key[40], text[60] = "";
    if (!metrics)
        return;
    snprintf(key, sizeof key, "%s_loss", part);
    event_number(e, key, metrics->loss);
    if (metrics->has_accuracy) {
        snprintf(key, sizeof key, "%s_accuracy", part);
        event_number(e, key, metrics->accuracy);
        snprintf(text, sizeof text, "  accuracy %.2f %%", 100 * metrics->accuracy);
    }
    if (!job->config.common.json)
        output_line("%-10s loss %.7g%s", part, metrics->loss, text);
}

static void show_parameters(const search_job *job, event *e)
{
    int64_t at = 0;
    event_list(e, "parameters");
    for (size_t i = 0; i < bg_model_count(job->model); i++) {
        if (!bg_model_is_parameter(job->model, i))
            continue;
        char line[64 + PARAMETERS_SHOWN * 20];
        int length = snprintf(line, sizeof line, "%-10.40s", bg_model_name(job->model, i));
        for (int64_t k = 0; k < bg_shape_count(bg_tensor_shape(bg_model_tensor(job->model, i))); k++, at++) {
            event_append(e, "parameters", job->best[at]);
            length += snprintf(line + length, sizeof line - (size_t)length, " %.9g", job->best[at]);
        }
        if (!job->config.common.json)
            output_line("%s", line);
    }
}

int search_show_done(search_job *job, const bg_metrics *train, const bg_metrics *test)
{
    const search_result *best = job->best_result;
    event *e = event_create("done");
    event_text(e, "method", job->config.methods[best->method].name);
    event_integer(e, "seed", (int64_t)best->seed);
    event_number(e, "loss", best->loss);
    if (!job->config.common.json && job->n_results > 1)
        output_line("\nthe best is of %s with seed %llu", job->config.methods[best->method].name,
                    (unsigned long long)best->seed);
    show_metrics(job, e, "train", train);
    show_metrics(job, e, "test", test);
    if (job->dimension <= PARAMETERS_SHOWN)
        show_parameters(job, e);
    return search_emit(job, e);
}
