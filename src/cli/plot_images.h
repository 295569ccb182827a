/* Grids of images. */
#ifndef PLOT_IMAGES_H
#define PLOT_IMAGES_H

#include <blasgrad/tensor.h>

#include <stdbool.h>

/* [channels, height, width]; three channels are red, green and blue. */
typedef struct {
    int64_t channels, height, width;
} image_form;

/* Whether these extents are those of an image: [h, w], [1, h, w], [3, h, w], or the number of pixels of a square of at
 * least 8 x 8, of one channel or three. */
bool image_form_find(image_form *form, const int64_t *extents, int rank);

/* Two lines above an image. */
typedef struct {
    char lines[2][80]; /* in UTF-8 */
} image_label;

typedef struct {
    image_form form;
    size_t n;
    const double *values;      /* [n, channels, height, width] */
    const image_label *labels; /* [n], or NULL */
    /* Values from -limit to limit are drawn blue, white and red, or their three channels from dark to light; with limit
     * 0, those from the least to the largest from black to white. */
    double limit;
    int columns; /* 0: by n */
    const char *title;
} image_grid;

/* Draws a picture; 0, or the exit code after a message. */
int plot_images(const image_grid *grid, const char *picture);

#endif
