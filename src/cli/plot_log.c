/* Logs of runs, as curves need them. */
#define _POSIX_C_SOURCE 200809L
#include "plot_log.h"

#include "commands.h"
#include "events.h"
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_MAX_BYTES = 4096 };

/* Of a run that began again before its last event, the newer events count. */
static void drop_later(plot_points *points, double step)
{
    while (points->n > 0 && points->items[points->n - 1].step >= step)
        points->n--;
}

static bool add(plot_points *points, const plot_point *p)
{
    drop_later(points, p->step);
    if (points->n == points->capacity) {
        size_t capacity = 2 * points->capacity + 64;
        plot_point *items = realloc(points->items, capacity * sizeof *items);
        if (!items)
            return false;
        points->items = items;
        points->capacity = capacity;
    }
    points->items[points->n++] = *p;
    return true;
}

static double read_metric(const event *e, const char *part, const char *metric)
{
    char key[80];
    snprintf(key, sizeof key, "%s_%.64s", part, metric);
    return event_get_number(e, key);
}

static plot_point read_point(const plot_run *run, const event *e, const char *const *metrics)
{
    plot_point p = { .epoch = event_get_number(e, "epoch"),
                     .step = event_get_number(e, "step"),
                     .seconds = event_get_number(e, "seconds") };
    for (int i = 0; metrics[i]; i++) {
        p.train[i] = read_metric(e, "train", metrics[i]);
        p.held_out[i] = read_metric(e, run->has_validation ? "validation" : "test", metrics[i]);
    }
    return p;
}

/* The end of a run within an epoch has the only test of this epoch. Its train loss is of the model at the end, over all
 * examples: no further point of a curve of means over the steps. With validation nothing in it is of this step, but all
 * of the best epoch. */
static bool add_end(plot_run *run, const event *e, const char *const *metrics)
{
    plot_point p = read_point(run, e, metrics);
    p.step = event_get_number(e, "steps");
    const plot_point *last = run->epochs.n > 0 ? &run->epochs.items[run->epochs.n - 1] : NULL;
    if (run->has_validation || isnan(p.step) || (last && last->step >= p.step))
        return true;
    p.epoch = last && last->step > 0 ? last->epoch * p.step / last->step : NAN;
    bool has_test = false;
    for (int i = 0; metrics[i]; i++) {
        p.train[i] = NAN;
        has_test = has_test || !isnan(p.held_out[i]);
    }
    return !has_test || add(&run->epochs, &p);
}

static bool add_event(plot_run *run, const event *e, const char *const *metrics)
{
    const char *kind = event_get_text(e, "event");
    run->has_validation = run->has_validation || event_has(e, "validation_loss");
    plot_point p = read_point(run, e, metrics);
    if (!kind)
        return true;
    if (strcmp(kind, "done") == 0)
        return add_end(run, e, metrics);
    if (strcmp(kind, "epoch") == 0 && !isnan(p.epoch) && !isnan(p.step))
        return add(&run->epochs, &p);
    return strcmp(kind, "steps") != 0 || isnan(p.step) || add(&run->steps, &p);
}

static int read_lines(plot_run *run, FILE *file, const char *name, const char *const *metrics)
{
    char *line = NULL;
    size_t capacity = 0;
    long long damaged = 0;
    int code = EXIT_DONE;
    for (long long number = 1; !code; number++) {
        errno = 0;
        if (getline(&line, &capacity, file) < 0) {
            if (!feof(file))
                code = output_failure("%s: %s", name, strerror(errno));
            break;
        }
        if (line[strspn(line, " \t\r\n")] == 0)
            continue;
        event *e = damaged ? NULL : event_parse(line);
        if (damaged)
            code = output_failure("%s, line %lld: not a JSON object, and more lines follow", name, damaged);
        else if (!e)
            damaged = number;
        else if (!add_event(run, e, metrics))
            code = output_failure("out of memory");
        event_destroy(e);
    }
    free(line);
    return code;
}

int plot_run_read(plot_run *run, const char *path, const char *const *metrics)
{
    char name[PATH_MAX_BYTES];
    struct stat about;
    *run = (plot_run){ .path = path };
    if (snprintf(name, sizeof name, "%s/log.jsonl", path) >= (int)sizeof name)
        return output_usage("plot: the path of a run has more than %zu bytes", sizeof name - sizeof "/log.jsonl");
    if (stat(path, &about) != 0)
        return output_failure("%s: %s", path, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return output_failure("%s: a file; curves are drawn of run directories, as `blasgrad train --out DIR' makes "
                              "them",
                              path);
    FILE *file = fopen(name, "r");
    if (!file && errno == ENOENT)
        return output_failure("%s: no run directory: it has no log.jsonl, which `blasgrad train --out DIR' writes",
                              path);
    if (!file)
        return output_failure("%s: %s", name, strerror(errno));
    int code = read_lines(run, file, name, metrics);
    fclose(file);
    if (!code && run->epochs.n == 0 && run->steps.n == 0)
        code = output_failure("%s: holds no epoch and no steps yet, so there is nothing to draw", name);
    return code;
}

void plot_run_free(plot_run *run)
{
    free(run->epochs.items);
    free(run->steps.items);
    *run = (plot_run){ .path = NULL };
}
