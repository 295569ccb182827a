/* Speed by batch size and by threads, from the results that `blasgrad bench --output` keeps. */
#define _POSIX_C_SOURCE 200809L
#include "plot_bench.h"

#include "commands.h"
#include "events.h"
#include "gnuplot.h"
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One result. Results of one network at several batch sizes are one line of the picture. */
typedef struct {
    char *workload, *network; /* each by its full name */
    char unit[16];
    double batch, threads, per_second; /* batch 0: there is none */
} record;

typedef struct {
    record *items;
    size_t n, capacity;
} records;

/* ---- Reading ---- */

/* A network of one's own is named by its layers; with another input or loss it is another one. NULL if memory is out.
 */
static char *full_name(const event *e, const char *workload)
{
    const char *model = event_get_text(e, "model"), *input = event_get_text(e, "input");
    const char *loss = event_get_text(e, "loss_function");
    double kinds = event_get_number(e, "token_kinds"), classes = event_get_number(e, "classes");
    bool is_own = model && input && strcmp(model, workload) == 0;
    size_t capacity = strlen(workload) + 200, length = 0;
    char *name = malloc(capacity);
    if (name)
        length = (size_t)snprintf(name, capacity, "%s", workload);
    if (name && is_own) {
        length += (size_t)snprintf(name + length, capacity - length, " of %.60s", input);
        if (kinds > 0)
            length += (size_t)snprintf(name + length, capacity - length, " tokens of %.15g kinds", kinds);
        if (classes > 0)
            length += (size_t)snprintf(name + length, capacity - length, ", %.15g classes", classes);
        if (loss && strcmp(loss, "cross_entropy") != 0)
            snprintf(name + length, capacity - length, ", %.40s", loss);
    }
    return name;
}

/* The workloads of one network end with its batch size: mlp-b32. */
static char *network_name(const record *r)
{
    char ending[32];
    char *name = strdup(r->workload);
    if (!name)
        return NULL;
    size_t length = strlen(name), end = (size_t)snprintf(ending, sizeof ending, "-b%.0f", r->batch);
    if (length > end && strcmp(name + length - end, ending) == 0)
        name[length - end] = 0;
    return name;
}

static void free_names(record *r)
{
    free(r->workload);
    free(r->network);
}

/* False if memory is out; the names become the list's if not. The newest result of a workload with these threads is the
 * one that counts. */
static bool add(records *all, const record *r)
{
    if (!r->workload || !r->network)
        return false;
    for (size_t i = 0; i < all->n; i++) {
        record *old = &all->items[i];
        if (strcmp(old->workload, r->workload) == 0 && old->batch == r->batch && old->threads == r->threads) {
            free_names(old);
            *old = *r;
            return true;
        }
    }
    if (all->n == all->capacity) {
        size_t capacity = 2 * all->capacity + 16;
        record *items = realloc(all->items, capacity * sizeof *items);
        if (!items)
            return false;
        all->items = items;
        all->capacity = capacity;
    }
    all->items[all->n++] = *r;
    return true;
}

/* Results of other kinds than workloads by themselves are passed over. */
static int read_line(records *all, const char *path, long long number, const char *line)
{
    if (line[strspn(line, " \t\r\n")] == 0)
        return EXIT_DONE;
    event *e = event_parse(line);
    if (!e)
        return output_failure("%s, line %lld: not a JSON object; plot takes what `blasgrad bench --output' wrote", path,
                              number);
    const char *workload = event_get_text(e, "workload"), *unit = event_get_text(e, "unit");
    int code = EXIT_DONE;
    if (workload && isnan(event_get_number(e, "engines"))) {
        record r = { .workload = full_name(e, workload),
                     .batch = event_get_number(e, "batch"),
                     .threads = event_get_number(e, "threads"),
                     .per_second = event_get_number(e, "per_second") };
        snprintf(r.unit, sizeof r.unit, "%s", unit ? unit : "");
        r.network = r.workload ? network_name(&r) : NULL;
        if (isnan(r.batch))
            r.batch = 0;
        if (!(r.batch >= 0 && r.threads > 0 && r.per_second > 0))
            code =
                output_failure("%s, line %lld: batch, threads and per_second have to be numbers above 0", path, number);
        else if (!add(all, &r))
            code = output_failure("out of memory");
        if (code)
            free_names(&r);
    }
    event_destroy(e);
    return code;
}

static int read_records(records *all, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return output_failure("%s: %s", path, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    int code = EXIT_DONE;
    for (long long number = 1; !code; number++) {
        errno = 0;
        if (getline(&line, &capacity, file) < 0) {
            if (!feof(file))
                code = output_failure("%s: %s", path, strerror(errno));
            break;
        }
        code = read_line(all, path, number, line);
    }
    free(line);
    fclose(file);
    if (!code && all->n == 0)
        code = output_failure("%s: holds no speed of a workload; make some with `blasgrad bench WORKLOAD --output %s'",
                              path, path);
    return code;
}

/* ---- Drawing ---- */

static bool is_same_line(const record *a, const record *b, plot_axis by)
{
    if (by == PLOT_BY_BATCH)
        return strcmp(a->network, b->network) == 0 && strcmp(a->unit, b->unit) == 0 && a->threads == b->threads;
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->unit, b->unit) == 0 && a->batch == b->batch;
}

