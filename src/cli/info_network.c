/* What `blasgrad info` says of networks: their tensors, and what they cost to train. */
#include "info_network.h"

#include "checkpoint.h"
#include "commands.h"
#include "optimizer_options.h"
#include "output.h"
#include "program_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Tensors ---- */

static const char *shape_text(bg_shape shape, char *text, size_t capacity)
{
    size_t length = (size_t)snprintf(text, capacity, "[");
    for (int i = 0; i < shape.rank; i++)
        length += (size_t)snprintf(text + length, capacity - length, "%s%lld", i ? ", " : "", (long long)shape.dims[i]);
    snprintf(text + length, capacity - length, "]");
    return text;
}

/* One tensor, as an object of the event's "tensors" or, without an event, as a line. */
static void show_tensor(const char *name, const bg_tensor *tensor, event *e)
{
    const char *dtype = bg_dtype_name(bg_tensor_dtype(tensor));
    bg_shape shape = bg_tensor_shape(tensor);
    double value = NAN;
    bool is_scalar = shape.rank == 0 && bg_tensor_item(tensor, 0, &value) == BG_OK;
    if (!e) {
        char text[BG_MAX_RANK * 22 + 4];
        if (is_scalar)
            output_line("%-32s %-5s %.9g", name, dtype, value);
        else
            output_line("%-32s %-5s %-20s %10lld", name, dtype, shape_text(shape, text, sizeof text),
                        (long long)bg_shape_count(shape));
        return;
    }
    event *item = event_create(NULL);
    event_text(item, "name", name);
    event_text(item, "dtype", dtype);
    event_list(item, "shape");
    for (int i = 0; i < shape.rank; i++)
        event_append_integer(item, "shape", shape.dims[i]);
    event_integer(item, "count", bg_shape_count(shape));
    if (is_scalar)
        event_number(item, "value", value);
    event_append_object(e, "tensors", item);
}

/* One text, on one line whatever is in it; of the numbers of a projection, the first. */
static void show_text(const char *key, const char *text)
{
    char beginning[200];
    size_t length = strlen(text);
    bool is_long = strcmp(key, "blasgrad.projection_values") == 0 && length >= sizeof beginning;
    snprintf(beginning, sizeof beginning, "%.199s", text);
    char *quoted = event_quote(is_long ? beginning : text);
    output_line(is_long ? "%-32s %s .. (%zu bytes)" : "%-32s %s", key, quoted ? quoted : "", length);
    free(quoted);
}

/* ---- Costs ---- */

typedef struct {
    int64_t parameters, buffers;         /* elements */
    double parameter_bytes, state_bytes; /* of the optimizer's state */
    double forward_flops;                /* of forward and loss, for the batch */
    bg_report step;
} network_cost;

static double bytes_of(const bg_tensor *tensor)
{
    return (double)bg_shape_count(bg_tensor_shape(tensor)) * (double)bg_dtype_size(bg_tensor_dtype(tensor));
}

static void add_tensor(network_cost *cost, const bg_model *model, size_t i)
{
    const bg_tensor *tensor = bg_model_tensor(model, i);
    int64_t count = bg_shape_count(bg_tensor_shape(tensor));
    if (!checkpoint_is_state(bg_model_name(model, i))) {
        cost->state_bytes += bytes_of(tensor);
    } else if (bg_model_is_parameter(model, i)) {
        cost->parameters += count;
        cost->parameter_bytes += bytes_of(tensor);
    } else {
        cost->buffers += count;
    }
}

/* Samples of a step where nothing else is known. */
enum { BATCH_DEFAULT = 64 };

static const char *optimizer_text(const step_options *options)
{
    if (!options->optimizer_name)
        return "sgd with momentum";
    bool is_plain = strcmp(options->optimizer_name, "sgd") != 0 || options->optimizer.momentum == 0;
    return is_plain ? options->optimizer_name : "sgd with momentum";
}

/* A driver runs loss and gradient some times a step; what it keeps is not among the model's buffers. */
static bool has_driver(const step_options *options) { return options->optimizer_name && options->optimizer.driver; }

