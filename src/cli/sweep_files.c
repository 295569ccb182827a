/* What came of a sweep, as files: the table as CSV, and each run as a line of JSON. */
#define _POSIX_C_SOURCE 200809L
#include "sweep_table.h"

#include "output.h"

#include <blasgrad/io.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- CSV ---- */

/* In quotes where it has to be. */
static void put_text(FILE *file, const char *text)
{
    bool is_plain = !strpbrk(text, ",\"\r\n") && *text;
    fputs(is_plain ? text : "\"", file);
    for (; !is_plain && *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){ *text, 0 }, file);
    if (!is_plain)
        fputc('"', file);
}

/* A field behind others. What is not there is empty. */
static void put_number(FILE *file, double value)
{
    fputc(',', file);
    if (!isnan(value))
        fprintf(file, "%.9g", value);
}

static void put_axes(FILE *file, const sweep_space *space, int64_t setting)
{
    char value[SWEEP_VALUE_BYTES];
    for (size_t i = 0; i < space->n_axes; i++) {
        fputc(',', file);
        put_text(file, sweep_space_value(space, i, setting, value));
    }
}

static void put_means(FILE *file, const sweep_table *table, int64_t setting, const char *metric)
{
    sweep_mean mean = setting < 0 ? (sweep_mean){ NAN, NAN } : sweep_table_mean(table, setting, metric);
    put_number(file, mean.mean);
    if (table->state->space->seeds > 1)
        put_number(file, mean.deviation);
}

/* A row of the table; of no setting, -1, the fields without what runs have shown. */
static void put_results(FILE *file, const sweep_table *table, int64_t setting, int64_t runs)
{
    fprintf(file, ",%lld", (long long)runs);
    const char *metric;
    for (int i = 0; (metric = sweep_metric_find(table->state, i)); i++)
        put_means(file, table, setting, metric);
    put_number(file, setting < 0 ? NAN : sweep_table_mean(table, setting, "seconds").mean);
}

static void put_head(FILE *file, const sweep_table *table)
{
    const sweep_space *space = table->state->space;
    fputs("run", file);
    for (size_t i = 0; i < space->n_axes; i++) {
        fputc(',', file);
        put_text(file, space->axes[i].name);
    }
    fputs(",runs", file);
    const char *metric;
    for (int i = 0; (metric = sweep_metric_find(table->state, i)); i++)
        fprintf(file, space->seeds > 1 ? ",%s,%s_deviation" : ",%s", metric, metric);
    fputs(",seconds,failure\n", file);
}

static void write_csv(FILE *file, const sweep_table *table)
{
    const sweep_state *state = table->state;
    char name[SWEEP_NAME_BYTES];
    put_head(file, table);
    for (int64_t r = 0; r < table->n_rows; r++) {
        fprintf(file, "%04lld", (long long)table->rows[r].setting + 1);
        put_axes(file, state->space, table->rows[r].setting);
        put_results(file, table, table->rows[r].setting, table->rows[r].runs);
        fputs(",\n", file);
    }
    for (int64_t run = 0; run < state->n_trials; run++) {
        if (state->trials[run].state != TRIAL_FAILED)
            continue;
        fputs(sweep_space_name(state->space, run, name), file);
        put_axes(file, state->space, run % state->space->settings);
        put_results(file, table, -1, 0);
        fputc(',', file);
        put_text(file, state->trials[run].reason ? state->trials[run].reason : "");
        fputc('\n', file);
    }
}

/* ---- Lines of JSON ---- */

static bool put_run(FILE *file, const sweep_state *state, int64_t run)
{
    event *e = sweep_trial_describe(state, run);
    char *text = event_line(e);
    if (text)
        fprintf(file, "%s\n", text);
    free(text);
    event_destroy(e);
    return text != NULL;
}

static bool write_lines(FILE *file, const sweep_table *table)
{
    const sweep_state *state = table->state;
    bool is_whole = true;
    for (int64_t r = 0; r < table->n_rows; r++)
        for (int64_t run = table->rows[r].setting; run < state->n_trials; run += state->space->settings)
            if (state->trials[run].state == TRIAL_DONE)
                is_whole = put_run(file, state, run) && is_whole;
    for (int64_t run = 0; run < state->n_trials; run++)
        if (state->trials[run].state == TRIAL_FAILED)
            is_whole = put_run(file, state, run) && is_whole;
    return is_whole;
}

/* ---- Files ---- */

static int write_file(const sweep_table *table, const char *name, bool is_csv, bg_engine *engine)
{
    char path[SWEEP_PATH_BYTES], *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    bool is_whole = file != NULL;
    if (file && is_csv)
        write_csv(file, table);
    else if (file)
        is_whole = write_lines(file, table);
    is_whole = file && !ferror(file) && is_whole;
    is_whole = file && fclose(file) == 0 && is_whole;
    snprintf(path, sizeof path, "%s/%s", table->state->out, name);
    int code = is_whole ? 0 : output_failure("out of memory");
    if (!code && bg_file_write(engine, path, text, bytes) != BG_OK)
        code = output_library();
    free(text);
    return code;
}

int sweep_table_write(const sweep_table *table, bg_engine *engine)
{
    int code = write_file(table, "sweep.csv", true, engine), other = write_file(table, "sweep.jsonl", false, engine);
    return code ? code : other;
}
