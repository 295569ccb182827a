/* The rows of a table. Most lines hold plain numbers and nothing else; they are read by a loop of their own, which
 * gives up where it meets anything else, and leaves the line to the reader of records and its messages. */
#include "data/csv_rows.h"

#include "base/utf8.h"
#include "data/csv_spool.h"
#include "data/dataset.h"
#include "data/number_plain.h"

#include <blasgrad/graph.h>

#include <math.h>
#include <string.h>

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

static bgi_number read_finite(const char *c, char mark, bool is_f32)
{
    bgi_number number = bgi_number_read(c, mark, is_f32);
    if (!isfinite(number.value))
        number.end = NULL;
    return number;
}

/* The end of the fields of the row that `c` begins, or NULL. Inlined for both types. */
static inline const char *read_plain_fields(const bgi_csv_table *t, const bgi_csv_source *source, const char *c,
                                            const bgi_csv_row *row, bool is_f32)
{
    const bgi_csv *csv = &source->csv;
    const int64_t columns = source->columns;
    const int32_t targets = t->targets, class_place = t->options->with_classes ? 0 : -1;
    const bgi_csv_run *run = source->runs;
    int32_t place = run->place, end = run->end;
    const char delimiter = csv->delimiter, mark = t->options->decimal, other_blank = delimiter == '\t' ? ' ' : '\t';
    /* With runs of blanks for a delimiter, what is left of a run is as good as blanks around a field. */
    for (int32_t column = 0;; column++) {
        while (*c == ' ' || *c == other_blank)
            c++;
        if (column == end) {
            run++;
            place = run->place;
            end = run->end;
        }
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
                number = read_finite(c, mark, is_f32);
            if (!number.end)
                return NULL;
            if (place == class_place)
                *(int64_t *)(void *)row->targets = (int64_t)number.value;
            else if (is_f32)
                *(float *)bgi_csv_value_at(row, place, targets, sizeof(float)) = (float)number.value;
            else
                *(double *)bgi_csv_value_at(row, place, targets, sizeof(double)) = number.value;
            c = number.end;
            place++;
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
static bool read_plain_row(const bgi_csv_table *t, bgi_csv_source *source, const bgi_csv_row *row)
{
    bgi_csv *csv = &source->csv;
    /* The plain way looks at what is in front of a number too. */
    if (csv->start < BGI_NUMBER_SLACK)
        return false;
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

/* inf or infinity in letters of any case, behind a sign or not; the field is not empty. */
static bool is_infinity(const bgi_csv_field *field, double *value)
{
    bgi_csv_field word = *field;
    bool is_negative = *field->text == '-';
    if (is_negative || *field->text == '+') {
        word.text++;
        word.length--;
    }
    if (!bgi_csv_field_is_word(&word, "inf") && !bgi_csv_field_is_word(&word, "infinity"))
        return false;
    *value = is_negative ? -(double)INFINITY : (double)INFINITY;
    return true;
}

static bg_status read_number(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, int32_t place, double *value)
{
    bgi_csv_excerpt text = bgi_csv_field_excerpt(field);
    if (field->length == 0)
        return BGI_CSV_FAIL_AT(csv, field->column, "%s", ": the field is empty; each needs a number");
    double infinity;
    bool of_class = bgi_csv_is_class(t, place), is_f32 = t->options->dtype == BG_F32 && !of_class;
    bool may_be_class = t->targets == 1 && place == 0 && !t->options->with_classes;
    bool is_infinite = !of_class && is_infinity(field, &infinity);
    if (is_infinite && t->options->with_infinite) {
        *value = infinity;
        return BG_OK;
    }
    if (is_infinite)
        return BGI_CSV_FAIL_AT(csv, field->column,
                               ": \"%.*s\" is not a finite number (infinite ones are let in if asked for)", text.length,
                               text.text);
    bgi_number_result result =
        bgi_number_parse(field->text, field->length, t->options->decimal, is_f32, t->locale, value);
    if (result == BGI_NUMBER_OK)
        return BG_OK;
    if (result == BGI_NUMBER_LARGE)
        return BGI_CSV_FAIL_AT(csv, field->column, ": %.*s is too large for %s", text.length, text.text,
                               is_f32 ? "f32" : "f64");
    return BGI_CSV_FAIL_AT(csv, field->column, ": \"%.*s\" is not a number; the decimal mark is '%c'%s", text.length,
                           text.text, t->options->decimal, may_be_class ? ", and names need a target of classes" : "");
}

static bg_status read_class_number(bgi_csv_table *t, bgi_csv *csv, const bgi_csv_field *field, double *value)
{
    bg_status status = read_number(t, csv, field, 0, value);
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
                        "skip %lld line%s",
                        (long long)fields, (long long)source->first_line, (long long)source->columns,
                        (long long)source->first_line, source->first_line == 1 ? "" : "s");
}

/* Reads the record at hand; what is missing becomes NaN, or the number that is to stand for it. The class comes last:
 * of a row that is left out it counts for nothing. */
static bg_status read_record(bgi_csv_table *t, bgi_csv_source *source, const bgi_csv_row *row, bool *is_missing)
{
    bgi_csv *csv = &source->csv;
    bgi_csv_field field = { 0 }, class_field = { 0 };
    bg_status status = BG_OK;
    while (!field.is_last) {
        status = bgi_csv_next_field(csv, &field);
        if (status)
            return status;
        int32_t place = field.column <= source->columns ? bgi_csv_place_of(source, field.column - 1) : -1;
        if (place < 0)
            continue;
        double value = t->options->missing == BG_MISSING_VALUE ? t->options->missing_value : NAN;
        bool of_class = bgi_csv_is_class(t, place);
        bool may_miss =
            t->options->missing == BG_MISSING_DROP || (t->options->missing != BG_MISSING_ERROR && !of_class);
        if (may_miss && bgi_csv_field_is_missing(&field))
            *is_missing = true;
        else if (of_class)
            class_field = field;
        else
            status = read_number(t, csv, &field, place, &value);
        if (status)
            return status;
        if (!of_class)
            bgi_csv_store(t, row, place, value);
    }
    if (field.column != source->columns)
        return fail_ragged(source, field.column);
    if (class_field.text && !(*is_missing && t->options->missing == BG_MISSING_DROP)) {
        double class = 0;
        status = read_class(t, csv, &class_field, &class);
        if (!status)
            bgi_csv_store(t, row, 0, class);
    }
    return status;
}

static bg_status read_source_row(bgi_csv_table *t, bgi_csv_source *source, const bgi_csv_row *row, bool *is_missing,
                                 bool *is_end)
{
    *is_end = false;
    if (read_plain_row(t, source, row))
        return BG_OK;
    bg_status status = bgi_csv_next_record(&source->csv);
    *is_end = !status && !source->csv.record;
    bool is_second = t->rows == !source->has_header;
    if (!status && !*is_end && is_second)
        status = check_second(source);
    return status || *is_end ? status : read_record(t, source, row, is_missing);
}

/* ---- Counting ---- */

/* Whether the record at hand misses a value that is read. */
static bg_status find_missing(bgi_csv_source *source, bool *is_missing)
{
    bgi_csv_field field = { 0 };
    while (!field.is_last) {
        bg_status status = bgi_csv_next_field(&source->csv, &field);
        if (status)
            return status;
        bool is_read = field.column <= source->columns && bgi_csv_place_of(source, field.column - 1) >= 0;
        *is_missing = *is_missing || (is_read && bgi_csv_field_is_missing(&field));
    }
    return BG_OK;
}

static bool drops_rows(const bgi_csv_table *t) { return t->options->missing == BG_MISSING_DROP; }

/* As read_source_row, without a look at the values. */
static bg_status pass_source_row(const bgi_csv_table *t, bgi_csv_source *source, bool *is_missing, bool *is_end)
{
    bg_status status = bgi_csv_next_record(&source->csv);
    *is_end = !status && !source->csv.record;
    return status || *is_end || !drops_rows(t) ? status : find_missing(source, is_missing);
}

/* Goes behind the next row that is to be kept. */
static bg_status pass_row(bgi_csv_table *t, bool *is_end)
{
    /* Rows of two files may miss values in either; but else the first file's are counted alone. */
    int count = drops_rows(t) ? t->source_count : 1;
    bool is_missing = true;
    bg_status status = BG_OK;
    while (!status && !*is_end && is_missing) {
        is_missing = false;
        for (int i = 0; i < count && !status && !*is_end; i++)
            status = pass_source_row(t, &t->sources[i], &is_missing, is_end);
    }
    return status;
}

/* Counts the rows that are left, up to one that cannot be read, with it: that is told when it is read. Goes back. */
static bg_status count_rows(bgi_csv_table *t, int64_t *count)
{
    bgi_csv_place places[2];
    for (int i = 0; i < t->source_count; i++)
        places[i] = bgi_csv_tell(&t->sources[i].csv);
    bool is_end = false;
    bg_status status = BG_OK;
    for (*count = 0; !status && !is_end; *count += !is_end)
        status = pass_row(t, &is_end);
    if (status == BG_ERR_FORMAT)
        status = BG_OK;
    for (int i = 0; i < t->source_count && !status; i++)
        status = bgi_csv_seek(&t->sources[i].csv, places[i]);
    return status;
}

/* As many rows of its columns as a file can hold, which takes a byte for each field, and one of other columns, which
 * ends the reading: no more memory is asked for than that, however many lines there are. */
static int64_t most_rows(const bgi_csv_table *t)
{
    int64_t most = INT64_MAX;
    for (int i = 0; i < t->source_count; i++) {
        int64_t rows = (int64_t)(t->sources[i].csv.stream.opened.bytes / (uint64_t)t->sources[i].columns) + 2;
        most = rows < most ? rows : most;
    }
    return most;
}

/* Before the first row, makes room for all; or, of what cannot be counted, for some, which then make room for others.
 */
static bg_status reserve(bgi_csv_table *t)
{
    bool is_spooled = t->options->streams;
    if (t->rows - t->spooled < t->capacity || t->is_counted)
        return BG_OK;
    for (int i = 0; i < t->source_count; i++) /* counting is reading twice, which takes long of what is compressed */
        is_spooled = is_spooled || !bgi_csv_can_seek(&t->sources[i].csv);
    if (is_spooled)
        return bgi_csv_spool_rows(t);
    int64_t count, most = most_rows(t);
    bg_status status = count_rows(t, &count);
    t->is_counted = true;
    return status ? status : bgi_csv_resize(t, count < most ? count : most);
}

/* ---- All rows ---- */

/* Takes the row that was read last: its class counts, and what it misses is looked at again. */
static void keep_row(bgi_csv_table *t, const bgi_csv_row *row, int64_t line, bool is_missing)
{
    t->rows++;
    t->has_missing = t->has_missing || (is_missing && t->options->missing == BG_MISSING_MEAN);
    if (row->number)
        *row->number = line;
    if (t->class_kind != CLASSES_NUMBERS)
        return;
    int64_t class = (int64_t)bgi_csv_load(t, row, 0);
    t->classes = class < t->classes ? t->classes : class + 1;
}

static bg_status fail_changed(const bgi_csv_table *t, const char *how)
{
    return bg_fail(BG_ERR_IO, "read_csv: %s: the file became %s while it was read",
                   bgi_path_text(t->sources[0].csv.stream.path), how);
}

/* Reads row number `line` of the files, and keeps it unless it is to be left out. */
static bg_status read_row(bgi_csv_table *t, int64_t line, bool *is_end)
{
    bg_status status = reserve(t);
    if (status)
        return status;
    /* Behind the last row that was counted there may be some to be left out. */
    bool is_beyond = t->rows - t->spooled == t->capacity, is_missing = false, ends[2] = { false, false };
    bgi_csv_row row = bgi_csv_row_at(t, t->rows);
    for (int i = 0; i < t->source_count && !status; i++)
        status = is_beyond ? pass_source_row(t, &t->sources[i], &is_missing, &ends[i])
                           : read_source_row(t, &t->sources[i], &row, &is_missing, &ends[i]);
    if (status)
        return status;
    if (t->source_count == 2 && ends[0] != ends[1])
        return BGI_CSV_FAIL(&t->sources[ends[0]].csv, "this is row %lld, and %.200s has no more than %lld",
                            (long long)line + 1, bgi_path_text(t->sources[ends[1]].csv.stream.path), (long long)line);
    *is_end = ends[0];
    if (*is_end || (is_missing && drops_rows(t)))
        return BG_OK;
    if (is_beyond)
        return fail_changed(t, "longer");
    keep_row(t, &row, line, is_missing);
    return BG_OK;
}

bg_status bgi_csv_read_rows(bgi_csv_table *t)
{
    int64_t lines = 0;
    bool is_end = false;
    bg_status status = BG_OK;
    for (; !status && !is_end; lines += !is_end)
        status = read_row(t, lines, &is_end);
    if (status)
        return status;
    if (lines == 0)
        return BGI_CSV_FAIL(&t->sources[0].csv, "%s", "the file ends after the header");
    if (t->rows == 0)
        return BGI_CSV_FAIL(&t->sources[0].csv, "%s", "each row misses a value, so that none is left");
    if (t->spool)
        return t->options->streams ? bgi_csv_spool_rows(t) : bgi_csv_unspool(t);
    return t->rows == t->capacity ? BG_OK : fail_changed(t, "shorter");
}
