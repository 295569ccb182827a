/* Events: JSON objects, one a line. Numbers have 17 digits, so that an f64 can be read back. */
#include "events.h"

#include "output.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

event *event_create(const char *kind)
{
    json_t *object = json_object();
    if (object && kind)
        event_text(object, "event", kind);
    return object;
}

void event_destroy(event *e) { json_decref(e); }

/* A string; bytes that are not UTF-8, as file names may have, become '?'. */
static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);
    size_t length = strlen(text);
    char *copy = value ? NULL : malloc(length + 1);
    if (!copy)
        return value;
    for (size_t i = 0; i <= length; i++)
        copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    value = json_string(copy);
    free(copy);
    return value;
}

static json_t *number_value(double value) { return isfinite(value) ? json_real(value) : json_null(); }

void event_text(event *e, const char *key, const char *text) { json_object_set_new(e, key, text_value(text)); }
void event_integer(event *e, const char *key, int64_t value) { json_object_set_new(e, key, json_integer(value)); }
void event_number(event *e, const char *key, double value) { json_object_set_new(e, key, number_value(value)); }
void event_bool(event *e, const char *key, bool value) { json_object_set_new(e, key, json_boolean(value)); }

void event_list(event *e, const char *key)
{
    if (!json_object_get(e, key))
        json_object_set_new(e, key, json_array());
}
void event_append(event *e, const char *key, double value)
{
    event_list(e, key);
    json_array_append_new(json_object_get(e, key), number_value(value));
}
void event_append_integer(event *e, const char *key, int64_t value)
{
    event_list(e, key);
    json_array_append_new(json_object_get(e, key), json_integer(value));
}
void event_append_integers(event *e, const char *key, const int64_t *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(values[i]));
    event_list(e, key);
    json_array_append_new(json_object_get(e, key), list);
}
void event_append_object(event *e, const char *key, event *item)
{
    event_list(e, key);
    json_array_append_new(json_object_get(e, key), item);
}

void event_object(event *e, const char *key, event *item) { json_object_set_new(e, key, item); }

void event_add_fields(event *e, const event *other)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)other, key, value) json_object_set(e, key, value);
}

void event_add_field(event *e, const char *key, const event *other)
{
    json_t *value = json_object_get(other, key);
    if (value)
        json_object_set(e, key, value);
}

void event_remove(event *e, const char *key) { (void)json_object_del(e, key); }

event *event_parse(const char *line)
{
    json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

const char *event_get_text(const event *e, const char *key) { return json_string_value(json_object_get(e, key)); }

double event_get_number(const event *e, const char *key)
{
    const json_t *value = json_object_get(e, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

enum { FILE_MAX_BYTES = 1 << 20 };

int event_read(event **e, const char *path)
{
    *e = NULL;
    FILE *file = fopen(path, "r");
    char *text = file ? malloc(FILE_MAX_BYTES) : NULL;
    if (!file)
        return output_failure("%s: %s", path, strerror(errno));
    size_t length = text ? fread(text, 1, FILE_MAX_BYTES, file) : 0;
    bool has_failed = !text || ferror(file);
    fclose(file);
    json_error_t error = { .line = 0 };
    json_t *value =
        has_failed || length == FILE_MAX_BYTES ? NULL : json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (json_is_object(value)) {
        *e = value;
        return 0;
    }
    json_decref(value);
    if (has_failed)
        return output_failure("%s: %s", path, text ? "cannot be read" : "out of memory");
    if (length == FILE_MAX_BYTES)
        return output_failure("%s: more than a MiB is no configuration", path);
    return error.line > 0 ? output_failure("%s: line %d: %s", path, error.line, error.text)
                          : output_failure("%s: holds no JSON object", path);
}

static event_kind kind_of(const json_t *value)
{
    if (json_is_number(value) || json_is_string(value))
        return EVENT_TEXT;
    if (json_is_array(value) || json_is_object(value))
        return json_is_array(value) ? EVENT_LIST : EVENT_OBJECT;
    return json_is_true(value) ? EVENT_TRUE : EVENT_NOTHING;
}

int event_visit(const event *e, event_visitor *visit, void *user)
{
    const char *key;
    json_t *value;
    int code = 0;
    json_object_foreach((json_t *)(uintptr_t)e, key, value)
    {
        char *number = json_is_number(value) ? event_value(e, key) : NULL;
        if (json_is_number(value) && !number)
            code = output_failure("out of memory");
        else
            code = visit(key, kind_of(value), number ? number : json_string_value(value), user);
        free(number);
        if (code)
            return code;
    }
    return 0;
}

bool event_has(const event *e, const char *key) { return json_object_get(e, key) != NULL; }

bool event_equals(const event *e, const char *key, const char *text)
{
    const json_t *value = json_object_get(e, key);
    if (!value || !text)
        return json_is_true(value) && !text;
    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    if (!json_is_number(value))
        return false;
    char *end;
    /* Integers have more digits than an f64 keeps. */
    if (json_is_integer(value) && strtoll(text, &end, 10) == json_integer_value(value) && end != text && *end == 0)
        return true;
    double number = strtod(text, &end);
    return end != text && *end == 0 && number == json_number_value(value) && fabs(number) < 0x1p53;
}

const event *event_get_object(const event *e, const char *key)
{
    const json_t *value = json_object_get(e, key);
    return json_is_object(value) ? value : NULL;
}

char *event_value(const event *e, const char *key)
{
    const json_t *value = json_object_get(e, key);
    char *text = NULL;
    /* Of a number as many digits as tell it from others. */
    for (size_t digits = 15; digits <= 17; digits++) {
        free(text);
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(digits));
        if (!text || !json_is_real(value) || strtod(text, NULL) == json_real_value(value))
            break;
    }
    return text;
}

bool event_is_text(const char *text)
{
    json_t *value = json_string(text);
    json_decref(value);
    return value != NULL;
}

char *event_quote(const char *text)
{
    json_t *value = text_value(text);
    char *quoted = json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    return quoted;
}

char *event_line(const event *e) { return json_dumps(e, JSON_COMPACT | JSON_REAL_PRECISION(17)); }
char *event_sorted_line(const event *e)
{
    return json_dumps(e, JSON_COMPACT | JSON_REAL_PRECISION(17) | JSON_SORT_KEYS);
}
char *event_pretty(const event *e) { return json_dumps(e, JSON_INDENT(2) | JSON_REAL_PRECISION(17)); }

void event_output(const event *e)
{
    char *line = event_line(e);
    if (line)
        output_line("%s", line);
    free(line);
}
