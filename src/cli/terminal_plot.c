/* The curve of the loss, drawn with characters on standard error while a run goes on, if that is a terminal. */
#define _DEFAULT_SOURCE
#include "terminal_plot.h"

#include "machine.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "text_canvas.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { POINTS_MAX = 1024, COLUMNS_MIN = 20, ROWS_MIN = 4 };
static const double DRAW_INTERVAL = 0.3; /* seconds */

/* What some steps in a row have in common. */
typedef struct {
    double step;               /* the last of them */
    double loss_sum, examples; /* of training */
    double test;               /* the loss, or NAN */
} point;

static struct {
    bool is_asked, has_changed;
    point points[POINTS_MAX];
    int n;
    double loss_sum, examples; /* up to the last point */
    int lines;                 /* on the screen */
    double last_draw;
    const char *held_out; /* the name of the part */
} plot = { .last_draw = -INFINITY };

/* ---- The option ---- */

enum { KEY_PLOT = KEYS_TERMINAL };
static const struct argp_option table[] = {
    { "plot", KEY_PLOT, NULL, 0, "draw the curve of the loss in the terminal", 1 }, { 0 }
};
static error_t parse(int key, char *text, struct argp_state *state)
{
    (void)text, (void)state;
    switch (key) {
    case KEY_PLOT:
        plot.is_asked = isatty(STDERR_FILENO) != 0;
        if (!plot.is_asked)
            output_message("--plot has no effect: standard error is no terminal");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
const struct argp terminal_plot_argp = { .options = table, .parser = parse };

/* ---- Points ---- */

/* Of a long run, neighbours become one point. */
static void halve(void)
{
    for (int i = 0; i < plot.n / 2; i++) {
        const point *a = &plot.points[2 * i], *b = a + 1;
        plot.points[i] = (point){ b->step, a->loss_sum + b->loss_sum, a->examples + b->examples,
                                  isnan(b->test) ? a->test : b->test };
    }
    plot.n /= 2;
}

void terminal_plot_begin(double loss_sum, double examples)
{
    plot.loss_sum = loss_sum;
    plot.examples = examples;
}

void terminal_plot_add(const bg_progress *progress, double loss_sum, double examples, const char *held_out)
{
    if (!plot.is_asked)
        return;
    plot.held_out = held_out;
    bool has_test = progress->epoch_is_done && progress->has_test;
    point p = { (double)progress->step, loss_sum - plot.loss_sum, examples - plot.examples,
                has_test ? progress->test.loss : (double)NAN };
    if (!isfinite(p.loss_sum))
        return;
    plot.loss_sum = loss_sum;
    plot.examples = examples;
    plot.has_changed = true;
    if (p.examples <= 0) {
        if (plot.n > 0 && has_test)
            plot.points[plot.n - 1].test = p.test;
        return;
    }
    if (plot.n == POINTS_MAX)
        halve();
    plot.points[plot.n++] = p;
}

/* ---- The picture ---- */

typedef struct {
    text_canvas canvas;
    double last_step, least, most;
    bool has_log_scale;
} picture;

static double height_of(const picture *p, double loss)
{
    double value = p->has_log_scale ? log(loss / p->least) : loss - p->least;
    double range = p->has_log_scale ? log(p->most / p->least) : p->most - p->least;
    return range > 0 ? value / range : 0.5;
}

static int dot_row(const picture *p, double loss)
{
    return (int)lround((1 - height_of(p, loss)) * (2 * p->canvas.rows - 1));
}

static int dot_column(const picture *p, double step)
{
    return (int)lround(step / p->last_step * (2 * p->canvas.columns - 1));
}

/* A column of dots stands for the mean of all steps in it. */
static void put_train(picture *p)
{
    int row = -1, column = -1;
    for (int i = 0, stop; i < plot.n; i = stop) {
        int here = dot_column(p, plot.points[i].step);
        double loss_sum = 0, examples = 0;
        for (stop = i; stop < plot.n && dot_column(p, plot.points[stop].step) == here; stop++) {
            loss_sum += plot.points[stop].loss_sum;
            examples += plot.points[stop].examples;
        }
        int there = dot_row(p, loss_sum / examples);
        text_canvas_line(&p->canvas, row < 0 ? there : row, column < 0 ? here : column, there, here);
        row = there;
        column = here;
    }
}

static void put_tests(picture *p)
{
    for (int i = 0; i < plot.n; i++)
        if (isfinite(plot.points[i].test))
            p->canvas.marks[dot_row(p, plot.points[i].test) / 2][dot_column(p, plot.points[i].step) / 2] = 'o';
}

static void find_range(picture *p)
{
    p->least = INFINITY;
    p->most = -INFINITY;
    for (int i = 0; i < plot.n; i++) {
        double train = plot.points[i].loss_sum / plot.points[i].examples, test = plot.points[i].test;
        p->least = fmin(p->least, isfinite(test) ? fmin(train, test) : train);
        p->most = fmax(p->most, isfinite(test) ? fmax(train, test) : train);
    }
    p->has_log_scale = p->least > 0 && p->most > 20 * p->least;
    p->last_step = plot.points[plot.n - 1].step;
}

/* Whether the terminal's characters are those of UTF-8, without a locale for the whole program. */
static bool has_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool is_utf8 = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    if (locale)
        freelocale(locale);
    return is_utf8;
}

/* False if there is no room. */
static bool make_picture(picture *p)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
    /* The last column stays free: some terminals wrap when it is written. Half of the rows are for other lines. */
    p->canvas.columns =
        size.ws_col - 1 - TEXT_LABEL < TEXT_COLUMNS_MAX ? size.ws_col - 1 - TEXT_LABEL : TEXT_COLUMNS_MAX;
    p->canvas.rows = size.ws_row / 2 < TEXT_ROWS_MAX ? size.ws_row / 2 : TEXT_ROWS_MAX;
    if (plot.n == 0 || p->canvas.columns < COLUMNS_MIN || p->canvas.rows < ROWS_MIN)
        return false;
    p->canvas.has_blocks = has_utf8();
    find_range(p);
    put_train(p);
    put_tests(p);
    return true;
}

