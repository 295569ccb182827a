/* Options of CSV tables. */
#include "table_options.h"

#include "options.h"

#include <blasgrad/graph.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

enum { KEY_FEATURES = KEYS_TABLE, KEY_MISSING, KEY_INFINITE, KEY_SKIP_LINES };

static const struct argp_option options[] = {
    { "features", KEY_FEATURES, "COLUMNS", 0,
      "CSV: the inputs, as --target lists columns (default: all columns but the targets)", 0 },
    { "missing", KEY_MISSING, "HOW", 0,
      "CSV: what becomes of fields that are empty, NA, N/A, nan, null or ?: error (the default); nan; mean, of the "
      "column in that file; drop, which leaves the row out; or a number to stand there",
      0 },
    { "infinite", KEY_INFINITE, NULL, 0, "CSV: inf and infinity are numbers too, with a sign or without", 0 },
    { "skip-lines", KEY_SKIP_LINES, "N", 0, "CSV: leave out the first N lines", 0 },
    { 0 },
};

static const char *const ways[] = { "error", "nan", "mean", "drop", NULL };

/* False if the text says neither a way nor a number. */
static bool parse_missing(const char *text, bg_missing *missing, double *value)
{
    *value = 0;
    for (int i = 0; ways[i]; i++)
        if (strcmp(text, ways[i]) == 0) {
            *missing = (bg_missing)i;
            return true;
        }
    char *end;
    *missing = BG_MISSING_VALUE;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    table_settings *table = state->input;
    bg_missing missing;
    double value;
    switch (key) {
    case KEY_FEATURES:
        table->features = text;
        return 0;
    case KEY_MISSING:
        if (!parse_missing(text, &missing, &value))
            argp_error(state, "--missing \"%s\": error, nan, mean, drop, or a number", text);
        table->missing = text;
        return 0;
    case KEY_INFINITE:
        table->with_infinite = true;
        return 0;
    case KEY_SKIP_LINES:
        table->skip_lines = option_integer(state, "skip-lines", text, 1, INT64_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp table_argp = { .options = options, .parser = parse };

const char *table_option_given(const table_settings *table)
{
    return table->features        ? "--features"
           : table->missing       ? "--missing"
           : table->with_infinite ? "--infinite"
           : table->skip_lines    ? "--skip-lines"
                                  : NULL;
}

void table_fill_in(table_settings *table, const table_settings *saved, bool is_same, bool without_header,
                   bool has_target)
{
    table->class_names = saved->class_names;
    /* By name, columns are found in any order. Beside chosen inputs, though, the run's own table has more columns than
     * the target, which is its last one where nothing else was said. */
    bool is_by_place = is_same && saved->features && !has_target;
    if (!table->features && !without_header && !is_by_place)
        table->feature_names = saved->feature_names;
    if (!table->features && !table->feature_names)
        table->features = saved->features;
    if (!table->missing)
        table->missing = saved->missing;
    table->with_infinite = table->with_infinite || saved->with_infinite;
    if (is_same && !table->skip_lines)
        table->skip_lines = saved->skip_lines;
}

void table_describe(const table_settings *table, event *e)
{
    if (table->features)
        event_text(e, "features", table->features);
    if (table->missing)
        event_text(e, "missing", table->missing);
    if (table->with_infinite)
        event_bool(e, "infinite", true);
    if (table->skip_lines)
        event_integer(e, "skip_lines", table->skip_lines);
}

/* ---- Names ---- */

typedef const char *name_of(const bg_dataset *dataset, int64_t i);

static char *join(const bg_dataset *dataset, name_of *name)
{
    size_t bytes = 0;
    for (int64_t i = 0; name(dataset, i); i++) {
        if (strchr(name(dataset, i), '\n'))
            return NULL;
        bytes += strlen(name(dataset, i)) + 1;
    }
    char *joined = bytes ? malloc(bytes) : NULL, *end = joined;
    for (int64_t i = 0; joined && name(dataset, i); i++) {
        size_t length = strlen(name(dataset, i));
        memcpy(end, name(dataset, i), length);
        end[length] = '\n';
        end += length + 1;
    }
    if (joined)
        end[-1] = '\0';
    return joined;
}

char *table_class_names(const bg_dataset *dataset) { return join(dataset, bg_dataset_class_name); }
char *table_feature_names(const bg_dataset *dataset) { return join(dataset, bg_dataset_feature_name); }

char **table_split_names(const char *names)
{
    size_t count = 1, bytes = names ? strlen(names) + 1 : 0;
    for (const char *c = names; c && *c; c++)
        count += *c == '\n';
    /* The texts lie behind the pointers. */
    char **list = names ? malloc((count + 1) * sizeof *list + bytes) : NULL;
    if (!list)
        return NULL;
    char *text = (char *)(list + count + 1);
    memcpy(text, names, bytes);
    for (size_t i = 0; i < count; i++) {
        list[i] = text;
        text += strcspn(text, "\n");
        *text++ = '\0';
    }
    list[count] = NULL;
    return list;
}

/* ---- Reading ---- */

bg_status table_read(bg_dataset **dataset, bg_engine *engine, const char *path, bg_data_options fill,
                     const table_settings *table)
{
    char **classes = fill.with_classes ? table_split_names(table->class_names) : NULL;
    char **features = table_split_names(table->feature_names);
    fill.class_names = (const char *const *)classes;
    fill.feature_names = (const char *const *)features;
    fill.features = table->features;
    fill.skip_lines = table->skip_lines;
    fill.with_infinite = table->with_infinite;
    fill.without_target = table->without_target;
    fill.with_row_numbers = table->with_row_numbers;
    if (table->missing)
        (void)parse_missing(table->missing, &fill.missing, &fill.missing_value);
    bg_status status = BG_ERR_NOMEM;
    if ((!fill.with_classes || !table->class_names || classes) && (!table->feature_names || features))
        status = bg_data_read_csv(dataset, engine, path, &fill);
    else
        (void)bg_fail(status, "out of memory for the names of a table");
    free(features);
    free(classes);
    return status;
}

/* ---- Checkpoints ---- */

bg_status table_save(bg_archive *archive, const table_settings *table)
{
    char number[40];
    snprintf(number, sizeof number, "%lld", (long long)table->skip_lines);
    const struct {
        const char *key, *text;
    } texts[] = {
        { "blasgrad.features", table->features },       { "blasgrad.feature_names", table->feature_names },
        { "blasgrad.missing", table->missing },         { "blasgrad.infinite", table->with_infinite ? "yes" : NULL },
        { "blasgrad.class_names", table->class_names }, { "blasgrad.skip_lines", table->skip_lines ? number : NULL },
    };
    bg_status status = BG_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == BG_OK; i++) {
        status = texts[i].text ? bg_archive_add_text(archive, texts[i].key, texts[i].text) : BG_OK;
        if (status == BG_ERR_ARGUMENT)
            status = BG_OK;
    }
    return status;
}

void table_load(const bg_archive *archive, table_settings *table)
{
    const char *missing = bg_archive_text(archive, "blasgrad.missing");
    const char *lines = bg_archive_text(archive, "blasgrad.skip_lines");
    bg_missing unused;
    double value;
    *table = (table_settings){
        .features = bg_archive_text(archive, "blasgrad.features"),
        .feature_names = bg_archive_text(archive, "blasgrad.feature_names"),
        .missing = missing && parse_missing(missing, &unused, &value) ? missing : NULL,
        .with_infinite = bg_archive_text(archive, "blasgrad.infinite") != NULL,
        .class_names = bg_archive_text(archive, "blasgrad.class_names"),
        .skip_lines = lines ? strtoll(lines, NULL, 10) : 0,
    };
}
