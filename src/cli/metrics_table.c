/* The metrics of an evaluation, as tables for people and as fields of an event. */
#include "metrics_table.h"

#include "class_name.h"
#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 100 }; /* of classes or targets; more are for --json */

/* What printf counts, which is bytes, for a field of so many columns. */
static int field(int columns, const class_name *name) { return columns + name->bytes - name->columns; }

static int digits(int64_t number) { return snprintf(NULL, 0, "%" PRId64, number); }

static int widest(int a, int b) { return a > b ? a : b; }

/* The metrics of all classes together, and the areas under their ROC curves: to be freed, NULL if not asked for. */
typedef struct {
    bg_classification all;
    double *areas, mean_area;
} class_scores;

/* After a failure there is nothing to be freed. */
static int find_scores(const metrics_table *table, class_scores *scores)
{
    *scores = (class_scores){ .areas = NULL };
    if (bg_evaluation_classification(table->evaluation, &scores->all) != BG_OK)
        return output_library();
    if (!table->options.with_roc_auc)
        return 0;
    scores->areas = malloc((size_t)bg_evaluation_classes(table->evaluation) * sizeof *scores->areas);
    if (!scores->areas)
        return output_failure("out of memory");
    if (bg_evaluation_roc_auc(table->evaluation, scores->areas, &scores->mean_area) == BG_OK)
        return 0;
    free(scores->areas);
    return output_library();
}

/* ---- Classes as text ---- */

/* How the columns of the table are written: with short heads and fewer digits in a narrow terminal. */
typedef struct {
    int name, digits;
    int precision, recall, f1, area, support; /* widths with the gap in front; area 0: no such column */
    bool is_narrow;
} layout;

/* Whether each class has a line. */
static bool has_lines(const metrics_table *table)
{
    return !table->hides_classes && bg_evaluation_classes(table->evaluation) <= LINES_MAX;
}

static layout lay_out(const metrics_table *table)
{
    int64_t rows = bg_evaluation_rows(table->evaluation);
    int64_t named = has_lines(table) ? bg_evaluation_classes(table->evaluation) : 0;
    int width = output_width();
    layout wide = { .name = widest((int)strlen("weighted"), class_name_widest(table->data, named)),
                    .digits = 4,
                    .precision = 11,
                    .recall = 8,
                    .f1 = 8,
                    .area = table->options.with_roc_auc ? 9 : 0,
                    .support = widest(9, digits(rows) + 2) };
    if (width == 0 || wide.name + wide.precision + wide.recall + wide.f1 + wide.area + wide.support <= width)
        return wide;
    return (layout){ .name = wide.name,
                     .digits = 3,
                     .precision = 6,
                     .recall = 6,
                     .f1 = 6,
                     .area = wide.area ? 6 : 0,
                     .support = widest(2, digits(rows)) + 1,
                     .is_narrow = true };
}

static void show_head(const layout *l)
{
    char area[32] = "";
    if (l->area)
        snprintf(area, sizeof area, "%*s", l->area, l->is_narrow ? "auc" : "roc auc");
    output_line("%-*s%*s%*s%*s%s%*s", l->name, "class", l->precision, l->is_narrow ? "prec" : "precision", l->recall,
                l->is_narrow ? "rec" : "recall", l->f1, "f1", area, l->support, l->is_narrow ? "n" : "support");
}

/* An area that is NaN, of a class that has no curve, is a dash. */
static void show_class(const layout *l, const char *name, int name_field, const bg_class_metrics *metrics,
                       double area_value)
{
    char area[32] = "";
    if (l->area && isnan(area_value))
        snprintf(area, sizeof area, "%*s", l->area, "-");
    else if (l->area)
        snprintf(area, sizeof area, "%*.*f", l->area, l->digits, area_value);
    output_line("%-*s%*.*f%*.*f%*.*f%s%*" PRId64, name_field, name, l->precision, l->digits, metrics->precision,
                l->recall, l->digits, metrics->recall, l->f1, l->digits, metrics->f1, area, l->support,
                metrics->support);
}

