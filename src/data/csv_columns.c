/* Which columns of a CSV file are targets and features. */
#include "data/csv_columns.h"

#include <blasgrad/graph.h>

#include <assert.h>
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
    enum { FIRST_RUNS = 4 };
    source->runs = bgi_alloc(engine, FIRST_RUNS * sizeof *source->runs);
    if (!source->runs)
        return BG_ERR_NOMEM;
    source->run_capacity = FIRST_RUNS;
    source->run_count = 1;
    source->runs[0] = (bgi_csv_run){ (int32_t)source->columns, -1 };
    return BG_OK;
}

void bgi_csv_source_close(bgi_csv_source *source)
{
    if (source->csv.buffer)
        bgi_csv_close(&source->csv);
    bgi_free(source->csv.engine, source->runs, source->run_capacity * sizeof *source->runs);
    source->runs = NULL;
}

/* ---- Runs ---- */

/* The run of a column. */
static size_t find_run(const bgi_csv_source *source, int64_t column)
{
    size_t low = 0, high = source->run_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (source->runs[middle].end > column)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int32_t start_of(const bgi_csv_source *source, size_t run) { return run ? source->runs[run - 1].end : 0; }

int32_t bgi_csv_place_of(const bgi_csv_source *source, int64_t column)
{
    size_t i = find_run(source, column);
    int32_t place = source->runs[i].place;
    return place < 0 ? place : place + (int32_t)column - start_of(source, i);
}

int64_t bgi_csv_column_at(const bgi_csv_source *source, int32_t place)
{
    size_t i = 0;
    while (source->runs[i].place < 0 || place < source->runs[i].place ||
           place - source->runs[i].place >= source->runs[i].end - start_of(source, i))
        i++;
    return start_of(source, i) + place - source->runs[i].place;
}

int64_t bgi_csv_count_rest(const bgi_csv_source *source)
{
    int64_t count = 0;
    for (size_t i = 0; i < source->run_count; i++)
        count += source->runs[i].place < 0 ? source->runs[i].end - start_of(source, i) : 0;
    return count;
}

void bgi_csv_choose_rest(bgi_csv_source *source, int32_t *next)
{
    for (size_t i = 0; i < source->run_count; i++)
        if (source->runs[i].place < 0) {
            source->runs[i].place = *next;
            *next += source->runs[i].end - start_of(source, i);
        }
}

/* Room for `more` runs. */
static bg_status reserve_runs(bgi_csv_source *source, size_t more)
{
    size_t capacity = 2 * source->run_capacity;
    if (source->run_count + more <= source->run_capacity)
        return BG_OK;
    bgi_csv_run *larger = bgi_alloc(source->csv.engine, capacity * sizeof *larger);
    if (!larger)
        return BG_ERR_NOMEM;
    memcpy(larger, source->runs, source->run_count * sizeof *larger);
    bgi_free(source->csv.engine, source->runs, source->run_capacity * sizeof *larger);
    source->runs = larger;
    source->run_capacity = capacity;
    return BG_OK;
}

/* In place of one run, up to three. */
static bg_status split_run(bgi_csv_source *source, size_t at, const bgi_csv_run *parts, size_t count)
{
    bg_status status = reserve_runs(source, count - 1);
    if (status)
        return status;
    bgi_csv_run *run = source->runs + at;
    memmove(run + count, run + 1, (source->run_count - at - 1) * sizeof *run);
    memcpy(run, parts, count * sizeof *run);
    source->run_count += count - 1;
    return BG_OK;
}

bg_status bgi_csv_choose_column(bgi_csv_source *source, int64_t column, int32_t *next)
{
    size_t at = find_run(source, column), count = 0;
    const bgi_csv_run whole = source->runs[at];
    int32_t start = start_of(source, at), place = *next, behind = (int32_t)column + 1;
    if (whole.place >= 0)
        return BGI_CSV_FAIL_AT(&source->csv, column + 1, "%s", " is asked for twice, among targets and features");
    bool continues = column == start && at > 0 && bgi_csv_place_of(source, column - 1) == place - 1;
    *next += 1;
    if (continues && behind < whole.end) {
        source->runs[at - 1].end = behind;
        return BG_OK;
    }
    bgi_csv_run parts[3];
    if (column > start)
        parts[count++] = (bgi_csv_run){ (int32_t)column, -1 };
    parts[count++] = (bgi_csv_run){ behind, place };
    if (behind < whole.end)
        parts[count++] = (bgi_csv_run){ whole.end, -1 };
    return split_run(source, at, parts, count);
}

/* ---- Lists ---- */

/* A text of a list, which need not end with a zero. */
typedef struct {
    const char *text;
    size_t length;
} piece;

enum { SHOWN = 80 };
static int shown(piece p) { return p.length < SHOWN ? (int)p.length : SHOWN; }

/* The next field of the header, whose fields were all gone through when it was opened. */
static void next_known_field(bgi_csv_source *source, bgi_csv_field *field)
{
    bg_status status = bgi_csv_next_field(&source->csv, field);
    assert(!status);
    (void)status;
}

/* Names that are looked for in the header, each once, and what is found: the column of each, or -n if n have it, or
 * -1. */
typedef struct {
    bgi_labels names;
    int32_t *columns;
    size_t longest;
} search;

static bg_status ask(search *s, piece name)
{
    s->longest = name.length > s->longest ? name.length : s->longest;
    return bgi_labels_find(&s->names, name.text, name.length) < 0 ? bgi_labels_add(&s->names, name.text, name.length)
                                                                  : BG_OK;
}

/* Notes a field of the header whose name is looked for. Its text stays as it is: what a pair of quotes stands for is
 * found in a copy, for which there is room if it can be one of the names. */
static void note_field(search *s, const bgi_csv_field *field, char *copy)
{
    bgi_csv_field name = *field;
    if (name.length > 2 * s->longest)
        return;
    name.text = memcpy(copy, field->text, field->length);
    int64_t number = bgi_labels_find(&s->names, copy, bgi_csv_field_unquote(&name));
    if (number < 0)
        return;
    int32_t *found = &s->columns[number], column = (int32_t)field->column - 1;
    *found = *found == -1 ? column : *found < 0 ? *found - 1 : -2;
}

/* Looks for the names that were asked for in the header, which is the record at hand. */
static bg_status look(search *s, bgi_csv_source *source)
{
    bg_engine *engine = source->csv.engine;
    size_t count = (size_t)s->names.names.count, bytes = 2 * s->longest + 1;
    s->columns = bgi_alloc(engine, count * sizeof *s->columns);
    char *copy = bgi_alloc(engine, bytes);
    bg_status status = s->columns && copy ? BG_OK : BG_ERR_NOMEM;
    for (size_t i = 0; i < count && !status; i++)
        s->columns[i] = -1;
    bgi_csv_field field = { .is_last = !source->has_header };
    while (!status && !field.is_last) {
        next_known_field(source, &field);
        note_field(s, &field, copy);
    }
    bgi_free(engine, copy, bytes);
    return status;
}

static void end_search(search *s)
{
    bgi_free(s->names.names.engine, s->columns, (size_t)s->names.names.count * sizeof *s->columns);
    bgi_labels_release(&s->names);
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
        next_known_field(source, &field);
        bgi_csv_excerpt text = bgi_csv_field_excerpt(&field);
        if (used + (size_t)text.length + 8 < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, " %.*s", text.length, text.text);
        else if (names[used - 1] != '.') /* for which there is room: as much as the longest name left */
            used += (size_t)snprintf(names + used, sizeof names - used, " ..");
    }
    return BGI_CSV_FAIL(&source->csv, "no column is named \"%.*s\"; there are%s", shown(name), name.text, names);
}