/* ---- Writing it ---- */

static void write_row(const picture *p, int row)
{
    char line[TEXT_LINE_BYTES], label[20];
    double height = 1 - (double)row / (p->canvas.rows - 1);
    double loss =
        p->has_log_scale ? p->least * pow(p->most / p->least, height) : p->least + (p->most - p->least) * height;
    snprintf(label, sizeof label, "%.3g", loss);
    text_canvas_row(&p->canvas, row, text_canvas_has_label(&p->canvas, row) ? label : NULL, line);
    fprintf(stderr, "%s\n", line);
}

static double last_test(void)
{
    for (int i = plot.n - 1; i >= 0; i--)
        if (isfinite(plot.points[i].test))
            return plot.points[i].test;
    return NAN;
}

static void write_picture(const picture *p)
{
    char head[200], test[60] = "", steps[40];
    const point *last = &plot.points[plot.n - 1];
    if (isfinite(last_test()))
        snprintf(test, sizeof test, "   o %s %.4g", plot.held_out, last_test());
    snprintf(head, sizeof head, "loss%s   %s train %.4g%s", p->has_log_scale ? " (log scale)" : "",
             p->canvas.has_blocks ? "▚" : ":", last->loss_sum / last->examples, test);
    fprintf(stderr, "%*s%s\n", TEXT_LABEL, "", strlen(head) <= (size_t)p->canvas.columns ? head : "loss");
    for (int row = 0; row < p->canvas.rows; row++)
        write_row(p, row);
    snprintf(steps, sizeof steps, "step %.0f", p->last_step);
    fprintf(stderr, "%*s0%*s\n", TEXT_LABEL, "", p->canvas.columns - 1, steps);
    plot.lines = p->canvas.rows + 2;
}

/* Whether the cursor can go back to the picture's first line. */
static bool can_move_up(void)
{
    const char *terminal = getenv("TERM");
    return terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

void terminal_plot_draw(void)
{
    static picture p;
    double now = machine_seconds();
    if (!plot.is_asked || !plot.has_changed || now - plot.last_draw < DRAW_INTERVAL || !can_move_up())
        return;
    p = (picture){ .last_step = 0 };
    if (!make_picture(&p))
        return;
    progress_clear();
    write_picture(&p);
    plot.last_draw = now;
    plot.has_changed = false;
}

void terminal_plot_clear(void)
{
    if (plot.lines == 0)
        return;
    fprintf(stderr, "\r\033[%dA\033[J", plot.lines);
    plot.lines = 0;
    /* It comes back at once behind the other output. */
    plot.has_changed = true;
    plot.last_draw = -INFINITY;
}

void terminal_plot_finish(bool is_quiet)
{
    static picture p;
    if (!plot.is_asked)
        return;
    progress_clear();
    p = (picture){ .last_step = 0 };
    if (make_picture(&p))
        write_picture(&p);
    else if (!is_quiet)
        output_message("--plot has no effect: %s",
                       plot.n == 0 ? "no step was taken" : "the terminal has less than 31 columns or 8 lines");
    plot.is_asked = false;
    plot.lines = 0;
}
