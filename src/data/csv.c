/* Tables of numbers from CSV files. */
#define _POSIX_C_SOURCE 200809L /* newlocale */
#include "data/csv.h"
#include "data/dataset.h"
#include "data/number.h"

#include <blasgrad/graph.h>

#include "tensor/tensor.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

/* Rows of one size in blocks, so that a table of unknown length grows without being moved. */
typedef struct block {
    struct block *next;
    size_t capacity, used; /* bytes of rows */
    unsigned char *rows;   /* right behind */
} block;

typedef struct {
    bg_engine *engine;
    size_t row_bytes, total;
    block *first, *last;
} row_list;

static void *push_row(row_list *list)
{
    enum { SMALLEST = 1 << 12, LARGEST = 1 << 20 };
    block *last = list->last;
    if (!last || last->used + list->row_bytes > last->capacity) {
        size_t bytes = list->total / 8;
        bytes = bytes < SMALLEST ? SMALLEST : bytes > LARGEST ? LARGEST : bytes;
        bytes = bytes < list->row_bytes ? list->row_bytes : bytes;
        last = bgi_alloc(list->engine, sizeof *last + bytes);
        if (!last)
            return NULL;
        *last = (block){ .capacity = bytes, .rows = (unsigned char *)(last + 1) };
        if (list->last)
            list->last->next = last;
        else
            list->first = last;
        list->last = last;
    }
    void *row = last->rows + last->used;
    last->used += list->row_bytes;
    list->total += list->row_bytes;
    return row;
}

static void free_rows(row_list *list)
{
    while (list->first) {
        block *next = list->first->next;
        bgi_free(list->engine, list->first, sizeof(block) + list->first->capacity);
        list->first = next;
    }
}

static bg_status make_tensor(bg_tensor **tensor, const row_list *list, bg_dtype dtype, bg_shape shape)
{
    bg_status status = bg_tensor_create(tensor, list->engine, dtype, shape);
    if (status)
        return status;
    unsigned char *data = bg_tensor_data(*tensor);
    for (const block *b = list->first; b; b = b->next) {
        memcpy(data, b->rows, b->used);
        data += b->used;
    }
    return BG_OK;
}

typedef struct {
    bgi_csv csv;
    const bg_data_options *options;
    locale_t locale;
    int64_t columns, first_line; /* of the first record, to which all others are held */
    int64_t target;              /* from 0 */
    int64_t rows, classes;
    row_list inputs, targets;
} table;

/* The beginning of a field's text, for messages. */
typedef struct {
    int length;
    const char *text;
} excerpt;
static excerpt shown(const bgi_csv_field *field)
{
    enum { SHOWN = 40 };
    return (excerpt){ field->length < SHOWN ? (int)field->length : SHOWN, field->text };
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Whether a field is a column's name: begins with something that no number begins with, and is no word for a missing
 * number. */
static bool is_name(const bgi_csv_field *field)
{
    static const char *const missing[] = { "nan", "inf", "infinity", "na", "n/a", "null", "?" };
    if (field->length == 0 || strchr("0123456789+-.,", *field->text))
        return false;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        size_t j = 0;
        while (j < field->length && missing[i][j] == lower(field->text[j]))
            j++;
        if (j == field->length && !missing[i][j])
            return false;
    }
    return true;
}

/* Counts the first record's fields and says whether it is a header. */
static bg_status look_at_first(table *t, bool *is_header)
{
    bg_status status = bgi_csv_next_record(&t->csv);
    if (!status && !t->csv.record)
        return BGI_CSV_FAIL(&t->csv, "%s", "the file has no line that is not blank");
    t->first_line = t->csv.line;
    for (bgi_csv_field field = { 0 }; !status && !field.is_last;) {
        status = bgi_csv_next_field(&t->csv, &field);
        if (!status && !t->options->without_header && is_name(&field))
            *is_header = true;
        t->columns = field.column;
    }
    if (!status && t->columns < 2)
        return BGI_CSV_FAIL(
            &t->csv,
            "there is one column, where inputs and a target should be; the delimiter is '%c', and may be "
            "another",
            t->csv.delimiter);
    return status;
}

