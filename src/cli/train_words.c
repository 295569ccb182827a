/* Where the options of a training run come from: files, and the command line. */
#define _POSIX_C_SOURCE 200809L
#include "train_words.h"

#include "options.h"
#include "output.h"
#include "rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const train_call_options[] = { "out", "resume", "config", "json", "time", "plot", NULL };
/* What may be another when a run is resumed. */
static const char *const free_options[] = { "out",    "resume",  "config",    "json",       "epochs",         "steps",
                                            "time",   "threads", "log-every", "save-every", "early-stopping", "plot",
                                            "stream", NULL };

static bool is_free(const char *name)
{
    for (int i = 0; free_options[i]; i++)
        if (strcmp(free_options[i], name) == 0)
            return true;
    return false;
}

static event *fixed_options(const event *config)
{
    event *fixed = event_create(NULL);
    char key[64];
    event_add_fields(fixed, config);
    event_remove(fixed, "made_by");
    for (int i = 0; free_options[i]; i++)
        event_remove(fixed, config_key(free_options[i], key, sizeof key));
    return fixed;
}

char *train_fixed_options(const event *config)
{
    event *fixed = fixed_options(config);
    char *text = event_sorted_line(fixed);
    event_destroy(fixed);
    return text;
}

event *train_kept_options(const event *config, const event *run)
{
    event *kept = fixed_options(run);
    char key[64];
    for (int i = 0; free_options[i]; i++)
        event_add_field(kept, config_key(free_options[i], key, sizeof key), config);
    event_add_field(kept, "made_by", config);
    return kept;
}

/* The value of an option of the call as it will be parsed, "" if it takes none, NULL if it is not there. */
static const char *find_given(const struct argp *argp, int argc, char **argv, const char *name)
{
    const char *found = NULL, *value;
    int i = 0;
    for (const struct argp_option *o; (o = options_next(argp, argc, argv, &i, &value));)
        if (o->name && strcmp(o->name, name) == 0)
            found = value ? value : "";
    return found;
}

/* A batch of more than all examples is one of all. */
static bool is_whole_batch(const event *run, const char *option, const char *value)
{
    double n = event_get_number(event_get_object(run, "made_by"), "train_examples");
    return strcmp(option, "batch") == 0 && value && event_get_number(run, "batch") == n && strtod(value, NULL) > n;
}

/* Whether the option is given again behind place i: then what stands there counts. */
static bool is_given_later(const struct argp *argp, const word_list *words, int i, const struct argp_option *option)
{
    const char *value;
    const struct argp_option *later;
    do
        later = options_next(argp, words->count, words->words, &i, &value);
    while (later && later != option);
    return later != NULL;
}

/* Options of the words from `first` on against the configuration of a run. */
static int check_agrees(const struct argp *argp, const event *run, const char *out, const word_list *words, int first)
{
    const char *value;
    char key[64];
    int i = first - 1;
    for (const struct argp_option *o; (o = options_next(argp, words->count, words->words, &i, &value));) {
        if (is_free(o->name) || is_given_later(argp, words, i, o) ||
            event_equals(run, config_key(o->name, key, sizeof key), value) || is_whole_batch(run, o->name, value))
            continue;
        char *own = event_value(run, key);
        int code = output_usage("--%s%s%s: the run in %s %s%s; --resume goes on with its configuration", o->name,
                                value ? " " : "", value ? value : "", out, own ? "has " : "was begun without it",
                                own ? own : "");
        free(own);
        return code;
    }
    return 0;
}

int train_words(word_list *words, event **run, const struct argp *argp, int argc, char **argv)
{
    const char *file = find_given(argp, argc, argv, "config"), *out = find_given(argp, argc, argv, "out");
    char path[4200] = "";
    event *other = NULL;
    *run = NULL;
    int code = word_list_add(words, argv[0]);
    /* In a configuration it is for runs that have one. */
    if (!code && !out && find_given(argp, argc, argv, "save-every"))
        code = output_usage("--save-every saves in the directory of a run; name it with --out");
    if (out && find_given(argp, argc, argv, "resume"))
        (void)snprintf(path, sizeof path, "%s/config.json", out);
    if (!code && *path && access(path, F_OK) == 0)
        code = event_read(run, path);
    if (!code && *run)
        code = config_words(words, argp, *run, train_call_options, path);
    int first = words->count;
    if (!code && file)
        code = event_read(&other, file);
    if (!code && other)
        code = config_words(words, argp, other, train_call_options, file);
    for (int i = 1; i < argc && !code; i++)
        code = word_list_add(words, argv[i]);
    /* A run that died before its first save can be begun otherwise. */
    if (!code && *run && rundir_has_checkpoint(out))
        code = check_agrees(argp, *run, out, words, first);
    event_destroy(other);
    return code;
}
