/* How data are cut into parts, scaled, and changed at random. */
#include "parts_options.h"

#include "input_transform.h"
#include "options.h"

#include <errno.h>
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
    KEY_PCA,
    KEY_WHITEN,
    KEY_WHITEN_EPS,
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
    { "pca", KEY_PCA, "K|SHARE", 0,
      "in place of the inputs, scaled by --scale, their first K principal components, as the training examples show "
      "them; or as many as have this share of the variance, as in 0.95",
      0 },
    { "whiten", KEY_WHITEN, "HOW", 0,
      "bring principal components, of --pca or all, to variance 1: pca; or zca, which turns them back to inputs of "
      "the same shape",
      0 },
    { "whiten-eps", KEY_WHITEN_EPS, "E", 0,
      "whitening: add E to the variances, so that noise in small ones is not blown up (default: 0)", 0 },
    { "augment", KEY_AUGMENT, "WORDS", 0,
      "change training images at random in each epoch: flip (left and right, half of them), shift:N (by up to N "
      "pixels, "
      "zeros come in), noise:S (of standard deviation S, in any inputs); as in \"flip shift:2\"",
      0 },
    { 0 },
};

static const char *const whitenings[] = { "pca", "zca", NULL };

bool parts_parse_pca(const char *text, int64_t *components, double *share)
{
    char *end;
    *components = 0;
    *share = 0;
    if (text[0] && !text[strspn(text, "0123456789")]) {
        errno = 0;
        *components = strtoll(text, NULL, 10);
        return *components > 0 && errno == 0;
    }
    *share = strtod(text, &end);
    return end != text && !*end && *share > 0 && *share < 1;
}

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
    int64_t components;
    double share;
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
        settings->scale = transform_scalings[option_choice(state, "scale", text, transform_scalings)];
        return 0;
    case KEY_PCA:
        if (!parts_parse_pca(text, &components, &share))
            argp_error(state, "--pca \"%s\": a whole number of components, or a share between 0 and 1, as in 0.95",
                       text);
        settings->pca = text;
        return 0;
    case KEY_WHITEN:
        settings->whiten = whitenings[option_choice(state, "whiten", text, whitenings)];
        return 0;
    case KEY_WHITEN_EPS:
        settings->whiten_eps = option_number(state, "whiten-eps", text, 0, INFINITY);
        settings->has_eps = true;
        return 0;
    case ARGP_KEY_END:
        if (settings->has_eps && !settings->whiten)
            argp_error(state, "--whiten-eps says nothing without --whiten");
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
    return settings->scale           ? "--scale"
           : settings->pca           ? "--pca"
           : settings->whiten        ? "--whiten"
           : settings->is_stratified ? "--stratify"
                                     : NULL;
}

bool parts_transform(const parts_settings *settings) { return settings->scale || parts_projects(settings); }
bool parts_projects(const parts_settings *settings) { return settings->pca || settings->whiten; }

void parts_take_transform(parts_settings *settings, const parts_settings *saved)
{
    settings->scale = saved->scale;
    settings->values = saved->values;
    settings->pca = saved->pca;
    settings->whiten = saved->whiten;
    settings->whiten_eps = saved->whiten_eps;
    settings->has_eps = saved->has_eps;
    settings->projection = saved->projection;
    settings->variance_share = saved->variance_share;
}

static bool is_same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

bool parts_have_same_transform(const parts_settings *a, const parts_settings *b)
{
    return is_same_text(a->scale, b->scale) && is_same_text(a->pca, b->pca) && is_same_text(a->whiten, b->whiten) &&
           a->whiten_eps == b->whiten_eps;
}

void parts_fill_in(parts_settings *settings, const parts_settings *saved, bool is_same)
{
    parts_take_transform(settings, saved);
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
    if (settings->pca)
        event_text(e, "pca", settings->pca);
    if (settings->whiten)
        event_text(e, "whiten", settings->whiten);
    if (settings->has_eps)
        event_number(e, "whiten_eps", settings->whiten_eps);
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

static bg_status save_transform(bg_archive *archive, const parts_settings *settings)
{
    char eps[40], share[40];
    snprintf(eps, sizeof eps, "%.17g", settings->whiten_eps);
    snprintf(share, sizeof share, "%.17g", settings->variance_share);
    bool is_scaled = settings->scale && settings->values, is_projected = settings->projection != NULL;
    const struct {
        const char *key, *text;
    } texts[] = {
        { "blasgrad.scale", is_scaled ? settings->scale : NULL },
        { "blasgrad.scale_values", is_scaled ? settings->values : NULL },
        { "blasgrad.pca", is_projected ? settings->pca : NULL },
        { "blasgrad.whiten", is_projected ? settings->whiten : NULL },
        { "blasgrad.whiten_eps", is_projected && settings->has_eps ? eps : NULL },
        { "blasgrad.variance_share", is_projected ? share : NULL },
        { "blasgrad.projection_values", settings->projection },
    };
    bg_status status = BG_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == BG_OK; i++)
        status = texts[i].text ? bg_archive_add_text(archive, texts[i].key, texts[i].text) : BG_OK;
    return status;
}

bg_status parts_save(bg_archive *archive, const parts_settings *settings)
{
    bg_status status = save_transform(archive, settings);
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
        .projection = bg_archive_text(archive, "blasgrad.projection_values"),
    };
    settings->scale = settings->values ? bg_archive_text(archive, "blasgrad.scale") : NULL;
    if (!settings->projection)
        return;
    const char *eps = bg_archive_text(archive, "blasgrad.whiten_eps");
    const char *kept = bg_archive_text(archive, "blasgrad.variance_share");
    settings->pca = bg_archive_text(archive, "blasgrad.pca");
    settings->whiten = bg_archive_text(archive, "blasgrad.whiten");
    settings->has_eps = eps != NULL;
    settings->whiten_eps = eps ? strtod(eps, NULL) : 0;
    settings->variance_share = kept ? strtod(kept, NULL) : 0;
}
