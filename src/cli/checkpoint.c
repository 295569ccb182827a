/* Checkpoints: safetensors files of a model, with what is needed to use it again in their metadata. */
#define _POSIX_C_SOURCE 200809L
#include "checkpoint.h"

#include "commands.h"
#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool checkpoint_is_state(const char *name)
{
    return strncmp(name, "optimizer.", 10) != 0 && strncmp(name, "trainer.", 8) != 0;
}

/* ---- The option ---- */

const char *checkpoint_of_run(char path[CHECKPOINT_PATH_BYTES], const char *run)
{
    static const char *const names[] = { "best.safetensors", "last.safetensors" };
    int length = (int)strnlen(run, CHECKPOINT_PATH_BYTES);
    while (length > 1 && run[length - 1] == '/')
        length--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (snprintf(path, CHECKPOINT_PATH_BYTES, "%.*s/%s", length, run, names[i]) < CHECKPOINT_PATH_BYTES &&
            access(path, F_OK) == 0)
            return path;
    return NULL;
}

void checkpoint_take_directory(const char **file, const char *option, const struct argp_state *state)
{
    static char path[CHECKPOINT_PATH_BYTES];
    struct stat about;
    if (stat(*file, &about) != 0 || !S_ISDIR(about.st_mode))
        return;
    const char *found = checkpoint_of_run(path, *file);
    if (!found)
        argp_failure(state, EXIT_FAILED, 0,
                     "%s%s: a directory that holds neither best.safetensors nor last.safetensors", option, *file);
    *file = found;
}