static bg_status find_cost(network_cost *cost, const workload_step *step)
{
    bg_program *forward;
    *cost = (network_cost){ .step = bg_program_report(step->program) };
    for (size_t i = 0; i < bg_model_count(step->model); i++)
        add_tensor(cost, step->model, i);
    bg_status status = workload_part(&forward, step, false);
    if (status != BG_OK)
        return status;
    cost->forward_flops = bg_program_report(forward).flops;
    bg_program_destroy(forward);
    return BG_OK;
}

static void put_cost(event *e, const network_cost *cost, const workload *w, const step_options *options)
{
    event_integer(e, "parameter_count", cost->parameters);
    event_number(e, "parameter_bytes", cost->parameter_bytes);
    event_integer(e, "buffer_count", cost->buffers);
    if (!has_driver(options))
        event_number(e, "optimizer_bytes", cost->state_bytes);
    event_text(e, "loss_function", w->loss);
    event_text(e, "optimizer", options->optimizer_name ? options->optimizer_name : "sgd");
    event_integer(e, "batch", w->batch);
    event_number(e, "forward_flops_per_example", cost->forward_flops / (double)w->batch);
    event_number(e, "step_flops_per_example", cost->step.flops / (double)w->batch);
    program_report_put(e, &cost->step);
}

/* 1234 B, 12.3 KiB, .. */
static const char *bytes_text(double bytes, char text[24])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int unit = 0;
    for (; bytes >= 10000 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(text, 24, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

/* 123 FLOP, 1.23 MFLOP, .. */
static const char *flops_text(double flops, char text[24])
{
    static const char *const units[] = { "", "k", "M", "G", "T" };
    int unit = 0;
    for (; flops >= 1000 && unit < 4; unit++)
        flops /= 1000;
    snprintf(text, 24, "%.4g %sFLOP", flops, units[unit]);
    return text;
}

static void show_cost(const network_cost *cost, const workload *w, const step_options *options, int threads)
{
    char one[24], other[24], report[PROGRAM_REPORT_BYTES], head[64];
    output_line("%-32s %lld, %s", "parameters", (long long)cost->parameters, bytes_text(cost->parameter_bytes, one));
    if (cost->buffers)
        output_line("%-32s %lld", "buffers", (long long)cost->buffers);
    output_line("%-32s %s", "loss", w->loss);
    if (has_driver(options))
        output_line("%-32s %s", "optimizer", optimizer_text(options));
    else
        output_line("%-32s %s, %s%s", "optimizer", optimizer_text(options), bytes_text(cost->state_bytes, one),
                    options->is_assumed ? " (assumed: the file names none)" : "");
    output_line("%-32s %s an example", "forward and loss", flops_text(cost->forward_flops / (double)w->batch, one));
    output_line("%-32s %s an example", has_driver(options) ? "loss and gradient" : "training step",
                flops_text(cost->step.flops / (double)w->batch, one));
    snprintf(head, sizeof head, "batch of %lld, %d thread%s", (long long)w->batch, threads, threads == 1 ? "" : "s");
    output_line("%-32s %s", head, program_report_text(&cost->step, report));
    output_line("%-32s %s planned, %s without planning", "memory", bytes_text((double)cost->step.planned_bytes, one),
                bytes_text((double)cost->step.unplanned_bytes, other));
}

/* Adds the cost of a network to an event, or, without one, shows it; lists its tensors if asked to. */
static int add_network(bg_engine *engine, workload *w, bg_dtype dtype, const step_options *options, bool has_list,
                       event *e)
{
    workload_step step;
    network_cost cost;
    w->optimizer = options->optimizer_name ? &options->optimizer : NULL;
    if (workload_start(&step, w, engine, dtype, NULL) != BG_OK)
        return output_failure("%s, batch %lld: %s", w->name, (long long)w->batch, bg_last_error());
    int code = find_cost(&cost, &step) == BG_OK ? 0 : output_library();
    for (size_t i = 0; i < bg_model_count(step.model) && has_list && !code; i++)
        if (checkpoint_is_state(bg_model_name(step.model, i)))
            show_tensor(bg_model_name(step.model, i), bg_model_tensor(step.model, i), e);
    if (!code && e)
        put_cost(e, &cost, w, options);
    else if (!code)
        show_cost(&cost, w, options, bg_engine_describe(engine).threads);
    workload_finish(&step);
    return code;
}

/* An event with an empty list of tensors; NULL for text. */
static event *begin(bool json)
{
    event *e = json ? event_create("info") : NULL;
    if (e)
        event_list(e, "tensors");
    return e;
}

static void finish(event *e, int code)
{
    if (e && !code)
        event_output(e);
    event_destroy(e);
}

int info_network(bg_engine *engine, const own_network *own, const step_options *options, bool json)
{
    workload w = own_network_workload(own, options->batch ? options->batch : BATCH_DEFAULT);
    event *e = begin(json);
    if (e)
        event_text(e, "model", w.model);
    int code = add_network(engine, &w, BG_F32, options, true, e);
    finish(e, code);
    return code;
}

/* ---- Files ---- */

static void show_archive(const bg_archive *archive, const char *path, event *e)
{
    event *metadata = event_create(NULL);
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        show_tensor(bg_archive_name(archive, i), bg_archive_tensor(archive, i), e);
    for (size_t i = 0; i < bg_archive_text_count(archive); i++) {
        const char *key = bg_archive_text_key(archive, i), *text = bg_archive_text(archive, key);
        event_text(metadata, key, text);
        if (!e)
            show_text(key, text);
    }
    if (e) {
        event_text(e, "file", path);
        event_object(e, "metadata", metadata);
    } else {
        event_destroy(metadata);
    }
}

/* The network of a checkpoint, with as many outputs as its values have. */
static int add_checkpoint(bg_engine *engine, const char *path, const bg_archive *archive, const checkpoint_about *about,
                          const step_options *options, event *e)
{
    bg_model *model;
    network_choice choice = { .model = about->model };
    bg_dtype input = about->takes_tokens ? BG_I64 : about->data.dtype;
    int64_t scores = 0;
    int code = checkpoint_check(path, about);
    if (code)
        return code;
    code = checkpoint_make_model(&model, path, archive, engine, about->data.dtype, &choice, "its own inputs",
                                 (bg_column){ input, about->sample });
    if (!code && network_scores(model, &choice, input, about->sample, &scores) != BG_OK)
        code = output_library();
    workload w = { .name = path,
                   .model = about->model,
                   .loss = about->loss,
                   .batch = options->batch ? options->batch : BATCH_DEFAULT,
                   .sample = about->sample,
                   .vocabulary = about->takes_tokens ? scores : 0,
                   .classes = scores };
    if (!code)
        code = add_network(engine, &w, about->data.dtype, options, false, e);
    bg_model_destroy(model);
    return code;
}

/* What the run was trained with, where nothing else is asked for; *training has the names, and is to be destroyed. */
static int take_training(step_options *options, event **training, const char *path, const checkpoint_about *about)
{
    *training = about->training ? event_parse(about->training) : NULL;
    /* The closed form has no steps. */
    bool has_steps = about->training && !event_has(*training, "method");
    options->is_assumed = !has_steps && !options->optimizer_name;
    if (!has_steps)
        return 0;
    double batch = event_get_number(*training, "batch");
    bg_optimizer optimizer;
    if (!(batch >= 1 && batch <= OWN_EXTENT_MAX) || !optimizer_recall(&optimizer, *training))
        return output_failure("%s: its %s names no batch and optimizer", path, CHECKPOINT_TRAINING);
    if (options->batch == 0)
        options->batch = (int64_t)batch;
    if (options->optimizer_name)
        return 0;
    options->optimizer_name = event_get_text(*training, "optimizer");
    options->optimizer = optimizer;
    return 0;
}

int info_file(bg_engine *engine, const char *path, const step_options *options, bool json)
{
    bg_archive *archive;
    checkpoint_about about;
    int code = checkpoint_load(path, engine, &archive, &about);
    if (code)
        return code;
    event *e = begin(json), *training = NULL;
    step_options step = *options;
    bool has_network = about.model && about.loss && about.sample.rank > 0;
    show_archive(archive, path, e);
    if (has_network)
        code = take_training(&step, &training, path, &about);
    if (has_network && !code)
        code = add_checkpoint(engine, path, archive, &about, &step, e);
    else if (!has_network && options->option)
        code = output_failure("--%s: %s does not say what its network is, or the shape of its inputs", options->option,
                              path);
    finish(e, code);
    event_destroy(training);
    bg_archive_destroy(archive);
    return code;
}
