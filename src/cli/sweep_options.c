/* The options of `blasgrad sweep`: its own, and those of train that it hands on. */
#include "sweep_options.h"

#include "options.h"
#include "output.h"
#include "sweep_trial.h"
#include "train_config.h"
#include "train_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

enum { KEY_GRID = KEYS_COMMAND, KEY_RANDOM, KEY_TRIALS, KEY_SEEDS, KEY_JOBS, KEY_BY, KEY_OUT, KEY_RESUME, KEY_JSON };
enum { JOBS_MAX = 1024 };

static const struct argp_option own_table[] = {
    { "grid", KEY_GRID, "NAME=VALUES", 0,
      "an axis of the grid: an option of train, and its values with commas between them; a comma within a value is "
      "written \\,",
      0 },
    { "random", KEY_RANDOM, "NAME=RANGE", 0,
      "an axis to draw from: uniform:LOW:HIGH, log:LOW:HIGH, and for whole numbers int:LOW:HIGH and log-int:LOW:HIGH; "
      "or values as above",
      0 },
    { "trials", KEY_TRIALS, "N", 0, "how often to draw; each draw goes with each point of the grid", 0 },
    { "seeds", KEY_SEEDS, "N", 0, "make N runs of each setting, with the seeds from --seed (default: 0) on", 0 },
    { "jobs", KEY_JOBS, "N", 0, "runs side by side (default: cores / threads of a run)", 0 },
    { "by", KEY_BY, "METRIC", 0,
      "what orders the table: validation_, test_ or train_ with loss, accuracy, perplexity or bits (default: the loss "
      "of the first of these parts that there is)",
      0 },
    { 0 },
};

/* Options that train has too. */
static const struct argp_option shared_table[] = {
    { "out", KEY_OUT, "DIR", 0, "the directory of the sweep, new or empty; each run has its own in it", 0 },
    { "resume", KEY_RESUME, NULL, 0, "go on with the sweep in --out; begin if there is none", 0 },
    { "json", KEY_JSON, NULL, 0, "an object for each run that has ended, one a line", 0 },
    { 0 },
};

