/* How data are cut into parts, scaled, and changed at random. */
#include "parts_options.h"

#include "data_rows.h"
#include "options.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

enum {
    KEY_STRATIFY = KEYS_PARTS,
    KEY_VALIDATION_SHARE,
    KEY_VALIDATION_DATA,
    KEY_VALIDATION_TARGET_FILE,
    KEY_TEST_DATA,
    KEY_TEST_TARGET_FILE,
    KEY_SCALE,
    KEY_AUGMENT
};

static const struct argp_option options[] = {
    { "validation-share", KEY_VALIDATION_SHARE, "SHARE", 0,
      "hold out this share of the examples (where the test has files of its own: of the others), by which the best "
      "epoch is chosen; the test is then made once, at the end (default: nothing; the test chooses)",
      0 },
    { "validation-data", KEY_VALIDATION_DATA, "PATH", 0,
      "validate on the examples of this file or folder, of the same form as --data", 0 },
    { "validation-target-file", KEY_VALIDATION_TARGET_FILE, "FILE", 0, "as --target-file, of --validation-data", 0 },
    { "test-data", KEY_TEST_DATA, "PATH", 0, "test on the examples of this file or folder, of the same form as --data",
      0 },
    { "test-target-file", KEY_TEST_TARGET_FILE, "FILE", 0, "as --target-file, of --test-data", 0 },
    { "stratify", KEY_STRATIFY, NULL, 0, "hold out the same share of each class", 0 },
    { "scale", KEY_SCALE, "HOW", 0,
      "scale each input by what the training examples show: standard, to mean 0 and variance 1; or min-max, to 0 .. 1",
      0 },
    { "augment", KEY_AUGMENT, "WORDS", 0,
      "change training images at random in each epoch: flip (left and right, half of them), shift:N (by up to N "
      "pixels, "
      "zeros come in), noise:S (of standard deviation S, in any inputs); as in \"flip shift:2\"",
      0 },
    { 0 },
};

static const char *const ways[] = { [BG_SCALING_STANDARD] = "standard", [BG_SCALING_MIN_MAX] = "min-max", NULL };

