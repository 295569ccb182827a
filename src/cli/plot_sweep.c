/* What a sweep has found: metrics of its runs against each of its axes. */
#define _POSIX_C_SOURCE 200809L
#include "plot_sweep.h"

#include "events.h"
#include "gnuplot.h"
#include "output.h"
#include "plot_log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096, TEXT_BYTES = 80, AXES_MAX = 16 };

/* Runs that are done, each an event of the sweep. */
typedef struct {
    event **items;
    size_t n, capacity;
    char axes[AXES_MAX][TEXT_BYTES];
    int n_axes;
} sweep_runs;

bool plot_sweep_is_one(const char *directory)
{
    char path[PATH_MAX_BYTES];
    int length = snprintf(path, sizeof path, "%s/sweep.json", directory);
    return length < (int)sizeof path && access(path, F_OK) == 0;
}

/* ---- Reading ---- */

static bool add(sweep_runs *runs, event *e)
{
    if (runs->n == runs->capacity) {
        size_t capacity = 2 * runs->capacity + 64;
        event **items = realloc(runs->items, capacity * sizeof *items);
        if (!items)
            return false;
        runs->items = items;
        runs->capacity = capacity;
    }
    runs->items[runs->n++] = e;
    return true;
}

/* Takes the object, or frees it. */
static int take(sweep_runs *runs, event *e, const char *path, long long number)
{
    const char *status = e ? event_get_text(e, "status") : NULL;
    bool is_run = status && event_get_object(e, "options");
    bool is_taken = is_run && strcmp(status, "done") == 0, has_room = !is_taken || add(runs, e);
    if (!is_taken || !has_room)
        event_destroy(e);
    if (!is_run)
        return output_failure("%s, line %lld: no run of a sweep; `blasgrad sweep --resume' writes the file anew", path,
                              number);
    return has_room ? 0 : output_failure("out of memory");
}

static int read_lines(sweep_runs *runs, FILE *file, const char *path)
{
    char *line = NULL;
    size_t capacity = 0;
    int code = 0;
    for (long long number = 1; !code; number++) {
        errno = 0;
        if (getline(&line, &capacity, file) < 0) {
            if (!feof(file))
                code = output_failure("%s: %s", path, strerror(errno));
            break;
        }
        code = take(runs, event_parse(line), path, number);
    }
    free(line);
    return code;
}

static int add_axis(const char *name, event_kind kind, const char *value, void *user)
{
    (void)kind;
    (void)value;
    sweep_runs *runs = user;
    if (runs->n_axes == AXES_MAX)
        return output_failure("plot: a sweep of more than %d axes is no picture", AXES_MAX);
    snprintf(runs->axes[runs->n_axes++], TEXT_BYTES, "%s", name);
    return 0;
}

static int read_runs(sweep_runs *runs, const char *directory)
{
    char path[PATH_MAX_BYTES];
    if (snprintf(path, sizeof path, "%s/sweep.jsonl", directory) >= (int)sizeof path)
        return output_usage("plot: the path of a sweep has more than %zu bytes", sizeof path - sizeof "/sweep.jsonl");
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT)
        return output_failure("%s: not there yet; a sweep writes it at its end: go on with it with "
                              "`blasgrad sweep --resume --out %s'",
                              path, directory);
    if (!file)
        return output_failure("%s: %s", path, strerror(errno));
    int code = read_lines(runs, file, path);
    fclose(file);
    if (!code && runs->n == 0)
        return output_failure("%s: holds no run that is done", path);
    if (!code)
        code = event_visit(event_get_object(runs->items[0], "options"), add_axis, runs);
    return code || runs->n_axes > 0 ? code
                                    : output_failure("%s: the sweep has no axes, so there is nothing to draw", path);
}

/* ---- Drawing ---- */

/* The full name of a metric, of the first part that has it; false if none has. */
static bool find_metric(const sweep_runs *runs, const char *metric, char name[TEXT_BYTES])
{
    static const char *const parts[] = { "validation", "test", "train", NULL };
    for (int p = 0; parts[p]; p++) {
        snprintf(name, TEXT_BYTES, "%s_%.60s", parts[p], metric);
        for (size_t i = 0; i < runs->n; i++)
            if (!isnan(event_get_number(runs->items[i], name)))
                return true;
    }
    return false;
}

static double axis_number(const event *run, const char *axis)
{
    return event_get_number(event_get_object(run, "options"), axis);
}

static const char *axis_text(const event *run, const char *axis, char text[TEXT_BYTES])
{
    const event *options = event_get_object(run, "options");
    const char *own = event_get_text(options, axis);
    double number = event_get_number(options, axis);
    if (own || isnan(number))
        snprintf(text, TEXT_BYTES, "%s", own ? own : event_equals(options, axis, NULL) ? "true" : "false");
    else
        snprintf(text, TEXT_BYTES, "%g", number);
    return text;
}

/* The values of an axis that are no numbers, in alphabetical order: each has a place of its own. */
typedef struct {
    char (*texts)[TEXT_BYTES];
    size_t n;
} places;

static size_t find_place(const places *p, const char *text)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->texts[i], text) != 0)
        i++;
    return i;
}

static int compare_texts(const void *a, const void *b) { return strcmp(a, b); }

