/* The rows of a table. Most lines hold plain numbers and nothing else; they are read by a loop of their own, which
 * gives up where it meets anything else, and leaves the line to the reader of records and its messages. */
#include "data/csv_rows.h"

#include "base/utf8.h"
#include "data/dataset.h"
#include "data/number_plain.h"

#include <blasgrad/graph.h>

#include <math.h>
#include <string.h>

/* ---- Blocks ---- */

static void *push_row(bgi_csv_table *t)
{
    enum { SMALLEST = 1 << 12, LARGEST = 1 << 24 };
    bgi_row_block *last = t->last;
    if (!last || last->used + t->row_bytes > last->capacity) {
        size_t bytes = t->total / 8;
        bytes = bytes < SMALLEST ? SMALLEST : bytes > LARGEST ? LARGEST : bytes;
        bytes = bytes < t->row_bytes ? t->row_bytes : bytes;
        last = bgi_alloc(t->engine, sizeof *last + bytes);
        if (!last)
            return NULL;
        *last = (bgi_row_block){ .capacity = bytes, .rows = (unsigned char *)(last + 1) };
        if (t->last)
            t->last->next = last;
        else
            t->first = last;
        t->last = last;
    }
    void *row = last->rows + last->used;
    last->used += t->row_bytes;
    t->total += t->row_bytes;
    t->rows++;
    return row;
}

static void pop_row(bgi_csv_table *t)
{
    t->last->used -= t->row_bytes;
    t->total -= t->row_bytes;
    t->rows--;
}

void bgi_csv_release_rows(bgi_csv_table *t)
{
    while (t->first) {
        bgi_row_block *next = t->first->next;
        bgi_free(t->engine, t->first, sizeof *t->first + t->first->capacity);
        t->first = next;
    }
    t->last = NULL;
}

void bgi_csv_store(const bgi_csv_table *t, void *row, int32_t place, double value)
{
    if (t->options->dtype == BG_F32)
        ((float *)row)[place] = (float)value;
    else
        ((double *)row)[place] = value;
}

/* ---- Plain lines ---- */

static const char *skip_padding(const bgi_csv *csv, const char *c)
{
    while (bgi_csv_is_padding(csv, *c))
        c++;
    return c;
}

/* To the end of a field that nobody asked for. */
static const char *skip_field(const bgi_csv *csv, const char *c)
{
    while (!bgi_csv_is_separator(csv, *c) && *c != '\n' && *c != '\r' && *c != '"' && *c != '\0')
        c++;
    return c;
}

static bool is_class(const bgi_csv_table *t, int32_t place) { return t->options->with_classes && place == 0; }

static bool is_class_number(double number)
{
    return number >= 0 && number < BGI_CLASS_LIMIT && (double)(int64_t)number == number;
}

/* Reads a class by its number; end is NULL if it is written as a name. */
static bgi_number read_plain_class(const bgi_csv_table *t, const char *c, char mark)
{
    bgi_number number = bgi_number_read(c, mark, false);
    if (t->class_kind != CLASSES_NUMBERS || (number.end && !is_class_number(number.value)))
        number.end = NULL;
    return number;
}