/* "flip shift:2 noise:0.1"; false if the text says anything else, or nothing. */
static bool parse_augmentation(const char *text, bg_augmentation *a)
{
    const char *at = text + strspn(text, " ");
    *a = (bg_augmentation){ .flips = false };
    if (!*at)
        return false;
    while (*at) {
        char *end = (char *)(uintptr_t)at;
        if (strncmp(at, "flip", 4) == 0) {
            a->flips = true;
            end += 4;
        } else if (strncmp(at, "shift:", 6) == 0) {
            a->shift = strtoll(at + 6, &end, 10);
            if (end == at + 6 || a->shift < 1)
                return false;
        } else if (strncmp(at, "noise:", 6) == 0) {
            a->noise = strtod(at + 6, &end);
            if (end == at + 6 || !(a->noise > 0) || !isfinite(a->noise))
                return false;
        }
        if (end == at || (*end && *end != ' '))
            return false;
        at = end + strspn(end, " ");
    }
    return true;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    parts_settings *settings = state->input;
    switch (key) {
    case KEY_STRATIFY:
        settings->is_stratified = true;
        return 0;
    case KEY_VALIDATION_SHARE:
        settings->validation_share = option_number(state, "validation-share", text, 0, 0.9);
        return 0;
    case KEY_VALIDATION_DATA:
        settings->validation.data = text;
        return 0;
    case KEY_VALIDATION_TARGET_FILE:
        settings->validation.target_file = text;
        return 0;
    case KEY_TEST_DATA:
        settings->test.data = text;
        return 0;
    case KEY_TEST_TARGET_FILE:
        settings->test.target_file = text;
        return 0;
    case KEY_SCALE:
        settings->scale = ways[option_choice(state, "scale", text, ways)];
        return 0;
    case KEY_AUGMENT:
        if (!parse_augmentation(text, &settings->augmentation))
            argp_error(state, "--augment \"%s\": words of flip, shift:N and noise:S, N and S above 0", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp parts_argp = { .options = options, .parser = parse };

const char *parts_option_given(const parts_settings *settings)
{
    return settings->scale ? "--scale" : settings->is_stratified ? "--stratify" : NULL;
}

void parts_fill_in(parts_settings *settings, const parts_settings *saved, bool is_same)
{
    settings->scale = saved->scale;
    settings->values = saved->values;
    if (!is_same)
        return;
    settings->is_stratified = saved->is_stratified;
    settings->validation_share = saved->validation_share;
    settings->validation = saved->validation;
    settings->test = saved->test;
}

void parts_hold_nothing_out(parts_settings *settings)
{
    const part_file none = { .data = NULL };
    settings->is_stratified = false;
    settings->validation_share = 0;
    settings->validation = settings->test = none;
}

/* The paths, by the keys that they have in logs and, behind a prefix, in checkpoints. */
enum { PATHS = 4 };
typedef struct {
    const char *key, *path;
} named_path;
typedef struct {
    named_path items[PATHS];
} named_paths;

static named_paths paths_of(const parts_settings *s)
{
    return (named_paths){ { { "validation_data", s->validation.data },
                            { "validation_target_file", s->validation.target_file },
                            { "test_data", s->test.data },
                            { "test_target_file", s->test.target_file } } };
}

void parts_describe(const parts_settings *settings, event *e)
{
    const named_paths paths = paths_of(settings);
    if (settings->validation_share > 0)
        event_number(e, "validation_share", settings->validation_share);
    for (int i = 0; i < PATHS; i++)
        if (paths.items[i].path)
            event_text(e, paths.items[i].key, paths.items[i].path);
    if (settings->is_stratified)
        event_bool(e, "stratify", true);
    if (settings->scale)
        event_text(e, "scale", settings->scale);
}

/* ---- Scaling ---- */

static char *print_values(const bg_tensor *shift, const bg_tensor *scale)
{
    enum { NUMBER = 25 }; /* -1.2345678901234567e-308 and a blank */
    int64_t n = bg_shape_count(bg_tensor_shape(shift));
    const double *shifts = bg_tensor_const_data(shift), *scales = bg_tensor_const_data(scale);
    size_t capacity = (size_t)n * 2 * NUMBER + 1, length = 0;
    char *text = malloc(capacity);
    if (text)
        text[0] = '\0';
    for (int64_t i = 0; text && i < n; i++)
        length +=
            (size_t)snprintf(text + length, capacity - length, "%s%.17g %.17g", i ? " " : "", shifts[i], scales[i]);
    return text;
}

/* As many numbers as the text has, and no more, go into the two; false if there are others. */
static bool parse_values(const char *text, double *shifts, double *scales, int64_t n)
{
    for (int64_t i = 0; i < 2 * n; i++) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || !isfinite(value))
            return false;
        (i % 2 ? scales : shifts)[i / 2] = value;
        text = end;
    }
    return *text == '\0';
}

int parts_take_values(bg_tensor **shift, bg_tensor **scale, bg_engine *engine, const char *data, bg_shape shape,
                      const char *values)
{
    if (bg_tensor_create(shift, engine, BG_F64, shape) != BG_OK ||
        bg_tensor_create(scale, engine, BG_F64, shape) != BG_OK)
        return output_library();
    if (parse_values(values, bg_tensor_data(*shift), bg_tensor_data(*scale), bg_shape_count(shape)))
        return 0;
    return output_failure("%s: the network was trained on other inputs than these, %lld an example; its scaling does "
                          "not fit them",
                          data, (long long)bg_shape_count(shape));
}

static int find_values(bg_tensor **shift, bg_tensor **scale, const bg_dataset *train, const parts_settings *settings)
{
    bg_scaling scaling =
        strcmp(settings->scale, ways[BG_SCALING_MIN_MAX]) == 0 ? BG_SCALING_MIN_MAX : BG_SCALING_STANDARD;
    bg_status status = bg_dataset_scaling(shift, scale, train, 0, scaling);
    if (status == BG_ERR_DTYPE)
        return output_usage("--scale: the inputs of %s are no floating-point numbers", bg_dataset_name(train));
    return status == BG_OK ? 0 : output_library();
}

static int scale_part(bg_dataset **part, const bg_tensor *shift, const bg_tensor *scale)
{
    bg_dataset *scaled;
    if (!*part)
        return 0;
    if (bg_dataset_scale(&scaled, *part, 0, shift, scale) != BG_OK)
        return output_library();
    bg_dataset_destroy(*part);
    *part = scaled;
    return 0;
}

int parts_scale(bg_dataset **const *parts, int n, bg_engine *engine, const parts_settings *settings, char **values)
{
    bg_tensor *shift = NULL, *scale = NULL;
    *values = NULL;
    if (!settings->scale)
        return 0;
    const bg_dataset *train = *parts[0];
    int code = settings->values ? parts_take_values(&shift, &scale, engine, bg_dataset_name(train),
                                                    data_inputs(train).shape, settings->values)
                                : find_values(&shift, &scale, train, settings);
    if (!code && !(*values = print_values(shift, scale)))
        code = output_failure("out of memory");
    for (int i = 0; i < n && !code && !settings->is_in_network; i++)
        code = scale_part(parts[i], shift, scale);
    bg_tensor_destroy(shift);
    bg_tensor_destroy(scale);
    return code;
}

/* ---- Checkpoints ---- */

static bg_status save_cut(bg_archive *archive, const parts_settings *settings)
{
    const named_paths paths = paths_of(settings);
    char text[64];
    bg_status status = BG_OK;
    snprintf(text, sizeof text, "%.17g", settings->validation_share);
    if (settings->validation_share > 0)
        status = bg_archive_add_text(archive, "blasgrad.validation_share", text);
    for (int i = 0; i < PATHS && status == BG_OK; i++) {
        snprintf(text, sizeof text, "blasgrad.%s", paths.items[i].key);
        status = paths.items[i].path ? bg_archive_add_text(archive, text, paths.items[i].path) : BG_OK;
        if (status == BG_ERR_ARGUMENT)
            status = BG_OK;
    }
    return status == BG_OK && settings->is_stratified ? bg_archive_add_text(archive, "blasgrad.stratify", "yes")
                                                      : status;
}

bg_status parts_save(bg_archive *archive, const parts_settings *settings)
{
    bg_status status = BG_OK;
    if (settings->scale && settings->values) {
        status = bg_archive_add_text(archive, "blasgrad.scale", settings->scale);
        if (status == BG_OK)
            status = bg_archive_add_text(archive, "blasgrad.scale_values", settings->values);
    }
    return status == BG_OK ? save_cut(archive, settings) : status;
}

void parts_load(const bg_archive *archive, parts_settings *settings)
{
    const char *share = bg_archive_text(archive, "blasgrad.validation_share");
    *settings = (parts_settings){
        .is_stratified = bg_archive_text(archive, "blasgrad.stratify") != NULL,
        .validation_share = share ? strtod(share, NULL) : 0,
        .validation = { bg_archive_text(archive, "blasgrad.validation_data"),
                        bg_archive_text(archive, "blasgrad.validation_target_file") },
        .test = { bg_archive_text(archive, "blasgrad.test_data"),
                  bg_archive_text(archive, "blasgrad.test_target_file") },
        .values = bg_archive_text(archive, "blasgrad.scale_values"),
    };
    settings->scale = settings->values ? bg_archive_text(archive, "blasgrad.scale") : NULL;
}
