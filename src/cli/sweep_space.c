/* What a sweep searches: axes, and the settings that they come to. */
#define _POSIX_C_SOURCE 200809L
#include "sweep_space.h"

#include "output.h"
#include "sweep_axis.h"
#include "train_config.h"

#include <blasgrad/data.h>
#include <blasgrad/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making ---- */

/* What event_visit goes through: the axes of "grid" or "random". */
typedef struct {
    sweep_space *space;
    bool is_drawn;
} axes_target;

static int add_axis(const char *name, event_kind kind, const char *value, void *user)
{
    const axes_target *target = user;
    sweep_space *space = target->space;
    const char *option = target->is_drawn ? "random" : "grid";
    if (kind != EVENT_TEXT)
        return output_usage("--%s %s: its values are a text", option, name);
    for (size_t i = 0; i < space->n_axes; i++)
        if (strcmp(space->axes[i].name, name) == 0)
            return output_usage("--%s %s: there is an axis of this name already", option, name);
    sweep_axis *axes = realloc(space->axes, (space->n_axes + 1) * sizeof *axes);
    if (!axes)
        return output_failure("out of memory");
    space->axes = axes;
    return sweep_axis_parse(&space->axes[space->n_axes++], name, value, target->is_drawn);
}

typedef struct {
    const char *mark; /* {NAME} */
    bool is_found;
} mark_search;

static int find_mark(const char *name, event_kind kind, const char *value, void *user)
{
    (void)name;
    mark_search *search = user;
    search->is_found = search->is_found || (kind == EVENT_TEXT && strstr(value, search->mark));
    return 0;
}

/* Whether an axis fills in its name in some value of an option, or of another axis. */
static bool finds_mark(const sweep_space *space, const sweep_axis *axis)
{
    char mark[SWEEP_NAME_BYTES + 2];
    snprintf(mark, sizeof mark, "{%s}", axis->name);
    mark_search search = { .mark = mark };
    (void)event_visit(space->train, find_mark, &search);
    for (size_t i = 0; i < space->n_axes; i++)
        for (int k = 0; k < space->axes[i].values.count && &space->axes[i] != axis; k++)
            search.is_found = search.is_found || strstr(space->axes[i].values.words[k], mark);
    return search.is_found;
}

/* What the sweep itself gives to its runs. */
static const char *const own_options[] = { "out", "resume", "json", "plot", NULL };

/* Finds out what an axis is for. */
static int bind_axis(const sweep_space *space, sweep_axis *axis)
{
    const char *option = axis->is_drawn ? "random" : "grid";
    axis->fills_in = finds_mark(space, axis);
    if (axis->fills_in)
        return 0;
    const struct argp_option *found = options_find(&train_argp, axis->name);
    if (!found)
        return output_usage("--%s %s: neither an option of blasgrad train, nor does {%s} stand in the value of one",
                            option, axis->name, axis->name);
    for (int i = 0; own_options[i]; i++)
        if (strcmp(axis->name, own_options[i]) == 0)
            return output_usage("--%s %s: no axis; the sweep itself gives it to its runs", option, axis->name);
    if (event_has(space->train, axis->name))
        return output_usage("--%s %s: --%s is given too; leave one out", option, axis->name, axis->name);
    if (strcmp(axis->name, "seed") == 0 && space->seeds > 1)
        return output_usage("--%s seed: --seeds is given too; leave one out", option);
    axis->is_flag = !found->arg;
    for (int i = 0; axis->is_flag && i < axis->values.count; i++)
        if (strcmp(axis->values.words[i], "true") != 0 && strcmp(axis->values.words[i], "false") != 0)
            return output_usage("--%s %s: \"%s\": the option has no value; it is true or false", option, axis->name,
                                axis->values.words[i]);
    if (axis->is_flag && axis->kind != AXIS_LIST)
        return output_usage("--%s %s: the option has no value; it is true or false", option, axis->name);
    return 0;
}

