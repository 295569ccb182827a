/* CSV files as records of fields. */
#ifndef BGI_CSV_H
#define BGI_CSV_H

#include "data/stream.h"

typedef struct {
    bg_engine *engine;
    bgi_stream stream;
    char delimiter;
    char *buffer;
    size_t capacity;
    size_t start, end; /* the bytes that are read but not given out */
    bool is_finished;  /* the file has no more bytes than those */
    int64_t line, next_line;
    /* The record at hand: one line, or several where quotes hold line ends. */
    char *record, *record_end;
} bgi_csv;

/* One field of a record. */
typedef struct {
    char *text; /* without blanks around and quotes; text[length] may be written */
    size_t length;
    bool is_quoted; /* then two quotes in the text stand for one */
    bool is_last;
    int64_t column; /* from 1 */
} bgi_csv_field;

/* Reads from line 1; a byte order mark is skipped. Delimiter ' ' stands for runs of blanks. */
bg_status bgi_csv_open(bgi_csv *csv, bg_engine *engine, const char *path, char delimiter);
void bgi_csv_close(bgi_csv *csv);

/* The next line that is not blank. record is NULL at the end of the file. It is valid until the next call. */
bg_status bgi_csv_next_record(bgi_csv *csv);
/* The field after `field` in the record, or its first if field->text is NULL. */
bg_status bgi_csv_next_field(bgi_csv *csv, bgi_csv_field *field);

/* Whether the field has this text. */
bool bgi_csv_field_is(const bgi_csv_field *field, const char *text);

/* BG_ERR_FORMAT at the current line. */
#define BGI_CSV_FAIL(csv, format, ...)                                                                                 \
    bg_fail(BG_ERR_FORMAT, "read_csv: %s, line %lld: " format, bgi_path_text((csv)->stream.path),                      \
            (long long)(csv)->line, __VA_ARGS__)

#endif
