/* Cuts CSV files into records and fields. Memory: one buffer that holds the longest line. */
#include "data/csv.h"

#include "data/number.h"
#include "io/bytes.h"

#include <blasgrad/graph.h>

#include <string.h>

enum { LINE_LIMIT = BGI_CSV_LINE_LIMIT, FIRST_CAPACITY = 1 << 15 };

bg_status bgi_csv_open(bgi_csv *csv, bg_engine *engine, const char *path, char delimiter)
{
    *csv = (bgi_csv){ .engine = engine, .delimiter = delimiter, .capacity = FIRST_CAPACITY, .line = 1, .next_line = 1 };
    bg_status status = bgi_stream_open(&csv->stream, "read_csv", path);
    if (status)
        return status;
    csv->buffer = bgi_alloc(engine, csv->capacity);
    status = csv->buffer ? bgi_stream_read(&csv->stream, csv->buffer, 3, &csv->end) : BG_ERR_NOMEM;
    if (status) {
        bgi_csv_close(csv);
        return status;
    }
    if (csv->end == 3 && !memcmp(csv->buffer, "\xEF\xBB\xBF", 3))
        csv->end = 0;
    memset(csv->buffer + csv->end, 0, BGI_NUMBER_SLACK);
    return BG_OK;
}

void bgi_csv_close(bgi_csv *csv)
{
    bgi_free(csv->engine, csv->buffer, csv->capacity);
    csv->buffer = NULL;
    bgi_stream_close(&csv->stream);
}

/* Twice as much; or, where the size of the file is known, what it takes, but no more than two lines do: then both
 * buffers are no larger than the file while one moves into the other. */
static size_t larger_capacity(const bgi_csv *csv)
{
    enum { SPARE = 1 << 10, MOST = 2 * LINE_LIMIT + SPARE };
    uint64_t whole = csv->stream.opened.bytes + SPARE;
    size_t capacity = whole < MOST ? (size_t)whole : MOST;
    return bgi_csv_can_seek(csv) && capacity > csv->capacity ? capacity : 2 * csv->capacity;
}

/* Reads more bytes behind those that are marked or not given out yet, which move to the buffer's front. Zeros follow,
 * at which scanning stops. */
static bg_status read_more(bgi_csv *csv)
{
    size_t kept = csv->mark_line ? csv->mark : csv->start;
    memmove(csv->buffer, csv->buffer + kept, csv->end - kept);
    csv->end -= kept;
    csv->start -= kept;
    csv->mark = 0;
    if (csv->end + BGI_NUMBER_SLACK == csv->capacity) {
        size_t capacity = larger_capacity(csv);
        char *larger = bgi_alloc(csv->engine, capacity);
        if (!larger)
            return BG_ERR_NOMEM;
        memcpy(larger, csv->buffer, csv->end);
        bgi_free(csv->engine, csv->buffer, csv->capacity);
        csv->buffer = larger;
        csv->capacity = capacity;
    }
    size_t wanted = csv->capacity - BGI_NUMBER_SLACK - csv->end, got;
    bg_status status = bgi_stream_read(&csv->stream, csv->buffer + csv->end, wanted, &got);
    csv->end += got;
    memset(csv->buffer + csv->end, 0, BGI_NUMBER_SLACK);
    csv->is_finished = got < wanted;
    return status;
}

/* How many bytes stand before the first that is zero, a line end or a quote, of which there must be one. Eight are read
 * at a time. */
static size_t plain_length(const char *text)
{
    const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
    for (size_t i = 0;; i += sizeof(uint64_t)) {
        uint64_t bytes, found = 0;
        memcpy(&bytes, text + i, sizeof bytes);
        /* What a table is made of mostly lies behind all of them. */
        if (!((bytes - ones * ('"' + 1)) & ~bytes & highs))
            continue;
        static const unsigned char specials[] = { '\0', '\n', '\r', '"' };
        for (int k = 0; k < 4; k++) {
            uint64_t different = bytes ^ ones * specials[k];
            found |= (different - ones) & ~different & highs;
        }
        /* The first bit from below is exact, those above it need not be. */
        if (found && BGI_IS_BIG_ENDIAN)
            return i;
        if (found)
            return i + (size_t)__builtin_ctzll(found) / 8;
    }
}

/* Finds the end of the record that begins at csv->start: its length without the line end, and with it. */
static bg_status find_end(bgi_csv *csv, size_t *length, size_t *whole)
{
    bool is_quoted = false, is_ended = false;
    size_t i = 0;
    size_t pair = 0; /* 1 for a line feed after a carriage return */
    while (!is_ended) {
        /* Zeros follow the bytes that were read. */
        i += plain_length(csv->buffer + csv->start + i);
        /* A carriage return may be followed by a line feed, so two bytes must be there. */
        if (csv->start + i + 1 >= csv->end && !csv->is_finished && i <= LINE_LIMIT) {
            bg_status status = read_more(csv);
            if (status)
                return status;
        }
        if (csv->start + i >= csv->end)
            break;
        char c = csv->buffer[csv->start + i];
        if (c == '"') {
            is_quoted = !is_quoted;
        } else if (c == '\n' || c == '\r') {
            bool is_pair = c == '\r' && csv->start + i + 1 < csv->end && csv->buffer[csv->start + i + 1] == '\n';
            csv->next_line++;
            is_ended = !is_quoted;
            i += is_pair && is_quoted;
            pair = is_pair;
        } else if (c == '\0') {
            return BGI_CSV_FAIL(csv, "byte %zu is zero: no text, or not in UTF-8", i + 1);
        }
        i++;
    }
    *length = is_ended ? i - 1 : i;
    if (*length > LINE_LIMIT)
        return BGI_CSV_FAIL(csv, "the line is longer than %d bytes: no table, or a quote that is not closed",
                            LINE_LIMIT);
    *whole = is_ended ? i + pair : i;
    return BG_OK;
}