static int compare_names(const void *left, const void *right)
{
    const record *a = left, *b = right;
    int order = strcmp(a->network, b->network);
    if (order == 0)
        order = (a->batch > b->batch) - (a->batch < b->batch);
    return order ? order : (a->threads > b->threads) - (a->threads < b->threads);
}

static bool is_first_of_line(const records *all, size_t i, plot_axis by)
{
    if (by == PLOT_BY_BATCH && all->items[i].batch == 0)
        return false;
    for (size_t k = 0; k < i; k++)
        if (is_same_line(&all->items[k], &all->items[i], by))
            return false;
    return true;
}

static void put_title(gnuplot_script *script, const record *r, plot_axis by)
{
    char title[400];
    if (by == PLOT_BY_BATCH)
        snprintf(title, sizeof title, "%.300s, %.0f thread%s (%s)", r->network, r->threads, r->threads == 1 ? "" : "s",
                 r->unit);
    else if (r->batch == 0 || strcmp(r->network, r->workload) != 0)
        snprintf(title, sizeof title, "%.300s (%s)", r->workload, r->unit);
    else
        snprintf(title, sizeof title, "%.300s, batch %.0f (%s)", r->workload, r->batch, r->unit);
    gnuplot_put(script, " title ");
    gnuplot_put_text(script, title);
}

/* Records are in the order of names, then batch, then threads, so that the points of a line are in order too. */
static void put_panel(gnuplot_script *script, const records *all, plot_axis by)
{
    const char *axis = by == PLOT_BY_BATCH ? "batch" : "threads";
    for (size_t i = 0; i < all->n; i++) {
        if (!is_first_of_line(all, i, by))
            continue;
        gnuplot_put(script, "$%s%zu << END\n", axis, i);
        for (size_t k = i; k < all->n; k++)
            if (is_same_line(&all->items[i], &all->items[k], by))
                gnuplot_put(script, "%.17g %.17g\n", by == PLOT_BY_BATCH ? all->items[k].batch : all->items[k].threads,
                            all->items[k].per_second);
        gnuplot_put(script, "END\n");
    }
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < all->n; i++) {
        double x = by == PLOT_BY_BATCH ? all->items[i].batch : all->items[i].threads;
        least = x > 0 ? fmin(least, x) : least;
        most = fmax(most, x);
    }
    if (by == PLOT_BY_BATCH)
        gnuplot_put(script,
                    "set logscale x 2\nset xlabel 'batch size' offset 0,0.5\nset xtics autofreq\nset xrange [%g:%g]\n",
                    least / 1.3, most * 1.3);
    else
        gnuplot_put(script, "unset logscale x\nset xlabel 'threads' offset 0,0.5\nset xtics %s\nset xrange [%g:%g]\n",
                    most - least <= 16 ? "1" : "autofreq", least - 0.3, most + 0.3);
    const char *separator = "plot";
    for (size_t i = 0; i < all->n; i++) {
        if (!is_first_of_line(all, i, by))
            continue;
        gnuplot_put(script, "%s $%s%zu using 1:2 with linespoints linewidth 2 pointtype 7 pointsize 0.8", separator,
                    axis, i);
        put_title(script, &all->items[i], by);
        separator = ",";
    }
    gnuplot_put(script, "\n");
}

int plot_bench(const char *path, plot_axis by, const char *picture)
{
    records all = { .items = NULL };
    gnuplot_script script = { .text = NULL };
    int code = read_records(&all, path);
    bool has_batch = false;
    for (size_t i = 0; i < all.n; i++)
        has_batch = has_batch || all.items[i].batch > 0;
    if (!code && !has_batch && by == PLOT_BY_BATCH)
        code = output_failure("%s: holds no workload that has a batch; draw it by threads", path);
    if (!has_batch)
        by = PLOT_BY_THREADS;
    if (!code) {
        qsort(all.items, all.n, sizeof *all.items, compare_names);
        gnuplot_put(&script, "set logscale y\nset ylabel 'per second'\nset grid\nset key below\nset title ");
        gnuplot_put_text(&script, path);
        gnuplot_put(&script, "\n");
        if (by == PLOT_BY_BOTH)
            gnuplot_put(&script, "set multiplot layout 1,2\n");
        if (by != PLOT_BY_THREADS)
            put_panel(&script, &all, PLOT_BY_BATCH);
        if (by != PLOT_BY_BATCH)
            put_panel(&script, &all, PLOT_BY_THREADS);
        if (by == PLOT_BY_BOTH)
            gnuplot_put(&script, "unset multiplot\n");
        code = gnuplot_draw(&script, picture, by == PLOT_BY_BOTH ? 1200 : 700, 550);
    }
    gnuplot_free(&script);
    for (size_t i = 0; i < all.n; i++)
        free_names(&all.items[i]);
    free(all.items);
    return code;
}