/* The end of the fields of the row that `c` begins, or NULL. Inlined for both types. */
static inline const char *read_plain_fields(const bgi_csv_table *t, const bgi_csv_source *source, const char *c,
                                            void *row, bool is_f32)
{
    const bgi_csv *csv = &source->csv;
    const int64_t columns = source->columns;
    const int32_t *places = source->places, class_place = t->options->with_classes ? 0 : -1;
    const char delimiter = csv->delimiter, mark = t->options->decimal, other_blank = delimiter == '\t' ? ' ' : '\t';
    /* With runs of blanks for a delimiter, what is left of a run is as good as blanks around a field. */
    for (int64_t column = 0;; column++) {
        while (*c == ' ' || *c == other_blank)
            c++;
        int32_t place = places[column];
        if (place < 0) {
            const char *field = c;
            c = skip_field(csv, c);
            /* Blanks at the end of a line are no delimiter behind which one more field stands. */
            if (c == field && delimiter == ' ')
                return NULL;
        } else {
            bgi_number number =
                place == class_place ? read_plain_class(t, c, mark) : bgi_number_read_plain(c, mark, is_f32);
            if (!number.end && place != class_place)
                number = bgi_number_read(c, mark, is_f32);
            if (!number.end || !isfinite(number.value))
                return NULL;
            if (is_f32)
                ((float *)row)[place] = (float)number.value;
            else
                ((double *)row)[place] = number.value;
            c = number.end;
        }
        if (column + 1 == columns)
            break;
        if (*c != delimiter) {
            c = skip_padding(csv, c);
            if (!bgi_csv_is_separator(csv, *c))
                return NULL;
        }
        c++;
    }
    while (*c == ' ' || *c == other_blank)
        c++;
    return c;
}

/* Reads the next line if it is a row of plain numbers that is in memory as a whole; else nothing has changed. */
static bool read_plain_row(const bgi_csv_table *t, bgi_csv_source *source, void *row)
{
    bgi_csv *csv = &source->csv;
    const char *start = csv->buffer + csv->start;
    const char *c = t->options->dtype == BG_F32 ? read_plain_fields(t, source, start, row, true)
                                                : read_plain_fields(t, source, start, row, false);
    if (!c)
        return false;
    size_t used = (size_t)(c - csv->buffer);
    /* A carriage return may be followed by a line feed, so two bytes must be there. */
    if ((*c != '\n' && *c != '\r') || used + 1 >= csv->end || c - start > BGI_CSV_LINE_LIMIT)
        return false;
    csv->line = csv->next_line++;
    csv->start = used + 1 + (*c == '\r' && c[1] == '\n');
    return true;
}

/* ---- Any lines ---- */

/* inf or infinity in letters of any case, behind a sign or not. */
static bool is_infinity(const bgi_csv_field *field, double *value)
{
    bgi_csv_field word = *field;
    bool is_negative = field->length > 0 && *field->text == '-';
    if (is_negative || (field->length > 0 && *field->text == '+')) {
        word.text++;
        word.length--;
    }
    if (!bgi_csv_field_is_word(&word, "inf") && !bgi_csv_field_is_word(&word, "infinity"))
        return false;
    *value = is_negative ? -(double)INFINITY : (double)INFINITY;
    return true;
}

static bg_status read_number(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, bool of_class, double *value)
{
    bgi_csv_excerpt text = bgi_csv_field_excerpt(field);
    if (field->length == 0)
        return BGI_CSV_FAIL_AT(csv, field->column, "%s", ": the field is empty; each needs a number");
    double infinity;
    bool is_f32 = t->options->dtype == BG_F32 && !of_class, is_infinite = !of_class && is_infinity(field, &infinity);
    if (is_infinite && t->options->with_infinite) {
        *value = infinity;
        return BG_OK;
    }
    if (is_infinite)
        return BGI_CSV_FAIL_AT(csv, field->column, ": \"%.*s\" is not a finite number (with_infinite lets it in)",
                               text.length, text.text);
    switch (bgi_number_parse(field->text, field->length, t->options->decimal, is_f32, t->locale, value)) {
    case BGI_NUMBER_OK:
        return BG_OK;
    case BGI_NUMBER_LARGE:
        return BGI_CSV_FAIL_AT(csv, field->column, ": %.*s is too large for %s", text.length, text.text,
                               is_f32 ? "f32" : "f64");
    case BGI_NUMBER_NONE:
        break;
    }
    return BGI_CSV_FAIL_AT(csv, field->column, ": \"%.*s\" is not a number; the decimal mark is '%c'", text.length,
                           text.text, t->options->decimal);
}

static bg_status read_class_number(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, double *value)
{
    bg_status status = read_number(t, csv, field, true, value);
    if (status)
        return status;
    if (!is_class_number(*value)) {
        bgi_csv_excerpt text = bgi_csv_field_excerpt(field);
        return BGI_CSV_FAIL_AT(csv, field->column, ": %.*s is no class: %s", text.length, text.text, BGI_CLASS_RULE);
    }
    return BG_OK;
}

