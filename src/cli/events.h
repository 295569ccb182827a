/* Events: JSON objects, one a line. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_t event;

/* An object; kind becomes its "event", NULL leaves it out. The setters do nothing to NULL, so that only event_line need
 * be checked. A number that is not finite becomes null. */
event *event_create(const char *kind);
void event_destroy(event *e);
void event_text(event *e, const char *key, const char *text);
void event_integer(event *e, const char *key, int64_t value);
void event_number(event *e, const char *key, double value);
void event_bool(event *e, const char *key, bool value);
/* Adds a number to the list of that key; NAN adds null. event_list makes it, for a list that may stay empty. */
void event_list(event *e, const char *key);
void event_append(event *e, const char *key, double value);
void event_append_integer(event *e, const char *key, int64_t value);
void event_append_integers(event *e, const char *key, const int64_t *values, size_t n); /* as one list */
void event_append_object(event *e, const char *key, event *item);                       /* takes item over */
void event_object(event *e, const char *key, event *item);                              /* takes item over */
/* All fields of `other`, copied. */
void event_add_fields(event *e, const event *other);
/* One field of `other`, if it has that. */
void event_add_field(event *e, const char *key, const event *other);
void event_remove(event *e, const char *key); /* nothing if there is no such key */

/* The object that a line holds; NULL if it holds none. Then what it has under a key: NULL and NAN if there is no such
 * text or number. */
event *event_parse(const char *line);
const char *event_get_text(const event *e, const char *key);
double event_get_number(const event *e, const char *key);

/* Reads the object that a file holds, of up to a MiB. 0, or the exit code after a message. */
int event_read(event **e, const char *path);
/* Calls visit with each key and its value: of a text, and a number written with 17 digits, what it is; NULL of the
 * others. EVENT_NOTHING is false and null. Ends with the first result that is not 0, and returns it. */
typedef enum { EVENT_TEXT, EVENT_TRUE, EVENT_NOTHING, EVENT_LIST, EVENT_OBJECT } event_kind;
typedef int event_visitor(const char *key, event_kind kind, const char *value, void *user);
int event_visit(const event *e, event_visitor *visit, void *user);
bool event_has(const event *e, const char *key);
/* Whether the value of a key is what an option's value says; NULL stands for true. */
bool event_equals(const event *e, const char *key, const char *text);
/* The object under a key, which belongs to e; NULL if there is none. */
const event *event_get_object(const event *e, const char *key);
/* A value as JSON, to be freed; NULL if there is none, or memory is out. */
char *event_value(const event *e, const char *key);

/* Whether a text is UTF-8, as those of events are. */
bool event_is_text(const char *text);
/* A text in quotes, with control characters escaped, to be freed; NULL if memory is out. */
char *event_quote(const char *text);

/* The text, on one line, so with its keys in order, or indented, to be freed; NULL if memory is out. */
char *event_line(const event *e);
char *event_sorted_line(const event *e);
char *event_pretty(const event *e);
/* Writes it as a line of results. */
void event_output(const event *e);

#endif