static bg_status choose_name(bgi_csv_source *source, const search *s, piece name, const char *role, int32_t *next,
                             bool *is_there)
{
    int32_t column = s->columns[bgi_labels_find(&s->names, name.text, name.length)];
    *is_there = column != -1;
    if (column < -1)
        return BGI_CSV_FAIL(&source->csv, "%ld columns are named \"%.*s\"; the %s can also be a number, from 0",
                            -(long)column, shown(name), name.text, role);
    return *is_there ? bgi_csv_choose_column(source, column, next) : BG_OK;
}

bg_status bgi_csv_choose_names(bgi_csv_source *source, const char *const *names, const char *role, int32_t *next)
{
    search s = { .names.names.engine = source->csv.engine };
    bg_status status = BG_OK;
    for (const char *const *name = names; *name && !status; name++)
        status = ask(&s, (piece){ *name, strlen(*name) });
    if (!status)
        status = look(&s, source);
    for (const char *const *name = names; *name && !status; name++) {
        bool is_there;
        const piece whole = { *name, strlen(*name) };
        status = choose_name(source, &s, whole, role, next, &is_there);
        if (!status && !is_there)
            status = fail_name(source, whole);
    }
    end_search(&s);
    return status;
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

/* The text up to the next comma; the rest is NULL behind the last. */
static piece take_piece(piece *rest)
{
    piece one = { rest->text, 0 };
    while (one.length < rest->length && one.text[one.length] != ',')
        one.length++;
    bool is_last = one.length == rest->length;
    *rest = is_last ? (piece){ NULL, 0 } : (piece){ rest->text + one.length + 1, rest->length - one.length - 1 };
    return trim(one);
}

bg_status bgi_csv_choose(bgi_csv_source *source, const char *list, const char *role, int32_t *next)
{
    search s = { .names.names.engine = source->csv.engine };
    const piece whole = { list, strlen(list) };
    bool is_there = false;
    bg_status status = ask(&s, whole);
    for (piece rest = whole; rest.text && !status;)
        status = ask(&s, take_piece(&rest));
    if (!status)
        status = look(&s, source);
    /* A name may hold commas and look like a number. */
    if (!status)
        status = choose_name(source, &s, whole, role, next, &is_there);
    for (piece rest = whole; rest.text && !status && !is_there;) {
        bool is_name;
        piece one = take_piece(&rest);
        status = choose_name(source, &s, one, role, next, &is_name);
        if (!status && !is_name)
            status = choose_numbers(source, one, role, next);
    }
    end_search(&s);
    return status;
}

/* ---- Names of columns ---- */

/* Puts the names into a list by the columns' places: the texts lie there in the order of the header. */
static void place_names(const bgi_csv_source *source, int32_t first, bgi_names *names)
{
    uint32_t start = 0;
    for (int32_t column = 0; column < source->columns; column++) {
        int32_t place = bgi_csv_place_of(source, column);
        if (place < first)
            continue;
        names->starts[place - first] = start;
        start += (uint32_t)strlen(names->text + start) + 1;
    }
}

/* Goes through the columns with places from `first` on: counts the bytes that their names take at most, each with a
 * zero, or, if these have room in the list, puts them there. */
static size_t take_names(bgi_csv_source *source, int32_t first, bgi_names *names)
{
    size_t bytes = 0;
    for (bgi_csv_field field = { 0 }; !field.is_last;) {
        next_known_field(source, &field);
        if (bgi_csv_place_of(source, field.column - 1) < first)
            continue;
        bytes += field.length + 1;
        if (!names->text)
            continue;
        bgi_csv_field name = field;
        name.text = memcpy(names->text + names->used, field.text, field.length);
        names->used += bgi_csv_field_unquote(&name);
        names->text[names->used++] = '\0';
    }
    return bytes;
}

bg_status bgi_csv_column_names(bgi_csv_source *source, int32_t first, int32_t count, bgi_names *names)
{
    bg_status status = bgi_names_reserve(names, count, take_names(source, first, names));
    if (status)
        return status;
    (void)take_names(source, first, names);
    names->count = count;
    place_names(source, first, names);
    if (bgi_names_sort(names))
        bgi_names_release(names);
    else
        place_names(source, first, names);
    return BG_OK;
}