/* Whether it is UTF-8 in one line. */
static bool is_line_of_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t code;
        int bytes = bgi_utf8_decode(text + i, length - i, &code);
        if (bytes == 0 || code == '\n' || code == '\r')
            return false;
        i += (size_t)bytes;
    }
    return true;
}

static bg_status read_class_name(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, double *value)
{
    bgi_csv_excerpt text = bgi_csv_field_excerpt(field);
    size_t length = bgi_csv_field_unquote(field);
    int64_t number = bgi_labels_find(&t->labels, field->text, length);
    *value = (double)number;
    if (number >= 0)
        return BG_OK;
    if (t->has_given_names)
        return BGI_CSV_FAIL_AT(csv, field->column, ": \"%.*s\" is none of the %lld classes, which begin with \"%.40s\"",
                               text.length, text.text, (long long)t->labels.names.count,
                               bgi_names_at(&t->labels.names, 0));
    if (length >= BGI_LABEL_BYTES || !is_line_of_text(field->text, length))
        return BGI_CSV_FAIL_AT(csv, field->column, ": the name of a class is UTF-8 in one line of less than %d bytes",
                               BGI_LABEL_BYTES);
    if (t->labels.names.count == BGI_LABEL_LIMIT)
        return BGI_CSV_FAIL_AT(csv, field->column, ": more than %d different names are no classes", BGI_LABEL_LIMIT);
    *value = (double)t->labels.names.count;
    return bgi_labels_add(&t->labels, field->text, length);
}

/* The first class says whether they are numbers or names. */
static bg_status read_class(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, double *value)
{
    if (bgi_csv_field_is_missing(field))
        return BGI_CSV_FAIL_AT(csv, field->column, ": \"%.*s\" is a missing class; only dropping such rows helps",
                               (int)field->length, field->text);
    if (t->class_kind == CLASSES_UNKNOWN) {
        double unused;
        bgi_number_result result =
            bgi_number_parse(field->text, field->length, t->options->decimal, false, t->locale, &unused);
        t->class_kind = result == BGI_NUMBER_NONE ? CLASSES_NAMES : CLASSES_NUMBERS;
    }
    return t->class_kind == CLASSES_NAMES ? read_class_name(t, csv, field, value)
                                          : read_class_number(t, csv, field, value);
}

/* The fields of the record at hand; 0 if there is none, or they cannot be told. */
static int64_t count_fields(bgi_csv *csv)
{
    bgi_csv_field field = { 0 };
    if (!csv->record)
        return 0;
    while (!field.is_last)
        if (bgi_csv_next_field(csv, &field))
            return 0;
    return field.column;
}

static bg_status fail_ragged(const bgi_csv_source *source, int64_t fields)
{
    return BGI_CSV_FAIL(&source->csv, "the line has %lld fields, line %lld has %lld", (long long)fields,
                        (long long)source->first_line, (long long)source->columns);
}

/* Looks at the record behind the first one before anything in it is taken for a number. Where the first alone has
 * another number of fields than those behind it, it is likely no part of the table. */
static bg_status check_second(bgi_csv_source *source)
{
    bgi_csv *csv = &source->csv;
    int64_t line = csv->line, fields = count_fields(csv);
    if (fields == 0 || fields == source->columns)
        return BG_OK;
    bool is_usual = !bgi_csv_next_record(csv) && count_fields(csv) == fields;
    csv->line = line;
    if (!is_usual)
        return fail_ragged(source, fields);
    return BGI_CSV_FAIL(csv,
                        "the line has %lld fields as the next one has, line %lld has %lld; if the table begins here, "
                        "skip_lines is %lld",
                        (long long)fields, (long long)source->first_line, (long long)source->columns,
                        (long long)source->first_line);
}