static bool is_separator(const bgi_csv *csv, char c) { return bgi_csv_is_separator(csv, c); }
static bool is_padding(const bgi_csv *csv, char c) { return bgi_csv_is_padding(csv, c); }

bg_status bgi_csv_skip_lines(bgi_csv *csv, int64_t lines)
{
    for (int64_t left = lines; left > 0;) {
        /* A carriage return may be followed by a line feed, so two bytes must be there. */
        if (csv->start + 1 >= csv->end && !csv->is_finished) {
            bg_status status = read_more(csv);
            if (status)
                return status;
        }
        if (csv->start == csv->end)
            return BGI_CSV_FAIL(csv, "the file ends here, and %lld lines were to be skipped", (long long)lines);
        char c = csv->buffer[csv->start++];
        if (c == '\r' && csv->buffer[csv->start] == '\n')
            csv->start++;
        if (c == '\n' || c == '\r') {
            csv->line = ++csv->next_line;
            left--;
        }
    }
    return BG_OK;
}

bg_status bgi_csv_next_record(bgi_csv *csv)
{
    for (;;) {
        csv->record = NULL;
        csv->line = csv->next_line;
        size_t length = 0, whole = 0;
        bg_status status = find_end(csv, &length, &whole);
        if (status || whole == 0)
            return status;
        char *record = csv->buffer + csv->start;
        csv->record_start = csv->start;
        csv->start += whole;
        /* With runs of blanks between fields, those at both ends stand between nothing. */
        char *c = record, *end = record + length;
        bool is_run = csv->delimiter == ' ';
        while (c < end && (is_run ? is_separator(csv, *c) : is_padding(csv, *c)))
            c++;
        if (c == end)
            continue;
        if (is_run) {
            record = c;
            while (is_separator(csv, end[-1]))
                end--;
        }
        csv->record = record;
        csv->record_end = end;
        return BG_OK;
    }
}

void bgi_csv_put_back(bgi_csv *csv)
{
    csv->start = csv->record_start;
    csv->next_line = csv->line;
}

void bgi_csv_mark(bgi_csv *csv)
{
    csv->mark = csv->record_start;
    csv->mark_line = csv->line;
}

bg_status bgi_csv_return(bgi_csv *csv)
{
    csv->start = csv->mark;
    csv->next_line = csv->mark_line;
    csv->mark_line = 0;
    return bgi_csv_next_record(csv);
}

bgi_csv_place bgi_csv_tell(const bgi_csv *csv)
{
    return (bgi_csv_place){ csv->stream.offset - (csv->end - csv->start), csv->next_line };
}

bg_status bgi_csv_seek(bgi_csv *csv, bgi_csv_place place)
{
    csv->start = csv->end = 0;
    csv->is_finished = false;
    csv->record = NULL;
    csv->next_line = place.line;
    memset(csv->buffer, 0, BGI_NUMBER_SLACK);
    return bgi_stream_seek(&csv->stream, place.offset);
}

bg_status bgi_csv_next_field(bgi_csv *csv, bgi_csv_field *field)
{
    char *c = csv->record, *end = csv->record_end;
    if (field->text) {
        c = field->text + field->length + field->is_quoted;
        while (!is_separator(csv, *c))
            c++;
        c++;
        while (csv->delimiter == ' ' && is_separator(csv, *c))
            c++;
    }
    while (c < end && is_padding(csv, *c))
        c++;
    *field = (bgi_csv_field){ .text = c, .column = field->column + 1, .is_quoted = c < end && *c == '"' };
    if (field->is_quoted) {
        field->text = ++c;
        while (c < end && (*c != '"' || (c + 1 < end && c[1] == '"')))
            c += *c == '"' ? 2 : 1;
        if (c >= end)
            return BGI_CSV_FAIL_AT(csv, field->column, "%s", ": the quote is not closed");
        field->length = (size_t)(c - field->text);
        c++;
        while (c < end && is_padding(csv, *c))
            c++;
        if (c < end && !is_separator(csv, *c))
            return BGI_CSV_FAIL_AT(csv, field->column, "%s", ": there is text after the closing quote");
    } else {
        while (c < end && !is_separator(csv, *c)) {
            if (*c == '"')
                return BGI_CSV_FAIL_AT(csv, field->column, "%s",
                                       ": a quote inside of a field without quotes around it");
            c++;
        }
        char *stop = c;
        while (stop > field->text && is_padding(csv, stop[-1]))
            stop--;
        field->length = (size_t)(stop - field->text);
    }
    field->is_last = c == end;
    return BG_OK;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

bool bgi_csv_field_is_word(const bgi_csv_field *field, const char *word)
{
    size_t i = 0;
    while (i < field->length && word[i] == lower(field->text[i]))
        i++;
    return i == field->length && !word[i];
}

bool bgi_csv_field_is_missing(const bgi_csv_field *field)
{
    static const char *const words[] = { "", "na", "n/a", "nan", "null", "?" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (bgi_csv_field_is_word(field, words[i]))
            return true;
    return false;
}

size_t bgi_csv_field_unquote(const bgi_csv_field *field)
{
    size_t length = 0;
    for (size_t i = 0; i < field->length; i++) {
        field->text[length++] = field->text[i];
        i += field->is_quoted && field->text[i] == '"';
    }
    return length;
}

bgi_csv_excerpt bgi_csv_field_excerpt(const bgi_csv_field *field)
{
    enum { SHOWN = 40 };
    return (bgi_csv_excerpt){ field->length < SHOWN ? (int)field->length : SHOWN, field->text };
}
