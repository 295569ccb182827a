/* CSV files as records of fields. */
#ifndef BGI_CSV_H
#define BGI_CSV_H

#include "io/stream.h"

/* The longest line. A file without line ends, whatever it is, is refused after so many bytes. */
enum { BGI_CSV_LINE_LIMIT = 1 << 20 };

typedef struct {
    bg_engine *engine;
    bgi_stream stream;
    char delimiter;
    char *buffer;
    size_t capacity;
    size_t start, end; /* the bytes that are read but not given out; zeros follow, BGI_NUMBER_SLACK of them */
    bool is_finished;  /* the file has no more bytes than those */
    int64_t line, next_line;
    /* The record at hand: one line, or several where quotes hold line ends. */
    char *record, *record_end;
    size_t record_start; /* of its first line, in the buffer */
    size_t mark;         /* the start of the record to return to, */
    int64_t mark_line;   /* and its line; 0 if none is marked */
} bgi_csv;

/* One field of a record. */
typedef struct {
    char *text; /* without blanks around and quotes; may be written */
    size_t length;
    bool is_quoted; /* then two quotes in the text stand for one */
    bool is_last;
    int64_t column; /* from 1 */
} bgi_csv_field;

/* Reads from line 1; a byte order mark is skipped. Delimiter ' ' stands for runs of blanks. */
bg_status bgi_csv_open(bgi_csv *csv, bg_engine *engine, const char *path, char delimiter);
void bgi_csv_close(bgi_csv *csv);

/* Leaves lines out, whatever they hold; before the first record. */
bg_status bgi_csv_skip_lines(bgi_csv *csv, int64_t lines);
/* The next line that is not blank. record is NULL at the end of the file. It is valid until the next call. */
bg_status bgi_csv_next_record(bgi_csv *csv);
/* Gives the record at hand out again at the next call. */
void bgi_csv_put_back(bgi_csv *csv);
/* Marks the record at hand; until the return to it, which makes it the one at hand again, its bytes are kept. */
void bgi_csv_mark(bgi_csv *csv);
bg_status bgi_csv_return(bgi_csv *csv);
/* The place of the record behind the one at hand, and the return to it, which reads from the file again: not where that
 * takes long, or cannot be, nor of a file of the system that says it is empty and is not. */
typedef struct {
    uint64_t offset;
    int64_t line;
} bgi_csv_place;
static inline bool bgi_csv_can_seek(const bgi_csv *csv)
{
    return csv->stream.opened.is_regular && csv->stream.opened.bytes > 0 && !csv->stream.is_compressed;
}
bgi_csv_place bgi_csv_tell(const bgi_csv *csv);
bg_status bgi_csv_seek(bgi_csv *csv, bgi_csv_place place);
/* The field after `field` in the record, or its first if field->text is NULL. */
bg_status bgi_csv_next_field(bgi_csv *csv, bgi_csv_field *field);

/* What stands between fields, and blanks around them, which do not count. */
static inline bool bgi_csv_is_separator(const bgi_csv *csv, char c)
{
    return c == csv->delimiter || (csv->delimiter == ' ' && c == '\t');
}
static inline bool bgi_csv_is_padding(const bgi_csv *csv, char c)
{
    return (c == ' ' || c == '\t') && c != csv->delimiter && csv->delimiter != ' ';
}

/* Whether the field is this word of small letters, in letters of any case. */
bool bgi_csv_field_is_word(const bgi_csv_field *field, const char *word);
/* Whether it is empty or a word for what is missing. */
bool bgi_csv_field_is_missing(const bgi_csv_field *field);
/* Makes two quotes in the text one, once, and returns the length that is left; the field itself keeps its length. */
size_t bgi_csv_field_unquote(const bgi_csv_field *field);

/* The beginning of a field's text, for messages. */
typedef struct {
    int length;
    const char *text;
} bgi_csv_excerpt;
bgi_csv_excerpt bgi_csv_field_excerpt(const bgi_csv_field *field);

/* BG_ERR_FORMAT at the current line. */
#define BGI_CSV_FAIL(csv, format, ...)                                                                                 \
    bg_fail(BG_ERR_FORMAT, "read_csv: %s, line %lld: " format, bgi_path_text((csv)->stream.path),                      \
            (long long)(csv)->line, __VA_ARGS__)
/* The same at a column, from 1: in messages with the number from 0 too, by which options name it. */
#define BGI_CSV_FAIL_AT(csv, column, format, ...)                                                                      \
    BGI_CSV_FAIL(csv, "column %lld (number %lld)" format, (long long)(column), (long long)(column)-1, __VA_ARGS__)

#endif
