/* The definition of a sweep, kept in its directory. */
#define _POSIX_C_SOURCE 200809L
#include "sweep_definition.h"

#include "options.h"
#include "output.h"
#include "sweep_space.h"
#include "train_config.h"

#include <blasgrad/io.h>
#include <blasgrad/version.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *path_of(const char *out, char path[SWEEP_PATH_BYTES])
{
    snprintf(path, SWEEP_PATH_BYTES, "%s/sweep.json", out);
    return path;
}

bool sweep_definition_is_there(const char *out)
{
    char path[SWEEP_PATH_BYTES];
    return access(path_of(out, path), F_OK) == 0;
}

/* ---- What is right ---- */

typedef struct {
    const event *object;
    const char *path, *key; /* of the file, and of the object in it */
} object_check;

static int check_text(const char *name, event_kind kind, const char *value, void *user)
{
    (void)value;
    const object_check *check = user;
    bool is_option = strcmp(check->key, "train") == 0;
    const struct argp_option *option = is_option ? options_find(&train_argp, name) : NULL;
    if (is_option && !option)
        return output_usage("%s: \"%s\" is no option of blasgrad train", check->path, name);
    bool is_right = is_option && !option->arg ? kind == EVENT_TRUE : event_get_text(check->object, name) != NULL;
    return is_right ? 0
                    : output_usage("%s: \"%s\" in \"%s\" is %s", check->path, name, check->key,
                                   is_option && !option->arg ? "true" : "a text");
}

static int check_key(const char *key, event_kind kind, const char *value, void *user)
{
    static const char *const objects[] = { "train", "grid", "random", "made_by" }, *const counts[] = { "trials",
                                                                                                       "seeds" };
    const object_check *whole = user;
    for (int i = 0; i < 4; i++)
        if (strcmp(key, objects[i]) == 0 && kind == EVENT_OBJECT) {
            object_check check = { event_get_object(whole->object, key), whole->path, key };
            return event_visit(check.object, check_text, &check);
        }
    double count = event_get_number(whole->object, key);
    for (int i = 0; i < 2; i++)
        if (strcmp(key, counts[i]) == 0 && count >= 1 && count <= SWEEP_RUNS_MAX && count == floor(count))
            return 0;
    return output_usage("%s: \"%s\"%s%.60s: a sweep's definition has objects train, grid and random, and whole numbers "
                        "trials and seeds from 1 to %d",
                        whole->path, key, value ? ": " : "", value ? value : "", SWEEP_RUNS_MAX);
}

static int check(const event *definition, const char *path)
{
    object_check whole = { definition, path, NULL };
    int code = event_visit(definition, check_key, &whole);
    return code || event_get_object(definition, "train") ? code : output_usage("%s: \"train\" is missing", path);
}

/* ---- What is given beside it ---- */

typedef struct {
    const event *saved;
    const char *group, *out;
} comparison;

/* The same number in other digits, as earlier versions wrote fractions of a --config. Whole ones, seeds among them,
 * have one form only, and may be larger than what a double tells apart. */
static bool is_same_number(const char *saved, const char *given)
{
    char *saved_end, *given_end;
    double saved_number = strtod(saved, &saved_end), given_number = strtod(given, &given_end);
    bool are_numbers = saved_end != saved && given_end != given && !*saved_end && !*given_end;
    return are_numbers && saved_number == given_number && strpbrk(saved, ".eE");
}

static int compare_text(const char *name, event_kind kind, const char *value, void *user)
{
    (void)kind;
    const comparison *c = user;
    const char *saved = c->saved ? event_get_text(c->saved, name) : NULL;
    if (c->saved && (event_equals(c->saved, name, value) || (saved && value && is_same_number(saved, value))))
        return 0;
    bool is_option = strcmp(c->group, "train") == 0;
    char *own = c->saved ? event_value(c->saved, name) : NULL;
    int code = output_usage("--%s%s%s%s%s: the sweep in %s %s%s; --resume goes on with its definition",
                            is_option ? "" : c->group, is_option ? "" : " ", name, value ? (is_option ? " " : "=") : "",
                            value ? value : "", c->out, own ? "has " : "was begun without it", own ? own : "");
    free(own);
    return code;
}

static int compare_count(event *definition, const event *given, const char *key, const char *out, bool may_grow)
{
    double count = event_get_number(given, key), saved = event_get_number(definition, key);
    if (isnan(count) || count == saved || (isnan(saved) && count == 1))
        return 0;
    if (!may_grow || !(count > saved)) {
        char text[40] = "was begun without it";
        if (!isnan(saved))
            snprintf(text, sizeof text, "has %.0f", saved);
        return output_usage("--%s %.0f: the sweep in %s %s; --resume goes on with its definition%s", key, count, out,
                            text, may_grow && !isnan(saved) ? ", or with more" : "");
    }
    event_integer(definition, key, (int64_t)count);
    return 0;
}

static int compare(event *definition, const event *given, const char *out)
{
    static const char *const groups[] = { "train", "grid", "random", NULL };
    int code = 0;
    for (int i = 0; groups[i] && !code; i++) {
        comparison c = { event_get_object(definition, groups[i]), groups[i], out };
        code = event_visit(event_get_object(given, groups[i]), compare_text, &c);
    }
    if (!code)
        code = compare_count(definition, given, "seeds", out, false);
    return code ? code : compare_count(definition, given, "trials", out, true);
}

/* ---- The file ---- */

int sweep_definition_read(event **definition, const event *given, const char *out)
{
    char path[SWEEP_PATH_BYTES];
    int code = event_read(definition, path_of(out, path));
    if (!code)
        code = check(*definition, path);
    return code ? code : compare(*definition, given, out);
}

int sweep_definition_write(const event *definition, const char *out, bg_engine *engine)
{
    char path[SWEEP_PATH_BYTES];
    event *whole = event_create(NULL), *made_by = event_create(NULL);
    event_text(made_by, "version", bg_version());
    event_add_fields(whole, definition);
    event_object(whole, "made_by", made_by);
    char *text = event_pretty(whole);
    int code = text ? 0 : output_failure("out of memory");
    if (text && bg_file_write(engine, path_of(out, path), text, strlen(text)) != BG_OK)
        code = output_library();
    free(text);
    event_destroy(whole);
    return code;
}
