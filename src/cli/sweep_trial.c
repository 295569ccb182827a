/* One run of a sweep: how far it is, and what came of it. */
#define _POSIX_C_SOURCE 200809L
#include "sweep_trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What a run leaves behind ---- */

enum { TAIL_BYTES = 1 << 16 };

/* The last bytes of a file, as a text to be freed; NULL if there is none, or memory is out. */
static char *read_tail(const char *path, long bytes)
{
    FILE *file = fopen(path, "r");
    char *text = file ? malloc((size_t)bytes + 1) : NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        if (fseek(file, size > bytes ? size - bytes : 0, SEEK_SET) != 0)
            rewind(file);
    }
    size_t length = text ? fread(text, 1, (size_t)bytes, file) : 0;
    if (text)
        text[length] = 0;
    if (file)
        fclose(file);
    return text;
}

event *sweep_trial_read_end(const char *directory)
{
    char path[SWEEP_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/log.jsonl", directory);
    char *text = read_tail(path, TAIL_BYTES), *newline = text ? strrchr(text, '\n') : NULL;
    event *end = NULL;
    if (newline && !newline[1]) {
        *newline = 0;
        const char *before = strrchr(text, '\n');
        end = event_parse(before ? before + 1 : text);
    }
    free(text);
    const char *kind = end ? event_get_text(end, "event") : NULL;
    if (kind && strcmp(kind, "done") == 0)
        return end;
    event_destroy(end);
    return NULL;
}

/* ---- Events ---- */

/* A number as such, true and false for options without a value, else a text. */
static void put_value(event *e, const sweep_axis *axis, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    bool is_number = end != value && !*end && value[strspn(value, "+-.0123456789eE")] == 0 && isfinite(number);
    if (axis->is_flag)
        event_bool(e, axis->name, strcmp(value, "true") == 0);
    else if (is_number && number == floor(number) && fabs(number) < 0x1p53 && !strpbrk(value, ".eE"))
        event_integer(e, axis->name, (int64_t)number);
    else if (is_number)
        event_number(e, axis->name, number);
    else
        event_text(e, axis->name, value);
}

event *sweep_trial_describe(const sweep_state *state, int64_t run)
{
    static const char *const states[] = {
        [TRIAL_OPEN] = "open", [TRIAL_RUNNING] = "running", [TRIAL_DONE] = "done", [TRIAL_FAILED] = "failed"
    };
    const sweep_space *space = state->space;
    const sweep_trial *trial = &state->trials[run];
    char name[SWEEP_NAME_BYTES], path[SWEEP_PATH_BYTES], value[SWEEP_VALUE_BYTES];
    event *e = event_create("trial"), *options = event_create(NULL);
    event_text(e, "trial", sweep_space_name(space, run, name));
    event_text(e, "run", sweep_space_directory(space, state->out, run, path));
    event_text(e, "status", states[trial->state]);
    if (trial->state == TRIAL_DONE)
        event_add_fields(e, trial->end);
    event_text(e, "event", "trial");
    for (size_t i = 0; i < space->n_axes; i++)
        put_value(options, &space->axes[i], sweep_space_value(space, i, run % space->settings, value));
    event_object(e, "options", options);
    if (space->seeds > 1)
        event_integer(e, "seed", (int64_t)space->seed + run / space->settings);
    if (trial->state == TRIAL_FAILED)
        event_text(e, "reason", trial->reason ? trial->reason : "");
    return e;
}

int64_t sweep_count(const sweep_state *state, trial_state counted)
{
    int64_t count = 0;
    for (int64_t i = 0; i < state->n_trials; i++)
        count += state->trials[i].state == counted;
    return count;
}

/* ---- Metrics ---- */

static const char *const metrics[] = {
    "validation_loss", "test_loss", "train_loss", "validation_accuracy",   "test_accuracy",   "train_accuracy",
    "validation_bits", "test_bits", "train_bits", "validation_perplexity", "test_perplexity", "train_perplexity",
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

bool sweep_metric_is_known(const char *name)
{
    for (int i = 0; i < METRICS; i++)
        if (strcmp(metrics[i], name) == 0)
            return true;
    return false;
}

static bool is_accuracy(const char *name)
{
    const char *part = strrchr(name, '_');
    return part && strcmp(part, "_accuracy") == 0;
}

bool sweep_metric_is_better(const char *name, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a);
    return is_accuracy(name) ? a > b : a < b;
}

static bool is_there(const sweep_state *state, const char *name)
{
    for (int64_t i = 0; i < state->n_trials; i++)
        if (state->trials[i].state == TRIAL_DONE && event_has(state->trials[i].end, name))
            return true;
    return false;
}

const char *sweep_metric_find(const sweep_state *state, int i)
{
    for (int k = 0; k < METRICS; k++)
        if (is_there(state, metrics[k]) && i-- == 0)
            return metrics[k];
    return NULL;
}

const char *sweep_metric_choose(const sweep_state *state)
{
    return state->by && is_there(state, state->by) ? state->by : sweep_metric_find(state, 0);
}

double sweep_metric_value(const sweep_trial *trial, const char *name)
{
    return trial->state == TRIAL_DONE ? event_get_number(trial->end, name) : NAN;
}

const char *sweep_metric_text(const char *name, double value, char *text, size_t capacity)
{
    if (isnan(value))
        snprintf(text, capacity, "nan");
    else if (is_accuracy(name))
        snprintf(text, capacity, "%.2f %%", 100 * value);
    else
        snprintf(text, capacity, "%.5g", value);
    return text;
}
