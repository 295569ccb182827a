/* Where --data comes from: built-in sets, files and folders. */
#define _POSIX_C_SOURCE 200809L
#include "data_source.h"

#include "commands.h"
#include "data_parts.h"
#include "folder_kind.h"
#include "options.h"
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Options ---- */

enum {
    KEY_DATA = KEYS_DATA,
    KEY_TEST_SHARE,
    KEY_TARGET,
    KEY_DELIMITER,
    KEY_DECIMAL,
    KEY_NO_HEADER,
    KEY_CLASSES,
    KEY_COUNT,
    KEY_CONTEXT,
    KEY_TOKENS,
    KEY_INPUT,
    KEY_TARGET_FILE,
    KEY_COARSE_LABELS,
    KEY_STREAM
};

static const struct argp_option data_table[] = {
    { "data", KEY_DATA, "NAME|PATH", 0,
      "lecture, digits or strokes; a CSV table (.csv, .csv.gz); IDX images (..images..idx3-ubyte, .gz or not, with "
      "their labels beside them); arrays (.npz with x and y, or .npy with --target-file); a text (.txt, .txt.gz); a "
      "folder with the files of MNIST or of CIFAR (.bin), or with tables, arrays or texts alone, which are read one "
      "behind the other in the order of their names; names that begin with a dot do not count; in eval and predict - "
      "is a CSV table from standard input",
      0 },
    { "test-share", KEY_TEST_SHARE, "SHARE", 0,
      "hold out this share of the examples for testing, 0 to 0.9 (default: a fifth of digits and strokes, the last "
      "tenth of a text, nothing of lecture, CSV, IDX and arrays; MNIST and CIFAR folders have test files)",
      0 },
    { "target", KEY_TARGET, "COLUMN", 0,
      "CSV: name or number from 0 of the column to predict, or several: y,z or 3-5 (default: the last); .npz: name of "
      "the array (default: y)",
      0 },
    { "delimiter", KEY_DELIMITER, "C", 0, "CSV: what separates fields (default: ,)", 0 },
    { "decimal", KEY_DECIMAL, "C", 0, "CSV: the decimal mark (default: .)", 0 },
    { "no-header", KEY_NO_HEADER, NULL, 0, "CSV: the first line is data", 0 },
    { "classes", KEY_CLASSES, NULL, 0,
      "CSV and arrays: the target holds classes: numbers 0, 1, .., or names in a CSV table (implied by a loss of "
      "classes, and by arrays of integers)",
      0 },
    { "count", KEY_COUNT, "N", 0, "strokes: how many to draw (default: 10000)", 0 },
    { "context", KEY_CONTEXT, "N", 0, "texts: tokens that an example gives the network (default: 64)", 0 },
    { "tokens", KEY_TOKENS, "KIND", 0,
      "texts: characters (the default) or bytes; makes a file of any name a text, and any file can be one of bytes",
      0 },
    { "input", KEY_INPUT, "NAME", 0, ".npz: the array of inputs (default: x)", 0 },
    { "target-file", KEY_TARGET_FILE, "FILE", 0,
      "CSV: another table of the same form with the targets, row by row (default: all of its columns); .npy: the file "
      "with the array of targets; of a folder, a folder with as many files",
      0 },
    { "coarse-labels", KEY_COARSE_LABELS, NULL, 0, "CIFAR-100: learn the 20 coarse classes, not the 100 fine ones", 0 },
    { "stream", KEY_STREAM, NULL, 0,
      "CSV, .npy, IDX and CIFAR: leave the examples in their files, which are not compressed but for CSV, and read "
      "those of each batch from there, for data larger than memory; results are the same. Those of CSV go through a "
      "temporary file in $TMPDIR",
      0 },
    { 0 },
};

