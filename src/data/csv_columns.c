/* Which columns of a CSV file are targets and features. */
#include "data/csv_columns.h"

#include <blasgrad/graph.h>

#include <stdio.h>
#include <string.h>

/* Whether a field is a column's name: begins with something that no number begins with, and is no word for a missing
 * number. */
static bool is_name(const bgi_csv_field *field)
{
    return field->length > 0 && !strchr("0123456789+-.,", *field->text) && !bgi_csv_field_is_missing(field) &&
           !bgi_csv_field_is_word(field, "inf") && !bgi_csv_field_is_word(field, "infinity");
}

/* The column of classes, from 1, if it is known from its place; else 0. */
static int64_t class_column(const bg_data_options *options, int64_t columns)
{
    int64_t number = 0;
    if (!options->with_classes || options->target_file)
        return 0;
    for (const char *c = options->target; c && *c; c++) {
        if (*c < '0' || *c > '9' || number > columns)
            return 0;
        number = number * 10 + (*c - '0');
    }
    return options->target ? number + 1 : columns;
}

/* Whether the class of the record behind the one at hand is a name too. */
static bg_status is_name_below(bgi_csv *csv, int64_t column, bool *holds)
{
    bgi_csv_mark(csv);
    bg_status status = bgi_csv_next_record(csv);
    *holds = false;
    for (bgi_csv_field field = { 0 }; !status && csv->record && !field.is_last && field.column < column;) {
        status = bgi_csv_next_field(csv, &field);
        *holds = !status && field.column == column && is_name(&field);
    }
    /* What is wrong with that record is told when it is read. */
    return status && status != BG_ERR_FORMAT ? status : bgi_csv_return(csv);
}

/* Looks at the fields of the first record: how many there are, and whether they are a header. A class by its name in
 * the first row makes none. */
static bg_status look_at_first(bgi_csv_source *source, const bg_data_options *options)
{
    bgi_csv *csv = &source->csv;
    bg_status status = BG_OK;
    int64_t names = 0, last_name = 0;
    for (bgi_csv_field field = { 0 }; !status && !field.is_last;) {
        status = bgi_csv_next_field(csv, &field);
        if (!status && !options->without_header && is_name(&field)) {
            names++;
            last_name = field.column;
        }
        source->columns = field.column;
    }
    bool is_row = false;
    if (!status && names == 1 && last_name == class_column(options, source->columns))
        status = is_name_below(csv, last_name, &is_row);
    source->has_header = names > 0 && !is_row;
    return status;
}

bg_status bgi_csv_source_open(bgi_csv_source *source, bg_engine *engine, const char *path,
                              const bg_data_options *options)
{
    bgi_csv *csv = &source->csv;
    bg_status status = bgi_csv_open(csv, engine, path, options->delimiter);
    if (!status)
        status = bgi_csv_skip_lines(csv, options->skip_lines);
    if (!status)
        status = bgi_csv_next_record(csv);
    if (!status && !csv->record)
        return BGI_CSV_FAIL(csv, "%s",
                            options->skip_lines ? "no line that is not blank is left"
                                                : "the file has no line that is not blank");
    source->first_line = csv->line;
    if (!status)
        status = look_at_first(source, options);
    if (status)
        return status;
    source->places = bgi_alloc(engine, (size_t)source->columns * sizeof *source->places);
    for (int64_t i = 0; source->places && i < source->columns; i++)
        source->places[i] = -1;
    return source->places ? BG_OK : BG_ERR_NOMEM;
}

void bgi_csv_source_close(bgi_csv_source *source)
{
    if (source->csv.buffer)
        bgi_csv_close(&source->csv);
    bgi_free(source->csv.engine, source->places, (size_t)source->columns * sizeof *source->places);
    source->places = NULL;
    bgi_csv_forget_names(source);
}

void bgi_csv_forget_names(bgi_csv_source *source)
{
    bgi_free(source->csv.engine, source->named, (size_t)source->columns * sizeof *source->named);
    source->named = NULL;
    bgi_labels_release(&source->names);
}

/* ---- Lists ---- */

/* A text of a list, which need not end with a zero. */
typedef struct {
    const char *text;
    size_t length;
} piece;

