#include "golden.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of a record: a text, or an array where text is NULL. Names, keys and texts point into the file's own contents.
 */
typedef struct {
    const char *key;
    const char *text;
    golden_array array;
    double *values;
} field;

struct golden_record {
    const golden_file *file;
    const char *name;
    field *fields;
    size_t count;
};

struct golden_file {
    char *path;
    char *contents;
    golden_record *records;
    size_t count;
};

static _Thread_local char message[512];

const char *golden_error(void) { return message; }

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static bool
fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Numbers: without strtod, whose decimal point depends on the locale. ---- */

static int digit_of(char c, int base)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : base;
    return digit < base ? digit : -1;
}

/* Reads digits up to the first other character; false if there are none or the value passes 2^53, which a double does
 * not hold exactly. */
static bool read_digits(const char **at, int base, uint64_t *value, int *digits)
{
    int first = *digits;
    for (int digit; (digit = digit_of(**at, base)) >= 0; ++*at, ++*digits) {
        *value = *value * (unsigned)base + (unsigned)digit;
        if (*value > (UINT64_C(1) << 53))
            return false;
    }
    return *digits > first;
}

static bool read_exponent(const char **at, int *exponent)
{
    bool negative = **at == '-';
    if (**at == '-' || **at == '+')
        ++*at;
    uint64_t value = 0;
    int digits = 0;
    if (!read_digits(at, 10, &value, &digits) || value > 1100)
        return false;
    *exponent = negative ? -(int)value : (int)value;
    return true;
}

/* 0x1.8p+1: the digits are an integer, each one behind the point divides it by 16. */
static bool read_hexadecimal(const char **at, double *number)
{
    uint64_t mantissa = 0;
    int digits = 0, exponent = 0;
    if (!read_digits(at, 16, &mantissa, &digits))
        return false;
    int fraction_from = digits;
    if (**at == '.') {
        ++*at;
        if (!read_digits(at, 16, &mantissa, &digits))
            return false;
    }
    if (**at != 'p')
        return false;
    ++*at;
    if (!read_exponent(at, &exponent))
        return false;
    *number = ldexp((double)mantissa, exponent - 4 * (digits - fraction_from));
    return true;
}

static bool read_number(const char **at, double *number)
{
    bool negative = **at == '-';
    if (negative)
        ++*at;
    bool read;
    if (strncmp(*at, "inf", 3) == 0) {
        *number = INFINITY;
        *at += 3;
        read = true;
    } else if (strncmp(*at, "nan", 3) == 0) {
        *number = NAN;
        *at += 3;
        read = true;
    } else if (strncmp(*at, "0x", 2) == 0) {
        *at += 2;
        read = read_hexadecimal(at, number);
    } else {
        uint64_t value = 0;
        int digits = 0;
        read = read_digits(at, 10, &value, &digits);
        *number = (double)value;
    }
    if (negative)
        *number = -*number;
    return read && (**at == ' ' || **at == '\0');
}

/* ---- Lines ---- */

/* "2,3]" up to the end of the bracket; nothing before it is rank 0. */
static bool read_shape(const char *at, golden_array *array)
{
    array->rank = 0;
    array->count = 1;
    while (*at != ']') {
        uint64_t extent = 0;
        int digits = 0;
        if (array->rank == GOLDEN_MAX_RANK || !read_digits(&at, 10, &extent, &digits) || extent > INT32_MAX)
            return false;
        array->dims[array->rank++] = (int64_t)extent;
        array->count *= (int64_t)extent;
        if (array->count > INT32_MAX)
            return false;
        if (*at == ',' && at[1] != ']')
            ++at;
        else if (*at != ']')
            return false;
    }
    return at[1] == '\0';
}

static bool read_values(const char *at, field *into)
{
    golden_array *array = &into->array;
    /* Every number takes a character at least: a wrong shape cannot ask for more memory than the file's size warrants.
     */
    if ((uint64_t)array->count > strlen(at) + 1)
        return fail("the shape has %lld elements, the line is too short for them", (long long)array->count);
    into->values = malloc(array->count > 0 ? (size_t)array->count * sizeof(double) : 1);
    if (!into->values)
        return fail("out of memory");
    array->values = into->values;
    for (int64_t i = 0; i < array->count; i++) {
        at += strspn(at, " ");
        if (*at == '\0')
            return fail("the shape has %lld elements, the line %lld", (long long)array->count, (long long)i);
        const char *word = at;
        if (!read_number(&at, &into->values[i]))
            return fail("'%.*s' is not a number", (int)strcspn(word, " "), word);
    }
    if (at[strspn(at, " ")] != '\0')
        return fail("the line has more than the shape's %lld elements", (long long)array->count);
    return true;
}

static const field *find_field(const golden_record *record, const char *key)
{
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->fields[i].key, key) == 0)
            return &record->fields[i];
    return NULL;
}

