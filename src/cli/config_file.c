/* Configurations: the options of a command as the keys of a JSON object. */
#define _POSIX_C_SOURCE 200809L
#include "config_file.h"

#include "options.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int word_list_add(word_list *list, const char *word)
{
    char **larger = realloc(list->words, ((size_t)list->count + 2) * sizeof *larger);
    char *copy = larger ? strdup(word) : NULL;
    if (larger)
        list->words = larger;
    if (!copy)
        return output_failure("out of memory");
    list->words[list->count++] = copy;
    list->words[list->count] = NULL;
    return 0;
}

int word_list_add_option(word_list *list, const char *name, const char *value)
{
    size_t bytes = strlen(name) + (value ? strlen(value) : 0) + 4;
    char *word = malloc(bytes);
    if (!word)
        return output_failure("out of memory");
    (void)snprintf(word, bytes, "--%s%s%s", name, value ? "=" : "", value ? value : "");
    int code = word_list_add(list, word);
    free(word);
    return code;
}

void word_list_free(word_list *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->words[i]);
    free(list->words);
    *list = (word_list){ .count = 0 };
}

static void replace(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from)
            *text = to;
}

const char *config_key(const char *option, char *key, size_t capacity)
{
    (void)snprintf(key, capacity, "%s", option);
    replace(key, '-', '_');
    return key;
}

typedef struct {
    word_list *list;
    const struct argp *argp;
    const char *const *left_out;
    const char *path;
} words_target;

static bool is_among(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* What else a run's config.json says: how it was made. */
static const char *const notes[] = { "made_by", NULL };

static int add_option(const char *key, event_kind kind, const char *value, void *user)
{
    const words_target *target = user;
    if (kind == EVENT_OBJECT && is_among(key, notes))
        return 0;
    char name[64];
    (void)snprintf(name, sizeof name, "%s", key);
    replace(name, '_', '-');
    const struct argp_option *option = strlen(key) < sizeof name ? options_find(target->argp, name) : NULL;
    if (!option || is_among(name, target->left_out))
        return output_usage("%s: \"%.60s\" is no option that a configuration has", target->path, key);
    if (kind == EVENT_LIST || kind == EVENT_OBJECT)
        return output_usage("%s: \"%s\" is %s, not a list or object", target->path, key,
                            option->arg ? "a text or number" : "true or false");
    if (kind == EVENT_NOTHING)
        return 0;
    if (!option->arg != !value)
        return output_usage("%s: \"%s\" is %s", target->path, key, value ? "true or false" : "a value, not true");
    return word_list_add_option(target->list, name, value);
}

int config_words(word_list *list, const struct argp *argp, const event *config, const char *const *left_out,
                 const char *path)
{
    words_target target = { list, argp, left_out, path };
    return event_visit(config, add_option, &target);
}

void config_complete(event *config, const struct argp *argp, const word_list *list, const char *const *left_out)
{
    event *given = event_create(NULL);
    const char *value;
    char key[64];
    int i = 0;
    for (const struct argp_option *o; (o = options_next(argp, list->count, list->words, &i, &value));) {
        if (is_among(o->name, left_out))
            continue;
        if (value)
            event_text(given, config_key(o->name, key, sizeof key), value);
        else
            event_bool(given, config_key(o->name, key, sizeof key), true);
    }
    event_add_fields(given, config);
    event_add_fields(config, given);
    event_destroy(given);
}
