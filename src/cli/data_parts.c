/* The parts of data: for training, for validation and for the test. */
#include "data_parts.h"

#include "output.h"

#include <math.h>
#include <stdlib.h>

/* ---- Options ---- */

static int check_part(const data_settings *settings, const char *name, const part_file *file, bool has_share)
{
    if (!file->data)
        return file->target_file
                   ? output_usage("--%s-target-file has the targets of --%s-data, which is missing", name, name)
                   : 0;
    if (has_share)
        return output_usage("--%s-share and --%s-data both say what is held out; give one", name, name);
    data_kind kind = settings->kind;
    if (kind != DATA_CSV && kind != DATA_ARRAYS && kind != DATA_TEXT && kind != DATA_IDX)
        return output_usage("--%s-data is an option of CSV tables, arrays, texts and IDX files; --data is %s", name,
                            settings->name);
    if (settings->target_file && !file->target_file)
        return output_usage("--%s-target-file is missing: the targets of %s are in a file of their own", name,
                            settings->name);
    if (!settings->target_file && file->target_file)
        return output_usage("--%s-target-file: %s holds its own targets, and so does what --%s-data names", name,
                            settings->name, name);
    return 0;
}

int data_parts_check(const data_settings *settings)
{
    const parts_settings *parts = &settings->parts;
    int code = check_part(settings, "validation", &parts->validation, parts->validation_share > 0);
    return code ? code : check_part(settings, "test", &parts->test, settings->test_share >= 0);
}

/* ---- Files of their own ---- */

/* The elements of one example. */
static int64_t example_count(const bg_dataset *dataset, int column)
{
    bg_shape shape = bg_dataset_shape(dataset, column);
    shape.dims[0] = 1;
    return bg_shape_count(shape);
}

static bool has_same_form(const bg_dataset *a, const bg_dataset *b, int column)
{
    bg_shape first = bg_dataset_shape(a, column), second = bg_dataset_shape(b, column);
    first.dims[0] = second.dims[0] = 0;
    return bg_dataset_dtype(a, column) == bg_dataset_dtype(b, column) && bg_shape_equal(first, second);
}

/* What a network for the training part could not take. */
static int check_agrees(const bg_dataset *part, const bg_dataset *train)
{
    static const char *const what[] = { "inputs", "targets" };
    const char *name = bg_dataset_name(part), *trained = bg_dataset_name(train);
    if (bg_dataset_size(part) == 0)
        return output_failure("%s: holds no examples", name);
    if (bg_dataset_columns(part) < bg_dataset_columns(train))
        return output_failure("%s: holds no targets, %s does", name, trained);
    for (int i = 0; i < 2 && i < bg_dataset_columns(train); i++)
        if (!has_same_form(part, train, i))
            return output_failure("%s: the %s are of another form than those of %s: %lld %s an example, not %lld %s",
                                  name, what[i], trained, (long long)example_count(part, i),
                                  bg_dtype_name(bg_dataset_dtype(part, i)), (long long)example_count(train, i),
                                  bg_dtype_name(bg_dataset_dtype(train, i)));
    if (bg_dataset_classes(part) > bg_dataset_classes(train))
        return output_failure("%s: has the class %lld, and %s only classes up to %lld", name,
                              (long long)bg_dataset_classes(part) - 1, trained,
                              (long long)bg_dataset_classes(train) - 1);
    return 0;
}

/* As other data than those of a run are read with its checkpoint. */
static int read_part(bg_dataset **part, bg_engine *engine, const char *option, const part_file *file,
                     const data_settings *settings, const bg_dataset *train)
{
    char *classes = table_class_names(train), *features = table_feature_names(train);
    data_settings run = *settings, own = { .name = file->data, .target_file = file->target_file };
    run.vocabulary = bg_dataset_vocabulary(train);
    run.table.class_names = classes;
    run.table.feature_names = features;
    parts_hold_nothing_out(&run.parts);
    own.tokens = settings->tokens;
    own.streams = settings->streams;
    own.table.skip_lines = settings->table.skip_lines;
    const common_options common = { .seed = settings->seed, .has_seed = true };
    data_parts whole = { .train = NULL };
    int code = data_like_checkpoint(&own, &run, &common);
    if (!code && own.kind != settings->kind)
        code = output_usage("%s %s: of another kind than %s", option, file->data, settings->name);
    if (!code)
        code = data_load_whole(&whole, engine, &own);
    if (!code)
        code = check_agrees(whole.train, train);
    if (!code) {
        *part = whole.train;
        whole.train = NULL;
    }
    data_release(&whole);
    free(features);
    free(classes);
    return code;
}

