/* The weights of the first layer as images. */
#include "plot_model.h"

#include "commands.h"
#include "output.h"
#include "plot_images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each pixel is some 100 bytes of a picture that is SVG. */
enum { IMAGES_MAX = 256, IMAGES_MIN = 16, PIXELS_MAX = 40000 };

static bool is_weight(const char *name, const bg_tensor *tensor)
{
    size_t length = strlen(name);
    return checkpoint_is_state(name) && length >= 6 && strcmp(name + length - 6, "weight") == 0 &&
           bg_tensor_shape(tensor).rank >= 2;
}

/* Each row [out, ..] is an image; if it has none of its forms, each of its planes is one, if there are any, or else all
 * rows together. */
static size_t find_images(image_form *form, const bg_shape *shape)
{
    int64_t rows = shape->dims[0], planes = 1;
    if (image_form_find(form, shape->dims + 1, shape->rank - 1) && shape->rank != 3)
        return (size_t)rows;
    if (shape->rank == 2) {
        *form = (image_form){ 1, rows, shape->dims[1] };
        return 1;
    }
    /* A convolution in one dimension, [out, in, k], has one image in x k for each of its outputs. */
    for (int i = 1; i < shape->rank - 2; i++)
        planes *= shape->dims[i];
    *form = (image_form){ 1, shape->dims[shape->rank - 2], shape->dims[shape->rank - 1] };
    return (size_t)(rows * planes);
}

/* So many fit a picture. */
static size_t images_shown(const image_form *form, size_t n)
{
    size_t fitting = PIXELS_MAX / (size_t)(form->height * form->width);
    fitting = fitting < IMAGES_MIN ? IMAGES_MIN : (fitting > IMAGES_MAX ? IMAGES_MAX : fitting);
    return n < fitting ? n : fitting;
}

static int draw(const char *name, const bg_tensor *weight, const char *picture)
{
    bg_shape shape = bg_tensor_shape(weight);
    image_form form;
    size_t n = find_images(&form, &shape);
    int64_t rows = form.height;
    if (n == 1 && rows * form.width > PIXELS_MAX)
        form.height = form.width < PIXELS_MAX ? PIXELS_MAX / form.width : 1;
    size_t shown = images_shown(&form, n), count = shown * (size_t)(form.channels * form.height * form.width);
    double *values = calloc(count + 1, sizeof *values), largest = 0;
    if (!values)
        return output_failure("out of memory");
    int code = EXIT_DONE;
    for (size_t i = 0; i < count && !code; i++) {
        if (bg_tensor_item(weight, (int64_t)i, &values[i]) != BG_OK)
            code = output_library();
        largest = fmax(largest, fabs(values[i]));
    }
    char title[300], extents[100] = "", first[60] = "";
    size_t length = 0;
    for (int i = 0; i < shape.rank; i++)
        length += (size_t)snprintf(extents + length, sizeof extents - length, "%s%lld", i > 0 ? ", " : "",
                                   (long long)shape.dims[i]);
    if (shown < n)
        snprintf(first, sizeof first, "; the first %zu of %zu", shown, n);
    if (form.height < rows)
        snprintf(first, sizeof first, "; the first %lld rows", (long long)form.height);
    snprintf(title, sizeof title, "%.80s [%s], from %s%.3g to %s%.3g%s", name, extents,
             form.channels == 3 ? "dark " : "blue ", -largest, form.channels == 3 ? "light " : "red ", largest, first);
    image_grid grid = { .form = form, .n = shown, .values = values, .limit = largest, .title = title };
    if (!code)
        code = plot_images(&grid, picture);
    free(values);
    return code;
}

int plot_filters(const bg_archive *archive, const char *path, const char *picture)
{
    for (size_t i = 0; i < bg_archive_count(archive); i++) {
        const char *name = bg_archive_name(archive, i);
        const bg_tensor *tensor = bg_archive_tensor(archive, i);
        if (is_weight(name, tensor) && bg_shape_count(bg_tensor_shape(tensor)) > 0)
            return draw(name, tensor, picture);
    }
    return output_failure("%s: holds no weights of a layer to draw", path);
}