static error_t parse_data(int key, char *text, struct argp_state *state)
{
    static const char *const kinds_of_tokens[] = { "characters", "bytes", NULL };
    data_settings *settings = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        settings->test_share = -1;
        state->child_inputs[0] = &settings->table;
        return 0;
    case KEY_DATA:
        settings->name = text;
        return 0;
    case KEY_TEST_SHARE:
        settings->test_share = option_number(state, "test-share", text, 0, 0.9);
        return 0;
    case KEY_TARGET:
        settings->target = text;
        return 0;
    case KEY_DELIMITER:
        settings->delimiter = option_character(state, "delimiter", text);
        return 0;
    case KEY_DECIMAL:
        settings->decimal = option_character(state, "decimal", text);
        return 0;
    case KEY_NO_HEADER:
        settings->without_header = true;
        return 0;
    case KEY_CLASSES:
        settings->with_classes = true;
        return 0;
    case KEY_COUNT:
        settings->count = option_integer(state, "count", text, 1, 100000000);
        return 0;
    case KEY_CONTEXT:
        settings->context = option_integer(state, "context", text, 1, 1 << 20);
        return 0;
    case KEY_TOKENS:
        settings->tokens = kinds_of_tokens[option_choice(state, "tokens", text, kinds_of_tokens)];
        return 0;
    case KEY_INPUT:
        settings->input = text;
        return 0;
    case KEY_TARGET_FILE:
        settings->target_file = text;
        return 0;
    case KEY_COARSE_LABELS:
        settings->with_coarse_labels = true;
        return 0;
    case KEY_STREAM:
        settings->streams = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child data_children[] = { { &table_argp, 0, NULL, 0 }, { 0 } };
const struct argp data_argp = { .options = data_table, .parser = parse_data, .children = data_children };

/* ---- Kinds ---- */

static const char *const UNDERSTOOD =
    "the built-in lecture, digits and strokes; tables ending in .csv or .csv.gz; texts ending in .txt or .txt.gz, or "
    "of "
    "any name with --tokens; IDX files like train-images-idx3-ubyte, .gz or not; arrays ending in .npy or .npz; and "
    "folders with the files of MNIST or CIFAR, or with tables, arrays or texts alone";

bool data_name_ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int check_array_options(const data_settings *settings)
{
    bool is_npz = settings->kind == DATA_ARRAYS && settings->is_npz;
    if (settings->input && !is_npz)
        return output_usage("--input is an option of .npz files; --data is %s", settings->name);
    if (settings->target && settings->kind == DATA_ARRAYS && !is_npz)
        return output_usage("--target names an array of an .npz file; that of %s is in --target-file", settings->name);
    if (settings->target_file && settings->kind != DATA_CSV && (settings->kind != DATA_ARRAYS || is_npz))
        return output_usage("--target-file is an option of CSV tables and .npy files; --data is %s", settings->name);
    bool has_stream = settings->kind == DATA_CSV || settings->kind == DATA_IDX || settings->kind == DATA_MNIST ||
                      settings->kind == DATA_CIFAR || (settings->kind == DATA_ARRAYS && !is_npz);
    if (settings->streams && !has_stream)
        return output_usage("--stream is an option of CSV tables, .npy files, and the images of IDX and CIFAR; --data "
                            "is %s",
                            settings->name);
    if (settings->with_coarse_labels && settings->kind != DATA_CIFAR)
        return output_usage("--coarse-labels is an option of CIFAR-100; --data is %s", settings->name);
    return 0;
}

/* Finds an option that says nothing about this kind of data: a mistake that should not pass silently. */
static int check_options(const data_settings *settings)
{
    bool is_arrays = settings->kind == DATA_ARRAYS;
    const char *table = settings->target && !is_arrays         ? "--target"
                        : settings->delimiter                  ? "--delimiter"
                        : settings->decimal                    ? "--decimal"
                        : settings->without_header             ? "--no-header"
                        : settings->with_classes && !is_arrays ? "--classes"
                                                               : table_option_given(&settings->table);
    if (table && settings->kind != DATA_CSV)
        return output_usage("%s is an option of CSV tables; --data is %s", table, settings->name);
    const char *text = settings->context ? "--context" : settings->tokens ? "--tokens" : NULL;
    if (text && settings->kind != DATA_TEXT)
        return output_usage("%s is an option of texts; --data is %s", text, settings->name);
    if (settings->count && settings->kind != DATA_STROKES)
        return output_usage("--count is an option of strokes; --data is %s", settings->name);
    return check_array_options(settings);
}

int data_classify(data_settings *settings)
{
    static const char *const built_in[] = { "lecture", "digits", "strokes" };
    const char *name = settings->name;
    if (!name)
        return output_usage("--data is missing; there are %s", UNDERSTOOD);
    for (int i = 0; i < 3; i++)
        if (strcmp(name, built_in[i]) == 0) {
            settings->kind = (data_kind)(DATA_LECTURE + i);
            return check_options(settings);
        }
    if (strcmp(name, "-") == 0) {
        settings->name = "/dev/stdin";
        settings->kind = DATA_CSV;
        return settings->is_read_once
                   ? check_options(settings)
                   : output_usage("--data -: only eval and predict read a table from standard input; "
                                  "name a file, which a run finds again when it goes on");
    }
    struct stat about;
    if (stat(name, &about) != 0) {
        int error = errno;
        if (error == ENOENT && !strpbrk(name, "/."))
            return output_usage("there is no data set \"%s\"; --data takes %s", name, UNDERSTOOD);
        return output_failure("%s: %s", name, strerror(error));
    }
    settings->is_npz = data_name_ends_with(name, ".npz");
    if (S_ISDIR(about.st_mode)) {
        int code = folder_kind_find(&settings->kind, &settings->is_npz, name, settings->tokens != NULL);
        return code ? code : check_options(settings);
    }
    if (settings->tokens || data_name_ends_with(name, ".txt") || data_name_ends_with(name, ".txt.gz"))
        settings->kind = DATA_TEXT;
    else if (data_name_ends_with(name, ".csv") || data_name_ends_with(name, ".csv.gz"))
        settings->kind = DATA_CSV;
    else if (data_name_ends_with(name, "-ubyte") || data_name_ends_with(name, "-ubyte.gz"))
        settings->kind = DATA_IDX;
    else if (data_name_ends_with(name, ".npy") || data_name_ends_with(name, ".npz"))
        settings->kind = DATA_ARRAYS;
    else
        return output_usage("%s: not a kind of file that --data takes; it takes %s", name, UNDERSTOOD);
    return check_options(settings);
}

/* Options win over what the checkpoint says. Of other data than those of the run, only the form is the same. */
static void fill_in(data_settings *data, const data_settings *saved)
{
    if (!data->target)
        data->target = saved->target;
    if (!data->delimiter)
        data->delimiter = saved->delimiter;
    if (!data->decimal)
        data->decimal = saved->decimal;
    data->with_classes = data->with_classes || saved->with_classes;
    data->input = data->input ? data->input : saved->input;
    data->with_coarse_labels = data->with_coarse_labels || saved->with_coarse_labels;
    data->dtype = saved->dtype;
    if (data->kind == DATA_TEXT) {
        data->context = data->context ? data->context : saved->context;
        data->tokens = data->tokens ? data->tokens : saved->tokens;
        data->vocabulary = saved->vocabulary;
    }
    data->without_header = data->without_header || saved->without_header;
    bool is_same = saved->name && strcmp(data->name, saved->name) == 0;
    data->streams = data->streams || (is_same && saved->streams);
    if (is_same)
        data->target_file = data->target_file ? data->target_file : saved->target_file;
    if (data->kind == DATA_CSV)
        table_fill_in(&data->table, &saved->table, is_same, data->without_header, data->target || data->target_file);
    parts_fill_in(&data->parts, &saved->parts, is_same && data->test_share < 0);
    if (!is_same)
        return;
    if (data->test_share < 0)
        data->test_share = saved->test_share;
    if (!data->count)
        data->count = saved->count;
}

int data_like_checkpoint(data_settings *data, const data_settings *saved, const common_options *common)
{
    data->seed = common->has_seed ? common->seed : saved->seed;
    if (!data->name && !data->tokens)
        data->tokens = saved->tokens;
    if (!data->name)
        data->name = saved->name;
    int code = data_classify(data);
    if (!code)
        fill_in(data, saved);
    return code;
}

/* ---- Loading ---- */

/* "..images..idx3.." becomes "..labels..idx1.." in the file's name. */
static bool labels_path(const char *images, char *labels, size_t capacity)
{
    size_t length = strlen(images);
    if (length + 1 > capacity)
        return false;
    memcpy(labels, images, length + 1);
    char *file = strrchr(labels, '/');
    file = file ? file + 1 : labels;
    char *word = strstr(file, "images"), *rank = strstr(file, "idx3");
    if (!word || !rank)
        return false;
    memcpy(word, "labels", 6);
    memcpy(rank, "idx1", 4);
    return true;
}

/* What no data could be read with is an option's fault. */
static int report(bg_status status)
{
    if (status == BG_ERR_ARGUMENT)
        return output_usage("%s", bg_last_error());
    return status == BG_OK ? 0 : output_library();
}

static int load_idx(bg_dataset **all, bg_engine *engine, const data_settings *settings)
{
    char labels_name[4096];
    if (!labels_path(settings->name, labels_name, sizeof labels_name))
        return output_usage("%s: name the file of images, as in train-images-idx3-ubyte; its labels are then "
                            "train-labels-idx1-ubyte",
                            settings->name);
    const bg_data_options options = { .dtype = settings->dtype, .streams = settings->streams };
    return report(bg_data_read_images(all, engine, settings->name, labels_name, &options));
}

/* Of a text, unless --test-share says otherwise. */
static const double TEXT_TEST_SHARE = 0.1;

bool data_has_bytes(const data_settings *settings)
{
    return settings->tokens && strcmp(settings->tokens, "bytes") == 0;
}

int data_load_whole(data_parts *parts, bg_engine *engine, const data_settings *settings)
{
    const bg_data_options options = { .dtype = settings->dtype,
                                      .count = settings->count,
                                      .seed = settings->seed,
                                      .delimiter = settings->delimiter,
                                      .decimal = settings->decimal,
                                      .target = settings->target,
                                      .without_header = settings->without_header,
                                      .with_classes = settings->with_classes,
                                      .without_classes = !settings->with_classes,
                                      .input = settings->input,
                                      .target_file = settings->target_file,
                                      .without_target = settings->table.without_target,
                                      .streams = settings->streams,
                                      .with_coarse_labels = settings->with_coarse_labels,
                                      .context = settings->context,
                                      .with_bytes = data_has_bytes(settings),
                                      .vocabulary = settings->vocabulary,
                                      .test_share = settings->test_share < 0 ? TEXT_TEST_SHARE : settings->test_share };
    bg_status status;
    switch (settings->kind) {
    case DATA_IDX:
        return load_idx(&parts->train, engine, settings);
    case DATA_MNIST:
        status = bg_data_read_mnist(&parts->train, &parts->test, engine, settings->name, &options);
        break;
    case DATA_CIFAR:
        status = bg_data_read_cifar(&parts->train, &parts->test, engine, settings->name, &options);
        break;
    case DATA_ARRAYS:
        status = bg_data_read_arrays(&parts->train, engine, settings->name, &options);
        break;
    case DATA_TEXT:
        status = bg_data_read_text(&parts->train, &parts->test, engine, settings->name, &options);
        break;
    case DATA_CSV:
        status = table_read(&parts->train, engine, settings->name, options, &settings->table);
        break;
    default:
        status = bg_data_builtin(&parts->train, engine, settings->name, &options);
    }
    return report(status);
}

/* The parts have factors of their own, since the same examples as another part are other data; one that is not there
 * counts for nothing, so that runs of versions with fewer parts go on. */
int data_hash(const data_parts *parts, uint64_t *hash)
{
    const struct {
        const bg_dataset *part;
        uint64_t factor;
    } all[] = { { parts->train, 1 }, { parts->validation, 37 }, { parts->test, 31 } };
    *hash = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t of_part;
        if (!all[i].part)
            continue;
        if (bg_dataset_hash(&of_part, all[i].part) != BG_OK)
            return output_library();
        *hash = *hash * all[i].factor + of_part;
    }
    return 0;
}