int data_parts_read(data_parts *parts, bg_engine *engine, const data_settings *settings)
{
    const parts_settings *options = &settings->parts;
    int code = 0;
    if (options->validation.data)
        code = read_part(&parts->validation, engine, "--validation-data", &options->validation, settings, parts->train);
    if (!code && options->test.data)
        code = read_part(&parts->test, engine, "--test-data", &options->test, settings, parts->train);
    return code;
}

/* ---- Holding out ---- */

/* Of n examples. A share for validation that is none is a mistake: something else would choose the best epoch. */
static int count_validation(int64_t *count, const data_settings *settings, int64_t n)
{
    double share = settings->parts.validation_share;
    *count = share > 0 ? llround(share * (double)n) : 0;
    if (share > 0 && *count < 1)
        return output_failure("%s: a share of %g of %lld example%s is none for validation", settings->name, share,
                              (long long)n, n == 1 ? "" : "s");
    return 0;
}

static int fail_no_training(const data_settings *settings, double share, int64_t n)
{
    return output_failure("%s: holding out a share of %g of %lld example%s leaves none for training", settings->name,
                          share, (long long)n, n == 1 ? "" : "s");
}

/* The end of what is left to train on: a text keeps its order. */
static int cut_text(data_parts *parts, const data_settings *settings)
{
    int64_t left = bg_dataset_size(parts->train), n = left, count;
    if (!settings->parts.test.data)
        n += bg_dataset_size(parts->test);
    int code = count_validation(&count, settings, n);
    if (code || count == 0)
        return code;
    if (count >= left)
        return fail_no_training(settings, settings->parts.validation_share, n);
    bg_dataset *all = parts->train;
    parts->train = NULL;
    bg_status status = bg_dataset_slice(&parts->train, all, 0, left - count);
    if (status == BG_OK)
        status = bg_dataset_slice(&parts->validation, all, left - count, left);
    bg_dataset_destroy(all);
    return status == BG_OK ? 0 : output_library();
}

/* Takes `count` examples out of the training part. */
static int split_off(data_parts *parts, bg_dataset **part, int64_t count, const data_settings *settings)
{
    if (count < 1)
        return 0;
    bg_dataset *all = parts->train;
    parts->train = NULL;
    bg_status status = (settings->parts.is_stratified ? bg_dataset_split_stratified : bg_dataset_split)(
        &parts->train, part, all, bg_dataset_size(all) - count, settings->seed);
    bg_dataset_destroy(all);
    return status == BG_OK ? 0 : output_library();
}

/* --stratify says how examples are held out. */
static int check_stratified(const data_parts *parts, const data_settings *settings, int64_t held_out)
{
    if (!settings->parts.is_stratified)
        return 0;
    if (held_out < 1 && parts->test)
        return output_usage("--stratify: %s has test examples of its own; --validation-share holds out others",
                            settings->name);
    if (bg_dataset_classes(parts->train) < 1)
        return output_usage("--stratify is for classes; the targets of %s are numbers", settings->name);
    return held_out < 1 ? output_usage("--stratify: nothing is held out of %s; give --test-share", settings->name) : 0;
}

int data_parts_cut(data_parts *parts, const data_settings *settings)
{
    if (settings->kind == DATA_TEXT)
        return cut_text(parts, settings);
    double share = settings->test_share;
    if (parts->test && share >= 0)
        return output_usage("--test-share: %s has test examples of its own", settings->name);
    if (share < 0 && (settings->kind == DATA_DIGITS || settings->kind == DATA_STROKES))
        share = 0.2;
    int64_t n = bg_dataset_size(parts->train), test = share > 0 ? llround(share * (double)n) : 0, validation;
    if (n == 0)
        return output_failure("%s: holds no examples", settings->name);
    int code = count_validation(&validation, settings, n);
    if (!code)
        code = check_stratified(parts, settings, test + validation);
    if (!code && test + validation >= n)
        code = fail_no_training(settings, (share > 0 ? share : 0) + settings->parts.validation_share, n);
    if (!code)
        code = split_off(parts, &parts->test, test, settings);
    return code ? code : split_off(parts, &parts->validation, validation, settings);
}
