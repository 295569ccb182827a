/* Grids of images. */
#include "plot_images.h"

#include "commands.h"
#include "output.h"
#include "plot_canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SQUARE_MIN = 8 };

/* ---- Forms ---- */

static int64_t square_side(int64_t pixels)
{
    int64_t side = llround(sqrt((double)pixels));
    return side >= SQUARE_MIN && side <= INT32_MAX && side * side == pixels ? side : 0;
}

bool image_form_find(image_form *form, const int64_t *extents, int rank)
{
    if (rank == 1) {
        int64_t grey = square_side(extents[0]), coloured = extents[0] % 3 == 0 ? square_side(extents[0] / 3) : 0;
        int64_t side = grey ? grey : coloured;
        *form = (image_form){ grey ? 1 : 3, side, side };
        return side > 0;
    }
    if (rank == 2)
        *form = (image_form){ 1, extents[0], extents[1] };
    else if (rank == 3)
        *form = (image_form){ extents[0], extents[1], extents[2] };
    return (rank == 2 || rank == 3) && (form->channels == 1 || form->channels == 3) && form->height > 0 &&
           form->width > 0;
}

/* ---- Colours ---- */

typedef struct {
    double least, most;
    bool has_signs;
} scale;

static scale find_scale(const image_grid *grid)
{
    scale s = { .least = -grid->limit, .most = grid->limit, .has_signs = grid->limit > 0 && grid->form.channels == 1 };
    size_t count = grid->n * (size_t)(grid->form.channels * grid->form.height * grid->form.width);
    if (grid->limit > 0)
        return s;
    s.least = INFINITY;
    s.most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        s.least = fmin(s.least, grid->values[i]);
        s.most = fmax(s.most, grid->values[i]);
    }
    return s;
}

static unsigned byte_of(double share)
{
    return share > 0 ? (share < 1 ? (unsigned)lround(255 * share) : 255) : 0; /* NaN is black */
}

static unsigned colour_at(const image_grid *grid, const scale *s, const double *image, int64_t pixel)
{
    int64_t pixels = grid->form.height * grid->form.width;
    double range = s->most > s->least ? s->most - s->least : 1;
    if (s->has_signs) {
        double share = image[pixel] / s->most;
        unsigned pale = byte_of(1 - fabs(share));
        return share > 0 ? 0xFF0000 | pale << 8 | pale : pale << 16 | pale << 8 | 0xFF;
    }
    unsigned colour = 0;
    for (int64_t channel = 0; channel < 3; channel++) {
        int64_t from = grid->form.channels == 3 ? channel * pixels : 0;
        colour = colour << 8 | byte_of((image[from + pixel] - s->least) / range);
    }
    return colour;
}

/* ---- Drawing ---- */

/* In points of the picture. */
enum { IMAGE = 96, GAP = 14, LABEL_LINE = 16, TITLE = 40, WIDTH_MIN = 420 };

typedef struct {
    double left, top, width, height;
} box;

/* Neighbours of one colour become one box. Boxes overlap a little: otherwise the background would shine through the
 * smoothed edges. */
static void put_image(canvas *c, const image_grid *grid, const scale *s, size_t i, const box *place)
{
    int64_t columns = grid->form.width, rows = grid->form.height;
    double width = place->width / (double)columns, height = place->height / (double)rows;
    double across = width > 2 ? 1 : 0, down = height > 2 ? 1 : 0; /* the overlap */
    const double *image = grid->values + i * (size_t)(grid->form.channels * rows * columns);
    canvas_box(c, place->left - 1, place->top - 1, place->width + 2, place->height + 2, 0x999999);
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0, end; x < columns; x = end) {
            unsigned colour = colour_at(grid, s, image, y * columns + x);
            for (end = x + 1; end < columns && colour_at(grid, s, image, y * columns + end) == colour; end++)
                ;
            canvas_box(c, place->left + width * (double)x, place->top + height * (double)y,
                       width * (double)(end - x) + (end < columns ? across : 0), height + (y + 1 < rows ? down : 0),
                       colour);
        }
}

static int columns_of(size_t n)
{
    int columns = 4;
    while (columns < 16 && (size_t)(columns * columns) < 2 * n)
        columns++;
    return n < (size_t)columns ? (int)n : columns;
}

/* Of the longest label, in points. */
static double label_width(const image_grid *grid)
{
    int columns, most = 0;
    for (size_t i = 0; grid->labels && i < 2 * grid->n; i++) {
        columns = 0;
        for (const char *c = grid->labels[i / 2].lines[i % 2]; *c; c++)
            columns += ((unsigned char)*c & 0xC0) != 0x80;
        most = columns > most ? columns : most;
    }
    return most * TEXT_WIDTH;
}

int plot_images(const image_grid *grid, const char *picture)
{
    int64_t longer = grid->form.height > grid->form.width ? grid->form.height : grid->form.width;
    /* One image has the whole picture, and none is narrower than an eighth of its length. */
    double length = grid->n == 1 ? 5 * IMAGE : IMAGE;
    double width = fmax(length * (double)grid->form.width / (double)longer, length / 8);
    double height = fmax(length * (double)grid->form.height / (double)longer, length / 8);
    double label = grid->labels ? 2 * LABEL_LINE + 4 : 0;
    int columns = grid->columns ? grid->columns : columns_of(grid->n);
    int rows = (int)((grid->n - 1) / (size_t)columns) + 1;
    double cell = fmax(width, label_width(grid)), across = columns * (cell + GAP) + GAP;
    canvas c = { .width = (int)fmax(ceil(across), fmax(WIDTH_MIN, (double)strlen(grid->title) * TEXT_WIDTH)) };
    c.height = (int)ceil(TITLE + rows * (label + height + GAP) + GAP / 2.0);
    scale s = find_scale(grid);
    canvas_text(&c, c.width / 2.0, TITLE / 2.0, TEXT_CENTER, 0, grid->title);
    for (size_t i = 0; i < grid->n; i++) {
        double left = (c.width - across) / 2 + GAP + (double)(i % (size_t)columns) * (cell + GAP);
        double top = TITLE + (double)(i / (size_t)columns) * (label + height + GAP);
        for (int line = 0; grid->labels && line < 2; line++)
            canvas_text(&c, left + cell / 2, top + LABEL_LINE * (line + 0.5), TEXT_CENTER, 0,
                        grid->labels[i].lines[line]);
        put_image(&c, grid, &s, i, &(box){ left + (cell - width) / 2, top + label, width, height });
    }
    return canvas_draw(&c, picture);
}
