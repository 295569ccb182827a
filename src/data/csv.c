/* Tables of numbers from CSV files: options, and which columns are what. */
#define _POSIX_C_SOURCE 200809L /* newlocale */
#include "data/csv_rows.h"
#include "data/csv_spool.h"
#include "data/dataset.h"
#include "data/folder.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <locale.h>
#include <math.h>
#include <string.h>

/* ---- Options ---- */

static bg_status check_marks(const bg_data_options *options)
{
    char delimiter = options->delimiter, decimal = options->decimal;
    if (decimal != '.' && decimal != ',')
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: the decimal mark is '.' or ',', not '%c'", decimal);
    if (delimiter == decimal)
        return bg_fail(BG_ERR_ARGUMENT,
                       "read_csv: '%c' cannot be both delimiter and decimal mark; try the delimiter ';'", delimiter);
    /* What numbers are made of does not delimit them. */
    bool is_letter = (delimiter | 0x20) >= 'a' && (delimiter | 0x20) <= 'z';
    if (is_letter || strchr("0123456789+-.\"", delimiter) || ((unsigned char)delimiter < 0x20 && delimiter != '\t') ||
        (unsigned char)delimiter > 0x7E)
        return bg_fail(BG_ERR_ARGUMENT,
                       "read_csv: the byte %d ('%c') cannot be the delimiter; use one of , ; | tab blank",
                       (unsigned char)delimiter, delimiter >= ' ' && delimiter <= '~' ? delimiter : '?');
    return BG_OK;
}

static bg_status check_options(const bg_data_options *options)
{
    if (options->skip_lines < 0)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: %lld lines to be skipped", (long long)options->skip_lines);
    if ((unsigned)options->missing > BG_MISSING_VALUE)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: %d is no way to treat missing fields", (int)options->missing);
    double value = options->dtype == BG_F32 ? (double)(float)options->missing_value : options->missing_value;
    if (!isfinite(value))
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: %g cannot stand for missing fields: it is no finite %s",
                       options->missing_value, bg_dtype_name(options->dtype));
    if (options->features && options->feature_names)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: both features and feature_names say which columns are inputs");
    if (options->without_target && (options->target || options->target_file || options->with_classes))
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: without_target, and yet %s",
                       options->with_classes ? "with_classes"
                       : options->target     ? "a target"
                                             : "a file of targets");
    if (options->class_names && !options->with_classes)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: class_names, but not with_classes");
    return check_marks(options);
}

/* ---- Columns ---- */

/* Takes the names that classes have, each once. */
static bg_status take_class_names(bgi_csv_table *t)
{
    bg_status status = BG_OK;
    for (const char *const *name = t->options->class_names; name && *name && !status; name++) {
        if (bgi_labels_find(&t->labels, *name, strlen(*name)) >= 0 || strlen(*name) >= BGI_LABEL_BYTES ||
            t->labels.names.count == BGI_LABEL_LIMIT)
            return bg_fail(BG_ERR_ARGUMENT,
                           "read_csv: class_names: \"%.40s\" is there twice, or too long, or beyond the number of %d",
                           *name, BGI_LABEL_LIMIT);
        status = bgi_labels_add(&t->labels, *name, strlen(*name));
        t->class_kind = CLASSES_NAMES;
        t->has_given_names = true;
    }
    return status;
}

/* Of a table whose inputs are found by name, at any place, no place says which column is the target: the only one left
 * is. The inputs get their places first then, behind that of the target. */
static bg_status choose_only_rest(bgi_csv_table *t, bgi_csv_source *source)
{
    int64_t left = bgi_csv_count_rest(source);
    if (left != 1)
        return BGI_CSV_FAIL(&source->csv, "%lld columns are no inputs; say which is the target", (long long)left);
    int32_t next = 0;
    bgi_csv_choose_rest(source, &next);
    t->targets = next;
    return BG_OK;
}

static bg_status choose_targets(bgi_csv_table *t, bgi_csv_source *source)
{
    const bg_data_options *options = t->options;
    bg_status status = BG_OK;
    if (options->target)
        status = bgi_csv_choose(source, options->target, "target", &t->targets);
    else if (options->target_file)
        bgi_csv_choose_rest(source, &t->targets);
    else
        status = bgi_csv_choose_column(source, source->columns - 1, &t->targets);
    if (!status && options->with_classes && t->targets != 1)
        return BGI_CSV_FAIL(&source->csv, "%ld columns are targets; classes are one column", (long)t->targets);
    return status;
}