static int count_settings(sweep_space *space, double trials)
{
    bool draws = false;
    space->points = 1;
    for (size_t i = 0; i < space->n_axes; i++) {
        draws = draws || space->axes[i].is_drawn;
        if (space->axes[i].is_drawn)
            continue;
        space->points *= space->axes[i].values.count;
        if (space->points > SWEEP_RUNS_MAX)
            return output_usage("sweep: the grid has more than %d points", SWEEP_RUNS_MAX);
    }
    if (draws && isnan(trials))
        return output_usage("--random: say with --trials how often to draw");
    if (!draws && !isnan(trials))
        return output_usage("--trials says how often to draw at random; name what with --random");
    if (space->n_axes == 0 && space->seeds < 2)
        return output_usage("sweep: there is nothing to search; name an axis with --grid or --random, or give --seeds");
    space->draws = draws ? (int64_t)trials : 1;
    if ((double)space->points * (double)space->draws * (double)space->seeds > SWEEP_RUNS_MAX)
        return output_usage("sweep: %lld points of the grid, %lld draws and %lld seeds make more than %d runs",
                            (long long)space->points, (long long)space->draws, (long long)space->seeds, SWEEP_RUNS_MAX);
    space->settings = space->points * space->draws;
    return 0;
}

/* The first seed; what is no number is left for train to complain about. */
static int read_seed(sweep_space *space)
{
    const char *text = event_get_text(space->train, "seed");
    long long seed = text ? strtoll(text, NULL, 10) : 0;
    space->seed = seed > 0 ? (uint64_t)seed : 0;
    if (space->seed > (uint64_t)(INT64_MAX - (space->seeds - 1)))
        return output_usage("--seed %s: too large for --seeds %lld, which count on from it", text,
                            (long long)space->seeds);
    return 0;
}

/* The axis that is an option of this name, or NULL. */
static const sweep_axis *find_option(const sweep_space *space, const char *name)
{
    for (size_t i = 0; i < space->n_axes; i++)
        if (!space->axes[i].fills_in && strcmp(space->axes[i].name, name) == 0)
            return &space->axes[i];
    return NULL;
}

int sweep_space_make(sweep_space *space, const event *definition)
{
    double trials = event_get_number(definition, "trials"), seeds = event_get_number(definition, "seeds");
    *space =
        (sweep_space){ .train = event_get_object(definition, "train"), .seeds = isnan(seeds) ? 1 : (int64_t)seeds };
    axes_target grid = { space, false }, random = { space, true };
    int code = event_visit(event_get_object(definition, "grid"), add_axis, &grid);
    if (!code)
        code = event_visit(event_get_object(definition, "random"), add_axis, &random);
    for (size_t i = 0; i < space->n_axes && !code; i++)
        code = bind_axis(space, &space->axes[i]);
    if (!code)
        code = count_settings(space, trials);
    if (!code)
        code = read_seed(space);
    return code;
}

void sweep_space_free(sweep_space *space)
{
    for (size_t i = 0; i < space->n_axes; i++)
        word_list_free(&space->axes[i].values);
    free(space->axes);
    *space = (sweep_space){ .axes = NULL };
}

/* ---- Settings ---- */

/* The last axis of the grid goes first through its values. */
static size_t place_in_grid(const sweep_space *space, size_t axis, int64_t setting)
{
    int64_t point = setting % space->points;
    for (size_t i = space->n_axes; i-- > axis + 1;)
        if (!space->axes[i].is_drawn)
            point /= space->axes[i].values.count;
    return (size_t)(point % space->axes[axis].values.count);
}

/* Uniform in [0, 1), the same for this draw of this axis whatever others there are. */
static double draw(const sweep_space *space, const sweep_axis *axis, int64_t setting)
{
    static const uint64_t STEPS = UINT64_C(1) << 53;
    uint64_t stream = bg_bytes_hash(axis->name, strlen(axis->name));
    return (double)bg_permute_index((uint64_t)(setting / space->points), STEPS, space->seed, stream) / (double)STEPS;
}

const char *sweep_space_value(const sweep_space *space, size_t axis, int64_t setting, char text[SWEEP_VALUE_BYTES])
{
    const sweep_axis *a = &space->axes[axis];
    return a->is_drawn ? sweep_axis_draw(a, draw(space, a, setting), text)
                       : a->values.words[place_in_grid(space, axis, setting)];
}

const char *sweep_space_describe(const sweep_space *space, int64_t setting, char *text, size_t capacity)
{
    char value[SWEEP_VALUE_BYTES];
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < space->n_axes && length < capacity; i++)
        length += (size_t)snprintf(text + length, capacity - length, "%s%s=%s", i ? " " : "", space->axes[i].name,
                                   sweep_space_value(space, i, setting, value));
    return text;
}