enum { SHOWN = 80 };
static int shown(piece p) { return p.length < SHOWN ? (int)p.length : SHOWN; }

bg_status bgi_csv_choose_column(bgi_csv_source *source, int64_t column, int32_t *next)
{
    if (source->places[column] >= 0)
        return BGI_CSV_FAIL_AT(&source->csv, column + 1, "%s", " is asked for twice, among targets and features");
    source->places[column] = (*next)++;
    return BG_OK;
}

/* The name of each field of the header, the record at hand, goes into the list; `copy` has room for the longest. */
static bg_status list_names(bgi_csv_source *source, char *copy)
{
    bg_status status = BG_OK;
    for (bgi_csv_field field = { 0 }; !status && !field.is_last;) {
        status = bgi_csv_next_field(&source->csv, &field);
        if (status)
            return status;
        /* The record stays as it is. */
        bgi_csv_field name = field;
        name.text = memcpy(copy, field.text, field.length);
        size_t length = bgi_csv_field_unquote(&name);
        int64_t number = bgi_labels_find(&source->names, copy, length);
        if (number >= 0) {
            int32_t *named = &source->named[number];
            *named = *named < 0 ? *named - 1 : -2;
            continue;
        }
        source->named[source->names.names.count] = (int32_t)field.column - 1;
        status = bgi_labels_add(&source->names, copy, length);
    }
    return status;
}

/* The column of this name, or -1; and how many have it. */
static bg_status find_name(bgi_csv_source *source, piece name, int64_t *column, int *found)
{
    bgi_csv *csv = &source->csv;
    *column = -1;
    *found = 0;
    if (source->has_header && !source->named) {
        size_t bytes = (size_t)(csv->record_end - csv->record);
        char *copy = bgi_alloc(csv->engine, bytes);
        source->named = bgi_alloc(csv->engine, (size_t)source->columns * sizeof *source->named);
        source->names.names.engine = csv->engine;
        bg_status status = copy && source->named ? list_names(source, copy) : BG_ERR_NOMEM;
        bgi_free(csv->engine, copy, bytes);
        if (status)
            return status;
    }
    int64_t number = bgi_labels_find(&source->names, name.text, name.length);
    if (number < 0)
        return BG_OK;
    *column = source->named[number];
    *found = *column < 0 ? (int)-*column : 1;
    return BG_OK;
}

/* BG_ERR_FORMAT with the names that there are. */
static bg_status fail_name(bgi_csv_source *source, piece name)
{
    if (!source->has_header)
        return BGI_CSV_FAIL(&source->csv, "no header names a column \"%.*s\"; columns are numbered 0 to %lld",
                            shown(name), name.text, (long long)source->columns - 1);
    char names[160] = "";
    size_t used = 0;
    for (bgi_csv_field field = { 0 }; !field.is_last;) {
        bg_status status = bgi_csv_next_field(&source->csv, &field);
        if (status)
            return status;
        bgi_csv_excerpt text = bgi_csv_field_excerpt(&field);
        if (used + (size_t)text.length + 8 < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, " %.*s", text.length, text.text);
        else if (used + 4 < sizeof names && names[used - 1] != '.')
            used += (size_t)snprintf(names + used, sizeof names - used, " ..");
    }
    return BGI_CSV_FAIL(&source->csv, "no column is named \"%.*s\"; there are%s", shown(name), name.text, names);
}

static bg_status choose_name(bgi_csv_source *source, piece name, const char *role, int32_t *next, bool *is_there)
{
    int64_t column;
    int found;
    bg_status status = find_name(source, name, &column, &found);
    *is_there = !status && found > 0;
    if (found > 1)
        return BGI_CSV_FAIL(&source->csv, "%d columns are named \"%.*s\"; the %s can also be a number, from 0", found,
                            shown(name), name.text, role);
    return *is_there ? bgi_csv_choose_column(source, column, next) : status;
}

bg_status bgi_csv_choose_name(bgi_csv_source *source, const char *name, const char *role, int32_t *next)
{
    bool is_there;
    piece whole = { name, strlen(name) };
    bg_status status = choose_name(source, whole, role, next, &is_there);
    return status || is_there ? status : fail_name(source, whole);
}