/* Finds the column that options.target names: by the header, else by its number. */
static bg_status find_target(table *t, bool has_header)
{
    const char *target = t->options->target;
    t->target = t->columns - 1;
    if (!target)
        return BG_OK;
    int found = 0;
    char names[160] = "";
    size_t used = 0;
    for (bgi_csv_field field = { 0 }; has_header && !field.is_last;) {
        bg_status status = bgi_csv_next_field(&t->csv, &field);
        if (status)
            return status;
        if (bgi_csv_field_is(&field, target)) {
            t->target = field.column - 1;
            found++;
        }
        excerpt name = shown(&field);
        if (used + (size_t)name.length + 8 < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, " %.*s", name.length, name.text);
        else if (used + 4 < sizeof names && names[used - 1] != '.')
            used += (size_t)snprintf(names + used, sizeof names - used, " ..");
    }
    if (found == 1)
        return BG_OK;
    if (found > 1)
        return BGI_CSV_FAIL(&t->csv, "%d columns are named \"%.80s\"; the target can also be a number, from 0", found,
                            target);
    size_t length = strlen(target);
    if (length > 0 && length < 10 && strspn(target, "0123456789") == length) {
        t->target = 0;
        for (const char *c = target; *c; c++)
            t->target = t->target * 10 + (*c - '0');
        if (t->target < t->columns)
            return BG_OK;
        return BGI_CSV_FAIL(&t->csv, "there is no column %s to be the target; columns are numbered 0 to %lld", target,
                            (long long)t->columns - 1);
    }
    if (has_header)
        return BGI_CSV_FAIL(&t->csv, "no column is named \"%.80s\"; there are%s", target, names);
    return BGI_CSV_FAIL(&t->csv, "no header names a column \"%.80s\"; columns are numbered 0 to %lld", target,
                        (long long)t->columns - 1);
}

static bg_status read_number(table *t, const bgi_csv_field *field, bool is_class, double *value)
{
    excerpt text = shown(field);
    long long column = (long long)field->column;
    if (field->length == 0)
        return BGI_CSV_FAIL(&t->csv, "column %lld: the field is empty; each needs a number", column);
    bool is_f32 = t->options->dtype == BG_F32 && !is_class;
    switch (bgi_number_parse(field->text, field->length, t->options->decimal, is_f32, t->locale, value)) {
    case BGI_NUMBER_OK:
        return BG_OK;
    case BGI_NUMBER_LARGE:
        return BGI_CSV_FAIL(&t->csv, "column %lld: %.*s is too large for %s", column, text.length, text.text,
                            is_f32 ? "f32" : "f64");
    case BGI_NUMBER_NONE:
        break;
    }
    return BGI_CSV_FAIL(&t->csv, "column %lld: \"%.*s\" is not a number; the decimal mark is '%c'", column, text.length,
                        text.text, t->options->decimal);
}

static bg_status read_class(table *t, const bgi_csv_field *field, double value, int64_t *class)
{
    enum { CLASS_LIMIT = 1 << 24 }; /* a larger one is more likely a mistake than a class */
    if (!(value >= 0 && value < CLASS_LIMIT && (double)(int64_t)value == value)) {
        excerpt text = shown(field);
        return BGI_CSV_FAIL(&t->csv, "column %lld: %.*s is no class; classes are whole numbers from 0 to %d",
                            (long long)field->column, text.length, text.text, CLASS_LIMIT - 1);
    }
    *class = (int64_t)value;
    if (*class >= t->classes)
        t->classes = *class + 1;
    return BG_OK;
}