/* ---- Runs ---- */

int64_t sweep_space_runs(const sweep_space *space) { return space->settings * space->seeds; }

const char *sweep_space_name(const sweep_space *space, int64_t run, char name[SWEEP_NAME_BYTES])
{
    long long setting = (long long)(run % space->settings) + 1;
    if (space->seeds > 1)
        snprintf(name, SWEEP_NAME_BYTES, "%04lld-s%llu", setting,
                 (unsigned long long)space->seed + (unsigned long long)(run / space->settings));
    else
        snprintf(name, SWEEP_NAME_BYTES, "%04lld", setting);
    return name;
}

const char *sweep_space_directory(const sweep_space *space, const char *out, int64_t run, char path[SWEEP_PATH_BYTES])
{
    char name[SWEEP_NAME_BYTES];
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/')
        length--;
    (void)snprintf(path, SWEEP_PATH_BYTES, "%.*s/%s", (int)length, out, sweep_space_name(space, run, name));
    return path;
}

/* The text, which it takes over, with `value` wherever {name} stands in it; NULL if memory is out. */
static char *fill_in(char *text, const char *name, const char *value)
{
    char mark[SWEEP_NAME_BYTES + 2];
    size_t length = (size_t)snprintf(mark, sizeof mark, "{%s}", name), more = strlen(value), places = 0;
    for (const char *at = text; (at = strstr(at, mark)); at += length)
        places++;
    char *filled = malloc(strlen(text) + places * more + 1), *to = filled;
    const char *from = text;
    for (const char *at; filled && (at = strstr(from, mark)); from = at + length) {
        memcpy(to, from, (size_t)(at - from));
        to += at - from;
        memcpy(to, value, more);
        to += more;
    }
    if (filled)
        memcpy(to, from, strlen(from) + 1);
    free(text);
    return filled;
}

typedef struct {
    const sweep_space *space;
    int64_t setting;
    word_list *words;
} words_target;

/* --name=value with what the axes fill in; --name for NULL. */
static int add_word(const words_target *target, const char *name, const char *value)
{
    const sweep_space *space = target->space;
    char number[SWEEP_VALUE_BYTES];
    char *filled = value ? strdup(value) : NULL;
    for (size_t i = 0; i < space->n_axes && filled; i++)
        if (space->axes[i].fills_in)
            filled = fill_in(filled, space->axes[i].name, sweep_space_value(space, i, target->setting, number));
    int code = value && !filled ? output_failure("out of memory") : word_list_add_option(target->words, name, filled);
    free(filled);
    return code;
}

static int add_option(const char *name, event_kind kind, const char *value, void *user)
{
    return kind == EVENT_NOTHING ? 0 : add_word(user, name, value);
}

int sweep_space_words(const sweep_space *space, const char *out, int64_t run, word_list *words)
{
    char text[SWEEP_VALUE_BYTES], path[SWEEP_PATH_BYTES];
    words_target target = { space, run % space->settings, words };
    int code = event_visit(space->train, add_option, &target);
    for (size_t i = 0; i < space->n_axes && !code; i++) {
        const char *value = sweep_space_value(space, i, target.setting, text);
        bool is_off = space->axes[i].is_flag && strcmp(value, "false") == 0;
        if (!space->axes[i].fills_in && !is_off)
            code = add_word(&target, space->axes[i].name, space->axes[i].is_flag ? NULL : value);
    }
    if (!code && !event_has(space->train, "threads") && !find_option(space, "threads"))
        code = word_list_add_option(words, "threads", "1");
    snprintf(text, sizeof text, "%llu", (unsigned long long)space->seed + (unsigned long long)(run / space->settings));
    if (!code && space->seeds > 1)
        code = word_list_add_option(words, "seed", text);
    return code ? code : word_list_add_option(words, "out", sweep_space_directory(space, out, run, path));
}

int64_t sweep_space_threads(const sweep_space *space)
{
    const char *text = event_get_text(space->train, "threads");
    const sweep_axis *axis = find_option(space, "threads");
    long long most = text ? strtoll(text, NULL, 10) : axis && axis->kind != AXIS_LIST ? (long long)axis->high : 1;
    for (int i = 0; axis && i < axis->values.count; i++) {
        long long threads = strtoll(axis->values.words[i], NULL, 10);
        most = threads > most ? threads : most;
    }
    return most > 0 ? most : 1;
}
