/* What came of a sweep: the order of its settings, and the table as text. */
#include "sweep_table.h"

#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ---- */

sweep_mean sweep_table_mean(const sweep_table *table, int64_t setting, const char *metric)
{
    const sweep_state *state = table->state;
    double n = 0, mean = 0, squares = 0;
    /* Welford, Note on a method for calculating corrected sums of squares and products, 1962. */
    for (int64_t run = setting; run < state->n_trials; run += state->space->settings) {
        if (state->trials[run].state != TRIAL_DONE)
            continue;
        double value = sweep_metric_value(&state->trials[run], metric), difference = value - mean;
        mean += difference / ++n;
        squares += difference * (value - mean);
    }
    return (sweep_mean){ n > 0 ? mean : NAN, n > 1 ? sqrt(squares / (n - 1)) : NAN };
}

/* NaN comes last, and the first of equals first. */
static int compare_rows(const void *a, const void *b)
{
    const sweep_row *first = a, *second = b;
    if (isnan(first->key) != isnan(second->key))
        return isnan(first->key) ? 1 : -1;
    if (first->key < second->key || first->key > second->key)
        return first->key < second->key ? -1 : 1;
    return first->setting < second->setting ? -1 : 1;
}

int sweep_table_make(sweep_table *table, const sweep_state *state)
{
    *table = (sweep_table){ .state = state, .metric = sweep_metric_choose(state) };
    table->rows = calloc((size_t)state->space->settings, sizeof *table->rows);
    if (!table->rows)
        return output_failure("out of memory");
    for (int64_t setting = 0; setting < state->space->settings; setting++) {
        sweep_row row = { .setting = setting };
        for (int64_t run = setting; run < state->n_trials; run += state->space->settings) {
            row.runs += state->trials[run].state == TRIAL_DONE;
            table->has_failed = table->has_failed || state->trials[run].state == TRIAL_FAILED;
        }
        if (row.runs == 0)
            continue;
        row.key = table->metric ? sweep_table_mean(table, setting, table->metric).mean : NAN;
        if (table->metric && sweep_metric_is_better(table->metric, 1, 0))
            row.key = -row.key;
        table->rows[table->n_rows++] = row;
    }
    if (table->n_rows > 0)
        qsort(table->rows, (size_t)table->n_rows, sizeof *table->rows, compare_rows);
    return 0;
}

void sweep_table_free(sweep_table *table)
{
    free(table->rows);
    *table = (sweep_table){ .rows = NULL };
}

/* ---- Columns ---- */

typedef enum { COLUMN_NAME, COLUMN_AXIS, COLUMN_METRIC, COLUMN_DEVIATION, COLUMN_RUNS, COLUMN_SECONDS } column_kind;

typedef struct {
    column_kind kind;
    size_t axis;
    const char *metric;
    const char *title;
    int width;
} column;

enum { METRICS_SHOWN = 6, COLUMNS_BESIDE = 2 * METRICS_SHOWN + 3, CELL_BYTES = 160 };

typedef struct {
    const sweep_table *table;
    column *columns;
    size_t n;
} layout;

/* Characters of UTF-8. */
static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xC0) != 0x80;
    return columns;
}

/* Cuts a text to so many characters, the last two of which are dots then; and takes out what moves the cursor. */
static void fit(char *text, int width)
{
    bool is_cut = columns_of(text) > width;
    int columns = 0, dots = width < 2 ? width : 2;
    char *at = text;
    for (; *at; at++) {
        bool starts = ((unsigned char)*at & 0xC0) != 0x80;
        if (is_cut && starts && columns == width - dots)
            break;
        columns += starts;
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '?';
    }
    if (is_cut)
        (void)snprintf(at, (size_t)dots + 1, "..");
}

static bool is_right(column_kind kind) { return kind != COLUMN_NAME && kind != COLUMN_AXIS; }