/* "key = text" or "key[2,3] = numbers"; the line is cut into its parts in place. */
static bool read_field(golden_record *record, char *line)
{
    char *separator = strstr(line, " =");
    if (!separator || (separator[2] != ' ' && separator[2] != '\0'))
        return fail("expected 'key = text', 'key[shape] = numbers' or '[name]'");
    char *value = separator + 2 + (separator[2] == ' ');
    *separator = '\0';
    char *shape = strchr(line, '[');
    if (shape)
        *shape++ = '\0';
    if (*line == '\0')
        return fail("a key is missing");
    if (find_field(record, line))
        return fail("the record has '%s' twice", line);

    field *fields = realloc(record->fields, (record->count + 1) * sizeof *fields);
    if (!fields)
        return fail("out of memory");
    record->fields = fields;
    field *added = &fields[record->count++];
    *added = (field){ .key = line };
    if (!shape) {
        added->text = value;
        return true;
    }
    if (!read_shape(shape, &added->array))
        return fail("the shape of '%s' is not [extent,..] of at most %d extents", line, GOLDEN_MAX_RANK);
    return read_values(value, added);
}

static const golden_record *find_record(const golden_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->records[i].name, name) == 0)
            return &file->records[i];
    return NULL;
}

/* "[name]" */
static bool read_record(golden_file *file, char *line)
{
    size_t length = strlen(line);
    if (length < 3 || line[length - 1] != ']')
        return fail("a record begins with '[name]'");
    line[length - 1] = '\0';
    if (find_record(file, line + 1))
        return fail("the record '%s' is there twice", line + 1);
    golden_record *records = realloc(file->records, (file->count + 1) * sizeof *records);
    if (!records)
        return fail("out of memory");
    file->records = records;
    records[file->count++] = (golden_record){ .file = file, .name = line + 1 };
    return true;
}

static bool read_lines(golden_file *file)
{
    long number = 1;
    for (char *line = file->contents, *next; line; line = next, number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        bool read = *line == '['      ? read_record(file, line)
                    : file->count > 0 ? read_field(&file->records[file->count - 1], line)
                                      : fail("a line before the first '[name]'");
        if (!read) {
            char reason[sizeof message];
            memcpy(reason, message, sizeof reason);
            return fail("%s:%ld: %.300s", file->path, number, reason);
        }
    }
    return file->count > 0 || fail("%s: holds no records", file->path);
}

static bool read_stream(golden_file *file, FILE *stream)
{
    size_t size = 0, capacity = 1 << 16;
    do {
        capacity *= 2;
        char *contents = realloc(file->contents, capacity);
        if (!contents)
            return fail("%s: out of memory", file->path);
        file->contents = contents;
        size += fread(contents + size, 1, capacity - size - 1, stream);
        contents[size] = '\0';
    } while (!feof(stream) && !ferror(stream));
    if (ferror(stream))
        return fail("%s: %s", file->path, strerror(errno));
    return strlen(file->contents) == size || fail("%s: not a text, it has a zero byte", file->path);
}

static bool read_contents(golden_file *file)
{
    FILE *stream = fopen(file->path, "rb");
    if (!stream)
        return fail("%s: %s", file->path, strerror(errno));
    bool read = read_stream(file, stream);
    fclose(stream);
    return read;
}

/* ---- The calls ---- */

golden_file *golden_open(const char *path)
{
    golden_file *file = calloc(1, sizeof *file);
    size_t length = strlen(path);
    if (file)
        file->path = malloc(length + 1);
    if (!file || !file->path) {
        fail("%s: out of memory", path);
        golden_close(file);
        return NULL;
    }
    memcpy(file->path, path, length + 1);
    if (!read_contents(file) || !read_lines(file)) {
        golden_close(file);
        return NULL;
    }
    return file;
}

void golden_close(golden_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->count; i++) {
        for (size_t j = 0; j < file->records[i].count; j++)
            free(file->records[i].fields[j].values);
        free(file->records[i].fields);
    }
    free(file->records);
    free(file->contents);
    free(file->path);
    free(file);
}

size_t golden_count(const golden_file *file) { return file ? file->count : 0; }

const golden_record *golden_at(const golden_file *file, size_t index)
{
    if (!file)
        return NULL;
    if (index >= file->count) {
        fail("%s: record %zu of %zu", file->path, index, file->count);
        return NULL;
    }
    return &file->records[index];
}

const golden_record *golden_find(const golden_file *file, const char *name)
{
    if (!file)
        return NULL;
    const golden_record *record = find_record(file, name);
    if (!record)
        fail("%s: no record '%s'", file->path, name);
    return record;
}

const char *golden_name(const golden_record *record) { return record ? record->name : NULL; }

const char *golden_key(const golden_record *record, size_t index)
{
    return record && index < record->count ? record->fields[index].key : NULL;
}

bool golden_has(const golden_record *record, const char *key) { return record && find_field(record, key); }

/* The field of a key, if it is of the kind that is asked for. */
static const field *typed_field(const golden_record *record, const char *key, bool is_text)
{
    if (!record)
        return NULL;
    const field *found = find_field(record, key);
    if (found && (found->text != NULL) == is_text)
        return found;
    fail("%s: record '%s' has no %s '%s'", record->file->path, record->name, is_text ? "text" : "array", key);
    return NULL;
}

const char *golden_text(const golden_record *record, const char *key)
{
    const field *found = typed_field(record, key, true);
    return found ? found->text : NULL;
}

const golden_array *golden_get(const golden_record *record, const char *key)
{
    const field *found = typed_field(record, key, false);
    return found ? &found->array : NULL;
}

double golden_number(const golden_record *record, const char *key)
{
    const golden_array *array = golden_get(record, key);
    if (!array)
        return NAN;
    if (array->count != 1) {
        fail("%s: '%s' of record '%s' has %lld elements, not 1", record->file->path, key, record->name,
             (long long)array->count);
        return NAN;
    }
    return array->values[0];
}