/* The axis of --grid or --random. Whether it is right in itself is seen later, as of one that was saved. */
static void take_axis(sweep_config *config, const char *group, const char *text, struct argp_state *state)
{
    char name[SWEEP_NAME_BYTES];
    size_t length = strcspn(text, "=");
    if (length == 0 || text[length] != '=' || text[length + 1] == 0 || length >= sizeof name)
        argp_error(state, "--%s \"%s\": a name, =, and values, as in %s", group, text,
                   strcmp(group, "grid") == 0 ? "lr=0.01,0.1" : "lr=log:1e-4:1");
    memcpy(name, text, length);
    name[length] = 0;
    static const char *const groups[] = { "grid", "random", NULL };
    for (int i = 0; groups[i]; i++)
        if (event_has(event_get_object(config->given, groups[i]), name))
            argp_error(state, "--%s %s: there is an axis of this name already", group, name);
    if (!event_has(config->given, group))
        event_object(config->given, group, event_create(NULL));
    event *axes = (event *)(uintptr_t)event_get_object(config->given, group);
    event_text(axes, name, text + length + 1);
    const char *kept = event_get_text(axes, name);
    if (kept && strcmp(kept, text + length + 1) != 0)
        argp_error(state, "--%s %s: the values are no UTF-8", group, name);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    sweep_config *config = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = config;
        return 0;
    case KEY_GRID:
        take_axis(config, "grid", text, state);
        return 0;
    case KEY_RANDOM:
        take_axis(config, "random", text, state);
        return 0;
    case KEY_TRIALS:
        event_integer(config->given, "trials", option_integer(state, "trials", text, 1, SWEEP_RUNS_MAX));
        return 0;
    case KEY_SEEDS:
        event_integer(config->given, "seeds", option_integer(state, "seeds", text, 1, SWEEP_RUNS_MAX));
        return 0;
    case KEY_JOBS:
        config->jobs = option_integer(state, "jobs", text, 1, JOBS_MAX);
        return 0;
    case KEY_BY:
        if (!sweep_metric_is_known(text))
            argp_error(state, "--by \"%s\": validation_, test_ or train_, and loss, accuracy, perplexity or bits",
                       text);
        config->by = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_shared(int key, char *text, struct argp_state *state)
{
    sweep_config *config = state->input;
    switch (key) {
    case KEY_OUT:
        if (!*text)
            argp_error(state, "--out: the name of a directory is missing");
        if (strlen(text) + 2 * SWEEP_NAME_BYTES > SWEEP_PATH_BYTES)
            argp_error(state, "--out: the path has more than %d bytes", SWEEP_PATH_BYTES - 2 * SWEEP_NAME_BYTES);
        config->out = text;
        return 0;
    case KEY_RESUME:
        config->resumes = true;
        return 0;
    case KEY_JSON:
        config->json = true;
        return 0;
    case ARGP_KEY_END:
        if (!config->out)
            argp_error(state, "--out is missing: the directory of the sweep");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp shared_argp = { .options = shared_table, .parser = parse_shared };
static const struct argp_child own_children[] = { { &shared_argp, 0, NULL, 0 }, { 0 } };

/* What is the sweep's own, for its help. */
static const struct argp own_argp = {
    .options = own_table,
    .parser = parse,
    .children = own_children,
    .args_doc = "--out DIR [OPTION OF TRAIN...]",
    .doc =
        "Trains with many settings, several runs side by side, and compares them.\v"
        "All other options are those of `blasgrad train', and go to every run. So do those of a --config file but for "
        "threads; it is read when the sweep begins, and axes and options that are given win. An axis is an option of "
        "train (true and false for one without a value), or a name of your own that stands as {NAME} in the value of "
        "an option, such as \"dense:{width} relu dense:10\".\n"
        "\n"
        "DIR gets sweep.json, the definition; a run directory 0001, 0002, .. for each run, as train writes it, with "
        "what the run had to say in messages.txt; and at the end the table as sweep.csv, and the runs as sweep.jsonl. "
        "A run has one thread unless --threads says otherwise. Values are drawn from --seed, the same for any --jobs. "
        "Metrics are those that a run ends with. With --seeds the table has their means, and behind +- their standard "
        "deviations.\n"
        "\n"
        "The first Ctrl-C stops after the current steps and saves, the second ends at once. With --resume alone a "
        "sweep "
        "goes on with its definition: runs that are done stay, those that were interrupted go on, those that failed "
        "are tried again; more --trials may be given. The exit code is 1 if a run has failed.\n"
        "\n"
        "Examples:\n"
        "  blasgrad sweep --data digits --epochs 2 --grid lr=0.01,0.1 \\\n"
        "    --grid optimizer=sgd,adam --out sweeps/lr\n"
        "  blasgrad sweep --resume --out sweeps/lr --by test_accuracy\n"
        "  blasgrad sweep --data digits --epochs 2 --random lr=log:1e-3:1 \\\n"
        "    --random p=uniform:0:0.5 --trials 4 --out sweeps/random \\\n"
        "    --model \"dense:64 relu dropout:{p} dense:10\"\n"
        "  blasgrad sweep --data digits --epochs 2 --grid width=32,64 \\\n"
        "    --seeds 2 --model \"dense:{width} relu dense:10\" --out sweeps/width",
};

/* All that can be given: to tell whose an option is. */
static const struct argp_child all_children[] = { { &train_argp, 0, NULL, 0 }, { 0 } };
static const struct argp all_argp = { .options = own_table, .children = all_children };

static bool is_in(const struct argp_option *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0)
        table++;
    return table->name != NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0 ||
           strcmp(word, "--usage") == 0;
}

static int add_to_train(event *train, const char *name, const char *value)
{
    if (strcmp(name, "plot") == 0)
        return output_usage("--plot draws the curve of one run; several are drawn by `blasgrad plot'");
    if (!value) {
        event_bool(train, name, true);
        return 0;
    }
    event_text(train, name, value);
    const char *kept = event_get_text(train, name);
    return kept && strcmp(kept, value) != 0 ? output_usage("--%s: the value is no UTF-8", name) : 0;
}

static int check_no_words(char *const *argv, int from, int to)
{
    return from < to ? output_usage("\"%s\" does not belong to an option; values with blanks are one word for the "
                                    "shell: --model \"dense:128 relu dense:10\"",
                                    argv[from])
                     : 0;
}

/* Sorts the words: the sweep's own are parsed, the others are those of train. */
static int split_words(sweep_config *config, int argc, char **argv)
{
    const char *value;
    int i = 0, next = 1, code = word_list_add(&config->own, argv[0]);
    for (const struct argp_option *o; !code && (o = options_next(&all_argp, argc, argv, &i, &value)); next = i + 1) {
        if (o->arg && !value)
            return output_usage("--%s: its value is missing", o->name);
        code = check_no_words(argv, next, value && value == argv[i] ? i - 1 : i);
        if (!code)
            code = is_in(own_table, o->name) || is_in(shared_table, o->name)
                       ? word_list_add_option(&config->own, o->name, value)
                       : add_to_train(config->train, o->name, value);
    }
    return code ? code : check_no_words(argv, next, argc);
}

/* ---- Options from a file ---- */

static const event *axes_of(const sweep_config *config, bool is_drawn)
{
    return event_get_object(config->given, is_drawn ? "random" : "grid");
}

static bool is_axis(const sweep_config *config, const char *name)
{
    return event_has(axes_of(config, false), name) || event_has(axes_of(config, true), name);
}

/* A name of an axis that would be filled in. */
static int find_mark(const char *name, event_kind kind, const char *value, void *user)
{
    (void)kind, (void)value;
    char mark[SWEEP_NAME_BYTES + 2];
    snprintf(mark, sizeof mark, "{%s}", name);
    return strstr(user, mark) != NULL;
}

static bool has_mark(const sweep_config *config, const char *text)
{
    void *searched = (void *)(uintptr_t)text;
    return event_visit(axes_of(config, false), find_mark, searched) ||
           event_visit(axes_of(config, true), find_mark, searched);
}

/* What is neither given nor searched. That a run had more threads does not mean that each of many should have them. */
static int take_words(sweep_config *config, const word_list *words)
{
    const char *value;
    int i = 0, code = 0;
    for (const struct argp_option *o; !code && (o = options_next(&train_argp, words->count, words->words, &i, &value));)
        if (!event_has(config->train, o->name) && !is_axis(config, o->name) && strcmp(o->name, "threads") != 0)
            code = add_to_train(config->train, o->name, value);
    return code;
}

/* The definition has the options of --config, not its path: runs that are begun later should not depend on whether the
 * file has changed, and an axis takes the place of what it says, true included. A path that an axis fills in is left to
 * the runs. */
static int take_config(sweep_config *config)
{
    const char *path = event_get_text(config->train, "config");
    if (!path || has_mark(config, path))
        return 0;
    event *file = NULL;
    word_list words = { .count = 0 };
    int code = event_read(&file, path);
    if (!code)
        code = word_list_add(&words, config->own.words[0]);
    if (!code)
        code = config_words(&words, &train_argp, file, train_call_options, path);
    if (!code)
        code = take_words(config, &words);
    event_remove(config->train, "config");
    word_list_free(&words);
    event_destroy(file);
    return code;
}

int sweep_options_parse(sweep_config *config, int argc, char **argv)
{
    *config = (sweep_config){ .out = NULL };
    for (int i = 1; i < argc; i++)
        if (asks_for_help(argv[i]))
            options_parse(&own_argp, 2, (char *[]){ argv[0], argv[i], NULL }, config); /* exits */
    options_check(&all_argp, argc, argv);
    config->given = event_create(NULL);
    config->train = event_create(NULL);
    event_object(config->given, "train", config->train);
    if (!config->given || !config->train)
        return output_failure("out of memory");
    int code = split_words(config, argc, argv);
    if (!code)
        options_parse(&own_argp, config->own.count, config->own.words, config);
    return code ? code : take_config(config);
}

void sweep_options_release(sweep_config *config)
{
    event_destroy(config->given);
    word_list_free(&config->own);
}
