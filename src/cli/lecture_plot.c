/* The plot of the searches: how far the best loss so far is above the least, by evaluations. */
#include "lecture.h"

#include "gnuplot.h"
#include "output.h"
#include "text_canvas.h"

#include <math.h>
#include <stdio.h>

static double above(double loss, double least) { return fmax(loss - least, LECTURE_TINY); }

/* ---- As text ---- */

enum { COLUMNS = 69, ROWS = 17 };

typedef struct {
    text_canvas canvas;
    double most, least;
} picture;

/* The best loss after so many evaluations; infinite before the first. */
static double loss_after(const lecture_curve *c, double evaluations)
{
    double loss = INFINITY;
    for (int i = 0; i < c->n && c->points[i].evaluations <= evaluations; i++)
        loss = c->points[i].loss;
    return loss;
}

/* Of what is drawn, from the power of ten above all curves down to the floor. */
static double upper_end(const lecture_curve *curves, int n, double least)
{
    double most = 10 * LECTURE_TINY;
    for (int i = 0; i < n; i++)
        most = fmax(most, above(curves[i].points[0].loss, least));
    return pow(10, ceil(log10(most)));
}

static void put_curve(picture *p, const lecture_curve *c)
{
    for (int column = 0; column < COLUMNS; column++) {
        double evaluations = pow(LECTURE_BUDGET, (double)column / (COLUMNS - 1)), loss = loss_after(c, evaluations);
        if (isinf(loss))
            continue;
        double height = log(above(loss, p->least) / LECTURE_TINY) / log(p->most / LECTURE_TINY);
        char *cell = &p->canvas.marks[lround((1 - height) * (ROWS - 1))][column];
        *cell = *cell ? '*' : c->mark;
    }
}

static void show(const picture *p)
{
    output_line("%*s%s", TEXT_LABEL, "", "best L2 so far - least L2 (log scale; * several)");
    for (int row = 0; row < ROWS; row++) {
        char line[TEXT_LINE_BYTES], label[20];
        snprintf(label, sizeof label, "%.0e", LECTURE_TINY * pow(p->most / LECTURE_TINY, 1 - (double)row / (ROWS - 1)));
        text_canvas_row(&p->canvas, row, text_canvas_has_label(&p->canvas, row) ? label : NULL, line);
        output_line("%s", line);
    }
    char end[40];
    snprintf(end, sizeof end, "%d evaluations (log scale)", LECTURE_BUDGET);
    output_line("%*s1%*s", TEXT_LABEL, "", COLUMNS - 1, end);
}

void lecture_plot_text(const lecture_curve *curves, int n, double least)
{
    static picture p;
    p = (picture){ .least = least, .most = upper_end(curves, n, least) };
    p.canvas.columns = COLUMNS;
    p.canvas.rows = ROWS;
    for (int i = 0; i < n; i++)
        put_curve(&p, &curves[i]);
    show(&p);
}

/* ---- As a picture ---- */

int lecture_plot_picture(const lecture_curve *curves, int n, double least, const char *picture_name)
{
    gnuplot_script script = { .text = NULL };
    gnuplot_put(&script,
                "set logscale xy\nset grid\nset format y '10^{%%T}'\nset xlabel 'evaluations of the loss'\n"
                "set ylabel 'best L2 so far - least L2'\nset xrange [1:%d]\nset yrange [%g:%g]\nset key below\n",
                LECTURE_BUDGET, LECTURE_TINY, upper_end(curves, n, least));
    for (int i = 0; i < n; i++) {
        gnuplot_put(&script, "$search%d << EOD\n", i);
        for (int k = 0; k < curves[i].n; k++)
            gnuplot_put(&script, "%d %.17g\n", curves[i].points[k].evaluations, above(curves[i].points[k].loss, least));
        gnuplot_put(&script, "%d %.17g\nEOD\n", LECTURE_BUDGET, above(curves[i].points[curves[i].n - 1].loss, least));
    }
    for (int i = 0; i < n; i++) {
        char title[100];
        snprintf(title, sizeof title, "%s: (%.4f, %.4f)", curves[i].name, curves[i].theta[0], curves[i].theta[1]);
        gnuplot_put(&script, "%s $search%d using 1:2 with steps linewidth 2 title ", i ? "," : "plot", i);
        gnuplot_put_text(&script, title);
    }
    gnuplot_put(&script, "\n");
    int code = gnuplot_draw(&script, picture_name, 720, 440);
    gnuplot_free(&script);
    return code;
}