/* The name of a row is that of its run, or of its setting. */
static void put_cell(const layout *l, const column *c, const sweep_row *row, char cell[CELL_BYTES])
{
    const sweep_space *space = l->table->state->space;
    char value[SWEEP_VALUE_BYTES];
    sweep_mean mean = { NAN, NAN };
    if (c->kind == COLUMN_METRIC || c->kind == COLUMN_DEVIATION || c->kind == COLUMN_SECONDS)
        mean = sweep_table_mean(l->table, row->setting, c->metric);
    switch (c->kind) {
    case COLUMN_NAME:
        snprintf(cell, CELL_BYTES, "%04lld", (long long)row->setting + 1);
        return;
    case COLUMN_AXIS:
        snprintf(cell, CELL_BYTES, "%s", sweep_space_value(space, c->axis, row->setting, value));
        return;
    case COLUMN_METRIC:
        (void)sweep_metric_text(c->metric, mean.mean, cell, CELL_BYTES);
        return;
    case COLUMN_DEVIATION:
        if (isnan(mean.deviation))
            snprintf(cell, CELL_BYTES, "-");
        else
            snprintf(cell, CELL_BYTES, "%.2g", strstr(c->metric, "_accuracy") ? 100 * mean.deviation : mean.deviation);
        return;
    case COLUMN_RUNS:
        snprintf(cell, CELL_BYTES, "%lld", (long long)row->runs);
        return;
    case COLUMN_SECONDS:
        if (isnan(mean.mean))
            snprintf(cell, CELL_BYTES, "-");
        else
            snprintf(cell, CELL_BYTES, mean.mean < 10 ? "%.2f" : "%.0f", mean.mean);
        return;
    }
}

static void add_column(layout *l, column c)
{
    c.width = columns_of(c.title);
    l->columns[l->n++] = c;
}

static void add_metric(layout *l, const char *metric)
{
    add_column(l, (column){ .kind = COLUMN_METRIC, .metric = metric, .title = metric });
    if (l->table->state->space->seeds > 1)
        add_column(l, (column){ .kind = COLUMN_DEVIATION, .metric = metric, .title = "+-" });
}

/* All columns that there are, as wide as what stands in them. */
static void lay_out(layout *l)
{
    const sweep_state *state = l->table->state;
    add_column(l, (column){ .kind = COLUMN_NAME, .title = state->space->seeds > 1 ? "setting" : "run" });
    for (size_t i = 0; i < state->space->n_axes; i++)
        add_column(l, (column){ .kind = COLUMN_AXIS, .axis = i, .title = state->space->axes[i].name });
    const char *metric = l->table->metric;
    if (metric)
        add_metric(l, metric);
    for (int i = 0, shown = 1; metric && shown < METRICS_SHOWN && sweep_metric_find(state, i); i++) {
        const char *further = sweep_metric_find(state, i);
        bool is_shown = strcmp(further, metric) != 0 && (strstr(further, "_loss") || strstr(further, "_accuracy"));
        if (is_shown)
            add_metric(l, further);
        shown += is_shown;
    }
    if (state->space->seeds > 1)
        add_column(l, (column){ .kind = COLUMN_RUNS, .title = "runs" });
    add_column(l, (column){ .kind = COLUMN_SECONDS, .metric = "seconds", .title = "seconds" });
    for (int64_t r = 0; r < state->n_trials; r++)
        if (state->trials[r].state == TRIAL_FAILED && state->space->seeds > 1) {
            char name[SWEEP_NAME_BYTES];
            int width = columns_of(sweep_space_name(state->space, r, name));
            l->columns[0].width = width > l->columns[0].width ? width : l->columns[0].width;
        }
    for (size_t k = 0; k < l->n; k++)
        for (int64_t r = 0; r < state->space->settings; r++) {
            char cell[CELL_BYTES] = "";
            bool is_axis = l->columns[k].kind == COLUMN_AXIS;
            if (!is_axis && r >= l->table->n_rows)
                break;
            put_cell(l, &l->columns[k], is_axis ? &(sweep_row){ .setting = r } : &l->table->rows[r], cell);
            int width = columns_of(cell);
            l->columns[k].width = width > l->columns[k].width ? width : l->columns[k].width;
        }
}

static int total_width(const layout *l)
{
    int width = -2;
    for (size_t k = 0; k < l->n; k++)
        width += l->columns[k].width + 2;
    return width;
}

static void drop_column(layout *l, size_t place)
{
    l->n--;
    for (size_t k = place; k < l->n; k++)
        l->columns[k] = l->columns[k + 1];
}