enum { KEY_CHECKPOINT = KEYS_CHECKPOINT };
static const struct argp_option table[] = {
    { "checkpoint", KEY_CHECKPOINT, "FILE", 0,
      "the network: best, last or previous.safetensors of a run; of a run directory best, or else last", 0 },
    { 0 }
};
static error_t parse(int key, char *text, struct argp_state *state)
{
    const char **file = state->input;
    switch (key) {
    case KEY_CHECKPOINT:
        *file = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" does not belong to an option; the file is given with --checkpoint", text);
        return 0;
    case ARGP_KEY_END:
        if (!*file)
            argp_error(state, "--checkpoint is missing");
        checkpoint_take_directory(file, "--checkpoint ", state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
static const struct argp checkpoint_argp = { .options = table, .parser = parse };

const struct argp_child checkpoint_children[] = {
    { &checkpoint_argp, 0, NULL, 0 }, { &data_argp, 0, "Data:", 4 }, { &common_argp, 0, "Common:", 5 }, { 0 }
};

void checkpoint_children_init(struct argp_state *state, const char **checkpoint, data_settings *data,
                              common_options *common)
{
    state->child_inputs[0] = checkpoint;
    state->child_inputs[1] = data;
    state->child_inputs[2] = common;
}

/* ---- Saving ---- */

static bg_status add_text_data(bg_archive *archive, const data_settings *data)
{
    char number[40];
    snprintf(number, sizeof number, "%lld", (long long)data->context);
    bg_status status = bg_archive_add_text(archive, "blasgrad.context", number);
    if (status == BG_OK)
        status = bg_archive_add_text(archive, "blasgrad.tokens", data->tokens);
    return status == BG_OK && data->vocabulary ? bg_archive_add_text(archive, "blasgrad.vocabulary", data->vocabulary)
                                               : status;
}

static bg_status add_array_data(bg_archive *archive, const data_settings *data)
{
    bg_status status = BG_OK;
    if (data->input)
        status = bg_archive_add_text(archive, "blasgrad.input", data->input);
    if (status == BG_OK && data->target_file)
        status = bg_archive_add_text(archive, "blasgrad.target_file", data->target_file);
    if (status == BG_OK && data->streams)
        status = bg_archive_add_text(archive, "blasgrad.stream", "yes");
    return status == BG_OK && data->with_coarse_labels ? bg_archive_add_text(archive, "blasgrad.labels", "coarse")
                                                       : status;
}

static bg_status add_data(bg_archive *archive, const data_settings *data)
{
    char number[40], character[2] = { 0 };
    bg_status status = bg_archive_add_text(archive, "blasgrad.data", data->name);
    snprintf(number, sizeof number, "%llu", (unsigned long long)data->seed);
    if (status == BG_OK)
        status = bg_archive_add_text(archive, "blasgrad.seed", number);
    snprintf(number, sizeof number, "%.17g", data->test_share);
    if (status == BG_OK && data->test_share >= 0)
        status = bg_archive_add_text(archive, "blasgrad.test_share", number);
    snprintf(number, sizeof number, "%lld", (long long)data->count);
    if (status == BG_OK && data->count)
        status = bg_archive_add_text(archive, "blasgrad.count", number);
    if (status == BG_OK && data->target)
        status = bg_archive_add_text(archive, "blasgrad.target", data->target);
    /* config.json names what a table has without options too: no other file should come of a run that was resumed. */
    character[0] = data->delimiter;
    if (status == BG_OK && data->delimiter && data->delimiter != ',')
        status = bg_archive_add_text(archive, "blasgrad.delimiter", character);
    character[0] = data->decimal;
    if (status == BG_OK && data->decimal && data->decimal != '.')
        status = bg_archive_add_text(archive, "blasgrad.decimal", character);
    if (status == BG_OK && data->without_header)
        status = bg_archive_add_text(archive, "blasgrad.header", "no");
    if (status == BG_OK && data->with_classes)
        status = bg_archive_add_text(archive, "blasgrad.classes", "yes");
    if (status == BG_OK && data->kind == DATA_CSV)
        status = table_save(archive, &data->table);
    if (status == BG_OK)
        status = add_array_data(archive, data);
    if (status == BG_OK)
        status = parts_save(archive, &data->parts);
    return status == BG_OK && data->kind == DATA_TEXT ? add_text_data(archive, data) : status;
}

/* "1x28x28"; "tokens 64" if the inputs are integers. */
static bg_status add_sample(bg_archive *archive, const checkpoint_about *about)
{
    char text[BG_MAX_RANK * 21 + 8] = "";
    size_t length = about->takes_tokens ? (size_t)snprintf(text, sizeof text, "tokens ") : 0;
    for (int i = 0; i < about->sample.rank; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", i ? "x" : "",
                                   (long long)about->sample.dims[i]);
    return about->sample.rank > 0 ? bg_archive_add_text(archive, "blasgrad.sample", text) : BG_OK;
}

static void read_sample(const char *text, checkpoint_about *about)
{
    about->takes_tokens = text && strncmp(text, "tokens ", 7) == 0;
    const char *at = text && about->takes_tokens ? text + 7 : text;
    bg_shape shape = { .rank = 0 };
    while (at && shape.rank < BG_MAX_RANK - 1) {
        char *end;
        long long extent = strtoll(at, &end, 10);
        if (end == at || extent < 1 || (*end && *end != 'x'))
            return;
        shape.dims[shape.rank++] = extent;
        at = *end ? end + 1 : NULL;
    }
    if (!at)
        about->sample = shape;
}

static bg_status add_about(bg_archive *archive, const checkpoint_about *about)
{
    bg_status status = bg_archive_add_text(archive, "blasgrad.version", bg_version());
    if (status == BG_OK)
        status = bg_archive_add_text(archive, "blasgrad.model", about->model);
    if (status == BG_OK)
        status = bg_archive_add_text(archive, "blasgrad.loss", about->loss);
    if (status == BG_OK)
        status = bg_archive_add_text(archive, "blasgrad.dtype", bg_dtype_name(about->data.dtype));
    if (status == BG_OK)
        status = add_sample(archive, about);
    if (status == BG_OK && about->training)
        status = bg_archive_add_text(archive, CHECKPOINT_TRAINING, about->training);
    return status == BG_OK ? add_data(archive, &about->data) : status;
}

static bg_status add_kept(bg_archive *archive, const bg_model *model, const checkpoint_kept *kept)
{
    char number[40];
    snprintf(number, sizeof number, "%lld", (long long)kept->epoch);
    bg_status status = kept->epoch > 0 ? bg_archive_add_text(archive, CHECKPOINT_EPOCH, number) : BG_OK;
    size_t copy = 0;
    for (size_t i = 0; i < bg_model_count(model) && status == BG_OK; i++)
        if (checkpoint_is_state(bg_model_name(model, i)))
            status = bg_archive_add(archive, bg_model_name(model, i),
                                    kept->tensors ? kept->tensors[copy++] : bg_model_tensor(model, i));
    return status;
}

checkpoint_hash_text checkpoint_hash(uint64_t hash)
{
    checkpoint_hash_text made;
    (void)snprintf(made.text, sizeof made.text, "%016" PRIx64, hash);
    return made;
}

/* The file's own checksum is of its tensors. */
static bg_status add_run(bg_archive *archive, const char *state)
{
    bg_status status = bg_archive_add_text(archive, CHECKPOINT_RUN, state);
    return status == BG_OK ? bg_archive_add_text(archive, CHECKPOINT_RUN_HASH,
                                                 checkpoint_hash(bg_bytes_hash(state, strlen(state))).text)
                           : status;
}

const char *checkpoint_run_state(const char *path, const bg_archive *archive)
{
    const char *state = bg_archive_text(archive, CHECKPOINT_RUN), *hash = bg_archive_text(archive, CHECKPOINT_RUN_HASH);
    if (!state || !hash) {
        (void)output_failure("%s: its metadata has no %s, so no run can go on from it", path,
                             state ? CHECKPOINT_RUN_HASH : CHECKPOINT_RUN);
        return NULL;
    }
    checkpoint_hash_text own = checkpoint_hash(bg_bytes_hash(state, strlen(state)));
    if (strcmp(hash, own.text) == 0)
        return state;
    (void)output_failure("%s: the checksum of %s is %s, its metadata says %.40s: the file is damaged", path,
                         CHECKPOINT_RUN, own.text, hash);
    return NULL;
}

int checkpoint_save(const char *path, const bg_model *model, const checkpoint_about *about, const checkpoint_run *run,
                    const checkpoint_kept *kept)
{
    bg_archive *archive;
    bg_status status = bg_archive_create(&archive, bg_model_engine(model));
    if (status != BG_OK)
        return output_library();
    status = add_about(archive, about);
    if (status == BG_OK)
        status = run ? bg_trainer_save(run->trainer, archive) : add_kept(archive, model, kept);
    if (status == BG_OK && run)
        status = add_run(archive, run->state);
    if (status == BG_OK)
        status = bg_archive_save(archive, path);
    bg_archive_destroy(archive);
    return status == BG_OK ? 0 : output_library();
}

/* ---- Loading ---- */

static char first_character(const char *text) { return text ? text[0] : 0; }

static void read_about(const bg_archive *archive, checkpoint_about *about)
{
    const char *dtype = bg_archive_text(archive, "blasgrad.dtype"), *seed = bg_archive_text(archive, "blasgrad.seed");
    const char *share = bg_archive_text(archive, "blasgrad.test_share");
    const char *count = bg_archive_text(archive, "blasgrad.count");
    const char *context = bg_archive_text(archive, "blasgrad.context");
    *about = (checkpoint_about){
        .model = bg_archive_text(archive, "blasgrad.model"),
        .loss = bg_archive_text(archive, "blasgrad.loss"),
        .training = bg_archive_text(archive, CHECKPOINT_TRAINING),
        .data = { .name = bg_archive_text(archive, "blasgrad.data"),
                  .test_share = share ? strtod(share, NULL) : -1,
                  .target = bg_archive_text(archive, "blasgrad.target"),
                  .delimiter = first_character(bg_archive_text(archive, "blasgrad.delimiter")),
                  .decimal = first_character(bg_archive_text(archive, "blasgrad.decimal")),
                  .without_header = bg_archive_text(archive, "blasgrad.header") != NULL,
                  .with_classes = bg_archive_text(archive, "blasgrad.classes") != NULL,
                  .input = bg_archive_text(archive, "blasgrad.input"),
                  .target_file = bg_archive_text(archive, "blasgrad.target_file"),
                  .with_coarse_labels = bg_archive_text(archive, "blasgrad.labels") != NULL,
                  .streams = bg_archive_text(archive, "blasgrad.stream") != NULL,
                  .count = count ? strtoll(count, NULL, 10) : 0,
                  .context = context ? strtoll(context, NULL, 10) : 0,
                  .tokens = bg_archive_text(archive, "blasgrad.tokens"),
                  .vocabulary = bg_archive_text(archive, "blasgrad.vocabulary"),
                  .dtype = dtype && strcmp(dtype, "f64") == 0 ? BG_F64 : BG_F32,
                  .seed = seed ? strtoull(seed, NULL, 10) : 0 },
    };
    read_sample(bg_archive_text(archive, "blasgrad.sample"), about);
    table_load(archive, &about->data.table);
    parts_load(archive, &about->data.parts);
}

int checkpoint_load(const char *path, bg_engine *engine, bg_archive **archive, checkpoint_about *about)
{
    if (bg_archive_load(archive, engine, path) != BG_OK)
        return output_library();
    read_about(*archive, about);
    return 0;
}

int checkpoint_check(const char *path, const checkpoint_about *about)
{
    if (!about->model || !about->loss)
        return output_failure("%s: its metadata has no %s, so it is no checkpoint of blasgrad train", path,
                              about->model ? "blasgrad.loss" : "blasgrad.model");
    if (network_check(about->model) != BG_OK || !bg_loss_find(about->loss))
        return output_failure("%s: %s", path, bg_last_error());
    return 0;
}

/* Whether the file holds a value of the tensor, under one of its names. */
static bool holds(const bg_archive *archive, const bg_model *model, const bg_tensor *tensor)
{
    for (size_t i = 0; i < bg_archive_count(archive); i++)
        if (bg_model_find(model, bg_archive_name(archive, i)) == tensor)
            return true;
    return false;
}

/* What the network has not would be lost, and what the file lacks would keep its first values. */
static int check_names(const char *path, const bg_archive *archive, const bg_model *model)
{
    for (size_t i = 0; i < bg_archive_count(archive); i++) {
        const char *name = bg_archive_name(archive, i);
        if (checkpoint_is_state(name) && !bg_model_find(model, name))
            return output_failure("%s: holds %s, which the network has not", path, name);
    }
    for (size_t k = 0; k < bg_model_count(model); k++)
        if (checkpoint_is_state(bg_model_name(model, k)) && !holds(archive, model, bg_model_tensor(model, k)))
            return output_failure("%s: lacks %s, which the network has", path, bg_model_name(model, k));
    return 0;
}

static int set_values(const char *path, const bg_archive *archive, bg_model *model)
{
    size_t count = 0;
    const char **names = calloc(bg_archive_count(archive) + 1, sizeof *names);
    bg_tensor **values = calloc(bg_archive_count(archive) + 1, sizeof *values);
    int code = names && values ? 0 : output_failure("out of memory");
    for (size_t i = 0; i < bg_archive_count(archive) && !code; i++) {
        if (!checkpoint_is_state(bg_archive_name(archive, i)))
            continue;
        names[count] = bg_archive_name(archive, i);
        values[count++] = bg_archive_tensor(archive, i);
    }
    if (!code && bg_model_set_all(model, names, values, count) != BG_OK)
        code = output_failure("%s: %s", path, bg_last_error());
    free(values);
    free(names);
    return code;
}

int checkpoint_fill(const char *path, const bg_archive *archive, bg_model *model)
{
    int code = check_names(path, archive, model);
    return code ? code : set_values(path, archive, model);
}

/* Builds the network on an example, so that all of its parameters and buffers are there. */
static int build_once(bg_model *model, const char *path, network_choice *choice, bg_column x)
{
    bg_graph *graph;
    bg_shape shape = { .rank = x.shape.rank + 1, .dims = { 1 } };
    memcpy(shape.dims + 1, x.shape.dims, (size_t)x.shape.rank * sizeof(int64_t));
    bg_status status = bg_graph_create(&graph, bg_model_engine(model));
    if (status == BG_OK) {
        bg_model_set_training(model, false);
        (void)network_build(model, bg_input(graph, "x", x.dtype, shape), choice);
        status = bg_graph_status(graph);
    }
    bg_graph_destroy(graph);
    return status == BG_OK ? 0 : output_failure("%s: %s", path, bg_last_error());
}

int checkpoint_make_model(bg_model **model, const char *path, const bg_archive *archive, bg_engine *engine,
                          bg_dtype dtype, network_choice *choice, const char *data, bg_column x)
{
    /* A message should say what does not fit to what. */
    char both[1000];
    snprintf(both, sizeof both, "%.480s with %.480s", path, data);
    /* Another model shows the names. The network takes open sizes from the values, which so come first. */
    bg_model *fresh = NULL;
    *model = NULL;
    int code = 0;
    if (bg_model_create(&fresh, engine, dtype) != BG_OK || bg_model_create(model, engine, dtype) != BG_OK)
        code = output_library();
    if (!code)
        code = set_values(both, archive, *model);
    if (!code)
        code = build_once(*model, both, choice, x);
    if (!code)
        code = build_once(fresh, both, choice, x);
    if (!code)
        code = check_names(path, archive, fresh);
    bg_model_destroy(fresh);
    if (code) {
        bg_model_destroy(*model);
        *model = NULL;
    }
    return code;
}