/* Reads the record at hand; what is missing becomes NaN, or the number that is to stand for it. The class comes last:
 * of a row that is left out it counts for nothing. */
static bg_status read_record(bgi_csv_table *t, bgi_csv_source *source, void *row, bool *is_missing)
{
    bgi_csv *csv = &source->csv;
    bgi_csv_field field = { 0 }, class_field = { 0 };
    bg_status status = BG_OK;
    while (!field.is_last) {
        status = bgi_csv_next_field(csv, &field);
        if (status)
            return status;
        int32_t place = field.column <= source->columns ? source->places[field.column - 1] : -1;
        if (place < 0)
            continue;
        double value = t->options->missing == BG_MISSING_VALUE ? t->options->missing_value : NAN;
        bool of_class = is_class(t, place);
        bool may_miss =
            t->options->missing == BG_MISSING_DROP || (t->options->missing != BG_MISSING_ERROR && !of_class);
        if (may_miss && bgi_csv_field_is_missing(&field))
            *is_missing = true;
        else if (of_class)
            class_field = field;
        else
            status = read_number(t, csv, &field, false, &value);
        if (status)
            return status;
        bgi_csv_store(t, row, place, value);
    }
    if (field.column != source->columns)
        return fail_ragged(source, field.column);
    if (class_field.text && !(*is_missing && t->options->missing == BG_MISSING_DROP)) {
        double class = 0;
        status = read_class(t, csv, &class_field, &class);
        bgi_csv_store(t, row, 0, class);
    }
    return status;
}

static bg_status read_source_row(bgi_csv_table *t, bgi_csv_source *source, void *row, bool *is_missing, bool *is_end)
{
    *is_end = false;
    if (read_plain_row(t, source, row))
        return BG_OK;
    bg_status status = bgi_csv_next_record(&source->csv);
    *is_end = !status && !source->csv.record;
    bool is_second = t->rows == (source->has_header ? 1 : 2);
    if (!status && !*is_end && is_second)
        status = check_second(source);
    return status || *is_end ? status : read_record(t, source, row, is_missing);
}

/* Takes the row that was read last: its class counts, and what it misses is looked at again. */
static void keep_row(bgi_csv_table *t, const void *row, bool is_missing)
{
    t->has_missing = t->has_missing || (is_missing && t->options->missing == BG_MISSING_MEAN);
    if (t->class_kind != CLASSES_NUMBERS)
        return;
    int64_t class = (int64_t)bgi_csv_load(t, row, 0);
    t->classes = class < t->classes ? t->classes : class + 1;
}

bg_status bgi_csv_read_rows(bgi_csv_table *t)
{
    bgi_csv *csv = &t->sources[0].csv;
    int64_t lines = 0;
    for (;; lines++) {
        void *row = push_row(t);
        if (!row)
            return BG_ERR_NOMEM;
        if (t->options->with_row_numbers)
            memcpy((unsigned char *)row + t->row_bytes - sizeof lines, &lines, sizeof lines);
        bool is_missing = false, is_end[2] = { false, false };
        bg_status status = BG_OK;
        for (int i = 0; i < t->source_count && !status; i++)
            status = read_source_row(t, &t->sources[i], row, &is_missing, &is_end[i]);
        if (status)
            return status;
        if (t->source_count == 2 && is_end[0] != is_end[1])
            return BGI_CSV_FAIL(&t->sources[is_end[0]].csv, "this is row %lld, and %.200s has no more than %lld",
                                (long long)lines + 1, bgi_path_text(t->sources[is_end[1]].csv.stream.path),
                                (long long)lines);
        if (is_end[0] || (is_missing && t->options->missing == BG_MISSING_DROP))
            pop_row(t);
        else
            keep_row(t, row, is_missing);
        if (is_end[0])
            break;
    }
    if (lines == 0)
        return BGI_CSV_FAIL(csv, "%s", "the file ends after the header");
    if (t->rows == 0)
        return BGI_CSV_FAIL(csv, "%s", "each row misses a value, so that none is left");
    return BG_OK;
}
