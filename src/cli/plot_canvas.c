/* Pictures made of boxes and texts. */
#include "plot_canvas.h"

void canvas_box(canvas *c, double x, double y, double width, double height, unsigned colour)
{
    gnuplot_put(&c->boxes, "%.7g %.7g %.7g %.7g %u\n", x + width / 2, y + height / 2, width / 2, height / 2, colour);
}

void canvas_text(canvas *c, double x, double y, canvas_direction direction, unsigned colour, const char *text)
{
    static const char *const words[] = {
        [TEXT_LEFT] = "left",
        [TEXT_CENTER] = "center",
        [TEXT_RIGHT] = "right",
        [TEXT_UPWARDS] = "center rotate",
        [TEXT_UPWARDS_BELOW] = "right rotate",
    };
    gnuplot_put(&c->texts, "set label ");
    gnuplot_put_text(&c->texts, text);
    gnuplot_put(&c->texts, " at %.7g,%.7g %s front textcolor rgb '#%06x'\n", x, y, words[direction], colour);
}

int canvas_draw(canvas *c, const char *picture)
{
    gnuplot_script script = { .text = NULL };
    gnuplot_put(&script, "unset border\nunset tics\nunset key\nset margins 0,0,0,0\n");
    gnuplot_put(&script, "set xrange [0:%d]\nset yrange [%d:0]\n%s", c->width, c->height,
                c->texts.text ? c->texts.text : "");
    gnuplot_put(&script, "$boxes << END\n%sEND\n", c->boxes.text ? c->boxes.text : "");
    gnuplot_put(&script,
                "plot $boxes using 1:2:3:4:5 with boxxyerror fillstyle solid noborder linecolor rgb variable\n");
    script.is_lost = script.is_lost || c->texts.is_lost || c->boxes.is_lost;
    int code = gnuplot_draw(&script, picture, c->width, c->height);
    gnuplot_free(&script);
    gnuplot_free(&c->texts);
    gnuplot_free(&c->boxes);
    return code;
}
