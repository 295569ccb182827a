/* Pictures made of boxes and texts. Places are points from the upper left corner, colours 0xRRGGBB. */
#ifndef PLOT_CANVAS_H
#define PLOT_CANVAS_H

#include "gnuplot.h"

typedef struct {
    int width, height;
    gnuplot_script texts, boxes; /* start as all zero */
} canvas;

typedef enum { TEXT_LEFT, TEXT_CENTER, TEXT_RIGHT, TEXT_UPWARDS, TEXT_UPWARDS_BELOW } canvas_direction;

/* A height of letters, and what to reckon with for the width of one. */
enum { TEXT_HEIGHT = 12, TEXT_WIDTH = 8 };

void canvas_box(canvas *c, double x, double y, double width, double height, unsigned colour);
/* x, y is the middle of its left end, of itself, or of its right end. TEXT_UPWARDS is centred, and turned;
 * TEXT_UPWARDS_BELOW is turned too, and ends there. */
void canvas_text(canvas *c, double x, double y, canvas_direction direction, unsigned colour, const char *text);
/* Draws it, and frees what it has. 0, or the exit code after a message. */
int canvas_draw(canvas *c, const char *picture);

#endif
