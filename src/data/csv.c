/* Tables of numbers from CSV files. */
#define _POSIX_C_SOURCE 200809L /* newlocale */
#include "data/csv_rows.h"
#include "data/dataset.h"

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
    int64_t left = 0;
    for (int64_t column = 0; column < source->columns; column++)
        left += source->places[column] < 0;
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
        for (const char *const *name = t->options->feature_names; *name && !status; name++)
            status = bgi_csv_choose_name(source, *name, "feature", &next);
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

static bg_status choose_columns(bgi_csv_table *t, bgi_labels *feature_names)
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
    for (int i = 0; i < t->source_count; i++)
        bgi_csv_forget_names(&t->sources[i]);
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

static bg_status read_table(bgi_csv_table *t, const char *path, bgi_labels *feature_names)
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
    t->row_bytes = (size_t)(t->targets + t->features) * bg_dtype_size(t->options->dtype) +
                   (t->options->with_row_numbers ? sizeof(int64_t) : 0);
    return bgi_csv_read_rows(t);
}

/* ---- Means ---- */

/* Columns are taken some at a time, so that no memory is needed. */
enum { STRIP = 64 };
typedef struct {
    int32_t start, count;
    /* Of the values that are there; in a type with so large a range that they are finite. */
    long double sums[STRIP];
    int64_t counts[STRIP];
} strip;

static void add_values(const bgi_csv_table *t, strip *s)
{
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            for (int32_t i = 0; i < s->count; i++) {
                double value = bgi_csv_load(t, row, s->start + i);
                s->sums[i] += isnan(value) ? 0 : (long double)value;
                s->counts[i] += !isnan(value);
            }
}

static void put_means(const bgi_csv_table *t, const strip *s)
{
    for (bgi_row_block *b = t->first; b; b = b->next)
        for (unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            for (int32_t i = 0; i < s->count; i++)
                if (isnan(bgi_csv_load(t, row, s->start + i)))
                    bgi_csv_store(t, row, s->start + i, (double)(s->sums[i] / (long double)s->counts[i]));
}

static bg_status fail_column(const bgi_csv_table *t, int32_t place)
{
    const bgi_csv_source *source = &t->sources[place < t->targets ? t->source_count - 1 : 0];
    int64_t column = 0;
    while (source->places[column] != place)
        column++;
    return BGI_CSV_FAIL_AT(&source->csv, column + 1, "%s", " has no value of which to take the mean");
}

static bg_status fill_with_means(bgi_csv_table *t)
{
    int32_t values = t->targets + t->features;
    for (int32_t start = 0; start < values; start += STRIP) {
        strip s = { .start = start, .count = values - start < STRIP ? values - start : STRIP };
        add_values(t, &s);
        for (int32_t i = 0; i < s.count; i++)
            if (s.counts[i] == 0)
                return fail_column(t, start + i);
        put_means(t, &s);
    }
    return BG_OK;
}

/* ---- The data set ---- */

/* Copies `width` values of each row from `place` on. */
static bg_status copy_values(const bgi_csv_table *t, bg_tensor **tensor, int32_t place, int32_t width)
{
    bg_status status = bg_tensor_create(tensor, t->engine, t->options->dtype, BG_SHAPE(t->rows, width));
    if (status)
        return status;
    size_t size = bg_dtype_size(t->options->dtype), bytes = (size_t)width * size, start = (size_t)place * size;
    unsigned char *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes, to += bytes)
            memcpy(to, row + start, bytes);
    return BG_OK;
}

static bg_status copy_row_numbers(const bgi_csv_table *t, bg_tensor **tensor)
{
    bg_status status = bg_tensor_create(tensor, t->engine, BG_I64, BG_SHAPE(t->rows));
    if (status)
        return status;
    int64_t *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes)
            memcpy(to++, row + t->row_bytes - sizeof *to, sizeof *to);
    return BG_OK;
}

/* Copies the classes; ranks (or NULL) has the number that each is to have. */
static bg_status copy_classes(const bgi_csv_table *t, bg_tensor **tensor, const uint32_t *ranks)
{
    bg_status status = bg_tensor_create(tensor, t->engine, BG_I64, BG_SHAPE(t->rows));
    if (status)
        return status;
    int64_t *to = bg_tensor_data(*tensor);
    for (const bgi_row_block *b = t->first; b; b = b->next)
        for (const unsigned char *row = b->rows; row < b->rows + b->used; row += t->row_bytes) {
            int64_t class = (int64_t)bgi_csv_load(t, row, 0);
            *to++ = ranks ? (int64_t)ranks[class] : class;
        }
    return BG_OK;
}

static bg_status make_classes(bgi_csv_table *t, bg_tensor **tensor)
{
    uint32_t *ranks = NULL;
    size_t count = (size_t)t->labels.names.count;
    bg_status status = BG_OK;
    if (t->class_kind == CLASSES_NAMES && !t->has_given_names)
        status = bgi_labels_sort(&t->labels, &ranks);
    if (!status)
        status = copy_classes(t, tensor, ranks);
    if (ranks)
        bgi_free(t->engine, ranks, count * sizeof *ranks);
    return status;
}

static bg_status make_dataset(bg_dataset **dataset, bgi_csv_table *t, const char *path, const bgi_names *feature_names)
{
    bg_tensor *columns[3] = { NULL };
    int count = t->targets > 0 ? 2 : 1;
    bg_status status = t->has_missing ? fill_with_means(t) : BG_OK;
    if (!status)
        status = copy_values(t, &columns[0], t->targets, t->features);
    if (!status && t->options->with_classes)
        status = make_classes(t, &columns[1]);
    else if (!status && t->targets > 0)
        status = copy_values(t, &columns[1], 0, t->targets);
    if (!status && t->options->with_row_numbers)
        status = copy_row_numbers(t, &columns[count++]);
    int64_t classes = t->class_kind == CLASSES_NAMES ? t->labels.names.count : t->classes;
    if (!status)
        status = bgi_dataset_create(dataset, path, columns, count, classes);
    if (!status)
        status = bgi_dataset_set_names(*dataset, &t->labels.names, feature_names);
    for (int i = 0; i < count; i++)
        bg_tensor_destroy(columns[i]);
    if (status) {
        bg_dataset_destroy(*dataset);
        *dataset = NULL;
    }
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
    bgi_csv_table t = { .engine = engine, .options = &checked, .labels.names.engine = engine };
    bgi_labels feature_names = { .names.engine = engine };
    t.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!t.locale)
        return bg_fail(BG_ERR_NOMEM, "read_csv: out of memory for a locale");
    status = read_table(&t, path, &feature_names);
    if (!status)
        status = make_dataset(dataset, &t, path, &feature_names.names);
    bgi_csv_release_rows(&t);
    bgi_labels_release(&feature_names);
    bgi_labels_release(&t.labels);
    for (int i = 0; i < t.source_count; i++)
        bgi_csv_source_close(&t.sources[i]);
    freelocale(t.locale);
    return status;
}