/* Leaves out times and further metrics, the last ones first, then cuts the widest axes, and at last leaves out axes. */
static void squeeze(layout *l, int width)
{
    enum { LEAST = 4 };
    size_t axes = l->table->state->space->n_axes, kept = 2 + axes + (l->table->state->space->seeds > 1);
    while (total_width(l) > width && l->n > kept)
        drop_column(l, l->n - 1);
    for (bool is_cut = true; total_width(l) > width && is_cut;) {
        size_t widest = 0;
        for (size_t k = 1; k <= axes; k++)
            widest = widest == 0 || l->columns[k].width > l->columns[widest].width ? k : widest;
        is_cut = widest > 0 && l->columns[widest].width > LEAST;
        l->columns[widest].width -= is_cut;
    }
    while (total_width(l) > width && axes > 0)
        drop_column(l, axes--);
}

/* ---- Lines ---- */

typedef struct {
    char *text;
    size_t length, capacity;
} line;

static void put(line *to, const char *cell, int width, bool is_at_right)
{
    int blanks = width - columns_of(cell);
    const char *gap = to->length ? "  " : "";
    int written = is_at_right ? snprintf(to->text + to->length, to->capacity - to->length, "%s%*s%s", gap,
                                         blanks > 0 ? blanks : 0, "", cell)
                              : snprintf(to->text + to->length, to->capacity - to->length, "%s%s%*s", gap, cell,
                                         blanks > 0 ? blanks : 0, "");
    to->length += (size_t)written;
    to->length = to->length < to->capacity ? to->length : to->capacity - 1;
}

static void show_line(line *l, int width)
{
    while (l->length > 0 && l->text[l->length - 1] == ' ')
        l->text[--l->length] = 0;
    if (width > 0)
        fit(l->text, width);
    output_line("%s", l->text);
    l->length = 0;
}

static void show_row(const layout *l, const sweep_row *row, line *to, int width)
{
    for (size_t k = 0; k < l->n; k++) {
        char cell[CELL_BYTES];
        if (row)
            put_cell(l, &l->columns[k], row, cell);
        else
            snprintf(cell, sizeof cell, "%s", l->columns[k].title);
        fit(cell, l->columns[k].width);
        put(to, cell, l->columns[k].width, is_right(l->columns[k].kind));
    }
    show_line(to, width);
}

static void show_failed(const layout *l, int64_t run, line *to, int width)
{
    const sweep_space *space = l->table->state->space;
    const char *reason = l->table->state->trials[run].reason;
    char name[SWEEP_NAME_BYTES], cell[CELL_BYTES];
    put(to, sweep_space_name(space, run, name), l->columns[0].width, false);
    for (size_t k = 1; k < l->n && l->columns[k].kind == COLUMN_AXIS; k++) {
        put_cell(l, &l->columns[k], &(sweep_row){ .setting = run % space->settings }, cell);
        fit(cell, l->columns[k].width);
        put(to, cell, l->columns[k].width, false);
    }
    put(to, "failed:", 0, false);
    to->text[to->length] = 0;
    snprintf(to->text + to->length, to->capacity - to->length, " %s", reason ? reason : "");
    to->length = strlen(to->text);
    show_line(to, width);
}

int sweep_table_show(const sweep_table *table)
{
    const sweep_state *state = table->state;
    int width = output_width();
    layout l = { .table = table };
    l.columns = calloc(state->space->n_axes + COLUMNS_BESIDE, sizeof *l.columns);
    line text = { .capacity = (state->space->n_axes + COLUMNS_BESIDE) * (CELL_BYTES + 4) + SWEEP_MESSAGES_BYTES };
    text.text = malloc(text.capacity);
    int code = l.columns && text.text ? 0 : output_failure("out of memory");
    if (!code && (table->n_rows > 0 || table->has_failed)) {
        lay_out(&l);
        if (width > 0)
            squeeze(&l, width);
        show_row(&l, NULL, &text, width);
        for (int64_t r = 0; r < table->n_rows; r++)
            show_row(&l, &table->rows[r], &text, width);
        for (int64_t run = 0; run < state->n_trials; run++)
            if (state->trials[run].state == TRIAL_FAILED)
                show_failed(&l, run, &text, width);
    }
    free(text.text);
    free(l.columns);
    return code;
}