int data_load(data_parts *parts, bg_engine *engine, const data_settings *settings, uint64_t *hash)
{
    const char *option = parts_option_given(&settings->parts);
    *parts = (data_parts){ .train = NULL };
    if (option && settings->kind == DATA_TEXT)
        return output_usage("%s says nothing about a text, whose tokens stay in their order", option);
    int code = data_parts_check(settings);
    data_settings whole = *settings;
    if (settings->parts.test.data)
        whole.test_share = 0;
    if (!code)
        code = data_load_whole(parts, engine, &whole);
    if (!code)
        code = data_parts_read(parts, engine, settings);
    /* Of the content as it was read: the options that cut and scale it are no part of it. */
    if (!code && hash)
        code = data_hash(parts, hash);
    if (!code)
        code = data_parts_cut(parts, settings);
    bg_dataset **const all[] = { &parts->train, &parts->validation, &parts->test };
    if (!code) {
        parts->feature_names = table_feature_names(parts->train);
        code = transform_parts(all, 3, engine, &settings->parts, &parts->transform);
    }
    if (code)
        data_release(parts);
    return code;
}

int data_find_classes(data_settings *settings)
{
    bg_engine *engine = NULL;
    const bg_data_options options = { .target = settings->target, .target_file = settings->target_file };
    int code = 0;
    if (bg_engine_create(&engine, &(bg_engine_options){ .threads = 1 }) != BG_OK ||
        bg_data_arrays_have_classes(&settings->with_classes, engine, settings->name, &options) != BG_OK)
        code = output_library();
    bg_engine_destroy(engine);
    return code;
}

int data_need_targets(const data_parts *parts, const data_settings *settings)
{
    if (bg_dataset_columns(parts->train) > 1)
        return 0;
    if (settings->is_npz)
        return output_usage("%s: there is no array y of targets; --target names another", settings->name);
    return output_usage("%s: the targets are missing: name their file with --target-file", settings->name);
}

void data_release(data_parts *parts)
{
    bg_dataset_destroy(parts->train);
    bg_dataset_destroy(parts->validation);
    bg_dataset_destroy(parts->test);
    transform_texts_release(&parts->transform);
    free(parts->feature_names);
    *parts = (data_parts){ .train = NULL };
}