/* Their places are from `first` on. */
static bg_status choose_features(bgi_csv_table *t, bgi_csv_source *source, int32_t first)
{
    int32_t next = first;
    bg_status status = BG_OK;
    if (t->options->feature_names)
        status = bgi_csv_choose_names(source, t->options->feature_names, "feature", &next);
    else if (t->options->features)
        status = bgi_csv_choose(source, t->options->features, "feature", &next);
    else
        bgi_csv_choose_rest(source, &next);
    t->features = next - first;
    if (!status && t->features == 0)
        return BGI_CSV_FAIL(&source->csv, "%s",
                            "no column is left to be an input; is the delimiter another, or are all columns targets?");
    return status;
}

static bg_status choose_columns(bgi_csv_table *t, bgi_names *feature_names)
{
    bgi_csv_source *table = &t->sources[0];
    bg_status status = BG_OK;
    if (table->columns < 2 && !t->options->target_file && !t->options->without_target)
        return BGI_CSV_FAIL(
            &table->csv,
            "there is one column, where inputs and a target should be; the delimiter is '%c', and may be another",
            table->csv.delimiter);
    const bg_data_options *options = t->options;
    if (options->feature_names && !options->without_target && !options->target && !options->target_file) {
        status = choose_features(t, table, 1);
        status = status ? status : choose_only_rest(t, table);
    } else {
        if (!options->without_target)
            status = choose_targets(t, &t->sources[t->source_count - 1]);
        status = status ? status : choose_features(t, table, t->targets);
    }
    if (!status && table->has_header)
        status = bgi_csv_column_names(table, t->targets, t->features, feature_names);
    return status;
}

static bg_status open_sources(bgi_csv_table *t, const char *path)
{
    bg_status status = BG_OK;
    t->source_count = t->options->target_file ? 2 : 1;
    for (int i = 0; i < t->source_count && !status; i++)
        status = bgi_csv_source_open(&t->sources[i], t->engine, i ? t->options->target_file : path, t->options);
    return status;
}

static bg_status read_table(bgi_csv_table *t, const char *path, bgi_names *feature_names)
{
    bg_status status = take_class_names(t);
    if (!status)
        status = open_sources(t, path);
    if (!status)
        status = choose_columns(t, feature_names);
    if (status)
        return status;
    /* A first record that is no header is a row. */
    for (int i = 0; i < t->source_count; i++)
        if (!t->sources[i].has_header)
            bgi_csv_put_back(&t->sources[i].csv);
    return bgi_csv_read_rows(t);
}

/* ---- Files and folders ---- */

static bg_status read_file(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options,
                           bgi_folder_state *state)
{
    bgi_csv_table t = { .engine = engine, .options = options, .labels.names.engine = engine };
    bgi_names feature_names = { .engine = engine };
    t.shared_file = state && options->streams ? &state->rows : NULL;
    t.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!t.locale)
        return bg_fail(BG_ERR_NOMEM, "read_csv: out of memory for a locale");
    bg_status status = read_table(&t, path, &feature_names);
    if (!status)
        status = (t.spool ? bgi_csv_spool_dataset : bgi_csv_make_dataset)(dataset, &t, path, &feature_names);
    bgi_csv_release_rows(&t);
    bgi_csv_spool_destroy(t.spool);
    bgi_names_release(&feature_names);
    bgi_labels_release(&t.labels);
    for (int i = 0; i < t.source_count; i++)
        bgi_csv_source_close(&t.sources[i]);
    freelocale(t.locale);
    return status;
}

bg_status bg_data_read_csv(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options)
{
    if (dataset)
        *dataset = NULL;
    if (!dataset || !path)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: %s is NULL", dataset ? "path" : "dataset");
    bg_data_options checked;
    bg_status status = bgi_data_options_check(&checked, engine, "read_csv", options);
    if (!status)
        status = check_options(&checked);
    if (status)
        return status;
    return bgi_folder_is(path) ? bgi_folder_read(dataset, engine, "read_csv", path, &checked, read_file)
                               : read_file(dataset, engine, path, &checked, NULL);
}