/* Reads a whole number of few digits. */
static bool take_number(piece *rest, int64_t *number)
{
    size_t digits = 0;
    *number = 0;
    for (; digits < rest->length && rest->text[digits] >= '0' && rest->text[digits] <= '9'; digits++)
        *number = digits < 9 ? *number * 10 + (rest->text[digits] - '0') : INT32_MAX;
    *rest = (piece){ rest->text + digits, rest->length - digits };
    return digits > 0;
}

/* Columns a or a-b. */
static bg_status choose_numbers(bgi_csv_source *source, piece text, const char *role, int32_t *next)
{
    piece rest = text;
    int64_t first, last;
    bool is_number = take_number(&rest, &first);
    last = first;
    if (is_number && rest.length > 0 && *rest.text == '-') {
        rest = (piece){ rest.text + 1, rest.length - 1 };
        is_number = take_number(&rest, &last);
    }
    if (!is_number || rest.length > 0)
        return fail_name(source, text);
    if (last < first)
        return BGI_CSV_FAIL(&source->csv, "the range %.*s goes down", shown(text), text.text);
    if (last >= source->columns)
        return BGI_CSV_FAIL(&source->csv, "there is no column %.*s to be the %s; columns are numbered 0 to %lld",
                            shown(text), text.text, role, (long long)source->columns - 1);
    bg_status status = BG_OK;
    for (int64_t column = first; column <= last && !status; column++)
        status = bgi_csv_choose_column(source, column, next);
    return status;
}

static piece trim(piece p)
{
    while (p.length > 0 && (*p.text == ' ' || *p.text == '\t'))
        p = (piece){ p.text + 1, p.length - 1 };
    while (p.length > 0 && (p.text[p.length - 1] == ' ' || p.text[p.length - 1] == '\t'))
        p.length--;
    return p;
}

bg_status bgi_csv_choose(bgi_csv_source *source, const char *list, const char *role, int32_t *next)
{
    /* A name may hold commas and look like a number. */
    bool is_there;
    piece rest = { list, strlen(list) };
    bg_status status = choose_name(source, rest, role, next, &is_there);
    while (!status && !is_there) {
        piece one = { rest.text, 0 };
        while (one.length < rest.length && one.text[one.length] != ',')
            one.length++;
        bool is_last = one.length == rest.length, is_name;
        rest = (piece){ rest.text + one.length + !is_last, rest.length - one.length - !is_last };
        one = trim(one);
        status = choose_name(source, one, role, next, &is_name);
        if (!status && !is_name)
            status = choose_numbers(source, one, role, next);
        is_there = is_last;
    }
    return status;
}

void bgi_csv_choose_rest(bgi_csv_source *source, int32_t *next)
{
    for (int64_t column = 0; column < source->columns; column++)
        if (source->places[column] < 0)
            source->places[column] = (*next)++;
}

bg_status bgi_csv_column_names(bgi_csv_source *source, int32_t first, int32_t count, bgi_labels *names)
{
    bg_engine *engine = source->csv.engine;
    /* Where the names are in the record, in the order of the columns' places. */
    struct {
        uint32_t start, length;
    } *found = bgi_alloc(engine, (size_t)count * sizeof *found);
    bg_status status = found ? BG_OK : BG_ERR_NOMEM;
    for (bgi_csv_field field = { 0 }; !status && !field.is_last;) {
        status = bgi_csv_next_field(&source->csv, &field);
        int32_t place = status ? -1 : source->places[field.column - 1];
        if (place >= first) {
            found[place - first].start = (uint32_t)(field.text - source->csv.record);
            found[place - first].length = (uint32_t)bgi_csv_field_unquote(&field);
        }
    }
    for (int32_t i = 0; i < count && !status; i++) {
        const char *name = source->csv.record + found[i].start;
        if (bgi_labels_find(names, name, found[i].length) >= 0) {
            bgi_labels_release(names);
            break;
        }
        status = bgi_labels_add(names, name, found[i].length);
    }
    bgi_free(engine, found, (size_t)count * sizeof *found);
    return status;
}
