/* Curves of training runs: a panel for each metric, and of each run a line for training and one for validation, or the
 * test. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "plot_curves.h"

#include "commands.h"
#include "gnuplot.h"
#include "output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 48, POINTS_MAX = 2000, MARKED_POINTS_MAX = 40 };

typedef struct {
    const curves_options *options;
    const char *const *metrics;
    int panels[PLOT_METRICS_MAX], n_panels; /* the metrics that there are values of */
    curves_axis by;
    double seconds_in_unit; /* of the axis of time */
    plot_run *runs;
    char (*names)[NAME_MAX_BYTES + 4];
    size_t n;
} curves;

typedef enum { PART_TRAIN, PART_HELD_OUT } run_part;

static const char *part_name(const plot_run *run, run_part part)
{
    return part == PART_TRAIN ? "train" : (run->has_validation ? "validation" : "test");
}

/* ---- Names ---- */

/* The end of a path that is long, without a piece of a character of UTF-8 at its beginning. */
static void set_name(char name[NAME_MAX_BYTES + 4], const char *path)
{
    size_t length = strlen(path);
    if (length <= NAME_MAX_BYTES) {
        memcpy(name, path, length + 1);
        return;
    }
    path += length - NAME_MAX_BYTES;
    while (((unsigned char)*path & 0xC0) == 0x80)
        path++;
    snprintf(name, NAME_MAX_BYTES + 4, "...%s", path);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* A run is called as its directory; those of one name by their paths. */
static int name_runs(curves *c)
{
    char **paths = calloc(c->n + 1, sizeof *paths);
    int code = paths ? EXIT_DONE : output_failure("out of memory");
    for (size_t i = 0; i < c->n && !code; i++) {
        paths[i] = realpath(c->runs[i].path, NULL);
        if (!paths[i])
            code = output_failure("%s: cannot be resolved, or memory is out", c->runs[i].path);
        for (size_t k = 0; k < i && !code; k++)
            if (strcmp(paths[i], paths[k]) == 0)
                code = output_usage("plot: %s and %s are the same run", c->runs[k].path, c->runs[i].path);
    }
    for (size_t i = 0; i < c->n && !code; i++) {
        bool is_shared = false;
        for (size_t k = 0; k < c->n; k++)
            is_shared = is_shared || (k != i && strcmp(last_part(paths[i]), last_part(paths[k])) == 0);
        set_name(c->names[i], is_shared ? c->runs[i].path : last_part(paths[i]));
    }
    for (size_t i = 0; paths && i < c->n; i++)
        free(paths[i]);
    free(paths);
    return code;
}

/* ---- Points ---- */

/* Of the train loss there are often more points between the ends of epochs. */
static const plot_points *points_of(const curves *c, const plot_run *run, run_part part, int metric)
{
    bool is_train_loss = part == PART_TRAIN && strcmp(c->metrics[metric], "loss") == 0;
    return is_train_loss && run->steps.n > run->epochs.n ? &run->steps : &run->epochs;
}

static double x_of(const curves *c, const plot_run *run, const plot_point *p)
{
    if (c->by == CURVES_BY_STEP)
        return p->step;
    if (c->by == CURVES_BY_TIME)
        return p->seconds / c->seconds_in_unit;
    if (!isnan(p->epoch))
        return p->epoch;
    const plot_point *first = run->epochs.n > 0 ? &run->epochs.items[0] : NULL;
    return first && first->step > 0 ? p->step * first->epoch / first->step : (double)NAN;
}

static double y_of(const curves *c, const plot_point *p, run_part part, int metric)
{
    double value = part == PART_TRAIN ? p->train[metric] : p->held_out[metric];
    return strcmp(c->metrics[metric], "accuracy") == 0 ? 100 * value : value;
}

static bool has_log_scale(const curves *c, int metric)
{
    return c->options->has_log_scale && strcmp(c->metrics[metric], "loss") == 0;
}

static bool is_drawn(const curves *c, int metric, double x, double y)
{
    return isfinite(x) && isfinite(y) && (y > 0 || !has_log_scale(c, metric));
}

static size_t count_drawn(const curves *c, const plot_run *run, run_part part, int metric)
{
    const plot_points *points = points_of(c, run, part, metric);
    size_t n = 0;
    for (size_t i = 0; i < points->n; i++)
        n += is_drawn(c, metric, x_of(c, run, &points->items[i]), y_of(c, &points->items[i], part, metric));
    return n;
}

static void put_point(gnuplot_script *script, const curves *c, int metric, double x, double y)
{
    if (is_drawn(c, metric, x, y))
        gnuplot_put(script, "%.10g %.10g\n", x, y);
    else
        gnuplot_put(script, "\n"); /* a gap in the line */
}

/* More points than the picture has columns are drawn by the least and the largest of each few, so that no peak is lost.
 */
static void put_points(gnuplot_script *script, const curves *c, const plot_run *run, run_part part, int metric)
{
    const plot_points *points = points_of(c, run, part, metric);
    size_t few = points->n <= POINTS_MAX ? 1 : 2 * points->n / POINTS_MAX + 1;
    for (size_t start = 0; start < points->n; start += few) {
        size_t least = start, most = start, stop = start + few < points->n ? start + few : points->n;
        for (size_t i = start; i < stop; i++) {
            double y = y_of(c, &points->items[i], part, metric);
            least = !isnan(y) && !(y_of(c, &points->items[least], part, metric) <= y) ? i : least;
            most = !isnan(y) && !(y_of(c, &points->items[most], part, metric) >= y) ? i : most;
        }
        size_t first = least < most ? least : most, second = least < most ? most : least;
        put_point(script, c, metric, x_of(c, run, &points->items[first]), y_of(c, &points->items[first], part, metric));
        if (second != first)
            put_point(script, c, metric, x_of(c, run, &points->items[second]),
                      y_of(c, &points->items[second], part, metric));
    }
}

/* ---- Choices ---- */

static bool has_values(const curves *c, int metric)
{
    for (size_t i = 0; i < c->n; i++)
        if (count_drawn(c, &c->runs[i], PART_TRAIN, metric) > 0 ||
            count_drawn(c, &c->runs[i], PART_HELD_OUT, metric) > 0)
            return true;
    return false;
}

static int choose_axis(curves *c)
{
    c->by = c->options->by;
    double longest = 0;
    for (size_t i = 0; i < c->n; i++) {
        const plot_run *run = &c->runs[i];
        bool has_epochs = run->epochs.n > 0 && run->epochs.items[0].epoch > 0;
        if (!has_epochs && c->by == CURVES_BY_EPOCH)
            return output_failure("%s: no epoch of it has ended; draw it with --by step", run->path);
        if (!has_epochs && c->by == CURVES_BY_DEFAULT)
            c->by = CURVES_BY_STEP;
        for (size_t k = 0; k < run->epochs.n; k++)
            longest = fmax(longest, run->epochs.items[k].seconds);
        for (size_t k = 0; k < run->steps.n; k++)
            longest = fmax(longest, run->steps.items[k].seconds);
    }
    c->by = c->by == CURVES_BY_DEFAULT ? CURVES_BY_EPOCH : c->by;
    c->seconds_in_unit = longest > 7200 ? 3600 : (longest > 300 ? 60 : 1);
    return EXIT_DONE;
}

static int choose_panels(curves *c)
{
    bool is_asked = c->options->metrics[0] != NULL;
    for (int i = 0; c->metrics[i]; i++) {
        if (has_values(c, i))
            c->panels[c->n_panels++] = i;
        else if (is_asked)
            return output_failure("%s%s: no value of %s that can be drawn", c->runs[0].path,
                                  c->n > 1 ? " and the others" : "", c->metrics[i]);
    }
    return c->n_panels > 0 ? EXIT_DONE
                           : output_failure("%s%s: no loss that can be drawn: all are infinite or NaN%s",
                                            c->runs[0].path, c->n > 1 ? " and the others" : "",
                                            c->options->has_log_scale ? ", or not above 0 as --log wants them" : "");
}

/* ---- Drawing ---- */

/* In points of the picture. */
enum { PANEL_WIDTH = 480, PANEL_HEIGHT = 380, LEFT = 75, RIGHT = 20, TOP = 20, BOTTOM = 60, COLUMNS = 3, LINE = 19 };

typedef struct {
    int width, height, legend_x;
} layout;

static layout lay_out(const curves *c)
{
    size_t longest = 0;
    for (size_t i = 0; i < c->n; i++)
        longest = strlen(c->names[i]) > longest ? strlen(c->names[i]) : longest;
    int columns = c->n_panels < COLUMNS ? c->n_panels : COLUMNS, rows = (c->n_panels - 1) / COLUMNS + 1;
    layout l = { .legend_x = columns * PANEL_WIDTH };
    l.width = l.legend_x + 120 + 8 * (int)longest;
    int legend = (int)(c->n < 1000 ? c->n : 1000) * 2 * LINE + TOP + BOTTOM;
    l.height = rows * PANEL_HEIGHT > legend ? rows * PANEL_HEIGHT : legend;
    return l;
}

static void extend_range(const curves *c, const plot_run *run, run_part part, int metric, double *least, double *most)
{
    const plot_points *points = points_of(c, run, part, metric);
    for (size_t k = 0; k < points->n; k++) {
        double x = x_of(c, run, &points->items[k]);
        if (!is_drawn(c, metric, x, y_of(c, &points->items[k], part, metric)))
            continue;
        *least = fmin(*least, x);
        *most = fmax(*most, x);
    }
}

static void put_axis(gnuplot_script *script, const curves *c)
{
    const char *unit = c->seconds_in_unit == 1 ? "s" : (c->seconds_in_unit == 60 ? "min" : "h");
    double least = INFINITY, most = -INFINITY;
    for (int m = 0; m < c->n_panels; m++)
        for (size_t i = 0; i < c->n; i++)
            for (run_part part = PART_TRAIN; part <= PART_HELD_OUT; part++)
                extend_range(c, &c->runs[i], part, c->panels[m], &least, &most);
    if (c->by == CURVES_BY_TIME)
        gnuplot_put(script, "set xlabel 'training time, %s'\n", unit);
    else
        gnuplot_put(script, "set xlabel '%s'\n", c->by == CURVES_BY_STEP ? "step" : "epoch");
    /* One point would have no range, and whole numbers no place for tics between them. */
    double margin = most > least ? (most - least) / 50 : 0.5;
    gnuplot_put(script, "set xrange [%.10g:%.10g]\nset xtics %s\n", least - margin, most + margin,
                c->by != CURVES_BY_TIME && most - least < 8 ? "1" : "autofreq");
}

/* Of few runs as gnuplot has them, of many evenly around the circle of hues, each second one darker. */
static void put_colour(gnuplot_script *script, size_t run, size_t runs)
{
    enum { USUAL = 8 };
    if (runs <= USUAL) {
        gnuplot_put(script, " linecolor %zu", run + 1);
        return;
    }
    double rgb[3];
    for (int i = 0; i < 3; i++) {
        double hue = fmod((double)run / (double)runs + i / 3.0, 1); /* distance from this colour, around the circle */
        rgb[i] = fmin(fmax(fabs(6 * hue - 3) - 1, 0), 1) * (run % 2 ? 140 : 230);
    }
    gnuplot_put(script, " linecolor rgb '#%02x%02x%02x'", (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
}

/* Colours tell runs apart; dashes and hollow marks are training. */
static void put_style(gnuplot_script *script, const curves *c, size_t run, run_part part, size_t points)
{
    bool has_marks = points <= MARKED_POINTS_MAX;
    gnuplot_put(script, " with %s", has_marks ? "linespoints" : "lines");
    put_colour(script, run, c->n);
    gnuplot_put(script, " linewidth %s dashtype %s", part == PART_TRAIN ? "1.4" : "2",
                part == PART_TRAIN ? "'-'" : "1");
    if (has_marks)
        gnuplot_put(script, " pointtype %d pointsize 0.6", part == PART_TRAIN ? 6 : 7);
}

/* One legend for all panels: a panel without axes, as high as the picture, since gnuplot leaves out what is higher than
 * the panel. */
static void put_legend(gnuplot_script *script, const curves *c, const layout *l)
{
    double x = (double)l->legend_x / l->width;
    gnuplot_put(script,
                "unset border\nunset tics\nunset xlabel\nunset ylabel\nunset grid\nunset logscale y\n"
                "set lmargin at screen %.6f\nset rmargin at screen 1\nset tmargin at screen 1\n"
                "set bmargin at screen 0\n",
                x);
    gnuplot_put(script, "set key at screen %.6f,%.6f left top Left reverse vertical maxcols 1 samplen 3\n", x,
                1 - (double)TOP / l->height);
    gnuplot_put(script, "plot [0:1] [0:1] -1 notitle");
    for (size_t i = 0; i < c->n; i++)
        for (run_part part = PART_TRAIN; part <= PART_HELD_OUT; part++) {
            size_t most = 0;
            for (int m = 0; m < c->n_panels; m++) {
                size_t n = count_drawn(c, &c->runs[i], part, c->panels[m]);
                most = n > most ? n : most;
            }
            if (most == 0)
                continue;
            char title[NAME_MAX_BYTES + 16];
            snprintf(title, sizeof title, "%s, %s", c->names[i], part_name(&c->runs[i], part));
            gnuplot_put(script, ", keyentry");
            put_style(script, c, i, part, most);
            gnuplot_put(script, " title ");
            gnuplot_put_text(script, title);
        }
    gnuplot_put(script, "\n");
}

static const char *axis_label(const char *metric)
{
    static const struct {
        const char *metric, *label;
    } labels[] = { { "accuracy", "accuracy, %" }, { "bits", "bits a token" } };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(labels[i].metric, metric) == 0)
            return labels[i].label;
    return metric;
}

static void put_panel(gnuplot_script *script, const curves *c, const layout *l, int panel)
{
    int metric = c->panels[panel], column = panel % COLUMNS, row = panel / COLUMNS;
    gnuplot_put(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n",
                (double)(column * PANEL_WIDTH + LEFT) / l->width,
                (double)((column + 1) * PANEL_WIDTH - RIGHT) / l->width);
    gnuplot_put(script, "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
                1 - (double)(row * PANEL_HEIGHT + TOP) / l->height,
                1 - (double)((row + 1) * PANEL_HEIGHT - BOTTOM) / l->height);
    gnuplot_put(script, "%s logscale y\nset ylabel ", has_log_scale(c, metric) ? "set" : "unset");
    gnuplot_put_text(script, axis_label(c->metrics[metric]));
    gnuplot_put(script, "\n");
    for (size_t i = 0; i < c->n; i++)
        for (run_part part = PART_TRAIN; part <= PART_HELD_OUT; part++)
            if (count_drawn(c, &c->runs[i], part, metric) > 0) {
                gnuplot_put(script, "$p%dr%zu%s << END\n", panel, i, part_name(&c->runs[i], part));
                put_points(script, c, &c->runs[i], part, metric);
                gnuplot_put(script, "END\n");
            }
    const char *separator = "plot";
    for (size_t i = 0; i < c->n; i++)
        for (run_part part = PART_TRAIN; part <= PART_HELD_OUT; part++) {
            size_t points = count_drawn(c, &c->runs[i], part, metric);
            if (points == 0)
                continue;
            gnuplot_put(script, "%s $p%dr%zu%s using 1:2", separator, panel, i, part_name(&c->runs[i], part));
            put_style(script, c, i, part, points);
            gnuplot_put(script, " notitle");
            separator = ",";
        }
    gnuplot_put(script, "\n");
}

static int draw(const curves *c, const char *picture)
{
    gnuplot_script script = { .text = NULL };
    layout l = lay_out(c);
    gnuplot_put(&script, "set grid\nset border linewidth 0.8\nunset key\n");
    put_axis(&script, c);
    gnuplot_put(&script, "set multiplot\n");
    for (int i = 0; i < c->n_panels; i++)
        put_panel(&script, c, &l, i);
    put_legend(&script, c, &l);
    gnuplot_put(&script, "unset multiplot\n");
    int code = gnuplot_draw(&script, picture, l.width, l.height);
    gnuplot_free(&script);
    return code;
}

int plot_curves(const curves_options *options, const char *picture)
{
    static const char *const usual[] = { "loss", "accuracy", NULL };
    curves c = { .options = options, .metrics = options->metrics[0] ? options->metrics : usual };
    size_t count = 0;
    while (options->runs[count])
        count++;
    c.runs = calloc(count + 1, sizeof *c.runs);
    c.names = calloc(count + 1, sizeof *c.names);
    int code = c.runs && c.names ? EXIT_DONE : output_failure("out of memory");
    for (; c.n < count && !code; c.n++)
        code = plot_run_read(&c.runs[c.n], options->runs[c.n], c.metrics);
    if (!code)
        code = name_runs(&c);
    if (!code)
        code = choose_axis(&c);
    if (!code)
        code = choose_panels(&c);
    if (!code)
        code = draw(&c, picture);
    for (size_t i = 0; i < c.n; i++)
        plot_run_free(&c.runs[i]);
    free(c.names);
    free(c.runs);
    return code;
}