static bg_status read_row(table *t)
{
    void *inputs = push_row(&t->inputs), *targets = push_row(&t->targets);
    if (!inputs || !targets)
        return BG_ERR_NOMEM;
    int64_t i = 0;
    bgi_csv_field field = { 0 };
    while (!field.is_last) {
        double value;
        bg_status status = bgi_csv_next_field(&t->csv, &field);
        bool is_target = field.column - 1 == t->target, is_class = is_target && t->options->with_classes;
        if (!status && field.column <= t->columns)
            status = read_number(t, &field, is_class, &value);
        if (status)
            return status;
        if (field.column > t->columns)
            continue;
        if (is_class) {
            status = read_class(t, &field, value, targets);
            if (status)
                return status;
        } else if (t->options->dtype == BG_F32) {
            ((float *)(is_target ? targets : inputs))[is_target ? 0 : i] = (float)value;
        } else {
            ((double *)(is_target ? targets : inputs))[is_target ? 0 : i] = value;
        }
        i += !is_target;
    }
    if (field.column != t->columns)
        return BGI_CSV_FAIL(&t->csv, "the line has %lld fields, line %lld has %lld", (long long)field.column,
                            (long long)t->first_line, (long long)t->columns);
    t->rows++;
    return BG_OK;
}

static bg_status read_table(table *t)
{
    bool is_header = false;
    bg_status status = look_at_first(t, &is_header);
    if (!status)
        status = find_target(t, is_header);
    if (!status && is_header)
        status = bgi_csv_next_record(&t->csv);
    if (status)
        return status;
    if (!t->csv.record)
        return BGI_CSV_FAIL(&t->csv, "%s", "the file ends after the header");
    size_t size = bg_dtype_size(t->options->dtype);
    t->inputs.row_bytes = (size_t)(t->columns - 1) * size;
    t->targets.row_bytes = t->options->with_classes ? sizeof(int64_t) : size;
    while (t->csv.record && !status) {
        status = read_row(t);
        if (!status)
            status = bgi_csv_next_record(&t->csv);
    }
    return status;
}

static bg_status make_dataset(bg_dataset **dataset, table *t, const char *path)
{
    bg_tensor *x = NULL, *y = NULL;
    bg_dtype dtype = t->options->dtype;
    bg_status status = make_tensor(&x, &t->inputs, dtype, BG_SHAPE(t->rows, t->columns - 1));
    free_rows(&t->inputs);
    if (!status && t->options->with_classes)
        status = make_tensor(&y, &t->targets, BG_I64, BG_SHAPE(t->rows));
    else if (!status)
        status = make_tensor(&y, &t->targets, dtype, BG_SHAPE(t->rows, 1));
    if (!status)
        return bgi_dataset_create_pair(dataset, path, x, y, t->classes);
    bg_tensor_destroy(x);
    return status;
}

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

bg_status bg_data_read_csv(bg_dataset **dataset, bg_engine *engine, const char *path, const bg_data_options *options)
{
    if (dataset)
        *dataset = NULL;
    if (!dataset || !path)
        return bg_fail(BG_ERR_ARGUMENT, "read_csv: %s is NULL", dataset ? "path" : "dataset");
    bg_data_options checked;
    bg_status status = bgi_data_options_check(&checked, engine, "read_csv", options);
    if (!status)
        status = check_marks(&checked);
    if (status)
        return status;
    table t = { .options = &checked, .inputs = { .engine = engine }, .targets = { .engine = engine } };
    t.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!t.locale)
        return bg_fail(BG_ERR_NOMEM, "read_csv: out of memory for a locale");
    status = bgi_csv_open(&t.csv, engine, path, checked.delimiter);
    if (!status) {
        status = read_table(&t);
        bgi_csv_close(&t.csv);
    }
    if (!status)
        status = make_dataset(dataset, &t, path);
    free_rows(&t.inputs);
    free_rows(&t.targets);
    freelocale(t.locale);
    return status;
}