static void show_classes(const metrics_table *table, const class_scores *scores)
{
    const double *areas = scores->areas;
    int64_t classes = bg_evaluation_classes(table->evaluation);
    layout l = lay_out(table);
    output_line("%s", "");
    show_head(&l);
    for (int64_t i = 0; i < classes && has_lines(table); i++) {
        bg_class_metrics metrics;
        bg_evaluation_class(table->evaluation, i, &metrics);
        class_name name = class_name_of(table->data, i);
        show_class(&l, name.text, field(l.name, &name), &metrics, areas ? areas[i] : 0);
    }
    show_class(&l, "macro", l.name, &scores->all.macro, scores->mean_area);
    l.support += l.area; /* the areas have no weighted mean */
    l.area = 0;
    show_class(&l, "weighted", l.name, &scores->all.weighted, 0);
}

static void show_notes(const metrics_table *table, const bg_classification *all)
{
    int64_t classes = bg_evaluation_classes(table->evaluation);
    if (!table->hides_classes && classes > LINES_MAX)
        output_line("(--json has all %" PRId64 " classes)", classes);
    if (all->unpredicted)
        output_line("never the answer, precision 0: %" PRId64 " of %" PRId64 " classes", all->unpredicted, classes);
    if (all->unsupported)
        output_line("without examples, recall 0: %" PRId64 " of %" PRId64 " classes", all->unsupported, classes);
    if (all->nan_rows)
        output_line("with a score that is NaN, which counts as the greatest: %" PRId64 " of %" PRId64 " rows",
                    all->nan_rows, bg_evaluation_rows(table->evaluation));
}

/* ---- The confusion matrix as text ---- */

static int64_t largest_count(const int64_t *counts, int64_t n)
{
    int64_t largest = 0;
    for (int64_t i = 0; i < n; i++)
        if (counts[i] > largest)
            largest = counts[i];
    return largest;
}

/* The widths of the heads of rows, and of a cell with its gap. */
typedef struct {
    int name, cell;
} matrix_layout;

/* Columns start .. stop - 1. line has room for all of them. */
static void show_columns(const metrics_table *table, matrix_layout l, int64_t start, int64_t stop, char *line)
{
    const int64_t *counts = bg_evaluation_confusion(table->evaluation);
    int64_t classes = bg_evaluation_classes(table->evaluation);
    int at = sprintf(line, "%*s", l.name, "");
    for (int64_t j = start; j < stop; j++) {
        class_name name = class_name_of(table->data, j);
        at += sprintf(line + at, "%*s", field(l.cell, &name), name.text);
    }
    output_line("%s", line);
    for (int64_t i = 0; i < classes && !output_has_failed(); i++) {
        class_name name = class_name_of(table->data, i);
        at = sprintf(line, "%-*s", field(l.name, &name), name.text);
        for (int64_t j = start; j < stop; j++) {
            int64_t count = counts[i * classes + j];
            if (count)
                at += sprintf(line + at, "%*" PRId64, l.cell, count);
            else
                at += sprintf(line + at, "%*s", l.cell, ".");
        }
        output_line("%s", line);
    }
}

/* As many columns side by side as fit the terminal. */
static int show_confusion(const metrics_table *table)
{
    const int64_t *counts = bg_evaluation_confusion(table->evaluation);
    int64_t classes = bg_evaluation_classes(table->evaluation), together = classes;
    int width = output_width(), name = class_name_widest(table->data, classes);
    matrix_layout l = { .name = name, .cell = widest(name, digits(largest_count(counts, classes * classes))) + 1 };
    if (width && l.name + classes * l.cell > width)
        together = width > l.name + l.cell ? (width - l.name) / l.cell : 1;
    char *line = malloc(4 * (size_t)(l.name + together * l.cell) + 1); /* a column is a character of up to 4 bytes */
    if (!line)
        return output_failure("out of memory");
    output_line("%s", "");
    output_line("confusion matrix: class by answer");
    for (int64_t start = 0; start < classes; start += together) {
        if (start)
            output_line("%s", "");
        show_columns(table, l, start, start + together < classes ? start + together : classes, line);
    }
    free(line);
    return 0;
}

static int show_classification(const metrics_table *table)
{
    class_scores scores;
    int code = find_scores(table, &scores);
    if (code)
        return code;
    if (table->options.top_k)
        output_line("top %" PRId64 " accuracy %.2f %%", table->options.top_k, 100 * scores.all.top_k_accuracy);
    show_classes(table, &scores);
    show_notes(table, &scores.all);
    free(scores.areas);
    return table->options.with_confusion ? show_confusion(table) : 0;
}

/* ---- Numbers as text ---- */

static void show_target(int name_width, const char *name, const bg_regression *metrics)
{
    output_line("%-*s %11.5g %11.5g %8.4f", name_width, name, metrics->mae, metrics->rmse, metrics->r2);
}

