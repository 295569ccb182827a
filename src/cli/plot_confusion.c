/* The confusion matrix: a row for each class, by the share of its examples that got each prediction. */
#include "plot_model.h"

#include "class_name.h"
#include "commands.h"
#include "output.h"
#include "plot_canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers stand in the cells of so many classes. */
enum { CLASSES_MAX = 500, NUMBERED_MAX = 32 };
/* In points of the picture. */
enum { NUMBERED_CELL = 42, SIDE = 700, LEFT = 90, TOP = 50, RIGHT = 90, BOTTOM = 58, WIDTH_MIN = 480, BAR = 16 };

/* White to a dark blue; a square root shows the few that are wrong beside the many that are right. */
static unsigned colour_of(double share)
{
    double depth = sqrt(share);
    unsigned red = (unsigned)lround(255 - 247 * depth), green = (unsigned)lround(255 - 191 * depth);
    return red << 16 | green << 8 | (unsigned)lround(255 - 126 * depth);
}

static int64_t *count(const predictions *p)
{
    int64_t *counts = calloc((size_t)(p->classes * p->classes), sizeof *counts);
    for (int64_t i = 0; counts && i < p->n; i++)
        counts[p->actual[i] * p->classes + p->predicted[i]]++;
    return counts;
}

static void put_row(canvas *c, const int64_t *row, int64_t classes, double left, double top, double cell)
{
    int64_t total = 0;
    for (int64_t k = 0; k < classes; k++)
        total += row[k];
    for (int64_t k = 0; k < classes; k++) {
        if (row[k] == 0)
            continue;
        double share = (double)row[k] / (double)total, x = left + cell * (double)k;
        canvas_box(c, x, top, cell, cell, colour_of(share));
        if (classes > NUMBERED_MAX)
            continue;
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)row[k]);
        canvas_text(c, x + cell / 2, top + cell / 2, TEXT_CENTER, share > 0.3 ? 0xFFFFFF : 0, text);
    }
}

static void put_frame(canvas *c, double left, double top, double side)
{
    canvas_box(c, left - 1, top - 1, side + 2, side + 2, 0x808080);
    canvas_box(c, left, top, side, side, 0xFFFFFF);
}

static void put_classes(canvas *c, const predictions *p, double left, double top, double cell, bool are_turned)
{
    int64_t every = 1;
    double bottom = top + cell * (double)p->classes;
    while (cell * (double)every < 2.5 * TEXT_HEIGHT)
        every += every < 5 ? 4 : 5;
    for (int64_t i = 0; i < p->classes; i += every) {
        double place = cell * ((double)i + 0.5);
        class_name name = class_name_of(p->part, i);
        canvas_text(c, left - 8, top + place, TEXT_RIGHT, 0, name.text);
        if (are_turned)
            canvas_text(c, left + place, bottom + 8, TEXT_UPWARDS_BELOW, 0, name.text);
        else
            canvas_text(c, left + place, bottom + TEXT_HEIGHT, TEXT_CENTER, 0, name.text);
    }
}

/* What the colours say. */
static void put_bar(canvas *c, double left, double top, double height)
{
    static const double shares[] = { 0, 0.1, 0.25, 0.5, 1 };
    enum { STEPS = 64 };
    canvas_box(c, left - 1, top - 1, BAR + 2, height + 2, 0x808080);
    for (int i = 0; i < STEPS; i++)
        canvas_box(c, left, top + height * i / STEPS, BAR, height / STEPS + (i + 1 < STEPS),
                   colour_of(1 - (i + 0.5) / STEPS));
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        char text[24];
        snprintf(text, sizeof text, "%g %%", 100 * shares[i]);
        canvas_text(c, left + BAR + 6, top + height * (1 - shares[i]), TEXT_LEFT, 0, text);
    }
}

int plot_confusion(const predictions *p, const char *picture)
{
    char title[160], part[120];
    int64_t right = 0;
    if (p->classes > CLASSES_MAX)
        return output_failure("plot: %s has %lld classes; a confusion matrix is drawn of up to %d", p->data,
                              (long long)p->classes, CLASSES_MAX);
    int64_t *counts = count(p);
    if (!counts)
        return output_failure("out of memory");
    double cell = p->classes <= NUMBERED_MAX ? NUMBERED_CELL : (double)SIDE / (double)p->classes;
    /* Names that are wider than their columns are turned. */
    double side = cell * (double)p->classes, top = TOP, name = class_name_widest(p->part, p->classes) * TEXT_WIDTH;
    bool are_turned = name > cell && bg_dataset_class_name(p->part, 0);
    double margin = fmax(LEFT, name + 40), names = are_turned ? name : TEXT_HEIGHT;
    canvas c = { .width = (int)ceil(margin + side + RIGHT), .height = (int)ceil(TOP + side + names + BOTTOM) };
    c.width = c.width > WIDTH_MIN ? c.width : WIDTH_MIN;
    double left = margin + (c.width - margin - side - RIGHT) / 2;
    put_frame(&c, left, top, side);
    for (int64_t i = 0; i < p->classes; i++) {
        put_row(&c, counts + i * p->classes, p->classes, left, top + cell * (double)i, cell);
        right += counts[i * p->classes + i];
    }
    put_classes(&c, p, left, top, cell, are_turned);
    put_bar(&c, left + side + 20, top, side);
    predictions_describe(p, part, sizeof part);
    snprintf(title, sizeof title, "%s, %.2f %% right", part, 100 * (double)right / (double)p->n);
    canvas_text(&c, c.width / 2.0, TOP / 2.0, TEXT_CENTER, 0, title);
    canvas_text(&c, left + side / 2, top + side + names + 2 * TEXT_HEIGHT, TEXT_CENTER, 0, "predicted class");
    canvas_text(&c, left - margin + 2 * TEXT_HEIGHT, top + side / 2, TEXT_UPWARDS, 0, "true class");
    free(counts);
    return canvas_draw(&c, picture);
}