/* False if memory is out. */
static bool find_places(places *p, const sweep_runs *runs, const char *axis)
{
    char text[TEXT_BYTES];
    for (size_t i = 0; i < runs->n; i++) {
        if (find_place(p, axis_text(runs->items[i], axis, text)) < p->n)
            continue;
        void *texts = realloc(p->texts, (p->n + 1) * sizeof *p->texts);
        if (!texts)
            return false;
        p->texts = texts;
        memcpy(p->texts[p->n++], text, sizeof text);
    }
    qsort(p->texts, p->n, sizeof *p->texts, compare_texts);
    return true;
}

static void put_places(gnuplot_script *script, const places *p)
{
    gnuplot_put(script, "unset logscale x\nset xrange [-0.5:%g]\nset xtics noenhanced rotate by -20 (",
                (double)p->n - 0.5);
    for (size_t i = 0; i < p->n; i++) {
        gnuplot_put(script, i ? ", " : "");
        gnuplot_put_quoted(script, p->texts[i]);
        gnuplot_put(script, " %zu", i);
    }
    gnuplot_put(script, ")\n");
}

/* Numbers above 0 that lie far apart have a logarithmic scale. */
static void put_range(gnuplot_script *script, double least, double most)
{
    enum { FAR = 20 };
    bool is_log = least > 0 && most >= FAR * least;
    double margin = is_log ? 1.3 : most > least ? 0.05 * (most - least) : 1;
    gnuplot_put(script, "set xtics norotate autofreq\n%sset logscale x\nset xrange [%.17g:%.17g]\n", is_log ? "" : "un",
                is_log ? least / margin : least - margin, is_log ? most * margin : most + margin);
}

/* One panel, whose data stand in front of it under a name of their own. */
static bool put_panel(gnuplot_script *script, const sweep_runs *runs, const char *axis, const char *metric, int panel)
{
    double least = INFINITY, most = -INFINITY;
    bool is_number = true;
    for (size_t i = 0; i < runs->n; i++) {
        double x = axis_number(runs->items[i], axis);
        is_number = is_number && !isnan(x);
        least = fmin(least, x);
        most = fmax(most, x);
    }
    places p = { .n = 0 };
    bool has_memory = is_number || find_places(&p, runs, axis);
    gnuplot_put(script, "$panel%d << END\n", panel);
    for (size_t i = 0; i < runs->n && has_memory; i++) {
        char text[TEXT_BYTES];
        double y = event_get_number(runs->items[i], metric), x = axis_number(runs->items[i], axis);
        if (!is_number)
            x = (double)find_place(&p, axis_text(runs->items[i], axis, text));
        if (!isnan(y))
            gnuplot_put(script, "%.17g %.17g\n", x, y);
    }
    gnuplot_put(script, "END\n");
    if (is_number)
        put_range(script, least, most);
    else
        put_places(script, &p);
    gnuplot_put(script, "set xlabel ");
    gnuplot_put_text(script, axis);
    gnuplot_put(script, "\nset ylabel ");
    gnuplot_put_text(script, metric);
    gnuplot_put(script, "\nplot $panel%d using 1:2 with points pointtype 7 pointsize 0.6 notitle\n", panel);
    free(p.texts);
    return has_memory;
}

enum { PANEL_WIDTH = 400, PANEL_HEIGHT = 350, WIDTH_MAX = 3200 };

static int draw(const sweep_runs *runs, char (*metrics)[TEXT_BYTES], int n_metrics, bool has_log_scale,
                const char *title, const char *picture)
{
    gnuplot_script script = { .text = NULL };
    int width = PANEL_WIDTH * runs->n_axes;
    gnuplot_put(&script, "set grid\nset multiplot layout %d,%d title ", n_metrics, runs->n_axes);
    gnuplot_put_text(&script, title);
    gnuplot_put(&script, "\n");
    bool has_memory = true;
    for (int m = 0; m < n_metrics; m++) {
        const char *part = strrchr(metrics[m], '_');
        gnuplot_put(&script, "%sset logscale y\n", has_log_scale && strcmp(part, "_loss") == 0 ? "" : "un");
        for (int a = 0; a < runs->n_axes && has_memory; a++)
            has_memory = put_panel(&script, runs, runs->axes[a], metrics[m], m * runs->n_axes + a);
    }
    gnuplot_put(&script, "unset multiplot\n");
    int code = has_memory
                   ? gnuplot_draw(&script, picture, width < WIDTH_MAX ? width : WIDTH_MAX, PANEL_HEIGHT * n_metrics)
                   : output_failure("out of memory");
    gnuplot_free(&script);
    return code;
}

int plot_sweep(const char *directory, const char *const *metrics, bool has_log_scale, const char *picture)
{
    static const char *const usual[] = { "loss", "accuracy", NULL };
    char names[PLOT_METRICS_MAX][TEXT_BYTES];
    sweep_runs runs = { .items = NULL };
    int n = 0, code = read_runs(&runs, directory);
    for (int i = 0; metrics[i] && !code; i++)
        if (!find_metric(&runs, metrics[i], names[n++]))
            code = output_failure("%s: no run has a metric %s of its parts", directory, metrics[i]);
    for (int i = 0; !metrics[0] && usual[i] && !code; i++)
        n += find_metric(&runs, usual[i], names[n]);
    if (!code && n == 0)
        code = output_failure("%s: no run has a loss that is a number", directory);
    if (!code)
        code = draw(&runs, names, n, has_log_scale, directory, picture);
    for (size_t i = 0; i < runs.n; i++)
        event_destroy(runs.items[i]);
    free(runs.items);
    return code;
}