static int show_regression(const metrics_table *table)
{
    bg_regression all, metrics;
    if (bg_evaluation_regression(table->evaluation, &all) != BG_OK)
        return output_library();
    int64_t targets = bg_evaluation_targets(table->evaluation);
    char number[24];
    int width = widest((int)strlen("target"), digits(targets - 1));
    output_line("%s", "");
    output_line("%-*s %11s %11s %8s", width, "target", "mae", "rmse", "r2");
    for (int64_t i = 0; i < targets && targets <= LINES_MAX; i++) {
        bg_evaluation_target(table->evaluation, i, &metrics);
        snprintf(number, sizeof number, "%" PRId64, i);
        show_target(width, number, &metrics);
    }
    if (targets > 1)
        show_target(width, "mean", &all);
    if (targets > LINES_MAX)
        output_line("(--json has all %" PRId64 " targets)", targets);
    return 0;
}

int metrics_table_show(const metrics_table *table)
{
    return table->options.kind == BG_EVALUATION_NUMBERS ? show_regression(table) : show_classification(table);
}

/* ---- Fields ---- */

static void add_class_fields(event *e, const bg_class_metrics *metrics)
{
    event_number(e, "precision", metrics->precision);
    event_number(e, "recall", metrics->recall);
    event_number(e, "f1", metrics->f1);
}

static void add_mean(event *e, const char *key, const bg_class_metrics *metrics)
{
    event *item = event_create(NULL);
    add_class_fields(item, metrics);
    event_object(e, key, item);
}

static void add_classes(const metrics_table *table, event *e, const double *areas)
{
    char number[24];
    event_list(e, "classes");
    for (int64_t i = 0; i < bg_evaluation_classes(table->evaluation); i++) {
        bg_class_metrics metrics;
        bg_evaluation_class(table->evaluation, i, &metrics);
        event *item = event_create(NULL);
        const char *name = bg_dataset_class_name(table->data, i);
        snprintf(number, sizeof number, "%" PRId64, i);
        event_text(item, "class", name ? name : number);
        add_class_fields(item, &metrics);
        event_integer(item, "support", metrics.support);
        event_integer(item, "predicted", metrics.predicted);
        if (areas)
            event_number(item, "roc_auc", areas[i]);
        event_append_object(e, "classes", item);
    }
}

/* A list of rows. */
static void add_confusion(const metrics_table *table, event *e)
{
    const int64_t *counts = bg_evaluation_confusion(table->evaluation);
    int64_t classes = bg_evaluation_classes(table->evaluation);
    for (int64_t i = 0; i < classes; i++)
        event_append_integers(e, "confusion", counts + i * classes, (size_t)classes);
}

static int add_classification(const metrics_table *table, event *e)
{
    class_scores scores;
    int code = find_scores(table, &scores);
    if (code)
        return code;
    event_number(e, "accuracy", scores.all.accuracy);
    if (table->options.top_k) {
        event_integer(e, "top_k", table->options.top_k);
        event_number(e, "top_k_accuracy", scores.all.top_k_accuracy);
    }
    if (scores.areas)
        event_number(e, "roc_auc", scores.mean_area);
    add_mean(e, "macro", &scores.all.macro);
    add_mean(e, "weighted", &scores.all.weighted);
    event_integer(e, "nan_rows", scores.all.nan_rows);
    add_classes(table, e, scores.areas);
    if (table->options.with_confusion)
        add_confusion(table, e);
    free(scores.areas);
    return 0;
}

static void add_regression_fields(event *e, const bg_regression *metrics)
{
    event_number(e, "mae", metrics->mae);
    event_number(e, "rmse", metrics->rmse);
    event_number(e, "r2", metrics->r2);
}

static int add_regression(const metrics_table *table, event *e)
{
    bg_regression metrics;
    if (bg_evaluation_regression(table->evaluation, &metrics) != BG_OK)
        return output_library();
    add_regression_fields(e, &metrics);
    for (int64_t i = 0; i < bg_evaluation_targets(table->evaluation); i++) {
        event *item = event_create(NULL);
        bg_evaluation_target(table->evaluation, i, &metrics);
        add_regression_fields(item, &metrics);
        event_append_object(e, "targets", item);
    }
    return 0;
}

int metrics_table_add(const metrics_table *table, event *e)
{
    return table->options.kind == BG_EVALUATION_NUMBERS ? add_regression(table, e) : add_classification(table, e);
}
